"""Bookings that a write hits: those under a `busy-unavailable` Slot, and those that changed hours leave outside.

They stay; the answer lists them, to be rescheduled or cancelled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .. import mapping, urls
from ..desk import is_live
from ..instants import ceil_minute, floor_minute, instant_ms
from ..ledger.database import ClaimRow
from ..ledger.state import NOT_HELD, State, claim_row, claims_of, schedule_of, service_ids
from ..ledger.transaction import Transaction
from ..parameters import ParameterFault, extensions
from ..prepared import Examined
from ..references import Json, children
from .in_use import bookings_to_come

Hits = Callable[[], list[Json]]
"""To be asked after the write: the Appointments it hits, by start and id."""


def hits_of(transaction: Transaction, old: Json | None, new: Json) -> Hits:
    """To be called before the write."""
    state, now_ms = transaction.state, transaction.now_ms
    if new["resourceType"] == "Slot":
        return lambda: _by_start(_under(state, new, now_ms))
    if old is None or _hours(old) == _hours(new):
        return list
    before = {one["id"] for one in _outside(state, new, now_ms)}
    return lambda: _by_start(one for one in _outside(state, new, now_ms) if one["id"] not in before)


def _by_start(appointments: Iterable[Json]) -> list[Json]:
    unique = {one["id"]: one for one in appointments}
    return sorted(unique.values(), key=lambda one: (instant_ms(one.get("start")) or 0, one["id"]))


# Under a Slot


def _under(state: State, slot: Json, now_ms: int) -> Iterator[Json]:
    row = claim_row(slot, NOT_HELD, None)
    if not isinstance(row, ClaimRow) or row.status != "busy-unavailable":
        return
    own = state.database.users_of_slot(row.slot)
    for claim in state.database.claims_near(row.schedule, row.start, row.end):
        for id in state.database.users_of_slot(claim.slot):
            appointment = None if id in own else state.read(f"Appointment/{id}")
            if appointment is not None and is_live(appointment, now_ms) and _concerns(state, slot, appointment):
                yield appointment


def _concerns(state: State, slot: Json, appointment: Json) -> bool:
    """Does the Slot concern a service of the Appointment?"""
    services = ((id, state.prepared.service(id)) for id in service_ids(appointment))
    return not children(slot, "serviceType") or any(
        mapping.concerns(slot, id, frozenset() if service is None else service.codings) for id, service in services
    )


# Outside the hours


def _hours(resource: Json) -> Any:
    """All that decides when a Schedule or a HealthcareService is open; of anything else nothing does."""
    if resource["resourceType"] == "Schedule":
        parts = [resource.get(name) for name in ("planningHorizon", "actor")]
    elif resource["resourceType"] == "HealthcareService":
        parts = [resource.get(name) for name in ("availableTime", "notAvailable", "type")]
    else:
        return None
    return [*parts, [one for _, one in extensions(resource, urls.SCHEDULING_PARAMETERS)]]


def _outside(state: State, changed: Json, now_ms: int) -> Iterator[Json]:
    """The bookings still to come that lie outside the hours, as the rules are now."""
    if changed["resourceType"] == "Schedule":
        schedules, service = [changed["id"]], None
    else:
        schedules, service = list(state.database.claimed_schedules()), changed["id"]
    for schedule in schedules:
        for appointment in bookings_to_come(state, schedule, now_ms):
            services = service_ids(appointment)
            if (service is None or service in services) and _is_outside(state, schedule, appointment, services):
                yield appointment


def _is_outside(state: State, schedule_id: str, appointment: Json, services: list[str]) -> bool:
    """Does some Slot of it on the schedule lie outside the open time or the horizon of its service?"""
    found = (state.read(f"Slot/{id}") for id in mapping.slot_ids(appointment))
    slots = [one for one in found if one is not None and schedule_of(one) == schedule_id]
    for id in services:
        service = state.prepared.service(id)
        examined = None if service is None else state.prepared.examine(schedule_id, service)
        if examined is not None and not isinstance(examined.parameters, ParameterFault):
            return any(_is_shut(state, examined, slot) for slot in slots)
    return False


def _is_shut(state: State, examined: Examined, slot: Json) -> bool:
    start_ms, end_ms = instant_ms(slot.get("start")), instant_ms(slot.get("end"))
    if start_ms is None or end_ms is None or start_ms >= end_ms:
        return False
    low, high = floor_minute(start_ms), ceil_minute(end_ms)
    near = state.database.claims_near(examined.id, low, high)
    free = claims_of([one for one in near if one.status == "free"], examined.service)
    # Without occupying claims nothing but the hours and the horizon can forbid it.
    return state.prepared.admission(examined, low, high, free).why_not((low, high), ()) is not None
