"""Operation parameters as they are sent: a query, or a Parameters resource (specification, find 1, operations 1)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidRequest, Unsupported
from ..references import Json
from .declared import INTEGERS, Declaration, Parameter

Query = Mapping[str, str | Sequence[str]]

_LEADING_INTEGER = re.compile(r"-?[0-9]+", re.ASCII)


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

    def has(self, name: str) -> bool:
        """Is there such a parameter with a value?"""
        return bool(self._given(name))

    def require(self, parameters: Sequence[Parameter]) -> None:
        """Row 1: the first required parameter that is missing."""
        for one in parameters:
            given = self._given(one.name)
            if one.min and not (any(value.strip(", ") for value in given) if one.max == "*" else given):
                raise required(one)

    def text(self, parameter: Parameter) -> str | None:
        """The one value of a date, a code or a reference."""
        values = self._given(parameter.name)
        if len(values) > 1:
            raise _repeated(parameter, len(values))
        if not values:
            return None
        # A `+` before an offset that nobody escaped arrives as a blank.
        return re.sub(r" (?=\d\d:\d\d$)", "+", values[0]) if parameter.type == "dateTime" else values[0]

    def integer(self, parameter: Parameter) -> int | None:
        """The one value; the parameter's default if there is none."""
        value = self.text(parameter)
        if value is None:
            return parameter.default
        match = _LEADING_INTEGER.match(value)
        if match is None:
            raise _unreadable(value, parameter)
        return int(match.group()[:19])

    def references(self, parameter: Parameter) -> list[RawMember]:
        """Every occurrence, with its place."""
        given = enumerate(self._values.get(parameter.name, ()))
        return [RawMember(value.strip(), place) for place, value in given if value.strip()]

    def element(self, parameter: Parameter) -> Json | None:  # noqa: ARG002
        """Elements cannot be written in a query."""
        return None

    def pools(self, parameter: Parameter) -> list[RawPool]:
        """The pools; occurrences without a member count as absent."""
        found = (RawPool(i, _split(value)) for i, value in enumerate(self._values.get(parameter.name, ())))
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

    def has(self, name: str) -> bool:
        """Is there such a parameter, whatever its value?"""
        return any(one.get("name") == name for one in self._parameters)

    def require(self, parameters: Sequence[Parameter]) -> None:
        """Row 1: the first required parameter that is missing."""
        for one in parameters:
            if one.min and not (self.pools(one) if one.max == "*" else self._given(one.name, one.kinds)):
                raise missing(one)

    def _single(self, parameter: Parameter) -> Any:
        values = self._given(parameter.name, parameter.kinds)
        if len(values) > 1:
            raise _repeated(parameter, len(values))
        return values[0] if values else None

    def text(self, parameter: Parameter) -> str | None:
        """The one value of a date, a code or a reference."""
        return self._single(parameter)

    def integer(self, parameter: Parameter) -> int | None:
        """The one value; the parameter's default if there is none."""
        value = self._single(parameter)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise _unreadable(value, parameter)
        return parameter.default if value is None else value

    def references(self, parameter: Parameter) -> list[RawMember]:
        """Every occurrence, with its place."""
        found = ((place, _value(one, parameter.kinds)) for place, one in enumerate(self._occurrences(parameter)))
        return [RawMember(value, place) for place, value in found if value]

    def element(self, parameter: Parameter) -> Json | None:
        """The value of an element such as valueCodeableConcept."""
        [kind] = parameter.kinds
        found = [one[kind] for one in self._occurrences(parameter) if isinstance(one.get(kind), dict)]
        if len(found) > 1:
            raise _repeated(parameter, len(found))
        return found[0] if found else None

    def resource(self, parameter: Parameter) -> Json:
        """The one resource of a type. Raises InvalidRequest if there is none, or several."""
        given = (one.get("resource") for one in self._occurrences(parameter))
        found: list[Any] = [one for one in given if isinstance(one, dict) and one.get("resourceType") == parameter.type]  # type: ignore[reportUnknownMemberType]
        if len(found) != 1:
            raise _repeated(parameter, len(found))
        return found[0]

    def pools(self, parameter: Parameter) -> list[RawPool]:
        """The pools, by comma list or by `part`; occurrences without a member count as absent."""
        found: list[RawPool] = []
        for place, one in enumerate(self._occurrences(parameter)):
            if isinstance(one.get("part"), list):
                parts: list[Any] = one["part"]
                members = tuple(
                    RawMember(reference, index)
                    for index, part in enumerate(parts)
                    if isinstance(part, dict)
                    and part.get("name") == parameter.name  # type: ignore[reportUnknownMemberType]
                    and (reference := _value(part, parameter.kinds))  # type: ignore[reportUnknownArgumentType]
                )
            elif isinstance(one.get("valueString"), str):
                members = _split(one["valueString"])
            else:
                reference = _value(one, parameter.kinds)
                members = (RawMember(reference, None),) if reference else ()
            if members:
                found.append(RawPool(place, members))
        return found

    def _occurrences(self, parameter: Parameter) -> list[Json]:
        return [one for one in self._parameters if one.get("name") == parameter.name]


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
            if kind in INTEGERS or isinstance(value, str):
                return value
    return None


def check_removed(request: Request, operation: Declaration) -> None:
    """Parameters of earlier interfaces, where what took their place is not given. Raises Unsupported."""
    for one in operation.removed:
        if request.has(one.name) and not request.has(one.replacement):
            was = f"Parameter '{one.name}' of {operation.name} is no longer supported"
            raise Unsupported(f"{was}, use '{one.replacement}': {one.hint}")


def check_bounds(parameter: Parameter, value: int | None, expression: str | Sequence[str] = ()) -> None:
    """Raises InvalidRequest for an integer out of bounds."""
    if value is not None and parameter.least is not None and value < parameter.least:
        raise InvalidRequest(f"Invalid {parameter.name}, minimum required is {parameter.least}", expression)
    if value is not None and parameter.most is not None and value > parameter.most:
        raise InvalidRequest(f"Invalid {parameter.name}, maximum allowed is {parameter.most}", expression)


def check_between(parameter: Parameter, value: int | None) -> None:
    """The same, as it is said where both bounds are close. Raises InvalidRequest."""
    least, most = parameter.least, parameter.most
    assert least is not None and most is not None
    if value is not None and not least <= value <= most:
        raise InvalidRequest(f"Invalid {parameter.name}, must be between {least} and {most}", parameter.path)


def required(parameter: Parameter) -> InvalidRequest:
    """A required parameter is missing: as it is said of queries."""
    return InvalidRequest(f"Expected at least 1 value(s) for required input parameter '{parameter.name}'")


def missing(parameter: Parameter) -> InvalidRequest:
    """The same as it is said of bodies."""
    return _repeated(parameter, 0)


def _repeated(parameter: Parameter, count: int) -> InvalidRequest:
    card = parameter.cardinality
    return InvalidRequest(f"Expected {card} value(s) for input parameter {parameter.name}, but {count} provided")


def _unreadable(value: object, parameter: Parameter) -> InvalidRequest:
    shown = value if isinstance(value, str | int | float) else "…"
    return InvalidRequest(f"Invalid value '{shown}' provided for {parameter.type} parameter '{parameter.name}'")


Request = QueryRequest | BodyRequest
