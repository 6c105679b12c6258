"""`$book` and `$hold`: a proposal becomes an Appointment with its Slots (operations.md, 2, 3 and 7)."""

from __future__ import annotations

from dataclasses import dataclass

from .. import mapping, urls
from ..errors import InvalidRequest, Refusal
from ..instants import utc_text_ms
from ..ledger.transaction import Transaction
from ..mapping import Series
from ..prepared import Examined
from ..references import Json
from ..resources import proposal_fault
from .admission import check_available
from .declared import BOOK, HOLD
from .proposal import Proposal, check_proposal, read_proposal, with_extension, without_extension
from .repeats import find_repeated
from .request import BodyRequest, check_bounds, check_removed
from .series import occurrences, prefix, read_series
from .steps import Steps, Written


@dataclass(frozen=True, slots=True)
class BookRequest:
    """What was sent; nothing is looked up yet."""

    operation: str
    appointment: Json
    hold_minutes: int | None

    @property
    def is_hold(self) -> bool:
        return self.operation == "$hold"


def read_request(operation: str, body: object) -> BookRequest:
    """Raises InvalidRequest."""
    if isinstance(body, dict) and body.get("resourceType") == "Appointment":  # type: ignore[reportUnknownMemberType]
        appointment: Json = body  # type: ignore[reportUnknownVariableType]
        minutes = None
    else:
        request = BodyRequest(body)  # type: ignore[reportUnknownArgumentType]
        called = HOLD if operation == "$hold" else BOOK
        check_removed(request, called)
        minutes = None
        if called is HOLD:
            minutes = request.integer(HOLD["hold-minutes"])
            check_bounds(HOLD["hold-minutes"], minutes, HOLD["hold-minutes"].path)
        appointment = request.resource(called["appointment"])
    fault = proposal_fault(appointment)
    if fault is not None:
        raise InvalidRequest("Invalid request body", diagnostics=f"Appointment: {fault}")
    return BookRequest(operation, appointment, minutes)


def book(transaction: Transaction, request: BookRequest) -> Steps:
    """All checks in their order, then the Appointments and their Slots. Raises Refusal."""
    state = transaction.state
    series = read_series(request.appointment, state.prepared.zones)
    if series is None:
        several = [request.appointment]
    else:
        several = occurrences(request.appointment, series, transaction.new_id())
    written: list[Json] = []
    expires_ms: int | None = None
    for number, appointment in enumerate(several):
        with _Prefixed(series, number, appointment):
            proposal = read_proposal(appointment)
        if number == 0:
            earlier = find_repeated(state, request.appointment, request.operation)
            if earlier is not None:
                yield
                return Written(200, earlier, is_replay=True)
        with _Prefixed(series, number, appointment):
            check_proposal(state, proposal)
        if number == 0:
            expires_ms = _expires_ms(request, proposal, transaction.now_ms) if request.is_hold else None
            yield
        with _Prefixed(series, number, appointment):
            for one in proposal.schedules:
                check_available(state, one.seen, one.wanted, one.path, transaction.now_ms)
        written += _write(transaction, proposal, request.is_hold, expires_ms)
    return Written(201, written)


class _Prefixed:
    """Refusals inside are said of one occurrence of a series."""

    def __init__(self, series: Series | None, number: int, appointment: Json) -> None:
        self._prefix = "" if series is None else prefix(number + 1, series.occurrences, str(appointment.get("start")))

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, Refusal) and self._prefix:
            error.text = self._prefix + error.text


def _expires_ms(request: BookRequest, proposal: Proposal, now_ms: int) -> int | None:
    """When the hold ends: by the request, else by the shortest holdDuration of its schedules (model 16)."""
    minutes = request.hold_minutes
    if minutes is None:
        resolved = (one.seen.resolved.hold_duration for one in proposal.schedules)
        minutes = min((one for one in resolved if one is not None), default=None)
    return None if minutes is None else now_ms + minutes * 60_000


def _write(transaction: Transaction, proposal: Proposal, is_hold: bool, expires_ms: int | None) -> list[Json]:
    """Store one Appointment and its Slots; returns them as stored."""
    sent = proposal.appointment
    id = transaction.new_id()
    slot_ids = [transaction.new_id() for _ in proposal.contained]
    visit = next(slot for slot, _ in proposal.contained if slot["status"] == "busy")
    appointment: Json = {
        "resourceType": "Appointment",
        "id": id,
        **sent,
        "status": "pending" if is_hold else "booked",
        "start": sent.get("start") or visit["start"],
        "end": sent.get("end") or visit["end"],
        "slot": [{"reference": f"Slot/{one}"} for one in slot_ids],
    }
    appointment["id"] = id
    for name in ("contained", "meta"):
        appointment.pop(name, None)
    appointment = without_extension(appointment, urls.HOLD_EXPIRES)
    if expires_ms is not None:
        expires = {"url": urls.HOLD_EXPIRES, "valueInstant": utc_text_ms(expires_ms)}
        appointment = with_extension(appointment, expires)
    of_schedule = {path: one.seen for one in proposal.schedules for _, path in one.slots}
    slots = [
        _slot_to_store(slot, slot_id, of_schedule[path], is_hold)
        for (slot, path), slot_id in zip(proposal.contained, slot_ids, strict=True)
    ]
    return transaction.put_booking(appointment, slots)


def _slot_to_store(slot: Json, id: str, examined: Examined, is_hold: bool) -> Json:
    made: Json = without_extension({"resourceType": "Slot", **slot, "id": id}, urls.SLOT_CAPACITY)
    is_visit = made["status"] == "busy"
    capacity = examined.resolved.slot_capacity
    if is_visit and is_hold:
        made["status"] = "busy-tentative"
    if is_visit and capacity > 1:
        made = with_extension(made, {"url": urls.SLOT_CAPACITY, "valuePositiveInt": capacity})
    if "serviceType" in made and not mapping.concerns(made, examined.service.id, examined.service.codings):
        del made["serviceType"]
    return made
