"""The model of the ledger against the worked examples of the specification, so that it can be trusted: new bookings."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from ledger_model import book, cancel, confirm, reschedule
from ledger_model_examples import (
    CLOSED,
    DAY,
    MINUTE,
    MS,
    NEW_YORK,
    NOON,
    TAKEN,
    A,
    booked,
    identified,
    moved,
    proposal,
    said,
    slots,
    small,
    state,
    text,
    the_appointment,
    the_id,
)
from ledger_model_state import State, put
from support import (
    CAPACITY_URL,
    HOLD_EXPIRES_URL,
    Resource,
    parameters,
    practitioner,
    schedule,
    service,
    service_type,
    slot,
)

# Holds (model 16)


def test_a_hold_blocks_until_the_instant_of_its_expiry() -> None:
    held = book(
        small(),
        "$hold",
        {
            "resourceType": "Parameters",
            "parameter": [
                {"name": "hold-minutes", "valuePositiveInt": 10},
                {"name": "appointment", "resource": proposal(small(), "09:00")},
            ],
        },
        NOON,
    ).state
    wanted = proposal(held, "09:00")
    assert text(book(held, "$book", wanted, NOON + 10 * MINUTE - MS)) == CLOSED
    after = book(held, "$book", wanted, NOON + 10 * MINUTE)
    assert after.status == 201
    (lapsed,) = [one for one in after.state.resources.values() if one.get("status") == "cancelled"]
    assert lapsed["cancelationReason"] == {"text": "Hold expired"}
    assert slots(after.state) == [("a", "09:00", "09:30", "busy")]
    assert len(lapsed["slot"]) == 1 and lapsed["extension"][0]["url"] == HOLD_EXPIRES_URL
    assert lapsed["meta"]["versionId"] == "2"


@pytest.mark.parametrize("minutes", [15, None])
def test_a_hold_expires_after_its_minutes_or_the_shortest_hold_duration(minutes: int | None) -> None:
    on = state(
        service(),
        *(practitioner(name) for name in "ab"),
        schedule("a", parameters(holdDuration=20)),
        schedule("b", parameters(holdDuration=15)),
    )
    body: Resource = {"resourceType": "Parameters", "parameter": [{"name": "appointment"}]}
    body["parameter"][0]["resource"] = proposal(on, "09:00", "a b")
    if minutes is not None:
        body["parameter"].append({"name": "hold-minutes", "valueInteger": minutes})
    held = the_appointment(book(on, "$hold", body, NOON).state)
    assert held["extension"] == [{"url": HOLD_EXPIRES_URL, "valueInstant": "2026-03-10T12:15:00.000Z"}]


def test_a_hold_without_any_limit_never_lapses() -> None:
    held = booked(small(), "09:00", "$hold")
    assert "extension" not in the_appointment(held)
    assert slots(held) == [("a", "09:00", "09:30", "busy-tentative")]
    assert text(book(held, "$book", proposal(held, "09:00"), NOON + 9999 * MINUTE)) == CLOSED


def test_time_does_not_run_backwards_for_writes() -> None:
    on = small(params=parameters(duration=30, alignmentInterval=30, holdDuration=10))
    held = booked(on, "09:00", "$hold")
    later = booked(held, "10:00", now=NOON + 10 * MINUTE)
    assert text(confirm(later, the_id(held), None, NOON)) == "Hold has expired"


# $book and $hold (operations 2)


def test_a_proposal_with_every_fault_is_refused_for_one_after_the_other() -> None:
    """Operations 2.1 and 2.2, row by row."""
    params = parameters(duration=30, alignmentInterval=30, bufferBefore=10, bufferAfter=15)
    good = small(params=params)
    bad = deepcopy(proposal(good, "09:00"))
    c = [f"{A}.contained[{number}]" for number in range(4)]
    visit, before, after = bad["contained"]
    two = service_type("other")
    bad["identifier"] = [{"value": "X"}]
    bad["slot"] = [{"reference": "Slot/1"}]
    bad["serviceType"] = []
    bad["contained"] = [{"resourceType": "Basic"}]
    where = good

    def fails(text: str, *expression: str) -> None:
        assert said(book(where, "$book", bad, NOON)) == (text, list(expression))

    fails("Appointment has no service reference", f"{A}.serviceType")
    bad["serviceType"] = [{}, service_type("checkup"), two]
    fails("Appointment has too many service references", f"{A}.serviceType")
    bad["serviceType"] = [{}, service_type("checkup"), service_type("checkup")]
    fails("Appointment has no contained Slot resources", A)
    odd = {**visit, "start": f"{DAY}09:00:00Z", "end": f"{DAY}09:30:00Z"}
    bad["contained"] += [visit, odd]
    fails("Mismatched slot start times", f"{c[1]}.start", f"{c[2]}.start")
    odd["start"] = visit["start"]
    fails("Mismatched slot end times", f"{c[1]}.end", f"{c[2]}.end")
    odd["end"] = visit["end"]
    del odd["schedule"]
    fails("Slot missing schedule reference", c[2])
    odd["schedule"] = {"reference": "Schedule/nobody"}
    where = booked(good, "15:00", identifier=[{"value": "X"}])
    fails(TAKEN, f"{A}.identifier[0]")
    where = good
    fails("Schedule load failed", f"{c[2]}.schedule")
    odd["schedule"] = visit["schedule"]

    def change(reference: str, **elements: Any) -> State:
        return put(where, {**where.resources[reference], **elements}, NOON)

    bad["serviceType"][1:] = [service_type("none")]
    assert book(where, "$book", bad, NOON).status == 404
    bad["serviceType"][1:] = [service_type("checkup")]
    where = change("Schedule/a", active=False, actor=[], extension=[parameters(slotCapacity=0)])
    where = change("HealthcareService/checkup", active=False)
    fails("HealthcareService is inactive", f"{A}.serviceType[1]")
    where = change("HealthcareService/checkup", active=True)
    fails("Schedule is inactive", f"{c[1]}.schedule")
    where = change("Schedule/a", active=True)
    fails("Scheduling only supported on schedules with exactly one actor", f"{c[1]}.schedule")
    where = change("Schedule/a", actor=[{"reference": "Practitioner/a"}])
    fails("slotCapacity must be a positive integer", f"{c[1]}.schedule.extension[0].extension[0]")
    where = change("Schedule/a", extension=[])

    odd["status"] = "free"
    fails("Slot status must be 'busy' or 'busy-unavailable', got 'free'", c[2])
    odd["status"] = "busy-unavailable"
    odd["start"] = "2026-03-16"
    fails("Slot has invalid start or end time", c[2])
    odd["start"] = f"{DAY}09:30:00.001Z"
    fails("Slot has end time before start time", c[2])
    odd["start"] = f"{DAY}09:30:00Z"
    fails("Slot must cover a positive duration", c[2])
    odd["end"] = f"{DAY}09:45:00Z"
    visit["status"] = "busy-unavailable"
    fails("Expected exactly one 'busy' slot per schedule", c[1], c[2])
    visit["status"] = "busy"
    visit["end"] = f"{DAY}09:29:00Z"
    fails("Slot duration does not match scheduling parameters duration", c[1])
    visit["start"], visit["end"] = f"{DAY}09:01:00Z", f"{DAY}09:31:00Z"
    fails("Slot start time is not aligned to the scheduling grid", c[1])
    visit["start"], visit["end"] = f"{DAY}09:00:00Z", f"{DAY}09:30:00Z"
    text = "Expected exactly one 'busy-unavailable' slot ending at the start of the busy slot (bufferBefore)"
    fails(text, c[1])
    bad["contained"].append({**before, "start": f"{DAY}08:45:00Z"})
    text = "Buffer-before slot duration (15 min) does not match scheduling parameters bufferBefore (10 min)"
    fails(text, c[3])
    bad["contained"][3]["end"] = f"{DAY}08:55:00Z"
    text = "Expected exactly one 'busy-unavailable' slot ending at the start of the busy slot (bufferBefore)"
    fails(text, c[1])
    bad["contained"][3] = before
    bad["contained"].append(after)
    text = "Expected exactly one 'busy-unavailable' slot starting at the end of the busy slot (bufferAfter)"
    fails(text, c[1])
    bad["contained"].pop()
    odd["end"] = f"{DAY}09:50:00Z"
    text = "Buffer-after slot duration (20 min) does not match scheduling parameters bufferAfter (15 min)"
    fails(text, c[2])
    odd["end"] = f"{DAY}09:45:00Z"
    where = change("Schedule/a", planningHorizon={"start": f"{DAY}09:00:00Z"})
    fails("Proposed appointment must not have Slot references", f"{A}.slot")
    del bad["slot"]
    where = put(where, slot("1", "a", f"{DAY}09:59:00Z", f"{DAY}09:44:59Z", "free"), NOON)
    fails("Slot/1 has end time before start time")
    where = put(where, slot("1", "a", f"{DAY}09:44:59Z", f"{DAY}09:59:00Z", "busy-unavailable"), NOON)
    fails("Appointment falls outside schedule planning horizon", f"{c[1]}.schedule")
    where = change("Schedule/a", planningHorizon={"start": f"{DAY}08:50:00Z"})
    fails(CLOSED)
    where = change("Slot/1", status="free")
    where = booked(where, "15:00")
    where = change("Schedule/a", extension=[parameters(bookingLimit=(1, 1, "d"))])
    fails("Booking limit reached for requested service type", f"{c[1]}.schedule")
    where = change("Schedule/a", extension=[parameters(bookingLimit=(2, 1, "d"))])
    assert book(where, "$book", bad, NOON).status == 201


def test_blocking_slots_are_all_that_overlap() -> None:
    other: list[Resource] = [{"coding": [{"code": "other"}]}]
    on = small(
        slot("7", "a", f"{DAY}08:00Z", f"{DAY}09:00Z"),
        slot("6", "a", f"{DAY}09:20Z", f"{DAY}09:50Z", serviceType=other),
        slot("5", "a", f"{DAY}09:10Z", f"{DAY}09:11Z", "busy-unavailable"),
        slot("4", "a", f"{DAY}09:10Z", f"{DAY}09:11Z", "entered-in-error"),
        slot("3", "a", f"{DAY}09:10Z", f"{DAY}09:10Z"),
        slot("2", "a", f"{DAY}09:10Z", f"{DAY}09:20Z", "free"),
    )
    refusal = book(on, "$book", proposal(on, "09:00"), NOON).refusal
    assert refusal is not None and refusal.text == CLOSED and refusal.schedule == "Schedule/a"
    assert refusal.diagnostics == [
        {"reference": "Slot/5", "start": f"{DAY}09:10Z", "end": f"{DAY}09:11Z", "status": "busy-unavailable"},
        {"reference": "Slot/6", "start": f"{DAY}09:20Z", "end": f"{DAY}09:50Z", "status": "busy"},
    ]


@pytest.mark.parametrize(("start", "accepted"), [("09:00", False), ("09:40", True), ("09:30", False)])
def test_buffers_are_absolute_at_capacity_2(start: str, accepted: bool) -> None:
    params = parameters(duration=30, bufferAfter=10, alignmentInterval=10, slotCapacity=2)
    on = booked(small(params=params), "09:00")
    assert slots(on) == [("a", "09:00", "09:30", "busy"), ("a", "09:30", "09:40", "busy-unavailable")]
    stamps = [one.get("extension") for one in on.resources.values() if one["resourceType"] == "Slot"]
    assert stamps == [[{"url": CAPACITY_URL, "valuePositiveInt": 2}], None]
    assert text(book(on, "$book", proposal(on, start), NOON)) == (None if accepted else CLOSED)


def test_what_is_stored_is_what_was_sent_but_for_what_the_ledger_decides() -> None:
    on = small()
    sent = proposal(on, "09:00", id="mine", meta={"versionId": "9"}, comment="please", priority=3)
    sent["extension"] = [{"url": HOLD_EXPIRES_URL, "valueInstant": "2026-03-10T12:15:00.000Z"}]
    sent["contained"].append({"resourceType": "Patient", "id": "p"})
    del sent["start"], sent["end"]
    visit = sent["contained"][0]
    visit["serviceType"] = [service_type("other")]
    visit["comment"] = "mine"
    visit["extension"] = [{"url": CAPACITY_URL, "valuePositiveInt": 7}, {"url": "http://e.org/x", "valueCode": "y"}]
    stored = book(on, "$book", sent, NOON).resources
    meta = {"versionId": "1", "lastUpdated": "2026-03-10T12:00:00.000Z"}
    assert stored == [
        {
            "resourceType": "Appointment",
            "id": "~2~",
            "meta": meta,
            "status": "booked",
            "start": "2026-03-16T09:00:00.000Z",
            "end": "2026-03-16T09:30:00.000Z",
            "comment": "please",
            "priority": 3,
            "serviceType": [service_type("checkup")],
            "participant": [
                {"actor": {"reference": "Practitioner/a"}, "required": "required", "status": "needs-action"}
            ],
            "slot": [{"reference": "Slot/~1~"}],
        },
        {
            "resourceType": "Slot",
            "id": "~1~",
            "meta": meta,
            "schedule": {"reference": "Schedule/a"},
            "status": "busy",
            "start": "2026-03-16T09:00:00.000Z",
            "end": "2026-03-16T09:30:00.000Z",
            "comment": "mine",
            "extension": [{"url": "http://e.org/x", "valueCode": "y"}],
        },
    ]


@pytest.mark.parametrize(("start", "full"), [("2026-03-16T03:00Z", True), ("2026-03-16T04:00Z", False)])
def test_a_booking_limit_counts_in_local_weeks(start: str, full: bool) -> None:
    on = state(
        service(params=parameters(duration=30, bookingLimit=(2, 1, "wk"), timezone=NEW_YORK)),
        practitioner("a"),
        schedule("a"),
    )
    on = booked(booked(on, "2026-03-09T14:00Z"), "2026-03-13T14:00Z")
    wanted = "Booking limit reached for requested service type" if full else None
    assert text(book(on, "$book", proposal(on, start), NOON)) == wanted


# Repeated requests (operations 3)


@pytest.mark.parametrize(
    ("stored", "since", "request_", "start", "answer"),
    [
        ("$book", "", "$book", "09:00", "replay"),
        ("$book", "", "$book", "10:00", TAKEN),
        ("$hold", "", "$book", "09:00", TAKEN),
        ("$hold", "confirmed", "$hold", "09:00", "replay"),
        ("$book", "cancelled", "$book", "09:00", "new"),
        ("$book", "rescheduled", "$book", "09:00", "replay"),
        ("$book", "rescheduled", "$book", "11:00", TAKEN),
    ],
)
def test_the_table_of_repeated_requests(stored: str, since: str, request_: str, start: str, answer: str) -> None:
    on = booked(small(), "09:00", stored, **identified("X"))
    key = the_id(on)
    if since == "confirmed":
        on = confirm(on, key, None, NOON).state
    elif since == "cancelled":
        on = cancel(on, key, None, NOON).state
    elif since == "rescheduled":
        on = reschedule(on, key, moved("11:00", "a"), NOON).state
    outcome = book(on, request_, proposal(on, start, **identified("X")), NOON)
    if answer == "replay":
        assert outcome.status == 200 and outcome.state is on
        kept = on.resources[f"Appointment/{key}"]
        assert outcome.resources == [kept, on.resources[kept["slot"][0]["reference"]]]
    elif answer == "new":
        assert outcome.status == 201
    else:
        assert said(outcome) == (TAKEN, [f"{A}.identifier[0]"])


def test_without_an_identifier_the_same_request_is_a_second_one() -> None:
    on = booked(small(), "09:00")
    assert text(book(on, "$book", proposal(on, "09:00"), NOON)) == CLOSED


def test_identifiers_that_lead_to_different_requests_are_taken() -> None:
    on = booked(booked(small(), "09:00", **identified("X")), "10:00", **identified("Y"))
    outcome = book(on, "$book", proposal(on, "09:00", **identified("Z", "X", "Y")), NOON)
    assert said(outcome) == (TAKEN, [f"{A}.identifier[1]"])
    assert book(on, "$book", proposal(on, "09:00", **identified("Z", "X")), NOON).status == 200


def test_a_missing_system_equals_only_a_missing_system() -> None:
    on = booked(small(), "09:00", identifier=[{"value": "X"}])
    assert text(book(on, "$book", proposal(on, "10:00", **identified("X")), NOON)) is None
    assert text(book(on, "$book", proposal(on, "10:00", identifier=[{"value": "X"}]), NOON)) == TAKEN


def test_other_ways_to_write_the_same_times_are_the_same_proposal() -> None:
    params = parameters(duration=30, alignmentInterval=30, bufferBefore=10)
    on = booked(small(params=params), "09:00", **identified("X"))
    again = proposal(on, "09:00", **identified("X"))
    again["contained"].reverse()
    again["contained"][1].update(start=f"{DAY}10:00:00+01:00", end=f"{DAY}09:30Z")
    again["comment"] = "other"
    assert book(on, "$book", again, NOON).status == 200
