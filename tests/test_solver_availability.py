"""Weekly hours, closures and open time as pieces."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slotwright.solver.availability import (
    ALWAYS_OPEN,
    Closure,
    Footprint,
    Piece,
    Weekly,
    closure_piece,
    expand_hours,
    open_edges,
)
from solver_support import DAY, as_edges, info, minute, wall, zone

NEW_YORK = "America/New_York"
DAY_MS = 86_400_000
# Zones, with instants near which their clocks change.
CHANGES = [
    (NEW_YORK, "2026-03-08T07:00Z"),
    (NEW_YORK, "2026-11-01T06:00Z"),
    ("America/Santiago", "2026-04-05T03:00Z"),
    ("America/Santiago", "2026-09-06T04:00Z"),
    ("America/Havana", "2024-11-03T05:00Z"),
    ("America/St_Johns", "2010-11-07T02:31Z"),
    ("America/Toronto", "1919-03-31T04:30Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:30Z"),
    ("Pacific/Apia", "2011-12-30T10:00Z"),
    ("Asia/Kathmandu", "1985-12-31T18:30Z"),
    ("Etc/UTC", "2026-03-16T12:00Z"),
]
TIMES_MS = st.one_of(
    st.sampled_from([0, 1, 60_000, 1_800_000, 5_400_000, 9_000_000, 84_600_000, DAY_MS - 1000, DAY_MS - 60_000]),
    st.integers(0, DAY_MS - 1),
)


def clock(at: str) -> int:
    """Milliseconds after 00:00."""
    shown = time.fromisoformat(at)
    return ((shown.hour * 60 + shown.minute) * 60 + shown.second) * 1000


def hours(days: str, start: str, end: str, label: str = "hours") -> Weekly:
    """Weekly hours of `1-----7`, a character for each day that is open."""
    return Weekly(sum(1 << place for place, sign in enumerate(days) if sign != "-"), clock(start), clock(end), label)


def instant_ms(name: str, on: date, wall_ms: int) -> int:
    """A wall-clock time by the words of model 6; 00:00 is the first instant that shows the date or a later one."""
    on, wall_ms = on + timedelta(days=wall_ms // DAY_MS), wall_ms % DAY_MS
    midnight = datetime.combine(on, time())
    if wall_ms:
        # The standard library reads a skipped time with the offset before the gap, a repeated one as its first pass.
        shown = (midnight + timedelta(seconds=wall_ms // 1000)).replace(tzinfo=info(name))
        return round(shown.timestamp()) * 1000 + wall_ms % 1000
    return first_at_or_after(name, midnight) * 60_000


@cache
def first_at_or_after(name: str, midnight: datetime) -> int:
    near = round(midnight.replace(tzinfo=info(name)).timestamp()) // 60
    return next(at for at in range(near - 1500, near + 1500) if wall(name, at) >= midnight)


def open_minutes(weekly: tuple[Weekly, ...], name: str, low: int, high: int) -> set[int]:
    """The minutes of [low, high) inside some window, of every local day that is near."""
    found: set[int] = set()
    first = wall(name, low).date() - timedelta(days=3)
    for number in range((high - low) // DAY + 7):
        on = first + timedelta(days=number)
        if instant_ms(name, on, 0) == instant_ms(name, on, DAY_MS):
            continue  # the zone skips this date
        for entry in weekly:
            if entry.days >> on.weekday() & 1:
                end_ms = entry.end_ms + (DAY_MS if entry.end_ms <= entry.start_ms else 0)
                opens, closes = instant_ms(name, on, entry.start_ms), instant_ms(name, on, end_ms)
                found |= set(range(max(-(-opens // 60_000), low), min(closes // 60_000, high)))
    return found


def expanded(weekly: tuple[Weekly, ...], name: str, low: str, high: str) -> list[str]:
    """The pieces between two dates or times in UTC, as `03-08 05:30/10:30`."""
    start, end = (minute(at if "T" in at else f"{at}T00:00Z") for at in (low, high))
    pieces = expand_hours(weekly, zone(name), start, end)
    shown = [(datetime(1970, 1, 1) + timedelta(minutes=at) for at in piece[:2]) for piece in pieces]
    return [f"{start:%m-%d %H:%M}/{end:%H:%M}" for start, end in shown]


@settings(max_examples=100, derandomize=True, database=None, deadline=None)
@given(
    st.sampled_from(CHANGES),
    st.lists(st.builds(Weekly, st.integers(1, 127), TIMES_MS, TIMES_MS, st.just("hours")), max_size=3).map(tuple),
    st.integers(-3 * DAY, 2 * DAY),
    st.integers(1, 3 * DAY),
)
def test_hours_are_those_of_every_local_day(
    change: tuple[str, str], weekly: tuple[Weekly, ...], shift: int, length: int
) -> None:
    name, instant = change
    low = minute(instant) + shift
    pieces = expand_hours(weekly, zone(name), low, low + length)
    assert pieces == sorted(pieces)
    assert all(piece.start < piece.end and piece.start < low + length and low < piece.end for piece in pieces)
    found = {at for piece in pieces for at in range(max(piece.start, low), min(piece.end, low + length))}
    assert found == open_minutes(weekly, name, low, low + length)


@pytest.mark.parametrize(
    ("name", "entry", "low", "high", "expected"),
    [
        (NEW_YORK, hours("----5--", "22:00", "06:00"), "2026-03-06", "2026-03-09", ["03-07 03:00/11:00"]),
        # A search that begins at Saturday's midnight sees Friday's night.
        (NEW_YORK, hours("----5--", "22:00", "06:00"), "2026-03-07T05:00Z", "2026-03-07T06:00Z", ["03-07 03:00/11:00"]),
        (NEW_YORK, hours("------7", "00:30", "06:30"), "2026-03-08", "2026-03-09", ["03-08 05:30/10:30"]),
        (NEW_YORK, hours("------7", "00:30", "06:30"), "2026-11-01", "2026-11-02", ["11-01 04:30/11:30"]),
        (NEW_YORK, hours("------7", "02:00", "03:00"), "2026-03-08", "2026-03-09", []),
        (NEW_YORK, hours("------7", "02:30", "03:15"), "2026-03-08", "2026-03-09", []),
        (NEW_YORK, hours("-----6-", "22:00", "02:30"), "2026-03-08", "2026-03-09", ["03-08 03:00/07:30"]),
        (NEW_YORK, hours("1------", "00:00", "23:59:59"), "2026-03-16", "2026-03-17", ["03-16 04:00/03:59"]),
        (NEW_YORK, hours("1------", "08:00:01", "09:00:59"), "2026-03-16", "2026-03-17", ["03-16 12:01/13:00"]),
        (NEW_YORK, hours("1------", "08:00:01", "08:00:59"), "2026-03-16", "2026-03-17", []),
        (
            "America/Santiago",
            hours("------7", "00:00", "00:00"),
            "2026-09-05",
            "2026-09-08",
            ["09-06 04:00/03:00"],
        ),
        # Apia skips Friday 2011-12-30: Thursday's night ends with the date after it, Friday has no hours.
        ("Pacific/Apia", hours("----5--", "09:00", "17:00"), "2011-12-29", "2012-01-01", []),
        ("Pacific/Apia", hours("---4---", "22:00", "06:00"), "2011-12-29", "2012-01-01", ["12-30 08:00/16:00"]),
        (NEW_YORK, hours("-------", "09:00", "17:00"), "2026-03-01", "2026-03-31", []),
    ],
)  # fmt: skip
def test_hours_by_hand(name: str, entry: Weekly, low: str, high: str, expected: list[str]) -> None:
    assert expanded((entry,), name, low, high) == expected


def test_the_same_time_at_both_ends_is_a_whole_day() -> None:
    everyday = (hours("1234567", "09:00", "09:00"),)
    pieces = expand_hours(everyday, zone("Etc/UTC"), minute("2026-03-16T00:00Z"), minute("2026-03-17T00:00Z"))
    assert [piece.end - piece.start for piece in pieces] == [DAY, DAY]
    assert open_edges(pieces, [], []) == [minute("2026-03-15T09:00Z"), minute("2026-03-17T09:00Z")]


def test_without_hours_all_is_open_and_with_no_entry_nothing() -> None:
    assert expand_hours(None, zone("Etc/UTC"), 100, 200) == [Piece(100, 200, ALWAYS_OPEN)]
    assert expand_hours((), zone("Etc/UTC"), 100, 200) == []


def test_every_piece_keeps_the_label_of_its_entry() -> None:
    entries = hours("1------", "08:00", "10:00", "early"), hours("1------", "09:00", "12:00", "late")
    monday = minute("2026-03-16T00:00Z")
    pieces = expand_hours(entries, zone("Etc/UTC"), monday, monday + DAY)
    assert pieces == [Piece(monday + 480, monday + 600, "early"), Piece(monday + 540, monday + 720, "late")]


PIECES = st.lists(st.builds(Piece, st.integers(0, 50), st.integers(0, 60), st.just("")), max_size=5)


@settings(max_examples=120, derandomize=True, database=None, deadline=None)
@given(PIECES, PIECES, PIECES)
def test_open_time_is_hours_and_free_slots_without_closures(
    opened: list[Piece], free: list[Piece], closures: list[Piece]
) -> None:
    def minutes(pieces: list[Piece]) -> set[int]:
        return {at for piece in pieces for at in range(piece.start, piece.end)}

    assert open_edges(opened, free, closures) == as_edges((minutes(opened) | minutes(free)) - minutes(closures))


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, None, (100, 200)),
        (None, 150, (100, 150)),
        (150, None, (150, 200)),
        (120, 130, (120, 130)),
        (50, 500, (100, 200)),
    ],
)
def test_a_closure_is_cut_to_the_axis(start: int | None, end: int | None, expected: tuple[int, int]) -> None:
    assert closure_piece(Closure(start, end, "closed"), 100, 200) == Piece(*expected, "closed")


@pytest.mark.parametrize(("start", "end"), [(None, 50), (300, None), (10, 20), (130, 130), (140, 120)])
def test_a_closure_elsewhere_or_without_length_is_no_piece(start: int | None, end: int | None) -> None:
    piece = closure_piece(Closure(start, end, "closed"), 100, 200)
    assert piece.start >= piece.end


def test_the_reach_of_a_footprint_ends_with_its_buffer() -> None:
    assert [Footprint(30).reach, Footprint(30, 10).reach, Footprint(30, 10, 15).reach] == [30, 30, 45]
