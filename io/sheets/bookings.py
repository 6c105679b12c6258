"""The table of bookings into Appointments, Slots and Patients, with the buffers that `$book` would write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ...solver.availability import Footprint
from ...solver.civil import Zone
from ..errors import LoadError
from ..instants import utc_text
from ..local import resolved, zone_of_schedule
from ..mapping import Part, ProposalWriter
from ..references import Json
from ..sources import Document
from ..store import Store
from .cells import id_of, ids_of, moment
from .reading import Row
from .schedules import service_type

BOOKED = ("booked", "pending", "arrived", "checked-in", "fulfilled", "noshow", "cancelled")
"""The statuses of a visit."""

TAKEN = ("busy", "busy-tentative", "busy-unavailable", "free")
"""Those of time that is no visit: taken, or opened in addition to the hours."""


def resources_of(rows: list[Row], known: Store) -> Iterator[Document]:
    """The resources of each row; `known` has the schedules and services. Raises LoadError."""
    repeats: Counter[str] = Counter()
    places: dict[str, str] = {}
    patients: set[str] = set()
    for row in rows:
        read = _read(row, known, repeats)
        if read.id in places:
            raise row.wrong("id", f", which {places[read.id]} has too. Give each booking an id of its own.")
        places[read.id] = row.place
        patient = _patient(row)
        if patient is not None and patient.resource is not None and patient.reference not in patients:
            patients.add(patient.reference)
            yield Document(patient.resource, row.place, may_have_links=False)
        written = _slot(read, row) if read.status in TAKEN else _visit(read, row, patient, known)
        for resource in written:
            yield Document(resource, row.place, may_have_links=False)


@dataclass(frozen=True, slots=True)
class _Read:
    """A row: times in minutes since the epoch; the service is empty where there is none."""

    id: str
    status: str
    schedules: list[str]
    service: str
    start: int
    end: int


def _read(row: Row, known: Store, repeats: Counter[str]) -> _Read:
    schedules = ids_of(row, "schedule")
    for one in schedules:
        if known.read(f"Schedule/{one}") is None:
            raise row.wrong("schedule", f"; there is no schedule {one!r}. Add it to the table of schedules.")
    service = row.text("service") and id_of(row, "service", row.text("service"))
    status = _status(row, service)
    zone = zone_of_schedule(known, schedules[0], service or None)
    start = moment(row, "start", zone)
    end = _end(row, start, zone, known, schedules[0], service)
    if end <= start:
        raise row.wrong("end", f", which is not after the start {row.text('start')!r}. Give a later end.")
    key = "\x1f".join([*schedules, str(start), str(end), service, row.text("patient")])
    repeats[key] += 1
    # The Slots' ids get an ending.
    id = id_of(row, "id", row.text("id"), most=50) if row.text("id") else f"row-{_digest(f'{key} {repeats[key]}')}"
    return _Read(id, status, schedules, service, start, end)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:24]


def _status(row: Row, service: str) -> str:
    found = row.text("status").casefold() or ("booked" if service or row.text("patient") else "busy-unavailable")
    if found not in (*BOOKED, *TAKEN):
        raise row.wrong("status", f"; expected one of {', '.join((*BOOKED, *TAKEN))}.")
    if found in BOOKED and not service:
        raise LoadError(
            f"{row.place}: column 'service' is empty, but a {found} visit needs one. Name it, or write busy as status."
        )
    if found in TAKEN and row.text("patient"):
        raise row.wrong("patient", f", but status {found} is no visit. Leave the patient away, or write booked.")
    if found in TAKEN and found != "free" and service:
        raise row.wrong("service", f", but status {found} takes the time from every service. Leave it empty.")
    return found


def _end(row: Row, start: int, zone: Zone, known: Store, schedule: str, service: str) -> int:
    if row.text("end") or not service:
        return moment(row, "end", zone)
    found = resolved(known, service, schedule)
    if found is None:
        raise LoadError(f"{row.place}: column 'end' is empty, and {service} has no duration here. Give the end.")
    return start + found.duration


def _slot(read: _Read, row: Row) -> Iterator[Json]:
    for number, schedule in enumerate(read.schedules):
        slot: Json = {
            "resourceType": "Slot",
            "id": read.id if len(read.schedules) == 1 else f"{read.id}-{number + 1}",
            "schedule": {"reference": f"Schedule/{schedule}"},
            "status": read.status,
            "start": utc_text(read.start),
            "end": utc_text(read.end),
        }
        if read.service:
            slot["serviceType"] = [service_type(read.service, read.service)]
        if row.text("comment"):
            slot["comment"] = row.text("comment")
        yield slot


@dataclass(frozen=True, slots=True)
class _Patient:
    """Whom a visit is for; `resource` is the Patient where a name stands for one."""

    reference: str
    name: str
    resource: Json | None


def _patient(row: Row) -> _Patient | None:
    text = row.text("patient")
    if not text:
        return None
    if text.startswith("Patient/"):
        id_of(row, "patient", text.removeprefix("Patient/"))
        return _Patient(text, "", None)
    id = f"patient-{_digest(text)}"
    return _Patient(f"Patient/{id}", text, {"resourceType": "Patient", "id": id, "name": [{"text": text}]})


def _visit(read: _Read, row: Row, patient: _Patient | None, known: Store) -> Iterator[Json]:
    service = known.read(f"HealthcareService/{read.service}")
    if service is None:
        raise row.wrong("service", f"; there is no service {read.service!r}. Add it to the table of schedules.")
    proposal = ProposalWriter(service).write(read.start, [_part(read, row, one, known) for one in read.schedules])
    slots = [{**slot, "id": f"{read.id}-{number + 1}"} for number, slot in enumerate(proposal.pop("contained"))]
    people: list[Json] = [{**one, "status": "accepted"} for one in proposal["participant"]]
    if patient is not None:
        actor = {"reference": patient.reference, **({"display": patient.name} if patient.name else {})}
        people.insert(0, {"actor": actor, "status": "accepted"})
    appointment: dict[str, Any] = {**proposal, "id": read.id, "status": read.status, "participant": people}
    if row.text("comment"):
        appointment["comment"] = row.text("comment")
    if read.status != "cancelled":
        appointment["slot"] = [{"reference": f"Slot/{slot['id']}"} for slot in slots]
    yield appointment
    for slot in slots:
        # A load deletes nothing: Slots of a visit that was booked before must stop to count.
        status = {"cancelled": "entered-in-error"}.get(read.status, slot["status"])
        if read.status == "pending" and status == "busy":
            status = "busy-tentative"
        yield {"resourceType": "Slot", "id": slot["id"], **slot, "status": status}


def _part(read: _Read, row: Row, schedule: str, known: Store) -> Part:
    found = resolved(known, read.service, schedule)
    stored = known.read(f"Schedule/{schedule}") or {}
    if found is None:
        raise row.wrong("service", f", which {schedule} does not offer. Add a line for both to the table of schedules.")
    footprint = Footprint(read.end - read.start, found.buffer_before, found.buffer_after)
    return Part(f"Schedule/{schedule}", stored["actor"][0], footprint, found.slot_capacity)
