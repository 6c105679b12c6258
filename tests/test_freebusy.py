"""Free and busy time: against what `$find` offers minute by minute, as table, Parameters and iCalendar text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from desk_support import AMES, Ask, asker, book, save, set_up
from slotwright.io import open_calendar
from slotwright.io.freebusy import FreeBusy, free_busy, together
from slotwright.io.vfreebusy import write
from slotwright.solver.intervals import Edges
from solver_support import as_edges, as_set, minute
from support import (
    Resource,
    appointment,
    closed,
    find,
    hours,
    parameters,
    practitioner,
    schedule,
    service,
    slot,
    starts,
)

TUESDAY = ("--start", "2026-03-10", "--end", "2026-03-10")
LOW = minute("2026-03-10T08:00Z")
HIGH = LOW + 900
NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    return asker(tmp_path, monkeypatch, capsys)


def text(at: int) -> str:
    return (datetime(1970, 1, 1) + timedelta(minutes=at)).strftime("%Y-%m-%dT%H:%M:00Z")


def draw(seed: int) -> list[Resource]:
    """A service whose visits take one minute, so that its offers are the free minutes; Slots of every kind."""
    dice = Random(seed)
    periods = [(at, at + dice.choice([10, 60, 200])) for at in (dice.randint(LOW - 60, HIGH) for _ in range(10))]
    closures = [closed(text(start), text(end)) for start, end in periods[:2]]
    own = parameters(
        availability=[hours("tue", "07:00:00", "12:00:00"), hours("tue", "13:00:00", "22:30:00"), *closures]
    )
    statuses = ("busy", "busy", "busy-tentative", "busy-unavailable", "free", "entered-in-error")
    slots = [
        slot(
            f"s{n}",
            "a",
            text(start),
            text(end),
            dice.choice(statuses),
            capacity=dice.choice([None, 2, 3]),
            **other(dice),
        )
        for n, (start, end) in enumerate(periods[2:])
    ]
    lapsed = appointment("hold", ["s0"], status="pending", hold_expires="2026-03-09T11:00:00Z")
    horizon = (text(LOW + dice.randint(-60, 60)), text(HIGH - dice.randint(-60, 60)))
    one_minute = parameters(duration=1, alignmentInterval=1, slotCapacity=dice.choice([1, 2]))
    coded = [{"coding": [{"code": "checkup"}]}]
    return [
        service(params=one_minute, type=coded), practitioner("a"), schedule("a", own, horizon=horizon), *slots, lapsed
    ]  # fmt: skip


def other(dice: Random) -> dict[str, Any]:
    """Some Slots concern another service."""
    return {"serviceType": [{"coding": [{"code": "talk"}]}]} if dice.random() < 0.2 else {}


def of_a(resources: list[Resource], service_id: str | None = "checkup") -> FreeBusy:
    return free_busy(open_calendar(resources), "a", service_id, LOW, HIGH, NOW_MS)


@pytest.mark.parametrize("seed", range(40))
def test_free_minutes_are_those_that_find_offers(seed: int) -> None:
    resources = draw(seed)
    found = of_a(resources)
    offered = starts(find(resources, schedule="a", start=text(LOW), end=text(HIGH), count="1000", now=NOW))
    assert as_set(found.free) == {minute(one) for one in offered}


@pytest.mark.parametrize("service_id", ["checkup", None])
@pytest.mark.parametrize("seed", range(20))
def test_every_minute_is_one_of_free_busy_and_closed(seed: int, service_id: str | None) -> None:
    found = of_a(draw(seed), service_id)
    parts = [as_set(edges) for edges in (found.free, found.closed, *found.busy.values())]
    assert sum(map(len, parts)) == HIGH - LOW
    assert set().union(*parts) == set(range(LOW, HIGH))


@pytest.mark.parametrize("seed", range(20))
def test_without_a_service_whatever_occupies_is_busy_by_its_status(seed: int) -> None:
    resources = draw(seed)
    status: dict[int, set[str]] = {}
    for one in resources:
        if one["resourceType"] == "Slot" and one["id"] != "s0":  # its hold has lapsed
            for at in range(minute(one["start"]), minute(one["end"])):
                status.setdefault(at, set()).add(one["status"])
    found = of_a(resources, None)
    for at in range(LOW, HIGH):
        running = status.get(at, set())
        expected = next((one for one in ("busy", "busy-unavailable", "busy-tentative") if one in running), None)
        assert next((name for name, edges in found.busy.items() if at in as_set(edges)), None) == expected


def test_all_together_is_free_where_each_is_and_busy_where_one_is() -> None:
    one, two = of_a(draw(1)), of_a(draw(2))
    free, busy = together([one, two])
    assert free == as_edges(as_set(one.free) & as_set(two.free))
    assert busy == as_edges(as_set(one.taken()) | as_set(two.taken()))


def test_a_schedule_without_a_service_is_never_free_but_busy() -> None:
    resources = [practitioner("a"), schedule("a", services=()), slot("x", "a", text(LOW + 60), text(LOW + 90))]
    found = of_a(resources, None)
    assert (found.free, found.busy["busy"], found.closed) == ([], [LOW + 60, LOW + 90], [LOW, LOW + 60, LOW + 90, HIGH])


def test_a_hold_on_a_schedule_without_a_service_is_busy_until_it_lapses() -> None:
    held = slot("x", "a", text(LOW + 60), text(LOW + 90), "busy-tentative")
    for expires, busy in (("2026-03-09T12:00:00Z", []), ("2026-03-09T12:00:01Z", [LOW + 60, LOW + 90])):
        hold = appointment("h", ["x"], status="pending", hold_expires=expires)
        found = of_a([practitioner("a"), schedule("a", services=()), held, hold], None)
        assert found.busy["busy-tentative"] == busy


# The command


def test_a_table_by_days(ask: Ask) -> None:
    set_up(ask)
    book(ask, "2026-03-10T10:00")
    said = ask("freebusy", "--schedule", "ames,room-1", "--service", "checkup", *TUESDAY)
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert (said.code, said.err) == (0, "")
    assert lines == [
        "Times are those of America/New_York.",
        "",
        "Day Schedule Free Busy",
        lines[3],
        "Tue 10 Mar Dr. Ames (ames) 09:00 – 10:00, 10:30 – 12:00 10:00 – 10:30",
        "Room 1 (room-1) 00:00 – 10:00, 10:30 – 24:00 10:00 – 10:30",
        "all together 09:00 – 10:00, 10:30 – 12:00 10:00 – 10:30",
    ]
    every = ask("freebusy", "--start", "2026-03-10", "--end", "2026-03-11")
    assert every.out.count("Room 2 (room-2)") == 2 and every.out.count("all together") == 2


def test_parameters(ask: Ask) -> None:
    set_up(ask)
    book(ask, "2026-03-10T10:00")
    found = ask("freebusy", "--schedule", "ames", "--schedule", "room-1", *TUESDAY, "--json").json["parameter"]
    assert [one["name"] for one in found] == ["window", "schedule", "schedule", "together"]
    assert found[0]["valuePeriod"] == {"start": "2026-03-10T04:00:00.000Z", "end": "2026-03-11T04:00:00.000Z"}
    assert found[1]["part"][0]["valueReference"] == {"reference": "Schedule/ames"}
    spans = [
        (one["name"], one["valuePeriod"]["start"][11:16], one["valuePeriod"]["end"][11:16])
        for one in found[1]["part"][1:]
    ]
    assert spans == [
        ("free", "13:00", "14:00"), ("free", "14:30", "16:00"), ("busy", "14:00", "14:30"),
        ("closed", "04:00", "13:00"), ("closed", "16:00", "04:00"),
    ]  # fmt: skip
    assert [one["name"] for one in found[2]["part"]] == ["schedule", "free", "free", "busy-unavailable"]


def test_icalendar_text_of_the_command(ask: Ask) -> None:
    set_up(ask)
    book(ask, "2026-03-10T10:00")
    said = ask("freebusy", *AMES[2:], *TUESDAY, "--vfreebusy")
    assert unfolded(said.out) == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//slotwright//freebusy//EN",
        "BEGIN:VFREEBUSY",
        "UID:ames-20260310T040000Z-20260311T040000Z@slotwright",
        "DTSTAMP:20260309T120000Z",
        "DTSTART:20260310T040000Z",
        "DTEND:20260311T040000Z",
        "COMMENT:Dr. Ames (Schedule/ames)",
        "FREEBUSY;FBTYPE=BUSY:20260310T140000Z/20260310T143000Z",
        "FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20260310T040000Z/20260310T130000Z,20260310T160000Z/20260311T040000Z",
        "FREEBUSY;FBTYPE=FREE:20260310T130000Z/20260310T140000Z,20260310T143000Z/20260310T160000Z",
        "END:VFREEBUSY",
        "END:VCALENDAR",
    ]


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        ((*TUESDAY, "--json", "--vfreebusy"), 2, "--json and --vfreebusy exclude each other."),
        (("--start", "2026-03-10", "--end", "2027-06-01"), 5, "The last --end that fits is"),
        (("--start", "2026-03-10T09:00:10Z", "--end", "2026-03-10T09:00:50Z"), 5, "holds no whole minute"),
        (("--start", "2020-03-10T09:00:00Z", "--end", "2026-03-10T09:00:00Z"), 5, "longer than 366 days"),
        ((*TUESDAY, "--schedule", "nobody"), 6, "No schedule is called 'nobody'"),
    ],
)
def test_what_cannot_be_shown(ask: Ask, options: tuple[str, ...], code: int, sentence: str) -> None:
    set_up(ask)
    said = ask("freebusy", *options)
    assert (said.code, said.out) == (code, "") and sentence in said.err


def test_nothing_to_show_and_parameters_that_do_not_resolve(ask: Ask) -> None:
    save([service()])
    said = ask("freebusy", "--calendar", "practice.ndjson", *TUESDAY)
    assert said.code == 5 and "There is no schedule to show" in said.err
    save([service(params=parameters(alignmentInterval=30)), practitioner("a"), schedule("a")])
    said = ask("freebusy", "--calendar", "practice.ndjson", *TUESDAY)
    assert (said.code, said.err) == (0, "Warning: Schedule/a has no sound parameters for checkup.\n")


# iCalendar text


def unfolded(content: str) -> list[str]:
    """The content lines (RFC 5545, 3.1)."""
    return content.replace("\r\n ", "").removesuffix("\r\n").split("\r\n")


@pytest.mark.parametrize("seed", range(10))
def test_the_text_says_the_same_minutes(seed: int) -> None:
    found = of_a(draw(seed))
    said: dict[str, set[int]] = {}
    for line in unfolded(write([found], {"a": "A"}, LOW, HIGH, LOW)):
        match = re.fullmatch(r"FREEBUSY;FBTYPE=([A-Z-]+):(.*)", line)
        if match:
            periods = (period.split("/") for period in match[2].split(","))
            edges: Edges = [stamp(one) for period in periods for one in period]
            assert edges == sorted(edges) and match[1] not in said
            said[match[1]] = as_set(edges)
    expected = {
        "FREE": as_set(found.free),
        "BUSY": as_set(found.busy["busy"]),
        "BUSY-TENTATIVE": as_set(found.busy["busy-tentative"]),
        "BUSY-UNAVAILABLE": as_set(found.busy["busy-unavailable"]) | as_set(found.closed),
    }
    assert said == {type: minutes for type, minutes in expected.items() if minutes}


def stamp(written: str) -> int:
    return int(datetime.strptime(written, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()) // 60


def test_lines_are_folded_at_75_octets_and_no_letter_is_torn() -> None:
    title = "Čeněk; Dvořák, \\ 日本語の長い名前" * 5 + "\nnext\x07line"
    content = write(
        [FreeBusy("a", [], {"busy": [], "busy-unavailable": [], "busy-tentative": []}, [], ())], {"a": title}, 0, 60, 0
    )
    for line in content.encode().split(b"\r\n"):
        assert len(line) <= 75
        line.decode()
    [comment] = [line for line in unfolded(content) if line.startswith("COMMENT:")]
    read = re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], comment.removeprefix("COMMENT:"))
    assert read == f"{title.replace(chr(7), ' ')} (Schedule/a)"
