"""Sets of whole minutes as sorted edges.

A set of minutes is a list of strictly increasing integers of even length: `[s0, e0, s1, e1, …]` stands for
[s0, e0) ∪ [s1, e1) ∪ …. Strictly increasing says all at once: sorted, disjoint, and touching pieces merged. The
place of a minute among the edges is odd inside the set and even outside, so that a question is one bisection.

OR-Tools' `Domain` answers the same questions and is the oracle of the tests; plain lists cost no import and take a
local change without being rebuilt.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

Edges = list[int]
Pair = tuple[int, int]


def from_pairs(pairs: Iterable[Pair]) -> Edges:
    """The union of half-open pieces in any order; pieces without length vanish."""
    edges: Edges = []
    last = None
    for start, end in sorted(pairs):
        if end <= start:
            continue
        if last is not None and start <= last:
            if end > last:
                edges[-1] = last = end
        else:
            edges += (start, end)
            last = end
    return edges


def to_pairs(edges: Edges) -> Iterator[Pair]:
    return zip(edges[::2], edges[1::2], strict=True)


def covers(edges: Edges, start: int, end: int) -> bool:
    """Is all of [start, end), a piece with length, in the set?"""
    place = bisect_right(edges, start)
    return place % 2 == 1 and edges[place] >= end


def touches(edges: Edges, start: int, end: int) -> bool:
    """Is any minute of [start, end) in the set?"""
    if end <= start:
        return False
    place = bisect_right(edges, start)
    return place % 2 == 1 or (place < len(edges) and edges[place] < end)


def clip(edges: Edges, start: int, end: int) -> Edges:
    """The part of the set inside [start, end)."""
    if end <= start:
        return []
    low = bisect_right(edges, start)
    high = bisect_left(edges, end)
    inner = edges[low:high]
    if low % 2 == 1:
        inner.insert(0, start)
    if high % 2 == 1:
        inner.append(end)
    return inner


def splice(edges: Edges, start: int, end: int, inner: Edges) -> None:
    """Replace what the set holds of [start, end) by `inner`, which lies inside it; in place."""
    low = bisect_left(edges, start)
    high = bisect_right(edges, end)
    middle = list(inner)
    # An odd place means that the set reaches the border from outside: join there, or close and open.
    if low % 2 == 1:
        if middle and middle[0] == start:
            del middle[0]
        else:
            middle.insert(0, start)
    if high % 2 == 1:
        if middle and middle[-1] == end:
            del middle[-1]
        else:
            middle.append(end)
    edges[low:high] = middle


def union(one: Edges, other: Edges) -> Edges:
    if not one or not other:
        return list(one or other)
    return from_pairs([*to_pairs(one), *to_pairs(other)])


def complement(edges: Edges, start: int, end: int) -> Edges:
    """[start, end) without the set."""
    inner = clip(edges, start, end)
    if end <= start:
        return []
    if inner and inner[0] == start:
        del inner[0]
    else:
        inner.insert(0, start)
    if inner[-1] == end:
        del inner[-1]
    else:
        inner.append(end)
    return inner


def subtract(edges: Edges, holes: Edges) -> Edges:
    """The set without `holes`."""
    if not edges or not holes:
        return list(edges)
    return intersect(edges, complement(holes, edges[0], edges[-1]))


def intersect(one: Edges, other: Edges) -> Edges:
    found: Edges = []
    i = j = 0
    while i < len(one) and j < len(other):
        start = max(one[i], other[j])
        end_one, end_other = one[i + 1], other[j + 1]
        end = min(end_one, end_other)
        if start < end:
            found += (start, end)
        if end_one <= end_other:
            i += 2
        if end_other <= end_one:
            j += 2
    return found


def measure(edges: Edges) -> int:
    """How many minutes the set holds."""
    return sum(edges[1::2]) - sum(edges[::2])
