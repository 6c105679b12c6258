"""A ledger's entries as a feed: each with a position at which a reader can go on later."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..solver.errors import InvalidInputError
from .instants import utc_text_ms
from .references import Json

if TYPE_CHECKING:
    from .ledger.entries import Entry
    from .ledger.ledger import Ledger

_HASH_LETTERS = 12
_POSITION = re.compile(r"(\d{1,18})(?:\.([0-9a-f]{1,64}))?", re.ASCII)


def position_of(entry: Entry) -> str:
    """Number and begin of the hash: enough to see later that it is still the same ledger."""
    return f"{entry.seq}.{entry.hash[:_HASH_LETTERS]}"


def read_position(ledger: Ledger, text: str) -> int:
    """The number of the entry after which to go on; a number alone will do.

    Raises InvalidInputError if it cannot be read, or if this ledger has no such entry.
    """
    match = _POSITION.fullmatch(text)
    if match is None:
        raise InvalidInputError(
            f"--after {text!r} is no position. Give one that the feed printed, or the number of an entry."
        )
    seq = int(match[1])
    if seq == 0:
        return 0
    entry = next(ledger.entries(seq - 1), None)
    if entry is None:
        raise InvalidInputError(
            f"--after {text}: the ledger ends with entry {ledger.last}. It is not the one this position is of, or an "
            "older copy of it. Read it from its begin, without --after."
        )
    if match[2] is not None and not entry.hash.startswith(match[2]):
        raise InvalidInputError(
            f"--after {text}: entry {seq} of this ledger is another one. The position is of another ledger, or of "
            "entries that a restored copy does not have. Read it from its begin, without --after."
        )
    return seq


def entry_json(entry: Entry) -> Json:
    """An entry as the feed gives it."""
    written: Json = {"position": position_of(entry), "seq": entry.seq, "time": utc_text_ms(entry.time_ms)}
    if entry.clock_ms is not None:
        written["clock"] = utc_text_ms(entry.clock_ms)
    changes = [{"reference": one.reference, "version": one.version, "digest": one.digest} for one in entry.changes]
    return {
        **written,
        "kind": entry.kind,
        "input": entry.input,
        "changes": changes,
        "prev": entry.prev,
        "hash": entry.hash,
    }
