"""Repeated requests: a taken identifier leads to the earlier booking, or forbids another (operations.md, 3)."""

from __future__ import annotations

from typing import Any, cast

import orjson

from .. import mapping, urls
from ..errors import Conflict
from ..instants import instant_ms
from ..ledger.entries import changes_of
from ..ledger.state import State, identifier_name, service_ids
from ..references import Json, Target, child, children, target, unordered
from .proposal import ROOT, contained_slots, template_of

_GONE = ("cancelled", "entered-in-error")
_TAKEN = "Identifier already used by another appointment"


def find_repeated(state: State, appointment: Json, operation: str) -> list[Json] | None:
    """The Appointments that the same request has made before; None if it is new. Raises Conflict."""
    first_taken: str | None = None
    origins: set[int] = set()
    for index, identifier in enumerate(children(appointment, "identifier")):
        if identifier.get("value") is None or identifier.get("system") == urls.SERIES:
            continue
        found = {origin for origin in _origins(state, identifier) if _is_live(state, origin)}
        if found and first_taken is None:
            first_taken = f"{ROOT}.identifier[{index}]"
        origins |= found
    if first_taken is None:
        return None
    if len(origins) == 1:
        origin = next(iter(origins))
        entry = state.database.entry(origin)
        assert entry is not None
        if entry.kind == operation and _proposal_of(state, origin) == canonical(appointment):
            return made_by(state, origin)
    raise Conflict(_TAKEN, first_taken)


def _origins(state: State, identifier: Json) -> set[int]:
    """The bookings whose Appointments carry the identifier."""
    found: set[int] = set()
    for id in state.database.identified(identifier_name(identifier)):
        row = state.database.resource("Appointment", id)
        entry = None if row is None else state.database.entry(row.origin)
        if entry is not None and entry.kind in ("$book", "$hold"):
            found.add(entry.seq)
    return found


def _is_live(state: State, origin: int) -> bool:
    return any(one.get("status") not in _GONE for one in made_by(state, origin))


def made_by(state: State, seq: int) -> list[Json]:
    """The Appointments that an entry made, as they stand now, in order."""
    row = state.database.entry(seq)
    assert row is not None
    names = [target(change.reference) for change in changes_of(row) if change.version == 1]
    found = (state.read(str(name)) for name in names if isinstance(name, Target) and name.type == "Appointment")
    return [one for one in found if one is not None]


def _proposal_of(state: State, seq: int) -> Any:
    content = state.database.body(seq, 0)
    input: Json = orjson.loads(content) if content is not None else {}
    sent = sent_appointment(input.get("body"))
    return None if sent is None else canonical(sent)


def sent_appointment(body: Any) -> Json | None:
    """The Appointment in the body of a `$book` or `$hold`."""
    if not isinstance(body, dict):
        return None
    if body.get("resourceType") == "Appointment":  # type: ignore[reportUnknownMemberType]
        return body  # type: ignore[reportUnknownVariableType]
    for one in children(cast(Json, body), "parameter"):
        resource = one.get("resource")
        if one.get("name") == "appointment" and isinstance(resource, dict):
            return resource  # type: ignore[reportUnknownVariableType]
    return None


def canonical(appointment: Json) -> Any:
    """What makes two proposals identical: service, template and Slots, in any order, times as instants."""
    slots = [
        [
            str(target(child(slot, "schedule").get("reference"))),
            slot.get("status"),
            _time(slot.get("start")),
            _time(slot.get("end")),
        ]
        for slot, _ in contained_slots(appointment)
    ]
    template = template_of(appointment)
    return [
        service_ids(appointment),
        None if template is None else unordered(template),
        sorted(slots, key=lambda one: orjson.dumps(one)),
    ]


def _time(text: Any) -> Any:
    at = instant_ms(text)
    return text if at is None else at


def with_slots(state: State, appointments: list[Json]) -> list[Json]:
    """Each Appointment followed by its Slots, as stored."""
    found: list[Json] = []
    for appointment in appointments:
        found.append(appointment)
        for id in mapping.slot_ids(appointment):
            slot = state.read(f"Slot/{id}")
            if slot is not None:
                found.append(slot)
    return found
