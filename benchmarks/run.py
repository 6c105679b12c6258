"""Run the benchmarks, each in a process of its own, and print one report in Markdown.

    python benchmarks/run.py [--write] [NAME ...]

NAME is find, pools, load or process; all by default. `--write` replaces the figures in benchmarks/README.md, which are
those of a full run: NAMEs and `--write` exclude each other.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import measure
from measure import Report

NAMES = ("find", "pools", "load", "process")
README = Path(__file__).resolve().parent / "README.md"
BEGIN, END = "<!-- figures: written by run.py -->", "<!-- end of figures -->"


def run_one(name: str) -> Report:
    """One benchmark, in the process it is called in."""
    return importlib.import_module(f"bench_{name}").report()


def run_all(names: list[str]) -> str:
    """The report in Markdown."""
    before, begun = measure.environment(), time.perf_counter()
    reports: list[Report] = []
    spawn = multiprocessing.get_context("spawn")
    for name in names:
        print(f"bench_{name} …", file=sys.stderr, flush=True)
        # A process each: what one imports, allocates and warms up is no matter of the next.
        with ProcessPoolExecutor(1, mp_context=spawn) as executor:
            reports.append(executor.submit(run_one, name).result())
    minutes = (time.perf_counter() - begun) / 60
    notes = f"{before} at the start, {measure.load_average()} at the end of {minutes:.0f} min."
    parts = [notes, "### Targets", measure.targets_table(reports), *(report.markdown() for report in reports)]
    return "\n\n".join(parts)


def write(figures: str) -> None:
    """Replace what stands between the marks in README.md."""
    before, mark, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    if not mark or not after:
        raise SystemExit(f"{README.name} lacks the lines {BEGIN} and {END}.")
    README.write_text(f"{before}{BEGIN}\n\n{figures}\n\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure slotwright.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(NAMES)}; all by default")
    parser.add_argument("--write", action="store_true", help="replace the figures in benchmarks/README.md")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"no benchmark is called {unknown[0]!r}; there are {', '.join(NAMES)}")
    if options.write and options.names:
        parser.error("--write takes the figures of a full run")
    figures = run_all(options.names or list(NAMES))
    print(figures)
    if options.write:
        write(figures)


if __name__ == "__main__":
    main()
