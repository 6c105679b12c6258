"""A plan in parts that have nothing in common: each part a file in, a file out, here or elsewhere.

Requests that share a schedule, a patient or a precedence, directly or through others, stand in one part. So a part
can be planned without knowing the others, and all together are one plan.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from ..arrow import arrow, parquet
from ..batch.executors import How, run_jobs
from ..batch.formats import write_batches
from ..batch.parts import begin, digest_of_folder, jobs_in, manifest, parts_folder
from ..batch.run import exporting, kept
from ..calendars import open_calendar
from ..local import zone_named
from ..staging import new_file
from ..store import Store
from .planning import Settings, make_plan
from .report import Report, report_of, together
from .requests import ROW, BadRow, Row, Wanted, read_requests
from .solving import Limits, planner
from .tables import answer_schema, answers_table

SOLVE = "slotwright.io.plans.parts:solve_part"
_TIMES = ("now_ms", "earliest")
_REPORT = b"slotwright.report"


class Parts(NamedTuple):
    """The answers of all parts as one Arrow table, the figures of all together, how many parts there were, and how many
    of them an earlier run had finished."""

    answers: Any
    report: Report
    parts: int
    found: int


def split(found: Sequence[Wanted | BadRow], count: int) -> list[list[int]]:
    """The places of the rows of at most `count` parts of about equal size, in order of first mention."""
    parent = list(range(len(found)))

    def root(one: int) -> int:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    first: dict[str, int] = {}
    for place, one in enumerate(found):
        for name in _shares(one):
            low, high = sorted((root(first.setdefault(name, place)), root(place)))
            parent[high] = low
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for place in range(len(found)):
        groups[root(place)].append(place)
    parts: defaultdict[int, list[int]] = defaultdict(list)
    before = 0
    for group in groups.values():
        parts[before * count // len(found)] += group
        before += len(group)
    return [sorted(part) for part in parts.values()]


def _shares(one: Wanted | BadRow) -> Iterator[str]:
    """What a request has in common with all that name it too."""
    yield f"request {one.id}"
    if isinstance(one, BadRow):
        return
    for pool in (*one.pools, *(pool for pool, _ in one.optional)):
        yield from (f"Schedule/{id}" for id in pool)
    if one.patient is not None:
        yield one.patient["reference"]
    for gap in one.after:
        yield f"request {gap.request}"


def plan_in_parts(
    store: Store,
    rows: Sequence[Row],
    path: str,
    limits: Limits,
    *,
    timezone: str | None,
    earliest: int,
    count: int,
    how: How,
    progress: Callable[[int, int], None],
    is_now_given: bool = True,
) -> Parts:
    """Plan in up to `count` parts into `path`; they lie in a folder beside it until that is written.

    A run with the same requests, store and limits takes those that are finished as they are; unless `is_now_given`, it
    goes on with the time of the first run.
    """
    zone = None if timezone is None else zone_named(store, timezone)
    with store.reading() as state:
        found = read_requests(state, rows, zone=zone)
    now_ms = int(store.now().timestamp() * 1000)
    # The tables lie beside the plan: workers elsewhere see that folder, and no other.
    with parts_folder(path) as work, kept(exporting(store), work.parent) as tables:
        options = {**limits._asdict(), "timezone": timezone, "earliest": earliest, "now_ms": now_ms}
        wanted = {"rows": _digest(rows), "tables": digest_of_folder(tables), "parts": count, "options": options}
        former = manifest(work)
        if not is_now_given and _timeless(former) == _timeless(wanted):
            options |= {name: former["options"][name] for name in _TIMES}
        if former != wanted:
            begin(work, _tables(rows, split(found, count)), wanted)
        jobs, left = jobs_in(work)
        done = len(jobs) - len(left)
        solving = {**options, "tables": str(tables.resolve())}
        run_jobs(SOLVE, left, solving, how, lambda finished, _: progress(done + finished, len(jobs)))
        merged = Parts(*_merged([Path(job.path_out) for job in jobs]), len(jobs), done)
        write_batches([merged.answers], answer_schema(), path)
    return merged


def _timeless(manifest: dict[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = manifest.get("options", {})
    return {**manifest, "options": {name: one for name, one in options.items() if name not in _TIMES}}


def solve_part(path_in: str, path_out: str, options: dict[str, Any]) -> None:
    """Plan the requests of one file into another, which appears when it is complete.

    `options` are the limits, `tables`, the folder of the calendar, `timezone`, `earliest` and `now_ms`.
    """
    given = parquet().read_table(path_in)
    numbers, cells = (given.column(name).to_pylist() for name in (ROW, "cells"))
    rows: list[Row] = [{**orjson.loads(one), ROW: number} for number, one in zip(numbers, cells)]
    now = datetime.fromtimestamp(options["now_ms"] / 1000, UTC)
    store = open_calendar([options["tables"]], clock=lambda: now)
    zone = None if options["timezone"] is None else zone_named(store, options["timezone"])
    limits = Limits(**{name: options[name] for name in Limits._fields})
    outcome = make_plan(store, rows, planner(limits), Settings(zone, earliest=options["earliest"]))
    if not outcome.is_complete:
        raise KeyboardInterrupt  # the planner has kept its best so far, which is not the plan of this part
    report = orjson.dumps(report_of(outcome, 0.0).as_json())
    table = answers_table(outcome.answers).replace_schema_metadata({_REPORT: report})
    with new_file(path_out, replace=True) as file:
        parquet().write_table(table, file, compression="zstd", write_page_checksum=True)


def _merged(paths: Sequence[Path]) -> tuple[Any, Report]:
    """The answers in the order of the rows, and the figures of all parts."""
    tables = [parquet().read_table(path) for path in paths]
    reports = [Report(**orjson.loads(table.schema.metadata[_REPORT])) for table in tables]
    everything = arrow().concat_tables([table.cast(answer_schema()) for table in tables])
    return everything.sort_by("row"), together(reports)


def _tables(rows: Sequence[Row], parts: Sequence[Sequence[int]]) -> Iterator[Any]:
    """The requests of each part, with the numbers of their rows."""
    types = arrow().schema([(ROW, arrow().int32()), ("cells", arrow().string())])
    for part in parts:
        columns: dict[str, list[Any]] = {
            ROW: [place + 1 for place in part],
            "cells": [orjson.dumps(rows[place]).decode() for place in part],
        }
        yield arrow().table(columns, types)


def _digest(rows: Sequence[Row]) -> str:
    return hashlib.blake2b(orjson.dumps(rows), digest_size=16).hexdigest()
