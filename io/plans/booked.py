"""Which requests are booked already: their Appointments bear the request's id as identifier."""

from __future__ import annotations

from collections.abc import Collection

from .. import mapping, urls
from ..ledger.state import State, identifier_name
from ..references import Json, children
from ..store import Store
from .visits import identifier


def booked_already(state: Store, ids: Collection[str], now_ms: int) -> dict[str, Json]:
    """By request, the Appointment that stands for it: neither cancelled, nor in error, nor a hold that has lapsed."""
    found: dict[str, Json] = {}
    for appointment in _marked(state, ids):
        if appointment.get("status") in mapping.NEVER_BOOKED or mapping.has_lapsed(appointment, now_ms):
            continue
        for mark in children(appointment, "identifier"):
            if mark.get("system") == urls.PLAN_REQUEST and mark.get("value") in ids:
                found.setdefault(mark["value"], appointment)
    return found


def _marked(state: Store, ids: Collection[str]) -> list[Json]:
    """Appointments that bear one of the identifiers, by id."""
    if not isinstance(state, State):
        return sorted(state.resources("Appointment"), key=lambda one: one["id"])
    names = {id for request in ids for id in state.database.identified(identifier_name(identifier(request)))}
    found = (state.read(f"Appointment/{id}") for id in sorted(names))
    return [one for one in found if one is not None]
