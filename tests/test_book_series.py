"""Weekly series with `$book` and `$hold` (operations.md, section 7)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import pytest
from ledger_support import (
    BOOK,
    HOLD,
    NOW,
    RECURRENCE_ID_URL,
    SERIES_SYSTEM,
    UNAVAILABLE,
    UUID,
    Clinic,
    Fault,
    NewClinic,
    accepted,
    at,
    bare,
    basic,
    body,
    buffer,
    expiry,
    extension,
    fixed,
    later,
    named,
    proposal,
    refused,
    replace,
    slot_references,
    template,
    together,
    visit,
)
from ledger_support import clinic_fixture as clinic_fixture
from support import TEMPLATE_URL, Resource, hours, parameters, schedule, slot

both = pytest.mark.parametrize("operation", [BOOK, HOLD])
T = "Unsupported recurrenceTemplate: "
LIKE_FIND = f"{T}must be a weekly series on the first occurrence's weekday, as Appointment/$find returns it"
ZONE = f"{T}timezone must be an IANA timezone"
COUNT = f"{T}occurrenceCount must be an integer between 2 and 6"
TIMES = "Times in a recurring series must be instants, with a timezone offset"
SERIES_IDENTIFIER = "A series identifier is assigned to each occurrence of a recurring series, and must not be sent"
RECURRENCE_ID = "recurrenceId is assigned to each occurrence of a recurring series, and must not be sent"
LIMIT = "Booking limit reached for requested service type"
# Monday 09:00 in New York; 2026-03-02T14:00Z and 2026-03-09T13:00Z follow.
START = "2026-02-23T14:00:00.000Z"


def series(
    *slots: Resource,
    start: str = START,
    day: str = "monday",
    count: Any = 2,
    zone: str = "America/New_York",
    **more: Any,
) -> Resource:
    """A weekly series, of a visit on schedule a if no Slots are given."""
    sent = proposal(*(slots or (visit("a", start),)))
    return {**sent, "start": start, "extension": [template(day, count, zone)], **more}


def ask(clinic: Clinic, operation: str, sent: Resource, *more: tuple[str, str, Any]) -> list[list[Resource]]:
    """Each Appointment made, with its Slots."""
    found = accepted(clinic.ask(operation, body(("appointment", "resource", sent), *more)))
    firsts = [index for index, one in enumerate(found) if one["resourceType"] == "Appointment"]
    return [found[one:other] for one, other in zip(firsts, [*firsts[1:], len(found)], strict=True)]


def starts(made: Sequence[Sequence[Resource]]) -> list[str]:
    return [one[0]["start"] for one in made]


# The checks.


def sub(name: str) -> Callable[[Resource], Resource]:
    """A sub-extension of the first template."""
    return lambda sent: next(one for one in sent["extension"][0]["extension"] if one["url"] == name)


def in_template(name: str, **elements: Any) -> Callable[[Resource], Any]:
    return lambda sent: sub(name)(sent).update(elements)


def all_of(url: str) -> Callable[[Resource], list[str]]:
    return lambda sent: at(*(f"extension[{index}]" for index, one in enumerate(sent["extension"]) if one["url"] == url))


def extended(extension: Resource) -> Callable[[Resource], Any]:
    return lambda sent: sent["extension"].append(deepcopy(extension))


def in_the_gap(sent: Resource) -> None:
    """Sunday 2026-03-01 02:30; there is no 02:30 a week later."""
    moved = {"start": "2026-03-01T07:30:00.000Z", "end": "2026-03-01T08:00:00.000Z"}
    sent.update(moved, extension=[template("sunday")])
    for one in sent["contained"]:
        one.update(moved)


def zone(code: Any) -> Resource:
    return {"coding": [{"system": "https://www.iana.org/time-zones", "code": code}]}


IDENTIFIERS = [*named("x"), *named("mine", system=SERIES_SYSTEM)]
NUMBER = {"url": RECURRENCE_ID_URL, "valuePositiveInt": 1}
ROWS = [
    Fault("several", "Too many recurrenceTemplate extensions", all_of(TEMPLATE_URL), extended(template())),
    Fault("identifier", SERIES_IDENTIFIER, fixed("identifier[1]"), replace(identifier=IDENTIFIERS)),
    Fault("number", RECURRENCE_ID, all_of(RECURRENCE_ID_URL), extended(NUMBER)),
    Fault("count", COUNT, fixed("extension[0]"), in_template("occurrenceCount", valuePositiveInt=7)),
    Fault("times", TIMES, fixed("end"), replace(end="2026-02-23T14:30:00")),
    Fault("zone", ZONE, fixed("extension[0]"), in_template("timezone", valueCodeableConcept=zone("Mars/Base"))),
    Fault(
        "template",
        LIKE_FIND,
        fixed("extension[0]"),
        lambda sent: sub("weeklyTemplate")(sent)["extension"][1].update(valuePositiveInt=2),
    ),
    Fault(
        "gap",
        f"{T}occurrence 2 falls at a local time that doesn't exist in America/New_York",
        fixed("extension[0]"),
        in_the_gap,
    ),
    Fault(
        "service",
        f"Appointment 1 of 2 ({START}): Appointment has no service reference",
        fixed("serviceType"),
        replace(serviceType=[]),
    ),
]


@both
@pytest.mark.parametrize(("first", "made"), together(ROWS))
def test_checks_in_order(clinic: NewClinic, operation: str, first: Fault, made: Sequence[Fault]) -> None:
    sent = series()
    for fault in made:
        fault.sent(sent)
    assert refused(clinic().ask(operation, sent)) == first.refusal(sent)


def test_hold_minutes_come_first(clinic: NewClinic) -> None:
    answer = clinic().hold(series(extension=[template(), template()]), 0)
    assert refused(answer) == ("Invalid hold-minutes, minimum required is 1", ["Parameters.hold-minutes"])


@both
def test_series_marks_are_refused_without_a_template_too(clinic: NewClinic, operation: str) -> None:
    opened = clinic()
    sent = proposal(visit("a", "09:00"), identifier=IDENTIFIERS)
    assert refused(opened.ask(operation, sent)) == (SERIES_IDENTIFIER, at("identifier[1]"))
    sent = proposal(visit("a", "09:00"), extension=[{"url": "http://e.org", "valueCode": "x"}, NUMBER])
    assert refused(opened.ask(operation, sent)) == (RECURRENCE_ID, at("extension[1]"))


@pytest.mark.parametrize("count", [1, 0, -2, 7, 100, "3", 2.5, None])
def test_the_count_is_two_to_six(clinic: NewClinic, count: Any) -> None:
    sent = series(count=count)
    if count is None:
        sent["extension"][0]["extension"] = [
            one for one in sent["extension"][0]["extension"] if one["url"] != "occurrenceCount"
        ]
    assert refused(clinic().book(sent)) == (COUNT, at("extension[0]"))


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6])
def test_as_many_appointments_as_are_counted(clinic: NewClinic, count: int) -> None:
    mondays = ["02-23T14", "03-02T14", "03-09T13", "03-16T13", "03-23T13", "03-30T13"]
    assert starts(ask(clinic(), BOOK, series(count=count))) == [f"2026-{day}:00:00.000Z" for day in mondays[:count]]


@pytest.mark.parametrize("value", ["2026-02-23T14:00:00", "2026-02-23", "soon", "2026-06-30T23:59:60Z", None])
@pytest.mark.parametrize("field", ["start", "end", "contained[0].start", "contained[0].end", "contained[1].end"])
def test_times_are_instants(clinic: NewClinic, value: Any, field: str) -> None:
    sent = series(visit("a", START), buffer("a", START, later(START, 30)))
    one = sent["contained"][int(field[10])] if field.startswith("contained") else sent
    name = field.rpartition(".")[2]
    if value is None:
        del one[name]
    else:
        one[name] = value
    assert refused(clinic().book(sent)) == (TIMES, at(field))


@pytest.mark.parametrize("code", ["+01:00", "-05:00", "UTC+1", "Mars/Base", "", None, 5])
def test_the_zone_must_be_an_iana_name(clinic: NewClinic, code: Any) -> None:
    sent = series()
    sub("timezone")(sent)["valueCodeableConcept"] = zone(code) if code is not None else {}
    assert refused(clinic().book(sent)) == (ZONE, at("extension[0]"))


@pytest.mark.parametrize("code", ["US/Eastern", "america/new_york", "AMERICA/NEW_YORK"])
def test_aliases_and_letter_case_of_zones(clinic: NewClinic, code: str) -> None:
    made = ask(clinic(), BOOK, series(count=3, zone=code))
    assert starts(made) == [START, "2026-03-02T14:00:00.000Z", "2026-03-09T13:00:00.000Z"]


def without(name: str) -> Callable[[Resource], Any]:
    def work(sent: Resource) -> None:
        outer = sent["extension"][0]
        outer["extension"] = [one for one in outer["extension"] if one["url"] != name]

    return work


CHANGES: list[Callable[[Resource], Any]] = [
    without("recurrenceType"),
    without("weeklyTemplate"),
    lambda sent: sub("weeklyTemplate")(sent)["extension"].pop(),
    lambda sent: sub("weeklyTemplate")(sent)["extension"][0].update(url="tuesday"),
    lambda sent: sub("weeklyTemplate")(sent)["extension"][0].update(valueBoolean=False),
    lambda sent: sub("weeklyTemplate")(sent)["extension"].append({"url": "friday", "valueBoolean": True}),
    lambda sent: sub("recurrenceType")(sent)["valueCodeableConcept"]["coding"][0].update(code="d"),
    lambda sent: sub("recurrenceType")(sent)["valueCodeableConcept"]["coding"][0].pop("display"),
    lambda sent: sub("timezone")(sent)["valueCodeableConcept"]["coding"][0].pop("system"),
    lambda sent: sent["extension"][0]["extension"].append({"url": "lastOccurrenceDate", "valueDate": "2026-03-02"}),
]


@pytest.mark.parametrize("work", CHANGES)
def test_the_template_is_that_of_find(clinic: NewClinic, work: Callable[[Resource], Any]) -> None:
    sent = series()
    work(sent)
    assert refused(clinic().book(sent)) == (LIKE_FIND, at("extension[0]"))


def test_the_order_of_sub_extensions_is_free(clinic: NewClinic) -> None:
    sent = series()
    sent["extension"][0]["extension"].reverse()
    sub("weeklyTemplate")(sent)["extension"].reverse()
    assert len(ask(clinic(), BOOK, sent)) == 2


@pytest.mark.parametrize(
    ("zone", "day", "accepted_"),
    [
        # Monday 03:00Z is Sunday 22:00 in New York
        ("America/New_York", "sunday", True),
        ("America/New_York", "monday", False),
        ("Etc/UTC", "monday", True),
        ("Asia/Tokyo", "monday", True),
    ],
)
def test_the_weekday_is_local_to_the_zone(clinic: NewClinic, zone: str, day: str, accepted_: bool) -> None:
    # the schedule is in UTC: its zone is not compared
    answer = clinic().book(series(start="2026-02-23T03:00:00.000Z", zone=zone, day=day))
    assert (answer[0] == 201) is accepted_
    assert accepted_ or refused(answer) == (LIKE_FIND, at("extension[0]"))


@pytest.mark.parametrize(
    ("start", "count", "number"), [("2026-03-01", 2, 2), ("2026-02-22", 3, 3), ("2026-02-22", 6, 3)]
)
def test_the_first_time_that_does_not_exist_is_named(clinic: NewClinic, start: str, count: int, number: int) -> None:
    sent = series(start=f"{start}T07:30:00.000Z", day="sunday", count=count)
    text = f"{T}occurrence {number} falls at a local time that doesn't exist in America/New_York"
    assert refused(clinic().book(sent)) == (text, at("extension[0]"))


# Expansion.


@pytest.mark.parametrize(
    ("first", "zone", "day", "following"),
    [
        (START, "America/New_York", "monday", "2026-03-02T14:00 2026-03-09T13:00"),
        (START, "Etc/UTC", "monday", "2026-03-02T14:00 2026-03-09T14:00"),
        # 01:30 EDT; 01:30 twice, the first pass; 01:30 EST
        ("2026-10-25T05:30:00.000Z", "America/New_York", "sunday", "2026-11-01T05:30 2026-11-08T06:30"),
        # the second pass of 01:30
        ("2026-11-01T06:30:00.000Z", "America/New_York", "sunday", "2026-11-08T06:30 2026-11-15T06:30"),
        # the first one
        ("2026-11-01T05:30:00.000Z", "America/New_York", "sunday", "2026-11-08T06:30 2026-11-15T06:30"),
        # 02:00 would be skipped, 03:00 is not
        ("2026-03-01T08:00:00.000Z", "America/New_York", "sunday", "2026-03-08T07:00 2026-03-15T07:00"),
        # Lord Howe Island moves by half an hour on 2026-04-05: 09:00 is 22:00Z, then 22:30Z of the day before
        ("2026-03-31T22:00:00.000Z", "Australia/Lord_Howe", "wednesday", "2026-04-07T22:30 2026-04-14T22:30"),
    ],
)
def test_occurrences_keep_the_wall_clock(clinic: NewClinic, first: str, zone: str, day: str, following: str) -> None:
    made = ask(clinic(), BOOK, series(start=first, zone=zone, day=day, count=3))
    expected = [first, *(f"{one}:00.000Z" for one in following.split())]
    assert starts(made) == expected
    assert [one[1]["start"] for one in made] == expected
    assert [one[0]["end"] for one in made] == [later(one, 30) for one in expected]


def test_all_times_move_by_the_same_amount(clinic: NewClinic) -> None:
    # 09:00-09:30, a buffer each side and one at noon; the Appointment says 08:45-09:45
    slots = [
        buffer("a", "2026-03-02T13:50:00.000Z", "2026-03-02T14:00:00.000Z"),
        visit("a", "2026-03-02T14:00:00.000Z"),
        buffer("a", "2026-03-02T17:00:00.500Z", "2026-03-02T17:10:00.000Z"),
    ]
    sent = series(*slots, start="2026-03-02T13:45:00.000Z", end="2026-03-02T14:45:00.000Z")
    (first, *one), (second, *other) = ask(clinic(), BOOK, sent)
    assert [(slot["start"], slot["end"]) for slot in one] == [(slot["start"], slot["end"]) for slot in slots]
    assert [(slot["start"], slot["end"]) for slot in other] == [
        ("2026-03-09T12:50:00.000Z", "2026-03-09T13:00:00.000Z"),
        ("2026-03-09T13:00:00.000Z", "2026-03-09T13:30:00.000Z"),
        ("2026-03-09T16:00:00.500Z", "2026-03-09T16:10:00.000Z"),
    ]
    assert (first["start"], first["end"]) == ("2026-03-02T13:45:00.000Z", "2026-03-02T14:45:00.000Z")
    assert (second["start"], second["end"]) == ("2026-03-09T12:45:00.000Z", "2026-03-09T13:45:00.000Z")


def test_lengths_are_real_minutes(clinic: NewClinic) -> None:
    # Sunday 01:45-02:15; a week later 01:45 EST is still 06:45Z, and 07:15Z is 03:15 EDT
    made = ask(clinic(*basic(alignmentInterval=15)), BOOK, series(start="2026-03-01T06:45:00.000Z", day="sunday"))
    assert [one[1]["end"] for one in made] == ["2026-03-01T07:15:00.000Z", "2026-03-08T07:15:00.000Z"]


def test_all_times_are_rewritten(clinic: NewClinic) -> None:
    one = visit("a", "2026-02-23T09:00-05:00", "2026-02-23T14:30:00Z")
    other = visit("b", "2026-02-23T14:00:00Z", "2026-02-23T15:30:00.0+01:00")
    # as strings they differ, rewritten they do not
    made = ask(clinic(), BOOK, series(one, other, end="2026-02-23T14:30Z"))
    for resource in made[0]:
        assert (resource["start"], resource["end"]) == (START, "2026-02-23T14:30:00.000Z")


@pytest.mark.parametrize(("operation", "status"), [(BOOK, "booked"), (HOLD, "pending")])
def test_what_is_stored_on_each_occurrence(clinic: NewClinic, operation: str, status: str) -> None:
    colour = {"url": "http://example.org/colour", "valueString": "red"}
    sent = series(
        visit("a", START, comment="x"),
        visit("b", START),
        count=3,
        extension=[colour, template(count=3)],
        identifier=named("mine"),
        requestedPeriod=[{"start": "2026-02-01"}],
        comment="every week",
    )
    opened = clinic(*basic(holdDuration=15))
    made = ask(opened, operation, sent)
    hold = operation == HOLD
    values = {one["value"] for made_one in made for one in made_one[0]["identifier"] if one.get("system")}
    (value,) = values
    assert re.fullmatch(UUID, value)
    for index, (appointment, *slots) in enumerate(made):
        assert sorted(one["url"] for one in appointment["extension"]) == sorted(
            [
                colour["url"],
                RECURRENCE_ID_URL,
                *([TEMPLATE_URL] if index == 0 else []),
                *(["https://slotwright.dev/fhir/StructureDefinition/hold-expires"] if hold else []),
            ]
        )
        assert colour in appointment["extension"]
        assert extension(appointment, RECURRENCE_ID_URL) == index + 1
        assert expiry(appointment) == ("2026-03-10T12:15:00.000Z" if hold else None)
        assert ("requestedPeriod" in appointment) is (index == 0)
        assert named("mine")[0] in appointment["identifier"]
        assert {"system": SERIES_SYSTEM, "value": value} in appointment["identifier"]
        assert len(appointment["identifier"]) == 2
        assert appointment["slot"] == slot_references(slots)
        assert appointment["meta"] == {"versionId": "1", "lastUpdated": NOW}
        copied = {"status": status, "comment": "every week", "participant": sent["participant"]}
        assert {name: appointment[name] for name in copied} == copied
        assert [one.get("comment") for one in slots] == ["x", None]
        assert all(one["status"] == ("busy-tentative" if hold else "busy") for one in slots)
        assert set(bare(appointment)) <= {*sent, "slot"} - {"contained"}
    assert made[0][0]["requestedPeriod"] == sent["requestedPeriod"]
    assert template(count=3) in made[0][0]["extension"]


def test_series_have_different_identifiers(clinic: NewClinic) -> None:
    opened = clinic()
    made = [ask(opened, BOOK, series(visit(one, START)))[0][0] for one in "ab"]
    assert made[0]["identifier"] != made[1]["identifier"]


# Admission of each occurrence.


@both
def test_the_example_with_the_last_one_occupied(clinic: NewClinic, operation: str) -> None:
    taken = slot("s", "a", "2026-03-09T13:00:00Z", "2026-03-09T13:30:00Z")
    answer = clinic(*basic(taken)).ask(operation, series(count=3))
    assert refused(answer) == (f"Appointment 3 of 3 (2026-03-09T13:00:00.000Z): {UNAVAILABLE}", None)
    expected = {"reference": "Slot/s", "start": taken["start"], "end": taken["end"], "status": "busy"}
    found = answer[1]["issue"][0]["diagnostics"]
    assert json.loads(found) == {"schedule": "Schedule/a", "blockingSlots": [expected]}
    assert found == json.dumps(json.loads(found), separators=(",", ":"))


@pytest.mark.parametrize(
    ("stored", "refusal"),
    [
        (
            schedule("a", parameters(alignmentInterval=120)),
            (
                "Appointment 3 of 3 (2026-03-09T13:00:00.000Z): Slot start time is not aligned to the scheduling grid",
                at("contained[0]"),
            ),
        ),
        (
            schedule("a", parameters(bookingLimit=(1, 1, "mo"))),
            (f"Appointment 3 of 3 (2026-03-09T13:00:00.000Z): {LIMIT}", at("contained[0].schedule")),
        ),
        (schedule("a", parameters(bookingLimit=(2, 1, "mo"))), None),
        (
            schedule("a", horizon=(None, "2026-03-08")),
            (
                "Appointment 3 of 3 (2026-03-09T13:00:00.000Z): Appointment falls outside schedule planning horizon",
                at("contained[0].schedule"),
            ),
        ),
        (
            schedule("a", active=False),
            (f"Appointment 1 of 3 ({START}): Schedule is inactive", at("contained[0].schedule")),
        ),
        (
            schedule("a", parameters(duration=45)),
            (
                f"Appointment 1 of 3 ({START}): Slot duration does not match scheduling parameters duration",
                at("contained[0]"),
            ),
        ),
        # 09:00 local in summer is 13:00Z, before it opens
        (
            schedule("a", parameters(availability=[hours("mon", "14:00:00", "20:00:00")])),
            (f"Appointment 3 of 3 (2026-03-09T13:00:00.000Z): {UNAVAILABLE}", None),
        ),
    ],
)
def test_each_occurrence_is_judged(clinic: NewClinic, stored: Resource, refusal: Any) -> None:
    answer = clinic(*basic(stored)).book(series(count=3))
    if refusal is None:
        assert accepted(answer)
    else:
        assert refused(answer) == refusal


@pytest.mark.parametrize(
    ("elements", "text", "path"),
    [
        ({"serviceType": []}, "Appointment has no service reference", "serviceType"),
        ({"contained": []}, "Appointment has no contained Slot resources", ""),
        ({"slot": [{"reference": "Slot/x"}]}, "Proposed appointment must not have Slot references", "slot"),
        ({"contained": [visit("x", START)]}, "Schedule load failed", "contained[0].schedule"),
    ],
)
def test_texts_of_a_series_have_a_prefix(clinic: NewClinic, elements: Resource, text: str, path: str) -> None:
    answer = clinic().book({**series(), **elements})
    assert refused(answer) == (f"Appointment 1 of 2 ({START}): {text}", at(path))


def test_later_occurrences_see_the_slots_of_earlier_ones(clinic: NewClinic) -> None:
    # the first one also blocks the time of the second
    sent = series(visit("a", START), buffer("a", "2026-03-02T14:10:00.000Z", "2026-03-02T14:20:00.000Z"))
    answer = clinic().book(sent)
    assert refused(answer) == (f"Appointment 2 of 2 (2026-03-02T14:00:00.000Z): {UNAVAILABLE}", None)
    (blocking,) = json.loads(answer[1]["issue"][0]["diagnostics"])["blockingSlots"]
    assert (blocking["start"], blocking["status"]) == ("2026-03-02T14:10:00.000Z", "busy-unavailable")


def test_occurrences_are_independent_afterwards(clinic: NewClinic) -> None:
    opened = clinic()
    first, second, third, fourth = (one[0] for one in ask(opened, HOLD, series(count=4)))
    opened.confirm(first["id"])
    opened.cancel(second["id"])
    opened.reschedule(third["id"], "2026-03-10T15:00:00.000Z", "b")
    found = [opened.read(f"Appointment/{one['id']}") for one in (first, second, third, fourth)]
    assert [one["status"] for one in found] == ["booked", "cancelled", "pending", "pending"]
    assert found[3] == fourth
    assert [one["start"] for one in found] == [
        START,
        "2026-03-02T14:00:00.000Z",
        "2026-03-10T15:00:00.000Z",
        "2026-03-16T13:00:00.000Z",
    ]
    # marks of the series stay
    assert all(one["identifier"] == first["identifier"] for one in found)
    assert [extension(one, RECURRENCE_ID_URL) for one in found] == [1, 2, 3, 4]
