"""What people wish for: local days, times of the day, weekdays and notice, as instants and sets of starts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from slotwright.io.wishes import Window, Wishes, read_between, read_notice, read_weekdays, read_window
from slotwright.io.zones import Zones
from slotwright.solver.civil import Zone
from slotwright.solver.errors import InvalidInputError
from slotwright.solver.intervals import to_pairs

ZONES = Zones()
HOUR_MS = 3_600_000
MONTH_MS = 31 * 24 * HOUR_MS
SERIES_MS = 169 * HOUR_MS
MON, TUE, WED, THU, FRI, SAT, SUN = range(7)


def zone(name: str) -> Zone:
    found = ZONES.get(name)
    assert found is not None
    return found


NEW_YORK, UTC_ZONE = zone("America/New_York"), zone("Etc/UTC")


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def minute(text: str) -> int:
    return ms(text) // 60_000


def text(at: int) -> str:
    """`03-08T07:30` of a minute in UTC."""
    return f"{datetime.fromtimestamp(at * 60, UTC):%m-%dT%H:%M}"


def window(start: str, end: str) -> Window:
    return Window(ms(start), ms(end))


def allowed(wishes: Wishes, at: Window, where: Zone = UTC_ZONE, duration: int = 30) -> list[tuple[str, str]]:
    """First and last start of each piece, in UTC."""
    edges = wishes.starts(at, where, duration)
    assert edges is not None
    return [(text(start), text(end - 1)) for start, end in to_pairs(edges)]


def between(hours: str) -> Wishes:
    return Wishes(between=read_between(hours))


def fault(call: Callable[[], object]) -> str:
    with pytest.raises(InvalidInputError) as caught:
        call()
    return str(caught.value)


# Reading


@pytest.mark.parametrize(
    ("written", "hours"),
    [
        ("09:00-12:00", (9.0, 12.0)),
        (" 09:00 - 12:00 ", (9.0, 12.0)),
        ("22:00-06:00", (22.0, 6.0)),
        ("00:00-24:00", (0.0, 0.0)),
        ("08:30:00-09:00:36", (8.5, 9.01)),
    ],
)
def test_between_is_two_times_of_the_day(written: str, hours: tuple[float, float]) -> None:
    assert read_between(written) == tuple(round(hour * HOUR_MS) for hour in hours)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "-",
        "09:00",
        "09:00-",
        "-12:00",
        "9:00-12:00",
        "09-12",
        "25:00-26:00",
        "24:00-02:00",
        "09:60-10:00",
        "09:00–12:00",
        "09:00-10:00-11:00",
        "09:00-12:00Z",
        "٠٩:00-12:00",
    ],
)
def test_between_that_is_no_times_is_refused(written: str) -> None:
    assert fault(lambda: read_between(written)) == (
        f"--between {written!r} is not two times of the day. Write it as 09:00-12:00."
    )


@pytest.mark.parametrize(
    ("written", "days"),
    [
        ("tue,thu", {TUE, THU}),
        ("mon", {MON}),
        ("Monday, SUN ,wednes", {MON, SUN, WED}),
        ("fri,fri,sat", {FRI, SAT}),
    ],
)
def test_weekdays_are_numbers_from_monday(written: str, days: set[int]) -> None:
    assert read_weekdays(written) == days


@pytest.mark.parametrize(
    ("written", "at_fault"), [("", ""), ("tu", "tu"), ("tue,,thu", ""), ("mon-fri", "mon-fri"), ("tuex", "tuex")]
)
def test_a_weekday_that_is_none_is_refused_by_name(written: str, at_fault: str) -> None:
    assert fault(lambda: read_weekdays(written)) == (
        f"--weekday {written!r}: {at_fault!r} is no day. Days are mon, tue, wed, thu, fri, sat, sun."
    )


@pytest.mark.parametrize(
    ("written", "minutes"),
    [("90min", 90), ("90m", 90), ("2h", 120), (" 2 h ", 120), ("3d", 4320), ("1wk", 10080), ("1w", 10080), ("0min", 0)],
)
def test_notice_is_in_minutes(written: str, minutes: int) -> None:
    assert read_notice(written) == minutes


@pytest.mark.parametrize("written", ["", "2", "h", "-2h", "1.5h", "2hours", "2h30min", "２h", "2 h 5", "1e3min"])
def test_a_notice_that_is_no_length_is_refused(written: str) -> None:
    assert fault(lambda: read_notice(written)) == (
        f"--notice {written!r} is not a length of time. Write it as 90min, 2h, 3d or 1wk."
    )


# Windows


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        pytest.param("2026-03-10", "2026-03-10", ("2026-03-10T04:00Z", "2026-03-11T04:00Z"), id="one day"),
        pytest.param("2026-03-08", "2026-03-08", ("2026-03-08T05:00Z", "2026-03-09T04:00Z"), id="23 hours"),
        pytest.param("2026-11-01", "2026-11-01", ("2026-11-01T04:00Z", "2026-11-02T05:00Z"), id="25 hours"),
        pytest.param("2026-12-31", "2027-01-01", ("2026-12-31T05:00Z", "2027-01-02T05:00Z"), id="new year"),
        pytest.param("2028-02-29", "2028-02-29", ("2028-02-29T05:00Z", "2028-03-01T05:00Z"), id="leap day"),
        pytest.param(
            "2026-03-10T09:00:00-04:00", "2026-03-10T17:00Z", ("2026-03-10T13:00Z", "2026-03-10T17:00Z"), id="instants"
        ),
        pytest.param("2026-03-10", "2026-03-10T17:00Z", ("2026-03-10T04:00Z", "2026-03-10T17:00Z"), id="day, instant"),
        pytest.param("2026-03-10T17:00Z", "2026-03-10", ("2026-03-10T17:00Z", "2026-03-11T04:00Z"), id="instant, day"),
    ],
)
def test_a_window_of_local_days_and_instants(start: str, end: str, expected: tuple[str, str]) -> None:
    assert read_window(start, end, NEW_YORK, MONTH_MS) == window(*expected)


def test_instants_keep_their_milliseconds() -> None:
    found = read_window("2026-03-10T09:00:00.001Z", "2026-03-10T09:00:00.999Z", UTC_ZONE, MONTH_MS)
    assert found.end_ms - found.start_ms == 998


@pytest.mark.parametrize(
    ("where", "day", "expected"),
    [
        # 2026-09-06 has no midnight in Santiago; 00:01 was followed by 23:01 of the day before in St John's in 2010.
        ("America/Santiago", "2026-09-06", ("2026-09-06T04:00Z", "2026-09-07T03:00Z")),
        ("America/Santiago", "2026-09-05", ("2026-09-05T04:00Z", "2026-09-06T04:00Z")),
        ("America/St_Johns", "2010-11-07", ("2010-11-07T02:30Z", "2010-11-08T03:30Z")),
        ("Asia/Kolkata", "2026-03-10", ("2026-03-09T18:30Z", "2026-03-10T18:30Z")),
        ("Pacific/Apia", "2011-12-29", ("2011-12-29T10:00Z", "2011-12-30T10:00Z")),
        ("Pacific/Apia", "2011-12-31", ("2011-12-30T10:00Z", "2011-12-31T10:00Z")),
    ],
)
def test_a_local_day_where_midnight_is_odd(where: str, day: str, expected: tuple[str, str]) -> None:
    assert read_window(day, day, zone(where), MONTH_MS) == window(*expected)


def test_a_window_over_a_skipped_day_has_the_days_around_it() -> None:
    found = read_window("2011-12-29", "2011-12-31", zone("Pacific/Apia"), MONTH_MS)
    assert found == window("2011-12-29T10:00Z", "2011-12-31T10:00Z")


def test_a_window_of_a_skipped_day_alone_holds_nothing_and_is_refused() -> None:
    # Pacific/Apia went from 29 to 31 December 2011.
    assert "2011-12-30" in fault(lambda: read_window("2011-12-30", "2011-12-30", zone("Pacific/Apia"), MONTH_MS))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-10", "2026-03-09"),
        ("2026-03-10T09:00:00Z", "2026-03-10T09:00:00Z"),
        ("2026-03-10T09:00:00Z", "2026-03-10T08:59:59.999Z"),
        ("2026-03-11T12:00:00Z", "2026-03-10"),
        ("2026-03-10", "2026-03-10T04:00:00Z"),
    ],
)
def test_a_window_backwards_is_refused_with_both_bounds(start: str, end: str) -> None:
    assert fault(lambda: read_window(start, end, NEW_YORK, MONTH_MS)) == (
        f"--end {end} is not after --start {start}. Give an end after the start; the day of --end is included."
    )


@pytest.mark.parametrize(
    "written",
    ["", "2026", "2026-03", "2026-02-30", "2026-3-1", "tomorrow", "2026-03-10T09:00", "2026-03-10 09:00", "0000-01-01"],
)
@pytest.mark.parametrize("option", ["--start", "--end"])
def test_a_bound_that_is_no_time_is_refused_by_option(option: str, written: str) -> None:
    start, end = (written, "2026-03-10") if option == "--start" else ("2026-03-10", written)
    assert fault(lambda: read_window(start, end, NEW_YORK, MONTH_MS)) == (
        f"{option} {written!r} is neither a date such as 2026-03-10 nor an instant with an offset "
        "such as 2026-03-10T09:00:00-04:00."
    )


@pytest.mark.parametrize(
    ("start", "end", "most_ms", "hours", "last"),
    [
        # 31 days across the end of summer time are 745 hours; across its beginning 743.
        pytest.param("2026-10-15", "2026-11-14", MONTH_MS, "745", "2026-11-13", id="autumn, one hour too long"),
        pytest.param("2026-11-01", "2026-12-01", MONTH_MS, "745", "2026-11-30", id="on the day of the change"),
        pytest.param("2026-03-10", "2026-04-10", MONTH_MS, "768", "2026-04-09", id="one day too long"),
        pytest.param("2026-03-01", "2026-04-01", MONTH_MS, "767", "2026-03-31", id="spring"),
        pytest.param("2026-03-10", "2026-05-10", MONTH_MS, "1488", "2026-04-09", id="a month too long"),
        pytest.param("2026-10-26", "2026-11-02", SERIES_MS, "193", "2026-11-01", id="series, autumn"),
        pytest.param("2026-03-10", "2026-03-17", SERIES_MS, "192", "2026-03-16", id="series"),
        pytest.param("2026-10-15T04:00:00Z", "2026-11-14", MONTH_MS, "745", "2026-11-13", id="from an instant"),
        pytest.param("2026-03-10T16:00:00Z", "2026-04-10", MONTH_MS, "756", "2026-04-09", id="from noon"),
    ],
)
def test_too_many_local_days_name_the_last_that_fits(start: str, end: str, most_ms: int, hours: str, last: str) -> None:
    assert fault(lambda: read_window(start, end, NEW_YORK, most_ms)) == (
        f"--start {start} to --end {end} are {hours} h in America/New_York, more than the {most_ms // HOUR_MS} h of "
        f"one search. The last --end that fits is {last}."
    )
    read_window(start, last, NEW_YORK, most_ms)
    after = date.fromisoformat(last) + timedelta(days=1)
    assert f"The last --end that fits is {last}." in fault(
        lambda: read_window(start, after.isoformat(), NEW_YORK, most_ms)
    )


@pytest.mark.parametrize(
    ("start", "end", "most_ms"),
    [
        ("2026-03-10", "2026-04-09", MONTH_MS),
        ("2026-03-01", "2026-03-31", MONTH_MS),
        ("2026-10-26", "2026-11-01", SERIES_MS),
        ("2026-10-15", "2026-11-13", MONTH_MS),
    ],
)
def test_windows_that_just_fit(start: str, end: str, most_ms: int) -> None:
    found = read_window(start, end, NEW_YORK, most_ms)
    assert found.end_ms - found.start_ms <= most_ms


def test_a_change_of_half_an_hour_makes_a_broken_number_of_hours() -> None:
    said = fault(lambda: read_window("2026-03-20", "2026-04-19", zone("Australia/Lord_Howe"), MONTH_MS))
    assert "are 744.5 h in Australia/Lord_Howe" in said
    assert said.endswith("The last --end that fits is 2026-04-18.")


class CountingZone(Zone):
    """Gives up where a window takes more than a thousand questions."""

    asked = 0

    def day_start_ms(self, day: int) -> int:
        self.asked += 1
        assert self.asked < 1000, "the days are counted one by one"
        return super().day_start_ms(day)


def test_an_end_centuries_away_is_refused_at_once() -> None:
    counting = CountingZone("America/New_York", ZoneInfo("America/New_York"))
    said = fault(lambda: read_window("2026-03-10", "9999-12-01", counting, MONTH_MS))
    assert said.endswith("The last --end that fits is 2026-04-09.")


# Starts


def test_no_wishes_restrict_nothing() -> None:
    assert Wishes().starts(window("2026-03-10T00:00Z", "2026-03-11T00:00Z"), UTC_ZONE, 30) is None


def test_between_holds_the_whole_visit_on_each_day() -> None:
    found = allowed(between("09:00-12:00"), window("2026-03-10T00:00Z", "2026-03-12T00:00Z"))
    assert found == [("03-10T09:00", "03-10T11:30"), ("03-11T09:00", "03-11T11:30")]


def test_a_visit_as_long_as_the_hours_has_one_start_and_a_longer_one_none() -> None:
    day = window("2026-03-10T00:00Z", "2026-03-11T00:00Z")
    assert allowed(between("09:00-09:30"), day) == [("03-10T09:00", "03-10T09:00")]
    assert allowed(between("09:00-09:29"), day) == []


def test_between_overnight_reaches_into_the_next_day_and_out_of_the_day_before() -> None:
    found = allowed(between("22:00-06:00"), window("2026-03-10T00:00Z", "2026-03-11T00:00Z"))
    assert found == [("03-10T00:00", "03-10T05:30"), ("03-10T22:00", "03-10T23:59")]


def test_between_to_midnight_lets_no_visit_cross_it() -> None:
    found = allowed(between("00:00-24:00"), window("2026-03-10T00:00Z", "2026-03-12T00:00Z"))
    assert found == [("03-10T00:00", "03-10T23:30"), ("03-11T00:00", "03-11T23:30")]
    assert allowed(between("20:00-00:00"), window("2026-03-10T00:00Z", "2026-03-11T00:00Z")) == [
        ("03-10T20:00", "03-10T23:30")
    ]


def test_between_rounds_seconds_inward() -> None:
    found = allowed(between("09:00:01-10:00:59"), window("2026-03-10T00:00Z", "2026-03-11T00:00Z"))
    assert found == [("03-10T09:01", "03-10T09:30")]


def test_between_is_cut_off_by_the_window() -> None:
    found = allowed(between("09:00-12:00"), window("2026-03-10T10:15Z", "2026-03-10T11:00Z"))
    assert found == [("03-10T10:15", "03-10T10:59")]


@pytest.mark.parametrize(
    ("day", "hours", "expected"),
    [
        # Spring, 2026-03-08: 02:00 EST (07:00Z) is 03:00 EDT. A skipped time moves forward by the gap.
        ("2026-03-08", "01:00-04:00", [("03-08T06:00", "03-08T07:30")]),
        ("2026-03-08", "02:00-03:00", []),
        ("2026-03-08", "02:30-03:15", []),
        ("2026-03-08", "02:30-04:00", [("03-08T07:30", "03-08T07:30")]),
        ("2026-03-08", "09:00-12:00", [("03-08T13:00", "03-08T15:30")]),
        ("2026-03-07", "22:00-02:30", [("03-07T05:00", "03-07T07:00"), ("03-08T03:00", "03-08T04:59")]),
        # Autumn, 2026-11-01: 02:00 EDT (06:00Z) is 01:00 EST. A repeated time is its first pass.
        ("2026-11-01", "00:30-03:00", [("11-01T04:30", "11-01T07:30")]),
        ("2026-11-01", "00:30-01:30", [("11-01T04:30", "11-01T05:00")]),
        ("2026-11-01", "01:30-02:00", [("11-01T05:30", "11-01T06:30")]),
        ("2026-11-01", "09:00-12:00", [("11-01T14:00", "11-01T16:30")]),
    ],
)
def test_between_across_a_change_of_the_clock(day: str, hours: str, expected: list[tuple[str, str]]) -> None:
    assert allowed(between(hours), read_window(day, day, NEW_YORK, MONTH_MS), NEW_YORK) == expected


def test_weekdays_are_local_days() -> None:
    week = window("2026-03-08T00:00Z", "2026-03-15T00:00Z")
    assert allowed(Wishes(weekdays=frozenset({TUE, THU})), week, NEW_YORK) == [
        ("03-10T04:00", "03-11T03:59"),
        ("03-12T04:00", "03-13T03:59"),
    ]


def test_weekdays_next_to_each_other_are_one_piece_and_all_of_them_the_window() -> None:
    week = window("2026-03-09T00:00Z", "2026-03-16T00:00Z")
    assert allowed(Wishes(weekdays=frozenset({WED, THU})), week) == [("03-11T00:00", "03-12T23:59")]
    assert allowed(Wishes(weekdays=frozenset(range(7))), week) == [("03-09T00:00", "03-15T23:59")]
    assert allowed(Wishes(weekdays=frozenset({SAT})), window("2026-03-09T00:00Z", "2026-03-10T00:00Z")) == []


def test_the_sundays_on_which_the_clock_changes_have_23_and_25_hours() -> None:
    sunday = Wishes(weekdays=frozenset({SUN}))
    assert allowed(sunday, window("2026-03-07T00:00Z", "2026-03-10T00:00Z"), NEW_YORK) == [
        ("03-08T05:00", "03-09T03:59")
    ]
    assert allowed(sunday, window("2026-10-31T06:00Z", "2026-11-03T00:00Z"), NEW_YORK) == [
        ("11-01T04:00", "11-02T04:59")
    ]


def test_a_weekday_that_the_zone_skips_has_no_starts() -> None:
    apia, days = zone("Pacific/Apia"), window("2011-12-29T10:00Z", "2011-12-31T10:00Z")
    assert allowed(Wishes(weekdays=frozenset({FRI})), days, apia) == []
    assert allowed(Wishes(weekdays=frozenset({THU})), days, apia) == [("12-29T10:00", "12-30T09:59")]
    assert allowed(Wishes(weekdays=frozenset({SAT})), days, apia) == [("12-30T10:00", "12-31T09:59")]


def test_the_weekday_of_an_overnight_visit_is_that_of_its_start() -> None:
    wishes = Wishes(between=read_between("22:00-06:00"), weekdays=frozenset({TUE}))
    found = allowed(wishes, window("2026-03-09T00:00Z", "2026-03-12T00:00Z"))
    assert found == [("03-10T00:00", "03-10T05:30"), ("03-10T22:00", "03-10T23:59")]


@pytest.mark.parametrize(
    ("earliest", "expected"),
    [
        ("2026-03-09T00:00Z", [("03-10T00:00", "03-10T23:59")]),
        ("2026-03-10T08:00Z", [("03-10T08:00", "03-10T23:59")]),
        ("2026-03-10T08:00:00.001Z", [("03-10T08:01", "03-10T23:59")]),
        ("2026-03-10T23:59Z", [("03-10T23:59", "03-10T23:59")]),
        ("2026-03-11T00:00Z", []),
        ("2999-01-01T00:00Z", []),
    ],
)
def test_starts_before_the_earliest_are_left_out(earliest: str, expected: list[tuple[str, str]]) -> None:
    day = window("2026-03-10T00:00Z", "2026-03-11T00:00Z")
    assert allowed(Wishes(earliest_ms=ms(earliest)), day) == expected


def test_all_wishes_together() -> None:
    wishes = Wishes(read_between("09:00-12:00"), read_weekdays("tue,wed"), ms("2026-03-10T10:00Z"))
    found = allowed(wishes, window("2026-03-09T00:00Z", "2026-03-16T00:00Z"))
    assert found == [("03-10T10:00", "03-10T11:30"), ("03-11T09:00", "03-11T11:30")]


# Against PEP 495, minute by minute

SPANS = [(0, 24 * 60), (60, 120), (90, 210), (120, 180), (30, 90), (22 * 60, 90), (22 * 60, 150), (9 * 60, 12 * 60)]


def starts_by_the_minute(at: Window, where: str, span: tuple[int, int], duration: int) -> Iterable[int]:
    info = ZoneInfo(where)
    first = datetime.fromtimestamp(at.start_ms / 1000, info).date() - timedelta(days=2)
    pieces: list[tuple[int, int]] = []
    for day in (first + timedelta(days=number) for number in range(8)):
        ends_later = span[1] <= span[0]
        opens = datetime(day.year, day.month, day.day, tzinfo=info) + timedelta(minutes=span[0])
        closes = datetime(day.year, day.month, day.day, tzinfo=info) + timedelta(days=ends_later, minutes=span[1])
        pieces.append((int(opens.timestamp()) // 60, int(closes.timestamp()) // 60))
    for start in range(at.start_ms // 60_000, at.end_ms // 60_000):
        if any(opens <= start and start + duration <= closes for opens, closes in pieces):
            yield start


@pytest.mark.parametrize(
    ("where", "start", "end"),
    [
        ("America/New_York", "2026-03-07T12:00Z", "2026-03-09T12:00Z"),
        ("America/New_York", "2026-10-31T12:00Z", "2026-11-02T12:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T00:00Z", "2026-04-06T00:00Z"),
        ("America/Santiago", "2026-09-05T12:00Z", "2026-09-07T12:00Z"),
        ("Asia/Kathmandu", "2026-04-04T00:00Z", "2026-04-06T00:00Z"),
    ],
)
@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize("duration", [30, 75])
def test_between_is_what_the_clock_shows_minute_by_minute(
    where: str, start: str, end: str, span: tuple[int, int], duration: int
) -> None:
    at = window(start, end)
    wishes = Wishes(between=(span[0] * 60_000, span[1] * 60_000 % (24 * HOUR_MS)))
    edges = wishes.starts(at, zone(where), duration)
    assert edges is not None
    found = [one for low, high in to_pairs(edges) for one in range(low, high)]
    assert found == list(starts_by_the_minute(at, where, span, duration))
