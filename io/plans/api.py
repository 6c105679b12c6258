"""`plan` and `replan` for programs: tables in and out, as files, Arrow or pandas."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from typing import Any, cast

from ...solver.plan.problem import Objective
from ..errors import NotWritable
from ..ledger.ledger import Ledger
from ..local import zone_named
from ..store import Store
from .answers import Answer
from .movable import Movable
from .planning import Outcome, Settings, earliest_of, make_plan
from .report import Report, report_of
from .requests import Row, check_columns
from .solving import Limits, StageClock, Watch, planner
from .tables import answers_table, read_rows, rows_of, write_answers

Requests = str | os.PathLike[str] | Iterable[Row]
"""A path, rows as dicts, an Arrow table or a pandas DataFrame."""


class PlanAnswer:
    """What became of a plan: `answers`, in the order of the requests, `report`, and whether Ctrl-C cut it short."""

    def __init__(self, outcome: Outcome, report: Report) -> None:
        self.answers: Sequence[Answer] = tuple(outcome.answers)
        self.report = report
        self.is_interrupted = not outcome.is_complete

    def to_arrow(self) -> Any:
        """The answers as an Arrow table (docs/plan.md)."""
        return answers_table(self.answers)

    def to_pandas(self) -> Any:
        """The answers as a DataFrame."""
        return self.to_arrow().to_pandas()

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the answers: Parquet, CSV, NDJSON or Arrow by suffix."""
        write_answers(self.answers, os.fspath(path))


def plan(
    requests: Any,
    store: Store,
    *,
    book: bool = False,
    objective: Objective = "weighted",
    work_limit: float | None = None,
    time_limit_seconds: float | None = None,
    seed: int = 0,
    timezone: str | None = None,
    allow_past: bool = False,
    who: str | None = None,
    watch: Watch | None = None,
) -> PlanAnswer:
    """Place as many requests as possible without conflict (docs/plan.md).

    Parameters
    ----------
    requests
        A path, an Arrow table, a pandas DataFrame, or rows as dicts.
    store
        What `open_calendar` or `open_ledger` gives.
    book
        Write the plan into the ledger; requests booked already are left as they are.
    objective
        `"weighted"` or `"lexicographic"`.
    work_limit, seed
        These decide the plan: the same requests, store, limit and seed give the same plan.
    time_limit_seconds
        A guard: the best plan found by then is taken.
    timezone
        The zone of local times; None: for each request that of the first schedule it names.
    allow_past
        In a ledger, whether visits may start before now.
    who
        Who is recorded in the ledger's entries.
    watch
        Called now and then with what the planner has so far.

    Raises
    ------
    LoadError
        If the table cannot be read as requests. A bad row is an answer with the status `error`.
    NotWritable
        If there is nothing to book in.
    """
    return _run(
        requests, store, None, book, Limits(work_limit, time_limit_seconds, seed, objective),
        timezone, allow_past, who, watch,
    )  # fmt: skip


def replan(
    store: Store,
    movable: Movable,
    requests: Any = (),
    *,
    book: bool = False,
    objective: Objective = "weighted",
    work_limit: float | None = None,
    time_limit_seconds: float | None = None,
    seed: int = 0,
    timezone: str | None = None,
    allow_past: bool = False,
    who: str | None = None,
    watch: Watch | None = None,
) -> PlanAnswer:
    """Move bookings, and place requests beside them; everything else as for `plan`."""
    return _run(
        requests, store, movable, book, Limits(work_limit, time_limit_seconds, seed, objective),
        timezone, allow_past, who, watch,
    )  # fmt: skip


def _run(
    requests: Any,
    store: Store,
    movable: Movable | None,
    book: bool,
    limits: Limits,
    timezone: str | None,
    allow_past: bool,
    who: str | None,
    watch: Watch | None,
) -> PlanAnswer:
    begun = time.monotonic()
    if book and not (isinstance(store, Ledger) and store.is_writable):
        raise NotWritable("Ledger is not writable")
    rows = rows_given(requests)
    zone = None if timezone is None else zone_named(store, timezone)
    settings = Settings(zone, earliest_of(store, allow_past=allow_past), movable, book, who)
    clock = StageClock(watch)
    outcome = make_plan(store, rows, planner(limits, clock), settings)
    return PlanAnswer(outcome, report_of(outcome, time.monotonic() - begun, clock.seconds))


def rows_given(requests: Any) -> Sequence[Row]:
    """The rows of whatever holds requests. Raises LoadError."""
    if isinstance(requests, str | os.PathLike):
        return read_rows(os.fspath(requests))  # type: ignore[reportUnknownArgumentType]
    if isinstance(requests, list | tuple):
        rows = cast("Sequence[Row]", requests)
        check_columns(list(dict.fromkeys(name for row in rows for name in row)), "The requests", needed=())
        return rows
    return rows_of(requests)
