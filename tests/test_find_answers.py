"""`Appointment/$find`: ranges, candidates, series, ignored appointments and the answer (find.md, sections 4 to 8)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, cast

import pytest
from slotwright.io import invoke, open_calendar
from slotwright.solver.problem import Engine
from support import (
    CAPACITY_URL,
    EVERY_DAY,
    SERVICE_REFERENCE_URL,
    TEMPLATE_URL,
    Resource,
    appointment,
    chosen,
    closed,
    find,
    hours,
    parameters,
    practitioner,
    refusal,
    schedule,
    service,
    service_type,
    slot,
    starts,
    times,
)

Answer = tuple[int, Resource]
Horizon = tuple[str | None, str | None]

NEW_YORK = "America/New_York"
NOTHING: Answer = (200, {"resourceType": "Bundle", "type": "searchset"})
TOO_EARLY = "Search range ends before schedule planning horizon starts"
TOO_LATE = "Search range starts after schedule planning horizon ends"


def at(time: str) -> str:
    """A time of Monday 2026-03-16."""
    return f"2026-03-16T{time}:00Z"


def people(names: str = "a", timezone: str = "Etc/UTC") -> list[Resource]:
    return [practitioner(name, timezone) for name in names.split()]


def search(
    *resources: Resource, on: str | list[str] = "a", start: str = "08:00", end: str = "12:00", **more: Any
) -> Answer:
    """A search on Monday 2026-03-16 for the half hour `checkup` on half hours, always open."""
    stored = [service(), *people("a b c r s"), *resources]
    return find(stored, schedule=on, start=at(start), end=at(end), **more)


def out_of_range(text: str, place: int) -> tuple[int, str, str, list[str]]:
    return 400, "invalid", text, [f"Parameters.schedule[{place}]"]


# Section 4: search range and horizon


@pytest.mark.parametrize(
    ("horizon", "text"),
    [
        ((at("12:01"), None), TOO_EARLY),
        (("2026-03-17", None), TOO_EARLY),
        ((None, at("07:59")), TOO_LATE),
        ((None, "2026-03-15"), TOO_LATE),
        (("2026-01-01", at("07:59")), TOO_LATE),
    ],
)
def test_a_search_outside_the_horizon_is_refused(horizon: Horizon, text: str) -> None:
    assert refusal(search(schedule("a", horizon=horizon))) == out_of_range(text, 0)


@pytest.mark.parametrize("horizon", [(at("12:00"), None), (None, at("08:00"))])
def test_a_search_that_touches_the_horizon_is_no_error_and_offers_nothing(horizon: Horizon) -> None:
    assert search(schedule("a", horizon=horizon)) == NOTHING


def test_a_date_only_horizon_ends_with_the_local_day() -> None:
    # In America/New_York 2026-03-08 ends at 04:00Z.
    resources = [service(), *people("a", NEW_YORK), schedule("a", horizon=("2026-03-02", "2026-03-08"))]
    end = "2026-03-09T12:00:00Z"
    assert find(resources, schedule="a", start="2026-03-09T04:00:00Z", end=end) == NOTHING
    late = find(resources, schedule="a", start="2026-03-09T04:00:00.001Z", end=end)
    assert refusal(late) == out_of_range(TOO_LATE, 0)
    assert starts(find(resources, schedule="a", start="2026-03-09T03:00:00Z", end=end)) == [
        "2026-03-09T03:00Z",
        "2026-03-09T03:30Z",
    ]


@pytest.mark.parametrize(
    ("on", "text"),
    [
        # R becomes 08:00-10:00, and b starts at 11:00
        (["a", "b"], TOO_EARLY),
        # R becomes 11:00-12:00, and a ends at 10:00
        (["b", "a"], TOO_LATE),
        # a repeated schedule is a pool of one
        (["a,a", "b"], TOO_EARLY),
        (["c", "a", "b"], TOO_EARLY),
    ],
)
def test_a_pool_of_one_narrows_the_range_for_those_that_follow(on: list[str], text: str) -> None:
    resources = [schedule("a", horizon=(None, at("10:00"))), schedule("b", horizon=(at("11:00"), None)), schedule("c")]
    assert refusal(search(*resources, on=on)) == out_of_range(text, len(on) - 1)


def test_a_range_narrowed_to_an_instant_is_no_error_and_offers_nothing() -> None:
    resources = [schedule("a", horizon=(None, at("10:00"))), schedule("b", horizon=(at("10:00"), None))]
    assert search(*resources, on=["a", "b"]) == NOTHING


def test_a_pool_of_several_does_not_narrow_the_range() -> None:
    resources = [schedule("a", horizon=(None, at("10:00"))), schedule("b", horizon=(at("11:00"), None)), schedule("c")]
    assert chosen(search(*resources, on=["a,c", "b"])) == [("11:00", "c", "b"), ("11:30", "c", "b")]


def test_a_pool_that_lost_members_does_not_narrow_the_range() -> None:
    resources = [
        schedule("a", horizon=(None, at("10:00"))),
        schedule("b", horizon=(at("11:00"), None)),
        schedule("c", active=False),
    ]
    # narrowed to 08:00-10:00 the range would end before the horizon of b
    assert search(*resources, on=["a,c", "b"]) == NOTHING


def test_a_member_outside_the_narrowed_range_leaves_its_pool() -> None:
    resources = [schedule("r", horizon=(None, at("09:00"))), schedule("a", horizon=(at("10:00"), None)), schedule("b")]
    assert chosen(search(*resources, on=["r", "a,b"])) == [("08:00", "r", "b"), ("08:30", "r", "b")]
    only_a = search(*resources, on=["r", "a,a"])
    assert refusal(only_a) == out_of_range(TOO_EARLY, 1)


def test_the_buffers_of_all_lie_within_the_horizon_of_every_pool_of_one() -> None:
    bounded = schedule("r", horizon=(at("09:00"), at("10:00")))
    # t >= 09:00 and, with the buffer of a, t + 45 <= 10:00
    assert times(search(schedule("a", parameters(bufferAfter=15)), bounded, on=["a", "r"])) == ["09:00"]
    # t - 15 >= 09:00 and t + 30 <= 10:00
    assert times(search(schedule("a", parameters(bufferBefore=15)), bounded, on=["a", "r"])) == ["09:30"]


def test_the_horizon_of_a_pool_of_several_binds_its_own_schedule_only() -> None:
    resources = [
        schedule("a", parameters(bufferAfter=15)),
        schedule("r", horizon=(None, at("09:30"))),
        schedule("s", horizon=(at("09:30"), None)),
    ]
    # 09:00: the visit of r ends at 09:30, the buffer of a may go on
    answer = search(*resources, on=["a", "r,s"], start="08:30", end="10:30")
    assert chosen(answer) == [("08:30", "a", "r"), ("09:00", "a", "r"), ("09:30", "a", "s")]


def hour(*schedules: Resource, on: str | list[str] = "a") -> list[str]:
    """A search for exactly 15:00-16:00 for a visit of an hour."""
    params = parameters(duration=60, alignmentInterval=15)
    stored = [service(params=params), *people("a b"), *schedules]
    return times(find(stored, schedule=on, start=at("15:00"), end=at("16:00")))


def test_a_search_for_exactly_the_visit_finds_it_without_buffers_only() -> None:
    assert hour(schedule("a")) == ["15:00"]
    assert hour(schedule("a", parameters(bufferBefore=5))) == []
    assert hour(schedule("a", parameters(bufferAfter=5))) == []
    assert hour(schedule("a"), schedule("b"), on=["a", "b"]) == ["15:00"]
    assert hour(schedule("a"), schedule("b", parameters(bufferAfter=5)), on=["a", "b"]) == []


def test_a_visit_may_end_at_the_end_of_the_window_and_none_starts_there() -> None:
    assert times(search(schedule("a"), start="09:00", end="10:00")) == ["09:00", "09:30"]


# Section 5: candidates


def example_of_candidates(engine: Engine = "auto") -> Answer:
    """Schedules a (09:00-12:00) and b (08:00-11:30, 15 min after the visit), an hour on half hours."""
    resources = [
        service(params=parameters(duration=60, alignmentInterval=30, alignmentOffset=0)),
        *people("a b"),
        schedule("a", parameters(availability=[hours("mon", "09:00:00", "12:00:00")])),
        schedule("b", parameters(availability=[hours("mon", "08:00:00", "11:30:00")], bufferAfter=15)),
    ]
    return find(resources, schedule=["a", "b"], start=at("08:00"), end=at("12:00"), engine=engine)


def test_a_start_is_offered_where_it_is_open_on_every_chosen_schedule() -> None:
    assert times(example_of_candidates()) == ["09:00", "09:30", "10:00"]


def test_offers_may_overlap_each_other() -> None:
    stored = [service(params=parameters(duration=60, alignmentInterval=20)), *people("a"), schedule("a")]
    answer = find(stored, schedule="a", start=at("09:00"), end=at("10:40"))
    assert times(answer) == ["09:00", "09:20", "09:40"]


def test_refused_starts_use_up_nothing_of_count() -> None:
    taken = slot("1", "a", at("08:00"), at("10:15"))
    assert times(search(schedule("a"), taken, count=2)) == ["10:30", "11:00"]


def test_proposals_are_ordered_by_start_before_load() -> None:
    # loads: a 60, b 0
    resources = [
        schedule("a", parameters(availability=[hours("mon", "09:30:00", "12:00:00")])),
        schedule(
            "b", parameters(availability=[hours("mon", "08:00:00", "09:00:00"), hours("mon", "11:30:00", "12:00:00")])
        ),
        slot("1", "a", at("10:30"), at("11:30")),
    ]
    assert chosen(search(*resources, on="a,b", combinations=2)) == [
        ("08:00", "b"),
        ("08:30", "b"),
        ("09:30", "a"),
        ("10:00", "a"),
        ("11:30", "b"),
        ("11:30", "a"),
    ]


# Section 6: series. New York changes to summer time on 2026-03-08, so 09:00 is 14:00Z before and 13:00Z after.


def series(
    *stored: Resource,
    params: Resource | None = None,
    layer: Resource | None = None,
    n: int = 3,
    engine: Engine = "auto",
) -> Answer:
    """A search for exactly Monday 2026-02-23 09:00-09:30 in New York, n weeks: 02-23, 03-02 and 03-09."""
    resources = [
        service(params=params),
        *people("a", NEW_YORK),
        schedule("a", *([] if layer is None else [layer])),
        *stored,
    ]
    start, end = "2026-02-23T14:00:00Z", "2026-02-23T14:30:00Z"
    return find(resources, schedule="a", start=start, end=end, engine=engine, occurrence_count=n)


OFFERED = ["2026-02-23T14:00Z"]


@pytest.mark.parametrize(
    ("start", "end", "offered"),
    [
        ("2026-02-23T14:00:00Z", "2026-02-23T14:30:00Z", []),
        ("2026-03-02T14:00:00Z", "2026-03-02T14:30:00Z", []),
        ("2026-03-02T13:00:00Z", "2026-03-02T14:00:00Z", OFFERED),
        ("2026-03-02T14:30:00Z", "2026-03-02T15:00:00Z", OFFERED),
        ("2026-03-09T13:00:00Z", "2026-03-09T13:30:00Z", []),
        ("2026-03-09T13:29:00Z", "2026-03-09T13:30:00Z", []),
        ("2026-03-09T13:30:00Z", "2026-03-09T14:30:00Z", OFFERED),
        ("2026-03-16T13:00:00Z", "2026-03-16T13:30:00Z", OFFERED),
    ],
)
def test_the_visits_of_a_series_keep_the_wall_clock_time(start: str, end: str, offered: list[str]) -> None:
    assert starts(series(slot("1", "a", start, end))) == offered


def test_each_visit_of_a_series_lies_in_the_hours() -> None:
    nine = parameters(availability=[hours("mon", "09:00:00", "09:30:00")])
    assert starts(series(layer=nine)) == OFFERED
    closed_in_week_3 = parameters(
        availability=[hours("mon", "09:00:00", "09:30:00"), closed("2026-03-09", "2026-03-09")]
    )
    assert starts(series(layer=closed_in_week_3)) == []
    assert starts(series(layer=closed_in_week_3, n=2)) == OFFERED


@pytest.mark.parametrize(
    ("grid", "offered"),
    [
        # 14:00Z is a multiple of two hours, 13:00Z is not
        ({"alignmentInterval": 120}, []),
        ({"alignmentInterval": 60}, OFFERED),
        # 09:00 on the clock of New York, 540 = 4 x 120 + 60
        ({"alignmentInterval": 120, "alignmentOffset": 60, "alignmentTimezone": NEW_YORK}, OFFERED),
    ],
)
def test_each_visit_of_a_series_is_on_the_grid(grid: dict[str, Any], offered: list[str]) -> None:
    assert starts(series(params=parameters(duration=30, **grid))) == offered


def test_two_visits_of_the_example_are_on_the_grid() -> None:
    assert starts(series(params=parameters(duration=30, alignmentInterval=120), n=2)) == OFFERED


@pytest.mark.parametrize(
    ("limit", "offered"),
    [
        # one visit in February, two in March
        ((2, 1, "mo"), OFFERED),
        ((1, 1, "mo"), []),
        # January with February, March with April
        ((2, 2, "mo"), OFFERED),
        ((1, 1, "wk"), OFFERED),
        ((1, 1, "d"), OFFERED),
        # 2026-01-01 to 2026-03-31, a quarter
        ((2, 3, "mo"), []),
        ((3, 3, "mo"), OFFERED),
    ],
)
def test_the_visits_of_a_series_count_for_the_booking_limit(limit: tuple[int, int, str], offered: list[str]) -> None:
    assert starts(series(layer=parameters(bookingLimit=limit))) == offered


def test_the_second_visit_in_march_breaks_a_limit_of_one_a_month() -> None:
    assert starts(series(layer=parameters(bookingLimit=(1, 1, "mo")), n=2)) == OFFERED


def test_stored_bookings_and_the_series_count_together() -> None:
    booked = [
        slot("1", "a", "2026-03-20T13:00:00Z", "2026-03-20T13:30:00Z"),
        appointment("i", ["1"]),
    ]
    assert starts(series(*booked, layer=parameters(bookingLimit=(2, 1, "mo")))) == []
    assert starts(series(*booked, layer=parameters(bookingLimit=(3, 1, "mo")))) == OFFERED


def sunday(start: str, end: str, *stored: Resource) -> list[str]:
    """A series of two from a window of a Sunday in New York."""
    resources = [service(), *people("a", NEW_YORK), schedule("a"), *stored]
    return starts(find(resources, schedule="a", start=start, end=end, occurrence_count=2))


def test_a_series_with_a_visit_in_a_skipped_hour_is_not_offered() -> None:
    # 01:30, 02:00, 02:30, 03:00 and 03:30 in New York; 2026-03-08 has no 02:00 and no 02:30.
    offered = sunday("2026-03-01T06:30:00Z", "2026-03-01T09:00:00Z")
    assert offered == ["2026-03-01T06:30Z", "2026-03-01T08:00Z", "2026-03-01T08:30Z"]


@pytest.mark.parametrize(
    ("start", "end", "offered"),
    [
        ("2026-11-01T05:30:00Z", "2026-11-01T06:00:00Z", []),
        ("2026-11-01T06:30:00Z", "2026-11-01T07:00:00Z", ["2026-10-25T05:30Z"]),
    ],
)
def test_a_repeated_time_in_a_later_week_means_its_first_pass(start: str, end: str, offered: list[str]) -> None:
    # 2026-10-25 01:30 in New York is 05:30Z; 2026-11-01 01:30 is 05:30Z, and 06:30Z again.
    week_2 = slot("1", "a", start, end)
    assert sunday("2026-10-25T05:30:00Z", "2026-10-25T06:00:00Z", week_2) == offered


@pytest.mark.parametrize("zone", ["Etc/UTC", NEW_YORK])
def test_the_buffers_of_each_visit_are_needed(zone: str) -> None:
    stored = [
        service(params=parameters(duration=30, bufferBefore=10, bufferAfter=15, alignmentInterval=30)),
        *people("a", zone),
        schedule("a"),
    ]

    def offered(start: str, end: str) -> list[str]:
        week_2 = slot("1", "a", f"2026-03-23T{start}:00Z", f"2026-03-23T{end}:00Z")
        answer = find([*stored, week_2], schedule="a", start=at("14:50"), end=at("15:45"), occurrence_count=2)
        return times(answer)

    assert offered("14:00", "14:50") == ["15:00"]
    assert offered("14:00", "14:51") == []
    assert offered("15:45", "16:00") == ["15:00"]
    assert offered("15:44", "16:00") == []


def test_one_combination_serves_all_visits() -> None:
    resources = [
        schedule("a"),
        schedule("b"),
        slot("1", "a", "2026-03-23T09:00:00Z", "2026-03-23T09:30:00Z"),
        slot("2", "b", "2026-03-30T09:00:00Z", "2026-03-30T09:30:00Z"),
    ]
    window: dict[str, Any] = {"on": "a,b", "start": "09:00", "end": "09:30", "combinations": 2}
    assert chosen(search(*resources, **window, occurrence_count=2)) == [("09:00", "b")]
    assert search(*resources, **window, occurrence_count=3) == NOTHING


@pytest.mark.parametrize(("end", "offered"), [("2026-03-23T09:30:00Z", ["09:00"]), ("2026-03-23T09:29:00Z", [])])
def test_each_visit_of_a_series_lies_in_the_horizon(end: str, offered: list[str]) -> None:
    bounded = schedule("a", horizon=(None, end))
    assert times(search(bounded, start="09:00", end="09:30", occurrence_count=2)) == offered


@pytest.mark.parametrize(("end", "offered"), [("2026-03-23T09:45:00Z", ["09:00"]), ("2026-03-23T09:44:00Z", [])])
def test_the_horizon_of_a_pool_of_one_holds_in_every_week(end: str, offered: list[str]) -> None:
    # the buffer of a in the second week ends at 09:45
    resources = [schedule("a", parameters(bufferAfter=15)), schedule("r", horizon=(None, end))]
    assert times(search(*resources, on=["a", "r"], start="09:00", end="09:45", occurrence_count=2)) == offered


@pytest.mark.parametrize(
    ("opens", "refused"),
    [
        # 2026-03-16T12:00Z + 168 h + 1 h
        ("2026-03-23T13:00:00Z", False),
        ("2026-03-23T13:00:00.001Z", True),
    ],
)
def test_the_range_of_a_series_checked_against_the_horizon_is_longer(opens: str, refused: bool) -> None:
    answer = search(schedule("a", horizon=(opens, None)), occurrence_count=2)
    if refused:
        assert refusal(answer) == out_of_range(TOO_EARLY, 0)
    else:
        assert answer == NOTHING


def test_count_counts_series() -> None:
    answer = search(schedule("a"), start="09:00", end="11:00", occurrence_count=6, count=2)
    assert times(answer) == ["09:00", "09:30"]


def test_a_slot_that_ends_before_it_starts_is_an_error_in_the_range_of_every_week() -> None:
    resources = [schedule("a"), slot("1", "a", "2026-03-23T10:00:00Z", "2026-03-23T09:00:00Z")]
    assert times(search(*resources, start="08:00", end="09:00")) == ["08:00", "08:30"]
    text = "Slot/1 has end time before start time"
    assert refusal(search(*resources, occurrence_count=2)) == (400, "invalid", text, None)


def template(zone: str, day: str, n: int) -> Resource:
    iana = {"coding": [{"system": "https://www.iana.org/time-zones", "code": zone}]}
    weekly = {"coding": [{"system": "http://unitsofmeasure.org", "code": "wk", "display": "week"}]}
    return {
        "url": TEMPLATE_URL,
        "extension": [
            {"url": "timezone", "valueCodeableConcept": iana},
            {"url": "recurrenceType", "valueCodeableConcept": weekly},
            {"url": "occurrenceCount", "valuePositiveInt": n},
            {
                "url": "weeklyTemplate",
                "extension": [{"url": day, "valueBoolean": True}, {"url": "weekInterval", "valuePositiveInt": 1}],
            },
        ],
    }


def only(answer: Answer) -> Resource:
    """The one proposal of an answer."""
    status, bundle = answer
    assert status == 200, bundle
    (entry,) = bundle["entry"]
    return entry["resource"]


@pytest.mark.parametrize("n", range(2, 7))
def test_a_series_carries_the_recurrence_template(n: int) -> None:
    assert only(series(n=n))["extension"] == [template(NEW_YORK, "monday", n)]


@pytest.mark.parametrize(
    ("date", "day"),
    [
        (16, "monday"),
        (17, "tuesday"),
        (18, "wednesday"),
        (19, "thursday"),
        (20, "friday"),
        (21, "saturday"),
        (22, "sunday"),
    ],
)
def test_the_template_names_the_weekday(date: int, day: str) -> None:
    resources = [service(), *people(), schedule("a")]
    start, end = f"2026-03-{date}T09:00:00Z", f"2026-03-{date}T09:30:00Z"
    proposal = only(find(resources, schedule="a", start=start, end=end, occurrence_count=2))
    assert proposal["extension"] == [template("Etc/UTC", day, 2)]


@pytest.mark.parametrize(
    ("zone", "start", "end", "day"),
    [
        # Tuesday 09:00 in Sydney
        ("Australia/Sydney", "2026-03-16T22:00:00Z", "2026-03-16T22:30:00Z", "tuesday"),
        # Sunday 22:00 in New York
        (NEW_YORK, "2026-03-16T02:00:00Z", "2026-03-16T02:30:00Z", "sunday"),
    ],
)
def test_the_weekday_of_the_template_is_local(zone: str, start: str, end: str, day: str) -> None:
    resources = [service(), *people("a", zone), schedule("a")]
    proposal = only(find(resources, schedule="a", start=start, end=end, occurrence_count=2))
    assert proposal["extension"] == [template(zone, day, 2)]


def test_a_series_is_proposed_as_its_first_visit() -> None:
    proposal = only(series())
    assert proposal == {
        "resourceType": "Appointment",
        "status": "proposed",
        "start": "2026-02-23T14:00:00.000Z",
        "end": "2026-02-23T14:30:00.000Z",
        "serviceType": [service_type("checkup")],
        "participant": [{"actor": {"reference": "Practitioner/a"}, "required": "required", "status": "needs-action"}],
        "contained": [visit("a", "2026-02-23T14:00:00.000Z", "2026-02-23T14:30:00.000Z")],
        "extension": [template(NEW_YORK, "monday", 3)],
    }


def test_without_occurrence_count_there_is_no_extension() -> None:
    assert "extension" not in only(search(schedule("a"), start="09:00", end="09:30"))


# Section 7: ignore-appointment


def visited() -> list[Resource]:
    """Appointment/i: 09:00-09:30 on a and r, each with a buffer of 30 min after it."""
    return [
        schedule("a"),
        schedule("r"),
        slot("1", "a", at("09:00"), at("09:30")),
        slot("2", "a", at("09:30"), at("10:00"), "busy-unavailable"),
        slot("3", "r", at("09:00"), at("09:30")),
        slot("4", "r", at("09:30"), at("10:00"), "busy-unavailable"),
    ]


ALL = ["1", "2", "3", "4"]


def ignoring(*stored: Resource, on: str | list[str] = "a", **more: Any) -> list[str]:
    """A search for 09:00-10:00 without Appointment/i."""
    answer = search(*stored, on=on, start="09:00", end="10:00", ignore_appointment="Appointment/i", **more)
    return times(answer)


@pytest.mark.parametrize("on", ["a", "r", ["a", "r"], ["r", "a"]])
def test_all_slots_of_the_ignored_appointment_are_left_out_on_every_schedule(on: str | list[str]) -> None:
    resources = [*visited(), appointment("i", ALL)]
    assert search(*resources, on=on, start="09:00", end="10:00") == NOTHING
    assert ignoring(*resources, on=on) == ["09:00", "09:30"]


def test_slots_that_the_ignored_appointment_does_not_reference_stay() -> None:
    buffer_stays = [*visited(), appointment("i", ["1", "3"])]
    assert ignoring(*buffer_stays) == ["09:00"]
    same_time = [*visited(), appointment("i", ALL), slot("5", "a", at("09:00"), at("09:30"))]
    assert ignoring(*same_time) == ["09:30"]
    assert ignoring(*same_time, on="r") == ["09:00", "09:30"]


def test_ignored_slots_are_recognised_by_id_not_by_time() -> None:
    swapped = [*visited(), appointment("i", ["3", "4"])]
    assert ignoring(*swapped, on="a") == []


def test_an_ignored_appointment_without_slot_changes_nothing() -> None:
    bare = {name: value for name, value in appointment("i", []).items() if name != "slot"}
    assert ignoring(*visited(), bare) == []


@pytest.mark.parametrize("status", ["proposed", "pending", "booked", "arrived", "cancelled", "entered-in-error"])
def test_the_status_of_the_ignored_appointment_is_not_examined(status: str) -> None:
    assert ignoring(*visited(), appointment("i", ALL, status=status)) == ["09:00", "09:30"]


def test_the_service_of_the_ignored_appointment_is_not_examined() -> None:
    assert ignoring(*visited(), appointment("i", ALL, service="xray")) == ["09:00", "09:30"]
    untyped = {name: value for name, value in appointment("i", ALL).items() if name != "serviceType"}
    assert ignoring(*visited(), untyped) == ["09:00", "09:30"]


def test_ignored_slots_do_not_count_for_booking_limits() -> None:
    resources = [
        schedule("a", parameters(bookingLimit=(1, 1, "d"))),
        slot("1", "a", at("15:00"), at("15:30")),
        appointment("i", ["1"]),
        appointment("j", []),
    ]
    assert search(*resources, start="09:00", end="10:00") == NOTHING
    assert ignoring(*resources) == ["09:00", "09:30"]
    other = search(*resources, start="09:00", end="10:00", ignore_appointment="Appointment/j")
    assert other == NOTHING


def test_bookings_of_other_appointments_still_count_for_booking_limits() -> None:
    resources = [
        schedule("a", parameters(bookingLimit=(1, 1, "d"))),
        slot("1", "a", at("15:00"), at("15:30")),
        slot("2", "a", at("16:00"), at("16:30")),
        appointment("i", ["1"]),
        appointment("j", ["2"]),
    ]
    assert ignoring(*resources) == []


# Section 8: the response


def visit(name: str, start: str, end: str, capacity: int | None = None) -> Resource:
    return contained(name, "busy", start, end) | (
        {} if capacity is None else {"extension": [{"url": CAPACITY_URL, "valuePositiveInt": capacity}]}
    )


def before(name: str, start: str, end: str) -> Resource:
    return contained(name, "busy-unavailable", start, end) | {"comment": "buffer before appointment"}


def after(name: str, start: str, end: str) -> Resource:
    return contained(name, "busy-unavailable", start, end) | {"comment": "buffer after appointment"}


def contained(name: str, status: str, start: str, end: str) -> Resource:
    place = {"reference": f"Schedule/{name}"}
    return {"resourceType": "Slot", "schedule": place, "status": status, "start": start, "end": end}


EXAMPLE: Resource = {
    "resourceType": "Bundle",
    "type": "searchset",
    "entry": [
        {
            "resource": {
                "resourceType": "Appointment",
                "status": "proposed",
                "start": "2026-03-16T13:30:00.000Z",
                "end": "2026-03-16T14:00:00.000Z",
                "serviceType": [
                    {
                        "coding": [{"system": "http://example.org/services", "code": "checkup"}],
                        "extension": [
                            {
                                "url": "https://medplum.com/fhir/service-type-reference",
                                "valueReference": {"reference": "HealthcareService/checkup", "display": "Check-up"},
                            }
                        ],
                    }
                ],
                "participant": [
                    {"actor": {"reference": "Practitioner/a"}, "required": "required", "status": "needs-action"}
                ],
                "contained": [
                    {
                        "resourceType": "Slot",
                        "schedule": {"reference": "Schedule/dr-a"},
                        "status": "busy",
                        "start": "2026-03-16T13:30:00.000Z",
                        "end": "2026-03-16T14:00:00.000Z",
                    },
                    {
                        "resourceType": "Slot",
                        "schedule": {"reference": "Schedule/dr-a"},
                        "status": "busy-unavailable",
                        "start": "2026-03-16T13:20:00.000Z",
                        "end": "2026-03-16T13:30:00.000Z",
                        "comment": "buffer before appointment",
                    },
                ],
            }
        }
    ],
}


def example_of_the_response(engine: Engine = "auto") -> Answer:
    params = parameters(
        availability=[hours("mon", "09:00:00", "10:10:00")],
        bufferBefore=10,
        alignmentInterval=30,
        alignmentTimezone=NEW_YORK,
    )
    resources = [
        service(
            params=parameters(duration=30),
            name="Check-up",
            type=[{"coding": [{"system": "http://example.org/services", "code": "checkup"}]}],
        ),
        *people("a", NEW_YORK),
        schedule("dr-a", params, actor="Practitioner/a"),
    ]
    return find(resources, schedule="dr-a", start="2026-03-16", end="2026-03-17", engine=engine)


def test_the_example_of_the_response() -> None:
    assert example_of_the_response() == (200, EXAMPLE)


def test_nothing_offered_is_a_bundle_without_entry() -> None:
    assert search(schedule("a"), start="09:01", end="09:29") == NOTHING


def test_a_bundle_has_entries_of_resource_only() -> None:
    status, bundle = search(schedule("a"), start="09:00", end="10:00")
    assert status == 200
    assert set(bundle) == {"resourceType", "type", "entry"}
    assert [set(entry) for entry in bundle["entry"]] == [{"resource"}, {"resource"}]


def test_the_visit_comes_before_its_buffers_pool_by_pool() -> None:
    resources = [
        schedule("a", parameters(bufferBefore=10, bufferAfter=15)),
        schedule("b", parameters(bufferAfter=5)),
        schedule("c"),
    ]
    proposal = only(search(*resources, on=["c", "a", "b"], start="08:50", end="09:45"))
    nine, half_past = "2026-03-16T09:00:00.000Z", "2026-03-16T09:30:00.000Z"
    assert proposal["contained"] == [
        visit("c", nine, half_past),
        visit("a", nine, half_past),
        before("a", "2026-03-16T08:50:00.000Z", nine),
        after("a", half_past, "2026-03-16T09:45:00.000Z"),
        visit("b", nine, half_past),
        after("b", half_past, "2026-03-16T09:35:00.000Z"),
    ]
    assert (proposal["start"], proposal["end"]) == (nine, half_past)


def test_a_visit_is_stamped_with_a_capacity_above_one_and_buffers_never() -> None:
    resources = [
        schedule("a", parameters(slotCapacity=3, bufferAfter=15)),
        schedule("b", parameters(slotCapacity=1)),
        schedule("c", parameters(slotCapacity=2)),
    ]
    proposal = only(search(*resources, on=["a", "b", "c"], start="09:00", end="09:45"))
    nine, half_past = "2026-03-16T09:00:00.000Z", "2026-03-16T09:30:00.000Z"
    assert proposal["contained"] == [
        visit("a", nine, half_past, 3),
        after("a", half_past, "2026-03-16T09:45:00.000Z"),
        visit("b", nine, half_past),
        visit("c", nine, half_past, 2),
    ]


REFERENCE = {"url": SERVICE_REFERENCE_URL, "valueReference": {"reference": "HealthcareService/checkup"}}
NAMED = {
    "url": SERVICE_REFERENCE_URL,
    "valueReference": {"reference": "HealthcareService/checkup", "display": "Check-up"},
}
OTHER = {"url": "http://example.org/other", "valueString": "kept"}


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({}, [{"extension": [REFERENCE]}]),
        ({"name": "Check-up"}, [{"extension": [NAMED]}]),
        ({"type": [{"text": "Check"}]}, [{"text": "Check", "extension": [REFERENCE]}]),
        ({"type": [{"text": "Check", "extension": [OTHER]}]}, [{"text": "Check", "extension": [OTHER, REFERENCE]}]),
        (
            {"name": "Check-up", "type": [{"coding": [{"code": "x"}, {"code": "y"}]}, {"coding": [{"code": "z"}]}]},
            [
                {"coding": [{"code": "x"}, {"code": "y"}], "extension": [NAMED]},
                {"coding": [{"code": "z"}], "extension": [NAMED]},
            ],
        ),
    ],
)
def test_the_service_type_is_every_type_of_the_service_with_the_reference(
    elements: dict[str, Any], expected: list[Resource]
) -> None:
    resources = [service(**elements), *people(), schedule("a")]
    proposal = only(find(resources, schedule="a", start=at("09:00"), end=at("09:30")))
    assert proposal["serviceType"] == expected


def test_the_participants_are_the_actors_exactly_as_stored_in_pool_order() -> None:
    doctor = {
        "reference": "Practitioner/a",
        "type": "Practitioner",
        "identifier": {"system": "http://example.org/staff", "value": "17"},
        "display": "Dr. A",
        "extension": [OTHER],
    }
    room = {"reference": "Location/r", "display": "Room R"}
    resources = [
        service(),
        *people(),
        practitioner("r", kind="Location"),
        {**schedule("a"), "actor": [doctor]},
        {**schedule("r"), "actor": [room]},
    ]
    proposal = only(find(resources, schedule=["r", "a"], start=at("09:00"), end=at("09:30")))
    assert proposal["participant"] == [
        {"actor": room, "required": "required", "status": "needs-action"},
        {"actor": doctor, "required": "required", "status": "needs-action"},
    ]


def test_times_are_answered_in_utc_with_milliseconds_whatever_the_request() -> None:
    resources = [service(), *people("a", NEW_YORK), schedule("a")]
    proposal = only(find(resources, schedule="a", start="2026-03-16T20:00-04:00", end="2026-03-16T20:30-04:00"))
    assert (proposal["start"], proposal["end"]) == ("2026-03-17T00:00:00.000Z", "2026-03-17T00:30:00.000Z")


# Answers belong to those who asked.


def parts(value: Any) -> Iterator[Any]:
    """Every dict and list of a JSON value, the inner ones first."""
    inner: list[Any] = []
    if isinstance(value, dict):
        inner = list(cast(dict[str, Any], value).values())
    elif isinstance(value, list):
        inner = cast(list[Any], value)
    for one in list(inner):
        yield from parts(one)
    if isinstance(value, dict | list):
        yield cast(Any, value)


def rich_search() -> tuple[list[Resource], dict[str, str | list[str]]]:
    """A search whose answer has every kind of part: types, names, buffers, stamps, templates, two pools."""
    resources = [
        service(name="Check-up", type=[{"coding": [{"code": "x"}]}, {"coding": [{"code": "y"}]}]),
        *people("a b r"),
        *(
            {**schedule(name, parameters(slotCapacity=2, bufferBefore=5, bufferAfter=5)), "actor": [actor]}
            for name in "abr"
            for actor in [{"reference": f"Practitioner/{name}", "identifier": {"value": name}}]
        ),
    ]
    query: dict[str, str | list[str]] = {
        "start": at("08:00"),
        "end": at("11:00"),
        "service-type-reference": "HealthcareService/checkup",
        "schedule": ["Schedule/a,Schedule/b", "Schedule/r"],
        "combinations": "2",
        "occurrence-count": "2",
    }
    return resources, query


def test_changing_one_proposal_leaves_the_others_alone() -> None:
    resources, query = rich_search()
    _, bundle = invoke(open_calendar(resources), "Appointment/$find", query=query)
    untouched = deepcopy(bundle["entry"][1:])
    assert len(untouched) > 2
    for part in list(parts(bundle["entry"][0])):
        part.clear()
    assert bundle["entry"][1:] == untouched


def test_changing_an_answer_leaves_the_calendar_alone() -> None:
    resources, query = rich_search()
    calendar = open_calendar(resources)
    first = invoke(calendar, "Appointment/$find", query=query)
    untouched = deepcopy(first)
    for part in list(parts(first[1])):
        part.clear()
    assert invoke(calendar, "Appointment/$find", query=query) == untouched


def test_a_search_changes_nothing_in_the_calendar() -> None:
    resources, query = rich_search()
    untouched = deepcopy(resources)
    calendar = open_calendar(resources)
    assert invoke(calendar, "Appointment/$find", query=query) == invoke(calendar, "Appointment/$find", query=query)
    assert resources == untouched


# Both engines answer the same.


def example_of_a_series(engine: Engine) -> Answer:
    return series(engine=engine)


def example_off_the_grid(engine: Engine) -> Answer:
    return series(params=parameters(duration=30, alignmentInterval=120), engine=engine)


def example_of_a_full_limit(engine: Engine) -> Answer:
    return series(layer=parameters(bookingLimit=(1, 1, "mo")), engine=engine)


def example_of_pools(engine: Engine) -> Answer:
    resources, query = rich_search()
    return invoke(open_calendar(resources), "Appointment/$find", query=query, engine=engine)


def example_of_capacity_and_buffers(engine: Engine) -> Answer:
    params = parameters(
        slotCapacity=2,
        bufferBefore=10,
        bufferAfter=15,
        alignmentInterval=15,
        availability=[hours(EVERY_DAY, "09:00:00", "12:00:00")],
    )
    taken = slot("1", "a", at("10:00"), at("10:30"), capacity=2)
    return search(schedule("a", params), taken, engine=engine)


def test_the_example_of_capacity_and_buffers() -> None:
    # The stored visit tolerates a second one at 10:00, but a buffer never: t - 10 >= 09:00 and t + 45 <= 12:00 leave
    # 09:15 to 11:15; the buffers keep clear of 10:00-10:30: before it t + 45 <= 10:00, after it t - 10 >= 10:30, and
    # inside t - 10 and t + 45 would have to be free of it, which only [t - 10, t) and [t + 30, t + 45) say:
    # 09:30: [10:00, 10:15) no; 09:45: [10:15, 10:30) no; 10:00: [09:50, 10:00) and [10:30, 10:45) yes;
    # 10:15: [10:05, 10:15) no; 10:30: [10:20, 10:30) no.
    assert times(example_of_capacity_and_buffers("auto")) == ["09:15", "10:00", "10:45", "11:00", "11:15"]


@pytest.mark.parametrize(
    "example",
    [
        example_of_candidates,
        example_of_a_series,
        example_off_the_grid,
        example_of_a_full_limit,
        example_of_pools,
        example_of_capacity_and_buffers,
        example_of_the_response,
    ],
)
def test_both_engines_give_the_same_answer(example: Callable[[Engine], Answer]) -> None:
    auto = example("auto")
    assert auto[0] == 200
    assert example("cp-sat") == auto
