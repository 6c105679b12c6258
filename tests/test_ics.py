"""Appointments as calendar files: what stands in them, and that reading them takes the same time again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import icalendar
import pytest
from desk_support import Ask, asker, book, set_up
from hypothesis import given, settings
from hypothesis import strategies as st
from ics_support import ms
from slotwright.io import open_calendar
from slotwright.io.ical.feed import read_feed
from slotwright.io.ical.write import Writer
from slotwright.io.instants import utc_text_ms
from slotwright.io.zones import Zones
from slotwright.solver import intervals
from support import appointment, parameters, practitioner, schedule, service, slot

TUESDAY = ("--from", "2026-03-10", "--to", "2026-03-10")
BUFFERED = service("scan", name="Scan, slow; big", params=parameters(duration=30, bufferAfter=15, alignmentInterval=30))


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    return asker(tmp_path, monkeypatch, capsys)


def lines(text: str) -> list[str]:
    """Content lines, unfolded."""
    assert text.endswith("END:VCALENDAR\r\n")
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    return text.replace("\r\n ", "").split("\r\n")[:-1]


def events(text: str) -> list[Any]:
    """What the library takes from it, which must find no fault."""
    found: Any = icalendar.Calendar.from_ical(text)
    assert not found.errors and not any(one.errors for one in found.walk())
    return list(found.walk("VEVENT"))


def write(ask: Ask, *arguments: str) -> str:
    said = ask("ics", "-o", "out.ics", *arguments)
    assert (said.code, said.out, said.err) == (0, "", "")
    return Path("out.ics").read_bytes().decode()


def test_a_booking_line_by_line(ask: Ask) -> None:
    set_up(ask)
    id = book(ask, "2026-03-10T09:00", "--patient", "ann", schedules=("ames", "room-1"))
    assert lines(write(ask, id)) == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//slotwright//ics//EN",
        "BEGIN:VEVENT",
        f"UID:{id}@slotwright",
        "DTSTAMP:20260309T120000Z",
        "SEQUENCE:0",
        "DTSTART:20260310T130000Z",
        "DTEND:20260310T133000Z",
        "SUMMARY:Check-up",
        "LOCATION:Room 1",
        "STATUS:CONFIRMED",
        "TRANSP:OPAQUE",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    assert "Ann" not in write(ask, id)
    assert "SUMMARY:Check-up: Ann Lee" in lines(write(ask, id, "--with-patients"))


def test_moved_and_cancelled_it_keeps_its_uid_and_counts_on(ask: Ask) -> None:
    set_up(ask)
    id = book(ask, "2026-03-10T09:00")
    assert ask("reschedule", id, "--start", "2026-03-10T10:00").code == 0
    (moved,) = events(write(ask, id))
    assert (moved["UID"], moved["SEQUENCE"]) == (f"{id}@slotwright", 1)
    assert moved["DTSTART"].dt == datetime(2026, 3, 10, 14, tzinfo=UTC)
    assert ask("cancel", id, "--now", "2026-03-09T13:00:00Z").code == 0
    text = write(ask, id)
    (cancelled,) = events(text)
    assert "METHOD:CANCEL" in lines(text)
    assert (cancelled["UID"], cancelled["SEQUENCE"], cancelled["STATUS"]) == (f"{id}@slotwright", 2, "CANCELLED")
    assert "DTSTAMP:20260309T130000Z" in lines(text)
    assert events(write(ask, "--schedule", "ames", *TUESDAY)) == []


def test_a_schedule_has_visits_buffers_holds_and_closures(ask: Ask) -> None:
    scanner = schedule("scanner", actor="Practitioner/ames", services=("scan",))
    set_up(ask, BUFFERED, scanner)
    at = ("--service", "scan", "--schedule", "scanner")
    booked = ask("book", *at, "--start", "2026-03-10T09:00", "--patient", "ann").ids[0]
    held = ask("hold", *at, "--start", "2026-03-10T10:00").ids[0]
    assert (
        ask("close", "scanner", "--from", "2026-03-10T12:00", "--to", "2026-03-10T13:00", "--reason", "flu").code == 0
    )
    text = write(ask, "--schedule", "scanner", *TUESDAY)
    found = [
        (f"{one['DTSTART'].dt:%H:%M}", f"{one['DTEND'].dt:%H:%M}", str(one["SUMMARY"]), str(one["STATUS"]))
        for one in events(text)
    ]
    assert found == [
        ("13:00", "13:30", "Scan, slow; big", "CONFIRMED"),
        ("13:30", "13:45", "Scan, slow; big (buffer)", "CONFIRMED"),
        ("14:00", "14:30", "Scan, slow; big", "TENTATIVE"),
        ("14:30", "14:45", "Scan, slow; big (buffer)", "CONFIRMED"),
        ("16:00", "17:00", "Busy", "CONFIRMED"),
    ]
    uids = [str(one["UID"]) for one in events(text)]
    assert len(set(uids)) == 5 and {uids[0], uids[2]} == {f"{booked}@slotwright", f"{held}@slotwright"}
    assert "flu" not in text and "Ann" not in text
    assert "X-WR-CALNAME:scanner" in lines(text)
    assert events(write(ask, "--schedule", "scanner", "--from", "2026-03-11")) == []


def test_what_is_written_is_busy_when_it_is_loaded(ask: Ask) -> None:
    set_up(ask)
    book(ask, "2026-03-10T09:00")
    write(ask, "--schedule", "ames", *TUESDAY)
    assert ask("ledger", "load", "--ics", "bell=out.ics").code == 0
    at = ("find", "--service", "checkup", "--start", "2026-03-10", "--end", "2026-03-10", "--ndjson")
    starts = [[one["start"] for one in ask(*at, "--schedule", name).lines] for name in ("ames", "bell")]
    assert starts[0] == starts[1] and len(starts[0]) == 5


def test_a_calendar_will_do_and_standard_output_too(ask: Ask) -> None:
    set_up(ask)
    said = ask("ics", "--calendar", "practice.ndjson", "--schedule", "room-1", "--timezone", "UTC", *TUESDAY)
    (found,) = events(said.out)
    assert (found["SUMMARY"], found["UID"], found["SEQUENCE"]) == ("Busy", "slot-paint@slotwright", 0)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ((), 2, "Name one APPOINTMENT, or a schedule with --schedule."),
        (("x", "--schedule", "ames"), 2, "Name one APPOINTMENT, or a schedule with --schedule."),
        (("x", "--from", "2026-03-10"), 2, "--from is only for --schedule."),
        (("x",), 6, "x"),
        (("odd",), 5, "Appointment/odd has no start and end that can be read. Correct it first."),
        (("--schedule", "ames", "--to", "2026-03-01"), 5, "--to 2026-03-01 is not after --from today."),
        (("--schedule", "ames", "--from", "soon"), 5, "--from 'soon' is neither a local time"),
    ],
)
def test_wrong_use(ask: Ask, arguments: tuple[str, ...], code: int, sentence: str) -> None:
    set_up(ask, appointment("odd", [], participant=[]))
    said = ask("ics", *arguments)
    assert (said.code, said.out) == (code, "")
    assert sentence in said.err


LOW, HIGH = ms("2026-03-09T00:00"), ms("2026-03-12T00:00")
STATUSES = ("busy", "busy-tentative", "busy-unavailable", "free", "entered-in-error")


@settings(max_examples=60, deadline=None)
@given(
    pieces=st.lists(
        st.tuples(
            st.integers(LOW - 86_400_000, HIGH),
            st.integers(1, 200_000_000),
            st.sampled_from(STATUSES),
            st.sampled_from(["none", "booked", "pending", "cancelled"]),
        ),
        max_size=8,
    ),
    name=st.text(max_size=60),
)
def test_what_is_written_and_read_again_takes_the_same_time(pieces: list[tuple[int, int, str, str]], name: str) -> None:
    slots = [
        slot(f"s{number}", "a", utc_text_ms(start), utc_text_ms(start + length), status)
        for number, (start, length, status, _) in enumerate(pieces)
    ]
    booked = [
        appointment(f"b{number}", [f"s{number}"], status=status)
        for number, (*_, status) in enumerate(pieces)
        if status != "none"
    ]
    store = open_calendar([service(name=name or "x"), practitioner("a"), schedule("a"), *slots, *booked])
    text = Writer(store, LOW, True).schedule("a", name, (LOW, HIGH))
    lines(text)
    zone = Zones().get("Etc/UTC")
    assert zone is not None
    with TemporaryDirectory() as folder:
        path = Path(folder, "a.ics")
        path.write_bytes(text.encode())
        found = read_feed(str(path), zone, (LOW, HIGH))
    assert found.unread == []
    taken = [
        (start // 60_000, -(-(start + length) // 60_000))
        for start, length, status, _ in pieces
        if status.startswith("busy")
    ]
    met = [(start, end) for start, end in taken if start < HIGH // 60_000 and end > LOW // 60_000]
    read = [(one.start_ms // 60_000, one.end_ms // 60_000) for one in found.busy]
    assert intervals.from_pairs(read) == intervals.from_pairs(met)
