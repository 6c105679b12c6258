"""The oracle against the worked examples of the specification, so that it can be trusted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from oracle import find_all
from support import (
    Resource,
    all_day,
    appointment,
    closed,
    hours,
    parameters,
    practitioner,
    schedule,
    service,
    service_type,
    slot,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NEW_YORK = "America/New_York"
CODING = {"system": "http://e.org", "code": "chk"}


def ask(
    *resources: Resource, pools: str = "a", start: str, end: str, now: datetime = NOW, **request: Any
) -> list[tuple[str, ...]]:
    """The offers as (start to the minute, schedules …); `pools` as in "a b / r"."""
    options: dict[str, Any] = {"count": 10_000, **request}
    offers = find_all(
        list(resources),
        service="checkup",
        pools=[pool.split() for pool in pools.split("/")],
        start=start,
        end=end,
        now=now,
        **options,
    )
    return [(f"{text[:16]}Z", *names) for text, names in offers]


def starts(*resources: Resource, **request: Any) -> list[str]:
    return [offer[0] for offer in ask(*resources, **request)]


def times(*resources: Resource, **request: Any) -> list[str]:
    return [offer[0][11:16] for offer in ask(*resources, **request)]


def pieces(*resources: Resource, start: str, end: str) -> list[tuple[str, str]]:
    """The open time, found by visits of one minute: from the start of the first to the end of the last (merged)."""
    found: list[tuple[str, str]] = []
    for text in starts(*resources, start=start, end=end):
        begin = datetime.fromisoformat(text)
        finish = datetime.fromtimestamp(begin.timestamp() + 60, UTC).strftime("%Y-%m-%dT%H:%MZ")
        if found and found[-1][1] == text:
            found[-1] = (found[-1][0], finish)
        else:
            found.append((text, finish))
    return found


def every_minute(**fields: Any) -> Resource:
    return service(params=parameters(duration=1, alignmentInterval=1, **fields))


@pytest.mark.parametrize(
    ("entry", "start", "end", "expected"),
    [
        (
            hours("fri", "22:00:00", "06:00:00"),
            "2026-03-06T05:00Z",
            "2026-03-08T05:00Z",
            ("2026-03-07T03:00Z", "2026-03-07T11:00Z"),
        ),
        (
            hours("fri", "22:00:00", "06:00:00"),
            "2026-03-07T00:00-05:00",
            "2026-03-08T05:00Z",
            ("2026-03-07T05:00Z", "2026-03-07T11:00Z"),
        ),
        (
            hours("sun", "00:30:00", "06:30:00"),
            "2026-03-08",
            "2026-03-09",
            ("2026-03-08T05:30Z", "2026-03-08T10:30Z"),
        ),
        (
            hours("sun", "00:30:00", "06:30:00"),
            "2026-11-01",
            "2026-11-02",
            ("2026-11-01T04:30Z", "2026-11-01T11:30Z"),
        ),
        (hours("sun", "02:00:00", "03:00:00"), "2026-03-08", "2026-03-09", None),
        (hours("sun", "02:30:00", "03:15:00"), "2026-03-08", "2026-03-09", None),
        (
            hours("sat", "22:00:00", "02:30:00"),
            "2026-03-07",
            "2026-03-09",
            ("2026-03-08T03:00Z", "2026-03-08T07:30Z"),
        ),
        (all_day("mon tue"), "2026-03-16", "2026-03-19", ("2026-03-16T04:00Z", "2026-03-18T04:00Z")),
    ],
)
def test_hours_in_new_york(entry: Resource, start: str, end: str, expected: tuple[str, str] | None) -> None:
    resources = (every_minute(), schedule("a", parameters(timezone=NEW_YORK, availability=[entry])))
    assert pieces(*resources, start=start, end=end) == ([expected] if expected else [])


def test_hours_that_end_a_second_before_midnight_make_two_windows() -> None:
    a = schedule("a", parameters(timezone=NEW_YORK, availability=[hours("mon tue", "00:00:00", "23:59:59")]))
    assert pieces(every_minute(), a, start="2026-03-16", end="2026-03-19") == [
        ("2026-03-16T04:00Z", "2026-03-17T03:59Z"),
        ("2026-03-17T04:00Z", "2026-03-18T03:59Z"),
    ]


def test_a_day_without_midnight() -> None:
    a = schedule("a", parameters(timezone="America/Santiago", availability=[all_day("sun")]))
    assert pieces(every_minute(), a, start="2026-09-05", end="2026-09-08") == [
        ("2026-09-06T04:00Z", "2026-09-07T03:00Z")
    ]


def test_a_half_hour_change() -> None:
    a = schedule("a", parameters(timezone="Australia/Lord_Howe", availability=[hours("sun", "01:00:00", "03:00:00")]))
    assert pieces(every_minute(), a, start="2026-04-04", end="2026-04-06") == [
        ("2026-04-04T14:00Z", "2026-04-04T16:30Z")
    ]
    assert pieces(every_minute(), a, start="2026-10-03", end="2026-10-05") == [
        ("2026-10-03T14:30Z", "2026-10-03T16:00Z")
    ]


def test_hours_of_the_service() -> None:
    entries: list[Resource] = [
        {"daysOfWeek": ["mon"], "availableStartTime": "09:00:00", "availableEndTime": "11:00:00"},
        {"daysOfWeek": ["mon"], "availableStartTime": "13:00:00"},
        {"daysOfWeek": ["mon"], "allDay": False},
        {"allDay": True},
    ]
    a = schedule("a", parameters(timezone="Etc/UTC"))
    assert pieces(every_minute() | {"availableTime": entries}, a, start="2026-03-16", end="2026-03-18") == [
        ("2026-03-16T09:00Z", "2026-03-16T11:00Z")
    ]
    assert pieces(every_minute() | {"availableTime": []}, a, start="2026-03-16", end="2026-03-18") == []


def test_closures_and_leave() -> None:
    on_christmas = {"during": {"start": "2026-12-24", "end": "2026-12-26"}}
    offered = every_minute() | {"notAvailable": [on_christmas, {"description": "nothing"}]}
    plain = schedule("a", parameters(timezone=NEW_YORK))
    expected = [("2026-12-24T00:00Z", "2026-12-24T05:00Z"), ("2026-12-27T05:00Z", "2026-12-28T00:00Z")]
    assert pieces(offered, plain, start="2026-12-24", end="2026-12-28") == expected

    on_leave = schedule("a", parameters(timezone=NEW_YORK, availability=[closed("2026-12-27", "2026-12-27T18:00Z")]))
    assert pieces(offered, on_leave, start="2026-12-24", end="2026-12-28") == [
        expected[0],
        ("2026-12-27T18:00Z", "2026-12-28T00:00Z"),
    ]

    own = parameters(timezone=NEW_YORK, availability=[all_day("thu"), closed(None, "2026-12-24T06:00:30Z")])
    free = slot("1", "a", "2026-12-24T04:00Z", "2026-12-25T06:00:30Z", "free")
    assert pieces(offered, schedule("a", own), free, start="2026-12-24", end="2026-12-28") == [
        ("2026-12-24T06:01Z", "2026-12-25T06:00Z")
    ]


def test_layers() -> None:
    offered = service(
        params=parameters(duration=30, bufferAfter=10),
        availableTime=[{"daysOfWeek": ["mon"], "availableStartTime": "09:00:00", "availableEndTime": "17:00:00"}],
    )
    a = schedule(
        "a",
        parameters(service="other", duration=5),
        parameters(bufferAfter=5, timezone="Europe/Vienna"),
        parameters(service="checkup", duration=45),
    )
    assert times(offered, a, start="2026-03-16", end="2026-03-17") == [f"{hour:02}:00" for hour in range(8, 16)]
    assert times(offered, a, start="2026-03-16T08:00Z", end="2026-03-16T08:50Z") == ["08:00"]
    assert times(offered, a, start="2026-03-16T08:00Z", end="2026-03-16T08:49:59Z") == []


@pytest.mark.parametrize(
    ("element", "concerned"),
    [
        (None, True),
        ({"coding": [CODING]}, True),
        ({"coding": [{"code": "chk"}]}, False),
        (service_type("checkup", coding=[{"system": "http://e.org", "code": "xray"}]), True),
        ({"text": "checkup"}, False),
    ],
)
def test_relevant_slots(element: Resource | None, concerned: bool) -> None:
    offered = service(type=[{"coding": [CODING]}])
    typed: dict[str, Any] = {} if element is None else {"serviceType": [element]}
    a = schedule("a", parameters(timezone="Etc/UTC"))
    taken = slot("1", "a", "2026-03-16T10:00Z", "2026-03-16T10:30Z", **typed)
    assert (times(offered, a, taken, start="2026-03-16T10:00Z", end="2026-03-16T10:30Z") == []) == concerned
    never = schedule("a", parameters(timezone="Etc/UTC", availability=[]))
    free = taken | {"status": "free"}
    assert (times(offered, never, free, start="2026-03-16T10:00Z", end="2026-03-16T10:30Z") == ["10:00"]) == concerned


def test_rounding() -> None:
    open_day = schedule("a", parameters(timezone="Etc/UTC"))
    busy = slot("1", "a", "2026-03-16T10:00:30Z", "2026-03-16T10:15:20Z")
    assert pieces(every_minute(), open_day, busy, start="2026-03-16T09:00Z", end="2026-03-16T11:00Z") == [
        ("2026-03-16T09:00Z", "2026-03-16T10:00Z"),
        ("2026-03-16T10:16Z", "2026-03-16T11:00Z"),
    ]
    never = schedule("a", parameters(timezone="Etc/UTC", availability=[]))
    free = slot("1", "a", "2026-03-16T10:00:30Z", "2026-03-16T10:15:20Z", "free")
    assert pieces(every_minute(), never, free, start="2026-03-16T09:00Z", end="2026-03-16T11:00Z") == [
        ("2026-03-16T10:01Z", "2026-03-16T10:15Z")
    ]
    empty = slot("1", "a", "2026-03-16T10:00:30Z", "2026-03-16T10:00:30Z")
    assert pieces(every_minute(), open_day, empty, start="2026-03-16T09:59:01Z", end="2026-03-16T10:02:59Z") == [
        ("2026-03-16T10:00Z", "2026-03-16T10:02Z")
    ]


@pytest.mark.parametrize(
    ("asked", "tolerances", "blocked"),
    [
        (1, [1], True),
        (1, [4], True),
        (2, [1], True),
        (2, [2], False),
        (2, [2, 2], True),
        (2, [5, 5], True),
        (3, [3, 3], False),
        (3, [2, 2], True),
        (3, [2, 3], True),
        (5, [5, 2], True),
        (3, [3, 3, 3], True),
    ],
)
def test_capacity(asked: int, tolerances: list[int], blocked: bool) -> None:
    statuses = ("busy", "busy-tentative", "busy-unavailable")
    stored = [
        slot(str(n), "a", "2026-03-16T10:00Z", "2026-03-16T10:30Z", status, capacity=tolerance)
        for n, (tolerance, status) in enumerate(zip(tolerances, statuses, strict=False))
    ]
    a = schedule("a", parameters(timezone="Etc/UTC", slotCapacity=asked))
    assert (times(service(), a, *stored, start="2026-03-16T10:00Z", end="2026-03-16T10:30Z") == []) == blocked


def test_slots_that_meet_are_not_counted_together() -> None:
    a = schedule("a", parameters(timezone="Etc/UTC", slotCapacity=2))
    stored = (
        slot("1", "a", "2026-03-16T10:00Z", "2026-03-16T10:15Z", capacity=2),
        slot("2", "a", "2026-03-16T10:15Z", "2026-03-16T10:30Z", capacity=2),
    )
    assert times(service(), a, *stored, start="2026-03-16T10:00Z", end="2026-03-16T10:30Z") == ["10:00"]


def test_buffers() -> None:
    offered = service(params=parameters(duration=30, bufferBefore=10, bufferAfter=15, alignmentInterval=15))
    a = schedule("a", parameters(timezone="Etc/UTC", availability=[hours("mon", "09:00:00", "12:00:00")]))
    taken = slot("1", "a", "2026-03-16T10:00Z", "2026-03-16T10:30Z")
    assert times(offered, a, start="2026-03-16", end="2026-03-17") == [
        "09:15", "09:30", "09:45", "10:00", "10:15", "10:30", "10:45", "11:00", "11:15",
    ]  # fmt: skip
    assert times(offered, a, taken, start="2026-03-16", end="2026-03-17") == ["09:15", "10:45", "11:00", "11:15"]


def test_stored_buffers_are_absolute() -> None:
    offered = service(params=parameters(duration=30, bufferAfter=10, alignmentInterval=10, slotCapacity=2))
    a = schedule("a", parameters(timezone="Etc/UTC"))
    stored = (
        slot("1", "a", "2026-03-16T09:00Z", "2026-03-16T09:30Z", capacity=2),
        slot("2", "a", "2026-03-16T09:30Z", "2026-03-16T09:40Z", "busy-unavailable"),
    )
    found = times(offered, a, *stored, start="2026-03-16T08:00Z", end="2026-03-16T10:30Z")
    assert found == ["08:00", "08:10", "08:20", "09:40", "09:50"]


def test_grid() -> None:
    def on_grid(interval: int, offset: int, zone: str, start: str, end: str) -> list[str]:
        grid = parameters(duration=1, alignmentInterval=interval, alignmentOffset=offset, alignmentTimezone=zone)
        return times(service(params=grid), schedule("a", parameters(timezone="Etc/UTC")), start=start, end=end)

    quarter = on_grid(30, 75, "Etc/UTC", "2026-03-16", "2026-03-17")
    assert quarter[:2] == ["00:15", "00:45"] and quarter[-1] == "23:45" and len(quarter) == 48
    fifty = on_grid(50, 0, "Etc/UTC", "2026-03-16", "2026-03-17T00:30Z")
    assert fifty[:2] == ["00:00", "00:50"] and fifty[-2:] == ["23:20", "00:00"] and len(fifty) == 30
    assert on_grid(40, 0, NEW_YORK, "2026-03-08T05:00Z", "2026-03-08T08:30Z") == [
        "05:00", "05:40", "06:20", "07:20", "08:00",
    ]  # fmt: skip
    assert on_grid(40, 0, NEW_YORK, "2026-11-01T05:00Z", "2026-11-01T07:30Z") == ["05:20", "06:20", "07:00"]
    assert on_grid(0, 5, "Asia/Kathmandu", "2026-03-16T00:00Z", "2026-03-16T02:00Z") == ["00:20", "01:20"]


def test_planning_horizon() -> None:
    a = schedule("a", parameters(timezone=NEW_YORK), horizon=("2026-03-02", "2026-03-08"))
    assert starts(service(), a, start="2026-03-09T02:00Z", end="2026-03-09T06:00Z") == [
        "2026-03-09T02:00Z",
        "2026-03-09T02:30Z",
        "2026-03-09T03:00Z",
        "2026-03-09T03:30Z",
    ]
    assert starts(service(), a, start="2026-03-02T04:00Z", end="2026-03-02T06:00Z")[0] == "2026-03-02T05:00Z"
    of_march = schedule("a", parameters(timezone=NEW_YORK), horizon=(None, "2026-03"))
    assert starts(service(), of_march, start="2026-04-01T02:00Z", end="2026-04-01T06:00Z")[-1] == "2026-04-01T03:30Z"


def test_horizons_of_several_schedules() -> None:
    # The buffer of b must lie within the horizon of a, if a is the only one of its pool.
    a = schedule("a", parameters(timezone="Etc/UTC"), horizon=(None, "2026-03-16T10:00Z"))
    b = schedule("b", parameters(timezone="Etc/UTC", bufferAfter=10))
    c = schedule("c", parameters(timezone="Etc/UTC"))
    request: dict[str, Any] = {"start": "2026-03-16T09:00Z", "end": "2026-03-16T11:00Z"}
    assert times(service(), a, b, pools="a / b", **request) == ["09:00"]
    assert times(service(), a, b, c, pools="a c / b", **request) == ["09:00", "09:30", "10:00"]
    assert ask(service(), a, b, c, pools="a c / b", **request)[1] == ("2026-03-16T09:30Z", "a", "b")


def test_booking_limit() -> None:
    def found(*limit: Any, start: str, end: str) -> list[str]:
        a = schedule("a", parameters(timezone=NEW_YORK, bookingLimit=[limit]))
        stored = (
            slot("1", "a", "2026-03-09T14:00Z", "2026-03-09T14:30Z"),
            slot("2", "a", "2026-03-13T14:00Z", "2026-03-13T14:30Z"),
            slot("3", "a", "2026-03-14T14:00Z", "2026-03-14T14:30Z", "busy-unavailable"),
            slot("4", "a", "2026-03-14T15:00Z", "2026-03-14T15:30Z"),
            slot("5", "a", "2026-03-14T16:00Z", "2026-03-14T16:30Z"),
        )
        made = (
            appointment("x", ["1"]),
            appointment("y", ["1", "2", "3"]),
            appointment("z", ["4"], service="other"),
            appointment("w", ["5"], status="cancelled"),
        )
        return starts(service(), a, *stored, *made, start=start, end=end)

    week = found(2, 1, "wk", start="2026-03-16T02:00Z", end="2026-03-16T05:00Z")
    assert week == ["2026-03-16T04:00Z", "2026-03-16T04:30Z"]
    assert found(3, 1, "wk", start="2026-03-16T02:00Z", end="2026-03-16T02:30Z") == ["2026-03-16T02:00Z"]
    assert found(2, 2, "wk", start="2026-03-02T04:00Z", end="2026-03-02T05:30Z") == [
        "2026-03-02T04:00Z",
        "2026-03-02T04:30Z",
    ]
    assert found(2, 1, "mo", start="2026-04-01T03:00Z", end="2026-04-01T04:30Z") == ["2026-04-01T04:00Z"]
    assert found(1, 1, "d", start="2026-03-13T15:00Z", end="2026-03-14T04:30Z") == ["2026-03-14T04:00Z"]


def test_holds() -> None:
    def found(now: datetime, status: str = "pending") -> list[str]:
        held = slot("1", "a", "2026-03-16T10:00Z", "2026-03-16T10:30Z", "busy-tentative")
        hold = appointment("h", ["1"], status=status, hold_expires="2026-03-10T12:10:00.000Z")
        a = schedule("a", parameters(timezone="Etc/UTC"))
        return times(service(), a, held, hold, start="2026-03-16T10:00Z", end="2026-03-16T10:30Z", now=now)

    assert found(datetime(2026, 3, 10, 12, 9, 59, 999000, tzinfo=UTC)) == []
    assert found(datetime(2026, 3, 10, 12, 10, tzinfo=UTC)) == ["10:00"]
    assert found(datetime(2026, 3, 10, 12, 10, tzinfo=UTC), "booked") == []


@pytest.mark.parametrize(
    ("combinations", "at_nine", "at_ten"),
    [(1, ["a r"], ["b r"]), (3, ["a r", "a s"], ["b r", "a r", "b s"])],
)
def test_combinations(combinations: int, at_nine: list[str], at_ten: list[str]) -> None:
    resources = (
        service(),
        *(practitioner(name) for name in "abrs"),
        *(schedule(name) for name in "abrs"),
        slot("1", "a", "2026-03-16T08:00Z", "2026-03-16T09:00Z"),
        slot("2", "b", "2026-03-16T09:00Z", "2026-03-16T09:30Z"),
        slot("3", "s", "2026-03-16T11:15Z", "2026-03-16T12:00Z"),
    )
    request: dict[str, Any] = {"start": "2026-03-16T08:00Z", "end": "2026-03-16T12:00Z", "combinations": combinations}
    offers = ask(*resources, pools="a b / r s", **request)
    assert [f"{one} {two}" for start, one, two in offers if start == "2026-03-16T09:00Z"] == at_nine
    assert [f"{one} {two}" for start, one, two in offers if start == "2026-03-16T10:00Z"] == at_ten
    assert ask(*resources, pools="a b / r s", **request, count=2) == offers[:2]


def test_no_schedule_and_no_actor_twice() -> None:
    schedules = (schedule("a"), schedule("b", actor="Practitioner/a"), schedule("c"))
    resources = (service(), practitioner("a"), practitioner("c"), *schedules)
    request: dict[str, Any] = {"start": "2026-03-16T08:00Z", "end": "2026-03-16T08:30Z", "combinations": 100}
    assert ask(*resources, pools="a / b", **request) == []
    assert ask(*resources, pools="a b / a c b", **request) == [
        ("2026-03-16T08:00Z", "a", "c"),
        ("2026-03-16T08:00Z", "b", "c"),
    ]


def test_the_search_window_holds_visit_and_buffers() -> None:
    request: dict[str, Any] = {"start": "2026-03-16T15:00Z", "end": "2026-03-16T16:00Z"}
    offered = service(params=parameters(duration=60))
    assert times(offered, schedule("a", parameters(timezone="Etc/UTC")), **request) == ["15:00"]
    assert times(offered, schedule("a", parameters(timezone="Etc/UTC", bufferAfter=5)), **request) == []


def test_candidates_of_two_schedules() -> None:
    offered = service(params=parameters(duration=60, alignmentInterval=30))
    a = schedule("a", parameters(timezone="Etc/UTC", availability=[hours("mon", "09:00:00", "12:00:00")]))
    b = schedule(
        "b", parameters(timezone="Etc/UTC", bufferAfter=15, availability=[hours("mon", "08:00:00", "11:30:00")])
    )
    request: dict[str, Any] = {"start": "2026-03-16T08:00Z", "end": "2026-03-16T12:00Z"}
    assert times(offered, a, b, pools="a / b", **request) == ["09:00", "09:30", "10:00"]


def test_series() -> None:
    def found(n: int, *params: Resource, offered: Resource | None = None, day: str = "2026-02-23") -> list[str]:
        a = schedule("a", parameters(timezone=NEW_YORK), *params)
        resources = [offered or service(), a, *stored]
        return times(*resources, start=f"{day}T14:00Z", end=f"{day}T14:30Z", occurrences=n)

    stored: list[Resource] = []
    assert found(3) == ["14:00"]
    every_second_hour = service(params=parameters(duration=30, alignmentInterval=120))
    assert found(2, offered=every_second_hour) == ["14:00"]
    assert found(3, offered=every_second_hour) == []
    assert found(3, parameters(service="checkup", bookingLimit=[(2, 1, "mo")])) == ["14:00"]
    assert found(3, parameters(service="checkup", bookingLimit=[(1, 1, "mo")])) == []
    stored.append(slot("1", "a", "2026-03-09T13:10Z", "2026-03-09T13:20Z"))
    assert found(2) == ["14:00"]
    assert found(3) == []

    a = schedule("a", parameters(timezone=NEW_YORK))
    skipped: dict[str, Any] = {"start": "2026-03-01T07:00Z", "end": "2026-03-01T08:30Z"}
    assert times(service(), a, **skipped) == ["07:00", "07:30", "08:00"]
    assert times(service(), a, **skipped, occurrences=2) == ["08:00"]


def test_a_series_of_long_visits_sees_its_own_slots() -> None:
    def found(length: int, capacity: int, **fields: Any) -> list[str]:
        grid = parameters(duration=(length, "h"), alignmentInterval=60, slotCapacity=capacity, **fields)
        a = schedule("a", parameters(timezone="Etc/UTC"))
        return times(service(params=grid), a, start="2026-03-16T08:00Z", end="2026-03-23T09:00Z", occurrences=2)

    assert found(168, 1) == ["08:00", "09:00"]
    assert found(169, 1) == []
    assert found(169, 2) == ["08:00"]
    assert found(168, 2, bufferAfter=60) == []


def test_ignored_appointment() -> None:
    resources = (
        service(),
        schedule("a", parameters(timezone="Etc/UTC", bookingLimit=[(1, 1, "d")])),
        slot("1", "a", "2026-03-16T10:00Z", "2026-03-16T10:30Z"),
        slot("2", "a", "2026-03-16T10:30Z", "2026-03-16T11:00Z", "busy-unavailable"),
        slot("3", "a", "2026-03-16T10:30Z", "2026-03-16T11:00Z"),
        appointment("x", ["1", "2"]),
    )
    request: dict[str, Any] = {"start": "2026-03-16T10:00Z", "end": "2026-03-16T11:00Z"}
    assert times(*resources, **request) == []
    assert times(*resources, **request, ignore="x") == ["10:00"]
