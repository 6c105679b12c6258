"""The tables of a calendar: their columns, types and order (docs/tables.md says what each means)."""

from __future__ import annotations

from typing import Any, NamedTuple

from .arrow import arrow

FORMAT = 1
FORMAT_KEY = "slotwright.format"
TABLE_KEY = "slotwright.table"
OTHERS = "resources.ndjson"
"""Beside the tables: every resource that belongs to none of them."""

TEXT = "string"
ID = "dictionary<string>"
INSTANT = "timestamp[us, tz=UTC]"
IDS = "list<string>"
_HOURS = "list<struct<days: int8, start_ms: int32, end_ms: int32>>"
_CLOSURES = f"list<struct<start: {INSTANT}, end: {INSTANT}>>"
_LIMITS = "list<struct<frequency: int32, period: int32, unit: string>>"
_IDENTIFIERS = "list<struct<system: string, value: string>>"


class Column(NamedTuple):
    name: str
    type: str
    nullable: bool = True


class Table(NamedTuple):
    """`order` names the columns that its rows are sorted by, `batch` is the size of a row group."""

    name: str
    columns: tuple[Column, ...]
    order: tuple[str, ...]
    batch: int

    @property
    def file(self) -> str:
        return f"{self.name}.parquet"


SCHEDULES = Table(
    "schedules",
    (
        Column("id", TEXT, nullable=False),
        Column("active", "bool"),
        Column("actor", ID),
        Column("display", TEXT),
        Column("services", IDS, nullable=False),
        Column("version", "int32"),
        Column("last_updated", INSTANT),
        Column("resource", TEXT, nullable=False),
    ),
    ("id",),
    8_192,
)

SLOTS = Table(
    "slots",
    (
        Column("schedule", ID),
        Column("start", INSTANT),
        Column("end", INSTANT),
        Column("status", ID, nullable=False),
        Column("capacity", "int32"),
        Column("service_type", ID),
        Column("comment", ID),
        Column("id", TEXT, nullable=False),
        Column("version", "int32"),
        Column("last_updated", INSTANT),
        Column("resource", TEXT),
    ),
    ("schedule", "start", "id"),
    65_536,
)

RULES = Table(
    "rules",
    (
        Column("schedule", ID, nullable=False),
        Column("service", ID, nullable=False),
        Column("active", "bool", nullable=False),
        Column("fault", ID),
        Column("fault_at", IDS),
        Column("duration", "int32"),
        Column("buffer_before", "int32"),
        Column("buffer_after", "int32"),
        Column("alignment_interval", "int32"),
        Column("alignment_offset", "int32"),
        Column("alignment_timezone", ID),
        Column("timezone", ID),
        Column("capacity", "int32"),
        Column("hold_duration", "int32"),
        Column("hours", _HOURS),
        Column("closures", _CLOSURES),
        Column("booking_limits", _LIMITS),
        Column("horizon_start", INSTANT),
        Column("horizon_end", INSTANT),
    ),
    ("schedule", "service"),
    8_192,
)

APPOINTMENTS = Table(
    "appointments",
    (
        Column("id", TEXT, nullable=False),
        Column("status", ID, nullable=False),
        Column("start", INSTANT),
        Column("end", INSTANT),
        Column("services", IDS, nullable=False),
        Column("slots", IDS, nullable=False),
        Column("schedules", IDS, nullable=False),
        Column("patient", ID),
        Column("hold_expires", INSTANT),
        Column("identifiers", _IDENTIFIERS, nullable=False),
        Column("version", "int32"),
        Column("last_updated", INSTANT),
        Column("resource", TEXT, nullable=False),
    ),
    ("id",),
    8_192,
)

TABLES = {table.name: table for table in (SCHEDULES, SLOTS, RULES, APPOINTMENTS)}


def schema(table: Table) -> Any:
    """The Arrow schema of the table's file, with the format version."""
    metadata = {FORMAT_KEY: str(FORMAT), TABLE_KEY: table.name}
    types = _types("us", is_encoded=True)
    pa = arrow()
    return pa.schema([pa.field(one.name, types[one.type], one.nullable) for one in table.columns], metadata=metadata)


def row_schema(table: Table) -> Any:
    """The Arrow schema of rows in the making: strings not encoded, instants in milliseconds."""
    types = _types("ms", is_encoded=False)
    return arrow().schema([(one.name, types[one.type]) for one in table.columns])


def _types(unit: str, *, is_encoded: bool) -> dict[str, Any]:
    pa = arrow()
    text, int32, instant = pa.string(), pa.int32(), pa.timestamp(unit, tz="UTC")
    return {
        "bool": pa.bool_(),
        "int32": int32,
        TEXT: text,
        ID: pa.dictionary(int32, text) if is_encoded else text,
        INSTANT: instant,
        # Not encoded inside lists: pyarrow cannot read dictionaries there from more than one row group.
        IDS: pa.list_(text),
        _HOURS: pa.list_(pa.struct([("days", pa.int8()), ("start_ms", int32), ("end_ms", int32)])),
        _CLOSURES: pa.list_(pa.struct([("start", instant), ("end", instant)])),
        _LIMITS: pa.list_(pa.struct([("frequency", int32), ("period", int32), ("unit", text)])),
        _IDENTIFIERS: pa.list_(pa.struct([("system", text), ("value", text)])),
    }
