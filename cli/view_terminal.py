"""`slotwright view` in the terminal: one letter for a stretch of time, in colour where the terminal has it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..io.view.chart import DAYS, Chart, Line, day_chart, span_title, week_chart
from ..io.view.data import MEANINGS, Kind
from .text import width

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from ..io.view.data import Cell, HeatMap, Utilisation, View

_ELSEWHERE = 120
"""Columns where standard output is no terminal."""

_STEPS = (5, 10, 15, 20, 30, 60)
"""Minutes that one letter may stand for."""

_ORDER: tuple[Kind, ...] = ("placed", "hold", "booking", "blocked", "buffer", "closure", "offer", "hours")
"""Where several layers meet in one letter, the first of these is shown."""

MARKS: dict[Kind, tuple[str, str]] = {
    "hours": ("·", "."),
    "closure": ("×", "x"),
    "blocked": ("▓", "%"),
    "buffer": ("░", "+"),
    "booking": ("█", "#"),
    "hold": ("▒", "?"),
    "placed": ("◆", "*"),
    "offer": ("○", "o"),
}
"""How each kind looks, and how where only ASCII can be shown."""

_BEGINS = {"█": "▐", "#": "B"}
"""The first letter of a booking, so that neighbours can be told apart."""

_STYLES: dict[Kind, str] = {
    "hours": "bright_black",
    "closure": "#d55e00",
    "blocked": "#cc79a7",
    "buffer": "#56b4e9",
    "booking": "#3d9be0",
    "hold": "#e69f00",
    "placed": "#f0e442",
    "offer": "#00b383",
}
_HEAT = (" ", "░", "▒", "▓", "█")


def print_view(view: View, *, with_capacity: bool) -> None:
    """The chart, its legend and what could not be shown; with the heat map and the utilisation if asked for."""
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else _ELSEWHERE, highlight=False, emoji=False)
    is_plain = not _shows(console, "█▐·×▓░▒◆○–")
    timeline = view.timeline
    days = timeline.days()
    service = "" if view.service is None else f"{view.service} · "
    _say(console, f"{service}{span_title(days)} ({timeline.zone.name})", is_plain)
    charts = [day_chart(timeline, days[0])] if len(days) == 1 else [week_chart(timeline, row) for row in timeline.rows]
    for chart in charts:
        console.print()
        _print_chart(console, chart, is_plain, with_title=len(days) > 1)
    if not timeline.rows:
        console.print("No schedules to show.")
    for note in dict.fromkeys(f"{row.title} ({row.schedule}): {row.note}" for row in timeline.rows if row.note):
        _say(console, f"Note: {note}", is_plain)
    if with_capacity:
        console.print()
        _print_heat(console, view.heat, is_plain)
        console.print()
        _print_utilisation(console, view.utilisation, is_plain)


def _shows(console: Console, letters: str) -> bool:
    try:
        letters.encode(console.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _say(console: Console, text: str, is_plain: bool) -> None:
    console.print(text.replace(" · ", ", ") if is_plain else text, markup=False, soft_wrap=True)


def _print_chart(console: Console, chart: Chart, is_plain: bool, *, with_title: bool) -> None:
    from rich.text import Text

    if with_title:
        console.print(Text(chart.title, style="bold"))
    longest = max((width(line.title) for line in chart.lines), default=0)
    names = max(min(longest, 28, console.width // 3), 4)
    step = _step(chart, console.width - names - 2)
    console.print(_axis(chart, names, step), soft_wrap=True)
    for line in chart.lines:
        text = Text(_fitted(line.title, names, is_plain) + "  ")
        text.append_text(_drawn(line, chart, step, is_plain))
        text.rstrip()
        console.print(text, soft_wrap=True)
    console.print(_legend(chart, step, is_plain), soft_wrap=False)


def _step(chart: Chart, columns: int) -> int:
    """The fewest minutes for a letter with which the axis fits."""
    return next((one for one in _STEPS if (chart.last - chart.first) / one <= columns), _STEPS[-1])


def _axis(chart: Chart, names: int, step: int) -> str:
    """The hours, as many as there is room for."""
    letters = [" "] * ((chart.last - chart.first) // step + 2)
    every = next(one for one in (1, 2, 3, 4, 6, 12) if one * 60 // step >= 3 or one == 12)
    for at, label in chart.hours:
        if int(label) % every == 0:
            place = (at - chart.first) // step
            letters[place : place + 2] = label
    return (" " * (names + 2) + "".join(letters)).rstrip()


def _fitted(title: str, names: int, is_plain: bool) -> str:
    """The title in so many columns."""
    if width(title) > names:
        kept = ""
        for letter in title:
            if width(kept + letter) > names - 1:
                break
            kept += letter
        title = kept + ("~" if is_plain else "…")
    return title + " " * (names - width(title))


def _drawn(line: Line, chart: Chart, step: int, is_plain: bool) -> Text:
    from rich.text import Text

    text = Text()
    for at in range(line.origin + chart.first, line.origin + chart.last, step):
        here = [one for one in line.layers if one.start < at + step and at < one.end]
        kind: Kind | None = next((kind for kind in _ORDER if any(one.kind == kind for one in here)), None)
        if kind is None:
            text.append(" ")
            continue
        mark = MARKS[kind][is_plain]
        if any(one.kind == kind and at <= one.start for one in here):
            mark = _BEGINS.get(mark, mark)
        text.append(mark, style=_STYLES[kind])
    return text


def _legend(chart: Chart, step: int, is_plain: bool) -> Text:
    from rich.text import Text

    text = Text()
    for kind in chart.kinds():
        text.append(MARKS[kind][is_plain], style=_STYLES[kind])
        text.append(f" {MEANINGS[kind]}   ")
    text.append(f"one letter: {step} min")
    return text


def _print_heat(console: Console, heat: HeatMap, is_plain: bool) -> None:
    """The free share of the open seats, in per cent."""
    weeks = round((heat.end - heat.start) / 10_080)
    console.print(f"Free capacity in %, {weeks} week{'' if weeks == 1 else 's'} from {_monday(heat)}", markup=False)
    hours = heat.hours()
    shaded = not is_plain and len(hours) * 5 + 4 <= console.width
    cell = 5 if shaded else 4
    console.print("    " + "".join(f"{hour:02} ".rjust(cell) for hour in hours).rstrip(), markup=False, soft_wrap=True)
    for day, name in enumerate(DAYS):
        cells = (_share(heat.cell(day, hour), shaded=shaded).ljust(cell) for hour in hours)
        console.print(f"{name[:3]} {''.join(cells)}".rstrip(), markup=False, soft_wrap=True)


def _share(cell: Cell, *, shaded: bool) -> str:
    """What of an hour is free; nothing where it is never open."""
    if cell.open == 0:
        return ""
    shade = _HEAT[min(5 * cell.free // cell.open, 4)] if shaded else ""
    return f"{shade}{100 * cell.free // cell.open:3}"


def _monday(heat: HeatMap) -> str:
    from ..io.view.chart import day_title

    return day_title(heat.zone.local_day(heat.start))


def _print_utilisation(console: Console, several: tuple[Utilisation, ...], is_plain: bool) -> None:
    from rich.text import Text

    names = max([min(max((width(one.title) for one in several), default=8), 28), 8])
    console.print(Text(f"{'Schedule':{names}}      Open   Booked   Buffers   Blocked      Free   Used"))
    for one in several:
        cells = (one.open, one.booked + one.held, one.buffer, one.blocked, one.free)
        shown = "  ".join(f"{_hours(cell):>8}" for cell in cells)
        used = "" if one.used is None else f"{one.used:.0%}"
        console.print(Text(f"{_fitted(one.title, names, is_plain)}  {shown}  {used:>5}".rstrip()), soft_wrap=True)


def _hours(minutes: int) -> str:
    return f"{minutes // 60}:{minutes % 60:02}"
