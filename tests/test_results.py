"""The figures of benchmarks that are kept: read back, replaced, never mixed with other columns."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path

import pytest
from measure import Report
from results import STAMP, Results, keep, number, tables


def test_rows_are_kept_with_versions_and_replace_those_with_their_key(tmp_path: Path) -> None:
    kept = Results("some", ("size", "seconds", "bound"), tmp_path / "new")
    assert kept.rows() == []
    kept.put([{"size": 10, "seconds": 0.25, "bound": None}, {"size": 10, "seconds": 0.5, "bound": 8}], size=10)
    kept.put([{"size": 20, "seconds": 1.5, "bound": 30_380_123.5}], size=20)
    rows = kept.rows()
    assert rows[0]["python"] == platform.python_version() and rows[0]["ortools"] == version("ortools")
    assert kept.path.read_text().splitlines()[0] == ",".join([*STAMP, "size", "seconds", "bound"])
    kept.put([{"size": 10, "seconds": 0.125, "bound": 7}], size=10)
    assert [(row["size"], row["seconds"], row["bound"]) for row in kept.rows()] == [
        ("20", "1.5", "30380123.5"),
        ("10", "0.125", "7"),
    ]
    assert [one.name for one in kept.folder.iterdir()] == ["some.csv"]
    assert number("") is None and number("1.5") == 1.5


def test_other_columns_are_not_mixed_in(tmp_path: Path) -> None:
    Results("some", ("size",), tmp_path).put([{"size": 1}])
    with pytest.raises(SystemExit, match=r"some\.csv has other columns"):
        Results("some", ("size", "seconds"), tmp_path).put([{"size": 2, "seconds": 1}], size=2)
    assert len(Results("some", ("size",), tmp_path).rows()) == 1


def test_a_report_is_kept_cell_by_cell_in_the_place_of_the_former(tmp_path: Path) -> None:
    for value in ("1.5 (1.2)", "2.5 (2.2)"):
        report = Report("Some")
        report.table("Times, ms", "case", "took").add("one, two", value)
        keep("some", report, tmp_path)
    assert tables("some", tmp_path) == {"Times, ms": [{"case": "one, two", "took": "2.5 (2.2)"}]}
