"""Small plans by brute force: every sound plan of a problem, its worth, random problems with one feature at a time.

Written from the definitions in `solver.plan.problem` alone, minute by minute; nothing of `check` or the stages is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations, product
from random import Random
from typing import NamedTuple

from slotwright.solver.availability import Footprint
from slotwright.solver.plan.problem import (
    Choice,
    Crowd,
    Lane,
    Link,
    Placement,
    Plan,
    PlanProblem,
    PlanRequest,
    Point,
    Prices,
    Quota,
    Role,
)

# What may be chosen


class Cell(NamedTuple):
    """A minute of a resource that an option takes, asked for at `capacity` on a lane."""

    at: tuple[int, int]
    capacity: int
    lane: int


class Option(NamedTuple):
    """A placement that is possible as long as nothing else is planned."""

    placement: Placement
    worth: int
    lanes: tuple[int, ...]
    cells: tuple[Cell, ...]


def options(problem: PlanProblem, request: PlanRequest) -> list[Option]:
    found: list[Option] = []
    allowed = [tick for tick in range(len(problem.ticks)) if request.starts >> tick & 1]
    for tick in allowed:
        members: list[list[int | None]] = []
        for role in request.roles:
            free: list[int | None] = [
                number for number, choice in enumerate(role.choices) if problem.lanes[choice.lane].starts & (1 << tick)
            ]
            members.append(free if role.absent is None else [*free, None])
        for choices in product(*members):
            placement = Placement(tick, choices)
            lanes = tuple(
                role.choices[number].lane
                for role, number in zip(request.roles, choices, strict=True)
                if number is not None
            )
            if len({problem.lanes[lane].actor for lane in lanes}) == len(lanes):
                worth = _worth(request, allowed.index(tick), choices)
                cells = tuple(cell for lane in lanes for cell in _cells(problem, lane, problem.ticks[tick]))
                found.append(Option(placement, worth, lanes, cells))
    return [option for option in found if all(_shares(problem, _at(option, cell.at)) for cell in option.cells)]


def _worth(request: PlanRequest, place: int, choices: Sequence[int | None]) -> int:
    worth = request.weight
    for costs in (request.lateness, request.preference, request.move):
        worth -= costs[place] if costs else 0
    for role, number in zip(request.roles, choices, strict=True):
        if number is None:
            worth -= role.absent or 0
        else:
            worth -= role.choices[number].preference + role.choices[number].move
    return worth


def _cells(problem: PlanProblem, number: int, at: int) -> Iterator[Cell]:
    lane = problem.lanes[number]
    foot = lane.footprint
    for minute in range(at - foot.before, at + foot.duration + foot.after):
        is_visit = at <= minute < at + foot.duration
        yield Cell((lane.resource, minute), lane.capacity if is_visit else 1, number)


# What may be chosen together


def sound_plans(problem: PlanProblem) -> list[tuple[int, Plan]]:
    """Every plan without faults, with its worth."""
    per_request = [options(problem, request) for request in problem.requests]
    found: list[tuple[int, Plan]] = []
    _extend(problem, per_request, [], {}, found)
    return found


def optimum(problem: PlanProblem) -> int:
    """The worth of the best plan."""
    return max(worth for worth, _ in sound_plans(problem))


def _extend(
    problem: PlanProblem,
    per_request: Sequence[Sequence[Option]],
    chosen: list[Option | None],
    held: dict[tuple[int, int], list[Cell]],
    found: list[tuple[int, Plan]],
) -> None:
    if len(chosen) == len(per_request):
        if _links_hold(problem, chosen) and _quotas_hold(problem, chosen):
            worth = sum([option.worth for option in chosen if option is not None])
            found.append((worth, tuple([None if option is None else option.placement for option in chosen])))
        return
    choices = per_request[len(chosen)]
    chosen.append(None)
    _extend(problem, per_request, chosen, held, found)
    for option in choices:
        if _fits(problem, option, held):
            chosen[-1] = option
            for cell in option.cells:
                held.setdefault(cell.at, []).append(cell)
            _extend(problem, per_request, chosen, held, found)
            for cell in option.cells:
                held[cell.at].pop()
    chosen.pop()


def _fits(problem: PlanProblem, option: Option, held: dict[tuple[int, int], list[Cell]]) -> bool:
    for cell in option.cells:
        others = held.get(cell.at)
        if others and not _shares(problem, [*others, *_at(option, cell.at)]):
            return False
    return True


def _at(option: Option, at: tuple[int, int]) -> list[Cell]:
    return [cell for cell in option.cells if cell.at == at]


def _shares(problem: PlanProblem, together: Sequence[Cell]) -> bool:
    """May these pieces take one minute of a resource together?"""
    most = min([cell.capacity for cell in together])
    for cell in together:
        size, tolerance = crowd_at(problem, cell)
        if size + len(together) > min(tolerance, most):
            return False
    return True


def crowd_at(problem: PlanProblem, cell: Cell) -> tuple[int, int]:
    """How many stored Slots a piece meets, and their smallest tolerance (a large number without any)."""
    crowds = problem.lanes[cell.lane].crowds
    met = [crowd for crowd in crowds if crowd.start <= cell.at[1] < crowd.end] if crowds else []
    return sum(crowd.size for crowd in met), min((crowd.tolerance for crowd in met), default=1000)


def _quotas_hold(problem: PlanProblem, chosen: Sequence[Option | None]) -> bool:
    if not any(lane.quotas for lane in problem.lanes):
        return True
    started = [
        (lane, problem.ticks[option.placement.tick]) for option in chosen if option is not None for lane in option.lanes
    ]
    return all(
        sum(1 for number, at in started if number == lane and quota.start <= at < quota.end) <= quota.left
        for lane in {number for number, _ in started}
        for quota in problem.lanes[lane].quotas
    )


def _links_hold(problem: PlanProblem, chosen: Sequence[Option | None]) -> bool:
    for link in problem.links:
        first, then = chosen[link.first], chosen[link.then]
        if then is None:
            continue
        if first is None:
            return False
        begins, follows = problem.ticks[first.placement.tick], problem.ticks[then.placement.tick]
        gap = follows - begins - request_duration(problem, problem.requests[link.first])
        if gap < link.least or (link.most is not None and gap > link.most):
            return False
        days = [sum(1 for day in link.days if day <= at) for at in (begins, follows)]
        if link.days and days[0] != days[1]:
            return False
    return True


def request_duration(problem: PlanProblem, request: PlanRequest) -> int:
    return next(problem.lanes[choice.lane].footprint.duration for role in request.roles for choice in role.choices)


# What may be booked one after another


def can_be_booked_in_any_order(problem: PlanProblem, plan: Plan) -> bool:
    """Is each placement admitted by model 11 after any others of the plan, in every order? Links are not asked."""
    chosen: list[Option] = []
    for request, placement in zip(problem.requests, plan, strict=True):
        if placement is not None:
            same = [option for option in options(problem, request) if option.placement == placement]
            if not same:
                return False
            chosen += same
    return all(_all_admitted(problem, order) for order in permutations(chosen)) and _quotas_hold(problem, chosen)


def _all_admitted(problem: PlanProblem, order: Sequence[Option]) -> bool:
    stored: list[Cell] = []
    for option in order:
        for asked in option.cells:
            size, tolerance = crowd_at(problem, asked)
            tolerances = [cell.capacity for cell in stored if cell.at == asked.at]
            count = size + len(tolerances)
            if count >= 1 and count >= min([asked.capacity, tolerance, *tolerances]):
                return False
        stored += option.cells
    return True


# What counts level by level


def valued_plans(problem: PlanProblem) -> dict[Plan, tuple[int, ...]]:
    """Every sound plan and its levels: served of each priority, minus preference, lateness of start, unevenness."""
    known = [
        {option.placement: (option, *_level_terms(problem, request, option)) for option in options(problem, request)}
        for request in problem.requests
    ]
    pools = [role.choices for request in problem.requests for role in request.roles if len(role.choices) >= 2]
    rivals = {problem.lanes[choice.lane].resource for pool in pools for choice in pool}
    priorities = sorted({request.priority for request in problem.requests})
    found: dict[Plan, tuple[int, ...]] = {}
    for _, plan in sound_plans(problem):
        served = [0] * len(priorities)
        cost = minutes = 0
        taken = dict.fromkeys(rivals, 0)
        for request, ways, placement in zip(problem.requests, known, plan, strict=True):
            if placement is not None:
                option, paid, late = ways[placement]
                served[priorities.index(request.priority)] += 1
                cost, minutes = cost + paid, minutes + late
                for cell in option.cells:
                    if cell.at[0] in taken:
                        taken[cell.at[0]] += 1
        found[plan] = (*served, -cost, -minutes, -sum(one * one for one in taken.values()))
    return found


def _level_terms(problem: PlanProblem, request: PlanRequest, option: Option) -> tuple[int, int]:
    """What preferences, moves and absences cost, and the minutes from the first tick to the start."""
    tick = option.placement.tick
    place = [one for one in range(len(problem.ticks)) if request.starts >> one & 1].index(tick)
    late = request.lateness[place] if request.lateness else 0
    return request.weight - option.worth - late, problem.ticks[tick] - problem.ticks[0]


# Random problems

FEATURES = (
    "pools",
    "capacity",
    "quotas",
    "optional",
    "patients",
    "links",
    "costs",
    "moves",
    "actors",
    "windows",
)
"""`pools` is what every problem has; each of the others adds one thing to it."""


def random_problem(draw: Random, *features: str, requests: int = 3) -> PlanProblem:
    """A problem with few starts on two or three crowded resources, small enough for brute force."""
    ticks = tuple(range(6))
    if "windows" in features:
        ticks = tuple(sorted(draw.sample(range(12), 7)))
    if "links" in features:
        ticks = tuple(range(9))
    drawn = _Drawn(draw, features, ticks)
    asked = tuple(drawn.request() for _ in range(requests))
    links = drawn.links(asked) if "links" in features else ()
    return PlanProblem(ticks, tuple(drawn.lanes), asked, links)


class _Drawn:
    def __init__(self, draw: Random, features: Sequence[str], ticks: tuple[int, ...]) -> None:
        self.draw = draw
        self.features = features
        self.ticks = ticks
        self.lanes: list[Lane] = []
        self.resources = draw.choice((1, 2, 2, 3))
        # Two rows of one actor: two schedules of the same practitioner.
        self.actors = [draw.randrange(2) for _ in range(self.resources)]

    def chance(self, percent: int) -> bool:
        return self.draw.randrange(100) < percent

    def lane(self, resource: int, foot: Footprint, *, is_patient: bool = False) -> int:
        """A new one, or one that another request has; a patient is always free and takes no buffers."""
        shared = [
            number for number, lane in enumerate(self.lanes) if (lane.resource, lane.footprint) == (resource, foot)
        ]
        if shared and (is_patient or self.chance(70)):
            return self.draw.choice(shared)
        if is_patient:
            made = Lane(resource, resource, foot, (1 << len(self.ticks)) - 1)
        else:
            made = self.calendar(resource, foot)
        self.lanes.append(made)
        return len(self.lanes) - 1

    def calendar(self, resource: int, foot: Footprint) -> Lane:
        actor = self.actors[resource] if "actors" in self.features else resource
        starts = sum(1 << tick for tick in range(len(self.ticks)) if self.chance(75))
        capacity, crowds, quotas = 1, (), ()
        if "capacity" in self.features:
            capacity = self.draw.choice((1, 2, 2, 3))
            if capacity > 1:
                crowds = self.crowds()
                starts = self.admitted(starts, foot, capacity, crowds)
        if "quotas" in self.features:
            quotas = tuple(
                Quota(low, low + self.draw.randint(1, 6), self.draw.choice((0, 1, 1, 2)))
                for low in self.draw.sample(range(-1, 6), self.draw.choice((1, 1, 2)))
            )
        return Lane(resource, actor, foot, starts, capacity, crowds, quotas)

    def crowds(self) -> tuple[Crowd, ...]:
        found: list[Crowd] = []
        at = 0
        while at < 8 and self.chance(50):
            low = at + self.draw.randrange(3)
            at = low + self.draw.randint(1, 3)
            size = self.draw.choice((1, 1, 2))
            found.append(Crowd(low, at, size, self.draw.choice((2, 3, 4))))
        return tuple(found)

    def admitted(self, starts: int, foot: Footprint, capacity: int, crowds: Sequence[Crowd]) -> int:
        """The starts at which a first visit meets no crowd that forbids it."""

        def is_open(at: int) -> bool:
            for minute in range(at - foot.before, at + foot.reach):
                most = capacity if at <= minute < at + foot.duration else 1
                for crowd in crowds:
                    if crowd.start <= minute < crowd.end and crowd.size >= min(most, crowd.tolerance):
                        return False
            return True

        return sum(1 << tick for tick, at in enumerate(self.ticks) if starts >> tick & 1 and is_open(at))

    def request(self) -> PlanRequest:
        count = len(self.ticks)
        duration = self.draw.choice((1, 2, 2, 3))
        first = self.draw.randrange(count)
        starts = sum(1 << tick for tick in range(first, min(first + 3, count)))
        if "windows" in self.features:
            starts = sum(1 << tick for tick in self.draw.sample(range(count), 3))
        roles = [self.role(duration) for _ in range(self.draw.choice((1, 1, 2)))]
        if "optional" in self.features:
            roles.append(self.role(duration, most=1))
            absent = [self.draw.choice((None, 0, 7, 30)) for _ in roles]
            roles = [Role(role.choices, cost) for role, cost in zip(roles, absent, strict=True)]
        if "patients" in self.features:
            patient = self.lane(10 + self.draw.randrange(2), Footprint(duration), is_patient=True)
            roles.append(Role((Choice(patient),)))
        weight = self.draw.choice((10, 20, 25, 40))
        bits = starts.bit_count()
        lateness, preference, move = (), (), ()
        if "costs" in self.features:
            lateness = tuple(sorted(self.draw.randrange(12) for _ in range(bits)))
            preference = tuple(self.draw.randrange(9) for _ in range(bits)) if self.chance(60) else ()
        current = None
        if "moves" in self.features and self.chance(70):
            tick = self.draw.choice([tick for tick in range(count) if starts >> tick & 1])
            current = Placement(tick, tuple(self.draw.randrange(len(role.choices)) for role in roles))
            move = tuple(0 if one == tick else 6 for one in range(count) if starts >> one & 1)
            roles = [
                Role(tuple(choice._replace(move=4 * (number != here)) for number, choice in enumerate(role.choices)))
                for role, here in zip(roles, current.choices, strict=True)
            ]
        priority = self.draw.randrange(3)
        return PlanRequest(weight, starts, tuple(roles), lateness, preference, move, priority, current)

    def role(self, duration: int, most: int = 2) -> Role:
        foot = Footprint(duration, self.draw.choice((0, 0, 1)), self.draw.choice((0, 0, 1)))
        size = min(self.resources, most, self.draw.choice((1, 2, 2)))
        pool = self.draw.sample(range(self.resources), size)
        cost = 9 if "costs" in self.features else 1
        return Role(tuple(Choice(self.lane(resource, foot), self.draw.randrange(cost)) for resource in pool))

    def links(self, asked: Sequence[PlanRequest]) -> tuple[Link, ...]:
        """From earlier to later in one random order, so without a circle."""
        order = self.draw.sample(range(len(asked)), len(asked))
        found: list[Link] = []
        for place in range(1, len(order)):
            if self.chance(70):
                least = self.draw.choice((0, 0, 1, 2))
                most = self.draw.choice((None, least, least + 2))
                days = self.draw.choice(((), (), (0, 4), (3,)))
                found.append(Link(order[self.draw.randrange(place)], order[place], least, most, days))
        return tuple(found)


# Random prices


def random_prices(draw: Random, problem: PlanProblem, rounds: int = 2) -> Iterator[Prices]:
    """First arbitrary prices, then better ones: raised where the requests' favourites crowd, lowered elsewhere."""
    resources = sorted({lane.resource for lane in problem.lanes})
    most = draw.choice((0, 1, 5, 20))
    price = {
        (resource, minute): draw.random() * most * draw.randrange(2)
        for resource in resources
        for minute in range(-1, max(problem.ticks) + 4)
    }
    favourites = [options(problem, request) for request in problem.requests]
    step = 8.0
    for _ in range(rounds):
        yield tuple(Point(*cell, paid) for cell, paid in price.items() if paid or draw.randrange(3))
        used = dict.fromkeys(price, 0.0)
        for found in favourites:
            left = [
                (option.worth - sum(price[cell.at] / cell.capacity for cell in option.cells), place)
                for place, option in enumerate(found)
            ]
            if left and max(left)[0] > 0:
                for cell in found[max(left)[1]].cells:
                    used[cell.at] += 1 / cell.capacity
        price = {cell: max(0.0, paid + step * (used[cell] - 1)) for cell, paid in price.items()}
        step *= 0.6
