"""Tables made for people, that of a find first of all."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import TYPE_CHECKING

import click

from .text import clock, day, printable, times

if TYPE_CHECKING:
    from ..io.operations.find import FindAnswer
    from ..io.prepared import Examined, Service
    from ..io.store import Store
    from ..io.wishes import Window
    from ..solver.civil import Zone
    from ..solver.problem import Offer


def print_answer(
    store: Store, answer: FindAnswer, window: Window, zone: Zone, *, hint: str = "", why: str = ""
) -> None:
    """The window, then the offers or why there are none: `why` is what to ask for more about that."""
    click.echo(f"{title_of(answer.service, answer.pools[0][0])} · {window_text(window, zone)}")
    if not answer.offers:
        click.echo(_nothing(store, answer))
        if why and answer.problem is not None:
            click.echo(f"What stands in the way: {why}", err=True)
        return
    click.echo("")
    click.echo(offers_table(store, [answer], zone), nl=False)
    asked = answer.problem.count if answer.problem is not None else 0
    more = "; there may be more, see --count" if len(answer.offers) == asked else ""
    click.echo(f"\n{len(answer.offers)} offer{'' if len(answer.offers) == 1 else 's'}{more}. {hint}".rstrip())


def title_of(service: Service, examined: Examined) -> str:
    """`Check-up, 30 min`."""
    from ..io import names

    title = names.show(names.service_names(service.resource), service.id)
    return f"{printable(title)}, {examined.resolved.duration} min"


def offers_table(store: Store, answers: Sequence[FindAnswer], zone: Zone, *, with_year: bool = False) -> str:
    """The offers of answers to one question, numbered through."""
    first = answers[0]
    keeps = Keeps.WIDE if first.series is None else Keeps.IF_WIDE
    headers = [("#", Keeps.NUMBER), ("Day", keeps), ("Time", keeps)]
    if first.series is not None:
        headers.append(("Weekly until", keeps))
    headers += [(_column(pool), Keeps.FOLDS) for pool in first.pools]
    offers = ((answer, offer) for answer in answers for offer in answer.offers)
    rows = [
        [str(number), *_when(answer, offer, zone, with_year), *(_who(store, one) for one in answer.chosen(offer))]
        for number, (answer, offer) in enumerate(offers, start=1)
    ]
    return render(headers, rows)


class Keeps(Enum):
    """How a column behaves where a terminal is narrow."""

    NUMBER = "right-aligned, never folded"
    WIDE = "never folded"
    IF_WIDE = "folded below 100 columns"
    FOLDS = "folded"


def render(headers: Sequence[tuple[str, Keeps]], rows: Iterable[Sequence[str]], *, elsewhere: int = 120) -> str:
    """A table for the terminal, or at most `elsewhere` columns wide for anything else."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else elsewhere)
    fits = console.width >= 100
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="")
    for title, keeps in headers:
        no_wrap = keeps in (Keeps.NUMBER, Keeps.WIDE) or (keeps is Keeps.IF_WIDE and fits)
        table.add_column(title, justify="right" if keeps is Keeps.NUMBER else "left", no_wrap=no_wrap, overflow="fold")
    for row in rows:
        # Text and not str: names are no markup.
        table.add_row(*(Text(cell) for cell in row))
    with console.capture() as capture:
        console.print(table)
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines() if line.strip())


def _column(pool: tuple[Examined, ...]) -> str:
    """The type of the pool's actors, in FHIR's word."""
    types = {str(one.actor_key).partition("/")[0] for one in pool}
    return types.pop() if len(types) == 1 else "Actor"


def _who(store: Store, examined: Examined) -> str:
    from ..io import names

    return printable(names.show(names.schedule_names(store, examined.resource), examined.id))


def _when(answer: FindAnswer, offer: Offer, zone: Zone, with_year: bool) -> list[str]:
    from ..solver.series import later_occurrences

    end = offer.start + answer.pools[0][0].resolved.duration
    cells = [day(offer.start, zone, with_year=with_year), times(offer.start, end, zone)]
    if answer.series is not None:
        later = later_occurrences(offer.start, answer.series.occurrences, answer.series.zone.zone)
        cells.append(day(later[-1], zone) if later else "")
    return cells


def window_text(window: Window, zone: Zone) -> str:
    """Whole local days by their dates, the last one included; anything else with its times."""
    start, end = window.start_ms // 60_000, -(-window.end_ms // 60_000)
    whole_days = all(at * 60_000 == zone.day_start_ms(zone.local_day(at)) for at in (start, end))
    if whole_days:
        first, last = (day(at, zone, with_year=True) for at in (start, end - 1))
        return f"{first} ({zone.name})" if first == last else f"{first} to {last} ({zone.name})"
    first, last = (f"{day(at, zone, with_year=True)} {clock(at, zone)}" for at in (start, end))
    return f"{first} to {last} ({zone.name})"


def _nothing(store: Store, answer: FindAnswer) -> str:
    """Why there is no offer: which schedule or pool left the fewest starts."""
    if answer.has_too_few_actors():
        return "Nothing free: the pools have fewer actors than the appointment needs, and none is used twice."
    if answer.problem is None:
        return "Nothing free: the window holds no whole minute."
    starts = answer.starts()
    fewest = min(range(len(starts)), key=starts.__getitem__)
    pool = answer.pools[fewest]
    members = ", ".join(f"{_who(store, one)} ({one.id})" for one in pool)
    which = members if len(pool) == 1 else f"The pool of {members}"
    count = starts[fewest]
    if count == 0:
        return f"Nothing free. {which} leaves no start in this window."
    why = " Each has starts of its own, but none is common to all."
    if answer.common_starts():
        why = " At every start that all have in common, one actor would be needed twice."
    return f"Nothing free. {which} leaves the fewest starts, {count}.{why if len(starts) > 1 else ''}"
