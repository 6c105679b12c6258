"""Plans that are good on every level, the first levels first, and what is proven of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..errors import InvalidInputError, SolverFaultError
from . import check
from .board import Board
from .check import chosen_lanes
from .level_bounds import Bounded, bound_levels
from .levels import Blended, blend, disjoint, levels_of, loads, minutes_of, reached
from .pipeline import Ended, PlanResult, Progress, Stage, solve_plan
from .problem import Placement, Plan, PlanProblem, PlanRequest
from .work import Work

_LAST, _PROOFS = 0.15, 0.15
"""What the pass for the load and the search for bounds may take of the work there is."""


class _Pass(NamedTuple):
    """How many levels it looks at, and its share of the work."""

    name: str
    depth: int
    share: float


def solve_lexicographic(
    problem: PlanProblem,
    *,
    work_limit: float,
    seed: int = 0,
    start: Plan | None = None,
    time_limit: Callable[[], bool] | None = None,
    progress: Progress | None = None,
) -> PlanResult:
    """Plan by levels; the parameters are those of `solve_plan`.

    All levels but the load at once; where no strictly disjoint multipliers allow that, then who is served alone. The
    load comes last: it needs a plan to begin with. No pass makes the levels worse, compared in their order.

    Raises
    ------
    InvalidInputError
        If there are penalties, or costs too large to weigh against each other.
    """
    if problem.penalties:
        raise InvalidInputError("Penalties on pairs of visits are part of the weighted objective only")
    run = _Run(problem)
    if start is not None and not check.faults(problem, start):
        run.best = start
    try:
        _all_passes(problem, run, work_limit, seed, time_limit, progress)
    except KeyboardInterrupt:
        run.ended = "interrupted"
    # Nobody waits for proofs where the run was ended from outside.
    is_waited_for = run.ended in ("done", "work")
    return run.result(Work(_PROOFS * work_limit if is_waited_for else 0.0, time_limit))


def _all_passes(
    problem: PlanProblem,
    run: _Run,
    work_limit: float,
    seed: int,
    time_limit: Callable[[], bool] | None,
    progress: Progress | None,
) -> None:
    for one in _passes(problem):
        anchor = loads(problem, run.best)
        multipliers, _ = disjoint(problem, one.depth, anchor)
        found = solve_plan(
            blend(problem, multipliers, anchor),
            work_limit=one.share * work_limit,
            seed=seed,
            start=run.best if any(run.best) else None,
            time_limit=time_limit,
            progress=None if progress is None else run.telling(progress),
        )
        run.take(one, found, Blended(multipliers, anchor, found.priced))
        if found.bound < found.priced:
            run.know(Blended(multipliers, anchor, found.bound, is_solvers=True))
        if found.ended in ("stopped", "interrupted"):
            break


class _Run:
    """The best plan so far by its levels, and what has been shown on the way."""

    def __init__(self, problem: PlanProblem) -> None:
        self.best: Plan = (None,) * len(problem.requests)
        self.ended: Ended = "done"
        self._problem = problem
        self._known: list[Blended] = []
        self._stages: list[Stage] = []
        self._spent = 0.0

    def telling(self, progress: Progress) -> Progress:
        """Progress of a pass, with the work of those before it."""
        spent = self._spent
        return lambda stage: progress(stage._replace(work=spent + stage.work))

    def take(self, one: _Pass, found: PlanResult, known: Blended) -> None:
        """Keep what a pass has found."""
        self.best = max(self.best, found.plan, key=lambda plan: reached(self._problem, plan))
        self.know(known)
        self._spent += found.work
        if found.ended != "done":
            self.ended = found.ended
        self._tell(one.name)

    def know(self, known: Blended) -> None:
        """Keep what is shown of a blend."""
        self._known.append(known)

    def _tell(self, name: str) -> None:
        served = sum(placement is not None for placement in self.best)
        objective = check.score(self._problem, self.best).total
        self._stages.append(Stage(name, self._spent, served, objective, None))

    def result(self, work: Work) -> PlanResult:
        """The best plan, its load evened out, with a bound on each level."""
        levels: tuple[Bounded, ...] = ()
        try:
            self.best = even_out(self._problem, self.best)
            levels = bound_levels(self._problem, self.best, work, self._known)
        except KeyboardInterrupt:
            self.ended = "interrupted"
        self._spent += work.spent
        self._tell("bounds")
        if wrong := check.faults(self._problem, self.best):
            raise SolverFaultError(f"The plan by levels is unsound: {wrong[0]}")
        objective, bound = self._stages[-1].objective, check.bound(self._problem, ())
        stages = tuple(self._stages)
        return PlanResult(self.best, objective, bound, bound, (), (), stages, self._spent, self.ended, levels)


def _passes(problem: PlanProblem) -> list[_Pass]:
    last = len(levels_of(problem))
    rest = 1 - _LAST - _PROOFS
    if disjoint(problem, last - 1, {})[1]:
        return [_Pass("all but the load", last - 1, rest), _Pass("load", last, _LAST)]
    return [
        _Pass("all but the load", last - 1, 0.7 * rest),
        _Pass("served", last - 3, 0.3 * rest),
        _Pass("load", last, _LAST),
    ]


def even_out(problem: PlanProblem, plan: Plan, rounds: int = 10) -> Plan:
    """Exchange single choices of a plan as long as that evens the load and keeps all levels before it."""
    board = Board(problem)
    for place, placement in enumerate(plan):
        if placement is not None:
            board.add(place, placement)
    now = list(plan)
    load = loads(problem, plan)
    for _ in range(rounds):
        changed = False
        for place, request in enumerate(problem.requests):
            placement = now[place]
            if placement is None or not any(len(role.choices) > 1 for role in request.roles):
                continue
            board.remove(place, placement)
            better = _evener(problem, board, load, request, placement)
            if better is not None:
                _shift(problem, load, request, placement, -1)
                _shift(problem, load, request, better, 1)
                now[place] = placement = better
                changed = True
            board.add(place, placement)
        if not changed:
            break
    return tuple(now)


def _evener(
    problem: PlanProblem, board: Board, load: dict[int, int], request: PlanRequest, placement: Placement
) -> Placement | None:
    """The placement with one other choice of equal cost that evens the load most."""
    at = problem.ticks[placement.tick]
    actors = {problem.lanes[number].actor for number in chosen_lanes(request, placement)}
    best: tuple[int, Placement] | None = None
    for place, (role, current) in enumerate(zip(request.roles, placement.choices, strict=True)):
        if current is None:
            continue
        mine = role.choices[current]
        here = problem.lanes[mine.lane]
        for number, other in enumerate(role.choices):
            there = problem.lanes[other.lane]
            if number == current or other.preference + other.move != mine.preference + mine.move:
                continue
            if not there.starts >> placement.tick & 1 or there.actor in actors - {here.actor}:
                continue
            gain = 0
            for resource, minutes in (
                (here.resource, -minutes_of(problem, mine.lane)),
                (there.resource, minutes_of(problem, other.lane)),
            ):
                before = load.get(resource, 0)
                gain -= (before + minutes) ** 2 - before**2
            if (
                gain > 0
                and here.resource != there.resource
                and (best is None or gain > best[0])
                and board.blocked(other.lane, at) is None
            ):
                best = (
                    gain,
                    Placement(placement.tick, (*placement.choices[:place], number, *placement.choices[place + 1 :])),
                )
    return None if best is None else best[1]


def _shift(problem: PlanProblem, load: dict[int, int], request: PlanRequest, placement: Placement, sign: int) -> None:
    for number in chosen_lanes(request, placement):
        resource = problem.lanes[number].resource
        if resource in load:
            load[resource] += sign * minutes_of(problem, number)
