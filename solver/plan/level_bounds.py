"""Bounds on each level of the lexicographic objective: multipliers and prices that prove as much as can be found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..errors import SolverFaultError
from .arena import Arena, whole
from .levels import (
    Blended,
    Level,
    Proof,
    Reached,
    blend,
    blended_bounds,
    level_bound,
    levels_of,
    loads,
    minutes_of,
    reached,
)
from .offers import Offers, Reals
from .prices import Descent, Market, lower_prices
from .problem import Plan, PlanProblem
from .table import Ints, make_table
from .validate import LARGEST
from .work import Work

_DESCENT = Descent(40)
_FIRST = Descent(120)


class Bounded(NamedTuple):
    """What a plan reaches on a level, and the most that any plan reaches that is as good on all levels before.

    `bound` follows from `proof` alone: from multipliers and prices (`levels.level_bound`), or from what has been shown
    of a blend (`levels.blended_bounds`), which may be a solver's word where prices prove less.
    """

    level: Level
    reached: int
    bound: int
    proof: Proof | Blended

    @property
    def is_solvers(self) -> bool:
        """Does the bound rest on a solver's word?"""
        return _is_solvers(self.proof)


def bound_levels(problem: PlanProblem, plan: Plan, work: Work, known: Sequence[Blended] = ()) -> tuple[Bounded, ...]:
    """A bound for each level beside what the plan reaches: the best that prices prove, or blends of known worth."""
    at = reached(problem, plan)
    search = _Search(problem, at, work)
    blended = [(one, blended_bounds(problem, at, one)) for one in known]
    found: list[Bounded] = []
    for place, level in enumerate(levels_of(problem)):
        ways: list[tuple[int, Proof | Blended]] = []
        for one, bounds in blended:
            bound = bounds[place]
            if bound is not None:
                ways.append((bound, one))
        proofs = [_nothing(len(at), place)]
        if level.kind == "load":
            for anchor in _anchors(problem, plan):
                proofs += search.prove(place, anchor), search.prove(place, anchor, only_served=True)
        else:
            proofs.append(search.prove(place))
        ways += [(level_bound(problem, place, at, proof), proof) for proof in proofs]
        bound, proof = min(ways, key=lambda way: (way[0], _is_solvers(way[1])))
        if bound < at[place]:
            raise SolverFaultError(f"The bound {bound} of level {place} is below what the plan reaches, {at[place]}")
        found.append(Bounded(level, at[place], bound, proof))
    return tuple(found)


def _is_solvers(proof: Proof | Blended) -> bool:
    return isinstance(proof, Blended) and proof.is_solvers


def _nothing(levels: int, place: int) -> Proof:
    """That all can be served, and nothing costs anything."""
    return Proof(tuple(int(one == place) for one in range(levels)), {}, ())


def _anchors(problem: PlanProblem, plan: Plan) -> tuple[Mapping[int, int], ...]:
    """The loads of the plan; and those evened out among all resources that choices connect."""
    found = loads(problem, plan)
    group = {resource: resource for resource in found}

    def root(resource: int) -> int:
        while group[resource] != resource:
            resource = group[resource]
        return resource

    for request in problem.requests:
        for role in request.roles:
            resources = [problem.lanes[choice.lane].resource for choice in role.choices if len(role.choices) > 1]
            for one in resources:
                group[root(one)] = root(resources[0])
    members: dict[int, list[int]] = {}
    for resource in found:
        members.setdefault(root(resource), []).append(resource)
    means = {one: sum(found[other] for other in some) // len(some) for some in members.values() for one in some}
    return found, means


class _Search:
    """Prices for one level after the other; each starts from those of the level before.

    The multipliers of a level are those of the level before, all times the same power of two, and 1 for itself: only
    that power is searched for. The bound is convex in it.
    """

    def __init__(self, problem: PlanProblem, at: Reached, work: Work) -> None:
        self.reached = at
        self._problem = problem
        self._levels = levels_of(problem)
        self._work = work
        unit = [int(level.kind == "preference") for level in self._levels]
        table = make_table(blend(problem, unit, {}))
        self._market = Market(table)
        self._arena = whole(table)
        self._pair: list[Ints] = []
        self._entry: list[Ints] = []
        self._multipliers: tuple[int, ...] = ()
        self._prices = self._market.nothing()
        self._of_served = self._multipliers, self._prices

    def prove(self, place: int, anchor: Mapping[int, int] | None = None, *, only_served: bool = False) -> Proof:
        """The best proof found for a level, after those of the levels before it; the last with an anchor.

        `only_served`: from who is served alone. What is not proven of preference and earliness costs nothing then.
        """
        before = self._multipliers, self._prices
        if only_served:
            multipliers, prices = self._of_served
            self._multipliers, self._prices = (*multipliers, *[0] * (place - len(multipliers))), prices
        try:
            return self._prove(place, anchor)
        finally:
            if anchor is not None:
                self._multipliers, self._prices = before

    def _prove(self, place: int, anchor: Mapping[int, int] | None) -> Proof:
        pair, entry = _columns(self._problem, self._arena, self._levels[place], anchor or {})
        self._pair[place:], self._entry[place:] = [pair], [entry]
        tried: dict[int, tuple[float, Reals]] = {}

        def worth(power: int) -> float:
            if power not in tried:
                # The prices of the nearest power, at the scale of this one.
                near = min(tried, key=lambda one: abs(one - power), default=None)
                prices = self._prices if near is None else tried[near][1] / _scaled(near)[0]
                tried[power] = self._bound(power, prices * _scaled(power)[0], _DESCENT if tried else _FIRST)
            return tried[power][0]

        power = self._guess(place)
        worth(power)
        for step in (2, 1) if place else ():
            for sign in (1, -1):
                while self._is_small(power + sign * step) and worth(power + sign * step) < worth(power):
                    power += sign * step
        best = min(tried, key=lambda one: tried[one][0])
        multipliers = self._blended(best)
        if anchor is None:
            self._multipliers, self._prices = multipliers, tried[best][1]
            if self._levels[place].kind == "served":
                self._of_served = self._multipliers, self._prices
        rest = (0,) * (len(self._levels) - place - 1)
        return Proof((*multipliers, *rest), anchor or {}, self._market.points(tried[best][1]))

    def _guess(self, place: int) -> int:
        """The power at which one more request served is worth about what one costs on this level."""
        served = sum(one for one, level in zip(self.reached, self._levels, strict=True) if level.kind == "served")
        if not place or self._levels[place].kind == "served":
            return 0
        mean = abs(self.reached[place]) // max(1, served) + 1
        return mean.bit_length() - max(self._multipliers).bit_length() + 1

    def _is_small(self, power: int) -> bool:
        return abs(power) < 40 and max(self._blended(power)) * len(self._arena.row_request) < LARGEST >> 4

    def _blended(self, power: int) -> tuple[int, ...]:
        others, own = _scaled(power)
        return (*(one * others for one in self._multipliers), own)

    def _bound(self, power: int, prices: Reals, descent: Descent) -> tuple[float, Reals]:
        multipliers = self._blended(power)
        value, cost = np.zeros_like(self._pair[0]), np.zeros_like(self._entry[0])
        for one, pair, entry in zip(multipliers, self._pair, self._entry, strict=True):
            value += one * pair
            cost += one * entry
        offers = Offers(replace(self._arena, pair_value=value, entry_cost=cost))
        priced = lower_prices(self._market, offers, prices, descent, self._work)
        found = priced.bound - sum(one * at for one, at in zip(multipliers[:-1], self.reached, strict=False))
        return found / multipliers[-1], priced.prices


def _scaled(power: int) -> tuple[int, int]:
    """The factors of the levels before and of the level itself."""
    return (1 << power, 1) if power >= 0 else (1, 1 << -power)


def _columns(problem: PlanProblem, arena: Arena, level: Level, anchor: Mapping[int, int]) -> tuple[Ints, Ints]:
    """What each pair is worth on a level, and what each entry costs."""
    nothing = np.zeros(len(arena.entry_cost), np.int64)
    match level.kind:
        case "served":
            priority = np.array([request.priority for request in problem.requests], np.int64)
            return (priority[arena.row_request[arena.pair_row]] == level.priority).astype(np.int64), nothing
        case "preference":
            return arena.pair_value, arena.entry_cost
        case "earliness":
            ticks = np.array(problem.ticks, np.int64)
            return ticks[0] - ticks[arena.pair_tick], nothing
        case "load":
            slopes = [
                2 * anchor.get(lane.resource, 0) * minutes_of(problem, number)
                for number, lane in enumerate(problem.lanes)
            ]
            lanes = np.append(arena.table.place_lane, len(slopes))
            return np.zeros_like(arena.pair_value), np.array([*slopes, 0], np.int64)[lanes][arena.entry_place]
