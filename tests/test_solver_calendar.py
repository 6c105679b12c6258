"""Compiled calendars: the starts that are open, and local changes that equal compiling anew."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slotwright.solver.availability import Closure, Footprint, Piece, Rules, Weekly, expand_hours
from slotwright.solver.calendar import CompiledCalendar
from slotwright.solver.capacity import Claim
from slotwright.solver.grid import Axis, Grid, places
from slotwright.solver.limits import Limit
from solver_support import DAY, HOUR_MS, Content, Maker, as_edges, minute, text, zone

SEEDS = st.integers(0, 2**32)
MONDAY = minute("2026-03-16T00:00Z")
EIGHT, NOON = MONDAY + 480, MONDAY + 720


def plain(*claims: Claim, duration: int = 30, before: int = 0, after: int = 0, capacity: int = 1) -> Content:
    """Monday 2026-03-16, always open, a start every 15 minutes."""
    grid = Grid(15, 0, zone("Etc/UTC"))
    rules = Rules(zone("Etc/UTC"), grid, Footprint(duration, before, after), capacity=capacity)
    axis = Axis.over(grid, MONDAY, MONDAY + DAY)
    return Content(rules, axis, expand_hours(None, rules.zone, axis.start, axis.end), list(claims))


def times(calendar: CompiledCalendar) -> list[str]:
    """The open starts as 09:30."""
    return [text(calendar.axis.ticks[place])[11:16] for place in places(calendar.starts)]


def state(calendar: CompiledCalendar) -> dict[str, object]:
    """All that a calendar answers."""
    hours, free, closures = calendar.pieces()
    axis = calendar.axis
    borders = [axis.start - 50, axis.start, axis.start + 77, (axis.start + axis.end) // 2, axis.end - 1, axis.end + 50]
    return {
        "open": list(calendar.open),
        "blocked": list(calendar.blocked),
        "taken": list(calendar.taken),
        "occupied": list(calendar.occupied),
        "starts": calendar.starts,
        "load": [calendar.load(low, high) for low in borders for high in borders if low <= high],
        "claims": sorted(claim.label for claim in calendar.claims()),
        "pieces": [sorted(pieces) for pieces in (hours, free, closures)],
    }


# One rule of admission


@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(SEEDS)
def test_starts_is_open_and_the_specification_agree_on_every_tick(seed: int) -> None:
    content = Maker(seed, 1500).content(claims=10, closures=2)
    calendar = content.compiled()
    judged = [at for at in content.axis.ticks if content.accepts(at)]
    assert [content.axis.ticks[place] for place in places(calendar.starts)] == judged
    assert [at for at in content.axis.ticks if calendar.is_open(at)] == judged


@settings(max_examples=40, derandomize=True, database=None, deadline=None)
@given(SEEDS)
def test_the_sets_hold_the_minutes_that_the_specification_counts(seed: int) -> None:
    content = Maker(seed, 700).content(claims=10, closures=2)
    calendar = content.compiled()
    axis = range(content.axis.start, content.axis.end)
    assert calendar.open == as_edges(at for at in axis if content.open_at(at))
    assert calendar.taken == as_edges(at for at in axis if content.blocked_at(at, 1))
    assert calendar.blocked == as_edges(at for at in axis if content.blocked_at(at, content.rules.capacity))
    assert calendar.occupied == as_edges(at for at in axis if content.occupied_at(at))
    low, high = axis[0] + seed % 300, axis[-1] - seed % 333
    assert calendar.load(low, high) == sum(content.occupied_at(at) for at in range(low, high))


def test_no_start_is_open_off_the_grid() -> None:
    calendar = plain().compiled()
    assert [at - EIGHT for at in range(EIGHT, EIGHT + 31) if calendar.is_open(at)] == [0, 15, 30]


def test_a_visit_without_length_is_never_open() -> None:
    calendar = plain(duration=0, before=15, after=15).compiled()
    assert calendar.starts == 0
    assert not calendar.is_open(EIGHT)


def test_buffers_by_hand() -> None:
    # 09:00 to 12:00, visits of 30 min, 10 before and 15 after (model 12).
    grid = Grid(15, 0, zone("Etc/UTC"))
    rules = Rules(grid.zone, grid, Footprint(30, 10, 15), weekly=(Weekly(1, 9 * HOUR_MS, 12 * HOUR_MS, "Mon"),))
    axis = Axis.over(grid, MONDAY, MONDAY + DAY)
    calendar = CompiledCalendar(rules, axis, expand_hours(rules.weekly, rules.zone, axis.start, axis.end), [])
    assert times(calendar) == ["09:15", "09:30", "09:45", "10:00", "10:15", "10:30", "10:45", "11:00", "11:15"]
    calendar.add(Claim(MONDAY + 600, MONDAY + 630, "Slot/1"))
    assert times(calendar) == ["09:15", "10:45", "11:00", "11:15"]


def test_a_visit_shares_time_that_its_buffers_do_not() -> None:
    shared = Claim(EIGHT, EIGHT + 30, "Slot/1", tolerance=2)
    content = plain(shared, duration=30, before=15, after=15, capacity=2)
    calendar = content.compiled()
    closed = [
        text(at)[11:16] for at in content.axis.ticks if EIGHT - 90 <= at <= EIGHT + 90 and not calendar.is_open(at)
    ]
    # At 08:00 the visit lies on the claim and its buffers touch it; at 07:15 and 08:45 so do the buffers.
    assert closed == ["07:30", "07:45", "08:15", "08:30"]


def test_what_lies_outside_the_axis_is_not_offered() -> None:
    calendar = plain(duration=60, before=30).compiled()
    assert times(calendar)[0] == "00:30"
    assert times(calendar)[-1] == "23:00"
    assert not calendar.is_open(MONDAY + 15)


# Local changes


@pytest.mark.parametrize("seed", range(12))
def test_a_thousand_changes_leave_what_compiling_anew_gives(seed: int) -> None:
    maker = Maker(seed, 2 * DAY)
    change_and_compare(maker, maker.content(claims=10, closures=2), steps=1000)


@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(SEEDS)
def test_a_few_changes_of_any_calendar_leave_what_compiling_anew_gives(seed: int) -> None:
    maker = Maker(seed, 600)
    change_and_compare(maker, maker.content(claims=6, closures=1), steps=12)


def change_and_compare(maker: Maker, content: Content, steps: int) -> None:
    dice = maker.dice
    calendar = content.compiled()
    assert state(calendar) == state(content.compiled())
    for step in range(steps):
        done = change(maker, content, calendar)
        assert calendar.at(content.now_ms) is calendar
        assert state(calendar) == state(content.compiled()), (step, done)
        if step % 100 == 0:
            tick = dice.choice(content.axis.ticks)
            assert calendar.is_open(tick) == content.accepts(tick)


def change(maker: Maker, content: Content, calendar: CompiledCalendar) -> str:
    """Make one random change of the calendar, and of the plain content alike."""
    dice = maker.dice
    kind = dice.choice(["add", "add", "remove", "close", "reopen", "wait", "hold"])
    if kind == "wait":
        content.now_ms = maker.instant_ms()
        calendar.at(content.now_ms)
    elif kind == "close" and len(content.closures) < 3:
        closure = maker.closure()
        content.closures.append(closure)
        calendar.add(closure)
    elif kind == "reopen" and content.closures:
        calendar.remove(content.closures.pop(dice.randrange(len(content.closures))))
    elif kind in ("add", "hold") and len(content.claims) < 10:
        claim = maker.claim()
        if kind == "hold":
            claim = claim._replace(expires_ms=maker.instant_ms())
        content.claims.append(claim)
        calendar.add(claim)
    elif content.claims:
        calendar.remove(content.claims.pop(dice.randrange(len(content.claims))))
    return kind


def test_the_same_thing_twice_is_taken_away_once_at_a_time() -> None:
    calendar = plain().compiled()
    claim, closure = Claim(EIGHT, NOON, "Slot/1"), Closure(EIGHT, NOON, "closed")
    everything = calendar.starts
    for one in (claim, closure):
        calendar.add(one)
        calendar.add(one)
        calendar.remove(one)
        assert not calendar.is_open(EIGHT)
        calendar.remove(one)
        assert calendar.starts == everything


@pytest.mark.parametrize(
    "absent",
    [
        Claim(EIGHT, NOON, "Slot/9"),
        Claim(EIGHT, NOON, "Slot/9", relevant=False),
        Claim(EIGHT, NOON, "Slot/9", booking=True),
        Claim(EIGHT, NOON, "Slot/9", free=True),
        Claim(EIGHT, NOON, "Slot/9", free=True, relevant=False),
        Claim(EIGHT, NOON, "Slot/9", expires_ms=1),
        Claim(EIGHT, NOON, "Slot/9", expires_ms=10**15),
        Claim(EIGHT, NOON, "Slot/1", expires_ms=10**15),
        Claim(EIGHT, NOON, "Slot/1", tolerance=2),
        Claim(EIGHT - 10_000, EIGHT - 9_000, "off the axis"),
        Claim(EIGHT, EIGHT + 3 * DAY, "long"),
        Closure(EIGHT, NOON, "closed"),
        Closure(None, NOON, "closed"),
    ],
)
def test_taking_away_what_is_not_there_raises_and_changes_nothing(absent: Claim | Closure) -> None:
    content = plain(Claim(EIGHT, NOON, "Slot/1"))
    content.rules = replace(content.rules, limits=(Limit(1, 1, "d"),))
    content.now_ms = MONDAY * 60_000
    calendar = content.compiled()
    before = state(calendar)
    with pytest.raises(KeyError):
        calendar.remove(absent)
    assert state(calendar) == before == state(content.compiled())


def test_what_does_not_concern_the_service_counts_for_the_load_alone() -> None:
    calendar = plain(Claim(EIGHT, NOON, "Slot/1", relevant=False), Claim(0, 10**8, "Slot/2", True, relevant=False))
    compiled = calendar.compiled()
    assert compiled.taken == compiled.blocked == []
    assert compiled.load(MONDAY, MONDAY + DAY) == DAY  # Slot/2 lasts for ever
    assert times(compiled) == times(plain().compiled())


def test_a_change_before_anything_is_asked_counts_too() -> None:
    untouched = plain(Claim(EIGHT, NOON, "Slot/1"))
    calendar = plain().compiled()
    calendar.add(Claim(EIGHT, NOON, "Slot/1"))
    assert state(calendar) == state(untouched.compiled())


def test_a_booking_outside_the_axis_counts_for_its_limits() -> None:
    content = plain()
    content.rules = replace(content.rules, limits=(Limit(1, 1, "wk"),))
    calendar = content.compiled()
    assert times(calendar)
    booking = Claim(MONDAY + 3 * DAY, MONDAY + 3 * DAY + 30, "Slot/1", booking=True)
    calendar.add(booking)
    assert times(calendar) == []
    calendar.remove(booking)
    assert times(calendar) == times(plain().compiled())


# Holds and the passing of time


def test_a_hold_lapses_at_its_end_and_not_before() -> None:
    hold = Claim(EIGHT, EIGHT + 30, "Slot/1", booking=True, expires_ms=600_000)
    calendar = plain(hold).compiled()
    assert not calendar.at(599_999).is_open(EIGHT)
    assert calendar.at(600_000).is_open(EIGHT)
    assert not calendar.at(599_999).is_open(EIGHT)
    assert calendar.at(10**15).is_open(EIGHT)


def test_a_lapsed_hold_can_be_taken_away_and_comes_back_no_more() -> None:
    hold = Claim(EIGHT, EIGHT + 30, "Slot/1", expires_ms=600_000)
    calendar = plain(hold).compiled().at(700_000)
    calendar.remove(hold)
    assert calendar.at(0).is_open(EIGHT)
    with pytest.raises(KeyError):
        calendar.remove(hold)


def test_a_confirmed_hold_stays() -> None:
    hold = Claim(EIGHT, EIGHT + 30, "Slot/1", expires_ms=600_000)
    calendar = plain(hold).compiled()
    calendar.remove(hold)
    calendar.add(hold._replace(expires_ms=None))
    assert not calendar.at(700_000).is_open(EIGHT)


def test_a_hold_is_confirmed_in_either_order() -> None:
    hold = Claim(EIGHT, EIGHT + 30, "Slot/1", expires_ms=600_000)
    calendar = plain(hold).compiled()
    calendar.add(hold._replace(expires_ms=None))
    calendar.remove(hold)
    assert not calendar.at(700_000).is_open(EIGHT)


def test_a_hold_that_has_lapsed_already_counts_nowhere_at_once() -> None:
    content = plain()
    content.now_ms = 700_000
    calendar = content.compiled()
    hold = Claim(EIGHT, EIGHT + 30, "Slot/1", expires_ms=600_000)
    content.claims.append(hold)
    calendar.add(hold)
    assert state(calendar) == state(content.compiled())


def test_taking_a_lapsed_hold_away_does_not_turn_time_back() -> None:
    first = Claim(EIGHT, EIGHT + 30, "Slot/1", expires_ms=600_000)
    second = Claim(NOON, NOON + 30, "Slot/2", expires_ms=500_000)
    content = plain(first)
    content.now_ms = 700_000
    calendar = content.compiled()
    calendar.remove(first)
    calendar.add(second)
    content.claims = [second]
    assert state(calendar) == state(content.compiled())


# Twins


@settings(max_examples=40, derandomize=True, database=None, deadline=None)
@given(SEEDS)
def test_a_copy_and_its_original_change_apart(seed: int) -> None:
    maker = Maker(seed, 600)
    content = maker.content(claims=6, closures=1)
    calendar = content.compiled()
    if seed % 2:
        state(calendar)
    twin = calendar.copy()
    own = replace(content, claims=list(content.claims), closures=list(content.closures))
    before = state(content.compiled())
    for _ in range(8):
        change(maker, own, twin)
    assert state(calendar) == before
    assert state(twin.at(own.now_ms)) == state(own.compiled())
    for _ in range(8):
        change(maker, content, calendar)
    assert state(twin.at(own.now_ms)) == state(own.compiled())
    assert state(calendar.at(content.now_ms)) == state(content.compiled())


@settings(max_examples=40, derandomize=True, database=None, deadline=None)
@given(SEEDS)
def test_without_is_as_if_those_slots_had_never_been(seed: int) -> None:
    maker = Maker(seed, 600)
    content = maker.content(claims=8, closures=1)
    calendar = content.compiled()
    before = state(calendar)
    dice = Random(seed)
    labels = frozenset(claim.label for claim in content.claims if dice.random() < 0.4)
    twin = calendar.without(labels)
    rest = replace(content, claims=[claim for claim in content.claims if claim.label not in labels])
    assert state(twin) == state(rest.compiled())
    assert state(calendar) == before
    if twin is not calendar:
        change(maker, rest, twin)
        assert state(calendar) == before


def test_without_nothing_of_its_own_is_the_calendar_itself() -> None:
    calendar = plain(Claim(EIGHT, NOON, "Slot/1")).compiled()
    assert calendar.without(frozenset()) is calendar
    assert calendar.without(frozenset({"Slot/2"})) is calendar
    assert calendar.without(frozenset({"Slot/1"})) is not calendar


def test_without_leaves_closures_alone() -> None:
    content = plain(Claim(EIGHT, NOON, "same name"))
    content.closures.append(Closure(EIGHT, NOON, "same name"))
    assert not content.compiled().without(frozenset({"same name"})).is_open(EIGHT)


@pytest.mark.parametrize("now_ms", [0, 700_000])
def test_a_slot_left_out_stays_out_at_any_time(now_ms: int) -> None:
    hold = Claim(EIGHT, EIGHT + 30, "Slot/1", expires_ms=600_000)
    calendar = plain(hold, Claim(NOON, NOON + 30, "Slot/2")).compiled().at(now_ms)
    twin = calendar.without(frozenset({"Slot/1", "Slot/2"}))
    for later_ms in (0, 700_000, 0):
        assert twin.at(later_ms).is_open(EIGHT)
        assert twin.is_open(NOON)
    assert not calendar.at(0).is_open(EIGHT)


# What it is made of


def test_pieces_keep_the_labels_of_what_is_in_force() -> None:
    content = plain(
        Claim(EIGHT, NOON, "free", free=True),
        Claim(EIGHT, NOON, "free for others", free=True, relevant=False),
        Claim(EIGHT, NOON, "lapsed", free=True, expires_ms=0),
        Claim(EIGHT, NOON, "busy"),
        Claim(EIGHT + 10_000, NOON + 10_000, "free elsewhere", free=True),
    )
    content.closures += [Closure(None, EIGHT, "night"), Closure(NOON, NOON, "nothing"), Closure(0, 10, "long ago")]
    hours, free, closures = content.compiled().pieces()
    assert hours == [Piece(MONDAY, MONDAY + DAY, "always open")]
    assert free == [Piece(EIGHT, NOON, "free")]
    assert closures == [Piece(MONDAY, EIGHT, "night")]
    assert [claim.label for claim in content.compiled().claims()] == ["busy"]
