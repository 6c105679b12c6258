"""Where to look for a better plan: which requests to free together, how many, and what has been worth it.

A region is a stretch of days and a cluster of resources around one request: who stands there, and who is not served and
would. Clusters grow by the resource that their requests want most. Kinds of regions are drawn by what they have earned,
and each has a size that follows whether its parts are proven optimal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .part import Cutter, Standing, lanes_of
from .restrict import wanted_resources
from .table import Ints, Table, pointers, ranges

DAY = 1440
_KINDS: tuple[int | None, ...] = (1, 2, 3, 5, None)
"""The days of a region of each kind; None: the whole horizon."""

_FIRST_SIZE, _LEAST_SIZE, _MOST_SIZE = 60, 12, 1500
_GROWTH, _SLOW_GROWTH, _SHRINKING = 1.4, 1.06, 0.8
"""Sizes stay where four of five parts are proven: 0.8 × log 1.06 + 0.2 × log 0.8 ≈ 0."""

_MEMORY, _CURIOSITY = 0.8, 0.1


@dataclass(slots=True)
class Kind:
    """How far regions of a kind reach, and how they have fared."""

    days: int | None
    size: float = _FIRST_SIZE
    has_failed: bool = False
    earned: float = 0.0
    """What a unit of work has brought, the last ones counting most."""

    tried: int = 0

    def learn(self, size: int, gain: float, work: float, *, is_proven: bool) -> None:
        """A part of `size` requests was worth `gain` for so much work."""
        if is_proven:
            grown = size * (_SLOW_GROWTH if self.has_failed else _GROWTH)
            self.size = min(max(self.size, grown), _MOST_SIZE)
        else:
            self.has_failed = True
            self.size = max(min(self.size, float(size)) * _SHRINKING, _LEAST_SIZE)
        rate = gain / max(work, 1e-3)
        self.earned = rate if not self.tried else _MEMORY * self.earned + (1 - _MEMORY) * rate
        self.tried += 1


@dataclass(frozen=True, slots=True)
class Region:
    """The requests to free, and the kind that they were chosen by."""

    kind: Kind
    requests: list[int]


@dataclass(slots=True)
class _Incidence:
    """Which requests want which resources, both ways."""

    request_resources: Ints
    resources: Ints
    resource_requests: Ints
    requests: Ints

    @classmethod
    def of(cls, table: Table) -> _Incidence:
        requests, resources = wanted_resources(table)
        count = len(table.resource_cells) - 1
        order = np.argsort(resources, kind="stable")
        return cls(
            pointers(np.bincount(requests, minlength=len(table.problem.requests))),
            resources,
            pointers(np.bincount(resources, minlength=count)),
            requests[order],
        )


class _Standing(NamedTuple):
    """Who stands on which resource."""

    resource_requests: Ints
    requests: Ints


class Regions:
    """Draws regions of one table, by a generator with a seed."""

    def __init__(self, cutter: Cutter, seed: int, settled: Iterable[int] = ()) -> None:
        table = cutter.table
        self.cutter = cutter
        self.kinds = [Kind(days) for days in _KINDS]
        self._draw = np.random.default_rng(seed)
        self._wants = _Incidence.of(table)
        self._minutes = np.array(table.problem.ticks, np.int64)
        first, last = table.request_pairs[:-1], table.request_pairs[1:]
        is_possible = last > first
        is_possible[[*settled]] = False
        self._possible = np.flatnonzero(is_possible)
        self._is_settled = ~is_possible
        self._visited = np.zeros(len(table.problem.requests), np.int64)
        at = self._minutes[table.pair_tick] if len(table.pair_tick) else self._minutes[:0]
        self._earliest = at[np.minimum(first, len(at) - 1)] if len(at) else first
        self._latest = at[np.maximum(last - 1, 0)] if len(at) else first
        self._lane_resource = np.array([lane.resource for lane in table.problem.lanes], np.int64)

    @property
    def count(self) -> int:
        """How many requests have a start at all, and are not settled."""
        return len(self._possible)

    def next(
        self, found: Standing, shares: NDArray[np.float64] | None = None, apart: Sequence[int] = ()
    ) -> Region | None:
        """A region around one of the requests that have been looked at least; None of those in `apart` is in it."""
        kind = self._kind()
        is_out = np.zeros(len(self._visited), np.bool_)
        is_out[np.array(apart, np.int64)] = True
        possible = self._possible[~is_out[self._possible]]
        if not len(possible):
            return None
        visits = self._visited[possible]
        if shares is None:
            seed = int(self._draw.choice(possible[visits == visits.min()]))
        else:
            weights = (shares[possible] + 1.0) / (1.0 + visits - visits.min()) ** 2
            seed = int(self._draw.choice(possible, p=weights / weights.sum()))
        is_out |= self._is_settled
        is_in = self._in_window(found, seed, kind.days) & ~is_out
        requests = self._with_links(self._cluster(found, seed, is_in, round(kind.size)), is_out)
        self._visited[requests] += 1
        return Region(kind, requests)

    def _kind(self) -> Kind:
        """One that has not been tried, else drawn by what they have earned."""
        for kind in self.kinds:
            if not kind.tried:
                return kind
        earned = np.array([kind.earned for kind in self.kinds])
        weights = earned + max(_CURIOSITY * float(earned.sum()), 1e-9)
        return self.kinds[int(self._draw.choice(len(self.kinds), p=weights / weights.sum()))]

    def _in_window(self, found: Standing, seed: int, days: int | None) -> NDArray[np.bool_]:
        """(Q,) who starts in a stretch of days around a start of the seed, or is not served and could."""
        table = self.cutter.table
        if days is None:
            return np.ones(len(self._visited), np.bool_)
        pair = int(found.pair[seed])
        if pair < 0:
            first, count = (
                int(table.request_pairs[seed]),
                int(table.request_pairs[seed + 1] - table.request_pairs[seed]),
            )
            pair = first + int(self._draw.integers(count))
        low = table.problem.ticks[int(table.pair_tick[pair])] - int(self._draw.integers(days * DAY))
        high = low + days * DAY
        at = self._minutes[table.pair_tick[found.pair]]
        stands = found.pair >= 0
        first, last = np.where(stands, at, self._earliest), np.where(stands, at, self._latest)
        return (first < high) & (last >= low)

    def _cluster(self, found: Standing, seed: int, is_in: NDArray[np.bool_], size: int) -> list[int]:
        """The seed and those around it, resource by resource, until there are `size` or none is left."""
        stands = self._standing(found)
        wants = self._wants
        chosen = [np.array([seed], np.int64)]
        count = 1
        is_left = is_in & (np.diff(wants.request_resources) > 0)
        is_left[seed] = False
        closed = np.zeros(len(stands.resource_requests) - 1, np.bool_)
        degree = np.maximum(np.diff(wants.resource_requests), 1) / (1 + 0.2 * self._draw.random(len(closed)))
        wanted = np.zeros(len(closed))
        self._want(wanted, chosen[0])
        while count < size:
            share = np.where(closed, 0.0, wanted / degree)
            resource = int(share.argmax())
            if not share[resource]:
                break
            closed[resource] = True
            waiting = _row(wants.resource_requests, wants.requests, resource)
            waiting = waiting[found.pair[waiting] < 0]
            new = np.concatenate((_row(stands.resource_requests, stands.requests, resource), waiting))
            new = new[is_left[new]]
            if count + len(new) > size:
                new = self._draw.permutation(new)[: size - count]
            is_left[new] = False
            self._want(wanted, new)
            chosen.append(new)
            count += len(new)
        return np.concatenate(chosen).tolist()

    def _want(self, wanted: NDArray[np.float64], requests: Ints) -> None:
        """Count the resources that these requests want."""
        wants = self._wants
        first = wants.request_resources[requests]
        places = ranges(first, wants.request_resources[requests + 1] - first)
        wanted += np.bincount(wants.resources[places], minlength=len(wanted))

    def _standing(self, found: Standing) -> _Standing:
        taken = found.entry >= 0
        request = np.repeat(np.arange(len(found.pair)), np.diff(found.roles))[taken]
        resource = self._lane_resource[lanes_of(self.cutter.table, found.entry[taken])]
        count = len(self.cutter.table.resource_cells) - 1
        return _Standing(pointers(np.bincount(resource, minlength=count)), request[np.argsort(resource, kind="stable")])

    def _with_links(self, requests: list[int], is_out: NDArray[np.bool_]) -> list[int]:
        """These requests, and those tied to them, directly or not."""
        chosen = dict.fromkeys(requests)
        waiting = list(requests)
        while waiting:
            for other in self.cutter.linked(waiting.pop()):
                if other not in chosen and not is_out[other]:
                    chosen[other] = None
                    waiting.append(other)
        return list(chosen)


def _row(pointer: Ints, values: Ints, place: int) -> Ints:
    return values[pointer[place] : pointer[place + 1]]
