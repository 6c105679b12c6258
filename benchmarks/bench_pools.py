"""Find with choice: three and six pools of 5, 20 and 50 schedules, apart from each other or overlapping.

Every question is asked once by the solver (`slotwright.solver.find.solve` on a ready problem, its own check of the
answer included) and once by the whole operation, over several seeds and search windows; the quantiles are over all
single calls. Answers are compared with branch and bound, start by start, in plain Python. Overlapping pools are drawn
from half as many schedules as they have places.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache, partial

import baselines
import instances
import measure
from measure import Report, Sample, Target, Timing, milli, plain
from slotwright.io import Calendar, invoke, open_calendar
from slotwright.io.operations import find as operation
from slotwright.io.operations.request import QueryRequest
from slotwright.solver import find as solver_find
from slotwright.solver import model
from slotwright.solver.model import ModelWriter, Response
from slotwright.solver.pools import feasible_starts
from slotwright.solver.problem import FindProblem, Judge, Offer
from slotwright.solver.profiles import Profile

SIZES = (5, 20, 50)
POOLS = (3, 6)
PER_DAY = 14
SEEDS = (1, 2, 3)
FIRST_DAYS = tuple(range(0, 14, 2))
"""Search windows begin so many days after the first, and all have 31 days."""

MONTH_LIMIT = 10.0
"""Seconds that a CP-SAT model over the whole window may take."""

Found = list[tuple[int, tuple[int, ...]]]


@dataclass(frozen=True, slots=True)
class Question:
    """One find on a loaded and compiled calendar, for slotwright and for the oracle."""

    calendar: Calendar
    diaries: Sequence[instances.Diary]
    pools: list[list[int]]
    searched: instances.Pair
    query: dict[str, str | list[str]]
    problem: FindProblem
    judge: Judge
    offers: list[Offer] = field(repr=False)

    def invoke(self) -> instances.Resource:
        status, bundle = invoke(self.calendar, "Appointment/$find", query=self.query, now=instances.NOW)
        assert status == 200, bundle
        return bundle

    def solver(self, run: model.Solve = model.run) -> list[Offer]:
        return solver_find.solve(self.problem, self.judge, run=run)

    def oracle(self) -> baselines.Oracle:
        first = (self.searched[0] - instances.minute(instances.FIRST_DAY)) // 1440
        hours = instances.opening(instances.FIRST_DAY + timedelta(first))
        return baselines.Oracle(self.diaries, hours, self.searched)

    def chosen(self, offers: Sequence[Offer]) -> Found:
        """Offers with the numbers of their schedules."""
        return [(start, tuple(pool[at] for pool, at in zip(self.pools, places))) for start, places in offers]

    def check(self) -> baselines.Oracle:
        """Both depths give the answer of the oracle, which is returned."""
        oracle = self.oracle()
        wanted = oracle.offers(self.pools, self.problem.count, self.problem.combinations)
        assert self.chosen(self.solver()) == wanted
        names = [(start, tuple(self.diaries[number].id for number in numbers)) for start, numbers in wanted]
        assert instances.proposals(self.invoke()) == names
        return oracle


class CountingRun:
    """CP-SAT itself, counted."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, writer: ModelWriter, profile: Profile) -> Response:
        self.calls += 1
        return model.run(writer, profile)


@dataclass(frozen=True, slots=True)
class Shape:
    """How many pools of how many schedules, and whether they share some."""

    pools: int
    size: int
    is_overlapping: bool

    @property
    def name(self) -> str:
        return f"{self.pools} pools of {self.size}, {'overlapping' if self.is_overlapping else 'disjoint'}"

    def ask(self, seed: int, first_days: Sequence[int], count: int = 20, combinations: int = 1) -> list[Question]:
        calendar, diaries, pools = _world(self, seed)
        windows = [instances.window(instances.FIRST_DAY + timedelta(first)) for first in first_days]
        ask = partial(_ask, calendar, diaries, pools, count=count, combinations=combinations)
        # The first round makes the time axis cover all windows; what is compiled then stays.
        for searched in windows:
            ask(searched)
        return [ask(searched) for searched in windows]


@lru_cache(maxsize=len(SEEDS))
def _world(shape: Shape, seed: int) -> tuple[Calendar, list[instances.Diary], list[list[int]]]:
    sizes = [shape.size] * shape.pools
    count = instances.distinct(sizes, overlapping=shape.is_overlapping)
    diaries = instances.diaries(count, PER_DAY, seed, days=instances.DAYS + max(FIRST_DAYS))
    pools = instances.pools(sizes, overlapping=shape.is_overlapping, seed=seed)
    return open_calendar(instances.resources(diaries)), diaries, pools


def _ask(
    calendar: Calendar,
    diaries: list[instances.Diary],
    pools: list[list[int]],
    searched: instances.Pair,
    *,
    count: int,
    combinations: int,
) -> Question:
    ids = [[diaries[number].id for number in pool] for pool in pools]
    query = instances.query(ids, searched, count=count, combinations=combinations)
    answer = operation.find(calendar, operation.read_request(QueryRequest(query)), now=instances.NOW)
    assert answer.problem is not None
    low, high = searched

    def judge(pool: int, place: int, start: int) -> bool:
        compiled = answer.pools[pool][place].compiled
        assert compiled is not None
        foot = compiled.rules.footprint
        return low <= start - foot.before and start + foot.reach <= high and compiled.is_open(start)

    return Question(calendar, diaries, pools, searched, query, answer.problem, judge, answer.offers)


def shapes() -> list[Shape]:
    return [Shape(pools, size, shared) for pools in POOLS for size in SIZES for shared in (False, True)]


def both_depths(questions: Sequence[Question], rounds: int = 3) -> tuple[Timing, Timing]:
    return (
        measure.sampled([question.solver for question in questions], rounds),
        measure.sampled([question.invoke for question in questions], rounds),
    )


def quantiles(timing: Timing) -> list[str]:
    return [
        f"{milli(timing.wall_at(0.5))} ({milli(timing.cpu_at(0.5))})",
        f"{milli(timing.wall_at(0.95))} ({milli(timing.cpu_at(0.95))})",
    ]


class FirstTwenty:
    """The first combination of each of the first 20 starts."""

    def __init__(self, found: Report) -> None:
        self._found = found
        self._asked = 0
        self._table = found.table(
            "First 20 starts, the first combination of each: ms wall (CPU)",
            *("pools", "feasible starts, median", "CP-SAT calls, most", "solver p50", "solver p95"),
            *("invoke p50", "invoke p95", "brute force p50"),
        )

    def add(self, shape: Shape) -> None:
        questions = [question for seed in SEEDS for question in shape.ask(seed, FIRST_DAYS)]
        assert all(len(question.offers) == 20 for question in questions), shape.name
        oracles = [question.check() for question in questions]
        self._asked += len(questions)
        feasible = statistics.median(feasible_starts(one.problem.pools).bit_count() for one in questions)
        solver, whole = both_depths(questions)
        brute = [partial(oracle.offers, one.pools, 20, 1) for oracle, one in zip(oracles, questions)]
        slow = measure.sampled(brute[:: len(FIRST_DAYS)], 1)
        self._table.add(
            shape.name, plain(feasible), calls(questions), *quantiles(solver), *quantiles(whole), quantiles(slow)[0]
        )
        if shape.size == 20:
            limit = 10.0 if shape.pools == 3 else 40.0
            wall, cpu = whole.wall_at(0.95) * 1e3, whole.cpu_at(0.95) * 1e3
            self._found.targets.append(Target(f"{shape.name}, 20 starts, invoke p95", wall, limit, "ms", cpu))

    def end(self) -> None:
        self._table.notes.append(
            f"{len(SEEDS)} seeds × {len(FIRST_DAYS)} windows of 31 days, {PER_DAY} bookings a day, each question three "
            "times. The solver's part includes its check of the answer; brute force, start by start and whole only for "
            "a few of these questions, includes finding the free members."
        )
        self._found.checks.append(f"{self._asked} answers equal to branch and bound, at both depths")


class ManyCombinations:
    """Up to 100 combinations of a start, up to 1,000 in all."""

    def __init__(self, found: Report) -> None:
        self._found = found
        self._worst = Sample(0.0, 0.0)
        self._asked = 0
        self._table = found.table(
            "combinations=100, _count=1000: ms wall (CPU)",
            *("pools", "offers, median", "CP-SAT calls, most", "solver p50", "solver p95", "invoke p50", "invoke p95"),
        )

    def add(self, shape: Shape) -> None:
        questions = [question for seed in SEEDS[:2] for question in shape.ask(seed, FIRST_DAYS[:2], 1000, 100)]
        for question in questions:
            question.check()
        self._asked += len(questions)
        solver, whole = both_depths(questions, 2)
        offers = statistics.median(len(question.offers) for question in questions)
        self._table.add(shape.name, plain(offers), calls(questions), *quantiles(solver), *quantiles(whole))
        self._worst = Sample(max(self._worst.wall, whole.wall_at(1)), max(self._worst.cpu, whole.cpu_at(1)))

    def end(self) -> None:
        name = "combinations=100, _count=1000, invoke, slowest call of all pools"
        self._found.targets.append(Target(name, self._worst.wall, 1.0, "s", self._worst.cpu))
        self._found.checks.append(f"so are {self._asked} answers with 100 combinations")


class Feasibility:
    """All feasible starts against matching tick by tick; our answers against one model over the month."""

    def __init__(self, found: Report) -> None:
        self._found = found
        self._lowest = {"hall": 1e9, "lean": 1e9, "default": 1e9}
        self._hall = found.table(
            "All feasible starts of the window: Hall's condition over bitmaps, ms CPU",
            *("pools", "`feasible_starts`", "matching, start by start", "ratio"),
        )
        self._month = found.table(
            "Our 20 best answers (solver) beside one CP-SAT model over the month for its earliest start, ms CPU",
            *("pools", "solver", "model, lean", "ratio", "model, default", "ratio"),
        )

    def add(self, shape: Shape) -> None:
        (question,) = shape.ask(SEEDS[0], (0,))
        times = _matching(question)
        ratio = times["matching"].ratio(times["hall"])
        self._lowest["hall"] = min(self._lowest["hall"], ratio)
        self._hall.add(shape.name, milli(times["hall"].cpu), milli(times["matching"].cpu), plain(ratio))
        if shape.pools == 3:
            self._month.add(shape.name, *_month(question, self._lowest))

    def end(self) -> None:
        self._hall.notes.append(
            "Both start from a bit for each schedule and tick; matching uses augmenting paths and skips the ticks at "
            "which some pool has nobody."
        )
        self._month.notes.append(
            f"> means that {plain(MONTH_LIMIT)} s were not enough to prove the earliest start; the ratio is then a "
            "lower bound. Optional interval variables for the members, bookings as fixed intervals, built with the "
            "public API, one worker; lean: no probing, symmetry or linearization."
        )
        self._found.targets += [
            Target("matching ÷ Hall's condition, lowest", self._lowest["hall"], 30, "×", at_least=True),
            Target("month model, lean ÷ solver, lowest", self._lowest["lean"], 8, "×", at_least=True),
            Target("month model, default ÷ solver, lowest", self._lowest["default"], 20, "×", at_least=True),
        ]
        self._found.checks.append("matching and the month models agree with ours")


def calls(questions: Sequence[Question]) -> int:
    """The most calls of CP-SAT that one of the questions takes."""
    most = 0
    for question in questions:
        counting = CountingRun()
        question.solver(counting)
        most = max(most, counting.calls)
    return most


def _matching(question: Question) -> dict[str, Timing]:
    pools = question.problem.pools
    ticks = question.problem.ticks
    first, last = (next(i for i, tick in enumerate(ticks) if tick >= edge) for edge in question.searched)
    free: list[bytes] = [b""] * len(question.diaries)
    for numbers, pool in zip(question.pools, pools):
        for number, member in zip(numbers, pool):
            free[number] = bytes(member.starts >> place & 1 for place in range(first, last))
    matched = baselines.matched_starts(free, question.pools, last - first)
    feasible = feasible_starts(pools)
    assert matched == [at for at in range(last - first) if feasible >> (first + at) & 1]
    return measure.compare(
        {
            "hall": lambda: feasible_starts(pools),
            "matching": lambda: baselines.matched_starts(free, question.pools, last - first),
        },
        rounds=5,
    )


def _month(question: Question, lowest: dict[str, float]) -> list[str]:
    oracle = question.oracle()
    taken = oracle.taken
    ours = measure.timed(question.solver).cpu
    cells = [milli(ours)]
    for name in ("lean", "default"):
        answers: list[int | None] = []

        def ask(is_lean: bool = name == "lean", into: list[int | None] = answers) -> None:
            into.append(
                baselines.month_model(taken, question.pools, question.searched, lean=is_lean, limit=MONTH_LIMIT)
            )

        took = measure.once(ask).cpu
        (start,) = answers
        assert start is None or start == question.offers[0].start
        more = "" if start is not None else "> "
        lowest[name] = min(lowest[name], took / ours)
        cells += [more + milli(took), more + plain(took / ours)]
    return cells


def report() -> Report:
    found = Report("One find in process: pools")
    parts = FirstTwenty(found), ManyCombinations(found), Feasibility(found)
    for shape in shapes():
        for part in parts:
            part.add(shape)
    for part in parts:
        part.end()
    return found


if __name__ == "__main__":
    measure.show(report())
