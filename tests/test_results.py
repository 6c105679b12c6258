"""The figures of benchmarks that are kept: appended, read back, never mixed with other columns."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path

import pytest
from results import STAMP, Results, number


def test_rows_are_appended_with_versions_and_the_latest_of_a_key_counts(tmp_path: Path) -> None:
    kept = Results("some", ("size", "seconds", "bound"), tmp_path / "new")
    assert kept.rows() == []
    kept.add({"size": 10, "seconds": 0.25, "bound": None}, {"size": 20, "seconds": 1.5, "bound": 30_380_123.5})
    kept.add({"size": 10, "seconds": 0.125, "bound": 7})
    rows = kept.rows()
    assert [(row["size"], row["seconds"], row["bound"]) for row in rows] == [
        ("10", "0.25", ""),
        ("20", "1.5", "30380123.5"),
        ("10", "0.125", "7"),
    ]
    assert rows[0]["python"] == platform.python_version() and rows[0]["ortools"] == version("ortools")
    assert [row["seconds"] for row in kept.latest(lambda row: row["size"])] == ["0.125", "1.5"]
    assert kept.path.read_text().splitlines()[0] == ",".join([*STAMP, "size", "seconds", "bound"])
    assert number("") is None and number("1.5") == 1.5


def test_other_columns_are_not_mixed_in(tmp_path: Path) -> None:
    Results("some", ("size",), tmp_path).add({"size": 1})
    with pytest.raises(SystemExit, match=r"some\.csv has other columns"):
        Results("some", ("size", "seconds"), tmp_path).add({"size": 2, "seconds": 1})
    assert len(Results("some", ("size",), tmp_path).rows()) == 1


def test_a_benchmark_may_write_its_file_anew(tmp_path: Path) -> None:
    kept = Results("some", ("size",), tmp_path)
    kept.add({"size": 1})
    kept.replace([{"size": 2}])
    assert [row["size"] for row in kept.rows()] == ["2"]
