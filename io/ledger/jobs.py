"""Writes that wait for their turn, and whose turn it is: one thread writes for all that wait with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from .transaction import Transaction

T = TypeVar("T")

_BATCH_MOST = 1024
"""Writes of several threads that are taken into one transaction; those of one call are never parted."""


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


class Queue:
    """Groups of jobs in the order in which they came; a group is what one call wants done."""

    def __init__(self) -> None:
        guard = threading.RLock()
        self._turn, self._arrival = threading.Condition(guard), threading.Condition(guard)
        self._groups: list[list[Job[Any]]] = []
        self._crowd = 1
        """How many callers shared the last flush, about."""
        self._is_led = False
        """Whether some thread writes: only one does, for all that wait."""
        self.flush_s = 0.0
        """How long the last flush took."""

    def add(self, group: list[Job[Any]]) -> None:
        with self._turn:
            self._groups.append(group)
            self._arrival.notify()

    def drop(self, group: list[Job[Any]]) -> None:
        with self._turn:
            self._groups = [other for other in self._groups if other is not group]

    def put_back(self, groups: Sequence[list[Job[Any]]]) -> None:
        """Those that are not done wait for another thread."""
        with self._turn:
            self._groups = [group for group in groups if not all(job.is_done for job in group)] + self._groups

    @contextmanager
    def leading(self, group: Sequence[Job[Any]] = ()) -> Generator[bool]:
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

    def next_groups(self) -> list[list[Job[Any]]]:
        """Whole groups from the head of the queue, as many as one transaction takes."""
        taken: list[list[Job[Any]]] = []
        size = 0
        with self._turn:
            self._gather()
            while self._groups and (not taken or size + len(self._groups[0]) <= _BATCH_MOST):
                taken.append(self._groups.pop(0))
                size += len(taken[-1])
            self._crowd = max(len(taken), self._crowd // 2)
        return taken

    def _gather(self) -> None:
        """Wait a little for those who shared the last flush: they have their answers, and are about to ask again."""
        until = time.monotonic() + self.flush_s / 4
        while len(self._groups) < self._crowd and (left := until - time.monotonic()) > 0:
            self._arrival.wait(left)


def _are_done(jobs: Sequence[Job[Any]]) -> bool:
    """Are there any, and all of them done?"""
    return bool(jobs) and all(job.is_done for job in jobs)
