"""A store's resources as files: Parquet tables (docs/tables.md), or NDJSON."""

from __future__ import annotations

import gzip
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import orjson

from .arrow import arrow, compute, parquet
from .columns import APPOINTMENTS, ID, OTHERS, RULES, SCHEDULES, SLOTS, TABLES, Table, row_schema, schema
from .compiled import COMPILED_FILE
from .references import Json
from .rows import Row, appointment_row, rule_rows, schedule_row, schedules_of, slot_row
from .sources import LINES
from .staging import new_file, new_folder
from .store import Store

Progress = Callable[[int], None]

_KINDS = ("Schedule", "Slot", "Appointment")
_FILES = frozenset([OTHERS, COMPILED_FILE, *(table.file for table in TABLES.values())])
_KIND_FILE = re.compile(r"[A-Z][A-Za-z]{1,63}\.ndjson", re.ASCII)


def export_tables(
    store: Store,
    folder: str | os.PathLike[str],
    *,
    replace: bool = False,
    compiled: bool = False,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Write the tables of docs/tables.md into a folder, and how many rows each has.

    The folder must be new or empty; with `replace`, the tables of an earlier export in it are replaced. It appears
    when it is complete; after an error or Ctrl-C all is as before. Memory does not grow with what is exported but
    for the keys by which rows are sorted.

    Parameters
    ----------
    compiled
        Add the compiled form, for large batches.
    progress
        Called now and then with the number of resources written so far.

    Raises
    ------
    InvalidInputError
        If the folder cannot take the tables.
    OSError
        If it cannot be written.
    """
    resources = _Watched(store, progress)
    counts: dict[str, int] = {}
    with new_folder(folder, replace=replace, is_known=_FILES.__contains__) as staged:
        with _Sorted(SCHEDULES, staged) as schedules, _Sorted(RULES, staged) as rules:
            for schedule in resources("Schedule"):
                schedules.add(schedule_row(schedule))
                for row in rule_rows(store, schedule):
                    rules.add(row)
            counts["schedules"], counts["rules"] = schedules.write(), rules.write()
        with _Sorted(SLOTS, staged) as slots:
            for slot in resources("Slot"):
                slots.add(slot_row(slot))
            counts["slots"] = slots.write()
        with _Sorted(APPOINTMENTS, staged) as appointments:
            for appointment in resources("Appointment"):
                appointments.add(appointment_row(appointment, schedules_of(store, appointment)))
            counts["appointments"] = appointments.write()
        others = [kind for kind in store.kinds() if kind not in _KINDS]
        if others:
            with (staged / OTHERS).open("xb") as file:
                counts["resources"] = sum(_write_lines(file, resources(kind)) for kind in others)
        if compiled:
            # NumPy comes with it.
            from .batch.compile import write_compiled

            counts["compiled"] = write_compiled(staged)
    return counts


def export_ndjson(
    store: Store, target: str | os.PathLike[str], *, replace: bool = False, progress: Progress | None = None
) -> dict[str, int]:
    """Write a folder with one NDJSON file for each type, and how many resources of each type there are.

    A target that ends in .ndjson or .jsonl, or in either and .gz, is one file with all of them. Otherwise as
    `export_tables`.
    """
    resources = _Watched(store, progress)
    name = os.fspath(target).lower()
    if not name.endswith(LINES):
        with new_folder(target, replace=replace, is_known=lambda name: bool(_KIND_FILE.fullmatch(name))) as staged:
            counts: dict[str, int] = {}
            for kind in store.kinds():
                with (staged / f"{kind}.ndjson").open("xb") as file:
                    counts[kind] = _write_lines(file, resources(kind))
            return counts
    with new_file(target, replace=replace) as file:
        if not name.endswith(".gz"):
            return {kind: _write_lines(file, resources(kind)) for kind in store.kinds()}
        with gzip.GzipFile("", "wb", fileobj=file, compresslevel=6, mtime=0) as zipped:
            return {kind: _write_lines(zipped, resources(kind)) for kind in store.kinds()}


class _Watched:
    """The resources of a store by type, with somebody watching their number grow."""

    def __init__(self, store: Store, progress: Progress | None) -> None:
        self._store = store
        self._progress = progress
        self._count = 0

    def __call__(self, kind: str) -> Iterator[Json]:
        for resource in self._store.resources(kind):
            self._count += 1
            if self._progress is not None and self._count % 4096 == 0:
                self._progress(self._count)
            yield resource


def _write_lines(file: IO[bytes] | gzip.GzipFile, resources: Iterator[Json]) -> int:
    count = 0
    for resource in resources:
        file.write(orjson.dumps(resource, option=orjson.OPT_APPEND_NEWLINE))
        count += 1
    return count


class _Sorted(AbstractContextManager["_Sorted"]):
    """One table: takes rows in any order and writes them sorted.

    Sorted runs of rows wait in a file beside; only their keys stay in memory. Each row group is then cut from all
    runs at once.
    """

    def __init__(self, table: Table, folder: Path) -> None:
        self._table = table
        self._path = folder / table.file
        self._waiting = folder / f".{table.name}.runs"
        self._schema = row_schema(table)
        self._order = [(name, "ascending") for name in table.order]
        self._rows: list[Row] = []
        self._keys: list[Any] = []
        self._sink = arrow().OSFile(str(self._waiting), "wb")
        self._runs = arrow().ipc.new_file(self._sink, self._schema)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sink.close()
        self._waiting.unlink(missing_ok=True)

    def add(self, row: Row) -> None:
        self._rows.append(row)
        if len(self._rows) == self._table.batch:
            self._finish_run()

    def _finish_run(self) -> None:
        if not self._rows:
            return
        pa = arrow()
        columns = [pa.array(values, one.type) for values, one in zip(zip(*self._rows), self._schema)]
        self._rows = []
        run = self._sorted(pa.RecordBatch.from_arrays(columns, schema=self._schema))
        self._runs.write_batch(run)
        number = pa.array([len(self._keys)] * len(run), pa.int32())
        keys = [run.column(name) for name in self._table.order]
        self._keys.append(pa.Table.from_arrays([*keys, number], names=[*self._table.order, "run"]))

    def _sorted(self, rows: Any) -> Any:
        return rows.take(compute().sort_indices(rows, sort_keys=self._order))

    def write(self) -> int:
        """Write the file; returns the number of its rows."""
        pa = arrow()
        self._finish_run()
        self._runs.close()
        self._sink.close()
        encoded = [one.name for one in self._table.columns if one.type == ID]
        with (
            self._path.open("xb") as file,
            parquet().ParquetWriter(
                file, schema(self._table), compression="zstd", use_dictionary=encoded, write_page_checksum=True
            ) as writer,
            pa.memory_map(str(self._waiting)) as waiting,
        ):
            runs = pa.ipc.open_file(waiting)
            count = 0
            for part in self._parts(runs):
                writer.write_table(self._finished(part))
                count += len(part)
            del runs
        return count

    def _parts(self, runs: Any) -> Iterator[Any]:
        """All rows in order, in pieces of one row group each."""
        if not self._keys:
            return
        pa = arrow()
        keys = pa.concat_tables(self._keys)
        self._keys = []
        order = compute().sort_indices(keys, sort_keys=self._order)
        run_of_row = keys.column("run").take(order)
        del keys, order
        taken = [0] * runs.num_record_batches
        for begin in range(0, len(run_of_row), self._table.batch):
            counts: Counter[int] = Counter(run_of_row.slice(begin, self._table.batch).to_pylist())
            slices: list[Any] = []
            for number, count in sorted(counts.items()):
                slices.append(runs.get_batch(number).slice(taken[number], count))
                taken[number] += count
            yield self._sorted(pa.Table.from_batches(slices))

    def _finished(self, part: Any) -> Any:
        """The rows in the types of the file."""
        types = schema(self._table)
        columns = (
            column.dictionary_encode() if one.type == ID else column.cast(field.type)
            for one, field, column in zip(self._table.columns, types, part.columns)
        )
        return arrow().Table.from_arrays(list(columns), schema=types)
