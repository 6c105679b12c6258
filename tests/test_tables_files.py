"""Files of tables: what is written, and that nothing half-written is ever left."""

from __future__ import annotations

import gzip
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from slotwright.io import Calendar, open_calendar, open_ledger, tables
from slotwright.io.arrow import parquet
from slotwright.io.staging import new_file
from slotwright.io.tables import export_ndjson, export_tables
from slotwright.solver.errors import InvalidInputError
from support import Resource, slot
from table_support import PLAIN, content, small

pq = parquet()

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("schedules", "slots", "rules", "appointments")


def rows(folder: Path, name: str) -> list[Resource]:
    return pq.read_table(folder / f"{name}.parquet").to_pylist()


def exported(folder: Path, name: str, *resources: Resource) -> list[Resource]:
    """The rows of one table over these resources."""
    export_tables(open_calendar(resources), folder / "tables", replace=True)
    return rows(folder / "tables", name)


def test_what_is_written_is_counted_and_comes_back(tmp_path: Path) -> None:
    counts = export_tables(small(), tmp_path / "tables")
    assert counts == {"schedules": 2, "rules": 2, "slots": 2, "appointments": 1, "resources": 4}
    assert sorted(os.listdir(tmp_path / "tables")) == [
        "appointments.parquet", "resources.ndjson", "rules.parquet", "schedules.parquet", "slots.parquet",
    ]  # fmt: skip
    assert content(open_calendar(tmp_path / "tables")) == content(small())


def test_nothing_at_all_is_four_empty_tables(tmp_path: Path) -> None:
    export_tables(open_calendar([]), tmp_path / "tables")
    assert sorted(os.listdir(tmp_path / "tables")) == [f"{name}.parquet" for name in sorted(NAMES)]
    assert [rows(tmp_path / "tables", name) for name in NAMES] == [[], [], [], []]
    assert open_calendar(tmp_path / "tables").kinds() == []


def test_each_file_names_its_table_and_the_version(tmp_path: Path) -> None:
    export_tables(small(), tmp_path / "tables")
    for name in NAMES:
        metadata = pq.read_metadata(tmp_path / "tables" / f"{name}.parquet").metadata
        assert metadata[b"slotwright.format"] == b"1"
        assert metadata[b"slotwright.table"] == name.encode()


def test_rows_are_sorted_however_many_runs_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row groups of 7, several schedules, times that repeat, and Slots without either."""
    monkeypatch.setattr(tables, "SLOTS", tables.SLOTS._replace(batch=7))
    draw = random.Random(1)
    hours_of_day = [f"{hour:02}:00:00.000Z" for hour in range(8, 12)]
    slots = [
        slot(f"{number}", draw.choice("abc"), f"2026-03-16T{draw.choice(hours_of_day)}", "2026-03-17T00:00:00.000Z")
        for number in range(100)
    ]
    slots += [slot(f"x{number}", "b", "sometime", "2026-03-17T00:00:00.000Z") for number in range(5)]
    slots += [{**PLAIN, "id": f"y{number}", "schedule": {"reference": "urn:oid:1.2"}} for number in range(3)]
    draw.shuffle(slots)
    found = exported(tmp_path, "slots", *slots)

    def key(resource: Resource) -> tuple[Any, ...]:
        of = resource["schedule"]["reference"]
        is_ours, is_readable = of.startswith("Schedule/"), resource["start"] != "sometime"
        return not is_ours, of if is_ours else "", not is_readable, resource["start"], resource["id"]

    assert [row["id"] for row in found] == [one["id"] for one in sorted(slots, key=key)]
    file = pq.ParquetFile(tmp_path / "tables" / "slots.parquet")
    groups = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
    assert groups == [7] * 15 + [3]
    assert content(open_calendar(tmp_path / "tables"))["Slot"] == sorted(slots, key=lambda one: one["id"])


def test_the_files_do_not_depend_on_the_order_of_the_resources(tmp_path: Path) -> None:
    resources = [one for several in content(small()).values() for one in several]
    for name, order in (("one", resources), ("other", resources[::-1])):
        export_tables(open_calendar(order), tmp_path / name)
    for name in NAMES:
        one, other = (tmp_path / folder / f"{name}.parquet" for folder in ("one", "other"))
        assert one.read_bytes() == other.read_bytes()


def test_ndjson_has_a_file_for_each_type(tmp_path: Path) -> None:
    counts = export_ndjson(small(), tmp_path / "out")
    assert counts == {
        "Appointment": 1, "HealthcareService": 1, "Patient": 1, "Practitioner": 2, "Schedule": 2, "Slot": 2,
    }  # fmt: skip
    assert sorted(os.listdir(tmp_path / "out")) == [f"{kind}.ndjson" for kind in counts]
    lines = (tmp_path / "out" / "Slot.ndjson").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["s", "t"]
    assert content(open_calendar(tmp_path / "out")) == content(small())


def test_a_ledger_is_exported_like_a_calendar(tmp_path: Path) -> None:
    """Its versions and times of change stand in columns: its plain Slots need no JSON."""
    moment = datetime(2026, 3, 1, 8, tzinfo=UTC)
    with open_ledger(tmp_path / "l.ledger", clock=lambda: moment) as ledger:
        ledger.load([ROOT / "examples" / "clinic"])
        with ledger.reading() as state:
            export_tables(state, tmp_path / "ledger")
            stored = content(state)
    assert content(open_calendar(tmp_path / "ledger")) == stored
    slots = rows(tmp_path / "ledger", "slots")
    assert {(row["version"], row["last_updated"], row["resource"]) for row in slots} == {(1, moment, None)}
    export_tables(open_calendar(ROOT / "examples" / "clinic"), tmp_path / "calendar")
    assert rows(tmp_path / "ledger", "rules") == rows(tmp_path / "calendar", "rules")


@pytest.mark.parametrize("name", ["all.ndjson", "all.JSONL", "all.ndjson.gz"])
def test_ndjson_may_be_one_file(tmp_path: Path, name: str) -> None:
    export_ndjson(small(), tmp_path / name)
    assert os.listdir(tmp_path) == [name]
    assert content(open_calendar(tmp_path / name)) == content(small())
    if name.endswith(".gz"):
        assert len(gzip.decompress((tmp_path / name).read_bytes()).splitlines()) == 9


def test_progress_is_reported_now_and_then(tmp_path: Path) -> None:
    several = [{**PLAIN, "id": f"{number}"} for number in range(10_000)]
    seen: list[int] = []
    export_tables(open_calendar(several), tmp_path / "tables", progress=seen.append)
    export_ndjson(open_calendar(several), tmp_path / "out", progress=seen.append)
    assert seen == [4096, 8192] * 2


# All or nothing


class Failing(Calendar):
    """A store that breaks off in the middle of some type."""

    def __init__(self, calendar: Calendar, kind: str, error: BaseException) -> None:
        super().__init__(
            {kind: {one["id"]: one for one in calendar.resources(kind)} for kind in calendar.kinds()}, (), calendar.now
        )
        self._kind, self._error = kind, error

    def resources(self, kind: str) -> Iterator[Resource]:
        yield from super().resources(kind)
        if kind == self._kind:
            raise self._error


WRITERS: list[Callable[..., dict[str, int]]] = [export_tables, export_ndjson]


@pytest.mark.parametrize("error", [OSError("disk"), KeyboardInterrupt()], ids=["error", "ctrl-c"])
@pytest.mark.parametrize("kind", ["Schedule", "Slot", "Appointment", "Patient"])
@pytest.mark.parametrize("write", WRITERS)
def test_an_export_that_fails_leaves_nothing(
    tmp_path: Path, write: Callable[..., dict[str, int]], kind: str, error: BaseException
) -> None:
    with pytest.raises(type(error)):
        write(Failing(small(), kind, error), tmp_path / "out")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("write", WRITERS)
def test_an_export_that_fails_leaves_the_former_one(tmp_path: Path, write: Callable[..., dict[str, int]]) -> None:
    write(small(), tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    with pytest.raises(KeyboardInterrupt):
        write(Failing(open_calendar([PLAIN]), "Slot", KeyboardInterrupt()), tmp_path / "out", replace=True)
    assert os.listdir(tmp_path) == ["out"]
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


@pytest.mark.parametrize("step", ["rename", "rename again"])
def test_a_former_export_survives_a_failing_swap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    export_tables(small(), tmp_path / "out")
    before = sorted(os.listdir(tmp_path / "out"))
    rename, calls = Path.rename, list[Path]()

    def failing(self: Path, target: Path) -> Path:
        calls.append(self)
        if len(calls) == (1 if step == "rename" else 2):
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(KeyboardInterrupt):
        export_tables(open_calendar([PLAIN]), tmp_path / "out", replace=True)
    assert os.listdir(tmp_path) == ["out"]
    assert sorted(os.listdir(tmp_path / "out")) == before
    assert len(rows(tmp_path / "out", "schedules")) == 2


def test_a_failing_single_file_leaves_the_former_one(tmp_path: Path) -> None:
    (tmp_path / "all.ndjson").write_text("former")
    with pytest.raises(OSError):
        export_ndjson(Failing(small(), "Slot", OSError("disk")), tmp_path / "all.ndjson", replace=True)
    assert os.listdir(tmp_path) == ["all.ndjson"]
    assert (tmp_path / "all.ndjson").read_text() == "former"


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """No file may grow beyond 20,000 bytes; the signal that says so is ignored, so that writing fails instead."""
    script = (
        "import resource, signal, sys, os\n"
        "from slotwright.io import open_calendar\n"
        "from slotwright.io.tables import export_tables\n"
        "calendar = open_calendar('examples/clinic')\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "try:\n    export_tables(calendar, sys.argv[1])\n"
        "except OSError as error:\n    sys.exit(f'OSError {error}')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "out")], cwd=ROOT, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.stderr.startswith("OSError") and done.returncode == 1
    assert os.listdir(tmp_path) == []


# Where it may be written


def test_a_folder_that_is_not_empty_is_refused_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    export_tables(small(), tmp_path / "out")
    with pytest.raises(InvalidInputError, match="out is not empty"):
        export_tables(small(), tmp_path / "out")
    export_tables(open_calendar([PLAIN]), tmp_path / "out", replace=True)
    assert sorted(os.listdir(tmp_path / "out")) == [f"{name}.parquet" for name in sorted(NAMES)]
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("write", WRITERS)
def test_files_of_others_are_never_replaced(tmp_path: Path, write: Callable[..., dict[str, int]]) -> None:
    write(small(), tmp_path / "out")
    (tmp_path / "out" / "thesis.doc").write_text("x")
    with pytest.raises(InvalidInputError, match=r"holds thesis\.doc, which no export wrote"):
        write(small(), tmp_path / "out", replace=True)
    assert (tmp_path / "out" / "thesis.doc").exists()


def test_an_empty_folder_and_one_behind_a_link_are_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o750)
    (tmp_path / "link").symlink_to(tmp_path / "out")
    export_tables(small(), tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "out").stat().st_mode & 0o777 == 0o750
    assert content(open_calendar(tmp_path / "out")) == content(small())


@pytest.mark.parametrize("write", WRITERS)
def test_places_that_cannot_be_written_to(tmp_path: Path, write: Callable[..., dict[str, int]]) -> None:
    (tmp_path / "file").write_text("x")
    for target, words in (
        (tmp_path / "file", "is a file; name a folder"),
        (tmp_path / "none" / "out", "is no folder; make it first"),
        ("", "An empty path"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            write(small(), target)


def test_a_single_file_that_exists_is_replaced_only_on_request(tmp_path: Path) -> None:
    (tmp_path / "all.ndjson").write_text("former")
    with pytest.raises(InvalidInputError, match="exists already"):
        export_ndjson(small(), tmp_path / "all.ndjson")
    export_ndjson(small(), tmp_path / "all.ndjson", replace=True)
    assert content(open_calendar(tmp_path)) == content(small())
    (tmp_path / "folder.ndjson").mkdir()
    with pytest.raises(InvalidInputError, match="is a folder; name a file"):
        export_ndjson(small(), tmp_path / "folder.ndjson", replace=True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_or_a_device_is_never_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(InvalidInputError, match="is a device or a pipe"), new_file(pipe, replace=True):
        pass
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_what_an_interrupted_process_left_is_not_read(tmp_path: Path) -> None:
    export_tables(small(), tmp_path / "out")
    left = tmp_path / ".slotwright-0123456789abcdef.partial"
    left.mkdir()
    (left / "slots.parquet").write_bytes(b"PAR1 half")
    assert content(open_calendar(tmp_path)) == content(small())
