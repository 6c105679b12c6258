"""A ledger file as one process uses it: what is open must be what it should be, and stay the same file."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import datetime

import apsw

from ..errors import LedgerDamaged, LedgerNotFound, LedgerWriteFailed, NotWritable
from .database import Database, EntryRow
from .derived import Derived
from .failures import translated
from .files import file_id, is_same_file, size_of
from .following import Following
from .lock import WriterLock
from .schema import FORMAT, TERMS_SINCE
from .state import State
from .transaction import Transaction

Clock = Callable[[], datetime]

_PAGE_LEAST = 512
"""SQLite takes shorter files for empty ones, and would write over them."""

_NONE = (0, 0)
"""What no file is told by."""


class Half:
    """A connection and what is prepared from it, for reading or for writing."""

    def __init__(self, database: Database, clock: Clock, *, is_writable: bool) -> None:
        self.database = database
        self.state = State(database, clock, is_writable=is_writable)
        self.following = Following(self.state)
        self.seen = 0

    def catch_up(self, last: EntryRow | None) -> None:
        """Take notice of the entries since the last look."""
        seq = 0 if last is None else last.seq
        if seq == self.seen:
            return
        if seq < self.seen:
            self.following.begin_anew()
        try:
            self.following.follow(self.database.entries(self.seen))
        except BaseException:
            self.following.begin_anew()  # half of it may be done
            raise
        self.seen = seq


class LedgerFile:
    """The file, its lock, and what opens connections to it. Attributes: `path`, `clock`, `is_writable`, `identity`."""

    def __init__(self, path: str, *, clock: Clock, lock_timeout: float, read_only: bool, vfs: str | None) -> None:
        self.path = path
        self.clock = clock
        self.is_writable = not read_only
        self.identity = ""
        self.lock = WriterLock(f"{path}-lock")
        self._lock_timeout = lock_timeout
        self._vfs = vfs
        self._id = _NONE
        self._process = os.getpid()

    @contextmanager
    def locked(self) -> Generator[None]:
        """No other process writes meanwhile. Raises NotWritable or LedgerError."""
        self._take_lock()
        try:
            yield
        finally:
            self.lock.release()

    def _take_lock(self) -> None:
        try:
            self.lock.acquire(self._lock_timeout)
        except PermissionError as error:
            raise NotWritable("Ledger is not writable", diagnostics=f"{self.lock.path}: {error.strerror}") from error
        except OSError as error:
            raise LedgerWriteFailed(f"{self.lock.path}: {error.strerror}") from error

    def needs_tables(self) -> bool:
        """Is the file absent or empty, or of an older format?"""
        size = size_of(self.path)
        if not size:
            return True
        if size < _PAGE_LEAST:
            raise LedgerNotFound(f"{self.path} is no ledger: {size} bytes are less than any has")
        database = self.open_half(write=False).database
        try:
            version = database.format()
        finally:
            database.close()
        return version is None or (version < FORMAT and self.is_writable)

    def open_writer(self) -> Half:
        """The half that writes, of the file that was recognised; under the lock. Raises LedgerError.

        Nothing is opened where another file lies, or none: SQLite would take the `-wal` file there for that one's,
        or delete it, and with it what was acknowledged.
        """
        self._check_place()
        half = self.open_half(write=True)
        try:
            with translated(self.path), half.database.snapshot():
                self._check_mark(half.database, self.lock.marked())
        except BaseException:
            with suppress(apsw.Error):
                half.database.close()
            raise
        return half

    def open_half(self, *, write: bool) -> Half:
        is_new = self._id == _NONE
        database = Database(self.uri(), read_only=not self.is_writable, create=write and is_new, vfs=self._vfs)
        if write:
            try:
                with translated(self.path):
                    database.prepare_writer()
            except BaseException:
                with suppress(apsw.Error):
                    database.close()
                raise
        return Half(database, self.clock, is_writable=write)

    def uri(self) -> str:
        if self.is_writable or size_of(f"{self.path}-wal") or os.access(os.path.dirname(self.path), os.W_OK):
            return self.path
        # SQLite would want to make side files; without a WAL nobody can be writing.
        return f"file:{_quoted(self.path)}?immutable=1"

    def make_tables(self, half: Half, identity: str | None) -> None:
        """Make a ledger of an empty file, or bring an older one to today's format; to be called under the lock."""
        with translated(self.path):
            database = half.database
            version = database.format()
            database.begin(write=True)
            database.migrate(version or 0)
            if version is not None and version < TERMS_SINCE:
                Derived(half.state).name_all()
            if version is None:
                self.identity = identity or str(uuid.uuid4())
                database.set_meta("identity", self.identity)
                transaction = Transaction(half.state, self.identity, None, self.clock())
                transaction.append("init", {"who": None, "identity": self.identity})
            database.commit()

    def recognise(self, database: Database, mark: tuple[int, str] | None) -> None:
        """Is it the ledger it should be? `mark` is the last entry that was flushed. Raises LedgerDamaged."""
        self._id = file_id(self.path)
        with translated(self.path), database.snapshot():
            identity = database.meta("identity")
            if identity is None:
                raise LedgerDamaged(f"{self.path} has lost its identity")
            self.identity = identity
            self._check_mark(database, mark)

    def _check_mark(self, database: Database, mark: tuple[int, str] | None) -> None:
        """Entries that were once flushed must be there: a `-wal` file may have been lost, or an old copy put here."""
        if mark is None:
            return
        seq, hash = mark
        row = database.entry(seq)
        if row is None:
            last = database.last_entry()
            raise LedgerDamaged(
                f"{self.path} ends with entry {0 if last is None else last.seq}, but entry {seq} was written: its -wal "
                f"file is missing, or this is an older copy. Bring the -wal file back; if the older copy is meant, "
                f"delete {self.lock.path}"
            )
        if row.hash.hex() != hash:
            raise LedgerDamaged(
                f"entry {seq} of {self.path} is not the one that was written: another file was put here, or the -wal "
                f"file belongs to another one. If this file is meant, delete {self.lock.path}"
            )

    def check(self, database: Database) -> None:
        """What is open must be what lies at the path: else what is written now would be lost."""
        self._check_place()
        if database.wal_pages and not os.path.exists(f"{self.path}-wal"):
            raise LedgerDamaged(f"{self.path}-wal was removed while it was in use; bring it back")

    def _check_place(self) -> None:
        if not is_same_file(self.path, self._id):
            raise LedgerDamaged(f"{self.path} was replaced or removed while it was in use; open it anew")

    def check_process(self) -> None:
        if os.getpid() != self._process:
            raise LedgerNotFound(f"{self.path} was opened before this process was forked; open it anew here")


def _quoted(path: str) -> str:
    from urllib.parse import quote

    return quote(path)
