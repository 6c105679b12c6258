"""A part of a plan, free beside what is fixed: the best that brute force finds, in every formulation."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import product
from math import prod

import pytest
from plan_draws import drawn
from slotwright.solver.errors import SolverFaultError
from slotwright.solver.model import Response
from slotwright.solver.plan.check import faults, score
from slotwright.solver.plan.families import Formulation
from slotwright.solver.plan.neighbourhood import moved, worth, write
from slotwright.solver.plan.part import Cutter, Part, Standing, plan_of, standing
from slotwright.solver.plan.problem import Placement, Plan, PlanProblem
from slotwright.solver.plan.table import make_table
from slotwright.solver.profiles import PROOF
from test_plan_families import options

FEATURES = ("capacity", "quotas", "links", "optional", "actors")
FORMULATIONS: tuple[Formulation, ...] = ("cliques", "intervals", "both")


def every_feature(seed: int) -> PlanProblem:
    return drawn(seed, requests=5, ticks=6, **dict.fromkeys(FEATURES, True))  # pyright: ignore[reportArgumentType]


def sound_plan(problem: PlanProblem, seed: int) -> Plan:
    """Requests one after the other at random places where they fit."""
    draw = random.Random(seed)
    plan: list[Placement | None] = [None] * len(problem.requests)
    for request in range(len(plan)):
        found = options(problem, request)
        draw.shuffle(found)
        for one in found[:3]:
            plan[request] = one
            if not faults(problem, tuple(plan)):
                break
            plan[request] = None
    return tuple(plan)


def best(problem: PlanProblem, plan: Plan, free: Sequence[int]) -> int:
    """The most that a sound plan is worth in which only these requests stand elsewhere than in `plan`."""
    ways = [options(problem, request) if request in free else [plan[request]] for request in range(len(plan))]
    found = sorted(product(*ways), key=lambda one: -score(problem, one).total)
    return next(score(problem, one).total for one in found if not faults(problem, one))


def improved(problem: PlanProblem, plan: Plan, free: Sequence[int], formulation: Formulation) -> Plan:
    table = make_table(problem)
    found = standing(table, plan)
    neighbourhood = write(Cutter(table).cut(found, free), found, formulation)
    response = neighbourhood.writer.solve(PROOF)
    assert response.status == "OPTIMAL"
    return plan_of(table, moved(neighbourhood, found, response))


def test_a_part_is_solved_to_the_best_beside_what_is_fixed() -> None:
    tried = gains = 0
    for seed in range(60):
        problem = every_feature(seed)
        plan = sound_plan(problem, seed)
        draw = random.Random(seed)
        free = draw.sample(range(len(plan)), draw.randint(1, 3))
        if prod(len(options(problem, request)) for request in free) > 2000:
            continue
        wanted = best(problem, plan, free)
        for formulation in FORMULATIONS:
            found = improved(problem, plan, free, formulation)
            assert faults(problem, found) == []
            assert score(problem, found).total == wanted, f"seed {seed}, {formulation}"
            assert all(one == other for place, (one, other) in enumerate(zip(plan, found)) if place not in free)
        tried += 1
        gains += wanted > score(problem, plan).total
    assert tried > 40
    assert gains > 20


def test_two_parts_that_are_apart_may_both_change() -> None:
    changes = 0
    for seed in range(60):
        problem = every_feature(seed)
        table = make_table(problem)
        found = standing(table, sound_plan(problem, seed))
        cutter = Cutter(table)
        requests = random.Random(seed).sample(range(5), 5)
        one = cutter.cut(found, requests[:2])
        other = cutter.cut(found, requests[2:], apart=one)
        assert not set(one.requests.tolist()) & set(other.requests.tolist())
        assert not (one.cells & other.cells).any()
        assert not one.quota_lanes & other.quota_lanes
        after = [_solved(part, found) for part in (one, other)]
        both = after[0]
        for request in other.requests.tolist():
            both.pair[request] = after[1].pair[request]
            row = slice(*found.roles[request : request + 2].tolist())
            both.entry[row] = after[1].entry[row]
        plan = plan_of(table, both)
        assert faults(problem, plan) == []
        gained = sum(worth(part, new) - worth(part, found) for part, new in zip((one, other), after, strict=True))
        assert score(problem, plan).total - score(problem, plan_of(table, found)).total == gained
        changes += (after[0].pair != found.pair).any() and (after[1].pair != found.pair).any()
    assert changes > 5


def _solved(part: Part, found: Standing) -> Standing:
    neighbourhood = write(part, found)
    return moved(neighbourhood, found, neighbourhood.writer.solve(PROOF))


def test_a_plan_that_the_table_does_not_have_is_refused() -> None:
    problem = every_feature(0)
    table = make_table(problem)
    plan = sound_plan(problem, 0)
    place = next(number for number, one in enumerate(plan) if one is not None)
    elsewhere = next(tick for tick in range(6) if not problem.requests[place].starts >> tick & 1)
    wrong = Placement(elsewhere, plan[place].choices)  # pyright: ignore[reportOptionalMemberAccess]
    with pytest.raises(
        SolverFaultError, match=f"Request {place} is placed at tick {elsewhere}, where it may not start"
    ):
        standing(table, (*plan[:place], wrong, *plan[place + 1 :]))


def answer(**fields: object) -> Response:
    given: dict[str, object] = {
        "status": "OPTIMAL",
        "values": [],
        "objective": 0.0,
        "bound": 0.0,
        "tightened": [],
        "solutions": [],
    }
    return Response(**{**given, "deterministic_time": 0.0, **fields})  # pyright: ignore[reportArgumentType]


def test_answers_that_arithmetic_refutes_are_faults() -> None:
    problem = drawn(3)
    table = make_table(problem)
    found = standing(table, sound_plan(problem, 3))
    neighbourhood = write(Cutter(table).cut(found, range(5)), found)
    stood = worth(neighbourhood.made.part, found)
    assert stood > 0
    with pytest.raises(SolverFaultError, match="INFEASIBLE to a part of a plan that is feasible"):
        moved(neighbourhood, found, answer(status="INFEASIBLE"))
    with pytest.raises(SolverFaultError, match="as optimal where"):
        moved(neighbourhood, found, answer(objective=stood - 1.0))
    size = neighbourhood.writer.size
    with pytest.raises(SolverFaultError, match=r"with values that earn 0"):
        moved(neighbourhood, found, answer(objective=stood + 1.0, values=[0] * size))
    with pytest.raises(SolverFaultError, match="two starts of one request"):
        moved(neighbourhood, found, answer(objective=stood + 1.0, values=[1] * size))
    assert moved(neighbourhood, found, answer(status="UNKNOWN")) is found
