"""Medplum's published examples load and give the answers that can be worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from slotwright.io import Calendar, LoadWarning, invoke, open_calendar
from support import Resource, practitioner, refusal, schedule, service, starts

DATA = Path(__file__).parent.parent.parent / "shared" / "data"
SERVICE = "fe101ba5-44f9-45e9-803c-201605a5dde3"
SURGEON = "Practitioner/a152fbf8-aef5-450f-9868-0819bb06a1cd"
ROOM = "Location/39ff8f6a-5557-496a-b5cd-05f61899d223"
AT = "Parameters.schedule[0].actor[0]"
NO_ZONE = "No timezone specified and schedule.actor could not be read"


def load(name: str, *more: Resource) -> Calendar:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path.name} is not there: it belongs in ../shared/data beside the repository")
    return open_calendar([path, *more])


def seed(*more: Resource) -> Calendar:
    return load("medplum-seed-bundle.json", *more)


def examples(*more: Resource) -> Calendar:
    return load("medplum-docs-examples.ndjson", *more)


def ask(calendar: Calendar, service: str, start: str, end: str, *schedules: str) -> tuple[int, Resource]:
    query = {
        "start": start,
        "end": end,
        "service-type-reference": f"HealthcareService/{service}",
        "schedule": [f"Schedule/{one}" for one in schedules],
        "_count": "1000",
    }
    return invoke(calendar, "Appointment/$find", query=query)


def times_of(answer: tuple[int, Resource], day: str) -> list[str]:
    """The starts of one day in UTC, as `13:30`."""
    return [one[11:16] for one in starts(answer) if one.startswith(day)]


def half_hours(first: str, last: str) -> list[str]:
    """13:30 14:00 … in UTC."""
    low, high = (int(text[:2]) * 60 + int(text[3:]) for text in (first, last))
    return [f"{at // 60:02}:{at % 60:02}" for at in range(low, high + 1, 30)]


# The seed bundle: `urn:uuid` references and `ifNoneExist`


def schedule_of(calendar: Calendar, actor: str) -> str:
    (id,) = [one["id"] for one in calendar.resources("Schedule") if one["actor"][0]["reference"] == actor]
    return id


def test_the_seed_bundle_is_resolved() -> None:
    calendar = seed()
    assert calendar.warnings == ()
    organization = calendar.read("Organization/caae036f-8872-4d5c-ac2b-bbb37df5f08e")
    assert organization is not None and organization["name"] == "Bayview Surgery Center"
    stored = calendar.read(f"HealthcareService/{SERVICE}")
    assert stored is not None
    assert stored["providedBy"]["reference"] == "Organization/caae036f-8872-4d5c-ac2b-bbb37df5f08e"
    for actor in (SURGEON, ROOM):
        assert calendar.read(actor) is not None
        found = calendar.read(f"Schedule/{schedule_of(calendar, actor)}")
        assert found is not None
        assert found["extension"][0]["extension"][0]["valueReference"] == {
            "reference": f"HealthcareService/{SERVICE}",
            "display": "Surgical Procedure",
        }


def test_the_seed_bundle_gives_the_same_ids_each_time() -> None:
    kinds = ("Organization", "HealthcareService", "Location", "Practitioner", "Schedule")
    first, second = (
        [[one["id"] for one in calendar.resources(kind)] for kind in kinds] for calendar in (seed(), seed())
    )
    assert first == second and [len(ids) for ids in first] == [1, 1, 1, 1, 2]


# 120 minutes with 30 before and after, every half hour; surgeon Tue, Thu 08:00-16:00, OR-1 Mon-Fri 07:00-19:00, both
# in Los Angeles: the visit starts from 08:30 to 13:30 there, which is 15:30Z to 20:30Z in summer and 16:30Z to 21:30Z
# in winter. The clocks change on 2026-03-08.


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-03-02", {"2026-03-03": ("16:30", "21:30"), "2026-03-05": ("16:30", "21:30")}),
        ("2026-03-09", {"2026-03-10": ("15:30", "20:30"), "2026-03-12": ("15:30", "20:30")}),
    ],
)
def test_surgeon_and_room_meet_on_tuesday_and_thursday(start: str, expected: dict[str, tuple[str, str]]) -> None:
    calendar = seed()
    pools = schedule_of(calendar, SURGEON), schedule_of(calendar, ROOM)
    end = f"{start[:8]}{int(start[8:]) + 7:02}T08:00:00Z"
    found = ask(calendar, SERVICE, f"{start}T08:00:00Z", end, *pools)
    assert len(starts(found)) == 22
    for day, (first, last) in expected.items():
        assert times_of(found, day) == half_hours(first, last)


def test_the_room_alone_is_open_on_working_days() -> None:
    """07:30 to 16:30 in Los Angeles: 14:30Z to 23:30Z, nineteen starts on each of five days."""
    calendar = seed()
    found = ask(calendar, SERVICE, "2026-03-09T07:00:00Z", "2026-03-16T07:00:00Z", schedule_of(calendar, ROOM))
    assert times_of(found, "2026-03-13") == half_hours("14:30", "23:30")
    assert len(starts(found)) == 5 * 19


def test_a_proposal_of_the_seed_bundle_takes_visit_and_buffers_of_both() -> None:
    calendar = seed()
    surgeon, room = schedule_of(calendar, SURGEON), schedule_of(calendar, ROOM)
    found = ask(calendar, SERVICE, "2026-03-10T07:00:00Z", "2026-03-11T07:00:00Z", surgeon, room)
    proposal = found[1]["entry"][0]["resource"]
    assert (proposal["start"], proposal["end"]) == ("2026-03-10T15:30:00.000Z", "2026-03-10T17:30:00.000Z")
    assert [one["actor"] for one in proposal["participant"]] == [
        {"reference": SURGEON, "display": "Dr. Maria Martinez"},
        {"reference": ROOM, "display": "OR-1"},
    ]
    taken = [(one["schedule"]["reference"], one["start"][11:16], one["end"][11:16]) for one in proposal["contained"]]
    assert taken == [
        (f"Schedule/{one}", *clock)
        for one in (surgeon, room)
        for clock in (("15:30", "17:30"), ("15:00", "15:30"), ("17:30", "18:00"))
    ]


def test_a_busy_slot_beside_the_seed_bundle_takes_its_time() -> None:
    """Busy 10:00-10:30 in Los Angeles, 17:00Z: visits and buffers stay clear of it."""
    calendar = seed()
    room = schedule_of(calendar, ROOM)
    blocked: Resource = {
        "resourceType": "Slot",
        "id": "x",
        "status": "busy-unavailable",
        "schedule": {"reference": f"Schedule/{room}"},
        "start": "2026-03-10T17:00:00Z",
        "end": "2026-03-10T17:30:00Z",
    }
    found = ask(
        seed(blocked), SERVICE, "2026-03-10T07:00:00Z", "2026-03-11T07:00:00Z", schedule_of(calendar, SURGEON), room
    )
    assert times_of(found, "2026-03-10") == half_hours("18:00", "20:30")


def test_an_organization_that_is_there_already_is_taken() -> None:
    there: Resource = {
        "resourceType": "Organization",
        "id": "bayview",
        "identifier": [{"system": "http://example.org/organizations", "value": "bayview-surgery-center"}],
    }
    calendar = seed(there)
    assert [one["id"] for one in calendar.resources("Organization")] == ["bayview"]
    stored = calendar.read(f"HealthcareService/{SERVICE}")
    assert stored is not None and stored["providedBy"]["reference"] == "Organization/bayview"


# The examples of the documentation: most of their actors are not among them


def test_the_examples_name_what_is_missing() -> None:
    if not DATA.exists():
        pytest.skip("../shared/data is not there")
    with pytest.warns(LoadWarning):
        calendar = examples()
    missing = {text.split(" to ")[1].split(",")[0] for text in calendar.warnings}
    assert missing == {
        "HealthcareService/follow-up",  # the service is called follow-up-visit
        "HealthcareService/f44bbf25-bf57-4263-8f10-be060cc91672",
        "HealthcareService/a8f88a98-2578-4644-b408-7ba73f104298",
        "HealthcareService/0dbe6bf1-40b8-4204-a406-f78b5a0e59d0",
        "Practitioner/dr-johnson",
        "PractitionerRole/dr-chen",
        "Practitioner/dr-chen",
        "Practitioner/dr-smith",
        "Practitioner/surgeon-martinez",
        "Practitioner/anesthesiologist-kim",
        "Location/or-3",
    }
    (text,) = [one for one in calendar.warnings if "HealthcareService/follow-up," in one]
    assert "Schedule/dr-chen-schedule" in text


@pytest.mark.parametrize(
    ("service", "schedules"),
    [
        ("office-visit", ["dr-johnson-schedule"]),
        ("new-patient-visit", ["dr-chen-schedule"]),
        ("follow-up-visit", ["dr-chen-schedule"]),
        ("bariatric-surgery", ["surgeon-martinez-schedule", "or-3-schedule", "anesthesiologist-kim-schedule"]),
        ("office-visit", ["dr-smith-all-services"]),
    ],
)
def test_without_their_actors_the_examples_have_no_timezone(service: str, schedules: list[str]) -> None:
    answer = ask(examples(), service, "2025-03-10", "2025-03-17", *schedules)
    assert refusal(answer) == (400, "invalid", NO_ZONE, [AT])


@pytest.mark.parametrize(
    ("service", "schedule"),
    [
        ("f44bbf25-bf57-4263-8f10-be060cc91672", "dr-chen-group-visit-schedule"),
        ("a8f88a98-2578-4644-b408-7ba73f104298", "dr-smith-two-zones"),
        ("follow-up", "dr-chen-schedule"),
    ],
)
def test_services_that_are_not_among_the_examples_are_not_found(service: str, schedule: str) -> None:
    answer = ask(examples(), service, "2025-03-10", "2025-03-17", schedule)
    assert refusal(answer) == (400, "invalid", "HealthcareService not found", None)


# With their actors in Chicago (UTC−5 in summer, −6 in winter) the same examples answer.


def practice() -> Calendar:
    chicago = "America/Chicago"
    return examples(
        practitioner("dr-johnson", chicago),
        practitioner("dr-smith", chicago),
        practitioner("dr-chen", chicago, "PractitionerRole"),
        practitioner("surgeon-martinez", chicago),
        practitioner("anesthesiologist-kim", chicago),
        practitioner("or-3", chicago, "Location"),
    )


def test_an_office_visit_is_possible_at_any_time_of_the_year() -> None:
    """Nobody states hours: always open. 30 minutes every quarter of an hour; 09:00-10:00 with 5 minutes around."""
    found = ask(practice(), "office-visit", "2025-06-02T14:00:00Z", "2025-06-02T15:00:00Z", "dr-johnson-schedule")
    assert times_of(found, "2025-06-02") == ["14:15"]


def test_a_vacation_typed_without_a_system_concerns_another_service() -> None:
    """The service's coding has a system, the Slot's has none: they are not equal (model 5)."""
    found = ask(practice(), "office-visit", "2025-12-25T14:00:00Z", "2025-12-25T15:00:00Z", "dr-johnson-schedule")
    assert times_of(found, "2025-12-25") == ["14:15"]


def test_an_office_visit_lies_within_the_planning_horizon() -> None:
    """The year 2025, until its last second: the last visit starts at 23:15 and its buffer ends at 23:50."""
    found = ask(practice(), "office-visit", "2025-12-31T22:00:00Z", "2026-01-01T12:00:00Z", "dr-johnson-schedule")
    assert starts(found)[-1] == "2025-12-31T23:15Z"
    later = ask(practice(), "office-visit", "2026-03-09", "2026-03-10", "dr-johnson-schedule")
    assert refusal(later)[2] == "Search range starts after schedule planning horizon ends"


def test_a_new_patient_visit_fits_into_the_mornings_of_tuesday_and_thursday() -> None:
    """09:00-13:00, an hour with a quarter around it, every half hour: 09:30 to 11:30 local, 14:30Z to 16:30Z."""
    found = ask(practice(), "new-patient-visit", "2025-06-02", "2025-06-09", "dr-chen-schedule")
    assert starts(found) == [
        f"2025-06-{day}T{at}Z" for day in ("03", "05") for at in ("14:30", "15:00", "15:30", "16:00", "16:30")
    ]


def test_a_follow_up_visit_is_not_schedulable_for_its_service_goes_by_another_name() -> None:
    answer = ask(practice(), "follow-up-visit", "2025-06-02", "2025-06-09", "dr-chen-schedule")
    text = "Schedule is not schedulable for requested service type"
    assert refusal(answer) == (400, "invalid", text, ["Parameters.schedule[0]"])


@pytest.mark.parametrize(
    ("date", "first", "last"),
    [("2026-03-10", "14:00", "18:30"), ("2026-03-12", "14:00", "18:30"), ("2026-03-03", "15:00", "19:30")],
)
def test_surgeon_room_and_anesthesiologist_meet_for_surgery(date: str, first: str, last: str) -> None:
    """120 minutes with 45 before and 30 after in 08:00-16:00: from 09:00 (08:45 is off the grid) to 13:30 local."""
    trio = ("surgeon-martinez-schedule", "or-3-schedule", "anesthesiologist-kim-schedule")
    found = ask(practice(), "bariatric-surgery", f"{date}T06:00:00Z", f"{date}T23:59:00Z", *trio)
    assert times_of(found, date) == half_hours(first, last) and len(starts(found)) == 10


def test_the_anesthesiologist_alone_is_there_on_other_days_too() -> None:
    """07:00-17:00: from 08:00 (07:45 is off the grid) to 14:30 local."""
    found = ask(practice(), "bariatric-surgery", "2026-03-11", "2026-03-12", "anesthesiologist-kim-schedule")
    assert times_of(found, "2026-03-11") == half_hours("13:00", "19:30")


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        # 11:00-15:00 in Los Angeles, whole hours of UTC: 11:00 to 14:00 there
        ("a8f88a98-2578-4644-b408-7ba73f104298", "18:00", "21:00"),
        # 09:00-17:00 in New York: 09:00 to 16:00 there
        ("0dbe6bf1-40b8-4204-a406-f78b5a0e59d0", "13:00", "20:00"),
    ],
)
def test_one_schedule_has_two_timezones(name: str, first: str, last: str) -> None:
    """Its services are not among the examples, and its types name none: both are added beside it."""
    calendar = practice()
    two_zones = calendar.read("Schedule/dr-smith-two-zones")
    assert two_zones is not None
    linked = {
        **schedule("linked", actor="Practitioner/dr-smith", services=(name,)),
        "extension": two_zones["extension"],
    }
    bare = service(name)
    del bare["extension"]
    found = ask(examples(linked, bare), name, "2025-06-02", "2025-06-03", "linked")
    assert times_of(found, "2025-06-02") == half_hours(first, last)[::2]
