"""What bookings that are still to come need: it cannot be deleted under them."""

from __future__ import annotations

from collections.abc import Iterator

from ..desk import is_live
from ..errors import WriteRefused
from ..instants import instant_ms
from ..ledger.state import State, service_ids
from ..ledger.terms import ACTOR, term
from ..references import Json

_FOREVER = 2**62
_DAY_MINUTES = 1440


def check_unused(state: State, old: Json, now_ms: int) -> None:
    """Raises WriteRefused for a Schedule, a HealthcareService, an actor or a patient of bookings to come."""
    kind, id = old["resourceType"], old["id"]
    name = f"{kind}/{id}"
    schedules = sorted(state.database.bearers("Schedule", term(ACTOR, name)))
    if schedules:
        raise WriteRefused(f"{name} is the actor of Schedule/{schedules[0]}; delete that Schedule first")
    if kind == "Schedule":
        users = bookings_to_come(state, id, now_ms)
    elif kind == "HealthcareService":
        users = _of_service(state, id, now_ms)
    else:
        found = (state.read(f"Appointment/{one}") for one in state.database.bearers("Appointment", term(ACTOR, name)))
        users = (one for one in found if one is not None and is_to_come(one, now_ms))
    first = min((one["id"] for one in users), default=None)
    if first is not None:
        raise WriteRefused(
            f"{name} is needed by bookings that are still to come, such as Appointment/{first}; reschedule or cancel "
            "them first"
        )


def is_to_come(appointment: Json, now_ms: int) -> bool:
    """May the visit still take place, and is it not over by the clock?"""
    end = instant_ms(appointment.get("end"))
    return is_live(appointment, now_ms) and (end is None or end > now_ms)


def bookings_to_come(state: State, schedule_id: str, now_ms: int) -> Iterator[Json]:
    """The Appointments with a visit on a schedule that is still to come, each once, by start."""
    since = now_ms // 60_000 - _DAY_MINUTES
    seen: set[str] = set()
    for row in state.database.bookings_within(schedule_id, since, _FOREVER):
        for id in state.database.users_of_slot(row.slot):
            appointment = None if id in seen else state.read(f"Appointment/{id}")
            seen.add(id)
            if appointment is not None and is_to_come(appointment, now_ms):
                yield appointment


def _of_service(state: State, service_id: str, now_ms: int) -> Iterator[Json]:
    for schedule in list(state.database.claimed_schedules()):
        for one in bookings_to_come(state, schedule, now_ms):
            if service_id in service_ids(one):
                yield one
