"""Writing to a ledger: the jobs that wait, in one transaction and one flush, each with its own outcome."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import apsw

from ...solver.errors import SlotwrightError
from ..errors import LedgerWriteFailed
from .database import Database, EntryRow
from .failures import ledger_error, not_text, translated
from .jobs import Job, Queue
from .opening import Half, LedgerFile
from .transaction import Transaction

_WAL_MOST = 1000
"""A checkpoint is made when the WAL has grown to this many pages, of 4 kB each."""


class Writer:
    """The one half of a ledger that writes. Threads may share it; `half` is there once it has been needed."""

    def __init__(self, file: LedgerFile) -> None:
        self._file = file
        self._queue = Queue()
        self.leading = self._queue.leading
        self.half: Half | None = None

    def make(self, identity: str | None) -> None:
        """Make the tables."""
        with self._file.locked():
            self.half = self._file.open_half(write=True)
            self._file.make_tables(self.half, identity)

    def settle(self) -> None:
        """Leave nothing in the WAL, where what was erased would still stand."""
        with self.leading(), self._file.locked():
            if self.half is not None:
                with translated(self._file.path):
                    self.half.database.checkpoint(truncate=True)

    def run(self, group: list[Job[Any]]) -> None:
        """Have a group of jobs carried out, by this thread or another one that writes."""
        self._queue.add(group)
        try:
            while not all(job.is_done for job in group):
                with self.leading(group) as leads:
                    if leads:
                        self._carry_out(self._queue.next_groups())
        except BaseException:
            self._queue.drop(group)
            raise

    def _carry_out(self, groups: list[list[Job[Any]]]) -> None:
        batch = [job for group in groups for job in group]
        try:
            with self._file.locked():
                self._write(batch)
        except SlotwrightError as error:
            for job in batch:
                job.error, job.is_done = error, True
        except BaseException:
            # Interrupted before the commit: the others' writes wait for another thread.
            self._queue.put_back(groups)
            raise

    def _write(self, batch: list[Job[Any]]) -> None:
        transaction: Transaction | None = None
        last: EntryRow | None = None
        half = self._ready()
        database = half.database
        try:
            database.begin(write=True)
            last = database.last_entry()
            half.catch_up(last)
            transaction = Transaction(half.state, self._file.identity, last, self._file.clock())
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
                self._queue.flush_s = time.monotonic() - begun
                half.seen = transaction.last.seq
                self._after_commit(database, transaction.last)
            elif transaction.notes_only:
                database.commit()
            else:
                transaction.abandon(last)
                database.rollback()
        except apsw.Error as error:
            if transaction is None or not self._is_written(transaction.last, last):
                raise ledger_error(error, self._file.path) from error
        except UnicodeDecodeError as error:
            self._drop()
            raise not_text(error, self._file.path) from error
        except BaseException:
            if transaction is not None and self._is_written(transaction.last, last):
                _settle(batch)
            else:
                self._drop()
            raise
        _settle(batch)

    def _ready(self) -> Half:
        """What writes, once it is sure to be the right file. Raises LedgerError.

        It stays open when the file is away: to open another one there would harm what comes back.
        """
        if self.half is None:
            with translated(self._file.path):
                self.half = self._file.open_writer()
        self._file.check(self.half.database)
        return self.half

    def _after_commit(self, database: Database, last: EntryRow) -> None:
        """It is in the WAL and flushed. What fails from here on must not make a failure of it."""
        with suppress(OSError):  # without its mark, a lost -wal file would only be noticed later
            self._file.lock.mark(last.seq, last.hash)
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
            transaction.set_clock(job.now or self._file.clock())
            job.result = job.work(transaction)
        except apsw.Error:
            raise  # of the file, and so of everyone in this transaction
        except UnicodeDecodeError as error:
            job.error = not_text(error, self._file.path)
        except Exception as error:  # noqa: BLE001 what a job raises is its outcome; the others go on
            job.error = error

    def _is_written(self, wanted: EntryRow | None, before: EntryRow | None) -> bool:
        """After an error: is the last entry in the file nevertheless, to stay? Opens the file anew to see.

        A commit whose flush failed may lie in the WAL complete. Moving it into the file flushes it by another way.
        """
        self._drop()
        if wanted is None or wanted is before:
            return False
        try:
            self.half = self._file.open_writer()
            if self.half.database.entry(wanted.seq) != wanted:
                return False
            frames, moved = self.half.database.checkpoint(truncate=True)
        except (apsw.Error, SlotwrightError):
            self._drop()
            return False
        if frames != moved:
            raise LedgerWriteFailed(
                f"{self._file.path}: the write could not be flushed, and may or may not stay; look, or repeat it with "
                "its identifier"
            )
        return True

    def _drop(self) -> None:
        half, self.half = self.half, None
        if half is not None:
            with suppress(apsw.Error):  # it failed before; what matters is read anew from the file
                half.database.close()


def _settle(batch: Sequence[Job[Any]]) -> None:
    """They are written, or refused; none of them is to be carried out again."""
    for job in batch:
        job.is_done = True
