"""Whatever stands in a file and whatever is asked: a calendar or one sentence, an answer or a refusal."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from slotwright.io import Calendar, LoadError, invoke, open_calendar
from support import (
    EVERY_DAY,
    PARAMETERS_URL,
    SERVICE_REFERENCE_URL,
    TIMEZONE_URL,
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

bounded = settings(
    max_examples=100,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
QUERY = {
    "start": "2026-03-16T08:00:00Z",
    "end": "2026-03-16T20:00:00Z",
    "service-type-reference": "HealthcareService/checkup",
    "schedule": "Schedule/a,Schedule/b",
    "combinations": "2",
}
NAMES = (
    "resourceType", "id", "meta", "extension", "url", "valueReference", "reference", "valueDuration", "value", "unit",
    "valueCode", "valueTiming", "repeat", "valuePeriod", "start", "end", "status", "schedule", "slot", "actor", "type",
    "serviceType", "coding", "system", "code", "availableTime", "daysOfWeek", "notAvailable", "during", "entry",
    "resource", "request", "method", "ifNoneExist", "fullUrl", "identifier", "planningHorizon", "participant", "name",
    "parameter", "part", "active", "contained", "valuePositiveInt", "valueInteger", "valueString", "valueDateTime",
)  # fmt: skip
WORDS = (
    "HealthcareService", "Schedule", "Slot", "Appointment", "Practitioner", "Bundle", "Parameters", "transaction", "a",
    "checkup", "Schedule/a", "Schedule/b", "Schedule?x", "HealthcareService/checkup", "Practitioner/a", "busy", "free",
    "booked", "pending", "POST", "DELETE", "urn:uuid:", "urn:uuid:caae036f-8872-4d5c-ac2b-bbb37df5f08e", "urn:oid:1.2",
    "http://example.org/Schedule/a", "identifier=a|b", "_id=a", "?", "#p", "/", "min", "wk", "h", "mo", "mon", "tue",
    "2026-03-16T09:00:00Z", "2026-03-16", "2026", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
    "9999-12-31", "2026-03-16T25:00:00Z", "09:00:00", "24:00:00", "Etc/UTC", "Europe/Vienna", "../../etc/passwd",
    "availability", "availableTime", "notAvailableTime", "duration", "bufferBefore", "slotCapacity", "bookingLimit",
    "timezone", "service", "during", "allDay", "start", "end", "schedule", "_count", "combinations",
    "occurrence-count", "ignore-appointment", "service-type-reference", "Appointment/booked", "-1", "0", "5", "1e9",
    PARAMETERS_URL, SERVICE_REFERENCE_URL, TIMEZONE_URL, "\0", "\n", "é", "\U0001f489", "", " ", "x" * 5000,
)  # fmt: skip
NUMBERS = (0, 1, -1, 30, 1.5, -0.0, 1e-300, 1e300, -1e300, 2**31, 2**63 - 1, 2**63, 2**64 - 1, -(2**63), 10**9, 0.1)

texts = st.one_of(st.sampled_from(WORDS), st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    texts,
    st.sampled_from(NUMBERS),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
)
keys = st.one_of(st.sampled_from(NAMES), texts)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=5)),
    max_leaves=12,
)
kinds = st.sampled_from(["HealthcareService", "Schedule", "Slot", "Appointment", "Practitioner", "Bundle", "Patient"])


def clinic() -> list[Resource]:
    """Something of everything that is read."""
    rules = parameters(
        duration=30, bufferBefore=5, bufferAfter=(0.25, "h"), alignmentInterval=15, alignmentOffset=5,
        alignmentTimezone="Europe/Vienna", slotCapacity=2, bookingLimit=(5, 1, "wk"), holdDuration=10,
    )  # fmt: skip
    own = parameters(service="checkup", timezone="America/New_York", bufferAfter=10)
    open_daily = parameters(availability=[hours(EVERY_DAY, "08:00:00", "18:00:00"), closed("2026-03-17", "2026-03-18")])
    during = {"start": "2026-03-16T12:00:00Z", "end": "2026-03-16T13:00:00Z"}
    return [
        service(
            params=rules,
            name="Check-up",
            type=[{"coding": [{"system": "http://example.org", "code": "checkup"}], "text": "Check-up"}],
            availableTime=[
                {"daysOfWeek": ["mon", "tue"], "availableStartTime": "08:00:00", "availableEndTime": "16:00:00"},
                {"daysOfWeek": ["sun"], "allDay": True},
            ],
            notAvailable=[{"description": "lunch", "during": during}],
        ),
        practitioner("a", "Europe/Vienna"),
        practitioner("b"),
        schedule("a", own, horizon=("2026", "2026-12-31")),
        schedule("b", open_daily, horizon=(None, "2027-01-01T00:00:00Z")),
        slot("one", "a", "2026-03-16T09:00:00Z", "2026-03-16T09:30:00Z", capacity=2),
        slot("two", "a", "2026-03-16T10:00:00Z", "2026-03-16T10:30:00Z", "busy-tentative"),
        slot("three", "b", "2026-03-16T19:00:00Z", "2026-03-16T20:00:00Z", "free"),
        slot("four", "b", "2026-03-16T11:00:00Z", "2026-03-16T12:00:00Z", serviceType=[{"coding": [{"code": "x"}]}]),
        appointment("booked", ["one"]),
        appointment("held", ["two"], status="pending", hold_expires="2026-03-01T00:00:00Z"),
    ]


def loaded(*sources: Any) -> Calendar | None:
    """The calendar, or None if one clear sentence refuses it. Anything else fails."""
    try:
        return open_calendar(sources)
    except LoadError as error:
        text = str(error)
    assert text.strip() and "\n" not in text and text.endswith(".") and "Traceback" not in text
    return None


def judged(status: int, resource: Resource) -> None:
    """What every answer is, whatever was asked of whatever is stored."""
    kind = {200: "Bundle", 400: "OperationOutcome", 404: "OperationOutcome"}[status]
    assert resource["resourceType"] == kind
    assert orjson.dumps(resource)
    if kind == "Bundle":
        found = [one["resource"]["start"] for one in resource.get("entry", [])]
        assert found == sorted(found)
    else:
        (issue,) = resource["issue"]
        assert issue["severity"] == "error" and issue["details"]["text"]


def asked(calendar: Calendar | None) -> None:
    if calendar is not None:
        for schedules in ("Schedule/a", "Schedule/a,Schedule/b"):
            query = {**QUERY, "schedule": schedules}
            judged(*invoke(calendar, "Appointment/$find", query=query, now=NOW))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


# Files


@bounded
@given(values)
@example({"resourceType": "Slot", "status": [], "schedule": {"reference": "Schedule/a"}})
@example({"resourceType": "Slot", "id": "x", "status": "busy", "schedule": {"display": "Dr. A"}})
@example({"resourceType": "Patient", "id": None})
@example({"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient"}, "fullUrl": "urn:uuid:"}]})
@example({"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient"}, "fullUrl": ["urn:uuid:a"]}]})
def test_any_json_is_loaded_or_refused(folder: Path, value: Any) -> None:
    path = folder / "value.json"
    path.write_bytes(orjson.dumps(value))
    asked(loaded(path))
    if isinstance(value, dict):
        asked(loaded(value, *clinic()))


@bounded
@given(kinds, st.dictionaries(keys, values, max_size=8))
def test_any_resource_is_loaded_or_refused(kind: str, elements: Resource) -> None:
    asked(loaded({"id": "x", **elements, "resourceType": kind}, *clinic()[:5]))


@bounded
@given(st.lists(st.dictionaries(st.sampled_from(["resource", "fullUrl", "request", "search"]), values), max_size=4))
def test_any_bundle_is_loaded_or_refused(entries: list[Resource]) -> None:
    asked(loaded({"resourceType": "Bundle", "type": "transaction", "entry": entries}, *clinic()))


@bounded
@given(st.sampled_from(["a.json", "a.ndjson", "a.json.gz"]), st.binary(max_size=60))
@example("a.json", b"\xef\xbb\xbf\xef\xbb\xbf{}")
@example("a.json", b"\xff\xfe{\x00}\x00")
@example("a.json", b'{"a": "\xed\xa0\x80"}')
@example("a.json", b"\x1f\x8b\x08")
@example("a.ndjson", b"\r\r\n\n")
@example("a.ndjson", b"{}\x00\n{}")
@example("a.json", b"[" * 5000)
@example("a.json", b'{"a":' * 5000)
@example("a.json", b"-" * 5000)
@example("a.json", b"9" * 5000)
@example("a.json", b"1e" + b"9" * 5000)
@example("a.json", b'{"resourceType": "Patient", "id": "a", "id": "b", "id": 5}')
@example("a.json", b'{"resourceType": "Patient", "resourceType": null}')
def test_any_bytes_are_loaded_or_refused(folder: Path, name: str, content: bytes) -> None:
    path = folder / name
    path.write_bytes(content)
    asked(loaded(path))


LINES = [orjson.dumps(one) for one in clinic()]
OTHER_BYTES = st.sampled_from(
    [b"\xff", b"\x00", b"\n", b"\r\n", b'"', b"{", b"}", b"[", b",", b"\\ud800", b"NaN", b"\xef\xbb\xbf", b"9" * 400]
)


@bounded
@given(
    st.sampled_from(["a.json", "a.ndjson"]),
    st.sampled_from([b"\n", b"\r\n", b"\n\n", b"\r\n \t\r\n"]),
    st.lists(st.tuples(st.integers(0, sum(map(len, LINES))), st.integers(0, 12), OTHER_BYTES), max_size=3),
    st.booleans(),
)
def test_damaged_files_are_loaded_or_refused(
    folder: Path, name: str, end: bytes, damages: list[tuple[int, int, bytes]], compressed: bool
) -> None:
    content = end.join(LINES)
    for place, length, replacement in damages:
        content = content[:place] + replacement + content[place + length :]
    path = folder / name
    path.write_bytes(gzip.compress(content) if compressed else content)
    calendar = loaded(path)
    assert damages or calendar is not None
    asked(calendar)


@bounded
@given(st.integers(0, 400), st.integers(0, 255))
def test_damaged_gzip_is_loaded_or_refused(folder: Path, place: int, byte: int) -> None:
    content = bytearray(gzip.compress(b"\n".join(LINES), mtime=0))
    content[place % len(content)] = byte
    path = folder / "a.ndjson.gz"
    path.write_bytes(content)
    asked(loaded(path))


# Mutations of what is right


def spots(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container and key or index in some JSON."""
    all_keys: list[Any] = [*value] if isinstance(value, dict) else [*range(len(value))]
    for key in all_keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from spots(value[key])


SPOTS = len(list(spots(clinic())))
DROP = object()


@settings(bounded, max_examples=250)
@given(st.lists(st.tuples(st.integers(0, SPOTS - 1), st.one_of(st.just(DROP), values)), min_size=1, max_size=2))
def test_mutated_resources_are_loaded_or_refused(changes: list[tuple[int, Any]]) -> None:
    resources = clinic()
    for place, value in changes:
        found = list(spots(resources))
        container, key = found[place % len(found)]
        if value is DROP:
            del container[key]
        else:
            container[key] = copy.deepcopy(value)
    asked(loaded({"resourceType": "Bundle", "entry": [{"resource": one} for one in resources]}))


@bounded
@given(st.integers(0, SPOTS - 1), st.integers(0, SPOTS - 1))
def test_a_part_in_the_place_of_another_is_loaded_or_refused(first: int, second: int) -> None:
    resources = clinic()
    found = list(spots(resources))
    (container, key), (other, other_key) = found[first], found[second]
    container[key] = copy.deepcopy(other[other_key])
    asked(loaded({"resourceType": "Bundle", "entry": [{"resource": one} for one in resources]}))


ANSWER = invoke(open_calendar(clinic()), "Appointment/$find", query=QUERY, now=NOW)


def test_the_resources_that_are_mutated_give_an_answer() -> None:
    assert len(ANSWER[1]["entry"]) == 20


@bounded
@given(st.lists(st.tuples(st.integers(0, SPOTS - 1), values), min_size=1, max_size=5))
def test_vendor_elements_change_no_answer(additions: list[tuple[int, Any]]) -> None:
    """Kept and ignored wherever they stand: only what a proposal copies, the types and the actor, may show them."""
    resources = clinic()
    containers: list[Resource] = [value for value, _ in spots(resources) if isinstance(value, dict)]
    for place, value in additions:
        containers[place % len(containers)]["_vendor"] = copy.deepcopy(value)
    calendar = loaded(*resources)
    if calendar is not None:
        status, bundle = invoke(calendar, "Appointment/$find", query=QUERY, now=NOW)
        assert status == 200
        times = [(one["resource"]["start"], one["resource"]["contained"]) for one in bundle["entry"]]
        assert times == [(one["resource"]["start"], one["resource"]["contained"]) for one in ANSWER[1]["entry"]]


# Requests

CALENDAR = open_calendar(clinic())
NAMED = (*QUERY, "_count", "occurrence-count", "ignore-appointment", "unlisted")
questions = st.one_of(
    texts, st.text(max_size=6), st.just("\ud800"), st.sampled_from(["2026-03-16T09:00:00 01:00", "3"])
)


@settings(bounded, max_examples=200)
@given(
    st.dictionaries(st.sampled_from(NAMED), st.one_of(questions, st.lists(questions, max_size=4)), max_size=4),
    st.booleans(),
)
def test_any_query_is_answered(query: dict[str, str | list[str]], alone: bool) -> None:
    judged(*invoke(CALENDAR, "Appointment/$find", query=query if alone else {**QUERY, **query}, now=NOW))


BODY: list[Resource] = [{"name": name, "valueString": value} for name, value in QUERY.items() if name != "combinations"]
VALUES = ("valueString", "valueDateTime", "valueInteger", "valuePositiveInt", "valueReference", "valueUri", "part")
named_parameters = st.dictionaries(st.sampled_from(VALUES), values, max_size=2).flatmap(
    lambda one: st.sampled_from(NAMED).map(lambda name: {"name": name, **one})
)


@settings(bounded, max_examples=200)
@given(st.lists(st.one_of(named_parameters, values), max_size=3), st.sets(st.sampled_from(NAMED)))
def test_any_body_is_answered(more: list[Any], without: set[str]) -> None:
    kept = [one for one in BODY if one["name"] not in without]
    body = {"resourceType": "Parameters", "parameter": [*more, *kept]}
    judged(*invoke(CALENDAR, "Appointment/$find", body=body, now=NOW))


@bounded
@given(values, st.sampled_from(["$find", "$book", "$hold", "$cancel", "booked/$confirm", "x/$reschedule", "$nope"]))
def test_any_value_as_body_is_answered(body: Any, operation: str) -> None:
    judged(*invoke(CALENDAR, f"Appointment/{operation}", body=body, query={} if body is None else None, now=NOW))


@bounded
@given(st.text(max_size=20))
def test_any_text_as_operation_is_answered(operation: str) -> None:
    judged(*invoke(CALENDAR, operation, query=QUERY, now=NOW))
    judged(*invoke(CALENDAR, f"Appointment/{operation}", query=QUERY, now=NOW))


def test_the_calendar_still_answers_as_before() -> None:
    assert invoke(CALENDAR, "Appointment/$find", query=QUERY, now=NOW) == ANSWER
    assert json.loads(orjson.dumps(ANSWER[1])) == ANSWER[1]
