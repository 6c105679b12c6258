"""`slotwright show` and `slotwright list`: appointments as they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from . import complete
from .desk import Desk, for_desk
from .options import print_json, read_format

if TYPE_CHECKING:
    from ..io.references import Json
    from ..solver.civil import Zone

_PIPED_WIDTH = 1000
"""Columns where there is no terminal: one line for each appointment."""


@click.command("show")
@click.argument("appointment")
@for_desk(writes=False, json="Appointment", timezone="The zone of the times shown. Default: that of the appointment.")
def show(desk: Desk, appointment: str) -> None:
    """Show one appointment: what, when, who, its status and the time it takes.

    \b
    Example:
      slotwright show --ledger clinic.ledger booking-061
    """
    from ..io.names import appointment_id
    from .describe import detail_rows, headline, print_rows, slot_rows, status_text

    id = appointment_id(desk.ledger, appointment)
    found = desk.ledger.read(f"Appointment/{id}") or {}
    if desk.as_json:
        print_json(found)
        return
    zone = desk.zone_of(found)
    click.echo(headline(desk.ledger, found, zone))
    rows = detail_rows(desk.ledger, found, id=id)
    rows.insert(1, ("Status", status_text(found, zone, desk.now_ms)))
    print_rows([*rows, *slot_rows(desk.ledger, found, zone), *_version(found, zone)])


def _version(appointment: Json, zone: Zone) -> list[tuple[str, str]]:
    from ..io.instants import instant_ms
    from .text import moment_ms, printable

    meta: Json = appointment.get("meta") or {}
    at = instant_ms(meta.get("lastUpdated"))
    when = f", written {moment_ms(at, zone)}" if at is not None else ""
    return [("Version", f"{printable(meta['versionId'])}{when}")] if meta.get("versionId") else []


@click.command("list")
@click.option(
    "--schedule",
    "of_schedule",
    metavar="NAME",
    shell_complete=complete.schedules,
    help="Only those on this Schedule, by id or name.",
)
@click.option("--patient", metavar="NAME", help="Only those of this patient: Patient/x, an id, or a unique name.")
@click.option("--status", metavar="STATUS[,…]", help="Only those in this status: booked,pending.")
@click.option("--day", metavar="DAY", help="Only those that take time on this local day: 2026-03-10, today, tomorrow.")
@click.option("--ndjson", "as_ndjson", is_flag=True, help="Print one Appointment a line.")
@for_desk(
    writes=False,
    json="Bundle",
    timezone="The zone of --day and of the times shown. Default: that of the schedule, or of each appointment.",
)
def list_appointments(
    desk: Desk, of_schedule: str | None, patient: str | None, status: str | None, day: str | None, as_ndjson: bool
) -> None:
    """List appointments by start, whatever their status.

    \b
    Example:
      slotwright list --ledger clinic.ledger --schedule dr-novak --day today --status booked,arrived
    """
    from ..io.listing import Wanted, select
    from ..io.names import patient_id, schedule_id
    from .options import Bar
    from .table import Keeps, render

    as_json, as_ndjson = read_format(desk.as_json, as_ndjson)
    ledger = desk.ledger
    schedule = None if of_schedule is None else schedule_id(ledger, of_schedule)
    who = None if patient is None else patient if _is_reference(patient) else f"Patient/{patient_id(ledger, patient)}"
    statuses = None if status is None else _statuses(status)
    wanted = Wanted(schedule, who, statuses)
    with Bar("Reading", "appointments") as bar:
        found = select(ledger, wanted, _day(desk, schedule, day), progress=bar.show)
    if as_json:
        entries = [{"resource": one} for one in found]
        print_json({"resourceType": "Bundle", "type": "searchset", **({"entry": entries} if entries else {})})
        return
    if as_ndjson:
        for one in found:
            print_json(one, pretty=False)
        return
    if not found:
        click.echo("No appointments.")
        return
    headers = [("Day", Keeps.IF_WIDE), ("Time", Keeps.IF_WIDE)]
    headers += [(name, Keeps.FOLDS) for name in ("Service", "Patient", "With", "Status")]
    # An id in one piece can be copied.
    headers += [("Appointment", Keeps.WIDE)]
    click.echo(render(headers, [_row(desk, one) for one in found], elsewhere=_PIPED_WIDTH), nl=False)
    click.echo(f"\n{_count(len(found))}.")


def _is_reference(text: str) -> bool:
    """`Patient/x` need not be stored here."""
    return text.startswith("Patient/") and "/" not in text.removeprefix("Patient/")


def _statuses(text: str) -> frozenset[str]:
    from ..io.listing import STATUSES
    from ..solver.errors import InvalidInputError

    found = frozenset(one.strip() for one in text.split(",") if one.strip())
    unknown = sorted(found - STATUSES)
    if unknown or not found:
        raise InvalidInputError(
            f"--status {text!r}: {', '.join(unknown) or 'nothing'} is no status of appointments. "
            f"There are {', '.join(sorted(STATUSES))}."
        )
    return found


def _day(desk: Desk, schedule: str | None, day: str | None) -> tuple[Zone, int] | None:
    """The local day asked for, and the zone in which it is local."""
    from ..io.listing import commonest_zone
    from ..io.local import read_day

    if day is None:
        return None
    zone = desk.zone_of_schedule(schedule) if schedule is not None else desk.zone or commonest_zone(desk.ledger)
    return zone, read_day("--day", day, zone, desk.now_ms)


def _row(desk: Desk, appointment: Json) -> list[str]:
    from ..io.instants import instant_ms
    from .describe import others, patients, service_title, short_status
    from .text import day, printable, times

    zone = desk.zone_of(appointment)
    start_ms, end_ms = instant_ms(appointment.get("start")), instant_ms(appointment.get("end"))
    when = ["", ""]
    if start_ms is not None:
        start = start_ms // 60_000
        end = start if end_ms is None else -(-end_ms // 60_000)
        when = [f"{day(start, zone, with_year=True)}", times(start, end, zone)]
    ledger = desk.ledger
    return [
        *when,
        service_title(ledger, appointment),
        patients(ledger, appointment),
        others(ledger, appointment),
        short_status(appointment, desk.now_ms),
        printable(appointment["id"]),
    ]


def _count(number: int) -> str:
    from .text import count

    return count(number, "appointment")


commands = {"show": show, "list": list_appointments}
