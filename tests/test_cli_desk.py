"""`slotwright confirm`, `cancel`, `reschedule`, `status`, `show`, `list`, `close` and `reopen` as people use them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from desk_support import AMES, Ask, asker, book, entries, save, set_up, stored
from support import appointment, slot

TUESDAY = ("--start", "2026-03-10", "--end", "2026-03-10")


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    found = asker(tmp_path, monkeypatch, capsys)
    set_up(found)
    return found


def hold(ask: Ask, start: str, *options: str) -> str:
    said = ask("hold", *AMES, "--start", start, *options)
    assert said.code == 0, said.err
    return said.ids[0]


def free_starts(ask: Ask, schedule: str = "ames") -> list[str]:
    """The starts of Tuesday morning that are offered, in UTC."""
    said = ask("find", "--service", "checkup", "--schedule", schedule, *TUESDAY, "--between", "09:00-12:00", "--ndjson")
    return [one["start"][11:16] for one in said.lines]


ALL = ["13:00", "13:30", "14:00", "14:30", "15:00", "15:30"]
"""09:00 to 11:30 in New York."""

# confirm, cancel


def test_a_hold_confirmed_is_a_booking(ask: Ask) -> None:
    id = hold(ask, "2026-03-10T09:30", "--minutes", "15", "--patient", "ann")
    said = ask("confirm", id)
    assert said == (
        0,
        "Confirmed: Check-up, Tue 10 Mar 2026, 09:30 – 10:00 EDT\n"
        f"  Appointment    {id}\n"
        "  Patient        Ann Lee\n"
        "  Practitioner   Dr. Ames\n",
        "",
    )
    assert stored(ask, id)["status"] == "booked"


def test_an_expired_hold_cannot_be_confirmed(ask: Ask) -> None:
    id = hold(ask, "2026-03-10T09:30", "--minutes", "15")
    said = ask("confirm", id, "--now", "2026-03-09T12:15:00Z")
    assert said == (4, "", "Error: Hold has expired. Hold or book anew: slotwright find offers times.\n")


def test_a_series_is_confirmed_as_far_as_asked(ask: Ask) -> None:
    ask("find", *AMES, *TUESDAY, "--occurrences", "3", "--count", "1")
    first = ask("hold", "--pick", "1").out.splitlines()[1].split()[-1]
    assert ask("confirm", first).ids == [first]
    said = ask("confirm", first, "--occurrences", "all")
    assert said.code == 4, "the first is booked already"
    second = ask("list", "--status", "pending", "--ndjson").lines[0]["id"]
    said = ask("confirm", second, "--occurrences", "this-and-following", "--json")
    starts = [
        one["resource"]["start"] for one in said.json["entry"] if one["resource"]["resourceType"] == "Appointment"
    ]
    assert starts == ["2026-03-17T13:00:00.000Z", "2026-03-24T13:00:00.000Z"]
    said = ask("confirm", second, "--occurrences", "some")
    assert (said.code, said.err) == (5, "Error: --occurrences must be one of this, this-and-following, all.\n")


def test_cancelling_gives_the_time_back(ask: Ask) -> None:
    id = book(ask, "2026-03-10T09:30", "--patient", "ann")
    assert free_starts(ask) == [one for one in ALL if one != "13:30"]
    said = ask("cancel", id, "--reason", "has a cold")
    assert said == (
        0,
        "Cancelled: Check-up, Tue 10 Mar 2026, 09:30 – 10:00 EDT\n"
        f"  Appointment    {id}\n"
        "  Patient        Ann Lee\n"
        "  Practitioner   Dr. Ames\n"
        "  Reason         has a cold\n",
        "",
    )
    assert free_starts(ask) == ALL
    assert stored(ask, id)["cancelationReason"] == {"text": "has a cold"}
    said = ask("cancel", id)
    assert (said.code, said.err) == (
        4,
        "Error: Appointment cannot be canceled in 'cancelled' status. "
        "Only booked appointments and holds can be cancelled.\n",
    )


@pytest.mark.parametrize(
    "command",
    [("confirm",), ("cancel",), ("reschedule", "--start", "2026-03-10T10:00"), ("show",), ("status", "arrived")],
)
def test_an_appointment_that_is_not_there(ask: Ask, command: tuple[str, ...]) -> None:
    book(ask, "2026-03-10T09:30")
    name, *options = command
    said = ask(name, "nope", *options)
    assert (said.code, said.out) == (6, "")
    assert said.err.startswith("Error: No appointment is called 'nope'. ")


def test_names_in_errors_do_not_steer_the_terminal(ask: Ask) -> None:
    said = ask("show", "a\x1b[2Jb")
    assert said.err.startswith("Error: No appointment is called 'a [2Jb'.")


def test_appointments_are_named_by_id_or_reference(ask: Ask) -> None:
    id = book(ask, "2026-03-10T09:30")
    assert ask("show", id) == ask("show", f"Appointment/{id}")
    near = ask("show", f"{id[:-1]}")
    assert (near.code, near.err) == (6, f"Error: No appointment is called '{id[:-1]}'. Did you mean {id}?\n")


@pytest.mark.parametrize(
    ("option", "command"),
    [
        ("--reason", ("cancel", "booking")),
        ("--reason", ("close", "ames", "--from", "2026-03-10", "--to", "2026-03-10")),
        ("--comment", ("book", *AMES, "--start", "2026-03-10T09:30")),
    ],
)
def test_words_that_say_nothing_are_not_stored(ask: Ask, option: str, command: tuple[str, ...]) -> None:
    before = entries(ask)
    said = ask(*command, option, " ")
    assert (said.code, said.out) == (2, "")
    assert said.err.splitlines()[-1] == f"Error: {option} ' ' says nothing."
    assert entries(ask) == before


# reschedule


def test_moving_keeps_schedules_patient_and_id(ask: Ask) -> None:
    id = book(ask, "2026-03-10T09:30", "--patient", "ann", schedules=("ames", "room-2"))
    said = ask("reschedule", id, "--start", "2026-03-10T11:00")
    assert said == (
        0,
        "Moved: Check-up, Tue 10 Mar 2026, 11:00 – 11:30 EDT\n"
        f"  Appointment    {id}\n"
        "  Patient        Ann Lee\n"
        "  Practitioner   Dr. Ames\n"
        "  Location       Room 2\n"
        "  Before         Check-up, Tue 10 Mar 2026, 09:30 – 10:00 EDT\n",
        "",
    )
    assert free_starts(ask) == [one for one in ALL if one != "15:00"]


def test_moving_to_other_schedules(ask: Ask) -> None:
    id = book(ask, "2026-03-10T09:30", schedules=("ames", "room-1"))
    said = ask("reschedule", id, "--start", "2026-03-10T10:00", "--schedule", "bell", "--schedule", "room-1,room-2")
    # Room 1 is painted at ten.
    assert "  Practitioner   Dr. Bell\n" in said.out and "  Location       Room 2\n" in said.out
    assert "Ames" not in said.out
    assert free_starts(ask, "ames") == ALL


def test_its_own_time_is_not_in_the_way(ask: Ask) -> None:
    id = book(ask, "2026-03-10T09:30", schedules=("ames", "room-2"))
    book(ask, "2026-03-10T09:30", schedules=("bell",))
    said = ask("reschedule", id, "--start", "2026-03-10T09:30", "--schedule", "ames,bell")
    assert "  Practitioner   Dr. Ames\n" in said.out


def test_a_goal_that_is_taken_changes_nothing(ask: Ask) -> None:
    id, other = book(ask, "2026-03-10T09:30"), book(ask, "2026-03-10T10:00", "--patient", "bo")
    before = stored(ask, id)
    said = ask("reschedule", id, "--start", "2026-03-10T10:00")
    assert (said.code, said.out) == (4, "")
    assert said.err == (
        "Error: Requested time slot is not available (Dr. Ames (ames)).\n"
        f"  Tue 10 Mar 2026, 10:00 – 10:30 EDT   busy: Appointment/{other} of Bo Park\n"
        "Ask for other times with slotwright find.\n"
    )
    said = ask("reschedule", id, "--start", "2026-03-10T12:30", "--schedule", "ames,bell")
    assert said.code == 4
    assert said.err.startswith(
        "Error: Requested time slot is not available: at Tue 10 Mar 2026, 12:30 EDT there is no free Dr. Ames (ames) "
        "or Dr. Bell (bell).\n"
    )
    assert stored(ask, id) == before


def test_moving_to_an_offer(ask: Ask) -> None:
    id = book(ask, "2026-03-10T09:30")
    said = ask("find", "--service", "checkup", "--schedule", "ames,bell", *TUESDAY, "--ignore-appointment", id)
    assert said.out.endswith(f"slotwright reschedule {id} --pick N moves it there.\n")
    said = ask("reschedule", id, "--pick", "1")
    assert said.out.startswith("Moved: Check-up, Tue 10 Mar 2026, 09:00 – 09:30 EDT\n")


def test_an_offer_of_another_service_is_no_goal(ask: Ask) -> None:
    id = book(ask, "2026-03-10T09:30")
    ask("find", "--service", "talk", "--schedule", "ames", *TUESDAY)
    said = ask("reschedule", id, "--pick", "1")
    assert (said.code, said.out) == (5, "")
    assert said.err.startswith("Error: --pick 1: the last find was for another service than Appointment/")


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        ((), 2, "Give --start, or --pick N."),
        (("--start", "2026-03-10T10:00", "--pick", "1"), 2, "Give --start, or --pick N."),
        (("--pick", "1", "--schedule", "bell"), 2, "--pick and --schedule exclude each other: an offer has its own."),
        (("--start", "2026-03-10T10:10"), 5, "Start time is not aligned to the scheduling grid (--start)."),
        (("--start", "2026-03-10T10:10", "--schedule", "ames,bell"), 5, "Slot start time is not aligned|Start time"),
        (("--start", "soon"), 5, "--start 'soon' is neither a local time"),
        (("--start", "2026-03-05T10:00"), 4, "Thu 5 Mar 2026, 10:00 EST has passed."),
        (("--start", "2026-03-05T10:00", "--schedule", "ames,bell"), 4, "Thu 5 Mar 2026, 10:00 EST has passed."),
        (("--start", "2026-03-10T10:00", "--schedule", "bill"), 6, "No schedule is called 'bill'."),
    ],
)
def test_goals_that_will_not_do(ask: Ask, options: tuple[str, ...], code: int, sentence: str) -> None:
    said = ask("reschedule", book(ask, "2026-03-10T09:30"), *options)
    assert (said.code, said.out) == (code, "")
    assert any(one in said.err for one in sentence.split("|"))


def test_allow_past_moves_into_the_past(ask: Ask) -> None:
    id = book(ask, "2026-03-10T09:30")
    said = ask("reschedule", id, "--start", "2026-03-05T10:00", "--allow-past")
    assert said.out.startswith("Moved: Check-up, Thu 5 Mar 2026, 10:00 – 10:30 EST\n")


@pytest.mark.parametrize("options", [(), ("--schedule", "ames"), ("--schedule", "ames,bell")])
def test_what_is_cancelled_cannot_be_moved(ask: Ask, options: tuple[str, ...]) -> None:
    id = book(ask, "2026-03-10T09:30")
    ask("cancel", id)
    said = ask("reschedule", id, "--start", "2026-03-10T10:00", *options)
    assert said == (
        4,
        "",
        "Error: Appointment cannot be rescheduled in 'cancelled' status. Only booked appointments and holds can be "
        "moved.\n",
    )


# Dry runs


@pytest.mark.parametrize(
    ("command", "begin"),
    [
        (("cancel", "{id}"), "Would cancel: Check-up"),
        (("reschedule", "{id}", "--start", "2026-03-10T10:00"), "Would move: Check-up, Tue 10 Mar 2026, 10:00"),
        (("status", "{id}", "arrived"), "Would be arrived: Check-up"),
        (("close", "ames", "--from", "2026-03-10", "--to", "2026-03-10"), "Would close: Dr. Ames (ames), Tue 10 Mar"),
        (("confirm", "{held}"), "Would confirm: Check-up"),
    ],
)
def test_a_dry_run_writes_nothing(ask: Ask, command: tuple[str, ...], begin: str) -> None:
    ids = {"id": book(ask, "2026-03-10T09:30"), "held": hold(ask, "2026-03-10T11:00")}
    before = entries(ask)
    said = ask(*(one.format(**ids) for one in command), "--dry-run")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(begin)
    assert entries(ask) == before


# status


def test_who_came(ask: Ask) -> None:
    id = book(ask, "2026-03-10T09:30", "--patient", "ann")
    said = ask("status", id, "arrived", "--who", "Ben")
    assert said.out.startswith("Arrived: Check-up, Tue 10 Mar 2026, 09:30 – 10:00 EDT\n")
    assert stored(ask, id)["status"] == "arrived"
    assert (entries(ask)[-1]["kind"], entries(ask)[-1]["input"]["who"]) == ("status", "Ben")
    said = ask("status", id, "noshow", "--json")
    assert (said.json["resourceType"], said.json["status"]) == ("Appointment", "noshow")
    said = ask("status", id, "fulfilled")
    assert said == (
        4,
        "",
        f"Error: Appointment/{id} is 'noshow' and cannot become 'fulfilled'. "
        "Only booked, arrived or checked-in appointments can.\n",
    )


def test_a_status_that_is_none(ask: Ask) -> None:
    said = ask("status", book(ask, "2026-03-10T09:30"), "gone")
    assert (said.code, said.out) == (2, "")
    assert "'gone' is not one of 'arrived', 'fulfilled', 'noshow'" in said.err


def test_an_expired_hold_is_told_from_a_cancelled_booking(ask: Ask) -> None:
    id = hold(ask, "2026-03-10T09:30", "--minutes", "15")
    for later in ("2026-03-09T13:00:00Z", "2026-03-09T14:00:00Z"):
        said = ask("status", id, "arrived", "--now", later)
        assert (said.code, said.err) == (
            4,
            f"Error: Appointment/{id} was a hold and has expired. Book anew: find offers times.\n",
        )
        book(ask, "2026-03-12T09:30" if later.endswith("13:00:00Z") else "2026-03-13T09:30", "--now", later)


# show


def test_show_says_what_is_known(ask: Ask) -> None:
    id = book(ask, "2026-03-10T09:30", "--patient", "ann", "--comment", "bring\x1b[2Jcard", "--identifier", "a",
              schedules=("ames", "room-2"))  # fmt: skip
    assert (
        ask("show", id).out
        == f"""\
Check-up, Tue 10 Mar 2026, 09:30 – 10:00 EDT
  Appointment    {id}
  Status         booked
  Patient        Ann Lee
  Practitioner   Dr. Ames
  Location       Room 2
  Comment        bring [2Jcard
  Identifier     a
  Slot           Dr. Ames (ames): Tue 10 Mar 2026, 09:30 – 10:00 EDT, busy
  Slot           Room 2 (room-2): Tue 10 Mar 2026, 09:30 – 10:00 EDT, busy
  Version        1, written Mon 9 Mar 2026, 08:00 EDT
"""
    )


def test_show_says_how_long_a_hold_lasts(ask: Ask) -> None:
    id = hold(ask, "2026-03-10T09:30", "--minutes", "15")
    assert "  Status         pending, held until Mon 9 Mar 2026, 08:15 EDT\n" in ask("show", id).out
    said = ask("show", id, "--now", "2026-03-09T12:15:00Z")
    assert "  Status         pending, expired Mon 9 Mar 2026, 08:15 EDT\n" in said.out


def test_show_in_another_zone(ask: Ask) -> None:
    said = ask("show", book(ask, "2026-03-10T09:30"), "--timezone", "Asia/Tokyo")
    assert said.out.startswith("Check-up, Tue 10 Mar 2026, 22:30 – 23:00 JST\n")


@pytest.mark.parametrize(
    "changes",
    [
        {"start": None, "end": None},
        {"serviceType": None, "participant": []},
        {"participant": [{"status": "accepted"}, {"actor": {"display": "Somebody"}, "status": "accepted"}]},
        {"status": None},
        {"slot": None, "identifier": [{"system": "x"}], "comment": ""},
        {"serviceType": [{"text": "Talk"}], "cancelationReason": {}, "status": "cancelled"},
        {"start": "soon", "end": "later"},
    ],
)
def test_odd_appointments_are_shown_as_far_as_they_go(ask: Ask, changes: dict[str, Any]) -> None:
    odd = {**appointment("odd", [], start="2026-03-10T13:00:00Z", end="2026-03-10T13:30:00Z"), **changes}
    odd = {key: value for key, value in odd.items() if value is not None}
    assert ask("ledger", "load", save([odd], "odd.ndjson")).code in (0, 5)
    if ask("show", "odd", "--json").code == 0:
        assert ask("show", "odd").code == 0
        assert ask("list").code == 0
        assert ask("list", "--day", "2026-03-10", "--schedule", "ames", "--patient", "ann").code == 0


# list


def ids(ask: Ask, *options: str) -> list[str]:
    said = ask("list", *options, "--ndjson")
    assert said.code == 0, said.err
    return [one["id"] for one in said.lines]


def test_list_filters_by_schedule_patient_status_and_day(ask: Ask) -> None:
    later = book(ask, "2026-03-11T09:00", "--patient", "ann", schedules=("bell", "room-1"))
    late = book(ask, "2026-03-10T11:00", "--patient", "bo", schedules=("ames", "room-1"))
    early = book(ask, "2026-03-10T09:00", "--patient", "ann")
    gone = book(ask, "2026-03-10T10:00", "--patient", "bo")
    ask("cancel", gone)
    assert ids(ask) == [early, gone, late, later]
    assert ids(ask, "--schedule", "Dr. Ames") == [early, gone, late], (
        "the cancelled one too, although its Slots are gone"
    )
    assert ids(ask, "--schedule", "room-1") == [late, later]
    assert ids(ask, "--patient", "Ann Lee") == [early, later]
    assert ids(ask, "--patient", "Patient/bo") == [gone, late]
    assert ids(ask, "--status", "cancelled") == [gone]
    assert ids(ask, "--status", "booked, cancelled", "--patient", "bo") == [gone, late]
    assert ids(ask, "--day", "2026-03-11") == [later]
    assert ids(ask, "--day", "tomorrow") == [early, gone, late]
    assert ids(ask, "--day", "today") == ids(ask, "--day", "Yesterday") == []
    assert ids(ask, "--day", "2026-03-10", "--schedule", "ames", "--status", "booked", "--patient", "bo") == [late]


def test_list_shows_a_table(ask: Ask) -> None:
    id = book(ask, "2026-03-10T09:00", "--patient", "ann", schedules=("ames", "room-2"))
    said = ask("list")
    cells = [[cell.strip() for cell in line.split("   ") if cell.strip()] for line in said.out.splitlines()]
    assert cells[0] == ["Day", "Time", "Service", "Patient", "With", "Status", "Appointment"]
    assert cells[2] == ["Tue 10 Mar 2026", "09:00 – 09:30 EDT", "Check-up", "Ann Lee", "Dr. Ames, Room 2", "booked", id]
    assert said.out.endswith("\n1 appointment.\n")
    bundle = ask("list", "--json").json
    assert (bundle["type"], [one["resource"]["id"] for one in bundle["entry"]]) == ("searchset", [id])


def test_a_day_is_local(ask: Ask) -> None:
    """Half past eleven in the evening of the 10th in New York is the 11th in UTC."""
    id = book(ask, "2026-03-10T23:30", schedules=("room-1",))
    assert ids(ask, "--day", "2026-03-10") == ids(ask, "--day", "2026-03-10", "--schedule", "room-1") == [id]
    assert ids(ask, "--day", "2026-03-11", "--timezone", "UTC") == [id]
    assert ids(ask, "--day", "2026-03-11") == ids(ask, "--day", "2026-03-10", "--timezone", "UTC") == []


def test_a_form_typed_wins_over_one_in_the_file(ask: Ask) -> None:
    id = book(ask, "2026-03-10T09:00")
    Path("slotwright.toml").write_text("json = true\n")
    assert ask("list").json["resourceType"] == "Bundle"
    assert [one["id"] for one in ask("list", "--ndjson").lines] == [id]


def test_an_empty_list(ask: Ask) -> None:
    assert ask("list") == (0, "No appointments.\n", "")
    assert ask("list", "--json").json == {"resourceType": "Bundle", "type": "searchset"}
    assert ask("list", "--ndjson").out == ""


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (("--status", "bookd"), 5, "--status 'bookd': bookd is no status of appointments. There are arrived, "),
        (("--status", ","), 5, "--status ',': nothing is no status of appointments."),
        (("--day", "10 March"), 5, "--day '10 March' is no day. Write it as 2026-03-09, today or tomorrow."),
        (("--day", "2026-02-30"), 5, "--day '2026-02-30' is no day."),
        (("--patient", "Sam Roe"), 5, "'Sam Roe' is the name of several patients: sam-1, sam-2."),
        (("--schedule", "nope"), 6, "No schedule is called 'nope'."),
        (("--timezone", "Mars"), 5, "--timezone 'Mars' is no time zone."),
        (("--json", "--ndjson"), 2, "--json and --ndjson exclude each other."),
    ],
)
def test_lists_that_cannot_be(ask: Ask, options: tuple[str, ...], code: int, sentence: str) -> None:
    said = ask("list", *(("--day", "today") if "--timezone" in options else ()), *options)
    assert (said.code, said.out) == (code, "")
    assert sentence in said.err


# close, reopen


def test_leave_closes_and_lists_what_it_hits(ask: Ask) -> None:
    book(ask, "2026-03-12T09:00")
    second = book(ask, "2026-03-11T11:30", "--patient", "bo")
    first = book(ask, "2026-03-10T09:30", "--patient", "ann")
    book(ask, "2026-03-10T09:30", schedules=("bell",))
    gone = book(ask, "2026-03-10T10:00")
    ask("cancel", gone)
    said = ask("close", "Dr. Ames", "--from", "2026-03-10", "--to", "2026-03-11", "--reason", "flu")
    assert said == (
        0,
        f"""\
Closed: Dr. Ames (ames), Tue 10 Mar 2026 to Wed 11 Mar 2026 (flu)
It hits 2 bookings, which stay until you reschedule or cancel them:
  {first}   Check-up, Tue 10 Mar 2026, 09:30 – 10:00 EDT   Ann Lee   booked
  {second}   Check-up, Wed 11 Mar 2026, 11:30 – 12:00 EDT   Bo Park   booked
""",
        "",
    )
    assert free_starts(ask) == []
    assert stored(ask, first)["status"] == "booked"
    said = ask("close", "bell", "--from", "2026-03-10", "--to", "2026-03-11")
    assert said.out.splitlines()[1] == "It hits 1 booking, which stays until you reschedule or cancel it:"
    said = ask("book", *AMES, "--start", "2026-03-10T11:00")
    assert "  Tue 10 Mar 2026 to Wed 11 Mar 2026   busy-unavailable, flu: Slot/" in said.err


def test_the_slot_of_a_closure(ask: Ask) -> None:
    bundle = ask("close", "ames", "--from", "2026-03-10T10:00", "--to", "2026-03-10T11:15", "--json").json
    (entry,) = bundle["entry"]
    found = {key: value for key, value in entry["resource"].items() if key not in ("id", "meta")}
    assert found == {
        "resourceType": "Slot",
        "extension": [{"url": "https://slotwright.dev/fhir/StructureDefinition/closure", "valueBoolean": True}],
        "schedule": {"reference": "Schedule/ames"},
        "status": "busy-unavailable",
        "start": "2026-03-10T14:00:00.000Z",
        "end": "2026-03-10T15:15:00.000Z",
    }
    # 10:00 and 10:30 are closed, and 11:00 reaches into the closure.
    assert free_starts(ask) == ["13:00", "13:30", "15:30"]


def test_a_closure_is_reopened_in_part(ask: Ask) -> None:
    ask("close", "ames", "--from", "2026-03-10T09:00", "--to", "2026-03-10T12:00", "--reason", "flu")
    said = ask("reopen", "ames", "--from", "2026-03-10T10:00", "--to", "2026-03-10T11:00")
    assert said == (0, "Reopened: Dr. Ames (ames), Tue 10 Mar 2026, 10:00 – 11:00 EDT\n", "")
    assert free_starts(ask) == ["14:00", "14:30"]
    said = ask("reopen", "ames", "--from", "2026-03-10", "--to", "2026-03-10")
    assert said.out == (
        "Reopened: Dr. Ames (ames), Tue 10 Mar 2026, 09:00 – 10:00 EDT\n"
        "Reopened: Dr. Ames (ames), Tue 10 Mar 2026, 11:00 – 12:00 EDT\n"
    )
    assert free_starts(ask) == ALL


def test_reopen_leaves_other_blocks_and_bookings(ask: Ask) -> None:
    id = book(ask, "2026-03-10T09:30", schedules=("room-1",))
    ask("close", "room-1", "--from", "2026-03-10", "--to", "2026-03-10")
    said = ask("reopen", "room-1", "--from", "2026-03-10", "--to", "2026-03-10")
    assert said.out == (
        "Reopened: Room 1 (room-1), Tue 10 Mar 2026, all day\n"
        "Other blocks there were not made by close, and stay:\n"
        "  Slot/paint   Tue 10 Mar 2026, 10:00 – 10:30 EDT   painting\n"
    )
    assert stored(ask, id)["status"] == "booked"
    said = ask("reopen", "room-1", "--from", "2026-03-10", "--to", "2026-03-10")
    assert said == (
        6,
        "",
        "Error: --from 2026-03-10 --to 2026-03-10: Schedule/room-1 has no closure there. "
        "Only what slotwright close made can be reopened.\n",
    )


def test_what_reopen_leaves_as_json(ask: Ask) -> None:
    ask("close", "ames", "--from", "2026-03-10T09:00", "--to", "2026-03-10T12:00", "--reason", "flu")
    left = ask("reopen", "ames", "--from", "2026-03-10T10:00", "--to", "2026-03-10T11:00", "--json").json["entry"]
    assert [(one["resource"]["start"][11:16], one["resource"]["end"][11:16]) for one in left] == [
        ("13:00", "14:00"),
        ("15:00", "16:00"),
    ]
    assert {one["resource"]["comment"] for one in left} == {"flu"}


@pytest.mark.parametrize("command", ["close", "reopen"])
@pytest.mark.parametrize(
    ("begin", "end", "sentence"),
    [
        ("2026-03-11", "2026-03-10", "--to 2026-03-10 is not after --from 2026-03-11."),
        ("2026-03-10T09:00", "2026-03-10T09:00", "--to 2026-03-10T09:00 is not after --from 2026-03-10T09:00."),
        ("monday", "2026-03-10", "--from 'monday' is neither a local time"),
        ("2026-03-08T02:30", "2026-03-10", "--from '2026-03-08T02:30' does not exist in America/New_York"),
    ],
)
def test_windows_that_are_none(ask: Ask, command: str, begin: str, end: str, sentence: str) -> None:
    said = ask(command, "ames", "--from", begin, "--to", end)
    assert (said.code, said.out) == (5, "")
    assert said.err.startswith(f"Error: {sentence}")


def test_a_closure_hits_buffers_too(ask: Ask) -> None:
    taken = slot("s", "ames", "2026-03-10T13:00:00Z", "2026-03-10T13:30:00Z")
    buffer = slot("s-after", "ames", "2026-03-10T13:30:00Z", "2026-03-10T13:45:00Z", "busy-unavailable")
    visit = appointment("old", ["s", "s-after"], start="2026-03-10T13:00:00Z", end="2026-03-10T13:30:00Z")
    ask("ledger", "load", save([taken, buffer, visit], "old.ndjson"))
    said = ask("close", "ames", "--from", "2026-03-10T09:40", "--to", "2026-03-10T10:00")
    assert "It hits 1 booking, which" in said.out and "  old   " in said.out
    said = ask("close", "ames", "--from", "2026-03-10T09:45", "--to", "2026-03-10T10:00")
    assert said.out.endswith("\nIt hits no booking.\n")
