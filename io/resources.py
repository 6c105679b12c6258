"""Is this FHIR? Shapes of the elements that slotwright reads; everything else is kept and ignored.

The raw JSON stays the resource: the shapes only judge it. Vendor elements and unknown extensions pass. They are
msgspec's and not pydantic's because a whole `slotwright find` has 0.2 s, and pydantic takes 0.08 of them to import.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
import orjson

from .instants import is_readable_bound, wall_ms
from .references import Json, containers

_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}", re.ASCII)
_ID = re.compile(r"[^\s/,#?|]{1,64}")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DEPTH_MOST = 200
"""FHIR resources nest a dozen levels; orjson writes 254."""
SLOT_STATUSES = frozenset({"busy", "free", "busy-unavailable", "busy-tentative", "entered-in-error"})


class Bound:
    """A bound of a Period: FHIR dateTime."""


class Time:
    """FHIR time."""


class Day:
    """A code of FHIR's DaysOfWeek."""


class Period(msgspec.Struct):
    start: Bound | None = None
    end: Bound | None = None


class Reference(msgspec.Struct):
    reference: str | None = None
    display: str | None = None


class Duration(msgspec.Struct):
    value: float | None = None
    unit: str | None = None


class Timing(msgspec.Struct):
    repeat: dict[str, Any] | None = None


class Extension(msgspec.Struct):
    url: str
    extension: list[Extension] | None = None
    valueReference: Reference | None = None
    valuePeriod: Period | None = None
    valueDuration: Duration | None = None
    valueTiming: Timing | None = None
    valueTime: Time | None = None
    valueBoolean: bool | None = None


class Coding(msgspec.Struct):
    system: str | None = None
    code: str | None = None
    display: str | None = None


class Concept(msgspec.Struct):
    coding: list[Coding] | None = None
    extension: list[Extension] | None = None
    text: str | None = None


class AvailableTime(msgspec.Struct):
    daysOfWeek: list[Day] | None = None
    allDay: bool | None = None
    availableStartTime: Time | None = None
    availableEndTime: Time | None = None


class NotAvailable(msgspec.Struct):
    during: Period | None = None


class HealthcareService(msgspec.Struct):
    active: bool | None = None
    name: str | None = None
    type: list[Concept] | None = None
    extension: list[Extension] | None = None
    availableTime: list[AvailableTime] | None = None
    notAvailable: list[NotAvailable] | None = None


class Schedule(msgspec.Struct):
    active: bool | None = None
    actor: list[Reference] | None = None
    serviceType: list[Concept] | None = None
    planningHorizon: Period | None = None
    extension: list[Extension] | None = None
    comment: str | None = None


class Participant(msgspec.Struct):
    actor: Reference | None = None


class Appointment(msgspec.Struct):
    status: str
    serviceType: list[Concept] | None = None
    slot: list[Reference] | None = None
    participant: list[Participant] | None = None
    extension: list[Extension] | None = None


class Belonging(msgspec.Struct):
    """Whose a Slot is: without a literal reference nobody knows, and its time would vanish."""

    reference: str


class Slot(msgspec.Struct):
    schedule: Belonging
    serviceType: list[Concept] | None = None
    extension: list[Extension] | None = None


class Identifier(msgspec.Struct):
    system: str | None = None
    value: str | None = None


class Contained(msgspec.Struct):
    """A resource inside a proposal; its times and its status are judged with it."""

    resourceType: str
    status: str | None = None
    schedule: Reference | None = None
    serviceType: list[Concept] | None = None
    extension: list[Extension] | None = None


class Proposal(msgspec.Struct):
    """An Appointment as it is sent to be booked."""

    resourceType: str
    serviceType: list[Concept] | None = None
    identifier: list[Identifier] | None = None
    contained: list[Contained] | None = None
    participant: list[Participant] | None = None
    extension: list[Extension] | None = None


class Other(msgspec.Struct):
    """An actor, or anything else."""

    extension: list[Extension] | None = None


_SHAPES: dict[str, type[msgspec.Struct]] = {
    "HealthcareService": HealthcareService,
    "Schedule": Schedule,
    "Appointment": Appointment,
    "Slot": Slot,
}


def fault(resource: Any) -> str | None:
    """What makes this no FHIR resource, or None."""
    if not isinstance(resource, dict):
        return "is not a JSON object; put resources in a Bundle, or one on each line (NDJSON)"
    element: Json = resource  # type: ignore[reportUnknownVariableType]
    kind, id = element.get("resourceType"), element.get("id")
    if kind is None:
        return "has no resourceType, so it is not a FHIR resource"
    if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
        return f"has the resourceType {kind!r:.60}, which is not a FHIR type"
    if id is not None and not (isinstance(id, str) and _ID.fullmatch(id)):
        return f"has the id {id!r:.80}; an id is 1 to 64 letters, digits, '-' or '.'"
    if kind == "Slot":
        status = element.get("status")
        if not isinstance(status, str) or status not in SLOT_STATUSES:
            known = ", ".join(sorted(SLOT_STATUSES))
            return f"is not a FHIR Slot: status must be one of {known}, got {status!r:.60}"
        if is_plain_slot(element):
            return None
    if nests_too_deeply(element):
        return f"is nested more than {DEPTH_MOST} levels deep"
    try:
        msgspec.convert(element, _SHAPES.get(kind, Other), dec_hook=_decode)
    except msgspec.ValidationError as error:
        return f"is not a FHIR {kind}: {error}".replace("`$.", "`")
    return None


def proposal_fault(appointment: Json) -> str | None:
    """What makes this no Appointment that could be booked, or None."""
    try:
        text = orjson.dumps(appointment)
    except TypeError as error:
        return str(error)
    # What opens fewer brackets than that is not nested that deeply.
    if text.count(b"{") + text.count(b"[") > DEPTH_MOST and nests_too_deeply(appointment):
        return f"is nested more than {DEPTH_MOST} levels deep"
    try:
        msgspec.convert(appointment, Proposal, dec_hook=_decode)
    except msgspec.ValidationError as error:
        return str(error).replace("`$.", "`")
    return None


def nests_too_deeply(resource: Json) -> bool:
    """Is it deeper than DEPTH_MOST?"""
    level: list[Any] = [resource]
    for _ in range(DEPTH_MOST):
        level = [child for one in level for child in containers(one)]
        if not level:
            return False
    return True


def is_plain_slot(slot: Json) -> bool:
    """Has it nothing but the required elements, a comment and a version, and so no reference but its schedule's?

    A calendar has hundreds of thousands of these.
    """
    schedule = slot.get("schedule")
    if schedule.__class__ is not dict or "serviceType" in slot or "extension" in slot:
        return False
    more = len(slot) - 6
    if more > 0:
        meta = slot.get("meta")
        if meta.__class__ is dict and all(value.__class__ is str for value in meta.values()):  # type: ignore
            more -= 1
        if slot.get("comment").__class__ is str:
            more -= 1
    return more <= 0 and len(schedule) == 1 and schedule.get("reference").__class__ is str  # type: ignore


def _decode(kind: type, value: Any) -> Any:
    if kind is Bound:
        if not (isinstance(value, str) and is_readable_bound(value)):
            raise ValueError(f"Expected a date, or an instant with an offset, got {value!r:.60}")
    elif kind is Day and value not in DAYS:
        raise ValueError(f"Expected one of {', '.join(DAYS)}, got {value!r:.60}")
    elif kind is Time and wall_ms(value) is None:
        raise ValueError(f"Expected a time such as 09:00:00, got {value!r:.60}")
    return kind()
