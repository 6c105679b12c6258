"""One schedule's calendar for one service, compiled: which starts are open, and why the others are not.

Compiled once over an axis (a stretch of time and the ticks of the grid in it), then kept: one Slot, hold or closure
more or less is a local change of the merged sets and of a few bits. `Admission.why_not` is the one rule of admission
(specification, model 17): bookings ask it once, of what lies near them; `is_open` asks it for one start, and `starts`
holds its answers for every tick of the axis.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Literal

from . import intervals
from .availability import Closure, Piece, Rules, closure_piece, open_edges
from .capacity import Claim, Claims, blocked
from .civil import DAY_MINUTES
from .grid import Axis
from .intervals import Edges, Pair
from .limits import Tally

WhyNot = Literal["horizon", "taken", "limit"]


class Admission:
    """What the rule of admission looks at: good for questions inside the stretch of time it was made for.

    Parameters
    ----------
    rules
        The resolved rules.
    opened
        The open time.
    live
        The claims in force that matter: those that meet the stretch, and the bookings of the periods of its limits.
    """

    __slots__ = ("_tally", "blocked", "open", "rules", "taken")

    def __init__(self, rules: Rules, opened: Edges, live: Sequence[Claim]) -> None:
        self.rules = rules
        self.open = opened
        relevant = [claim for claim in live if claim.relevant and not claim.free]
        self.blocked, self.taken = _blocked(relevant, rules.capacity)
        self._tally = _tally(rules, live)

    def why_not(self, visit: Pair, others: Sequence[Pair]) -> WhyNot | None:
        """The first condition that forbids a visit to take this time, grid and lengths aside; None if it may.

        `others` are what it takes besides, at capacity 1: its buffers, and whatever a proposal adds.
        """
        begin, end = visit
        for piece in others:
            begin, end = min(begin, piece[0]), max(end, piece[1])
        if not self._within_horizon(begin, end):
            return "horizon"
        if not intervals.covers(self.open, *visit) or intervals.touches(self.blocked, *visit):
            return "taken"
        for piece in others:
            if not intervals.covers(self.open, *piece) or intervals.touches(self.taken, *piece):
                return "taken"
        return "limit" if self._tally.is_full(visit[0]) else None

    def _within_horizon(self, begin: int, end: int) -> bool:
        low, high = self.rules.horizon_start, self.rules.horizon_end
        return (low is None or low <= begin) and (high is None or end <= high)


def _blocked(relevant: Sequence[Claim], capacity: int) -> tuple[Edges, Edges]:
    """Where the claims that concern a visit block it: at its capacity, and at capacity 1."""
    taken = blocked(relevant, 1)
    return (blocked(relevant, capacity) if capacity > 1 else taken), taken


def _tally(rules: Rules, live: Sequence[Claim]) -> Tally:
    """The bookings among the claims, counted."""
    tally = Tally(rules.limits, rules.zone)
    if rules.limits:
        for claim in live:
            if claim.booking:
                tally.count(claim.start, 1)
    return tally


class CompiledCalendar(Admission):
    """Open time, taken time and start bitmap of one schedule for one service.

    Parameters
    ----------
    rules
        The resolved rules; `rules.grid` is the grid of `axis`.
    axis
        What is compiled: answers hold for visits that lie, buffers included, in [axis.start, axis.end).
    hours
        Weekly hours as pieces that cover the axis (`availability.expand_hours`).
    claims
        All stored claims of the schedule, those of lapsed holds included.
    now_ms
        Holds with `expires_ms` ≤ `now_ms` have lapsed.
    """

    __slots__ = (
        "_closures",
        "_free",
        "_holds",
        "_now_ms",
        "_occupied_sums",
        "_occupying",
        "_starts",
        "_valid_from",
        "_valid_until",
        "axis",
        "hours",
        "occupied",
    )

    def __init__(
        self, rules: Rules, axis: Axis, hours: list[Piece], claims: Iterable[Claim], *, now_ms: int = 0
    ) -> None:
        self.rules = rules
        self.axis = axis
        self.hours = hours
        self._closures = list(rules.closures)
        lasting: list[Claim] = []
        self._holds: list[Claim] = []
        for claim in claims:
            (lasting if claim.expires_ms is None else self._holds).append(claim)
        live = lasting + [hold for hold in self._holds if not _lapsed(hold, now_ms)]
        self._set_time(now_ms)
        self._occupying = Claims(claim for claim in live if not claim.free)
        self._free = Claims(claim for claim in live if claim.free)
        self._tally = _tally(rules, live)
        low, high = axis.start, axis.end
        self.open = self._open_between(low, high)
        self.blocked, self.taken, self.occupied = self._taken_between(low, high)
        self._occupied_sums: list[int] | None = None
        self._starts: int | None = None

    # What the sets are made of

    def pieces(self) -> tuple[list[Piece], list[Piece], list[Piece]]:
        """Hours, free Slots and closures of the axis, each piece with its label."""
        low, high = self.axis.start, self.axis.end
        return self.hours, self._free_pieces(low, high), self._closure_pieces(low, high)

    def claims(self) -> Iterator[Claim]:
        """The occupying claims in force."""
        return iter(self._occupying)

    def occupying(self, low: int, high: int) -> list[Claim]:
        """Those of them that meet [low, high)."""
        return self._occupying.overlapping(low, high)

    def bookings_left(self, start: int, most: int) -> int:
        """How many more bookings may start at this minute by the booking limits, up to `most`."""
        return self._tally.left(start, most)

    def _free_pieces(self, low: int, high: int) -> list[Piece]:
        near = self._free.overlapping(low, high)
        return [Piece(claim.start, claim.end, claim.label) for claim in near if claim.relevant]

    def _closure_pieces(self, low: int, high: int) -> list[Piece]:
        pieces = (closure_piece(closure, low, high) for closure in self._closures)
        return [piece for piece in pieces if piece.start < piece.end]

    def _open_between(self, low: int, high: int) -> Edges:
        # Weekly hours are sorted, and none reaches further than the end of the next date.
        first = 0 if self.rules.weekly is None else bisect_left(self.hours, (low - 3 * DAY_MINUTES,))
        last = bisect_left(self.hours, (high,))
        opened = open_edges(self.hours[first:last], self._free_pieces(low, high), self._closure_pieces(low, high))
        return intervals.clip(opened, low, high)

    def _taken_between(self, low: int, high: int) -> tuple[Edges, Edges, Edges]:
        """Blocked at the visit's capacity, blocked at capacity 1, occupied by whatever service."""
        near = self._occupying.overlapping(low, high)
        relevant = [claim for claim in near if claim.relevant]
        at_capacity, taken = (intervals.clip(one, low, high) for one in _blocked(relevant, self.rules.capacity))
        occupied = taken if len(near) == len(relevant) else intervals.clip(blocked(near, 1), low, high)
        # Each its own list: local changes are made in place.
        return at_capacity, taken, list(occupied)

    # The rule of admission

    def is_open(self, start: int) -> bool:
        """May a visit start at this minute? (specification, model 17)"""
        foot = self.rules.footprint
        end = start + foot.duration
        buffers: list[Pair] = []
        if foot.before:
            buffers.append((start - foot.before, start))
        if foot.after:
            buffers.append((end, end + foot.after))
        return foot.duration > 0 and self.rules.grid.allows(start) and self.why_not((start, end), buffers) is None

    @property
    def starts(self) -> int:
        """`is_open` for every tick of the axis, as a bitmap."""
        if self._starts is None:
            self._starts = self._starts_between(0, len(self.axis.ticks))
        return self._starts

    def _starts_between(self, first: int, last: int) -> int:
        """The bits of the ticks [first, last), bit 0 for `first`: the admission rule as forbidden stretches."""
        ticks = self.axis.ticks
        foot = self.rules.footprint
        if first >= last or foot.duration <= 0:
            return 0
        digits = bytearray(b"1") * (last - first)
        low, high = ticks[first] - foot.before, ticks[last - 1] + foot.reach

        def forbid(edges: Iterable[int], head: int, tail: int) -> None:
            # A part [t + head, t + tail) of the footprint meets [s, e) iff s − tail < t < e − head.
            bounds = iter(edges)
            for start, end in zip(bounds, bounds, strict=True):
                i = bisect_left(ticks, start - tail + 1, first, last) - first
                j = bisect_left(ticks, end - head, first, last) - first
                if i < j:
                    digits[i:j] = b"0" * (j - i)

        shut = intervals.complement(self.open, low, high)
        forbid(shut, -foot.before, foot.reach)
        taken = intervals.clip(self.taken, low, high)
        if self.rules.capacity == 1:
            forbid(taken, -foot.before, foot.reach)
        else:
            forbid(intervals.clip(self.blocked, low, high), 0, foot.duration)
            if foot.before:
                forbid(taken, -foot.before, 0)
            if foot.after:
                forbid(taken, foot.duration, foot.reach)
        if self.rules.horizon_start is not None:
            forbid((low - 1, max(self.rules.horizon_start, low - 1)), -foot.before, foot.reach)
        if self.rules.horizon_end is not None:
            forbid((min(self.rules.horizon_end, high + 1), high + 1), -foot.before, foot.reach)
        if self.rules.limits:
            forbid(intervals.clip(self._tally.full(), ticks[first], ticks[last - 1] + 1), 0, 1)
        return int(digits[::-1], 2)

    # Changes

    def add(self, change: Claim | Closure) -> None:
        """One Slot, hold or closure more; the same answers as compiling anew."""
        self._change(change, 1)

    def remove(self, change: Claim | Closure) -> None:
        """One Slot, hold or closure less. Raises KeyError if it is not there."""
        self._change(change, -1)

    def _change(self, change: Claim | Closure, sign: int) -> None:
        if isinstance(change, Closure):
            if sign > 0:
                self._closures.append(change)
            elif change in self._closures:
                self._closures.remove(change)
            else:
                raise KeyError(change)
            piece = closure_piece(change, self.axis.start, self.axis.end)
            self._reopen(piece.start, piece.end)
            return
        if change.expires_ms is not None:
            if sign > 0:
                self._holds.append(change)
            elif change in self._holds:
                self._holds.remove(change)
            else:
                raise KeyError(change)
            self._set_time(self._now_ms)
            if _lapsed(change, self._now_ms):
                return
        self._apply(change, sign)

    def _apply(self, claim: Claim, sign: int) -> None:
        """Count a claim in or out."""
        if claim.free:
            self._move(self._free, claim, sign)
            if claim.relevant:
                self._reopen(claim.start, claim.end)
            return
        self._move(self._occupying, claim, sign)
        if claim.booking:
            self._recount(claim, sign)
        low, high = max(claim.start, self.axis.start), min(claim.end, self.axis.end)
        if low >= high:
            return
        at_capacity, taken, occupied = self._taken_between(low, high)
        intervals.splice(self.blocked, low, high, at_capacity)
        intervals.splice(self.taken, low, high, taken)
        intervals.splice(self.occupied, low, high, occupied)
        self._occupied_sums = None
        self._redo_starts(low, high)

    @staticmethod
    def _move(home: Claims, claim: Claim, sign: int) -> None:
        if sign > 0:
            home.add(claim)
        else:
            home.remove(claim)

    def _recount(self, claim: Claim, sign: int) -> None:
        for start, end in intervals.to_pairs(self._tally.count(claim.start, sign)):
            self._redo_bits(self.axis.index(start), self.axis.index(end))

    def _reopen(self, low: int, high: int) -> None:
        """Open time in [low, high) has changed."""
        low, high = max(low, self.axis.start), min(high, self.axis.end)
        if low < high:
            intervals.splice(self.open, low, high, self._open_between(low, high))
            self._redo_starts(low, high)

    def _redo_starts(self, low: int, high: int) -> None:
        """Judge anew the ticks whose footprint meets [low, high)."""
        foot = self.rules.footprint
        self._redo_bits(self.axis.index(low - foot.reach + 1), self.axis.index(high + foot.before))

    def _redo_bits(self, first: int, last: int) -> None:
        if self._starts is None or first >= last:
            return
        window = ((1 << (last - first)) - 1) << first
        self._starts = self._starts & ~window | self._starts_between(first, last) << first

    # Holds and the passing of time

    def at(self, now_ms: int) -> CompiledCalendar:
        """This calendar at another time: holds that lapsed since are counted out, or in again."""
        if not self._valid_from <= now_ms < self._valid_until:
            for hold in self._holds:
                was, will_be = _lapsed(hold, self._now_ms), _lapsed(hold, now_ms)
                if was != will_be:
                    self._apply(hold, 1 if was else -1)
            self._set_time(now_ms)
        self._now_ms = now_ms
        return self

    def _set_time(self, now_ms: int) -> None:
        """Now, and the stretch around it in which no hold lapses: [the last lapse, the next one)."""
        self._now_ms = now_ms
        ends = sorted(hold.expires_ms for hold in self._holds if hold.expires_ms is not None)
        place = bisect_right(ends, now_ms)
        self._valid_from = ends[place - 1] if place else -(2**62)
        self._valid_until = ends[place] if place < len(ends) else 2**62

    def without(self, labels: frozenset[str]) -> CompiledCalendar:
        """A twin without the Slots of these labels; itself if it has none of them."""
        here = (claim for claims in (self._occupying, self._free) for claim in claims)
        gone = [claim for claim in here if claim.label in labels and claim.expires_ms is None]
        gone += [hold for hold in self._holds if hold.label in labels]
        if not gone:
            return self
        twin = self.copy()
        for claim in gone:
            twin.remove(claim)
        return twin

    def copy(self, *, with_starts: bool = True) -> CompiledCalendar:
        """A twin to be changed; without the start bitmap changes are cheaper, until `starts` is asked for."""
        twin: CompiledCalendar = object.__new__(CompiledCalendar)
        for name in (*Admission.__slots__, *self.__slots__):
            value = getattr(self, name)
            setattr(twin, name, value.copy() if isinstance(value, list | Claims | Tally) else value)
        if not with_starts:
            twin._starts = None
        return twin

    # Load

    def load(self, low: int, high: int) -> int:
        """How many minutes of [low, high) are covered by an occupying Slot, of whatever service."""
        edges = self.occupied
        if self._occupied_sums is None:
            lengths = (edges[i + 1] - edges[i] for i in range(0, len(edges), 2))
            self._occupied_sums = [0, *accumulate(lengths)]
        return self._covered_until(high) - self._covered_until(low)

    def _covered_until(self, minute: int) -> int:
        assert self._occupied_sums is not None
        place = bisect_right(self.occupied, minute)
        covered = self._occupied_sums[place // 2]
        return covered + (minute - self.occupied[place - 1] if place % 2 else 0)


def _lapsed(hold: Claim, now_ms: int) -> bool:
    return hold.expires_ms is not None and now_ms >= hold.expires_ms
