"""A problem of some of the requests of another, and components: groups of requests that nothing ties to others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from .problem import Plan, PlanProblem
from .table import Ints, Table


def restrict(problem: PlanProblem, requests: Sequence[int]) -> PlanProblem:
    """Only these requests, in this order, with the links and penalties between them; lanes as they are."""
    place = {request: number for number, request in enumerate(requests)}
    links = tuple(
        link._replace(first=place[link.first], then=place[link.then])
        for link in problem.links
        if link.first in place and link.then in place
    )
    chosen = tuple(problem.requests[request] for request in requests)
    return PlanProblem(problem.ticks, problem.lanes, chosen, links, problem.penalties)


def restricted(plan: Plan, requests: Iterable[int]) -> Plan:
    """The placements of these requests."""
    return tuple(plan[request] for request in requests)


def wanted_resources(table: Table) -> tuple[Ints, Ints]:
    """Every resource that a request has an entry on, once: requests, ascending, and resources."""
    lanes = table.problem.lanes
    resource = np.array([lane.resource for lane in lanes], np.int64)
    count = int(resource.max(initial=-1)) + 1
    pair = np.repeat(np.arange(len(table.pair_request)), np.diff(table.pair_segments))
    request = table.pair_request[np.repeat(pair, np.diff(table.segment_entries))].astype(np.int64)
    keys = np.sort(request * count + resource[table.entry_lane])
    keys = keys[np.append(True, keys[1:] != keys[:-1])[: len(keys)]]
    return keys // max(count, 1), keys % max(count, 1)


def components(table: Table) -> list[list[int]]:
    """The requests in groups that share no resource and no link, each ascending, in order of their first.

    Those without any start are in none.
    """
    problem = table.problem
    requests, resources = wanted_resources(table)
    count = len(problem.requests)
    parent = list(range(count + 1 + max((lane.resource for lane in problem.lanes), default=-1)))

    def root(one: int) -> int:
        while parent[one] != one:
            parent[one] = one = parent[parent[one]]
        return one

    for request, resource in zip(requests.tolist(), resources.tolist(), strict=True):
        parent[root(count + resource)] = root(request)
    for link in problem.links:
        parent[root(link.first)] = root(link.then)
    groups: dict[int, list[int]] = {}
    for request in np.flatnonzero(np.diff(table.request_pairs)).tolist():
        groups.setdefault(root(request), []).append(request)
    return list(groups.values())
