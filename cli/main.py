"""The `slotwright` command: its commands, and what every one of them does with errors."""

from __future__ import annotations

import io
import os
import sys

import click

from .listed import GROUPS, HOMES, Commands
from .settings import default_map, file_defaults


def _show_version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        click.echo(f"slotwright {version('slotwright')}")
        ctx.exit()


@click.group(
    cls=Commands,
    groups=GROUPS,
    homes=HOMES,
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
        defaults = file_defaults()
        code = slotwright.main(
            arguments,
            prog_name="slotwright",
            standalone_mode=False,
            auto_envvar_prefix=None,
            default_map=default_map(defaults),
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
        if _came_of_interrupt(error):
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
    """Python makes an ImportError of Ctrl-C while it loads a library in C, a RuntimeError while it makes a class."""
    if isinstance(error, RuntimeError):
        return isinstance(error.__cause__, KeyboardInterrupt)
    before = error.__cause__ or error.__context__
    return isinstance(error, ImportError) and (
        str(error) == "initialization failed" or isinstance(before, KeyboardInterrupt)
    )
