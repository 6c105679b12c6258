"""Which stored Appointments a person asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..solver.civil import Zone
from . import mapping
from .instants import instant_ms
from .local import zone_named, zone_of_schedule
from .references import Json, child, children, target
from .store import Store

STATUSES = frozenset(
    {
        "proposed", "pending", "booked", "arrived", "fulfilled", "cancelled", "noshow", "entered-in-error",
        "checked-in", "waitlist",
    }
)  # fmt: skip
"""FHIR's AppointmentStatus."""

_EVERY = 4096


class Wanted(NamedTuple):
    """None asks for all."""

    schedule_id: str | None
    patient: str | None
    statuses: frozenset[str] | None


def select(
    store: Store,
    wanted: Wanted,
    day: tuple[Zone, int] | None,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Json]:
    """The Appointments, by start and then by id. `day` is a local day that they must meet, and its zone.

    On a schedule is what has a Slot of it; where the Slots are gone, as after `$cancel`, what its actor takes part in.
    """
    bounds = None if day is None else (day[0].day_start_ms(day[1]), day[0].day_start_ms(day[1] + 1))
    actors = _actors(store, wanted.schedule_id)
    found: list[Json] = []
    for count, appointment in enumerate(store.resources("Appointment"), start=1):
        if count % _EVERY == 0:
            progress(count)
        if wanted.statuses is not None and appointment.get("status") not in wanted.statuses:
            continue
        if bounds is not None and not _meets(appointment, *bounds):
            continue
        references = {child(one, "actor").get("reference") for one in children(appointment, "participant")}
        if wanted.patient is not None and wanted.patient not in references:
            continue
        if wanted.schedule_id is not None and not _is_on(store, appointment, wanted.schedule_id, actors, references):
            continue
        found.append(appointment)
    return sorted(found, key=lambda one: (instant_ms(one.get("start")) or 0, one["id"]))


def _actors(store: Store, schedule_id: str | None) -> frozenset[str]:
    schedule = {} if schedule_id is None else store.read(f"Schedule/{schedule_id}") or {}
    return frozenset(str(one["reference"]) for one in children(schedule, "actor") if one.get("reference"))


def _is_on(
    store: Store, appointment: Json, schedule_id: str, actors: frozenset[str], references: set[str | None]
) -> bool:
    slots = [slot for id in mapping.slot_ids(appointment) if (slot := store.read(f"Slot/{id}")) is not None]
    if not slots:
        return not actors.isdisjoint(one for one in references if one is not None)
    return any(target(child(slot, "schedule").get("reference")) == ("Schedule", schedule_id) for slot in slots)


def _meets(appointment: Json, low_ms: int, high_ms: int) -> bool:
    start, end = instant_ms(appointment.get("start")), instant_ms(appointment.get("end"))
    if start is None:
        return False
    return start < high_ms and (low_ms < end if end is not None and end > start else low_ms <= start)


def commonest_zone(store: Store) -> Zone:
    """The zone most schedules have: in it a day is read that belongs to no schedule in particular."""
    counts: dict[str, int] = {}
    for schedule in store.resources("Schedule"):
        name = zone_of_schedule(store, schedule["id"]).name
        counts[name] = counts.get(name, 0) + 1
    return zone_named(store, max(sorted(counts), key=counts.__getitem__, default="Etc/UTC"))
