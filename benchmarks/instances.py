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

_PARAMETERS = "https://medplum.com/fhir/StructureDefinition/SchedulingParameters"
_SERVICE_REFERENCE = "https://medplum.com/fhir/service-type-reference"
_TIMEZONE = "http://hl7.org/fhir/StructureDefinition/timezone"
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")


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
        "extension": [{"url": _PARAMETERS, "extension": durations}],
        "availableTime": [
            {
                "daysOfWeek": list(_WEEKDAYS),
                "availableStartTime": begin.isoformat(),
                "availableEndTime": end.isoformat(),
            }
            for begin, end in HOURS
        ],
    }


def practitioner(id: str) -> Resource:
    zone = {"url": _TIMEZONE, "valueCode": ZONE.key}
    return {"resourceType": "Practitioner", "id": id, "name": [{"text": f"Doctor {id}"}], "extension": [zone]}


def schedule(id: str) -> Resource:
    link = {"url": _SERVICE_REFERENCE, "valueReference": {"reference": f"HealthcareService/{SERVICE}"}}
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
    link = {"url": _SERVICE_REFERENCE, "valueReference": {"reference": f"HealthcareService/{SERVICE}"}}
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
