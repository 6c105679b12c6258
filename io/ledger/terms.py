"""What searches look resources up by beside claims: identifiers, actors, and the schedules of Slots without a claim."""

from __future__ import annotations

from typing import Any, cast

from ..references import Json, target

IDENTIFIER, ACTOR, IDLE = "identifier", "actor", "idle"
_ACTORS = {"Schedule": ("actor",), "Appointment": ("participant", "actor")}


def term(name: str, value: str) -> str:
    """A term as the table has it."""
    return f"{name}={value}"


def terms_of(kind: str, resource: Json) -> frozenset[str]:
    """The values of its identifiers, and who takes part."""
    found = {term(IDENTIFIER, one["value"]) for one in _under(resource, "identifier") if _is_text(one.get("value"))}
    elements = [resource]
    for step in _ACTORS.get(kind, ()):
        elements = [one for element in elements for one in _under(element, step)]
    if kind in _ACTORS:
        names = (target(one.get("reference")) for one in elements)
        found |= {term(ACTOR, str(name)) for name in names if name is not None}
    return frozenset(found)


def _under(element: Json, name: str) -> list[Json]:
    """The objects under a name, one or several."""
    if name not in element:
        return []
    value: Any = element[name]
    several = cast("list[Any]", value) if isinstance(value, list) else [value]
    return [cast(Json, one) for one in several if isinstance(one, dict)]


def _is_text(value: object) -> bool:
    return isinstance(value, str)
