"""Series against a second way: every day of the year asked whether the rule means it, and zoneinfo for the clocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from ics_support import event, feed

CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
ZONES = ("America/New_York", "Europe/Vienna", "Australia/Lord_Howe", "America/Santiago")
LAST = date(2027, 1, 3)


@dataclass(frozen=True)
class Rule:
    frequency: str
    interval: int
    days: tuple[str, ...]
    month_days: tuple[int, ...]
    months: tuple[int, ...]
    count: int | None
    until: date | None

    def text(self) -> str:
        parts = [f"FREQ={self.frequency}", f"INTERVAL={self.interval}"]
        for name, values in (("BYDAY", self.days), ("BYMONTHDAY", self.month_days), ("BYMONTH", self.months)):
            parts += [f"{name}={','.join(map(str, values))}"] if values else []
        parts += [f"COUNT={self.count}"] if self.count is not None else []
        parts += [f"UNTIL={self.until:%Y%m%d}"] if self.until is not None else []
        return ";".join(parts)

    def means(self, day: date, first: date) -> bool:
        """Is the day one of the rule's? Read off the table of RFC 5545, 3.3.10, for these parts."""
        if self.months and day.month not in self.months:
            return False
        if self.month_days and not any(_is_month_day(day, number) for number in self.month_days):
            return False
        if self.frequency == "DAILY":
            return (day - first).days % self.interval == 0 and self._is_weekday(day, default=True)
        if self.frequency == "WEEKLY":
            weeks = (_monday(day) - _monday(first)).days // 7
            return weeks % self.interval == 0 and self._is_weekday(day, default=day.weekday() == first.weekday())
        months = 12 * (day.year - first.year) + day.month - first.month
        if self.frequency == "MONTHLY":
            return months % self.interval == 0 and self._is_in_month(day, first)
        years = day.year - first.year
        is_month = bool(self.months) or bool(self.month_days) or day.month == first.month
        return years % self.interval == 0 and is_month and (bool(self.month_days) or day.day == first.day)

    def _is_weekday(self, day: date, *, default: bool) -> bool:
        return CODES[day.weekday()] in self.days if self.days else default

    def _is_in_month(self, day: date, first: date) -> bool:
        if self.days:
            return any(_is_ordinal(day, one) for one in self.days)
        return bool(self.month_days) or day.day == first.day


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _length(day: date) -> int:
    return ((day.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)).day


def _is_month_day(day: date, number: int) -> bool:
    return day.day == (number if number > 0 else _length(day) + 1 + number)


def _is_ordinal(day: date, text: str) -> bool:
    """`2TU` is the second Tuesday of the month, `-1FR` its last Friday, `MO` every Monday."""
    if CODES[day.weekday()] != text[-2:]:
        return False
    number = int(text[:-2] or 0)
    return number in (0, (day.day - 1) // 7 + 1, -((_length(day) - day.day) // 7 + 1))


def expected(rule: Rule, first: date, hour: int, minute: int, zone: str) -> Iterator[datetime]:
    """The starts in UTC: DTSTART, and then the days that the rule means."""
    given = 0
    day = first
    while day < LAST:
        if rule.until is not None and day > rule.until and day > first:
            return
        if day == first or rule.means(day, first):
            if rule.count is not None and given >= rule.count:
                return
            given += 1
            # Fold 0: a skipped time moves forward, a repeated one is its first pass.
            yield datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        day += timedelta(days=1)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    days: tuple[str, ...] = ()
    month_days: tuple[int, ...] = ()
    if frequency in ("DAILY", "WEEKLY"):
        days = tuple(draw(st.sets(st.sampled_from(CODES), max_size=3)))
    elif frequency == "MONTHLY":
        numbers = ("", "1", "2", "5", "-1", "-2")
        ordinals = st.sampled_from([f"{number}{day}" for number in numbers for day in CODES])
        days = tuple(draw(st.sets(ordinals, max_size=2)))
    if not days and frequency in ("MONTHLY", "YEARLY"):
        month_days = tuple(draw(st.sets(st.sampled_from([1, 15, 29, 31, -1, -30]), max_size=2)))
    months = tuple(draw(st.sets(st.integers(1, 12), max_size=4)))
    count = draw(st.none() | st.integers(1, 12))
    until = None if count is not None else draw(st.none() | st.dates(date(2026, 1, 1), date(2026, 12, 31)))
    return Rule(frequency, draw(st.integers(1, 4)), days, month_days, months, count, until)


@settings(max_examples=120, deadline=None)
@given(
    rule=rules(),
    first=st.dates(date(2026, 1, 1), date(2026, 6, 30)),
    time=st.sampled_from([(9, 0), (2, 30), (1, 45), (0, 0)]),
    zone=st.sampled_from(ZONES),
)
def test_series_are_the_days_that_a_rule_means(rule: Rule, first: date, time: tuple[int, int], zone: str) -> None:
    start = f"DTSTART;TZID={zone}:{first:%Y%m%d}T{time[0]:02}{time[1]:02}00"
    with TemporaryDirectory() as folder:
        found = feed(
            Path(folder),
            event(start, "DURATION:PT1M", f"RRULE:{rule.text()}"),
            zone=zone,
            window=("2025-12-31T00:00", "2027-01-01T00:00"),
        )
    wanted = [one for one in expected(rule, first, *time, zone) if one < datetime(2027, 1, 1, tzinfo=UTC)]
    assert found.unread == []
    assert [datetime.fromtimestamp(one.start_ms / 1000, UTC) for one in found.busy] == sorted(set(wanted))


@settings(max_examples=40, deadline=None)
@given(rule=rules(), first=st.dates(date(2026, 1, 1), date(2026, 6, 30)), zone=st.sampled_from(ZONES))
def test_whole_days_recur_as_days(rule: Rule, first: date, zone: str) -> None:
    with TemporaryDirectory() as folder:
        found = feed(Path(folder), event(f"DTSTART;VALUE=DATE:{first:%Y%m%d}", f"RRULE:{rule.text()}"), zone=zone)
    # The zone is of no matter for which days they are.
    wanted = [one.date().isoformat() for one in expected(rule, first, 12, 0, "Etc/UTC")]
    assert [one.recurrence for one in found.busy if one.recurrence < "2026-12-31"] == [
        one for one in wanted if one < "2026-12-31"
    ]
