"""A batch find from file to file, in partitions that an interrupted run finds again."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import orjson

from ...solver.errors import InvalidInputError
from ...solver.problem import Engine
from ..arrow import arrow, parquet
from ..errors import LoadError
from ..staging import new_file
from ..store import Store
from ..tables import export_tables
from .answers import Counts, schema
from .executors import How, Job, run_jobs
from .find import Progress
from .formats import PARQUET, STANDARD, format_of, read_table, write_batches
from .partition import counts_of, solve_partition, write_answers
from .partitions import encoded, merged, split
from .requests import ROW, Requests

SOLVE = "slotwright.io.batch.partition:solve_partition"
WORK = ".parts"
_MANIFEST = "manifest.json"
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
def kept(source: Source) -> Generator[Path]:
    """The folder of tables for as long as it is needed."""
    if isinstance(source, Path):
        yield source
        return
    with TemporaryDirectory(prefix="slotwright-") as name:
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
    work = Path(f"{answers}{WORK}")
    with _work_folder(work):
        table = read_table(requests)
        read = _checked(table, requests)
        former = _manifest(work)
        now_ms = options.now_ms if options.now_ms is not None else former.get("now_ms", int(now.timestamp() * 1000))
        wanted = {
            "format": _FORMAT,
            "requests": _digest_of_table(read),
            "tables": _digest_of_folder(tables),
            "partitions": count,
            "now_ms": now_ms,
            "engine": options.engine,
        }
        if former != wanted:
            if options.now_ms is None:
                wanted["now_ms"] = int(now.timestamp() * 1000)
            _begin(work, Requests(read, requests), count, wanted)
        parts = sorted(work.glob("requests-*.parquet"))
        jobs = [Job(str(part), str(_answer(part))) for part in parts]
        left = [job for job in jobs if not Path(job.path_out).exists()]
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
    shutil.rmtree(work)
    return Report(counts, len(jobs), found)


def _answer(part: Path) -> Path:
    return part.with_name(part.name.replace("requests-", "answers-"))


@contextmanager
def _work_folder(work: Path) -> Generator[None]:
    """The folder of partitions; it is removed again if nothing is finished in it."""
    if work.exists() and not (work.is_dir() and ((work / _MANIFEST).exists() or not any(work.iterdir()))):
        raise InvalidInputError(f"{work} is in the way: it holds no partitions of an earlier run. Move it.")
    if not work.parent.is_dir():
        raise InvalidInputError(f"{work.parent} is no folder; make it first.")
    work.mkdir(exist_ok=True)
    try:
        yield
    except BaseException:
        if not any(work.glob("answers-*.parquet")):
            shutil.rmtree(work, ignore_errors=True)
        raise


def finished(answers: str) -> tuple[int, int]:
    """How many partitions of an interrupted run are finished, and how many there are."""
    work = Path(f"{answers}{WORK}")
    return len(list(work.glob("answers-*.parquet"))), len(list(work.glob("requests-*.parquet")))


def _manifest(work: Path) -> dict[str, Any]:
    try:
        return orjson.loads((work / _MANIFEST).read_bytes())
    except FileNotFoundError:
        return {}
    except orjson.JSONDecodeError as error:
        raise LoadError(f"{work / _MANIFEST} is not readable as JSON, {error.msg}. Remove {work}.") from error


def _begin(work: Path, requests: Requests, count: int, wanted: dict[str, Any]) -> None:
    """Part the requests anew; what another run left is removed first, so that nothing of it is taken for this one."""
    (work / _MANIFEST).unlink(missing_ok=True)
    for name in ("answers-*.parquet", "requests-*.parquet"):
        for path in work.glob(name):
            path.unlink()
    rows = arrow().array(requests.rows())
    table = requests.table
    if ROW not in table.column_names:
        table = table.append_column(ROW, rows)
    for number, part in enumerate(split(requests, count)):
        parquet().write_table(table.take(arrow().array(part)), work / f"requests-{number:05d}.parquet")
    with new_file(work / _MANIFEST, replace=True) as file:
        file.write(orjson.dumps(wanted, option=orjson.OPT_INDENT_2))


def _digest_of_table(table: Any) -> str:
    sink = arrow().BufferOutputStream()
    parquet().write_table(table, sink)
    return hashlib.blake2b(memoryview(sink.getvalue()), digest_size=16).hexdigest()


def _digest_of_folder(folder: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            digest.update(f"{path.name} {hashlib.file_digest(file, 'blake2b').hexdigest()}\n".encode())
    return digest.hexdigest()
