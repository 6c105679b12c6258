"""`$confirm` with `occurrences` (operations.md, section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ledger_support import (
    SERIES_SYSTEM,
    Clinic,
    Fault,
    NewClinic,
    accepted,
    basic,
    body,
    buffer,
    change,
    clock,
    named,
    paths,
    proposal,
    refused,
    remove,
    template,
    together,
    visit,
)
from ledger_support import clinic_fixture as clinic_fixture
from support import HOLD_EXPIRES_URL, Resource, appointment, parameters, schedule, service, service_type, slot

START = "2026-02-23T14:00:00.000Z"
WEEKS = ["2026-02-23T14", "2026-03-02T14", "2026-03-09T13", "2026-03-16T13"]
BOTH = pytest.mark.parametrize("occurrences", ["all", "this-and-following"])


def held(clinic: Clinic, *slots: Resource, count: int = 4) -> list[str]:
    """The ids of a series of holds."""
    sent = proposal(*(slots or (visit("a", START),)), extension=[template(count=count)])
    made = accepted(clinic.hold(sent, 60))
    return [one["id"] for one in made if one["resourceType"] == "Appointment"]


def confirmed(clinic: Clinic, id: str, occurrences: str | None) -> list[str]:
    """The starts of the Appointments answered, as 2026-02-23T14, each with its one Slot."""
    found = accepted(clinic.confirm(id, occurrences), 200)
    assert [one["resourceType"] for one in found] == ["Appointment", "Slot"] * (len(found) // 2)
    assert [one["status"] for one in found] == ["booked", "busy"] * (len(found) // 2)
    for one, its in zip(found[::2], found[1::2], strict=True):
        assert one["slot"] == [{"reference": f"Slot/{its['id']}"}]
    return [one["start"][:13] for one in found[::2]]


def statuses(clinic: Clinic, ids: Sequence[str]) -> list[str]:
    return [clinic.read(f"Appointment/{id}")["status"] for id in ids]


@pytest.mark.parametrize(
    ("index", "occurrences", "expected"),
    [
        (1, None, WEEKS[1:2]),
        (1, "this", WEEKS[1:2]),
        (1, "this-and-following", WEEKS[1:]),
        (0, "this-and-following", WEEKS),
        (3, "this-and-following", WEEKS[3:]),
        (1, "all", WEEKS),
        (3, "all", WEEKS),
    ],
)
def test_which_occurrences_are_confirmed(
    clinic: NewClinic, index: int, occurrences: str | None, expected: list[str]
) -> None:
    opened = clinic()
    ids = held(opened)
    assert confirmed(opened, ids[index], occurrences) == expected
    assert statuses(opened, ids) == ["booked" if week in expected else "pending" for week in WEEKS]


def test_members_in_other_states_are_left_alone(clinic: NewClinic) -> None:
    opened = clinic()
    ids = held(opened, count=6)
    opened.confirm(ids[0])
    opened.cancel(ids[2])
    opened.change(f"Appointment/{ids[3]}", status="noshow")
    opened.change(f"Appointment/{ids[4]}", status="proposed")
    before = [opened.read(f"Appointment/{ids[index]}") for index in (0, 2, 3)]
    assert confirmed(opened, ids[1], "all") == ["2026-03-02T14", "2026-03-23T13", "2026-03-30T13"]
    assert [opened.read(f"Appointment/{ids[index]}") for index in (0, 2, 3)] == before


@BOTH
def test_the_appointment_named_must_be_open_to_it(clinic: NewClinic, occurrences: str) -> None:
    opened = clinic()
    ids = held(opened)
    opened.confirm(ids[0])
    text = "Appointment cannot be confirmed in 'booked' status"
    assert refused(opened.confirm(ids[0], occurrences)) == (text, None)


def test_following_means_a_start_not_before_this_one(clinic: NewClinic) -> None:
    opened = clinic()
    ids = held(opened)
    # the first is moved behind the third, the fourth before the second
    opened.reschedule(ids[0], "2026-03-10T09:00:00.000Z", "a")
    opened.reschedule(ids[3], "2026-02-20T09:00:00.000Z", "a")
    assert confirmed(opened, ids[1], "this-and-following") == [*WEEKS[1:3], "2026-03-10T09"]
    assert confirmed(opened, ids[3], "all") == ["2026-02-20T09"]


def test_equal_starts_follow_each_other(clinic: NewClinic) -> None:
    opened = clinic()
    ids = held(opened, count=2)
    opened.reschedule(ids[0], "2026-03-02T14:00:00.000Z", "b")
    assert confirmed(opened, ids[1], "this-and-following") == [WEEKS[1], WEEKS[1]]


def test_starts_are_compared_as_instants(clinic: NewClinic) -> None:
    opened = clinic()
    ids = held(opened, count=3)
    # 14:00Z, written with an offset that sorts before and after it as text
    opened.change(f"Appointment/{ids[0]}", start="2026-03-02T15:00:00+01:00")
    opened.change(f"Appointment/{ids[1]}", start="2026-03-02T09:00:00-05:00")
    opened.change(f"Appointment/{ids[2]}", start="2026-03-02T15:30:00+02:00")
    assert len(accepted(opened.confirm(ids[0], "this-and-following"), 200)) == 4
    assert statuses(opened, ids) == ["booked", "booked", "pending"]


@BOTH
@pytest.mark.parametrize(
    "identifiers", [[], named("x"), named("x", system="http://e.org"), [{"system": "http://e.org", "value": "x"}]]
)
def test_without_a_series_identifier(clinic: NewClinic, occurrences: str, identifiers: list[Resource]) -> None:
    opened = clinic(*basic(appointment("x", [], status="pending", identifier=identifiers)))
    expected = ("Appointment is not part of a recurring series", ["Parameters.occurrences"])
    assert refused(opened.confirm("x", occurrences)) == expected
    assert accepted(opened.confirm("x", "this"), 200)


def test_only_the_same_series_is_confirmed(clinic: NewClinic) -> None:
    opened = clinic()
    ids = held(opened, count=2)
    others = held(opened, visit("b", START), count=2)
    assert confirmed(opened, ids[1], "all") == WEEKS[:2]
    assert statuses(opened, others) == ["pending", "pending"]


def test_a_lapsed_member_is_left_alone(clinic: NewClinic) -> None:
    opened = clinic()
    ids = held(opened, count=3)
    lapsed = f"Appointment/{ids[1]}"
    others = [one for one in opened.read(lapsed)["extension"] if one["url"] != HOLD_EXPIRES_URL]
    opened.change(lapsed, extension=[*others, {"url": HOLD_EXPIRES_URL, "valueInstant": "2026-03-10T12:00:00.001Z"}])
    found = accepted(opened.confirm(ids[0], "all", now="2026-03-10T12:00:00.001Z"), 200)
    assert [one["id"] for one in found[::2]] == [ids[0], ids[2]]
    assert refused(opened.confirm(ids[1], "all", now="2026-03-10T12:00:00.001Z")) == ("Hold has expired", None)
    assert statuses(opened, ids) == ["booked", "cancelled", "booked"]


@BOTH
def test_a_lapsed_series_has_expired(clinic: NewClinic, occurrences: str) -> None:
    opened = clinic()
    ids = held(opened)
    now = "2026-03-10T13:00:00.000Z"
    assert refused(opened.confirm(ids[0], occurrences, now=now)) == ("Hold has expired", None)


# Rows 6 to 8 for each member, by start. Appointments x, y and z are a series of one service and one schedule each.

SERIES = named("1", system=SERIES_SYSTEM)


def member(id: str, day: int) -> list[Resource]:
    start, end = f"2026-03-{day:02}T09:00:00Z", f"2026-03-{day:02}T09:30:00Z"
    return [
        service(f"service-{id}"),
        schedule(id),
        slot(id, id, start, end, "busy-tentative"),
        appointment(id, [id], status="pending", service=f"service-{id}", identifier=SERIES, start=start, end=end),
    ]


MEMBERS = [*member("x", 2), *member("y", 9), *member("z", 16)]
ROWS = [
    Fault(
        "service gone",
        "Loading HealthcareService failed",
        paths("Appointment.serviceType[0]"),
        stored=remove("HealthcareService/service-y"),
        excludes=("service inactive",),
    ),
    Fault(
        "service inactive",
        "HealthcareService is inactive",
        paths("Appointment.serviceType[0]"),
        stored=change("HealthcareService/service-y", active=False),
    ),
    Fault(
        "slot", "Loading slots failed", paths("Appointment.slot[0]"), stored=remove("Slot/y"), excludes=("gone", "off")
    ),
    Fault(
        "gone",
        "Loading Schedule failed",
        paths("Appointment.slot[0].schedule"),
        stored=remove("Schedule/y"),
        excludes=("off",),
    ),
    Fault(
        "off", "Schedule is inactive", paths("Appointment.slot[0].schedule"), stored=change("Schedule/y", active=False)
    ),
]


@pytest.mark.parametrize(("first", "made"), together(ROWS))
def test_each_member_is_judged_and_all_or_none_confirmed(
    clinic: NewClinic, first: Fault, made: Sequence[Fault]
) -> None:
    opened = clinic(*basic(*MEMBERS))
    for fault in made:
        fault.stored(opened)
    assert refused(opened.confirm("x", "all")) == first.refusal({})
    assert refused(opened.confirm("x", "this-and-following")) == first.refusal({})
    assert statuses(opened, "xyz") == ["pending"] * 3
    # those that do not take part do not matter
    assert [one["id"] for one in accepted(opened.confirm("z", "this-and-following"), 200)] == ["z", "z"]
    assert [one["id"] for one in accepted(opened.confirm("x"), 200)] == ["x", "x"]


@pytest.mark.parametrize("first", ROWS, ids=lambda one: one.name)
def test_members_are_judged_by_start(clinic: NewClinic, first: Fault) -> None:
    # z breaks the first row, but comes after y
    opened = clinic(*basic(*MEMBERS))
    first.stored(opened)
    opened.remove("HealthcareService/service-z")
    assert refused(opened.confirm("z", "all")) == first.refusal({})


def test_the_answer_lists_the_slots_of_each(clinic: NewClinic) -> None:
    opened = clinic(*basic(schedule("a", parameters(bufferAfter=10))))
    slots = [visit("a", START), buffer("a", "2026-02-23T14:30:00.000Z", "2026-02-23T14:40:00.000Z"), visit("b", START)]
    ids = held(opened, *slots, count=2)
    found = accepted(opened.confirm(ids[1], "all"), 200)
    assert [(one["resourceType"], one["status"]) for one in found] == [
        ("Appointment", "booked"),
        ("Slot", "busy"),
        ("Slot", "busy-unavailable"),
        ("Slot", "busy"),
    ] * 2
    assert [found[0]["id"], found[4]["id"]] == ids


def test_a_member_without_slots_or_service(clinic: NewClinic) -> None:
    opened = clinic(*basic(*MEMBERS))
    opened.change("Appointment/y", slot=None, serviceType=[{"text": "none"}])
    assert [one["id"] for one in accepted(opened.confirm("x", "all"), 200)] == ["x", "x", "y", "z", "z"]


def test_the_order_of_checks_before_a_series(clinic: NewClinic) -> None:
    opened = clinic(*basic(*MEMBERS))
    sent: Any = body(("occurrences", "valueCode", "following"))
    text = "occurrences must be one of this, this-and-following, all"
    assert refused(opened.ask("Appointment/none/$confirm", sent)) == (text, ["Parameters.occurrences"])
    opened.add(appointment("w", [], status="booked", start=clock("09:00")))
    text = "Appointment cannot be confirmed in 'booked' status"
    assert refused(opened.confirm("w", "all")) == (text, None)


def test_services_by_other_concepts_of_a_member(clinic: NewClinic) -> None:
    opened = clinic(*basic(*MEMBERS))
    opened.change("Appointment/z", serviceType=[{"text": "x"}, service_type("service-z"), service_type("none")])
    expected = ("Loading HealthcareService failed", ["Appointment.serviceType[2]"])
    assert refused(opened.confirm("x", "all")) == expected
