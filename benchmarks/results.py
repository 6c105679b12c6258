"""Figures that are kept: one CSV for each benchmark in benchmarks/results/, with the versions they were taken with.

A file is replaced whole at every change, so that a run that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
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

    def put(self, rows: Sequence[dict[str, object]], **key: object) -> None:
        """Write rows in the place of those whose cells are these; other rows stay as they are.

        All that were there before, or all that are there afterwards: nothing else is ever in the file.
        """
        others = [row for row in self.rows() if any(row[name] != text(value) for name, value in key.items())]
        new = [stamp() | {name: text(row[name]) for name in self.columns} for row in rows]
        self.folder.mkdir(exist_ok=True)
        staged = self.path.with_suffix(".partial")
        with staged.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [*STAMP, *self.columns], lineterminator="\n")
            writer.writeheader()
            writer.writerows([*others, *new])
        staged.replace(self.path)


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
    Results(name, _TABLES, folder).put(
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
