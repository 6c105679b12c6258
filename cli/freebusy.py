"""`slotwright freebusy`: when schedules are busy and when they are free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from .options import (
    Bar,
    calendar_option,
    ledger_option,
    load,
    lock_timeout_option,
    now_option,
    print_json,
    read_pool,
    schedules_option,
    service_option,
    source_of,
    timezone_option,
    unsafe_option,
)

if TYPE_CHECKING:
    from ..io.freebusy import FreeBusy
    from ..io.store import Store
    from ..solver.civil import Zone
    from ..solver.intervals import Edges

_DAYS_MOST = 366


@click.command("freebusy")
@calendar_option()
@ledger_option(required=False)
@schedules_option(
    "A Schedule, by id or by the name of its actor. Repeatable. Default: all that offer the service, or all."
)
@service_option("Take hours and capacity of this service. Default: any offered.")
@click.option("--start", required=True, metavar="TIME", help="Begin of the window: a local day or an instant.")
@click.option("--end", required=True, metavar="TIME", help="End of the window: a local day, included, or an instant.")
@timezone_option("The zone of local days and of what is printed. Default: that of the first schedule.")
@click.option("--json", "as_json", is_flag=True, help="Print the FHIR Parameters.")
@click.option("--vfreebusy", is_flag=True, help="Print iCalendar text, a VFREEBUSY for each schedule.")
@now_option()
@lock_timeout_option()
@unsafe_option()
def command(
    calendars: tuple[str, ...],
    ledger: str | None,
    schedules: tuple[str, ...],
    service: str | None,
    start: str,
    end: str,
    timezone: str | None,
    as_json: bool,
    vfreebusy: bool,
    now: str | None,
    lock_timeout: float,
    unsafe_filesystem: bool,
) -> None:
    """Show busy and free time of schedules over a window, each by itself and all together.

    \b
    Example:
      slotwright freebusy --calendar examples/clinic --schedule dr-novak,exam-1 --service check-up \\
          --start 2026-03-10 --end 2026-03-11
    """
    if as_json and vfreebusy:
        raise click.UsageError("--json and --vfreebusy exclude each other.")
    calendars, ledger = source_of(calendars, ledger)
    from ..io import names
    from ..io.freebusy import free_busy, write_parameters
    from ..io.instants import ceil_minute, floor_minute
    from ..io.local import zone_named, zone_of_schedule
    from ..io.wishes import read_window

    store = load(calendars, ledger, now, lock_timeout, True, unsafe_filesystem)
    now_ms = int(store.now().timestamp() * 1000)
    service_id = None if service is None else names.service_id(store, service)
    ids = _ids(store, schedules, service_id)
    zone = zone_of_schedule(store, ids[0], service_id) if timezone is None else zone_named(store, timezone)
    window = read_window(start, end, zone, _DAYS_MOST * 86_400_000)
    low, high = ceil_minute(window.start_ms), floor_minute(window.end_ms)
    _check(low, high)
    with store.reading() as state, Bar("Reading", "schedules") as bar:
        found: list[FreeBusy] = []
        for id in ids:
            found.append(free_busy(state, id, service_id, low, high, now_ms))
            bar.show_of(len(found), len(ids))
    for one in found:
        for fault in one.faults:
            click.echo(f"Warning: Schedule/{one.schedule_id} has no sound parameters for {fault}.", err=True)
    if as_json:
        print_json(write_parameters(found, low, high))
    elif vfreebusy:
        from ..io.vfreebusy import write

        titles = {id: names.show(names.schedule_names(store, store.read(f"Schedule/{id}") or {}), id) for id in ids}
        click.echo(write(found, titles, low, high, now_ms // 60_000), nl=False)
    else:
        _print(store, found, low, high, zone)


def _ids(store: Store, schedules: tuple[str, ...], service_id: str | None) -> list[str]:
    """The schedules named, each once, or all that offer the service. Raises InvalidInputError if there is none."""
    from ..io import names
    from ..io.mapping import is_schedulable
    from ..solver.errors import InvalidInputError

    if schedules:
        named = (name for pool in schedules for name in read_pool(pool))
        return list(dict.fromkeys(names.schedule_id(store, name) for name in named))
    every = (one for one in store.resources("Schedule") if service_id is None or is_schedulable(one, service_id))
    ids = sorted(one["id"] for one in every)
    if not ids:
        raise InvalidInputError("There is no schedule to show. Name schedules with --schedule, or load some.")
    return ids


def _check(low: int, high: int) -> None:
    """Raises InvalidInputError."""
    from ..solver.errors import InvalidInputError

    if low >= high:
        raise InvalidInputError("The window holds no whole minute. Give a later --end.")
    if high - low > (_DAYS_MOST + 1) * 1440:
        raise InvalidInputError(f"The window is longer than {_DAYS_MOST} days. Ask in parts, one after the other.")


def _print(store: Store, found: Sequence[FreeBusy], low: int, high: int, zone: Zone) -> None:
    from ..io.freebusy import together
    from .describe import schedule_title
    from .table import Keeps, render

    rows: list[list[str]] = []
    every, some = together(found)
    for first, last in _days(low, high, zone):
        shown = [(schedule_title(store, one.schedule_id), one.free, one.taken()) for one in found]
        shown += [("all together", every, some)] if len(found) > 1 else []
        rows += _rows(shown, first, last, zone)
    headers = [("Day", Keeps.WIDE), ("Schedule", Keeps.FOLDS), ("Free", Keeps.FOLDS), ("Busy", Keeps.FOLDS)]
    click.echo(f"Times are those of {zone.name}.\n")
    click.echo(render(headers, rows), nl=False)


def _rows(shown: Sequence[tuple[str, Edges, Edges]], first: int, last: int, zone: Zone) -> Iterator[list[str]]:
    """One day; the day stands in its first row only."""
    from .text import day, printable

    for number, (title, free, busy) in enumerate(shown):
        when = "" if number else day(first, zone)
        yield [when, printable(title), _spans(free, first, last, zone), _spans(busy, first, last, zone)]


def _days(low: int, high: int, zone: Zone) -> Iterator[tuple[int, int]]:
    """The local days of the window, cut to it."""
    for number in range(zone.local_day(low), zone.local_day(high - 1) + 1):
        first, last = (-(-zone.day_start_ms(one) // 60_000) for one in (number, number + 1))
        if max(first, low) < min(last, high):
            yield max(first, low), min(last, high)


def _spans(edges: Edges, first: int, last: int, zone: Zone) -> str:
    """`08:00 – 09:30, 10:00 – 24:00`."""
    from ..solver import intervals
    from .text import clock

    spans: list[str] = []
    for start, end in intervals.to_pairs(intervals.clip(edges, first, last)):
        closes = clock(end, zone)
        spans.append(f"{clock(start, zone)} – {'24:00' if closes == '00:00' else closes}")
    return ", ".join(spans) or "–"
