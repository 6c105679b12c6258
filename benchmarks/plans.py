"""The reference instances as problems of slotwright's planner, computed from minutes and free runs alone."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from instances import PlanInstance, Wanted
from slotwright.solver.availability import Footprint
from slotwright.solver.plan.problem import Choice, Lane, PlanProblem, PlanRequest, Role


def problem(instance: PlanInstance) -> PlanProblem:
    """Lanes are the resources as visits of one length and buffers see them; actors are the resources."""
    runs = [_free_runs(instance, resource) for resource in range(len(instance.opened))]
    lanes: dict[tuple[int, Footprint], int] = {}
    made: list[Lane] = []

    def lane(resource: int, footprint: Footprint) -> int:
        key = resource, footprint
        if key not in lanes:
            lanes[key] = len(made)
            made.append(Lane(resource, resource, footprint, _starts(instance.ticks, runs[resource], footprint)))
        return lanes[key]

    requests = tuple(
        _request(
            instance,
            one,
            tuple(
                Role(
                    tuple(
                        Choice(lane(resource, Footprint(one.duration, need.before, need.after)), cost)
                        for resource, cost in zip(need.resources, need.costs, strict=True)
                    )
                )
                for need in one.needs
            ),
        )
        for one in instance.wanted
    )
    return PlanProblem(instance.ticks, tuple(made), requests)


def _request(instance: PlanInstance, wanted: Wanted, roles: tuple[Role, ...]) -> PlanRequest:
    ticks = instance.ticks
    starts = 0
    for low, high in wanted.windows:
        first, last = bisect_left(ticks, low), bisect_right(ticks, high - wanted.duration)
        starts |= ((1 << max(last - first, 0)) - 1) << first
    lateness = [wanted.lateness(at) for place, at in enumerate(ticks) if starts >> place & 1]
    return PlanRequest(wanted.weight, starts, roles, lateness=lateness)


def _free_runs(instance: PlanInstance, resource: int) -> list[tuple[int, int]]:
    """The open time of a resource without its bookings, as pieces."""
    booked = instance.booked[resource]
    runs: list[tuple[int, int]] = []
    for low, high in instance.opened[resource]:
        at = low
        for start, end in booked[bisect_left(booked, (low, low)) : bisect_left(booked, (high, high))]:
            if at < start:
                runs.append((at, start))
            at = max(at, end)
        if at < high:
            runs.append((at, high))
    return runs


def _starts(ticks: tuple[int, ...], runs: list[tuple[int, int]], foot: Footprint) -> int:
    starts = 0
    for low, high in runs:
        first, last = bisect_left(ticks, low + foot.before), bisect_right(ticks, high - foot.reach)
        if first < last:
            starts |= ((1 << (last - first)) - 1) << first
    return starts
