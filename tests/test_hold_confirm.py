"""Holds and how they lapse, `$confirm` and the status machine (operations.md, sections 2, 4 and 5; model 16)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from ledger_support import (
    HOLD,
    NOW,
    UNAVAILABLE,
    Clinic,
    Fault,
    NewClinic,
    accepted,
    bare,
    basic,
    body,
    buffer,
    change,
    clock,
    expiry,
    moment,
    not_found,
    paths,
    proposal,
    reference,
    refused,
    remove,
    replace,
    slot_references,
    spans,
    together,
    visit,
)
from ledger_support import clinic_fixture as clinic_fixture
from support import (
    HOLD_EXPIRES_URL,
    Resource,
    appointment,
    parameters,
    practitioner,
    schedule,
    service,
    service_type,
    slot,
)

BEFORE = "2026-03-10T12:09:59.999Z"
LAPSE = "2026-03-10T12:10:00.000Z"
EXPIRED = {"text": "Hold expired"}
EXTENSION: Resource = {"url": "http://example.org/colour", "valueString": "red"}


# hold-minutes


@pytest.mark.parametrize("minutes", [0, -1, -100])
@pytest.mark.parametrize("sent", [proposal(visit("a", "09:00")), {"resourceType": "Appointment"}])
def test_hold_minutes_below_one_are_refused_before_all_else(clinic: NewClinic, minutes: int, sent: Resource) -> None:
    expected = ("Invalid hold-minutes, minimum required is 1", ["Parameters.hold-minutes"])
    assert refused(clinic().hold(sent, minutes)) == expected


@pytest.mark.parametrize("key", ["valueInteger", "valuePositiveInt", "valueUnsignedInt"])
def test_hold_minutes_are_read_from_any_integer(clinic: NewClinic, key: str) -> None:
    held = accepted(clinic().hold(proposal(visit("a", "09:00")), None, ("hold-minutes", key, 10)))[0]
    assert expiry(held) == LAPSE


@pytest.mark.parametrize(("key", "value"), [("valueString", "10"), ("valueDecimal", 10), ("valueBoolean", True)])
def test_hold_minutes_with_another_value_are_absent(clinic: NewClinic, key: str, value: Any) -> None:
    held = accepted(clinic().hold(proposal(visit("a", "09:00")), None, ("hold-minutes", key, value)))[0]
    assert expiry(held) is None


@pytest.mark.parametrize("value", ["abc", 1.5])
def test_hold_minutes_that_are_no_integer_are_refused(clinic: NewClinic, value: Any) -> None:
    text = f"Invalid value '{value}' provided for positiveInt parameter 'hold-minutes'"
    assert refused(clinic().hold(proposal(visit("a", "09:00")), value)) == (text, None)


def test_hold_minutes_once_at_most(clinic: NewClinic) -> None:
    answer = clinic().hold(proposal(visit("a", "09:00")), 10, ("hold-minutes", "valuePositiveInt", 10))
    text = "Expected 0..1 value(s) for input parameter hold-minutes, but 2 provided"
    assert refused(answer) == (text, None)


def test_an_appointment_as_the_body_has_no_hold_minutes(clinic: NewClinic) -> None:
    opened = clinic(*basic(holdDuration=20))
    held = accepted(opened.ask(HOLD, proposal(visit("a", "09:00"))))[0]
    assert expiry(held) == "2026-03-10T12:20:00.000Z"


# Lapses.


@pytest.mark.parametrize("start", ["08:30", "09:00", "09:30"])
def test_a_hold_blocks_until_its_very_expiry(clinic: NewClinic, start: str) -> None:
    opened = clinic(*basic(bufferBefore=30, bufferAfter=30))
    opened.held(visit("a", "09:00"), buffer("a", "08:30", "09:00"), buffer("a", "09:30", "10:00"), minutes=10)
    opened.change("HealthcareService/checkup", extension=[parameters(duration=30, alignmentInterval=30)])
    sent = proposal(visit("a", start))
    assert refused(opened.book(sent, now=BEFORE)) == (UNAVAILABLE, None)
    assert refused(opened.hold(sent, now=BEFORE)) == (UNAVAILABLE, None)
    assert accepted(opened.book(sent, now=LAPSE))


def test_a_hold_without_expiry_blocks_for_ever(clinic: NewClinic) -> None:
    opened = clinic()
    opened.held(visit("a", "09:00"))
    assert refused(opened.book(proposal(visit("a", "09:00")), now="2099-01-01T00:00:00.000Z")) == (UNAVAILABLE, None)


def test_find_follows_the_holds(clinic: NewClinic) -> None:
    opened = clinic()
    opened.held(visit("a", "09:00"), minutes=10)
    assert opened.find("a", "09:00", "09:30", now=BEFORE) == []
    assert len(opened.find("a", "09:00", "09:30", now=LAPSE)) == 1


def test_holds_count_like_busy_at_every_capacity(clinic: NewClinic) -> None:
    opened = clinic(*basic(slotCapacity=2))
    opened.held(visit("a", "09:00"), minutes=10)
    opened.booked(visit("a", "09:00"))
    sent = proposal(visit("a", "09:00"))
    assert refused(opened.book(sent, now=BEFORE)) == (UNAVAILABLE, None)
    assert accepted(opened.book(sent, now=LAPSE))


LATER = "2026-03-10T12:20:00.000Z"
WRITES: dict[str, Callable[[Clinic, Resource, Resource], Any]] = {
    "$book": lambda opened, _held, _booked: opened.booked(visit("b", "15:00"), now=LATER),
    "$hold": lambda opened, _held, _booked: opened.held(visit("b", "15:00"), now=LATER),
    "$confirm": lambda opened, held, _booked: opened.confirm(held["id"], now=LATER),
    "$cancel": lambda opened, _held, booked: opened.cancel(booked["id"], now=LATER),
    "$reschedule": lambda opened, _held, booked: accepted(
        opened.reschedule(booked["id"], "15:00", "b", now=LATER), 200
    ),
    "put": lambda opened, _held, _booked: opened.ledger.put(practitioner("z"), now=moment(LATER)),
    "delete": lambda opened, _held, _booked: opened.ledger.delete("Practitioner/b", now=moment(LATER)),
    "load": lambda opened, _held, _booked: opened.ledger.load([practitioner("z")], now=moment(LATER)),
    "over it": lambda opened, _held, _booked: opened.booked(visit("a", "09:00"), now=LATER),
}


@pytest.mark.parametrize("write", WRITES)
def test_the_next_successful_write_records_a_lapse(clinic: NewClinic, write: str) -> None:
    opened = clinic()
    extra = buffer("a", "09:40", "09:50")
    first, *slots = accepted(opened.hold(proposal(visit("a", "09:00"), extra, comment="x"), 10))
    second = accepted(opened.hold(proposal(visit("b", "09:00")), 20))[0]
    other = opened.held(visit("b", "10:00"), minutes=30)
    booked = opened.booked(visit("b", "11:00"))
    stored = [first, *slots]
    # reading and being refused record nothing
    assert refused(opened.book(proposal(visit("b", "10:00")), now=LATER)) == (UNAVAILABLE, None)
    assert [opened.read(reference(one)) for one in stored] == stored
    WRITES[write](opened, other, booked)
    assert opened.read(reference(first)) == {
        **first,
        "status": "cancelled",
        "cancelationReason": EXPIRED,
        "meta": {"versionId": "2", "lastUpdated": LATER},
    }
    assert [opened.ledger.read(reference(one)) for one in slots] == [None, None]
    # all lapses at once; those that are not due are left
    assert opened.read(reference(second))["cancelationReason"] == EXPIRED
    assert opened.read(reference(other))["status"] in ("pending", "booked")


def test_lapsed_holds_are_left_until_they_lapse(clinic: NewClinic) -> None:
    opened = clinic()
    held = opened.held(visit("a", "09:00"), minutes=10)
    opened.booked(visit("a", "10:00"), now=BEFORE)
    assert opened.read(reference(held)) == held


def test_any_pending_appointment_with_an_expiry_lapses(clinic: NewClinic) -> None:
    stored = [
        slot("s", "a", clock("09:00"), clock("09:30"), "busy-tentative"),
        appointment("x", ["s"], status="pending", hold_expires=LAPSE),
    ]
    opened = clinic(*basic(*stored))
    assert opened.book(proposal(visit("a", "09:00")), now=BEFORE)[0] == 400
    assert accepted(opened.book(proposal(visit("a", "09:00")), now=LAPSE))
    assert opened.read("Appointment/x")["status"] == "cancelled"
    assert opened.ledger.read("Slot/s") is None


def test_only_pending_appointments_lapse(clinic: NewClinic) -> None:
    stored = [slot("s", "a", clock("09:00"), clock("09:30")), appointment("x", ["s"], hold_expires=LAPSE)]
    opened = clinic(*basic(*stored))
    assert refused(opened.book(proposal(visit("a", "09:00")), now=LATER)) == (UNAVAILABLE, None)
    opened.booked(visit("b", "09:00"), now=LATER)
    assert opened.read("Appointment/x")["status"] == "booked"


def test_time_does_not_run_back(clinic: NewClinic) -> None:
    opened = clinic()
    held = opened.held(visit("a", "09:00"), minutes=10)
    opened.booked(visit("b", "09:00"), now=BEFORE)
    opened.booked(visit("b", "10:00"), now=LAPSE)
    assert refused(opened.confirm(held["id"], now=NOW)) == ("Hold has expired", None)


def test_an_expiry_may_have_an_offset(clinic: NewClinic) -> None:
    stored = [
        slot("s", "a", clock("09:00"), clock("09:30"), "busy-tentative"),
        appointment("x", ["s"], status="pending", hold_expires="2026-03-10T14:10:00+02:00"),
    ]
    opened = clinic(*basic(*stored))
    assert opened.book(proposal(visit("a", "09:00")), now=BEFORE)[0] == 400
    assert accepted(opened.book(proposal(visit("a", "09:00")), now=LAPSE))


def test_a_lapsed_hold_may_have_lost_its_slots(clinic: NewClinic) -> None:
    # one Slot is gone, and the other is unusable: as if it were deleted already
    stored = [
        slot("s", "a", "noon", "one", "busy-tentative"),
        appointment("x", ["none", "s"], status="pending", hold_expires=LAPSE),
    ]
    opened = clinic(*basic(*stored))
    text = "Slot/s has invalid start or end time"
    assert refused(opened.book(proposal(visit("a", "09:00")), now=BEFORE)) == (text, None)
    assert accepted(opened.book(proposal(visit("a", "09:00")), now=LAPSE))
    assert opened.read("Appointment/x")["cancelationReason"] == EXPIRED
    assert opened.ledger.read("Slot/s") is None


# $confirm: the checks. Appointment/x is pending, with a Slot on a and one on b.

STORED = [
    slot("s0", "a", clock("09:00"), clock("09:30"), "busy-tentative"),
    slot("s1", "b", clock("09:00"), clock("09:30"), "busy-tentative"),
    appointment("x", ["s0", "s1"], status="pending", hold_expires=LAPSE),
]
ROWS = [
    Fault(
        "value",
        "occurrences must be one of this, this-and-following, all",
        paths("Parameters.occurrences"),
        replace(occurrences="every"),
    ),
    Fault("missing", "Not found", sent=replace(id="none")),
    Fault(
        "lapsed",
        "Hold has expired",
        stored=change("Appointment/x", extension=[{"url": HOLD_EXPIRES_URL, "valueInstant": NOW}]),
        excludes=("status",),
    ),
    Fault(
        "status", "Appointment cannot be confirmed in 'booked' status", stored=change("Appointment/x", status="booked")
    ),
    Fault(
        "series",
        "Appointment is not part of a recurring series",
        paths("Parameters.occurrences"),
        replace(occurrences="all"),
    ),
    Fault(
        "service",
        "Loading HealthcareService failed",
        paths("Appointment.serviceType[0]"),
        stored=remove("HealthcareService/checkup"),
        excludes=("inactive",),
    ),
    Fault(
        "inactive",
        "HealthcareService is inactive",
        paths("Appointment.serviceType[0]"),
        stored=change("HealthcareService/checkup", active=False),
    ),
    Fault("slot", "Loading slots failed", paths("Appointment.slot[1]"), stored=remove("Slot/s1")),
    Fault("schedule", "Loading Schedule failed", paths("Appointment.slot[0].schedule"), stored=remove("Schedule/a")),
    Fault(
        "inactive schedule",
        "Schedule is inactive",
        paths("Appointment.slot[1].schedule"),
        stored=change("Schedule/b", active=False),
    ),
]


@pytest.mark.parametrize(("first", "made"), together(ROWS))
def test_checks_of_confirm_in_order(clinic: NewClinic, first: Fault, made: Sequence[Fault]) -> None:
    opened = clinic(*basic(*STORED))
    asked: Resource = {"id": "x", "occurrences": None}
    for fault in made:
        fault.stored(opened)
        fault.sent(asked)
    answer = opened.confirm(asked["id"], asked["occurrences"])
    assert not_found(answer) if first.name == "missing" else refused(answer) == first.refusal(asked)


@pytest.mark.parametrize(
    ("elements", "expires", "text"),
    [
        ({"status": "cancelled", "cancelationReason": EXPIRED}, NOW, "Hold has expired"),
        ({"status": "cancelled", "cancelationReason": EXPIRED}, "2026-03-10T12:00:00.001Z", None),
        ({"status": "cancelled", "cancelationReason": EXPIRED}, None, None),
        ({"status": "cancelled", "cancelationReason": {"text": "ill"}}, NOW, None),
        ({"status": "cancelled"}, NOW, None),
    ],
)
def test_which_cancelled_appointments_are_lapsed_holds(
    clinic: NewClinic, elements: Resource, expires: str | None, text: str | None
) -> None:
    opened = clinic(*basic(appointment("x", [], hold_expires=expires, **elements)))
    expected = text or "Appointment cannot be confirmed in 'cancelled' status"
    assert refused(opened.confirm("x")) == (expected, None)


def test_a_hold_is_confirmed_until_its_expiry(clinic: NewClinic) -> None:
    opened = clinic()
    first, second = (opened.held(visit("a", time), minutes=10) for time in ("09:00", "10:00"))
    assert accepted(opened.confirm(first["id"], now=BEFORE), 200)
    assert refused(opened.confirm(second["id"], now=LAPSE)) == ("Hold has expired", None)
    # recorded: the same answer
    opened.booked(visit("b", "09:00"), now=LAPSE)
    assert opened.read(reference(second))["status"] == "cancelled"
    assert refused(opened.confirm(second["id"], now=LAPSE)) == ("Hold has expired", None)
    # what is confirmed does not lapse
    assert opened.read(reference(first))["status"] == "booked"


@pytest.mark.parametrize(
    ("types", "stored", "refusal"),
    [
        ([], [], None),
        ([{"text": "other"}], [], None),
        ([service_type("checkup"), service_type("none")], [], ("Loading HealthcareService failed", 1)),
        ([{"text": "x"}, service_type("xray")], [service("xray", active=False)], ("HealthcareService is inactive", 1)),
        ([service_type("checkup"), service_type("xray")], [service("xray")], None),
    ],
)
def test_services_of_a_confirmed_appointment(
    clinic: NewClinic, types: list[Resource], stored: list[Resource], refusal: tuple[str, int] | None
) -> None:
    own = {"serviceType": types} if types else {}
    one = {**appointment("x", [], status="pending"), **own}
    if not types:
        del one["serviceType"]
    answer = clinic(*basic(one, *stored)).confirm("x")
    if refusal is None:
        assert accepted(answer, 200)
    else:
        assert refused(answer) == (refusal[0], [f"Appointment.serviceType[{refusal[1]}]"])


def test_occurrences_once_at_most(clinic: NewClinic) -> None:
    opened = clinic(*basic(*STORED))
    entries = [("occurrences", "valueCode", "this")] * 2
    text = "Expected 0..1 value(s) for input parameter occurrences, but 2 provided"
    assert refused(opened.ask("Appointment/x/$confirm", body(*entries))) == (text, None)


@pytest.mark.parametrize("sent", [{"resourceType": "Appointment", "id": "x"}, {"resourceType": "Bundle"}])
def test_confirm_takes_parameters_only(clinic: NewClinic, sent: Resource) -> None:
    opened = clinic(*basic(*STORED))
    assert refused(opened.ask("Appointment/x/$confirm", sent)) == ("Invalid request body", None)


# $confirm: what it does.


@pytest.mark.parametrize(
    "sent", [None, body(), body(("occurrences", "valueCode", "this")), body(("x", "valueCode", "y"))]
)
def test_confirm_books_what_is_held(clinic: NewClinic, sent: Resource | None) -> None:
    opened = clinic(*basic(slotCapacity=2, bufferAfter=30))
    slots = [
        buffer("b", "09:30", "10:00"),
        visit("b", "09:00", comment="x"),
        visit("a", "09:00"),
        buffer("a", "09:30", "10:00"),
    ]
    people = [{"actor": {"reference": "Practitioner/a"}, "status": "needs-action"}, {"status": "tentative"}]
    held, *stored = accepted(opened.hold(proposal(*slots, participant=people, extension=[EXTENSION]), 10))
    now = "2026-03-10T12:05:00.123Z"
    booked, *confirmed = accepted(opened.ask(f"Appointment/{held['id']}/$confirm", sent, now=now), 200)
    second = {"versionId": "2", "lastUpdated": now}
    assert booked == {**held, "status": "booked", "extension": [EXTENSION], "meta": second}
    assert confirmed == [
        {**one, "status": "busy", "meta": second} if one["status"] == "busy-tentative" else one for one in stored
    ]
    assert [one["status"] for one in confirmed] == ["busy-unavailable", "busy", "busy", "busy-unavailable"]


def test_an_expiry_alone_leaves_no_extension(clinic: NewClinic) -> None:
    opened = clinic()
    held = opened.held(visit("a", "09:00"), minutes=10)
    booked = accepted(opened.confirm(held["id"]), 200)[0]
    assert bare(booked) == {
        **{name: value for name, value in bare(held).items() if name != "extension"},
        "status": "booked",
    }


def test_slots_are_answered_in_the_order_of_the_appointment(clinic: NewClinic) -> None:
    opened = clinic(*basic(*STORED))
    opened.change("Appointment/x", slot=[{"reference": "Slot/s1"}, {"reference": "Slot/s0"}])
    assert [one["id"] for one in accepted(opened.confirm("x"), 200)] == ["x", "s1", "s0"]


def test_other_slots_are_left(clinic: NewClinic) -> None:
    others = [
        slot(status, "a", clock("09:00"), clock("09:30"), status)
        for status in ("busy", "free", "busy-unavailable", "entered-in-error")
    ]
    one = appointment("x", [one["id"] for one in others], status="pending")
    opened = clinic(*basic(*others, one))
    stored = [opened.read(reference(one)) for one in others]
    assert accepted(opened.confirm("x"), 200)[1:] == stored


def test_availability_is_not_checked_again(clinic: NewClinic) -> None:
    opened = clinic()
    held = opened.held(visit("a", "09:00"))
    closed = parameters(availability=[], duration=45, bufferAfter=10, bookingLimit=(1, 1, "d"))
    opened.change("Schedule/a", extension=[closed], planningHorizon={"end": "2020-01-01"}, serviceType=None, actor=[])
    opened.add(slot("s", "a", clock("09:00"), clock("09:30")), slot("bad", "a", "noon", "one"))
    booked, *slots = accepted(opened.confirm(held["id"]), 200)
    assert (booked["status"], spans(slots)) == ("booked", [("a", "09:00", "09:30", "busy")])


@pytest.mark.parametrize("status", ["pending", "proposed"])
@pytest.mark.parametrize("slots", [{"slot": []}, {"slot": None}])
def test_an_appointment_without_slots_can_be_confirmed(clinic: NewClinic, status: str, slots: Resource) -> None:
    opened = clinic(*basic(appointment("x", [], status=status)))
    opened.change("Appointment/x", **slots)
    (booked,) = accepted(opened.confirm("x"), 200)
    assert booked["status"] == "booked"


def test_confirming_twice_is_refused(clinic: NewClinic) -> None:
    opened = clinic(*basic(*STORED))
    accepted(opened.confirm("x"), 200)
    assert refused(opened.confirm("x")) == ("Appointment cannot be confirmed in 'booked' status", None)


# The status machine (section 5).

REFUSED = ("arrived", "checked-in", "fulfilled", "noshow", "waitlist", "entered-in-error", "cancelled")
MOVES = {
    "proposed": ("booked", None, None),
    "pending": ("booked", "cancelled", "pending"),
    "booked": (None, "cancelled", "booked"),
    **dict.fromkeys(REFUSED, (None, None, None)),
}


@pytest.mark.parametrize("status", MOVES)
@pytest.mark.parametrize(("index", "verb"), [(0, "confirmed"), (1, "canceled"), (2, "rescheduled")])
def test_moves(clinic: NewClinic, status: str, index: int, verb: str) -> None:
    visit_status = "busy-tentative" if status in ("pending", "proposed") else "busy"
    stored = slot("s", "a", clock("09:00"), clock("09:30"), visit_status)
    opened = clinic(*basic(stored, appointment("x", ["s"], status=status)))
    if verb == "rescheduled":
        answer = opened.reschedule("x", "10:00", "a")
    else:
        answer = opened.confirm("x") if verb == "confirmed" else opened.cancel("x")
    after = MOVES[status][index]
    if after is None:
        assert refused(answer) == (f"Appointment cannot be {verb} in '{status}' status", None)
        return
    assert answer[0] == 200
    assert opened.read("Appointment/x")["status"] == after
    expected = {"confirmed": ["busy"], "canceled": [], "rescheduled": [visit_status]}[verb]
    assert [one[3] for one in opened.slots()] == expected


def test_moves_of_a_lapsed_hold(clinic: NewClinic) -> None:
    opened = clinic(*basic(*STORED))
    for recorded in (False, True):
        assert (opened.read("Appointment/x")["status"] == "cancelled") is recorded
        assert refused(opened.confirm("x", now=LAPSE)) == ("Hold has expired", None)
        text = "Appointment cannot be {} in 'cancelled' status"
        assert refused(opened.cancel("x", now=LAPSE)) == (text.format("canceled"), None)
        assert refused(opened.reschedule("x", "10:00", "a", now=LAPSE)) == (text.format("rescheduled"), None)
        opened.booked(visit("a", "15:00" if recorded else "14:00"), now=LAPSE)


def test_the_slots_of_each_state(clinic: NewClinic) -> None:
    opened = clinic(*basic(schedule("a", parameters(bufferAfter=10))))
    held, *slots = accepted(opened.hold(proposal(visit("a", "09:00"), buffer("a", "09:30", "09:40"))))
    assert spans(slots) == [("a", "09:00", "09:30", "busy-tentative"), ("a", "09:30", "09:40", "busy-unavailable")]
    _, *confirmed = accepted(opened.confirm(held["id"]), 200)
    assert spans(confirmed) == [("a", "09:00", "09:30", "busy"), ("a", "09:30", "09:40", "busy-unavailable")]
    assert slot_references(confirmed) == slot_references(slots)
    _, *moved = accepted(opened.reschedule(held["id"], "10:00", "a"), 200)
    assert spans(moved) == [("a", "10:00", "10:30", "busy"), ("a", "10:30", "10:40", "busy-unavailable")]
    assert not {one["id"] for one in moved} & {one["id"] for one in slots}
    assert sorted(opened.slots()) == sorted(spans(moved))
    assert opened.cancel(held["id"])[0] == 200
    assert opened.slots() == []
