"""Existing Slots, open time, capacity, buffers and the grid (model 9 to 13)."""

from __future__ import annotations

from typing import Any

import pytest
from support import (
    Resource,
    all_day,
    availability,
    chosen,
    closed,
    find,
    hours,
    parameters,
    practitioner,
    refusal,
    schedule,
    service,
    slot,
    starts,
    times,
)

OCCUPYING = ("busy", "busy-tentative", "busy-unavailable")
NEVER = parameters(availability=[])
Window = tuple[str, str]


def clock(time: str) -> str:
    """09:30 or 09:30:20 on Monday 2026-03-16."""
    return f"2026-03-16T{time}Z" if len(time) > 5 else f"2026-03-16T{time}:00Z"


def piece(id: str, start: str, end: str, status: str = "busy", **elements: Any) -> Resource:
    """A Slot of schedule a on that Monday."""
    return slot(id, "a", clock(start), clock(end), status, **elements)


def ask(*resources: Resource, start: str = "09:00", end: str = "12:00", **fields: Any) -> tuple[int, Resource]:
    """Search schedule a on that Monday; the service has 30 minutes every 30 minutes, or `fields`."""
    params = parameters(**{"duration": 30, "alignmentInterval": 30, **fields})
    stored = [service(params=params), practitioner("a"), *resources]
    return find(stored, schedule="a", start=clock(start), end=clock(end), count=1000)


def open_from(start: str, end: str) -> Resource:
    return schedule("a", parameters(availability=[hours("mon", f"{start}:00", f"{end}:00")]))


# 9 existing Slots


@pytest.mark.parametrize("status", OCCUPYING)
def test_three_statuses_occupy_time_alike(status: str) -> None:
    assert times(ask(schedule("a"), piece("s", "09:30", "11:30", status))) == ["09:00", "11:30"]


def test_slots_entered_in_error_are_ignored() -> None:
    wrong = piece("s", "09:00", "12:00", "entered-in-error")
    assert times(ask(open_from("10:00", "11:00"), wrong)) == ["10:00", "10:30"]
    assert times(ask(schedule("a", NEVER), wrong)) == []


@pytest.mark.parametrize("status", OCCUPYING)
@pytest.mark.parametrize("time", ["09:00", "09:15", "09:15:30"])
def test_slots_of_no_length_are_ignored(status: str, time: str) -> None:
    assert times(ask(schedule("a"), piece("s", time, time, status), end="10:00")) == ["09:00", "09:30"]


def test_free_slots_of_no_length_open_nothing_and_join_nothing() -> None:
    own = schedule("a", parameters(availability=[hours("mon", "09:00:00", "09:45:00")]))
    assert times(ask(own, piece("s", "10:00", "10:00", "free"))) == ["09:00"]


def test_slots_of_other_schedules_do_not_matter() -> None:
    other = slot("s", "b", clock("09:00"), clock("10:00"))
    assert times(ask(schedule("a"), schedule("b"), practitioner("b"), other, end="10:00")) == ["09:00", "09:30"]


def test_slots_reaching_into_the_window_count() -> None:
    night = slot("s", "a", "2026-03-10T00:00:00Z", clock("09:30"))
    week = slot("t", "a", clock("10:30"), "2026-03-26T00:00:00Z")
    assert times(ask(schedule("a"), night, week)) == ["09:30", "10:00"]


@pytest.mark.parametrize("status", ["busy", "free"])
def test_any_number_of_slots_is_considered(status: str) -> None:
    # 1,200 minutes in January, and one half hour in the window
    many = [
        slot(
            f"s{n}", "a", f"2026-01-{1 + n // 60:02}T09:{n % 60:02}:00Z", f"2026-01-{1 + n // 60:02}T09:{n % 60:02}:59Z"
        )
        for n in range(1200)
    ]
    last = piece("z", "09:30", "10:00", status)
    own = schedule("a", NEVER) if status == "free" else schedule("a")
    expected = ["09:30"] if status == "free" else ["09:00"]
    assert times(ask(own, *many, last, end="10:00")) == expected


def test_many_slots_inside_the_window_are_considered() -> None:
    minutes = [f"{9 + n // 60:02}:{n % 60:02}" for n in range(150)]
    # in each minute up to 11:29 seven Slots of five seconds, 1,050 in all
    many = [
        piece(f"s{minute}-{part}", f"{minute}:{part * 9:02}", f"{minute}:{part * 9 + 5:02}")
        for minute in minutes
        for part in range(7)
    ]
    assert times(ask(schedule("a"), *many)) == ["11:30"]


def test_appointments_do_not_occupy_time() -> None:
    visit = {
        "resourceType": "Appointment",
        "id": "x",
        "status": "booked",
        "start": clock("09:00"),
        "end": clock("09:30"),
        "participant": [{"actor": {"reference": "Practitioner/a"}, "status": "accepted"}],
    }
    assert times(ask(schedule("a"), visit, end="10:00")) == ["09:00", "09:30"]


# 9 unusable Slots


@pytest.mark.parametrize("status", [*OCCUPYING, "free"])
@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-16T09:00:00", "2026-03-16T10:00:00Z"),
        ("2026-03-16T09:00:00Z", "2026-03-16"),
        ("2026-03-16T09:00:00Z", "soon"),
        ("2019-01-01T09:00:00", "2019-01-01T10:00:00"),  # wherever it lies
        ("2026-03-16T10:00:00", "2026-03-16T09:00:00"),
    ],
)
def test_a_slot_with_unreadable_times_is_an_error(status: str, start: str, end: str) -> None:
    answer = ask(schedule("a"), slot("s", "a", start, end, status))
    assert refusal(answer) == (400, "invalid", "Slot/s has invalid start or end time", None)


@pytest.mark.parametrize("lacking", ["start", "end"])
def test_a_slot_without_one_of_its_times_is_an_error(lacking: str) -> None:
    broken = piece("s", "09:00", "10:00")
    del broken[lacking]
    assert refusal(ask(schedule("a"), broken))[2] == "Slot/s has invalid start or end time"


@pytest.mark.parametrize(
    ("start", "end"),
    [("10:00", "09:30"), ("13:00", "10:00"), ("10:00", "08:00")],  # both, one, the other bound from 09:00 to 12:00
)
@pytest.mark.parametrize("status", [*OCCUPYING, "free"])
def test_a_slot_that_ends_before_it_starts_is_an_error_in_the_window(start: str, end: str, status: str) -> None:
    answer = ask(schedule("a"), piece("s", start, end, status))
    assert refusal(answer) == (400, "invalid", "Slot/s has end time before start time", None)


@pytest.mark.parametrize(("start", "end"), [("08:00", "07:00"), ("14:00", "13:00")])
def test_a_slot_that_ends_before_it_starts_is_no_error_elsewhere(start: str, end: str) -> None:
    assert times(ask(schedule("a"), piece("s", start, end), end="10:00")) == ["09:00", "09:30"]


def test_the_smallest_id_is_reported_whatever_its_fault() -> None:
    unreadable = slot("s2", "a", "2026-03-16", "2026-03-16")
    inverted = piece("s1", "10:00", "09:30")
    assert refusal(ask(schedule("a"), unreadable, inverted))[2] == "Slot/s1 has end time before start time"
    third = piece("s3", "10:00", "09:30")
    assert refusal(ask(schedule("a"), third, unreadable))[2] == "Slot/s2 has invalid start or end time"


def test_slots_entered_in_error_are_never_errors() -> None:
    unreadable = slot("s", "a", "2026-03-16", "2026-03-16", "entered-in-error")
    inverted = piece("t", "10:00", "09:30", "entered-in-error")
    assert times(ask(schedule("a"), unreadable, inverted, end="10:00")) == ["09:00", "09:30"]


def test_unusable_slots_of_schedules_not_asked_for_are_no_errors() -> None:
    unreadable = slot("s", "b", "2026-03-16", "2026-03-16")
    answer = ask(schedule("a"), schedule("b"), practitioner("b"), unreadable, end="10:00")
    assert times(answer) == ["09:00", "09:30"]


# 10 open time


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("10:00", "11:00", ["09:00", "09:30"]),  # touches the hours
        ("09:30", "11:00", ["09:00", "09:30"]),  # overlaps them
        ("10:01", "12:00", ["10:30"]),  # leaves a gap
        ("08:30", "09:00", ["08:30"]),
        ("09:15", "09:45", []),  # lies inside them
    ],
)
def test_free_slots_are_joined_with_the_hours_they_touch(start: str, end: str, expected: list[str]) -> None:
    answer = ask(open_from("09:00", "10:00"), piece("s", start, end, "free"), start="08:00", duration=90)
    assert times(answer) == expected


@pytest.mark.parametrize("second", ["10:00", "09:45"])
def test_free_slots_are_joined_with_each_other(second: str) -> None:
    free = [piece("s", "09:00", "10:00", "free"), piece("t", second, "11:00", "free")]
    assert times(ask(schedule("a", NEVER), *free, duration=120)) == ["09:00"]


def test_free_time_obeys_duration_and_grid() -> None:
    # 09:10 to 10:05: of the grid 09:30 alone; 09:00 is before and 10:00 lacks 25 minutes
    assert times(ask(schedule("a", NEVER), piece("s", "09:10", "10:05", "free"))) == ["09:30"]


def test_free_time_obeys_buffers() -> None:
    free = piece("s", "09:00", "11:00", "free")
    # t - 10 >= 09:00 and t + 45 <= 11:00
    answer = ask(schedule("a", NEVER), free, bufferBefore=10, bufferAfter=15)
    assert times(answer) == ["09:30", "10:00"]


def test_buffers_may_lie_in_free_time_beside_the_hours() -> None:
    free = piece("s", "10:00", "10:15", "free")
    assert times(ask(open_from("09:00", "10:00"), free, bufferAfter=15)) == ["09:00", "09:30"]


@pytest.mark.parametrize("status", OCCUPYING)
def test_busy_beats_free(status: str) -> None:
    slots = [piece("s", "09:00", "11:00", "free"), piece("t", "09:30", "10:00", status)]
    assert times(ask(schedule("a", NEVER), *slots)) == ["09:00", "10:00", "10:30"]


def test_closures_close_free_slots() -> None:
    own = parameters(availability=[hours("tue", "09:00:00", "10:00:00"), closed(clock("09:30"), clock("10:00"))])
    assert times(ask(schedule("a", own), piece("s", "09:00", "11:00", "free"))) == ["09:00", "10:00", "10:30"]


def test_free_slots_do_not_narrow_hours() -> None:
    assert times(ask(open_from("09:00", "10:30"), piece("s", "09:00", "09:30", "free"))) == ["09:00", "09:30", "10:00"]


def test_many_overlapping_free_slots_open_their_time_once() -> None:
    free = [piece(f"s{n}", "09:00", "10:00", "free") for n in range(3)]
    assert times(ask(schedule("a", NEVER), *free)) == ["09:00", "09:30"]


# 11 capacity


@pytest.mark.parametrize(
    ("asked", "tolerances", "blocked"),
    [
        (1, [], False),
        (1, [1], True),
        (1, [2], True),
        (1, [9], True),
        (2, [1], True),
        (2, [2], False),
        (2, [9], False),
        (2, [2, 2], True),
        (2, [5, 5], True),
        (3, [3, 3], False),
        (3, [2, 2], True),
        (3, [2, 3], True),
        (3, [3, 2], True),
        (3, [2], False),
        (3, [1], True),
        (3, [3, 3, 3], True),
        (3, [9, 9], False),
        (5, [5, 2], True),
        (5, [5, 3], False),
        (5, [5, 5, 5, 5], False),
        (5, [5, 5, 5, 5, 5], True),
        (5, [5, 5, 1], True),
        (2, [None], True),  # without a stamp
        (5, [5, None], True),
    ],
)
@pytest.mark.parametrize("status", OCCUPYING)
def test_capacity_and_tolerances(asked: int, tolerances: list[int | None], blocked: bool, status: str) -> None:
    existing = [piece(f"s{n}", "09:00", "09:30", status, capacity=one) for n, one in enumerate(tolerances)]
    expected = ["09:30"] if blocked else ["09:00", "09:30"]
    assert times(ask(schedule("a"), *existing, end="10:00", slotCapacity=asked)) == expected


def test_three_slots_of_three_statuses_fill_a_capacity_of_three() -> None:
    existing = [piece(f"s{n}", "09:00", "09:30", status, capacity=3) for n, status in enumerate(OCCUPYING)]
    assert times(ask(schedule("a"), *existing[:2], end="10:00", slotCapacity=3)) == ["09:00", "09:30"]
    assert times(ask(schedule("a"), *existing, end="10:00", slotCapacity=3)) == ["09:30"]


@pytest.mark.parametrize("stamp", [0, -1, 1.5, "5", None])
def test_a_stamp_that_is_no_positive_integer_is_one(stamp: Any) -> None:
    url = "https://medplum.com/fhir/StructureDefinition/SchedulingSlotCapacity"
    existing = piece("s", "09:00", "09:30", extension=[{"url": url, "valuePositiveInt": stamp}])
    assert times(ask(schedule("a"), existing, end="10:00", slotCapacity=5)) == ["09:30"]


@pytest.mark.parametrize(
    ("layers", "capacity"),
    [([], 1), ([{"slotCapacity": 3}], 3), ([{"slotCapacity": 3}, {"service": "checkup", "slotCapacity": 2}], 2)],
)
def test_each_layer_may_set_the_capacity(layers: list[dict[str, Any]], capacity: int) -> None:
    own = schedule("a", *(parameters(**layer) for layer in layers))
    existing = [piece(f"s{n}", "09:00", "09:30", capacity=9) for n in range(capacity)]
    assert times(ask(own, *existing[1:], end="10:00")) == ["09:00", "09:30"]
    assert times(ask(own, *existing, end="10:00")) == ["09:30"]


@pytest.mark.parametrize(
    ("spans", "capacity", "blocked"),
    [
        # never two at one instant
        ([("09:00", "09:15"), ("09:15", "09:30")], 2, False),
        ([("09:00", "09:10"), ("09:20", "09:30")], 2, False),
        # two from 09:10 to 09:15
        ([("09:00", "09:15"), ("09:10", "09:30")], 2, True),
        # at most two at one instant, though three Slots touch the visit
        ([("09:00", "09:10"), ("09:10", "09:20"), ("09:00", "09:20")], 3, False),
        ([("09:00", "09:11"), ("09:10", "09:20"), ("09:00", "09:20")], 3, True),
        # beside the visit
        ([("08:00", "09:00"), ("09:30", "10:00")], 1, False),
        ([("08:00", "09:01")], 1, True),
        ([("09:29", "10:00")], 1, True),
    ],
)
def test_slots_are_counted_instant_by_instant(spans: list[tuple[str, str]], capacity: int, blocked: bool) -> None:
    existing = [piece(f"s{n}", start, end, capacity=capacity) for n, (start, end) in enumerate(spans)]
    answer = ask(schedule("a"), *existing, end="09:30", slotCapacity=capacity)
    assert times(answer) == ([] if blocked else ["09:00"])


@pytest.mark.parametrize(
    ("first_end", "second_start", "blocked"),
    [
        ("09:15", "09:15", False),
        ("09:14:20", "09:15", False),  # ends at 09:15 when rounded
        ("09:15", "09:15:40", False),  # starts at 09:15 when rounded
        ("09:14:20", "09:15:40", False),
        ("09:15:30", "09:15:30", True),  # to 09:16 and from 09:15
        ("09:15:10", "09:15:50", True),
        ("09:15:00.001", "09:15", True),
        ("09:15:00.001", "09:16", False),
    ],
)
def test_slots_that_touch_after_rounding_are_never_counted_together(
    first_end: str, second_start: str, blocked: bool
) -> None:
    existing = [piece("s", "09:00", first_end, capacity=2), piece("t", second_start, "09:30", capacity=2)]
    answer = ask(schedule("a"), *existing, end="09:30", slotCapacity=2)
    assert times(answer) == ([] if blocked else ["09:00"])


def test_a_low_tolerance_matters_only_where_its_slot_lies() -> None:
    # at 09:00 three of tolerance 5; at 09:30 one of tolerance 2 and another: n = 2 >= min(5, 2)
    existing = [
        piece("s1", "09:00", "10:00", capacity=5),
        piece("s2", "09:00", "09:30", capacity=5),
        piece("s3", "09:00", "09:30", capacity=5),
        piece("s4", "09:30", "10:00", capacity=2),
    ]
    assert times(ask(schedule("a"), *existing, end="10:30", slotCapacity=5)) == ["09:00", "10:00"]


def test_each_schedule_is_judged_with_its_own_capacity() -> None:
    both = [
        slot("s", "a", clock("09:00"), clock("09:30"), capacity=2),
        slot("t", "b", clock("09:30"), clock("10:00"), capacity=2),
    ]
    stored = [
        service(),
        schedule("a", parameters(slotCapacity=2)),
        schedule("b"),
        practitioner("a"),
        practitioner("b"),
        *both,
    ]
    answer = find(stored, schedule=["a", "b"], start=clock("09:00"), end=clock("10:30"))
    # a takes a second visit at 09:00, b none at 09:30
    assert chosen(answer) == [("09:00", "a", "b"), ("10:00", "a", "b")]


def test_buffers_are_asked_for_at_capacity_one() -> None:
    existing = [piece("s", "09:00", "09:30", capacity=2), piece("t", "09:30", "09:40", "busy-unavailable")]
    answer = ask(
        schedule("a"),
        *existing,
        start="08:00",
        end="11:00",
        slotCapacity=2,
        bufferAfter=10,
        alignmentInterval=10,
    )
    # the buffer t + 30 to t + 40 must not meet 09:00 to 09:40: t + 40 <= 09:00 or t + 30 >= 09:40;
    # the visit must not meet the stored buffer 09:30 to 09:40: t + 30 <= 09:30 or t >= 09:40; and t + 40 <= 11:00
    assert times(answer) == ["08:00", "08:10", "08:20", "09:40", "09:50", "10:00", "10:10", "10:20"]


def test_a_buffer_before_the_visit_is_asked_for_at_capacity_one() -> None:
    existing = piece("s", "09:00", "09:30", capacity=9)
    answer = ask(schedule("a"), existing, start="08:00", end="10:30", slotCapacity=9, bufferBefore=10)
    # t - 10 >= 09:30 or t <= 09:00, and t - 10 >= 08:00; 09:00 shares the visit, its buffer is free
    assert times(answer) == ["08:30", "09:00", "10:00"]


# 12 buffers

NINE_STARTS = ["09:15", "09:30", "09:45", "10:00", "10:15", "10:30", "10:45", "11:00", "11:15"]
BUFFERED: dict[str, Any] = {"start": "08:00", "end": "13:00", "bufferBefore": 10, "bufferAfter": 15}


def test_buffers_lie_inside_the_hours() -> None:
    # t - 10 >= 09:00 and t + 45 <= 12:00
    assert times(ask(open_from("09:00", "12:00"), **BUFFERED, alignmentInterval=15)) == NINE_STARTS


@pytest.mark.parametrize("status", OCCUPYING)
def test_buffers_are_free_of_occupying_slots_and_may_touch_them(status: str) -> None:
    busy = piece("s", "10:00", "10:30", status)
    # t + 45 <= 10:00 or t - 10 >= 10:30
    answer = ask(open_from("09:00", "12:00"), busy, **BUFFERED, alignmentInterval=15)
    assert times(answer) == ["09:15", "10:45", "11:00", "11:15"]


def test_a_buffer_that_touches_a_slot_is_free() -> None:
    # 10:00 + 30 + 30 = 11:00, and 11:30 - 30 = 11:00
    slots = [piece("s", "09:00", "09:30"), piece("t", "11:00", "11:30")]
    answer = ask(schedule("a"), *slots, end="11:30", bufferBefore=30, bufferAfter=30)
    assert times(answer) == ["10:00"]


def test_visit_and_buffers_need_one_piece_of_open_time() -> None:
    # open from 09:00 to 10:00 and from 10:01: the buffer of 09:30 would begin where the gap begins
    own = parameters(availability=[hours("mon", "09:00:00", "10:00:00"), hours("mon", "10:01:00", "12:00:00")])
    answer = ask(schedule("a", own), bufferAfter=15)
    # of 10:30 .. 11:00 t + 45 <= 12:00
    assert times(answer) == ["09:00", "10:30", "11:00"]


def test_buffers_may_cross_midnight() -> None:
    own = schedule("a", parameters(availability=[all_day("mon tue")]))
    params = parameters(duration=15, bufferAfter=30, alignmentInterval=15)
    stored = [service(params=params), own, practitioner("a")]
    answer = find(stored, schedule="a", start="2026-03-16T23:30:00Z", end="2026-03-17T00:30:00Z")
    # t + 45 <= 00:30
    assert times(answer) == ["23:30", "23:45"]


def test_schedules_of_one_visit_may_have_different_buffers() -> None:
    stored = [
        service(params=parameters(duration=60, alignmentInterval=30)),
        schedule("a", parameters(availability=[hours("mon", "09:00:00", "12:00:00")])),
        schedule("b", parameters(bufferAfter=15, availability=[hours("mon", "08:00:00", "11:30:00")])),
        practitioner("a"),
        practitioner("b"),
    ]
    # a: 09:00 to 11:00; b: t + 75 <= 11:30, to 10:15, which is not on the grid
    answer = find(stored, schedule=["a", "b"], start=clock("08:00"), end=clock("12:00"))
    assert times(answer) == ["09:00", "09:30", "10:00"]


# 13 grid

GAP_NIGHT = ("2026-03-08T05:00:00Z", "2026-03-08T09:00:00Z")
FOLD_NIGHT = ("2026-11-01T04:00:00Z", "2026-11-01T08:30:00Z")


def grid(interval: int, offset: int, zone: str, window: Window, duration: int = 10) -> list[str]:
    """All starts, on a schedule that is always open."""
    params = parameters(duration=duration, alignmentInterval=interval, alignmentOffset=offset, alignmentTimezone=zone)
    stored = [service(params=params), schedule("a"), practitioner("a")]
    return starts(find(stored, schedule="a", start=window[0], end=window[1], count=1000))


def day(*minutes: int, date: str = "2026-03-16") -> list[str]:
    return [f"{date}T{minute // 60:02}:{minute % 60:02}Z" for minute in minutes]


@pytest.mark.parametrize("offset", [15, 75, 45, 1455])
def test_an_offset_may_exceed_the_interval(offset: int) -> None:
    window = ("2026-03-16T00:00:00Z", "2026-03-17T00:00:00Z")
    # 00:15, 00:45, ... 23:45
    assert grid(30, offset, "Etc/UTC", window) == day(*range(15, 1440, 30))


def test_the_interval_need_not_divide_the_day() -> None:
    window = ("2026-03-16T00:00:00Z", "2026-03-17T01:00:00Z")
    # 00:00, 00:50, ... 23:20 (1400 = 28 x 50), and anew at midnight
    expected = [*day(*range(0, 1401, 50)), *day(0, 50, date="2026-03-17")]
    assert grid(50, 0, "Etc/UTC", window) == expected


def test_the_offset_is_counted_from_each_midnight() -> None:
    # 00:50, 02:30, ... 22:30 (1350 = 50 + 13 x 100), and anew at midnight
    window = ("2026-03-16T22:00:00Z", "2026-03-17T03:00:00Z")
    assert grid(100, 50, "Etc/UTC", window) == ["2026-03-16T22:30Z", "2026-03-17T00:50Z", "2026-03-17T02:30Z"]


def test_a_skipped_wall_clock_time_does_not_exist() -> None:
    # 00:00, 00:40, 01:20 EST; 03:20, 04:00, 04:40 EDT
    expected = ["05:00", "05:40", "06:20", "07:20", "08:00", "08:40"]
    assert grid(40, 0, "America/New_York", GAP_NIGHT) == [f"2026-03-08T{time}Z" for time in expected]


def test_a_repeated_wall_clock_time_is_allowed_both_times() -> None:
    # 00:00, 00:40, 01:20 EDT; 01:20, 02:00, 02:40, 03:20 EST
    expected = ["04:00", "04:40", "05:20", "06:20", "07:00", "07:40", "08:20"]
    assert grid(40, 0, "America/New_York", FOLD_NIGHT) == [f"2026-11-01T{time}Z" for time in expected]


def test_the_grid_begins_anew_at_local_midnight() -> None:
    # 23:20 EDT on Monday is 03:20Z, 00:00 and 00:50 on Tuesday are 04:00Z and 04:50Z
    window = ("2026-03-17T03:00:00Z", "2026-03-17T05:00:00Z")
    expected = ["2026-03-17T03:20Z", "2026-03-17T04:00Z", "2026-03-17T04:50Z"]
    assert grid(50, 0, "America/New_York", window) == expected


def test_on_a_date_without_midnight_the_clock_decides() -> None:
    # 23:20 at UTC-4 is 03:20Z; the day begins at 01:00, UTC-3: 01:40 (100 min) is 04:40Z, 02:30 is 05:30Z
    window = ("2026-09-06T03:00:00Z", "2026-09-06T06:00:00Z")
    expected = ["2026-09-06T03:20Z", "2026-09-06T04:40Z", "2026-09-06T05:30Z"]
    assert grid(50, 0, "America/Santiago", window) == expected


@pytest.mark.parametrize(("zone", "minute"), [("Asia/Kolkata", "30"), ("Asia/Kathmandu", "15"), ("Etc/UTC", "00")])
def test_the_grid_is_that_of_the_alignment_zone(zone: str, minute: str) -> None:
    # UTC+5:30 and UTC+5:45
    window = ("2026-03-16T09:00:00Z", "2026-03-16T11:00:00Z")
    assert grid(60, 0, zone, window) == [f"2026-03-16T09:{minute}Z", f"2026-03-16T10:{minute}Z"]


def test_the_zone_of_the_schedule_does_not_move_the_grid() -> None:
    own = parameters(availability=[hours("mon", "09:00:00", "11:00:00")])
    stored = [service(params=parameters(duration=30)), schedule("a", own), practitioner("a", "Asia/Kolkata")]
    # open from 03:30Z to 05:30Z, full hours of UTC
    answer = find(stored, schedule="a", start=clock("00:00"), end=clock("12:00"))
    assert times(answer) == ["04:00", "05:00"]


def test_starts_may_lie_closer_together_than_the_duration() -> None:
    window = ("2026-03-16T09:00:00Z", "2026-03-16T10:30:00Z")
    assert grid(15, 0, "Etc/UTC", window, duration=60) == day(540, 555, 570)


def test_the_grid_is_not_counted_from_the_hours_or_the_search() -> None:
    assert times(ask(open_from("09:10", "11:10"), start="08:50", end="11:50")) == ["09:30", "10:00", "10:30"]


def test_an_availability_beside_others_is_merged_before_the_grid_is_laid() -> None:
    own = parameters(duration=30)
    own["extension"] += [
        availability(hours("mon", "09:00:00", "09:20:00")),
        availability(hours("mon", "09:20:00", "10:00:00")),
    ]
    assert times(ask(schedule("a", own))) == ["09:00", "09:30"]
