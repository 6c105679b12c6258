"""`slotwright batch plan` and `batch replan` as people type them."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from desk_support import AMES, Ask, Said, asker, set_up
from slotwright.cli.options import Bar

ROWS = """\
request_id,service,schedules,windows,patient,after
first,checkup,"ames,bell;room-1,room-2",2026-03-10T09:00/2026-03-10T10:00,Ann Lee,
second,checkup,bell,2026-03-10,Ann Lee,first 0..1h same-day
third,checkup,ames,2026-03-10T07:00/2026-03-10T08:00,,
"""


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    ask = asker(tmp_path, monkeypatch, capsys)
    set_up(ask)
    Path("rows.csv").write_text(ROWS, encoding="utf-8")
    return ask


def table(said: Said) -> list[list[str]]:
    """The cells of the visits, row by row; two blanks part them."""
    lines = said.out.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]


def test_a_plan_for_people(ask: Ask) -> None:
    said = ask("batch", "plan", "rows.csv")
    assert said.code == 0
    assert [cells[:4] for cells in table(said)][:2] == [
        ["first", "placed", "Tue 10 Mar", "09:00 – 09:30 EDT"],
        ["second", "placed", "Tue 10 Mar", "09:30 – 10:00 EDT"],
    ]
    assert "third     not-placed" in said.out and "(ames) leaves no start in its windows." in said.out
    assert "3 requests: 2 placed, 1 without a place." in said.out
    assert "Objective 4,000 = weight 4,000. No plan is worth more.\n" in said.out
    assert said.err == (
        "What stands in the way: slotwright explain, with the service, schedules and window of such a request.\n"
    )
    assert ask("list").out.startswith("No appointments")


def test_booking_and_the_same_again(ask: Ask) -> None:
    assert "3 requests: 2 booked, 1 without a place." in ask("batch", "plan", "rows.csv", "--book").out
    booked = ask("list", "--ndjson").lines
    assert [(one["start"], one["participant"][0]["actor"]["reference"]) for one in booked] == [
        ("2026-03-10T13:00:00.000Z", "Patient/ann"),
        ("2026-03-10T13:30:00.000Z", "Patient/ann"),
    ]
    [last] = ask("ledger", "log", "--last", "1", "--ndjson").lines
    assert (last["kind"], last["input"]["who"]) == ("bundle", "tester")
    assert "3 requests: 2 booked, 1 without a place." in ask("batch", "plan", "rows.csv", "--book").out
    assert ask("list", "--ndjson").lines == booked
    assert ask("ledger", "verify").code == 0


def test_json_and_files(ask: Ask) -> None:
    found = ask("batch", "plan", "rows.csv", "--json").json
    assert found["report"]["served"] == 2
    assert found["report"]["families"] == {"weight": 4000, "lateness": 0, "preference": 0, "moves": 0, "absent": 0}
    assert [one["status"] for one in found["answers"]] == ["placed", "placed", "not-placed"]
    assert found["answers"][0]["start"] == "2026-03-10T13:00:00.000Z"
    said = ask("batch", "plan", "rows.csv", "-o", "plan.ndjson")
    assert said.out.startswith("3 requests: 2 placed")
    lines = [json.loads(line) for line in Path("plan.ndjson").read_text().splitlines()]
    assert [one["status"] for one in lines] == ["placed", "placed", "not-placed"]
    said = ask("batch", "plan", "-", "-o", "-", stdin=ROWS)
    assert said.out.startswith("request_id,row,status,") and said.err.startswith("3 requests: ")


def test_at_a_terminal_the_report_has_a_row_for_each_stage(ask: Ask) -> None:
    from slotwright.cli.plan_report import report_lines
    from slotwright.io.plans.report import Report

    found = ask("batch", "plan", "rows.csv", "--json").json["report"]
    lines = list(report_lines(Report(**found), with_stages=True))
    assert lines[1].split() == ["Stage", "Work", "Seconds", "Served", "Objective", "Bound"]
    assert [line.split()[0] for line in lines[3:5]] == ["greedy", "prices"]
    assert lines[-1] == "Objective 4,000 = weight 4,000. No plan is worth more."
    assert all(one["seconds"] >= 0 for one in found["stages"])


def test_what_cp_sat_has_proven_is_told_apart(ask: Ask) -> None:
    rows = ["request_id,service,schedules,windows"]
    rows += [f"r{n},checkup,{both},2026-03-10T09:00/2026-03-10T09:30" for n, both in enumerate(
        ("ames;room-1", "room-1;room-2", "ames;room-2")
    )]  # fmt: skip
    Path("three.csv").write_text("\n".join(rows), encoding="utf-8")
    # Half of each at once would be worth 3,000.
    assert ask("batch", "plan", "three.csv").out.endswith(
        "Objective 2,000 = weight 2,000. No plan is worth more, by CP-SAT; prices alone allow 3,000.0.\n"
    )
    report = ask("batch", "plan", "three.csv", "--json").json["report"]
    assert (report["bound"], round(report["priced"])) == (2000, 3000)
    levels = ask("batch", "plan", "three.csv", "--objective", "lexicographic", "--json").json["report"]["levels"]
    assert {one["proof"] for one in levels} <= {"prices", "cp-sat"} and levels[0]["proof"] == "prices"


def test_progress_shows_who_is_served_and_the_gap(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def say(_bar: Bar, text: str) -> None:
        said.append(text)

    monkeypatch.setattr(Bar, "say", say)
    assert ask("batch", "plan", "rows.csv").code == 0
    # Greedy has no bound yet; later stages have one.
    assert said[0] == "greedy: 2 served"
    assert said[-1].startswith("proof: 2 served, gap 0.0%")


@pytest.mark.parametrize(
    ("limit", "ended", "words"),
    [
        (("--work-limit", "0"), "work", "The work limit ended the run."),
        (
            ("--time-limit-seconds", "0"),
            "stopped",
            "The time limit ended the run; with --work-limit instead, plans do not depend on the machine.",
        ),
    ],
)
def test_the_report_says_what_ended_the_run(ask: Ask, limit: tuple[str, str], ended: str, words: str) -> None:
    # Three want the same half hour of two schedules: prices alone do not prove that one is served.
    rows = ["request_id,service,schedules,windows"]
    rows += [f"r{n},checkup,{both},2026-03-10T09:00/2026-03-10T09:30" for n, both in enumerate(
        ("ames;room-1", "room-1;room-2", "ames;room-2")
    )]  # fmt: skip
    Path("three.csv").write_text("\n".join(rows), encoding="utf-8")
    assert ask("batch", "plan", "three.csv", *limit, "--json").json["report"]["ended"] == ended
    said = ask("batch", "plan", "three.csv", *limit)
    assert "no plan is worth more than" in said.out and said.out.endswith(f"{words}\n")


def test_exit_codes(ask: Ask) -> None:
    Path("bad.csv").write_text(ROWS + "fourth,checkup,ames,yesterday,,\n", encoding="utf-8")
    said = ask("batch", "plan", "bad.csv")
    assert said.code == 5 and "Row 4: windows 'yesterday' is not a window." in " ".join(said.out.split())
    header, *_, nowhere = ROWS.splitlines()
    Path("none.csv").write_text(f"{header}\n{nowhere}\n", encoding="utf-8")
    assert ask("batch", "plan", "none.csv").code == 3
    Path("empty.csv").write_text(f"{header}\n", encoding="utf-8")
    assert ask("batch", "plan", "empty.csv").out == "0 requests: nothing to do.\n"


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("plan", "gone.csv"), 5, "Error: gone.csv cannot be read: No such file or directory."),
        (("plan", "rows.txt"), 5, "Error: rows.txt: the suffix names no format; expected one of .parquet"),
        (("plan", "rows.csv", "-o", "plan.xlsx"), 5, "Error: plan.xlsx: the suffix names no format"),
        (("plan", "rows.csv", "-o", "gone/plan.csv"), 5, "gone is no folder; make it first."),
        (("plan", "rows.csv", "-o", "./rows.csv"), 5, "Error: ./rows.csv: the plan would replace the requests."),
        (("plan", "rows.csv", "-o", "rows.csv", "--partitions", "2"), 5, "the plan would replace the requests."),
        (("replan", "rows.csv", "--drop", "ames", "-o", "rows.csv"), 5, "the plan would replace the requests."),
        (("plan", "rows.csv", "--work-limit", "nan"), 2, "Invalid value for '--work-limit': 'nan' is no number."),
        (("plan", "rows.csv", "--time-limit-seconds", "nan"), 2, "'nan' is no number."),
        (("plan", "rows.csv", "-o", "-", "--json"), 2, "--json and PLAN cannot both be standard output."),
        (("plan", "rows.csv", "-o", "gone/plan.csv", "--book"), 5, "gone is no folder; make it first."),
        (("plan", "rows.csv", "--objective", "best"), 2, "'best' is not one of 'weighted', 'lexicographic'"),
        (("plan", "rows.csv", "--timezone", "Mars"), 5, "Error: --timezone 'Mars' is no time zone."),
        (("replan",), 2, "Nothing may move. Give --drop, --booking, --patient or --schedule."),
        (("replan", "--drop", "dr-who"), 6, "Error: No schedule is called 'dr-who'."),
        (("replan", "--booking", "x"), 6, "Error: No appointment is called 'x'."),
        (("replan", "--drop", "ames", "--to", "2026-03-08"), 5, "Error: --to 2026-03-08 is not after --from."),
        (("replan", "--drop", "ames", "--within", "long"), 5, "Error: --within 'long' is not a length of time."),
    ],
)
def test_errors_are_sentences(ask: Ask, arguments: tuple[str, ...], code: int, text: str) -> None:
    said = ask("batch", *arguments)
    assert (said.code, said.out) == (code, "")
    assert text in said.err.replace("\n", " ")
    assert not Path("plan.csv").exists()
    assert Path("rows.csv").read_text(encoding="utf-8") == ROWS
    assert ask("list").out.startswith("No appointments")


def test_a_full_disk_is_named_and_what_is_booked_is_said(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_file: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = set(Path().iterdir())
    with monkeypatch.context() as patch:
        patch.setattr("slotwright.io.staging._flush", full)
        said = ask("batch", "plan", "rows.csv", "--book", "-o", "plan.csv")
    assert (said.code, said.err) == (1, f"Error: No space left on device: {Path('plan.csv').resolve()}.\n")
    assert "3 requests: 2 booked, 1 without a place." in said.out
    assert not [one.name for one in set(Path().iterdir()) - before if "ledger" not in one.name]


def test_a_calendar_is_not_booked(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLOTWRIGHT_LEDGER")
    said = ask("batch", "plan", "rows.csv", "--calendar", "practice.ndjson", "--book")
    assert said.code == 2 and "--book needs a --ledger" in said.err
    assert "2 placed" in ask("batch", "plan", "rows.csv", "--calendar", "practice.ndjson").out


def test_replanning_who_drops_out(ask: Ask) -> None:
    assert ask("book", *AMES, "--start", "2026-03-10T09:00", "--patient", "Ann Lee").code == 0
    day = ("--from", "2026-03-10", "--to", "2026-03-10")
    said = ask("batch", "replan", "--drop", "ames", "--pool", "ames,bell", *day)
    assert "1 request: 1 to be moved." in said.out
    [moved] = table(said)[:1]
    assert moved[1:5] == ["move", "Tue 10 Mar", "09:00 – 09:30 EDT", "Dr. Bell"]
    assert moved[5].startswith("Tue 10 Mar")
    assert "Objective 19,900 = weight 20,000 − moves 100" in said.out
    said = ask("batch", "replan", "--drop", "ames", "--pool", "ames,bell", *day, "--book", "-o", "moved.csv")
    assert "1 request: 1 moved." in said.out
    cells = dict(zip(*(line.split(",") for line in Path("moved.csv").read_text().splitlines()), strict=True))
    assert (cells["status"], cells["schedules"], cells["before_schedules"]) == ("moved", "bell", "ames")
    said = ask("batch", "replan", "--drop", "bell")
    assert "1 request: 1 not to be moved." in said.out
    [answer] = ask("batch", "replan", "--drop", "bell", "--json").json["answers"]
    assert answer["reason"] == "No other schedule may take over from Schedule/bell. Name some with --pool bell,NAME."
    said = ask("batch", "replan", "--drop", "bell", *day, "--within", "1h")
    assert "1 request: 1 not to be moved." in said.out and "Nothing free" in said.out
    assert said.err == (
        "To move these: --pool A,B names schedules that can take over, --within LENGTH looks further away.\n"
    )


@pytest.mark.parametrize("flag", [(), ("--objective", "lexicographic", "--seed", "7")])
def test_plans_are_repeatable(ask: Ask, flag: tuple[str, ...]) -> None:
    rows = ["request_id,service,schedules,windows,weight"]
    rows += [f'r{number},checkup,"ames,bell;room-1,room-2",2026-03-10,{number % 5 + 1}' for number in range(20)]
    Path("many.csv").write_text("\n".join(rows), encoding="utf-8")
    Path("turned.csv").write_text("\n".join([rows[0], *rows[:0:-1]]), encoding="utf-8")
    for name, source in (("one", "many"), ("two", "many"), ("three", "turned")):
        assert ask("batch", "plan", f"{source}.csv", "-o", f"{name}.csv", *flag).code == 0
    one = Path("one.csv").read_bytes()
    assert Path("two.csv").read_bytes() == one

    def without_row(path: str) -> list[list[str]]:
        return sorted([line.split(",")[:1] + line.split(",")[2:] for line in Path(path).read_text().splitlines()])

    assert without_row("three.csv") == without_row("one.csv")


def test_load_on_the_machine_does_not_change_a_plan(ask: Ask) -> None:
    rows = ["request_id,service,schedules,windows,weight"]
    rows += [f'r{number},checkup,"ames,bell;room-1,room-2",2026-03-10,{number % 7 + 1}' for number in range(24)]
    Path("many.csv").write_text("\n".join(rows), encoding="utf-8")
    files: list[bytes] = []
    for name, busy in (("calm.parquet", 0), ("busy.parquet", 3)):
        others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)]
        try:
            said = ask("batch", "plan", "many.csv", "--work-limit", "50", "-o", name)
        finally:
            for other in others:
                other.kill()
                other.wait()
        assert said.code == 0
        files.append(Path(name).read_bytes())
    assert files[0] == files[1]


def test_level_by_level_priority_comes_before_weight(ask: Ask) -> None:
    rows = ["request_id,service,schedules,windows,priority,weight"]
    rows += ["low,checkup,ames,2026-03-10T09:00/2026-03-10T09:30,9,9000"]
    rows += ["high,checkup,ames,2026-03-10T09:00/2026-03-10T09:30,1,10"]
    Path("two.csv").write_text("\n".join(rows), encoding="utf-8")
    found = ask("batch", "plan", "two.csv", "--json").json["answers"]
    assert [one["status"] for one in found] == ["placed", "not-placed"]
    said = ask("batch", "plan", "two.csv", "--objective", "lexicographic", "-o", "-")
    assert [line.split(",")[:3] for line in said.out.splitlines()[1:]] == [
        ["low", "1", "not-placed"],
        ["high", "2", "placed"],
    ]
    levels = [line.split() for line in said.err.splitlines() if "served" in line]
    assert levels == [["served,", "high", "priority", "1", "1"], ["served,", "low", "priority", "0", "0"]]


def test_an_interrupted_plan_is_kept_and_not_booked(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    from slotwright.solver.plan import pipeline

    solve = pipeline.solve_plan

    def interrupted(*arguments: Any, **limits: Any) -> pipeline.PlanResult:
        return replace(solve(*arguments, **limits), ended="interrupted")

    monkeypatch.setattr(pipeline, "solve_plan", interrupted)
    said = ask("batch", "plan", "rows.csv", "--book", "-o", "plan.csv")
    assert said.code == 130
    assert "3 requests: 2 placed, 1 without a place." in said.out
    assert said.err == "Interrupted: 0 visits booked so far. The same command again keeps these and goes on.\n"
    assert Path("plan.csv").read_text().count(",placed,") == 2
    assert ask("list", "--ndjson").lines == []
    said = ask("batch", "plan", "rows.csv")
    assert said.err == "Interrupted; this is the best plan so far.\n"
