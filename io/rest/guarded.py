"""Slots and Appointments that an operation made: a write leaves alone what the operations answer for.

Who made a resource is read from the entry that first wrote it, not from marks in it, which a client could send.
"""

from __future__ import annotations

from typing import Any

from .. import desk, mapping, urls
from ..errors import WriteRefused
from ..instants import instant_ms
from ..ledger.entries import JUDGED
from ..ledger.state import State
from ..parameters import extensions
from ..references import Json, children, target

MOVES = {**desk.MOVES, "checked-in": ("booked", "arrived")}
"""Each status that a write may set on what an operation made, and from which (FHIR's workflow of appointments)."""

_STATUS_BY = {"cancelled": "$cancel", "booked": "$confirm", "entered-in-error": "$cancel"}


def is_made(state: State, kind: str, id: str) -> bool:
    """Did an operation make it, deleted since or not?"""
    row = state.database.resource(kind, id)
    entry = None if row is None else state.database.entry(row.origin)
    return entry is not None and entry.kind in JUDGED


def check_made_write(state: State, old: Json | None, new: Json) -> None:
    """Raises WriteRefused."""
    if new["resourceType"] == "Slot":
        if old is None:
            _check_new_slot(state, new)
        elif is_made(state, "Slot", new["id"]):
            _check_slot(state, old, new)
    else:
        if old is not None and _is_made_appointment(state, old):
            _check_appointment(old, new)
        _check_slots_added(state, old, new)


def check_made_delete(state: State, old: Json) -> None:
    """Raises WriteRefused."""
    name = f"{old['resourceType']}/{old['id']}"
    if old["resourceType"] == "Slot":
        if is_made(state, "Slot", old["id"]):
            raise WriteRefused(
                f"{name} was made by an operation and cannot be deleted; use {_call(state, old, '$cancel')}"
            )
    elif _is_made_appointment(state, old):
        raise WriteRefused(
            f"{name} was made by an operation and cannot be deleted; use {name}/$cancel, which keeps it as a record"
        )


def _check_new_slot(state: State, new: Json) -> None:
    if is_made(state, "Slot", new["id"]):
        raise WriteRefused(
            f"Slot/{new['id']} was made by an operation and is gone; take another id, or Appointment/$book"
        )


def _check_slot(state: State, old: Json, new: Json) -> None:
    for element, operation in (
        ("status", "$confirm" if _is_confirmation(old, new) else "$cancel"),
        ("start", "$reschedule"),
        ("end", "$reschedule"),
        ("schedule", "$reschedule"),
        ("serviceType", "$reschedule"),
        ("capacity", "$reschedule"),
    ):
        if _slot_value(old, element) != _slot_value(new, element):
            raise WriteRefused(
                f"Slot/{new['id']} was made by an operation and its {element} cannot be written; use "
                f"{_call(state, old, operation)}",
                f"Slot.{element}",
            )


def _is_confirmation(old: Json, new: Json) -> bool:
    return (old["status"], new["status"]) == ("busy-tentative", "busy")


def _slot_value(slot: Json, element: str) -> Any:
    if element in ("start", "end"):
        return instant_ms(slot.get(element))
    if element == "schedule":
        return target(slot["schedule"]["reference"])
    return mapping.tolerance(slot) if element == "capacity" else slot.get(element)


def _call(state: State, slot: Json, operation: str) -> str:
    """The operation as it is called on the Appointment of a Slot."""
    users = sorted(state.database.users_of_slot(slot["id"]))
    return f"Appointment/{users[0] if users else '{id}'}/{operation}"


def _is_made_appointment(state: State, old: Json) -> bool:
    """Was it, or was one of its Slots, made by an operation?"""
    return is_made(state, "Appointment", old["id"]) or any(is_made(state, "Slot", id) for id in mapping.slot_ids(old))


def _check_appointment(old: Json, new: Json) -> None:
    name = f"Appointment/{new['id']}"
    before, now = old.get("status"), new["status"]
    if before != now and before not in MOVES.get(now, ()):
        use = _STATUS_BY.get(now)
        remedy = f"use {name}/{use}" if use else f"a write may set {', '.join(MOVES)} on what is booked"
        raise WriteRefused(
            f"{name} was made by an operation, is '{before}' and cannot become '{now}' by a write; {remedy}",
            "Appointment.status",
        )
    for element in ("start", "end"):
        if instant_ms(old.get(element)) != instant_ms(new.get(element)):
            raise _moved(name, element)
    if mapping.slot_ids(old) != mapping.slot_ids(new):
        raise _moved(name, "slot")
    if _hold(old) != _hold(new):
        raise WriteRefused(
            f"{name} was made by an operation and the end of its hold cannot be written; use {name}/$confirm or "
            f"{name}/$cancel",
            "Appointment.extension",
        )


def _moved(name: str, element: str) -> WriteRefused:
    return WriteRefused(
        f"{name} was made by an operation and its {element} cannot be written; use {name}/$reschedule",
        f"Appointment.{element}",
    )


def _hold(appointment: Json) -> list[Any]:
    return [one.get("valueInstant") for _, one in extensions(appointment, urls.HOLD_EXPIRES)]


def _check_slots_added(state: State, old: Json | None, new: Json) -> None:
    """What cancels or lapses deletes its Slots: those of another booking must not be among them."""
    held = [] if old is None else mapping.slot_ids(old)
    for index, reference in enumerate(children(new, "slot")):
        name = target(reference.get("reference"))
        if name is None or name.type != "Slot" or name.id in held or not is_made(state, *name):
            continue
        raise WriteRefused(
            f"{name} was made by an operation for another Appointment; use Appointment/$book",
            f"Appointment.slot[{index}]",
        )
