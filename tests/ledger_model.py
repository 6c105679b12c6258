"""The ledger as a dictionary of resources, and each operation on it as plain as the specification and slow.

Every operation takes a state and answers with an outcome: the refusal, or the new state and the resources of the
answer. Ids that the ledger would choose are tokens, `~1~`; `renamed` puts others in their place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy
from datetime import datetime

from ledger_model_parameters import (
    Refused,
    check_agreement,
    check_parameters,
    check_people,
    is_schedulable,
    services_named,
)
from ledger_model_proposals import (
    RECURRENCE_ID,
    SERIES,
    TEMPLATE,
    A,
    Sent,
    as_set,
    check_availability,
    check_proposal,
    check_shape,
    hold_minutes,
    judge_of,
    occurrences_of,
    on_grid,
    pieces_of,
    readable,
    stamp_of,
    visit_slots,
    with_extensions,
    without,
    written,
)
from ledger_model_state import (
    Draft,
    Made,
    Outcome,
    State,
    check_number,
    checked,
    date_at_midnight,
    given,
    named,
    references,
    referred,
    stored_appointment,
    write,
)
from oracle import (
    CAPACITY,
    HOLD_EXPIRES,
    MINUTE,
    Resource,
    concerns,
    instant,
    type_and_id,
    with_url,
)

OVER = ("cancelled", "entered-in-error")
OCCURRENCES = ("this", "this-and-following", "all")


# $book and $hold


def book(state: State, operation: str, body: Resource, clock: datetime) -> Outcome:
    """`$book` or `$hold`."""

    def work(draft: Draft) -> tuple[list[Resource], bool]:
        kind = body.get("resourceType")
        if kind not in ("Parameters", "Appointment"):
            raise Refused("Invalid request body")
        if kind == "Appointment":
            return make(draft, operation, body, None)
        minutes = minutes_of(body) if operation == "$hold" else None
        sent: list[Resource] = [one["resource"] for one in named(body, "appointment") if "resource" in one]
        if len(sent) != 1:
            raise Refused(f"Expected 1 value(s) for input parameter appointment, but {len(sent)} provided")
        return make(draft, operation, sent[0], minutes)

    return write(state, clock, 201, work)


def minutes_of(body: Resource) -> int | None:
    values = given(body, "hold-minutes", "valueInteger", "valuePositiveInt", "valueUnsignedInt")
    check_number("hold-minutes", "0..1", values)
    if not values:
        return None
    if not isinstance(values[0], int):
        raise Refused(f"Invalid value '{values[0]}' provided for positiveInt parameter 'hold-minutes'")
    if values[0] < 1:
        raise Refused("Invalid hold-minutes, minimum required is 1", "Parameters.hold-minutes")
    return values[0]


def make(draft: Draft, operation: str, sent: Resource, minutes: int | None) -> tuple[list[Resource], bool]:
    series = occurrences_of(sent)
    members = series or [sent]
    answer: list[Resource] = []
    shared: list[Resource] = [{"system": SERIES, "value": draft.token()}] if series else []
    for number, member in enumerate(members):
        prefix = f"Appointment {number + 1} of {len(members)} ({member['start']}): " if series else ""
        try:
            service, slots = check_shape(member)
        except Refused as refusal:
            raise prefixed(refusal, prefix) from None
        if number == 0:
            earlier = check_identifiers(draft, operation, member, service[0], slots)
            if earlier is not None:
                appointments = [draft.resources[one] for one in earlier.appointments]
                return [one for appointment in appointments for one in draft.with_slots(appointment)], False
        try:
            check_proposal(draft.resources, draft.now, member, service, slots)
        except Refused as refusal:
            raise prefixed(refusal, prefix) from None
        extras: list[Resource] = [{"url": RECURRENCE_ID, "valuePositiveInt": number + 1}] if series else []
        if operation == "$hold":
            length = minutes or hold_minutes(draft.resources, service[0], {one.schedule for one in slots})
            if length is not None:
                extras.append({"url": HOLD_EXPIRES, "valueInstant": written(draft.now + length * MINUTE)})
        answer += store(draft, operation, member, service[0], slots, extras, shared)
    service, slots = check_shape(members[0])
    keys = [one for one in answer if one["resourceType"] == "Appointment"]
    draft.made.append(
        Made(
            operation,
            proposal_of(members[0], service[0], slots),
            frozenset(key for _, key in identifiers(sent)),
            tuple(f"Appointment/{one['id']}" for one in keys),
        )
    )
    return answer, True


def prefixed(refusal: Refused, prefix: str) -> Refused:
    return Refused(
        prefix + refusal.text,
        *refusal.expression,
        status=refusal.status,
        code=refusal.code,
        diagnostics=refusal.diagnostics,
        schedule=refusal.schedule,
    )


def identifiers(appointment: Resource) -> list[tuple[int, tuple[str | None, str]]]:
    """Those that count, with their places (operations 3)."""
    return [
        (number, (one.get("system"), one["value"]))
        for number, one in enumerate(appointment.get("identifier", []))
        if "value" in one and one.get("system") != SERIES
    ]


def proposal_of(appointment: Resource, service: str, slots: Sequence[Sent]) -> object:
    """What two requests must have in common to be the same (operations 3)."""
    templates = with_url(appointment, TEMPLATE)
    times = [
        (one.schedule, one.slot.get("status"), *(one.slot.get(name) for name in ("start", "end"))) for one in slots
    ]
    moments = [(*one[:2], *(readable(text) or text for text in one[2:])) for one in times]
    return service, as_set(templates[0] if templates else None), sorted(moments, key=str)


def check_identifiers(
    draft: Draft, operation: str, appointment: Resource, service: str, slots: Sequence[Sent]
) -> Made | None:
    """Row 5 of operations 2.1: the earlier request of which this is a repetition."""
    taken = [
        (number, made)
        for number, key in identifiers(appointment)
        for made in draft.made
        if key in made.identifiers and is_alive(draft, made)
    ]
    if not taken:
        return None
    number, first = taken[0]
    same = first.operation == operation and first.proposal == proposal_of(appointment, service, slots)
    if not same or any(made is not first for _, made in taken):
        raise Refused("Identifier already used by another appointment", f"{A}.identifier[{number}]")
    return first


def is_alive(draft: Draft, made: Made) -> bool:
    found = [draft.resources[one] for one in made.appointments if one in draft.resources]
    return any(one["status"] not in OVER for one in found)


def store(
    draft: Draft,
    operation: str,
    sent: Resource,
    service: str,
    slots: Sequence[Sent],
    extras: Sequence[Resource],
    shared: Sequence[Resource],
) -> list[Resource]:
    """Operations 2.4."""
    stored: list[Resource] = []
    for one in slots:
        slot = {**deepcopy(one.slot), "id": draft.token()}
        if "serviceType" in slot and not concerns(slot, draft.resources[service]):
            del slot["serviceType"]
        stamps: list[Resource] = []
        if slot["status"] == "busy":
            slot["status"] = "busy-tentative" if operation == "$hold" else "busy"
            stamps = stamp_of(judge_of(draft.resources, draft.now, service, one.schedule))
        stored.append(draft.put(with_extensions(slot, CAPACITY, stamps)))
    visit = next(one.slot for one in slots if one.slot["status"] == "busy")
    appointment: Resource = {
        "start": visit["start"],
        "end": visit["end"],
        **deepcopy(without(sent, "contained")),
        "id": draft.token(),
        "slot": [{"reference": f"Slot/{one['id']}"} for one in stored],
        "status": "pending" if operation == "$hold" else "booked",
    }
    if shared:
        appointment["identifier"] = [*appointment.get("identifier", []), *shared]
    return [draft.put(with_extensions(appointment, HOLD_EXPIRES, extras)), *stored]


# $confirm


def confirm(state: State, id: str, body: Resource | None, clock: datetime) -> Outcome:
    def work(draft: Draft) -> tuple[list[Resource], bool]:
        wanted = given(checked(body), "occurrences", "valueCode", "valueString")
        check_number("occurrences", "0..1", wanted)
        which = wanted[0] if wanted else "this"
        if which not in OCCURRENCES:
            text = "occurrences must be one of this, this-and-following, all"
            raise Refused(text, "Parameters.occurrences")
        appointment = stored_appointment(draft, id)
        if is_expired(appointment, draft.now):
            raise Refused("Hold has expired")
        if appointment["status"] not in ("pending", "proposed"):
            raise Refused(f"Appointment cannot be confirmed in '{appointment['status']}' status")
        members = [appointment]
        if which != "this":
            series = series_of(appointment)
            if series is None:
                raise Refused("Appointment is not part of a recurring series", "Parameters.occurrences")
            members = [
                one
                for one in draft.resources.values()
                if one["resourceType"] == "Appointment"
                and series_of(one) == series
                and one["status"] in ("pending", "proposed")
                and (which == "all" or instant(one["start"]) >= instant(appointment["start"]))
            ]
            members.sort(key=lambda one: (instant(one["start"]), one["id"]))  # of equal starts nothing is said
        for one in members:
            check_confirmable(draft, one)
        return [resource for one in members for resource in confirmed(draft, one)], True

    return write(state, clock, 200, work)


def is_expired(appointment: Resource, now: datetime) -> bool:
    """A recorded lapse (operations 4)."""
    expiries = [instant(one["valueInstant"]) for one in with_url(appointment, HOLD_EXPIRES)]
    return (
        appointment["status"] == "cancelled"
        and appointment.get("cancelationReason", {}).get("text") == "Hold expired"
        and any(one <= now for one in expiries)
    )


def series_of(appointment: Resource) -> str | None:
    values = [one["value"] for one in appointment.get("identifier", []) if one.get("system") == SERIES]
    return values[0] if values else None


def check_confirmable(draft: Draft, appointment: Resource) -> None:
    for service, number in services_named(appointment.get("serviceType", [])).items():
        if service not in draft.resources:
            raise Refused("Loading HealthcareService failed", f"Appointment.serviceType[{number}]")
        if draft.resources[service].get("active") is False:
            raise Refused("HealthcareService is inactive", f"Appointment.serviceType[{number}]")
    check_slots_read(draft, appointment)
    for number, slot in enumerate(references(appointment)):
        schedule = draft.resources[slot]["schedule"]["reference"]
        place = f"Appointment.slot[{number}].schedule"
        if schedule not in draft.resources:
            raise Refused("Loading Schedule failed", place)
        if draft.resources[schedule].get("active") is False:
            raise Refused("Schedule is inactive", place)


def check_slots_read(draft: Draft, appointment: Resource) -> None:
    for number, slot in enumerate(references(appointment)):
        if slot not in draft.resources:
            raise Refused("Loading slots failed", f"Appointment.slot[{number}]")


def confirmed(draft: Draft, appointment: Resource) -> list[Resource]:
    for reference in references(appointment):
        slot = draft.resources[reference]
        if slot["status"] == "busy-tentative":
            draft.put({**slot, "status": "busy"})
    booked = draft.put(with_extensions({**appointment, "status": "booked"}, HOLD_EXPIRES, []))
    return draft.with_slots(booked)


# $cancel


def cancel(state: State, id: str | None, body: Resource | None, clock: datetime) -> Outcome:
    """At instance level, or with no id at type level."""

    def work(draft: Draft) -> tuple[list[Resource], bool]:
        key = id
        parameters = checked(body)
        if key is None:
            name = "appointment-reference"
            values = referred(parameters, name)
            if not values:
                raise Refused(f"Expected at least 1 value(s) for required input parameter '{name}'")
            check_number(name, "1", values)
            if not values[0].startswith("Appointment/"):
                raise Refused(f"Invalid {name} reference", f"Parameters.{name}")
            key = values[0].removeprefix("Appointment/")
        reasons = given(parameters, "cancelationReason", "valueCodeableConcept")
        check_number("cancelationReason", "0..1", reasons)
        appointment = stored_appointment(draft, key)
        if appointment["status"] not in ("booked", "pending"):
            raise Refused(f"Appointment cannot be canceled in '{appointment['status']}' status")
        check_slots_read(draft, appointment)
        for slot in references(appointment):
            draft.delete(slot)
        changed: Resource = {**appointment, "status": "cancelled"}
        if reasons:
            changed["cancelationReason"] = reasons[0]
        return [draft.put(changed)], True

    return write(state, clock, 200, work)


# $reschedule


def reschedule(state: State, id: str, body: Resource, clock: datetime) -> Outcome:
    def work(draft: Draft) -> tuple[list[Resource], bool]:
        starts = given(checked(body), "start", "valueDateTime", "valueInstant", "valueDate", "valueString")
        check_number("start", "1", starts)
        wanted = referred(body, "schedule")
        check_number("schedule", "1..*", wanted)
        start = readable(starts[0]) or date_at_midnight(starts[0])
        if start is None:
            raise Refused("Invalid start time", "Parameters.start")
        schedules: dict[str, str] = {}
        for number, name in enumerate(wanted):
            if not name.startswith("Schedule/"):
                raise Refused("Invalid schedule reference", f"Parameters.schedule[{number}]")
            schedules.setdefault(name, f"Parameters.schedule[{number}]")
        return move(draft, stored_appointment(draft, id), start, list(schedules.items())), True

    return write(state, clock, 200, work)


def move(draft: Draft, appointment: Resource, start: datetime, schedules: list[tuple[str, str]]) -> list[Resource]:
    status = appointment["status"]
    if status not in ("pending", "booked"):
        raise Refused(f"Appointment cannot be rescheduled in '{status}' status")
    services = services_named(appointment.get("serviceType", []))
    if len(services) != 1:
        much = "too many service references" if services else "no service reference"
        raise Refused(f"Appointment has {much}", "Appointment.serviceType")
    ((service, number),) = services.items()
    for name, place in schedules:
        if name not in draft.resources:
            raise Refused("Loading schedule failed", place)
    service_place = f"Appointment.serviceType[{number}]"
    if service not in draft.resources:
        raise Refused("Loading HealthcareService failed", service_place)
    check_people(draft.resources, (service, service_place), schedules)
    check_parameters(draft.resources, (service, service_place), schedules)
    for name, place in schedules:
        if not is_schedulable(draft.resources[name], service):
            raise Refused("Schedule is not schedulable for requested service type", place)
    check_agreement(draft.resources, (service, service_place), schedules)
    current = references(appointment)
    judges = [judge_of(draft.resources, draft.now, service, name) for name, _ in schedules]
    if not on_grid(judges[0], start):
        raise Refused("Start time is not aligned to the scheduling grid", "Parameters.start")
    check_slots_read(draft, appointment)
    held = [draft.resources[slot]["schedule"]["reference"] for slot in current]
    for number, name in enumerate(held):
        if name not in draft.resources:
            text = "Loading schedules for existing slots failed"
            raise Refused(text, f"Appointment.slot[{number}].schedule")

    remaining = {key: one for key, one in draft.resources.items() if key not in current}
    for judge, schedule in zip(judges, schedules, strict=True):
        pieces = [(begin, finish, visit) for _, begin, finish, visit, _ in pieces_of(judge, start)]
        check_availability(remaining, draft.now, service, schedule, pieces)

    for slot in current:
        draft.delete(slot)
    stored: list[Resource] = []
    for judge, (name, _) in zip(judges, schedules, strict=True):
        for slot in visit_slots(judge, name, start):
            if slot["status"] == "busy" and status == "pending":
                slot["status"] = "busy-tentative"
            stored.append(draft.put({**slot, "id": draft.token()}))
    changed: Resource = {
        **appointment,
        "start": written(start),
        "end": written(start + judges[0].duration * MINUTE),
        "slot": [{"reference": f"Slot/{one['id']}"} for one in stored],
    }
    participants = moved_participants(draft, appointment, held, [name for name, _ in schedules])
    return [draft.put({**without(changed, "participant"), **participants}), *stored]


def moved_participants(draft: Draft, appointment: Resource, held: Iterable[str], new: Iterable[str]) -> Resource:
    """Who takes part after a move, as the element `participant` or nothing."""
    before = {type_and_id(actor) for name in held for actor in draft.resources[name].get("actor", [])}
    actors = {type_and_id(actor): actor for name in new for actor in draft.resources[name]["actor"]}
    kept: list[Resource] = []
    for one in appointment.get("participant", []):
        key = type_and_id(one["actor"]) if "reference" in one.get("actor", {}) else None
        if key not in before or key in actors:
            kept.append(one)
    present = {type_and_id(one["actor"]) for one in kept if "reference" in one.get("actor", {})}
    for key, actor in actors.items():
        if key not in present:
            kept.append({"actor": actor, "required": "required", "status": "needs-action"})
    return {"participant": kept} if kept else {}
