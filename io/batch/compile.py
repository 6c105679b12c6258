"""Makes the compiled form of a calendar (docs/tables.md) of the tables beside it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ...solver.runs import FAR
from ..arrow import arrow, parquet
from ..columns import SLOTS
from ..compiled import COMPILED_FILE, FREE, OCCUPYING, ROW_GROUP, compiled_schema, slots_mark
from .slots import NULL, SlotColumns, read_slots
from .tables import TableStore

_SHORT_MOST = 2**15 - 1


def write_compiled(folder: Path) -> int:
    """Write `compiled.parquet` into a folder with the tables; how many rows it has."""
    store = TableStore(folder, 0, datetime(1970, 1, 1, tzinfo=UTC))
    path = folder / SLOTS.file
    slots = read_slots(path, store.schedule_ids, 0, store.appointments(all_bookings=True), None)
    unusable = [[number, *one] for number, several in sorted(slots.unusable.items()) for one in sorted(several)]
    is_long = bool(len(slots.start) and (slots.end.astype(np.int64) - slots.start).max() > _SHORT_MOST)
    schema = compiled_schema(unusable, slots_mark(path), is_long=is_long)
    with (
        (folder / COMPILED_FILE).open("xb") as file,
        parquet().ParquetWriter(file, schema, compression="snappy", write_page_checksum=True) as writer,
    ):
        for begin in range(0, len(slots.start), ROW_GROUP):
            writer.write_table(_table(slots, slice(begin, begin + ROW_GROUP), schema))
    return len(slots.start)


def _table(slots: SlotColumns, here: slice, schema: Any) -> Any:
    pa = arrow()
    start, end = slots.start[here], slots.end[here]
    size = len(start)
    places = np.arange(size, dtype=np.int64) + int(here.start)
    number = (np.searchsorted(slots.first, places, side="right") - 1).astype(np.int32)
    length = np.minimum(end.astype(np.int64) - start, FAR)
    kind = np.full(size, OCCUPYING, np.int8)
    if slots.is_free is not None:
        kind[slots.is_free[here]] = FREE
    until = pa.nulls(size, pa.int64())
    if slots.until is not None:
        until = pa.array(slots.until[here], mask=slots.until[here] == NULL)
    columns = [
        pa.array(number),
        pa.array(start),
        pa.array(length).cast(schema.field("length").type),
        pa.array(kind),
        pa.nulls(size, pa.int32()) if slots.tolerance is None else pa.array(slots.tolerance[here]),
        _texts(slots.types, slots.type_texts, here, size),
        _texts(slots.booked, slots.booked_texts, here, size),
        until.cast(schema.field("hold_expires").type),
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _texts(codes: Any, texts: Any, here: slice, size: int) -> Any:
    pa = arrow()
    if codes is None:
        return pa.DictionaryArray.from_arrays(pa.nulls(size, pa.int32()), pa.array([], pa.string()))
    found = codes[here]
    return pa.DictionaryArray.from_arrays(pa.array(found, mask=found < 0), pa.array(texts, pa.string()))
