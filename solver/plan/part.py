"""A part of a plan: some requests free to change, all others where they stand.

`Standing` is a plan in numbers of the candidate table; `make_part` cuts from the table what the free requests may
choose beside the others, in columns of the same shape, to be read by `families`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from ..errors import SolverFaultError
from .check import duration
from .problem import Link, Placement, Plan, PlanProblem
from .table import NEVER, Ints, Small, Table, pointers, ranges

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """A plan for Q requests with P roles in all: the pair of each request, the entry of each role; -1: none."""

    pair: Ints  # (Q,)
    entry: Ints  # (P,)
    roles: Ints  # (Q + 1,) the roles of request q are [roles[q], roles[q + 1])


def standing(table: Table, plan: Plan) -> Standing:
    """Look a plan up in the table.

    Raises
    ------
    SolverFaultError
        If a placement is none that the table has.
    """
    problem = table.problem
    roles = np.array([*accumulate((len(one.roles) for one in problem.requests), initial=0)], np.int64)
    found = Standing(np.full(len(plan), -1, np.int64), np.full(int(roles[-1]), -1, np.int64), roles)
    for request, placement in enumerate(plan):
        if placement is not None:
            found.pair[request] = pair = _pair_of(table, request, placement)
            found.entry[roles[request] : roles[request + 1]] = _entries_of(table, request, pair, placement)
    return found


def _pair_of(table: Table, request: int, placement: Placement) -> int:
    low, high = table.request_pairs[request : request + 2]
    pair = int(low + np.searchsorted(table.pair_tick[low:high], placement.tick))
    if pair == high or table.pair_tick[pair] != placement.tick:
        raise SolverFaultError(f"Request {request} is placed at tick {placement.tick}, where it may not start")
    return pair


def _entries_of(table: Table, request: int, pair: int, placement: Placement) -> list[int]:
    first = int(table.pair_segments[pair])
    found: list[int] = []
    for segment, choice in enumerate(placement.choices, first):
        low, high = table.segment_entries[segment : segment + 2]
        choices = table.entry_choice[low:high].tolist()
        if choice is not None and choice not in choices:
            raise SolverFaultError(f"Request {request} is placed at tick {placement.tick} in a choice that is not free")
        found.append(-1 if choice is None else int(low) + choices.index(choice))
    return found


def placement(table: Table, pair: int, entries: Sequence[int]) -> Placement:
    """A pair and its entries, role by role, in the words of the problem."""
    choices = (None if entry < 0 else int(table.entry_choice[entry]) for entry in entries)
    return Placement(int(table.pair_tick[pair]), tuple(choices))


def plan_of(table: Table, found: Standing) -> Plan:
    """A standing as a plan."""
    roles, entries = pairwise(found.roles.tolist()), found.entry.tolist()
    return tuple(
        None if pair < 0 else placement(table, pair, entries[low:high])
        for pair, (low, high) in zip(found.pair.tolist(), roles, strict=True)
    )


@dataclass(frozen=True, slots=True, eq=False)
class Fixed:
    """What the plan's other visits leave: who they are, and what they take."""

    entries: Ints
    """The entries of the requests that are not free."""

    pair: Ints
    """(Q,) as in `Standing`, -1 for the free."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What n free requests may choose: k pairs, s segments, e entries; shaped like the table, with its numbers.

    Nothing of it meets what is fixed on a resource that one visit fills. Capacities above 1 and quotas are left to the
    model, which counts what is fixed with the rest.
    """

    table: Table
    links: tuple[Link, ...]
    """Those between two free requests, by their numbers in the table."""

    requests: Ints  # (n,) ascending numbers of requests
    must: Flags  # (n,) is it to be served, since a fixed visit follows it?
    request_pairs: Ints  # (n + 1,)
    pair: Ints  # (k,) numbers of pairs
    pair_segments: Ints  # (k + 1,)
    segment: Ints  # (s,) numbers of segments
    segment_entries: Ints  # (s + 1,)
    entry: Ints  # (e,) numbers of entries
    fixed: Fixed
    shared_lanes: Flags
    """Of all lanes, those on a resource where more than one visit may stand at a time."""

    @property
    def cells(self) -> Flags:
        """(C,) the cells that the part's visits may take."""
        low, high = cells_of(self.table, self.entry)
        return _covered(len(self.table.cell_minute), low, high) > 0

    @property
    def quota_lanes(self) -> set[int]:
        """The lanes with booking limits that the part's visits may take."""
        lanes: list[int] = np.unique(lanes_of(self.table, self.entry)).tolist()
        return {lane for lane in lanes if self.table.problem.lanes[lane].quotas}


def lanes_of(table: Table, entries: Ints) -> Small:
    """The lanes of some entries (the columns of all are long)."""
    return table.place_lane[table.entry_place[entries]]


def cells_of(table: Table, entries: Ints) -> tuple[Small, Small]:
    """The first cell that each of some entries takes, and the cell after its last."""
    places = table.entry_place[entries]
    return table.place_low[places], table.place_high[places]


def shared_resources(problem: PlanProblem) -> Flags:
    """(R,) where more than one visit may stand at a time."""
    found = np.zeros(1 + max((lane.resource for lane in problem.lanes), default=-1), np.bool_)
    for lane in problem.lanes:
        if lane.capacity > 1:
            found[lane.resource] = True
    return found


class Cutter:
    """Cuts parts from a table: what does not depend on the plan is looked up once."""

    def __init__(self, table: Table) -> None:
        self.table = table
        problem = table.problem
        self._lane_resource = np.array([lane.resource for lane in problem.lanes], np.int64)
        self._shared_lanes = shared_resources(problem)[self._lane_resource]
        self._links: dict[int, list[Link]] = {}
        for link in problem.links:
            for request in (link.first, link.then):
                self._links.setdefault(request, []).append(link)

    def linked(self, request: int) -> list[int]:
        """The requests tied to this one."""
        return [link.then if link.first == request else link.first for link in self._links.get(request, ())]

    def neighbours(self, found: Standing, requests: Sequence[int]) -> list[int]:
        """The requests that stand on a resource on which one of these stands, themselves too."""
        request = np.repeat(np.arange(len(found.pair)), np.diff(found.roles))
        stands = found.entry >= 0
        request, resource = request[stands], self._lane_resource[lanes_of(self.table, found.entry[stands])]
        is_asked = np.zeros(len(found.pair), np.bool_)
        is_asked[requests] = True
        is_touched = np.zeros(int(self._lane_resource.max(initial=-1)) + 1, np.bool_)
        is_touched[resource[is_asked[request]]] = True
        return sorted(set(request[is_touched[resource]].tolist()))

    def cut(self, found: Standing, free: Iterable[int], apart: Part | None = None, liked: Flags | None = None) -> Part:
        """The part of the plan in which these requests are free; of all entries those `liked` and where they are.

        With `apart` it shares no cell, no limited lane, no request and no link with that part, so that both may
        change at once; requests that this leaves no way back to where they stand are not free.
        """
        requests = np.array(sorted(set(free)), np.int64)
        if apart is None:
            return self._cut(found, requests, liked, None, frozenset())
        kept = [
            request
            for request in np.setdiff1d(requests, apart.requests).tolist()
            if not any(other in apart.requests for other in self.linked(request))
        ]
        requests = self._with_a_way_back(found, kept, apart)
        return self._cut(found, requests, liked, apart.cells, apart.quota_lanes)

    def _with_a_way_back(self, found: Standing, requests: list[int], apart: Part) -> Ints:
        """Requests that may stay where they stand while the cells and limited lanes of `apart` are not theirs."""
        cells, lanes = pointers(apart.cells.astype(np.int64)), apart.quota_lanes
        kept: list[int] = []
        for request in requests:
            entries = found.entry[found.roles[request] : found.roles[request + 1]]
            entries = entries[entries >= 0]
            low, high = cells_of(self.table, entries)
            if not (cells[high] > cells[low]).any() and lanes.isdisjoint(lanes_of(self.table, entries).tolist()):
                kept.append(request)
        return np.array(kept, np.int64)

    def _cut(
        self,
        found: Standing,
        requests: Ints,
        liked: Flags | None,
        reserved: Flags | None,
        reserved_lanes: Iterable[int],
    ) -> Part:
        table = self.table
        fixed = _fixed(found, requests)
        pair = ranges(table.request_pairs[requests], np.diff(table.request_pairs)[requests])
        is_open, must = self._beside_links(fixed, requests, pair)
        pair = pair[is_open]
        segment = ranges(table.pair_segments[pair], np.diff(table.pair_segments)[pair])
        entry_count = np.diff(table.segment_entries)[segment]
        entry = ranges(table.segment_entries[segment], entry_count)
        is_free = ~self._is_blocked(fixed, entry, reserved, reserved_lanes)
        if liked is not None:
            rows = np.zeros(len(found.pair), np.bool_)
            rows[requests] = True
            own = found.entry[np.repeat(rows, np.diff(found.roles))]
            is_free &= liked[entry] | np.isin(entry, own)
        segment_count = _sums(is_free, entry_count)
        # A pair stays if every role that is required has a choice left.
        pair_roles = np.diff(table.pair_segments)[pair]
        lacks = (table.segment_absent[segment] == NEVER) & (segment_count == 0)
        keeps_pair = _sums(lacks, pair_roles) == 0
        keeps_segment = np.repeat(keeps_pair, pair_roles)
        keeps_entry = is_free & np.repeat(keeps_segment, entry_count)
        pair = pair[keeps_pair]
        place = np.searchsorted(requests, table.pair_request[pair])
        return Part(
            table,
            links=self._links_inside(requests.tolist()),
            requests=requests,
            must=must,
            request_pairs=pointers(np.bincount(place, minlength=len(requests))),
            pair=pair,
            pair_segments=pointers(pair_roles[keeps_pair]),
            segment=segment[keeps_segment],
            segment_entries=pointers(segment_count[keeps_segment]),
            entry=entry[keeps_entry],
            fixed=fixed,
            shared_lanes=self._shared_lanes,
        )

    def _links_inside(self, requests: Sequence[int]) -> tuple[Link, ...]:
        if not self._links:
            return ()
        inside = set(requests)
        found = (link for request in requests for link in self._links.get(request, ()))
        return tuple(dict.fromkeys(link for link in found if link.first in inside and link.then in inside))

    def _is_blocked(self, fixed: Fixed, entry: Ints, reserved: Flags | None, reserved_lanes: Iterable[int]) -> Flags:
        table = self.table
        # Where several may stand at a time, the model counts; only what is reserved is closed.
        entries = fixed.entries
        if self._shared_lanes.any():
            entries = entries[~self._shared_lanes[lanes_of(table, entries)]]
        taken = _covered(len(table.cell_minute), *cells_of(table, entries)) > 0
        if reserved is not None:
            taken |= reserved
        before = pointers(taken.astype(np.int64))
        low, high = cells_of(table, entry)
        blocked = before[high] > before[low]
        closed = [*reserved_lanes]
        return blocked | np.isin(lanes_of(table, entry), closed) if closed else blocked

    def _beside_links(self, fixed: Fixed, requests: Ints, pair: Ints) -> tuple[Flags, Flags]:
        """Which pairs keep the links to fixed requests, and which requests a fixed visit follows."""
        is_open = np.ones(len(pair), np.bool_)
        must = np.zeros(len(requests), np.bool_)
        if not self._links:
            return is_open, must
        inside = set(requests.tolist())
        for place, request in enumerate(requests.tolist()):
            for link in self._links.get(request, ()):
                if link.first in inside and link.then in inside:
                    continue
                mine = np.flatnonzero(self.table.pair_request[pair] == request)
                other = int(fixed.pair[link.first if request == link.then else link.then])
                if request == link.then:
                    is_open[mine] &= follows(self.table, link, np.array([other]), pair[mine]).any(axis=0)
                elif other >= 0:
                    must[place] = True
                    is_open[mine] &= follows(self.table, link, pair[mine], np.array([other])).any(axis=1)
        return is_open, must


def follows(table: Table, link: Link, first: Ints, then: Ints) -> Flags:
    """(len(first), len(then)) does the one pair come after the other as the link asks? After -1, no pair does."""
    problem = table.problem
    minutes = np.array(problem.ticks, np.int64)
    begun, at = minutes[table.pair_tick[first]], minutes[table.pair_tick[then]]
    gap = at[None, :] - (begun + duration(problem, problem.requests[link.first]))[:, None]
    found = (gap >= link.least) & (first >= 0)[:, None]
    if link.most is not None:
        found &= gap <= link.most
    if link.days:
        days = np.array(link.days, np.int64)
        found &= np.searchsorted(days, begun, "right")[:, None] == np.searchsorted(days, at, "right")[None, :]
    return found


def _fixed(found: Standing, free: Ints) -> Fixed:
    pair = found.pair.copy()
    pair[free] = -1
    entry = found.entry[np.repeat(pair >= 0, np.diff(found.roles))]
    return Fixed(entry[entry >= 0], pair)


def _covered(cells: int, low: Ints | Small, high: Ints | Small) -> Ints:
    """(cells,) how many of the stretches [low, high) cover each cell."""
    change = np.bincount(low, minlength=cells + 1) - np.bincount(high, minlength=cells + 1)
    return np.cumsum(change)[:cells]


def _sums(values: NDArray[np.bool_], counts: Ints) -> Ints:
    """The sums of successive stretches of `counts` values."""
    total = pointers(values.astype(np.int64))
    ends = pointers(counts)
    return total[ends[1:]] - total[ends[:-1]]
