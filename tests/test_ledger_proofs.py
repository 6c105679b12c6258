"""What a ledger file proves by itself: the chain of its entries, the guards of its tables, and what `verify` notices.

The chain is computed here a second time, by the formula of docs/ledger.md. Forgers know that formula too: they seal
every entry anew after what they have changed, so that something else than the chain must give them away.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from ledger_support import BEGINNING, BOOK, basic, clock, named, proposal, visit
from slotwright.io import Ledger, invoke, open_ledger
from support import Resource, appointment, hours, parameters, practitioner, schedule, slot

BODIES = 1 << 20
"""Numbers of bodies of one entry."""


def opened(path: Path, now: datetime = BEGINNING) -> Ledger:
    return open_ledger(path, clock=lambda: now, identity="proof")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger with two versions of a Practitioner and one booking."""
    made = tmp_path / "ledger"
    with opened(made) as ledger:
        ledger.load(basic())
        for name in ("Ann", "Bob"):
            ledger.put({**practitioner("a"), "name": [{"text": name}]})
        assert invoke(ledger, BOOK, body=proposal(visit("a", "09:00"), identifier=named("X")), who="desk")[0] == 201
        assert [one.kind for one in ledger.entries()] == ["init", "load", "put", "put", "$book"]
        assert ledger.verify() == []
    return made


def connected(path: Path) -> Any:
    """Of a ledger that nobody has open: this is another library than the ledger's."""
    return closing(sqlite3.connect(path, isolation_level=None))


def hash_of(*content: Any) -> bytes:
    """SHA-256(prev, JSON [seq, time, clock, kind, hex(input)], changes), the columns in the order of the table."""
    seq, time, said, kind, given, changes, prev = content
    head = json.dumps([seq, time, said, kind, given.hex()], separators=(",", ":"))
    return sha256(prev + head.encode() + changes.encode()).digest()


_ENTRY = "SELECT seq, time, clock, kind, input, changes, prev, hash FROM entry ORDER BY seq"


def forge(path: Path, *statements: str, sealed: bool = True) -> list[str]:
    """Carry out statements, and seal all entries anew; what `verify` says then."""
    with connected(path) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        for one in statements:
            assert db.execute(one).rowcount == 1, one
        prev = bytes(32)
        rows: list[tuple[Any, ...]] = db.execute(_ENTRY).fetchall() if sealed else []
        for row in rows:
            seal = hash_of(*row[:6], prev)
            db.execute("UPDATE entry SET prev = ?, hash = ? WHERE seq = ?", (prev, seal, row[0]))
            prev = seal
    path.with_name("ledger-lock").unlink()
    with open_ledger(path, create=False) as ledger:
        return ledger.verify()


# --- the chain ---------------------------------------------------------------


def test_the_chain_is_as_documented(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    now = BEGINNING
    with open_ledger(path, clock=lambda: now, identity="Zoë") as ledger:
        ledger.load(basic())
        for number, step in enumerate([0, 60, -90, 5]):
            now += timedelta(seconds=step)
            sent = proposal(visit("a", f"1{number}:00"))
            assert invoke(ledger, BOOK, body=sent, who="Zoë")[0] == 201
        ledger.delete("Practitioner/b")
        recorded = list(ledger.entries())
    with connected(path) as db:
        rows = db.execute(_ENTRY).fetchall()
        bodies: dict[int, bytes] = dict(db.execute("SELECT number, content FROM body").fetchall())
    assert [one[2] is not None for one in rows] == [False, False, False, False, True, True, True]
    prev = bytes(32)
    for row, entry in zip(rows, recorded, strict=True):
        seq, time, said, kind, given, changes, *_ = row
        assert row[6:] == (prev, hash_of(*row[:6], prev))
        prev = row[7]
        assert (seq, time, said, kind) == (entry.seq, entry.time_ms, entry.clock_ms, entry.kind)
        assert (entry.prev, entry.hash) == (row[6].hex(), row[7].hex())
        assert sha256(bodies.pop(seq * BODIES)).digest() == given
        assert [[*one] for one in entry.changes] == json.loads(changes)
        for place, change in enumerate(entry.changes, start=1):
            content = bodies.pop(seq * BODIES + place, None)
            assert change.digest == (None if content is None else sha256(content).hexdigest())
    assert not bodies


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET kind = 'put' WHERE seq = 2",
        "DELETE FROM entry WHERE seq = 5",
        "INSERT INTO entry SELECT 7, time, clock, kind, input, changes, prev, hash FROM entry WHERE seq = 5",
        "INSERT INTO entry SELECT 5, time, clock, kind, input, changes, prev, hash FROM entry WHERE seq = 5",
        "INSERT INTO entry SELECT 6, time - 1, clock, kind, input, changes, prev, hash FROM entry WHERE seq = 5",
    ],
)
def test_entries_follow_each_other_and_stay(path: Path, statement: str) -> None:
    with connected(path) as db:
        before = db.execute(_ENTRY).fetchall()
        with pytest.raises(sqlite3.IntegrityError):
            db.execute(statement)
        assert db.execute(_ENTRY).fetchall() == before
        db.execute("INSERT INTO entry SELECT 6, time, clock, kind, input, changes, prev, hash FROM entry WHERE seq = 5")


# --- the second opinion on capacity ------------------------------------------


def claim(
    start: int,
    end: int,
    tolerance: int = 1,
    guard: str | None = "x",
    status: str = "busy",
    scope: str | None = None,
) -> tuple[Any, ...]:
    return ("a", int(end - start > 1440), start, f"{start}-{end}", end, status, tolerance, scope, None, None, guard)


@pytest.mark.parametrize(
    ("stored", "new", "fits"),
    [
        ([claim(0, 30)], claim(0, 30, guard="y"), False),
        ([claim(0, 30)], claim(30, 60, guard="y"), True),
        ([claim(30, 60)], claim(0, 30, guard="y"), True),
        ([claim(0, 30)], claim(29, 59, guard="y"), False),
        ([claim(10, 20)], claim(0, 30, guard="y"), False),
        # at most as many at a minute as all of them tolerate
        ([claim(0, 30, 2)], claim(0, 30, 2, guard="y"), True),
        ([claim(0, 30, 2), claim(0, 29, 2)], claim(0, 30, 2, guard="y"), False),
        ([claim(0, 30, 1)], claim(0, 30, 3, guard="y"), False),
        ([claim(0, 30, 3)], claim(0, 30, 1, guard="y"), False),
        ([claim(0, 10, 2), claim(20, 30, 2)], claim(0, 30, 2, guard="y"), True),
        ([claim(0, 21, 2), claim(20, 30, 2)], claim(0, 30, 2, guard="y"), False),
        # a day, and more than a day
        ([claim(0, 1440)], claim(1439, 1469, guard="y"), False),
        ([claim(0, 5000)], claim(4999, 5029, guard="y"), False),
        ([claim(0, 5000)], claim(5000, 5030, guard="y"), True),
        ([claim(4000, 4030)], claim(0, 5000, guard="y"), False),
        ([claim(100, 2000)], claim(95, 110, guard="y"), False),
        # what does not stand in the way
        ([claim(0, 30)], claim(0, 29, guard="x"), True),
        ([claim(0, 30, status="free")], claim(0, 30, guard="y"), True),
        ([claim(0, 30)], claim(0, 29, guard="y", status="free"), True),
        ([claim(0, 30, scope="[]")], claim(0, 30, guard="y"), True),
        ([claim(0, 30)], claim(0, 29, guard="y", scope="[]"), True),
        # what was not judged may be anywhere, but takes its time
        ([claim(0, 30)], claim(0, 29, guard=None), True),
        ([claim(0, 30, guard=None)], claim(0, 30, guard="y"), False),
    ],
)
def test_the_table_of_claims_has_a_second_opinion(
    path: Path, stored: list[tuple[Any, ...]], new: tuple[Any, ...], fits: bool
) -> None:
    insert = f"INSERT INTO claim VALUES ({', '.join('?' * 11)})"
    with connected(path) as db:
        db.execute("BEGIN")
        for row in stored:
            db.execute(insert, (*row[:3], f"stored {row[3]}", *row[4:]))
        if fits:
            db.execute(insert, new)
        else:
            with pytest.raises(sqlite3.IntegrityError, match="capacity"):
                db.execute(insert, new)
        db.execute("ROLLBACK")


# --- what verify notices -----------------------------------------------------


@pytest.mark.parametrize(
    ("statements", "finding"),
    [
        (["UPDATE entry SET time = 0 WHERE seq = 4"], "entry 4: its time is before that of the entry before it"),
        (["DELETE FROM entry WHERE seq = 3"], "entry 3: is missing; entry 4 follows"),
        (
            ["UPDATE meta SET value = 'other' WHERE key = 'identity'"],
            "entry 1: is not the beginning of the ledger other",
        ),
        ([f"INSERT INTO body VALUES ({2 * BODIES + 99}, x'7B7D')"], "body 99 of entry 2 belongs to nothing"),
        ([f"INSERT INTO body VALUES ({9 * BODIES}, x'7B7D')"], "body 0 of entry 9 belongs to nothing"),
        (
            [
                """UPDATE entry SET changes = replace(changes, '"Practitioner/a",3,', '"Practitioner/a",7,')
                WHERE seq = 4""",
                "UPDATE resource SET version = 7 WHERE type = 'Practitioner' AND id = 'a'",
            ],
            "entry 4 (put): Practitioner/a has version 7, which does not follow the one before",
        ),
        (
            [f"DELETE FROM body WHERE number = {3 * BODIES + 1}"],
            "entry 3 (put): the body of Practitioner/a is missing",
        ),
        ([f"DELETE FROM body WHERE number = {3 * BODIES}"], "entry 3 (put): the body of its input is missing"),
        (
            [f"UPDATE body SET content = x'7B7D' WHERE number = {3 * BODIES}"],
            "entry 3 (put): the body of its input is not the one that was recorded",
        ),
        (
            ["INSERT INTO hold VALUES (253402300799000, 'nobody')"],
            "hold 253402300799000, nobody: stands in the file, but no entry has written it so",
        ),
        (
            ["""DELETE FROM identifier WHERE name = '[null,"X"]'"""],
            ": follows from the entries, but does not stand in the file",
        ),
        (["UPDATE claim SET tolerance = 2"], "the time taken by Slot/"),
    ],
)
def test_forged_entries_are_noticed(path: Path, statements: list[str], finding: str) -> None:
    assert any(finding in one for one in forge(path, *statements))


def test_a_forger_who_changes_nothing_is_not_noticed(path: Path) -> None:
    assert forge(path) == []


def test_entries_that_were_not_sealed_anew_are_noticed(path: Path) -> None:
    said = forge(path, "UPDATE entry SET kind = 'load' WHERE seq = 3", sealed=False)
    assert "entry 3 (load): its hash is not that of its content" in said


def test_an_entry_that_was_sealed_alone_is_noticed(path: Path) -> None:
    with connected(path) as db:
        rows = db.execute(_ENTRY).fetchall()
    seq, time, said, _, given, changes, prev, _ = rows[2]
    seal = hash_of(seq, time, said, "load", given, changes, prev)
    statement = f"UPDATE entry SET kind = 'load', hash = x'{seal.hex()}' WHERE seq = 3"
    assert forge(path, statement, sealed=False) == ["entry 4: does not continue the entry before it"]


@pytest.fixture
def closing_early(tmp_path: Path) -> Iterator[Ledger]:
    """Schedule a is always open, Schedule b on Mondays from 9 to 12."""
    early = schedule("b", parameters(availability=[hours("mon", "09:00:00", "12:00:00")]))
    with opened(tmp_path / "ledger") as ledger:
        ledger.load(basic(early))
        yield ledger


@pytest.mark.parametrize("kind", ["$book", "$hold", "$reschedule", "bundle"])
@pytest.mark.parametrize(
    ("schedules", "time", "closed"),
    [("b", "11:30", None), ("b", "12:00", "b"), ("ab", "12:00", "b"), ("ba", "12:00", "b"), ("a", "12:00", None)],
)
def test_every_booking_is_judged_again(
    closing_early: Ledger, kind: str, schedules: str, time: str, closed: str | None
) -> None:
    """As if a faulty program had booked: `put_booking` stores without a question."""
    slots = [{**visit(one, time), "id": f"slot-{one}"} for one in schedules]
    booking = appointment("x", [one["id"] for one in slots], start=clock(time), end=clock(time))
    closing_early.transact(kind, lambda tx: tx.put_booking(booking, slots))
    expected = f"entry 3 ({kind}): Appointment/x on Schedule/{closed}: Requested time slot is not available"
    assert closing_early.verify() == ([] if closed is None else [expected])


def test_a_slot_that_is_booked_for_nobody_is_noticed(closing_early: Ledger) -> None:
    closing_early.transact("$book", lambda tx: tx.put(slot("s", "a", clock("09:00"), clock("09:30"))))
    assert closing_early.verify() == ["entry 3 ($book): Slot/s belongs to no Appointment of the entry"]


def test_slots_that_are_put_are_not_judged(closing_early: Ledger) -> None:
    resources: list[Resource] = [slot(f"{n}", "b", clock("20:00"), clock("20:30")) for n in range(3)]
    for one in [*resources, appointment("x", ["0", "1"])]:
        closing_early.put(one)
    assert closing_early.verify() == []
