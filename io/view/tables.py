"""What pages say in tables: the week at a glance, the heat map, the use of each schedule, and charts in words."""

from __future__ import annotations

from collections.abc import Callable

from ...solver import intervals
from .chart import DAYS, Chart, Line, shared_extent, short_day, visits, week_chart
from .data import MEANINGS, HeatMap, Timeline, Utilisation
from .markup import Child, Markup, el
from .svg import bar_svg, clock, strip_svg

Link = Callable[[str, str], Child]
"""(schedule, title) → how the schedule is named; the live page makes a link of it."""


def plain_name(_: str, title: str) -> Child:
    return title


def week_table(timeline: Timeline, name_of: Link = plain_name) -> Markup:
    """A row for each schedule, a strip for each day."""
    charts = [week_chart(timeline, row) for row in timeline.rows]
    first, last = shared_extent(charts)
    heads = [el("th", "Schedule", scope="col"), *(el("th", short_day(day), scope="col") for day in timeline.days())]
    rows = [
        el(
            "tr",
            el("th", name_of(row.schedule, row.title), scope="row"),
            (_day_cell(line, first, last) for line in chart.lines),
        )
        for row, chart in zip(timeline.rows, charts, strict=True)
    ]
    says = f"Each strip is a day from {_hour(first)} to {_hour(last)}; below it the bookings and the free hours."
    return el("table", el("caption", says), el("thead", el("tr", heads)), el("tbody", rows), class_="week")


def _hour(minute: int) -> str:
    return f"{minute // 60 % 24:02}:{minute % 60:02}" if minute != 1440 else "24:00"


def _day_cell(line: Line, first: int, last: int) -> Markup:
    booked = len(visits(line.layers))
    free = free_minutes(line)
    is_open = any(one.kind == "hours" for one in line.layers)
    if not is_open and not booked:
        said = "closed" if any(one.kind == "closure" for one in line.layers) else "not open"
    else:
        left = f"{hours_text(free)} free" if is_open else "not open"
        said = f"{booked} booked, {left}" if booked else left
    return el("td", strip_svg(line, first, last, f"{line.title}: {said}"), el("small", said))


def free_minutes(line: Line) -> int:
    """Open and not taken."""
    opened = intervals.from_pairs([(one.start, one.end) for one in line.layers if one.kind == "hours"])
    taken = intervals.from_pairs([(one.start, one.end) for one in line.layers if one.kind not in ("hours", "offer")])
    return intervals.measure(intervals.subtract(opened, taken))


def hours_text(minutes: int) -> str:
    """`6 h 20`, `40 min`."""
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02}" if minutes % 60 else f"{minutes // 60} h"


def heat_table(heat: HeatMap) -> Markup:
    """The free share of what is open; the paler, the more is free."""
    hours = heat.hours()
    heads = [el("td"), *(el("th", f"{hour:02}", scope="col") for hour in hours)]
    rows: list[Markup] = []
    for day, name in enumerate(DAYS):
        cells: list[Markup] = []
        for hour in hours:
            one = heat.cell(day, hour)
            if one.open == 0:
                cells.append(el("td"))
                continue
            share = 100 * one.free // one.open
            shown = f"{hours_text(one.free)} of {hours_text(one.open)} free"
            cells.append(el("td", f"{share}", class_=f"h{min(share // 20, 4)}", title=f"{name} {hour:02}:00, {shown}"))
        rows.append(el("tr", el("th", name, scope="row"), cells))
    says = "Free capacity in per cent of what is open, by weekday and hour. Empty: never open."
    return el("table", el("caption", says), el("thead", el("tr", heads)), el("tbody", rows), class_="heat")


def heat_scale() -> Markup:
    """What the shades mean."""
    texts = ("0–19", "20–39", "40–59", "60–79", "80–100")
    return el(
        "p", "Free, in %: ", (el("span", one, class_=f"scale h{at}") for at, one in enumerate(texts)), class_="key"
    )


def use_table(several: tuple[Utilisation, ...], name_of: Link = plain_name) -> Markup:
    """How the open time of each is used."""
    has_outside = any(one.outside for one in several)
    names = [
        "Open",
        "Booked",
        "Held",
        "Buffers",
        "Blocked",
        "Free",
        "Used",
        *(["Outside hours"] if has_outside else []),
    ]
    heads = [el("th", "Schedule", scope="col"), el("th", "Use of open time", scope="col")]
    heads += [el("th", name, scope="col", class_="n") for name in names]
    rows: list[Markup] = []
    for one in several:
        minutes = (one.open, one.booked, one.held, one.buffer, one.blocked, one.free)
        cells = [*map(_clock_text, minutes), "–" if one.used is None else f"{one.used:.0%}"]
        cells += [_clock_text(one.outside)] if has_outside else []
        rows.append(
            el(
                "tr",
                el("th", name_of(one.schedule, one.title), scope="row"),
                el("td", bar_svg(one)),
                (el("td", cell, class_="n") for cell in cells),
            )
        )
    says = "Hours and minutes. What several things take counts once: booked before held, buffers, blocked."
    return el("table", el("caption", says), el("thead", el("tr", heads)), el("tbody", rows))


def _clock_text(minutes: int) -> str:
    return f"{minutes // 60}:{minutes % 60:02}"


def chart_table(chart: Chart, timeline: Timeline) -> Markup:
    """The chart in words: everything that is drawn but single offers."""
    rows: list[Markup] = []
    for line in chart.lines:
        offered = sum(one.kind == "offer" for one in line.layers)
        told = [one for one in sorted(line.layers, key=lambda one: (one.start, one.end)) if one.kind != "offer"]
        rows += [
            el(
                "tr",
                el("th", line.title, scope="row"),
                el("td", f"{clock(one.start, timeline.zone)} – {clock(one.end, timeline.zone)}"),
                el("td", MEANINGS[one.kind]),
                el("td", one.label),
            )
            for one in told
        ]
        if offered:
            said = f"{offered} start{'' if offered == 1 else 's'}"
            rows.append(el("tr", el("th", line.title, scope="row"), el("td"), el("td", "offered"), el("td", said)))
    heads = [el("th", name, scope="col") for name in ("Line", "Time", "Kind", "What")]
    table = el("table", el("thead", el("tr", heads)), el("tbody", rows))
    return el("details", el("summary", f"{chart.title} as a table"), table)
