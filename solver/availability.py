"""Rules of one schedule for one service, and the open time that follows from them (specification, model 7, 8, 10).

Expansion yields labelled pieces: which hours, which closure, which Slot. The merged sets are derived from them, so
that a refusal can be explained from the same pieces.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from .civil import DAY_MS, MINUTE_MS, Zone, weekday
from .grid import Grid
from .intervals import Edges, from_pairs, subtract
from .limits import Limit


class Weekly(NamedTuple):
    """One entry of weekly hours. `days` has bit 0 for Monday; times are milliseconds on the clock of the day."""

    days: int
    start_ms: int
    end_ms: int
    label: str


class Closure(NamedTuple):
    """Closed time [start, end) in minutes, already rounded outward; None is open-ended."""

    start: int | None
    end: int | None
    label: str


class Piece(NamedTuple):
    """A stretch of minutes [start, end) and where it comes from."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Footprint:
    """What one visit takes, in minutes: [t − before, t), [t, t + duration), [t + duration, t + duration + after)."""

    duration: int
    before: int = 0
    after: int = 0

    @property
    def reach(self) -> int:
        """From the start of the visit to the end of what it takes."""
        return self.duration + self.after


@dataclass(frozen=True, slots=True)
class Rules:
    """The resolved rules of one schedule for one service. `weekly` is None where it is always open."""

    zone: Zone
    grid: Grid
    footprint: Footprint
    capacity: int = 1
    weekly: tuple[Weekly, ...] | None = None
    closures: tuple[Closure, ...] = ()
    horizon_start: int | None = None
    horizon_end: int | None = None
    limits: tuple[Limit, ...] = ()


ALWAYS_OPEN = "always open"


def expand_hours(weekly: tuple[Weekly, ...] | None, zone: Zone, start: int, end: int) -> list[Piece]:
    """The weekly hours as pieces, every one that meets [start, end), rounded inward and sorted."""
    if weekly is None:
        return [Piece(start, end, ALWAYS_OPEN)]
    first, last = zone.local(start).day - 2, zone.local(end).day + 1
    instants = _Instants(zone, start, end)
    pieces: list[Piece] = []
    for day in range(first, last + 1):
        today = 1 << weekday(day)
        entries = [entry for entry in weekly if entry.days & today]
        if not entries or instants.at(day, 0) == instants.at(day, DAY_MS):
            continue  # no hours, or a day that the zone skips
        for entry in entries:
            next_date = DAY_MS if entry.end_ms <= entry.start_ms else 0
            opens, closes = instants.at(day, entry.start_ms), instants.at(day, entry.end_ms + next_date)
            opening, closing = -(-opens // MINUTE_MS), closes // MINUTE_MS
            if opening < closing and opening < end and closing > start:
                pieces.append(Piece(opening, closing, entry.label))
    return sorted(pieces)


class _Instants:
    """Wall clock to instants for many days: far from any change of offset it is one subtraction."""

    def __init__(self, zone: Zone, start: int, end: int) -> None:
        self._zone = zone
        margin = 4 * DAY_MS
        spans = zone.spans(start - 5 * 1440, end + 5 * 1440)
        self._calm = [(s.start * 1000 + margin, s.end * 1000 - margin, s.offset * 1000) for s in spans]
        # The borders of the whole stretch are no changes.
        self._calm[0] = (spans[0].start * 1000, *self._calm[0][1:])
        self._calm[-1] = (self._calm[-1][0], spans[-1].end * 1000, self._calm[-1][2])

    def at(self, day: int, wall_ms: int) -> int:
        local = day * DAY_MS + wall_ms
        for low, high, offset in self._calm:
            if low <= local - offset < high:
                return local - offset
        return self._zone.instant_ms(day, wall_ms)


def open_edges(hours: Iterable[Piece], free: Iterable[Piece], closures: Iterable[Piece]) -> Edges:
    """(hours ∪ free Slots) − closures, merged."""
    opened = from_pairs([(piece.start, piece.end) for pieces in (hours, free) for piece in pieces])
    return subtract(opened, from_pairs([(piece.start, piece.end) for piece in closures]))


class Opening(NamedTuple):
    """The open time of a schedule in the minutes [start, end), stored free Slots aside, and what it is made of."""

    start: int
    end: int
    hours: list[Piece]
    closures: list[Piece]
    edges: Edges

    @classmethod
    def of(cls, rules: Rules, hours: list[Piece], start: int, end: int) -> Opening:
        """`hours` are the weekly hours that meet [start, end)."""
        closures = [closure_piece(closure, start, end) for closure in rules.closures]
        return cls(start, end, hours, closures, open_edges(hours, (), closures))

    def holds(self, low: int, high: int) -> bool:
        """Is all of [low, high) in its stretch?"""
        return self.start <= low and high <= self.end

    def with_free(self, free: list[Piece]) -> Edges:
        """The open time with free Slots."""
        return open_edges(self.hours, free, self.closures) if free else self.edges


def closure_piece(closure: Closure, start: int, end: int) -> Piece:
    """The closure inside [start, end); open ends reach its borders."""
    low = start if closure.start is None else max(closure.start, start)
    high = end if closure.end is None else min(closure.end, end)
    return Piece(low, high, closure.label)
