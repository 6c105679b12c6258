"""Resources into rows of the tables, and Slots back from their columns. Instants are milliseconds here.

A row is a tuple in the order of the table's columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import orjson

from . import urls
from .instants import instant_ms, utc_text_ms
from .mapping import hold_expires_ms, is_schedulable, period_ms, service_references, slot_ids
from .parameters import ParameterFault, Resolved, extensions
from .prepared import Examined
from .references import Json, child, children, target
from .store import Store

Row = tuple[Any, ...]

_MOST = 2**31 - 1
_VERSION = re.compile(r"[1-9]\d{0,8}", re.ASCII)

# Many Slots share these texts: writing each once is faster, and one text takes less memory than many.
_text = lru_cache(maxsize=65_536)(utc_text_ms)
_number = lru_cache(maxsize=65_536)(str)
_schedule = lru_cache(maxsize=65_536)("Schedule/{}".format)


# Slots


def slot_row(slot: Json) -> Row:
    """The columns of a Slot; its JSON is the last of them, unless the others say all of it."""
    reference = target(slot["schedule"]["reference"])
    schedule = reference.id if reference is not None and reference.type == "Schedule" else None
    start_ms, end_ms = instant_ms(slot.get("start")), instant_ms(slot.get("end"))
    status, id, comment = slot["status"], slot["id"], slot.get("comment")
    capacity = _stamp(slot) if "extension" in slot else None
    service_type = slot.get("serviceType") or None
    version, updated_ms = _meta(slot)
    if comment.__class__ is not str:
        comment = None
    resource = None
    if (
        schedule is None
        or start_ms is None
        or end_ms is None
        or slot
        != make_slot(id, schedule, start_ms, end_ms, status, capacity, service_type, comment, version, updated_ms)
    ):
        resource = _json(slot)
    service_text = None if service_type is None else _json(service_type)
    return schedule, start_ms, end_ms, status, capacity, service_text, comment, id, version, updated_ms, resource


def make_slot(
    id: str,
    schedule: str,
    start_ms: int,
    end_ms: int,
    status: str,
    capacity: int | None,
    service_type: list[Json] | None,
    comment: str | None,
    version: int | None,
    updated_ms: int | None,
) -> Json:
    """The Slot that these columns say all of."""
    slot: Json = {
        "resourceType": "Slot",
        "id": id,
        "schedule": {"reference": _schedule(schedule)},
        "status": status,
        "start": _text(start_ms),
        "end": _text(end_ms),
    }
    if version is not None or updated_ms is not None:
        meta = slot["meta"] = dict[str, str]()
        if version is not None:
            meta["versionId"] = _number(version)
        if updated_ms is not None:
            meta["lastUpdated"] = _text(updated_ms)
    if capacity is not None:
        slot["extension"] = [{"url": urls.SLOT_CAPACITY, "valuePositiveInt": capacity}]
    if service_type is not None:
        slot["serviceType"] = service_type
    if comment is not None:
        slot["comment"] = comment
    return slot


def _stamp(slot: Json) -> int | None:
    """The capacity stamp, if it is one (model 11)."""
    for _, extension in extensions(slot, urls.SLOT_CAPACITY):
        stamp: Any = extension.get("valuePositiveInt")
        return min(stamp, _MOST) if stamp.__class__ is int and stamp >= 1 else None
    return None


# Schedules and Appointments


def schedule_row(schedule: Json) -> Row:
    actors = children(schedule, "actor") or [{}]
    actor = actors[0]
    return (
        schedule["id"],
        schedule.get("active"),
        actor.get("reference"),
        actor.get("display"),
        schedulable_services(schedule),
        *_meta(schedule),
        _json(schedule),
    )


def schedulable_services(schedule: Json) -> list[str]:
    """The ids of the services that the Schedule is schedulable for (model 5), each once."""
    firsts = (one for concept in children(schedule, "serviceType") for one in service_references(concept)[:1])
    found = (one for one in map(target, firsts) if one is not None and one.type == "HealthcareService")
    return [id for id in dict.fromkeys(one.id for one in found) if is_schedulable(schedule, id)]


def appointment_row(appointment: Json, schedules: Iterable[str]) -> Row:
    """`schedules` are those of its Slots, which stand in resources of their own."""
    found = (target(one) for concept in children(appointment, "serviceType") for one in service_references(concept))
    services = dict.fromkeys(one.id for one in found if one is not None and one.type == "HealthcareService")
    actors = (target(child(one, "actor").get("reference")) for one in children(appointment, "participant"))
    return (
        appointment["id"],
        appointment["status"],
        instant_ms(appointment.get("start")),
        instant_ms(appointment.get("end")),
        list(services),
        slot_ids(appointment),
        list(schedules),
        next((one.id for one in actors if one is not None and one.type == "Patient"), None),
        hold_expires_ms(appointment),
        list(_identifiers(appointment)),
        *_meta(appointment),
        _json(appointment),
    )


def schedules_of(store: Store, appointment: Json) -> Iterable[str]:
    """The ids of the Schedules that the Appointment's Slots belong to, each once; deleted Slots are passed over."""
    slots = (store.read(f"Slot/{id}") for id in slot_ids(appointment))
    found = (target(slot["schedule"]["reference"]) for slot in slots if slot is not None)
    return dict.fromkeys(one.id for one in found if one is not None and one.type == "Schedule")


def _identifiers(appointment: Json) -> Iterator[Json]:
    """Nobody has judged this element."""
    given: Any = appointment.get("identifier")
    several: list[Any] = given if isinstance(given, list) else []  # type: ignore[reportUnknownVariableType]
    for one in several:
        if isinstance(one, dict) and isinstance(one.get("value"), str):  # type: ignore[reportUnknownMemberType]
            system: Any = one.get("system")  # type: ignore[reportUnknownMemberType]
            yield {"system": system if isinstance(system, str) else None, "value": one["value"]}


def _meta(resource: Json) -> tuple[int | None, int | None]:
    """Version and time of the last change, as a ledger writes them."""
    if "meta" not in resource:
        return None, None
    meta: Any = resource["meta"]
    if not isinstance(meta, dict):
        return None, None
    version: Any = meta.get("versionId")  # type: ignore[reportUnknownMemberType]
    is_number = isinstance(version, str) and _VERSION.fullmatch(version)
    return int(version) if is_number else None, instant_ms(meta.get("lastUpdated"))  # type: ignore[reportUnknownMemberType]


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


# Rules


def rule_rows(store: Store, schedule: Json) -> Iterator[Row]:
    """A row for each service that the Schedule is schedulable for."""
    for id in schedulable_services(schedule):
        service = store.prepared.service(id)
        if service is None:
            yield _faulty(schedule["id"], id, False, "HealthcareService not found", [])
            continue
        yield _rule_row(Examined(store, service, schedule))


def _rule_row(examined: Examined) -> Row:
    service = examined.service
    is_active = examined.is_active and service.is_active
    if len(examined.actors) != 1:
        text = "Scheduling only supported on schedules with exactly one actor"
        return _faulty(examined.id, service.id, is_active, text, [f"Schedule/{examined.id}"])
    found = examined.parameters
    if isinstance(found, ParameterFault):
        roots = {"service": f"HealthcareService/{service.id}", "schedule": f"Schedule/{examined.id}"}
        places = [roots[place.root] + place.path for place in found.places]
        return _faulty(examined.id, service.id, is_active, found.text, places)
    return examined.id, service.id, is_active, None, None, *_resolved(found), *examined.horizon


def _faulty(schedule: str, service: str, is_active: bool, text: str, places: list[str]) -> Row:
    return schedule, service, is_active, text, places, *[None] * 14


def _resolved(found: Resolved) -> Row:
    zone = found.timezone.zone
    hours = found.hours
    closures = (period_ms(one.during, zone) for one in found.closures)
    return (
        *map(_whole, (found.duration, found.buffer_before, found.buffer_after)),
        found.alignment_interval,
        found.alignment_offset % found.alignment_interval,
        found.alignment_timezone.zone.name,
        zone.name,
        _whole(found.slot_capacity),
        None if found.hold_duration is None else _whole(found.hold_duration),
        None
        if hours is None
        else [{"days": one.days, "start_ms": one.start_ms, "end_ms": one.end_ms} for one in hours],
        [{"start": one.start, "end": one.end} for one in closures if one != (None, None)],
        [
            {"frequency": _whole(one.frequency), "period": _whole(one.period), "unit": one.unit}
            for one in found.booking_limits
        ],
    )


def _whole(number: int) -> int:
    """Beyond four thousand years of minutes, more makes no difference."""
    return min(number, _MOST)
