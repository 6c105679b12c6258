"""`slotwright view` in the terminal: letters, colours, width, JSON."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from desk_support import Ask, asker, book, practice, save, set_up
from slotwright.io.view.data import KINDS, MEANINGS
from support import slot

DAY = ("--day", "2026-03-10")


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    return asker(tmp_path, monkeypatch, capsys)


def test_a_day_by_schedules(ask: Ask) -> None:
    """Mornings are 9 to 12 in New York; five minutes are the least that a letter stands for."""
    set_up(ask)
    book(ask, "2026-03-10T09:30", "--patient", "ann")
    said = ask("view", *DAY, "--schedule", "ames", "--schedule", "bell", "--service", "checkup")
    assert said.code == 0, said.err
    head, empty, axis, ames, bell, legend = said.out.splitlines()
    assert (head, empty) == ("Check-up · Tuesday 10 March 2026 (America/New_York)", "")
    assert axis == "          09          10          11          12"
    assert ames == "Dr. Ames  ○○○○○○▐█████○○○○○○○○○○○○○○○○○○○○○○○○"
    assert bell == "Dr. Bell  ○○○○○○○○○○○○○○○○○○○○○○○○○○○○○○○○○○○○"
    assert legend == "· open   █ booked   ○ offered   one letter: 5 min"


def test_a_week_of_one_schedule(ask: Ask) -> None:
    set_up(ask, slot("trip", "ames", "2026-03-12T13:00:00Z", "2026-03-12T16:00:00Z", "busy-unavailable"))
    assert ask("close", "ames", "--from", "2026-03-11", "--to", "2026-03-11").code == 0
    said = ask("view", "--week", "2026-03-10", "--schedule", "ames")
    lines = [line.rstrip() for line in said.out.splitlines()]
    assert lines[0] == "9 to 15 March 2026 (America/New_York)"
    assert lines[2] == "Dr. Ames"
    whole = "·" * 36
    assert lines[4:8] == [
        f"Mon 9 Mar   {whole}",
        f"Tue 10 Mar  {whole}",
        f"Wed 11 Mar  {'×' * 36}",
        f"Thu 12 Mar  {'▓' * 36}",
    ]
    assert lines[11] == "· open   × closed   ▓ blocked   one letter: 5 min"


def test_offers_of_all_together_are_those_of_find(ask: Ask) -> None:
    set_up(ask)
    book(ask, "2026-03-10T09:30", schedules=("bell",))
    options = ("--schedule", "ames", "--schedule", "bell", "--service", "checkup", *DAY)
    alone, together = ask("view", *options).out, ask("view", *options, "--together").out
    assert "Dr. Ames  ○○○○○○○○○○○○○○" in alone
    assert "Dr. Ames  ○○○○○○······○○" in together


def test_only_what_lies_ahead_is_offered_in_a_ledger(ask: Ask) -> None:
    set_up(ask)
    options = ("view", *DAY, "--schedule", "ames", "--service", "checkup", "--now", "2026-03-10T13:10:00Z")
    assert "Dr. Ames  ······○○○" in ask(*options).out
    assert "Dr. Ames  ○○○○○○○○○○○○○○○○○○○○○" in ask(*options, "--allow-past").out


def test_capacity_and_utilisation(ask: Ask) -> None:
    """One week of mornings is 21 hours; half of Tuesday's first is booked."""
    set_up(ask)
    book(ask, "2026-03-10T09:30")
    said = ask("view", *DAY, "--schedule", "ames", "--capacity", "--weeks", "1")
    lines = said.out.splitlines()
    at = lines.index("Free capacity in %, 1 week from Monday 9 March 2026")
    assert lines[at + 1] == "      09   10   11"
    assert lines[at + 3] == "Tue ▒ 50 █100 █100"
    (row,) = [line for line in lines if line.startswith("Dr. Ames ") and ":" in line]
    assert row.split() == ["Dr.", "Ames", "21:00", "0:30", "0:00", "0:00", "20:30", "2%"]


def test_json_is_what_is_drawn(ask: Ask) -> None:
    set_up(ask)
    id = book(ask, "2026-03-10T09:30", "--patient", "ann")
    found = ask("view", *DAY, "--schedule", "ames", "--json").json
    timeline = found["timeline"]
    assert (timeline["start"], timeline["end"]) == ("2026-03-10T04:00:00.000Z", "2026-03-11T04:00:00.000Z")
    assert timeline["timezone"] == "America/New_York"
    booked = {
        "kind": "booking",
        "start": "2026-03-10T13:30:00.000Z",
        "end": "2026-03-10T14:00:00.000Z",
        "label": "Check-up · Ann Lee",
        "source": f"Appointment/{id}",
    }
    assert booked in timeline["rows"][0]["layers"]
    assert {"weekday": 2, "hour": 9, "open_minutes": 240, "free_minutes": 210} in found["heat_map"]["cells"]
    assert found["utilisation"][0]["booked_minutes"] == 30
    hidden = ask("view", *DAY, "--schedule", "ames", "--json", "--without-patients")
    assert "Ann" not in hidden.out


def test_a_terminal_that_knows_only_ascii_gets_letters_of_it(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(ask)
    book(ask, "2026-03-10T09:30")
    import rich.console

    monkeypatch.setattr(rich.console.Console, "encoding", property(lambda _: "ascii"))
    said = ask("view", *DAY, "--schedule", "ames", "--service", "checkup", "--capacity")
    assert said.out.isascii()
    assert "Dr. Ames  ooooooB#####oooo" in said.out


def test_colours_are_for_terminals_that_want_them(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(ask)
    plain = ask("view", *DAY).out
    assert "\x1b" not in plain
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert "\x1b[" in ask("view", *DAY).out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in ask("view", *DAY).out


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_the_drawing_fits_the_terminal(ask: Ask, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    set_up(ask)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    said = ask("view", *DAY, "--schedule", "ames", "--schedule", "room-1")
    drawn = [line for line in said.out.splitlines() if "·" in line and "open" not in line]
    assert drawn and all(len(line) <= columns for line in drawn)


def test_every_kind_has_a_letter_of_its_own() -> None:
    from slotwright.cli.view_terminal import MARKS

    assert set(MARKS) == set(KINDS) == set(MEANINGS)
    assert len({one[0] for one in MARKS.values()}) == len({one[1] for one in MARKS.values()}) == len(KINDS)
    assert all(mark.isascii() for _, mark in MARKS.values())


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (("--day", "2026-03-10", "--week", "2026-03-10"), 2, "--day and --week exclude each other."),
        (("--together",), 2, "--together needs --service and --schedule"),
        (("--day", "soon"), 5, "--day 'soon' is no day."),
        (("--schedule", "nobody"), 6, "No schedule is called 'nobody'."),
        (("--service", "nothing"), 6, "No service is called 'nothing'."),
        (("--timezone", "Mars"), 5, "--timezone 'Mars' is no time zone."),
    ],
)
def test_what_cannot_be_shown_is_said(ask: Ask, options: tuple[str, ...], code: int, sentence: str) -> None:
    set_up(ask)
    said = ask("view", *options)
    assert (said.code, said.out) == (code, "")
    assert sentence in said.err


@pytest.mark.parametrize(
    "command",
    [
        ("view", *DAY),
        ("audit",),
        ("ics", "--schedule", "ames", "--from", "2026-03-10", "--to", "2026-03-10"),
        ("batch", "find", "requests.csv", "-o", "answers.csv"),
        ("batch", "plan", "requests.csv", "-o", "answers.csv"),
    ],
)
def test_the_calendar_may_stand_in_the_file(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.delenv("SLOTWRIGHT_LEDGER", raising=False)
    Path("requests.csv").write_text("request_id,service,schedules,windows\n1,checkup,ames,2026-03-10\n")
    if "find" in command:
        Path("requests.csv").write_text("service,schedules,start,end\ncheckup,ames,2026-03-10,2026-03-11\n")
    typed = ask(*command, "--calendar", save(practice()))
    assert typed.code == 0, typed.err
    Path("answers.csv").unlink(missing_ok=True)
    Path("slotwright.toml").write_text('calendar = "practice.ndjson"\nschedule = "bell"\n')
    said = ask(*command)
    assert (said.code, said.out) == (typed.code, typed.out)


def test_the_names_of_rows_are_cut_to_what_fits(ask: Ask) -> None:
    set_up(ask)
    said = ask("view", *DAY, "--schedule", "room-1")
    assert any(line.startswith("Room 1  ") for line in said.out.splitlines())
