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


class StageClock:
    """How many seconds each stage took, of the first plan; and passes on what it is told."""

    def __init__(self, watch: Watch | None = None) -> None:
        self._watch = watch
        self._begun = time.monotonic()
        self._ended: dict[str, float] = {}
        self._is_over = False

    def __call__(self, stage: Any) -> None:
        names = list(self._ended)
        self._is_over = self._is_over or (stage.name in names[:-1])
        if not self._is_over:
            self._ended[stage.name] = time.monotonic() - self._begun
        if self._watch is not None:
            self._watch(stage)

    @property
    def seconds(self) -> dict[str, float]:
        """By stage; what came before the first counts as its own."""
        ends = [0.0, *self._ended.values()]
        return {name: round(end - ends[place], 3) for place, (name, end) in enumerate(self._ended.items())}


def default_work(requests: int) -> float:
    """The work limit where nobody gives one: seconds for a day's list, minutes for twenty thousand requests."""
    return min(5 + requests / 50, 600.0)


def planner(limits: Limits, watch: Watch | None = None) -> Solver:
    """A solver of problems within the limits; the seconds are those of all problems together, from now on."""
    from ...solver.plan.pipeline import solve_plan

    until = time.monotonic() + (math.inf if limits.seconds is None else limits.seconds)

    def solve(problem: PlanProblem, start: Plan | None) -> Solved:
        return solve_plan(
            problem,
            work_limit=default_work(len(problem.requests)) if limits.work is None else limits.work,
            seed=limits.seed,
            objective=limits.objective,
            start=start,
            time_limit=None if until == math.inf else lambda: time.monotonic() >= until,
            progress=watch,
        )

    return solve
