"""One schedule as all that it serves see it: when it is open, what takes its time, how many seats are left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ...solver import intervals
from ...solver.capacity import Claim, blocked, joinable
from ...solver.intervals import Edges
from .. import mapping
from ..desk import is_closure
from ..parameters import Layer as Parameters
from ..parameters import ParameterFault
from ..prepared import Examined, Service
from ..references import Json
from ..rows import schedulable_services
from ..store import Store
from .data import Kind, Layer
from .words import closure_title, plain, schedule_title, service_title, visit_title


class Window(NamedTuple):
    """The minutes [start, end) that are looked at, at a time in milliseconds; whether patients are named."""

    start: int
    end: int
    now_ms: int
    with_patients: bool = True


class Seats(NamedTuple):
    """So many seats in the minutes [start, end)."""

    start: int
    end: int
    number: int


class Serving(NamedTuple):
    """A service that the schedule offers: its open time, the horizon included, and its relevant claims."""

    examined: Examined
    open: Edges
    relevant: list[Claim]


@dataclass(frozen=True, slots=True)
class Opened:
    """What one schedule shows in a window. `note` says which of its services could not be read."""

    id: str
    title: str
    serving: tuple[Serving, ...]
    closures: tuple[Layer, ...]
    taken: tuple[Layer, ...]
    note: str

    def open(self) -> Edges:
        """Open for any of its services."""
        return intervals.from_pairs([pair for one in self.serving for pair in intervals.to_pairs(one.open)])

    def seats(self) -> list[Seats]:
        """The seats there are: at each minute those of the service that has most."""
        return most(
            Seats(*pair, one.examined.rules.capacity) for one in self.serving for pair in intervals.to_pairs(one.open)
        )

    def free_seats(self) -> list[Seats]:
        """The seats that a further visit could take: at each minute those of the service with most (model 11)."""
        return most(seat for one in self.serving for seat in _free_seats(one))


def look(store: Store, schedule: Json, window: Window, service_id: str | None) -> Opened:
    """One schedule, for a service or for all that it is schedulable for."""
    id: str = schedule["id"]
    wanted = [service_id] if service_id is not None else schedulable_services(schedule)
    serving: list[Serving] = []
    closures: dict[tuple[int, int, str], Layer] = {}
    faults: list[str] = []
    for one in wanted:
        service = store.prepared.service(one)
        examined = None if service is None else store.prepared.examine(id, service)
        if examined is None or isinstance(examined.parameters, ParameterFault):
            why = "is not stored" if examined is None else str(examined.parameters)
            faults.append(plain(f"{service_title(store, one)}: {why}"))
            continue
        if not (examined.is_active and examined.service.is_active):
            faults.append(f"{service_title(store, one)}: not active")
            continue
        found, closed = _serving(store, examined, window)
        serving.append(found)
        closures.update(((layer.start, layer.end, layer.label), layer) for layer in closed)
    taken, desk = _taken(store, id, window)
    opened = intervals.from_pairs([pair for one in serving for pair in intervals.to_pairs(one.open)])
    kept = [piece for layer in (*closures.values(), *desk) for piece in _outside(layer, opened, layer in desk)]
    return Opened(id, schedule_title(store, schedule), tuple(serving), tuple(kept), tuple(taken), "; ".join(faults))


def _serving(store: Store, examined: Examined, window: Window) -> tuple[Serving, list[Layer]]:
    """The service's open time in the window, and what closes it."""
    rules = examined.rules
    calendar = store.prepared.calendar(
        examined, store.prepared.axis(rules.grid, window.start, window.end), window.now_ms
    )
    _, _, closures = calendar.pieces()
    low = window.start if rules.horizon_start is None else max(window.start, rules.horizon_start)
    high = window.end if rules.horizon_end is None else min(window.end, rules.horizon_end)
    opened = intervals.clip(calendar.open, low, high)
    closed = [
        Layer("closure", max(one.start, window.start), min(one.end, window.end), closure_title(store, one.label))
        for one in closures
        if one.start < window.end and window.start < one.end
    ]
    beyond = ((window.start, min(low, window.end)), (max(high, window.start), window.end))
    closed += [Layer("closure", start, end, "outside the planning horizon") for start, end in beyond if start < end]
    near = [one for one in calendar.claims() if one.relevant and one.start < window.end and window.start < one.end]
    return Serving(examined, opened, near), closed


def _outside(layer: Layer, opened: Edges, closes_all: bool) -> Iterable[Layer]:
    """A closure of one service is shown where no other is open; what the desk closed is closed for all."""
    whole = [layer.start, layer.end]
    for start, end in intervals.to_pairs(whole if closes_all else intervals.subtract(whole, opened)):
        yield Layer("closure", start, end, layer.label, layer.source)


_NOBODY = Service({"resourceType": "HealthcareService", "id": ""}, Parameters())
"""For whom the Slots of a schedule are asked where no service is meant."""


def _taken(store: Store, schedule_id: str, window: Window) -> tuple[list[Layer], list[Layer]]:
    """What occupies the schedule in the window, holds in force included; and what the desk closed."""
    taken: list[Layer] = []
    closed: list[Layer] = []
    for claim in sorted(store.claims(schedule_id, _NOBODY)):
        if claim.free or claim.start >= window.end or claim.end <= window.start:
            continue
        if claim.expires_ms is not None and claim.expires_ms <= window.now_ms:
            continue
        slot = store.read(claim.label) or {}
        layer = _layer(store, claim, slot, window.with_patients)
        (closed if layer.kind == "closure" else taken).append(layer)
    return taken, closed


def _layer(store: Store, claim: Claim, slot: Json, with_patients: bool) -> Layer:
    comment = plain(slot.get("comment") or "")
    if is_closure(slot):
        return Layer("closure", claim.start, claim.end, comment or "closed", claim.label)
    users = [one for one in store.users_of(str(slot.get("id"))) if one.get("status") not in mapping.NEVER_BOOKED]
    if not users:
        said = comment or {"busy": "busy", "busy-tentative": "busy, tentative"}.get(str(slot.get("status")), "blocked")
        return Layer("blocked", claim.start, claim.end, said, claim.label)
    user = users[0]
    kind: Kind = _KINDS.get(str(slot.get("status")), "booking")
    title = visit_title(store, user, with_patients=with_patients)
    label = f"{comment or 'buffer'} ({title})" if kind == "buffer" else title
    return Layer(kind, claim.start, claim.end, label, f"Appointment/{user['id']}")


_KINDS: dict[str, Kind] = {"busy": "booking", "busy-tentative": "hold", "busy-unavailable": "buffer"}


def _free_seats(serving: Serving) -> Iterable[Seats]:
    capacity = serving.examined.rules.capacity
    for pair in intervals.to_pairs(intervals.subtract(serving.open, blocked(serving.relevant, 1))):
        yield Seats(*pair, capacity)
    for crowd in joinable(serving.relevant, capacity):
        for pair in intervals.to_pairs(intervals.clip(serving.open, crowd.start, crowd.end)):
            yield Seats(*pair, crowd.tolerance - crowd.size)


def most(several: Iterable[Seats]) -> list[Seats]:
    """Pieces that may overlap → disjoint ones with the largest count of those that cover them, in order."""
    events: dict[int, list[tuple[int, int]]] = {}
    for start, end, count in several:
        events.setdefault(start, []).append((count, 1))
        events.setdefault(end, []).append((count, -1))
    running: dict[int, int] = {}
    found: list[Seats] = []
    since = count = 0
    for at in sorted(events):
        if count and since < at:
            if found and found[-1].end == since and found[-1].number == count:
                found[-1] = Seats(found[-1].start, at, count)
            else:
                found.append(Seats(since, at, count))
        for one, change in events[at]:
            running[one] = running.get(one, 0) + change
        since, count = at, max((one for one, times in running.items() if times), default=0)
    return found
