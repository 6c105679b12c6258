"""The cells of a request table: text from CSV and NDJSON, or typed values from Arrow, into what they mean.

Each reader raises InvalidInputError with the column, the value and a remedy; who reads a row adds its number. A cell is
absent if it is None, blank, or a NaN.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, NamedTuple, cast

from ...solver.civil import DAY_MINUTES, Zone
from ...solver.errors import InvalidInputError
from ...solver.intervals import Pair
from ..instants import ceil_minute, dates, floor_minute
from ..local import read_bound_ms
from ..wishes import read_between

_LENGTHS = {"min": 1, "m": 1, "h": 60, "d": DAY_MINUTES, "wk": 7 * DAY_MINUTES, "w": 7 * DAY_MINUTES}
_LENGTH = re.compile(r"(\d{1,9})\s*(min|m|h|d|wk|w)?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,40}", re.ASCII)
_BETWEEN = re.compile(r"[0-9:]{4,8}\s*-\s*[0-9:]{4,8}", re.ASCII)
_WINDOW = "2026-03-10T09:00/2026-03-10T12:00"
_MOST = 10**9
"""Weights beyond this would not leave the solver room to add them up."""


class Gap(NamedTuple):
    """The visit starts `least` to `most` minutes after the visit of another request ends (None: no limit)."""

    request: str
    least: int = 0
    most: int | None = None
    same_day: bool = False


class Hours(NamedTuple):
    """Times of the day on the clock, in milliseconds; an end not after its start lies on the next day."""

    opens_ms: int
    closes_ms: int


class TimeWish(NamedTuple):
    """Visits that lie in this window, or between these times of any day, are worth `weight` more than others."""

    window: Pair | Hours
    weight: int


def is_absent(value: object) -> bool:
    """Is there nothing in the cell?"""
    if isinstance(value, str):
        return not value.strip()
    return value is None or value != value or (isinstance(value, list) and not value)


def text(column: str, value: object) -> str:
    """A name: letters, or a whole number as tables make one of `17`."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int | float) and not isinstance(value, bool) and value == int(value):
        return str(int(value))
    raise _unreadable(column, value, "a text", "Write a name or an id.")


def number(column: str, value: object, *, least: int = 0, most: int = _MOST) -> int:
    """A whole number, from text too."""
    found = _integer(value)
    if found is None or not least <= found <= most:
        is_open = most == _MOST and (found is None or found < least)
        remedy = f"Write a whole number of {least} or more." if is_open else f"Write {least} to {most:,}."
        raise _unreadable(column, value, "a whole number" if found is None else "possible", remedy)
    return found


def _integer(value: object) -> int | None:
    if isinstance(value, str):
        return int(value) if _INTEGER.fullmatch(value.strip()) else None
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 10**15:
        return int(value) if value == int(value) else None
    return None


# Times


def start_minute(column: str, value: object, zone: Zone) -> int:
    """The first whole minute at or after a time; of a date the start of that local day."""
    return ceil_minute(read_bound_ms(column, _time(column, value), zone, "start"))


def end_minute(column: str, value: object, zone: Zone) -> int:
    """The last whole minute at or before a time; of a date the end of that local day."""
    return floor_minute(read_bound_ms(column, _time(column, value), zone, "end"))


def _time(column: str, value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds" if value.tzinfo is not None else "seconds")
    if isinstance(value, date):
        return value.isoformat()
    raise _unreadable(column, value, "a time", "Write it as 2026-03-10T09:00, with an offset, or as a date.")


def windows(column: str, value: object, zone: Zone) -> tuple[Pair, ...]:
    """`start/end;start/end`, or a list of such texts, of pairs, or of structs with start and end."""
    return tuple(sorted({_window(column, one, zone) for one in _several(value, ";")}))


def _window(column: str, given: object, zone: Zone) -> Pair:
    value = given
    if isinstance(value, dict):
        ends = cast("dict[str, Any]", value)
        first, last = ends.get("start"), ends.get("end")
    elif isinstance(value, list | tuple) and len(cast("list[Any]", value)) == 2:
        first, last = cast("list[Any]", value)
    elif isinstance(value, str) and value.count("/") == 1:
        first, last = value.split("/")
    elif isinstance(value, str) and _is_date(value.strip()):
        first = last = value
    else:
        raise _unreadable(column, given, "a window", f"Write it as start/end, such as {_WINDOW}.")
    start, end = start_minute(column, first, zone), end_minute(column, last, zone)
    if start >= end:
        raise _unreadable(column, given, "a window", "Its end must be after its start; the day of an end is included.")
    return start, end


def _is_date(value: str) -> bool:
    return len(value) == 10 and dates(value) is not None


def time_wishes(column: str, value: object, zone: Zone) -> tuple[TimeWish, ...]:
    """`start/end:weight;09:00-12:00:weight`, or a list of such texts, or of structs with start, end and weight."""
    return tuple(_time_wish(column, one, zone) for one in _several(value, ";"))


def _time_wish(column: str, value: object, zone: Zone) -> TimeWish:
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return TimeWish(_window(column, fields, zone), number(f"{column}.weight", fields.get("weight")))
    window, weight = _weighted(column, value, "2026-03-10/2026-03-12:50 or 09:00-12:00:50")
    if _BETWEEN.fullmatch(window):
        try:
            return TimeWish(Hours(*read_between(window)), weight)
        except InvalidInputError:
            raise _unreadable(column, window, "two times of the day", "Write them as 09:00-12:00.") from None
    return TimeWish(_window(column, window, zone), weight)


# Pools


def pools(column: str, value: object) -> tuple[tuple[str, ...], ...]:
    """`a,b;room-1`, or a list of such pools, or a list of lists of names."""
    return tuple(_pool(column, one) for one in _several(value, ";"))


def _pool(column: str, value: object) -> tuple[str, ...]:
    members = tuple(dict.fromkeys(text(column, one) for one in _several(value, ",")))
    if not members:
        raise _unreadable(column, value, "a pool", "Name schedules, separated by commas; pools by semicolons.")
    return members


def optional_pools(column: str, value: object, default: int) -> tuple[tuple[tuple[str, ...], int], ...]:
    """`a,b:300;c`: what going without each pool costs; or a list, or structs with schedules and cost."""
    found: list[tuple[tuple[str, ...], int]] = []
    for one in _several(value, ";"):
        if isinstance(one, dict):
            fields = cast("dict[str, Any]", one)
            cost = fields.get("cost")
            members = _pool(column, fields.get("schedules"))
            found.append((members, default if is_absent(cost) else number(f"{column}.cost", cost)))
        elif isinstance(one, str) and ":" in one:
            names, cost = _weighted(column, one, "nurse-1,nurse-2:300")
            found.append((_pool(column, names), cost))
        else:
            found.append((_pool(column, one), default))
    return tuple(found)


def weights(column: str, value: object) -> dict[str, int]:
    """`name:weight;name:weight`, or a list of such texts, or of structs with schedule and weight."""
    found: dict[str, int] = {}
    for one in _several(value, ";"):
        if isinstance(one, dict):
            fields = cast("dict[str, Any]", one)
            name, weight = text(column, fields.get("schedule")), number(f"{column}.weight", fields.get("weight"))
        else:
            name, weight = _weighted(column, one, "dr-novak:50")
        found[name] = weight
    return found


def names(column: str, value: object) -> tuple[str, ...]:
    """`a,b`, semicolons too, or a list of names."""
    found: list[str] = []
    for one in _several(value, ";"):
        found += (text(column, each) for each in _several(one, ","))
    return tuple(dict.fromkeys(found))


def _weighted(column: str, value: object, example: str) -> tuple[str, int]:
    name, colon, weight = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    if not colon or not name.strip():
        raise _unreadable(column, value, "a weight behind a colon", f"Write it as {example}.")
    return name.strip(), number(column, weight)


# Precedence


def gaps(column: str, value: object) -> tuple[Gap, ...]:
    """`nurse-7 0..60min same-day;visit-1 7d..`, or a list of such texts, or structs with the names of Gap."""
    return tuple(_gap(column, one) for one in _several(value, ";"))


def _gap(column: str, given: object) -> Gap:
    value = given
    remedy = "Write it as request, request 0..60min, request 7d.. or request 0..2h same-day."
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        bounds = [fields.get("least"), fields.get("most")]
        least, most = (None if is_absent(one) else number(column, one) for one in bounds)
        gap = Gap(text(column, fields.get("request")), least or 0, most, bool(fields.get("same_day")))
    else:
        words = value.split() if isinstance(value, str) else []
        same_day = len(words) > 1 and words[-1] == "same-day"
        words = words[:-1] if same_day else words
        if not 1 <= len(words) <= 2:
            raise _unreadable(column, value, "a request and a gap", remedy)
        least, most = (0, None) if len(words) == 1 else _range(column, words[1], remedy)
        gap = Gap(words[0], least, most, same_day)
    if gap.most is not None and gap.most < gap.least:
        raise _unreadable(column, given, "possible", "The longest gap must not be shorter than the shortest.")
    return gap


def _range(column: str, value: str, remedy: str) -> tuple[int, int | None]:
    first, dots, last = value.partition("..")
    matches = [_LENGTH.fullmatch(one) for one in (first, last)]
    if not dots or not (first or last) or any(one and not match for one, match in zip((first, last), matches)):
        raise _unreadable(column, value, "a gap", remedy)
    units = [match[2] if match else None for match in matches]
    # `0..60min`: the unit of one holds for both; a gap of nothing needs none.
    unit = units[0] or units[1]
    lengths: list[int | None] = []
    for match, own in zip(matches, units, strict=True):
        if match is None:
            lengths.append(None)
            continue
        amount = int(match[1])
        if amount and not (own or unit):
            raise _unreadable(column, value, "a gap with a unit", "Units are min, h, d and wk.")
        lengths.append(amount * _LENGTHS[own or unit or "min"])
    return lengths[0] or 0, lengths[1]


# Lists


def _several(value: object, separator: str) -> Iterator[object]:
    """The parts of a list: as Arrow gives it, or written with separators. Blank ones are left out."""
    parts: list[object] = cast("list[object]", value) if isinstance(value, list | tuple) else [value]
    if isinstance(value, str):
        parts = cast("list[object]", value.split(separator))
    for one in parts:
        if not is_absent(one):
            yield one.strip() if isinstance(one, str) else one


def _unreadable(column: str, value: object, expected: str, remedy: str) -> InvalidInputError:
    shown = repr(value)
    shown = f"{shown[:60]}…" if len(shown) > 60 else shown
    return InvalidInputError(f"{column} {shown} is not {expected}. {remedy}")
