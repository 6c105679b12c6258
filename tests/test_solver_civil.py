"""Wall clock and minutes: gaps, folds, odd zones and days without a midnight."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slotwright.solver import civil
from slotwright.solver.civil import DAY_SECONDS, MINUTE_MS, Local, Zone
from solver_support import EPOCH_DAY, MINUTE, day, info, local_date, minute, text, wall, zone

NEW_YORK = "America/New_York"
SANTIAGO = "America/Santiago"
HAVANA = "America/Havana"
ST_JOHNS = "America/St_Johns"
LORD_HOWE = "Australia/Lord_Howe"
APIA = "Pacific/Apia"
KWAJALEIN = "Pacific/Kwajalein"
KATHMANDU = "Asia/Kathmandu"
MONROVIA = "Africa/Monrovia"
UTC = "Etc/UTC"

CHANGES = [
    (NEW_YORK, "2026-03-08T07:00Z"),
    (NEW_YORK, "2026-11-01T06:00Z"),
    (SANTIAGO, "2026-04-05T03:00Z"),
    (SANTIAGO, "2026-09-06T04:00Z"),
    (HAVANA, "2024-03-10T05:00Z"),
    (HAVANA, "2024-11-03T05:00Z"),
    (ST_JOHNS, "2010-03-14T03:31Z"),
    (ST_JOHNS, "2010-11-07T02:31Z"),
    (LORD_HOWE, "2026-04-04T15:00Z"),
    (LORD_HOWE, "2026-10-03T15:30Z"),
    (APIA, "2011-12-30T10:00Z"),
    (KWAJALEIN, "1993-08-21T12:00Z"),
    (KATHMANDU, "1985-12-31T18:30Z"),
    ("America/Toronto", "1919-03-31T04:30Z"),  # from 23:30 to 00:30
    ("Europe/Vienna", "2026-10-25T01:00Z"),
    ("Africa/Casablanca", "2024-03-10T02:00Z"),
    ("Antarctica/Troll", "2026-03-29T01:00Z"),
    (UTC, "2026-03-08T07:00Z"),
]


def clock(at: str) -> int:
    """Seconds after 00:00 of `02:30` or `02:30:15`."""
    shown = time.fromisoformat(at)
    return shown.hour * 3600 + shown.minute * 60 + shown.second


def instant(name: str, on: str, at: str) -> str:
    found, rest = divmod(zone(name).instant_ms(day(on), clock(at) * 1000), MINUTE_MS)
    assert rest == 0
    return text(found)


def day_start(name: str, on: str) -> str:
    found, rest = divmod(zone(name).day_start_ms(day(on)), MINUTE_MS)
    assert rest == 0
    return text(found)


@cache
def readings(name: str, change: str) -> tuple[tuple[int, datetime], ...]:
    """What the clock shows in each minute around a change."""
    middle, reach = minute(change), 60 * (30 if name in (APIA, KWAJALEIN) else 9)
    return tuple((at, wall(name, at)) for at in range(middle - reach, middle + reach))


# By name


@pytest.mark.parametrize(
    ("name", "on", "at", "expected"),
    [
        (NEW_YORK, "2026-03-08", "01:59", "2026-03-08T06:59Z"),
        (NEW_YORK, "2026-03-08", "02:00", "2026-03-08T07:00Z"),  # skipped, read as 03:00
        (NEW_YORK, "2026-03-08", "02:30", "2026-03-08T07:30Z"),  # skipped, read as 03:30
        (NEW_YORK, "2026-03-08", "03:00", "2026-03-08T07:00Z"),
        (NEW_YORK, "2026-03-08", "03:15", "2026-03-08T07:15Z"),
        (NEW_YORK, "2026-03-09", "00:00", "2026-03-09T04:00Z"),
        (NEW_YORK, "2026-11-01", "00:59", "2026-11-01T04:59Z"),
        (NEW_YORK, "2026-11-01", "01:30", "2026-11-01T05:30Z"),  # repeated, the first pass
        (NEW_YORK, "2026-11-01", "02:00", "2026-11-01T07:00Z"),
        (SANTIAGO, "2026-09-06", "00:00", "2026-09-06T04:00Z"),  # no midnight: the start of the day
        (SANTIAGO, "2026-09-06", "00:30", "2026-09-06T04:30Z"),  # skipped, read as 01:30
        (SANTIAGO, "2026-09-06", "01:00", "2026-09-06T04:00Z"),
        (SANTIAGO, "2026-09-05", "23:59", "2026-09-06T03:59Z"),
        (SANTIAGO, "2026-04-04", "23:30", "2026-04-05T02:30Z"),  # repeated, the first pass
        (SANTIAGO, "2026-04-05", "00:00", "2026-04-05T04:00Z"),
        (HAVANA, "2024-11-03", "00:00", "2024-11-03T04:00Z"),  # midnight comes twice, the first pass
        (HAVANA, "2024-11-03", "00:30", "2024-11-03T04:30Z"),
        (HAVANA, "2024-11-03", "01:00", "2024-11-03T06:00Z"),
        (HAVANA, "2024-03-10", "00:00", "2024-03-10T05:00Z"),  # no midnight
        (ST_JOHNS, "2010-11-07", "00:00", "2010-11-07T02:30Z"),  # midnight, a minute later 23:01 again
        (ST_JOHNS, "2010-11-07", "00:01", "2010-11-07T03:31Z"),
        (ST_JOHNS, "2010-11-06", "23:30", "2010-11-07T02:00Z"),
        (LORD_HOWE, "2026-04-05", "01:45", "2026-04-04T14:45Z"),  # repeated half hour, the first pass
        (LORD_HOWE, "2026-04-05", "02:00", "2026-04-04T15:30Z"),
        (LORD_HOWE, "2026-10-04", "02:15", "2026-10-03T15:45Z"),  # skipped half hour, read as 02:45
        (LORD_HOWE, "2026-10-04", "02:30", "2026-10-03T15:30Z"),
        (APIA, "2011-12-29", "23:59", "2011-12-30T09:59Z"),
        (APIA, "2011-12-30", "12:00", "2011-12-30T22:00Z"),  # the whole day is skipped, read as 12:00 on the 31st
        (APIA, "2011-12-31", "12:00", "2011-12-30T22:00Z"),
        (KATHMANDU, "2026-03-16", "00:00", "2026-03-15T18:15Z"),
        (KATHMANDU, "1986-01-01", "00:00", "1985-12-31T18:30Z"),  # 00:00 to 00:15 are skipped
        (KATHMANDU, "1986-01-01", "00:10", "1985-12-31T18:40Z"),  # read as 00:25
    ],
)
def test_wall_clock_to_instant(name: str, on: str, at: str, expected: str) -> None:
    assert instant(name, on, at) == expected


@pytest.mark.parametrize(
    ("name", "on", "at", "expected"),
    [
        (NEW_YORK, "2026-03-08", "01:59:59", True),
        (NEW_YORK, "2026-03-08", "02:00", False),
        (NEW_YORK, "2026-03-08", "02:59:59", False),
        (NEW_YORK, "2026-03-08", "03:00", True),
        (NEW_YORK, "2026-11-01", "01:30", True),
        (SANTIAGO, "2026-09-06", "00:00", False),
        (SANTIAGO, "2026-09-06", "01:00", True),
        (SANTIAGO, "2026-04-04", "23:30", True),
        (HAVANA, "2024-11-03", "00:00", True),
        (LORD_HOWE, "2026-10-04", "02:00", False),
        (LORD_HOWE, "2026-10-04", "02:29", False),
        (LORD_HOWE, "2026-10-04", "02:30", True),
        (APIA, "2011-12-30", "00:00", False),
        (APIA, "2011-12-30", "23:59", False),
        (APIA, "2011-12-31", "00:00", True),
        (MONROVIA, "1972-01-07", "00:00", False),
        (MONROVIA, "1972-01-07", "00:44:29", False),
        (MONROVIA, "1972-01-07", "00:44:30", True),
    ],
)
def test_a_skipped_time_does_not_exist_and_a_repeated_one_does(name: str, on: str, at: str, expected: bool) -> None:
    assert zone(name).exists(day(on), clock(at)) is expected


@pytest.mark.parametrize(
    ("name", "on", "start", "hours"),
    [
        (NEW_YORK, "2026-03-08", "2026-03-08T05:00Z", 23),
        (NEW_YORK, "2026-11-01", "2026-11-01T04:00Z", 25),
        (SANTIAGO, "2026-09-06", "2026-09-06T04:00Z", 23),
        (SANTIAGO, "2026-09-05", "2026-09-05T04:00Z", 24),
        (SANTIAGO, "2026-04-04", "2026-04-04T03:00Z", 25),
        (HAVANA, "2024-11-03", "2024-11-03T04:00Z", 25),
        (HAVANA, "2024-11-02", "2024-11-02T04:00Z", 24),
        (HAVANA, "2025-11-02", "2025-11-02T04:00Z", 25),
        (ST_JOHNS, "2010-11-06", "2010-11-06T02:30Z", 24),
        (ST_JOHNS, "2010-11-07", "2010-11-07T02:30Z", 25),
        (LORD_HOWE, "2026-04-05", "2026-04-04T13:00Z", 24.5),
        (LORD_HOWE, "2026-10-04", "2026-10-03T13:30Z", 23.5),
        (APIA, "2011-12-29", "2011-12-29T10:00Z", 24),
        (APIA, "2011-12-30", "2011-12-30T10:00Z", 0),
        (APIA, "2011-12-31", "2011-12-30T10:00Z", 24),
        (KWAJALEIN, "1993-08-21", "1993-08-21T12:00Z", 0),
        (KATHMANDU, "1986-01-01", "1985-12-31T18:30Z", 23.75),
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30Z", 23.5),  # midnight lies inside the gap
        ("America/Toronto", "1919-03-30", "1919-03-30T05:00Z", 23.5),
    ],
)
def test_a_local_day_has_its_own_length(name: str, on: str, start: str, hours: float) -> None:
    assert day_start(name, on) == start
    assert zone(name).day_start_ms(day(on) + 1) - zone(name).day_start_ms(day(on)) == hours * 3_600_000


@pytest.mark.parametrize(
    ("name", "at", "shown", "of_day"),
    [
        (NEW_YORK, "2026-03-08T06:59Z", "2026-03-08 01:59", "2026-03-08"),
        (NEW_YORK, "2026-03-08T07:00Z", "2026-03-08 03:00", "2026-03-08"),
        (NEW_YORK, "2026-11-01T06:30Z", "2026-11-01 01:30", "2026-11-01"),
        (SANTIAGO, "2026-09-06T03:59Z", "2026-09-05 23:59", "2026-09-05"),
        (SANTIAGO, "2026-09-06T04:00Z", "2026-09-06 01:00", "2026-09-06"),
        (SANTIAGO, "2026-04-05T03:59Z", "2026-04-04 23:59", "2026-04-04"),
        (HAVANA, "2024-11-03T05:10Z", "2024-11-03 00:10", "2024-11-03"),
        (HAVANA, "2024-11-03T03:59Z", "2024-11-02 23:59", "2024-11-02"),
        (ST_JOHNS, "2010-11-07T02:29Z", "2010-11-06 23:59", "2010-11-06"),
        (ST_JOHNS, "2010-11-07T02:30Z", "2010-11-07 00:00", "2010-11-07"),
        (ST_JOHNS, "2010-11-07T02:31Z", "2010-11-06 23:01", "2010-11-07"),  # begun already
        (ST_JOHNS, "2010-11-07T03:29Z", "2010-11-06 23:59", "2010-11-07"),
        (ST_JOHNS, "2010-11-07T03:30Z", "2010-11-07 00:00", "2010-11-07"),
        (APIA, "2011-12-30T09:59Z", "2011-12-29 23:59", "2011-12-29"),
        (APIA, "2011-12-30T10:00Z", "2011-12-31 00:00", "2011-12-31"),
        (KATHMANDU, "2026-03-15T18:14Z", "2026-03-15 23:59", "2026-03-15"),
        (KATHMANDU, "2026-03-15T18:15Z", "2026-03-16 00:00", "2026-03-16"),
    ],
)
def test_instant_to_wall_clock_and_local_day(name: str, at: str, shown: str, of_day: str) -> None:
    on, _, time_shown = shown.partition(" ")
    assert zone(name).local(minute(at)) == Local(day(on), clock(time_shown))
    assert zone(name).local_day(minute(at)) == day(of_day)


def test_monrovia_has_seconds_in_its_offset_until_1972() -> None:
    monrovia = zone(MONROVIA)
    assert monrovia.offset(0) == -(44 * 60 + 30)
    assert monrovia.local(minute("1970-01-02T00:00Z")) == Local(day("1970-01-01"), clock("23:15:30"))
    assert monrovia.day_start_ms(day("1970-01-02")) == (DAY_SECONDS + 44 * 60 + 30) * 1000
    # The day begins at 00:44:30Z: the minute 00:44 still belongs to the day before.
    assert monrovia.local_day(minute("1970-01-02T00:44Z")) == day("1970-01-01")
    assert monrovia.local_day(minute("1970-01-02T00:45Z")) == day("1970-01-02")
    change = minute("1972-01-07T00:44Z") * 60 + 30
    assert [monrovia.offset(change - 1), monrovia.offset(change)] == [-2670, 0]
    assert monrovia.day_start_ms(day("1972-01-07")) == change * 1000
    low, high = minute("1972-01-06T00:00Z"), minute("1972-01-08T00:00Z")
    assert monrovia.spans(low, high) == ((low * 60, change, -2670), (change, high * 60, 0))


def test_milliseconds_of_the_wall_clock_are_kept() -> None:
    new_york = zone(NEW_YORK)
    at = minute("2026-03-08T07:30Z") * MINUTE_MS
    assert new_york.instant_ms(day("2026-03-08"), clock("02:30") * 1000 + 999) == at + 999
    assert new_york.instant_ms(day("2026-03-08"), 1) == minute("2026-03-08T05:00Z") * MINUTE_MS + 1


def test_a_wall_clock_time_of_24_hours_and_more_is_on_the_next_date() -> None:
    new_york = zone(NEW_YORK)
    saturday = day("2026-03-07")
    assert new_york.instant_ms(saturday, 24 * 3_600_000) == minute("2026-03-08T05:00Z") * MINUTE_MS
    assert new_york.instant_ms(saturday, (24 * 60 + 150) * MINUTE_MS) == minute("2026-03-08T07:30Z") * MINUTE_MS
    assert new_york.instant_ms(saturday, 48 * 3_600_000) == minute("2026-03-09T04:00Z") * MINUTE_MS


# Against the clock, minute by minute


@pytest.mark.parametrize(("name", "change"), CHANGES)
def test_every_minute_around_a_change_is_read_as_the_clock_shows_it(name: str, change: str) -> None:
    asked = zone(name)
    for at, shown in readings(name, change):
        on = (shown.date() - EPOCH_DAY).days
        assert asked.local(at) == Local(on, clock(shown.time().isoformat()))
        assert asked.offset(at * 60) == (shown - datetime(1970, 1, 1) - at * MINUTE).total_seconds()
        assert asked.local_day(at) == (local_date(name, at) - EPOCH_DAY).days


@pytest.mark.parametrize(("name", "change"), CHANGES)
def test_every_wall_clock_time_around_a_change_is_its_first_pass_or_moved_by_the_gap(name: str, change: str) -> None:
    asked = zone(name)
    known = readings(name, change)
    first: dict[datetime, int] = {}
    for at, shown in known:
        first.setdefault(shown, at)
    skipped = {
        one + k * MINUTE: other - one - MINUTE
        for (_, one), (_, other) in pairwise(known)
        for k in range(1, int((other - one) / MINUTE))
    }
    for shown in (*(shown for _, shown in known[1:]), *skipped):
        on, second = (shown.date() - EPOCH_DAY).days, clock(shown.time().isoformat())
        assert asked.exists(on, second) == (shown not in skipped)
        if second:
            expected = first[shown + skipped.get(shown, timedelta())]
        else:
            expected = next(at for at, reading in known if reading >= shown)
        assert asked.instant_ms(on, second * 1000) == expected * MINUTE_MS, shown


@pytest.mark.parametrize(("name", "change"), CHANGES)
def test_the_local_days_part_the_time(name: str, change: str) -> None:
    asked = zone(name)
    for at, _ in readings(name, change):
        on = asked.local_day(at)
        assert asked.day_start_ms(on) <= at * MINUTE_MS < asked.day_start_ms(on + 1)


@pytest.mark.parametrize(("name", "change"), CHANGES)
def test_spans_are_the_offsets_of_each_minute(name: str, change: str) -> None:
    middle = minute(change)
    for low, high in [(-3000, 3000), (-1, 1), (0, 700), (-700, 0), (-719, 1), (-721, 1), (-40, 20_000)]:
        check_spans(name, middle + low, middle + high)


def check_spans(name: str, low: int, high: int) -> None:
    found = zone(name).spans(low, high)
    assert [found[0].start, found[-1].end] == [low * 60, high * 60]
    assert all(span.start < span.end for span in found)
    assert all(one.end == other.start and one.offset != other.offset for one, other in pairwise(found))
    for span in found:
        for second in {span.start, span.end - 1, *range(-(-span.start // 60) * 60, span.end, 60)}:
            shown = datetime.fromtimestamp(second, info(name)).utcoffset()
            assert shown is not None
            assert shown.total_seconds() == span.offset


@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(
    st.sampled_from(sorted({*(name for name, _ in CHANGES), MONROVIA, "Europe/Dublin", "Asia/Gaza"})),
    st.integers(minute("1965-01-01T00:00Z"), minute("2060-01-01T00:00Z")),
    st.integers(1, 1500),
)
def test_spans_anywhere_are_the_offsets_of_each_minute(name: str, low: int, length: int) -> None:
    check_spans(name, low, low + length)


def test_spans_of_years_find_every_change() -> None:
    # Morocco changes its clocks around each Ramadan.
    spans = zone("Africa/Casablanca").spans(minute("2023-12-31T00:00Z"), minute("2027-01-01T00:00Z"))
    expected = [one for one, other in pairwise(hourly("Africa/Casablanca")) if one[1] != other[1]]
    assert len(spans) == len(expected) + 1
    assert [span.offset for span in spans[:-1]] == [offset for _, offset in expected]
    assert [span.end // 3600 for span in spans[:-1]] == [at + 1 for at, _ in expected]


def hourly(name: str) -> list[tuple[int, int]]:
    """(hours since the epoch, offset in seconds) from 2024 to 2026."""
    low, high = minute("2023-12-31T00:00Z") // 60, minute("2027-01-01T00:00Z") // 60
    found: list[tuple[int, int]] = []
    for at in range(low, high):
        shown = datetime.fromtimestamp(at * 3600, info(name)).utcoffset()
        assert shown is not None
        found.append((at, int(shown.total_seconds())))
    return found


def test_spans_of_nothing_are_none() -> None:
    assert zone(NEW_YORK).spans(5, 5) == ()


# The ends of the calendar


@pytest.mark.parametrize("name", [UTC, NEW_YORK, APIA, MONROVIA, "Etc/GMT+12", "Pacific/Kiritimati"])
@pytest.mark.parametrize("year", [1, 9999])
def test_the_first_and_the_last_year_do_not_raise(name: str, year: int) -> None:
    asked = zone(name)
    first, last = (date(year, 1, 1) - EPOCH_DAY).days, (date(year, 12, 31) - EPOCH_DAY).days
    for on in (*range(first - 1, first + 7), *range(last - 6, last + 3)):
        low = on * 1440
        start_ms = asked.day_start_ms(on)
        assert asked.instant_ms(on, 0) == start_ms
        assert asked.instant_ms(on, 3_600_000) >= start_ms
        assert abs(asked.instant_ms(on, 25 * 3_600_000) - low * MINUTE_MS) <= 48 * 3_600_000
        assert abs(start_ms - low * MINUTE_MS) <= 14 * 3_600_000
        assert asked.exists(on, 9000) in (True, False)
        for at in (low, low + 1, low + 1439):
            assert abs(asked.local(at).day - on) <= 1
            assert abs(asked.local_day(at) - on) <= 1
    spans = asked.spans(first * 1440, last * 1440 + 1440)
    assert [spans[0].start, spans[-1].end] == [first * DAY_SECONDS, (last + 1) * DAY_SECONDS]
    assert all(one.end == other.start for one, other in pairwise(spans))


# Days, weeks and months


@settings(max_examples=200, derandomize=True, database=None, deadline=None)
@given(st.dates())
def test_day_numbers_agree_with_the_calendar(on: date) -> None:
    number = civil.day_number(on.year, on.month, on.day)
    assert number == (on - EPOCH_DAY).days
    assert civil.weekday(number) == on.weekday()
    assert civil.iso_date(number) == on.isoformat()
    month = civil.month_number(number)
    assert month == 12 * (on.year - 1970) + on.month - 1
    assert civil.month_start(month) == (on.replace(day=1) - EPOCH_DAY).days


def test_the_epoch_is_a_thursday_in_month_0() -> None:
    assert (civil.weekday(0), civil.month_number(0), civil.month_number(-1), civil.month_start(1)) == (3, 0, -1, 31)


def test_the_month_after_the_last_one_begins_after_its_last_day() -> None:
    last = (date(9999, 12, 31) - EPOCH_DAY).days
    assert civil.month_start(12 * (10_000 - 1970)) == last + 1
    assert civil.day_number(12_345, 6, 7) == last + 1
    assert civil.iso_date(last + 1) == "9999-12-31"


def test_utc_is_an_aware_datetime() -> None:
    assert civil.utc(minute("2026-03-08T07:30Z")).isoformat() == "2026-03-08T07:30:00+00:00"
    assert civil.utc(-1).isoformat() == "1969-12-31T23:59:00+00:00"


def test_a_zone_shows_its_name() -> None:
    assert repr(zone(KATHMANDU)) == "Zone('Asia/Kathmandu')"
    assert isinstance(zone(KATHMANDU), Zone)
