"""The sweep over columns against brute force over minutes, against the calendars of single finds, and by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from slotwright.solver import runs, sweep
from slotwright.solver.availability import Footprint, Rules, Weekly
from slotwright.solver.capacity import Claim, blocked
from slotwright.solver.grid import Grid, places
from slotwright.solver.intervals import to_pairs
from slotwright.solver.limits import Limit
from slotwright.solver.sweep import Question, Stored, Window
from solver_support import Content, Maker, minute, zone

WINDOW = 3 * 1440
FAR_AWAY = runs.FAR


def columns(sets: Sequence[Sequence[tuple[int, int, int]]]) -> runs.Columns:
    """Start, end and tolerance of the pieces of each schedule."""
    ordered = [sorted(one) for one in sets]
    flat = [piece for one in ordered for piece in one]
    first = np.cumsum([0, *map(len, ordered)])
    start, end, tolerance = (np.array([piece[i] for piece in flat], np.int32) for i in range(3))
    return runs.Columns(first, start, end, tolerance)


def stored_of(contents: Sequence[Content], origin: int) -> Stored:
    def pieces(wanted: str) -> runs.Columns:
        def of(claim: Claim) -> bool:
            kinds = {"taken": claim.relevant and not claim.free, "free": claim.free and claim.relevant}
            return kinds.get(wanted, claim.booking)

        return columns(
            [
                [(one.start - origin, one.end - origin, one.tolerance) for one in content.live() if of(one)]
                for content in contents
            ]
        )

    return Stored(origin, pieces("taken"), pieces("free"), pieces("booked"))


def question_of(contents: Sequence[Content], members: Sequence[int]) -> Question:
    axis = contents[0].axis
    rules = [replace(one.rules, closures=tuple(one.closures)) for one in contents]
    numbers = np.array(members, np.int64)
    return Question(Window(axis.start, axis.end), rules, numbers, numbers)


def listed(starts: sweep.Starts, origin: int) -> list[list[int]]:
    found = (starts.minute + origin).tolist()
    return [found[low:high] for low, high in zip(starts.first[:-1], starts.first[1:])]


def made(seed: int, size: int, minutes: int = WINDOW) -> list[Content]:
    """Random calendars over one stretch of time. Some share their rules."""
    maker = Maker(seed, minutes)
    contents = [maker.content(12, 2) for _ in range(size)]
    for twin in contents[size // 2 :: 2]:
        twin.rules, twin.hours, twin.closures, twin.axis = (
            contents[0].rules, contents[0].hours, contents[0].closures, contents[0].axis
        )  # fmt: skip
    return contents


@pytest.mark.parametrize("seed", range(25))
def test_the_sweep_agrees_with_brute_force_over_minutes(seed: int) -> None:
    contents = made(seed, 5, 1500)
    origin = contents[0].axis.start - seed * 1000
    expected = [[at for at in one.axis.ticks if one.accepts(at)] for one in contents]
    found = sweep.sweep(stored_of(contents, origin), question_of(contents, range(5)))
    assert listed(found, origin) == expected


@pytest.mark.parametrize("seed", range(100, 140))
def test_the_sweep_agrees_with_compiled_calendars(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "CHUNK", 1 + seed % 4)
    contents = made(seed, 12)
    members = [*range(0, 12, 2), *range(11, 0, -2), 3]
    expected = [[one.axis.ticks[place] for place in places(one.compiled().starts)] for one in contents]
    origin = contents[0].axis.start
    stored, question = stored_of(contents, origin), question_of(contents, members)
    assert listed(sweep.sweep(stored, question), origin) == [expected[one] for one in members]
    assert listed(sweep.sweep(stored, question, 3), origin) == [expected[one][:3] for one in members]


def test_some_of_the_random_calendars_have_starts_and_free_slots_and_full_periods() -> None:
    contents = [content for seed in range(100, 140) for content in made(seed, 12)]
    compiled = [one.compiled() for one in contents]
    assert sum(one.starts > 0 for one in compiled) > len(compiled) / 3
    assert any(one.compiled().starts != without_limits(one).compiled().starts for one in contents)
    assert any(one.compiled().starts != without_free_slots(one).compiled().starts for one in contents)


def without_free_slots(content: Content) -> Content:
    return replace(content, claims=[one for one in content.claims if not one.free])


def without_limits(content: Content) -> Content:
    return replace(content, rules=replace(content.rules, limits=()))


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("capacity", [1, 2, 3, 5])
def test_where_capacity_blocks(seed: int, capacity: int) -> None:
    claims = [claim for claim in Maker(seed, 600).content(14, 0).claims if claim.end - claim.start < 1000]
    claims.sort()
    pieces = runs.Pieces(
        np.array([one.start % 10**6 for one in claims], np.int32),
        np.array([one.start % 10**6 + one.end - one.start for one in claims], np.int32),
    )
    tolerance = np.array([one.tolerance for one in claims], np.int32)
    found = sweep.blocked(pieces, tolerance, capacity)
    moved = [one._replace(start=one.start % 10**6, end=one.start % 10**6 + one.end - one.start) for one in claims]
    assert list(zip(found.start.tolist(), found.end.tolist())) == list(to_pairs(blocked(moved, capacity)))


@pytest.mark.parametrize("seed", range(200, 220))
def test_busy_runs_hold_what_is_shut_or_blocked(seed: int) -> None:
    contents = made(seed, 6)
    low, high = contents[0].axis.start, contents[0].axis.end
    busy = sweep.busy_runs(stored_of(contents, low), question_of(contents, range(6)))
    assert len(busy) == 6
    for number, content in enumerate(contents):
        mine = slice(busy.first[number], busy.first[number + 1])
        pairs = list(zip(busy.start[mine].tolist(), busy.end[mine].tolist()))
        assert pairs[0][0] == -1 and pairs[-1][1] == high - low + 1
        compiled = content.compiled()
        expected = {
            at - low
            for at in range(low, high)
            if not any(a <= at < b for a, b in to_pairs(compiled.open))
            or any(a <= at < b for a, b in to_pairs(compiled.blocked))
            or at < (content.rules.horizon_start or low)
            or at >= (content.rules.horizon_end or high)
        }
        assert {at for start, end in pairs for at in range(max(start, 0), min(end, high - low))} == expected
        assert all(before[1] < after[0] for before, after in pairwise(pairs))


def simple(**others: object) -> Rules:
    """Mondays 09:00 to 12:00 UTC, half an hour each."""
    plain = Rules(
        zone=zone("Etc/UTC"),
        grid=Grid(15, 0, zone("Etc/UTC")),
        footprint=Footprint(30, 10, 15),
        weekly=(Weekly(1, 9 * 3_600_000, 12 * 3_600_000, ""),),
    )
    return replace(plain, **others)  # type: ignore[reportArgumentType]


def ask(rules: Rules, taken: Sequence[tuple[int, int, int]], low: str, high: str, **others: runs.Columns) -> list[int]:
    """Minutes after the start of the window."""
    window = Window(minute(low), minute(high))
    one = np.zeros(1, np.int64)
    stored = Stored(window.low, columns([taken]), **others)
    return sweep.sweep(stored, Question(window, [rules], one, one)).minute.tolist()


MONDAY = "2026-03-16T09:00Z", "2026-03-16T12:00Z"


def test_buffers_by_hand() -> None:
    # The example of the specification, model 12.
    assert ask(simple(), [], *MONDAY) == list(range(15, 136, 15))
    assert ask(simple(), [(60, 90, 1)], *MONDAY) == [15, 105, 120, 135]


def test_capacity_by_hand() -> None:
    rules = simple(capacity=2, footprint=Footprint(30), grid=Grid(30, 0, zone("Etc/UTC")))
    assert ask(rules, [(60, 120, 2)], *MONDAY) == [0, 30, 60, 90, 120, 150]
    assert ask(rules, [(60, 120, 1)], *MONDAY) == [0, 30, 120, 150]
    assert ask(rules, [(60, 90, 5), (60, 120, 5)], *MONDAY) == [0, 30, 90, 120, 150]
    buffered = replace(rules, footprint=Footprint(30, 0, 30))
    assert ask(buffered, [(60, 120, 2)], *MONDAY) == [0, 90, 120], "the buffer is asked for at capacity 1"


def test_booking_limits_count_what_lies_outside_the_window() -> None:
    rules = simple(limits=(Limit(2, 1, "wk"),), footprint=Footprint(30))
    thursday = columns([[(3 * 1440, 3 * 1440, 1), (3 * 1440 + 60, 3 * 1440 + 60, 1)]])
    assert ask(rules, [], *MONDAY, booked=thursday) == []
    last_week = columns([[(-1440, -1440, 1), (3 * 1440, 3 * 1440, 1)]])
    assert len(ask(rules, [], *MONDAY, booked=last_week)) == 11


def test_a_booking_counts_for_the_period_in_which_it_starts() -> None:
    rules = simple(limits=(Limit(1, 1, "d"),), footprint=Footprint(30), weekly=None)
    days = "2026-03-16T00:00Z", "2026-03-18T00:00Z"
    midnight = columns([[(1440, 1440, 1)]])
    found = ask(rules, [], *days, booked=midnight)
    assert found and max(found) < 1440, "the second day is full, the first is not"
    before = columns([[(1439, 1439, 1)]])
    found = ask(rules, [], *days, booked=before)
    assert found and min(found) >= 1440


def test_time_far_away_counts_as_far_away() -> None:
    assert ask(simple(), [(-FAR_AWAY, FAR_AWAY, 1)], *MONDAY) == []
    assert ask(simple(), [(-FAR_AWAY, 60, 1)], *MONDAY) == [75, 90, 105, 120, 135]


@pytest.mark.parametrize(
    "footprint", [Footprint(0), Footprint(181), Footprint(30, 2_000_000_000, 0), Footprint(2_000_000_000, 0, 0)]
)
def test_what_cannot_fit_has_no_start(footprint: Footprint) -> None:
    assert ask(simple(footprint=footprint), [], *MONDAY) == []


def test_nobody_asked_and_nothing_stored() -> None:
    nobody = np.empty(0, np.int64)
    window = Window(0, 1440)
    found = sweep.sweep(Stored(0, columns([])), Question(window, [simple()], nobody, nobody))
    assert found.first.tolist() == [0] and not len(found.minute)
