"""Partitions: no two share a schedule, interrupted runs go on, workers may die, and every executor gives the same."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from batch_support import request, table
from slotwright.io import Calendar, open_calendar
from slotwright.io.arrow import parquet
from slotwright.io.batch import executors, partition, run
from slotwright.io.batch.executors import EXECUTORS, How, Job, run_jobs
from slotwright.io.batch.partition import solve_partition
from slotwright.io.batch.partitions import split
from slotwright.io.batch.parts import finished
from slotwright.io.batch.requests import Requests
from slotwright.io.batch.run import Options, find_in_one, find_in_parts
from slotwright.io.errors import WorkersLost
from slotwright.io.tables import export_tables
from slotwright.solver.errors import InvalidInputError
from support import hours, parameters, practitioner, schedule, service, slot

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
WEEK = "2026-03-16T00:00:00Z", "2026-03-21T00:00:00Z"
NAMES = [f"s{number}" for number in range(8)]


def calendar() -> Calendar:
    open_hours = parameters(availability=[hours(["mon", "tue"], "09:00:00", "12:00:00")], timezone="Etc/UTC")
    slots = [slot(f"b{n}", n, "2026-03-16T09:00:00Z", "2026-03-16T10:30:00Z") for n in NAMES[::2]]
    return open_calendar(
        [service(), *map(practitioner, NAMES), *(schedule(name, open_hours) for name in NAMES), *slots]
    )


ROWS = [
    *(request("checkup", [[name]], *WEEK, request_id=f"of {name}") for name in NAMES),
    request("checkup", [["s1", "s0"], ["s2"]], *WEEK, count=3),
    request("checkup", [["Schedule/s6"], ["s3"]], *WEEK, count=3),
    request("checkup", [["nobody"]], *WEEK),
    request("checkup", [], *WEEK),
    *(request("checkup", [[name]], *WEEK, count=1) for name in NAMES[::-1]),
]


@pytest.fixture(name="tables")
def tables_fixture(tmp_path: Path) -> Path:
    export_tables(calendar(), tmp_path / "tables", compiled=True)
    return tmp_path / "tables"


@pytest.fixture(name="requests")
def requests_fixture(tmp_path: Path) -> str:
    parquet().write_table(table(ROWS), tmp_path / "requests.parquet")
    return str(tmp_path / "requests.parquet")


def silent(*_: int) -> None:
    pass


def solve(requests: str, answers: Path, tables: Path, count: int, how: How = How()) -> run.Report:  # noqa: B008
    return find_in_parts(requests, str(answers), tables, Options(), NOW, count, how, silent)


# Parting


@pytest.mark.parametrize("seed", range(30))
def test_no_two_parts_share_a_schedule(seed: int) -> None:
    dice = Random(seed)
    rows: list[dict[str, Any]] = []
    for _ in range(40):
        pools = [
            [f"s{dice.randrange(60)}" for _ in range(dice.choice([1, 1, 2]))] for _ in range(dice.choice([1, 1, 2]))
        ]
        rows.append(request("checkup", pools, *WEEK))
    count = dice.randint(1, 12)
    parts = split(Requests(table(rows)), count)
    assert sorted(place for part in parts for place in places_of(part)) == list(range(40))
    assert 1 <= len(parts) <= count and all(places_of(part) == sorted(part) for part in parts)
    named = [
        {name for place in places_of(part) for pool in rows[place]["schedules"] for name in pool} for part in parts
    ]
    assert sum(map(len, named)) == len({name for names in named for name in names})


def places_of(part: Any) -> list[int]:
    return part.tolist()


def test_parts_are_of_about_equal_size() -> None:
    rows = [request("checkup", [[f"s{number}"]], *WEEK) for number in range(1000)]
    assert [len(part) for part in split(Requests(table(rows)), 4)] == [250] * 4


def test_requests_that_connect_everything_make_one_part() -> None:
    rows = [request("checkup", [[f"s{number}"], [f"s{number + 1}"]], *WEEK) for number in range(20)]
    assert len(split(Requests(table(rows)), 5)) == 1
    assert split(Requests(table([])), 5) == []


# Running


@pytest.mark.parametrize("count", [1, 2, 3, 50])
@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_partitions_change_nothing(tmp_path: Path, requests: str, tables: Path, count: int, suffix: str) -> None:
    whole, parted = tmp_path / f"whole.{suffix}", tmp_path / f"parted.{suffix}"
    one = find_in_one(requests, str(whole), tables, Options(), NOW)
    report = solve(requests, parted, tables, count)
    assert report.counts == one.counts and report.counts.requests == len(ROWS) and report.found == 0
    # s0, s1 and s2 stand together, and s3 and s6, and what names no schedule by itself.
    assert report.partitions == min(count, 7)
    if suffix == "csv":
        assert parted.read_bytes() == whole.read_bytes()
    assert parquet_rows(parted) == parquet_rows(whole)
    assert not Path(f"{parted}.parts").exists()


def parquet_rows(path: Path) -> list[dict[str, Any]]:
    return parquet().read_table(path).to_pylist() if path.suffix == ".parquet" else []


@pytest.mark.parametrize("executor", ["serial", "processes", "dask"])
def test_every_executor_writes_the_same_bytes(tmp_path: Path, requests: str, tables: Path, executor: Any) -> None:
    solve(requests, tmp_path / "expected.parquet", tables, 3)
    solve(requests, tmp_path / "answers.parquet", tables, 3, How(executor, workers=2))
    assert (tmp_path / "answers.parquet").read_bytes() == (tmp_path / "expected.parquet").read_bytes()


def test_a_dask_cluster_that_is_there_is_used_and_left_running(tmp_path: Path, requests: str, tables: Path) -> None:
    distributed: Any = importlib.import_module("distributed")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        solve(requests, tmp_path / "answers.parquet", tables, 3, How("dask", scheduler_address=address))
        with distributed.Client(address) as client:
            assert client.submit(sum, [1, 2]).result() == 3
    solve(requests, tmp_path / "expected.parquet", tables, 3)
    assert (tmp_path / "answers.parquet").read_bytes() == (tmp_path / "expected.parquet").read_bytes()


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("tcp://127.0.0.1:9", r"No Dask scheduler answers at tcp://127\.0\.0\.1:9"),
        ("nonsense", "'nonsense' is no address of a Dask scheduler: missing port number.*Write it as tcp://host:8786"),
        ("udp://there:1", "'udp://there:1' is no address of a Dask scheduler: .*Write it as tcp://host:8786"),
    ],
)
def test_an_address_where_no_scheduler_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, text: str
) -> None:
    monkeypatch.setattr(executors, "_PATIENCE", 1)
    with pytest.raises(InvalidInputError, match=text):
        run_jobs("executor_jobs:refuse", [Job(str(tmp_path / "in"), "")], {}, How("dask", None, address), silent)


@pytest.mark.parametrize("executor", ["processes", "dask"])
@pytest.mark.filterwarnings("default")  # what is left of a killed worker's connections is no fault of ours
def test_a_killed_worker_costs_its_partition_and_not_the_run(tmp_path: Path, tables: Path, executor: Any) -> None:
    parts = split(Requests(table(ROWS)), 3)
    jobs = [Job(str(tmp_path / f"in-{n}.parquet"), str(tmp_path / f"out-{n}.parquet")) for n in range(len(parts))]
    options = {"tables": str(tables), "now_ms": NOW_MS, "engine": "auto", "mark": str(tmp_path / "mark")}
    for job, part in zip(jobs, parts):
        parquet().write_table(table([ROWS[place] for place in places_of(part)]), job.path_in)
        solve_partition(job.path_in, f"{job.path_out}.expected", options)
    run_jobs("executor_jobs:solve_or_die", jobs, options, How(executor, workers=2), silent)
    assert (tmp_path / "mark").exists()
    for job in jobs:
        assert Path(job.path_out).read_bytes() == Path(f"{job.path_out}.expected").read_bytes()


def test_workers_that_die_again_and_again_end_the_run(tmp_path: Path) -> None:
    jobs = [Job(str(tmp_path / "in"), str(tmp_path / "out"))]
    with pytest.raises(WorkersLost, match="lost 3 times in a row"):
        run_jobs("executor_jobs:die", jobs, {}, How("processes", workers=1), silent)


@pytest.mark.parametrize("executor", ["serial", "processes", "dask"])
def test_what_a_job_raises_is_raised(tmp_path: Path, executor: Any) -> None:
    with pytest.raises(InvalidInputError, match="in is refused"):
        run_jobs("executor_jobs:refuse", [Job(str(tmp_path / "in"), "")], {}, How(executor, workers=1), silent)


def test_dask_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InvalidInputError, match=r"Install slotwright\[dask\]"):
        run_jobs("executor_jobs:refuse", [], {}, How("dask"), silent)
    assert EXECUTORS == ("serial", "processes", "dask")


# Going on


def test_an_interrupted_run_goes_on(
    tmp_path: Path, requests: str, tables: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    solve(requests, tmp_path / "expected.parquet", tables, 4)
    answers = tmp_path / "answers.parquet"
    solved: list[str] = []

    def until_the_third(path_in: str, path_out: str, options: dict[str, Any]) -> None:
        if len(solved) == 2:
            raise KeyboardInterrupt
        solved.append(path_in)
        solve_partition(path_in, path_out, options)

    monkeypatch.setattr(partition, "solve_partition", until_the_third)
    with pytest.raises(KeyboardInterrupt):
        solve(requests, answers, tables, 4)
    assert not answers.exists() and finished(str(answers)) == (2, 4)
    monkeypatch.setattr(partition, "solve_partition", solve_partition)
    # The time of the first run holds on: nothing else would give one state of all holds.
    report = find_in_parts(requests, str(answers), tables, Options(), datetime.now(UTC), 4, How(), silent)
    assert (report.partitions, report.found) == (4, 2)
    assert answers.read_bytes() == (tmp_path / "expected.parquet").read_bytes()


@pytest.mark.parametrize("changed", ["requests", "tables", "options", "partitions"])
def test_what_was_finished_for_something_else_is_done_again(
    tmp_path: Path, requests: str, tables: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    answers = tmp_path / "answers.parquet"

    def but_the_last(path_in: str, path_out: str, options: dict[str, Any]) -> None:
        if Path(path_in).name == "requests-00002.parquet":
            raise KeyboardInterrupt
        solve_partition(path_in, path_out, options)

    monkeypatch.setattr(partition, "solve_partition", but_the_last)
    with pytest.raises(KeyboardInterrupt):
        solve(requests, answers, tables, 3)
    monkeypatch.setattr(partition, "solve_partition", solve_partition)
    if changed == "requests":
        parquet().write_table(table(ROWS[1:]), requests)
    if changed == "tables":
        export_tables(open_calendar([service()]), tables, replace=True)
    options = Options(NOW_MS + 1) if changed == "options" else Options()
    count = 4 if changed == "partitions" else 3
    report = find_in_parts(requests, str(answers), tables, options, NOW, count, How(), silent)
    assert report.found == 0 and report.partitions == count
    find_in_one(requests, str(tmp_path / "expected.parquet"), tables, options, NOW)
    assert parquet_rows(answers) == parquet_rows(tmp_path / "expected.parquet")


def test_a_run_that_finished_nothing_leaves_nothing(tmp_path: Path, requests: str, tables: Path) -> None:
    (tables / "rules.parquet").write_bytes(b"PAR1")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(Exception, match="is damaged"):
        solve(requests, tmp_path / "answers.parquet", tables, 3)
    assert sorted(tmp_path.iterdir()) == before


def test_what_a_killed_run_leaves_is_no_folder_in_the_way(tmp_path: Path, requests: str, tables: Path) -> None:
    work = tmp_path / "answers.csv.parts"
    work.mkdir()
    for name in ("requests-00000.parquet", "answers-00007.parquet", ".slotwright-0123.partial"):
        (work / name).write_bytes(b"half written")
    solve(requests, tmp_path / "answers.csv", tables, 3)
    find_in_one(requests, str(tmp_path / "expected.csv"), tables, Options(), NOW)
    assert (tmp_path / "answers.csv").read_bytes() == (tmp_path / "expected.csv").read_bytes()
    assert not work.exists()


def test_a_folder_in_the_way_is_left_alone(tmp_path: Path, requests: str, tables: Path) -> None:
    (tmp_path / "answers.csv.parts").mkdir()
    (tmp_path / "answers.csv.parts" / "thesis.tex").write_text("mine")
    (tmp_path / "answers.csv.parts" / "manifest.json").write_text("{}")
    with pytest.raises(InvalidInputError, match=r"is in the way: it holds thesis\.tex, which is no part of a run"):
        solve(requests, tmp_path / "answers.csv", tables, 3)
    (tmp_path / "file.csv.parts").write_text("mine")
    with pytest.raises(InvalidInputError, match="is in the way: it is a file"):
        solve(requests, tmp_path / "file.csv", tables, 3)
    with pytest.raises(InvalidInputError, match="Partitions need a file"):
        find_in_parts(requests, "-", tables, Options(), NOW, 3, How(), silent)
    with pytest.raises(InvalidInputError, match="make it first"):
        solve(requests, tmp_path / "nowhere" / "answers.csv", tables, 3)
    assert (tmp_path / "answers.csv.parts" / "thesis.tex").read_text() == "mine"


@pytest.mark.parametrize("moment", ["while they start", "while they work"])
def test_ctrl_c_ends_workers_and_leaves_what_is_finished(tmp_path: Path, moment: str) -> None:
    script = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from slotwright.io.batch.executors import How, Job, run_jobs\n"
        "if __name__ == '__main__':\n"
        "    jobs = [Job(name, name + '.out') for name in sys.argv[1:4]]\n"
        "    options = {'first': sys.argv[1], 'waiting': sys.argv[4]}\n"
        "    run_jobs('executor_jobs:write_and_wait', jobs, options, How('processes', workers=2), lambda *_: None)\n"
        "elif len(sys.argv) > 5:\n"
        "    Path(sys.argv[4]).touch()\n"
        "    time.sleep(1)\n"
    )
    (tmp_path / "script.py").write_text(script)
    names = [str(tmp_path / name) for name in ("a", "b", "c")]
    waiting = tmp_path / "waiting"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    is_at_work = moment == "while they work"
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "script.py"), *names, str(waiting), *([] if is_at_work else ["slowly"])],
        env=environment, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not (waiting.exists() and (Path(f"{names[0]}.out").exists() or not is_at_work)):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to workers too
    _, printed = process.communicate(timeout=30)
    assert process.returncode != 0 and printed.rstrip().endswith(b"KeyboardInterrupt")
    assert printed.count(b"Traceback") == 1
    assert [Path(f"{name}.out").exists() for name in names] == [is_at_work, False, False]
