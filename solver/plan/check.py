"""Plans and bounds judged by plain arithmetic. Nothing here knows the candidate table, the stages or a solver."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import SolverFaultError
from .penalties import Charge, charges
from .problem import Choice, Lane, Placement, Plan, PlanProblem, PlanRequest, Prices, Role

Numbers = NDArray[np.int64]


# Faults


def faults(problem: PlanProblem, plan: Plan) -> list[str]:
    """What is wrong with a plan, in sentences that name requests, resources and minutes; none: it is sound.

    Time is shared as model 11 of the specification says, read for pieces that are new: at every minute that pieces of
    the plan cover, for each of them,

        stored Slots of its lane's crowd there + pieces of the plan there
            ≤ min(its capacity, the tolerance of that crowd, the capacities of the other pieces)

    where a visit has the capacity of its lane and a buffer 1. Lanes of one resource may have different crowds, since
    services may see different Slots; a piece meets the crowd of its own lane and no other. As this holds for each
    piece with all others there, whichever is booked last is admitted, and so is each with fewer there: a sound plan
    can be booked in any order.
    """
    if len(plan) != len(problem.requests):
        return [f"The plan has {len(plan)} places for {len(problem.requests)} requests"]
    found: list[str] = []
    sound: dict[int, Placement] = {}
    for place, (request, placement) in enumerate(zip(problem.requests, plan, strict=True)):
        if placement is None:
            continue
        wrong = list(_placement_faults(problem, request, placement))
        found += [f"Request {place} {sentence}" for sentence in wrong]
        if not wrong:
            sound[place] = placement
    found += _overfull(problem, sound)
    found += _over_quota(problem, sound)
    found += _broken_links(problem, plan, sound)
    return found


def chosen_lanes(request: PlanRequest, placement: Placement) -> list[int]:
    """The lanes of a placement, role by role; those left out are not among them."""
    return [
        role.choices[choice].lane
        for role, choice in zip(request.roles, placement.choices, strict=True)
        if choice is not None
    ]


def duration(problem: PlanProblem, request: PlanRequest) -> int:
    """The minutes of a visit, by any lane of the request; 0 if it has none."""
    lanes = (problem.lanes[choice.lane] for role in request.roles for choice in role.choices)
    return next((lane.footprint.duration for lane in lanes), 0)


def _placement_faults(problem: PlanProblem, request: PlanRequest, placement: Placement) -> Iterator[str]:
    tick = placement.tick
    if not 0 <= tick < len(problem.ticks):
        yield f"is at tick {tick} of {len(problem.ticks)}"
        return
    at = problem.ticks[tick]
    if not request.starts >> tick & 1:
        yield f"may not start at minute {at}"
    if len(placement.choices) != len(request.roles):
        yield f"has {len(placement.choices)} choices for {len(request.roles)} roles"
        return
    actors: set[int] = set()
    for number, (role, choice) in enumerate(zip(request.roles, placement.choices, strict=True)):
        if choice is None:
            if role.absent is None:
                yield f"lacks its role {number} at minute {at}, which is required"
            continue
        if not 0 <= choice < len(role.choices):
            yield f"takes choice {choice} of {len(role.choices)} in role {number}"
            continue
        lane = problem.lanes[role.choices[choice].lane]
        if not lane.starts >> tick & 1:
            yield f"may not start at minute {at} on resource {lane.resource} (role {number})"
        if lane.actor in actors:
            yield f"uses actor {lane.actor} twice at minute {at}"
        actors.add(lane.actor)


class _Taken(NamedTuple):
    """Minutes [start, end) with `size` pieces, of which the smallest capacity is `tolerance`.

    A piece of the plan has its request; a crowd has none, and is met only by pieces of its lane.
    """

    start: int
    end: int
    size: int
    tolerance: int
    lane: int
    request: int | None


def _taken(problem: PlanProblem, sound: dict[int, Placement]) -> dict[int, list[_Taken]]:
    """What the plan takes of each resource, and the crowds that it may meet."""
    taken: dict[int, list[_Taken]] = {}
    used: set[int] = set()
    for place, placement in sound.items():
        at = problem.ticks[placement.tick]
        for number in chosen_lanes(problem.requests[place], placement):
            lane = problem.lanes[number]
            foot = lane.footprint
            end = at + foot.duration
            pieces = ((at - foot.before, at, 1), (at, end, lane.capacity), (end, end + foot.after, 1))
            taken.setdefault(lane.resource, []).extend(
                _Taken(low, high, 1, capacity, number, place) for low, high, capacity in pieces if low < high
            )
            used.add(number)
    for number in used:
        lane = problem.lanes[number]
        taken[lane.resource] += [_Taken(*crowd, number, None) for crowd in lane.crowds]
    return taken


def _overfull(problem: PlanProblem, sound: dict[int, Placement]) -> Iterator[str]:
    for resource, taken in sorted(_taken(problem, sound).items()):
        taken.sort(key=lambda one: one.start)
        borders = sorted({border for one in taken for border in (one.start, one.end)})
        here: list[_Taken] = []
        following = 0
        for low, high in pairwise(borders):
            here = [one for one in here if one.end > low]
            while following < len(taken) and taken[following].start <= low:
                here.append(taken[following])
                following += 1
            if len(here) > 1:
                yield from _overfull_piece(resource, low, high, here)


def _overfull_piece(resource: int, low: int, high: int, here: Sequence[_Taken]) -> Iterator[str]:
    for piece in here:
        if piece.request is None:
            continue
        met = [one for one in here if one.request is not None or one.lane == piece.lane]
        most = min(one.tolerance for one in met)
        if sum(one.size for one in met) > most:
            names = ", ".join(map(str, sorted(one.request for one in met if one.request is not None)))
            stored = sum(one.size for one in met if one.request is None)
            besides = f" and {stored} stored Slots" if stored else ""
            yield (
                f"Resource {resource} is taken from minute {low} to {high} by requests {names}{besides}, "
                f"where at most {most} fit"
            )
            return


def _over_quota(problem: PlanProblem, sound: dict[int, Placement]) -> Iterator[str]:
    starts: dict[int, list[tuple[int, int]]] = {}
    for place, placement in sound.items():
        for number in chosen_lanes(problem.requests[place], placement):
            if problem.lanes[number].quotas:
                starts.setdefault(number, []).append((problem.ticks[placement.tick], place))
    for number, visits in sorted(starts.items()):
        lane = problem.lanes[number]
        for quota in lane.quotas:
            names = [str(place) for at, place in visits if quota.start <= at < quota.end]
            if len(names) > quota.left:
                yield (
                    f"Requests {', '.join(names)} start on resource {lane.resource} (lane {number}) from minute "
                    f"{quota.start} to {quota.end}, where {quota.left} more may"
                )


def _broken_links(problem: PlanProblem, plan: Plan, sound: dict[int, Placement]) -> Iterator[str]:
    for link in problem.links:
        if plan[link.then] is None:
            continue
        if plan[link.first] is None:
            yield f"Request {link.then} is served without request {link.first}, which it follows"
            continue
        if link.first not in sound or link.then not in sound:
            continue
        begun = problem.ticks[sound[link.first].tick]
        ended = begun + duration(problem, problem.requests[link.first])
        at = problem.ticks[sound[link.then].tick]
        if at < ended + link.least:
            yield f"Request {link.then} starts at minute {at}, {at - ended} after request {link.first}: too early"
        if link.most is not None and at > ended + link.most:
            yield f"Request {link.then} starts at minute {at}, {at - ended} after request {link.first}: too late"
        if link.days and bisect_right(link.days, begun) != bisect_right(link.days, at):
            yield f"Request {link.then} starts at minute {at}, not on the day of request {link.first} at {begun}"


# Worth


class Terms(NamedTuple):
    """What serving earns and costs, family by family; all but the total are ≥ 0."""

    weight: int = 0
    lateness: int = 0
    preference: int = 0
    moves: int = 0
    absent: int = 0

    @property
    def total(self) -> int:
        return self.weight - self.lateness - self.preference - self.moves - self.absent


class Score(NamedTuple):
    """The worth of a plan: in all, by family, and of each request (None: not served).

    The total is that of the terms less all soft charges. `medium` are the medium charges, which are no part of it:
    fewer are better before any total. `charges` are those of the problem's penalties, in their order.
    """

    total: int
    terms: Terms
    requests: tuple[Terms | None, ...]
    medium: int = 0
    charges: tuple[Charge, ...] = ()


def score(problem: PlanProblem, plan: Plan) -> Score:
    """The definition of the weighted objective, term by term. The plan is one without faults."""
    earned = tuple(
        None if placement is None else terms(request, placement)
        for request, placement in zip(problem.requests, plan, strict=True)
    )
    families = Terms(*(sum(one) for one in zip(*(one for one in earned if one is not None), strict=True)))
    found = charges(problem, plan)
    soft = sum(charge.cost for charge in found if charge.level == "soft")
    medium = sum(charge.cost for charge in found if charge.level == "medium")
    return Score(families.total - soft, families, earned, medium, found)


def terms(request: PlanRequest, placement: Placement) -> Terms:
    """What one request earns and costs at a placement."""
    place = (request.starts & ((1 << placement.tick) - 1)).bit_count()

    def at_start(costs: Sequence[int]) -> int:
        return int(costs[place]) if len(costs) else 0

    taken: list[Choice] = []
    absent = 0
    for role, choice in zip(request.roles, placement.choices, strict=True):
        if choice is not None:
            taken.append(role.choices[choice])
        elif role.absent is not None:
            absent += role.absent
    return Terms(
        request.weight,
        at_start(request.lateness),
        at_start(request.preference) + sum(choice.preference for choice in taken),
        at_start(request.move) + sum(choice.move for choice in taken),
        absent,
    )


# Bounds

_FINEST = 20
_MOST = 1 << 62
_KEPT = 1 << 24


def bound(problem: PlanProblem, prices: Prices) -> float:
    """No plan's total is more than this: what follows from the problem and the prices alone.

        Σ prices + Σ over requests max(0, max over starts (weight − costs of the start − Σ over roles
            min(absent, min over choices (costs of the choice + what its visit and buffers pay))))

    Links, quotas, actors and penalties are left out, which can only raise it. It is never below its value in exact
    arithmetic: prices are counted in whole units, 2⁻²⁰ or larger if the numbers are large, rounded up where they are
    summed and down where they are paid.

    Raises
    ------
    SolverFaultError
        If a price is negative, not finite, or on no resource of the problem, or if all together exceed 2⁶².
    """
    _check_prices(problem, prices)
    count = 1 + max((3 + 2 * len(request.roles) for request in problem.requests), default=0)
    largest = max((request.weight for request in problem.requests), default=0)
    total = math.fsum(point.price for point in prices)
    digits = min(_FINEST, (_MOST // max(1, count * (largest + 1), math.ceil(total))).bit_length() - 1)
    if digits < 0:
        raise SolverFaultError(f"Prices of {total} and weights up to {largest} are too large to add up")
    unit = 1 << digits
    counter = _Counter(problem, prices, unit, unit * largest + 1)
    units = sum(math.ceil(point.price * unit) for point in prices)
    units += sum(max(0, counter.best(request)) for request in problem.requests)
    value = units / unit
    numerator, denominator = value.as_integer_ratio()
    return value if numerator * unit >= units * denominator else math.nextafter(value, math.inf)


def _check_prices(problem: PlanProblem, prices: Prices) -> None:
    resources = {lane.resource for lane in problem.lanes}
    for point in prices:
        if not (math.isfinite(point.price) and point.price >= 0):
            raise SolverFaultError(f"The price of minute {point.minute} of resource {point.resource} is {point.price}")
        if point.resource not in resources:
            raise SolverFaultError(f"Resource {point.resource} has a price and is on no lane")


class _Counter:
    """What requests can earn after paying, in whole units. Costs are cut off at `ruin`, more than any weight.

    Arrays have an entry for each tick of a stretch [low, high).
    """

    def __init__(self, problem: PlanProblem, prices: Prices, unit: int, ruin: int) -> None:
        self._problem = problem
        self._unit = unit
        self._ruin = ruin
        self._ticks: Numbers = np.asarray(problem.ticks, dtype=np.int64)
        points: dict[int, list[tuple[int, int]]] = {}
        for point in prices:
            points.setdefault(point.resource, []).append((point.minute, math.floor(point.price * unit)))
        self._minutes: dict[int, Numbers] = {}
        self._sums: dict[int, Numbers] = {}
        for resource, found in points.items():
            found.sort()
            self._minutes[resource] = np.array([minute for minute, _ in found], dtype=np.int64)
            self._sums[resource] = np.cumsum([0, *(price for _, price in found)], dtype=np.int64)
        self._before: dict[tuple[int, int], Numbers] = {}
        self._paid: dict[int, Numbers] = {}

    def best(self, request: PlanRequest) -> int:
        """Served at the best of its starts; below 0 if nowhere."""
        if not request.starts:
            return -1
        low = (request.starts & -request.starts).bit_length() - 1
        high = request.starts.bit_length()
        costs: Numbers = np.full(high - low, self._ruin)
        costs[_flags(request.starts, low, high)] = sum(
            (self._cut(np.asarray(one)) for one in (request.lateness, request.preference, request.move) if len(one)),
            np.int64(0),
        )
        for role in request.roles:
            costs += self._cheapest(role, low, high)
        return request.weight * self._unit - int(costs.min())

    def _cheapest(self, role: Role, low: int, high: int) -> Numbers:
        missing = self._ruin if role.absent is None else min(role.absent * self._unit, self._ruin)
        cheapest: Numbers = np.full(high - low, missing)
        for choice in role.choices:
            cost = min((choice.preference + choice.move) * self._unit, self._ruin)
            np.minimum(cheapest, self._lane(choice.lane)[low:high] + cost, out=cheapest)
        return cheapest

    def _lane(self, number: int) -> Numbers:
        """What a visit of the lane pays, by its start; `ruin` where it may not start."""
        if number not in self._paid:
            if len(self._paid) * len(self._ticks) > _KEPT:
                self._paid.clear()
                self._before.clear()
            lane = self._problem.lanes[number]
            paid = np.where(_flags(lane.starts, 0, len(self._ticks)), self._visit(lane), self._ruin)
            self._paid[number] = np.minimum(paid, self._ruin)
        return self._paid[number]

    def _visit(self, lane: Lane) -> Numbers:
        foot = lane.footprint
        edges = [self._until(lane.resource, at) for at in (-foot.before, 0, foot.duration, foot.reach)]
        visit = (edges[2] - edges[1]) // lane.capacity
        return visit + (edges[1] - edges[0]) + (edges[3] - edges[2])

    def _until(self, resource: int, after: int) -> Numbers:
        """The sum of the prices of all minutes before tick + `after`."""
        key = resource, after
        if key not in self._before:
            if resource in self._sums:
                places = np.searchsorted(self._minutes[resource], self._ticks + after)
                self._before[key] = self._sums[resource][places]
            else:
                self._before[key] = np.zeros(len(self._ticks), dtype=np.int64)
        return self._before[key]

    def _cut(self, costs: NDArray[np.integer]) -> Numbers:
        return np.minimum(costs, self._ruin // self._unit + 1).astype(np.int64) * self._unit


def _flags(starts: int, low: int, high: int) -> NDArray[np.bool_]:
    """The bits [low, high) of a bitmap."""
    count = high - low
    data = (starts >> low & ((1 << count) - 1)).to_bytes(-(-count // 8), "little")
    return np.unpackbits(np.frombuffer(data, dtype=np.uint8), count=count, bitorder="little").view(np.bool_)
