"""`$book` and `$hold`: the Slots of one schedule (operations.md, section 2.2; the grid of model 13)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from ledger_support import (
    BOOK,
    HOLD,
    Answer,
    Clinic,
    Fault,
    NewClinic,
    Refused,
    accepted,
    added,
    at,
    basic,
    body,
    buffer,
    contain,
    fixed,
    later,
    proposal,
    refused,
    together,
    visit,
)
from ledger_support import clinic_fixture as clinic_fixture
from support import Resource, parameters, practitioner, schedule

both = pytest.mark.parametrize("operation", [BOOK, HOLD])


def ask(clinic: Clinic, operation: str, appointment: Resource) -> Answer:
    return clinic.ask(operation, body(("appointment", "resource", appointment)))


# 09:30-10:00, 10 minutes before and 15 after.


def moved(*indexes: int, start: float = 0, end: float = 0) -> Callable[[Resource], Any]:
    """Move starts and ends of contained Slots by minutes."""

    def work(appointment: Resource) -> None:
        for index in indexes:
            one = appointment["contained"][index]
            one["start"], one["end"] = later(one["start"], start), later(one["end"], end)

    return work


def everyone(appointment: Resource) -> list[str]:
    return at(*(f"contained[{index}]" for index in range(len(appointment["contained"]))))


def extra(name: str, start: str, end: str, status: str = "busy-unavailable") -> Callable[[Resource], Any]:
    return contain(visit("a", start, end, status, comment=name))


BEFORE = "Expected exactly one 'busy-unavailable' slot ending at the start of the busy slot (bufferBefore)"
AFTER = "Expected exactly one 'busy-unavailable' slot starting at the end of the busy slot (bufferAfter)"
SLOT_ROWS = [
    Fault(
        "status",
        "Slot status must be 'busy' or 'busy-unavailable', got 'busy-tentative'",
        added("status"),
        extra("status", "12:00", "12:30", "busy-tentative"),
    ),
    Fault(
        "unreadable",
        "Slot has invalid start or end time",
        added("unreadable"),
        extra("unreadable", "noon", "12:30"),
        excludes=("backwards", "no length"),
    ),
    Fault(
        "backwards",
        "Slot has end time before start time",
        added("backwards"),
        extra("backwards", "12:30", "12:00"),
        excludes=("no length",),
    ),
    Fault("no length", "Slot must cover a positive duration", added("no length"), extra("no length", "12:00", "12:00")),
    Fault(
        "two busy",
        "Expected exactly one 'busy' slot per schedule",
        everyone,
        lambda appointment: appointment["contained"].append(dict(appointment["contained"][0])),
    ),
    Fault(
        "duration",
        "Slot duration does not match scheduling parameters duration",
        fixed("contained[0]"),
        lambda one: (moved(0, end=20)(one), moved(2, start=20, end=20)(one)),
    ),
    Fault(
        "grid",
        "Slot start time is not aligned to the scheduling grid",
        fixed("contained[0]"),
        moved(0, 1, 2, start=1, end=1),
    ),
    Fault("before", BEFORE, fixed("contained[0]"), moved(1, start=-5, end=-5), excludes=("long-before",)),
    Fault(
        "long-before",
        "Buffer-before slot duration (15 min) does not match scheduling parameters bufferBefore (10 min)",
        fixed("contained[1]"),
        moved(1, start=-5),
    ),
    Fault("after", AFTER, fixed("contained[0]"), moved(2, start=5, end=5), excludes=("long-after",)),
    Fault(
        "long-after",
        "Buffer-after slot duration (20 min) does not match scheduling parameters bufferAfter (15 min)",
        fixed("contained[2]"),
        moved(2, end=5),
    ),
]


@both
@pytest.mark.parametrize(("first", "made"), together(SLOT_ROWS))
def test_rows_of_slots_in_order(clinic: NewClinic, operation: str, first: Fault, made: Sequence[Fault]) -> None:
    appointment = proposal(visit("a", "09:30"), buffer("a", "09:20", "09:30"), buffer("a", "10:00", "10:15"))
    for fault in made:
        fault.sent(appointment)
    opened = clinic(*basic(bufferBefore=10, bufferAfter=15))
    assert refused(ask(opened, operation, appointment)) == first.refusal(appointment)


@both
@pytest.mark.parametrize("status", ["busy-tentative", "free", "entered-in-error", "booked"])
def test_only_two_statuses_are_taken(clinic: NewClinic, operation: str, status: str) -> None:
    sent = proposal(visit("a", "09:00"), visit("b", "09:00"), visit("b", "09:30", status=status))
    text = f"Slot status must be 'busy' or 'busy-unavailable', got '{status}'"
    assert refused(ask(clinic(), operation, sent)) == (text, at("contained[2]"))


def test_a_row_is_judged_on_all_slots_before_the_next(clinic: NewClinic) -> None:
    sent = proposal(visit("a", "09:00"), buffer("a", "12:00", "12:00"), visit("a", "13:00", status="free"))
    text = "Slot status must be 'busy' or 'busy-unavailable', got 'free'"
    assert refused(clinic().book(sent)) == (text, at("contained[2]"))


def test_the_times_of_an_earlier_slot_come_first(clinic: NewClinic) -> None:
    wrong = [buffer("a", "noon", "12:30"), buffer("a", "12:30", "12:00"), buffer("a", "12:00", "12:00")]
    texts = ["has invalid start or end time", "has end time before start time", "must cover a positive duration"]
    opened = clinic()
    for index, text in enumerate(texts):
        answer = opened.book(proposal(visit("a", "09:00"), *wrong[index:]))
        assert refused(answer) == (f"Slot {text}", at("contained[1]"))


def test_schedules_are_judged_in_order_of_first_mention(clinic: NewClinic) -> None:
    # b comes first: its last row precedes the first row of a
    slots = [buffer("b", "08:00", "08:10"), visit("a", "09:00", status="free"), visit("b", "09:00")]
    opened = clinic(*basic(schedule("b", parameters(bufferAfter=10))))
    assert refused(opened.book(proposal(*slots))) == (AFTER, at("contained[2]"))
    text = "Slot status must be 'busy' or 'busy-unavailable', got 'free'"
    assert refused(opened.book(proposal(*slots[1:]))) == (text, at("contained[0]"))


@pytest.mark.parametrize(
    "elements",
    [
        {"start": "2026-03-16"},
        {"start": "2026-03-16T09:00:00"},
        {"end": "2026-03-16T09:30:00.000"},
        {"end": "soon"},
        {"start": 9},
    ],
)
@pytest.mark.parametrize("index", [0, 1])
def test_times_must_be_instants(clinic: NewClinic, elements: Resource, index: int) -> None:
    slots = [visit("a", "09:00"), buffer("a", "09:30", "09:40")]
    slots[index].update(elements)
    text = "Slot has invalid start or end time"
    assert refused(clinic().book(proposal(*slots))) == (text, at(f"contained[{index}]"))


@pytest.mark.parametrize("field", ["start", "end"])
def test_times_must_be_there(clinic: NewClinic, field: str) -> None:
    one = {name: value for name, value in visit("a", "09:00").items() if name != field}
    text = "Slot has invalid start or end time"
    assert refused(clinic().book(proposal(one))) == (text, at("contained[0]"))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-16T09:00Z", "2026-03-16T09:30Z"),
        ("2026-03-16T10:00:00+01:00", "2026-03-16T09:30:00Z"),
        ("2026-03-16T14:30:00.000+05:30", "2026-03-16T05:30:00.0-04:00"),
    ],
)
def test_times_are_instants_however_written(clinic: NewClinic, start: str, end: str) -> None:
    assert accepted(clinic().book(proposal(visit("a", start, end))))


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        ("09:00", "09:29", "Slot duration does not match scheduling parameters duration"),
        ("09:00", "09:30:01", "Slot duration does not match scheduling parameters duration"),
        ("09:00", "2026-03-16T09:30:00.001Z", "Slot duration does not match scheduling parameters duration"),
        ("09:00:30", "09:30:30", "Slot start time is not aligned to the scheduling grid"),
        (
            "2026-03-16T09:00:00.001Z",
            "2026-03-16T09:30:00.001Z",
            "Slot start time is not aligned to the scheduling grid",
        ),
    ],
)
def test_visits_are_judged_to_the_millisecond(clinic: NewClinic, start: str, end: str, text: str) -> None:
    assert refused(clinic().book(proposal(visit("a", start, end)))) == (text, at("contained[0]"))


def test_no_busy_slot_at_all(clinic: NewClinic) -> None:
    sent = proposal(visit("a", "09:00"), buffer("b", "09:00", "09:30"), buffer("a", "10:00", "10:10"))
    assert refused(clinic().book(sent)) == ("Expected exactly one 'busy' slot per schedule", at("contained[1]"))


def test_a_visit_without_length_has_no_duration(clinic: NewClinic) -> None:
    opened = clinic(*basic(duration=0))
    answer = opened.book(proposal(visit("a", "09:00", "09:00")))
    assert refused(answer) == ("Slot must cover a positive duration", at("contained[0]"))


# duration 30, bufferBefore 10: the example


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("09:20", "09:30", None),
        (
            "09:15",
            "09:30",
            (
                "Buffer-before slot duration (15 min) does not match scheduling parameters bufferBefore (10 min)",
                at("contained[1]"),
            ),
        ),
        ("09:15", "09:25", (BEFORE, at("contained[0]"))),
        ("10:00", "10:10", (BEFORE, at("contained[0]"))),
    ],
)
def test_the_buffer_before_a_visit(clinic: NewClinic, start: str, end: str, expected: Refused | None) -> None:
    answer = clinic(*basic(bufferBefore=10)).book(proposal(visit("a", "09:30"), buffer("a", start, end)))
    assert (refused(answer) if expected else answer[0]) == (expected or 201)


@pytest.mark.parametrize("field", ["bufferBefore", "bufferAfter"])
def test_missing_buffers_are_not_added(clinic: NewClinic, field: str) -> None:
    text = BEFORE if field == "bufferBefore" else AFTER
    answer = clinic(*basic(**{field: 10})).book(proposal(visit("a", "09:30")))
    assert refused(answer) == (text, at("contained[0]"))


@pytest.mark.parametrize(
    ("fields", "second", "text"),
    [
        ({"bufferBefore": 10}, ("09:25", "09:30"), BEFORE),
        ({"bufferBefore": 10}, ("09:20", "09:30"), BEFORE),
        ({"bufferAfter": 10}, ("10:00", "10:05"), AFTER),
        # no buffer is required on that side, or the visit is not touched
        ({"bufferBefore": 10}, ("10:00", "10:05"), None),
        ({"bufferAfter": 10}, ("09:25", "09:30"), None),
        ({"bufferBefore": 10}, ("09:10", "09:20"), None),
        ({"bufferAfter": 10}, ("10:10", "10:20"), None),
        ({"bufferAfter": 10}, ("12:00", "12:01"), None),
        # over the visit or the buffer itself: Slots of one request do not block each other
        ({"bufferAfter": 10}, ("09:40", "09:50"), None),
        ({"bufferAfter": 10}, ("10:05", "10:15"), None),
    ],
)
def test_further_unavailable_slots(
    clinic: NewClinic, fields: dict[str, int], second: tuple[str, str], text: str | None
) -> None:
    first = ("09:20", "09:30") if "bufferBefore" in fields else ("10:00", "10:10")
    opened = clinic(*basic(**fields))
    answer = opened.book(proposal(visit("a", "09:30"), buffer("a", *first), buffer("a", *second)))
    if text is None:
        accepted(answer)
        assert ("a", *second, "busy-unavailable") in opened.slots()
    else:
        assert refused(answer) == (text, at("contained[0]"))


def test_each_schedule_has_its_own_buffers(clinic: NewClinic) -> None:
    opened = clinic(*basic(schedule("b", parameters(bufferAfter=15)), practitioner("b")))
    slots = [visit("a", "09:00"), visit("b", "09:00")]
    assert refused(opened.book(proposal(*slots))) == (AFTER, at("contained[1]"))
    # the buffer of another schedule does not count
    assert refused(opened.book(proposal(*slots, buffer("a", "09:30", "09:45")))) == (AFTER, at("contained[1]"))
    assert accepted(opened.book(proposal(*slots, buffer("b", "09:30", "09:45"))))


@pytest.mark.parametrize(
    ("interval", "offset", "zone", "start", "on_grid"),
    [
        # model 13
        (30, 75, "Etc/UTC", "2026-03-16T00:15:00.000Z", True),
        (30, 75, "Etc/UTC", "2026-03-16T00:45:00.000Z", True),
        (30, 75, "Etc/UTC", "2026-03-16T01:00:00.000Z", False),
        (50, 0, "Etc/UTC", "2026-03-16T23:20:00.000Z", True),
        (50, 0, "Etc/UTC", "2026-03-17T00:00:00.000Z", True),
        (50, 0, "Etc/UTC", "2026-03-17T00:10:00.000Z", False),
        (40, 0, "America/New_York", "2026-03-08T06:20:00.000Z", True),
        # 03:00 EDT is 180 minutes, 03:20 is 200
        (40, 0, "America/New_York", "2026-03-08T07:00:00.000Z", False),
        (40, 0, "America/New_York", "2026-03-08T07:20:00.000Z", True),
        (40, 0, "America/New_York", "2026-11-01T05:20:00.000Z", True),
        # 01:00 EST is 60 minutes, 01:20 is 80
        (40, 0, "America/New_York", "2026-11-01T06:00:00.000Z", False),
        (40, 0, "America/New_York", "2026-11-01T06:20:00.000Z", True),
        (40, 0, "America/New_York", "2026-11-01T07:00:00.000Z", True),
        (60, 0, "Asia/Kathmandu", "2026-03-16T09:15:00.000Z", True),
        (60, 0, "Asia/Kathmandu", "2026-03-16T09:00:00.000Z", False),
    ],
)
def test_the_grid(clinic: NewClinic, interval: int, offset: int, zone: str, start: str, on_grid: bool) -> None:
    fields = {"alignmentInterval": interval, "alignmentOffset": offset, "alignmentTimezone": zone}
    answer = clinic(*basic(**fields)).book(proposal(visit("a", start)))
    if on_grid:
        assert accepted(answer)
    else:
        assert refused(answer) == ("Slot start time is not aligned to the scheduling grid", at("contained[0]"))
