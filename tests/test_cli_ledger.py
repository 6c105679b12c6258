"""`slotwright ledger`: making, filling, reading, following, checking, copying, exporting and erasing."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from desk_support import AMES, Ask, asker, book, called, entries, practice, save, set_up, stored
from slotwright.cli.listed import BATCH_COMMANDS, COMMANDS, LEDGER_COMMANDS
from slotwright.io import open_calendar, open_ledger
from support import Resource, practitioner, slot

COMMAND = str(Path(sys.executable).parent / "slotwright")
TUESDAY = ("--start", "2026-03-10", "--end", "2026-03-10")


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    return asker(tmp_path, monkeypatch, capsys)


def seconds_until(condition: Any, limit: float = 20.0) -> None:
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


# Every command


PATIENT = {"resourceType": "Patient", "id": "a"}
CALLS: dict[str, tuple[str, ...]] = {
    "find": (*AMES, *TUESDAY),
    "next": (*AMES, "--from", "2026-03-10"),
    "explain": (*AMES, "--at", "2026-03-10T09:00"),
    "freebusy": TUESDAY,
    "ics": ("x",),
    "book": (*AMES, "--start", "2026-03-10T09:00"),
    "hold": (*AMES, "--start", "2026-03-10T09:00"),
    "confirm": ("x",),
    "cancel": ("x",),
    "reschedule": ("x", "--start", "2026-03-10T09:00"),
    "show": ("x",),
    "list": (),
    "view": (),
    "status": ("x", "arrived"),
    "close": ("ames", "--from", "2026-03-10", "--to", "2026-03-10"),
    "reopen": ("ames", "--from", "2026-03-10", "--to", "2026-03-10"),
    "op": ("Appointment/x/$cancel",),
    "serve": ("--port", "0"),
    "ledger load": ("practice.ndjson",),
    "ledger show": (),
    "ledger log": (),
    "ledger verify": (),
    "ledger backup": ("copy.ledger",),
    "ledger export": ("out",),
    "ledger erase": ("Patient/ann", "--reason", "asked"),
    "compile": ("-o", "tables"),
    "audit": (),
    "publish": ("feed", "--base-url", "https://clinic.example/feed"),
    "batch find": ("requests.csv", "-o", "answers.csv"),
    "batch plan": ("requests.csv",),
    "batch replan": ("--drop", "ames"),
    "bench": ("--questions", "1", "--rounds", "1"),
}


def test_these_are_all_the_commands() -> None:
    nested = {f"ledger {name}" for name in LEDGER_COMMANDS} | {f"batch {name}" for name in BATCH_COMMANDS}
    assert set(CALLS) == ({*COMMANDS} | nested) - {"batch", "completion", "ledger", "ledger init"}


@pytest.mark.parametrize("name", [*CALLS])
def test_a_ledger_that_is_not_there(ask: Ask, name: str) -> None:
    save(practice())
    said = ask(*name.split(), *CALLS[name])
    assert said.code == 7
    assert "Ledger could not be opened" in said.out + said.err
    assert "slotwright ledger init" in said.out + said.err
    assert not Path("practice.ledger").exists() and not Path("practice.ledger-lock").exists()


@pytest.mark.parametrize("name", [*CALLS])
@pytest.mark.parametrize(
    ("content", "sentence"), [(b"", "is empty"), (b"no ledger at all" * 400, "is no ledger"), (None, "is a folder")]
)
def test_a_file_that_is_no_ledger(ask: Ask, name: str, content: bytes | None, sentence: str) -> None:
    save(practice())
    if content is None:
        Path("practice.ledger").mkdir()
    else:
        Path("practice.ledger").write_bytes(content)
    said = ask(*name.split(), *CALLS[name])
    assert said.code == 7
    assert sentence in said.out + said.err


@pytest.mark.parametrize("name", [*CALLS, "ledger init"])
def test_without_a_ledger_it_is_wrong_use(ask: Ask, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv("SLOTWRIGHT_LEDGER")
    said = ask(*name.split(), *CALLS.get(name, ()))
    assert (said.code, said.out) == (2, "")
    assert "'--ledger'" in said.err.splitlines()[-1]
    said = ask(*name.split(), *CALLS.get(name, ()), "--ledger", "")
    assert (said.code, said.err.splitlines()[-1]) == (2, "Error: --ledger '' names no file.")


@pytest.mark.parametrize("name", [one for one in CALLS if one not in ("ledger load", "ledger erase")])
def test_a_now_that_is_no_instant(ask: Ask, name: str) -> None:
    set_up(ask)
    said = ask(*name.split(), *CALLS[name], "--now", "soon")
    assert said.code == 5
    assert "--now 'soon' is not an instant." in said.out + said.err


WRITING = [
    ("book", *AMES, "--start", "2026-03-10T09:00"),
    ("close", "ames", "--from", "2026-03-10", "--to", "2026-03-10"),
    ("ledger", "load", "practice.ndjson"),
    ("ledger", "erase", "Patient/ann", "--reason", "asked"),
]


@pytest.mark.parametrize("command", WRITING)
def test_a_writer_that_waits_too_long_says_for_whom(ask: Ask, command: tuple[str, ...]) -> None:
    set_up(ask)
    script = (
        "import sys, time\nfrom slotwright.io import open_ledger\n"
        "def work(tx):\n    print('locked', flush=True)\n    sys.stdin.read()\n"
        "open_ledger('practice.ledger').transact('put', work)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdin is not None
        assert other.stdout.readline() == b"locked\n"
        said = ask(*command, "--lock-timeout", "0.2")
        assert (said.code, said.out) == (7, "")
        assert said.err.startswith("Error: Ledger is busy: ") and str(other.pid) in said.err
        assert ask("list").code == 0, "reading waits for nobody"
        assert ask("ledger", "backup", "copy.ledger").code == 0
        other.stdin.close()
    assert ask(*command, "--lock-timeout", "20").code == 0


@pytest.mark.parametrize("value", ["-1", "soon", ""])
def test_a_lock_timeout_that_is_none(ask: Ask, value: str) -> None:
    assert ask("list", "--lock-timeout", value).code == 2


# init


def test_init_makes_a_ledger_and_never_two(ask: Ask) -> None:
    said = ask("ledger", "init", "--identity", "practice")
    assert said == (0, "Made the ledger practice.ledger, identity practice.\n", "")
    before = Path("practice.ledger").read_bytes()
    said = ask("ledger", "init")
    assert (said.code, said.out) == (7, "")
    assert "practice.ledger exists already" in said.err
    assert Path("practice.ledger").read_bytes() == before
    assert ask("ledger", "verify").code == 0


def test_without_identity_each_ledger_has_its_own(ask: Ask) -> None:
    said = [ask("ledger", "init", "--ledger", name).out for name in ("a.ledger", "b.ledger")]
    assert len({one.rpartition(" ")[2] for one in said}) == 2


def test_init_where_nothing_can_be_made(ask: Ask) -> None:
    assert ask("ledger", "init", "--ledger", "no/such/folder.ledger").code == 7
    Path("practice.ledger").symlink_to("nowhere")
    assert ask("ledger", "init").code == 7
    assert ask("ledger", "init", "--ledger", "x", "--identity", " ").code == 2


def replay(ask: Ask, name: str) -> tuple[list[str], list[Resource]]:
    """What a day's work prints, and its entries."""
    at = ("--ledger", name)
    printed = [ask("ledger", "init", *at, "--identity", "day").out, ask("ledger", "load", *at, save(practice())).out]
    printed += [ask("find", *at, *AMES, "--schedule", "room-1,room-2", *TUESDAY).out]
    booked = ask("book", *at, "--pick", "2", "--patient", "ann")
    held = ask("hold", *at, "--pick", "4", "--minutes", "5")
    printed += [booked.out, held.out, ask("confirm", *at, held.ids[0]).out]
    printed += [
        ask("reschedule", *at, booked.ids[0], "--start", "2026-03-11T11:00", "--now", "2026-03-09T13:00:00Z").out
    ]
    printed += [ask("close", *at, "bell", "--from", "2026-03-12", "--to", "2026-03-12").out]
    printed += [ask("status", *at, booked.ids[0], "arrived").out, ask("ledger", "log", *at, "--ndjson").out]
    assert all(printed)
    return [one.replace(name, "") for one in printed], ask("ledger", "log", *at, "--ndjson").lines


def test_the_same_identity_now_and_commands_give_the_same_byte_for_byte(ask: Ask) -> None:
    assert replay(ask, "first.ledger") == replay(ask, "second.ledger")


# load


def test_load_counts_and_is_idempotent(ask: Ask) -> None:
    ask("ledger", "init")
    file = save(practice())
    number = len(practice())
    assert ask("ledger", "load", file).out == (
        f"Loaded {number} resources: {number} created, 0 updated, 0 unchanged.\n"
    )
    before = entries(ask)
    said = ask("ledger", "load", file)
    assert said.out == f"Loaded {number} resources: 0 created, 0 updated, {number} unchanged.\n"
    assert entries(ask) == before


def test_load_brings_what_the_source_has_changed(ask: Ask) -> None:
    set_up(ask)
    save([{**one, "active": False} if one["id"] == "bell" and one["resourceType"] == "Schedule" else one
          for one in practice()])  # fmt: skip
    said = ask("ledger", "load", "practice.ndjson", "--dry-run")
    assert (
        said.out == f"Would load {len(practice())} resources: 0 created, 1 updated, {len(practice()) - 1} unchanged.\n"
    )
    assert ask("find", "--service", "checkup", "--schedule", "bell", *TUESDAY).code == 0
    assert "Loaded" in ask("ledger", "load", "practice.ndjson").out
    assert ask("find", "--service", "checkup", "--schedule", "bell", *TUESDAY).code == 5


def test_load_leaves_what_has_been_booked_since(ask: Ask) -> None:
    set_up(ask)
    id = book(ask, "2026-03-10T09:00")
    before = stored(ask, id)
    ask("ledger", "load", "practice.ndjson")
    assert stored(ask, id) == before


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        '{"id": "a"}',
        '{"resourceType": "Slot", "id": "s"}',
        '{"resourceType": "Patient", "id": "a"}\n{"resourceType": "Patient", "id": "a", "active": true}',
        '{"resourceType": "Patient", "id": "ok"}\nnonsense',
        '{"resourceType": "Patient", "id": "a b"}',
    ],
)
def test_a_refused_load_changes_nothing_and_says_what_a_calendar_says(ask: Ask, content: str) -> None:
    set_up(ask)
    Path("bad.ndjson").write_text(content)
    before = entries(ask)
    said = ask("ledger", "load", "bad.ndjson")
    assert (said.code, said.out) == (5, "")
    refused = ask("find", "--calendar", "bad.ndjson", *AMES, *TUESDAY)
    assert said.err == refused.err
    assert entries(ask) == before
    assert ask("ledger", "load", "practice.ndjson", "bad.ndjson").code == 5
    assert entries(ask) == before


def test_load_takes_what_a_calendar_takes(ask: Ask) -> None:
    ask("ledger", "init")
    Path("folder/deep").mkdir(parents=True)
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in practice()]}
    Path("folder/deep/bundle.json").write_text(json.dumps(bundle))
    one = json.dumps(PATIENT)
    said = ask("ledger", "load", "folder", "-", stdin=one)
    assert said.out.startswith(f"Loaded {len(practice()) + 1} resources: ")
    assert ask("ledger", "load").code == 2


def test_dangling_references_are_warnings_unless_they_are_stored(ask: Ask) -> None:
    set_up(ask)
    said = ask("ledger", "load", save([slot("x", "ames", "2026-03-10T13:00:00Z", "2026-03-10T13:30:00Z")], "x.ndjson"))
    assert (said.code, said.err) == (0, "")
    said = ask("ledger", "load", save([slot("y", "gone", "2026-03-10T13:00:00Z", "2026-03-10T13:30:00Z")], "y.ndjson"))
    assert said.code == 0
    assert said.err == "Warning: Slot/y refers to Schedule/gone, which is not among the resources loaded.\n"


def test_what_the_example_clinic_offers_it_offers_from_a_ledger(ask: Ask) -> None:
    clinic = str(Path(__file__).resolve().parent.parent / "examples" / "clinic")
    ask("ledger", "init")
    assert ask("ledger", "load", clinic).err == ""
    week = ("--service", "bariatric-surgery", "--schedule", "dr-martinez", "--schedule", "or-1,or-2,or-3", "--start",
            "2026-03-10", "--end", "2026-03-14", "--json")  # fmt: skip
    assert ask("find", *week).out == ask("find", "--calendar", clinic, *week).out


# show


def test_show_says_what_is_in_it(ask: Ask) -> None:
    set_up(ask)
    said = ask("ledger", "show")
    lines = [line.split(maxsplit=1) for line in said.out.splitlines()[1:]]
    assert lines[:2] == [["Identity", "practice"], ["Entries", "2 entries, the last one of Mon 9 Mar 2026, 08:00 EDT"]]
    counts = {name: int(number) for name, number in lines[2:]}
    assert counts == {"HealthcareService": 2, "Location": 2, "Patient": 4, "Practitioner": 2, "Schedule": 4, "Slot": 1}
    assert ask("ledger", "show", "--timezone", "UTC").out.splitlines()[2].endswith("12:00 UTC")


# log


def test_log_for_people(ask: Ask) -> None:
    set_up(ask)
    id = book(ask, "2026-03-10T09:00", "--who", "Ann")
    ask("cancel", id, "--who", "Bo")
    said = ask("ledger", "log", "--last", "2")
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert lines == [
        f"3 Mon 9 Mar 2026, 08:00 EDT $book Ann Appointment/{id}, 1 Slot",
        f"4 Mon 9 Mar 2026, 08:00 EDT $cancel Bo Appointment/{id}, 1 Slot deleted",
    ]
    assert ask("ledger", "log", "--last", "0").out == ""
    assert len(ask("ledger", "log").out.splitlines()) == 4


def test_log_of_one_resource(ask: Ask) -> None:
    set_up(ask)
    id = book(ask, "2026-03-10T09:00")
    book(ask, "2026-03-10T09:30")
    ask("cancel", id)
    assert [one["kind"] for one in ask("ledger", "log", "--about", f"Appointment/{id}", "--ndjson").lines] == [
        "$book",
        "$cancel",
    ]


def test_a_feed_is_taken_up_from_any_position(ask: Ask) -> None:
    set_up(ask)
    ids = [book(ask, f"2026-03-10T{hour}:00") for hour in ("09", "10", "11")]
    everything = entries(ask)
    assert [one["seq"] for one in everything] == [1, 2, 3, 4, 5]
    assert [one["changes"][0]["reference"] for one in everything[2:]] == [f"Appointment/{id}" for id in ids]
    for place, entry in enumerate(everything, start=1):
        assert ask("ledger", "log", "--ndjson", "--after", entry["position"]).lines == everything[place:]
        assert ask("ledger", "log", "--ndjson", "--after", str(entry["seq"])).lines == everything[place:]
    assert ask("ledger", "log", "--ndjson", "--after", "0").lines == everything


def test_an_entry_of_the_feed_is_the_ledgers(ask: Ask) -> None:
    set_up(ask)
    book(ask, "2026-03-10T09:00", "--who", "Ann")
    given = entries(ask)[-1]
    with open_ledger("practice.ledger", read_only=True) as ledger:
        *_, before, entry = ledger.entries()
    assert given["hash"] == entry.hash and given["prev"] == before.hash
    assert given["position"] == f"3.{entry.hash[:12]}"
    assert given["time"] == "2026-03-09T12:00:00.000Z"
    assert given["input"]["operation"] == "Appointment/$book" and given["input"]["who"] == "Ann"
    assert [one["digest"] for one in given["changes"]] == [one.digest for one in entry.changes]


@pytest.mark.parametrize(
    ("position", "part"),
    [
        ("99", "the ledger ends with entry 2"),
        ("99.abc", "the ledger ends with entry 2"),
        ("2.000000000000", "entry 2 of this ledger is another one"),
        ("-1", "is no position"),
        ("2.", "is no position"),
        ("latest", "is no position"),
        ("", "is no position"),
    ],
)
def test_a_position_of_something_else_is_noticed(ask: Ask, position: str, part: str) -> None:
    set_up(ask)
    said = ask("ledger", "log", "--ndjson", "--after", position)
    assert (said.code, said.out) == (5, "")
    assert part in said.err


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}


@pytest.mark.skipif(os.name == "nt", reason="sends an interrupt")
def test_following_gives_what_others_write_and_ends_with_an_interrupt(ask: Ask) -> None:
    set_up(ask)
    with (
        Path("feed").open("wb") as feed,
        subprocess.Popen(
            [COMMAND, "ledger", "log", "--follow", "--ndjson", "--after", "2"],
            stdout=feed,
            stderr=subprocess.PIPE,
            env=environment(),
        ) as follower,
    ):
        try:
            for number, start in enumerate(("09:00", "09:30", "10:00"), start=1):
                book(ask, f"2026-03-10T{start}")
                seconds_until(lambda wanted=number: Path("feed").read_bytes().count(b"\n") == wanted)
            follower.send_signal(signal.SIGINT)
            assert follower.wait(timeout=20) == 130
        finally:
            follower.kill()
    seen = [json.loads(line) for line in Path("feed").read_text().splitlines()]
    assert seen == entries(ask)[2:]


# verify


def test_verify_is_zero_only_if_all_holds(ask: Ask) -> None:
    set_up(ask)
    book(ask, "2026-03-10T09:00")
    assert ask("ledger", "verify") == (0, "All holds, 3 entries.\n", "")


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE resource SET version = version + 1 WHERE type = 'Appointment'",
        "DELETE FROM claim",
        "UPDATE body SET content = CAST(replace(CAST(content AS TEXT), 'booked', 'boOked') AS BLOB)",
    ],
)
def test_verify_notices_what_was_changed_behind_its_back(ask: Ask, damage: str) -> None:
    set_up(ask)
    book(ask, "2026-03-10T09:00")
    with sqlite3.connect("practice.ledger") as connection:
        connection.execute(damage)
    connection.close()
    said = ask("ledger", "verify")
    assert (said.code, said.err) == (7, "")
    assert " in 3 entries." in said.out.splitlines()[-1]
    assert len(said.out.splitlines()) >= 2


# backup


def test_a_backup_is_a_ledger(ask: Ask) -> None:
    set_up(ask)
    id = book(ask, "2026-03-10T09:00")
    assert ask("ledger", "backup", "copy.ledger").out.startswith("Copied to copy.ledger, ")
    book(ask, "2026-03-10T09:30")
    copy = ("--ledger", "copy.ledger")
    assert ask("show", id, *copy) == ask("show", id)
    assert ask("ledger", "verify", *copy).code == 0
    assert len(ask("list", "--ndjson", *copy).lines) == 1
    said = ask("ledger", "backup", "copy.ledger")
    assert (said.code, said.out) == (7, "")
    assert "exists already" in said.err


# export


def test_an_export_can_be_loaded_again(ask: Ask) -> None:
    set_up(ask)
    id = book(ask, "2026-03-10T09:00", "--patient", "ann")
    said = ask("ledger", "export", "out")
    assert said.code == 0
    assert said.out.startswith(f"Exported {len(practice()) + 2} resources to out: 1 Appointment, ")
    again = ("--ledger", "again.ledger")
    ask("ledger", "init", *again)
    assert ask("ledger", "load", "out", *again).err == ""
    given, kept = stored(ask, id), ask("show", id, "--json", *again).json
    assert {**given, "meta": None} == {**kept, "meta": None}
    assert ask("find", *AMES, *TUESDAY, *again).out == ask("find", *AMES, *TUESDAY).out


def test_standard_output_and_one_file_hold_the_same(ask: Ask) -> None:
    set_up(ask)
    said = ask("ledger", "export", "-")
    assert ask("ledger", "export", "all.ndjson").code == 0
    assert Path("all.ndjson").read_text() == said.out
    assert {one["resourceType"] for one in said.lines} >= {"Schedule", "Slot", "Patient"}


def test_parquet_is_a_folder_of_tables(ask: Ask) -> None:
    set_up(ask)
    book(ask, "2026-03-10T09:00")
    said = ask("ledger", "export", "--format", "parquet", "tables")
    assert said.code == 0, said.err
    assert {one.name for one in Path("tables").glob("*.parquet")} >= {"slots.parquet", "appointments.parquet"}
    found = ask("find", "--calendar", "tables", *AMES, *TUESDAY, "--json")
    assert found.out == ask("find", *AMES, *TUESDAY, "--json").out
    assert ask("ledger", "export", "--format", "parquet", "-").code == 2


def test_an_export_overwrites_nothing_unasked(ask: Ask) -> None:
    set_up(ask)
    assert ask("ledger", "export", "out").code == 0
    said = ask("ledger", "export", "out")
    assert (said.code, said.out) == (5, "")
    assert ask("ledger", "export", "out", "--replace").code == 0
    Path("out/mine.txt").write_text("mine")
    assert ask("ledger", "export", "out", "--replace").code == 5
    assert Path("out/mine.txt").read_text() == "mine"


# erase


def test_erasing_a_person(ask: Ask) -> None:
    set_up(ask)
    id = book(ask, "2026-03-10T09:00", "--patient", "ann")
    said = ask("ledger", "erase", "Patient/ann", "--reason", "asked for", "--dry-run")
    assert said.out.startswith("Would erase Patient/ann.\n")
    assert "Ann Lee" in ask("show", id).out
    said = ask("ledger", "erase", "Patient/ann", "--reason", "asked for")
    assert said.out.startswith("Erased Patient/ann.\n") and f"  Appointment/{id}\n" in said.out
    assert said.err == "Note: backups and exports made before still hold it.\n"
    for output in (ask("show", id).out, ask("ledger", "log", "--ndjson").out, ask("ledger", "export", "-").out):
        assert "Ann Lee" not in output
    assert b"Ann Lee" not in b"".join(one.read_bytes() for one in Path().glob("practice.ledger*"))
    assert ask("ledger", "verify") == (0, "All holds, 4 entries.\nErased: Patient/ann.\n", "")
    assert ask("book", *AMES, "--start", "2026-03-10T09:00").code == 4, "the time stays taken"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("Patient/nobody", "--reason", "x"), 6),
        (("ann", "--reason", "x"), 5),
        (("Patient/ann",), 2),
        (("Patient/ann", "--reason", " "), 2),
        (("--reason", "x"), 2),
    ],
)
def test_what_cannot_be_erased(ask: Ask, arguments: tuple[str, ...], code: int) -> None:
    set_up(ask)
    before = entries(ask)
    said = ask("ledger", "erase", *arguments)
    assert (said.code, said.out) == (code, "")
    assert entries(ask) == before


# op


def test_op_books_in_a_ledger(ask: Ask) -> None:
    set_up(ask)
    proposal = ask("find", *AMES, *TUESDAY, "--count", "1", "--ndjson").lines[0]
    dry = ask("op", "Appointment/$book", "--dry-run", stdin=json.dumps(proposal))
    assert (dry.code, dry.json["type"], ask("list").out) == (0, "transaction-response", "No appointments.\n")
    said = ask("op", "Appointment/$book", "--who", "Ann", stdin=json.dumps(proposal))
    assert (said.code, said.err) == (0, "")
    id = said.json["entry"][0]["resource"]["id"]
    assert entries(ask)[-1]["input"]["who"] == "Ann"
    again = ask("op", "Appointment/$book", stdin=json.dumps(proposal))
    assert (again.code, again.json["issue"][0]["details"]["text"]) == (4, "Requested time slot is not available")
    assert ask("op", f"Appointment/{id}/$cancel").json["status"] == "cancelled"
    gone = ask("op", "Appointment/nope/$cancel")
    assert (gone.code, gone.json["issue"][0]["code"]) == (6, "not-found")


def test_op_waits_for_no_body_where_none_is_needed(ask: Ask) -> None:
    set_up(ask)
    id = book(ask, "2026-03-10T09:00")
    assert ask("op", f"Appointment/{id}/$cancel", terminal=True).json["status"] == "cancelled"
    assert ask("op", "Appointment/$cancel", terminal=True).code == 2
    assert ask("op", f"Appointment/{id}/$reschedule", terminal=True).code == 2


def test_op_knows_no_rule_for_the_past(ask: Ask) -> None:
    set_up(ask)
    past = ("--start", "2026-03-03", "--end", "2026-03-03", "--allow-past", "--count", "1", "--ndjson")
    proposal = ask("find", *AMES, *past).out
    assert ask("book", stdin=proposal).code == 4
    assert ask("op", "Appointment/$book", stdin=proposal).code == 0


def test_op_finds_in_a_ledger_as_in_a_calendar(ask: Ask) -> None:
    set_up(ask)
    asked = {"start": "2026-03-10", "end": "2026-03-12", "schedule": "Schedule/ames", "_count": "3"}
    query = urlencode(asked | {"service-type-reference": "HealthcareService/checkup"})
    said = ask("op", "Appointment/$find", "--query", query)
    assert said.out == ask("op", "Appointment/$find", "--calendar", "practice.ndjson", "--query", query).out
    assert len(said.json["entry"]) == 3


def test_a_ledger_that_cannot_be_written_is_read(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(ask)
    book(ask, "2026-03-10T09:00")
    monkeypatch.setattr("slotwright.io.ledger.ledger.is_writable", lambda _: False)  # type: ignore[reportUnknownLambdaType]
    assert ask("list").code == 0
    why = f"Error: Ledger is not writable: {Path('practice.ledger').absolute()} is read-only\n"
    for command in (
        ("book", *AMES, "--start", "2026-03-10T09:30"),
        ("ledger", "load", save([PATIENT])),
        ("ledger", "erase", "Patient/ann", "--reason", "asked for"),
    ):
        assert ask(*command) == (7, "", why)


def test_names_in_a_ledger_do_not_steer_the_terminal(ask: Ask) -> None:
    set_up(ask, practitioner("evil", "America/New_York"), called("evil", "Dr.\x1b[2J Evil"))
    id = book(ask, "2026-03-10T09:00", "--comment", "a\x1b]0;b", schedules=("evil",))
    for command in (("show", id), ("list",), ("cancel", id), ("ledger", "log"), ("ledger", "show")):
        assert "\x1b" not in ask(*command).out


def test_a_calendar_and_its_ledger_hold_the_same_resources(ask: Ask) -> None:
    set_up(ask)
    calendar = open_calendar("practice.ndjson")
    with open_ledger("practice.ledger", read_only=True) as ledger:
        for kind in calendar.kinds():
            given = [{**one, "meta": None} for one in sorted(calendar.resources(kind), key=lambda one: one["id"])]
            assert [{**one, "meta": None} for one in ledger.resources(kind)] == given
