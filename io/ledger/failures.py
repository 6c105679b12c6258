"""SQLite's errors in the words of a ledger."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import apsw

from ..errors import (
    LedgerBusy,
    LedgerDamaged,
    LedgerError,
    LedgerNotFound,
    LedgerWriteFailed,
    NotWritable,
)


@contextmanager
def translated(path: str) -> Generator[None]:
    """SQLite's errors as ours."""
    try:
        yield
    except apsw.Error as error:
        raise ledger_error(error, path) from error
    except UnicodeDecodeError as error:
        raise not_text(error, path) from error


def not_text(error: UnicodeDecodeError, path: str) -> LedgerDamaged:
    return LedgerDamaged(f"{path}: a text in it is no text any more ({error.reason})")


_DAMAGED = (apsw.CorruptError, apsw.FormatError, apsw.MismatchError, apsw.RangeError)


def ledger_error(error: apsw.Error, path: str) -> LedgerError | NotWritable:
    """What an error of SQLite means for the ledger."""
    said = str(error).partition("\n")[0]
    if isinstance(error, apsw.NotADBError):
        return LedgerNotFound(f"{path} is no ledger ({said}), or its first page is damaged")
    if isinstance(error, apsw.CantOpenError):
        return LedgerNotFound(f"{path} cannot be opened ({said})")
    if isinstance(error, _DAMAGED):
        missing = _missing_bytes(path)
        if missing > 0:
            return LedgerDamaged(f"{path} was cut: {missing:,} bytes are missing; restore a backup")
        return LedgerDamaged(f"{path}: {said}; restore a backup, or see what `slotwright ledger verify` finds")
    if isinstance(error, apsw.ReadOnlyError | apsw.PermissionsError | apsw.AuthError):
        return NotWritable("Ledger is not writable", diagnostics=f"{path}: {said}")
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return LedgerBusy(f"{path} is used by a program that does not take the writer lock; close it and try again")
    if isinstance(error, apsw.FullError):
        return LedgerWriteFailed(f"{path}: the disk is full; make room and try again")
    if isinstance(error, apsw.SQLError):
        return LedgerDamaged(f"{path}: {said}")
    return LedgerWriteFailed(f"{path}: {said}")


def _missing_bytes(path: str) -> int:
    """How much shorter a file is than its header says (SQLite's file format, 1.3); 0 or less if that is not known.

    Read through SQLite: to open the file by hand would drop the locks that this process has on it.
    """
    try:
        file = apsw.VFSFile("", path, [apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READONLY, 0])
    except apsw.Error:
        return 0
    try:
        header = file.xRead(100, 0)
        page = int.from_bytes(header[16:18], "big")
        return int.from_bytes(header[28:32], "big") * (65_536 if page == 1 else page) - file.xFileSize()
    except apsw.Error:
        return 0
    finally:
        file.xClose()
