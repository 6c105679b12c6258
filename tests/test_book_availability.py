"""`$book` and `$hold`: whether the time can be had (operations.md, section 2.3; model 7 to 12, 14 and 15)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from ledger_support import (
    BOOK,
    HOLD,
    NOW,
    UNAVAILABLE,
    Answer,
    Fault,
    NewClinic,
    accepted,
    at,
    basic,
    body,
    buffer,
    change,
    clock,
    diagnostics,
    fixed,
    later,
    proposal,
    refused,
    together,
    visit,
)
from ledger_support import clinic_fixture as clinic_fixture
from support import (
    EVERY_DAY,
    Resource,
    all_day,
    appointment,
    closed,
    hours,
    parameters,
    schedule,
    service,
    service_type,
    slot,
)

both = pytest.mark.parametrize("operation", [BOOK, HOLD])
LIMIT = "Booking limit reached for requested service type"
HORIZON = "Appointment falls outside schedule planning horizon"
NEVER = parameters(availability=[])


def piece(id: str, start: str, end: str, status: str = "busy", **elements: Any) -> Resource:
    """A stored Slot of schedule a on that Monday."""
    return slot(id, "a", clock(start), clock(end), status, **elements)


def is_free(answer: Answer) -> bool:
    if answer[0] == 201:
        return True
    assert refused(answer) == (UNAVAILABLE, None)
    return False


# The order of the rows.

FULL_DAY = [piece("full", "15:00", "15:30"), appointment("full", ["full"])]
ROWS = [
    Fault(
        "unusable",
        "Slot/bad has end time before start time",
        stored=lambda clinic: clinic.add(piece("bad", "09:10", "08:00")),
    ),
    Fault(
        "horizon", HORIZON, fixed("contained[0].schedule"), stored=change("Schedule/a", planningHorizon={"end": NOW})
    ),
    Fault("taken", UNAVAILABLE, stored=lambda clinic: clinic.add(piece("taken", "09:00", "09:30"))),
    Fault(
        "limit",
        LIMIT,
        fixed("contained[0].schedule"),
        stored=change("Schedule/a", extension=[parameters(bookingLimit=(1, 1, "d"))]),
    ),
]


@both
@pytest.mark.parametrize(("first", "made"), together(ROWS))
def test_rows_in_order(clinic: NewClinic, operation: str, first: Fault, made: Sequence[Fault]) -> None:
    opened = clinic(*basic(*FULL_DAY))
    for fault in made:
        fault.stored(opened)
    sent = proposal(visit("a", "09:00"), visit("b", "09:00"))
    assert refused(opened.ask(operation, sent)) == first.refusal(sent)


@pytest.mark.parametrize("first", ROWS, ids=lambda one: one.name)
def test_the_first_failing_schedule_is_reported(clinic: NewClinic, first: Fault) -> None:
    # b has an unusable Slot, the very first row
    opened = clinic(*basic(*FULL_DAY, slot("worse", "b", "never", "ever")))
    first.stored(opened)
    slots = [visit("a", "09:00"), visit("b", "09:00")]
    assert refused(opened.book(proposal(*slots))) == first.refusal({})
    assert refused(opened.book(proposal(*slots[::-1]))) == ("Slot/worse has invalid start or end time", None)


# Row 0: unusable Slots (model 9).


@pytest.mark.parametrize("status", ["busy", "busy-tentative", "busy-unavailable", "free"])
@pytest.mark.parametrize("elements", [{"start": "noon"}, {"end": "2020-01-01"}, {"end": "2020-01-01T10:00:00"}])
def test_unreadable_times_are_an_error_wherever_they_lie(clinic: NewClinic, status: str, elements: Resource) -> None:
    bad = {**slot("bad", "a", "2020-01-01T09:00:00Z", "2020-01-01T10:00:00Z", status), **elements}
    answer = clinic(*basic(bad)).book(proposal(visit("a", "09:00")))
    assert refused(answer) == ("Slot/bad has invalid start or end time", None)


@pytest.mark.parametrize(
    ("start", "end", "wrong"),
    [
        # R is 08:50-09:40, with the buffers
        ("09:20", "09:10", True),
        ("12:00", "09:39", True),
        ("08:50", "07:00", True),
        ("08:49", "07:00", False),
        ("12:00", "11:00", False),
        # it covers R, but no bound lies in it
        ("12:00", "08:00", False),
    ],
)
def test_an_end_before_its_start_is_an_error_in_the_range(clinic: NewClinic, start: str, end: str, wrong: bool) -> None:
    opened = clinic(*basic(piece("bad", start, end), bufferBefore=10, bufferAfter=10))
    answer = opened.book(proposal(visit("a", "09:00"), buffer("a", "08:50", "09:00"), buffer("a", "09:30", "09:40")))
    if wrong:
        assert refused(answer) == ("Slot/bad has end time before start time", None)
    else:
        assert accepted(answer)


def test_the_smallest_id_is_named(clinic: NewClinic) -> None:
    opened = clinic(*basic(piece("s3", "noon", "13:00"), piece("s1", "09:10", "09:00"), piece("s2", "noon", "13:00")))
    assert refused(opened.book(proposal(visit("a", "09:00")))) == ("Slot/s1 has end time before start time", None)
    assert refused(opened.book(proposal(visit("a", "15:00")))) == ("Slot/s2 has invalid start or end time", None)


def test_unusable_slots_in_error_or_of_other_schedules_do_not_matter(clinic: NewClinic) -> None:
    others = [piece("s", "noon", "13:00", "entered-in-error"), slot("t", "b", "noon", "13:00")]
    assert accepted(clinic(*basic(*others)).book(proposal(visit("a", "09:00"))))


# Row 1: the horizon (model 14).


@pytest.mark.parametrize(
    ("horizon", "start", "end", "inside"),
    [
        (("2026-03-16T09:00:00Z", "2026-03-16T09:30:00Z"), "09:00", "09:30", True),
        (("2026-03-16T09:00:00.001Z", None), "09:00", "09:30", False),
        ((None, "2026-03-16T09:29:59.999Z"), "09:00", "09:30", False),
        # America/New_York, 2026-03-02T05:00Z to 2026-03-09T04:00Z
        (("2026-03-02", "2026-03-08"), "2026-03-09T03:30:00.000Z", "2026-03-09T04:00:00.000Z", True),
        (("2026-03-02", "2026-03-08"), "2026-03-09T04:00:00.000Z", "2026-03-09T04:30:00.000Z", False),
        (("2026-03-02", "2026-03-08"), "2026-03-02T05:00:00.000Z", "2026-03-02T05:30:00.000Z", True),
        (("2026-03-02", "2026-03-08"), "2026-03-02T04:30:00.000Z", "2026-03-02T05:00:00.000Z", False),
        (("2026-03", "2026-03"), "2026-04-01T03:30:00.000Z", "2026-04-01T04:00:00.000Z", True),
        (("2026-03", "2026-03"), "2026-04-01T04:00:00.000Z", "2026-04-01T04:30:00.000Z", False),
        (("2026", None), "2026-01-01T04:30:00.000Z", "2026-01-01T05:00:00.000Z", False),
    ],
)
def test_the_horizon_contains_the_visit(
    clinic: NewClinic, horizon: tuple[str | None, str | None], start: str, end: str, inside: bool
) -> None:
    own = schedule("a", parameters(timezone="America/New_York"), horizon=horizon)
    answer = clinic(*basic(own)).book(proposal(visit("a", start, end)))
    if inside:
        assert accepted(answer)
    else:
        assert refused(answer) == (HORIZON, at("contained[0].schedule"))


@pytest.mark.parametrize(("end", "inside"), [("09:40", True), ("09:39", False)])
def test_the_horizon_contains_the_buffers(clinic: NewClinic, end: str, inside: bool) -> None:
    own = schedule("a", horizon=(None, clock(end)))
    answer = clinic(*basic(own, bufferAfter=10)).book(proposal(visit("a", "09:00"), buffer("a", "09:30", "09:40")))
    assert (answer[0] == 201) is inside
    assert inside or refused(answer) == (HORIZON, at("contained[0].schedule"))


def test_the_horizon_contains_further_slots_of_its_own_schedule(clinic: NewClinic) -> None:
    opened = clinic(*basic(schedule("b", horizon=("2026-03-16T08:00:00Z", "2026-03-16T11:00:00Z"))))
    busy = [visit("a", "09:00"), visit("b", "09:00")]
    assert accepted(opened.book(proposal(*busy, buffer("a", "12:00", "12:10"))))
    answer = opened.book(proposal(visit("b", "10:00"), buffer("b", "10:40", "11:00:30")))
    assert refused(answer) == (HORIZON, at("contained[0].schedule"))
    answer = opened.book(proposal(visit("a", "10:00"), visit("b", "10:00"), buffer("b", "12:00", "12:10")))
    assert refused(answer) == (HORIZON, at("contained[1].schedule"))


# Row 2: hours, free time and closures.


@both
@pytest.mark.parametrize(
    ("start", "free"), [("09:00", True), ("16:30", True), ("08:30", False), ("17:00", False), ("16:45", False)]
)
def test_visits_lie_in_open_time(clinic: NewClinic, operation: str, start: str, free: bool) -> None:
    own = schedule("a", parameters(availability=[hours("mon", "09:00:00", "17:00:00")]))
    answer = clinic(*basic(own, alignmentInterval=15)).ask(operation, proposal(visit("a", start)))
    assert is_free(answer) is free
    assert free or diagnostics(answer) == '{"schedule":"Schedule/a","blockingSlots":[]}'


@pytest.mark.parametrize(
    ("zone", "entries", "start", "free"),
    [
        # model 7
        *(
            ("America/New_York", [hours(days, first, last)], f"{start}:00.000Z", free)
            for days, first, last, starts in [
                (
                    "fri",
                    "22:00:00",
                    "06:00:00",
                    "2026-03-07T03:00 2026-03-07T10:30 !2026-03-07T02:45 !2026-03-07T10:45",
                ),
                (
                    "sun",
                    "00:30:00",
                    "06:30:00",
                    "2026-03-08T05:30 2026-03-08T10:00 !2026-03-08T05:15 !2026-03-08T10:15",
                ),
                (
                    "sun",
                    "00:30:00",
                    "06:30:00",
                    "2026-11-01T04:30 2026-11-01T11:00 !2026-11-01T04:15 !2026-11-01T11:15",
                ),
                ("sun", "02:00:00", "03:00:00", "!2026-03-08T07:00 !2026-03-08T06:30 2026-03-15T06:00"),
                ("sun", "02:30:00", "03:15:00", "!2026-03-08T07:30 !2026-03-08T07:00 2026-03-15T06:30"),
                ("sat", "22:00:00", "02:30:00", "2026-03-08T03:00 2026-03-08T07:00 !2026-03-08T07:15"),
                ("mon tue", "00:00:00", "23:59:59", "2026-03-17T03:15 !2026-03-17T03:45"),
            ]
            for start, free in [(one.strip("!"), one[0] != "!") for one in starts.split()]
        ),
        ("America/New_York", [all_day("mon tue")], "2026-03-17T03:45:00.000Z", True),
        ("America/New_York", [all_day("mon tue")], "2026-03-18T03:45:00.000Z", False),
        ("America/Santiago", [all_day("sun")], "2026-09-06T04:00:00.000Z", True),
        ("America/Santiago", [all_day("sun")], "2026-09-06T03:45:00.000Z", False),
        ("America/Santiago", [all_day("sun")], "2026-09-07T02:30:00.000Z", True),
        ("America/Santiago", [all_day("sun")], "2026-09-07T02:45:00.000Z", False),
        # model 8: closed from 2026-12-24T05:00Z to 2026-12-27T05:00Z
        *(
            ("America/New_York", [all_day(EVERY_DAY), closed("2026-12-24", "2026-12-26")], start, free)
            for start, free in [
                ("2026-12-24T04:30:00.000Z", True),
                ("2026-12-24T04:45:00.000Z", False),
                ("2026-12-27T04:45:00.000Z", False),
                ("2026-12-27T05:00:00.000Z", True),
            ]
        ),
    ],
)
def test_hours_and_closures(clinic: NewClinic, zone: str, entries: list[Resource], start: str, free: bool) -> None:
    own = schedule("a", parameters(timezone=zone, availability=entries))
    answer = clinic(*basic(own, alignmentInterval=15)).book(proposal(visit("a", start)))
    assert is_free(answer) is free


def test_free_slots_open_time_and_busy_ones_beat_them(clinic: NewClinic) -> None:
    free = [piece("f1", "08:00", "08:20", "free"), piece("f2", "08:20", "09:00", "free")]
    opened = clinic(*basic(schedule("a", NEVER), *free, piece("b", "08:30", "09:00")))
    assert is_free(opened.book(proposal(visit("a", "08:00"))))
    assert not is_free(opened.book(proposal(visit("a", "08:30"))))


def test_closures_close_free_slots(clinic: NewClinic) -> None:
    own = parameters(availability=[closed(clock("08:00"), clock("08:10"))], timezone="Etc/UTC")
    opened = clinic(*basic(schedule("a", own), piece("f", "08:00", "09:00", "free")))
    assert not is_free(opened.book(proposal(visit("a", "08:00"))))


@pytest.mark.parametrize(
    ("start", "end", "free"),
    [("08:59:30", "09:30:10", True), ("09:00:30", "10:00", False), ("08:00", "09:29:59", False)],
)
def test_free_slots_are_rounded_inward(clinic: NewClinic, start: str, end: str, free: bool) -> None:
    opened = clinic(*basic(schedule("a", NEVER), piece("f", start, end, "free")))
    assert is_free(opened.book(proposal(visit("a", "09:00")))) is free


# Row 2: occupying Slots.


@pytest.mark.parametrize("operation", [BOOK, HOLD])
@pytest.mark.parametrize("status", ["busy", "busy-tentative", "busy-unavailable"])
@pytest.mark.parametrize(
    ("start", "end", "free"),
    [("08:00", "09:00", True), ("08:00", "09:00:01", False), ("09:29:59", "10:00", False), ("09:30", "10:00", True)],
)
def test_occupying_slots_block(
    clinic: NewClinic, operation: str, status: str, start: str, end: str, free: bool
) -> None:
    opened = clinic(*basic(piece("s", start, end, status)))
    assert is_free(opened.ask(operation, proposal(visit("a", "09:00")))) is free


def test_ignored_slots_do_not_block(clinic: NewClinic) -> None:
    ignored = [piece("s", "09:00", "09:30", "entered-in-error"), piece("t", "09:15", "09:15")]
    assert is_free(clinic(*basic(*ignored)).book(proposal(visit("a", "09:00"))))


@pytest.mark.parametrize(
    ("elements", "concerns"),
    [
        # model 5
        ({}, True),
        ({"serviceType": [{"coding": [{"system": "http://e.org", "code": "chk"}]}]}, True),
        ({"serviceType": [{"coding": [{"code": "chk"}]}]}, False),
        ({"serviceType": [service_type("checkup", coding=[{"system": "http://e.org", "code": "xray"}])]}, True),
        ({"serviceType": [{"text": "chk"}]}, False),
        ({"serviceType": [{"text": "chk"}, service_type("checkup")]}, True),
    ],
)
@pytest.mark.parametrize("capacity", [1, 2])
def test_slots_of_other_services_do_not_block(
    clinic: NewClinic, elements: Resource, concerns: bool, capacity: int
) -> None:
    offered = service(
        params=parameters(duration=30, alignmentInterval=30, bufferAfter=30, slotCapacity=capacity),
        type=[{"coding": [{"system": "http://e.org", "code": "chk"}]}],
    )
    opened = clinic(*basic(offered, piece("s", "09:30", "10:00", **elements)))
    # it meets the buffer only
    answer = opened.book(proposal(visit("a", "09:00"), buffer("a", "09:30", "10:00")))
    assert is_free(answer) is not concerns


@pytest.mark.parametrize(
    ("asked", "tolerances", "free"),
    [
        # model 11; 0 is no stamp
        (1, [0], False),
        (1, [5], False),
        (2, [0], False),
        (2, [1], False),
        (2, [2], True),
        (2, [2, 2], False),
        (2, [5, 5], False),
        (3, [3, 3], True),
        (3, [2, 2], False),
        (3, [2, 3], False),
        (5, [5, 2], False),
        (3, [3, 3, 3], False),
    ],
)
@both
def test_capacity(clinic: NewClinic, operation: str, asked: int, tolerances: list[int], free: bool) -> None:
    statuses = ("busy", "busy-tentative", "busy-unavailable")
    stored = [
        piece(f"s{index}", "09:00", "09:30", statuses[index], capacity=one or None)
        for index, one in enumerate(tolerances)
    ]
    opened = clinic(*basic(*stored, slotCapacity=asked))
    assert is_free(opened.ask(operation, proposal(visit("a", "09:00")))) is free


def test_buffers_and_further_slots_are_asked_for_at_capacity_one(clinic: NewClinic) -> None:
    opened = clinic(*basic(piece("s", "09:00", "09:30", capacity=5), slotCapacity=5))
    assert is_free(opened.book(proposal(visit("a", "09:00"))))
    assert not is_free(opened.book(proposal(visit("a", "10:00"), buffer("a", "09:20", "09:25"))))


@pytest.mark.parametrize(("end", "start", "free"), [("09:15", "09:15", True), ("09:15:20", "09:15:40", False)])
def test_slots_that_touch_are_never_counted_together(clinic: NewClinic, end: str, start: str, free: bool) -> None:
    # 09:00-09:16 and 09:15-09:30 after rounding: two Slots at 09:15
    stored = [piece("s", "09:00", end, capacity=2), piece("t", start, "09:30", capacity=2)]
    assert is_free(clinic(*basic(*stored, slotCapacity=2)).book(proposal(visit("a", "09:00")))) is free


@pytest.mark.parametrize(
    ("start", "end", "free"),
    [("10:16", "10:20", True), ("10:16:40", "10:20", True), ("10:15:59", "10:20", False), ("09:58", "09:59:30", True)],
)
def test_finer_times_are_rounded_outward(clinic: NewClinic, start: str, end: str, free: bool) -> None:
    # 10:00:30-10:15:20 occupies 10:00-10:16
    opened = clinic(*basic(piece("s", "10:00:30", "10:15:20")))
    assert is_free(opened.book(proposal(visit("a", "12:00"), buffer("a", start, end)))) is free


def test_a_fine_slot_at_the_edge_of_the_hours_is_not_open(clinic: NewClinic) -> None:
    opened = clinic(*basic(schedule("a", parameters(availability=[hours("mon", "09:00:00", "10:00:30")]))))
    # open until 10:00; 09:59:10-10:00 asks for 09:59-10:00
    assert not is_free(opened.book(proposal(visit("a", "09:30"), buffer("a", "10:00", "10:00:20"))))
    assert is_free(opened.book(proposal(visit("a", "09:00"), buffer("a", "09:59:10", "10:00"))))


def test_the_example_of_a_shared_schedule_with_buffers(clinic: NewClinic) -> None:
    stored = [piece("s", "09:00", "09:30", capacity=2), piece("t", "09:30", "09:40", "busy-unavailable")]
    opened = clinic(*basic(*stored, slotCapacity=2, bufferAfter=10, alignmentInterval=10))

    def book(start: str) -> bool:
        end = later(start, 30)
        return is_free(opened.book(proposal(visit("a", start), buffer("a", end, later(end, 10)))))

    assert [book(start) for start in ("09:00", "09:30", "09:40")] == [False, False, True]


@pytest.mark.parametrize("minute", range(9 * 60, 12 * 60, 15))
def test_the_example_of_buffers(clinic: NewClinic, minute: int) -> None:
    start = clock(f"{minute // 60:02}:{minute % 60:02}")
    slots = [visit("a", start), buffer("a", later(start, -10), start), buffer("a", later(start, 30), later(start, 45))]
    own = schedule("a", parameters(availability=[hours("mon", "09:00:00", "12:00:00")]))
    fields = {"alignmentInterval": 15, "bufferBefore": 10, "bufferAfter": 15}
    open_starts = ["09:15", "09:30", "09:45", "10:00", "10:15", "10:30", "10:45", "11:00", "11:15"]
    answer = clinic(*basic(own, **fields)).book(proposal(*slots))
    assert is_free(answer) is (start[11:16] in open_starts)
    answer = clinic(*basic(own, piece("s", "10:00", "10:30"), **fields)).book(proposal(*slots))
    assert is_free(answer) is (start[11:16] in ("09:15", "10:45", "11:00", "11:15"))


# Diagnostics.


def test_diagnostics_list_what_overlaps_the_range(clinic: NewClinic) -> None:
    xray = [{"coding": [{"code": "xray"}]}]
    stored = [
        # touching, and outside
        piece("out1", "08:00", "08:50"),
        piece("out2", "09:40", "10:00"),
        # overlapping the buffers only; another service; a tolerance above; starts equal: by id
        piece("s9", "08:00", "08:50:01"),
        piece("s2", "2026-03-16T10:10:00+01:00", "2026-03-16T10:20:00+01:00", serviceType=xray),
        piece("s1", "09:10", "09:15", "busy-unavailable", serviceType=xray),
        piece("s5", "09:05", "09:10", "busy-tentative", capacity=9),
        piece("s3", "09:39", "12:00"),
        # not occupying, or ignored
        piece("free", "09:00", "09:30", "free"),
        piece("wrong", "09:00", "09:30", "entered-in-error"),
        piece("short", "09:15", "09:15"),
        slot("other", "b", clock("09:00"), clock("09:30")),
    ]
    lapsed = [
        piece("lapsed", "09:00", "09:30", "busy-tentative"),
        appointment("h", ["lapsed"], status="pending", hold_expires=NOW),
    ]
    offered = service(
        params=parameters(duration=30, alignmentInterval=30, bufferBefore=10, bufferAfter=10, slotCapacity=9)
    )
    opened = clinic(*basic(offered, *stored, *lapsed))
    answer = opened.book(proposal(visit("a", "09:00"), buffer("a", "08:50", "09:00"), buffer("a", "09:30", "09:40")))
    expected = [
        ("s9", clock("08:00"), clock("08:50:01"), "busy"),
        ("s5", clock("09:05"), clock("09:10"), "busy-tentative"),
        ("s1", clock("09:10"), clock("09:15"), "busy-unavailable"),
        ("s2", "2026-03-16T10:10:00+01:00", "2026-03-16T10:20:00+01:00", "busy"),
        ("s3", clock("09:39"), clock("12:00"), "busy"),
    ]
    listed = ",".join(
        f'{{"reference":"Slot/{id}","start":"{start}","end":"{end}","status":"{status}"}}'
        for id, start, end, status in expected
    )
    assert diagnostics(answer) == f'{{"schedule":"Schedule/a","blockingSlots":[{listed}]}}'


def test_the_range_reaches_to_further_slots(clinic: NewClinic) -> None:
    opened = clinic(*basic(piece("s", "09:00", "09:30"), piece("t", "10:00", "10:30"), piece("u", "12:10", "13:00")))
    answer = opened.book(proposal(visit("a", "09:00"), buffer("a", "12:00", "12:10")))
    found = json.loads(diagnostics(answer))
    assert [one["reference"] for one in found["blockingSlots"]] == ["Slot/s", "Slot/t"]


@both
def test_diagnostics_name_the_failing_schedule(clinic: NewClinic, operation: str) -> None:
    opened = clinic(*basic(slot("s", "b", clock("09:00"), clock("09:30")), piece("t", "10:00", "10:30")))
    sent = body(("appointment", "resource", proposal(visit("a", "09:00"), visit("b", "09:00"))))
    found = json.loads(diagnostics(opened.ask(operation, sent)))
    assert (found["schedule"], [one["reference"] for one in found["blockingSlots"]]) == ("Schedule/b", ["Slot/s"])
