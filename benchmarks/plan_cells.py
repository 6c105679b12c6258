"""What the benchmark of plans measures: cells, each one instance planned once in one way, and how they are kept.

A cell is measured in a process of its own and kept in results/plan.csv as soon as it is, so that a run of hours can be
interrupted and goes on with the cells that are missing.
"""

from __future__ import annotations

import math
import multiprocessing
import resource
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import plan_baselines
from instances import SIZES, PlanInstance, plan_instance
from plans import problem
from results import Results, Row, number
from slotwright.solver.plan import check, prove
from slotwright.solver.plan.problem import Placement, Plan, PlanProblem

OURS, FIRST_COME, DENSITY, HIGHS = "slotwright", "first come", "density", "HiGHS"
LOADS, POOLS, SEEDS = (0.95, 0.6, 1.2), (2, 3), (1, 2, 3, 4, 5)
SECONDS = {200: (5.0,), 1_000: (120.0,), 5_000: (120.0,), 20_000: (600.0, 30.0)}
"""CPU time for the planner, by requests."""

SHARE = 0.85
"""What the planner is given of the seconds: the last stage to be stopped and the judgement at the end take time too."""

HIGHS_SECONDS = {200: 60.0, 1_000: 120.0}
"""Wall time for HiGHS, which knows no other. At 5,000 requests it had neither a plan nor a bound after 600 s."""

RESULTS = Results(
    "plan",
    (
        *("method", "requests", "load", "pools", "seed", "limit_s", "served", "objective", "bound"),
        *("cpu_s", "wall_s", "peak_mb", "status", "ended_by"),
    ),
)
PROGRESS = Results(
    "plan_progress",
    ("requests", "load", "pools", "seed", "limit_s", "stage", "cpu_s", "served", "objective", "bound"),
)
_MEGABYTE = 1024 if sys.platform != "darwin" else 1024 * 1024
"""What `ru_maxrss` counts, a megabyte."""


class Cell(NamedTuple):
    """One thing to measure. `seconds` is None for those that take what they take."""

    method: str
    requests: int
    load: float
    pools: int
    seed: int
    seconds: float | None

    def instance(self) -> PlanInstance:
        return plan_instance(self.requests, self.load, self.seed, pools=self.pools)

    def title(self) -> str:
        limit = "" if self.seconds is None else f", {self.seconds:g} s"
        return (
            f"{self.method}, {self.requests} requests, load {self.load:g}, {self.pools} pools, seed {self.seed}{limit}"
        )

    def keys(self) -> dict[str, object]:
        names = ("method", "requests", "load", "pools", "seed", "limit_s")
        return dict(zip(names, self, strict=True))

    @classmethod
    def of(cls, row: Row) -> Cell:
        keys = int(row["requests"]), float(row["load"]), int(row["pools"]), int(row["seed"])
        return cls(row["method"], *keys, number(row["limit_s"]))


@dataclass(frozen=True, slots=True)
class Point:
    """How things stood during a run."""

    stage: str
    cpu: float
    served: int
    objective: float
    bound: float | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One measured cell; figures of the plan are those of `check`, never those of who planned."""

    served: int
    objective: int
    bound: float | None
    cpu: float
    wall: float
    peak: float
    status: str
    ended: str
    points: Sequence[Point] = ()


def cells() -> Iterator[Cell]:
    """All of them: first the loads and pools that targets are set for, seed by seed, then the rest."""
    settings = [(load, pools) for pools in POOLS for load in LOADS]
    wanted = settings[:1]
    for some in (wanted, settings[1:]):
        for seed in SEEDS:
            for load, pools in some:
                for requests in SIZES:
                    yield from _cells_of(requests, load, pools, seed)


def _cells_of(requests: int, load: float, pools: int, seed: int) -> Iterator[Cell]:
    yield Cell(FIRST_COME, requests, load, pools, seed, None)
    yield Cell(DENSITY, requests, load, pools, seed, None)
    for seconds in SECONDS[requests]:
        yield Cell(OURS, requests, load, pools, seed, seconds)
    if requests in HIGHS_SECONDS:
        yield Cell(HIGHS, requests, load, pools, seed, HIGHS_SECONDS[requests])


QUICK = tuple(
    cell._replace(seconds=min(cell.seconds, 20.0) if cell.seconds else None)
    for requests in (200, 1_000)
    for cell in _cells_of(requests, 0.95, 2, 1)
    if cell.method != HIGHS
)


# One cell


def run_cell(cell: Cell) -> Outcome:
    """Plan, in the process that this is called in, and check."""
    instance = cell.instance()
    if cell.method == OURS:
        return _ours(cell, instance)
    wall, cpu = time.perf_counter(), time.process_time()
    bound, status = None, ""
    if cell.method == HIGHS:
        assert cell.seconds is not None
        found = plan_baselines.highs(instance, cell.seconds)
        answer, status, bound = found.answer, found.status, found.bound
    else:
        ways = {FIRST_COME: plan_baselines.first_come, DENSITY: plan_baselines.density_greedy}
        answer = ways[cell.method](instance)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    plan = tuple(None if one is None else Placement(*one) for one in answer)
    asked = problem(instance)
    return Outcome(*checked(instance, asked, plan), bound, cpu, wall, peak(), status, "")


def _ours(cell: Cell, instance: PlanInstance) -> Outcome:
    """The planner's own work limit and a guard on the CPU time, both a little below the seconds of the cell."""
    from slotwright.solver.plan.pipeline import Stage, solve_plan

    assert cell.seconds is not None
    limit, asked = SHARE * cell.seconds, problem(instance)
    wall, cpu = time.perf_counter(), time.process_time()
    points: list[Point] = []

    def note(stage: Stage) -> None:
        points.append(Point(stage.name, time.process_time() - cpu, stage.served, stage.objective, stage.bound))

    found = solve_plan(
        asked, work_limit=limit, time_limit=lambda: time.process_time() - cpu >= limit, seed=cell.seed, progress=note
    )
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    memory = peak()
    served, objective = checked(instance, asked, found.plan)
    bound = prove.bound(asked, found.prices, found.proofs)
    if objective != found.objective or not math.isclose(bound, found.bound):
        raise AssertionError(f"{instance.name}: {found.objective} of {found.bound} are {objective} of {bound}")
    points.append(Point("end", cpu, served, objective, bound))
    status = "optimal" if found.is_optimal else "feasible"
    return Outcome(served, objective, bound, cpu, wall, memory, status, found.ended, points)


def checked(instance: PlanInstance, asked: PlanProblem, plan: Plan) -> tuple[int, int]:
    """How many a plan serves, and its objective; stops if anything is wrong with it."""
    faults = check.faults(asked, plan)
    if faults:
        raise AssertionError(f"{instance.name}: {faults[:3]}")
    return sum(one is not None for one in plan), check.score(asked, plan).total


def peak() -> float:
    """The most memory that this process had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MEGABYTE


def measured(cell: Cell) -> Outcome:
    """Run a cell in a process of its own: neither memory nor what is compiled and warm is that of another."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        return executor.submit(run_cell, cell).result()


def row_of(cell: Cell, outcome: Outcome) -> dict[str, object]:
    return {
        **cell.keys(),
        "served": outcome.served,
        "objective": outcome.objective,
        "bound": outcome.bound,
        "cpu_s": round(outcome.cpu, 3),
        "wall_s": round(outcome.wall, 3),
        "peak_mb": round(outcome.peak),
        "status": outcome.status,
        "ended_by": outcome.ended,
    }


def keep(cell: Cell, outcome: Outcome) -> None:
    """Write down a cell, the course of the run first: what is in the results is complete."""
    keys = {name: value for name, value in cell.keys().items() if name != "method"}
    if cell.method == OURS:
        PROGRESS.put([keys | point_row(one) for one in outcome.points], **keys)
    RESULTS.put([row_of(cell, outcome)], **cell.keys())


def point_row(point: Point) -> dict[str, object]:
    return {
        "stage": point.stage,
        "cpu_s": round(point.cpu, 3),
        "served": point.served,
        "objective": point.objective,
        "bound": point.bound,
    }


def run_missing(wanted: Iterable[Cell], *, again: bool = False) -> None:
    """Measure those of the cells that are not kept yet."""
    there = {Cell.of(row) for row in RESULTS.rows()}
    for cell in wanted:
        if again or cell not in there:
            begun = time.perf_counter()
            outcome = measured(cell)
            keep(cell, outcome)
            print(f"{cell.title()}: {outcome.served} served, {outcome.objective}; ", end="", file=sys.stderr)
            print(f"{time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
