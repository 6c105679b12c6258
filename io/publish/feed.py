"""What a feed holds: Locations, a Schedule for each schedule and service, and a Slot for each start `$find` offers.

Offers that overlap stay Slots that overlap: a feed lists starts, and a booking takes some of them away. The times are
those of each schedule alone; a service that needs several schedules at once is a question for `$find`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import quote

from ...solver.civil import DAY_MINUTES, iso_date, weekday
from ...solver.remaining import remaining
from ..errors import InvalidRequest, Refusal
from ..instants import ceil_minute, utc_text
from ..mapping import is_schedulable
from ..operations.find import FindAnswer, FindRequest, find
from ..operations.request import RawMember, RawPool
from ..outcome import outcome_of
from ..prepared import Examined, Service
from ..references import Json, child, children, target
from ..store import Store

BOOKING_LINK = "http://fhir-registry.smarthealthit.org/StructureDefinition/booking-deep-link"
BOOKING_PHONE = "http://fhir-registry.smarthealthit.org/StructureDefinition/booking-phone"
CAPACITY = "http://fhir-registry.smarthealthit.org/StructureDefinition/slot-capacity"
_ID_MOST = 64
_SITE_MOST = 8
"""How many `partOf` are followed to a place with an address."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be published.

    Attributes
    ----------
    days
        How far ahead, from now.
    services, schedules
        Ids; empty means all.
    booking_url
        Where a person books; `{schedule}`, `{service}` and `{start}` stand for those of the Slot.
    booking_phone
        Whom a person calls.
    """

    days: int = 28
    services: Sequence[str] = ()
    schedules: Sequence[str] = ()
    booking_url: str | None = None
    booking_phone: str | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """Resources to publish; `slots` by the name of their file, one for each week (UTC) in which they start."""

    locations: list[Json]
    schedules: list[Json]
    slots: dict[str, list[Json]]
    errors: list[Json]


class _Pair(NamedTuple):
    """A schedule and a service it can be booked for, and the place where that is."""

    examined: Examined
    service: Service
    place: Json


def feed(store: Store, wanted: Wanted, *, now: datetime, progress: Callable[[int], None] | None = None) -> Feed:
    """Everything that `$find` offers on single schedules from now on. Call it in one snapshot of the store.

    A schedule that cannot be searched, or has no Location, is named in `errors` and left out.
    """
    places: dict[str, Json] = {}
    schedules: list[Json] = []
    slots: dict[str, list[Json]] = {}
    errors: list[Json] = []
    for number, one in enumerate(_pairs(store, wanted, errors)):
        if progress is not None:
            progress(number)
        try:
            answer = _search(store, one, wanted.days, now)
        except Refusal as error:
            errors.append(_outcome(error, one.examined))
            continue
        places.setdefault(one.place["id"], one.place)
        schedule = _schedule(one)
        schedules.append(schedule)
        for start, slot in _slots(answer, schedule["id"], one, wanted):
            slots.setdefault(_file_of(start), []).append(slot)
    return Feed([places[id] for id in sorted(places)], schedules, dict(sorted(slots.items())), errors)


def _pairs(store: Store, wanted: Wanted, errors: list[Json]) -> Iterator[_Pair]:
    """By id of the schedule, then of the service; what has no Location becomes an error."""
    locate = _locator(store)
    services = sorted(
        (
            service
            for resource in store.resources("HealthcareService")
            if (service := _service(store, resource, wanted))
        ),
        key=lambda one: one.id,
    )
    for id in sorted(schedule["id"] for schedule in store.resources("Schedule")):
        if wanted.schedules and id not in wanted.schedules:
            continue
        for service in services:
            examined = store.prepared.examine(id, service)
            if examined is None or not examined.is_active or not is_schedulable(examined.resource, service.id):
                continue
            place = locate(examined, service)
            if place is None:
                text = f"Schedule/{id} has no Location: neither its actor nor HealthcareService/{service.id} names one"
                errors.append(_outcome(InvalidRequest(text), examined))
            else:
                yield _Pair(examined, service, place)


def _service(store: Store, resource: Json, wanted: Wanted) -> Service | None:
    if wanted.services and resource["id"] not in wanted.services:
        return None
    service = store.prepared.service(resource["id"])
    return service if service is not None and service.is_active else None


def _search(store: Store, one: _Pair, days: int, now: datetime) -> FindAnswer:
    """All offers of one schedule; none where its planning horizon lies elsewhere. Raises Refusal."""
    start_ms = ceil_minute(int(now.timestamp() * 1000)) * 60_000
    end_ms = start_ms + int(timedelta(days=days).total_seconds() * 1000)
    pool = RawPool(0, (RawMember(f"Schedule/{one.examined.id}", None),))
    request = FindRequest(start_ms, end_ms, f"HealthcareService/{one.service.id}", (pool,), count=2**31 - 1)
    try:
        return find(store, request, now=now)
    except Refusal as error:
        if error.text.startswith("Search range"):
            return FindAnswer(one.service, ((one.examined,),), [], None, None)
        raise


def _outcome(error: Refusal, examined: Examined) -> Json:
    outcome = outcome_of(error)
    outcome["issue"][0].setdefault("diagnostics", f"Schedule/{examined.id} for {examined.service.id}")
    return outcome


# Places


def _locator(store: Store) -> Callable[[Examined, Service], Json | None]:
    """What gives the Location of a schedule: its actor's, else its service's; the nearest one with an address."""
    roles: dict[str, Json] = {}
    for role in store.resources("PractitionerRole"):
        reference = child(role, "practitioner").get("reference")
        if isinstance(reference, str) and role.get("active") is not False:
            roles.setdefault(reference, role)

    def read(reference: object, kind: str) -> Json | None:
        named = target(reference)
        return store.read(str(named)) if named is not None and named.type == kind else None

    def first(element: Json, name: str) -> Json | None:
        given = element.get(name)
        several = given if isinstance(given, list) else [given]  # type: ignore[reportUnknownVariableType]
        found = (read(one.get("reference"), "Location") for one in several if isinstance(one, dict))  # type: ignore[reportUnknownMemberType]
        return next((one for one in found if one is not None), None)

    def of_actor(reference: object) -> Json | None:
        if (location := read(reference, "Location")) is not None:
            return location
        named = target(reference)
        actor = None if named is None else store.read(str(named))
        holder = roles.get(str(named)) if named is not None and named.type == "Practitioner" else actor
        return None if holder is None else first(holder, "location")

    def locate(examined: Examined, service: Service) -> Json | None:
        reference = examined.actors[0].get("reference") if len(examined.actors) == 1 else None
        place = of_actor(reference) or first(service.resource, "location")
        return None if place is None else _site(place, lambda one: first(one, "partOf"))

    return locate


def _site(place: Json, parent: Callable[[Json], Json | None]) -> Json:
    """The nearest place around it that has an address, else itself."""
    at: Json | None = place
    for _ in range(_SITE_MOST):
        if at is None or at.get("address"):
            break
        at = parent(at)
    return at if at is not None and at.get("address") else place


# Schedules and Slots


def _schedule(one: _Pair) -> Json:
    actors = [{"reference": f"Location/{one.place['id']}"}]
    actors += [actor for actor in one.examined.actors if actor.get("reference") != actors[0]["reference"]]
    found: Json = {"resourceType": "Schedule", "id": _id_of(one.examined.id, one.service.id)}
    concepts = [{name: concept[name] for name in ("coding", "text") if name in concept} for concept in _types(one)]
    if concepts:
        found["serviceType"] = concepts
    found["actor"] = actors
    if (horizon := one.examined.resource.get("planningHorizon")) is not None:
        found["planningHorizon"] = horizon
    return found


def _types(one: _Pair) -> list[Json]:
    name = one.service.resource.get("name")
    return children(one.service.resource, "type") or ([{"text": name}] if name else [])


def _slots(answer: FindAnswer, schedule: str, one: _Pair, wanted: Wanted) -> Iterator[tuple[int, Json]]:
    calendar = one.examined.compiled
    if not answer.offers or calendar is None:
        return
    starts = [offer.start for offer in answer.offers]
    duration = one.examined.rules.footprint.duration
    for start, left in zip(starts, remaining(calendar, starts), strict=True):
        text = utc_text(start)
        slot: Json = {
            "resourceType": "Slot",
            "id": _id_of(one.examined.id, one.service.id, text),
            "schedule": {"reference": f"Schedule/{schedule}"},
            "status": "free",
            "start": text,
            "end": utc_text(start + duration),
        }
        extensions = _extensions(one, text, left, wanted)
        if extensions:
            slot["extension"] = extensions
        yield start, slot


def _extensions(one: _Pair, start: str, left: int, wanted: Wanted) -> list[Json]:
    found: list[Json] = []
    if wanted.booking_url is not None:
        values = {"schedule": one.examined.id, "service": one.service.id, "start": start}
        url = wanted.booking_url
        for name, value in values.items():
            url = url.replace(f"{{{name}}}", quote(value, safe=""))
        found.append({"url": BOOKING_LINK, "valueUrl": url})
    if wanted.booking_phone is not None:
        found.append({"url": BOOKING_PHONE, "valueString": wanted.booking_phone})
    if one.examined.rules.capacity > 1:
        found.append({"url": CAPACITY, "valueInteger": left})
    return found


def _file_of(start: int) -> str:
    """Slots stand in a file for each week, so that weeks in which nothing changed stay the same files."""
    day = start // DAY_MINUTES
    return f"slots-{iso_date(day - weekday(day))}.ndjson"


def _id_of(*parts: str) -> str:
    """The parts where they make an id, else a digest of them: the same for the same, always."""
    text = ".".join(parts)
    if len(text) <= _ID_MOST and len(parts) == 2:
        return text
    return sha256("\0".join(parts).encode()).hexdigest()[:40]
