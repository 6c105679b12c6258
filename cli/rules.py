"""`slotwright explain --parameters`: the rules in force, each with the layer it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from ..io.errors import InvalidRequest, NotFound
from ..io.layers import Origin, closure_of, origin, resolutions
from ..io.mapping import period_ms
from ..io.parameters import OpenEntry, ParameterFault, TimingLimit, ZoneName
from ..io.resolved import clock_text, days_of, write_rules
from ..io.rows import schedulable_services
from .describe import schedule_title
from .options import print_json
from .reasons import LAYER_WORDS
from .table import Keeps, render, title_of
from .text import count, moment_ms, printable, span_ms

if TYPE_CHECKING:
    from ..io.prepared import Examined
    from ..io.store import Store

_PIPED_WIDTH = 200
"""Columns where there is no terminal: paths stay in one piece."""

_UNITS = {"d": "day", "wk": "week", "mo": "month"}
_MINUTES = ("duration", "bufferBefore", "bufferAfter", "alignmentInterval", "alignmentOffset", "holdDuration")
_NOTHING = {"holdDuration": "holds never expire", "bookingLimit": "no limit", "availability": "always open"}


def print_rules(store: Store, service_id: str | None, schedule_ids: list[str], *, as_json: bool) -> None:
    """A table for each schedule, and without a service for each that it offers.

    Raises InvalidRequest where there is none, or parameters do not resolve.
    """
    services = {id: _offered(store, id) if service_id is None else [service_id] for id in schedule_ids}
    schedules = [_examined(store, one, id) for id, several in services.items() for one in several]
    if as_json:
        print_json(write_rules(schedules, with_service=service_id is None))
        return
    headers = [("Field", Keeps.WIDE), ("Value", Keeps.FOLDS), ("From", Keeps.FOLDS), ("Path", Keeps.FOLDS)]
    for number, examined in enumerate(schedules):
        if number:
            click.echo("")
        click.echo(f"{schedule_title(store, examined.id)} · {title_of(examined.service, examined)}\n")
        click.echo(render(headers, _rows(examined), elsewhere=_PIPED_WIDTH), nl=False)


def _offered(store: Store, schedule_id: str) -> list[str]:
    name = f"Schedule/{schedule_id}"
    found = [one for one in schedulable_services(store.read(name) or {}) if store.prepared.service(one) is not None]
    if not found:
        raise InvalidRequest(f"{name} offers no service; --service names one whose rules to print.", [name])
    return found


def _examined(store: Store, service_id: str, schedule_id: str) -> Examined:
    service = store.prepared.service(service_id)
    examined = None if service is None else store.prepared.examine(schedule_id, service)
    if examined is None:
        raise NotFound("Not found")
    if isinstance(examined.parameters, ParameterFault):
        roots = {"service": f"HealthcareService/{service_id}", "schedule": f"Schedule/{schedule_id}"}
        places = [roots[place.root] + place.path for place in examined.parameters.places]
        raise InvalidRequest(f"{examined.parameters.text} ({', '.join(places)}).", places)
    return examined


def _rows(examined: Examined) -> Iterator[list[str]]:
    for found in resolutions(examined):
        if found.name == "availability" and found.value:
            entries: tuple[OpenEntry, ...] = found.value
            for entry in entries:
                yield [found.name, _hours(entry), *_from(examined, origin(examined, entry.place))]
            continue
        for value in _values(found.name, found.value):
            yield [found.name, value, *_from(examined, found.origin)]
    for entry in examined.resolved.closures:
        of = origin(examined, entry.place)
        assert of.path is not None, "a closure is stated somewhere"
        yield ["closure", _closure(examined, of.path), *_from(examined, of)]
    if "planningHorizon" in examined.resource:
        yield [
            "planningHorizon",
            _period(examined, examined.resource["planningHorizon"]),
            "the schedule",
            "planningHorizon",
        ]


def _values(name: str, value: Any) -> list[str]:
    """A value in words, hours and limits one a line."""
    if value is None or value == ():
        return ["never open" if name == "availability" and value == () else _NOTHING[name]]
    if name in _MINUTES:
        return [f"{value} min"]
    if isinstance(value, ZoneName):
        return [printable(value.name)]
    if name == "bookingLimit":
        return [_limit(one) for one in value]
    return [str(value)]


def _limit(limit: TimingLimit) -> str:
    unit = _UNITS[limit.unit]
    return f"{count(limit.frequency, 'booking')} {f'a {unit}' if limit.period == 1 else f'in {limit.period} {unit}s'}"


def _hours(entry: OpenEntry) -> str:
    """`mon, tue 09:00 – 17:00`; the end of a night is on the next day."""
    days = ", ".join(days_of(entry))
    opens, closes = (clock_text(at).removesuffix(":00") for at in (entry.start_ms, entry.end_ms))
    if entry.start_ms == entry.end_ms == 0:
        return f"{days} all day"
    return f"{days} {opens} – {closes}{' of the next day' if entry.end_ms <= entry.start_ms else ''}"


def _closure(examined: Examined, path: str) -> str:
    description, during = closure_of(examined, path)
    return f"{'' if description is None else f'{printable(description)}, '}{_period(examined, during)}"


def _period(examined: Examined, period: dict[str, Any]) -> str:
    zone = examined.resolved.timezone.zone
    start, end = period_ms(period, zone)
    if start is not None and end is not None:
        return span_ms(start, end, zone)
    if start is not None:
        return f"from {moment_ms(start, zone)} on"
    return "without a time" if end is None else f"until {moment_ms(end, zone)}"


def _from(examined: Examined, found: Origin) -> tuple[str, str]:
    """The layer, and the path in its resource."""
    path = found.path or ""
    for resource in (f"Schedule/{examined.id}.", f"HealthcareService/{examined.service.id}."):
        path = path.removeprefix(resource)
    return LAYER_WORDS[found.layer], path
