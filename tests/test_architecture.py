"""The layers, read from the imports: cli → io → solver, and what each may know."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted(path for folder in ("solver", "io", "cli") for path in (ROOT / folder).rglob("*.py"))
HEAVY = {"pandas", "numpy", "pyarrow", "ortools.sat.python.cp_model", "ortools.sat.python.cp_model_helper"}


@cache
def imports(path: Path) -> frozenset[str]:
    """The modules a file imports anywhere in it, relative ones as slotwright.…"""
    package = ["slotwright", *path.relative_to(ROOT).parent.parts]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def roots(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_point_downwards(path: Path) -> None:
    layer = path.relative_to(ROOT).parts[0]
    above = {"solver": ("slotwright.io", "slotwright.cli"), "io": ("slotwright.cli",), "cli": ()}[layer]
    assert not [name for name in imports(path) if name.startswith(above)] or not above
    assert not roots(path) & {"solver", "cli"}, "a bare import makes a second copy of every class"


@pytest.mark.parametrize("path", sorted((ROOT / "solver").rglob("*.py")), ids=lambda path: path.name)
def test_the_solver_knows_no_file_clock_or_network(path: Path) -> None:
    outside = {"json", "orjson", "msgspec", "io", "os", "pathlib", "socket", "time", "zoneinfo", "click", "random"}
    assert not roots(path) & outside


def test_each_library_has_one_home() -> None:
    homes = {
        "ortools": {"solver/model.py"},
        "zoneinfo": {"io/zones.py"},
        "msgspec": {"io/resources.py"},
        "pyarrow": {"io/arrow.py"},
        "apsw": {f"io/ledger/{name}.py" for name in ("database", "failures", "ledger", "opening", "verify", "writing")},
        "fcntl": {"io/ledger/lock.py"},
        "playwright": {"io/view/png.py"},
        "uvicorn": {"io/server/run.py", "io/server/protocol.py"},
        "icalendar": {"io/ical/components.py", "io/ical/zones.py"},
        "dateutil": {"io/ical/recurrence.py", "io/ical/zones.py"},
        "uvloop": {"io/server/run.py"},
    }
    for library, home in homes.items():
        assert {str(path.relative_to(ROOT)) for path in FILES if library in roots(path)} == home


def test_every_package_is_installed() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    there = {path.parent.relative_to(ROOT).parts for path in FILES}
    assert {f"slotwright.{'.'.join(parts)}" for parts in there} == set(listed)


def test_sql_stands_in_two_files() -> None:
    statement = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE FROM|CREATE TABLE|PRAGMA) ")
    found = {
        str(path.relative_to(ROOT))
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and statement.match(node.value.lstrip())
    }
    assert found == {"io/ledger/database.py", "io/ledger/schema.py"}


QUERY = "start=2026-03-10&end=2026-03-11&schedule=Schedule/dr-novak&service-type-reference=HealthcareService/check-up"


@pytest.mark.parametrize(
    "command",
    [
        "find --service check-up --schedule dr-novak --start 2026-03-10 --end 2026-03-10",
        "find --service check-up --schedule dr-novak --schedule exam-1 --start 2026-03-10 --end 2026-03-10 --json",
        f"op Appointment/$find --query {QUERY}",
    ],
)
def test_a_find_without_pools_loads_nothing_heavy(command: str) -> None:
    script = (
        "import sys\nfrom slotwright.cli.main import run\n"
        f"assert run({[*command.split(), '--calendar', str(ROOT / 'examples' / 'clinic')]!r}) == 0\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(done.stderr.splitlines())
    assert not HEAVY & loaded
    assert not [name for name in loaded if name.startswith("slotwright.io.view")]


def test_pools_load_the_solver_but_not_pandas() -> None:
    script = (
        "import sys\nfrom slotwright.cli.main import run\n"
        "run(['find', '--service', 'check-up', '--schedule', 'dr-novak', '--schedule', 'exam-1,exam-2', '--start', "
        f"'2026-03-10', '--end', '2026-03-10', '--calendar', {str(ROOT / 'examples' / 'clinic')!r}])\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(done.stderr.splitlines())
    assert "ortools.sat.python.cp_model_helper" in loaded
    assert not loaded & {"pandas", "numpy", "pyarrow"}


@pytest.mark.parametrize("count", ["3", "0"])
def test_find_and_book_load_nothing_that_explains(tmp_path: Path, count: str) -> None:
    """Not even where nothing is found, or the options are wrong."""
    ledger, clinic = str(tmp_path / "a.ledger"), str(ROOT / "examples" / "clinic")
    asked = ["--service", "check-up", "--schedule", "dr-novak", "--now", "2026-03-01T12:00:00Z", "--ledger", ledger]
    script = (
        "import sys\nfrom slotwright.cli.main import run\n"
        f"run(['ledger', 'init', '--ledger', {ledger!r}])\n"
        f"run(['ledger', 'load', '--ledger', {ledger!r}, {clinic!r}])\n"
        f"run(['find', *{asked!r}, '--count', {count!r}, '--start', '2026-03-10', '--end', '2026-03-10'])\n"
        f"run(['find', *{asked!r}, '--start', '2026-04-03', '--end', '2026-04-03'])\n"
        f"run(['book', *{asked!r}, '--start', '2026-03-10T09:00'])\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(done.stderr.splitlines())
    assert "slotwright.io.operations.book" in loaded
    explaining = (
        "solver.whynot", "io.layers", "io.resolved", "io.earliest", "io.freebusy", "io.vfreebusy",
        "io.operations.explain", "io.operations.explained", "cli.explain", "cli.reasons", "cli.rules", "cli.next",
        "cli.freebusy",
    )  # fmt: skip
    assert not {f"slotwright.{one}" for one in explaining} & loaded
