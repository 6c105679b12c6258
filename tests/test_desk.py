"""What people's commands do to a ledger, called directly: status, closures, local times, proposals, positions."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from slotwright.io import Ledger, open_ledger
from slotwright.io import booking as orders
from slotwright.io import desk as counter
from slotwright.io.errors import NotFound
from slotwright.io.feed import entry_json, position_of, read_position
from slotwright.io.instants import instant_ms, utc_text_ms
from slotwright.io.listing import Wanted, commonest_zone, select
from slotwright.io.local import (
    read_bound_ms,
    read_day,
    read_moment_ms,
    zone_named,
    zone_of_appointment,
    zone_of_schedule,
)
from slotwright.solver.errors import ConflictError, InvalidInputError, NotFoundError
from support import Resource, appointment, parameters, practitioner, schedule, service, slot

NEW_YORK = "America/New_York"
CLOSURE_URL = "https://slotwright.dev/fhir/StructureDefinition/closure"
STATUSES = ["proposed", "pending", "booked", "arrived", "fulfilled", "cancelled", "noshow", "entered-in-error",
            "checked-in", "waitlist"]  # fmt: skip
MINUTE = 60_000


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 9, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "desk.ledger", clock=clock, identity="desk") as opened:
        opened.load([service(), practitioner("a", NEW_YORK), schedule("a"), practitioner("b"), schedule("b")])
        yield opened


def at(text: str) -> int:
    found = instant_ms(f"2026-03-10T{text}:00Z")
    assert found is not None
    return found


def put(ledger: Ledger, *resources: Resource) -> None:
    for one in resources:
        ledger.put(one)


# Status


@pytest.mark.parametrize("goal", ["arrived", "fulfilled", "noshow"])
@pytest.mark.parametrize("present", STATUSES)
def test_each_move_between_statuses(ledger: Ledger, present: str, goal: str) -> None:
    allowed = {
        "arrived": {"booked"},
        "fulfilled": {"booked", "arrived", "checked-in"},
        "noshow": {"booked", "arrived", "checked-in"},
    }
    put(ledger, appointment("x", [], status=present))
    if present in allowed[goal]:
        moved = counter.set_status(ledger, "x", goal, who="Ann")
        assert moved == ledger.read("Appointment/x")
        assert (moved["status"], moved["meta"]["versionId"]) == (goal, "2")
        *_, entry = ledger.entries()
        assert entry.kind == "status"
        assert entry.input == {"who": "Ann", "appointment": "Appointment/x", "status": goal}
        return
    before = ledger.last
    with pytest.raises(ConflictError, match=f"Appointment/x is '{present}' and cannot become '{goal}'"):
        counter.set_status(ledger, "x", goal)
    assert ledger.last == before


def test_a_status_changes_nothing_else(ledger: Ledger) -> None:
    given = appointment("x", ["s"], comment="kept", participant=[{"status": "tentative"}])
    put(ledger, slot("s", "a", "2026-03-10T13:00:00Z", "2026-03-10T13:30:00Z"), given)
    moved = counter.set_status(ledger, "x", "arrived")
    assert {**moved, "meta": None} == {**given, "meta": None, "status": "arrived"}
    assert ledger.read("Slot/s") is not None


def test_a_status_of_nothing(ledger: Ledger) -> None:
    with pytest.raises(NotFound):
        counter.set_status(ledger, "x", "arrived")


def test_a_hold_that_expired_is_named_so_recorded_or_not(ledger: Ledger, clock: Clock) -> None:
    put(ledger, appointment("x", [], status="pending", hold_expires="2026-03-09T12:15:00Z"))
    clock.now += timedelta(minutes=15)
    for _ in range(2):
        with pytest.raises(ConflictError, match="was a hold and has expired"):
            counter.set_status(ledger, "x", "arrived")
        counter.close(ledger, "a", at("09:00"), at("10:00"))  # a write that succeeds records the lapse
    assert (ledger.read("Appointment/x") or {})["status"] == "cancelled"


# Closures


def test_a_closure_is_an_absolute_block_without_service(ledger: Ledger) -> None:
    closed = counter.close(ledger, "a", at("09:00"), at("10:15"), reason="flu", who="Ann")
    found = {key: value for key, value in closed.slot.items() if key not in ("id", "meta")}
    assert found == {
        "resourceType": "Slot",
        "extension": [{"url": CLOSURE_URL, "valueBoolean": True}],
        "schedule": {"reference": "Schedule/a"},
        "status": "busy-unavailable",
        "start": "2026-03-10T09:00:00.000Z",
        "end": "2026-03-10T10:15:00.000Z",
        "comment": "flu",
    }
    assert ledger.read(f"Slot/{closed.slot['id']}") == closed.slot
    *_, entry = ledger.entries()
    assert (entry.kind, entry.input) == (
        "close",
        {
            "who": "Ann",
            "schedule": "Schedule/a",
            "from": "2026-03-10T09:00:00.000Z",
            "to": "2026-03-10T10:15:00.000Z",
            "reason": "flu",
        },
    )
    assert "comment" not in counter.close(ledger, "a", at("11:00"), at("12:00")).slot


def test_a_closure_blocks_every_capacity(ledger: Ledger) -> None:
    ledger.put(service("class", params=parameters(duration=30, alignmentInterval=30, slotCapacity=5)))
    ledger.put(schedule("hall", services=("class",), actor="Practitioner/b"))
    counter.close(ledger, "hall", at("09:00"), at("10:00"))
    choice = orders.choose(
        ledger, "class", [["hall"]], at("09:30") // MINUTE, zone_named(ledger, "UTC"), now=ledger.now()
    )
    assert choice.proposal is None


@pytest.mark.parametrize(
    ("start", "end", "hit"),
    [
        ("09:00", "10:00", ["early", "late"]),
        ("09:00", "09:01", ["early"]),
        ("08:00", "09:00", []),
        ("09:30", "09:40", ["early"]),
        ("09:40", "09:45", []),
        ("10:00", "11:00", []),
        ("00:00", "23:59", ["early", "late"]),
    ],
)
def test_what_a_closure_hits(ledger: Ledger, start: str, end: str, hit: list[str]) -> None:
    """early 09:00-09:30 with a buffer to 09:40, late 09:45-10:00; the others are over, elsewhere, or no more."""
    day = "2026-03-10T"
    put(
        ledger,
        slot("e", "a", f"{day}09:00:00Z", f"{day}09:30:00Z"),
        slot("e-after", "a", f"{day}09:30:00Z", f"{day}09:40:00Z", "busy-unavailable"),
        slot("l", "a", f"{day}09:45:00Z", f"{day}10:00:00Z"),
        slot("l-b", "b", f"{day}09:45:00Z", f"{day}10:00:00Z"),
        slot("f", "a", f"{day}09:00:00Z", f"{day}10:00:00Z"),
        slot("o", "b", f"{day}09:00:00Z", f"{day}10:00:00Z"),
        slot("h", "a", f"{day}09:00:00Z", f"{day}10:00:00Z", "busy-tentative"),
        appointment("late", ["l", "l-b"], status="arrived", start=f"{day}09:45:00Z"),
        appointment("early", ["e", "e-after"], start=f"{day}09:00:00Z"),
        appointment("over", ["f"], status="fulfilled"),
        appointment("elsewhere", ["o"]),
        appointment("lapsed", ["h"], status="pending", hold_expires="2026-03-09T12:00:00Z"),
        appointment("gone", ["f"], status="cancelled"),
    )
    assert [one["id"] for one in counter.close(ledger, "a", at(start), at(end)).hit] == hit


def test_closing_nothing_or_nobody(ledger: Ledger) -> None:
    with pytest.raises(InvalidInputError):
        counter.close(ledger, "a", at("10:00"), at("10:00"))
    with pytest.raises(InvalidInputError):
        counter.reopen(ledger, "a", at("10:00"), at("09:00"))
    with pytest.raises(NotFound):
        counter.close(ledger, "nobody", at("09:00"), at("10:00"))
    with pytest.raises(NotFoundError):
        counter.reopen(ledger, "a", at("09:00"), at("10:00"))
    assert [one.kind for one in ledger.entries()] == ["init", "load"]


def closed_minutes(ledger: Ledger, schedule_id: str) -> set[int]:
    """The minutes of the closures that are stored."""
    return {
        minute
        for one in ledger.resources("Slot")
        if one["schedule"]["reference"] == f"Schedule/{schedule_id}" and counter.is_closure(one)
        for minute in range((instant_ms(one["start"]) or 0) // MINUTE, (instant_ms(one["end"]) or 0) // MINUTE)
    }


@pytest.mark.parametrize("seed", range(12))
def test_closing_and_reopening_are_union_and_difference_of_minutes(ledger: Ledger, seed: int) -> None:
    dice = random.Random(seed)
    expected: set[int] = set()
    put(ledger, slot("block", "a", "2026-03-10T09:00:00Z", "2026-03-10T12:00:00Z", "busy-unavailable"))
    for _ in range(12):
        first = at("08:00") // MINUTE + dice.randrange(300)
        last = first + 1 + dice.randrange(120)
        window = set(range(first, last))
        if dice.random() < 0.5:
            counter.close(ledger, "a", first * MINUTE, last * MINUTE)
            expected |= window
        elif expected & window:
            reopened = counter.reopen(ledger, "a", first * MINUTE, last * MINUTE)
            pieces = [set(range(low // MINUTE, high // MINUTE)) for low, high in reopened.pieces]
            assert set[int]().union(*pieces) == expected & window
            expected -= window
        else:
            with pytest.raises(NotFoundError):
                counter.reopen(ledger, "a", first * MINUTE, last * MINUTE)
        assert closed_minutes(ledger, "a") == expected
    assert ledger.read("Slot/block") is not None
    assert ledger.verify() == []


def test_what_is_left_keeps_reason_and_mark(ledger: Ledger) -> None:
    id = counter.close(ledger, "a", at("09:00"), at("12:00"), reason="flu").slot["id"]
    reopened = counter.reopen(ledger, "a", at("10:00"), at("11:00"))
    assert reopened.pieces == [(at("10:00"), at("11:00"))]
    before, after = reopened.left
    assert (before["id"], before["meta"]["versionId"]) == (id, "2")
    assert (after["id"] != id, after["meta"]["versionId"]) == (True, "1")
    assert [(one["start"][11:16], one["end"][11:16]) for one in reopened.left] == [
        ("09:00", "10:00"),
        ("11:00", "12:00"),
    ]
    for one in reopened.left:
        assert one["comment"] == "flu" and counter.is_closure(one)
        assert ledger.read(f"Slot/{one['id']}") == one


def test_reopening_touches_neither_bookings_nor_other_blocks(ledger: Ledger) -> None:
    visit = slot("s", "a", "2026-03-10T09:00:00Z", "2026-03-10T09:30:00Z")
    buffer = slot("s-after", "a", "2026-03-10T09:30:00Z", "2026-03-10T09:40:00Z", "busy-unavailable")
    block = slot("block", "a", "2026-03-10T10:00:00Z", "2026-03-10T11:00:00Z", "busy-unavailable")
    put(ledger, visit, buffer, block, appointment("x", ["s", "s-after"]))
    counter.close(ledger, "a", at("08:00"), at("12:00"))
    reopened = counter.reopen(ledger, "a", at("00:00"), at("23:00"))
    assert [one["id"] for one in reopened.remaining] == ["block"]
    for id in ("s", "s-after", "block"):
        assert (ledger.read(f"Slot/{id}") or {})["meta"]["versionId"] == "1"


def test_dry_runs_write_nothing(ledger: Ledger) -> None:
    put(ledger, appointment("x", []))
    counter.close(ledger, "a", at("09:00"), at("10:00"))
    before = ledger.last
    assert counter.set_status(ledger, "x", "arrived", dry_run=True)["status"] == "arrived"
    assert counter.close(ledger, "a", at("11:00"), at("12:00"), dry_run=True).slot["status"] == "busy-unavailable"
    assert counter.reopen(ledger, "a", at("09:00"), at("10:00"), dry_run=True).pieces == [(at("09:00"), at("10:00"))]
    assert ledger.last == before
    assert closed_minutes(ledger, "a") == set(range(at("09:00") // MINUTE, at("10:00") // MINUTE))


# Local times


@pytest.mark.parametrize(
    ("zone", "text", "instant"),
    [
        (NEW_YORK, "2026-03-10T09:00", "2026-03-10T13:00:00.000Z"),
        (NEW_YORK, "2026-03-06 09:00", "2026-03-06T14:00:00.000Z"),
        (NEW_YORK, "2026-03-10T09:00:30", "2026-03-10T13:00:30.000Z"),
        (NEW_YORK, "2026-03-10T09:00:00Z", "2026-03-10T09:00:00.000Z"),
        (NEW_YORK, "2026-03-08T01:59", "2026-03-08T06:59:00.000Z"),
        (NEW_YORK, "2026-03-08T03:00", "2026-03-08T07:00:00.000Z"),
        (NEW_YORK, "2026-11-01T00:59", "2026-11-01T04:59:00.000Z"),
        (NEW_YORK, "2026-11-01T02:00", "2026-11-01T07:00:00.000Z"),
        ("Asia/Kathmandu", "2026-03-10T09:00", "2026-03-10T03:15:00.000Z"),
        ("Pacific/Kiritimati", "2026-03-10T00:00", "2026-03-09T10:00:00.000Z"),
        ("America/Santiago", "2026-09-06T01:00", "2026-09-06T04:00:00.000Z"),
        ("Pacific/Apia", "2011-12-31T00:00", "2011-12-30T10:00:00.000Z"),
    ],
)
def test_local_times(ledger: Ledger, zone: str, text: str, instant: str) -> None:
    assert utc_text_ms(read_moment_ms("--start", text, zone_named(ledger, zone))) == instant


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        (NEW_YORK, "2026-03-08T02:00"),
        (NEW_YORK, "2026-03-08T02:59:59"),
        ("America/Santiago", "2026-09-06T00:00"),
        ("Australia/Lord_Howe", "2026-10-04T02:15"),
        ("Pacific/Apia", "2011-12-30T12:00"),
    ],
)
def test_skipped_times_are_refused(ledger: Ledger, zone: str, text: str) -> None:
    with pytest.raises(InvalidInputError, match="does not exist"):
        read_moment_ms("--start", text, zone_named(ledger, zone))


@pytest.mark.parametrize(
    ("zone", "text", "first", "second"),
    [
        (NEW_YORK, "2026-11-01T01:00", "2026-11-01T05:00:00.000Z", "2026-11-01T06:00:00.000Z"),
        ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45:00.000Z", "2026-04-04T15:15:00.000Z"),
    ],
)
def test_repeated_times_are_refused_with_both_instants(
    ledger: Ledger, zone: str, text: str, first: str, second: str
) -> None:
    with pytest.raises(InvalidInputError, match=f"Give {first} or {second}."):
        read_moment_ms("--start", text, zone_named(ledger, zone))


def test_dates_are_whole_local_days(ledger: Ledger) -> None:
    zone = zone_named(ledger, NEW_YORK)
    bounds = [read_bound_ms("--x", "2026-03-08", zone, side) for side in ("start", "end")]
    # The day of the change has 23 hours.
    assert [utc_text_ms(one) for one in bounds] == ["2026-03-08T05:00:00.000Z", "2026-03-09T04:00:00.000Z"]
    with pytest.raises(InvalidInputError):
        read_bound_ms("--x", "2026-02-29", zone, "start")
    with pytest.raises(InvalidInputError):
        read_bound_ms("--x", "2026-03", zone, "start")


def test_days_by_word_are_local(ledger: Ledger) -> None:
    now = instant_ms("2026-03-10T03:00:00Z") or 0
    epoch = datetime(1970, 1, 1)
    for name, day in (("UTC", 10), (NEW_YORK, 9)):
        zone = zone_named(ledger, name)
        found = [read_day("--day", word, zone, now) for word in ("yesterday", "today", "TOMORROW", "2026-03-01")]
        expected = [datetime(2026, 3, one) - epoch for one in (day - 1, day, day + 1, 1)]
        assert found == [one.days for one in expected]


def test_zones_of_schedules_and_appointments(ledger: Ledger) -> None:
    put(
        ledger,
        schedule("own", parameters(timezone="Asia/Tokyo"), actor="Practitioner/a"),
        schedule("none", actor="Practitioner/nobody", services=()),
        schedule("bare", actor="Practitioner/a", services=()),
        slot("s", "own", "2026-03-10T09:00:00Z", "2026-03-10T09:30:00Z"),
        practitioner("p", "Europe/Vienna", kind="Patient"),
    )
    zones = {id: zone_of_schedule(ledger, id).name for id in ("a", "b", "own", "none", "bare", "missing")}
    assert zones == {
        "a": NEW_YORK,
        "b": "Etc/UTC",
        "own": "Asia/Tokyo",
        "none": "Etc/UTC",
        "bare": NEW_YORK,
        "missing": "Etc/UTC",
    }
    people = [{"actor": {"reference": f"{one}"}} for one in ("Patient/p", "Practitioner/a")]
    assert zone_of_appointment(ledger, appointment("x", ["s"])).name == "Asia/Tokyo"
    assert zone_of_appointment(ledger, appointment("x", ["gone"], participant=people)).name == NEW_YORK
    assert zone_of_appointment(ledger, appointment("x", [])).name == "Etc/UTC"
    # Two of five schedules each are in UTC and New York: the first name wins.
    assert commonest_zone(ledger).name == NEW_YORK


# Proposals and lists


def test_a_proposal_made_is_the_one_that_find_offers(ledger: Ledger) -> None:
    ledger.put(service("long", name="Long", params=parameters(duration=40, bufferBefore=5, bufferAfter=10,
                                                              alignmentInterval=20, slotCapacity=3)))  # fmt: skip
    put(
        ledger,
        schedule("x", services=("long",), actor="Practitioner/a"),
        schedule("y", services=("long",), actor="Practitioner/b"),
    )
    zone = zone_named(ledger, "UTC")
    for minute in (at("09:00"), at("09:20"), at("23:40")):
        found = orders.choose(ledger, "long", [["x"], ["y"]], minute // MINUTE, zone, now=ledger.now())
        assert found.proposal == orders.propose(ledger, "long", ["x", "y"], minute // MINUTE)
        assert found.schedule_ids == ["x", "y"]


def test_details_are_added_and_nothing_is_changed() -> None:
    proposal: Resource = {"resourceType": "Appointment", "participant": [{"status": "accepted"}], "comment": "old"}
    before = json.dumps(proposal)
    added = orders.with_details(
        proposal, patient={"reference": "Patient/p"}, comment="new", identifiers=[{"value": "1"}]
    )
    assert json.dumps(proposal) == before
    assert added["participant"] == [
        {"actor": {"reference": "Patient/p"}, "required": "required", "status": "accepted"},
        {"status": "accepted"},
    ]
    assert (added["comment"], added["identifier"]) == ("new", [{"value": "1"}])
    assert orders.with_details(proposal) == proposal


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        ("a", {"value": "a"}),
        ("urn:s|a", {"system": "urn:s", "value": "a"}),
        ("urn:s|t|a", {"system": "urn:s|t", "value": "a"}),
        ("|a", {"value": "a"}),
    ],
)
def test_identifiers_as_typed(text: str, identifier: Resource) -> None:
    assert orders.read_identifier(text) == identifier


@pytest.mark.parametrize("text", ["", " ", "urn:s|", "|"])
def test_identifiers_without_value(text: str) -> None:
    with pytest.raises(InvalidInputError, match="has no value"):
        orders.read_identifier(text)


@pytest.mark.parametrize(
    ("proposal", "start"),
    [
        ({"start": "2026-03-10T09:00:00Z"}, "09:00"),
        (
            {"start": "2026-03-10T09:00:00Z", "contained": [{"status": "busy", "start": "2026-03-10T10:00:00Z"}]},
            "10:00",
        ),
        ({"contained": [{"status": "busy-unavailable", "start": "2026-03-10T08:00:00Z"}]}, None),
        ({"start": "soon"}, None),
    ],
)
def test_a_visit_starts_with_its_busy_slot(proposal: Resource, start: str | None) -> None:
    assert orders.start_ms(proposal) == (None if start is None else at(start))


def test_the_schedules_of_an_appointment_among_pools(ledger: Ledger) -> None:
    times = ("2026-03-10T09:00:00Z", "2026-03-10T09:30:00Z")
    put(ledger, slot("s", "a", *times), slot("s2", "a", *times), slot("t", "b", *times))
    both = appointment("x", ["s", "s2", "t"])

    def found(*pools: str) -> list[str] | None:
        return orders.schedules_from_pools(ledger, both, [pool.split(",") for pool in pools])

    assert found("a", "b") == ["a", "b"]
    assert found("a,b", "a") == ["b", "a"]
    assert found("c,b", "c,b,a") == ["b", "a"]
    assert found("a") is None and found("a", "c") is None and found("a,b", "a,b", "c") is None


def test_select_sorts_and_meets_days(ledger: Ledger) -> None:
    times: list[tuple[str, Any, Any]] = [
        ("night", "2026-03-09T23:30:00Z", "2026-03-10T00:30:00Z"),
        ("till", "2026-03-09T23:00:00Z", "2026-03-10T00:00:00Z"),
        ("point", "2026-03-10T00:00:00Z", None),
        ("next", "2026-03-11T00:00:00Z", "2026-03-11T01:00:00Z"),
        ("never", None, None),
    ]
    for id, start, end in times:
        given = {"start": start, "end": end}
        ledger.put(appointment(id, [], **{key: value for key, value in given.items() if value is not None}))
    zone = zone_named(ledger, "UTC")
    day = read_day("--day", "2026-03-10", zone, 0)
    everything = Wanted(None, None, None)
    assert [one["id"] for one in select(ledger, everything, (zone, day))] == ["night", "point"]
    assert [one["id"] for one in select(ledger, everything, None)] == ["never", "till", "night", "point", "next"]


# Positions


def test_positions(ledger: Ledger) -> None:
    everything = list(ledger.entries())
    for entry in everything:
        assert read_position(ledger, position_of(entry)) == entry.seq
        assert entry_json(entry)["position"] == position_of(entry)
        assert entry_json(entry)["time"] == "2026-03-09T12:00:00.000Z"
    with pytest.raises(InvalidInputError, match="is no position"):
        read_position(ledger, "1.xyz")


def test_a_position_of_a_ledger_set_back_is_noticed(tmp_path: Path, clock: Clock) -> None:
    with open_ledger(tmp_path / "one", clock=clock, identity="same") as one:
        one.put({"resourceType": "Patient", "id": "p"})
        position = position_of(list(one.entries())[-1])
    with open_ledger(tmp_path / "two", clock=clock, identity="same") as two:
        with pytest.raises(InvalidInputError, match="ends with entry 1"):
            read_position(two, position)
        two.put({"resourceType": "Patient", "id": "q"})
        with pytest.raises(InvalidInputError, match="entry 2 of this ledger is another one"):
            read_position(two, position)
