"""`$reschedule`: an Appointment takes another time, or other schedules (operations.md, 8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import orjson

from ...solver.civil import MINUTE_MS
from ..errors import Conflict, InvalidRequest, MissingResource
from ..instants import search_time_ms, utc_text
from ..ledger.state import State, schedule_of, service_ids
from ..ledger.transaction import Transaction
from ..mapping import Part, ProposalWriter, service_references
from ..prepared import Examined, Service
from ..references import Json, Target, child, children, same_target, target
from .admission import Wanted, check_available, is_aligned, not_available
from .change import read_appointment, read_slots_of, release
from .declared import RESCHEDULE
from .find import check_alike
from .proposal import check_active, place_path
from .request import Request, missing
from .steps import Steps, Written


class RescheduleRequest(NamedTuple):
    id: str
    start_ms: int
    schedules: tuple[tuple[str, str], ...]
    """Ids, each once, and the paths of their first mention."""


def read_reschedule(id: str, request: Request) -> RescheduleRequest:
    """Rows 1 and 2. Raises InvalidRequest."""
    start = request.text(RESCHEDULE["start"])
    if start is None:
        raise missing(RESCHEDULE["start"])
    given = request.references(RESCHEDULE["schedule"])
    if not given:
        raise missing(RESCHEDULE["schedule"])
    start_ms = search_time_ms(start)
    if start_ms is None:
        raise InvalidRequest("Invalid start time", RESCHEDULE["start"].path)
    schedules: dict[str, str] = {}
    for member in given:
        path = f"Parameters.schedule[{member.place}]"
        if not member.reference.startswith("Schedule/"):
            raise InvalidRequest("Invalid schedule reference", path)
        named = target(member.reference)
        schedules.setdefault("" if named is None else named.id, path)
    return RescheduleRequest(id, start_ms, tuple(schedules.items()))


def reschedule(transaction: Transaction, request: RescheduleRequest) -> Steps:
    """All checks in their order; new Slots for the old ones. Raises Refusal."""
    state = transaction.state
    appointment = read_appointment(state, request.id)
    status = appointment.get("status")
    if status not in ("pending", "booked"):
        raise Conflict(f"Appointment cannot be rescheduled in '{status}' status")
    service, schedules = _look_up(state, appointment, request)
    service_path = _service_path(appointment, service.id)
    check_active(service, service_path, schedules)
    for examined, path in schedules:
        if not examined.is_schedulable:
            raise InvalidRequest("Schedule is not schedulable for requested service type", path)
    check_alike(schedules, lambda place, path: place_path(place, service_path, path))
    if not is_aligned(request.start_ms, schedules[0][0].resolved):
        raise InvalidRequest("Start time is not aligned to the scheduling grid", "Parameters.start")
    slots = read_slots_of(state, appointment)
    held_by = _actors_of(state, slots)
    release(transaction, appointment)
    yield
    start = request.start_ms // MINUTE_MS
    for examined, path in schedules:
        _check_free(transaction, examined, start, path)
    duration = schedules[0][0].resolved.duration
    changed = {
        **appointment,
        "start": utc_text(start),
        "end": utc_text(start + duration),
        "participant": _participants(appointment, held_by, [one for one, _ in schedules]),
    }
    return Written(200, _write(transaction, changed, service, [one for one, _ in schedules], start))


def _look_up(state: State, appointment: Json, request: RescheduleRequest) -> tuple[Service, list[tuple[Examined, str]]]:
    """Rows 5 to 7."""
    services = service_ids(appointment)
    if not services:
        raise InvalidRequest("Appointment has no service reference", "Appointment.serviceType")
    if len(services) > 1:
        raise InvalidRequest("Appointment has too many service references", "Appointment.serviceType")
    for id, path in request.schedules:
        if state.read(f"Schedule/{id}") is None:
            raise MissingResource("Loading schedule failed", path)
    service = state.prepared.service(services[0])
    if service is None:
        raise MissingResource("Loading HealthcareService failed", _service_path(appointment, services[0]))
    examined = [(state.prepared.examine(id, service), path) for id, path in request.schedules]
    return service, [(one, path) for one, path in examined if one is not None]


def _service_path(appointment: Json, service_id: str) -> str:
    for index, concept in enumerate(children(appointment, "serviceType")):
        if any(same_target(one, "HealthcareService", service_id) for one in service_references(concept)):
            return f"Appointment.serviceType[{index}]"
    raise AssertionError(service_id)


def _actors_of(state: State, slots: Sequence[Json]) -> set[Target]:
    """The actors of the schedules that hold the Slots. Raises MissingResource."""
    found: set[Target] = set()
    for index, slot in enumerate(slots):
        schedule = state.read(f"Schedule/{schedule_of(slot)}")
        if schedule is None:
            raise MissingResource("Loading schedules for existing slots failed", f"Appointment.slot[{index}].schedule")
        found |= {name for actor in children(schedule, "actor") if (name := target(actor.get("reference")))}
    return found


def _check_free(transaction: Transaction, examined: Examined, start: int, path: str) -> None:
    state = transaction.state
    foot = examined.rules.footprint
    begin, end, last = start - foot.before, start + foot.duration, start + foot.reach
    if foot.duration == 0:
        raise not_available(state, examined.id, state.database.claims_near(examined.id, begin, last))
    pieces = [(True, start, end), (False, begin, start), (False, end, last)]
    wanted = [Wanted(visit, low * MINUTE_MS, high * MINUTE_MS) for visit, low, high in pieces if low < high]
    check_available(state, examined, wanted, path, transaction.now_ms)


def _participants(appointment: Json, held_by: set[Target], schedules: Sequence[Examined]) -> list[Json]:
    """Those of schedules no longer held are dropped, those of new ones appended."""
    actors = [one.actors[0] for one in schedules]
    names = {target(actor.get("reference")) for actor in actors}
    gone = held_by - names
    kept = [
        one for one in children(appointment, "participant") if target(child(one, "actor").get("reference")) not in gone
    ]
    present = {target(child(one, "actor").get("reference")) for one in kept}
    for actor in actors:
        name = target(actor.get("reference"))
        if name is None or name not in present:
            present.add(name)
            kept.append({"actor": orjson.loads(orjson.dumps(actor)), "required": "required", "status": "needs-action"})
    return kept


def _write(
    transaction: Transaction, appointment: Json, service: Service, schedules: Sequence[Examined], start: int
) -> list[Json]:
    parts = [Part(f"Schedule/{one.id}", one.actors[0], one.rules.footprint, one.rules.capacity) for one in schedules]
    slots: list[Json] = ProposalWriter(service.resource).write(start, parts)["contained"]
    ids = [transaction.new_id() for _ in slots]
    stored = transaction.put({**appointment, "slot": [{"reference": f"Slot/{id}"} for id in ids]})
    is_hold = appointment.get("status") == "pending"
    made = [{"resourceType": "Slot", "id": id, **slot} for slot, id in zip(slots, ids, strict=True)]
    for slot in made:
        if is_hold and slot["status"] == "busy":
            slot["status"] = "busy-tentative"
    return [stored, *transaction.put_slots(made, stored)]
