"""Every reason against one start on one compiled calendar, from the labelled pieces that it was compiled from.

The conditions are those of `CompiledCalendar.is_open`, each looked at by itself: a start has no reason against it iff
it is open, and whoever removes what a reason names (a closure, the claims, the end of the horizon, …) removes that
reason and no other. A claim that blocks the visit is named there only, whether or not it reaches into a buffer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

from . import intervals
from .availability import Piece
from .calendar import CompiledCalendar
from .capacity import Claim
from .civil import DAY_MINUTES, Zone
from .grid import Grid
from .intervals import Pair
from .limits import Limit
from .series import occurrence_claims, occurrence_start

Kind = Literal[
    "length", "grid", "hours", "closed", "blocked", "buffer", "horizon", "limit", "window", "skipped", "combination"
]
KINDS: tuple[Kind, ...] = (
    "length", "grid", "hours", "closed", "blocked", "buffer", "horizon", "limit", "window", "skipped", "combination",
)  # fmt: skip
"""In the order in which reasons are listed."""

# What is there between two neighbours of a grid, at most: a day, and a change of the clock or a day that is skipped.
_APART = 3 * DAY_MINUTES


@dataclass(frozen=True, slots=True)
class NoLength:
    """The visit takes no time."""

    kind: ClassVar[Kind] = "length"


@dataclass(frozen=True, slots=True)
class OffGrid:
    """The start is not on the grid; the nearest starts that are, None where the grid has none."""

    kind: ClassVar[Kind] = "grid"
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class OutsideHours:
    """Minutes of the visit and its buffers in neither hours nor free Slots, and what of these lies on its days."""

    kind: ClassVar[Kind] = "hours"
    missing: tuple[Pair, ...]
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Closed:
    """A closure meets the visit or its buffers. Its borders are cut to the axis of the calendar."""

    kind: ClassVar[Kind] = "closed"
    closure: Piece


@dataclass(frozen=True, slots=True)
class Blocked:
    """The visit cannot share these minutes at its capacity with the claims that run then."""

    kind: ClassVar[Kind] = "blocked"
    minutes: tuple[Pair, ...]
    claims: tuple[Claim, ...]
    capacity: int


@dataclass(frozen=True, slots=True)
class BufferBlocked:
    """Claims that the visit could do with, but in these minutes not its buffers."""

    kind: ClassVar[Kind] = "buffer"
    minutes: tuple[Pair, ...]
    claims: tuple[Claim, ...]


class Bounds(NamedTuple):
    """A planning horizon in minutes, None where it is open, and whose it is."""

    start: int | None
    end: int | None
    label: str = ""

    def hold(self, begin: int, end: int) -> bool:
        """Does [begin, end) lie in it?"""
        return (self.start is None or self.start <= begin) and (self.end is None or end <= self.end)


@dataclass(frozen=True, slots=True)
class OutsideHorizon:
    """The visit or its buffers leave a planning horizon; that of the calendar itself has no label."""

    kind: ClassVar[Kind] = "horizon"
    horizon: Bounds


@dataclass(frozen=True, slots=True)
class LimitReached:
    """In this period as many bookings start as the limit allows; `place` is that of the limit in the rules."""

    kind: ClassVar[Kind] = "limit"
    place: int
    limit: Limit
    period: Pair
    counted: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class OutsideWindow:
    """The visit or its buffers leave the search window."""

    kind: ClassVar[Kind] = "window"
    window: Pair


@dataclass(frozen=True, slots=True)
class Skipped:
    """The clock does not show the time of the series in that week."""

    kind: ClassVar[Kind] = "skipped"


Reason = (
    NoLength
    | OffGrid
    | OutsideHours
    | Closed
    | Blocked
    | BufferBlocked
    | OutsideHorizon
    | LimitReached
    | OutsideWindow
    | Skipped
)


class Week(NamedTuple):
    """One visit of a series, the first has number 1; no start where the clock does not show its time."""

    number: int
    start: int | None
    reasons: list[Reason]


class WhyNot:
    """Reasons against starts on one calendar; good for visits that lie, buffers included, in its axis."""

    __slots__ = ("_closures", "_counted", "_covered", "_days", "_pieces", "calendar")

    def __init__(self, calendar: CompiledCalendar) -> None:
        self.calendar = calendar
        hours, free, closures = calendar.pieces()
        self._pieces = sorted([*hours, *free])
        covered = intervals.from_pairs((piece.start, piece.end) for piece in self._pieces)
        self._covered = intervals.clip(covered, calendar.axis.start, calendar.axis.end)
        self._closures = sorted(closures)
        self._days: dict[Pair, tuple[Piece, ...]] = {}
        self._counted: dict[tuple[int, int], list[Claim]] | None = None

    def reasons(self, start: int, *, window: Pair | None = None, horizons: Sequence[Bounds] = ()) -> list[Reason]:
        """All reasons against a start, in the order of `KINDS`; none iff the calendar is open for it.

        Parameters
        ----------
        start
            The minute at which the visit would start.
        window, horizons
            What the visit must keep within besides, with its buffers: the search window and horizons of others.
        """
        rules = self.calendar.rules
        foot = rules.footprint
        begin, end = start - foot.before, start + foot.reach
        found: list[Reason] = []
        if foot.duration <= 0:
            found.append(NoLength())
        if not rules.grid.allows(start):
            found.append(OffGrid(*neighbours(rules.grid, start)))
        missing = intervals.complement(self._covered, begin, end) if begin < end else []
        if missing:
            found.append(OutsideHours(tuple(intervals.to_pairs(missing)), self._pieces_on(begin, end)))
        found += (Closed(piece) for piece in self._closures if piece.start < end and begin < piece.end)
        found += self._blocked(start)
        own = Bounds(rules.horizon_start, rules.horizon_end)
        found += (OutsideHorizon(one) for one in (own, *horizons) if not one.hold(begin, end))
        found += self._limits(start)
        if window is not None and not (window[0] <= begin and end <= window[1]):
            found.append(OutsideWindow(window))
        return found

    def later_weeks(self, start: int, occurrences: int, zone: Zone, horizons: Sequence[Bounds] = ()) -> list[Week]:
        """The visits of a weekly series after the first, each seeing what those before it would take."""
        seen = self.calendar.copy(with_starts=False)
        last: int | None = start
        weeks: list[Week] = []
        for number in range(1, occurrences):
            if last is not None:
                for claim in occurrence_claims(self.calendar, last):
                    seen.add(claim)
            last = occurrence_start(start, number, zone)
            why: list[Reason] = [Skipped()] if last is None else WhyNot(seen).reasons(last, horizons=horizons)
            weeks.append(Week(number + 1, last, why))
        return weeks

    def _pieces_on(self, begin: int, end: int) -> tuple[Piece, ...]:
        """Hours and free Slots of the local days of [begin, end)."""
        zone = self.calendar.rules.zone
        days = zone.local_day(begin), zone.local_day(end - 1)
        if days not in self._days:
            low, high = zone.day_start_ms(days[0]) / 60_000, zone.day_start_ms(days[1] + 1) / 60_000
            self._days[days] = tuple(piece for piece in self._pieces if piece.start < high and low < piece.end)
        return self._days[days]

    def _blocked(self, start: int) -> Iterator[Reason]:
        calendar = self.calendar
        foot = calendar.rules.footprint
        end = start + foot.duration
        near = [one for one in calendar.occupying(start - foot.before, start + foot.reach) if one.relevant]
        visit = intervals.clip(calendar.blocked, start, end)
        named = [one for one in near if intervals.touches(visit, one.start, one.end)]
        if visit:
            yield Blocked(tuple(intervals.to_pairs(visit)), tuple(named), calendar.rules.capacity)
        others = [one for one in near if one not in named]
        taken = intervals.from_pairs((one.start, one.end) for one in others)
        before, after = (start - foot.before, start), (end, end + foot.after)
        buffers = intervals.union(intervals.clip(taken, *before), intervals.clip(taken, *after))
        if buffers:
            claims = (one for one in others if intervals.touches(buffers, one.start, one.end))
            yield BufferBlocked(tuple(intervals.to_pairs(buffers)), tuple(claims))

    def _limits(self, start: int) -> Iterator[LimitReached]:
        rules = self.calendar.rules
        if not rules.limits:
            return
        day = rules.zone.local_day(start)
        for place, limit in enumerate(rules.limits):
            number = limit.number(day)
            counted = self._bookings().get((place, number), ())
            if len(counted) >= limit.frequency:
                yield LimitReached(place, limit, limit.minutes(rules.zone, number), tuple(counted))

    def _bookings(self) -> dict[tuple[int, int], list[Claim]]:
        """The bookings that start in each period of each limit."""
        if self._counted is None:
            rules = self.calendar.rules
            self._counted = {}
            for claim in sorted(one for one in self.calendar.claims() if one.booking):
                day = rules.zone.local_day(claim.start)
                for place, limit in enumerate(rules.limits):
                    self._counted.setdefault((place, limit.number(day)), []).append(claim)
        return self._counted


def neighbours(grid: Grid, start: int) -> tuple[int | None, int | None]:
    """The last start of a grid before a minute and the first one after it; None where there is none."""
    before = grid.ticks(start - _APART, start)
    after = grid.ticks(start + 1, start + 1 + _APART)
    return before[-1] if before else None, after[0] if after else None


def clash(free: Sequence[set[int]]) -> list[int] | None:
    """The places of the fewest pools that have fewer actors than they need; None if each pool can have its own.

    `free` are the actors of each pool that could serve. From a pool that gets none in a largest matching,
    alternating paths lead to exactly the pools that stand in its way (P. Hall, "On Representatives of Subsets", 1935).
    """
    held: dict[int, int] = {}
    for root in range(len(free)):
        came_from: dict[int, int] = {}
        reached = [root]
        end = None
        for pool in reached:
            for actor in sorted(free[pool] - came_from.keys()):
                came_from[actor] = pool
                if actor not in held:
                    end = actor
                    break
                reached.append(held[actor])
            if end is not None:
                break
        if end is None:
            return sorted(reached)
        _shift(held, came_from, end, root)
    return None


def _shift(held: dict[int, int], came_from: dict[int, int], actor: int, root: int) -> None:
    """Give each pool on the path back to the root the actor that it led to."""
    of_pool = {pool: one for one, pool in held.items()}
    while True:
        pool = came_from[actor]
        held[actor] = pool
        if pool == root:
            return
        actor = of_pool[pool]
