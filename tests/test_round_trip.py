"""What `$find` offers, `$book`, `$hold` and `$reschedule` accept, and what it does not offer they refuse (model 17)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from ledger_support import (
    BOOK,
    HOLD,
    NOW,
    Clinic,
    NewClinic,
    accepted,
    basic,
    buffer,
    clock,
    later,
    moment,
    proposal,
    reference,
    refused,
    visit,
)
from ledger_support import clinic_fixture as clinic_fixture
from slotwright.io import invoke
from support import (
    Resource,
    appointment,
    closed,
    hours,
    parameters,
    practitioner,
    schedule,
    service,
    service_type,
    slot,
)


@dataclass(frozen=True)
class Case:
    stored: list[Resource]
    schedules: list[str] = field(default_factory=lambda: ["a"])
    start: str = "08:00"
    end: str = "13:00"
    query: dict[str, Any] = field(default_factory=dict[str, Any])


def open_from(id: str, days: str, start: str, end: str, **fields: Any) -> Resource:
    return schedule(id, parameters(availability=[hours(days, f"{start}:00", f"{end}:00")], **fields))


def piece(id: str, on: str, start: str, end: str, status: str = "busy", **elements: Any) -> Resource:
    return slot(id, on, clock(start), clock(end), status, **elements)


# One schedule each; the service has half hours every 30 minutes unless said.
ALONE = {
    "hours and a busy Slot": Case(
        basic(open_from("a", "mon", "09:00", "12:00"), piece("s", "a", "10:10", "10:20"), alignmentInterval=10)
    ),
    "buffers": Case(
        basic(
            open_from("a", "mon", "09:00", "12:00"),
            piece("s", "a", "10:00", "10:30"),
            alignmentInterval=15,
            bufferBefore=10,
            bufferAfter=15,
        )
    ),
    "capacity": Case(
        basic(
            piece("s1", "a", "09:00", "10:00", capacity=3),
            piece("s2", "a", "09:30", "10:30", "busy-tentative", capacity=2),
            piece("s3", "a", "11:00", "11:30", "busy-unavailable"),
            piece("s4", "a", "11:45", "12:15", capacity=5, serviceType=[service_type("xray")]),
            alignmentInterval=15,
            slotCapacity=3,
        )
    ),
    "capacity and buffers": Case(
        basic(
            piece("s1", "a", "09:00", "09:30", capacity=2),
            piece("s2", "a", "09:30", "09:40", "busy-unavailable"),
            alignmentInterval=10,
            slotCapacity=2,
            bufferAfter=10,
        )
    ),
    "fine times": Case(
        basic(
            schedule("a", parameters(availability=[])),
            piece("f1", "a", "08:00:30", "10:00:30", "free"),
            piece("f2", "a", "10:00", "12:30", "free"),
            piece("s", "a", "10:45:10", "10:59:50"),
            alignmentInterval=5,
        )
    ),
    "closures and a horizon": Case(
        basic(
            {
                **schedule("a", parameters(availability=[closed(clock("09:10"), clock("09:50"))])),
                "planningHorizon": {"start": clock("08:20"), "end": clock("12:15")},
            },
            alignmentInterval=5,
            alignmentOffset=75,
            bufferAfter=5,
        )
    ),
    "a limit": Case(
        basic(
            schedule("a", parameters(bookingLimit=(1, 1, "d"), timezone="America/New_York")),
            piece("s", "a", "2026-03-15T18:00:00Z", "2026-03-15T18:30:00Z"),
            appointment("x", ["s"]),
        ),
        start="2026-03-16T00:00:00.000Z",
        end="2026-03-16T08:00:00.000Z",
    ),
    "the night of a change": Case(
        basic(
            open_from("a", "sat sun", "22:00", "04:30", timezone="America/New_York"),
            alignmentInterval=40,
            alignmentTimezone="America/New_York",
        ),
        start="2026-03-08T02:00:00.000Z",
        end="2026-03-08T12:00:00.000Z",
    ),
    "holds": Case(
        basic(
            piece("s1", "a", "09:00", "09:30", "busy-tentative"),
            appointment("x", ["s1"], status="pending", hold_expires=NOW),
            piece("s2", "a", "10:00", "10:30", "busy-tentative"),
            appointment("y", ["s2"], status="pending", hold_expires="2026-03-10T12:00:00.001Z"),
        )
    ),
}
POOLS = {
    "two pools": Case(
        basic(
            *(schedule(one) for one in "rs"),
            *(practitioner(one) for one in "rs"),
            piece("s1", "a", "08:00", "09:00"),
            piece("s2", "b", "09:00", "09:30"),
            piece("s3", "s", "11:15", "12:00"),
        ),
        ["a,b", "r,s"],
        query={"combinations": 100},
    ),
    "different buffers": Case(
        basic(
            schedule("a", parameters(bufferBefore=10)),
            schedule("b", parameters(bufferAfter=15, slotCapacity=2)),
            piece("s", "b", "10:00", "11:00", capacity=2),
            alignmentInterval=15,
        ),
        ["a", "b"],
        query={"combinations": 100},
    ),
    "one actor": Case(
        basic(schedule("a2", actor="Practitioner/a"), open_from("b", "mon", "09:00", "10:00")),
        ["a,a2,b", "a2,b"],
        query={"combinations": 100},
    ),
    "a service with types": Case(
        basic(
            service(name="Check-up", type=[{"coding": [{"code": one}]} for one in ("x", "y")]),
            piece("s", "a", "09:00", "10:00", serviceType=[{"coding": [{"code": "z"}]}]),
            piece("t", "a", "11:00", "12:00", serviceType=[{"coding": [{"code": "y"}]}]),
        )
    ),
}
NEW_YORK = {"timezone": "America/New_York", "alignmentTimezone": "America/New_York"}
SERIES = {
    "a series across a change": Case(
        basic(
            open_from("a", "mon tue", "09:00", "11:00", **NEW_YORK),
            slot("s", "a", "2026-03-09T13:30:00Z", "2026-03-09T14:00:00Z"),
        ),
        start="2026-02-23T00:00:00.000Z",
        end="2026-02-25T00:00:00.000Z",
        query={"occurrence_count": 3},
    ),
    "a series with buffers, capacity and a limit": Case(
        basic(
            schedule("a", parameters(**NEW_YORK, bookingLimit=(2, 1, "mo"), slotCapacity=2, bufferBefore=5)),
            schedule("b", parameters(**NEW_YORK, bookingLimit=(1, 1, "wk"), bufferAfter=30)),
            slot("s", "b", "2026-03-02T15:00:00Z", "2026-03-02T16:00:00Z"),
        ),
        ["a,b"],
        start="2026-02-23T12:00:00.000Z",
        end="2026-02-23T18:00:00.000Z",
        query={"occurrence_count": 3, "combinations": 100},
    ),
    "a series through a night that is skipped": Case(
        basic(schedule("a", parameters(**NEW_YORK))),
        start="2026-03-01T05:00:00.000Z",
        end="2026-03-01T10:00:00.000Z",
        query={"occurrence_count": 2},
    ),
}
ALL = {**ALONE, **POOLS, **SERIES}


def offers(clinic: Clinic, case: Case, **more: Any) -> list[Resource]:
    query: dict[str, Any] = {"count": 1000, **case.query, **more}
    return clinic.find(case.schedules, case.start, case.end, **query)


def rehearsed(clinic: Clinic, operation: str, sent: Resource) -> tuple[int, Resource]:
    return invoke(clinic.ledger, operation, body=sent, now=moment(NOW), dry_run=True)


@pytest.mark.parametrize("name", ALL)
def test_each_offer_is_accepted(clinic: NewClinic, name: str) -> None:
    case = ALL[name]
    opened = clinic(*case.stored)
    found = offers(opened, case)
    assert found
    for one in found:
        for operation in (BOOK, HOLD):
            status, answer = rehearsed(opened, operation, one)
            assert status == 201, (one, answer)


@pytest.mark.parametrize("operation", [BOOK, HOLD])
@pytest.mark.parametrize("name", ALL)
def test_offers_are_accepted_until_there_are_none(clinic: NewClinic, name: str, operation: str) -> None:
    case = ALL[name]
    opened = clinic(*case.stored)
    # at most one booking for each five minutes, schedule and capacity of the longest case
    for number in range(200):
        found = offers(opened, case, count=1 + number % 7)
        if not found:
            return
        accepted(opened.ask(operation, found[-1]))
    pytest.fail("offers without end")


@pytest.mark.parametrize("name", ALONE)
def test_starts_not_offered_are_refused(clinic: NewClinic, name: str) -> None:
    case = ALONE[name]
    opened = clinic(*case.stored)
    offered = {one["start"] for one in offers(opened, case)}
    resources = {reference(one): one for one in case.stored}
    fields = resources["HealthcareService/checkup"]["extension"][0]["extension"]
    lengths = {one["url"]: one["valueDuration"]["value"] for one in fields if "valueDuration" in one}
    before, after = lengths.get("bufferBefore", 0), lengths.get("bufferAfter", 0)
    start = later(case.start, before)
    while moment(later(start, 30 + after)) <= moment(clock(case.end)):
        slots = [visit("a", start)]
        if before:
            slots.append(buffer("a", later(start, -before), start))
        if after:
            slots.append(buffer("a", later(start, 30), later(start, 30 + after)))
        status, _ = rehearsed(opened, BOOK, proposal(*slots))
        assert (status == 201) is (start in offered), start
        start = later(start, 5)


@pytest.mark.parametrize("name", {**ALONE, **POOLS})
def test_offers_that_ignore_an_appointment_are_accepted_by_its_reschedule(clinic: NewClinic, name: str) -> None:
    case = ALL[name]
    opened = clinic(*case.stored)
    for operation in (BOOK, HOLD):
        first = accepted(opened.ask(operation, offers(opened, case)[0]))[0]
        found = offers(opened, case, ignore_appointment=reference(first))
        assert found
        for one in found:
            names = [each["schedule"]["reference"] for each in one["contained"] if each["status"] == "busy"]
            new = [{"name": "schedule", "valueString": each} for each in names]
            start = {"name": "start", "valueDateTime": one["start"]}
            sent = {"resourceType": "Parameters", "parameter": [start, *new]}
            status, answer = rehearsed(opened, f"{reference(first)}/$reschedule", sent)
            assert status == 200, (one, answer)
            moved = [each["resource"] for each in answer["entry"]]
            assert (moved[0]["start"], moved[0]["end"]) == (one["start"], one["end"])
            # the Slots are those that were offered
            expected = [
                {**each, "status": "busy-tentative"} if operation == HOLD and each["status"] == "busy" else each
                for each in one["contained"]
            ]
            assert [{key: value for key, value in each.items() if key not in ("id", "meta")} for each in moved[1:]] == (
                expected
            )
        opened.cancel(first["id"])


def test_more_is_accepted_than_is_offered(clinic: NewClinic) -> None:
    # not schedulable, and twice the same actor
    opened = clinic(*basic(schedule("a", services=()), schedule("b", actor="Practitioner/a")))
    assert opened.find(["b", "b"], "09:00", "10:00") == []
    assert accepted(opened.book(proposal(visit("a", "09:00"), visit("b", "09:00"))))
    assert refused(opened.book(proposal(visit("b", "09:00"))))[0] == "Requested time slot is not available"
