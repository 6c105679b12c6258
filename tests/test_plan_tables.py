"""Request tables and answers as files, in every format, and from pandas and Arrow."""

from __future__ import annotations

import csv
import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from plan_greedy import greedy
from plan_support import Row, calendar, minute, row
from slotwright.io.errors import LoadError
from slotwright.io.plans import api
from slotwright.io.plans.answers import Answer, Before
from slotwright.io.plans.requests import FAULT
from slotwright.io.plans.tables import read_rows, write_answers
from slotwright.solver.errors import InvalidInputError
from slotwright.solver.plan.check import Terms

# What they are has no types.
pa: Any = importlib.import_module("pyarrow")
pd: Any = importlib.import_module("pandas")
feather: Any = importlib.import_module("pyarrow.feather")
parquet: Any = importlib.import_module("pyarrow.parquet")

ROWS = [
    row("a", "ann,bob;room-1", priority="1", comment="with, a comma"),
    row("b", "bob", "2026-03-10T09:00/2026-03-10T10:00;2026-03-11", priority="", comment=""),
]
NINE, HALF_PAST = minute("2026-03-10T09:00"), minute("2026-03-10T09:30")
ANSWERS = [
    Answer("a", 1, "placed", NINE, HALF_PAST, ("ann", "room-1"), terms=Terms(4000, 40)),
    Answer("b", 2, "not-placed", reason="Nothing free."),
    Answer(
        "Appointment/x", None, "moved", NINE, HALF_PAST, ("bob",), "x",
        Before(minute("2026-03-11T09:00"), minute("2026-03-11T09:30"), ("ann",)), Terms(20000, 0, 0, 110),
    ),
]  # fmt: skip


def save(path: Path, rows: list[Row]) -> str:
    """The rows in the format of the suffix."""
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix in (".ndjson", ".jsonl"):
        path.write_text("".join(f"{json.dumps(one)}\n" for one in rows), encoding="utf-8")
    elif path.suffix == ".parquet":
        parquet.write_table(pa.Table.from_pylist(rows), path)
    else:
        feather.write_feather(pa.Table.from_pylist(rows), str(path))
    return str(path)


@pytest.mark.parametrize("suffix", [".csv", ".ndjson", ".jsonl", ".parquet", ".arrow", ".feather"])
def test_rows_are_read_from_every_format(suffix: str, tmp_path: Path) -> None:
    assert [dict(one) for one in read_rows(save(tmp_path / f"requests{suffix}", ROWS))] == ROWS


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("r.csv", "request_id,service\n", "column 'schedules' is missing. Needed are request_id, service, schedules."),
        ("r.csv", "request_id,service,schedules,colour\n", "column 'colour' is unknown. A table of requests has"),
        ("r.csv", 'request_id,service,schedules\n"a', "line 2: unexpected end of data."),
        ("r.ndjson", '{"colour": 1}\n', "line 1: column 'colour' is unknown."),
        ("r.parquet", "none", "is damaged, or no parquet file"),
        ("r.arrow", "none", "is damaged, or no arrow file"),
    ],
)
def test_files_that_are_no_tables(name: str, content: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(LoadError) as error:
        read_rows(str(tmp_path / name))
    assert str(tmp_path / name) in str(error.value) and fault in str(error.value)


def test_paths_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"gone\.csv cannot be read: No such file or directory\."):
        read_rows(str(tmp_path / "gone.csv"))
    with pytest.raises(InvalidInputError, match=r"r\.xlsx: the suffix names no format; expected one of \.parquet, "):
        read_rows(str(tmp_path / "r.xlsx"))
    (tmp_path / "r.csv").write_bytes(b"request_id\xff")
    with pytest.raises(LoadError, match="is no UTF-8 text: byte 10 does not belong there"):
        read_rows(str(tmp_path / "r.csv"))


def test_bad_lines_cost_their_row(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("request_id,service,schedules\na,checkup\n\nb,checkup,ann,bob\n")
    assert [one[FAULT] for one in read_rows(str(tmp_path / "r.csv"))] == [
        "it has 2 cells, the first line has 3. Put a cell with commas in quotes.",
        "it has 4 cells, the first line has 3. Put a cell with commas in quotes.",
    ]
    (tmp_path / "r.ndjson").write_text('{"request_id"\n[1]\n\n')
    faults = [one[FAULT] for one in read_rows(str(tmp_path / "r.ndjson"))]
    assert faults[0].startswith("it is not readable as JSON: ")
    assert faults[1] == "it is no JSON object. Write one object a line."


# Answers


def test_answers_in_text(tmp_path: Path) -> None:
    write_answers(ANSWERS, str(tmp_path / "plan.csv"))
    assert (tmp_path / "plan.csv").read_text().splitlines() == [
        "request_id,row,status,start,end,schedules,appointment,before_start,before_end,before_schedules,"
        "value,weight,lateness,preference,moves,absent,reason",
        "a,1,placed,2026-03-10T09:00:00Z,2026-03-10T09:30:00Z,ann;room-1,,,,,3960,4000,40,0,0,0,",
        "b,2,not-placed,,,,,,,,,,,,,,Nothing free.",
        "Appointment/x,,moved,2026-03-10T09:00:00Z,2026-03-10T09:30:00Z,bob,x,2026-03-11T09:00:00Z,"
        "2026-03-11T09:30:00Z,ann,19890,20000,0,0,110,0,",
    ]
    write_answers(ANSWERS, str(tmp_path / "plan.ndjson"))
    lines = [json.loads(line) for line in (tmp_path / "plan.ndjson").read_text().splitlines()]
    assert lines[0]["start"] == "2026-03-10T09:00:00Z" and lines[1]["reason"] == "Nothing free."


def test_answers_in_columns(tmp_path: Path) -> None:
    write_answers(ANSWERS, str(tmp_path / "plan.parquet"))
    write_answers(ANSWERS, str(tmp_path / "plan.arrow"))
    table = parquet.read_table(tmp_path / "plan.parquet")
    assert feather.read_table(tmp_path / "plan.arrow") == table
    assert table.schema.field("start").type == pa.timestamp("us", tz="UTC")
    assert table.column("schedules").to_pylist() == [["ann", "room-1"], [], ["bob"]]


def test_a_file_is_replaced_when_the_answers_are_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plan.csv"
    write_answers(ANSWERS[:1], str(path))
    before = path.read_bytes()
    monkeypatch.setattr(csv, "writer", None)
    with pytest.raises(TypeError):
        write_answers(ANSWERS, str(path))
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["plan.csv"]


# From Python


@pytest.fixture(autouse=True)
def plainest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planner is not what is tested here."""

    def planner(*_: object) -> Any:
        return greedy

    monkeypatch.setattr(api, "planner", planner)


def test_requests_come_as_a_path_as_rows_as_a_frame_and_as_a_table(tmp_path: Path) -> None:
    store = calendar()
    given: list[Any] = [save(tmp_path / "r.csv", ROWS), ROWS, pd.DataFrame(ROWS), pa.Table.from_pylist(ROWS)]
    tables = [api.plan(one, store).to_arrow() for one in given]
    assert tables[0].column("status").to_pylist() == ["placed", "placed"]
    assert all(one == tables[0] for one in tables)


def test_typed_columns_of_a_frame() -> None:
    frame = pd.DataFrame(
        {
            "request_id": [1, 2],
            "service": ["checkup", "checkup"],
            "schedules": [[["ann", "bob"], ["room-1"]], [["ann"]]],
            "release": pd.to_datetime(["2026-03-10T10:00Z", None]),
            "deadline": pd.to_datetime(["2026-03-11T00:00Z", "2026-03-11T00:00Z"]),
            "weight": [5.0, float("nan")],
        }
    )
    answer = api.plan(frame, calendar())
    found = answer.to_pandas()
    assert list(found["request_id"]) == ["1", "2"]
    assert list(found["start"]) == [pd.Timestamp("2026-03-10T10:00Z"), pd.Timestamp("2026-03-10T09:00Z")]
    assert list(found["weight"]) == [5, 2000]
    assert (answer.report.served, answer.report.objective, answer.report.requests) == (2, 2005, 2)


def test_what_is_no_table() -> None:
    with pytest.raises(LoadError, match="The table is neither an Arrow table nor a pandas DataFrame"):
        api.plan(17, calendar())
    with pytest.raises(LoadError, match="The requests: column 'colour' is unknown"):
        api.plan([{"colour": 1}], calendar())
