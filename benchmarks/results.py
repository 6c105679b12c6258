"""Figures that are kept: one CSV for each benchmark in benchmarks/results/, with the versions they were taken with.

Rows are appended one by one, so that a run that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from measure import Report
from slotwright.io.machine import versions

FOLDER = Path(__file__).resolve().parent / "results"
STAMP = ("date", "slotwright", "ortools", "numpy", "python")
"""The columns that every file begins with."""

Row = dict[str, str]


def stamp() -> Row:
    """The day and the versions."""
    return {"date": f"{datetime.now(UTC):%Y-%m-%d}", **versions()}


@dataclass(frozen=True, slots=True)
class Results:
    """The file of one benchmark. `columns` are its own, after those of the stamp."""

    name: str
    columns: tuple[str, ...]
    folder: Path = FOLDER

    @property
    def path(self) -> Path:
        return self.folder / f"{self.name}.csv"

    def rows(self) -> list[Row]:
        """All that is there, oldest first."""
        if not self.path.exists():
            return []
        with self.path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            expected = [*STAMP, *self.columns]
            if reader.fieldnames is not None and list(reader.fieldnames) != expected:
                raise SystemExit(f"{self.path.name} has other columns than {', '.join(expected)}; move it away.")
            return list(reader)

    def latest(self, key: Callable[[Row], object]) -> list[Row]:
        """Of rows with the same key the one that was written last."""
        return list({key(row): row for row in self.rows()}.values())

    def add(self, *rows: dict[str, object]) -> None:
        """Append rows; those that belong together in one call, so that none of them is there alone."""
        if not rows:
            return
        self.rows()  # nothing is appended below other columns
        self.folder.mkdir(exist_ok=True)
        is_new = not self.path.exists()
        with self.path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [*STAMP, *self.columns], lineterminator="\n")
            if is_new:
                writer.writeheader()
            writer.writerows(stamp() | {name: text(row[name]) for name in self.columns} for row in rows)

    def replace(self, rows: Sequence[dict[str, object]]) -> None:
        """Write the file anew, for a benchmark that measures everything at once."""
        self.path.unlink(missing_ok=True)
        self.add(*rows)


def text(value: object) -> str:
    """A figure as it stands in a file; None is an empty cell."""
    if value is None:
        return ""
    return f"{value:.10g}" if isinstance(value, float) else str(value)


# Whole reports

Tables = dict[str, list[Row]]
"""The rows of each table of a report, by its title; a row has its cells by their columns."""

_TABLES = ("table", "line", "column", "value")


def keep(name: str, report: Report, folder: Path = FOLDER) -> None:
    """Write the tables of a report, cell by cell, in the place of what was there."""
    Results(name, _TABLES, folder).replace(
        [
            {"table": table.title, "line": line, "column": column, "value": cell}
            for table in report.tables
            for line, row in enumerate(table.rows)
            for column, cell in zip(table.columns, row, strict=True)
        ]
    )


def tables(name: str, folder: Path = FOLDER) -> Tables:
    """The tables of a kept report."""
    found: dict[str, dict[str, Row]] = {}
    for row in Results(name, _TABLES, folder).rows():
        found.setdefault(row["table"], {}).setdefault(row["line"], {})[row["column"]] = row["value"]
    return {title: list(lines.values()) for title, lines in found.items()}


def number(text: str) -> float | None:
    """A figure, or None where the cell is empty."""
    return float(text) if text else None
