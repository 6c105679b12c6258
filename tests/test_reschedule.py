"""`$reschedule`: what is stored and answered (operations.md, section 8)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ledger_support import (
    NOW,
    UNAVAILABLE,
    UUID,
    Clinic,
    NewClinic,
    accepted,
    actors,
    bare,
    basic,
    buffer,
    clock,
    expiry,
    named,
    proposal,
    reference,
    refused,
    slot_references,
    spans,
    visit,
)
from ledger_support import clinic_fixture as clinic_fixture
from support import CAPACITY_URL, Resource, appointment, parameters, practitioner, schedule, service_type, slot


def made(clinic: Clinic, operation: str, sent: Resource) -> list[Resource]:
    return accepted(clinic.book(sent) if operation == "$book" else clinic.hold(sent, 60))


# Slots.


@pytest.mark.parametrize(("operation", "busy"), [("$book", "busy"), ("$hold", "busy-tentative")])
def test_new_slots_for_each_schedule(clinic: NewClinic, operation: str, busy: str) -> None:
    own = [
        schedule("a", parameters(bufferBefore=10, bufferAfter=15, slotCapacity=3)),
        schedule("b"),
        schedule("c", parameters(bufferAfter=5)),
        practitioner("c"),
    ]
    opened = clinic(*basic(*own))
    first, *before = made(opened, operation, proposal(visit("b", "09:00", comment="x"), buffer("b", "12:00", "12:10")))
    now = "2026-03-10T12:30:00.500Z"
    moved, *slots = accepted(opened.reschedule(first["id"], "10:00", "c", "a", "b", now=now), 200)
    stamp = [{"url": CAPACITY_URL, "valuePositiveInt": 3}]
    expected = [
        visit("c", "10:00", status=busy),
        buffer("c", "10:30", "10:35", comment="buffer after appointment"),
        visit("a", "10:00", status=busy, extension=stamp),
        buffer("a", "09:50", "10:00", comment="buffer before appointment"),
        buffer("a", "10:30", "10:45", comment="buffer after appointment"),
        visit("b", "10:00", status=busy),
    ]
    assert [bare(one) for one in slots] == expected
    assert all(one["meta"] == {"versionId": "1", "lastUpdated": now} for one in slots)
    assert all(re.fullmatch(UUID, one["id"]) for one in slots)
    assert not {one["id"] for one in slots} & {one["id"] for one in before}
    assert sorted(opened.slots()) == sorted(spans(slots))
    assert moved == {
        **first,
        "start": clock("10:00"),
        "end": clock("10:30"),
        "participant": [
            *first["participant"],
            *(
                {"actor": {"reference": f"Practitioner/{one}"}, "required": "required", "status": "needs-action"}
                for one in "cab"
            ),
        ],
        "slot": slot_references(slots),
        "meta": {"versionId": "2", "lastUpdated": now},
    }


@pytest.mark.parametrize(
    ("operation", "status", "busy"), [("$book", "booked", "busy"), ("$hold", "pending", "busy-tentative")]
)
def test_ids_are_new_even_if_nothing_moves(clinic: NewClinic, operation: str, status: str, busy: str) -> None:
    opened = clinic()
    first, *before = made(opened, operation, proposal(visit("a", "09:00")))
    moved, *slots = accepted(opened.reschedule(first["id"], "09:00", "a"), 200)
    assert spans(slots) == spans(before) == [("a", "09:00", "09:30", busy)]
    assert slots[0]["id"] != before[0]["id"]
    assert opened.ledger.read(reference(before[0])) is None
    assert moved["status"] == status


def test_the_parameters_of_now_are_used(clinic: NewClinic) -> None:
    opened = clinic()
    first = opened.booked(visit("a", "09:00"))
    opened.change("HealthcareService/checkup", extension=[parameters(duration=45, bufferAfter=5)])
    moved, *slots = accepted(opened.reschedule(first["id"], "10:00", "a"), 200)
    assert moved["end"] == clock("10:45")
    assert spans(slots) == [("a", "10:00", "10:45", "busy"), ("a", "10:45", "10:50", "busy-unavailable")]


def test_other_slots_of_the_appointment_go_too(clinic: NewClinic) -> None:
    stored = [
        slot("s", "a", clock("09:00"), clock("09:30")),
        slot("f", "b", clock("09:00"), clock("09:30"), "free"),
        slot("t", "b", clock("10:00"), clock("10:30"), "entered-in-error"),
        slot("other", "a", clock("12:00"), clock("12:30")),
    ]
    opened = clinic(*basic(*stored, appointment("x", ["s", "f", "t"])))
    accepted(opened.reschedule("x", "10:00", "a"), 200)
    assert opened.slots() == [("a", "10:00", "10:30", "busy"), ("a", "12:00", "12:30", "busy")]


@pytest.mark.parametrize("slots", [[], None])
def test_an_appointment_without_slots_gets_some(clinic: NewClinic, slots: Any) -> None:
    opened = clinic(*basic(appointment("x", [])))
    opened.change("Appointment/x", slot=slots)
    moved, *found = accepted(opened.reschedule("x", "10:00", "a"), 200)
    assert spans(found) == [("a", "10:00", "10:30", "busy")]
    assert actors(moved) == [("Patient/p", "accepted"), ("Practitioner/a", "needs-action")]


def test_a_start_on_a_sub_grid_with_an_offset(clinic: NewClinic) -> None:
    opened = clinic()
    first = opened.booked(visit("a", "2026-03-16T10:00:00+01:00", "2026-03-16T10:30:00+01:00"))
    moved, new = accepted(opened.reschedule(first["id"], "2026-03-16T11:00+01:00", "a"), 200)
    for one in (moved, new):
        assert (one["start"], one["end"]) == (clock("10:00"), clock("10:30"))


def test_a_refused_move_leaves_everything(clinic: NewClinic) -> None:
    opened = clinic(*basic(slot("t", "b", clock("10:00"), clock("10:30"))))
    first, *slots = accepted(opened.book(proposal(visit("a", "09:00"))))
    assert refused(opened.reschedule(first["id"], "10:00", "a", "b")) == (UNAVAILABLE, None)
    assert [opened.read(reference(one)) for one in (first, *slots)] == [first, *slots]


# The Appointment.


@pytest.mark.parametrize(("operation", "status"), [("$book", "booked"), ("$hold", "pending")])
def test_only_four_elements_change(clinic: NewClinic, operation: str, status: str) -> None:
    opened = clinic()
    elements: Resource = {
        "identifier": named("x"),
        "comment": "as sent",
        "requestedPeriod": [{"start": "2026-03-01"}],
        "extension": [{"url": "http://example.org/colour", "valueString": "red"}],
        "serviceType": [{"text": "x"}, service_type("checkup", text="Check-up")],
        "minutesDuration": 30,
    }
    first = made(opened, operation, proposal(visit("a", "09:00"), **elements))[0]
    moved = accepted(opened.reschedule(first["id"], "10:00", "a"), 200)[0]
    changed = {name for name in {*first, *moved} if first.get(name) != moved.get(name)}
    assert changed == {"start", "end", "participant", "slot", "meta"}
    assert moved["status"] == status


def test_the_expiry_of_a_hold_stays(clinic: NewClinic) -> None:
    opened = clinic(*basic(holdDuration=20))
    first = opened.held(visit("a", "09:00"))
    before, lapse = "2026-03-10T12:19:59.999Z", "2026-03-10T12:20:00.000Z"
    moved, new = accepted(opened.reschedule(first["id"], "10:00", "b", now=before), 200)
    assert (moved["status"], new["status"], expiry(moved)) == ("pending", "busy-tentative", lapse)
    text = "Appointment cannot be rescheduled in 'cancelled' status"
    assert refused(opened.reschedule(first["id"], "11:00", "b", now=lapse)) == (text, None)
    # the moved Slots lapse with it
    opened.booked(visit("b", "10:00"), now=lapse)
    assert opened.slots() == [("b", "10:00", "10:30", "busy")]


# Participants.


def person(name: str, status: str = "accepted", **elements: Any) -> Resource:
    return {"actor": {"reference": name}, "status": status, **elements}


PATIENT = person("Patient/p")
ACCEPTED = person("Practitioner/a", required="optional", type=[{"text": "doctor"}])
ROOM = person("Location/r", "tentative")
DECLINED = person("Practitioner/b", "declined")
NOBODY: Resource = {"type": [{"text": "translator"}], "status": "accepted"}
NEW_B: Resource = {"actor": {"reference": "Practitioner/b"}, "required": "required", "status": "needs-action"}
NEW_A: Resource = {"actor": {"reference": "Practitioner/a"}, "required": "required", "status": "needs-action"}


@pytest.mark.parametrize(
    ("held", "participants", "new", "after"),
    [
        # the table
        ("a r", [PATIENT, ACCEPTED, ROOM], "b r", [PATIENT, ROOM, NEW_B]),
        ("a", [PATIENT, ACCEPTED], "a", [PATIENT, ACCEPTED]),
        # order of the schedules requested; a patient is no actor of a schedule
        ("r", [ROOM, PATIENT], "b a", [PATIENT, NEW_B, NEW_A]),
        # a participant whose actor no schedule was held of stays, though its schedule is not asked for
        ("a", [ROOM, ACCEPTED, PATIENT], "b", [ROOM, PATIENT, NEW_B]),
        # already a participant
        ("a", [DECLINED, ACCEPTED], "b", [DECLINED]),
        (
            "a",
            [DECLINED, ACCEPTED],
            "a b",
            [DECLINED, ACCEPTED],
        ),
        # an actor with several schedules: a and a2 are both Practitioner/a
        ("a", [PATIENT, ACCEPTED], "a2", [PATIENT, ACCEPTED]),
        ("a a2", [PATIENT, ACCEPTED], "a", [PATIENT, ACCEPTED]),
        ("b", [PATIENT], "a a2", [PATIENT, NEW_A]),
        # several entries of one actor
        ("a", [ACCEPTED, PATIENT, ACCEPTED], "b", [PATIENT, NEW_B]),
        ("a", [ACCEPTED, PATIENT, ACCEPTED], "a", [ACCEPTED, PATIENT, ACCEPTED]),
        # without an actor
        (
            "a",
            [{"type": [{"text": "x"}], "status": "accepted"}],
            "a",
            [{"type": [{"text": "x"}], "status": "accepted"}, NEW_A],
        ),
        # none at all
        ("a", [], "b", [NEW_B]),
    ],
)
def test_participants(
    clinic: NewClinic, held: str, participants: list[Resource], new: str, after: list[Resource]
) -> None:
    others = [
        schedule("a2", actor="Practitioner/a"),
        schedule("r", actor="Location/r"),
        practitioner("r", kind="Location"),
    ]
    opened = clinic(*basic(*others))
    first = opened.booked(*(visit(one, "09:00") for one in held.split()), participant=participants)
    assert first.get("participant", []) == participants
    moved = accepted(opened.reschedule(first["id"], "10:00", *new.split()), 200)[0]
    assert moved["participant"] == after


def test_new_actors_are_as_stored_in_the_schedule(clinic: NewClinic) -> None:
    actor = {"reference": "Practitioner/b", "display": "Dr. B"}
    opened = clinic(*basic({**schedule("b"), "actor": [actor]}))
    first = opened.booked(visit("a", "09:00"), participant=[PATIENT])
    moved = accepted(opened.reschedule(first["id"], "10:00", "b"), 200)[0]
    assert moved["participant"] == [PATIENT, {**NEW_B, "actor": actor}]


def test_actors_are_those_of_the_schedules_now(clinic: NewClinic) -> None:
    opened = clinic()
    first = opened.booked(visit("a", "09:00"), participant=[PATIENT, ACCEPTED, person("Practitioner/b")])
    opened.change("Schedule/a", actor=[{"reference": "Practitioner/b"}])
    opened.add(schedule("c", actor="Practitioner/c"), practitioner("c"))
    moved = accepted(opened.reschedule(first["id"], "10:00", "c"), 200)[0]
    assert actors(moved) == [
        ("Patient/p", "accepted"),
        ("Practitioner/a", "accepted"),
        ("Practitioner/c", "needs-action"),
    ]


def test_the_answer_is_for_each_requested_schedule_visit_before_and_after(clinic: NewClinic) -> None:
    opened = clinic(*basic(bufferBefore=10, bufferAfter=20))
    slots = [visit("a", "09:00"), buffer("a", "08:50", "09:00"), buffer("a", "09:30", "09:50")]
    first = opened.booked(*slots)
    found = accepted(opened.reschedule(first["id"], "12:00", "b", "a"), 200)
    assert [one["resourceType"] for one in found] == ["Appointment", *["Slot"] * 6]
    assert spans(found[1:]) == [
        (one, start, end, status)
        for one in "ba"
        for start, end, status in [
            ("12:00", "12:30", "busy"),
            ("11:50", "12:00", "busy-unavailable"),
            ("12:30", "12:50", "busy-unavailable"),
        ]
    ]


def test_moving_again_and_again(clinic: NewClinic) -> None:
    opened = clinic()
    moved = first = opened.booked(visit("a", "09:00"))
    for number, (start, name) in enumerate([("10:00", "b"), ("09:00", "a"), ("09:30", "a")], start=2):
        moved = accepted(opened.reschedule(first["id"], start, name), 200)[0]
        assert moved["meta"] == {"versionId": str(number), "lastUpdated": NOW}
        assert [one[:2] for one in opened.slots()] == [(name, start)]
    assert actors(moved) == [("Patient/p", "accepted"), ("Practitioner/a", "needs-action")]


def test_the_left_time_is_free_and_the_new_one_taken(clinic: NewClinic) -> None:
    opened = clinic()
    first = opened.booked(visit("a", "09:00"))
    accepted(opened.reschedule(first["id"], "10:00", "a"), 200)
    assert refused(opened.book(proposal(visit("a", "10:00")))) == (UNAVAILABLE, None)
    assert accepted(opened.book(proposal(visit("a", "09:00"))))
