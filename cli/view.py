"""`slotwright view`: a day by schedules or a week of one, the free capacity and the use of each."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from .options import (
    Bar,
    allow_past_option,
    calendar_option,
    ledger_option,
    load,
    lock_timeout_option,
    now_option,
    print_json,
    read_pool,
    source_of,
    timezone_option,
    unsafe_option,
)
from .text import printable

if TYPE_CHECKING:
    from ..io.calendars import Calendar
    from ..io.ledger.ledger import Ledger
    from ..io.view.data import View
    from ..io.view.view import Wanted
    from ..solver.civil import Zone


@click.command("view")
@calendar_option()
@ledger_option(required=False)
@click.option(
    "--schedule",
    "schedules",
    metavar="NAME[,NAME…]",
    multiple=True,
    help="A Schedule to show, by id or by the name of its actor. Repeatable. Default: all.",
)
@click.option("--service", metavar="NAME", help="Show the hours of this service, and what find offers for it.")
@click.option(
    "--together",
    is_flag=True,
    help="Offer only times at which every --schedule is free; commas mean any one of these. Default: each by itself.",
)
@click.option("--day", metavar="DAY", help="The local day to show: a date, today or tomorrow. Default: today.")
@click.option("--week", metavar="DAY", help="Show the week of this day, Monday to Sunday, schedule by schedule.")
@click.option("--capacity", is_flag=True, help="Print also the free capacity by hour and weekday, and the utilisation.")
@click.option(
    "--weeks",
    metavar="N",
    type=click.IntRange(1, 26),
    default=4,
    show_default=True,
    help="How many weeks the capacity and the utilisation count, from the Monday of the day shown.",
)
@click.option("--html", metavar="FILE", help="Write a page instead: one file, no script, nothing from the network.")
@click.option("--png", metavar="FILE", help="Write a picture of this page; needs the extra png and a Chromium.")
@click.option("--without-patients", is_flag=True, help="Name no patients.")
@timezone_option("The zone of days and hours. Default: that of the only schedule, or the one most schedules have.")
@click.option("--json", "as_json", is_flag=True, help="Print what is drawn as JSON.")
@allow_past_option()
@now_option()
@lock_timeout_option()
@unsafe_option()
def command(
    calendars: tuple[str, ...],
    ledger: str | None,
    schedules: tuple[str, ...],
    service: str | None,
    together: bool,
    day: str | None,
    week: str | None,
    capacity: bool,
    weeks: int,
    html: str | None,
    png: str | None,
    without_patients: bool,
    timezone: str | None,
    as_json: bool,
    allow_past: bool,
    now: str | None,
    lock_timeout: float,
    unsafe_filesystem: bool,
) -> None:
    """Show what a day or a week looks like: hours, bookings, holds, buffers, closures, and offers for a service.

    In a ledger only starts from now on are offered. Colours are left out in pipes and where NO_COLOR is set.

    \b
    Example:
      slotwright view --calendar examples/clinic --day 2026-03-12 --service check-up
    """
    if day is not None and week is not None:
        raise click.UsageError("--day and --week exclude each other.")
    if together and (service is None or not schedules):
        raise click.UsageError("--together needs --service and --schedule: it is a find for all of them.")
    calendars, ledger = source_of(calendars, ledger)
    store = load(calendars, ledger, now, lock_timeout, True, unsafe_filesystem)
    from ..io.view.view import view

    with store.reading() as state, Bar("Looking at", "schedules") as bar:
        wanted = _wanted(store, schedules, service, day, week, timezone)
        wanted = replace(
            wanted,
            weeks=weeks,
            together=together,
            only_ahead=ledger is not None and not allow_past,
            with_patients=not without_patients,
        )
        found = view(state, wanted, bar.show_of)
    if html is not None or png is not None:
        write_page(_page(found, store, calendars, ledger), html, png)
    if as_json:
        from ..io.view.as_json import view_json

        print_json(view_json(found))
        return
    if html is None and png is None:
        from .view_terminal import print_view

        print_view(found, with_capacity=capacity)


def _page(found: View, store: Calendar | Ledger, calendars: tuple[str, ...], ledger: str | None) -> str:
    from ..io.view.page import view_page
    from .text import moment_ms

    names = ", ".join(os.path.basename(os.path.normpath(one)) for one in calendars or (ledger or "",))
    at = moment_ms(int(store.now().timestamp() * 1000), found.timeline.zone)
    return view_page(found, f"{printable(names)}, as of {at}.")


def write_page(page: str, html: str | None, png: str | None) -> None:
    """Write a page as HTML, as a picture, or both, and say so. Raises InvalidInputError, OSError, UsageError."""
    from ..io.staging import check_place, new_file

    picture = None
    for path in filter(None, (html, png)):
        check_place(path)
    if png is not None:
        from ..io.view.png import NoBrowser, picture_of

        try:
            picture = picture_of(page)
        except NoBrowser as error:
            raise click.UsageError(str(error)) from error
    for path, content in ((html, page.encode()), (png, picture)):
        if path is not None and content is not None:
            with new_file(path, replace=True) as file:
                file.write(content)
            click.echo(f"Wrote {printable(path)}.", err=True)


def _wanted(
    store: Calendar | Ledger,
    schedules: tuple[str, ...],
    service: str | None,
    day: str | None,
    week: str | None,
    timezone: str | None,
) -> Wanted:
    from ..io import names
    from ..io.local import read_day
    from ..io.view.view import Wanted, schedule_ids
    from ..solver.civil import weekday

    service_id = None if service is None else names.service_id(store, service)
    pools = [[names.schedule_id(store, name) for name in read_pool(pool)] for pool in schedules]
    pools = pools or [[id] for id in schedule_ids(store, service_id)]
    zone = _zone(store, pools, service_id, timezone)
    now_ms = int(store.now().timestamp() * 1000)
    if week is not None:
        shown = read_day("--week", week, zone, now_ms)
        return Wanted(pools, zone, shown - weekday(shown), 7, service=service_id)
    return Wanted(pools, zone, read_day("--day", day or "today", zone, now_ms), service=service_id)


def _zone(store: Calendar | Ledger, pools: list[list[str]], service_id: str | None, timezone: str | None) -> Zone:
    from ..io.listing import commonest_zone
    from ..io.local import zone_named, zone_of_schedule

    if timezone is not None:
        return zone_named(store, timezone)
    ids = {one for pool in pools for one in pool}
    return zone_of_schedule(store, ids.pop(), service_id) if len(ids) == 1 else commonest_zone(store)
