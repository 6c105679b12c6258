"""Is a problem well formed? What the planner takes for granted, said as an error where it does not hold."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from itertools import pairwise

from ..errors import InvalidInputError
from .problem import Crowd, Lane, Link, Placement, PlanProblem, PlanRequest, Role

LARGEST = 1 << 53
"""Weights add up to less, and no cost is larger: totals are exact as floating-point numbers too."""


def check_problem(problem: PlanProblem) -> None:
    """Raise InvalidInputError, which names the place and the value, unless the problem is one of `problem`'s shape."""
    for one, other in pairwise(problem.ticks):
        if one >= other:
            raise InvalidInputError(f"Ticks ascend and are distinct, but {other} follows {one}")
    for number, lane in enumerate(problem.lanes):
        with _named(f"Lane {number}"):
            _check_lane(problem, lane)
    for number, request in enumerate(problem.requests):
        with _named(f"Request {number}"):
            _check_request(problem, request)
    total = sum(request.weight for request in problem.requests)
    if total >= LARGEST:
        raise InvalidInputError(f"Weights add up to {total}, but must stay below 2^53; divide them by a common factor")
    for number, link in enumerate(problem.links):
        with _named(f"Link {number}"):
            _check_link(problem, link)
    _check_circles(problem)
    for number, penalty in enumerate(problem.penalties):
        if penalty.weight < 0:
            raise InvalidInputError(f"Penalty {number}: its weight is {penalty.weight}, but must not be negative")


@contextmanager
def _named(name: str) -> Generator[None]:
    try:
        yield
    except InvalidInputError as error:
        raise InvalidInputError(f"{name}: {error}") from None


def _check_lane(problem: PlanProblem, lane: Lane) -> None:
    foot = lane.footprint
    if foot.duration < 1 or foot.before < 0 or foot.after < 0:
        raise InvalidInputError(f"a visit lasts at least a minute, and no buffer is negative, unlike in {foot}")
    if lane.capacity < 1:
        raise InvalidInputError(f"the capacity is {lane.capacity}, but must be at least 1")
    _check_starts(problem, lane.starts)
    if lane.crowds and lane.capacity == 1:
        raise InvalidInputError("a lane of capacity 1 has no crowds; cut them out of its starts")
    for crowd in lane.crowds:
        if crowd.start >= crowd.end or crowd.size < 1 or crowd.tolerance < 1:
            raise InvalidInputError(f"{crowd} is empty or tolerates nobody")
        _check_crowd(problem, lane, crowd)
    for quota in lane.quotas:
        if quota.start >= quota.end or quota.left < 0:
            raise InvalidInputError(f"{quota} is empty or already exceeded")


def _check_crowd(problem: PlanProblem, lane: Lane, crowd: Crowd) -> None:
    """Starts are where the first visit of the plan is admitted: its buffers meet no crowd, its visit no full one."""
    foot = lane.footprint
    is_full = crowd.size >= min(lane.capacity, crowd.tolerance)
    pieces = [(-foot.before, 0), (foot.duration, foot.reach)] + [(0, foot.duration)] * is_full
    for head, tail in pieces:
        low = bisect_right(problem.ticks, crowd.start - tail)
        high = bisect_left(problem.ticks, crowd.end - head)
        starts = lane.starts >> low & ((1 << max(high - low, 0)) - 1)
        if head < tail and starts:
            at = problem.ticks[low + (starts & -starts).bit_length() - 1]
            raise InvalidInputError(f"a visit may start at minute {at}, where {crowd} forbids it")


def _check_request(problem: PlanProblem, request: PlanRequest) -> None:
    _check_starts(problem, request.starts)
    if request.weight < 0 or request.priority < 0:
        raise InvalidInputError(f"weight {request.weight} and priority {request.priority} must not be negative")
    if not request.roles:
        raise InvalidInputError("a request has at least one role")
    count = request.starts.bit_count()
    for name, costs in (
        ("lateness", request.lateness),
        ("preference", request.preference),
        ("move", request.move),
    ):
        _check_costs(name, costs, count)
    durations: set[int] = set()
    for number, role in enumerate(request.roles):
        with _named(f"role {number}"):
            _check_role(problem, role)
        durations |= {problem.lanes[choice.lane].footprint.duration for choice in role.choices}
    if len(durations) > 1:
        raise InvalidInputError(f"all its lanes have visits of one duration, not of {sorted(durations)} minutes")
    if request.current is not None:
        _check_current(problem, request, request.current)


def _check_starts(problem: PlanProblem, starts: int) -> None:
    if not 0 <= starts < 1 << len(problem.ticks):
        raise InvalidInputError(f"starts have {starts.bit_length()} bits for {len(problem.ticks)} ticks")


def _check_costs(name: str, costs: Sequence[int], count: int) -> None:
    if len(costs) not in (0, count):
        raise InvalidInputError(f"{name} has {len(costs)} entries for {count} starts")
    if len(costs) and not (min(costs) >= 0 and max(costs) <= LARGEST):
        raise InvalidInputError(f"{name} must lie between 0 and 2^53, but is {min(costs)} to {max(costs)}")


def _check_role(problem: PlanProblem, role: Role) -> None:
    if role.absent is not None and not 0 <= role.absent <= LARGEST:
        raise InvalidInputError(f"going without costs {role.absent}, but must lie between 0 and 2^53")
    seen: set[int] = set()
    for choice in role.choices:
        if not 0 <= choice.lane < len(problem.lanes):
            raise InvalidInputError(f"lane {choice.lane} is none of {len(problem.lanes)}")
        if choice.lane in seen:
            raise InvalidInputError(f"lane {choice.lane} stands twice")
        seen.add(choice.lane)
        if min(choice.preference, choice.move) < 0 or choice.preference + choice.move > LARGEST:
            raise InvalidInputError(f"{choice} must cost between 0 and 2^53")


def _check_current(problem: PlanProblem, request: PlanRequest, current: Placement) -> None:
    """It may be forbidden by now, but must have the request's shape."""
    fits = len(current.choices) == len(request.roles) and all(
        choice is None or 0 <= choice < len(role.choices)
        for role, choice in zip(request.roles, current.choices, strict=True)
    )
    if not fits or not 0 <= current.tick < len(problem.ticks):
        raise InvalidInputError(f"{current} does not fit its ticks and roles")


def _check_link(problem: PlanProblem, link: Link) -> None:
    for end in (link.first, link.then):
        if not 0 <= end < len(problem.requests):
            raise InvalidInputError(f"request {end} is none of {len(problem.requests)}")
    if link.least < 0 or (link.most is not None and link.most < link.least):
        raise InvalidInputError(f"the gap must be 0 or more minutes and not empty, but is {link.least} to {link.most}")
    if any(one >= other for one, other in pairwise(link.days)):
        raise InvalidInputError("days ascend and are distinct")


def _check_circles(problem: PlanProblem) -> None:
    """Take away requests that wait for none, until none is left."""
    waits = [0] * len(problem.requests)
    following: dict[int, list[int]] = {}
    for link in problem.links:
        waits[link.then] += 1
        following.setdefault(link.first, []).append(link.then)
    ready = [place for place, count in enumerate(waits) if not count]
    while ready:
        for then in following.get(ready.pop(), ()):
            waits[then] -= 1
            if not waits[then]:
                ready.append(then)
    if any(waits):
        # Each that still waits does so for another one: back along them until one comes again.
        first_of = {link.then: link.first for link in problem.links if waits[link.first]}
        path = [next(place for place, count in enumerate(waits) if count)]
        while path[-1] not in path[:-1]:
            path.append(first_of[path[-1]])
        circle = " → ".join(map(str, reversed(path[path.index(path[-1]) :])))
        raise InvalidInputError(f"Links form a circle of requests, {circle}; leave one of them out")
