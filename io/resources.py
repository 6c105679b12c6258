"""Is this FHIR? Shapes of the elements that slotwright reads; everything else is kept and ignored.

The raw JSON stays the resource: these models only judge it. Vendor elements and unknown extensions pass.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, TypeAdapter, ValidationError

from .instants import is_readable_bound, wall_ms
from .references import Json

_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}", re.ASCII)
_ID = re.compile(r"[^\s/,#?|]{1,64}")
SLOT_STATUSES = frozenset({"busy", "free", "busy-unavailable", "busy-tentative", "entered-in-error"})


def _is_bound(text: str) -> str:
    if not is_readable_bound(text):
        raise ValueError("not a FHIR date or time with an offset")
    return text


def _is_time(text: str) -> str:
    if wall_ms(text) is None:
        raise ValueError("not a FHIR time such as 09:00:00")
    return text


Bound = Annotated[str, AfterValidator(_is_bound)]
Time = Annotated[str, AfterValidator(_is_time)]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")


class Period(_Shape):
    start: Bound | None = None
    end: Bound | None = None


class Reference(_Shape):
    reference: str | None = None
    display: str | None = None


class Duration(_Shape):
    value: float | None = None
    unit: str | None = None


class Timing(_Shape):
    repeat: Json | None = None


class Extension(_Shape):
    url: str
    extension: list[Extension] | None = None
    valueReference: Reference | None = None
    valuePeriod: Period | None = None
    valueDuration: Duration | None = None
    valueTiming: Timing | None = None
    valueTime: Time | None = None
    valueBoolean: bool | None = None


class Coding(_Shape):
    system: str | None = None
    code: str | None = None


class Concept(_Shape):
    coding: list[Coding] | None = None
    extension: list[Extension] | None = None
    text: str | None = None


class AvailableTime(_Shape):
    daysOfWeek: list[Day] | None = None
    allDay: bool | None = None
    availableStartTime: Time | None = None
    availableEndTime: Time | None = None


class NotAvailable(_Shape):
    during: Period | None = None


class HealthcareService(_Shape):
    active: bool | None = None
    name: str | None = None
    type: list[Concept] | None = None
    extension: list[Extension] | None = None
    availableTime: list[AvailableTime] | None = None
    notAvailable: list[NotAvailable] | None = None


class Schedule(_Shape):
    active: bool | None = None
    actor: list[Reference] | None = None
    serviceType: list[Concept] | None = None
    planningHorizon: Period | None = None
    extension: list[Extension] | None = None
    comment: str | None = None


class Participant(_Shape):
    actor: Reference | None = None


class Appointment(_Shape):
    status: str
    serviceType: list[Concept] | None = None
    slot: list[Reference] | None = None
    participant: list[Participant] | None = None
    extension: list[Extension] | None = None


class Other(_Shape):
    """An actor, or anything else."""

    extension: list[Extension] | None = None


class Shapes:
    """The judges, built when first needed."""

    def __init__(self) -> None:
        self._adapters: dict[str, TypeAdapter[Any]] = {}

    def fault(self, resource: Any) -> str | None:
        """What makes this no FHIR resource, or None."""
        if not isinstance(resource, dict):
            return "is not a JSON object"
        kind: Any = resource.get("resourceType")  # type: ignore[reportUnknownMemberType]
        if kind is None:
            return "has no resourceType, so it is not a FHIR resource"
        if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
            return f"has the resourceType {kind!r}, which is not a FHIR type"
        id: Any = resource.get("id")  # type: ignore[reportUnknownMemberType]
        if id is not None and not (isinstance(id, str) and _ID.fullmatch(id)):
            return f"has the id {id!r}; an id is 1 to 64 letters, digits, '-' or '.'"
        if kind == "Slot":
            return _slot_fault(resource)  # type: ignore[reportUnknownArgumentType]
        try:
            self._adapter(kind).validate_python(resource)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=True)[0]
            path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
            return f"is not a FHIR {kind}: {path.removeprefix('.')} {_say(first['msg'])}, got {first['input']!r:.60}"
        return None

    def _adapter(self, kind: str) -> TypeAdapter[Any]:
        if kind not in self._adapters:
            shapes = {"HealthcareService": HealthcareService, "Schedule": Schedule, "Appointment": Appointment}
            self._adapters[kind] = TypeAdapter(shapes.get(kind, Other))
        return self._adapters[kind]


def _say(message: str) -> str:
    return message.removeprefix("Value error, ").removeprefix("Input ").strip()


def _slot_fault(slot: Json) -> str | None:
    # By hand: a calendar has hundreds of thousands of Slots.
    status = slot.get("status")
    if status.__class__ is not str or status not in SLOT_STATUSES:
        return f"is not a FHIR Slot: status must be one of {', '.join(sorted(SLOT_STATUSES))}, got {status!r:.60}"
    schedule: Any = slot.get("schedule")
    if schedule.__class__ is not dict or schedule.get("reference").__class__ is not str:
        return "is not a FHIR Slot: schedule.reference is missing"
    for name in ("serviceType", "extension"):
        if name in slot:
            found: Any = slot[name]
            if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):  # type: ignore[reportUnknownVariableType]
                return f"is not a FHIR Slot: {name} must be a list of objects"
    return None
