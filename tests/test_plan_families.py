"""Each constraint family alone: the solutions of its model are exactly the plans that keep its rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from math import prod

import pytest
from plan_draws import drawn
from slotwright.solver.capacity import Claim, blocked
from slotwright.solver.grid import places
from slotwright.solver.intervals import to_pairs
from slotwright.solver.plan import families
from slotwright.solver.plan.check import chosen_lanes
from slotwright.solver.plan.families import Draft
from slotwright.solver.plan.neighbourhood import read
from slotwright.solver.plan.part import Cutter, plan_of, shared_resources, standing
from slotwright.solver.plan.problem import Lane, Placement, Plan, PlanProblem
from slotwright.solver.plan.table import make_table
from slotwright.solver.profiles import ENUMERATE

Rule = Callable[[PlanProblem, Plan], bool]
SEEDS = range(12)
SMALL: dict[str, int] = {"requests": 3, "ticks": 5, "resources": 2}


def options(problem: PlanProblem, request: int) -> list[Placement | None]:
    """Every placement of a request that it may have in an empty plan, but for its actors; None first."""
    wanted = problem.requests[request]
    found: list[Placement | None] = [None]
    for tick in places(wanted.starts):
        free = [
            [place for place, choice in enumerate(role.choices) if problem.lanes[choice.lane].starts >> tick & 1]
            for role in wanted.roles
        ]
        ways = [[*one, *([] if role.absent is None else [None])] for one, role in zip(free, wanted.roles, strict=True)]
        found += (Placement(tick, choices) for choices in product(*ways))
    return found


def every_plan(problem: PlanProblem) -> list[Plan]:
    return list(product(*(options(problem, request) for request in range(len(problem.requests)))))


def solutions(problem: PlanProblem, family: Callable[[Draft], None]) -> set[Plan]:
    """All plans of a model with one start for each request, one choice for each role, and this family."""
    table = make_table(problem)
    empty = standing(table, (None,) * len(problem.requests))
    made = families.draft(Cutter(table).cut(empty, range(len(problem.requests))))
    families.one_start(made)
    families.one_choice(made)
    family(made)
    response = made.writer.solve(ENUMERATE)
    assert response.status in ("OPTIMAL", "FEASIBLE")
    return {plan_of(table, read(made, empty, values)) for values in response.solutions}


def visits(problem: PlanProblem, plan: Plan) -> list[tuple[int, int, Lane]]:
    """Of each lane used: the request, the minute of the start, the lane."""
    return [
        (request, problem.ticks[placement.tick], problem.lanes[lane])
        for request, placement in enumerate(plan)
        if placement is not None
        for lane in chosen_lanes(problem.requests[request], placement)
    ]


def anything(_problem: PlanProblem, _plan: Plan) -> bool:
    return True


def keeps_apart(problem: PlanProblem, plan: Plan) -> bool:
    """Visits with their buffers share no minute of a resource."""
    taken = [
        (lane.resource, minute)
        for _, at, lane in visits(problem, plan)
        for minute in range(at - lane.footprint.before, at + lane.footprint.reach)
    ]
    return len(set(taken)) == len(taken)


def is_admitted(problem: PlanProblem, plan: Plan) -> bool:
    """Whichever visit is booked last finds its time and its buffers' not blocked by all others."""
    found = visits(problem, plan)
    return all(_is_admitted(found[:last] + found[last + 1 :], found[last]) for last in range(len(found)))


def _is_admitted(others: Sequence[tuple[int, int, Lane]], last: tuple[int, int, Lane]) -> bool:
    _, at, lane = last
    claims = [
        Claim(low, high, "planned", tolerance=capacity)
        for _, start, other in others
        if other.resource == lane.resource
        for low, high, capacity in _pieces(start, other)
    ]
    claims += [Claim(one.start, one.end, "stored", one.tolerance) for one in lane.crowds for _ in range(one.size)]
    return not any(
        max(low, begin) < min(high, end)
        for low, high, capacity in _pieces(at, lane)
        for begin, end in to_pairs(blocked(claims, capacity))
    )


def _pieces(at: int, lane: Lane) -> list[tuple[int, int, int]]:
    foot, end = lane.footprint, at + lane.footprint.duration
    pieces = [(at - foot.before, at, 1), (at, end, lane.capacity), (end, end + foot.after, 1)]
    return [piece for piece in pieces if piece[0] < piece[1]]


def keeps_quotas(problem: PlanProblem, plan: Plan) -> bool:
    found = visits(problem, plan)
    return all(
        sum(other is lane and quota.start <= at < quota.end for _, at, other in found) <= quota.left
        for lane in problem.lanes
        for quota in lane.quotas
    )


def uses_actors_once(problem: PlanProblem, plan: Plan) -> bool:
    used = [(request, lane.actor) for request, _, lane in visits(problem, plan)]
    return len(set(used)) == len(used)


def keeps_links(problem: PlanProblem, plan: Plan) -> bool:
    for link in problem.links:
        first, then = plan[link.first], plan[link.then]
        if then is None:
            continue
        if first is None:
            return False
        begun = problem.ticks[first.tick]
        lane = problem.lanes[problem.requests[link.first].roles[0].choices[0].lane]
        gap = problem.ticks[then.tick] - begun - lane.footprint.duration
        if gap < link.least or (link.most is not None and gap > link.most):
            return False
        days = {sum(day <= at for day in link.days) for at in (begun, problem.ticks[then.tick])}
        if link.days and len(days) > 1:
            return False
    return True


def nothing(_made: Draft) -> None:
    """No family but one start and one choice."""


FAMILIES: dict[str, tuple[Callable[[Draft], None], Rule, dict[str, bool]]] = {
    "one start and one choice": (nothing, anything, {"optional": True}),
    "cliques": (families.no_overlap_by_cliques, keeps_apart, {}),
    "intervals": (families.no_overlap_by_intervals, keeps_apart, {}),
    "shared capacity": (families.shared_capacity, is_admitted, {"capacity": True}),
    "quotas": (families.quotas, keeps_quotas, {"quotas": True}),
    "actors": (families.actors_once, uses_actors_once, {"actors": True, "optional": True}),
    "links": (families.links, keeps_links, {"links": True}),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_the_solutions_are_the_plans_that_keep_the_rule(name: str) -> None:
    family, rule, features = FAMILIES[name]
    kept = broken = 0
    for seed in SEEDS:
        problem = drawn(seed, **SMALL, **features)  # pyright: ignore[reportArgumentType]
        if name == "shared capacity" and not shared_resources(problem).all():
            continue
        if prod(len(options(problem, request)) for request in range(3)) > 1000:
            continue
        plans = every_plan(problem)
        keeping = {plan for plan in plans if rule(problem, plan)}
        assert solutions(problem, family) == keeping, f"seed {seed}"
        kept += len(keeping)
        broken += len(plans) - len(keeping)
    assert kept > 100
    assert broken > 100 or rule is anything
