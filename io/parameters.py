"""SchedulingParameters: read, checked and resolved in layers (specification, model 3 and 4).

The result is still FHIR's: values with the place each comes from. `mapping` turns it into the solver's integers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from ..solver.civil import Zone
from . import urls
from .instants import wall_ms
from .references import Json, child, children, same_target
from .resources import DAYS
from .zones import Zones

_DURATIONS = ("duration", "bufferBefore", "bufferAfter", "alignmentInterval", "alignmentOffset", "holdDuration")
_ZONES = ("alignmentTimezone", "timezone")
_FIELDS = ("service", "availability", *_DURATIONS, *_ZONES, "slotCapacity", "bookingLimit")
_REPEATABLE = ("availability", "bookingLimit")
_UNITS = {"min": 1, "h": 60, "d": 1440, "wk": 10080}
_BAD_LIMIT = "Invalid bookingLimit, must have a positive integer frequency and period and a periodUnit of d, wk or mo"


class Place(NamedTuple):
    """Where a value stands: on the service or on the schedule, and the path from there."""

    root: Literal["service", "schedule"]
    path: str = ""

    def at(self, name: str, index: int) -> Place:
        return Place(self.root, f"{self.path}.{name}[{index}]")


_ACTOR = Place("schedule", ".actor[0]")


class ParameterFault(Exception):
    """A fault in stored parameters: the text of the refusal and the places at fault."""

    def __init__(self, text: str, *places: Place) -> None:
        super().__init__(text)
        self.text = text
        self.places = places


class ZoneName(NamedTuple):
    """A zone, and its name as written."""

    name: str
    zone: Zone


class TimingLimit(NamedTuple):
    frequency: int
    period: int
    unit: str


class OpenEntry(NamedTuple):
    """One entry of weekly hours: days as a bitmask from Monday, milliseconds on the clock."""

    days: int
    start_ms: int
    end_ms: int
    place: Place


class ClosedEntry(NamedTuple):
    """One closure, a FHIR Period as stored."""

    during: Json
    place: Place


class Found(NamedTuple):
    """A value of a field and the sub-extension that gives it."""

    value: Any
    place: Place


@dataclass(slots=True)
class Layer:
    """What one SchedulingParameters extension, or the service, says."""

    values: dict[str, list[Found]] = field(default_factory=dict[str, list[Found]])
    hours: list[OpenEntry] | None = None
    sets_hours: bool = False
    closures: list[ClosedEntry] = field(default_factory=list[ClosedEntry])

    def first(self, name: str) -> Found | None:
        found = self.values.get(name)
        return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Resolved:
    """The parameters of one schedule for one service; `places` says where each field comes from.

    A default stands on the service as a whole. `availability` is the place of the hours.
    """

    duration: int
    buffer_before: int
    buffer_after: int
    alignment_interval: int
    alignment_offset: int
    alignment_timezone: ZoneName
    timezone: ZoneName
    slot_capacity: int
    hold_duration: int | None
    booking_limits: tuple[TimingLimit, ...]
    hours: tuple[OpenEntry, ...] | None
    closures: tuple[ClosedEntry, ...]
    places: dict[str, Place]


def extensions(resource: Json, url: str) -> Iterator[tuple[int, Json]]:
    """The extensions with this URL and their stored indexes."""
    for index, extension in enumerate(children(resource, "extension")):
        if extension.get("url") == url:
            yield index, extension


def read_service(service: Json, zones: Zones) -> Layer:
    """The service's layer. Raises ParameterFault."""
    root = Place("service")
    found = list(extensions(service, urls.SCHEDULING_PARAMETERS))
    if len(found) > 1:
        raise ParameterFault("HealthcareService has too many scheduling parameters extensions", root)
    layer = Layer()
    for index, extension in found:
        layer = _read_extension(extension, root.at("extension", index), zones)
    if "availableTime" in service or "notAvailable" in service:
        layer.sets_hours = True
        if "availableTime" in service:
            layer.hours = [
                entry
                for index, hours in enumerate(children(service, "availableTime"))
                if (entry := _service_entry(hours, root.at("availableTime", index))) is not None
            ]
        layer.closures = [
            ClosedEntry(closure["during"], root.at("notAvailable", index))
            for index, closure in enumerate(children(service, "notAvailable"))
            if closure.get("during")
        ]
    return layer


def read_schedule(schedule: Json, service_id: str, zones: Zones) -> tuple[Layer | None, Layer | None]:
    """The layers of a schedule that apply to a service: the one naming it, the one naming none."""
    root = Place("schedule")
    naming: list[tuple[int, Json]] = []
    general: list[tuple[int, Json]] = []
    for index, extension in extensions(schedule, urls.SCHEDULING_PARAMETERS):
        named = [sub for sub in children(extension, "extension") if sub.get("url") == "service"]
        targets = [child(sub, "valueReference").get("reference") for sub in named]
        if not named:
            general.append((index, extension))
        elif any(one is None or same_target(one, "HealthcareService", service_id) for one in targets):
            naming.append((index, extension))
    if len(naming) > 1 or len(general) > 1:
        raise ParameterFault("Schedule has too many scheduling parameters extensions", root)
    layers = {
        index: _read_extension(extension, root.at("extension", index), zones)
        for index, extension in sorted([*naming, *general], key=lambda found: found[0])
    }
    return (
        layers[naming[0][0]] if naming else None,
        layers[general[0][0]] if general else None,
    )


def _read_extension(extension: Json, place: Place, zones: Zones) -> Layer:
    layer = Layer()
    stated_times = stated_closures = False
    for index, sub in enumerate(children(extension, "extension")):
        name, at = sub.get("url"), place.at("extension", index)
        if name not in _FIELDS:
            continue
        if place.root == "service" and name in ("service", "availability"):
            raise ParameterFault(f"Scheduling parameter attribute '{name}' is not allowed on HealthcareService", at)
        if name == "availability":
            hours, times, closures = _read_availability(sub, at)
            stated_times, stated_closures = stated_times or times, stated_closures or bool(closures)
            layer.hours = [*(layer.hours or ()), *hours]
            layer.closures += [one for one in closures if one.during]
            layer.sets_hours = True
            value = None
        else:
            value = _read_value(name, sub, at, zones)
        layer.values.setdefault(name, []).append(Found(value, at))
    for name, found in layer.values.items():
        if len(found) > 1 and name not in _REPEATABLE:
            text = f"Scheduling parameter attribute '{name}' has too many values"
            raise ParameterFault(text, *[one.place for one in found])
    if stated_closures and not stated_times:
        # Leave: closures alone set no hours, those of the next layer stay in force.
        layer.sets_hours, layer.hours = False, None
    return layer


def _read_value(name: str, sub: Json, at: Place, zones: Zones) -> Any:
    if name in _DURATIONS:
        return _read_duration(name, sub.get("valueDuration"), at)
    if name in _ZONES:
        code = sub.get("valueCode")
        if code is None:
            raise ParameterFault("Extension valueCode missing", at)
        return _read_zone(code, at, zones)
    if name == "slotCapacity":
        if sub.get("valuePositiveInt") is None:
            raise ParameterFault("Extension valuePositiveInt missing", at)
        capacity = _positive(sub["valuePositiveInt"])
        if capacity is None:
            raise ParameterFault("slotCapacity must be a positive integer", at)
        return capacity
    if name == "bookingLimit":
        if sub.get("valueTiming") is None:
            raise ParameterFault("Extension valueTiming missing", at)
        repeat = child(sub["valueTiming"], "repeat")
        frequency, period = _positive(repeat.get("frequency")), _positive(repeat.get("period"))
        unit = repeat.get("periodUnit")
        if frequency is None or period is None or unit not in ("d", "wk", "mo"):
            raise ParameterFault(_BAD_LIMIT, at)
        return TimingLimit(frequency, period, unit)
    reference = child(sub, "valueReference").get("reference")
    if reference is None:
        raise ParameterFault("Extension valueReference missing", at)
    return reference


def _positive(value: Any) -> int | None:
    """The value if it is a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if value >= 1 and value == int(value) else None


def _read_duration(name: str, duration: Json | None, at: Place) -> int:
    if duration is None:
        raise ParameterFault("Extension valueDuration missing", at)
    value, unit = duration.get("value"), duration.get("unit")
    if value is None:
        raise ParameterFault("Got duration without value", at)
    if value < 0:
        raise ParameterFault("Got duration with negative value", at)
    if unit not in _UNITS:
        raise ParameterFault(f'Got unhandled duration unit "{"undefined" if unit is None else unit}"', at)
    # The shortest decimal that reads as this number is the one that was written: 2.05 h are 123 minutes.
    minutes = Decimal(repr(value)) * _UNITS[unit]
    if minutes != int(minutes):
        raise ParameterFault("Got duration that is not a whole number of minutes", at)
    minutes = int(minutes)
    if name == "alignmentInterval":
        if minutes > 1440:
            raise ParameterFault("alignmentInterval cannot exceed 1440 minutes (1 day)", at)
        return minutes or 60
    if name == "holdDuration" and minutes == 0:
        raise ParameterFault("holdDuration must be longer than 0 minutes", at)
    return minutes


def _read_zone(code: Any, at: Place, zones: Zones) -> ZoneName:
    zone = zones.get(code) if isinstance(code, str) else None
    if zone is None:
        raise ParameterFault(f"Invalid timezone '{code}'", at)
    return ZoneName(code, zone)


def _read_availability(sub: Json, at: Place) -> tuple[list[OpenEntry], bool, list[ClosedEntry]]:
    """The hours, whether any were stated, and the closures (those without a Period too)."""
    hours: list[OpenEntry] = []
    closures: list[ClosedEntry] = []
    stated = False
    for index, entry in enumerate(children(sub, "extension")):
        place = at.at("extension", index)
        if entry.get("url") == "availableTime":
            stated = True
            opened = _schedule_entry(entry, place)
            hours += [opened] if opened else []
        elif entry.get("url") == "notAvailableTime":
            during = [child(one, "valuePeriod") for one in children(entry, "extension") if one["url"] == "during"]
            closures.append(ClosedEntry(during[0] if during else {}, place))
    return hours, stated, closures


def _schedule_entry(entry: Json, at: Place) -> OpenEntry | None:
    days = 0
    once: dict[str, list[Found]] = {"allDay": [], "availableStartTime": [], "availableEndTime": []}
    for index, sub in enumerate(children(entry, "extension")):
        place = at.at("extension", index)
        if sub["url"] == "daysOfWeek":
            if sub.get("valueCode") not in DAYS:
                raise ParameterFault("Invalid SchedulingParameters.availability.availableTime.daysOfWeek entry", place)
            days |= 1 << DAYS.index(sub["valueCode"])
        elif sub["url"] in once:
            value = sub.get("valueBoolean") if sub["url"] == "allDay" else sub.get("valueTime")
            once[sub["url"]].append(Found(value, place))
    for name, found in once.items():
        if len(found) > 1:
            text = f"Scheduling parameter attribute 'availability.availableTime.{name}' has too many values"
            raise ParameterFault(text, *[one.place for one in found])
    is_all_day, start, end = (found[0].value if found else None for found in once.values())
    if not is_all_day and (start is None) != (end is None):
        has, lacks = ("Start", "End") if end is None else ("End", "Start")
        raise ParameterFault(f"availableTime has available{has}Time without available{lacks}Time", at)
    return _open_entry(days, is_all_day, start, end, at)


def _service_entry(entry: Json, at: Place) -> OpenEntry | None:
    days = sum({1 << DAYS.index(day) for day in entry.get("daysOfWeek") or ()})
    return _open_entry(days, entry.get("allDay"), entry.get("availableStartTime"), entry.get("availableEndTime"), at)


def _open_entry(days: int, is_all_day: bool | None, start: Any, end: Any, at: Place) -> OpenEntry | None:
    if is_all_day:
        return OpenEntry(days, 0, 0, at)
    start_ms, end_ms = wall_ms(start), wall_ms(end)
    if not days or start_ms is None or end_ms is None:
        return None
    return OpenEntry(days, start_ms, end_ms, at)


def resolve(service: Layer, naming: Layer | None, general: Layer | None, actor: Json | None, zones: Zones) -> Resolved:
    """Each field from the highest layer that sets it. Raises ParameterFault."""
    layers = [layer for layer in (naming, general, service) if layer is not None]
    places: dict[str, Place] = {}

    def take(name: str, default: Any) -> Any:
        for layer in layers:
            found = layer.first(name)
            if found is not None:
                places[name] = found.place
                return found.value
        places[name] = Place("service")
        return default

    duration = take("duration", None)
    if duration is None:
        schedule = Place("schedule")
        where = [schedule] if len(layers) > 1 else [Place("service"), schedule]
        raise ParameterFault("Scheduling parameter attribute 'duration' is missing", *where)
    hours, closures, places["availability"] = _resolve_hours(layers)
    stated = [layer.values["bookingLimit"] for layer in layers if "bookingLimit" in layer.values]
    limits = stated[0] if stated else []
    places["bookingLimit"] = limits[0].place if limits else Place("service")
    alignment_zone = take("alignmentTimezone", None)
    if alignment_zone is None:
        alignment_zone = _read_zone("Etc/UTC", Place("service"), zones)
    zone = take("timezone", None)
    if zone is None:
        zone, places["timezone"] = _actor_zone(actor, zones), _ACTOR
    return Resolved(
        duration=duration,
        buffer_before=take("bufferBefore", 0),
        buffer_after=take("bufferAfter", 0),
        alignment_interval=take("alignmentInterval", 60),
        alignment_offset=take("alignmentOffset", 0),
        alignment_timezone=alignment_zone,
        timezone=zone,
        slot_capacity=take("slotCapacity", 1),
        hold_duration=take("holdDuration", None),
        booking_limits=tuple(found.value for found in limits),
        hours=None if hours is None else tuple(hours),
        closures=tuple(closures),
        places=places,
    )


def _resolve_hours(layers: Sequence[Layer]) -> tuple[list[OpenEntry] | None, list[ClosedEntry], Place]:
    """The hours of the highest layer that sets them, the closures down to it, and the place of the hours."""
    closures: list[ClosedEntry] = []
    for layer in layers:
        closures += layer.closures
        if layer.sets_hours:
            stated = layer.first("availability")
            # An empty `availableTime` sets hours too, and `notAvailable` alone does: they have no entry to point at.
            return layer.hours, closures, Place("service", ".availableTime") if stated is None else stated.place
    return None, closures, Place("service")


def _actor_zone(actor: Json | None, zones: Zones) -> ZoneName:
    at = _ACTOR
    if actor is None:
        raise ParameterFault("No timezone specified and schedule.actor could not be read", at)
    for _, extension in extensions(actor, urls.TIMEZONE):
        if extension.get("valueCode") is not None:
            return _read_zone(extension["valueCode"], at, zones)
    raise ParameterFault("No timezone specified", at)
