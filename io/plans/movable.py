"""Bookings that a plan may move: those of a schedule that drops out, and those that are marked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from ...solver.availability import Closure
from ...solver.civil import DAY_MINUTES, MINUTE_MS
from ...solver.intervals import Pair
from .. import mapping, urls
from ..booking import schedules_from_pools
from ..instants import ceil_minute, instant_ms
from ..local import service_ids, zone_of_appointment
from ..references import Json, child, children, target
from ..store import Store
from .people import patients_of, takes_part, times_of
from .requests import WEIGHTS, Booking, Wanted, level_of

Moves = Literal["time", "schedule", "both"]

BOOKED_WEIGHT = 10
"""What somebody has been promised counts this many times a request of the same priority."""


@dataclass(frozen=True, slots=True)
class Movable:
    """Which bookings may be moved, how far, and what that costs.

    `drop` are schedules that take nobody from `start` to `end` (minutes; None: open), so that their bookings there have
    to move. `moves` is what may change of the other bookings that are marked: `appointments`, those of `patients`
    (references), and those on `schedules` in the same stretch. `pools` are schedules that can take over from each
    other. A new time lies at most `within` minutes from the old one, and costs `cost` and `per_day` for each day begun
    between them; each other schedule costs `cost` too.
    """

    drop: frozenset[str] = frozenset()
    start: int | None = None
    end: int | None = None
    moves: Moves = "both"
    appointments: frozenset[str] = frozenset()
    patients: frozenset[str] = frozenset()
    schedules: frozenset[str] = frozenset()
    pools: tuple[tuple[str, ...], ...] = ()
    within: int = 14 * DAY_MINUTES
    cost: int = 100
    per_day: int = 10

    @property
    def closed(self) -> dict[str, Closure]:
        """When the schedules that drop out are closed."""
        return {id: Closure(self.start, self.end, f"Schedule/{id} drops out") for id in sorted(self.drop)}

    def pool(self, id: str, *, moves_schedule: bool, is_dropped: bool) -> tuple[str, ...]:
        """The schedule itself, and those that can take over from it; none that drops out for good."""
        gone = self.drop if is_dropped and self.end is None else frozenset[str]()
        others = [one for pool in self.pools if id in pool for one in pool] if moves_schedule else []
        return tuple(one for one in dict.fromkeys([id, *others]) if one not in gone)

    def concerns(self, start: int) -> bool:
        """Does a visit that starts then lie in the stretch?"""
        return (self.start is None or self.start <= start) and (self.end is None or start < self.end)


class Unmovable(NamedTuple):
    """A booking that would have to move, or may, and cannot: as it stands, and why."""

    id: str
    appointment: str
    start: int
    end: int
    schedules: tuple[str, ...]
    reason: str


def find_movable(
    state: Store, asked: Movable, wanted: Mapping[str, Wanted], now_ms: int
) -> tuple[list[Wanted], list[Unmovable]]:
    """The bookings that may be moved, as requests, and those that cannot be.

    A booking of a request among `wanted` keeps to what that says: pools, windows, what it comes after.
    """
    movable: list[Wanted] = []
    unmovable: list[Unmovable] = []
    for appointment, is_dropped in _selected(state, asked, now_ms):
        found = _read(state, asked, appointment, wanted, is_dropped=is_dropped, now_ms=now_ms)
        if isinstance(found, Unmovable):
            unmovable.append(found)
        else:
            movable.append(found)
    return movable, unmovable


def _selected(state: Store, asked: Movable, now_ms: int) -> Iterator[tuple[Json, bool]]:
    """The live Appointments asked for, by id, and whether they have to leave a schedule."""
    for appointment in state.resources("Appointment"):
        times = times_of(appointment)
        if times is None or not takes_part(appointment, now_ms):
            continue
        is_marked = appointment["id"] in asked.appointments or not asked.patients.isdisjoint(patients_of(appointment))
        held: set[str] = set()
        if asked.concerns(times[0]) and (asked.drop or asked.schedules):
            held = {id for _, id in _visits(state, appointment)}
        is_dropped = not asked.drop.isdisjoint(held)
        if is_dropped or is_marked or not asked.schedules.isdisjoint(held):
            yield appointment, is_dropped


def _visits(state: Store, appointment: Json) -> Iterator[tuple[Json, str]]:
    """The Slots of the visit itself, with the ids of their schedules."""
    for id in mapping.slot_ids(appointment):
        slot = state.read(f"Slot/{id}")
        named = target(child(slot or {}, "schedule").get("reference"))
        if slot is not None and named is not None and slot.get("status") in mapping.BOOKED:
            yield slot, named.id


def _reach(slots: Iterable[Json | None]) -> Pair | None:
    """From the earliest start to the latest end; None where something is missing or unreadable."""
    times = [None if slot is None else times_of(slot) for slot in slots]
    if not times or None in times:
        return None
    return min(one[0] for one in times if one is not None), max(one[1] for one in times if one is not None)


def request_of(appointment: Json) -> str | None:
    """The request that a plan booked it for."""
    marks = (one for one in children(appointment, "identifier") if one.get("system") == urls.PLAN_REQUEST)
    return next((str(one["value"]) for one in marks if one.get("value") is not None), None)


def _read(
    state: Store, asked: Movable, appointment: Json, wanted: Mapping[str, Wanted], *, is_dropped: bool, now_ms: int
) -> Wanted | Unmovable:
    id: str = appointment["id"]
    times = times_of(appointment)
    assert times is not None, "others are not selected"
    request = request_of(appointment)
    name = f"Appointment/{id}" if request is None else request
    held = tuple(dict.fromkeys(schedule for _, schedule in _visits(state, appointment)))

    def stays(reason: str) -> Unmovable:
        return Unmovable(name, id, *times, held, reason)

    services = service_ids(appointment)
    if appointment.get("status") not in ("booked", "pending"):
        return stays(f"It is '{appointment.get('status')}'; only booked appointments and holds can be moved.")
    if len(services) != 1:
        return stays("It does not name exactly one service.")
    slots = [state.read(f"Slot/{one}") for one in mapping.slot_ids(appointment)]
    reach = _reach(slots)
    if not held or reach is None:
        return stays("Not all of its Slots are stored with readable times.")
    start_ms = instant_ms(appointment.get("start"))
    if start_ms is None or start_ms % MINUTE_MS:
        return stays("It does not start at a whole minute.")
    row = None if request is None else wanted.get(request)
    moves: Moves = "both" if is_dropped else asked.moves
    booking = Booking(
        id,
        *times,
        held,
        frozenset(mapping.slot_ids(appointment)),
        reach,
        moves_time=moves != "schedule",
        moves_schedule=moves != "time",
        cost=asked.cost,
        per_day=asked.per_day,
    )
    if row is not None:
        return _of_row(state, appointment, row, booking) or stays("Its request has other pools than it was booked by.")
    pools = tuple(asked.pool(one, moves_schedule=booking.moves_schedule, is_dropped=is_dropped) for one in held)
    for one, pool in zip(held, pools, strict=True):
        if not pool:
            return stays(f"No other schedule may take over from Schedule/{one}. Name some with --pool {one},NAME.")
    priority = appointment.get("priority")
    level = level_of(priority if isinstance(priority, int) and 0 <= priority <= 9 else None)
    patient = next(patients_of(appointment), None)
    return Wanted(
        0,
        name,
        services[0],
        pools,
        zone_of_appointment(state, appointment),
        weight=BOOKED_WEIGHT * WEIGHTS[level],
        level=0,
        release=max(ceil_minute(now_ms), times[0] - asked.within) if booking.moves_time else None,
        deadline=times[1] + asked.within,
        patient=None if patient is None else {"reference": patient},
        booking=booking,
    )


def _of_row(state: Store, appointment: Json, row: Wanted, booking: Booking) -> Wanted | None:
    """The request as it was given, with its booking; None if the booking has other schedules than its pools."""
    pools = [*row.pools, *(pool for pool, _ in row.optional)]
    for count in range(len(pools), len(row.pools) - 1, -1):
        held = schedules_from_pools(state, appointment, pools[:count])
        if held is not None:
            break
    else:
        return None
    seated = (*held, *[None] * (len(pools) - len(held)))
    free = pools
    if not booking.moves_schedule:
        free = [pool if id is None else (id,) for pool, id in zip(pools, seated, strict=True)]
    optional = tuple((pool, cost) for pool, (_, cost) in zip(free[len(row.pools) :], row.optional, strict=True))
    return replace(
        row,
        weight=BOOKED_WEIGHT * row.weight,
        level=0,
        pools=tuple(free[: len(row.pools)]),
        optional=optional,
        pinned=row.pinned if not booking.moves_schedule else frozenset(),
        pinned_start=None if booking.moves_time else booking.start,
        booking=replace(booking, schedules=seated),
    )
