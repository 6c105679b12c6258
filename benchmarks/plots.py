"""Plots of the figures in results/, each as PNG and SVG beside them.

    python benchmarks/plots.py [NAME ...]

draws those that there are figures of. Colours are those of Okabe and Ito, told apart by every kind of sight; lines
differ by their marks and strokes too, so that they can be told apart in print.
"""

from __future__ import annotations

import argparse
import importlib
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import results
from plan_cells import DENSITY, FIRST_COME, HIGHS, OURS, PROGRESS, RESULTS, SECONDS
from results import FOLDER, Row, Tables, number

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
STROKES = ("-", "--", "-.", ":")
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "++", "oo", "**")
_FIGURE = re.compile(r"-?[\d,]*\.?\d+")
_WIDE, _SQUARE = (8.0, 4.5), (6.4, 4.5)

Figure = Any
Axes = Any


def pyplot() -> Any:
    """Matplotlib, which comes with the extra `bench`, set to draw files that depend on nothing but the figures."""
    matplotlib: Any = importlib.import_module("matplotlib")
    matplotlib.use("Agg")
    matplotlib.rcParams.update(
        {
            "font.size": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#dddddd",
            "legend.frameon": False,
            "svg.hashsalt": "slotwright",
            "hatch.linewidth": 0.6,
        }
    )
    return importlib.import_module("matplotlib.pyplot")


def figure_in(cell: str, *, cpu: bool = False) -> float | None:
    """The figure in a cell such as `562 (228)`: the one before the parentheses, or the CPU time in them."""
    before, _, inside = cell.partition("(")
    found = _FIGURE.search(inside if cpu else before)
    return None if found is None else float(found[0].replace(",", ""))


# Ways to draw


def bars(axes: Axes, groups: Sequence[str], series: Mapping[str, Sequence[float | None]]) -> None:
    """Groups of bars side by side, from the left; what was not measured is left out."""
    width = 0.8 / len(series)
    for number_, (name, values) in enumerate(series.items()):
        places = [place + (number_ - (len(series) - 1) / 2) * width for place in range(len(groups))]
        known = [(place, value) for place, value in zip(places, values, strict=True) if value is not None]
        axes.bar(
            [place for place, _ in known],
            [value for _, value in known],
            width * 0.95,
            label=name,
            color=COLOURS[number_],
            hatch=HATCHES[number_],
            edgecolor="white",
            linewidth=0.5,
        )
    axes.set_xticks(range(len(groups)), groups)
    axes.grid(axis="x", visible=False)


def line(axes: Axes, place: int, name: str, points: Sequence[tuple[float, float]]) -> None:
    """One line, told apart from others by its place among them."""
    axes.plot(
        [x for x, _ in points],
        [y for _, y in points],
        label=name,
        color=COLOURS[place],
        marker=MARKS[place],
        linestyle=STROKES[place % len(STROKES)],
        markersize=5,
        linewidth=1.6,
    )


def column(rows: Sequence[Row], name: str, *, cpu: bool = False) -> list[float | None]:
    return [figure_in(row[name], cpu=cpu) for row in rows]


def table(tables: Tables, begin: str) -> list[Row]:
    """The rows of the table whose title begins so."""
    return next(rows for title, rows in tables.items() if title.startswith(begin))


def folded(text: str) -> str:
    """A label on two lines where it has a comma."""
    return text.replace(", ", "\n").replace("`", "")


# The plots


def draw_find(plt: Any) -> Figure:
    rows = table(results.tables("find"), "Times")
    figure, axes = plt.subplots(figsize=_WIDE)
    names = {
        "solver, 20": "solver, first 20",
        "invoke, 20": "whole operation, first 20",
        "`Domain`, list": "bare OR-Tools Domain, all",
        "sweep": "sweep in Python, all",
        "CP-SAT": "CP-SAT enumeration, all",
    }
    bars(
        axes,
        [folded(row["case"]) for row in rows],
        {label: column(rows, name, cpu=True) for name, label in names.items()},
    )
    axes.set_yscale("log")
    axes.set_ylabel("CPU time of one call, µs")
    axes.set_title("One find over 31 days, every schedule needed")
    axes.legend(ncols=3, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.18))
    return figure


def draw_pools(plt: Any) -> Figure:
    rows = table(results.tables("pools"), "First 20 starts")
    figure, axes = plt.subplots(figsize=_WIDE)
    names = {
        "solver p50": "solver, median",
        "invoke p50": "whole operation, median",
        "invoke p95": "whole operation, p95",
    }
    bars(
        axes,
        [row["pools"].replace(" pools of ", " × ") for row in rows],
        {label: column(rows, name, cpu=True) for name, label in names.items()},
    )
    axes.set_ylabel("CPU time of one call, ms")
    axes.set_title("One find with pools, first 20 starts of 31 days (pools × members)")
    axes.set_xticklabels(axes.get_xticklabels(), rotation=35, ha="right", fontsize=9)
    axes.legend()
    return figure


def draw_load(plt: Any) -> Figure:
    tables = results.tables("load")
    rows = table(tables, "1,000 schedules")
    figure, (left, right) = plt.subplots(1, 2, figsize=_WIDE)
    files = [folded(row["file"]) for row in rows]
    bars(left, files, {"Slots": [None if v is None else v / 1000 for v in column(rows, "Slots/s")]})
    left.set_ylabel("thousand Slots loaded, a second")
    left.set_title("Loading 230,000 Slots")
    changes = [row for row in table(tables, "One change") if row["change"] == "Slot"]
    bars(
        right,
        [
            row["calendar"].replace(", ", "\n").replace("the same with", "with").replace(" booking", "\nbooking")
            for row in changes
        ],
        {
            "change by one Slot": column(changes, "add, median", cpu=True),
            "compile anew": column(changes, "compile anew", cpu=True),
        },
    )
    right.set_yscale("log")
    right.set_ylabel("CPU time, µs")
    right.set_title("A compiled calendar")
    for axes in (left, right):
        axes.tick_params(axis="x", labelsize=7.5)
    right.legend(fontsize=8)
    figure.tight_layout(w_pad=2)
    return figure


def draw_process(plt: Any) -> Figure:
    rows = table(results.tables("process"), "Medians")
    figure, axes = plt.subplots(figsize=_WIDE)
    names = [row["process"].replace("`", "") for row in rows]
    parts: dict[str, list[float]] = {"interpreter and imports": [], "the rest": []}
    for row in rows:
        imports = figure_in(row["imports, with the interpreter"], cpu=True)
        whole = figure_in(row["whole"], cpu=True) or 0.0
        parts["interpreter and imports"].append(whole if imports is None else min(imports, whole))
        parts["the rest"].append(0.0 if imports is None else max(whole - imports, 0.0))
    left = [0.0] * len(rows)
    for place, (name, values) in enumerate(parts.items()):
        axes.barh(names, values, left=left, label=name, color=COLOURS[place], hatch=HATCHES[place], edgecolor="white")
        left = [one + more for one, more in zip(left, values, strict=True)]
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("CPU time of the whole process, ms")
    axes.set_title("slotwright find and book on the example clinic")
    axes.legend()
    return figure


def draw_ledger(plt: Any) -> Figure:
    rows = table(results.tables("ledger"), "Many bookings")
    figure, axes = plt.subplots(figsize=_SQUARE)
    for place, kind in enumerate(dict.fromkeys(row["booking"] for row in rows)):
        points = [
            (figure_in(row["in one call"]) or 0.0, figure_in(row["bookings/s"], cpu=True) or 0.0)
            for row in rows
            if row["booking"] == kind
        ]
        line(axes, place, kind, points)
    axes.set_xscale("log")
    axes.set_xticks([10, 100, 1_000, 10_000], ["10", "100", "1,000", "10,000"])
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("bookings in one transaction")
    axes.set_ylabel("bookings a CPU second")
    axes.set_title("Booking in a ledger, one process, flushed")
    axes.legend()
    return figure


def draw_writers(plt: Any) -> Figure:
    tables = results.tables("writers")
    processes, threads = table(tables, "Processes"), table(tables, "Threads")
    figure, axes = plt.subplots(figsize=_SQUARE)
    for place, (name, figure_name) in enumerate(
        (
            ("processes, different calendars", "bookings/s, different calendars"),
            ("processes, one calendar", "one calendar"),
        )
    ):
        line(axes, place, name, _pairs(processes, "processes", figure_name))
    plain = [row for row in threads if row["added to every flush"] == "0 ms"]
    slow = [row for row in threads if row["added to every flush"] != "0 ms"]
    line(axes, 2, "threads of one process", _pairs(plain, "threads", "bookings/s"))
    line(axes, 3, "threads, 5 ms added to every flush", _pairs(slow, "threads", "bookings/s"))
    axes.set_xscale("log", base=2)
    axes.set_xticks([1, 2, 8, 32], ["1", "2", "8", "32"])
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("bookers at the same time")
    axes.set_ylabel("bookings a second, by the clock")
    axes.set_title("Many bookers on one ledger, two cores")
    axes.legend(fontsize=8)
    return figure


def draw_http(plt: Any) -> Figure:
    tables = results.tables("http")
    figure, axes = plt.subplots(figsize=_SQUARE)
    finds, bookings = table(tables, "Finds"), table(tables, "Bookings")
    line(axes, 0, "finds, by the server's CPU time", _pairs(finds, "clients", "finds/s and core"))
    line(axes, 1, "finds", _pairs(finds, "clients", "finds/s"))
    line(axes, 2, "bookings, different calendars", _pairs(bookings, "clients", "bookings/s"))
    line(axes, 3, "bookings, one calendar", _pairs(bookings, "clients", "one calendar, bookings/s"))
    axes.set_xscale("log", base=2)
    axes.set_xticks([1, 8, 32], ["1", "8", "32"])
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("clients at the same time")
    axes.set_ylabel("requests a second")
    axes.set_title("The HTTP face, two cores")
    axes.legend(fontsize=8)
    return figure


def _pairs(rows: Sequence[Row], x: str, y: str) -> list[tuple[float, float]]:
    return [(figure_in(row[x]) or 0.0, figure_in(row[y]) or 0.0) for row in rows]


def draw_plan(plt: Any) -> Figure:
    """Left the course of the runs at 95 % load with two pools; right the gap of each load, and of the others."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.0, 4.8))
    _draw_courses(left)
    _draw_gaps(right)
    return figure


def _draw_courses(axes: Axes) -> None:
    """Gap over CPU time: of every seed a thin line, the first one thick."""
    runs: dict[tuple[int, str], list[Row]] = {}
    everything = PROGRESS.rows()
    for row in everything:
        size = int(row["requests"])
        if (row["load"], row["pools"]) == ("0.95", "2") and number(row["limit_s"]) == _longest(everything, size):
            runs.setdefault((size, row["seed"]), []).append(row)
    named: set[int] = set()
    for place, size in enumerate(SECONDS):
        for (other, _), rows in sorted(runs.items()):
            if other != size:
                continue
            bound = min(float(row["bound"]) for row in rows if row["bound"])
            points = [
                (float(row["cpu_s"]), 100 * (bound - float(row["objective"])) / bound)
                for row in rows
                if float(row["objective"]) > 0
            ]
            axes.plot(
                [max(x, 0.01) for x, _ in points],
                [max(y, 0.01) for _, y in points],
                drawstyle="steps-post",
                color=COLOURS[place],
                marker=MARKS[place] if size not in named else None,
                markersize=4,
                linestyle=STROKES[place],
                linewidth=1.8 if size not in named else 0.8,
                alpha=1 if size not in named else 0.6,
                label=f"{size:,} requests" if size not in named else None,
            )
            named.add(size)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_yticks([0.1, 0.3, 1, 3, 10, 30], ["0.1", "0.3", "1", "3", "10", "30"])
    axes.set_xticks([0.1, 1, 10, 100, 1_000], ["0.1", "1", "10", "100", "1,000"])
    axes.set_xlabel("CPU time, s")
    axes.set_ylabel("gap to the bound of the run, %")
    axes.set_title("Course of the runs, 95 % load, 2 pools", fontsize=10)
    axes.legend(fontsize=8)


def _longest(rows: Sequence[Row], size: int) -> float | None:
    """The most seconds that runs of the planner on this many requests had."""
    return max(
        (number(row["limit_s"]) or 0 for row in rows if int(row["requests"]) == size and _is_ours(row)), default=None
    )


def _is_ours(row: Row) -> bool:
    return row.get("method", OURS) == OURS


def _draw_gaps(axes: Axes) -> None:
    """The median gap of each way to plan to the lowest bound, by size, at 95 % load with two pools."""
    rows = [row for row in RESULTS.rows() if (row["load"], row["pools"]) == ("0.95", "2")]
    bounds: dict[tuple[str, str], float] = {}
    for row in rows:
        bound = number(row["bound"])
        if bound is not None:
            key = row["requests"], row["seed"]
            bounds[key] = min(bound, bounds.get(key, bound))
    series: dict[str, list[float | None]] = {}
    names = {FIRST_COME: "first come, first served", DENSITY: "density greedy", HIGHS: "HiGHS", OURS: "slotwright"}
    for method in names:
        values: list[float | None] = []
        for size in SECONDS:
            gaps = [
                100 * (bounds[key] - float(row["objective"])) / bounds[key]
                for row in rows
                if row["method"] == method and int(row["requests"]) == size
                if (key := (row["requests"], row["seed"])) in bounds
                if method != OURS or number(row["limit_s"]) == _longest(rows, size)
            ]
            values.append(max(statistics.median(gaps), 0.02) if gaps else None)
        series[names[method]] = values
    bars(axes, [f"{size:,}" for size in SECONDS], series)
    axes.set_yscale("log")
    axes.set_yticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
    axes.set_xlabel("requests")
    axes.set_ylabel("gap to the lowest proven bound, median, %")
    axes.set_title("Beside other ways, 95 % load, 2 pools (shortest bars: 0)", fontsize=10)
    axes.margins(y=0.2)
    axes.legend(fontsize=8, ncols=2)


def draw_batch(plt: Any) -> Figure:
    tables = results.tables("batch")
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.0, 4.5))
    rows = [row for row in table(tables, "From Parquet") if "20 offers" in row["case"]]
    sizes = list(dict.fromkeys(row["case"].split(" schedules")[0] for row in rows))
    for place, form in enumerate(("compiled", "strings and timestamps")):
        points = [
            (float(size.replace(",", "")), rate)
            for size in sizes
            for row in rows
            if row["case"].startswith(f"{size} schedules, {form}")
            if (rate := figure_in(row["schedules a CPU second"])) is not None
        ]
        line(left, place, form, [(x, y / 1000) for x, y in points])
    left.set_xscale("log")
    left.set_xticks([1_000, 10_000, 100_000], ["1,000", "10,000", "100,000"])
    left.set_ylim(bottom=0)
    left.set_xlabel("schedules of 31 days, 10 bookings a day")
    left.set_ylabel("thousand schedules a CPU second")
    left.set_title("Batch find, Parquet to Parquet, 20 offers each", fontsize=10)
    left.legend()
    ways = table(tables, "In memory")
    right.barh(
        [row["way"].replace("`", "") for row in ways],
        [figure_in(row["schedules a CPU second"]) or 0.0 for row in ways],
        color=COLOURS[0],
        edgecolor="white",
    )
    right.invert_yaxis()
    right.set_xscale("log")
    right.grid(axis="y", visible=False)
    right.set_xlabel("schedules a CPU second")
    right.set_title("In memory, 10,000 schedules", fontsize=10)
    figure.tight_layout(w_pad=2)
    return figure


def draw_meetings(plt: Any) -> Figure:
    """Penalties of the public instances, so that lower is better; of slotwright the worst seed."""
    rows = table(results.tables("meetings"), "Scores")
    first = next(iter(rows))
    published = [name for name in first if name.startswith(("Timefold", "plain annealing"))]
    public = [row for row in rows if all(row[name] for name in published)]
    sizes = list(dict.fromkeys(row["meetings"] for row in public))
    figure, parts = plt.subplots(1, 2, figsize=(10.0, 4.5))
    for axes, (place, title) in zip(parts, ((1, "medium part of the score"), (2, "soft part of the score"))):
        series = {
            name.partition(",")[0]: [
                max(_penalty(row[name], place) for row in public if row["meetings"] == size) for size in sizes
            ]
            for name in (*published, "slotwright")
        }
        bars(axes, [f"{size} meetings" for size in sizes], series)
        axes.set_ylabel("penalty")
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.set_title(title, fontsize=10)
    parts[0].legend(fontsize=9)
    figure.suptitle("Public meeting-scheduling instances: lower is better", fontsize=11)
    figure.tight_layout(w_pad=2)
    return figure


def _penalty(score: str, place: int) -> float:
    """The hard, medium or soft part of a score such as `0/−189/−9503`, as a number to be made small."""
    return -float(score.split("/")[place].replace("−", "-"))


PLOTS: dict[str, Callable[[Any], Figure]] = {
    "find": draw_find,
    "pools": draw_pools,
    "load": draw_load,
    "process": draw_process,
    "ledger": draw_ledger,
    "writers": draw_writers,
    "http": draw_http,
    "plan": draw_plan,
    "batch": draw_batch,
    "meetings": draw_meetings,
}


def draw(name: str, folder: Path = FOLDER) -> list[Path]:
    """Draw what there is to draw of a benchmark; returns the files."""
    if name not in PLOTS or not (FOLDER / f"{name}.csv").exists():
        return []
    plt = pyplot()
    figure = PLOTS[name](plt)
    paths = [folder / f"{name}.{suffix}" for suffix in ("png", "svg")]
    for path in paths:
        # No date in the file: the same figures give the same plot.
        metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
        figure.savefig(path, dpi=150, bbox_inches="tight", metadata=metadata)
    plt.close(figure)
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(prog="plots.py", description="Draw the figures in benchmarks/results/.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(PLOTS)}; all by default")
    names: list[str] = parser.parse_args().names
    unknown = [name for name in names if name not in PLOTS]
    if unknown:
        parser.error(f"no plot is called {unknown[0]!r}; there are {', '.join(PLOTS)}")
    for name in names or PLOTS:
        for path in draw(name):
            print(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


if __name__ == "__main__":
    main()
