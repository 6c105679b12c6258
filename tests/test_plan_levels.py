"""The lexicographic objective: what counts on each level, blends, passes and bounds, by hand and by brute force."""

from __future__ import annotations

from dataclasses import replace
from operator import ge
from random import Random

import pytest
from plan_oracle import FEATURES, random_prices, random_problem, sound_plans, valued_plans
from slotwright.solver.availability import Footprint
from slotwright.solver.errors import InvalidInputError, SolverFaultError
from slotwright.solver.plan.check import score
from slotwright.solver.plan.level_bounds import bound_levels
from slotwright.solver.plan.levels import (
    Blended,
    Level,
    Proof,
    blend,
    blended_bounds,
    constant,
    disjoint,
    level_bound,
    levels_of,
    loads,
    reached,
)
from slotwright.solver.plan.lexicographic import even_out
from slotwright.solver.plan.problem import Choice, Lane, Placement, PlanProblem, PlanRequest, Role
from slotwright.solver.plan.validate import check_problem
from slotwright.solver.plan.work import Work

EACH = [pytest.param((feature,), id=feature) for feature in FEATURES] + [pytest.param(FEATURES, id="all")]

TICKS = tuple(range(100, 160, 10))
LANES = tuple(Lane(number, number, Footprint(10, 0, 5), 0b111111) for number in range(3))
FIRST = PlanRequest(
    1,
    0b111,
    (Role((Choice(0, 1, 2), Choice(1))), Role((Choice(2),), 9)),
    lateness=(50, 60, 70),
    preference=(3, 0, 0),
    move=(0, 4, 0),
    priority=2,
)
SECOND = PlanRequest(7, 0b111000, (Role((Choice(2, 5),)),))
PROBLEM = PlanProblem(TICKS, LANES, (FIRST, SECOND, SECOND))


def test_levels_are_served_preference_earliness_and_load() -> None:
    assert levels_of(PROBLEM) == (
        Level("served", 0),
        Level("served", 2),
        Level("preference"),
        Level("earliness"),
        Level("load"),
    )
    plan = (Placement(1, (0, None)), Placement(4, (0,)), None)
    # Costs: lane 0 costs 1 + 2, the start 4, the absent 9; lane 2 costs 5. Starts at 110 and 140, from 100 on.
    # Resources 0 and 1 can be exchanged; 15 minutes are taken of resource 0.
    assert reached(PROBLEM, plan) == (1, 1, -(3 + 4 + 9 + 5), -(10 + 40), -225)
    assert loads(PROBLEM, plan) == {0: 15, 1: 0}
    assert reached(PROBLEM, (None,) * 3) == (0, 0, 0, 0, 0)


def test_a_blend_is_a_weighted_problem() -> None:
    made = blend(PROBLEM, (1000, 100, 10, 2, 3), {0: 4, 1: 0})
    first, second, _ = made.requests
    # A minute of resource 0 costs 3 × 2 × 4; resource 2 has no rival.
    assert first.roles == (Role((Choice(0, 10 + 24 * 15, 20), Choice(1, 0, 0))), Role((Choice(2),), 90))
    assert (first.weight, list(first.lateness), list(first.preference)) == (100, [0, 20, 40], [30, 0, 0])
    assert (second.weight, list(second.lateness), list(second.move)) == (1000, [60, 80, 100], [])
    assert constant((1000, 100, 10, 2, 3), {0: 4, 1: 0}) == 3 * 16


def test_disjoint_multipliers_outweigh_all_that_follows() -> None:
    # Earliness: 3 requests lose 50 at most, 150. Preference: at most 3 + 4 + 3 + 9 each, 3 × 19 × 151 = 8607.
    assert disjoint(PROBLEM, 4, {}) == ((150 + 8607 + 8758 + 1, 150 + 8607 + 1, 150 + 1, 1, 0), True)
    assert disjoint(PROBLEM, 2, {}) == ((2, 1, 0, 0, 0), True)


def test_ranges_that_do_not_fit_are_cut_to_fewer_requests() -> None:
    many = replace(PROBLEM, requests=(FIRST, *(SECOND,) * 300))
    dear = replace(FIRST, preference=(10**6, 0, 0))
    assert disjoint(replace(many, requests=(dear, *many.requests[1:])), 4, {})[1]
    dearer = replace(many, requests=(replace(FIRST, preference=(10**9, 0, 0)), *many.requests[1:]))
    multipliers, is_strict = disjoint(dearer, 4, {})
    assert not is_strict
    assert sum(one.weight for one in blend(dearer, multipliers, {}).requests) < 2**53
    check_problem(blend(dearer, multipliers, {}))
    dearest = replace(many, requests=(replace(FIRST, preference=(2**53, 0, 0)), *many.requests[1:]))
    with pytest.raises(InvalidInputError, match="Costs are too large"):
        disjoint(dearest, 4, {})


@pytest.mark.parametrize("features", EACH)
def test_levels_agree_with_brute_force(features: tuple[str, ...]) -> None:
    for seed in range(40):
        draw = Random(f"levels {seed}")
        problem = random_problem(draw, *features)
        values = valued_plans(problem)
        plans = list(values)
        best = max(values.values())
        multipliers = tuple(draw.choice((0, 1, 3)) for _ in best)
        anchor = loads(problem, draw.choice(plans))
        blended = blend(problem, multipliers, anchor)
        check_problem(blended)
        for plan in draw.sample(plans, min(len(plans), 10)):
            assert reached(problem, plan) == values[plan]
            worth = score(blended, plan).total + constant(multipliers, anchor)
            exact = sum(one * value for one, value in zip(multipliers, values[plan], strict=True))
            assert worth >= exact
            assert worth == exact or (multipliers[-1] and loads(problem, plan) != anchor)
        # Blends with disjoint multipliers: their best plan is the best by levels, and proves it level by level.
        linear = len(best) - 1
        multipliers, is_strict = disjoint(problem, linear, {})
        blended = blend(problem, multipliers, {})
        check_problem(blended)
        worth, found = max(sound_plans(blended), key=lambda one: one[0])
        assert is_strict and values[found][:-1] == best[:-1]
        assert blended_bounds(problem, best, Blended(multipliers, {}, worth)) == (*best[:-1], None)
        assert values[even_out(problem, found)] >= values[found]


@pytest.mark.parametrize("features", EACH)
def test_a_bound_holds_on_every_level(features: tuple[str, ...]) -> None:
    tight = 0
    for seed in range(50):
        draw = Random(f"level bound {seed}")
        problem = random_problem(draw, *features)
        plans = valued_plans(problem)
        values = list(plans.values())
        at = draw.choice((max(values), draw.choice(values)))
        anchor = draw.choice(({}, loads(problem, draw.choice(list(plans)))))
        for level in range(len(at)):
            before = (draw.choice((0, 1, 2, 9)) for _ in range(level))
            multipliers = (*before, draw.choice((1, 2)), *(0 for _ in at[level + 1 :]))
            most = max(one[level] for one in values if all(map(ge, one[:level], at[:level])))
            for prices in random_prices(draw, blend(problem, multipliers, anchor)):
                proven = level_bound(problem, level, at, Proof(multipliers, anchor, prices))
                assert proven >= most, (seed, level, problem)
                tight += proven == most
    assert tight > 50


def test_what_proves_nothing_is_refused() -> None:
    at = (2, 1, -3, -4, -5)
    with pytest.raises(SolverFaultError, match="prove nothing for level 1"):
        level_bound(PROBLEM, 1, at, Proof((1, 0, 1, 1, 1), {}, ()))
    with pytest.raises(SolverFaultError, match="prove nothing for level 1"):
        level_bound(PROBLEM, 1, at, Proof((-1, 1, 0, 0, 0), {}, ()))
    with pytest.raises(SolverFaultError, match=r"The anchor .* is not one of the problem's loads"):
        level_bound(PROBLEM, 4, at, Proof((1, 1, 1, 1, 1), {2: 5}, ()))


@pytest.mark.parametrize("features", EACH)
def test_what_is_known_of_a_blend_bounds_its_levels(features: tuple[str, ...]) -> None:
    for seed in range(30):
        draw = Random(f"known {seed}")
        problem = random_problem(draw, *features)
        plans = valued_plans(problem)
        values = list(plans.values())
        at = draw.choice((max(values), draw.choice(values)))
        anchor = draw.choice(({}, loads(problem, draw.choice(list(plans)))))
        multipliers = draw.choice((disjoint(problem, len(at), anchor)[0], tuple(draw.choice((0, 1, 4)) for _ in at)))
        worth = max(worth for worth, _ in sound_plans(blend(problem, multipliers, anchor)))
        known = Blended(multipliers, anchor, worth + draw.choice((0.0, 0.5, 3.0)))
        for place, bound in enumerate(blended_bounds(problem, at, known)):
            if bound is None:
                assert multipliers[place] == 0
            else:
                assert bound >= max(one[place] for one in values if all(map(ge, one[:place], at[:place])))


@pytest.mark.parametrize("features", EACH)
def test_proofs_are_found_for_every_level(features: tuple[str, ...]) -> None:
    tight = 0
    for seed in range(4):
        draw = Random(f"proofs {seed}")
        problem = random_problem(draw, *features)
        plans = valued_plans(problem)
        plan = draw.choice((max(plans, key=lambda one: plans[one]), draw.choice(list(plans))))
        for place, found in enumerate(bound_levels(problem, plan, Work(0.1))):
            at = plans[plan]
            assert (found.level, found.reached) == (levels_of(problem)[place], at[place])
            most = max(one[place] for one in plans.values() if all(map(ge, one[:place], at[:place])))
            assert isinstance(found.proof, Proof)
            assert found.bound == level_bound(problem, place, at, found.proof) >= most
            tight += found.bound == most
    assert tight > 4


def test_the_level_of_a_few_among_many_is_bounded_by_prices() -> None:
    role = Role((Choice(0),))
    urgent = PlanRequest(1, 0b1, (role,), priority=0)
    problem = replace(PROBLEM, requests=(urgent, urgent, *[replace(urgent, starts=0b111111, priority=1)] * 5), links=())
    plan = (Placement(0, (0,)), *[None] * 6)
    [first, *_] = bound_levels(problem, plan, Work(1))
    assert (first.reached, first.bound, first.is_solvers) == (1, 1, False)


def test_a_load_is_bounded_though_preferences_are_not_proven() -> None:
    """Everybody is served for sure; what that puts on two resources is least where each has half."""
    lanes = tuple(Lane(number, number, Footprint(10), 0b111111) for number in range(2))
    request = PlanRequest(1, 0b111111, (Role((Choice(0), Choice(1))),))
    problem = PlanProblem(tuple(range(0, 60, 10)), lanes, (request,) * 4)
    # Late, so that earliness is not proven.
    plan = tuple(Placement(tick, (number,)) for number in range(2) for tick in (4, 5))
    load = bound_levels(problem, plan, Work(1))[-1]
    assert (load.reached, load.bound) == (-2 * 20**2, -2 * 20**2)
