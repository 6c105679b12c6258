"""The planner's conscience against brute force: small problems, each feature alone, and all together."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest
from plan_oracle import (
    FEATURES,
    can_be_booked_in_any_order,
    optimum,
    options,
    random_prices,
    random_problem,
    sound_plans,
)
from slotwright.solver.plan.check import bound, faults, score
from slotwright.solver.plan.problem import Placement, PlanProblem, PlanRequest
from slotwright.solver.plan.validate import check_problem

EACH = [pytest.param((feature,), id=feature) for feature in FEATURES] + [pytest.param(FEATURES, id="all")]


@pytest.mark.parametrize("features", EACH)
def test_a_bound_is_never_below_the_best_plan(features: tuple[str, ...]) -> None:
    tight = 0
    for seed in range(1000):
        draw = Random(f"bound {seed}")
        problem = random_problem(draw, *features)
        check_problem(problem)
        best = optimum(problem)
        bounds = [bound(problem, prices) for prices in random_prices(draw, problem)]
        assert min(bounds) >= best, (seed, problem)
        tight += min(bounds) < best + 1
    # Bounds that are never tight would be valid for whatever reason.
    assert tight > 40


@pytest.mark.parametrize("features", EACH)
def test_a_plan_is_without_faults_exactly_if_brute_force_finds_it(features: tuple[str, ...]) -> None:
    for seed in range(60):
        draw = Random(f"faults {seed}")
        problem = random_problem(draw, *features)
        worths = {plan: worth for worth, plan in sound_plans(problem)}
        every = [_placements(problem, request) for request in problem.requests]
        for _ in range(60):
            plan = tuple(None if draw.randrange(4) == 0 else draw.choice(found) for found in every)
            assert (faults(problem, plan) == []) == (plan in worths), (seed, plan, problem)
        for plan, worth in worths.items():
            assert faults(problem, plan) == []
            found = score(problem, plan)
            assert found.total == worth == found.terms.total
            assert found.total == sum(terms.total for terms in found.requests if terms is not None)
            assert [terms is None for terms in found.requests] == [placement is None for placement in plan]


@pytest.mark.parametrize("feature", ["capacity", "quotas", "patients", "actors"])
def test_a_plan_is_without_faults_exactly_if_it_can_be_booked_in_any_order(feature: str) -> None:
    sound = 0
    for seed in range(150):
        draw = Random(f"order {seed}")
        problem = random_problem(draw, feature, requests=4)
        every = [options(problem, request) for request in problem.requests]
        for _ in range(6):
            plan = tuple(draw.choice(found).placement if found else None for found in every)
            expected = can_be_booked_in_any_order(problem, plan)
            assert (faults(problem, plan) == []) == expected, (seed, plan, problem)
            sound += expected
    assert 50 < sound < 850


def _placements(problem: PlanProblem, request: PlanRequest) -> list[Placement]:
    """Every start near the request's with every choice, sound alone or not."""
    ticks = [tick for tick in range(len(problem.ticks)) if (request.starts | request.starts >> 1) >> tick & 1]
    choices = product(*([*range(len(role.choices)), None] for role in request.roles))
    return [Placement(tick, chosen) for tick, chosen in product(ticks, choices)]
