"""`$explain`: no reason against a start iff `$find` offers it, and every reason with what it names."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from ledger_support import NewClinic
from ledger_support import clinic_fixture as clinic_fixture
from slotwright.io import invoke, open_calendar
from slotwright.io.rest import answer
from slotwright.io.rest.exchange import Request
from strategies import Problem, numbered_problem, problems
from support import (
    PARAMETERS_URL,
    Resource,
    appointment,
    availability,
    hours,
    parameters,
    period,
    practitioner,
    refusal,
    schedule,
    service,
    slot,
)

EXAMPLES = int(os.environ.get("SLOTWRIGHT_EXAMPLES", "40"))
NOW = datetime(2026, 3, 1, tzinfo=UTC)
Query = dict[str, str | list[str]]


# As `$find`


def query_of(problem: Problem) -> Query:
    query: Query = {
        "start": problem.start,
        "end": problem.end,
        "service-type-reference": f"HealthcareService/{problem.service}",
        "schedule": [",".join(f"Schedule/{name}" for name in pool) for pool in problem.pools],
    }
    if problem.occurrences is not None:
        query["occurrence-count"] = str(problem.occurrences)
    if problem.ignore is not None:
        query["ignore-appointment"] = f"Appointment/{problem.ignore}"
    return query


def check(problem: Problem) -> None:
    calendar = open_calendar(problem.resources)
    query = query_of(problem)
    found = invoke(calendar, "Appointment/$find", query={**query, "_count": "1000"}, now=problem.now)
    explained = invoke(calendar, "Appointment/$explain", query=query, now=problem.now)
    if found[0] != 200:
        assert explained == found
        return
    assert explained[0] == 200, explained
    offered = [entry["resource"]["start"] for entry in found[1].get("entry", [])]
    starts = [Start(one) for one in explained[1]["parameter"] if one["name"] == "start"]
    if len(offered) == 1000:
        starts = [one for one in starts if one.at <= offered[-1]]
    assert [one.at for one in starts if one.offered] == offered
    for one in starts:
        pools = {pool: [s for s in one.schedules if s["pool"] == pool] for pool in range(len(problem.pools))}
        assert all(each["open"] == (not each["reasons"]) for each in one.schedules)
        lacks = [pool for pool, members in pools.items() if not any(each["open"] for each in members)]
        assert one.offered == (not lacks and not one.reasons)
        assert not (lacks and one.reasons), "who clashes is said where every pool has somebody"
    if len(offered) < 1000:
        [summary] = [parts(one) for one in explained[1]["parameter"] if one["name"] == "summary"]
        lost = sum(parts(one)["starts"] for one in summary["lost"])
        assert (summary["starts"], summary["offered"], lost) == (len(starts), len(offered), len(starts) - len(offered))
    # One start asked about by itself is judged the same.
    for one in starts[:: len(starts) // 4 + 1]:
        alone = invoke(calendar, "Appointment/$explain", query={**query, "at": one.at}, now=problem.now)[1]
        [same] = [Start(each) for each in alone["parameter"] if each["name"] == "start"]
        assert (same.at, same.offered) == (one.at, one.offered)


class Start:
    """One `start` of an answer, its parts by name."""

    def __init__(self, parameter: Resource) -> None:
        found = parts(parameter)
        self.at: str = found["at"]
        self.offered: bool = found["offered"]
        self.schedules = [
            {**parts(one), "reasons": [parts(each) for each in one["part"] if each["name"] == "reason"]}
            for one in parameter["part"]
            if one["name"] == "schedule"
        ]
        self.reasons = [parts(one) for one in parameter["part"] if one["name"] == "reason"]


def parts(parameter: Resource) -> Resource:
    """Values by name; what may be repeated is a list of values or of parameters with parts."""
    found: Resource = {"lost": [], "slot": [], "hours": [], "missing": [], "period": [], "pools": [], "actor": []}
    found["appointment"] = []
    for one in parameter["part"]:
        value = next((value for name, value in one.items() if name.startswith("value")), one)
        name = "pools" if one["name"] == "pool" and parameter["name"] == "reason" else one["name"]
        if isinstance(found.get(name), list):
            found[name].append(value)
        else:
            assert name not in found or name in ("schedule", "reason"), name
            found[name] = value
    return found


@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(problems())
def test_nothing_speaks_against_a_start_iff_find_offers_it(problem: Problem) -> None:
    check(problem)


def test_nothing_speaks_against_a_start_iff_find_offers_it_on_numbered_problems() -> None:
    for seed in range(EXAMPLES):
        try:
            check(numbered_problem(seed))
        except Exception as error:
            error.add_note(f"numbered_problem({seed})")
            raise


def test_random_problems_show_every_kind_of_reason() -> None:
    seen: set[str] = set()
    for seed in range(60):
        problem = numbered_problem(seed)
        said = invoke(
            open_calendar(problem.resources), "Appointment/$explain", query=query_of(problem), now=problem.now
        )
        for one in said[1].get("parameter", []):
            if one["name"] == "start":
                start = Start(one)
                seen |= {each["kind"] for of in start.schedules for each in of["reasons"]}
                seen |= {each["kind"] for each in start.reasons}
    assert seen >= {"hours", "closed", "blocked", "buffer", "horizon", "limit", "window", "combination"}


# By hand. Monday 2026-03-16 in UTC; the service has hours from 09:00 to 12:00 and visits of half an hour.


def ask(resources: list[Resource], at: str | None, *pools: str, **more: str) -> list[Start]:
    query: Query = {
        "start": "2026-03-16",
        "end": "2026-03-17",
        "service-type-reference": "HealthcareService/checkup",
        "schedule": [",".join(f"Schedule/{one}" for one in pool.split(",")) for pool in pools or ("a",)],
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    if at is not None:
        query["at"] = f"2026-03-16T{at}:00Z"
    status, said = invoke(open_calendar(resources), "Appointment/$explain", query=query, now=NOW)
    assert status == 200, said
    return [Start(one) for one in said["parameter"] if one["name"] == "start"]


def reasons(resources: list[Resource], at: str, *pools: str, **more: str) -> list[Resource]:
    """The reasons against a start on the one schedule asked for, without the lists that are empty."""
    [start] = ask(resources, at, *pools, **more)
    [of] = start.schedules
    assert start.offered == of["open"] == (not of["reasons"])
    return [{name: value for name, value in one.items() if value != []} for one in of["reasons"]]


def span(start: str, end: str) -> Resource:
    return period(f"2026-03-16T{start}:00.000Z", f"2026-03-16T{end}:00.000Z")


HOURS: Resource = {"daysOfWeek": ["mon"], "availableStartTime": "09:00:00", "availableEndTime": "12:00:00"}
CLOSURE: Resource = {
    "description": "Staff meeting",
    "during": {"start": "2026-03-16T11:00Z", "end": "2026-03-16T11:30Z"},
}


def clinic(*extra: Resource, a: Resource | None = None, **elements: Any) -> list[Resource]:
    grid = parameters(duration=30, alignmentInterval=30)
    of_service = service(params=grid, availableTime=[HOURS], notAvailable=[CLOSURE], **elements)
    return [of_service, practitioner("a"), a or schedule("a"), *extra]


def booked(id: str, start: str, end: str, status: str = "busy", **elements: Any) -> list[Resource]:
    taken = slot(id, "a", f"2026-03-16T{start}:00Z", f"2026-03-16T{end}:00Z", status, **elements)
    return [taken, appointment(f"of-{id}", [id])]


def test_nothing_speaks_against_a_start_that_is_offered() -> None:
    assert reasons(clinic(), "09:30") == []


def test_off_the_grid() -> None:
    assert reasons(clinic(), "09:40") == [
        {"kind": "grid", "before": "2026-03-16T09:30:00.000Z", "after": "2026-03-16T10:00:00.000Z"}
    ]


def test_hours_of_the_service() -> None:
    [reason] = reasons(clinic(), "12:00")
    assert (reason["kind"], reason["layer"]) == ("hours", "service")
    assert reason["missing"] == [span("12:00", "12:30")]
    [of_day] = map(parts, reason["hours"])
    assert (of_day["period"], of_day["path"]) == (
        [span("09:00", "12:00")],
        "HealthcareService/checkup.availableTime[0]",
    )


@pytest.mark.parametrize(("more", "layer"), [({}, "schedule"), ({"service": "checkup"}, "schedule-for-service")])
def test_hours_of_the_schedule(more: Resource, layer: str) -> None:
    own = schedule("a", parameters(**more, availability=[hours("mon", "14:00:00", "16:00:00")]))
    [reason] = reasons(clinic(a=own), "09:30")
    assert (reason["kind"], reason["layer"]) == ("hours", layer)
    [of_day] = map(parts, reason["hours"])
    path = f"Schedule/a.extension[0].extension[{len(more)}].extension[0]"
    assert (of_day["layer"], of_day["path"], of_day["period"]) == (layer, path, [span("14:00", "16:00")])


def test_hours_that_never_open_have_a_layer_too() -> None:
    never = schedule("a", parameters(availability=[]))
    [reason] = reasons(clinic(a=never), "09:30")
    assert (reason["layer"], reason["path"], "hours" in reason) == (
        "schedule",
        "Schedule/a.extension[0].extension[0]",
        False,
    )
    nothing = [service(params=parameters(duration=30, alignmentInterval=30), availableTime=[]), *clinic()[1:]]
    [reason] = reasons(nothing, "09:30")
    assert (reason["layer"], "hours" in reason) == ("service", False)


def test_free_slots_are_named_with_the_hours() -> None:
    extra = slot("extra", "a", "2026-03-16T14:00:00Z", "2026-03-16T15:00:00Z", "free")
    [reason] = reasons(clinic(extra), "15:00")
    assert [(parts(one)["layer"], parts(one)["path"]) for one in reason["hours"]] == [
        ("service", "HealthcareService/checkup.availableTime[0]"), ("slot", "Slot/extra")
    ]  # fmt: skip


def test_closures_have_their_description_period_and_layer() -> None:
    [reason] = reasons(clinic(), "11:00")
    assert reason == {
        "kind": "closed",
        "description": "Staff meeting",
        "during": CLOSURE["during"],
        "period": [span("11:00", "11:30")],
        "layer": "service",
        "path": "HealthcareService/checkup.notAvailable[0]",
    }
    leave: Resource = {
        "url": "notAvailableTime",
        "extension": [
            {"url": "description", "valueString": "Leave"},
            {"url": "during", "valuePeriod": {"start": "2026-03-16", "end": "2026-03-16"}},
        ],
    }
    extension = {"url": PARAMETERS_URL, "extension": [availability(leave)]}
    own, of_service = reasons(clinic(a=schedule("a", extension)), "11:00")
    assert of_service == reason
    assert (own["description"], own["layer"]) == ("Leave", "schedule")
    assert own["path"] == "Schedule/a.extension[0].extension[0].extension[0]"


def test_slots_in_the_way_with_their_appointments() -> None:
    [reason] = reasons(clinic(*booked("x", "09:45", "10:15", comment="urgent")), "09:30")
    assert (reason["kind"], reason["period"], reason["capacity"]) == ("blocked", [span("09:45", "10:00")], 1)
    [taken] = map(parts, reason["slot"])
    assert taken["reference"] == {"reference": "Slot/x"}
    assert (taken["status"], taken["comment"], taken["period"]) == ("busy", "urgent", [span("09:45", "10:15")])
    [of] = map(parts, taken["appointment"])
    assert (of["reference"], of["status"]) == ({"reference": "Appointment/of-x"}, "booked")


def test_an_ignored_appointment_is_not_in_the_way() -> None:
    taken = clinic(*booked("x", "09:45", "10:15"))
    assert reasons(taken, "09:30", ignore_appointment="Appointment/of-x") == []


def test_the_capacity_and_everybody_who_reached_it() -> None:
    group = [*booked("x", "09:30", "10:00", capacity=2), *booked("y", "09:30", "10:00", capacity=2)]
    two = schedule("a", parameters(slotCapacity=2))
    assert reasons(clinic(*group[:2], a=two), "09:30") == []
    [reason] = reasons(clinic(*group, a=two), "09:30")
    assert (reason["kind"], reason["capacity"], len(reason["slot"])) == ("blocked", 2, 2)


def test_buffers_horizon_limit_and_window() -> None:
    rules = schedule(
        "a",
        parameters(bufferAfter=30, bookingLimit=[(1, 1, "d"), (5, 1, "wk")]),
        horizon=("2026-03-01", "2026-03-16T11:40:00Z"),
    )
    resources = clinic(*booked("x", "10:00", "10:30"), a=rules)
    found = reasons(resources, "09:30")
    assert [one["kind"] for one in found] == ["buffer", "limit"]
    assert (found[0]["period"], len(found[0]["slot"])) == ([span("10:00", "10:30")], 1)
    assert found[1]["limit"] == {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}
    assert found[1]["period"] == [period("2026-03-16T00:00:00.000Z", "2026-03-17T00:00:00.000Z")]
    assert [parts(one)["reference"] for one in found[1]["slot"]] == [{"reference": "Slot/x"}]
    found = reasons(resources, "11:00", end="2026-03-16T11:45:00Z")
    assert [one["kind"] for one in found] == ["closed", "horizon", "limit", "window"]
    assert found[1]["schedule"] == {"reference": "Schedule/a"}
    assert found[1]["period"] == [period("2026-03-01T00:00:00.000Z", "2026-03-16T11:40:00.000Z")]
    assert found[3]["period"] == [period("2026-03-16T00:00:00.000Z", "2026-03-16T11:45:00.000Z")]


def test_the_horizon_of_a_pool_of_one_binds_the_others() -> None:
    two = [practitioner("b"), schedule("b", horizon=(None, "2026-03-16T10:00:00Z"))]
    [start] = ask(clinic(*two), "10:00", "a", "b")
    for of in start.schedules:
        [reason] = of["reasons"]
        assert (reason["kind"], reason["schedule"]) == ("horizon", {"reference": "Schedule/b"})


def test_a_visit_without_length() -> None:
    none = clinic(a=schedule("a", parameters(duration=0)))
    assert reasons(none, "10:00") == [{"kind": "length"}]


def test_who_clashes() -> None:
    """Two pools, one actor: schedules a and b are both of Practitioner/a."""
    [start] = ask(
        clinic(
            schedule("b", actor="Practitioner/a"), schedule("c", actor="Location/c"), practitioner("c", kind="Location")
        ),
        "09:30",
        "a",
        "c",
        "b",
    )
    assert not start.offered and all(of["open"] for of in start.schedules)
    [reason] = start.reasons
    assert (reason["kind"], reason["pools"]) == ("combination", [0, 2])
    assert reason["actor"] == [{"reference": "Practitioner/a"}]


def test_the_week_of_a_series_that_fails() -> None:
    taken = slot("x", "a", "2026-03-23T09:30:00Z", "2026-03-23T10:00:00Z")
    [reason] = reasons(clinic(taken), "09:30", occurrence_count="3")
    assert (reason["kind"], reason["occurrence"]) == ("blocked", 2)


def test_a_limit_that_the_series_itself_reaches() -> None:
    one_a_month = clinic(a=schedule("a", parameters(bookingLimit=(1, 1, "mo"))))
    [second] = reasons(one_a_month, "09:30", occurrence_count="2")
    assert (second["kind"], second["occurrence"]) == ("limit", 2)
    # What the first visit would take is no stored Slot.
    [of] = map(parts, second["slot"])
    assert "reference" not in of and of["period"] == [span("09:30", "10:00")]


def test_all_starts_of_the_window_and_a_summary() -> None:
    resources = clinic(*booked("x", "09:00", "09:30"))
    query: Query = {
        "start": "2026-03-16T08:00:00Z", "end": "2026-03-16T12:00:00Z", "schedule": "Schedule/a",
        "service-type-reference": "HealthcareService/checkup",
    }  # fmt: skip
    status, said = invoke(open_calendar(resources), "Appointment/$explain", query=query, now=NOW)
    assert status == 200
    starts = [Start(one) for one in said["parameter"] if one["name"] == "start"]
    first = {one.at[11:16]: [each["kind"] for each in one.schedules[0]["reasons"]] for one in starts}
    assert first == {
        "08:00": ["hours"], "08:30": ["hours"], "09:00": ["blocked"], "09:30": [], "10:00": [], "10:30": [],
        "11:00": ["closed"], "11:30": [],
    }  # fmt: skip
    summary = parts(said["parameter"][-1])
    assert (summary["starts"], summary["offered"]) == (8, 4)
    lost = [parts(one) for one in summary["lost"]]
    assert [(one["kind"], one["pool"], one["starts"]) for one in lost] == [
        ("hours", 0, 2), ("blocked", 0, 1), ("closed", 0, 1)
    ]  # fmt: skip
    cut = invoke(open_calendar(resources), "Appointment/$explain", query={**query, "_count": "3"}, now=NOW)[1]
    assert [one["name"] for one in cut["parameter"]] == ["window", "start", "start", "start", "summary"]
    assert cut["parameter"][-1] == said["parameter"][-1], "the summary counts all of them"


def test_the_schedule_that_comes_nearest_decides_what_a_start_is_lost_to() -> None:
    afternoon = schedule("b", parameters(availability=[hours("mon", "14:00:00", "16:00:00")]))
    resources = clinic(*booked("x", "09:30", "10:00"), practitioner("b"), afternoon)
    query: Query = {**FINE, "schedule": "Schedule/b,Schedule/a", "at": "2026-03-16T09:30:00Z"}
    _, said = invoke(open_calendar(resources), "Appointment/$explain", query=query, now=NOW)
    [start] = [Start(one) for one in said["parameter"] if one["name"] == "start"]
    assert [[each["kind"] for each in of["reasons"]] for of in start.schedules] == [["hours"], ["blocked"]]
    [lost] = [parts(one) for one in parts(said["parameter"][-1])["lost"]]
    assert (lost["kind"], lost["pool"], lost["starts"]) == ("blocked", 0, 1)


def test_schedules_that_take_no_part() -> None:
    others = [
        schedule("b", active=False), schedule("c", services=()), schedule("d", horizon=("2027", None)),
        schedule("e", actor="Practitioner/a"),
    ]  # fmt: skip
    others[3]["actor"] *= 2
    resources = clinic(*others, *(practitioner(one) for one in "bcde"))
    query: Query = {
        "start": "2026-03-16", "end": "2026-03-17", "service-type-reference": "HealthcareService/checkup",
        "schedule": ["Schedule/a", "Schedule/b,Schedule/a,Schedule/c,Schedule/d,Schedule/e"],
    }  # fmt: skip
    _, said = invoke(open_calendar(resources), "Appointment/$explain", query=query, now=NOW)
    left_out = [parts(one) for one in said["parameter"] if one["name"] == "left-out"]
    assert [(one["pool"], one["schedule"]["reference"], one["kind"]) for one in left_out] == [
        (1, "Schedule/b", "inactive"), (1, "Schedule/c", "not-schedulable"), (1, "Schedule/d", "horizon"),
        (1, "Schedule/e", "actors"),
    ]  # fmt: skip


# Refusals, and the doors


FINE: Query = {
    "start": "2026-03-16", "end": "2026-03-17", "service-type-reference": "HealthcareService/checkup",
    "schedule": "Schedule/a",
}  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [
        {"start": ""}, {"end": "2026-03-16"}, {"end": "2026-05-01"}, {"schedule": "Practitioner/a"},
        {"schedule": "Schedule/nobody"}, {"_count": "0"}, {"_count": "1001"}, {"combinations": "101"},
        {"occurrence-count": "7"}, {"ignore-appointment": "Slot/1"}, {"ignore-appointment": "Appointment/none"},
        {"service-type-reference": "HealthcareService/none"}, {"_count": "x"}, {"start": ["2026", "2026"]},
    ],
)  # fmt: skip
def test_what_find_refuses_is_refused_alike(changed: Query) -> None:
    calendar = open_calendar(clinic())
    found = invoke(calendar, "Appointment/$find", query={**FINE, **changed}, now=NOW)
    assert found[0] in (400, 404)
    assert invoke(calendar, "Appointment/$explain", query={**FINE, **changed, "at": "2026-03-16"}, now=NOW) == found


@pytest.mark.parametrize(
    ("at", "text"),
    [
        ("never", "Invalid at, must be an instant"),
        ("2026-03-16T09:00", "Invalid at, must be an instant"),
        ("2026-03-16T09:00:30Z", "Invalid at, visits start at whole minutes"),
        ("0001-01-01T00:00:00+14:00", "Invalid at, must be an instant"),
    ],
)
def test_an_at_that_is_no_start(at: str, text: str) -> None:
    said = invoke(open_calendar(clinic()), "Appointment/$explain", query={**FINE, "at": at}, now=NOW)
    assert refusal(said) == (400, "invalid", text, ["Parameters.at"])


def test_more_verdicts_than_an_answer_may_have() -> None:
    every_minute = [service(params=parameters(duration=30, alignmentInterval=1)), practitioner("a"), practitioner("b")]
    resources = [*every_minute, schedule("a"), schedule("b")]
    month: Query = {**FINE, "end": "2026-04-16", "schedule": "Schedule/a,Schedule/b"}
    refused = invoke(open_calendar(resources), "Appointment/$explain", query=month, now=NOW)
    # 31 days of 1,440 minutes on two schedules.
    text = "The answer would have 89,280 verdicts, starts by schedules by weeks; at most 50,000 are given."
    assert refusal(refused) == (400, "too-costly", f"{text} Give at, or a shorter window.", None)
    assert (
        invoke(open_calendar(resources), "Appointment/$explain", query={**month, "at": "2026-03-20"}, now=NOW)[0] == 200
    )


@pytest.mark.parametrize("at", ["0001-01-01", "9999-12-31T23:59:00Z", "1800-06-01T00:00:00Z"])
def test_an_at_far_from_the_window_is_judged_where_it_is(at: str) -> None:
    status, said = invoke(open_calendar(clinic()), "Appointment/$explain", query={**FINE, "at": at}, now=NOW)
    assert status == 200
    [start] = [Start(one) for one in said["parameter"] if one["name"] == "start"]
    assert not start.offered and "window" in [one["kind"] for one in start.schedules[0]["reasons"]]


def test_every_door_gives_the_same_answer(clinic: NewClinic) -> None:
    ledger = clinic().ledger
    query = {**FINE, "at": "2026-03-16T09:10:00Z"}
    by_query = invoke(ledger, "Appointment/$explain", query=query, now=NOW)
    sent = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "start", "valueDateTime": "2026-03-16"},
            {"name": "end", "valueDateTime": "2026-03-17"},
            {"name": "service-type-reference", "valueString": "HealthcareService/checkup"},
            {"name": "schedule", "part": [{"name": "schedule", "valueReference": {"reference": "Schedule/a"}}]},
            {"name": "at", "valueDateTime": "2026-03-16T09:10:00Z"},
        ],
    }
    assert by_query[0] == 200
    assert invoke(ledger, "Appointment/$explain", body=sent, now=NOW) == by_query
    lists = {name: value if isinstance(value, list) else [value] for name, value in query.items()}
    for request in (Request("GET", "Appointment/$explain", lists), Request("POST", "Appointment/$explain", body=sent)):
        response = answer(ledger, request)
        assert (response.status, response.resource) == by_query
    assert answer(ledger, Request("DELETE", "Appointment/$explain")).status == 405
    assert answer(ledger, Request("POST", "Appointment/$explain")).status == 400
    both = invoke(ledger, "Appointment/$explain", query=query, body=sent)
    assert refusal(both) == (400, "invalid", "Invalid request body", None)


def test_the_documented_example_is_what_is_answered() -> None:
    document = (Path(__file__).resolve().parent.parent / "docs" / "explain.md").read_text()
    example = json.loads(document.split("```json\n")[1].split("```")[0])
    named = practitioner("a") | {"name": [{"text": "Dr. Ames"}]}
    resources = [one for one in clinic(*booked("x", "09:45", "10:15")) if one["resourceType"] != "Practitioner"]
    query: Query = {**FINE, "at": "2026-03-16T09:30:00Z"}
    assert invoke(open_calendar([*resources, named]), "Appointment/$explain", query=query, now=NOW) == (200, example)
