"""Named families of soft terms on pairs of visits: what they count, by plain arithmetic on a finished plan.

What depends on one visit alone (how late it ends, how much larger its room could be) is no matter of this module: that
is `PlanRequest.lateness` and `Choice.preference`. Nothing here knows a search.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

if TYPE_CHECKING:
    from .problem import Plan, PlanProblem

Level = Literal["medium", "soft"]
"""Soft costs are subtracted in the worth of a plan; medium ones decide before it, between plans that serve as much."""


class Visit(NamedTuple):
    """A placed request: minutes [start, end), the actors whose time it takes, and those who are only invited."""

    start: int
    end: int
    actors: frozenset[int]
    invited: frozenset[int] = frozenset()

    @property
    def people(self) -> frozenset[int]:
        return self.actors | self.invited


@dataclass(frozen=True, slots=True)
class Overlap:
    """The time that two visits overlap, in units of `unit` minutes, each one begun."""

    name: ClassVar = "overlap"
    weight: int
    level: Level = "soft"
    unit: int = 1

    def count(self, one: Visit, other: Visit) -> int:
        return shared_units(one, other, self.unit)


@dataclass(frozen=True, slots=True)
class InvitedOverlap:
    """The same for each actor of both visits whom at least one of them only invites."""

    name: ClassVar = "invited-overlap"
    weight: int
    level: Level = "soft"
    unit: int = 1

    def count(self, one: Visit, other: Visit) -> int:
        return shared_units(one, other, self.unit) * len(one.people & other.people - (one.actors & other.actors))


@dataclass(frozen=True, slots=True)
class BackToBack:
    """One visit starts in the minute in which the other ends, wherever they are."""

    name: ClassVar = "back-to-back"
    weight: int
    level: Level = "soft"

    def count(self, one: Visit, other: Visit) -> int:
        return (one.start == other.end) + (other.start == one.end)


@dataclass(frozen=True, slots=True)
class ChangeOfPlace:
    """An actor of both visits, invited or not, has to change between two places at most `within` minutes apart.

    `places` are the actors that are places. One visit starts before the other, and the other at most `within` minutes
    after its end, or before its end; both have a place, and not the same.
    """

    name: ClassVar = "change-of-place"
    weight: int
    level: Level = "soft"
    within: int = 0
    places: frozenset[int] = frozenset()

    def count(self, one: Visit, other: Visit) -> int:
        first, then = (one, other) if one.start < other.start else (other, one)
        if first.start == then.start or then.start - first.end > self.within:
            return 0
        here, there = first.actors & self.places, then.actors & self.places
        if not here or not there or here == there:
            return 0
        return len((first.people & then.people) - self.places)


Penalty = Overlap | InvitedOverlap | BackToBack | ChangeOfPlace
FAMILIES: tuple[type[Penalty], ...] = (Overlap, InvitedOverlap, BackToBack, ChangeOfPlace)


def shared_units(one: Visit, other: Visit, unit: int) -> int:
    """The overlap of two visits in units, each one begun."""
    return max(0, -(-(min(one.end, other.end) - max(one.start, other.start)) // unit))


class Charge(NamedTuple):
    """What a penalty comes to: weight × amount is its cost."""

    name: str
    level: Level
    weight: int
    amount: int

    @property
    def cost(self) -> int:
        return self.weight * self.amount


def charges(problem: PlanProblem, plan: Plan) -> tuple[Charge, ...]:
    """What each penalty of a problem counts in a plan, over all pairs of its visits."""
    visits = [visit for visit in visits_of(problem, plan) if visit is not None]
    return tuple(Charge(one.name, one.level, one.weight, count(one, visits)) for one in problem.penalties)


def count(penalty: Penalty, visits: Iterable[Visit]) -> int:
    return sum(penalty.count(one, other) for one, other in combinations(visits, 2))


def visits_of(problem: PlanProblem, plan: Plan) -> list[Visit | None]:
    """A plan, request by request, as its penalties see it."""
    found: list[Visit | None] = []
    for request, placement in zip(problem.requests, plan, strict=True):
        if placement is None:
            found.append(None)
            continue
        lanes = [
            problem.lanes[role.choices[choice].lane]
            for role, choice in zip(request.roles, placement.choices, strict=True)
            if choice is not None
        ]
        start = problem.ticks[placement.tick]
        duration = lanes[0].footprint.duration if lanes else 0
        actors = frozenset(lane.actor for lane in lanes)
        found.append(Visit(start, start + duration, actors, request.invited - actors))
    return found


def named(
    name: str, weight: int, *, level: Level = "soft", unit: int = 1, within: int = 0, places: Sequence[int] = ()
) -> Penalty:
    """A penalty by the name of its family; `unit`, `within` and `places` are heeded by those that have them.

    Raises
    ------
    ValueError
        If there is no such family or level, the weight or `within` is negative, or the unit is not positive.
    """
    if level not in ("medium", "soft"):
        raise ValueError(f"A penalty is medium or soft, not {level!r}")
    for what, value, least in (("weight", weight, 0), ("unit", unit, 1), ("within", within, 0)):
        if value < least:
            raise ValueError(f"The {what} of a penalty is at least {least}, not {value}")
    match name:
        case Overlap.name:
            return Overlap(weight, level, unit)
        case InvitedOverlap.name:
            return InvitedOverlap(weight, level, unit)
        case BackToBack.name:
            return BackToBack(weight, level)
        case ChangeOfPlace.name:
            return ChangeOfPlace(weight, level, within, frozenset(places))
        case _:
            raise ValueError(f"No penalty is called {name!r}; there are {', '.join(one.name for one in FAMILIES)}")
