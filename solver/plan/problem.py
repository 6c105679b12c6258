"""The frozen shape of one plan: requests, and what each calendar decides about them alone, in; placements out.

Times are whole minutes since 1970-01-01T00:00Z, pieces are half-open. A set of starts is a bitmap: bit i stands for
`PlanProblem.ticks[i]`, as in `solver.grid`. A *resource* is a row on which time is taken: a schedule's calendar, or a
patient, who cannot be in two places. What is stored already is compiled into `Lane.starts`; only what the plan itself
adds is left to decide.

A plan serves a request or does not. Served, it has one start and a choice for each role. Plans are judged by

    Σ over the served of weight − lateness − preference − moves − absent

all in the same unit, whole numbers, less the soft penalties on pairs of visits if there are any; medium penalties
decide before that sum. `check.score` is the definition, term by term.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ..availability import Footprint
from .penalties import Penalty

Objective = Literal["weighted", "lexicographic"]


class Crowd(NamedTuple):
    """Stored Slots that a visit may join, in the minutes [start, end): how many, and the smallest tolerance."""

    start: int
    end: int
    size: int
    tolerance: int


class Quota(NamedTuple):
    """A booking limit in one calendar period: at most `left` more visits of a lane may start in [start, end)."""

    start: int
    end: int
    left: int


@dataclass(frozen=True, slots=True)
class Lane:
    """One schedule seen from one service, or one patient: everything that decides about it alone.

    `starts` are the ticks at which the first visit of the plan could start there, by all that is stored
    (`CompiledCalendar.starts`). `actor` is who or what is occupied: equal numbers are one actor, and no visit uses an
    actor twice. A visit is asked for at `capacity`, its buffers at 1: the plan's visits and `crowds` on a resource
    share time only as model 11 of the specification allows. A lane with capacity 1 has no crowds.
    """

    resource: int
    actor: int
    footprint: Footprint
    starts: int
    capacity: int = 1
    crowds: tuple[Crowd, ...] = ()
    quotas: tuple[Quota, ...] = ()


class Choice(NamedTuple):
    """A lane that may serve a role, and what that costs: against preference, and as a change of a booking."""

    lane: int
    preference: int = 0
    move: int = 0


@dataclass(frozen=True, slots=True)
class Role:
    """One participant of a visit: one of these, no lane twice. Going without costs `absent`; None: it is required."""

    choices: tuple[Choice, ...]
    absent: int | None = None


class Placement(NamedTuple):
    """A start, as a place among `PlanProblem.ticks`, and for each role the place of its choice (None: absent)."""

    tick: int
    choices: tuple[int | None, ...]


Plan = tuple[Placement | None, ...]
"""For each request where it is placed; None: not served."""


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What is asked for once.

    All lanes of its roles have visits of the same duration. `starts` are the ticks that its windows, release and
    deadline allow. `lateness`, `preference` and `move` are what each of these starts costs, aligned to the set bits of
    `starts` in ascending order, all ≥ 0; empty means nothing at every start. `priority` 0 is served first where the
    objective is lexicographic. `current` is where a booking stands that may be moved. `invited` are actors who are
    wanted there though their time is not taken: only penalties heed them.
    """

    weight: int
    starts: int
    roles: tuple[Role, ...]
    lateness: Sequence[int] = ()
    preference: Sequence[int] = ()
    move: Sequence[int] = ()
    priority: int = 0
    current: Placement | None = None
    invited: frozenset[int] = frozenset()


class Link(NamedTuple):
    """A precedence: `then` is served only if `first` is, and starts `least` to `most` minutes after `first` ends.

    `most` None is no limit. `days` are the ascending first minutes of local days; where there are any, both visits
    start on the same one.
    """

    first: int
    then: int
    least: int = 0
    most: int | None = None
    days: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanProblem:
    """Requests to place on lanes.

    `ticks` ascend and are distinct. Requests refer to lanes, links to requests, by their place; the links form no
    circle. `penalties` are what pairs of visits cost beside. The order of requests and lanes matters only to break
    ties.
    """

    ticks: Sequence[int]
    lanes: tuple[Lane, ...]
    requests: tuple[PlanRequest, ...]
    links: tuple[Link, ...] = ()
    penalties: tuple[Penalty, ...] = ()


class Point(NamedTuple):
    """A price of one minute of one resource, ≥ 0, which every visit that takes the minute pays.

    At any minute the visits of a plan take at most the whole of a resource: a visit at capacity c takes 1/c of it and
    pays 1/c of the price, a buffer pays all. So the sum of the prices, and for each request the best it can earn
    after paying (at least 0), bound every plan from above, whatever the prices are. Links, quotas and distinct actors
    are left out, which can only raise the bound.
    """

    resource: int
    minute: int
    price: float


Prices = tuple[Point, ...]
"""A certificate: the bound follows from the problem and these numbers alone (`check.bound`)."""
