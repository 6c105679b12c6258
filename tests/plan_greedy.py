"""The plainest planner there is, as an oracle for what stands around planners: request by request, start by start."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from slotwright.solver.grid import places
from slotwright.solver.plan import check
from slotwright.solver.plan.problem import Placement, Plan, PlanProblem


@dataclass(frozen=True)
class Greedy:
    """What it answers; it proves nothing."""

    plan: Plan
    objective: int
    bound: float = 1e12
    priced: float = 1e12
    work: float = 0.0
    is_optimal: bool = False
    ended: str = "work"
    stages: tuple[()] = ()
    levels: tuple[()] = ()


def greedy(problem: PlanProblem, start: Plan | None = None) -> Greedy:
    """Bookings where they stand first; then each request, heaviest first, where it is worth most."""
    plan = list(start or [None] * len(problem.requests))
    order = sorted(range(len(plan)), key=lambda one: (-problem.requests[one].weight, one))
    for _ in range(2):  # a second time for requests that come after one that was placed later
        for place in order:
            if plan[place] is None:
                plan[place] = _best(problem, plan, place)
    return Greedy(tuple(plan), check.score(problem, tuple(plan)).total)


def _best(problem: PlanProblem, plan: list[Placement | None], place: int) -> Placement | None:
    request = problem.requests[place]
    found: Placement | None = None
    best = 0
    for tick in places(request.starts):
        roles = [[*range(len(role.choices)), *([None] if role.absent is not None else [])] for role in request.roles]
        for choices in product(*roles):
            tried = [*plan[:place], Placement(tick, choices), *plan[place + 1 :]]
            if check.faults(problem, tuple(tried)):
                continue
            worth = check.score(problem, tuple(tried)).requests[place]
            assert worth is not None
            if found is None or worth.total > best:
                found, best = tried[place], worth.total
    return found
