"""`slotwright batch find`."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import (
    Bar,
    calendar_option,
    engine_option,
    ledger_option,
    load,
    lock_timeout_option,
    now_option,
    read_now,
    source_of,
    unsafe_option,
)
from .parts import continuing
from .text import count, printable

if TYPE_CHECKING:
    from ..io.batch.run import Report, Source


@click.command("find")
@click.argument("requests", metavar="REQUESTS", type=click.Path(allow_dash=True))
@click.option(
    "-o",
    "--output",
    metavar="ANSWERS",
    required=True,
    type=click.Path(allow_dash=True),
    help="The file of answers; it is replaced when the answers are complete. - is standard output, as CSV.",
)
@calendar_option()
@ledger_option(required=False)
@click.option(
    "--tables",
    metavar="FOLDER",
    help="Tables that slotwright compile or ledger export wrote, instead of --calendar.",
)
@click.option(
    "--summary",
    metavar="FILE",
    type=click.Path(allow_dash=True),
    help="Write the capacity of each schedule, local day and service to a file too; - prints it.",
)
@click.option(
    "--partitions",
    metavar="N",
    type=click.IntRange(1, 99_999),
    default=1,
    show_default=True,
    help="Work in so many parts. An interrupted run is continued by the same command.",
)
@click.option(
    "--executor",
    type=click.Choice(["serial", "processes", "dask"]),
    default="serial",
    show_default=True,
    help="Where partitions are worked on: here, in several processes, or on a Dask cluster.",
)
@click.option(
    "--workers", metavar="N", type=click.IntRange(1, 1024), help="How many processes. Default: one for each processor."
)
@click.option("--scheduler-address", metavar="URL", help="The Dask scheduler. Default: a cluster on this machine.")
@engine_option()
@now_option()
@lock_timeout_option()
@unsafe_option()
def command(
    requests: str,
    output: str,
    calendars: tuple[str, ...],
    ledger: str | None,
    tables: str | None,
    summary: str | None,
    partitions: int,
    executor: Any,
    workers: int | None,
    scheduler_address: str | None,
    engine: Any,
    now: str | None,
    lock_timeout: float,
    unsafe_filesystem: bool,
) -> int:
    """Find free times for a table of requests.

    REQUESTS and ANSWERS are Parquet, CSV, NDJSON or Arrow, by suffix. What is wrong with a request is its answer;
    then the exit code is 5.

    \b
    Example:
      slotwright batch find requests.csv -o answers.csv --calendar examples/clinic
    """
    instant = read_now(now)
    if summary == "-" and output == "-":
        raise click.UsageError("ANSWERS and --summary cannot both be standard output.")
    if summary is not None and requests == "-":
        raise click.UsageError("--summary needs a file of requests: standard input is read once.")
    if scheduler_address is not None and tables is None:
        raise click.UsageError("--scheduler-address needs --tables, in a folder that all workers see.")
    if executor != "dask" and scheduler_address is not None:
        raise click.UsageError("--scheduler-address is for --executor dask.")
    begun = time.monotonic()
    in_parts = partitions > 1 or executor != "serial"
    with continuing(output if in_parts else None):
        source, moment = _source(calendars, ledger, tables, now, lock_timeout, unsafe_filesystem)
        # Arrow and NumPy come with these.
        from ..io.batch import run
        from ..io.batch.executors import How
        from ..io.batch.formats import check_files
        from ..io.outcome import EXIT_OK

        check_files(requests, answers=output, summary=summary)
        options = run.Options(None if instant is None else int(instant.timestamp() * 1000), engine)
        with run.kept(source) as folder, Bar("Answering", "partitions" if in_parts else "requests") as bar:
            if in_parts:
                how = How(executor, workers, scheduler_address)
                report = run.find_in_parts(requests, output, folder, options, moment, partitions, how, bar.show_of)
            else:
                report = run.find_in_one(requests, output, folder, options, moment, bar.show_of)
            if summary is not None:
                _summarize(requests, folder, summary, instant or moment)
    _say(report, partitions, time.monotonic() - begun)
    return 5 if report.counts.errors else EXIT_OK


def _source(
    calendars: tuple[str, ...],
    ledger: str | None,
    tables: str | None,
    now: str | None,
    lock_timeout: float,
    unsafe_filesystem: bool,
) -> tuple[Source, datetime]:
    """What the tables are, or come from, and the time of its clock."""
    moment = read_now(now) or datetime.now(UTC)
    if tables is not None:
        typed = click.get_current_context().get_parameter_source
        command_line = click.core.ParameterSource.COMMANDLINE
        for name, option in (("calendars", "--calendar"), ("ledger", "--ledger")):
            if typed(name) == command_line:
                raise click.UsageError(f"--tables and {option} exclude each other.")
        return Path(tables), moment
    calendars, ledger = source_of(calendars, ledger)
    from ..io.batch.run import exporting
    from ..io.batch.tables import is_tables

    if len(calendars) == 1 and is_tables(Path(calendars[0])):
        return Path(calendars[0]), moment
    store = load(calendars, ledger, now, lock_timeout, True, unsafe_filesystem)
    return exporting(store), store.now()


def _summarize(requests: str, folder: Path, path: str, now: datetime) -> None:
    from ..io.batch.find import origin_of
    from ..io.batch.formats import read_table, write_batches
    from ..io.batch.requests import Requests
    from ..io.batch.summary import schema, summarize
    from ..io.batch.tables import TableStore

    read = Requests(read_table(requests), requests)
    found = summarize(read, TableStore(folder, origin_of(read), now))
    if path != "-":
        write_batches([found], schema(), path)
        return
    from .table import Keeps, render

    names = ("Service", "Schedule", "Day", "Offers", "Open min", "Free min", "Utilisation")
    keeps = [Keeps.FOLDS, Keeps.FOLDS, Keeps.WIDE, *[Keeps.NUMBER] * 4]
    columns = [found.column(name).to_pylist() for name in schema().names]
    rows = [
        [printable(service), printable(schedule), day.isoformat(), *map(str, counts), f"{share:.0%}"]
        for service, schedule, day, *counts, share in zip(*columns)
    ]
    click.echo(render(list(zip(names, keeps)), rows), nl=False)


def _say(report: Report, partitions: int, seconds: float) -> None:
    """What was done, on standard error: standard output may hold the answers."""
    counts = report.counts
    answered = counts.requests - counts.none - counts.errors
    parts = [f"{answered:,} with offers", f"{counts.none:,} without", f"{counts.errors:,} at fault"]
    took = f" in {seconds:.1f} s" if sys.stderr.isatty() else ""
    asked, offers = count(counts.requests, "request"), count(counts.offers, "offer")
    click.echo(f"{asked}: {', '.join(parts)}; {offers}{took}.", err=True)
    if report.partitions < partitions:
        click.echo(
            f"Note: {count(report.partitions, 'partition')} instead of {partitions}: requests that share schedules "
            "stay together.",
            err=True,
        )
    if report.found:
        click.echo(f"Note: {count(report.found, 'partition')} had been finished by an earlier run.", err=True)
