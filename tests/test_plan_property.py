"""Whatever a plan shows, `$book` accepts, in any order; and what one request may have is what `$find` offers."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from oracle import find_all
from plan_greedy import Greedy
from plan_support import minute
from slotwright.io import invoke, open_calendar, open_ledger
from slotwright.io.plans.planning import Settings, make_plan
from slotwright.io.plans.visits import proposal
from slotwright.solver.grid import places
from slotwright.solver.plan import check
from slotwright.solver.plan.problem import Placement, Plan, PlanProblem
from strategies import Problem, numbered_problem

SEEDS, CHUNK = 30, 15
REQUESTS = 6


def scattered(dice: random.Random) -> Any:
    """A planner that tries a few placements of each request and takes the first that fits."""

    def solve(problem: PlanProblem, start: Plan | None) -> Greedy:  # noqa: ARG001
        plan: list[Placement | None] = [None] * len(problem.requests)
        for place, request in enumerate(problem.requests):
            ticks = places(request.starts)
            for tick in dice.sample(ticks, min(len(ticks), 12)):
                choices = tuple(dice.randrange(len(role.choices)) for role in request.roles)
                tried = (*plan[:place], Placement(tick, choices), *plan[place + 1 :])
                if not check.faults(problem, tried):
                    plan[place] = tried[place]
                    break
        return Greedy(tuple(plan), check.score(problem, tuple(plan)).total)

    return solve


def rows_of(problem: Problem) -> list[dict[str, Any]]:
    times = (datetime.fromisoformat(one.replace("Z", "+00:00")) for one in (problem.start, problem.end))
    window = [one if one.tzinfo is not None else one.replace(tzinfo=UTC) for one in times]
    cells = {"service": problem.service, "schedules": problem.pools, "windows": [window]}
    return [{"request_id": f"r{number}", **cells} for number in range(REQUESTS)]


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_what_a_plan_places_is_accepted(first: int, tmp_path: Path) -> None:
    placed = 0
    for seed in range(first, first + CHUNK):
        dice = random.Random(seed)
        problem = numbered_problem(seed)
        store = open_calendar(problem.resources, clock=lambda: problem.now)  # noqa: B023
        outcome = make_plan(store, rows_of(problem), scattered(dice), Settings())
        visits = [one for each in outcome.rounds for one in each.visits if one is not None]
        placed += len(visits)
        dice.shuffle(visits)
        with open_ledger(tmp_path / f"{seed}.ledger", clock=lambda: problem.now) as ledger:  # noqa: B023
            ledger.load(problem.resources)
            for visit in visits:
                status, answer = invoke(ledger, "Appointment/$book", body=proposal(visit))
                assert status == 201, (seed, answer)
    assert placed > CHUNK


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_what_find_offers_is_a_candidate(first: int) -> None:
    seen = 0
    for seed in range(first, first + CHUNK):
        problem = numbered_problem(seed)
        offers = find_all(
            problem.resources,
            service=problem.service,
            pools=problem.pools,
            start=problem.start,
            end=problem.end,
            now=problem.now,
            count=1000,
            combinations=5,
        )
        store = open_calendar(problem.resources, clock=lambda: problem.now)  # noqa: B023
        outcome = make_plan(store, rows_of(problem)[:1], scattered(random.Random(seed)), Settings())
        if not outcome.rounds or not outcome.rounds[0].compiled.entries:
            # Of another century, or refused because a pool lies outside its planning horizon.
            assert not offers or problem.start < "2023", seed
            continue
        compiled = outcome.rounds[0].compiled
        [entry], [request] = compiled.entries, compiled.problem.requests
        for begin, names in offers:
            tick = compiled.problem.ticks.index(minute(begin[:16]))
            assert request.starts >> tick & 1, (seed, begin)
            for name, pool, role in zip(names, entry.pools, request.roles, strict=True):
                place = [one.id for one in pool].index(name)
                assert compiled.problem.lanes[role.choices[place].lane].starts >> tick & 1, (seed, begin, name)
            seen += 1
    assert seen > CHUNK
