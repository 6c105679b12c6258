"""What searches look resources up by beside claims: identifiers, actors, days, and Slots without a claim."""

from __future__ import annotations

from typing import Any, cast

from ...solver.civil import DAY_MS, iso_date
from ..instants import instant_ms
from ..references import Json, target

IDENTIFIER, ACTOR, START, IDLE = "identifier", "actor", "start", "idle"
_ACTORS = {"Schedule": ("actor",), "Appointment": ("participant", "actor")}


def term(name: str, value: str) -> str:
    """A term as the table has it."""
    return f"{name}={value}"


def terms_of(kind: str, resource: Json) -> frozenset[str]:
    """The values of its identifiers, who takes part, and the day (in UTC) on which an Appointment starts."""
    found = {term(IDENTIFIER, one["value"]) for one in _under(resource, "identifier") if _is_text(one.get("value"))}
    elements = [resource]
    for step in _ACTORS.get(kind, ()):
        elements = [one for element in elements for one in _under(element, step)]
    if kind in _ACTORS:
        names = (target(one.get("reference")) for one in elements)
        found |= {term(ACTOR, str(name)) for name in names if name is not None}
    start_ms = instant_ms(resource.get("start")) if kind == "Appointment" else None
    if start_ms is not None:
        found.add(day_term(start_ms))
    return frozenset(found)


def day_term(at_ms: int) -> str:
    """The term of the day in UTC; the terms of days are in their order."""
    return term(START, iso_date(at_ms // DAY_MS))


def _under(element: Json, name: str) -> list[Json]:
    """The objects under a name, one or several."""
    if name not in element:
        return []
    value: Any = element[name]
    several = cast("list[Any]", value) if isinstance(value, list) else [value]
    return [cast(Json, one) for one in several if isinstance(one, dict)]


def _is_text(value: object) -> bool:
    return isinstance(value, str)
