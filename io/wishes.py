"""What people wish for beyond the operation: local days, hours of the day, weekdays, notice; as sets of starts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from ..solver.civil import DAY_MS, MINUTE_MS, Zone, iso_date, weekday
from ..solver.errors import InvalidInputError
from ..solver.intervals import Edges, from_pairs, intersect
from .instants import ceil_minute, dates, floor_minute, instant_ms, wall_ms
from .resources import DAYS

_NOTICE = re.compile(r"(\d+)\s*(min|m|h|d|wk|w)", re.ASCII)
_MINUTES = {"min": 1, "m": 1, "h": 60, "d": 1440, "wk": 10080, "w": 10080}


class Window(NamedTuple):
    """A search window in milliseconds since the epoch."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Wishes:
    """Filters on the start of a visit. `between` are two times of the day in which the visit must lie."""

    between: tuple[int, int] | None = None
    weekdays: frozenset[int] | None = None
    earliest_ms: int | None = None

    def starts(self, window: Window, zone: Zone, duration: int) -> Edges | None:
        """The starts, in minutes, that fulfil all wishes in the window; None if there are none."""
        if self == Wishes():
            return None
        low, high = floor_minute(window.start_ms), ceil_minute(window.end_ms)
        allowed: Edges = [low, high]
        days = range(zone.local(low).day - 1, zone.local(high).day + 1)
        if self.between is not None:
            opens, closes = self.between
            closes += DAY_MS if closes <= opens else 0
            pieces = [
                (ceil_minute(zone.instant_ms(d, opens)), floor_minute(zone.instant_ms(d, closes)) - duration + 1)
                for d in days
            ]
            allowed = intersect(allowed, from_pairs(pieces))
        if self.weekdays is not None:
            wanted = [day for day in days if weekday(day) in self.weekdays]
            allowed = intersect(
                allowed,
                from_pairs(
                    (ceil_minute(zone.day_start_ms(day)), ceil_minute(zone.day_start_ms(day + 1))) for day in wanted
                ),
            )
        if self.earliest_ms is not None:
            earliest = ceil_minute(self.earliest_ms)
            allowed = intersect(allowed, [earliest, max(high, earliest + 1)])
        return allowed


def read_between(text: str) -> tuple[int, int]:
    """`09:00-12:00` in milliseconds on the clock. Raises InvalidInputError."""
    first, dash, last = text.partition("-")
    times = wall_ms(first.strip()), wall_ms("00:00" if last.strip() == "24:00" else last.strip())
    if not dash or times[0] is None or times[1] is None:
        raise InvalidInputError(f"--between {text!r} is not two times of the day. Write it as 09:00-12:00.")
    return times[0], times[1]


def read_weekdays(text: str) -> frozenset[int]:
    """`tue,thu` as numbers from Monday, 0. Raises InvalidInputError."""
    found: set[int] = set()
    for name in text.split(","):
        short = name.strip().casefold()[:3]
        if short not in DAYS or not _is_day(name.strip().casefold()):
            raise InvalidInputError(f"--weekday {text!r}: {name.strip()!r} is no day. Days are {', '.join(DAYS)}.")
        found.add(DAYS.index(short))
    return frozenset(found)


def _is_day(name: str) -> bool:
    full = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    return any(day.startswith(name) for day in full)


def read_notice(text: str, option: str = "--notice") -> int:
    """`2h` in minutes; units are min, h, d, wk. Raises InvalidInputError."""
    match = _NOTICE.fullmatch(text.strip())
    if match is None:
        raise InvalidInputError(f"{option} {text!r} is not a length of time. Write it as 90min, 2h, 3d or 1wk.")
    return int(match[1]) * _MINUTES[match[2]]


def read_window(start: str, end: str, zone: Zone, most_ms: int) -> Window:
    """Two bounds, each a local day (`--end` includes it) or an instant. Raises InvalidInputError.

    Local days across an autumn change are longer than they look: a window over `most_ms` that ends with a bare date
    is refused with the last date that fits.
    """
    start_ms, end_ms = _bound_ms("--start", start, zone), _bound_ms("--end", end, zone)
    if start_ms >= end_ms:
        raise InvalidInputError(
            f"--end {end} is not after --start {start}. Give an end after the start; the day of --end is included."
        )
    days = dates(end)
    if days is not None and end_ms - start_ms > most_ms:
        last = zone.local_day((start_ms + most_ms) // MINUTE_MS)
        hours = most_ms // 3_600_000
        raise InvalidInputError(
            f"--start {start} to --end {end} are {_hours(end_ms - start_ms)} h in {zone.name}, "
            f"more than the {hours} h of one search. The last --end that fits is {iso_date(last - 1)}."
        )
    return Window(start_ms, end_ms)


def _hours(ms: int) -> str:
    return f"{ms / 3_600_000:.10g}"


def _bound_ms(option: str, text: str, zone: Zone) -> int:
    days = dates(text) if len(text) == 10 else None
    if days is not None:
        return zone.day_start_ms(days.first if option == "--start" else days.last)
    at = instant_ms(text)
    if at is None:
        raise InvalidInputError(
            f"{option} {text!r} is neither a date such as 2026-03-10 nor an instant with an offset "
            "such as 2026-03-10T09:00:00-04:00."
        )
    return at
