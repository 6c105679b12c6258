"""Ledgers to measure on, requests to book in them, and the cheaper ways that booking is compared with.

Every schedule is open from Monday to Friday 08:00 to 12:00 and 13:00 to 18:00 in New York. The Slots that are there
already lie in the mornings, bookings are asked for in the afternoons, so that each is granted exactly once. A visit
takes 15 minutes on a 15-minute grid; for the service with buffers 5 minutes before and 10 after come to it.

The cheaper ways know nothing of slotwright: a write and a flush by the same calls that SQLite makes, and the rows that
a booking left, inserted again into tables without triggers, checks or chain.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
import time as clock
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, cast

import apsw
import measure
from instances import Resource, instant, minute
from measure import Sample, Timing
from slotwright.io import Call, Ledger, open_ledger
from slotwright.io.ledger.jobs import Job
from slotwright.io.ledger.transaction import Transaction
from slotwright.io.operations.book import book, read_request
from slotwright.io.operations.steps import run_through

BOOK = "Appointment/$book"
NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
FIRST_DAY = date(2026, 7, 1)
DURATION, BEFORE, AFTER, GRID = 15, 5, 10, 15
PLAIN, BUFFERED = "visit", "surgery"
"""The two services: without buffers, and with."""

_PARAMETERS = "https://medplum.com/fhir/StructureDefinition/SchedulingParameters"
_SERVICE_REFERENCE = "https://medplum.com/fhir/service-type-reference"
_TIMEZONE = "http://hl7.org/fhir/StructureDefinition/timezone"
_NAMES = {PLAIN: "Visit", BUFFERED: "Surgery"}
_HOURS = (("08:00:00", "12:00:00"), ("13:00:00", "18:00:00"))
_MORNING, _AFTERNOON = (time(8), 16), (time(13), 20)
"""When they begin, and how many visits without buffers fit."""

WAL_PAGES = 1000
"""After how many pages of WAL the plain database checkpoints; the ledger does so after 4 MB."""


# Resources


def resources(schedules: int) -> Iterator[Resource]:
    """Both services, a patient, and as many schedules with their practitioners."""
    yield service(PLAIN)
    yield service(BUFFERED)
    yield {"resourceType": "Patient", "id": "p1", "name": [{"text": "Hannah Castillo"}]}
    for number in range(schedules):
        id = f"s{number}"
        zone = {"url": _TIMEZONE, "valueCode": "America/New_York"}
        yield {"resourceType": "Practitioner", "id": id, "name": [{"text": f"Doctor {id}"}], "extension": [zone]}
        yield {
            "resourceType": "Schedule",
            "id": id,
            "actor": [{"reference": f"Practitioner/{id}", "display": f"Doctor {id}"}],
            "serviceType": [{"extension": [_link(one)]} for one in (PLAIN, BUFFERED)],
        }


def service(id: str) -> Resource:
    minutes = {"duration": DURATION, "alignmentInterval": GRID}
    if id == BUFFERED:
        minutes |= {"bufferBefore": BEFORE, "bufferAfter": AFTER}
    durations = [{"url": name, "valueDuration": {"value": value, "unit": "min"}} for name, value in minutes.items()]
    return {
        "resourceType": "HealthcareService",
        "id": id,
        "name": _NAMES[id],
        "extension": [{"url": _PARAMETERS, "extension": durations}],
        "availableTime": [
            {
                "daysOfWeek": ["mon", "tue", "wed", "thu", "fri"],
                "availableStartTime": begin,
                "availableEndTime": end,
            }
            for begin, end in _HOURS
        ],
    }


def _link(service_id: str, **more: str) -> Resource:
    reference = {"reference": f"HealthcareService/{service_id}", **more}
    return {"url": _SERVICE_REFERENCE, "valueReference": reference}


def stored_slots(schedules: int, each: int) -> Iterator[Resource]:
    """What is in the ledger before anything is booked: `each` visits of every schedule, in the mornings."""
    for number in range(schedules):
        for place, start in enumerate(islice(_starts(*_MORNING, DURATION), each)):
            yield {
                "resourceType": "Slot",
                "id": f"s{number}-{place}",
                "schedule": {"reference": f"Schedule/s{number}"},
                "status": "busy",
                "start": instant(start),
                "end": instant(start + DURATION),
            }


def _starts(begin: time, fit: int, step: int) -> Iterator[int]:
    """Minutes at which visits can begin, for ever: `fit` of `DURATION` go into a day, one every `step` minutes."""
    day = FIRST_DAY
    while True:
        if day.weekday() < 5:
            first = minute(day, begin)
            yield from range(first, first + fit * DURATION, step)
        day += timedelta(1)


@lru_cache
def free_starts(count: int, *, buffered: bool) -> tuple[int, ...]:
    """The first afternoon starts that can all be booked on one schedule."""
    begin, fit = _AFTERNOON
    if not buffered:
        return tuple(islice(_starts(begin, fit, DURATION), count))
    # With 5 minutes before and 10 after, every second one.
    return tuple(islice((start + GRID for start in _starts(begin, fit - 2, 2 * DURATION)), count))


# Requests


def proposal(schedules: Sequence[int], start: int, *, buffered: bool) -> Resource:
    """What `$find` proposes for these schedules, with a patient."""
    id = BUFFERED if buffered else PLAIN
    names = [f"Schedule/s{number}" for number in schedules]
    contained: list[Resource] = []
    for name in names:
        contained.append(_slot(name, "busy", start, start + DURATION))
        if buffered:
            before = _slot(name, "busy-unavailable", start - BEFORE, start)
            after = _slot(name, "busy-unavailable", start + DURATION, start + DURATION + AFTER)
            contained += [
                {**before, "comment": "buffer before appointment"},
                {**after, "comment": "buffer after appointment"},
            ]
    actors: list[Resource] = [
        {"reference": f"Practitioner/s{number}", "display": f"Doctor s{number}"} for number in schedules
    ]
    return {
        "resourceType": "Appointment",
        "status": "proposed",
        "start": instant(start),
        "end": instant(start + DURATION),
        "serviceType": [{"extension": [_link(id, display=_NAMES[id])]}],
        "participant": [
            {"actor": {"reference": "Patient/p1"}, "required": "required", "status": "accepted"},
            *({"actor": actor, "required": "required", "status": "needs-action"} for actor in actors),
        ],
        "contained": contained,
    }


def _slot(schedule: str, status: str, start: int, end: int) -> Resource:
    return {
        "resourceType": "Slot",
        "schedule": {"reference": schedule},
        "status": status,
        "start": instant(start),
        "end": instant(end),
    }


def body(proposed: Resource) -> Resource:
    return {"resourceType": "Parameters", "parameter": [{"name": "appointment", "resource": proposed}]}


class Case(NamedTuple):
    """A kind of booking: how many schedules it needs, and whether with buffers."""

    name: str
    size: int
    buffered: bool


SINGLE = Case("1 schedule, no buffers", 1, buffered=False)
TRIPLE = Case("3 schedules, buffers", 3, buffered=True)


def bodies(case: Case, schedules: Sequence[int], count: int, first: int = 0) -> Iterator[Resource]:
    """Requests that can all be granted: in turn on the groups of schedules, from the start of that number on."""
    groups = [schedules[at : at + case.size] for at in range(0, len(schedules) - case.size + 1, case.size)]
    starts = free_starts(-(-(first + count) // len(groups)), buffered=case.buffered)
    for number in range(first, first + count):
        row, column = divmod(number, len(groups))
        yield body(proposal(groups[column], starts[row], buffered=case.buffered))


def calls(case: Case, schedules: Sequence[int], count: int, first: int = 0) -> list[Call]:
    return [Call(BOOK, body=one) for one in bodies(case, schedules, count, first)]


def commit_job(request: Resource, who: str | None = None) -> Job[list[Resource]]:
    """A booking whose request has been read: what is left is the commit path."""
    asked = read_request("$book", request)
    recorded: Resource = {"who": who, "operation": BOOK, "body": request}

    def work(transaction: Transaction) -> list[Resource]:
        lapses = transaction.lapse()
        written = run_through(book(transaction, asked))
        transaction.finish("$book", recorded, lapses)
        return written.resources

    return Job(work)


# Ledgers


@contextmanager
def folder(where: str | None = None) -> Generator[Path]:
    """A temporary folder, on the disk that SLOTWRIGHT_BENCH names or the usual one."""
    made = tempfile.mkdtemp(prefix="slotwright-bench-", dir=where or os.environ.get("SLOTWRIGHT_BENCH"))
    try:
        yield Path(made)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def build(path: Path, schedules: int, each: int) -> None:
    """A ledger file with so many schedules, and so many Slots on each."""
    with open_ledger(path, clock=lambda: NOW, identity="benchmark") as ledger:
        ledger.load(list(resources(schedules)))
        slots = stored_slots(schedules, each)
        while chunk := list(islice(slots, 5_000)):

            def put(transaction: Transaction, several: Iterable[Resource] = tuple(chunk)) -> None:
                for one in several:
                    transaction.put(one)

            ledger.transact("load", put)


def opened(path: Path, **more: Any) -> Ledger:
    return open_ledger(path, clock=lambda: NOW, create=False, **more)


def booked(ledger: Ledger, after: int = 0) -> int:
    """How many bookings the entries speak of."""
    return sum(entry.kind == "$book" for entry in ledger.entries(after))


# The bare flush


class Flush:
    """Writes and flushes as SQLite does a WAL that is used again and again: over what is there, by the same calls."""

    def __init__(self, path: Path, size: int) -> None:
        self._chunk = os.urandom(size)
        self._room = WAL_PAGES * 4096 // size * size
        flags = apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_READWRITE
        self._file = apsw.VFSFile("", str(path), [flags, 0])
        self._at = 0
        while self._at < self._room:
            self._write()
        self._flush()

    def __call__(self) -> None:
        self._write()
        self._flush()

    def _write(self) -> None:
        self._at %= max(self._room, 1)
        cast(Any, self._file).xWrite(self._chunk, self._at)
        self._at += len(self._chunk)

    def _flush(self) -> None:
        self._file.xSync(apsw.SQLITE_SYNC_FULL)

    def close(self) -> None:
        self._file.xClose()


# Plain SQLite

_TABLES = {
    "entry": "seq INTEGER PRIMARY KEY, time, clock, kind, input, changes, prev, hash",
    "body": "number INTEGER PRIMARY KEY, content",
    "resource": "type, id, version, body, origin, PRIMARY KEY (type, id)",
    "claim": "schedule, long, start, slot, end, status, tolerance, scope, until, services, guard, "
    "PRIMARY KEY (schedule, long, start, slot)",
    "slot_use": "slot, appointment, PRIMARY KEY (slot, appointment)",
}
"""The ledger's tables as anyone would make them: no triggers, no checks."""

_WIDTHS = {"entry": 8, "body": 2, "resource": 5, "claim": 11, "slot_use": 2}
_INSERTS = {name: f"INSERT INTO {name} VALUES ({', '.join('?' * width)})" for name, width in _WIDTHS.items()}
_OF_APPOINTMENT = "JOIN resource AS of ON of.type = 'Appointment' AND of.id ="
_WRITTEN = {
    "entry": "SELECT seq, entry.* FROM entry WHERE seq > ?",
    "body": "SELECT number >> 20, body.* FROM body WHERE number >= (? + 1) << 20",
    "resource": "SELECT origin, resource.* FROM resource WHERE origin > ?",
    "claim": f"SELECT of.origin, claim.* FROM claim {_OF_APPOINTMENT} claim.guard WHERE of.origin > ?",
    "slot_use": f"SELECT of.origin, u.* FROM slot_use AS u {_OF_APPOINTMENT} u.appointment WHERE of.origin > ?",
}

Rows = dict[str, list[tuple[Any, ...]]]
"""By table, what a booking wrote."""


def written(path: Path, after: int) -> list[Rows]:
    """What each booking after that entry wrote."""
    connection: Any = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    found: dict[int, Rows] = {}
    for table, statement in _WRITTEN.items():
        for seq, *row in connection.execute(statement, (after,)):
            found.setdefault(seq, {name: [] for name in _TABLES})[table].append(tuple(row))
    connection.close()
    return [found[seq] for seq in sorted(found)]


class PlainTables:
    """The rows of a ledger in plain SQLite tables."""

    def __init__(self, path: Path) -> None:
        self.connection: Any = apsw.Connection(str(path), statementcachesize=200)
        self.execute = self.connection.execute
        self.connection.set_busy_timeout(60_000)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "fullfsync = 1", "cache_size = -16384"):
            self.execute(f"PRAGMA {pragma}")
        self.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")

    def copy(self, ledger: Path) -> None:
        """Make the tables, and fill them with what is in the ledger."""
        self.execute("ATTACH ? AS ledger", (str(ledger),))
        self.execute("BEGIN")
        for name, columns in _TABLES.items():
            rowid = "" if "INTEGER PRIMARY KEY" in columns else "WITHOUT ROWID"
            self.execute(f"CREATE TABLE main.{name} ({columns}) {rowid}")
            self.execute(f"INSERT INTO main.{name} SELECT * FROM ledger.{name}")
        self.execute("COMMIT")
        self.execute("DETACH ledger")
        # A WAL as long as it gets, to be written over.
        self.execute("CREATE TABLE filler AS SELECT zeroblob(?)", ((WAL_PAGES + 100) * 4096,))
        self.execute("DROP TABLE filler")
        self.execute("PRAGMA wal_checkpoint(RESTART)")

    def insert(self, rows: Rows) -> None:
        """One booking's rows, durable."""
        execute = self.execute
        execute("BEGIN IMMEDIATE")
        for table, several in rows.items():
            for row in several:
                execute(_INSERTS[table], row)
        execute("COMMIT")

    def insert_all(self, bookings: Sequence[Rows]) -> None:
        """Many bookings' rows in one transaction, booking by booking."""
        execute = self.execute
        execute("BEGIN IMMEDIATE")
        for rows in bookings:
            for table, several in rows.items():
                for row in several:
                    execute(_INSERTS[table], row)
        execute("COMMIT")

    def insert_tables(self, bookings: Sequence[Rows]) -> None:
        """The same, table by table: the fastest way there is, open to whoever knows all rows beforehand."""
        self.execute("BEGIN IMMEDIATE")
        for table, insert in _INSERTS.items():
            self.connection.executemany(insert, [row for rows in bookings for row in rows[table]])
        self.execute("COMMIT")

    def count(self, table: str) -> int:
        return self.execute(f"SELECT count(*) FROM {table}").fetchone()[0]

    def close(self) -> None:
        self.connection.close()


# Counting flushes


class CountingFS(apsw.VFS):
    """Counts how often SQLite flushes the WAL, and makes each flush `delay` seconds longer; open with `vfs=fs.name`.

    The flush is made here, through a descriptor of our own, so that other threads run meanwhile as they do without it.
    """

    name = "slotwright-counting"

    def __init__(self) -> None:
        self.flushes = 0
        self.delay = 0.0
        super().__init__(self.name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        if not flags[0] & apsw.SQLITE_OPEN_WAL or name is None:
            return apsw.VFSFile("", name, flags)
        return _CountedFile(self, name if isinstance(name, str) else name.filename(), name, flags)


_flush = getattr(os, "fdatasync", os.fsync)


class _CountedFile(apsw.VFSFile):
    def __init__(self, fs: CountingFS, path: str, name: str | apsw.URIFilename, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._fs = fs
        self._descriptor = os.open(path, os.O_RDWR)  # no locks are taken on a WAL, so none are lost by closing this

    def xSync(self, flags: int) -> None:  # noqa: N802, ARG002
        self._fs.flushes += 1
        _flush(self._descriptor)
        if self._fs.delay:
            clock.sleep(self._fs.delay)

    def xClose(self) -> None:  # noqa: N802
        os.close(self._descriptor)
        super().xClose()


# Measuring


def in_turn(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Timing]:
    """Each call timed by itself, in turn with the others, after one that is not counted.

    Other jobs on the same disk meet all of them alike; medians leave out the flushes that waited for those jobs.
    """
    for call in calls.values():
        call()
    samples: dict[str, list[Sample]] = {name: [] for name in calls}
    gc.collect()
    gc.freeze()
    try:
        for _ in range(rounds):
            for name, call in calls.items():
                samples[name].append(measure.once(call))
    finally:
        gc.unfreeze()
    return {name: Timing(tuple(found)) for name, found in samples.items()}
