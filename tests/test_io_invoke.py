"""The one door: which operations there are, whose fault is whose, the clock, and very long requests."""

from __future__ import annotations

import json
import logging
import time
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import orjson
import pytest
from slotwright.io import Calendar, invoke, open_calendar
from support import Resource, appointment, practitioner, refusal, schedule, service, slot, times

FIND = "Appointment/$find"
QUERY: dict[str, str | list[str]] = {
    "start": "2026-03-16T09:00:00Z",
    "end": "2026-03-16T10:00:00Z",
    "service-type-reference": "HealthcareService/checkup",
    "schedule": "Schedule/a",
}
VALUES = {"start": "valueDateTime", "end": "valueDateTime"}
BODY: list[Resource] = [{"name": name, VALUES.get(name, "valueString"): value} for name, value in QUERY.items()]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def calendar(*more: Resource, now: datetime = NOON) -> Calendar:
    return open_calendar([service(), practitioner("a"), schedule("a"), *more], clock=lambda: now)


def parameters_of(*parameters: Any) -> Resource:
    return {"resourceType": "Parameters", "parameter": list(parameters)}


# Operations


@pytest.mark.parametrize(
    "operation",
    [
        "", "$find", "Appointment", "Appointment/", "Appointment/$", "Appointment/$nope", "Appointment/$find/",
        "Appointment/$find?start=x", "/Appointment/$find", "Appointment//$find", "appointment/$find", "Patient/$find",
        "Appointment/$FIND", "Appointment/$find ", "Appointment/$find\n", "Appointment/a/$find", "Appointment/a/$book",
        "Appointment/a/$hold", "Appointment/$confirm", "Appointment/$reschedule", "Appointment/a/b/$cancel",
        "Appointment/a b/$cancel", "Appointment/$cancel/$cancel", "http://example.org/Appointment/$find",
        "Appointment/\0", "x" * 10_000,
    ],
)  # fmt: skip
def test_an_unknown_operation_is_answered_with_those_there_are(operation: str) -> None:
    status, code, text, expression = refusal(invoke(calendar(), operation, query=QUERY))
    assert (status, code, expression) == (404, "not-supported", None)
    for known in ("$find", "$book", "$hold", "{id}/$confirm", "{id}/$reschedule", "/$cancel", "{id}/$cancel"):
        assert f"Appointment/{known.removeprefix('/')}" in text


@pytest.mark.parametrize("body", [None, {}, parameters_of(), {"resourceType": "Appointment"}, "nonsense"])
@pytest.mark.parametrize(
    "operation",
    [
        "Appointment/$book",
        "Appointment/$hold",
        "Appointment/booked/$confirm",
        "Appointment/booked/$cancel",
        "Appointment/booked/$reschedule",
        "Appointment/nobody/$cancel",
        "Appointment/$cancel",
    ],
)
def test_nothing_is_written_on_a_calendar(operation: str, body: Any) -> None:
    store = calendar(appointment("booked", []))
    before = json.dumps(store.read("Appointment/booked"))
    expected = (400, "not-supported", "Ledger is not writable", None)
    assert refusal(invoke(store, operation, body=body)) == expected
    assert json.dumps(store.read("Appointment/booked")) == before


# Query and body


def test_query_and_body_give_the_same_answer() -> None:
    by_query = invoke(calendar(), FIND, query=QUERY)
    assert times(by_query) == ["09:00", "09:30"]
    assert invoke(calendar(), FIND, body=parameters_of(*BODY)) == by_query


def test_query_and_body_together_are_refused() -> None:
    answer = invoke(calendar(), FIND, query=QUERY, body=parameters_of(*BODY))
    assert refusal(answer) == (400, "invalid", "Invalid request body", None)


NO_PARAMETERS: list[Any] = [
    {}, [], "", "x", 0, 5, 1.5, False, True, {"resourceType": "Appointment"}, {"parameter": []},
    {"resourceType": "Parameters", "parameter": 5}, {"resourceType": "Parameters", "parameter": [5]},
    {"resourceType": "Parameters", "parameter": [None]}, {"resourceType": "Parameters", "parameter": [[]]},
    {"resourceType": ["Parameters"]}, [parameters_of()], b"{}", object,
]  # fmt: skip


@pytest.mark.parametrize("body", NO_PARAMETERS, ids=repr)
def test_a_body_of_another_kind_is_invalid(body: Any) -> None:
    assert refusal(invoke(calendar(), FIND, body=body)) == (400, "invalid", "Invalid request body", None)


def test_a_request_is_not_changed() -> None:
    before = json.dumps([QUERY, BODY])
    invoke(calendar(), FIND, query=QUERY)
    invoke(calendar(), FIND, body=parameters_of(*BODY))
    assert json.dumps([QUERY, BODY]) == before


@pytest.mark.parametrize(
    "query",
    [
        {"_count": "\ud800"},
        {"combinations": "\udcff"},
        {"start": "\ud800"},
        {"schedule": "Schedule/\ud800"},
        {"service-type-reference": "HealthcareService/\ud800"},
        {"ignore-appointment": "Appointment/\ud800"},
    ],
    ids=ascii,
)
def test_an_answer_can_be_written_whatever_was_asked(query: dict[str, str | list[str]]) -> None:
    """Lone surrogates come from command lines whose bytes are no UTF-8."""
    status, outcome = invoke(calendar(), FIND, query={**QUERY, **query})
    assert status == 400 and orjson.dumps(outcome)


def test_an_unknown_operation_can_be_written_whatever_it_was() -> None:
    assert orjson.dumps(invoke(calendar(), "Appointment/$\ud800")[1])


@pytest.mark.parametrize("depth", [10, 500, 1000, 5000, 50_000])
def test_a_deep_value_is_an_unreadable_one(depth: int) -> None:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    status, code, text, _ = refusal(
        invoke(calendar(), FIND, body=parameters_of(*BODY, {"name": "_count", "valueInteger": value}))
    )
    assert (status, code) == (400, "invalid") and "_count" in text


# Whose fault


class Unknowing(tzinfo):
    """Names no offset: a datetime with it is naive (the datetime module's own definition)."""

    def utcoffset(self, dt: datetime | None) -> None:  # noqa: ARG002
        return None

    def tzname(self, dt: datetime | None) -> None:  # noqa: ARG002
        return None

    def dst(self, dt: datetime | None) -> None:  # noqa: ARG002
        return None


@pytest.mark.parametrize("now", [datetime(2026, 3, 1), datetime(2026, 3, 1, tzinfo=Unknowing())], ids=["bare", "odd"])
@pytest.mark.parametrize("operation", [FIND, "Appointment/$book", "Appointment/$nope"])
def test_a_naive_now_is_our_own_fault(now: datetime, operation: str) -> None:
    with pytest.raises(ValueError, match="aware"):
        invoke(calendar(), operation, query=QUERY, now=now)


def test_an_unknown_engine_is_our_own_fault() -> None:
    engine: Any = "abacus"
    with pytest.raises(ValueError, match="engine"):
        invoke(calendar(), FIND, query=QUERY, engine=engine)


def broken_clock() -> datetime:
    raise RuntimeError("secret: the clock is wound by Practitioner/a")


def test_an_unexpected_failure_tells_the_log_and_not_the_caller(caplog: pytest.LogCaptureFixture) -> None:
    broken = open_calendar([service(), practitioner("a"), schedule("a")], clock=broken_clock)
    with caplog.at_level(logging.ERROR, logger="slotwright"):
        status, outcome = invoke(broken, FIND, query=QUERY)
    issue = {"severity": "error", "code": "exception", "details": {"text": "Internal server error"}}
    assert (status, outcome) == (500, {"resourceType": "OperationOutcome", "issue": [issue]})
    (record,) = [one for one in caplog.records if one.name.startswith("slotwright")]
    assert FIND in record.getMessage()
    assert record.exc_info is not None and "secret" in str(record.exc_info[1])


def test_a_refusal_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="slotwright"):
        assert invoke(calendar(), FIND, query={})[0] == 400
        assert invoke(calendar(), "Appointment/$nope")[0] == 404
        assert invoke(calendar(), "Appointment/$book")[0] == 400
    assert [one for one in caplog.records if one.name.startswith("slotwright")] == []


def test_a_calendar_answers_on_after_a_failure() -> None:
    moments = iter([NOON])

    def clock() -> datetime:
        return next(moments, None) or broken_clock()

    store = open_calendar([service(), practitioner("a"), schedule("a")], clock=clock)
    first = invoke(store, FIND, query=QUERY)
    assert invoke(store, FIND, query=QUERY)[0] == 500
    assert invoke(store, FIND, query=QUERY, now=NOON) == first


# The clock


def held(now: datetime) -> Calendar:
    """Schedule a with a hold on 09:00 that lapses at noon of the first of March."""
    visit = slot("x", "a", "2026-03-16T09:00:00Z", "2026-03-16T09:30:00Z", "busy-tentative")
    hold = appointment("held", ["x"], status="pending", hold_expires="2026-03-01T12:00:00.000Z")
    return calendar(visit, hold, now=now)


@pytest.mark.parametrize(
    ("now", "offered"),
    [
        (NOON - timedelta(milliseconds=1), ["09:30"]),
        (NOON, ["09:00", "09:30"]),
        ((NOON - timedelta(milliseconds=1)).astimezone(timezone(timedelta(hours=14))), ["09:30"]),
        (NOON.astimezone(timezone(timedelta(hours=-14))), ["09:00", "09:30"]),
        (datetime.min.replace(tzinfo=UTC), ["09:30"]),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=14))), ["09:30"]),
        (datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))), ["09:00", "09:30"]),
    ],
    ids=str,
)
def test_the_clock_of_the_store_is_read_where_no_time_is_given(now: datetime, offered: list[str]) -> None:
    assert times(invoke(held(now), FIND, query=QUERY)) == offered
    assert times(invoke(held(NOON), FIND, query=QUERY, now=now)) == offered


def test_a_time_given_goes_before_the_clock() -> None:
    store = open_calendar([service(), practitioner("a"), schedule("a")], clock=broken_clock)
    assert times(invoke(store, FIND, query=QUERY, now=NOON)) == ["09:00", "09:30"]


def test_time_may_pass_and_return_between_two_calls() -> None:
    store = held(NOON)
    before = NOON - timedelta(days=1)
    for _ in range(2):
        assert times(invoke(store, FIND, query=QUERY, now=before)) == ["09:30"]
        assert times(invoke(store, FIND, query=QUERY, now=NOON)) == ["09:00", "09:30"]


# Very long requests

MANY = 40_000
SECONDS = 5


def timed(query: Any = None, body: Any = None) -> tuple[int, Resource]:
    store = calendar()
    started = time.process_time()
    answer = invoke(store, FIND, query=query, body=body)
    assert time.process_time() - started < SECONDS
    return answer


@pytest.mark.parametrize("members", [",".join(["Schedule/a"] * MANY), "Schedule/a" + "," * MANY], ids=["same", "empty"])
def test_many_repetitions_in_one_pool_are_one_schedule(members: str) -> None:
    expected = invoke(calendar(), FIND, query=QUERY)
    assert timed(query={**QUERY, "schedule": members}) == expected
    assert timed(body=parameters_of(*BODY[:3], {"name": "schedule", "valueString": members})) == expected


@pytest.mark.parametrize("value", [{"valueString": "Schedule/a"}, {"valueReference": {"reference": "Schedule/a"}}])
def test_many_repetitions_as_parts_are_one_schedule(value: Resource) -> None:
    parts = [{"name": "schedule", **value}] * MANY
    answer = timed(body=parameters_of(*BODY[:3], {"name": "schedule", "part": parts}))
    assert answer == invoke(calendar(), FIND, query=QUERY)


def test_many_pools_of_one_schedule_are_an_empty_answer() -> None:
    empty = (200, {"resourceType": "Bundle", "type": "searchset"})
    assert timed(query={**QUERY, "schedule": ["Schedule/a"] * MANY}) == empty
    assert timed(body=parameters_of(*BODY[:3], *[BODY[3]] * MANY)) == empty


def test_many_unknown_schedules_are_refused_at_the_first() -> None:
    members = [f"Schedule/{number}" for number in range(MANY)]
    status, _, text, expression = refusal(timed(query={**QUERY, "schedule": ",".join(members)}))
    assert (status, text, expression) == (400, "Loading schedule failed", ["Parameters.schedule[0].part[0]"])
    status, _, text, expression = refusal(timed(query={**QUERY, "schedule": members}))
    assert (status, text, expression) == (400, "Loading schedule failed", ["Parameters.schedule[0]"])


def test_many_unlisted_parameters_are_ignored() -> None:
    query = {**QUERY, **{f"x{number}": ["y"] * 5 for number in range(MANY)}}
    assert timed(query=query) == invoke(calendar(), FIND, query=QUERY)
    more: list[Resource] = [{"name": f"x{number}", "part": []} for number in range(MANY)]
    assert timed(body=parameters_of(*more, *BODY)) == invoke(calendar(), FIND, query=QUERY)


@pytest.mark.parametrize("name", ["start", "_count", "schedule", "service-type-reference", "ignore-appointment"])
def test_very_long_values_are_refused_soon(name: str) -> None:
    status, _ = timed(query={**QUERY, name: "9" * 1_000_000})
    assert status == 400


def test_many_pools_with_many_members_that_exclude_each_other() -> None:
    """One actor more than there are: empty, without trying combinations."""
    people = [f"p{number}" for number in range(30)]
    store = open_calendar([service(), *map(practitioner, people), *map(schedule, people)])
    pool = ",".join(f"Schedule/{one}" for one in people)
    started = time.process_time()
    assert times(invoke(store, FIND, query={**QUERY, "schedule": [pool] * 31})) == []
    assert time.process_time() - started < SECONDS
