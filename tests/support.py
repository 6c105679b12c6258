"""Builders of FHIR resources and short ways to ask `$find`, for tests that read like the specification."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from slotwright.io import invoke, open_calendar
from slotwright.solver.problem import Engine

PARAMETERS_URL = "https://medplum.com/fhir/StructureDefinition/SchedulingParameters"
SERVICE_REFERENCE_URL = "https://medplum.com/fhir/service-type-reference"
CAPACITY_URL = "https://medplum.com/fhir/StructureDefinition/SchedulingSlotCapacity"
TIMEZONE_URL = "http://hl7.org/fhir/StructureDefinition/timezone"
HOLD_EXPIRES_URL = "https://slotwright.dev/fhir/StructureDefinition/hold-expires"
TEMPLATE_URL = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Appointment.recurrenceTemplate"

Resource = dict[str, Any]
EVERY_DAY = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def duration(value: Any, unit: str = "min") -> Resource:
    return {"value": value, "unit": unit}


def hours(days: str | Sequence[str], start: str, end: str) -> Resource:
    """An `availableTime` sub-extension: hours("mon tue", "09:00:00", "17:00:00")."""
    return {
        "url": "availableTime",
        "extension": [
            *_days(days),
            {"url": "availableStartTime", "valueTime": start},
            {"url": "availableEndTime", "valueTime": end},
        ],
    }


def all_day(days: str | Sequence[str]) -> Resource:
    return {"url": "availableTime", "extension": [*_days(days), {"url": "allDay", "valueBoolean": True}]}


def closed(start: str | None = None, end: str | None = None) -> Resource:
    """A `notAvailableTime` sub-extension."""
    return {"url": "notAvailableTime", "extension": [{"url": "during", "valuePeriod": period(start, end)}]}


def period(start: str | None = None, end: str | None = None) -> Resource:
    return {key: value for key, value in (("start", start), ("end", end)) if value is not None}


def availability(*entries: Resource) -> Resource:
    return {"url": "availability", "extension": list(entries)}


def sub(name: str, value: Any) -> list[Resource]:
    """The sub-extensions of one field; a list makes several of them.

    Durations are numbers of minutes or (value, unit); bookingLimit is (frequency, period, unit);
    service is a bare id; availability is a list of `hours`, `all_day` and `closed`.
    """
    if name == "availability":
        return [availability(*value)]
    if isinstance(value, list):
        values: list[Any] = value  # type: ignore[reportUnknownVariableType]
        return [extension for one in values for extension in sub(name, one)]
    if name == "service":
        return [{"url": name, "valueReference": {"reference": f"HealthcareService/{value}"}}]
    if name in ("timezone", "alignmentTimezone"):
        return [{"url": name, "valueCode": value}]
    if name == "slotCapacity":
        return [{"url": name, "valuePositiveInt": value}]
    if name == "bookingLimit":
        frequency, length, unit = value
        repeat = {"frequency": frequency, "period": length, "periodUnit": unit}
        return [{"url": name, "valueTiming": {"repeat": repeat}}]
    length = duration(*value) if isinstance(value, tuple) else duration(value)  # type: ignore[reportUnknownArgumentType]
    return [{"url": name, "valueDuration": length}]


def parameters(**fields: Any) -> Resource:
    """A SchedulingParameters extension; fields in the order given: parameters(duration=30, bufferAfter=10)."""
    return {
        "url": PARAMETERS_URL,
        "extension": [extension for name, value in fields.items() for extension in sub(name, value)],
    }


def service(id: str = "checkup", *, params: Resource | None = None, **elements: Any) -> Resource:
    """A HealthcareService; without `params` its duration is 30 min on a 30-minute grid."""
    return {
        "resourceType": "HealthcareService",
        "id": id,
        "extension": [parameters(duration=30, alignmentInterval=30) if params is None else params],
        **elements,
    }


def practitioner(id: str, timezone: str | None = "Etc/UTC", kind: str = "Practitioner") -> Resource:
    actor: Resource = {"resourceType": kind, "id": id}
    if timezone is not None:
        actor["extension"] = [{"url": TIMEZONE_URL, "valueCode": timezone}]
    return actor


def schedule(
    id: str,
    *params: Resource,
    actor: str | None = None,
    services: Iterable[str] = ("checkup",),
    horizon: tuple[str | None, str | None] | None = None,
    **elements: Any,
) -> Resource:
    """A Schedule of Practitioner/<id> (or `actor`), schedulable for `services`."""
    resource: Resource = {
        "resourceType": "Schedule",
        "id": id,
        "actor": [{"reference": actor or f"Practitioner/{id}"}],
        "serviceType": [service_type(one) for one in services],
        "extension": list(params),
    }
    if horizon is not None:
        resource["planningHorizon"] = period(*horizon)
    resource.update(elements)
    return resource


def service_type(id: str, **elements: Any) -> Resource:
    """A CodeableConcept that refers to a service."""
    reference = {"url": SERVICE_REFERENCE_URL, "valueReference": {"reference": f"HealthcareService/{id}"}}
    return {**elements, "extension": [reference]}


def slot(
    id: str,
    schedule: str,
    start: str,
    end: str,
    status: str = "busy",
    *,
    capacity: int | None = None,
    **elements: Any,
) -> Resource:
    resource: Resource = {
        "resourceType": "Slot",
        "id": id,
        "schedule": {"reference": f"Schedule/{schedule}"},
        "status": status,
        "start": start,
        "end": end,
    }
    if capacity is not None:
        resource["extension"] = [{"url": CAPACITY_URL, "valuePositiveInt": capacity}]
    resource.update(elements)
    return resource


def appointment(
    id: str,
    slots: Iterable[str],
    *,
    service: str = "checkup",
    status: str = "booked",
    hold_expires: str | None = None,
    **elements: Any,
) -> Resource:
    resource: Resource = {
        "resourceType": "Appointment",
        "id": id,
        "status": status,
        "serviceType": [service_type(service)],
        "slot": [{"reference": f"Slot/{one}"} for one in slots],
        "participant": [{"actor": {"reference": "Patient/p"}, "status": "accepted"}],
    }
    if hold_expires is not None:
        resource["extension"] = [{"url": HOLD_EXPIRES_URL, "valueInstant": hold_expires}]
    resource.update(elements)
    return resource


def find(
    resources: Iterable[Resource],
    *,
    schedule: str | list[str],
    start: str,
    end: str,
    service: str = "HealthcareService/checkup",
    now: datetime | None = None,
    engine: Engine = "auto",
    **query: Any,
) -> tuple[int, Resource]:
    """`$find` as a GET; bare schedule names become Schedule/<name>, `count=` is `_count`, `_` in names is `-`."""
    pools = [schedule] if isinstance(schedule, str) else schedule
    calendar = open_calendar(resources)
    asked: dict[str, str | list[str]] = {
        "start": start,
        "end": end,
        "service-type-reference": service,
        "schedule": [",".join(f"Schedule/{one}" for one in pool.split(",")) for pool in pools],
    }
    for name, value in query.items():
        asked["_count" if name == "count" else name.replace("_", "-")] = str(value)
    return invoke(calendar, "Appointment/$find", query=asked, now=now, engine=engine)


def starts(answer: tuple[int, Resource]) -> list[str]:
    """The starts offered, `2026-03-16T13:30Z` each; the answer must be a searchset Bundle."""
    status, bundle = answer
    assert status == 200, bundle
    assert bundle["resourceType"] == "Bundle" and bundle["type"] == "searchset"
    return [f"{entry['resource']['start'][:16]}Z" for entry in bundle.get("entry", [])]


def times(answer: tuple[int, Resource]) -> list[str]:
    """The starts offered as `13:30`, for searches inside one UTC day."""
    return [start[11:16] for start in starts(answer)]


def chosen(answer: tuple[int, Resource]) -> list[tuple[str, ...]]:
    """For each proposal its start (13:30) and the schedules chosen, in pool order."""
    status, bundle = answer
    assert status == 200, bundle
    found: list[tuple[str, ...]] = []
    for entry in bundle.get("entry", []):
        proposal = entry["resource"]
        visits = [one for one in proposal["contained"] if one["status"] == "busy"]
        names = (one["schedule"]["reference"].removeprefix("Schedule/") for one in visits)
        found.append((proposal["start"][11:16], *names))
    return found


def refusal(answer: tuple[int, Resource]) -> tuple[int, str, str, list[str] | None]:
    """HTTP status, issue code, text and expression of an OperationOutcome with one error."""
    status, outcome = answer
    assert outcome["resourceType"] == "OperationOutcome", outcome
    (issue,) = outcome["issue"]
    assert issue["severity"] == "error"
    return status, issue["code"], issue["details"]["text"], issue.get("expression")


def _days(days: str | Sequence[str]) -> list[Resource]:
    names = days.split() if isinstance(days, str) else days
    return [{"url": "daysOfWeek", "valueCode": day} for day in names]
