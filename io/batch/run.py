"""A batch find from file to file, in partitions that an interrupted run finds again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from ...solver.errors import InvalidInputError
from ...solver.problem import Engine
from ..arrow import arrow, parquet
from ..store import Store
from ..tables import export_tables
from .answers import Counts, schema
from .executors import How, run_jobs
from .find import Progress
from .formats import PARQUET, STANDARD, format_of, read_table, write_batches
from .partition import counts_of, solve_partition, write_answers
from .partitions import encoded, merged, split
from .parts import begin, digest_of_folder, jobs_in, manifest, parts_folder
from .requests import ROW, Requests

SOLVE = "slotwright.io.batch.partition:solve_partition"
_FORMAT = 1


class Options(NamedTuple):
    """What decides the answers besides requests and tables. `now_ms` None: the time of the first run."""

    now_ms: int | None = None
    engine: Engine = "auto"


class Report(NamedTuple):
    """What a run did: how many partitions there were, and how many of them an earlier run had finished."""

    counts: Counts
    partitions: int = 1
    found: int = 0


Source = Path | Callable[[Path], None]
"""A folder of tables, or what writes them into a new folder."""


def exporting(store: Store) -> Callable[[Path], None]:
    """Writes the tables of a store."""

    def write(folder: Path) -> None:
        with store.reading() as state:
            export_tables(state, folder)

    return write


@contextmanager
def kept(source: Source, folder: Path | None = None) -> Generator[Path]:
    """The folder of tables for as long as it is needed; a new one lies in `folder`, or where temporary files lie."""
    if isinstance(source, Path):
        yield source
        return
    with TemporaryDirectory(prefix="slotwright-", dir=folder) as name:
        source(Path(name) / "tables")
        yield Path(name) / "tables"


def find_in_one(
    requests: str, answers: str, tables: Path, options: Options, now: datetime, progress: Progress | None = None
) -> Report:
    """Answer a file of requests in one piece, in this process."""
    with TemporaryDirectory(prefix="slotwright-") as name:
        work = Path(name)
        path_in, path_out = requests, answers
        if format_of(requests, standard="csv") != PARQUET or requests == STANDARD:
            path_in = str(work / "requests.parquet")
            parquet().write_table(_checked(read_table(requests), requests), path_in)
        if format_of(answers, standard="csv") != PARQUET or answers == STANDARD:
            path_out = str(work / "answers.parquet")
        now_ms = int(now.timestamp() * 1000) if options.now_ms is None else options.now_ms
        solve_partition(
            path_in, path_out, {"tables": str(tables), "now_ms": now_ms, "engine": options.engine}, progress
        )
        counts = counts_of(Path(path_out))
        if path_out != answers:
            write_batches(merged([Path(path_out)]), schema(), answers)
    return Report(counts)


def _checked(table: Any, name: str) -> Any:
    Requests(table, "standard input" if name == STANDARD else name)
    return table


# In partitions


def find_in_parts(
    requests: str,
    answers: str,
    tables: Path,
    options: Options,
    now: datetime,
    count: int,
    how: How,
    progress: Callable[[int, int], None],
) -> Report:
    """Answer a file of requests in up to `count` partitions.

    They lie in a folder beside the answers until all are done; a run with the same requests, tables and options takes
    those that are finished as they are.
    """
    if answers == STANDARD:
        raise InvalidInputError("Partitions need a file of answers, beside which they lie. Name one instead of -.")
    format_of(answers, standard="csv")
    with parts_folder(answers) as work:
        table = read_table(requests)
        read = _checked(table, requests)
        former = manifest(work)
        now_ms = options.now_ms if options.now_ms is not None else former.get("now_ms", int(now.timestamp() * 1000))
        wanted = {
            "format": _FORMAT,
            "requests": _digest_of_table(read),
            "tables": digest_of_folder(tables),
            "partitions": count,
            "now_ms": now_ms,
            "engine": options.engine,
        }
        if former != wanted:
            if options.now_ms is None:
                wanted["now_ms"] = int(now.timestamp() * 1000)
            begin(work, _parted(Requests(read, requests), count), wanted)
        jobs, left = jobs_in(work)
        solving = {"tables": str(tables.resolve()), "now_ms": wanted["now_ms"], "engine": options.engine}
        found = len(jobs) - len(left)
        run_jobs(SOLVE, left, solving, how, lambda done, _: progress(found + done, len(jobs)))
        done = [Path(job.path_out) for job in jobs]
        counts = Counts()
        for path in done:
            counts = counts.plus(counts_of(path))
        if format_of(answers, standard="csv") == PARQUET:
            write_answers(map(encoded, merged(done)), counts, answers)
        else:
            write_batches(merged(done), schema(), answers)
    return Report(counts, len(jobs), found)


def _parted(requests: Requests, count: int) -> Iterator[Any]:
    """The requests of each part, with the numbers of their rows."""
    table = requests.table
    if ROW not in table.column_names:
        table = table.append_column(ROW, arrow().array(requests.rows()))
    for part in split(requests, count):
        yield table.take(arrow().array(part))


def _digest_of_table(table: Any) -> str:
    sink = arrow().BufferOutputStream()
    parquet().write_table(table, sink)
    return hashlib.blake2b(memoryview(sink.getvalue()), digest_size=16).hexdigest()
