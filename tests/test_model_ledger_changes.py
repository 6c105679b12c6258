"""The model of the ledger against the specification: series, `$confirm`, `$cancel` and `$reschedule`."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from datetime import datetime
from typing import Any

import pytest
from ledger_model import book, cancel, confirm, reschedule
from ledger_model_examples import (
    CLOSED,
    DAY,
    MINUTE,
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
    the_id,
)
from ledger_model_proposals import RECURRENCE_ID, SERIES, template_for
from ledger_model_state import State, put
from support import (
    HOLD_EXPIRES_URL,
    TEMPLATE_URL,
    Resource,
    appointment,
    hours,
    parameters,
    practitioner,
    schedule,
    service,
    service_type,
    slot,
)

# Series (operations 7)


def series(on: State, start: str, count: int, **elements: Any) -> Resource:
    at = datetime.fromisoformat(start)
    return proposal(on, start, extension=[template_for(at, count, NEW_YORK)], **elements)


FIRST = "2026-02-23T14:00:00.000Z"
ASSIGNED = "is assigned to each occurrence of a recurring series, and must not be sent"
NOT = "Unsupported recurrenceTemplate: "


def test_a_series_keeps_the_wall_clock() -> None:
    on = small()
    outcome = book(on, "$book", series(on, FIRST, 3, **identified("X"), requestedPeriod=[{"start": FIRST}]), NOON)
    visits = outcome.resources[::2]
    starts = [FIRST, "2026-03-02T14:00:00.000Z", "2026-03-09T13:00:00.000Z"]
    assert [one["start"] for one in visits] == starts
    assert [one["start"] for one in outcome.resources[1::2]] == starts
    assert ["requestedPeriod" in one for one in visits] == [True, False, False]
    assert [len(one["extension"]) for one in visits] == [2, 1, 1]
    numbers = [[each.get("valuePositiveInt") for each in one["extension"]][-1] for one in visits]
    assert numbers == [1, 2, 3]
    ids = {one["identifier"][1]["value"] for one in visits if one["identifier"][1]["system"] == SERIES}
    assert len(ids) == 1 and all(one["identifier"][0]["value"] == "X" for one in visits)

    on = outcome.state
    again = book(on, "$book", series(on, FIRST, 3, **identified("X")), NOON)
    assert again.status == 200 and again.resources == outcome.resources
    assert text(book(on, "$book", series(on, FIRST, 2, **identified("X")), NOON)) == TAKEN
    assert text(book(on, "$book", proposal(on, FIRST, **identified("X")), NOON)) == TAKEN
    for visit in visits[:2]:
        on = cancel(on, visit["id"], None, NOON).state
        assert text(book(on, "$book", proposal(on, FIRST, **identified("X")), NOON)) == TAKEN
    again = book(on, "$book", series(on, FIRST, 3, **identified("X")), NOON)
    assert [one["resourceType"] for one in again.resources] == ["Appointment"] * 3 + ["Slot"]
    on = cancel(on, visits[2]["id"], None, NOON).state
    assert book(on, "$book", proposal(on, FIRST, **identified("X")), NOON).status == 201


def test_the_first_occurrence_that_fails_is_named() -> None:
    on = small(slot("1", "a", "2026-03-09T13:00Z", "2026-03-09T14:00Z"))
    outcome = book(on, "$book", series(on, FIRST, 3), NOON)
    assert text(outcome) == "Appointment 3 of 3 (2026-03-09T13:00:00.000Z): Requested time slot is not available"
    assert outcome.state is on


@pytest.mark.parametrize(
    ("path", "value", "wanted", "place"),
    [
        ("extension.+", {"url": TEMPLATE_URL}, "Too many recurrenceTemplate extensions", "e0 e1"),
        (
            "identifier",
            [{"value": "X"}, {"system": SERIES, "value": "X"}],
            f"A series identifier {ASSIGNED}",
            "identifier[1]",
        ),
        ("extension.+", {"url": RECURRENCE_ID, "valuePositiveInt": 1}, f"recurrenceId {ASSIGNED}", "e1"),
        (
            "extension.0.extension.2.valuePositiveInt",
            7,
            f"{NOT}occurrenceCount must be an integer between 2 and 6",
            "e0",
        ),
        (
            "contained.0.end",
            "2026-02-23",
            "Times in a recurring series must be instants, with a timezone offset",
            "contained[0].end",
        ),
        (
            "extension.0.extension.0.valueCodeableConcept.coding.0.code",
            "-05:00",
            f"{NOT}timezone must be an IANA timezone",
            "e0",
        ),
        (
            "extension.0.extension.3.extension.1.valuePositiveInt",
            2,
            f"{NOT}must be a weekly series on the first occurrence's weekday, as Appointment/$find returns it",
            "e0",
        ),
    ],
)
def test_a_template_is_as_find_gives_it(path: str, value: Any, wanted: str, place: str) -> None:
    on = small()
    sent = deepcopy(series(on, FIRST, 2))
    *parents, last = path.split(".")
    inner: Any = sent
    for name in parents:
        inner = inner[int(name)] if name.isdigit() else inner[name]
    if last == "+":
        inner.append(value)
    else:
        inner[last] = value
    places = [f"{A}.extension[{one[1]}]" if len(one) == 2 else f"{A}.{one}" for one in place.split()]
    assert said(book(on, "$book", sent, NOON)) == (wanted, places)


def test_a_skipped_time_has_no_occurrence() -> None:
    on = small()
    outcome = book(on, "$book", series(on, "2026-03-01T07:30:00.000Z", 2), NOON)
    assert text(outcome) == (
        "Unsupported recurrenceTemplate: occurrence 2 falls at a local time that doesn't exist in America/New_York"
    )


# $confirm (operations 4)


def held_series() -> tuple[State, list[str]]:
    params = parameters(duration=30, alignmentInterval=30, holdDuration=10, bufferAfter=10)
    on = small(params=params)
    outcome = book(on, "$hold", series(on, FIRST, 3), NOON)
    return outcome.state, [one["id"] for one in outcome.resources if one["resourceType"] == "Appointment"]


def occurrences(code: str) -> Resource:
    return {"resourceType": "Parameters", "parameter": [{"name": "occurrences", "valueCode": code}]}


@pytest.mark.parametrize(
    ("code", "wanted"),
    [(None, [1]), ("this", [1]), ("this-and-following", [1, 2]), ("all", [0, 1, 2])],
)
def test_occurrences_are_confirmed_together(code: str | None, wanted: Sequence[int]) -> None:
    on, ids = held_series()
    outcome = confirm(on, ids[1], occurrences(code) if code else None, NOON)
    assert outcome.status == 200
    confirmed = [one for one in outcome.resources if one["resourceType"] == "Appointment"]
    assert [one["id"] for one in confirmed] == [ids[number] for number in wanted]
    assert {one["status"] for one in confirmed} == {"booked"}
    assert not [each for one in confirmed for each in one["extension"] if each["url"] == HOLD_EXPIRES_URL]
    changed = [one for one in outcome.resources if one["resourceType"] == "Slot"]
    assert [one["status"] for one in changed] == ["busy", "busy-unavailable"] * len(wanted)
    assert [one["meta"]["versionId"] for one in changed] == ["2", "1"] * len(wanted)


def test_the_checks_of_confirm_in_order() -> None:
    on, ids = held_series()
    key = ids[0]
    assert said(confirm(on, "none", occurrences("some"), NOON)) == (
        "occurrences must be one of this, this-and-following, all",
        ["Parameters.occurrences"],
    )
    assert confirm(on, "none", None, NOON).status == 404
    assert text(confirm(on, key, None, NOON + 10 * MINUTE)) == "Hold has expired"
    recorded = booked(on, "15:00", now=NOON + 10 * MINUTE)
    assert text(confirm(recorded, key, None, NOON)) == "Hold has expired"
    gone = cancel(on, key, None, NOON).state
    assert text(confirm(gone, key, None, NOON)) == "Appointment cannot be confirmed in 'cancelled' status"
    single = small(appointment("x", ["1"], status="proposed"), slot("1", "a", f"{DAY}09:00Z", f"{DAY}09:30Z"))
    assert said(confirm(single, "x", occurrences("all"), NOON)) == (
        "Appointment is not part of a recurring series",
        ["Parameters.occurrences"],
    )
    for changed, wanted, place in (
        ({"HealthcareService/checkup": None}, "Loading HealthcareService failed", "serviceType[0]"),
        ({"HealthcareService/checkup": {"active": False}}, "HealthcareService is inactive", "serviceType[0]"),
        ({"Slot/1": None, "Schedule/a": None}, "Loading slots failed", "slot[0]"),
        ({"Schedule/a": None}, "Loading Schedule failed", "slot[0].schedule"),
        ({"Schedule/a": {"active": False}}, "Schedule is inactive", "slot[0].schedule"),
    ):
        resources = dict(single.resources)
        for reference, elements in changed.items():
            if elements is None:
                del resources[reference]
            else:
                resources[reference] = {**resources[reference], **elements}
        outcome = confirm(State(resources, NOON, versions=single.versions), "x", None, NOON)
        assert said(outcome) == (wanted, [f"Appointment.{place}"])
    assert confirm(single, "x", None, NOON).status == 200


# The status machine (operations 5)


@pytest.mark.parametrize(
    ("status", "confirming", "cancelling", "moving"),
    [
        ("proposed", "booked", None, None),
        ("pending", "booked", "cancelled", "pending"),
        ("booked", None, "cancelled", "booked"),
        *(
            (status, None, None, None)
            for status in ("arrived", "checked-in", "fulfilled", "noshow", "waitlist", "entered-in-error", "cancelled")
        ),
    ],
)
def test_the_status_machine(status: str, confirming: str | None, cancelling: str | None, moving: str | None) -> None:
    on = small(appointment("x", ["1"], status=status), slot("1", "a", f"{DAY}09:00Z", f"{DAY}09:30Z"))
    for verb, outcome, wanted in (
        ("confirmed", confirm(on, "x", None, NOON), confirming),
        ("canceled", cancel(on, "x", None, NOON), cancelling),
        ("rescheduled", reschedule(on, "x", moved("10:00", "a"), NOON), moving),
    ):
        if wanted is None:
            assert text(outcome) == f"Appointment cannot be {verb} in '{status}' status"
        else:
            assert outcome.resources[0]["status"] == wanted


def test_a_lapsed_hold_is_refused_as_cancelled() -> None:
    on, ids = held_series()
    late = NOON + 10 * MINUTE
    assert text(cancel(on, ids[0], None, late)) == "Appointment cannot be canceled in 'cancelled' status"
    outcome = reschedule(on, ids[0], moved("10:00", "a"), late)
    assert text(outcome) == "Appointment cannot be rescheduled in 'cancelled' status"


# $cancel (operations 6)


def test_cancelling_deletes_the_slots_and_keeps_the_references() -> None:
    params = parameters(duration=30, alignmentInterval=30, bufferAfter=10)
    on = booked(small(params=params), "09:00", cancelationReason={"text": "before"})
    key = the_id(on)
    plain = cancel(on, key, None, NOON)
    assert plain.resources[0]["cancelationReason"] == {"text": "before"}
    assert len(plain.resources[0]["slot"]) == 2 and slots(plain.state) == []
    reason = {"name": "cancelationReason", "valueCodeableConcept": {"text": "after"}}
    reference = {"name": "appointment-reference", "valueReference": {"reference": f"Appointment/{key}"}}
    body: Resource = {"resourceType": "Parameters", "parameter": [reason, reference]}
    assert cancel(on, None, body, NOON).resources[0]["cancelationReason"] == {"text": "after"}
    again = cancel(plain.state, key, None, NOON)
    assert text(again) == "Appointment cannot be canceled in 'cancelled' status"


@pytest.mark.parametrize(
    ("parameter", "wanted", "places"),
    [
        ([], "Expected at least 1 value(s) for required input parameter 'appointment-reference'", []),
        (["Slot/x"], "Invalid appointment-reference reference", ["Parameters.appointment-reference"]),
        (["Appointment/none"], "Not found", []),
        (["Appointment/x"], "Loading slots failed", ["Appointment.slot[1]"]),
    ],
)
def test_the_checks_of_cancel_in_order(parameter: list[str], wanted: str, places: list[str]) -> None:
    on = small(appointment("x", ["1", "2"]), slot("1", "a", f"{DAY}09:00Z", f"{DAY}09:30Z"))
    given = [{"name": "appointment-reference", "valueString": one} for one in parameter]
    outcome = cancel(on, None, {"resourceType": "Parameters", "parameter": given}, NOON)
    assert said(outcome) == (wanted, places)


# $reschedule (operations 8)


def crew(before: str) -> State:
    """An Appointment x of these schedules, of a patient and of the actors of these schedules."""
    on = state(
        service(),
        *(practitioner(name) for name in "ab"),
        practitioner("r", kind="Location"),
        schedule("a"),
        schedule("b"),
        schedule("r", actor="Location/r"),
        *(slot(name, name, f"{DAY}09:00Z", f"{DAY}09:30Z") for name in before.split()),
    )
    actors = {"a": ("Practitioner/a", "accepted"), "r": ("Location/r", "accepted")}
    participants = [("Patient/p", "accepted"), *(actors[one] for one in before.split())]
    taking = [{"actor": {"reference": actor}, "status": status} for actor, status in participants]
    return put(on, appointment("x", before.split(), participant=taking), NOON)


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ("a r", "b r", ["Patient/p accepted", "Location/r accepted", "Practitioner/b needs-action"]),
        ("a", "a", ["Patient/p accepted", "Practitioner/a accepted"]),
    ],
)
def test_participants_follow_their_schedules(before: str, after: str, wanted: list[str]) -> None:
    outcome = reschedule(crew(before), "x", moved("10:00", *after.split()), NOON)
    changed = outcome.resources[0]
    assert [f"{one['actor']['reference']} {one['status']}" for one in changed["participant"]] == wanted
    assert (changed["start"], changed["end"]) == ("2026-03-16T10:00:00.000Z", "2026-03-16T10:30:00.000Z")
    assert slots(outcome.state) == [(name, "10:00", "10:30", "busy") for name in sorted(after.split())]


def test_own_slots_do_not_stand_in_the_way() -> None:
    on = booked(small(params=parameters(duration=30, alignmentInterval=10, bufferBefore=10)), "09:00", "$hold")
    outcome = reschedule(on, the_id(on), moved("09:10", "a"), NOON)
    assert outcome.resources[0]["status"] == "pending"
    assert slots(outcome.state) == [
        ("a", "09:00", "09:10", "busy-unavailable"),
        ("a", "09:10", "09:40", "busy-tentative"),
    ]
    comments = [one.get("comment") for one in outcome.resources[1:]]
    assert comments == [None, "buffer before appointment"]


def test_the_checks_of_reschedule_in_order() -> None:
    on = crew("a")
    body = moved("2026-03-16T10:00", "a", "none", "b")
    body["parameter"][2]["valueReference"]["reference"] = "Practitioner/none"

    def fails(where: State, wanted: str, *places: str, key: str = "x") -> None:
        assert said(reschedule(where, key, body, NOON)) == (wanted, list(places))

    def change(reference: str, **elements: Any) -> State:
        changed = {**on.resources[reference], **elements}
        return put(on, {name: value for name, value in changed.items() if value is not None}, NOON)

    p = [f"Parameters.schedule[{number}]" for number in range(3)]
    fails(on, "Invalid start time", "Parameters.start")
    body["parameter"][0]["valueDateTime"] = f"{DAY}10:01:00Z"
    fails(on, "Invalid schedule reference", p[1])
    body["parameter"][2]["valueReference"]["reference"] = "Schedule/none"
    fails(on, "Not found", key="none")
    on = change("Appointment/x", status="cancelled", serviceType=None)
    fails(on, "Appointment cannot be rescheduled in 'cancelled' status")
    on = change("Appointment/x", status="booked")
    fails(on, "Appointment has no service reference", "Appointment.serviceType")
    on = change("Appointment/x", serviceType=[service_type("checkup"), service_type("none")])
    fails(on, "Appointment has too many service references", "Appointment.serviceType")
    on = change("Appointment/x", serviceType=[{}, service_type("none")], slot=[{"reference": "Slot/none"}])
    fails(on, "Loading schedule failed", p[1])
    del body["parameter"][2]
    fails(on, "Loading HealthcareService failed", "Appointment.serviceType[1]")
    on = change("Appointment/x", serviceType=[{}, service_type("checkup")])
    on = change("Schedule/a", active=False)
    on = change("HealthcareService/checkup", active=False)
    on = change("Schedule/b", actor=[], serviceType=None, extension=[parameters(duration=40, bufferAfter=(1, "s"))])
    fails(on, "HealthcareService is inactive", "Appointment.serviceType[1]")
    on = change("HealthcareService/checkup", active=None)
    fails(on, "Schedule is inactive", p[0])
    on = change("Schedule/a", active=None)
    fails(on, "Scheduling only supported on schedules with exactly one actor", p[1])
    on = change("Schedule/b", actor=[{"reference": "Practitioner/b"}])
    fails(on, 'Got unhandled duration unit "s"', f"{p[1]}.extension[0].extension[1]")
    on = change("Schedule/b", extension=[parameters(duration=40)])
    fails(on, "Schedule is not schedulable for requested service type", p[1])
    on = change("Schedule/b", serviceType=[service_type("checkup")])
    places = ("Appointment.serviceType[1].extension[0].extension[0]", f"{p[1]}.extension[0].extension[0]")
    fails(on, "Scheduling parameters attribute 'duration' does not match", *places)
    on = change("Schedule/b", extension=[parameters(alignmentOffset=5)])
    places = ("Appointment.serviceType[1]", f"{p[1]}.extension[0].extension[0]")
    fails(on, "Scheduling parameters attribute 'alignmentOffset' does not match", *places)
    closed = hours("tue", "09:00:00", "10:00:00")
    on = change("Schedule/b", extension=[parameters(availability=[closed])])
    fails(on, "Start time is not aligned to the scheduling grid", "Parameters.start")
    body["parameter"][0]["valueDateTime"] = f"{DAY}10:00:00Z"
    fails(on, "Loading slots failed", "Appointment.slot[0]")
    on = put(on, slot("none", "none", f"{DAY}09:00Z", f"{DAY}09:30Z"), NOON)
    fails(on, "Loading schedules for existing slots failed", "Appointment.slot[0].schedule")
    on = change("Appointment/x", slot=[{"reference": "Slot/a"}])
    fails(on, CLOSED)
    on = change("Schedule/b", extension=None)
    assert reschedule(on, "x", body, NOON).status == 200
