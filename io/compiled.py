"""The compiled form of a calendar's Slots: small sorted integers beside the other tables (docs/tables.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from .arrow import arrow, parquet

COMPILED_FILE = "compiled.parquet"
COMPILED_FORMAT = 1
COMPILED_KEY = "slotwright.compiled"
UNUSABLE_KEY = "slotwright.unusable"
SLOTS_KEY = "slotwright.compiled_of"
ROW_GROUP = 262_144

FREE, OCCUPYING = 0, 1


def slots_mark(path: Path) -> str:
    """What tells whether the compiled form was made of this `slots.parquet`: rows and bytes."""
    return f"{parquet().read_metadata(path).num_rows} rows, {path.stat().st_size} bytes"


def compiled_schema(unusable: list[list[Any]], made_of: str = "", *, is_long: bool) -> Any:
    """The columns of the compiled form; `unusable` are Slots that count and cannot be used."""
    pa = arrow()
    text = pa.dictionary(pa.int32(), pa.string())
    metadata = {COMPILED_KEY: str(COMPILED_FORMAT), SLOTS_KEY: made_of, UNUSABLE_KEY: orjson.dumps(unusable).decode()}
    return pa.schema(
        [
            pa.field("schedule", pa.int32(), nullable=False),
            pa.field("start", pa.int32(), nullable=False),
            pa.field("length", pa.int32() if is_long else pa.int16(), nullable=False),
            pa.field("kind", pa.int8(), nullable=False),
            pa.field("capacity", pa.int32()),
            pa.field("service_type", text),
            pa.field("booked_for", text),
            pa.field("hold_expires", pa.timestamp("ms", tz="UTC")),
        ],
        metadata=metadata,
    )
