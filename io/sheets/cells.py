"""What single cells mean. Each reader raises LoadError with the place, the column, the value and a remedy."""

from __future__ import annotations

import difflib
import re
from typing import Literal

from ...solver.civil import MINUTE_MS, Zone
from ...solver.errors import InvalidInputError
from ..errors import LoadError
from ..instants import wall_ms
from ..local import read_bound_ms
from ..resources import DAYS
from ..wishes import read_notice, read_weekdays
from ..zones import Zones
from .reading import Row

_ID = re.compile(r"[A-Za-z0-9.\-]{1,64}")
_MOST = 1_000_000


def id_of(row: Row, column: str, text: str, *, most: int = 64) -> str:
    """A FHIR id."""
    if not _ID.fullmatch(text) or len(text) > most:
        raise row.wrong(
            column, f"; {text!r:.70} is no id. Use at most {most} letters without accents, digits, '-' and '.'."
        )
    return text


def ids_of(row: Row, column: str) -> list[str]:
    """Ids separated by semicolons or commas, each once."""
    found = [id_of(row, column, one.strip()) for one in re.split(r"[;,]", row.text(column)) if one.strip()]
    if not found:
        raise LoadError(f"{row.place}: column '{column}' is empty. Give the id of a schedule.")
    return list(dict.fromkeys(found))


def minutes(row: Row, column: str, *, least: int = 0) -> int | None:
    """Whole minutes, or a length such as 1h; None if the cell is empty."""
    text = row.text(column)
    if not text:
        return None
    try:
        found = int(text) if text.isascii() and text.isdigit() else read_notice(text)
    except InvalidInputError as error:
        raise row.wrong(column, "; expected whole minutes such as 30, or a length such as 45min or 2h.") from error
    if not least <= found <= _MOST:
        raise row.wrong(column, f"; expected {least} to {_MOST} minutes.")
    return found


def whole(row: Row, column: str) -> int | None:
    """A whole number from 1; None if the cell is empty."""
    text = row.text(column)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST):
        raise row.wrong(column, f"; expected a whole number from 1 to {_MOST}.")
    return int(text)


def zone_name(row: Row, zones: Zones) -> str:
    """The IANA name of a time zone, in its usual spelling."""
    text = row.needed("timezone", "Give an IANA name such as America/New_York.")
    found = zones.get(text)
    if found is None:
        near = difflib.get_close_matches(text, zones.names(), n=3)
        hint = f"Did you mean {' or '.join(near)}?" if near else "Give an IANA name such as America/New_York."
        raise row.wrong("timezone", f", which is no time zone. {hint}")
    return found.name


def weekdays(row: Row) -> list[str]:
    """`mon-fri`, `mon wed`, `sat, sun` or `daily`, as FHIR's codes from Monday."""
    text = row.needed("days", "Give days such as mon-fri, or daily.")
    if text.casefold() == "daily":
        return list(DAYS)
    found: set[int] = set()
    try:
        for part in re.split(r"[\s,;]+", re.sub(r"\s*-\s*", "-", text)):
            first, dash, last = part.partition("-")
            (low,) = read_weekdays(first)
            (high,) = read_weekdays(last) if dash else (low,)
            found |= {(low + step) % 7 for step in range((high - low) % 7 + 1)}
    except InvalidInputError as error:
        raise row.wrong("days", "; expected days such as mon-fri, mon wed, or daily.") from error
    return [name for number, name in enumerate(DAYS) if number in found]


def clock(row: Row, column: str) -> str:
    """A time of the day as FHIR writes it; 24:00 is the midnight at the end of the day."""
    text = row.needed(column, "Give a time of the day such as 08:00.")
    text = f"0{text}" if len(text.partition(":")[0]) == 1 else text
    if text == "24:00" and column == "to":
        return "00:00:00"
    found = wall_ms(text)
    if found is None:
        raise row.wrong(column, "; expected a time of the day such as 08:00 or 17:30.")
    return text if len(text) > 5 else f"{text}:00"


def moment(row: Row, column: Literal["start", "end"], zone: Zone) -> int:
    """A local time, an instant, or a day alone, in minutes since the epoch."""
    text = row.needed(column, "Give a local time such as 2026-03-10 09:00.")
    try:
        at_ms = read_bound_ms(f"column '{column}',", text, zone, column)
    except InvalidInputError as error:
        raise LoadError(f"{row.place}: {error}") from error
    if at_ms % MINUTE_MS:
        raise row.wrong(column, "; expected whole minutes.")
    return at_ms // MINUTE_MS
