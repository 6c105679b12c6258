"""`$reschedule`: how a request is read and judged (operations.md, section 8, the table of checks)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from ledger_support import (
    NOW,
    UNAVAILABLE,
    Answer,
    Clinic,
    Fault,
    NewClinic,
    accepted,
    basic,
    body,
    buffer,
    change,
    clock,
    not_found,
    paths,
    proposal,
    reference,
    refused,
    remove,
    replace,
    spans,
    together,
    visit,
)
from ledger_support import clinic_fixture as clinic_fixture
from support import (
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

START = ("start", "valueDateTime", clock("10:00"))
A_AND_B = [("schedule", "valueString", f"Schedule/{one}") for one in "ab"]
ON_A = A_AND_B[0]
# Appointment/x is booked at 09:00 on a, b and c.
STORED = [
    *(slot(f"s{index}", one, clock("09:00"), clock("09:30")) for index, one in enumerate("abc")),
    appointment("x", ["s0", "s1", "s2"]),
    schedule("c"),
    practitioner("c"),
]


def move(clinic: Clinic, *entries: tuple[str, str, Any], id: str = "x") -> Answer:
    return clinic.ask(f"Appointment/{id}/$reschedule", body(*entries))


# How the request is read.


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ([ON_A], "Expected 1 value(s) for input parameter start, but 0 provided"),
        ([START, START, ON_A], "Expected 1 value(s) for input parameter start, but 2 provided"),
        ([("start", "valueInteger", 1), ON_A], "Expected 1 value(s) for input parameter start, but 0 provided"),
        ([START], "Expected 1..* value(s) for input parameter schedule, but 0 provided"),
        (
            [START, ("schedule", "valueInteger", 1)],
            "Expected 1..* value(s) for input parameter schedule, but 0 provided",
        ),
    ],
)
def test_start_and_schedules_are_expected(clinic: NewClinic, entries: list[tuple[str, str, Any]], text: str) -> None:
    assert refused(move(clinic(*basic(*STORED)), *entries)) == (text, None)


@pytest.mark.parametrize("sent", [{"resourceType": "Appointment", "id": "x"}, {"resourceType": "Patient"}, {}])
def test_a_body_of_another_kind_is_refused(clinic: NewClinic, sent: Resource) -> None:
    opened = clinic(*basic(*STORED))
    assert refused(opened.ask("Appointment/x/$reschedule", sent)) == ("Invalid request body", None)


@pytest.mark.parametrize(
    ("key", "value", "start"),
    [
        ("valueDateTime", "2026-03-16T10:00:00Z", "2026-03-16T10:00:00.000Z"),
        ("valueInstant", "2026-03-16T11:00:00.000+01:00", "2026-03-16T10:00:00.000Z"),
        ("valueString", "2026-03-16T10:00Z", "2026-03-16T10:00:00.000Z"),
        ("valueDate", "2026-03-18", "2026-03-18T00:00:00.000Z"),
        ("valueDateTime", "2026-03-18", "2026-03-18T00:00:00.000Z"),
        ("valueDateTime", "2020-01-01T00:00:00-00:30", "2020-01-01T00:30:00.000Z"),
    ],
)
def test_the_start(clinic: NewClinic, key: str, value: str, start: str) -> None:
    # a bare date is midnight UTC, whatever the zone of the schedule
    opened = clinic(*basic(*STORED, practitioner("a", "America/New_York")))
    moved = accepted(move(opened, ("start", key, value), ON_A), 200)[0]
    assert moved["start"] == start


@pytest.mark.parametrize(
    "value", ["soon", "2026-03-16T10:00:00", "2026-03", "10:00", "2026-02-30", "2026-03-16T25:00Z"]
)
def test_an_unreadable_start(clinic: NewClinic, value: str) -> None:
    answer = move(clinic(*basic(*STORED)), ("start", "valueDateTime", value), ON_A)
    assert refused(answer) == ("Invalid start time", ["Parameters.start"])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("valueReference", {"reference": "Schedule/b", "display": "B"}),
        ("valueString", "Schedule/b"),
        ("valueUri", "Schedule/b"),
    ],
)
def test_the_schedules(clinic: NewClinic, key: str, value: Any) -> None:
    opened = clinic(*basic(*STORED))
    assert spans(accepted(move(opened, START, ("schedule", key, value)), 200)[1:]) == [("b", "10:00", "10:30", "busy")]


@pytest.mark.parametrize("name", ["Practitioner/b", "b", "Schedule?actor=Practitioner/b", "schedule/b"])
def test_other_references_are_invalid(clinic: NewClinic, name: str) -> None:
    answer = move(clinic(*basic(*STORED)), START, ON_A, ("schedule", "valueString", name))
    assert refused(answer) == ("Invalid schedule reference", ["Parameters.schedule[1]"])


@pytest.mark.parametrize("name", ["Schedule/none", "Schedule/", "Schedule//", "Schedule/a b"])
def test_a_schedule_that_cannot_be_read(clinic: NewClinic, name: str) -> None:
    answer = move(clinic(*basic(*STORED)), START, ON_A, ("schedule", "valueString", name))
    assert refused(answer) == ("Loading schedule failed", ["Parameters.schedule[1]"])


def test_a_repeated_schedule_counts_once(clinic: NewClinic) -> None:
    opened = clinic(*basic(*STORED))
    again = ("schedule", "valueReference", {"reference": "Schedule/b"})
    _, *slots = accepted(move(opened, START, A_AND_B[1], ON_A, again), 200)
    assert [one[0] for one in spans(slots)] == ["b", "a"]


# The checks.


def at_place(index: int, name: str) -> Callable[[Resource], Any]:
    def work(asked: Resource) -> None:
        asked["schedules"][index] = ("schedule", "valueString", name)

    return work


ROWS = [
    Fault("start", "Invalid start time", paths("Parameters.start"), replace(start="soon")),
    Fault(
        "reference",
        "Invalid schedule reference",
        paths("Parameters.schedule[1]"),
        at_place(1, "Practitioner/b"),
        excludes=("not schedulable", "attribute"),
    ),
    Fault("missing", "Not found", sent=replace(id="none")),
    Fault(
        "status",
        "Appointment cannot be rescheduled in 'noshow' status",
        stored=change("Appointment/x", status="noshow"),
    ),
    Fault(
        "no service",
        "Appointment has no service reference",
        paths("Appointment.serviceType"),
        stored=change("Appointment/x", serviceType=[{"text": "x"}]),
        excludes=("services",),
    ),
    Fault(
        "services",
        "Appointment has too many service references",
        paths("Appointment.serviceType"),
        stored=change("Appointment/x", serviceType=[service_type("checkup"), service_type("xray")]),
    ),
    Fault(
        "schedule",
        "Loading schedule failed",
        paths("Parameters.schedule[1]"),
        at_place(1, "Schedule/none"),
        excludes=("not schedulable", "attribute"),
    ),
    Fault(
        "service",
        "Loading HealthcareService failed",
        paths("Appointment.serviceType[0]"),
        stored=remove("HealthcareService/checkup"),
        excludes=("service inactive", "service parameters"),
    ),
    Fault(
        "service inactive",
        "HealthcareService is inactive",
        paths("Appointment.serviceType[0]"),
        stored=change("HealthcareService/checkup", active=False),
    ),
    Fault(
        "schedule inactive",
        "Schedule is inactive",
        paths("Parameters.schedule[0]"),
        stored=change("Schedule/a", active=False),
    ),
    Fault(
        "actors",
        "Scheduling only supported on schedules with exactly one actor",
        paths("Parameters.schedule[0]"),
        stored=change("Schedule/a", actor=[{"reference": "Practitioner/a"}, {"reference": "Practitioner/b"}]),
    ),
    Fault(
        "service parameters",
        "slotCapacity must be a positive integer",
        paths("Appointment.serviceType[0].extension[0].extension[1]"),
        stored=change("HealthcareService/checkup", extension=[parameters(duration=30, slotCapacity=0)]),
    ),
    Fault(
        "schedule parameters",
        'Got unhandled duration unit "s"',
        paths("Parameters.schedule[0].extension[0].extension[0]"),
        stored=change("Schedule/a", extension=[parameters(bufferAfter=(60, "s"))]),
        excludes=("limit",),
    ),
    Fault(
        "zone",
        "No timezone specified",
        paths("Parameters.schedule[0].actor[0]"),
        stored=change("Practitioner/a", extension=None),
    ),
    Fault(
        "not schedulable",
        "Schedule is not schedulable for requested service type",
        paths("Parameters.schedule[1]"),
        stored=change("Schedule/b", serviceType=[service_type("xray")]),
    ),
    Fault(
        "attribute",
        "Scheduling parameters attribute 'duration' does not match",
        paths(
            "Appointment.serviceType[0].extension[0].extension[0]", "Parameters.schedule[1].extension[0].extension[0]"
        ),
        stored=change("Schedule/b", extension=[parameters(duration=45)]),
    ),
    Fault(
        "grid",
        "Start time is not aligned to the scheduling grid",
        paths("Parameters.start"),
        replace(start=clock("10:05")),
    ),
    Fault("slot", "Loading slots failed", paths("Appointment.slot[1]"), stored=remove("Slot/s1")),
    Fault(
        "schedule of a slot",
        "Loading schedules for existing slots failed",
        paths("Appointment.slot[2].schedule"),
        stored=remove("Schedule/c"),
    ),
    Fault(
        "unusable",
        "Slot/bad has invalid start or end time",
        stored=lambda clinic: clinic.add(slot("bad", "a", "noon", "one")),
    ),
    Fault(
        "horizon",
        "Appointment falls outside schedule planning horizon",
        paths("Parameters.schedule[0]"),
        stored=change("Schedule/a", planningHorizon={"end": NOW}),
    ),
    Fault(
        "taken",
        UNAVAILABLE,
        stored=lambda clinic: clinic.add(slot("t", "a", clock("10:00"), clock("10:10"))),
    ),
    Fault(
        "limit",
        "Booking limit reached for requested service type",
        paths("Parameters.schedule[0]"),
        stored=lambda clinic: (
            clinic.add(slot("l", "a", clock("15:00"), clock("15:30")), appointment("l", ["l"])),
            clinic.change("Schedule/a", extension=[parameters(bookingLimit=(1, 1, "d"))]),
        ),
    ),
]


@pytest.mark.parametrize(("first", "made"), together(ROWS))
def test_checks_in_order(clinic: NewClinic, first: Fault, made: Sequence[Fault]) -> None:
    opened = clinic(*basic(*STORED, service("xray")))
    asked: Resource = {"id": "x", "start": clock("10:00"), "schedules": list(A_AND_B)}
    for fault in made:
        fault.stored(opened)
        fault.sent(asked)
    answer = move(opened, ("start", "valueDateTime", asked["start"]), *asked["schedules"], id=asked["id"])
    assert not_found(answer) if first.name == "missing" else refused(answer) == first.refusal(asked)


def test_schedules_are_examined_one_after_the_other(clinic: NewClinic) -> None:
    two = {**schedule("a"), "actor": [{"reference": "Practitioner/a"}, {"reference": "Practitioner/b"}]}
    opened = clinic(*basic(*STORED, two, schedule("b", active=False)))
    text = "Scheduling only supported on schedules with exactly one actor"
    assert refused(move(opened, START, *A_AND_B)) == (text, ["Parameters.schedule[0]"])
    assert refused(move(opened, START, *A_AND_B[::-1])) == ("Schedule is inactive", ["Parameters.schedule[0]"])


@pytest.mark.parametrize("types", [None, [], [{"coding": [{"code": "checkup"}]}]])
def test_an_appointment_needs_a_service(clinic: NewClinic, types: Any) -> None:
    opened = clinic(*basic(*STORED))
    opened.change("Appointment/x", serviceType=types)
    assert refused(move(opened, START, ON_A)) == ("Appointment has no service reference", ["Appointment.serviceType"])


def test_one_service_may_be_named_several_times(clinic: NewClinic) -> None:
    opened = clinic(*basic(*STORED))
    opened.change("Appointment/x", serviceType=[{"text": "x"}, service_type("checkup"), service_type("checkup")])
    assert accepted(move(opened, START, ON_A), 200)
    # it is named at the first concept that refers to it
    opened.change("HealthcareService/checkup", active=False)
    assert refused(move(opened, START, ON_A)) == ("HealthcareService is inactive", ["Appointment.serviceType[1]"])


def test_the_sent_service_types_of_schedules_are_compared_as_strings(clinic: NewClinic) -> None:
    for name in ("HealthcareService/checkup/_history/1", "http://e.org/HealthcareService/checkup"):
        types = [service_type("checkup")]
        types[0]["extension"][0]["valueReference"]["reference"] = name
        opened = clinic(*basic(*STORED, schedule("a", serviceType=types)))
        expected = ("Schedule is not schedulable for requested service type", ["Parameters.schedule[0]"])
        assert refused(move(opened, START, ON_A)) == expected


@pytest.mark.parametrize(
    ("fields_a", "fields_b", "attribute", "places"),
    [
        ({}, {"duration": 45}, "duration", ("service.extension[0].extension[0]", "b.extension[0].extension[0]")),
        ({"duration": 45}, {}, "duration", ("a.extension[0].extension[0]", "service.extension[0].extension[0]")),
        ({}, {"alignmentOffset": 15}, "alignmentOffset", ("service", "b.extension[0].extension[0]")),
        (
            {"alignmentTimezone": "Etc/UTC"},
            {"alignmentTimezone": "UTC"},
            "alignmentTimezone",
            ("a.extension[0].extension[0]", "b.extension[0].extension[0]"),
        ),
        (
            {"alignmentInterval": 15, "duration": 20},
            {"alignmentInterval": 20, "duration": 15},
            "duration",
            ("a.extension[0].extension[1]", "b.extension[0].extension[1]"),
        ),
        (
            {},
            {"alignmentOffset": 15, "alignmentInterval": 15},
            "alignmentInterval",
            ("service.extension[0].extension[1]", "b.extension[0].extension[1]"),
        ),
        ({"duration": (0.5, "h")}, {}, None, None),
        ({"alignmentInterval": 30}, {"alignmentOffset": 0}, None, None),
        ({"bufferAfter": 10, "slotCapacity": 3}, {"bookingLimit": (3, 1, "d"), "timezone": "Asia/Tokyo"}, None, None),
    ],
)
def test_attributes_that_must_match(
    clinic: NewClinic,
    fields_a: dict[str, Any],
    fields_b: dict[str, Any],
    attribute: str | None,
    places: tuple[str, str] | None,
) -> None:
    own = [schedule("a", parameters(**fields_a)), schedule("b", parameters(**fields_b))]
    answer = move(clinic(*basic(*STORED, *own)), START, *A_AND_B)
    if attribute is None or places is None:
        assert accepted(answer, 200)
        return
    roots = {"service": "Appointment.serviceType[0]", "a": "Parameters.schedule[0]", "b": "Parameters.schedule[1]"}
    expected = [place.replace(place.split(".")[0], roots[place.split(".")[0]], 1) for place in places]
    assert refused(answer) == (f"Scheduling parameters attribute '{attribute}' does not match", expected)


@pytest.mark.parametrize("start", ["10:00:30", "10:15", "2026-03-16T10:00:00.001Z"])
def test_starts_off_the_grid(clinic: NewClinic, start: str) -> None:
    answer = move(clinic(*basic(*STORED)), ("start", "valueDateTime", clock(start)), ON_A)
    assert refused(answer) == ("Start time is not aligned to the scheduling grid", ["Parameters.start"])


# Availability.


def test_the_current_slots_are_taken_as_deleted(clinic: NewClinic) -> None:
    opened = clinic(*basic(bufferBefore=30, bufferAfter=30, slotCapacity=2))
    sent = proposal(visit("a", "09:00"), buffer("a", "08:30", "09:00"), buffer("a", "09:30", "10:00"))
    booked = accepted(opened.book(sent))[0]
    for start in ("09:30", "09:30", "09:00", "08:30"):
        assert accepted(opened.reschedule(booked["id"], start, "a"), 200)
    assert len(opened.slots()) == 3


def test_diagnostics_do_not_list_the_current_slots(clinic: NewClinic) -> None:
    taken = slot("t", "b", clock("10:00"), clock("10:10"))
    opened = clinic(*basic(*STORED, taken, slot("u", "a", clock("10:00"), clock("11:00"), "free")))
    opened.change("Slot/s1", end=clock("10:30"))
    answer = move(opened, START, *A_AND_B)
    assert refused(answer) == (UNAVAILABLE, None)
    blocking = [{"reference": "Slot/t", "start": taken["start"], "end": taken["end"], "status": "busy"}]
    found = answer[1]["issue"][0]["diagnostics"]
    assert found == json.dumps({"schedule": "Schedule/b", "blockingSlots": blocking}, separators=(",", ":"))


def test_its_own_booking_does_not_count_for_the_limit(clinic: NewClinic) -> None:
    opened = clinic(*basic(schedule("a", parameters(bookingLimit=(1, 1, "wk")))))
    first = opened.booked(visit("a", "09:00"))
    second = opened.booked(visit("a", "2026-03-23T09:00:00.000Z"))
    assert accepted(opened.reschedule(first["id"], "2026-03-17T09:00:00.000Z", "a"), 200)
    text = "Booking limit reached for requested service type"
    answer = opened.reschedule(second["id"], "2026-03-18T09:00:00.000Z", "a")
    assert refused(answer) == (text, ["Parameters.schedule[0]"])


def test_a_duration_of_zero_is_never_available(clinic: NewClinic) -> None:
    opened = clinic(*basic(*STORED))
    opened.change("HealthcareService/checkup", extension=[parameters(duration=0)])
    assert refused(move(opened, START, ON_A)) == (UNAVAILABLE, None)


@pytest.mark.parametrize(("start", "inside"), [("16:30", True), ("17:00", False), ("08:30", False)])
def test_visits_lie_in_open_time(clinic: NewClinic, start: str, inside: bool) -> None:
    own = schedule("a", parameters(availability=[hours("mon", "09:00:00", "17:00:00")]))
    answer = move(clinic(*basic(*STORED, own)), ("start", "valueDateTime", clock(start)), ON_A)
    assert answer[0] == (200 if inside else 400)
    assert inside or refused(answer) == (UNAVAILABLE, None)


def test_the_buffers_of_each_schedule_are_judged(clinic: NewClinic) -> None:
    own = schedule("b", parameters(bufferAfter=30))
    opened = clinic(*basic(*STORED, own, slot("t", "b", clock("10:30"), clock("11:00"))))
    assert refused(move(opened, START, *A_AND_B)) == (UNAVAILABLE, None)
    assert accepted(move(opened, START, ON_A), 200)
    assert reference(opened.read("Slot/t")) == "Slot/t"


@pytest.mark.parametrize(
    ("stored", "text", "place"),
    [
        # a breaks a later row than b
        ([schedule("a", parameters(duration=-1)), schedule("b", active=False)], "Schedule is inactive", ""),
        (
            [schedule("a", services=()), schedule("b", parameters(duration=-1))],
            "Got duration with negative value",
            ".extension[0].extension[0]",
        ),
        (
            [slot("t", "a", "noon", "one"), schedule("b", services=())],
            "Schedule is not schedulable for requested service type",
            "",
        ),
    ],
)
def test_each_row_is_judged_for_all_schedules_before_the_next(
    clinic: NewClinic, stored: list[Resource], text: str, place: str
) -> None:
    answer = move(clinic(*basic(*STORED, *stored)), START, *A_AND_B)
    assert refused(answer) == (text, [f"Parameters.schedule[1]{place}"])


def test_current_slots_that_are_unusable_are_no_error(clinic: NewClinic) -> None:
    opened = clinic(*basic(*STORED))
    opened.change("Slot/s0", start="noon")
    assert accepted(move(opened, START, ON_A), 200)
