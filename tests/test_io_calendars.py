"""Calendars: what is loaded twice, what is missing, and that the order of files and resources decides nothing."""

from __future__ import annotations

import gc
import json
import random
import time
import warnings
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from slotwright.io import Calendar, LoadError, LoadWarning, invoke, open_calendar
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
    times,
)

DAY = "2026-03-16"  # a Monday
URN = "urn:uuid:caae036f-8872-4d5c-ac2b-bbb37df5f08e"
NAMELESS: list[Resource] = [
    {"resourceType": "Practitioner", "name": [{"family": "Martinez"}]},
    {"resourceType": "Practitioner", "name": [{"family": "Martinez"}]},
    {"resourceType": "Practitioner", "name": [{"family": "Chen"}]},
    {"resourceType": "Location"},
]


def answer(calendar: Calendar, *pools: str) -> tuple[int, Resource]:
    query = {
        "start": f"{DAY}T00:00:00Z",
        "end": f"{DAY}T23:59:00Z",
        "service-type-reference": "HealthcareService/checkup",
        "schedule": list(pools) or ["Schedule/a"],
        "_count": "1000",
    }
    return invoke(calendar, "Appointment/$find", query=query, now=datetime(2026, 3, 1, tzinfo=UTC))


def busy(id: str, start: str, end: str, schedule: str = "a", **elements: Any) -> Resource:
    return slot(id, schedule, f"{DAY}T{start}:00Z", f"{DAY}T{end}:00Z", **elements)


def clinic() -> list[Resource]:
    """Two schedules with hours, a closure, Slots of all kinds, a hold that lapsed and a full booking limit."""
    limited = parameters(bookingLimit=(2, 1, "d"), availability=[hours("mon tue", "08:00:00", "16:00:00")])
    closing = parameters(
        availability=[hours("mon", "08:00:00", "18:00:00"), closed(f"{DAY}T12:00:00Z", f"{DAY}T13:00Z")]
    )
    return [
        service(),
        practitioner("a"),
        practitioner("b", "Europe/Vienna"),
        schedule("a", limited),
        schedule("b", closing),
        busy("one", "09:00", "09:30"),
        busy("two", "10:00", "10:30", status="busy-tentative"),
        busy("three", "09:00", "09:30", "b"),
        busy("four", "20:00", "21:00", "b", status="free"),
        busy("five", "10:00", "11:00", "b", status="busy-unavailable"),
        appointment("booked", ["three"]),
        appointment("held", ["two"], status="pending", hold_expires="2026-02-01T00:00:00Z"),
    ]


def everything(calendar: Calendar) -> dict[str, Resource]:
    kinds = ("HealthcareService", "Practitioner", "Schedule", "Slot", "Appointment", "Location")
    return {f"{kind}/{one['id']}": one for kind in kinds for one in calendar.resources(kind)}


def refused(sources: Iterable[Any]) -> str:
    """The one sentence or two with which the sources are refused."""
    with pytest.raises(LoadError) as caught:
        open_calendar(sources)
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text
    return text


# Order


def shuffled(resources: Sequence[Resource], seed: int) -> list[Resource]:
    copy = list(resources)
    random.Random(seed).shuffle(copy)
    return copy


@pytest.mark.parametrize("seed", range(10))
def test_the_order_of_resources_does_not_matter(seed: int) -> None:
    pools = ("Schedule/a,Schedule/b",)
    expected = answer(open_calendar(clinic()), *pools)
    assert expected[1]["entry"]
    assert answer(open_calendar(shuffled(clinic(), seed)), *pools) == expected


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_files_does_not_matter(tmp_path: Path, seed: int) -> None:
    paths: list[Path] = []
    for number, resource in enumerate(clinic()):
        paths.append(tmp_path / f"{number}.json")
        paths[-1].write_text(json.dumps(resource))
    expected = answer(open_calendar([tmp_path]))
    random.Random(seed).shuffle(paths)
    assert answer(open_calendar(paths)) == expected
    assert answer(open_calendar(shuffled(clinic(), seed))) == expected


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_entries_does_not_matter(seed: int) -> None:
    entries: list[Resource] = [
        {"fullUrl": URN, "resource": {"resourceType": "Practitioner", "extension": practitioner("x")["extension"]}},
        {"resource": schedule("a", actor=URN)},
        {"resource": service()},
        {"resource": busy("one", "09:00", "09:30")},
    ]
    bundle: Resource = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    expected = answer(open_calendar([bundle]))
    assert "09:00" not in times(expected) and "09:30" in times(expected)
    assert answer(open_calendar([{**bundle, "entry": shuffled(entries, seed)}])) == expected


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_nameless_resources_gives_the_same_set(seed: int) -> None:
    expected = everything(open_calendar(NAMELESS))
    assert everything(open_calendar(shuffled(NAMELESS, seed))) == expected
    assert len(expected) == 4


def test_the_order_of_elements_does_not_change_an_id() -> None:
    first = open_calendar([{"resourceType": "Practitioner", "active": True, "gender": "other"}])
    second = open_calendar([{"gender": "other", "active": True, "resourceType": "Practitioner"}])
    assert everything(first) == everything(second)


# Twice


def test_loading_twice_gives_the_same_ids() -> None:
    assert everything(open_calendar(NAMELESS)) == everything(open_calendar(NAMELESS))


def test_equal_resources_without_an_id_are_several() -> None:
    assert len(list(open_calendar(NAMELESS[:2]).resources("Practitioner"))) == 2


def test_equal_resources_with_one_id_are_one() -> None:
    calendar = open_calendar([*clinic(), *reversed(clinic())])
    assert everything(calendar) == everything(open_calendar(clinic()))
    assert answer(calendar) == answer(open_calendar(clinic()))


def test_equal_resources_may_be_written_differently(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"resourceType": "Practitioner", "id": "a", "active": true}')
    (tmp_path / "b.json").write_text('{"active":true,\n"id":"\\u0061","resourceType":"Practitioner"}')
    assert list(everything(open_calendar([tmp_path]))) == ["Practitioner/a"]


def test_one_id_of_two_types_is_two_resources() -> None:
    calendar = open_calendar([practitioner("a"), practitioner("a", kind="Location")])
    assert list(everything(calendar)) == ["Practitioner/a", "Location/a"]


@pytest.mark.parametrize("change", [{"active": False}, {"meta": {"versionId": "2"}}, {"vendor": []}])
def test_one_id_with_different_content_names_both_places(tmp_path: Path, change: Resource) -> None:
    (tmp_path / "a.json").write_text(json.dumps(practitioner("x")))
    lines = [practitioner("y"), {**practitioner("x"), **change}]
    (tmp_path / "b.ndjson").write_text("\n".join(json.dumps(one) for one in lines))
    text = refused([tmp_path])
    assert "Practitioner/x" in text and "a.json" in text and "b.ndjson, line 2" in text


def test_different_content_in_bundles_and_dicts_names_both_places() -> None:
    bundle = {"resourceType": "Bundle", "entry": [{"resource": practitioner("x")}]}
    text = refused([practitioner("x", "Asia/Tokyo"), bundle])
    assert "resource 0" in text and "resource 1, entry 0" in text


# Missing


def test_one_warning_for_each_missing_resource() -> None:
    sources = [schedule("a"), schedule("b", actor="Practitioner/a"), schedule("c", actor="Location/x")]
    with pytest.warns(LoadWarning) as caught:
        calendar = open_calendar(sources)
    texts = [str(one.message) for one in caught]
    assert texts == list(calendar.warnings) and len(texts) == 3
    first, services, location = texts
    assert "Practitioner/a" in first and "Schedule/a" in first
    assert "HealthcareService/checkup" in services
    assert "Location/x" in location and "Schedule/c" in location
    assert all(text.endswith(".") and "\n" not in text for text in texts)


def test_warnings_are_raised_where_the_calendar_is_opened() -> None:
    with pytest.warns(LoadWarning) as caught:
        open_calendar([schedule("a", services=())])
    assert [Path(one.filename).name for one in caught] == [Path(__file__).name]


@pytest.mark.parametrize(
    "reference",
    [
        "#contained",
        "http://example.org/fhir/Practitioner/x",
        "Practitioner/a/_history/3",
        "Practitioner/a",
        "mailto:dr@example.org",
        "Practitioner?identifier=dr-a",
    ],
)
def test_references_that_are_there_or_lead_elsewhere_are_no_warning(reference: str) -> None:
    resources = [service(), practitioner("a"), schedule("a", actor=reference)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_calendar(resources).warnings == ()


@pytest.mark.parametrize(
    "resource",
    [
        slot("x", "a", "2026-03-16T09:00:00Z", "2026-03-16T10:00:00Z"),
        slot("x", "a", "2026-03-16T09:00:00Z", "2026-03-16T10:00:00Z", comment="more", serviceType=[]),
        {**practitioner("p"), "meta": {"author": {"reference": "Schedule/a"}}},
        {**practitioner("p"), "contained": [{"resourceType": "Slot", "schedule": {"reference": "Schedule/a"}}]},
    ],
    ids=["slot", "long slot", "vendor element", "contained"],
)
def test_missing_references_are_found_anywhere(resource: Resource) -> None:
    (text,) = open_calendar([resource]).warnings
    assert "Schedule/a" in text and f"{resource['resourceType']}/{resource['id']}" in text


def test_a_resource_that_refers_twice_is_counted_once() -> None:
    (text,) = open_calendar([schedule("a", services=("x", "x")), practitioner("a")]).warnings
    assert text.startswith("Schedule/a refers to HealthcareService/x")


# Slots and their schedules


BY_IDENTIFIER: Resource = {"identifier": {"value": "x"}}
BY_NAME: Resource = {"display": "Dr. A"}


@pytest.mark.parametrize(
    "named", [BY_IDENTIFIER, BY_NAME, {}, {"reference": None}], ids=["id", "name", "empty", "null"]
)
@pytest.mark.parametrize("elements", [{}, {"serviceType": []}], ids=["plain", "typed"])
def test_a_slot_that_names_its_schedule_otherwise_concerns_none(named: Resource, elements: Resource) -> None:
    """Reference by identifier is FHIR. Refused, or loaded without disturbing the others."""
    odd = {**busy("odd", "09:00", "10:00"), "schedule": named, **elements}
    try:
        calendar = open_calendar([service(), practitioner("a"), schedule("a"), odd])
    except LoadError as error:
        found = "Slot/odd" in str(error)
    else:
        found = answer(calendar) == answer(open_calendar([service(), practitioner("a"), schedule("a")]))
    assert found


@pytest.mark.parametrize("reference", ["Schedule/a", "Schedule/a/_history/2"])
def test_a_slot_belongs_to_its_schedule_whatever_the_version(reference: str) -> None:
    stored = {**busy("x", "09:00", "10:00"), "schedule": {"reference": reference}}
    offered = times(answer(open_calendar([service(), practitioner("a"), schedule("a"), stored])))
    assert "08:30" in offered and "09:00" not in offered and "09:30" not in offered and "10:00" in offered


# Reading


def test_resources_are_read_by_reference() -> None:
    calendar = open_calendar([practitioner("a"), schedule("a", services=())])
    assert calendar.read("Practitioner/a") == practitioner("a")
    assert calendar.read("Practitioner/a/_history/1") == practitioner("a")
    for missing in ("Practitioner/b", "Patient/a", "a", "", "Practitioner/", "http://example.org/Practitioner/a"):
        assert calendar.read(missing) is None
    assert [one["id"] for one in calendar.resources("Schedule")] == ["a"]
    assert list(calendar.resources("Patient")) == []


def test_a_calendar_is_not_writable() -> None:
    assert open_calendar([]).is_writable is False


def test_the_clock_is_the_machines_unless_given() -> None:
    noon = datetime(2026, 3, 16, 12, tzinfo=UTC)
    assert open_calendar([], clock=lambda: noon).now() == noon
    assert abs((open_calendar([]).now() - datetime.now(UTC)).total_seconds()) < 60


def test_the_collector_of_cycles_is_left_as_it_was() -> None:
    assert gc.isenabled()
    open_calendar([practitioner("a")])
    assert gc.isenabled()
    with pytest.raises(LoadError):
        open_calendar([{}])
    assert gc.isenabled()


def test_answers_share_nothing_with_the_calendar() -> None:
    calendar = open_calendar([service(type=[{"text": "x"}]), practitioner("a"), schedule("a")])
    expected = json.dumps(answer(calendar))
    proposal = answer(calendar)[1]["entry"][0]["resource"]
    proposal["participant"][0]["actor"]["reference"] = "Practitioner/z"
    proposal["serviceType"][0]["text"] = "y"
    assert json.dumps(answer(calendar)) == expected


def test_forty_thousand_slots_are_loaded_in_seconds(tmp_path: Path) -> None:
    line = json.dumps(busy("@", "09:00", "09:30")) + "\n"
    path = tmp_path / "slots.ndjson"
    path.write_text("".join(line.replace("@", f"s{number}") for number in range(40_000)))
    started = time.process_time()
    calendar = open_calendar([service(), practitioner("a"), schedule("a"), path])
    assert "09:00" not in times(answer(calendar))
    assert time.process_time() - started < 5
