"""Files written beside their place and moved there when they are complete: all of them, or nothing."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from ..solver.errors import InvalidInputError
from .sources import STAGED


@contextmanager
def naming(path: Path) -> Generator[None]:
    """What is written here: a full or a broken disk names no file by itself, and its error is to say which it was."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def new_file(path: str | os.PathLike[str], *, replace: bool) -> Generator[IO[bytes]]:
    """A file to write, which takes its place at the end of the block; after an error nothing has changed."""
    target = check_place(path)
    if target.exists() and not replace:
        raise InvalidInputError(f"{target} exists already. Name a new file, or ask for it to be replaced.")
    staged = target.parent / f"{STAGED}{secrets.token_hex(8)}.partial"
    try:
        with naming(target), staged.open("xb") as file:
            yield file
            _flush(file)
        if target.exists():
            shutil.copymode(target, staged)
        staged.replace(target)
        _flush_folder(target.parent)
    finally:
        staged.unlink(missing_ok=True)


def check_place(path: str | os.PathLike[str]) -> Path:
    """Where a file can be written, links followed. Raises InvalidInputError."""
    target = _real(path)
    if target.is_dir():
        raise InvalidInputError(f"{target} is a folder; name a file.")
    if target.exists() and not target.is_file():
        # Moved over a device, the new file would take its place for everybody.
        raise InvalidInputError(f"{target} is a device or a pipe, which a file would replace; name a file.")
    return target


@contextmanager
def new_folder(path: str | os.PathLike[str], *, replace: bool, is_known: Callable[[str], bool]) -> Generator[Path]:
    """A folder to fill, which takes its place at the end of the block; after an error nothing has changed.

    What it replaces may hold files with known names only, so that nobody loses others.
    """
    target = _real(path)
    _check_replaceable(target, replace=replace, is_known=is_known)
    token = secrets.token_hex(8)
    staged, former = (target.parent / f"{STAGED}{token}.{word}" for word in ("partial", "former"))
    staged.mkdir()
    try:
        with naming(target):
            yield staged
            for written in staged.iterdir():
                with written.open("rb+") as file:
                    _flush(file)
        _flush_folder(staged)
        if target.exists():
            shutil.copymode(target, staged)
            target.rename(former)
        staged.rename(target)
        _flush_folder(target.parent)
    finally:
        # Whatever interrupts, and wherever: the place holds either the former folder or the new one.
        if former.exists() and not target.exists():
            former.rename(target)
        shutil.rmtree(staged, ignore_errors=True)
        shutil.rmtree(former, ignore_errors=True)


def _real(path: str | os.PathLike[str]) -> Path:
    """Behind links: they stay as they are."""
    if not os.fspath(path):
        raise InvalidInputError("An empty path names no place to write to.")
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise InvalidInputError(f"{target.parent} is no folder; make it first.")
    return target


def _check_replaceable(target: Path, *, replace: bool, is_known: Callable[[str], bool]) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise InvalidInputError(f"{target} is a file; name a folder.")
    names = sorted(one.name for one in target.iterdir())
    if names and not replace:
        raise InvalidInputError(f"{target} is not empty. Name a new folder, or ask for its tables to be replaced.")
    others = [name for name in names if not is_known(name) or (target / name).is_dir()]
    if others:
        raise InvalidInputError(f"{target} holds {', '.join(others[:3])}, which no export wrote. Name another folder.")


def _flush(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    # Not every system can: then the new name may be lost with the power, but no half-written file appears.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
