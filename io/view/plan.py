"""A plan as a page: which requests are served and which are not, and each day before and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ...solver.civil import Zone
from ..plans.answers import SERVED, Answer
from ..store import Store
from .chart import day_chart, day_title, short_day
from .data import KINDS, Layer, Row, Timeline
from .markup import Child, Markup, el, text
from .page import Section, document, legend, scrolling
from .svg import chart_svg, clock
from .tables import chart_table
from .view import Wanted, timeline
from .words import plain, schedule_title

DAYS_MOST = 31
"""Days that are drawn; the table has all requests."""


def plan_page(store: Store, answers: Sequence[Answer], report: Sequence[str], zone: Zone, made: str) -> str:
    """The page; `report` are the sentences of the report, `made` says of what and when."""
    served = sum(one.status in SERVED for one in answers)
    lead = [el("p", f"{made} Times are those of {zone.name}.", class_="quiet")]
    sections = [
        Section("report", f"{served} of {len(answers)} served", [el("p", one) for one in report]),
        Section("requests", "Requests", _requests(store, answers, zone)),
        Section("days", "Before and after", _days(store, answers, zone)),
    ]
    return document("Plan", lead, sections)


def _requests(store: Store, answers: Sequence[Answer], zone: Zone) -> Child:
    """Those that are not served first: they are what somebody has to look at."""
    missing = [one for one in answers if one.status not in SERVED]
    placed = [one for one in answers if one.status in SERVED]
    parts: list[Child] = []
    if missing:
        rows = [
            el(
                "tr",
                el("th", _shown(one), scope="row"),
                el("td", one.status),
                el("td", plain(one.reason or "")),
            )
            for one in missing
        ]
        parts.append(scrolling(_table(("Request", "Status", "Why"), rows, "Without a time"), "Requests without a time"))
    if placed:
        moves = any(one.before is not None for one in placed)
        heads = ("Request", "Status", "Day", "Time", "With", *(("Before",) if moves else ()))
        rows = [el("tr", _placed(store, one, zone, moves=moves)) for one in placed]
        parts.append(scrolling(_table(heads, rows, "With a time"), "Requests with a time"))
    return parts or el("p", "There were no requests.")


def _shown(answer: Answer) -> str:
    return plain(answer.id.removeprefix("Appointment/"))


def _table(heads: Sequence[str], rows: Sequence[Markup], says: str) -> Markup:
    return el(
        "table",
        el("caption", says),
        el("thead", el("tr", (el("th", one, scope="col") for one in heads))),
        el("tbody", rows),
    )


def _placed(store: Store, one: Answer, zone: Zone, *, moves: bool) -> Iterator[Markup]:
    assert one.start is not None and one.end is not None
    yield el("th", _shown(one), scope="row")
    yield el("td", one.status)
    yield el("td", short_day(zone.local_day(one.start)))
    yield el("td", f"{clock(one.start, zone)} – {clock(one.end, zone)}")
    yield el("td", ", ".join(_titles(store, one.schedules)))
    if moves:
        before = one.before
        said = ""
        if before is not None:
            names = ", ".join(_titles(store, before.schedules))
            said = f"{short_day(zone.local_day(before.start))}, {clock(before.start, zone)}, {names}"
        yield el("td", said)


def _titles(store: Store, ids: Sequence[str]) -> list[str]:
    found = ((id, store.read(f"Schedule/{id}")) for id in ids)
    return [plain(id) if one is None else schedule_title(store, one) for id, one in found]


def _days(store: Store, answers: Sequence[Answer], zone: Zone) -> Child:
    """Every day on which something is placed or was moved from, with the schedules concerned."""
    concerned: dict[int, dict[str, None]] = {}
    for one in answers:
        for start, schedules in _times(one):
            concerned.setdefault(zone.local_day(start), {}).update(dict.fromkeys(schedules))
    parts: list[Child] = []
    for number, day in enumerate(sorted(concerned)[:DAYS_MOST]):
        wanted = Wanted([[id] for id in concerned[day]], zone, day)
        parts.append(_day(timeline(store, wanted), answers, day, f"day{number}"))
    if len(concerned) > DAYS_MOST:
        parts.append(el("p", f"{len(concerned) - DAYS_MOST} more days are not drawn."))
    return parts or el("p", "Nothing has a time, so that there is nothing to draw.")


def _times(one: Answer) -> Iterator[tuple[int, Sequence[str]]]:
    if one.start is not None and one.status in SERVED:
        yield one.start, one.schedules
    if one.before is not None:
        yield one.before.start, one.before.schedules


def _day(before: Timeline, answers: Sequence[Answer], day: int, name: str) -> Markup:
    own = {reference for one in answers for reference in _references(one)}
    base = replace(before, rows=tuple(_without(row, own) for row in before.rows))
    charts = [
        ("Before", replace(base, rows=tuple(_with(row, answers, is_after=False) for row in base.rows))),
        ("After", replace(base, rows=tuple(_with(row, answers, is_after=True) for row in base.rows))),
    ]
    drawn = {one.kind for _, shown in charts for row in shown.rows for one in row.layers}
    parts: list[Child] = [el("h3", day_title(day)), legend([kind for kind in KINDS if kind in drawn])]
    for word, shown in charts:
        chart = replace(day_chart(shown, day), title=f"{word}, {day_title(day)}")
        picture = chart_svg(chart, shown.zone, f"{name}-{word.lower()}")
        parts += [el("p", word), scrolling(picture, chart.title), chart_table(chart, shown)]
    return text(parts)


def _references(one: Answer) -> Iterator[str]:
    """The Appointments that the plan made or moved: they are drawn from its answers."""
    for name in (one.appointment, one.id if one.id.startswith("Appointment/") or one.row is None else None):
        if name is not None and one.status != "not-moved":
            yield f"Appointment/{name.removeprefix('Appointment/')}"


def _without(row: Row, references: set[str]) -> Row:
    return replace(row, layers=tuple(one for one in row.layers if one.source not in references))


def _with(row: Row, answers: Sequence[Answer], *, is_after: bool) -> Row:
    added: list[Layer] = []
    for one in answers:
        if one.status not in SERVED:
            continue
        before, start, end = one.before, one.start, one.end
        if is_after and one.status != "kept" and start is not None and end is not None:
            added += [Layer("placed", start, end, _shown(one))] if row.schedule in one.schedules else []
        elif before is not None and row.schedule in before.schedules:
            added.append(Layer("booking", before.start, before.end, _shown(one)))
    return replace(row, layers=(*row.layers, *added))
