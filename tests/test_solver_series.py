"""Weekly series: the later occurrences on the clock, and booking them one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slotwright.solver.availability import Closure, Footprint, Rules, expand_hours
from slotwright.solver.capacity import Claim
from slotwright.solver.grid import Axis, Grid, places
from slotwright.solver.limits import Limit
from slotwright.solver.series import accepts_series, later_occurrences, series_starts
from solver_support import DAY, Content, minute, text, wall, zone

WEEK = 7 * DAY
FOREVER = (-(10**12), 10**12)
NEW_YORK = "America/New_York"
# Zones, with instants near which their clocks change.
CHANGES = [
    (NEW_YORK, "2026-03-08T07:00Z"),
    (NEW_YORK, "2026-11-01T06:00Z"),
    ("America/Santiago", "2026-04-05T03:00Z"),
    ("America/Santiago", "2026-09-06T04:00Z"),
    ("America/Havana", "2024-11-03T05:00Z"),
    ("America/St_Johns", "2010-11-07T02:31Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:30Z"),
    ("Pacific/Apia", "2011-12-30T10:00Z"),
    ("Etc/UTC", "2026-03-08T07:00Z"),
]


@pytest.mark.parametrize(
    ("name", "start", "occurrences", "expected"),
    [
        (NEW_YORK, "2026-02-23T14:00Z", 1, []),
        (NEW_YORK, "2026-02-23T14:00Z", 3, ["2026-03-02T14:00Z", "2026-03-09T13:00Z"]),
        (NEW_YORK, "2026-03-01T07:30Z", 2, None),  # 02:30 is skipped on 03-08
        (NEW_YORK, "2026-02-22T07:30Z", 3, None),
        (NEW_YORK, "2026-02-22T07:30Z", 2, ["2026-03-01T07:30Z"]),
        (NEW_YORK, "2026-10-25T05:30Z", 2, ["2026-11-01T05:30Z"]),  # 01:30 comes twice, the first pass
        (NEW_YORK, "2026-10-25T05:30Z", 3, ["2026-11-01T05:30Z", "2026-11-08T06:30Z"]),
        (NEW_YORK, "2026-11-01T06:30Z", 2, ["2026-11-08T06:30Z"]),  # begun in the second pass
        (NEW_YORK, "2026-10-31T15:00Z", 2, ["2026-11-07T16:00Z"]),
        ("America/Santiago", "2026-08-30T04:00Z", 2, None),  # no midnight on 09-06
        ("America/Santiago", "2026-08-30T05:00Z", 2, ["2026-09-06T04:00Z"]),
        ("America/Havana", "2024-10-27T04:00Z", 2, ["2024-11-03T04:00Z"]),  # midnight comes twice
        ("America/Havana", "2024-10-27T04:30Z", 2, ["2024-11-03T04:30Z"]),
        ("America/Havana", "2024-11-03T05:30Z", 2, ["2024-11-10T05:30Z"]),
        ("America/St_Johns", "2010-10-31T02:30Z", 2, ["2010-11-07T02:30Z"]),
        ("America/St_Johns", "2010-11-07T03:00Z", 2, ["2010-11-14T03:00Z"]),  # Saturday 23:30, the second pass
        ("Australia/Lord_Howe", "2026-09-26T15:45Z", 2, None),  # 02:15 is skipped on 10-04
        ("Australia/Lord_Howe", "2026-09-26T16:00Z", 2, ["2026-10-03T15:30Z"]),
        ("Australia/Lord_Howe", "2026-03-28T14:45Z", 2, ["2026-04-04T14:45Z"]),  # 01:45 comes twice
        ("Pacific/Apia", "2011-12-23T22:00Z", 2, None),  # Friday 12-30 is skipped
        ("Pacific/Apia", "2011-12-24T22:00Z", 2, ["2011-12-30T22:00Z"]),  # six days later
        ("Africa/Monrovia", "1971-12-01T00:00Z", 2, ["1971-12-08T00:00Z"]),
        ("Africa/Monrovia", "1972-01-03T00:00Z", 2, None),  # 23:15:30 is then no whole minute
        ("Etc/UTC", "2026-03-01T07:30Z", 3, ["2026-03-08T07:30Z", "2026-03-15T07:30Z"]),
    ],
)
def test_later_occurrences_by_hand(name: str, start: str, occurrences: int, expected: list[str] | None) -> None:
    found = later_occurrences(minute(start), occurrences, zone(name))
    assert (None if found is None else [text(at) for at in found]) == expected


@settings(max_examples=80, derandomize=True, database=None, deadline=None)
@given(st.sampled_from(CHANGES), st.integers(-300, 300), st.integers(0, 4), st.integers(2, 6))
def test_later_occurrences_show_the_same_time_on_the_clock(
    change: tuple[str, str], shift: int, weeks: int, occurrences: int
) -> None:
    name, instant = change
    start = minute(instant) + shift - weeks * WEEK
    expected: list[int | None] = []
    for week in range(1, occurrences):
        near = range(start + week * WEEK - 25 * 60, start + week * WEEK + 25 * 60)
        wanted = wall(name, start) + timedelta(weeks=week)
        expected.append(next((at for at in near if wall(name, at) == wanted), None))
    found = later_occurrences(start, occurrences, zone(name))
    assert found == (None if None in expected else tuple(expected))


# Booking one after the other


def book_in_turn(content: Content, start: int, later: Sequence[int], horizon: tuple[int, int] = FOREVER) -> bool:
    """Each later occurrence is judged with the Slots of those before it stored."""
    foot = content.rules.footprint
    stored = list(content.claims)
    for at in later:
        end = start + foot.duration
        stored.append(Claim(start, end, f"visit {start}", tolerance=content.rules.capacity, booking=True))
        for low, high in ((start - foot.before, start), (end, end + foot.after)):
            if low < high:
                stored.append(Claim(low, high, f"buffer {low}"))
        if not (horizon[0] <= at - foot.before and at + foot.reach <= horizon[1]):
            return False
        if not replace(content, claims=stored).accepts(at):
            return False
        start = at
    return True


def weeks_of(
    name: str, first: str, weeks: int, foot: Footprint, capacity: int = 1, limits: tuple[Limit, ...] = ()
) -> Content:
    """Always open, a start every hour, some weeks long."""
    grid = Grid(60, 0, zone(name))
    rules = Rules(zone(name), grid, foot, capacity=capacity, limits=limits)
    axis = Axis.over(grid, minute(first) - WEEK, minute(first) + (weeks + 2) * WEEK)
    return Content(rules, axis, expand_hours(None, rules.zone, axis.start, axis.end))


@pytest.mark.parametrize(
    ("duration", "after", "capacity", "occurrences", "expected"),
    [
        (WEEK - 60, 0, 1, 6, True),
        (WEEK, 0, 1, 6, True),  # each ends as the next one starts
        (WEEK + 60, 0, 1, 2, False),
        (WEEK + 60, 0, 2, 6, True),
        (2 * WEEK, 0, 2, 6, True),
        (2 * WEEK + 60, 0, 2, 2, True),
        (2 * WEEK + 60, 0, 2, 3, False),
        (2 * WEEK + 60, 0, 3, 6, True),
        (WEEK, 60, 1, 2, False),  # the buffer lies on the next visit
        (WEEK, 60, 2, 2, False),  # and is absolute at any capacity
        (WEEK - 60, 60, 1, 6, True),
        (WEEK - 30, 60, 2, 2, False),
    ],
)
def test_visits_of_about_a_week(duration: int, after: int, capacity: int, occurrences: int, expected: bool) -> None:
    content = weeks_of("Etc/UTC", "2026-03-02T08:00Z", 7, Footprint(duration, 0, after), capacity)
    start = minute("2026-03-02T08:00Z")
    later = [start + week * WEEK for week in range(1, occurrences)]
    assert accepts_series(content.compiled(), start, later, FOREVER) is expected
    assert book_in_turn(content, start, later) is expected


@pytest.mark.parametrize(
    ("name", "first", "minutes", "expected"),
    [
        # The clocks go forward: two occurrences are a week less an hour apart, in Apia six days, at Vostok a week
        # less seven hours.
        (NEW_YORK, "2026-03-02T14:00Z", WEEK - 60, True),
        (NEW_YORK, "2026-03-02T14:00Z", WEEK - 59, False),
        ("Pacific/Apia", "2011-12-27T10:00Z", 6 * DAY, True),
        ("Pacific/Apia", "2011-12-27T10:00Z", 6 * DAY + 60, False),
        ("Pacific/Apia", "2011-12-27T10:00Z", 7 * DAY, False),
        ("Antarctica/Vostok", "1994-10-28T00:00Z", WEEK - 7 * 60, True),
        ("Antarctica/Vostok", "1994-10-28T00:00Z", WEEK - 6 * 60, False),
        # They go back: a week and an hour.
        (NEW_YORK, "2026-10-26T13:00Z", WEEK + 60, True),
        (NEW_YORK, "2026-10-26T13:00Z", WEEK + 61, False),
    ],
)
def test_a_week_in_which_the_clocks_change_has_its_own_length(
    name: str, first: str, minutes: int, expected: bool
) -> None:
    content = weeks_of(name, first, 2, Footprint(minutes))
    later = later_occurrences(minute(first), 2, zone(name))
    assert later is not None
    assert accepts_series(content.compiled(), minute(first), later, FOREVER) is expected
    assert book_in_turn(content, minute(first), later) is expected


@pytest.mark.parametrize(
    ("limit", "occurrences", "expected"),
    [
        (Limit(2, 1, "mo"), 3, True),  # one in February, two in March
        (Limit(1, 1, "mo"), 3, False),
        (Limit(1, 1, "mo"), 2, True),
        (Limit(1, 1, "wk"), 6, True),
        (Limit(1, 2, "wk"), 2, True),  # 02-23 ends a period of two weeks, 03-02 begins the next
        (Limit(1, 2, "wk"), 3, False),
        (Limit(1, 7, "d"), 6, True),
        (Limit(1, 8, "d"), 6, False),
    ],
)
def test_each_occurrence_counts_for_the_limits_of_the_next(limit: Limit, occurrences: int, expected: bool) -> None:
    first = "2026-02-23T14:00Z"
    content = weeks_of(NEW_YORK, first, 7, Footprint(30), limits=(limit,))
    later = later_occurrences(minute(first), occurrences, zone(NEW_YORK))
    assert later is not None
    assert accepts_series(content.compiled(), minute(first), later, FOREVER) is expected
    assert book_in_turn(content, minute(first), later) is expected


def test_a_series_leaves_the_calendar_as_it_was() -> None:
    content = weeks_of("Etc/UTC", "2026-03-02T08:00Z", 6, Footprint(WEEK + 60, 60, 60), 3, (Limit(3, 1, "mo"),))
    calendar = content.compiled()
    before = calendar.starts, list(calendar.taken), list(calendar.open)
    start = minute("2026-03-02T08:00Z")
    accepts_series(calendar, start, [start + WEEK, start + 2 * WEEK], FOREVER)
    assert (calendar.starts, calendar.taken, calendar.open) == before


def test_the_horizon_holds_for_every_later_occurrence_with_its_buffers() -> None:
    content = weeks_of("Etc/UTC", "2026-03-02T08:00Z", 4, Footprint(60, 15, 30))
    calendar = content.compiled()
    start = minute("2026-03-02T08:00Z")
    later = [start + WEEK, start + 2 * WEEK]
    low, high = later[0] - 15, later[1] + 90
    assert accepts_series(calendar, start, later, (low, high))
    assert not accepts_series(calendar, start, later, (low + 1, high))
    assert not accepts_series(calendar, start, later, (low, high - 1))


@settings(max_examples=120, derandomize=True, database=None, deadline=None)
@given(st.integers(0, 2**32))
def test_a_series_is_accepted_iff_its_occurrences_can_be_booked_in_turn(seed: int) -> None:
    dice = Random(seed)
    name, change = dice.choice(CHANGES[:4])
    occurrences = dice.randint(2, 6)
    foot = Footprint(
        dice.choice([60, DAY, 6 * DAY, WEEK - 120, WEEK - 60, WEEK, WEEK + 60, WEEK + DAY, 2 * WEEK]),
        *(dice.choice([0, 0, 30, 60, 180]) for _ in range(2)),
    )
    limits = tuple(
        Limit(dice.randint(1, 4), dice.randint(1, 3), dice.choice(["wk", "mo", "d"]))
        for _ in range(dice.choice([0, 0, 1, 2]))
    )
    content = weeks_of(name, change, 6, foot, dice.choice([1, 2, 2, 3]), limits)
    if dice.random() < 0.3:
        content.rules = replace(content.rules, grid=Grid(60, 0, zone("Etc/UTC")))
        content.axis = Axis.over(content.rules.grid, content.axis.start, content.axis.end)
    for number in range(dice.randint(0, 3)):
        at = content.axis.start + dice.randint(0, 9 * WEEK)
        booking = dice.random() < 0.5
        content.claims.append(Claim(at, at + 60, f"Slot/{number}", tolerance=dice.randint(1, 3), booking=booking))
    if dice.random() < 0.3:
        at = content.axis.start + dice.randint(4 * WEEK, 9 * WEEK)
        content.closures.append(Closure(at, at + 60, "closed"))
    calendar = content.compiled()
    horizon = dice.choice([FOREVER, (content.axis.start, minute(change) + 4 * WEEK)])
    middle = calendar.axis.index(minute(change) - dice.randint(0, WEEK))
    firsts = sum(1 << place for place in range(middle, middle + 8))
    expected: list[int] = []
    for start in calendar.axis.ticks[middle : middle + 8]:
        later = later_occurrences(start, occurrences, zone(name))
        accepted = later is not None and book_in_turn(content, start, later, horizon)
        if later is not None:
            assert accepts_series(calendar, start, later, horizon) == accepted
        if accepted:
            expected.append(start)
    found = series_starts(calendar, firsts, occurrences, zone(name), horizon)
    assert [calendar.axis.ticks[place] for place in places(found)] == expected


def test_series_starts_keep_only_what_was_asked_for() -> None:
    content = weeks_of("Etc/UTC", "2026-03-02T08:00Z", 4, Footprint(60))
    content.claims.append(Claim(minute("2026-03-09T09:00Z"), minute("2026-03-09T10:00Z"), "Slot/1"))
    calendar = content.compiled()
    ticks = calendar.axis.ticks
    asked = [ticks.index(minute(f"2026-03-02T{hour}:00Z")) for hour in ("08", "09", "10")]
    found = series_starts(calendar, sum(1 << place for place in asked), 2, zone("Etc/UTC"), FOREVER)
    assert places(found) == [asked[0], asked[2]]
    assert series_starts(calendar, 0, 2, zone("Etc/UTC"), FOREVER) == 0
