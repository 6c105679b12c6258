"""`$book` and `$hold` repeated with an identifier (operations.md, section 3).

`Clinic.ask` checks that an answer with 200 has written nothing.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from ledger_support import (
    BEGINNING,
    BOOK,
    HOLD,
    NOW,
    UNAVAILABLE,
    Answer,
    NewClinic,
    accepted,
    at,
    basic,
    body,
    buffer,
    clock,
    expiry,
    moment,
    named,
    proposal,
    reference,
    refused,
    spans,
    template,
    visit,
)
from ledger_support import clinic_fixture as clinic_fixture
from slotwright.io import Ledger, invoke, open_ledger
from support import Resource, appointment, service, service_type

TAKEN = ("Identifier already used by another appointment", at("identifier[0]"))
X = named("X")
both = pytest.mark.parametrize("operation", [BOOK, HOLD])


def at_nine(**elements: Any) -> Resource:
    sent = {**proposal(visit("a", "09:00")), "identifier": X, **elements}
    return {name: value for name, value in sent.items() if value is not None}


def at_ten(**elements: Any) -> Resource:
    return {**at_nine(**elements), "contained": [visit("a", "10:00")]}


# The table.


@both
def test_an_identical_request_is_answered_with_the_earlier_result(clinic: NewClinic, operation: str) -> None:
    opened = clinic()
    first = opened.ask(operation, at_nine())
    assert first[0] == 201
    again = opened.ask(operation, at_nine(), now="2026-03-12T12:00:00.000Z")
    assert again == (200, first[1])
    assert opened.ask(operation, body(("appointment", "resource", at_nine()))) == again


@both
def test_another_time_is_refused(clinic: NewClinic, operation: str) -> None:
    opened = clinic()
    accepted(opened.ask(operation, at_nine()))
    assert refused(opened.ask(operation, at_ten())) == TAKEN


@pytest.mark.parametrize(("first", "second"), [(HOLD, BOOK), (BOOK, HOLD)])
def test_another_operation_is_refused(clinic: NewClinic, first: str, second: str) -> None:
    opened = clinic()
    accepted(opened.ask(first, at_nine()))
    assert refused(opened.ask(second, at_nine())) == TAKEN


def test_a_hold_since_confirmed_is_answered_as_booked(clinic: NewClinic) -> None:
    opened = clinic()
    held, slot = accepted(opened.hold(at_nine(), 10))
    booked, busy = accepted(opened.confirm(held["id"]), 200)
    assert (booked["status"], busy["status"]) == ("booked", "busy")
    assert accepted(opened.hold(at_nine(), 10), 200) == [booked, busy]
    assert reference(busy) == reference(slot)
    # it never was a $book
    assert refused(opened.book(at_nine())) == TAKEN


@both
def test_a_cancelled_request_is_judged_as_new(clinic: NewClinic, operation: str) -> None:
    opened = clinic()
    first = accepted(opened.ask(operation, at_nine()))[0]
    opened.cancel(first["id"])
    second = accepted(opened.ask(operation, at_nine()))[0]
    assert second["id"] != first["id"]
    # the new one is repeated, not the old one
    assert accepted(opened.ask(operation, at_nine()), 200)[0] == second
    opened.cancel(second["id"])
    assert accepted(opened.ask(operation, at_ten()))


@both
@pytest.mark.parametrize("identifiers", [None, [], [{"system": "http://e.org"}], [{"use": "usual"}]])
def test_without_a_value_each_request_is_judged_as_new(clinic: NewClinic, operation: str, identifiers: Any) -> None:
    opened = clinic(*basic(slotCapacity=2))
    sent = at_nine(identifier=identifiers)
    first, second = (accepted(opened.ask(operation, sent))[0] for _ in range(2))
    assert first["id"] != second["id"]
    assert refused(opened.ask(operation, sent)) == (UNAVAILABLE, None)


# Which identifiers are taken.


@both
@pytest.mark.parametrize(
    ("stored", "sent", "taken"),
    [
        (named("X"), named("X"), True),
        (named("X", system="http://e.org"), named("X", system="http://e.org"), True),
        (named("X"), named("x"), False),
        (named("X"), named("X", system="http://e.org"), False),
        (named("X", system="http://e.org"), named("X"), False),
        (named("X", system="http://e.org"), named("X", system="http://e.org/"), False),
        ([{"value": "X", "use": "usual"}], [{"value": "X", "use": "official", "type": {"text": "t"}}], True),
        ([{"system": "http://e.org"}], [{"system": "http://e.org"}], False),
    ],
)
def test_system_and_value_must_equal(
    clinic: NewClinic, operation: str, stored: list[Resource], sent: list[Resource], taken: bool
) -> None:
    opened = clinic()
    accepted(opened.ask(operation, at_nine(identifier=stored)))
    answer = opened.ask(operation, at_ten(identifier=sent))
    if taken:
        assert refused(answer) == TAKEN
    else:
        assert accepted(answer)


def test_identifiers_of_appointments_not_made_by_book_or_hold_are_free(clinic: NewClinic) -> None:
    opened = clinic(*basic(appointment("x", [], identifier=X), appointment("y", [], status="pending", identifier=X)))
    opened.add(appointment("z", [], identifier=X))
    assert accepted(opened.book(at_nine()))


@both
@pytest.mark.parametrize("status", ["arrived", "checked-in", "fulfilled", "noshow", "waitlist", "booked", "pending"])
def test_an_identifier_stays_taken_in_other_states(clinic: NewClinic, operation: str, status: str) -> None:
    opened = clinic()
    first, slot = accepted(opened.ask(operation, at_nine()))
    opened.change(reference(first), status=status)
    assert refused(opened.ask(operation, at_ten())) == TAKEN
    again = accepted(opened.ask(operation, at_nine()), 200)
    assert (again[0]["status"], again[1]) == (status, slot)


@both
@pytest.mark.parametrize("status", ["cancelled", "entered-in-error"])
def test_an_identifier_is_free_again(clinic: NewClinic, operation: str, status: str) -> None:
    opened = clinic()
    first = accepted(opened.ask(operation, at_nine()))[0]
    opened.change(reference(first), status=status)
    assert accepted(opened.ask(operation, at_ten()))


@both
def test_a_deleted_appointment_frees_its_identifier(clinic: NewClinic, operation: str) -> None:
    opened = clinic()
    first = accepted(opened.ask(operation, at_nine()))[0]
    opened.remove(reference(first))
    assert accepted(opened.ask(operation, at_ten()))


def test_repetitions_are_known_after_the_ledger_was_closed(tmp_path: Path) -> None:
    def opened() -> Ledger:
        return open_ledger(tmp_path / "l", clock=lambda: BEGINNING)

    def hold(now: str = NOW) -> Answer:
        with opened() as ledger:
            sent = body(("appointment", "resource", at_nine()), ("hold-minutes", "valuePositiveInt", 10))
            return invoke(ledger, HOLD, body=sent, now=moment(now))

    with opened() as ledger:
        ledger.load(basic())
    first = hold()
    assert first[0] == 201
    assert hold() == hold("2026-03-10T12:09:59.999Z") == (200, first[1])
    assert hold("2026-03-10T12:10:00.000Z")[0] == 201


def test_a_lapsed_hold_frees_its_identifier(clinic: NewClinic) -> None:
    opened = clinic()
    first = accepted(opened.hold(at_nine(), 10))
    assert accepted(opened.hold(at_nine(), 10, now="2026-03-10T12:09:59.999Z"), 200) == first
    second = accepted(opened.hold(at_nine(), 10, now="2026-03-10T12:10:00.000Z"))[0]
    assert second["id"] != first[0]["id"]
    assert expiry(second) == "2026-03-10T12:20:00.000Z"
    # recorded
    assert accepted(opened.book(at_nine(), now="2026-03-10T12:20:00.000Z"))


def test_a_repeated_hold_is_not_prolonged(clinic: NewClinic) -> None:
    opened = clinic()
    first = accepted(opened.hold(at_nine(), 10))
    assert accepted(opened.hold(at_nine(), 60, now="2026-03-10T12:05:00.000Z"), 200) == first
    assert expiry(first[0]) == "2026-03-10T12:10:00.000Z"


def test_hold_minutes_are_read_before_the_identifiers(clinic: NewClinic) -> None:
    opened = clinic()
    accepted(opened.hold(at_nine()))
    text = "Invalid hold-minutes, minimum required is 1"
    assert refused(opened.hold(at_nine(), 0)) == (text, ["Parameters.hold-minutes"])


# Identical proposals.

NINE = visit("a", "09:00")
FULL = [NINE, buffer("a", "08:50", "09:00"), visit("b", "09:00")]


@both
@pytest.mark.parametrize(
    ("slots", "elements"),
    [
        (FULL[::-1], {}),
        ([{**one, "comment": "late", "id": "x", "overbooked": True} for one in FULL], {}),
        ([{**one, "start": one["start"].replace(".000Z", "Z")} for one in FULL], {}),
        ([{**one, "end": one["end"].replace("09:", "10:").replace("Z", "+01:00")} for one in FULL], {}),
        (FULL, {"participant": []}),
        (FULL, {"comment": "again", "start": None, "status": "booked", "description": "x"}),
        (FULL, {"serviceType": [{"text": "x"}, service_type("checkup"), service_type("checkup")]}),
        (FULL, {"identifier": named("Y", "X")}),
    ],
)
def test_what_is_not_compared(clinic: NewClinic, operation: str, slots: list[Resource], elements: Resource) -> None:
    opened = clinic()
    first = opened.ask(operation, proposal(*FULL, identifier=X))
    assert first[0] == 201, first
    sent = {**proposal(*slots, identifier=X), **elements}
    answer = opened.ask(operation, {name: value for name, value in sent.items() if value is not None})
    assert answer == (200, first[1])


@both
@pytest.mark.parametrize(
    ("slots", "elements"),
    [
        ([visit("b", "09:00"), buffer("b", "08:50", "09:00"), visit("a", "09:00")], {}),
        (FULL[:2], {}),
        ([NINE, FULL[2]], {}),
        ([*FULL, buffer("a", "12:00", "12:10")], {}),
        ([*FULL, FULL[1]], {}),
        ([NINE, buffer("a", "08:51", "09:00"), FULL[2]], {}),
        ([NINE, buffer("a", "08:50", "08:59"), FULL[2]], {}),
        (FULL, {"serviceType": [service_type("xray")]}),
    ],
)
def test_what_is_compared(clinic: NewClinic, operation: str, slots: list[Resource], elements: Resource) -> None:
    opened = clinic(*basic(service("xray")))
    accepted(opened.ask(operation, proposal(*FULL, identifier=X)))
    assert refused(opened.ask(operation, {**proposal(*slots, identifier=X), **elements})) == TAKEN


@both
def test_what_counts_is_the_proposal_as_made(clinic: NewClinic, operation: str) -> None:
    opened = clinic()
    first = accepted(opened.ask(operation, at_nine()))[0]
    moved = accepted(opened.reschedule(first["id"], "10:00", "b"), 200)
    assert accepted(opened.ask(operation, at_nine()), 200) == moved
    assert refused(opened.ask(operation, proposal(visit("b", "10:00"), identifier=X))) == TAKEN
    # a change by other means does not matter either
    opened.change(reference(moved[1]), start=clock("12:00"), end=clock("12:30"))
    again = accepted(opened.ask(operation, at_nine()), 200)
    assert spans(again[1:])[0][:3] == ("b", "12:00", "12:30")


def test_a_replay_lists_slots_in_the_order_of_the_appointment(clinic: NewClinic) -> None:
    opened = clinic()
    first, one, two = accepted(opened.book(proposal(visit("a", "09:00"), visit("b", "09:00"), identifier=X)))
    opened.change(reference(first), slot=first["slot"][::-1])
    again = accepted(opened.book(proposal(visit("a", "09:00"), visit("b", "09:00"), identifier=X)), 200)
    assert again[1:] == [two, one]


# The place of the check.


@both
def test_a_replay_does_not_depend_on_schedules_and_services(clinic: NewClinic, operation: str) -> None:
    opened = clinic()
    first = accepted(opened.ask(operation, at_nine()))
    opened.remove("Schedule/a", "HealthcareService/checkup")
    assert accepted(opened.ask(operation, at_nine()), 200) == first
    assert refused(opened.ask(operation, at_ten())) == TAKEN


@both
@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"serviceType": []}, ("Appointment has no service reference", at("serviceType"))),
        ({"contained": []}, ("Appointment has no contained Slot resources", at(""))),
    ],
)
def test_earlier_rows_are_judged_in_a_repeated_request(
    clinic: NewClinic, operation: str, change: Resource, refusal: Any
) -> None:
    opened = clinic()
    accepted(opened.ask(operation, at_nine()))
    assert refused(opened.ask(operation, {**at_nine(), **change})) == refusal


@both
def test_a_stored_reference_sent_again_is_no_matter(clinic: NewClinic, operation: str) -> None:
    # row 10 comes after the identifiers
    opened = clinic()
    first = opened.ask(operation, at_nine())
    assert opened.ask(operation, at_nine(slot=[{"reference": "Slot/x"}])) == (200, first[1])


# Several identifiers.


@both
def test_identifiers_of_different_requests_are_refused(clinic: NewClinic, operation: str) -> None:
    opened = clinic()
    accepted(opened.ask(operation, at_nine(identifier=named("X"))))
    accepted(opened.ask(operation, at_ten(identifier=named("Y"))))
    assert refused(opened.ask(operation, at_nine(identifier=named("X", "Y")))) == TAKEN
    answer = opened.ask(operation, at_nine(identifier=named("new", "Y", "X")))
    assert refused(answer) == (TAKEN[0], at("identifier[1]"))


@both
def test_several_identifiers_of_one_request(clinic: NewClinic, operation: str) -> None:
    opened = clinic()
    first = opened.ask(operation, at_nine(identifier=named("X", "Y")))
    for some in (["X"], ["Y"], ["Y", "X"], ["new", "Y"], ["X", "X"]):
        assert opened.ask(operation, at_nine(identifier=named(*some))) == (200, first[1])


@both
def test_identifiers_not_yet_stored_are_not_added(clinic: NewClinic, operation: str) -> None:
    opened = clinic()
    first = opened.ask(operation, at_nine())
    assert opened.ask(operation, at_nine(identifier=named("X", "new"))) == (200, first[1])
    assert accepted(opened.ask(operation, at_ten(identifier=named("new"))))


# Series: 09:00 in New York, 2026-02-23T14:00Z, and a week later.

SERIES = proposal(
    visit("a", "2026-02-23T14:00:00.000Z"), visit("b", "2026-02-23T14:00:00.000Z"), identifier=X, extension=[template()]
)


def changed(**elements: Any) -> Resource:
    return {**deepcopy(SERIES), **elements}


@both
def test_a_series_is_answered_whole(clinic: NewClinic, operation: str) -> None:
    opened = clinic()
    first = opened.ask(operation, SERIES)
    assert len(accepted(first)) == 6
    shuffled = deepcopy(template())
    shuffled["extension"].reverse()
    for again in (SERIES, changed(contained=SERIES["contained"][::-1]), changed(extension=[shuffled])):
        assert opened.ask(operation, again) == (200, first[1])


@both
@pytest.mark.parametrize(
    "sent",
    [
        changed(extension=[]),
        changed(extension=[template(count=3)]),
        changed(extension=[template(zone="Etc/UTC")]),
        changed(contained=SERIES["contained"][:1]),
    ],
)
def test_another_template_is_another_proposal(clinic: NewClinic, operation: str, sent: Resource) -> None:
    opened = clinic()
    accepted(opened.ask(operation, SERIES))
    # no prefix of a series
    assert refused(opened.ask(operation, sent)) == TAKEN


def test_a_series_is_not_a_repetition_of_its_first_visit(clinic: NewClinic) -> None:
    opened = clinic()
    accepted(opened.book(changed(extension=[])))
    assert refused(opened.book(SERIES)) == TAKEN


def test_the_second_visit_alone_is_another_proposal(clinic: NewClinic) -> None:
    opened = clinic()
    accepted(opened.book(SERIES))
    start = "2026-03-02T14:00:00.000Z"
    assert refused(opened.book(proposal(visit("a", start), visit("b", start), identifier=X))) == TAKEN


def parts(answer: Answer) -> list[tuple[str, str]]:
    """Each Appointment and Slot with its status."""
    return [(one["resourceType"], one["status"]) for one in accepted(answer, 200)]


@pytest.mark.parametrize("cancelled", [0, 3])
def test_a_cancelled_occurrence_is_answered_without_slots(clinic: NewClinic, cancelled: int) -> None:
    opened = clinic()
    first = accepted(opened.book(SERIES))
    opened.cancel(first[cancelled]["id"])
    whole = [("Appointment", "booked"), ("Slot", "busy"), ("Slot", "busy")]
    gone = [("Appointment", "cancelled")]
    answer = opened.book(SERIES)
    assert parts(answer) == (gone + whole if cancelled == 0 else whole + gone)
    assert refused(opened.book(at_nine())) == TAKEN


def test_a_series_keeps_its_identifiers_until_all_is_cancelled(clinic: NewClinic) -> None:
    opened = clinic()
    first = accepted(opened.book(SERIES))
    opened.cancel(first[0]["id"])
    opened.change(reference(first[3]), status="entered-in-error")
    assert accepted(opened.book(at_nine()))


def test_a_held_series_frees_its_identifiers_when_it_lapses(clinic: NewClinic) -> None:
    opened = clinic()
    first = opened.hold(SERIES, 10)
    assert opened.hold(SERIES, 10, now="2026-03-10T12:09:59.999Z") == (200, first[1])
    second = accepted(opened.hold(SERIES, 10, now="2026-03-10T12:10:00.000Z"))
    assert len(second) == 6


def test_a_held_series_of_which_one_was_confirmed(clinic: NewClinic) -> None:
    opened = clinic()
    first = accepted(opened.hold(SERIES, 10))
    opened.confirm(first[3]["id"])
    # the first lapsed and was not recorded yet; the second is booked
    answer = opened.hold(SERIES, 10, now="2026-03-10T12:10:00.000Z")
    assert accepted(answer, 200)[-3]["status"] == "booked"
    assert refused(opened.hold(at_nine(), now="2026-03-10T12:10:00.000Z")) == TAKEN


def test_identifiers_of_a_series_are_judged_after_the_first_rows_of_the_first_occurrence(clinic: NewClinic) -> None:
    opened = clinic()
    opened.booked(visit("a", "15:00"), identifier=X)
    prefix = "Appointment 1 of 2 (2026-02-23T14:00:00.000Z): "
    answer = opened.book(changed(serviceType=[]))
    assert refused(answer) == (f"{prefix}Appointment has no service reference", at("serviceType"))
    opened.remove("HealthcareService/checkup", "Schedule/a")
    assert refused(opened.book(SERIES)) == TAKEN


def test_the_check_of_the_template_comes_before_the_identifiers(clinic: NewClinic) -> None:
    opened = clinic()
    accepted(opened.book(SERIES))
    text = "Unsupported recurrenceTemplate: occurrenceCount must be an integer between 2 and 6"
    assert refused(opened.book(changed(extension=[template(count=7)]))) == (text, at("extension[0]"))


@both
def test_a_replay_records_no_lapse(clinic: NewClinic, operation: str) -> None:
    opened = clinic()
    waiting = opened.held(visit("b", "09:00"), minutes=10)
    first = opened.ask(operation, at_nine())
    assert opened.ask(operation, at_nine(), now="2026-03-10T12:10:00.000Z") == (200, first[1])
    assert opened.read(reference(waiting))["status"] == "pending"


def test_the_time_of_the_first_request_does_not_matter(clinic: NewClinic) -> None:
    opened = clinic()
    first = opened.book(at_nine(), now=NOW)
    assert opened.book(at_nine(), now="2030-01-01T00:00:00.000Z") == (200, first[1])
