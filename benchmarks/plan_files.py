"""Reference instances of plans as others read them: one JSON file, or FHIR resources and a table of requests.

As FHIR, each length of visit with its buffers is a service; practitioners, rooms and assistants are Schedules of one
week, and what is booked, and their days off, are Slots. In the table a request has its weight less the cost of its
cheapest practitioner, and prefers each by what it costs less than the dearest: so a plan has the same objective there.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from instances import (
    HOURS,
    LATE_PER_DAY,
    PARAMETERS,
    PLAN_DAYS,
    PLAN_FIRST_DAY,
    SERVICE_REFERENCE,
    TICK,
    TIMEZONE,
    WEEKDAYS,
    ZONE,
    Pair,
    PlanInstance,
    Resource,
    Wanted,
    busy_slot,
    minute,
)

CALENDAR, REQUESTS = "calendar.ndjson", "requests.csv"
COLUMNS = ("request_id", "service", "schedules", "windows", "due", "late_per_day", "weight", "preferred_schedules")
_KINDS = (("practitioner", "Practitioner"), ("room", "Location"), ("assistant", "Practitioner"))


class Visit(NamedTuple):
    """What makes a service: the length of the visit, and what it asks for before and after in each pool."""

    duration: int
    buffers: tuple[Pair, ...]

    @classmethod
    def of(cls, wanted: Wanted) -> Visit:
        return cls(wanted.duration, tuple((need.before, need.after) for need in wanted.needs))

    @property
    def id(self) -> str:
        return "-".join([f"visit{self.duration}", *(f"{before}.{after}" for before, after in self.buffers)])


def write_json(instance: PlanInstance, path: Path) -> None:
    """`PlanInstance.as_json`, in one line."""
    path.write_text(json.dumps(instance.as_json(), separators=(",", ":")) + "\n", encoding="utf-8")


def write_fhir(instance: PlanInstance, folder: Path) -> None:
    """The calendar and the requests, into a folder that is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / CALENDAR).open("w", encoding="utf-8") as file:
        for one in resources(instance):
            file.write(json.dumps(one, separators=(",", ":")) + "\n")
    with (folder / REQUESTS).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(list(request_row(instance, wanted).values()) for wanted in instance.wanted)


def resources(instance: PlanInstance) -> Iterator[Resource]:
    """Services, then for each resource the actor, the Schedule and its Slots."""
    # For each resource the visits that may be asked of it, and the place of its pool in them.
    used: dict[int, dict[Visit, int]] = {}
    visits: dict[Visit, None] = {}
    for wanted in instance.wanted:
        visits[Visit.of(wanted)] = None
        for pool, need in enumerate(wanted.needs):
            for one in need.resources:
                used.setdefault(one, {})[Visit.of(wanted)] = pool
    for visit in visits:
        yield _service(visit)
    for number in range(len(instance.opened)):
        id, kind = schedule_id(instance, number), _kind(instance, number)
        zone = {"url": TIMEZONE, "valueCode": ZONE.key}
        yield {"resourceType": kind, "id": id, "extension": [zone]}
        yield _schedule(id, kind, used.get(number, {}))
        for place, (start, end) in enumerate(instance.booked[number]):
            yield busy_slot(f"{id}-{place}", id, start, end)
        for place, (start, end) in enumerate(_days_off(instance.opened[number])):
            yield busy_slot(f"{id}-off-{place}", id, start, end) | {"status": "busy-unavailable"}


def schedule_id(instance: PlanInstance, number: int) -> str:
    """Resources are numbered through: all practitioners, all rooms, all assistants."""
    size = len(instance.opened) // len(instance.wanted[0].needs)
    return f"{_KINDS[number // size][0]}-{number % size}"


def _kind(instance: PlanInstance, number: int) -> str:
    return _KINDS[number * len(instance.wanted[0].needs) // len(instance.opened)][1]


def _service(visit: Visit) -> Resource:
    return {
        "resourceType": "HealthcareService",
        "id": visit.id,
        "name": f"Visit of {visit.duration} minutes",
        "extension": [
            _parameters(
                duration=visit.duration,
                alignmentInterval=TICK,
                bufferBefore=visit.buffers[0][0],
                bufferAfter=visit.buffers[0][1],
            )
        ],
        "availableTime": [
            {
                "daysOfWeek": list(WEEKDAYS),
                "availableStartTime": begin.isoformat(),
                "availableEndTime": end.isoformat(),
            }
            for begin, end in HOURS
        ],
    }


def _parameters(**minutes: int) -> Resource:
    fields = [{"url": name, "valueDuration": {"value": value, "unit": "min"}} for name, value in minutes.items()]
    return {"url": PARAMETERS, "extension": fields}


def _schedule(id: str, kind: str, used: dict[Visit, int]) -> Resource:
    own: list[Resource] = []
    for visit, pool in used.items():
        before, after = visit.buffers[pool]
        if visit.buffers[pool] != visit.buffers[0]:
            named = {"url": "service", "valueReference": {"reference": f"HealthcareService/{visit.id}"}}
            given = _parameters(bufferBefore=before, bufferAfter=after)
            own.append({**given, "extension": [named, *given["extension"]]})
    first, last = PLAN_FIRST_DAY, PLAN_FIRST_DAY + timedelta(PLAN_DAYS - 1)
    found = {
        "resourceType": "Schedule",
        "id": id,
        "actor": [{"reference": f"{kind}/{id}", "display": id}],
        "serviceType": [
            {
                "extension": [
                    {"url": SERVICE_REFERENCE, "valueReference": {"reference": f"HealthcareService/{visit.id}"}}
                ]
            }
            for visit in used
        ],
        "planningHorizon": {"start": first.isoformat(), "end": last.isoformat()},
    }
    return found | ({"extension": own} if own else {})


def _days_off(opened: Sequence[Pair]) -> list[Pair]:
    """The open hours of the days on which nothing is open."""
    days = [PLAN_FIRST_DAY + timedelta(number) for number in range(PLAN_DAYS)]
    whole = [(minute(day, HOURS[0][0]), minute(day, HOURS[-1][1])) for day in days]
    return [(low, high) for low, high in whole if not any(low <= start < high for start, _ in opened)]


def request_row(instance: PlanInstance, wanted: Wanted) -> dict[str, object]:
    """One row of the table, in the order of COLUMNS."""
    first = wanted.needs[0]
    least, most = min(first.costs), max(first.costs)
    pools = [",".join(schedule_id(instance, one) for one in need.resources) for need in wanted.needs]
    preferred = [
        f"{schedule_id(instance, one)}:{most - cost}" for one, cost in zip(first.resources, first.costs, strict=True)
    ]
    return {
        "request_id": wanted.id,
        "service": Visit.of(wanted).id,
        "schedules": ";".join(pools),
        "windows": ";".join(f"{local(low)}/{local(high)}" for low, high in wanted.windows),
        "due": local(wanted.due),
        "late_per_day": LATE_PER_DAY,
        "weight": wanted.weight - least,
        "preferred_schedules": ";".join(preferred) if most > least else "",
    }


def local(at: int) -> str:
    """A time in New York with its offset."""
    return datetime.fromtimestamp(at * 60, ZONE).isoformat(timespec="minutes")
