"""Ledger files that were cut, changed, exchanged or locked away: opening refuses, or `verify` says what is wrong.

Never is there a traceback, and never does a ledger that lacks something acknowledged pass for a whole one.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from campaign import Caller, Content, at, call_of, clinic, content
from serializability import Event
from slotwright.io import Ledger, invoke, invoke_all, open_ledger
from slotwright.io.errors import LedgerDamaged, LedgerError, LedgerNotFound, LedgerVersion
from support import refusal

BOOKINGS = 12


def fill(path: Path, count: int = BOOKINGS, first: int = 0) -> Ledger:
    ledger = open_ledger(path, identity="damage")
    ledger.load(clinic("ab"))
    caller = Caller(ledger, "p")
    for number in range(first, first + count):
        caller.call("book", pieces=at(300 + 30 * number, "ab"[number % 2]), key=str(number))
    return ledger


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Content]:
    """A ledger at rest, in one file, with a dozen bookings; and what is in it."""
    path = tmp_path_factory.mktemp("whole") / "ledger"
    with fill(path) as ledger:
        there = content(ledger)
    assert sorted(one.name for one in path.parent.iterdir()) == ["ledger", "ledger-lock"]
    return path, there


@pytest.fixture(scope="module")
def in_use(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Content]:
    """The files of a ledger as they lie on the disk while it is used: its entries are in the `-wal` file."""
    path = tmp_path_factory.mktemp("in-use") / "ledger"
    with fill(path) as ledger:
        there = content(ledger)
        taken = path.parent / "taken"
        taken.mkdir()
        for one in path.parent.glob("ledger*"):
            shutil.copy(one, taken)
    assert (taken / "ledger-wal").stat().st_size > 10_000
    return taken / "ledger", there


def copied(path: Path, goal: Path, *without: str) -> Path:
    """A copy of a ledger's files, without those with such endings."""
    goal.mkdir(exist_ok=True)
    for one in path.parent.glob("ledger*"):
        if one.is_file() and one.name.removeprefix("ledger") not in without:
            shutil.copy(one, goal)
    return goal / "ledger"


def findings(path: Path) -> tuple[list[str], Content | None]:
    """What opening and verifying say; and what is in it if they say nothing. Only a LedgerError may be raised."""
    try:
        with open_ledger(path, create=False) as ledger:
            found = ledger.verify()
            return found, None if found else content(ledger)
    except LedgerError as error:
        said = error
    assert said.text in ("Ledger is damaged", "Ledger could not be opened", "Ledger version is not supported")
    assert said.diagnostics
    return [str(said)], None


def use(path: Path) -> None:
    """Whatever the file is like, operations answer: a status and a resource, or opening says what is wrong."""
    try:
        with open_ledger(path, create=False) as ledger:
            query: Any = {"start": "2026-03-16T05:00:00Z", "end": "2026-03-16T12:00:00Z", "schedule": "Schedule/a"}
            query["service-type-reference"] = "HealthcareService/checkup"
            call = call_of(Event("p", 0, None, "book", at(900, "a", "b")))
            answers = [
                invoke(ledger, "Appointment/$find", query=query),
                invoke(ledger, call.operation, body=call.body),
                *invoke_all(ledger, [call, [call]]),
            ]
    except LedgerError:
        return
    for status, resource in answers:
        if status >= 500:
            text = resource["issue"][0]["details"]["text"]
            known = ("Ledger is damaged", "Ledger could not be opened", "Ledger could not be written")
            assert text in known, text


# --- cut and changed ---------------------------------------------------------


def lengths() -> list[float]:
    return [2, 15, 16, 50, 99, 100, 511, 1000, 4095, 4096, 4097, 8192, 0.3, 0.5, 0.77, -4096, -512, -1]


@pytest.mark.parametrize("length", lengths())
@pytest.mark.parametrize("without", [[], ["-lock"]], ids=["", "no lock"])
def test_a_file_that_was_cut(whole: tuple[Path, Content], tmp_path: Path, length: float, without: list[str]) -> None:
    path = copied(whole[0], tmp_path / "cut", *without)
    size = path.stat().st_size
    os.truncate(path, int(length * size) if 0 < length < 1 else int(length) % size)
    said, _ = findings(path)
    assert said
    use(path)


@pytest.mark.parametrize("missing", [1, 3])
def test_a_file_that_lost_its_last_pages_says_how_much_is_missing(
    whole: tuple[Path, Content], tmp_path: Path, missing: int
) -> None:
    path = copied(whole[0], tmp_path / "cut")
    os.truncate(path, path.stat().st_size - missing * 4096)
    with pytest.raises(LedgerDamaged) as caught:
        open_ledger(path)
    assert caught.value.diagnostics == f"{path} was cut: {missing * 4096:,} bytes are missing; restore a backup"


def test_bytes_that_were_flipped(whole: tuple[Path, Content], tmp_path: Path) -> None:
    """Somewhere no byte counts, as in free space; then everything is still there. Else somebody says so."""
    rng = random.Random(1)
    original = whole[0].read_bytes()
    noticed = 0
    for number in range(150):
        path = copied(whole[0], tmp_path / "flipped", "-lock", "-wal", "-shm")
        for rest in path.parent.glob("ledger-*"):
            rest.unlink()
        changed = bytearray(original)
        for place in rng.sample(range(len(original)), 1 if number % 2 else 20):
            changed[place] ^= rng.randrange(1, 256)
        path.write_bytes(changed)
        said, there = findings(path)
        assert said or there == whole[1], f"trial {number}"
        noticed += bool(said)
        path.write_bytes(changed)
        use(path)
    assert noticed > 50


@pytest.mark.parametrize("page", [b"\0" * 4096, b"\xff" * 4096])
def test_pages_that_were_overwritten(whole: tuple[Path, Content], tmp_path: Path, page: bytes) -> None:
    original = whole[0].read_bytes()
    for start in range(0, len(original), len(page)):
        path = copied(whole[0], tmp_path / "page")
        path.write_bytes(original[:start] + page + original[start + len(page) :])
        said, there = findings(path)
        assert said or there == whole[1], f"page at {start}"
        path.write_bytes(original[:start] + page + original[start + len(page) :])
        use(path)


def test_one_statement_by_hand(whole: tuple[Path, Content], tmp_path: Path) -> None:
    """Whoever changes the state behind the ledger's back is found out, for every table there is."""
    with sqlite3.connect(whole[0]) as db:
        tables = [
            name
            for name, columns in db.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY name")
            if columns and not name.startswith("sqlite_")
        ]
        filled = [name for name in tables if db.execute(f"SELECT count(*) FROM {name}").fetchone()[0]]
    db.close()
    assert {"entry", "body", "resource", "claim"} <= set(filled)
    for table in filled:
        path = copied(whole[0], tmp_path / table)
        with sqlite3.connect(path) as db:
            triggers = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")]
            for name in triggers:
                db.execute(f"DROP TRIGGER {name}")
            (key,) = [row[1] for row in db.execute(f"PRAGMA table_info({table})") if row[5]][:1]
            db.execute(f"DELETE FROM {table} WHERE {key} = (SELECT max({key}) FROM {table})")
        db.close()
        said, _ = findings(path)
        if table != "loaded":  # what was last loaded is a help for the next load, and no part of the state
            assert said, table
        use(path)


# --- another file, or part of it ---------------------------------------------


def test_a_newer_format_is_refused(whole: tuple[Path, Content], tmp_path: Path) -> None:
    path = copied(whole[0], tmp_path / "newer")
    with sqlite3.connect(path) as db:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        db.execute(f"PRAGMA user_version = {version + 1}")
    db.close()
    before = path.read_bytes()
    for read_only in (False, True):
        with pytest.raises(LedgerVersion) as caught:
            open_ledger(path, read_only=read_only)
        assert caught.value.text == "Ledger version is not supported"
        assert str(version + 1) in (caught.value.diagnostics or "")
    assert path.read_bytes() == before


def _text(path: Path) -> None:
    path.write_text("name,start\n" * 500)


def _short(path: Path) -> None:
    path.write_bytes(b"ab")


def _other_database(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE entry (seq INTEGER PRIMARY KEY, hash BLOB)")
    db.close()


def _other_application(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA application_id = 12345")
        db.execute("PRAGMA user_version = 1")
    db.close()


def _folder(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("make", [_text, _short, _other_database, _other_application, _folder, _pipe])
def test_a_file_that_is_no_ledger_is_refused_and_left_alone(tmp_path: Path, make: Any) -> None:
    path = tmp_path / "thing"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    for read_only in (False, True):
        with pytest.raises(LedgerNotFound) as caught:
            open_ledger(path, read_only=read_only)
        assert str(path) in str(caught.value)
    assert before == (path.read_bytes() if path.is_file() else None)
    assert [one.name for one in tmp_path.iterdir() if one.name not in ("thing", "thing-lock")] == []


def test_an_empty_file_becomes_a_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    path.touch()
    with fill(path, 2) as ledger:
        assert ledger.verify() == [] and len(content(ledger)) == 2


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "no", tmp_path / "no" / "folder", Path("/dev/null/x")):
        with pytest.raises(LedgerNotFound):
            open_ledger(path, create=False)
    assert not list(tmp_path.iterdir())
    with pytest.raises(LedgerNotFound):
        open_ledger(tmp_path / "no" / "folder")


# --- side files --------------------------------------------------------------


def test_the_log_lies_beside_a_ledger_that_was_in_use(in_use: tuple[Path, Content], tmp_path: Path) -> None:
    for number, without in enumerate([(), ("-shm",), ("-lock",), ("-shm", "-lock")]):
        path = copied(in_use[0], tmp_path / str(number), *without)
        said, there = findings(path)
        assert (said, there) == ([], in_use[1])
        with open_ledger(path) as ledger:
            Caller(ledger, "p").call("book", pieces=at(900, "a"))
            assert ledger.verify() == []


def test_what_is_in_the_shared_memory_file_does_not_matter(in_use: tuple[Path, Content], tmp_path: Path) -> None:
    for number, noise in enumerate([b"", b"\0" * 32768, random.Random(1).randbytes(32768), b"\xff" * 100]):
        path = copied(in_use[0], tmp_path / str(number))
        path.with_name("ledger-shm").write_bytes(noise)
        assert findings(path) == ([], in_use[1])


def test_a_log_that_is_missing_is_missed(in_use: tuple[Path, Content], tmp_path: Path) -> None:
    path = copied(in_use[0], tmp_path / "without", "-wal")
    with pytest.raises(LedgerError) as caught:
        open_ledger(path, create=False)
    assert "-wal" in str(caught.value)


def test_a_log_that_was_cut_or_changed(in_use: tuple[Path, Content], tmp_path: Path) -> None:
    """SQLite takes a log up to its first unsound frame without a word; what was flushed behind it is missed."""
    rng = random.Random(2)
    for number in range(40):
        path = copied(in_use[0], tmp_path / str(number))
        log = path.with_name("ledger-wal")
        changed = bytearray(log.read_bytes())
        place = rng.randrange(len(changed))
        if number % 2:
            changed[place] ^= rng.randrange(1, 256)
        else:
            del changed[place:]
        log.write_bytes(changed)
        said, there = findings(path)
        assert said or there == in_use[1], (number, place)


def test_a_log_of_an_earlier_time_or_of_another_ledger(in_use: tuple[Path, Content], tmp_path: Path) -> None:
    """SQLite would write its pages over newer ones; the entry that was flushed last is no longer there then."""
    mine = tmp_path / "mine"
    mine.mkdir()
    with fill(mine / "ledger", 4) as ledger:
        early = (mine / "ledger-wal").read_bytes()
        Caller(ledger, "p").call("book", pieces=at(900, "a"))
        late = content(ledger)
    with open_ledger(mine / "ledger") as ledger:
        Caller(ledger, "p").call("book", pieces=at(930, "a"))
        late = content(ledger)
    for log in (early, in_use[0].with_name("ledger-wal").read_bytes()):
        path = copied(mine / "ledger", tmp_path / str(len(log)))
        path.with_name("ledger-wal").write_bytes(log)
        said, there = findings(path)
        assert said or there == late
        use(path)


def test_an_older_copy_put_in_the_place_of_the_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    fill(path, 2).close()
    shutil.copy(path, tmp_path / "older")
    with open_ledger(path) as ledger:
        Caller(ledger, "p").call("book", pieces=at(900, "a"))
    shutil.copy(tmp_path / "older", path)
    with pytest.raises(LedgerDamaged) as caught:
        open_ledger(path)
    assert "older copy" in (caught.value.diagnostics or "")
    path.with_name("ledger-lock").unlink()  # this is what the message says to do if the copy is meant
    with open_ledger(path) as ledger:
        assert ledger.verify() == [] and len(content(ledger)) == 2


# --- the clock ---------------------------------------------------------------


def test_a_clock_that_steps_back_is_recorded_and_not_obeyed(tmp_path: Path) -> None:
    noon = datetime(2026, 3, 10, 12, tzinfo=UTC)
    readings = [noon, noon, noon + timedelta(hours=1), noon - timedelta(days=400), noon, noon + timedelta(hours=2)]
    clock: Iterator[datetime] = iter(readings)
    now = noon

    with open_ledger(tmp_path / "ledger", clock=lambda: now) as ledger:
        ledger.load(clinic("a"))
        for number in range(len(readings)):
            now = next(clock)
            Caller(ledger, "p").call("book", pieces=at(540 + 30 * number, "a"))
            at_rest = ledger.resources("Appointment")
            newest = max(one["meta"]["lastUpdated"] for one in at_rest)
            assert newest == f"{max(readings[: number + 1]):%Y-%m-%dT%H:%M:%S}.000Z"
        entries = list(ledger.entries())
        assert ledger.verify() == []
    times = [one.time_ms for one in entries]
    assert times == sorted(times)
    clocks = [one.clock_ms for one in entries if one.kind == "$book"]
    milliseconds = [int(one.timestamp() * 1000) for one in readings]
    highest = [max(milliseconds[: number + 1]) for number in range(len(readings))]
    for said, clock_ms, entry_ms in zip(clocks, milliseconds, highest, strict=True):
        assert said in ((clock_ms,) if clock_ms < entry_ms else (None, clock_ms))


def test_a_hold_does_not_come_back_when_the_clock_steps_back(tmp_path: Path) -> None:
    """Model 16: it has lapsed once the ledger has seen its end, whatever the clock says afterwards (model 6)."""
    noon = datetime(2026, 3, 10, 12, tzinfo=UTC)
    now = noon
    with open_ledger(tmp_path / "ledger", clock=lambda: now) as ledger:
        ledger.load(clinic("ab"))
        hold = call_of(Event("p", 0, None, "hold", at(540, "a")))
        body = {
            "resourceType": "Parameters",
            "parameter": [
                {"name": "appointment", "resource": hold.body},
                {"name": "hold-minutes", "valuePositiveInt": 10},
            ],
        }
        status, bundle = invoke(ledger, hold.operation, body=body)
        assert status == 201
        now = noon + timedelta(minutes=10)
        Caller(ledger, "p").call("book", pieces=at(540, "b"))
        now = noon
        id = bundle["entry"][0]["resource"]["id"]
        assert refusal(invoke(ledger, f"Appointment/{id}/$confirm"))[2] == "Hold has expired"
        event = Caller(ledger, "p").call("book", pieces=at(540, "a"))
        assert event.answer is not None and event.answer.word == "made"
        assert ledger.verify() == []


# --- erased things -----------------------------------------------------------


def test_what_was_erased_is_in_no_file_and_the_rest_still_proves_itself(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    with fill(path, 2) as ledger:
        for version in range(3):
            name = [{"family": "Unforgettable", "given": [str(version)]}]
            ledger.put({"resourceType": "Patient", "id": "p", "name": name})
        before = content(ledger)
        ledger.erase("Patient/p", "asked for")
        assert ledger.read("Patient/p") is None
        assert ledger.verify() == [] and "Patient/p" in " ".join(map(str, ledger.erased))
        assert content(ledger) == before
        kinds = [one.kind for one in ledger.entries()]
        assert kinds.count("put") == 3 and kinds[-1] == "erase"
    assert [one.name for one in tmp_path.iterdir() if b"Unforgettable" in one.read_bytes()] == []
    with open_ledger(path) as ledger:
        assert ledger.verify() == []
    with sqlite3.connect(path) as db:  # to pass off a change as an erasure
        db.execute("UPDATE body SET content = x'7B7D' WHERE number = (SELECT min(number) FROM body)")
    db.close()
    assert findings(path)[0]


# --- no permission -----------------------------------------------------------

_READ_ONLY = """
import sys
from campaign import Caller, at, call_of, content
from serializability import Event
from slotwright.io import invoke, open_ledger
with open_ledger(sys.argv[1]) as ledger:
    assert not ledger.is_writable
    assert len(content(ledger)) == 12 and ledger.verify() == []
    call = call_of(Event("p", 0, None, "book", at(900, "a")))
    status, outcome = invoke(ledger, call.operation, body=call.body)
    print(status, outcome["issue"][0]["code"], outcome["issue"][0]["details"]["text"])
    ledger.backup(sys.argv[2])
with open_ledger(sys.argv[2]) as copy:
    assert len(content(copy)) == 12 and copy.verify() == []
"""


@pytest.mark.parametrize("locked", ["file", "folder", "both", "in use"])
def test_a_ledger_that_may_only_be_read(
    whole: tuple[Path, Content], in_use: tuple[Path, Content], tmp_path: Path, locked: str
) -> None:
    prefix: list[str] = []
    if os.geteuid() == 0:  # root may write everything, unless it gives up that right
        if not shutil.which("setpriv"):
            pytest.skip("root needs setpriv to be refused anything")
        prefix = ["setpriv", "--inh-caps=-all", "--bounding-set=-dac_override,-dac_read_search"]
    path = copied(in_use[0] if locked == "in use" else whole[0], tmp_path / "locked")
    for one in path.parent.iterdir():
        one.chmod(0o444 if locked in ("file", "both") else 0o644)
    path.parent.chmod(0o755 if locked == "file" else 0o555)
    try:
        ran = subprocess.run(
            [*prefix, sys.executable, "-c", _READ_ONLY, str(path), str(tmp_path / "copy")],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
            check=False,
        )
    finally:
        path.parent.chmod(0o755)
    assert (ran.returncode, ran.stdout) == (0, "400 not-supported Ledger is not writable\n"), ran.stderr


def test_opened_for_reading_only(whole: tuple[Path, Content], tmp_path: Path) -> None:
    path = copied(whole[0], tmp_path / "read")
    before = path.read_bytes()
    with open_ledger(path, read_only=True) as ledger:
        call = call_of(Event("p", 0, None, "book", at(900, "a")))
        answer = invoke(ledger, call.operation, body=call.body)
        assert refusal(answer) == (400, "not-supported", "Ledger is not writable", None)
        assert content(ledger) == whole[1] and ledger.verify() == []
    assert path.read_bytes() == before
