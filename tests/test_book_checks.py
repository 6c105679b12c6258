"""`$book` and `$hold`: how a request is read and judged before availability (operations.md, 1 and 2.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from ledger_support import (
    BOOK,
    HOLD,
    UNAVAILABLE,
    A,
    Answer,
    Clinic,
    Fault,
    NewClinic,
    accepted,
    added,
    at,
    basic,
    body,
    buffer,
    change,
    clock,
    contain,
    fixed,
    named,
    not_found,
    proposal,
    refused,
    remove,
    replace,
    template,
    together,
    visit,
)
from ledger_support import clinic_fixture as clinic_fixture
from support import Resource, parameters, refusal, schedule, service, service_type, slot

both = pytest.mark.parametrize("operation", [BOOK, HOLD])


def ask(clinic: Clinic, operation: str, appointment: Resource) -> Answer:
    return clinic.ask(operation, body(("appointment", "resource", appointment)))


# Section 1: the request.


@both
@pytest.mark.parametrize("sent", [{"resourceType": "Patient"}, {"resourceType": "Slot", "status": "busy"}, {}])
def test_a_body_of_another_kind_is_refused(clinic: NewClinic, operation: str, sent: Resource) -> None:
    assert refused(clinic().ask(operation, sent)) == ("Invalid request body", None)


@both
def test_the_appointment_itself_may_be_the_body(clinic: NewClinic, operation: str) -> None:
    appointment, *slots = accepted(clinic().ask(operation, proposal(visit("a", "09:00"))))
    assert appointment["slot"] == [{"reference": f"Slot/{slots[0]['id']}"}]


@both
def test_the_paths_of_an_appointment_as_the_body_are_the_same(clinic: NewClinic, operation: str) -> None:
    answer = clinic().ask(operation, proposal(visit("a", "09:05")))
    assert refused(answer) == ("Slot start time is not aligned to the scheduling grid", at("contained[0]"))


@both
@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ([], "Expected 1 value(s) for input parameter appointment, but 0 provided"),
        ([("valueString", "x")], "Expected 1 value(s) for input parameter appointment, but 0 provided"),
        (
            [("resource", proposal(visit("a", "09:00"))), ("resource", proposal(visit("a", "09:00")))],
            "Expected 1 value(s) for input parameter appointment, but 2 provided",
        ),
    ],
)
def test_exactly_one_appointment_is_expected(
    clinic: NewClinic, operation: str, entries: Sequence[tuple[str, Any]], text: str
) -> None:
    sent = body(*(("appointment", key, value) for key, value in entries))
    assert refused(clinic().ask(operation, sent)) == (text, None)


@both
def test_parameters_not_declared_are_ignored(clinic: NewClinic, operation: str) -> None:
    more = [("colour", "valueString", "red"), ("hold-hours", "valuePositiveInt", 0)]
    sent = body(("appointment", "resource", proposal(visit("a", "09:00"))), *more)
    assert accepted(clinic().ask(operation, sent))


def test_book_does_not_know_hold_minutes(clinic: NewClinic) -> None:
    assert accepted(clinic().book(proposal(visit("a", "09:00")), ("hold-minutes", "valuePositiveInt", 0)))


@pytest.mark.parametrize("now", ["2026-03-16T09:10:00.000Z", "2027-01-01T00:00:00.000Z"])
def test_past_times_can_be_booked(clinic: NewClinic, now: str) -> None:
    assert accepted(clinic().book(proposal(visit("a", "09:00")), now=now))


def zoned(concept: Any) -> Resource:
    """An extension element: a recurrenceTemplate with this timezone."""
    series = template()
    series["extension"][0] = {"url": "timezone", "valueCodeableConcept": concept}
    return {"extension": [series]}


CONCEPTS: list[Any] = [5, True, [{}], {"coding": 5}, {"coding": [None]}, {"coding": ["x"]}]
MALFORMED: list[Resource] = [
    {"contained": {}},
    {"contained": [5]},
    {"contained": [visit("a", "09:00", extension="x")]},
    {"identifier": "x"},
    {"identifier": [None]},
    {"serviceType": {"text": "x"}},
    {"serviceType": [service_type("checkup"), "x"]},
    {"extension": [5]},
    *(zoned(one) for one in CONCEPTS),
    {"start": 5},
    {"comment": "\ud800"},
    {"priority": 2**64},
]


@both
@pytest.mark.parametrize("elements", MALFORMED)
def test_malformed_elements_are_the_fault_of_the_request(clinic: NewClinic, operation: str, elements: Resource) -> None:
    answer = clinic().ask(operation, {**proposal(visit("a", "09:00")), **elements})
    # stored as sent, or refused; never an internal error
    assert answer[0] in (201, 400)


# Section 2.1: every row alone, then every two rows that one request can break.


def in_slot(index: int, **elements: Any) -> Callable[[Resource], Any]:
    return lambda appointment: appointment["contained"][index].update(elements)


ROWS = [
    Fault(
        "no service",
        "Appointment has no service reference",
        fixed("serviceType"),
        replace(serviceType=[{"coding": [{"code": "checkup"}]}]),
        excludes=("two-services",),
    ),
    Fault(
        "two-services",
        "Appointment has too many service references",
        fixed("serviceType"),
        replace(serviceType=[service_type("checkup"), service_type("xray")]),
    ),
    Fault(
        "no slots",
        "Appointment has no contained Slot resources",
        fixed(""),
        replace(contained=[{"resourceType": "Patient", "id": "p"}]),
        excludes=(
            "starts",
            "ends",
            "no-schedule",
            "unread",
            "schedule-inactive",
            "actors",
            "schedule-parameters",
            "zone",
            "status",
            "taken-time",
        ),
    ),
    Fault(
        "starts",
        "Mismatched slot start times",
        fixed("contained[0].start", "contained[1].start"),
        in_slot(1, start="2026-03-16T09:00:00Z"),
    ),
    Fault(
        "ends",
        "Mismatched slot end times",
        fixed("contained[0].end", "contained[1].end"),
        in_slot(1, end="2026-03-16T09:30:00Z"),
    ),
    Fault(
        "no-schedule",
        "Slot missing schedule reference",
        added("no-schedule"),
        contain({**buffer("a", "12:00", "12:30"), "schedule": {"display": "a"}, "comment": "no-schedule"}),
    ),
    Fault(
        "identifier",
        "Identifier already used by another appointment",
        fixed("identifier[1]"),
        replace(identifier=named("new", "taken")),
    ),
    Fault(
        "unread", "Schedule load failed", added("unread", ".schedule"), contain(visit("x", "09:00", comment="unread"))
    ),
    Fault(
        "gone",
        "Not found",
        stored=remove("HealthcareService/checkup"),
        excludes=(
            "inactive",
            "service-parameters",
        ),
    ),
    Fault(
        "inactive",
        "HealthcareService is inactive",
        fixed("serviceType[0]"),
        stored=change("HealthcareService/checkup", active=False),
    ),
    Fault(
        "schedule-inactive",
        "Schedule is inactive",
        fixed("contained[0].schedule"),
        stored=change("Schedule/a", active=False),
    ),
    Fault(
        "actors",
        "Scheduling only supported on schedules with exactly one actor",
        fixed("contained[0].schedule"),
        stored=change("Schedule/a", actor=[{"reference": "Practitioner/a"}, {"reference": "Practitioner/b"}]),
    ),
    Fault(
        "service-parameters",
        "slotCapacity must be a positive integer",
        fixed("serviceType[0].extension[0].extension[1]"),
        stored=change("HealthcareService/checkup", extension=[parameters(duration=30, slotCapacity=0)]),
    ),
    Fault(
        "schedule-parameters",
        'Got unhandled duration unit "s"',
        fixed("contained[0].schedule.extension[0].extension[0]"),
        stored=change("Schedule/a", extension=[parameters(bufferAfter=(60, "s"))]),
    ),
    Fault(
        "zone",
        "No timezone specified",
        fixed("contained[0].schedule.actor[0]"),
        stored=change("Practitioner/a", extension=None),
    ),
    Fault(
        "status",
        "Slot status must be 'busy' or 'busy-unavailable', got 'free'",
        added("status"),
        contain(visit("a", "12:00", status="free", comment="status")),
    ),
    Fault(
        "references",
        "Proposed appointment must not have Slot references",
        fixed("slot"),
        replace(slot=[{"reference": "Slot/x"}]),
    ),
    Fault(
        "taken-time",
        UNAVAILABLE,
        stored=lambda clinic: clinic.add(slot("x", "a", clock("09:00"), clock("09:30"))),
    ),
]


@both
@pytest.mark.parametrize(("first", "made"), together(ROWS))
def test_checks_in_order(clinic: NewClinic, operation: str, first: Fault, made: Sequence[Fault]) -> None:
    opened = clinic(*basic(service("xray")))
    opened.booked(visit("a", "15:00"), identifier=named("taken"))
    appointment = proposal(visit("a", "09:00"), visit("b", "09:00"))
    for fault in made:
        fault.stored(opened)
        fault.sent(appointment)
    answer = ask(opened, operation, appointment)
    if first.name == "gone":
        assert not_found(answer)
    else:
        assert refused(answer) == first.refusal(appointment)


@both
@pytest.mark.parametrize("contained", [None, []])
def test_without_contained_there_are_no_slots(clinic: NewClinic, operation: str, contained: Any) -> None:
    sent = proposal(contained=contained)
    assert refused(ask(clinic(), operation, sent)) == ("Appointment has no contained Slot resources", [A])


@both
@pytest.mark.parametrize("types", [None, [], [{"text": "check-up"}], [{"extension": [{"url": "http://e.org"}]}]])
def test_an_appointment_needs_a_service(clinic: NewClinic, operation: str, types: Any) -> None:
    sent = proposal(visit("a", "09:00"), serviceType=types)
    assert refused(ask(clinic(), operation, sent)) == ("Appointment has no service reference", at("serviceType"))


def test_one_service_may_be_named_several_times(clinic: NewClinic) -> None:
    # as $find does for a service with several types
    types = [service_type("checkup", coding=[{"code": "x"}]), {"text": "other"}, service_type("checkup")]
    assert accepted(clinic().book(proposal(visit("a", "09:00"), serviceType=types)))


def test_other_contained_resources_are_ignored_but_counted(clinic: NewClinic) -> None:
    patient: Resource = {"resourceType": "Patient", "id": "p"}
    assert accepted(clinic().book(proposal(patient, visit("a", "09:00"))))
    answer = clinic().book(proposal(patient, visit("a", "09:05")))
    assert refused(answer) == ("Slot start time is not aligned to the scheduling grid", at("contained[1]"))


def test_the_first_slot_that_differs_is_named(clinic: NewClinic) -> None:
    same = "2026-03-16T09:00:00Z"
    # the starts of all Slots come before the ends of any
    slots = [
        {"resourceType": "Patient", "id": "p"},
        visit("a", "09:00"),
        visit("b", "09:00", "10:00"),
        visit("c", same, "09:30"),
        visit("d", same, "09:30"),
    ]
    expected = ("Mismatched slot start times", at("contained[1].start", "contained[3].start"))
    assert refused(clinic().book(proposal(*slots))) == expected


def test_only_busy_slots_need_the_same_times(clinic: NewClinic) -> None:
    slots = [buffer("a", "08:00", "08:10"), visit("a", "09:00"), visit("b", "09:00"), buffer("b", "10:00", "10:05")]
    assert accepted(clinic().book(proposal(*slots)))


@pytest.mark.parametrize("name", ["Practitioner/a", "Schedule/none", "Slot/a", "Schedule?actor=Practitioner/a"])
def test_a_schedule_that_cannot_be_read(clinic: NewClinic, name: str) -> None:
    sent = proposal(visit("a", "09:00"), visit("b", "09:00", schedule={"reference": name}))
    assert refused(clinic().book(sent)) == ("Schedule load failed", at("contained[1].schedule"))


@both
def test_a_service_that_does_not_exist_is_not_found(clinic: NewClinic, operation: str) -> None:
    status, code, text, _ = refusal(ask(clinic(), operation, proposal(visit("a", "09:00"), service="none")))
    assert (status, code, text) == (404, "not-found", "Not found")


@pytest.mark.parametrize("number", [0, 2])
def test_schedules_are_examined_one_after_the_other(clinic: NewClinic, number: int) -> None:
    # a has not one actor, b is inactive: a comes first
    actors = [{"reference": f"Practitioner/{one}"} for one in "ab"[:number]]
    opened = clinic(*basic({**schedule("a"), "actor": actors}, schedule("b", active=False)))
    slots = [visit("a", "09:00"), visit("b", "09:00")]
    text = "Scheduling only supported on schedules with exactly one actor"
    assert refused(opened.book(proposal(*slots))) == (text, at("contained[0].schedule"))
    assert refused(opened.book(proposal(*slots[::-1]))) == ("Schedule is inactive", at("contained[0].schedule"))


@pytest.mark.parametrize(
    ("service_fields", "schedule_fields", "text", "paths"),
    [
        # model 3.2 and 3.3; the first concept with the reference is the second one, the first Slot of the schedule too
        ({}, {}, "Scheduling parameter attribute 'duration' is missing", ["serviceType[1]", "contained[1].schedule"]),
        (
            {},
            {"bufferAfter": 5},
            "Scheduling parameter attribute 'duration' is missing",
            ["contained[1].schedule"],
        ),
        (
            {"duration": [30, 20]},
            {},
            "Scheduling parameter attribute 'duration' has too many values",
            ["serviceType[1].extension[0].extension[0]", "serviceType[1].extension[0].extension[1]"],
        ),
        (
            {"duration": 30, "service": "checkup"},
            {},
            "Scheduling parameter attribute 'service' is not allowed on HealthcareService",
            ["serviceType[1].extension[0].extension[1]"],
        ),
        (
            {"duration": 30},
            {"duration": (0.5, "min")},
            "Got duration that is not a whole number of minutes",
            ["contained[1].schedule.extension[0].extension[0]"],
        ),
        (
            {"duration": 30},
            {"holdDuration": 0},
            "holdDuration must be longer than 0 minutes",
            ["contained[1].schedule.extension[0].extension[0]"],
        ),
        (
            {"duration": 30},
            {"timezone": "Mars/Base"},
            "Invalid timezone 'Mars/Base'",
            ["contained[1].schedule.extension[0].extension[0]"],
        ),
    ],
)
def test_faults_of_parameters_are_located(
    clinic: NewClinic,
    service_fields: dict[str, Any],
    schedule_fields: dict[str, Any],
    text: str,
    paths: list[str],
) -> None:
    own = [parameters(**schedule_fields)] if schedule_fields else []
    opened = clinic(*basic(service(params=parameters(**service_fields)), schedule("a", *own)))
    types = [{"text": "first"}, service_type("checkup")]
    sent = proposal({"resourceType": "Patient", "id": "p"}, visit("a", "09:00"), serviceType=types)
    assert refused(opened.book(sent)) == (text, at(*paths))


def test_an_actor_that_cannot_be_read_matters_only_without_a_zone(clinic: NewClinic) -> None:
    opened = clinic(*basic(schedule("a", actor="Practitioner/none")))
    text = "No timezone specified and schedule.actor could not be read"
    assert refused(opened.book(proposal(visit("a", "09:00")))) == (text, at("contained[0].schedule.actor[0]"))
    opened = clinic(*basic(schedule("a", parameters(timezone="Etc/UTC"), actor="Practitioner/none")))
    assert accepted(opened.book(proposal(visit("a", "09:00"))))


def test_the_service_types_of_the_schedule_are_not_examined(clinic: NewClinic) -> None:
    assert accepted(clinic(*basic(schedule("a", services=()))).book(proposal(visit("a", "09:00"))))


@both
@pytest.mark.parametrize("status", ["booked", "cancelled", "entered-in-error", "nonsense", None])
def test_the_status_sent_is_not_examined(clinic: NewClinic, operation: str, status: str | None) -> None:
    assert accepted(ask(clinic(), operation, proposal(visit("a", "09:00"), status=status)))


def test_a_held_appointment_cannot_be_booked(clinic: NewClinic) -> None:
    opened = clinic()
    assert refused(opened.book(opened.held(visit("a", "09:00")))) == (
        "Appointment has no contained Slot resources",
        [A],
    )


@both
@pytest.mark.parametrize(
    ("stored", "elements", "text", "path"),
    [
        # a breaks a later row than b
        (
            [schedule("a", parameters(duration=-1)), schedule("b", active=False)],
            {},
            "Schedule is inactive",
            "contained[1].schedule",
        ),
        (
            [schedule("b", parameters(duration=-1))],
            {"duration": 20},
            "Got duration with negative value",
            "contained[1].schedule.extension[0].extension[0]",
        ),
        (
            [slot("s", "a", clock("09:00"), clock("09:30")), schedule("b", parameters(duration=45))],
            {},
            "Slot duration does not match scheduling parameters duration",
            "contained[1]",
        ),
        (
            [slot("s", "a", "noon", "one"), schedule("b", parameters(alignmentOffset=15))],
            {},
            "Slot start time is not aligned to the scheduling grid",
            "contained[1]",
        ),
    ],
)
def test_each_row_is_judged_for_all_schedules_before_the_next(
    clinic: NewClinic, operation: str, stored: list[Resource], elements: Resource, text: str, path: str
) -> None:
    opened = clinic(*basic(*stored, **elements))
    answer = ask(opened, operation, proposal(visit("a", "09:00"), visit("b", "09:00")))
    assert refused(answer) == (text, at(path))
