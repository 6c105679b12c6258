"""Local time for people: which zone a schedule or an appointment is read in, and moments as they are typed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Literal

from ..solver.civil import DAY_SECONDS, Zone, iso_date
from ..solver.errors import InvalidInputError
from . import mapping, urls
from .instants import dates, instant_ms, utc_text_ms, wall_ms
from .parameters import Resolved, extensions
from .references import Json, child, children, target
from .store import Store

_LOCAL = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)", re.ASCII)
_WORDS = {"yesterday": -1, "today": 0, "tomorrow": 1}


def resolved(store: Store, service_id: str, schedule_id: str) -> Resolved | None:
    """The parameters of a schedule for a service; None where they do not resolve: the operations say why."""
    service = store.prepared.service(service_id)
    examined = None if service is None else store.prepared.examine(schedule_id, service)
    found = None if examined is None else examined.parameters
    return found if isinstance(found, Resolved) else None


def zone_named(store: Store, name: str) -> Zone:
    """The zone of --timezone. Raises InvalidInputError."""
    zones = store.prepared.zones
    found = zones.get(name)
    if found is None:
        near = difflib.get_close_matches(name, zones.names(), n=3)
        hint = f"Did you mean {' or '.join(near)}?" if near else "Give an IANA name such as America/New_York."
        raise InvalidInputError(f"--timezone {name!r} is no time zone. {hint}")
    return found


def zone_of_schedule(store: Store, schedule_id: str, service_id: str | None = None) -> Zone:
    """Its resolved zone for the service, or else for the first service it lists; else its actor's; else UTC."""
    schedule = store.read(f"Schedule/{schedule_id}") or {}
    for id in [service_id] if service_id else list(_services(schedule)):
        found = resolved(store, id, schedule_id)
        if found is not None:
            return found.timezone.zone
    return next(_zones_of_actors(store, schedule), None) or zone_named(store, "Etc/UTC")


def zone_of_appointment(store: Store, appointment: Json) -> Zone:
    """That of its first Slot's schedule, else of the first participant who has one, else UTC."""
    service_id = next(iter(service_ids(appointment)), None)
    for schedule_id in schedule_ids(store, appointment):
        return zone_of_schedule(store, schedule_id, service_id)
    return next(_zones_of_actors(store, appointment), None) or zone_named(store, "Etc/UTC")


def _services(resource: Json) -> Iterator[str]:
    for concept in children(resource, "serviceType"):
        for reference in mapping.service_references(concept):
            found = target(reference)
            if found is not None and found.type == "HealthcareService":
                yield found.id


def service_ids(appointment: Json) -> list[str]:
    """The services an Appointment refers to, each once."""
    return list(dict.fromkeys(_services(appointment)))


def schedule_ids(store: Store, appointment: Json) -> list[str]:
    """The schedules of an Appointment's Slots, in order, each once; contained ones count before it is stored."""
    ids: dict[str, None] = {}
    stored = (store.read(f"Slot/{id}") for id in mapping.slot_ids(appointment))
    for slot in [*children(appointment, "contained"), *stored]:
        found = target(child(slot or {}, "schedule").get("reference"))
        if found is not None and found.type == "Schedule":
            ids[found.id] = None
    return list(ids)


def _zones_of_actors(store: Store, resource: Json) -> Iterator[Zone]:
    """The zones that a Schedule's actors, or an Appointment's participants, state."""
    actors = [*children(resource, "actor"), *(child(one, "actor") for one in children(resource, "participant"))]
    for actor in actors:
        reference = str(actor.get("reference"))
        # A patient may live in another zone than the visit.
        found = None if reference.startswith("Patient/") else store.read(reference)
        for _, extension in extensions(found or {}, urls.TIMEZONE):
            zone = store.prepared.zones.get(str(extension.get("valueCode")))
            if zone is not None:
                yield zone


def read_moment_ms(option: str, text: str, zone: Zone) -> int:
    """An instant, or a date and a time on the clock of `zone`. Raises InvalidInputError.

    A time that a change of the clock skips or repeats is refused: who types it must say which is meant.
    """
    at = instant_ms(text)
    if at is not None:
        return at
    match = _LOCAL.fullmatch(text.strip())
    days = dates(match[1]) if match else None
    wall = wall_ms(match[2]) if match else None
    if days is None or wall is None:
        raise InvalidInputError(
            f"{option} {text!r} is neither a local time such as 2026-03-10T09:00 nor an instant with an offset "
            "such as 2026-03-10T09:00:00-04:00."
        )
    found = _instants(days.first, wall // 1000, zone)
    if len(found) == 1:
        return found[0]
    if not found:
        raise InvalidInputError(
            f"{option} {text!r} does not exist in {zone.name}: the clocks skip it. Give a time before or after."
        )
    which = " or ".join(utc_text_ms(one) for one in found)
    raise InvalidInputError(f"{option} {text!r} happens twice in {zone.name}. Give {which}.")


def _instants(day: int, second: int, zone: Zone) -> list[int]:
    """The instants, in milliseconds, at which the clock of `zone` shows this: none, one or two."""
    wall = day * DAY_SECONDS + second
    # No offset is more than a day, so these two lie before and after any change at this time.
    offsets = {zone.offset(wall - DAY_SECONDS), zone.offset(wall + DAY_SECONDS)}
    return sorted((wall - one) * 1000 for one in offsets if zone.offset(wall - one) == one)


def read_bound_ms(option: str, text: str, zone: Zone, side: Literal["start", "end"]) -> int:
    """Like `read_moment_ms`; a date alone is the start, or the end, of that local day."""
    days = dates(text) if len(text) == 10 else None
    if days is None:
        return read_moment_ms(option, text, zone)
    return zone.day_start_ms(days.first if side == "start" else days.last)


def read_day(option: str, text: str, zone: Zone, now_ms: int) -> int:
    """A date, or today, tomorrow, yesterday, as days since 1970-01-01. Raises InvalidInputError."""
    if text.casefold() in _WORDS:
        return zone.local_day(now_ms // 60_000) + _WORDS[text.casefold()]
    days = dates(text) if len(text) == 10 else None
    if days is None:
        example = iso_date(zone.local_day(now_ms // 60_000))
        raise InvalidInputError(f"{option} {text!r} is no day. Write it as {example}, today or tomorrow.")
    return days.first
