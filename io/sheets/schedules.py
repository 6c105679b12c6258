"""The tables of schedules and hours into HealthcareServices, actors and Schedules.

Every row of `schedules` is one schedule with one service. What it says stands in the Schedule's parameters for that
service, so that two schedules may differ; the HealthcareService has only its name and the hours given for it alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .. import urls
from ..errors import LoadError
from ..references import Json
from ..sources import Document
from ..zones import Zones
from .cells import clock, id_of, minutes, weekdays, whole, zone_name
from .reading import Row

_KINDS = {
    "": "Practitioner", "practitioner": "Practitioner", "room": "Location", "location": "Location", "device": "Device",
}  # fmt: skip
_LENGTHS = {
    "duration": "duration", "buffer_before": "bufferBefore", "buffer_after": "bufferAfter",
    "interval": "alignmentInterval", "offset": "alignmentOffset",
}  # fmt: skip
"""Columns, and the fields of SchedulingParameters they fill."""

Hours = dict[tuple[str, str], list[Row]]
"""Rows of `hours` by schedule and service; an empty one means all of them."""


@dataclass(slots=True)
class _Schedule:
    """What the rows of one schedule say together."""

    id: str
    kind: str
    name: str
    zone: str
    place: str
    rows: dict[str, Row] = field(default_factory=dict[str, Row])


def resources_of(rows: list[Row], hours: list[Row]) -> Iterator[Document]:
    """The resources of both tables, each with the line that it comes from. Raises LoadError."""
    schedules, services = _schedules(rows), _services(rows)
    by_target = _hours(hours, schedules, services)
    for id, row in services.items():
        yield _document(_service(id, row, by_target.get(("", id), [])), row.place)
    for one in schedules.values():
        yield _document(_actor(one), one.place)
        yield _document(_schedule(one, by_target, services), one.place)


def _document(resource: Json, place: str) -> Document:
    return Document(resource, place, may_have_links=False)


def _schedules(rows: list[Row]) -> dict[str, _Schedule]:
    zones = Zones()
    found: dict[str, _Schedule] = {}
    for row in rows:
        id = id_of(row, "id", row.needed("id", "Give each schedule an id such as dr-ames."))
        kind = _KINDS.get(row.text("kind").casefold())
        if kind is None:
            raise row.wrong("kind", f"; expected one of {', '.join(filter(None, _KINDS))}.")
        zone = zone_name(row, zones)
        one = found.setdefault(id, _Schedule(id, kind, row.text("name"), zone, row.place))
        for column, given, first in (
            ("timezone", zone, one.zone),
            ("kind", kind, one.kind),
            ("name", row.text("name") or one.name, one.name),
        ):
            if given != first:
                raise row.wrong(column, f", but {one.place} says {first!r} for {id}. Make them the same.")
        service = _service_id(row)
        if service in one.rows:
            raise row.wrong(
                "service", f", which {id} has already in {one.rows[service].place}. Remove one of the lines."
            )
        one.rows[service] = row
    return found


def _service_id(row: Row) -> str:
    return id_of(row, "service", row.needed("service", "Give the id of a service such as check-up."))


def _services(rows: list[Row]) -> dict[str, Row]:
    """By id the row that names the service first; names must not contradict each other."""
    found: dict[str, Row] = {}
    for row in rows:
        id = _service_id(row)
        first = found.setdefault(id, row)
        if row.text("service_name") and not first.text("service_name"):
            first = found[id] = row
        if row.text("service_name") not in ("", first.text("service_name")):
            raise row.wrong(
                "service_name", f", but {first.place} says {first.text('service_name')!r} for {id}. Make them the same."
            )
    return found


def _hours(rows: list[Row], schedules: dict[str, _Schedule], services: dict[str, Row]) -> Hours:
    found: Hours = {}
    for row in rows:
        schedule, service = row.text("schedule"), row.text("service")
        if not schedule and not service:
            raise LoadError(f"{row.place}: columns 'schedule' and 'service' are empty. Say whose hours these are.")
        if schedule and schedule not in schedules:
            raise row.wrong("schedule", ", which no table of schedules that is read with it names. Give both tables.")
        if service and service not in (schedules[schedule].rows if schedule else services):
            who = f"{schedule} in the table of schedules" if schedule else "the table of schedules"
            raise row.wrong("service", f", which is no service of {who}. Add a line for it there.")
        found.setdefault((schedule, service), []).append(row)
    return found


def _service(id: str, row: Row, hours: list[Row]) -> Json:
    service: Json = {
        "resourceType": "HealthcareService",
        "id": id,
        "active": True,
        "name": row.text("service_name") or id,
    }
    if hours:
        service["availableTime"] = [_available(one) for one in hours]
    return service


def _available(row: Row) -> Json:
    return {
        "daysOfWeek": weekdays(row),
        "availableStartTime": clock(row, "from"),
        "availableEndTime": clock(row, "to"),
    }


def _actor(one: _Schedule) -> Json:
    zone = {"url": urls.TIMEZONE, "valueCode": one.zone}
    actor: Json = {"resourceType": one.kind, "id": one.id, "extension": [zone]}
    name = one.name or one.id
    if one.kind == "Practitioner":
        return {**actor, "name": [{"text": name}]}
    if one.kind == "Location":
        return {**actor, "name": name}
    return {**actor, "deviceName": [{"name": name, "type": "user-friendly-name"}]}


def _schedule(one: _Schedule, hours: Hours, services: dict[str, Row]) -> Json:
    parameters: list[Json] = []
    if (one.id, "") in hours:
        parameters.append(_parameters([_availability(hours[one.id, ""])]))
    for service, row in one.rows.items():
        fields = [{"url": "service", "valueReference": {"reference": f"HealthcareService/{service}"}}]
        parameters.append(_parameters([*fields, *_fields(row, hours.get((one.id, service), []))]))
    return {
        "resourceType": "Schedule",
        "id": one.id,
        "active": True,
        "extension": parameters,
        "serviceType": [service_type(id, services[id].text("service_name") or id) for id in one.rows],
        "actor": [{"reference": f"{one.kind}/{one.id}", "display": one.name or one.id}],
    }


def service_type(id: str, name: str) -> Json:
    """A CodeableConcept that refers to a service."""
    reference = {"reference": f"HealthcareService/{id}", "display": name}
    return {"extension": [{"url": urls.SERVICE_TYPE_REFERENCE, "valueReference": reference}]}


def _parameters(fields: list[Json]) -> Json:
    return {"url": urls.SCHEDULING_PARAMETERS, "extension": fields}


def _fields(row: Row, hours: list[Row]) -> Iterator[Json]:
    row.needed("duration", "Give the length of a visit in minutes.")
    for column, name in _LENGTHS.items():
        least = 1 if column in ("duration", "interval") else 0
        length = minutes(row, column, least=least)
        if length is None:
            continue
        if column == "interval" and length > 1440:
            raise row.wrong(column, "; expected at most 1440 minutes, a day.")
        yield {"url": name, "valueDuration": {"value": length, "unit": "min"}}
    capacity = whole(row, "capacity")
    if capacity is not None:
        yield {"url": "slotCapacity", "valuePositiveInt": capacity}
    if hours:
        yield _availability(hours)


def _availability(rows: list[Row]) -> Json:
    return {"url": "availability", "extension": [_available_extension(row) for row in rows]}


def _available_extension(row: Row) -> Json:
    days = [{"url": "daysOfWeek", "valueCode": day} for day in weekdays(row)]
    return {
        "url": "availableTime",
        "extension": [
            *days,
            {"url": "availableStartTime", "valueTime": clock(row, "from")},
            {"url": "availableEndTime", "valueTime": clock(row, "to")},
        ],
    }
