"""The open starts of many schedules for one service and one window, in one sweep over columns.

The rule is that of `solver.calendar` (specification, model 17) and the answer is the same. A piece that forbids
something becomes the stretch of starts that it forbids; the starts left lie in the gaps between the merged stretches.
Schedules with equal rules share what follows from the rules; a chunk of schedules is swept at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from . import intervals
from .availability import Footprint, Rules, closure_piece, expand_hours
from .grid import Grid
from .limits import Limit
from .runs import (
    Columns,
    Minutes,
    Numbers,
    Pieces,
    Places,
    at_least,
    covered,
    firsts,
    forbids,
    gaps,
    intersection,
    joined,
    laid,
    places_of,
    spread,
    union,
    walls,
)

CHUNK = 200
"""Schedules swept at once: with ten bookings a day what is made on the way takes less than 2 MB."""

_AXIS_MOST = 2**30
_KINDS_MOST = 64


class Stored(NamedTuple):
    """What is stored for some schedules, as one service sees it; lapsed holds are left out.

    `taken` are relevant occupying Slots, `free` relevant free ones, `booked` the starts of what counts for booking
    limits (its ends mean nothing); None stands for none at all. All are minutes since `origin`.
    """

    origin: int
    taken: Columns
    free: Columns | None = None
    booked: Columns | None = None


class Window(NamedTuple):
    """Visits and their buffers lie in [low, high), minutes since the epoch."""

    low: int
    high: int

    @property
    def width(self) -> int:
        return self.high - self.low


class Starts(NamedTuple):
    """The starts of the i-th schedule asked for are minute[first[i] : first[i + 1]], in minutes since the origin."""

    first: Places
    minute: Minutes


class StartRuns(NamedTuple):
    """Stretches of adjacent ticks, those of schedule i at first[i] : first[i + 1]: the first tick, how many ticks."""

    first: Places
    tick: Numbers
    ticks: Numbers


class Ticks:
    """The ticks of a grid in a window, once for each of several kinds of schedules, which may start at some of them.

    `minute` holds those of all kinds, in minutes from the window's beginning; those of kind i begin at first[i].
    `before[i * size + m]` says how many ticks of kind i lie before the minute m.
    """

    def __init__(self, grid: Grid, window: Window, footprint: Footprint, opened: Sequence[intervals.Edges]) -> None:
        on_grid = (np.array(grid.ticks(*window), np.int64) - window.low).astype(np.int32)
        self.size = window.width + 2
        kinds = [on_grid[_inside(on_grid, edges, footprint)] for edges in opened]
        self.first = firsts(np.array([len(kind) for kind in kinds], np.int64))
        self.minute: Minutes = np.concatenate([np.empty(0, np.int32), *kinds])
        marks = np.zeros((len(kinds), self.size), np.int32)
        for row, kind in zip(marks, kinds):
            row[kind + 1] = 1
        self.before: Minutes = np.cumsum(marks, axis=1, dtype=np.int32).reshape(-1)


def _inside(ticks: Minutes, opened: intervals.Edges, footprint: Footprint) -> Places:
    """The places of the ticks at which a footprint fits into one piece of open time."""
    edges = np.array(opened, np.int64)
    first = np.searchsorted(ticks, edges[::2] + footprint.before)
    last = np.searchsorted(ticks, edges[1::2] - footprint.reach, side="right")
    return spread(first, np.maximum(last - first, 0))


# What follows from rules alone


class Shut(NamedTuple):
    """Closed time of one set of rules in a window, in minutes from its beginning.

    `outside` is the complement of the hours, `closed` closures and what lies outside the planning horizon.
    """

    outside: intervals.Edges
    closed: intervals.Edges


class Hours:
    """Weekly hours in one window, each (hours, zone) expanded once."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._outside: dict[object, intervals.Edges] = {}

    def shut(self, rules: Rules) -> Shut:
        low, high = self._window
        key = rules.weekly, rules.zone.name
        outside = self._outside.get(key)
        if outside is None:
            hours = expand_hours(rules.weekly, rules.zone, low, high)
            opened = intervals.from_pairs((piece.start, piece.end) for piece in hours)
            outside = [edge - low for edge in intervals.complement(opened, low, high)]
            self._outside[key] = outside
        pieces = [(piece.start, piece.end) for one in rules.closures for piece in [closure_piece(one, low, high)]]
        if rules.horizon_start is not None:
            pieces.append((low, min(max(rules.horizon_start, low), high)))
        if rules.horizon_end is not None:
            pieces.append((max(min(rules.horizon_end, high), low), high))
        return Shut(outside, [edge - low for edge in intervals.from_pairs(pieces)])


def _columns(sets: Sequence[intervals.Edges]) -> Columns:
    first = np.cumsum([0, *(len(edges) // 2 for edges in sets)])
    edges = np.array([edge for one in sets for edge in one], np.int32)
    return Columns(first, edges[::2].copy(), edges[1::2].copy())


# Capacity


def blocked(pieces: Pieces, tolerance: Minutes | None, capacity: int) -> Pieces:
    """Where a piece asked for at `capacity` is blocked (specification, model 11), merged.

    n ≥ min(capacity, t1 … tn) running: at least `capacity` run, or at least k run of which one tolerates at most k.
    """
    if capacity == 1 or tolerance is None or not len(pieces.start):
        return union(pieces)
    parts = [at_least(pieces, capacity)]
    for number in np.unique(tolerance[tolerance < capacity]).tolist():
        strict = tolerance <= number
        some = union(Pieces(pieces.start[strict], pieces.end[strict]))
        parts.append(some if number == 1 else intersection(at_least(pieces, number), some))
    return union(joined(*parts))


# The sweep


@dataclass(frozen=True, slots=True)
class Question:
    """Which starts are open for each of `members`, numbers of schedules in the columns.

    `terms[i]` says which of `rules` hold for members[i].
    """

    window: Window
    rules: Sequence[Rules]
    members: Places
    terms: Places


def sweep(stored: Stored, question: Question, most: int | None = None) -> Starts:
    """The first `most` open starts of every member (None: all), in the order of the members."""
    parts: list[tuple[Places, Places, Minutes]] = []
    for places, chunk in _chunks(stored, question):
        counts, minutes = chunk.starts(most)
        parts.append((places, counts, minutes + np.int32(question.window.low - stored.origin)))
    return _gathered(len(question.members), parts)


def busy_runs(stored: Stored, question: Question) -> Columns:
    """Where each member is shut, or blocked at its capacity: merged runs in minutes from the window's beginning.

    The first run of each begins at -1 and the last ends at the window's width + 1, so that no gap of one schedule is
    taken for one between two.
    """
    counts = np.zeros(len(question.members), np.int64)
    parts: list[tuple[Places, Pieces]] = []
    for places, chunk in _chunks(stored, question):
        counts[places], runs = chunk.busy()
        parts.append((places, runs))
    first = firsts(counts)
    found = Pieces(np.empty(first[-1], np.int32), np.empty(first[-1], np.int32))
    for places, runs in parts:
        for target, part in zip(found, runs):
            _put(target, first, counts[places], places, part)
    return Columns(first, *found)


def runs_between(busy: Columns, footprint: Footprint, ticks: Ticks) -> StartRuns:
    """The ticks at which a visit and its buffers fit between busy runs as `busy_runs` gives them.

    `ticks` has one kind, and all of the grid's ticks in the window.
    """
    places = np.flatnonzero(busy.start[1:] - busy.end[:-1] >= footprint.before + footprint.reach)
    tick = ticks.before[busy.end[places] + np.int32(footprint.before)]
    count = ticks.before[busy.start[places + 1] - np.int32(footprint.reach - 1)] - tick
    return StartRuns(np.searchsorted(places, busy.first), tick, count)


def expanded(runs: StartRuns, ticks: Ticks, most: int | None) -> tuple[Places, Minutes]:
    """How many starts each schedule has, at most `most`, and these, in minutes from the window's beginning."""
    count = runs.ticks
    if most is not None:
        before = firsts(count)
        done = before[:-1] - np.repeat(before[runs.first[:-1]], np.diff(runs.first))
        count = np.clip(most - done, 0, count)
    return np.diff(firsts(count)[runs.first]), ticks.minute[spread(runs.tick, count)]


def _cut(first: Numbers, last: Numbers, borders: Places) -> tuple[Numbers, Numbers]:
    """Ascending ranges, cut at each of the ascending borders that lies inside one."""
    if not len(first):
        return first, last
    places = np.searchsorted(first, borders) - 1
    crossed = np.flatnonzero((places >= 0) & (last[places] > borders))
    places, borders = places[crossed], borders[crossed]
    return np.insert(first, places + 1, borders), np.insert(last, places, borders)


def _gathered(size: int, parts: Sequence[tuple[Places, Places, Minutes]]) -> Starts:
    """The starts of all chunks in the order of the members."""
    counts = np.zeros(size, np.int64)
    for places, found, _ in parts:
        counts[places] = found
    first = firsts(counts)
    minutes = np.empty(first[-1], np.int32)
    for places, found, part in parts:
        _put(minutes, first, found, places, part)
    return Starts(first, minutes)


def _put(target: Minutes, first: Places, counts: Places, places: Places, part: Minutes) -> None:
    """Write what belongs to these places, one after the other, where it belongs."""
    if not len(part):
        return
    if places[-1] - places[0] == len(places) - 1:
        target[first[places[0]] : first[places[-1] + 1]] = part
    else:
        target[spread(first[places], counts)] = part


class _Shape(NamedTuple):
    """What must be the same for all schedules of a chunk."""

    footprint: Footprint
    capacity: int
    grid: Grid
    limits: tuple[Limit, ...]
    zone: str


def _chunks(stored: Stored, question: Question) -> Iterator[tuple[Places, _Chunk]]:
    """The members in chunks, each with its places in the question."""
    shapes: dict[_Shape, list[int]] = {}
    for number, rules in enumerate(question.rules):
        zone = rules.zone.name if rules.limits else ""
        shape = _Shape(rules.footprint, rules.capacity, rules.grid, rules.limits, zone)
        shapes.setdefault(shape, []).append(number)
    hours = Hours(question.window)
    for shape, numbers in shapes.items():
        of = np.full(len(question.rules), -1, np.int64)
        of[numbers] = np.arange(len(numbers))
        terms = of[question.terms]
        chosen = np.flatnonzero(terms >= 0)
        if not len(chosen):
            continue
        common = _Common(stored, question.window, shape, [question.rules[number] for number in numbers], hours)
        size = max(1, min(CHUNK, _AXIS_MOST // common.stride))
        for begin in range(0, len(chosen), size):
            places = chosen[begin : begin + size]
            yield places, _Chunk(common, question.members[places], terms[places])


class _Common:
    """What the chunks of one shape share.

    `ticks` has a kind for each of the rules, with the ticks at which their own open time admits a visit, and one more
    with all ticks of the window: for schedules whose closed time is told by pieces.
    """

    def __init__(self, stored: Stored, window: Window, shape: _Shape, rules: Sequence[Rules], hours: Hours) -> None:
        self.stored = stored
        self.shape = shape
        self.low = window.low - stored.origin
        self.width = window.width
        self.stride = self.width + 1
        foot = shape.footprint
        self.fits = foot.duration > 0 and foot.before + foot.reach <= self.width
        """If not, nothing is computed with these lengths."""
        shut = [hours.shut(one) for one in rules]
        self.outside = _columns([one.outside for one in shut])
        self.closed = _columns([one.closed for one in shut])
        both = [intervals.union(one.outside, one.closed) for one in shut]
        self.shut = _columns(both)
        self.by_kind = len(rules) <= _KINDS_MOST
        opened = [intervals.complement(edges, 0, self.width) for edges in both] if self.by_kind else []
        self.plain_kind = len(opened)
        self.ticks = Ticks(shape.grid, window, foot, [*opened, [0, self.width]] if self.fits else [])
        self.periods = [
            np.array(limit.bounds(rules[0].zone, window.low, window.high), np.int64) - stored.origin
            for limit in shape.limits
        ]


def _ranks(minutes: Minutes, ticks: Ticks, kinds: Places, base: Places, stride: int) -> Numbers:
    """How many ticks of a chunk lie before these minutes of its axis; those of schedule i begin at base[i]."""
    place = minutes // np.int32(stride)
    minute = minutes - place * np.int32(stride)
    kind = int(kinds[0])
    if (kinds == kind).all():
        return place * np.int32(base[1]) + ticks.before[kind * ticks.size : (kind + 1) * ticks.size][minute]
    return base[place] + ticks.before[kinds[place] * ticks.size + minute]


class _Chunk:
    """Some schedules of one shape, on one axis."""

    def __init__(self, common: _Common, members: Places, terms: Places) -> None:
        self._common = common
        self._members = members
        self._terms = terms

    def starts(self, most: int | None) -> tuple[Places, Minutes]:
        """How many starts each schedule has, and the starts, in minutes from the window's beginning."""
        common = self._common
        if not common.fits:
            return np.zeros(len(self._members), np.int64), np.empty(0, np.int32)
        (low, high), kinds = self._open()
        ticks = common.ticks
        # Ticks are numbered through all schedules of the chunk: what is open beyond a border is one range.
        base = firsts(np.diff(ticks.first)[kinds])
        first, last = (_ranks(edges, ticks, kinds, base, common.stride) for edges in (low, high))
        there = np.flatnonzero(last > first)
        first, last = _cut(first[there], last[there], base[1:-1])
        of = np.searchsorted(first, base)
        tick = first + np.repeat(ticks.first[kinds] - base[:-1], np.diff(of))
        return expanded(StartRuns(of, tick, last - first), ticks, most)

    def busy(self) -> tuple[Places, Pieces]:
        """How many busy runs each schedule has, and the runs, as `busy_runs` gives them."""
        common = self._common
        taken, tolerance = self._taken()
        free = gaps(covered(joined(blocked(taken, tolerance, common.shape.capacity), *self._shut())))
        place = free.start // np.int32(common.stride)
        base = place * np.int32(common.stride)
        counts = np.bincount(place, minlength=len(self._members)) + 1
        first = firsts(counts)
        runs = Pieces(np.empty(first[-1], np.int32), np.empty(first[-1], np.int32))
        # A schedule has one run more than it has gaps.
        at = np.arange(len(place)) + place
        runs.start[first[:-1]], runs.start[at + 1] = -1, free.end - base
        runs.end[first[1:] - 1], runs.end[at] = common.width + 1, free.start - base
        return counts, runs

    def _laid(self, columns: Columns) -> tuple[Pieces, Places | slice]:
        common = self._common
        return laid(columns, self._members, common.low, common.width, common.stride)

    def _of_rules(self, columns: Columns) -> Pieces:
        common = self._common
        return laid(columns, self._terms, 0, common.width, common.stride)[0]

    def _taken(self) -> tuple[Pieces, Minutes | None]:
        """The relevant occupying Slots, and what they tolerate."""
        columns = self._common.stored.taken
        pieces, places = self._laid(columns)
        return pieces, None if columns.tolerance is None else columns.tolerance[places]

    def _has_free(self) -> bool:
        """Has any of the schedules a free Slot, whenever it is?"""
        free = self._common.stored.free
        return free is not None and bool((free.first[self._members + 1] > free.first[self._members]).any())

    def _shut(self) -> list[Pieces]:
        """Everything but open time, walls included, as sorted parts."""
        common = self._common
        around = walls(len(self._members), common.width, common.stride)
        if common.stored.free is None or not self._has_free():
            return [self._of_rules(common.shut), around]
        # Not (hours ∪ free) is (not hours) ∩ (not free).
        not_free = gaps(covered(joined(self._laid(common.stored.free)[0], around)))
        return [intersection(self._of_rules(common.outside), not_free), self._of_rules(common.closed), around]

    def _open(self) -> tuple[Pieces, Places]:
        """Where visits may start, as far as pieces say; and the kind of ticks of each schedule, which says the rest."""
        foot, capacity = self._common.shape.footprint, self._common.shape.capacity
        taken, tolerance = self._taken()
        parts = self._full()
        kinds = self._terms
        if not self._common.by_kind or self._has_free():
            parts += [forbids(part, -foot.before, foot.reach) for part in self._shut()]
            kinds = np.full(len(kinds), self._common.plain_kind)
        plain = capacity == 1 or tolerance is None
        if plain and not parts:
            # The common case needs no sort at all.
            ascending = Pieces(taken.start, np.maximum.accumulate(taken.end))
            return self._around(gaps(ascending, foot.before, foot.reach), ascending, foot.before, foot.reach), kinds
        if plain:
            parts.append(forbids(taken, -foot.before, foot.reach))
        else:
            once = union(taken)
            parts.append(forbids(blocked(taken, tolerance, capacity), 0, foot.duration))
            parts += [forbids(once, -foot.before, 0)] if foot.before else []
            parts += [forbids(once, foot.duration, foot.reach)] if foot.after else []
        ascending = covered(joined(*parts))
        return self._around(gaps(ascending), ascending, 0, 1), kinds

    def _around(self, found: Pieces, pieces: Pieces, before: int, reach: int) -> Pieces:
        """The gaps between pieces, with those before the first and after the last, kept on the axis."""
        last = len(self._members) * self._common.stride - 1
        if not len(pieces.start):
            return Pieces(np.zeros(1, np.int32), np.array([last], np.int32))
        low = np.concatenate([[0], found.start, pieces.end[-1:] + np.int32(before)], dtype=np.int32)
        high = np.concatenate([pieces.start[:1] - np.int32(reach - 1), found.end, [last]], dtype=np.int32)
        if low.min() < 0 or high.min() < 0 or low.max() > last or high.max() > last:
            return Pieces(np.clip(low, 0, last), np.clip(high, 0, last))
        return Pieces(low, high)

    def _full(self) -> list[Pieces]:
        """The full periods, as parts in which no start may lie; one part for each limit."""
        common, booked = self._common, self._common.stored.booked
        if booked is None:
            return []
        places, counts = places_of(booked.first, self._members)
        owners, starts = np.repeat(np.arange(len(counts)), counts), booked.start[places]
        found: list[Pieces] = []
        for limit, bounds in zip(common.shape.limits, common.periods):
            periods = len(bounds) - 1
            period = np.searchsorted(bounds, starts, side="right") - 1
            near = (period >= 0) & (period < periods)
            tally = np.bincount(owners[near] * periods + period[near], minlength=len(counts) * periods)
            owner, number = np.divmod(np.flatnonzero(tally >= limit.frequency), periods)
            offset = owner * common.stride - common.low
            low = np.clip(bounds[number], common.low, common.low + common.width) + offset
            high = np.clip(bounds[number + 1], common.low, common.low + common.width) + offset
            found.append(Pieces(low.astype(np.int32), high.astype(np.int32)))
        return found
