"""The live page as HTML: the week, one schedule of it, and forms to find, book and cancel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ...solver.civil import Zone, iso_date, weekday
from ..instants import dates, instant_ms
from ..ledger.state import State
from ..listing import commonest_zone
from ..local import schedule_ids as schedules_of
from ..local import zone_of_appointment
from ..references import Json
from ..view.chart import day_title, short_day, span_title, visits
from ..view.data import Row
from ..view.markup import Child, Markup, el
from ..view.page import Section, document, glance_part, scrolling, timeline_part
from ..view.svg import clock
from ..view.view import Wanted, schedule_ids, timeline
from ..view.words import plain, schedule_title, visit_title
from .page_find import find_part
from .page_forms import Asked, Shown, field, form, hidden
from .sessions import Visitor

LISTED = 50
"""Schedules of one page."""


def sign_in_page(visitor: Visitor, alert: str) -> str:
    """What somebody sees who has not signed in."""
    said = el("p", alert, class_="alert", role="alert") if alert else ""
    # Browsers that keep tokens want to know whose they are.
    user = el("input", name="user", value="slotwright", autocomplete="username", hidden=True, aria_label="User")
    token = el("input", type="password", name="token", id="token", required=True, autocomplete="current-password")
    label = el("div", el("label", "Token", for_="token"), token)
    sent = form("/sign-in", visitor, el("div", user, label, el("button", "Sign in"), class_="fields"))
    lead = el("p", "This calendar asks for a token. It is kept in this browser until you sign out.")
    return document("Sign in", lead, [Section("sign-in", "Your token", [said, sent])], policy=None)


def page(state: State, asked: Asked) -> str:
    """The whole page. Raises Refusal for what the store refuses."""
    zone = commonest_zone(state)
    now_ms = int(state.now().timestamp() * 1000)
    today = zone.local_day(now_ms // 60_000)
    given = dates(asked.shown.week) if len(asked.shown.week) == 10 else None
    day = today if given is None else given.first
    monday = day - weekday(day)
    shown = asked.shown._replace(week=iso_date(monday))
    week = Wanted([], zone, monday, 7)
    title = f"Week of {span_title(range(monday, monday + 7))}"
    sections = list(_sections(state, asked, shown, week, today))
    return document(title, _lead(asked, shown, zone, monday), sections, policy=None)


def _lead(asked: Asked, shown: Shown, zone: Zone, monday: int) -> Child:
    links = [
        ("Week before", shown.address(week=iso_date(monday - 7))),
        ("This week", shown.address(week="")),
        ("Week after", shown.address(week=iso_date(monday + 7))),
    ]
    parts: list[Child] = [
        el("p", f"Times are those of {zone.name}.", class_="quiet"),
        el("nav", el("ul", (el("li", el("a", name, href=to)) for name, to in links)), aria_label="Weeks"),
    ]
    holder = asked.visitor.holder
    if holder is not None:
        said = f"Signed in as {plain(holder.subject)} ({holder.role.name.lower()})."
        button = el("button", "Sign out", class_="slim")
        parts.append(form("/sign-out", asked.visitor, el("p", said, " ", button), is_card=False))
    return parts


def _sections(state: State, asked: Asked, shown: Shown, week: Wanted, today: int) -> Iterator[Section]:
    said = [el("p", asked.alert, class_="alert", role="alert")] if asked.alert else []
    told = _told(state, asked, shown)
    if said or told:
        yield Section("said", "What happened", [said, told])
    everyone = schedule_ids(state)
    if shown.schedule in everyone:
        one = timeline(state, replace(week, schedules=[[shown.schedule]]))
        content = [timeline_part(one, "one"), _bookings(asked, shown, one.rows[0], week.zone)]
        yield Section("schedule", one.rows[0].title, content)
    yield Section("find", "Find a time", find_part(state, asked, shown, week.zone, max(today, week.first_day)))
    yield Section("week", "The week", _week(state, shown, week, everyone))


def _week(state: State, shown: Shown, week: Wanted, everyone: Sequence[str]) -> Child:
    """The week at a glance, so many schedules at a time."""
    first = int(shown.first) if shown.first.isascii() and shown.first.isdigit() and len(shown.first) < 9 else 0
    first = first if first < len(everyone) else 0
    listed = everyone[first : first + LISTED]
    drawn = timeline(state, replace(week, schedules=[[id] for id in listed]))

    def link(schedule: str, title: str) -> Markup:
        return el("a", title, href=f"{shown.address(schedule=schedule)}#schedule")

    content = glance_part(drawn, link)
    if len(listed) == len(everyone):
        return content
    steps = [("The ones before", max(first - LISTED, 0))] if first else []
    steps += [("The ones after", first + LISTED)] if first + LISTED < len(everyone) else []
    links = (el("li", el("a", name, href=f"{shown.address(first=str(to) if to else '')}#week")) for name, to in steps)
    where = el("p", f"Schedules {first + 1} to {first + len(listed)} of {len(everyone)}.", class_="quiet")
    return [where, el("nav", el("ul", links), aria_label="More schedules"), content]


# What happened


def _told(state: State, asked: Asked, shown: Shown) -> Child:
    """How the Appointment stands that was booked or cancelled just now."""
    appointment = state.read(f"Appointment/{shown.done}") if shown.done else None
    if appointment is None:
        return ""
    status = str(appointment.get("status"))
    word = {"booked": "Booked", "cancelled": "Cancelled", "pending": "Held"}.get(status, plain(status))
    said = f"{word}: {described(state, appointment)}."
    cancel = _cancel(asked, shown, str(appointment["id"]), said) if status in ("booked", "pending") else ""
    return el("div", el("p", said), cancel, class_="done", role="status")


def described(state: State, appointment: Json) -> str:
    """`Check-up · Ann Lee, Tuesday 10 March 2026, 09:00 – 09:30, with Dr. Ames`."""
    zone = zone_of_appointment(state, appointment)
    start, end = (instant_ms(appointment.get(name)) for name in ("start", "end"))
    parts = [visit_title(state, appointment, with_patients=True).removesuffix(" · cancelled")]
    if start is not None and end is not None:
        first, last = start // 60_000, -(-end // 60_000)
        parts += [day_title(zone.local_day(first)), f"{clock(first, zone)} – {clock(last, zone)}"]
    found = (state.read(f"Schedule/{id}") for id in schedules_of(state, appointment))
    with_ = [schedule_title(state, one) for one in found if one is not None]
    return ", ".join([*parts, *([f"with {', '.join(with_)}"] if with_ else [])])


def _bookings(asked: Asked, shown: Shown, row: Row, zone: Zone) -> Child:
    """The visits of a schedule, each with a button to cancel it."""
    found = {one.source: one for one in reversed(visits(row.layers)) if one.source.startswith("Appointment/")}
    if not found:
        return el("p", "Nothing is booked in this week.")
    rows: list[Markup] = []
    for source, one in reversed(found.items()):
        when = f"{clock(one.start, zone)} – {clock(one.end, zone)}"
        day = short_day(zone.local_day(one.start))
        cells = [el("th", day, scope="row"), el("td", when), el("td", one.label)]
        cells.append(el("td", "held" if one.kind == "hold" else "booked"))
        if asked.can_book:
            named = f"{one.label}, {day}, {when}"
            cells.append(el("td", _cancel(asked, shown, source.removeprefix("Appointment/"), named)))
        rows.append(el("tr", cells))
    names_of = ("Day", "Time", "What", "Status", *(("Cancel",) if asked.can_book else ()))
    heads = el("thead", el("tr", (el("th", name, scope="col") for name in names_of)))
    table = el("table", el("caption", "Visits of this week"), heads, el("tbody", rows))
    return scrolling(table, "Visits of this week")


def _cancel(asked: Asked, shown: Shown, id: str, what: str) -> Child:
    if not asked.can_book:
        return ""
    button = el("button", "Cancel", class_="slim", aria_label=f"Cancel: {what}")
    return form("/cancel", asked.visitor, [hidden(shown), field("id", id), button], is_card=False)
