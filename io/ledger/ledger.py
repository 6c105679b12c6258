"""A ledger in one process: opening, reading snapshots, and writes in order, many of them in one flush."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import apsw
import orjson

from ...solver.capacity import Claim
from ...solver.errors import InvalidInputError, SlotwrightError
from ..errors import LedgerDamaged, LedgerNotFound, LedgerWriteFailed, NotWritable
from ..loading import Loaded, Loading
from ..mapping import UnusableSlot
from ..prepared import Prepared, Service
from ..references import Json, target
from ..sources import Source
from .database import Database, EntryRow
from .derived import Derived
from .entries import Entry, changes_of
from .failures import ledger_error, not_text, translated
from .files import check_place, file_id, is_same_file, is_writable, place_of, size_of
from .following import Following
from .lock import WriterLock
from .schema import FORMAT, TERMS_SINCE
from .state import State
from .transaction import Transaction

Clock = Callable[[], datetime]
T = TypeVar("T")

_WAL_MOST = 1000
"""A checkpoint is made when the WAL has grown to this many pages, of 4 kB each."""

_BATCH_MOST = 1024
"""Writes of several threads that are taken into one transaction; those of one call are never parted."""

_PAGE_LEAST = 512
"""SQLite takes shorter files for empty ones, and would write over them."""


@dataclass(eq=False)
class Job(Generic[T]):
    """One write that waits for its turn; afterwards `result` or `error` says how it went."""

    work: Callable[[Transaction], T]
    now: datetime | None = None
    dry_run: bool = False
    result: T | None = None
    error: BaseException | None = None
    is_done: bool = False

    def outcome(self) -> T:
        if self.error is not None:
            raise self.error
        return self.result  # type: ignore[reportReturnType]


class _Half:
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
        self.lock_timeout = lock_timeout
        self.is_writable = not read_only
        self.identity = ""
        self.erased: list[str] = []
        """What the last `verify` found to be erased."""
        self._clock = clock
        self._vfs = vfs
        self._lock = WriterLock(f"{path}-lock")
        self._reading = threading.RLock()
        guard = threading.RLock()
        self._turn, self._arrival = threading.Condition(guard), threading.Condition(guard)
        self._crowd = 1
        """How many callers shared the last flush, about."""
        self._flush_s = 0.0
        self._is_led = False
        """Whether some thread writes: only one does, for all that wait."""
        self._queue: list[list[Job[Any]]] = []
        self._reader: _Half | None = None
        self._writer: _Half | None = None
        self._is_closed = False
        self._file_id = (0, 0)
        self._process = os.getpid()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Opening and closing

    def start(self, identity: str | None, *, create: bool) -> None:
        """Make the tables if there are none, and look whether the file is what it should be."""
        try:
            mark = self._lock.marked()
            if self._needs_tables():
                if not create and not size_of(self.path):
                    raise LedgerNotFound(f"{self.path} is empty and no ledger; make one with `slotwright ledger init`")
                self._make(identity)
            self._reader = self._open_half(write=False)
            database = self._reader.database
            self._file_id = file_id(self.path)
            with translated(self.path), database.snapshot():
                identity = database.meta("identity")
                if identity is None:
                    raise LedgerDamaged(f"{self.path} has lost its identity")
                self.identity = identity
                self._check_mark(database, mark)
        except OSError as error:  # the file has gone between two looks at it
            self.close()
            raise LedgerNotFound(f"{self.path} cannot be opened ({error.strerror})") from error
        except BaseException:
            self.close()
            raise

    def _needs_tables(self) -> bool:
        """Is the file absent or empty, or of an older format?"""
        size = size_of(self.path)
        if not size:
            return True
        if size < _PAGE_LEAST:
            raise LedgerNotFound(f"{self.path} is no ledger: {size} bytes are less than any has")
        database = self._open_half(write=False).database
        try:
            version = database.format()
        finally:
            database.close()
        return version is None or (version < FORMAT and self.is_writable)

    def _open_half(self, *, write: bool) -> _Half:
        database = Database(self._uri(), read_only=not self.is_writable, create=write, vfs=self._vfs)
        if write:
            try:
                with translated(self.path):
                    database.prepare_writer()
            except BaseException:
                with suppress(apsw.Error):
                    database.close()
                raise
        return _Half(database, self._clock, is_writable=write)

    def _uri(self) -> str:
        if self.is_writable or size_of(f"{self.path}-wal") or os.access(os.path.dirname(self.path), os.W_OK):
            return self.path
        # SQLite would want to make side files; without a WAL nobody can be writing.
        return f"file:{_quoted(self.path)}?immutable=1"

    def _make(self, identity: str | None) -> None:
        if not self.is_writable:
            raise LedgerNotFound(f"{self.path} is empty, and cannot be made a ledger because it is read-only")
        self._take_lock()
        try:
            half = self._writer = self._open_half(write=True)
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
                    transaction = Transaction(half.state, self.identity, None, self._clock())
                    transaction.append("init", {"who": None, "identity": self.identity})
                database.commit()
        finally:
            self._lock.release()

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
                f"delete {self._lock.path}"
            )
        if row.hash.hex() != hash:
            raise LedgerDamaged(
                f"entry {seq} of {self.path} is not the one that was written: another file was put here, or the -wal "
                f"file belongs to another one. If this file is meant, delete {self._lock.path}"
            )

    def close(self) -> None:
        """Bring the file to rest: one file again, unless somebody else is using it."""
        if self._is_closed:
            return
        self._is_closed = True
        with self._leading(), self._reading:
            halves = [half for half in (self._reader, self._writer) if half is not None]
            self._reader = self._writer = None
            if self.is_writable and halves and self._lock.try_acquire():
                halves[-1].database.tidy_on_close()
            for half in halves:
                # Everything acknowledged is flushed; what fails now is only the tidying up.
                with suppress(apsw.Error):
                    half.database.close()
            self._lock.close()

    # Reading

    @contextmanager
    def reading(self) -> Generator[State]:
        """One snapshot, for everything read inside."""
        self._check_process()
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

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise LedgerNotFound(f"{self.path} was opened before this process was forked; open it anew here")

    def now(self) -> datetime:
        return self._clock()

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
        self._check_process()
        if self._is_closed:
            raise LedgerNotFound(f"{self.path} is closed")
        group = list(jobs)
        with self._turn:
            self._queue.append(group)
            self._arrival.notify()
        try:
            while not all(job.is_done for job in group):
                with self._leading(group) as leads:
                    if leads:
                        self._carry_out(self._next_groups())
        except BaseException:
            with self._turn:
                self._queue = [other for other in self._queue if other is not group]
            raise

    @contextmanager
    def _leading(self, group: Sequence[Job[Any]] = ()) -> Generator[bool]:
        """Be the one thread that writes; False if this group is done before its thread comes to lead.

        Who waits here is woken by whoever wrote for it, and needs no turn of its own to go on.
        """
        leads = False
        try:
            with self._turn:
                while self._is_led and not _are_done(group):
                    self._turn.wait()
                if not _are_done(group):
                    self._is_led = leads = True
            yield leads
        finally:
            if leads:
                with self._turn:
                    self._is_led = False
                    self._turn.notify_all()

    def _next_groups(self) -> list[list[Job[Any]]]:
        """Whole groups from the head of the queue, as many as one transaction takes."""
        taken: list[list[Job[Any]]] = []
        size = 0
        with self._turn:
            self._gather()
            while self._queue and (not taken or size + len(self._queue[0]) <= _BATCH_MOST):
                taken.append(self._queue.pop(0))
                size += len(taken[-1])
            self._crowd = max(len(taken), self._crowd // 2)
        return taken

    def _gather(self) -> None:
        """Wait a little for those who shared the last flush: they have their answers, and are about to ask again."""
        until = time.monotonic() + self._flush_s / 4
        while len(self._queue) < self._crowd and (left := until - time.monotonic()) > 0:
            self._arrival.wait(left)

    def _carry_out(self, groups: list[list[Job[Any]]]) -> None:
        batch = [job for group in groups for job in group]
        try:
            self._take_lock()
            try:
                self._write(batch)
            finally:
                self._lock.release()
        except SlotwrightError as error:
            for job in batch:
                job.error, job.is_done = error, True
        except BaseException:
            # Interrupted before the commit: the others' writes wait for another thread.
            with self._turn:
                self._queue = [group for group in groups if not all(job.is_done for job in group)] + self._queue
            raise

    def _take_lock(self) -> None:
        try:
            self._lock.acquire(self.lock_timeout)
        except PermissionError as error:
            raise NotWritable("Ledger is not writable", diagnostics=f"{self._lock.path}: {error.strerror}") from error
        except OSError as error:
            raise LedgerWriteFailed(f"{self._lock.path}: {error.strerror}") from error

    def _write(self, batch: list[Job[Any]]) -> None:
        transaction: Transaction | None = None
        last: EntryRow | None = None
        try:
            if self._writer is None:
                self._writer = self._open_half(write=True)
            half = self._writer
            database = half.database
            self._check_files(database)
            database.begin(write=True)
            last = database.last_entry()
            half.catch_up(last)
            transaction = Transaction(half.state, self.identity, last, self._clock())
            if len(batch) == 1:
                self._attempt_alone(transaction, batch[0])
                if batch[0].error is not None or batch[0].dry_run:
                    transaction.abandon(last)
            else:
                for job in batch:
                    self._attempt(transaction, job)
            if transaction.last is not None and transaction.last is not last:
                database.insert_waiting()
                begun = time.monotonic()
                database.commit()
                self._flush_s = time.monotonic() - begun
                half.seen = transaction.last.seq
                self._after_commit(database, transaction.last)
            elif transaction.notes_only:
                database.commit()
            else:
                transaction.abandon(last)
                database.rollback()
        except apsw.Error as error:
            if transaction is None or not self._is_written(transaction.last, last):
                raise ledger_error(error, self.path) from error
        except UnicodeDecodeError as error:
            self._drop_writer()
            raise not_text(error, self.path) from error
        except BaseException:
            if transaction is not None and self._is_written(transaction.last, last):
                _settle(batch)
            else:
                self._drop_writer()
            raise
        _settle(batch)

    def _check_files(self, database: Database) -> None:
        """What is open must be what lies at the path: else what is written now would be lost."""
        if not is_same_file(self.path, self._file_id):
            raise LedgerDamaged(f"{self.path} was replaced or removed while it was in use; open it anew")
        if database.wal_pages and not os.path.exists(f"{self.path}-wal"):
            raise LedgerDamaged(f"{self.path}-wal was removed while it was in use; bring it back")

    def _after_commit(self, database: Database, last: EntryRow) -> None:
        """It is in the WAL and flushed. What fails from here on must not make a failure of it."""
        with suppress(OSError):  # without its mark, a lost -wal file would only be noticed later
            self._lock.mark(last.seq, last.hash)
        if database.wal_pages > _WAL_MOST:
            with suppress(apsw.Error):  # the WAL stays longer, and the next writer tries again
                database.checkpoint(truncate=False)

    def _attempt(self, transaction: Transaction, job: Job[Any]) -> None:
        """Carry out one job of several, with a way back."""
        mark = transaction.mark()
        self._attempt_alone(transaction, job)
        if job.error is not None or job.dry_run:
            transaction.undo(mark)
        else:
            transaction.keep(mark)

    def _attempt_alone(self, transaction: Transaction, job: Job[Any]) -> None:
        try:
            transaction.set_clock(job.now or self._clock())
            job.result = job.work(transaction)
        except apsw.Error:
            raise  # of the file, and so of everyone in this transaction
        except UnicodeDecodeError as error:
            job.error = not_text(error, self.path)
        except Exception as error:  # noqa: BLE001 what a job raises is its outcome; the others go on
            job.error = error

    def _is_written(self, wanted: EntryRow | None, before: EntryRow | None) -> bool:
        """After an error: is the last entry in the file nevertheless, to stay? Opens the file anew to see.

        A commit whose flush failed may lie in the WAL complete. Moving it into the file flushes it by another way.
        """
        self._drop_writer()
        if wanted is None or wanted is before:
            return False
        try:
            self._writer = self._open_half(write=True)
            if self._writer.database.entry(wanted.seq) != wanted:
                return False
            frames, moved = self._writer.database.checkpoint(truncate=True)
        except (apsw.Error, SlotwrightError):
            self._drop_writer()
            return False
        if frames != moved:
            raise LedgerWriteFailed(
                f"{self.path}: the write could not be flushed, and may or may not stay; look, or repeat it with its "
                "identifier"
            )
        return True

    def _drop_writer(self) -> None:
        half, self._writer = self._writer, None
        if half is not None:
            with suppress(apsw.Error):  # it failed before; what matters is read anew from the file
                half.database.close()

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
                source = Database(self._uri(), read_only=True, create=False, vfs=self._vfs)
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
        self._settle()
        return found

    def _settle(self) -> None:
        """Leave nothing in the WAL, where what was erased would still stand."""
        with self._leading():
            self._take_lock()
            try:
                if self._writer is not None:
                    with translated(self.path):
                        self._writer.database.checkpoint(truncate=True)
            finally:
                self._lock.release()


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


def _are_done(jobs: Sequence[Job[Any]]) -> bool:
    """Are there any, and all of them done?"""
    return bool(jobs) and all(job.is_done for job in jobs)


def _settle(batch: Sequence[Job[Any]]) -> None:
    """They are written, or refused; none of them is to be carried out again."""
    for job in batch:
        job.is_done = True


def _machine_clock() -> datetime:
    return datetime.now(UTC)


def _quoted(path: str) -> str:
    from urllib.parse import quote

    return quote(path)


def _flush(path: str) -> None:
    """Bring a file or folder to the disk."""
    if os.name == "nt" and os.path.isdir(path):
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
