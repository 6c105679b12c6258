"""Calendar files on the command line: into a ledger, again and again, and into one search."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import pytest
from desk_support import AMES, Ask, asker, entries, practice, save, set_up
from ics_support import calendar, event
from slotwright.io import open_ledger
from support import Resource

WINDOW = ("--from", "2026-03-09", "--to", "2026-03-31")
TUESDAY = ("--start", "2026-03-10", "--end", "2026-03-10", "--ndjson")
TEN = event("DTSTART;TZID=America/New_York:20260310T100000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=3", uid="ten")
NINE = event("DTSTART;TZID=America/New_York:20260310T090000", "DURATION:PT30M", uid="nine")


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    return asker(tmp_path, monkeypatch, capsys)


def write(*events: str, name: str = "ames.ics") -> str:
    Path(name).write_bytes(calendar(*events).encode())
    return f"ames={name}"


def imported() -> list[Resource]:
    """The Slots that events made, by start."""
    with open_ledger("practice.ledger", read_only=True) as ledger:
        found = [one for one in ledger.slots_of("ames") if one["id"].startswith("ics-")]
    return sorted(found, key=lambda one: (one["start"], one["id"]))


def starts(said: Any) -> list[str]:
    """The starts offered in local time of New York: 13:00Z is nine there."""
    return [f"{int(one['start'][11:13]) - 4:02}:{one['start'][14:16]}" for one in said.lines]


def loaded(ask: Ask, given: str, *options: str) -> str:
    said = ask("ledger", "load", "--ics", given, *WINDOW, *options)
    assert (said.code, said.err) == (0, "")
    return said.out.partition(": ")[2].strip()


def test_events_become_slots_that_keep_their_ids(ask: Ask) -> None:
    set_up(ask)
    assert loaded(ask, write(TEN, NINE)) == "4 created, 0 updated, 0 unchanged, 0 removed."
    assert [(one["start"][5:16], one["end"][5:16], one["status"]) for one in imported()] == [
        ("03-10T13:00", "03-10T13:30", "busy-unavailable"),
        ("03-10T14:00", "03-10T15:00", "busy-unavailable"),
        ("03-17T14:00", "03-17T15:00", "busy-unavailable"),
        ("03-24T14:00", "03-24T15:00", "busy-unavailable"),
    ]
    assert starts(ask("find", *AMES, *TUESDAY)) == ["09:30", "11:00", "11:30"]
    before = imported()
    assert loaded(ask, write(TEN, NINE)) == "0 created, 0 updated, 4 unchanged, 0 removed."
    assert imported() == before
    assert [one["kind"] for one in entries(ask)] == ["init", "load", "ics"], "nothing new is no entry"
    assert ask("ledger", "verify").code == 0


def test_loading_again_replaces_what_changed_and_removes_what_vanished(ask: Ask) -> None:
    set_up(ask)
    loaded(ask, write(TEN, NINE))
    ids = [one["id"] for one in imported()]
    moved = event("RECURRENCE-ID:20260317T140000Z", "DTSTART:20260318T140000Z", "DURATION:PT2H", uid="ten")
    assert loaded(ask, write(TEN, moved)) == "0 created, 1 updated, 2 unchanged, 1 removed."
    assert [one["id"] for one in imported()] == ids[1:]
    assert [one["start"][5:16] for one in imported()] == ["03-10T14:00", "03-18T14:00", "03-24T14:00"]
    assert imported()[1]["meta"]["versionId"] == "2"
    assert loaded(ask, write(NINE)) == "1 created, 0 updated, 0 unchanged, 3 removed."
    assert [one["id"] for one in imported()] == ids[:1]


def test_only_what_came_from_the_same_file_and_meets_the_window_vanishes(ask: Ask) -> None:
    set_up(ask)
    loaded(ask, write(TEN))
    loaded(ask, write(NINE, name="private.ics"))
    assert len(imported()) == 4
    said = ask("ledger", "load", "--ics", write(), "--from", "2026-03-16", "--to", "2026-03-18")
    assert said.out.endswith("0 unchanged, 1 removed.\n")
    assert [one["start"][5:10] for one in imported()] == ["03-10", "03-10", "03-24"]


def test_what_cannot_be_read_any_more_is_named_and_stays(ask: Ask) -> None:
    set_up(ask)
    loaded(ask, write(TEN, NINE))
    bad = event("DTSTART:soon", uid="nine")
    said = ask("ledger", "load", "--ics", write(TEN, bad), *WINDOW)
    assert (said.code, said.err) == (
        0,
        "Warning: ames.ics, UID nine: DTSTART 'soon' is neither a day nor a time.\n",
    )
    assert "0 removed" in said.out and len(imported()) == 4


def test_a_dry_run_writes_nothing(ask: Ask) -> None:
    set_up(ask)
    said = ask("ledger", "load", "--ics", write(TEN), *WINDOW, "--dry-run")
    assert said.out == (
        "Would load 3 busy times of 2026-03-09 to 2026-03-31: 3 created, 0 updated, 0 unchanged, 0 removed.\n"
    )
    assert imported() == []


def test_the_window_is_two_years_from_today_without_options(ask: Ask) -> None:
    set_up(ask)
    daily = event("DTSTART;VALUE=DATE:20200101", "RRULE:FREQ=DAILY")
    said = ask("ledger", "load", "--ics", write(daily))
    # From Monday 9 March 2026 to the same day of 2028, both included: 366 days up to that of 2027 less one, and so on.
    assert said.out.startswith("Loaded 732 busy times of 2026-03-09 to 2028-03-09: 732 created")


def test_two_calendars_of_two_schedules_are_one_entry(ask: Ask) -> None:
    set_up(ask)
    write(TEN)
    said = ask("ledger", "load", "--ics", "ames=ames.ics", "--ics", "Dr. Bell=ames.ics", *WINDOW)
    assert said.out.startswith("Loaded 6 busy times")
    last = entries(ask)[-1]
    assert last["kind"] == "ics"


def test_weekly_hours_of_an_availability(ask: Ask) -> None:
    set_up(ask)
    hours = (
        "BEGIN:VAVAILABILITY\r\nUID:v\r\nBEGIN:AVAILABLE\r\nUID:w\r\nDTSTART:20250107T100000\r\n"
        "DURATION:PT1H\r\nRRULE:FREQ=WEEKLY\r\nEND:AVAILABLE\r\nEND:VAVAILABILITY"
    )
    given = write(hours)
    assert starts(ask("find", *AMES, *TUESDAY, "--busy", given)) == ["10:00", "10:30"]
    assert starts(ask("find", *AMES, *TUESDAY))[0] == "09:00", "a search changes nothing"
    said = ask("ledger", "load", "--ics", given, *WINDOW)
    assert said.out.endswith("Set the weekly hours of Schedule/ames.\n")
    assert starts(ask("find", *AMES, *TUESDAY)) == ["10:00", "10:30"]
    assert ask("ledger", "load", "--ics", given, *WINDOW).out.count("\n") == 1


# One search


def test_busy_time_of_one_search(ask: Ask) -> None:
    save(practice())
    at = ("find", "--calendar", "practice.ndjson", *AMES, *TUESDAY)
    assert starts(ask(*at)) == ["09:00", "09:30", "10:00", "10:30", "11:00", "11:30"]
    assert starts(ask(*at, "--busy", write(TEN))) == ["09:00", "09:30", "11:00", "11:30"]
    several = ("--busy", write(TEN), "--busy", write(NINE, name="more.ics"))
    assert starts(ask(*at, *several)) == ["09:30", "11:00", "11:30"]
    day = event("DTSTART;VALUE=DATE:20260310", "TRANSP:TRANSPARENT")
    assert len(starts(ask(*at, "--busy", write(day)))) == 6
    assert ask(*at, "--busy", write(day), "--all-day", "busy").code == 3


def test_a_series_is_searched_with_the_busy_time_of_all_its_weeks(ask: Ask) -> None:
    save(practice())
    later = event("DTSTART;TZID=America/New_York:20260414T090000", "DURATION:PT1H")
    at = ("find", "--calendar", "practice.ndjson", *AMES, *TUESDAY, "--occurrences", "6", "--busy", write(later))
    assert starts(ask(*at))[0] == "10:00"


def test_what_is_busy_for_a_search_is_explained(ask: Ask) -> None:
    """Six starts without the event, two of which it takes; the command that `find` prints knows of it too."""
    save(practice())
    of = ("--calendar", "practice.ndjson", *AMES, "--busy", write(TEN))
    said = ask("explain", *of, "--at", "2026-03-10T10:30")
    assert said.code == 0, said.err
    head, _, whose, taken, slot = said.out.splitlines()
    assert head == "Check-up, 30 min · Tue 10 Mar 2026, 10:30 EDT: not offered."
    assert (whose, taken) == ("Dr. Ames (ames): not free.", "  Taken 10:30 – 11:00 EDT:")
    assert slot.startswith("    busy-unavailable, busy in ames.ics, Tue 10 Mar, 10:00 – 11:00 EDT (Slot/ics-")
    assert ": offered." in ask("explain", *of, "--at", "2026-03-10T11:00").out
    day = write(event("DTSTART;VALUE=DATE:20260310", "TRANSP:TRANSPARENT"))
    nothing = ask("find", *of[:-1], day, "--all-day", "busy", "--start", "2026-03-10", "--end", "2026-03-10")
    assert nothing.code == 3
    assert f"--busy {day} --all-day busy --summary" in nothing.err
    assert "0 offered" in ask("explain", *of[:-1], day, "--all-day", "busy", *TUESDAY[:-1], "--summary").out


def test_a_series_is_explained_with_the_busy_time_of_all_its_weeks(ask: Ask) -> None:
    save(practice())
    later = write(event("DTSTART;TZID=America/New_York:20260414T090000", "DURATION:PT1H"))
    of = ("explain", "--calendar", "practice.ndjson", *AMES, "--occurrences", "6", "--busy", later)
    assert ": not offered." in ask(*of, "--at", "2026-03-10T09:30").out
    assert ": offered." in ask(*of, "--at", "2026-03-10T10:00").out


def test_the_earliest_time_is_after_what_is_busy(ask: Ask) -> None:
    """Mornings from nine to noon: the first event takes a whole one, and its series three Tuesdays."""
    save(practice())
    morning = event("DTSTART;TZID=America/New_York:20260310T090000", "DURATION:PT3H", "RRULE:FREQ=WEEKLY;COUNT=3")
    of = ("next", "--calendar", "practice.ndjson", *AMES, "--from", "2026-03-10", "--weekday", "tue", "--ndjson")
    assert [one["start"] for one in ask(*of).lines] == ["2026-03-10T13:00:00.000Z"]
    assert [one["start"] for one in ask(*of, "--busy", write(morning)).lines] == ["2026-03-31T13:00:00.000Z"]


def test_a_ledger_is_searched_and_not_changed(ask: Ask) -> None:
    set_up(ask)
    assert starts(ask("find", *AMES, *TUESDAY, "--busy", write(TEN))) == ["09:00", "09:30", "11:00", "11:30"]
    assert [one["kind"] for one in entries(ask)] == ["init", "load"]


# Wrong use


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        ((), 2, "Missing argument 'PATH…' or option '--ics'."),
        (("practice.ndjson", "--ics", "ames=ames.ics"), 2, "PATH and --ics exclude each other"),
        (("practice.ndjson", "--from", "2026-03-09"), 2, "--from is only for --ics."),
        (("--ics", "ames.ics"), 2, "--ics 'ames.ics' is not NAME=PATH, as in dr-a=dr-a.ics."),
        (("--ics", "ames="), 2, "is not NAME=PATH"),
        (("--ics", "nobody=ames.ics"), 6, "nobody"),
        (("--ics", "ames=missing.ics"), 5, "missing.ics does not exist. Give an .ics file"),
        (("--ics", "ames=practice.ndjson"), 5, "practice.ndjson is no iCalendar file"),
        (("--ics", "ames=ames.ics", "--ics", "Dr. Ames=./ames.ics"), 2, "is the second of this name for Schedule/ames"),
        (("--ics", "ames=ames.ics", "--to", "2026-03-01"), 5, "is no window: give an end after the begin"),
        (("--ics", "ames=ames.ics", "--to", "2126-03-01"), 5, "within 3,660 days."),
        (("--ics", "ames=ames.ics", "--from", "soon"), 5, "--from 'soon' is no day."),
    ],
)
def test_wrong_use(ask: Ask, options: tuple[str, ...], code: int, sentence: str) -> None:
    set_up(ask)
    write(TEN)
    said = ask("ledger", "load", *options)
    assert (said.code, said.out) == (code, "")
    assert sentence in said.err
    assert imported() == []


@pytest.mark.parametrize("library", ["icalendar", "dateutil"])
def test_without_the_libraries_the_answer_says_what_to_install(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    import sys

    set_up(ask)
    write(TEN)
    for name in [one for one in sys.modules if one.startswith(("slotwright.io.ical", "icalendar", "dateutil"))]:
        monkeypatch.delitem(sys.modules, name)
    plain = builtins.__import__

    def without(name: str, *arguments: Any, **others: Any) -> Any:
        if name.partition(".")[0] == library:
            raise ModuleNotFoundError(f"No module named {library!r}", name=library)
        return plain(name, *arguments, **others)

    monkeypatch.setattr(builtins, "__import__", without)
    said = ask("ledger", "load", "--ics", "ames=ames.ics")
    assert (said.code, said.out) == (2, "")
    assert said.err.endswith(f"--ics needs {library}, which is not installed: pip install 'slotwright[ical]'\n")


@pytest.mark.usefixtures("ask")
def test_a_find_without_files_loads_nothing_of_it() -> None:
    import subprocess
    import sys

    save(practice())
    script = (
        "import sys\nfrom slotwright.cli.main import run\n"
        f"run({['find', '--calendar', 'practice.ndjson', *AMES, *TUESDAY]!r})\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout.splitlines()[0])["resourceType"] == "Appointment"
    assert not [one for one in done.stderr.split() if one.startswith(("slotwright.io.ical", "icalendar", "dateutil"))]
