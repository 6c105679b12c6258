"""FHIR's dates and times as text ↔ integers (specification, model 6). Zones of places are not known here."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Literal, NamedTuple

from ..solver.civil import DAY_MS, MINUTE_MS, Zone, day_number, iso_date

_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d+))?)?"
    r"(?:Z|([+-])(0\d|1[0-3]):([0-5]\d)|([+-])14:00)",
    re.ASCII,
)
_CLOCK = re.compile(r"T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{3}))?", re.ASCII)
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d|60)(?:\.(\d+))?)?", re.ASCII)
_EPOCH = date(1970, 1, 1).toordinal()


@lru_cache(maxsize=4096)
def _days(text: str) -> int | None:
    # fromisoformat takes week dates and other digits too.
    if _DATE.fullmatch(text) is None:
        return None
    try:
        return date.fromisoformat(text).toordinal() - _EPOCH
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _clock_ms(text: str) -> int | None:
    """`T09:30:00` or `T09:30:00.000`."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    hour, minute, second, fraction = match.groups()
    return (int(hour) * 60 + int(minute)) * MINUTE_MS + int(second) * 1000 + int(fraction or 0)


def instant_ms(text: object) -> int | None:
    """Milliseconds since the epoch of a FHIR instant (seconds may be missing); None if it is not readable."""
    if not isinstance(text, str):
        return None
    if text[-1:] == "Z":
        # Nearly all stored times: in UTC, on one of a few days, at one of a few times of the day.
        days, clock = _days(text[:10]), _clock_ms(text[10:-1])
        if days is not None and clock is not None:
            return days * DAY_MS + clock
    match = _INSTANT.fullmatch(text)
    if match is None:
        return None
    day, hour, minute, second, fraction, sign, off_hour, off_minute, far_sign = match.groups()
    days = _days(day)
    if days is None:
        return None
    at = days * DAY_MS + (int(hour) * 60 + int(minute)) * MINUTE_MS
    if second:
        at += int(second) * 1000
    if fraction:
        at += int(fraction[:3].ljust(3, "0"))
    if sign:
        shift = (int(off_hour) * 60 + int(off_minute)) * MINUTE_MS
        at -= shift if sign == "+" else -shift
    elif far_sign:
        at -= 14 * 60 * MINUTE_MS if far_sign == "+" else -14 * 60 * MINUTE_MS
    return at


def search_time_ms(text: object) -> int | None:
    """Like `instant_ms`; a full date is midnight UTC."""
    if isinstance(text, str) and len(text) == 10:
        days = _days(text)
        return None if days is None else days * DAY_MS
    return instant_ms(text)


class Dates(NamedTuple):
    """The local days [first, last) that a year, a month or a date names."""

    first: int
    last: int


def dates(text: str) -> Dates | None:
    """The days of `2026`, `2026-03` or `2026-03-10`; None if it is none of these."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    year, month, day = (int(part) if part else None for part in match.groups())
    if not year:
        return None
    try:
        if month is None:
            return Dates(day_number(year, 1, 1), day_number(year + 1, 1, 1))
        if day is None:
            after = (year, month + 1) if month < 12 else (year + 1, 1)
            return Dates(day_number(year, month, 1), day_number(*after, 1))
        return Dates(day_number(year, month, day), day_number(year, month, day) + 1)
    except ValueError:
        return None


def period_bound_ms(text: str, zone: Zone, side: Literal["start", "end"]) -> int | None:
    """A bound of a FHIR Period: an instant, or the start or the end of the local days named."""
    days = dates(text)
    if days is None:
        return instant_ms(text)
    return zone.day_start_ms(days.first if side == "start" else days.last)


def is_readable_bound(text: str) -> bool:
    """Is this a bound of a Period at all? (FHIR dateTime)"""
    return dates(text) is not None or instant_ms(text) is not None


def wall_ms(text: object) -> int | None:
    """Milliseconds after 00:00 of a FHIR time; None if it is not readable."""
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    hour, minute, second, fraction = match.groups()
    at = (int(hour) * 60 + int(minute)) * MINUTE_MS + int(second or 0) * 1000
    return at + int((fraction or "")[:3].ljust(3, "0"))


def ceil_minute(at_ms: int) -> int:
    return -(-at_ms // MINUTE_MS)


def floor_minute(at_ms: int) -> int:
    return at_ms // MINUTE_MS


def utc_text_ms(at_ms: int) -> str:
    """An instant in UTC with milliseconds."""
    minute, rest = divmod(at_ms, MINUTE_MS)
    return f"{utc_text(minute)[:17]}{rest // 1000:02}.{rest % 1000:03}Z"


@lru_cache(maxsize=4096)
def utc_text(minute: int) -> str:
    """A minute as FHIR instant in UTC with milliseconds."""
    day, rest = divmod(minute, 1440)
    return f"{iso_date(day)}T{rest // 60:02}:{rest % 60:02}:00.000Z"
