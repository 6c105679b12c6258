"""All that a plan may choose from, as flat NumPy columns: pairs, segments, entries, and the cells of time they take.

A *pair* is a request at one start at which every required role has a free choice; a *segment* is a role of a pair; an
*entry* is a free choice of a segment. A *place* is a lane at a tick: entries of many requests share one. A *cell* is a
stretch of a resource's time between two successive borders of what its places take: a place takes whole cells, from
`place_low` up to `place_high`, and its visit alone from `place_visit_low` up to `place_visit_high`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .problem import PlanProblem, PlanRequest

Ints = NDArray[np.int64]
Small = NDArray[np.int32]

NEVER = 1 << 60
"""What a required role costs when it is left out: more than any plan is worth."""

_CHUNK = 1 << 19
"""How many choices are looked at in one go, so that temporary columns stay small."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The columns, for Q requests, K pairs, S segments, E entries, N places, R resources and C cells.

    Pairs ascend by request, then tick; segments by pair, then role; entries by segment, then choice; places by lane,
    then tick. Columns of Q + 1, K + 1, S + 1 or R + 1 numbers are pointers: what belongs to i lies in [p[i], p[i + 1]).
    """

    problem: PlanProblem
    request_pairs: Ints  # (Q + 1,)
    pair_request: Small  # (K,)
    pair_tick: Small  # (K,)
    pair_value: Ints  # (K,) weight − lateness − preference − move of the start
    pair_segments: Ints  # (K + 1,)
    segment_absent: Ints  # (S,) cost of leaving the role out; NEVER if it is required
    segment_entries: Ints  # (S + 1,)
    entry_choice: Small  # (E,) place of the choice in its role
    entry_cost: Ints  # (E,) preference + move of the choice
    entry_place: Small  # (E,)
    place_lane: Small  # (N,)
    place_tick: Small  # (N,)
    place_low: Small  # (N,) cells taken with buffers
    place_high: Small  # (N,)
    place_visit_low: Small  # (N,) cells taken by the visit; at capacity 1 the same as with buffers
    place_visit_high: Small  # (N,)
    resource_cells: Ints  # (R + 1,)
    cell_minute: Ints  # (C,) first minute of each cell

    @property
    def entry_lane(self) -> Small:
        """(E,) the lane of each entry."""
        return self.place_lane[self.entry_place]


def make_table(problem: PlanProblem) -> Table:
    """Lay out what each request may choose.

    Raises ValueError if a request's costs do not match its starts in number.
    """
    choices = _flatten(problem.requests)
    alive = _alive(problem)
    pairs = _pairs(problem.requests, alive)
    pair_roles = choices.request_roles[1:] - choices.request_roles[:-1]
    pair_segments = pointers(pair_roles[pairs.request])
    segment_role = ranges(choices.request_roles[pairs.request], pair_roles[pairs.request])
    places = _Places(problem, alive)
    entries = _entries(places, choices, pairs, pair_segments)
    cells = _cells(problem, places)
    return Table(
        problem,
        request_pairs=pointers(np.bincount(pairs.request, minlength=len(problem.requests))),
        pair_request=pairs.request,
        pair_tick=pairs.tick,
        pair_value=pairs.value,
        pair_segments=pair_segments,
        segment_absent=choices.role_absent[segment_role],
        segment_entries=pointers(np.bincount(entries.segment, minlength=len(segment_role))),
        entry_choice=entries.choice,
        entry_cost=entries.cost,
        entry_place=entries.place,
        place_lane=places.lane,
        place_tick=places.tick,
        place_low=cells.low,
        place_high=cells.high,
        place_visit_low=cells.visit_low,
        place_visit_high=cells.visit_high,
        resource_cells=cells.pointer,
        cell_minute=cells.minute,
    )


def pointers(counts: Ints) -> Ints:
    """[0, c0, c0 + c1, …]."""
    found = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=found[1:])
    return found


def ranges(first: Ints, count: Ints) -> Ints:
    """first[0], first[0] + 1, … (count[0] numbers), first[1], …, laid end to end."""
    end = np.cumsum(count)
    return np.arange(end[-1] if len(end) else 0) + np.repeat(first - end + count, count)


class _Choices(NamedTuple):
    """The roles of all requests end to end, and their choices."""

    request_roles: Ints  # (Q + 1,)
    role_choices: Ints  # (roles + 1,)
    role_absent: Ints
    lane: Small
    cost: Ints
    role: Ints  # the role of each choice, counted from the first of its request


def _flatten(requests: Sequence[PlanRequest]) -> _Choices:
    roles = [role for request in requests for role in request.roles]
    flat = [choice for role in roles for choice in role.choices]
    request_roles = _counted(len(request.roles) for request in requests)
    role_choices = _counted(len(role.choices) for role in roles)
    within = ranges(np.zeros(len(requests), np.int64), np.diff(request_roles))
    return _Choices(
        request_roles,
        role_choices,
        np.array([NEVER if role.absent is None else role.absent for role in roles], np.int64),
        np.array([choice.lane for choice in flat], np.int32),
        np.array([choice.preference + choice.move for choice in flat], np.int64),
        np.repeat(within, np.diff(role_choices)),
    )


def _counted(counts: Iterable[int]) -> Ints:
    return np.array([*accumulate(counts, initial=0)], np.int64)


def _alive(problem: PlanProblem) -> list[int]:
    """For each request the starts at which every required role has a free choice."""
    starts = [lane.starts for lane in problem.lanes]
    found: list[int] = []
    for request in problem.requests:
        alive = request.starts
        for role in request.roles:
            if role.absent is None:
                free = 0
                for choice in role.choices:
                    free |= starts[choice.lane]
                alive &= free
        found.append(alive)
    return found


def _bits(bitmaps: Sequence[int]) -> tuple[Ints, Ints]:
    """The set bits of all bitmaps: which bitmap, which bit, ascending."""
    # Bytes without a bit at the low end are skipped: a window late on a long axis costs no more than an early one.
    skipped = [((one & -one).bit_length() - 1) // 8 if one else 0 for one in bitmaps]
    widths = [(one.bit_length() + 7) // 8 - skip for one, skip in zip(bitmaps, skipped, strict=True)]
    data = b"".join(
        (one >> 8 * skip).to_bytes(width, "little") for one, skip, width in zip(bitmaps, skipped, widths, strict=True)
    )
    at = np.flatnonzero(np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little").view(np.bool_))
    counts = np.array([one.bit_count() for one in bitmaps], np.int64)
    shift = 8 * (np.array(skipped, np.int64) - _counted(widths)[:-1])
    owner = np.repeat(np.arange(len(bitmaps)), counts)
    return owner, at + np.repeat(shift, counts)


class _Pairs(NamedTuple):
    request: Small
    tick: Small
    value: Ints


def _pairs(requests: Sequence[PlanRequest], alive: Sequence[int]) -> _Pairs:
    owner, tick = _bits([request.starts for request in requests])
    value = np.array([request.weight for request in requests], np.int64)[owner]
    for name in ("lateness", "preference", "move"):
        if any(len(getattr(request, name)) for request in requests):
            value -= _costs(requests, name)
    kept = _has(_packed(alive, int(tick.max(initial=-1)) + 1), owner, tick)
    return _Pairs(owner[kept].astype(np.int32), tick[kept].astype(np.int32), value[kept])


def _costs(requests: Sequence[PlanRequest], name: str) -> Ints:
    """One kind of cost of every start, zeros where a request has none."""
    parts: list[Sequence[int]] = []
    for place, request in enumerate(requests):
        costs: Sequence[int] = getattr(request, name)
        starts = request.starts.bit_count()
        if len(costs) not in (0, starts):
            raise ValueError(f"request {place} has {len(costs)} costs of {name} for {starts} starts: give one for each")
        parts.append(costs if len(costs) else (0,) * starts)
    return np.fromiter(chain.from_iterable(parts), np.int64)


def _packed(bitmaps: Sequence[int], bits: int) -> NDArray[np.uint8]:
    """A row of bytes for each bitmap."""
    width = bits // 8 + 1
    mask = (1 << 8 * width) - 1
    data = b"".join((one & mask).to_bytes(width, "little") for one in bitmaps)
    return np.frombuffer(data, np.uint8).reshape(len(bitmaps), width)


def _has(packed: NDArray[np.uint8], row: Ints | Small, bit: Ints | Small) -> NDArray[np.bool_]:
    return (packed[row, bit >> 3] >> (bit & 7).astype(np.uint8) & 1).view(np.bool_)


class _Places:
    """The lanes at the ticks that some request may use there, and where each is in that order."""

    def __init__(self, problem: PlanProblem, alive: Sequence[int]) -> None:
        wanted = [0] * len(problem.lanes)
        for request, starts in zip(problem.requests, alive, strict=True):
            for role in request.roles:
                for choice in role.choices:
                    wanted[choice.lane] |= starts
        used = [starts & lane.starts for starts, lane in zip(wanted, problem.lanes, strict=True)]
        lane, tick = _bits(used)
        self.lane, self.tick = lane.astype(np.int32), tick.astype(np.int32)
        self._packed = _packed(used, len(problem.ticks))
        self._before = np.cumsum(np.bitwise_count(self._packed).ravel(), dtype=np.int32)
        self._before -= np.bitwise_count(self._packed).ravel()

    def has(self, lane: Small, tick: Small) -> NDArray[np.bool_]:
        return _has(self._packed, lane, tick)

    def index(self, lane: Small, tick: Small) -> Small:
        """The numbers of places that exist."""
        width = self._packed.shape[1]
        byte = lane.astype(np.int64) * width + (tick >> 3)
        below = (np.uint8(1) << (tick & 7).astype(np.uint8)) - np.uint8(1)
        return self._before[byte] + np.bitwise_count(self._packed.ravel()[byte] & below)


class _Entries(NamedTuple):
    segment: Ints
    choice: Small
    cost: Ints
    place: Small


def _entries(places: _Places, choices: _Choices, pairs: _Pairs, segments: Ints) -> _Entries:
    """Every choice of every role of every pair, where the lane is free."""
    request_choices = choices.role_choices[choices.request_roles]
    first = request_choices[pairs.request]
    count = request_choices[1:][pairs.request] - first
    # Where each choice stands in its own role.
    rank = ranges(np.zeros(len(choices.role_choices) - 1, np.int64), np.diff(choices.role_choices)).astype(np.int32)
    blocks = np.searchsorted(np.cumsum(count), np.arange(_CHUNK, int(count.sum()) + _CHUNK, _CHUNK))
    made: list[_Entries] = []
    low = 0
    for high in [*blocks.tolist(), len(count)]:
        if low < high:
            flat = ranges(first[low:high], count[low:high])
            pair = np.repeat(np.arange(low, high), count[low:high])
            lane, tick = choices.lane[flat], pairs.tick[pair]
            free = np.flatnonzero(places.has(lane, tick))
            flat, lane, tick = flat[free], lane[free], tick[free]
            segment = segments[pair[free]] + choices.role[flat]
            made.append(_Entries(segment, rank[flat], choices.cost[flat], places.index(lane, tick)))
            low = high
    if not made:
        nothing = np.zeros(0, np.int64)
        return _Entries(nothing, nothing.astype(np.int32), nothing, nothing.astype(np.int32))
    return _Entries(*(np.concatenate(columns) for columns in zip(*made, strict=True)))


class _Cells(NamedTuple):
    low: Small
    high: Small
    visit_low: Small
    visit_high: Small
    pointer: Ints
    minute: Ints


def _cells(problem: PlanProblem, places: _Places) -> _Cells:
    """Cut each resource's time at every border of a place on it."""
    lanes = problem.lanes
    resource = np.array([lane.resource for lane in lanes], np.int64)
    before = np.array([lane.footprint.before for lane in lanes], np.int64)
    reach = np.array([lane.footprint.reach for lane in lanes], np.int64)
    # With capacity 1 the buffers are one piece with the visit.
    shared = np.array([lane.capacity > 1 for lane in lanes], np.bool_)
    visit_before = np.where(shared, 0, before)
    visit_reach = np.where(shared, [lane.footprint.duration for lane in lanes], reach)
    count = int(resource.max(initial=-1)) + 1
    start = np.array(problem.ticks, np.int64)[places.tick]
    origin = int(start.min(initial=0)) - int(before.max(initial=0))
    span = int(start.max(initial=0)) + int(reach.max(initial=0)) + 1 - origin
    zero = resource[places.lane] * span + start - origin
    sides = [zero - before[places.lane], zero + reach[places.lane]]
    if shared.any():
        sides += [zero - visit_before[places.lane], zero + visit_reach[places.lane]]
    border = np.sort(np.concatenate(sides))  # np.unique hashes, which is far slower here
    border = border[np.append(True, border[1:] != border[:-1])[: len(border)]]
    # The last border of a resource begins no cell: cells are numbered without those.
    owner = border // span
    is_last = np.append(owner[1:] != owner[:-1], True)[: len(border)]
    number = (np.cumsum(~is_last) - ~is_last).astype(np.int32)
    low, high = (number[np.searchsorted(border, side)] for side in sides[:2])
    visit_low, visit_high = (
        (number[np.searchsorted(border, side)] for side in sides[2:]) if shared.any() else (low, high)
    )
    cells = ~is_last
    return _Cells(
        low,
        high,
        visit_low,
        visit_high,
        pointers(np.bincount(owner[cells], minlength=count)),
        border[cells] % span + origin,
    )
