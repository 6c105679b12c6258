"""What people ask to be booked: proposals as they come in, made for given schedules, or chosen from pools."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import orjson

from ..solver.civil import DAY_MINUTES, MINUTE_MS, Zone
from ..solver.errors import ConflictError, InvalidInputError
from ..solver.problem import Engine
from . import mapping
from .errors import InvalidRequest
from .instants import instant_ms, utc_text_ms
from .ledger.state import identifier_names
from .mapping import Part, ProposalWriter
from .operations import find
from .operations.find import FindAnswer
from .operations.request import QueryRequest
from .parameters import ParameterFault
from .prepared import Examined
from .references import Json, child, children, target
from .store import Store

if TYPE_CHECKING:
    from .ledger.ledger import Ledger

# Proposals as they come in


def read_proposal(content: bytes) -> Json:
    """The one proposed Appointment in an Appointment, a Bundle, Parameters or NDJSON. Raises InvalidInputError."""
    remedy = "Give one Appointment, as find --ndjson --count 1 prints it."
    if not content.strip():
        raise InvalidInputError(f"Standard input is empty. {remedy}")
    try:
        documents: list[Any] = [orjson.loads(content)]
    except orjson.JSONDecodeError as error:
        try:
            documents = [orjson.loads(line) for line in content.splitlines() if line.strip()]
        except orjson.JSONDecodeError:
            raise InvalidInputError(f"Standard input is no JSON: {error}. {remedy}") from error
    found = [one for document in documents for one in _appointments(document)]
    if len(found) != 1:
        raise InvalidInputError(f"Standard input holds {len(found) or 'no'} Appointments, not one. {remedy}")
    return found[0]


def _appointments(document: Any) -> list[Json]:
    if not isinstance(document, dict):
        return []
    resource = cast(Json, document)
    kind = resource.get("resourceType")
    if kind == "Appointment":
        return [resource]
    inside: Any = resource.get({"Bundle": "entry", "Parameters": "parameter"}.get(str(kind), ""))
    entries = cast("list[Any]", inside) if isinstance(inside, list) else []
    return [one for entry in entries if isinstance(entry, dict) for one in _appointments(entry.get("resource"))]  # type: ignore[reportUnknownMemberType]


def with_details(
    proposal: Json, *, patient: Json | None = None, comment: str | None = None, identifiers: Sequence[Json] = ()
) -> Json:
    """A proposal with what people add to it. The patient comes first, and has agreed."""
    added = dict(proposal)
    present = [child(one, "actor").get("reference") for one in children(proposal, "participant")]
    if patient is not None and patient["reference"] not in present:
        participant = {"actor": patient, "required": "required", "status": "accepted"}
        added["participant"] = [participant, *children(proposal, "participant")]
    if comment is not None:
        added["comment"] = comment
    if identifiers:
        added["identifier"] = [*children(proposal, "identifier"), *identifiers]
    return added


def read_identifier(text: str) -> Json:
    """`system|value` or `value`. Raises InvalidInputError."""
    system, bar, value = text.rpartition("|")
    if not value.strip():
        raise InvalidInputError(f"--identifier {text!r} has no value. Write it as value or system|value.")
    return {"system": system, "value": value} if bar and system else {"value": value}


def start_ms(proposal: Json) -> int | None:
    """When the visit of a proposal starts: by its first `busy` Slot, as that is what is booked."""
    visits = (slot for slot in children(proposal, "contained") if slot.get("status") == "busy")
    return next((instant_ms(slot.get("start")) for slot in visits), instant_ms(proposal.get("start")))


# Proposals for given schedules


def check_minute(option: str, at_ms: int) -> int:
    """The minute of a start. Raises InvalidInputError if it lies between two."""
    if at_ms % MINUTE_MS:
        raise InvalidInputError(f"{option} {utc_text_ms(at_ms)} is not a whole minute. Visits start at whole minutes.")
    return at_ms // MINUTE_MS


def propose(store: Store, service_id: str, schedule_ids: Sequence[str], start: int) -> Json:
    """The proposal for these schedules at this minute, unjudged. Raises InvalidRequest if its length is unknown."""
    service = store.prepared.service(service_id)
    assert service is not None, "names are looked up before"
    parts: list[Part] = []
    for id in schedule_ids:
        examined = store.prepared.examine(id, service)
        assert examined is not None, "names are looked up before"
        parts.append(_part(examined))
    return ProposalWriter(service.resource).write(start, parts)


def _part(examined: Examined) -> Part:
    place = f"Schedule/{examined.id}"
    if not examined.actors:
        raise InvalidRequest("Scheduling only supported on schedules with exactly one actor", place)
    try:
        rules = examined.rules
    except ParameterFault as fault:
        roots = {"service": f"HealthcareService/{examined.service.id}", "schedule": place}
        raise InvalidRequest(fault.text, [roots[one.root] + one.path for one in fault.places]) from fault
    return Part(place, examined.actors[0], rules.footprint, rules.capacity)


# Choice from pools


class Choice(NamedTuple):
    """What a search at one start found; `proposal` is the least loaded combination, None if there is none."""

    proposal: Json | None
    schedule_ids: list[str]
    answer: FindAnswer


def choose(
    store: Store,
    service_id: str,
    pools: Sequence[Sequence[str]],
    start: int,
    zone: Zone,
    *,
    now: datetime,
    engine: Engine = "auto",
    ignored: str | None = None,
) -> Choice:
    """The best combination at this minute, as `$find` orders them by the loads of the local days it touches.

    Raises what `$find` raises.
    """
    low, high = days_of(store, service_id, pools, start, zone)
    query: dict[str, str | list[str]] = {
        "start": utc_text_ms(low),
        "end": utc_text_ms(high),
        "service-type-reference": f"HealthcareService/{service_id}",
        "schedule": [",".join(f"Schedule/{one}" for one in pool) for pool in pools],
        "_count": "1",
        "ignore-appointment": "" if ignored is None else f"Appointment/{ignored}",
    }
    request = find.read_request(QueryRequest(query))
    with store.reading() as state:
        answer = find.find(state, request, now=now, engine=engine, wish=lambda _: [start, start + 1])
    proposal = next(find.proposals(answer), None)
    chosen = [one.id for offer in answer.offers[:1] for one in answer.chosen(offer)]
    return Choice(proposal, chosen, answer)


def days_of(store: Store, service_id: str, pools: Sequence[Sequence[str]], start: int, zone: Zone) -> tuple[int, int]:
    """The local days that the visit and its buffers touch, in milliseconds."""
    service = store.prepared.service(service_id)
    before, reach = 0, 1
    for id in (one for pool in pools for one in pool):
        examined = None if service is None else store.prepared.examine(id, service)
        if examined is None or isinstance(examined.parameters, ParameterFault):
            continue
        found = examined.parameters
        before = max(before, found.buffer_before)
        reach = max(reach, found.duration + found.buffer_after)
    first, last = zone.local_day(start - before), zone.local_day(start + reach - 1)
    return zone.day_start_ms(first), zone.day_start_ms(last + 1)


# Limits of people's commands


def check_not_past(at_ms: int | None, now: datetime, shown: str) -> None:
    """People book ahead, unless they say that they enter what has been. Raises ConflictError."""
    if at_ms is not None and at_ms < int(now.timestamp() * 1000):
        raise ConflictError(
            f"{shown} has passed. Give --allow-past to enter a visit that has begun or is over, "
            "or ask for later times with find."
        )


# Why not


class Blocker(NamedTuple):
    """A Slot at a time that was refused, and the Appointments that hold it."""

    slot: Json
    start_ms: int | None
    end_ms: int | None
    appointments: tuple[Json, ...]


class Blockage(NamedTuple):
    """The schedule at which a time was refused; without blockers the time is merely closed."""

    schedule_id: str
    blockers: list[Blocker]


def read_blockage(ledger: Ledger, diagnostics: object) -> Blockage | None:
    """What the diagnostics of `Requested time slot is not available` say (operations, 2.3)."""
    try:
        found: Json = orjson.loads(diagnostics) if isinstance(diagnostics, str) else {}
    except orjson.JSONDecodeError:
        return None
    named = target(found.get("schedule"))
    if named is None:
        return None
    blockers: list[Blocker] = []
    for entry in children(found, "blockingSlots"):
        id = str(entry.get("reference")).removeprefix("Slot/")
        slot = ledger.read(f"Slot/{id}") or {**entry, "id": id}
        times = instant_ms(entry.get("start")), instant_ms(entry.get("end"))
        blockers.append(Blocker(slot, *times, tuple(users_of(ledger, id))))
    return Blockage(named.id, blockers)


def users_of(ledger: Ledger, slot_id: str) -> list[Json]:
    """The Appointments that refer to a Slot."""
    return ledger.users_of(slot_id)


def holder_of(ledger: Ledger, identifiers: Sequence[Json]) -> Json | None:
    """The Appointment, neither cancelled nor in error, that bears one of these identifiers."""
    with ledger.reading() as state:
        for name in sorted(identifier_names({"identifier": list(identifiers)})):
            for id in state.database.identified(name):
                found = state.read(f"Appointment/{id}")
                if found is not None and found.get("status") not in mapping.NEVER_BOOKED:
                    return found
    return None


def schedules_from_pools(store: Store, appointment: Json, pools: Sequence[Sequence[str]]) -> list[str] | None:
    """One schedule of each pool, such that together they are the Appointment's; None if they are not."""
    slots = (store.read(f"Slot/{id}") or {} for id in mapping.slot_ids(appointment))
    held = {found.id for slot in slots if (found := target(child(slot, "schedule").get("reference"))) is not None}
    if len(held) != len(pools):
        return None

    def assign(place: int, left: frozenset[str]) -> list[str] | None:
        if place == len(pools):
            return []
        for one in pools[place]:
            rest = assign(place + 1, left - {one}) if one in left else None
            if rest is not None:
                return [one, *rest]
        return None

    return assign(0, frozenset(held))


def grid_of(store: Store, service_id: str, schedule_id: str) -> tuple[int, int, str] | None:
    """Interval, offset below it, and zone of the grid of starts."""
    service = store.prepared.service(service_id)
    examined = None if service is None else store.prepared.examine(schedule_id, service)
    if examined is None or isinstance(examined.parameters, ParameterFault):
        return None
    found = examined.parameters
    interval = min(found.alignment_interval or 60, DAY_MINUTES)
    return interval, found.alignment_offset % interval, found.alignment_timezone.name
