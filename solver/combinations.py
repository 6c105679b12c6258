"""Which members serve a start: CP-SAT over the choices that the bitmaps leave.

For each start of a block a literal for each pool and member free then: exactly one of each pool where the start is
used, each actor at most once. Combinations are ordered by the sum of loads, then by places, first pool first; that
order is one exact integer key as long as it stays below `EXACT`, and several in turn beyond.

One combination for each start is one model with an objective over a block of starts. Several are enumerated for one
start within a band: some feasible combinations found by arithmetic bound the key of the last one wanted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .errors import LimitError, SolverFaultError
from .model import ModelWriter, Response, Solve
from .problem import Member, Pool
from .profiles import ENUMERATE, INTERACTIVE

EXACT = 2**53
"""Below this an integer is exact in the solver's floating-point parts too."""

BLOCK = 32
"""How many starts share one model."""

Key = tuple[int, ...]


class Choice(NamedTuple):
    """A member that may serve a pool at one start, and its share of the key, most important part first."""

    member: Member
    weights: Key


@dataclass(frozen=True, slots=True)
class StartChoices:
    """What may serve one start: for each pool its choices, best first."""

    pools: tuple[tuple[Choice, ...], ...]
    levels: int


def start_choices(pools: Sequence[Pool], place: int, wanted: int, exact: int = EXACT) -> StartChoices:
    """The members free at the tick `place` that can be part of one of the `wanted` best combinations.

    The pools come `by_preference`. A member beaten by members of `wanted` + len(pools) − 1 other actors of its pool
    cannot: the other pools take at most len(pools) − 1 of these actors, and each of the rest makes a better
    combination.
    """
    most = wanted + len(pools) - 1
    kept: list[list[Member]] = []
    for pool in pools:
        best: list[Member] = []
        better: set[int] = set()
        for member in pool:
            if not member.starts >> place & 1:
                continue
            if len(better) - (member.actor in better) < most:
                best.append(member)
            better.add(member.actor)
            if len(better) > most:
                break
        kept.append(best)
    weights = _weights([len(members) for members in kept], _most_load(kept), exact)
    return StartChoices(
        tuple(
            tuple(
                Choice(member, _share(weights, index, member.load, rank))
                for member, rank in zip(members, _ranks(members), strict=True)
            )
            for index, members in enumerate(kept)
        ),
        len(weights),
    )


def by_preference(pools: Iterable[Pool]) -> list[Pool]:
    """The pools with their members in order of load, then of place."""
    return [tuple(sorted(pool, key=_preference)) for pool in pools]


def _preference(member: Member) -> tuple[int, int]:
    return member.load, member.place


def _ranks(members: Sequence[Member]) -> list[int]:
    """The order of the places, as 0, 1, 2, …"""
    order = {place: rank for rank, place in enumerate(sorted(member.place for member in members))}
    return [order[member.place] for member in members]


def _most_load(kept: Sequence[Sequence[Member]]) -> int:
    return sum(max((member.load for member in members), default=0) for members in kept)


_Level = dict[int, int]
"""The factor of each pool's rank in one part of the key; the factor of the load stands under -1."""


def _weights(sizes: Sequence[int], most_load: int, exact: int) -> list[_Level]:
    """Mixed-radix factors: as many digits (load, rank of the first pool, …) in one level as stay exact."""
    digits = [(-1, most_load + 1), *enumerate(sizes)]
    levels: list[_Level] = []
    room = 0
    for index, size in reversed(digits):
        if not levels or room * max(size, 1) >= exact:
            levels.append({})
            room = 1
        levels[-1][index] = room
        room *= max(size, 1)
    return levels[::-1]


def _share(levels: Sequence[_Level], pool: int, load: int, rank: int) -> Key:
    return tuple(level.get(-1, 0) * load + level.get(pool, 0) * rank for level in levels)


class _Literals:
    """The literals of one start in a model."""

    def __init__(self, writer: ModelWriter, choices: StartChoices) -> None:
        self.used = writer.booleans(1)[0]
        self.flat: list[int] = []
        self.weights: list[Key] = []
        self.choice: dict[int, tuple[int, int]] = {}
        by_actor: dict[int, list[int]] = {}
        for index, pool in enumerate(choices.pools):
            literals = writer.booleans(len(pool))
            writer.exactly_one([*literals, ~self.used])
            for literal, (member, weights) in zip(literals, pool, strict=True):
                self.flat.append(literal)
                self.weights.append(weights)
                self.choice[literal] = (index, member.place)
                by_actor.setdefault(member.actor, []).append(literal)
        for literals in by_actor.values():
            if len(literals) > 1:
                writer.at_most_one(literals)

    def read(self, values: Sequence[int]) -> tuple[int, ...]:
        """The places chosen, in pool order."""
        return tuple(place for _, place in sorted(self.choice[one] for one in self.flat if values[one]))


def best_of_block(starts: Sequence[StartChoices], solve: Solve) -> list[tuple[int, ...] | None]:
    """The first combination of each start, None where the solver finds none.

    One model for all, as long as its objective stays exact; else one for each half.
    """
    if len(starts) > 1 and not _fits(starts):
        half = len(starts) // 2
        return best_of_block(starts[:half], solve) + best_of_block(starts[half:], solve)
    writer = ModelWriter()
    literals = [_Literals(writer, choices) for choices in starts]
    used = [one.used for one in literals]
    # Every start optional: use as many as possible first, then the cheapest combinations.
    variables = [literal for one in literals for literal in one.flat]
    levels = max((choices.levels for choices in starts), default=1)
    merged = levels == 1 and _fits(starts)
    if merged:
        unused = 1 + max(sum(max((c.weights[0] for c in pool), default=0) for pool in s.pools) for s in starts)
        weights = [key[0] for one in literals for key in one.weights]
        writer.minimize([*variables, *used], [*weights, *[-unused] * len(used)])
        values = _optimum(solve, writer).values
    else:
        writer.minimize(used, [-1] * len(used))
        values = _optimum(solve, writer).values
        for one in literals:
            writer.sum_in([one.used], [1], [(values[one.used], values[one.used] + 1)])
        for level in range(levels):
            weights = [_part(key, level) for one in literals for key in one.weights]
            writer.minimize(variables, weights)
            values = _optimum(solve, writer).values
            for one in literals:
                parts = [_part(key, level) for key in one.weights]
                reached = sum(part * values[literal] for part, literal in zip(parts, one.flat, strict=True))
                writer.sum_in(one.flat, parts, [(reached, reached + 1)])
    return [one.read(values) if values[one.used] else None for one in literals]


def _part(key: Key, level: int) -> int:
    return key[level] if level < len(key) else 0


def _fits(starts: Sequence[StartChoices]) -> bool:
    """Does the sum over the block, penalties included, stay exact?"""
    most = (sum(max((c.weights[0] for c in pool), default=0) for pool in choices.pools) + 1 for choices in starts)
    return 2 * len(starts) * max(most) < EXACT


def _optimum(solve: Solve, writer: ModelWriter) -> Response:
    response = solve(writer, INTERACTIVE)
    if response.status != "OPTIMAL":
        raise incomplete("a combination model", response.status)
    if len(response.values) != writer.size:
        raise SolverFaultError(f"CP-SAT answers {len(response.values)} values for {writer.size} variables")
    return response


def incomplete(what: str, status: str) -> LimitError | SolverFaultError:
    """The error for a model that CP-SAT did not finish: its work limit, or a fault."""
    if status in ("FEASIBLE", "UNKNOWN"):
        return LimitError(f"CP-SAT reached its work limit in {what} ({status}). Ask for fewer pools or smaller ones.")
    return SolverFaultError(f"CP-SAT ended {what} with {status}")


def first_of_start(choices: StartChoices, wanted: int, solve: Solve) -> list[tuple[int, ...]]:
    """The first `wanted` combinations of one start, in order; fewer if there are no more."""
    bound = band(choices, wanted)
    writer = ModelWriter()
    literals = _Literals(writer, choices)
    writer.exactly_one([literals.used])
    if bound is not None:
        _limit(writer, literals, bound)
    response = solve(writer, ENUMERATE)
    if response.status not in ("OPTIMAL", "INFEASIBLE") or (response.status == "INFEASIBLE" and response.solutions):
        raise incomplete("an enumeration of combinations", response.status)
    found = sorted((_key_of(literals, values), literals.read(values)) for values in response.solutions)
    if len(found) < wanted and bound is not None:
        raise SolverFaultError(f"CP-SAT finds {len(found)} combinations, but {wanted} exist")
    return [places for _, places in found[:wanted]]


def _key_of(literals: _Literals, values: Sequence[int]) -> Key:
    chosen = [key for literal, key in zip(literals.flat, literals.weights, strict=True) if values[literal]]
    return _sum(chosen)


def _sum(keys: Sequence[Key]) -> Key:
    return tuple(sum(parts) for parts in zip(*keys, strict=True))


def _limit(writer: ModelWriter, literals: _Literals, bound: Key) -> None:
    """The key is at most `bound`: at some level it is less, or it is equal at all levels but the last.

    Which level decides is a function of the choice, so that enumeration sees every combination once.
    """
    parts = list(zip(*literals.weights, strict=True))
    less: list[int] = []
    for level, most in enumerate(bound[:-1]):
        decides = writer.booleans(1)[0]
        until = [~one for one in less]
        if most:
            writer.sum_in(literals.flat, parts[level], [(0, most)], only_if=[decides])
        else:
            writer.sum_in([decides], [1], [(0, 1)])
        writer.sum_in(literals.flat, parts[level], [(most, most + 1)], only_if=[*until, ~decides])
        less.append(decides)
    if less:
        writer.at_most_one(less)
    writer.sum_in(literals.flat, parts[-1], [(0, bound[-1] + 1)], only_if=[~one for one in less])


def band(choices: StartChoices, wanted: int) -> Key | None:
    """A key that at least `wanted` combinations do not exceed, or None if fewer exist.

    A beam over the pools: the best partial combinations are extended pool by pool. What it finds is feasible, so the
    bound is valid; without shared actors it is exact.
    """
    width = wanted
    while True:
        partial: list[tuple[Key, frozenset[int]]] = [((0,) * choices.levels, frozenset())]
        is_complete = True
        for pool in choices.pools:
            longer = [
                (tuple(map(sum, zip(key, weights, strict=True))), actors | {member.actor})
                for key, actors in partial
                for member, weights in pool
                if member.actor not in actors
            ]
            longer.sort(key=_first)
            is_complete = is_complete and len(longer) <= width
            partial = longer[:width]
        if len(partial) >= wanted:
            return partial[wanted - 1][0]
        if is_complete:
            return None
        width *= 4


def _first(entry: tuple[Key, frozenset[int]]) -> Key:
    return entry[0]
