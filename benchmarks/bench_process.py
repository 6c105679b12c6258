"""Whole `slotwright find` and `book` processes on the example clinic, from the command line to the exit code.

With and without pools, as FHIR and for people, a booking also from a ready proposal; beside them an interpreter that
does nothing, and one that imports the modules the command imports and does nothing else. Every booking is made in a
fresh copy of the same ledger file, and durable before the process says so.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import instances
import ledgers
import measure
from measure import Report, Sample, Target, Timing, milli
from slotwright.io import invoke, open_calendar, open_ledger

ROOT = Path(__file__).resolve().parent.parent
CLINIC = ROOT / "examples" / "clinic"
RUNS, QUICK_RUNS = 15, 2
COMMAND = Path(sysconfig.get_path("scripts")) / "slotwright"

_NOW = "2026-03-09T13:00:00Z"
_FIND = ("find", "--calendar", "examples/clinic", "--service", "bariatric-surgery")
_WINDOW = ("--start", "2026-03-10", "--end", "2026-03-14")
_BOOK = ("book", "--now", _NOW)
_NO_POOLS = ("dr-martinez", "or-1", "dr-kim")
_POOLS = ("dr-martinez", "or-1,or-2,or-3", "dr-kim,dr-osei")

HEAVY = ("pandas", "pyarrow", "scipy")
"""Packages that no find or book may import; without pools nothing of CP-SAT or NumPy either."""

HEAVY_WITHOUT_POOLS = (*HEAVY, "ortools", "numpy")

_LINE = re.compile(r"import time:\s*(\d+) \|\s*\d+ \|\s*(\S+)")


@dataclass(frozen=True, slots=True)
class Case:
    """A command, the seconds it may take, and what it needs."""

    arguments: Sequence[str]
    limit: float
    heavy: Sequence[str]
    """What it must not import."""
    is_piped: bool = False
    """A proposal comes on standard input."""

    @property
    def books(self) -> bool:
        return self.arguments[0] == "book"


class Place:
    """Where the bookings are made: a ledger that is copied anew for every process, and a proposal."""

    def __init__(self, folder: Path, proposal: str) -> None:
        self._template, self.ledger = folder / "template.ledger", folder / "clinic.ledger"
        self.proposal = folder / "proposal.json"
        self.proposal.write_text(proposal, encoding="utf-8")
        with open_ledger(self._template, clock=lambda: datetime.fromisoformat(_NOW), identity="benchmark") as made:
            made.load(str(CLINIC))

    def command(self, case: Case) -> list[str]:
        return [str(COMMAND), *case.arguments, *(["--ledger", str(self.ledger)] if case.books else [])]

    def stdin(self, case: Case | None) -> Path | None:
        return self.proposal if case is not None and case.is_piped else None

    def refresh(self) -> None:
        """Nothing is booked yet."""
        for ending in ("", "-wal", "-shm", "-lock"):
            Path(f"{self.ledger}{ending}").unlink(missing_ok=True)
        shutil.copy(self._template, self.ledger)


def arguments(pools: Sequence[str], *, as_json: bool) -> list[str]:
    return [*_FIND, *_schedules(pools), *_WINDOW, *(["--json"] if as_json else [])]


def _schedules(pools: Sequence[str]) -> list[str]:
    return [word for pool in pools for word in ("--schedule", pool)]


def booking(pools: Sequence[str], start: str) -> list[str]:
    return [*_BOOK, "--service", "bariatric-surgery", *_schedules(pools), "--start", start]


def cases(start: str) -> dict[str, Case]:
    """What is measured; `start` is one that is free for the pools, and without them."""
    return {
        "find `--json`, no pools": Case(arguments(_NO_POOLS, as_json=True), 0.2, HEAVY_WITHOUT_POOLS),
        "find, table, no pools": Case(arguments(_NO_POOLS, as_json=False), 0.25, HEAVY_WITHOUT_POOLS),
        "find `--json`, pools": Case(arguments(_POOLS, as_json=True), 0.8, HEAVY),
        "find, table, pools": Case(arguments(_POOLS, as_json=False), 0.8, HEAVY),
        "book `--json`, ready proposal": Case([*_BOOK, "--json"], 0.2, HEAVY_WITHOUT_POOLS, is_piped=True),
        "book, ready proposal": Case(_BOOK, 0.2, HEAVY_WITHOUT_POOLS, is_piped=True),
        "book, by names, no pools": Case(booking(_NO_POOLS, start), 0.2, HEAVY_WITHOUT_POOLS),
        "book, by names, pools": Case(booking(_POOLS, start), 0.8, HEAVY),
    }


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("SLOTWRIGHT_", "PYTHON"))}


def output(command: Sequence[str], stdin: Path | None = None) -> subprocess.CompletedProcess[str]:
    given = None if stdin is None else stdin.read_text(encoding="utf-8")
    return subprocess.run(
        command, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=True, input=given
    )


def run(command: Sequence[str], stdin: Path | None = None) -> Sample:
    """One process, with the CPU time of its own."""
    with open(os.devnull, "wb") as nowhere, open(stdin or os.devnull, "rb") as given:
        begun = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, env=_environment(), stdin=given, stdout=nowhere, stderr=nowhere)
        _, status, usage = os.wait4(process.pid, 0)
        took = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, " ".join(command)[:300]
    return Sample(took, usage.ru_utime + usage.ru_stime)


def imported(command: Sequence[str], stdin: Path | None = None) -> list[str]:
    """The modules that a command imports, in order."""
    done = output([sys.executable, "-X", "importtime", *command], stdin)
    found = (match[2] for line in done.stderr.splitlines() if (match := _LINE.fullmatch(line.strip())))
    return list(dict.fromkeys(found))


def importing(modules: Sequence[str]) -> list[str]:
    """A process that imports these and ends; modules of other systems are looked for in vain, as by the command."""
    named = [name for name in modules if all(part.isidentifier() for part in name.split("."))]
    tries = "".join(f"try:\n    import {name}\nexcept ImportError:\n    pass\n" for name in named)
    return [sys.executable, "-c", tries]


def check_imports(name: str, modules: Sequence[str], heavy: Sequence[str]) -> None:
    found = {one for one in modules if one.partition(".")[0] in heavy}
    assert not found, f"{name} imports {sorted(found)}"


def check_answers() -> tuple[int, str]:
    """JSON, table and the full CP-SAT model in this process tell the same offers.

    Returns how many the pools have, and the first offer without pools as JSON.
    """
    calendar = open_calendar(str(CLINIC))
    counts: list[int] = []
    firsts: list[str] = []
    for pools in (_NO_POOLS, _POOLS):
        bundle = json.loads(output([str(COMMAND), *arguments(pools, as_json=True)]).stdout)
        query = {
            "start": "2026-03-10T00:00:00-04:00",
            "end": "2026-03-15T00:00:00-04:00",
            "service-type-reference": "HealthcareService/bariatric-surgery",
            "schedule": [",".join(f"Schedule/{one}" for one in pool.split(",")) for pool in pools],
        }
        status, wanted = invoke(calendar, "Appointment/$find", query=query, engine="cp-sat")
        assert status == 200 and bundle == wanted
        offers = instances.proposals(bundle)
        table = output([str(COMMAND), *arguments(pools, as_json=False)]).stdout
        rows = [line for line in table.splitlines() if re.match(r"\s+\d+ ", line)]
        noun = "offer" if len(offers) == 1 else "offers"
        assert offers and len(rows) == len(offers) and table.endswith(f"{len(offers)} {noun}.\n")
        counts.append(len(offers))
        firsts.append(json.dumps(bundle["entry"][0]["resource"]))
    assert counts[1] == 9, counts  # as the README says
    return counts[1], firsts[0]


def check_bookings(place: Place, found: dict[str, Case]) -> int:
    """Each way of booking writes one entry, an Appointment at the start asked for; returns how many ways there are."""
    wanted = json.loads(place.proposal.read_text(encoding="utf-8"))
    ways = [case for case in found.values() if case.books]
    for case in ways:
        place.refresh()
        output(place.command(case), place.stdin(case))
        with open_ledger(place.ledger, create=False) as ledger:
            assert ledgers.booked(ledger) == 1 and ledger.verify() == []
            made = [one for one in ledger.resources("Appointment") if one["meta"]["versionId"] == "1"]
            starts = [one["start"] for one in made if one["status"] == "booked"]
            assert wanted["start"] in starts, starts
    return len(ways)


def report(*, quick: bool = False) -> Report:
    found = Report("The whole process: `slotwright find` and `slotwright book` on the example clinic")
    runs = QUICK_RUNS if quick else RUNS
    offers, proposal = check_answers()
    with ledgers.folder() as folder:
        place = Place(folder, proposal)
        several = {name: case for name, case in cases(json.loads(proposal)["start"]).items() if case.books or not quick}
        ways = check_bookings(place, several)
        commands: dict[str, tuple[list[str], Case | None]] = {
            "interpreter alone": ([sys.executable, "-c", "pass"], None)
        }
        modules: dict[str, list[str]] = {}
        for name, case in several.items():
            place.refresh()
            modules[name] = imported(place.command(case), place.stdin(case))
            check_imports(name, modules[name], case.heavy)
            commands[name] = place.command(case), case
            commands[f"imports of {name}"] = importing(modules[name]), None
        samples: dict[str, list[Sample]] = {name: [] for name in commands}
        for number in range(runs + 1):
            for name, (command, case) in commands.items():
                if case is not None and case.books:
                    place.refresh()
                sample = run(command, place.stdin(case))
                if number:  # the first round warms the file system's cache and the compiled modules
                    samples[name].append(sample)
        with closing(ledgers.Flush(folder / "flush", 64_000)) as flush:
            bare_flush = measure.timed(flush).wall
    times = {name: Timing(tuple(one)) for name, one in samples.items()}
    table = found.table(
        f"Medians of {runs} runs: ms wall (CPU)",
        *("process", "whole", "p95 wall", "modules", "imports, with the interpreter", "the rest"),
        *("share of imports, CPU", "share of the interpreter, CPU"),
    )
    bare = times["interpreter alone"]
    table.add("interpreter alone", _both(bare.wall, bare.cpu), milli(bare.wall_at(0.95)), "", "", "", "", "")
    for name, case in several.items():
        whole, imports = times[name], times[f"imports of {name}"]
        table.add(
            name,
            _both(whole.wall, whole.cpu),
            milli(whole.wall_at(0.95)),
            len(modules[name]),
            _both(imports.wall, imports.cpu),
            _both(whole.wall - imports.wall, whole.cpu - imports.cpu),
            f"{(imports.cpu - bare.cpu) / whole.cpu:.0%}",
            f"{bare.cpu / whole.cpu:.0%}",
        )
        found.targets.append(Target(f"process, {name}", whole.wall, case.limit, "s", whole.cpu))
    table.notes.append(
        "Imports: a bare process that imports the modules which `-X importtime` lists for the command. The rest is "
        "loading the clinic or opening its ledger, the find or the booking, printing and leaving. A bare flush took "
        f"{milli(bare_flush)} ms; {measure.load_average()}."
    )
    found.checks += [
        f"the {offers} offers of the pools, and those without, equal to the full CP-SAT model, as FHIR and as table",
        f"each of the {ways} ways of booking leaves one entry, an Appointment at the time asked for, and a ledger that "
        "`verify` finds nothing in",
        f"without pools none of {', '.join(HEAVY_WITHOUT_POOLS)} is imported, with pools none of {', '.join(HEAVY)}",
    ]
    return found


def _both(wall: float, cpu: float) -> str:
    return f"{milli(wall)} ({milli(cpu)})"


if __name__ == "__main__":
    measure.show(report(quick="--quick" in sys.argv))
