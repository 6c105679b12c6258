"""Shows that the suite notices faults: each mutant goes into a copy of the product, and the tests run.

    python tests/mutants/run.py [--only RULE] [--list]

Exit code 0: every mutant is caught. 1: some survived. 2: the list is faulty, or the tests fail without any fault.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LISTS = tuple(
    Path(__file__).with_name(name)
    for name in (
        "mutants.toml",
        "operations.toml",
        "batch.toml",
        "plans.toml",
        "http.toml",
        "rest.toml",
        "explain.toml",
        "views.toml",
    )
)
PACKAGES = ("solver", "io", "cli")
AT_ONCE = 2
LIMIT_LEAST = 60.0
"""Seconds for the tests of one mutant; three times what the suite takes without a fault, if that is more."""
CONTROL_MOST = 900.0
"""Seconds for the suite without a fault."""

_NOT_COPIED = ("mutants", "test_mutants.py", ".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "*.egg-info")
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
_PATHS = "from slotwright import cli, io, solver; print(*solver.__path__, *io.__path__, *cli.__path__, sep='\\n')"


class Faulty(Exception):
    """What keeps the run from saying anything: a mutant that fits nowhere, a suite that fails by itself."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One deliberate fault: in `file`, `find` becomes `replace`. `tests` are the files likely to notice it."""

    rule: str
    what: str
    file: str
    find: str
    replace: str
    tests: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.rule}: {self.what}"

    def apply(self, root: Path) -> None:
        path = root / self.file
        path.write_text(path.read_text(encoding="utf-8").replace(self.find, self.replace), encoding="utf-8")
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
            compiled.unlink()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which test failed first; None: the mutant survived."""

    caught_by: str | None
    seconds: float


def read_mutants() -> list[Mutant]:
    """The mutants of all lists. Raises Faulty."""
    mutants: list[Mutant] = []
    for path in LISTS:
        entries: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]
        for entry in entries:
            try:
                tests: tuple[str, ...] = tuple(entry.pop("tests", ()))
                mutants.append(Mutant(**entry, tests=tests))
            except TypeError as error:
                raise Faulty(f"{path.name}, {entry.get('rule')}: {entry.get('what')}: {error}") from error
    return mutants


def fault_of(mutant: Mutant, root: Path = ROOT) -> str | None:
    """Why the mutant cannot be applied, or None."""
    path = root / mutant.file
    if not path.is_file():
        return f"{mutant}: there is no file {mutant.file}"
    text = path.read_text(encoding="utf-8")
    times = text.count(mutant.find)
    if times != 1:
        return f"{mutant}: its `find` occurs {times} times in {mutant.file}, must occur exactly once:\n{mutant.find}"
    if mutant.find == mutant.replace:
        return f"{mutant}: `replace` equals `find`"
    try:
        compile(text.replace(mutant.find, mutant.replace), mutant.file, "exec")
    except SyntaxError as error:
        return f"{mutant}: is a syntax error, {error}"
    for name in mutant.tests:
        if not (root / name).is_file():
            return f"{mutant}: there are no tests {name}"
    return None


class Copy:
    """A copy of the product and its tests in `folder`, imported as `slotwright` by every Python started in it."""

    def __init__(self, folder: Path, source: Path) -> None:
        self.root = folder / "copy"
        shutil.copytree(source, self.root, ignore=shutil.ignore_patterns(*_NOT_COPIED) if source == ROOT else None)
        links = folder / "path"
        (links / "slotwright").mkdir(parents=True)
        for name in PACKAGES:
            (links / "slotwright" / name).symlink_to(self.root / name, target_is_directory=True)
        # CI: hypothesis draws the same examples every time, and no example is too slow.
        self._environment = {**os.environ, "PYTHONPATH": str(links), "CI": "true"}
        self._environment.pop("PYTHONDONTWRITEBYTECODE", None)
        self._assert_imported()

    def _assert_imported(self) -> None:
        """The editable install must not win: it would import the product without the fault."""
        shown = self._run(sys.executable, "-c", _PATHS, limit=LIMIT_LEAST)[1]
        if [Path(path).resolve() for path in shown.split()] != [(self.root / name).resolve() for name in PACKAGES]:
            raise Faulty(f"Not the copy in {self.root} is imported but {shown}")

    def pytest(self, *arguments: str, limit: float) -> tuple[int | None, str]:
        """Exit code (None: the time was up) and output of the tests, up to the first that fails."""
        options = ("-x", "-q", "--tb=short", "-rfE", "--no-header")
        return self._run(sys.executable, "-m", "pytest", *options, *arguments, limit=limit)

    def _run(self, *command: str, limit: float) -> tuple[int | None, str]:
        process = subprocess.Popen(
            command,
            cwd=self.root,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        _running.add(process)
        try:
            output = process.communicate(timeout=limit)[0]
        except subprocess.TimeoutExpired:
            _kill(process)
            process.communicate()
            return None, ""
        finally:
            _running.discard(process)
        return process.returncode, output.decode(errors="replace")


_running: set[subprocess.Popen[bytes]] = set()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def judge(mutant: Mutant, folder: Path, source: Path, limit: float) -> Verdict:
    """The likely tests first, then all others. Raises Faulty if the tests do not even run."""
    begun = time.monotonic()
    copy = Copy(folder, source)
    mutant.apply(copy.root)
    caught_by = None
    for arguments in ([*mutant.tests], [f"--ignore={name}" for name in mutant.tests]):
        if arguments or not mutant.tests:
            code, output = copy.pytest(*arguments, limit=limit)
            caught_by = _first_failure(mutant, code, output)
            if caught_by is not None or not mutant.tests:
                break
    shutil.rmtree(folder)
    return Verdict(caught_by, time.monotonic() - begun)


def _first_failure(mutant: Mutant, code: int | None, output: str) -> str | None:
    if code is None:
        return "the time limit"
    if code == 0:
        return None
    failed = _FAILED.search(output)
    if code != 1 or failed is None:
        raise Faulty(f"{mutant}: the tests do not run (exit code {code})\n{output}")
    return failed[1].partition("[")[0]


def control(copy: Copy) -> float:
    """How many seconds the suite takes without a fault, in parts at once. Raises Faulty if it fails."""
    begun = time.monotonic()
    files = sorted(f"{path.relative_to(copy.root)}" for path in copy.root.glob("tests/test_*.py"))

    def of_part(place: int) -> tuple[int | None, str]:
        return copy.pytest(*files[place::AT_ONCE], limit=CONTROL_MOST)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for code, output in pool.map(of_part, range(AT_ONCE)):
            if code is None:
                raise Faulty(f"Without any fault, the tests are not done after {CONTROL_MOST:.0f} s")
            if code != 0:
                raise Faulty(f"The tests fail without any fault:\n{output}")
    return time.monotonic() - begun


def selected(mutants: Sequence[Mutant], only: str | None) -> list[Mutant]:
    """Those of one rule (7.4, "o8 row 3") or of several (7, o8, ledger)."""
    if only is None:
        return list(mutants)
    found = [one for one in mutants if one.rule == only or one.rule.startswith((f"{only}.", f"{only} "))]
    if not found:
        raise Faulty(f"No mutant of rule {only}. Rules: {', '.join(dict.fromkeys(one.rule for one in mutants))}")
    return found


def run(mutants: Sequence[Mutant]) -> int:
    """Judge them all, and say so; how many survived."""
    with tempfile.TemporaryDirectory(prefix="slotwright-mutants-") as name:
        folder = Path(name)
        base = Copy(folder / "base", ROOT)
        seconds = control(base)
        print(f"Without a fault the suite passes, in {seconds:.0f} s. {len(mutants)} mutants:", flush=True)
        limit = max(LIMIT_LEAST, 3 * AT_ONCE * seconds)
        numbers = count()

        def verdict_of(mutant: Mutant) -> Verdict:
            return judge(mutant, folder / f"{next(numbers)}", base.root, limit)

        survived = 0
        with ThreadPoolExecutor(AT_ONCE) as pool:
            try:
                verdicts = pool.map(verdict_of, mutants)
                for mutant, verdict in zip(mutants, verdicts, strict=True):
                    survived += verdict.caught_by is None
                    fate = f"caught by {verdict.caught_by}" if verdict.caught_by else "SURVIVED"
                    print(f"{mutant}\n    {fate} ({verdict.seconds:.0f} s)", flush=True)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                for process in list(_running):
                    _kill(process)
                raise
    return survived


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Put deliberate faults into copies of the product and run the tests.")
    parser.add_argument("--only", metavar="RULE", help="the mutants of one rule (7.4) or section (7, o8)")
    parser.add_argument("--list", action="store_true", help="name the mutants and run nothing")
    options = parser.parse_args(arguments)
    begun = time.monotonic()
    try:
        mutants = read_mutants()
        faults = [fault for mutant in mutants if (fault := fault_of(mutant)) is not None]
        if faults:
            raise Faulty("\n".join(faults))
        mutants = selected(mutants, options.only)
        if options.list:
            print(*mutants, sep="\n")
            return 0
        survived = run(mutants)
    except Faulty as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{len(mutants) - survived} of {len(mutants)} mutants caught, in {time.monotonic() - begun:.0f} s.")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
