"""Tables as files: Parquet, CSV, NDJSON and Arrow, by suffix."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import orjson

from ...solver.errors import InvalidInputError
from ..arrow import arrow, compute, parquet
from ..staging import new_file

PARQUET, CSV, NDJSON, ARROW = "parquet", "csv", "ndjson", "arrow"
SUFFIXES = {
    ".parquet": PARQUET, ".csv": CSV, ".ndjson": NDJSON, ".jsonl": NDJSON, ".arrow": ARROW, ".feather": ARROW,
}  # fmt: skip
STANDARD = "-"


def format_of(path: str, *, standard: str) -> str:
    """The format that a path's suffix names; `-` is in the format `standard`. Raises InvalidInputError."""
    if path == STANDARD:
        return standard
    found = SUFFIXES.get(Path(path).suffix.lower())
    if found is None:
        raise InvalidInputError(f"{path}: the suffix names no format; expected one of {', '.join(SUFFIXES)}.")
    return found


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
            new = arrow().ipc.new_stream if path == STANDARD else arrow().ipc.new_file
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
                cells = {name: value for name, value in zip(schema.names, row) if value is not None}
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
