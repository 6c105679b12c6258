"""Requests and a store compiled into the solver's problem; the checks are those of `$find`, and so are the starts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ...solver.availability import Closure, Footprint
from ...solver.calendar import CompiledCalendar
from ...solver.capacity import joinable
from ...solver.civil import DAY_MINUTES, Zone
from ...solver.grid import Axis, Grid, places
from ...solver.limits import room
from ...solver.plan.problem import Choice, Crowd, Lane, Link, Placement, PlanProblem, PlanRequest, Quota, Role
from ..collector import collector_paused
from ..errors import InvalidRequest, Refusal
from ..instants import ceil_minute
from ..operations.find import FIRST_MINUTE, LAST_MINUTE, FindRequest, look_up
from ..operations.request import RawMember, RawPool
from ..prepared import Examined, Service
from ..store import Store
from . import costs
from .fields import Gap
from .people import Busy
from .requests import Wanted
from .ticks import Ticks

_FAR = 3 * 366 * DAY_MINUTES
"""Every tick between the first start and the last is kept for every schedule."""

_VISIT_MOST = 31 * DAY_MINUTES


class Fixed(NamedTuple):
    """A request that is booked already: by which Appointment, when, and what it comes after."""

    appointment: str
    start: int
    end: int
    after: tuple[Gap, ...]
    zone: Zone


class Untied(NamedTuple):
    """A request left out, because it comes after one that is not here, or by a circle after itself."""

    wanted: Wanted
    first: str
    is_circle: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A request of the problem, and the schedules of its pools; a role of the patient may follow them.

    `allowed` are the ticks at which it may start by what it says itself, `free` those of them at which each pool, and
    last the patient, could; the problem keeps those common to all that are required.
    """

    wanted: Wanted
    service: Service
    pools: tuple[tuple[Examined, ...], ...]
    duration: int
    allowed: int
    free: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Compiled:
    """The problem, and what its numbers mean.

    `entries` stand for `problem.requests`, `lanes` for `problem.lanes`: a Schedule seen from a service, or None for a
    patient. `refused` are requests that `$find` would refuse, with its error. `calendars` are those of each schedule
    and service, without the bookings that may be moved.
    """

    problem: PlanProblem
    entries: tuple[Entry, ...]
    lanes: tuple[Examined | None, ...]
    refused: tuple[tuple[Wanted, Refusal], ...]
    untied: tuple[Untied, ...]
    calendars: Mapping[tuple[str, str], CompiledCalendar]
    busy: Busy
    earliest: int


def compile_plan(
    state: Store,
    wanted: Sequence[Wanted],
    *,
    now_ms: int,
    earliest: int = FIRST_MINUTE,
    fixed: Mapping[str, Fixed] | None = None,
    closed: Mapping[str, Closure] | None = None,
) -> Compiled:
    """The problem of placing these requests, none before `earliest`.

    The order of the requests does not matter: they are taken by id. `fixed` are requests booked already, which others
    may come after or before; `closed` are schedules closed besides. `state` is one state of the store, as `reading`
    gives it.
    """
    ordered = sorted(wanted, key=lambda one: one.id)
    with collector_paused():
        return _Compiler(state, ordered, now_ms, earliest, fixed or {}, closed or {}).compile()


class _Admitted(NamedTuple):
    """A request that `$find` would search, over the minutes [low, high)."""

    wanted: Wanted
    service: Service
    pools: tuple[tuple[Examined, ...], ...]
    low: int
    high: int


class _Compiler:
    def __init__(
        self,
        state: Store,
        wanted: Sequence[Wanted],
        now_ms: int,
        earliest: int,
        fixed: Mapping[str, Fixed],
        closed: Mapping[str, Closure],
    ) -> None:
        self._state = state
        self._closed = closed
        self._now_ms = now_ms
        self._earliest = earliest
        self._wanted = wanted
        self._fixed = fixed
        self._followers: defaultdict[str, list[tuple[Gap, Fixed]]] = defaultdict(list)
        for then in fixed.values():
            for gap in then.after:
                self._followers[gap.request].append((gap, then))
        self._refused: list[tuple[Wanted, Refusal]] = []
        self._untied: list[Untied] = []
        self._looked_up: dict[object, tuple[Service, tuple[tuple[Examined, ...], ...]] | Refusal] = {}
        self._calendars: dict[tuple[str, str], CompiledCalendar] = {}
        self._lanes: list[Lane] = []
        self._seen: list[Examined | None] = []
        self._lane_of: dict[tuple[str, str], int] = {}
        self._patient_lanes: dict[tuple[str, int], int] = {}
        self._resources: dict[str, int] = {}
        self._actors: dict[object, int] = {}
        movable = [one.booking for one in wanted if one.booking is not None]
        self._left_out = frozenset(f"Slot/{id}" for booking in movable for id in booking.slots)
        patients = {one.patient["reference"] for one in wanted if one.patient is not None}
        self._busy = Busy(state, patients, {one.appointment for one in movable}, now_ms)

    def compile(self) -> Compiled:
        admitted = self._tied([found for one in self._wanted if (found := self._admit(one)) is not None])
        ahead = [one for one in admitted if max(one.low, self._earliest) < one.high]
        self._low = max(min((one.low for one in ahead), default=0), self._earliest if ahead else 0)
        self._high = max((one.high for one in ahead), default=0)
        self._ticks = Ticks(self._axes(admitted), self._low, self._high)
        self._shared = Counter(one.wanted.patient["reference"] for one in admitted if one.wanted.patient is not None)
        self._compile_lanes(admitted)
        made = [self._request(one) for one in admitted]
        place = {one.wanted.id: number for number, one in enumerate(admitted)}
        links = tuple(
            self._link(gap, place[gap.request], number, one.wanted.zone)
            for number, one in enumerate(admitted)
            for gap in one.wanted.after
            if gap.request in place
        )
        requests, entries = tuple(request for request, _ in made), tuple(entry for _, entry in made)
        problem = PlanProblem(self._ticks.ticks, tuple(self._lanes), requests, links)
        lanes = tuple(self._seen)
        refused, untied = tuple(self._refused), tuple(self._untied)
        return Compiled(problem, entries, lanes, refused, untied, self._calendars, self._busy, self._earliest)

    # Which requests

    def _admit(self, wanted: Wanted) -> _Admitted | None:
        """The checks of `$find`, over the whole stretch in which the visit may lie."""
        try:
            low, high = self._stretch(wanted)
        except Refusal as error:
            self._refused.append((wanted, error))
            return None
        pools = tuple(_pinned(pool, wanted.pinned) for pool in (*wanted.pools, *(one for one, _ in wanted.optional)))
        key = wanted.service, pools, low, high
        if key not in self._looked_up:
            raw = tuple(
                RawPool(place, tuple(RawMember(f"Schedule/{id}", number) for number, id in enumerate(pool)))
                for place, pool in enumerate(pools)
            )
            request = FindRequest(low * 60_000, high * 60_000, f"HealthcareService/{wanted.service}", raw)
            try:
                service, found, _ = look_up(self._state, request, self._now_ms)
                if not found[0][0].examined.resolved.duration:
                    raise InvalidRequest(
                        "A visit without length is never available", "Parameters.service-type-reference"
                    )
                self._looked_up[key] = service, tuple(tuple(one.examined for one in pool) for pool in found)
            except Refusal as error:
                self._looked_up[key] = error
        answer = self._looked_up[key]
        if isinstance(answer, Refusal):
            self._refused.append((wanted, answer))
            return None
        return _Admitted(wanted, *answer, low, high)

    def _stretch(self, wanted: Wanted) -> tuple[int, int]:
        """Where the visit may lie by the request alone; from now on where it does not say. Raises InvalidRequest."""
        now = ceil_minute(self._now_ms)
        low, high = wanted.bounds()
        if wanted.booking is not None and not wanted.booking.moves_time:
            low, high = wanted.booking.start, wanted.booking.end
        if high is None:
            assert wanted.pinned_start is not None, "requests without any end are refused when they are read"
            high = wanted.pinned_start + _VISIT_MOST
        low = max(now if low is None else low, FIRST_MINUTE)
        high = min(high, LAST_MINUTE)
        if min(low, now) < now - _FAR or high > now + _FAR:
            raise InvalidRequest(f"The visit could lie more than {_FAR // (366 * DAY_MINUTES)} years from now")
        return low, high

    def _tied(self, admitted: list[_Admitted]) -> list[_Admitted]:
        """Without those that come after a request that is not here, or by a circle after themselves."""
        kept = {one.wanted.id: one for one in admitted}
        while True:
            missing = {
                id: gap.request
                for id, one in kept.items()
                for gap in reversed(one.wanted.after)
                if gap.request not in kept and gap.request not in self._fixed
            }
            waiting = {} if missing else _circles(kept)
            for id in missing or waiting:
                self._untied.append(Untied(kept[id].wanted, missing.get(id) or waiting[id], is_circle=id in waiting))
                del kept[id]
            if not missing and not waiting:
                return list(kept.values())

    # Time

    def _axes(self, admitted: Sequence[_Admitted]) -> list[Axis]:
        """An axis for each grid, wide enough for the buffers at its ends."""
        wide: dict[Grid, int] = {}
        for one in (each for admission in admitted for pool in admission.pools for each in pool):
            foot = one.rules.footprint
            wide[one.rules.grid] = max(wide.get(one.rules.grid, 0), foot.before, foot.reach)
        axis = self._state.prepared.axis
        return [axis(grid, self._low - reach, self._high + reach) for grid, reach in wide.items()]

    def _compile_lanes(self, admitted: Sequence[_Admitted]) -> None:
        """The lanes of all schedules, by id."""
        seen = {(one.id, one.service.id): one for each in admitted for pool in each.pools for one in pool}
        for key in sorted(seen):
            examined = seen[key]
            rules = examined.rules
            axis = self._ticks.axes[rules.grid]
            calendar = self._calendars[key] = self._calendar(examined, axis)
            claims = list(calendar.claims())
            near = (one for one in claims if one.relevant and one.end > axis.start and one.start < axis.end)
            left = room(rules.limits, rules.zone, (one.start for one in claims if one.booking), self._low, self._high)
            self._lane_of[key] = self._add(
                examined,
                Lane(
                    self._resource(f"Schedule/{examined.id}"),
                    self._actors.setdefault(examined.actor_key, len(self._actors)),
                    rules.footprint,
                    self._ticks.lifted(axis, calendar.starts),
                    rules.capacity,
                    tuple(Crowd(*one) for one in joinable(near, rules.capacity)),
                    tuple(Quota(*one) for one in left),
                ),
            )

    def _calendar(self, examined: Examined, axis: Axis) -> CompiledCalendar:
        calendar = self._state.prepared.calendar(examined, axis, self._now_ms)
        if self._left_out:
            calendar = calendar.without(self._left_out)
        calendar = calendar.copy()  # that of the store follows it, a plan is of one state
        if examined.id in self._closed:
            calendar.add(self._closed[examined.id])
        return calendar

    def _patient_lane(self, patient: str, duration: int) -> int:
        """Visits of one length of a patient; stored Appointments keep them from others."""
        key = patient, duration
        if key not in self._patient_lanes:
            starts = self._ticks.clear(self._busy.edges(patient), duration)
            actor = self._actors.setdefault(patient, len(self._actors))
            lane = Lane(self._resource(patient), actor, Footprint(duration), starts)
            self._patient_lanes[key] = self._add(None, lane)
        return self._patient_lanes[key]

    def _resource(self, name: str) -> int:
        return self._resources.setdefault(name, len(self._resources))

    def _add(self, examined: Examined | None, lane: Lane) -> int:
        self._lanes.append(lane)
        self._seen.append(examined)
        return len(self._lanes) - 1

    # Requests

    def _request(self, one: _Admitted) -> tuple[PlanRequest, Entry]:
        wanted, duration = one.wanted, one.pools[0][0].resolved.duration
        allowed = self._allowed(one, duration)
        roles = self._roles(one)
        free = [self._free(role) & allowed for role in roles]
        required = free[: len(wanted.pools)]
        if wanted.patient is not None:
            patient = wanted.patient["reference"]
            clear = allowed & self._ticks.clear(self._busy.edges(patient), duration)
            free.append(clear)
            required.append(clear)
            if self._shared[patient] > 1:  # the one visit of a patient meets no other of the plan
                roles.append(Role((Choice(self._patient_lane(patient, duration)),)))
        starts = allowed
        for bits in required:
            starts &= bits
        at = [self._ticks.ticks[place] for place in places(starts)]
        request = PlanRequest(
            wanted.weight,
            starts,
            tuple(roles),
            lateness=costs.lateness(wanted, duration, at),
            preference=self._preferences(wanted, duration, starts),
            move=costs.moves(wanted.booking, at),
            priority=wanted.level,
            current=self._current(one, starts, roles),
        )
        return request, Entry(wanted, one.service, one.pools, duration, allowed, tuple(free))

    def _allowed(self, one: _Admitted, duration: int) -> int:
        """The ticks at which the visit may start by its windows, its pins and its neighbours that are booked."""
        wanted, between = one.wanted, self._ticks.between
        bits = between(max(one.low, self._earliest), one.high - duration + 1)
        if wanted.windows:
            inside = 0
            for first, last in wanted.windows:
                inside |= between(first, last - duration + 1)
            bits &= inside
        start = wanted.pinned_start
        if wanted.booking is not None and not wanted.booking.moves_time:
            start = wanted.booking.start
        if start is not None:
            bits &= between(start, start + 1)
        for gap in wanted.after:
            if gap.request in self._fixed:
                bits &= self._after(self._fixed[gap.request], gap, wanted.zone)
        for gap, then in self._followers.get(wanted.id, ()):
            bits &= self._before(then, gap, duration)
        return bits

    def _after(self, first: Fixed, gap: Gap, zone: Zone) -> int:
        last = self._high if gap.most is None else first.end + gap.most + 1
        bits = self._ticks.between(first.end + gap.least, last)
        return bits & self._same_day(first.start, zone) if gap.same_day else bits

    def _before(self, then: Fixed, gap: Gap, duration: int) -> int:
        first = self._low if gap.most is None else then.start - gap.most - duration
        bits = self._ticks.between(first, then.start - gap.least - duration + 1)
        return bits & self._same_day(then.start, then.zone) if gap.same_day else bits

    def _same_day(self, minute: int, zone: Zone) -> int:
        day = zone.local_day(minute)
        return self._ticks.between(day_start(zone, day), day_start(zone, day + 1))

    def _roles(self, one: _Admitted) -> list[Role]:
        wanted = one.wanted
        absent = [None] * len(wanted.pools) + [cost for _, cost in wanted.optional]
        return [self._role(wanted, place, pool, cost) for place, (pool, cost) in enumerate(zip(one.pools, absent))]

    def _role(self, wanted: Wanted, place: int, pool: Sequence[Examined], absent: int | None) -> Role:
        weights, booking = wanted.weights or {}, wanted.booking
        best = max((weights.get(one.id, 0) for one in pool), default=0)
        return Role(
            tuple(
                Choice(
                    self._lane_of[one.id, one.service.id],
                    best - weights.get(one.id, 0),
                    0 if booking is None or one.id == booking.schedules[place] else booking.cost,
                )
                for one in pool
            ),
            absent,
        )

    def _free(self, role: Role) -> int:
        bits = 0
        for choice in role.choices:
            bits |= self._lanes[choice.lane].starts
        return bits

    def _preferences(self, wanted: Wanted, duration: int, starts: int) -> list[int]:
        """The best weight less that of the best wish each start fulfils; aligned to the bits of `starts`."""
        if not wanted.preferred_times:
            return []
        best = max(wish.weight for wish in wanted.preferred_times)
        cost = dict.fromkeys(places(starts), best)
        for wish in sorted(wanted.preferred_times, key=lambda one: one.weight):
            edges = costs.wish_edges(wish, duration, wanted.zone, self._low, self._high)
            for place in places(starts & self._ticks.inside(edges)):
                cost[place] = best - wish.weight
        return list(cost.values())

    def _current(self, one: _Admitted, starts: int, roles: Sequence[Role]) -> Placement | None:
        """Where a booking stands, if it could stand there in a plan."""
        booking = one.wanted.booking
        tick = None if booking is None else self._ticks.place(booking.start)
        if booking is None or tick is None or not starts >> tick & 1:
            return None
        choices: list[int | None] = []
        for pool, id in zip(one.pools, booking.schedules, strict=True):
            if id is None:
                choices.append(None)
                continue
            place = next((number for number, each in enumerate(pool) if each.id == id), None)
            if place is None:
                return None
            choices.append(place)
        return Placement(tick, (*choices, *[0] * (len(roles) - len(choices))))

    def _link(self, gap: Gap, first: int, then: int, zone: Zone) -> Link:
        days: tuple[int, ...] = ()
        if gap.same_day:
            low, high = zone.local_day(self._low), zone.local_day(self._high)
            days = tuple(day_start(zone, day) for day in range(low, high + 2))
        return Link(first, then, gap.least, gap.most, days)


def day_start(zone: Zone, day: int) -> int:
    """The first whole minute of a local day."""
    return -(-zone.day_start_ms(day) // 60_000)


def _pinned(pool: tuple[str, ...], pinned: frozenset[str]) -> tuple[str, ...]:
    return tuple(one for one in pool if one in pinned) or pool


def _circles(kept: Mapping[str, _Admitted]) -> dict[str, str]:
    """Requests that come after themselves by some way, each with the one before it there."""
    waiting = dict(kept)
    while True:
        free = [id for id, one in waiting.items() if not any(gap.request in waiting for gap in one.wanted.after)]
        if not free:
            break
        for id in free:
            del waiting[id]
    return {id: next(gap.request for gap in one.wanted.after if gap.request in waiting) for id, one in waiting.items()}
