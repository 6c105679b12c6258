"""The part of the live page that finds times: who is needed, from when, and the offers with a button to book each."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from ...solver.civil import Zone, iso_date
from .. import names
from ..instants import instant_ms
from ..ledger.state import State
from ..references import Json, child, children, target
from ..view.chart import short_day
from ..view.markup import Child, Markup, el
from ..view.page import scrolling
from ..view.svg import clock
from ..view.view import schedule_ids
from ..view.words import plain, schedule_title, service_title
from .page_forms import Asked, Found, Shown, field, form, hidden

COUNT = 20
"""Offers of one find."""

SEARCHED = 7
"""Days that a find looks at."""


def find_part(state: State, asked: Asked, shown: Shown, zone: Zone, first: int) -> Child:
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
        _fields_of(state, asked, shown, chosen, first),
    ]
    if asked.found is not None:
        parts.append(_offers(asked, shown, chosen, zone))
    return parts


def _fields_of(state: State, asked: Asked, shown: Shown, service: str, first: int) -> Markup:
    found = asked.found or Found()
    groups: dict[str, list[Json]] = {}
    for id in schedule_ids(state, service):
        schedule = state.read(f"Schedule/{id}") or {}
        actor = target((children(schedule, "actor") or [{}])[0].get("reference"))
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
    return form(
        "/find",
        asked.visitor,
        [
            hidden(shown._replace(service=service)),
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
    kept = [field(f"appointment-{place}", orjson.dumps(one).decode()) for place, one in enumerate(found.offers)]
    kept += [field("pool", one) for one in found.pools] + [field("from", found.start)]
    keys = [field(f"key-{place}", f"{asked.key}-{place}") for place in range(len(found.offers))]
    # The Enter key in a field presses the first button of a form: this one, which does nothing.
    nothing = el("button", "Choose a time", disabled=True, hidden=True)
    content = [nothing, hidden(shown._replace(service=service)), kept, keys, el("div", patient, class_="fields")]
    return form("/book", asked.visitor, [content, scrolling(table, "Offers")], is_card=False)


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
