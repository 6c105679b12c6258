"""Between FHIR and the solver's integers: rules, claims and proposals. No other file translates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple

import orjson

from ..solver.availability import Closure, Footprint, Rules, Weekly
from ..solver.capacity import Claim
from ..solver.civil import Zone, weekday
from ..solver.grid import Grid
from ..solver.limits import Limit
from . import urls
from .instants import ceil_minute, floor_minute, instant_ms, period_bound_ms, utc_text
from .parameters import ClosedEntry, Place, Resolved, ZoneName, extensions
from .references import Json, child, children, same_target, target

OCCUPYING = ("busy", "busy-tentative", "busy-unavailable")
_DAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
BOOKED = ("busy", "busy-tentative")
NEVER_BOOKED = ("cancelled", "entered-in-error")

EXPIRED = "Hold expired"
"""The text of the cancelationReason of a hold that lapsed (model 16)."""

Codings = frozenset[tuple[Any, Any]]
"""System and code of a service's types."""


class PeriodMs(NamedTuple):
    """A Period in milliseconds since the epoch; None is open-ended."""

    start: int | None
    end: int | None


def period_ms(period: Json | None, zone: Zone) -> PeriodMs:
    """The instants of a Period whose dates are local days of `zone` (model 6)."""
    start, end = (period or {}).get("start"), (period or {}).get("end")
    return PeriodMs(
        None if start is None else period_bound_ms(start, zone, "start"),
        None if end is None else period_bound_ms(end, zone, "end"),
    )


# Rules


def rules_of(resolved: Resolved, horizon: PeriodMs, *, schedule_id: str, service_id: str) -> Rules:
    """The solver's rules of one schedule for one service; labels are paths such as `Schedule/a.extension[0]`."""
    roots = {"service": f"HealthcareService/{service_id}", "schedule": f"Schedule/{schedule_id}"}

    def label(place: Place) -> str:
        return roots[place.root] + place.path

    zone = resolved.timezone.zone
    hours = resolved.hours
    closures = (_closure(entry, zone, label(entry.place)) for entry in resolved.closures)
    return Rules(
        zone=zone,
        grid=grid_of(resolved),
        footprint=Footprint(resolved.duration, resolved.buffer_before, resolved.buffer_after),
        capacity=resolved.slot_capacity,
        weekly=None
        if hours is None
        else tuple(Weekly(one.days, one.start_ms, one.end_ms, label(one.place)) for one in hours),
        closures=tuple(closure for closure in closures if closure is not None),
        horizon_start=None if horizon.start is None else ceil_minute(horizon.start),
        horizon_end=None if horizon.end is None else floor_minute(horizon.end),
        limits=tuple(Limit(*limit) for limit in resolved.booking_limits),
    )


def grid_of(resolved: Resolved) -> Grid:
    return _grid(resolved.alignment_interval, resolved.alignment_offset, resolved.alignment_timezone.zone)


@lru_cache(maxsize=256)
def _grid(interval: int, offset: int, zone: Zone) -> Grid:
    return Grid(interval, offset, zone)


def _closure(entry: ClosedEntry, zone: Zone, label: str) -> Closure | None:
    during = period_ms(entry.during, zone)
    if during == (None, None):
        return None
    return Closure(
        None if during.start is None else floor_minute(during.start),
        None if during.end is None else ceil_minute(during.end),
        label,
    )


# Stored Slots


class Row(NamedTuple):
    """A stored Slot with readable times, in milliseconds."""

    slot: Json
    start_ms: int
    end_ms: int


class UnusableSlot(NamedTuple):
    """A Slot that counts and cannot be used: times unreadable (None) or reversed; `until` is the end of its hold."""

    id: str
    start_ms: int | None
    end_ms: int | None
    until_ms: int | None


@dataclass(frozen=True, slots=True)
class SlotRows:
    """The Slots of one schedule that count: usable ones, and those that are not (model 9)."""

    rows: tuple[Row, ...]
    unusable: tuple[UnusableSlot, ...]


def slot_rows(slots: Iterable[Json], appointments: Mapping[str, Sequence[Json]]) -> SlotRows:
    """The times of a schedule's Slots; `entered-in-error` and Slots of no length are left out."""
    rows: list[Row] = []
    unusable: list[UnusableSlot] = []
    for slot in slots:
        if slot["status"] == "entered-in-error":
            continue
        start_ms, end_ms = instant_ms(slot.get("start")), instant_ms(slot.get("end"))
        if start_ms is None or end_ms is None:
            unusable.append(UnusableSlot(slot["id"], None, None, held_until_ms(appointments.get(slot["id"], ()))))
        elif start_ms > end_ms:
            until_ms = held_until_ms(appointments.get(slot["id"], ()))
            unusable.append(UnusableSlot(slot["id"], start_ms, end_ms, until_ms))
        elif start_ms < end_ms:
            rows.append(Row(slot, start_ms, end_ms))
    return SlotRows(tuple(rows), tuple(unusable))


def held_until_ms(appointments: Iterable[Json]) -> int | None:
    """When the first of the holds on a Slot lapses, if one does."""
    ends = [at for one in appointments if (at := hold_expires_ms(one)) is not None]
    return min(ends) if ends else None


def claims_of(
    rows: Iterable[Row], service_id: str, codings: Codings, appointments: Mapping[str, Sequence[Json]]
) -> list[Claim]:
    """What a schedule's Slots mean for a service; `appointments` are those that refer to each Slot, by its id."""
    claims: list[Claim] = []
    for slot, start_ms, end_ms in rows:
        status = slot["status"]
        free = status == "free"
        if free:
            start, end = ceil_minute(start_ms), floor_minute(end_ms)
            if start >= end:
                continue
        else:
            start, end = floor_minute(start_ms), ceil_minute(end_ms)
        booking, expires_ms = False, None
        held_by = appointments.get(slot["id"])
        if held_by is not None:
            booking = status in BOOKED and any(is_booking(appointment, service_id) for appointment in held_by)
            expires_ms = held_until_ms(held_by)
        relevant = "serviceType" not in slot or concerns(slot, service_id, codings)
        label = f"Slot/{slot['id']}"
        claims.append(Claim(start, end, label, tolerance(slot), free, relevant, booking, expires_ms))
    return claims


def tolerance(slot: Json) -> int:
    """The capacity stamp of a Slot, 1 without a sound one (model 11)."""
    if "extension" not in slot:
        return 1
    stamps = (extension.get("valuePositiveInt") for _, extension in extensions(slot, urls.SLOT_CAPACITY))
    stamp = next(stamps, None)
    return stamp if isinstance(stamp, int) and not isinstance(stamp, bool) and stamp >= 1 else 1


def service_codings(service: Json) -> Codings:
    """System and code of the service's types."""
    return frozenset(
        (coding.get("system"), coding.get("code"))
        for concept in children(service, "type")
        for coding in children(concept, "coding")
    )


def concerns(slot: Json, service_id: str, codings: Codings) -> bool:
    """Is the Slot relevant for the service? (model 5)"""
    return concepts_concern(children(slot, "serviceType"), service_id, codings)


def concepts_concern(concepts: Sequence[Json], service_id: str, codings: Codings) -> bool:
    """The same for the Slot's serviceType."""
    return not concepts or any(
        any((coding.get("system"), coding.get("code")) in codings for coding in children(concept, "coding"))
        or any(same_target(reference, "HealthcareService", service_id) for reference in service_references(concept))
        for concept in concepts
    )


def service_references(concept: Json) -> list[str]:
    """The references of a concept's service-type-reference extensions."""
    found: list[str] = []
    for extension in children(concept, "extension"):
        if extension.get("url") == urls.SERVICE_TYPE_REFERENCE:
            reference = child(extension, "valueReference").get("reference")
            if reference is not None:
                found.append(reference)
    return found


def is_schedulable(schedule: Json, service_id: str) -> bool:
    """Does some concept refer, in its first such extension, to exactly this service? (model 5)"""
    firsts = (service_references(concept)[:1] for concept in children(schedule, "serviceType"))
    return any(first == [f"HealthcareService/{service_id}"] for first in firsts)


# Appointments


def is_booking(appointment: Json, service_id: str) -> bool:
    """Does the Appointment count for the service's booking limits? (model 15)"""
    return appointment.get("status") not in NEVER_BOOKED and any(
        same_target(reference, "HealthcareService", service_id)
        for concept in children(appointment, "serviceType")
        for reference in service_references(concept)
    )


def hold_expires_ms(appointment: Json) -> int | None:
    """When a pending Appointment lapses, if it does (model 16)."""
    if appointment.get("status") != "pending":
        return None
    for _, extension in extensions(appointment, urls.HOLD_EXPIRES):
        return instant_ms(extension.get("valueInstant"))
    return None


def has_lapsed(appointment: Json, now_ms: int) -> bool:
    """Was it a hold that has expired, recorded or not? (specification, operations 4)"""
    if appointment.get("status") == "cancelled":
        ends = (instant_ms(one.get("valueInstant")) for _, one in extensions(appointment, urls.HOLD_EXPIRES))
        end = next(ends, None)
        return end is not None and end <= now_ms and child(appointment, "cancelationReason").get("text") == EXPIRED
    end = hold_expires_ms(appointment)
    return end is not None and end <= now_ms


def slot_ids(appointment: Json) -> list[str]:
    """The ids of the Slots an Appointment refers to."""
    found = [target(slot.get("reference")) for slot in children(appointment, "slot")]
    return [one.id for one in found if one is not None and one.type == "Slot"]


# Proposals


class Part:
    """What one chosen schedule contributes to every proposal: its reference, its actor and what it takes."""

    __slots__ = ("actor", "after", "before", "capacity", "duration", "schedule")

    def __init__(self, schedule: str, actor: Json, footprint: Footprint, capacity: int) -> None:
        self.schedule = schedule
        self.actor = _copies_of(actor)
        self.duration, self.before, self.after = footprint.duration, footprint.before, footprint.after
        self.capacity = capacity


class Series(NamedTuple):
    occurrences: int
    zone: ZoneName


class ProposalWriter:
    """Writes proposed Appointments for one service (find.md, section 8). Proposals share nothing that can change."""

    def __init__(self, service: Json, series: Series | None = None) -> None:
        self._service_type = _copies_of(_service_type(service))
        self._series = series
        self._texts = _Texts()

    def write(self, start: int, parts: Sequence[Part]) -> Json:
        """One proposal: `parts` in pool order, all of the same duration."""
        texts = self._texts
        end = start + parts[0].duration
        start_text, end_text = texts[start], texts[end]
        contained: list[Json] = []
        for part in parts:
            visit: Json = {
                "resourceType": "Slot",
                "schedule": {"reference": part.schedule},
                "status": "busy",
                "start": start_text,
                "end": end_text,
            }
            if part.capacity > 1:
                visit["extension"] = [{"url": urls.SLOT_CAPACITY, "valuePositiveInt": part.capacity}]
            contained.append(visit)
            if part.before:
                before = texts[start - part.before]
                contained.append(_buffer(part.schedule, before, start_text, "buffer before appointment"))
            if part.after:
                after = texts[end + part.after]
                contained.append(_buffer(part.schedule, end_text, after, "buffer after appointment"))
        proposal: Json = {
            "resourceType": "Appointment",
            "status": "proposed",
            "start": start_text,
            "end": end_text,
            "serviceType": self._service_type(),
            "participant": [
                {"actor": part.actor(), "required": "required", "status": "needs-action"} for part in parts
            ],
            "contained": contained,
        }
        if self._series is not None:
            proposal["extension"] = [recurrence_template(start, self._series)]
        return proposal


class _Texts(dict[int, str]):
    """Minutes as FHIR instants, each written once."""

    def __missing__(self, minute: int) -> str:
        text = self[minute] = utc_text(minute)
        return text


def _buffer(schedule: str, start: str, end: str, comment: str) -> Json:
    return {
        "resourceType": "Slot",
        "schedule": {"reference": schedule},
        "status": "busy-unavailable",
        "start": start,
        "end": end,
        "comment": comment,
    }


def _copies_of(value: Json | list[Json]) -> Callable[[], Any]:
    """What makes deep copies of some JSON; parsing it anew is the fastest way where it is nested."""
    if isinstance(value, dict) and not any(isinstance(one, dict | list) for one in value.values()):
        return value.copy
    return partial(orjson.loads, orjson.dumps(value))


def _service_type(service: Json) -> list[Json]:
    reference: Json = {"reference": f"HealthcareService/{service['id']}"}
    if service.get("name"):
        reference["display"] = service["name"]
    link = {"url": urls.SERVICE_TYPE_REFERENCE, "valueReference": reference}
    concepts = children(service, "type") or [{}]
    return [{**concept, "extension": [*children(concept, "extension"), link]} for concept in concepts]


def recurrence_template(start: int, series: Series) -> Json:
    """The template of a weekly series that starts at this minute (find.md, section 6)."""
    local_weekday = weekday(series.zone.zone.local(start).day)
    zone_code = {"coding": [{"system": urls.TIMEZONE_CODES, "code": series.zone.name}]}
    week = {"coding": [{"system": urls.UNITS_OF_MEASURE, "code": "wk", "display": "week"}]}
    return {
        "url": urls.RECURRENCE_TEMPLATE,
        "extension": [
            {"url": "timezone", "valueCodeableConcept": zone_code},
            {"url": "recurrenceType", "valueCodeableConcept": week},
            {"url": "occurrenceCount", "valuePositiveInt": series.occurrences},
            {
                "url": "weeklyTemplate",
                "extension": [
                    {"url": _DAY_NAMES[local_weekday], "valueBoolean": True},
                    {"url": "weekInterval", "valuePositiveInt": 1},
                ],
            },
        ],
    }
