"""`slotwright compile`: a calendar or a ledger as tables, with the compiled form for large batches."""

from __future__ import annotations

import click

from .options import Bar, ledger_option, load, lock_timeout_option, now_option, source_of, unsafe_option
from .text import count, printable


@click.command("compile")
@click.argument("calendars", nargs=-1, metavar="[PATH…]", type=click.Path(readable=False))
@click.option("-o", "--output", metavar="FOLDER", required=True, help="The new folder of tables.")
@click.option("--replace", is_flag=True, help="Replace the tables of an earlier run there.")
@ledger_option(required=False)
@now_option()
@lock_timeout_option()
@unsafe_option()
def command(
    calendars: tuple[str, ...],
    output: str,
    replace: bool,
    ledger: str | None,
    now: str | None,
    lock_timeout: float,
    unsafe_filesystem: bool,
) -> None:
    """Write a calendar, or a ledger, as tables that batches read fast.

    PATH is what find --calendar takes: files or folders of FHIR JSON, NDJSON, gzip of these, or tables.

    \b
    Example:
      slotwright compile examples/clinic -o clinic-tables
    """
    calendars, ledger = source_of(calendars, ledger, calendar_name="PATH")
    store = load(calendars, ledger, now, lock_timeout, True, unsafe_filesystem)
    # Arrow and NumPy come with it.
    from ..io.tables import export_tables

    with store.reading() as state, Bar("Compiling", "resources") as bar:
        counts = export_tables(state, output, replace=replace, compiled=True, progress=bar.show)
    parts = ", ".join(f"{number:,} {name}" for name, number in counts.items())
    click.echo(f"Compiled {count(sum(counts.values()), 'row')} to {printable(output)}: {parts}.")
