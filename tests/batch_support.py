"""What tests of batches share: requests as tables, and the answers that single finds give."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from slotwright.io import Calendar, invoke
from slotwright.io.arrow import arrow
from slotwright.io.batch.answers import Counts
from slotwright.io.batch.find import origin_of, solve
from slotwright.io.batch.requests import Requests
from slotwright.io.batch.tables import TableStore
from slotwright.io.tables import export_tables

pa = arrow()
REQUESTS = pa.schema(
    [
        ("request_id", pa.string()),
        ("service", pa.string()),
        ("schedules", pa.list_(pa.list_(pa.string()))),
        ("start", pa.string()),
        ("end", pa.string()),
        ("count", pa.string()),
        ("combinations", pa.int32()),
        ("occurrences", pa.int32()),
    ]
)

Answer = tuple[Any, ...]


def request(service: str, schedules: Sequence[Sequence[str]], start: str, end: str, **others: Any) -> dict[str, Any]:
    """One row."""
    return {"service": service, "schedules": schedules, "start": start, "end": end, **others}


def table(rows: Sequence[dict[str, Any]]) -> Any:
    given = [{name: row.get(name) for name in REQUESTS.names} for row in rows]
    return pa.Table.from_pylist([{**row, "count": _text(row["count"])} for row in given], REQUESTS)


def _text(count: Any) -> str | None:
    return None if count is None else str(count)


def answers(found: Any) -> list[Answer]:
    """Row, status and what belongs to it: start, end and schedules, or the fault's text."""
    listed: list[Answer] = []
    ranks = count(1)
    for row in found.to_pylist():
        if row["status"] == "offer":
            if not listed or listed[-1][0] != row["row"]:
                ranks = count(1)
            assert row["rank"] == next(ranks)
            listed.append((row["row"], "offer", instant(row["start"]), instant(row["end"]), tuple(row["schedules"])))
        else:
            assert row["rank"] is None and row["start"] is None and row["end"] is None and row["schedules"] == []
            listed.append((row["row"], row["status"], *([row["reason"]] if row["status"] == "error" else [])))
            assert row["reason"]
    return listed


def instant(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def single(calendar: Calendar, rows: Sequence[dict[str, Any]], now: datetime) -> list[Answer]:
    """The same from one `$find` for each row."""
    listed: list[Answer] = []
    for number, row in enumerate(rows, start=1):
        query: dict[str, Any] = {
            "start": row["start"],
            "end": row["end"],
            "service-type-reference": f"HealthcareService/{row['service']}",
            "schedule": [",".join(f"Schedule/{name}" for name in pool) for pool in row["schedules"]],
        }
        names = {"count": "_count", "combinations": "combinations", "occurrences": "occurrence-count"}
        query |= {name: str(row[column]) for column, name in names.items() if row.get(column) is not None}
        status, found = invoke(calendar, "Appointment/$find", query=query, now=now)
        entries: list[Any] = found.get("entry", [])
        if status != 200:
            listed.append((number, "error", found["issue"][0]["details"]["text"]))
        elif not entries:
            listed.append((number, "none"))
        for entry in entries:
            proposal = entry["resource"]
            visits = [one["schedule"]["reference"] for one in proposal["contained"] if one["status"] == "busy"]
            names_of = tuple(one.removeprefix("Schedule/") for one in visits)
            listed.append((number, "offer", proposal["start"], proposal["end"], names_of))
    return listed


def batch(
    calendar: Calendar, rows: Sequence[dict[str, Any]], now: datetime, *, compiled: bool
) -> tuple[list[Answer], Counts, int]:
    """The answers of a batch over the tables of a calendar, their counts, and how many requests were swept."""
    requests = Requests(table(rows))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "tables"
        export_tables(calendar, folder, compiled=compiled)
        if compiled:
            (folder / "slots.parquet").unlink()
        found = solve(requests, TableStore(folder, origin_of(requests), now))
        listed = [one for part in found.tables() for one in answers(part)]
        return listed, found.counts(), sum(1 for place in range(len(rows)) if not found.was_asked(place))


def check(calendar: Calendar, rows: Sequence[dict[str, Any]], now: datetime) -> int:
    """Batches give what single finds give; returns how many requests were swept."""
    expected = single(calendar, rows, now)
    statuses = [row[1] for row in expected]
    counts = Counts(len(rows), statuses.count("none"), statuses.count("error"), statuses.count("offer"))
    swept = 0
    for compiled in (False, True):
        found, counted, swept = batch(calendar, rows, now, compiled=compiled)
        assert found == expected, f"compiled: {compiled}"
        assert counted == counts
    return swept
