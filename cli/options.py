"""Options that commands share, how their values are read, and how stores are opened."""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from . import complete

if TYPE_CHECKING:
    from ..io.calendars import Calendar
    from ..io.ledger.ledger import Ledger
    from ..solver.errors import InvalidInputError

_WARNINGS_SHOWN = 20
LOCK_TIMEOUT = 30.0
"""Seconds to wait for the ledger's writer."""

Decorated = TypeVar("Decorated", bound="Callable[..., Any] | click.Command")
Decorator = Callable[[Decorated], Decorated]


class Amount(click.FloatRange):
    """A number in a range; `nan` passes every comparison and is in none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = super().convert(value, param, ctx)
        if found != found:
            self.fail(f"{value!r} is no number.", param, ctx)
        return found


_MAKES_ONE = "`slotwright ledger init --ledger FILE` makes a ledger; SLOTWRIGHT_LEDGER names it for every command."


class LedgerFile(type(click.STRING)):
    """The path of a ledger; where it is missing, how to come by one."""

    def get_missing_message(self, *_: object, **__: object) -> str:
        return _MAKES_ONE


def calendar_option() -> Decorator[Any]:
    return click.option(
        "--calendar",
        "calendars",
        metavar="PATH",
        type=click.Path(
            readable=False
        ),  # in the environment several are separated as in PATH, and blanks are part of a name
        multiple=True,
        envvar="SLOTWRIGHT_CALENDAR",
        help="FHIR resources or CSV tables: a file or folder of JSON, NDJSON or gzip of these, - for standard input. "
        "Repeatable.",
    )


def ledger_option(*, required: bool) -> Decorator[Any]:
    return click.option(
        "--ledger",
        metavar="PATH",
        type=LedgerFile(),
        required=required,
        envvar="SLOTWRIGHT_LEDGER",
        help="The ledger file." if required else "A ledger file, instead of --calendar.",
    )


def service_option(help: str = "The HealthcareService, by id or name.", *, required: bool = False) -> Decorator[Any]:
    return click.option("--service", metavar="NAME", required=required, shell_complete=complete.services, help=help)


def schedules_option(
    help: str = "A Schedule that is needed, by id or by the name of its actor; commas mean any one of these. "
    "Repeatable: all.",
    *,
    required: bool = False,
) -> Decorator[Any]:
    """Pools: each occurrence may name several, with commas."""
    return click.option(
        "--schedule",
        "schedules",
        multiple=True,
        metavar="NAME[,NAME…]",
        required=required,
        shell_complete=complete.schedules,
        help=help,
    )


def lock_timeout_option() -> Decorator[Any]:
    return click.option(
        "--lock-timeout",
        metavar="SECONDS",
        type=Amount(min=0),
        default=LOCK_TIMEOUT,
        show_default=True,
        envvar="SLOTWRIGHT_LOCK_TIMEOUT",
        help="How long to wait while somebody else writes.",
    )


def unsafe_option() -> Decorator[Any]:
    return click.option(
        "--unsafe-filesystem", is_flag=True, help="Use a ledger on a network file system, where it may lose data."
    )


def who_option() -> Decorator[Any]:
    return click.option(
        "--who",
        metavar="NAME",
        envvar="SLOTWRIGHT_WHO",
        help="Who is recorded in the ledger's entry. Default: your login name.",
    )


def dry_run_option() -> Decorator[Any]:
    return click.option("--dry-run", is_flag=True, help="Say what would happen, and write nothing.")


def allow_past_option() -> Decorator[Any]:
    return click.option("--allow-past", is_flag=True, help="Take starts before now too.")


def json_option(what: str) -> Decorator[Any]:
    return click.option("--json", "as_json", is_flag=True, help=f"Print the FHIR {what}.")


def timezone_option(what: str) -> Decorator[Any]:
    return click.option("--timezone", metavar="ZONE", envvar="SLOTWRIGHT_TIMEZONE", help=what)


def now_option() -> Decorator[Any]:
    return click.option(
        "--now",
        metavar="INSTANT",
        envvar="SLOTWRIGHT_NOW",
        help="Take this as the current time, such as 2026-03-09T12:00:00Z.",
    )


def engine_option() -> Decorator[Any]:
    return click.option(
        "--engine",
        type=click.Choice(["auto", "cp-sat"]),
        default="auto",
        show_default=True,
        envvar="SLOTWRIGHT_ENGINE",
        help="auto takes the shortest way; cp-sat asks the full solver model. The answer is the same.",
    )


def words(_: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
    """For an option whose text is stored: an empty one is no FHIR string."""
    if text is not None and not text.strip():
        raise click.UsageError(f"{parameter.opts[0]} {text!r} says nothing.")
    return text


def read_now(text: str | None) -> datetime | None:
    """The instant of --now. Raises InvalidInputError."""
    if text is None:
        return None
    from datetime import UTC

    from ..io.instants import instant_ms
    from ..solver.errors import InvalidInputError

    at = instant_ms(text)
    if at is None:
        raise InvalidInputError(f"--now {text!r} is not an instant. Write it as 2026-03-09T12:00:00Z.")
    try:
        return datetime.fromtimestamp(at / 1000, UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInputError(f"--now {text!r} lies outside the years 1 to 9999 in UTC.") from error


def clock_at(now: str | None) -> Callable[[], datetime] | None:
    """A clock that stands at --now, or None: the machine's. Raises InvalidInputError."""
    fixed = read_now(now)
    return None if fixed is None else (lambda: fixed)


def read_format(as_json: bool, as_ndjson: bool) -> tuple[bool, bool]:
    """What was typed wins over what a file sets; two of one kind contradict each other."""
    if as_json and as_ndjson:
        context = click.get_current_context()
        typed = [
            context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE
            for name in ("as_json", "as_ndjson")
        ]
        if typed[0] == typed[1]:
            raise click.UsageError("--json and --ndjson exclude each other.")
        return typed[0], typed[1]
    return as_json, as_ndjson


def read_number(option: str, text: str | None) -> str:
    """The operation itself reads leading digits; who types 1e3 must not get 1."""
    if text and not (text.removeprefix("-").isascii() and text.removeprefix("-").isdigit()):
        raise _invalid(f"{option} {text!r} is not a whole number.")
    return text or ""


def read_pool(pool: str) -> list[str]:
    """The names in one --schedule, any of which will do."""
    members = [name.strip() for name in pool.split(",") if name.strip()]
    if not members:
        raise click.UsageError(f"--schedule {pool!r} names no schedule.")
    return members


def _invalid(text: str) -> InvalidInputError:
    from ..solver.errors import InvalidInputError

    return InvalidInputError(text)


def login_name() -> str:
    """Who is recorded if nobody says."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user without a name, as in some containers
        return "unknown"


# Stores


def source_of(
    calendars: tuple[str, ...], ledger: str | None, *, calendar_name: str = "--calendar"
) -> tuple[tuple[str, ...], str | None]:
    """Either calendars or a ledger: what is typed wins over the environment, and that over the file.

    `calendar_name` is what the command calls its calendars.
    """
    if calendars and ledger is not None:
        ranks = [_rank(name) for name in ("calendars", "ledger")]
        if ranks[0] == ranks[1]:
            raise click.UsageError(f"--ledger and {calendar_name} exclude each other.")
        return (calendars, None) if ranks[0] > ranks[1] else ((), ledger)
    if not calendars and ledger is None:
        is_option = calendar_name.startswith("-")
        missing = f"option '{calendar_name}' or" if is_option else f"argument '{calendar_name}' or option"
        raise click.UsageError(f"Missing {missing} '--ledger'. {_MAKES_ONE}")
    return calendars, ledger


def _rank(parameter: str) -> int:
    source = click.get_current_context().get_parameter_source(parameter)
    order = (click.core.ParameterSource.ENVIRONMENT, click.core.ParameterSource.COMMANDLINE)
    return order.index(source) + 1 if source in order else 0


def load(
    calendars: tuple[str, ...],
    ledger: str | None,
    now: str | None,
    lock_timeout: float = LOCK_TIMEOUT,
    read_only: bool = True,
    unsafe_filesystem: bool = False,
) -> Calendar | Ledger:
    """Open the calendar or the ledger that was given, with warnings and progress on standard error.

    Raises LoadError or LedgerError.
    """
    if ledger is not None:
        return open_existing(
            ledger, now, lock_timeout=lock_timeout, read_only=read_only, unsafe_filesystem=unsafe_filesystem
        )
    from ..io.calendars import open_calendar
    from ..io.errors import LoadWarning

    clock = clock_at(now)
    with warnings.catch_warnings(), Bar("Loading", "resources") as bar:
        warnings.simplefilter("ignore", LoadWarning)
        calendar = open_calendar(calendars, clock=clock, progress=bar.show)
    show_warnings(calendar.warnings)
    return calendar


def show_warnings(texts: tuple[str, ...]) -> None:
    """On standard error, and not endlessly."""
    for text in texts[:_WARNINGS_SHOWN]:
        click.echo(f"Warning: {text}", err=True)
    hidden = len(texts) - _WARNINGS_SHOWN
    if hidden > 0:
        click.echo(f"Warning: {hidden} more references lead to resources that are not loaded.", err=True)


def open_existing(
    path: str,
    now: str | None,
    *,
    lock_timeout: float = LOCK_TIMEOUT,
    read_only: bool = False,
    unsafe_filesystem: bool = False,
) -> Ledger:
    """A ledger that is there already; it is closed when the command ends. Raises LedgerError."""
    from ..io.errors import LedgerNotFound
    from ..io.ledger.ledger import open_ledger

    check_path(path)
    if os.path.isfile(path) and not os.path.getsize(path) and not os.path.exists(f"{path}-wal"):
        # A new ledger could be made of it; whoever asked for one that is there would look for the old one in vain.
        raise LedgerNotFound(f"{path} is empty; remove it, and make a ledger with `slotwright ledger init`")
    ledger = open_ledger(
        path,
        clock=clock_at(now),
        lock_timeout=lock_timeout,
        read_only=read_only,
        create=False,
        unsafe_filesystem=unsafe_filesystem,
    )
    click.get_current_context().call_on_close(ledger.close)
    return ledger


def check_path(path: str) -> None:
    """As in `--ledger "$LEDGER"` where the variable is not set."""
    if not path:
        raise click.UsageError("--ledger '' names no file.")


class Bar:
    """How many things have been done, on a terminal, once it takes longer than a second."""

    def __init__(self, doing: str, things: str) -> None:
        self._doing, self._things = doing, things
        self._begun = time.monotonic()
        self._progress: Any = None
        self._task: Any = None

    def show(self, count: int) -> None:
        self._show(f"{count:,}")

    def show_of(self, done: int, total: int | None = None) -> None:
        """The same where it may be known how many there are."""
        self._show(f"{done:,}" if total is None else f"{done:,} of {total:,}")

    def say(self, text: str) -> None:
        """Anything else that tells how far it is."""
        self._describe(text)

    def _show(self, count: str) -> None:
        self._describe(f"{count} {self._things}")

    def _describe(self, text: str) -> None:
        if self._progress is None:
            if time.monotonic() - self._begun < 1 or not sys.stderr.isatty():
                return
            from rich.console import Console
            from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

            columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
            self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
            self._progress.start()
            self._task = self._progress.add_task(self._doing)
        self._progress.update(self._task, description=f"{self._doing}, {text}")

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()


def print_json(value: Any, *, pretty: bool = True) -> None:
    import orjson

    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2 if pretty else 0))
