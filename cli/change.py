"""`slotwright confirm`, `cancel`, `reschedule` and `status`: what becomes of an appointment."""

from __future__ import annotations

from typing import Any

import click

from .desk import Desk, appointments_in, for_desk
from .options import allow_past_option, engine_option, print_json, read_pool, schedules_option, words

_TIMEZONE = "The zone of the times shown. Default: that of the appointment."


@click.command("confirm")
@click.argument("appointment")
@click.option(
    "--occurrences",
    metavar="WHICH",
    help="Of a series: this (default), this-and-following, or all.",
)
@for_desk(writes=True, json="Bundle", timezone=_TIMEZONE)
def confirm(desk: Desk, appointment: str, occurrences: str | None) -> None:
    """Turn a hold into a booking.

    \b
    Example:
      slotwright confirm --ledger clinic.ledger booking-074
    """
    from ..io.names import appointment_id
    from .describe import print_booked
    from .refusals import refused

    id = appointment_id(desk.ledger, appointment)
    parameters = [] if occurrences is None else [{"name": "occurrences", "valueCode": occurrences}]
    answer = desk.ask(f"Appointment/{id}/$confirm", parameters)
    if answer.exit:
        raise refused(desk, answer, appointment_id=id)
    if desk.as_json:
        print_json(answer.resource)
        return
    found = appointments_in(answer.resource)
    print_booked(desk.ledger, "Would confirm" if desk.dry_run else "Confirmed", found, desk.zone_of(found[0]))


@click.command("cancel")
@click.argument("appointment")
@click.option("--reason", metavar="TEXT", callback=words, help="Why; stored as the cancelationReason.")
@for_desk(writes=True, json="Appointment", timezone=_TIMEZONE)
def cancel(desk: Desk, appointment: str, reason: str | None) -> None:
    """Cancel a booking or a hold, and give its time back.

    \b
    Example:
      slotwright cancel --ledger clinic.ledger booking-061 --reason "patient has a cold"
    """
    from ..io.names import appointment_id
    from .describe import print_booked
    from .refusals import refused

    id = appointment_id(desk.ledger, appointment)
    # Looked up before: afterwards its Slots, and with them its zone, are gone.
    zone = desk.zone_of(desk.ledger.read(f"Appointment/{id}") or {})
    named = [{"name": "cancelationReason", "valueCodeableConcept": {"text": reason}}]
    answer = desk.ask(f"Appointment/{id}/$cancel", named if reason is not None else [])
    if answer.exit:
        raise refused(desk, answer, appointment_id=id)
    if desk.as_json:
        print_json(answer.resource)
        return
    found = appointments_in(answer.resource)
    print_booked(desk.ledger, "Would cancel" if desk.dry_run else "Cancelled", found, zone)


@click.command("reschedule")
@click.argument("appointment")
@click.option("--start", metavar="TIME", help="The new start: a local time or an instant.")
@schedules_option("All Schedules needed from now on, as for book. Default: those the appointment has.")
@click.option("--pick", "picked", metavar="N", help="To the offer with this number of your last find.")
@allow_past_option()
@engine_option()
@for_desk(
    writes=True, json="Bundle", timezone="The zone of --start and of the times shown. Default: the appointment's."
)
def reschedule(
    desk: Desk,
    appointment: str,
    start: str | None,
    schedules: tuple[str, ...],
    picked: str | None,
    allow_past: bool,
    engine: Any,
) -> None:
    """Move a booking or a hold to another start, or to other schedules.

    Find with --ignore-appointment shows where it could go, its own time included.

    \b
    Example:
      slotwright reschedule --ledger clinic.ledger booking-061 --start 2026-03-12T09:00
    """
    from ..io.names import appointment_id
    from .describe import headline, print_booked
    from .move import move, read_goal

    if (start is None) == (picked is None):
        raise click.UsageError("Give --start, or --pick N.")
    if picked is not None and schedules:
        raise click.UsageError("--pick and --schedule exclude each other: an offer has its own.")
    id = appointment_id(desk.ledger, appointment)
    before = desk.ledger.read(f"Appointment/{id}") or {}
    zone = desk.zone_of(before)
    shown = headline(desk.ledger, before, zone)
    goal = read_goal(desk, id, before, zone, start, [read_pool(pool) for pool in schedules], picked)
    answer = move(desk, id, goal, allow_past=allow_past, engine=engine)
    if desk.as_json:
        print_json(answer.resource)
        return
    found = appointments_in(answer.resource)
    print_booked(desk.ledger, "Would move" if desk.dry_run else "Moved", found, zone, more=[("Before", shown)])


@click.command("status")
@click.argument("appointment")
@click.argument("status", metavar="STATUS", type=click.Choice(["arrived", "fulfilled", "noshow"]))
@for_desk(writes=True, json="Appointment", timezone=_TIMEZONE)
def status(desk: Desk, appointment: str, status: str) -> None:
    """Record that the patient has arrived, that the visit took place (fulfilled), or that nobody came (noshow).

    \b
    Example:
      slotwright status --ledger clinic.ledger booking-061 arrived
    """
    from ..io import desk as counter
    from ..io.names import appointment_id
    from .describe import print_booked

    id = appointment_id(desk.ledger, appointment)
    stored = counter.set_status(desk.ledger, id, status, who=desk.who, dry_run=desk.dry_run)
    if desk.as_json:
        print_json(stored)
        return
    said = {"arrived": "Arrived", "fulfilled": "Fulfilled", "noshow": "No-show"}[status]
    verb = f"Would be {said.lower()}" if desk.dry_run else said
    print_booked(desk.ledger, verb, [stored], desk.zone_of(stored))


commands = {"confirm": confirm, "cancel": cancel, "reschedule": reschedule, "status": status}
