"""What resources are found by follows what is written, and a ledger of the first format gets it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from slotwright.io import open_ledger
from support import Resource, appointment, slot

NAMED: list[Resource] = [
    {"resourceType": "Patient", "id": "p", "identifier": [{"system": "u", "value": "7"}, {"value": "8"}]},
    {"resourceType": "Schedule", "id": "a", "actor": [{"reference": "Practitioner/a"}]},
    appointment(
        "v",
        [],
        start="2026-03-16T13:59:59+14:00",
        participant=[{"actor": {"reference": "Patient/p"}}, {"status": "accepted"}],
    ),
    slot("free", "a", "2026-03-16T09:00:00Z", "2026-03-16T10:00:00Z", "free"),
    slot("sic", "a", "2026-03-16T09:00:00Z", "2026-03-16T10:00:00Z", "entered-in-error"),
    slot("none", "a", "2026-03-16T09:00:00Z", "2026-03-16T09:00:00Z"),
    {**slot("stray", "a", "2026-03-16T09:00:00Z", "2026-03-16T09:30:00Z"), "schedule": {"reference": "elsewhere"}},
]
TERMS = {
    ("Patient", "identifier=7", "p"),
    ("Patient", "identifier=8", "p"),
    ("Schedule", "actor=Practitioner/a", "a"),
    ("Appointment", "actor=Patient/p", "v"),
    ("Appointment", "start=2026-03-15", "v"),
    ("Slot", "idle=a", "sic"),
    ("Slot", "idle=a", "none"),
    ("Slot", "idle=", "stray"),
}


def terms(path: Path) -> set[tuple[str, str, str]]:
    with sqlite3.connect(path) as db:
        found = set(db.execute("SELECT type, name, id FROM term"))
    db.close()
    return found


def test_terms_follow_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.ledger"
    with open_ledger(path, identity="terms") as ledger:
        ledger.load(NAMED)
    assert terms(path) == TERMS
    with open_ledger(path) as ledger:
        ledger.put({**NAMED[0], "identifier": [{"value": "8"}, {"value": "9"}]})
        ledger.put({**NAMED[4], "status": "free"})
        ledger.put({**NAMED[3], "status": "entered-in-error"})
        ledger.delete("Slot/none")
        ledger.delete("Appointment/v")
        assert ledger.verify() == []
    assert terms(path) == {
        ("Patient", "identifier=8", "p"), ("Patient", "identifier=9", "p"), ("Slot", "idle=a", "free"),
        ("Schedule", "actor=Practitioner/a", "a"), ("Slot", "idle=", "stray"),
    }  # fmt: skip


@pytest.fixture
def first_format(tmp_path: Path) -> Path:
    """A ledger as slotwright wrote it before there were terms."""
    path = tmp_path / "old.ledger"
    with open_ledger(path, identity="terms") as ledger:
        ledger.load(NAMED)
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE term")
        db.execute("PRAGMA user_version = 1")
    db.close()
    return path


def test_an_older_ledger_gets_its_terms(first_format: Path) -> None:
    with open_ledger(first_format) as ledger:
        assert ledger.verify() == []
        ledger.put({**NAMED[0], "identifier": []})
        assert ledger.verify() == []
    assert terms(first_format) == {one for one in TERMS if one[0] != "Patient"}


def test_an_older_ledger_that_may_only_be_read_verifies(first_format: Path) -> None:
    with open_ledger(first_format, read_only=True) as ledger:
        assert ledger.verify() == []
    with sqlite3.connect(first_format) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
    db.close()


def test_a_term_that_no_entry_tells_of_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.ledger"
    with open_ledger(path, identity="terms") as ledger:
        ledger.load(NAMED)
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO term VALUES ('Patient', 'identifier=6', 'p')")
        db.execute("DELETE FROM term WHERE name = 'identifier=8'")
    db.close()
    with open_ledger(path) as ledger:
        assert sorted(ledger.verify()) == [
            "term Patient, identifier=6: stands in the file, but no entry has written it so",
            "term Patient, identifier=8: follows from the entries, but does not stand in the file",
        ]
