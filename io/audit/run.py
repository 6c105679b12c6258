"""The audit of a whole store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from ..prepared import Service
from ..store import Store
from . import bookings
from .finding import Finding, in_order
from .schedules import Openness
from .stored import Appointments, slots_of_schedules


def audit(
    store: Store,
    *,
    now: datetime,
    start_ms: int | None = None,
    end_ms: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[Finding]:
    """Everything that does not fit, by kind and then by time. Call it in one snapshot of the store.

    With `start_ms` or `end_ms` only what lies at least in part in [start, end) of time, and what is about no time.
    `progress` is told the number of schedules looked at.
    """
    found = [
        finding
        for finding in _findings(store, now, progress)
        if (start_ms is None or finding.end_ms is None or finding.end_ms > start_ms)
        and (end_ms is None or finding.start_ms is None or finding.start_ms < end_ms)
    ]
    return sorted(found, key=in_order)


def _findings(store: Store, now: datetime, progress: Callable[[int], None] | None) -> Iterator[Finding]:
    now_ms = int(now.timestamp() * 1000)
    appointments = Appointments(store, now_ms)
    yield from appointments.findings
    slots = slots_of_schedules(store, appointments)
    openness = Openness(store.prepared, list(_services(store)), -(-now_ms // 60_000))
    for number, schedule in enumerate(store.resources("Schedule")):
        if progress is not None:
            progress(number)
        its = slots.get(schedule["id"], [])
        yield from bookings.of_schedule(store.prepared, schedule["id"], its)
        yield from openness.of_schedule(schedule, [one for one in its if one.status == "free"])


def _services(store: Store) -> Iterator[Service]:
    for resource in sorted(store.resources("HealthcareService"), key=lambda one: one["id"]):
        service = store.prepared.service(resource["id"])
        if service is not None:
            yield service
