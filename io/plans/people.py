"""Patients, who cannot be in two places: the times at which their stored Appointments keep them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ...solver.intervals import Edges, from_pairs
from .. import mapping
from ..instants import ceil_minute, floor_minute, instant_ms
from ..references import Json, child, children
from ..store import Store

_TAKES_PART = ("booked", "pending", "arrived", "checked-in")


class Stay(NamedTuple):
    """A stored Appointment of a patient, in minutes rounded outward."""

    start: int
    end: int
    appointment: str


class Busy:
    """Where each of some patients is expected already; `ignored` Appointments left out."""

    def __init__(self, store: Store, patients: Iterable[str], ignored: Iterable[str], now_ms: int) -> None:
        wanted, ignored = set(patients), set(ignored)
        self._stays: dict[str, list[Stay]] = {one: [] for one in sorted(wanted)}
        for appointment in store.resources("Appointment") if wanted else ():
            if appointment["id"] in ignored or not takes_part(appointment, now_ms):
                continue
            times = times_of(appointment)
            if times is None:
                continue
            for patient in wanted.intersection(patients_of(appointment)):
                self._stays[patient].append(Stay(*times, appointment["id"]))
        for stays in self._stays.values():
            stays.sort()

    def edges(self, patient: str) -> Edges:
        """The minutes that are taken."""
        return from_pairs([(one.start, one.end) for one in self._stays[patient]])

    def meeting(self, patient: str, start: int, end: int) -> list[Stay]:
        """The Appointments that meet [start, end), by start."""
        return [one for one in self._stays[patient] if one.start < end and start < one.end]


def takes_part(appointment: Json, now_ms: int) -> bool:
    """Is the visit still to be expected? Lapsed holds are not."""
    until = mapping.hold_expires_ms(appointment)
    return appointment.get("status") in _TAKES_PART and (until is None or until > now_ms)


def times_of(appointment: Json) -> tuple[int, int] | None:
    """Start and end in minutes, rounded outward; None where they are unreadable or empty."""
    start_ms, end_ms = instant_ms(appointment.get("start")), instant_ms(appointment.get("end"))
    if start_ms is None or end_ms is None or start_ms >= end_ms:
        return None
    return floor_minute(start_ms), ceil_minute(end_ms)


def patients_of(appointment: Json) -> Iterator[str]:
    """The references of its patients, as far as they are `Patient/x`."""
    for participant in children(appointment, "participant"):
        reference = child(participant, "actor").get("reference")
        if isinstance(reference, str) and reference.startswith("Patient/"):
            yield reference
