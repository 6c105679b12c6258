"""Many bookers on one ledger: 1, 2, 8 and 32 processes, and threads of one process that share flushes.

Each booker books as fast as it can, every booking durable before it is answered: all on different calendars, or all on
one, at times of their own. Beside them stand plain SQLite transactions with the same rows by as many processes, and the
bare write and flush, one after the other. Last, processes ask for the same times, and each is granted once.
"""

from __future__ import annotations

import itertools
import multiprocessing
import queue
import shutil
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import ledgers
import measure
from instances import Resource
from ledgers import BOOK, CountingFS, Flush, PlainTables, Rows
from measure import Report, Sample, Target, Timing, milli, plain
from slotwright.io import Ledger, invoke

CALENDARS, EACH = 32, 30
DIFFERENT, ONE = "different calendars", "one calendar"
WARM = 2
"""Bookings of every booker that are not counted."""

CONTESTED = 40
_BYTES = 32_000
"""What a booking adds to the WAL, roughly; bench_ledger.py measures it."""

T = TypeVar("T")


class Gate(Protocol):
    """A barrier of threads or of processes."""

    def wait(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    processes: Sequence[int] = (1, 2, 8, 32)
    threads: Sequence[int] = (1, 8, 32)
    seconds: float = 3
    rounds: int = 3


QUICK = Plan(threads=(1, 32), seconds=1, rounds=1)


class Work(NamedTuple):
    """What one booker did: the seconds of every booking and its CPU time, both without making the request."""

    latencies: list[float]
    cpu: float
    wall: float


@dataclass(frozen=True, slots=True)
class Round:
    """What all bookers did at the same time."""

    works: Sequence[Work]

    @property
    def count(self) -> int:
        return sum(len(work.latencies) for work in self.works)

    @property
    def rate(self) -> float:
        """Bookings a second."""
        return self.count / max(work.wall for work in self.works)

    @property
    def cpu(self) -> float:
        """Seconds for each booking."""
        return sum(work.cpu for work in self.works) / max(self.count, 1)

    def latency_at(self, share: float) -> float:
        timing = Timing(tuple(Sample(one, 0) for work in self.works for one in work.latencies))
        return timing.wall_at(share)

    @property
    def unluckiest(self) -> float:
        """What the booker with the fewest bookings made, as a share of the mean."""
        return min(len(work.latencies) for work in self.works) / (self.count / len(self.works))


def requests(calendar: int, first: int, step: int) -> Iterator[Resource]:
    """For one schedule, endlessly: every `step`-th free start."""
    for number in itertools.count(first, step):
        # As many as needed, rounded up, so that they are not drawn anew for each.
        start = ledgers.free_starts(-(-(number + 1) // 5_000) * 5_000, buffered=False)[number]
        yield ledgers.body(ledgers.proposal([calendar], start, buffered=False))


def work(book: Callable[[Resource], None], asked: Iterator[Resource], gate: Gate, seconds: float) -> Work:
    """Book for that long, from the moment on when everyone is ready; the warm-up is before."""
    for _ in range(WARM):
        book(next(asked))
    gate.wait()
    latencies: list[float] = []
    cpu, begun = time.process_time(), time.perf_counter()
    while (now := time.perf_counter()) - begun < seconds:
        request = next(asked)
        now = time.perf_counter()
        book(request)
        latencies.append(time.perf_counter() - now)
    return Work(latencies, time.process_time() - cpu, time.perf_counter() - begun)


def granted(ledger: Ledger, request: Resource) -> None:
    status, answer = invoke(ledger, BOOK, body=request)
    assert status == 201, answer


# Processes


def ledger_writer(path: Path, number: int, of: int, where: str, seconds: float, gate: Gate) -> Work:
    asked = requests(0, number, of) if where == ONE else requests(number, 0, 1)
    with ledgers.opened(path) as ledger:
        return work(lambda request: granted(ledger, request), asked, gate, seconds)


def plain_writer(path: Path, number: int, rows: Rows, seconds: float, gate: Gate) -> Work:
    """Inserts the rows of one booking again and again, under names of its own."""
    serial = itertools.count()

    def insert(_: Resource) -> None:
        mark = f"-{number}-{next(serial)}"
        own = {
            "entry": [(None, *rows["entry"][0][1:])],
            "body": [(None, *row[1:]) for row in rows["body"]],
            "resource": [(row[0], row[1] + mark, *row[2:]) for row in rows["resource"]],
            "claim": [(*row[:3], row[3] + mark, *row[4:]) for row in rows["claim"]],
            "slot_use": [(row[0] + mark, row[1] + mark) for row in rows["slot_use"]],
        }
        tables.insert(own)

    with closing(PlainTables(path)) as tables:
        return work(insert, itertools.repeat({}), gate, seconds)


def contender(path: Path, gate: Gate) -> tuple[int, int]:
    """Ask for the same starts as everyone else, in the same order; how many were granted, and how many refused."""
    counts = [0, 0]
    with ledgers.opened(path) as ledger:
        gate.wait()
        for request in itertools.islice(requests(0, 0, 1), CONTESTED):
            status, answer = invoke(ledger, BOOK, body=request)
            assert status == 201 or "not available" in answer["issue"][0]["details"]["text"], answer
            counts[status != 201] += 1
    return counts[0], counts[1]


def _child(results: Any, job: Callable[[Gate], object], gate: Gate) -> None:
    try:
        results.put(job(gate))
    except BaseException as error:
        results.put(repr(error))
        raise


def together(jobs: Sequence[Callable[[Gate], T]]) -> list[T]:
    """Each job in a process of its own, all at once; the gate opens when all have come to it."""
    methods = multiprocessing.get_all_start_methods()
    # Forked ones need not import everything first: no ledger is open here, and there is no other thread.
    context: Any = multiprocessing.get_context("fork" if "fork" in methods else "spawn")
    results, gate = context.Queue(), context.Barrier(len(jobs))
    processes: list[Any] = [context.Process(target=_child, args=(results, job, gate)) for job in jobs]
    for process in processes:
        process.start()
    try:
        found: list[Any] = [results.get(timeout=180) for _ in processes]
    except queue.Empty:
        raise AssertionError("a booker is stuck") from None
    finally:
        for process in processes:
            process.join(10)
            if process.is_alive():
                process.kill()
    faults = [one for one in found if isinstance(one, str)]
    assert not faults, faults[0]
    return found


class Bench:
    """A template of the ledger, and copies of it for every round."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder, self.plan = folder, plan
        self._template = folder / "template.ledger"
        self._number = itertools.count()
        ledgers.build(self._template, CALENDARS, EACH)

    def fresh(self) -> Path:
        path = self.folder / f"{next(self._number)}.ledger"
        shutil.copy(self._template, path)
        return path

    def processes(self, count: int, where: str) -> Round:
        path, seconds = self.fresh(), self.plan.seconds
        found = Round(
            together([partial(ledger_writer, path, number, count, where, seconds) for number in range(count)])
        )
        with ledgers.opened(path) as ledger:
            assert ledgers.booked(ledger) == found.count + WARM * count
        return found

    def plain(self, count: int) -> Round:
        path, seconds = self.fresh(), self.plan.seconds
        copy = path.with_suffix(".db")
        with ledgers.opened(path) as ledger:
            after = ledger.last
            granted(ledger, next(requests(0, 0, 1)))
        rows = ledgers.written(path, after)[0]
        with closing(PlainTables(copy)) as tables:
            tables.copy(path)
            before = tables.count("entry")
        found = Round(together([partial(plain_writer, copy, number, rows, seconds) for number in range(count)]))
        with closing(PlainTables(copy)) as tables:
            assert tables.count("entry") == before + found.count + WARM * count
        return found

    def flushes(self) -> float:
        """Bare flushes a second, one after the other."""
        with closing(Flush(self.folder / "flush", _BYTES)) as flush:
            return 1 / measure.timed(flush, rounds=15).wall

    def contest(self, count: int) -> None:
        path = self.fresh()
        found = together([partial(contender, path)] * count)
        assert sum(one for one, _ in found) == CONTESTED, found
        assert sum(two for _, two in found) == CONTESTED * (count - 1), found
        with ledgers.opened(path) as ledger:
            assert ledgers.booked(ledger) == CONTESTED
            assert ledger.verify() == []

    def threads(self, count: int, fs: CountingFS, delay: float) -> tuple[Round, int]:
        """Threads of this process, on different calendars; and how often the WAL was flushed."""
        path, seconds = self.fresh(), self.plan.seconds
        works: list[Work | BaseException] = []
        gate = threading.Barrier(count, action=lambda: setattr(fs, "flushes", 0))

        def run(number: int) -> None:
            try:
                asked = requests(number, 0, 1)
                works.append(work(lambda request: granted(ledger, request), asked, gate, seconds))
            except BaseException as error:  # noqa: BLE001 a thread has nobody to raise it to
                works.append(error)

        fs.delay = delay
        with ledgers.opened(path, vfs=fs.name) as ledger:
            several = [threading.Thread(target=run, args=(number,)) for number in range(count)]
            for thread in several:
                thread.start()
            for thread in several:
                thread.join()
            flushes = fs.flushes
            found = Round([one for one in works if isinstance(one, Work)])
            assert len(found.works) == count, works
            assert ledgers.booked(ledger) == found.count + WARM * count
        fs.delay = 0.0
        # CPU time is that of the process, which every thread has measured whole.
        whole = max(one.cpu for one in found.works)
        return Round([one._replace(cpu=whole / count) for one in found.works]), flushes


def report_processes(found: Report, bench: Bench) -> None:
    plan = bench.plan
    table = found.table(
        "Processes, each booking as fast as it can",
        *("processes", "bookings/s, different calendars", "one calendar", "one ÷ different", "CPU, ms a booking"),
        *("p50, ms", "p99, ms", "max, ms", "unluckiest ÷ mean", "plain SQLite/s", "its p99, ms", "its unluckiest"),
        "bare flushes/s",
    )
    before = measure.load_average()
    p99 = unluckiest = 0.0
    for count in plan.processes:
        flushes = bench.flushes()
        apart: list[Round] = []
        one: list[Round] = []
        for _ in range(plan.rounds):
            apart.append(bench.processes(count, DIFFERENT))
            one.append(bench.processes(count, ONE))
        rows = bench.plain(count)
        ratio = statistics.median(two.rate / first.rate for first, two in zip(apart, one, strict=True))
        both = [*apart, *one]
        p99 = statistics.median(each.latency_at(0.99) for each in both)
        unluckiest = min(each.unluckiest for each in both)
        table.add(
            *(count, _rate(apart), _rate(one), plain(ratio), milli(statistics.median(each.cpu for each in both))),
            milli(statistics.median(each.latency_at(0.5) for each in both)),
            *(milli(p99), milli(max(each.latency_at(1) for each in both)), plain(unluckiest)),
            *(plain(rows.rate), milli(rows.latency_at(0.99)), plain(rows.unluckiest), plain(flushes)),
        )
        if count > 1:
            name = f"{count} processes, one calendar ÷ different ones, bookings/s"
            found.targets.append(Target(name, ratio, 0.9, "×", at_least=True))
    found.targets += [
        Target(f"{plan.processes[-1]} processes, p99", p99, 1, "s"),
        Target(
            f"{plan.processes[-1]} processes, bookings of the unluckiest ÷ mean", unluckiest, 0.5, "×", at_least=True
        ),
    ]
    table.notes.append(
        f"Rounds of {plan.seconds:g} s, {plan.rounds} of each kind in turn: medians of the rounds, of both kinds "
        "together from the CPU time on; max and unluckiest of all. Wanted is no fall on one calendar: 0.9, for noise. "
        f"Plain SQLite: the same rows without triggers, checks, chain or writer lock, one round. {before} before, "
        f"{measure.load_average()} after, the bookers' own included."
    )


def report_threads(found: Report, bench: Bench) -> None:
    plan = bench.plan
    table = found.table(
        "Threads of one process, on different calendars",
        *("threads", "added to every flush", "bookings/s", "÷ 1 thread", "flushes/s", "bookings a flush"),
        *("CPU, ms a booking", "p50, ms", "p99, ms", "max, ms", "unluckiest ÷ mean"),
    )
    fs = CountingFS()
    rates: dict[tuple[int, float], float] = {}
    shares: dict[tuple[int, float], float] = {}
    for delay in (0.0, 0.005):
        for count in plan.threads:
            several = [bench.threads(count, fs, delay) for _ in range(plan.rounds)]
            rounds = [one for one, _ in several]
            rate = rates[count, delay] = statistics.median(one.rate for one in rounds)
            shared = shares[count, delay] = statistics.median(one.count / flushes for one, flushes in several)
            table.add(
                *(count, f"{delay * 1e3:g} ms", plain(rate), plain(rate / rates[plan.threads[0], delay])),
                *(plain(rate / shared), plain(shared), milli(statistics.median(one.cpu for one in rounds))),
                *(milli(statistics.median(one.latency_at(share) for one in rounds)) for share in (0.5, 0.99)),
                milli(max(one.latency_at(1) for one in rounds)),
                plain(min(one.unluckiest for one in rounds)),
            )
    most = plan.threads[-1]
    found.targets += [
        Target(f"{most} threads, bookings a flush", shares[most, 0.0], 8, "×", at_least=True),
        Target(
            f"{most} threads ÷ 1, 5 ms added to every flush",
            rates[most, 0.005] / rates[1, 0.005],
            8,
            "×",
            at_least=True,
        ),
    ]
    table.notes.append(
        f"Medians of {plan.rounds} rounds of {plan.seconds:g} s. Flushes of the WAL counted by a file system of "
        f"SQLite's written in Python, which costs some time of its own. {measure.load_average()}."
    )


def _rate(rounds: Sequence[Round]) -> str:
    return plain(statistics.median(one.rate for one in rounds))


def report(*, quick: bool = False) -> Report:
    plan = QUICK if quick else Plan()
    found = Report("Many bookers on one ledger")
    with ledgers.folder() as folder:
        bench = Bench(folder, plan)
        report_processes(found, bench)
        report_threads(found, bench)
        bench.contest(8)
    found.checks += [
        "every booking answered 201 and counted in the entries",
        f"8 processes that all ask for the same {CONTESTED} times get each of them once, and `verify` finds nothing",
    ]
    return found


if __name__ == "__main__":
    measure.show(report(quick="--quick" in sys.argv))
