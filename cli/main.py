"""The `slotwright` command: its commands, and what every one of them does with errors."""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Mapping
from typing import Any

import click

COMMANDS = {
    "find": "Find common free times for a service.",
    "next": "Find the earliest free times from a day on.",
    "explain": "Say why a time is not offered, or what limits a window.",
    "freebusy": "Show when schedules are busy and when they are free.",
    "book": "Book an appointment.",
    "hold": "Hold an appointment until it is confirmed.",
    "confirm": "Turn a hold into a booking.",
    "cancel": "Cancel a booking or a hold.",
    "reschedule": "Move a booking or a hold.",
    "show": "Show one appointment.",
    "list": "List appointments.",
    "view": "Show a day or a week, and how much is free.",
    "status": "Record who arrived, was seen, or did not come.",
    "close": "Close a schedule for leave or sickness.",
    "reopen": "Take back what close closed.",
    "ledger": "Make, fill, read, check and copy a ledger.",
    "batch": "Answer many requests at once.",
    "compile": "Write a calendar as tables that batches read fast.",
    "audit": "List what does not fit: bookings against the rules, schedules nobody can book.",
    "publish": "Write free times as a feed for a web server.",
    "op": "Carry out one FHIR operation, for programs.",
    "serve": "Serve a ledger over HTTP.",
    "bench": "Measure how long this machine takes on your calendar.",
    "completion": "Let a shell complete commands and names.",
}

LEDGER_COMMANDS = {
    "init": "Make a new ledger.",
    "load": "Load FHIR resources into it.",
    "show": "Say what is in it.",
    "log": "List what happened, or follow it.",
    "verify": "Check that everything in it holds.",
    "backup": "Make a copy while others write.",
    "export": "Write its resources as NDJSON or Parquet.",
    "erase": "Remove a person's data for good.",
}
"""The commands below `slotwright ledger`."""

BATCH_COMMANDS = {
    "find": "Find free times for a table of requests.",
    "plan": "Place as many requests as possible at once.",
    "replan": "Move bookings where somebody drops out, or to make room.",
}
"""The commands below `slotwright batch`."""

BATCH_HOMES = {name: f"batch_{name}" for name in BATCH_COMMANDS}
LEDGER_HOMES = dict.fromkeys(LEDGER_COMMANDS, "ledger") | {"log": "ledger_log", "export": "ledger_export"}
_HOMES = {
    "hold": "book",
    "confirm": "change",
    "cancel": "change",
    "reschedule": "change",
    "status": "change",
    "list": "show",
    "reopen": "close",
}
"""The modules of commands that share one; the others have a module of their name."""

SETTINGS = (
    "calendar", "ledger", "service", "schedule", "start", "end", "timezone", "count", "combinations", "occurrences",
    "ignore-appointment", "between", "weekday", "notice", "json", "ndjson", "engine", "now", "query", "body",
    "allow-past", "dry-run", "who", "lock-timeout", "unsafe-filesystem",
)  # fmt: skip
"""The options of commands that search which slotwright.toml may set."""

SERVING = (
    "host", "port", "base-url", "token-file", "cors-origin", "allowed-host", "max-body", "max-entries", "queue",
    "body-timeout", "stop-timeout", "quiet", "days", "booking-url", "booking-phone",
)  # fmt: skip
"""The options of `serve` that it may set. What opens a server to everybody has to be typed."""

SHARED = (
    "ledger", "timezone", "json", "ndjson", "engine", "now", "allow-past", "dry-run", "who", "lock-timeout",
    "unsafe-filesystem",
)  # fmt: skip
"""Those that hold for every command. What is searched for is no default of what is booked or closed."""

_PARAMETERS = {
    "calendar": "calendars", "schedule": "schedules", "json": "as_json", "ndjson": "as_ndjson",
    "cors-origin": "origins", "allowed-host": "hosts", "queue": "max_waiting", "body-timeout": "body_s",
    "stop-timeout": "stop_s",
}  # fmt: skip
"""The names of parameters that are not those of their options."""

_SEARCHING = ("find", "next", "explain", "freebusy", "op", "bench", "serve")
"""The commands that take all of SETTINGS."""

_SEVERAL = ("calendar", "schedule", "cors-origin", "allowed-host")
"""Settings that may be a list."""


class Commands(click.Group):
    """Commands by name; a command's module is imported when it is used."""

    def __init__(self, *args: Any, names: Mapping[str, str], homes: Mapping[str, str], **others: Any) -> None:
        super().__init__(*args, **others)
        self._names = names
        self._homes = homes

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._names:
            return None
        module = importlib.import_module(f".{self._homes.get(cmd_name, cmd_name)}", __package__)
        return getattr(module, "commands", {}).get(cmd_name) or module.command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self._names.items()))


def _show_version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        click.echo(f"slotwright {version('slotwright')}")
        ctx.exit()


@click.group(
    cls=Commands,
    names=COMMANDS,
    homes=_HOMES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
def slotwright() -> None:
    """Appointment scheduling on FHIR R4 calendars, and booking in a ledger.

    Options can also be set in a file slotwright.toml in the current folder, and --ledger, --calendar, --now, --who,
    --timezone, --lock-timeout and --engine in the environment as SLOTWRIGHT_LEDGER and so on; for serve also --host,
    --port and --token-file.

    \b
    Exit codes: 0 success, 1 internal error, 2 wrong use, 3 nothing found, 4 conflict,
    5 invalid input, 6 not found, 7 ledger, 130 interrupted.

    \b
    Example:
      slotwright find --calendar examples/clinic --service check-up \\
          --schedule dr-novak --start 2026-03-10 --end 2026-03-14
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code. Nothing a user does ends in a traceback."""
    from ..solver.errors import SlotwrightError

    try:
        _prepare_streams()
        defaults = _file_defaults()
        code = slotwright.main(
            arguments,
            prog_name="slotwright",
            standalone_mode=False,
            auto_envvar_prefix=None,
            default_map=_default_map(defaults),
        )
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.Abort:
        return _interrupted()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except SlotwrightError as error:
        from ..io.outcome import fault_of
        from .desk import Refused

        # Names that are typed or stored must not steer the terminal.
        text = "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in str(error))
        click.echo(f"Error: {text}", err=True)
        return error.exit if isinstance(error, Refused) else fault_of(error).exit
    except KeyboardInterrupt:
        return _interrupted()
    except (BrokenPipeError, SystemExit):
        # The reader has gone, as with `| head`: that is no fault (click makes a SystemExit of it). Nothing more can
        # be flushed there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except OSError as error:
        where = (
            f": {error.filename}" if error.filename else "; the answer could not be printed, but what it tells is done"
        )
        click.echo(f"Error: {error.strerror or error}{where}.", err=True)
        return 1
    except Exception as error:  # the last guard: a fault of ours, said in one sentence
        if isinstance(error, ImportError) and _came_of_interrupt(error):
            return _interrupted()
        if os.environ.get("SLOTWRIGHT_DEBUG"):
            raise
        click.echo(f"Internal error: {error!r}. Set SLOTWRIGHT_DEBUG=1 to see where, and please report it.", err=True)
        return 1


def _prepare_streams() -> None:
    """A terminal that cannot show a letter shows a question mark; closed streams are an error said in time."""
    if sys.stdout is None:  # type: ignore[reportUnnecessaryComparison]
        raise click.ClickException("Standard output is closed.")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _interrupted() -> int:
    click.echo("Interrupted.", err=True)
    return 130


def _came_of_interrupt(error: BaseException) -> bool:
    """Python makes an ImportError of Ctrl-C while it loads a library in C."""
    before = error.__cause__ or error.__context__
    return str(error) == "initialization failed" or isinstance(before, KeyboardInterrupt)


def _file_defaults() -> dict[str, Any]:
    """The options in slotwright.toml, if there is one: `calendar = ["examples/clinic"]`."""
    if not os.path.exists("slotwright.toml"):
        return {}
    import tomllib

    from ..io.errors import LoadError

    try:
        with open("slotwright.toml", "rb") as file:
            found = tomllib.load(file)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LoadError(f"slotwright.toml: {error}.") from error
    unknown = [name for name in found if name.replace("_", "-") not in (*SETTINGS, *SERVING)]
    if unknown:
        raise LoadError(f"slotwright.toml sets {', '.join(unknown)}; settings are {', '.join((*SETTINGS, *SERVING))}.")
    return {(option := name.replace("_", "-")): _as_typed(option, value) for name, value in found.items()}


def _default_map(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings as each command's parameters: all of them where they say what to search, else the shared ones."""
    searching = {_PARAMETERS.get(name, name.replace("-", "_")): value for name, value in settings.items()}
    parameters = {_PARAMETERS.get(name, name.replace("-", "_")) for name in SHARED}
    shared = {name: value for name, value in searching.items() if name in parameters}
    defaults: dict[str, Any] = {name: searching if name in _SEARCHING else shared for name in COMMANDS}
    defaults["ledger"] = dict.fromkeys(LEDGER_COMMANDS, shared)
    defaults["batch"] = dict.fromkeys(BATCH_COMMANDS, shared)
    return defaults


def _as_typed(name: str, value: Any) -> Any:
    """A TOML value as it would be typed: one path or schedule is a list of one, a date is its text."""
    from ..io.errors import LoadError

    if name in _SEVERAL:
        several: list[Any] = value if isinstance(value, list) else [value]  # type: ignore[reportUnknownVariableType]
        if not all(isinstance(one, str) for one in several):
            raise LoadError(f"slotwright.toml: {name} is a text or a list of texts, got {value!r:.60}.")
        return several
    return value if isinstance(value, bool | str) else value.isoformat() if hasattr(value, "isoformat") else str(value)
