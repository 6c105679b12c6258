"""The answer of `Appointment/$explain` as a Parameters resource; its shape is that of docs/explain.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ...solver.capacity import Claim
from ...solver.intervals import Pair
from ...solver.whynot import (
    Blocked,
    BufferBlocked,
    Closed,
    LimitReached,
    OffGrid,
    OutsideHorizon,
    OutsideHours,
    OutsideWindow,
    Reason,
)
from .. import names
from ..instants import utc_text
from ..layers import closure_of, origin, origin_of_label
from ..prepared import Examined
from ..references import Json
from ..store import Store
from .explain import Explanation, StartVerdict, Verdict


def write_parameters(store: Store, found: Explanation) -> Json:
    """The whole answer."""
    writer = _Writer(store)
    parameters = [_value("window", "Period", _period(found.window))]
    for one in found.left_out:
        parts = [_value("pool", "UnsignedInt", one.pool), _schedule(one.schedule_id), _value("kind", "Code", one.why)]
        parameters.append(_parts("left-out", parts))
    parameters += (writer.start(one) for one in found.starts)
    parameters.append(_summary(found))
    return {"resourceType": "Parameters", "parameter": parameters}


def write_summary(found: Explanation) -> Json:
    """Only how many starts are lost, and to what."""
    window = _value("window", "Period", _period(found.window))
    return {"resourceType": "Parameters", "parameter": [window, _summary(found)]}


def _summary(found: Explanation) -> Json:
    parts = [_value("starts", "UnsignedInt", found.total), _value("offered", "UnsignedInt", found.offered)]
    for why, count in found.lost.most_common():
        lost = [_value("kind", "Code", why.kind)]
        if why.pool is not None:
            lost.append(_value("pool", "UnsignedInt", why.pool))
        parts.append(_parts("lost", [*lost, _value("starts", "UnsignedInt", count)]))
    return _parts("summary", parts)


class _Writer:
    """Writes starts; stored Slots and Appointments are looked up once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._slots: dict[Claim, Json] = {}

    def start(self, found: StartVerdict) -> Json:
        parts = [_value("at", "Instant", utc_text(found.start)), _value("offered", "Boolean", found.is_offered)]
        for place, pool in enumerate(found.pools):
            parts += (self._verdict(place, one) for one in pool)
        if found.clash is not None:
            parts.append(_parts("reason", _clash(found, found.clash)))
        return _parts("start", parts)

    def _verdict(self, pool: int, found: Verdict) -> Json:
        examined = found.examined
        reasons = [self._reason(examined, one, None) for one in found.reasons]
        for week in found.weeks:
            reasons += (self._reason(examined, one, week.number) for one in week.reasons)
        return _parts(
            "schedule",
            [
                _value("pool", "UnsignedInt", pool),
                _schedule(examined.id, names.show(names.schedule_names(self._store, examined.resource), "")),
                _value("open", "Boolean", found.is_open),
                *reasons,
            ],
        )

    def _reason(self, examined: Examined, reason: Reason, occurrence: int | None) -> Json:
        parts = [_value("kind", "Code", reason.kind)]
        if occurrence is not None:
            parts.append(_value("occurrence", "PositiveInt", occurrence))
        match reason:
            case OffGrid(before, after):
                nearest = (("before", before), ("after", after))
                parts += (_value(name, "Instant", utc_text(at)) for name, at in nearest if at is not None)
            case OutsideHours():
                parts += _hours(examined, reason)
            case Closed():
                parts += _closed(examined, reason)
            case Blocked(minutes, claims, capacity):
                parts += _periods("period", minutes)
                parts.append(_value("capacity", "PositiveInt", capacity))
                parts += map(self._slot, claims)
            case BufferBlocked(minutes, claims):
                parts += _periods("period", minutes)
                parts += map(self._slot, claims)
            case OutsideHorizon(horizon):
                parts.append(_schedule(horizon.label.removeprefix("Schedule/") or examined.id))
                parts.append(_value("period", "Period", _bounds(horizon.start, horizon.end)))
            case LimitReached():
                limit = reason.limit
                repeat = {"frequency": limit.frequency, "period": limit.length, "periodUnit": limit.unit}
                parts.append(_value("limit", "Timing", {"repeat": repeat}))
                parts += _periods("period", [reason.period])
                parts += map(self._slot, reason.counted)
            case OutsideWindow(window):
                parts += _periods("period", [window])
            case _:
                pass
        return _parts("reason", parts)

    def _slot(self, claim: Claim) -> Json:
        """A Slot with the Appointments it is of, or what an earlier visit of the series asked for would take."""
        if claim not in self._slots:
            parts: list[Json] = []
            if claim.label.startswith("Slot/"):
                stored = self._store.read(claim.label) or {}
                parts.append(_value("reference", "Reference", {"reference": claim.label}))
                parts.append(_value("status", "Code", stored.get("status", "busy")))
                if stored.get("comment"):
                    parts.append(_value("comment", "String", stored["comment"]))
                parts += map(_appointment, self._store.users_of(claim.label.removeprefix("Slot/")))
            parts.append(_value("capacity", "PositiveInt", claim.tolerance))
            self._slots[claim] = _parts("slot", [*parts, *_periods("period", [(claim.start, claim.end)])])
        return self._slots[claim]


def _hours(examined: Examined, reason: OutsideHours) -> list[Json]:
    layer = origin(examined, examined.resolved.places["availability"])
    parts = [*_periods("missing", reason.missing), *_origin(*layer)]
    for piece in reason.pieces:
        of = _origin(*origin_of_label(examined, piece.label))
        parts.append(_parts("hours", [*_periods("period", [(piece.start, piece.end)]), *of]))
    return parts


def _closed(examined: Examined, reason: Closed) -> list[Json]:
    description, during = closure_of(examined, reason.closure.label)
    said = [] if description is None else [_value("description", "String", description)]
    of = _origin(*origin_of_label(examined, reason.closure.label))
    return [*said, _value("during", "Period", during), *_periods("period", [reason.closure[:2]]), *of]


def _clash(found: StartVerdict, clash: Sequence[int]) -> list[Json]:
    actors: dict[str, Json] = {}
    for place in clash:
        for one in found.pools[place]:
            if one.is_open:
                actors.setdefault(str(one.examined.actor_key), one.examined.actors[0])
    return [
        _value("kind", "Code", "combination"),
        *(_value("pool", "UnsignedInt", place) for place in clash),
        *(_value("actor", "Reference", actor) for actor in actors.values()),
    ]


def _appointment(appointment: Json) -> Json:
    parts = [
        _value("reference", "Reference", {"reference": f"Appointment/{appointment['id']}"}),
        _value("status", "Code", appointment.get("status", "")),
    ]
    return _parts("appointment", parts)


def _origin(layer: str, path: str | None) -> list[Json]:
    return [_value("layer", "Code", layer), *([] if path is None else [_value("path", "String", path)])]


def _schedule(id: str, display: str = "") -> Json:
    reference = {"reference": f"Schedule/{id}"}
    return _value("schedule", "Reference", {**reference, "display": display} if display else reference)


def _periods(name: str, pairs: Iterable[Pair]) -> list[Json]:
    return [_value(name, "Period", _period(pair)) for pair in pairs]


def _period(pair: Pair) -> Json:
    return _bounds(*pair)


def _bounds(start: int | None, end: int | None) -> Json:
    bounds = (("start", start), ("end", end))
    return {name: utc_text(at) for name, at in bounds if at is not None}


def _value(name: str, type: str, value: Any) -> Json:
    return {"name": name, f"value{type}": value}


def _parts(name: str, parts: list[Json]) -> Json:
    return {"name": name, "part": parts}
