"""The starts of several grids on one axis, as bitmaps."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from ...solver.grid import Axis, Grid, places
from ...solver.intervals import to_pairs


class Ticks:
    """The ticks of all these axes in [low, high), ascending and distinct; bit i of a bitmap stands for ticks[i]."""

    def __init__(self, axes: Iterable[Axis], low: int, high: int) -> None:
        self.axes: dict[Grid, Axis] = {axis.grid: axis for axis in axes}
        inside = {grid: axis.ticks[axis.index(low) : axis.index(high)] for grid, axis in self.axes.items()}
        self.ticks: list[int] = sorted({tick for ticks in inside.values() for tick in ticks})
        place = {tick: number for number, tick in enumerate(self.ticks)}
        # None: the axis's ticks are all there are, and its bitmaps need only be shifted.
        self._places = {
            grid: None if len(ticks) == len(self.ticks) else [place[tick] for tick in ticks]
            for grid, ticks in inside.items()
        }
        self._low, self._high = low, high

    def lifted(self, axis: Axis, bitmap: int) -> int:
        """A bitmap of the axis as one of these ticks; ticks outside are left out."""
        first, last = axis.index(self._low), axis.index(self._high)
        bitmap = (bitmap >> first) & ((1 << (last - first)) - 1) if last > first else 0
        moved = self._places[axis.grid]
        if moved is None or not bitmap:
            return bitmap
        digits = bytearray(b"0") * len(self.ticks)
        for place in places(bitmap):
            digits[moved[place]] = 49  # "1"
        return int(digits[::-1], 2)

    def between(self, low: int, high: int) -> int:
        """The ticks in [low, high)."""
        first, last = bisect_left(self.ticks, low), bisect_left(self.ticks, high)
        return ((1 << (last - first)) - 1) << first if last > first else 0

    def inside(self, edges: list[int]) -> int:
        """The ticks in a set of minutes."""
        bits = 0
        for start, end in to_pairs(edges):
            bits |= self.between(start, end)
        return bits

    def clear(self, edges: list[int], duration: int) -> int:
        """The ticks from which a visit of this length meets none of these minutes."""
        bits = (1 << len(self.ticks)) - 1
        for start, end in to_pairs(edges):
            bits &= ~self.between(start - duration + 1, end)
        return bits

    def place(self, minute: int) -> int | None:
        """The place of a tick; None where there is none."""
        at = bisect_left(self.ticks, minute)
        return at if at < len(self.ticks) and self.ticks[at] == minute else None
