"""Batch plan on the reference instances: served, objective, proven bound and gap, beside other ways to plan.

There are 120 instances, and to measure all cells (`plan_cells.py`) takes hours; a run goes on with those that are
missing, the most wanted ones first.

    python benchmarks/bench_plan.py [--requests N …] [--load L …] [--pools P …] [--seed S …] [--only METHOD …] [--again]

measures some of the cells only, `--again` also those that are there, and `--table` none at all.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import measure
from instances import SIZES
from measure import Report, Table, Target, plain
from plan_cells import (
    DENSITY,
    FIRST_COME,
    HIGHS,
    HIGHS_SECONDS,
    LOADS,
    OURS,
    POOLS,
    QUICK,
    RESULTS,
    SEEDS,
    Cell,
    cells,
    measured,
    row_of,
    run_missing,
)
from results import STAMP, Row, number, stamp, text

GAPS = {
    (200, 0.6, 5.0): 0.3,
    (1_000, 0.95, 120.0): 1.3,
    (5_000, 0.95, 120.0): 3.5,
    (20_000, 0.95, 600.0): 4.5,
    (20_000, 0.95, 30.0): 8.0,
}
"""The gaps wanted, in percent, by requests, load and CPU time."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The rows of one setting, seed by seed."""

    requests: int
    load: float
    pools: int
    seconds: float | None
    ours: list[Row]
    others: dict[str, list[Row]]

    @property
    def name(self) -> str:
        return f"{self.requests:,} requests, {self.load:.0%} load, {self.pools} pools"

    def bounds(self, seed: str) -> float | None:
        """The lowest proven bound of an instance, by whomever."""
        rows = [*self.ours, *self.others[HIGHS]]
        found = [bound for row in rows if row["seed"] == seed and (bound := number(row["bound"])) is not None]
        return min(found, default=None)

    def ratios(self, figure: str, method: str) -> list[float]:
        """Ours ÷ another's, for the seeds that both have."""
        return self.between(self.ours, figure, method)

    def between(self, rows: Sequence[Row], figure: str, method: str) -> list[float]:
        """A figure of these rows ÷ that of a method, for the seeds that both have."""
        theirs = {row["seed"]: float(row[figure]) for row in self.others[method]}
        return [float(row[figure]) / theirs[row["seed"]] for row in rows if theirs.get(row["seed"])]

    def gaps(self, rows: Sequence[Row]) -> list[float]:
        """To the lowest bound of each instance, in percent."""
        pairs = [(self.bounds(row["seed"]), float(row["objective"])) for row in rows]
        return [gap(bound, objective) for bound, objective in pairs if bound is not None]


def gap(bound: float, objective: float) -> float:
    """In percent of the bound."""
    return 100 * max(0.0, bound - objective) / bound


def own_gaps(rows: Sequence[Row]) -> list[float]:
    """To the bound that the same run proved."""
    pairs = [(number(row["bound"]), float(row["objective"])) for row in rows]
    return [gap(bound, objective) for bound, objective in pairs if bound is not None]


def is_proven(row: Row) -> bool:
    """Is nothing better possible? Objectives are whole numbers."""
    bound = number(row["bound"])
    return bound is not None and bound - float(row["objective"]) < 1


def settings(rows: Sequence[Row]) -> list[Kept]:
    """What was measured, in the order of size, pools, load and limit."""
    grouped: dict[Cell, list[Row]] = {}
    for row in sorted(rows, key=lambda row: int(row["seed"])):
        grouped.setdefault(Cell.of(row)._replace(seed=0), []).append(row)
    found: list[Kept] = []
    for cell, ours in sorted(grouped.items(), key=lambda pair: (pair[0][1], pair[0][3], pair[0][2], pair[0][5] or 0)):
        if cell.method == OURS:
            at = cell.requests, cell.load, cell.pools
            others = {
                name: [
                    row
                    for other, several in grouped.items()
                    if (other.method, *other[1:4]) == (name, *at)
                    for row in several
                ]
                for name in (FIRST_COME, DENSITY, HIGHS)
            }
            found.append(Kept(*at, cell.seconds, ours, others))
    return found


def report(*, quick: bool = False, kept: bool = False) -> Report:
    """All cells, those that are missing measured now; `kept`: none measured; `quick`: a few, which are not kept."""
    if quick:
        return report_on([stamp() | {k: text(v) for k, v in row_of(cell, measured(cell)).items()} for cell in QUICK])
    if not kept:
        run_missing(cells())
    return report_on(RESULTS.rows())


def report_on(rows: Sequence[Row]) -> Report:
    """What these rows say."""
    found = Report("Batch plan on the reference instances")
    kept = settings(rows)
    if not kept:
        return found
    found.tables += (_ours(rows, kept), _others(kept))
    found.targets += (target for one in kept for target in targets(one))
    lowest = min((each for one in kept for each in one.ratios("objective", DENSITY)), default=None)
    if lowest is not None:
        found.targets.append(Target("objective ÷ density greedy, worst of all", lowest, 1, "×", at_least=True))
    check_agreement(rows)
    found.checks.append(
        "every plan is sound; every bound follows from its prices and from what CP-SAT proved of small components; no "
        "plan of one way is worth more than the bound of another"
    )
    return found


def check_agreement(rows: Sequence[Row]) -> None:
    """Stops if somebody's plan is worth more than somebody's bound of the same instance."""
    grouped: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        grouped.setdefault((row["requests"], row["load"], row["pools"], row["seed"]), []).append(row)
    for instance, several in grouped.items():
        best = max(several, key=lambda row: float(row["objective"]))
        for row in several:
            bound = number(row["bound"])
            if bound is not None and bound < float(best["objective"]) - 0.5:
                raise AssertionError(
                    f"{instance}: {best['method']} has a plan of {best['objective']}, "
                    f"{row['method']} a bound of {bound}"
                )


def _ours(rows: Sequence[Row], kept: Sequence[Kept]) -> Table:
    table = Table(
        "slotwright: medians of the seeds, and the worst of them",
        (
            *("instance", "CPU limit, s", "seeds", "served", "÷ first come, worst", "objective ÷ greedy, worst"),
            *("gap, median", "gap, worst", "proven optimal", "CPU, s", "memory, MB, most"),
        ),
    )
    for one in kept:
        gaps = own_gaps(one.ours)
        served, objective = one.ratios("served", FIRST_COME), one.ratios("objective", DENSITY)
        table.add(
            *(one.name, f"{one.seconds:g}", len(one.ours), median(one.ours, "served")),
            *(f"{min(served):.3f}" if served else "–", f"{min(objective):.3f}" if objective else "–"),
            *(percent(statistics.median(gaps)), percent(max(gaps)), proven(one.ours)),
            *(median(one.ours, "cpu_s"), plain(max(float(row["peak_mb"]) for row in one.ours))),
        )
    versions = sorted({", ".join(f"{name} {row[name]}" for name in STAMP[1:]) for row in rows})
    days = sorted({row["date"] for row in rows})
    span = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    table.notes.append(
        f"{span}; {'; '.join(versions)}. Gap: (bound − objective) ÷ bound, both from one run. Served, objective and "
        "bound are recomputed by `solver.plan.check`, which knows neither the candidate table nor the solver. Each run "
        "has a process of its own; the time is that of planning, without reading the instance. Proven optimal: the "
        "bound is less than 1 above the objective, and objectives are whole numbers; where a plan is, to serve more "
        "requests would be worth less."
    )
    return table


def _others(kept: Sequence[Kept]) -> Table:
    table = Table(
        "Others: medians of the seeds, gaps to the lowest bound proven",
        (
            *("instance", "first come: served", "first come: gap", "first come: CPU, s"),
            *("greedy: served", "greedy: gap", "greedy: CPU, s"),
            *(
                "HiGHS: served",
                "HiGHS: served ÷ first come, worst",
                "HiGHS: gap",
                "HiGHS: its own gap",
                "HiGHS: proven optimal",
                "HiGHS: CPU, s",
            ),
        ),
    )
    for one in {one.name: one for one in kept}.values():
        table.add(one.name, *(cell for method in (FIRST_COME, DENSITY, HIGHS) for cell in _other(one, method)))
    table.notes.append(
        "First come, first served: in the order of the file, the earliest start, the first free member of each pool. "
        "Density greedy: the most weight for the time it takes first, each where it costs least. HiGHS: the "
        f"time-indexed model through `scipy.optimize.milp`, {HIGHS_SECONDS[200]:g} s on the clock at 200 requests and "
        f"{HIGHS_SECONDS[1_000]:g} s at 1,000; at 5,000 (387,245 variables) it had neither a plan nor a bound after "
        "600 s, 110 of them of CPU time."
    )
    return table


def _other(one: Kept, method: str) -> Iterator[str]:
    rows = one.others[method]
    if not rows:
        yield from ("–",) * (6 if method == HIGHS else 3)
        return
    yield median(rows, "served")
    if method == HIGHS:
        ratios = one.between(rows, "served", FIRST_COME)
        yield f"{min(ratios):.3f}" if ratios else "–"
    yield percent(statistics.median(one.gaps(rows)))
    if method == HIGHS:
        own = own_gaps(rows)
        yield percent(statistics.median(own)) if own else "–"
        yield proven(rows)
    yield median(rows, "cpu_s")


def targets(one: Kept) -> list[Target]:
    """What is wanted of one setting, by the worst seed; nothing for settings that no target is set for."""
    if one.pools != 2:
        return []
    found: list[Target] = []
    size = f"{one.requests:,} requests, {one.load:.0%} load"
    seeds = f"worst of {len(one.ours)}" if len(one.ours) > 1 else "one seed"
    limit = GAPS.get((one.requests, one.load, one.seconds or 0))
    if limit is not None:
        name = f"gap, {size}, {one.seconds:g} CPU seconds, {seeds}"
        found.append(Target(name, max(own_gaps(one.ours)), limit, "%"))
    if one.requests == 200 and one.load >= 0.95:
        share = 100 * sum(map(is_proven, one.ours)) / len(one.ours)
        name = f"proven optimal, {size}, 5 CPU seconds, of {len(one.ours)} seeds"
        found.append(Target(name, share, 100, "%", at_least=True))
    ratios = one.ratios("served", FIRST_COME)
    if one.load == 0.95 and ratios:
        least = 1.12 if one.requests == 20_000 else 1.15
        name = f"served ÷ first come, {size}, {one.seconds:g} CPU seconds, {seeds}"
        found.append(Target(name, min(ratios), least, "×", at_least=True))
    return found


def median(rows: Sequence[Row], figure: str) -> str:
    return plain(statistics.median(float(row[figure]) for row in rows))


def percent(value: float) -> str:
    return f"{value:.2f} %"


def proven(rows: Sequence[Row]) -> str:
    return f"{sum(map(is_proven, rows))} of {len(rows)}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench_plan.py", description="Measure batch plan, cell by cell.")
    parser.add_argument("--requests", type=int, nargs="*", choices=tuple(SIZES), default=tuple(SIZES))
    parser.add_argument("--load", type=float, nargs="*", choices=LOADS, default=LOADS)
    parser.add_argument("--pools", type=int, nargs="*", choices=POOLS, default=POOLS)
    parser.add_argument("--seed", type=int, nargs="*", choices=SEEDS, default=SEEDS)
    parser.add_argument("--only", nargs="*", choices=(OURS, FIRST_COME, DENSITY, HIGHS), help="these ways to plan")
    parser.add_argument("--seconds", type=float, nargs="*", help="only runs with these limits")
    parser.add_argument("--table", action="store_true", help="measure nothing, show what there is")
    parser.add_argument("--again", action="store_true", help="also what is kept already; the newer figures count")
    asked = parser.parse_args()
    wanted = [
        cell
        for cell in cells()
        if cell.requests in asked.requests and cell.load in asked.load and cell.pools in asked.pools
        if cell.seed in asked.seed and (not asked.only or cell.method in asked.only)
        if not asked.seconds or cell.seconds in asked.seconds
    ]
    run_missing([] if asked.table else wanted, again=asked.again)
    measure.show(report(kept=True))


if __name__ == "__main__":
    main()
