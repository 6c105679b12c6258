"""The folder in which the parts of a run lie beside its answers, until all of them are done.

It holds a file of requests and, when it is finished, a file of answers for each part, and a manifest that says of which
requests, tables and options they are: the same run, given again, goes on with the parts that are missing.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from ...solver.errors import InvalidInputError
from ..arrow import parquet
from ..errors import LoadError
from ..sources import STAGED
from ..staging import naming, new_file
from .executors import Job

WORK = ".parts"
_MANIFEST = "manifest.json"
_OURS = (_MANIFEST, "requests-", "answers-", STAGED)


@contextmanager
def parts_folder(answers: str) -> Generator[Path]:
    """The folder of parts beside a file of answers; it goes when these are written, or if no part was finished."""
    work = Path(f"{answers}{WORK}")
    _check_ours(work)
    if not work.parent.is_dir():
        raise InvalidInputError(f"{work.parent} is no folder; make it first.")
    work.mkdir(exist_ok=True)
    try:
        yield work
    except BaseException:
        if not any(work.glob("answers-*.parquet")):
            shutil.rmtree(work, ignore_errors=True)
        raise
    shutil.rmtree(work)


def _check_ours(work: Path) -> None:
    """A run that was killed at any moment leaves nothing else; what somebody else put there is not to be removed."""
    if work.exists() and not work.is_dir():
        raise InvalidInputError(f"{work} is in the way: it is a file. Move it.")
    others = sorted(one.name for one in work.glob("*") if not one.name.startswith(_OURS))
    if others:
        raise InvalidInputError(f"{work} is in the way: it holds {others[0]}, which is no part of a run. Move it.")


def finished(answers: str) -> tuple[int, int]:
    """How many parts of an interrupted run are finished, and how many there are."""
    work = Path(f"{answers}{WORK}")
    return len(list(work.glob("answers-*.parquet"))), len(list(work.glob("requests-*.parquet")))


def manifest(work: Path) -> dict[str, Any]:
    """What the parts in the folder are of; empty if there are none. Raises LoadError."""
    try:
        return orjson.loads((work / _MANIFEST).read_bytes())
    except FileNotFoundError:
        return {}
    except orjson.JSONDecodeError as error:
        raise LoadError(f"{work / _MANIFEST} is not readable as JSON, {error.msg}. Remove {work}.") from error


def begin(work: Path, requests: Iterable[Any], wanted: dict[str, Any]) -> None:
    """Write the requests of each part, Arrow tables.

    What another run left is removed first, its manifest before all, so that nothing of it is taken for this one.
    """
    for path in (work / _MANIFEST, *work.glob("answers-*.parquet"), *work.glob("requests-*.parquet")):
        path.unlink(missing_ok=True)
    for number, table in enumerate(requests):
        path = work / f"requests-{number:05d}.parquet"
        with naming(path):
            parquet().write_table(table, path)
    with new_file(work / _MANIFEST, replace=True) as file:
        file.write(orjson.dumps(wanted, option=orjson.OPT_INDENT_2))


def jobs_in(work: Path) -> tuple[list[Job], list[Job]]:
    """The jobs of all parts in order, and those that are still to be done."""
    parts = sorted(work.glob("requests-*.parquet"))
    jobs = [Job(str(one), str(one.with_name(one.name.replace("requests-", "answers-")))) for one in parts]
    return jobs, [job for job in jobs if not Path(job.path_out).exists()]


def digest_of_folder(folder: Path) -> str:
    """Changes with any file of the folder."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            digest.update(f"{path.name} {hashlib.file_digest(file, 'blake2b').hexdigest()}\n".encode())
    return digest.hexdigest()
