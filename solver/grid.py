"""Which starts are allowed: the alignment grid (specification, model 13), and the axis of its ticks."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from .civil import DAY_MINUTES, Zone


@dataclass(frozen=True, slots=True)
class Grid:
    """Starts whose local minute of the day is `offset` modulo `interval`, anew from each local midnight."""

    interval: int
    offset: int
    zone: Zone

    def allows(self, minute: int) -> bool:
        """Is `minute` on the grid?"""
        wall_minute, second = divmod(self.zone.local(minute).second, 60)
        return second == 0 and (wall_minute - self.offset) % self.interval == 0

    def ticks(self, start: int, end: int) -> list[int]:
        """All minutes of [start, end) on the grid, ascending."""
        found: list[int] = []
        for span in self.zone.spans(start, end):
            if span.offset % 60:
                continue  # the clock never shows whole minutes at a whole minute of UTC
            shift = span.offset // 60
            low, high = -(-span.start // 60) + shift, -(-span.end // 60) + shift
            if DAY_MINUTES % self.interval == 0:
                first = low + (self.offset - low) % self.interval
                found += range(first - shift, high - shift, self.interval)
                continue
            for midnight in range(low - low % DAY_MINUTES, high, DAY_MINUTES):
                first = midnight + self.offset % self.interval
                if first < low:
                    first = low + (first - low) % self.interval
                last = min(midnight + DAY_MINUTES, high)
                found += range(first - shift, last - shift, self.interval)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """The ticks of one grid in [start, end); bit i of every start bitmap stands for ticks[i]."""

    grid: Grid
    start: int
    end: int
    ticks: list[int]

    @classmethod
    def over(cls, grid: Grid, start: int, end: int) -> Axis:
        return cls(grid, start, end, grid.ticks(start, end))

    def index(self, minute: int) -> int:
        """The place of the first tick at or after `minute`."""
        return bisect_left(self.ticks, minute)

    def between(self, low: int, high: int) -> int:
        """A bitmap of the ticks in [low, high)."""
        first, last = self.index(low), self.index(high)
        return ((1 << (last - first)) - 1) << first if last > first else 0

    def has(self, bitmap: int, minute: int) -> bool:
        """Is `minute` a tick whose bit is set?"""
        place = self.index(minute)
        return place < len(self.ticks) and self.ticks[place] == minute and bool(bitmap >> place & 1)


_CHUNK = 512
_CHUNK_MASK = (1 << _CHUNK) - 1


def places(bitmap: int, most: int | None = None) -> list[int]:
    """The places of the first `most` set bits, ascending."""
    found: list[int] = []
    base = 0
    while bitmap:
        # From the next set bit on, a chunk at a time: the first offers do not pay for the rest of the axis.
        zeros = (bitmap & -bitmap).bit_length() - 1
        bitmap >>= zeros
        base += zeros
        digits = bin(bitmap & _CHUNK_MASK)[:1:-1]
        at = 0
        while at >= 0:
            found.append(base + at)
            at = digits.find("1", at + 1)
        if most is not None and len(found) >= most:
            return found[:most]
        bitmap >>= _CHUNK
        base += _CHUNK
    return found
