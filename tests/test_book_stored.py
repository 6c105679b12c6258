"""`$book` and `$hold`: what is stored and answered (operations.md, sections 1 and 2.4)."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

import pytest
from ledger_support import (
    BOOK,
    HOLD,
    NOW,
    UUID,
    Clinic,
    NewClinic,
    accepted,
    bare,
    basic,
    body,
    buffer,
    clock,
    expiry,
    proposal,
    reference,
    slot_references,
    spans,
    visit,
)
from ledger_support import clinic_fixture as clinic_fixture
from support import (
    CAPACITY_URL,
    HOLD_EXPIRES_URL,
    Resource,
    parameters,
    schedule,
    service,
    service_type,
)

both = pytest.mark.parametrize("operation", [BOOK, HOLD])
STATUSES = pytest.mark.parametrize(
    ("operation", "status", "busy"), [(BOOK, "booked", "busy"), (HOLD, "pending", "busy-tentative")]
)
NEW = {"versionId": "1", "lastUpdated": NOW}
EXTENSION: Resource = {"url": "http://example.org/colour", "valueString": "red"}


def ask(clinic: Clinic, operation: str, appointment: Resource) -> list[Resource]:
    return accepted(clinic.ask(operation, body(("appointment", "resource", appointment))))


@STATUSES
def test_the_answer_and_the_ledger_hold_the_appointment_and_its_slots(
    clinic: NewClinic, operation: str, status: str, busy: str
) -> None:
    opened = clinic(*basic(bufferBefore=10, bufferAfter=15))
    # in contained order, whatever it is
    slots = [
        buffer("b", "09:30", "09:45"),
        visit("a", "09:00"),
        buffer("a", "09:30", "09:45", comment="buffer after appointment"),
        {"resourceType": "Patient", "id": "p"},
        buffer("a", "08:50", "09:00"),
        buffer("b", "08:50", "09:00"),
        visit("b", "09:00"),
        buffer("a", "12:00", "12:30"),
    ]
    sent = proposal(*slots)
    appointment, *stored = ask(opened, operation, sent)
    assert [bare(one) for one in stored] == [
        {**one, "status": busy if one["status"] == "busy" else one["status"]}
        for one in slots
        if one["resourceType"] == "Slot"
    ]
    expected = {**sent, "status": status, "slot": slot_references(stored)}
    del expected["contained"]
    assert bare(appointment) == expected
    assert sorted(opened.slots()) == sorted(spans(stored))
    assert all(one["meta"] == NEW for one in (appointment, *stored))
    ids = [one["id"] for one in (appointment, *stored)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(UUID, id) for id in ids)


@both
def test_ids_and_meta_are_assigned_anew(clinic: NewClinic, operation: str) -> None:
    opened = clinic()
    meta = {"versionId": "7", "lastUpdated": "2020-01-01T00:00:00Z", "tag": [{"code": "x"}]}
    sent = proposal(visit("a", "09:00", id="mine", meta=meta), id="mine", meta=meta)
    first = ask(opened, operation, sent)
    sent["contained"][0].update(start=clock("10:00"), end=clock("10:30"))
    second = ask(opened, operation, sent)
    ids = {one["id"] for one in (*first, *second)}
    assert len(ids) == 4
    assert "mine" not in ids
    assert [one["meta"] for one in (*first, *second)] == [NEW] * 4
    assert opened.ledger.read("Appointment/mine") is None
    assert opened.ledger.read("Slot/mine") is None


@STATUSES
def test_slots_are_stored_as_sent(clinic: NewClinic, operation: str, status: str, busy: str) -> None:
    slots = [
        visit(
            "a",
            "2026-03-16T10:00:00+01:00",
            "2026-03-16T09:30Z",
            comment="Bring the letter",
            extension=[EXTENSION],
            overbooked=True,
            identifier=[{"value": "s"}],
            appointmentType={"text": "first"},
        ),
        buffer("a", "2026-03-16T09:30:00.5Z", "2026-03-16T09:40:00-00:00", extension=[EXTENSION], comment="tidy up"),
    ]
    slots[0]["schedule"]["display"] = "Dr. A"
    appointment, *stored = ask(clinic(), operation, proposal(*slots))
    assert appointment["status"] == status
    assert [bare(one) for one in stored] == [{**slots[0], "status": busy}, slots[1]]


CHECKUP = [{"coding": [{"system": "http://e.org", "code": "chk"}]}]


@both
@pytest.mark.parametrize(
    ("types", "kept"),
    [
        (CHECKUP, True),
        ([{"coding": [{"code": "chk"}]}], False),
        ([service_type("checkup", text="by reference")], True),
        ([{"text": "chk"}], False),
        ([service_type("xray")], False),
        # one concept that concerns the service keeps them all
        ([service_type("xray"), {"text": "other"}, *CHECKUP], True),
    ],
)
@pytest.mark.parametrize("status", ["busy", "busy-unavailable"])
def test_the_service_type_of_a_slot_is_kept_if_it_concerns_the_service(
    clinic: NewClinic, operation: str, types: list[Resource], kept: bool, status: str
) -> None:
    offered = service(type=CHECKUP)
    slots = [visit("a", "09:00"), buffer("a", "12:00", "12:30")]
    slots[status != "busy"]["serviceType"] = types
    _, *stored = ask(clinic(*basic(offered, service("xray"))), operation, proposal(*slots))
    assert [one.get("serviceType") for one in stored] == [
        types if kept and one["status"] == status else None for one in slots
    ]


def stamp(value: int) -> Resource:
    return {"url": CAPACITY_URL, "valuePositiveInt": value}


@both
@pytest.mark.parametrize(
    ("capacity", "sent", "visit_has", "buffer_has"),
    [
        (1, [], None, None),
        (1, [stamp(5)], None, None),
        (1, [EXTENSION, stamp(5)], [EXTENSION], [EXTENSION]),
        (3, [], [stamp(3)], None),
        (3, [stamp(5)], [stamp(3)], None),
        (3, [stamp(3), stamp(4)], [stamp(3)], None),
    ],
)
def test_the_capacity_stamp(
    clinic: NewClinic, operation: str, capacity: int, sent: list[Resource], visit_has: Any, buffer_has: Any
) -> None:
    more: Resource = {"extension": sent} if sent else {}
    slots = [visit("a", "09:00", **deepcopy(more)), buffer("a", "12:00", "12:30", **deepcopy(more))]
    _, *stored = ask(clinic(*basic(slotCapacity=capacity)), operation, proposal(*slots))
    assert [one.get("extension") for one in stored] == [visit_has, buffer_has]


def test_each_schedule_stamps_its_own_capacity(clinic: NewClinic) -> None:
    opened = clinic(*basic(schedule("b", parameters(slotCapacity=4)), slotCapacity=2))
    _, *stored = ask(opened, BOOK, proposal(visit("a", "09:00"), visit("b", "09:00")))
    assert [one["extension"] for one in stored] == [[stamp(2)], [stamp(4)]]


@both
def test_a_stamp_stands_beside_other_extensions(clinic: NewClinic, operation: str) -> None:
    sent = proposal(visit("a", "09:00", extension=[stamp(9), EXTENSION]))
    _, stored = ask(clinic(*basic(slotCapacity=2)), operation, sent)
    assert len(stored["extension"]) == 2
    assert stamp(2) in stored["extension"]
    assert EXTENSION in stored["extension"]


def test_a_later_change_of_the_capacity_does_not_alter_stored_slots(clinic: NewClinic) -> None:
    opened = clinic(*basic(slotCapacity=3))

    def book(capacity: int) -> int:
        opened.change("HealthcareService/checkup", extension=[parameters(duration=30, slotCapacity=capacity)])
        return opened.book(proposal(visit("a", "09:00")))[0]

    # n = 0, 1, 1, 2, 2: blocked iff n >= min(asked, 3, ...)
    assert [book(capacity) for capacity in (3, 1, 5, 2, 5, 5)] == [201, 400, 201, 400, 201, 400]
    stored = sorted(one["extension"][0]["valuePositiveInt"] for one in opened.ledger.resources("Slot"))
    assert stored == [3, 5, 5]


@both
def test_no_service_type_is_added_to_slots(clinic: NewClinic, operation: str) -> None:
    opened = clinic(*basic(service(type=CHECKUP)))
    _, stored = ask(opened, operation, proposal(visit("a", "09:00")))
    assert "serviceType" not in stored


@STATUSES
def test_everything_sent_with_an_appointment_is_kept(clinic: NewClinic, operation: str, status: str, busy: str) -> None:
    elements: Resource = {
        "start": "2020-01-01T10:00:00+01:00",
        "end": "2020-01-01T10:00:00+01:00",
        "identifier": [{"system": "http://e.org", "value": "1", "use": "official"}, {"system": "http://e.org"}],
        "serviceType": [{"text": "other"}, service_type("checkup", text="Check-up"), service_type("checkup")],
        "comment": "ß – ünïcode",
        "description": "",
        "priority": 3,
        "minutesDuration": 30,
        "requestedPeriod": [{"start": "2026-03-01"}],
        "patientInstruction": "none",
        "supportingInformation": [{"reference": "DocumentReference/1"}],
        "extension": [EXTENSION],
        "_comment": {"extension": [EXTENSION]},
        "text": {"status": "generated", "div": "<div/>"},
        "language": "de",
        "participant": [
            {"actor": {"reference": "Practitioner/b", "display": "B"}, "status": "tentative", "required": "optional"},
            {"actor": {"reference": "Patient/p"}, "status": "declined"},
            {"type": [{"text": "translator"}], "status": "needs-action"},
            {"actor": {"reference": "Practitioner/b"}, "status": "accepted"},
        ],
    }
    appointment, slot = ask(clinic(), operation, proposal(visit("a", "09:00"), **elements))
    assert bare(appointment) == {
        "resourceType": "Appointment",
        **elements,
        "status": status,
        "slot": [{"reference": reference(slot)}],
    }
    assert slot["status"] == busy


@both
@pytest.mark.parametrize("missing", [("start",), ("end",), ("start", "end")])
def test_an_absent_start_or_end_is_that_of_the_first_busy_slot(
    clinic: NewClinic, operation: str, missing: tuple[str, ...]
) -> None:
    times = {"start": "2026-03-16T10:00:00+01:00", "end": "2026-03-16T10:30:00+01:00"}
    own: dict[str, Any] = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}
    slots = [buffer("a", "08:00", "08:10"), visit("a", **times), visit("b", **times)]
    sent = proposal(*slots, **own)
    for name in missing:
        del sent[name]
    appointment = ask(clinic(), operation, sent)[0]
    assert {name: appointment[name] for name in times} == {
        name: times[name] if name in missing else own[name] for name in times
    }


@STATUSES
@pytest.mark.parametrize("others", [[], [EXTENSION]])
def test_an_expiry_that_is_sent_is_removed(
    clinic: NewClinic, operation: str, status: str, busy: str, others: list[Resource]
) -> None:
    sent = {"url": HOLD_EXPIRES_URL, "valueInstant": "2026-03-11T00:00:00.000Z"}
    opened = clinic()
    appointment, slot = ask(opened, operation, proposal(visit("a", "09:00"), extension=[sent, *others, sent]))
    assert appointment.get("extension", []) == others
    assert ("extension" in appointment) is bool(others)
    # nothing lapses
    assert (appointment["status"], slot["status"]) == (status, busy)
    opened.booked(visit("b", "09:00"), now="2026-03-12T00:00:00.000Z")
    assert opened.read(reference(appointment))["status"] == status


def test_a_hold_replaces_the_expiry_that_is_sent(clinic: NewClinic) -> None:
    sent = {"url": HOLD_EXPIRES_URL, "valueInstant": "2026-03-11T00:00:00.000Z"}
    appointment = clinic().held(visit("a", "09:00"), extension=[sent, EXTENSION], minutes=15)
    assert EXTENSION in appointment["extension"]
    assert expiry(appointment) == "2026-03-10T12:15:00.000Z"


@pytest.mark.parametrize(
    ("minutes", "fields_a", "fields_b", "expires"),
    [
        (15, {}, {}, "2026-03-10T12:15:00.000Z"),
        (None, {"holdDuration": 20}, {"holdDuration": 15}, "2026-03-10T12:15:00.000Z"),
        (None, {"holdDuration": 20}, {}, "2026-03-10T12:20:00.000Z"),
        (None, {}, {"holdDuration": (1, "d")}, "2026-03-11T12:00:00.000Z"),
        (30, {"holdDuration": 20}, {"holdDuration": 15}, "2026-03-10T12:30:00.000Z"),
        (1, {"holdDuration": 20}, {}, "2026-03-10T12:01:00.000Z"),
        (None, {}, {}, None),
    ],
)
def test_when_a_hold_expires(
    clinic: NewClinic,
    minutes: int | None,
    fields_a: dict[str, Any],
    fields_b: dict[str, Any],
    expires: str | None,
) -> None:
    opened = clinic(*basic(schedule("a", parameters(**fields_a)), schedule("b", parameters(**fields_b))))
    appointment = opened.held(visit("a", "09:00"), visit("b", "09:00"), minutes=minutes)
    expected = {"url": HOLD_EXPIRES_URL, "valueInstant": expires}
    assert appointment.get("extension", []) == ([expected] if expires else [])


def test_the_hold_duration_of_the_service_and_of_schedules_not_asked_for(clinic: NewClinic) -> None:
    opened = clinic(*basic(schedule("b", parameters(holdDuration=5)), holdDuration=(0.5, "h")))
    assert expiry(opened.held(visit("a", "09:00"))) == "2026-03-10T12:30:00.000Z"
    assert expiry(opened.held(visit("a", "10:00"), visit("b", "10:00"))) == "2026-03-10T12:05:00.000Z"


def test_an_expiry_keeps_the_milliseconds_of_now(clinic: NewClinic) -> None:
    now = "2026-12-31T23:59:59.987Z"
    appointment = clinic().held(visit("a", "09:00"), minutes=10, now=now)
    assert expiry(appointment) == "2027-01-01T00:09:59.987Z"
    assert appointment["meta"]["lastUpdated"] == now


def test_a_write_takes_the_time_of_the_last_one_if_that_is_later(clinic: NewClinic) -> None:
    opened = clinic()
    opened.booked(visit("a", "09:00"), now="2026-03-10T12:30:00.000Z")
    appointment = opened.held(visit("a", "10:00"), minutes=10, now=NOW)
    assert expiry(appointment) == "2026-03-10T12:40:00.000Z"
    assert appointment["meta"]["lastUpdated"] == "2026-03-10T12:30:00.000Z"


@STATUSES
def test_the_slots_hold_the_time(clinic: NewClinic, operation: str, status: str, busy: str) -> None:
    opened = clinic(*basic(bufferAfter=30))
    slots = [visit("a", "09:00"), buffer("a", "09:30", "10:00")]
    appointment = ask(opened, operation, proposal(*slots))[0]
    assert (appointment["status"], opened.slots()) == (
        status,
        [("a", "09:00", "09:30", busy), ("a", "09:30", "10:00", "busy-unavailable")],
    )
    for start in ("08:30", "09:00", "09:30"):
        again = proposal(visit("a", start), buffer("a", next_half(start), next_half(next_half(start))))
        assert opened.book(again)[0] == 400
    assert opened.book(proposal(visit("a", "10:00"), buffer("a", "10:30", "11:00")))[0] == 201


def next_half(time: str) -> str:
    hour, minute = int(time[:2]), int(time[3:])
    return f"{hour + (minute == 30):02}:{30 - minute:02}"
