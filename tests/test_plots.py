"""Plots: every one is drawn from the figures that are kept, the same figures give the same file."""

from __future__ import annotations

from pathlib import Path

import plots
import pytest
from results import FOLDER, tables


@pytest.mark.parametrize(
    ("cell", "clock", "cpu"),
    [
        ("562 (228)", 562, 228),
        ("4,518 (2,279)", 4518, 2279),
        ("0.259 (0.0935); 0.195", 0.259, 0.0935),
        ("–", None, None),
    ],
)
def test_a_cell_has_a_time_by_the_clock_and_of_the_processor(cell: str, clock: float | None, cpu: float | None) -> None:
    assert plots.figure_in(cell) == clock
    assert plots.figure_in(cell, cpu=True) == cpu


def test_every_benchmark_that_is_kept_has_a_plot() -> None:
    kept = {path.stem for path in FOLDER.glob("*.csv")} - {"plan_progress"}
    assert kept == {path.stem for path in FOLDER.glob("*.png")} == {path.stem for path in FOLDER.glob("*.svg")}
    assert kept <= set(plots.PLOTS)
    assert all(len(row) > 1 for rows in tables("find").values() for row in rows)


@pytest.mark.parametrize("name", [*plots.PLOTS])
def test_a_plot_is_drawn_from_what_is_kept(name: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    if not (FOLDER / f"{name}.csv").exists():
        pytest.skip("no figures yet")
    png, svg = plots.draw(name, tmp_path)
    assert png.read_bytes()[:4] == b"\x89PNG"
    assert b"</svg>" in svg.read_bytes()


def test_the_same_figures_give_the_same_file(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    drawn: list[bytes] = []
    for _ in range(2):
        _, svg = plots.draw("ledger", tmp_path)
        drawn.append(svg.read_bytes())
    assert drawn[0] == drawn[1]
