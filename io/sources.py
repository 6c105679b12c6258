"""Files into JSON resources: JSON, NDJSON, gzip of these, folders, standard input, or dicts from Python."""

from __future__ import annotations

import gzip
import json
import os
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from .errors import LoadError

Source = str | os.PathLike[str] | dict[str, Any]

SUFFIXES = (".json", ".ndjson", ".jsonl", ".json.gz", ".ndjson.gz", ".jsonl.gz")
_LINES = (".ndjson", ".jsonl", ".ndjson.gz", ".jsonl.gz")


class Document(NamedTuple):
    """One JSON value and where it stands: `clinic/slots.ndjson, line 7`."""

    value: Any
    place: str
    may_have_urns: bool


def read_documents(sources: Iterable[Source]) -> Iterator[Document]:
    """Every JSON document of the sources, files of a folder in order of name, each file once."""
    seen: set[Path] = set()
    for number, source in enumerate(sources):
        if isinstance(source, dict):
            yield _from_dict(source, f"resource {number}")
            continue
        for path in _files(source):
            if path is None:
                yield from _parse(sys.stdin.buffer.read(), "standard input", lines=False)
                continue
            real = path.resolve()
            if real not in seen:
                seen.add(real)
                yield from _parse(_read(path), str(path), lines=path.name.lower().endswith(_LINES))


def _from_dict(value: dict[str, Any], place: str) -> Document:
    # A copy: what the caller changes later must not change the calendar.
    try:
        text = orjson.dumps(value)
    except TypeError as error:
        raise LoadError(f"{place} is not JSON: {error}.") from error
    return Document(orjson.loads(text), place, b'"urn:' in text)


def _files(source: str | os.PathLike[str]) -> Iterator[Path | None]:
    if source == "-":
        yield None
        return
    path = Path(source)
    if path.is_dir():
        found = sorted(one for one in path.rglob("*") if one.name.lower().endswith(SUFFIXES) and one.is_file())
        if not found:
            raise LoadError(f"{path} holds no FHIR files. Expected files that end in {', '.join(SUFFIXES)}.")
        yield from found
    elif path.exists():
        yield path
    else:
        raise LoadError(f"{path} does not exist. Give a file, a folder, or - for standard input.")


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
    content = content.removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        raise LoadError(f"{place} is empty. Expected FHIR resources as JSON or NDJSON.")
    has_urns = b'"urn:' in content
    if not lines:
        try:
            yield Document(orjson.loads(content), place, has_urns)
            return
        except orjson.JSONDecodeError as error:
            if not _looks_like_lines(content):
                raise LoadError(f"{place}, line {error.lineno}: {_fault(error)}.") from error
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            try:
                yield Document(orjson.loads(line), f"{place}, line {number}", has_urns)
            except orjson.JSONDecodeError as error:
                raise LoadError(f"{place}, line {number}: {_fault(error)}.") from error


def _looks_like_lines(content: bytes) -> bool:
    """Does the first line hold a whole document?"""
    try:
        orjson.loads(content.lstrip().split(b"\n", 1)[0])
    except orjson.JSONDecodeError:
        return False
    return True


def _fault(error: json.JSONDecodeError) -> str:
    return f"not readable as JSON, {error.msg} at column {error.colno}"
