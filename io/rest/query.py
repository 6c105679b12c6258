"""What a search asks: its conditions, order, page, and the parameters that are not known here."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote

import orjson

from ..errors import InvalidRequest
from ..references import Json
from .criteria import Criterion, criterion
from .parameters import Parameter, parameters_of

COUNT_MOST = 1000
COUNT_USUAL = 20
_SILENT = ("_format", "_pretty")
"""About the form of the answer, not about what is found."""

Query = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place after which a page begins: the sort keys and the id of the last resource before it."""

    keys: list[Any]
    id: str

    def text(self) -> str:
        return urlsafe_b64encode(orjson.dumps([*self.keys, self.id])).decode().rstrip("=")

    @staticmethod
    def read(text: str, order: Sequence[Order]) -> Cursor:
        """Raises InvalidRequest if it is not one of a search in this order."""
        try:
            found: Any = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except ValueError:
            found = None
        values = cast("list[Any]", found) if isinstance(found, list) else []
        kinds = [int if one.parameter.kind == "date" else str for one in order] + [str]
        fits = len(values) == len(kinds) and values[-1] is not None
        if not fits or any(type(one) not in (kind, type(None)) for one, kind in zip(values, kinds, strict=True)):
            raise InvalidRequest(f"Invalid _cursor '{text:.80}': take the link to the next page as it was given")
        return Cursor(values[:-1], str(values[-1]))


@dataclass(frozen=True, slots=True)
class Order:
    """One key of `_sort`."""

    parameter: Parameter
    is_descending: bool


@dataclass(frozen=True, slots=True)
class Search:
    """A search, read.

    Attributes
    ----------
    used
        Names and values as the `self` link gives them, without the cursor.
    ignored
        What was asked and is not known.
    """

    kind: str
    criteria: tuple[Criterion, ...]
    order: tuple[Order, ...]
    count: int
    cursor: Cursor | None
    is_count_only: bool
    wants_total: bool
    used: tuple[tuple[str, str], ...]
    ignored: tuple[str, ...]

    def fits(self, resource: Json) -> bool:
        return all(one.fits(resource) for one in self.criteria)

    def link(self, base: str, cursor: Cursor | None) -> str:
        pairs = [*self.used, *([("_cursor", cursor.text())] if cursor is not None else [])]
        query = "&".join(f"{quote(name, safe=':')}={quote(value, safe='/:,')}" for name, value in pairs)
        return f"{base}/{self.kind}{'?' if query else ''}{query}"


def read_search(kind: str, query: Query, base: str, *, is_strict: bool) -> Search:
    """Raises InvalidRequest."""
    known = parameters_of(kind)
    criteria: list[Criterion] = []
    used: list[tuple[str, str]] = []
    ignored: list[str] = []
    controls: dict[str, str] = {}
    order: tuple[Order, ...] = ()
    for written, values in query.items():
        name, _, modifier = written.partition(":")
        for value in values:
            if not value or name in _SILENT:
                continue
            if name in known:
                criteria.append(criterion(known[name], modifier, value, base))
            elif written == "_sort":
                order, unknown = _read_order(value, known)
                ignored += unknown
            elif _is_control(written, value):
                controls[written] = value
            else:
                ignored.append(written)
                continue
            if written != "_cursor":
                used.append((written, value))
    if ignored and is_strict:
        raise InvalidRequest(f"Unknown search parameter: {', '.join(ignored)}. Known of {kind}: {', '.join(known)}")
    count = read_count(controls.get("_count"))
    cursor = controls.get("_cursor")
    return Search(
        kind,
        tuple(criteria),
        order,
        min(count, COUNT_MOST),
        None if cursor is None else Cursor.read(cursor, order),
        count == 0 or controls.get("_summary") == "count",
        controls.get("_total", "none") != "none",
        tuple(used),
        tuple(dict.fromkeys(ignored)),
    )


def _is_control(name: str, value: str) -> bool:
    allowed = {"_summary": ("count", "false"), "_total": ("none", "estimate", "accurate")}
    return name in ("_count", "_cursor") or value in allowed.get(name, ())


def read_count(text: str | None) -> int:
    if text is None:
        return COUNT_USUAL
    if not (text.isascii() and text.isdigit()):
        raise InvalidRequest(f"Invalid _count '{text:.40}', expected a number")
    return int(text[:9])


def _read_order(text: str, known: Mapping[str, Parameter]) -> tuple[tuple[Order, ...], list[str]]:
    """The keys that are known, and the rest."""
    order: list[Order] = []
    unknown: list[str] = []
    for one in filter(None, text.split(",")):
        parameter = known.get(one.removeprefix("-"))
        if parameter is None:
            unknown.append(f"_sort={one}")
        else:
            order.append(Order(parameter, one.startswith("-")))
    return tuple(order), unknown


def is_strict(prefer: str | None) -> bool:
    """Does `Prefer` ask to refuse what is not known? (FHIR R4, search.html, 3.1.1.1.2)"""
    return "handling=strict" in (prefer or "").replace(" ", "").lower()
