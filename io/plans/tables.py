"""Request tables and answers as files and as Arrow tables."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import orjson

from ..arrow import arrow, parquet
from ..batch.formats import ARROW, CSV, PARQUET, STANDARD, format_of, write_batches
from ..errors import LoadError
from .answers import Answer
from .requests import FAULT, Row, check_columns

# Requests


def read_rows(path: str) -> list[Row]:
    """The rows of a file of requests, by its suffix; `-` is CSV on standard input.

    Raises LoadError for a file that is no such table; a row that is none has its fault in the column FAULT.
    """
    form = format_of(path, standard=CSV)
    name = "standard input" if path == STANDARD else path
    try:
        if form in (PARQUET, ARROW):
            return rows_of(_read_arrow(path, form), name)
        data = sys.stdin.buffer.read() if path == STANDARD else Path(path).read_bytes()
    except OSError as error:
        raise LoadError(f"{name} cannot be read: {error.strerror or error}.") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LoadError(f"{name} is no UTF-8 text: byte {error.start} does not belong there.") from error
    return list(_csv_rows(text, name) if form == CSV else _json_rows(text, name))


def rows_of(table: Any, name: str = "The table") -> list[Row]:
    """The rows of an Arrow table, or of a pandas DataFrame. Raises LoadError."""
    pa = arrow()
    if not isinstance(table, pa.Table):
        try:
            table = pa.Table.from_pandas(table, preserve_index=False)
        except (pa.ArrowException, TypeError, ValueError, AttributeError) as error:
            raise LoadError(f"{name} is neither an Arrow table nor a pandas DataFrame: {error}.") from error
    check_columns(table.column_names, name)
    return table.to_pylist()


def _read_arrow(path: str, form: str) -> Any:
    try:
        if form == ARROW:
            with arrow().memory_map(path) as file:
                return arrow().ipc.open_file(file).read_all()
        with parquet().ParquetFile(path, page_checksum_verification=True) as file:
            return file.read()
    except (arrow().ArrowException, UnicodeDecodeError) as error:
        raise LoadError(f"{path} is damaged, or no {form} file ({error}).") from error


def _csv_rows(text: str, name: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [column.strip() for column in next(reader, list[str]())]
        check_columns(header, name)
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                text = f"it has {len(cells)} cells, the first line has {len(header)}. Put a cell with commas in quotes."
                yield dict(zip(header, cells)) | {FAULT: text}
            else:
                yield dict(zip(header, cells))
    except csv.Error as error:
        raise LoadError(f"{name}, line {reader.line_num}: {error}.") from error


def _json_rows(text: str, name: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            given: Any = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            yield {FAULT: f"it is not readable as JSON: {error.msg}. Write one object a line."}
            continue
        if not isinstance(given, dict):
            yield {FAULT: "it is no JSON object. Write one object a line."}
            continue
        row = cast("dict[str, Any]", given)
        check_columns(list(row), f"{name}, line {number}", needed=())
        yield row


# Answers


def answer_schema() -> Any:
    """The Arrow schema of the answers (docs/plan.md)."""
    pa = arrow()
    text, number, instant = pa.string(), pa.int64(), pa.timestamp("us", tz="UTC")
    types = {
        "request_id": text,
        "row": pa.int32(),
        "status": text,
        "start": instant,
        "end": instant,
        "schedules": pa.list_(text),
        "appointment": text,
        "before_start": instant,
        "before_end": instant,
        "before_schedules": pa.list_(text),
        **dict.fromkeys(("value", "weight", "lateness", "preference", "moves", "absent"), number),
        "reason": text,
    }
    return pa.schema(list(types.items()))


def answers_table(answers: Sequence[Answer]) -> Any:
    """The answers as an Arrow table."""
    return arrow().Table.from_pylist([one.cells() for one in answers], schema=answer_schema())


def write_answers(answers: Sequence[Answer], path: str) -> None:
    """Write the answers as the suffix says; the file appears when it is complete. Raises InvalidInputError, OSError."""
    write_batches([answers_table(answers)], answer_schema(), path)
