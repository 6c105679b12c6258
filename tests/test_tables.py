"""Tables: columns worked by hand, what null means, and that docs/tables.md describes them."""

from __future__ import annotations

import doctest
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from slotwright.io import open_calendar
from slotwright.io.arrow import arrow, parquet
from slotwright.io.tables import export_tables
from support import Resource, appointment, closed, parameters, practitioner, schedule, service, slot
from table_support import PLAIN

pa, pq = arrow(), parquet()

ROOT = Path(__file__).resolve().parent.parent
Row = dict[str, Any]


def rows(folder: Path, name: str) -> list[Row]:
    return pq.read_table(folder / f"{name}.parquet").to_pylist()


def exported(folder: Path, name: str, *resources: Resource) -> list[Row]:
    """The rows of one table over these resources."""
    export_tables(open_calendar(resources), folder / "tables", replace=True)
    return rows(folder / "tables", name)


def only(folder: Path, name: str, *resources: Resource) -> Row:
    (row,) = exported(folder, name, *resources)
    return row


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# rules


def test_rules_by_hand(tmp_path: Path) -> None:
    """Offset: model 13, "30, 75 (as 15)". Closure and horizon in New York: model 8 and 14."""
    checkup = service(
        params=parameters(
            duration=(0.5, "h"), bufferAfter=10, alignmentInterval=30, alignmentOffset=75, alignmentTimezone="Etc/UTC",
            slotCapacity=2, bookingLimit=[(2, 1, "wk"), (5, 3, "mo")], holdDuration=15,
        ),
        availableTime=[
            {"daysOfWeek": ["mon", "fri"], "availableStartTime": "09:00:00", "availableEndTime": "17:00:00"},
            {"daysOfWeek": ["sun"], "allDay": True},
            {"daysOfWeek": ["tue"], "availableStartTime": "22:00:00", "availableEndTime": "06:00:00.250"},
        ],
        notAvailable=[{"during": {"start": "2026-12-24", "end": "2026-12-26"}}, {"during": {"start": "2027-01-01"}}],
    )  # fmt: skip
    general = parameters(bufferBefore=5, timezone="america/new_york")
    assert only(
        tmp_path, "rules", checkup, practitioner("a"), schedule("a", general, horizon=("2026-03-02", "2026-03-08"))
    ) == {
        "schedule": "a",
        "service": "checkup",
        "active": True,
        "fault": None,
        "fault_at": None,
        "duration": 30,
        "buffer_before": 5,
        "buffer_after": 10,
        "alignment_interval": 30,
        "alignment_offset": 15,
        "alignment_timezone": "Etc/UTC",
        "timezone": "America/New_York",
        "capacity": 2,
        "hold_duration": 15,
        "hours": [
            {"days": 1 + 16, "start_ms": 9 * 3_600_000, "end_ms": 17 * 3_600_000},
            {"days": 64, "start_ms": 0, "end_ms": 0},
            {"days": 2, "start_ms": 22 * 3_600_000, "end_ms": 6 * 3_600_000 + 250},
        ],
        "closures": [
            {"start": utc("2026-12-24T05:00"), "end": utc("2026-12-27T05:00")},
            {"start": utc("2027-01-01T05:00"), "end": None},
        ],
        "booking_limits": [
            {"frequency": 2, "period": 1, "unit": "wk"},
            {"frequency": 5, "period": 3, "unit": "mo"},
        ],
        "horizon_start": utc("2026-03-02T05:00"),
        "horizon_end": utc("2026-03-09T04:00"),
    }


def test_rules_of_a_service_that_states_only_its_duration(tmp_path: Path) -> None:
    """The defaults of model 3.1; always open is null."""
    bare = service(params=parameters(duration=30))
    row = only(tmp_path, "rules", bare, practitioner("a", "Europe/Vienna"), schedule("a"))
    assert row == {
        "schedule": "a", "service": "checkup", "active": True, "fault": None, "fault_at": None, "duration": 30,
        "buffer_before": 0, "buffer_after": 0, "alignment_interval": 60, "alignment_offset": 0,
        "alignment_timezone": "Etc/UTC", "timezone": "Europe/Vienna", "capacity": 1, "hold_duration": None,
        "hours": None, "closures": [], "booking_limits": [], "horizon_start": None, "horizon_end": None,
    }  # fmt: skip


def test_hours_that_open_nothing_are_an_empty_list(tmp_path: Path) -> None:
    never = schedule("a", parameters(availability=[]))
    assert only(tmp_path, "rules", service(), practitioner("a"), never)["hours"] == []


def test_closures_may_be_open_at_either_end_and_empty_ones_close_nothing(tmp_path: Path) -> None:
    leave = parameters(availability=[closed(None, "2026-03-01T00:00:30Z"), closed(), closed("2026", "2026-01")])
    assert only(tmp_path, "rules", service(), practitioner("a"), schedule("a", leave))["closures"] == [
        {"start": None, "end": utc("2026-03-01T00:00:30")},
        {"start": utc("2026-01-01T00:00"), "end": utc("2026-02-01T00:00")},
    ]


FAULTS: dict[str, tuple[list[Resource], str, list[str]]] = {
    "no zone": (
        [service(), practitioner("a", None), schedule("a")],
        "No timezone specified",
        ["Schedule/a.actor[0]"],
    ),
    "no actor to read": (
        [service(), schedule("a")],
        "No timezone specified and schedule.actor could not be read",
        ["Schedule/a.actor[0]"],
    ),
    "no duration": (
        [service(params=parameters(bufferAfter=5)), practitioner("a"), schedule("a")],
        "Scheduling parameter attribute 'duration' is missing",
        ["HealthcareService/checkup", "Schedule/a"],
    ),
    "fault of the service": (
        [service(params=parameters(duration=30, timezone="Mars/Olympus")), practitioner("a"), schedule("a")],
        "Invalid timezone 'Mars/Olympus'",
        ["HealthcareService/checkup.extension[0].extension[1]"],
    ),
    "fault of the schedule": (
        [service(), practitioner("a"), schedule("a", parameters(slotCapacity=0))],
        "slotCapacity must be a positive integer",
        ["Schedule/a.extension[0].extension[0]"],
    ),
    "two actors": (
        [service(), practitioner("a"), schedule("a", actor="Practitioner/a")],
        "Scheduling only supported on schedules with exactly one actor",
        ["Schedule/a"],
    ),
    "no such service": ([practitioner("a"), schedule("a")], "HealthcareService not found", []),
}
FAULTS["two actors"][0][-1]["actor"].append({"reference": "Practitioner/a"})


@pytest.mark.parametrize("name", FAULTS)
def test_parameters_that_do_not_resolve(tmp_path: Path, name: str) -> None:
    resources, text, places = FAULTS[name]
    row = only(tmp_path, "rules", *resources)
    assert row["fault"] == text and row["fault_at"] == places
    assert row["active"] is (name != "no such service")
    assert [value for column, value in row.items() if list(row).index(column) > list(row).index("fault_at")] == [
        None
    ] * 14


@pytest.mark.parametrize("inactive", ["Schedule", "HealthcareService"])
def test_what_is_inactive_has_rules_all_the_same(tmp_path: Path, inactive: str) -> None:
    resources = [service(), practitioner("a"), schedule("a")]
    next(one for one in resources if one["resourceType"] == inactive)["active"] = False
    row = only(tmp_path, "rules", *resources)
    assert row["active"] is False and row["duration"] == 30


def test_a_row_for_each_service_that_the_schedule_is_schedulable_for(tmp_path: Path) -> None:
    """Model 5: only the first extension of a concept counts, and only without a version."""
    several = schedule("b", services=("checkup", "xray", "checkup"))
    first, second = several["serviceType"][:2]
    other = {"url": first["extension"][0]["url"], "valueReference": {"reference": "HealthcareService/second"}}
    second["extension"].append(other)
    versioned = schedule("a", services=("checkup/_history/2",))
    everything = [service(), service("xray"), service("second"), practitioner("a"), practitioner("b")]
    found = exported(tmp_path, "rules", *everything, several, versioned)
    assert [(one["schedule"], one["service"]) for one in found] == [("b", "checkup"), ("b", "xray")]
    assert [one["services"] for one in rows(tmp_path / "tables", "schedules")] == [[], ["checkup", "xray"]]


def test_numbers_too_large_for_a_column_stand_as_its_largest(tmp_path: Path) -> None:
    most = 2**31 - 1
    huge = service(
        params=parameters(duration=1e300, slotCapacity=2**40, alignmentOffset=10**15, bookingLimit=(2**31, 2**31, "d"))
    )
    stamped = slot("s", "a", "2026-03-16T09:00:00.000Z", "2026-03-16T10:00:00.000Z", capacity=2**31)
    row = only(tmp_path, "rules", huge, practitioner("a"), schedule("a"), stamped)
    assert row["duration"] == row["capacity"] == most
    assert row["alignment_offset"] == 10**15 % 60
    assert row["booking_limits"] == [{"frequency": most, "period": most, "unit": "d"}]
    (stored,) = rows(tmp_path / "tables", "slots")
    assert stored["capacity"] == most and json.loads(stored["resource"]) == stamped


# slots

PLAIN_ROW: Row = {
    "schedule": "a", "start": utc("2026-03-16T09:00"), "end": utc("2026-03-16T09:30:00.250"), "status": "busy",
    "capacity": None, "service_type": None, "comment": None, "id": "s", "version": None, "last_updated": None,
    "resource": None,
}  # fmt: skip

EXPRESSED: list[tuple[Resource, Row]] = [
    ({}, {}),
    ({"status": "entered-in-error"}, {"status": "entered-in-error"}),
    ({"comment": "buffer after appointment"}, {"comment": "buffer after appointment"}),
    ({"comment": ""}, {"comment": ""}),
    (slot("s", "a", "", "", capacity=3), {"capacity": 3}),
    (slot("s", "a", "", "", capacity=1), {"capacity": 1}),
    (
        {"serviceType": [{"coding": [{"system": "urn:x", "code": "é"}]}, {"text": "x"}]},
        {"service_type": '[{"coding":[{"system":"urn:x","code":"é"}]},{"text":"x"}]'},
    ),
    (
        {"meta": {"versionId": "12", "lastUpdated": "2026-03-01T08:00:00.123Z"}},
        {"version": 12, "last_updated": utc("2026-03-01T08:00:00.123")},
    ),
    ({"meta": {"versionId": "1"}}, {"version": 1}),
    ({"start": "2026-03-17T09:00:00.000Z"}, {"start": utc("2026-03-17T09:00")}),
]


@pytest.mark.parametrize("changes, columns", EXPRESSED)
def test_a_slot_that_the_columns_say_all_of(tmp_path: Path, changes: Resource, columns: Row) -> None:
    given = {**PLAIN, **{name: value for name, value in changes.items() if value != ""}} if changes else PLAIN
    if "comment" in changes:
        given = {**PLAIN, **changes}
    assert only(tmp_path, "slots", given) == {**PLAIN_ROW, **columns}
    assert open_calendar(tmp_path / "tables").read("Slot/s") == given


STAMP = slot("s", "a", "", "", capacity=2)["extension"][0]
CARRIED: list[tuple[Resource, Row]] = [
    ({"start": "2026-03-16T09:00:00Z"}, {}),
    ({"start": "2026-03-16T10:00:00.000+01:00"}, {}),
    ({"end": "2026-03-16T09:30:00.2509Z"}, {}),
    ({"start": "2026-03-16"}, {"start": None}),
    ({"start": 5}, {"start": None}),
    ({"end": None}, {"end": None}),
    ({"schedule": {"reference": "Schedule/a", "display": "A"}}, {}),
    ({"schedule": {"reference": "Schedule/a/_history/2"}}, {}),
    ({"schedule": {"reference": "https://example.org/Schedule/a"}}, {"schedule": None}),
    ({"schedule": {"reference": "Practitioner/a"}}, {"schedule": None}),
    ({"overbooked": False}, {}),
    ({"comment": 5}, {}),
    ({"serviceType": []}, {}),
    ({"serviceType": None}, {}),
    ({"extension": []}, {}),
    ({"extension": [{"url": "urn:x"}]}, {}),
    ({"extension": [{**STAMP, "id": "x"}]}, {"capacity": 2}),
    ({"extension": [STAMP, {**STAMP, "valuePositiveInt": 5}]}, {"capacity": 2}),
    ({"extension": [{**STAMP, "valuePositiveInt": 0}]}, {}),
    ({"extension": [{**STAMP, "valuePositiveInt": 2.0}]}, {}),
    ({"extension": [{**STAMP, "valuePositiveInt": True}]}, {}),
    ({"meta": {}}, {}),
    ({"meta": "x"}, {}),
    ({"meta": {"versionId": "1", "source": "urn:x"}}, {"version": 1}),
    ({"meta": {"versionId": "01"}}, {}),
    ({"meta": {"versionId": 1}}, {}),
    ({"meta": {"versionId": "1000000000"}}, {}),
    ({"meta": {"lastUpdated": "2026-03-01T08:00:00Z"}}, {"last_updated": utc("2026-03-01T08:00")}),
]


@pytest.mark.parametrize("changes, columns", CARRIED, ids=[json.dumps(one[0])[:60] for one in CARRIED])
def test_a_slot_that_carries_its_json(tmp_path: Path, changes: Resource, columns: Row) -> None:
    given = {**PLAIN, **changes}
    row = only(tmp_path, "slots", given)
    assert json.dumps(json.loads(row.pop("resource"))) == json.dumps(given)
    assert row == {name: value for name, value in {**PLAIN_ROW, **columns}.items() if name != "resource"}
    assert json.dumps(open_calendar(tmp_path / "tables").read("Slot/s")) == json.dumps(given)


def test_times_at_the_ends_of_the_calendar_come_back(tmp_path: Path) -> None:
    given = slot("s", "a", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999-14:00")
    export_tables(open_calendar([given]), tmp_path / "tables")
    assert open_calendar(tmp_path / "tables").read("Slot/s") == given


# schedules and appointments


def test_schedules_by_hand(tmp_path: Path) -> None:
    given = schedule("a", active=False, meta={"versionId": "4", "lastUpdated": "2026-03-01T08:00:00.000Z"})
    given["actor"][0]["display"] = "Dr. A"
    row = only(tmp_path, "schedules", given)
    assert json.loads(row.pop("resource")) == given
    assert row == {
        "id": "a", "active": False, "actor": "Practitioner/a", "display": "Dr. A", "services": ["checkup"],
        "version": 4, "last_updated": utc("2026-03-01T08:00"),
    }  # fmt: skip


def test_a_schedule_that_says_nothing(tmp_path: Path) -> None:
    row = only(tmp_path, "schedules", {"resourceType": "Schedule", "id": "a", "actor": [{"display": "A"}]})
    assert row.pop("resource") == '{"resourceType":"Schedule","id":"a","actor":[{"display":"A"}]}'
    assert row == {
        "id": "a", "active": None, "actor": None, "display": "A", "services": [], "version": None,
        "last_updated": None,
    }  # fmt: skip


def test_appointments_by_hand(tmp_path: Path) -> None:
    given = appointment(
        "x",
        ["one", "two", "gone"],
        status="pending",
        hold_expires="2026-03-01T12:10:00.500Z",
        start="2026-03-16T10:00:00+01:00",
        end="later",
        identifier=[{"system": "urn:x", "value": "1"}, {"value": "2"}, {"system": "urn:y"}],
    )
    given["serviceType"] *= 2
    given["participant"].insert(0, {"actor": {"reference": "Practitioner/a"}, "status": "accepted"})
    slots = [slot(id, of, "2026-03-16T09:00:00Z", "2026-03-16T09:30:00Z") for id, of in (("one", "b"), ("two", "a"))]
    row = only(tmp_path, "appointments", given, *slots)
    assert json.loads(row.pop("resource")) == given
    assert row == {
        "id": "x",
        "status": "pending",
        "start": utc("2026-03-16T09:00"),
        "end": None,
        "services": ["checkup"],
        "slots": ["one", "two", "gone"],
        "schedules": ["b", "a"],
        "patient": "p",
        "hold_expires": utc("2026-03-01T12:10:00.500"),
        "identifiers": [{"system": "urn:x", "value": "1"}, {"system": None, "value": "2"}],
        "version": None,
        "last_updated": None,
    }


def test_only_a_pending_appointment_has_a_hold(tmp_path: Path) -> None:
    held = appointment("x", [], status="booked", hold_expires="2026-03-01T12:10:00Z")
    row = only(tmp_path, "appointments", held)
    assert row["hold_expires"] is None and row["slots"] == [] and row["schedules"] == []


def test_an_appointment_that_says_nothing(tmp_path: Path) -> None:
    row = only(tmp_path, "appointments", {"resourceType": "Appointment", "id": "x", "status": "noshow"})
    assert row.pop("resource") == '{"resourceType":"Appointment","id":"x","status":"noshow"}'
    assert row == {
        "id": "x", "status": "noshow", "start": None, "end": None, "services": [], "slots": [], "schedules": [],
        "patient": None, "hold_expires": None, "identifiers": [], "version": None, "last_updated": None,
    }  # fmt: skip


# docs/tables.md

DOCS = (ROOT / "docs" / "tables.md").read_text()


def documented(name: str) -> dict[str, tuple[str, bool]]:
    """Columns by name as docs/tables.md describes them: the type, and whether they are never null."""
    section = DOCS.split(f"## {name}\n")[1].split("\n## ")[0]
    found: dict[str, tuple[str, bool]] = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and cells[0].startswith("`"):
            found[cells[0].strip("`")] = cells[1], cells[3].startswith("never")
            assert cells[3] and cells[4], line
    return found


def words(type: Any) -> str:
    """An Arrow type in the words of docs/tables.md."""
    if pa.types.is_dictionary(type):
        assert type.index_type == pa.int32()
        return f"dictionary<{words(type.value_type)}>"
    if pa.types.is_list(type):
        return f"list<{words(type.value_type)}>"
    if pa.types.is_struct(type):
        return f"struct<{', '.join(f'{one.name}: {words(one.type)}' for one in type)}>"
    return str(type)


@pytest.mark.parametrize("name", ["schedules", "slots", "rules", "appointments"])
def test_the_documentation_names_every_column_and_its_type(tmp_path: Path, name: str) -> None:
    export_tables(open_calendar([]), tmp_path / "tables")
    schema = pq.read_schema(tmp_path / "tables" / f"{name}.parquet")
    written = {field.name: (words(field.type), not field.nullable) for field in schema}
    assert list(documented(name).items()) == list(written.items())
    assert schema.metadata[b"slotwright.format"].decode() in re.findall(
        r"`slotwright\.format`.*?`(\d+)`", DOCS, re.DOTALL
    )


def test_the_session_in_the_documentation_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"^```pycon\n(.*?)^```$", DOCS, re.MULTILINE | re.DOTALL)
    test = doctest.DocTestParser().get_doctest(block, {}, "tables.md", "tables.md", 0)
    result = doctest.DocTestRunner(verbose=False).run(test)
    assert result.failed == 0 and result.attempted == 7
