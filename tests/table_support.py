"""A small calendar with something for every table."""

from __future__ import annotations

from slotwright.io import Calendar, open_calendar
from slotwright.io.store import Store
from support import Resource, appointment, hours, parameters, practitioner, schedule, service, slot

PLAIN = slot("s", "a", "2026-03-16T09:00:00.000Z", "2026-03-16T09:30:00.250Z")
"""A Slot that the columns say all of."""


def small() -> Calendar:
    return open_calendar(
        [
            service(),
            practitioner("a"),
            practitioner("b"),
            schedule("a", parameters(availability=[hours("mon", "09:00:00", "17:00:00")])),
            schedule("b"),
            PLAIN,
            slot("t", "b", "2026-03-16T09:00:00Z", "2026-03-16T10:00:00Z", "free"),
            appointment("x", ["s"]),
            {"resourceType": "Patient", "id": "p"},
        ]
    )


def content(calendar: Store) -> dict[str, list[Resource]]:
    return {kind: sorted(calendar.resources(kind), key=lambda resource: resource["id"]) for kind in calendar.kinds()}
