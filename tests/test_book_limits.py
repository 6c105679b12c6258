"""`$book` and `$hold`: booking limits (operations.md, section 2.3, row 3; model 15)."""

from __future__ import annotations

from typing import Any

import pytest
from ledger_support import BOOK, HOLD, NOW, NewClinic, accepted, at, basic, clock, proposal, refused, visit
from ledger_support import clinic_fixture as clinic_fixture
from support import Resource, appointment, parameters, practitioner, schedule, service, service_type, slot

both = pytest.mark.parametrize("operation", [BOOK, HOLD])
LIMIT = "Booking limit reached for requested service type"


def piece(id: str, start: str, end: str, status: str = "busy", **elements: Any) -> Resource:
    """A stored Slot of schedule a on that Monday."""
    return slot(id, "a", clock(start), clock(end), status, **elements)


def limited(*stored: Resource, limit: Any = (1, 1, "d"), zone: str = "Etc/UTC") -> list[Resource]:
    return basic(schedule("a", parameters(bookingLimit=limit)), practitioner("a", zone), service("xray"), *stored)


@pytest.mark.parametrize(
    ("limit", "bookings", "start", "full"),
    [
        ((2, 1, "wk"), "2026-03-09 2026-03-13", "2026-03-16T03:00", True),
        ((2, 1, "wk"), "2026-03-09 2026-03-13", "2026-03-16T04:00", False),
        ((2, 1, "wk"), "2026-03-09 2026-03-16", "2026-03-11T14:00", False),
        ((2, 2, "wk"), "2026-03-03 2026-03-13", "2026-03-16T03:30", True),
        ((2, 2, "wk"), "2026-03-03 2026-03-13", "2026-03-16T04:00", False),
        ((2, 2, "wk"), "2026-03-03 2026-03-13", "2026-03-02T05:00", True),
        ((2, 2, "wk"), "2026-03-03 2026-03-13", "2026-03-02T04:30", False),
        ((1, 1, "d"), "2026-03-16", "2026-03-17T03:30", True),
        ((1, 1, "d"), "2026-03-16", "2026-03-17T04:00", False),
        # 2026-03-16 is day 20528, an even number
        ((1, 2, "d"), "2026-03-16", "2026-03-18T03:30", True),
        ((1, 2, "d"), "2026-03-16", "2026-03-16T03:30", False),
        ((1, 1, "mo"), "2026-03-16", "2026-04-01T03:30", True),
        ((1, 1, "mo"), "2026-03-16", "2026-04-01T04:00", False),
        # January to March
        ((1, 3, "mo"), "2026-01-10", "2026-04-01T03:30", True),
        ((1, 3, "mo"), "2026-01-10", "2026-04-01T04:00", False),
    ],
)
def test_periods_of_limits(clinic: NewClinic, limit: Any, bookings: str, start: str, full: bool) -> None:
    # each booking at 15:00Z, in the morning of New York
    slots = [slot(day, "a", f"{day}T15:00:00Z", f"{day}T15:30:00Z") for day in bookings.split()]
    stored = [*slots, *(appointment(one["id"], [one["id"]]) for one in slots)]
    opened = clinic(*limited(*stored, limit=limit, zone="America/New_York"))
    answer = opened.book(proposal(visit("a", f"{start}:00.000Z")))
    if full:
        assert refused(answer) == (LIMIT, at("contained[0].schedule"))
    else:
        assert accepted(answer)


# 15:00 on that Monday; 09:00 is asked for
VISIT = piece("s", "15:00", "15:30")
LAPSING = piece("s", "15:00", "15:30", "busy-tentative")


@pytest.mark.parametrize(
    ("limit", "stored", "full"),
    [
        (1, [VISIT, appointment("x", ["s"])], True),
        (1, [VISIT, appointment("x", ["s"], status="noshow")], True),
        (1, [LAPSING, appointment("x", ["s"], status="pending")], True),
        (1, [LAPSING, appointment("x", ["s"], status="pending", hold_expires="2026-03-10T12:00:00.001Z")], True),
        (1, [LAPSING, appointment("x", ["s"], status="pending", hold_expires=NOW)], False),
        (1, [VISIT], False),
        (1, [VISIT, appointment("x", ["s"], status="cancelled")], False),
        (1, [VISIT, appointment("x", ["s"], status="entered-in-error")], False),
        (1, [VISIT, appointment("x", ["s"], service="xray")], False),
        (1, [VISIT, appointment("x", ["s"], serviceType=[service_type("xray"), service_type("checkup")])], True),
        (1, [piece("s", "15:00", "15:30", "busy-unavailable"), appointment("x", ["s"])], False),
        (1, [slot("s", "b", clock("15:00"), clock("15:30")), appointment("x", ["s"])], False),
        (2, [VISIT, appointment("x", ["s"]), appointment("y", ["s"])], False),
        (2, [VISIT, piece("t", "15:30", "15:40", "busy-unavailable"), appointment("x", ["s", "t"])], False),
        (2, [VISIT, piece("t", "16:00", "16:30"), appointment("x", ["s", "t"])], True),
        # another Appointment of the service counts although the first is cancelled
        (1, [VISIT, appointment("x", ["s"], status="cancelled"), appointment("y", ["s"])], True),
    ],
)
@both
def test_what_counts_as_a_booking(
    clinic: NewClinic, operation: str, limit: int, stored: list[Resource], full: bool
) -> None:
    answer = clinic(*limited(*stored, limit=(limit, 1, "d"))).ask(operation, proposal(visit("a", "09:00")))
    if full:
        assert refused(answer) == (LIMIT, at("contained[0].schedule"))
    else:
        assert accepted(answer)


def test_several_limits_must_all_hold(clinic: NewClinic) -> None:
    opened = clinic(*limited(limit=[(2, 1, "d"), (3, 1, "wk")]))
    days = ["2026-03-16", "2026-03-16", "2026-03-16", "2026-03-17", "2026-03-18", "2026-03-23"]
    sent = [proposal(visit("a", f"{day}T{hour:02}:00:00.000Z")) for hour, day in enumerate(days)]
    assert [opened.book(one)[0] for one in sent] == [201, 201, 400, 201, 400, 201]


def test_the_limit_of_each_schedule_is_judged(clinic: NewClinic) -> None:
    opened = clinic(*basic(schedule("b", parameters(bookingLimit=(1, 1, "d")))))
    opened.booked(visit("a", "08:00"), visit("b", "08:00"))
    answer = opened.book(proposal(visit("a", "09:00"), visit("b", "09:00")))
    assert refused(answer) == (LIMIT, at("contained[1].schedule"))
    assert accepted(opened.book(proposal(visit("a", "09:00"))))


def test_booked_held_and_cancelled(clinic: NewClinic) -> None:
    opened = clinic(*limited(limit=(2, 1, "d")))
    first = opened.booked(visit("a", "09:00"))
    second = opened.held(visit("a", "10:00"), minutes=10)
    sent = proposal(visit("a", "11:00"))
    assert refused(opened.book(sent)) == (LIMIT, at("contained[0].schedule"))
    assert refused(opened.hold(sent, now="2026-03-10T12:09:59.999Z")) == (LIMIT, at("contained[0].schedule"))
    opened.confirm(second["id"])
    assert refused(opened.book(sent, now="2026-03-10T12:10:00.000Z")) == (LIMIT, at("contained[0].schedule"))
    opened.cancel(first["id"])
    assert accepted(opened.book(sent))
    assert refused(opened.book(proposal(visit("a", "12:00")))) == (LIMIT, at("contained[0].schedule"))


def test_a_lapsed_hold_leaves_the_period(clinic: NewClinic) -> None:
    opened = clinic(*limited())
    opened.held(visit("a", "09:00"), minutes=10)
    sent = proposal(visit("a", "11:00"))
    assert refused(opened.book(sent, now="2026-03-10T12:09:59.999Z")) == (LIMIT, at("contained[0].schedule"))
    assert accepted(opened.book(sent, now="2026-03-10T12:10:00.000Z"))


def test_limits_of_the_schedule_replace_those_of_the_service(clinic: NewClinic) -> None:
    opened = clinic(*basic(schedule("a", parameters(bookingLimit=(2, 1, "d"))), bookingLimit=(1, 1, "wk")))
    sent = [proposal(visit(one, time)) for time in ("09:00", "10:00", "11:00") for one in "ab"]
    assert [opened.book(one)[0] for one in sent] == [201, 201, 201, 400, 400, 400]


@both
def test_a_shared_time_is_counted_once_for_the_limit_and_once_for_the_capacity(
    clinic: NewClinic, operation: str
) -> None:
    opened = clinic(*basic(schedule("a", parameters(bookingLimit=(4, 1, "d"))), slotCapacity=3))
    sent = proposal(visit("a", "09:00"))
    assert [opened.ask(operation, sent)[0] for _ in range(3)] == [201, 201, 201]
    # three of four bookings; the time is full, the day is not
    assert refused(opened.ask(operation, sent)) == ("Requested time slot is not available", None)
    assert accepted(opened.ask(operation, proposal(visit("a", "10:00"))))
    assert refused(opened.ask(operation, proposal(visit("a", "10:00")))) == (LIMIT, at("contained[0].schedule"))
