"""Plans in parts: what stands together, the same file wherever parts are planned, and runs that go on."""

from __future__ import annotations

import importlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from plan_support import NOW, calendar, practice, row
from slotwright.io import open_calendar, open_ledger
from slotwright.io.batch.executors import How
from slotwright.io.batch.parts import finished
from slotwright.io.plans import parts
from slotwright.io.plans.parts import Parts, plan_in_parts, split
from slotwright.io.plans.planning import earliest_of
from slotwright.io.plans.requests import read_requests
from slotwright.io.plans.solving import Limits
from slotwright.io.store import Store
from slotwright.solver.errors import InvalidInputError

LIMITS = Limits(work=0.5)


def groups(*rows: dict[str, Any], count: int = 99) -> list[list[str]]:
    found = read_requests(calendar(), rows)
    return [[found[place].id for place in part] for part in split(found, count)]


def test_what_shares_a_schedule_a_patient_or_a_precedence_stands_together() -> None:
    rows = [
        row("a", "ann"),
        row("b", "bob"),
        row("c", "room-1", patient="pat"),
        row("d", "ann,room-2"),
        row("e", "bob", after="f"),
        row("f", "room-1", optional="ann"),
    ]
    assert groups(*map(dict, rows[:2])) == [["a"], ["b"]]
    assert groups(*map(dict, rows[:4])) == [["a", "d"], ["b"], ["c"]]
    assert groups(*map(dict, rows)) == [["a", "b", "c", "d", "e", "f"]]
    assert groups(dict(row("a", "ann", patient="pat")), dict(row("b", "bob", patient="pat"))) == [["a", "b"]]
    assert groups({"request_id": "x"}, dict(row("a")), dict(row("b", "bob"))) == [["x"], ["a"], ["b"]]


def test_parts_are_about_equally_large() -> None:
    rows = [dict(row(f"{one}{number}", one)) for number in range(4) for one in ("ann", "bob", "room-1", "room-2")]
    assert [len(part) for part in groups(*rows, count=2)] == [8, 8]
    assert [len(part) for part in groups(*rows, count=3)] == [8, 4, 4]


def planned(
    folder: Path,
    store: Store,
    executor: Any = "serial",
    count: int = 3,
    rows: list[Any] | None = None,
    *,
    is_now_given: bool = True,
) -> Parts:
    several = [row(f"{one}{number}", one) for number in range(3) for one in ("ann", "bob", "room-1")]
    several += [row("bad", "nobody"), row("late", "ann", "2026-03-15")]
    how = How(executor, 2)
    return plan_in_parts(
        store,
        several if rows is None else rows,
        str(folder / "plan.parquet"),
        LIMITS,
        timezone=None,
        earliest=earliest_of(store),
        count=count,
        how=how,
        progress=lambda done, total: None,  # noqa: ARG005
        is_now_given=is_now_given,
    )


@pytest.mark.parametrize("executor", ["processes", "dask"])
def test_the_answers_are_the_same_wherever_they_are_made(executor: str, tmp_path: Path) -> None:
    here = planned(tmp_path, calendar())
    there = planned(tmp_path, calendar(), executor)
    assert there.answers == here.answers and there.report == here.report
    assert here.parts == 3
    assert here.answers.column("row").to_pylist() == [*range(1, 12)]
    assert here.answers.column("status").to_pylist() == ["placed"] * 9 + ["error", "not-placed"]
    assert (here.report.served, here.report.objective, here.report.bound) == (9, 18000, 18000.0)
    assert [one.name for one in tmp_path.iterdir()] == ["plan.parquet"]


def test_a_plan_in_parts_is_as_good_as_in_one_piece_where_both_are_proven(tmp_path: Path) -> None:
    parted, whole = planned(tmp_path, calendar()), planned(tmp_path, calendar(), count=1)
    assert whole.parts == 1
    assert parted.report.is_optimal and whole.report.is_optimal
    assert parted.report.objective == whole.report.objective


def test_workers_are_given_tables_beside_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executors = importlib.import_module("slotwright.io.batch.executors")
    folders: list[Path] = []

    def call(_: str, job: Any, options: dict[str, Any]) -> None:
        folders.append(Path(options["tables"]))
        assert (folders[-1] / "schedules.parquet").exists()
        parts.solve_part(job.path_in, job.path_out, options)

    monkeypatch.setattr(executors, "call", call)
    planned(tmp_path, calendar())
    assert len(folders) == 3 and {one.parent.parent for one in folders} == {tmp_path}


def test_a_ledger_is_planned_from_now_on(tmp_path: Path) -> None:
    clock = calendar().now
    with open_ledger(tmp_path / "x.ledger", clock=clock) as ledger:
        ledger.load(practice())
        rows = [row("past", "ann", "2026-03-09"), row("room", "room-1", "2026-03-09")]
        found = planned(tmp_path, ledger, rows=rows)
    assert found.answers.column("status").to_pylist() == ["not-placed", "placed"]
    assert str(found.answers.column("start").to_pylist()[1]) == "2026-03-09 12:00:00+00:00"


def test_an_interrupted_run_goes_on_with_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executors = importlib.import_module("slotwright.io.batch.executors")
    done: list[str] = []

    def call(function: str, job: Any, options: dict[str, Any]) -> None:
        assert function == parts.SOLVE
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(job.path_in)
        parts.solve_part(job.path_in, job.path_out, options)

    monkeypatch.setattr(executors, "call", call)
    with pytest.raises(KeyboardInterrupt):
        planned(tmp_path, calendar())
    assert finished(str(tmp_path / "plan.parquet")) == (2, 3)
    monkeypatch.undo()
    found = planned(tmp_path, calendar())
    assert (found.found, found.parts) == (2, 3)
    assert found.answers == planned(tmp_path, calendar()).answers


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "plan.parquet.parts").mkdir()
    (tmp_path / "plan.parquet.parts" / "mine.txt").write_text("mine")
    with pytest.raises(InvalidInputError, match=r"is in the way: it holds mine\.txt, which is no part of a run"):
        planned(tmp_path, calendar())
    assert (tmp_path / "plan.parquet.parts" / "mine.txt").read_text() == "mine"


def test_parts_of_other_requests_are_planned_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(parts, "_merged", interrupted)
        with pytest.raises(KeyboardInterrupt):
            planned(tmp_path, calendar(), rows=[row("a", "ann"), row("b", "bob")])
    assert finished(str(tmp_path / "plan.parquet")) == (2, 2)
    later = open_calendar(practice(), clock=lambda: NOW + timedelta(minutes=1))
    with monkeypatch.context() as patch:
        patch.setattr(parts, "_merged", interrupted)
        for is_now_given in (False, True):
            rows = [row("a", "ann"), row("b", "bob")]
            before = sorted((tmp_path / "plan.parquet.parts").glob("answers-*"))
            times = [one.stat().st_mtime_ns for one in before]
            with pytest.raises(KeyboardInterrupt):
                planned(tmp_path, later, rows=rows, is_now_given=is_now_given)
            assert ([one.stat().st_mtime_ns for one in before] == times) == (not is_now_given)
    found = planned(tmp_path, calendar(), rows=[row("c", "ann"), row("b", "bob")])
    assert (found.parts, found.found) == (2, 0)
    assert found.answers.column("request_id").to_pylist() == ["c", "b"]
