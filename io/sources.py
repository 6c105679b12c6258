"""Files into JSON resources: JSON, NDJSON, gzip of these, Parquet and CSV tables, folders, standard input, or dicts."""

from __future__ import annotations

import gzip
import json
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from .errors import LoadError

if TYPE_CHECKING:
    from .sheets.documents import File
    from .store import Store

Source = str | os.PathLike[str] | dict[str, Any]

PARQUET = ".parquet"
CSV = ".csv"
SUFFIXES = (".json", ".ndjson", ".jsonl", ".json.gz", ".ndjson.gz", ".jsonl.gz", PARQUET, CSV)
_LINK = re.compile(rb'"reference"\s*:\s*"(?:urn:|https?:)', re.IGNORECASE)
"""References that a Bundle may resolve: to an entry by its fullUrl."""

STAGED = ".slotwright-"
"""How the names of files and folders begin that are being written."""

LINES = (".ndjson", ".jsonl", ".ndjson.gz", ".jsonl.gz")


class Document(NamedTuple):
    """One JSON value and where it stands: `clinic/slots.ndjson, line 7`.

    `may_have_links`: some reference in it, or in its neighbours, is a `urn:` or an absolute URL.
    """

    value: Any
    place: str
    may_have_links: bool


def read_documents(sources: Iterable[Source], known: Callable[[], Store] | None = None) -> Iterator[Document]:
    """Every JSON document of the sources, files of a folder in order of name, each file once.

    CSV tables come last and together: bookings are read with the schedules that `known` gives, those read so far.
    """
    seen: set[Path] = set()
    sheets: list[File] = []
    for number, source in enumerate(sources):
        if isinstance(source, dict):
            yield _from_dict(source, f"resource {number}")
            continue
        for path in _files(source):
            if path is None:
                yield from _parse(_read_standard_input(), "standard input", lines=False)
                continue
            real = path.resolve()
            if real in seen:
                continue
            seen.add(real)
            if path.name.lower().endswith(CSV) and known is not None:
                from .sheets.documents import File

                sheets.append(File(path, is_named=path == Path(source)))
            elif path.name.lower().endswith(PARQUET):
                from .table_reader import read_table

                yield from read_table(path)
            else:
                yield from _parse(_read(path), str(path), lines=path.name.lower().endswith(LINES))
    if sheets and known is not None:
        from .sheets.documents import read_sheets

        yield from read_sheets(sheets, known, alone=len(sheets) == len(seen))


def _from_dict(value: dict[str, Any], place: str) -> Document:
    # A copy: what the caller changes later must not change the calendar.
    try:
        text = orjson.dumps(value)
    except TypeError as error:
        raise LoadError(f"{place} is not JSON: {error}.") from error
    return Document(orjson.loads(text), place, _LINK.search(text) is not None)


def _files(source: str | os.PathLike[str]) -> Iterator[Path | None]:
    if source == "-":
        yield None
        return
    if not os.fspath(source):
        raise LoadError("An empty path names no file. Give a file, a folder, or - for standard input.")
    path = Path(source)
    try:
        is_folder, exists = path.is_dir(), path.exists()
        found = _inside(path) if is_folder else []
    except (OSError, ValueError) as error:
        where = getattr(error, "filename", None) or path
        raise LoadError(f"{str(where)[:200]!r} cannot be opened: {error.args[-1]}.") from error
    if is_folder:
        if not found:
            raise LoadError(f"{path} holds no FHIR files. Expected files that end in {', '.join(SUFFIXES)}.")
        yield from found
    elif exists:
        yield path
    else:
        raise LoadError(f"{path} does not exist. Give a file, a folder, or - for standard input.")


def _inside(folder: Path) -> list[Path]:
    """The files of a folder and its subfolders, links followed once.

    Nothing is passed over in silence: a folder that cannot be listed raises OSError, and a link that leads nowhere
    fails when it is read.
    """

    def refuse(error: OSError) -> None:
        raise error

    found: list[Path] = []
    seen: set[str] = set()
    for here, folders, files in os.walk(folder, onerror=refuse, followlinks=True):
        # What an interrupted export left behind is no calendar.
        folders[:] = [name for name in folders if not name.startswith(STAGED)]
        folders[:] = [name for name in folders if os.path.realpath(os.path.join(here, name)) not in seen]
        seen.update(os.path.realpath(os.path.join(here, name)) for name in folders)
        found += [Path(here, name) for name in files if name.lower().endswith(SUFFIXES)]
    return sorted(found)


def _read_standard_input() -> bytes:
    if sys.stdin is None:  # type: ignore[reportUnnecessaryComparison]
        raise LoadError("standard input is closed. Give a file or a folder.")
    return sys.stdin.buffer.read()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise LoadError(f"{path} cannot be read: {error.strerror}.") from error


def _parse(content: bytes, place: str, *, lines: bool) -> Iterator[Document]:
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise LoadError(f"{place} is damaged: not a complete gzip file.") from error
    if content[:4] == b"PAR1":
        raise LoadError(f"{place} is a Parquet file. Give it as a file whose name ends in {PARQUET}.")
    content = content.removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        raise LoadError(f"{place} is empty. Expected FHIR resources as JSON or NDJSON.")
    _check_encoding(content, place)
    has_links = _LINK.search(content) is not None
    if not lines:
        try:
            yield Document(orjson.loads(content), place, has_links)
            return
        except orjson.JSONDecodeError as error:
            if not _looks_like_lines(content):
                raise LoadError(f"{place}, line {error.lineno}: {_fault(error)}.") from error
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            try:
                yield Document(orjson.loads(line), f"{place}, line {number}", has_links)
            except orjson.JSONDecodeError as error:
                raise LoadError(f"{place}, line {number}: {_fault(error)}.") from error


def _check_encoding(content: bytes, place: str) -> None:
    if content.isascii():
        return
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        raise LoadError(f"{place}, line {line}: the text is not UTF-8 at column {column}.") from error


def _looks_like_lines(content: bytes) -> bool:
    """Does the first line hold a whole document?"""
    try:
        orjson.loads(content.lstrip().split(b"\n", 1)[0])
    except orjson.JSONDecodeError:
        return False
    return True


def _fault(error: json.JSONDecodeError) -> str:
    return f"not readable as JSON, {error.msg} at column {error.colno}"
