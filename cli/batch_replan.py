"""`slotwright batch replan`: bookings move because somebody drops out, or to make room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .batch_plan import Asked, carry_out, open_store, plan_options
from .options import read_pool

if TYPE_CHECKING:
    from ..io.store import Store


@click.command("replan")
@click.argument("requests", metavar="[REQUESTS]", required=False, type=click.Path(allow_dash=True))
@click.option("--drop", "drops", multiple=True, metavar="SCHEDULE", help="A schedule that drops out. Repeatable.")
@click.option(
    "--from", "begin", metavar="TIME", help="From when on: a local day, a local time, or an instant. Default: now."
)
@click.option("--to", "end", metavar="TIME", help="Until when; a local day is included. Default: for good.")
@click.option(
    "--movable",
    "moves",
    type=click.Choice(["time", "schedule", "both"]),
    default="both",
    show_default=True,
    help="What may change of the bookings that are marked.",
)
@click.option(
    "--booking", "bookings", multiple=True, metavar="ID", help="Mark this Appointment as movable. Repeatable."
)
@click.option(
    "--patient", "patients", multiple=True, metavar="NAME", help="Mark the bookings of this patient. Repeatable."
)
@click.option("--schedule", "marked", multiple=True, metavar="NAME", help="Mark bookings on this schedule. Repeatable.")
@click.option(
    "--pool",
    "pools",
    multiple=True,
    metavar="NAME,NAME…",
    help="Schedules that can take over from each other. Repeatable.",
)
@click.option(
    "--within", metavar="LENGTH", default="14d", show_default=True, help="How far a booking may move: 2h, 3d."
)
@click.option(
    "--move-weight",
    metavar="N",
    type=click.IntRange(0, 10**9),
    default=100,
    show_default=True,
    help="What another time, or another schedule, costs a booking.",
)
@plan_options
def command(
    asked: Asked,
    requests: str | None,
    drops: tuple[str, ...],
    begin: str | None,
    end: str | None,
    moves: Any,
    bookings: tuple[str, ...],
    patients: tuple[str, ...],
    marked: tuple[str, ...],
    pools: tuple[str, ...],
    within: str,
    move_weight: int,
    calendars: tuple[str, ...],
    ledger: str | None,
    now: str | None,
    lock_timeout: float,
    unsafe_filesystem: bool,
) -> int:
    """Find other times or other schedules for bookings, and place new requests beside them.

    --drop makes the bookings of a schedule movable; --booking, --patient and --schedule mark others that may move to
    make room. All others stay. A booking that cannot be moved stays as it is, and the reason is given.

    \b
    Example:
      slotwright batch replan --calendar examples/clinic --drop dr-novak --pool dr-novak,dr-adeyemi \\
          --from 2026-03-11 --to 2026-03-12 --now 2026-03-09T13:00:00Z
    """
    if not (drops or bookings or patients or marked):
        raise click.UsageError("Nothing may move. Give --drop, --booking, --patient or --schedule.")
    store = open_store(asked, calendars, ledger, now, lock_timeout, unsafe_filesystem)
    from ..io import names
    from ..io.plans.movable import Movable
    from ..io.plans.requests import patient_reference
    from ..io.wishes import read_notice

    dropped, on = ([names.schedule_id(store, one) for one in several] for several in (drops, marked))
    start, stop = _stretch(store, asked, next(iter([*dropped, *on]), None), begin, end)
    movable = Movable(
        drop=frozenset(dropped),
        start=start,
        end=stop,
        moves=moves,
        appointments=frozenset(names.appointment_id(store, one) for one in bookings),
        patients=frozenset(patient_reference(store, one)["reference"] for one in patients),
        schedules=frozenset(on),
        pools=tuple(tuple(names.schedule_id(store, one) for one in read_pool(pool)) for pool in pools),
        within=read_notice(within, "--within"),
        cost=move_weight,
    )
    return carry_out(asked, store, requests, movable)


def _stretch(
    store: Store, asked: Asked, schedule_id: str | None, begin: str | None, end: str | None
) -> tuple[int, int | None]:
    """--from and --to in minutes, local to the first schedule. Raises InvalidInputError."""
    from ..io.instants import ceil_minute, floor_minute
    from ..io.local import read_bound_ms, zone_named, zone_of_schedule
    from ..solver.errors import InvalidInputError

    if asked.timezone is not None:
        zone = zone_named(store, asked.timezone)
    else:
        zone = zone_named(store, "Etc/UTC") if schedule_id is None else zone_of_schedule(store, schedule_id)
    start = ceil_minute(int(store.now().timestamp() * 1000))
    if begin is not None:
        start = floor_minute(read_bound_ms("--from", begin, zone, "start"))
    stop = None if end is None else ceil_minute(read_bound_ms("--to", end, zone, "end"))
    if stop is not None and stop <= start:
        raise InvalidInputError(f"--to {end} is not after --from. Give an end after the begin; the day of --to counts.")
    return start, stop
