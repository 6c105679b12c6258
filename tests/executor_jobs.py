"""Jobs for the tests of executors: they are called by name in processes of their own."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from slotwright.io.batch.partition import solve_partition
from slotwright.solver.errors import InvalidInputError


def solve_or_die(path_in: str, path_out: str, options: dict[str, Any]) -> None:
    """Solve a partition; the first worker that comes kills itself instead."""
    mark = Path(options["mark"])
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        solve_partition(path_in, path_out, options)
        return
    os.kill(os.getpid(), signal.SIGKILL)


def die(path_in: str, path_out: str, options: dict[str, Any]) -> None:  # noqa: ARG001
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(path_in: str, path_out: str, options: dict[str, Any]) -> None:  # noqa: ARG001
    raise InvalidInputError(f"{Path(path_in).name} is refused")


def write_and_wait(path_in: str, path_out: str, options: dict[str, Any]) -> None:
    """Finish the first job, and let every other one take longer than anybody waits."""
    if path_in != options["first"]:
        Path(options["waiting"]).touch()
        time.sleep(60)
    Path(path_out).touch()
