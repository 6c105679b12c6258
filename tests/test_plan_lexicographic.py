"""Plans by levels, from the planner itself: small ones against brute force, and what ends a run."""

from __future__ import annotations

from dataclasses import replace
from operator import ge
from random import Random

import pytest
from plan_oracle import FEATURES, random_problem, valued_plans
from slotwright.solver.availability import Footprint
from slotwright.solver.errors import InvalidInputError
from slotwright.solver.plan.check import faults
from slotwright.solver.plan.levels import reached
from slotwright.solver.plan.lexicographic import even_out
from slotwright.solver.plan.penalties import BackToBack
from slotwright.solver.plan.pipeline import PlanResult, Stage, solve_plan
from slotwright.solver.plan.problem import Choice, Lane, Placement, Plan, PlanProblem, PlanRequest, Role

EACH = [pytest.param((feature,), id=feature) for feature in FEATURES] + [pytest.param(FEATURES, id="all")]

TICKS = tuple(range(0, 60, 10))
LANES = tuple(Lane(number, number, Footprint(10), 0b111111) for number in range(3))
URGENT = PlanRequest(1, 0b11, (Role((Choice(0),)),), priority=0)
ROUTINE = PlanRequest(500, 0b11, (Role((Choice(0),)),), priority=1)


def by_levels(problem: PlanProblem, start: Plan | None = None) -> PlanResult:
    return solve_plan(problem, work_limit=0.5, objective="lexicographic", start=start)


@pytest.mark.parametrize("features", EACH)
def test_small_problems_are_solved_and_proven_level_by_level(features: tuple[str, ...]) -> None:
    for seed in range(3):
        problem = random_problem(Random(f"lexicographic {seed}"), *features, requests=4)
        plans = valued_plans(problem)
        best = max(plans.values())
        found = by_levels(problem)
        assert tuple(level.reached for level in found.levels) == plans[found.plan]
        assert plans[found.plan][:-1] == best[:-1]
        assert tuple(level.bound for level in found.levels[:-1]) == best[:-1]
        evenest = max(one[-1] for one in plans.values() if all(map(ge, one[:-1], best[:-1])))
        assert plans[found.plan][-1] <= evenest <= found.levels[-1].bound


def test_priority_comes_before_weight() -> None:
    problem = PlanProblem(TICKS, LANES, (ROUTINE, ROUTINE, URGENT, URGENT))
    found = by_levels(problem)
    assert [placement is not None for placement in found.plan] == [False, False, True, True]
    assert (found.objective, found.served) == (2, 2)
    assert [(level.reached, level.bound) for level in found.levels] == [(2, 2), (0, 0), (0, 0), (-10, -10), (0, 0)]
    assert found.is_optimal and found.ended == "done"
    assert solve_plan(problem, work_limit=2.0).objective == 1000


def test_preference_comes_before_earliness_and_earliness_before_load() -> None:
    dear = Role((Choice(0, 4), Choice(1, 4), Choice(2, 5)))
    requests = (PlanRequest(1, 0b111111, (dear,)),) * 4
    found = by_levels(PlanProblem(TICKS, LANES, requests))
    # Two at once on the two that cost 4, and again ten minutes later; the third would even the load, but costs 5.
    assert [(level.reached, level.bound) for level in found.levels[:-1]] == [(4, 4), (-16, -16), (-20, -20)]
    assert found.levels[-1].reached == -(20**2 + 20**2)


def test_a_load_is_evened_out_by_exchanging_choices() -> None:
    request = PlanRequest(1, 0b111111, (Role((Choice(0, 1), Choice(1, 1), Choice(2, 2))),))
    problem = PlanProblem(TICKS, LANES, (request,) * 4)
    plan = (*(Placement(tick, (0,)) for tick in (0, 2, 4)), Placement(5, (1,)))
    evened = even_out(problem, plan)
    assert faults(problem, evened) == []
    assert [one and one.tick for one in evened] == [0, 2, 4, 5]
    assert reached(problem, plan)[-1] == -(30**2 + 10**2)
    # One goes over to resource 1; resource 2 would cost more.
    assert reached(problem, evened) == (4, -4, -110, -(20**2 + 20**2))


def test_no_level_is_worse_than_at_the_start() -> None:
    problem = PlanProblem(TICKS, LANES, (URGENT, ROUTINE))
    start = (Placement(0, (0,)), Placement(1, (0,)))
    told: list[Stage] = []
    found = solve_plan(
        problem, work_limit=2.0, objective="lexicographic", start=start, time_limit=lambda: True, progress=told.append
    )
    assert found.ended == "stopped"
    assert reached(problem, found.plan) >= reached(problem, start)
    assert all(level.reached <= level.bound for level in found.levels)
    assert told and [one.work for one in told] == sorted(one.work for one in told)


def test_the_same_work_gives_the_same_plan() -> None:
    problem = random_problem(Random("twice"), requests=6)
    one, other = by_levels(problem), by_levels(problem)
    assert (one.plan, one.levels, one.stages) == (other.plan, other.levels, other.stages)


def test_penalties_have_no_level() -> None:
    problem = PlanProblem(TICKS, LANES, (URGENT,))
    with pytest.raises(InvalidInputError, match="part of the weighted objective only"):
        by_levels(replace(problem, penalties=(BackToBack(1),)))
