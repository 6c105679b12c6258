"""At which starts every pool can be served at once: Hall's condition over bitmaps.

A start is feasible iff for every set of pools the actors free then in the union of the pools are at least as many as
the pools (P. Hall, "On Representatives of Subsets", 1935). Pools that share no actor do not interact, so the sets
are those inside one connected component. Beyond `HALL_MOST` pools in a component the 2^n sets cost more than a
matching for each start.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from .grid import places
from .problem import Pool

HALL_MOST = 8


def feasible_starts(pools: Sequence[Pool]) -> int:
    """A bitmap of the starts at which distinct actors, one for each pool, are free."""
    found = -1
    for component in components(pools):
        found &= _hall(component) if len(component) <= HALL_MOST else _matched(component)
        if not found:
            return 0
    return max(found, 0)


def components(pools: Sequence[Pool]) -> list[list[Pool]]:
    """The pools parted into groups that share no actor."""
    groups: list[tuple[set[int], list[Pool]]] = []
    for pool in pools:
        actors = {member.actor for member in pool}
        joined = [pool]
        apart: list[tuple[set[int], list[Pool]]] = []
        for group in groups:
            if group[0].isdisjoint(actors):
                apart.append(group)
            else:
                actors |= group[0]
                joined = [*group[1], *joined]
        groups = [*apart, (actors, joined)]
    return [group for _, group in groups]


def _hall(pools: Sequence[Pool]) -> int:
    by_actor = [_bits_by_actor([pool]) for pool in pools]
    feasible = -1
    for size in range(1, len(pools) + 1):
        for chosen in combinations(by_actor, size):
            feasible &= _at_least(size, _union(chosen))
            if not feasible:
                return 0
    return feasible


def _bits_by_actor(pools: Sequence[Pool]) -> dict[int, int]:
    bits: dict[int, int] = {}
    for pool in pools:
        for member in pool:
            bits[member.actor] = bits.get(member.actor, 0) | member.starts
    return bits


def _union(chosen: Sequence[dict[int, int]]) -> list[int]:
    merged: dict[int, int] = dict(chosen[0])
    for bits in chosen[1:]:
        for actor, starts in bits.items():
            merged[actor] = merged.get(actor, 0) | starts
    return list(merged.values())


def _at_least(needed: int, bitmaps: Sequence[int]) -> int:
    """The bits that are set in at least `needed` of the bitmaps: a counter of bitmaps, one for each level."""
    levels = [0] * needed
    for bits in bitmaps:
        for level in range(needed - 1, 0, -1):
            levels[level] |= levels[level - 1] & bits
        levels[0] |= bits
    return levels[-1]


def _matched(pools: Sequence[Pool]) -> int:
    """The same by augmenting paths, start by start."""
    candidates = -1
    for pool in pools:
        candidates &= _at_least(1, [member.starts for member in pool])
    feasible = 0
    for place in places(candidates):
        free = [{member.actor for member in pool if member.starts >> place & 1} for pool in pools]
        if _has_matching(free):
            feasible |= 1 << place
    return feasible


def _has_matching(free: Sequence[set[int]]) -> bool:
    pool_of: dict[int, int] = {}
    for root in range(len(free)):
        # Breadth first over alternating paths: `came_from` leads back from an actor to the pool that reached it.
        came_from: dict[int, int] = {}
        queue = [root]
        end = None
        for pool in queue:
            for actor in free[pool]:
                if actor in came_from:
                    continue
                came_from[actor] = pool
                if actor not in pool_of:
                    end = actor
                    break
                queue.append(pool_of[actor])
            if end is not None:
                break
        if end is None:
            return False
        actor = end
        while True:
            pool = came_from[actor]
            previous = next((one for one, held in pool_of.items() if held == pool), None)
            pool_of[actor] = pool
            if pool == root:
                break
            assert previous is not None
            del pool_of[previous]
            pool_of[actor] = pool
            actor = previous
    return True
