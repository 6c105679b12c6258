"""Calendars to measure on: drawn with a seed, as plain minutes and as FHIR resources.

One service of 30 minutes with 5 minutes before and 10 after, on a 15-minute grid; every schedule is open from Monday to
Friday 08:00 to 12:00 and 13:00 to 18:00 in New York. A search window is July 2026: 31 days, 23 of them weekdays, no
change of the clock. A booking begins at a multiple of 5 minutes between 07:00 and 19:00, lasts 15, 20, 30 or 45, and
may overlap others, as stored Slots may. So a schedule with n bookings a day has about 690 × 0.9^n starts left.

The minutes are computed here, with `zoneinfo`, and not by slotwright: the baselines know nothing of it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Resource = dict[str, Any]
Pair = tuple[int, int]

DURATION, BEFORE, AFTER, GRID = 30, 5, 10, 15
ZONE = ZoneInfo("America/New_York")
FIRST_DAY = date(2026, 7, 1)
DAYS = 31
HOURS = ((time(8), time(12)), (time(13), time(18)))
LENGTHS = (15, 20, 30, 45)
NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
SERVICE = "visit"

PARAMETERS = "https://medplum.com/fhir/StructureDefinition/SchedulingParameters"
SERVICE_REFERENCE = "https://medplum.com/fhir/service-type-reference"
TIMEZONE = "http://hl7.org/fhir/StructureDefinition/timezone"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")


@dataclass(frozen=True, slots=True)
class Diary:
    """One schedule: its id and its bookings, [start, end) in minutes since 1970-01-01T00:00Z."""

    id: str
    bookings: tuple[Pair, ...]


def minute(day: date, at: time = time(0)) -> int:
    """A wall-clock time in New York, in minutes since the epoch."""
    return int(datetime.combine(day, at, ZONE).timestamp()) // 60


def window(first: date = FIRST_DAY, days: int = DAYS) -> Pair:
    """Whole local days as [start, end) in minutes."""
    return minute(first), minute(first + timedelta(days))


def opening(first: date = FIRST_DAY, days: int = DAYS) -> list[Pair]:
    """The open hours of these days."""
    dates = (first + timedelta(number) for number in range(days))
    weekdays = (day for day in dates if day.weekday() < 5)
    return [(minute(day, begin), minute(day, end)) for day in weekdays for begin, end in HOURS]


def diaries(
    count: int, per_day: int, seed: int, *, first: date = FIRST_DAY, days: int = DAYS, weekends: bool = True
) -> list[Diary]:
    """`count` schedules with `per_day` bookings each day, or each weekday."""
    draw = random.Random(f"{seed} {count} {per_day}")
    dates = [first + timedelta(number) for number in range(days)]
    begins = [minute(day, time(7)) for day in dates if weekends or day.weekday() < 5]

    def booking(begin: int) -> Pair:
        start = begin + 5 * draw.randrange(12 * 12)
        return start, start + draw.choice(LENGTHS)

    return [
        Diary(f"s{number}", tuple(sorted(booking(begin) for begin in begins for _ in range(per_day))))
        for number in range(count)
    ]


def pools(sizes: Sequence[int], *, overlapping: bool, seed: int) -> list[list[int]]:
    """Pools as numbers of schedules: apart from each other, or drawn from half as many as they have places."""
    places = sum(sizes)
    if not overlapping:
        numbers = iter(range(places))
        return [[next(numbers) for _ in range(size)] for size in sizes]
    draw = random.Random(seed)
    return [draw.sample(range(distinct(sizes, overlapping=True)), size) for size in sizes]


def distinct(sizes: Sequence[int], *, overlapping: bool) -> int:
    """How many schedules such pools are drawn from."""
    return max(*sizes, sum(sizes) // 2) if overlapping else sum(sizes)


# As FHIR


def resources(found: Sequence[Diary], *, rich: bool = False) -> Iterator[Resource]:
    """The service, then each schedule with its practitioner and Slots. `rich`: Slots as servers decorate them."""
    yield service()
    for diary in found:
        yield practitioner(diary.id)
        yield schedule(diary.id)
    for diary in found:
        for number, (start, end) in enumerate(diary.bookings):
            slot = busy_slot(f"{diary.id}-{number}", diary.id, start, end)
            yield decorated(slot) if rich else slot


def service() -> Resource:
    fields = (
        ("duration", DURATION),
        ("bufferBefore", BEFORE),
        ("bufferAfter", AFTER),
        ("alignmentInterval", GRID),
    )
    durations = [{"url": name, "valueDuration": {"value": value, "unit": "min"}} for name, value in fields]
    return {
        "resourceType": "HealthcareService",
        "id": SERVICE,
        "name": "Visit",
        "extension": [{"url": PARAMETERS, "extension": durations}],
        "availableTime": [
            {
                "daysOfWeek": list(WEEKDAYS),
                "availableStartTime": begin.isoformat(),
                "availableEndTime": end.isoformat(),
            }
            for begin, end in HOURS
        ],
    }


def practitioner(id: str) -> Resource:
    zone = {"url": TIMEZONE, "valueCode": ZONE.key}
    return {"resourceType": "Practitioner", "id": id, "name": [{"text": f"Doctor {id}"}], "extension": [zone]}


def schedule(id: str) -> Resource:
    link = {"url": SERVICE_REFERENCE, "valueReference": {"reference": f"HealthcareService/{SERVICE}"}}
    return {
        "resourceType": "Schedule",
        "id": id,
        "actor": [{"reference": f"Practitioner/{id}", "display": f"Doctor {id}"}],
        "serviceType": [{"extension": [link]}],
    }


def busy_slot(id: str, schedule_id: str, start: int, end: int) -> Resource:
    return {
        "resourceType": "Slot",
        "id": id,
        "schedule": {"reference": f"Schedule/{schedule_id}"},
        "status": "busy",
        "start": instant(start),
        "end": instant(end),
    }


def decorated(slot: Resource) -> Resource:
    """The Slot with the metadata, service type and comment that servers and their users add."""
    link = {"url": SERVICE_REFERENCE, "valueReference": {"reference": f"HealthcareService/{SERVICE}"}}
    return {
        **slot,
        "meta": {"versionId": "1", "lastUpdated": "2026-06-01T08:00:00.000Z"},
        "serviceType": [{"text": "Visit", "extension": [link]}],
        "comment": "first visit",
    }


def instant(at: int) -> str:
    """A minute since the epoch as a FHIR instant."""
    return f"{datetime.fromtimestamp(at * 60, UTC):%Y-%m-%dT%H:%M:%S}.000Z"


def query(schedule_pools: Sequence[Sequence[str]], searched: Pair, **more: int) -> dict[str, str | list[str]]:
    """Parameters of a find; `count=` is `_count`."""
    asked: dict[str, str | list[str]] = {
        "start": instant(searched[0]),
        "end": instant(searched[1]),
        "service-type-reference": f"HealthcareService/{SERVICE}",
        "schedule": [",".join(f"Schedule/{one}" for one in pool) for pool in schedule_pools],
    }
    for name, value in more.items():
        asked["_count" if name == "count" else name] = str(value)
    return asked


def proposals(bundle: Resource) -> list[tuple[int, tuple[str, ...]]]:
    """The start in minutes and the schedules chosen, of every proposal of a searchset Bundle."""
    found: list[tuple[int, tuple[str, ...]]] = []
    for entry in bundle.get("entry", []):
        proposal: Resource = entry["resource"]
        visits = [slot for slot in proposal["contained"] if slot["status"] == "busy"]
        names = tuple(slot["schedule"]["reference"].removeprefix("Schedule/") for slot in visits)
        found.append((int(datetime.fromisoformat(proposal["start"]).timestamp()) // 60, names))
    return found


# Requests to plan

TICK = 15
PLAN_FIRST_DAY = date(2026, 7, 6)
"""A Monday."""

PLAN_DAYS = 5
SITE = 10
"""Practitioners of a site, and as many rooms; with three pools as many assistants too."""

SPECIALITIES, ROOM_TYPES = 6, 3
SIZES = {200: 1, 1000: 5, 5000: 15, 20000: 50}
"""The reference instances: how many requests are asked of how many sites."""

WEIGHTS = (1000, 1000, 1000, 2000, 2000, 4000)
LATE_PER_DAY, PREFERENCE_MOST = 20, 25


@dataclass(frozen=True, slots=True)
class Need:
    """One pool of a request: any of these resources, at what cost, and the buffers that this pool asks for."""

    resources: tuple[int, ...]
    costs: tuple[int, ...]
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """A visit of `duration` minutes inside one of `windows`; each day begun after `due` costs LATE_PER_DAY."""

    id: str
    weight: int
    duration: int
    windows: tuple[Pair, ...]
    due: int
    needs: tuple[Need, ...]

    def lateness(self, start: int) -> int:
        """What a start at this minute costs."""
        return LATE_PER_DAY * max(0, -(-(start + self.duration - self.due) // 1440))


@dataclass(frozen=True, slots=True)
class PlanInstance:
    """Open time and bookings of each resource, the ticks at which visits may start, and the requests."""

    name: str
    ticks: tuple[int, ...]
    opened: tuple[tuple[Pair, ...], ...]
    booked: tuple[tuple[Pair, ...], ...]
    wanted: tuple[Wanted, ...]

    def is_free(self, resource: int, start: int, end: int) -> bool:
        """Does [start, end) lie in one open piece of the resource, and touch no booking?"""
        return any(low <= start and end <= high for low, high in self.opened[resource]) and not any(
            low < end and start < high for low, high in self.booked[resource]
        )

    def as_json(self) -> dict[str, Any]:
        """For other programs: minutes since 1970-01-01T00:00Z throughout; resources by their place."""
        return {
            "name": self.name,
            "ticks": self.ticks,
            "resources": [
                {"open": opened, "booked": booked} for opened, booked in zip(self.opened, self.booked, strict=True)
            ],
            "requests": [
                {
                    "id": one.id,
                    "weight": one.weight,
                    "duration": one.duration,
                    "windows": one.windows,
                    "due": one.due,
                    "late_per_day": LATE_PER_DAY,
                    "pools": [
                        {
                            "resources": need.resources,
                            "costs": need.costs,
                            "buffer_before": need.before,
                            "buffer_after": need.after,
                        }
                        for need in one.needs
                    ],
                }
                for one in self.wanted
            ],
        }


def plan_instance(requests: int, load: float, seed: int, *, pools: int = 2, sites: int | None = None) -> PlanInstance:
    """Draw a reference instance.

    Sites of 10 practitioners, 10 rooms (and 10 assistants, with three pools), open on five days from 08:00 to 12:00
    and 13:00 to 18:00: 36 ticks of 15 minutes a day. One day in ten a practitioner is off. A practitioner has two of
    six specialities, a room one of three types. A request wants a practitioner of a speciality, or in three cases of
    ten a certain one, and a room of a type; one in ten may be served at either of two sites. It lasts 1 to 4 ticks and
    each of its pools asks for a buffer of 0 or 1 tick, before or after; it may start on one to five successive days,
    four in ten only in the mornings or only in the afternoons. Each day after the first costs 20, each practitioner 0
    to 25. Bookings of 1 to 4 ticks are then drawn on each kind of resource until what is asked for is `load` times
    what is free: calendars are fragmented, and even at a load of 0.6 not every request can be served.
    """
    draw = random.Random(f"plan {requests} {load} {seed} {pools} {sites}")
    count = sites or SIZES[requests]
    starts, opened = _plan_axis(draw, count, pools)
    skills = [(number % SPECIALITIES, draw.randrange(SPECIALITIES)) for number in range(SITE * count)]
    wanted = tuple(_wanted(draw, number, count, pools, skills) for number in range(requests))
    booked = _bookings(draw, opened, wanted, count, pools, load)
    name = f"{requests} requests, load {load:g}, {pools} pools, seed {seed}"
    return PlanInstance(name, tuple(starts), tuple(map(tuple, opened)), booked, wanted)


def _plan_axis(draw: random.Random, sites: int, pools: int) -> tuple[list[int], list[list[Pair]]]:
    """The ticks, and the open pieces of each resource: all practitioners, then all rooms, then all assistants."""
    dates = [PLAN_FIRST_DAY + timedelta(number) for number in range(PLAN_DAYS)]
    pieces = [[(minute(day, begin), minute(day, end)) for begin, end in HOURS] for day in dates]
    ticks = [at for day in pieces for low, high in day for at in range(low, high, TICK)]
    opened: list[list[Pair]] = []
    for kind in range(pools):
        for _ in range(SITE * sites):
            days = [day for day in pieces if kind == 1 or draw.random() >= 0.1]
            opened.append([piece for day in days for piece in day])
    return ticks, opened


def _wanted(draw: random.Random, number: int, sites: int, pools: int, skills: Sequence[Pair]) -> Wanted:
    here = draw.randrange(sites)
    there = draw.randrange(sites) if sites > 1 and draw.random() < 0.1 else here
    practitioners = [SITE * site + place for site in dict.fromkeys((here, there)) for place in range(SITE)]
    speciality = draw.randrange(SPECIALITIES)
    able = [one for one in practitioners if speciality in skills[one]]
    if draw.random() < 0.3:
        able = [draw.choice(able)]
    kind = draw.randrange(ROOM_TYPES)
    rooms = [SITE * sites + one for one in practitioners if one % SITE % ROOM_TYPES == kind]
    members = [able, rooms, [2 * SITE * sites + one for one in practitioners]][:pools]
    needs: list[Need] = []
    for place, resources in enumerate(members):
        before, after = draw.choice(((0, 0), (0, 0), (TICK, 0), (0, TICK)))
        costs = tuple(draw.randint(0, PREFERENCE_MOST) if place == 0 else 0 for _ in resources)
        needs.append(Need(tuple(resources), costs, before, after))
    length = draw.choices((1, 2, 3, 4), (45, 32, 14, 9))[0]
    first = draw.randrange(PLAN_DAYS)
    last = draw.randrange(first, PLAN_DAYS)
    halves = draw.choices(((0, 1), (0,), (1,)), (6, 2, 2))[0]
    dates = [PLAN_FIRST_DAY + timedelta(day) for day in range(first, last + 1)]
    windows = tuple((minute(day, HOURS[half][0]), minute(day, HOURS[half][1])) for day in dates for half in halves)
    due = minute(dates[0], HOURS[-1][1])
    return Wanted(f"r{number}", draw.choice(WEIGHTS), length * TICK, windows, due, tuple(needs))


def _bookings(
    draw: random.Random, opened: Sequence[Sequence[Pair]], wanted: Sequence[Wanted], sites: int, pools: int, load: float
) -> tuple[tuple[Pair, ...], ...]:
    """Bookings at free ticks of each kind of resource in turn, until demand ÷ free time reaches the load."""
    booked: list[list[Pair]] = [[] for _ in opened]
    for kind in range(pools):
        demand = sum(one.duration + one.needs[kind].before + one.needs[kind].after for one in wanted)
        resources = range(kind * SITE * sites, (kind + 1) * SITE * sites)
        free = {one: {at for low, high in opened[one] for at in range(low, high, TICK)} for one in resources}
        left = TICK * sum(map(len, free.values()))
        while left > 0 and demand < load * left:
            resource = draw.choice(resources)
            low, high = draw.choice(opened[resource]) if opened[resource] else (0, 0)
            length = draw.randint(1, 4)
            last = high - length * TICK
            if last < low:
                continue
            start = draw.randrange(low, last + 1, TICK)
            taken = set(range(start, start + length * TICK, TICK))
            if taken <= free[resource]:
                free[resource] -= taken
                booked[resource].append((start, start + length * TICK))
                left -= length * TICK
    return tuple(tuple(sorted(one)) for one in booked)


def main() -> None:
    """Write a reference instance for others."""
    import argparse
    from pathlib import Path

    import plan_files

    parser = argparse.ArgumentParser(prog="instances.py", description="Write a reference instance of plans.")
    parser.add_argument("requests", type=int, help=f"how many: {', '.join(map(str, SIZES))}, or any with --sites")
    parser.add_argument("load", type=float, help="what is asked for ÷ what is free; 0.6, 0.95 and 1.2 are measured")
    parser.add_argument("seed", type=int, help="1 to 5 are measured")
    parser.add_argument("-o", dest="file", metavar="FILE", type=Path, help="write it as JSON")
    parser.add_argument("--fhir", metavar="FOLDER", type=Path, help="write calendar.ndjson and requests.csv")
    parser.add_argument("--pools", type=int, choices=(2, 3), default=2, help="pools of each request")
    parser.add_argument("--sites", type=int, help=f"sites of {SITE} practitioners and {SITE} rooms")
    asked = parser.parse_args()
    if asked.file is None and asked.fhir is None:
        parser.error("say where to: -o FILE, --fhir FOLDER, or both")
    if asked.sites is None and asked.requests not in SIZES:
        parser.error(f"for {asked.requests} requests say how many --sites there are")
    if asked.requests < 1 or asked.load <= 0 or (asked.sites is not None and asked.sites < 1):
        parser.error("requests, load and sites are positive")
    instance = plan_instance(asked.requests, asked.load, asked.seed, pools=asked.pools, sites=asked.sites)
    if asked.file is not None:
        plan_files.write_json(instance, asked.file)
    if asked.fhir is not None:
        plan_files.write_fhir(instance, asked.fhir)
    print(instance.name)


if __name__ == "__main__":
    main()
