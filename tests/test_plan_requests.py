"""Request tables of plans: each column in each form it may have, and what is wrong said of row, column and value."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import Any

import pytest
from plan_support import calendar, minute, practice, row
from slotwright.io import open_calendar
from slotwright.io.errors import LoadError
from slotwright.io.plans.fields import Gap, Hours, TimeWish
from slotwright.io.plans.requests import BadRow, Wanted, check_columns, read_requests
from support import practitioner

DAY = (minute("2026-03-10T00:00"), minute("2026-03-11T00:00"))


def read(**cells: Any) -> Wanted:
    [found] = read_requests(calendar(), [row("a", **cells)])
    assert isinstance(found, Wanted), found
    return found


def fault(**cells: Any) -> str:
    [found] = read_requests(calendar(), [row("a", **cells)])
    assert isinstance(found, BadRow), found
    assert (found.row, found.id) == (1, "a")
    return found.text


def test_a_plain_row() -> None:
    found = read()
    assert found == Wanted(1, "a", "checkup", (("ann",),), found.zone, weight=2000, windows=(DAY,), weights={})
    assert found.zone.name == "Etc/UTC"


@pytest.mark.parametrize(
    "given",
    [
        "ann,bob;room-1",
        "Schedule/ann, bob ; Schedule/room-1;",
        [["ann", "bob"], ["room-1"]],
        ["ann,bob", "room-1"],
        [["ann", "bob", "ann"], "room-1"],
    ],
)
def test_pools(given: Any) -> None:
    assert read(schedules=given).pools == (("ann", "bob"), ("room-1",))


@pytest.mark.parametrize(
    "given", ["ann;room-1,room-2:300", ["ann", "room-1,room-2:300"], [{"schedules": ["room-1", "room-2"], "cost": 300}]]
)
def test_optional_pools_have_a_cost(given: Any) -> None:
    assert read(optional=given).optional[-1] == (("room-1", "room-2"), 300)


def test_an_optional_pool_without_a_cost_has_the_default() -> None:
    assert read(optional="room-1").optional == ((("room-1",), 500),)
    assert read(optional=[{"schedules": ["room-1"], "cost": None}]).optional == ((("room-1",), 500),)


@pytest.mark.parametrize(
    "given",
    [
        "2026-03-10T09:00/2026-03-10T10:00;2026-03-11",
        "2026-03-11; 2026-03-10T09:00:00Z/2026-03-10T11:00:00+01:00",
        ["2026-03-11", ["2026-03-10T09:00", "2026-03-10T10:00"]],
        [{"start": "2026-03-10T09:00", "end": "2026-03-10T10:00"}, {"start": date(2026, 3, 11), "end": "2026-03-11"}],
        [[datetime(2026, 3, 10, 9), datetime(2026, 3, 10, 10, tzinfo=UTC)], "2026-03-11/2026-03-11"],
    ],
)
def test_windows(given: Any) -> None:
    first = minute("2026-03-10T09:00"), minute("2026-03-10T10:00")
    assert read(windows=given).windows == (first, (minute("2026-03-11T00:00"), minute("2026-03-12T00:00")))


def test_bounds_are_local_to_the_first_schedule_and_rounded_inward() -> None:
    abroad = practitioner("ann", "America/New_York")
    resources = [abroad if one["id"] == "ann" and one["resourceType"] != "Schedule" else one for one in practice()]
    times = {"release": "2026-03-10T09:00:30", "deadline": "2026-03-10", "due": "2026-03-10T10:00:30"}
    [found] = read_requests(open_calendar(resources), [row("a", windows=None, **times)])
    assert isinstance(found, Wanted)
    assert found.zone.name == "America/New_York"
    assert (found.release, found.due) == (minute("2026-03-10T13:01"), minute("2026-03-10T14:00"))
    assert found.deadline == minute("2026-03-11T04:00")


@pytest.mark.parametrize(
    ("priority", "level", "weight"),
    [
        (None, 1, 2000),
        (0, 1, 2000),
        (1, 0, 4000),
        ("4", 0, 4000),
        (5.0, 1, 2000),
        (6, 2, 1000),
        (9, 2, 1000),
        (math.nan, 1, 2000),
    ],
)
def test_priority_is_that_of_icalendar(priority: Any, level: int, weight: int) -> None:
    found = read(priority=priority)
    assert (found.level, found.weight) == (level, weight)


def test_a_weight_of_its_own_wins() -> None:
    assert (read(priority=9, weight="7").weight, read(priority=9, weight="7").level) == (7, 2)


def test_preferred_times() -> None:
    nine, noon = 9 * 3_600_000, 12 * 3_600_000
    expected = (TimeWish(DAY, 50), TimeWish(Hours(nine, noon), 20))
    assert read(preferred_times="2026-03-10/2026-03-10:50;09:00-12:00:20").preferred_times == expected
    structs = [{"start": "2026-03-10", "end": "2026-03-10", "weight": 50}, "09:00-12:00:20"]
    assert read(preferred_times=structs).preferred_times == expected


@pytest.mark.parametrize(
    "given",
    [
        "bob:30;ann:10",
        ["bob:30", "ann:10"],
        [{"schedule": "bob", "weight": 30}, {"schedule": "Schedule/ann", "weight": 10.0}],
    ],
)
def test_preferred_schedules(given: Any) -> None:
    assert read(schedules="ann,bob", preferred_schedules=given).weights == {"bob": 30, "ann": 10}


def test_patients_by_name_by_id_and_from_elsewhere() -> None:
    stored = {"reference": "Patient/pat", "display": "Pat Lee"}
    assert (
        read(patient="Pat Lee").patient == read(patient="Patient/pat").patient == read(patient="pat").patient == stored
    )
    assert read(patient="Patient/other").patient == {"reference": "Patient/other"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("b", Gap("b")),
        ("b 0..60min", Gap("b", 0, 60)),
        ("b 1..2h same-day", Gap("b", 60, 120, True)),
        ("b 30min..1d", Gap("b", 30, 1440)),
        ("b 7d..", Gap("b", 10080)),
        ("b ..1wk", Gap("b", 0, 10080)),
        ("b same-day", Gap("b", 0, None, True)),
        ([{"request": "b", "least": 5, "most": None, "same_day": True}], Gap("b", 5, None, True)),
    ],
)
def test_gaps(given: Any, expected: Gap) -> None:
    assert read(after=given).after == (expected,)


def test_several_gaps() -> None:
    assert read(after="b;c 1h..").after == (Gap("b"), Gap("c", 60))


def test_pins() -> None:
    found = read(schedules="ann,bob", pinned_start="2026-03-10T09:00", pinned_schedules="bob")
    assert (found.pinned_start, found.pinned) == (minute("2026-03-10T09:00"), {"bob"})


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ({"service": "chekup"}, "Row 1: service: No service is called 'chekup'. Did you mean checkup (Check-up)?"),
        ({"service": " "}, "Row 1: service is empty. Every request has request_id, service, schedules."),
        ({"schedules": "anna"}, "Row 1: schedules: No schedule is called 'anna'. Did you mean ann?"),
        (
            {"schedules": ";,"},
            "Row 1: schedules ',' is not a pool. Name schedules, separated by commas; pools by semicolons.",
        ),
        (
            {"windows": "2026-03-10T09:00"},
            "Row 1: windows '2026-03-10T09:00' is not a window. Write it as start/end, such as "
            "2026-03-10T09:00/2026-03-10T12:00.",
        ),
        (
            {"windows": "2026-03-11/2026-03-10"},
            "Row 1: windows '2026-03-11/2026-03-10' is not a window. Its end must be after its "
            "start; the day of an end is included.",
        ),
        (
            {"windows": None},
            "Row 1: windows and deadline are empty, so the visit could lie anywhere. Give one of them.",
        ),
        (
            {"release": "2026-03-11"},
            "Row 1: release, windows and deadline leave no time. Give a deadline after the release.",
        ),
        (
            {"due": "soon"},
            "Row 1: due 'soon' is neither a local time such as 2026-03-10T09:00 nor an instant "
            "with an offset such as 2026-03-10T09:00:00-04:00.",
        ),
        ({"priority": 10}, "Row 1: priority 10 is not possible. Write 0 to 9."),
        ({"weight": "1" + "0" * 20}, f"Row 1: weight '1{'0' * 20}' is not possible. Write 1 to 1,000,000,000."),
        ({"weight": 10**9 + 1}, "Row 1: weight 1000000001 is not possible. Write 1 to 1,000,000,000."),
        ({"weight": "0"}, "Row 1: weight '0' is not possible. Write a whole number of 1 or more."),
        (
            {"late_per_day": "1.5"},
            "Row 1: late_per_day '1.5' is not a whole number. Write a whole number of 0 or more.",
        ),
        (
            {"preferred_times": "09:00-12:00"},
            "Row 1: preferred_times '09:00-12' is not a window. Write it as start/end, such as "
            "2026-03-10T09:00/2026-03-10T12:00.",
        ),
        (
            {"preferred_schedules": "bob:1"},
            "Row 1: preferred_schedules 'bob' is in none of the pools of schedules and optional. "
            "Add it to one of them.",
        ),
        ({"optional": "bob:x"}, "Row 1: optional 'x' is not a whole number. Write a whole number of 0 or more."),
        ({"patient": "Nobody"}, "Row 1: patient: No patient is called 'Nobody'. There are: pat."),
        ({"after": "b 1..2"}, "Row 1: after '1..2' is not a gap with a unit. Units are min, h, d and wk."),
        (
            {"after": "b 2h..1h"},
            "Row 1: after 'b 2h..1h' is not possible. The longest gap must not be shorter than the shortest.",
        ),
        (
            {"after": "b 1h 2h"},
            "Row 1: after 'b 1h 2h' is not a request and a gap. Write it as request, request "
            "0..60min, request 7d.. or request 0..2h same-day.",
        ),
        ({"after": "a"}, "Row 1: after 'a' is the request itself. Name another request."),
        (
            {"pinned_schedules": "bob"},
            "Row 1: pinned_schedules 'bob' is in none of the pools of schedules and optional. Add it to one of them.",
        ),
        ({"comment": True}, "Row 1: comment True is not a text. Write a name or an id."),
    ],
)
def test_what_is_wrong_names_row_column_value_and_remedy(cells: dict[str, Any], text: str) -> None:
    assert fault(**cells) == text


def test_an_id_stands_once() -> None:
    found = read_requests(calendar(), [row("a"), row("b"), row("a")])
    assert [type(one) for one in found] == [Wanted, Wanted, BadRow]
    assert found[2] == BadRow(
        3, "a", "Row 3: request_id 'a' stands in row 1 already. Give each request an id of its own."
    )


def test_columns_of_a_table() -> None:
    check_columns(["request_id", "service", "schedules", "comment"], "t.csv")
    with pytest.raises(LoadError, match=r"t\.csv: column 'schedule' is unknown\. Did you mean 'schedules'\?$"):
        check_columns(["request_id", "service", "schedule"], "t.csv")
    with pytest.raises(LoadError, match=r"t\.csv: column 'schedules' is missing\."):
        check_columns(["request_id", "service"], "t.csv")
    with pytest.raises(LoadError, match=r"t\.csv: column 'service' stands there 2 times\. Keep one\."):
        check_columns(["request_id", "service", "service", "schedules"], "t.csv")
