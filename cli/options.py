"""Options that commands share, and how their values are read."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..io.calendars import Calendar

_WARNINGS_SHOWN = 20

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def calendar_option() -> Decorator:
    return click.option(
        "--calendar",
        "calendars",
        metavar="PATH",
        type=click.Path(
            readable=False
        ),  # in the environment several are separated as in PATH, and blanks are part of a name
        multiple=True,
        required=True,
        envvar="SLOTWRIGHT_CALENDAR",
        help="FHIR resources: a file or folder of JSON, NDJSON or gzip of these, - for standard input. Repeatable.",
    )


def now_option() -> Decorator:
    return click.option(
        "--now",
        metavar="INSTANT",
        envvar="SLOTWRIGHT_NOW",
        help="Take this as the current time, such as 2026-03-09T12:00:00Z.",
    )


def engine_option() -> Decorator:
    return click.option(
        "--engine",
        type=click.Choice(["auto", "cp-sat"]),
        default="auto",
        show_default=True,
        envvar="SLOTWRIGHT_ENGINE",
        help="auto takes the shortest way; cp-sat asks the full solver model. The answer is the same.",
    )


def read_now(text: str | None) -> datetime | None:
    """The instant of --now. Raises InvalidInputError."""
    if text is None:
        return None
    from ..io.instants import instant_ms
    from ..solver.errors import InvalidInputError

    at = instant_ms(text)
    if at is None:
        raise InvalidInputError(f"--now {text!r} is not an instant. Write it as 2026-03-09T12:00:00Z.")
    return datetime.fromtimestamp(at / 1000, UTC)


def load(paths: tuple[str, ...], now: str | None) -> Calendar:
    """Open the calendar, with warnings and progress on standard error. Raises LoadError."""
    from ..io.calendars import open_calendar
    from ..io.errors import LoadWarning

    fixed = read_now(now)
    clock = None if fixed is None else (lambda: fixed)
    bar = _Bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LoadWarning)
        try:
            calendar = open_calendar(paths, clock=clock, progress=bar.show)
        finally:
            bar.close()
    for text in calendar.warnings[:_WARNINGS_SHOWN]:
        click.echo(f"Warning: {text}", err=True)
    hidden = len(calendar.warnings) - _WARNINGS_SHOWN
    if hidden > 0:
        click.echo(f"Warning: {hidden} more references lead to resources that are not loaded.", err=True)
    return calendar


class _Bar:
    """How many resources have been read, on a terminal, once it takes longer than a second."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._progress: Any = None
        self._task: Any = None

    def show(self, count: int) -> None:
        if self._progress is None:
            if time.monotonic() - self._begun < 1 or not sys.stderr.isatty():
                return
            from rich.console import Console
            from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

            columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
            self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
            self._progress.start()
            self._task = self._progress.add_task("Loading")
        self._progress.update(self._task, description=f"Loading, {count:,} resources")

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()


def print_json(value: Any, *, pretty: bool = True) -> None:
    import orjson

    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2 if pretty else 0))
