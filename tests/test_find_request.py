"""`Appointment/$find`: how a request is read, and the checks in their order (find.md, sections 1 and 2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import pytest
from slotwright.io import invoke, open_calendar
from support import (
    Resource,
    appointment,
    parameters,
    practitioner,
    refusal,
    schedule,
    service,
    slot,
    starts,
    times,
)

Query = dict[str, str | list[str]]
Answer = tuple[int, Resource]
Refusal = tuple[str, list[str] | None]

START = "2026-03-16T09:00:00Z"
END = "2026-03-16T10:00:00Z"
SERVICE = "Parameters.service-type-reference"
SCHEDULE = "Parameters.schedule[0]"
REQUIRED = ("start", "end", "service-type-reference", "schedule")
VALUES = {
    "start": "valueDateTime",
    "end": "valueDateTime",
    "service-type-reference": "valueString",
    "schedule": "valueString",
    "_count": "valueInteger",
    "combinations": "valuePositiveInt",
    "occurrence-count": "valuePositiveInt",
    "ignore-appointment": "valueString",
}
both_faces = pytest.mark.parametrize("face", ["GET", "POST"])


def calendar(*extra: Resource) -> list[Resource]:
    """Schedule/a, always open, half hours in UTC: the request below is answered 09:00 and 09:30."""
    return [service(), practitioner("a"), schedule("a"), *extra]


def asking(**changes: str | list[str]) -> Query:
    """The query for 09:00-10:00 on Schedule/a with changes: `count` is `_count`, `_` is `-`."""
    query: Query = {
        "start": START,
        "end": END,
        "service-type-reference": "HealthcareService/checkup",
        "schedule": "Schedule/a",
    }
    for name, value in changes.items():
        query["_count" if name == "count" else name.replace("_", "-")] = value
    return query


def without(*names: str) -> Query:
    return {name: value for name, value in asking().items() if name not in names}


def as_parameters(query: Query) -> list[Resource]:
    """The same request as entries of a Parameters body."""
    entries: list[Resource] = []
    for name, values in query.items():
        for value in [values] if isinstance(values, str) else values:
            number = VALUES[name] in ("valueInteger", "valuePositiveInt") and value.lstrip("-").isdigit()
            entries.append({"name": name, VALUES[name]: int(value) if number else value})
    return entries


def get(query: Query, resources: Sequence[Resource] | None = None) -> Answer:
    return invoke(open_calendar(calendar() if resources is None else resources), "Appointment/$find", query=query)


def post(entries: Sequence[Resource], resources: Sequence[Resource] | None = None) -> Answer:
    body = {"resourceType": "Parameters", "parameter": list(entries)}
    return invoke(open_calendar(calendar() if resources is None else resources), "Appointment/$find", body=body)


def ask(face: str, query: Query, resources: Sequence[Resource] | None = None) -> Answer:
    return get(query, resources) if face == "GET" else post(as_parameters(query), resources)


# Section 1: one answer for both faces, whatever the spelling.


def posted(*changes: Resource) -> list[Resource]:
    """The plain request as a body; each change replaces the parameter of its name."""
    names = {change["name"] for change in changes}
    return [*(entry for entry in as_parameters(asking()) if entry["name"] not in names), *changes]


def one(name: str, value: str, content: Any) -> list[Resource]:
    return [{"name": name, value: content}]


B = {"name": "schedule", "valueString": "Schedule/b"}
A_OR_B = {"name": "schedule", "part": [{"name": "schedule", "valueString": "Schedule/a"}, B]}


# Schedule/a is busy 09:00-09:30 for Appointment/i, so it offers 09:30 only; Schedule/b offers both.
@pytest.mark.parametrize(
    ("query", "body", "offered"),
    [
        (asking(start="2026-03-16T08:00Z"), one("start", "valueDateTime", "2026-03-16T08:00Z"), "08:00 08:30 09:30"),
        (asking(end="2026-03-16T10:30Z"), one("end", "valueDateTime", "2026-03-16T10:30Z"), "09:30 10:00"),
        *(
            (
                asking(service_type_reference="HealthcareService/xray"),
                one("service-type-reference", value, content),
                "09:30 09:45",
            )
            for value, content in [
                ("valueString", "HealthcareService/xray"),
                ("valueReference", {"reference": "HealthcareService/xray"}),
                ("valueUri", "HealthcareService/xray"),
            ]
        ),
        *(
            (asking(schedule="Schedule/b"), one("schedule", value, content), "09:00 09:30")
            for value, content in [
                ("valueString", "Schedule/b"),
                ("valueReference", {"reference": "Schedule/b"}),
                ("valueUri", "Schedule/b"),
                ("part", [B]),
            ]
        ),
        (asking(schedule="Schedule/b", count="1"), [B, *one("_count", "valueInteger", 1)], "09:00"),
        (
            asking(schedule="Schedule/a,Schedule/b", combinations="2"),
            [A_OR_B, *one("combinations", "valuePositiveInt", 2)],
            "09:00 09:30 09:30",
        ),
        (asking(occurrence_count="2"), one("occurrence-count", "valuePositiveInt", 2), "09:30"),
        *(
            (asking(ignore_appointment="Appointment/i"), one("ignore-appointment", value, content), "09:00 09:30")
            for value, content in [
                ("valueString", "Appointment/i"),
                ("valueReference", {"reference": "Appointment/i"}),
            ]
        ),
    ],
)
def test_get_and_post_give_the_same_answer(query: Query, body: list[Resource], offered: str) -> None:
    resources = [
        service(),
        service("xray", params=parameters(duration=15, alignmentInterval=15)),
        practitioner("a"),
        practitioner("b"),
        schedule("a", services=("checkup", "xray")),
        schedule("b"),
        slot("visit", "a", "2026-03-16T09:00:00Z", "2026-03-16T09:30:00Z"),
        appointment("i", ["visit"]),
    ]
    answer = get(query, resources)
    assert times(answer) == offered.split()
    assert post(posted(*body), resources) == answer


@both_faces
@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-16T09:00Z", "2026-03-16T10:00Z"),
        ("2026-03-16T09:00:00.000Z", "2026-03-16T10:00:00.000Z"),
        ("2026-03-16T10:00:00+01:00", "2026-03-16T10:00:00+00:00"),
        ("2026-03-15T23:00:00-10:00", "2026-03-16T15:45:00+05:45"),
    ],
)
def test_search_times_may_have_any_offset_and_precision(face: str, start: str, end: str) -> None:
    assert times(ask(face, asking(start=start, end=end))) == ["09:00", "09:30"]


def test_a_blank_before_an_offset_in_a_query_is_read_as_plus() -> None:
    # 10:00+01:00 is 09:00Z, 15:30+05:30 is 10:00Z.
    query = asking(start="2026-03-16T10:00:00 01:00", end="2026-03-16T15:30:00 05:30")
    assert times(get(query)) == ["09:00", "09:30"]


@both_faces
def test_a_bare_date_is_midnight_utc_whatever_the_schedules_timezone(face: str) -> None:
    resources = [service(), practitioner("a", "America/New_York"), schedule("a")]
    answer = ask(face, asking(start="2026-03-16", end="2026-03-17", count="1000"), resources)
    offered = starts(answer)
    # 24 h of half hours
    assert (offered[0], offered[-1], len(offered)) == ("2026-03-16T00:00Z", "2026-03-16T23:30Z", 48)


@pytest.mark.parametrize(
    ("start", "end", "offered"),
    [
        ("2026-03-16T09:00:00.001Z", "2026-03-16T09:32:00Z", ["09:01", "09:02"]),
        ("2026-03-16T09:00:59Z", "2026-03-16T09:31:59.999Z", ["09:01"]),
        ("2026-03-16T09:00:00Z", "2026-03-16T09:30:59Z", ["09:00"]),
        ("2026-03-16T09:00:10Z", "2026-03-16T09:00:20Z", []),
    ],
)
def test_search_times_finer_than_a_minute_are_rounded_inward(start: str, end: str, offered: list[str]) -> None:
    resources = [service(params=parameters(duration=30, alignmentInterval=1)), practitioner("a"), schedule("a")]
    assert times(get(asking(start=start, end=end), resources)) == offered


@pytest.mark.parametrize("day", ["1999-12-31", "2199-01-01"])
def test_past_times_are_offered_like_future_ones(day: str) -> None:
    assert len(times(get(asking(start=f"{day}T09:00:00Z", end=f"{day}T10:00:00Z")))) == 2


def test_unlisted_parameters_of_a_query_are_ignored() -> None:
    query = asking() | {"patient": "Patient/p", "_format": "json", "count": "abc", "Start": ["x", "y"]}
    assert get(query) == get(asking())


def test_unlisted_parameters_of_a_body_are_ignored() -> None:
    extra: list[Resource] = [
        {"name": "patient", "valueReference": {"reference": "Patient/p"}},
        {"name": "count", "valueString": "abc"},
        {"name": "note", "part": [{"name": "start", "valueDateTime": "1999-01-01"}]},
    ]
    assert post([*extra, *as_parameters(asking())]) == get(asking())


def test_the_order_of_parameters_in_a_body_does_not_matter() -> None:
    assert post(list(reversed(as_parameters(asking())))) == get(asking())


def test_the_default_of_count_is_twenty() -> None:
    assert len(times(get(asking(end="2026-03-17T09:00:00Z")))) == 20


def test_the_default_of_combinations_is_one() -> None:
    resources = calendar(practitioner("b"), schedule("b"))
    assert times(get(asking(schedule="Schedule/a,Schedule/b"), resources)) == ["09:00", "09:30"]


@pytest.mark.parametrize("written", ["2", "2.7", "2.0", "02", "2abc", "2,5"])
def test_an_integer_in_a_query_is_read_by_its_leading_digits(written: str) -> None:
    assert times(get(asking(end="2026-03-16T12:00:00Z", count=written))) == ["09:00", "09:30"]


@pytest.mark.parametrize(
    ("name", "written", "text"),
    [
        ("_count", "-1", "Invalid _count, minimum required is 1"),
        ("_count", "-1.5x", "Invalid _count, minimum required is 1"),
        ("_count", "0.9", "Invalid _count, minimum required is 1"),
        ("_count", "1001.2", "Invalid _count, maximum allowed is 1000"),
        ("combinations", "-2", "Invalid combinations, minimum required is 1"),
        ("combinations", "101abc", "Invalid combinations, maximum allowed is 100"),
    ],
)
def test_a_minus_sign_and_trailing_characters_of_an_integer(name: str, written: str, text: str) -> None:
    assert refusal(get(asking() | {name: written})) == (400, "invalid", text, None)


@pytest.mark.parametrize("name", ["_count", "combinations", "occurrence-count", "ignore-appointment"])
def test_an_empty_optional_query_value_counts_as_absent(name: str) -> None:
    assert get(asking() | {name: ""}) == get(asking())


def test_empty_query_values_do_not_count_as_repetitions() -> None:
    query: Query = asking() | {"start": ["", START], "_count": ["", "1", ""]}
    assert times(get(query)) == ["09:00"]


# Row 1


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("empty", [False, True])
def test_a_missing_or_empty_required_parameter_of_a_query_is_refused(name: str, empty: bool) -> None:
    query = asking() | {name: ""} if empty else without(name)
    text = f"Expected at least 1 value(s) for required input parameter '{name}'"
    assert refusal(get(query)) == (400, "invalid", text, None)


@pytest.mark.parametrize(
    ("name", "expected"), [("start", "1"), ("end", "1"), ("service-type-reference", "1"), ("schedule", "1..*")]
)
def test_a_missing_required_parameter_of_a_body_is_refused(name: str, expected: str) -> None:
    text = f"Expected {expected} value(s) for input parameter {name}, but 0 provided"
    assert refusal(post(as_parameters(without(name)))) == (400, "invalid", text, None)


@pytest.mark.parametrize("first", range(len(REQUIRED)))
def test_the_first_missing_parameter_is_named(first: int) -> None:
    query = without(*REQUIRED[first:])
    name = REQUIRED[first]
    card = "1..*" if name == "schedule" else "1"
    _, _, in_query, _ = refusal(get(query))
    _, _, in_body, _ = refusal(post(as_parameters(query)))
    assert in_query == f"Expected at least 1 value(s) for required input parameter '{name}'"
    assert in_body == f"Expected {card} value(s) for input parameter {name}, but 0 provided"


@pytest.mark.parametrize("nothing", ["", ",", ",,"])
def test_a_schedule_value_of_empty_members_counts_as_absent(nothing: str) -> None:
    text = "Expected at least 1 value(s) for required input parameter 'schedule'"
    assert refusal(get(asking(schedule=nothing))) == (400, "invalid", text, None)


def test_a_schedule_value_of_empty_members_in_a_body_counts_as_absent() -> None:
    text = "Expected 1..* value(s) for input parameter schedule, but 0 provided"
    assert refusal(post(as_parameters(asking(schedule=",")))) == (400, "invalid", text, None)


@both_faces
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("start", START, "1"),
        ("end", END, "1"),
        ("service-type-reference", "HealthcareService/checkup", "1"),
        ("_count", "5", "0..1"),
        ("combinations", "5", "0..1"),
        ("occurrence-count", "2", "0..1"),
        ("ignore-appointment", "Appointment/i", "0..1"),
    ],
)
def test_a_repeated_single_parameter_is_refused(face: str, name: str, value: str, expected: str, count: int) -> None:
    resources = calendar(appointment("i", []))
    text = f"Expected {expected} value(s) for input parameter {name}, but {count} provided"
    assert refusal(ask(face, asking() | {name: [value] * count}, resources)) == (400, "invalid", text, None)


@pytest.mark.parametrize(
    ("name", "kind"), [("_count", "integer"), ("combinations", "positiveInt"), ("occurrence-count", "positiveInt")]
)
@pytest.mark.parametrize("written", ["abc", "x5", "-", "--2", ".5"])
def test_an_unreadable_number_in_a_query_is_refused(name: str, kind: str, written: str) -> None:
    text = f"Invalid value '{written}' provided for {kind} parameter '{name}'"
    assert refusal(get(asking() | {name: written})) == (400, "invalid", text, None)


@pytest.mark.parametrize(
    ("name", "kind"), [("_count", "integer"), ("combinations", "positiveInt"), ("occurrence-count", "positiveInt")]
)
def test_an_unreadable_number_in_a_body_is_refused(name: str, kind: str) -> None:
    text = f"Invalid value 'abc' provided for {kind} parameter '{name}'"
    assert refusal(ask("POST", asking() | {name: "abc"})) == (400, "invalid", text, None)


def test_a_body_that_is_not_a_parameters_resource_is_refused() -> None:
    answer = invoke(open_calendar(calendar()), "Appointment/$find", body={"resourceType": "Patient"})
    assert refusal(answer) == (400, "invalid", "Invalid request body", None)


# Rows 2 to 13: the request itself, the service and the ignored appointment


@both_faces
@pytest.mark.parametrize("reference", ["Practitioner/a", "schedule/a", "a", "http://example.org/Schedule/a"])
def test_row_2_a_schedule_must_be_a_schedule_reference(face: str, reference: str) -> None:
    expected = (400, "invalid", "Invalid schedule reference", [SCHEDULE])
    assert refusal(ask(face, asking(schedule=reference))) == expected


@both_faces
def test_row_2_names_the_schedule_by_its_place(face: str) -> None:
    query = asking(schedule=["Schedule/a", "Schedule/a,Slot/b"])
    expected = (400, "invalid", "Invalid schedule reference", ["Parameters.schedule[1].part[1]"])
    assert refusal(ask(face, query)) == expected


@both_faces
@pytest.mark.parametrize("reference", ["Slot/i", "i", "appointment/i", "Appointment?status=booked"])
def test_row_3_ignore_appointment_must_be_an_appointment_reference(face: str, reference: str) -> None:
    expected = (400, "invalid", "Invalid ignore-appointment reference", ["Parameters.ignore-appointment"])
    assert refusal(ask(face, asking(ignore_appointment=reference))) == expected


@both_faces
@pytest.mark.parametrize(
    ("name", "value", "text", "expression"),
    [
        ("_count", "0", "Invalid _count, minimum required is 1", None),
        ("_count", "1001", "Invalid _count, maximum allowed is 1000", None),
        ("combinations", "0", "Invalid combinations, minimum required is 1", None),
        ("combinations", "101", "Invalid combinations, maximum allowed is 100", None),
        *(
            (
                "occurrence-count",
                value,
                "Invalid occurrence-count, must be between 2 and 6",
                ["Parameters.occurrence-count"],
            )
            for value in ("0", "1", "7")
        ),
    ],
)
def test_rows_4_to_6_numbers_out_of_range_are_refused(
    face: str, name: str, value: str, text: str, expression: list[str] | None
) -> None:
    assert refusal(ask(face, asking() | {name: value})) == (400, "invalid", text, expression)


@both_faces
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_count", "1"),
        ("_count", "1000"),
        ("combinations", "1"),
        ("combinations", "100"),
        ("occurrence-count", "2"),
        ("occurrence-count", "6"),
    ],
)
def test_rows_4_to_6_the_limits_themselves_are_accepted(face: str, name: str, value: str) -> None:
    assert times(ask(face, asking() | {name: value}))[0] == "09:00"


@both_faces
def test_row_7_a_series_cannot_ignore_an_appointment(face: str) -> None:
    query = asking(occurrence_count="2", ignore_appointment="Appointment/i")
    text = "ignore-appointment cannot be combined with occurrence-count"
    answer = ask(face, query, calendar(appointment("i", [])))
    assert refusal(answer) == (400, "invalid", text, ["Parameters.ignore-appointment"])


@both_faces
@pytest.mark.parametrize(
    ("start", "end"),
    [
        (START, START),
        (END, START),
        ("2026-03-16T10:00:00+01:00", "2026-03-16T09:00:00Z"),
        ("2026-03-16", "2026-03-16"),
    ],
)
def test_row_8_start_must_be_before_end(face: str, start: str, end: str) -> None:
    expected = (400, "invalid", "Invalid search time range", None)
    assert refusal(ask(face, asking(start=start, end=end))) == expected


@both_faces
@pytest.mark.parametrize("name", ["start", "end"])
@pytest.mark.parametrize(
    "written",
    [
        "tomorrow",
        "2026-03-16T09:00:00",
        "2026",
        "2026-03",
        "2026-02-30",
        "2026-3-16",
        "2026-03-16T25:00:00Z",
        "2026-03-16T09Z",
        "09:00:00Z",
    ],
)
def test_row_8_an_unreadable_search_time_is_refused(face: str, name: str, written: str) -> None:
    expected = (400, "invalid", "Invalid search time range", None)
    assert refusal(ask(face, asking() | {name: written})) == expected


def test_row_8_a_blank_before_an_offset_is_unreadable_in_a_body() -> None:
    answer = post(as_parameters(asking(start="2026-03-16T10:00:00 01:00")))
    assert refusal(answer) == (400, "invalid", "Invalid search time range", None)


LONG = "Search range cannot exceed 31 days"
LONG_SERIES = "Search range cannot exceed 7 days"


@both_faces
@pytest.mark.parametrize(
    ("start", "end"),
    [
        # 31 x 24 h
        ("2026-03-16T09:00:00Z", "2026-04-16T09:00:00Z"),
        # 31 local days across a spring change in New York: 743 h
        ("2026-02-20T00:00:00-05:00", "2026-03-23T00:00:00-04:00"),
    ],
)
def test_row_9_744_hours_are_accepted(face: str, start: str, end: str) -> None:
    assert len(starts(ask(face, asking(start=start, end=end)))) == 20


@both_faces
@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-16T09:00:00Z", "2026-04-16T09:01:00Z"),
        ("2026-03-16T09:00:00Z", "2026-04-16T09:00:00.001Z"),
        # 31 local days across an autumn change in New York: 745 h
        ("2026-10-15T00:00:00-04:00", "2026-11-15T00:00:00-05:00"),
    ],
)
def test_row_9_more_than_744_hours_are_refused(face: str, start: str, end: str) -> None:
    assert refusal(ask(face, asking(start=start, end=end))) == (400, "invalid", LONG, None)


@both_faces
@pytest.mark.parametrize(
    ("end", "refused"),
    [
        ("2026-03-23T10:00:00Z", False),
        ("2026-03-23T10:00:00.001Z", True),
        ("2026-03-23T10:01:00Z", True),
    ],
)
def test_row_9_a_series_takes_169_hours_at_most(face: str, end: str, refused: bool) -> None:
    # 2026-03-16T09:00Z + 169 h = 2026-03-23T10:00Z
    answer = ask(face, asking(end=end, occurrence_count="2"))
    if refused:
        assert refusal(answer) == (400, "invalid", LONG_SERIES, None)
    else:
        assert len(starts(answer)) == 20


@both_faces
@pytest.mark.parametrize("reference", ["HealthcareService/none", "Practitioner/a", "checkup"])
def test_row_10_the_service_must_be_stored(face: str, reference: str) -> None:
    expected = (400, "invalid", "HealthcareService not found", None)
    assert refusal(ask(face, asking(service_type_reference=reference))) == expected


@both_faces
def test_row_11_the_ignored_appointment_must_exist(face: str) -> None:
    expected = (400, "invalid", "Appointment not found", ["Parameters.ignore-appointment"])
    assert refusal(ask(face, asking(ignore_appointment="Appointment/none"))) == expected


@both_faces
@pytest.mark.parametrize("reference", ["Schedule/none", "Schedule?actor=Practitioner/a"])
def test_row_12_a_schedule_must_be_readable(face: str, reference: str) -> None:
    query = asking(schedule=["Schedule/a", reference])
    assert refusal(ask(face, query)) == (400, "invalid", "Loading schedule failed", ["Parameters.schedule[1]"])


@both_faces
def test_row_13_an_inactive_service_is_refused(face: str) -> None:
    resources = [service(active=False), practitioner("a"), schedule("a")]
    assert refusal(ask(face, asking(), resources)) == (400, "invalid", "HealthcareService is inactive", [SERVICE])


def test_row_13_active_refuses_only_when_it_is_false() -> None:
    resources = [service(active=True), practitioner("a"), schedule("a", active=True)]
    assert times(get(asking(), resources)) == ["09:00", "09:30"]


# Row 14

INACTIVE = "Schedule is inactive"
ONE_ACTOR = "Scheduling only supported on schedules with exactly one actor"
TWO_ACTORS = [{"reference": "Practitioner/a"}, {"reference": "Practitioner/b"}]


@both_faces
def test_row_14_an_inactive_schedule_is_refused(face: str) -> None:
    resources = [service(), practitioner("a"), schedule("a", active=False)]
    assert refusal(ask(face, asking(), resources)) == (400, "invalid", INACTIVE, [SCHEDULE])


@pytest.mark.parametrize("actors", [[], TWO_ACTORS])
def test_row_14_a_schedule_has_exactly_one_actor(actors: list[Resource]) -> None:
    resources = [service(), practitioner("a"), practitioner("b"), {**schedule("a"), "actor": actors}]
    assert refusal(get(asking(), resources)) == (400, "invalid", ONE_ACTOR, [SCHEDULE])


def test_row_14_is_one_pass_over_the_schedules() -> None:
    resources = [service(), practitioner("a"), {**schedule("a"), "actor": TWO_ACTORS}, schedule("b", active=False)]
    assert refusal(get(asking(schedule=["Schedule/a", "Schedule/b"]), resources)) == (
        400,
        "invalid",
        ONE_ACTOR,
        [SCHEDULE],
    )
    assert refusal(get(asking(schedule=["Schedule/b", "Schedule/a"]), resources)) == (
        400,
        "invalid",
        INACTIVE,
        [SCHEDULE],
    )


def test_row_14_inactive_is_said_before_the_actors_of_the_same_schedule() -> None:
    resources = [service(), practitioner("a"), {**schedule("a", active=False), "actor": TWO_ACTORS}]
    assert refusal(get(asking(), resources)) == (400, "invalid", INACTIVE, [SCHEDULE])


# Row 15

NEGATIVE = "Got duration with negative value"


@pytest.mark.parametrize(
    ("params", "text", "place"),
    [
        (parameters(duration=30, bufferAfter=-5), NEGATIVE, 1),
        (parameters(duration=(1, "hours")), 'Got unhandled duration unit "hours"', 0),
        (parameters(duration=30, slotCapacity=0), "slotCapacity must be a positive integer", 1),
        (parameters(duration=30, timezone="Mars/Phobos"), "Invalid timezone 'Mars/Phobos'", 1),
    ],
)
def test_row_15_points_at_the_parameter_on_service_and_schedule(params: Resource, text: str, place: int) -> None:
    on_service = [service(params=params), practitioner("a"), schedule("a")]
    on_schedule = [service(), practitioner("a"), schedule("a", params)]
    path = f"extension[0].extension[{place}]"
    assert refusal(get(asking(), on_service)) == (400, "invalid", text, [f"{SERVICE}.{path}"])
    assert refusal(get(asking(), on_schedule)) == (400, "invalid", text, [f"{SCHEDULE}.{path}"])


def test_row_15_counts_the_stored_extensions() -> None:
    other = {"url": "http://example.org/other", "valueString": "kept"}
    bad = {**service(), "extension": [other, other, parameters(duration=30, bufferAfter=-5)]}
    expression = [f"{SERVICE}.extension[2].extension[1]"]
    assert refusal(get(asking(), [bad, practitioner("a"), schedule("a")])) == (400, "invalid", NEGATIVE, expression)


@pytest.mark.parametrize(
    ("layer", "expression"),
    [
        ([], [SERVICE, SCHEDULE]),
        ([parameters(service="xray", duration=30)], [SERVICE, SCHEDULE]),
        ([parameters(bufferAfter=5)], [SCHEDULE]),
        ([parameters(service="checkup", bufferAfter=5)], [SCHEDULE]),
    ],
)
def test_row_15_a_missing_duration(layer: list[Resource], expression: list[str]) -> None:
    resources = [service(params=parameters(alignmentInterval=30)), practitioner("a"), schedule("a", *layer)]
    text = "Scheduling parameter attribute 'duration' is missing"
    assert refusal(get(asking(), resources)) == (400, "invalid", text, expression)


@pytest.mark.parametrize(
    ("actors", "text"),
    [
        ([practitioner("a", None)], "No timezone specified"),
        ([], "No timezone specified and schedule.actor could not be read"),
    ],
)
def test_row_15_a_missing_timezone(actors: list[Resource], text: str) -> None:
    answer = get(asking(), [service(), *actors, schedule("a")])
    assert refusal(answer) == (400, "invalid", text, [f"{SCHEDULE}.actor[0]"])


def test_row_15_the_service_comes_before_the_schedules() -> None:
    resources = [
        service(params=parameters(duration=30, bufferBefore=-1)),
        practitioner("a"),
        schedule("a", parameters(bufferAfter=-1)),
    ]
    assert refusal(get(asking(), resources)) == (400, "invalid", NEGATIVE, [f"{SERVICE}.extension[0].extension[1]"])


def test_row_15_the_timezone_of_one_schedule_comes_before_the_parameters_of_the_next() -> None:
    resources = [service(), practitioner("a", None), schedule("a"), schedule("b", parameters(bufferAfter=-1))]
    answer = get(asking(schedule=["Schedule/a", "Schedule/b"]), resources)
    assert refusal(answer) == (400, "invalid", "No timezone specified", [f"{SCHEDULE}.actor[0]"])


def test_row_15_the_parameters_of_a_schedule_come_before_its_timezone() -> None:
    resources = [service(), practitioner("a", None), schedule("a", parameters(bufferAfter=-1))]
    assert refusal(get(asking(), resources)) == (400, "invalid", NEGATIVE, [f"{SCHEDULE}.extension[0].extension[0]"])


# Row 16

NOT_SCHEDULABLE = "Schedule is not schedulable for requested service type"
TOO_EARLY = "Search range ends before schedule planning horizon starts"
TOO_LATE = "Search range starts after schedule planning horizon ends"


@both_faces
def test_row_16_a_schedule_must_name_the_service(face: str) -> None:
    resources = [service(), practitioner("a"), schedule("a", services=("xray",))]
    assert refusal(ask(face, asking(), resources)) == (400, "invalid", NOT_SCHEDULABLE, [SCHEDULE])


@both_faces
@pytest.mark.parametrize(
    ("horizon", "text"),
    [
        (("2026-03-16T10:00:00.001Z", None), TOO_EARLY),
        ((None, "2026-03-16T08:59:59.999Z"), TOO_LATE),
    ],
)
def test_row_16_the_search_must_meet_the_planning_horizon(
    face: str, horizon: tuple[str | None, str | None], text: str
) -> None:
    resources = [service(), practitioner("a"), schedule("a", horizon=horizon)]
    assert refusal(ask(face, asking(), resources)) == (400, "invalid", text, [SCHEDULE])


def test_row_16_is_one_pass_over_the_schedules() -> None:
    resources = [
        service(),
        practitioner("a"),
        practitioner("b"),
        schedule("a", horizon=("2026-04-01", None)),
        schedule("b", services=()),
    ]
    query = asking(schedule=["Schedule/a", "Schedule/b"])
    assert refusal(get(query, resources)) == (400, "invalid", TOO_EARLY, [SCHEDULE])


def test_row_16_the_service_is_checked_before_the_horizon_of_the_same_schedule() -> None:
    resources = [service(), practitioner("a"), schedule("a", services=(), horizon=("2026-04-01", None))]
    assert refusal(get(asking(), resources)) == (400, "invalid", NOT_SCHEDULABLE, [SCHEDULE])


# Rows 17 and 18

A_AND_B: list[str] = ["Schedule/a", "Schedule/b"]
ZONES_DIFFER = "All schedules must share one timezone to find a recurring series"


@both_faces
@pytest.mark.parametrize("zone", ["Europe/Vienna", "etc/utc", "UTC"])
def test_row_17_the_schedules_of_a_series_share_one_timezone_as_written(face: str, zone: str) -> None:
    resources = calendar(practitioner("b", zone), schedule("b"))
    query = asking(schedule=A_AND_B, occurrence_count="2")
    assert refusal(ask(face, query, resources)) == (400, "invalid", ZONES_DIFFER, None)


def test_row_17_concerns_series_only() -> None:
    resources = calendar(practitioner("b", "Europe/Vienna"), schedule("b"))
    assert times(get(asking(schedule=A_AND_B), resources)) == ["09:00", "09:30"]


# The duration and the interval come from the service, the offset and the grid's zone are defaults.
@both_faces
@pytest.mark.parametrize(
    ("name", "value", "first"),
    [
        ("duration", 45, f"{SERVICE}.extension[0].extension[0]"),
        ("alignmentInterval", 15, f"{SERVICE}.extension[0].extension[1]"),
        ("alignmentOffset", 10, SERVICE),
        ("alignmentTimezone", "Europe/Vienna", SERVICE),
        ("alignmentTimezone", "etc/utc", SERVICE),
    ],
)
def test_row_18_the_visit_and_grid_of_all_schedules_match(face: str, name: str, value: Any, first: str) -> None:
    resources = calendar(practitioner("b"), schedule("b", parameters(**{name: value})))
    text = f"Scheduling parameters attribute '{name}' does not match"
    expression = [first, "Parameters.schedule[1].extension[0].extension[0]"]
    assert refusal(ask(face, asking(schedule=A_AND_B), resources)) == (400, "invalid", text, expression)


def test_row_18_points_at_the_service_where_the_differing_value_is_a_default() -> None:
    resources = [
        service(),
        practitioner("a"),
        practitioner("b"),
        schedule("a", parameters(bufferAfter=5, alignmentOffset=10)),
        schedule("b"),
    ]
    expression = [f"{SCHEDULE}.extension[0].extension[1]", SERVICE]
    text = "Scheduling parameters attribute 'alignmentOffset' does not match"
    assert refusal(get(asking(schedule=A_AND_B), resources)) == (400, "invalid", text, expression)


@pytest.mark.parametrize(
    ("on_b", "on_c", "name", "place"),
    [
        (parameters(alignmentInterval=15), parameters(duration=45), "duration", 2),
        (parameters(alignmentOffset=10), parameters(alignmentInterval=15), "alignmentInterval", 2),
        (parameters(alignmentTimezone="UTC"), parameters(alignmentOffset=10), "alignmentOffset", 2),
        (parameters(duration=45), parameters(duration=60), "duration", 1),
    ],
)
def test_row_18_compares_attribute_by_attribute_over_all_schedules(
    on_b: Resource, on_c: Resource, name: str, place: int
) -> None:
    resources = calendar(practitioner("b"), practitioner("c"), schedule("b", on_b), schedule("c", on_c))
    _, _, text, expression = refusal(get(asking(schedule=[*A_AND_B, "Schedule/c"]), resources))
    assert text == f"Scheduling parameters attribute '{name}' does not match"
    assert expression is not None and expression[1] == f"Parameters.schedule[{place}].extension[0].extension[0]"


@pytest.mark.parametrize(
    "params",
    [
        parameters(duration=(0.5, "h")),
        parameters(alignmentInterval=(0.5, "h")),
        parameters(alignmentOffset=0),
        parameters(alignmentTimezone="Etc/UTC"),
        parameters(timezone="Europe/Vienna"),
        parameters(bufferBefore=5, bufferAfter=10),
        parameters(slotCapacity=3),
        parameters(bookingLimit=(9, 1, "d")),
        parameters(availability=[]),
    ],
)
def test_row_18_equal_durations_and_all_other_attributes_match(params: Resource) -> None:
    resources = calendar(practitioner("b"), schedule("b", params, horizon=("2026-03-01", "2026-03-31")))
    status, _ = get(asking(schedule=A_AND_B), resources)
    assert status == 200


# Row 19


@both_faces
@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("yesterday", "2026-03-16T09:30:00Z"),
        ("2026-03-16T09:00:00", "2026-03-16T09:30:00Z"),
        ("2019-01-01T09:00:00Z", "2019-01-01"),
    ],
)
def test_row_19_a_slot_with_unreadable_times_is_refused_wherever_it_lies(face: str, start: str, end: str) -> None:
    answer = ask(face, asking(), calendar(slot("broken", "a", start, end)))
    assert refusal(answer) == (400, "invalid", "Slot/broken has invalid start or end time", None)


@both_faces
@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-16T09:20:00Z", "2026-03-16T09:10:00Z"),
        ("2026-03-16T09:20:00Z", "2026-03-16T08:00:00Z"),
        ("2026-03-16T12:00:00Z", "2026-03-16T09:20:00Z"),
    ],
)
def test_row_19_a_slot_with_its_end_before_its_start_is_refused_inside_the_window(
    face: str, start: str, end: str
) -> None:
    answer = ask(face, asking(), calendar(slot("broken", "a", start, end)))
    assert refusal(answer) == (400, "invalid", "Slot/broken has end time before start time", None)


def test_row_19_the_smallest_id_answers() -> None:
    resources = calendar(
        slot("s3", "a", "x", "y"),
        slot("s1", "a", "2026-03-16T09:20:00Z", "2026-03-16T09:10:00Z"),
        slot("s2", "a", "x", "y"),
    )
    assert refusal(get(asking(), resources)) == (400, "invalid", "Slot/s1 has end time before start time", None)


@pytest.mark.parametrize(
    "harmless",
    [
        slot("outside", "a", "2026-03-16T07:00:00Z", "2026-03-16T06:00:00Z"),
        slot("elsewhere", "b", "x", "y"),
        slot("error", "a", "x", "y", "entered-in-error"),
        slot("error", "a", "2026-03-16T09:20:00Z", "2026-03-16T09:10:00Z", "entered-in-error"),
    ],
)
def test_row_19_other_slots_are_no_error(harmless: Resource) -> None:
    resources = calendar(practitioner("b"), schedule("b"), harmless)
    assert times(get(asking(), resources)) == ["09:00", "09:30"]


# The order of the rows: a request with two faults is answered by the earlier row. The schedule of the later
# row stands before that of the earlier one, so the order of the schedules does not help.


@dataclass
class Request:
    query: Query = field(default_factory=asking)
    schedules: list[str] = field(default_factory=lambda: ["Schedule/a"])
    resources: list[Resource] = field(default_factory=calendar)

    def add(self, reference: str, *resources: Resource) -> str:
        """One more pool of one; its path."""
        self.schedules.append(reference)
        self.resources.extend(resources)
        return f"Parameters.schedule[{len(self.schedules) - 1}]"

    def ask(self, face: str) -> Answer:
        return ask(face, self.query | {"schedule": self.schedules}, self.resources)


Fault = Callable[[Request], Refusal]


def repeated_parameter(request: Request) -> Refusal:
    value = request.query.get("combinations", "1")
    assert isinstance(value, str)
    request.query["combinations"] = [value, value]
    return "Expected 0..1 value(s) for input parameter combinations, but 2 provided", None


def no_schedule_reference(request: Request) -> Refusal:
    return "Invalid schedule reference", [request.add("Practitioner/a")]


def no_appointment_reference(request: Request) -> Refusal:
    request.query["ignore-appointment"] = "Slot/i"
    return "Invalid ignore-appointment reference", ["Parameters.ignore-appointment"]


def count_too_small(request: Request) -> Refusal:
    request.query["_count"] = "0"
    return "Invalid _count, minimum required is 1", None


def combinations_too_small(request: Request) -> Refusal:
    request.query["combinations"] = "0"
    return "Invalid combinations, minimum required is 1", None


def series_too_long(request: Request) -> Refusal:
    request.query["occurrence-count"] = "7"
    return "Invalid occurrence-count, must be between 2 and 6", ["Parameters.occurrence-count"]


def series_ignoring_an_appointment(request: Request) -> Refusal:
    request.query["occurrence-count"] = "2"
    request.query.setdefault("ignore-appointment", "Appointment/i")
    request.resources.append(appointment("i", []))
    return "ignore-appointment cannot be combined with occurrence-count", ["Parameters.ignore-appointment"]


def backward_range(request: Request) -> Refusal:
    request.query["start"] = "2027-03-16T09:00:00Z"
    return "Invalid search time range", None


def long_range(request: Request) -> Refusal:
    request.query["end"] = "2026-04-17T09:00:00Z"
    return (LONG_SERIES if "occurrence-count" in request.query else LONG), None


def unknown_service(request: Request) -> Refusal:
    request.query["service-type-reference"] = "HealthcareService/none"
    return "HealthcareService not found", None


def unknown_appointment(request: Request) -> Refusal:
    request.query["ignore-appointment"] = "Appointment/none"
    return "Appointment not found", ["Parameters.ignore-appointment"]


def unknown_schedule(request: Request) -> Refusal:
    return "Loading schedule failed", [request.add("Schedule/none")]


def inactive_service(request: Request) -> Refusal:
    request.resources[0] = service(active=False)
    return "HealthcareService is inactive", [SERVICE]


def inactive_schedule(request: Request) -> Refusal:
    return INACTIVE, [request.add("Schedule/idle", practitioner("idle"), schedule("idle", active=False))]


def bad_parameters(request: Request) -> Refusal:
    path = request.add("Schedule/bad", practitioner("bad"), schedule("bad", parameters(bufferAfter=-5)))
    return NEGATIVE, [f"{path}.extension[0].extension[0]"]


def not_schedulable(request: Request) -> Refusal:
    return NOT_SCHEDULABLE, [request.add("Schedule/other", practitioner("other"), schedule("other", services=()))]


def other_timezone(request: Request) -> Refusal:
    request.query["occurrence-count"] = "2"
    request.add("Schedule/far", practitioner("far", "Asia/Tokyo"), schedule("far"))
    return ZONES_DIFFER, None


def other_offset(request: Request) -> Refusal:
    path = request.add("Schedule/off", practitioner("off"), schedule("off", parameters(alignmentOffset=10)))
    text = "Scheduling parameters attribute 'alignmentOffset' does not match"
    return text, [SERVICE, f"{path}.extension[0].extension[0]"]


def broken_slot(request: Request) -> Refusal:
    request.resources.append(slot("broken", "a", "yesterday", "today"))
    return "Slot/broken has invalid start or end time", None


FAULTS: list[Fault] = [
    repeated_parameter,
    no_schedule_reference,
    no_appointment_reference,
    count_too_small,
    combinations_too_small,
    series_too_long,
    series_ignoring_an_appointment,
    backward_range,
    long_range,
    unknown_service,
    unknown_appointment,
    unknown_schedule,
    inactive_service,
    inactive_schedule,
    bad_parameters,
    not_schedulable,
    other_timezone,
    other_offset,
    broken_slot,
]
# A series that ignores an unknown appointment is refused by row 7.
IMPOSSIBLE: set[tuple[Fault, Fault]] = {(unknown_appointment, other_timezone)}
PAIRS = [
    pytest.param(earlier, later, id=f"{FAULTS.index(earlier) + 1}-before-{FAULTS.index(later) + 1}")
    for earlier, later in combinations(FAULTS, 2)
    if (earlier, later) not in IMPOSSIBLE
]


@both_faces
@pytest.mark.parametrize("fault", FAULTS)
def test_each_row_answers_alone(face: str, fault: Fault) -> None:
    request = Request()
    text, expression = fault(request)
    assert refusal(request.ask(face)) == (400, "invalid", text, expression)


@both_faces
@pytest.mark.parametrize(("earlier", "later"), PAIRS)
def test_of_two_faults_the_earlier_row_answers(face: str, earlier: Fault, later: Fault) -> None:
    request = Request()
    later(request)
    text, expression = earlier(request)
    assert refusal(request.ask(face)) == (400, "invalid", text, expression)


@both_faces
def test_without_a_fault_the_request_is_answered(face: str) -> None:
    assert times(Request().ask(face)) == ["09:00", "09:30"]
