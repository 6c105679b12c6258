"""The two threads that touch the ledger: one reads, one writes; requests wait for them in queues.

The writer takes everything that has queued up into one call of `Ledger.run`: one transaction, one flush, a savepoint
for each. Readers see snapshots and never wait for it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from ..errors import TooMany
from ..ledger.jobs import Job
from ..ledger.ledger import Ledger
from ..ledger.state import State
from ..ledger.transaction import Transaction

T = TypeVar("T")

_TAKEN_MOST = 1024
"""Writes of one transaction."""


class _Ticket(Generic[T]):
    """A request in a queue. Its future is done before its turn if nobody waits for the answer any more."""

    __slots__ = ("error", "future", "result", "work")

    def __init__(self, work: Callable[[Any], T], future: asyncio.Future[T]) -> None:
        self.work = work
        self.future = future
        self.result: T | None = None
        self.error: BaseException | None = None

    def settle(self) -> None:
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)  # type: ignore[reportArgumentType]


class _Line:
    """A thread, and the tickets that wait for it."""

    def __init__(self, name: str, work: Callable[[Sequence[_Ticket[Any]]], None], *, most: int, together: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._work = work
        self._most, self._together = most, together
        self._queue: SimpleQueue[_Ticket[Any] | None] = SimpleQueue()
        self._put = self._taken = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        return self._put - self._taken

    def put(self, work: Callable[[Any], T]) -> asyncio.Future[T]:
        """Raises TooMany."""
        if self.waiting >= self._most:
            raise TooMany("Too many requests are waiting, try again in a second")
        future: asyncio.Future[T] = self._loop.create_future()
        self._put += 1
        self._queue.put(_Ticket(work, future))
        return future

    def close(self, seconds: float) -> None:
        """Do what waits, and end. A thread that is stuck for longer ends with the process."""
        self._queue.put(None)
        self._thread.join(seconds)

    def _run(self) -> None:
        while tickets := self._take():
            wanted = [one for one in tickets if not one.future.done()]
            if not wanted:
                continue
            self._work(wanted)
            with suppress(RuntimeError):  # the loop is closed: the server was told twice to stop
                self._loop.call_soon_threadsafe(_settle, wanted)

    def _take(self) -> list[_Ticket[Any]]:
        """The next, and those behind it that can go with it; nothing: it is over."""
        taken: list[_Ticket[Any]] = []
        with suppress(Empty):
            one = self._queue.get()
            while one is not None:
                taken.append(one)
                if len(taken) == self._together:
                    break
                one = self._queue.get_nowait()
            else:
                if taken:
                    self._queue.put(None)  # for the next look
        self._taken += len(taken)
        return taken


def _settle(tickets: Sequence[_Ticket[Any]]) -> None:
    for ticket in tickets:
        ticket.settle()


class Work:
    """Hands reads and writes to their threads. To be made and called in the thread of the event loop.

    Both raise TooMany when as many requests wait already as may. Cancelling the future before the turn has come drops
    the request; after that it is carried out.
    """

    def __init__(self, ledger: Ledger, max_waiting: int) -> None:
        self._ledger = ledger
        self.transactions = 0
        """How many were written so far, each with one flush at most."""
        self._reads = _Line("reads", self._read, most=max_waiting, together=1)
        self._writes = _Line("writes", self._write, most=max_waiting, together=_TAKEN_MOST)

    @property
    def path(self) -> str:
        return self._ledger.path

    @property
    def is_writable(self) -> bool:
        return self._ledger.is_writable

    @property
    def waiting(self) -> int:
        """How many writes wait for their turn."""
        return self._writes.waiting

    def read(self, work: Callable[[State], T]) -> asyncio.Future[T]:
        """Answers from a snapshot."""
        return self._reads.put(work)

    def write(self, work: Callable[[Transaction], T]) -> asyncio.Future[T]:
        """Is done when it is flushed."""
        return self._writes.put(work)

    def close(self, seconds: float) -> None:
        self._writes.close(seconds)
        self._reads.close(seconds)

    def _read(self, tickets: Sequence[_Ticket[Any]]) -> None:
        for ticket in tickets:
            try:
                with self._ledger.reading() as state:
                    ticket.result = ticket.work(state)
            except Exception as error:  # noqa: BLE001 it is the request's own
                ticket.error = error

    def _write(self, tickets: Sequence[_Ticket[Any]]) -> None:
        jobs = [Job(ticket.work) for ticket in tickets]
        failed: Exception | None = None
        self.transactions += 1
        try:
            self._ledger.run(jobs)
        except Exception as error:  # noqa: BLE001 of all that were not written
            failed = error
        for ticket, job in zip(tickets, jobs, strict=True):
            ticket.result = job.result
            ticket.error = job.error if job.is_done else failed
