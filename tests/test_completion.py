"""Shell completion: what a shell is offered for a line, asked the way that bash asks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from slotwright.cli.main import run
from slotwright.io import open_ledger

CLINIC = Path(__file__).resolve().parent.parent / "examples" / "clinic"
PROGRAM = Path(sys.executable).with_name("slotwright")


def offered(line: str, folder: Path, **environment: str) -> list[str]:
    """What completes the last word of a line."""
    words = line.split(" ")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SLOTWRIGHT_")}
    asked = {"_SLOTWRIGHT_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [PROGRAM],
        env={**clean, **asked, **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return [one.partition(",")[2] for one in done.stdout.splitlines() if one]


def test_commands_and_options(tmp_path: Path) -> None:
    assert offered("slotwright ba", tmp_path) == ["batch"]
    assert offered("slotwright ledger ve", tmp_path) == ["verify"]
    assert offered("slotwright find --sch", tmp_path) == ["--schedule"]
    assert offered("slotwright completion ", tmp_path) == ["bash", "zsh", "fish"]


@pytest.fixture(name="ledger")
def ledger_fixture(tmp_path: Path) -> Path:
    with open_ledger(tmp_path / "clinic.ledger") as ledger:
        ledger.load([CLINIC])
    return tmp_path / "clinic.ledger"


def test_names_come_from_the_ledger_on_the_line_or_in_the_environment(ledger: Path) -> None:
    folder = ledger.parent
    assert offered("slotwright find --ledger clinic.ledger --service ch", folder) == ["check-up"]
    assert offered("slotwright find --service ch", folder, SLOTWRIGHT_LEDGER=str(ledger)) == ["check-up"]
    (folder / "slotwright.toml").write_text('ledger = "clinic.ledger"\n')
    assert offered("slotwright close dr-m", folder) == ["dr-martinez"]
    assert offered("slotwright book --schedule or-1,or-", folder) == ["or-1,or-1", "or-1,or-2", "or-1,or-3"]


def test_names_come_from_a_calendar(tmp_path: Path) -> None:
    assert offered(f"slotwright find --calendar {CLINIC} --schedule dr-n", tmp_path) == ["dr-novak"]


@pytest.mark.parametrize(
    "line",
    [
        "slotwright find --service ch",
        "slotwright find --ledger gone.ledger --service ch",
        "slotwright find --calendar gone --service ch",
        "slotwright find --calendar notes.txt --service ch",
    ],
)
def test_nothing_to_look_in_is_no_offer_and_no_error(line: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no calendar")
    assert offered(line, tmp_path) == []
    assert sorted(os.listdir(tmp_path)) == ["notes.txt"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_names_its_place(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0
    out = capsys.readouterr().out
    assert out.startswith("# In ~/.") and "_SLOTWRIGHT_COMPLETE" in out


def test_bash_takes_the_script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    assert run(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    line = "COMP_WORDS=(slotwright lis); COMP_CWORD=1; _slotwright_completion slotwright lis; echo ${COMPREPLY[@]}"
    path = f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [bash, "-c", f"{script}\n{line}"],
        env={**os.environ, "PATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "list\n"
