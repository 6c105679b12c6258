"""Tables of requests and answers as files: Parquet, CSV, NDJSON and Arrow, by suffix.

In CSV and NDJSON pools are text: members separated by commas, pools by semicolons.
"""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import orjson

from ...solver.errors import InvalidInputError
from ..arrow import arrow, compute, ipc, parquet
from ..errors import LoadError
from ..staging import check_place, new_file
from .requests import FAULT, OPTIONAL, REQUIRED

PARQUET, CSV, NDJSON, ARROW = "parquet", "csv", "ndjson", "arrow"
SUFFIXES = {
    ".parquet": PARQUET, ".csv": CSV, ".ndjson": NDJSON, ".jsonl": NDJSON, ".arrow": ARROW, ".feather": ARROW,
}  # fmt: skip
STANDARD = "-"

_COLUMNS = (*OPTIONAL[:1], *REQUIRED, *OPTIONAL[1:])


def format_of(path: str, *, standard: str) -> str:
    """The format that a path's suffix names; `-` is in the format `standard`. Raises InvalidInputError."""
    if path == STANDARD:
        return standard
    found = SUFFIXES.get(Path(path).suffix.lower())
    if found is None:
        raise InvalidInputError(f"{path}: the suffix names no format; expected one of {', '.join(SUFFIXES)}.")
    return found


def check_files(requests: str | None, **outputs: str | None) -> None:
    """Before any work: outputs, named after their use, can be written, and none replaces another or the requests.

    Paths that mean one file by way of links count as the same; `-` and None as none. Raises InvalidInputError.
    """
    seen = {} if requests in (None, STANDARD) else {os.path.realpath(requests): "requests"}
    for use, path in outputs.items():
        if path is None or path == STANDARD:
            continue
        format_of(path, standard=CSV)
        check_place(path)
        other = seen.setdefault(os.path.realpath(path), use)
        if other != use:
            raise InvalidInputError(f"{path}: the {use} would replace the {other}. Name another file.")


# Requests


def read_table(path: str, *, standard: str = CSV) -> Any:
    """A file of requests as an Arrow table; rows that cannot be read have a fault. Raises LoadError."""
    form = format_of(path, standard=standard)
    name = "standard input" if path == STANDARD else path
    try:
        if form in (PARQUET, ARROW):
            return _read_columns(path, form)
        text = _read_text(path, name)
    except OSError as error:
        raise LoadError(f"{name} cannot be read: {error.strerror or error}.") from error
    rows = _csv_rows(text, name) if form == CSV else _json_rows(text)
    return _as_table(rows)


def _read_columns(path: str, form: str) -> Any:
    wanted = [*_COLUMNS]
    try:
        if path == STANDARD:
            return ipc().open_stream(sys.stdin.buffer).read_all()
        if form == ARROW:
            with arrow().memory_map(path) as file:
                return ipc().open_file(file).read_all()
        with parquet().ParquetFile(path, page_checksum_verification=True) as file:
            there = [name for name in file.schema_arrow.names if name in (*wanted, *_INTERNAL)]
            return file.read(columns=list(dict.fromkeys(there)))
    except (arrow().ArrowException, UnicodeDecodeError) as error:
        raise LoadError(f"{path} is damaged, or no {form} file ({error}).") from error


_INTERNAL = ("slotwright.row", FAULT)


def _read_text(path: str, name: str) -> str:
    data = sys.stdin.buffer.read() if path == STANDARD else Path(path).read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LoadError(f"{name} is no UTF-8 text: byte {error.start} does not belong there.") from error


def _csv_rows(text: str, name: str) -> Iterator[dict[str, str | None]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [column.strip() for column in next(reader, list[str]())]
        missing = [column for column in REQUIRED if column not in header]
        if missing:
            raise LoadError(
                f"{name}: column '{missing[0]}' is missing; the first line must name {', '.join(REQUIRED)}."
            )
        twice = [column for column in _COLUMNS if header.count(column) > 1]
        if twice:
            raise LoadError(f"{name}: column '{twice[0]}' stands there several times; expected once.")
        for cells in reader:
            if not cells:
                continue
            row: dict[str, str | None] = {one: cell or None for one, cell in zip(header, cells)}
            if len(cells) != len(header):
                row[FAULT] = (
                    f"line {reader.line_num} has {len(cells)} cells, the header has {len(header)}; "
                    "put a cell with commas in quotes"
                )
            yield row
    except csv.Error as error:
        raise LoadError(f"{name}, line {reader.line_num}: {error}.") from error


def _json_rows(text: str) -> Iterator[dict[str, str | None]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            given = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            yield {FAULT: f"line {number} is not readable as JSON, {error.msg}"}
            continue
        if not isinstance(given, dict):
            yield {FAULT: f"line {number} is no JSON object"}
            continue
        row: dict[str, str | None] = {}
        for column in _COLUMNS:
            value: Any = given.get(column)  # type: ignore[reportUnknownMemberType]
            found = _json_text(column, value)
            if found is None and value is not None:
                row[FAULT] = f"line {number}: {column} is {orjson.dumps(value).decode():.60}; expected text"
            row[column] = found
        yield row


def _json_text(column: str, value: Any) -> str | None:
    """A value as text: numbers too, and pools as lists of lists."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if column == "schedules" and isinstance(value, list):
        pools: list[Any] = [one if isinstance(one, list) else [one] for one in value]  # type: ignore[reportUnknownVariableType]
        if all(isinstance(one, str) for pool in pools for one in pool):
            return ";".join(",".join(pool) for pool in pools)
    return None


def _as_table(rows: Iterable[dict[str, str | None]]) -> Any:
    columns: dict[str, list[str | None]] = {name: [] for name in (*_COLUMNS, FAULT)}
    for row in rows:
        for name, values in columns.items():
            values.append(row.get(name))
    text = arrow().string()
    return arrow().table({name: arrow().array(values, text) for name, values in columns.items()})


# Answers, and other tables


@contextmanager
def written(path: str, *, replace: bool = True) -> Generator[IO[bytes]]:
    """Where a table is written: a file that appears when it is complete, or standard output."""
    if path == STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with new_file(path, replace=replace) as file:
        yield file


def write_batches(batches: Iterable[Any], schema: Any, path: str, *, standard: str = CSV) -> None:
    """Tables of one schema into one file. Instants are FHIR's in CSV and NDJSON, lists are separated by semicolons."""
    form = format_of(path, standard=standard)
    with written(path) as file:
        if form == PARQUET:
            with parquet().ParquetWriter(file, schema, compression="zstd", write_page_checksum=True) as writer:
                for batch in batches:
                    writer.write_table(batch.cast(schema))
        elif form == ARROW:
            new = ipc().new_stream if path == STANDARD else ipc().new_file
            with new(file, schema) as writer:
                for batch in batches:
                    writer.write_table(batch.cast(schema))
        else:
            _write_text(batches, schema, file, form)


def _write_text(batches: Iterable[Any], schema: Any, file: IO[bytes], form: str) -> None:
    if form == CSV:
        file.write((",".join(schema.names) + "\n").encode())
    for batch in batches:
        columns = [as_text(batch.column(name)).to_pylist() for name in schema.names]
        if form == CSV:
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows(zip(*columns))
            file.write(text.getvalue().encode())
        else:
            for row in zip(*columns):
                cells = {name: value for name, value in zip(schema.names, row) if value not in (None, "")}
                file.write(orjson.dumps(cells, option=orjson.OPT_APPEND_NEWLINE))


def as_text(column: Any) -> Any:
    """Instants as FHIR writes them, lists with semicolons between; anything else as it is."""
    types, given = arrow().types, column.type
    if types.is_dictionary(given):
        return column.cast(given.value_type)
    if types.is_timestamp(given):
        return compute().strftime(column.cast(arrow().timestamp("s", tz="UTC")), format="%Y-%m-%dT%H:%M:%SZ")
    if types.is_list(given):
        return compute().binary_join(column, ";")
    return column
