"""`Appointment/$find` once more, as plain as the specification and slow.

Every minute of the window and every combination is judged on its own, straight from the FHIR resources; no idea is
shared with the implementation, so that both can be compared. Requests and resources are taken to pass all checks.
"(model n)" and "(find n)" name the sections of the specification that a piece of code restates.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

Resource = dict[str, Any]
Offer = tuple[str, tuple[str, ...]]

PARAMETERS = "https://medplum.com/fhir/StructureDefinition/SchedulingParameters"
SERVICE_REFERENCE = "https://medplum.com/fhir/service-type-reference"
CAPACITY = "https://medplum.com/fhir/StructureDefinition/SchedulingSlotCapacity"
TIMEZONE = "http://hl7.org/fhir/StructureDefinition/timezone"
HOLD_EXPIRES = "https://slotwright.dev/fhir/StructureDefinition/hold-expires"

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
MIDNIGHT = time(0, 0)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
UNITS = {"min": 1, "h": 60, "d": 1440, "wk": 10080}


def find_all(
    resources: list[Resource],
    *,
    service: str,
    pools: list[list[str]],
    start: str,
    end: str,
    now: datetime,
    count: int = 20,
    combinations: int = 1,
    occurrences: int | None = None,
    ignore: str | None = None,
) -> list[Offer]:
    """The offers in their order: the start, and the ids of the schedules in the order of the pools.

    `service`, `pools` and `ignore` (an Appointment) are bare ids.
    """
    members = [list(dict.fromkeys(pool)) for pool in pools]
    judges = {name: Judge(resources, service, name, now, ignore) for pool in members for name in pool}
    window_start, window_end = round_up(instant(start)), round_down(instant(end))
    loads = {name: judge.load(window_start, window_end) for name, judge in judges.items()}
    possible: list[tuple[int, tuple[int, ...], tuple[str, ...]]] = []
    for places in product(*(range(len(pool)) for pool in members)):
        chosen = tuple(pool[place] for pool, place in zip(members, places, strict=True))
        actors = {judges[name].actor for name in chosen}
        if len(set(chosen)) == len(chosen) and len(actors) == len(chosen):
            possible.append((sum(loads[name] for name in chosen), places, chosen))
    possible.sort()
    required = [judges[pool[0]] for pool in members if len(pool) == 1]

    offers: list[Offer] = []
    for first in range(window_start, window_end):
        if not any(judge.accepts(first) for judge in judges.values()):
            continue
        found: list[Offer] = []
        for _, _, chosen in possible:
            crew = [judges[name] for name in chosen]
            in_window = all(window_start <= judge.begin(first) and judge.finish(first) <= window_end for judge in crew)
            if len(found) < combinations and in_window and is_open(first, crew, required, occurrences or 1):
                found.append((text_of(first), chosen))
        offers += found
        if len(offers) >= count:
            break
    return offers[:count]


def is_open(first: int, crew: Sequence[Judge], required: Sequence[Judge], occurrences: int) -> bool:
    """Whether these schedules accept the visit, and for a series each of its weeks (find 4, 5 and 6)."""
    earlier: tuple[int, ...] = ()
    for week in range(occurrences):
        start = weeks_later(crew[0].zone, first, week)
        if start is None or not all(judge.accepts(start, earlier) for judge in crew):
            return False
        if not all(one.within_horizon(judge.begin(start), judge.finish(start)) for one in required for judge in crew):
            return False
        earlier = (*earlier, start)
    return True


def weeks_later(zone: str, first: int, weeks: int) -> int | None:
    """The minute at which the clock shows the same time that many weeks later, or None if it never does (find 6)."""
    if weeks == 0:
        return first
    passes = instants_showing(zone, clock_at(zone, first) + 7 * weeks * DAY)
    return round_up(passes[0]) if passes else None


@dataclass(frozen=True)
class Piece:
    """A stretch of whole minutes, the end excluded; None is open."""

    start: int | None
    end: int | None

    def covers(self, minute: int) -> bool:
        return (self.start is None or self.start <= minute) and (self.end is None or minute < self.end)


@dataclass(frozen=True)
class Entry:
    """Weekly hours."""

    days: frozenset[str]
    opens: time
    closes: time


@dataclass(frozen=True)
class Occupied:
    piece: Piece
    tolerance: int
    relevant: bool


class Judge:
    """One schedule with all that model 17 asks for."""

    def __init__(self, resources: Iterable[Resource], service: str, name: str, now: datetime, ignore: str | None):
        by_key = {(one["resourceType"], one["id"]): one for one in resources}
        offered = by_key["HealthcareService", service]
        schedule = by_key["Schedule", name]
        self.actor = type_and_id(schedule["actor"][0])
        layers = layers_of(schedule, offered)

        def minutes(field: str, default: int) -> int:
            stated = field_of(layers, field)
            return duration_minutes(stated[0]["valueDuration"]) if stated else default

        self.duration = minutes("duration", 0)
        self.before = minutes("bufferBefore", 0)
        self.after = minutes("bufferAfter", 0)
        self.interval = minutes("alignmentInterval", 60) or 60
        self.offset = minutes("alignmentOffset", 0)
        grid_zone = field_of(layers, "alignmentTimezone")
        self.grid_zone: str = grid_zone[0]["valueCode"] if grid_zone else "Etc/UTC"
        zone = field_of(layers, "timezone") or with_url(by_key.get(self.actor, {}), TIMEZONE)
        self.zone: str = zone[0]["valueCode"]
        capacity = field_of(layers, "slotCapacity")
        self.capacity: int = capacity[0]["valuePositiveInt"] if capacity else 1
        self.limits: list[Resource] = [one["valueTiming"]["repeat"] for one in field_of(layers, "bookingLimit")]

        self.entries, during = hours_and_closures(layers, offered)
        self.closures = [
            Piece(
                round_down(period_start(one["start"], self.zone)) if "start" in one else None,
                round_up(period_end(one["end"], self.zone)) if "end" in one else None,
            )
            for one in during
            if "start" in one or "end" in one
        ]
        horizon = schedule.get("planningHorizon", {})
        self.horizon = Piece(
            round_up(period_start(horizon["start"], self.zone)) if "start" in horizon else None,
            round_down(period_end(horizon["end"], self.zone)) if "end" in horizon else None,
        )

        appointments = [one for (kind, _), one in by_key.items() if kind == "Appointment"]
        out = {slot for one in appointments if one["id"] == ignore or has_lapsed(one, now) for slot in slots_of(one)}
        booked = {
            slot
            for one in appointments
            if one["status"] not in ("cancelled", "entered-in-error")
            and any(refers_to(concept, service) for concept in one.get("serviceType", []))
            for slot in slots_of(one)
        }
        self.free: list[Piece] = []
        self.occupied: list[Occupied] = []
        self.booked: list[datetime] = []
        for (kind, key), slot in by_key.items():
            if kind != "Slot" or slot["schedule"]["reference"] != f"Schedule/{name}":
                continue
            if slot["status"] == "entered-in-error" or ("Slot", key) in out:
                continue
            start, end = instant(slot["start"]), instant(slot["end"])
            if start == end:
                continue
            relevant = concerns(slot, offered)
            if slot["status"] != "free":
                piece = Piece(round_down(start), round_up(end))
                self.occupied.append(Occupied(piece, tolerance_of(slot), relevant))
            elif relevant:
                self.free.append(Piece(round_up(start), round_down(end)))
            if slot["status"] in ("busy", "busy-tentative") and ("Slot", key) in booked:
                self.booked.append(start)
        self._open: dict[int, bool] = {}
        self._covering: dict[int, list[int]] = {}
        self._accepts: dict[tuple[int, tuple[int, ...]], bool] = {}

    def begin(self, start: int) -> int:
        return start - self.before

    def finish(self, start: int) -> int:
        return start + self.duration + self.after

    def load(self, start: int, end: int) -> int:
        """The minutes covered by an occupying Slot of whatever service (find 3)."""
        return sum(any(one.piece.covers(minute) for one in self.occupied) for minute in range(start, end))

    def accepts(self, start: int, earlier: tuple[int, ...] = ()) -> bool:
        """Whether a visit may start here, `earlier` being the earlier visits of its series (model 17)."""
        key = (start, earlier)
        if key not in self._accepts:
            self._accepts[key] = self._judge(start, earlier)
        return self._accepts[key]

    def _judge(self, start: int, earlier: tuple[int, ...]) -> bool:
        if not self.on_grid(start) or self.duration == 0:
            return False
        if not self.within_horizon(self.begin(start), self.finish(start)):
            return False
        for minute in range(self.begin(start), self.finish(start)):
            in_visit = start <= minute < start + self.duration
            if not self.is_open(minute):
                return False
            if self.is_blocked(minute, self.capacity if in_visit else 1, earlier):
                return False
        return not any(self.is_full(limit, start, earlier) for limit in self.limits)

    def on_grid(self, start: int) -> bool:
        """Model 13."""
        clock = clock_at(self.grid_zone, start)
        return clock.second == 0 and (clock.hour * 60 + clock.minute - self.offset) % self.interval == 0

    def within_horizon(self, begin: int, finish: int) -> bool:
        """Model 14."""
        opens, closes = self.horizon.start, self.horizon.end
        return (opens is None or opens <= begin) and (closes is None or finish <= closes)

    def is_open(self, minute: int) -> bool:
        """Model 10: open = (hours and relevant free Slots) - closures."""
        if minute not in self._open:
            given = self.in_hours(minute) or any(piece.covers(minute) for piece in self.free)
            self._open[minute] = given and not any(piece.covers(minute) for piece in self.closures)
        return self._open[minute]

    def in_hours(self, minute: int) -> bool:
        """Model 7: the windows that began on this local day or shortly before it."""
        if self.entries is None:
            return True
        today = clock_at(self.zone, minute).date()
        return any(
            window(self.zone, day, entry.opens, entry.closes).covers(minute)
            for entry in self.entries
            for day in (today - 2 * DAY, today - DAY, today, today + DAY)
            if WEEKDAYS[day.weekday()] in entry.days
        )

    def is_blocked(self, minute: int, asked: int, earlier: tuple[int, ...]) -> bool:
        """Model 11."""
        if minute not in self._covering:
            covering = [one for one in self.occupied if one.relevant and one.piece.covers(minute)]
            self._covering[minute] = [one.tolerance for one in covering]
        tolerances = self._covering[minute].copy()
        for start in earlier:
            if start <= minute < start + self.duration:
                tolerances.append(self.capacity)
            elif self.begin(start) <= minute < self.finish(start):
                tolerances.append(1)
        return bool(tolerances) and len(tolerances) >= min(asked, *tolerances)

    def is_full(self, limit: Resource, start: int, earlier: tuple[int, ...]) -> bool:
        """Model 15."""
        clocks = [clock_of(self.zone, one) for one in self.booked] + [clock_at(self.zone, one) for one in earlier]
        wanted = period_number(limit, clock_at(self.zone, start).date())
        return sum(period_number(limit, clock.date()) == wanted for clock in clocks) >= limit["frequency"]


# Parameters


def layers_of(schedule: Resource, service: Resource) -> list[list[Resource]]:
    """The sub-extensions of the layers 1, 2 and 3 (model 4), a missing layer being empty."""
    named: list[Resource] = []
    general: list[Resource] = []
    for extension in with_url(schedule, PARAMETERS):
        names = with_url(extension, "service")
        if not names:
            general = extension.get("extension", [])
        elif type_and_id(names[0]["valueReference"]) == ("HealthcareService", service["id"]):
            named = extension.get("extension", [])
    own = with_url(service, PARAMETERS)
    return [named, general, own[0].get("extension", []) if own else []]


def field_of(layers: Sequence[Sequence[Resource]], name: str) -> list[Resource]:
    """The field in the highest layer that sets it (model 4)."""
    for layer in layers:
        stated = [one for one in layer if one["url"] == name]
        if stated:
            return stated
    return []


def hours_and_closures(
    layers: Sequence[Sequence[Resource]], service: Resource
) -> tuple[list[Entry] | None, list[Resource]]:
    """The hours, None if always open, and the Periods of the closures (model 4, 7 and 8)."""
    closures: list[Resource] = []
    for layer in layers[:2]:
        availabilities = [one for one in layer if one["url"] == "availability"]
        if not availabilities:
            continue
        parts = [part for one in availabilities for part in one.get("extension", [])]
        closed = [part for part in parts if part["url"] == "notAvailableTime"]
        opened = [part for part in parts if part["url"] == "availableTime"]
        closures += [one["valuePeriod"] for part in closed for one in with_url(part, "during")]
        if opened or not closed:
            return [entry for part in opened for entry in entry_of_extension(part)], closures
    closures += [one["during"] for one in service.get("notAvailable", []) if "during" in one]
    if "availableTime" not in service:
        return None, closures
    return [entry for one in service["availableTime"] for entry in entry_of(one)], closures


def entry_of_extension(part: Resource) -> list[Entry]:
    """An `availableTime` of a Schedule, rewritten as one of a HealthcareService."""
    values = {
        name: one[value]
        for name, value in (
            ("allDay", "valueBoolean"),
            ("availableStartTime", "valueTime"),
            ("availableEndTime", "valueTime"),
        )
        for one in with_url(part, name)
    }
    return entry_of({**values, "daysOfWeek": [one["valueCode"] for one in with_url(part, "daysOfWeek")]})


def entry_of(stated: Resource) -> list[Entry]:
    """No entry, or one (model 7, rules 1 and 2)."""
    days = frozenset[str](stated.get("daysOfWeek", []))
    if stated.get("allDay", False):
        return [Entry(days, MIDNIGHT, MIDNIGHT)]
    if "availableStartTime" in stated and "availableEndTime" in stated:
        opens, closes = stated["availableStartTime"], stated["availableEndTime"]
        return [Entry(days, time.fromisoformat(opens), time.fromisoformat(closes))]
    return []


def duration_minutes(stated: Resource) -> int:
    return int(Decimal(str(stated["value"])) * UNITS[stated["unit"]])


# Slots and Appointments


def concerns(slot: Resource, service: Resource) -> bool:
    """Whether the Slot is relevant for the service (model 5)."""
    concepts = slot.get("serviceType", [])
    if not concepts:
        return True
    wanted = codings_of(service.get("type", []))
    return any(coding in wanted for coding in codings_of(concepts)) or any(
        refers_to(concept, service["id"]) for concept in concepts
    )


def codings_of(concepts: Iterable[Resource]) -> list[tuple[str | None, str | None]]:
    return [(one.get("system"), one.get("code")) for concept in concepts for one in concept.get("coding", [])]


def refers_to(concept: Resource, service: str) -> bool:
    references = (one["valueReference"] for one in with_url(concept, SERVICE_REFERENCE))
    return any(type_and_id(reference) == ("HealthcareService", service) for reference in references)


def tolerance_of(slot: Resource) -> int:
    """The capacity stamp if it is an integer above 0, else 1 (model 11)."""
    for one in with_url(slot, CAPACITY):
        stamp = one.get("valuePositiveInt")
        if isinstance(stamp, int) and stamp >= 1:
            return stamp
    return 1


def slots_of(appointment: Resource) -> list[tuple[str, str]]:
    return [type_and_id(one) for one in appointment.get("slot", [])]


def has_lapsed(appointment: Resource, now: datetime) -> bool:
    """Model 16."""
    expiries = [instant(one["valueInstant"]) for one in with_url(appointment, HOLD_EXPIRES)]
    return appointment["status"] == "pending" and any(expiry <= now for expiry in expiries)


def with_url(element: Resource, url: str) -> list[Resource]:
    return [one for one in element.get("extension", []) if one["url"] == url]


def type_and_id(reference: Resource) -> tuple[str, str]:
    kind, key = reference["reference"].split("/")[:2]
    return kind, key


# Time (model 6)


def instant(text: str) -> datetime:
    """A date, which is midnight UTC, or a time with an offset."""
    if "T" not in text:
        return datetime.combine(date.fromisoformat(text), MIDNIGHT, UTC)
    return datetime.fromisoformat(text).astimezone(UTC)


def round_down(moment: datetime) -> int:
    """The last whole minute that is not later, counted from 1970."""
    return (moment - EPOCH) // MINUTE


def round_up(moment: datetime) -> int:
    """The first whole minute that is not earlier."""
    minute = round_down(moment)
    return minute if EPOCH + minute * MINUTE == moment else minute + 1


def text_of(minute: int) -> str:
    return (EPOCH + minute * MINUTE).strftime("%Y-%m-%dT%H:%M:%S.000Z")


@cache
def zone_named(name: str) -> ZoneInfo:
    """From the package tzdata: what the machine itself knows of zones may be older."""
    data = files("tzdata")
    known = next(one for one in (data / "zones").read_text().splitlines() if one.lower() == name.lower())
    with (data / "zoneinfo").joinpath(*known.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, known)


def clock_of(zone: str, moment: datetime) -> datetime:
    """What the clocks of the zone show, without a zone."""
    return moment.astimezone(zone_named(zone)).replace(tzinfo=None)


@cache
def clock_at(zone: str, minute: int) -> datetime:
    return clock_of(zone, EPOCH + minute * MINUTE)


@cache
def instants_showing(zone: str, clock: datetime) -> list[datetime]:
    """When the clocks show this: once, never (skipped) or twice (repeated). Tries all offsets from +14:00 to -12:00."""
    tried = (clock.replace(tzinfo=UTC) - offset * MINUTE for offset in range(14 * 60, -12 * 60 - 1, -15))
    return [moment for moment in tried if clock_of(zone, moment) == clock]


@cache
def day_start(zone: str, day: date) -> datetime:
    """The first instant at or after local midnight."""
    clock = datetime.combine(day, MIDNIGHT)
    while not instants_showing(zone, clock):
        clock += MINUTE
    return instants_showing(zone, clock)[0]


@cache
def instant_showing(zone: str, clock: datetime) -> datetime:
    """A skipped time moves forward by the gap; a repeated time is its first pass; 00:00 is the start of the day."""
    if clock.time() == MIDNIGHT:
        return day_start(zone, clock.date())
    after = before = clock
    while not instants_showing(zone, after):
        after += MINUTE
    while not instants_showing(zone, before):
        before -= MINUTE
    gap = after - before - MINUTE if after != before else timedelta(0)
    return instants_showing(zone, clock + gap)[0]


@cache
def window(zone: str, day: date, opens: time, closes: time) -> Piece:
    """The hours of one entry on one local day, rounded inward (model 7, rules 4 and 5)."""
    if clock_of(zone, day_start(zone, day)).date() != day:
        return Piece(0, 0)
    start = instant_showing(zone, datetime.combine(day, opens))
    end = instant_showing(zone, datetime.combine(day if closes > opens else day + DAY, closes))
    return Piece(round_up(start), round_down(end))


def period_start(text: str, zone: str) -> datetime:
    if "T" in text:
        return instant(text)
    return day_start(zone, first_date(text))


def period_end(text: str, zone: str) -> datetime:
    """The end of the last local day of the date, month or year."""
    if "T" in text:
        return instant(text)
    day = first_date(text)
    while day.isoformat().startswith(text):
        day += DAY
    return day_start(zone, day)


def first_date(text: str) -> date:
    """2026, 2026-03 or 2026-03-08."""
    return date.fromisoformat(text + "0000-01-01"[len(text) :])


def period_number(limit: Resource, day: date) -> int:
    """The number of the calendar period (model 15)."""
    length = limit["period"]
    if limit["periodUnit"] == "d":
        return (day - date(1970, 1, 1)).days // length
    if limit["periodUnit"] == "wk":
        return (day - date(1970, 1, 5)).days // (7 * length)
    return (12 * (day.year - 1970) + day.month - 1) // length
