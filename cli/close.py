"""`slotwright close` and `slotwright reopen`: leave and sickness."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from . import complete
from .desk import Desk, for_desk
from .options import print_json, words

if TYPE_CHECKING:
    from ..solver.civil import Zone

_FROM = "Where it begins: a local day, a local time, or an instant."
_TO = "Where it ends: a local day, included, a local time, or an instant."
_TIMEZONE = "The zone of --from, --to and of the times shown. Default: that of the schedule."


@click.command("close")
@click.argument("schedule", shell_complete=complete.schedules)
@click.option("--from", "begin", required=True, metavar="TIME", help=_FROM)
@click.option("--to", "end", required=True, metavar="TIME", help=_TO)
@click.option("--reason", metavar="TEXT", callback=words, help="Why; stored as the comment of the Slot.")
@for_desk(writes=True, json="Bundle: the Slot, then the Appointments it hits", timezone=_TIMEZONE)
def close(desk: Desk, schedule: str, begin: str, end: str, reason: str | None) -> None:
    """Close a schedule for leave or sickness: nothing can be booked there any more.

    Bookings that are there already stay; they are listed, to be moved or cancelled.

    \b
    Example:
      slotwright close --ledger clinic.ledger pt-cohen --from 2026-04-13 --to 2026-04-17 --reason "on leave"
    """
    from ..io import desk as counter
    from ..io.names import schedule_id
    from .describe import headline, patients, print_rows, schedule_title, status_text
    from .text import count, printable

    id = schedule_id(desk.ledger, schedule)
    zone, start_ms, end_ms = _window(desk, id, begin, end)
    closed = counter.close(desk.ledger, id, start_ms, end_ms, reason=reason, who=desk.who, dry_run=desk.dry_run)
    if desk.as_json:
        _print_bundle([closed.slot, *closed.hit])
        return
    why = f" ({printable(reason)})" if reason else ""
    shown = _span(start_ms, end_ms, zone)
    click.echo(f"{'Would close' if desk.dry_run else 'Closed'}: {schedule_title(desk.ledger, id)}, {shown}{why}")
    if not closed.hit:
        click.echo("It hits no booking.")
        return
    stay = (
        "stays until you reschedule or cancel it"
        if len(closed.hit) == 1
        else "stay until you reschedule or cancel them"
    )
    click.echo(f"It hits {count(len(closed.hit), 'booking')}, which {stay}:")
    print_rows(
        [
            (
                printable(one["id"]),
                headline(desk.ledger, one, desk.zone or zone),
                patients(desk.ledger, one),
                status_text(one, zone, desk.now_ms),
            )
            for one in closed.hit
        ]
    )


@click.command("reopen")
@click.argument("schedule", shell_complete=complete.schedules)
@click.option("--from", "begin", required=True, metavar="TIME", help=_FROM)
@click.option("--to", "end", required=True, metavar="TIME", help=_TO)
@for_desk(writes=True, json="Bundle of the Slots that remain of what was closed", timezone=_TIMEZONE)
def reopen(desk: Desk, schedule: str, begin: str, end: str) -> None:
    """Take back what close closed in this window; what reaches beyond it stays closed there.

    \b
    Example:
      slotwright reopen --ledger clinic.ledger pt-cohen --from 2026-04-16 --to 2026-04-17
    """
    from ..io import desk as counter
    from ..io.instants import instant_ms
    from ..io.names import schedule_id
    from ..solver.errors import NotFoundError
    from .describe import print_rows, schedule_title
    from .text import printable, span_ms

    id = schedule_id(desk.ledger, schedule)
    zone, start_ms, end_ms = _window(desk, id, begin, end)
    try:
        reopened = counter.reopen(desk.ledger, id, start_ms, end_ms, who=desk.who, dry_run=desk.dry_run)
    except NotFoundError as error:
        raise NotFoundError(f"--from {begin} --to {end}: {error}") from error
    if desk.as_json:
        _print_bundle(reopened.left)
        return
    for piece in reopened.pieces:
        verb = "Would reopen" if desk.dry_run else "Reopened"
        click.echo(f"{verb}: {schedule_title(desk.ledger, id)}, {_span(*piece, zone)}")
    if reopened.remaining:
        click.echo("Other blocks there were not made by close, and stay:")
        print_rows(
            [
                (
                    f"Slot/{printable(one['id'])}",
                    span_ms(instant_ms(one.get("start")), instant_ms(one.get("end")), zone),
                    printable(one.get("comment", "")),
                )
                for one in reopened.remaining
            ]
        )


def _window(desk: Desk, schedule_id: str, begin: str, end: str) -> tuple[Zone, int, int]:
    from ..io.local import read_bound_ms
    from ..solver.errors import InvalidInputError

    zone = desk.zone_of_schedule(schedule_id)
    start_ms, end_ms = read_bound_ms("--from", begin, zone, "start"), read_bound_ms("--to", end, zone, "end")
    if start_ms >= end_ms:
        raise InvalidInputError(
            f"--to {end} is not after --from {begin}. Give an end after the begin; the day of --to is included."
        )
    return zone, start_ms, end_ms


def _span(start_ms: int, end_ms: int, zone: Zone) -> str:
    from .text import span_ms

    return span_ms(start_ms, end_ms, zone)


def _print_bundle(resources: list[dict[str, object]]) -> None:
    entries = [{"resource": one} for one in resources]
    print_json({"resourceType": "Bundle", "type": "collection", **({"entry": entries} if entries else {})})


commands = {"close": close, "reopen": reopen}
