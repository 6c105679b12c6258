"""Small plans drawn with a seed: every feature of the planner's problems, few enough choices to count by hand."""

from __future__ import annotations

import random

from slotwright.solver.availability import Footprint
from slotwright.solver.plan.problem import Choice, Crowd, Lane, Link, PlanProblem, PlanRequest, Quota, Role


def drawn(
    seed: int,
    *,
    requests: int = 5,
    ticks: int = 10,
    resources: int = 3,
    capacity: bool = False,
    quotas: bool = False,
    links: bool = False,
    optional: bool = False,
    actors: bool = False,
) -> PlanProblem:
    """A problem with these features; the ticks are a quarter of an hour apart, with one longer gap."""
    draw = random.Random(f"small plan {seed}")
    axis = tuple(15 * place + (600 if place >= ticks // 2 else 0) for place in range(ticks))
    lanes = tuple(
        _lane(draw, resource, ticks, axis, duration, capacity=capacity, quotas=quotas, actors=actors)
        for duration in (15, 30)
        for resource in range(resources)
        for _ in range(2)
    )
    wanted = tuple(_request(draw, ticks, lanes, optional=optional) for _ in range(requests))
    chains = tuple(
        Link(first, first + 1, draw.choice((0, 15)), draw.choice((None, 45, 100)), draw.choice(((), (0, 600))))
        for first in range(requests - 1)
        if links and draw.random() < 0.6
    )
    return PlanProblem(axis, lanes, wanted, chains)


def _lane(
    draw: random.Random,
    resource: int,
    ticks: int,
    axis: tuple[int, ...],
    duration: int,
    *,
    capacity: bool,
    quotas: bool,
    actors: bool,
) -> Lane:
    most = draw.choice((1, 2, 3)) if capacity else 1
    crowds = [
        Crowd(low, low + draw.choice((10, 15)), 1, draw.randint(2, 3))
        for low in draw.sample(axis, 2)
        if most > 1 and draw.random() < 0.5
    ]
    foot = Footprint(duration, draw.choice((0, 0, 5, 15)), draw.choice((0, 0, 10)))
    starts = sum(
        1 << place
        for place, at in enumerate(axis)
        if draw.random() < 0.7 and all(_may_start(at, foot, most, crowd) for crowd in crowds)
    )
    half = axis[ticks // 2]
    limits = (Quota(axis[0], half, draw.randint(0, 2)), Quota(half, half + 1000, 1)) if quotas else ()
    return Lane(resource, resource // 2 if actors else resource, foot, starts, most, tuple(sorted(crowds)), limits)


def _may_start(at: int, foot: Footprint, most: int, crowd: Crowd) -> bool:
    """Model 11 against one crowd: the buffers stay off it, the visit joins it where there is room."""
    buffers = ((at - foot.before, at), (at + foot.duration, at + foot.reach))
    if any(max(low, crowd.start) < min(high, crowd.end) for low, high in buffers):
        return False
    is_met = crowd.start < at + foot.duration and at < crowd.end
    return not is_met or crowd.size < min(most, crowd.tolerance)


def _request(draw: random.Random, ticks: int, lanes: tuple[Lane, ...], *, optional: bool) -> PlanRequest:
    duration = draw.choice((15, 30))
    fitting = [number for number, lane in enumerate(lanes) if lane.footprint.duration == duration]
    starts = draw.getrandbits(ticks) | 1 << draw.randrange(ticks)
    count = starts.bit_count()

    def costs(most: int) -> tuple[int, ...]:
        return tuple(draw.randint(0, most) for _ in range(count)) if draw.random() < 0.7 else ()

    roles = tuple(
        Role(
            tuple(Choice(lane, draw.randint(0, 9), draw.choice((0, 0, 5))) for lane in draw.sample(fitting, size)),
            draw.randint(0, 30) if optional and draw.random() < 0.5 else None,
        )
        for size in draw.choices((1, 2, 3), k=draw.randint(1, 2))
    )
    return PlanRequest(draw.choice((40, 80, 160)), starts, roles, costs(30), costs(9), costs(5))
