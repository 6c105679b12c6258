"""The judgement of proposals for the model of the ledger: operations 2.1 to 2.3, and the series of section 7."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ledger_model_parameters import (
    Refused,
    Resources,
    check_parameters,
    check_people,
    is_positive,
    is_zone,
    not_found,
    services_named,
)
from oracle import (
    CAPACITY,
    DAY,
    MINUTE,
    Judge,
    Resource,
    clock_of,
    duration_minutes,
    field_of,
    instant,
    instants_showing,
    layers_of,
    round_down,
    round_up,
    with_url,
)

TEMPLATE = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Appointment.recurrenceTemplate"
RECURRENCE_ID = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Appointment.recurrenceId"
SERIES = "https://medplum.com/fhir/recurring-appointment-series"

OCCUPYING = ("busy", "busy-tentative", "busy-unavailable")
LONG_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
OFFSET = r"(Z|[+-]((0\d|1[0-3]):[0-5]\d|14:00))"
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?" + OFFSET)
A = "Parameters.appointment"
CLOSED = "Requested time slot is not available"


# Time


def readable(text: object) -> datetime | None:
    """The time, if it is a FHIR instant (model 6)."""
    if not isinstance(text, str) or not INSTANT.fullmatch(text):
        return None
    try:
        return instant(text)
    except ValueError:
        return None


def written(moment: datetime) -> str:
    """UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# Proposals


@dataclass(frozen=True)
class Sent:
    """A contained Slot with its place."""

    place: str
    slot: Resource

    @property
    def schedule(self) -> str:
        return self.slot["schedule"]["reference"]

    @property
    def start(self) -> datetime:
        return instant(self.slot["start"])

    @property
    def end(self) -> datetime:
        return instant(self.slot["end"])


def contained_slots(appointment: Resource) -> list[Sent]:
    contained: list[Resource] = appointment.get("contained", [])
    return [
        Sent(f"{A}.contained[{number}]", one)
        for number, one in enumerate(contained)
        if one.get("resourceType") == "Slot"
    ]


def check_shape(appointment: Resource) -> tuple[tuple[str, str], list[Sent]]:
    """Rows 1 to 4 of operations 2.1: the service with its place, and the Slots."""
    services = services_named(appointment.get("serviceType", []))
    if not services:
        raise Refused("Appointment has no service reference", f"{A}.serviceType")
    if len(services) > 1:
        raise Refused("Appointment has too many service references", f"{A}.serviceType")
    slots = contained_slots(appointment)
    if not slots:
        raise Refused("Appointment has no contained Slot resources", A)
    busy = [one for one in slots if one.slot.get("status") == "busy"]
    for field in ("start", "end"):
        for one in busy:
            if one.slot.get(field) != busy[0].slot.get(field):
                places = [f"{busy[0].place}.{field}", f"{one.place}.{field}"]
                raise Refused(f"Mismatched slot {field} times", *places)
    for one in slots:
        if "reference" not in one.slot.get("schedule", {}):
            raise Refused("Slot missing schedule reference", one.place)
    ((service, number),) = services.items()
    return (service, f"{A}.serviceType[{number}]"), slots


def check_proposal(
    resources: Resources, now: datetime, appointment: Resource, service: tuple[str, str], slots: Sequence[Sent]
) -> None:
    """Rows 6 to 11 of operations 2.1."""
    by_schedule: dict[str, list[Sent]] = {}
    for one in slots:
        by_schedule.setdefault(one.schedule, []).append(one)
    schedules = [(name, f"{sent[0].place}.schedule") for name, sent in by_schedule.items()]
    for name, place in schedules:
        if not name.startswith("Schedule/") or name not in resources:
            raise Refused("Schedule load failed", place)
    if service[0] not in resources:
        raise not_found()
    check_people(resources, service, schedules)
    check_parameters(resources, service, schedules)
    judges: dict[str, Judge] = {}
    for name, sent in by_schedule.items():
        judges[name] = judge_of(resources, now, service[0], name)
        check_slots(judges[name], sent)
    if "slot" in appointment:
        raise Refused("Proposed appointment must not have Slot references", f"{A}.slot")
    for name, place in schedules:
        pieces = [(one.start, one.end, one.slot["status"] == "busy") for one in by_schedule[name]]
        check_availability(resources, now, service[0], (name, place), pieces)


def check_slots(judge: Judge, slots: Sequence[Sent]) -> None:
    """Operations 2.2."""
    for one in slots:
        status = one.slot.get("status")
        if status not in ("busy", "busy-unavailable"):
            raise Refused(f"Slot status must be 'busy' or 'busy-unavailable', got '{status}'", one.place)
    for one in slots:
        if readable(one.slot.get("start")) is None or readable(one.slot.get("end")) is None:
            raise Refused("Slot has invalid start or end time", one.place)
        if one.end < one.start:
            raise Refused("Slot has end time before start time", one.place)
        if one.end == one.start:
            raise Refused("Slot must cover a positive duration", one.place)
    visits = [one for one in slots if one.slot["status"] == "busy"]
    others = [one for one in slots if one.slot["status"] != "busy"]
    if len(visits) != 1:
        raise Refused("Expected exactly one 'busy' slot per schedule", *(one.place for one in slots))
    visit = visits[0]
    if visit.end - visit.start != judge.duration * MINUTE:
        raise Refused("Slot duration does not match scheduling parameters duration", visit.place)
    if not on_grid(judge, visit.start):
        raise Refused("Slot start time is not aligned to the scheduling grid", visit.place)
    sides = (
        ("before", "Before", judge.before, "ending at the start", [one for one in others if one.end == visit.start]),
        ("after", "After", judge.after, "starting at the end", [one for one in others if one.start == visit.end]),
    )
    for side, title, minutes, where, buffers in sides:
        if minutes == 0:
            continue
        if len(buffers) != 1:
            text = f"Expected exactly one 'busy-unavailable' slot {where} of the busy slot (buffer{title})"
            raise Refused(text, visit.place)
        length = (buffers[0].end - buffers[0].start) / MINUTE
        if length != minutes:
            text = f"Buffer-{side} slot duration ({length:g} min) does not match"
            raise Refused(f"{text} scheduling parameters buffer{title} ({minutes} min)", buffers[0].place)


def on_grid(judge: Judge, start: datetime) -> bool:
    return round_down(start) == round_up(start) and judge.on_grid(round_down(start))


# Availability


def judge_of(resources: Resources, now: datetime, service: str, schedule: str) -> Judge:
    """The brute-force judge over the Slots whose times can be used."""
    usable = [one for one in resources.values() if one["resourceType"] != "Slot" or is_usable(one)]
    return Judge(usable, service.split("/")[1], schedule.split("/")[1], now, None)


def is_usable(slot: Resource) -> bool:
    start, end = readable(slot.get("start")), readable(slot.get("end"))
    return start is not None and end is not None and start <= end


def check_availability(
    resources: Resources,
    now: datetime,
    service: str,
    schedule: tuple[str, str],
    pieces: Sequence[tuple[datetime, datetime, bool]],
) -> None:
    """Operations 2.3 for one schedule (reference, place); the pieces are (start, end, is the visit)."""
    name, place = schedule
    first, last = min(one[0] for one in pieces), max(one[1] for one in pieces)
    own = [one for one in resources.values() if one["resourceType"] == "Slot" and one["schedule"]["reference"] == name]
    if any(one[0] == one[1] for one in pieces):  # operations 8, row 14: never available, before or after what follows
        raise Refused(CLOSED, diagnostics=blocking_slots(own, first, last), schedule=name)
    for slot in sorted(own, key=lambda one: one["id"]):
        if slot["status"] == "entered-in-error" or is_usable(slot):
            continue
        start, end = readable(slot.get("start")), readable(slot.get("end"))
        if start is None or end is None:
            raise Refused(f"Slot/{slot['id']} has invalid start or end time")
        if first <= start < last or first <= end < last:
            raise Refused(f"Slot/{slot['id']} has end time before start time")

    judge = judge_of(resources, now, service, name)
    if not judge.within_horizon(round_down(first), round_up(last)):
        raise Refused("Appointment falls outside schedule planning horizon", place)

    for start, end, is_visit in pieces:
        asked = judge.capacity if is_visit else 1
        minutes = range(round_down(start), round_up(end))
        if any(not judge.is_open(one) or judge.is_blocked(one, asked, ()) for one in minutes):
            blocking = blocking_slots(own, first, last)
            raise Refused(CLOSED, diagnostics=blocking, schedule=name)
    (visit,) = [one for one in pieces if one[2]]
    if any(judge.is_full(limit, round_down(visit[0]), ()) for limit in judge.limits):
        raise Refused("Booking limit reached for requested service type", place)


def blocking_slots(slots: Iterable[Resource], first: datetime, last: datetime) -> list[Resource]:
    """The occupying Slots that overlap the range, occupied time being rounded outward (model 6)."""
    begin, finish = round_down(first), round_up(last)
    found = [
        one
        for one in slots
        if one["status"] in OCCUPYING
        and is_usable(one)
        and instant(one["start"]) < instant(one["end"])
        and round_down(instant(one["start"])) < finish
        and round_up(instant(one["end"])) > begin
    ]
    found.sort(key=lambda one: (instant(one["start"]), one["id"]))
    return [
        {"reference": f"Slot/{one['id']}", **{name: one[name] for name in ("start", "end", "status")}} for one in found
    ]


def hold_minutes(resources: Resources, service: str, schedules: Iterable[str]) -> int | None:
    """The shortest holdDuration (model 16)."""
    offered = resources[service]
    stated = [field_of(layers_of(resources[one], offered), "holdDuration") for one in schedules]
    return min((duration_minutes(one[0]["valueDuration"]) for one in stated if one), default=None)


# What is stored


def without(resource: Resource, *names: str) -> Resource:
    return {name: value for name, value in resource.items() if name not in names}


def stamp_of(judge: Judge) -> list[Resource]:
    return [{"url": CAPACITY, "valuePositiveInt": judge.capacity}] if judge.capacity > 1 else []


def with_extensions(resource: Resource, removed: str, added: Sequence[Resource]) -> Resource:
    kept = [one for one in resource.get("extension", []) if one["url"] != removed]
    rest = without(resource, "extension")
    return {**rest, "extension": [*kept, *added]} if kept or added else rest


def pieces_of(judge: Judge, start: datetime) -> list[tuple[str, datetime, datetime, bool, str | None]]:
    """Visit, bufferBefore, bufferAfter: status, start, end, whether it is the visit, and comment (find 8)."""
    end = start + judge.duration * MINUTE
    pieces: list[tuple[str, datetime, datetime, bool, str | None]] = [("busy", start, end, True, None)]
    if judge.before:
        begin = start - judge.before * MINUTE
        pieces.append(("busy-unavailable", begin, start, False, "buffer before appointment"))
    if judge.after:
        finish = end + judge.after * MINUTE
        pieces.append(("busy-unavailable", end, finish, False, "buffer after appointment"))
    return pieces


def visit_slots(judge: Judge, schedule: str, start: datetime) -> list[Resource]:
    """The Slots of one schedule as `$find` proposes them (find 8)."""
    slots: list[Resource] = []
    for status, begin, finish, visit, comment in pieces_of(judge, start):
        slot: Resource = {
            "resourceType": "Slot",
            "schedule": {"reference": schedule},
            "status": status,
            "start": written(begin),
            "end": written(finish),
        }
        if comment is not None:
            slot["comment"] = comment
        slots.append(with_extensions(slot, CAPACITY, stamp_of(judge) if visit else []))
    return slots


# Series (operations 7)


def template_for(start: datetime, count: int, zone: str) -> Resource:
    """As `$find` gives it (find 6)."""

    def concept(system: str, **coding: str) -> Resource:
        return {"coding": [{"system": system, **coding}]}

    weekday = LONG_WEEKDAYS[clock_of(zone, start).weekday()]
    weekly: list[Resource] = [{"url": weekday, "valueBoolean": True}, {"url": "weekInterval", "valuePositiveInt": 1}]
    week = concept("http://unitsofmeasure.org", code="wk", display="week")
    return {
        "url": TEMPLATE,
        "extension": [
            {"url": "timezone", "valueCodeableConcept": concept("https://www.iana.org/time-zones", code=zone)},
            {"url": "recurrenceType", "valueCodeableConcept": week},
            {"url": "occurrenceCount", "valuePositiveInt": count},
            {"url": "weeklyTemplate", "extension": weekly},
        ],
    }


def occurrences_of(appointment: Resource) -> list[Resource] | None:
    """The checks of section 7 and the expansion; None if it is no series."""
    extensions: list[Resource] = appointment.get("extension", [])
    places = [f"{A}.extension[{number}]" for number, one in enumerate(extensions) if one["url"] == TEMPLATE]
    if len(places) > 1:
        raise Refused("Too many recurrenceTemplate extensions", *places)
    assigned = "is assigned to each occurrence of a recurring series, and must not be sent"
    for number, one in enumerate(appointment.get("identifier", [])):
        if one.get("system") == SERIES:
            raise Refused(f"A series identifier {assigned}", f"{A}.identifier[{number}]")
    for number, one in enumerate(extensions):
        if one["url"] == RECURRENCE_ID:
            raise Refused(f"recurrenceId {assigned}", f"{A}.extension[{number}]")
    if not places:
        return None
    (template,) = with_url(appointment, TEMPLATE)
    return expand(appointment, template, places[0])


def expand(appointment: Resource, template: Resource, place: str) -> list[Resource]:
    unsupported = "Unsupported recurrenceTemplate: "
    counts: list[Any] = [one.get("valuePositiveInt") for one in with_url(template, "occurrenceCount")]
    if not counts or not is_positive(counts[0]) or not 2 <= counts[0] <= 6:
        raise Refused(f"{unsupported}occurrenceCount must be an integer between 2 and 6", place)
    for owner, path in [(appointment, A), *((one.slot, one.place) for one in contained_slots(appointment))]:
        for field in ("start", "end"):
            if readable(owner.get(field)) is None:
                text = "Times in a recurring series must be instants, with a timezone offset"
                raise Refused(text, f"{path}.{field}")
    zone = zone_of(template)
    if not is_zone(zone):
        raise Refused(f"{unsupported}timezone must be an IANA timezone", place)
    first = instant(appointment["start"])
    if as_set(template) != as_set(template_for(first, counts[0], zone)):
        text = "must be a weekly series on the first occurrence's weekday, as Appointment/$find returns it"
        raise Refused(f"{unsupported}{text}", place)
    shifts: list[timedelta] = []
    for week in range(counts[0]):
        passes = instants_showing(zone, clock_of(zone, first) + 7 * week * DAY) if week else [first]
        if not passes:
            text = f"occurrence {week + 1} falls at a local time that doesn't exist in {zone}"
            raise Refused(f"{unsupported}{text}", place)
        shifts.append(passes[0] - first)
    return [shifted(appointment, shift, number) for number, shift in enumerate(shifts)]


def shifted(appointment: Resource, shift: timedelta, number: int) -> Resource:
    """An occurrence, without what the server assigns."""
    one = deepcopy(appointment)
    for owner in (one, *(sent.slot for sent in contained_slots(one))):
        for field in ("start", "end"):
            owner[field] = written(instant(owner[field]) + shift)
    if number:
        one.pop("requestedPeriod", None)
        one["extension"] = [extension for extension in one["extension"] if extension["url"] != TEMPLATE]
    return one


def zone_of(template: Resource) -> Any:
    for part in with_url(template, "timezone"):
        for coding in part.get("valueCodeableConcept", {}).get("coding", []):
            return coding.get("code")
    return None


def as_set(template: Resource | None) -> object:
    """The template without the order of its parts."""
    if template is None:
        return None
    rest = sorted((key, repr(sorted_keys(one))) for key, one in template.items() if key != "extension")
    return rest, sorted(repr(as_set(one)) for one in template.get("extension", []))


def sorted_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return sorted((key, sorted_keys(one)) for key, one in value.items())  # type: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [sorted_keys(one) for one in value]  # type: ignore[reportUnknownVariableType]
    return value
