"""The checks of SchedulingParameters and of who may be scheduled, restated for the model of the ledger (model 3 to 5).

Every fault is an exception with the text and the places of the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from importlib.resources import files
from typing import Any

from oracle import (
    PARAMETERS,
    SERVICE_REFERENCE,
    TIMEZONE,
    UNITS,
    WEEKDAYS,
    Resource,
    duration_minutes,
    field_of,
    layers_of,
    type_and_id,
    with_url,
)

# FHIR resources by their reference, `Slot/1`.
Resources = dict[str, Resource]

DURATIONS = ("duration", "bufferBefore", "bufferAfter", "alignmentInterval", "alignmentOffset", "holdDuration")
ZONES = ("alignmentTimezone", "timezone")
ONCE = ("service", *DURATIONS, *ZONES, "slotCapacity")
ZONE_NAMES = frozenset(one.lower() for one in (files("tzdata") / "zones").read_text().splitlines())


class Refused(Exception):
    """What an OperationOutcome says."""

    def __init__(
        self,
        text: str,
        *expression: str,
        status: int = 400,
        code: str = "invalid",
        diagnostics: list[Resource] | None = None,
        schedule: str | None = None,
    ):
        super().__init__(text)
        self.text = text
        self.expression = list(expression)
        self.status = status
        self.code = code
        self.diagnostics = diagnostics  # the blocking Slots, with the schedule that they block
        self.schedule = schedule


def not_found() -> Refused:
    return Refused("Not found", status=404, code="not-found")


def check_people(resources: Resources, service: tuple[str, str], schedules: Sequence[tuple[str, str]]) -> None:
    """Who is active and has one actor; each is given as (reference, place) (operations 2.1, row 7)."""
    if resources[service[0]].get("active") is False:
        raise Refused("HealthcareService is inactive", service[1])
    for name, place in schedules:
        schedule = resources[name]
        if schedule.get("active") is False:
            raise Refused("Schedule is inactive", place)
        if len(schedule.get("actor", [])) != 1:
            raise Refused("Scheduling only supported on schedules with exactly one actor", place)


def check_parameters(resources: Resources, service: tuple[str, str], schedules: Sequence[tuple[str, str]]) -> None:
    """That all parameters and timezones resolve (model 3.2)."""
    offered = resources[service[0]]
    stated = numbered(offered)
    if len(stated) > 1:
        raise Refused("HealthcareService has too many scheduling parameters extensions", service[1])
    for number, extension in stated:
        check_extension(extension, f"{service[1]}.extension[{number}]", on_service=True)
    for name, place in schedules:
        check_schedule(resources, resources[name], offered, place, service[1])


def check_schedule(resources: Resources, schedule: Resource, offered: Resource, place: str, service_place: str) -> None:
    named = [one for one in numbered(schedule) if names_of(one[1]) == [("HealthcareService", offered["id"])]]
    general = [one for one in numbered(schedule) if not names_of(one[1])]
    if len(named) > 1 or len(general) > 1:
        raise Refused("Schedule has too many scheduling parameters extensions", place)
    applying = [one for one in numbered(schedule) if one in named or one in general]
    for number, extension in applying:
        check_extension(extension, f"{place}.extension[{number}]", on_service=False)
    layers = layers_of(schedule, offered)
    if not field_of(layers, "duration"):
        places = [place] if applying else [service_place, place]
        raise Refused("Scheduling parameter attribute 'duration' is missing", *places)
    if field_of(layers, "timezone"):
        return
    actor = resources.get(schedule["actor"][0]["reference"])
    if actor is None:
        raise Refused("No timezone specified and schedule.actor could not be read", f"{place}.actor[0]")
    if not with_url(actor, TIMEZONE):
        raise Refused("No timezone specified", f"{place}.actor[0]")
    zone = with_url(actor, TIMEZONE)[0]["valueCode"]
    if not is_zone(zone):
        raise Refused(f"Invalid timezone '{zone}'", f"{place}.actor[0]")


def check_extension(extension: Resource, path: str, *, on_service: bool) -> None:
    """The sub-extensions in stored order, then too many values."""
    parts: list[Resource] = extension.get("extension", [])
    for number, part in enumerate(parts):
        check_part(part, f"{path}.extension[{number}]", on_service)
    check_once(parts, path, {name: name for name in ONCE})


def check_once(parts: Sequence[Resource], path: str, names: dict[str, str]) -> None:
    """That no part named here occurs twice; the name in the text may be longer than that of the part."""
    for name, label in names.items():
        places = [f"{path}.extension[{number}]" for number, part in enumerate(parts) if part["url"] == name]
        if len(places) > 1:
            raise Refused(f"Scheduling parameter attribute '{label}' has too many values", *places)


def check_part(part: Resource, place: str, on_service: bool) -> None:
    name: str = part["url"]
    if name in ("service", "availability") and on_service:
        raise Refused(f"Scheduling parameter attribute '{name}' is not allowed on HealthcareService", place)
    if name == "service":
        value_of(part, "valueReference", place)
    elif name in DURATIONS:
        check_duration(value_of(part, "valueDuration", place), place)
        minutes = duration_minutes(part["valueDuration"])
        if name == "alignmentInterval" and minutes > 1440:
            raise Refused("alignmentInterval cannot exceed 1440 minutes (1 day)", place)
        if name == "holdDuration" and minutes == 0:
            raise Refused("holdDuration must be longer than 0 minutes", place)
    elif name in ZONES:
        zone = value_of(part, "valueCode", place)
        if not is_zone(zone):
            raise Refused(f"Invalid timezone '{zone}'", place)
    elif name == "slotCapacity":
        if not is_positive(value_of(part, "valuePositiveInt", place)):
            raise Refused("slotCapacity must be a positive integer", place)
    elif name == "bookingLimit":
        repeat = value_of(part, "valueTiming", place).get("repeat", {})
        positive = is_positive(repeat.get("frequency")) and is_positive(repeat.get("period"))
        if not positive or repeat.get("periodUnit") not in ("d", "wk", "mo"):
            text = "must have a positive integer frequency and period and a periodUnit of d, wk or mo"
            raise Refused(f"Invalid bookingLimit, {text}", place)
    elif name == "availability":
        check_availability_extension(part, place)


def check_duration(value: Resource, place: str) -> None:
    if "value" not in value:
        raise Refused("Got duration without value", place)
    if value["value"] < 0:
        raise Refused("Got duration with negative value", place)
    unit = value.get("unit", "undefined")
    if unit not in UNITS:
        raise Refused(f'Got unhandled duration unit "{unit}"', place)
    minutes = Decimal(str(value["value"])) * UNITS[unit]
    if minutes != int(minutes):
        raise Refused("Got duration that is not a whole number of minutes", place)


def check_availability_extension(availability: Resource, path: str) -> None:
    """Model 7, the errors on a Schedule."""
    for number, entry in enumerate(availability.get("extension", [])):
        if entry["url"] != "availableTime":
            continue
        place = f"{path}.extension[{number}]"
        parts: list[Resource] = entry.get("extension", [])
        for index, part in enumerate(parts):
            if part["url"] == "daysOfWeek" and part.get("valueCode") not in WEEKDAYS:
                text = "Invalid SchedulingParameters.availability.availableTime.daysOfWeek entry"
                raise Refused(text, f"{place}.extension[{index}]")
        singles = ("allDay", "availableStartTime", "availableEndTime")
        check_once(parts, place, {name: f"availability.availableTime.{name}" for name in singles})
        if any(part["url"] == "allDay" and part.get("valueBoolean") for part in parts):
            continue
        opens = any(part["url"] == "availableStartTime" for part in parts)
        closes = any(part["url"] == "availableEndTime" for part in parts)
        if opens and not closes:
            raise Refused("availableTime has availableStartTime without availableEndTime", place)
        if closes and not opens:
            raise Refused("availableTime has availableEndTime without availableStartTime", place)


def value_of(part: Resource, kind: str, place: str) -> Any:
    if kind not in part:
        raise Refused(f"Extension {kind} missing", place)
    return part[kind]


def is_positive(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def is_zone(name: object) -> bool:
    return isinstance(name, str) and name.lower() in ZONE_NAMES


def numbered(resource: Resource) -> list[tuple[int, Resource]]:
    """The SchedulingParameters, with their places among all extensions."""
    return [(number, one) for number, one in enumerate(resource.get("extension", [])) if one["url"] == PARAMETERS]


def names_of(extension: Resource) -> list[tuple[str, str]]:
    return [type_and_id(one["valueReference"]) for one in with_url(extension, "service") if "valueReference" in one]


def place_of(schedule: Resource, offered: Resource, field: str, path: str, service_path: str) -> str:
    """Where the value of this field comes from (model 3.3)."""
    layers = layers_of(schedule, offered)
    for owner, place in ((schedule, path), (offered, service_path)):
        owned = layers[:2] if owner is schedule else layers[2:]
        for layer in owned:
            for number, extension in numbered(owner):
                parts: list[Resource] = extension.get("extension", [])
                if parts is not layer:
                    continue
                for index, part in enumerate(parts):
                    if part["url"] == field:
                        return f"{place}.extension[{number}].extension[{index}]"
    return service_path


def check_agreement(resources: Resources, service: tuple[str, str], schedules: Sequence[tuple[str, str]]) -> None:
    """That all schedules have one duration and one grid (find 2, row 18)."""
    offered = resources[service[0]]
    defaults: dict[str, Any] = {"alignmentInterval": 60, "alignmentOffset": 0, "alignmentTimezone": "Etc/UTC"}
    for field in ("duration", *defaults):
        values: list[Any] = []
        places: list[str] = []
        for name, place in schedules:
            stated = field_of(layers_of(resources[name], offered), field)
            if not stated:
                values.append(defaults[field])
            elif field == "alignmentTimezone":
                values.append(stated[0]["valueCode"])
            else:
                minutes = duration_minutes(stated[0]["valueDuration"])
                values.append(60 if field == "alignmentInterval" and minutes == 0 else minutes)
            places.append(place_of(resources[name], offered, field, place, service[1]))
        for value, place in zip(values, places, strict=True):
            if value != values[0]:
                raise Refused(f"Scheduling parameters attribute '{field}' does not match", places[0], place)


def is_schedulable(schedule: Resource, service: str) -> bool:
    """Model 5: the first service reference of some concept is exactly this one."""
    firsts = [with_url(concept, SERVICE_REFERENCE)[:1] for concept in schedule.get("serviceType", [])]
    return any(one["valueReference"].get("reference") == service for first in firsts for one in first)


def services_named(concepts: Iterable[Resource]) -> dict[str, int]:
    """The distinct services referred to, with the place of the first concept that does."""
    found: dict[str, int] = {}
    for number, concept in enumerate(concepts):
        for one in with_url(concept, SERVICE_REFERENCE):
            found.setdefault("/".join(type_and_id(one["valueReference"])), number)
    return found
