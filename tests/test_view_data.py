"""What is drawn, as data: compared with a brute force over minutes, with `$find`, and with days worked by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from oracle import Judge, clock_at, instant, round_down
from slotwright.io import Calendar, invoke, open_calendar
from slotwright.io.instants import dates, instant_ms
from slotwright.io.view.as_json import view_json
from slotwright.io.view.capacity import hours_of
from slotwright.io.view.chart import day_chart, span_title, week_chart
from slotwright.io.view.data import Layer, Timeline, View
from slotwright.io.view.opened import Seats, most
from slotwright.io.view.view import Wanted, schedule_ids, view
from strategies import SERVICE, numbered_problem
from support import (
    Resource,
    appointment,
    closed,
    hours,
    parameters,
    practitioner,
    schedule,
    service,
    slot,
)

NEW_YORK = "America/New_York"
NOW = datetime.fromisoformat("2026-03-09T12:00:00+00:00")
MONDAY_OPEN = parameters(availability=[hours("mon", "09:00:00", "12:00:00")])


def day_of(text: str) -> int:
    found = dates(text)
    assert found is not None
    return found.first


def at(text: str) -> int:
    """2026-03-09 at this UTC time, in minutes."""
    found = instant_ms(f"2026-03-09T{text}:00Z")
    assert found is not None
    return found // 60_000


def seen(calendar: Calendar, *ids: str, zone: str = "Etc/UTC", day: str = "2026-03-09", **others: object) -> View:
    found = calendar.prepared.zones.get(zone)
    assert found is not None
    pools = [one.split(",") for one in ids or schedule_ids(calendar)]
    return view(calendar, Wanted(pools, found, day_of(day), **others))  # type: ignore[reportArgumentType]


def calendar_of(*resources: Resource, now: datetime = NOW) -> Calendar:
    return open_calendar(list(resources), clock=lambda: now)


def shown(timeline: Timeline, place: int = 0) -> list[tuple[str, str, str, str]]:
    """The layers of a row as UTC times of the day."""

    def clock(minute: int) -> str:
        return f"{minute // 60 % 24:02}:{minute % 60:02}"

    return [(one.kind, clock(one.start), clock(one.end), one.label) for one in timeline.rows[place].layers]


# By hand


def test_every_kind_of_layer_has_its_time_and_its_words() -> None:
    calendar = calendar_of(
        service(name="Check-up"),
        practitioner("a"),
        schedule("a", parameters(availability=[hours("mon", "09:00:00", "17:00:00"), closed_for_lunch()])),
        {"resourceType": "Patient", "id": "ann", "name": [{"text": "Ann Lee"}]},
        slot("s1", "a", "2026-03-09T09:00:00Z", "2026-03-09T09:30:00Z"),
        slot("s2", "a", "2026-03-09T09:30:00Z", "2026-03-09T09:40:00Z", "busy-unavailable", comment="buffer after"),
        slot("s3", "a", "2026-03-09T10:00:00Z", "2026-03-09T10:30:00Z", "busy-tentative"),
        slot("s4", "a", "2026-03-09T14:00:00Z", "2026-03-09T14:30:00Z", "busy-unavailable", comment="painting"),
        slot("s5", "a", "2026-03-09T18:00:00Z", "2026-03-09T19:00:00Z", "free"),
        slot("s6", "a", "2026-03-09T15:00:00Z", "2026-03-09T15:30:00Z", "entered-in-error"),
        appointment("v1", ["s1", "s2"], participant=[{"actor": {"reference": "Patient/ann"}, "status": "accepted"}]),
        appointment("v2", ["s3"], status="pending", participant=[]),
    )
    found = seen(calendar)
    assert shown(found.timeline) == [
        ("hours", "09:00", "12:00", "Check-up"),
        ("hours", "13:00", "17:00", "Check-up"),
        ("hours", "18:00", "19:00", "Check-up"),
        ("closure", "12:00", "13:00", "Lunch"),
        ("booking", "09:00", "09:30", "Check-up · Ann Lee"),
        ("buffer", "09:30", "09:40", "buffer after (Check-up · Ann Lee)"),
        ("hold", "10:00", "10:30", "Check-up"),
        ("blocked", "14:00", "14:30", "painting"),
    ]
    assert [one.source for one in found.timeline.rows[0].layers[4:]] == [
        "Appointment/v1",
        "Appointment/v1",
        "Appointment/v2",
        "Slot/s4",
    ]
    anonymous = seen(calendar, with_patients=False)
    assert "Ann" not in str(view_json(anonymous))
    # 3 + 4 + 1 hours open; half an hour each of booking, hold and painting, ten minutes of buffer.
    (used,) = seen(calendar, weeks=1).utilisation
    assert (used.open, used.booked, used.held, used.buffer, used.blocked, used.free) == (480, 30, 30, 10, 30, 380)
    assert (used.outside, used.seats, used.seats_free) == (0, 480, 380)
    assert used.used == pytest.approx(100 / 480)


def closed_for_lunch() -> Resource:
    made = closed("2026-03-09T12:00:00Z", "2026-03-09T13:00:00Z")
    return {**made, "extension": [{"url": "description", "valueString": "Lunch"}, *made["extension"]]}


def test_a_lapsed_hold_is_not_drawn_and_takes_nothing() -> None:
    held = appointment("v", ["s"], status="pending", hold_expires="2026-03-09T12:00:00Z")
    resources = [
        service(),
        practitioner("a"),
        schedule("a", MONDAY_OPEN),
        slot("s", "a", "2026-03-09T09:00:00Z", "2026-03-09T09:30:00Z", "busy-tentative"),
        held,
    ]
    before = seen(calendar_of(*resources, now=NOW - timedelta(seconds=1)), weeks=1)
    after = seen(calendar_of(*resources), weeks=1)
    assert [one[0] for one in shown(before.timeline)] == ["hours", "hold"]
    assert [one[0] for one in shown(after.timeline)] == ["hours"]
    assert (before.utilisation[0].free, after.utilisation[0].free) == (150, 180)


def test_what_belongs_to_no_live_appointment_is_blocked_time() -> None:
    calendar = calendar_of(
        service(),
        practitioner("a"),
        schedule("a", MONDAY_OPEN),
        slot("s1", "a", "2026-03-09T09:00:00Z", "2026-03-09T09:30:00Z"),
        slot("s2", "a", "2026-03-09T10:00:00Z", "2026-03-09T10:30:00Z"),
        appointment("v", ["s1"], status="cancelled"),
    )
    assert [one[::3] for one in shown(seen(calendar).timeline)] == [
        ("hours", "checkup"),
        ("blocked", "busy"),
        ("blocked", "busy"),
    ]


def test_a_minute_that_several_things_take_counts_once() -> None:
    """Booked 9:00 to 10:00, its buffer to 10:15, blocked 9:30 to 10:30; booked beyond hours 12:00 to 12:30."""
    calendar = calendar_of(
        service(),
        practitioner("a"),
        schedule("a", MONDAY_OPEN),
        slot("s1", "a", "2026-03-09T09:00:00Z", "2026-03-09T10:00:00Z"),
        slot("s2", "a", "2026-03-09T10:00:00Z", "2026-03-09T10:15:00Z", "busy-unavailable"),
        slot("s3", "a", "2026-03-09T09:30:00Z", "2026-03-09T10:30:00Z", "busy-unavailable"),
        slot("s4", "a", "2026-03-09T11:30:00Z", "2026-03-09T12:30:00Z"),
        appointment("v", ["s1", "s2"]),
        appointment("w", ["s4"]),
    )
    (used,) = seen(calendar, weeks=1).utilisation
    assert (used.booked, used.buffer, used.blocked, used.free, used.outside) == (90, 15, 15, 60, 30)
    # What lies outside the hours of one service may lie in those of another.
    assert seen(calendar, weeks=1, service="checkup").utilisation[0].outside == 0


def test_seats_of_a_class_are_counted_one_by_one() -> None:
    """A class for three on Monday 9 to 12: one seat is taken from 9 to 10, two from 10 to 11."""
    group = parameters(duration=60, slotCapacity=3)
    calendar = calendar_of(
        service(params=group),
        practitioner("a"),
        schedule("a", MONDAY_OPEN),
        slot("s1", "a", "2026-03-09T09:00:00Z", "2026-03-09T11:00:00Z", capacity=3),
        slot("s2", "a", "2026-03-09T10:00:00Z", "2026-03-09T11:00:00Z", capacity=3),
    )
    found = seen(calendar, weeks=2)
    cells = {hour: (found.heat.cell(0, hour).open, found.heat.cell(0, hour).free) for hour in found.heat.hours()}
    # Two Mondays; the second is all free.
    assert cells == {9: (360, 300), 10: (360, 240), 11: (360, 360)}
    assert (found.utilisation[0].seats, found.utilisation[0].seats_free) == (1080, 900)


def test_a_schedule_of_two_services_is_open_for_either() -> None:
    calendar = calendar_of(
        service(name="Check-up"),
        service("talk", name="Talk"),
        practitioner("a"),
        schedule(
            "a",
            parameters(
                service="checkup", availability=[hours("mon", "09:00:00", "11:00:00"), closed_for("09:30", "10:00")]
            ),
            parameters(
                service="talk", availability=[hours("mon", "10:00:00", "12:00:00"), closed_for("10:30", "11:30")]
            ),
            services=("checkup", "talk"),
        ),
    )
    assert shown(seen(calendar).timeline) == [
        ("hours", "09:00", "09:30", "Check-up"),
        ("hours", "10:00", "10:30", "Check-up, Talk"),
        ("hours", "10:30", "11:00", "Check-up"),
        ("hours", "11:30", "12:00", "Talk"),
        ("closure", "09:30", "10:00", "closed"),
        ("closure", "11:00", "11:30", "closed"),
    ]
    assert [one[0] for one in shown(seen(calendar, service="talk").timeline) if one[0] != "offer"] == [
        "hours",
        "hours",
        "closure",
    ]


def closed_for(start: str, end: str) -> Resource:
    return closed(f"2026-03-09T{start}:00Z", f"2026-03-09T{end}:00Z")


def test_what_lies_beyond_the_planning_horizon_is_closed() -> None:
    calendar = calendar_of(
        service(), practitioner("a"), schedule("a", MONDAY_OPEN, horizon=("2026-03-09T10:00:00Z", None))
    )
    assert shown(seen(calendar).timeline) == [
        ("hours", "10:00", "12:00", "checkup"),
        ("closure", "00:00", "10:00", "outside the planning horizon"),
    ]


def test_what_cannot_be_read_is_said() -> None:
    calendar = calendar_of(
        service(params=parameters()),
        practitioner("a"),
        schedule("a", MONDAY_OPEN),
        schedule("b", actor="Practitioner/a", services=()),
    )
    (first, second) = seen(calendar, "a", "b").timeline.rows
    assert first.note == "checkup: Scheduling parameter attribute 'duration' is missing"
    assert (second.layers, second.note) == ((), "")
    asked = seen(calendar, "b", service="checkup").timeline.rows[0]
    assert "'duration' is missing" in asked.note


def test_labels_steer_no_terminal() -> None:
    calendar = calendar_of(
        service(name="Check\x1b[31mup\u202e"), practitioner("a"), schedule("a", MONDAY_OPEN, comment="x")
    )
    assert shown(seen(calendar).timeline)[0][3] == "Check [31mup "


# Clocks


def test_the_clock_is_changed_inside_a_week_of_hours() -> None:
    zone = calendar_of().prepared.zones.get(NEW_YORK)
    assert zone is not None
    start, end = (zone.day_start_ms(day_of(one)) // 60_000 for one in ("2026-03-02", "2026-03-09"))
    found = list(hours_of(zone, start, end))
    assert len(found) == 167
    assert (found[0].start, found[-1].end) == (start, end)
    assert all(one.end == other.start for one, other in pairwise(found))
    assert [one.hour for one in found if one.weekday == 6][:4] == [0, 1, 3, 4]
    half = calendar_of().prepared.zones.get("Australia/Lord_Howe")
    assert half is not None
    # On 2026-04-05 at 02:00 the clock goes back to 01:30.
    start = half.day_start_ms(day_of("2026-04-05")) // 60_000
    lengths = [(one.hour, one.end - one.start) for one in hours_of(half, start, start + 240)]
    assert lengths == [(0, 60), (1, 60), (1, 30), (2, 60), (3, 30)]


def test_days_of_a_week_lie_below_each_other_by_their_noons() -> None:
    calendar = calendar_of(
        service(),
        practitioner("a", NEW_YORK),
        schedule("a", parameters(availability=[hours("sat sun mon", "09:00:00", "12:00:00")])),
    )
    found = seen(calendar, zone=NEW_YORK, day="2026-03-02", days=7).timeline
    chart = week_chart(found, found.rows[0])
    opened = [
        (line.title, layer.start - line.origin, layer.end - line.origin)
        for line in chart.lines
        for layer in line.layers
    ]
    assert opened == [("Mon 2 Mar", 540, 720), ("Sat 7 Mar", 540, 720), ("Sun 8 Mar", 540, 720)]
    assert (chart.first, chart.last) == (540, 720)
    assert chart.hours == ((540, "09"), (600, "10"), (660, "11"), (720, "12"))
    sunday = day_chart(found, day_of("2026-03-08"))
    assert sunday.hours == ((540, "09"), (600, "10"), (660, "11"), (720, "12"))


def test_days_are_named_in_words() -> None:
    assert span_title(range(day_of("2026-03-10"), day_of("2026-03-11"))) == "Tuesday 10 March 2026"
    assert span_title(range(day_of("2026-03-09"), day_of("2026-03-16"))) == "9 to 15 March 2026"
    assert span_title(range(day_of("2026-03-30"), day_of("2026-04-06"))) == "30 March to 5 April 2026"
    assert span_title(range(day_of("2025-12-29"), day_of("2026-01-05"))) == "29 December 2025 to 4 January 2026"


def test_overlapping_seats_count_as_the_most_of_them() -> None:
    found = most([Seats(0, 10, 1), Seats(5, 8, 3), Seats(8, 12, 1), Seats(20, 21, 2), Seats(20, 21, 2)])
    assert found == [Seats(0, 5, 1), Seats(5, 8, 3), Seats(8, 12, 1), Seats(20, 21, 2)]


# Brute force


@pytest.mark.parametrize("seed", range(8))
def test_hours_and_free_capacity_agree_with_every_minute(seed: int) -> None:
    problem = numbered_problem(seed)
    names = [one["id"] for one in problem.resources if one["resourceType"] == "Schedule"][:2]
    calendar = open_calendar(problem.resources, clock=lambda: problem.now)
    judges = {name: Judge(problem.resources, SERVICE, name, problem.now, None) for name in names}
    zone_name = judges[names[0]].zone
    zone = calendar.prepared.zones.get(zone_name)
    assert zone is not None
    day = zone.local_day(round_down(instant(problem.start)))
    found = view(calendar, Wanted([[one] for one in names], zone, day, days=1, weeks=1, service=SERVICE))
    opened, free = dict[tuple[int, int], int](), dict[tuple[int, int], int]()
    for place, name in enumerate(names):
        judge = judges[name]
        own = [0, 0]
        for minute in range(found.heat.start, found.heat.end):
            clock = clock_at(str(ZoneInfo(zone.name)), minute)
            is_open = judge.within_horizon(minute, minute + 1) and judge.is_open(minute)
            if found.timeline.start <= minute < found.timeline.end:
                layers = found.timeline.rows[place].layers
                assert is_open == any(one.kind == "hours" and one.start <= minute < one.end for one in layers)
                taking = any(one.piece.covers(minute) for one in judge.occupied)
                drawn = ("booking", "hold", "buffer", "blocked")
                assert taking == any(one.kind in drawn and one.start <= minute < one.end for one in layers)
            if not is_open:
                continue
            tolerances = [one.tolerance for one in judge.occupied if one.relevant and one.piece.covers(minute)]
            left = 0
            if not judge.is_blocked(minute, judge.capacity, ()):
                left = min(judge.capacity, *tolerances, judge.capacity) - len(tolerances)
            cell = clock.weekday(), clock.hour
            opened[cell] = opened.get(cell, 0) + judge.capacity
            free[cell] = free.get(cell, 0) + left
            own[0] += 1
            own[1] += not any(one.piece.covers(minute) for one in judge.occupied)
        used = found.utilisation[place]
        assert (used.open, used.free) == (own[0], own[1])
        assert used.open == used.booked + used.held + used.buffer + used.blocked + used.free
    assert {(one.weekday, one.hour): one.open for one in found.heat.cells if one.open} == opened
    assert {(one.weekday, one.hour): one.free for one in found.heat.cells if one.open} == free


@pytest.mark.parametrize("seed", range(20))
def test_offers_are_those_of_find(seed: int) -> None:
    problem = numbered_problem(seed)
    calendar = open_calendar(problem.resources, clock=lambda: problem.now)
    zone = calendar.prepared.zones.get(NEW_YORK)
    assert zone is not None
    day = zone.local_day(round_down(instant(problem.start)))
    wanted = Wanted(problem.pools, zone, day, days=7, weeks=1, service=SERVICE, together=True)
    found = view(calendar, wanted)
    start, end = (
        f"{datetime.fromtimestamp(one * 60, ZoneInfo('UTC')):%Y-%m-%dT%H:%M:00Z}" for one in wanted.bounds(day, 7)
    )
    query = {
        "start": start,
        "end": end,
        "service-type-reference": f"HealthcareService/{SERVICE}",
        "schedule": [",".join(f"Schedule/{one}" for one in pool) for pool in problem.pools],
        "_count": "1000",
    }
    status, answer = invoke(calendar, "Appointment/$find", query=query, now=problem.now)
    drawn = sorted(
        (row.schedule, one.start, one.end) for row in found.timeline.rows for one in row.layers if one.kind == "offer"
    )
    if status != 200:
        assert drawn == []
        assert all(answer["issue"][0]["details"]["text"] in row.note for row in found.timeline.rows)
        return
    expected = sorted(
        (
            one["schedule"]["reference"].removeprefix("Schedule/"),
            round_down(instant(one["start"])),
            round_down(instant(one["end"])),
        )
        for entry in answer.get("entry", [])
        for one in entry["resource"]["contained"]
        if one["status"] == "busy"
    )
    assert drawn == expected


def test_offers_of_each_schedule_by_itself_begin_now() -> None:
    calendar = calendar_of(
        service(), *(practitioner(one) for one in "ab"), schedule("a", MONDAY_OPEN), schedule("b", MONDAY_OPEN),
        slot("s", "b", "2026-03-09T09:00:00Z", "2026-03-09T11:30:00Z"),
        now=NOW - timedelta(hours=1, minutes=10),
    )  # fmt: skip
    found = seen(calendar, service="checkup", only_ahead=True).timeline
    offered = [[one.start for one in row.layers if one.kind == "offer"] for row in found.rows]
    assert offered == [[at("11:00"), at("11:30")], [at("11:30")]]


def test_layers_are_cut_to_a_day() -> None:
    row = seen(calendar_of(service(), practitioner("a"), schedule("a"))).timeline.rows[0]
    assert row.between(at("09:00"), at("10:00")) == (Layer("hours", at("09:00"), at("10:00"), "checkup"),)


def test_progress_counts_every_look_at_a_schedule() -> None:
    """Two looks at each: for the days drawn, and for the weeks counted."""
    calendar = calendar_of(service(), *(practitioner(one, NEW_YORK) for one in "ab"), schedule("a"), schedule("b"))
    zone = calendar.prepared.zones.get("Etc/UTC")
    assert zone is not None
    told: list[tuple[int, int]] = []
    view(calendar, Wanted([["a"], ["b"]], zone, day_of("2026-03-09")), lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
