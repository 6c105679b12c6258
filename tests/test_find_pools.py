"""`Appointment/$find`: pools of alternative schedules and their combinations (find.md, section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from slotwright.io import invoke, open_calendar
from support import (
    Resource,
    appointment,
    chosen,
    find,
    parameters,
    practitioner,
    refusal,
    schedule,
    service,
    service_type,
    slot,
    times,
)

Answer = tuple[int, Resource]

START = "2026-03-16T08:00:00Z"
END = "2026-03-16T12:00:00Z"
INACTIVE = "Schedule is inactive"
ONE_ACTOR = "Scheduling only supported on schedules with exactly one actor"
NOT_SCHEDULABLE = "Schedule is not schedulable for requested service type"
TOO_EARLY = "Search range ends before schedule planning horizon starts"
TOO_LATE = "Search range starts after schedule planning horizon ends"


def at(time: str) -> str:
    return f"2026-03-16T{time if time.count(':') == 2 else f'{time}:00'}Z"


def busy(id: str, schedule: str, start: str, end: str, status: str = "busy", **elements: Any) -> Resource:
    return slot(id, schedule, at(start), at(end), status, **elements)


def team(names: str = "a b r s", *extra: Resource, **schedules: Resource) -> list[Resource]:
    """The service, and for each name an actor and a schedule, always open; `schedules` replace those."""
    actors = [practitioner(name) for name in names.split()]
    calendars = [schedules.get(name, schedule(name)) for name in names.split()]
    return [service(), *actors, *calendars, *extra]


def pools(resources: Sequence[Resource], *asked: str, start: str = START, end: str = END, **query: Any) -> Answer:
    """pools(team(), "a,b", "r"): any of a and b, and r."""
    return find(resources, schedule=list(asked), start=start, end=end, **query)


def at_time(answer: Answer, time: str) -> list[str]:
    """The combinations proposed for one start: a+r."""
    return ["+".join(names) for start, *names in chosen(answer) if start == time]


def error(text: str, *expression: str) -> tuple[int, str, str, list[str]]:
    return 400, "invalid", text, [f"Parameters.{path}" for path in expression]


# Spelling


def written(resources: Sequence[Resource], *values: str) -> Answer:
    """A GET with the `schedule` values as they stand."""
    query: dict[str, str | list[str]] = {
        "start": START,
        "end": END,
        "service-type-reference": "HealthcareService/checkup",
        "schedule": list(values),
    }
    return invoke(open_calendar(resources), "Appointment/$find", query=query)


def posted(resources: Sequence[Resource], *entries: Resource) -> Answer:
    """A POST with these `schedule` parameters, each given without its name."""
    body = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "start", "valueDateTime": START},
            {"name": "end", "valueDateTime": END},
            {"name": "service-type-reference", "valueString": "HealthcareService/checkup"},
            *({"name": "schedule", **entry} for entry in entries),
        ],
    }
    return invoke(open_calendar(resources), "Appointment/$find", body=body)


def parts(*names: str) -> Resource:
    return {"part": [{"name": "schedule", "valueString": f"Schedule/{name}"} for name in names]}


def loaded() -> list[Resource]:
    """a is busy early, so b is taken later; r is needed too."""
    return team("a b r", busy("1", "a", "08:00", "09:00"))


def test_a_comma_list_and_parts_are_two_spellings_of_a_pool() -> None:
    answer = written(loaded(), "Schedule/a,Schedule/b", "Schedule/r")
    assert at_time(answer, "11:00") == ["b+r"]
    assert posted(loaded(), parts("a", "b"), {"valueString": "Schedule/r"}) == answer


def test_a_value_string_of_a_body_may_hold_a_comma_list() -> None:
    answer = written(loaded(), "Schedule/a,Schedule/b", "Schedule/r")
    assert posted(loaded(), {"valueString": "Schedule/a,Schedule/b"}, {"valueString": "Schedule/r"}) == answer


def test_parts_may_mix_strings_and_references() -> None:
    mixed = {
        "part": [
            {"name": "schedule", "valueString": "Schedule/a"},
            {"name": "schedule", "valueReference": {"reference": "Schedule/b"}},
        ]
    }
    answer = written(loaded(), "Schedule/a,Schedule/b", "Schedule/r")
    assert posted(loaded(), mixed, {"valueReference": {"reference": "Schedule/r"}}) == answer


@pytest.mark.parametrize("spelling", ["Schedule/a,,Schedule/b", ",Schedule/a,Schedule/b", "Schedule/a,Schedule/b,,"])
def test_empty_members_are_dropped(spelling: str) -> None:
    assert written(loaded(), spelling, "Schedule/r") == written(loaded(), "Schedule/a,Schedule/b", "Schedule/r")


@pytest.mark.parametrize("spelling", ["Schedule/a,Schedule/a,Schedule/b", "Schedule/a,Schedule/b,Schedule/a"])
def test_a_schedule_repeated_inside_a_pool_counts_once(spelling: str) -> None:
    assert written(team("a b"), spelling) == written(team("a b"), "Schedule/a,Schedule/b")


def test_a_repeated_schedule_makes_no_second_combination() -> None:
    assert at_time(pools(team("a"), "a,a", combinations=9), "09:00") == ["a"]


@pytest.mark.parametrize(
    ("spelling", "path"),
    [
        ("Schedule/a,Schedule/none", "schedule[0].part[1]"),
        ("Schedule/none,Schedule/a", "schedule[0].part[0]"),
        ("Schedule/a,,Schedule/none", "schedule[0].part[2]"),
        (",Schedule/none,Schedule/a", "schedule[0].part[1]"),
        ("Schedule/a,Schedule/a,Schedule/none", "schedule[0].part[2]"),
        ("Schedule/none", "schedule[0]"),
        ("Schedule/none,", "schedule[0]"),
        (",,Schedule/none", "schedule[0]"),
        ("Schedule/none,Schedule/none", "schedule[0]"),
    ],
)
def test_a_member_is_named_by_its_place_as_written_unless_it_is_a_pool_of_one(spelling: str, path: str) -> None:
    expected = error("Loading schedule failed", path)
    assert refusal(written(team("a"), spelling)) == expected
    assert refusal(posted(team("a"), {"valueString": spelling})) == expected


@pytest.mark.parametrize(
    ("names", "path"),
    [
        (("a", "none"), "schedule[1].part[1]"),
        (("a", "a", "none"), "schedule[1].part[2]"),
        (("none",), "schedule[1]"),
        (("none", "none"), "schedule[1]"),
    ],
)
def test_a_part_is_named_by_its_place_unless_it_is_a_pool_of_one(names: tuple[str, ...], path: str) -> None:
    answer = posted(team("a b"), {"valueString": "Schedule/b"}, parts(*names))
    assert refusal(answer) == error("Loading schedule failed", path)


def test_a_member_left_alone_in_its_pool_keeps_its_path() -> None:
    resources = team("a b", a=schedule("a", active=False), b=schedule("b", parameters(bufferAfter=-5)))
    path = "schedule[0].part[1].extension[0].extension[0]"
    assert refusal(pools(resources, "a,b")) == error("Got duration with negative value", path)


# Failing members


def test_failing_members_an_inactive_schedule_leaves_its_pool() -> None:
    resources = team("a b r", a=schedule("a", active=False))
    assert {tuple(names) for _, *names in chosen(pools(resources, "a,b", "r", combinations=9))} == {("b", "r")}


def test_failing_members_the_first_removed_answers_not_the_first_named() -> None:
    resources = team("a b", a=schedule("a", services=()), b=schedule("b", active=False))
    assert refusal(pools(resources, "a,b")) == error(INACTIVE, "schedule[0].part[1]")


def test_failing_members_row_14_precedes_row_16_of_an_earlier_pool() -> None:
    resources = team("a b r", a=schedule("a", horizon=("2026-04-01", None)), r=schedule("r", active=False))
    assert refusal(pools(resources, "a,b", "r")) == error(INACTIVE, "schedule[1]")


NO_ACTOR: Resource = {**schedule("b"), "actor": []}


# a and b as they fail, and the error of the pool {a, b}
@pytest.mark.parametrize(
    ("a", "b", "text", "part"),
    [
        (schedule("a", active=False), NO_ACTOR, INACTIVE, 0),
        ({**schedule("a"), "actor": []}, schedule("b", active=False), ONE_ACTOR, 0),
        (schedule("a", services=()), schedule("b", horizon=("2026-04-01", None)), NOT_SCHEDULABLE, 0),
        (schedule("a", horizon=("2026-04-01", None)), schedule("b", services=()), TOO_EARLY, 0),
        (schedule("a", horizon=(None, "2026-03-01")), NO_ACTOR, ONE_ACTOR, 1),
        (schedule("a", horizon=(None, "2026-03-01")), schedule("b", services=()), TOO_LATE, 0),
    ],
)
def test_an_emptied_pool_answers_with_the_schedule_removed_first(
    a: Resource, b: Resource, text: str, part: int
) -> None:
    assert refusal(pools(team("a b", a=a, b=b), "a,b")) == error(text, f"schedule[0].part[{part}]")


def test_of_two_pools_emptied_by_one_row_the_first_answers() -> None:
    idle = {name: schedule(name, active=False) for name in "bcr"}
    resources = team("a b c r", **idle)
    assert refusal(pools(resources, "a,b", "b,c", "r")) == error(INACTIVE, "schedule[1].part[0]")
    assert refusal(pools(resources, "r", "a,b", "b,c")) == error(INACTIVE, "schedule[0]")


def test_a_member_outside_its_horizon_or_not_schedulable_leaves_its_pool() -> None:
    resources = team("a b c", a=schedule("a", horizon=("2026-04-01", None)), b=schedule("b", services=()))
    assert at_time(pools(resources, "a,b,c", combinations=9), "09:00") == ["c"]


@pytest.mark.parametrize(
    ("pool", "text", "path"),
    [
        ("a,Slot/b", "Invalid schedule reference", "part[1]"),
        ("a,Schedule/none", "Loading schedule failed", "part[1]"),
        ("a,Schedule/bad", "Got duration with negative value", "part[1].extension[0].extension[0]"),
        ("a,Schedule/nozone", "No timezone specified", "part[1].actor[0]"),
    ],
)
def test_other_errors_of_a_member_fail_at_once(pool: str, text: str, path: str) -> None:
    resources = team(
        "a",
        practitioner("bad"),
        practitioner("nozone", None),
        schedule("bad", parameters(bufferAfter=-5)),
        schedule("nozone"),
    )
    assert refusal(written(resources, f"Schedule/{pool}")) == error(text, f"schedule[0].{path}")


def test_attributes_are_compared_inside_a_pool_too() -> None:
    resources = team("a b", b=schedule("b", parameters(alignmentOffset=10)))
    text = "Scheduling parameters attribute 'alignmentOffset' does not match"
    place = "schedule[0].part[1].extension[0].extension[0]"
    assert refusal(pools(resources, "a,b")) == error(text, "service-type-reference", place)


def test_the_timezones_of_a_series_are_compared_inside_a_pool_too() -> None:
    resources = team("a b", b=schedule("b", parameters(timezone="Europe/Vienna")))
    answer = pools(resources, "a,b", occurrence_count=2)
    assert refusal(answer)[2] == "All schedules must share one timezone to find a recurring series"


def test_a_broken_slot_of_a_member_fails_at_once() -> None:
    resources = team("a b", busy("x", "b", "10:00", "09:00"))
    assert refusal(pools(resources, "a,b")) == (400, "invalid", "Slot/x has end time before start time", None)


# b is removed by row 14 or by row 16; what later rows would say of it is not said.
@pytest.mark.parametrize(
    "b",
    [
        schedule("b", parameters(bufferAfter=-5), active=False),
        schedule("b", parameters(alignmentOffset=10), active=False),
        schedule("b", parameters(alignmentOffset=10), services=()),
        schedule("b", parameters(timezone="Europe/Vienna"), services=()),
        schedule("b", parameters(duration=45), horizon=("2026-04-01", None)),
    ],
)
def test_rows_concern_only_the_schedules_that_remain(b: Resource) -> None:
    resources = team("a b", busy("x", "b", "10:00", "09:00"), b=b)
    answer = pools(resources, "a,b", occurrence_count=2, combinations=9)
    assert at_time(answer, "09:00") == ["a"]


def test_row_15_concerns_schedules_that_only_row_16_would_remove() -> None:
    resources = team("a b", b=schedule("b", parameters(bufferAfter=-5), services=()))
    path = "schedule[0].part[1].extension[0].extension[0]"
    assert refusal(pools(resources, "a,b")) == error("Got duration with negative value", path)


# Combinations


def worked_example() -> list[Resource]:
    """Loads: a 60, b 30, r 0, s 45."""
    return team(
        "a b r s",
        busy("1", "a", "08:00", "09:00"),
        busy("2", "b", "09:00", "09:30"),
        busy("3", "s", "11:15", "12:00"),
    )


@pytest.mark.parametrize(
    ("start", "most", "proposed"),
    [
        ("09:00", 1, "a+r"),
        ("09:00", 3, "a+r a+s"),
        ("10:00", 1, "b+r"),
        ("10:00", 3, "b+r a+r b+s"),
        # a+s 105 comes last
        ("10:00", 4, "b+r a+r b+s a+s"),
        ("10:00", 100, "b+r a+r b+s a+s"),
        # a is busy
        ("08:00", 3, "b+r b+s"),
        # s is busy
        ("11:30", 3, "b+r a+r"),
    ],
)
def test_combinations_are_ordered_by_the_sum_of_their_loads(start: str, most: int, proposed: str) -> None:
    answer = pools(worked_example(), "a,b", "r,s", combinations=most, count=1000)
    assert at_time(answer, start) == proposed.split()


@pytest.mark.parametrize(
    ("asked", "proposed"),
    [
        (("a,b", "r,s"), "a+r a+s b+r b+s"),
        (("b,a", "r,s"), "b+r b+s a+r a+s"),
        (("s,r", "a,b"), "s+a s+b r+a r+b"),
    ],
)
def test_equal_loads_are_ordered_by_the_places_first_pool_first(asked: tuple[str, ...], proposed: str) -> None:
    assert at_time(pools(team(), *asked, combinations=9), "09:00") == proposed.split()


def test_equal_sums_of_different_loads_are_ordered_by_the_places() -> None:
    resources = team(
        "a b r s",
        busy("1", "a", "08:00", "08:10"),
        busy("2", "b", "08:00", "08:20"),
        busy("3", "r", "08:00", "08:20"),
        busy("4", "s", "08:00", "08:10"),
    )
    # a+s 20, a+r 30, b+s 30, b+r 40
    answer = pools(resources, "a,b", "r,s", combinations=9, count=1000)
    assert at_time(answer, "11:00") == ["a+s", "a+r", "b+s", "b+r"]


def test_the_participants_and_slots_of_a_combination_stand_in_pool_order() -> None:
    _, bundle = pools(worked_example(), "s,r", "b,a", count=1)
    (entry,) = bundle["entry"]
    actors = [one["actor"]["reference"] for one in entry["resource"]["participant"]]
    places = [one["schedule"]["reference"] for one in entry["resource"]["contained"]]
    assert actors == ["Practitioner/r", "Practitioner/b"]
    assert places == ["Schedule/r", "Schedule/b"]


def test_proposals_do_not_influence_each_other() -> None:
    # every start goes to a, although half of them would overlap the one before
    resources = [
        service(params=parameters(duration=60, alignmentInterval=30)),
        *(practitioner(name) for name in "ab"),
        *(schedule(name) for name in "ab"),
    ]
    assert chosen(pools(resources, "a,b", end=at("10:00"))) == [("08:00", "a"), ("08:30", "a"), ("09:00", "a")]


def test_count_cuts_inside_the_combinations_of_a_start() -> None:
    answer = pools(team(), "a,b", "r,s", combinations=3, count=5)
    assert chosen(answer) == [
        ("08:00", "a", "r"),
        ("08:00", "a", "s"),
        ("08:00", "b", "r"),
        ("08:30", "a", "r"),
        ("08:30", "a", "s"),
    ]


# No schedule and no actor twice


def test_a_combination_takes_different_schedules() -> None:
    assert at_time(pools(team("a b"), "a,b", "a,b", combinations=9), "09:00") == ["a+b", "b+a"]


def test_three_pools_of_the_same_three_schedules() -> None:
    answer = pools(team("a b c"), "a,b,c", "a,b,c", "a,b,c", combinations=100)
    assert at_time(answer, "09:00") == ["+".join(names) for names in permutations("abc")]


def one_person(reference: str) -> list[Resource]:
    """Schedules a1 and a2 of Practitioner/a, the second naming its actor as `reference`, and b."""
    own_zone = parameters(timezone="Etc/UTC")
    return [
        service(),
        practitioner("a"),
        practitioner("b"),
        schedule("a1", own_zone, actor="Practitioner/a"),
        schedule("a2", own_zone, actor=reference),
        schedule("b", own_zone),
    ]


@pytest.mark.parametrize("reference", ["Practitioner/a", "Practitioner/a/_history/2"])
def test_no_two_schedules_of_a_combination_have_the_same_actor(reference: str) -> None:
    answer = pools(one_person(reference), "a1,b", "a2,b", combinations=9)
    # neither a1+a2 nor b+b
    assert at_time(answer, "09:00") == ["a1+b", "b+a2"]


@pytest.mark.parametrize("reference", ["Location/a", "Practitioner/aa"])
def test_actors_of_another_type_or_id_are_different(reference: str) -> None:
    assert at_time(pools(one_person(reference), "a1", "a2"), "09:00") == ["a1+a2"]


def test_two_schedules_of_one_actor_are_alternatives_of_one_pool() -> None:
    answer = pools(one_person("Practitioner/a"), "a1,a2", combinations=9)
    assert at_time(answer, "09:00") == ["a1", "a2"]


@pytest.mark.parametrize(
    ("resources", "asked"),
    [
        (team("a"), ["a", "a"]),
        (team("a b"), ["a,b", "a,b", "a,b"]),
        (team("a b"), ["a,b", "a", "b"]),
        (one_person("Practitioner/a"), ["a1", "a2"]),
        (one_person("Practitioner/a"), ["a1", "a2,a1"]),
    ],
)
def test_no_possible_combination_is_a_bundle_without_entry(resources: list[Resource], asked: list[str]) -> None:
    assert pools(resources, *asked) == (200, {"resourceType": "Bundle", "type": "searchset"})


# Load. Window 08:00-12:00, pool {a, b}: at 11:00 the less loaded is taken, on a tie a.

LAPSES = datetime(2026, 3, 16, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize("status", ["busy", "busy-tentative", "busy-unavailable"])
def test_every_occupying_slot_counts_for_the_load(status: str) -> None:
    resources = team("a b", busy("1", "a", "08:00", "08:01", status))
    assert at_time(pools(resources, "a,b"), "11:00") == ["b"]


@pytest.mark.parametrize("status", ["free", "entered-in-error"])
def test_other_slots_do_not_count_for_the_load(status: str) -> None:
    resources = team("a b", busy("1", "a", "08:00", "09:00", status))
    assert at_time(pools(resources, "a,b"), "11:00") == ["a"]


@pytest.mark.parametrize("concept", [service_type("xray"), {"coding": [{"code": "x"}]}, {"text": "x"}])
def test_slots_of_any_service_count_for_the_load(concept: Resource) -> None:
    resources = team("a b", busy("1", "a", "08:00", "09:00", serviceType=[concept]))
    answer = pools(resources, "a,b", combinations=9)
    # for the service asked for, a is open at 08:00
    assert at_time(answer, "08:00") == ["b", "a"]


@pytest.mark.parametrize(
    ("on_a", "on_b", "taken"),
    [
        # clipped to the window: 10 against 20, and 20 against 10
        ([("06:00", "08:10")], [("08:00", "08:20")], "a"),
        ([("11:40", "23:00")], [("08:00", "08:10")], "b"),
        ([("06:00", "08:00"), ("12:00", "13:00")], [("08:00", "08:01")], "a"),
        # covered by at least one: 60 against 75, and against 59
        ([("08:00", "09:00"), ("08:30", "09:00")], [("08:00", "09:15")], "a"),
        ([("08:00", "09:00"), ("08:30", "09:00")], [("08:00", "08:59")], "b"),
        # rounded outward: 08:00-08:16, 16 against 15 and against 16
        ([("08:00:30", "08:15:20")], [("08:00", "08:15")], "b"),
        ([("08:00:30", "08:15:20")], [("08:00", "08:16")], "a"),
    ],
)
def test_the_load_is_the_number_of_covered_minutes_of_the_window(
    on_a: list[tuple[str, str]], on_b: list[tuple[str, str]], taken: str
) -> None:
    slots = [
        busy(f"{name}{place}", name, start, end)
        for name, pieces in (("a", on_a), ("b", on_b))
        for place, (start, end) in enumerate(pieces)
    ]
    assert at_time(pools(team("a b", *slots), "a,b"), "11:00") == [taken]


def test_the_load_is_taken_over_the_window_even_where_a_horizon_is_narrower() -> None:
    resources = team("a b r", busy("1", "a", "11:00", "12:00"), r=schedule("r", horizon=(None, at("10:00"))))
    assert at_time(pools(resources, "a,b", "r"), "09:00") == ["b+r"]


def test_the_load_of_a_series_is_taken_over_the_window_of_the_first_visit() -> None:
    week_2 = slot("1", "a", "2026-03-23T08:00:00Z", "2026-03-23T09:00:00Z")
    answer = pools(team("a b", week_2), "a,b", occurrence_count=2)
    assert at_time(answer, "11:00") == ["a"]


def test_ignored_slots_do_not_count_for_the_load() -> None:
    resources = team("a b", busy("1", "a", "08:00", "09:00"), busy("2", "b", "08:00", "08:30"))
    resources.append(appointment("i", ["1"]))
    assert at_time(pools(resources, "a,b"), "11:00") == ["b"]
    assert at_time(pools(resources, "a,b", ignore_appointment="Appointment/i"), "11:00") == ["a"]


def test_slots_of_a_lapsed_hold_do_not_count_for_the_load() -> None:
    hold = appointment("h", ["1", "2"], status="pending", hold_expires="2026-03-16T07:00:00.000Z")
    resources = team(
        "a b",
        busy("1", "a", "08:00", "09:00", "busy-tentative"),
        busy("2", "a", "09:00", "09:10", "busy-unavailable"),
        hold,
    )
    just_before = LAPSES - timedelta(milliseconds=1)
    assert at_time(pools(resources, "a,b", now=just_before), "11:00") == ["b"]
    assert at_time(pools(resources, "a,b", now=LAPSES), "11:00") == ["a"]


# What cp-sat chooses is what interval arithmetic chooses.


@pytest.mark.parametrize(
    ("resources", "asked"),
    [
        (worked_example(), ["a,b", "r,s"]),
        (team("a b c"), ["a,b,c", "a,b,c", "a,b,c"]),
        (one_person("Practitioner/a"), ["a1,b", "a2,b"]),
        (team("a b"), ["a,b", "a,b", "a,b"]),
    ],
)
@pytest.mark.parametrize("most", [1, 4])
def test_both_engines_choose_alike(resources: list[Resource], asked: list[str], most: int) -> None:
    auto = pools(resources, *asked, combinations=most)
    assert pools(resources, *asked, combinations=most, engine="cp-sat") == auto
    assert auto[0] == 200


def test_all_schedules_of_a_pool_may_be_closed_at_different_times() -> None:
    resources = team("a b", busy("1", "a", "08:00", "10:00"), busy("2", "b", "10:00", "12:00"))
    assert [names for _, *names in chosen(pools(resources, "a,b"))] == [["b"]] * 4 + [["a"]] * 4
    assert times(pools(resources, "a", "b")) == []
