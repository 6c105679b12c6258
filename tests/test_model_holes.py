"""Rules of the model that the other tests reach only by luck; each was found by a mutant that survived them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from support import (
    EVERY_DAY,
    Resource,
    all_day,
    appointment,
    find,
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

MORNING = ("2026-03-16T09:00:00Z", "2026-03-16T12:00:00Z")  # a Monday
OPEN = ["09:00", "09:30", "10:00", "10:30", "11:00", "11:30"]


# 6 readable times


@pytest.mark.parametrize(
    ("expiry", "open_from"),
    [
        ("2026-03-10T12:10:00.5Z", 500),
        ("2026-03-10T12:10:00.05Z", 50),
        ("2026-03-10T12:10:00.050Z", 50),
        ("2026-03-10T12:10:00.005Z", 5),
    ],
)
def test_the_digits_of_a_fraction_are_tenths_hundredths_and_milliseconds(expiry: str, open_from: int) -> None:
    held = slot("s", "a", *MORNING, "busy-tentative")
    stored = [
        service(),
        schedule("a"),
        practitioner("a"),
        held,
        appointment("x", ["s"], status="pending", hold_expires=expiry),
    ]
    for milliseconds, expected in ((open_from - 1, []), (open_from, OPEN)):
        now = datetime(2026, 3, 10, 12, 10, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
        assert times(find(stored, schedule="a", start=MORNING[0], end=MORNING[1], now=now)) == expected


# 6 wall clock to instant


@pytest.mark.parametrize("entry", [all_day("mon"), hours("mon", "00:00:00", "02:00:00")])
def test_where_the_clock_jumps_over_midnight_the_day_begins_at_the_jump(entry: Resource) -> None:
    # In Toronto 23:30 on Sunday 1919-03-30 (04:30Z) became 00:30 on Monday. The gap is an hour, but the first
    # instant at or after midnight is the jump itself, not 01:00 (05:00Z).
    params = parameters(duration=30, alignmentInterval=30, availability=[entry])
    stored = [service(), schedule("a", params), practitioner("a", "America/Toronto")]
    answer = find(stored, schedule="a", start="1919-03-31T03:00:00Z", end="1919-03-31T06:00:00Z")
    assert times(answer) == ["04:30", "05:00", "05:30"]


# 7.4 a window begun on the previous day is open after midnight


@pytest.mark.parametrize(
    ("zone", "midnight"), [("Etc/UTC", "00:00"), ("Pacific/Kiritimati", "10:00"), ("Pacific/Pago_Pago", "11:00")]
)
def test_the_night_before_is_seen_whatever_the_day_on_which_the_search_begins(zone: str, midnight: str) -> None:
    night = hours(EVERY_DAY, "22:00:00", "06:00:00")
    params = parameters(duration=60, alignmentInterval=60, alignmentTimezone=zone, availability=[night])
    stored = [service(), schedule("a", params), practitioner("a", zone)]
    for day in range(70):
        begin = datetime.fromisoformat(f"2026-01-01T{midnight}Z") + timedelta(days=day)
        offered = [begin + timedelta(hours=hour) for hour in range(6)]
        answer = find(stored, schedule="a", start=f"{begin:%FT%TZ}", end=f"{begin + timedelta(hours=12):%FT%TZ}")
        assert starts(answer) == [f"{at:%FT%RZ}" for at in offered]


# 8 a Period with neither bound closes nothing


@pytest.mark.parametrize("layer", ["schedule", "service"])
def test_a_closure_of_unknown_time_closes_nothing(layer: str) -> None:
    unknown = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    during: Resource = {"extension": [unknown]}
    leave: Resource = {"url": "notAvailableTime", "extension": [{"url": "during", "valuePeriod": during}]}
    own = schedule("a", parameters(availability=[leave])) if layer == "schedule" else schedule("a")
    of_service = service(notAvailable=[{"description": "some day", "during": during}])
    stored = [service() if layer == "schedule" else of_service, own, practitioner("a")]
    assert times(find(stored, schedule="a", start=MORNING[0], end=MORNING[1])) == OPEN


# 16 the Slots of a lapsed hold count nowhere, not as errors either


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        ("soon", "2026-03-16T10:00:00Z", "Slot/s has invalid start or end time"),
        ("2026-03-16T11:00:00Z", "2026-03-16T10:00:00Z", "Slot/s has end time before start time"),
    ],
)
def test_an_unusable_slot_of_a_hold_is_an_error_until_the_hold_lapses(start: str, end: str, text: str) -> None:
    held = appointment("x", ["s"], status="pending", hold_expires="2026-03-10T12:10:00Z")
    stored = [service(), schedule("a"), practitioner("a"), slot("s", "a", start, end, "busy-tentative"), held]
    lapse = datetime(2026, 3, 10, 12, 10, tzinfo=UTC)
    before = find(stored, schedule="a", start=MORNING[0], end=MORNING[1], now=lapse - timedelta(milliseconds=1))
    assert refusal(before) == (400, "invalid", text, None)
    assert times(find(stored, schedule="a", start=MORNING[0], end=MORNING[1], now=lapse)) == OPEN
