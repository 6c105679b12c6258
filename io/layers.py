"""Where resolved parameters come from: the layer of each field, hours and closures, for people and programs."""

from __future__ import annotations

import re
from typing import Any, Literal, NamedTuple

from ..solver.availability import ALWAYS_OPEN
from .parameters import Place
from .prepared import Examined
from .references import Json, children

LayerName = Literal["schedule-for-service", "schedule", "service", "actor", "default", "slot"]
"""Highest first: the Schedule for this service, the Schedule for all its services, the HealthcareService, the actor,
the default. Free Slots are no layer, but open time too."""

FIELDS: tuple[tuple[str, str], ...] = (
    ("duration", "duration"),
    ("bufferBefore", "buffer_before"),
    ("bufferAfter", "buffer_after"),
    ("alignmentInterval", "alignment_interval"),
    ("alignmentOffset", "alignment_offset"),
    ("alignmentTimezone", "alignment_timezone"),
    ("timezone", "timezone"),
    ("slotCapacity", "slot_capacity"),
    ("holdDuration", "hold_duration"),
    ("bookingLimit", "booking_limits"),
    ("availability", "hours"),
)
"""The fields of SchedulingParameters, and what they are called once resolved."""

_EXTENSION = re.compile(r"\.extension\[(\d+)\]")


class Origin(NamedTuple):
    """The layer a value comes from, and its path from the resource on; a default stands nowhere."""

    layer: LayerName
    path: str | None


class Resolution(NamedTuple):
    """One resolved field: its name, its value as `Resolved` has it, and where it comes from."""

    name: str
    value: Any
    origin: Origin


def origin(examined: Examined, place: Place) -> Origin:
    """The layer of a place in the parameters of a schedule for a service."""
    if place.root == "service":
        return Origin("service", _service(examined) + place.path) if place.path else Origin("default", None)
    path = f"Schedule/{examined.id}{place.path}"
    match = _EXTENSION.match(place.path)
    if match is None:
        return Origin("actor" if place.path.startswith(".actor") else "schedule", path)
    stated = children(examined.resource, "extension")[int(match[1])]
    names_service = any(one.get("url") == "service" for one in children(stated, "extension"))
    return Origin("schedule-for-service" if names_service else "schedule", path)


def origin_of_label(examined: Examined, label: str) -> Origin:
    """The same for the label of a piece of hours, of a closure, or of a free Slot."""
    if label == ALWAYS_OPEN:
        return Origin("default", None)
    if label.startswith("Slot/"):
        return Origin("slot", label)
    for place in _places(examined):
        found = origin(examined, place)
        if found.path == label:
            return found
    raise AssertionError(f"no hours and no closure of Schedule/{examined.id} has the label {label}")


def _places(examined: Examined) -> list[Place]:
    resolved = examined.resolved
    return [one.place for one in (*(resolved.hours or ()), *resolved.closures)]


def closure_of(examined: Examined, label: str) -> tuple[str | None, Json]:
    """The description of a closure, and its Period as stored."""
    during = next(one.during for one in examined.resolved.closures if origin(examined, one.place).path == label)
    return _description(examined, label), during


def _description(examined: Examined, label: str) -> str | None:
    service = _service(examined)
    if label.startswith(f"{service}.notAvailable"):
        index = int(label.rpartition("[")[2].rstrip("]"))
        stated: Any = children(examined.service.resource, "notAvailable")[index].get("description")
    else:
        entry = examined.resource
        for index in _EXTENSION.findall(label.removeprefix(f"Schedule/{examined.id}")):
            entry = children(entry, "extension")[int(index)]
        parts = (one for one in children(entry, "extension") if one.get("url") == "description")
        stated = next(parts, Json()).get("valueString")
    return stated if isinstance(stated, str) and stated.strip() else None


def _service(examined: Examined) -> str:
    return f"HealthcareService/{examined.service.id}"


def resolutions(examined: Examined) -> list[Resolution]:
    """Every field of the resolved parameters with its layer. Raises ParameterFault where they do not resolve."""
    resolved = examined.resolved
    return [
        Resolution(name, getattr(resolved, attribute), origin(examined, resolved.places[name]))
        for name, attribute in FIELDS
    ]
