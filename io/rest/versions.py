"""Versions and times of resources in headers (FHIR R4, http.html, 3.1.0.2 and 3.1.0.5)."""

from __future__ import annotations

import re
from email.utils import formatdate

from ..errors import InvalidRequest
from ..instants import instant_ms
from ..references import Json, child

_ETAG = re.compile(r'(?:W/)?"?(\d{1,18})"?', re.ASCII)


def version_of(resource: Json) -> int:
    return int(child(resource, "meta")["versionId"])


def etag(version: int) -> str:
    """`W/"3"`: weak, as the same version may be written in several ways."""
    return f'W/"{version}"'


def http_date(at_ms: int) -> str:
    """`Tue, 10 Mar 2026 12:00:00 GMT`."""
    return formatdate(at_ms // 1000, usegmt=True)


def headers_of(resource: Json) -> dict[str, str]:
    """ETag and Last-Modified of a stored resource."""
    changed = instant_ms(child(resource, "meta").get("lastUpdated"))
    assert changed is not None, "the ledger writes it"
    return {"ETag": etag(version_of(resource)), "Last-Modified": http_date(changed)}


def location_of(base: str, resource: Json) -> str:
    """Where this version of a resource can be read."""
    name = f"{resource['resourceType']}/{resource['id']}/_history/{version_of(resource)}"
    return f"{base}/{name}" if base else name


def expected_version(if_match: str | None) -> int | None:
    """The version that If-Match names; None if there is no such header. Raises InvalidRequest."""
    if if_match is None:
        return None
    match = _ETAG.fullmatch(if_match.strip())
    if match is None:
        raise InvalidRequest(f"If-Match '{if_match:.80}' is no ETag such as W/\"3\"")
    return int(match[1])


def is_among(resource: Json, if_none_match: str | None) -> bool:
    """Does If-None-Match name this version, or any?"""
    if if_none_match is None:
        return False
    names = [one.strip() for one in if_none_match.split(",")]
    tags = (_ETAG.fullmatch(one) for one in names)
    return "*" in names or any(one is not None and int(one[1]) == version_of(resource) for one in tags)
