"""`slotwright ics`: what is booked as a calendar file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from . import complete
from .options import (
    calendar_option,
    ledger_option,
    load,
    lock_timeout_option,
    now_option,
    source_of,
    timezone_option,
    unsafe_option,
)

if TYPE_CHECKING:
    from ..io.ical.write import Writer
    from ..io.store import Store


@click.command("ics")
@click.argument("appointment", required=False, metavar="[APPOINTMENT]")
@calendar_option()
@ledger_option(required=False)
@click.option(
    "--schedule",
    "of_schedule",
    metavar="NAME",
    shell_complete=complete.schedules,
    help="All that takes time of this Schedule, instead of one appointment.",
)
@click.option("--from", "begin", metavar="TIME", help="With --schedule: a local day or an instant. Default: today.")
@click.option(
    "--to", "end", metavar="TIME", help="With --schedule: a local day, included, or an instant. Default: in 90 days."
)
@timezone_option("The zone of local days. Default: that of the schedule.")
@click.option("--with-patients", is_flag=True, help="Write the names of patients. Without it nobody is named.")
@click.option("-o", "--output", metavar="FILE", help="Write this file. Default: standard output.")
@now_option()
@lock_timeout_option()
@unsafe_option()
def command(
    appointment: str | None,
    calendars: tuple[str, ...],
    ledger: str | None,
    of_schedule: str | None,
    begin: str | None,
    end: str | None,
    timezone: str | None,
    with_patients: bool,
    output: str | None,
    now: str | None,
    lock_timeout: float,
    unsafe_filesystem: bool,
) -> None:
    """Write an appointment, or all that takes time of a schedule, as a calendar file (.ics).

    An appointment that was cancelled is written as a cancellation.

    \b
    Example:
      slotwright ics --ledger clinic.ledger --schedule dr-novak --from 2026-03-09 --to 2026-03-13 -o novak.ics
    """
    if (appointment is None) == (of_schedule is None):
        raise click.UsageError("Name one APPOINTMENT, or a schedule with --schedule.")
    for option, value in (("--from", begin), ("--to", end)):
        if value is not None and of_schedule is None:
            raise click.UsageError(f"{option} is only for --schedule.")
    calendars, ledger = source_of(calendars, ledger)
    from ..io.ical.write import Writer

    store = load(calendars, ledger, now, lock_timeout, True, unsafe_filesystem)
    now_ms = int(store.now().timestamp() * 1000)
    with store.reading() as state:
        writer = Writer(state, now_ms, with_patients)
        if appointment is not None:
            text = _appointment(state, writer, appointment)
        else:
            text = _schedule(state, writer, str(of_schedule), begin, end, timezone)
    if output is None:
        click.echo(text, nl=False)
        return
    from ..io.staging import new_file

    with new_file(output, replace=True) as file:
        file.write(text.encode())


def _appointment(store: Store, writer: Writer, name: str) -> str:
    from ..io.instants import instant_ms
    from ..io.names import appointment_id
    from ..solver.errors import InvalidInputError

    id = appointment_id(store, name)
    found = store.read(f"Appointment/{id}") or {}
    start_ms, end_ms = instant_ms(found.get("start")), instant_ms(found.get("end"))
    if start_ms is None or end_ms is None:
        raise InvalidInputError(f"Appointment/{id} has no start and end that can be read. Correct it first.")
    return writer.appointment(found, start_ms, end_ms)


def _schedule(store: Store, writer: Writer, name: str, begin: str | None, end: str | None, timezone: str | None) -> str:
    from ..io import names
    from ..io.local import read_bound_ms, zone_named, zone_of_schedule
    from ..solver.errors import InvalidInputError

    id = names.schedule_id(store, name)
    zone = zone_of_schedule(store, id) if timezone is None else zone_named(store, timezone)
    today = zone.local_day(writer.now_ms // 60_000)
    low = zone.day_start_ms(today) if begin is None else read_bound_ms("--from", begin, zone, "start")
    later = zone.local_day(low // 60_000) + 91
    high = zone.day_start_ms(later) if end is None else read_bound_ms("--to", end, zone, "end")
    if low >= high:
        raise InvalidInputError(f"--to {end} is not after --from {begin or 'today'}. The day of --to is included.")
    title = names.show(names.schedule_names(store, store.read(f"Schedule/{id}") or {}), id)
    return writer.schedule(id, title, (low, high))
