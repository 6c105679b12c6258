"""The stages of a plan: each keeps every rule, none loses what was reached, and bounds are bounds."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from instances import plan_instance
from plan_draws import drawn
from plan_oracle import FEATURES as ORACLE_FEATURES
from plan_oracle import optimum, random_problem
from plans import problem as reference
from slotwright.solver.availability import Footprint
from slotwright.solver.plan.arena import restrict, whole
from slotwright.solver.plan.check import bound, faults, score
from slotwright.solver.plan.dive import dive
from slotwright.solver.plan.eject import Ejector
from slotwright.solver.plan.greedy import greedy
from slotwright.solver.plan.offers import Offers
from slotwright.solver.plan.prices import Descent, Market, lower_prices
from slotwright.solver.plan.problem import Choice, Lane, Link, Placement, PlanProblem, PlanRequest, Role
from slotwright.solver.plan.state import State
from slotwright.solver.plan.table import make_table
from slotwright.solver.plan.work import Work

ENDLESS = 1e9
FEATURES = ("capacity", "quotas", "links", "absent", "actors")


def small(feature: str, seed: int) -> PlanProblem:
    return drawn(
        seed,
        requests=12,
        ticks=14,
        capacity=feature == "capacity",
        quotas=feature == "quotas",
        links=feature == "links",
        optional=feature == "absent",
        actors=feature == "actors",
    )


def by_greedy(state: State) -> None:
    greedy(state)


def by_dive(state: State) -> None:
    market = Market(state.arena.table)
    dive(state, market, market.nothing(), 0.2, 5, Work(ENDLESS))


def by_ejection(state: State) -> None:
    greedy(state)
    before = state.value
    Ejector(state, 1).run(5, Work(ENDLESS), ENDLESS)
    assert state.value >= before


@pytest.mark.parametrize("stage", [by_greedy, by_dive, by_ejection])
@pytest.mark.parametrize("feature", FEATURES)
def test_a_stage_keeps_every_rule(stage: Callable[[State], None], feature: str) -> None:
    for seed in range(25):
        problem = small(feature, seed)
        state = State(whole(make_table(problem)))
        stage(state)
        plan = state.plan()
        assert faults(problem, plan) == []
        assert score(problem, plan).total == state.value


@pytest.mark.parametrize("feature", ORACLE_FEATURES)
def test_small_plans_come_close_to_the_best_and_bounds_never_fall_below(feature: str) -> None:
    reached = best = 0
    for seed in range(15):
        problem = random_problem(Random(seed), feature, requests=4)
        arena = whole(make_table(problem))
        state = State(arena)
        by_ejection(state)
        most = optimum(problem)
        assert faults(problem, state.plan()) == []
        assert state.value <= most
        market = Market(arena.table)
        priced = lower_prices(market, Offers(arena), market.nothing(), Descent(40), Work(ENDLESS))
        certified = bound(problem, market.points(priced.prices))
        assert most <= certified
        assert certified == pytest.approx(priced.bound, rel=1e-5, abs=1e-3)
        reached, best = reached + state.value, best + most
    assert reached >= 0.9 * best


@pytest.mark.parametrize("seed", range(20))
def test_a_state_says_of_every_place_whether_it_is_open(seed: int) -> None:
    """Whatever was put and removed: a place is open exactly if the plan stays sound with one more visit there."""
    draw = Random(seed)
    problem = drawn(seed, requests=14, ticks=10, capacity=seed % 2 == 0, quotas=seed % 3 == 0)
    table = make_table(problem)
    state = State(whole(table))
    for _ in range(30):
        row = draw.randrange(len(state.options))
        if state.options[row] is not None:
            state.remove(row)
        elif option := state.best(row):
            state.put(row, option)
    placed = state.plan()
    for place, is_open in enumerate(state.are_open(np.arange(len(table.place_low))).tolist()):
        tick = int(table.place_tick[place])
        visitor = PlanRequest(1, 1 << tick, (Role((Choice(int(table.place_lane[place])),)),))
        with_visitor = PlanProblem(problem.ticks, problem.lanes, (*problem.requests, visitor))
        assert is_open == (faults(with_visitor, (*placed, Placement(tick, (0,)))) == [])


@pytest.mark.parametrize("feature", FEATURES)
def test_a_plan_is_read_back_as_it_was(feature: str) -> None:
    for seed in range(10):
        arena = whole(make_table(small(feature, seed)))
        state, other = State(arena), State(arena)
        greedy(state)
        other.load(state.plan())
        assert other.plan() == state.plan()
        assert other.value == state.value


def test_a_plan_that_has_become_impossible_is_read_as_far_as_it_goes() -> None:
    lane = Lane(0, 0, Footprint(10), 0b111)
    request = PlanRequest(9, 0b11, (Role((Choice(0),)),))
    state = State(whole(make_table(PlanProblem((0, 5, 10), (lane,), (request,) * 3))))
    state.load((Placement(0, (0,)), Placement(1, (0,)), Placement(2, (0,))))
    assert state.plan() == (Placement(0, (0,)), None, None)


def test_an_arena_cut_down_has_what_is_still_open() -> None:
    problem = reference(plan_instance(200, 0.95, 1))
    arena = whole(make_table(problem))
    state = State(arena)
    greedy(state)
    waiting = np.array([option is None for option in state.options])
    rest = restrict(arena, waiting, state.are_open(np.arange(len(arena.table.place_low) + 1)))
    assert len(rest.row_request) == 0, "greedy leaves nobody who could be served without a change"
    served = next(row for row, option in enumerate(state.options) if option is not None)
    kept = state.remove(served)
    rest = restrict(arena, waiting, state.are_open(np.arange(len(arena.table.place_low) + 1)))
    everyone = np.ones(len(waiting), np.bool_)
    same = restrict(arena, everyone, np.ones(len(arena.table.place_low) + 1, np.bool_))
    for name in ("row_request", "row_pairs", "pair_value", "pair_segments", "segment_entries", "entry_place"):
        assert (getattr(same, name) == getattr(arena, name)).all()
    state.put(served, kept)
    assert not set(rest.row_request.tolist()) & {int(arena.row_request[served])}


def test_worths_are_those_of_plain_arithmetic() -> None:
    problem = random_problem(Random(5), "capacity", "optional", requests=6)
    arena = whole(make_table(problem))
    market = Market(arena.table)
    prices = np.linspace(0, 9, market.cells)
    place_price = market.place_prices(prices)
    worths = Offers(arena).worths(place_price.astype(np.float32))
    for pair in range(len(arena.pair_row)):
        worth = float(arena.pair_value[pair])
        for segment in range(arena.pair_segments[pair], arena.pair_segments[pair + 1]):
            entries = range(arena.segment_entries[segment], arena.segment_entries[segment + 1])
            worth -= min(float(arena.entry_cost[one] + place_price[arena.entry_place[one]]) for one in entries)
        assert worths[pair] == pytest.approx(worth, abs=1e-3)


def test_a_follower_is_placed_after_its_leader() -> None:
    lanes = (Lane(0, 0, Footprint(10), 0b1111), Lane(1, 1, Footprint(10), 0b1111))
    first = PlanRequest(5, 0b0010, (Role((Choice(0),)),))
    then = PlanRequest(9, 0b1111, (Role((Choice(1),)),))
    problem = PlanProblem((0, 10, 20, 30), lanes, (then, first), (Link(1, 0, least=10, most=10),))
    state = State(whole(make_table(problem)))
    greedy(state)
    assert state.plan() == (Placement(3, (0,)), Placement(1, (0,)))


def test_ejection_clears_the_way_for_what_is_worth_more() -> None:
    lane = Lane(0, 0, Footprint(10), 0b11)
    cheap = PlanRequest(5, 0b11, (Role((Choice(0),)),))
    dear = PlanRequest(9, 0b01, (Role((Choice(0),)),))
    state = State(whole(make_table(PlanProblem((0, 10), (lane,), (cheap, dear)))))
    state.load((Placement(0, (0,)), None))
    Ejector(state, 0).run(3, Work(ENDLESS), ENDLESS)
    assert state.plan() == (Placement(1, (0,)), Placement(0, (0,)))


def test_work_is_counted_and_ends_a_descent() -> None:
    arena = whole(make_table(reference(plan_instance(200, 0.95, 1))))
    market, offers = Market(arena.table), Offers(arena)
    work = Work(0.01)
    lower_prices(market, offers, market.nothing(), Descent(1000), work)
    assert work.is_over()
    assert work.spent == pytest.approx(0.01, abs=1e-3)
    guarded = Work(ENDLESS, stop=lambda: True)
    lower_prices(market, offers, market.nothing(), Descent(1000), guarded)
    assert (guarded.spent, guarded.is_stopped) == (0, True)
