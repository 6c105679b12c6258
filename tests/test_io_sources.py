"""Files, folders, standard input and dicts into JSON resources, and the sentence for what cannot be read."""

from __future__ import annotations

import gzip
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from slotwright.io import Calendar, LoadError, open_calendar
from support import Resource, practitioner

A = practitioner("a")
B = practitioner("b")
BOM = b"\xef\xbb\xbf"


def compact(*resources: Resource, end: str = "\n") -> bytes:
    """NDJSON."""
    return end.join(json.dumps(one) for one in resources).encode()


def zipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def pretty(resource: Resource) -> bytes:
    return json.dumps(resource, indent=2).encode()


def bundle(*resources: Resource) -> Resource:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}


def ids(calendar: Calendar, kind: str = "Practitioner") -> list[str]:
    return [one["id"] for one in calendar.resources(kind)]


def refused(*sources: Any) -> str:
    """The one sentence with which the sources are refused."""
    with pytest.raises(LoadError) as caught:
        open_calendar(sources)
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text and "Traceback" not in text
    return text


# What can be read


READABLE = [
    ("one.json", compact(A), "a"),
    ("pretty.json", pretty(A), "a"),
    ("bundle.json", pretty(bundle(A, B)), "a b"),
    ("lines.ndjson", compact(A, B), "a b"),
    ("lines.jsonl", compact(A, B), "a b"),
    ("LINES.NDJSON", compact(A, B), "a b"),
    ("one-line.ndjson", compact(A), "a"),
    ("last-newline.ndjson", compact(A, B) + b"\n", "a b"),
    ("empty-lines.ndjson", b"\n\n" + compact(A) + b"\n\n \t\n" + compact(B) + b"\n\n", "a b"),
    ("crlf.ndjson", compact(A, B, end="\r\n") + b"\r\n", "a b"),
    ("crlf-empty-lines.ndjson", compact(A, B, end="\r\n\r\n"), "a b"),
    ("bundle-in-lines.ndjson", compact(bundle(A), B), "a b"),
    ("lines.json", compact(A, B), "a b"),
    ("lines-after-blanks.json", b"\n  " + compact(A, B), "a b"),
    ("no-suffix", compact(A, B), "a b"),
    ("other.txt", pretty(A), "a"),
    ("bom.json", BOM + pretty(A), "a"),
    ("bom.ndjson", BOM + compact(A, B), "a b"),
    ("one.json.gz", zipped(pretty(A)), "a"),
    ("lines.ndjson.gz", zipped(compact(A, B)), "a b"),
    ("lines.jsonl.gz", zipped(compact(A, B)), "a b"),
    ("bundle.json.gz", zipped(pretty(bundle(A, B))), "a b"),
    ("two-members.ndjson.gz", zipped(compact(A) + b"\n") + zipped(compact(B)), "a b"),
    ("bom.ndjson.gz", zipped(BOM + compact(A, B)), "a b"),
    ("gzip-without-suffix.json", zipped(pretty(A)), "a"),
    ("plain-with-suffix.json.gz", pretty(A), "a"),
]


@pytest.mark.parametrize("name, content, expected", READABLE, ids=[row[0] for row in READABLE])
def test_files_are_read(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert ids(open_calendar([path])) == expected.split()
    assert ids(open_calendar([str(path)])) == expected.split()
    assert ids(open_calendar(str(path))) == expected.split()


def test_a_line_separator_inside_a_string_ends_no_line(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text('{"resourceType": "Practitioner", "id": "a", "x": "\u2028\u2029\x85"}\n', encoding="utf-8")
    assert ids(open_calendar([path])) == ["a"]


def test_a_folder_is_read_with_its_subfolders_and_without_other_files(tmp_path: Path) -> None:
    (tmp_path / "b" / "deep").mkdir(parents=True)
    (tmp_path / "z.json").write_bytes(compact(practitioner("third")))
    (tmp_path / "b" / "deep" / "x.ndjson.gz").write_bytes(zipped(compact(practitioner("second"))))
    (tmp_path / "a.JSON").write_bytes(compact(practitioner("first")))
    (tmp_path / "README.md").write_text("no FHIR")
    (tmp_path / "data.csv").write_text("no,FHIR")
    (tmp_path / "folder.json").mkdir()
    assert ids(open_calendar([tmp_path])) == ["first", "second", "third"]


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    nameless = {"resourceType": "Practitioner"}
    (tmp_path / "a.json").write_bytes(compact(nameless))
    (tmp_path / "link.json").symlink_to(tmp_path / "a.json")
    detour = tmp_path / ".." / tmp_path.name / "a.json"
    assert len(ids(open_calendar([tmp_path, tmp_path / "a.json", detour]))) == 1


def test_sources_may_be_mixed_and_come_from_any_iterable(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_bytes(compact(B))

    def sources() -> Iterator[str | Resource]:
        yield A
        yield str(tmp_path)

    assert ids(open_calendar(sources())) == ["a", "b"]


def test_one_path_may_stand_alone(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(compact(A))
    alone: Any = tmp_path
    assert ids(open_calendar(alone)) == ["a"]


def test_nothing_is_an_empty_calendar() -> None:
    assert list(open_calendar([]).resources("Practitioner")) == []


def test_dicts_are_copied_whole() -> None:
    given = practitioner("a", "Europe/Vienna")
    calendar = open_calendar([given])
    given["extension"][0]["valueCode"] = "Asia/Tokyo"
    given["id"] = "b"
    assert calendar.read("Practitioner/a") == practitioner("a", "Europe/Vienna")


def test_dicts_are_not_changed() -> None:
    urn = "urn:uuid:0a5e6f0c-3b6e-4b7e-9d3c-0f6f1c7b2a11"
    schedule = {"resourceType": "Schedule", "actor": [{"reference": urn}]}
    given = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"fullUrl": urn, "resource": {"resourceType": "Practitioner"}, "request": {"method": "POST"}},
            {"resource": schedule, "request": {"method": "POST"}},
        ],
    }
    before = json.dumps(given)
    open_calendar([given])
    assert json.dumps(given) == before


def test_progress_counts_the_resources_now_and_then(tmp_path: Path) -> None:
    path = tmp_path / "many.ndjson"
    path.write_bytes(compact(*[practitioner(f"p{number}") for number in range(10_000)]))
    seen: list[int] = []
    open_calendar([path], progress=seen.append)
    assert seen and seen == sorted(set(seen)) and seen[-1] <= 10_000


# Standard input


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (pretty(A), "a"),
        (pretty(bundle(A, B)), "a b"),
        (compact(A, B), "a b"),
        (compact(A, B, end="\r\n"), "a b"),
        (zipped(compact(A, B)), "a b"),
        (BOM + compact(A, B), "a b"),
    ],
    ids=["json", "bundle", "ndjson", "crlf", "gzip", "bom"],
)
def test_a_hyphen_is_standard_input(monkeypatch: pytest.MonkeyPatch, content: bytes, expected: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert ids(open_calendar("-")) == expected.split()


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "standard input is empty"), (compact(A) + b"\n{", "standard input, line 2"), (b"[", "standard input, line")],
    ids=["empty", "second line", "cut off"],
)
def test_standard_input_is_the_place_of_its_faults(monkeypatch: pytest.MonkeyPatch, content: bytes, words: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert words in refused("-")


# What cannot be read


def test_a_file_that_does_not_exist_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.json"
    text = refused(path)
    assert str(path) in text and "does not exist" in text


def test_an_empty_folder_is_refused_and_the_suffixes_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no FHIR")
    text = refused(tmp_path)
    assert str(tmp_path) in text and ".json" in text and ".ndjson" in text


@pytest.mark.parametrize(
    "name", ["x" * 300 + ".json", "/" * 5000, "a\0b.json", "x/" * 3000], ids=["long", "slashes", "nul", "deep"]
)
def test_names_that_no_file_can_have(name: str) -> None:
    assert refused(name)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(compact(A))

    def denied(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    text = refused(path)
    assert str(path) in text and "Permission denied" in text


@pytest.mark.parametrize(
    "content", [b"", b" \n\t\r\n", BOM, zipped(b""), zipped(b"\n")], ids=["", "blank", "bom", "gzip", "gzip blank"]
)
@pytest.mark.parametrize("name", ["a.json", "a.ndjson"])
def test_an_empty_file_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    text = refused(tmp_path / name)
    assert name in text and "empty" in text


@pytest.mark.parametrize(
    "content",
    [
        zipped(compact(A))[:-5],
        zipped(compact(A))[:12],
        zipped(compact(A)) + b"junk",
        b"\x1f\x8bjunk",
        b"\x1f\x8b",
    ],
    ids=["end cut off", "cut off", "more behind", "junk", "two bytes"],
)
def test_a_damaged_gzip_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json.gz").write_bytes(content)
    text = refused(tmp_path / "a.json.gz")
    assert "a.json.gz" in text and "gzip" in text


UNREADABLE = [
    ("cut off", '{\n"resourceType": "Practitioner",\n"id": "a"', 3),
    ("trailing comma", '{\n"resourceType": "Practitioner",\n"id": "a",\n}', 3),
    ("comment", '{\n"resourceType": "Practitioner", // who\n"id": "a"}', 2),
    ("single quotes", "{\n'resourceType': 'Practitioner'}", 2),
    ("no quotes", "{resourceType: Practitioner}", 1),
    ("NaN", '{"resourceType": "Practitioner",\n"x": NaN}', 2),
    ("-Infinity", '{"resourceType": "Practitioner",\n"x": -Infinity}', 2),
    ("beyond floats", '{"resourceType": "Practitioner",\n"x": 1e999}', 2),
    ("a long integer", '{"resourceType": "Practitioner",\n"x": ' + "9" * 400 + "}", 2),
    ("a lone surrogate", '{"resourceType": "Practitioner",\n"x": "\\ud800"}', 2),
    ("a control character", '{"resourceType": "Practitioner",\n"x": "\x01"}', 2),
    ("two documents", '{\n"resourceType": "Practitioner"\n}\n{\n"resourceType": "Practitioner"}', 4),
    ("words", "\nnot FHIR at all", 2),
    ("XML", '<?xml version="1.0"?>\n<Practitioner/>', 1),
]


@pytest.mark.parametrize("content, line", [row[1:] for row in UNREADABLE], ids=[row[0] for row in UNREADABLE])
def test_unreadable_json_names_file_and_line(tmp_path: Path, content: str, line: int) -> None:
    (tmp_path / "a.json").write_text(content, encoding="utf-8")
    assert f"a.json, line {line}:" in refused(tmp_path)


@pytest.mark.parametrize("name", ["a.ndjson", "a.json", "a.ndjson.gz"])
@pytest.mark.parametrize(
    "line", ["{", '{"resourceType": "Practitioner",}', "no", '{"x": NaN}', '{"resourceType": "Practitioner"} x']
)
def test_unreadable_ndjson_names_file_and_line(tmp_path: Path, name: str, line: str) -> None:
    """Empty lines count."""
    content = compact(A) + b"\r\n\r\n" + line.encode() + b"\r\n" + compact(B)
    (tmp_path / name).write_bytes(zipped(content) if name.endswith(".gz") else content)
    assert f"{name}, line 3:" in refused(tmp_path)


def test_a_pretty_resource_is_no_ndjson(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(pretty(A))
    assert "a.ndjson, line 1:" in refused(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("a.ndjson", compact(A) + b'\n\n{"resourceType": "Practitioner", "x": "\xff"}', 3),
        ("a.json", b'{"resourceType": "Practitioner",\n"id": "a",\n"x": "\xff"}', 3),
        ("a.json", b'{"resourceType": "Practitioner",\n"x": "M\xfcller"}', 2),
        ("a.json", json.dumps(A).encode("utf-16"), 1),
    ],
    ids=["ndjson", "json", "latin-1", "utf-16"],
)
def test_bytes_that_are_no_utf8_name_file_and_line(tmp_path: Path, name: str, content: bytes, line: int) -> None:
    (tmp_path / name).write_bytes(content)
    text = refused(tmp_path)
    assert f"{name}, line {line}:" in text and "UTF-8" in text and "surrogates" not in text


@pytest.mark.parametrize("value", ["null", "5", "true", '"Practitioner/a"', "[]", json.dumps([A])])
@pytest.mark.parametrize("name", ["a.json", "a.ndjson"])
def test_json_that_is_no_object_is_refused(tmp_path: Path, name: str, value: str) -> None:
    (tmp_path / name).write_text(value)
    assert name in refused(tmp_path)


def test_a_line_that_is_no_object_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(compact(A) + b"\n[]\n")
    assert "a.ndjson, line 2" in refused(tmp_path)


def cyclic() -> Resource:
    resource = practitioner("a")
    resource["x"] = [resource]
    return resource


@pytest.mark.parametrize(
    "resource",
    [
        {**A, "x": b"bytes"},
        {**A, "x": {1, 2}},
        {**A, "x": 2**70},
        {**A, "x": "\ud800"},
        {**A, 5: "x"},
        cyclic(),
    ],
    ids=["bytes", "set", "huge", "surrogate", "key", "cyclic"],
)
def test_a_dict_that_is_no_json_names_its_place(resource: Resource) -> None:
    assert "resource 1" in refused(B, resource)


# Depth

DEPTHS = (100, 260, 990, 1020, 1030, 100_000)


def loads(path: Path) -> bool:
    """Is the file loaded, or else refused by name?"""
    try:
        return len(ids(open_calendar([path]))) == 1
    except LoadError as error:
        return str(path) in str(error)


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("opening, closing", [("[", "]"), ('{"x":', "}")], ids=["lists", "objects"])
@pytest.mark.parametrize("depth", DEPTHS)
def test_deep_nesting_is_loaded_or_refused(tmp_path: Path, depth: int, opening: str, closing: str, named: bool) -> None:
    inner = opening * depth + "1" + closing * depth
    id = '"id": "a", ' if named else ""
    path = tmp_path / "a.json"
    path.write_text(f'{{"resourceType": "Practitioner", {id}"x": {inner}}}')
    assert loads(path)


@pytest.mark.parametrize("depth", DEPTHS)
def test_deep_nesting_beside_a_urn_is_loaded_or_refused(tmp_path: Path, depth: int) -> None:
    inner = "[" * depth + "]" * depth
    path = tmp_path / "a.json"
    path.write_text(f'{{"resourceType": "Practitioner", "id": "a", "u": "urn:x", "x": {inner}}}')
    assert loads(path)
