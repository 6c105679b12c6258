"""`slotwright explain` as people use it: one start, a window, what is lost, and the rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from desk_support import AMES, Ask, asker, book, called, practice, save, set_up
from slotwright.io import invoke, open_calendar
from support import Resource, closed, hours, parameters, practitioner, schedule, service, slot

TUESDAY = ("--start", "2026-03-10", "--end", "2026-03-10")
AT_NINE = ("--at", "2026-03-10T09:00")


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    return asker(tmp_path, monkeypatch, capsys)


def test_a_start_that_is_offered(ask: Ask) -> None:
    set_up(ask)
    assert ask("explain", *AMES, *AT_NINE) == (
        0, "Check-up, 30 min · Tue 10 Mar 2026, 09:00 EDT: offered.\n\nDr. Ames (ames): free.\n", ""
    )  # fmt: skip


def test_the_booking_in_the_way_is_named_with_its_patient_and_status(ask: Ask) -> None:
    set_up(ask)
    id = book(ask, "2026-03-10T09:00", "--patient", "ann")
    assert ask("explain", *AMES, *AT_NINE).out.splitlines() == [
        "Check-up, 30 min · Tue 10 Mar 2026, 09:00 EDT: not offered.",
        "",
        "Dr. Ames (ames): not free.",
        "  Taken 09:00 – 09:30 EDT:",
        f"    Check-up of Ann Lee, booked, Tue 10 Mar, 09:00 – 09:30 EDT (Appointment/{id})",
    ]
    assert "Dr. Ames (ames): free.\n" in ask("explain", *AMES, *AT_NINE, "--ignore-appointment", id).out


def test_hours_grid_and_a_slot_without_an_appointment(ask: Ask) -> None:
    set_up(ask)
    said = ask("explain", *AMES, "--schedule", "room-1,room-2", "--at", "2026-03-10T11:45")
    assert said.out.splitlines()[2:8] == [
        "Dr. Ames (ames): not free.",
        "  Not on the grid: the nearest starts are 11:30 EDT and 12:00 EDT.",
        "  Outside hours 12:00 – 12:15 EDT: open 09:00 – 12:00 EDT (the hours of the schedule).",
        "",
        "Pool 2, any one of 2:",
        "Room 1 (room-1): not free.",
    ]
    said = ask("explain", "--service", "checkup", "--schedule", "room-1", "--at", "2026-03-10T10:00")
    assert "    busy-unavailable, painting, Tue 10 Mar, 10:00 – 10:30 EDT (Slot/paint)\n" in said.out


def test_closures_limits_horizons_and_capacity(ask: Ask) -> None:
    leave = closed("2026-03-10", "2026-03-10")
    leave["extension"].append({"url": "description", "valueString": "Leave"})
    rules = parameters(
        service="checkup",
        bookingLimit=(1, 1, "wk"),
        slotCapacity=2,
        availability=[hours("tue", "09:00:00", "12:00:00"), leave],
    )
    cay = called("cay", "Dr. Cay", rules, horizon=("2026-03-01", "2026-03-09"))
    taken = [slot(id, "cay", "2026-03-10T13:00:00Z", "2026-03-10T13:30:00Z", capacity=2) for id in ("x", "y")]
    of_x = {
        "resourceType": "Appointment", "id": "of-x", "status": "booked", "slot": [{"reference": "Slot/x"}],
        "participant": [], "serviceType": service_type(),
    }  # fmt: skip
    set_up(ask, practitioner("cay", "America/New_York"), cay, *taken, of_x)
    said = ask(
        "explain",
        "--service",
        "checkup",
        "--schedule",
        "Dr. Cay",
        *AT_NINE,
        "--start",
        "2026-03-09",
        "--end",
        "2026-03-10",
    )
    assert said.out.splitlines()[2:] == [
        "Dr. Cay (cay): not free.",
        "  Closed by the schedule for this service: Leave, Tue 10 Mar 2026, all day.",
        "  Full 09:00 – 09:30 EDT, 2 of 2 taken by:",
        "    Check-up, booked, Tue 10 Mar, 09:00 – 09:30 EDT (Appointment/of-x)",
        "    busy, Tue 10 Mar, 09:00 – 09:30 EDT (Slot/y)",
        "  Outside the planning horizon, Sun 1 Mar 2026 to Mon 9 Mar 2026.",
        "  The limit of 1 booking a week is reached, Mon 9 Mar 2026 to Sun 15 Mar 2026:",
        "    Check-up, booked, Tue 10 Mar, 09:00 – 09:30 EDT (Appointment/of-x)",
    ]


def service_type() -> list[Resource]:
    return schedule("any")["serviceType"]


def test_the_week_of_a_series_that_fails(ask: Ask) -> None:
    set_up(ask)
    book(ask, "2026-03-17T09:00")
    said = ask("explain", *AMES, *AT_NINE, "--occurrences", "3")
    assert "  Week 2, Tue 17 Mar: Taken 09:00 – 09:30 EDT:\n" in said.out
    assert "Week 3" not in said.out


def test_one_actor_needed_twice(ask: Ask) -> None:
    set_up(ask, twin())
    said = ask("explain", *AMES, "--schedule", "ames-2", *AT_NINE)
    assert said.out.splitlines()[0].endswith("not offered.")
    assert said.out.splitlines()[-1] == (
        "Each pool has somebody free, but the pools 1 and 2 have only Dr. Ames between them."
    )


def twin() -> Resource:
    found = schedule("ames-2", actor="Practitioner/ames")
    found["actor"][0]["display"] = "Dr. Ames"
    return found


def test_schedules_that_take_no_part_are_named(ask: Ask) -> None:
    set_up(ask, practitioner("eve"), called("eve", "Dr. Eve", services=()))
    said = ask("explain", "--service", "checkup", "--schedule", "ames,eve", *AT_NINE)
    assert said.out.endswith("\nDr. Eve (eve) takes no part: it does not offer the service.\n")


# A window


def test_a_window_in_lines(ask: Ask) -> None:
    set_up(ask)
    book(ask, "2026-03-10T10:00")
    said = ask("explain", *AMES, *TUESDAY)
    rows = [line.split(maxsplit=3)[3] for line in said.out.splitlines() if line.startswith(" Tue")]
    assert [" ".join(row.split()) for row in rows] == [
        "00:00 … 08:30 EDT 18 outside hours: Dr. Ames",
        "09:00 … 09:30 EDT 2 offered",
        "10:00 EDT 1 busy: Dr. Ames",
        "10:30 … 11:30 EDT 3 offered",
        "12:00 … 23:30 EDT 24 outside hours: Dr. Ames",
    ]
    assert "48 starts: 5 offered, 43 not." in said.out


def test_what_a_window_loses(ask: Ask) -> None:
    set_up(ask)
    book(ask, "2026-03-10T10:00")
    said = ask("explain", *AMES, "--schedule", "room-1", *TUESDAY, "--summary")
    # 10:00 is the painter's too, but Dr. Ames is named first.
    assert said.out.splitlines()[1:4] == [
        "48 starts: 5 offered, 43 not.",
        "Lost: 98 % outside hours, 2 % busy.",
        "In hours: 100 % busy.",
    ]
    assert [" ".join(line.split()) for line in said.out.splitlines()[7:]] == [
        "outside hours Dr. Ames 42 98 %", "busy Dr. Ames 1 2 %"
    ]  # fmt: skip
    said = ask("explain", "--service", "checkup", "--schedule", "room-2", *TUESDAY, "--summary")
    assert said.out.splitlines()[1:] == ["48 starts: 48 offered, 0 not."]


def test_starts_before_now_are_judged_with_a_note(ask: Ask) -> None:
    set_up(ask)
    said = ask("explain", *AMES, "--at", "2026-03-02T09:00")
    assert ": offered." in said.out and said.err.startswith("Note: starts before now are judged too")


def test_json_is_the_answer_of_the_operation(ask: Ask) -> None:
    path = save(practice())
    query = {
        "start": "2026-03-10T04:00:00Z", "end": "2026-03-11T04:00:00Z", "schedule": "Schedule/ames",
        "service-type-reference": "HealthcareService/checkup",
    }  # fmt: skip
    of_calendar = ("explain", "--calendar", path, *AMES, *TUESDAY, "--json")
    expected = invoke(open_calendar(path), "Appointment/$explain", query=query)[1]
    assert ask(*of_calendar).json == expected
    assert ask(*of_calendar, "--summary").json["parameter"] == [expected["parameter"][0], expected["parameter"][-1]]
    at = ask("explain", "--calendar", path, *AMES, *AT_NINE, "--json").json
    assert [one["name"] for one in at["parameter"]] == ["window", "start", "summary"]


# Rules


NIGHTS: list[Resource] = [
    {"daysOfWeek": ["mon", "sat"], "availableStartTime": "22:00:00", "availableEndTime": "06:00:00"},
    {"daysOfWeek": ["sun"], "allDay": True},
]
OF_A = ("explain", "--calendar", "practice.ndjson", "--service", "checkup", "--schedule")


def test_every_field_with_its_layer(ask: Ask) -> None:
    rules = (
        parameters(duration=45, slotCapacity=3),
        parameters(service="checkup", duration=20, bookingLimit=[(2, 1, "d"), (1, 2, "mo")]),
    )
    save([
        service(
            params=parameters(duration=30, alignmentInterval=30, bufferAfter=5),
            availableTime=NIGHTS,
            notAvailable=[{"description": "Feast", "during": {"start": "2026-12-24"}}],
        ),
        practitioner("a", "Europe/Vienna"),
        schedule("a", *rules, horizon=("2026-01-01", None)),
    ])  # fmt: skip
    said = ask(*OF_A, "a", "--parameters")
    cells = [[cell.strip() for cell in line.split("   ") if cell.strip()] for line in said.out.splitlines()[4:]]
    assert cells == [
        ["duration", "20 min", "the schedule for this service", "extension[1].extension[1]"],
        ["bufferBefore", "0 min", "the default"],
        ["bufferAfter", "5 min", "the service", "extension[0].extension[2]"],
        ["alignmentInterval", "30 min", "the service", "extension[0].extension[1]"],
        ["alignmentOffset", "0 min", "the default"],
        ["alignmentTimezone", "Etc/UTC", "the default"],
        ["timezone", "Europe/Vienna", "the actor", "actor[0]"],
        ["slotCapacity", "3", "the schedule", "extension[0].extension[1]"],
        ["holdDuration", "holds never expire", "the default"],
        ["bookingLimit", "2 bookings a day", "the schedule for this service", "extension[1].extension[2]"],
        ["bookingLimit", "1 booking in 2 months", "the schedule for this service", "extension[1].extension[2]"],
        ["availability", "mon, sat 22:00 – 06:00 of the next day", "the service", "availableTime[0]"],
        ["availability", "sun all day", "the service", "availableTime[1]"],
        ["closure", "Feast, from Thu 24 Dec 2026, 00:00 CET on", "the service", "notAvailable[0]"],
        ["planningHorizon", "from Thu 1 Jan 2026, 00:00 CET on", "the schedule", "planningHorizon"],
    ]
    said = ask(
        "explain", "--calendar", "practice.ndjson", "--service", "checkup", "--schedule", "a", "--parameters", "--json"
    )
    [of_a] = said.json["parameter"]
    fields = {one["name"]: one["part"] for one in of_a["part"][1:]}
    layers = {name: next(p["valueCode"] for p in part if p["name"] == "layer") for name, part in fields.items()}
    assert list(layers.items()) == [
        ("duration", "schedule-for-service"), ("bufferBefore", "default"), ("bufferAfter", "service"),
        ("alignmentInterval", "service"), ("alignmentOffset", "default"), ("alignmentTimezone", "default"),
        ("timezone", "actor"), ("slotCapacity", "schedule"), ("holdDuration", "default"),
        ("bookingLimit", "schedule-for-service"), ("availability", "service"), ("closure", "service"),
    ]  # fmt: skip
    assert fields["duration"][0] == {"name": "value", "valueDuration": {"value": 20, "unit": "min"}}
    assert [one["name"] for one in fields["bookingLimit"]] == ["value", "value", "layer", "path"]
    assert fields["availability"][0]["part"] == [
        {"name": "daysOfWeek", "valueCode": "mon"}, {"name": "daysOfWeek", "valueCode": "sat"},
        {"name": "start", "valueTime": "22:00:00"}, {"name": "end", "valueTime": "06:00:00"},
    ]  # fmt: skip


def test_without_a_service_the_rules_for_each_that_a_schedule_offers(ask: Ask) -> None:
    """The half hour is that of the check-up, the twenty minutes are those of the talk."""
    talk = service("talk", name="Talk", params=parameters(duration=20, alignmentInterval=20))
    path = save([service(name="Check-up"), talk, practitioner("a"), schedule("a", services=("checkup", "talk"))])
    of = ("explain", "--calendar", path, "--schedule", "a")
    said = ask(*of, "--parameters")
    lengths = [" ".join(line.split()[:3]) for line in said.out.splitlines() if line.startswith(" duration")]
    assert lengths == ["duration 30 min", "duration 20 min"], said
    named = [
        one["part"][1]["valueReference"]["reference"] for one in ask(*of, "--parameters", "--json").json["parameter"]
    ]
    assert named == ["HealthcareService/checkup", "HealthcareService/talk"]
    said = ask(*of, *AT_NINE)
    assert (said.code, said.out) == (2, "") and "Missing option '--service'; only --parameters needs none." in said.err


def test_rules_of_a_schedule_without_services(ask: Ask) -> None:
    bare = {name: value for name, value in schedule("a").items() if name != "serviceType"}
    path = save([service(), practitioner("a"), bare])
    said = ask("explain", "--calendar", path, "--schedule", "a", "--parameters")
    assert (said.code, said.out) == (5, "")
    assert said.err == "Error: Schedule/a offers no service; --service names one whose rules to print.\n"


def test_always_open_and_never_open_are_told_apart(ask: Ask) -> None:
    save([service(), practitioner("a"), practitioner("b"), schedule("a"), schedule("b", parameters(availability=[]))])
    rows = [
        " ".join(line.split())
        for line in ask(
            "explain", "--calendar", "practice.ndjson", "--service", "checkup", "--schedule", "a,b", "--parameters"
        ).out.splitlines()
        if line.startswith(" availability")
    ]
    assert rows == [
        "availability always open the default", "availability never open the schedule extension[0].extension[0]"
    ]  # fmt: skip


def test_parameters_that_do_not_resolve(ask: Ask) -> None:
    save([service(params=parameters(alignmentInterval=30)), practitioner("a"), schedule("a")])
    for options in (AT_NINE, ("--parameters",)):
        said = ask(*OF_A, "a", *options)
        assert said.code == 5
        assert said.err.startswith(
            "Error: Scheduling parameter attribute 'duration' is missing (HealthcareService/checkup"
        )


# Wrong use


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), "Give --at, or --start and --end, or --parameters."),
        (("--start", "2026-03-10"), "Give --at, or --start and --end, or --parameters."),
        ((*AT_NINE, "--end", "2026-03-10"), "--start and --end go together."),
        ((*AT_NINE, "--summary"), "--summary counts a window; give --start and --end instead of --at."),
    ],
)
def test_options_that_do_not_fit(ask: Ask, options: tuple[str, ...], sentence: str) -> None:
    set_up(ask)
    said = ask("explain", *AMES, *options)
    assert (said.code, said.out) == (2, "") and sentence in said.err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--at", "noon"), "--at 'noon' is neither a local time"),
        (("--at", "2026-03-08T02:30"), "does not exist in America/New_York"),
        (("--at", "2026-03-10T09:00:30"), "is not a whole minute"),
        ((*AT_NINE, "--occurrences", "9"), "Invalid --occurrences, must be between 2 and 6"),
        (("--start", "2026-03-10", "--end", "2026-05-10"), "The last --end that fits is"),
    ],
)
def test_values_that_cannot_be_used(ask: Ask, options: tuple[str, ...], sentence: str) -> None:
    set_up(ask)
    said = ask("explain", *AMES, *options)
    assert (said.code, said.out) == (5, "") and sentence in said.err


def test_find_that_finds_nothing_suggests_a_command_that_runs(ask: Ask) -> None:
    path = save(practice())
    asked = ("find", "--calendar", path, *AMES, "--start", "2026-03-10T12:00:00-04:00", "--end", "2026-03-10")
    said = ask(*asked)
    assert said.code == 3
    assert said.err.startswith(
        "What stands in the way: slotwright explain --calendar practice.ndjson --service checkup "
    )
    command = said.err.strip().removeprefix("What stands in the way: slotwright ").split(" ")
    said = ask(*command)
    assert said.code == 0 and "Lost: 100 % outside hours." in said.out
    found = ask(
        "find", "--calendar", path, *AMES, "--start", "2026-03-10T12:00:00-04:00", "--end", "2026-03-10", "--json"
    )
    assert (json.loads(found.out)["type"], found.err) == ("searchset", "")
