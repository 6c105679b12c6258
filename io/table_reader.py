"""Parquet tables (docs/tables.md) back into resources."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from .arrow import arrow, parquet
from .columns import FORMAT, FORMAT_KEY, RULES, SCHEDULES, SLOTS, TABLE_KEY, TABLES, Table, row_schema
from .compiled import COMPILED_KEY
from .errors import LoadError
from .references import Json
from .resources import fault
from .rows import Row, appointment_row, make_slot, schedule_row, slot_row
from .sources import Document

_FIRST_MS, _LAST_MS = -62_135_596_800_000, 253_402_300_799_999
"""The years 1 to 9999."""

_BATCH = 65_536


def read_table(path: Path) -> Iterator[Document]:
    """The resources of one table; of `rules` and of the compiled form none: they follow from the others.

    Raises LoadError.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise LoadError(f"{path} cannot be read: {error.strerror}.") from error
    with file:
        with _arrow_faults(path):
            opened = parquet().ParquetFile(file, page_checksum_verification=True)
            found = opened.schema_arrow
            if COMPILED_KEY.encode() in (found.metadata or {}):
                return
            table = _table(found.metadata or {}, path)
            if table is RULES:
                return
            _check_columns(found, table, path)
        rows = _rows(opened, table, path)
        if table is SLOTS:
            yield from _slots(rows, path)
        else:
            yield from _stored(rows, table, path)


@contextmanager
def _arrow_faults(path: Path) -> Generator[None]:
    try:
        yield
    except (arrow().ArrowException, OSError, UnicodeDecodeError) as error:
        raise LoadError(f"{path} is damaged: not a complete Parquet file ({error}).") from error


# Is this a table of ours?


def check_table(found: Any, table: Table, path: Path) -> None:
    """Is this the Arrow schema of this table? Raises LoadError."""
    named = _table(found.metadata or {}, path)
    if named is not table:
        raise LoadError(f"{path} holds the table {named.name}; expected {table.name}.")
    _check_columns(found, table, path)


def _table(metadata: dict[bytes, bytes], path: Path) -> Table:
    version, name = (metadata.get(key.encode(), b"").decode(errors="replace") for key in (FORMAT_KEY, TABLE_KEY))
    if not version or name not in TABLES:
        key = TABLE_KEY if version else FORMAT_KEY
        raise LoadError(
            f"{path} is no table of slotwright: {key} in its metadata is {_metadata_text(metadata, key)}. Expected "
            f"{FORMAT_KEY} {FORMAT} and {TABLE_KEY} {', '.join(TABLES)}, as export writes them."
        )
    if version != str(FORMAT):
        raise LoadError(
            f"{path} has {FORMAT_KEY} {version}; this slotwright reads {FORMAT}. Use a newer slotwright, or export "
            "the tables anew with this one."
        )
    return TABLES[name]


def _metadata_text(metadata: dict[bytes, bytes], key: str) -> str:
    found = metadata.get(key.encode())
    return "missing" if found is None else repr(found.decode(errors="replace"))


def _check_columns(found: Any, table: Table, path: Path) -> None:
    names: list[str] = found.names
    expected = [one.name for one in table.columns]
    for name in names:
        if name not in expected:
            raise LoadError(f"{path}: column '{name}' is unknown; {table.name} has {', '.join(expected)}.")
        if names.count(name) > 1:
            raise LoadError(f"{path}: column '{name}' stands there {names.count(name)} times; expected once.")
    for one, field in zip(table.columns, row_schema(table)):
        if one.name not in names:
            raise LoadError(f"{path}: column '{one.name}' is missing; expected it with type {one.type}.")
        given = found.field(one.name).type
        if not _fits(given, field.type):
            raise LoadError(f"{path}: column '{one.name}' has type {given}; expected {one.type}.")


def _fits(given: Any, expected: Any) -> bool:
    """Is it the type, up to its encoding and width?"""
    types = arrow().types
    if types.is_dictionary(given):
        given = given.value_type
    if types.is_string(expected):
        return types.is_string(given) or types.is_large_string(given) or types.is_string_view(given)
    if types.is_integer(expected):
        return types.is_integer(given)
    if types.is_timestamp(expected):
        return types.is_timestamp(given) and given.tz is not None
    if types.is_list(expected):
        return (types.is_list(given) or types.is_large_list(given)) and _fits(given.value_type, expected.value_type)
    if types.is_struct(expected):
        names = [one.name for one in expected]
        return (
            types.is_struct(given)
            and [one.name for one in given] == names
            and all(_fits(given.field(name).type, expected.field(name).type) for name in names)
        )
    return given == expected


# Rows


def _rows(opened: Any, table: Table, path: Path) -> Iterator[Row]:
    """The rows of a table as `rows` makes them, in order."""
    expected = row_schema(table)
    first = 0
    with _arrow_faults(path):
        batches = opened.iter_batches(_BATCH, columns=expected.names)
    while True:
        with _arrow_faults(path):
            batch = next(batches, None)
        if batch is None:
            break
        columns: list[list[Any]] = []
        for one, field in zip(table.columns, expected):
            column = batch.column(batch.schema.get_field_index(one.name))
            if column.null_count and not one.nullable:
                row = first + column.is_null().index(True).as_py()
                raise LoadError(f"{path}, row {row}: column '{one.name}' is null; expected {one.type}.")
            columns.append(_values(column, field.type, one.name, path))
        yield from zip(*columns)
        first += len(batch)
    if first != opened.metadata.num_rows:
        # What its reader takes for the end of a column may be a damaged page.
        raise LoadError(f"{path} is damaged: {opened.metadata.num_rows} rows are announced, {first} can be read.")


def _values(column: Any, expected: Any, name: str, path: Path) -> list[Any]:
    """Python's strings, numbers and lists; instants as milliseconds."""
    pa = arrow()
    try:
        if column.type != expected:
            column = column.cast(expected)
    except pa.ArrowException as error:
        raise LoadError(f"{path}: column '{name}' does not hold what is expected: {error}.") from error
    if pa.types.is_timestamp(expected):
        column = column.cast(pa.int64())
    with _arrow_faults(path):
        return column.to_pylist()


# Resources


def _slots(rows: Iterator[Row], path: Path) -> Iterator[Document]:
    for number, row in enumerate(rows):
        place = f"{path}, row {number}"
        schedule, start_ms, end_ms, status, capacity, service_type, comment, id, version, updated_ms, text = row
        if text is not None:
            yield Document(_resource(text, "Slot", place, row, SLOTS, slot_row), place, may_have_links=False)
            continue
        if schedule is None:
            raise LoadError(f"{place}: column 'schedule' is null; expected an id, or the Slot's JSON in 'resource'.")
        for name, at_ms in (("start", start_ms), ("end", end_ms)):
            if at_ms is None or not _FIRST_MS <= at_ms <= _LAST_MS:
                raise LoadError(
                    f"{place}: column '{name}' is {'null' if at_ms is None else 'outside the years 1 to 9999'}; "
                    "expected an instant, or the Slot's JSON in 'resource'."
                )
        if capacity is not None and capacity < 1:
            raise LoadError(f"{place}: column 'capacity' is {capacity}; expected a positive integer or null.")
        concepts = _json(service_type, place)
        slot = make_slot(id, schedule, start_ms, end_ms, status, capacity, concepts, comment, version, updated_ms)
        yield Document(slot, place, may_have_links=False)


def _stored(rows: Iterator[Row], table: Table, path: Path) -> Iterator[Document]:
    kind, row_of = ("Schedule", schedule_row) if table is SCHEDULES else ("Appointment", _appointment_row)
    for number, row in enumerate(rows):
        place = f"{path}, row {number}"
        yield Document(_resource(row[-1], kind, place, row, table, row_of), place, may_have_links=False)


def _appointment_row(appointment: Json) -> Row:
    return appointment_row(appointment, ())


def _resource(text: str, kind: str, place: str, row: Row, table: Table, row_of: Callable[[Json], Row]) -> Json:
    """The resource of a row; the other columns must say the same."""
    resource = _parsed(text, "resource", place)
    if resource.__class__ is not dict or resource.get("resourceType") != kind or resource.get("id") is None:
        raise LoadError(f"{place}: column 'resource' holds no {kind} with an id; expected its JSON.")
    found = fault(resource)
    if found is not None:
        raise LoadError(f"{kind}/{resource['id']} ({place}) {found}.")
    for column, given, expected in zip(table.columns, row, row_of(resource)):
        # The schedules of an Appointment stand in its Slots, not in itself.
        if given == expected or column.name in ("resource", "schedules"):
            continue
        if column.name != "service_type" or _json(given, place) != _json(expected, place):
            raise LoadError(
                f"{place}: column '{column.name}' is {given!r:.60}, but the resource says {expected!r:.60}."
            )
    return resource


def _json(service_type: str | None, place: str) -> Any:
    return None if service_type is None else _parsed(service_type, "service_type", place)


def _parsed(text: str, column: str, place: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise LoadError(f"{place}: column '{column}' is not readable as JSON, {error.msg}.") from error
