"""The meaning of a find as one CP-SAT model: `engine="cp-sat"` asks it for every question.

A start variable over the grid ticks; for each pool a choice of member; for each member optional interval variables
for its visit and buffers, its rules and bookings compiled into the start domain that its choice enforces; visits of
one actor under no-overlap, which at one common start means that an actor is used once. Starts and combinations are
read from the responses, the earliest first. `find` has shorter ways to the same answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .combinations import by_preference, first_of_start, incomplete, start_choices
from .errors import SolverFaultError
from .grid import places
from .intervals import Pair, from_pairs, to_pairs
from .model import ModelWriter, Solve
from .problem import FindProblem, Member, Offer
from .profiles import INTERACTIVE, PROPAGATE


def find_by_model(problem: FindProblem, solve: Solve) -> list[Offer]:
    """The offers of `problem`, every one read from a response of CP-SAT."""
    if not problem.ticks or not all(any(member.starts for member in pool) for pool in problem.pools):
        return []
    offers: list[Offer] = []
    if all(len(pool) == 1 for pool in problem.pools):
        found = _fixed_starts(problem, solve)
        return [Offer(start, tuple(pool[0].place for pool in problem.pools)) for start in found[: problem.count]]
    order = {tick: place for place, tick in enumerate(problem.ticks)}
    preferred = by_preference(problem.pools)
    for start in _starts_in_turn(problem, solve):
        if start not in order:
            raise SolverFaultError(f"CP-SAT answers the start {start}, which is no tick")
        wanted = min(problem.combinations, problem.count - len(offers))
        found = first_of_start(start_choices(preferred, order[start], wanted), wanted, solve)
        if not found:
            raise SolverFaultError(f"CP-SAT answers the start {start}, but finds no combination there")
        offers += (Offer(start, chosen) for chosen in found)
        if len(offers) == problem.count:
            break
    return offers


def _domain(ticks: Sequence[int], bitmap: int) -> list[Pair]:
    """The ticks of a bitmap as pieces of single minutes, merged where they follow each other."""
    minutes = (ticks[place] for place in places(bitmap))
    return list(to_pairs(from_pairs([(minute, minute + 1) for minute in minutes])))


def _fixed_starts(problem: FindProblem, solve: Solve) -> list[int]:
    """No choice: the start domain that presolve leaves is the exact set of starts."""
    members = [pool[0] for pool in problem.pools]
    writer = ModelWriter()
    start = writer.integer(_domain(problem.ticks, members[0].starts))
    for member in members[1:]:
        writer.sum_in([start], [1], _domain(problem.ticks, member.starts))
    chosen = writer.booleans(len(members))
    for literal in chosen:
        writer.exactly_one([literal])
    _actors_once(writer, problem, list(chosen))
    response = solve(writer, PROPAGATE)
    if response.status == "MODEL_INVALID":
        raise incomplete("a presolve", response.status)
    if response.status == "INFEASIBLE" or not response.tightened:
        return []
    bounds = iter(response.tightened[start])
    return [minute for low, high in zip(bounds, bounds, strict=True) for minute in range(low, high + 1)]


def _actors_once(writer: ModelWriter, problem: FindProblem, literals: Sequence[int]) -> None:
    by_actor: dict[int, list[int]] = {}
    members = (member for pool in problem.pools for member in pool)
    for literal, member in zip(literals, members, strict=True):
        by_actor.setdefault(member.actor, []).append(literal)
    for same in by_actor.values():
        if len(same) > 1:
            writer.at_most_one(same)


def _starts_in_turn(problem: FindProblem, solve: Solve) -> Iterator[int]:
    """The feasible starts, each the least one after the last."""
    writer = ModelWriter()
    everywhere = 0
    for pool in problem.pools:
        for member in pool:
            everywhere |= member.starts
    start = writer.integer(_domain(problem.ticks, everywhere))
    visits: dict[int, list[int]] = {}
    for pool in problem.pools:
        literals = writer.booleans(len(pool))
        writer.exactly_one(literals)
        for literal, member in zip(literals, pool, strict=True):
            if not member.starts:
                writer.sum_in([literal], [1], [(0, 1)])
                continue
            writer.sum_in([start], [1], _domain(problem.ticks, member.starts), only_if=[literal])
            visits.setdefault(member.actor, []).append(_intervals(writer, start, member, literal))
    for of_one_actor in visits.values():
        if len(of_one_actor) > 1:
            writer.no_overlap(of_one_actor)
    writer.minimize([start], [1])
    last = problem.ticks[0] - 1
    while True:
        response = solve(writer, INTERACTIVE)
        if response.status == "INFEASIBLE":
            return
        if response.status != "OPTIMAL":
            raise incomplete("a find model", response.status)
        found = response.values[start] if response.values else last
        if found <= last:
            raise SolverFaultError(f"CP-SAT answers the start {found} after {last}")
        yield found
        last = found
        if found >= problem.ticks[-1]:
            return
        writer.sum_in([start], [1], [(found + 1, problem.ticks[-1] + 1)])


def _intervals(writer: ModelWriter, start: int, member: Member, presence: int) -> int:
    """The interval variables of a member: its buffers and its visit, of which the visit is answered."""
    foot = member.footprint
    if foot.before:
        writer.optional_interval(start, -foot.before, foot.before, presence)
    if foot.after:
        writer.optional_interval(start, foot.duration, foot.after, presence)
    return writer.optional_interval(start, 0, foot.duration, presence)
