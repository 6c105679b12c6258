"""The audit: each kind of finding by hand, and overlaps and hours against what `$find` would offer anew."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slotwright.cli.main import run
from slotwright.io import invoke, open_calendar, open_ledger
from slotwright.io.audit.finding import Finding
from slotwright.io.audit.run import audit
from support import (
    EVERY_DAY,
    Resource,
    appointment,
    closed,
    find,
    hours,
    parameters,
    practitioner,
    schedule,
    service,
    service_type,
    slot,
)

CLINIC = Path(__file__).resolve().parent.parent / "examples" / "clinic"
NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)


def world(*params: Resource, **elements: Any) -> list[Resource]:
    """Schedule a, for visits of 30 minutes without buffers, open from 09:00 to 12:00 UTC."""
    open_hours = parameters(availability=[hours(EVERY_DAY, "09:00:00", "12:00:00")])
    return [service(), practitioner("a"), schedule("a", *(params or [open_hours]), **elements)]


def visit(id: str, start: str, end: str, *, schedule: str = "a", capacity: int | None = None) -> list[Resource]:
    """A booking on Tuesday 2026-03-10, with its one Slot."""
    day = "2026-03-10T"
    bounds = {"start": f"{day}{start}:00Z", "end": f"{day}{end}:00Z"}
    return [
        slot(f"s-{id}", schedule, bounds["start"], bounds["end"], capacity=capacity),
        appointment(id, [f"s-{id}"], **bounds),
    ]


def findings(
    resources: Iterable[Resource], now: datetime = NOW, *, start_ms: int | None = None, end_ms: int | None = None
) -> list[Finding]:
    return audit(open_calendar(list(resources)), now=now, start_ms=start_ms, end_ms=end_ms)


def told(resources: Iterable[Resource]) -> list[tuple[str, str | None, str]]:
    return [(one.kind, one.appointment, one.text) for one in findings(resources)]


def test_a_sound_calendar_has_none() -> None:
    assert findings([*world(), *visit("x", "09:00", "09:30"), *visit("y", "09:30", "10:00")]) == []
    assert audit(open_calendar([CLINIC]), now=NOW) == []


def test_an_overlap_is_told_to_the_later_booking() -> None:
    (one,) = findings([*world(), *visit("x", "09:00", "09:30"), *visit("y", "09:20", "09:50")])
    at = int(datetime(2026, 3, 10, 9, 20, tzinfo=UTC).timestamp() * 1000)
    assert one == Finding(
        "overlap", "Schedule/a", "Appointment/y", None, at, at + 30 * 60_000, "it overlaps Appointment/x"
    )


def test_leave_entered_after_a_booking_is_told_to_the_booking() -> None:
    leave = slot("leave", "a", "2026-03-10T09:10:00Z", "2026-03-10T11:00:00Z", "busy-unavailable")
    overlap = ("overlap", "Appointment/x", "it overlaps Slot/leave (busy-unavailable)")
    assert told([*world(), *visit("x", "09:00", "09:30"), leave]) == [overlap]
    earlier = slot("leave", "a", "2026-03-10T08:00:00Z", "2026-03-10T09:10:00Z", "busy-unavailable")
    assert told([*world(), *visit("x", "09:00", "09:30"), earlier]) == [overlap]
    named = ("overlap", "Appointment/x", "it overlaps Slot/leave (Sick leave)")
    assert told([*world(), *visit("x", "09:00", "09:30"), leave | {"comment": "Sick leave"}]) == [named]


def test_blocks_may_overlap_each_other() -> None:
    blocks = [slot(id, "a", "2026-03-10T09:00:00Z", "2026-03-10T11:00:00Z", "busy-unavailable") for id in "xy"]
    assert findings([*world(), *blocks]) == []


def test_a_group_may_run_together_up_to_its_capacity() -> None:
    group = [one for id in "xy" for one in visit(id, "09:00", "09:30", capacity=2)]
    assert findings([*world(), *group]) == []
    more = visit("z", "09:00", "09:30", capacity=2)
    assert told([*world(), *group, *more]) == [
        ("over-capacity", "Appointment/z", "more than 2 at a time: it runs together with Appointment/x, Appointment/y")
    ]


def test_a_typed_slot_takes_no_time_from_another_service() -> None:
    other = service("other", params=parameters(duration=30, alignmentInterval=30))
    typed = [
        slot("s-x", "a", "2026-03-10T09:00:00Z", "2026-03-10T09:30:00Z", serviceType=[service_type("other")]),
        appointment("x", ["s-x"], service="other"),
    ]
    base = [*world(services=["checkup", "other"]), other, *typed]
    assert findings([*base, *visit("y", "09:00", "09:30")]) == [], "each could have been booked after the other"
    untyped = [
        slot("s-z", "a", "2026-03-10T09:00:00Z", "2026-03-10T09:30:00Z"),
        appointment("z", ["s-z"], service="other"),
    ]
    assert [kind for kind, *_ in told([*base, *untyped])] == ["overlap"]


def test_a_closure_and_missing_hours_are_told_apart() -> None:
    rules = parameters(
        availability=[hours(EVERY_DAY, "09:00:00", "12:00:00"), closed("2026-03-10T10:00:00Z", "2026-03-10T11:00:00Z")]
    )
    resources = [*world(rules), *visit("x", "10:45", "11:15"), *visit("y", "11:45", "12:15")]
    closure = "Schedule/a.extension[0].extension[0].extension[1]"
    assert told(resources) == [
        (
            "closed",
            "Appointment/x",
            f"it lies in time that is closed for checkup: {closure}",
        ),
        ("outside-hours", "Appointment/y", "it lies outside the hours for checkup"),
    ]


def test_a_closure_is_called_what_it_is_described_as() -> None:
    during = {"start": "2026-03-10", "end": "2026-03-10"}
    base = world()
    base[0] |= {"notAvailable": [{"description": "Stocktaking", "during": during}]}
    base[2] |= {"extension": []}
    assert told([*base, *visit("x", "10:00", "10:30")]) == [
        ("closed", "Appointment/x", "it lies in time that is closed for checkup: Stocktaking")
    ]


def test_free_slots_are_open_time() -> None:
    free = slot("free", "a", "2026-03-10T12:00:00Z", "2026-03-10T13:00:00Z", "free")
    assert findings([*world(), free, *visit("x", "11:45", "12:15")]) == []


@pytest.mark.parametrize("status", ["booked", "pending", "arrived", "checked-in"])
def test_bookings_without_their_slots(status: str) -> None:
    bare = appointment("bare", [], status=status, start="2026-03-10T09:00:00Z", end="2026-03-10T09:30:00Z")
    del bare["slot"]
    lost = appointment("lost", ["gone"], status=status)
    assert told([*world(), bare, lost]) == [
        ("without-slots", "Appointment/lost", f"it is {status}, and Slot/gone is not stored"),
        ("without-slots", "Appointment/bare", f"it is {status} and takes no time on any schedule"),
    ]


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error", "proposed", "waitlist"])
def test_what_takes_no_time_needs_no_slots(status: str) -> None:
    assert findings([*world(), appointment("x", ["gone"], status=status)]) == []


def test_slots_of_nobody() -> None:
    alone = slot("alone", "a", "2026-03-10T09:00:00Z", "2026-03-10T09:30:00Z")
    dropped = [*visit("x", "10:00", "10:30")]
    dropped[1] |= {"status": "cancelled"}
    assert [(one.kind, one.slot, one.text) for one in findings([*world(), alone, *dropped])] == [
        ("without-appointment", "Slot/alone", "Slot/alone is busy and belongs to no Appointment"),
        ("without-appointment", "Slot/s-x", "Slot/s-x is busy and belongs to no Appointment"),
    ]


def test_a_lapsed_hold_is_told_and_takes_no_time() -> None:
    held = visit("held", "09:00", "09:30")
    held[1] = appointment("held", ["s-held"], status="pending", hold_expires="2026-03-09T12:00:00.000Z")
    assert told([*world(), *held, *visit("x", "09:00", "09:30")]) == [
        ("lapsed-hold", "Appointment/held", "its hold has lapsed; the next write records it")
    ]
    before = datetime(2026, 3, 9, 11, 59, 59, tzinfo=UTC)
    assert [one.kind for one in findings([*world(), *held, *visit("x", "09:00", "09:30")], before)] == ["overlap"]


@pytest.mark.parametrize(
    ("resources", "why"),
    [
        (world(active=False), "it is inactive"),
        (world(services=[]), "it offers no service"),
        ([*world()[:2], world()[2] | {"actor": list[Resource]()}], "it has 0 actors, and needs exactly one"),
        ([service(active=False), *world()[1:]], "for checkup: the service is inactive"),
        (world(horizon=("2026-01-01", "2026-03-08")), "for checkup: its planning horizon is over"),
        (world(parameters(availability=[])), "for checkup: it is never open"),
        (
            world(parameters(availability=[hours(EVERY_DAY, "09:00:00", "09:20:00")])),
            "for checkup: no stretch of open time has a start of the grid for 30 minutes",
        ),
        (
            world(parameters(availability=[hours(EVERY_DAY, "09:10:00", "09:55:00")])),
            "for checkup: no stretch of open time has a start of the grid for 30 minutes",
        ),
        (
            [service(params=parameters(alignmentInterval=30)), *world()[1:]],
            "for checkup: its parameters are wrong: Scheduling parameter attribute 'duration' is missing",
        ),
    ],
)
def test_schedules_that_nobody_can_book(resources: list[Resource], why: str) -> None:
    assert [(one.kind, one.schedule, one.text) for one in findings(resources)] == [
        ("never-bookable", "Schedule/a", why)
    ]


def test_a_far_opening_is_enough() -> None:
    far = parameters(availability=[])
    free = slot("free", "a", "2026-12-10T12:00:00Z", "2026-12-10T13:00:00Z", "free")
    assert findings([*world(far), free]) == []


def test_a_window_leaves_out_the_rest() -> None:
    resources = [*world(), *visit("x", "09:00", "09:30"), *visit("y", "09:20", "09:50"), *visit("z", "12:00", "12:30")]
    noon = int(datetime(2026, 3, 10, 12, tzinfo=UTC).timestamp() * 1000)
    assert [one.kind for one in findings(resources, start_ms=noon)] == ["outside-hours"]
    assert [one.kind for one in findings(resources, end_ms=noon)] == ["overlap"]


# Against $find


def drawn(
    starts: list[int], capacity: int, before: int, after: int, shut: tuple[int, int] | None
) -> tuple[list[Resource], list[str]]:
    """Bookings at multiples of ten minutes after 08:00 as `$book` would store them, whether it would or not."""
    entries = [hours(EVERY_DAY, "09:00:00", "12:00:00")]
    if shut is not None:
        entries.append(closed(at(shut[0]), at(shut[0] + shut[1])))
    rules = parameters(duration=30, alignmentInterval=10, bufferBefore=before, bufferAfter=after, slotCapacity=capacity)
    resources = [service(params=rules), practitioner("a"), schedule("a", parameters(availability=entries))]
    for number, start in enumerate(starts):
        id = f"x{number}"
        its = [slot(f"{id}-v", "a", at(start), at(start + 30), capacity=capacity if capacity > 1 else None)]
        if before:
            its.append(slot(f"{id}-b", "a", at(start - before), at(start), "busy-unavailable"))
        if after:
            its.append(slot(f"{id}-a", "a", at(start + 30), at(start + 30 + after), "busy-unavailable"))
        resources += [*its, appointment(id, [one["id"] for one in its])]
    return resources, [f"x{number}" for number in range(len(starts))]


def at(minutes: int) -> str:
    """So many minutes after 08:00."""
    return f"2026-03-10T{8 + minutes // 60:02}:{minutes % 60:02}:00Z"


@settings(max_examples=60, deadline=None)
@given(
    starts=st.lists(st.integers(3, 24).map(lambda n: n * 10), max_size=5),
    capacity=st.integers(1, 3),
    before=st.sampled_from([0, 10]),
    after=st.sampled_from([0, 20]),
    shut=st.none() | st.tuples(st.integers(60, 200), st.integers(1, 60)),
)
def test_what_is_found_is_what_find_would_not_offer_again(
    starts: list[int], capacity: int, before: int, after: int, shut: tuple[int, int] | None
) -> None:
    resources, ids = drawn(starts, capacity, before, after, shut)
    found = findings(resources)
    accused = {one.appointment for one in found}
    named = " ".join(one.text for one in found)
    for id, start in zip(ids, starts, strict=True):
        answer = find(
            resources, schedule="a", start=at(0), end=at(360), count=1000, ignore_appointment=f"Appointment/{id}"
        )
        offered = {entry["resource"]["start"][:17] for entry in answer[1].get("entry", [])}
        is_offered = at(start)[:17] in offered
        reference = f"Appointment/{id}"
        assert not (is_offered and reference in accused), found
        assert is_offered or reference in accused or f"{reference}" in named.replace(",", " ").split(), found


def test_what_operations_have_made_has_no_findings(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "clinic.ledger", clock=lambda: NOW) as ledger:
        ledger.load([CLINIC])
        query = {
            "start": "2026-03-10",
            "end": "2026-03-14",
            "service-type-reference": "HealthcareService/nutrition-class",
            "schedule": ["Schedule/rd-nguyen", "Schedule/studio"],
        }
        while entries := invoke(ledger, "Appointment/$find", query=query)[1].get("entry"):
            assert invoke(ledger, "Appointment/$book", body=entries[0]["resource"])[0] == 201
        assert audit(ledger, now=NOW) == []


# The command


@pytest.fixture(name="folder", autouse=True)
def folder_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    resources = [*world(), *visit("x", "09:00", "09:30"), *visit("y", "09:20", "09:50"), *visit("z", "12:00", "12:30")]
    Path("calendar.ndjson").write_text("".join(f"{json.dumps(one)}\n" for one in resources))
    return tmp_path


def test_the_command_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit", "--calendar", "calendar.ndjson", "--now", "2026-03-09T12:00:00Z"]) == 4
    out = capsys.readouterr().out
    assert "it overlaps Appointment/x" in out
    assert "Tue 10 Mar 2026, 09:20 – 09:50 UTC" in " ".join(out.split())
    assert out.endswith("2 findings: 1 overlap, 1 outside-hours.\n")


def test_the_command_prints_json_and_writes_tables(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["audit", "--calendar", "calendar.ndjson", "--kind", "overlap", "--json", "-o", "found.csv"]
    assert run(arguments) == 4
    (row,) = json.loads(capsys.readouterr().out)
    assert row == {
        "kind": "overlap",
        "schedule": "Schedule/a",
        "appointment": "Appointment/y",
        "start": "2026-03-10T09:20:00.000Z",
        "end": "2026-03-10T09:50:00.000Z",
        "text": "it overlaps Appointment/x",
    }
    with open("found.csv", newline="") as file:
        (written,) = csv.DictReader(file)
    assert written == {**row, "slot": "", "start": "2026-03-10T09:20:00Z", "end": "2026-03-10T09:50:00Z"}
    assert run([*arguments[:-1], "found.parquet"]) == 4
    from slotwright.io.arrow import parquet

    assert parquet().read_table("found.parquet").column_names == [
        "kind",
        "schedule",
        "appointment",
        "slot",
        "start",
        "end",
        "text",
    ]


def test_a_sound_calendar_exits_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit", "--calendar", str(CLINIC), "--now", "2026-03-09T12:00:00Z"]) == 0
    assert capsys.readouterr().out == "Nothing found.\n"


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (("--kind", "x"), 2, "--kind 'x' is none of overlap"),
        (("-o", "x.txt"), 5, "the suffix names no format"),
        (("--start", "2026-03-11", "--end", "2026-03-10"), 5, "--end 2026-03-10 is not after --start 2026-03-11"),
    ],
)
def test_wrong_use(options: tuple[str, ...], code: int, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit", "--calendar", "calendar.ndjson", *options]) == code
    assert text in capsys.readouterr().err
    assert sorted(os.listdir()) == ["calendar.ndjson"]
