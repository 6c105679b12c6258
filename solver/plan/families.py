"""The constraint families of a part of a plan, each a function that writes one of them into a CP-SAT model.

There is a literal for each pair (the request starts then) and for each entry (the role is taken by that choice then).
A role that is required and has one choice left at a start needs no literal of its own: it shares that of the pair.
All starts are fixed, so a visit takes known minutes, or none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np

from ..model import ModelWriter
from .part import Flags, Part, cells_of, follows, lanes_of
from .problem import Lane, Link
from .table import NEVER, Ints, pointers, ranges

Formulation = Literal["cliques", "intervals", "both"]


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A model under construction: a part, and the literals of its k pairs and e entries."""

    writer: ModelWriter
    part: Part
    pair: Ints  # (k,)
    entry: Ints  # (e,)
    owns: Ints
    """The entries (0 ≤ i < e) with a literal of their own."""

    @property
    def entry_pair(self) -> Ints:
        """(e,) the pair of each entry, 0 ≤ i < k."""
        part = self.part
        segment = np.repeat(np.arange(len(part.segment)), np.diff(part.segment_entries))
        return np.repeat(np.arange(len(part.pair)), np.diff(part.pair_segments))[segment]


def draft(part: Part) -> Draft:
    """The literals of a part, in a model of its own."""
    writer = ModelWriter()
    pair = np.array(writer.booleans(len(part.pair)), np.int64)
    counts = np.diff(part.segment_entries)
    is_single = (counts == 1) & (part.table.segment_absent[part.segment] == NEVER)
    segment_pair = np.repeat(pair, np.diff(part.pair_segments))
    entry = np.repeat(segment_pair, counts)
    owns = np.flatnonzero(~np.repeat(is_single, counts))
    entry[owns] = np.array(writer.booleans(len(owns)), np.int64)
    return Draft(writer, part, pair, entry, owns)


def one_start(made: Draft) -> None:
    """A request starts at most once; one that a fixed visit follows, exactly once."""
    ends = made.part.request_pairs.tolist()
    groups = [range(low, high) for low, high in pairwise(ends)]
    must = made.part.must.tolist()
    made.writer.at_most_one_each(
        group for group, is_must in zip(groups, must, strict=True) if len(group) > 1 and not is_must
    )
    made.writer.exactly_one_each(group for group, is_must in zip(groups, must, strict=True) if is_must)


def one_choice(made: Draft) -> None:
    """Where a request starts, each role has exactly one choice, or at most one if it may be left out; else none."""
    part = made.part
    pairs = np.repeat(made.pair, np.diff(part.pair_segments)).tolist()
    required = (part.table.segment_absent[part.segment] == NEVER).tolist()
    literals, ends = made.entry.tolist(), pairwise(part.segment_entries.tolist())
    one: list[list[int]] = []
    none_or_one: list[list[int]] = []
    for pair, is_required, (low, high) in zip(pairs, required, ends, strict=True):
        if is_required:
            if high - low > 1:
                one.append([*literals[low:high], ~pair])
        elif low < high:
            none_or_one.append([*literals[low:high], ~pair])
    made.writer.exactly_one_each(one)
    made.writer.at_most_one_each(none_or_one)


def actors_once(made: Draft) -> None:
    """No visit uses an actor twice."""
    part = made.part
    lanes = part.table.problem.lanes
    actors = np.array([lane.actor for lane in lanes], np.int64)[lanes_of(part.table, part.entry)]
    pairs = made.entry_pair
    order = np.lexsort((actors, pairs))
    same = (np.diff(actors[order]) == 0) & (np.diff(pairs[order]) == 0)
    if not same.any():
        return
    borders = np.concatenate(([0], np.flatnonzero(~same) + 1, [len(order)])).tolist()
    literals = made.entry[order].tolist()
    made.writer.at_most_one_each(literals[low:high] for low, high in pairwise(borders) if high - low > 1)


# Resources that one visit fills


def no_overlap_by_cliques(made: Draft) -> None:
    """On a resource with capacity 1, at most one visit takes a cell of time: written for the fullest cells alone.

    The visits at a cell between whose beginning and the next cell only ends lie are all found at an earlier one.
    """
    entry = _alone(made)
    low, high = cells_of(made.part.table, made.part.entry[entry])
    begins = np.unique(low)
    ends = np.sort(high)
    # Full where a visit begins and another ends before the next begins. Visits do not reach beyond their resource.
    next_end = ends[np.minimum(np.searchsorted(ends, begins, "right"), len(ends) - 1)] if len(ends) else ends
    full = begins[next_end <= np.append(begins[1:], np.iinfo(np.int64).max)[: len(begins)]]
    first = np.searchsorted(full, low)
    count = np.searchsorted(full, high) - first
    cell = ranges(first, count)
    literals = np.repeat(made.entry[entry], count)[np.argsort(cell, kind="stable")].tolist()
    at = pointers(np.bincount(cell, minlength=len(full))).tolist()
    made.writer.at_most_one_each(literals[begin:end] for begin, end in pairwise(at) if end - begin > 1)


def no_overlap_by_intervals(made: Draft) -> None:
    """On a resource with capacity 1, visits with their buffers are interval variables that do not overlap."""
    places = _alone(made)
    by_resource: dict[int, list[tuple[int, int, int]]] = {}
    for (lane, at), literal in zip(_lanes_and_starts(made.part, places), made.entry[places].tolist(), strict=True):
        taken = (at - lane.footprint.before, at + lane.footprint.reach, literal)
        by_resource.setdefault(lane.resource, []).append(taken)
    for visits in by_resource.values():
        starts, ends, literals = zip(*visits, strict=True)
        made.writer.no_overlap(made.writer.fixed_intervals(starts, ends, literals))


def _alone(made: Draft) -> Ints:
    """The entries (0 ≤ i < e) on resources that one visit fills."""
    return np.flatnonzero(~_on_shared(made.part, made.part.entry))


def _on_shared(part: Part, entries: Ints) -> Flags:
    return part.shared_lanes[lanes_of(part.table, entries)]


def _lanes_and_starts(part: Part, places: Ints) -> Iterator[tuple[Lane, int]]:
    table, problem = part.table, part.table.problem
    numbers = table.entry_place[part.entry[places]]
    lanes: list[int] = table.place_lane[numbers].tolist()
    ticks: list[int] = table.place_tick[numbers].tolist()
    for lane, tick in zip(lanes, ticks, strict=True):
        yield problem.lanes[lane], problem.ticks[tick]


# Resources that several visits share


class _Piece(NamedTuple):
    """Minutes [start, end) of a visit at its lane's capacity, or of a buffer at 1; a fixed one has no literal."""

    start: int
    end: int
    capacity: int
    lane: int
    literal: int | None


class _Kind(NamedTuple):
    """Pieces that are alike at a minute: their capacity, and what they meet of their lane's crowd."""

    capacity: int
    stored: int
    tolerance: int


def shared_capacity(made: Draft) -> None:
    """Model 11 on resources with a capacity above 1, for each piece of a visit or buffer at each minute:

        stored Slots of its crowd + pieces ≤ min(its capacity, that crowd's tolerance, the others' capacities)

    Pieces are counted, the fixed ones with them; a literal for each kind of piece says whether there is one.
    """
    lanes = made.part.table.problem.lanes
    pieces: dict[int, list[_Piece]] = {}
    for piece in _pieces(made):
        pieces.setdefault(lanes[piece.lane].resource, []).append(piece)
    written: set[tuple[object, ...]] = set()
    for resource in sorted(pieces):
        for minute, here in _moments(lanes, pieces[resource]):
            _count_pieces(made.writer, lanes, minute, here, written)


def _pieces(made: Draft) -> Iterator[_Piece]:
    """The pieces on shared resources, free and fixed."""
    part, table = made.part, made.part.table
    free = np.flatnonzero(_on_shared(part, part.entry))
    fixed = part.fixed.entries[_on_shared(part, part.fixed.entries)] if len(free) else part.fixed.entries[:0]
    entries = [
        *zip(part.entry[free].tolist(), made.entry[free].tolist(), strict=True),
        *((one, None) for one in fixed.tolist()),
    ]
    for entry, literal in entries:
        number = int(table.entry_place[entry])
        place = int(table.place_lane[number])
        lane, at = table.problem.lanes[place], int(table.problem.ticks[int(table.place_tick[number])])
        end = at + lane.footprint.duration
        for low, high, capacity in (
            (at - lane.footprint.before, at, 1),
            (at, end, lane.capacity),
            (end, end + lane.footprint.after, 1),
        ):
            if low < high:
                yield _Piece(low, high, capacity, place, literal)


def _moments(lanes: tuple[Lane, ...], pieces: list[_Piece]) -> Iterator[tuple[int, list[_Piece]]]:
    """Minutes at which something begins to be taken or met, and the pieces there; one of them has a literal."""
    begins = {piece.start for piece in pieces}
    for lane in {piece.lane for piece in pieces}:
        begins.update(crowd.start for crowd in lanes[lane].crowds)
    pieces.sort(key=lambda piece: piece.start)
    here: list[_Piece] = []
    following = 0
    for minute in sorted(begins):
        here = [piece for piece in here if piece.end > minute]
        while following < len(pieces) and pieces[following].start <= minute:
            here.append(pieces[following])
            following += 1
        if len(here) > 1 and any(piece.literal is not None for piece in here):
            yield minute, here


def _count_pieces(
    writer: ModelWriter, lanes: tuple[Lane, ...], minute: int, here: list[_Piece], written: set[tuple[object, ...]]
) -> None:
    kinds: dict[_Kind, list[int | None]] = {}
    for piece in here:
        kinds.setdefault(_kind(lanes[piece.lane], piece.capacity, minute), []).append(piece.literal)
    literals = [piece.literal for piece in here if piece.literal is not None]
    fixed = len(here) - len(literals)
    key = (tuple((kind, tuple(found)) for kind, found in kinds.items()),)
    if key in written:
        return
    written.add(key)
    # No literal is needed where a fixed piece says that there is one of the kind, or only one kind is there.
    presence = {kind: _presence(writer, found, is_only=len(kinds) == 1) for kind, found in kinds.items()}
    for place, one in enumerate(kinds):
        for other in list(kinds)[place:]:
            most = min(one.capacity, other.capacity) - max(one.stored, other.stored)
            if one == other:
                most = min(most, one.tolerance - one.stored)
            if most - fixed < len(literals):
                only_if = [*presence[one], *(presence[other] if other != one else ())]
                writer.sum_in(literals, [1] * len(literals), [(0, max(most - fixed, 0) + 1)], only_if)


def _kind(lane: Lane, capacity: int, minute: int) -> _Kind:
    met = [crowd for crowd in lane.crowds if crowd.start <= minute < crowd.end]
    stored = sum(crowd.size for crowd in met)
    # Tolerances above what the lane's capacity allows are all alike.
    return _Kind(capacity, stored, min((crowd.tolerance for crowd in met), default=stored + capacity))


def _presence(writer: ModelWriter, found: list[int | None], *, is_only: bool) -> list[int]:
    """Literals that are all true if and only if a piece of the kind is there."""
    literals = [literal for literal in found if literal is not None]
    if is_only or len(literals) < len(found):
        return []
    if len(literals) == 1:
        return literals
    present = writer.booleans(1)[0]
    writer.some_of([~present, *literals])
    for literal in literals:
        writer.some_of([present, ~literal])
    return [present]


# Requests and lanes


def quotas(made: Draft) -> None:
    """Of the visits of a lane, at most so many start in each limited period, the fixed ones counted."""
    part, table = made.part, made.part.table
    lanes = table.problem.lanes
    limited = sorted(part.quota_lanes)
    if not limited:
        return
    minutes = np.array(table.problem.ticks, np.int64)
    entry_lane, fixed_lane = lanes_of(table, part.entry), lanes_of(table, part.fixed.entries)
    at = minutes[table.place_tick[table.entry_place[part.entry]]]
    fixed_at = minutes[table.place_tick[table.entry_place[part.fixed.entries]]]
    for lane in limited:
        for quota in lanes[lane].quotas:
            inside = (entry_lane == lane) & (quota.start <= at) & (at < quota.end)
            used = int(((fixed_lane == lane) & (quota.start <= fixed_at) & (fixed_at < quota.end)).sum())
            literals = made.entry[inside].tolist()
            left = max(quota.left - used, 0)
            if left < len(literals):
                made.writer.sum_in(literals, [1] * len(literals), [(0, left + 1)])


def links(made: Draft) -> None:
    """A request that follows another is served only if that is, and starts as long after its end as it should."""
    part = made.part
    place = {request: number for number, request in enumerate(part.requests.tolist())}
    for link in part.links:
        _precede(made, link, _pairs(part, place[link.first]), _pairs(part, place[link.then]))


def _pairs(part: Part, place: int) -> Ints:
    return np.arange(int(part.request_pairs[place]), int(part.request_pairs[place + 1]))


def _precede(made: Draft, link: Link, first: Ints, then: Ints) -> None:
    """The starts of `then` that need the same starts of `first`, or fewer of these, are at most as many as they."""
    fits = follows(made.part.table, link, made.part.pair[first], made.part.pair[then])
    # fits[:, t] is one stretch of the first's starts, since these ascend.
    for needed in np.unique(fits, axis=1).T:
        bound = then[~(fits & ~needed[:, None]).any(axis=0)]
        literals = [*made.pair[bound].tolist(), *made.pair[first[needed]].tolist()]
        weights = [1] * len(bound) + [-1] * int(needed.sum())
        made.writer.sum_in(literals, weights, [(-1, 1)])


def worth(made: Draft) -> None:
    """Maximize weight − lateness − preference − moves − absent, over the part alone."""
    weights = _weights(made)
    made.writer.maximize([*made.pair.tolist(), *made.entry[made.owns].tolist()], weights.tolist())


def _weights(made: Draft) -> Ints:
    """What each literal earns, in order of the literals: pairs, then entries that have their own."""
    part, table = made.part, made.part.table
    absent = table.segment_absent[part.segment]
    counts = np.diff(part.segment_entries)
    is_optional = absent != NEVER
    # Going without is paid with the start and given back with a choice.
    refund = np.where(is_optional, absent, 0)
    earned = np.repeat(refund, counts) - table.entry_cost[part.entry]
    shares = np.ones(len(part.entry), np.bool_)
    shares[made.owns] = False
    pair = table.pair_value[part.pair].copy()
    np.subtract.at(pair, np.repeat(np.arange(len(part.pair)), np.diff(part.pair_segments)), refund)
    np.add.at(pair, made.entry_pair[shares], earned[shares])
    return np.concatenate((pair, earned[made.owns]))
