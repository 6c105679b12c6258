"""Timing and reporting for the benchmarks: rounds, medians, ratios, Markdown.

Wall time says what a user waits for, CPU time (`time.process_time`) what the work costs; on a machine that others use
too the second is the steadier one, and both are shown. The cyclic garbage collector runs as in any process that uses
the library; it is emptied before each round so that no round pays for another, and what stood before is frozen, so that
a call pays for its own objects and not for those of the benchmark.
"""

from __future__ import annotations

import gc
import math
import os
import statistics
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from slotwright.io.machine import machine, versions

ROUNDS = 9
ROUND_SECONDS = 0.02


class Sample(NamedTuple):
    """Seconds that one call took."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Timing:
    """Several measurements of one thing, in seconds for each call."""

    samples: tuple[Sample, ...]

    @property
    def wall(self) -> float:
        """The median wall time."""
        return statistics.median(sample.wall for sample in self.samples)

    @property
    def cpu(self) -> float:
        """The median CPU time."""
        return statistics.median(sample.cpu for sample in self.samples)

    def wall_at(self, share: float) -> float:
        """The wall time that `share` of the samples do not exceed."""
        return _quantile([sample.wall for sample in self.samples], share)

    def cpu_at(self, share: float) -> float:
        """The CPU time that `share` of the samples do not exceed."""
        return _quantile([sample.cpu for sample in self.samples], share)

    def ratio(self, other: Timing) -> float:
        """The median, over the rounds, of this CPU time ÷ the other's; both from one `compare`."""
        pairs = zip(self.samples, other.samples, strict=True)
        return statistics.median(mine.cpu / theirs.cpu for mine, theirs in pairs)


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def once(call: Callable[[], object]) -> Sample:
    """One call, timed."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return Sample(time.perf_counter() - wall, time.process_time() - cpu)


def sampled(calls: Sequence[Callable[[], object]], rounds: int = 3) -> Timing:
    """Every call timed by itself, `rounds` times, after one that is not counted; for quantiles over questions."""
    for call in calls:
        call()
    samples: list[Sample] = []
    with _frozen():
        for _ in range(rounds):
            gc.collect()
            samples += (once(call) for call in calls)
    return Timing(tuple(samples))


@contextmanager
def _frozen() -> Generator[None]:
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def timed(call: Callable[[], object], rounds: int = ROUNDS, seconds: float = ROUND_SECONDS) -> Timing:
    """A call repeated until a round has taken `seconds`, in several rounds."""
    return compare({"": call}, rounds, seconds)[""]


def compare(
    calls: Mapping[str, Callable[[], object]], rounds: int = ROUNDS, seconds: float = ROUND_SECONDS
) -> dict[str, Timing]:
    """Several calls timed in turn, round by round, so that a change of the machine's load meets them all."""
    repeats = {name: _repeats(call, seconds) for name, call in calls.items()}
    samples: dict[str, list[Sample]] = {name: [] for name in calls}
    with _frozen():
        for _ in range(rounds):
            for name, call in calls.items():
                gc.collect()
                samples[name].append(_round(call, repeats[name]))
    return {name: Timing(tuple(found)) for name, found in samples.items()}


def _repeats(call: Callable[[], object], seconds: float) -> int:
    """How many calls fill a round; warms up on the way."""
    call()
    repeats = 1
    while True:
        took = _round(call, repeats).wall * repeats
        if took >= seconds / 4:
            return max(1, round(repeats * seconds / took))
        repeats *= 4


def _round(call: Callable[[], object], repeats: int) -> Sample:
    turns = range(repeats)
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in turns:
        call()
    return Sample((time.perf_counter() - wall) / repeats, (time.process_time() - cpu) / repeats)


# Reports


@dataclass(frozen=True, slots=True)
class Target:
    """A figure to reach: `measured`, `limit` and `cpu` are in `unit`, `at_least` turns the comparison round.

    Times are judged by the wall clock; `cpu` is the same figure by CPU time, and tells a busy machine from slow code.
    """

    name: str
    measured: float
    limit: float
    unit: str
    cpu: float | None = None
    at_least: bool = False

    @property
    def is_reached(self) -> bool:
        return self._reaches(self.measured)

    def _reaches(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit

    def row(self) -> list[str]:
        sign = "≥" if self.at_least else "≤"
        verdict = "reached" if self.is_reached else "**not reached**"
        by_cpu = ""
        if self.cpu is not None:
            by_cpu = f"{plain(self.cpu)} {self.unit}"
            if not self.is_reached and self._reaches(self.cpu):
                verdict += ", by CPU time reached"
        limit = f"{sign} {exact(self.limit)} {self.unit}"
        return [self.name, limit, f"{plain(self.measured)} {self.unit}", by_cpu, verdict]


@dataclass(slots=True)
class Table:
    """Rows under a heading, and notes below."""

    title: str
    columns: Sequence[str]
    rows: list[list[str]] = field(default_factory=list[list[str]])
    notes: list[str] = field(default_factory=list[str])

    def add(self, *cells: Any) -> None:
        self.rows.append([str(cell) for cell in cells])

    def markdown(self) -> str:
        lines = [f"#### {self.title}", "", *rows_of(self.columns, self.rows)]
        for note in self.notes:
            lines += ["", note]
        return "\n".join(lines)


@dataclass(slots=True)
class Report:
    """What one benchmark found."""

    title: str
    tables: list[Table] = field(default_factory=list[Table])
    targets: list[Target] = field(default_factory=list[Target])
    checks: list[str] = field(default_factory=list[str])

    def table(self, title: str, *columns: str) -> Table:
        self.tables.append(Table(title, columns))
        return self.tables[-1]

    def markdown(self) -> str:
        parts = [f"### {self.title}", *(table.markdown() for table in self.tables)]
        if self.checks:
            parts.append("Checked in this run: " + "; ".join(self.checks) + ".")
        return "\n\n".join(parts)


def targets_table(reports: Sequence[Report]) -> str:
    """All targets beside what was measured."""
    rows = [target.row() for report in reports for target in report.targets]
    return "\n".join(rows_of(("target", "limit", "measured", "by CPU time", ""), rows))


def rows_of(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table; all columns but the first are aligned to the right."""
    rule = [":---", *["---:"] * (len(columns) - 1)]
    return [f"| {' | '.join(row)} |" for row in (columns, rule, *rows)]


def exact(value: float) -> str:
    """A limit as it was set."""
    return f"{value:,g}"


def plain(value: float) -> str:
    """Three significant digits, thousands parted."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def micro(seconds: float) -> str:
    return plain(seconds * 1e6)


def milli(seconds: float) -> str:
    return plain(seconds * 1e3)


def environment() -> str:
    """What the figures were taken on."""
    used = versions()
    return f"Python {used['python']}; ortools {used['ortools']}; {machine()}; {load_average()}"


def load_average() -> str:
    """How busy the machine is, over the last minute."""
    return f"load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load average unknown"


def show(report: Report) -> None:
    """Print a report the way `run.py` writes it."""
    print(environment(), report.markdown(), sep="\n\n", end="\n\n")
    if report.targets:
        print(targets_table([report]))
