"""`Appointment/$find`: request → checks in their order → members → solver → proposals (specification, find.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ...solver import find as solver_find
from ...solver.calendar import CompiledCalendar
from ...solver.civil import DAY_MINUTES, day_number
from ...solver.grid import Axis
from ...solver.intervals import Edges, to_pairs
from ...solver.problem import Engine, FindProblem, Judge, Member, Offer
from ...solver.series import accepts_series, later_occurrences, series_starts
from .. import mapping
from ..errors import InvalidRequest, MissingResource
from ..instants import ceil_minute, floor_minute, search_time_ms
from ..mapping import Part, ProposalWriter, Series, UnusableSlot
from ..parameters import ParameterFault, Place, Resolved
from ..prepared import Examined, Service
from ..references import Json, Target, target
from ..store import Store
from .declared import FIND, Declaration
from .request import RawMember, RawPool, Request, check_between, check_bounds, check_removed

HOUR_MS = 3_600_000
RANGE_MOST_MS = 31 * 24 * HOUR_MS
SERIES_RANGE_MOST_MS = (7 * 24 + 1) * HOUR_MS
WEEK_MS = 7 * 24 * HOUR_MS
FIRST_MINUTE = day_number(1, 1, 1) * DAY_MINUTES
LAST_MINUTE = day_number(10000, 1, 1) * DAY_MINUTES - 1
_FOREVER = 2**60
Wish = Callable[[int], Edges | None]
"""The duration of a visit → the starts allowed, in minutes; None allows all."""

_COMPARED = (
    ("duration", "duration"),
    ("alignmentInterval", "alignment_interval"),
    ("alignmentOffset", "alignment_offset"),
    ("alignmentTimezone", "alignment_timezone"),
)


@dataclass(frozen=True, slots=True)
class FindRequest:
    """What was asked, read but not yet looked up. Times are as sent, in milliseconds."""

    start_ms: int
    end_ms: int
    service_reference: str
    pools: tuple[RawPool, ...]
    count: int = 20
    combinations: int = 1
    occurrences: int | None = None
    ignored: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A schedule of a pool that still takes part, and the expression of its place in the request."""

    examined: Examined
    path: str


@dataclass(frozen=True, slots=True)
class FindAnswer:
    """The offers, and what is needed to write or to explain them.

    `pools` are the schedules that took part. There is no `problem` if nothing had to be searched: no whole minute in
    the window, or fewer actors than pools.
    """

    service: Service
    pools: tuple[tuple[Examined, ...], ...]
    offers: list[Offer]
    series: Series | None
    problem: FindProblem | None = field(repr=False)

    def chosen(self, offer: Offer) -> list[Examined]:
        """The schedules of an offer, in pool order."""
        return [pool[place] for pool, place in zip(self.pools, offer.places, strict=True)]

    def starts(self) -> list[int]:
        """For each pool, at how many starts one of its schedules is open."""
        if self.problem is None:
            return [0] * len(self.pools)
        return [solver_find.pool_starts(pool).bit_count() for pool in self.problem.pools]

    def common_starts(self) -> int:
        """At how many starts each pool has an open schedule, whether or not their actors are distinct."""
        return 0 if self.problem is None else solver_find.common_starts(self.problem.pools).bit_count()

    def has_too_few_actors(self) -> bool:
        """Are there fewer actors than pools, so that one would be used twice?"""
        return len({one.actor_key for pool in self.pools for one in pool}) < len(self.pools)


def read_request(request: Request, operation: Declaration = FIND) -> FindRequest:
    """Rows 1 to 9 of the checks, for an operation with the parameters of `$find`."""
    check_removed(request, operation)
    request.require(FIND.parameters)
    start, end = request.text(FIND["start"]), request.text(FIND["end"])
    service = request.text(FIND["service-type-reference"])
    ignored = request.text(FIND["ignore-appointment"])
    count = request.integer(operation["_count"])
    combinations = request.integer(FIND["combinations"])
    occurrences = request.integer(FIND["occurrence-count"])
    pools = tuple(request.pools(FIND["schedule"]))
    for path, reference in named_members(pools):
        if not reference.startswith(("Schedule/", "Schedule?")):
            raise InvalidRequest("Invalid schedule reference", path)
    if ignored is not None and not ignored.startswith("Appointment/"):
        raise InvalidRequest("Invalid ignore-appointment reference", FIND["ignore-appointment"].path)
    check_bounds(FIND["_count"], count)
    check_bounds(FIND["combinations"], combinations)
    check_between(FIND["occurrence-count"], occurrences)
    if occurrences is not None and ignored is not None:
        raise InvalidRequest(
            "ignore-appointment cannot be combined with occurrence-count", FIND["ignore-appointment"].path
        )
    start_ms, end_ms = search_time_ms(start), search_time_ms(end)
    if start_ms is None or end_ms is None or start_ms >= end_ms:
        raise InvalidRequest("Invalid search time range")
    if end_ms - start_ms > (RANGE_MOST_MS if occurrences is None else SERIES_RANGE_MOST_MS):
        raise InvalidRequest(f"Search range cannot exceed {31 if occurrences is None else 7} days")
    assert service is not None and combinations is not None
    most = FIND["_count"].most if count is None else count
    assert most is not None
    return FindRequest(start_ms, end_ms, service, pools, most, combinations, occurrences, ignored)


def named_members(pools: Iterable[RawPool]) -> Iterator[tuple[str, str]]:
    """Every distinct member with its path; pools of one have the shorter path."""
    for pool in pools:
        base = f"Parameters.schedule[{pool.place}]"
        if is_pool_of_one(pool):
            yield base, pool.members[0].reference
            continue
        seen: set[Target | str] = set()
        for member in pool.members:
            if _named(member) not in seen:
                seen.add(_named(member))
                yield f"{base}.part[{member.place}]", member.reference


def find(
    store: Store,
    request: FindRequest,
    *,
    now: datetime,
    engine: Engine = "auto",
    wish: Wish | None = None,
) -> FindAnswer:
    """Look up, check (rows 10 to 19), compile, solve. A wish restricts the starts further."""
    now_ms = int(now.timestamp() * 1000)
    service, pools, ignored = look_up(store, request, now_ms)
    allowed = None if wish is None else wish(pools[0][0].examined.resolved.duration)
    return _solve(store, request, service, pools, ignored, now_ms, engine, allowed)


def look_up(store: Store, request: FindRequest, now_ms: int) -> tuple[Service, list[list[Candidate]], frozenset[str]]:
    """Rows 10 to 19: the service, the schedules of each pool that take part, and the ids of the Slots left out.

    Raises InvalidRequest or MissingResource.
    """
    service, pools = _load(store, request)
    pools = _check_pools(request, service, pools)
    everyone = [candidate for pool in pools for candidate in pool]
    _check_alike(request, everyone)
    ignored = _ignored_slots(store, request)
    _check_slots(store, request, everyone, ignored, now_ms)
    return service, pools, ignored


# Rows 10 to 18


def _load(store: Store, request: FindRequest) -> tuple[Service, list[list[Candidate]]]:
    """Rows 10 to 12."""
    named = target(request.service_reference)
    service = store.prepared.service(named.id) if named and named.type == "HealthcareService" else None
    if service is None:
        raise MissingResource("HealthcareService not found")
    if request.ignored is not None and store.read(request.ignored) is None:
        raise MissingResource("Appointment not found", "Parameters.ignore-appointment")
    pools: list[list[Candidate]] = []
    for raw in request.pools:
        pool: dict[str, Candidate] = {}
        for path, reference in named_members([raw]):
            named = target(reference)
            examined = store.prepared.examine(named.id, service) if named and "?" not in reference else None
            if examined is None:
                raise MissingResource("Loading schedule failed", path)
            pool.setdefault(examined.id, Candidate(examined, path))
        pools.append(list(pool.values()))
    return service, pools


def _check_pools(request: FindRequest, service: Service, pools: list[list[Candidate]]) -> list[list[Candidate]]:
    """Rows 13 to 16; rows 14 and 16 remove schedules as long as their pool has others."""
    if not service.is_active:
        raise InvalidRequest("HealthcareService is inactive", "Parameters.service-type-reference")
    removals: list[InvalidRequest | None] = [None] * len(pools)
    kept = _remove_failing(pools, [[row_14(candidate) for candidate in pool] for pool in pools], removals)
    if isinstance(service.layer, ParameterFault):
        raise _located(service.layer, "")
    for pool in kept:
        for candidate in pool:
            if isinstance(candidate.examined.parameters, ParameterFault):
                raise _located(candidate.examined.parameters, candidate.path)
    return _remove_failing(kept, _row_16(request, kept), removals)


def row_14(candidate: Candidate) -> InvalidRequest | None:
    if not candidate.examined.is_active:
        return InvalidRequest("Schedule is inactive", candidate.path)
    if len(candidate.examined.actors) != 1:
        return InvalidRequest("Scheduling only supported on schedules with exactly one actor", candidate.path)
    return None


def _row_16(request: FindRequest, pools: list[list[Candidate]]) -> list[list[InvalidRequest | None]]:
    low, high = request.start_ms, request.end_ms
    if request.occurrences is not None:
        high += (request.occurrences - 1) * WEEK_MS + HOUR_MS
    faults: list[list[InvalidRequest | None]] = []
    for raw, pool in zip(request.pools, pools, strict=True):
        of_pool: list[InvalidRequest | None] = []
        for examined, path in ((one.examined, one.path) for one in pool):
            start, end = examined.horizon
            fault = None
            if not examined.is_schedulable:
                fault = InvalidRequest("Schedule is not schedulable for requested service type", path)
            elif start is not None and high < start:
                fault = InvalidRequest("Search range ends before schedule planning horizon starts", path)
            elif end is not None and low > end:
                fault = InvalidRequest("Search range starts after schedule planning horizon ends", path)
            elif is_pool_of_one(raw):
                low = low if start is None else max(low, start)
                high = high if end is None else min(high, end)
            of_pool.append(fault)
        faults.append(of_pool)
    return faults


def is_pool_of_one(raw: RawPool) -> bool:
    """Does it name one schedule in the request, repetitions not counted?"""
    if len(raw.members) == 1:
        return True
    first = _named(raw.members[0])
    return all(_named(member) == first for member in raw.members)


def _named(member: RawMember) -> Target | str:
    return target(member.reference) or member.reference


def _remove_failing(
    pools: list[list[Candidate]], faults: list[list[InvalidRequest | None]], removals: list[InvalidRequest | None]
) -> list[list[Candidate]]:
    """The pools without the schedules at fault.

    The first pool left empty fails with the fault of the schedule removed from it first, which `removals` keeps for
    each pool from row to row.
    """
    kept: list[list[Candidate]] = []
    for place, (pool, of_pool) in enumerate(zip(pools, faults, strict=True)):
        left = [candidate for candidate, fault in zip(pool, of_pool, strict=True) if fault is None]
        first = removals[place] or next((fault for fault in of_pool if fault is not None), None)
        removals[place] = first
        if not left and first is not None:
            raise first
        kept.append(left)
    return kept


def _located(fault: ParameterFault, schedule_path: str) -> InvalidRequest:
    return InvalidRequest(fault.text, [_path(place, schedule_path) for place in fault.places])


def _path(place: Place, schedule_path: str) -> str:
    root = "Parameters.service-type-reference" if place.root == "service" else schedule_path
    return root + place.path


def _check_alike(request: FindRequest, everyone: Sequence[Candidate]) -> None:
    """Rows 17 and 18."""
    distinct = list({candidate.examined.id: candidate for candidate in reversed(everyone)}.values())[::-1]
    if request.occurrences is not None and len({one.examined.resolved.timezone.name for one in distinct}) > 1:
        raise InvalidRequest("All schedules must share one timezone to find a recurring series")
    check_alike([(one.examined, one.path) for one in distinct], _path)


def check_alike(schedules: Sequence[tuple[Examined, str]], path_of: Callable[[Place, str], str]) -> None:
    """Do all schedules, each with its path, agree in what makes a common start? Raises InvalidRequest."""
    for name, attribute in _COMPARED:
        first = schedules[0]
        for other in schedules[1:]:
            if _compared(first[0].resolved, attribute) != _compared(other[0].resolved, attribute):
                raise InvalidRequest(
                    f"Scheduling parameters attribute '{name}' does not match",
                    [path_of(examined.resolved.places[name], path) for examined, path in (first, other)],
                )


def _compared(resolved: Resolved, attribute: str) -> int | str:
    value = getattr(resolved, attribute)
    return value.name if attribute == "alignment_timezone" else value


# Row 19


def _ignored_slots(store: Store, request: FindRequest) -> frozenset[str]:
    appointment = store.read(request.ignored) if request.ignored is not None else None
    return frozenset(mapping.slot_ids(appointment)) if appointment else frozenset()


def _check_slots(
    store: Store, request: FindRequest, everyone: Sequence[Candidate], ignored: frozenset[str], now_ms: int
) -> None:
    """Row 19: stored Slots that cannot be used."""
    weeks = [(request.start_ms + k * WEEK_MS, request.end_ms + k * WEEK_MS) for k in range(request.occurrences or 1)]
    for examined in {candidate.examined.id: candidate.examined for candidate in everyone}.values():
        check_usable(store.unusable(examined.id), weeks, ignored, now_ms)


def check_usable(
    slots: Iterable[UnusableSlot], ranges: Sequence[tuple[int, int]], ignored: frozenset[str], now_ms: int
) -> None:
    """Raise for the first Slot, by id, that counts and cannot be used where it matters (model 9)."""
    for slot in sorted(slots):
        if slot.id in ignored or (slot.until_ms is not None and slot.until_ms <= now_ms):
            continue
        if slot.start_ms is None or slot.end_ms is None:
            raise InvalidRequest(f"Slot/{slot.id} has invalid start or end time")
        if any(low <= bound < high for low, high in ranges for bound in (slot.start_ms, slot.end_ms)):
            raise InvalidRequest(f"Slot/{slot.id} has end time before start time")


# Compile and solve


def _solve(
    store: Store,
    request: FindRequest,
    service: Service,
    pools: list[list[Candidate]],
    ignored: frozenset[str],
    now_ms: int,
    engine: Engine,
    allowed: Edges | None,
) -> FindAnswer:
    first = pools[0][0].examined
    series = None
    low, high = minutes(request)
    last = high
    if request.occurrences is not None:
        series = Series(request.occurrences, first.resolved.timezone)
        # An hour for a change of offset, and one more for those that are larger.
        last = high + (request.occurrences - 1) * 7 * 1440 + 120
    examined = tuple(tuple(candidate.examined for candidate in pool) for pool in pools)
    actors: dict[Any, int] = {}
    for pool in examined:
        for one in pool:
            actors.setdefault(one.actor_key, len(actors))
    if low >= high or len(actors) < len(pools):
        return FindAnswer(service, examined, [], series, None)
    horizon = common_horizon(request, pools)
    axis = store.prepared.axis(first.rules.grid, low, last)
    window = _Window(axis, (max(low, horizon[0]), min(high, horizon[1])), horizon, series, allowed)
    labels = frozenset(f"Slot/{id}" for id in ignored)
    calendars: dict[str, CompiledCalendar] = {}
    members: dict[str, tuple[int, int]] = {}
    for pool in examined:
        for one in pool:
            if one.id not in calendars:
                calendar = store.prepared.calendar(one, axis, now_ms)
                calendar = calendar.without(labels) if labels else calendar
                calendars[one.id] = calendar
                has_choice = len(examined) < sum(map(len, examined))
                members[one.id] = window.starts(calendar), calendar.load(low, high) if has_choice else 0
    problem = FindProblem(
        axis.ticks,
        tuple(
            tuple(
                Member(place, actors[one.actor_key], *members[one.id], one.rules.footprint)
                for place, one in enumerate(pool)
            )
            for pool in examined
        ),
        request.count,
        request.combinations,
    )
    offers = solver_find.solve(problem, _judge(examined, calendars, window), engine)
    return FindAnswer(service, examined, offers, series, problem)


def minutes(request: FindRequest) -> tuple[int, int]:
    """The whole minutes of the search window; offsets can lead into years that no FHIR instant has."""
    return max(ceil_minute(request.start_ms), FIRST_MINUTE), min(floor_minute(request.end_ms), LAST_MINUTE)


def common_horizon(request: FindRequest, pools: list[list[Candidate]]) -> tuple[int, int]:
    """The planning horizons of all pools of one, in minutes: every chosen schedule keeps within them."""
    low, high = -_FOREVER, _FOREVER
    for raw, pool in zip(request.pools, pools, strict=True):
        if is_pool_of_one(raw):
            rules = pool[0].examined.rules
            low = low if rules.horizon_start is None else max(low, rules.horizon_start)
            high = high if rules.horizon_end is None else min(high, rules.horizon_end)
    return low, high


@dataclass(slots=True)
class _Window:
    """Where visits and their buffers must lie, beyond what each calendar says."""

    axis: Axis
    bounds: tuple[int, int]
    horizon: tuple[int, int]
    series: Series | None
    allowed: Edges | None
    _ranges: dict[tuple[int, int], int] = field(default_factory=dict[tuple[int, int], int])

    def starts(self, calendar: CompiledCalendar) -> int:
        """The calendar's starts in the window, as a bitmap."""
        foot = calendar.rules.footprint
        key = foot.before, foot.reach
        if key not in self._ranges:
            low, high = self.bounds[0] + foot.before, self.bounds[1] - foot.reach + 1
            self._ranges[key] = self.axis.between(low, high) & self._allowed_ticks()
        found = calendar.starts & self._ranges[key]
        if self.series is not None:
            zone = self.series.zone.zone
            found = series_starts(calendar, found, self.series.occurrences, zone, self.horizon)
        return found

    def _allowed_ticks(self) -> int:
        if self.allowed is None:
            return -1
        ticks = 0
        for start, end in to_pairs(self.allowed):
            ticks |= self.axis.between(start, end)
        return ticks

    def holds(self, calendar: CompiledCalendar, start: int) -> bool:
        """The same for one start, asked without bitmaps."""
        foot = calendar.rules.footprint
        if not (self.bounds[0] <= start - foot.before and start + foot.reach <= self.bounds[1]):
            return False
        if self.series is None:
            return calendar.is_open(start)
        later = later_occurrences(start, self.series.occurrences, self.series.zone.zone)
        return (
            calendar.is_open(start)
            and later is not None
            and all(calendar.is_open(at) for at in later)
            and accepts_series(calendar, start, later, self.horizon)
        )


def _judge(pools: Sequence[Sequence[Examined]], calendars: dict[str, CompiledCalendar], window: _Window) -> Judge:
    def judge(pool: int, place: int, start: int) -> bool:
        return window.holds(calendars[pools[pool][place].id], start)

    return judge


# Answer


def write_bundle(answer: FindAnswer) -> Json:
    """The searchset Bundle (find.md, section 8)."""
    bundle: Json = {"resourceType": "Bundle", "type": "searchset"}
    entries = [{"resource": proposal} for proposal in proposals(answer)]
    if entries:
        bundle["entry"] = entries
    return bundle


def proposals(answer: FindAnswer) -> Iterator[Json]:
    """The proposed Appointments, in order."""
    writer = ProposalWriter(answer.service.resource, answer.series)
    parts: dict[tuple[int, ...], list[Part]] = {}
    for offer in answer.offers:
        chosen = parts.get(offer.places)
        if chosen is None:
            chosen = parts[offer.places] = [
                Part(f"Schedule/{one.id}", one.actors[0], one.rules.footprint, one.rules.capacity)
                for one in answer.chosen(offer)
            ]
        yield writer.write(offer.start, chosen)
