"""Entries: what happened, chained by hash.

An entry's hash covers its number, times, kind, the digest of its input, the reference, version and digest of every
resource it wrote, and the hash of the entry before. The bodies themselves lie apart, so that one can be erased while
the chain still proves everything else.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, NamedTuple

import orjson

from ..references import Json
from .database import EntryRow

ORIGIN = bytes(32)
"""The hash before the first entry."""

JUDGED = ("$book", "$hold", "$reschedule", "bundle")
"""Kinds whose new Slots have been judged, so that they can be judged again."""


class Change(NamedTuple):
    """A resource written by an entry; `digest` is the SHA-256 of its JSON, None where it was deleted."""

    reference: str
    version: int
    digest: str | None


class Entry(NamedTuple):
    """What a ledger recorded. Times are milliseconds since 1970; `clock_ms` only where the clock had stepped back.

    `input` is who did it and with what; None where it was erased.
    """

    seq: int
    time_ms: int
    clock_ms: int | None
    kind: str
    input: Json | None
    changes: tuple[Change, ...]
    prev: str
    hash: str


def sealed(
    seq: int, time: int, clock: int | None, kind: str, input: bytes, changes: list[Change], prev: bytes
) -> EntryRow:
    """The row of an entry, its hash computed."""
    text = orjson.dumps([[*change] for change in changes]).decode()
    digest = sha256(input).digest()
    return EntryRow(seq, time, clock, kind, digest, text, prev, hash_of(seq, time, clock, kind, digest, text, prev))


def hash_of(seq: int, time: int, clock: int | None, kind: str, input: bytes, changes: str, prev: bytes) -> bytes:
    head = orjson.dumps([seq, time, clock, kind, input.hex()])
    return sha256(prev + head + changes.encode()).digest()


def changes_of(row: EntryRow) -> tuple[Change, ...]:
    found: list[Any] = orjson.loads(row.changes)
    return tuple(Change(*one) for one in found)


def new_id(identity: str, seq: int, number: int) -> str:
    """A UUID (RFC 9562, version 8) that the ledger and the entry determine."""
    digits = sha256(f"{identity} {seq} {number}".encode()).hexdigest()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"
