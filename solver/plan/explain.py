"""Why a request is not served, and why a role is left out: as data, which others put into words.

A *candidate* is a start at which every required role has a free lane, no actor twice, as long as nothing else is
planned. What the plan itself forbids is told start by start. That something is impossible is said only with a proof.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import NamedTuple

from .board import Blocked, Board
from .check import chosen_lanes, terms
from .conflicts import conflict, keeps
from .problem import Link, Placement, Plan, PlanProblem, PlanRequest, Role

Minutes = tuple[int, int]


class OutsideWindows(NamedTuple):
    """No start is allowed by its windows, its release and its deadline."""


class NoCandidate(NamedTuple):
    """Impossible even in an empty plan: at no allowed start are these required roles, together, free.

    As few roles as possible are named. `windows` are the first and the last minute of each run of allowed starts.
    """

    roles: tuple[int, ...]
    windows: tuple[Minutes, ...]


class Tied(NamedTuple):
    """It may only follow a request that is not served."""

    first: int


class Apart(NamedTuple):
    """At every candidate it would start too early or too late after a request that is served, or on another day."""

    firsts: tuple[int, ...]


class Shut(NamedTuple):
    """A candidate that the plan forbids.

    Either it breaks the link to the request `first`; or all lanes of a required role that are free there are blocked
    (the role with the fewest requests in the way); or, with no role named, those left have no distinct actors.
    """

    minute: int
    role: int | None
    lanes: tuple[Blocked, ...]
    first: int | None = None


class QuotaFull(NamedTuple):
    """Every candidate is forbidden by booking limits alone; `requests` use them up."""

    starts: tuple[Shut, ...]
    requests: tuple[int, ...]


class Taken(NamedTuple):
    """Every candidate is forbidden by the plan. `requests`, a short list, are enough to forbid them all."""

    starts: tuple[Shut, ...]
    requests: tuple[int, ...]


class Free(NamedTuple):
    """It could be added to the plan here, and would be worth so much: with 0 or less it is better left out."""

    placement: Placement
    worth: int


Reason = OutsideWindows | NoCandidate | Tied | Apart | QuotaFull | Taken | Free


class Unserved(NamedTuple):
    """Why a request is not served.

    `conflict`: these requests, and with them all that they must follow, cannot be served together in any plan, while
    without any one of them the rest can. None: no such set was found within the limit; that proves nothing.
    """

    request: int
    reason: Reason
    conflict: tuple[int, ...] | None


class LeftOut(NamedTuple):
    """A role that a served request goes without.

    `blocked` are lanes that would be free at its start but for the plan. Another lane that is free there is in `open`:
    it was not worth its cost, or its actor is in another role. Neither: no lane of the role is free there.
    """

    request: int
    role: int
    blocked: tuple[Blocked, ...]
    open: tuple[int, ...]


EFFORT = 2_000
"""How many options one search for a conflict may try, unless stated."""

EFFORT_IN_ALL = 200_000
"""How many options all searches of one call may try; about ten microseconds each."""


def explain(
    problem: PlanProblem,
    plan: Plan,
    requests: Iterable[int] | None = None,
    *,
    effort: int = EFFORT,
    effort_in_all: int = EFFORT_IN_ALL,
) -> list[Unserved]:
    """Why these requests (all, unless stated) are not served, as far as they are not; the plan has no faults."""
    explained = _Explained(problem, plan)
    found: list[Unserved] = []
    left = effort_in_all
    for place in range(len(plan)) if requests is None else requests:
        if plan[place] is not None:
            continue
        reason = explained.reason(place)
        proof = None
        if isinstance(reason, OutsideWindows | NoCandidate):
            proof = (place,)
        elif isinstance(reason, Apart | QuotaFull | Taken):
            proof, used = conflict(problem, place, _in_the_way(reason), min(effort, left))
            left -= used
        found.append(Unserved(place, reason, proof))
    return found


def left_out(problem: PlanProblem, plan: Plan) -> list[LeftOut]:
    """The roles that served requests go without, with what is known of their lanes; the plan has no faults."""
    board = _board(problem, plan)
    found: list[LeftOut] = []
    for place, (request, placement) in enumerate(zip(problem.requests, plan, strict=True)):
        if placement is None:
            continue
        for number, (role, choice) in enumerate(zip(request.roles, placement.choices, strict=True)):
            if choice is None:
                at = problem.ticks[placement.tick]
                free = [one.lane for one in role.choices if problem.lanes[one.lane].starts >> placement.tick & 1]
                blocked = {lane: board.blocked(lane, at) for lane in free}
                taken = tuple(one for one in blocked.values() if one is not None)
                found.append(LeftOut(place, number, taken, tuple(lane for lane in free if blocked[lane] is None)))
    return found


def _board(problem: PlanProblem, plan: Plan) -> Board:
    board = Board(problem)
    for place, placement in enumerate(plan):
        if placement is not None:
            board.add(place, placement)
    return board


class _Explained:
    """One plan, looked at for many requests."""

    def __init__(self, problem: PlanProblem, plan: Plan) -> None:
        self._problem = problem
        self._plan = plan
        self._board = _board(problem, plan)
        self._seen: dict[tuple[int, int], Blocked | None] = {}
        self._links: dict[int, list[Link]] = {}
        for link in problem.links:
            self._links.setdefault(link.then, []).append(link)

    def reason(self, place: int) -> Reason:
        request = self._problem.requests[place]
        if not request.starts:
            return OutsideWindows()
        required = [role for role in request.roles if role.absent is None]
        ticks = [tick for tick in _ticks(request.starts) if self._has_candidate(required, tick)]
        if not ticks:
            return NoCandidate(self._lacking(request), self._windows(request))
        shut: list[Shut] = []
        free: list[tuple[int, int, Placement]] = []
        for link in self._links.get(place, ()):
            if self._plan[link.first] is None:
                return Tied(link.first)
        for tick in ticks:
            forbidden = self._by_link(place, tick) or self._by_plan(request, tick)
            if forbidden is not None:
                shut.append(forbidden)
                continue
            placement = self._cheapest(request, tick)
            if placement is None:
                shut.append(Shut(self._problem.ticks[tick], None, ()))
            else:
                free.append((terms(request, placement).total, -tick, placement))
        if free:
            worth, _, placement = max(free)
            return Free(placement, worth)
        firsts = {one.first for one in shut if one.first is not None}
        if all(one.first is not None for one in shut):
            return Apart(tuple(sorted(firsts)))
        by_quota = not firsts and all(lane.cause == "quota" for one in shut for lane in one.lanes)
        return (QuotaFull if by_quota else Taken)(tuple(shut), self._cover(shut))

    # Candidates in an empty plan

    def _has_candidate(self, roles: Sequence[Role], tick: int) -> bool:
        return _has_distinct([self._actors(role, tick) for role in roles])

    def _actors(self, role: Role, tick: int, *, planned: bool = False) -> set[int]:
        """Those of the lanes of a role that are free, with the plan or without it."""
        lanes = (choice.lane for choice in role.choices if self._problem.lanes[choice.lane].starts >> tick & 1)
        return {self._problem.lanes[lane].actor for lane in lanes if not planned or self._blocked(lane, tick) is None}

    def _lacking(self, request: PlanRequest) -> tuple[int, ...]:
        """As few required roles as can be spared to have no start together; one alone if there is one."""
        numbers = [number for number, role in enumerate(request.roles) if role.absent is None]
        ticks = _ticks(request.starts)

        def together(chosen: Sequence[int]) -> bool:
            return any(self._has_candidate([request.roles[one] for one in chosen], tick) for tick in ticks)

        for number in numbers:
            if not together([number]):
                return (number,)
        for number in tuple(numbers):
            rest = [one for one in numbers if one != number]
            if not together(rest):
                numbers = rest
        return tuple(numbers)

    def _windows(self, request: PlanRequest) -> tuple[Minutes, ...]:
        runs: list[list[int]] = []
        for tick in _ticks(request.starts):
            if runs and runs[-1][-1] == tick - 1:
                runs[-1].append(tick)
            else:
                runs.append([tick])
        return tuple((self._problem.ticks[run[0]], self._problem.ticks[run[-1]]) for run in runs)

    # Candidates in this plan

    def _blocked(self, lane: int, tick: int) -> Blocked | None:
        key = lane, tick
        if key not in self._seen:
            self._seen[key] = self._board.blocked(lane, self._problem.ticks[tick])
        return self._seen[key]

    def _by_link(self, place: int, tick: int) -> Shut | None:
        for link in self._links.get(place, ()):
            first = self._plan[link.first]
            if first is not None and not keeps(self._problem, link, first.tick, tick):
                return Shut(self._problem.ticks[tick], None, (), link.first)
        return None

    def _by_plan(self, request: PlanRequest, tick: int) -> Shut | None:
        at = self._problem.ticks[tick]
        closed: list[tuple[int, int, tuple[Blocked, ...]]] = []
        left: list[set[int]] = []
        every: list[Blocked] = []
        for number, role in enumerate(request.roles):
            if role.absent is not None:
                continue
            lanes = [choice.lane for choice in role.choices if self._problem.lanes[choice.lane].starts >> tick & 1]
            blocked = tuple(one for lane in lanes if (one := self._blocked(lane, tick)) is not None)
            every += blocked
            left.append(self._actors(role, tick, planned=True))
            if not left[-1]:
                closed.append((len({one for lane in blocked for one in lane.by}), number, blocked))
        if closed:
            _, number, blocked = min(closed)
            return Shut(at, number, blocked)
        return None if _has_distinct(left) else Shut(at, None, tuple(every))

    def _cheapest(self, request: PlanRequest, tick: int) -> Placement | None:
        """The placement of most worth at a start that the plan leaves open; None if all take a resource twice."""
        lanes = self._problem.lanes
        members: list[list[tuple[int, int | None]]] = []
        for role in request.roles:
            ways: dict[int, tuple[int, int | None]] = {}
            for number, choice in enumerate(role.choices):
                way = choice.preference + choice.move, number
                lane = lanes[choice.lane]
                if lane.starts >> tick & 1 and self._blocked(choice.lane, tick) is None:
                    ways[lane.actor] = min(way, ways.get(lane.actor, way))
            # The other roles can take the actors of all but one of so many.
            cheap = sorted(ways.values())[: len(request.roles)]
            members.append(cheap if role.absent is None else [*cheap, (role.absent, None)])
        best: tuple[int, tuple[int | None, ...]] | None = None
        for chosen in product(*members):
            numbers = tuple(number for _, number in chosen)
            taken = [lanes[number] for number in chosen_lanes(request, Placement(tick, numbers))]
            is_distinct = len({lane.actor for lane in taken}) == len({lane.resource for lane in taken}) == len(taken)
            cost = sum(cost for cost, _ in chosen)
            if is_distinct and (best is None or cost < best[0]):
                best = cost, numbers
        return None if best is None else Placement(tick, best[1])

    def _cover(self, shut: Sequence[Shut]) -> tuple[int, ...]:
        """Requests that suffice to forbid every start; the busiest are taken first, and those dropped that may be."""
        needs = {need for one in shut for need in self._needs(one)}
        of: dict[int, list[frozenset[int]]] = {}
        for need in needs:
            for request in need:
                of.setdefault(request, []).append(need)
        chosen: set[int] = set()
        # How many of the chosen each need has: to intersect sets for each pair of the two takes minutes in long plans.
        met: Counter[frozenset[int]] = Counter()
        for request in sorted(of, key=lambda one: (-len(of[one]), one)):
            if any(not met[need] for need in of[request]):
                chosen.add(request)
                met.update(of[request])
        for request in sorted(chosen, key=lambda one: (len(of[one]), -one)):
            if all(met[need] > 1 for need in of[request]):
                chosen.remove(request)
                met.subtract(of[request])
        return tuple(sorted(chosen))

    def _needs(self, shut: Shut) -> Iterator[frozenset[int]]:
        """A start stays forbidden as long as one of each of these sets is planned."""
        if shut.first is not None:
            yield frozenset((shut.first,))
        for lane in shut.lanes:
            if lane.cause == "time" and self._problem.lanes[lane.lane].capacity == 1:
                yield frozenset(lane.by)
            else:
                yield from (frozenset((one,)) for one in lane.by)


def _in_the_way(reason: Apart | QuotaFull | Taken) -> list[tuple[int, ...]]:
    """Sets of requests worth a search, small ones first: those that suffice, and all that block anything."""
    if isinstance(reason, Apart):
        return [reason.firsts]
    every = {one for shut in reason.starts for lane in shut.lanes for one in lane.by}
    every |= {shut.first for shut in reason.starts if shut.first is not None}
    return [reason.requests, tuple(sorted(every))]


def _has_distinct(pools: Sequence[set[int]]) -> bool:
    """Can one be taken from each, none twice?"""
    owner: dict[int, int] = {}

    def give(pool: int, asked: set[int]) -> bool:
        for one in pools[pool] - asked:
            asked.add(one)
            if one not in owner or give(owner[one], asked):
                owner[one] = pool
                return True
        return False

    return all(give(pool, set()) for pool in range(len(pools)))


def _ticks(starts: int) -> list[int]:
    return [tick for tick in range(starts.bit_length()) if starts >> tick & 1]
