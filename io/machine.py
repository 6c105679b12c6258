"""What figures were taken with and on: versions, processor, system."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version


def versions() -> dict[str, str]:
    """Of slotwright, of what it computes with, and of Python."""
    named = {name: version(name) for name in ("slotwright", "ortools", "numpy")}
    return {**named, "python": platform.python_version()}


def machine() -> str:
    """System, processor and how many cores this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{platform.system()} {platform.machine()}; {_processor()}, {cores} cores"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            named = (line.partition(":")[2].strip() for line in file if line.startswith("model name"))
            return next(named, "processor unnamed")
    except OSError:
        return platform.processor() or "unknown processor"
