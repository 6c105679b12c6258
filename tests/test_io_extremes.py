"""The ends of the calendar and numbers without measure: an answer or a refusal, and soon."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from slotwright.io import invoke, open_calendar
from support import (
    EVERY_DAY,
    Resource,
    appointment,
    closed,
    hours,
    parameters,
    practitioner,
    refusal,
    schedule,
    service,
    slot,
    starts,
    times,
)

ZONES = ("Etc/UTC", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati", "Etc/GMT+12", "Africa/Monrovia")
DAY = ("2026-03-16", "2026-03-17")
HALF_HOURS = [f"{hour:02}:{minute}" for hour in range(24) for minute in ("00", "30")]


def ask(resources: list[Resource], start: str, end: str, **query: str) -> tuple[int, Resource]:
    """`$find` on schedule a; never a fault of ours, and never slow."""
    asked = {
        "start": start,
        "end": end,
        "service-type-reference": "HealthcareService/checkup",
        "schedule": "Schedule/a",
        "_count": "1000",
        **{name.replace("_", "-"): value for name, value in query.items()},
    }
    started = time.process_time()
    now = datetime(2026, 3, 1, tzinfo=UTC)
    answer = invoke(open_calendar(resources), "Appointment/$find", query=asked, now=now)
    assert answer[0] in (200, 400) and time.process_time() - started < 5
    return answer


def clinic(*more: Resource, timezone: str = "Etc/UTC", **fields: Any) -> list[Resource]:
    """Schedule a, always open; a visit of half an hour each half hour unless `fields` say otherwise."""
    rules = parameters(**{"duration": 30, "alignmentInterval": 30, **fields})
    return [service(params=rules), practitioner("a", timezone), schedule("a"), *more]


def with_hours(timezone: str) -> list[Resource]:
    own = parameters(availability=[hours(EVERY_DAY, "09:00:00", "10:00:00")])
    return [*clinic(timezone=timezone)[:2], schedule("a", own)]


# The years 1 and 9999


@pytest.mark.parametrize("day, next_day", [("0001-01-01", "0001-01-02"), ("9999-12-30", "9999-12-31")])
def test_the_first_and_the_last_days_are_searched(day: str, next_day: str) -> None:
    assert starts(ask(clinic(), day, next_day)) == [f"{day}T{at}Z" for at in HALF_HOURS]


def test_the_last_visit_ends_before_the_calendar_does() -> None:
    found = starts(ask(clinic(), "9999-12-31", "9999-12-31T23:59:59Z"))
    assert found[-1] == "9999-12-31T23:00Z" and len(found) == 47


FIRST = [f"0001-01-01T{at}Z" for at in HALF_HOURS[:4]]
LAST = [f"9999-12-31T{at}Z" for at in HALF_HOURS[-4:-1]]


@pytest.mark.parametrize(
    ("start", "end", "meant"),
    [
        ("0001-01-01T00:00:00+14:00", "0001-01-01T02:00:00Z", FIRST),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+00:30", []),
        ("9999-12-31T22:00:00Z", "9999-12-31T23:59:59-14:00", LAST),
        ("9999-12-31T11:00:00-14:00", "9999-12-31T23:59:59-14:00", []),
    ],
    ids=["into year 1", "year 0", "out of year 9999", "year 10000"],
)
def test_offsets_that_lead_beyond_the_calendar_give_no_time_of_another_day(
    start: str, end: str, meant: list[str]
) -> None:
    """No FHIR instant names the years 0 and 10000: refused, or nothing offered there, never a time not meant."""
    status, resource = ask(clinic(), start, end)
    if status == 200:
        found = starts((status, resource))
        assert found == sorted(set(found)) and set(found) <= set(meant)
        assert all(one["resource"]["start"] < one["resource"]["end"] for one in resource.get("entry", []))


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("start, end", [("0001-01-01", "0001-02-01"), ("9999-12-01", "9999-12-31T23:59:59Z")])
@pytest.mark.parametrize("alignment", ["Etc/UTC", None])
def test_weekly_hours_at_the_ends_of_the_calendar(zone: str, start: str, end: str, alignment: str | None) -> None:
    """Five days from the ends each day has its hour; in local mean time the clock never shows whole minutes."""
    resources = with_hours(zone)
    resources[0] = service(params=parameters(duration=30, alignmentInterval=1, alignmentTimezone=alignment or zone))
    found = starts(ask(resources, start, end))
    assert found == sorted(set(found))
    days = {one[:10] for one in found if "06" <= one[8:10] <= "25"}
    assert len(days) == 20 or (start < "1900" and alignment is None and not days)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("start, end", [("0001-01-01", "0001-01-07"), ("9999-12-25", "9999-12-31T23:59:59Z")])
def test_series_at_the_ends_of_the_calendar(zone: str, start: str, end: str) -> None:
    found = starts(ask(with_hours(zone), start, end, occurrence_count="6"))
    assert found == sorted(set(found))


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ("0001", "9999"),
        ("0001-01-01", "9999-12-31"),
        ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999-14:00"),
        (None, "9999-12"),
        ("0001-01", None),
    ],
)
@pytest.mark.parametrize("zone", ZONES)
def test_a_horizon_as_wide_as_the_calendar_is_none(low: str | None, high: str | None, zone: str) -> None:
    wide = [*clinic(timezone=zone)[:2], schedule("a", horizon=(low, high))]
    assert ask(wide, *DAY) == ask(clinic(timezone=zone), *DAY)
    closing = [*clinic(timezone=zone)[:2], schedule("a", parameters(availability=[closed(low, high)]))]
    assert starts(ask(closing, *DAY)) == []


@pytest.mark.parametrize("end", ["0001", "0001-01-01", "9999-12-31"])
def test_a_horizon_at_an_end_of_the_calendar_is_elsewhere(end: str) -> None:
    text = (
        "ends before schedule planning horizon starts" if end > "5" else "starts after schedule planning horizon ends"
    )
    resources = [*clinic()[:2], schedule("a", horizon=(end, end))]
    assert refusal(ask(resources, *DAY))[2] == f"Search range {text}"


@pytest.mark.parametrize("end", ["0001", "0001-01-01", "9999-12-31", "9999"])
def test_closures_at_an_end_of_the_calendar_close_nothing_else(end: str) -> None:
    resources = [*clinic()[:2], schedule("a", parameters(availability=[closed(end, end)]))]
    assert times(ask(resources, *DAY)) == HALF_HOURS


ALWAYS = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999-14:00")


@pytest.mark.parametrize("status", ["busy", "busy-unavailable", "busy-tentative"])
def test_a_slot_as_long_as_the_calendar_takes_all_time(status: str) -> None:
    resources = clinic(slot("x", "a", *ALWAYS, status))
    assert starts(ask(resources, *DAY)) == []
    assert starts(ask([*resources, practitioner("b"), schedule("b")], *DAY, schedule="Schedule/a,Schedule/b"))


def test_a_free_slot_as_long_as_the_calendar_opens_all_time() -> None:
    never = service(params=parameters(duration=30, alignmentInterval=30), availableTime=[])
    resources = [never, *clinic()[1:], slot("x", "a", *ALWAYS, "free")]
    assert times(ask(resources, *DAY)) == HALF_HOURS


@pytest.mark.parametrize("start, end", [ALWAYS[::-1], (ALWAYS[1], ALWAYS[1]), (ALWAYS[0], ALWAYS[0])])
def test_slots_backwards_and_without_length_at_the_ends(start: str, end: str) -> None:
    assert times(ask(clinic(slot("x", "a", start, end)), *DAY)) == HALF_HOURS


@pytest.mark.parametrize("expires, offered", [(ALWAYS[0], HALF_HOURS), (ALWAYS[1], [])])
def test_holds_that_lapsed_long_ago_or_never_will(expires: str, offered: list[str]) -> None:
    visit = slot("x", "a", "2026-03-16T00:00:00Z", "2026-03-17T00:00:00Z", "busy-tentative")
    hold = appointment("held", ["x"], status="pending", hold_expires=expires)
    assert times(ask(clinic(visit, hold), *DAY)) == offered


# Numbers

HUGE: list[Any] = [(10**9, "wk"), (2**63, "min"), (10**18, "d"), (1e300, "h"), (1.7e308, "wk")]


@pytest.mark.parametrize("value", HUGE)
@pytest.mark.parametrize("field", ["duration", "bufferBefore", "bufferAfter"])
@pytest.mark.parametrize("window", [DAY, ("9999-12-30", "9999-12-31"), ("0001-01-01", "0001-01-02")])
def test_a_visit_longer_than_time_is_never_offered(field: str, value: Any, window: tuple[str, str]) -> None:
    assert starts(ask(clinic(**{field: value}), *window)) == []


@pytest.mark.parametrize("value", [(1e-308, "wk"), (5e-324, "min"), (0.1, "min"), (1 / 3, "h"), (0.0001, "d")])
def test_a_duration_finer_than_minutes_is_refused(value: Any) -> None:
    assert refusal(ask(clinic(duration=value), *DAY))[2] == "Got duration that is not a whole number of minutes"


@pytest.mark.parametrize("value", [-1, -(10**9), -1e300, -5e-324])
def test_a_negative_duration_is_refused(value: float) -> None:
    assert refusal(ask(clinic(bufferAfter=value), *DAY))[2] == "Got duration with negative value"


@pytest.mark.parametrize("value", [0, -0.0])
def test_a_visit_without_length_is_never_offered(value: float) -> None:
    assert starts(ask(clinic(duration=value), *DAY)) == []


@pytest.mark.parametrize("minutes", [30, 45, 60, 1440, 10_000_035])
def test_an_offset_may_exceed_the_interval(minutes: int) -> None:
    found = times(ask(clinic(alignmentOffset=minutes), *DAY))
    assert {int(one[3:]) % 30 for one in found} == {minutes % 30}


@pytest.mark.parametrize("value", HUGE)
def test_an_offset_without_measure_still_gives_a_grid(value: Any) -> None:
    found = times(ask(clinic(alignmentOffset=value), *DAY))
    assert len(found) in (47, 48) and len({int(one[3:]) % 30 for one in found}) == 1


def test_every_minute_of_a_month() -> None:
    found = starts(ask(clinic(duration=1, alignmentInterval=1), "2026-03-01", "2026-04-01"))
    assert len(found) == 1000 and (found[0], found[-1]) == ("2026-03-01T00:00Z", "2026-03-01T16:39Z")


def test_the_longest_interval_is_a_day_and_zero_is_an_hour() -> None:
    assert times(ask(clinic(alignmentInterval=1440), *DAY)) == ["00:00"]
    assert times(ask(clinic(alignmentInterval=0), *DAY)) == [f"{hour:02}:00" for hour in range(24)]
    refused = refusal(ask(clinic(alignmentInterval=1441), *DAY))
    assert refused[2] == "alignmentInterval cannot exceed 1440 minutes (1 day)"


@pytest.mark.parametrize("capacity", [10**9, 2**63, 1e300, 2.0])
def test_a_capacity_without_measure(capacity: Any) -> None:
    taken = slot("x", "a", "2026-03-16T00:00:00Z", "2026-03-16T12:00:00Z", capacity=10**9)
    status, bundle = ask(clinic(taken, slotCapacity=capacity), *DAY)
    assert times((status, bundle)) == HALF_HOURS
    stamp = bundle["entry"][0]["resource"]["contained"][0]["extension"][0]["valuePositiveInt"]
    assert stamp == int(capacity) and isinstance(stamp, int)


@pytest.mark.parametrize("capacity", [0, -1, 1.5, 0.999999999999])
def test_a_capacity_that_is_no_positive_integer_is_refused(capacity: Any) -> None:
    assert refusal(ask(clinic(slotCapacity=capacity), *DAY))[2] == "slotCapacity must be a positive integer"


@pytest.mark.parametrize("unit", ["d", "wk", "mo"])
def test_a_frequency_without_measure_is_no_limit(unit: str) -> None:
    booked = [slot("x", "a", "2026-03-16T09:00:00Z", "2026-03-16T09:30:00Z"), appointment("b", ["x"])]
    found = times(ask(clinic(*booked, bookingLimit=(10**12, 1, unit)), *DAY))
    assert found == [one for one in HALF_HOURS if one != "09:00"]


@pytest.mark.parametrize("length", [10**6, 10**12, 2**63, 1e308])
@pytest.mark.parametrize("unit", ["d", "wk", "mo"])
@pytest.mark.parametrize("at", ["0001-01-01T12:00:00Z", "1969-12-31T12:00:00Z", "2000-01-01T12:00:00Z"])
def test_a_period_longer_than_the_calendar_begins_or_ends_in_1970(at: str, unit: str, length: Any) -> None:
    """Division rounds down: what lies before 1970 has the number -1, what lies after it 0 (model 15)."""
    booked = [slot("x", "a", at, at.replace("12:00", "12:30")), appointment("b", ["x"])]
    found = times(ask(clinic(*booked, bookingLimit=(1, length, unit)), *DAY))
    assert found == (HALF_HOURS if at < "1970" else [])


@pytest.mark.parametrize("unit", ["d", "wk", "mo"])
def test_bookings_at_the_ends_of_the_calendar_fill_their_own_periods(unit: str) -> None:
    booked = [slot("x", "a", "0001-01-01T00:00:00+14:00", "0001-01-01T12:00:00Z"), appointment("b", ["x"])]
    booked += [slot("y", "a", "9999-12-31T12:00:00Z", "9999-12-31T23:59:00-14:00"), appointment("c", ["y"])]
    assert times(ask(clinic(*booked, bookingLimit=(1, 1, unit)), *DAY)) == HALF_HOURS


def test_a_schedule_with_very_many_parameters() -> None:
    own = parameters(bookingLimit=[(10**12, length, "d") for length in range(1, 1001)])
    own["extension"] += [{"url": f"x{number}", "valueString": "ignored"} for number in range(10_000)]
    weekly = parameters(availability=[hours(EVERY_DAY, f"{at[:5]}:00", "00:00:00") for at in HALF_HOURS])
    own["extension"] += weekly["extension"]
    assert times(ask([*clinic()[:2], schedule("a", own)], *DAY)) == HALF_HOURS
