"""Booking limits: periods and counting."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slotwright.solver.limits import Limit, Tally
from solver_support import DAY, EPOCH_DAY, as_edges, day, local_date, minute, period_number, zone

NEW_YORK = "America/New_York"
LIMITS = st.builds(Limit, st.integers(1, 3), st.sampled_from([1, 2, 3, 5, 14]), st.sampled_from(["d", "wk", "mo"]))
# Zones, with instants near which their clocks change.
WEEKS = [
    (NEW_YORK, "2026-03-08T07:00Z"),
    (NEW_YORK, "2026-11-01T06:00Z"),
    ("America/Santiago", "2026-09-06T04:00Z"),
    ("America/Havana", "2024-11-03T05:00Z"),
    ("America/St_Johns", "2010-11-07T02:31Z"),
    ("Pacific/Apia", "2011-12-30T10:00Z"),
    ("Asia/Kathmandu", "1985-12-31T18:30Z"),
    ("Africa/Monrovia", "1972-01-07T00:45Z"),
    ("Etc/UTC", "1970-01-05T00:00Z"),
]


def tally(name: str, *limits: Limit, booked: list[str]) -> Tally:
    found = Tally(limits, zone(name))
    for at in booked:
        found.count(minute(at), 1)
    return found


@settings(max_examples=200, derandomize=True, database=None, deadline=None)
@given(LIMITS, st.integers(-20_000, 40_000))
def test_numbers_are_those_of_the_specification(limit: Limit, on: int) -> None:
    assert limit.number(on) == period_number(limit, EPOCH_DAY + timedelta(days=on))


@settings(max_examples=200, derandomize=True, database=None, deadline=None)
@given(LIMITS, st.integers(-20_000, 40_000))
def test_the_days_of_a_period_are_those_of_its_number(limit: Limit, on: int) -> None:
    number = limit.number(on)
    first, last = limit.days(number)
    assert first <= on < last
    assert [limit.number(first - 1), limit.number(first), limit.number(last - 1)] == [number - 1, number, number]
    assert limit.number(last) == number + 1


def test_two_weeks_by_hand() -> None:
    limit = Limit(1, 2, "wk")
    assert limit.number(day("2026-03-02")) == limit.number(day("2026-03-15")) == 1465
    assert limit.number(day("2026-03-01")) == 1464
    assert limit.number(day("2026-03-16")) == 1466
    assert limit.days(1465) == (day("2026-03-02"), day("2026-03-16"))
    assert day("2026-03-02") - day("1970-01-05") == 20_510
    assert day("2026-03-15") - day("1970-01-05") == 20_523


@pytest.mark.parametrize(
    ("limit", "on", "number", "days"),
    [
        (Limit(1, 1, "d"), "1970-01-01", 0, ("1970-01-01", "1970-01-02")),
        (Limit(1, 3, "d"), "1969-12-31", -1, ("1969-12-29", "1970-01-01")),
        (Limit(1, 1, "wk"), "1970-01-04", -1, ("1969-12-29", "1970-01-05")),
        (Limit(1, 1, "wk"), "1970-01-05", 0, ("1970-01-05", "1970-01-12")),
        (Limit(1, 1, "mo"), "2026-03-31", 674, ("2026-03-01", "2026-04-01")),
        (Limit(1, 3, "mo"), "2026-03-31", 224, ("2026-01-01", "2026-04-01")),
        (Limit(1, 12, "mo"), "2024-02-29", 54, ("2024-01-01", "2025-01-01")),
        (Limit(1, 5, "mo"), "1969-12-31", -1, ("1969-08-01", "1970-01-01")),
    ],
)
def test_periods_by_hand(limit: Limit, on: str, number: int, days: tuple[str, str]) -> None:
    assert limit.number(day(on)) == number
    assert limit.days(number) == (day(days[0]), day(days[1]))


def test_two_a_week_by_hand() -> None:
    # Bookings on Monday and Friday: Sunday 23:00 local is full, Monday 00:00 local is not.
    found = tally(NEW_YORK, Limit(2, 1, "wk"), booked=["2026-03-09T14:00Z", "2026-03-13T14:00Z"])
    assert found.is_full(minute("2026-03-16T03:00Z"))
    assert found.is_full(minute("2026-03-16T03:59Z"))
    assert not found.is_full(minute("2026-03-16T04:00Z"))
    assert found.full() == [minute("2026-03-09T04:00Z"), minute("2026-03-16T04:00Z")]


def test_a_day_begins_at_its_first_instant() -> None:
    # Santiago has no midnight on 2026-09-06, Havana has two on 2024-11-03; the first one begins the day.
    found = tally("America/Santiago", Limit(1, 1, "d"), booked=["2026-09-06T12:00Z"])
    assert found.full() == [minute("2026-09-06T04:00Z"), minute("2026-09-07T03:00Z")]
    found = tally("America/Havana", Limit(1, 1, "d"), booked=["2024-11-03T05:30Z"])
    assert found.full() == [minute("2024-11-03T04:00Z"), minute("2024-11-04T05:00Z")]


def test_several_limits_must_all_hold() -> None:
    found = tally("Etc/UTC", Limit(1, 1, "d"), Limit(2, 1, "mo"), booked=["2026-03-10T08:00Z"])
    assert found.full() == [minute("2026-03-10T00:00Z"), minute("2026-03-11T00:00Z")]
    found.count(minute("2026-03-20T08:00Z"), 1)
    assert found.full() == [minute("2026-03-01T00:00Z"), minute("2026-04-01T00:00Z")]
    found.count(minute("2026-03-10T08:00Z"), -1)
    assert found.full() == [minute("2026-03-20T00:00Z"), minute("2026-03-21T00:00Z")]


def test_without_limits_nothing_is_ever_full() -> None:
    found = tally("Etc/UTC", booked=["2026-03-10T08:00Z"])
    assert not found.is_full(minute("2026-03-10T08:00Z"))
    assert found.full() == []
    assert found.count(0, 1) == []


@settings(max_examples=30, derandomize=True, database=None, deadline=None)
@given(
    st.sampled_from(WEEKS),
    st.lists(LIMITS, min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(-10 * DAY, 10 * DAY), st.booleans()), max_size=12),
    st.randoms(use_true_random=False),
)
def test_a_tally_counts_what_a_plain_list_counts(
    week: tuple[str, str], limits: list[Limit], changes: list[tuple[int, bool]], dice: random.Random
) -> None:
    name, change = week
    middle = minute(change)
    found = Tally(tuple(limits), zone(name))
    booked: list[int] = []
    for shift, is_more in changes:
        if is_more or not booked:
            booked.append(middle + shift)
            found.count(middle + shift, 1)
        else:
            found.count(booked.pop(dice.randrange(len(booked))), -1)

    numbers = [[number_at(limit, name, at) for at in booked] for limit in limits]

    def is_full(at: int) -> bool:
        return any(
            of_limit.count(number_at(limit, name, at)) >= limit.frequency
            for limit, of_limit in zip(limits, numbers, strict=True)
        )

    asked = [middle + dice.randint(-30 * DAY, 30 * DAY) for _ in range(20)]
    asked += [middle + shift for shift in (-61, -60, -1, 0, 1, 29, 30, 59, 60, 61)]
    full = found.full()
    for at in asked:
        assert found.is_full(at) == is_full(at)
        assert covers(full, at) == is_full(at)


def covers(edges: list[int], at: int) -> bool:
    return any(start <= at < end for start, end in zip(edges[::2], edges[1::2], strict=True))


def number_at(limit: Limit, name: str, at: int) -> int:
    return period_number(limit, local_date(name, at))


@settings(max_examples=20, derandomize=True, database=None, deadline=None)
@given(st.sampled_from(WEEKS), st.lists(LIMITS, min_size=1, max_size=2), st.integers(-3 * DAY, 3 * DAY))
def test_a_period_holds_the_minutes_of_equal_number(week: tuple[str, str], limits: list[Limit], shift: int) -> None:
    name, change = week
    # One booking fills each of these, so that counting it names their periods.
    days = [limit._replace(frequency=1) for limit in limits if limit.unit == "d"] or [Limit(1, 1, "d")]
    start = minute(change) + shift
    numbers = [number_at(limit, name, start) for limit in days]
    expected = [
        at
        for at in range(start - 15 * DAY, start + 15 * DAY, 13)
        if any(number_at(limit, name, at) == number for limit, number in zip(days, numbers, strict=True))
    ]
    found = Tally(tuple(days), zone(name)).count(start, 1)
    assert [at for at in range(start - 15 * DAY, start + 15 * DAY, 13) if covers(found, at)] == expected


def test_a_day_of_minutes_is_one_period() -> None:
    found = Tally((Limit(1, 1, "d"),), zone("Etc/UTC")).count(minute("2026-03-10T08:00Z"), 1)
    assert found == as_edges(range(minute("2026-03-10T00:00Z"), minute("2026-03-11T00:00Z")))


@pytest.mark.parametrize("unit", ["d", "wk", "mo"])
@pytest.mark.parametrize("at", ["1969-12-31T12:00Z", "1970-01-01T12:00Z", "2026-03-10T08:00Z"])
def test_a_period_longer_than_the_calendar_does_not_raise(unit: str, at: str) -> None:
    found = tally("Etc/UTC", Limit(1, 2_147_483_647, unit), booked=[at])
    assert found.is_full(minute(at))
    (start, end) = found.full()
    assert start <= minute(at) < end
    assert found.count(minute(at), -1) == [start, end]


def test_a_copy_counts_by_itself() -> None:
    found = tally("Etc/UTC", Limit(1, 1, "d"), booked=["2026-03-10T08:00Z"])
    twin = found.copy()
    twin.count(minute("2026-03-10T08:00Z"), -1)
    twin.count(minute("2026-03-12T08:00Z"), 1)
    assert found.full() == [minute("2026-03-10T00:00Z"), minute("2026-03-11T00:00Z")]
    assert twin.full() == [minute("2026-03-12T00:00Z"), minute("2026-03-13T00:00Z")]
