"""`search-type`: a page of what was found, and the links to it and to the next one (FHIR R4, search.html)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import total_ordering
from typing import Any, NamedTuple

from ...solver.errors import LimitError
from ..ledger.state import State
from ..references import Json
from .candidates import candidates, resources_of
from .elements import folded, reference_text, stored_span, texts, tokens, walk
from .exchange import Interaction, Request, Response
from .parameters import Parameter
from .query import COUNT_MOST, Cursor, Search, is_strict, read_search
from .read import check_known
from .types import check_readable

LOOK_MOST = 50_000
"""Resources that are looked at to sort, to count, or to find the one that a condition means."""

PAGE_LOOK_MOST = 20_000
"""Resources that are looked at for a page; a page that is not full by then goes on at the next one."""


def search(request: Request, kind: str) -> Interaction:
    """`GET Type?…`, or `POST Type/_search` with its form in the query. Raises UnknownType and InvalidRequest."""
    check_readable(kind)
    asked = read_search(kind, request.query, request.base, is_strict=is_strict(request.prefer))

    def answer(state: State) -> Response:
        check_known(state, kind)
        return Response(200, _bundle(state, asked, request.base))

    return Interaction("search-type", kind, read=answer)


def matching(state: State, asked: Search, base: str) -> Iterator[Json]:
    """All that meet the conditions, by id. Raises LimitError if that means to look at too many."""
    for number, one in enumerate(resources_of(state, asked.kind, candidates(state, asked, base)), start=1):
        if number > LOOK_MOST:
            raise LimitError(
                f"This means to look at more than {LOOK_MOST:,} resources of type {asked.kind}; name an identifier, an "
                "actor, a schedule, or two times between which it starts"
            )
        if asked.fits(one):
            yield one


def _bundle(state: State, asked: Search, base: str) -> Json:
    page, total, following = _page(state, asked, base)
    bundle: Json = {"resourceType": "Bundle", "type": "searchset"}
    if total is not None:
        bundle["total"] = total
    bundle["link"] = [{"relation": "self", "url": asked.link(base, asked.cursor)}]
    if following is not None:
        bundle["link"].append({"relation": "next", "url": asked.link(base, following)})
    entries = [
        {"fullUrl": f"{base}/{one['resourceType']}/{one['id']}", "resource": one, "search": {"mode": "match"}}
        for one in page
    ]
    if asked.ignored:
        entries.append({"resource": _ignored(asked), "search": {"mode": "outcome"}})
    if entries:
        bundle["entry"] = entries
    return bundle


class _Page(NamedTuple):
    """The resources of a page, how many there are in all if that is known, and where the next page begins."""

    resources: list[Json]
    total: int | None
    following: Cursor | None


def _page(state: State, asked: Search, base: str) -> _Page:
    if asked.is_count_only:
        return _Page([], _count(state, asked, base), None)
    if asked.order:
        return _sorted_page(state, asked, base)
    ids = candidates(state, asked, base)
    after = "" if asked.cursor is None else asked.cursor.id
    found: list[Json] = []
    last: str | None = None
    for number, one in enumerate(resources_of(state, asked.kind, ids, after), start=1):
        if asked.fits(one):
            if len(found) == asked.count:
                last = found[-1]["id"]
                break
            found.append(one)
        if number == PAGE_LOOK_MOST:
            last = one["id"]
            break
    total = None
    if last is None and asked.cursor is None:
        total = len(found)
    elif asked.wants_total or (ids is not None and len(ids) <= COUNT_MOST):
        total = _count(state, asked, base)
    return _Page(found, total, None if last is None else Cursor([], last))


def _sorted_page(state: State, asked: Search, base: str) -> _Page:
    found = list(matching(state, asked, base))
    left = _after(sorted(found, key=lambda one: _rank(one, asked)), asked)
    page = left[: asked.count]
    following = Cursor(_keys(page[-1], asked), page[-1]["id"]) if len(left) > asked.count else None
    return _Page(page, len(found), following)


def _count(state: State, asked: Search, base: str) -> int:
    if not asked.criteria:
        return state.database.count(asked.kind)
    return sum(1 for _ in matching(state, asked, base))


def _after(found: list[Json], asked: Search) -> list[Json]:
    if asked.cursor is None:
        return found
    place = _ranked(asked.cursor.keys, asked.cursor.id, asked)
    return [one for one in found if _rank(one, asked) > place]


# Order


@total_ordering
class _Reversed:
    """Turns an order round."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reversed) and self.value == other.value

    def __lt__(self, other: _Reversed) -> bool:
        return other.value < self.value

    __hash__ = None  # type: ignore[assignment]


def _keys(resource: Json, asked: Search) -> list[Any]:
    return [_key(resource, one.parameter) for one in asked.order]


def _key(resource: Json, parameter: Parameter) -> str | int | None:
    """The first value at the parameter's path; None if there is none."""
    for value in walk(resource, parameter.path):
        if parameter.kind == "date":
            found: Any = (span := stored_span(value)) and span.low
        elif parameter.kind == "token":
            found = next((code for _, code in tokens(value)), None)
        elif parameter.kind == "reference":
            found = reference_text(value)
        else:
            found = next(map(folded, texts(value)), None)
        if found is not None:
            return found
    return None


def _rank(resource: Json, asked: Search) -> tuple[Any, ...]:
    return _ranked(_keys(resource, asked), resource["id"], asked)


def _ranked(keys: list[Any], id: str, asked: Search) -> tuple[Any, ...]:
    """What has no value comes last, in either direction; the id decides among equals."""
    parts: list[Any] = []
    for key, order in zip(keys, asked.order, strict=True):
        value = 0 if key is None else key
        parts += (key is None, _Reversed(value) if order.is_descending else value)
    return (*parts, id)


def _ignored(asked: Search) -> Json:
    issues = [
        {
            "severity": "warning",
            "code": "not-supported",
            "details": {"text": f"Search parameter '{one}' of {asked.kind} is not known and was ignored"},
        }
        for one in asked.ignored
    ]
    return {"resourceType": "OperationOutcome", "issue": issues}
