"""The planner as a whole: rules, bounds, limits, what stops it, and that nothing but its input decides."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from types import ModuleType
from typing import Any

import pytest
from instances import plan_instance
from plan_draws import drawn
from plan_oracle import FEATURES, optimum, random_problem
from plans import problem as reference
from slotwright.solver.availability import Footprint
from slotwright.solver.errors import InvalidInputError
from slotwright.solver.plan import check, lexicographic, pipeline
from slotwright.solver.plan.arena import whole
from slotwright.solver.plan.greedy import greedy
from slotwright.solver.plan.pipeline import Stage, gap, solve_plan
from slotwright.solver.plan.prices import Priced
from slotwright.solver.plan.problem import Choice, Lane, Objective, Placement, PlanProblem, PlanRequest, Role
from slotwright.solver.plan.prove import bound
from slotwright.solver.plan.state import State
from slotwright.solver.plan.table import make_table


@pytest.fixture(scope="module")
def two_hundred() -> PlanProblem:
    return reference(plan_instance(200, 0.95, 1))


def greedy_worth(problem: PlanProblem) -> int:
    state = State(whole(make_table(problem)))
    greedy(state)
    return state.value


@pytest.mark.parametrize("feature", FEATURES)
def test_plans_are_sound_and_lie_between_greedy_and_the_bound(feature: str) -> None:
    for seed in range(5):
        problem = random_problem(Random(seed), feature, requests=4)
        result = solve_plan(problem, work_limit=0.2, seed=seed)
        assert check.faults(problem, result.plan) == []
        assert result.objective == check.score(problem, result.plan).total
        assert greedy_worth(problem) <= result.objective <= optimum(problem) <= result.bound
        assert result.bound == bound(problem, result.prices, result.proofs)


@pytest.mark.parametrize("feature", FEATURES)
def test_a_bound_holds_at_every_stage_and_none_is_as_a_solver_says_it(
    feature: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lower = pipeline.lower_prices

    def boasting(*given: Any) -> Priced:
        return lower(*given)._replace(bound=0.5)

    monkeypatch.setattr(pipeline, "lower_prices", boasting)
    for seed in range(5):
        problem = random_problem(Random(seed), feature, requests=4)
        told: list[Stage] = []
        result = solve_plan(problem, work_limit=0.2, seed=seed, progress=told.append)
        bounds = [stage.bound for stage in told if stage.bound is not None]
        assert len(bounds) >= len(told) - 1
        assert optimum(problem) <= min(bounds, default=result.bound) == result.bound


def test_many_who_want_the_same_are_bounded_by_prices() -> None:
    """Forty fit, and three hundred ask: with large steps all of them run from each minute that gets dearer."""
    ticks = tuple(range(0, 400, 10))
    everywhere = (1 << len(ticks)) - 1
    lane = Lane(0, 0, Footprint(10), everywhere)
    request = PlanRequest(100, everywhere, (Role((Choice(0),)),))
    result = solve_plan(PlanProblem(ticks, (lane,), (request,) * 300), work_limit=2)
    assert result.objective == 4000
    assert result.priced < 5000


def test_what_rests_on_the_solver_is_told_apart() -> None:
    lanes = tuple(Lane(number, number, Footprint(10), 1) for number in range(6))

    def both(one: int, other: int) -> PlanRequest:
        return PlanRequest(100, 1, (Role((Choice(one),)), Role((Choice(other),))))

    # Of three that collide pairwise one is served; half of each would take no more than there is.
    three = PlanProblem((0,), lanes, (both(0, 1), both(1, 2), both(0, 2)))
    result = solve_plan(three, work_limit=0.5)
    assert (result.objective, result.bound, result.is_optimal) == (100, 100, True)
    assert result.priced == check.bound(three, result.prices) >= 150
    alone = solve_plan(replace(three, requests=three.requests[:1]), work_limit=0.5)
    assert 100 <= alone.priced < 101

    twice = replace(three, requests=(*three.requests, both(3, 4), both(4, 5), both(3, 5)))
    for problem, served, is_solvers in ((three, 1, False), (twice, 2, True)):
        # Whole numbers: three halves served are one, but six are three.
        level = solve_plan(problem, work_limit=2, objective="lexicographic").levels[0]
        assert (level.reached, level.bound, level.is_solvers) == (served, served, is_solvers)


@pytest.mark.parametrize("seed", range(6))
def test_all_features_at_once(seed: int) -> None:
    problem = drawn(seed, requests=20, ticks=16, capacity=True, quotas=True, links=True, optional=True, actors=True)
    result = solve_plan(problem, work_limit=0.3, seed=1)
    assert check.faults(problem, result.plan) == []
    assert greedy_worth(problem) <= result.objective <= result.bound


def test_a_reference_instance_is_planned_well(two_hundred: PlanProblem) -> None:
    result = solve_plan(two_hundred, work_limit=2, seed=1)
    assert result.gap < 0.02
    assert greedy_worth(two_hundred) < 0.95 * result.objective
    assert [stage.objective for stage in result.stages] == sorted(stage.objective for stage in result.stages)
    assert result.served == result.stages[-1].served


def test_the_same_input_seed_and_limit_give_the_same_plan() -> None:
    """With all stages up to CP-SAT's; a guard that never stops anything changes nothing."""
    problem = reference(plan_instance(1000, 0.95, 1))
    asked: list[int] = []

    def never() -> bool:
        asked.append(1)
        return False

    first = solve_plan(problem, work_limit=1.5, seed=7)
    again = solve_plan(problem, work_limit=1.5, seed=7, time_limit=never)
    assert asked
    assert again == first
    assert {stage.name for stage in first.stages} >= {"greedy", "prices", "dive", "ejection", "proof", "bound"}
    assert first.ended == "work"


def test_a_small_component_is_proven_optimal(two_hundred: PlanProblem) -> None:
    result = solve_plan(two_hundred, work_limit=3, seed=1)
    assert [proof.status for proof in result.proofs] == ["OPTIMAL"]
    assert result.bound == result.objective
    assert result.is_optimal
    assert result.ended == "done"
    assert check.bound(two_hundred, result.prices) >= result.bound


def test_more_work_is_not_worse(two_hundred: PlanProblem) -> None:
    worths = [solve_plan(two_hundred, work_limit=limit, seed=3).objective for limit in (0, 0.1, 2)]
    assert worths == sorted(worths)
    assert worths[0] == greedy_worth(two_hundred)


def test_a_start_is_never_lost(two_hundred: PlanProblem) -> None:
    good = solve_plan(two_hundred, work_limit=1, seed=1)
    for limit in (0, 0.2):
        result = solve_plan(two_hundred, work_limit=limit, seed=2, start=good.plan)
        assert result.objective >= good.objective


def test_a_start_that_has_become_impossible_is_used_as_far_as_it_goes() -> None:
    lane = Lane(0, 0, Footprint(10), 0b11)
    request = PlanRequest(9, 0b11, (Role((Choice(0),)),))
    problem = PlanProblem((0, 5), (lane,), (request, request))
    result = solve_plan(problem, work_limit=0.1, start=(None, Placement(1, (0,))))
    assert result.objective == 9
    both = (Placement(0, (0,)), Placement(1, (0,)))
    assert solve_plan(problem, work_limit=0.1, start=both).objective == 9


def test_a_guard_stops_the_run_and_the_plan_so_far_stays(two_hundred: PlanProblem) -> None:
    result = solve_plan(two_hundred, work_limit=50, seed=1, time_limit=lambda: True)
    assert result.ended == "stopped"
    assert result.objective >= greedy_worth(two_hundred)
    assert check.faults(two_hundred, result.plan) == []


@pytest.mark.parametrize("at", ["greedy", "prices", "dive"])
def test_ctrl_c_keeps_the_best_plan_so_far(two_hundred: PlanProblem, at: str) -> None:
    told: list[Stage] = []

    def interrupt(stage: Stage) -> None:
        told.append(stage)
        if stage.name == at:
            raise KeyboardInterrupt

    result = solve_plan(two_hundred, work_limit=5, seed=1, progress=interrupt)
    assert result.ended == "interrupted"
    assert result.objective == told[-1].objective
    assert check.faults(two_hundred, result.plan) == []
    assert result.bound >= result.objective


@pytest.mark.parametrize(
    ("objective", "module", "name"),
    [
        ("weighted", pipeline, "PlanResult"),
        ("lexicographic", lexicographic, "loads"),
        ("lexicographic", lexicographic, "bound_levels"),
    ],
)
def test_ctrl_c_outside_the_stages_keeps_the_plan_too(
    objective: Objective, module: ModuleType, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = random_problem(Random(1), "pools", requests=4)
    whole_run = solve_plan(problem, work_limit=0.2, objective=objective)
    assert whole_run.served
    original = getattr(module, name)
    # Loads are asked for before the first pass and again after it: then there is a plan to keep.
    when = [False, True] if name == "loads" else [True]

    def interrupted(*given: Any, **named: Any) -> Any:
        if when and when.pop(0):
            raise KeyboardInterrupt
        return original(*given, **named)

    monkeypatch.setattr(module, name, interrupted)
    result = solve_plan(problem, work_limit=0.2, objective=objective)
    assert result.ended == "interrupted"
    assert result.served == whole_run.served
    assert result.bound >= result.objective


@pytest.mark.parametrize("objective", ["weighted", "lexicographic"])
def test_a_problem_that_is_not_well_formed_is_refused_before_any_work(objective: Objective) -> None:
    request = PlanRequest(-5, 1, (Role((Choice(0),)),))
    problem = PlanProblem((0,), (Lane(0, 0, Footprint(10), 1),), (request,))
    with pytest.raises(InvalidInputError, match="Request 0: weight -5 and priority 0 must not be negative"):
        solve_plan(problem, work_limit=1, objective=objective)


def test_nothing_to_plan() -> None:
    for problem in (
        PlanProblem((), (), ()),
        PlanProblem((0,), (Lane(0, 0, Footprint(10), 0),), (PlanRequest(5, 1, (Role((Choice(0),)),)),)),
    ):
        result = solve_plan(problem, work_limit=1)
        assert (result.plan, result.objective, result.bound, result.ended) == (
            (None,) * len(problem.requests),
            0,
            0,
            "done",
        )
        assert result.gap == 0
        assert result.is_optimal


def test_gap_is_a_share_of_the_bound() -> None:
    assert gap(90, 100.0) == 0.1
    assert gap(0, 0.0) == 0
    assert gap(100, 100.0 - 1e-12) == 0
