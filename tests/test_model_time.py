"""Instants, local days, weekly hours and closures (model 6, 7 and 8)."""

from __future__ import annotations

from typing import Any

import pytest
from support import (
    EVERY_DAY,
    Resource,
    all_day,
    availability,
    closed,
    find,
    hours,
    parameters,
    period,
    practitioner,
    refusal,
    schedule,
    service,
    slot,
    starts,
    times,
)

NEW_YORK = "America/New_York"
SANTIAGO = "America/Santiago"
LAYERS = pytest.mark.parametrize("layer", ["schedule", "service"])
Piece = tuple[str, str]
Window = tuple[str, str]


def pieces(answer: tuple[int, Resource]) -> list[Piece]:
    """The time covered by the proposals, as ("03-08T05:30", "03-08T10:30"); they follow one another on their grid."""
    assert answer[0] == 200, answer[1]
    found: list[Piece] = []
    for entry in answer[1].get("entry", []):
        start: str = entry["resource"]["start"][5:16]
        end: str = entry["resource"]["end"][5:16]
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def ask(
    own: Resource,
    *others: Resource,
    zone: str = "Etc/UTC",
    window: Window,
    step: int = 15,
    length: int | None = None,
    **elements: Any,
) -> tuple[int, Resource]:
    """Search schedule a in `zone` for visits of `length` (or `step`) minutes every `step` minutes.

    `elements` are further ones of the service.
    """
    params = parameters(duration=length or step, alignmentInterval=step)
    resources = [service(params=params, **elements), own, practitioner("a", zone), *others]
    return find(resources, schedule="a", start=window[0], end=window[1], count=1000)


def weekly(
    layer: str,
    *entries: tuple[str, str, str],
    zone: str = NEW_YORK,
    window: Window,
    step: int = 15,
    length: int | None = None,
) -> tuple[int, Resource]:
    """Search hours given as (days, from, to), or as (days, "", "") for all day, on either layer."""
    if layer == "schedule":
        own = [hours(days, begin, finish) if begin else all_day(days) for days, begin, finish in entries]
        only = schedule("a", parameters(availability=own))
        return ask(only, zone=zone, window=window, step=step, length=length)
    stored = [entry_of_service(*entry) for entry in entries]
    return ask(schedule("a"), zone=zone, window=window, step=step, length=length, availableTime=stored)


def entry_of_service(days: str, start: str, end: str) -> Resource:
    times_of_day = {"availableStartTime": start, "availableEndTime": end} if start else {"allDay": True}
    return {"daysOfWeek": days.split(), **times_of_day}


# 6 readable times


@pytest.mark.parametrize(
    ("start", "first"),
    [
        ("2026-03-16", "2026-03-16T00:00Z"),
        ("2026-03-16T10:00:00Z", "2026-03-16T10:00Z"),
        ("2026-03-16T10:00Z", "2026-03-16T10:00Z"),
        ("2026-03-16T10:00:00.000Z", "2026-03-16T10:00Z"),
        ("2026-03-16T10:00:00+01:00", "2026-03-16T09:00Z"),
        ("2026-03-16T10:00+01:00", "2026-03-16T09:00Z"),
        ("2026-03-16T10:00:00 01:00", "2026-03-16T09:00Z"),  # a plus sign decoded from a query
        ("2026-03-15T20:00:00-05:00", "2026-03-16T01:00Z"),
    ],
)
def test_search_times_are_instants_or_full_dates_at_midnight_utc(start: str, first: str) -> None:
    answer = ask(schedule("a"), zone=NEW_YORK, window=(start, "2026-03-16T12:00:00Z"), step=60)
    assert starts(answer)[0] == first


def test_a_date_only_search_end_is_midnight_utc() -> None:
    answer = ask(schedule("a"), zone=NEW_YORK, window=("2026-03-15T22:00:00Z", "2026-03-16"), step=60)
    assert starts(answer) == ["2026-03-15T22:00Z", "2026-03-15T23:00Z"]


@pytest.mark.parametrize(
    "unreadable",
    [
        "2026",
        "2026-03",
        "2026-03-16T10:00:00",
        "2026-03-16T10:00",
        "2026-03-16T10Z",
        "2026-3-16T10:00:00Z",
        "2026-02-30T10:00:00Z",
        "2026-02-30",
        "2026-03-16T24:00:00Z",
        "2026-03-16T10:00:00+0100",
        "20260316T100000Z",
        "tomorrow",
    ],
)
@pytest.mark.parametrize("which", ["start", "end"])
def test_nothing_else_is_a_search_time(unreadable: str, which: str) -> None:
    window = (unreadable, "2026-03-17T00:00:00Z") if which == "start" else ("2026-03-16T00:00:00Z", unreadable)
    answer = ask(schedule("a"), window=window)
    assert refusal(answer) == (400, "invalid", "Invalid search time range", None)


# 6 half-open intervals, merged where they touch


def test_intervals_are_half_open() -> None:
    busy = slot("s", "a", "2026-03-16T10:00:00Z", "2026-03-16T11:00:00Z")
    answer = ask(schedule("a"), busy, window=("2026-03-16T09:00:00Z", "2026-03-16T12:00:00Z"), step=60)
    assert times(answer) == ["09:00", "11:00"]


@LAYERS
@pytest.mark.parametrize("second", ["10:00:00", "09:30:00"])
def test_touching_and_overlapping_hours_are_one_piece(layer: str, second: str) -> None:
    entries = (("mon", "09:00:00", "10:00:00"), ("mon", second, "11:00:00"))
    window = ("2026-03-16T00:00:00Z", "2026-03-17T00:00:00Z")
    assert times(weekly(layer, *entries, zone="Etc/UTC", step=30, length=90, window=window)) == ["09:00", "09:30"]


# 6 rounding against the booker: 10:00:30 to 10:15:20, visits of one minute

ROUNDED_OUT = [("03-16T09:58", "03-16T10:00"), ("03-16T10:16", "03-16T10:18")]
ROUNDED_IN = [("03-16T10:01", "03-16T10:15")]
AROUND = ("2026-03-16T09:58:00Z", "2026-03-16T10:18:00Z")
FINE = ("2026-03-16T10:00:30Z", "2026-03-16T10:15:20Z")
NEVER = parameters(availability=[])


def minutely(own: Resource, *others: Resource, **elements: Any) -> list[Piece]:
    return pieces(ask(own, *others, window=AROUND, step=1, **elements))


def test_occupied_time_is_rounded_outward() -> None:
    assert minutely(schedule("a"), slot("s", "a", *FINE)) == ROUNDED_OUT


def test_one_millisecond_occupies_its_minute() -> None:
    busy = slot("s", "a", "2026-03-16T10:00:59.999Z", "2026-03-16T10:15:00.001Z")
    assert minutely(schedule("a"), busy) == ROUNDED_OUT


@LAYERS
def test_closed_time_is_rounded_outward(layer: str) -> None:
    if layer == "schedule":
        assert minutely(schedule("a", parameters(availability=[closed(*FINE)]))) == ROUNDED_OUT
    else:
        assert minutely(schedule("a"), notAvailable=[{"during": period(*FINE)}]) == ROUNDED_OUT


def test_free_slots_are_rounded_inward() -> None:
    assert minutely(schedule("a", NEVER), slot("s", "a", *FINE, status="free")) == ROUNDED_IN


@LAYERS
def test_hours_are_rounded_inward(layer: str) -> None:
    assert pieces(weekly(layer, ("mon", "10:00:30", "10:15:20"), zone="Etc/UTC", step=1, window=AROUND)) == ROUNDED_IN


def test_planning_horizons_are_rounded_inward() -> None:
    assert minutely(schedule("a", horizon=FINE)) == ROUNDED_IN


def test_search_windows_are_rounded_inward() -> None:
    assert pieces(ask(schedule("a"), window=(FINE[0], FINE[1]), step=1)) == ROUNDED_IN


def test_busy_time_inside_one_minute_occupies_that_minute() -> None:
    busy = slot("s", "a", "2026-03-16T10:00:10Z", "2026-03-16T10:00:50Z")
    assert minutely(schedule("a"), busy) == [("03-16T09:58", "03-16T10:00"), ("03-16T10:01", "03-16T10:18")]


def test_free_time_without_a_whole_minute_opens_nothing() -> None:
    assert minutely(schedule("a", NEVER), slot("s", "a", "2026-03-16T10:00:10Z", "2026-03-16T10:01:50Z", "free")) == []


def test_free_slots_are_rounded_each_by_itself_before_they_are_merged() -> None:
    first = slot("s", "a", "2026-03-16T10:00:00Z", "2026-03-16T10:05:30Z", "free")
    second = slot("t", "a", "2026-03-16T10:05:30Z", "2026-03-16T10:10:00Z", "free")
    # 10:05 to 10:06 belongs to neither
    expected = [("03-16T10:00", "03-16T10:05"), ("03-16T10:06", "03-16T10:10")]
    assert minutely(schedule("a", NEVER), first, second) == expected


@LAYERS
def test_hours_are_rounded_each_by_itself_before_they_are_merged(layer: str) -> None:
    entries = (("mon", "10:00:00", "10:05:30"), ("mon", "10:05:30", "10:10:00"))
    expected = [("03-16T10:00", "03-16T10:05"), ("03-16T10:06", "03-16T10:10")]
    assert pieces(weekly(layer, *entries, zone="Etc/UTC", step=1, window=AROUND)) == expected


def test_range_checks_use_the_times_as_given() -> None:
    # the window ends after the horizon starts, though neither holds a whole minute of the other
    own = schedule("a", horizon=("2026-03-16T10:00:40Z", None))
    assert starts(ask(own, window=("2026-03-16T09:00:00Z", "2026-03-16T10:00:50Z"))) == []
    answer = ask(own, window=("2026-03-16T09:00:00Z", "2026-03-16T10:00:39Z"))
    assert refusal(answer)[2] == "Search range ends before schedule planning horizon starts"


def test_a_search_window_inside_one_minute_is_valid_and_empty() -> None:
    assert starts(ask(schedule("a"), window=("2026-03-16T10:00:10Z", "2026-03-16T10:00:50Z"), step=1)) == []


# 6 wall clock to instant


@LAYERS
@pytest.mark.parametrize(
    ("zone", "entry", "start", "end", "expected"),
    [
        pytest.param(
            # 02:30 does not exist and is read as 03:30 EDT
            *(NEW_YORK, ("sun", "02:30:00", "04:00:00"), "2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z"),
            ("03-08T07:30", "03-08T08:00"),
            id="start-skipped",
        ),
        pytest.param(
            # 02:15 and 02:45 are read as 03:15 and 03:45 EDT
            *(NEW_YORK, ("sun", "02:15:00", "02:45:00"), "2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z"),
            ("03-08T07:15", "03-08T07:45"),
            id="both-skipped",
        ),
        pytest.param(
            # 01:30 EDT to 02:30 EST, two hours
            *(NEW_YORK, ("sun", "01:30:00", "02:30:00"), "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"),
            ("11-01T05:30", "11-01T07:30"),
            id="start-repeated",
        ),
        pytest.param(
            *(NEW_YORK, ("sun", "00:30:00", "01:30:00"), "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"),
            ("11-01T04:30", "11-01T05:30"),
            id="end-repeated",
        ),
        pytest.param(
            *(NEW_YORK, ("mon", "00:00:00", "01:00:00"), "2026-03-08T12:00:00Z", "2026-03-09T12:00:00Z"),
            ("03-09T04:00", "03-09T05:00"),
            id="midnight",
        ),
        pytest.param(
            # a gap of half an hour: 02:15 is read as 02:45 at UTC+11
            *("Australia/Lord_Howe", ("sun", "02:15:00", "04:00:00"), "2026-10-03T12:00:00Z", "2026-10-03T20:00:00Z"),
            ("10-03T15:45", "10-03T17:00"),
            id="half-hour-gap",
        ),
        pytest.param(
            # 00:00 is the start of the local day, 01:00 at UTC-3
            *(SANTIAGO, ("sun", "00:00:00", "08:00:00"), "2026-09-05T12:00:00Z", "2026-09-07T12:00:00Z"),
            ("09-06T04:00", "09-06T11:00"),
            id="no-midnight",
        ),
        pytest.param(
            # 00:30 is read as 01:30 at UTC-3
            *(SANTIAGO, ("sun", "00:30:00", "02:00:00"), "2026-09-05T12:00:00Z", "2026-09-07T12:00:00Z"),
            ("09-06T04:30", "09-06T05:00"),
            id="skipped-after-no-midnight",
        ),
        pytest.param(
            *(SANTIAGO, ("sat", "22:00:00", "00:00:00"), "2026-09-05T12:00:00Z", "2026-09-07T12:00:00Z"),
            ("09-06T02:00", "09-06T04:00"),
            id="until-no-midnight",
        ),
    ],
)
def test_wall_clock_times_become_instants(
    layer: str, zone: str, entry: tuple[str, str, str], start: str, end: str, expected: Piece
) -> None:
    assert pieces(weekly(layer, entry, zone=zone, window=(start, end))) == [expected]


# 6 local days


@LAYERS
@pytest.mark.parametrize(
    ("zone", "days", "start", "end", "expected"),
    [
        # 23 hours: the day has no midnight and begins at 01:00
        (SANTIAGO, "sun", "2026-09-05T00:00:00Z", "2026-09-08T00:00:00Z", ("09-06T04:00", "09-07T03:00")),
        (SANTIAGO, "sat", "2026-09-05T00:00:00Z", "2026-09-08T00:00:00Z", ("09-05T04:00", "09-06T04:00")),
        # 25 hours: 23:00 to 24:00 on Saturday comes twice
        (SANTIAGO, "sat", "2026-04-03T12:00:00Z", "2026-04-06T12:00:00Z", ("04-04T03:00", "04-05T04:00")),
        # 25 hours: midnight comes twice, the day begins with the first
        ("America/Havana", "sun", "2024-11-02T12:00:00Z", "2024-11-05T00:00:00Z", ("11-03T04:00", "11-04T05:00")),
        ("America/Havana", "sat", "2024-11-02T00:00:00Z", "2024-11-05T00:00:00Z", ("11-02T04:00", "11-03T04:00")),
        (NEW_YORK, "sun", "2026-03-07T12:00:00Z", "2026-03-09T12:00:00Z", ("03-08T05:00", "03-09T04:00")),
        (NEW_YORK, "sun", "2026-10-31T12:00:00Z", "2026-11-02T12:00:00Z", ("11-01T04:00", "11-02T05:00")),
    ],
)
def test_all_day_is_the_local_day(layer: str, zone: str, days: str, start: str, end: str, expected: Piece) -> None:
    assert pieces(weekly(layer, (days, "", ""), zone=zone, window=(start, end))) == [expected]


@LAYERS
@pytest.mark.parametrize(("begin", "finish"), [("", ""), ("09:00:00", "17:00:00"), ("22:00:00", "06:00:00")])
def test_a_date_that_the_zone_skips_has_no_local_day(layer: str, begin: str, finish: str) -> None:
    # in Samoa Friday 2011-12-30 did not exist
    window = ("2011-12-29T00:00:00Z", "2012-01-01T00:00:00Z")
    assert pieces(weekly(layer, ("fri", begin, finish), zone="Pacific/Apia", window=window)) == []


@LAYERS
def test_the_day_before_a_skipped_date_ends_where_the_date_after_it_begins(layer: str) -> None:
    window = ("2011-12-29T00:00:00Z", "2012-01-01T00:00:00Z")
    # Thursday at UTC-10, then Saturday at UTC+14
    assert pieces(weekly(layer, ("thu", "", ""), zone="Pacific/Apia", window=window)) == [
        ("12-29T10:00", "12-30T10:00")
    ]


# 6 Period bounds

NY_BOUNDS = [
    # (bounds, the hours around the first start, the hours around the last end)
    pytest.param(("2026-12-24", "2026-12-26"), "2026-12-24T05", "2026-12-27T05", id="days"),
    pytest.param(("2026-12-24", "2026-12-24"), "2026-12-24T05", "2026-12-25T05", id="one-day"),
    pytest.param(("2026-12", "2026-12"), "2026-12-01T05", "2027-01-01T05", id="month"),
    pytest.param(("2026-03", "2026-03"), "2026-03-01T05", "2026-04-01T04", id="month-across-a-change"),
    pytest.param(("2028-02", "2028-02"), "2028-02-01T05", "2028-03-01T05", id="leap-february"),
    pytest.param(("2026", "2026"), "2026-01-01T05", "2027-01-01T05", id="year"),
    pytest.param(("2026-11-01", "2026-11-01"), "2026-11-01T04", "2026-11-02T05", id="day-of-25-hours"),
    pytest.param(("2026-12-24T07:00:00Z", "2026-12-26"), "2026-12-24T07", "2026-12-27T05", id="mixed"),
    pytest.param(
        *(("2026-12-24T05:00:00-05:00", "2026-12-24T22:00:00+01:00"), "2026-12-24T10", "2026-12-24T21"),
        id="times",
    ),
]


def around(hour: str) -> Window:
    """The two hours around a full hour."""
    before = int(hour[11:13]) - 1
    return f"{hour[:10]}T{before:02}:00:00Z", f"{hour[:10]}T{before + 2:02}:00:00Z"


@LAYERS
@pytest.mark.parametrize(("bounds", "first", "last"), NY_BOUNDS)
def test_bounds_of_closures_are_local_days(layer: str, bounds: tuple[str, str], first: str, last: str) -> None:
    for hour, open_hour in ((first, int(first[11:]) - 1), (last, int(last[11:]))):
        if layer == "schedule":
            own = schedule("a", parameters(availability=[closed(*bounds)]))
            answer = ask(own, zone=NEW_YORK, step=60, window=around(hour))
        else:
            shut: list[Resource] = [{"during": period(*bounds)}]
            answer = ask(schedule("a"), zone=NEW_YORK, step=60, window=around(hour), notAvailable=shut)
        assert times(answer) == [f"{open_hour:02}:00"]


@pytest.mark.parametrize(("bounds", "first", "last"), NY_BOUNDS)
def test_bounds_of_horizons_are_local_days(bounds: tuple[str, str], first: str, last: str) -> None:
    own = schedule("a", horizon=bounds)
    assert times(ask(own, zone=NEW_YORK, step=60, window=around(first))) == [f"{first[11:]}:00"]
    assert times(ask(own, zone=NEW_YORK, step=60, window=around(last))) == [f"{int(last[11:]) - 1:02}:00"]


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        # Saturday ends, and Sunday begins, at 04:00Z
        ((None, "2026-09-05"), [("09-06T04:00", "09-06T06:00")]),
        (("2026-09-06", None), [("09-06T02:00", "09-06T04:00")]),
    ],
)
def test_bounds_on_a_date_without_midnight(bounds: tuple[str | None, str | None], expected: list[Piece]) -> None:
    own = schedule("a", parameters(availability=[closed(*bounds)]))
    answer = ask(own, zone=SANTIAGO, window=("2026-09-06T02:00:00Z", "2026-09-06T06:00:00Z"))
    assert pieces(answer) == expected


def test_dates_follow_the_resolved_zone_not_that_of_the_actor() -> None:
    own = schedule("a", parameters(timezone=NEW_YORK, availability=[closed("2026-12-24", "2026-12-24")]))
    answer = ask(own, zone="Asia/Tokyo", window=("2026-12-24T03:00:00Z", "2026-12-25T07:00:00Z"), step=60)
    assert pieces(answer) == [("12-24T03:00", "12-24T05:00"), ("12-25T05:00", "12-25T07:00")]


# 7 hours

GAP_DAY = ("2026-03-07T12:00:00Z", "2026-03-09T12:00:00Z")
FOLD_DAY = ("2026-10-31T12:00:00Z", "2026-11-02T12:00:00Z")


@LAYERS
@pytest.mark.parametrize(
    ("entry", "window", "expected"),
    [
        pytest.param(
            ("fri", "22:00:00", "06:00:00"),
            ("2026-03-06T12:00:00Z", "2026-03-08T00:00:00Z"),
            [("03-07T03:00", "03-07T11:00")],
            id="overnight",
        ),
        pytest.param(
            ("fri", "22:00:00", "06:00:00"),
            ("2026-03-07T05:00:00Z", "2026-03-08T00:00:00Z"),
            [("03-07T05:00", "03-07T11:00")],
            id="overnight-begun-before-the-search",
        ),
        pytest.param(("sun", "00:30:00", "06:30:00"), GAP_DAY, [("03-08T05:30", "03-08T10:30")], id="five-hours"),
        pytest.param(("sun", "00:30:00", "06:30:00"), FOLD_DAY, [("11-01T04:30", "11-01T11:30")], id="seven-hours"),
        pytest.param(("sun", "02:00:00", "03:00:00"), GAP_DAY, [], id="both-ends-at-0700"),
        pytest.param(("sun", "02:30:00", "03:15:00"), GAP_DAY, [], id="end-before-start"),
        pytest.param(("sat", "22:00:00", "02:30:00"), GAP_DAY, [("03-08T03:00", "03-08T07:30")], id="into-the-gap"),
        # 22:00 EDT to 01:30, first pass
        pytest.param(("sat", "22:00:00", "01:30:00"), FOLD_DAY, [("11-01T02:00", "11-01T05:30")], id="into-the-fold"),
        # the clock decides for the next date: 05:45Z to Monday 01:15 EST
        pytest.param(("sun", "01:45:00", "01:15:00"), FOLD_DAY, [("11-01T05:45", "11-02T06:15")], id="clock-decides"),
        pytest.param(
            ("mon", "09:00:00", "09:00:00"),
            ("2026-03-16T00:00:00Z", "2026-03-19T00:00:00Z"),
            [("03-16T13:00", "03-17T13:00")],
            id="equal-times-are-24-hours",
        ),
        pytest.param(
            ("mon wed", "09:00:00", "10:00:00"),
            ("2026-03-15T00:00:00Z", "2026-03-22T00:00:00Z"),
            [("03-16T13:00", "03-16T14:00"), ("03-18T13:00", "03-18T14:00")],
            id="two-days",
        ),
    ],
)
def test_an_entry_opens_every_local_day_it_lists(
    layer: str, entry: tuple[str, str, str], window: Window, expected: list[Piece]
) -> None:
    assert pieces(weekly(layer, entry, window=window)) == expected


@LAYERS
@pytest.mark.parametrize(("day", "date"), [*zip(EVERY_DAY, range(16, 23), strict=True)])
def test_each_weekday_has_its_code(layer: str, day: str, date: int) -> None:
    window = ("2026-03-16T00:00:00Z", "2026-03-23T00:00:00Z")
    answer = weekly(layer, (day, "09:00:00", "10:00:00"), zone="Etc/UTC", step=60, window=window)
    assert starts(answer) == [f"2026-03-{date}T09:00Z"]


MON_TUE = ("2026-03-15T00:00:00Z", "2026-03-19T00:00:00Z")


@LAYERS
def test_all_day_on_neighbouring_days_is_one_window(layer: str) -> None:
    # 48 hours hold one visit of 48 hours
    answer = weekly(layer, ("mon tue", "", ""), zone="Etc/UTC", step=60, length=2880, window=MON_TUE)
    assert starts(answer) == ["2026-03-16T00:00Z"]


@LAYERS
def test_no_visit_crosses_the_last_minute_of_a_day_open_until_235959(layer: str) -> None:
    entry = ("mon tue", "00:00:00", "23:59:59")
    around_midnight = ("2026-03-16T23:57:00Z", "2026-03-17T00:03:00Z")
    # 23:59:59 is rounded to 23:59
    answer = weekly(layer, entry, zone="Etc/UTC", step=1, length=2, window=around_midnight)
    assert times(answer) == ["23:57", "00:00", "00:01"]
    assert starts(weekly(layer, entry, zone="Etc/UTC", step=60, length=1440, window=MON_TUE)) == []


ONE_DAY = ("2026-03-16T00:00:00Z", "2026-03-17T00:00:00Z")
START = {"url": "availableStartTime", "valueTime": "09:00:00"}
END = {"url": "availableEndTime", "valueTime": "11:00:00"}
MONDAY = {"url": "daysOfWeek", "valueCode": "mon"}
ALL = {"url": "allDay", "valueBoolean": True}
NOT_ALL = {"url": "allDay", "valueBoolean": False}
WHOLE_DAY = [("03-16T00:00", "03-17T00:00")]
MORNING = [("03-16T09:00", "03-16T11:00")]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param([MONDAY, START, END], MORNING, id="times"),
        pytest.param([END, START, MONDAY], MORNING, id="any-order"),
        pytest.param([MONDAY, ALL], WHOLE_DAY, id="all-day"),
        pytest.param([MONDAY, ALL, START, END], WHOLE_DAY, id="all-day-wins"),
        pytest.param([MONDAY, NOT_ALL, START, END], MORNING, id="false-is-absent"),
        pytest.param([MONDAY, NOT_ALL], [], id="false-alone"),
        pytest.param([MONDAY], [], id="neither"),
        pytest.param([START, END], [], id="no-days"),
        pytest.param([ALL], [], id="all-day-without-days"),
        pytest.param([], [], id="empty"),
    ],
)
def test_entries_of_a_schedule(entry: list[Resource], expected: list[Piece]) -> None:
    own = parameters(availability=[{"url": "availableTime", "extension": entry}])
    assert pieces(ask(schedule("a", own), window=ONE_DAY)) == expected


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param({"daysOfWeek": ["mon"], "allDay": True}, WHOLE_DAY, id="all-day"),
        pytest.param(
            {
                "daysOfWeek": ["mon"],
                "allDay": True,
                "availableStartTime": "09:00:00",
                "availableEndTime": "11:00:00",
            },
            WHOLE_DAY,
            id="all-day-wins",
        ),
        pytest.param(
            {
                "daysOfWeek": ["mon"],
                "allDay": False,
                "availableStartTime": "09:00:00",
                "availableEndTime": "11:00:00",
            },
            MORNING,
            id="false-is-absent",
        ),
        pytest.param({"daysOfWeek": ["mon"], "allDay": False}, [], id="false-alone"),
        pytest.param({"daysOfWeek": ["mon"]}, [], id="neither"),
        pytest.param({"availableStartTime": "09:00:00", "availableEndTime": "11:00:00"}, [], id="no-days"),
        pytest.param({"allDay": True}, [], id="all-day-without-days"),
        pytest.param({"daysOfWeek": ["mon"], "availableStartTime": "09:00:00"}, [], id="start-alone-is-dropped"),
        pytest.param({"daysOfWeek": ["mon"], "availableEndTime": "11:00:00"}, [], id="end-alone-is-dropped"),
    ],
)
def test_entries_of_a_service(entry: Resource, expected: list[Piece]) -> None:
    assert pieces(ask(schedule("a"), window=ONE_DAY, availableTime=[entry])) == expected


def test_an_entry_that_is_dropped_leaves_the_others() -> None:
    half = {"daysOfWeek": ["mon"], "availableStartTime": "08:00:00"}
    whole = entry_of_service("mon", "09:00:00", "11:00:00")
    assert pieces(ask(schedule("a"), window=ONE_DAY, availableTime=[half, whole])) == MORNING


def test_entries_that_open_nothing_leave_the_others() -> None:
    nothing = {"url": "availableTime", "extension": [MONDAY]}
    own = parameters(availability=[nothing, hours("mon", "09:00:00", "11:00:00")])
    assert pieces(ask(schedule("a", own), window=ONE_DAY)) == MORNING


def test_no_hours_on_any_layer_are_always_open() -> None:
    assert pieces(ask(schedule("a"), window=ONE_DAY)) == WHOLE_DAY


@pytest.mark.parametrize("entries", [[], [{"url": "availableTime", "extension": [MONDAY]}]])
def test_an_availability_that_opens_nothing_means_never(entries: list[Resource]) -> None:
    usual = entry_of_service("mon", "09:00:00", "11:00:00")
    assert pieces(ask(schedule("a", parameters(availability=entries)), window=ONE_DAY, availableTime=[usual])) == []


def test_empty_available_time_of_a_service_means_never() -> None:
    assert pieces(ask(schedule("a"), window=ONE_DAY, availableTime=[])) == []


def test_a_service_with_not_available_alone_is_open_except_then() -> None:
    shut = [{"during": period("2026-03-16T09:00:00Z", "2026-03-16T11:00:00Z")}]
    expected = [("03-16T00:00", "03-16T09:00"), ("03-16T11:00", "03-17T00:00")]
    assert pieces(ask(schedule("a"), window=ONE_DAY, notAvailable=shut)) == expected


def test_empty_available_time_with_not_available_is_never() -> None:
    shut = [{"during": period("2026-03-16T09:00:00Z", "2026-03-16T11:00:00Z")}]
    assert pieces(ask(schedule("a"), window=ONE_DAY, availableTime=[], notAvailable=shut)) == []


def test_availability_exceptions_have_no_effect() -> None:
    assert pieces(ask(schedule("a"), window=ONE_DAY, availabilityExceptions="closed on Mondays")) == WHOLE_DAY


# 7 errors of Schedule hours

SECOND = "Parameters.schedule[0].extension[0].extension[1].extension[1]"  # the entry of `refused`


def refused(*entry: Resource) -> tuple[int, str, str, list[str] | None]:
    """The refusal of an entry that stands behind a duration and a right entry."""
    params = parameters(duration=30)
    params["extension"].append(availability(all_day("tue"), {"url": "availableTime", "extension": list(entry)}))
    return refusal(ask(schedule("a", params), window=ONE_DAY))


@pytest.mark.parametrize("day", ["monday", "MON", "xyz", "1"])
def test_a_weekday_without_its_code_is_refused_at_the_day(day: str) -> None:
    text = "Invalid SchedulingParameters.availability.availableTime.daysOfWeek entry"
    wrong = {"url": "daysOfWeek", "valueCode": day}
    assert refused(MONDAY, wrong, START, END) == (400, "invalid", text, [f"{SECOND}.extension[1]"])


def test_a_start_without_an_end_is_refused() -> None:
    text = "availableTime has availableStartTime without availableEndTime"
    assert refused(MONDAY, START) == (400, "invalid", text, [SECOND])


def test_an_end_without_a_start_is_refused() -> None:
    text = "availableTime has availableEndTime without availableStartTime"
    assert refused(MONDAY, END) == (400, "invalid", text, [SECOND])


@pytest.mark.parametrize(
    ("field", "entry", "places"),
    [
        ("allDay", [MONDAY, ALL, ALL], (1, 2)),
        ("availableStartTime", [MONDAY, START, END, START], (1, 3)),
        ("availableEndTime", [MONDAY, END, START, END], (1, 3)),
    ],
)
def test_a_part_of_an_entry_given_twice_is_refused(field: str, entry: list[Resource], places: tuple[int, int]) -> None:
    text = f"Scheduling parameter attribute 'availability.availableTime.{field}' has too many values"
    assert refused(*entry) == (400, "invalid", text, [f"{SECOND}.extension[{place}]" for place in places])


# 8 closures

CHRISTMAS = ("2026-12-24", "2026-12-26")


@LAYERS
def test_a_closure_of_dates_includes_its_last_day(layer: str) -> None:
    window = ("2026-12-24T03:00:00Z", "2026-12-27T07:00:00Z")
    if layer == "schedule":
        own = schedule("a", parameters(availability=[closed(*CHRISTMAS)]))
        answer = ask(own, zone=NEW_YORK, step=60, window=window)
    else:
        shut = [{"during": period(*CHRISTMAS), "description": "Christmas"}]
        answer = ask(schedule("a"), zone=NEW_YORK, step=60, window=window, notAvailable=shut)
    assert pieces(answer) == [("12-24T03:00", "12-24T05:00"), ("12-27T05:00", "12-27T07:00")]


@LAYERS
@pytest.mark.parametrize(
    ("during", "expected"),
    [
        pytest.param(None, WHOLE_DAY, id="without-during"),
        pytest.param({}, WHOLE_DAY, id="neither-bound"),
        pytest.param({"start": "2026-03-16T10:00:00Z"}, [("03-16T00:00", "03-16T10:00")], id="no-end"),
        pytest.param({"end": "2026-03-16T10:00:00Z"}, [("03-16T10:00", "03-17T00:00")], id="no-start"),
        pytest.param({"start": "2026-03-17"}, WHOLE_DAY, id="later"),
        pytest.param({"end": "2026-03-15"}, WHOLE_DAY, id="earlier"),
        pytest.param({"start": "2026-03-16"}, [], id="from-today"),
        pytest.param({"end": "2026-03-16"}, [], id="until-today"),
    ],
)
def test_missing_bounds_of_a_closure(layer: str, during: Resource | None, expected: list[Piece]) -> None:
    if layer == "schedule":
        note: Resource = {"url": "description", "valueString": "leave"}
        entry = [note] if during is None else [note, {"url": "during", "valuePeriod": during}]
        own = parameters(availability=[{"url": "notAvailableTime", "extension": entry}])
        assert pieces(ask(schedule("a", own), window=ONE_DAY)) == expected
    else:
        shut: list[Resource] = [{"description": "leave", **({} if during is None else {"during": during})}]
        assert pieces(ask(schedule("a"), window=ONE_DAY, notAvailable=shut)) == expected


def test_closures_cut_the_hours_into_pieces() -> None:
    noon = closed("2026-03-16T10:00:00Z", "2026-03-16T10:30:00Z")
    own = parameters(availability=[hours("mon", "09:00:00", "12:00:00"), noon])
    # no hour crosses the half hour
    assert times(ask(schedule("a", own), window=ONE_DAY, step=30, length=60)) == ["09:00", "10:30", "11:00"]


def test_all_closures_apply_to_all_hours() -> None:
    own = parameters(
        availability=[
            closed("2026-03-16T09:30:00Z", "2026-03-16T10:00:00Z"),
            hours("mon", "09:00:00", "11:00:00"),
            closed("2026-03-16T09:45:00Z", "2026-03-16T10:15:00Z"),
            hours("mon", "09:00:00", "11:00:00"),
        ]
    )
    expected = [("03-16T09:00", "03-16T09:30"), ("03-16T10:15", "03-16T11:00")]
    assert pieces(ask(schedule("a", own), window=ONE_DAY)) == expected


@LAYERS
def test_closures_close_free_slots(layer: str) -> None:
    free = slot("s", "a", "2026-03-16T09:00:00Z", "2026-03-16T11:00:00Z", "free")
    bounds = ("2026-03-16T09:30:00Z", "2026-03-16T10:00:00Z")
    if layer == "schedule":
        own = parameters(availability=[hours("tue", "09:00:00", "10:00:00"), closed(*bounds)])
        answer = ask(schedule("a", own), free, window=ONE_DAY)
    else:
        shut: list[Resource] = [{"during": period(*bounds)}]
        answer = ask(schedule("a"), free, window=ONE_DAY, availableTime=[], notAvailable=shut)
    assert pieces(answer) == [("03-16T09:00", "03-16T09:30"), ("03-16T10:00", "03-16T11:00")]


def test_a_schedule_with_hours_of_its_own_is_not_closed_by_the_service() -> None:
    own = parameters(availability=[hours("mon", "09:00:00", "11:00:00")])
    shut = [{"during": period("2026-03-16", "2026-03-16")}]
    assert pieces(ask(schedule("a", own), window=ONE_DAY, notAvailable=shut)) == MORNING


def test_a_schedule_with_leave_alone_is_closed_by_the_service_too() -> None:
    own = parameters(availability=[closed("2026-03-16T10:00:00Z", "2026-03-16T10:30:00Z")])
    usual = entry_of_service("mon", "09:00:00", "12:00:00")
    shut = [{"during": period("2026-03-16T11:00:00Z", "2026-03-16T11:30:00Z")}]
    expected = [
        ("03-16T09:00", "03-16T10:00"),
        ("03-16T10:30", "03-16T11:00"),
        ("03-16T11:30", "03-16T12:00"),
    ]
    answer = ask(schedule("a", own), window=ONE_DAY, availableTime=[usual], notAvailable=shut)
    assert pieces(answer) == expected
