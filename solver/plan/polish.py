"""Better and better: parts of a plan solved by CP-SAT, two at a time, each accepted only when plain arithmetic agrees.

A round frees two parts that share no time, no limited lane, no request and no link, and solves them at once, one worker
each; the solver lets other threads run. Rounds are synchronous and limits are counted in deterministic time, so the
plan depends on the plan before, the seed and the budget alone, and not on how fast the machine is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..errors import SolverFaultError
from ..model import Response, SolveAll, run_all
from ..profiles import NEIGHBOURHOOD, limited
from .check import faults, score
from .guide import Guide, guide
from .neighbourhood import Neighbourhood, moved, write
from .part import Cutter, Flags, Part, Standing, placement, standing
from .problem import Placement, Plan, PlanProblem, Prices
from .regions import Region, Regions
from .restrict import restrict, restricted
from .table import Table

Key = Callable[[PlanProblem, Plan], Any]
"""What makes plans comparable; greater is better."""

Ended = Literal["rounds", "work", "whole", "idle", "stopped", "interrupted"]

THREADS = 2
_IDLE = 20
_PART, _REQUEST = 1e-3, 1.5e-6
"""Work around a part, and for each request of the plan, in the solver's unit: small parts are not free."""

_FIRST_SHARE, _WINDOW, _FEW = 0.2, 20, 4
_EACH_MOST = 0.1


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to polish: rounds, and work; `each` limits the deterministic time of one part.

    Work is the deterministic time of the solver, and a little for each part.
    """

    rounds: int = 1 << 30
    work: float = float("inf")
    each: float = _EACH_MOST


@dataclass(slots=True)
class Polished:
    """A plan, and the way to it.

    `ended` is `rounds` or `work` when the budget was used up, `whole` when all requests were free at once and the
    solver proved the plan optimal, `idle` when nothing was left to choose in many rounds. `refused` counts answers
    that arithmetic refuted: they change nothing.
    """

    plan: Plan
    rounds: int = 0
    work: float = 0.0
    parts: int = 0
    proven: int = 0
    improved: int = 0
    refused: int = 0
    ended: Ended = "rounds"


def polish(
    table: Table,
    plan: Plan,
    budget: Budget,
    seed: int,
    *,
    prices: Prices = (),
    settled: Iterable[int] = (),
    key: Key | None = None,
    stop: Callable[[], bool] | None = None,
    progress: Callable[[Polished], None] | None = None,
    solve: SolveAll = run_all,
) -> Polished:
    """Improve a sound plan until the budget is used up, `stop` says so, or Ctrl-C; the best plan is kept.

    A change is accepted if it breaks no rule and the plan is worth more; with a `key` for which plans, if it is
    greater by that. CP-SAT optimizes the table's values in either case. With `prices`, parts are sought where these
    say that there is something to gain, and models leave out what hardly any good plan has, at first. Requests that
    are `settled` stay where they are.

    Raises
    ------
    SolverFaultError
        If the plan given is not sound.
    """
    problem = table.problem
    if wrong := faults(problem, plan):
        raise SolverFaultError(f"The plan to polish is not sound: {wrong[0]}")
    cutter = Cutter(table)
    polisher = _Polisher(cutter, plan, budget, prices, key, solve, Regions(cutter, seed, settled))
    done = polisher.done
    try:
        while done.rounds < budget.rounds and done.work < budget.work:
            if stop is not None and stop():
                done.ended = "stopped"
                break
            if not polisher.round(stop):
                break
            if progress is not None:
                progress(done)
        else:
            done.ended = "rounds" if done.rounds >= budget.rounds else "work"
    except KeyboardInterrupt:
        done.ended = "interrupted"
    if wrong := faults(problem, done.plan):
        raise SolverFaultError(f"The polished plan is not sound: {wrong[0]}")
    return done


class _Tastes:
    """Which entries go into the models: the share of all that loses least at the prices; more when few parts gain."""

    def __init__(self, guided: Guide | None) -> None:
        self._guide = guided
        self._share = _FIRST_SHARE if guided is not None else 1.0
        self._tried = self._better = 0
        self.liked = self._flags()

    def learn(self, *, is_better: bool) -> None:
        """Count a part; after so many of which few were better, take in twice as much."""
        self._tried += 1
        self._better += is_better
        if self._tried == _WINDOW:
            if self._better < _FEW and self.liked is not None:
                self._share = min(1.0, 2 * self._share)
                self.liked = self._flags()
            self._tried = self._better = 0

    def _flags(self) -> Flags | None:
        if self._guide is None or self._share == 1.0 or not len(self._guide.loss):
            return None
        loss = self._guide.loss
        most = np.partition(loss, int(self._share * len(loss)))[int(self._share * len(loss))]
        return loss <= most


class _Polisher:
    """The state between rounds: the plan, as placements and in numbers of the table."""

    def __init__(
        self,
        cutter: Cutter,
        plan: Plan,
        budget: Budget,
        prices: Prices,
        key: Key | None,
        solve: SolveAll,
        regions: Regions,
    ) -> None:
        table = cutter.table
        self.done = Polished(plan)
        self._table = table
        self._budget = budget
        self._key = key
        self._solve = solve
        self._cutter = cutter
        self._guide = guide(table, prices) if prices else None
        self._tastes = _Tastes(self._guide)
        self._regions = regions
        self._idle = 0
        self._found = standing(table, plan)
        self._is_exact = key is None and not table.problem.penalties

    def round(self, stop: Callable[[], bool] | None) -> bool:
        """Free, solve and judge two parts. Is there more to do?"""
        tasks = self._tasks()
        if not tasks:
            self._idle += 1
            self.done.rounds += 1
            self.done.ended = "idle"
            return self._idle < _IDLE
        self._idle = 0
        profile = limited(NEIGHBOURHOOD, self._budget.each)
        responses = self._solve([neighbourhood.writer for _, neighbourhood in tasks], profile, stop)
        before = self._found
        done = self.done
        is_everything = self._tastes.liked is None
        for (region, neighbourhood), response in zip(tasks, responses, strict=True):
            part = neighbourhood.made.part
            gain = self._judge(before, neighbourhood, response)
            is_proven = response.status == "OPTIMAL"
            self._tastes.learn(is_better=gain > 0)
            region.kind.learn(len(part.requests), gain, response.deterministic_time, is_proven=is_proven)
            done.parts += 1
            done.proven += is_proven
            done.work += response.deterministic_time + _PART + _REQUEST * len(before.pair)
            if is_proven and len(part.requests) == self._regions.count and self._is_exact and is_everything:
                done.ended = "whole"
                return False
        done.rounds += 1
        return True

    def _tasks(self) -> list[tuple[Region, Neighbourhood]]:
        tasks: list[tuple[Region, Neighbourhood]] = []
        apart: Part | None = None
        shares = None if self._guide is None else self._guide.shares(self._found)
        for _ in range(THREADS):
            region = self._regions.next(self._found, shares, [] if apart is None else apart.requests.tolist())
            if region is None:
                break
            part = self._cutter.cut(self._found, region.requests, apart, self._tastes.liked)
            if len(part.pair):
                tasks.append((region, write(part, self._found)))
            else:
                region.kind.learn(len(part.requests), 0.0, 0.0, is_proven=True)
            apart = part
        return tasks

    def _judge(self, before: Standing, neighbourhood: Neighbourhood, response: Response) -> float:
        """Accept what is better and sound; what it gains."""
        part = neighbourhood.made.part
        try:
            after = moved(neighbourhood, before, response)
        except SolverFaultError:
            self.done.refused += 1
            return 0.0
        changed = _changed(part, before, after)
        if not changed:
            return 0.0
        placements = {request: _placed(self._table, after, request) for request in changed}
        plan = self.done.plan
        new = tuple(placements.get(request, one) for request, one in enumerate(plan))
        gain = self._gain(plan, new, changed)
        if gain <= 0:
            return 0.0
        # Both parts of a round were read beside the plan before it: only this part's rows are taken over.
        found = _merged(self._found, after, changed)
        if self._is_unsound(new, found, changed):
            self.done.refused += 1
            return 0.0
        self._found = found
        self.done.plan = new
        self.done.improved += 1
        return gain

    def _gain(self, old: Plan, new: Plan, changed: list[int]) -> float:
        problem = self._table.problem
        if self._key is not None:
            return float(self._key(problem, new) > self._key(problem, old))
        if problem.penalties:
            return score(problem, new).total - score(problem, old).total
        part = restrict(problem, changed)
        return score(part, restricted(new, changed)).total - score(part, restricted(old, changed)).total

    def _is_unsound(self, plan: Plan, found: Standing, changed: list[int]) -> bool:
        """Does the plan break a rule in which these requests have a part? The rest was sound before."""
        near = set(changed)
        for request in changed:
            near.update(self._cutter.linked(request))
        requests = sorted(near.union(self._cutter.neighbours(found, changed)))
        return bool(faults(restrict(self._table.problem, requests), restricted(plan, requests)))


def _changed(part: Part, before: Standing, after: Standing) -> list[int]:
    """The requests of the part that stand elsewhere, or in other choices, than before."""
    rows = np.repeat(np.arange(len(before.pair)), np.diff(before.roles))
    differs = before.pair != after.pair
    differs[rows[before.entry != after.entry]] = True
    return part.requests[differs[part.requests]].tolist()


def _placed(table: Table, found: Standing, request: int) -> Placement | None:
    pair = int(found.pair[request])
    low, high = found.roles[request : request + 2].tolist()
    return None if pair < 0 else placement(table, pair, found.entry[low:high].tolist())


def _merged(found: Standing, after: Standing, changed: list[int]) -> Standing:
    """`found`, with these requests as in `after`."""
    is_changed = np.zeros(len(found.pair), np.bool_)
    is_changed[changed] = True
    rows = np.repeat(is_changed, np.diff(found.roles))
    return Standing(np.where(is_changed, after.pair, found.pair), np.where(rows, after.entry, found.entry), found.roles)
