"""A file system for SQLite that counts, delays, fails, and loses its power.

`FaultFS(name)` registers an apsw VFS over the default one; open a database with `vfs=name`.

* `count("sync")`, `count("write", "wal")`: how often; `delay` makes every sync that much slower.
* `arm(Fault(n, ...))`: the n-th of the operations named fails with an I/O error or a full disk.
* `arm(Fault(n, what="loss"))` or `lose_power()`: what was written to a file since its last sync is independently kept,
  dropped or torn at sectors; files created and deleted since the folder's last sync may come back or be gone; from then
  on everything fails, until `power_on()`. Close all connections in between, as the death of a machine would. Power loss
  needs `FaultFS(name, losable=True)`, and a database that no other process has open.

Nothing is really flushed: as long as the machine runs nobody can tell. For losable files the content that has surely
reached the disk is kept in memory beside the real file, together with the writes since; this model of a disk alone
decides what is lost.
"""

# pyright: reportUnknownMemberType=false
# apsw's stub speaks of a Buffer that Python 3.11 does not have

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Literal

import apsw

Operation = Literal["read", "write", "sync", "truncate", "delete", "open"]
FileKind = Literal["main", "wal", "journal"]
SECTOR = 512

_CODES = {
    "write": apsw.SQLITE_IOERR_WRITE,
    "sync": apsw.SQLITE_IOERR_FSYNC,
    "truncate": apsw.SQLITE_IOERR_TRUNCATE,
    "delete": apsw.SQLITE_IOERR_DELETE,
    "open": apsw.SQLITE_CANTOPEN,
    "read": apsw.SQLITE_IOERR_READ,
    "size": apsw.SQLITE_IOERR_FSTAT,
    "access": apsw.SQLITE_IOERR_ACCESS,
}
_KINDS: dict[int, FileKind] = {
    apsw.SQLITE_OPEN_MAIN_DB: "main",
    apsw.SQLITE_OPEN_WAL: "wal",
    apsw.SQLITE_OPEN_MAIN_JOURNAL: "journal",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is to go wrong, and when: at the `at`-th (from 0) of these operations on these files since it was armed."""

    at: int
    what: Literal["error", "full", "loss"] = "error"
    operations: frozenset[Operation] = frozenset(("write", "sync", "truncate"))
    kinds: frozenset[FileKind] = frozenset(("main", "wal", "journal"))
    lasting: bool = False
    """All later ones fail too, as on a disk that stays full; otherwise only this one."""
    half: bool = False
    """Half of the data of a failing write is written before it fails."""
    forgetful: bool = False
    """What a failing sync should have flushed never reaches the disk, even if a later sync succeeds. Linux does this:
    the pages count as clean after the error, and are read back from memory until the power fails."""
    seed: int = 0


@dataclass(slots=True)
class _Disk:
    """A losable file: what is on the disk for sure, and what happened since; bytes at an offset, or a new size."""

    durable: bytearray
    pending: list[tuple[int, bytes] | int] = field(default_factory=list[tuple[int, bytes] | int])
    handles: int = 0
    created: bool = False
    """Its entry in the folder has not been synced yet."""
    forgot: bool = False
    """A sync failed, and what it should have flushed is only in memory."""

    def flush(self) -> None:
        for change in self.pending:
            _change(self.durable, change)
        self.pending.clear()

    def after_loss(self, rng: random.Random) -> bytearray:
        content = bytearray(self.durable)
        mood = rng.choice(["none", "all", "prefix", "mixed", "mixed", "mixed"])
        prefix = rng.randint(0, len(self.pending))
        size = len(content)
        for number, change in enumerate(self.pending):
            size = change if isinstance(change, int) else max(size, change[0] + len(change[1]))
            fate = rng.choice(["kept", "dropped", "torn"])
            if mood != "mixed":
                fate = "kept" if mood == "all" or (mood == "prefix" and number < prefix) else "dropped"
            if fate == "kept" or (fate == "torn" and isinstance(change, int)):
                _change(content, change)
            elif fate == "torn" and not isinstance(change, int):
                for sector in _sectors(*change):
                    if rng.random() < 0.5:
                        _change(content, sector)
        if mood == "mixed" and len(content) < size and rng.random() < 0.3:
            content.extend(bytes(size - len(content)))  # the size may reach the disk before the content
        return content


def _change(content: bytearray, change: tuple[int, bytes] | int) -> None:
    if isinstance(change, int):
        del content[change:]
        return
    offset, data = change
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def _sectors(offset: int, data: bytes) -> list[tuple[int, bytes]]:
    edges = [offset, *range(offset - offset % SECTOR + SECTOR, offset + len(data), SECTOR), offset + len(data)]
    return [(one, data[one - offset : two - offset]) for one, two in pairwise(edges)]


class FaultFS(apsw.VFS):
    def __init__(self, name: str, *, losable: bool = False, delay: float = 0.0) -> None:
        self.name = name
        self.losable = losable
        self.delay = delay
        self.counts: Counter[tuple[str, FileKind]] = Counter()
        self.fired = 0
        """How often the armed fault struck."""
        self.is_off = False
        self.unreported: list[BaseException] = []
        """Errors that SQLite had nobody to report to, as in closing a file."""
        self.kinds_of_sync: set[int] = set()
        """How the flushes were asked for (SQLITE_SYNC_…)."""
        self._fault: Fault | None = None
        self._seen = 0
        self._guard = threading.RLock()
        self._disks: dict[str, _Disk] = {}
        self._deleted: dict[str, bytes] = {}
        """Contents of files deleted since the folder was synced."""
        super().__init__(name, "")

    def count(self, operation: Operation, kind: FileKind | None = None) -> int:
        with self._guard:
            counted = self.counts.items()
            return sum(number for (one, of), number in counted if one == operation and kind in (None, of))

    def arm(self, fault: Fault | None) -> None:
        """From now on count towards this fault; None: nothing goes wrong."""
        with self._guard:
            self._fault, self._seen, self.fired = fault, 0, 0

    def lose_power(self, seed: int) -> None:
        """Now. The files are left as a machine would find them when it is switched on again."""
        if not self.losable:
            raise ValueError("only a losable file system can lose its power")
        with self._guard:
            rng = random.Random(seed)
            for path, content in sorted(self._deleted.items()):
                if rng.random() < 0.5 and not os.path.exists(path):
                    Path(path).write_bytes(content)
            for path, disk in sorted(self._disks.items()):
                if disk.created and rng.random() < 0.5:
                    Path(path).unlink(missing_ok=True)
                elif os.path.exists(path):
                    with open(path, "r+b") as file:
                        file.write(disk.after_loss(rng))
                        file.truncate()
            self.is_off = True

    def power_on(self) -> None:
        """Forget what was before; the connections from before must be closed."""
        with self._guard:
            left = [path for path, disk in self._disks.items() if disk.handles]
            if left:
                raise ValueError(f"still open: {left}")
            self._disks.clear()
            self._deleted.clear()
            self.is_off = False
            self.arm(None)

    # --- what SQLite calls -------------------------------------------------

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        kind: FileKind | None = next((kind for flag, kind in _KINDS.items() if flags[0] & flag), None)
        if kind is None or name is None:
            return apsw.VFSFile("", name, flags)  # temporary: nobody looks for it after a fault
        path = os.path.abspath(name.filename() if isinstance(name, apsw.URIFilename) else name)
        self.strike("open", kind)
        existed = os.path.exists(path)
        file = FaultFile(self, path, kind, name, flags)
        if self.losable:
            with self._guard:
                if path not in self._disks:
                    self._disks[path] = _Disk(bytearray(Path(path).read_bytes()), created=not existed)
                self._disks[path].handles += 1
        return file

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        path = os.path.abspath(filename)
        self.strike("delete", _kind_of(path))
        if self.losable and os.path.exists(path):
            with self._guard:
                disk = self._disks.pop(path, None)
                if disk is None or not disk.created:
                    self._deleted[path] = bytes(disk.durable) if disk else Path(path).read_bytes()
        super().xDelete(filename, syncdir)
        if syncdir:
            self.folder_synced()

    def xAccess(self, pathname: str, flags: int) -> bool:  # noqa: N802
        self.refuse_if_off("access")
        return super().xAccess(pathname, flags)

    def excepthook(
        self, etype: type[BaseException] | None, evalue: BaseException | None, etraceback: TracebackType | None
    ) -> bool:
        del etype, etraceback
        if evalue is not None:
            self.unreported.append(evalue)
        return True

    # --- what the files ask ------------------------------------------------

    def refuse_if_off(self, operation: str) -> None:
        if self.is_off:
            raise _error(_CODES[operation])

    def strike(self, operation: Operation, kind: FileKind) -> Fault | None:
        """Count an operation. Raises if it fails; returns the fault instead if half of a write is to be done first."""
        with self._guard:
            self.refuse_if_off(operation)
            self.counts[operation, kind] += 1
            fault = self._fault
            if fault is None or operation not in fault.operations or kind not in fault.kinds:
                return None
            number, self._seen = self._seen, self._seen + 1
            if number < fault.at or (number > fault.at and not fault.lasting):
                return None
            self.fired += 1
            if fault.what == "loss":
                self.lose_power(fault.seed)
                self.refuse_if_off(operation)
            if (fault.half and operation == "write") or (fault.forgetful and operation == "sync"):
                return fault
            raise self.error_of(fault, operation)

    def error_of(self, fault: Fault, operation: Operation) -> apsw.Error:
        return _error(apsw.SQLITE_FULL if fault.what == "full" else _CODES[operation])

    def flush(self, path: str, kind: FileKind) -> None:
        """What was written to the file is on the disk now."""
        with self._guard:
            disk = self._disks.get(path)
            if disk is not None:
                disk.flush()
                # SQLite syncs the folder with the first sync of a journal or log that it created, not for the database
                if disk.created and kind != "main":
                    self.folder_synced()

    def forget_pending(self, path: str) -> None:
        with self._guard:
            disk = self._disks.get(path)
            if disk is not None and disk.pending:
                disk.pending.clear()
                disk.forgot = True

    def folder_synced(self) -> None:
        with self._guard:
            self._deleted.clear()
            for disk in self._disks.values():
                disk.created = False

    def note(self, path: str, change: tuple[int, bytes] | int) -> None:
        with self._guard:
            disk = self._disks.get(path)
            if disk is not None:
                disk.pending.append(change)

    def closed(self, path: str) -> None:
        """A handle is closed; content that was never flushed can still be lost later."""
        with self._guard:
            disk = self._disks.get(path)
            if disk is not None:
                disk.handles -= 1
                if not (disk.handles or disk.pending or disk.created or disk.forgot or self.is_off):
                    del self._disks[path]


class FaultFile(apsw.VFSFile):
    def __init__(self, fs: FaultFS, path: str, kind: FileKind, name: str | apsw.URIFilename, flags: list[int]) -> None:
        self.fs = fs
        self.path = path
        self.kind: FileKind = kind
        self.is_open = True
        super().__init__("", name, flags)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        self.fs.strike("read", self.kind)
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        fault = self.fs.strike("write", self.kind)
        if fault is not None:
            data = data[: len(data) // 2]
        super().xWrite(data, offset)
        self.fs.note(self.path, (offset, bytes(data)))
        if fault is not None:
            raise self.fs.error_of(fault, "write")

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self.fs.strike("truncate", self.kind)
        super().xTruncate(newsize)
        self.fs.note(self.path, newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self.fs.kinds_of_sync.add(flags)
        fault = self.fs.strike("sync", self.kind)
        if self.fs.delay:
            time.sleep(self.fs.delay)
        if fault is not None:
            self.fs.forget_pending(self.path)
            raise self.fs.error_of(fault, "sync")
        self.fs.flush(self.path, self.kind)

    def xFileSize(self) -> int:  # noqa: N802
        self.fs.refuse_if_off("size")
        return super().xFileSize()

    def excepthook(
        self, etype: type[BaseException] | None, evalue: BaseException | None, etraceback: TracebackType | None
    ) -> bool:
        return self.fs.excepthook(etype, evalue, etraceback)

    def xClose(self) -> None:  # noqa: N802
        if self.is_open:
            self.is_open = False
            self.fs.closed(self.path)
        super().xClose()


def _kind_of(path: str) -> FileKind:
    return "wal" if path.endswith("-wal") else "journal" if path.endswith("-journal") else "main"


def _error(code: int) -> apsw.Error:
    """What apsw raises for a result code of SQLite, with its words."""
    error = apsw.exception_for(code)
    assert isinstance(error, apsw.Error)
    error.args = ("database or disk is full" if code == apsw.SQLITE_FULL else "disk I/O error",)
    return error
