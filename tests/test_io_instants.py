"""FHIR's times as text: which can be read, which cannot, and what they mean (model 6)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slotwright.io.instants import (
    dates,
    instant_ms,
    is_readable_bound,
    period_bound_ms,
    search_time_ms,
    utc_text,
    utc_text_ms,
    wall_ms,
)
from slotwright.io.zones import Zones

ZONES = Zones()
HOUR = 3_600_000


def ms(text: str) -> int:
    """The same by Python's own reader; fractions of a millisecond are not exact in floats."""
    moment = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
    return moment.days * 24 * HOUR + moment.seconds * 1000 + moment.microseconds // 1000


def bound(text: str, zone: str, side: Literal["start", "end"]) -> int | None:
    found = ZONES.get(zone)
    assert found is not None
    return period_bound_ms(text, found, side)


# Instants


@pytest.mark.parametrize(
    "text",
    [
        "1970-01-01T00:00:00Z",
        "2026-03-16T09:30:15Z",
        "2026-03-16T09:30Z",
        "2026-03-16T09:30+01:00",
        "2026-03-16T09:30:00.5Z",
        "2026-03-16T09:30:00.05Z",
        "2026-03-16T09:30:00.123Z",
        "2026-03-16T09:30:00.123456-05:00",
        "2026-03-16T09:30:00+05:45",
        "2026-03-16T09:30:00-09:30",
        "2026-03-16T09:30:00+13:59",
        "2026-03-16T09:30:00+14:00",
        "2026-03-16T09:30:00-14:00",
        "2026-03-16T09:30:00-00:00",
        "2026-03-16T23:59:59.999Z",
        "2024-02-29T00:00:00Z",
        "1969-12-31T23:59:59.999Z",
        "0001-01-02T00:00:00Z",
        "9999-12-31T23:59:59Z",
    ],
)
def test_instants_are_read(text: str) -> None:
    assert instant_ms(text) == search_time_ms(text) == ms(text)


@pytest.mark.parametrize("fraction", ["1234", "123999999", "123" + "0" * 100])
def test_what_is_finer_than_a_millisecond_is_cut_off(fraction: str) -> None:
    assert instant_ms(f"2026-03-16T09:30:00.{fraction}Z") == ms("2026-03-16T09:30:00.123Z")


@pytest.mark.parametrize(
    ("text", "hours"),
    [("0001-01-01T00:00:00+14:00", -14), ("9999-12-31T23:00:00-14:00", 14), ("2026-03-16T00:00+14:00", -14)],
)
def test_an_offset_may_lead_beyond_the_calendar(text: str, hours: int) -> None:
    at = instant_ms(text)
    assert at is not None and at == ms(text[:16] + "Z") + hours * HOUR


UNREADABLE: list[Any] = [
    "", " ", "now", "2026", "2026-03", "20260316", "2026-3-16T09:30:00Z", "2026-03-16T9:30:00Z",
    "2026-03-16T09:30:00", "2026-03-16T09:30", "2026-03-16T09Z", "2026-03-16 09:30:00Z", "2026-03-16t09:30:00z",
    "2026-03-16T09:30:00z", "2026-03-16T09:30:00 Z", " 2026-03-16T09:30:00Z", "2026-03-16T09:30:00Z ",
    "2026-03-16T09:30:00Z\n", "2026-03-16T09:30:00.Z", "2026-03-16T09:30:00,5Z", "2026-03-16T09:30.5Z",
    "2026-03-16T09:30:00+1:00", "2026-03-16T09:30:00+0100", "2026-03-16T09:30:00+01", "2026-03-16T09:30:00+14:01",
    "2026-03-16T09:30:00+15:00", "2026-03-16T09:30:00+24:00", "2026-03-16T09:30:00+01:60", "2026-03-16T09:30:00-",
    "2026-03-16T24:00:00Z", "2026-03-16T25:00:00Z", "2026-03-16T09:60:00Z", "2026-03-16T09:30:60Z",
    "2026-02-30T09:30:00Z", "2026-02-29T09:30:00Z", "2026-13-01T09:30:00Z", "2026-00-01T09:30:00Z",
    "2026-03-00T09:30:00Z", "2026-W12-1T09:30:00Z", "2026-075T09:30:00Z", "0000-01-01T00:00:00Z",
    "10000-01-01T00:00:00Z", "-2026-03-16T09:30:00Z", "+2026-03-16T09:30:00Z", "2026-03-16T09:30:00\u22121:00",
    "２０２６-03-16T09:30:00Z", "٢٠٢٦-03-16T09:30:00Z", "2026-03-16T09:30:00Z2026-03-16T09:30:00Z", "\0", "\ud800",
    "Z" * 100_000, None, 5, 1.5, True, [], {}, ["2026-03-16T09:30:00Z"], b"2026-03-16T09:30:00Z",
]  # fmt: skip


@pytest.mark.parametrize("text", UNREADABLE, ids=lambda text: f"{text!r:.40}".replace("\0", ""))
def test_everything_else_is_unreadable(text: Any) -> None:
    assert instant_ms(text) is None
    assert search_time_ms(text) is None
    assert wall_ms(text) is None


# Search times


@pytest.mark.parametrize("text", ["2026-03-16", "0001-01-01", "9999-12-31", "2024-02-29", "1970-01-01"])
def test_a_full_date_is_a_search_time_and_no_instant(text: str) -> None:
    assert search_time_ms(text) == ms(text + "T00:00Z") and instant_ms(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30",
        "2026-13-01",
        "0000-01-01",
        "2026-W12-1",
        "2026-03-1 ",
        "2026/03/16",
        "20260316  ",
        "２０２６-03-16",
    ],
)
def test_ten_characters_need_not_be_a_date(text: str) -> None:
    assert search_time_ms(text) is None


# Times of the day


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00:00:00", 0),
        ("00:00", 0),
        ("09:30", 9.5 * HOUR),
        ("09:30:15", 9.5 * HOUR + 15_000),
        ("23:59:59.999", 24 * HOUR - 1),
        ("23:59:59.9999", 24 * HOUR - 1),
        ("12:00:00.5", 12 * HOUR + 500),
        ("23:59:60", 24 * HOUR),  # FHIR's time has leap seconds
    ],
)
def test_times_of_the_day_are_read(text: str, expected: float) -> None:
    assert wall_ms(text) == expected


@pytest.mark.parametrize(
    "text",
    ["24:00", "24:00:00", "9:00", "09", "0900", "09:60", "09:00:61", "09:00Z", "09:00:00+01:00", "09:00 AM", "-1:00"],
)
def test_other_times_of_the_day_are_unreadable(text: str) -> None:
    assert wall_ms(text) is None


# Dates and Periods


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026", "2026-01-01", "2027-01-01"),
        ("2026-03", "2026-03-01", "2026-04-01"),
        ("2026-12", "2026-12-01", "2027-01-01"),
        ("2024-02", "2024-02-01", "2024-03-01"),
        ("2026-03-16", "2026-03-16", "2026-03-17"),
        ("2024-02-29", "2024-02-29", "2024-03-01"),
        ("0001", "0001-01-01", "0002-01-01"),
        ("9998", "9998-01-01", "9999-01-01"),
    ],
)
def test_years_months_and_dates_are_days(text: str, first: str, last: str) -> None:
    found = dates(text)
    assert found is not None
    assert (found.first * 24 * HOUR, found.last * 24 * HOUR) == (ms(first + "T00:00Z"), ms(last + "T00:00Z"))


@pytest.mark.parametrize("text", ["9999", "9999-12", "9999-12-31"])
def test_the_last_days_of_the_calendar_have_an_end(text: str) -> None:
    found = dates(text)
    assert found is not None
    assert found.last * 24 * HOUR == ms("9999-12-31T00:00Z") + 24 * HOUR


@pytest.mark.parametrize(
    "text",
    [
        "", "26", "202", "20260", "2026-", "2026-3", "2026-13", "2026-00", "2026-03-", "2026-03-1", "2026-03-32",
        "2026-02-29", "0000", "0000-01", "10000", "2026-03-16Z", "2026-03-16T", " 2026", "2026\n", "２０２６",
    ],
)  # fmt: skip
def test_other_texts_are_no_dates(text: str) -> None:
    assert dates(text) is None and not is_readable_bound(text)


@pytest.mark.parametrize(
    ("text", "zone", "start", "end"),
    [
        ("2026-03-16", "Etc/UTC", "2026-03-16T00:00Z", "2026-03-17T00:00Z"),
        ("2026-03-08", "America/New_York", "2026-03-08T05:00Z", "2026-03-09T04:00Z"),
        ("2026-03", "America/New_York", "2026-03-01T05:00Z", "2026-04-01T04:00Z"),
        ("2026", "Europe/Vienna", "2025-12-31T23:00Z", "2026-12-31T23:00Z"),
        ("2026-09-06", "America/Santiago", "2026-09-06T04:00Z", "2026-09-07T03:00Z"),
        ("2011-12-30", "Pacific/Apia", "2011-12-30T10:00Z", "2011-12-30T10:00Z"),
        ("2026-03-16T09:30:15.5Z", "Asia/Tokyo", "2026-03-16T09:30:15.500Z", "2026-03-16T09:30:15.500Z"),
        ("2026-03-16T09:30-05:00", "Asia/Tokyo", "2026-03-16T14:30Z", "2026-03-16T14:30Z"),
    ],
)
def test_bounds_of_a_period_are_local_days_or_instants(text: str, zone: str, start: str, end: str) -> None:
    assert is_readable_bound(text)
    assert (bound(text, zone, "start"), bound(text, zone, "end")) == (ms(start), ms(end))


@pytest.mark.parametrize("zone", ["Etc/UTC", "America/New_York", "Pacific/Kiritimati", "Africa/Monrovia", "Etc/GMT+12"])
@pytest.mark.parametrize("text", ["0001", "0001-01", "0001-01-01", "9999", "9999-12", "9999-12-31"])
def test_bounds_at_the_ends_of_the_calendar_are_in_order(text: str, zone: str) -> None:
    start, end = bound(text, zone, "start"), bound(text, zone, "end")
    assert start is not None and end is not None and start < end


# Text


@pytest.mark.parametrize("text", ["1970-01-01T00:00:00.000Z", "2026-03-16T13:30:00.000Z", "1969-12-31T23:59:00.000Z"])
def test_minutes_are_written_in_utc_with_milliseconds(text: str) -> None:
    assert utc_text(ms(text) // 60_000) == text


@settings(max_examples=100, derandomize=True, database=None, deadline=None)
@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59), timezones=st.just(UTC)))
def test_what_is_written_is_read_again(moment: datetime) -> None:
    at = ms(moment.isoformat())
    assert instant_ms(utc_text_ms(at)) == at
    assert instant_ms(utc_text(at // 60_000)) == at // 60_000 * 60_000


@settings(max_examples=100, derandomize=True, database=None, deadline=None)
@given(st.one_of(st.text(), st.from_regex(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?")))
def test_no_text_is_a_failure(text: str) -> None:
    """What can be read is read as Python does; the rest is None."""
    for found in (instant_ms(text), search_time_ms(text)):
        assert found is None or found == ms(text if len(text) > 10 else text + "T00:00Z")
    assert wall_ms(text) is None or ":" in text
    assert is_readable_bound(text) in (True, False)
