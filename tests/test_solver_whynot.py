"""Every reason against a start: none iff it is open, and what a reason names is what has to go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations, permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slotwright.solver.availability import Closure, Footprint, Piece, Rules, Weekly, expand_hours
from slotwright.solver.capacity import Claim
from slotwright.solver.grid import Axis, Grid
from slotwright.solver.limits import Limit
from slotwright.solver.series import accepts_series, later_occurrences
from slotwright.solver.whynot import (
    KINDS,
    Blocked,
    Bounds,
    BufferBlocked,
    Closed,
    LimitReached,
    NoLength,
    OffGrid,
    OutsideHorizon,
    OutsideHours,
    OutsideWindow,
    Reason,
    Skipped,
    WhyNot,
    clash,
)
from solver_support import DAY, HOUR_MS, Content, Maker, minute, on_grid, text, zone

SEEDS = st.integers(0, 2**32)
MONDAY = minute("2026-03-16T00:00Z")
often = settings(max_examples=60, derandomize=True, database=None, deadline=None)


def asked(seed: int) -> Iterator[tuple[Content, list[int]]]:
    """Random content, with ticks and minutes off the grid whose footprints lie in the axis."""
    maker = Maker(seed, 1500)
    content = maker.content(claims=10, closures=3)
    foot, axis = content.rules.footprint, content.axis
    low, high = axis.start + foot.before, axis.end - foot.reach
    ticks = [at for at in axis.ticks if low <= at <= high]
    others = [maker.dice.randint(low, high) for _ in range(10)] if low <= high else []
    yield content, maker.dice.sample(ticks, min(len(ticks), 60)) + others


@often
@given(SEEDS)
def test_a_start_has_no_reason_against_it_iff_it_is_open(seed: int) -> None:
    for content, starts in asked(seed):
        calendar = content.compiled()
        why = WhyNot(calendar)
        for at in starts:
            found = why.reasons(at)
            assert (not found) == calendar.is_open(at) == content.accepts(at)
            assert [KINDS.index(one.kind) for one in found] == sorted(KINDS.index(one.kind) for one in found)


# What a reason names is removed: that reason goes, and no other comes or goes.


def without_grid(content: Content, _: OffGrid) -> Content:
    every_minute = Grid(1, 0, zone("Etc/UTC"))
    return replace(content, rules=replace(content.rules, grid=every_minute))


def with_hours(content: Content, reason: OutsideHours) -> Content:
    return replace(content, hours=sorted([*content.hours, *(Piece(*pair, "more") for pair in reason.missing)]))


def without_closure(content: Content, reason: Closed) -> Content:
    return replace(content, closures=[one for one in content.closures if one.label != reason.closure.label])


def without_claims(content: Content, reason: Blocked | BufferBlocked) -> Content:
    """The claims named concern other services; as bookings they still count."""
    claims = [replace_relevance(one) if one in reason.claims else one for one in content.claims]
    return replace(content, claims=claims)


def replace_relevance(claim: Claim) -> Claim:
    return claim._replace(relevant=False)


def without_horizon(content: Content, _: OutsideHorizon) -> Content:
    return replace(content, rules=replace(content.rules, horizon_start=None, horizon_end=None))


def with_higher_limit(content: Content, reason: LimitReached) -> Content:
    limits = list(content.rules.limits)
    limits[reason.place] = reason.limit._replace(frequency=len(reason.counted) + 1)
    return replace(content, rules=replace(content.rules, limits=tuple(limits)))


REMOVE: dict[str, Callable[..., Content]] = {
    "grid": without_grid,
    "hours": with_hours,
    "closed": without_closure,
    "blocked": without_claims,
    "buffer": without_claims,
    "horizon": without_horizon,
    "limit": with_higher_limit,
}


def essence(reasons: list[Reason]) -> list[object]:
    """Reasons to be compared between two contents: of claims and limits what identifies them, not how they stand."""
    found: list[object] = []
    for one in reasons:
        if isinstance(one, LimitReached):
            found.append((one.kind, one.place, one.period, [claim.label for claim in one.counted]))
        elif isinstance(one, OutsideHours):
            found.append((one.kind, one.missing))
        else:
            found.append(one)
    return found


@often
@given(SEEDS)
def test_removing_what_a_reason_names_removes_that_reason_and_only_that_one(seed: int) -> None:
    for content, starts in asked(seed):
        for at in starts[:25]:
            before = WhyNot(content.compiled()).reasons(at)
            for reason in before:
                changed = REMOVE[reason.kind](content, reason)
                after = WhyNot(changed.compiled()).reasons(at)
                assert essence(after) == essence([one for one in before if one is not reason]), (text(at), reason)


def test_random_calendars_show_every_kind_of_reason_often() -> None:
    """So that the properties above say something about each of them."""
    counted = dict.fromkeys(REMOVE, 0)
    for seed in range(60):
        for content, starts in asked(seed):
            why = WhyNot(content.compiled())
            for at in starts:
                for one in why.reasons(at):
                    counted[one.kind] += 1
    assert min(counted.values()) > 50, counted


@often
@given(SEEDS)
def test_claims_that_are_cancelled_leave_no_new_reason(seed: int) -> None:
    for content, starts in asked(seed):
        for at in starts[:25]:
            before = WhyNot(content.compiled()).reasons(at)
            for reason in before:
                if isinstance(reason, Blocked | BufferBlocked):
                    left = replace(content, claims=[one for one in content.claims if one not in reason.claims])
                    after = WhyNot(left.compiled()).reasons(at)
                    kept = [one for one in before if one is not reason and not isinstance(one, LimitReached)]
                    assert [one for one in after if not isinstance(one, LimitReached)] == kept


@often
@given(SEEDS)
def test_the_nearest_starts_are_on_the_grid_and_nothing_lies_between(seed: int) -> None:
    for content, starts in asked(seed):
        grid = content.rules.grid
        why = WhyNot(content.compiled())
        for at in starts[-10:]:
            for one in why.reasons(at):
                if isinstance(one, OffGrid):
                    assert one.before is not None and one.after is not None and one.before < at < one.after
                    between = range(one.before, one.after + 1)
                    on = [t for t in between if on_grid(grid.interval, grid.offset, grid.zone.name, t)]
                    assert on == [one.before, one.after]


# By hand


def morning(*claims: Claim, capacity: int = 1, **more: object) -> Content:
    """Monday 2026-03-16, 09:00 to 12:00 UTC, visits of 30 min with 10 before and 15 after, every 15 minutes."""
    grid = Grid(15, 0, zone("Etc/UTC"))
    weekly = (Weekly(1, 9 * HOUR_MS, 12 * HOUR_MS, "hours"),)
    rules = Rules(zone("Etc/UTC"), grid, Footprint(30, 10, 15), capacity=capacity, weekly=weekly)
    axis = Axis.over(grid, MONDAY, MONDAY + DAY)
    return Content(replace(rules, **more), axis, expand_hours(weekly, rules.zone, axis.start, axis.end), list(claims))  # type: ignore[reportArgumentType]


def at(clock: str) -> int:
    return minute(f"2026-03-16T{clock}Z")


def why(content: Content, clock: str, **more: object) -> list[Reason]:
    return WhyNot(content.compiled()).reasons(at(clock), **more)  # type: ignore[reportArgumentType]


OPEN = Piece(at("09:00"), at("12:00"), "hours")


def test_hours_name_what_is_missing_and_what_is_open_that_day() -> None:
    assert why(morning(), "09:00") == [OutsideHours(((at("08:50"), at("09:00")),), (OPEN,))]
    assert why(morning(), "11:30") == [OutsideHours(((at("12:00"), at("12:15")),), (OPEN,))]
    assert why(morning(), "09:15") == []


def test_several_conditions_are_each_named() -> None:
    late = Claim(at("11:30"), at("12:30"), "Slot/1", booking=True)
    content = morning(
        late, limits=(Limit(1, 1, "d"), Limit(2, 1, "wk")), horizon_start=at("00:00"), horizon_end=at("12:10")
    )
    content.closures.append(Closure(at("12:05"), None, "closed"))
    found = why(content, "11:40", window=(at("09:00"), at("12:00")), horizons=[Bounds(None, at("11:50"), "Schedule/b")])
    day = (MONDAY, MONDAY + DAY)
    assert found == [
        OffGrid(at("11:30"), at("11:45")),
        OutsideHours(((at("12:00"), at("12:25")),), (OPEN,)),
        Closed(Piece(at("12:05"), MONDAY + DAY, "closed")),
        Blocked(((at("11:40"), at("12:10")),), (late,), 1),
        OutsideHorizon(Bounds(at("00:00"), at("12:10"))),
        OutsideHorizon(Bounds(None, at("11:50"), "Schedule/b")),
        LimitReached(0, Limit(1, 1, "d"), day, (late,)),
        OutsideWindow((at("09:00"), at("12:00"))),
    ]


def test_a_claim_is_named_for_the_visit_or_for_the_buffers_but_not_twice() -> None:
    touching = Claim(at("09:20"), at("09:35"), "Slot/1")
    assert why(morning(touching), "09:30") == [Blocked(((at("09:30"), at("09:35")),), (touching,), 1)]
    assert why(morning(touching), "09:45") == [], "it ends where the buffer begins"
    later = Claim(at("10:05"), at("10:30"), "Slot/2")
    assert why(morning(touching, later), "09:30") == [
        Blocked(((at("09:30"), at("09:35")),), (touching,), 1),
        BufferBlocked(((at("10:05"), at("10:15")),), (later,)),
    ]


def test_capacity_is_reached_by_all_that_run_at_once() -> None:
    one, two = (Claim(at("10:00"), at("10:30"), f"Slot/{name}", tolerance=2) for name in (1, 2))
    assert why(morning(one, capacity=2), "10:00") == []
    assert why(morning(one, two, capacity=2), "10:00") == [Blocked(((at("10:00"), at("10:30")),), (one, two), 2)]
    # A buffer shares nothing.
    assert why(morning(one, capacity=2), "10:30") == [BufferBlocked(((at("10:20"), at("10:30")),), (one,))]


def test_closures_that_only_touch_are_no_reason() -> None:
    content = morning()
    content.closures += [Closure(None, at("09:20"), "before"), Closure(at("10:15"), None, "after")]
    assert why(content, "09:30") == []
    assert [one.kind for one in why(content, "09:15")] == ["closed"]
    assert [one.kind for one in why(content, "09:45")] == ["closed"]


def test_the_hours_of_every_day_that_the_visit_touches_are_named() -> None:
    grid = Grid(30, 0, zone("Etc/UTC"))
    weekly = (Weekly(127, 6 * HOUR_MS, 23 * HOUR_MS, "hours"),)
    rules = Rules(zone("Etc/UTC"), grid, Footprint(60, 0, 30), weekly=weekly)
    axis = Axis.over(grid, MONDAY, MONDAY + 4 * DAY)
    content = Content(rules, axis, expand_hours(weekly, rules.zone, axis.start, axis.end))
    [reason] = why(content, "23:30")
    assert isinstance(reason, OutsideHours)
    assert [piece.start for piece in reason.pieces] == [at("06:00"), at("06:00") + DAY]
    # A day that the last buffer ends with is not touched.
    [reason] = why(content, "22:30")
    assert isinstance(reason, OutsideHours)
    assert [piece.start for piece in reason.pieces] == [at("06:00")]


def test_a_visit_without_length() -> None:
    content = morning(footprint=Footprint(0, 0, 0))
    assert why(content, "10:00") == [NoLength()]


# Series


def test_the_week_that_fails_is_named_with_its_reasons() -> None:
    grid = Grid(30, 0, zone("Etc/UTC"))
    rules = Rules(zone("Etc/UTC"), grid, Footprint(30), limits=(Limit(2, 1, "mo"),))
    axis = Axis.over(grid, MONDAY, MONDAY + 30 * DAY)
    taken = Claim(at("09:00") + 14 * DAY, at("09:30") + 14 * DAY, "Slot/1", booking=True)
    content = Content(rules, axis, expand_hours(None, rules.zone, axis.start, axis.end), [taken])
    weeks = WhyNot(content.compiled()).later_weeks(at("09:00"), 3, zone("Etc/UTC"))
    # 16, 23 and 30 March: with the booking on 30 March the first fills the month.
    assert [(week.number, week.start) for week in weeks] == [(2, at("09:00") + 7 * DAY), (3, at("09:00") + 14 * DAY)]
    [full] = weeks[0].reasons
    assert isinstance(full, LimitReached)
    assert [claim.label for claim in full.counted] == [f"occurrence at {at('09:00')}", "Slot/1"]
    assert [one.kind for one in weeks[1].reasons] == ["blocked", "limit"]


def test_a_skipped_time_is_named() -> None:
    # Sun 2026-03-01 02:30 in New York; 03-08 has no 02:30 (find, 6).
    new_york, first = zone("America/New_York"), minute("2026-03-01T07:30Z")
    grid = Grid(30, 0, new_york)
    rules = Rules(new_york, grid, Footprint(30))
    axis = Axis.over(grid, first - DAY, first + 21 * DAY)
    content = Content(rules, axis, expand_hours(None, rules.zone, axis.start, axis.end))
    second, third = WhyNot(content.compiled()).later_weeks(first, 3, new_york)
    assert (second.start, second.reasons) == (None, [Skipped()])
    assert (text(third.start or 0), third.reasons) == ("2026-03-15T06:30Z", [])


@often
@given(SEEDS, st.integers(2, 4))
def test_a_series_is_accepted_iff_no_week_has_a_reason(seed: int, occurrences: int) -> None:
    maker = Maker(seed, (occurrences - 1) * 7 * DAY + 1500)
    content = maker.content(claims=12, closures=1)
    calendar = content.compiled()
    # Commonly about once a week, so that most ticks have weeks that differ.
    bounds = Bounds(calendar.axis.start, calendar.axis.end - maker.dice.choice([0, 700]))
    foot = content.rules.footprint
    ticks = [t for t in calendar.axis.ticks if t < maker.start + 1000 and t - foot.before >= maker.start]
    asking = WhyNot(calendar)
    for start in maker.dice.sample(ticks, min(len(ticks), 15)):
        later = later_occurrences(start, occurrences, content.rules.zone)
        assert bounds.start is not None and bounds.end is not None
        accepted = later is not None and accepts_series(calendar, start, later, (bounds.start, bounds.end))
        weeks = asking.later_weeks(start, occurrences, content.rules.zone, [bounds])
        assert accepted == (not any(week.reasons for week in weeks))


# Who clashes


def distinct(free: list[set[int]]) -> bool:
    """Can each pool have an actor of its own? By trying all ways."""
    actors = sorted({actor for pool in free for actor in pool})
    return any(
        all(actor in pool for actor, pool in zip(chosen, free, strict=True))
        for chosen in permutations(actors, len(free))
    )


@pytest.mark.parametrize("seed", range(300))
def test_a_clash_is_the_fewest_pools_with_too_few_actors(seed: int) -> None:
    dice = Random(seed)
    free = [set(dice.sample(range(5), dice.randint(1, 3))) for _ in range(dice.randint(1, 5))]
    found = clash(free)
    assert (found is None) == distinct(free)
    if found is not None:
        pools = [free[place] for place in found]
        assert len({actor for pool in pools for actor in pool}) == len(pools) - 1
        for size in range(1, len(pools)):
            for fewer in combinations(pools, size):
                assert len({actor for pool in fewer for actor in pool}) >= size


def test_outside_the_window_only_with_a_buffer() -> None:
    window = (at("09:15"), at("12:00"))
    assert why(morning(), "09:15", window=window) == [OutsideWindow(window)]
    assert why(morning(), "09:30", window=window) == []
