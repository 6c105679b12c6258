"""The rules in force of schedules for a service as a Parameters resource; its shape is that of docs/explain.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..solver.civil import MINUTE_MS
from .layers import Origin, Resolution, closure_of, origin, resolutions
from .parameters import OpenEntry, TimingLimit, ZoneName
from .prepared import Examined
from .references import Json
from .resources import DAYS

_DURATIONS = ("duration", "bufferBefore", "bufferAfter", "alignmentInterval", "alignmentOffset", "holdDuration")


def write_rules(schedules: Sequence[Examined], *, with_service: bool = False) -> Json:
    """One `schedule` parameter for each, which may name the service too.

    Raises ParameterFault where parameters do not resolve.
    """
    return {
        "resourceType": "Parameters",
        "parameter": [
            {
                "name": "schedule",
                "part": [
                    {"name": "schedule", "valueReference": {"reference": f"Schedule/{examined.id}"}},
                    *(_service(examined) if with_service else ()),
                    *(_field(one) for one in resolutions(examined)),
                    *_closures(examined),
                ],
            }
            for examined in schedules
        ],
    }


def _service(examined: Examined) -> Iterator[Json]:
    yield {"name": "service", "valueReference": {"reference": f"HealthcareService/{examined.service.id}"}}


def _field(found: Resolution) -> Json:
    return {"name": found.name, "part": [*_values(found), *_origin(found.origin)]}


def _values(found: Resolution) -> Iterator[Json]:
    """The value, or the values; nothing where there is none: no limit, holds that never expire, always open."""
    if found.value is None:
        return
    if found.name in _DURATIONS:
        yield _value("Duration", {"value": found.value, "unit": "min"})
    elif isinstance(found.value, ZoneName):
        yield _value("Code", found.value.name)
    elif found.name == "bookingLimit":
        limits: tuple[TimingLimit, ...] = found.value
        for one in limits:
            repeat = {"frequency": one.frequency, "period": one.period, "periodUnit": one.unit}
            yield _value("Timing", {"repeat": repeat})
    elif found.name == "availability":
        entries: tuple[OpenEntry, ...] = found.value
        for entry in entries:
            days = [{"name": "daysOfWeek", "valueCode": day} for day in days_of(entry)]
            opens, closes = (clock_text(at) for at in (entry.start_ms, entry.end_ms))
            times = [{"name": "start", "valueTime": opens}, {"name": "end", "valueTime": closes}]
            yield {"name": "hours", "part": [*days, *times]}
    else:
        yield _value("PositiveInt", found.value)


def days_of(entry: OpenEntry) -> list[str]:
    """The codes of an entry's days, from Monday."""
    return [day for place, day in enumerate(DAYS) if entry.days >> place & 1]


def clock_text(wall_ms: int) -> str:
    """`09:00:00`, with milliseconds where there are any."""
    minute, rest = divmod(wall_ms, MINUTE_MS)
    second, fraction = divmod(rest, 1000)
    return f"{minute // 60:02}:{minute % 60:02}:{second:02}{f'.{fraction:03}' if fraction else ''}"


def _closures(examined: Examined) -> Iterator[Json]:
    for entry in examined.resolved.closures:
        of = origin(examined, entry.place)
        assert of.path is not None, "a closure is stated somewhere"
        description, during = closure_of(examined, of.path)
        said = [] if description is None else [{"name": "description", "valueString": description}]
        yield {"name": "closure", "part": [*said, {"name": "during", "valuePeriod": during}, *_origin(of)]}


def _origin(found: Origin) -> list[Json]:
    path = [] if found.path is None else [{"name": "path", "valueString": found.path}]
    return [{"name": "layer", "valueCode": found.layer}, *path]


def _value(type: str, value: Any) -> Json:
    return {"name": "value", f"value{type}": value}
