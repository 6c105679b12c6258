"""Polishing: never worse, always sound, the same on every machine, and whatever ends it keeps the best plan."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

import pytest
from instances import plan_instance
from plan_oracle import FEATURES, optimum, random_prices, random_problem
from plans import problem as reference
from slotwright.solver.errors import SolverFaultError
from slotwright.solver.model import ModelWriter, Response, run_all
from slotwright.solver.plan.check import faults, score
from slotwright.solver.plan.polish import Budget, Polished, polish
from slotwright.solver.plan.problem import Placement, Plan, PlanProblem
from slotwright.solver.plan.table import Table, make_table
from slotwright.solver.profiles import Profile

Stop = Callable[[], bool] | None


@pytest.fixture(scope="module")
def table() -> Table:
    return make_table(reference(plan_instance(200, 0.6, 2)))


def empty(problem: PlanProblem) -> Plan:
    return (None,) * len(problem.requests)


@pytest.mark.parametrize("features", [*((feature,) for feature in FEATURES), FEATURES])
def test_small_plans_are_polished_to_the_best(features: tuple[str, ...]) -> None:
    for seed in range(4):
        problem = random_problem(Random(f"polish {seed}"), *features)
        if problem.penalties:
            continue
        draw = Random(seed)
        for prices in ((), next(random_prices(draw, problem))):
            found = polish(make_table(problem), empty(problem), Budget(rounds=8), seed, prices=prices)
            assert faults(problem, found.plan) == []
            # With prices some choices are left out at first, so that it may take more rounds.
            assert score(problem, found.plan).total == optimum(problem) or prices, f"seed {seed}"
            assert found.refused == 0


def test_every_round_is_sound_and_no_worse(table: Table) -> None:
    worths: list[int] = [0]

    def watch(found: Polished) -> None:
        assert faults(table.problem, found.plan) == []
        worths.append(score(table.problem, found.plan).total)

    found = polish(table, empty(table.problem), Budget(rounds=5, each=0.01), 1, progress=watch)
    assert worths == sorted(worths)
    assert worths[-1] == score(table.problem, found.plan).total > 100_000
    assert (found.rounds, found.parts, found.refused, found.ended) == (5, 10, 0, "rounds")


def test_the_plan_does_not_depend_on_what_else_runs(table: Table) -> None:
    budget = Budget(rounds=3, each=0.01)
    quiet = polish(table, empty(table.problem), budget, 7)
    finished = threading.Event()

    def spin() -> None:
        while not finished.is_set():
            sum(range(10_000))

    busy = threading.Thread(target=spin)
    busy.start()
    try:
        loud = polish(make_table(table.problem), empty(table.problem), budget, 7)
    finally:
        finished.set()
        busy.join()
    assert loud == quiet
    assert polish(table, empty(table.problem), budget, 8).plan != quiet.plan


def test_two_models_are_solved_at_once_that_share_no_request(table: Table) -> None:
    rounds: list[int] = []

    def solve(writers: Sequence[ModelWriter], profile: Profile, stop: Stop = None) -> list[Response]:
        rounds.append(len(writers))
        return run_all(writers, profile, stop)

    polish(table, empty(table.problem), Budget(rounds=3, each=0.01), 1, solve=solve)
    assert rounds == [2, 2, 2]


def test_work_is_counted_in_deterministic_time(table: Table) -> None:
    found = polish(table, empty(table.problem), Budget(work=0.02, each=0.01), 1)
    assert found.ended == "work"
    assert found.work >= 0.02
    assert found.rounds < 20


def test_stop_and_ctrl_c_keep_the_best_plan(table: Table) -> None:
    whole = polish(table, empty(table.problem), Budget(rounds=2, each=0.01), 1)
    answers = iter([False, False, True])
    # The solver is asked to go on while it runs; rounds are only left out.
    stopped = polish(table, empty(table.problem), Budget(each=0.01), 1, stop=lambda: next(answers), solve=_unguarded)
    assert (stopped.ended, stopped.rounds, stopped.plan) == ("stopped", 2, whole.plan)
    calls: list[int] = []

    def solve(writers: Sequence[ModelWriter], profile: Profile, stop: Stop = None) -> list[Response]:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run_all(writers, profile, stop)

    broken = polish(table, empty(table.problem), Budget(each=0.01), 1, solve=solve)
    assert (broken.ended, broken.rounds, broken.plan) == ("interrupted", 2, whole.plan)


def _unguarded(writers: Sequence[ModelWriter], profile: Profile, _stop: Stop = None) -> list[Response]:
    return run_all(writers, profile)


def test_answers_that_arithmetic_refutes_change_nothing(table: Table) -> None:
    def solve(writers: Sequence[ModelWriter], profile: Profile, stop: Stop = None) -> list[Response]:
        return [replace(one, values=[1] * len(one.values)) for one in run_all(writers, profile, stop)]

    found = polish(table, empty(table.problem), Budget(rounds=2, each=0.01), 1, solve=solve)
    assert found.plan == empty(table.problem)
    assert found.refused > 0
    assert found.improved == 0


def test_a_key_decides_what_is_better(table: Table) -> None:
    def worst(_problem: PlanProblem, plan: Plan) -> int:
        return -sum(one is not None for one in plan)

    found = polish(table, empty(table.problem), Budget(rounds=2, each=0.01), 1, key=worst)
    assert found.plan == empty(table.problem)

    def most_served(problem: PlanProblem, plan: Plan) -> tuple[int, int]:
        return -worst(problem, plan), score(problem, plan).total

    found = polish(table, empty(table.problem), Budget(rounds=2, each=0.01), 1, key=most_served)
    assert sum(one is not None for one in found.plan) > 30


def test_a_plan_with_faults_is_refused(table: Table) -> None:
    first = next(place for place, one in enumerate(table.problem.requests) if one.starts)
    wrong: list[Placement | None] = [*empty(table.problem)]
    wrong[first] = Placement(-1, (0, 0))
    with pytest.raises(SolverFaultError, match="The plan to polish is not sound: Request 0 is at tick -1"):
        polish(table, tuple(wrong), Budget(rounds=1), 1)


def test_settled_requests_stay(table: Table) -> None:
    half = range(0, 200, 2)
    found = polish(table, empty(table.problem), Budget(rounds=3, each=0.01), 1, settled=half)
    assert all(found.plan[request] is None for request in half)
    assert sum(one is not None for one in found.plan) > 20


def test_where_nothing_is_left_to_choose_it_ends(table: Table) -> None:
    found = polish(table, empty(table.problem), Budget(), 1, settled=range(200))
    assert (found.ended, found.parts, found.work, found.plan) == ("idle", 0, 0.0, empty(table.problem))
