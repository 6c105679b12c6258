"""Which few requests cannot be served together, whatever the plan: proven by trying every way to serve them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import product

from .board import Board
from .check import duration
from .problem import Link, Placement, PlanProblem


def conflict(
    problem: PlanProblem, request: int, others: Iterable[Sequence[int]], effort: int
) -> tuple[tuple[int, ...] | None, int]:
    """A minimal set of requests that no plan serves together, found among the request and each of some sets of others.

    Serving a request means to serve all that it must follow too. Every way to serve the set is tried, at most `effort`
    ways to serve one request in all. Whatever is dropped from the set leaves one that can be served.

    Returns
    -------
    The set in ascending order, None if none was found in time, and the effort spent.
    """
    left = effort
    for some in others:
        found, used = _minimal(problem, sorted({request, *some}), left)
        left -= used
        if found is not None:
            return found, effort - left
    return None, effort - left


def keeps(problem: PlanProblem, link: Link, first: int, then: int) -> bool:
    """Do the ticks of both ends of a link keep its gap and its days?"""
    begun, at = problem.ticks[first], problem.ticks[then]
    gap = at - begun - duration(problem, problem.requests[link.first])
    if gap < link.least or (link.most is not None and gap > link.most):
        return False
    return not link.days or bisect_right(link.days, begun) == bisect_right(link.days, at)


class _OutOfEffortError(Exception):
    pass


def _minimal(problem: PlanProblem, requests: list[int], effort: int) -> tuple[tuple[int, ...] | None, int]:
    search = _Search(problem, effort)
    try:
        if search.can_serve(requests):
            return None, effort - search.effort
        for one in tuple(requests):
            rest = [other for other in requests if other != one]
            if not search.can_serve(rest):
                requests = rest
    except _OutOfEffortError:
        return None, effort
    return tuple(requests), effort - search.effort


class _Search:
    def __init__(self, problem: PlanProblem, effort: int) -> None:
        self._problem = problem
        self._options: dict[int, list[Placement]] = {}
        self._links: dict[int, list[Link]] = {}
        for link in problem.links:
            for end in (link.first, link.then):
                self._links.setdefault(end, []).append(link)
        self.effort = effort

    def can_serve(self, requests: Iterable[int]) -> bool:
        """Is there a plan that serves all of these? Raises _OutOfEffortError if that was not found out in time."""
        wanted: dict[int, list[Placement]] = {}
        waiting = list(requests)
        while waiting:
            place = waiting.pop()
            if place not in wanted:
                wanted[place] = self._all_options(place)
                waiting += [link.first for link in self._links.get(place, ()) if link.then == place]
        board = Board(self._problem)
        return self._extend(board, {}, {place: self._fitting(board, {}, place, ways) for place, ways in wanted.items()})

    def _spend(self) -> None:
        if not self.effort:
            raise _OutOfEffortError
        self.effort -= 1

    def _all_options(self, place: int) -> list[Placement]:
        """Every candidate; roles that are not required stay out, which forbids nothing."""
        if place not in self._options:
            lanes = self._problem.lanes
            request = self._problem.requests[place]
            found: list[Placement] = []
            for tick in range(request.starts.bit_length()):
                if not request.starts >> tick & 1:
                    continue
                members = [
                    [number for number, one in enumerate(role.choices) if lanes[one.lane].starts >> tick & 1]
                    if role.absent is None
                    else [None]
                    for role in request.roles
                ]
                for choices in product(*members):
                    self._spend()
                    actors = [
                        lanes[role.choices[number].lane].actor
                        for role, number in zip(request.roles, choices, strict=True)
                        if number is not None
                    ]
                    if len(set(actors)) == len(actors):
                        found.append(Placement(tick, choices))
            self._options[place] = found
        return self._options[place]

    def _extend(self, board: Board, placed: dict[int, Placement], wanted: dict[int, list[Placement]]) -> bool:
        """Serve the request with the fewest ways left first; drop at once the ways of others that this closes."""
        if not wanted:
            return True
        place = min(wanted, key=lambda one: (len(wanted[one]), one))
        for placement in wanted[place]:
            self._spend()
            placed[place] = placement
            board.add(place, placement)
            rest = {
                other: self._fitting(board, placed, other, ways) for other, ways in wanted.items() if other != place
            }
            if all(rest.values()) and self._extend(board, placed, rest):
                return True
            board.remove(place, placement)
            del placed[place]
        return False

    def _fitting(
        self, board: Board, placed: dict[int, Placement], place: int, ways: Sequence[Placement]
    ) -> list[Placement]:
        return [one for one in ways if self._fits(board, placed, place, one)]

    def _fits(self, board: Board, placed: dict[int, Placement], place: int, placement: Placement) -> bool:
        self._spend()
        for link in self._links.get(place, ()):
            first = placement if link.first == place else placed.get(link.first)
            then = placement if link.then == place else placed.get(link.then)
            if first is not None and then is not None and not keeps(self._problem, link, first.tick, then.tick):
                return False
        at = self._problem.ticks[placement.tick]
        return all(
            number is None or board.blocked(role.choices[number].lane, at) is None
            for role, number in zip(self._problem.requests[place].roles, placement.choices, strict=True)
        )
