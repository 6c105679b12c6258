"""The table of a find, made for people."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..io.calendars import Calendar
    from ..io.operations.find import FindAnswer
    from ..io.prepared import Examined
    from ..io.wishes import Window
    from ..solver.civil import Zone
    from ..solver.problem import Offer

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def print_answer(calendar: Calendar, answer: FindAnswer, window: Window, zone: Zone) -> None:
    """The window, then the offers or why there are none."""
    from ..io import names

    service = answer.service.resource
    title = names.show(names.service_names(service), answer.service.id)
    resolved = answer.pools[0][0].resolved
    click.echo(f"{_printable(title)}, {resolved.duration} min · {_window(window, zone)}")
    if not answer.offers:
        click.echo(_nothing(calendar, answer))
        return
    click.echo("")
    click.echo(_table(calendar, answer, zone), nl=False)
    asked = answer.problem.count if answer.problem is not None else 0
    more = "; there may be more, see --count" if len(answer.offers) == asked else ""
    click.echo(f"\n{len(answer.offers)} offer{'' if len(answer.offers) == 1 else 's'}{more}.")


def _table(calendar: Calendar, answer: FindAnswer, zone: Zone) -> str:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else 120)
    fits = console.width >= 100
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="")
    table.add_column("#", justify="right", no_wrap=True)
    keeps = fits or answer.series is None
    table.add_column("Day", no_wrap=keeps, overflow="fold")
    table.add_column("Time", no_wrap=keeps, overflow="fold")
    if answer.series is not None:
        table.add_column("Weekly until", no_wrap=keeps, overflow="fold")
    for pool in answer.pools:
        table.add_column(_column(pool), overflow="fold")
    for number, offer in enumerate(answer.offers, start=1):
        who = [_who(calendar, one) for one in answer.chosen(offer)]
        # Text and not str: names are no markup.
        table.add_row(str(number), *(Text(cell) for cell in (*_when(answer, offer, zone), *who)))
    with console.capture() as capture:
        console.print(table)
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines() if line.strip())


def _column(pool: tuple[Examined, ...]) -> str:
    """The type of the pool's actors, in FHIR's word."""
    types = {str(one.actor_key).partition("/")[0] for one in pool}
    return types.pop() if len(types) == 1 else "Actor"


def _who(calendar: Calendar, examined: Examined) -> str:
    from ..io import names

    return _printable(names.show(names.schedule_names(calendar, examined.resource), examined.id))


def _printable(name: str) -> str:
    """A name without the control characters that would steer a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in name)


def _when(answer: FindAnswer, offer: Offer, zone: Zone) -> list[str]:
    from ..solver.series import later_occurrences

    end = offer.start + answer.pools[0][0].resolved.duration
    first, last = zone.abbreviation(offer.start), zone.abbreviation(end)
    begins = _clock(offer.start, zone) if first == last else f"{_clock(offer.start, zone)} {first}"
    cells = [_day(offer.start, zone), f"{begins} – {_clock(end, zone)} {last}"]
    if answer.series is not None:
        later = later_occurrences(offer.start, answer.series.occurrences, answer.series.zone.zone)
        cells.append(_day(later[-1], zone) if later else "")
    return cells


def _day(minute: int, zone: Zone, *, with_year: bool = False) -> str:
    from ..solver.civil import iso_date, weekday

    day = zone.local(minute).day
    year, month, number = iso_date(day).split("-")
    name, month_name = _DAYS[weekday(day)], _MONTHS[int(month) - 1]
    return f"{name} {int(number)} {month_name} {year}" if with_year else f"{name} {int(number):2} {month_name}"


def _clock(minute: int, zone: Zone) -> str:
    second = zone.local(minute).second
    return f"{second // 3600:02}:{second // 60 % 60:02}"


def _window(window: Window, zone: Zone) -> str:
    """Whole local days by their dates, the last one included; anything else with its times."""
    start, end = window.start_ms // 60_000, -(-window.end_ms // 60_000)
    whole_days = all(at * 60_000 == zone.day_start_ms(zone.local_day(at)) for at in (start, end))
    if whole_days:
        first, last = (_day(at, zone, with_year=True) for at in (start, end - 1))
        return f"{first} ({zone.name})" if first == last else f"{first} to {last} ({zone.name})"
    first, last = (f"{_day(at, zone, with_year=True)} {_clock(at, zone)}" for at in (start, end))
    return f"{first} to {last} ({zone.name})"


def _nothing(calendar: Calendar, answer: FindAnswer) -> str:
    """Why there is no offer: which schedule or pool left the fewest starts."""
    if answer.has_too_few_actors():
        return "Nothing free: the pools have fewer actors than the appointment needs, and none is used twice."
    if answer.problem is None:
        return "Nothing free: the window holds no whole minute."
    starts = answer.starts()
    fewest = min(range(len(starts)), key=starts.__getitem__)
    pool = answer.pools[fewest]
    members = ", ".join(f"{_who(calendar, one)} ({one.id})" for one in pool)
    which = members if len(pool) == 1 else f"The pool of {members}"
    count = starts[fewest]
    if count == 0:
        return f"Nothing free. {which} leaves no start in this window."
    why = " Each has starts of its own, but none is common to all."
    if answer.common_starts():
        why = " At every start that all have in common, one actor would be needed twice."
    return f"Nothing free. {which} leaves the fewest starts, {count}.{why if len(starts) > 1 else ''}"
