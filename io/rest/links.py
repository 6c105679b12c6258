"""References between the entries of a transaction, and those by a condition (FHIR R4, http.html, 3.1.0.11.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from ..errors import InvalidRequest
from ..references import Json, containers
from .exchange import Request

UUID = "urn:uuid:"


def url_of(value: object) -> str:
    """A URL as text; the letters of a `urn:uuid` are the same in either case (RFC 9562, section 4)."""
    text = value if isinstance(value, str) else ""
    return text.lower() if text[: len(UUID)].lower() == UUID else text


def relinked(value: Any, links: Mapping[str, str], resolve: Callable[[str], str]) -> Any:
    """A copy in which every text that is one of `links` has become what it leads to.

    `resolve` is asked for references with a condition, `Patient?identifier=…`. Raises InvalidRequest for a reference to
    a `urn:uuid` that leads nowhere.
    """
    if isinstance(value, dict):
        element = cast(Json, value)
        found = {name: relinked(one, links, resolve) for name, one in element.items()}
        reference = found.get("reference")
        if isinstance(reference, str):
            if url_of(reference).startswith(UUID):
                raise InvalidRequest(f"Reference {reference:.120} is no entry of the Bundle")
            if "?" in reference and ":" not in reference.partition("?")[0]:
                found["reference"] = resolve(reference)
        return found
    if isinstance(value, list):
        return [relinked(one, links, resolve) for one in cast("list[Any]", value)]
    return links.get(url_of(value), value) if isinstance(value, str) else value


def uuid_references(value: Any) -> Iterator[str]:
    """The references to a `urn:uuid` in some JSON."""
    left: list[Any] = [value]
    while left:
        one = left.pop()
        reference: Any = cast(Json, one).get("reference") if isinstance(one, dict) else None
        if url_of(reference).startswith(UUID):
            yield str(reference)
        left += containers(one)


def check_apart(asked: Sequence[Request], ids: Sequence[str | None]) -> None:
    """What a transaction does must not depend on the order of its entries (FHIR R4, http.html, 3.1.0.11.2).

    `ids` are those that conditions lead to. Raises InvalidRequest if two entries change one resource.
    """
    seen: set[str] = set()
    for one, id in zip(asked, ids, strict=True):
        if one.method not in ("PUT", "DELETE"):
            continue
        name = one.path if id is None else f"{one.path}/{id}"
        if name in seen:
            raise InvalidRequest(f"Several entries change {name:.120}; send each in a Bundle of its own, or a batch")
        seen.add(name)
