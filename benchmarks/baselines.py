"""Other ways to the same answers: to measure against, and to judge by. None of them knows slotwright.

Minutes are integers since 1970-01-01T00:00Z, pieces half-open.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Any

from instances import AFTER, BEFORE, DURATION, GRID, Diary, Pair
from ortools.util.python.sorted_interval_list import Domain

REACH = DURATION + AFTER


def merged(pieces: Iterable[Pair]) -> list[Pair]:
    """The union, sorted and disjoint."""
    found: list[Pair] = []
    for start, end in sorted(pieces):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def shut(diary: Diary, hours: Sequence[Pair], searched: Pair) -> list[Pair]:
    """Where a visit must not reach: bookings, closed hours, and a day on both sides of what is searched."""
    edges = [searched[0], *(edge for piece in merged(hours) for edge in piece), searched[1]]
    closed = [(edges[i], edges[i + 1]) for i in range(0, len(edges), 2)]
    outside = [(searched[0] - 1440, searched[0]), (searched[1], searched[1] + 1440)]
    return merged([*(piece for piece in (*closed, *outside) if piece[0] < piece[1]), *diary.bookings])


# One calendar or several at once


def domain_of(pieces: Sequence[Pair]) -> Domain:
    """OR-Tools' set of integers, closed at both ends."""
    return Domain.from_intervals([[start, end - 1] for start, end in pieces])


def domain_starts(taken: Sequence[Domain], searched: Domain) -> Domain:
    """The bare interval operations: union, dilation by the visit, complement, intersection."""
    union = taken[0]
    for one in taken[1:]:
        union = union.union_with(one)
    return union.addition_with(Domain(1 - REACH, BEFORE)).complement().intersection_with(searched)


def ticks_of(starts: Domain) -> list[int]:
    """The multiples of the grid in a domain."""
    bounds = starts.flattened_intervals()
    found: list[int] = []
    for low, high in zip(bounds[::2], bounds[1::2], strict=True):
        found += range(-(-low // GRID) * GRID, high + 1, GRID)
    return found


def sweep_starts(taken: Sequence[Sequence[Pair]]) -> list[int]:
    """One pass over all pieces, sorted: the gaps that a visit fits into."""
    found: list[int] = []
    latest: int | None = None
    for start, end in sorted([piece for pieces in taken for piece in pieces]):
        if latest is None:
            latest = end
        elif start > latest:
            low, high = latest + BEFORE, start - REACH
            if low <= high:
                found += range(-(-low // GRID) * GRID, high + 1, GRID)
            latest = end
        elif end > latest:
            latest = end
    return found


def cp_sat_starts(taken: Sequence[Sequence[Pair]], searched: Pair) -> list[int]:
    """CP-SAT: one interval variable for each calendar, under no-overlap with what is taken; every solution."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    low, high = -(-searched[0] // GRID), -(-searched[1] // GRID)
    tick = model.new_int_var(low, high - 1, "tick")
    for pieces in taken:
        visit = model.new_fixed_size_interval_var(GRID * tick - BEFORE, BEFORE + REACH, "visit")
        fixed = [model.new_fixed_size_interval_var(start, end - start, "taken") for start, end in pieces]
        model.add_no_overlap([visit, *fixed])
    found: list[int] = []

    class Reader(cp_model.CpSolverSolutionCallback):
        def on_solution_callback(self) -> None:
            found.append(GRID * self.value(tick))

    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.enumerate_all_solutions = True
    solver.solve(model, Reader())
    return sorted(found)


# Pools


class Oracle:
    """Who is free when, how loaded, and the best combinations: by bisection and branch and bound, start by start."""

    def __init__(self, found: Sequence[Diary], hours: Sequence[Pair], searched: Pair) -> None:
        self.low, self.high = searched
        self.taken = [shut(diary, hours, searched) for diary in found]
        self._starts = [[start for start, _ in pieces] for pieces in self.taken]
        self.load = [
            sum(max(0, min(end, self.high) - max(start, self.low)) for start, end in merged(diary.bookings))
            for diary in found
        ]

    def is_free(self, number: int, start: int) -> bool:
        """May this schedule's visit start then?"""
        begin, end = start - BEFORE, start + REACH
        place = bisect_left(self._starts[number], end)
        return place == 0 or self.taken[number][place - 1][1] <= begin

    def ticks(self) -> range:
        return range(-(-self.low // GRID) * GRID, self.high, GRID)

    def free(self, pool: Sequence[int], start: int) -> list[int]:
        """The places of the pool's members that are free."""
        return [place for place, number in enumerate(pool) if self.is_free(number, start)]

    def offers(
        self, pools: Sequence[Sequence[int]], count: int, combinations: int
    ) -> list[tuple[int, tuple[int, ...]]]:
        """The start and the chosen schedules of each offer, in order."""
        found: list[tuple[int, tuple[int, ...]]] = []
        for start in self.ticks():
            free = [self.free(pool, start) for pool in pools]
            if all(free):
                best = self._best(pools, free, min(combinations, count - len(found)))
                found += ((start, tuple(pool[at] for pool, at in zip(pools, places))) for places in best)
                if len(found) == count:
                    break
        return found

    def _best(
        self, pools: Sequence[Sequence[int]], free: Sequence[Sequence[int]], wanted: int
    ) -> list[tuple[int, ...]]:
        """The first `wanted` combinations by sum of loads, then places; nobody twice."""
        sorted_free = [sorted(places, key=lambda at: self.load[pool[at]]) for pool, places in zip(pools, free)]
        rest = [0] * (len(pools) + 1)
        for index in range(len(pools) - 1, -1, -1):
            rest[index] = rest[index + 1] + self.load[pools[index][sorted_free[index][0]]]
        best: list[tuple[int, tuple[int, ...]]] = []

        def extend(index: int, load: int, places: tuple[int, ...], used: frozenset[int]) -> None:
            if index == len(pools):
                key = load, places
                if len(best) < wanted or key < best[-1]:
                    best.insert(bisect_right(best, key), key)
                    del best[wanted:]
                return
            for place in sorted_free[index]:
                number = pools[index][place]
                reached = load + self.load[number]
                if len(best) == wanted and reached + rest[index + 1] > best[-1][0]:
                    break
                if number not in used:
                    extend(index + 1, reached, (*places, place), used | {number})

        extend(0, 0, (), frozenset())
        return [places for _, places in best]


def matched_starts(free: Sequence[Sequence[int]], pools: Sequence[Sequence[int]], length: int) -> list[int]:
    """The ticks at which every pool has a member of its own: Kuhn's augmenting paths, tick by tick.

    `free[number]` is a 0/1 sequence over the ticks for each schedule.
    """
    found: list[int] = []
    for tick in range(length):
        options = [[number for number in pool if free[number][tick]] for pool in pools]
        if not all(options):
            continue
        pool_of: dict[int, int] = {}
        if all(_augment(index, options, pool_of, set()) for index in range(len(pools))):
            found.append(tick)
    return found


def _augment(index: int, options: Sequence[Sequence[int]], pool_of: dict[int, int], tried: set[int]) -> bool:
    for number in options[index]:
        if number not in tried:
            tried.add(number)
            if number not in pool_of or _augment(pool_of[number], options, pool_of, tried):
                pool_of[number] = index
                return True
    return False


def month_model(
    taken: Sequence[Sequence[Pair]], pools: Sequence[Sequence[int]], searched: Pair, *, lean: bool, limit: float
) -> int | None:
    """The earliest start by one CP-SAT model over the whole window; None if `limit` seconds were not enough.

    Optional interval variables for every member of every pool, under no-overlap with what is taken. `lean` turns
    probing, symmetry and linearization off; otherwise the parameters are the default ones with one worker.
    """
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    tick = model.new_int_var(-(-searched[0] // GRID), -(-searched[1] // GRID) - 1, "tick")
    visits: dict[int, list[Any]] = {}
    for pool in pools:
        chosen = [model.new_bool_var("chosen") for _ in pool]
        model.add_exactly_one(chosen)
        for number, literal in zip(pool, chosen):
            visit = model.new_optional_fixed_size_interval_var(GRID * tick - BEFORE, BEFORE + REACH, literal, "visit")
            visits.setdefault(number, []).append(visit)
    for number, mine in visits.items():
        fixed = [model.new_fixed_size_interval_var(start, end - start, "taken") for start, end in taken[number]]
        model.add_no_overlap([*mine, *fixed])
    model.minimize(tick)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_time_in_seconds = limit
    if lean:
        solver.parameters.cp_model_probing_level = 0
        solver.parameters.symmetry_level = 0
        solver.parameters.linearization_level = 0
    status = solver.solve(model)
    return GRID * round(solver.objective_value) if status == cp_model.OPTIMAL else None
