"""A proposed Appointment as `$book` and `$hold` receive it, judged by its form (operations.md, 2.1 rows 1 to 10)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .. import urls
from ..errors import InvalidRequest, MissingResource, NotFound
from ..instants import instant_ms
from ..ledger.state import State, service_ids
from ..mapping import service_references
from ..parameters import ParameterFault, Place
from ..prepared import Examined, Service
from ..references import Json, child, children, same_target, target
from .admission import Wanted, read_slots

ROOT = "Parameters.appointment"


class SlotsOfSchedule:
    """What a proposal asks of one schedule: its Slots, and their places in `contained`."""

    __slots__ = ("examined", "id", "path", "slots", "wanted")

    def __init__(self, id: str, path: str) -> None:
        self.id = id
        self.path = path
        self.slots: list[tuple[Json, str]] = []
        self.wanted: list[Wanted] = []
        self.examined: Examined | None = None

    @property
    def seen(self) -> Examined:
        """The schedule as the service sees it, once `check_proposal` has looked it up."""
        assert self.examined is not None
        return self.examined


@dataclass(slots=True)
class Proposal:
    """One Appointment to be made: the service it is for, and what it takes of each schedule."""

    appointment: Json
    service_id: str
    service_path: str
    contained: list[tuple[Json, str]]
    schedules: list[SlotsOfSchedule]


def read_proposal(appointment: Json) -> Proposal:
    """Rows 1 to 4. Raises InvalidRequest."""
    services = service_ids(appointment)
    if not services:
        raise InvalidRequest("Appointment has no service reference", f"{ROOT}.serviceType")
    if len(services) > 1:
        raise InvalidRequest("Appointment has too many service references", f"{ROOT}.serviceType")
    slots = list(contained_slots(appointment))
    if not slots:
        raise InvalidRequest("Appointment has no contained Slot resources", ROOT)
    visits = [(slot, path) for slot, path in slots if slot.get("status") == "busy"]
    for name in ("start", "end"):
        for slot, path in visits[1:]:
            if slot.get(name) != visits[0][0].get(name):
                raise InvalidRequest(f"Mismatched slot {name} times", [f"{visits[0][1]}.{name}", f"{path}.{name}"])
    schedules: dict[str, SlotsOfSchedule] = {}
    for slot, path in slots:
        reference = child(slot, "schedule").get("reference")
        if not reference:
            raise InvalidRequest("Slot missing schedule reference", path)
        found = target(reference)
        id = found.id if found is not None and found.type == "Schedule" else f"?{reference}"
        schedules.setdefault(id, SlotsOfSchedule(id, f"{path}.schedule")).slots.append((slot, path))
    path = _service_path(appointment, services[0])
    return Proposal(appointment, services[0], path, slots, list(schedules.values()))


def contained_slots(appointment: Json) -> Iterator[tuple[Json, str]]:
    """The contained Slots and their paths; other contained resources are ignored."""
    for index, one in enumerate(children(appointment, "contained")):
        if one["resourceType"] == "Slot":
            yield one, f"{ROOT}.contained[{index}]"


def _service_path(appointment: Json, service_id: str) -> str:
    """The first concept that refers to the service."""
    for index, concept in enumerate(children(appointment, "serviceType")):
        if any(same_target(one, "HealthcareService", service_id) for one in service_references(concept)):
            return f"{ROOT}.serviceType[{index}]"
    raise AssertionError(service_id)


def check_proposal(state: State, proposal: Proposal) -> None:
    """Rows 6 to 10: the service and the schedules, and the Slots by their form. Raises Refusal."""
    service = state.prepared.service(proposal.service_id)
    for one in proposal.schedules:
        if service is None:
            is_there = state.read(f"Schedule/{one.id}") is not None
        else:
            one.examined = state.prepared.examine(one.id, service)
            is_there = one.examined is not None
        if not is_there:
            raise MissingResource("Schedule load failed", one.path)
    if service is None:
        raise NotFound("Not found")
    check_active(service, proposal.service_path, [(one.seen, one.path) for one in proposal.schedules])
    for one in proposal.schedules:
        one.wanted = read_slots(one.slots, one.seen.resolved)
    if proposal.appointment.get("slot"):
        raise InvalidRequest("Proposed appointment must not have Slot references", f"{ROOT}.slot")


def check_active(service: Service, service_path: str, schedules: list[tuple[Examined, str]]) -> None:
    """Rows 7 and 8, of `$book`, `$hold` and `$reschedule`. Raises InvalidRequest."""
    if not service.is_active:
        raise InvalidRequest("HealthcareService is inactive", service_path)
    for examined, path in schedules:
        if not examined.is_active:
            raise InvalidRequest("Schedule is inactive", path)
        if len(examined.actors) != 1:
            raise InvalidRequest("Scheduling only supported on schedules with exactly one actor", path)
    if isinstance(service.layer, ParameterFault):
        raise located(service.layer, service_path, "")
    for examined, path in schedules:
        if isinstance(examined.parameters, ParameterFault):
            raise located(examined.parameters, service_path, path)


def located(fault: ParameterFault, service_path: str, schedule_path: str) -> InvalidRequest:
    """A fault of stored parameters with its places as the operation names them (model 3.3)."""
    return InvalidRequest(fault.text, [place_path(place, service_path, schedule_path) for place in fault.places])


def place_path(place: Place, service_path: str, schedule_path: str) -> str:
    return (service_path if place.root == "service" else schedule_path) + place.path


def start_of(appointment: Json) -> int | None:
    return instant_ms(appointment.get("start"))


def without_extension(resource: Json, url: str) -> Json:
    """The resource without its extensions of this URL."""
    if "extension" not in resource:
        return resource
    kept = [one for one in children(resource, "extension") if one.get("url") != url]
    rest = {name: value for name, value in resource.items() if name != "extension"}
    return {**rest, "extension": kept} if kept else rest


def with_extension(resource: Json, extension: Json) -> Json:
    return {**resource, "extension": [*children(resource, "extension"), extension]}


def template_of(appointment: Json) -> Json | None:
    """The recurrenceTemplate of a series, None if it is none."""
    found = [one for one in children(appointment, "extension") if one.get("url") == urls.RECURRENCE_TEMPLATE]
    return found[0] if found else None
