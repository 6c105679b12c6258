"""Planning horizons, booking limits, holds and admission (model 14 to 17)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from support import (
    Resource,
    appointment,
    closed,
    find,
    hours,
    parameters,
    period,
    practitioner,
    refusal,
    schedule,
    service,
    service_type,
    slot,
    starts,
    times,
)

NEW_YORK = "America/New_York"
MORNING = ("2026-03-16T09:00:00Z", "2026-03-16T12:00:00Z")  # a Monday
Window = tuple[str, str]


def ask(*resources: Resource, window: Window = MORNING, zone: str = "Etc/UTC", **asked: Any) -> tuple[int, Resource]:
    """Search schedule a, of Practitioner/a in `zone`."""
    stored = [*resources, practitioner("a", zone)]
    return find(stored, schedule="a", start=window[0], end=window[1], count=1000, **asked)


# 14 planning horizon

WEEK = ("2026-03-02", "2026-03-08")  # in New York 2026-03-02T05:00Z to 2026-03-09T04:00Z
WEEK_START = ("2026-03-02T03:00:00Z", "2026-03-02T06:30:00Z")
WEEK_END = ("2026-03-09T02:30:00Z", "2026-03-09T06:00:00Z")


def test_a_visit_lies_inside_the_planning_horizon_and_may_reach_its_end() -> None:
    resources = (service(), schedule("a", horizon=WEEK))
    assert times(ask(*resources, window=WEEK_START, zone=NEW_YORK)) == ["05:00", "05:30", "06:00"]
    # 03:30Z to 04:00Z is inside, though local clocks changed on the last day
    assert times(ask(*resources, window=WEEK_END, zone=NEW_YORK)) == ["02:30", "03:00", "03:30"]


def test_buffers_too_lie_inside_the_planning_horizon() -> None:
    params = parameters(duration=30, alignmentInterval=30, bufferBefore=10, bufferAfter=10)
    resources = (service(params=params), schedule("a", horizon=WEEK))
    # t - 10 >= 05:00 and t + 40 <= 06:30
    assert times(ask(*resources, window=WEEK_START, zone=NEW_YORK)) == ["05:30"]
    # t - 10 >= 02:30 and t + 40 <= 04:00
    assert times(ask(*resources, window=WEEK_END, zone=NEW_YORK)) == ["03:00"]


def test_buffers_may_reach_the_bounds_of_the_planning_horizon() -> None:
    params = parameters(duration=30, alignmentInterval=30, bufferBefore=30, bufferAfter=30)
    own = schedule("a", horizon=("2026-03-16T09:30:00Z", "2026-03-16T11:00:00Z"))
    assert times(ask(service(params=params), own)) == ["10:00"]


@pytest.mark.parametrize(
    ("horizon", "expected"),
    [
        (("2026-03-16T10:30:00Z", None), ["10:30", "11:00", "11:30"]),
        ((None, "2026-03-16T10:30:00Z"), ["09:00", "09:30", "10:00"]),
        ((None, None), ["09:00", "09:30", "10:00", "10:30", "11:00", "11:30"]),
        (("2026-03-16T10:00:00Z", "2026-03-16T10:30:00Z"), ["10:00"]),
        (("2026-03-16T10:00:00Z", "2026-03-16T10:29:00Z"), []),
        (("2026-03-16", "2026-03-16"), ["09:00", "09:30", "10:00", "10:30", "11:00", "11:30"]),
    ],
)
def test_either_bound_may_be_missing_and_equality_is_inside(
    horizon: tuple[str | None, str | None], expected: list[str]
) -> None:
    assert times(ask(service(), schedule("a", horizon=horizon))) == expected


@pytest.mark.parametrize(
    ("horizon", "text"),
    [
        (("2026-03-16T12:00:01Z", None), "Search range ends before schedule planning horizon starts"),
        (("2026-03-17", None), "Search range ends before schedule planning horizon starts"),
        ((None, "2026-03-16T08:59:59Z"), "Search range starts after schedule planning horizon ends"),
        ((None, "2026-03-15"), "Search range starts after schedule planning horizon ends"),
    ],
)
def test_a_search_range_beside_the_planning_horizon_is_refused(
    horizon: tuple[str | None, str | None], text: str
) -> None:
    answer = ask(service(), schedule("a", horizon=horizon))
    assert refusal(answer) == (400, "invalid", text, ["Parameters.schedule[0]"])


@pytest.mark.parametrize("horizon", [("2026-03-16T12:00:00Z", None), (None, "2026-03-16T09:00:00Z")])
def test_a_search_range_that_touches_the_planning_horizon_offers_nothing(
    horizon: tuple[str | None, str | None],
) -> None:
    assert starts(ask(service(), schedule("a", horizon=horizon))) == []


def test_free_slots_do_not_extend_the_planning_horizon() -> None:
    free = slot("s", "a", "2026-03-16T09:00:00Z", "2026-03-16T12:00:00Z", "free")
    own = schedule("a", parameters(availability=[]), horizon=(None, "2026-03-16T10:00:00Z"))
    assert times(ask(service(), own, free)) == ["09:00", "09:30"]


# 15 booking limit


def limited(*limits: tuple[int, int, str], **others: Any) -> Resource:
    """A service with one start each day, at noon UTC, and the limits."""
    fields = {"duration": 30, "alignmentInterval": 1440, "alignmentOffset": 720, **others}
    return service(params=parameters(**fields, bookingLimit=list(limits)))


def booking(id: str, start: str, status: str = "busy") -> list[Resource]:
    """A Slot of a quarter of an hour at `start` (…T09:00) and the Appointment with it."""
    assert start.endswith("00")
    taken = slot(id, "a", f"{start}:00Z", f"{start[:-2]}15:00Z", status)
    return [taken, appointment(f"x{id}", [id])]


def days(answer: tuple[int, Resource]) -> list[str]:
    return [start[:10] for start in starts(answer)]


def dates(first: str, last: str) -> Window:
    return f"{first}T00:00:00Z", f"{last}T23:59:00Z"


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        # both bookings lie in the week of 03-09, Monday, to 03-15 local
        ((2, 1, "wk"), ["04:00", "04:30"]),
        ((3, 1, "wk"), ["02:00", "02:30", "03:00", "03:30", "04:00", "04:30"]),
        # with two weeks 03-02 to 03-15: 20510 ÷ 14 = 20523 ÷ 14 = 1465, and 20524 ÷ 14 = 1466
        ((2, 2, "wk"), ["04:00", "04:30"]),
    ],
)
def test_a_week_begins_on_monday_midnight_local(limit: tuple[int, int, str], expected: list[str]) -> None:
    params = parameters(duration=30, alignmentInterval=30, bookingLimit=limit)
    booked = [*booking("s", "2026-03-09T14:00"), *booking("t", "2026-03-13T14:00")]
    # Sunday 22:00 local to Monday 01:00 local
    window = ("2026-03-16T02:00:00Z", "2026-03-16T05:00:00Z")
    assert times(ask(service(params=params), schedule("a"), *booked, window=window, zone=NEW_YORK)) == expected


@pytest.mark.parametrize(
    ("limit", "booked", "first", "last", "free"),
    [
        pytest.param((1, 1, "d"), "2026-03-16", "2026-03-15", "2026-03-17", ["2026-03-15", "2026-03-17"], id="day"),
        # 2026-03-16 is day 20528; 20526 = 3 x 6842 is 03-14
        pytest.param((1, 3, "d"), "2026-03-16", "2026-03-13", "2026-03-17", ["2026-03-13", "2026-03-17"], id="3-days"),
        pytest.param((1, 3, "d"), "2026-03-14", "2026-03-13", "2026-03-17", ["2026-03-13", "2026-03-17"], id="first"),
        pytest.param((1, 1, "wk"), "2026-03-16", "2026-03-15", "2026-03-23", ["2026-03-15", "2026-03-23"], id="week"),
        pytest.param((1, 1, "wk"), "2026-03-22", "2026-03-15", "2026-03-23", ["2026-03-15", "2026-03-23"], id="sunday"),
        pytest.param(
            (1, 2, "wk"), "2026-03-02", "2026-03-01", "2026-03-16", ["2026-03-01", "2026-03-16"], id="2-weeks"
        ),
        pytest.param((1, 2, "wk"), "2026-03-15", "2026-03-01", "2026-03-16", ["2026-03-01", "2026-03-16"], id="end"),
        pytest.param((1, 1, "mo"), "2026-02-28", "2026-01-31", "2026-03-01", ["2026-01-31", "2026-03-01"], id="month"),
        # months since 1970: March 2026 is 674; ÷ 2 is 337 for March and April
        pytest.param((1, 2, "mo"), "2026-03-16", "2026-02-27", "2026-03-02", ["2026-02-27", "2026-02-28"], id="march"),
        pytest.param((1, 2, "mo"), "2026-03-16", "2026-04-29", "2026-05-02", ["2026-05-01", "2026-05-02"], id="april"),
        # ÷ 5 is 134 for 670 to 674, November 2025 to March 2026
        pytest.param(
            (1, 5, "mo"), "2026-03-16", "2025-10-30", "2025-11-02", ["2025-10-30", "2025-10-31"], id="5-first"
        ),
        pytest.param((1, 5, "mo"), "2025-11-01", "2026-03-30", "2026-04-02", ["2026-04-01", "2026-04-02"], id="5-last"),
        # ÷ 12: calendar years
        pytest.param((1, 12, "mo"), "2026-01-01", "2026-12-30", "2027-01-01", ["2027-01-01"], id="year"),
        # division rounds down: Tuesday 1969-12-30 is -6 and Sunday 1970-01-04 is -1, ÷ 7 = -1; Monday 1970-01-05 is 0
        pytest.param((1, 1, "wk"), "1969-12-30", "1970-01-01", "1970-01-06", ["1970-01-05", "1970-01-06"], id="before"),
    ],
)
def test_starts_share_a_period_by_its_number(
    limit: tuple[int, int, str], booked: str, first: str, last: str, free: list[str]
) -> None:
    resources = (limited(limit), schedule("a"), *booking("s", f"{booked}T09:00"))
    assert days(ask(*resources, window=dates(first, last))) == free


def test_the_frequency_is_the_number_of_bookings_allowed() -> None:
    booked = [*booking("s", "2026-03-16T08:00"), *booking("t", "2026-03-16T09:00")]
    window = dates("2026-03-16", "2026-03-16")
    for frequency, free in ((1, []), (2, []), (3, ["2026-03-16"])):
        assert days(ask(limited((frequency, 1, "d")), schedule("a"), *booked, window=window)) == free


def test_periods_follow_the_zone_of_the_schedule() -> None:
    # 2026-03-17T03:00Z is Monday 23:00 in New York, and 2026-03-16T12:00Z is Monday 08:00
    resources = (limited((1, 1, "d")), schedule("a"), *booking("s", "2026-03-17T03:00"))
    window = dates("2026-03-15", "2026-03-17")
    assert days(ask(*resources, window=window, zone=NEW_YORK)) == ["2026-03-15", "2026-03-17"]
    assert days(ask(*resources, window=window)) == ["2026-03-15", "2026-03-16"]


def test_months_follow_the_zone_of_the_schedule() -> None:
    # 2026-04-01T03:00Z is 23:00 of March 31 in New York
    resources = (limited((1, 1, "mo")), schedule("a"), *booking("s", "2026-04-01T03:00"))
    window = dates("2026-03-31", "2026-04-01")
    assert days(ask(*resources, window=window, zone=NEW_YORK)) == ["2026-04-01"]
    assert days(ask(*resources, window=window)) == ["2026-03-31"]


def test_several_limits_must_all_hold() -> None:
    booked = [*booking("s", "2026-03-16T08:00"), *booking("t", "2026-03-16T09:00"), *booking("u", "2026-03-18T09:00")]
    window = dates("2026-03-16", "2026-03-23")
    # two a day closes the 16th; with four a week besides nothing more, with three a week the week until the 22nd
    day_only = ["17", "18", "19", "20", "21", "22", "23"]
    expected = [f"2026-03-{day}" for day in day_only]
    assert days(ask(limited((2, 1, "d")), schedule("a"), *booked, window=window)) == expected
    assert days(ask(limited((2, 1, "d"), (4, 1, "wk")), schedule("a"), *booked, window=window)) == expected
    assert days(ask(limited((2, 1, "d"), (3, 1, "wk")), schedule("a"), *booked, window=window)) == ["2026-03-23"]


def test_the_period_is_that_of_the_start_of_the_slot() -> None:
    night = slot("s", "a", "2026-03-16T23:00:00Z", "2026-03-17T01:00:00Z")
    resources = (limited((1, 1, "d")), schedule("a"), night, appointment("x", ["s"]))
    assert days(ask(*resources, window=dates("2026-03-16", "2026-03-17"))) == ["2026-03-17"]


def test_a_limit_of_the_schedule_counts_there_alone() -> None:
    others = slot("s", "b", "2026-03-16T09:00:00Z", "2026-03-16T09:15:00Z")
    resources = (limited((1, 1, "d")), schedule("a"), schedule("b"), practitioner("b"), others, appointment("x", ["s"]))
    assert days(ask(*resources, window=dates("2026-03-16", "2026-03-16"))) == ["2026-03-16"]


# 15 what counts as a booking


def offered(*existing: Resource, **asked: Any) -> bool:
    """Whether Monday noon is still offered at one booking a day."""
    answer = ask(limited((1, 1, "d")), schedule("a"), *existing, window=dates("2026-03-16", "2026-03-16"), **asked)
    return days(answer) == ["2026-03-16"]


NINE = "2026-03-16T09:00"


@pytest.mark.parametrize("status", ["busy", "busy-tentative"])
def test_busy_and_tentative_slots_of_appointments_count(status: str) -> None:
    assert not offered(*booking("s", NINE, status))


@pytest.mark.parametrize("status", ["busy-unavailable", "free", "entered-in-error"])
def test_slots_of_other_statuses_do_not_count(status: str) -> None:
    assert offered(*booking("s", NINE, status))


@pytest.mark.parametrize("status", ["busy", "busy-tentative"])
def test_slots_without_an_appointment_do_not_count(status: str) -> None:
    assert offered(booking("s", NINE, status)[0])


@pytest.mark.parametrize(
    "status", ["proposed", "pending", "booked", "arrived", "fulfilled", "noshow", "checked-in", "waitlist"]
)
def test_appointments_of_these_statuses_count(status: str) -> None:
    assert not offered(booking("s", NINE)[0], appointment("x", ["s"], status=status))


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error"])
def test_cancelled_and_wrong_appointments_do_not_count(status: str) -> None:
    assert offered(booking("s", NINE)[0], appointment("x", ["s"], status=status))


def test_a_slot_counts_if_any_of_its_appointments_does() -> None:
    taken = booking("s", NINE)[0]
    assert not offered(taken, appointment("x", ["s"], status="cancelled"), appointment("y", ["s"]))


CODED = {"coding": [{"system": "http://e.org", "code": "chk"}]}


@pytest.mark.parametrize(
    ("concepts", "counts"),
    [
        ([service_type("checkup")], True),
        ([service_type("other"), service_type("checkup")], True),
        ([service_type("other")], False),
        ([CODED], False),  # equal codings are no reference
        ([], False),
    ],
)
def test_appointments_count_for_the_services_they_refer_to(concepts: list[Resource], counts: bool) -> None:
    typed = service(params=limited((1, 1, "d"))["extension"][0], type=[CODED])
    booked = [booking("s", NINE)[0], appointment("x", ["s"], serviceType=concepts)]
    answer = ask(typed, schedule("a"), *booked, window=dates("2026-03-16", "2026-03-16"))
    assert (days(answer) == []) is counts


def test_a_limit_stated_for_all_services_counts_each_by_itself() -> None:
    own = schedule("a", parameters(bookingLimit=(1, 1, "d")), services=("checkup", "other"))
    params = parameters(duration=30, alignmentInterval=30)
    stored = [service(params=params), service("other", params=params), own, *booking("s", "2026-03-16T08:00")]
    assert times(ask(*stored)) == []
    assert times(ask(*stored, service="HealthcareService/other"))[0] == "09:00"


def test_a_slot_of_two_appointments_counts_once() -> None:
    booked = [*booking("s", NINE), appointment("y", ["s"])]
    answer = ask(limited((2, 1, "d")), schedule("a"), *booked, window=dates("2026-03-16", "2026-03-16"))
    assert days(answer) == ["2026-03-16"]


def test_two_slots_of_one_appointment_count_twice() -> None:
    slots = [booking("s", "2026-03-16T08:00")[0], booking("t", NINE)[0]]
    resources = (limited((2, 1, "d")), schedule("a"), *slots, appointment("x", ["s", "t"]))
    assert days(ask(*resources, window=dates("2026-03-16", "2026-03-16"))) == []


def test_slots_of_no_length_do_not_count() -> None:
    assert offered(slot("s", "a", f"{NINE}:00Z", f"{NINE}:00Z"), appointment("x", ["s"]))


def test_the_slots_of_an_ignored_appointment_do_not_count() -> None:
    booked = booking("s", NINE)
    assert not offered(*booked)
    assert offered(*booked, ignore_appointment="Appointment/xs")


def test_slots_of_lapsed_holds_do_not_count() -> None:
    held = [
        booking("s", NINE, "busy-tentative")[0],
        appointment("x", ["s"], status="pending", hold_expires="2026-03-16T08:00:00.000Z"),
    ]
    assert not offered(*held, now=datetime(2026, 3, 16, 7, 59, 59, 999000, UTC))
    assert offered(*held, now=datetime(2026, 3, 16, 8, tzinfo=UTC))


# 16 holds

EXPIRY = "2026-03-10T12:10:00.000Z"
BEFORE = datetime(2026, 3, 10, 12, 9, 59, 999000, UTC)
AT = datetime(2026, 3, 10, 12, 10, tzinfo=UTC)
EVER = datetime(2999, 1, 1, tzinfo=UTC)
TENTATIVE = slot("s", "a", "2026-03-16T09:00:00Z", "2026-03-16T11:00:00Z", "busy-tentative")
OCCUPIED = ["11:00", "11:30"]
OPEN = ["09:00", "09:30", "10:00", "10:30", "11:00", "11:30"]


@pytest.mark.parametrize(
    ("expiry", "now", "expected"),
    [
        (EXPIRY, BEFORE, OCCUPIED),
        (EXPIRY, AT, OPEN),
        (EXPIRY, EVER, OPEN),
        (None, EVER, OCCUPIED),
        ("2026-03-10T14:10:00+02:00", BEFORE, OCCUPIED),
        ("2026-03-10T14:10:00+02:00", AT, OPEN),
    ],
)
def test_a_hold_occupies_its_time_until_it_expires(expiry: str | None, now: datetime, expected: list[str]) -> None:
    held = appointment("x", ["s"], status="pending", hold_expires=expiry)
    assert times(ask(service(), schedule("a"), TENTATIVE, held, now=now)) == expected


@pytest.mark.parametrize(("expiry", "expected"), [("2020-01-01T00:00:00Z", OPEN), ("2999-01-01T00:00:00Z", OCCUPIED)])
def test_without_a_given_time_the_clock_decides(expiry: str, expected: list[str]) -> None:
    held = appointment("x", ["s"], status="pending", hold_expires=expiry)
    assert times(ask(service(), schedule("a"), TENTATIVE, held)) == expected


@pytest.mark.parametrize(("now", "expected"), [(BEFORE, ["09:00", "11:30"]), (AT, OPEN)])
def test_the_buffers_of_a_hold_lapse_with_it(now: datetime, expected: list[str]) -> None:
    slots = [
        slot("s", "a", "2026-03-16T09:45:00Z", "2026-03-16T10:00:00Z", "busy-unavailable"),
        slot("t", "a", "2026-03-16T10:00:00Z", "2026-03-16T11:00:00Z", "busy-tentative"),
        slot("u", "a", "2026-03-16T11:00:00Z", "2026-03-16T11:15:00Z", "busy-unavailable"),
    ]
    held = appointment("x", ["t", "s", "u"], status="pending", hold_expires=EXPIRY)
    assert times(ask(service(), schedule("a"), *slots, held, now=now)) == expected


def test_the_hold_lapses_on_all_its_schedules() -> None:
    slots = [
        slot("s", "a", "2026-03-16T09:00:00Z", "2026-03-16T11:00:00Z", "busy-tentative"),
        slot("t", "b", "2026-03-16T09:00:00Z", "2026-03-16T11:30:00Z", "busy-tentative"),
    ]
    held = appointment("x", ["s", "t"], status="pending", hold_expires=EXPIRY)
    stored = [service(), schedule("a"), schedule("b"), practitioner("a"), practitioner("b"), *slots, held]
    for now, expected in ((BEFORE, ["11:30"]), (AT, OPEN)):
        answer = find(stored, schedule=["a", "b"], start=MORNING[0], end=MORNING[1], now=now)
        assert times(answer) == expected


@pytest.mark.parametrize("status", ["booked", "proposed", "arrived", "fulfilled", "noshow", "waitlist"])
def test_only_pending_appointments_lapse(status: str) -> None:
    kept = appointment("x", ["s"], status=status, hold_expires=EXPIRY)
    assert times(ask(service(), schedule("a"), TENTATIVE, kept, now=AT)) == OCCUPIED


def test_slots_that_the_hold_does_not_refer_to_stay() -> None:
    other = slot("t", "a", "2026-03-16T09:30:00Z", "2026-03-16T10:00:00Z")
    held = appointment("x", ["s"], status="pending", hold_expires=EXPIRY)
    expected = ["09:00", "10:00", "10:30", "11:00", "11:30"]
    assert times(ask(service(), schedule("a"), TENTATIVE, other, held, now=AT)) == expected


@pytest.mark.parametrize(("now", "expected"), [(BEFORE, OCCUPIED), (AT, OPEN)])
def test_a_lapsed_hold_does_not_count_towards_capacity(now: datetime, expected: list[str]) -> None:
    held = slot("s", "a", "2026-03-16T09:00:00Z", "2026-03-16T11:00:00Z", "busy-tentative", capacity=2)
    booked = slot("t", "a", "2026-03-16T09:00:00Z", "2026-03-16T11:00:00Z", capacity=2)
    hold = appointment("x", ["s"], status="pending", hold_expires=EXPIRY)
    resources = (service(), schedule("a", parameters(slotCapacity=2)), held, booked, hold)
    assert times(ask(*resources, now=now)) == expected


# 17 admission

ALL_STARTS = ["09:00", "09:30", "10:00", "10:30", "11:00", "11:30"]


@pytest.mark.parametrize(
    ("own", "slots", "expected"),
    [
        pytest.param(schedule("a"), [], ALL_STARTS, id="everything-holds"),
        pytest.param(
            schedule("a", parameters(alignmentOffset=10)),
            [],
            ["09:10", "09:40", "10:10", "10:40", "11:10"],
            id="off-the-grid",
        ),
        pytest.param(
            schedule("a", planningHorizon=period("2026-03-16T10:00:00Z")), [], ALL_STARTS[2:], id="outside-the-horizon"
        ),
        pytest.param(
            schedule("a", parameters(availability=[hours("mon", "09:00:00", "10:00:00")])),
            [],
            ALL_STARTS[:2],
            id="outside-the-hours",
        ),
        pytest.param(
            schedule("a", parameters(availability=[closed("2026-03-16T09:10:00Z", "2026-03-16T11:20:00Z")])),
            [],
            ["11:30"],
            id="closed",
        ),
        pytest.param(
            schedule("a"),
            [slot("s", "a", "2026-03-16T10:10:00Z", "2026-03-16T10:40:00Z")],
            ["09:00", "09:30", "11:00", "11:30"],
            id="blocked",
        ),
        pytest.param(
            schedule("a", parameters(bufferAfter=5)),
            [slot("s", "a", "2026-03-16T10:00:00Z", "2026-03-16T10:30:00Z")],
            ["09:00", "10:30", "11:00"],
            id="buffer-blocked",
        ),
        pytest.param(
            schedule("a", parameters(bookingLimit=(1, 1, "d"))), booking("s", "2026-03-16T08:00"), [], id="limit-full"
        ),
    ],
)
def test_a_start_is_open_iff_every_condition_holds(own: Resource, slots: list[Resource], expected: list[str]) -> None:
    assert times(ask(service(), own, *slots)) == expected


def test_a_visit_on_several_schedules_is_open_iff_it_is_open_on_each() -> None:
    stored = [
        service(),
        schedule("a", parameters(availability=[hours("mon", "09:00:00", "11:00:00")])),
        schedule("b", horizon=("2026-03-16T09:30:00Z", None)),
        schedule("c", parameters(bookingLimit=(1, 1, "d"))),
        slot("s", "b", "2026-03-16T10:00:00Z", "2026-03-16T10:30:00Z"),
        practitioner("a"),
        practitioner("b"),
        practitioner("c"),
    ]
    for pools, expected in (
        (["a"], ALL_STARTS[:4]),
        (["b"], ["09:30", "10:30", "11:00", "11:30"]),
        (["a", "b"], ["09:30", "10:30"]),
        (["a", "b", "c"], ["09:30", "10:30"]),
    ):
        assert times(find(stored, schedule=pools, start=MORNING[0], end=MORNING[1])) == expected
    full = [slot("t", "c", "2026-03-16T08:00:00Z", "2026-03-16T08:30:00Z"), appointment("x", ["t"])]
    assert times(find([*stored, *full], schedule=["a", "b", "c"], start=MORNING[0], end=MORNING[1])) == []


@pytest.mark.parametrize("buffers", [{}, {"bufferBefore": 10, "bufferAfter": 10}])
def test_a_visit_without_length_is_never_open(buffers: dict[str, int]) -> None:
    params = parameters(duration=0, alignmentInterval=30, **buffers)
    free = slot("s", "a", "2026-03-16T09:00:00Z", "2026-03-16T12:00:00Z", "free")
    assert times(ask(service(params=params), schedule("a"))) == []
    assert times(ask(service(params=params), schedule("a"), free)) == []


def test_past_and_future_are_treated_alike() -> None:
    for now in (datetime(1999, 1, 1, tzinfo=UTC), EVER):
        assert times(ask(service(), schedule("a"), now=now)) == ALL_STARTS
