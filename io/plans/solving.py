"""The planner with its limits: what `solver.plan.pipeline` needs of the clock, and who watches."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from ...solver.plan.problem import Objective, Plan, PlanProblem
from .planning import Solved, Solver

Watch = Callable[[Any], None]


class Limits(NamedTuple):
    """What decides the result (`work`, `seed`, `objective`), and what only guards it (`seconds` of the clock)."""

    work: float | None = None
    seconds: float | None = None
    seed: int = 0
    objective: Objective = "weighted"


def planner(limits: Limits, watch: Watch | None = None) -> Solver:
    """A solver of problems within the limits; the seconds are those of all problems together, from now on."""
    from ...solver.plan.pipeline import WORK_LIMIT, solve_plan

    until = time.monotonic() + (math.inf if limits.seconds is None else limits.seconds)

    def solve(problem: PlanProblem, start: Plan | None) -> Solved:
        return solve_plan(
            problem,
            work_limit=WORK_LIMIT if limits.work is None else limits.work,
            time_limit=None if until == math.inf else lambda: time.monotonic() >= until,
            seed=limits.seed,
            objective=limits.objective,
            start=start,
            progress=watch,
        )

    return solve
