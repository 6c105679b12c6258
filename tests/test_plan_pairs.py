"""Penalties on pairs of visits: what they count, what the search believes they cost, and what it finds."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from slotwright.solver.availability import Footprint
from slotwright.solver.errors import InvalidInputError
from slotwright.solver.plan import check, pairs, pairs_search
from slotwright.solver.plan.penalties import (
    BackToBack,
    ChangeOfPlace,
    InvitedOverlap,
    Overlap,
    Penalty,
    Visit,
    charges,
    named,
    visits_of,
)
from slotwright.solver.plan.pipeline import solve_plan
from slotwright.solver.plan.problem import Choice, Lane, Link, Placement, Plan, PlanProblem, PlanRequest, Quota, Role

PLACES = frozenset((100, 101))
SETS = (
    Overlap(3, unit=5),
    InvitedOverlap(2, "medium", unit=5),
    BackToBack(7),
    ChangeOfPlace(4, within=20, places=PLACES),
)


def visit(start: int, end: int, actors: tuple[int, ...] = (), invited: tuple[int, ...] = ()) -> Visit:
    return Visit(start, end, frozenset(actors), frozenset(invited))


# What the families count


def test_overlap_counts_units_begun() -> None:
    one = visit(0, 60)
    for start, units in ((60, 0), (59, 1), (45, 1), (44, 2), (0, 4), (-60, 0), (-46, 1)):
        other = visit(start, start + 60)
        assert Overlap(1, unit=15).count(one, other) == Overlap(1, unit=15).count(other, one) == units


def test_invited_overlap_counts_whom_either_only_invites() -> None:
    one, other = visit(0, 30, (1, 2), (3, 4)), visit(20, 60, (1, 3), (2, 4, 5))
    # 2, 3 and 4 are invited by one or the other or both; 1 is in conflict, and 5 in one visit alone.
    assert InvitedOverlap(1, unit=5).count(one, other) == InvitedOverlap(1, unit=5).count(other, one) == 3 * 2


def test_back_to_back_is_the_same_minute() -> None:
    assert [BackToBack(1).count(visit(0, 30), visit(at, at + 30)) for at in (29, 30, 31, -29, -30, -31)] == [
        0, 1, 0, 0, 1, 0,
    ]  # fmt: skip


def test_change_of_place_counts_people_between_two_places() -> None:
    family = ChangeOfPlace(1, within=20, places=PLACES)
    here = visit(0, 30, (100, 1), (2, 3))
    for at, count in ((0, 0), (1, 2), (30, 2), (50, 2), (51, 0), (-1, 2), (-50, 2), (-51, 0)):
        assert family.count(here, visit(at, at + 30, (101, 1, 2))) == count
        assert family.count(visit(at, at + 30, (101, 1, 2)), here) == count
        assert family.count(here, visit(at, at + 30, (100, 1, 2))) == 0
        assert family.count(here, visit(at, at + 30, (1, 2))) == 0


def test_penalties_by_name() -> None:
    assert named("overlap", 10, unit=15) == Overlap(10, unit=15)
    assert named("invited-overlap", 1, level="medium") == InvitedOverlap(1, "medium")
    assert named("back-to-back", 100) == BackToBack(100)
    assert named("change-of-place", 1, within=30, places=(7, 8)) == ChangeOfPlace(1, "soft", 30, frozenset((7, 8)))
    for wrong in (("overlaps", 1, 1), ("overlap", -1, 1), ("overlap", 1, 0)):
        with pytest.raises(ValueError, match=r"overlaps|-1|0"):
            named(wrong[0], wrong[1], unit=wrong[2])


# What the search believes


def drawn(seed: int, penalties: tuple[Penalty, ...] = SETS, *, requests: int = 6, ticks: int = 14) -> PlanProblem:
    """Visits with buffers, two places of which some need one, people required, wanted and invited; a hole in time."""
    draw = random.Random(f"pairs {seed}")
    axis = tuple(5 * place + (35 if place >= ticks // 2 else 0) for place in range(ticks))
    lanes: list[Lane] = []

    def lane(resource: int, foot: Footprint) -> Choice:
        starts = sum(1 << place for place in range(ticks) if draw.random() < 0.8)
        lanes.append(Lane(resource, resource, foot, starts))
        return Choice(len(lanes) - 1, draw.choice((0, 0, 3)), draw.choice((0, 0, 2)))

    def request() -> PlanRequest:
        foot = Footprint(draw.choice((5, 10, 20, 35)), draw.choice((0, 0, 5)), draw.choice((0, 0, 10)))
        roles = [Role(tuple(lane(place, foot) for place in sorted(PLACES)))] if draw.random() < 0.8 else []
        people = draw.sample(range(6), 5)
        roles.append(Role((lane(people[0], foot),)))
        roles.append(Role((lane(people[0], foot), lane(people[1], foot)), draw.choice((None, 9))))
        starts = sum(1 << place for place in range(ticks) if draw.random() < 0.9)
        costs = [draw.randrange(9) for _ in range(starts.bit_count())]
        return PlanRequest(1000, starts, tuple(roles), lateness=costs, invited=frozenset(people[2:4]))

    wanted = tuple(request() for _ in range(requests))
    return PlanProblem(axis, tuple(lanes), wanted, penalties=penalties)


def anywhere(made: pairs.Layout, draw: random.Random, *, some: bool = False) -> tuple[list[int], list[int]]:
    """A node and a start that it may have for each request; with `some`, not for all."""
    nodes: list[int] = []
    starts: list[int] = []
    for request, own in enumerate(made.own):
        allowed = np.argwhere(np.isfinite(own)).tolist()
        row, start = draw.choice(allowed)
        nodes.append(made.pointer[request] + row)
        starts.append(-1 if some and draw.random() < 0.2 else start)
    return nodes, starts


def taken_twice(problem: PlanProblem, plan: Plan) -> int:
    """Minutes of resources that two visits share with their buffers, counted minute by minute for every two."""
    taken: dict[int, list[set[int]]] = {}
    for request, placement in zip(problem.requests, plan, strict=True):
        for role, choice in zip(request.roles, placement.choices if placement else (), strict=bool(placement)):
            if placement is not None and choice is not None:
                lane = problem.lanes[role.choices[choice].lane]
                at = problem.ticks[placement.tick]
                minutes = range(at - lane.footprint.before, at + lane.footprint.reach)
                taken.setdefault(lane.resource, []).append(set(minutes))
    return sum(len(one & other) for sets in taken.values() for place, one in enumerate(sets) for other in sets[:place])


@pytest.mark.parametrize("seed", range(12))
def test_costs_of_a_plan_are_those_of_the_check(seed: int) -> None:
    problem = drawn(seed)
    made = pairs.layout(problem)
    draw = random.Random(seed)
    for _ in range(10):
        nodes, starts = anywhere(made, draw, some=True)
        plan = made.plan(nodes, starts)
        hard, medium, soft = made.levels(nodes, starts)
        score = check.score(problem, plan)
        assert hard * 5 == taken_twice(problem, plan)
        assert medium == score.medium
        assert soft == pytest.approx(score.terms.weight - score.total)
        served = [place for place, start in enumerate(starts) if start >= 0]
        found = made.find(plan)
        assert [(found[0][place], found[1][place]) for place in served] == [
            (nodes[place], starts[place]) for place in served
        ]


@pytest.mark.parametrize("family", [*SETS, None], ids=lambda one: one.name if one else "none")
@pytest.mark.parametrize("seed", range(3))
def test_every_place_of_a_visit_costs_what_moving_it_there_does(seed: int, family: Penalty | None) -> None:
    problem = drawn(seed, (family,) if family else ())
    made = pairs.layout(problem)
    draw = random.Random(seed)
    weights = (50.0, 10.0, 1.0)
    field = pairs.Field(made, (1, 1, 1))

    def total() -> float:
        return float(np.dot(made.levels(field.nodes, field.starts), weights))

    for request, (node, start) in enumerate(zip(*anywhere(made, draw), strict=True)):
        field.place(request, node, start)
    field.weigh(weights)
    for request in range(len(problem.requests)):
        field.place(request, field.nodes[request], -1)
        without = total()
        costs = field.costs(request).copy()
        allowed = np.isfinite(made.own[request])
        assert (costs[~allowed] >= pairs.FORBIDDEN).all()
        for row, start in np.argwhere(allowed).tolist():
            field.place(request, made.pointer[request] + row, start)
            assert costs[row, start] == pytest.approx(
                (total() - without) * pairs.FINE, abs=0.51 * len(problem.requests)
            )
        # Once more, now beside itself: a visit is no obstacle to its own moves.
        assert (field.costs(request)[allowed] == costs[allowed]).all()


# What the search finds


def best(problem: PlanProblem) -> tuple[int, int, int]:
    """Most weight, then least medium, then most worth, by trying all plans."""
    options: list[list[Placement | None]] = []
    for request in problem.requests:
        choices = product(*(range(len(role.choices)) for role in request.roles))
        options.append([None, *(Placement(*one) for one in product(range(len(problem.ticks)), choices))])
    found = [
        (score.terms.weight, -score.medium, score.total)
        for plan in product(*options)
        if not check.faults(problem, plan)
        for score in (check.score(problem, plan),)
    ]
    return max(found)


def tiny(seed: int) -> PlanProblem:
    draw = random.Random(f"tiny {seed}")
    foot = Footprint(10)
    lanes = tuple(Lane(one, one, foot, 0b1111) for one in (100, 101, 1, 2))

    def request() -> PlanRequest:
        rooms = Role((Choice(0), Choice(1, 2)))
        person = draw.choice((2, 3))
        lateness = [draw.randrange(9) for _ in range(4)]
        return PlanRequest(
            1000, 0b1111, (rooms, Role((Choice(person),))), lateness, invited=frozenset((5 - person - 1,))
        )

    return PlanProblem((0, 5, 10, 20), lanes, tuple(request() for _ in range(3)), penalties=SETS)


@pytest.mark.parametrize("seed", range(3))
def test_small_problems_are_solved_to_the_best(seed: int) -> None:
    problem = tiny(seed)
    outcome = pairs_search.search(problem, steps=8192, seed=1)
    assert check.faults(problem, outcome.plan) == []
    score = check.score(problem, outcome.plan)
    assert (score.terms.weight, -score.medium, score.total) == best(problem)
    assert outcome.medium == score.medium and outcome.steps <= 8192 and not outcome.stopped


def test_seed_and_steps_decide_the_plan() -> None:
    problem = drawn(3, requests=14)
    plans = [pairs_search.search(problem, steps=4096, seed=seed).plan for seed in (5, 5, 6)]
    again = pairs_search.search(problem, steps=4096, seed=5, stop=lambda: False)
    assert plans[0] == plans[1] == again.plan != plans[2]


def test_a_stop_keeps_a_sound_plan() -> None:
    problem = drawn(4, requests=10)
    left = iter(range(6))
    outcome = pairs_search.search(problem, steps=10**9, seed=1, stop=lambda: next(left, None) is None)
    assert outcome.stopped and outcome.steps == 6 * pairs_search.BLOCK
    assert check.faults(problem, outcome.plan) == []


def test_a_good_start_is_kept() -> None:
    problem = drawn(5, requests=10)
    good = pairs_search.search(problem, steps=8192, seed=2)
    kept = pairs_search.search(problem, steps=0, seed=3, start=good.plan)
    assert (kept.medium, kept.soft) <= (good.medium, good.soft)
    assert sum(one is not None for one in kept.plan) >= sum(one is not None for one in good.plan)


def test_what_does_not_fit_or_does_not_pay_is_left_out() -> None:
    lanes = (Lane(0, 0, Footprint(10), 0b11), Lane(1, 1, Footprint(10), 0b11))
    one = PlanRequest(5, 0b11, (Role((Choice(0),)),))
    crowded = PlanProblem((0, 5), lanes, (replace(one, weight=9), one, replace(one, starts=0)))
    plan = pairs_search.search(crowded, steps=512, seed=0).plan
    assert plan[0] is not None and plan[1:] == (None, None)
    # Side by side they overlap five minutes or more, which costs more than the lesser is worth.
    beside = PlanRequest(4, 0b11, (Role((Choice(1),)),))
    costly = PlanProblem((0, 5), lanes, (one, beside), penalties=(Overlap(1),))
    assert [place is not None for place in pairs_search.search(costly, steps=512, seed=0).plan] == [True, False]


def test_what_is_not_planned_together_with_penalties_is_said() -> None:
    problem = tiny(0)
    lane = problem.lanes[0]
    for changed, words in (
        (replace(problem, links=(Link(0, 1),)), "follow others"),
        (replace(problem, lanes=(replace(lane, capacity=2), *problem.lanes[1:])), "Lane 0 has capacity 2"),
        (replace(problem, lanes=(replace(lane, quotas=(Quota(0, 9, 1),)), *problem.lanes[1:])), "booking limit"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            pairs_search.search(changed, steps=1, seed=0)


def test_visits_know_who_attends() -> None:
    problem = tiny(1)
    seen = visits_of(problem, (Placement(1, (1, 0)), None, None))
    person = problem.lanes[problem.requests[0].roles[1].choices[0].lane].actor
    assert seen == [Visit(5, 15, frozenset((101, person)), problem.requests[0].invited - {person}), None, None]


def test_the_pipeline_plans_by_penalties_and_keeps_its_bound() -> None:
    problem = drawn(7, requests=10)
    result = solve_plan(problem, work_limit=0.3, seed=1)
    assert [stage.name for stage in result.stages][-1] == "pairs"
    assert check.faults(problem, result.plan) == [] and result.objective <= result.bound
    # Greedy sees no pairs.
    assert result.served == 10
    greedy = solve_plan(replace(problem, penalties=()), work_limit=0.3, seed=1)
    ours, theirs = check.score(problem, result.plan), check.score(problem, greedy.plan)
    assert (ours.terms.weight, -ours.medium, ours.total) > (theirs.terms.weight, -theirs.medium, theirs.total)
    assert solve_plan(problem, work_limit=0.3, seed=1).plan == result.plan


@pytest.mark.parametrize("blocks", [0, 3, 400])
def test_an_interruption_tells_the_best_so_far(blocks: int) -> None:
    problem = drawn(8, requests=6)
    told: list[pairs_search.Outcome] = []
    left = iter(range(blocks))

    def interrupt() -> bool:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        pairs_search.search(problem, steps=pairs_search.BLOCK * 450, seed=1, stop=interrupt, progress=told.append)
    assert len(told) == 1 if blocks < 300 else len(told) > 1
    assert all(check.faults(problem, one.plan) == [] for one in told)
    assert told[-1].steps == blocks * pairs_search.BLOCK
    costs = [(one.medium, one.soft) for one in told]
    assert costs == sorted(costs, reverse=True)


def test_the_example_of_the_documentation_plans_without_a_charge() -> None:
    text = (Path(__file__).parent.parent / "docs" / "penalties.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    exec(text.split("```python\n")[1].split("```")[0], names)
    # The only two starts of which neither overlaps nor touches are the first and the last.
    assert {placement.tick for placement in names["result"].plan} == {0, 4}
    assert all(charge.cost == 0 for charge in charges(names["problem"], names["result"].plan))
