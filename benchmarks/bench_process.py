"""Whole `slotwright find` processes on the example clinic, from the command line to the exit code.

With and without pools, as FHIR and as a table; beside them an interpreter that does nothing, and one that imports the
modules the command imports and does nothing else.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from pathlib import Path

import instances
import measure
from measure import Report, Sample, Target, Timing, milli
from slotwright.io import invoke, open_calendar

ROOT = Path(__file__).resolve().parent.parent
RUNS = 15
COMMAND = Path(sysconfig.get_path("scripts")) / "slotwright"

_BASE = ("find", "--calendar", "examples/clinic", "--service", "bariatric-surgery")
_WINDOW = ("--start", "2026-03-10", "--end", "2026-03-14")
_NO_POOLS = ("dr-martinez", "or-1", "dr-kim")
_POOLS = ("dr-martinez", "or-1,or-2,or-3", "dr-kim,dr-osei")

HEAVY = ("pandas", "pyarrow", "scipy")
"""Packages that no find may import; without pools nothing of CP-SAT or NumPy either."""

HEAVY_WITHOUT_POOLS = (*HEAVY, "ortools", "numpy")

_LINE = re.compile(r"import time:\s*(\d+) \|\s*\d+ \|\s*(\S+)")


def arguments(pools: Sequence[str], *, as_json: bool) -> list[str]:
    schedules = [word for pool in pools for word in ("--schedule", pool)]
    return [*_BASE, *schedules, *_WINDOW, *(["--json"] if as_json else [])]


CASES = {
    "`--json`, no pools": (arguments(_NO_POOLS, as_json=True), 0.2),
    "table, no pools": (arguments(_NO_POOLS, as_json=False), 0.25),
    "`--json`, pools": (arguments(_POOLS, as_json=True), 0.8),
    "table, pools": (arguments(_POOLS, as_json=False), 0.8),
}


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("SLOTWRIGHT_", "PYTHON"))}


def output(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=True)


def run(command: Sequence[str]) -> Sample:
    """One process, with the CPU time of its own."""
    begun = time.perf_counter()
    with open(os.devnull, "wb") as nowhere:
        process = subprocess.Popen(command, cwd=ROOT, env=_environment(), stdout=nowhere, stderr=nowhere)
        _, status, usage = os.wait4(process.pid, 0)
        took = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, " ".join(command)[:300]
    return Sample(took, usage.ru_utime + usage.ru_stime)


def imported(command: Sequence[str]) -> list[str]:
    """The modules that a command imports, in order."""
    done = output([sys.executable, "-X", "importtime", str(COMMAND), *command])
    found = (match[2] for line in done.stderr.splitlines() if (match := _LINE.fullmatch(line.strip())))
    return list(dict.fromkeys(found))


def importing(modules: Sequence[str]) -> list[str]:
    """A process that imports these and ends; modules of other systems are looked for in vain, as by the command."""
    named = [name for name in modules if all(part.isidentifier() for part in name.split("."))]
    tries = "".join(f"try:\n    import {name}\nexcept ImportError:\n    pass\n" for name in named)
    return [sys.executable, "-c", tries]


def check_imports(modules: Sequence[str], heavy: Sequence[str]) -> None:
    found = {name for name in modules if name.partition(".")[0] in heavy}
    assert not found, f"imported: {sorted(found)}"


def check_answers() -> int:
    """JSON, table and the full CP-SAT model in this process tell the same offers; returns how many the pools have."""
    calendar = open_calendar(str(ROOT / "examples" / "clinic"))
    counts: list[int] = []
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
    assert counts[1] == 9, counts  # as the README says
    return counts[1]


def report() -> Report:
    found = Report("The whole process: `slotwright find` on the example clinic")
    offers = check_answers()
    commands: dict[str, list[str]] = {"interpreter alone": [sys.executable, "-c", "pass"]}
    modules: dict[str, list[str]] = {}
    for name, (case, _) in CASES.items():
        modules[name] = imported(case)
        check_imports(modules[name], HEAVY_WITHOUT_POOLS if "no pools" in name else HEAVY)
        commands[name] = [str(COMMAND), *case]
        commands[f"imports of {name}"] = importing(modules[name])
    samples: dict[str, list[Sample]] = {name: [] for name in commands}
    for number in range(RUNS + 1):
        for name, command in commands.items():
            sample = run(command)
            if number:  # the first round warms the file system's cache and the compiled modules
                samples[name].append(sample)
    times = {name: Timing(tuple(one)) for name, one in samples.items()}
    table = found.table(
        f"Medians of {RUNS} runs: ms wall (CPU)",
        *("process", "whole", "p95 wall", "modules", "imports, with the interpreter", "the rest"),
        *("share of imports, CPU", "share of the interpreter, CPU"),
    )
    bare = times["interpreter alone"]
    table.add("interpreter alone", _both(bare.wall, bare.cpu), milli(bare.wall_at(0.95)), "", "", "", "", "")
    for name, (_, limit) in CASES.items():
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
        found.targets.append(Target(f"process, {name}", whole.wall, limit, "s", whole.cpu))
    table.notes.append(
        "Imports: a bare process that imports the modules which `-X importtime` lists for the command. The rest is "
        "loading the clinic, the find, printing and leaving."
    )
    found.checks += [
        f"the {offers} offers of the pools, and those without, equal to the full CP-SAT model, as FHIR and as table",
        f"without pools none of {', '.join(HEAVY_WITHOUT_POOLS)} is imported, with pools none of {', '.join(HEAVY)}",
    ]
    return found


def _both(wall: float, cpu: float) -> str:
    return f"{milli(wall)} ({milli(cpu)})"


if __name__ == "__main__":
    measure.show(report())
