"""Other ways to plan the reference instances: none of them knows slotwright.

First come, first served and density greedy keep the free time of each resource as a bitmap of quarter hours; HiGHS,
through `scipy.optimize.milp`, solves the time-indexed model: a variable for each start of a request, and one for each
start and member of a pool; the quarter hours of a resource are taken once. What is served is a start and a member for
each pool, by their places.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from instances import TICK, Need, Pair, PlanInstance, Wanted

Served = tuple[int, tuple[int, ...]]
"""The place of the start among the ticks, and the place of the member in each pool."""

Answer = list[Served | None]


@dataclass(frozen=True, slots=True)
class Board:
    """The free quarter hours of each resource, bit 0 for the one at `origin`; what is served is taken off."""

    origin: int
    ticks: dict[int, int]
    """The place of each tick by its bit."""

    free: list[int]

    @classmethod
    def of(cls, instance: PlanInstance) -> Board:
        origin = instance.ticks[0] - 24 * 60
        ticks = {(at - origin) // TICK: place for place, at in enumerate(instance.ticks)}
        free = [
            _bits(opened, origin) & ~_bits(booked, origin)
            for opened, booked in zip(instance.opened, instance.booked, strict=True)
        ]
        return cls(origin, ticks, free)

    def allowed(self, wanted: Wanted) -> int:
        """The starts that the windows allow."""
        starts = 0
        for low, high in wanted.windows:
            starts |= _bits([(low, max(low, high - wanted.duration + TICK))], self.origin)
        return starts

    def starts(self, resource: int, wanted: Wanted, need: Need) -> int:
        """The bits at which all that a visit takes of a resource is free.

        Two pieces of open time are never less than an hour apart, so that a visit lies in one of them.
        """
        free = self.free[resource]
        first, last = self.span(0, wanted, need)
        starts = ~0
        for offset in range(first, last):
            starts &= free >> offset if offset >= 0 else free << -offset
        return starts

    @staticmethod
    def span(bit: int, wanted: Wanted, need: Need) -> Pair:
        """The bits [first, last) that a visit with this start takes."""
        return bit - need.before // TICK, bit + (wanted.duration + need.after) // TICK

    def take(self, bit: int, wanted: Wanted, members: Sequence[int]) -> Served:
        """Serve a request at this start by these members of its pools."""
        for need, place in zip(wanted.needs, members, strict=True):
            first, last = self.span(bit, wanted, need)
            self.free[need.resources[place]] &= ~((1 << last) - (1 << first))
        return self.ticks[bit], tuple(members)


def _bits(pieces: Sequence[Pair], origin: int) -> int:
    bits = 0
    for low, high in pieces:
        bits |= (1 << (high - origin) // TICK) - (1 << (low - origin) // TICK)
    return bits


def _ascending(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def first_come(instance: PlanInstance) -> Answer:
    """In the order of the file: the earliest start, the first free member of each pool."""
    board = Board.of(instance)
    answer: Answer = []
    for wanted in instance.wanted:
        each = [[board.starts(one, wanted, need) for one in need.resources] for need in wanted.needs]
        common = _common(board.allowed(wanted), each)
        if not common:
            answer.append(None)
            continue
        bit = next(_ascending(common))
        members = [next(place for place, starts in enumerate(pool) if starts >> bit & 1) for pool in each]
        answer.append(board.take(bit, wanted, members))
    return answer


def density_greedy(instance: PlanInstance) -> Answer:
    """The most weight for each quarter hour taken first; then the start and the members that cost least."""
    board = Board.of(instance)
    answer: Answer = [None] * len(instance.wanted)
    for number in sorted(range(len(answer)), key=lambda one: (-_density(instance.wanted[one]), one)):
        wanted = instance.wanted[number]
        each = [[board.starts(one, wanted, need) for one in need.resources] for need in wanted.needs]
        best: tuple[int, int, list[int]] | None = None
        for bit in _ascending(_common(board.allowed(wanted), each)):
            late = wanted.lateness(board.origin + bit * TICK)
            if best is not None and late >= best[0]:
                break  # lateness never falls as starts go on
            members = [_cheapest(need, pool, bit) for need, pool in zip(wanted.needs, each, strict=True)]
            cost = late + sum(need.costs[place] for need, place in zip(wanted.needs, members, strict=True))
            if best is None or cost < best[0]:
                best = cost, bit, members
        if best is not None and best[0] < wanted.weight:
            answer[number] = board.take(best[1], wanted, best[2])
    return answer


def _common(allowed: int, each: Sequence[Sequence[int]]) -> int:
    """The starts at which every pool has a free member."""
    for pool in each:
        any_member = 0
        for starts in pool:
            any_member |= starts
        allowed &= any_member
    return allowed


def _cheapest(need: Need, pool: Sequence[int], bit: int) -> int:
    return min((need.costs[place], place) for place, starts in enumerate(pool) if starts >> bit & 1)[1]


def _density(wanted: Wanted) -> float:
    return wanted.weight / sum(wanted.duration + need.before + need.after for need in wanted.needs)


# HiGHS


class HighsAnswer(NamedTuple):
    """What HiGHS reported; `answer` serves nobody where it found nothing in time."""

    answer: Answer
    status: str
    bound: float | None
    variables: int


class _Model(NamedTuple):
    """Rows of Σ coefficient × variable, as three columns, with their bounds."""

    gain: list[int]
    rows: list[int]
    columns: list[int]
    coefficients: list[int]
    lower: list[int]
    upper: list[int]
    visits: list[tuple[int, int]]
    """The request and the bit of each start."""

    members: list[tuple[int, int, int]]
    """The start, the pool and the place of each member; its variable comes after those of the starts."""


def highs(instance: PlanInstance, seconds: float) -> HighsAnswer:
    """HiGHS on the time-indexed model, stopped after so many seconds on the wall clock."""
    model = _model(instance)
    count = len(model.gain)
    # Neither scipy nor numpy's wrappers of it bring types along.
    optimize: Any = importlib.import_module("scipy.optimize")
    sparse: Any = importlib.import_module("scipy.sparse")
    matrix = sparse.csr_array((model.coefficients, (model.rows, model.columns)), shape=(len(model.lower), count))
    found = optimize.milp(
        [-one for one in model.gain],
        integrality=[1] * count,
        bounds=optimize.Bounds(0, 1),
        constraints=optimize.LinearConstraint(matrix, model.lower, model.upper),
        options={"time_limit": seconds, "mip_rel_gap": 0},
    )
    status = {0: "optimal", 1: "time limit", 2: "infeasible", 3: "unbounded", 4: "other"}[int(found.status)]
    bound = None if found.mip_dual_bound is None else -float(found.mip_dual_bound)
    values: Sequence[float] = [] if found.x is None else found.x
    return HighsAnswer(_answer(instance, model, values), status, bound, count)


def _model(instance: PlanInstance) -> _Model:
    board = Board.of(instance)
    model = _Model([], [], [], [], [], [], [], [])
    choices: list[tuple[int, int, int, int, int]] = []  # start, pool, place, resource, cost
    for number, wanted in enumerate(instance.wanted):
        each = [[board.starts(one, wanted, need) for one in need.resources] for need in wanted.needs]
        first = len(model.visits)
        for bit in _ascending(_common(board.allowed(wanted), each)):
            visit = len(model.visits)
            model.visits.append((number, bit))
            model.gain.append(wanted.weight - wanted.lateness(board.origin + bit * TICK))
            choices += (
                (visit, pool, place, need.resources[place], need.costs[place])
                for pool, (need, starts) in enumerate(zip(wanted.needs, each, strict=True))
                for place, one in enumerate(starts)
                if one >> bit & 1
            )
        _add_row(model, [(visit, 1) for visit in range(first, len(model.visits))], 0)
    taken: dict[tuple[int, int], list[int]] = {}
    filled: dict[tuple[int, int], list[int]] = {}
    for visit, pool, place, resource, cost in choices:
        variable = len(model.gain)
        model.gain.append(-cost)
        model.members.append((visit, pool, place))
        filled.setdefault((visit, pool), []).append(variable)
        number, bit = model.visits[visit]
        wanted = instance.wanted[number]
        for at in range(*board.span(bit, wanted, wanted.needs[pool])):
            taken.setdefault((resource, at), []).append(variable)
    for (visit, _), variables in filled.items():
        _add_row(model, [(visit, -1), *((one, 1) for one in variables)], 0, 0)
    for variables in taken.values():
        _add_row(model, [(one, 1) for one in variables], 0)
    return model


def _add_row(model: _Model, terms: Sequence[tuple[int, int]], lower: int, upper: int = 1) -> None:
    row = len(model.lower)
    for variable, coefficient in terms:
        model.rows.append(row)
        model.columns.append(variable)
        model.coefficients.append(coefficient)
    model.lower.append(lower)
    model.upper.append(upper)


def _answer(instance: PlanInstance, model: _Model, values: Sequence[float]) -> Answer:
    answer: Answer = [None] * len(instance.wanted)
    if not len(values):
        return answer
    board = Board.of(instance)
    chosen: dict[int, dict[int, int]] = {}
    for (visit, pool, place), value in zip(model.members, values[len(model.visits) :], strict=True):
        if value > 0.5:
            chosen.setdefault(visit, {})[pool] = place
    for visit, members in chosen.items():
        number, bit = model.visits[visit]
        wanted = instance.wanted[number]
        answer[number] = board.take(bit, wanted, [members[pool] for pool in range(len(wanted.needs))])
    return answer
