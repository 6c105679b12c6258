"""`$cancel` (operations.md, section 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ledger_support import (
    NOW,
    Answer,
    Clinic,
    Fault,
    NewClinic,
    accepted,
    basic,
    body,
    buffer,
    change,
    clock,
    not_found,
    nothing,
    paths,
    proposal,
    reference,
    refused,
    remove,
    replace,
    together,
    visit,
)
from ledger_support import clinic_fixture as clinic_fixture
from support import Resource, appointment, parameters, slot

REASON = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason", "code": "pat"}]
}
STORED = [
    slot("s0", "a", clock("09:00"), clock("09:30")),
    slot("s1", "a", clock("09:30"), clock("09:40"), "busy-unavailable"),
    appointment("x", ["s0", "s1"]),
]
levels = pytest.mark.parametrize("level", ["type", "instance"])


def cancel(clinic: Clinic, level: str, name: str, *entries: tuple[str, str, Any], now: str = NOW) -> Answer:
    if level == "instance":
        return clinic.ask(f"{name}/$cancel", body(*entries) if entries else None, now=now)
    wanted = ("appointment-reference", "valueReference", {"reference": name})
    return clinic.ask("Appointment/$cancel", body(wanted, *entries), now=now)


def only(answer: Answer, level: str) -> Resource:
    """The Appointment answered: itself at the instance level, as the one entry of a Bundle at the type level."""
    if level == "instance":
        assert answer[0] == 200
        assert answer[1]["resourceType"] == "Appointment"
        return answer[1]
    (one,) = accepted(answer, 200)
    return one


# The checks.

ROWS = [
    Fault(
        "reference",
        "Invalid appointment-reference reference",
        paths("Parameters.appointment-reference"),
        replace(name="Slot/s0"),
        excludes=("missing",),
    ),
    Fault("missing", "Not found", sent=replace(name="Appointment/none")),
    Fault(
        "status", "Appointment cannot be canceled in 'noshow' status", stored=change("Appointment/x", status="noshow")
    ),
    Fault("slots", "Loading slots failed", paths("Appointment.slot[1]"), stored=remove("Slot/s1")),
]


@pytest.mark.parametrize(
    ("level", "first", "made"),
    [
        pytest.param(level, *one.values, id=f"{level}: {one.id}")
        for level, rows in (("type", ROWS), ("instance", ROWS[1:]))
        for one in together(rows)
    ],
)
def test_checks_in_order(clinic: NewClinic, level: str, first: Fault, made: Sequence[Fault]) -> None:
    opened = clinic(*basic(*STORED))
    asked: Resource = {"name": "Appointment/x"}
    for fault in made:
        fault.stored(opened)
        fault.sent(asked)
    answer = cancel(opened, level, asked["name"])
    assert not_found(answer) if first.name == "missing" else refused(answer) == first.refusal(asked)


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ([], "Expected at least 1 value(s) for required input parameter 'appointment-reference'"),
        (
            [("appointment-reference", "valueInteger", 1)],
            "Expected at least 1 value(s) for required input parameter 'appointment-reference'",
        ),
        (
            [("appointment-reference", "valueString", "Appointment/x")] * 2,
            "Expected 1 value(s) for input parameter appointment-reference, but 2 provided",
        ),
        (
            [
                ("appointment-reference", "valueString", "Appointment/x"),
                *[("cancelationReason", "valueCodeableConcept", REASON)] * 2,
            ],
            "Expected 0..1 value(s) for input parameter cancelationReason, but 2 provided",
        ),
    ],
)
def test_parameters_of_the_type_level(clinic: NewClinic, entries: list[tuple[str, str, Any]], text: str) -> None:
    assert refused(clinic(*basic(*STORED)).ask("Appointment/$cancel", body(*entries))) == (text, None)


def test_a_reason_once_at_most(clinic: NewClinic) -> None:
    entries = [("cancelationReason", "valueCodeableConcept", REASON)] * 2
    text = "Expected 0..1 value(s) for input parameter cancelationReason, but 2 provided"
    assert refused(cancel(clinic(*basic(*STORED)), "instance", "Appointment/x", *entries)) == (text, None)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("valueReference", {"reference": "Appointment/x", "display": "x"}),
        ("valueString", "Appointment/x"),
        ("valueUri", "Appointment/x"),
    ],
)
def test_the_reference_may_be_written_in_three_ways(clinic: NewClinic, key: str, value: Any) -> None:
    opened = clinic(*basic(*STORED))
    answer = opened.ask("Appointment/$cancel", body(("appointment-reference", key, value)))
    assert only(answer, "type")["status"] == "cancelled"


@pytest.mark.parametrize("name", ["x", "Patient/x", "appointment/x"])
def test_other_references_are_invalid(clinic: NewClinic, name: str) -> None:
    expected = ("Invalid appointment-reference reference", ["Parameters.appointment-reference"])
    assert refused(cancel(clinic(*basic(*STORED)), "type", name)) == expected


@levels
@pytest.mark.parametrize("sent", [{"resourceType": "Appointment", "id": "x"}, {"resourceType": "Patient"}])
def test_a_body_of_another_kind_is_refused(clinic: NewClinic, level: str, sent: Resource) -> None:
    operation = "Appointment/x/$cancel" if level == "instance" else "Appointment/$cancel"
    assert refused(clinic(*basic(*STORED)).ask(operation, sent)) == ("Invalid request body", None)


def test_the_instance_level_does_not_know_the_reference(clinic: NewClinic) -> None:
    opened = clinic(*basic(*STORED, appointment("y", [])))
    answer = cancel(opened, "instance", "Appointment/y", ("appointment-reference", "valueString", "Appointment/x"))
    assert only(answer, "instance")["id"] == "y"
    assert opened.read("Appointment/x")["status"] == "booked"


# What it does.


@levels
@pytest.mark.parametrize("status", ["booked", "pending"])
@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize("had", [True, False])
def test_cancelling(clinic: NewClinic, level: str, status: str, sent: bool, had: bool) -> None:
    opened = clinic(*basic(*STORED))
    opened.change("Appointment/x", status=status, cancelationReason={"text": "old"} if had else None)
    before = opened.read("Appointment/x")
    entries = [("cancelationReason", "valueCodeableConcept", REASON)] if sent else []
    answer = cancel(opened, level, "Appointment/x", *entries)
    expected: Resource = {**before, "status": "cancelled", "meta": {"versionId": "3", "lastUpdated": NOW}}
    if sent:
        expected["cancelationReason"] = REASON
    assert only(answer, level) == expected
    assert opened.read("Appointment/x") == expected
    assert [one["reference"] for one in expected["slot"]] == ["Slot/s0", "Slot/s1"]
    assert opened.slots() == []


@levels
def test_only_the_slots_referenced_are_deleted(clinic: NewClinic, level: str) -> None:
    others = [slot("t", "a", clock("09:00"), clock("09:30")), slot("u", "b", clock("09:00"), clock("09:30"))]
    opened = clinic(*basic(*STORED, *others))
    cancel(opened, level, "Appointment/x")
    assert [one["id"] for one in opened.ledger.resources("Slot")] == ["t", "u"]


@levels
@pytest.mark.parametrize(
    "change_stored",
    [
        nothing,
        change("HealthcareService/checkup", active=False),
        change("Schedule/a", active=False),
        change("Schedule/a", actor=[]),
        change("Appointment/x", serviceType=None),
        change("HealthcareService/checkup", extension=[parameters(duration=-1)]),
        remove("HealthcareService/checkup", "Schedule/a"),
    ],
)
def test_services_and_schedules_do_not_matter(clinic: NewClinic, level: str, change_stored: Any) -> None:
    opened = clinic(*basic(*STORED))
    change_stored(opened)
    assert only(cancel(opened, level, "Appointment/x"), level)["status"] == "cancelled"


@levels
def test_the_time_is_free_again(clinic: NewClinic, level: str) -> None:
    opened = clinic(*basic(bufferAfter=10))
    sent = proposal(visit("a", "09:00"), visit("b", "09:00"), *(buffer(one, "09:30", "09:40") for one in "ab"))
    for _ in range(2):
        first = accepted(opened.book(sent))[0]
        assert opened.book(sent)[0] == 400
        assert only(cancel(opened, level, reference(first)), level)["status"] == "cancelled"
        assert opened.slots() == []


@levels
def test_cancelling_twice_names_the_status(clinic: NewClinic, level: str) -> None:
    opened = clinic(*basic(*STORED))
    only(cancel(opened, level, "Appointment/x"), level)
    text = "Appointment cannot be canceled in 'cancelled' status"
    for again in ("type", "instance"):
        assert refused(cancel(opened, again, "Appointment/x")) == (text, None)


@levels
@pytest.mark.parametrize("slots", [[], None])
def test_an_appointment_without_slots(clinic: NewClinic, level: str, slots: Any) -> None:
    opened = clinic(*basic(*STORED))
    opened.change("Appointment/x", slot=slots)
    assert only(cancel(opened, level, "Appointment/x"), level)["status"] == "cancelled"


@levels
def test_a_cancelled_hold_keeps_its_expiry(clinic: NewClinic, level: str) -> None:
    opened = clinic()
    held = opened.held(visit("a", "09:00"), minutes=10)
    one = only(cancel(opened, level, reference(held)), level)
    assert one["extension"] == held["extension"]
    assert "cancelationReason" not in one
    text = "Appointment cannot be confirmed in 'cancelled' status"
    assert refused(opened.confirm(held["id"], now="2026-03-11T00:00:00.000Z")) == (text, None)


@levels
def test_a_hold_can_be_cancelled_until_its_expiry(clinic: NewClinic, level: str) -> None:
    opened = clinic()
    first, second = (opened.held(visit("a", time), minutes=10) for time in ("09:00", "10:00"))
    answer = cancel(opened, level, reference(first), now="2026-03-10T12:09:59.999Z")
    assert only(answer, level)["status"] == "cancelled"
    answer = cancel(opened, level, reference(second), now="2026-03-10T12:10:00.000Z")
    assert refused(answer) == ("Appointment cannot be canceled in 'cancelled' status", None)
