"""When schedules are busy and when they are free over a window, each by itself and all together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal

from ..solver import intervals
from ..solver.calendar import CompiledCalendar
from ..solver.capacity import Claim
from ..solver.intervals import Edges
from .instants import utc_text
from .parameters import Layer, ParameterFault
from .prepared import Examined, Service
from .references import Json
from .rows import schedulable_services
from .store import Store

Status = Literal["busy", "busy-unavailable", "busy-tentative"]
STATUSES: tuple[Status, ...] = ("busy", "busy-unavailable", "busy-tentative")
"""Of occupying Slots; where several run, the first of them counts."""


@dataclass(frozen=True, slots=True)
class FreeBusy:
    """One schedule's minutes of the window: each is free, busy with a status, or closed.

    `closed` is what lies outside its hours, its planning horizon, or in closures, and is not taken. `faults` are the
    services whose parameters do not resolve: their hours are not known.
    """

    schedule_id: str
    free: Edges
    busy: dict[Status, Edges]
    closed: Edges
    faults: tuple[str, ...]

    def taken(self) -> Edges:
        """All busy minutes, whatever the status."""
        return reduce(intervals.union, self.busy.values(), [])


def free_busy(store: Store, schedule_id: str, service_id: str | None, low: int, high: int, now_ms: int) -> FreeBusy:
    """The minutes [low, high) of one schedule.

    With a service its hours count, and time is busy where its visits cannot share it; without one a schedule is free
    where it is open for some service that it offers and no Slot occupies it.
    """
    examined, faults = _services(store, schedule_id, service_id)
    opened: Edges = []
    calendars: list[CompiledCalendar] = []
    for one in examined:
        axis = store.prepared.axis(one.rules.grid, low, high)
        calendar = store.prepared.calendar(one, axis, now_ms)
        calendars.append(calendar)
        opened = intervals.union(opened, _open(calendar, low, high))
    claims = _occupying(store, schedule_id, calendars, low, high, now_ms)
    if service_id is not None and calendars:
        claims = [one for one in claims if one.relevant]
        taken = intervals.clip(calendars[0].blocked, low, high)
    else:
        taken = intervals.clip(intervals.from_pairs((one.start, one.end) for one in claims), low, high)
    return FreeBusy(
        schedule_id,
        intervals.subtract(opened, taken),
        _by_status(store, claims, taken),
        intervals.complement(intervals.union(opened, taken), low, high),
        tuple(faults),
    )


def _services(store: Store, schedule_id: str, service_id: str | None) -> tuple[list[Examined], list[str]]:
    """The schedule as its services see it, and the services whose parameters do not resolve."""
    schedule = store.read(f"Schedule/{schedule_id}") or Json()
    ids = [service_id] if service_id is not None else list(dict.fromkeys(schedulable_services(schedule)))
    sound: list[Examined] = []
    faults: list[str] = []
    for id in ids:
        service = store.prepared.service(id)
        examined = None if service is None else store.prepared.examine(schedule_id, service)
        if examined is None:
            continue
        if isinstance(examined.parameters, ParameterFault):
            faults.append(id)
        else:
            sound.append(examined)
    return sound, faults


def _open(calendar: CompiledCalendar, low: int, high: int) -> Edges:
    rules = calendar.rules
    begin = low if rules.horizon_start is None else max(low, rules.horizon_start)
    end = high if rules.horizon_end is None else min(high, rules.horizon_end)
    return intervals.clip(calendar.open, begin, end)


def _occupying(
    store: Store, schedule_id: str, calendars: Sequence[CompiledCalendar], low: int, high: int, now_ms: int
) -> list[Claim]:
    if calendars:
        return calendars[0].occupying(low, high)
    # No service sees this schedule: its Slots are read as for one that none of them names.
    claims = store.claims(schedule_id, Service({"resourceType": "HealthcareService", "id": "-"}, Layer()))
    near = (one for one in claims if not one.free and one.start < high and low < one.end)
    return [one for one in near if one.expires_ms is None or one.expires_ms > now_ms]


def _by_status(store: Store, claims: Iterable[Claim], taken: Edges) -> dict[Status, Edges]:
    pairs: dict[str, list[tuple[int, int]]] = {}
    for claim in claims:
        status = str((store.read(claim.label) or {}).get("status"))
        pairs.setdefault(status, []).append((claim.start, claim.end))
    found: dict[Status, Edges] = {}
    left = taken
    for status in STATUSES:
        of_status = intervals.from_pairs(pairs.get(status, ()))
        found[status] = intervals.intersect(left, of_status)
        left = intervals.subtract(left, of_status)
    return found


def together(several: Sequence[FreeBusy]) -> tuple[Edges, Edges]:
    """When all of them are free, and when at least one is busy."""
    free = reduce(intervals.intersect, (one.free for one in several))
    return free, reduce(intervals.union, (one.taken() for one in several))


def write_parameters(several: Sequence[FreeBusy], low: int, high: int) -> Json:
    """All of it as a Parameters resource, whose shape is that of docs/commands.md."""
    parameters: list[Json] = [_periods("window", [low, high])[0]]
    for one in several:
        parts: list[Json] = [{"name": "schedule", "valueReference": {"reference": f"Schedule/{one.schedule_id}"}}]
        parts += _periods("free", one.free)
        for status, edges in one.busy.items():
            parts += _periods(status, edges)
        parts += _periods("closed", one.closed)
        parameters.append({"name": "schedule", "part": parts})
    if several:
        free, busy = together(several)
        parameters.append({"name": "together", "part": [*_periods("free", free), *_periods("busy", busy)]})
    return {"resourceType": "Parameters", "parameter": parameters}


def _periods(name: str, edges: Edges) -> list[Json]:
    return [
        {"name": name, "valuePeriod": {"start": utc_text(start), "end": utc_text(end)}}
        for start, end in intervals.to_pairs(edges)
    ]
