"""`slotwright audit`: what does not fit in a calendar or a ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from .options import (
    Bar,
    calendar_option,
    ledger_option,
    load,
    lock_timeout_option,
    now_option,
    print_json,
    source_of,
    timezone_option,
    unsafe_option,
)
from .text import count, printable, span_ms

if TYPE_CHECKING:
    from ..io.audit.finding import Finding
    from ..io.store import Store
    from ..solver.civil import Zone

EXIT_FOUND = 4
_SHOWN = 100


@click.command("audit")
@calendar_option()
@ledger_option(required=False)
@click.option("--start", metavar="TIME", help="Only what lies after this local time.")
@click.option("--end", metavar="TIME", help="Only what lies before this local time; a date alone is included.")
@click.option("--kind", "kinds", metavar="KIND", multiple=True, help="Only findings of this kind. Repeatable.")
@timezone_option("The zone of --start and --end. Default: UTC.")
@click.option("-o", "--output", metavar="FILE", help="Write all findings as Parquet, CSV, NDJSON or Arrow, by suffix.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@now_option()
@lock_timeout_option()
@unsafe_option()
def command(
    calendars: tuple[str, ...],
    ledger: str | None,
    start: str | None,
    end: str | None,
    kinds: tuple[str, ...],
    timezone: str | None,
    output: str | None,
    as_json: bool,
    now: str | None,
    lock_timeout: float,
    unsafe_filesystem: bool,
) -> int:
    """List bookings that break the rules, halves of bookings, and schedules that can never be booked.

    Kinds are overlap, over-capacity, closed, outside-hours, without-slots, without-appointment, lapsed-hold and
    never-bookable. Exits with 0 if nothing was found, else with 4.

    \b
    Example:
      slotwright audit --ledger clinic.ledger --start 2026-03-09
    """
    from ..io.audit.finding import KINDS
    from ..io.audit.run import audit
    from ..io.local import read_bound_ms, zone_named
    from ..solver.errors import InvalidInputError

    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise click.UsageError(f"--kind {unknown[0]!r} is none of {', '.join(KINDS)}.")
    if output is not None:
        from ..io.audit.table import check_output

        check_output(output)
    calendars, ledger = source_of(calendars, ledger)
    store = load(calendars, ledger, now, lock_timeout, True, unsafe_filesystem)
    with store.reading() as state, Bar("Looking at", "schedules") as bar:
        zone = zone_named(state, timezone or "UTC")
        start_ms = None if start is None else read_bound_ms("--start", start, zone, "start")
        end_ms = None if end is None else read_bound_ms("--end", end, zone, "end")
        if start_ms is not None and end_ms is not None and start_ms >= end_ms:
            raise InvalidInputError(f"--end {end} is not after --start {start}. A date alone as --end is included.")
        found = audit(state, now=store.now(), start_ms=start_ms, end_ms=end_ms, progress=bar.show)
    found = [one for one in found if not kinds or one.kind in kinds]
    if output is not None:
        from ..io.audit.table import write

        write(found, output)
    if as_json:
        from ..io.audit.table import as_rows

        print_json(as_rows(found))
    else:
        _print(store, found, output)
    return EXIT_FOUND if found else 0


def _print(store: Store, found: Sequence[Finding], output: str | None) -> None:
    """A table of the first findings, and how many there are of each kind."""
    if not found:
        click.echo("Nothing found.")
        return
    from .table import Keeps, render

    headers = [("Kind", Keeps.WIDE), ("What", Keeps.FOLDS), ("When", Keeps.FOLDS), ("Finding", Keeps.FOLDS)]
    zones: dict[str | None, Zone] = {}
    rows = [[one.kind, _what(one), _when(store, one, zones), printable(one.text)] for one in found[:_SHOWN]]
    click.echo(render(headers, rows), nl=False)
    if len(found) > _SHOWN:
        click.echo(f"… and {len(found) - _SHOWN:,} more; -o findings.csv writes all.")
    kinds = Counter(one.kind for one in found)
    click.echo(
        f"\n{count(len(found), 'finding')}: {', '.join(f'{number:,} {kind}' for kind, number in kinds.items())}."
    )
    if output is not None:
        click.echo(f"Wrote {printable(output)}.")


def _what(finding: Finding) -> str:
    names = [finding.appointment or finding.slot, finding.schedule]
    return "\n".join(printable(name) for name in names if name is not None)


def _when(store: Store, finding: Finding, zones: dict[str | None, Zone]) -> str:
    """In the zone of the schedule; UTC where there is none."""
    if finding.start_ms is None:
        return ""
    from ..io.local import zone_named, zone_of_schedule

    if finding.schedule not in zones:
        id = None if finding.schedule is None else finding.schedule.removeprefix("Schedule/")
        zones[finding.schedule] = zone_named(store, "UTC") if id is None else zone_of_schedule(store, id)
    return span_ms(finding.start_ms, finding.end_ms, zones[finding.schedule])
