"""Appointments as people read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from ..io import names, urls
from ..io.instants import instant_ms
from ..io.local import service_ids
from ..io.mapping import hold_expires_ms, slot_ids
from ..io.references import child, children, target
from .text import columns, count, moment_ms, printable, span_ms

if TYPE_CHECKING:
    from ..io.references import Json
    from ..io.store import Store
    from ..solver.civil import Zone


def service_title(store: Store, appointment: Json) -> str:
    """What is done: the service's name, or what the Appointment itself says."""
    for id in service_ids(appointment):
        service = store.read(f"HealthcareService/{id}")
        if service is not None:
            return printable(names.show(names.service_names(service), id))
    said = next(names.service_names({"type": appointment.get("serviceType")}), None)
    return printable(said or next(iter(service_ids(appointment)), "Appointment"))


def span(appointment: Json, zone: Zone) -> str:
    return span_ms(instant_ms(appointment.get("start")), instant_ms(appointment.get("end")), zone)


def headline(store: Store, appointment: Json, zone: Zone) -> str:
    """`Check-up, Tue 10 Mar 2026, 09:00 – 09:30 EDT`."""
    return f"{service_title(store, appointment)}, {span(appointment, zone)}"


def participants(store: Store, appointment: Json) -> Iterator[tuple[str, str]]:
    """Type and name of everyone who takes part."""
    for participant in children(appointment, "participant"):
        actor = child(participant, "actor")
        reference = actor.get("reference")
        named = target(reference)
        found = store.read(str(reference)) if named is not None else None
        called = [*_said(actor), *names.resource_names(found or {}), *_said({"display": reference})]
        if called:
            yield printable(named.type if named is not None else "Participant"), printable(called[0])


def _said(actor: Json) -> list[str]:
    display: Any = actor.get("display")
    return [display] if isinstance(display, str) and display.strip() else []


def patients(store: Store, appointment: Json) -> str:
    return ", ".join(name for kind, name in participants(store, appointment) if kind == "Patient")


def others(store: Store, appointment: Json) -> str:
    return ", ".join(name for kind, name in participants(store, appointment) if kind != "Patient")


def status_text(appointment: Json, zone: Zone, now_ms: int) -> str:
    """The status; of a hold also how long it lasts."""
    status = printable(appointment.get("status", ""))
    lapses_ms = hold_expires_ms(appointment)
    if lapses_ms is None:
        return status
    return f"{status}, {'expired' if lapses_ms <= now_ms else 'held until'} {moment_ms(lapses_ms, zone)}"


def short_status(appointment: Json, now_ms: int) -> str:
    """The status in a word or two."""
    lapses_ms = hold_expires_ms(appointment)
    expired = ", expired" if lapses_ms is not None and lapses_ms <= now_ms else ""
    return f"{printable(appointment.get('status', ''))}{expired}"


def schedule_title(store: Store, id: str) -> str:
    """`Dr. Petra Novak (dr-novak)`."""
    schedule = store.read(f"Schedule/{id}")
    name = None if schedule is None else next(names.schedule_names(store, schedule), None)
    return printable(id if name is None else f"{name} ({id})")


def detail_rows(store: Store, appointment: Json, *, id: str | None) -> list[tuple[str, str]]:
    """What is said of an Appointment below its headline."""
    rows = [("Appointment", printable(id))] if id is not None else []
    rows += participants(store, appointment)
    reason: Any = child(appointment, "cancelationReason").get("text")
    if reason and appointment.get("status") == "cancelled":
        rows.append(("Reason", printable(reason)))
    if appointment.get("comment"):
        rows.append(("Comment", printable(appointment["comment"])))
    for one in children(appointment, "identifier"):
        if one.get("system") == urls.SERIES:
            rows.append(("Series", printable(one.get("value") or "")))
        else:
            rows.append(("Identifier", printable(identifier_text(one))))
    return rows


def identifier_text(identifier: Json) -> str:
    """As it is typed: value or system|value."""
    return "|".join(str(part) for part in (identifier.get("system"), identifier.get("value")) if part)


def slot_rows(store: Store, appointment: Json, zone: Zone) -> list[tuple[str, str]]:
    """The Slots an Appointment takes, by schedule."""
    rows: list[tuple[str, str]] = []
    for id in slot_ids(appointment):
        slot = store.read(f"Slot/{id}")
        if slot is None:
            continue
        named = target(child(slot, "schedule").get("reference"))
        where = schedule_title(store, named.id) if named is not None else "?"
        times = span_ms(instant_ms(slot.get("start")), instant_ms(slot.get("end")), zone)
        comment = f", {printable(slot['comment'])}" if slot.get("comment") else ""
        rows.append(("Slot", f"{where}: {times}, {printable(slot.get('status'))}{comment}"))
    return rows


def print_rows(rows: Sequence[Sequence[str]]) -> None:
    for line in columns(rows, indent="  ") if rows else ():
        click.echo(line)


def print_booked(
    store: Store,
    verb: str,
    appointments: Sequence[Json],
    zone: Zone,
    *,
    with_id: bool = True,
    more: Sequence[tuple[str, str]] = (),
) -> None:
    """One booking and its people, or a series with its times first."""
    first = appointments[0]
    if len(appointments) == 1:
        click.echo(f"{verb}: {headline(store, first, zone)}")
        print_rows([*detail_rows(store, first, id=first.get("id") if with_id else None), *more])
        return
    click.echo(f"{verb}: {service_title(store, first)}, {count(len(appointments), 'visit')}")
    print_rows([(span(one, zone), printable(one.get("id", "")) if with_id else "") for one in appointments])
    print_rows(detail_rows(store, first, id=None))
