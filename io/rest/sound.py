"""Resources as clients send them: judged, and cleaned of what only answers have."""

from __future__ import annotations

from typing import Any, cast

import orjson

from .. import urls
from ..errors import InvalidRequest
from ..instants import instant_ms
from ..ledger.state import schedule_of
from ..references import Json, containers
from ..resources import fault


def sound(body: object, kind: str, base: str) -> Json:
    """A copy of the resource that was sent, with references below the base made relative. Raises InvalidRequest."""
    if not isinstance(body, dict):
        raise InvalidRequest("Invalid request body", diagnostics=f"expected a {kind} as JSON")
    given: Any = cast(Json, body).get("resourceType")
    if given != kind:
        raise InvalidRequest(f"resourceType is {given!r:.80}, expected '{kind}'", "resourceType")
    try:
        copy: Json = orjson.loads(orjson.dumps(body))
    except TypeError as error:
        raise InvalidRequest("Invalid request body", diagnostics=str(error)) from error
    found = fault(copy)
    if found is not None:
        raise InvalidRequest(f"The {kind} {found}.", kind)
    _without_hits(copy)
    _make_relative(copy, f"{base}/" if base else None)
    if kind == "Slot":
        _check_slot(copy)
    return copy


def _without_hits(resource: Json) -> None:
    """What an answer said about bookings hit is no part of the resource."""
    if resource.get("extension"):
        left = [one for one in resource["extension"] if one.get("url") != urls.BOOKING_HIT]
        resource["extension"] = left
        if not left:
            del resource["extension"]


def _make_relative(resource: Json, prefix: str | None) -> None:
    if prefix is None:
        return
    left: list[Any] = [resource]
    while left:
        one = left.pop()
        reference: Any = cast(Json, one).get("reference") if isinstance(one, dict) else None
        if isinstance(reference, str) and reference.startswith(prefix):
            cast(Json, one)["reference"] = reference.removeprefix(prefix)
        left += containers(one)


def _check_slot(slot: Json) -> None:
    """A Slot whose schedule or times nobody can read would keep its schedule from being used, or take no time."""
    if schedule_of(slot) is None:
        reference = slot["schedule"]["reference"]
        raise InvalidRequest(f"'{reference:.120}' is no reference such as Schedule/x", "Slot.schedule")
    if slot["status"] == "entered-in-error":
        return
    start_ms, end_ms = instant_ms(slot.get("start")), instant_ms(slot.get("end"))
    if start_ms is None or end_ms is None:
        raise InvalidRequest("Slot has invalid start or end time", "Slot.start" if start_ms is None else "Slot.end")
    if end_ms < start_ms:
        raise InvalidRequest("Slot has end time before start time", "Slot.end")
