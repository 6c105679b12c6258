"""`slotwright ledger log`: what happened, and a feed of what happens."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from .ledger import with_ledger
from .options import print_json, timezone_option
from .text import count, moment_ms, printable

if TYPE_CHECKING:
    from ..io.ledger.entries import Entry
    from ..io.ledger.ledger import Ledger
    from ..solver.civil import Zone

_PAUSE = 0.2
"""Seconds between looks at the file while following."""

_NAMED = 6
"""So many Appointments of an entry are named to people, which is the longest series."""


@click.command("log")
@click.option("--after", metavar="POSITION", help="Only what happened after this position of an earlier feed.")
@click.option("--last", metavar="N", type=click.IntRange(min=0), help="Only the last N entries.")
@click.option("--about", metavar="TYPE/ID", help="Only entries that changed this resource.")
@click.option("--follow", is_flag=True, help="Go on with what happens from now on, until interrupted.")
@click.option("--ndjson", "as_ndjson", is_flag=True, help="Print one entry a line, with its position.")
@with_ledger(writes=False)
@timezone_option("The zone of the times shown. Default: that of most schedules.")
def command(
    ledger: Ledger,
    after: str | None,
    last: int | None,
    about: str | None,
    follow: bool,
    as_ndjson: bool,
    timezone: str | None,
) -> None:
    """List the entries of the ledger: when, what, who, and which resources it wrote.

    With --follow --ndjson it is a change feed. Each line has a position; --after takes it up again from there, and
    notices if the ledger is not the one the position is of.

    \b
    Example:
      slotwright ledger log --ledger clinic.ledger --last 10
      slotwright ledger log --ledger clinic.ledger --follow --ndjson --after 17.9f86d081884c
    """
    from ..io.feed import entry_json, read_position

    begin = 0 if after is None else read_position(ledger, after)
    if last is not None:
        begin = max(begin, ledger.last - last)
    zone = None if as_ndjson else _zone(ledger, timezone)
    for entry in _entries(ledger, begin, follow=follow):
        if about is not None and all(change.reference != about for change in entry.changes):
            continue
        if zone is None:
            print_json(entry_json(entry), pretty=False)
        else:
            click.echo(_line(entry, zone))


def _entries(ledger: Ledger, after: int, *, follow: bool) -> Iterator[Entry]:
    while True:
        mark = ledger.change_mark()
        for entry in ledger.entries(after):
            after = entry.seq
            yield entry
        if not follow:
            return
        while ledger.change_mark() == mark:
            time.sleep(_PAUSE)


def _zone(ledger: Ledger, name: str | None) -> Zone:
    from ..io.listing import commonest_zone
    from ..io.local import zone_named

    return commonest_zone(ledger) if name is None else zone_named(ledger, name)


def _line(entry: Entry, zone: Zone) -> str:
    given: dict[str, Any] = entry.input or {}
    who = "erased" if entry.input is None else given.get("who") or "-"
    what = ", ".join(_what(entry))
    return f"{entry.seq:>6}  {moment_ms(entry.time_ms, zone)}  {entry.kind:<11}  {printable(who):<10}  {what}".rstrip()


def _what(entry: Entry) -> Iterator[str]:
    """What was written: one resource, or some Appointments, by name; everything else by number."""
    named = [one for one in entry.changes if one.reference.startswith("Appointment/")]
    if len(entry.changes) == 1:
        named = list(entry.changes)
    if len(named) > _NAMED:
        named = []
    for one in named:
        yield f"{printable(one.reference)}{' deleted' if one.digest is None else ''}"
    rest = [one for one in entry.changes if one not in named]
    kinds = Counter((one.reference.partition("/")[0], one.digest is None) for one in rest)
    for (kind, is_deleted), number in kinds.items():
        yield f"{count(number, printable(kind))}{' deleted' if is_deleted else ''}"
