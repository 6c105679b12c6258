"""Batch find over 1,000, 10,000 and 100,000 schedules of 31 days with ten bookings a day.

From file to file each run is in a process of its own, so that its peak memory is its own; that process is this file
with `--solve`. It has done a small batch before, so that loading libraries is no part of what is measured. In memory
the sweep stands beside single finds, a NumPy sweep for each schedule alone, and a copy of the columns it reads.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import batch_tables
import instances
import measure
import numpy as np
from batch_tables import CAPACITY
from measure import Report, Target, plain
from slotwright.io.batch.find import origin_of, solve
from slotwright.io.batch.formats import read_table
from slotwright.io.batch.partition import counts_of, solve_partition
from slotwright.io.batch.requests import Requests
from slotwright.io.batch.tables import TableStore
from slotwright.io.operations.find import find
from slotwright.solver.availability import Footprint
from slotwright.solver.runs import Columns
from slotwright.solver.sweep import Question, Stored, Ticks, Window, busy_runs, runs_between, sweep

SIZES = (1_000, 10_000, 100_000)
LOOP = 200
MB = 1024.0
NOW_MS = int(instances.NOW.timestamp() * 1000)
FOOT = Footprint(instances.DURATION, instances.BEFORE, instances.AFTER)


class Case(NamedTuple):
    """`most` None: 20 offers a schedule."""

    size: int
    compiled: bool
    most: str | None = None
    capacity: int = 1

    @property
    def name(self) -> str:
        form = "compiled" if self.compiled else "strings and timestamps"
        capacity = f", capacity {self.capacity}" if self.capacity > 1 else ""
        return f"{self.size:,} schedules, {form}, {'all' if self.most else '20'} offers{capacity}"


CASES = (
    *(Case(size, compiled) for size in SIZES for compiled in (True, False)),
    Case(10_000, True, "all"),
    Case(100_000, True, "all"),
    Case(10_000, True, "all", CAPACITY),
)


# In the process that solves


def run(folder: str, requests: str, small: str) -> dict[str, float]:
    """Answer a file of requests from a folder of tables; CPU seconds in all and of reading, and peak memory."""
    options = {"tables": folder, "now_ms": NOW_MS, "engine": "auto"}
    out = Path(folder) / "answers.out"
    solve_partition(small, str(out), options)
    begun = time.process_time()
    solve_partition(requests, str(out), options)
    found = {"cpu": time.process_time() - begun, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MB}
    found["offers"] = counts_of(out).offers
    found["bytes"] = out.stat().st_size
    begun = time.process_time()
    read = Requests(read_table(requests))
    store = TableStore(Path(folder), origin_of(read), datetime.fromtimestamp(NOW_MS / 1000, UTC))
    _ = store.slots, store.rules.of(instances.SERVICE)
    found["reading"] = time.process_time() - begun
    out.unlink()
    return found


def measured(case: Case, folder: Path) -> dict[str, float]:
    """One case in a process of its own."""
    tables = folder / f"tables-{case.size}-{case.capacity}"
    requests, small = (folder / f"requests-{size}-{case.most}.parquet" for size in (case.size, 100))
    if not tables.exists():
        # In a process of its own: what it takes at its peak would count as that of every process begun after it.
        command = [sys.executable, __file__, "--write", str(tables), str(case.size), str(case.capacity)]
        subprocess.run(command, check=True)
    for path, size in ((requests, case.size), (small, 100)):
        if not path.exists():
            batch_tables.requests(path, size, case.most)
    compiled, hidden = tables / "compiled.parquet", tables / "compiled.hidden"
    if not case.compiled:
        compiled.rename(hidden)
    try:
        command = [sys.executable, __file__, "--solve", str(tables), str(requests), str(small)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    finally:
        if hidden.exists():
            hidden.rename(compiled)
    return json.loads(done.stdout)


# In memory


def numpy_each(stored: Stored, open_runs: Any, ticks: Any) -> int:
    """Each schedule by itself: sort, running maximum, gaps, the grid."""
    found = 0
    shut_start, shut_end = open_runs
    for low, high in zip(stored.taken.first[:-1], stored.taken.first[1:]):
        start = np.concatenate([stored.taken.start[low:high], shut_start])
        order = np.argsort(start, kind="stable")
        start = start[order]
        end = np.maximum.accumulate(np.concatenate([stored.taken.end[low:high], shut_end])[order])
        fits = start[1:] - end[:-1] >= FOOT.before + FOOT.reach
        first = np.searchsorted(ticks, end[:-1][fits] + FOOT.before)
        last = np.searchsorted(ticks, start[1:][fits] - FOOT.reach, side="right")
        found += int((last - first).sum())
    return found


def in_memory(folder: Path, size: int) -> tuple[dict[str, float], int]:
    """CPU seconds for each schedule of several ways, and how many offers there are."""
    requests = Requests(read_table(str(folder / f"requests-{size}-all.parquet")))
    store = TableStore(folder / f"tables-{size}-1", 0, instances.NOW)
    service = store.prepared.service(instances.SERVICE)
    assert service is not None
    table = store.rules.of(service.id)
    low, high = instances.window()
    # From the window's beginning on, so that no way has to move what it reads.
    slots = store.slots
    taken = Columns(slots.first, slots.start - np.int32(low), slots.end - np.int32(low))
    stored = Stored(low, taken)
    question = Question(Window(low, high), table.rules, np.arange(size), table.terms)
    busy = busy_runs(stored, question)
    ticks = Ticks(table.rules[0].grid, question.window, Footprint(1), [[0, high - low]])
    # The shut time of one schedule: the busy runs of one without bookings.
    nothing = Columns(np.zeros(2, np.int64), taken.start[:0], taken.end[:0])
    one = np.zeros(1, np.int64)
    shut = busy_runs(Stored(low, nothing), Question(question.window, table.rules, one, one))
    every = ticks.minute

    def query() -> int:
        found = 0
        for begin in range(0, size, 500):
            first = busy.first[begin : begin + 501]
            part = slice(int(first[0]), int(first[-1]))
            runs = runs_between(Columns(first - first[0], busy.start[part], busy.end[part]), FOOT, ticks)
            found += int(runs.ticks.sum())
        return found

    def loop() -> int:
        return sum(len(find(store, requests.read(place), now=instances.NOW).offers) for place in range(LOOP))

    ways: dict[str, tuple[Callable[[], int], int]] = {
        "sweep, all offers": (lambda: len(sweep(stored, question).minute), size),
        "sweep, 20 offers": (lambda: len(sweep(stored, question, 20).minute), size),
        "compiled busy runs": (query, size),
        "NumPy, each schedule alone": (lambda: numpy_each(stored, (shut.start, shut.end), every), size),
        "copy of the columns": (lambda: len(taken.start.copy()) + len(taken.end.copy()), size),
    }
    offers = len(sweep(stored, question).minute)
    assert query() == offers == numpy_each(stored, (shut.start, shut.end), every)
    found: dict[str, float] = {}
    for name, (way, count) in ways.items():
        found[name] = min(measure.once(way).cpu for _ in range(5)) / count
    expected = solve(requests, store)
    assert sum(len(table) for table in expected.tables()) == offers
    found[f"single find in a loop, {LOOP} schedules"] = measure.once(loop).cpu / LOOP
    return found, offers


# Report


def report() -> Report:
    found = Report("Batch find")
    files = found.table(
        "From Parquet to Parquet, each in a process of its own",
        *("case", "schedules a CPU second", "offers a CPU second, M", "share of reading", "peak, MB", "answers, MB"),
    )
    with tempfile.TemporaryDirectory(dir=os.environ.get("SLOTWRIGHT_BENCH")) as name:
        folder = Path(name)
        for case in CASES:
            took = measured(case, folder)
            rate, offers = case.size / took["cpu"], took["offers"] / took["cpu"] / 1e6
            share = f"{took['reading'] / took['cpu']:.0%}"
            files.add(case.name, plain(rate), plain(offers), share, plain(took["peak"]), plain(took["bytes"] / MB**2))
            found.targets += _targets(case, rate, offers, took["peak"])
            print(f"  {case.name}: {rate:,.0f} schedules a CPU second", file=sys.stderr, flush=True)
        batch_tables.requests(folder / "requests-10000-all.parquet", 10_000, "all")
        each, offers = in_memory(folder, 10_000)
    memory = found.table("In memory, 10,000 schedules", "way", "schedules a CPU second", "µs for each", "÷ copy")
    copy = each["copy of the columns"]
    for name, seconds in each.items():
        memory.add(name, plain(1 / seconds), plain(seconds * 1e6), plain(seconds / copy))
    memory.notes.append(f"{offers / 10_000:.0f} offers a schedule, 310 bookings each.")
    rate = 1 / each["compiled busy runs"]
    found.targets.append(Target("schedules a CPU second on compiled busy runs", rate, 1e6, "", rate, at_least=True))
    found.checks.append("the ways in memory count the same offers, and the tables of answers have as many rows")
    return found


def _targets(case: Case, rate: float, offers: float, peak: float) -> list[Target]:
    """Rates are by CPU time."""
    found: list[Target] = []
    if case.size == SIZES[-1] and case.most is None:
        limit = 50_000 if case.compiled else 25_000
        found.append(Target(f"schedules a CPU second: {case.name}", rate, limit, "", rate, at_least=True))
    if case.size == SIZES[-1]:
        found.append(Target(f"peak memory: {case.name}", peak, 2048, "MB", peak))
    if case.most and (case.capacity > 1 or case.size == SIZES[-1]):
        limit = 5.0 if case.capacity == 1 else 2.5
        found.append(Target(f"offers a CPU second: {case.name}", offers, limit, "M", offers, at_least=True))
    return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["--solve"]:
        print(json.dumps(run(*sys.argv[2:])))
    elif sys.argv[1:2] == ["--write"]:
        batch_tables.write(Path(sys.argv[2]), int(sys.argv[3]), capacity=int(sys.argv[4]))
    else:
        measure.show(report())
