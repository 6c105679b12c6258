"""Many questions at once: tables of requests in, tables of answers out (docs/batch.md)."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ...solver.problem import Engine
from ..store import Store

__all__ = ["batch_find"]


def batch_find(
    requests: Any,
    source: Store | str | os.PathLike[str],
    *,
    now: datetime | None = None,
    engine: Engine = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> Any:
    """Answer many find requests over one calendar; the same offers in the same order as single finds.

    Parameters
    ----------
    requests
        A pandas DataFrame, an Arrow table, or the path of a Parquet, CSV, NDJSON or Arrow file, with the columns of
        docs/batch.md: `service`, `schedules`, `start`, `end`, and what one wants of `request_id`, `count`,
        `combinations`, `occurrences`.
    source
        A calendar, a ledger, or the path of a folder of tables, as `slotwright compile` writes them.
    now
        When holds are judged, aware. Default: what the calendar's clock says, or the machine's.
    progress
        Called now and then with the number of requests done, and of all.

    Returns
    -------
    A DataFrame for a DataFrame, else an Arrow table: a row for each offer, and one for each request that has none or
    is at fault.

    Raises
    ------
    LoadError
        For tables, columns and files that cannot be read.
    """
    # Arrow and NumPy come with these.
    from ..arrow import arrow
    from .answers import schema
    from .find import origin_of, solve
    from .formats import read_table
    from .requests import Requests
    from .run import exporting
    from .tables import TableStore

    is_frame = type(requests).__module__.partition(".")[0] == "pandas"
    if is_frame:
        table = arrow().Table.from_pandas(_without_mixtures(requests), preserve_index=False)
    elif isinstance(requests, str | os.PathLike):
        table = read_table(os.fspath(requests))
    else:
        table = requests
    read = Requests(table)
    with TemporaryDirectory(prefix="slotwright-") as name:
        if isinstance(source, str | os.PathLike):
            folder, moment = Path(source), now or datetime.now(UTC)
        else:
            folder, moment = Path(name) / "tables", now or source.now()
            exporting(source)(folder)
        store = TableStore(folder, origin_of(read), moment)
        parts = [part.cast(schema()) for part in solve(read, store, engine=engine, progress=progress).tables()]
    found = arrow().concat_tables(parts) if parts else schema().empty_table()
    return found.to_pandas() if is_frame else found


def _without_mixtures(frame: Any) -> Any:
    """Columns of Python objects may mix numbers and text, as `count` does; Arrow's may not."""
    mixed = [name for name in ("request_id", "count", "combinations", "occurrences") if name in frame.columns]
    return frame.assign(**{name: frame[name].map(_as_text) for name in mixed if frame[name].dtype == object})


def _as_text(value: Any) -> str | None:
    if value is None or value != value:
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
