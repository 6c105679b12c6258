"""The lexicographic objective: who is served, by priority; then preference; then earliness; then an even load.

Every level is a number of which more is better. A *blend* of levels, each times a multiplier, is the weighted objective
of a derived problem with the same plans: what finds and bounds plans needs to know nothing of levels. With multipliers
whose ranges are disjoint, the best of the blend is the best by the levels in their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import floor, gcd
from typing import Literal, NamedTuple

from ..errors import InvalidInputError, SolverFaultError
from .check import bound, chosen_lanes, terms
from .problem import Choice, Plan, PlanProblem, PlanRequest, Prices, Role
from .validate import LARGEST


class Level(NamedTuple):
    """One level, by what counts in it.

    `served`: how many requests of a priority; `preference`: minus what preferences, moves and absences cost;
    `earliness`: minus the minutes from the first tick to each start; `load`: minus the sum of the squares of the
    minutes, buffers included, that the plan puts on each resource for which some role has another choice.
    """

    kind: Literal["served", "preference", "earliness", "load"]
    priority: int | None = None


Reached = tuple[int, ...]
"""A number for each level."""


def levels_of(problem: PlanProblem) -> tuple[Level, ...]:
    priorities = sorted({request.priority for request in problem.requests})
    served = (Level("served", priority) for priority in priorities)
    return (*served, Level("preference"), Level("earliness"), Level("load"))


def reached(problem: PlanProblem, plan: Plan) -> Reached:
    """What a plan without faults reaches on each level."""
    found: dict[Level, int] = dict.fromkeys(levels_of(problem), 0)
    for request, placement in zip(problem.requests, plan, strict=True):
        if placement is not None:
            one = terms(request, placement)
            found[Level("served", request.priority)] += 1
            found[Level("preference")] -= one.preference + one.moves + one.absent
            found[Level("earliness")] -= problem.ticks[placement.tick] - problem.ticks[0]
    found[Level("load")] = -sum(minutes * minutes for minutes in loads(problem, plan).values())
    return tuple(found.values())


def loads(problem: PlanProblem, plan: Plan) -> dict[int, int]:
    """The minutes that a plan puts on each resource for which some role has another choice."""
    found = dict.fromkeys(_balanced(problem), 0)
    for request, placement in zip(problem.requests, plan, strict=True):
        for number in () if placement is None else chosen_lanes(request, placement):
            if problem.lanes[number].resource in found:
                found[problem.lanes[number].resource] += minutes_of(problem, number)
    return found


def _balanced(problem: PlanProblem) -> list[int]:
    roles = {role.choices for request in problem.requests for role in request.roles if len(role.choices) > 1}
    return sorted({problem.lanes[choice.lane].resource for choices in roles for choice in choices})


def minutes_of(problem: PlanProblem, lane: int) -> int:
    """What a visit of a lane takes, with its buffers."""
    foot = problem.lanes[lane].footprint
    return foot.before + foot.reach


# Blends


def blend(problem: PlanProblem, multipliers: Sequence[int], anchor: Mapping[int, int]) -> PlanProblem:
    """The problem whose weighted objective is the sum of the levels, each times its multiplier ≥ 0.

    The load, a sum of squares, is replaced by a sum that is nowhere smaller and agrees where each resource has the
    minutes of its `anchor` a: since (load − a)² ≥ 0, minus load² is at most a² − 2·a·load. The constants a² are left
    out: see `constant`.
    """
    by_level = dict(zip(levels_of(problem), multipliers, strict=True))
    cost, late, even = (by_level[Level(kind)] for kind in ("preference", "earliness", "load"))
    slope = [2 * even * anchor.get(lane.resource, 0) * minutes_of(problem, n) for n, lane in enumerate(problem.lanes)]
    origin = problem.ticks[0] if problem.ticks else 0
    made: dict[Role, Role] = {}

    def role_of(role: Role) -> Role:
        if role not in made:
            choices = (
                Choice(one.lane, cost * one.preference + slope[one.lane], cost * one.move) for one in role.choices
            )
            made[role] = Role(tuple(choices), None if role.absent is None else cost * role.absent)
        return made[role]

    def request_of(request: PlanRequest) -> PlanRequest:
        starts = [problem.ticks[tick] - origin for tick in _ticks(request.starts)] if late else []
        return replace(
            request,
            weight=by_level[Level("served", request.priority)],
            roles=tuple(map(role_of, request.roles)),
            lateness=[late * minutes for minutes in starts],
            preference=[cost * int(one) for one in request.preference],
            move=[cost * int(one) for one in request.move],
        )

    return replace(problem, requests=tuple(map(request_of, problem.requests)), penalties=())


def constant(multipliers: Sequence[int], anchor: Mapping[int, int]) -> int:
    """What the blend leaves out of the load."""
    return multipliers[-1] * sum(minutes * minutes for minutes in anchor.values())


def _ticks(starts: int) -> Iterator[int]:
    return (tick for tick in range(starts.bit_length()) if starts >> tick & 1)


_FEW = 16
"""Requests that a level outweighs where it cannot outweigh all."""


def disjoint(problem: PlanProblem, depth: int, anchor: Mapping[int, int]) -> tuple[tuple[int, ...], bool]:
    """Multipliers for the first `depth` levels, 0 for the others; and whether they decide strictly level by level.

    Strictly: the least gain on a level outweighs all that can be lost on those after it. Where the weights would then
    add up to 2^53 or more, it outweighs what a few requests can lose together: multipliers that lie so far apart that
    they just fit would only make the search blind for the last levels.
    """
    scales = [scale(problem, place, anchor) for place in range(depth)]
    base = len(problem.requests)
    while True:
        found: list[int] = []
        lost = total = 0
        for one in reversed(scales):
            found.append(lost // one.unit + 1)
            lost += found[-1] * one.most * min(base, one.requests)
            total += found[-1] * one.most * one.requests
        if total < LARGEST or base <= 1:
            break
        base = min(base // 2, _FEW)
    if total >= LARGEST:
        raise InvalidInputError("Costs are too large to weigh them against each other; divide them by a common factor")
    rest = len(levels_of(problem)) - depth
    return (*reversed(found), *(0 for _ in range(rest))), base >= len(problem.requests)


class Scale(NamedTuple):
    """What a level amounts to: multiples of `unit`, at most `most` from each of so many requests."""

    unit: int
    most: int
    requests: int


def scale(problem: PlanProblem, place: int, anchor: Mapping[int, int]) -> Scale:
    """What one level amounts to in a blend with this anchor."""
    alone = blend(problem, [int(place == one) for one in range(len(levels_of(problem)))], anchor)
    seen: set[int] = set()
    most = requests = 0
    for request in alone.requests:
        kinds = [request.lateness, request.preference, request.move]
        for role in request.roles:
            kinds.append([one.preference + one.move for one in role.choices] + [role.absent or 0])
        seen.update(*kinds)
        own = request.weight + sum(max(costs, default=0) for costs in kinds)
        most, requests = max(most, own), requests + (own > 0)
    return Scale(gcd(*seen) or 1, most, requests)


# Bounds


class Proof(NamedTuple):
    """What a bound on a level follows from.

    `multipliers` ≥ 0 are those of the levels up to this one, at least 1 for itself and 0 after it.
    """

    multipliers: tuple[int, ...]
    anchor: Mapping[int, int]
    prices: Prices


def level_bound(problem: PlanProblem, level: int, reached: Reached, proof: Proof) -> int:
    """No plan that reaches as much on every level before this one reaches more than this on it.

    Let h be the levels before, v what was reached on them, μ ≥ 0 their multipliers and s that of the level l itself.
    A plan with h ≥ v has s·l ≤ s·l + Σ μ·(h − v), which is the blend's worth, plus the constant that the blend leaves
    out, less Σ μ·v; and no plan's blend is worth more than `check.bound` says for any prices. Dropping the condition
    h ≥ v can only raise that. A level is a whole number, so the bound is rounded down.

    With all levels before proven, that is a bound for the best plan by all levels.
    """
    multipliers = (*proof.multipliers[: level + 1], *(0 for _ in reached[level + 1 :]))
    if len(proof.multipliers) != len(reached) or min(multipliers) < 0 or multipliers[level] < 1:
        raise SolverFaultError(f"The multipliers {proof.multipliers} prove nothing for level {level}")
    if min(proof.anchor.values(), default=0) < 0 or not proof.anchor.keys() <= set(_balanced(problem)):
        raise SolverFaultError(f"The anchor {proof.anchor} is not one of the problem's loads")
    worth = Fraction(bound(blend(problem, multipliers, proof.anchor), proof.prices))
    worth += constant(multipliers, proof.anchor)
    worth -= sum(one * value for one, value in zip(multipliers[:level], reached, strict=False))
    return floor(worth / multipliers[level])


class Blended(NamedTuple):
    """That no plan's blend is worth more than this: by prices, or by a solver's word as well."""

    multipliers: tuple[int, ...]
    anchor: Mapping[int, int]
    worth: float
    is_solvers: bool = False


def blended_bounds(problem: PlanProblem, reached: Reached, known: Blended) -> tuple[int | None, ...]:
    """A bound on each level, as `level_bound`, from a bound on a blend of later levels too; None where it says nothing.

    Each request takes at most its `scale` from a later level of costs, and later levels of served are never below 0.
    So strictly disjoint multipliers and a blend that is proven best prove every level.
    """
    scales = [scale(problem, place, known.anchor) for place in range(len(reached))]
    found: list[int | None] = []
    worth = Fraction(known.worth)
    for place, (level, one) in enumerate(zip(levels_of(problem), known.multipliers, strict=True)):
        later = zip(levels_of(problem), known.multipliers, scales, strict=True)
        lost = sum(m * s.most * s.requests for kind, m, s in list(later)[place + 1 :] if kind.kind != "served")
        if not one:
            found.append(None)
        elif level.kind == "load":
            found.append(floor((worth + constant(known.multipliers, known.anchor)) / one))
        else:
            unit = scales[place].unit
            found.append(floor((worth + lost) / (one * unit)) * unit)
        worth -= one * reached[place]
    return tuple(found)
