"""Several operations in one call, bundles, rehearsals, and what all answers have in common (operations.md, section 1).

A nested list of calls is a bundle: what its calls give up is given up before any of them is judged.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ledger_support import (
    BEGINNING,
    BOOK,
    HOLD,
    NOW,
    Answer,
    Clinic,
    NewClinic,
    accepted,
    basic,
    body,
    clock,
    diagnostics,
    later,
    moment,
    named,
    not_found,
    proposal,
    reference,
    refused,
    resources_of,
    spans,
    template,
    visit,
)
from ledger_support import clinic_fixture as clinic_fixture
from slotwright.io import Call, invoke, invoke_all, open_calendar, open_ledger
from support import Resource, appointment, parameters, refusal, schedule, slot


def book(start: str, schedule: str = "a", operation: str = BOOK, **elements: Any) -> Call:
    sent = proposal(visit(schedule, start), **elements)
    return Call(operation, body=body(("appointment", "resource", sent)))


def move(id: str, start: str, *schedules: str) -> Call:
    new = (("schedule", "valueString", f"Schedule/{one}") for one in schedules or ("a",))
    return Call(f"Appointment/{id}/$reschedule", body=body(("start", "valueDateTime", clock(start)), *new))


def cancel(id: str) -> Call:
    return Call(f"Appointment/{id}/$cancel")


def confirm(id: str) -> Call:
    return Call(f"Appointment/{id}/$confirm")


def all_of(clinic: Clinic, *calls: Any, now: str = NOW) -> list[Answer]:
    """The answers; a rehearsal gives the same and writes nothing."""
    before = clinic.state()
    rehearsal = invoke_all(clinic.ledger, list(calls), now=moment(now), dry_run=True)
    assert clinic.state() == before
    answers = invoke_all(clinic.ledger, list(calls), now=moment(now))
    assert answers == rehearsal
    return answers


def starts(clinic: Clinic) -> list[tuple[str, str]]:
    return [one[:2] for one in clinic.slots()]


def ids(*answers: Answer) -> list[str]:
    return [accepted(one)[0]["id"] for one in answers]


# Calls one after the other.


def test_answers_stand_in_the_order_of_the_calls(clinic: NewClinic) -> None:
    opened = clinic()
    answers = all_of(opened, book("09:00"), book("10:00", "b", HOLD), book("11:05"), book("11:00"), cancel("none"))
    assert [one[0] for one in answers] == [201, 201, 400, 201, 404]
    assert not_found(answers[4])
    assert starts(opened) == [("a", "09:00"), ("a", "11:00"), ("b", "10:00")]
    first, second, _, fourth, _ = answers
    for answer in (first, second, fourth):
        for one in resources_of(answer):
            assert opened.read(reference(one)) == one
            assert one["meta"] == {"versionId": "1", "lastUpdated": NOW}
    assert len({one["id"] for answer in (first, second, fourth) for one in resources_of(answer)}) == 6


def test_later_calls_see_earlier_ones(clinic: NewClinic) -> None:
    opened = clinic()
    first, second = ids(opened.book(proposal(visit("a", "09:00"))), opened.hold(proposal(visit("a", "10:00"))))
    answers = all_of(
        opened,
        book("09:00"),
        cancel(first),
        book("09:00"),
        cancel(first),
        confirm(second),
        confirm(second),
        move(second, "11:00"),
        book("10:00"),
        book("11:00"),
    )
    assert [one[0] for one in answers] == [400, 200, 201, 400, 200, 400, 200, 201, 400]
    assert starts(opened) == [("a", "09:00"), ("a", "10:00"), ("a", "11:00")]
    # a resource touched twice counts its versions
    assert opened.read(f"Appointment/{second}")["meta"]["versionId"] == "3"


def test_what_is_undone_takes_nothing_of_others_with_it(clinic: NewClinic) -> None:
    # The refused calls read what the accepted ones before them have written; the first gives up its Slot before.
    opened = clinic()
    (id,) = ids(opened.book(proposal(visit("a", "10:00"))))
    before = opened.ledger.last
    answers = all_of(opened, book("11:00"), move(id, "11:00"), book("12:00"), cancel("none"), book("12:00", "b"))
    assert [one[0] for one in answers] == [201, 400, 201, 404, 201]
    assert starts(opened) == [("a", "10:00"), ("a", "11:00"), ("a", "12:00"), ("b", "12:00")]
    assert [entry.kind for entry in opened.ledger.entries(before)] == ["$book"] * 3
    for answer in (answers[0], answers[2], answers[4]):
        assert [opened.read(reference(one)) for one in resources_of(answer)] == resources_of(answer)
    assert opened.ledger.verify() == []


def test_a_refused_call_leaves_nothing(clinic: NewClinic) -> None:
    opened = clinic(*basic(slot("t", "a", "2026-03-09T13:00:00Z", "2026-03-09T13:30:00Z")))
    start = "2026-02-23T14:00:00.000Z"
    # the third of the series is refused after two were made
    series = book(start, extension=[template(count=3)], identifier=named("x"))
    answers = all_of(opened, series, book(start, identifier=named("x")), book("2026-03-02T14:00:00.000Z"))
    assert [one[0] for one in answers] == [400, 201, 201]
    assert refused(answers[0])[0].startswith("Appointment 3 of 3")
    assert len(list(opened.ledger.resources("Appointment"))) == 2
    assert len(list(opened.ledger.resources("Slot"))) == 3


def test_repeated_calls_are_replayed(clinic: NewClinic) -> None:
    opened = clinic()
    one, other = (book(start, identifier=named("x")) for start in ("09:00", "10:00"))
    answers = all_of(opened, one, one, other, one)
    assert [answer[0] for answer in answers] == [201, 200, 400, 200]
    assert answers[0][1] == answers[1][1] == answers[3][1]
    assert len(opened.slots()) == 1


def test_a_limit_is_counted_along(clinic: NewClinic) -> None:
    opened = clinic(*basic(schedule("a", parameters(bookingLimit=(2, 1, "d")))))
    answers = all_of(opened, *(book(start) for start in ("09:00", "10:00", "11:00")))
    assert [one[0] for one in answers] == [201, 201, 400]


def test_nothing_at_all(clinic: NewClinic) -> None:
    assert all_of(clinic()) == []


def test_one_call_answers_like_invoke(clinic: NewClinic) -> None:
    requests: list[tuple[str, Resource | None]] = [
        (BOOK, proposal(visit("a", "09:00"))),
        (HOLD, proposal(visit("a", "09:05"))),
        ("Appointment/none/$cancel", None),
        (BOOK, {}),
    ]
    one, other = clinic(), clinic()
    for operation, sent in requests:
        (answer,) = all_of(one, Call(operation, body=sent))
        assert answer == other.ask(operation, sent)
    assert one.state() == other.state()


@pytest.mark.parametrize("operation", ["Appointment/$find", "Appointment/$nope", "Patient/x/$cancel", ""])
def test_what_cannot_be_done_here_is_answered(clinic: NewClinic, operation: str) -> None:
    opened = clinic()
    answers = all_of(opened, book("09:00"), Call(operation), book("09:30"))
    assert [answers[0][0], answers[2][0]] == [201, 201]
    assert refusal(answers[1])[0] >= 400
    assert len(opened.slots()) == 2


def test_holds_lapse_once_for_all_calls(clinic: NewClinic) -> None:
    opened = clinic()
    held = opened.held(visit("a", "09:00"), minutes=10)
    lapse = "2026-03-10T12:10:00.000Z"
    answers = all_of(opened, book("09:00"), confirm(held["id"]), book("10:00"), now=lapse)
    assert [one[0] for one in answers] == [201, 400, 201]
    assert refused(answers[1]) == ("Hold has expired", None)
    assert opened.read(reference(held))["status"] == "cancelled"


def test_if_all_calls_are_refused_nothing_is_written(clinic: NewClinic) -> None:
    opened = clinic()
    held = opened.held(visit("a", "09:00"), minutes=10)
    before = opened.state()
    answers = all_of(opened, book("09:05"), confirm("none"), now="2026-03-10T12:10:00.000Z")
    assert [one[0] for one in answers] == [400, 404]
    assert opened.state() == before
    assert opened.read(reference(held)) == held


# Bundles.


def three(clinic: Clinic) -> list[str]:
    return ids(*(clinic.book(proposal(visit("a", start))) for start in ("09:00", "10:00", "11:00")))


def test_three_appointments_rotate_their_times(clinic: NewClinic) -> None:
    opened = clinic()
    one, two, three_ = three(opened)
    calls = [move(one, "10:00"), move(two, "11:00"), move(three_, "09:00")]
    # one by one each finds the time taken
    assert [answer[0] for answer in all_of(opened, *calls)] == [400, 400, 400]
    (answer,) = all_of(opened, calls)
    assert answer[0] == 200
    assert [opened.read(f"Appointment/{id}")["start"][11:16] for id in (one, two, three_)] == [
        "10:00",
        "11:00",
        "09:00",
    ]
    assert starts(opened) == [("a", "09:00"), ("a", "10:00"), ("a", "11:00")]


def test_a_bundle_has_one_answer_with_an_entry_for_each_call(clinic: NewClinic) -> None:
    opened = clinic()
    first, second, held = ids(
        opened.book(proposal(visit("a", "09:00"))),
        opened.book(proposal(visit("a", "10:00"))),
        opened.hold(proposal(visit("a", "11:00"))),
    )
    (answer,) = all_of(opened, [cancel(first), book("09:00"), move(second, "09:30"), confirm(held)])
    status, bundle = answer
    assert status == 200
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "transaction-response")
    assert [one["response"]["status"] for one in bundle["entry"]] == ["200", "201", "200", "200"]
    assert all(set(one) == {"resource", "response"} for one in bundle["entry"])
    cancelled, booked, moved, confirmed = (one["resource"] for one in bundle["entry"])
    assert cancelled == opened.read(f"Appointment/{first}")
    for answered in ((201, booked), (200, moved), (200, confirmed)):
        for one in accepted(answered, answered[0]):
            assert one == opened.read(reference(one))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_what_is_given_up_is_free_for_all_calls_of_the_bundle(clinic: NewClinic, order: Sequence[int]) -> None:
    opened = clinic()
    (first,) = ids(opened.book(proposal(visit("a", "09:00"))))
    calls = [cancel(first), book("09:00")]
    (answer,) = all_of(opened, [calls[index] for index in order])
    assert answer[0] == 200
    assert [one["response"]["status"] for one in answer[1]["entry"]] == [("200", "201")[index] for index in order]
    assert starts(opened) == [("a", "09:00")]


def test_claims_of_one_bundle_still_exclude_each_other(clinic: NewClinic) -> None:
    opened = clinic()
    one, two, three_ = three(opened)
    before = opened.state()
    (answer,) = all_of(opened, [move(one, "12:00"), move(two, "09:00"), move(three_, "12:00")])
    (blocking,) = json.loads(diagnostics(answer))["blockingSlots"]
    assert (blocking["start"], blocking["end"]) == (clock("12:00"), clock("12:30"))
    assert opened.state() == before


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    ("call", "status", "text"),
    [
        (book("12:05"), 400, "Slot start time is not aligned to the scheduling grid"),
        (cancel("none"), 404, "Not found"),
        (move("none", "12:00"), 404, "Not found"),
        (confirm("none"), 404, "Not found"),
        (Call(BOOK, body={}), 400, "Invalid request body"),
    ],
)
def test_a_bundle_is_refused_whole(clinic: NewClinic, place: int, call: Call, status: int, text: str) -> None:
    opened = clinic()
    one, two, _ = three(opened)
    before = opened.state()
    calls = [cancel(one), move(two, "12:00")]
    calls.insert(place, call)
    (answer,) = all_of(opened, calls)
    assert refusal(answer)[0] == status
    assert refusal(answer)[2] == text
    assert opened.state() == before


def test_bundles_stand_among_other_calls(clinic: NewClinic) -> None:
    opened = clinic()
    one, two, three_ = three(opened)
    answers = all_of(
        opened,
        cancel(three_),
        [move(one, "11:00"), move(two, "09:00")],
        [book("14:00"), book("14:00")],
        book("10:00"),
        book("09:00"),
    )
    assert [answer[0] for answer in answers] == [200, 200, 400, 201, 400]
    assert starts(opened) == [("a", "09:00"), ("a", "10:00"), ("a", "11:00")]


def test_a_bundle_of_nothing(clinic: NewClinic) -> None:
    opened = clinic()
    before = opened.state()
    assert [one[0] for one in all_of(opened, [])] == [200]
    assert opened.state() == before


def test_a_bundle_that_swaps_schedules_keeps_limits(clinic: NewClinic) -> None:
    opened = clinic(*basic(*(schedule(one, parameters(bookingLimit=(1, 1, "d"))) for one in "ab")))
    one, two = ids(opened.book(proposal(visit("a", "09:00"))), opened.book(proposal(visit("b", "09:00"))))
    assert [answer[0] for answer in all_of(opened, move(one, "10:00", "b"), move(two, "10:00", "a"))] == [400, 400]
    (answer,) = all_of(opened, [move(one, "10:00", "b"), move(two, "10:00", "a")])
    assert answer[0] == 200
    assert starts(opened) == [("a", "10:00"), ("b", "10:00")]


# Rehearsals. `Clinic.ask` and `all_of` compare each with the real answer.


@pytest.mark.parametrize("operation", [BOOK, HOLD])
def test_a_rehearsal_can_be_repeated(clinic: NewClinic, operation: str) -> None:
    opened = clinic()
    before, sent = opened.state(), proposal(visit("a", "09:00"), identifier=named("x"))
    answers = [invoke(opened.ledger, operation, body=sent, now=moment(NOW), dry_run=True) for _ in range(3)]
    assert [one[0] for one in answers] == [201, 201, 201]
    assert opened.state() == before
    assert [opened.ledger.read(reference(one)) for one in resources_of(answers[0])] == [None, None]


def test_a_rehearsal_records_no_lapse(clinic: NewClinic) -> None:
    opened = clinic()
    held = opened.held(visit("a", "09:00"), minutes=10)
    later_now = moment("2026-03-11T00:00:00.000Z")
    answer = invoke(opened.ledger, BOOK, body=proposal(visit("a", "09:00")), now=later_now, dry_run=True)
    assert answer[0] == 201
    assert opened.read(reference(held)) == held


# What all answers have in common.


def test_versions_are_counted_for_each_resource(clinic: NewClinic) -> None:
    opened = clinic()
    assert {one["meta"]["versionId"] for one in opened.state()[1].values()} == {"1"}
    held, tentative = accepted(opened.hold(proposal(visit("a", "09:00")), 60))
    booked, busy = accepted(opened.confirm(held["id"], now="2026-03-10T12:01:00.000Z"), 200)
    moved, new = accepted(opened.reschedule(held["id"], "10:00", "a", now="2026-03-10T12:02:00.000Z"), 200)
    gone = opened.cancel(held["id"], now="2026-03-10T12:03:00.000Z")[1]
    versions = [(one["meta"]["versionId"], one["meta"]["lastUpdated"][14:16]) for one in (held, booked, moved, gone)]
    assert versions == [("1", "00"), ("2", "01"), ("3", "02"), ("4", "03")]
    slots = [(one["meta"]["versionId"], one["meta"]["lastUpdated"][14:16]) for one in (tentative, busy, new)]
    assert slots == [("1", "00"), ("2", "01"), ("1", "02")]
    # nothing else was touched
    assert opened.read("Schedule/a")["meta"]["versionId"] == "1"


def test_times_of_writes_are_in_utc_and_never_run_back(clinic: NewClinic) -> None:
    opened = clinic()
    times = ["2026-03-10T13:00:00.250+01:00", "2026-03-10T11:00:00Z", "2026-03-10T07:00:00.251-05:00"]
    made = [opened.booked(visit("a", f"{9 + index:02}:00"), now=now) for index, now in enumerate(times)]
    expected = ["2026-03-10T12:00:00.250Z", "2026-03-10T12:00:00.250Z", "2026-03-10T12:00:00.251Z"]
    assert [one["meta"]["lastUpdated"] for one in made] == expected


def test_without_now_the_clock_of_the_ledger_is_read(tmp_path: Path) -> None:
    clocks = iter(range(100))
    with open_ledger(tmp_path / "l", clock=lambda: moment(later(NOW, next(clocks))), identity="test") as ledger:
        ledger.load(basic())
        status, bundle = invoke(ledger, BOOK, body=proposal(visit("a", "09:00")))
        assert status == 201
        found = moment(bundle["entry"][0]["resource"]["meta"]["lastUpdated"])
        assert moment(NOW) < found < moment(later(NOW, 100))


def test_the_statuses_of_success(clinic: NewClinic) -> None:
    opened = clinic()
    sent = proposal(visit("a", "09:00"), identifier=named("x"))
    assert [opened.hold(sent)[0], opened.hold(sent)[0]] == [201, 200]
    sent = proposal(visit("b", "09:00"), identifier=named("y"))
    assert [opened.book(sent)[0], opened.book(sent)[0]] == [201, 200]
    first, second = (one["id"] for one in opened.ledger.resources("Appointment"))
    pending = first if opened.read(f"Appointment/{first}")["status"] == "pending" else second
    assert opened.confirm(pending)[0] == 200
    assert opened.reschedule(first, "10:00", "a")[0] == 200
    assert opened.cancel(first)[0] == 200
    wanted = ("appointment-reference", "valueString", f"Appointment/{second}")
    assert opened.ask("Appointment/$cancel", body(wanted))[0] == 200


@pytest.mark.parametrize("operation", ["$confirm", "$cancel", "$reschedule"])
def test_an_appointment_that_does_not_exist(clinic: NewClinic, operation: str) -> None:
    entries = [("start", "valueDateTime", clock("09:00")), ("schedule", "valueString", "Schedule/a")]
    sent = body(*entries) if operation == "$reschedule" else None
    assert not_found(clinic().ask(f"Appointment/none/{operation}", sent))
    assert not_found(
        clinic(*basic(slot("s", "a", clock("09:00"), clock("09:30")))).ask(f"Appointment/s/{operation}", sent)
    )


@pytest.mark.parametrize(
    ("operation", "sent"),
    [
        (BOOK, proposal(visit("a", "10:00"))),
        (HOLD, proposal(visit("a", "10:00"))),
        ("Appointment/x/$confirm", None),
        ("Appointment/x/$cancel", None),
        ("Appointment/$cancel", body(("appointment-reference", "valueString", "Appointment/x"))),
        (
            "Appointment/x/$reschedule",
            body(("start", "valueDateTime", clock("10:00")), ("schedule", "valueString", "Schedule/a")),
        ),
    ],
)
def test_a_calendar_is_not_writable(tmp_path: Path, operation: str, sent: Resource | None) -> None:
    resources = basic(slot("s", "a", clock("09:00"), clock("09:30")), appointment("x", ["s"], status="pending"))
    calendar = open_calendar(resources)
    status, code, text, _ = refusal(invoke(calendar, operation, body=sent, now=moment(NOW)))
    assert (status, code, text) == (400, "not-supported", "Ledger is not writable")
    with open_ledger(tmp_path / "l", clock=lambda: BEGINNING) as ledger:
        ledger.load(resources)
    with open_ledger(tmp_path / "l", read_only=True) as ledger:
        status, code, text, _ = refusal(invoke(ledger, operation, body=sent, now=moment(NOW)))
        assert (status, code, text) == (400, "not-supported", "Ledger is not writable")


def test_one_entry_for_each_operation(clinic: NewClinic) -> None:
    opened = clinic()
    last = opened.ledger.last
    held = opened.held(visit("a", "09:00"), minutes=60)
    opened.confirm(held["id"])
    opened.reschedule(held["id"], "10:00", "a")
    opened.cancel(held["id"])
    opened.booked(visit("a", "2026-02-23T14:00:00.000Z"), extension=[template(count=6)])
    kinds = [one.kind for one in opened.ledger.entries(after=last)]
    assert kinds == ["$hold", "$confirm", "$reschedule", "$cancel", "$book"]
    assert opened.ledger.verify() == []
    assert len(opened.slots()) == len(spans(opened.ledger.resources("Slot"))) == 6
