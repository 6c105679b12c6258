"""Sets of minutes of many schedules at once: NumPy columns, and the set operations on them.

Columns hold the pieces [start, end) of schedule i at the places first[i] to first[i + 1]. For an operation the
schedules of a chunk are *laid* end to end on one axis, `stride` minutes apart, so that one sort and one running maximum
answer for all; pieces of different schedules are at least a minute apart there. Everything is int32: a chunk is cut so
that its axis fits, and so small that what is made on the way stays in the processor's cache.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Minutes = NDArray[np.int32]
Places = NDArray[np.int64]
Flags = NDArray[np.bool_]
Numbers = NDArray[np.signedinteger[Any]]

FAR = 2**30
"""Minutes of columns lie in [-FAR, FAR]: what is further away is as good as there."""


class Columns(NamedTuple):
    """Pieces of many schedules, those of each sorted by start; minutes since some origin, within ±`FAR`.

    `tolerance` are capacity stamps (specification, model 11); None: all are 1.
    """

    first: Places
    start: Minutes
    end: Minutes
    tolerance: Minutes | None = None

    def __len__(self) -> int:
        """The number of schedules."""
        return len(self.first) - 1

    def kept(self, mask: Flags) -> Columns:
        """The pieces of the mask, for the same schedules."""
        places = np.flatnonzero(mask)
        first = np.searchsorted(places, self.first)
        tolerance = None if self.tolerance is None else self.tolerance[places]
        return Columns(first, self.start[places], self.end[places], tolerance)


class Pieces(NamedTuple):
    """Pieces [start, end) on a laid axis."""

    start: Minutes
    end: Minutes


def places_of(first: Places, members: Places) -> tuple[Places | slice, Places]:
    """Where the entries of these schedules stand, one schedule after the other, and how many each has."""
    counts = first[members + 1] - first[members]
    if len(members) and members[-1] - members[0] == len(members) - 1 and bool((np.diff(members) == 1).all()):
        return slice(int(first[members[0]]), int(first[members[-1] + 1])), counts
    return spread(first[members], counts), counts


def spread(begins: Numbers, counts: Numbers) -> Places:
    """begins[i], begins[i] + 1, … for each i, counts[i] of them."""
    ends = firsts(counts)
    return np.repeat(begins - ends[:-1], counts) + np.arange(int(ends[-1]), dtype=np.int64)


def firsts(counts: Numbers) -> Places:
    """Where each of the parts with these lengths begins, and where the last one ends."""
    found = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=found[1:])
    return found


def laid(columns: Columns, members: Places, low: int, width: int, stride: int) -> tuple[Pieces, Places | slice]:
    """The pieces of these schedules inside [low, low + width), laid; what is clipped away becomes empty.

    Sorted by start. Also says which pieces these are.
    """
    places, counts = places_of(columns.first, members)
    start, end = columns.start[places], columns.end[places]
    if not len(start):
        return Pieces(start, end), places
    offsets = np.repeat(np.arange(len(members), dtype=np.int32) * np.int32(stride) - np.int32(low), counts)
    if start.min() < low or end.max() > low + width:
        start, end = np.clip(start, low, low + width), np.clip(end, low, low + width)
    return Pieces(start + offsets, end + offsets), places


def joined(*parts: Pieces) -> Pieces:
    """All pieces, one part after the other."""
    return Pieces(np.concatenate([part.start for part in parts]), np.concatenate([part.end for part in parts]))


def covered(pieces: Pieces) -> Pieces:
    """The pieces sorted, each reaching as far as any before it: the same minutes, with starts and ends ascending.

    The sort is stable because that one finds the sorted runs that the pieces come in.
    """
    order = np.argsort(pieces.start, kind="stable")
    return Pieces(pieces.start[order], np.maximum.accumulate(pieces.end[order]))


def union(pieces: Pieces) -> Pieces:
    """The pieces sorted, overlapping and touching ones merged."""
    return _merged(*covered(pieces))


def _merged(start: Minutes, end: Minutes) -> Pieces:
    """Pieces whose starts and ends both ascend, merged."""
    is_first = np.empty(len(start), np.bool_)
    is_first[:1] = True
    np.greater(start[1:], end[:-1], out=is_first[1:])
    begins = np.flatnonzero(is_first)
    lasts = np.append(begins, len(start))[1:] - 1
    return Pieces(start[begins], end[lasts])


def at_least(pieces: Pieces, number: int) -> Pieces:
    """Where at least so many of the pieces run at once, merged.

    With starts and ends sorted each by themselves that is the union of [start i, end i − number + 1).
    """
    starts, ends = np.sort(pieces.start, kind="stable"), np.sort(pieces.end, kind="stable")
    start, end = starts[number - 1 :], ends[: max(len(ends) - number + 1, 0)]
    there = end > start
    return _merged(start[there], end[there])


def intersection(one: Pieces, other: Pieces) -> Pieces:
    """What two merged sets have in common."""
    return at_least(joined(one, other), 2)


def walls(count: int, width: int, stride: int) -> Pieces:
    """The minute before each schedule's axis and the one after it."""
    ends = np.arange(count + 1, dtype=np.int32) * np.int32(stride)
    starts = ends - np.int32(stride - width)
    starts[0] = -1
    return Pieces(starts, ends)


def gaps(pieces: Pieces, before: int = 0, reach: int = 1) -> Pieces:
    """The t with [t − before, t + reach) between pieces as `covered` gives them, as stretches [first, last + 1).

    With walls among the pieces these are the stretches on each schedule's axis. Without arguments: the complement.
    """
    places = np.flatnonzero(pieces.start[1:] - pieces.end[:-1] >= before + reach)
    return Pieces(pieces.end[places] + np.int32(before), pieces.start[places + 1] - np.int32(reach - 1))


def forbids(pieces: Pieces, head: int, tail: int) -> Pieces:
    """The t at which [t + head, t + tail) meets one of the pieces, a stretch for each piece."""
    return Pieces(pieces.start - np.int32(tail - 1), pieces.end - np.int32(head))
