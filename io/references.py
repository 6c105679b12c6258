"""Getting about in FHIR's JSON: elements that may be absent, and literal references `Type/id`."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import orjson

Json = dict[str, Any]


def child(element: Json, name: str) -> Json:
    """The object under a name, empty if absent."""
    return element.get(name) or {}


def children(element: Json, name: str) -> list[Json]:
    """The objects under a name, none if absent."""
    return element.get(name) or []


class Target(NamedTuple):
    type: str
    id: str

    def __str__(self) -> str:
        return f"{self.type}/{self.id}"


def target(reference: object) -> Target | None:
    """Type and id of `Type/id`; anything after a second `/` is ignored (specification, model 3.1)."""
    return _target(reference) if isinstance(reference, str) else None


@lru_cache(maxsize=4096)
def _target(reference: str) -> Target | None:
    kind, slash, rest = reference.partition("/")
    id = rest.partition("/")[0]
    return Target(kind, id) if slash and kind and id else None


def same_target(reference: str, kind: str, id: str) -> bool:
    """Does the reference name this resource?"""
    return target(reference) == (kind, id)


def containers(value: Any) -> list[Any]:
    """The objects and lists directly inside some JSON."""
    elements: Any = value.values() if isinstance(value, dict) else value  # type: ignore[reportUnknownMemberType]
    return [one for one in elements if isinstance(one, dict | list)]


def unordered(value: Any) -> Any:
    """Some JSON with its lists sorted, to compare where order is free."""
    if isinstance(value, dict):
        return {name: unordered(one) for name, one in value.items()}  # type: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        several: list[Any] = [unordered(one) for one in value]  # type: ignore[reportUnknownVariableType]
        return sorted(several, key=lambda one: orjson.dumps(one, option=orjson.OPT_SORT_KEYS))
    return value
