"""What placements take of resources and booking limits, one by one: what is in the way of one more visit, and whose."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from .check import chosen_lanes
from .problem import Lane, Placement, PlanProblem


class Blocked(NamedTuple):
    """A lane at which a visit may not start, though it is free: these requests are in the way.

    By `time` with as many Slots of its crowd, or by `quota`, having used up a booking limit.
    """

    lane: int
    cause: Literal["time", "quota"]
    by: tuple[int, ...]
    stored: int = 0


class _Piece(NamedTuple):
    start: int
    end: int
    request: int
    lane: int
    capacity: int


class Board:
    """Placements that have been made, and may be taken back."""

    def __init__(self, problem: PlanProblem) -> None:
        self._problem = problem
        self._pieces: dict[int, list[_Piece]] = {}
        self._longest: dict[int, int] = {}
        self._visits: dict[int, list[tuple[int, int]]] = {}

    def add(self, request: int, placement: Placement) -> None:
        for lane, piece in self._of(request, placement):
            insort(self._pieces.setdefault(lane.resource, []), piece)
            length = max(self._longest.get(lane.resource, 0), piece.end - piece.start)
            self._longest[lane.resource] = length
        for start, number in self._started(request, placement):
            self._visits.setdefault(number, []).append((start, request))

    def remove(self, request: int, placement: Placement) -> None:
        for lane, piece in self._of(request, placement):
            self._pieces[lane.resource].remove(piece)
        for start, number in self._started(request, placement):
            self._visits[number].remove((start, request))

    def blocked(self, number: int, at: int) -> Blocked | None:
        """What forbids a visit of this lane at this minute, which its own calendar allows; None: nothing."""
        lane = self._problem.lanes[number]
        by: set[int] = set()
        stored = 0
        for piece in _pieces(lane, number, at, -1):
            met = self._overlapping(lane.resource, piece.start, piece.end)
            if piece.capacity == 1:
                by.update(one.request for one in met)
            elif met:
                for minute in self._changes(piece, met):
                    here = [one for one in met if one.start <= minute < one.end]
                    if here and not self._share([piece, *here], minute):
                        by.update(one.request for one in here)
                        stored = max(stored, self._crowd(number, minute)[0])
        if by:
            return Blocked(number, "time", tuple(sorted(by)), stored)
        for quota in lane.quotas:
            used = [request for start, request in self._visits.get(number, ()) if quota.start <= start < quota.end]
            if quota.start <= at < quota.end and len(used) >= quota.left:
                return Blocked(number, "quota", tuple(sorted(used)))
        return None

    def _of(self, request: int, placement: Placement) -> Iterator[tuple[Lane, _Piece]]:
        at = self._problem.ticks[placement.tick]
        for number in chosen_lanes(self._problem.requests[request], placement):
            lane = self._problem.lanes[number]
            for piece in _pieces(lane, number, at, request):
                yield lane, piece

    def _started(self, request: int, placement: Placement) -> Iterator[tuple[int, int]]:
        for number in chosen_lanes(self._problem.requests[request], placement):
            if self._problem.lanes[number].quotas:
                yield self._problem.ticks[placement.tick], number

    def _overlapping(self, resource: int, start: int, end: int) -> list[_Piece]:
        pieces = self._pieces.get(resource)
        if not pieces:
            return []
        low = bisect_left(pieces, (start - self._longest[resource],))
        high = bisect_left(pieces, (end,), low)
        return [one for one in pieces[low:high] if one.end > start]

    def _changes(self, piece: _Piece, met: Sequence[_Piece]) -> set[int]:
        """The minutes of a piece at which more is there than a minute before."""
        starts = {one.start for one in met}
        for number in {piece.lane, *(one.lane for one in met)}:
            starts.update(crowd.start for crowd in self._problem.lanes[number].crowds)
        return {piece.start, *(start for start in starts if piece.start < start < piece.end)}

    def _share(self, pieces: Sequence[_Piece], minute: int) -> bool:
        least = min(one.capacity for one in pieces)
        for number in {one.lane for one in pieces}:
            size, tolerance = self._crowd(number, minute)
            if size + len(pieces) > min(least, tolerance):
                return False
        return True

    def _crowd(self, number: int, minute: int) -> tuple[int, int]:
        met = [one for one in self._problem.lanes[number].crowds if one.start <= minute < one.end]
        capacity = self._problem.lanes[number].capacity
        return sum(one.size for one in met), min([capacity, *(one.tolerance for one in met)])


def _pieces(lane: Lane, number: int, at: int, request: int) -> Iterator[_Piece]:
    foot = lane.footprint
    end = at + foot.duration
    if lane.capacity == 1:
        yield _Piece(at - foot.before, end + foot.after, request, number, 1)
        return
    yield _Piece(at, end, request, number, lane.capacity)
    if foot.before:
        yield _Piece(at - foot.before, at, request, number, 1)
    if foot.after:
        yield _Piece(end, end + foot.after, request, number, 1)
