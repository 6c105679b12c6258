"""Whole pages: one HTML document with everything in it, no script, nothing from the network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .chart import day_chart, span_title, week_chart
from .data import KINDS, MEANINGS, Kind, Timeline, View
from .markup import Child, Markup, el, text
from .style import style_digest, style_sheet
from .svg import chart_svg, patterns, swatch
from .tables import Link, chart_table, heat_scale, heat_table, plain_name, use_table, week_table

POLICY = f"default-src 'none'; style-src {style_digest()}; base-uri 'none'; form-action 'none'"
"""What a page may load: its own style, and nothing else."""


class Section(NamedTuple):
    """A part of a page, with its heading; `id` names it in addresses."""

    id: str
    title: str
    content: Child


def document(title: str, lead: Child, sections: Sequence[Section], *, policy: str | None = POLICY) -> str:
    """The document. `policy` None: it is sent as a header, as it has to be where it names more than a file can."""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", http_equiv="Content-Security-Policy", content=policy) if policy is not None else "",
        el("meta", name="referrer", content="same-origin"),
        el("meta", name="generator", content="slotwright"),
        el("title", title),
        # A style sheet is no text to be escaped, and nothing that anybody typed is in it.
        el("style", Markup(style_sheet())),
    )
    links = el("ul", (el("li", el("a", one.title, href=f"#{one.id}")) for one in sections))
    body = el(
        "body",
        el("a", "Skip to the content", href="#content", class_="skip"),
        patterns(),
        el("header", el("h1", title), lead),
        el("nav", links, aria_label="Parts of this page") if len(sections) > 1 else "",
        el("main", (_section(one) for one in sections), id="content", tabindex="-1"),
    )
    return f"<!DOCTYPE html>\n{el('html', head, body, lang='en')}\n"


def _section(one: Section) -> Markup:
    return el("section", el("h2", one.title, id=one.id), one.content, aria_labelledby=one.id)


def view_page(view: View, made: str) -> str:
    """A view as a file; `made` says of what and when."""
    timeline = view.timeline
    days = timeline.days()
    title = span_title(days) if view.service is None else f"{view.service}, {span_title(days)}"
    lead = el("p", f"{made} Times are those of {timeline.zone.name}.", class_="quiet")
    what = "The day" if len(days) == 1 else "The week"
    sections = [
        Section("timeline", what, timeline_part(timeline, "chart")),
        Section("capacity", "Free capacity", capacity_part(view)),
        Section("use", "Utilisation", use_part(view)),
    ]
    return document(title, lead, sections)


def timeline_part(timeline: Timeline, name: str) -> Markup:
    """A day by schedules, a week of one, or the week at a glance; `name` begins the ids in it."""
    days = timeline.days()
    if len(days) > 1 and len(timeline.rows) != 1:
        return glance_part(timeline)
    of_week = len(days) > 1
    chart = week_chart(timeline, timeline.rows[0]) if of_week else day_chart(timeline, days[0])
    content = [scrolling(chart_svg(chart, timeline.zone, name), chart.title), chart_table(chart, timeline)]
    return _with_legend(timeline, content)


def glance_part(timeline: Timeline, name_of: Link = plain_name) -> Markup:
    """The week of several schedules at a glance."""
    return _with_legend(timeline, scrolling(week_table(timeline, name_of), "The week at a glance"))


def _with_legend(timeline: Timeline, content: Child) -> Markup:
    """What was drawn, between the legend and what could not be drawn."""
    if len(timeline.rows) == 0:
        return el("p", "There are no schedules to show.")
    kinds = {one.kind for row in timeline.rows for one in row.layers}
    parts: list[Child] = [legend([kind for kind in KINDS if kind in kinds]), content]
    notes = dict.fromkeys(f"{row.title} ({row.schedule}): {row.note}" for row in timeline.rows if row.note)
    if notes:
        parts += [el("h3", "Notes"), el("ul", (el("li", note) for note in notes))]
    return text(parts)


def capacity_part(view: View) -> Markup:
    return text([el("p", _counted(view), class_="quiet"), scrolling(heat_table(view.heat), "Heat map"), heat_scale()])


def use_part(view: View) -> Markup:
    if not view.utilisation:
        return el("p", "There are no schedules to count.")
    return text([el("p", _counted(view), class_="quiet"), scrolling(use_table(view.utilisation), "Use of open time")])


def _counted(view: View) -> str:
    zone = view.heat.zone
    days = range(zone.local_day(view.heat.start), zone.local_day(view.heat.end - 1) + 1)
    return f"Counted over {span_title(days)}."


def legend(kinds: Sequence[Kind]) -> Markup:
    return el("ul", (el("li", swatch(kind), MEANINGS[kind]) for kind in kinds), class_="legend", aria_label="Legend")


def scrolling(content: Child, name: str) -> Markup:
    """What may be wider than the window: it can be reached and moved by keyboard."""
    return el("div", content, class_="scroll", role="region", aria_label=name, tabindex="0")
