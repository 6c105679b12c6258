"""Ledgers for tests that read like the specification: a clinic on a Monday, and short ways to book in it.

Whatever a test asks of a `Clinic`, these hold and are checked each time: a rehearsal (`dry_run`) gives the same answer
and writes nothing; a refused or replayed request writes nothing; what is answered is what is stored; the request is
left as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from slotwright.io import Ledger, invoke, open_ledger
from support import (
    HOLD_EXPIRES_URL,
    TEMPLATE_URL,
    Resource,
    parameters,
    practitioner,
    refusal,
    schedule,
    service,
    service_type,
)

Answer = tuple[int, Resource]
Refused = tuple[str, list[str] | None]

A = "Parameters.appointment"
BOOK, HOLD = "Appointment/$book", "Appointment/$hold"
NOW = "2026-03-10T12:00:00.000Z"
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
UNAVAILABLE = "Requested time slot is not available"
SERIES_SYSTEM = "https://medplum.com/fhir/recurring-appointment-series"
RECURRENCE_ID_URL = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Appointment.recurrenceId"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def clock(time: str) -> str:
    """09:30 or 09:30:20 on Monday 2026-03-16 as an instant with milliseconds; anything else as it is."""
    if len(time) == 5 and time[2] == ":":
        return f"2026-03-16T{time}:00.000Z"
    return f"2026-03-16T{time}.000Z" if len(time) == 8 and time[2] == ":" else time


def later(time: str, minutes: float) -> str:
    """An instant some minutes later, in UTC with milliseconds."""
    moved = moment(clock(time)) + timedelta(minutes=minutes)
    return moved.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moved.microsecond // 1000:03}Z"


def basic(*extra: Resource, **fields: Any) -> list[Resource]:
    """Service `checkup` of half hours (or `fields`), Schedules a and b, always open in UTC, and what else is given.

    A resource among `extra` takes the place of the usual one of its id.
    """
    usual = [
        service(params=parameters(**{"duration": 30, "alignmentInterval": 30, **fields})),
        *(practitioner(one) for one in "ab"),
        *(schedule(one) for one in "ab"),
    ]
    own = {(one["resourceType"], one["id"]) for one in extra}
    return [*(one for one in usual if (one["resourceType"], one["id"]) not in own), *extra]


def visit(schedule: str, /, start: str, end: str | None = None, status: str = "busy", **elements: Any) -> Resource:
    """A contained Slot; without an end it takes half an hour."""
    return {
        "resourceType": "Slot",
        "schedule": {"reference": f"Schedule/{schedule}"},
        "status": status,
        "start": clock(start),
        "end": later(start, 30) if end is None else clock(end),
        **elements,
    }


def buffer(schedule: str, start: str, end: str, **elements: Any) -> Resource:
    return visit(schedule, start, end, "busy-unavailable", **elements)


def proposal(*slots: Resource, service: str = "checkup", **elements: Any) -> Resource:
    """An Appointment with contained Slots as `$find` would propose it; an element that is None is left out."""
    busy = [one for one in slots if one.get("status") == "busy"] or [{}]
    resource: Resource = {
        "resourceType": "Appointment",
        "status": "proposed",
        "start": busy[0].get("start"),
        "end": busy[0].get("end"),
        "serviceType": [service_type(service)],
        "participant": [{"actor": {"reference": "Patient/p"}, "status": "accepted"}],
        "contained": list(slots),
        **elements,
    }
    return {name: value for name, value in resource.items() if value is not None}


def named(*values: str, system: str | None = None) -> list[Resource]:
    """Identifiers."""
    return [{"value": value} if system is None else {"system": system, "value": value} for value in values]


def body(*entries: tuple[str, str, Any]) -> Resource:
    """A Parameters resource: body(("start", "valueDateTime", "2026-03-16"))."""
    return {"resourceType": "Parameters", "parameter": [{"name": name, key: value} for name, key, value in entries]}


def template(day: str = "monday", count: Any = 2, zone: str = "America/New_York") -> Resource:
    """The recurrenceTemplate extension of find.md, section 6."""
    iana = {"coding": [{"system": "https://www.iana.org/time-zones", "code": zone}]}
    weekly = {"coding": [{"system": "http://unitsofmeasure.org", "code": "wk", "display": "week"}]}
    return {
        "url": TEMPLATE_URL,
        "extension": [
            {"url": "timezone", "valueCodeableConcept": iana},
            {"url": "recurrenceType", "valueCodeableConcept": weekly},
            {"url": "occurrenceCount", "valuePositiveInt": count},
            {
                "url": "weeklyTemplate",
                "extension": [{"url": day, "valueBoolean": True}, {"url": "weekInterval", "valuePositiveInt": 1}],
            },
        ],
    }


@dataclass
class Clinic:
    """A ledger and short ways to ask it; `now` of every request is NOW unless given."""

    ledger: Ledger

    def state(self) -> tuple[int, dict[str, Resource]]:
        kinds = ("HealthcareService", "Schedule", "Practitioner", "Slot", "Appointment")
        stored = (one for kind in kinds for one in self.ledger.resources(kind))
        return self.ledger.last, {reference(one): one for one in stored}

    def ask(self, operation: str, request: Resource | None = None, *, now: str = NOW) -> Answer:
        before, sent = self.state(), deepcopy(request)
        rehearsal = invoke(self.ledger, operation, body=request, now=moment(now), dry_run=True)
        assert self.state() == before, "a rehearsal wrote something"
        answer = invoke(self.ledger, operation, body=request, now=moment(now))
        assert request == sent, "the request was altered"
        assert answer == rehearsal
        if answer[0] >= 400 or (answer[0] == 200 and operation in (BOOK, HOLD)):
            assert self.state() == before, "refused or replayed, yet something was written"
        if answer[0] < 400:
            for one in resources_of(answer):
                assert self.ledger.read(reference(one)) == one
        return answer

    def book(self, appointment: Resource, *more: tuple[str, str, Any], now: str = NOW) -> Answer:
        return self.ask(BOOK, body(("appointment", "resource", appointment), *more), now=now)

    def hold(self, appointment: Resource, minutes: Any = None, *more: tuple[str, str, Any], now: str = NOW) -> Answer:
        limit = () if minutes is None else (("hold-minutes", "valuePositiveInt", minutes),)
        return self.ask(HOLD, body(("appointment", "resource", appointment), *limit, *more), now=now)

    def confirm(self, id: str, occurrences: str | None = None, *, now: str = NOW) -> Answer:
        request = None if occurrences is None else body(("occurrences", "valueCode", occurrences))
        return self.ask(f"Appointment/{id}/$confirm", request, now=now)

    def cancel(self, id: str, reason: Resource | None = None, *, now: str = NOW) -> Answer:
        request = None if reason is None else body(("cancelationReason", "valueCodeableConcept", reason))
        return self.ask(f"Appointment/{id}/$cancel", request, now=now)

    def reschedule(self, id: str, start: str, *schedules: str, now: str = NOW) -> Answer:
        new = (("schedule", "valueReference", {"reference": f"Schedule/{one}"}) for one in schedules)
        return self.ask(f"Appointment/{id}/$reschedule", body(("start", "valueDateTime", clock(start)), *new), now=now)

    def booked(self, *slots: Resource, now: str = NOW, **elements: Any) -> Resource:
        """Book a proposal that must be accepted; the Appointment."""
        return accepted(self.book(proposal(*slots, **elements), now=now))[0]

    def held(self, *slots: Resource, minutes: int | None = None, now: str = NOW, **elements: Any) -> Resource:
        return accepted(self.hold(proposal(*slots, **elements), minutes, now=now))[0]

    def find(
        self,
        schedule: str | list[str],
        start: str,
        end: str,
        *,
        service: str = "checkup",
        now: str = NOW,
        **query: Any,
    ) -> list[Resource]:
        """The proposals of `$find`; bare schedule names, `a,b` is a pool, `count=` is `_count`, `_` is `-`."""
        pools = [schedule] if isinstance(schedule, str) else schedule
        asked: dict[str, str | list[str]] = {
            "start": clock(start),
            "end": clock(end),
            "service-type-reference": f"HealthcareService/{service}",
            "schedule": [",".join(f"Schedule/{one}" for one in pool.split(",")) for pool in pools],
        }
        for name, value in query.items():
            asked["_count" if name == "count" else name.replace("_", "-")] = str(value)
        status, bundle = invoke(self.ledger, "Appointment/$find", query=asked, now=moment(now))
        assert status == 200, bundle
        return [entry["resource"] for entry in bundle.get("entry", [])]

    def read(self, reference: str) -> Resource:
        stored = self.ledger.read(reference)
        assert stored is not None, reference
        return stored

    def slots(self) -> list[tuple[str, str, str, str]]:
        """Schedule, start, end and status of all stored Slots, in this order."""
        return sorted(spans(self.ledger.resources("Slot")))

    def change(self, reference: str, **elements: Any) -> None:
        """Store a resource with elements replaced; one that is None is removed."""
        changed = {**self.read(reference), **elements}
        self.ledger.put({name: value for name, value in changed.items() if value is not None}, now=BEGINNING)

    def add(self, *resources: Resource) -> None:
        for one in resources:
            self.ledger.put(one, now=BEGINNING)

    def remove(self, *references: str) -> None:
        for one in references:
            self.ledger.delete(one, now=BEGINNING)


NewClinic = Callable[..., Clinic]


@pytest.fixture(name="clinic")
def clinic_fixture(tmp_path: Path) -> Iterator[NewClinic]:
    """clinic(*resources) opens a new ledger that holds them; without resources those of `basic`."""
    ledgers: list[Ledger] = []

    def opened(*resources: Resource) -> Clinic:
        ledger = open_ledger(tmp_path / f"{len(ledgers)}.ledger", clock=lambda: BEGINNING, identity="test")
        ledgers.append(ledger)
        ledger.load(list(resources or basic()), now=BEGINNING)
        return Clinic(ledger)

    yield opened
    for ledger in ledgers:
        ledger.close()


# Reading answers.


def reference(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def resources_of(answer: Answer) -> list[Resource]:
    """What an answer lists; a Bundle must be a bare transaction-response whose entries hold only `resource`."""
    resource = answer[1]
    if resource["resourceType"] != "Bundle":
        return [resource]
    assert {**resource, "entry": []} == {"resourceType": "Bundle", "type": "transaction-response", "entry": []}
    assert all(list(entry) == ["resource"] for entry in resource["entry"])
    return [entry["resource"] for entry in resource["entry"]]


def accepted(answer: Answer, status: int = 201) -> list[Resource]:
    assert answer[0] == status, answer
    assert answer[1]["resourceType"] == "Bundle"
    return resources_of(answer)


def refused(answer: Answer) -> Refused:
    """Text and expression of a refusal with 400 and `invalid`."""
    status, code, text, expression = refusal(answer)
    assert (status, code) == (400, "invalid"), answer
    (issue,) = answer[1]["issue"]
    assert set(issue) <= {"severity", "code", "details", "expression", "diagnostics"}
    assert ("diagnostics" in issue) == text.endswith(UNAVAILABLE)
    return text, expression


def diagnostics(answer: Answer) -> str:
    assert refused(answer)[0].endswith(UNAVAILABLE)
    return answer[1]["issue"][0]["diagnostics"]


def not_found(answer: Answer) -> bool:
    status, code, text, _ = refusal(answer)
    return (status, code, text) == (404, "not-found", "Not found")


def at(*paths: str) -> list[str]:
    """Expressions below the Appointment sent: at("contained[0]", "")."""
    return [f"{A}.{path}" if path else A for path in paths]


def spans(slots: Iterable[Resource]) -> list[tuple[str, str, str, str]]:
    """Schedule, start, end and status of each Slot; times of Monday 2026-03-16 as 09:30."""
    return [
        (
            one["schedule"]["reference"].removeprefix("Schedule/"),
            _short(one["start"]),
            _short(one["end"]),
            one["status"],
        )
        for one in slots
    ]


def bare(resource: Resource) -> Resource:
    return {name: value for name, value in resource.items() if name not in ("id", "meta")}


def slot_references(slots: Iterable[Resource]) -> list[Resource]:
    return [{"reference": reference(one)} for one in slots]


def extension(resource: Resource, url: str) -> Any:
    """The value of the one extension of this URL; None if there is none."""
    found = [one for one in resource.get("extension", []) if one["url"] == url]
    assert len(found) <= 1
    return next((value for one in found for name, value in one.items() if name != "url"), None)


def expiry(appointment: Resource) -> str | None:
    return extension(appointment, HOLD_EXPIRES_URL)


def actors(appointment: Resource) -> list[tuple[str, str]]:
    """Actor and status of each participant."""
    return [(one["actor"]["reference"], one["status"]) for one in appointment["participant"]]


# Rows of checks: one fault for each row, alone and together with every later one.


def nothing(_: Any) -> None:
    return None


@dataclass(frozen=True)
class Fault:
    """A row: how to break it, in the request sent or in what is stored, and the refusal."""

    name: str
    text: str
    paths: Callable[[Resource], list[str] | None] = nothing
    sent: Callable[[Resource], Any] = nothing
    stored: Callable[[Clinic], Any] = nothing
    excludes: tuple[str, ...] = ()

    def refusal(self, request: Resource) -> Refused:
        return self.text, self.paths(request)


def together(faults: Sequence[Fault]) -> list[Any]:
    """Each fault alone, and each two that one request can have: the row that must answer, and the faults to be made.

    The later fault is made first, so that the earlier one is whole.
    """
    pairs = [(one, other) for one, other in combinations(faults, 2) if other.name not in one.excludes]
    return [
        *(pytest.param(one, [one], id=one.name) for one in faults),
        *(pytest.param(one, [other, one], id=f"{one.name}, {other.name}") for one, other in pairs),
    ]


def paths(*expressions: str) -> Callable[[Resource], list[str] | None]:
    return lambda _: list(expressions)


def fixed(*expressions: str) -> Callable[[Resource], list[str] | None]:
    """Paths below the Appointment sent."""
    return lambda _: at(*expressions)


def added(name: str, field: str = "") -> Callable[[Resource], list[str] | None]:
    """The path of the contained Slot with this comment."""

    def found(appointment: Resource) -> list[str]:
        comments = [one.get("comment") for one in appointment["contained"]]
        return at(f"contained[{comments.index(name)}]{field}")

    return found


def contain(slot: Resource) -> Callable[[Resource], Any]:
    return lambda appointment: appointment["contained"].append(dict(slot))


def replace(**elements: Any) -> Callable[[Resource], Any]:
    return lambda appointment: appointment.update(elements)


def change(reference: str, **elements: Any) -> Callable[[Clinic], Any]:
    return lambda clinic: clinic.change(reference, **elements)


def remove(*references: str) -> Callable[[Clinic], Any]:
    return lambda clinic: clinic.remove(*references)


def _short(time: str) -> str:
    return time[11:16] if time.startswith("2026-03-16T") and time.endswith(":00.000Z") else time
