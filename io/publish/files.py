"""A feed as files: the manifest and its NDJSON, in a folder or under an address (SMART Scheduling Links, manifest)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from datetime import datetime

import orjson

from ..instants import utc_text_ms
from ..references import Json, child
from ..staging import new_folder
from .feed import Feed

MANIFEST = "$bulk-publish"
_LOCATIONS, _SCHEDULES, _ERRORS = "locations.ndjson", "schedules.ndjson", "errors.ndjson"
_KNOWN = re.compile(r"\$bulk-publish|(locations|schedules|errors|slots-\d{4}-\d\d-\d\d)\.ndjson")


def is_known(name: str) -> bool:
    """May a file of this name have been written by a feed?"""
    return _KNOWN.fullmatch(name) is not None


def files_of(feed: Feed) -> Mapping[str, bytes]:
    """The NDJSON that a manifest names, by the name of the file."""
    parts = {_LOCATIONS: feed.locations, _SCHEDULES: feed.schedules, **feed.slots}
    if feed.errors:
        parts[_ERRORS] = feed.errors
    return {name: _ndjson(resources) for name, resources in parts.items()}


def manifest_of(feed: Feed, request_url: str, base_url: str, now: datetime) -> Json:
    """The manifest that is read at `request_url`, of files that are read below `base_url`."""
    states = sorted({state for one in feed.locations if (state := child(one, "address").get("state"))})

    def output(kind: str, name: str) -> Json:
        found: Json = {"type": kind, "url": f"{base_url}/{name}"}
        if states:
            found["extension"] = {"state": states}
        return found

    errors = [{"type": "OperationOutcome", "url": f"{base_url}/{_ERRORS}"}] if feed.errors else []
    return {
        "transactionTime": utc_text_ms(int(now.timestamp() * 1000)),
        "request": request_url,
        "output": [
            output("Location", _LOCATIONS),
            output("Schedule", _SCHEDULES),
            *(output("Slot", name) for name in feed.slots),
        ],
        "error": errors,
    }


def _ndjson(resources: Iterable[Json]) -> bytes:
    return b"".join(orjson.dumps(one, option=orjson.OPT_APPEND_NEWLINE) for one in resources)


def write_folder(
    feed: Feed, folder: str | os.PathLike[str], *, base_url: str, now: datetime, replace: bool = False
) -> None:
    """Write all files into a folder, which takes its place when it is complete.

    Raises InvalidInputError if there is a folder with other files, or one at all and `replace` is not set; OSError.
    """
    with new_folder(folder, replace=replace, is_known=is_known) as staged:
        base_url = base_url.rstrip("/")
        manifest = manifest_of(feed, f"{base_url}/{MANIFEST}", base_url, now)
        (staged / MANIFEST).write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
        for name, content in files_of(feed).items():
            (staged / name).write_bytes(content)
