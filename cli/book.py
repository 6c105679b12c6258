"""`slotwright book` and `slotwright hold`: from an offer, from a proposal, or by service, schedules and start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .desk import Desk, appointments_in, for_desk
from .options import allow_past_option, engine_option, print_json, read_number

if TYPE_CHECKING:
    from .desk import Answer

_TIMEZONE = "The zone of --start and of the times shown. Default: that of the first schedule."


def _order_options(function: Any) -> Any:
    from .order import order_options

    return order_options(function)


@click.command("book")
@_order_options
@allow_past_option()
@engine_option()
@for_desk(writes=True, json="Bundle", timezone=_TIMEZONE)
def book(desk: Desk, **asked: Any) -> None:
    """Book an appointment.

    Either --pick an offer of your last find, or give --service, --schedule and --start, or pipe a proposal of find
    into it. Where a --schedule names several, the least loaded one that is free is taken.

    \b
    Example:
      slotwright find --ledger clinic.ledger --service check-up --schedule dr-novak \\
          --schedule exam-1,exam-2 --start 2026-03-10 --end 2026-03-14
      slotwright book --ledger clinic.ledger --pick 3 --patient "Hannah Castillo" --identifier call-4711
    """
    _take(desk, "Appointment/$book", [], **asked)


@click.command("hold")
@click.option("--minutes", metavar="N", help="How long the hold lasts. Default: the holdDuration of the schedules.")
@_order_options
@allow_past_option()
@engine_option()
@for_desk(writes=True, json="Bundle", timezone=_TIMEZONE)
def hold(desk: Desk, minutes: str | None, **asked: Any) -> None:
    """Hold an appointment: nobody else gets its time until the hold is confirmed, cancelled or expires.

    Takes what book takes.

    \b
    Example:
      slotwright hold --ledger clinic.ledger --minutes 15 --patient patient-024 \\
          --service check-up --schedule dr-novak --schedule exam-1,exam-2 --start 2026-03-10T09:00
    """
    number = read_number("--minutes", minutes)
    more = [{"name": "hold-minutes", "valueInteger": int(number)}] if number else []
    _take(desk, "Appointment/$hold", more, **asked)


def _take(
    desk: Desk,
    operation: str,
    more: list[dict[str, Any]],
    *,
    picked: str | None,
    service: str | None,
    schedules: tuple[str, ...],
    start: str | None,
    patient: str | None,
    comment: str | None,
    identifiers: tuple[str, ...],
    allow_past: bool,
    engine: Any,
) -> None:
    from .order import carry_out, read_details, read_order, zone_for

    order = read_order(desk, picked, service, schedules, start)
    details = read_details(desk, patient, comment, identifiers)
    answer = carry_out(desk, operation, order, details, more, allow_past=allow_past, engine=engine)
    if desk.as_json:
        print_json(answer.resource)
        return
    from .describe import print_booked

    found = appointments_in(answer.resource)
    zone = zone_for(desk, order, found[0])
    is_new = answer.status == 201
    print_booked(desk.ledger, _verb(desk, operation, answer, zone), found, zone, with_id=not (desk.dry_run and is_new))


def _verb(desk: Desk, operation: str, answer: Answer, zone: Any) -> str:
    from .describe import status_text

    first = appointments_in(answer.resource)[0]
    if operation.endswith("$book"):
        return "Already booked" if answer.status == 200 else "Would book" if desk.dry_run else "Booked"
    begin = "Already held" if answer.status == 200 else "Would hold" if desk.dry_run else "Held"
    if first.get("status") != "pending":
        return f"{begin}, now {first.get('status')}"
    until = status_text(first, zone, desk.now_ms).partition(", held until ")[2]
    return f"{begin} until {until}" if until else f"{begin} until confirmed or cancelled"


commands = {"book": book, "hold": hold}
