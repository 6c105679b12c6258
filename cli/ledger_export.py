"""`slotwright ledger export`: the resources as they stand, as NDJSON or Parquet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .ledger import with_ledger
from .options import Bar, print_json
from .text import count, printable

if TYPE_CHECKING:
    from ..io.ledger.ledger import Ledger


@click.command("export")
@click.argument("target", metavar="PATH", type=click.Path(allow_dash=True))
@click.option(
    "--format",
    "form",
    type=click.Choice(["ndjson", "parquet"]),
    default="ndjson",
    show_default=True,
    help="ndjson: a file for each type in a new folder, or one file if PATH ends in .ndjson; parquet: tables.",
)
@click.option("--replace", is_flag=True, help="Replace an earlier export there.")
@with_ledger(writes=False)
def command(ledger: Ledger, target: str, form: str, replace: bool) -> None:
    """Write the resources as they stand, all of one moment, into a new folder or file; - is standard output.

    \b
    Example:
      slotwright ledger export --ledger clinic.ledger --format parquet clinic-tables
    """
    with ledger.reading() as state:
        if target == "-":
            if form == "parquet":
                raise click.UsageError("Parquet is a folder of tables. Name one, or use --format ndjson.")
            for kind in state.kinds():
                for resource in state.resources(kind):
                    print_json(resource, pretty=False)
            return
        # Parquet brings pyarrow with it.
        from ..io.errors import ExportFailed
        from ..io.tables import export_ndjson, export_tables

        export = export_tables if form == "parquet" else export_ndjson
        try:
            with Bar("Exporting", "resources") as bar:
                counts = export(state, target, replace=replace, progress=bar.show)
        except OSError as error:
            why = error.strerror or str(error).partition("\n")[0]
            raise ExportFailed(f"{target}: {why}; nothing of it was left there") from error
    noun = "row" if form == "parquet" else "resource"
    parts = ", ".join(f"{number:,} {name}" for name, number in counts.items())
    click.echo(f"Exported {count(sum(counts.values()), noun)} to {printable(target)}: {parts or 'nothing'}.")
