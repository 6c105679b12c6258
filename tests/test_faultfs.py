"""The file system with faults, tried on plain databases: it must lose what SQLite may lose, and nothing else."""

# pyright: reportUnknownMemberType=false
# apsw's stub speaks of a Buffer that Python 3.11 does not have

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import apsw
import pytest
from faultfs import SECTOR, Fault, FaultFS, FileKind, Operation

_numbers = count()


@pytest.fixture
def fs() -> Iterator[FaultFS]:
    made = FaultFS(f"fault-{next(_numbers)}")
    yield made
    made.unregister()


@pytest.fixture
def losable() -> Iterator[FaultFS]:
    made = FaultFS(f"losable-{next(_numbers)}", losable=True)
    yield made
    made.unregister()


def open_db(fs: FaultFS, path: Path, journal: str = "wal", synchronous: str = "full") -> apsw.Connection:
    db = apsw.Connection(str(path), vfs=fs.name)
    assert db.pragma("journal_mode", journal) == journal
    db.pragma("synchronous", synchronous)
    db.pragma("wal_autocheckpoint", 0)
    db.execute("CREATE TABLE IF NOT EXISTS t (x INTEGER PRIMARY KEY, filler BLOB) STRICT")
    return db


def insert(db: apsw.Connection, number: int) -> None:
    db.execute("INSERT INTO t VALUES (?, randomblob(3000))", (number,))


def numbers(db: apsw.Connection) -> set[int]:
    assert db.pragma("integrity_check") == "ok"
    return {int(x) for (x,) in db.execute("SELECT x FROM t")}


def close(db: apsw.Connection) -> None:
    """Close a database whose disk is gone; what apsw then says of the last lock and log is of no interest."""
    with suppress(apsw.Error):
        db.close()


# --- counting and waiting ----------------------------------------------------


def test_a_commit_in_the_log_is_one_sync(fs: FaultFS, tmp_path: Path) -> None:
    db = open_db(fs, tmp_path / "a")
    insert(db, 0)
    syncs, writes = fs.count("sync"), fs.count("write", "wal")
    for number in range(1, 11):
        insert(db, number)
    assert (
        fs.count("sync")
        == syncs + 10
        == fs.count("sync", "wal") + fs.count("sync", "journal") + fs.count("sync", "main")
    )
    assert fs.count("write", "wal") >= writes + 20
    db.close()


def test_without_synchronous_nothing_is_synced(fs: FaultFS, tmp_path: Path) -> None:
    db = open_db(fs, tmp_path / "a", synchronous="off")
    syncs = fs.count("sync")
    insert(db, 1)
    assert fs.count("sync") == syncs
    db.close()


def test_the_delay_is_that_of_every_sync_and_lets_others_run(fs: FaultFS, tmp_path: Path) -> None:
    db = open_db(fs, tmp_path / "a")
    insert(db, 0)
    fs.delay = 0.05
    ran: list[float] = []
    watcher = threading.Thread(target=lambda: [ran.append(time.monotonic()) or time.sleep(0.005) for _ in range(20)])
    started = time.monotonic()
    watcher.start()
    for number in range(1, 4):
        insert(db, number)
    assert time.monotonic() - started >= 0.15
    watcher.join()
    assert sum(one < started + 0.14 for one in ran) > 10
    fs.delay = 0
    db.close()


# --- errors ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "what", "code"),
    [
        ("write", "error", apsw.SQLITE_IOERR_WRITE),
        ("sync", "error", apsw.SQLITE_IOERR_FSYNC),
        ("write", "full", apsw.SQLITE_FULL),
        ("sync", "full", apsw.SQLITE_FULL),
    ],
)
def test_the_error_asked_for_is_the_error_seen(
    fs: FaultFS, tmp_path: Path, operation: Operation, what: str, code: int
) -> None:
    db = open_db(fs, tmp_path / "a")
    insert(db, 0)
    fs.arm(Fault(1 if operation == "write" else 0, "full" if what == "full" else "error", frozenset([operation])))
    with pytest.raises(apsw.Error) as caught:
        insert(db, 1)
    assert getattr(caught.value, "extendedresult", 0) & 0xFFFF == code or getattr(caught.value, "result", 0) == code
    assert fs.fired == 1
    insert(db, 2)  # the fault was for once
    assert numbers(db) == {0, 2}
    db.close()


def test_a_truncate_can_fail(fs: FaultFS, tmp_path: Path) -> None:
    db = open_db(fs, tmp_path / "a")
    insert(db, 0)
    fs.arm(Fault(0, operations=frozenset(["truncate"])))
    with pytest.raises(apsw.IOError):
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def test_files_can_be_told_apart(fs: FaultFS, tmp_path: Path) -> None:
    db = open_db(fs, tmp_path / "a")
    main: frozenset[FileKind] = frozenset(["main"])
    fs.arm(Fault(0, kinds=main))
    insert(db, 0)
    with pytest.raises(apsw.IOError):
        db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    assert numbers(db) == {0}
    db.close()


def test_a_lasting_fault_lasts(fs: FaultFS, tmp_path: Path) -> None:
    db = open_db(fs, tmp_path / "a")
    fs.arm(Fault(0, "full", lasting=True))
    for number in range(3):
        with pytest.raises(apsw.FullError):
            insert(db, number)
    fs.arm(None)
    insert(db, 9)
    assert numbers(db) == {9}
    db.close()


def test_half_a_write_is_written_and_then_fails(fs: FaultFS, tmp_path: Path) -> None:
    db = open_db(fs, tmp_path / "a")
    insert(db, 0)
    before = (tmp_path / "a-wal").stat().st_size
    fs.arm(Fault(1, "full", half=True))
    with pytest.raises(apsw.FullError):
        insert(db, 1)
    assert (tmp_path / "a-wal").stat().st_size > before
    insert(db, 2)
    db.close()
    db = open_db(fs, tmp_path / "a")
    assert numbers(db) == {0, 2}
    db.close()


def test_sqlite_survives_an_error_at_every_operation(fs: FaultFS, tmp_path: Path) -> None:
    """The loop that the tests of the ledger use: n from 0 until the work is done undisturbed."""
    for n in range(100):
        path = tmp_path / str(n)
        db = open_db(fs, path)
        fs.arm(Fault(n, half=bool(n % 2)))
        done: set[int] = set()
        for number in range(3):
            with suppress(apsw.IOError):
                insert(db, number)
                done.add(number)
        disturbed = fs.fired
        fs.arm(None)
        close(db)
        db = open_db(fs, path)
        assert done <= numbers(db)
        db.close()
        if not disturbed:
            assert n > 6
            return
        assert len(done) < 3
    raise AssertionError


# --- power loss --------------------------------------------------------------


def acknowledged_and_found(
    fs: FaultFS, path: Path, at: int, seed: int, *, journal: str = "wal", synchronous: str = "full"
) -> tuple[set[int], set[int] | None, bool]:
    """What was acknowledged before the power failed, what is there afterwards (None: corrupt); and: did it fail?"""
    db = open_db(fs, path, journal, synchronous)
    fs.arm(Fault(at, "loss", frozenset(("write", "sync", "truncate", "delete")), seed=seed))
    done: set[int] = set()
    with suppress(apsw.Error):
        for number in range(4):
            insert(db, number)
            done.add(number)
            if number == 2 and journal == "wal":
                db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    failed = fs.is_off
    if not failed:
        fs.lose_power(seed)
    close(db)
    fs.power_on()
    try:
        db = open_db(fs, path, journal, synchronous)
        found = numbers(db)
    except (apsw.Error, AssertionError):
        return done, None, failed
    db.close()
    return done, found, failed


def survey(
    fs: FaultFS, folder: Path, seeds: int, *, journal: str = "wal", synchronous: str = "full"
) -> tuple[int, int, int]:
    """Trials, trials that lost something acknowledged, trials that left a corrupt file; at every operation."""
    trials = lost = corrupt = 0
    for at in count():
        all_done = True
        for seed in range(seeds):
            path = folder / f"{at}-{seed}"
            done, found, failed = acknowledged_and_found(fs, path, at, seed, journal=journal, synchronous=synchronous)
            trials += 1
            corrupt += found is None
            lost += found is not None and not done <= found
            assert found is None or found <= {*done, len(done)}  # at most the one under way besides
            all_done = all_done and not failed
        if all_done:
            return trials, lost, corrupt
    raise AssertionError


def test_full_in_the_log_loses_nothing(losable: FaultFS, tmp_path: Path) -> None:
    trials, lost, corrupt = survey(losable, tmp_path, 8)
    assert trials > 100 and (lost, corrupt) == (0, 0)


def test_normal_in_the_log_loses_acknowledged_commits_but_never_corrupts(losable: FaultFS, tmp_path: Path) -> None:
    _, lost, corrupt = survey(losable, tmp_path, 8, synchronous="normal")
    assert lost > 10 and corrupt == 0


def test_off_loses_and_corrupts(losable: FaultFS, tmp_path: Path) -> None:
    _, lost, corrupt = survey(losable, tmp_path, 12, synchronous="off")
    assert lost > 10 and corrupt > 0


def test_the_rollback_journal_loses_at_full_and_not_at_extra(losable: FaultFS, tmp_path: Path) -> None:
    """The commit is the deletion of the journal, and only EXTRA syncs the folder after it."""
    (tmp_path / "full").mkdir()
    (tmp_path / "extra").mkdir()
    _, lost, corrupt = survey(losable, tmp_path / "full", 6, journal="delete")
    assert lost > 0 and corrupt == 0
    _, lost, corrupt = survey(losable, tmp_path / "extra", 6, journal="delete", synchronous="extra")
    assert (lost, corrupt) == (0, 0)


def test_a_failed_sync_may_forget_what_a_later_one_seems_to_flush(losable: FaultFS, tmp_path: Path) -> None:
    """A new connection finds the commit whose sync failed in the log, and writes behind it: gone with the power."""
    db = open_db(losable, tmp_path / "a")
    insert(db, 0)
    losable.arm(Fault(0, operations=frozenset(["sync"]), forgetful=True))
    with pytest.raises(apsw.IOError):
        insert(db, 1)
    db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    db.close()
    db = open_db(losable, tmp_path / "a")
    insert(db, 2)
    assert numbers(db) == {0, 1, 2}
    losable.lose_power(0)
    close(db)
    losable.power_on()
    db = open_db(losable, tmp_path / "a")
    assert numbers(db) == {0}
    db.close()


def write(fs: FaultFS, path: Path, *changes: Callable[[apsw.VFSFile], None]) -> None:
    flags = [apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_READWRITE, 0]
    file = fs.xOpen(str(path), flags)
    for change in changes:
        change(file)
    file.xClose()


def test_writes_are_kept_dropped_and_torn_at_sectors(losable: FaultFS, tmp_path: Path) -> None:
    path = tmp_path / "a"
    outcomes: set[bytes] = set()
    for seed in range(60):
        path.write_bytes(b"o" * 4 * SECTOR)
        write(
            losable,
            path,
            lambda file: file.xWrite(b"1" * 2 * SECTOR, SECTOR // 2),
            lambda file: file.xSync(apsw.SQLITE_SYNC_NORMAL),
            lambda file: file.xWrite(b"2" * 2 * SECTOR, SECTOR),
        )
        assert path.read_bytes().count(b"2") == 2 * SECTOR
        losable.lose_power(seed)
        losable.power_on()
        content = path.read_bytes()
        assert content[:SECTOR] == b"o" * (SECTOR // 2) + b"1" * (SECTOR // 2)  # synced
        assert content[3 * SECTOR :] == b"o" * SECTOR
        for start in (SECTOR, 2 * SECTOR):
            assert content[start : start + SECTOR].rstrip(b"2") in (b"", _synced(start))
        outcomes.add(content)
    assert len(outcomes) == 4  # both sectors, either, none


def _synced(start: int) -> bytes:
    return b"1" * SECTOR if start == SECTOR else b"1" * (SECTOR // 2) + b"o" * (SECTOR // 2)


def test_a_truncation_can_be_lost(losable: FaultFS, tmp_path: Path) -> None:
    path = tmp_path / "a"
    sizes: set[int] = set()
    for seed in range(30):
        path.write_bytes(b"o" * 1000)
        write(losable, path, lambda file: file.xTruncate(10))
        losable.lose_power(seed)
        losable.power_on()
        sizes.add(path.stat().st_size)
    assert sizes == {10, 1000}


def test_files_made_or_deleted_can_be_undone_until_the_folder_is_synced(losable: FaultFS, tmp_path: Path) -> None:
    path, old = tmp_path / "new", tmp_path / "old"
    outcomes: set[tuple[bool, bool]] = set()
    for seed in range(40):
        path.unlink(missing_ok=True)
        old.write_bytes(b"old")
        write(losable, path, lambda file: file.xSync(apsw.SQLITE_SYNC_NORMAL))
        losable.xDelete(str(old), False)
        losable.lose_power(seed)
        losable.power_on()
        outcomes.add((path.exists(), old.exists()))
    assert len(outcomes) == 4
    for seed in range(10):
        old.write_bytes(b"old")
        losable.xDelete(str(old), True)
        losable.lose_power(seed)
        losable.power_on()
        assert not old.exists()


def test_after_the_loss_everything_fails_until_the_power_is_back(losable: FaultFS, tmp_path: Path) -> None:
    db = open_db(losable, tmp_path / "a")
    insert(db, 0)
    losable.lose_power(0)
    for _ in range(2):
        with pytest.raises(apsw.Error):
            insert(db, 1)
    with pytest.raises(apsw.Error):
        open_db(losable, tmp_path / "a")
    with pytest.raises(ValueError, match="still open"):
        losable.power_on()
    close(db)
    losable.power_on()
    db = open_db(losable, tmp_path / "a")
    assert numbers(db) == {0}
    db.close()


def test_only_a_losable_file_system_loses(fs: FaultFS) -> None:
    with pytest.raises(ValueError, match="losable"):
        fs.lose_power(0)
