"""What each row of an arena would choose at given prices, for all rows at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .arena import Arena
from .table import Ints, ranges

Reals = NDArray[np.floating]

FINE = 1 << 20
"""From this value on, 32 bits are too coarse."""


class Offers:
    """The entries of an arena in the order in which the least of each segment is found fastest.

    Segments are ordered by size; first comes the first entry of each, then the second of each that has two, …: the
    least is found by as many passes over contiguous columns as the largest segment has entries.
    """

    def __init__(self, arena: Arena) -> None:
        self.arena = arena
        most = int(np.abs(arena.pair_value).max(initial=0)) + int(arena.entry_cost.max(initial=0))
        self.dtype = np.dtype(np.float32 if most < FINE else np.float64)
        sizes = np.diff(arena.segment_entries)
        order = np.argsort(-sizes, kind="stable")
        rank = np.empty(len(order), np.int32)
        rank[order] = np.arange(len(order))
        first, falling = arena.segment_entries[:-1][order], -sizes[order]
        self._counts: list[int] = [int(np.searchsorted(falling, -slot)) for slot in range(int(sizes.max(initial=0)))]
        slots = [first[:count] + slot for slot, count in enumerate(self._counts)]
        entries = np.concatenate(slots) if slots else np.zeros(0, np.int64)
        self._place = arena.entry_place[entries]
        self._cost = arena.entry_cost[entries].astype(self.dtype)
        self._value = arena.pair_value.astype(self.dtype)
        roles = np.unique(arena.row_roles)
        self._ranks = rank
        self._by_role = [np.ascontiguousarray(one) for one in rank.reshape(-1, roles[0]).T] if len(roles) == 1 else None

    def worths(self, place_price: Reals) -> Reals:
        """(K,) what each pair is worth with the cheapest entries, after paying at their places."""
        cost = place_price[self._place]
        cost += self._cost
        low = len(self._ranks)
        least = cost[:low]
        for count in self._counts[1:]:
            np.minimum(least[:count], cost[low : low + count], out=least[:count])
            low += count
        if self._by_role is None:
            return self._value - np.add.reduceat(least[self._ranks], self.arena.pair_segments[:-1])
        worth = self._value - least[self._by_role[0]]
        for ranks in self._by_role[1:]:
            worth -= least[ranks]
        return worth

    def best(self, worths: Reals) -> tuple[Reals, Ints]:
        """For each row the most that a pair is worth, and the first such pair."""
        arena = self.arena
        if not len(arena.row_request):
            return np.zeros(0, self.dtype), np.zeros(0, np.int64)
        most = np.maximum.reduceat(worths, arena.row_pairs[:-1])
        hits = np.flatnonzero(worths == most[arena.pair_row])
        rows = arena.pair_row[hits]
        return most, hits[np.append(True, rows[1:] != rows[:-1])]

    def cheapest(self, pairs: Ints, place_price: Reals) -> Ints:
        """For each segment of these pairs, in order, its first cheapest entry."""
        arena = self.arena
        first = arena.pair_segments[pairs]
        segments = ranges(first, arena.pair_segments[1:][pairs] - first)
        low = arena.segment_entries[segments]
        sizes = arena.segment_entries[1:][segments] - low
        entries = ranges(low, sizes)
        cost = place_price[arena.entry_place[entries]] + arena.entry_cost[entries].astype(self.dtype)
        if not len(segments):
            return segments
        least = np.minimum.reduceat(cost, np.cumsum(sizes) - sizes)
        owner = np.repeat(np.arange(len(segments)), sizes)
        hits = np.flatnonzero(cost == least[owner])
        owner = owner[hits]
        return entries[hits[np.append(True, owner[1:] != owner[:-1])]]
