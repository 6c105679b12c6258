"""Jobs on files, one after the other, in several processes, or on a Dask cluster.

A job is a function named `module:function` that makes one file of another: `function(path_in, path_out, options)`. It
writes its file under another name and renames it, so that a job that was killed can simply be done again.
"""

from __future__ import annotations

import importlib
import logging
import os
import signal
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from multiprocessing import active_children, get_context
from typing import Any, Literal, NamedTuple

from ...solver.errors import InvalidInputError
from ..errors import WorkersLost

Executor = Literal["serial", "processes", "dask"]
EXECUTORS: tuple[Executor, ...] = ("serial", "processes", "dask")

Done = Callable[[int, int], None]
"""Called with the number of jobs done, and of all."""

_TRIES = 3
"""So often workers may be lost without any job done in between."""
_PATIENCE = 30
"""Seconds to wait for a Dask scheduler."""


class Job(NamedTuple):
    path_in: str
    path_out: str


class How(NamedTuple):
    """Where jobs run. `workers` None: as many as there are processors."""

    executor: Executor = "serial"
    workers: int | None = None
    scheduler_address: str | None = None


def run_jobs(function: str, jobs: Sequence[Job], options: dict[str, Any], how: How, done: Done) -> None:
    """Do all jobs, in any order.

    A worker that is lost costs what it was doing, which is done again. After Ctrl-C finished jobs have their files.

    Raises
    ------
    WorkersLost
        If workers are lost again and again.
    InvalidInputError
        If Dask is asked for and not installed, or no scheduler answers.

    What a job raises is raised here, and jobs not begun are not begun.
    """
    if how.executor == "serial":
        for number, job in enumerate(jobs):
            done(number, len(jobs))
            call(function, job, options)
        done(len(jobs), len(jobs))
    elif how.executor == "processes":
        _run_in_processes(function, jobs, options, how, done)
    else:
        _run_on_dask(function, jobs, options, how, done)


def call(function: str, job: Job, options: dict[str, Any]) -> None:
    """One job, here."""
    module, _, name = function.partition(":")
    getattr(importlib.import_module(module), name)(job.path_in, job.path_out, options)


# Processes


def _run_in_processes(function: str, jobs: Sequence[Job], options: dict[str, Any], how: How, done: Done) -> None:
    from concurrent.futures.process import BrokenProcessPool

    left = list(jobs)
    lost = 0
    while left:
        before = len(left)
        try:
            _run_pool(function, left, options, how, lambda count: done(count, len(jobs)), len(jobs))
        except BrokenProcessPool as error:
            lost = 1 if len(left) < before else lost + 1
            if lost >= _TRIES:
                raise WorkersLost(
                    f"Worker processes were lost {_TRIES} times in a row, as when memory runs out. Use fewer "
                    "--workers, or more --partitions."
                ) from error


def _run_pool(
    function: str, left: list[Job], options: dict[str, Any], how: How, done: Callable[[int], None], total: int
) -> None:
    """Jobs in one pool of processes; those that are done leave the list."""
    from concurrent.futures import ProcessPoolExecutor, as_completed

    others = set(active_children())
    workers = min(how.workers or os.cpu_count() or 1, len(left))
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_leave_at_interrupt)
    try:
        with _interrupts_waiting():
            futures = {pool.submit(call, function, job, options): job for job in left}
        for future in as_completed(futures):
            future.result()
            left.remove(futures[future])
            done(total - len(left))
    except KeyboardInterrupt:
        for worker in active_children():
            if worker not in others and worker.pid is not None:
                os.kill(worker.pid, signal.SIGINT)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _interrupts_waiting() -> Generator[None]:
    """Start processes that hold Ctrl-C back until they can leave quietly; here it comes after them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing.resource_tracker import ensure_running

    # It comes with the first process, and would let interrupts through again.
    ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])


def _leave_at_interrupt() -> None:
    """In a worker: leave quietly at Ctrl-C, and clean up on the way."""

    def leave(*_: object) -> None:
        raise SystemExit(130)

    def leave_at_once(*_: object) -> None:
        os._exit(130)

    # While there is nothing to clean up yet: what is raised in here would be reported.
    signal.signal(signal.SIGINT, leave_at_once)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    signal.signal(signal.SIGINT, leave)


# Dask


def _run_on_dask(function: str, jobs: Sequence[Job], options: dict[str, Any], how: How, done: Done) -> None:
    try:
        # What it names has no types, whether it is installed or not.
        distributed: Any = importlib.import_module("distributed")
    except ImportError as error:
        raise InvalidInputError(
            "Dask is not installed. Install slotwright[dask], or use another executor: serial, processes."
        ) from error
    cluster: Any = how.scheduler_address
    if cluster is None:
        # A cluster that is interrupted while it starts leaves tracebacks; its workers end when it is closed.
        with _interrupts_waiting():
            cluster = distributed.LocalCluster(
                n_workers=how.workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                silence_logs=logging.ERROR,
            )
    try:
        with _client(distributed, cluster) as client:
            futures = [client.submit(call, function, job, options, pure=False) for job in jobs]
            for count, future in enumerate(distributed.as_completed(futures), start=1):
                try:
                    future.result()
                except distributed.KilledWorker as error:
                    raise WorkersLost(f"Dask lost workers again and again: {error}") from error
                done(count, len(jobs))
    finally:
        if how.scheduler_address is None:
            cluster.close()


def _client(distributed: Any, cluster: Any) -> Any:
    """A connection to a cluster made here, or to the scheduler at an address."""
    try:
        return distributed.Client(cluster, timeout=_PATIENCE)
    except OSError as error:
        raise InvalidInputError(
            f"No Dask scheduler answers at {cluster} within {_PATIENCE} s. Start one there with `dask scheduler`."
        ) from error
    except ValueError as error:
        raise InvalidInputError(
            f"{cluster!r} is no address of a Dask scheduler: {error}. Write it as tcp://host:8786."
        ) from error
