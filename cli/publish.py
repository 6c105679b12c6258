"""`slotwright publish`: free times as a feed of files for a web server (SMART Scheduling Links)."""

from __future__ import annotations

from urllib.parse import urlsplit

import click

from . import complete
from .options import (
    Bar,
    calendar_option,
    ledger_option,
    load,
    lock_timeout_option,
    now_option,
    source_of,
    unsafe_option,
    words,
)
from .text import count, printable


def booking_options(function: click.decorators.FC) -> click.decorators.FC:
    """How people book what a feed lists, and how far it looks ahead."""
    for option in (
        click.option(
            "--booking-phone", metavar="NUMBER", callback=words, help="Whom people call to book, on every Slot."
        ),
        click.option(
            "--booking-url",
            metavar="URL",
            callback=_web_address,
            help="Where people book, on every Slot; {schedule}, {service} and {start} stand for those of the Slot.",
        ),
        click.option(
            "--days",
            metavar="N",
            type=click.IntRange(1, 366),
            default=28,
            show_default=True,
            help="How far ahead to publish.",
        ),
    ):
        function = option(function)
    return function


def _web_address(_: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
    if text is not None:
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise click.UsageError(f"{parameter.opts[0]} {text!r} is no address such as https://clinic.example/book.")
    return text


@click.command("publish")
@click.argument("folder", metavar="FOLDER")
@click.option(
    "--base-url",
    metavar="URL",
    required=True,
    callback=_web_address,
    help="The address at which the folder will be read.",
)
@calendar_option()
@ledger_option(required=False)
@click.option(
    "--service",
    "services",
    metavar="NAME",
    multiple=True,
    shell_complete=complete.services,
    help="Only this service. Repeatable.",
)
@click.option(
    "--schedule",
    "schedules",
    metavar="NAME",
    multiple=True,
    shell_complete=complete.schedules,
    help="Only this schedule. Repeatable.",
)
@booking_options
@click.option("--replace", is_flag=True, help="Replace the feed of an earlier run there.")
@now_option()
@lock_timeout_option()
@unsafe_option()
def command(
    folder: str,
    base_url: str,
    calendars: tuple[str, ...],
    ledger: str | None,
    services: tuple[str, ...],
    schedules: tuple[str, ...],
    days: int,
    booking_url: str | None,
    booking_phone: str | None,
    replace: bool,
    now: str | None,
    lock_timeout: float,
    unsafe_filesystem: bool,
) -> None:
    """Publish free times as files for a web server: a SMART Scheduling Links feed.

    FOLDER gets the manifest, `$bulk-publish`, and the Locations, Schedules and free Slots it names as NDJSON. A Slot
    is what find offers on one schedule for one service.

    \b
    Example:
      slotwright publish feed --calendar examples/clinic --service check-up --schedule dr-novak \\
          --base-url https://clinic.example/feed --booking-url 'https://clinic.example/book?at={start}'
    """
    from ..io.names import schedule_id, service_id
    from ..io.publish.feed import Wanted, feed
    from ..io.publish.files import write_folder

    calendars, ledger = source_of(calendars, ledger)
    store = load(calendars, ledger, now, lock_timeout, True, unsafe_filesystem)
    with store.reading() as state, Bar("Publishing", "schedules") as bar:
        wanted = Wanted(
            days,
            [service_id(state, name) for name in services],
            [schedule_id(state, name) for name in schedules],
            booking_url,
            booking_phone,
        )
        at = store.now()
        found = feed(state, wanted, now=at, progress=bar.show)
    write_folder(found, folder, base_url=base_url, now=at, replace=replace)
    slots = sum(map(len, found.slots.values()))
    click.echo(
        f"Published {count(slots, 'free Slot')} of {count(len(found.schedules), 'Schedule')} at "
        f"{count(len(found.locations), 'Location')} to {printable(folder)}."
    )
    for outcome in found.errors:
        issue = outcome["issue"][0]
        click.echo(f"Left out: {issue['details']['text']} ({issue['diagnostics']}).", err=True)
