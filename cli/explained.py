"""What `slotwright explain` prints: one start in paragraphs, a window as a table, what is lost as shares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import click

from ..io import names
from .describe import schedule_title
from .reasons import KIND_WORDS, Speaker
from .table import Keeps, render, title_of, window_text
from .text import clock, count, day, moment_ms, printable

if TYPE_CHECKING:
    from ..io.operations.explain import Explanation, Lost, StartVerdict, Verdict
    from ..io.prepared import Examined
    from ..io.store import Store
    from ..io.wishes import Window
    from ..solver.civil import Zone

_LEFT_OUT = {
    "inactive": "is inactive",
    "actors": "has not exactly one actor",
    "not-schedulable": "does not offer the service",
    "horizon": "has its planning horizon elsewhere",
}


def print_one(store: Store, found: Explanation, zone: Zone) -> None:
    """One start: the verdict, then each schedule with everything that is against it."""
    [start] = found.starts
    verdict = "offered" if start.is_offered else "not offered"
    when = moment_ms(start.start * 60_000, zone)
    click.echo(f"{title_of(found.service, found.pools[0][0])} · {when}: {verdict}.")
    speaker = Speaker(store, zone)
    for place, pool in enumerate(start.pools):
        click.echo("")
        if len(pool) > 1:
            click.echo(f"Pool {place + 1}, any one of {len(pool)}:")
        for one in pool:
            _print_verdict(store, speaker, one, zone)
    if start.clash is not None:
        click.echo(f"\n{_clash_text(store, start, start.clash)}")
    _print_left_out(store, found)


def _print_verdict(store: Store, speaker: Speaker, verdict: Verdict, zone: Zone) -> None:
    title = schedule_title(store, verdict.examined.id)
    click.echo(f"{title}: {'free.' if verdict.is_open else 'not free.'}")
    for said in _sentences(speaker, verdict, zone):
        click.echo(_indented(said))


def _sentences(speaker: Speaker, verdict: Verdict, zone: Zone) -> Iterator[str]:
    for reason in verdict.reasons:
        yield speaker.say(verdict.examined, reason)
    for week in verdict.weeks:
        when = "" if week.start is None else f", {day(week.start, zone)}"
        for reason in week.reasons:
            yield f"Week {week.number}{when}: {speaker.say(verdict.examined, reason)}"


def _indented(said: str) -> str:
    first, *others = said.split("\n")
    return "\n".join([f"  {first}", *(f"    {one}" for one in others)])


def _clash_text(store: Store, start: StartVerdict, clash: list[int]) -> str:
    actors: dict[str, str] = {}
    for place in clash:
        for one in start.pools[place]:
            if one.is_open:
                actors.setdefault(str(one.examined.actor_key), _who(store, one.examined))
    pools = " and ".join(filter(None, (", ".join(str(one + 1) for one in clash[:-1]), str(clash[-1] + 1))))
    return f"Each pool has somebody free, but the pools {pools} have only {', '.join(actors.values())} between them."


def _who(store: Store, examined: Examined) -> str:
    return printable(names.show(names.schedule_names(store, examined.resource), examined.id))


def _print_left_out(store: Store, found: Explanation) -> None:
    for one in found.left_out:
        click.echo(f"\n{schedule_title(store, one.schedule_id)} takes no part: it {_LEFT_OUT[one.why]}.")


# A window


class _Row(NamedTuple):
    day: str
    lost: Lost | None


def print_window(store: Store, found: Explanation, window: Window, zone: Zone) -> None:
    """Starts in a row that share their day and their verdict are one line."""
    click.echo(f"{title_of(found.service, found.pools[0][0])} · {window_text(window, zone)}")
    if not found.starts:
        click.echo("The grid has no start in this window.")
        return
    rows: list[list[str]] = []
    for row, run in groupby(found.starts, key=lambda one: _Row(day(one.start, zone), one.lost())):
        starts = list(run)
        first, last = starts[0].start, starts[-1].start
        span = clock(first, zone) if first == last else f"{clock(first, zone)} … {clock(last, zone)}"
        rows.append([row.day, f"{span} {zone.abbreviation(last)}", str(len(starts)), _verdict(store, found, row.lost)])
    headers = [("Day", Keeps.WIDE), ("Starts", Keeps.WIDE), ("#", Keeps.NUMBER), ("Verdict", Keeps.FOLDS)]
    click.echo("")
    click.echo(render(headers, rows), nl=False)
    click.echo(f"\n{_totals(found)} --at says all about one start, --summary counts.")
    _print_left_out(store, found)


def _verdict(store: Store, found: Explanation, lost: Lost | None) -> str:
    if lost is None:
        return "offered"
    who = _pool(store, found, lost)
    return KIND_WORDS[lost.kind] + (f": {who}" if who else "")


def _pool(store: Store, found: Explanation, lost: Lost) -> str:
    return "" if lost.pool is None else " / ".join(_who(store, one) for one in found.pools[lost.pool])


def _totals(found: Explanation) -> str:
    return f"{count(found.total, 'start')}: {found.offered:,} offered, {found.lost.total():,} not."


# What is lost


def print_summary(store: Store, found: Explanation, window: Window, zone: Zone) -> None:
    """Shares of the lost starts by their first reason: in all, by pool, and without those outside hours."""
    click.echo(f"{title_of(found.service, found.pools[0][0])} · {window_text(window, zone)}")
    click.echo(_totals(found))
    if not found.lost:
        _print_left_out(store, found)
        return
    click.echo(f"Lost: {_shares(_by_kind(found))}.")
    inside = Counter({word: n for word, n in _by_kind(found).items() if word != KIND_WORDS["hours"]})
    if inside and len(inside) < len(_by_kind(found)):
        click.echo(f"In hours: {_shares(inside)}.")
    total = found.lost.total()
    headers = [("Reason", Keeps.WIDE), ("Who", Keeps.FOLDS), ("Starts", Keeps.NUMBER), ("Share", Keeps.NUMBER)]
    rows = [
        [KIND_WORDS[lost.kind], _pool(store, found, lost), f"{number:,}", _share(number, total)]
        for lost, number in found.lost.most_common()
    ]
    click.echo("")
    click.echo(render(headers, rows), nl=False)
    _print_left_out(store, found)


def _by_kind(found: Explanation) -> Counter[str]:
    kinds: Counter[str] = Counter()
    for lost, number in found.lost.items():
        kinds[KIND_WORDS[lost.kind]] += number
    return kinds


def _shares(counted: Counter[str]) -> str:
    total = counted.total()
    return ", ".join(f"{_share(number, total)} {word}" for word, number in _sorted(counted.items()))


def _sorted(items: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(items, key=lambda one: (-one[1], one[0]))


def _share(number: int, total: int) -> str:
    """A whole per cent, rounded; what is there is never 0."""
    share = round(100 * number / total)
    return f"{share} %" if share else "< 1 %"
