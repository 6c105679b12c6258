"""Random small problems for `$find`: few schedules and short windows, mostly where the clocks change."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar

from hypothesis import strategies as st
from support import (
    EVERY_DAY,
    Resource,
    all_day,
    appointment,
    availability,
    closed,
    hours,
    parameters,
    period,
    practitioner,
    schedule,
    service,
    service_type,
    slot,
)

SERVICE = "checkup"
OTHER = "xray"
CODINGS: dict[str, Resource] = {
    SERVICE: {"system": "http://example.org/services", "code": "checkup"},
    OTHER: {"system": "http://example.org/services", "code": "xray"},
}

# The zones, with the instants at which their clocks change.
CHANGES: dict[str, tuple[str, ...]] = {
    "Etc/UTC": (),
    "America/New_York": ("2026-03-08T07:00Z", "2026-11-01T06:00Z"),
    "Europe/Vienna": ("2026-03-29T01:00Z", "2026-10-25T01:00Z"),
    "America/Santiago": ("2026-04-05T03:00Z", "2026-09-06T04:00Z"),
    "Australia/Lord_Howe": ("2026-04-04T15:00Z", "2026-10-03T15:30Z"),
    "America/Havana": ("2025-03-09T05:00Z", "2025-11-02T05:00Z"),  # no midnight, two midnights
    "Pacific/Apia": ("2011-12-30T10:00Z",),  # a date is missing
    "Asia/Kathmandu": (),
}
PLAIN = ("2026-02-28T21:00Z", "2026-03-16T12:00Z", "2026-12-31T22:00Z")
OFFSETS = (None, "+00:00", "-05:00", "-03:00", "+01:00", "+05:45", "+10:30")
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
T = TypeVar("T")

DURATIONS = (5, 10, 15, 20, 25, 30, 45, 50, 60, 75, 90, 120)
INTERVALS = (1, 1, 5, 5, 7, 10, 15, 20, 25, 30, 40, 45, 50, 60, 75, 90, 110, 120, 0)
BUFFERS = (0, 5, 10, 15, 17, 30, 45)
STATUSES = ("busy",) * 5 + ("busy-tentative",) * 2 + ("busy-unavailable",) * 2 + ("free",) * 5 + ("entered-in-error",)
OPENING = ("20:00:59", "22:00:00", "00:00:00", "06:00:00", "00:30:00", "01:45:00")
CLOSING = ("12:00:00", "15:45:00", "17:00:00", "20:00:59", "23:59:59", "02:30:00")
NIGHT = (
    "23:00:00", "23:15:00", "23:30:00", "23:45:00", "00:00:00", "00:00:01", "00:30:00", "01:00:00", "01:15:00",
    "01:30:00", "01:45:00", "01:50:00.500", "02:00:00", "02:15:00", "02:30:00", "02:45:00", "03:00:00", "03:15:00",
)  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """A request to `$find`, by ids, and the resources that it is asked of."""

    resources: list[Resource]
    service: str
    pools: list[list[str]]
    start: str
    end: str
    now: datetime
    count: int
    combinations: int
    occurrences: int | None
    ignore: str | None


@dataclass(frozen=True)
class Frame:
    """What the parts of one problem have in common."""

    start: datetime
    minutes: int
    change: datetime
    zone: str
    occurrences: int | None
    now: datetime


class Dice:
    """Choices, all made by one function that gives an integer between two others, both included."""

    def __init__(self, number: Callable[[int, int], int]):
        self.number = number

    def pick(self, options: Sequence[T]) -> T:
        return options[self.number(0, len(options) - 1)]

    def chance(self, percent: int) -> bool:
        return self.number(0, 99) >= 100 - percent

    def several(self, options: Sequence[T], least: int, most: int, unique: bool = True) -> list[T]:
        left, taken = list(options), list[T]()
        for _ in range(self.number(least, min(most, len(left)))):
            taken.append(self.pick(left))
            if unique:
                left.remove(taken[-1])
        return taken


def numbered_problem(seed: int) -> Problem:
    """The problem of this number, always the same one."""
    return make_problem(Dice(random.Random(seed).randint))


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    return make_problem(Dice(lambda low, high: draw(_integers(low, high))))


@cache
def _integers(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(low, high)


def make_problem(dice: Dice) -> Problem:
    """All schedules agree in duration and grid, and in a series in the timezone."""
    frame = make_frame(dice)
    duration = dice.pick(DURATIONS)
    names = [f"s{number}" for number in range(dice.number(1, 6))]
    zone_of_service = frame.zone if dice.chance(30) else None
    resources = [make_service(dice, frame, duration, zone_of_service)]
    if dice.chance(80):
        resources.append(service(OTHER, type=[{"coding": [CODINGS[OTHER]]}]))

    actors: dict[str, bool] = {}  # whether the actor names a zone
    for name in names:
        zone = frame.zone if frame.occurrences or dice.chance(60) else dice.pick(tuple(CHANGES))
        if actors and dice.chance(15):
            actor = dice.pick(tuple(actors))
        else:
            kind = dice.pick(("Practitioner", "Location"))
            actor = f"{kind}/{name}"
            actors[actor] = dice.chance(60)
            if actors[actor] or dice.chance(60):
                resources.append(practitioner(name, zone if actors[actor] else None, kind))
        inherited = zone_of_service is not None or actors[actor]
        own_zone = None if inherited and dice.chance(60) else zone
        if own_zone and not frame.occurrences and dice.chance(5):
            own_zone = own_zone.lower()
        resources.append(make_schedule(dice, frame, name, actor, own_zone, duration))

    slots = [f"slot{number}" for number in range(dice.number(0, 4 * len(names)))]
    resources += [make_slot(dice, frame, name, names) for name in slots]
    appointments = [f"appointment{number}" for number in range(dice.number(0, 5))]
    resources += [make_appointment(dice, frame, name, slots) for name in appointments]

    pools = [dice.several(names, 1, 6, unique=not dice.chance(10)) for _ in range(dice.number(1, min(3, len(names))))]
    if dice.chance(40):
        del pools[-1][1:]
    ignore = dice.pick(appointments) if appointments and frame.occurrences is None and dice.chance(35) else None
    exact = dice.chance(75)
    start = write(dice, frame.start, exact)
    if frame.occurrences is None and dice.chance(5):
        start = frame.start.strftime("%Y-%m-%d")
    return Problem(
        resources=dice.several(resources, len(resources), len(resources)) if dice.chance(20) else resources,
        service=SERVICE,
        pools=pools,
        start=start,
        end=write(dice, frame.start + frame.minutes * MINUTE, exact),
        now=frame.now,
        count=1000 if dice.chance(50) else dice.number(1, 50),
        combinations=dice.number(1, 5),
        occurrences=frame.occurrences,
        ignore=ignore,
    )


def make_frame(dice: Dice) -> Frame:
    zone = dice.pick(tuple(CHANGES))
    occurrences = dice.number(2, 4) if dice.chance(25) else None
    change = datetime.fromisoformat(dice.pick((*CHANGES[zone] * 2, *PLAIN)))
    middle = change - dice.number(0, (occurrences or 1) - 1) * 7 * DAY
    longest = 2 if occurrences is not None else 3
    length = 5 * dice.number(24, dice.pick((60, 60, 144, 288 * longest)))
    start = middle - 5 * dice.number(0, length // 5) * MINUTE
    now = datetime(2026, 2, 1, 12, tzinfo=UTC) + timedelta(milliseconds=dice.number(0, 999))
    return Frame(start, length, change, zone, occurrences, now)


# Times


def near(dice: Dice, frame: Frame, before: int, after: int) -> datetime:
    """A time from `before` minutes ahead of the window to `after` minutes behind it, often on a multiple of five."""
    step = dice.pick((5, 5, 1))
    return frame.start + step * dice.number(-(before // step), (frame.minutes + after) // step) * MINUTE


def write(dice: Dice, moment: datetime, exact: bool = True) -> str:
    """The time with some offset; not `exact`, often with seconds of its own."""
    if not exact:
        moment += timedelta(seconds=dice.pick((0, 0, 0, 0, 1, 29, 30, 59.999)))
    offset = dice.pick(OFFSETS)
    local = moment.astimezone(datetime.fromisoformat(f"2026-01-01T00:00{offset}").tzinfo) if offset else moment
    if moment.second == moment.microsecond == 0 and dice.chance(25):
        text = local.strftime("%Y-%m-%dT%H:%M")
    else:
        text = local.isoformat(timespec="milliseconds" if moment.microsecond or dice.chance(50) else "seconds")[:-6]
    return text + (offset or "Z")


def write_bound(dice: Dice, moment: datetime) -> str:
    """A bound of a Period: a time, a date, rarely a month."""
    shape = dice.pick(("time",) * 8 + ("%Y-%m-%d",) * 2 + ("%Y-%m",))
    return write(dice, moment, exact=False) if shape == "time" else moment.strftime(shape)


# Hours and closures


def make_days(dice: Dice) -> list[str]:
    return list(EVERY_DAY) if dice.chance(70) else dice.several(EVERY_DAY, 0 if dice.chance(10) else 1, 5)


def make_during(dice: Dice, frame: Frame) -> Resource:
    """A short closure near the window, in one of the many ways to write it."""
    begin = near(dice, frame, 180, 60)
    finish = begin + dice.pick((1, 5, 10, 20, 30, 45, 60, 90, 180, 300)) * MINUTE
    shape = dice.number(0, 19)
    day = begin.strftime("%Y-%m-%d")
    if shape == 0:
        return period(None, write(dice, frame.start + frame.minutes // 3 * MINUTE, exact=False))
    if shape == 1:
        return period(write(dice, frame.start + frame.minutes * 2 // 3 * MINUTE, exact=False))
    if shape in (2, 3):
        return period(day, day)
    if shape == 4:
        return period(day, write(dice, begin + 600 * MINUTE, exact=False))
    if shape == 5:
        return period()
    return period(write(dice, begin, exact=False), write(dice, finish, exact=False))


def make_clocks(dice: Dice) -> tuple[str, str]:
    """Mostly most of the day and often overnight, or with a bound where clocks change, or both of them there."""
    opens = dice.pick(NIGHT if dice.chance(35) else OPENING)
    return opens, dice.pick(NIGHT if dice.chance(35) else CLOSING)


def make_availability(dice: Dice, frame: Frame) -> list[Resource]:
    """The parts of an `availability`: hours with or without closures, closures alone, or nothing."""
    periods = [make_during(dice, frame) for _ in range(dice.number(0, 2))]
    closures = [closed(one.get("start"), one.get("end")) for one in periods]
    kind = dice.number(0, 19)
    if kind < 3:
        return []
    if kind < 8:
        return closures or [closed()]
    entries: list[Resource] = []
    for _ in range(dice.number(1, 3)):
        if dice.chance(30):
            entries.append(all_day(make_days(dice)))
        else:
            entries.append(hours(make_days(dice), *make_clocks(dice)))
    return [*entries, *closures]


def make_service_hours(dice: Dice, frame: Frame) -> Resource:
    elements: Resource = {}
    if dice.chance(45):
        entries: list[Resource] = []
        for _ in range(0 if dice.chance(5) else dice.number(1, 3)):
            opens, closes = make_clocks(dice)
            times: Resource = {"availableStartTime": opens, "availableEndTime": closes}
            shape = dice.number(0, 9)
            if shape == 0:
                times = {"availableStartTime": opens}
            elif shape == 1:
                times = {"allDay": True}
            elif shape in (2, 3):
                times["allDay"] = shape == 3
            entries.append({"daysOfWeek": make_days(dice), **times})
        elements["availableTime"] = entries
    if dice.chance(35):
        closures: list[Resource] = [
            {"description": "closed", "during": make_during(dice, frame)} for _ in range(dice.number(1, 2))
        ]
        if dice.chance(10):
            closures.append({"description": "without a time"})
        elements["notAvailable"] = closures
    return elements


# Services and schedules


def write_minutes(dice: Dice, value: int) -> Any:
    """The duration, sometimes in hours."""
    return (value / 60, "h") if value % 3 == 0 and dice.chance(30) else value


def make_layer(dice: Dice, **fields: Any) -> Resource:
    """SchedulingParameters with the fields that may differ between schedules."""
    if dice.chance(35):
        fields["bufferBefore"] = write_minutes(dice, dice.pick(BUFFERS))
    if dice.chance(35):
        fields["bufferAfter"] = write_minutes(dice, dice.pick(BUFFERS))
    if dice.chance(35):
        fields["slotCapacity"] = dice.number(1, 4)
    if dice.chance(25):
        fields["bookingLimit"] = [
            (dice.number(1, 3), dice.number(1, 3), dice.pick(("d", "wk", "mo"))) for _ in range(dice.number(1, 2))
        ]
    if dice.chance(10):
        fields["holdDuration"] = dice.pick(DURATIONS)
    return parameters(**fields)


def make_service(dice: Dice, frame: Frame, duration: int, zone: str | None) -> Resource:
    fields: dict[str, Any] = {"duration": write_minutes(dice, duration)}
    if dice.chance(90):
        fields["alignmentInterval"] = dice.pick(INTERVALS)
    if dice.chance(40):
        fields["alignmentOffset"] = dice.pick((0, 5, 7, 10, 15, 30, 75, 200, 1500))
    if dice.chance(60):
        fields["alignmentTimezone"] = frame.zone if dice.chance(60) else dice.pick(tuple(CHANGES))
    if zone is not None:
        fields["timezone"] = zone
    elements = make_service_hours(dice, frame)
    if dice.chance(70):
        elements["type"] = [{"coding": [CODINGS[SERVICE]]}]
    return service(SERVICE, params=make_layer(dice, **fields), **elements)


def make_schedule(dice: Dice, frame: Frame, name: str, actor: str, zone: str | None, duration: int) -> Resource:
    """A Schedule with up to three SchedulingParameters: for all services, for this one, and for another."""
    layers: list[Resource] = []
    zone_in_general = dice.chance(50)
    for general in (True, False):
        fields: dict[str, Any] = {} if general else {"service": SERVICE}
        if zone is not None and general == zone_in_general:
            fields["timezone"] = zone
        elif not dice.chance(40):
            continue
        if dice.chance(10):
            fields["duration"] = write_minutes(dice, duration)
        if dice.chance(50):
            fields["availability"] = make_availability(dice, frame)
        made = make_layer(dice, **fields)
        if "availability" in fields and dice.chance(15):
            made["extension"].append(availability(*make_availability(dice, frame)))
        layers.append(made)
    if dice.chance(20):
        fields = {"service": OTHER, "duration": 1, "slotCapacity": 9, "availability": []}
        layers.append(make_layer(dice, **fields))
    resource = schedule(name, *dice.several(layers, len(layers), len(layers)), actor=actor, services=(SERVICE,))
    if dice.chance(45):
        resource["planningHorizon"] = make_horizon(dice, frame)
    return resource


def make_horizon(dice: Dice, frame: Frame) -> Resource:
    """Mostly with a bound inside the window, so that it matters; rarely quite outside."""
    weeks = ((frame.occurrences or 1) - 1) * 7 * DAY
    begin = frame.start + dice.number(-60, frame.minutes // 3) * MINUTE
    finish = frame.start + dice.number(frame.minutes // 3, frame.minutes + 60) * MINUTE + weeks
    if dice.chance(3):
        begin, finish = finish, finish + 90 * DAY
    return period(
        write_bound(dice, begin) if dice.chance(75) else None, write_bound(dice, finish) if dice.chance(75) else None
    )


# Slots and Appointments


def make_slot(dice: Dice, frame: Frame, name: str, schedules: Sequence[str]) -> Resource:
    begin = near(dice, frame, 120, 60)
    if dice.chance(20):
        begin = frame.change + 5 * dice.number(-24, 24) * MINUTE
    elif frame.occurrences is not None and dice.chance(50):
        begin += dice.number(1, frame.occurrences - 1) * 7 * DAY
    status = dice.pick(STATUSES)
    lengths = (60, 90, 120, 240, 360) if status == "free" else (0, 5, 10, 15, 20, 30, 30, 45, 60, 60, 90, 120, 240)
    finish = begin + dice.pick(lengths) * MINUTE
    if dice.chance(20):
        begin += timedelta(seconds=dice.number(1, 59))
        finish = max(begin, finish + timedelta(seconds=dice.number(0, 59)))
    kind = dice.number(0, 19)
    elements: Resource = {}
    if kind in (0, 1, 2):
        elements["serviceType"] = [{"coding": [CODINGS[SERVICE]]}]
    elif kind in (3, 4):
        elements["serviceType"] = [{"coding": [CODINGS[OTHER]]}]
    elif kind in (5, 6):
        elements["serviceType"] = [service_type(SERVICE, coding=[CODINGS[OTHER]])]
    elif kind == 7:
        elements["serviceType"] = [service_type(OTHER), {"coding": [{"code": "checkup"}], "text": "checkup"}]
    return slot(
        name,
        dice.pick(schedules),
        write(dice, begin),
        write(dice, finish),
        status,
        capacity=dice.pick((0, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4)) if dice.chance(45) else None,
        **elements,
    )


def make_appointment(dice: Dice, frame: Frame, name: str, slots: Sequence[str]) -> Resource:
    status = dice.pick(("booked",) * 4 + ("pending",) * 4 + ("cancelled", "entered-in-error", "fulfilled"))
    taken = dice.several(slots, 0, 3)
    expires: str | None = None
    if dice.chance(80 if status == "pending" else 10):
        shift = dice.pick((-86_400_000, -60_000, -1, 0, 1, 60_000, 86_400_000))
        expires = (frame.now + timedelta(milliseconds=shift)).isoformat(timespec="milliseconds")
    resource = appointment(
        name, taken, service=dice.pick((SERVICE, SERVICE, SERVICE, OTHER)), status=status, hold_expires=expires
    )
    if not taken:
        del resource["slot"]
    return resource
