"""Operation parameters as they are sent: a query, or a Parameters resource (specification, find 1, operations 1)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import InvalidRequest
from ..references import Json

Query = Mapping[str, str | Sequence[str]]
IntegerType = Literal["integer", "positiveInt"]

_LEADING_INTEGER = re.compile(r"-?[0-9]+", re.ASCII)
_DATE_TIMES = ("valueDateTime", "valueInstant", "valueDate", "valueString")
_REFERENCES = ("valueReference", "valueString", "valueUri")
_CODES = ("valueCode", "valueString")
_INTEGERS = ("valueInteger", "valuePositiveInt", "valueUnsignedInt")


@dataclass(frozen=True, slots=True)
class RawMember:
    """A schedule reference of a pool, and its place as written (None: it stands alone)."""

    reference: str
    place: int | None


@dataclass(frozen=True, slots=True)
class RawPool:
    """One occurrence of `schedule`, and its place among all occurrences."""

    place: int
    members: tuple[RawMember, ...]


class QueryRequest:
    """Parameters of a GET."""

    def __init__(self, query: Query) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in query.items():
            self._values[name] = [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)]

    def _given(self, name: str) -> list[str]:
        return [value for value in self._values.get(name, ()) if value]

    def require(self, names: Sequence[str]) -> None:
        """Row 1: the first required parameter that is missing."""
        for name in names:
            if not (any(value.strip(", ") for value in self._given(name)) if name == "schedule" else self._given(name)):
                raise InvalidRequest(f"Expected at least 1 value(s) for required input parameter '{name}'")

    def _single(self, name: str, *, required: bool) -> str | None:
        values = self._given(name)
        if len(values) > 1:
            raise _repeated(name, len(values), required=required)
        return values[0] if values else None

    def date_time(self, name: str) -> str | None:
        value = self._single(name, required=True)
        # A `+` before an offset that nobody escaped arrives as a blank.
        return None if value is None else re.sub(r" (?=\d\d:\d\d$)", "+", value)

    def reference(self, name: str, *, required: bool) -> str | None:
        return self._single(name, required=required)

    def integer(self, name: str, kind: IntegerType) -> int | None:
        value = self._single(name, required=False)
        if value is None:
            return None
        match = _LEADING_INTEGER.match(value)
        if match is None:
            raise _unreadable(value, kind, name)
        return int(match.group()[:19])

    def references(self, name: str) -> list[RawMember]:
        """Every occurrence, with its place."""
        given = enumerate(self._values.get(name, ()))
        return [RawMember(value.strip(), place) for place, value in given if value.strip()]

    def code(self, name: str) -> str | None:
        return self._single(name, required=False)

    def element(self, name: str, kind: str) -> Json | None:  # noqa: ARG002
        """Elements cannot be written in a query."""
        return None

    def pools(self, name: str) -> list[RawPool]:
        """The pools; occurrences without a member count as absent."""
        found = (RawPool(i, _split(value)) for i, value in enumerate(self._values.get(name, ())))
        return [pool for pool in found if pool.members]


class BodyRequest:
    """Parameters of a POST."""

    def __init__(self, body: object) -> None:
        if not isinstance(body, dict) or body.get("resourceType") != "Parameters":  # type: ignore[reportUnknownMemberType]
            raise InvalidRequest("Invalid request body")
        parameters: Any = body.get("parameter", [])  # type: ignore[reportUnknownMemberType]
        if not isinstance(parameters, list) or not all(isinstance(one, dict) for one in parameters):  # type: ignore[reportUnknownVariableType]
            raise InvalidRequest("Invalid request body")
        self._parameters: list[Json] = parameters

    def _given(self, name: str, kinds: Sequence[str]) -> list[Any]:
        values = (_value(one, kinds) for one in self._parameters if one.get("name") == name)
        return [value for value in values if value is not None and value != ""]

    def require(self, names: Sequence[str]) -> None:
        """Row 1: the first required parameter that is missing."""
        kinds = {"start": _DATE_TIMES, "end": _DATE_TIMES}
        for name in names:
            if name == "schedule":
                if not self.pools(name):
                    raise InvalidRequest(f"Expected 1..* value(s) for input parameter {name}, but 0 provided")
            elif not self._given(name, kinds.get(name, _REFERENCES)):
                raise InvalidRequest(f"Expected 1 value(s) for input parameter {name}, but 0 provided")

    def _single(self, name: str, kinds: Sequence[str], *, required: bool) -> Any:
        values = self._given(name, kinds)
        if len(values) > 1:
            raise _repeated(name, len(values), required=required)
        return values[0] if values else None

    def date_time(self, name: str) -> str | None:
        return self._single(name, _DATE_TIMES, required=True)

    def reference(self, name: str, *, required: bool) -> str | None:
        return self._single(name, _REFERENCES, required=required)

    def integer(self, name: str, kind: IntegerType) -> int | None:
        value = self._single(name, _INTEGERS, required=False)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise _unreadable(value, kind, name)
        return value

    def references(self, name: str) -> list[RawMember]:
        """Every occurrence, with its place."""
        occurrences = (one for one in self._parameters if one.get("name") == name)
        found = ((place, _value(one, _REFERENCES)) for place, one in enumerate(occurrences))
        return [RawMember(value, place) for place, value in found if value]

    def code(self, name: str) -> str | None:
        return self._single(name, _CODES, required=False)

    def element(self, name: str, kind: str) -> Json | None:
        """The value of an element such as valueCodeableConcept."""
        found = [one[kind] for one in self._parameters if one.get("name") == name and isinstance(one.get(kind), dict)]
        if len(found) > 1:
            raise _repeated(name, len(found), required=False)
        return found[0] if found else None

    def resource(self, name: str, kind: str) -> Json:
        """The one resource of a type. Raises InvalidRequest if there is none, or several."""
        given = (one.get("resource") for one in self._parameters if one.get("name") == name)
        found: list[Any] = [one for one in given if isinstance(one, dict) and one.get("resourceType") == kind]  # type: ignore[reportUnknownMemberType]
        if len(found) != 1:
            raise _repeated(name, len(found), required=True)
        return found[0]

    def pools(self, name: str) -> list[RawPool]:
        """The pools, by comma list or by `part`; occurrences without a member count as absent."""
        found: list[RawPool] = []
        occurrences = (one for one in self._parameters if one.get("name") == name)
        for place, parameter in enumerate(occurrences):
            if isinstance(parameter.get("part"), list):
                parts: list[Any] = parameter["part"]
                members = tuple(
                    RawMember(reference, index)
                    for index, part in enumerate(parts)
                    if isinstance(part, dict)
                    and part.get("name") == name  # type: ignore[reportUnknownMemberType]
                    and (reference := _value(part, _REFERENCES))  # type: ignore[reportUnknownArgumentType]
                )
            elif isinstance(parameter.get("valueString"), str):
                members = _split(parameter["valueString"])
            else:
                reference = _value(parameter, _REFERENCES)
                members = (RawMember(reference, None),) if reference else ()
            if members:
                found.append(RawPool(place, members))
        return found


def _split(value: str) -> tuple[RawMember, ...]:
    members = value.split(",")
    return tuple(RawMember(one.strip(), index) for index, one in enumerate(members) if one.strip())


def _value(parameter: Json, kinds: Sequence[str]) -> Any:
    """The value if it is of one of these kinds; references are read from Reference.reference."""
    for kind in kinds:
        if kind in parameter:
            value = parameter[kind]
            if kind == "valueReference":
                # A reference that says nothing must not widen the search by vanishing.
                found: Any = value.get("reference") if isinstance(value, dict) else None  # type: ignore[reportUnknownMemberType]
                return found if isinstance(found, str) and found else "?"
            if kind in _INTEGERS or isinstance(value, str):
                return value
    return None


def _repeated(name: str, count: int, *, required: bool) -> InvalidRequest:
    card = "1" if required else "0..1"
    return InvalidRequest(f"Expected {card} value(s) for input parameter {name}, but {count} provided")


def _unreadable(value: object, kind: IntegerType, name: str) -> InvalidRequest:
    shown = value if isinstance(value, str | int | float) else "…"
    return InvalidRequest(f"Invalid value '{shown}' provided for {kind} parameter '{name}'")


Request = QueryRequest | BodyRequest
