"""Calendars of a hundred thousand schedules as the tables of docs/tables.md, drawn with a seed and written as columns.

The rules, hours and bookings are those of `instances`: 31 days, ten bookings a day, on the Slots' own paths.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import instances
import numpy as np
import orjson
from numpy.typing import NDArray
from slotwright.io.arrow import arrow, compute, parquet
from slotwright.io.batch.compile import write_compiled
from slotwright.io.calendars import open_calendar
from slotwright.io.columns import APPOINTMENTS, RULES, SCHEDULES, SLOTS, Table, row_schema, schema
from slotwright.io.rows import Row, rule_rows, schedule_row

PER_DAY = 10
CAPACITY = 3
_CHUNK = 2_000

Minutes = NDArray[np.int64]

pa, pc, pq = arrow(), compute(), parquet()


def bookings(count: int, seed: int) -> tuple[Minutes, Minutes]:
    """Starts, in minutes since the epoch and sorted, and lengths: a row for each schedule."""
    draw = np.random.default_rng([seed, count])
    dates = [instances.FIRST_DAY + timedelta(number) for number in range(instances.DAYS)]
    begins = np.array([instances.minute(day, time(7)) for day in dates])
    starts = begins[np.newaxis, :, np.newaxis] + 5 * draw.integers(0, 144, (count, instances.DAYS, PER_DAY))
    starts = starts.reshape(count, -1)
    starts.sort(axis=1)
    lengths = np.array(instances.LENGTHS)[draw.integers(0, len(instances.LENGTHS), starts.shape)]
    return starts, lengths


def names(count: int) -> list[str]:
    return [f"s{number:06d}" for number in range(count)]


def write(folder: Path, count: int, *, capacity: int = 1, seed: int = 1) -> None:
    """Write the tables and the compiled form. Above capacity 1 nine Slots of ten are stamped with it."""
    folder.mkdir()
    service = instances.service()
    if capacity > 1:
        service["extension"][0]["extension"].append({"url": "slotCapacity", "valuePositiveInt": capacity})
    ids = names(count)
    first = instances.schedule(ids[0])
    calendar = open_calendar([service, instances.practitioner(ids[0]), first])
    (rule,) = rule_rows(calendar, first)
    with (folder / "resources.ndjson").open("wb") as file:
        for resource in [service, *map(instances.practitioner, ids)]:
            file.write(orjson.dumps(resource, option=orjson.OPT_APPEND_NEWLINE))
    _write_rows(folder, SCHEDULES, [schedule_row(instances.schedule(id)) for id in ids])
    _write_rows(folder, RULES, [(id, *rule[1:]) for id in ids])
    _write_rows(folder, APPOINTMENTS, [])
    _write_slots(folder, ids, capacity, seed)
    write_compiled(folder)


def _write_rows(folder: Path, table: Table, rows: Sequence[Row]) -> None:
    made = row_schema(table)
    columns = [pa.array([row[place] for row in rows], field.type) for place, field in enumerate(made)]
    types = schema(table)
    found = [
        column.dictionary_encode() if pa.types.is_dictionary(field.type) else column.cast(field.type)
        for column, field in zip(columns, types)
    ]
    pq.write_table(pa.Table.from_arrays(found, schema=types), folder / table.file, row_group_size=table.batch)


def _write_slots(folder: Path, ids: list[str], capacity: int, seed: int) -> None:
    types = schema(SLOTS)
    instant = pa.timestamp("us", tz="UTC")
    code = pa.dictionary(pa.int32(), pa.string())
    draw = np.random.default_rng([seed, 7])
    with pq.ParquetWriter(folder / SLOTS.file, types, compression="zstd", use_dictionary=_encoded(types)) as writer:
        for begin in range(0, len(ids), _CHUNK):
            here = ids[begin : begin + _CHUNK]
            starts, lengths = bookings(len(here), seed + begin)
            each = starts.shape[1]
            size = starts.size
            owner = np.repeat(np.arange(len(here), dtype=np.int32), each)
            low, high = starts.ravel() * 60_000_000, (starts + lengths).ravel() * 60_000_000
            stamps = pa.nulls(size, pa.int32())
            if capacity > 1:
                stamps = pa.array(np.full(size, capacity, np.int32), mask=draw.random(size) < 0.1)
            schedule = pa.DictionaryArray.from_arrays(pa.array(owner), pa.array(here))
            number = pa.array(np.arange(size) % each).cast(pa.string())
            columns = {
                "schedule": schedule,
                "start": pa.array(low).cast(instant),
                "end": pa.array(high).cast(instant),
                "status": pa.DictionaryArray.from_arrays(pa.array(np.zeros(size, np.int32)), pa.array(["busy"])),
                "capacity": stamps,
                "service_type": pa.nulls(size, code),
                "comment": pa.nulls(size, code),
                "id": pc.binary_join_element_wise(schedule.cast(pa.string()), number, "-"),
                "version": pa.nulls(size, pa.int32()),
                "last_updated": pa.nulls(size, instant),
                "resource": pa.nulls(size, pa.string()),
            }
            writer.write_table(pa.table(columns).cast(types), row_group_size=SLOTS.batch)


def _encoded(types: Any) -> list[str]:
    return [field.name for field in types if pa.types.is_dictionary(field.type)]


def requests(path: Path, count: int, most: str | None = None) -> None:
    """A request for each schedule over the month."""
    low, high = instances.window()
    ids = pa.array(names(count))
    pools = pa.ListArray.from_arrays(
        pa.array(np.arange(count + 1, dtype=np.int32)),
        pa.ListArray.from_arrays(pa.array(np.arange(count + 1, dtype=np.int32)), ids),
    )
    instant = pa.timestamp("us", tz="UTC")
    columns = {
        "request_id": pc.binary_join_element_wise("request", ids, "-"),
        "service": pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array([instances.SERVICE])),
        "schedules": pools,
        "start": pa.array(np.full(count, low * 60_000_000)).cast(instant),
        "end": pa.array(np.full(count, high * 60_000_000)).cast(instant),
        "count": pa.array([most] * count, pa.string()),
    }
    pq.write_table(pa.table(columns), path)
