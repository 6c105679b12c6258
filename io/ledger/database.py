"""The SQLite file under a ledger: opening it safely, and every statement there is. No other file holds SQL."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple, cast

import apsw

from ..errors import LedgerNotFound, LedgerVersion, LedgerWriteFailed
from .failures import translated
from .schema import APPLICATION_ID, BODIES, FORMAT, MIGRATIONS
from .waiting import Waiting

SavepointName = Literal["job", "lapses"]

OLDEST_SQLITE = 3_051_003
"""Before, resetting the WAL while several processes checkpoint loses acknowledged commits (SQLite 3.51.3)."""

LONG_MINUTES = 1440


class ResourceRow(NamedTuple):
    """The current state of one resource; `content` is None if it is deleted."""

    version: int
    origin: int
    content: bytes | None


class ClaimRow(NamedTuple):
    """A row of the table `claim`, `long` left out."""

    schedule: str
    start: int
    slot: str
    end: int
    status: str
    tolerance: int
    scope: str | None
    until: int | None
    services: str | None
    guard: str | None


class EntryRow(NamedTuple):
    seq: int
    time: int
    clock: int | None
    kind: str
    input: bytes
    changes: str
    prev: bytes
    hash: bytes


class UnusableRow(NamedTuple):
    """A Slot that counts but cannot be used; times in milliseconds, None if unreadable."""

    slot: str
    start: int | None
    end: int | None
    until: int | None


_CLAIM = "schedule, start, slot, end, status, tolerance, scope, until, services, guard"
_ADD_CLAIM = f"INSERT INTO claim (long, {_CLAIM}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ENTRY = "seq, time, clock, kind, input, changes, prev, hash"


_WAITING = (
    "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    "INSERT INTO body VALUES (?, ?)",
    "INSERT INTO resource VALUES (?, ?, ?, ?, ?)",
    "INSERT OR IGNORE INTO slot_use VALUES (?, ?)",
    "INSERT OR IGNORE INTO term VALUES (?, ?, ?)",
)
"""What inserts the rows that wait."""

_WAITING_MOST = 2_000
"""After so many bodies all that waits is inserted."""


class Database:
    """One connection. Not for two threads at once."""

    def __init__(self, path: str, *, read_only: bool, create: bool, vfs: str | None) -> None:
        """Raises LedgerError."""
        if apsw.SQLITE_VERSION_NUMBER < OLDEST_SQLITE:
            raise LedgerVersion(f"SQLite {apsw.sqlite_lib_version()} can lose data; install apsw 3.51.3 or later")
        flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE
        if create and not read_only:
            flags |= apsw.SQLITE_OPEN_CREATE
        self.path = path
        self._vfs = vfs
        self._has_unusable: bool | None = None
        self._hold_end: int | None = None
        """No hold ends before; None: not known."""
        self._waiting = Waiting(_WAITING)
        self._entry, self._body, self._resource, self._slot_use, self._term = map(
            self._waiting.rows, range(len(_WAITING))
        )
        self.wal_pages = 0
        """How many pages the WAL held after the last commit. Its file does not shrink when it begins anew."""
        with translated(path):
            self._connection = apsw.Connection(
                path, flags=flags | apsw.SQLITE_OPEN_URI, vfs=vfs, statementcachesize=200
            )
            self._connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            self._connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
            self._connection.set_busy_timeout(5_000)
            self._at_once: Callable[..., Any] = cast(Any, self._connection).execute
            self.executemany: Callable[..., Any] = cast(Any, self._connection).executemany

    def close(self) -> None:
        self._connection.close()

    def tidy_on_close(self) -> None:
        """Let the last connection that closes make one file of it again; under the writer lock."""
        self._connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)

    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    # Statements

    def execute(self, statement: str, values: Any = ()) -> Any:
        """Carry out a statement, after all that waits. Those that no row that waits concerns need not wait for it."""
        if self._body or self._slot_use or self._term:
            self.insert_waiting()
        return self._at_once(statement, values)

    def insert_waiting(self) -> None:
        self._waiting.insert(self.executemany)

    # The file as a whole

    def format(self) -> int | None:
        """The version of its tables; None if the file is empty. Raises LedgerError if it is no ledger."""
        # In one snapshot: somebody else may be making it a ledger just now.
        with translated(self.path), self.snapshot():
            id = self._one("PRAGMA application_id")
            version = self._one("PRAGMA user_version")
            if id == 0 and version == 0 and self._one("SELECT count(*) FROM sqlite_schema") == 0:
                return None
        if id != APPLICATION_ID:
            raise LedgerNotFound(f"{self.path} is an SQLite file but no ledger of slotwright")
        if version > FORMAT:
            raise LedgerVersion(
                f"{self.path} has format {version}, this slotwright knows up to {FORMAT}; use a newer slotwright"
            )
        return version

    def version(self) -> int:
        """The version of the tables in this file."""
        return self._one("PRAGMA user_version")

    def prepare_writer(self) -> None:
        """What makes a commit last: WAL, flushed before it returns; on macOS through to the disk."""
        mode = self._one("PRAGMA journal_mode = WAL")
        # On a new file SQLite can say `wal` although the change did not reach the header; whoever opens the file after
        # that does not look into the log. So ask as one who opens it. (To read the file by hand would drop the locks
        # that this process has on it.)
        if mode != "wal" or self._mode_for_others() != "wal":
            raise LedgerWriteFailed(f"{self.path}: SQLite cannot keep a write-ahead log here (its journal is '{mode}')")
        self.execute("PRAGMA synchronous = FULL")
        self.execute("PRAGMA fullfsync = 1")
        self.execute("PRAGMA checkpoint_fullfsync = 1")
        self.execute("PRAGMA wal_autocheckpoint = 0")
        self.execute("PRAGMA cache_size = -16384")
        self.execute("PRAGMA secure_delete = ON")
        self.execute("PRAGMA temp_store = MEMORY")
        self._connection.set_wal_hook(self._note_wal)

    def _mode_for_others(self) -> str:
        """The journal mode that the header of the file names."""
        other = apsw.Connection(self.path, flags=apsw.SQLITE_OPEN_READWRITE, vfs=self._vfs)
        try:
            other.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            return cast(Any, other).execute("PRAGMA journal_mode").fetchone()[0]
        finally:
            other.close()

    def _note_wal(self, _: apsw.Connection, __: str, pages: int) -> int:
        self.wal_pages = pages
        return apsw.SQLITE_OK

    def migrate(self, version: int) -> None:
        """Bring the tables from `version` (0: none) to today's, inside the caller's transaction."""
        for statements in MIGRATIONS[version:]:
            self.execute(statements)
        if version == 0:
            self.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        self.execute(f"PRAGMA user_version = {FORMAT}")

    def begin(self, *, write: bool) -> None:
        self.execute("BEGIN IMMEDIATE" if write else "BEGIN")
        self._has_unusable = None
        self._hold_end = None

    def commit(self) -> None:
        self.execute("COMMIT")

    def rollback(self) -> None:
        self._waiting.clear()
        if self._connection.in_transaction:
            self.execute("ROLLBACK")

    @contextmanager
    def snapshot(self) -> Generator[None]:
        """One state for everything read inside."""
        self.begin(write=False)
        try:
            yield
        finally:
            self.rollback()

    def savepoint(self, name: SavepointName) -> None:
        self._waiting.mark()
        self._at_once(f"SAVEPOINT {name}")

    def keep(self, name: SavepointName) -> None:
        """Forget the savepoint."""
        self._at_once(f"RELEASE {name}")
        self._waiting.keep()
        if len(self._body) > _WAITING_MOST and not self._waiting.is_marked:
            self.insert_waiting()

    def undo(self, name: SavepointName) -> None:
        """Back to the savepoint, which is forgotten."""
        self._at_once(f"ROLLBACK TO {name}")
        self._at_once(f"RELEASE {name}")
        self._waiting.undo()
        self._hold_end = None

    def checkpoint(self, *, truncate: bool) -> tuple[int, int]:
        """Move the WAL into the file; to be called under the writer lock. Returns (frames, those moved)."""
        mode = apsw.SQLITE_CHECKPOINT_TRUNCATE if truncate else apsw.SQLITE_CHECKPOINT_PASSIVE
        return self._connection.wal_checkpoint(mode=mode)

    def set_busy_timeout(self, milliseconds: int) -> None:
        self._connection.set_busy_timeout(milliseconds)

    def backup_to(self, path: str, progress: Callable[[int, int], None] | None = None) -> None:
        """A copy as of now, made page by page while others write."""
        target = apsw.Connection(path)
        try:
            # In one snapshot, which the first read begins: else SQLite starts again after every write of somebody else.
            with self.snapshot():
                self.last_entry()
                with target.backup("main", self._connection, "main") as backup:
                    while not backup.done:
                        backup.step(2_000)
                        if progress is not None:
                            progress(backup.page_count - backup.remaining, backup.page_count)
            cast(Any, target).execute("PRAGMA journal_mode = DELETE")
        finally:
            target.close()

    def faults_of_pages(self) -> list[str]:
        """What SQLite itself finds wrong with the file."""
        found = [row[0] for row in self.execute("PRAGMA integrity_check(20)")]
        return [] if found == ["ok"] else found

    def data_version(self) -> int:
        """Changes when another connection has committed."""
        return self._one("PRAGMA data_version")

    def _one(self, statement: str, values: Any = ()) -> Any:
        for row in self.execute(statement, values):
            return row[0]
        return None

    # meta

    def meta(self, key: str) -> str | None:
        return self._one("SELECT value FROM meta WHERE key = ?", (key,))

    def set_meta(self, key: str, value: str) -> None:
        self.execute("INSERT INTO meta VALUES (?, ?)", (key, value))

    # entry and body

    def last_entry(self) -> EntryRow | None:
        for row in self.execute(f"SELECT {_ENTRY} FROM entry ORDER BY seq DESC LIMIT 1"):
            return EntryRow(*row)
        return None

    def entries(self, after: int) -> Iterator[EntryRow]:
        """Entries in order; read in pages, so that nothing is held open between two of them."""
        while page := self.entries_page(after):
            yield from page
            after = page[-1].seq

    def entries_page(self, after: int) -> list[EntryRow]:
        found = self.execute(f"SELECT {_ENTRY} FROM entry WHERE seq > ? ORDER BY seq LIMIT 500", (after,))
        return [EntryRow(*row) for row in found]

    def entries_back(self, before: int, since: int) -> Iterator[EntryRow]:
        """Entries from the last one before a number down to another number; read in pages."""
        while page := self._entries_back(before, since):
            yield from page
            before = page[-1].seq

    def _entries_back(self, before: int, since: int) -> list[EntryRow]:
        found = self.execute(
            f"SELECT {_ENTRY} FROM entry WHERE seq < ? AND seq >= ? ORDER BY seq DESC LIMIT 100", (before, since)
        )
        return [EntryRow(*row) for row in found]

    def first_since(self, time_ms: int) -> int:
        """The number of the first entry at or after a time; entries are in the order of their times."""
        low, high = 1, (self._one("SELECT max(seq) FROM entry") or 0) + 1
        while low < high:
            middle = (low + high) // 2
            if self._one("SELECT time FROM entry WHERE seq = ?", (middle,)) < time_ms:
                low = middle + 1
            else:
                high = middle
        return low

    def entry(self, seq: int) -> EntryRow | None:
        for row in self.execute(f"SELECT {_ENTRY} FROM entry WHERE seq = ?", (seq,)):
            return EntryRow(*row)
        return None

    def is_erasure(self, seq: int) -> bool:
        return self._one("SELECT kind = 'erase' FROM entry WHERE seq = ?", (seq,)) == 1

    def add_entry(self, row: EntryRow) -> None:
        self._entry.append(row)

    def add_body(self, entry: int, place: int, content: bytes) -> int:
        number = entry * BODIES + place
        self._body.append((number, content))
        return number

    @staticmethod
    def number(entry: int, place: int) -> int:
        """The number of a body."""
        return entry * BODIES + place

    def add_bodies(self, rows: Iterable[tuple[int, bytes]]) -> None:
        """Numbers and contents."""
        self._body += rows

    def replace_body(self, number: int, content: bytes) -> None:
        self.execute("UPDATE body SET content = ? WHERE number = ?", (content, number))

    def body(self, entry: int, place: int) -> bytes | None:
        return self._one("SELECT content FROM body WHERE number = ?", (entry * BODIES + place,))

    def bodies(self, containing: str | None = None) -> Iterator[tuple[int, int, bytes]]:
        """Entry, place and content of every body, or of those in which some text occurs."""
        where = "" if containing is None else "WHERE instr(content, CAST(? AS BLOB))"
        values = () if containing is None else (containing,)
        for number, content in self.execute(f"SELECT number, content FROM body {where} ORDER BY number", values):
            yield number // BODIES, number % BODIES, content

    def body_numbers(self) -> Iterator[int]:
        for row in self.execute("SELECT number FROM body ORDER BY number"):
            yield row[0]

    # resource

    def resource(self, kind: str, id: str) -> ResourceRow | None:
        for row in self.execute(
            "SELECT version, origin, (SELECT content FROM body WHERE number = resource.body) "
            "FROM resource WHERE type = ? AND id = ?",
            (kind, id),
        ):
            return ResourceRow(*row)
        return None

    def set_resource(self, kind: str, id: str, version: int, body: int | None, origin: int) -> None:
        if version == 1:
            self.execute("INSERT INTO resource VALUES (?, ?, ?, ?, ?)", (kind, id, version, body, origin))
        else:
            self.execute(
                "UPDATE resource SET version = ?, body = ? WHERE type = ? AND id = ?", (version, body, kind, id)
            )

    def add_resources(self, rows: Iterable[tuple[str, str, int, int, int]]) -> None:
        """Type, id, version, body and origin of resources that are new."""
        self._resource += rows

    def kinds(self) -> list[str]:
        """The types of which there is some resource."""
        found: list[str] = []
        last = ""
        while (kind := self._one("SELECT min(type) FROM resource WHERE type > ?", (last,))) is not None:
            if self._one("SELECT 1 FROM resource WHERE type = ? AND body IS NOT NULL LIMIT 1", (kind,)):
                found.append(kind)
            last = kind
        return found

    def is_stored(self, kind: str) -> bool:
        """Is or was there some resource of the type?"""
        return self._one("SELECT 1 FROM resource WHERE type = ? LIMIT 1", (kind,)) == 1

    def contents(self, kind: str) -> Iterator[bytes]:
        """The resources of a type by id; read in pages."""
        last = ""
        while page := self.page(kind, last):
            for _, content in page:
                yield content
            last = page[-1][0]

    def page(self, kind: str, after: str) -> list[tuple[str, bytes]]:
        """The next resources of a type after an id."""
        found = self.execute(
            "SELECT id, content FROM resource JOIN body ON number = body "
            "WHERE type = ? AND id > ? ORDER BY id LIMIT 500",
            (kind, after),
        )
        return [(id, content) for id, content in found]

    def count(self, kind: str) -> int:
        return self._one("SELECT count(*) FROM resource WHERE type = ? AND body IS NOT NULL", (kind,))

    def loaded_digest(self, kind: str, id: str) -> bytes | None:
        return self._one("SELECT digest FROM loaded WHERE type = ? AND id = ?", (kind, id))

    def set_loaded(self, kind: str, id: str, digest: bytes) -> None:
        self.execute("INSERT OR REPLACE INTO loaded VALUES (?, ?, ?)", (kind, id, digest))

    # claim

    def add_claims(self, rows: Iterable[ClaimRow]) -> None:
        self.executemany(_ADD_CLAIM, [(int(row.end - row.start > LONG_MINUTES), *row) for row in rows])

    def remove_claim(self, schedule: str, start: int, end: int, slot: str) -> None:
        self.execute(
            "DELETE FROM claim WHERE schedule = ? AND long = ? AND start = ? AND slot = ?",
            (schedule, int(end - start > LONG_MINUTES), start, slot),
        )

    def claim(self, schedule: str, start: int, end: int, slot: str) -> ClaimRow | None:
        """That of one Slot."""
        found = self.execute(
            f"SELECT {_CLAIM} FROM claim WHERE schedule = ? AND long = ? AND start = ? AND slot = ?",
            (schedule, int(end - start > LONG_MINUTES), start, slot),
        )
        return next(map(ClaimRow._make, found), None)

    def claims_near(self, schedule: str, low: int, high: int) -> list[ClaimRow]:
        """The claims that meet the minutes [low, high)."""
        found = self._at_once(
            f"SELECT {_CLAIM} FROM claim "
            "WHERE schedule = ?1 AND long = 0 AND start > ?2 - 1440 AND start < ?3 AND end > ?2 "
            f"UNION ALL SELECT {_CLAIM} FROM claim WHERE schedule = ?1 AND long = 1 AND start < ?3 AND end > ?2",
            (schedule, low, high),
        )
        return [ClaimRow._make(row) for row in found]

    def bookings_within(self, schedule: str, low: int, high: int) -> list[ClaimRow]:
        """The claims that are bookings of some service and start in [low, high)."""
        found = self._at_once(
            f"SELECT {_CLAIM} FROM claim WHERE schedule = ? AND long IN (0, 1) AND start >= ? AND start < ? "
            "AND services IS NOT NULL",
            (schedule, low, high),
        )
        return [ClaimRow._make(row) for row in found]

    def slots_starting(self, schedule: str, low: int, high: int) -> list[str]:
        """The ids of the Slots whose claims start in the minutes [low, high)."""
        found = self.execute(
            "SELECT slot FROM claim WHERE schedule = ? AND long IN (0, 1) AND start >= ? AND start < ?",
            (schedule, low, high),
        )
        return [row[0] for row in found]

    def slots_of_status(self, statuses: Sequence[str], most: int) -> list[str]:
        """The ids of the Slots whose claims have one of these statuses; no more than so many."""
        marks = ", ".join("?" * len(statuses))
        found = self.execute(f"SELECT slot FROM claim WHERE status IN ({marks}) LIMIT ?", (*statuses, most))
        return [row[0] for row in found]

    def claimed_schedules(self) -> Iterator[str]:
        """The ids of the schedules that have some claim, in order."""
        last = ""
        while (found := self._one("SELECT min(schedule) FROM claim WHERE schedule > ?", (last,))) is not None:
            yield found
            last = found

    def claims_of(self, schedule: str) -> Iterator[ClaimRow]:
        return map(ClaimRow._make, self.execute(f"SELECT {_CLAIM} FROM claim WHERE schedule = ?", (schedule,)))

    def set_unusable(self, schedule: str, slot: str, start: int | None, end: int | None, until: int | None) -> None:
        self.execute("INSERT OR REPLACE INTO unusable VALUES (?, ?, ?, ?, ?)", (schedule, slot, start, end, until))
        self._has_unusable = True

    def remove_unusable(self, schedule: str, slot: str) -> None:
        self.execute("DELETE FROM unusable WHERE schedule = ? AND slot = ?", (schedule, slot))

    def unusable(self, schedule: str) -> list[UnusableRow]:
        if self._has_unusable is None:
            self._has_unusable = any(self._at_once("SELECT 1 FROM unusable LIMIT 1"))
        if not self._has_unusable:
            return []
        found = self._at_once(
            "SELECT slot, start, end, until FROM unusable WHERE schedule = ? ORDER BY slot", (schedule,)
        )
        return [UnusableRow(*row) for row in found]

    def unusable_slots(self) -> list[str]:
        """The ids of all Slots that cannot be used."""
        return [row[0] for row in self.execute("SELECT slot FROM unusable")]

    # term

    def add_terms(self, kind: str, id: str, names: Iterable[str]) -> None:
        self._term += [(kind, name, id) for name in names]

    def remove_terms(self, kind: str, id: str, names: Iterable[str]) -> None:
        for name in names:
            self.execute("DELETE FROM term WHERE type = ? AND name = ? AND id = ?", (kind, name, id))

    def bearers(self, kind: str, name: str) -> list[str]:
        """The ids of the resources of a type that a term leads to."""
        return [row[0] for row in self.execute("SELECT id FROM term WHERE type = ? AND name = ?", (kind, name))]

    def bearers_between(self, kind: str, low: str, high: str) -> list[str]:
        """The ids of those that some term in [low, high) leads to."""
        found = self.execute("SELECT id FROM term WHERE type = ? AND name >= ? AND name < ?", (kind, low, high))
        return [row[0] for row in found]

    # slot_use, identifier, hold

    def use_slots(self, slots: Iterable[str], appointment: str) -> None:
        self._slot_use += [(slot, appointment) for slot in slots]

    def stop_using_slot(self, slot: str, appointment: str) -> None:
        self.execute("DELETE FROM slot_use WHERE slot = ? AND appointment = ?", (slot, appointment))

    def users_of_slot(self, slot: str) -> list[str]:
        return [row[0] for row in self.execute("SELECT appointment FROM slot_use WHERE slot = ?", (slot,))]

    def held_on(self, schedule: str) -> Iterator[tuple[str, str]]:
        """Slot and Appointment, for all Slots of a schedule whose claims say something of Appointments."""
        return self.execute(
            "SELECT slot, appointment FROM claim JOIN slot_use USING (slot) "
            "WHERE schedule = ? AND (services IS NOT NULL OR until IS NOT NULL)",
            (schedule,),
        )

    def add_identifier(self, name: str, appointment: str) -> None:
        self._at_once("INSERT OR IGNORE INTO identifier VALUES (?, ?)", (name, appointment))

    def remove_identifier(self, name: str, appointment: str) -> None:
        self.execute("DELETE FROM identifier WHERE name = ? AND appointment = ?", (name, appointment))

    def identified(self, name: str) -> list[str]:
        """The Appointments that carry an identifier."""
        return [row[0] for row in self._at_once("SELECT appointment FROM identifier WHERE name = ?", (name,))]

    def add_hold(self, until: int, appointment: str) -> None:
        self._at_once("INSERT OR IGNORE INTO hold VALUES (?, ?)", (until, appointment))
        if self._hold_end is not None:
            self._hold_end = min(self._hold_end, until)

    def remove_hold(self, until: int, appointment: str) -> None:
        self.execute("DELETE FROM hold WHERE until = ? AND appointment = ?", (until, appointment))

    def lapsed(self, now_ms: int) -> list[str]:
        """The Appointments whose hold ends now or ended before, in the order of their ends."""
        end = self._hold_end
        if end is None:
            ends: list[int] = [one for (one,) in self._at_once("SELECT min(until) FROM hold") if one is not None]
            end = self._hold_end = min(ends, default=2**62)
        if now_ms < end:
            return []
        found = self._at_once("SELECT appointment FROM hold WHERE until <= ? ORDER BY until, appointment", (now_ms,))
        return [row[0] for row in found]

    # For verification: whole tables in a fixed order

    STATE = ("resource", "claim", "unusable", "slot_use", "identifier", "hold", "term")

    def rows(self, table: str) -> Iterator[tuple[Any, ...]]:
        """All rows of one of the tables of STATE, by primary key."""
        assert table in self.STATE
        keys = {"resource": "type, id", "claim": "schedule, long, start, slot", "term": "1, 2, 3"}.get(table, "1, 2")
        return iter(self.execute(f"SELECT * FROM {table} ORDER BY {keys}"))
