"""Requests and answers as files and tables of every kind; faults of rows and faults of files."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from batch_support import REQUESTS, answers, request, table
from slotwright.io import Calendar, LoadError, open_calendar
from slotwright.io.arrow import arrow, ipc, parquet
from slotwright.io.batch import batch_find
from slotwright.io.batch.answers import schema
from slotwright.io.batch.formats import read_table, write_batches
from slotwright.io.batch.run import Options, find_in_one
from slotwright.io.tables import export_tables
from slotwright.solver.errors import InvalidInputError
from support import hours, parameters, practitioner, schedule, service, slot

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WEEK = "2026-03-16T00:00:00Z", "2026-03-21T00:00:00Z"
pa = arrow()


def calendar() -> Calendar:
    open_hours = parameters(availability=[hours("mon", "09:00:00", "12:00:00")], timezone="Etc/UTC")
    names = ("a", "b", "c")
    return open_calendar(
        [
            service(),
            *map(practitioner, names),
            *(schedule(name, open_hours) for name in names),
            slot("1", "a", "2026-03-16T09:00:00Z", "2026-03-16T11:00:00Z"),
        ]
    )


ROWS = [
    request("checkup", [["a"]], *WEEK, request_id="one"),
    request("checkup", [["b", "a"], ["c"]], *WEEK, request_id="two", count=2, combinations=2),
    request("checkup", [["nobody"]], *WEEK, request_id="three"),
    request("checkup", [["b"]], "2026-03-17T00:00:00Z", "2026-03-18T00:00:00Z", request_id="four", count="all"),
    request("checkup", [["c"]], *WEEK, count=1, request_id='five, of "six"'),
]


@pytest.fixture(name="tables")
def tables_fixture(tmp_path: Path) -> Path:
    export_tables(calendar(), tmp_path / "tables", compiled=True)
    return tmp_path / "tables"


def as_text(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "schedules": ";".join(",".join(pool) for pool in row["schedules"])}


def write_requests(path: Path) -> None:
    """The same requests in the format of the suffix."""
    suffix = path.suffix
    if suffix == ".parquet":
        parquet().write_table(table(ROWS), path)
    elif suffix in (".arrow", ".feather"):
        with pa.OSFile(str(path), "wb") as file, ipc().new_file(file, REQUESTS) as writer:
            writer.write_table(table(ROWS))
    elif suffix == ".csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, REQUESTS.names)
        writer.writeheader()
        writer.writerows(map(as_text, ROWS))
        path.write_text(f"\ufeff{text.getvalue()}\r\n")
    else:
        path.write_bytes(b"\n\n".join(orjson.dumps(as_text(row)) for row in ROWS))


def read_answers(path: Path) -> list[dict[str, Any]]:
    """Answers as they would be in NDJSON, by readers that are not slotwright's."""
    if path.suffix == ".ndjson":
        return [json.loads(line) for line in path.read_text().splitlines()]
    if path.suffix == ".csv":
        rows = list(csv.DictReader(io.StringIO(path.read_text())))
        whole = [{**row, "row": int(row["row"]), "rank": int(row["rank"]) if row["rank"] else None} for row in rows]
        return [{name: value for name, value in row.items() if value not in (None, "")} for row in whole]
    if path.suffix == ".parquet":
        found = parquet().read_table(path)
    else:
        with pa.memory_map(str(path)) as file:
            found = ipc().open_file(file).read_all()
    assert found.schema.equals(schema())
    rows = found.to_pylist()
    for row in rows:
        row["schedules"] = ";".join(row["schedules"])
        for name in ("start", "end"):
            row[name] = row[name] and row[name].strftime("%Y-%m-%dT%H:%M:%SZ")
    return [{name: value for name, value in row.items() if value not in (None, "")} for row in rows]


EXPECTED = [
    {"request_id": "one", "row": 1, "rank": 1, "start": "2026-03-16T11:00:00Z", "end": "2026-03-16T11:30:00Z",
     "schedules": "a", "status": "offer"},
    {"request_id": "one", "row": 1, "rank": 2, "start": "2026-03-16T11:30:00Z", "end": "2026-03-16T12:00:00Z",
     "schedules": "a", "status": "offer"},
    {"request_id": "two", "row": 2, "rank": 1, "start": "2026-03-16T09:00:00Z", "end": "2026-03-16T09:30:00Z",
     "schedules": "b;c", "status": "offer"},
    {"request_id": "two", "row": 2, "rank": 2, "start": "2026-03-16T09:30:00Z", "end": "2026-03-16T10:00:00Z",
     "schedules": "b;c", "status": "offer"},
    {"request_id": "three", "row": 3, "status": "error", "reason": "Loading schedule failed"},
    {"request_id": "four", "row": 4, "status": "none", "reason": "Schedule/b leaves no start in this window."},
    {"request_id": "five, of \"six\"", "row": 5, "rank": 1, "start": "2026-03-16T09:00:00Z",
     "end": "2026-03-16T09:30:00Z", "schedules": "c", "status": "offer"},
]  # fmt: skip


@pytest.mark.parametrize("requests", ["r.parquet", "r.csv", "r.ndjson", "r.jsonl", "r.arrow", "r.feather"])
@pytest.mark.parametrize("found", ["a.parquet", "a.csv", "a.ndjson", "a.arrow"])
def test_every_format(tmp_path: Path, tables: Path, requests: str, found: str) -> None:
    write_requests(tmp_path / requests)
    report = find_in_one(str(tmp_path / requests), str(tmp_path / found), tables, Options(), NOW)
    assert report.counts == (5, 1, 1, 5)
    assert read_answers(tmp_path / found) == EXPECTED
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([requests, found, "tables"])


def test_the_same_from_python() -> None:
    found = batch_find(table(ROWS), calendar(), now=NOW)
    assert found.schema.equals(schema())
    assert [one["request_id"] for one in found.to_pylist()] == [one["request_id"] for one in EXPECTED]
    chosen = table(ROWS).set_column(3, "start", pa.array([datetime.fromisoformat(row["start"]) for row in ROWS]))
    assert answers(batch_find(chosen, calendar(), now=NOW)) == answers(found)


def test_data_frames_in_and_out(tables: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(ROWS)
    found = batch_find(frame, tables, now=NOW)
    assert found["start"].notna().sum() == 5
    assert found["status"].tolist() == [one["status"] for one in EXPECTED]
    frame["start"], frame["end"] = (pandas.to_datetime(frame[name], utc=True) for name in ("start", "end"))
    frame["schedules"] = [as_text(row)["schedules"] for row in ROWS]
    assert batch_find(frame, tables, now=NOW).equals(found)
    # Numbers beside missing values are floating-point numbers there.
    numbers = pandas.DataFrame(ROWS).assign(count=[None, 2, 3, 4, 1])
    assert str(numbers["count"].dtype) == "float64"
    assert len(batch_find(numbers, tables, now=NOW)) == len(found)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_instants_of_any_unit_and_zone(unit: str, zone: str) -> None:
    instants = pa.array([datetime.fromisoformat(row["start"]) for row in ROWS]).cast(pa.timestamp(unit, tz=zone))
    found = batch_find(table(ROWS).set_column(3, "start", instants), calendar(), now=NOW)
    assert answers(found) == answers(batch_find(table(ROWS), calendar(), now=NOW))


def test_rows_that_cannot_be_read_cost_only_themselves(tmp_path: Path, tables: Path) -> None:
    (tmp_path / "r.csv").write_text(
        "service,schedules,start,end,count\n"
        "checkup,c,2026-03-16,2026-03-17,1\n"
        "checkup,a,b,2026-03-16,2026-03-17,1\n"
        "checkup,c\n"
        "checkup,c,2026-03-16,2026-03-17,many\n"
        "checkup,c,2026-03-16T00:00,2026-03-17,\n"
        "checkup,c,2026-03-16,2026-03-17,1\n"
    )
    find_in_one(str(tmp_path / "r.csv"), str(tmp_path / "a.ndjson"), tables, Options(), NOW)
    found = read_answers(tmp_path / "a.ndjson")
    assert [(one["row"], one["status"], one.get("reason")) for one in found] == [
        (1, "offer", None),
        (2, "error", "line 3 has 6 cells, the header has 5; put a cell with commas in quotes"),
        (3, "error", "line 4 has 2 cells, the header has 5; put a cell with commas in quotes"),
        (4, "error", "Invalid value 'many' provided for integer parameter '_count'"),
        (5, "error", "Invalid search time range"),
        (6, "offer", None),
    ]
    good = orjson.dumps({**as_text(ROWS[4]), "count": 1}).decode()
    lines = [good, "{", "[1]", '{"service": {"id": 1}}', good.replace('"c"', '[["c"], "b"]'), ""]
    (tmp_path / "r.ndjson").write_text("\n".join(lines))
    find_in_one(str(tmp_path / "r.ndjson"), str(tmp_path / "b.ndjson"), tables, Options(), NOW)
    found = read_answers(tmp_path / "b.ndjson")
    assert [(one["row"], one["status"], one.get("reason"), one.get("schedules")) for one in found] == [
        (1, "offer", None, "c"),
        (2, "error", found[1]["reason"], None),
        (3, "error", "line 3 is no JSON object", None),
        (4, "error", 'line 4: service is {"id":1}; expected text', None),
        (5, "offer", None, "c;b"),
    ]
    assert found[1]["reason"].startswith("line 2 is not readable as JSON")


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ({"start": None}, "column 'start' is missing"),
        ({"schedules": [[1]] * 5}, "column 'schedules' has type list<item: int64>"),
        ({"service": [1] * 5}, "column 'service' has type int64; expected text"),
        ({"start": [datetime(2026, 3, 16)] * 5}, "has type timestamp[us], without a zone"),
        ({"count": [1.5] * 5}, "column 'count' has type double; expected whole numbers"),
        ({"end": [1] * 5}, "column 'end' has type int64"),
    ],
)
def test_columns_that_cannot_hold_what_is_meant(columns: dict[str, Any], text: str) -> None:
    given = table(ROWS)
    for name, values in columns.items():
        given = given.drop_columns([name])
        if values is not None:
            given = given.append_column(name, pa.array(values))
    with pytest.raises(LoadError) as caught:
        batch_find(given, calendar(), now=NOW)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("r.csv", b"service,schedules,start\n", "column 'end' is missing"),
        ("r.csv", b"service,schedules,start,end,end\n", "column 'end' stands there several times"),
        ("r.csv", b"", "column 'service' is missing"),
        ("r.csv", b'service,schedules,start,end\n"a\n', "line 2"),
        ("r.csv", b"\xff", "is no UTF-8 text"),
        ("r.parquet", b"PAR1", "is damaged, or no parquet file"),
        ("r.arrow", b"ARROW1", "is damaged, or no arrow file"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: bytes, text: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LoadError) as caught:
        read_table(str(tmp_path / name))
    assert text in str(caught.value) and name in str(caught.value)


def test_paths_that_name_no_file_or_no_format(tmp_path: Path, tables: Path) -> None:
    with pytest.raises(InvalidInputError, match="the suffix names no format"):
        read_table("requests.txt")
    with pytest.raises(LoadError, match="cannot be read: No such file"):
        read_table(str(tmp_path / "none.csv"))
    with pytest.raises(LoadError, match="holds no tables"):
        batch_find(table(ROWS), tmp_path, now=NOW)
    (tables / "compiled.parquet").write_bytes(b"PAR1")
    with pytest.raises(LoadError, match=r"compiled\.parquet cannot be read, or is damaged"):
        batch_find(table(ROWS), tables, now=NOW)


def test_a_compiled_form_that_was_not_made_of_the_slots_beside_it(tmp_path: Path, tables: Path) -> None:
    export_tables(open_calendar([service(), practitioner("a"), schedule("a")]), tmp_path / "others")
    (tmp_path / "others" / "slots.parquet").replace(tables / "slots.parquet")
    with pytest.raises(LoadError, match=r"was not made of the slots\.parquet beside it"):
        batch_find(table(ROWS), tables, now=NOW)


def test_tables_with_a_compiled_form_are_read_as_calendars_too(tables: Path) -> None:
    assert open_calendar([tables]).kinds() == calendar().kinds()


def test_rows_of_slots_in_any_order(tmp_path: Path) -> None:
    slots = [slot(f"{n}", "ab"[n % 2], f"2026-03-16T{9 + n % 3:02}:00:00Z", "2026-03-16T11:30:00Z") for n in range(7)]
    resources = [one for kind in calendar().kinds() if kind != "Slot" for one in calendar().resources(kind)]
    export_tables(open_calendar([*resources, *slots]), tmp_path / "sorted")
    sorted_slots = parquet().read_table(tmp_path / "sorted" / "slots.parquet")
    expected = batch_find(table(ROWS), tmp_path / "sorted", now=NOW)
    mixed = sorted_slots.take(pa.array([5, 0, 6, 2, 1, 4, 3]))
    parquet().write_table(mixed, tmp_path / "sorted" / "slots.parquet")
    assert batch_find(table(ROWS), tmp_path / "sorted", now=NOW).equals(expected)


def test_no_requests_at_all(tmp_path: Path, tables: Path) -> None:
    (tmp_path / "r.csv").write_text("service,schedules,start,end\n")
    report = find_in_one(str(tmp_path / "r.csv"), str(tmp_path / "a.csv"), tables, Options(), NOW)
    assert report.counts == (0, 0, 0, 0)
    assert (tmp_path / "a.csv").read_text() == "request_id,row,rank,start,end,schedules,status,reason\n"


def test_nothing_half_written(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("before")

    def batches() -> Any:
        yield schema().empty_table()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_batches(batches(), schema(), str(tmp_path / "a.csv"))
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"]
