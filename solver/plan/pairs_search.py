"""Plans with penalties on pairs of visits: annealing that moves one visit at a time to a place drawn from all places.

A step takes a request and draws its start and choices from the exact distribution exp(−cost ÷ temperature) over all of
them, beside the others where they are: what costs least is likely, and what is drawn is never refused. Several plans,
a population, are cooled down side by side, first with an eye to conflicts and medium penalties; between stages the
better ones take the place of others, as often as the next temperature makes them likelier. Then soft costs are seen to.
Work is counted in steps, so that the same seed and steps give the same plan.
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
_STAGES = 12
_MEMBERS = 64
_MEMBER = 18
"""Steps of a member for each two requests: from there on another member gains more."""
_PULL = 0.1
"""How far selection follows the energies. Stages are too short for members to come to rest, so that their energies
differ by more than the temperature would make them; the full difference would leave one family after a few stages."""


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
    more than it is worth. `start` is a plan to better. `progress` is told the best so far now and then, and at
    an interruption.

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
        run.rescue()
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
    medium = 10 * soft / finest
    weights = (6 * medium * finest, medium, 1.0)
    return Schedule(weights, 60 * soft, 2 * soft, soft / 60)


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
        self._states: list[_State] = []

    # Stages

    def anneal(self) -> None:
        """Cool a population down from new beginnings, see to the soft costs of each, and then to those of the best."""
        if not len(self._movable):
            self.keep(self._field.nodes, self._field.starts)
            return
        plan = self._schedule
        steps = self._left * 3 // 4
        many = max(1, min(_MEMBERS, steps // (_MEMBER * len(self._movable) ** 2), steps // (_STAGES * BLOCK)))
        self._field.weigh(plan.weights)
        for _ in range(many):
            self._insert(plan.hot)
            self._states.append(self._here())
        self._populate(steps // many // _STAGES)
        rest = self._left // 3 // len(self._states)
        for state in sorted(set(self._states)):
            self._restore(state)
            self._settle(rest, plan.warm)
            self.tell()
        assert self._best is not None
        self._restore(self._best)
        self._settle(self._left, plan.warm)

    def _populate(self, steps: int) -> None:
        """Bring all members to the next temperature in turn, until they are warm; between, the better ones multiply."""
        plan = self._schedule
        temperatures = plan.hot * (plan.warm / plan.hot) ** (np.arange(_STAGES + 1) / _STAGES)
        for high, low, after in zip(temperatures, temperatures[1:], [*temperatures[2:], 0.0], strict=False):
            for number, state in enumerate(self._states):
                self._restore(state)
                self._cool(steps, float(high), float(low))
                self._states[number] = self._here()
                if self.stopped:
                    # Who has cooled down furthest is among the first.
                    self._states = [min(self._states[: number + 1], key=self._energy)]
                    return
            if after:
                self._select(1 / float(after) - 1 / float(low))

    def _select(self, colder: float) -> None:
        """Draw members anew, those oftener that are likelier at 1 ÷ temperature larger by `colder`."""
        energies = np.array([self._energy(state) for state in self._states])
        likely = np.exp(_PULL * colder * (energies.min() - energies))
        places = np.cumsum(likely) / likely.sum() * len(likely)
        drawn = np.searchsorted(places, np.arange(len(likely)) + self._rng.random())
        self._states = [self._states[min(place, len(likely) - 1)] for place in drawn.tolist()]

    def _energy(self, state: _State) -> float:
        return float(np.dot(state.levels, self._schedule.weights))

    def rescue(self) -> None:
        """Make the best of what there is at an interruption, which may have come in the middle of a move."""
        if self._best is None and self._states:
            self._restore(min(self._states, key=self._energy))
            self._settle(0, self._schedule.warm)

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
            noise = self._scaled(high * (low / high) ** ((block + 1) / blocks))
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
        state = self._state(nodes, starts)
        if self._best is None or self._rank(state) < self._rank(self._best):
            self._best = state

    def _here(self) -> _State:
        return self._state(self._field.nodes, self._field.starts)

    def _state(self, nodes: Sequence[int], starts: Sequence[int]) -> _State:
        return _State(self._made.levels(nodes, starts), tuple(nodes), tuple(starts))

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
