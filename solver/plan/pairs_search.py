"""Plans with penalties on pairs of visits: annealing that moves one visit at a time to a place drawn from all places.

A step takes a request and draws its start and choices from the exact distribution exp(−cost ÷ temperature) over all of
them, beside the others where they are: what costs least is likely, and what is drawn is never refused. A round goes
from a hot plan to a cold one, first with an eye to conflicts and medium penalties, then to soft ones. Work is counted
in steps, so that the same seed and steps give the same plan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from .pairs import FINE, MEDIUM, SOFT, Field, Layout, layout
from .problem import Plan, PlanProblem

BLOCK = 64
"""Steps at one temperature, and between two looks at `stop`."""

_NOISE = 1 << 15
_ROUND = 40
"""Steps of a round for each two requests, if there are so many: from there on another beginning gains more."""


class Outcome(NamedTuple):
    """A plan without conflicts, its medium and soft costs as the search sees them, and the steps it took.

    `stopped`: by `stop`, before the steps were used up.
    """

    plan: Plan
    medium: float
    soft: float
    steps: int
    stopped: bool


class Schedule(NamedTuple):
    """Weights of hard, medium and soft costs, and temperatures: from `hot` to `warm`, then from there to `cold`."""

    weights: tuple[float, float, float]
    hot: float
    warm: float
    cold: float


class _State(NamedTuple):
    levels: tuple[float, float, float]
    nodes: tuple[int, ...]
    starts: tuple[int, ...]


def search(
    problem: PlanProblem,
    *,
    steps: int,
    seed: int,
    stop: Callable[[], bool] | None = None,
    start: Plan | None = None,
    progress: Callable[[Outcome], None] | None = None,
) -> Outcome:
    """The best plan found in so many steps: most weight served, then least medium, then least soft costs.

    Every request is served for which that is possible without a conflict, as far as the search can see, unless it costs
    more than it is worth. `start` is a plan to better. `progress` is told the best so far after every round, and
    at an interruption.

    Raises
    ------
    InvalidInputError
        As `pairs.layout`.
    """
    return search_layout(layout(problem), steps=steps, seed=seed, stop=stop, start=start, progress=progress)


def search_layout(
    made: Layout,
    *,
    steps: int,
    seed: int,
    stop: Callable[[], bool] | None = None,
    start: Plan | None = None,
    progress: Callable[[Outcome], None] | None = None,
) -> Outcome:
    """The same for a problem that is laid out already."""
    run = _Run(made, steps, seed, stop, progress)
    if start is not None:
        run.keep(*made.find(start))
    try:
        run.anneal()
    except KeyboardInterrupt:
        run.tell()
        raise
    return run.outcome()


def schedule(made: Layout) -> Schedule:
    """Weights and temperatures from the sizes of the costs in a problem."""
    spread = np.array([_spread(own) for own in made.own if own.size])
    pairs = [float(term.weights[term.weights > 0].mean()) for term in made.terms if term.level == SOFT]
    soft = max([float(np.median(spread)) if len(spread) else 0.0, *pairs, 1.0])
    finest = min(
        (float(term.weights[term.weights > 0].min()) for term in made.terms if term.level == MEDIUM), default=1.0
    )
    medium = 3 * soft / finest
    weights = (6 * medium * finest, medium, 1.0)
    return Schedule(weights, 18 * soft, 0.6 * soft, soft / 60)


def _spread(own: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    finite = own[np.isfinite(own)]
    return float(finite.std()) if len(finite) else 0.0


class _Run:
    """One search: the field, what is left of its steps, and the best states so far."""

    def __init__(
        self,
        made: Layout,
        steps: int,
        seed: int,
        stop: Callable[[], bool] | None,
        progress: Callable[[Outcome], None] | None,
    ) -> None:
        self._made = made
        self._schedule = schedule(made)
        self._field = Field(made, self._schedule.weights)
        self._rng = np.random.default_rng(seed)
        self._movable = np.flatnonzero([own.size > 0 and bool(np.isfinite(own).any()) for own in made.own])
        self._noise = self._rng.gumbel(size=_NOISE + max((own.size for own in made.own), default=0)) * FINE
        self._left = steps
        self._steps = 0
        self._stop = stop
        self._progress = progress
        self.stopped = False
        self._best: _State | None = None

    # Rounds

    def anneal(self) -> None:
        """Rounds from new beginnings, then a last one that keeps to the best plan and sees to its soft costs."""
        if not len(self._movable):
            self.keep(self._field.nodes, self._field.starts)
            return
        plan = self._schedule
        rounds = max(1, self._left // (_ROUND * len(self._movable) ** 2))
        length = self._left // (rounds + 1)
        for _ in range(rounds):
            self._field.weigh(plan.weights)
            self._insert(plan.hot)
            self._cool(length * 3 // 4, plan.hot, plan.warm)
            self._settle(length // 4, plan.warm)
            if self.stopped:
                return
            self.tell()
        assert self._best is not None
        self._restore(self._best)
        self._settle(self._left, plan.warm)

    def _settle(self, steps: int, temperature: float) -> None:
        """Cool down with conflicts and medium costs as good as walls."""
        hard, medium, soft = self._schedule.weights
        self._field.weigh((10 * hard, 3 * medium, soft))
        self._cool(steps, temperature, self._schedule.cold)
        self._field.weigh((100 * hard, 10 * medium, soft))
        self._descend()
        self.keep(self._field.nodes, self._field.starts)

    def _insert(self, temperature: float) -> None:
        """A new beginning: the visits placed one after the other, the longest first."""
        field = self._field
        for request in self._movable.tolist():
            field.place(request, field.nodes[request], -1)
        order = self._rng.permutation(self._movable)
        noise = self._scaled(temperature)
        durations = np.array(self._made.durations)[order]
        for request in order[np.argsort(-durations, kind="stable")].tolist():
            self._draw(request, noise, int(self._rng.integers(_NOISE)))

    # Steps

    def _cool(self, steps: int, high: float, low: float) -> None:
        """Steps at temperatures that fall evenly by their logarithm."""
        blocks = steps // BLOCK
        for block in range(blocks):
            if self._stop is not None and self._stop():
                self.stopped = True
                return
            noise = self._scaled(high * (low / high) ** (block / max(1, blocks - 1)))
            requests = self._movable[self._rng.integers(len(self._movable), size=BLOCK)].tolist()
            for request, offset in zip(requests, self._rng.integers(_NOISE, size=BLOCK).tolist(), strict=True):
                self._draw(request, noise, offset)
            self._left -= BLOCK
            self._steps += BLOCK

    def _scaled(self, temperature: float) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return (self._noise * temperature).astype(np.int64)

    def _draw(self, request: int, noise: np.ndarray[tuple[int], np.dtype[np.int64]], offset: int) -> None:
        """Move a visit to a place drawn from all: the least of cost − temperature × Gumbel noise is one."""
        field = self._field
        costs = field.costs(request)
        costs -= noise[offset : offset + costs.size].reshape(costs.shape)
        row, start = divmod(int(costs.argmin()), costs.shape[1])
        node = row + self._made.pointer[request]
        if start != field.starts[request] or node != field.nodes[request]:
            field.place(request, node, start)

    def _descend(self) -> None:
        """Move visits to where they cost least, until none gains."""
        field = self._field
        moved = True
        while moved:
            moved = False
            for request in self._movable.tolist():
                costs = field.costs(request)
                row, start = divmod(int(costs.argmin()), costs.shape[1])
                first = self._made.pointer[request]
                if costs[row, start] < costs[field.nodes[request] - first, field.starts[request]]:
                    field.place(request, row + first, start)
                    moved = True

    # States

    def keep(self, nodes: Sequence[int], starts: Sequence[int]) -> None:
        """Remember a state if it is the best so far."""
        state = _State(self._made.levels(nodes, starts), tuple(nodes), tuple(starts))
        if self._best is None or self._rank(state) < self._rank(self._best):
            self._best = state

    def _rank(self, state: _State) -> tuple[float, ...]:
        requests = self._made.problem.requests
        missed = sum(request.weight for request, start in zip(requests, state.starts, strict=True) if start < 0)
        return (missed, *state.levels)

    def _restore(self, state: _State) -> None:
        for request, (node, start) in enumerate(zip(state.nodes, state.starts, strict=True)):
            self._field.place(request, node, start)

    def tell(self) -> None:
        if self._progress is not None and self._best is not None:
            self._progress(self.outcome())

    def outcome(self) -> Outcome:
        """The best state, without the visits that stand in a conflict or cost more than they are worth."""
        assert self._best is not None
        self._restore(self._best)
        self._drop()
        field = self._field
        hard, medium, soft = self._made.levels(field.nodes, field.starts)
        assert hard == 0
        return Outcome(self._made.plan(field.nodes, field.starts), medium, soft, self._steps, self.stopped)

    def _drop(self) -> None:
        """Take visits out until no conflict is left, the least worth a conflict first; then those that do not pay."""
        field, requests = self._field, self._made.problem.requests
        self._field.weigh((1.0, 0.0, 0.0))
        while True:
            conflicts = {one: self._cost_now(one) for one, start in enumerate(field.starts) if start >= 0}
            worst = min(
                (one for one in conflicts if conflicts[one]),
                key=lambda one: (requests[one].weight / conflicts[one], one),
                default=None,
            )
            if worst is None:
                break
            field.place(worst, field.nodes[worst], -1)
        self._field.weigh((0.0, 0.0, 1.0))
        for request, start in enumerate(field.starts):
            if start >= 0 and self._cost_now(request) > requests[request].weight * FINE:
                field.place(request, field.nodes[request], -1)

    def _cost_now(self, request: int) -> int:
        costs = self._field.costs(request)
        return int(costs[self._field.nodes[request] - self._made.pointer[request], self._field.starts[request]])
