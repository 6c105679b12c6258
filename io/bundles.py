"""Bundles into resources: ids for entries without one, `urn:uuid` references, `ifNoneExist`.

A `urn:uuid` entry that is created gets its uuid as id, unless its `ifNoneExist` matches a resource that is there
already; then references go to that one and the entry adds nothing.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import orjson

from .errors import LoadError
from .references import Json, containers, target
from .sources import Document

_UUID = "urn:uuid:"
_NAMESPACE = uuid.UUID("6f0f4b2e-3c55-5d0e-9a43-5b7c6f9f0d11")


class Loaded(NamedTuple):
    """A resource with its id, and where it comes from."""

    resource: Json
    place: str


class _Entry(NamedTuple):
    resource: Json
    place: str
    full_url: str
    method: str
    if_none_exist: str


class Resources:
    """Documents in, resources with ids out; conditional creates are settled against all that came before."""

    def __init__(self, fault: Callable[[Any], str | None]) -> None:
        self._fault = fault
        self._repeats: Counter[bytes] = Counter()

    def expand(self, documents: Iterable[Document], loaded: Callable[[], Iterable[Json]]) -> Iterator[Loaded]:
        """The resources of plain documents first, then those of Bundles with `urn:uuid` entries, in order.

        `loaded` gives what has been taken so far, for `ifNoneExist`.
        """
        later: list[list[_Entry]] = []
        for document in documents:
            value = document.value
            if not (isinstance(value, dict) and value.get("resourceType") == "Bundle"):  # type: ignore[reportUnknownMemberType]
                yield self._plain(self._judged(value, document.place), document)
                continue
            entries = list(self._entries(value, document.place))  # type: ignore[reportUnknownArgumentType]
            if document.may_have_links or any(entry.if_none_exist for entry in entries):
                later.append(entries)
                continue
            for entry in entries:
                yield Loaded(self._identified(entry), entry.place)
        for entries in later:
            yield from self._linked(entries, loaded)

    def _plain(self, resource: Json, document: Document) -> Loaded:
        if document.may_have_links:
            _relink(resource, {}, document.place)
        return Loaded(self._with_id(resource), document.place)

    def _judged(self, value: Any, place: str) -> Json:
        fault = self._fault(value)
        if fault is not None:
            raise LoadError(f"{_name(value)} ({place}) {fault}.")
        return value

    def _entries(self, bundle: Json, place: str) -> Iterator[_Entry]:
        entries: Any = [] if bundle.get("entry") is None else bundle["entry"]
        if not isinstance(entries, list):
            raise LoadError(f"{place}: Bundle.entry must be a list.")
        for index, entry in enumerate(entries):  # type: ignore[reportUnknownArgumentType]
            at = f"{place}, entry {index}"
            if not isinstance(entry, dict):
                raise LoadError(f"{at} is not a JSON object.")
            resource: Any = entry.get("resource")  # type: ignore[reportUnknownMemberType]
            request: Any = entry.get("request")  # type: ignore[reportUnknownMemberType]
            request = request if isinstance(request, dict) else {}  # type: ignore[reportUnknownVariableType]
            if resource is None:
                continue
            if isinstance(resource, dict) and resource.get("resourceType") == "Bundle":  # type: ignore[reportUnknownMemberType]
                yield from self._entries(resource, at)  # type: ignore[reportUnknownArgumentType]
                continue
            yield _Entry(
                self._judged(resource, at),
                at,
                _url(entry.get("fullUrl")),  # type: ignore[reportUnknownMemberType]
                str(request.get("method") or "").upper(),  # type: ignore[reportUnknownMemberType]
                str(request.get("ifNoneExist") or ""),  # type: ignore[reportUnknownMemberType]
            )

    def _linked(self, entries: list[_Entry], loaded: Callable[[], Iterable[Json]]) -> Iterator[Loaded]:
        links: dict[str, str] = {}
        kept: list[_Entry] = []
        index = _Index(loaded() if any(entry.if_none_exist for entry in entries) else ())
        for entry in entries:
            kind = entry.resource["resourceType"]
            match = _match(entry, index) if entry.if_none_exist else None
            if match is None:
                self._identified(entry)
                index.add(entry.resource)
                kept.append(entry)
            id = entry.resource["id"] if match is None else match
            if entry.full_url:
                links[entry.full_url] = f"{kind}/{id}"
        for entry in kept:
            _relink(entry.resource, links, entry.place)
            yield Loaded(entry.resource, entry.place)

    def _identified(self, entry: _Entry) -> Json:
        resource, full_url = entry.resource, entry.full_url
        # A server ignores the id of what is created (FHIR R4, http 3.1.0.8); everything else keeps its own.
        if full_url.startswith(_UUID) and (entry.method == "POST" or resource.get("id") is None):
            resource["id"] = full_url.removeprefix(_UUID)
            fault = self._fault(resource)
            if fault is not None:
                raise LoadError(f"{entry.place}: fullUrl {full_url} gives no id: the resource {fault}.")
        elif resource.get("id") is None and full_url.startswith(("http://", "https://")):
            named = target("/".join(full_url.split("/")[-2:]))
            if named is not None and named.type == resource["resourceType"]:
                resource["id"] = named.id
        return self._with_id(resource)

    def _with_id(self, resource: Json) -> Json:
        """Resources without an id get one derived from their content, so that loading again gives the same."""
        if resource.get("id") is None:
            try:
                content = orjson.dumps(resource, option=orjson.OPT_SORT_KEYS)
            except TypeError as error:
                raise LoadError(f"A {resource['resourceType']} without an id: {error}.") from error
            number = self._repeats[content]
            self._repeats[content] += 1
            resource["id"] = str(uuid.uuid5(_NAMESPACE, f"{number} {content.decode()}"))
        return resource


class _Index:
    """Resources by type, id and identifier value, so that thousands of `ifNoneExist` are settled in one pass."""

    def __init__(self, resources: Iterable[Json]) -> None:
        self._found: dict[tuple[str, str, str], list[Json]] = {}
        for resource in resources:
            self.add(resource)

    def add(self, resource: Json) -> None:
        kind = resource["resourceType"]
        self._found.setdefault((kind, "_id", resource["id"]), []).append(resource)
        for value in {one["value"] for one in _identifiers(resource) if isinstance(one.get("value"), str)}:
            self._found.setdefault((kind, "identifier", value), []).append(resource)

    def near(self, kind: str, criterion: tuple[str, str]) -> list[Json]:
        """The resources that the criterion may fit, its system aside."""
        name, value = criterion
        return self._found.get((kind, name, value if name == "_id" else value.rpartition("|")[2]), [])


def _match(entry: _Entry, index: _Index) -> str | None:
    """The id of the one resource that `ifNoneExist` finds, or None."""
    kind = entry.resource["resourceType"]
    query = entry.if_none_exist.partition("?")[2] if "?" in entry.if_none_exist else entry.if_none_exist
    criteria = parse_qsl(query)
    for name, _ in criteria:
        if name not in ("identifier", "_id"):
            raise LoadError(f"{entry.place}: ifNoneExist by '{name}' is not supported; use identifier or _id.")
    if not criteria:
        raise LoadError(f"{entry.place}: ifNoneExist '{entry.if_none_exist}' has no criteria; use identifier or _id.")
    found = {
        resource["id"]
        for resource in index.near(kind, criteria[0])
        if all(_fits(resource, name, value) for name, value in criteria)
    }
    if len(found) > 1:
        names = ", ".join(f"{kind}/{id}" for id in sorted(found))
        raise LoadError(f"{entry.place}: ifNoneExist '{entry.if_none_exist}' matches several resources: {names}.")
    return next(iter(found), None)


def _fits(resource: Json, name: str, value: str) -> bool:
    if name == "_id":
        return resource["id"] == value
    system, bar, code = value.rpartition("|")
    return any(
        one.get("value") == code and (not bar or (one.get("system") or "") == system) for one in _identifiers(resource)
    )


def _identifiers(resource: Json) -> list[Json]:
    given: Any = resource.get("identifier") or []
    several: list[Any] = given if isinstance(given, list) else [given]  # type: ignore[reportUnknownVariableType]
    return [one for one in several if isinstance(one, dict)]


def _relink(resource: Json, links: dict[str, str], place: str) -> None:
    """Replace references to entries of the Bundle by `Type/id`, in place."""
    for element in _objects(resource):
        reference = element.get("reference")
        if not isinstance(reference, str):
            continue
        url = _url(reference)
        if url in links:
            element["reference"] = links[url]
        elif url.startswith(_UUID):
            raise LoadError(f"{place} refers to {reference}, which is no entry of its Bundle.")


def _url(value: Any) -> str:
    """A URL as text; the letters of a `urn:uuid` are the same in either case (RFC 9562, section 4)."""
    text = value if isinstance(value, str) else ""
    return text.lower() if text[: len(_UUID)].lower() == _UUID else text


def _name(value: Any) -> str:
    if isinstance(value, dict) and isinstance(value.get("resourceType"), str):  # type: ignore[reportUnknownMemberType]
        id: Any = value.get("id")  # type: ignore[reportUnknownMemberType]
        return f"{value['resourceType']}/{id}" if isinstance(id, str) else str(value["resourceType"])  # type: ignore[reportUnknownArgumentType]
    return "A document"


def references(resource: Json) -> Iterator[str]:
    """Every literal reference in a resource, in the order of the document."""
    for element in _objects(resource):
        reference = element.get("reference")
        if isinstance(reference, str):
            yield reference


def _objects(value: Any) -> Iterator[Json]:
    """All objects in some JSON, from the outside in, without recursion."""
    left: list[Any] = [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            yield one
        left += reversed(containers(one))
