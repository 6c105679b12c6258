"""Where pyarrow comes in, when a table is first read or written: it takes up to 0.2 s to import."""

from __future__ import annotations

from typing import Any


def arrow() -> Any:
    import pyarrow  # type: ignore[reportMissingTypeStubs]

    return pyarrow


def compute() -> Any:
    import pyarrow.compute  # type: ignore[reportMissingTypeStubs]

    return pyarrow.compute


def parquet() -> Any:
    import pyarrow.parquet  # type: ignore[reportMissingTypeStubs]

    return pyarrow.parquet


def ipc() -> Any:
    import pyarrow.ipc  # type: ignore[reportMissingTypeStubs]

    return pyarrow.ipc
