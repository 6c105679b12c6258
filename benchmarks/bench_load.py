"""Loading and compiling 1,000 schedules with 230,000 Slots, and changing one compiled calendar.

Each load runs in a process of its own, so that its peak memory is its own; that process is this file with
`--load FILE`. A change of a compiled calendar is compared with compiling anew.
"""

from __future__ import annotations

import gc
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import instances
import measure
import orjson
from measure import Report, Sample, Target, Timing, plain
from slotwright.io import invoke, open_calendar
from slotwright.io.operations import find as operation
from slotwright.io.operations.request import QueryRequest
from slotwright.solver.availability import Closure
from slotwright.solver.calendar import CompiledCalendar
from slotwright.solver.capacity import Claim
from slotwright.solver.limits import Limit

SCHEDULES, PER_DAY, SEED = 1000, 10, 1
SLOTS = 230_000
LOADS = 3
CHANGES = 400
LONG = 220
"""Days of a calendar as long as one axis gets."""

MINUTE_MS = 60_000
PLAIN = "31 days, 230 Slots"
DECORATED = "NDJSON, decorated Slots"
NOW_MS = int(instances.NOW.timestamp() * 1000)


# In the process that loads


def load(path: str) -> dict[str, Any]:
    """Load the file, compile everything over the month, ask once; seconds, and peak memory in MB after each."""
    found: dict[str, Any] = {"before": _peak()}
    begun = _Clock()
    calendar = open_calendar(path)
    found["load"], found["load_peak"] = begun.lap(), _peak()
    found["slots"] = sum(1 for _ in calendar.resources("Slot"))

    low, high = instances.window()
    service = calendar.prepared.service(instances.SERVICE)
    assert service is not None
    begun = _Clock()
    starts = 0
    for schedule in calendar.resources("Schedule"):
        examined = calendar.prepared.examine(schedule["id"], service)
        assert examined is not None
        axis = calendar.prepared.axis(examined.rules.grid, low, high)
        starts += calendar.prepared.calendar(examined, axis, NOW_MS).starts.bit_count()
    found["compile"], found["compile_peak"], found["starts"] = begun.lap(), _peak(), starts

    found["collection"] = measure.once(gc.collect)
    query = instances.query([["s0"], ["s1"], ["s2"]], (low, high))
    begun = _Clock()
    status, bundle = invoke(calendar, "Appointment/$find", query=query, now=instances.NOW)
    assert status == 200
    found["find"] = begun.lap()
    found["offers"] = [start for start, _ in instances.proposals(bundle)]
    return found


class _Clock:
    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def lap(self) -> Sample:
        return Sample(time.perf_counter() - self._wall, time.process_time() - self._cpu)


def _peak() -> float:
    """The most memory this process has held, in MB."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 1e6 if sys.platform == "darwin" else peak * 1.024 / 1e3
    # Not ru_maxrss: on Linux a child starts with that of its parent.
    return int(status.partition("VmHWM:")[2].split()[0]) * 1.024 / 1e3


# In the process that reports


def write_files(folder: Path) -> dict[str, Path]:
    """The same calendar as NDJSON, as one Bundle, and as NDJSON with decorated Slots."""
    diaries = instances.diaries(SCHEDULES, PER_DAY, SEED, weekends=False)
    paths = {
        "NDJSON": folder / "calendar.ndjson",
        "one Bundle": folder / "bundle.json",
        DECORATED: folder / "decorated.ndjson",
    }
    plain_lines, bundle, rich_lines = paths.values()
    with plain_lines.open("wb") as file:
        file.writelines(orjson.dumps(one) + b"\n" for one in instances.resources(diaries))
    with rich_lines.open("wb") as file:
        file.writelines(orjson.dumps(one) + b"\n" for one in instances.resources(diaries, rich=True))
    entries = [
        {"fullUrl": f"https://example.org/fhir/{one['resourceType']}/{one['id']}", "resource": one}
        for one in instances.resources(diaries)
    ]
    bundle.write_bytes(orjson.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    return paths


def loads(found: Report) -> None:
    table = found.table(
        f"{SCHEDULES:,} schedules with {SLOTS:,} Slots, median of {LOADS} processes: s wall (CPU)",
        *("file", "size, MB", "load", "Slots/s", "peak memory, MB", "compile all", "schedules/s", "peak memory, MB"),
        *("one find", "full garbage collection"),
    )
    answers: set[str] = set()
    bare = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for name, path in write_files(Path(folder)).items():
            runs = [_loaded(path) for _ in range(LOADS)]
            load, compile_, find, collection = (
                Timing(tuple(Sample(*run[part]) for run in runs)) for part in ("load", "compile", "find", "collection")
            )
            peak, after = (max(run[part] for run in runs) for part in ("load_peak", "compile_peak"))
            bare = max(run["before"] for run in runs)
            rate = SLOTS / load.wall
            table.add(
                name,
                plain(path.stat().st_size / 1e6),
                _seconds(load),
                plain(rate),
                plain(peak),
                _seconds(compile_),
                plain(SCHEDULES / compile_.wall),
                plain(after),
                _seconds(find),
                _seconds(collection),
            )
            for run in runs:
                assert run["slots"] == SLOTS and run["offers"]
                answers.add(json.dumps([run["starts"], run["offers"]]))
            if name != DECORATED:
                found.targets.append(Target(f"load, {name}", rate, 150_000, "Slots/s", SLOTS / load.cpu, at_least=True))
                found.targets.append(Target(f"load, {name}, peak memory", peak, 700, "MB"))
    assert len(answers) == 1
    table.notes.append(
        f"A process with everything imported begins at {plain(bare)} MB. Compile: parameters, claims, "
        "hours, bookings and start bitmap of every schedule for 31 days; the second peak is after it. "
        "Decorated Slots carry `meta`, `serviceType` with a reference, and `comment`; the targets speak of plain ones."
    )
    found.checks.append("all files give the same compiled starts and the same offers")


def _loaded(path: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, "--load", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def _seconds(timing: Timing) -> str:
    return f"{plain(timing.wall)} ({plain(timing.cpu)})"


# Changes


@dataclass(frozen=True, slots=True)
class Change:
    """What is added to a calendar and removed again, and how to compile the calendar with it."""

    kind: str
    draw: Callable[[random.Random, int], Claim | Closure]


def _slot(draw: random.Random, number: int) -> Claim:
    start = _start(draw)
    return Claim(start, start + draw.choice(instances.LENGTHS), f"Slot/new-{number}", tolerance=2, booking=True)


def _hold(draw: random.Random, number: int) -> Claim:
    expires = NOW_MS + draw.randrange(1, 60) * MINUTE_MS
    return _slot(draw, number)._replace(expires_ms=expires)


def _closure(draw: random.Random, number: int) -> Closure:
    start = _start(draw)
    return Closure(start, start + draw.choice((60, 240, 1440)), f"closure {number}")


def _start(draw: random.Random) -> int:
    low, high = instances.window()
    return draw.randrange(low, high - 1440, 5)


CHANGE_KINDS = (Change("Slot", _slot), Change("hold", _hold), Change("closure", _closure))


def calendars() -> Iterator[tuple[str, CompiledCalendar, list[Claim]]]:
    """Compiled calendars with their claims: plain ones, with seats, with a booking limit, over a longer axis."""
    month = _compiled(instances.DAYS)
    rules = month.rules
    claims = [claim._replace(booking=True) for claim in month.claims()]
    yield PLAIN, month, list(month.claims())
    seats = type(rules)(rules.zone, rules.grid, rules.footprint, 3, rules.weekly)
    shared = [claim._replace(tolerance=3) for claim in claims]
    yield "the same with 3 seats", CompiledCalendar(seats, month.axis, month.hours, shared, now_ms=NOW_MS), shared
    limits = (Limit(12, 1, "d"), Limit(60, 1, "wk"))
    limited = type(rules)(rules.zone, rules.grid, rules.footprint, 1, rules.weekly, limits=limits)
    yield (
        "the same with 2 booking limits",
        CompiledCalendar(limited, month.axis, month.hours, claims, now_ms=NOW_MS),
        claims,
    )
    year = _compiled(LONG)
    claims = list(year.claims())
    yield f"{LONG} days, {len(claims)} Slots", year, claims


def _compiled(days: int) -> CompiledCalendar:
    """One schedule, compiled by the ways of a find."""
    diaries = instances.diaries(1, PER_DAY, SEED, days=days, weekends=False)
    calendar = open_calendar(instances.resources(diaries))
    low = instances.window()[0]
    examined = None
    for end in range(low + instances.DAYS * 1440, low + days * 1440 + 1, 1440):
        query = QueryRequest(instances.query([["s0"]], (end - instances.DAYS * 1440, end)))
        answer = operation.find(calendar, operation.read_request(query), now=instances.NOW)
        examined = answer.pools[0][0]
    assert examined is not None and examined.compiled is not None
    assert examined.compiled.axis.start <= low < low + days * 1440 <= examined.compiled.axis.end
    return examined.compiled


def changes(found: Report) -> None:
    table = found.table(
        "One change of a compiled calendar, its starts included: µs wall (CPU)",
        *("calendar", "change", "add, median", "add, p99", "remove, median", "remove, p99", "compile anew", "ratio"),
    )
    equal, slowest = 0, (0.0, 0.0)
    for name, compiled, claims in calendars():
        anew = measure.timed(partial(_starts_anew, compiled, claims), rounds=5)
        for change in CHANGE_KINDS:
            draw = random.Random(f"{SEED} {change.kind}")
            drawn = [change.draw(draw, number) for number in range(CHANGES)]
            equal += _check(compiled, claims, drawn)
            added, removed = _timed_changes(compiled, drawn)
            table.add(
                name,
                change.kind,
                *(_micro(timing, share) for timing in (added, removed) for share in (0.5, 0.99)),
                f"{measure.micro(anew.wall)} ({measure.micro(anew.cpu)})",
                plain(anew.cpu / added.cpu),
            )
            slower = max(added.wall, removed.wall) * 1e6, max(added.cpu, removed.cpu) * 1e6
            if name == PLAIN:
                of_plain = f"add or remove a {change.kind}, {name}, median"
                found.targets.append(Target(of_plain, slower[0], 50, "µs", slower[1]))
            slowest = max(slowest, slower)
    found.targets.append(Target("slowest change of the calendars above, median", slowest[0], 50, "µs", slowest[1]))
    table.notes.append(
        f"{CHANGES} changes each, one at a time on the calendar as loaded; compiling anew starts from the same claims "
        "and expanded hours. Ratio: compile anew ÷ median of add, CPU."
    )
    found.checks.append(f"{equal:,} changed calendars equal to a fresh compilation in every set and bit")


def _micro(timing: Timing, share: float) -> str:
    return f"{measure.micro(timing.wall_at(share))} ({measure.micro(timing.cpu_at(share))})"


def _timed_changes(compiled: CompiledCalendar, drawn: Sequence[Claim | Closure]) -> tuple[Timing, Timing]:
    assert compiled.starts >= 0
    added: list[Sample] = []
    removed: list[Sample] = []
    gc.collect()
    for change in drawn:
        added.append(measure.once(lambda one=change: compiled.add(one)))
        removed.append(measure.once(lambda one=change: compiled.remove(one)))
    return Timing(tuple(added)), Timing(tuple(removed))


def _check(compiled: CompiledCalendar, claims: list[Claim], drawn: Sequence[Claim | Closure]) -> int:
    """Each change by itself, then a pile of them, against compiling anew; afterwards all is as before."""
    before = _sets(_anew(compiled, claims, ()))
    assert _sets(compiled) == before
    for change in drawn:
        compiled.add(change)
        assert _sets(compiled) == _sets(_anew(compiled, claims, (change,)))
        compiled.remove(change)
        assert _sets(compiled) == before
    for change in drawn[:50]:
        compiled.add(change)
    assert _sets(compiled) == _sets(_anew(compiled, claims, drawn[:50]))
    for change in drawn[:50]:
        compiled.remove(change)
    assert _sets(compiled) == before
    return 2 * len(drawn) + 2


def _anew(compiled: CompiledCalendar, claims: list[Claim], more: Sequence[Claim | Closure]) -> CompiledCalendar:
    rules = compiled.rules
    closures = tuple(one for one in more if isinstance(one, Closure))
    if closures:
        rules = type(rules)(
            rules.zone, rules.grid, rules.footprint, rules.capacity, rules.weekly, closures, limits=rules.limits
        )
    everything = [*claims, *(one for one in more if isinstance(one, Claim))]
    return CompiledCalendar(rules, compiled.axis, compiled.hours, everything, now_ms=NOW_MS)


def _starts_anew(compiled: CompiledCalendar, claims: list[Claim]) -> int:
    return _anew(compiled, claims, ()).starts


def _sets(compiled: CompiledCalendar) -> tuple[object, ...]:
    """Copies of all that follows from the rules and claims."""
    sets = (compiled.open, compiled.blocked, compiled.taken, compiled.occupied)
    return *(list(edges) for edges in sets), compiled.starts


def report() -> Report:
    found = Report("Loading, compiling, changing")
    loads(found)
    changes(found)
    return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["--load"]:
        print(json.dumps(load(sys.argv[2])))
    else:
        measure.show(report())
