"""Words and local times as people read them; nothing here imports more than it prints."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..solver.civil import iso_date, weekday

if TYPE_CHECKING:
    from ..solver.civil import Zone

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def printable(text: object) -> str:
    """A text without the control characters that would steer a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text))


def day(minute: int, zone: Zone, *, with_year: bool = False) -> str:
    """`Tue 10 Mar`, days of one digit padded; or `Tue 3 Mar 2026`."""
    local_day = zone.local(minute).day
    year, month, number = iso_date(local_day).split("-")
    name, month_name = _DAYS[weekday(local_day)], _MONTHS[int(month) - 1]
    return f"{name} {int(number)} {month_name} {year}" if with_year else f"{name} {int(number):2} {month_name}"


def clock(minute: int, zone: Zone) -> str:
    second = zone.local(minute).second
    return f"{second // 3600:02}:{second // 60 % 60:02}"


def times(start: int, end: int, zone: Zone) -> str:
    """`09:00 – 09:30 EDT`; each end has its own zone where they differ."""
    first, last = zone.abbreviation(start), zone.abbreviation(end)
    begins = clock(start, zone) if first == last else f"{clock(start, zone)} {first}"
    return f"{begins} – {clock(end, zone)} {last}"


def moment_ms(at_ms: int, zone: Zone) -> str:
    """`Tue 10 Mar 2026, 09:00 EDT`; finer than a minute is cut off."""
    minute = at_ms // 60_000
    return f"{day(minute, zone, with_year=True)}, {clock(minute, zone)} {zone.abbreviation(minute)}"


def span_ms(start_ms: int | None, end_ms: int | None, zone: Zone) -> str:
    """`Tue 10 Mar 2026, 09:00 – 09:30 EDT`; whole local days by their dates."""
    if start_ms is None:
        return "no time"
    if end_ms is None:
        return moment_ms(start_ms, zone)
    start, end = start_ms // 60_000, -(-end_ms // 60_000)
    if start < end and all(zone.day_start_ms(zone.local_day(at)) == at * 60_000 for at in (start, end)):
        first, last = day(start, zone, with_year=True), day(end - 1, zone, with_year=True)
        return f"{first}, all day" if first == last else f"{first} to {last}"
    if zone.local(start).day == zone.local(end).day:
        return f"{day(start, zone, with_year=True)}, {times(start, end, zone)}"
    return f"{moment_ms(start_ms, zone)} – {moment_ms(end * 60_000, zone)}"


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def columns(rows: Sequence[Sequence[str]], *, indent: str = "") -> Iterator[str]:
    """Rows with their cells under each other."""
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell + " " * (space - width(cell)) for cell, space in zip(row, widths, strict=True))
        yield f"{indent}{'   '.join(cells)}".rstrip()


def width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text
    )
