"""Conditions of a search: `name:modifier=value,value`, as questions to a resource (FHIR R4, search.html, 3.1.1.4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidRequest
from ..references import Json, target
from .elements import FOREVER, Span, folded, reference_text, sought_span, stored_span, texts, tokens, walk
from .parameters import TARGETS, Parameter

_Test = Callable[[Any], bool]
_MODIFIERS = {"token": ("not",), "string": ("exact", "contains"), "date": (), "reference": ()}
_PREFIXED = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb)?(.*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Criterion:
    """One condition: some value at the parameter's path fits one of the values sought.

    Attributes
    ----------
    parameter, text
        Which, and how it was written.
    values
        The values as they were given, prefixes and systems included.
    is_plain
        Whether it has no modifier.
    """

    parameter: Parameter
    text: str
    values: tuple[str, ...]
    is_plain: bool
    _matches: Callable[[Sequence[Any]], bool]
    _absent: str | bool | None = None

    def fits(self, resource: Json) -> bool:
        found = walk(resource, self.parameter.path)
        if not found and self._absent is not None:
            found = [self._absent]
        return self._matches(found)


def criterion(parameter: Parameter, modifier: str, text: str, base: str) -> Criterion:
    """Raises InvalidRequest for a modifier that the parameter has not, or a value that cannot be read."""
    values = tuple(_split(text, ","))
    name = f"{parameter.name}:{modifier}" if modifier else parameter.name
    if modifier == "missing":
        if text not in ("true", "false"):
            raise InvalidRequest(f"Invalid value '{text:.80}' for search parameter '{name}', expected true or false")
        return Criterion(parameter, text, values, False, _is_empty if text == "true" else bool)
    if parameter.kind == "reference" and modifier[:1].isupper():
        values = tuple(one if "/" in one else f"{modifier}/{one}" for one in values)
    elif modifier and modifier not in _MODIFIERS[parameter.kind]:
        raise InvalidRequest(f"Modifier '{modifier:.40}' of search parameter '{parameter.name}' is not supported")
    tests = [_test(parameter, modifier, one, base) for one in values]

    def matches(found: Sequence[Any]) -> bool:
        return any(test(one) for one in found for test in tests)

    if modifier == "not":
        return Criterion(parameter, text, values, False, lambda found: not matches(found), parameter.absent)
    return Criterion(parameter, text, values, not modifier, matches, parameter.absent)


def _is_empty(found: Sequence[Any]) -> bool:
    return not found


def _test(parameter: Parameter, modifier: str, value: str, base: str) -> _Test:
    if parameter.kind == "token":
        return _token_test(value)
    if parameter.kind == "string":
        return _string_test(plain(value), modifier)
    if parameter.kind == "reference":
        return _reference_test(local(plain(value), base), TARGETS.get(parameter.name))
    return _date_test(parameter, value)


def _token_test(value: str) -> _Test:
    parts = _split(value, "|")
    system, code = (None, plain(parts[0])) if len(parts) == 1 else (plain(parts[0]), plain("|".join(parts[1:])))

    def test(found: Any) -> bool:
        # A code, unlike a Coding, is of the one system that its element is bound to.
        return any(
            (not code or one == code) and (system is None or of is None or of == system) for of, one in tokens(found)
        )

    return test


def _string_test(value: str, modifier: str) -> _Test:
    if modifier == "exact":
        return lambda found: value in texts(found)
    sought = folded(value)
    if modifier == "contains":
        return lambda found: any(sought in folded(one) for one in texts(found))
    return lambda found: any(folded(one).startswith(sought) for one in texts(found))


def local(reference: str, base: str) -> str:
    """A reference as it is stored: without the base."""
    return reference.removeprefix(f"{base}/") if base else reference


def _reference_test(value: str, kind: str | None) -> _Test:
    name = target(value)

    def test(found: Any) -> bool:
        text = reference_text(found)
        if text is None:
            return False
        stored = target(text)
        if kind is not None and (stored is None or stored.type != kind):
            return False
        if name is None and "/" not in value:
            return stored is not None and stored.id == value
        return text == value or (stored is not None and stored == name)

    return test


def _date_test(parameter: Parameter, value: str) -> _Test:
    prefix, sought = read_date(parameter, value)
    compare = _COMPARISONS[prefix]

    def test(found: Any) -> bool:
        span = stored_span(found)
        return span is not None and compare(span, sought)

    return test


def read_date(parameter: Parameter, value: str) -> tuple[str, Span]:
    """Prefix and time of a value. Raises InvalidRequest."""
    match = _PREFIXED.fullmatch(value)
    span = None if match is None else sought_span(match[2])
    if match is None or span is None:
        raise InvalidRequest(
            f"Invalid value '{value:.80}' for search parameter '{parameter.name}', expected a date or a time such as "
            "ge2026-03-10 or lt2026-03-10T09:00:00Z"
        )
    return match[1] or "eq", span


def _within(found: Span, sought: Span) -> bool:
    return sought.low <= found.low and found.high <= sought.high


_COMPARISONS: dict[str, Callable[[Span, Span], bool]] = {
    "eq": _within,
    "ne": lambda found, sought: not _within(found, sought),
    "gt": lambda found, sought: found.high > sought.high,
    "lt": lambda found, sought: found.low < sought.low,
    "ge": lambda found, sought: found.high > sought.high or _within(found, sought),
    "le": lambda found, sought: found.low < sought.low or _within(found, sought),
    "sa": lambda found, sought: found.low >= sought.high,
    "eb": lambda found, sought: found.high <= sought.low,
}
"""FHIR R4, search.html, 3.1.1.4.5."""


def bounds(criteria: Iterable[Criterion]) -> Span:
    """Where a point in time must lie to meet all of these conditions on dates: perhaps more, never less."""
    low, high = -FOREVER, FOREVER
    for one in criteria:
        spans = [_reach(*read_date(one.parameter, value)) for value in one.values] if one.is_plain else []
        if spans:
            low, high = max(low, min(span.low for span in spans)), min(high, max(span.high for span in spans))
    return Span(low, high)


def _reach(prefix: str, sought: Span) -> Span:
    if prefix in ("gt", "ge", "sa"):
        return Span(sought.low, FOREVER)
    if prefix in ("lt", "le", "eb"):
        return Span(-FOREVER, sought.high)
    return sought if prefix == "eq" else Span(-FOREVER, FOREVER)


def _split(text: str, mark: str) -> list[str]:
    r"""The parts between marks that no `\` stands before; the parts keep their `\`."""
    return re.findall(rf"((?:\\.|[^\\{re.escape(mark)}]|\\$)*)(?:{re.escape(mark)}|$)", text)[: _count(text, mark) + 1]


def _count(text: str, mark: str) -> int:
    return len(re.findall(re.escape(mark), re.sub(r"\\.", "", text)))


def plain(text: str) -> str:
    r"""A value with its `\,`, `\|`, `\$` and `\\` as the letters they stand for."""
    return re.sub(r"\\([\\,|$])", r"\1", text)
