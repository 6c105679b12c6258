"""`slotwright bench`: how long this machine takes on one's own calendar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from .options import (
    Bar,
    calendar_option,
    clock_at,
    ledger_option,
    load,
    lock_timeout_option,
    now_option,
    print_json,
    source_of,
    unsafe_option,
)
from .text import count, printable

if TYPE_CHECKING:
    from ..io.bench import Measured
    from ..io.calendars import Calendar

_WHOLE = click.IntRange(min=1)
_NOUNS = {"HealthcareService": "service", "Schedule": "schedule", "Slot": "Slot", "Appointment": "Appointment"}


@click.command("bench")
@calendar_option()
@ledger_option(required=False)
@click.option(
    "--questions", metavar="N", type=_WHOLE, default=20, show_default=True, help="So many different finds of each kind."
)
@click.option("--rounds", metavar="N", type=_WHOLE, default=3, show_default=True, help="Ask each so many times.")
@click.option(
    "--bookings", metavar="N", type=click.IntRange(min=0), default=20, show_default=True, help="Book so often."
)
@click.option(
    "--requests", metavar="N", type=click.IntRange(min=0), default=50, show_default=True, help="Plan so many at once."
)
@click.option("--seed", metavar="N", type=int, default=1, show_default=True, help="Another seed draws other questions.")
@click.option(
    "--folder",
    metavar="PATH",
    type=click.Path(exists=True, file_okay=False, writable=True),
    help="Where the copy that is booked in is made, on the disk that is meant. Default: the usual temporary folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@now_option()
@lock_timeout_option()
@unsafe_option()
def command(
    calendars: tuple[str, ...],
    ledger: str | None,
    questions: int,
    rounds: int,
    bookings: int,
    requests: int,
    seed: int,
    folder: str | None,
    as_json: bool,
    now: str | None,
    lock_timeout: float,
    unsafe_filesystem: bool,
) -> int:
    """Measure finding and planning, one by one and in a batch, and booking on your calendar or ledger.

    Questions are drawn from what is there: services with schedules that offer them, in windows of a day, a week or a
    month around something stored, where something is free. Nothing is written but a temporary copy, in which visits
    are booked; it is removed at the end.

    \b
    Example:
      slotwright bench --calendar examples/clinic --rounds 5
    """
    from ..io import bench
    from ..io.ledger.ledger import Ledger
    from ..io.outcome import EXIT_NOTHING_FOUND, EXIT_OK

    calendars, ledger = source_of(calendars, ledger)
    stores: list[Calendar | Ledger] = []
    opening = bench.timed(lambda: stores.append(load(calendars, ledger, now, lock_timeout, True, unsafe_filesystem)))
    store, held = stores[0], bench.contents(stores[0])
    with Bar("Measuring", "calls") as bar:
        measured = bench.measure(
            store,
            questions=questions,
            rounds=rounds,
            bookings=bookings,
            requests=requests,
            seed=seed,
            folder=folder,
            clock=clock_at(now),
            progress=bar.show,
        )
    if not measured:
        click.echo("Nothing to measure: no schedule has a free time for a service that it can be booked for.")
        return EXIT_NOTHING_FOUND
    if not isinstance(store, Ledger):
        measured.insert(0, bench.Measured("load the calendar", (opening,), sum(held.values()), "resources"))
    if as_json:
        print_json(_as_json(held, measured, seed))
    else:
        _print(held, measured)
    return EXIT_OK


def _as_json(held: dict[str, int], measured: Sequence[Measured], seed: int) -> dict[str, Any]:
    from ..io.machine import machine, versions

    return {
        "versions": versions(),
        "machine": machine(),
        "seed": seed,
        "resources": held,
        "measured": [one.as_json() for one in measured],
    }


def _print(held: dict[str, int], measured: Sequence[Measured]) -> None:
    from ..io.machine import machine, versions
    from .table import Keeps, render

    click.echo(", ".join(count(held.get(kind, 0), noun) for kind, noun in _NOUNS.items()))
    used = ", ".join(f"{name} {version}" for name, version in versions().items())
    click.echo(f"{used}; {printable(machine())}\n")
    headers = [("", Keeps.WIDE)]
    headers += [(title, Keeps.NUMBER) for title in ("calls", "median", "p95", "CPU", "a second")]
    click.echo(render(headers, map(_row, measured)), nl=False)
    for one in measured:
        if one.note:
            click.echo(f"\n{one.what}: {one.note}.")
    click.echo("\nTimes by the clock, CPU: median of the processor time.")


def _row(one: Measured) -> list[str]:
    rate = f"{one.size / one.median:,.0f} {one.things}" if one.things else ""
    return [one.what, f"{len(one.samples):,}", *map(_milli, (one.median, one.p95, one.cpu)), rate]


def _milli(seconds: float) -> str:
    """Three digits that count, in milliseconds."""
    value = seconds * 1000
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} ms"
