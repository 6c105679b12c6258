"""Random calendars, exported and opened again: the same resources, and the same answers.

SLOTWRIGHT_EXAMPLES sets how many there are.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slotwright.io import Calendar, LoadError, invoke, open_calendar
from slotwright.io.tables import export_ndjson, export_tables
from strategies import Problem, problems
from support import (
    EVERY_DAY,
    Resource,
    all_day,
    appointment,
    closed,
    hours,
    parameters,
    practitioner,
    schedule,
    service,
    slot,
)

EXAMPLES = int(os.environ.get("SLOTWRIGHT_EXAMPLES", "100"))
bounded = settings(
    max_examples=max(1, EXAMPLES // 2),
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


def content(calendar: Calendar) -> dict[str, bytes]:
    """Every resource by reference, to the type of each number."""
    return {
        f"{kind}/{one['id']}": orjson.dumps(one, option=orjson.OPT_SORT_KEYS)
        for kind in calendar.kinds()
        for one in calendar.resources(kind)
    }


def dangling(calendar: Calendar) -> set[str]:
    """The references that lead nowhere; a warning names the first of those who refer, in the order of reading."""
    return {text.partition(" to ")[2] for text in calendar.warnings}


def again(calendar: Calendar, folder: Path) -> Iterator[Calendar]:
    """The calendar after each kind of export."""
    export_tables(calendar, folder / "tables", replace=True)
    yield open_calendar(folder / "tables")
    export_ndjson(calendar, folder / "all.ndjson.gz", replace=True)
    yield open_calendar(folder / "all.ndjson.gz")


def question(problem: Problem) -> dict[str, str | list[str]]:
    query: dict[str, str | list[str]] = {
        "start": problem.start,
        "end": problem.end,
        "service-type-reference": f"HealthcareService/{problem.service}",
        "schedule": [",".join(f"Schedule/{name}" for name in pool) for pool in problem.pools],
        "_count": str(problem.count),
        "combinations": str(problem.combinations),
    }
    if problem.occurrences is not None:
        query["occurrence-count"] = str(problem.occurrences)
    if problem.ignore is not None:
        query["ignore-appointment"] = f"Appointment/{problem.ignore}"
    return query


@bounded
@given(problems())
def test_the_same_resources_and_the_same_answers(folder: Path, problem: Problem) -> None:
    calendar = open_calendar(problem.resources)
    answer = invoke(calendar, "Appointment/$find", query=question(problem), now=problem.now)
    for copied in again(calendar, folder):
        assert content(copied) == content(calendar)
        assert dangling(copied) == dangling(calendar)
        assert invoke(copied, "Appointment/$find", query=question(problem), now=problem.now) == answer


# Elements that nobody expects

NAMES = (
    "id", "meta", "versionId", "lastUpdated", "extension", "url", "valuePositiveInt", "reference", "display", "actor",
    "start", "end", "status", "schedule", "serviceType", "coding", "comment", "active", "identifier", "system",
    "value", "slot", "participant", "planningHorizon", "text", "duration", "x",
)  # fmt: skip
WORDS = (
    "a", "Schedule/a", "Schedule/a/_history/2", "https://example.org/Schedule/a", "HealthcareService/checkup", "1",
    "01", "999999999", "1000000000", "2026-03-16T09:00:00.000Z", "2026-03-16T09:00:00Z", "2026-03-16T09:00:00.0005Z",
    "2026-03-16T10:00:00.000+01:00", "2026-03-16", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999-14:00",
    "9999-12-31T23:59:59.999Z", "busy", "free", "pending", "min", "", "\0", "\n", "é", "\U0001f489", "null",
)  # fmt: skip
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(WORDS),
    st.sampled_from((0, 1, 1.0, -1, 2, 2**31 - 1, 2**31, 2**63, 2**64 - 1, 1e300, -0.0, 0.1)),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)),
    max_leaves=6,
)


def clinic() -> list[Resource]:
    stamped = {"versionId": "3", "lastUpdated": "2026-03-01T08:00:00.000Z"}
    rules = parameters(
        duration=30, bufferBefore=5, alignmentOffset=70, slotCapacity=2, holdDuration=10, bookingLimit=(5, 1, "wk")
    )
    own = parameters(
        service="checkup",
        availability=[hours(EVERY_DAY, "08:00:00", "18:00:00"), all_day(["sun"]), closed("2026-03-17", "2026-03-18")],
    )
    return [
        service(params=rules, name="Check-up", type=[{"coding": [{"system": "urn:x", "code": "checkup"}]}]),
        practitioner("a", "Europe/Vienna"),
        schedule("a", own, horizon=("2026", None), active=True),
        slot("plain", "a", "2026-03-16T09:00:00.000Z", "2026-03-16T09:30:00.000Z"),
        slot("stamped", "a", "2026-03-16T10:00:00.000Z", "2026-03-16T10:30:00.000Z", capacity=2, meta=stamped),
        slot("typed", "a", "2026-03-16T11:00:00.000Z", "2026-03-16T12:00:00.000Z", serviceType=[{"text": "x"}]),
        slot("noted", "a", "2026-03-16T12:00:00.000Z", "2026-03-16T12:10:00.000Z", comment="lunch"),
        appointment("booked", ["plain"], meta=stamped, identifier=[{"system": "urn:x", "value": "1"}]),
        appointment("held", ["stamped"], status="pending", hold_expires="2026-03-01T00:00:00Z"),
    ]


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every object and list in some JSON with each of its keys, and one new key for each object."""
    if isinstance(value, dict):
        element: Resource = value  # type: ignore[reportUnknownVariableType]
        for key, inside in list(element.items()):
            yield element, key
            yield from places(inside)
        yield element, None
    elif isinstance(value, list):
        several: list[Any] = value  # type: ignore[reportUnknownVariableType]
        for index, inside in enumerate(several):
            yield several, index
            yield from places(inside)


PLACES = sum(1 for one in clinic() for _ in places(one))


@settings(bounded, max_examples=2 * EXAMPLES)
@given(st.lists(st.tuples(st.integers(0, PLACES - 1), st.sampled_from(NAMES), values), min_size=1, max_size=3))
def test_whatever_can_be_loaded_comes_back(folder: Path, changes: list[tuple[int, str, Any]]) -> None:
    resources = clinic()
    found = [place for one in resources for place in places(one)]
    for number, name, value in changes:
        container, key = found[number]
        container[name if key is None else key] = copy.deepcopy(value)
    try:
        calendar = open_calendar(resources)
    except LoadError:
        return
    for copied in again(calendar, folder):
        assert content(copied) == content(calendar)
        assert dangling(copied) == dangling(calendar)
