"""A batch find gives exactly what single finds give, from string tables and from the compiled form.

Random calendars have capacity stamps, service-scoped and free Slots, days on which clocks change, booking limits,
holds and faults; SLOTWRIGHT_EXAMPLES sets how many there are.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from batch_support import batch, check, request, single, table
from slotwright.io import open_calendar
from slotwright.io.batch import batch_find
from strategies import numbered_problem
from support import (
    appointment,
    hours,
    parameters,
    practitioner,
    schedule,
    service,
    slot,
)

EXAMPLES = int(os.environ.get("SLOTWRIGHT_EXAMPLES", "100")) * 2 // 5
CHUNK = 8
NOW = datetime(2026, 3, 10, tzinfo=UTC)


@pytest.mark.parametrize("first", range(0, EXAMPLES, CHUNK))
def test_batches_agree_with_single_finds_on_random_calendars(first: int) -> None:
    swept = 0
    for seed in range(first, min(first + CHUNK, EXAMPLES)):
        problem = numbered_problem(seed)
        window = problem.service, problem.start, problem.end

        def ask(schedules: Sequence[Sequence[str]], window: tuple[str, str, str] = window, **others: Any) -> Any:
            return request(window[0], schedules, *window[1:], **others)

        names = sorted({name for pool in problem.pools for name in pool})
        rows = [
            ask(
                problem.pools,
                count=problem.count,
                combinations=problem.combinations,
                occurrences=problem.occurrences,
            ),
            *(ask([[name]], count=count) for name in names for count in (None, problem.count)),
            ask([[names[0]]], occurrences=2),
            ask([["nobody"]]),
        ]
        try:
            swept += check(open_calendar(problem.resources), rows, problem.now)
        except Exception as error:
            error.add_note(f"numbered_problem({seed})")
            raise
    assert swept > CHUNK


WEEKDAYS = [hours(["mon", "tue", "wed", "thu", "fri"], "08:00:00", "17:00:00")]
CHECKUP = {"system": "http://e.org", "code": "chk"}
XRAY = [{"coding": [{"system": "http://e.org", "code": "xray"}]}]
MARCH = "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"


def clinic(count: int, *slots: Any, params: Any = None) -> list[Any]:
    """Schedules s0, s1, … with a service that lasts half an hour."""
    plain = parameters(duration=30, alignmentInterval=30, timezone="America/New_York")
    resources: list[Any] = [service("checkup", params=params or plain)]
    for number in range(count):
        resources += [
            practitioner(f"p{number}"),
            schedule(f"s{number}", parameters(availability=WEEKDAYS), actor=f"Practitioner/p{number}"),
        ]
    return [*resources, *slots]


def every(size: int, **others: Any) -> list[dict[str, Any]]:
    return [request("checkup", [[f"s{number}"]], *MARCH, **others) for number in range(size)]


def test_a_month_with_a_change_of_clocks() -> None:
    slots = [
        slot(f"b{number}", f"s{number % 4}", f"2026-03-{number + 1:02}T13:00:00Z", f"2026-03-{number + 1:02}T14:20:30Z")
        for number in range(28)
    ]
    calendar = open_calendar(clinic(5, *slots))
    assert check(calendar, every(5), NOW) == 5
    _, counts, _ = batch(calendar, every(5, count="all"), NOW, compiled=True)
    # 22 weekdays of 18 starts. 13:00Z to 14:21Z meets three of them on 20 weekdays, at 8:00 to 9:21 until the clocks
    # change on the 8th, at 9:00 to 10:21 since.
    assert counts.offers == 5 * 22 * 18 - 20 * 3


def test_seconds_are_rounded_against_the_visit() -> None:
    params = parameters(duration=10, alignmentInterval=1, timezone="Etc/UTC")
    slots = [
        slot("busy", "s0", "2026-03-10T14:10:59Z", "2026-03-10T14:29:01Z"),
        slot("free", "s0", "2026-03-14T14:00:01Z", "2026-03-14T14:11:59Z", status="free"),
    ]
    calendar = open_calendar(clinic(1, *slots, params=params))
    tuesday = request("checkup", [["s0"]], "2026-03-10T13:58:00Z", "2026-03-10T14:41:00Z")
    saturday = request("checkup", [["s0"]], "2026-03-14T13:00:00Z", "2026-03-14T15:00:00Z")
    assert check(calendar, [tuesday, saturday], NOW) == 2
    found, _, _ = batch(calendar, [tuesday, saturday], NOW, compiled=False)
    # 13:58 to 14:00 end by 14:10, before the busy time begins; it ends within 14:29, and 14:31 is the last start.
    minutes = ["13:58", "13:59", "14:00", "14:30", "14:31"]
    # The free minutes are 14:01 to 14:11: one visit of ten.
    assert [one[2][11:16] for one in found] == [*minutes, "14:01"]


def test_more_offers_than_a_single_find_may_give() -> None:
    calendar = open_calendar(clinic(2))
    rows = [request("checkup", [["s0"], ["s1"]], *MARCH, count="all"), *every(2, count="ALL")]
    found, counts, swept = batch(calendar, rows, NOW, compiled=False)
    assert counts.offers == 3 * 22 * 18
    assert swept == 2
    assert [one[2:4] for one in found[: 22 * 18]] == [one[2:4] for one in found[22 * 18 : 2 * 22 * 18]]


def test_limits_holds_capacity_and_free_slots_together() -> None:
    params = parameters(
        duration=30,
        alignmentInterval=30,
        timezone="America/New_York",
        slotCapacity=2,
        bufferAfter=10,
        bookingLimit=(2, 1, "wk"),
    )
    slots = [
        slot("1", "s0", "2026-03-03T14:00:00Z", "2026-03-03T14:30:00Z", capacity=2),
        slot("2", "s0", "2026-03-05T14:00:00Z", "2026-03-05T14:30:00Z", capacity=2),
        slot("3", "s1", "2026-03-03T14:00:00Z", "2026-03-03T14:30:00Z", status="busy-tentative", capacity=2),
        slot("4", "s1", "2026-03-05T14:00:00Z", "2026-03-05T14:30:00Z", status="busy-tentative", capacity=2),
        slot("5", "s2", "2026-03-07T14:00:00Z", "2026-03-07T18:00:00Z", status="free"),
        slot("6", "s2", "2026-03-08T14:00:00Z", "2026-03-08T18:00:00Z", status="free", serviceType=XRAY),
        slot("7", "s2", "2026-03-10T14:00:00Z", "2026-03-10T18:00:00Z", status="entered-in-error"),
    ]
    booked = appointment("a", ["1", "2"], service="checkup")
    held = appointment("h", ["3"], service="checkup", status="pending", hold_expires="2026-03-10T00:00:00Z")
    lasting = appointment("i", ["4"], service="checkup", status="pending", hold_expires="2026-03-11T00:00:00Z")
    calendar = open_calendar(clinic(3, *slots, booked, held, lasting, params=params))
    assert check(calendar, every(3), NOW) == 3
    assert check(calendar, every(3), datetime(2026, 3, 9, 23, 59, 59, tzinfo=UTC)) == 3
    found, _, _ = batch(calendar, every(3, count="all"), NOW, compiled=True)
    in_week = [one for one in found if one[0] == 1 and "2026-03-02" < one[2][:10] < "2026-03-08"]
    assert not in_week, "two bookings a week are the limit"
    assert [one for one in found if one[0] == 2 and "2026-03-02" < one[2][:10] < "2026-03-08"], "one hold has lapsed"
    assert [one for one in found if one[0] == 3 and one[2][:10] == "2026-03-07"], "a free Slot opens a Saturday"


def test_what_refuses_one_request_leaves_the_others() -> None:
    resources = [
        *clinic(3, slot("x", "s1", "2026-03-03T14:30:00Z", "2026-03-03T14:00:00Z")),
        practitioner("q"),
        schedule("idle", actor="Practitioner/q", active=False),
        schedule("late", actor="Practitioner/q", horizon=("2026-05-01", "2026-06-01")),
        service("closed", active=False, params=parameters(duration=30)),
    ]
    rows = [
        *every(3),
        *(request("checkup", [[name]], *MARCH) for name in ("idle", "late", "nobody", "s0,s2")),
        request("closed", [["s0"]], *MARCH),
        request("nothing", [["s0"]], *MARCH),
        request("checkup", [["s0"]], "2026-03-01", "2026-03-01"),
        request("checkup", [["s0"]], "2026-03-01", "2026-06-01"),
        request("checkup", [["s0"]], "soon", "2026-03-02"),
        request("checkup", [["s0"]], *MARCH, count=0),
        request("checkup", [["s0"]], *MARCH, count=1001),
        request("checkup", [["s0"]], *MARCH, combinations=101),
        request("checkup", [["s0"]], *MARCH, occurrences=3),
        request("checkup", [["s0"]], "2026-03-02T14:00:10Z", "2026-03-02T14:00:50Z"),
        request("checkup", [["s0", "s0"], ["s2"]], *MARCH),
        request("checkup", [["s0"], ["s0"]], *MARCH),
    ]
    check(open_calendar(resources), rows, NOW)


def test_requests_that_say_nothing() -> None:
    calendar = open_calendar(clinic(1))
    rows = [
        {},
        request("checkup", [[""]], *MARCH),
        request("checkup", [], *MARCH),
        request("checkup", [[" s0 ", ""], []], *MARCH, count=1),
        request("Checkup", [["s0"]], *MARCH),
        request(" HealthcareService/checkup ", [["Schedule/s0"]], *MARCH, count=1),
    ]
    found, counts, _ = batch(calendar, rows, NOW, compiled=False)
    missing = "Expected at least 1 value(s) for required input parameter"
    first = "offer", "2026-03-02T13:00:00.000Z", "2026-03-02T13:30:00.000Z", ("s0",)
    assert found == [
        (1, "error", f"{missing} 'start'"),
        (2, "error", f"{missing} 'schedule'"),
        (3, "error", f"{missing} 'schedule'"),
        (4, *first),
        (5, "error", "HealthcareService not found"),
        (6, *first),
    ]
    assert counts.errors == 4


def test_windows_a_thousand_years_apart() -> None:
    calendar = open_calendar(clinic(1))
    rows = [*every(1), request("checkup", [["s0"]], "6026-03-02T00:00:00Z", "6026-03-03T00:00:00Z"), *every(1)]
    found, counts, _ = batch(calendar, rows, NOW, compiled=True)
    assert [one for one in found if one[0] == 2] == [
        (2, "error", "The window lies a thousand years from most other requests; ask in a run of its own")
    ]
    assert counts.errors == 1 and counts.offers == 40
    assert batch(calendar, rows[1:2], NOW, compiled=False)[0] == single(calendar, rows[1:2], NOW)


def test_reasons_name_the_schedule_or_the_pool() -> None:
    weekend = "2026-03-07T12:00:00Z", "2026-03-08T12:00:00Z"
    busy = slot("x", "s1", "2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z")
    calendar = open_calendar(clinic(3, busy))
    rows = [
        request("checkup", [["s0"]], *weekend),
        request("checkup", [["s0", "s2"], ["s1"]], "2026-03-02", "2026-03-03"),
        request("checkup", [["s0"], ["s0"]], "2026-03-02", "2026-03-03"),
    ]
    found = batch_find(table(rows), calendar, now=NOW)
    assert found.column("reason").to_pylist() == [
        "Schedule/s0 leaves no start in this window.",
        "Schedule/s1 leaves no start in this window.",
        "The pools have fewer actors than the appointment needs, and none is used twice.",
    ]


def test_order_of_requests_decides_the_order_of_answers_and_nothing_else() -> None:
    calendar = open_calendar(clinic(4, slot("1", "s2", *MARCH)))
    rows = [*every(4), request("checkup", [["s3", "s1"]], *MARCH), *every(4, count=3)]
    forward, _, _ = batch(calendar, rows, NOW, compiled=True)
    backward, _, _ = batch(calendar, rows[::-1], NOW, compiled=True)
    assert sorted(one[1:] for one in forward) == sorted(one[1:] for one in backward)
    assert [one[0] for one in backward] == sorted(one[0] for one in backward)


def test_service_types_in_columns() -> None:
    slots = [
        slot("1", "s0", "2026-03-02T00:00:00Z", "2026-03-31T00:00:00Z", serviceType=XRAY),
        slot("2", "s1", "2026-03-02T00:00:00Z", "2026-03-31T00:00:00Z", serviceType=[{"coding": [CHECKUP]}]),
    ]
    resources = clinic(2, *slots)
    resources[0]["type"] = [{"coding": [CHECKUP]}]
    assert check(open_calendar(resources), every(2), NOW) == 2
