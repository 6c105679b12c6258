"""Run the benchmarks, each in a process of its own, and print a section in Markdown for each.

    python benchmarks/run.py [--write] [--quick] [NAME ...]

NAME is find, pools, load, process, ledger, writers, http, batch, plan or meetings; all by default. `--write` replaces
the sections of these in benchmarks/README.md, their figures in benchmarks/results/ and the plots there. `--quick` takes
fewer rounds and smaller ledgers, to see that a change did no harm: it is for process (bookings only), ledger,
writers, http and plan, and its figures are not written. plan takes hours, keeps every figure when it has it, and goes
on where it stopped; `--kept` measures nothing and shows what there is.
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
import plots
import results
from measure import Report

NAMES = ("find", "pools", "load", "process", "ledger", "writers", "http", "batch", "plan", "meetings")
QUICK = ("process", "ledger", "writers", "http", "plan")
KEPT = ("plan",)
"""Those that keep figure by figure, in files of their own."""

README = Path(__file__).resolve().parent / "README.md"


def run_one(name: str, options: dict[str, bool]) -> Report:
    """One benchmark, in the process it is called in."""
    return importlib.import_module(f"bench_{name}").report(**options)


def run(name: str, options: dict[str, bool]) -> tuple[str, Report]:
    """The section of one benchmark, and what it is made of."""
    print(f"bench_{name} …", file=sys.stderr, flush=True)
    before, begun = measure.environment(), time.perf_counter()
    # A process each: what one imports, allocates and warms up is no matter of the next.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        report = executor.submit(run_one, name, options).result()
    minutes = (time.perf_counter() - begun) / 60
    title, _, rest = report.markdown().partition("\n\n")
    notes = f"{before} at the start, {measure.load_average()} at the end of {minutes:.1f} min."
    if name in KEPT and not options.get("quick"):
        notes = f"From `results/{name}.csv`, where each figure has its day and versions."
    parts = [title, notes, measure.targets_table([report]), rest] if report.targets else [title, notes, rest]
    return "\n\n".join(parts), report


def replaced(text: str, name: str, section: str) -> str:
    """The README with what stands between the marks of a benchmark replaced."""
    begin, end = marks(name)
    before, mark, rest = text.partition(begin)
    after = rest.partition(end)[2]
    if not mark or not after:
        raise SystemExit(f"{README.name} lacks the lines {begin} and {end}.")
    return f"{before}{begin}\n\n{section}\n\n{end}{after}"


def marks(name: str) -> tuple[str, str]:
    return f"<!-- {name}: written by run.py -->", f"<!-- end of {name} -->"


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure slotwright.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(NAMES)}; all by default")
    parser.add_argument("--write", action="store_true", help="replace the sections in benchmarks/README.md")
    parser.add_argument("--quick", action="store_true", help=f"less of {', '.join(QUICK)}, in a few minutes")
    parser.add_argument("--kept", action="store_true", help=f"what is kept of {', '.join(KEPT)}, measuring nothing")
    options = parser.parse_args()
    if options.quick and options.kept:
        parser.error("--quick measures, and --kept does not")
    known = QUICK if options.quick else KEPT if options.kept else NAMES
    ways = {"quick": True} if options.quick else {"kept": True} if options.kept else {}
    unknown = [name for name in options.names if name not in known]
    if unknown:
        kind = "quick " if options.quick else "kept " if options.kept else ""
        parser.error(f"no {kind}benchmark is called {unknown[0]!r}; there are {', '.join(known)}")
    if options.write and options.quick:
        parser.error("--write takes the figures of a full run")
    for name in options.names or known:
        section, report = run(name, ways)
        print(section, end="\n\n", flush=True)
        if options.write:
            if name not in KEPT:
                results.keep(name, report)
            plots.draw(name)
            if (results.FOLDER / f"{name}.png").exists():
                section += f"\n\n![Plot of the figures above](results/{name}.png)"
            README.write_text(replaced(README.read_text(encoding="utf-8"), name, section), encoding="utf-8")


if __name__ == "__main__":
    main()
