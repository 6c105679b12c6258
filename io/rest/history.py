"""`history` of the system, a type or a resource, and `vread`: the entries of the ledger, newest first.

The ledger keeps its entries in order of time, so that what is new since some time is read without the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote

import orjson

from ..errors import Gone, InvalidRequest, NotFound
from ..instants import utc_text_ms
from ..ledger.database import EntryRow
from ..ledger.entries import Change, changes_of
from ..ledger.state import State
from ..references import Json
from .elements import sought_span
from .exchange import Interaction, Request, Response
from .query import COUNT_MOST, Query, is_strict, read_count
from .read import check_known
from .types import check_readable
from .versions import etag, headers_of, is_among

_COUNT_USUAL = 100
_END = 2**62
LOOK_MOST = 100_000
"""Entries of the ledger that are looked at for a page; one that is not full by then goes on at the next one."""
_WHOLE = 9_999_999
"""A place behind all changes of an entry."""
_CURSOR = re.compile(r"(\d{1,18})\.(\d{1,7})", re.ASCII)
_PUTTING = ("update", "put", "load")
"""Kinds of entries whose writers choose the id of what is new."""


class _Written(NamedTuple):
    """One version: the entry, the place among its changes from 1 on, and the change."""

    row: EntryRow
    place: int
    change: Change


@dataclass(frozen=True, slots=True)
class _Asked:
    """What of the history is asked for; `before` is the place in it after which a page begins."""

    kind: str | None
    id: str | None
    since_ms: int | None
    count: int
    before: tuple[int, int]
    used: list[tuple[str, str]]


def history(request: Request, kind: str | None, id: str | None = None) -> Interaction:
    """`GET _history`, `Type/_history` or `Type/id/_history`. Raises UnknownType and InvalidRequest."""
    if kind is not None:
        check_readable(kind)
    asked = _read(kind, id, request.query, strict=is_strict(request.prefer))

    def answer(state: State) -> Response:
        if kind is not None:
            check_known(state, kind)
        return Response(200, _bundle(state, asked, request))

    level = "system" if kind is None else "type" if id is None else "instance"
    return Interaction(f"history-{level}", kind, read=answer)


def vread(request: Request, kind: str, id: str, version: str) -> Interaction:
    """`GET Type/id/_history/version`. Raises UnknownType."""
    check_readable(kind)

    def answer(state: State) -> Response:
        check_known(state, kind)
        resource = _version(state, kind, id, version)
        if is_among(resource, request.if_none_match):
            return Response(304, None, headers_of(resource))
        return Response(200, resource, headers_of(resource))

    return Interaction("vread", kind, read=answer)


def _version(state: State, kind: str, id: str, version: str) -> Json:
    """Raises NotFound, and Gone for what was deleted or erased."""
    asked = _Asked(kind, id, None, 1, (_END, 0), [])
    for one in _back(state, asked):
        if str(one.change.version) == version:
            resource = _content(state, one)
            if resource is None:
                raise Gone("Gone")
            return resource
    raise NotFound("Not found")


def _read(kind: str | None, id: str | None, query: Query, *, strict: bool) -> _Asked:
    since_ms: int | None = None
    count, before = _COUNT_USUAL, (_END, 0)
    used: list[tuple[str, str]] = []
    for name, values in query.items():
        value = values[-1]
        if name == "_since":
            span = sought_span(value)
            if span is None:
                raise InvalidRequest(f"Invalid _since '{value:.80}', expected an instant such as 2026-03-10T09:00:00Z")
            since_ms = span.low
        elif name == "_count":
            count = max(1, min(read_count(value), COUNT_MOST))
        elif name == "_cursor":
            match = _CURSOR.fullmatch(value)
            if match is None:
                raise InvalidRequest(f"Invalid _cursor '{value:.80}': take the link to the next page as it was given")
            before = int(match[1]), int(match[2])
            continue
        elif name in ("_format", "_pretty"):
            continue
        elif strict:
            raise InvalidRequest(f"Unknown history parameter: {name:.80}. Known: _since, _count")
        else:
            continue
        used.append((name, value))
    return _Asked(kind, id, since_ms, count, before, used)


def _back(state: State, asked: _Asked) -> Iterator[_Written]:
    """What was written, newest first, from the cursor down to the time asked for."""
    for row in _rows(state, asked):
        yield from _of(row, asked)


def _rows(state: State, asked: _Asked) -> Iterator[EntryRow]:
    """Entries that can hold it."""
    database = state.database
    since = 1 if asked.since_ms is None else database.first_since(asked.since_ms)
    if asked.kind is not None and asked.id is not None:
        found = database.resource(asked.kind, asked.id)
        if found is None:
            raise NotFound("Not found")
        since = max(since, found.origin)
    return database.entries_back(asked.before[0] + 1, since)


def _of(row: EntryRow, asked: _Asked) -> Iterator[_Written]:
    """What of an entry is asked for."""
    prefix = "" if asked.kind is None else f"{asked.kind}/"
    sought = None if asked.id is None else f"{prefix}{asked.id}"
    if prefix and f'"{prefix}' not in row.changes:
        return
    seq, place = asked.before
    changes = changes_of(row)
    last = min(place - 1, len(changes)) if row.seq == seq else len(changes)
    for number in range(last, 0, -1):
        change = changes[number - 1]
        if change.reference.startswith(prefix) and sought in (None, change.reference):
            yield _Written(row, number, change)


def _page(state: State, asked: _Asked) -> tuple[list[_Written], tuple[int, int] | None]:
    """What a page tells, and the place after which the next one begins, if there is one."""
    page: list[_Written] = []
    for looked, row in enumerate(_rows(state, asked), start=1):
        for one in _of(row, asked):
            if len(page) == asked.count:
                return page, (page[-1].row.seq, page[-1].place)
            page.append(one)
        if looked == LOOK_MOST:
            return page, (row.seq - 1, _WHOLE)
    return page, None


def _bundle(state: State, asked: _Asked, request: Request) -> Json:
    page, following = _page(state, asked)
    url = "/".join(filter(None, (request.base, asked.kind, asked.id, "_history")))
    own = None if asked.before == (_END, 0) else f"{asked.before[0]}.{asked.before[1]}"
    links = [{"relation": "self", "url": _link(url, asked, own)}]
    if following is not None:
        links.append({"relation": "next", "url": _link(url, asked, f"{following[0]}.{following[1]}")})
    bundle: Json = {"resourceType": "Bundle", "type": "history", "link": links}
    if page:
        bundle["entry"] = [_entry(state, one, request.base) for one in page]
    return bundle


def _link(url: str, asked: _Asked, cursor: str | None) -> str:
    pairs = [*asked.used, *([("_cursor", cursor)] if cursor is not None else [])]
    query = "&".join(f"{name}={quote(value, safe=':')}" for name, value in pairs)
    return f"{url}?{query}" if query else url


def _entry(state: State, one: _Written, base: str) -> Json:
    row, _, change = one
    kind = change.reference.partition("/")[0]
    if change.digest is None:
        method, url, status = "DELETE", change.reference, "204 No Content"
    elif change.version == 1 and row.kind not in _PUTTING:
        method, url, status = "POST", kind, "201 Created"
    else:
        method, url, status = "PUT", change.reference, "201 Created" if change.version == 1 else "200 OK"
    entry: Json = {"fullUrl": f"{base}/{change.reference}"}
    resource = _content(state, one)
    if resource is not None:
        entry["resource"] = resource
    entry["request"] = {"method": method, "url": url}
    entry["response"] = {"status": status, "etag": etag(change.version), "lastModified": utc_text_ms(row.time)}
    return entry


def _content(state: State, one: _Written) -> Json | None:
    """The resource as it was written; None where it was deleted, or erased since."""
    content = None if one.change.digest is None else state.database.body(one.row.seq, one.place)
    return None if content is None else orjson.loads(content)
