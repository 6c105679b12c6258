"""`$bulk-publish`: the free times of the moment as a feed, made anew only when something was written or time passed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

import orjson

from ..errors import NotFound
from ..ledger.ledger import Ledger
from ..publish.feed import Feed, Wanted, feed
from ..publish.files import MANIFEST, files_of, manifest_of
from .answers import JSON, Answer

NDJSON = "application/fhir+ndjson; charset=utf-8"
_SECONDS = 60
"""How long an answer may be kept; also how long a feed is, if nothing is written."""


class Published:
    """Answers reads of the feed; to be asked by the thread that reads."""

    def __init__(self, ledger: Ledger, wanted: Wanted, *, is_public: bool) -> None:
        self._ledger = ledger
        self._wanted = wanted
        self._kept_for = f"{'public' if is_public else 'private'}, max-age={_SECONDS}"
        self._key: tuple[int, int] | None = None
        self._made = datetime.min
        self._feed = Feed([], [], {}, [])
        self._files: Mapping[str, bytes] = {}

    def answer(self, name: str, base: str, if_none_match: str | None) -> Answer:
        """The manifest, or a file that it names. Raises NotFound."""
        self._renew()
        if name == MANIFEST:
            folder = f"{base}/{MANIFEST}"
            content, kind = orjson.dumps(manifest_of(self._feed, folder, folder, self._made)), JSON
        else:
            found = self._files.get(name.removeprefix(f"{MANIFEST}/"))
            if found is None:
                raise NotFound("Not found")
            content, kind = found, NDJSON
        tag = f'"{sha256(content).hexdigest()[:32]}"'
        headers = {"etag": tag, "cache-control": self._kept_for}
        if if_none_match is not None and tag in (one.strip().removeprefix("W/") for one in if_none_match.split(",")):
            return Answer(304, headers, b"")
        return Answer(200, {"content-type": kind, **headers}, content)

    def _renew(self) -> None:
        with self._ledger.reading() as state:
            now = state.now()
            key = self._ledger.last, int(now.timestamp()) // _SECONDS
            if key != self._key:
                self._feed = feed(state, self._wanted, now=now)
                self._files, self._made, self._key = files_of(self._feed), now, key
