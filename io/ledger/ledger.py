"""A ledger in one process: what is read from it, what is written to it, and the file as a whole."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

import apsw
import orjson

from ...solver.capacity import Claim
from ...solver.errors import InvalidInputError
from ..errors import LedgerNotFound, LedgerWriteFailed, NotWritable
from ..loading import Loaded, Loading
from ..mapping import UnusableSlot
from ..prepared import Prepared, Service
from ..references import Json, target
from ..sources import Source
from .database import Database
from .entries import Entry, changes_of
from .failures import translated
from .files import check_place, is_writable, place_of, size_of
from .jobs import Job
from .opening import Clock, Half, LedgerFile
from .state import State
from .transaction import Transaction
from .writing import Writer

T = TypeVar("T")


class Ledger:
    """Resources in a ledger file, a `Store` for every operation. Threads may share it.

    Made by `open_ledger`. Attributes: `path`, `identity`, `is_writable`.
    """

    def __init__(
        self,
        path: str,
        *,
        clock: Clock,
        lock_timeout: float,
        read_only: bool,
        vfs: str | None,
    ) -> None:
        self.path = path
        self.is_writable = not read_only
        self.erased: list[str] = []
        """What the last `verify` found to be erased."""
        self._file = LedgerFile(path, clock=clock, lock_timeout=lock_timeout, read_only=read_only, vfs=vfs)
        self._reading = threading.RLock()
        self._reader: Half | None = None
        self._writer = Writer(self._file)
        self._is_closed = False
        self._vfs = vfs

    @property
    def identity(self) -> str:
        return self._file.identity

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Opening and closing

    def start(self, identity: str | None, *, create: bool) -> None:
        """Make the tables if there are none, and look whether the file is what it should be."""
        file = self._file
        try:
            mark = file.lock.marked()
            if file.needs_tables():
                if not create and not size_of(self.path):
                    raise LedgerNotFound(f"{self.path} is empty and no ledger; make one with `slotwright ledger init`")
                if not self.is_writable:
                    raise LedgerNotFound(f"{self.path} is empty, and cannot be made a ledger because it is read-only")
                self._writer.make(identity)
            self._reader = file.open_half(write=False)
            file.recognise(self._reader.database, mark)
        except OSError as error:  # the file has gone between two looks at it
            self.close()
            raise LedgerNotFound(f"{self.path} cannot be opened ({error.strerror})") from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Bring the file to rest: one file again, unless somebody else is using it."""
        if self._is_closed:
            return
        self._is_closed = True
        with self._writer.leading(), self._reading:
            halves = [half for half in (self._reader, self._writer.half) if half is not None]
            self._reader = self._writer.half = None
            if self.is_writable and halves and self._file.lock.try_acquire():
                halves[-1].database.tidy_on_close()
            for half in halves:
                # Everything acknowledged is flushed; what fails now is only the tidying up.
                with suppress(apsw.Error):
                    half.database.close()
            self._file.lock.close()

    # Reading

    @contextmanager
    def reading(self) -> Generator[State]:
        """One snapshot, for everything read inside."""
        self._file.check_process()
        with self._reading, translated(self.path):
            half = self._reader
            if half is None:
                raise LedgerNotFound(f"{self.path} is closed")
            if half.database.in_transaction():
                yield half.state
                return
            with half.database.snapshot():
                half.catch_up(half.database.last_entry())
                yield half.state

    def now(self) -> datetime:
        return self._file.clock()

    @property
    def prepared(self) -> Prepared:
        with self.reading() as state:
            return state.prepared

    @property
    def last(self) -> int:
        """The number of the last entry."""
        with self.reading() as state:
            row = state.database.last_entry()
            return 0 if row is None else row.seq

    def read(self, reference: str) -> Json | None:
        with self.reading() as state:
            return state.read(reference)

    def resources(self, kind: str) -> Iterator[Json]:
        """All resources of a type, by id. What is written meanwhile may or may not be among them."""
        last = ""
        while True:
            with self.reading() as state:
                page = state.database.page(kind, last)
            if not page:
                return
            for _, content in page:
                yield orjson.loads(content)
            last = page[-1][0]

    def kinds(self) -> list[str]:
        with self.reading() as state:
            return state.kinds()

    def claims(self, schedule_id: str, service: Service) -> list[Claim]:
        with self.reading() as state:
            return state.claims(schedule_id, service)

    def unusable(self, schedule_id: str) -> Sequence[UnusableSlot]:
        with self.reading() as state:
            return state.unusable(schedule_id)

    def slots_of(self, schedule_id: str) -> list[Json]:
        """The Slots of a schedule that count (specification, model 9)."""
        with self.reading() as state:
            return state.slots_of(schedule_id)

    def users_of(self, slot_id: str) -> list[Json]:
        """The Appointments that refer to a Slot."""
        with self.reading() as state:
            return state.users_of(slot_id)

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """What happened, in order, after the entry of that number."""
        while True:
            with self.reading() as state:
                rows = state.database.entries_page(after)
                found = [(row, state.database.body(row.seq, 0)) for row in rows]
            if not found:
                return
            for row, content in found:
                input = None if content is None else orjson.loads(content)
                yield Entry(
                    row.seq, row.time, row.clock, row.kind, input, changes_of(row), row.prev.hex(), row.hash.hex()
                )
            after = found[-1][0].seq

    def change_mark(self) -> int:
        """A number that changes when somebody else has written."""
        with self._reading, translated(self.path):
            assert self._reader is not None
            return self._reader.database.data_version()

    # Writing

    def run(self, jobs: Sequence[Job[Any]]) -> None:
        """Carry out writes in order, all in one transaction and one flush; each job then knows its outcome.

        Calls of several threads share transactions: whoever comes first takes all that are waiting with it.
        """
        if not self.is_writable:
            raise NotWritable("Ledger is not writable", diagnostics=f"{self.path} is read-only")
        self._file.check_process()
        if self._is_closed:
            raise LedgerNotFound(f"{self.path} is closed")
        self._writer.run(list(jobs))

    def perform(self, work: Callable[[Transaction], T], *, now: datetime | None = None, dry_run: bool = False) -> T:
        """One write by itself. Raises what `work` raises, and LedgerError."""
        job = Job(work, now, dry_run)
        self.run([job])
        return job.outcome()

    def transact(
        self,
        kind: str,
        work: Callable[[Transaction], T],
        *,
        who: str | None = None,
        inputs: Json | None = None,
        now: datetime | None = None,
        dry_run: bool = False,
    ) -> T:
        """Carry out `work` as one entry of this kind; without changes there is no entry."""

        def entry(transaction: Transaction) -> T:
            lapses = transaction.lapse()
            result = work(transaction)
            transaction.finish(kind, {"who": who, **(inputs or {})}, lapses)
            return result

        return self.perform(entry, now=now, dry_run=dry_run)

    def put(
        self, resource: Json, *, expected: int | None = None, who: str | None = None, now: datetime | None = None
    ) -> Json:
        """Store a resource; returns it as stored.

        Raises
        ------
        VersionConflict
            If it has another version than `expected` (0: it must not exist).
        LoadError
            If it is not FHIR.
        """
        sound = Loading.judged(resource)
        return self.transact("put", lambda tx: tx.put(sound, expected=expected), who=who, now=now)

    def delete(
        self, reference: str, *, expected: int | None = None, who: str | None = None, now: datetime | None = None
    ) -> None:
        """Delete a resource; nothing happens if there is none. Raises VersionConflict."""
        self.transact("delete", lambda tx: tx.delete(reference, expected=expected), who=who, now=now)

    def load(
        self,
        sources: Iterable[Source] | Source,
        *,
        who: str | None = None,
        now: datetime | None = None,
        progress: Callable[[int], None] | None = None,
        dry_run: bool = False,
    ) -> Loaded:
        """Load resources, all or nothing; what was loaded before and is the same changes nothing.

        Parameters and errors are those of `open_calendar`. A resource that the source has not changed since it was
        last loaded is left as it is, even if operations have changed or deleted it since.
        """
        loading = Loading.read(sources, self, progress)
        return self.perform(lambda tx: loading.into(tx, who), now=now, dry_run=dry_run)

    # The whole file

    def verify(self, progress: Callable[[int, int], None] | None = None) -> list[str]:
        """Everything that is wrong with the file, a sentence each; nothing if all holds (see `ledger.verify`)."""
        from .verify import verify

        with self.reading() as state:
            report = verify(state.database, self.identity, progress)
        self.erased = report.erased
        return report.findings

    def backup(self, path: str | os.PathLike[str], progress: Callable[[int, int], None] | None = None) -> None:
        """A copy of the ledger as it stands, made while others may write. Refuses to overwrite a file."""
        goal: str = os.path.abspath(os.fspath(path))
        if os.path.exists(goal):
            raise LedgerNotFound(f"{goal} exists already; a backup overwrites nothing")
        part = f"{goal}.part"
        try:
            with translated(goal):
                source = Database(self._file.uri(), read_only=True, create=False, vfs=self._vfs)
                try:
                    source.backup_to(part, progress)
                finally:
                    source.close()
            _flush(part)
            os.replace(part, goal)
            _flush(os.path.dirname(goal))
        except OSError as error:
            raise LedgerWriteFailed(f"{goal}: {error.strerror}") from error
        finally:
            with suppress(FileNotFoundError):
                os.remove(part)

    def erase(
        self, reference: str, reason: str, *, who: str | None = None, now: datetime | None = None, dry_run: bool = False
    ) -> list[str]:
        """Remove a resource and every mention of it from the whole file; returns what was changed.

        The chain of entries still proves everything else (see `ledger.erasure`).
        """
        from .erasure import erase

        name = target(reference)
        if name is None:
            raise InvalidInputError(f"{reference!r} is not a reference such as Patient/x.")
        found = self.perform(lambda tx: erase(tx, name, reason, who), now=now, dry_run=dry_run)
        self._writer.settle()
        return found


def open_ledger(
    path: str | os.PathLike[str],
    *,
    clock: Clock | None = None,
    identity: str | None = None,
    lock_timeout: float = 30.0,
    read_only: bool = False,
    create: bool = True,
    unsafe_filesystem: bool = False,
    vfs: str | None = None,
) -> Ledger:
    """Open a ledger file; it is made if it is not there.

    Parameters
    ----------
    path
        The file. `-wal`, `-shm` and `-lock` files lie beside it while it is in use.
    clock
        What gives the current time, aware; the machine's by default.
    identity
        A text from which the ids of a new ledger are derived; by default a random UUID.
    lock_timeout
        How many seconds a write waits for other writers.
    read_only
        Never write; also the case if the file or its folder is not writable.
    create
        Whether to make a file that is not there.
    unsafe_filesystem
        Whether to accept a network file system.
    vfs
        The name of a registered SQLite VFS to use.

    Raises
    ------
    LedgerError
        If the file cannot be opened, is no ledger, is damaged or of a newer format.
    """
    text = place_of(os.fspath(path))
    exists = check_place(text, create=create and not read_only, unsafe_filesystem=unsafe_filesystem)
    writable = is_writable(text) if exists else True
    ledger = Ledger(
        text,
        clock=clock or _machine_clock,
        lock_timeout=lock_timeout,
        read_only=read_only or not writable,
        vfs=vfs,
    )
    ledger.start(identity, create=create)
    return ledger


def _machine_clock() -> datetime:
    return datetime.now(UTC)


def _flush(path: str) -> None:
    """Bring a file or folder to the disk."""
    if os.name == "nt" and os.path.isdir(path):
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
