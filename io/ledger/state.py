"""The current state in a ledger file, as a `Store` for the operations, and what is derived from each resource."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from ...solver.capacity import Claim
from .. import mapping
from ..errors import LedgerDamaged
from ..instants import ceil_minute, floor_minute, instant_ms
from ..mapping import BOOKED, NEVER_BOOKED, Codings, UnusableSlot
from ..prepared import Prepared, Service
from ..references import Json, Target, children, target
from .database import ClaimRow, Database


class State:
    """Resources and claims of one database connection, as of its current transaction."""

    def __init__(self, database: Database, clock: Callable[[], datetime], *, is_writable: bool) -> None:
        self.database = database
        self.is_writable = is_writable
        self.prepared = Prepared(self)
        self._clock = clock

    def now(self) -> datetime:
        return self._clock()

    @contextmanager
    def reading(self) -> Generator[State]:
        """The transaction it lives in is one state already."""
        yield self

    def read(self, reference: str) -> Json | None:
        found = target(reference)
        row = None if found is None else self.database.resource(found.type, found.id)
        return None if row is None or row.content is None else parsed(row.content, reference)

    def resources(self, kind: str) -> Iterator[Json]:
        return map(orjson.loads, self.database.contents(kind))

    def kinds(self) -> list[str]:
        return self.database.kinds()

    def claims(self, schedule_id: str, service: Service) -> list[Claim]:
        return claims_of(self.database.claims_of(schedule_id), service)

    def unusable(self, schedule_id: str) -> Sequence[UnusableSlot]:
        return [UnusableSlot(*row) for row in self.database.unusable(schedule_id)]

    def slots_of(self, schedule_id: str) -> list[Json]:
        """The Slots of a schedule that count."""
        ids = [row.slot for row in self.database.claims_of(schedule_id)]
        ids += [row.slot for row in self.database.unusable(schedule_id)]
        return [slot for id in ids if (slot := self.read(f"Slot/{id}")) is not None]

    def users_of(self, slot_id: str) -> list[Json]:
        """The Appointments that refer to a Slot."""
        found = (self.read(f"Appointment/{id}") for id in self.database.users_of_slot(slot_id))
        return [one for one in found if one is not None]

    def changed(self, name: Target) -> None:
        """A resource has been written in this transaction, or the write is taken back."""
        self.prepared.forget(name)
        if name.type in ("Slot", "Appointment"):
            self.prepared.forget_claims()


def parsed(content: bytes, what: str) -> Json:
    """A stored body. Raises LedgerDamaged."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise LedgerDamaged(f"the body of {what} is not JSON any more") from error


# Rows of claims ↔ Slots and the solver's claims


def claims_of(rows: Iterable[ClaimRow], service: Service) -> list[Claim]:
    """What the rows mean for a service: the same as `mapping.claims_of` of the Slots."""
    id, codings = service.id, service.codings
    return [claim_of(row, id, codings) for row in rows]


def claim_of(row: ClaimRow, service_id: str, codings: Codings) -> Claim:
    relevant = row.scope is None or mapping.concepts_concern(orjson.loads(row.scope), service_id, codings)
    booking = row.services is not None and service_id in row.services.split(" ")
    label = f"Slot/{row.slot}"
    return Claim(row.start, row.end, label, row.tolerance, row.status == "free", relevant, booking, row.until)


def schedule_of(slot: Json) -> str | None:
    """The id of the Schedule a Slot belongs to; None where its reference leads to no Schedule."""
    found = target(slot["schedule"]["reference"])
    return found.id if found is not None and found.type == "Schedule" else None


class Held(NamedTuple):
    """What the Appointments that refer to a Slot make of it: the end of the hold, the services it is a booking of."""

    until_ms: int | None
    services: str | None


NOT_HELD = Held(None, None)


def held_by(appointments: Sequence[Json]) -> Held:
    """Model 15 and 16."""
    return Held(mapping.held_until_ms(appointments), _services(appointments)) if appointments else NOT_HELD


def claim_row(slot: Json, held: Held, guard: str | None) -> ClaimRow | UnusableSlot | None:
    """What a stored Slot takes; None if it is ignored."""
    status = slot["status"]
    schedule = schedule_of(slot)
    if status == "entered-in-error" or schedule is None:
        return None
    start_ms, end_ms = instant_ms(slot.get("start")), instant_ms(slot.get("end"))
    if start_ms is None or end_ms is None:
        return UnusableSlot(slot["id"], None, None, held.until_ms)
    if start_ms > end_ms:
        return UnusableSlot(slot["id"], start_ms, end_ms, held.until_ms)
    if status == "free":
        start, end = ceil_minute(start_ms), floor_minute(end_ms)
    else:
        start, end = floor_minute(start_ms), ceil_minute(end_ms)
    if start_ms == end_ms or start >= end:
        return None
    concepts = children(slot, "serviceType")
    return ClaimRow(
        schedule,
        start,
        slot["id"],
        end,
        status,
        min(mapping.tolerance(slot), 2**62),
        orjson.dumps(concepts).decode() if concepts else None,
        held.until_ms,
        held.services if status in BOOKED else None,
        guard,
    )


def _services(appointments: Sequence[Json]) -> str | None:
    """The ids of the services that the Appointments are bookings of (model 15)."""
    ids = {
        id
        for appointment in appointments
        if appointment.get("status") not in NEVER_BOOKED
        for id in service_ids(appointment)
    }
    return " ".join(sorted(ids)) or None


def service_ids(appointment: Json) -> list[str]:
    """The distinct services an Appointment refers to, in order."""
    found = (
        target(reference)
        for concept in children(appointment, "serviceType")
        for reference in mapping.service_references(concept)
    )
    return list(dict.fromkeys(one.id for one in found if one is not None and one.type == "HealthcareService"))


def identifier_names(appointment: Json) -> frozenset[str]:
    """The identifiers of an Appointment, as the table writes them."""
    given: Any = appointment.get("identifier")
    several: list[Any] = given if isinstance(given, list) else []  # type: ignore[reportUnknownVariableType]
    return frozenset(
        identifier_name(one)  # type: ignore[reportUnknownArgumentType]
        for one in several
        if isinstance(one, dict) and one.get("value") is not None  # type: ignore[reportUnknownMemberType]
    )


def identifier_name(identifier: Json) -> str:
    """System and value as one text; a missing system is like no other."""
    return orjson.dumps([identifier.get("system"), identifier.get("value")]).decode()
