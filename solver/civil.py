"""Wall clock ↔ minutes: the only place that turns one into the other.

A zone is a `tzinfo` handed in from outside. Its rules (specification, model 6): a skipped wall-clock time moves
forward by the gap, a repeated one is its first pass, and 00:00 is the start of the local day, which is the first
instant at or after local midnight. Days are counted from 1970-01-01 (a Thursday).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

DAY_SECONDS = 86_400
DAY_MINUTES = 1_440
DAY_MS = 86_400_000
MINUTE_MS = 60_000
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
# datetime ends with the years 1 and 9999; beyond, a zone is read as UTC.
_FIRST_DAY = date(1, 1, 5).toordinal() - _EPOCH_ORDINAL
_LAST_DAY = date(9999, 12, 27).toordinal() - _EPOCH_ORDINAL
_EPOCH = datetime(1970, 1, 1)


class Local(NamedTuple):
    """A wall-clock reading: day since 1970-01-01, second of that day."""

    day: int
    second: int


class Span(NamedTuple):
    """Seconds since the epoch [start, end) in which the zone's offset from UTC, in seconds, is constant."""

    start: int
    end: int
    offset: int


class Zone:
    """One time zone; equal by the name it was asked for under its canonical spelling."""

    __slots__ = ("_info", "_spans", "name")

    def __init__(self, name: str, info: tzinfo) -> None:
        self.name = name
        self._info = info
        self._spans: dict[tuple[int, int], tuple[Span, ...]] = {}

    def __repr__(self) -> str:
        return f"Zone({self.name!r})"

    def offset(self, second: int) -> int:
        """Seconds to add to UTC at the instant `second`."""
        if not _FIRST_DAY * DAY_SECONDS <= second < _LAST_DAY * DAY_SECONDS:
            return 0
        return _seconds(datetime.fromtimestamp(second, self._info).utcoffset())

    def abbreviation(self, minute: int) -> str:
        """What people write behind the time, such as EDT; for zones without letters an offset such as -03."""
        second = min(max(minute * 60, _FIRST_DAY * DAY_SECONDS), _LAST_DAY * DAY_SECONDS)
        return datetime.fromtimestamp(second, self._info).tzname() or ""

    def local(self, minute: int) -> Local:
        """What the wall clock shows at `minute`."""
        second = minute * 60
        return Local(*divmod(second + self.offset(second), DAY_SECONDS))

    def _offsets(self, day: int, second: int) -> tuple[int, int]:
        """The offsets before and after a change that skips or repeats this wall-clock time (PEP 495)."""
        if not _FIRST_DAY <= day < _LAST_DAY:
            return 0, 0
        wall = (_EPOCH + timedelta(days=day, seconds=second)).replace(tzinfo=self._info)
        return _seconds(wall.utcoffset()), _seconds(wall.replace(fold=1).utcoffset())

    def exists(self, day: int, second: int) -> bool:
        """Does the wall clock show this time, or is it skipped?"""
        before, after = self._offsets(day, second)
        return after <= before

    def instant_ms(self, day: int, wall_ms: int) -> int:
        """The instant of a wall-clock time, `wall_ms` after 00:00 on the clock (may be 24 h or more)."""
        day, wall_ms = day + wall_ms // DAY_MS, wall_ms % DAY_MS
        if wall_ms == 0:
            return self.day_start_ms(day)
        before, _ = self._offsets(day, wall_ms // 1000)
        return day * DAY_MS + wall_ms - before * 1000

    def day_start_ms(self, day: int) -> int:
        """The first instant at or after local midnight. A day that is skipped starts when the next one does."""
        before, after = self._offsets(day, 0)
        midnight = day * DAY_SECONDS
        if after <= before:
            return (midnight - before) * 1000
        # Midnight is skipped: the day begins at the change itself, between these two instants.
        low, high = midnight - after, midnight - before
        while high - low > 1:
            middle = (low + high) // 2
            if self.offset(middle) == before:
                low = middle
            else:
                high = middle
        return high * 1000

    def local_day(self, minute: int) -> int:
        """The local day that contains `minute`; where a change repeats midnight, the later day holds both."""
        day = self.local(minute).day
        return day + 1 if minute * MINUTE_MS >= self.day_start_ms(day + 1) else day

    def spans(self, start: int, end: int) -> tuple[Span, ...]:
        """The spans of constant offset that cover the minutes [start, end), clipped to them."""
        key = (start, end)
        if key not in self._spans:
            self._spans[key] = tuple(self._find_spans(start * 60, end * 60))
        return self._spans[key]

    def _find_spans(self, start: int, end: int) -> list[Span]:
        # No zone changes twice within half a day.
        found: list[Span] = []
        begun, offset = start, self.offset(start)
        at = start
        while at < end:
            later = min(at + DAY_SECONDS // 2, end)
            changed = self.offset(later)
            if changed != offset:
                low, high = at, later
                while high - low > 1:
                    middle = (low + high) // 2
                    if self.offset(middle) == offset:
                        low = middle
                    else:
                        high = middle
                found.append(Span(begun, high, offset))
                begun, offset = high, changed
            at = later
        if begun < end:
            found.append(Span(begun, end, offset))
        return found


def _seconds(offset: timedelta | None) -> int:
    return 0 if offset is None else offset.days * DAY_SECONDS + offset.seconds


def weekday(day: int) -> int:
    """Monday is 0."""
    return (day + 3) % 7


def month_number(day: int) -> int:
    """Months since January 1970."""
    at = _date(day)
    return 12 * (at.year - 1970) + at.month - 1


def month_start(month: int) -> int:
    """The day on which a month, counted from January 1970, begins."""
    years, rest = divmod(month, 12)
    return day_number(1970 + years, rest + 1, 1)


def day_number(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01; years before 1 and beyond 9999 are taken as the borders of these."""
    if year > 9999:
        return date(9999, 12, 31).toordinal() - _EPOCH_ORDINAL + 1
    if year < 1:
        return date(1, 1, 1).toordinal() - _EPOCH_ORDINAL
    return date(year, month, day).toordinal() - _EPOCH_ORDINAL


@lru_cache(maxsize=1024)
def iso_date(day: int) -> str:
    return _date(day).isoformat()


def _date(day: int) -> date:
    return date.fromordinal(min(max(day + _EPOCH_ORDINAL, 1), date.max.toordinal()))


def utc(minute: int) -> datetime:
    """An aware datetime for printing."""
    return datetime.fromtimestamp(minute * 60, UTC)
