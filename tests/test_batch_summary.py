"""The capacity that a batch's schedules have left, by local day, worked by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from batch_support import request, table
from slotwright.io import open_calendar
from slotwright.io.batch.find import origin_of
from slotwright.io.batch.requests import Requests
from slotwright.io.batch.summary import summarize
from slotwright.io.batch.tables import TableStore
from slotwright.io.tables import export_tables
from support import parameters, practitioner, schedule, service, slot

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FIRST, SECOND = date(2026, 3, 10), date(2026, 3, 11)


def summary(folder: Path, resources: list[Any], *rows: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Schedule, day, offers, open minutes, free minutes, utilisation."""
    export_tables(open_calendar(resources), folder / "tables", compiled=True)
    requests = Requests(table(rows))
    found = summarize(requests, TableStore(folder / "tables", origin_of(requests), NOW)).to_pylist()
    return [tuple(row.values())[1:] for row in found]


def always_open(zone: str, *slots: dict[str, Any]) -> list[Any]:
    """Schedules `free` and `night`, without hours: open day and night."""
    params = parameters(duration=30, alignmentInterval=30, timezone=zone)
    people = [practitioner("free"), practitioner("night"), schedule("free"), schedule("night")]
    return [service(params=params), *people, *slots]


def test_what_crosses_midnight_counts_for_both_days(tmp_path: Path) -> None:
    taken = slot("b", "night", "2026-03-10T22:00:00Z", "2026-03-11T01:00:00Z")
    row = request("checkup", [["free", "night"]], "2026-03-10T12:00:00Z", "2026-03-11T12:00:00Z")
    assert summary(tmp_path, always_open("Etc/UTC", taken), row) == [
        ("free", FIRST, 24, 720, 720, 0.0),
        ("free", SECOND, 24, 720, 720, 0.0),
        ("night", FIRST, 20, 720, 600, 0.1667),
        ("night", SECOND, 22, 720, 660, 0.0833),
    ]


def test_days_are_those_of_the_schedules_zone(tmp_path: Path) -> None:
    # New York is four hours behind: its midnight is 04:00Z, and of the window's day 16 hours belong to the 10th.
    row = request("checkup", [["free"]], "2026-03-10T12:00:00Z", "2026-03-11T12:00:00Z")
    assert summary(tmp_path, always_open("America/New_York"), row) == [
        ("free", FIRST, 32, 960, 960, 0.0),
        ("free", SECOND, 16, 480, 480, 0.0),
    ]


def test_a_day_on_which_nothing_is_left(tmp_path: Path) -> None:
    taken = slot("b", "night", "2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z")
    row = request("checkup", [["night"]], "2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z")
    assert summary(tmp_path, always_open("Etc/UTC", taken), row) == [("night", FIRST, 0, 1440, 0, 1.0)]
