"""Which stretches of the resources are still open to one more visit (specification, model 11).

Time is kept in *views*. A view is a resource as visits of one capacity and crowd see it; its cells are the resource's.
The first views are those of visits at capacity 1 and of buffers, a cell each, laid out as in the table. For every cell
`following` holds the first closed cell of the view at or after it: [low, high) is open if that of `low` is not before
`high`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .problem import Crowd
from .table import Ints, Small, Table

Flags = NDArray[np.bool_]

_ENDLESS = 1 << 30


class _View(NamedTuple):
    """Visits of one capacity and crowd on a resource: its cells begin at `first`, and what a crowd means in each."""

    first: int
    capacity: int
    size: Ints
    tolerance: Ints


class Sharing:
    """Who takes which time. Places are those of a table and one more, which is nowhere."""

    def __init__(self, table: Table) -> None:
        cells = len(table.cell_minute)
        self._lanes = table.problem.lanes
        self._lane: list[int] = table.place_lane.tolist()
        self._low: list[int] = table.place_low.tolist()
        self._high: list[int] = table.place_high.tolist()
        self._visit_low: list[int] = table.place_visit_low.tolist()
        self._visit_high: list[int] = table.place_visit_high.tolist()
        self._cells: list[int] = table.resource_cells.tolist()
        self._nowhere = len(self._lane)
        self._views: dict[int, list[_View]] = {}
        self._view_of: dict[int, _View] = {}
        end = self._make_views(table, cells)
        shifts = np.zeros(len(self._lanes), np.int64)
        for number, view in self._view_of.items():
            shifts[number] = view.first - self._cells[self._lanes[number].resource]
        shift = shifts[table.place_lane]
        self._first = np.append(table.place_visit_low + shift, 0)
        self._last = np.append(table.place_visit_high + shift, 0)
        columns = table.place_low, table.place_visit_low, table.place_visit_high, table.place_high
        self._buffers: list[Small] = [np.append(one, np.int32(0)) for one in columns] if self._views else []
        self._numbers: Ints = np.arange(end + 1)
        self._end = end
        self.following: Ints = np.full(end + 1, end)
        self.owner: Small = np.full(cells, -1, np.int32)
        """(C,) which row takes a cell, where all visits have capacity 1; -1 for nobody."""
        self._riders: dict[int, dict[tuple[int, int], None]] = {resource: {} for resource in self._views}
        for resource in self._views:
            self._refresh(resource)

    def _make_views(self, table: Table, end: int) -> int:
        """Views of lanes with capacity above 1; the number of cells in all views."""
        made: dict[tuple[int, int, tuple[Crowd, ...]], _View] = {}
        end += 1
        used: list[int] = np.unique(table.place_lane).tolist()
        for number in used:
            lane = self._lanes[number]
            if lane.capacity == 1:
                continue
            key = lane.resource, lane.capacity, lane.crowds
            if key not in made:
                low, high = self._cells[lane.resource : lane.resource + 2]
                made[key] = _View(end, lane.capacity, *_crowded(table.cell_minute[low:high], lane.crowds))
                self._views.setdefault(lane.resource, []).append(made[key])
                end += high - low + 1
            self._view_of[number] = made[key]
        return end

    def are_open(self, places: Ints | Small) -> Flags:
        """May a visit be put at these places, each alone?"""
        found: Flags = self.following[self._first[places]] >= self._last[places]
        if self._buffers:
            low, visit_low, visit_high, high = self._buffers
            found &= self.following[low[places]] >= visit_low[places]
            found &= self.following[visit_high[places]] >= high[places]
        return found

    @property
    def shared_resources(self) -> set[int]:
        """Where some visits have a capacity above 1."""
        return set(self._riders)

    def shares(self, place: int) -> bool:
        """Is the place on a resource where some visits have a capacity above 1?"""
        return place != self._nowhere and self._lanes[self._lane[place]].resource in self._riders

    def owners(self, place: int) -> set[int]:
        """The rows that stand in the way of a place that does not share."""
        if place == self._nowhere:
            return set()
        found = set(self.owner[self._low[place] : self._high[place]].tolist())
        found.discard(-1)
        return found

    def take(self, place: int, row: int) -> None:
        """Put a visit of the row at an open place."""
        if place == self._nowhere:
            return
        resource = self._lanes[self._lane[place]].resource
        if resource in self._riders:
            self._riders[resource][row, place] = None
            self._refresh(resource)
            return
        low, high, begin = self._low[place], self._high[place], self._cells[resource]
        self.owner[low:high] = row
        following = self.following
        before = begin + int(following[begin:low].searchsorted(low))
        following[before:low] = low
        following[low:high] = self._numbers[low:high]

    def leave(self, place: int, row: int) -> None:
        """Take a visit of the row away again."""
        if place == self._nowhere:
            return
        resource = self._lanes[self._lane[place]].resource
        if resource in self._riders:
            del self._riders[resource][row, place]
            self._refresh(resource)
            return
        low, high, begin = self._low[place], self._high[place], self._cells[resource]
        self.owner[low:high] = -1
        following = self.following
        before = begin + int(following[begin:low].searchsorted(low))
        following[before:high] = following[high] if high < self._cells[resource + 1] else self._end

    def _refresh(self, resource: int) -> None:
        """Where one more visit may ride: by all that ride on the resource."""
        begin, end = self._cells[resource : resource + 2]
        count = end - begin
        riding = np.zeros(count, np.int64)
        least = np.full(count, _ENDLESS)
        largest = np.zeros(count, np.int64)
        room = np.full(count, _ENDLESS)
        for _, place in self._riders[resource]:
            outer = slice(self._low[place] - begin, self._high[place] - begin)
            visit = slice(self._visit_low[place] - begin, self._visit_high[place] - begin)
            view = self._view_of.get(self._lane[place])
            riding[outer] += 1
            if view is None:
                least[outer] = 1
                continue
            least[outer.start : visit.start] = 1
            least[visit.stop : outer.stop] = 1
            least[visit] = np.minimum(least[visit], view.capacity)
            largest[visit] = np.maximum(largest[visit], view.size[visit])
            room[visit] = np.minimum(room[visit], view.tolerance[visit] - view.size[visit])
        self._close(begin, riding > 0)
        riding += 1
        for view in self._views[resource]:
            closed = riding + np.maximum(largest, view.size) > np.minimum(least, view.capacity)
            closed |= riding + view.size > view.tolerance
            closed |= riding > room
            self._close(view.first, closed)

    def _close(self, first: int, closed: Flags) -> None:
        """Say which cells of a view are closed."""
        number = np.where(closed, self._numbers[first : first + len(closed)], self._end)
        self.following[first : first + len(closed)] = np.minimum.accumulate(number[::-1])[::-1]


def _crowded(minutes: Ints, crowds: tuple[Crowd, ...]) -> tuple[Ints, Ints]:
    """For each cell how many stored Slots a visit meets there, and the smallest tolerance.

    A place takes whole cells, so it meets all crowds that reach into one.
    """
    size = np.zeros(len(minutes), np.int64)
    tolerance = np.full(len(minutes), _ENDLESS)
    for crowd in crowds:
        low = max(int(minutes.searchsorted(crowd.start, "right")) - 1, 0)
        met = slice(low, int(minutes.searchsorted(crowd.end)))
        size[met] = np.maximum(size[met], crowd.size)
        tolerance[met] = np.minimum(tolerance[met], crowd.tolerance)
    return size, tolerance
