"""`slotwright ledger`: the file itself. `log` and `export` have modules of their own."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from .busy import all_day_option, files_option, load_files
from .listed import LEDGER_COMMANDS, LEDGER_HOMES, Commands
from .options import (
    Bar,
    check_path,
    clock_at,
    dry_run_option,
    ledger_option,
    lock_timeout_option,
    login_name,
    now_option,
    open_existing,
    show_warnings,
    timezone_option,
    unsafe_option,
    who_option,
    words,
)
from .text import count, printable

if TYPE_CHECKING:
    from ..io.ledger.ledger import Ledger

EXIT_LEDGER = 7
_FINDINGS_SHOWN = 100


@click.group("ledger", cls=Commands, groups={"Commands": LEDGER_COMMANDS}, homes=LEDGER_HOMES)
def command() -> None:
    """Make, fill, read, check and copy a ledger: one file that holds resources and what happened to them.

    \b
    Example:
      slotwright ledger init --ledger clinic.ledger
      slotwright ledger load --ledger clinic.ledger examples/clinic
    """


def with_ledger(*, writes: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Gives a command the ledger as first argument, and the options for it; a writing one `who` and `dry_run` too."""
    options = [ledger_option(required=True), now_option()]
    options += [dry_run_option(), who_option()] if writes else []
    options += [lock_timeout_option(), unsafe_option()]

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def command(
            *, ledger: str, now: str | None, lock_timeout: float, unsafe_filesystem: bool, **others: Any
        ) -> Any:
            opened = open_existing(
                ledger, now, lock_timeout=lock_timeout, read_only=not writes, unsafe_filesystem=unsafe_filesystem
            )
            if writes:
                others["who"] = others["who"] or login_name()
            return function(opened, **others)

        found: Callable[..., Any] = command
        for option in reversed(options):
            found = option(found)
        return found

    return decorate


@click.command("init")
@ledger_option(required=True)
@click.option(
    "--identity",
    metavar="TEXT",
    help="What new ids are derived from: the same identity, --now and commands give the same ids. Default: a new UUID.",
)
@now_option()
@unsafe_option()
def init(ledger: str, identity: str | None, now: str | None, unsafe_filesystem: bool) -> None:
    """Make a new ledger.

    \b
    Example:
      slotwright ledger init --ledger clinic.ledger
    """
    from ..io.errors import LedgerNotFound
    from ..io.ledger.ledger import open_ledger

    check_path(ledger)
    if identity is not None and not identity.strip():
        raise click.UsageError("--identity '' says nothing. Give a text, or leave it away for a new UUID.")
    if os.path.lexists(ledger):
        raise LedgerNotFound(f"{ledger} exists already; give another path, or use the ledger that is there")
    with open_ledger(ledger, clock=clock_at(now), identity=identity, unsafe_filesystem=unsafe_filesystem) as made:
        click.echo(f"Made the ledger {printable(ledger)}, identity {printable(made.identity)}.")


def _checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Before the ledger is opened: either paths or calendar files, and a window only for these."""

    @functools.wraps(function)
    def command(*, sources: tuple[str, ...], files: tuple[str, ...], **others: Any) -> Any:
        if not sources and not files:
            raise click.UsageError("Missing argument 'PATH…' or option '--ics'.")
        if sources and files:
            raise click.UsageError("PATH and --ics exclude each other: load the resources first, then the busy time.")
        for option, value in (("--from", others["begin"]), ("--to", others["end"])):
            if value is not None and not files:
                raise click.UsageError(f"{option} is only for --ics.")
        return function(sources=sources, files=files, **others)

    return command


@click.command("load")
@click.argument("sources", nargs=-1, metavar="PATH…", type=click.Path())
@files_option(
    "--ics", "files", "Instead of PATH: take the events of a calendar file or folder (.ics) as busy time. Repeatable."
)
@click.option("--from", "begin", metavar="DAY", help="With --ics: the first day. Default: today.")
@click.option("--to", "end", metavar="DAY", help="With --ics: the last day. Default: 24 months after the first.")
@all_day_option()
@_checked
@with_ledger(writes=True)
def load(
    ledger: Ledger,
    sources: tuple[str, ...],
    files: tuple[str, ...],
    begin: str | None,
    end: str | None,
    all_day: str,
    who: str,
    dry_run: bool,
) -> None:
    """Load FHIR resources, or tables of schedules, hours and bookings; all of them or none.

    Takes what find --calendar takes. What was loaded before and is the same in the source is left as it is, also
    where it has been booked or cancelled since. With --ics busy time comes from calendar files: loading them again
    replaces what has changed and removes what has gone.

    \b
    Example:
      slotwright ledger load --ledger clinic.ledger examples/clinic
    """
    import warnings

    from ..io.errors import LoadWarning

    if files:
        load_files(ledger, files, begin=begin, end=end, all_day=all_day, who=who, dry_run=dry_run)
        return
    with warnings.catch_warnings(), Bar("Loading", "resources") as bar:
        warnings.simplefilter("ignore", LoadWarning)
        loaded = ledger.load(list(sources), who=who, progress=bar.show, dry_run=dry_run)
    show_warnings(loaded.warnings)
    total = loaded.created + loaded.updated + loaded.unchanged
    click.echo(
        f"{'Would load' if dry_run else 'Loaded'} {count(total, 'resource')}: {loaded.created:,} created, "
        f"{loaded.updated:,} updated, {loaded.unchanged:,} unchanged."
    )


@click.command("show")
@with_ledger(writes=False)
@timezone_option("The zone of the time shown. Default: that of most schedules.")
def show(ledger: Ledger, timezone: str | None) -> None:
    """Say what is in the ledger.

    \b
    Example:
      slotwright ledger show --ledger clinic.ledger
    """
    from ..io.listing import commonest_zone
    from ..io.local import zone_named
    from .describe import print_rows
    from .text import moment_ms

    zone = commonest_zone(ledger) if timezone is None else zone_named(ledger, timezone)
    with ledger.reading() as state:
        database = state.database
        kinds = [(kind, database.count(kind)) for kind in state.kinds()]
        last = database.last_entry()
    size = os.stat(ledger.path).st_size
    click.echo(f"Ledger {printable(ledger.path)}, {size:,} bytes")
    entries = count(0 if last is None else last.seq, "entry").replace("entrys", "entries")
    when = "" if last is None else f", the last one of {moment_ms(last.time, zone)}"
    print_rows(
        [
            ("Identity", printable(ledger.identity)),
            ("Entries", f"{entries}{when}"),
            *((printable(kind), f"{number:,}") for kind, number in kinds),
        ]
    )


@click.command("verify")
@with_ledger(writes=False)
def verify(ledger: Ledger) -> int:
    """Check that everything in the ledger holds: its pages, the chain of entries, and every booking judged anew.

    Whom `ledger erase` has erased is named.

    Exits with 0 only if all holds, else with 7.

    \b
    Example:
      slotwright ledger verify --ledger clinic.ledger
    """
    with Bar("Verifying", "entries") as bar:
        findings = ledger.verify(bar.show_of)
    for one in findings[:_FINDINGS_SHOWN]:
        click.echo(printable(one))
    if len(findings) > _FINDINGS_SHOWN:
        click.echo(f"… and {len(findings) - _FINDINGS_SHOWN:,} more")
    entries = count(ledger.last, "entry").replace("entrys", "entries")
    click.echo(f"{count(len(findings), 'finding')} in {entries}." if findings else f"All holds, {entries}.")
    if ledger.erased:
        click.echo(f"Erased: {printable(', '.join(dict.fromkeys(ledger.erased)))}.")
    return EXIT_LEDGER if findings else 0


@click.command("backup")
@click.argument("target", metavar="FILE", type=click.Path())
@with_ledger(writes=False)
def backup(ledger: Ledger, target: str) -> None:
    """Make a copy of the ledger as it stands, while others may go on writing.

    \b
    Example:
      slotwright ledger backup --ledger clinic.ledger clinic-2026-03-09.ledger
    """
    with Bar("Copying", "pages") as bar:
        ledger.backup(target, bar.show_of)
    click.echo(f"Copied to {printable(target)}, {os.stat(target).st_size:,} bytes.")


@click.command("erase")
@click.argument("reference", metavar="TYPE/ID")
@click.option("--reason", required=True, metavar="TEXT", callback=words, help="Why; it stays in the ledger.")
@with_ledger(writes=True)
def erase(ledger: Ledger, reference: str, reason: str, who: str, dry_run: bool) -> None:
    """Remove a resource and every mention of it from the whole ledger, its history included, for good.

    The chain of entries still proves everything else. Backups and exports made before are not touched.

    \b
    Example:
      slotwright ledger erase --ledger clinic.ledger Patient/patient-024 --reason "request of 2026-03-09"
    """
    from ..io.references import target
    from ..solver.errors import InvalidInputError

    if target(reference) is None:
        raise InvalidInputError(f"{reference!r} is no reference to a resource. Write it as Patient/x.")
    changed = ledger.erase(reference, reason, who=who, dry_run=dry_run)
    click.echo(f"{'Would erase' if dry_run else 'Erased'} {printable(reference)}.")
    for one in changed:
        click.echo(f"  {printable(one)}")
    if not dry_run:
        click.echo("Note: backups and exports made before still hold it.", err=True)


commands = {"init": init, "load": load, "show": show, "verify": verify, "backup": backup, "erase": erase}
