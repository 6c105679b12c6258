"""The writer lock: one process writes at a time, the others wait in the kernel's queue, first come first served.

A file beside the ledger is locked with `flock`, never deleted. Its first line says who holds it, for the message of
whoever gives up waiting; its second what the holder last wrote, so that a lost `-wal` file is noticed.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from typing import Any

import orjson

from ..errors import LedgerBusy

_HOLDER_BYTES = 512
_MARK_BYTES = 512

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


class WriterLock:
    """The lock of one ledger in one process; not reentrant, and not for two threads at once."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file: int | None = None
        self._fallback: Any = None
        self._command = " ".join(os.path.basename(one) if i == 0 else one for i, one in enumerate(sys.argv[:3]))[:120]

    def acquire(self, timeout: float) -> None:
        """Wait at most `timeout` seconds. Raises LedgerBusy, which names the holder, and OSError."""
        until = time.monotonic() + timeout
        while not self._lock_file(max(until - time.monotonic(), 0), timeout):
            pass  # somebody deleted or replaced the file: what is locked must be what others find there
        try:
            self._sign()
        except OSError:
            self.release()
            raise

    def _lock_file(self, left: float, timeout: float) -> bool:
        """Lock the file; False if it is no longer the one at its path."""
        if self._file is None:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
            self._share()
        if fcntl is None:
            self._acquire_elsewhere(timeout)
            return True
        if not _try(self._file) and not self._wait(left):
            raise LedgerBusy(self._who_holds(timeout))
        if _is_at(self._file, self.path):
            return True
        self.close()
        return False

    def _share(self) -> None:
        """Whoever may write the ledger may take its lock, as with the files that SQLite makes beside it."""
        assert self._file is not None
        if os.fstat(self._file).st_size == 0:
            with suppress(OSError):  # not ours, or the ledger is not there yet
                os.fchmod(self._file, os.stat(self.path.removesuffix("-lock")).st_mode & 0o666)

    def _wait(self, timeout: float) -> bool:
        """Queue in the kernel, in a thread of its own: a blocking flock can be neither timed nor interrupted."""
        assert self._file is not None
        if timeout <= 0:
            return False
        waiting = _Waiting(self._file)
        try:
            if waiting.done.wait(timeout):
                return True
        except BaseException:
            if not self._abandon(waiting):
                self.release()
            raise
        return not self._abandon(waiting)

    def _abandon(self, waiting: _Waiting) -> bool:
        """Leave the queue; False if the lock was had at the last moment."""
        if waiting.abandon():
            # The thread still waits on this descriptor and closes it when its turn comes.
            self._file = None
            return True
        return False

    def _acquire_elsewhere(self, timeout: float) -> None:
        import importlib

        filelock: Any = importlib.import_module("filelock")  # installed where there is no fcntl
        self._fallback = self._fallback or filelock.FileLock(f"{self.path}.win")
        try:
            self._fallback.acquire(timeout=timeout)
        except filelock.Timeout as error:
            raise LedgerBusy(self._who_holds(timeout)) from error

    def try_acquire(self) -> bool:
        """Take the lock if nobody has it."""
        try:
            self.acquire(0)
        except (LedgerBusy, OSError):
            return False
        return True

    def release(self) -> None:
        if self._fallback is not None:
            self._fallback.release()
        elif fcntl is not None and self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    # What stands in the file

    def _sign(self) -> None:
        holder = orjson.dumps({"pid": os.getpid(), "command": self._command, "since": int(time.time() * 1000)})
        self._write(0, _HOLDER_BYTES, holder)

    def _write(self, at: int, size: int, line: bytes) -> None:
        assert self._file is not None
        _pwrite(self._file, line[: size - 1].ljust(size - 1) + b"\n", at)

    def _read(self, at: int, size: int) -> dict[str, Any]:
        try:
            with open(self.path, "rb") as file:
                file.seek(at)
                found: Any = orjson.loads(file.read(size))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}  # type: ignore[reportUnknownVariableType]

    def _who_holds(self, timeout: float) -> str:
        found = self._read(0, _HOLDER_BYTES)
        waited = f"waited {timeout:g} s"
        if not isinstance(found.get("pid"), int):
            return f"{waited} for {self.path}; who holds it is not known. Try again, or wait longer with --lock-timeout"
        since: Any = found.get("since")
        held = f" for {max(time.time() - since / 1000, 0):.1f} s" if isinstance(since, int) else ""
        return (
            f"{waited}; process {found['pid']} ({found.get('command') or 'unknown'}) has held it{held}. "
            "Try again, or wait longer with --lock-timeout"
        )

    def mark(self, last: int, hash: bytes) -> None:
        """Note the last entry that was flushed. To be called by the holder."""
        self._write(_HOLDER_BYTES, _MARK_BYTES, orjson.dumps({"last": last, "hash": hash.hex()}))

    def marked(self) -> tuple[int, str] | None:
        """The last entry that some process of this machine noted as flushed."""
        found = self._read(_HOLDER_BYTES, _MARK_BYTES)
        last, hash = found.get("last"), found.get("hash")
        return (last, hash) if isinstance(last, int) and isinstance(hash, str) else None


class _Waiting:
    """A thread that waits for the lock."""

    def __init__(self, file: int) -> None:
        self.done = threading.Event()
        self._file = file
        self._abandoned = False
        self._guard = threading.Lock()
        threading.Thread(target=self._run, name="slotwright-lock", daemon=True).start()

    def _run(self) -> None:
        assert fcntl is not None
        fcntl.flock(self._file, fcntl.LOCK_EX)
        with self._guard:
            if self._abandoned:
                os.close(self._file)  # and so released
            else:
                self.done.set()

    def abandon(self) -> bool:
        """Give up; False if the lock is already had."""
        with self._guard:
            if self.done.is_set():
                return False
            self._abandoned = True
            return True


def _try(file: int) -> bool:
    assert fcntl is not None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(file: int, path: str) -> bool:
    """Is the open file the one that the path leads to?"""
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    here = os.fstat(file)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)


def _pwrite(file: int, content: bytes, at: int) -> None:
    if hasattr(os, "pwrite"):
        os.pwrite(file, content, at)
    else:
        os.lseek(file, at, os.SEEK_SET)
        os.write(file, content)
