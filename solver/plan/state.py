"""A plan that grows and changes: who is served and how, what is still open, and the best way to serve one more."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .arena import ABSENT, Arena, Flags, Option
from .offers import Reals
from .problem import Link, Placement, Plan, PlanProblem
from .sharing import Sharing
from .table import Ints, Small

RUIN = 1 << 56
"""What an entry costs that is closed: more than all weights together, and 64 of them are still a number."""


class _Tie(NamedTuple):
    """A link as the row sees it that follows: the row that leads (None: it is never served), and how long it lasts."""

    link: Link
    first: int | None
    duration: int


class _Row(NamedTuple):
    """What a row may choose, as views of the arena's columns."""

    places: Small
    costs: Ints
    segments: Ints
    values: Ints
    roles: int
    pair: int
    entry: int


class State:
    """The rows of an arena that are served. A row that follows another is put after it, and leaves before it."""

    def __init__(self, arena: Arena) -> None:
        self.arena = arena
        self.options: list[Option | None] = [None] * len(arena.row_request)
        self.value = 0
        self.sharing = Sharing(arena.table)
        self._entry_place: list[int] = arena.entry_place.tolist()
        self._rows: list[_Row | None] = [None] * len(arena.row_request)
        problem = arena.table.problem
        self._minutes = np.array(problem.ticks, np.int64)
        self._set_quotas()
        self._set_ties(problem)
        self._clashing = _clashing(arena)

    def _set_quotas(self) -> None:
        """Counters of quotas, and for each place those it draws on. Counter 0 never runs out."""
        table = self.arena.table
        lanes = table.problem.lanes
        self._left: Ints | None = None
        if not any(lane.quotas for lane in lanes):
            return
        left = [1 << 40]
        first: list[int] = []
        for lane in lanes:
            first.append(len(left))
            left += [quota.left for quota in lane.quotas]
        drawn: list[list[int]] = []
        lane_of: list[int] = table.place_lane.tolist()
        for number, at in zip(lane_of, self._minutes[table.place_tick].tolist(), strict=True):
            quotas = enumerate(lanes[number].quotas, first[number])
            drawn.append([counter for counter, quota in quotas if quota.start <= at < quota.end])
        drawn.append([])
        width = max(map(len, drawn))
        self._left = np.array(left, np.int64)
        self._drawn = np.array([[*one, *[0] * (width - len(one))] for one in drawn], np.int64).reshape(-1, width)

    def _set_ties(self, problem: PlanProblem) -> None:
        self._ties: dict[int, list[_Tie]] = {}
        self._followers: dict[int, list[int]] = {}
        rows = {request: row for row, request in enumerate(self.arena.row_request.tolist())}
        for link in problem.links:
            first, then = rows.get(link.first), rows.get(link.then)
            if then is not None:
                self._ties.setdefault(then, []).append(_Tie(link, first, duration(problem, link.first)))
                if first is not None:
                    self._followers.setdefault(first, []).append(then)

    # What may be chosen

    def are_open(self, places: Ints | Small) -> Flags:
        """May a visit be put at these places, each alone? Links and distinct actors are not looked at."""
        found = self.sharing.are_open(places)
        if self._left is not None:
            found &= (self._left[self._drawn[places]] > 0).all(axis=-1)
        return found

    def may_leave(self, row: int, newcomer: int) -> bool:
        """May the row leave for the newcomer? Not if somebody who is served follows it, or the newcomer does."""
        followers = self._followers.get(row, ())
        return newcomer not in followers and all(self.options[one] is None for one in followers)

    def best(self, row: int, place_price: Reals | None = None) -> Option | None:
        """The open option worth most (after paying, if there are prices), the first of equals; None: all worth ≤ 0."""
        one = self.row(row)
        costs = np.where(self.are_open(one.places), one.costs, RUIN)
        return self.cheapest(row, costs if place_price is None else costs + place_price[one.places])

    def cheapest(self, row: int, costs: Reals | Ints) -> Option | None:
        """The option worth most if its entries cost this; costs from RUIN on are never paid."""
        one = self.row(row)
        least = np.minimum.reduceat(costs, one.segments)
        worths = one.values - (least if one.roles == 1 else least.reshape(-1, one.roles).sum(axis=1))
        if row in self._ties:
            worths[~self._in_order(row)] = -RUIN
        if row in self._clashing:
            return self._distinct(row, costs, worths)
        place = int(worths.argmax())
        if worths[place] <= 0:
            return None
        begin = place * one.roles
        borders = [*one.segments[begin : begin + one.roles + 1].tolist(), len(one.places)]
        entries = [borders[role] + int(costs[borders[role] : borders[role + 1]].argmin()) for role in range(one.roles)]
        return self._option(one, place, entries)

    def row(self, row: int) -> _Row:
        """What the row may choose."""
        found = self._rows[row]
        if found is None:
            arena = self.arena
            pair, pairs = arena.row_pairs[row : row + 2].tolist()
            segment, segments = arena.pair_segments[[pair, pairs]].tolist()
            entry, entries = arena.segment_entries[[segment, segments]].tolist()
            found = self._rows[row] = _Row(
                arena.entry_place[entry:entries],
                arena.entry_cost[entry:entries],
                arena.segment_entries[segment:segments] - entry,
                arena.pair_value[pair:pairs],
                int(arena.row_roles[row]),
                pair,
                entry,
            )
        return found

    def _option(self, one: _Row, place: int, entries: Sequence[int]) -> Option:
        value = int(one.values[place]) - sum(one.costs[entry] for entry in entries)
        return Option(one.pair + place, tuple(one.entry + entry for entry in entries), int(value))

    def _in_order(self, row: int) -> Flags:
        """Which pairs of the row keep its links to those it follows."""
        low, high = self.arena.row_pairs[row : row + 2].tolist()
        at = self._minutes[self.arena.pair_tick[low:high]]
        found = np.ones(len(at), np.bool_)
        for link, first, lasts in self._ties[row]:
            leader = None if first is None else self.options[first]
            if leader is None:
                return np.zeros(len(at), np.bool_)
            begun = int(self._minutes[self.arena.pair_tick[leader.pair]])
            found &= at >= begun + lasts + link.least
            if link.most is not None:
                found &= at <= begun + lasts + link.most
            if link.days:
                found &= np.searchsorted(np.array(link.days), at, "right") == bisect_right(link.days, begun)
        return found

    def _distinct(self, row: int, costs: Reals | Ints, worths: Reals | Ints) -> Option | None:
        """As `cheapest`, where roles of the row share actors or resources."""
        one = self.row(row)
        borders = [*one.segments.tolist(), len(one.places)]
        most: float = 0
        found: Option | None = None
        for place in np.argsort(-worths, kind="stable").tolist():
            if worths[place] <= most:
                break
            begin = place * one.roles
            segments = [
                sorted((costs[entry].item(), entry) for entry in range(borders[number], borders[number + 1]))
                for number in range(begin, begin + one.roles)
            ]
            spent, entries = self._assign(one, segments, one.values[place].item() - most)
            if entries is not None:
                most = one.values[place].item() - spent
                found = self._option(one, place, entries)
        return found

    def _assign(
        self, one: _Row, segments: Sequence[Sequence[tuple[float, int]]], below: float
    ) -> tuple[float, list[int] | None]:
        """The cheapest entry of each segment without sharing an actor or a resource, if it costs less than `below`."""
        lanes = self.arena.table.problem.lanes
        place_lane = self.arena.table.place_lane
        rest = [0.0] * (len(segments) + 1)
        for number in range(len(segments) - 1, -1, -1):
            rest[number] = rest[number + 1] + segments[number][0][0]
        best: list[int] | None = None

        def extend(number: int, spent: float, chosen: list[int], used: frozenset[tuple[bool, int]]) -> None:
            nonlocal best, below
            if number == len(segments):
                best, below = chosen, spent
                return
            for cost, entry in segments[number]:
                if spent + cost + rest[number + 1] >= below:
                    return
                place = int(one.places[entry])
                keys: frozenset[tuple[bool, int]] = frozenset()
                if place < len(place_lane):
                    lane = lanes[int(place_lane[place])]
                    keys = frozenset({(True, lane.actor), (False, lane.resource)})
                if not keys & used:
                    extend(number + 1, spent + cost, [*chosen, entry], used | keys)

        extend(0, 0, [], frozenset())
        return below, best

    # Changes

    def places(self, option: Option) -> list[int]:
        """Where the option takes time."""
        return [self._entry_place[entry] for entry in option.entries]

    def put(self, row: int, option: Option) -> None:
        """Serve the row so; what the option takes is open."""
        for place in self.places(option):
            self.sharing.take(place, row)
            if self._left is not None:
                self._left[self._drawn[place]] -= 1
        self.options[row] = option
        self.value += option.value

    def remove(self, row: int) -> Option:
        """Serve the row no longer; how it was served."""
        option = self.options[row]
        assert option is not None
        for place in self.places(option):
            self.sharing.leave(place, row)
            if self._left is not None:
                self._left[self._drawn[place]] += 1
        self.options[row] = None
        self.value -= option.value
        return option

    def become(self, options: Sequence[Option | None]) -> None:
        """Serve everybody as in this list, of options that were together before."""
        order = [row for row in in_order(self.arena) if self.options[row] != options[row]]
        for row in reversed(order):
            if self.options[row] is not None:
                self.remove(row)
        for row in order:
            option = options[row]
            if option is not None:
                self.put(row, option)

    def plan(self) -> Plan:
        """The plan as placements of all requests."""
        return plan_of(self.arena, self.options)

    def load(self, plan: Plan) -> None:
        """Put all that a plan serves and that is still possible, on an empty state."""
        for row in in_order(self.arena):
            placement = plan[int(self.arena.row_request[row])]
            option = None if placement is None else self._read(row, placement)
            if option is not None:
                self.put(row, option)

    def _read(self, row: int, placement: Placement) -> Option | None:
        """The placement as an option, unless something in the way makes it impossible."""
        one = self.row(row)
        arena = self.arena
        low, high = arena.row_pairs[row : row + 2].tolist()
        place = int(np.searchsorted(arena.pair_tick[low:high], placement.tick))
        if place == high - low or arena.pair_tick[low + place] != placement.tick:
            return None
        if row in self._ties and not self._in_order(row)[place]:
            return None
        wanted = [ABSENT if choice is None else choice for choice in placement.choices] or [ABSENT]
        borders = [*one.segments.tolist(), len(one.places)]
        entries: list[int] = []
        for number, choice in enumerate(wanted, place * one.roles):
            begin, end = borders[number : number + 2]
            hits = np.flatnonzero(arena.entry_choice[one.entry + begin : one.entry + end] == choice)
            if not len(hits):
                return None
            entries.append(begin + int(hits[0]))
        option = self._option(one, place, entries)
        return option if self.are_open(np.array(self.places(option))).all() else None


def plan_of(arena: Arena, options: Sequence[Option | None]) -> Plan:
    """The options of all rows as placements of all requests."""
    found: list[Placement | None] = [None] * len(arena.table.problem.requests)
    for row, option in enumerate(options):
        if option is not None:
            found[arena.row_request[row]] = arena.placement(row, option)
    return tuple(found)


def in_order(arena: Arena, order: Sequence[int] | None = None) -> list[int]:
    """The rows, each after those it follows, otherwise in this order, or as they come."""
    order = range(len(arena.row_request)) if order is None else order
    rows = {request: row for row, request in enumerate(arena.row_request.tolist())}
    before: dict[int, list[int]] = {}
    for link in arena.table.problem.links:
        if link.first in rows and link.then in rows:
            before.setdefault(rows[link.then], []).append(rows[link.first])
    if not before:
        return list(order)
    found: dict[int, None] = {}
    for row in order:
        waiting = [row]
        while waiting:
            missing = [one for one in before.get(waiting[-1], ()) if one not in found]
            if missing:
                waiting += missing
            else:
                found[waiting.pop()] = None
    return list(found)


def _clashing(arena: Arena) -> frozenset[int]:
    """The rows of which two roles may want one actor or one resource."""
    problem = arena.table.problem
    found: list[int] = []
    requests: list[int] = arena.row_request.tolist()
    for row, request in enumerate(requests):
        roles = problem.requests[request].roles
        if len(roles) > 1:
            lanes = [{choice.lane for choice in role.choices} for role in roles]
            for keys in (
                [{problem.lanes[lane].actor for lane in one} for one in lanes],
                [{problem.lanes[lane].resource for lane in one} for one in lanes],
            ):
                if sum(map(len, keys)) > len(set[int]().union(*keys)):
                    found.append(row)
                    break
    return frozenset(found)


def duration(problem: PlanProblem, request: int) -> int:
    """The minutes of a request's visit; 0 if it has no lane."""
    lanes = (choice.lane for role in problem.requests[request].roles for choice in role.choices)
    return next((problem.lanes[lane].footprint.duration for lane in lanes), 0)
