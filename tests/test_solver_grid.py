"""The grid of starts: ticks, the axis and its bitmaps."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slotwright.solver.grid import Axis, Grid, places
from solver_support import minute, on_grid, text, zone

NEW_YORK = "America/New_York"
# Zones, with instants near which their clocks change.
WEEKS = [
    (NEW_YORK, "2026-03-08T07:00Z"),
    (NEW_YORK, "2026-11-01T06:00Z"),
    ("America/Santiago", "2026-04-05T03:00Z"),
    ("America/Santiago", "2026-09-06T04:00Z"),
    ("America/Havana", "2024-11-03T05:00Z"),
    ("America/St_Johns", "2010-11-07T02:31Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:30Z"),
    ("Pacific/Apia", "2011-12-30T10:00Z"),
    ("Asia/Kathmandu", "1985-12-31T18:30Z"),
    ("Africa/Monrovia", "1972-01-07T00:45Z"),
    ("Etc/UTC", "2026-03-16T00:00Z"),
]
INTERVALS = st.one_of(
    st.sampled_from([1, 5, 7, 15, 25, 30, 40, 45, 50, 60, 70, 110, 720, 1439, 1440]), st.integers(1, 1440)
)


def grid(interval: int, offset: int = 0, name: str = "Etc/UTC") -> Grid:
    return Grid(interval, offset, zone(name))


def ticks(of: Grid, low: str, high: str) -> list[str]:
    return [text(at) for at in of.ticks(minute(low), minute(high))]


@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(st.sampled_from(WEEKS), INTERVALS, st.integers(0, 3000), st.integers(-4500, 4500), st.integers(-5, 4000))
def test_ticks_are_the_minutes_that_the_grid_allows(
    week: tuple[str, str], interval: int, offset: int, shift: int, length: int
) -> None:
    name, change = week
    asked = grid(interval, offset, name)
    low = minute(change) + shift
    found = asked.ticks(low, low + length)
    assert found == [at for at in range(low, low + length) if asked.allows(at)]
    assert found == [at for at in range(low, low + length) if on_grid(interval, offset, name, at)]


@pytest.mark.parametrize(
    ("interval", "offset", "name", "low", "high", "expected"),
    [
        (30, 75, "Etc/UTC", "2026-03-16T00:00Z", "2026-03-16T01:50Z", ["00:15", "00:45", "01:15", "01:45"]),
        (30, 75, "Etc/UTC", "2026-03-16T23:00Z", "2026-03-17T00:30Z", ["23:15", "23:45", "00:15"]),
        (50, 0, "Etc/UTC", "2026-03-16T22:00Z", "2026-03-17T01:00Z", ["22:30", "23:20", "00:00", "00:50"]),
        (40, 0, NEW_YORK, "2026-03-08T05:00Z", "2026-03-08T08:30Z", ["05:00", "05:40", "06:20", "07:20", "08:00"]),
        (40, 0, NEW_YORK, "2026-11-01T04:40Z", "2026-11-01T07:30Z", ["04:40", "05:20", "06:20", "07:00"]),
        (1440, 150, NEW_YORK, "2026-03-07T00:00Z", "2026-03-10T00:00Z", ["07:30", "06:30"]),  # no 02:30 on the 8th
        (1440, 90, NEW_YORK, "2026-11-01T00:00Z", "2026-11-02T00:00Z", ["05:30", "06:30"]),  # 01:30 twice
        (60, 0, "Asia/Kathmandu", "2026-03-16T00:00Z", "2026-03-16T02:00Z", ["00:15", "01:15"]),
        (60, 0, "Australia/Lord_Howe", "2026-04-04T13:30Z", "2026-04-04T17:00Z", ["14:00", "15:30", "16:30"]),
        (60, 0, "America/Santiago", "2026-09-06T03:00Z", "2026-09-06T05:01Z", ["03:00", "04:00", "05:00"]),
        (1440, 0, "America/Santiago", "2026-09-05T00:00Z", "2026-09-08T00:00Z", ["04:00", "03:00"]),  # no midnight
        (1440, 0, "America/Havana", "2024-11-03T00:00Z", "2024-11-04T00:00Z", ["04:00", "05:00"]),  # midnight twice
    ],
)
def test_ticks_by_hand(interval: int, offset: int, name: str, low: str, high: str, expected: list[str]) -> None:
    assert [at[11:16] for at in ticks(grid(interval, offset, name), low, high)] == expected


def test_a_clock_with_seconds_in_its_offset_allows_no_whole_minute() -> None:
    asked = grid(1, 0, "Africa/Monrovia")
    assert asked.ticks(minute("1970-01-01T00:00Z"), minute("1970-01-02T00:00Z")) == []
    assert not asked.allows(0)
    assert ticks(asked, "1972-01-07T00:43Z", "1972-01-07T00:47Z") == ["1972-01-07T00:45Z", "1972-01-07T00:46Z"]


def test_an_offset_counts_modulo_the_interval() -> None:
    low, high = minute("2026-03-16T00:00Z"), minute("2026-03-18T00:00Z")
    assert grid(50, 1234).ticks(low, high) == grid(50, 1234 % 50).ticks(low, high)
    assert grid(45, 90).ticks(low, high) == grid(45).ticks(low, high)


def test_no_time_has_no_ticks() -> None:
    assert grid(1).ticks(10, 10) == []
    assert grid(7).ticks(10, 5) == []
    assert grid(1).ticks(10, 11) == [10]


# The axis


def axis_near(interval: int, offset: int, week: tuple[str, str], shift: int, length: int) -> Axis:
    name, change = week
    return Axis.over(grid(interval, offset, name), minute(change) + shift, minute(change) + shift + length)


AXES = st.builds(
    axis_near,
    st.sampled_from([1, 7, 15, 50, 110]),
    st.integers(0, 120),
    st.sampled_from(WEEKS),
    st.integers(-200, 200),
    st.integers(0, 400),
)


@settings(max_examples=80, derandomize=True, database=None, deadline=None)
@given(AXES, st.integers(-30, 430), st.integers(-30, 430))
def test_between_is_the_bitmap_of_the_ticks_in_a_range(axis: Axis, low: int, high: int) -> None:
    assert axis.ticks == axis.grid.ticks(axis.start, axis.end)
    low, high = axis.start + low, axis.start + high
    expected = sum(1 << place for place, tick in enumerate(axis.ticks) if low <= tick < high)
    assert axis.between(low, high) == expected
    assert axis.index(low) == sum(tick < low for tick in axis.ticks)


@settings(max_examples=80, derandomize=True, database=None, deadline=None)
@given(AXES, st.integers(0, 2**400 - 1))
def test_has_is_true_for_ticks_whose_bit_is_set(axis: Axis, random_bits: int) -> None:
    bitmap = random_bits & ((1 << len(axis.ticks)) - 1)
    expected = {tick for place, tick in enumerate(axis.ticks) if bitmap >> place & 1}
    assert {at for at in range(axis.start - 5, axis.end + 5) if axis.has(bitmap, at)} == expected


def test_between_and_has_by_hand() -> None:
    axis = Axis.over(grid(15), 0, 60)
    assert axis.ticks == [0, 15, 30, 45]
    assert [axis.between(0, 60), axis.between(1, 30), axis.between(15, 16), axis.between(31, 31)] == [15, 2, 2, 0]
    assert [axis.between(-100, 100), axis.between(40, 10), axis.between(46, 90)] == [15, 0, 0]
    assert axis.has(0b0100, 30)
    assert not axis.has(0b0100, 15)
    assert not axis.has(0b1111, 29)
    assert not axis.has(0b1111, 60)
    assert not axis.has(-1, 75)


@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(st.sets(st.integers(0, 300), max_size=40), st.one_of(st.none(), st.integers(0, 45)))
def test_places_are_the_first_set_bits(bits: set[int], most: int | None) -> None:
    bitmap = sum(1 << place for place in bits)
    assert places(bitmap, most) == sorted(bits)[:most]


def test_places_of_nothing_are_none() -> None:
    assert places(0) == places(0, 5) == places(0b1011, 0) == []
    assert places(0b1011) == [0, 1, 3]
    assert places(0b1011, 2) == [0, 1]
