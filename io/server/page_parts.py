"""The live page as HTML: the week, one schedule of it, and forms to find, book and cancel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from urllib.parse import urlencode

import orjson

from ...solver.civil import Zone, iso_date, weekday
from .. import names
from ..instants import dates, instant_ms
from ..ledger.state import State
from ..listing import commonest_zone
from ..local import schedule_ids as schedules_of
from ..local import zone_of_appointment
from ..references import Json, child, children, target
from ..view.chart import day_title, short_day, span_title, visits
from ..view.data import Row
from ..view.markup import Child, Markup, el, text
from ..view.page import Section, document, glance_part, scrolling, timeline_part
from ..view.svg import clock
from ..view.view import Wanted, schedule_ids, timeline
from ..view.words import plain, schedule_title, service_title, visit_title
from .sessions import FORM_CODE, Visitor

COUNT = 20
"""Offers of one find."""

LISTED = 50
"""Schedules of one page."""

SEARCHED = 7
"""Days that a find looks at."""


class Shown(NamedTuple):
    """What the page is to show: fields of its address or of the form that was sent."""

    week: str = ""
    schedule: str = ""
    service: str = ""
    first: str = ""
    done: str = ""

    @classmethod
    def of(cls, fields: Mapping[str, Sequence[str]]) -> Shown:
        return cls(*(next(iter(fields.get(name, ())), "") for name in cls._fields))

    def address(self, **changed: str) -> str:
        """Where it is shown with something else; what is done is told once."""
        said = self._replace(done="")._replace(**changed)
        given = {name: value for name, value in said._asdict().items() if value}
        return f"/?{urlencode(given)}" if given else "/"


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to the find form: what was asked, the proposed Appointments, and the patient typed beside them."""

    pools: Sequence[str] = ()
    start: str = ""
    patient: str = ""
    offers: Sequence[Json] = field(default_factory=list[Json])


@dataclass(frozen=True, slots=True)
class Asked:
    """One page to be made: for whom, of what, and what happened before. `key` names what is booked from it."""

    visitor: Visitor
    shown: Shown
    can_book: bool
    key: str
    found: Found | None = None
    alert: str = ""


def sign_in_page(visitor: Visitor, alert: str) -> str:
    """What somebody sees who has not signed in."""
    said = el("p", alert, class_="alert", role="alert") if alert else ""
    # Browsers that keep tokens want to know whose they are.
    user = el("input", name="user", value="slotwright", autocomplete="username", hidden=True, aria_label="User")
    token = el("input", type="password", name="token", id="token", required=True, autocomplete="current-password")
    label = el("div", el("label", "Token", for_="token"), token)
    form = _form("/sign-in", visitor, el("div", user, label, el("button", "Sign in"), class_="fields"))
    lead = el("p", "This calendar asks for a token. It is kept in this browser until you sign out.")
    return document("Sign in", lead, [Section("sign-in", "Your token", [said, form])], policy=None)


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
        parts.append(_form("/sign-out", asked.visitor, el("p", said, " ", button), is_card=False))
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
    yield Section("find", "Find a time", _find(state, asked, shown, week.zone, max(today, week.first_day)))
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
    return _form("/cancel", asked.visitor, [_hidden(shown), _field("id", id), button], is_card=False)


# Finding


def _find(state: State, asked: Asked, shown: Shown, zone: Zone, first: int) -> Child:
    """The service first, which decides whom can be asked for."""
    services = [one for one in state.resources("HealthcareService") if one.get("active") is not False]
    if not services:
        return el("p", "There is no service to find times for.")
    chosen = next((one["id"] for one in services if one["id"] == shown.service), services[0]["id"])
    links = (
        el(
            "li",
            el(
                "a",
                plain(names.show(names.service_names(one), one["id"])),
                href=f"{shown.address(service=one['id'])}#find",
                aria_current="true" if one["id"] == chosen else None,
            ),
        )
        for one in services
    )
    parts: list[Child] = [
        el("nav", el("ul", links), aria_label="Services"),
        _find_form(state, asked, shown, chosen, first),
    ]
    if asked.found is not None:
        parts.append(_offers(asked, shown, chosen, zone))
    return parts


def _find_form(state: State, asked: Asked, shown: Shown, service: str, first: int) -> Markup:
    found = asked.found or Found()
    groups: dict[str, list[Json]] = {}
    for id in schedule_ids(state, service):
        schedule = state.read(f"Schedule/{id}") or {}
        actor = target(child({"a": (children(schedule, "actor") or [{}])[0]}, "a").get("reference"))
        groups.setdefault("Schedule" if actor is None else plain(actor.type), []).append(schedule)
    fields: list[Markup] = []
    everyone = [one for group in groups.values() for one in group]
    pools = [*groups.items(), ("And also", everyone)]
    for place, (name, group) in enumerate(pools):
        wanted = found.pools[place] if place < len(found.pools) else None
        fields.append(_select(state, place, name, group, wanted, is_more=place == len(groups)))
    start = el("input", type="date", name="from", id="from", value=found.start or iso_date(first), required=True)
    fields.append(el("div", el("label", "From", for_="from"), start))
    fields.append(el("button", "Find times"))
    legend = f"{service_title(state, service)}: who, and from when"
    return _form(
        "/find",
        asked.visitor,
        [
            _hidden(shown._replace(service=service)),
            el("fieldset", el("legend", legend), el("div", fields, class_="fields")),
        ],
        is_card=False,
    )


def _select(state: State, place: int, name: str, group: Sequence[Json], wanted: str | None, *, is_more: bool) -> Markup:
    """One pool: any of a kind, one of them, or nobody."""
    everyone = ",".join(one["id"] for one in group)
    options = (
        [] if is_more else [(everyone, f"any of {len(group)}" if len(group) > 1 else schedule_title(state, group[0]))]
    )
    if is_more or len(group) > 1:
        options += [(one["id"], schedule_title(state, one)) for one in group]
    options = [("", "nobody else"), *options] if is_more else [*options, ("", "nobody")]
    chosen = wanted if wanted is not None else options[0][0]
    id = f"pool-{place}"
    made = (el("option", title, value=value, selected=value == chosen) for value, title in options)
    return el("div", el("label", name, for_=id), el("select", made, name="pool", id=id))


def _offers(asked: Asked, shown: Shown, service: str, zone: Zone) -> Child:
    found = asked.found
    assert found is not None
    if not found.offers:
        return el("p", f"Nothing is free in the {SEARCHED} days from {found.start}.", role="status")
    rows = [_offer_row(asked, one, place, zone) for place, one in enumerate(found.offers)]
    heads = ("Day", "Time", "With", *(("Book",) if asked.can_book else ()))
    caption = f"{len(found.offers)} offer{'' if len(found.offers) == 1 else 's'}" + (
        ", the first ones" if len(found.offers) == COUNT else ""
    )
    table = el(
        "table",
        el("caption", caption),
        el("thead", el("tr", (el("th", one, scope="col") for one in heads))),
        el("tbody", rows),
    )
    if not asked.can_book:
        return scrolling(table, "Offers")
    patient = el(
        "div",
        el("label", "Patient, by name or id (may stay empty)", for_="patient"),
        el("input", name="patient", id="patient", autocomplete="off", value=found.patient or None),
    )
    kept = [_field(f"appointment-{place}", orjson.dumps(one).decode()) for place, one in enumerate(found.offers)]
    kept += [_field("pool", one) for one in found.pools] + [_field("from", found.start)]
    keys = [_field(f"key-{place}", f"{asked.key}-{place}") for place in range(len(found.offers))]
    # The Enter key in a field presses the first button of a form: this one, which does nothing.
    nothing = el("button", "Choose a time", disabled=True, hidden=True)
    content = [nothing, _hidden(shown._replace(service=service)), kept, keys, el("div", patient, class_="fields")]
    return _form("/book", asked.visitor, [content, scrolling(table, "Offers")], is_card=False)


def _offer_row(asked: Asked, offer: Json, place: int, zone: Zone) -> Markup:
    start, end = ((instant_ms(offer.get(name)) or 0) // 60_000 for name in ("start", "end"))
    actors = [child(one, "actor") for one in children(offer, "participant")]
    with_ = ", ".join(plain(one.get("display") or one.get("reference") or "") for one in actors)
    day, when = short_day(zone.local_day(start)), f"{clock(start, zone)} – {clock(end, zone)}"
    cells = [el("th", day, scope="row"), el("td", when), el("td", with_)]
    if asked.can_book:
        said = f"Book {day}, {when}, with {with_}"
        button = el("button", "Book", class_="slim", name="offer", value=str(place), aria_label=said)
        cells.append(el("td", button))
    return el("tr", cells)


# Forms


def _form(action: str, visitor: Visitor, *content: Child, is_card: bool = True) -> Markup:
    """A form with the code that proves it is of this browser."""
    code = _field(FORM_CODE, visitor.code)
    return el("form", code, content, action=action, method="post", class_="card" if is_card else None)


def _field(name: str, value: str) -> Markup:
    return el("input", type="hidden", name=name, value=value)


def _hidden(shown: Shown) -> Markup:
    """Where the page goes on after the form."""
    given = ((name, value) for name, value in shown._asdict().items() if value and name != "done")
    return text([_field(name, value) for name, value in given])
