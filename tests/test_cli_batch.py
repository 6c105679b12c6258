"""`slotwright batch find` and `slotwright compile` as people use them."""

from __future__ import annotations

import csv
import doctest
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from random import random
from typing import Any

import pytest
from slotwright.cli.main import run
from slotwright.io import open_calendar, open_ledger
from slotwright.io.arrow import parquet

ROOT = Path(__file__).resolve().parent.parent
CLINIC = ROOT / "examples" / "clinic"
SLOTWRIGHT = str(Path(sys.executable).with_name("slotwright"))
EXAMPLES = ROOT / "examples" / "requests.csv"

Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture(name="ask")
def ask_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Runs `slotwright` in an empty folder: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    for name in ("CALENDAR", "LEDGER", "NOW", "TIMEZONE", "ENGINE"):
        monkeypatch.delenv(f"SLOTWRIGHT_{name}", raising=False)

    def asked(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run([*arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return asked


def find(*more: str, requests: str = str(EXAMPLES), output: str = "answers.csv") -> list[str]:
    return ["batch", "find", requests, "-o", output, *more]


SAID = "5 requests: 3 with offers, 1 without, 1 at fault; 4 offers.\n"


def test_every_source_gives_the_same_answers(ask: Ask, tmp_path: Path) -> None:
    assert ask("compile", str(CLINIC), "-o", "tables") == (
        0,
        "Compiled 2,248 rows to tables: 23 schedules, 26 rules, 915 slots, 257 appointments, 112 resources, "
        "915 compiled.\n",
        "",
    )
    with open_ledger(tmp_path / "clinic.ledger") as ledger:
        ledger.load([str(CLINIC)], who="test")
    assert ask("compile", "--ledger", "clinic.ledger", "-o", "other")[0] == 0
    sources = [
        ["--calendar", str(CLINIC)],
        ["--ledger", "clinic.ledger"],
        ["--tables", "tables"],
        ["--calendar", "tables"],
        ["--tables", "other", "--partitions", "3"],
        ["--tables", "tables", "--engine", "cp-sat"],
    ]
    printed: set[str] = set()
    for source in sources:
        code, out, err = ask(*find(*source, output="-" if "--partitions" not in source else "answers.csv"))
        assert (code, err.splitlines()[0]) == (5, SAID.strip())
        printed.add(out or (tmp_path / "answers.csv").read_text())
    assert len(printed) == 1 and printed.pop().startswith("request_id,row,rank,start,end,schedules,status,reason\n")


def test_no_fault_exits_with_zero_even_without_offers(ask: Ask, tmp_path: Path) -> None:
    lines = EXAMPLES.read_text().splitlines(keepends=True)
    (tmp_path / "requests.csv").write_text("".join([lines[0], lines[4]]))
    code, out, err = ask(*find("--calendar", str(CLINIC), requests="requests.csv"))
    assert (code, out, err) == (0, "", "1 request: 0 with offers, 1 without, 0 at fault; 0 offers.\n")


def test_standard_input(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    class Piped:
        buffer = io.BytesIO(EXAMPLES.read_bytes())

    monkeypatch.setattr(sys, "stdin", Piped())
    code, _, err = ask(*find("--calendar", str(CLINIC), requests="-", output="answers.parquet"))
    assert (code, err) == (5, SAID)
    assert parquet().read_metadata("answers.parquet").num_rows == 6


def test_the_summary_counts_what_is_left(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "requests.csv").write_text(
        "service,schedules,start,end\n"
        "check-up,dr-novak,2026-03-10T00:00:00-04:00,2026-03-11T00:00:00-04:00\n"
        'check-up,"dr-novak,exam-1;nobody",2026-03-13T00:00:00-04:00,2026-03-14T00:00:00-04:00\n'
        "nothing,dr-novak,2026-03-10,2026-03-11\n"
        "check-up,dr-novak,soon,2026-03-11\n"
    )
    code, _, _ = ask(*find("--calendar", str(CLINIC), "--summary", "s.csv", requests="requests.csv"))
    assert code == 5
    rows = list(csv.DictReader(io.StringIO((tmp_path / "s.csv").read_text())))
    assert {(row["service"], row["schedule"]) for row in rows} == {("check-up", "dr-novak"), ("check-up", "exam-1")}
    assert [row["day"] for row in rows if row["schedule"] == "exam-1"] == [f"2026-03-{day}" for day in range(10, 14)]
    # The single finds of each day say the same about starts; Dr. Novak's slots of the 12th take two hours of eight.
    calendar = open_calendar(str(CLINIC))
    for row in rows:
        assert int(row["offers"]) == offers_on(calendar, row["schedule"], date.fromisoformat(row["day"]))
    of_12 = next(row for row in rows if (row["schedule"], row["day"]) == ("dr-novak", "2026-03-12"))
    assert [of_12[name] for name in ("open_minutes", "free_minutes", "utilisation")] == ["480", "360", "0.25"]
    code, out, _ = ask(*find("--calendar", str(CLINIC), "--summary", "-", requests="requests.csv"))
    assert [line.split() for line in out.splitlines()[2:]] == [
        [*list(row.values())[:6], f"{float(row['utilisation']):.0%}"] for row in rows
    ]


def offers_on(calendar: Any, schedule: str, day: date) -> int:
    from slotwright.io import invoke

    query = {
        "start": f"{day}T00:00:00-04:00",
        "end": f"{day}T23:59:00-04:00",
        "service-type-reference": "HealthcareService/check-up",
        "schedule": f"Schedule/{schedule}",
        "_count": "1000",
    }
    _, found = invoke(calendar, "Appointment/$find", query=query)
    return len(found.get("entry", []))


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (find("--tables", "nowhere"), 5, "nowhere holds no tables"),
        (find("--calendar", str(CLINIC), requests="none.csv"), 5, "none.csv cannot be read: No such file"),
        (find("--calendar", str(CLINIC), requests="requests.txt"), 5, "the suffix names no format"),
        (find("--calendar", str(CLINIC), output="answers.txt"), 5, "the suffix names no format"),
        (find("--calendar", str(CLINIC), output="nowhere/answers.csv"), 5, "make it first"),
        (find("--calendar", str(CLINIC), requests="a.csv", output="./a.csv"), 5, "answers would replace the requests"),
        (find("--calendar", str(CLINIC), "--summary", "a.csv", requests="a.csv"), 5, "summary would replace the req"),
        (find("--calendar", str(CLINIC), "--summary", "answers.csv"), 5, "the summary would replace the answers"),
        (find("--calendar", str(CLINIC), "--summary", "nowhere/s.csv"), 5, "make it first"),
        (find("--calendar", str(CLINIC), "--summary", "s.txt"), 5, "the suffix names no format"),
        (find(), 2, "Missing option '--calendar' or '--ledger'"),
        (find("--tables", "t", "--calendar", "c"), 2, "--tables and --calendar exclude each other"),
        (find("--calendar", "c", "--summary", "-", output="-"), 2, "cannot both be standard output"),
        (find("--tables", "t", "--summary", "s.csv", requests="-"), 2, "standard input is read once"),
        (find("--tables", "t", "--scheduler-address", "tcp://x"), 2, "is for --executor dask"),
        (find("--calendar", "c", "--scheduler-address", "x", "--executor", "dask"), 2, "needs --tables"),
        (find("--calendar", str(CLINIC), "--now", "today"), 5, "is not an instant"),
        (["compile", "nowhere", "-o", "tables"], 5, "nowhere"),
        (["compile", "-o", "tables"], 2, "Missing argument 'PATH' or option '--ledger'."),
        (["compile", str(CLINIC), "--ledger", "x", "-o", "tables"], 2, "--ledger and PATH exclude each other."),
        (["compile", str(CLINIC), "-o", "nowhere/tables"], 5, "make it first"),
    ],
)
def test_what_is_refused(ask: Ask, tmp_path: Path, arguments: list[str], code: int, text: str) -> None:
    found, out, err = ask(*arguments)
    assert (found, out) == (code, "")
    assert text in err and "Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_ctrl_c_says_how_to_continue(tmp_path: Path) -> None:
    ids = ("dr-novak", "exam-1", "exam-2", "pt-garcia")
    # So many that the second partition is not finished before the first was seen, however busy the machine is.
    pools = ["dr-novak;exam-1,exam-2"] * 4000
    rows = [f"check-up,{ids[0]},2026-03-10,2026-03-11", f"check-up,{ids[3]},2026-03-10,2026-03-11"]
    rows += [f'check-up,"{pool}",2026-03-10,2026-04-09' for pool in pools]
    (tmp_path / "requests.csv").write_text("\n".join(["service,schedules,start,end", rows[1], *rows[2:], rows[0]]))
    process = subprocess.Popen(
        [SLOTWRIGHT, *find("--calendar", str(CLINIC), "--partitions", "2",
         requests="requests.csv")],
        cwd=tmp_path, stderr=subprocess.PIPE, env={**os.environ}, start_new_session=True,
    )  # fmt: skip
    work = tmp_path / "answers.csv.parts"
    deadline = time.monotonic() + 60
    while not (work / "answers-00000.parquet").exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 130
    assert [line for line in printed.decode().splitlines() if line][-2:] == [
        "1 of 2 partitions is finished, in answers.csv.parts. The same command continues.",
        "Interrupted.",
    ]
    assert not (tmp_path / "answers.csv").exists()


@pytest.mark.parametrize("executor", ["serial", "processes"])
def test_a_run_that_ctrl_c_interrupts_anywhere_ends_with_the_same_file(ask: Ask, tmp_path: Path, executor: str) -> None:
    # Most of them do not offer the service: every answer is to be there in the end, faults too.
    ids = ("dr-novak;exam-1,exam-2", "pt-garcia", "dr-kim", "dr-osei", "dr-martinez")
    rows = [f'check-up,"{ids[place % 5]}",2026-03-10,2026-04-09' for place in range(300)]
    (tmp_path / "requests.csv").write_text("\n".join(["service,schedules,start,end", *rows]))
    assert ask("compile", str(CLINIC), "-o", "tables")[0] == 0
    assert ask(*find("--tables", "tables", requests="requests.csv", output="expected.csv"))[0] == 5
    command = find("--tables", "tables", "--partitions", "4", "--executor", executor, requests="requests.csv")
    command += [] if executor == "serial" else ["--workers", "2"]
    first = subprocess.Popen([SLOTWRIGHT, *command], cwd=tmp_path, stderr=subprocess.PIPE, start_new_session=True)
    work = tmp_path / "answers.csv.parts"
    while not work.exists() and first.poll() is None:
        time.sleep(0.01)
    time.sleep(random() * 1.0)
    if first.poll() is None:
        os.killpg(first.pid, signal.SIGINT)  # as a terminal does, to workers too
    printed = first.communicate(timeout=60)[1].decode()
    if not (tmp_path / "answers.csv").exists():
        assert first.returncode == 130 and printed.endswith("Interrupted.\n")
        assert ("The same command continues." in printed) == work.exists()
    assert subprocess.run([SLOTWRIGHT, *command], cwd=tmp_path, check=False, timeout=60).returncode == 5
    assert (tmp_path / "answers.csv").read_bytes() == (tmp_path / "expected.csv").read_bytes()
    assert not work.exists()


def test_the_python_session_of_the_docs(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pandas")
    monkeypatch.chdir(ROOT)
    text = (ROOT / "docs" / "batch.md").read_text()
    test = doctest.DocTestParser().get_doctest(text, {}, "docs/batch.md", "docs/batch.md", 0)
    result = doctest.DocTestRunner(verbose=False).run(test)
    assert result.failed == 0 and result.attempted > 3
