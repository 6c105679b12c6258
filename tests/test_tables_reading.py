"""Tables read back: alone or beside other files, and the sentence for what cannot be taken."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from slotwright.io import LoadError, open_calendar
from slotwright.io.arrow import arrow, parquet
from slotwright.io.tables import export_ndjson, export_tables
from support import Resource, slot
from table_support import PLAIN, content, small

pa, pq = arrow(), parquet()

ROOT = Path(__file__).resolve().parent.parent
Table = Any


def altered(folder: Path, name: str, change: Callable[[Table], Table]) -> Path:
    """A table of the small calendar after a change, in a folder of its own."""
    if not (folder / "tables").exists():
        export_tables(small(), folder / "tables")
    path = folder / "altered" / f"{name}.parquet"
    path.parent.mkdir(exist_ok=True)
    pq.write_table(change(pq.read_table(folder / "tables" / path.name)), path)
    return path


def refused(path: Path) -> str:
    """The one sentence with which a file is refused, without its folder."""
    with pytest.raises(LoadError) as caught:
        open_calendar(path)
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text
    assert str(path) in text
    return text.replace(f"{path.parent}{os.sep}", "")


def with_column(name: str, values: Any) -> Callable[[Table], Table]:
    return lambda table: table.set_column(table.column_names.index(name), name, values)


def with_type(name: str, type: Any) -> Callable[[Table], Table]:
    return lambda table: with_column(name, table.column(name).cast(type))(table)


def with_metadata(**changes: str | None) -> Callable[[Table], Table]:
    """`format` and `table` as given; None leaves one out."""

    def change(table: Table) -> Table:
        metadata = {**table.schema.metadata, **{f"slotwright.{key}".encode(): value for key, value in changes.items()}}
        return table.replace_schema_metadata({key: value for key, value in metadata.items() if value is not None})

    return change


def test_a_table_may_stand_alone_or_beside_other_files(tmp_path: Path) -> None:
    export_tables(small(), tmp_path / "tables")
    assert open_calendar(tmp_path / "tables" / "slots.parquet").kinds() == ["Slot"]
    (tmp_path / "tables" / "schedules.parquet").rename(tmp_path / "tables" / "anything.PARQUET")
    (tmp_path / "tables" / "slots.parquet").unlink()
    export_ndjson(small(), tmp_path / "lines")
    (tmp_path / "lines" / "Slot.ndjson").rename(tmp_path / "tables" / "Slot.ndjson")
    assert content(open_calendar(tmp_path / "tables")) == content(small())


def test_a_slot_in_a_table_and_in_a_file_must_be_the_same(tmp_path: Path) -> None:
    export_tables(small(), tmp_path / "tables")
    open_calendar([tmp_path / "tables", PLAIN])
    with pytest.raises(LoadError, match=r"Slot/s stands twice .*slots\.parquet, row 0 and in resource 1"):
        open_calendar([tmp_path / "tables", {**PLAIN, "status": "free"}])


def test_rules_are_not_read(tmp_path: Path) -> None:
    nonsense = with_column("service", pa.array(["?", "?"]))
    assert open_calendar(altered(tmp_path, "rules", nonsense)).kinds() == []


WIDER: dict[str, Any] = {
    "schedule": pa.string(),
    "start": pa.timestamp("ns", tz="Europe/Vienna"),
    "end": pa.timestamp("ms", tz="UTC"),
    "status": pa.large_string(),
    "capacity": pa.int64(),
    "version": pa.uint8(),
    "id": pa.dictionary(pa.int8(), pa.large_string()),
    "resource": pa.string_view(),
}


@pytest.mark.parametrize("name", WIDER)
def test_other_programs_may_write_other_widths_and_encodings(tmp_path: Path, name: str) -> None:
    path = altered(tmp_path, "slots", with_type(name, WIDER[name]))
    assert content(open_calendar(path))["Slot"] == content(small())["Slot"]


def test_columns_may_stand_in_any_order(tmp_path: Path) -> None:
    path = altered(tmp_path, "slots", lambda table: table.select(table.column_names[::-1]))
    assert content(open_calendar(path))["Slot"] == content(small())["Slot"]


def test_a_table_made_elsewhere_needs_no_json(tmp_path: Path) -> None:
    """A Slot from nothing but columns, and the row that its times stand in."""

    def change(table: Table) -> Table:
        row = {
            **dict.fromkeys(table.column_names), "id": "new", "schedule": "a", "status": "free", "capacity": 2,
            "start": 1_773_651_600_000_000, "end": 1_773_655_200_001_000, "service_type": '[{"text": "x"}]',
            "version": 3,
        }  # fmt: skip
        return pa.Table.from_pylist([row], schema=table.schema)

    assert open_calendar(altered(tmp_path, "slots", change)).read("Slot/new") == slot(
        "new", "a", "2026-03-16T09:00:00.000Z", "2026-03-16T10:00:00.001Z", "free", capacity=2,
        serviceType=[{"text": "x"}], meta={"versionId": "3"},
    )  # fmt: skip


INSTANT = pa.timestamp("us", tz="UTC")
SHAPES: list[tuple[str, Callable[[Table], Table], str]] = [
    (
        "slots",
        with_metadata(format="2"),
        "slots.parquet has slotwright.format 2; this slotwright reads 1. Use a newer slotwright, or export the tables "
        "anew with this one.",
    ),
    (
        "rules",
        with_metadata(format="2"),
        "rules.parquet has slotwright.format 2; this slotwright reads 1. Use a newer slotwright, or export the tables "
        "anew with this one.",
    ),
    (
        "slots",
        lambda table: table.replace_schema_metadata(None),
        "slots.parquet is no table of slotwright: slotwright.format in its metadata is missing. Expected "
        "slotwright.format 1 and slotwright.table schedules, slots, rules, appointments, as export writes them.",
    ),
    (
        "rules",
        with_metadata(table=None),
        "rules.parquet is no table of slotwright: slotwright.table in its metadata is missing. Expected "
        "slotwright.format 1 and slotwright.table schedules, slots, rules, appointments, as export writes them.",
    ),
    (
        "slots",
        with_metadata(table="patients"),
        "slots.parquet is no table of slotwright: slotwright.table in its metadata is 'patients'. Expected "
        "slotwright.format 1 and slotwright.table schedules, slots, rules, appointments, as export writes them.",
    ),
    (
        "slots",
        lambda table: table.drop_columns(["status"]),
        "slots.parquet: column 'status' is missing; expected it with type dictionary<string>.",
    ),
    (
        "slots",
        lambda table: table.append_column("room", pa.array(["1", "2"])),
        "slots.parquet: column 'room' is unknown; slots has schedule, start, end, status, capacity, service_type, "
        "comment, id, version, last_updated, resource.",
    ),
    (
        "slots",
        lambda table: table.append_column("status", pa.array(["busy", "busy"])),
        "slots.parquet: column 'status' stands there 2 times; expected once.",
    ),
    (
        "slots",
        with_type("start", pa.timestamp("us")),
        "slots.parquet: column 'start' has type timestamp[us]; expected timestamp[us, tz=UTC].",
    ),
    (
        "slots",
        with_type("start", pa.string()),
        "slots.parquet: column 'start' has type string; expected timestamp[us, tz=UTC].",
    ),
    (
        "slots",
        with_type("capacity", pa.float64()),
        "slots.parquet: column 'capacity' has type double; expected int32.",
    ),
    (
        "slots",
        with_column("id", pa.array([1, 2])),
        "slots.parquet: column 'id' has type int64; expected string.",
    ),
    (
        "schedules",
        with_column("services", pa.array([[1], []])),
        "schedules.parquet: column 'services' has type list<element: int64>; expected list<string>.",
    ),
    (
        "appointments",
        with_column("identifiers", pa.array([[{"value": "1"}]])),
        "appointments.parquet: column 'identifiers' has type list<element: struct<value: string>>; expected "
        "list<struct<system: string, value: string>>.",
    ),
]  # fmt: skip


@pytest.mark.parametrize("name, change, text", SHAPES)
def test_tables_of_another_shape_are_refused(
    tmp_path: Path, name: str, change: Callable[[Table], Table], text: str
) -> None:
    assert refused(altered(tmp_path, name, change)) == text


def texts(*values: str | None) -> Any:
    return pa.array(values, pa.string())


def instants(*values: int | None) -> Any:
    return pa.array(values, INSTANT)


HERE = 1_773_651_600_000_000
ROWS: list[tuple[str, Callable[[Table], Table], str]] = [
    ("slots", with_column("id", texts("s", None)), "slots.parquet, row 1: column 'id' is null; expected string."),
    (
        "slots",
        with_column("schedule", texts(None, "b")),
        "slots.parquet, row 0: column 'schedule' is null; expected an id, or the Slot's JSON in 'resource'.",
    ),
    (
        "slots",
        with_column("start", instants(None, HERE)),
        "slots.parquet, row 0: column 'start' is null; expected an instant, or the Slot's JSON in 'resource'.",
    ),
    (
        "slots",
        with_column("end", instants(253_402_300_800_000_000, HERE)),
        "slots.parquet, row 0: column 'end' is outside the years 1 to 9999; expected an instant, or the Slot's JSON in "
        "'resource'.",
    ),
    (
        "slots",
        with_column("capacity", pa.array([0, None], pa.int32())),
        "slots.parquet, row 0: column 'capacity' is 0; expected a positive integer or null.",
    ),
    (
        "slots",
        with_column("status", texts("occupied", "free")),
        "Slot/s (slots.parquet, row 0) is not a FHIR Slot: status must be one of busy, busy-tentative, "
        "busy-unavailable, entered-in-error, free, got 'occupied'.",
    ),
    (
        "slots",
        with_column("id", texts("s/1", "t")),
        "Slot/s/1 (slots.parquet, row 0) has the id 's/1'; an id is 1 to 64 letters, digits, '-' or '.'.",
    ),
    (
        "slots",
        with_column("status", texts("busy", "busy")),
        "slots.parquet, row 1: column 'status' is 'busy', but the resource says 'free'.",
    ),
    (
        "slots",
        with_column("start", instants(HERE, HERE + 60_000_000)),
        "slots.parquet, row 1: column 'start' is 1773651660000, but the resource says 1773651600000.",
    ),
    (
        "slots",
        with_column("service_type", texts(None, "[]")),
        "slots.parquet, row 1: column 'service_type' is '[]', but the resource says None.",
    ),
    (
        "slots",
        with_column("service_type", texts("[", None)),
        "slots.parquet, row 0: column 'service_type' is not readable as JSON, ",
    ),
    (
        "slots",
        with_column("service_type", texts("5", None)),
        "Slot/s (slots.parquet, row 0) is not a FHIR Slot: Expected ",
    ),
    (
        "slots",
        with_column("resource", texts("{", None)),
        "slots.parquet, row 0: column 'resource' is not readable as JSON, ",
    ),
    (
        "slots",
        with_column("resource", texts("[]", None)),
        "slots.parquet, row 0: column 'resource' holds no Slot with an id; expected its JSON.",
    ),
    (
        "slots",
        with_column("resource", texts('{"resourceType": "Slot", "status": "busy"}', None)),
        "slots.parquet, row 0: column 'resource' holds no Slot with an id; expected its JSON.",
    ),
    (
        "slots",
        with_column("resource", texts('{"resourceType": "Slot", "id": "s", "status": "busy"}', None)),
        "Slot/s (slots.parquet, row 0) is not a FHIR Slot: Object missing required field `schedule`.",
    ),
    (
        "schedules",
        with_column("actor", texts("Practitioner/a", "Practitioner/c")),
        "schedules.parquet, row 1: column 'actor' is 'Practitioner/c', but the resource says 'Practitioner/b'.",
    ),
    (
        "schedules",
        with_column("resource", texts(None, "{}")),
        "schedules.parquet, row 0: column 'resource' is null; expected string.",
    ),
    (
        "appointments",
        with_column("slots", pa.array([["t"]])),
        "appointments.parquet, row 0: column 'slots' is ['t'], but the resource says ['s'].",
    ),
    (
        "appointments",
        with_column("resource", texts('{"resourceType":"Slot","id":"x"}')),
        "appointments.parquet, row 0: column 'resource' holds no Appointment with an id; expected its JSON.",
    ),
    (
        "slots",
        with_column("capacity", pa.array([2**31, None], pa.int64())),
        "slots.parquet: column 'capacity' does not hold what is expected: ",
    ),
    (
        "slots",
        with_column("start", instants(HERE + 500, HERE)),
        "slots.parquet: column 'start' does not hold what is expected: ",
    ),
]


@pytest.mark.parametrize("name, change, text", ROWS)
def test_rows_that_cannot_be_taken_are_refused(
    tmp_path: Path, name: str, change: Callable[[Table], Table], text: str
) -> None:
    found = refused(altered(tmp_path, name, change))
    assert found == text or (text.endswith(" ") and found.startswith(text))


def test_json_written_in_another_way_is_the_same(tmp_path: Path) -> None:
    """Blanks and the order of elements."""
    given: Resource = {**PLAIN, "serviceType": [{"text": "x", "coding": []}], "overbooked": True}
    export_tables(open_calendar([given]), tmp_path / "tables")
    rewritten = json.dumps(dict(reversed(given.items())), indent=1)
    kinds = texts('[{"coding": [], "text": "x"}]')
    path = altered(tmp_path, "slots", lambda table: with_column("service_type", kinds)(
        with_column("resource", texts(rewritten))(table)
    ))  # fmt: skip
    assert open_calendar(path).read("Slot/s") == given


def test_the_schedules_of_an_appointment_are_not_compared(tmp_path: Path) -> None:
    path = altered(tmp_path, "appointments", with_column("schedules", pa.array([["nobody"]])))
    assert content(open_calendar(path))["Appointment"] == content(small())["Appointment"]


def test_rows_are_counted_through_all_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from slotwright.io import table_reader

    monkeypatch.setattr(table_reader, "_BATCH", 1)
    assert "slots.parquet, row 1:" in refused(altered(tmp_path, "slots", with_column("id", texts("s", None))))
    assert "slots.parquet, row 1:" in refused(altered(tmp_path, "slots", with_column("status", texts("busy", "busy"))))


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    export_tables(small(), tmp_path / "tables")
    content = (tmp_path / "tables" / "slots.parquet").read_bytes()
    path = tmp_path / "slots.parquet"
    for damaged in (b"", b"PAR1", b"{}", content[:-1], content[: len(content) // 2], content[:4] + content[-40:]):
        path.write_bytes(damaged)
        assert refused(path).startswith("slots.parquet is damaged: not a complete Parquet file (")


def test_damage_anywhere_is_refused_or_does_no_harm(tmp_path: Path) -> None:
    export_tables(small(), tmp_path / "tables")
    content = (tmp_path / "tables" / "slots.parquet").read_bytes()
    expected = list(open_calendar(tmp_path / "tables" / "slots.parquet").resources("Slot"))
    path = tmp_path / "slots.parquet"
    draw = random.Random(1)
    for _ in range(300):
        damaged = bytearray(content)
        damaged[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        try:
            found = list(open_calendar(path).resources("Slot"))
        except LoadError:
            continue
        assert found == expected


def test_parquet_under_another_name_is_named(tmp_path: Path) -> None:
    export_tables(small(), tmp_path / "tables")
    (tmp_path / "tables" / "slots.parquet").rename(tmp_path / "slots.json")
    text = refused(tmp_path / "slots.json")
    assert text == "slots.json is a Parquet file. Give it as a file whose name ends in .parquet."


def test_a_table_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    (tmp_path / "slots.parquet").symlink_to(tmp_path / "slots.parquet.gone")
    with pytest.raises(LoadError, match=r"slots\.parquet cannot be read: No such file"):
        open_calendar(tmp_path)


def test_pyarrow_is_imported_only_for_tables(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom slotwright.io import open_calendar\nimport slotwright.io.tables\n"
        "open_calendar('examples/clinic')\nassert 'pyarrow' not in sys.modules\n"
        "open_calendar(sys.argv[1])\nassert 'pyarrow' in sys.modules and 'pandas' not in sys.modules\n"
    )
    export_tables(small(), tmp_path / "tables")
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "tables")], cwd=ROOT, check=True, timeout=60)
