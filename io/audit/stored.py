"""What is stored, arranged for an audit: the live Appointments, and the Slots of each schedule by their time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .. import mapping
from ..desk import is_live
from ..instants import ceil_minute, floor_minute, instant_ms
from ..local import service_ids
from ..references import Json, children, target
from ..store import Store
from .finding import Finding, Kind

_WITH_SLOTS = ("pending", "booked", "arrived", "checked-in")
"""The statuses of Appointments that take time on some schedule."""


class Booking(NamedTuple):
    """An Appointment that takes place or took place: its reference and the ids of its services."""

    reference: str
    services: tuple[str, ...]


class Taken(NamedTuple):
    """A Slot that counts, in minutes, the bookings that it belongs to, and what people wrote on it."""

    start: int
    end: int
    id: str
    status: str
    tolerance: int
    concepts: Sequence[Json]
    bookings: tuple[Booking, ...]
    comment: str | None

    @property
    def reference(self) -> str:
        return f"Slot/{self.id}"


class Appointments:
    """All Appointments of a store, seen once. `findings` are those about Appointments by themselves."""

    def __init__(self, store: Store, now_ms: int) -> None:
        self.findings: list[Finding] = []
        self._users: dict[str, list[Booking]] = {}
        self._lapsed: set[str] = set()
        for appointment in store.resources("Appointment"):
            self._see(store, appointment, now_ms)

    def users(self, slot_id: str) -> tuple[Booking, ...]:
        return tuple(self._users.get(slot_id, ()))

    def has_lapsed(self, slot_id: str) -> bool:
        """Is it the Slot of a hold that has lapsed, so that it takes no time?"""
        return slot_id in self._lapsed

    def _see(self, store: Store, appointment: Json, now_ms: int) -> None:
        reference, status = f"Appointment/{appointment['id']}", appointment.get("status")
        slots = mapping.slot_ids(appointment)
        if status == "pending" and mapping.has_lapsed(appointment, now_ms):
            self._lapsed.update(slots)
            self._find("lapsed-hold", reference, appointment, "its hold has lapsed; the next write records it")
            return
        if is_live(appointment, now_ms) or status in ("fulfilled", "noshow"):
            booking = Booking(reference, tuple(service_ids(appointment)))
            for slot in dict.fromkeys(slots):
                self._users.setdefault(slot, []).append(booking)
        if status in _WITH_SLOTS:
            lost = [slot for slot in slots if store.read(f"Slot/{slot}") is None]
            if not children(appointment, "slot"):
                self._find("without-slots", reference, appointment, f"it is {status} and takes no time on any schedule")
            elif lost:
                names = ", ".join(f"Slot/{slot}" for slot in lost)
                self._find("without-slots", reference, appointment, f"it is {status}, and {names} is not stored")

    def _find(self, kind: Kind, reference: str, appointment: Json, text: str) -> None:
        start, end = (instant_ms(appointment.get(name)) for name in ("start", "end"))
        self.findings.append(Finding(kind, None, reference, None, start, end, text))


def slots_of_schedules(store: Store, appointments: Appointments) -> dict[str, list[Taken]]:
    """The Slots that count (specification, model 9), by schedule, in order of start and then of id."""
    found: dict[str, list[Taken]] = {}
    for slot in store.resources("Slot"):
        named = target(slot["schedule"]["reference"])
        if named is not None and named.type == "Schedule" and not appointments.has_lapsed(slot["id"]):
            found.setdefault(named.id, []).extend(_taken(slot, appointments))
    for several in found.values():
        several.sort(key=lambda one: (one.start, one.id))
    return found


def _taken(slot: Json, appointments: Appointments) -> Iterator[Taken]:
    status = slot["status"]
    start_ms, end_ms = instant_ms(slot.get("start")), instant_ms(slot.get("end"))
    if status == "entered-in-error" or start_ms is None or end_ms is None:
        return
    is_free = status == "free"
    start = ceil_minute(start_ms) if is_free else floor_minute(start_ms)
    end = floor_minute(end_ms) if is_free else ceil_minute(end_ms)
    if start_ms < end_ms and start < end:
        concepts, users = children(slot, "serviceType"), appointments.users(slot["id"])
        comment = slot.get("comment")
        said = comment if isinstance(comment, str) and comment.strip() else None
        yield Taken(start, end, slot["id"], status, mapping.tolerance(slot), concepts, users, said)
