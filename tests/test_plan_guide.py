"""What prices say of entries: against the bound and the worth that plain arithmetic finds."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from plan_oracle import FEATURES, random_prices, random_problem
from slotwright.solver.availability import Footprint
from slotwright.solver.plan.check import bound
from slotwright.solver.plan.guide import guide
from slotwright.solver.plan.part import standing
from slotwright.solver.plan.problem import Choice, Lane, Placement, PlanProblem, PlanRequest, Point, Role
from slotwright.solver.plan.table import make_table


@pytest.mark.parametrize("features", [*((feature,) for feature in FEATURES), FEATURES])
def test_the_best_after_paying_makes_the_bound(features: tuple[str, ...]) -> None:
    for seed in range(15):
        draw = Random(f"guide {seed}")
        problem = random_problem(draw, *features)
        table = make_table(problem)
        for prices in random_prices(draw, problem):
            found = guide(table, prices)
            assert sum(point.price for point in prices) + found.best.sum() == pytest.approx(bound(problem, prices))
            assert (found.loss > -1e-6).all()


def test_losses_by_hand() -> None:
    # One resource at 10 for each of the minutes 0 to 9, and another that is free but liked less by 30.
    lanes = tuple(Lane(resource, resource, Footprint(5), 0b11) for resource in (0, 1))
    request = PlanRequest(100, 0b11, (Role((Choice(0), Choice(1, preference=30))),), lateness=(0, 20))
    problem = PlanProblem((0, 10), lanes, (request,))
    found = guide(make_table(problem), tuple(Point(0, minute, 10.0) for minute in range(5)))
    # At 0: 100 − 50 or 100 − 30; at 10: 100 − 20, or 50.
    assert found.best.tolist() == [80]
    assert found.loss.tolist() == [30, 10, 0, 30]
    table = make_table(problem)
    for tick, choice, loss in ((0, 0, 30), (0, 1, 10), (1, 0, 0), (1, 1, 30)):
        assert found.shares(standing(table, (Placement(tick, (choice,)),))).tolist() == [loss]
    assert found.shares(standing(table, (None,))).tolist() == [80]
    assert np.array_equal(guide(table, ()).loss, [0, 30, 20, 50])
