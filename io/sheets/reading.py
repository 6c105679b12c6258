"""A CSV file into rows that know where they stand."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import LoadError
from .layout import SHEETS, Sheet, sheet_of

_SEPARATORS = ",;\t"


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one line, blanks around them cut off; `place` is the file and the line."""

    place: str
    cells: dict[str, str]

    def text(self, column: str) -> str:
        """A cell, empty where the column or its value is missing."""
        return self.cells.get(column, "")

    def needed(self, column: str, remedy: str) -> str:
        """A cell that must not be empty. Raises LoadError."""
        found = self.text(column)
        if not found:
            raise LoadError(f"{self.place}: column '{column}' is empty. {remedy}")
        return found

    def wrong(self, column: str, expected: str) -> LoadError:
        """The error for a cell; `expected` goes on after `column 'x' is 'y'`, as in `; expected a day`."""
        return LoadError(f"{self.place}: column '{column}' is {self.text(column)!r:.80}{expected}")


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that is one of the tables."""

    sheet: Sheet
    rows: list[Row]


def open_sheet(path: Path, *, is_named: bool) -> Opened | None:
    """The table in a file; None for some other table in a folder. One that was named has to be one of ours.

    Raises LoadError.
    """
    text = _text(path)
    separator = _separator(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        header = [one.strip().casefold() for one in next(reader, list[str]())]
        sheet = sheet_of(header)
        if sheet is None:
            if is_named:
                raise LoadError(
                    f"{path}, line 1: the columns {', '.join(header)} are none of the tables. {known_sheets()}"
                )
            return None
        _check_header(path, header, sheet)
        return Opened(sheet, list(_rows(path, reader, header)))
    except csv.Error as error:
        raise LoadError(f"{path}, line {reader.line_num}: not readable as CSV, {error}.") from error


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise LoadError(f"{path} cannot be read: {error.strerror}.") from error
    if not content.strip():
        raise LoadError(f"{path} is empty. {known_sheets()}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise LoadError(f"{path}, line {line}: the text is not UTF-8. Save the table as CSV in UTF-8.") from error


def _separator(text: str) -> str:
    """What separates the cells of the first line: spreadsheets write commas, semicolons or tabs."""
    first = text.split("\n", 1)[0]
    return max(_SEPARATORS, key=first.count)


def known_sheets() -> str:
    """What a table has to begin with, as remedy of an error."""
    tables = "; ".join(f"{one.name} have {', '.join(one.required)}" for one in SHEETS)
    return f"Expected a first line that names the columns of one table: {tables}."


def _check_header(path: Path, header: list[str], sheet: Sheet) -> None:
    for name in sheet.required:
        if name not in header:
            raise LoadError(
                f"{path}, line 1: column '{name}' is missing; {sheet.name} have {', '.join(sheet.required)}, "
                f"and may have {', '.join(sheet.optional)}."
            )
    for name in header:
        if name not in sheet.columns:
            raise LoadError(
                f"{path}, line 1: column '{name}' is unknown; {sheet.name} have {', '.join(sheet.columns)}. "
                "Remove it, or correct its name."
            )
        if header.count(name) > 1:
            raise LoadError(f"{path}, line 1: column '{name}' stands there {header.count(name)} times; expected once.")


def _rows(path: Path, reader: Iterator[list[str]], header: list[str]) -> Iterator[Row]:
    line = 2
    for cells in reader:
        place = f"{path}, line {line}"
        line = getattr(reader, "line_num", line) + 1
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise LoadError(
                f"{place}: {len(cells)} cells, but the header has {len(header)}. "
                "Put a cell that holds the separator in quotes."
            )
        yield Row(place, {name: cell.strip() for name, cell in zip(header, cells)})
