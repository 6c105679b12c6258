"""What any two visits of a plan cost together, laid out so that all places of one visit are judged at once.

A *node* is a request with one choice for each role. A *cell* is the longest stretch of minutes on whose borders all
visits begin and end. What a node v and all other visits cost together is a function of v's start t and end x:

    cost(t, x) = A_v(x) − B_v(t),    A_v and B_v running sums of what the other visits have put down around themselves

so that a visit that moves touches a few cells of each row, and the costs of a request everywhere are one running sum
over its own rows. Conflicts count as hard costs here, cells of a shared resource, by which a search finds its way out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInputError
from .penalties import BackToBack, ChangeOfPlace, InvitedOverlap, Overlap, Penalty
from .problem import Placement, Plan, PlanProblem, PlanRequest

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HARD, MEDIUM, SOFT = 0, 1, 2
MOST_NODES = 5000
"""Every two nodes have a weight: more would take gigabytes."""
FINE = 16
"""Parts of a unit of cost that a search tells apart."""
FORBIDDEN = 1 << 50


class Shape(Protocol):
    """How the cost of two visits depends on their times, for a weight of 1."""

    @property
    def reach(self) -> int:
        """How many cells around the other visit matter at most."""
        ...

    def amounts(self, starts: Ints, ends: Ints) -> Floats:
        """(Q, Q) of each visit with each other."""
        ...

    def put(self, sides: Floats, lead: int, duration: int) -> None:
        """Add a visit to its own surroundings: `sides` is (2, width), [:, lead] the cell in which the visit starts."""
        ...


@dataclass(frozen=True, slots=True)
class Shared:
    """The cells that two visits share, each of them wider by its buffers: what the row's visit has, and the other."""

    before: int = 0
    after: int = 0
    their_before: int = 0
    their_after: int = 0

    @property
    def reach(self) -> int:
        return self.before + self.after + self.their_before + self.their_after

    def amounts(self, starts: Ints, ends: Ints) -> Floats:
        low = np.maximum.outer(starts - self.before, starts - self.their_before)
        high = np.minimum.outer(ends + self.after, ends + self.their_after)
        return np.maximum(high - low, 0).astype(np.float64)

    def put(self, sides: Floats, lead: int, duration: int) -> None:
        low, high = lead + 1 - self.their_before, lead + 1 + duration + self.their_after
        sides[0, low - self.after : high - self.after] += 1
        sides[1, low + self.before : high + self.before] += 1


@dataclass(frozen=True, slots=True)
class Near:
    """1 if the one starts before the other, which starts at most `within` cells after its end."""

    within: int

    @property
    def reach(self) -> int:
        return self.within

    def amounts(self, starts: Ints, ends: Ints) -> Floats:
        follows = (starts[:, None] < starts) & (starts - ends[:, None] <= self.within)
        return (follows | follows.T).astype(np.float64)

    def put(self, sides: Floats, lead: int, duration: int) -> None:
        sides[0, lead - self.within] += 1
        sides[1, lead + duration + self.within + 1] += 1
        sides[1, lead] += 1
        sides[1, lead + 1] -= 1


@dataclass(frozen=True, slots=True)
class Abutting:
    """1 if the one starts when the other ends."""

    reach: int = 0

    def amounts(self, starts: Ints, ends: Ints) -> Floats:
        follows = starts == ends[:, None]
        return (follows | follows.T).astype(np.float64)

    def put(self, sides: Floats, lead: int, duration: int) -> None:
        sides[0, lead] += 1
        sides[0, lead + 1] -= 1
        sides[1, lead + duration] -= 1
        sides[1, lead + duration + 1] += 1


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """A shape with the weight of every two nodes, (V, V); 0 between nodes of one request."""

    level: int
    shape: Shape
    weights: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A problem for a search over starts and choices, for Q requests, V nodes and T cells.

    The nodes of request q are `pointer[q]` up to `pointer[q + 1]`. `own[q]` is what each of its nodes costs by itself
    at each cell at which its visit fits into the axis, (nodes, T − duration + 1): soft costs, infinite where it may not
    start.
    """

    problem: PlanProblem
    cells: int
    ticks: Ints  # (number of ticks,) the cell of each
    durations: tuple[int, ...]  # (Q,) in cells
    pointer: tuple[int, ...]  # (Q + 1,)
    choices: tuple[tuple[int | None, ...], ...]  # (V,)
    own: tuple[Floats, ...]
    terms: tuple[Term, ...]

    def plan(self, nodes: Sequence[int], starts: Sequence[int]) -> Plan:
        """A plan from each request's node and cell; a negative cell: not served."""
        ticks = np.searchsorted(self.ticks, starts).tolist()
        return tuple(
            None if start < 0 else Placement(tick, self.choices[node])
            for node, start, tick in zip(nodes, starts, ticks, strict=True)
        )

    @property
    def step_work(self) -> float:
        """About the seconds of one core that a step of a search takes (`work`)."""
        requests = max(len(self.durations), 1)
        seen = 2 * len(self.choices) * self.cells / requests
        written = 2 * len(self.choices) * (sum(self.durations) / requests + 8)
        return 2e-5 + 3e-9 * seen + 1.5e-9 * written

    def find(self, plan: Plan) -> tuple[list[int], list[int]]:
        """The node and cell of each request, the other way round."""
        nodes: list[int] = []
        starts: list[int] = []
        for request, placement in enumerate(plan):
            low, high = self.pointer[request], self.pointer[request + 1]
            nodes.append(low if placement is None else self.choices.index(placement.choices, low, high))
            starts.append(-1 if placement is None else int(self.ticks[placement.tick]))
        return nodes, starts

    def levels(self, nodes: Sequence[int], starts: Sequence[int]) -> tuple[float, float, float]:
        """Hard, medium and soft costs of the placed visits, from scratch; those of each visit alone are soft."""
        placed = [request for request, start in enumerate(starts) if start >= 0]
        begins = np.array([starts[request] for request in placed], dtype=np.int64)
        ends = begins + np.array([self.durations[request] for request in placed], dtype=np.int64)
        chosen = [nodes[request] for request in placed]
        costs = [0.0, 0.0, 0.0]
        for term in self.terms:
            costs[term.level] += float((term.weights[np.ix_(chosen, chosen)] * term.shape.amounts(begins, ends)).sum())
        soft = sum(
            float(self.own[request][nodes[request] - self.pointer[request], starts[request]]) for request in placed
        )
        return costs[HARD] / 2, costs[MEDIUM] / 2, costs[SOFT] / 2 + soft


# Laying out


def obstacle(problem: PlanProblem) -> str | None:
    """Why a problem cannot be laid out; None if it can."""
    if problem.links:
        return "Requests that follow others are not yet planned together with penalties on pairs"
    for number, lane in enumerate(problem.lanes):
        if lane.capacity > 1 or lane.crowds or lane.quotas:
            what = "a booking limit" if lane.quotas else f"capacity {lane.capacity}"
            return f"Lane {number} has {what}, which is not yet planned together with penalties on pairs"
    count = sum(
        math.prod(len(role.choices) + (role.absent is not None) for role in request.roles)
        for request in problem.requests
    )
    if count > MOST_NODES:
        return (
            f"The requests have {count} combinations of choices, and with penalties on pairs at most {MOST_NODES} are "
            "planned in one go; give them smaller pools, or plan them in parts"
        )
    return None


def layout(problem: PlanProblem) -> Layout:
    """Lay a problem out.

    Raises
    ------
    InvalidInputError
        If there is an `obstacle`: links, quotas, a capacity above 1, or more than `MOST_NODES` combinations of choices.
    """
    if reason := obstacle(problem):
        raise InvalidInputError(reason)
    nodes = [node for request in range(len(problem.requests)) for node in _nodes(problem, request)]
    lengths = [_duration(problem, request) for request in problem.requests]
    step = _step(problem, lengths)
    ticks = np.asarray(problem.ticks, dtype=np.int64)
    first = int(ticks[0]) if len(ticks) else 0
    cells = (int(ticks[-1]) - first + max(lengths, default=0)) // step if len(ticks) else 0
    owners = np.array([node.request for node in nodes], dtype=np.int64)
    pointer = np.searchsorted(owners, np.arange(len(problem.requests) + 1))
    made = Layout(
        problem,
        cells,
        (ticks - first) // step,
        tuple(length // step for length in lengths),
        tuple(pointer.tolist()),
        tuple(node.choices for node in nodes),
        (),
        (),
    )
    own = tuple(
        _own(made, request, nodes[made.pointer[number] : made.pointer[number + 1]], number)
        for number, request in enumerate(problem.requests)
    )
    others = owners[:, None] != owners
    terms = tuple(
        Term(term.level, term.shape, term.weights * others)
        for term in _terms(problem, nodes, step)
        if term.weights.any()
    )
    return Layout(made.problem, cells, made.ticks, made.durations, made.pointer, made.choices, own, terms)


@dataclass(frozen=True, slots=True)
class _Node:
    request: int
    choices: tuple[int | None, ...]
    lanes: tuple[int, ...]
    cost: int


def _nodes(problem: PlanProblem, number: int) -> Iterator[_Node]:
    """Every combination of choices that uses no actor twice."""
    request = problem.requests[number]
    options = [[*range(len(role.choices)), *([None] if role.absent is not None else [])] for role in request.roles]
    for choices in product(*options):
        taken = [
            role.choices[choice] for role, choice in zip(request.roles, choices, strict=True) if choice is not None
        ]
        actors = {problem.lanes[choice.lane].actor for choice in taken}
        if len(actors) == len(taken):
            cost = sum(choice.preference + choice.move for choice in taken)
            cost += sum(role.absent or 0 for role, choice in zip(request.roles, choices, strict=True) if choice is None)
            yield _Node(number, choices, tuple(choice.lane for choice in taken), cost)


def _duration(problem: PlanProblem, request: PlanRequest) -> int:
    lanes = (problem.lanes[choice.lane] for role in request.roles for choice in role.choices)
    return next((lane.footprint.duration for lane in lanes), 0)


def _step(problem: PlanProblem, lengths: Sequence[int]) -> int:
    minutes = {int(tick) - int(problem.ticks[0]) for tick in problem.ticks} | set(lengths)
    for lane in problem.lanes:
        minutes |= {lane.footprint.before, lane.footprint.after}
    return math.gcd(*minutes) or 1


def _own(made: Layout, request: PlanRequest, nodes: Sequence[_Node], number: int) -> Floats:
    problem = made.problem
    width = max(made.cells - made.durations[number] + 1, 0)
    own = np.full((len(nodes), width), np.inf)
    allowed = _bits(request.starts, len(problem.ticks))
    costs = np.zeros(len(made.ticks))
    for one in (request.lateness, request.preference, request.move):
        if len(one):
            costs[allowed] += np.asarray(one, dtype=np.float64)
    for row, node in enumerate(nodes):
        free = allowed.copy()
        for lane in node.lanes:
            free &= _bits(problem.lanes[lane].starts, len(problem.ticks))
        own[row, made.ticks[free]] = costs[free] + node.cost
    return own


def _bits(starts: int, count: int) -> NDArray[np.bool_]:
    data = starts.to_bytes(-(-max(count, starts.bit_length(), 1) // 8), "little")
    return np.unpackbits(np.frombuffer(data, dtype=np.uint8), count=count, bitorder="little").view(np.bool_)


# Terms


def _terms(problem: PlanProblem, nodes: Sequence[_Node], step: int) -> Iterator[Term]:
    yield from _conflicts(problem, nodes, step)
    for penalty in problem.penalties:
        level = MEDIUM if penalty.level == "medium" else SOFT
        yield _penalty(problem, nodes, step, penalty, level)


def _conflicts(problem: PlanProblem, nodes: Sequence[_Node], step: int) -> Iterator[Term]:
    """Shared resources, one term for each two pairs of buffers."""
    columns = {one: place for place, one in enumerate(sorted({lane.resource for lane in problem.lanes}))}
    uses: dict[tuple[int, int], Floats] = {}
    for row, node in enumerate(nodes):
        for lane in (problem.lanes[number] for number in node.lanes):
            buffers = lane.footprint.before // step, lane.footprint.after // step
            used = uses.setdefault(buffers, np.zeros((len(nodes), len(columns))))
            used[row, columns[lane.resource]] = 1
    for (before, after), mine in sorted(uses.items(), key=lambda item: item[0]):
        for (their_before, their_after), theirs in sorted(uses.items(), key=lambda item: item[0]):
            yield Term(HARD, Shared(before, after, their_before, their_after), mine @ theirs.T)


def _penalty(problem: PlanProblem, nodes: Sequence[_Node], step: int, penalty: Penalty, level: int) -> Term:
    match penalty:
        case Overlap():
            weights = np.full((len(nodes), len(nodes)), penalty.weight * step / penalty.unit)
            return Term(level, Shared(), weights)
        case InvitedOverlap():
            actors, people = _people(problem, nodes, frozenset())
            weights = people @ people.T - actors @ actors.T
            return Term(level, Shared(), weights * (penalty.weight * step / penalty.unit))
        case BackToBack():
            return Term(level, Abutting(), np.full((len(nodes), len(nodes)), float(penalty.weight)))
        case ChangeOfPlace():
            _, people = _people(problem, nodes, penalty.places)
            there = [frozenset(problem.lanes[lane].actor for lane in node.lanes) & penalty.places for node in nodes]
            numbers = {place: number for number, place in enumerate(dict.fromkeys(there))}
            places = np.array([numbers[one] if one else -1 for one in there])
            differ = (places[:, None] != places) & (places[:, None] >= 0) & (places >= 0)
            return Term(level, Near(penalty.within // step), people @ people.T * differ * float(penalty.weight))


def _people(problem: PlanProblem, nodes: Sequence[_Node], without: frozenset[int]) -> tuple[Floats, Floats]:
    """(V, actors): whose time each node takes, and these and the invited."""
    everyone = {lane.actor for lane in problem.lanes}.union(*(request.invited for request in problem.requests))
    columns = {one: place for place, one in enumerate(sorted(everyone - without))}
    actors = np.zeros((len(nodes), len(columns)))
    people = np.zeros((len(nodes), len(columns)))
    for row, node in enumerate(nodes):
        taken = {problem.lanes[lane].actor for lane in node.lanes}
        for one in taken - without:
            actors[row, columns[one]] = 1
        for one in (taken | problem.requests[node.request].invited) - without:
            people[row, columns[one]] = 1
    return actors, people


# The state of a search


class Field:
    """Visits placed one by one, and what each other place would cost, at weights for hard, medium and soft costs.

    Costs are whole numbers of 1/`FINE`: nothing is lost, however often visits move.
    """

    def __init__(self, made: Layout, weights: Sequence[float]) -> None:
        self.layout = made
        self.nodes = [made.pointer[request] for request in range(len(made.durations))]
        self.starts = [-1] * len(made.durations)
        self._shapes = list(dict.fromkeys(term.shape for term in made.terms))
        self._lead = 1 + max((shape.reach for shape in self._shapes), default=0)
        longest = max(made.durations, default=0)
        self._blocks = {duration: self._block(duration) for duration in set(made.durations)}
        count = len(made.choices)
        # A row for each cell, so that a visit writes whole rows; as floats, for the sake of the matrix product.
        self._sides: Floats = np.zeros((made.cells + longest + 2 * self._lead + 2, 2, count))
        self._coefficients: Floats = np.empty((count, len(self._shapes), count))
        self._own: list[Ints] = [np.empty(own.shape, dtype=np.int64) for own in made.own]
        height = self._sides.shape[0]
        self._sums: list[Ints] = [np.empty((len(own), 2, height), dtype=np.int64) for own in made.own]
        self._costs: list[Ints] = [np.empty_like(own) for own in self._own]
        self.weigh(weights)

    def _block(self, duration: int) -> tuple[Floats, int]:
        """What a visit of weight 1 puts down, by shape: (2 × cells, shapes)."""
        width = 2 * self._lead + 2 + duration
        patterns = np.zeros((len(self._shapes), 2, width))
        for pattern, shape in zip(patterns, self._shapes, strict=True):
            shape.put(pattern, self._lead, duration)
        return np.ascontiguousarray(patterns.transpose(2, 1, 0).reshape(2 * width, -1)), width

    def weigh(self, weights: Sequence[float]) -> None:
        """Change the weights; visits stay."""
        self.weights = tuple(weights)
        self._coefficients[:] = 0
        for term in self.layout.terms:
            # The first axis is the visit that is looked at, the last one those that look.
            of_shape = self._coefficients[:, self._shapes.index(term.shape)]
            of_shape += np.rint(term.weights.T * (weights[term.level] * FINE))
        for own, costs in zip(self._own, self.layout.own, strict=True):
            allowed = np.isfinite(costs)
            own[:] = FORBIDDEN
            own[allowed] = np.rint(costs[allowed] * (weights[SOFT] * FINE))
        self._sides[:] = 0
        for request, start in enumerate(self.starts):
            if start >= 0:
                part, change = self._touched(self.nodes[request], start, self.layout.durations[request])
                part += change

    def _touched(self, node: int, start: int, duration: int) -> tuple[Floats, Floats]:
        patterns, width = self._blocks[duration]
        part = self._sides[start : start + width]
        return part, (patterns @ self._coefficients[node]).reshape(part.shape)

    def place(self, request: int, node: int, start: int) -> None:
        """Put a visit on a node of its own at a cell, from wherever it was; a negative cell takes it away."""
        duration = self.layout.durations[request]
        if self.starts[request] >= 0:
            part, change = self._touched(self.nodes[request], self.starts[request], duration)
            part -= change
        self.nodes[request], self.starts[request] = node, start
        if start >= 0:
            part, change = self._touched(node, start, duration)
            part += change

    def costs(self, request: int) -> Ints:
        """(nodes of the request, starts) what it would cost everywhere, beside the others where they are.

        `FORBIDDEN` or more where it may not be. The array is used again by the next call for this request.
        """
        made = self.layout
        sums, costs = self._sums[request], self._costs[request]
        sides = self._sides[:, :, made.pointer[request] : made.pointer[request + 1]]
        np.copyto(sums, sides.transpose(2, 1, 0), casting="unsafe")
        # Whole numbers are summed up four times as fast as floats.
        np.add.accumulate(sums, axis=2, out=sums)
        low, width = self._lead, costs.shape[1]
        high = low + made.durations[request]
        np.subtract(sums[:, 0, high : high + width], sums[:, 1, low : low + width], out=costs)
        costs += self._own[request]
        return costs
