"""The files of a ledger and the file system under them."""

from __future__ import annotations

import os
import re
import stat
import sys

from ..errors import LedgerNotFound

NETWORK = frozenset({
    "nfs", "nfs3", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afpfs", "afs", "ncpfs", "9p", "v9fs", "ceph",
    "fuse.sshfs", "fuse.ceph", "glusterfs", "fuse.glusterfs", "lustre", "gpfs", "beegfs", "orangefs", "webdav",
    "davfs", "fuse.davfs", "fuse.s3fs", "fuse.rclone",
})  # fmt: skip
"""File systems whose locks or flushes may say more than they did."""

_ESCAPE = re.compile(r"\\([0-7]{3})")
"""How Linux writes blanks, line ends and backslashes in its list of mounts."""


def place_of(path: str) -> str:
    """The file itself where the path is a link to it: its side files lie beside it, one lock for all its names."""
    return os.path.realpath(path) if os.path.islink(path) else os.path.abspath(path)


def check_place(path: str, *, create: bool, unsafe_filesystem: bool) -> bool:
    """Can a ledger lie here? Returns whether a file is there. Raises LedgerNotFound."""
    if not _is_text(path):
        raise LedgerNotFound(f"{path!r} cannot be opened: SQLite takes paths in UTF-8 only")
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        mode = None
    except (OSError, ValueError) as error:
        raise LedgerNotFound(f"{path!r} cannot be opened ({error.args[-1]})") from error
    if mode is not None and not stat.S_ISREG(mode):
        raise LedgerNotFound(f"{path} is a {'folder' if stat.S_ISDIR(mode) else 'special file'}, not a ledger file")
    folder = os.path.dirname(path)
    if mode is None and not create:
        raise LedgerNotFound(f"{path} does not exist; make it with `slotwright ledger init --ledger {path}`")
    if mode is None and not os.path.isdir(folder):
        raise LedgerNotFound(f"{path} cannot be made: the folder {folder} does not exist")
    kind = file_system(folder)
    if kind in NETWORK and not unsafe_filesystem:
        raise LedgerNotFound(
            f"{path} lies on a network file system ({kind}), where locks and flushes cannot be relied on; "
            "move it to a local disk, or take the risk with --unsafe-filesystem"
        )
    return mode is not None


def _is_text(path: str) -> bool:
    """Bytes that are no UTF-8 come as lone surrogates."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in path


def file_system(folder: str) -> str:
    """The type of the file system that holds a folder; empty if it is not known."""
    try:
        if sys.platform == "darwin":
            return _mounted_on_mac(folder)
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            return mounted(file.read(), os.path.realpath(folder))
    except OSError:
        return ""  # no such list on this system: nothing is known against the place


def mounted(mountinfo: str, folder: str) -> str:
    """From Linux's list of mounts (proc_pid_mountinfo(5)): that of the longest mount point above the folder."""
    best, kind = "", ""
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        point = _ESCAPE.sub(lambda found: chr(int(found[1], 8)), left.split(" ")[4])
        inside = folder == point or folder.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, right.split(" ")[0]
    return kind


def _mounted_on_mac(folder: str) -> str:
    import subprocess

    best, kind = "", ""
    listed = subprocess.run(["/sbin/mount"], capture_output=True, text=True, check=False).stdout
    for line in listed.splitlines():
        point, _, rest = line.partition(" on ")[2].partition(" (")
        if (folder == point or folder.startswith(point.rstrip("/") + "/")) and len(point) >= len(best):
            best, kind = point, rest.split(",")[0].strip("()")
    return kind


def is_writable(path: str) -> bool:
    """Can this process write the file, and beside it?"""
    folder = os.path.dirname(path)
    return os.access(path, os.W_OK) and os.access(folder, os.W_OK)


def size_of(path: str) -> int:
    """Bytes of a file, 0 if it is not there."""
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def file_id(path: str) -> tuple[int, int]:
    """What tells one file from another: device and inode."""
    found = os.stat(path)
    return found.st_dev, found.st_ino


def is_same_file(path: str, id: tuple[int, int]) -> bool:
    try:
        return file_id(path) == id
    except FileNotFoundError:
        return False
