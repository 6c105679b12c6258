"""What people call schedules and services: lookups by name, near matches, and the name to show."""

from __future__ import annotations

from typing import Any

import pytest
from slotwright.io import open_calendar
from slotwright.io.calendars import Calendar
from slotwright.io.errors import AmbiguousName, NameNotFound
from slotwright.io.names import appointment_id, schedule_id, schedule_names, service_id, service_names, show
from support import Resource, practitioner, schedule, service

CODED = {"coding": [{"system": "http://example.org/services", "code": "phys", "display": "Physical therapy"}]}


def resource(kind: str, id: str, **elements: Any) -> Resource:
    return {"resourceType": kind, "id": id, **elements}


def of(id: str, actor: str, *, display: str | None = None, **elements: Any) -> Resource:
    """A Schedule of this actor, which is called `display` there."""
    shown = {} if display is None else {"display": display}
    return schedule(id, actor=actor) | {"actor": [{"reference": actor, **shown}], **elements}


def clinic() -> Calendar:
    novak = {"prefix": ["Dr."], "given": ["Petra", "Maria"], "family": "Novak"}
    return open_calendar(
        [
            service("check-up", name="Check-up"),
            service("physio", name="Physiotherapy", type=[{"text": "Physio"}, CODED]),
            service("unnamed"),
            resource("Practitioner", "petra", name=[novak, {"text": "Petra Novak-Berger"}]),
            resource("Practitioner", "ines", name=[{"given": ["Inés"], "family": "Salas"}]),
            resource("Location", "room", name="Operating Room 1"),
            resource("Device", "mri", deviceName=[{"name": "MRI Scanner", "type": "user-friendly-name"}]),
            of("dr-novak", "Practitioner/petra"),
            of("rt-salas", "Practitioner/ines", display="Radiographer Salas"),
            of("or-1", "Location/room"),
            of("mri-1", "Device/mri"),
            of("spare", "Practitioner/nobody", comment="The spare one"),
            of("bare", "Practitioner/nobody"),
        ]
    )


CLINIC = clinic()


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("dr-novak", "dr-novak"),
        ("Schedule/dr-novak", "dr-novak"),
        ("DR-NOVAK", "dr-novak"),
        ("Dr. Petra Maria Novak", "dr-novak"),
        ("  dr.  petra maria   NOVAK ", "dr-novak"),
        ("Petra Novak-Berger", "dr-novak"),
        ("radiographer salas", "rt-salas"),
        ("Inés Salas", "rt-salas"),
        ("INÉS SALAS", "rt-salas"),
        ("Operating Room 1", "or-1"),
        ("MRI Scanner", "mri-1"),
        ("the spare one", "spare"),
        ("Schedule/Operating Room 1", "or-1"),
    ],
)
def test_a_schedule_by_id_or_by_what_its_actor_is_called(name: str, id: str) -> None:
    assert schedule_id(CLINIC, name) == id


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("physio", "physio"),
        ("HealthcareService/physio", "physio"),
        ("Physiotherapy", "physio"),
        ("physical THERAPY", "physio"),
        ("Check-Up", "check-up"),
        ("unnamed", "unnamed"),
    ],
)
def test_a_service_by_id_name_type_or_coding(name: str, id: str) -> None:
    assert service_id(CLINIC, name) == id


@pytest.mark.parametrize(
    ("id", "shown"),
    [
        ("dr-novak", "Dr. Petra Maria Novak"),
        ("rt-salas", "Radiographer Salas"),
        ("or-1", "Operating Room 1"),
        ("mri-1", "MRI Scanner"),
        ("spare", "The spare one"),
        ("bare", "bare"),
    ],
)
def test_what_a_schedule_is_shown_as(id: str, shown: str) -> None:
    stored = CLINIC.read(f"Schedule/{id}")
    assert stored is not None
    assert show(schedule_names(CLINIC, stored), id) == shown


def test_what_a_service_is_shown_as() -> None:
    physio, unnamed = CLINIC.read("HealthcareService/physio"), CLINIC.read("HealthcareService/unnamed")
    assert physio is not None and unnamed is not None
    assert list(service_names(physio)) == ["Physiotherapy", "Physio", "Physical therapy"]
    assert show(service_names(unnamed), "unnamed") == "unnamed"


# What matches nothing


def missing(name: str, calendar: Calendar = CLINIC) -> str:
    with pytest.raises(NameNotFound) as caught:
        schedule_id(calendar, name)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("dr-nowak", "dr-novak (Dr. Petra Maria Novak)"),
        ("Operating Room 2", "or-1 (Operating Room 1)"),
        ("scanner", "mri-1 (MRI Scanner)"),
        ("Ines Salas", "rt-salas (Radiographer Salas)"),
        ("are", "bare or spare (The spare one)"),
    ],
)
def test_a_name_that_nothing_has_lists_near_ones(name: str, near: str) -> None:
    assert missing(name) == f"No schedule is called '{name}'. Did you mean {near}?"


def test_without_near_ones_it_lists_what_there_is() -> None:
    there = "bare, dr-novak, mri-1, or-1, rt-salas, spare"
    assert missing("xyz") == f"No schedule is called 'xyz'. There are: {there}."
    with pytest.raises(NameNotFound, match=r"^No service is called 'xyz'\. There are: check-up, physio, unnamed\.$"):
        service_id(CLINIC, "xyz")


def test_at_most_three_near_ones_and_ten_others_are_listed() -> None:
    many = open_calendar([one for n in range(20) for one in (practitioner(f"p{n:02}"), schedule(f"p{n:02}"))])
    assert missing("p0", many).count(" or ") == 2
    ten = ", ".join(f"p{n:02}" for n in range(10))
    assert missing("zzz", many) == f"No schedule is called 'zzz'. There are 20: {ten}, …."


def test_of_appointments_it_says_what_lists_them() -> None:
    booked = open_calendar([{"resourceType": "Appointment", "id": f"b{n}", "status": "booked"} for n in range(11)])
    with pytest.raises(NameNotFound, match=r"There are 11: b0, b1, b10, .* b8, …\. slotwright list shows those of a"):
        appointment_id(booked, "xyz")


@pytest.mark.parametrize("name", ["", " ", "/", "Schedule/", "Practitioner/petra", "'; drop", "Ж" * 5000])
def test_odd_names_are_not_found(name: str) -> None:
    assert missing(name).startswith(f"No schedule is called '{name}'. ")


def test_an_empty_calendar_says_that_it_is_empty() -> None:
    empty = open_calendar([practitioner("a")])
    remedy = "give a calendar that has one, or fill the ledger by slotwright ledger load."
    assert missing("a", empty) == f"No schedule is called 'a'. There is no Schedule at all: {remedy}"
    with pytest.raises(NameNotFound, match=r"There is no HealthcareService at all: give a calendar"):
        service_id(empty, "a")


# What matches several


def test_a_name_of_several_lists_their_ids() -> None:
    both = open_calendar([of("b", "Practitioner/b", display="Dr. Lee"), of("a", "Practitioner/a", display="DR.  LEE")])
    with pytest.raises(AmbiguousName) as caught:
        schedule_id(both, "dr. lee")
    assert str(caught.value) == "'dr. lee' is the name of several schedules: a, b. Give one of these ids."


def test_several_services_of_one_name() -> None:
    both = open_calendar([service("a", name="Visit"), service("b", name="visit")])
    with pytest.raises(AmbiguousName, match=r"^'Visit' is the name of several services: a, b\."):
        service_id(both, "Visit")


def test_an_id_wins_over_the_name_of_another() -> None:
    crossed = open_calendar([of("anna", "Practitioner/x", display="berta"), of("berta", "Practitioner/y")])
    assert schedule_id(crossed, "berta") == "berta"


def test_ids_that_differ_in_case_are_two() -> None:
    cased = open_calendar([of("a", "Practitioner/x"), of("A", "Practitioner/y")])
    assert (schedule_id(cased, "a"), schedule_id(cased, "A")) == ("a", "A")


def test_one_schedule_called_the_same_twice_is_no_ambiguity() -> None:
    named = resource("Practitioner", "x", name=[{"text": "Dr. Lee"}])
    once = open_calendar([named, of("a", "Practitioner/x", display="Dr. Lee", comment="dr. lee")])
    assert schedule_id(once, "Dr. Lee") == "a"


def test_two_schedules_of_one_actor_are_told_apart_by_id() -> None:
    two = open_calendar([of("am", "Practitioner/x", display="Dr. Lee"), of("pm", "Practitioner/x", display="Dr. Lee")])
    with pytest.raises(AmbiguousName, match="am, pm"):
        schedule_id(two, "Dr. Lee")
    assert schedule_id(two, "am") == "am"


# Names as other systems store them


@pytest.mark.parametrize(
    ("elements", "shown"),
    [
        pytest.param({"name": [{"given": [None, "Petra"], "family": "Novak"}]}, "Petra Novak", id="given with null"),
        pytest.param({"name": [{"family": "Novak"}]}, "Novak", id="family alone"),
        pytest.param({"name": []}, "a", id="no names"),
        pytest.param({"name": None}, "a", id="null"),
        pytest.param({"name": [{"use": "official"}]}, "a", id="a name that says nothing"),
        pytest.param({"name": [{"given": ["Petra"], "prefix": None}]}, "Petra", id="prefix null"),
        pytest.param({"name": [{"given": "Petra", "family": "Novak"}]}, "Novak", id="given no list"),
        pytest.param({"name": [None]}, "a", id="a null in the list"),
        pytest.param({"name": [5]}, "a", id="a number in the list"),
        pytest.param({"name": [{"text": 5}]}, "a", id="a number for text"),
        pytest.param({"name": 5}, "a", id="a number"),
        pytest.param({"deviceName": "MRI"}, "a", id="deviceName no list"),
        pytest.param({"deviceName": [{"name": 5}]}, "a", id="a number for deviceName.name"),
    ],
)
def test_names_of_any_shape_are_shown_or_passed_over(elements: Resource, shown: str) -> None:
    """Actors are kept as they are: only their extensions are judged when they are loaded."""
    calendar = open_calendar([resource("Practitioner", "x", **elements), of("a", "Practitioner/x")])
    stored = calendar.read("Schedule/a")
    assert stored is not None
    assert show(schedule_names(calendar, stored), "a") == shown


def test_a_display_of_blanks_is_no_name() -> None:
    blank = open_calendar([resource("Location", "x", name="Room 1"), of("a", "Location/x", display=" ")])
    stored = blank.read("Schedule/a")
    assert stored is not None
    assert show(schedule_names(blank, stored), "a") == "Room 1"
