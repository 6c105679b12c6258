"""Calendar files as busy time: the options for them, and how they are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from . import complete

if TYPE_CHECKING:
    from ..io.ical.feed import Feed
    from ..io.ical.slots import Given
    from ..io.store import Store

_LIBRARIES = ("icalendar", "dateutil")
_SHOWN = 20
_SERIES_REACH_MS = 6 * 7 * 86_400_000
"""The last visit of a series starts less than this after the first, milliseconds."""


def all_day_option() -> Callable[[Any], Any]:
    return click.option(
        "--all-day",
        type=click.Choice(["busy", "free", "as-marked"]),
        default="as-marked",
        show_default=True,
        help="What whole days in calendar files mean; as-marked asks each event.",
    )


def files_option(name: str, parameter: str, what: str) -> Callable[[Any], Any]:
    """`NAME=PATH`, repeatable."""
    return click.option(
        name, parameter, multiple=True, metavar="NAME=PATH", shell_complete=complete.schedules, help=what
    )


def busy_option() -> Callable[[Any], Any]:
    return files_option(
        "--busy", "busy", "Take the events of a calendar file or folder (.ics) as busy time of a Schedule. Repeatable."
    )


def read_feeds(option: str, store: Store, texts: Sequence[str], window: tuple[int, int], all_day: Any) -> list[Given]:
    """The feeds that an option names; what cannot be read in them is said on standard error.

    `window` is [start, end) in milliseconds. Raises UsageError if the libraries are not there, LoadError, NameNotFound.
    """
    from ..io.names import schedule_id

    parts = [text.partition("=") for text in texts]
    for text, (name, _, path) in zip(texts, parts):
        if not name.strip() or not path:
            raise click.UsageError(f"{option} {text!r} is not NAME=PATH, as in dr-a=dr-a.ics.")
    try:
        from ..io.ical.feed import read_feed
        from ..io.ical.slots import Given
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _LIBRARIES:
            raise
        raise click.UsageError(
            f"{option} needs {error.name}, which is not installed: pip install 'slotwright[ical]'"
        ) from error
    from ..io.local import zone_of_schedule

    found: list[Given] = []
    for text, (name, _, path) in zip(texts, parts):
        id = schedule_id(store, name.strip())
        feed = read_feed(path, zone_of_schedule(store, id), window, all_day)
        if any((id, feed.source) == (one.schedule_id, one.feed.source) for one in found):
            raise click.UsageError(
                f"{option} {text!r} is the second of this name for Schedule/{id}, and would replace the first. "
                "Rename one of them, or put both into a folder."
            )
        _say_unread(feed)
        _say_hours(store, id, feed)
        found.append(Given(id, feed))
    return found


def _say_unread(feed: Feed) -> None:
    from .text import printable

    for one in feed.unread[:_SHOWN]:
        click.echo(f"Warning: {printable(one)}", err=True)
    if len(feed.unread) > _SHOWN:
        click.echo(f"Warning: … and {len(feed.unread) - _SHOWN:,} more", err=True)


def _say_hours(store: Store, schedule_id: str, feed: Feed) -> None:
    """Hours for one service win over those for all: who reads them from a file has to know."""
    from ..io.ical.availability import services_with_own_hours

    own = list(services_with_own_hours(store.read(f"Schedule/{schedule_id}") or {})) if feed.hours else []
    if own:
        click.echo(
            f"Warning: {feed.source} states hours, but Schedule/{schedule_id} has its own for {', '.join(own)}; "
            "those stay.",
            err=True,
        )


# Busy time for one search


def laid_over(
    store: Store,
    texts: Sequence[str],
    all_day: Any,
    window: tuple[int, int],
    service_id: str,
    pools: list[list[str]],
    *,
    is_series: bool,
) -> Store:
    """The store with the busy time of these files over it, as far as a visit in the window can reach."""
    if not texts:
        return store
    from ..io.local import resolved

    found = (resolved(store, service_id, id) for pool in pools for id in pool)
    reach = max((one.duration + max(one.buffer_before, one.buffer_after) for one in found if one), default=0)
    margin_ms = (reach + 1440) * 60_000
    last_ms = window[1] + (_SERIES_REACH_MS if is_series else 0)
    given = read_feeds("--busy", store, texts, (window[0] - margin_ms, last_ms + margin_ms), all_day)
    from ..io.ical.overlay import WithBusy

    return WithBusy.over(store, given)


# Into a ledger

MONTHS = 24
MOST_DAYS = 3_660


def load_files(
    ledger: Any, texts: Sequence[str], *, begin: str | None, end: str | None, all_day: Any, who: str, dry_run: bool
) -> None:
    """`ledger load --ics`: print what was written."""
    from ..io.listing import commonest_zone
    from ..io.local import read_day
    from ..solver.civil import iso_date, month_number, month_start
    from ..solver.errors import InvalidInputError

    zone = commonest_zone(ledger)
    now_ms = int(ledger.now().timestamp() * 1000)
    first = read_day("--from", "today" if begin is None else begin, zone, now_ms)
    if end is None:
        month = month_number(first)
        last = month_start(month + MONTHS) + min(first - month_start(month), 27)
    else:
        last = read_day("--to", end, zone, now_ms)
    if not first <= last < first + MOST_DAYS:
        raise InvalidInputError(
            f"--from {iso_date(first)} to --to {iso_date(last)} is no window: give an end after the begin, "
            f"within {MOST_DAYS:,} days."
        )
    window = (zone.day_start_ms(first), zone.day_start_ms(last + 1))
    given = read_feeds("--ics", ledger, texts, window, all_day)
    from ..io.ical.slots import load_into
    from .text import count, printable

    written = load_into(ledger, given, window, who=who, dry_run=dry_run)
    total = written.created + written.updated + written.unchanged
    click.echo(
        f"{'Would load' if dry_run else 'Loaded'} {count(total, 'busy time')} of {iso_date(first)} to "
        f"{iso_date(last)}: {written.created:,} created, {written.updated:,} updated, {written.unchanged:,} unchanged, "
        f"{written.removed:,} removed."
    )
    for id in written.rescheduled:
        click.echo(f"{'Would set' if dry_run else 'Set'} the weekly hours of Schedule/{printable(id)}.")
