"""`$confirm` and `$cancel` (operations.md, 4 to 6)."""

from __future__ import annotations

from typing import NamedTuple

from .. import mapping, urls
from ..errors import Conflict, InvalidRequest, MissingResource, NotFound
from ..ledger.state import State, identifier_name, schedule_of
from ..ledger.transaction import Transaction
from ..mapping import service_references
from ..references import Json, children, target
from .declared import CANCEL, CANCEL_BY_REFERENCE, CONFIRM
from .proposal import start_of, without_extension
from .request import Request, required
from .steps import Steps, Written

_TO_CONFIRM = ("pending", "proposed")


class ConfirmRequest(NamedTuple):
    id: str
    occurrences: str


def read_confirm(id: str, request: Request) -> ConfirmRequest:
    """Raises InvalidRequest."""
    parameter = CONFIRM["occurrences"]
    occurrences = request.text(parameter)
    if occurrences is not None and occurrences not in parameter.values:
        raise InvalidRequest(f"{parameter.name} must be one of {', '.join(parameter.values)}", parameter.path)
    return ConfirmRequest(id, occurrences or parameter.values[0])


def confirm(transaction: Transaction, request: ConfirmRequest) -> Steps:
    """A hold becomes a booking; availability is not checked again. Raises Refusal."""
    state = transaction.state
    appointment = read_appointment(state, request.id)
    if mapping.has_lapsed(appointment, transaction.now_ms):
        raise Conflict("Hold has expired")
    if appointment.get("status") not in _TO_CONFIRM:
        raise Conflict(f"Appointment cannot be confirmed in '{appointment.get('status')}' status")
    members = [appointment]
    if request.occurrences != "this":
        series = _series_of(appointment)
        if series is None:
            raise InvalidRequest("Appointment is not part of a recurring series", CONFIRM["occurrences"].path)
        members = _members(state, series, appointment, only_following=request.occurrences != "all")
    slots = [_check_confirmable(state, one) for one in members]
    yield
    written: list[Json] = []
    for member, held in zip(members, slots, strict=True):
        now_held = [
            transaction.put({**slot, "status": "busy"}) if slot["status"] == "busy-tentative" else slot for slot in held
        ]
        booked = without_extension({**member, "status": "booked"}, urls.HOLD_EXPIRES)
        written += [transaction.put(booked), *now_held]
    return Written(200, written)


def read_appointment(state: State, id: str) -> Json:
    """Raises NotFound."""
    appointment = state.read(f"Appointment/{id}")
    if appointment is None:
        raise NotFound("Not found")
    return appointment


def _series_of(appointment: Json) -> Json | None:
    return next((one for one in children(appointment, "identifier") if one.get("system") == urls.SERIES), None)


def _members(state: State, series: Json, appointment: Json, *, only_following: bool) -> list[Json]:
    """The Appointments of a series that can be confirmed, by start."""
    found = (state.read(f"Appointment/{id}") for id in state.database.identified(identifier_name(series)))
    members = [one for one in found if one is not None and one.get("status") in _TO_CONFIRM]
    if only_following:
        first = _order(appointment)[0]
        members = [one for one in members if _order(one)[0] >= first]
    return sorted(members, key=_order)


def _order(appointment: Json) -> tuple[int, str]:
    start = start_of(appointment)
    return (2**62 if start is None else start), appointment["id"]


def _check_confirmable(state: State, appointment: Json) -> list[Json]:
    """Rows 6 to 8; returns the Slots."""
    services = [
        (target(reference), f"Appointment.serviceType[{index}]")
        for index, concept in enumerate(children(appointment, "serviceType"))
        for reference in service_references(concept)
    ]
    loaded = [(None if name is None else state.read(str(name)), path) for name, path in services]
    for service, path in loaded:
        if service is None:
            raise MissingResource("Loading HealthcareService failed", path)
    for service, path in loaded:
        if service is not None and service.get("active") is False:
            raise InvalidRequest("HealthcareService is inactive", path)
    slots = read_slots_of(state, appointment)
    schedules = [
        (state.read(f"Schedule/{schedule_of(slot)}"), f"Appointment.slot[{index}].schedule")
        for index, slot in enumerate(slots)
    ]
    for schedule, path in schedules:
        if schedule is None:
            raise MissingResource("Loading Schedule failed", path)
    for schedule, path in schedules:
        if schedule is not None and schedule.get("active") is False:
            raise InvalidRequest("Schedule is inactive", path)
    return slots


def read_slots_of(state: State, appointment: Json) -> list[Json]:
    """The Slots an Appointment refers to. Raises MissingResource."""
    found: list[Json] = []
    for index, reference in enumerate(children(appointment, "slot")):
        name = target(reference.get("reference"))
        slot = state.read(str(name)) if name is not None and name.type == "Slot" else None
        if slot is None:
            raise MissingResource("Loading slots failed", f"Appointment.slot[{index}]")
        found.append(slot)
    return found


class CancelRequest(NamedTuple):
    id: str
    reason: Json | None
    is_bare: bool


def read_cancel(id: str | None, request: Request) -> CancelRequest:
    """Raises InvalidRequest."""
    is_bare = id is not None
    if id is None:
        parameter = CANCEL_BY_REFERENCE["appointment-reference"]
        reference = request.text(parameter)
        if not reference:
            raise required(parameter)
        named = target(reference)
        if named is None or named.type != parameter.target:
            raise InvalidRequest(f"Invalid {parameter.name} reference", parameter.path)
        id = named.id
    return CancelRequest(id, request.element(CANCEL["cancelationReason"]), is_bare)


def cancel(transaction: Transaction, request: CancelRequest) -> Steps:
    """The Appointment is cancelled and its Slots are deleted. Raises Refusal."""
    state = transaction.state
    appointment = read_appointment(state, request.id)
    if appointment.get("status") not in ("booked", "pending"):
        raise Conflict(f"Appointment cannot be canceled in '{appointment.get('status')}' status")
    read_slots_of(state, appointment)
    release(transaction, appointment)
    appointment["status"] = "cancelled"
    if request.reason is not None:
        appointment["cancelationReason"] = request.reason
    stored = transaction.put(appointment)
    yield
    return Written(200, [stored], request.is_bare)


def release(transaction: Transaction, appointment: Json) -> None:
    """Delete the Slots an Appointment refers to."""
    for id in mapping.slot_ids(appointment):
        transaction.delete(f"Slot/{id}")
