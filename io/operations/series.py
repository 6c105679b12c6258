"""Weekly series: the template judged, and the occurrences made from the first (operations.md, 7)."""

from __future__ import annotations

from typing import Any, cast

import orjson

from ...solver.civil import DAY_MS, MINUTE_MS, Zone
from .. import urls
from ..errors import InvalidRequest
from ..instants import instant_ms, utc_text_ms
from ..mapping import Series, recurrence_template
from ..parameters import ZoneName, extensions
from ..references import Json, children, unordered
from ..zones import Zones
from .proposal import ROOT, contained_slots, with_extension, without_extension

_UNSUPPORTED = "Unsupported recurrenceTemplate: "
_WEEKLY = "must be a weekly series on the first occurrence's weekday, as Appointment/$find returns it"


def read_series(appointment: Json, zones: Zones) -> Series | None:
    """The series an Appointment asks for, None if it is a single one. Raises InvalidRequest."""
    templates = list(extensions(appointment, urls.RECURRENCE_TEMPLATE))
    if len(templates) > 1:
        raise InvalidRequest(
            "Too many recurrenceTemplate extensions", [f"{ROOT}.extension[{index}]" for index, _ in templates]
        )
    for index, identifier in enumerate(children(appointment, "identifier")):
        if identifier.get("system") == urls.SERIES:
            raise InvalidRequest(
                "A series identifier is assigned to each occurrence of a recurring series, and must not be sent",
                f"{ROOT}.identifier[{index}]",
            )
    for index, _ in extensions(appointment, urls.RECURRENCE_ID):
        raise InvalidRequest(
            "recurrenceId is assigned to each occurrence of a recurring series, and must not be sent",
            f"{ROOT}.extension[{index}]",
        )
    if not templates:
        return None
    index, template = templates[0]
    return _read_template(appointment, template, f"{ROOT}.extension[{index}]", zones)


def _read_template(appointment: Json, template: Json, path: str, zones: Zones) -> Series:
    """Rows 4 to 8."""
    count = _first(template, "occurrenceCount").get("valuePositiveInt")
    if not isinstance(count, int) or isinstance(count, bool) or not 2 <= count <= 6:
        raise InvalidRequest(f"{_UNSUPPORTED}occurrenceCount must be an integer between 2 and 6", path)
    for element, at in [(appointment, ROOT), *contained_slots(appointment)]:
        for name in ("start", "end"):
            if instant_ms(element.get(name)) is None:
                raise InvalidRequest(
                    "Times in a recurring series must be instants, with a timezone offset", f"{at}.{name}"
                )
    name = _zone_name(template)
    zone = zones.get(name) if name is not None else None
    if name is None or zone is None:
        raise InvalidRequest(f"{_UNSUPPORTED}timezone must be an IANA timezone", path)
    series = Series(count, ZoneName(name, zone))
    start_ms = _ms(appointment["start"])
    if unordered(template) != unordered(recurrence_template(start_ms // MINUTE_MS, series)):
        raise InvalidRequest(f"{_UNSUPPORTED}{_WEEKLY}", path)
    for week in range(1, count):
        day, wall_ms = _wall(start_ms, zone)
        if not zone.exists(day + 7 * week, wall_ms // 1000):
            text = f"occurrence {week + 1} falls at a local time that doesn't exist in {name}"
            raise InvalidRequest(f"{_UNSUPPORTED}{text}", path)
    return series


def _first(template: Json, url: str) -> Json:
    return next((one for _, one in extensions(template, url)), Json())


def _zone_name(template: Json) -> str | None:
    # Nobody has judged the shape of this element: it is part of no other resource that is read.
    concept: Any = _first(template, "timezone").get("valueCodeableConcept")
    codings: Any = cast(Json, concept).get("coding") if isinstance(concept, dict) else None
    first: Any = cast(list[Any], codings)[0] if isinstance(codings, list) and codings else None
    name: Any = cast(Json, first).get("code") if isinstance(first, dict) else None
    return name if isinstance(name, str) else None


def _ms(text: str) -> int:
    found = instant_ms(text)
    assert found is not None
    return found


def _wall(at_ms: int, zone: Zone) -> tuple[int, int]:
    """Day and milliseconds of the day on the clock of the zone."""
    return divmod(at_ms + zone.offset(at_ms // 1000) * 1000, DAY_MS)


def occurrences(appointment: Json, series: Series, series_id: str) -> list[Json]:
    """The Appointments of the series, each as it would be sent by itself."""
    start_ms = _ms(appointment["start"])
    day, wall_ms = _wall(start_ms, series.zone.zone)
    mark = {"system": urls.SERIES, "value": series_id}
    found: list[Json] = []
    for week in range(series.occurrences):
        moved_by = series.zone.zone.instant_ms(day + 7 * week, wall_ms) - start_ms if week else 0
        one = _moved(appointment, moved_by)
        if week:
            one.pop("requestedPeriod", None)
            one = without_extension(one, urls.RECURRENCE_TEMPLATE)
        one = with_extension(one, {"url": urls.RECURRENCE_ID, "valuePositiveInt": week + 1})
        one["identifier"] = [*children(one, "identifier"), mark]
        found.append(one)
    return found


def _moved(appointment: Json, by_ms: int) -> Json:
    """A copy whose times, and those of its Slots, are later by so much, as UTC instants with milliseconds."""
    copy: Json = orjson.loads(orjson.dumps(appointment))
    for element, _ in [(copy, ""), *contained_slots(copy)]:
        for name in ("start", "end"):
            element[name] = utc_text_ms(_ms(element[name]) + by_ms)
    return copy


def prefix(number: int, total: int, start: str) -> str:
    """What stands before a refusal of one occurrence."""
    return f"Appointment {number} of {total} ({start}): "
