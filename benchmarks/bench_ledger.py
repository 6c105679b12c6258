"""Booking in a ledger from one process: single commits, growing ledgers, many bookings in one transaction.

Every booking is durable before it is answered. Beside it stand the bare write and flush of as many bytes, and the same
rows inserted by plain SQLite without triggers, checks or chain.
"""

from __future__ import annotations

import math
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import ledgers
import measure
from instances import Resource
from ledgers import BOOK, SINGLE, TRIPLE, Case, CountingFS, Flush, PlainTables
from measure import Report, Sample, Target, Timing, milli, plain
from slotwright.io import Call, Ledger, invoke, invoke_all

MS = 1e3
LIMITS = {SINGLE: 0.25, TRIPLE: 0.5}
"""Milliseconds of the commit path above the bare flush."""

RATES = {SINGLE: 8_000, TRIPLE: 2_500}
"""Bookings a second in one transaction."""

FIRST = 400
"""At most so many bookings until a WAL is as long as it gets."""

VERIFIED = 1_000
"""The bulk after which the ledger is verified; later it would take longer than the bookings."""

MEMORY = Path("/dev/shm")
"""A file system in memory, where there is one: flushes cost nothing there, and what is left is our own work."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    schedules: int = 100
    each: int = 1_000
    rounds: int = 300
    sizes: Sequence[tuple[str, int, int]] = (
        ("1 thousand", 10, 100),
        ("100 thousand", 100, 1_000),
        ("100 thousand on one calendar", 1, 100_000),
        ("1 million", 1_000, 1_000),
    )
    size_rounds: int = 200
    bulk: Sequence[tuple[int, int]] = ((10, 20), (100, 9), (1_000, 5), (10_000, 2))
    """Bookings in one transaction, and how often after a round that warms up; once means without one."""


QUICK = Plan(
    schedules=20,
    each=250,
    rounds=50,
    sizes=(("1 thousand", 10, 100), ("20 thousand", 20, 1_000)),
    size_rounds=40,
    bulk=((10, 3), (100, 2), (1_000, 1)),
)


# One booking at a time


def booker(ledger: Ledger, requests: Iterator[Resource]) -> Callable[[], None]:
    """Books the next request through `invoke`, each time it is called."""

    def call() -> None:
        status, answer = invoke(ledger, BOOK, body=next(requests))
        assert status == 201, answer

    return call


def committer(ledger: Ledger, requests: Iterator[Resource], count: int) -> Callable[[], None]:
    """Carries out the next request, which was read and judged by its form beforehand."""
    jobs = iter([ledgers.commit_job(next(requests)) for _ in range(count)])

    def call() -> None:
        job = next(jobs)
        ledger.run([job])
        job.outcome()

    return call


def grown(ledger: Ledger, requests: Iterator[Resource]) -> int:
    """Book until the WAL begins anew, as in a ledger long in use: to write over costs less than to append.

    Returns how many bookings that took.
    """
    book, wal = booker(ledger, requests), Path(f"{ledger.path}-wal")
    made = size = 0
    while made < FIRST and (not made or size < ledgers.WAL_PAGES * 4096 or wal.stat().st_size > size):
        size = wal.stat().st_size if made else 0
        book()
        made += 1
    return made


def frames_of(path: Path, case: Case, schedules: int) -> int:
    """How many bytes one booking adds to the WAL, on average; on a copy of the ledger, whose WAL is still growing."""
    copy = path.with_name(f"{path.stem}-frames.ledger")
    shutil.copy(path, copy)
    with ledgers.opened(copy) as ledger:
        book = booker(ledger, ledgers.bodies(case, range(schedules), 21))
        book()
        wal = Path(f"{copy}-wal")
        before = wal.stat().st_size
        for _ in range(20):
            book()
        return (wal.stat().st_size - before) // 20


def singles(path: Path, case: Case, schedules: int, rounds: int) -> tuple[int, dict[str, Timing]]:
    """The bytes of one booking's flush, and what each way to one durable booking takes."""
    folder, count = path.parent, rounds + 1
    size = frames_of(path, case, schedules)
    # What a booking writes, taken from a copy where the same bookings have been made already.
    twin = folder / "twin.ledger"
    shutil.copy(path, twin)
    with ledgers.opened(twin) as ledger:
        after = ledger.last
        invoke_all(ledger, ledgers.calls(case, range(schedules), count))
        assert ledger.verify() == []
    rows = iter(ledgers.written(twin, after))
    tables = PlainTables(folder / "plain.db")
    tables.copy(path)
    with ledgers.opened(path) as ledger, closing(tables), closing(Flush(folder / "flush", size)) as flush:
        requests = ledgers.bodies(case, range(schedules), 2 * count + FIRST)
        first = grown(ledger, requests)
        calls = {
            "flush": flush,
            "plain": lambda: tables.insert(next(rows)),
            "commit": committer(ledger, requests, count),
            "invoke": booker(ledger, requests),
        }
        times = ledgers.in_turn(calls, rounds)
        assert ledgers.booked(ledger) == 2 * count + first
        assert tables.count("entry") == after + count
        assert ledger.verify() == []
    return size, times


def report_singles(found: Report, plan: Plan, folder: Path, place: str, *, is_first: bool = False) -> None:
    table = found.table(
        f"One booking at a time, durable, {place}: median, ms wall (CPU); best tenth wall",
        *("booking", "flushed, kB", "bare flush", "plain SQLite", "commit path", "whole `invoke`"),
        *("commit − flush", "invoke − commit", "commit ÷ flush", "commit ÷ plain"),
    )
    template = folder / "template.ledger"
    ledgers.build(template, plan.schedules, plan.each)
    for case in (SINGLE, TRIPLE):
        inside = folder / str(case.size)
        inside.mkdir()
        shutil.copy(template, inside / "a.ledger")
        size, times = singles(inside / "a.ledger", case, plan.schedules, plan.rounds)
        flush, rows, commit, whole = (times[name] for name in ("flush", "plain", "commit", "invoke"))
        above, more = _minus(commit, flush), _minus(whole, commit)
        says_something = flush.wall >= 0.05e-3
        table.add(
            case.name,
            plain(size / 1e3),
            *(_figures(one) for one in (flush, rows, commit, whole)),
            *(f"{milli(one.wall)} ({milli(one.cpu)})" for one in (above, more)),
            plain(commit.wall / flush.wall) if says_something else "",
            plain(commit.wall / rows.wall),
        )
        found.targets += [
            Target(f"commit − flush, {case.name}, {place}", above.wall * MS, LIMITS[case], "ms", above.cpu * MS),
            Target(f"`invoke` − commit, {case.name}, {place}", more.wall * MS, 1, "ms", more.cpu * MS),
        ]
    table.notes.append(
        f"{plan.rounds} rounds in a ledger of {plan.schedules * plan.each:,} Slots; {measure.load_average()}."
    )
    if is_first:
        table.notes.append(_WAYS)


_WAYS = (
    "Each way once in every round, all into a WAL that is written over. Bare flush: as many bytes as a booking adds to "
    "the WAL, written over what is there "
    "and flushed by SQLite's own calls. Plain SQLite: the rows of a booking in one transaction, flushed alike. Commit "
    "path: lock, BEGIN, lapses, look up and check, append, claims, COMMIT with its flush, note in the lock file, now "
    "and then a checkpoint; the request was read, and judged by its form, before. Invoke: the same from the request as "
    "parsed JSON to the answer. Where a flush costs less than 0.05 ms no ratio to it is given."
)


def _figures(timing: Timing) -> str:
    return f"{milli(timing.wall)} ({milli(timing.cpu)}); {milli(timing.wall_at(0.1))}"


def _minus(one: Timing, other: Timing) -> Sample:
    return Sample(one.wall - other.wall, one.cpu - other.cpu)


# Ledgers of several sizes


def report_sizes(found: Report, plan: Plan, folder: Path) -> None:
    table = found.table(
        "Ledgers of several sizes, one booking at a time: median, ms wall (CPU)",
        *(
            "Slots",
            "schedules",
            "file, MB",
            "built in, s",
            "flushed, kB",
            "commit path",
            "÷ smallest",
            "whole `invoke`",
        ),
        *("÷ smallest", "logarithm ÷ smallest"),
    )
    calls: dict[str, Callable[[], object]] = {}
    built: dict[str, tuple[float, int, int]] = {}
    rounds = plan.size_rounds
    with ExitStack() as stack:
        opened: list[Ledger] = []
        for name, schedules, each in plan.sizes:
            path = folder / f"{schedules}-{each}.ledger"
            begun = time.perf_counter()
            ledgers.build(path, schedules, each)
            took = time.perf_counter() - begun
            built[name] = took, path.stat().st_size, frames_of(path, SINGLE, schedules)
            ledger = stack.enter_context(ledgers.opened(path))
            opened.append(ledger)
            requests = ledgers.bodies(SINGLE, range(schedules), 2 * rounds + 2)
            calls[f"commit {name}"] = committer(ledger, requests, rounds + 1)
            calls[f"invoke {name}"] = booker(ledger, requests)
        times = ledgers.in_turn(calls, rounds)
        assert all(ledgers.booked(ledger) == 2 * rounds + 2 for ledger in opened)
    smallest, least = plan.sizes[0][0], plan.sizes[0][1] * plan.sizes[0][2]
    for name, schedules, each in plan.sizes:
        took, size, frames = built[name]
        commit, whole = times[f"commit {name}"], times[f"invoke {name}"]
        allowed = math.log(schedules * each) / math.log(least)
        growth, more = (_ratio(times[f"{way} {name}"], times[f"{way} {smallest}"]) for way in ("commit", "invoke"))
        table.add(
            *(name, f"{schedules:,}", plain(size / 1e6), plain(took), plain(frames / 1e3)),
            *(f"{milli(commit.wall)} ({milli(commit.cpu)})", f"{plain(growth.wall)} ({plain(growth.cpu)})"),
            *(f"{milli(whole.wall)} ({milli(whole.cpu)})", f"{plain(more.wall)} ({plain(more.cpu)})", plain(allowed)),
        )
        if name != smallest:
            found.targets.append(
                Target(f"commit path, Slots: {name} ÷ {smallest}", growth.wall, allowed, "×", growth.cpu)
            )
    table.notes.append(f"{rounds} rounds, all ledgers in every round; {measure.load_average()}.")


def _ratio(one: Timing, other: Timing) -> Sample:
    return Sample(one.wall / other.wall, one.cpu / other.cpu)


# Many bookings in one transaction


def report_bulk(found: Report, plan: Plan, folder: Path) -> None:
    table = found.table(
        "Many bookings in one transaction (`invoke_all`), durable: medians by wall (CPU) time",
        *("booking", "in one call", "WAL flushes", "bookings/s", "ms wall (CPU)", "plain, booking by booking"),
        *("plain, table by table", "÷ by booking", "÷ by table"),
    )
    template = folder / "template.ledger"
    ledgers.build(template, plan.schedules, 100)
    fs = CountingFS()
    for case in (SINGLE, TRIPLE):
        inside = folder / f"bulk-{case.size}"
        inside.mkdir()
        path = inside / "a.ledger"
        shutil.copy(template, path)
        for bulk in _bulk(plan, case, path, fs):
            size, whole = bulk.size, bulk.whole
            plain_ways = {"booking by booking": bulk.by_booking, "table by table": bulk.by_table}
            table.add(
                *(case.name, f"{size:,}", bulk.flushes, f"{plain(size / whole.wall)} ({plain(size / whole.cpu)})"),
                *(f"{milli(one.wall)} ({milli(one.cpu)})" for one in (whole, *plain_ways.values())),
                *(plain(whole.ratio(one)) for one in plain_ways.values()),
            )
            if size == plan.bulk[-1][0]:
                name = f"{size:,} in one call, {case.name}"
                rate, by_cpu = size / whole.wall, size / whole.cpu
                found.targets.append(Target(name, rate, RATES[case], "/s", by_cpu, at_least=True))
                for way, rows in plain_ways.items():
                    ratio = whole.wall / rows.wall
                    found.targets.append(Target(f"{name} ÷ plain SQLite {way}", ratio, 3, "×", whole.ratio(rows)))
    table.notes.append(
        f"A ledger of {plan.schedules * 100:,} Slots, bookings in turn on {plan.schedules} schedules; "
        f"{measure.load_average()}. WAL flushes: one is the commit's, the others begin the WAL or belong to a "
        "checkpoint. Plain SQLite inserts the very rows that these bookings left, in one transaction each, booking "
        "by booking or, what only works when all rows are known beforehand, table by table; ratios of CPU time."
    )


@dataclass(frozen=True, slots=True)
class Bulk:
    """What so many bookings in one call take: in the ledger, in plain SQLite by booking, and by table."""

    size: int
    flushes: int
    whole: Timing
    by_booking: Timing
    by_table: Timing


def _bulk(plan: Plan, case: Case, path: Path, fs: CountingFS) -> Iterator[Bulk]:
    rounds_of = [(size, rounds, rounds + (rounds > 1)) for size, rounds in plan.bulk]
    total = sum(size * number for size, _, number in rounds_of)
    requests = ledgers.bodies(case, range(plan.schedules), total)
    with ExitStack() as stack:
        plains = [stack.enter_context(closing(PlainTables(path.with_name(f"{number}.db")))) for number in range(2)]
        for one in plains:
            one.copy(path)
        ledger = stack.enter_context(ledgers.opened(path, vfs=fs.name))
        for size, rounds, number in rounds_of:
            found = [_round([next(requests) for _ in range(size)], ledger, fs, *plains) for _ in range(number)]
            samples = [each[:3] for each in found[-rounds:]]
            whole, by_booking, by_table = (Timing(way) for way in zip(*samples, strict=True))
            yield Bulk(size, max(each[3] for each in found), whole, by_booking, by_table)
            if size == VERIFIED:
                assert ledger.verify() == []
        assert ledgers.booked(ledger) == total
        assert len({one.count("resource") for one in plains}) == 1


def _round(
    requests: Sequence[Resource], ledger: Ledger, fs: CountingFS, one: PlainTables, other: PlainTables
) -> tuple[Sample, Sample, Sample, int]:
    """All requests in one call, then the rows they left in the other ways; and how often the WAL was flushed."""
    answers: list[tuple[int, Resource]] = []
    calls = [Call(BOOK, body=request) for request in requests]
    after, fs.flushes = ledger.last, 0
    whole = measure.once(lambda: answers.extend(invoke_all(ledger, calls)))
    flushes = fs.flushes
    assert [status for status, _ in answers] == [201] * len(calls)
    rows = ledgers.written(Path(ledger.path), after)
    assert len(rows) == len(calls)
    by_booking = measure.once(lambda: one.insert_all(rows))
    return whole, by_booking, measure.once(lambda: other.insert_tables(rows)), flushes


def report(*, quick: bool = False) -> Report:
    plan = QUICK if quick else Plan()
    found = Report("Booking in a ledger, one process")
    with ledgers.folder() as folder:
        report_singles(found, plan, folder, "on the disk", is_first=True)
    if os.access(MEMORY, os.W_OK):
        with ledgers.folder(str(MEMORY)) as folder:
            report_singles(found, plan, folder, "in memory")
    with ledgers.folder() as folder:
        report_sizes(found, plan, folder)
    with ledgers.folder() as folder:
        report_bulk(found, plan, folder)
    found.checks += [
        "every booking answered 201 and counted in the entries",
        f"`verify` finds nothing in the ledgers of single bookings, nor in those of up to {VERIFIED:,} in one call",
        "plain SQLite holds as many rows",
    ]
    return found


if __name__ == "__main__":
    measure.show(report(quick="--quick" in sys.argv))
