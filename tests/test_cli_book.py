"""`slotwright book` and `hold` as people use them: offers picked, proposals piped in, pools, replays, the past."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from desk_support import AMES, Ask, asker, book, called, entries, practice, save, set_up, stored
from support import CAPACITY_URL, HOLD_EXPIRES_URL, appointment, parameters, schedule, service, slot

TUESDAY = ("--start", "2026-03-10", "--end", "2026-03-10")


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    found = asker(tmp_path, monkeypatch, capsys)
    set_up(found)
    return found


def find(*options: str) -> tuple[str, ...]:
    return ("find", *AMES, *TUESDAY, *options)


# By service, schedules and start


def test_a_booking_says_what_when_and_who(ask: Ask) -> None:
    who = ("--patient", "ann lee", "--comment", "first visit", "--identifier", "a-1")
    said = ask("book", "--service", "Check-up", "--schedule", "Dr. Ames", "--schedule", "room-2", "--start",
               "2026-03-10T09:30", *who)  # fmt: skip
    (id,) = said.ids
    assert said == (
        0,
        f"""\
Booked: Check-up, Tue 10 Mar 2026, 09:30 – 10:00 EDT
  Appointment    {id}
  Patient        Ann Lee
  Practitioner   Dr. Ames
  Location       Room 2
  Comment        first visit
  Identifier     a-1
""",
        "",
    )


def test_what_is_stored_is_what_was_asked(ask: Ask) -> None:
    id = book(ask, "2026-03-10T09:30", "--patient", "ann", "--comment", "x", "--identifier", "urn:a|b|c")
    found = stored(ask, id)
    # Half past nine in New York is 13:30 UTC from 8 March on.
    assert (found["status"], found["start"], found["end"]) == (
        "booked",
        "2026-03-10T13:30:00.000Z",
        "2026-03-10T14:00:00.000Z",
    )
    assert found["participant"] == [
        {"actor": {"reference": "Patient/ann", "display": "Ann Lee"}, "required": "required", "status": "accepted"},
        {
            "actor": {"reference": "Practitioner/ames", "display": "Dr. Ames"},
            "required": "required",
            "status": "needs-action",
        },
    ]
    assert found["comment"] == "x"
    assert found["identifier"] == [{"system": "urn:a|b", "value": "c"}]


@pytest.mark.parametrize(
    "start", ["2026-03-10T09:30", "2026-03-10 09:30", "2026-03-10T09:30:00", "2026-03-10T13:30:00Z"]
)
def test_a_start_is_a_local_time_or_an_instant(ask: Ask, start: str) -> None:
    assert stored(ask, book(ask, start))["start"] == "2026-03-10T13:30:00.000Z"


def test_timezone_says_whose_clock(ask: Ask) -> None:
    said = ask("book", *AMES, "--start", "2026-03-10T14:30", "--timezone", "Europe/Vienna")
    assert said.out.startswith("Booked: Check-up, Tue 10 Mar 2026, 14:30 – 15:00 CET\n")
    assert stored(ask, said.ids[0])["start"] == "2026-03-10T13:30:00.000Z"


@pytest.mark.parametrize(
    ("start", "sentence"),
    [
        ("2027-03-14T02:30", "does not exist in America/New_York: the clocks skip it. Give a time before or after."),
        (
            "2026-11-01T01:30",
            "happens twice in America/New_York. Give 2026-11-01T05:30:00.000Z or 2026-11-01T06:30:00.000Z.",
        ),
        ("tomorrow", "is neither a local time such as 2026-03-10T09:00 nor an instant with an offset"),
        ("2026-03-10", "is neither a local time such as 2026-03-10T09:00 nor an instant with an offset"),
        ("2026-03-10T24:30", "is neither a local time"),
    ],
)
def test_a_start_that_says_no_moment(ask: Ask, start: str, sentence: str) -> None:
    said = ask("book", *AMES, "--start", start)
    assert (said.code, said.out) == (5, "")
    assert said.err.startswith(f"Error: --start '{start}' {sentence}")


def test_a_start_between_two_minutes(ask: Ask) -> None:
    said = ask("book", *AMES, "--start", "2026-03-10T13:30:30Z")
    assert (said.code, said.out) == (5, "")
    assert said.err == "Error: --start 2026-03-10T13:30:30.000Z is not a whole minute. Visits start at whole minutes.\n"


def test_json_is_the_bundle_of_the_operation(ask: Ask) -> None:
    bundle = ask("book", *AMES, "--start", "2026-03-10T09:30", "--json").json
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "transaction-response")
    assert [entry["resource"]["resourceType"] for entry in bundle["entry"]] == ["Appointment", "Slot"]
    assert bundle["entry"][0]["resource"] == stored(ask, bundle["entry"][0]["resource"]["id"])


@pytest.mark.parametrize("name", ["ann", "Patient/ann", "Ann Lee", "ANN  LEE"])
def test_a_patient_by_reference_id_or_name(ask: Ask, name: str) -> None:
    actor = stored(ask, book(ask, "2026-03-10T09:30", "--patient", name))["participant"][0]["actor"]
    assert actor == {"reference": "Patient/ann", "display": "Ann Lee"}


@pytest.mark.parametrize(
    ("name", "code", "sentence"),
    [
        ("Sam Roe", 5, "'Sam Roe' is the name of several patients: sam-1, sam-2. Give one of these ids."),
        ("Anne Lee", 6, "No patient is called 'Anne Lee'. Did you mean ann (Ann Lee)?"),
        ("Practitioner/ames", 6, "No patient is called 'Practitioner/ames'."),
    ],
)
def test_a_patient_that_nobody_or_more_than_one_is(ask: Ask, name: str, code: int, sentence: str) -> None:
    said = ask("book", *AMES, "--start", "2026-03-10T09:30", "--patient", name)
    assert (said.code, said.out) == (code, "")
    assert said.err.startswith(f"Error: {sentence}")


def test_a_patient_may_live_elsewhere(ask: Ask) -> None:
    said = ask("book", *AMES, "--start", "2026-03-10T09:30", "--patient", "Patient/else")
    assert (said.code, said.err) == (0, "Note: Patient/else is not stored in the ledger.\n")
    assert stored(ask, said.ids[0])["participant"][0]["actor"] == {"reference": "Patient/else"}


def test_wrong_names_get_near_ones(ask: Ask) -> None:
    said = ask("book", "--service", "checkup", "--schedule", "amees", "--start", "2026-03-10T09:30")
    assert (said.code, said.err) == (6, "Error: No schedule is called 'amees'. Did you mean ames (Dr. Ames)?\n")


def test_who_is_recorded(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    book(ask, "2026-03-10T09:00")
    book(ask, "2026-03-10T09:30", "--who", "Ben")
    monkeypatch.setenv("SLOTWRIGHT_WHO", "Cleo")
    book(ask, "2026-03-10T10:00")
    assert [one["input"]["who"] for one in entries(ask)[-3:]] == ["tester", "Ben", "Cleo"]


def test_a_dry_run_says_what_would_be_and_writes_nothing(ask: Ask) -> None:
    before = entries(ask)
    said = ask("book", *AMES, "--start", "2026-03-10T09:30", "--patient", "ann", "--dry-run")
    assert (said.code, said.out) == (
        0,
        "Would book: Check-up, Tue 10 Mar 2026, 09:30 – 10:00 EDT\n"
        "  Patient        Ann Lee\n"
        "  Practitioner   Dr. Ames\n",
    )
    assert ask("hold", *AMES, "--start", "2026-03-10T09:30", "--dry-run").out.startswith("Would hold until confirmed")
    assert entries(ask) == before
    assert ask("list").out == "No appointments.\n"


# Refusals


def test_a_time_taken_shows_who_holds_it_and_what_to_do(ask: Ask) -> None:
    id = book(ask, "2026-03-10T09:30", "--patient", "ann")
    said = ask("book", *AMES, "--start", "2026-03-10T09:30")
    assert said == (
        4,
        "",
        f"""\
Error: Requested time slot is not available (Dr. Ames (ames)).
  Tue 10 Mar 2026, 09:30 – 10:00 EDT   busy: Appointment/{id} of Ann Lee
Ask for other times with slotwright find.
""",
    )


def test_a_slot_without_an_appointment_is_named_itself(ask: Ask) -> None:
    said = ask("book", "--service", "checkup", "--schedule", "room-1", "--start", "2026-03-10T10:00")
    assert (said.code, said.err.splitlines()[1]) == (
        4,
        "  Tue 10 Mar 2026, 10:00 – 10:30 EDT   busy-unavailable, painting: Slot/paint",
    )


def test_a_closed_time_is_told_from_a_taken_one(ask: Ask) -> None:
    said = ask("book", *AMES, "--start", "2026-03-10T12:00")
    assert said.code == 4
    assert said.err.splitlines()[1] == "  No Slot is in the way: it is closed then, or outside its hours."


def test_off_the_grid_says_where_starts_lie(ask: Ask) -> None:
    said = ask("book", *AMES, "--start", "2026-03-10T09:40")
    assert (said.code, said.out) == (5, "")
    assert said.err == (
        "Error: Slot start time is not aligned to the scheduling grid (Schedule/ames).\n"
        "  Starts lie 30 min apart on the clock of Etc/UTC; slotwright find lists them.\n"
    )
    assert ask("book", *AMES, "--schedule", "room-1,room-2", "--start", "2026-03-10T09:40").code == 5


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--pick", "1", "--start", "2026-03-10T09:00"), "--pick and --start exclude each other"),
        (("--pick", "1", "--schedule", "ames"), "--pick and --schedule exclude each other"),
        (("--service", "checkup"), "--service, --schedule and --start belong together."),
        (("--service", "checkup", "--schedule", "ames"), "--service, --schedule and --start belong together."),
        ((*AMES, "--schedule", ",", "--start", "2026-03-10T09:00"), "--schedule ',' names no schedule."),
    ],
)
def test_wrong_use(ask: Ask, options: tuple[str, ...], sentence: str) -> None:
    said = ask("book", *options)
    assert (said.code, said.out) == (2, "")
    assert sentence in said.err.splitlines()[-1]


def test_an_identifier_without_a_value(ask: Ask) -> None:
    said = ask("book", *AMES, "--start", "2026-03-10T09:30", "--identifier", "urn:x|")
    assert (said.code, said.err) == (
        5,
        "Error: --identifier 'urn:x|' has no value. Write it as value or system|value.\n",
    )


def test_parameters_that_do_not_resolve_are_named_where_they_stand(ask: Ask) -> None:
    bad = called("bad", "Dr. Bad", parameters(slotCapacity=0), actor="Practitioner/ames")
    assert ask("ledger", "load", save([bad], "bad.ndjson")).code == 0
    said = ask("book", "--service", "checkup", "--schedule", "bad", "--start", "2026-03-10T09:30")
    assert (said.code, said.out) == (5, "")
    assert said.err == ("Error: slotCapacity must be a positive integer (Schedule/bad.extension[0].extension[0]).\n")


def test_a_schedule_without_an_actor(ask: Ask) -> None:
    assert ask("ledger", "load", save([{**schedule("none"), "actor": []}], "none.ndjson")).code == 0
    said = ask("book", "--service", "checkup", "--schedule", "none", "--start", "2026-03-10T09:30")
    assert said.code == 5
    assert said.err.startswith("Error: Scheduling only supported on schedules with exactly one actor (Schedule/none).")


# Offers picked


def test_pick_takes_the_offer_with_this_number(ask: Ask) -> None:
    assert ask(*find("--count", "3")).out.endswith("slotwright book --pick N books one.\n")
    said = ask("book", "--pick", "3", "--patient", "bo")
    # 09:00, 09:30 and 10:00 are the first three.
    assert said.out.startswith("Booked: Check-up, Tue 10 Mar 2026, 10:00 – 10:30 EDT\n")
    assert "  Patient        Bo Park\n" in said.out


@pytest.mark.parametrize("form", [(), ("--json",), ("--ndjson",)])
def test_offers_of_every_form_can_be_picked(ask: Ask, form: tuple[str, ...]) -> None:
    assert ask(*find("--count", "1", *form)).code == 0
    assert ask("book", "--pick", "1").code == 0


def test_the_last_find_counts(ask: Ask) -> None:
    ask(*find())
    ask(*find("--between", "11:00-12:00"))
    assert ask("book", "--pick", "1").out.startswith("Booked: Check-up, Tue 10 Mar 2026, 11:00 – 11:30 EDT\n")


def test_a_find_in_a_calendar_leaves_the_offers_alone(ask: Ask) -> None:
    ask(*find("--count", "1"))
    at = (
        "--calendar",
        save(practice()),
        "--service",
        "checkup",
        "--schedule",
        "bell",
        *TUESDAY,
        "--between",
        "11:00-12:00",
    )
    assert ask("find", *at).code == 0
    assert "Dr. Ames" in ask("book", "--pick", "1").out


def test_a_series_is_booked_whole(ask: Ask) -> None:
    ask(*find("--occurrences", "3", "--count", "1"))
    said = ask("book", "--pick", "1", "--patient", "ann")
    assert said.code == 0
    assert said.out.startswith("Booked: Check-up, 3 visits\n  Tue 10 Mar 2026, 09:00 – 09:30 EDT   ")
    assert [line.strip()[:16] for line in said.out.splitlines()[1:4]] == [
        "Tue 10 Mar 2026,",
        "Tue 17 Mar 2026,",
        "Tue 24 Mar 2026,",
    ]
    again = ask("book", "--pick", "1")
    assert again.code == 4
    assert again.err.startswith("Error: Appointment 1 of 3 (Tue 10 Mar 2026, 09:00 EDT): Requested time slot is not ")


def test_picking_without_a_find(ask: Ask) -> None:
    said = ask("book", "--pick", "1")
    assert (said.code, said.err) == (
        6,
        "Error: --pick 1: there is no find to pick from. Run slotwright find --ledger first.\n",
    )


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.5", "", "٣"])
def test_picking_what_is_no_number(ask: Ask, number: str) -> None:
    ask(*find())
    said = ask("book", "--pick", number)
    assert (said.code, said.err) == (
        5,
        f"Error: --pick '{number}' is not the number of an offer. Give 1 for the first one.\n",
    )


def test_picking_more_than_there_is(ask: Ask) -> None:
    ask(*find("--count", "2"))
    said = ask("book", "--pick", "3")
    assert (said.code, said.err) == (
        5,
        "Error: --pick 3: the last find made 2 offers. Pick one of these, or run find again.\n",
    )
    assert ask(*find("--weekday", "mon")).code == 3
    said = ask("book", "--pick", "1")
    assert (said.code, said.err) == (5, "Error: --pick 1: the last find found nothing. Ask it for other times.\n")


def test_picking_from_another_ledger(ask: Ask) -> None:
    set_up(ask, ledger="other.ledger", identity="other")
    ask(*find("--ledger", "other.ledger"))
    said = ask("book", "--pick", "1")
    assert (said.code, said.out) == (5, "")
    assert said.err == (
        "Error: --pick 1: the last find searched another ledger, 'other'; this one is 'practice'. "
        "Run slotwright find on this ledger first.\n"
    )


def test_an_offer_for_moving_is_not_booked(ask: Ask) -> None:
    id = book(ask, "2026-03-10T09:30")
    ask(*find("--ignore-appointment", id))
    said = ask("book", "--pick", "1")
    assert said.code == 5
    assert f"slotwright reschedule {id} --pick 1" in said.err


def test_an_offer_taken_meanwhile_is_a_conflict(ask: Ask) -> None:
    ask(*find("--count", "1"))
    book(ask, "2026-03-10T09:00")
    said = ask("book", "--pick", "1")
    assert said.code == 4
    assert said.err.endswith("Ask for other times with slotwright find.\n")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"format": 2}', '{"format": 1, "ledger": "x", "search": [], "proposals": []}']
)
def test_offers_that_cannot_be_read(ask: Ask, tmp_path: Path, content: str) -> None:
    ask(*find())
    (tmp_path / "state" / "slotwright" / "last-find.json").write_text(content)
    said = ask("book", "--pick", "1")
    assert (said.code, said.out) == (5, "")
    assert said.err.endswith("Run find again.\n") and said.err.count("\n") == 1


def test_the_offers_are_kept_in_one_file_for_oneself_alone(ask: Ask, tmp_path: Path) -> None:
    ask(*find("--count", "2"))
    ask(*find("--count", "1"))
    (kept,) = (tmp_path / "state" / "slotwright").iterdir()
    assert kept.name == "last-find.json"
    assert kept.stat().st_mode & 0o077 == 0
    content = json.loads(kept.read_text())
    assert (content["ledger"], len(content["proposals"])) == ("practice", 1)


def test_a_find_whose_offers_cannot_be_kept_still_succeeds(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    said = ask(*find("--count", "1"))
    assert (said.code, said.err.count("\n")) == (0, 1)
    assert said.err.startswith("Note: The offers could not be kept for --pick: ")
    assert "09:00 – 09:30 EDT" in said.out


def test_a_relative_state_home_is_ignored(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert ask(*find()).err == ""
    assert (tmp_path / "home" / ".local" / "state" / "slotwright" / "last-find.json").exists()
    assert not Path("state").exists()


# Proposals piped in


def proposal(ask: Ask) -> Any:
    return ask(*find("--ndjson", "--count", "1")).lines[0]


@pytest.mark.parametrize("form", ["appointment", "bundle", "parameters", "indented"])
def test_a_proposal_comes_on_standard_input(ask: Ask, form: str) -> None:
    found = proposal(ask)
    forms = {
        "appointment": json.dumps(found),
        "bundle": json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": found}]}),
        "parameters": json.dumps(
            {"resourceType": "Parameters", "parameter": [{"name": "appointment", "resource": found}]}
        ),
        "indented": json.dumps(found, indent=2),
    }
    said = ask("book", "--patient", "ann", stdin=forms[form])
    assert said.out.startswith("Booked: Check-up, Tue 10 Mar 2026, 09:00 – 09:30 EDT\n")
    assert "  Patient        Ann Lee\n" in said.out


def test_what_a_proposal_has_already_stays(ask: Ask) -> None:
    found = proposal(ask)
    ann = {"actor": {"reference": "Patient/ann"}, "status": "tentative"}
    found["participant"].append(ann)
    found["identifier"] = [{"value": "own"}]
    said = ask("book", "--patient", "ann", "--identifier", "more", stdin=json.dumps(found))
    kept = stored(ask, said.ids[0])
    assert kept["participant"] == found["participant"]
    assert kept["identifier"] == [{"value": "own"}, {"value": "more"}]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "Standard input is empty."),
        ("{", "Standard input is no JSON: "),
        ("[]", "Standard input holds no Appointments, not one."),
        ("5", "Standard input holds no Appointments, not one."),
        ('{"resourceType": "Bundle", "entry": 5}', "Standard input holds no Appointments, not one."),
        ('{"resourceType": "Appointment"}\n{"resourceType": "Appointment"}\n', "Standard input holds 2 Appointments"),
        ("\x00", "Standard input is no JSON: "),
    ],
)
def test_what_is_no_proposal(ask: Ask, content: str, sentence: str) -> None:
    said = ask("book", stdin=content)
    assert (said.code, said.out, said.err.count("\n")) == (5, "", 1)
    assert said.err.startswith(f"Error: {sentence}")
    assert said.err.endswith("Give one Appointment, as find --ndjson --count 1 prints it.\n")


def test_an_appointment_that_is_no_proposal_is_refused_as_the_operation_does(ask: Ask) -> None:
    said = ask("book", stdin='{"resourceType": "Appointment", "status": "booked"}')
    assert (said.code, said.err.partition(".")[0]) == (5, "Error: Appointment has no service reference (serviceType)")


def test_a_service_that_is_not_stored(ask: Ask) -> None:
    found = json.loads(json.dumps(proposal(ask)).replace("HealthcareService/checkup", "HealthcareService/gone"))
    said = ask("book", stdin=json.dumps(found))
    assert (said.code, said.err) == (6, "Error: HealthcareService/gone is not stored in the ledger.\n")


def test_nobody_waits_for_a_proposal_typed_into_a_terminal(ask: Ask) -> None:
    said = ask("book", terminal=True)
    assert (said.code, said.err.splitlines()[-1]) == (
        2,
        "Error: Say what: a proposal on standard input, --pick N, or --service, --schedule and --start.",
    )


# Pools


def test_the_solver_picks_one_of_a_pool(ask: Ask) -> None:
    said = ask("book", *AMES, "--schedule", "room-1,room-2", "--start", "2026-03-10T10:00")
    # Room 1 is painted at ten.
    assert "  Location       Room 2\n" in said.out
    said = ask("book", "--service", "checkup", "--schedule", "ames,bell", "--start", "2026-03-10T10:00")
    assert "  Practitioner   Dr. Bell\n" in said.out


def test_the_least_loaded_of_the_day_is_taken(ask: Ask) -> None:
    book(ask, "2026-03-10T09:00")
    said = ask("book", "--service", "checkup", "--schedule", "ames,bell", "--start", "2026-03-10T11:00")
    assert "Dr. Bell" in said.out
    # The day after both are free, and the first named comes first.
    said = ask("book", "--service", "checkup", "--schedule", "ames,bell", "--start", "2026-03-11T11:00")
    assert "Dr. Ames" in said.out


def test_a_pool_with_nobody_free_says_why_of_each(ask: Ask) -> None:
    ames = book(ask, "2026-03-10T09:30", "--patient", "ann")
    bell = book(ask, "2026-03-10T09:30", schedules=("bell",))
    said = ask("book", "--service", "checkup", "--schedule", "room-1", "--schedule", "ames,bell", "--start",
               "2026-03-10T09:30")  # fmt: skip
    assert said == (
        4,
        "",
        f"""\
Error: Requested time slot is not available: at Tue 10 Mar 2026, 09:30 EDT there is no free Dr. Ames (ames) or \
Dr. Bell (bell).
  Dr. Ames (ames): Requested time slot is not available.
    Tue 10 Mar 2026, 09:30 – 10:00 EDT   busy: Appointment/{ames} of Ann Lee
  Dr. Bell (bell): Requested time slot is not available.
    Tue 10 Mar 2026, 09:30 – 10:00 EDT   busy: Appointment/{bell}
Ask for other times with slotwright find.
""",
    )


def test_one_actor_is_not_used_twice(ask: Ask) -> None:
    same = called("ames-too", "Dr. Ames", services=("checkup",)) | {"actor": [{"reference": "Practitioner/ames"}]}
    ask("ledger", "load", save([same], "same.ndjson"))
    said = ask("book", "--service", "checkup", "--schedule", "ames,ames-too", "--schedule", "ames,ames-too", "--start",
               "2026-03-10T09:30")  # fmt: skip
    assert (said.code, said.out) == (4, "")
    assert "no combination of these schedules is free with a different actor for each" in said.err


def test_a_fault_of_a_pool_is_named_as_it_was_typed(ask: Ask) -> None:
    said = ask("book", "--service", "talk", "--schedule", "ames", "--schedule", "bell,room-1", "--start",
               "2026-03-10T09:30")  # fmt: skip
    assert (said.code, said.out) == (5, "")
    assert said.err == (
        "Error: Schedule is not schedulable for requested service type (Schedule/bell). "
        "Its serviceType must refer to the service.\n"
    )


def test_a_crowd_books_each_schedule_of_a_pool_once(ask: Ask) -> None:
    """Two are free, six want one: whoever loses one chooses the other, or is told so."""
    order = ["book", "--service", "checkup", "--schedule", "ames,bell", "--start", "2026-03-10T09:30", "--json"]
    command = str(Path(sys.executable).parent / "slotwright")
    crowd = [subprocess.Popen([command, *order], stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(6)]
    answers = [one.communicate(timeout=60) for one in crowd]
    assert sorted(one.returncode for one in crowd) == [0, 0, 4, 4, 4, 4]
    booked = [json.loads(out) for out, _ in answers if out]
    who = {one["entry"][1]["resource"]["schedule"]["reference"] for one in booked}
    assert who == {"Schedule/ames", "Schedule/bell"}
    assert all(err.startswith(b"Error: Requested time slot is not available") for out, err in answers if not out)
    assert ask("ledger", "verify").code == 0


# The same again


def test_with_an_identifier_the_same_command_is_one_booking(ask: Ask) -> None:
    order = ("book", *AMES, "--start", "2026-03-10T09:30", "--identifier", "a-1", "--patient", "ann")
    first, again = ask(*order), ask(*order)
    assert (again.code, again.ids) == (0, first.ids)
    assert again.out == first.out.replace("Booked:", "Already booked:")
    assert ask("list").out.count("Check-up") == 1


def test_with_an_identifier_a_pool_is_not_chosen_from_again(ask: Ask) -> None:
    order = (
        "book",
        "--service",
        "checkup",
        "--schedule",
        "ames,bell",
        "--start",
        "2026-03-10T09:30",
        "--identifier",
        "a",
    )
    first, again = ask(*order), ask(*order)
    assert again.out == first.out.replace("Booked:", "Already booked:")
    book(ask, "2026-03-10T09:30", schedules=("bell",))
    assert ask(*order) == again, "also where nobody is free any more"


def test_an_identifier_of_something_else_is_a_conflict_that_names_it(ask: Ask) -> None:
    id = book(ask, "2026-03-10T09:30", "--identifier", "urn:x|a-1")
    said = ask("book", *AMES, "--start", "2026-03-10T10:00", "--identifier", "urn:x|a-1")
    assert said == (
        4,
        "",
        f"""\
Error: Identifier already used by another appointment (--identifier urn:x|a-1).
  Appointment/{id}: Check-up, Tue 10 Mar 2026, 09:30 – 10:00 EDT, booked
Repeat the command as it was first given, or give another --identifier.
""",
    )


def test_after_cancelling_an_identifier_is_free(ask: Ask) -> None:
    id = book(ask, "2026-03-10T09:30", "--identifier", "a-1")
    ask("cancel", id)
    assert book(ask, "2026-03-10T09:30", "--identifier", "a-1") != id


# The past


@pytest.mark.parametrize(
    ("now", "code"), [("2026-03-10T13:30:00Z", 0), ("2026-03-10T13:30:00.001Z", 4), ("2026-03-10T13:29:59Z", 0)]
)
def test_a_start_before_now_is_refused(ask: Ask, now: str, code: int) -> None:
    said = ask("book", *AMES, "--start", "2026-03-10T09:30", "--now", now)
    assert said.code == code
    if code:
        assert said.err == (
            "Error: Tue 10 Mar 2026, 09:30 EDT has passed. Give --allow-past to enter a visit that has begun or is "
            "over, or ask for later times with find.\n"
        )


@pytest.mark.parametrize("command", ["book", "hold"])
def test_allow_past_books_what_has_been(ask: Ask, command: str) -> None:
    past = (command, *AMES, "--start", "2026-03-05T09:30")
    assert ask(*past).code == 4
    assert ask(*past, "--schedule", "room-1,room-2").code == 4
    said = ask(*past, "--allow-past")
    # Before 8 March New York is five hours behind.
    assert "Thu 5 Mar 2026, 09:30 – 10:00 EST" in said.out


def test_a_booking_whose_answer_was_lost_may_be_asked_for_when_it_has_begun(ask: Ask) -> None:
    order = ("book", *AMES, "--start", "2026-03-10T09:30", "--identifier", "a-1")
    ask(*order)
    later = ("--now", "2026-03-10T13:31:00Z")
    assert ask(*order, *later).out.startswith("Already booked: ")
    assert ask("book", *AMES, "--start", "2026-03-10T09:00", "--identifier", "a-2", *later).code == 4


def test_a_proposal_that_has_passed_is_refused_too(ask: Ask) -> None:
    found = proposal(ask)
    assert ask("book", "--now", "2026-03-10T15:00:00Z", stdin=json.dumps(found)).code == 4
    assert ask("book", "--now", "2026-03-10T15:00:00Z", "--pick", "1").code == 4
    assert ask("book", "--now", "2026-03-10T15:00:00Z", "--pick", "1", "--allow-past").code == 0


def test_find_offers_nothing_before_now(ask: Ask) -> None:
    said = ask(*find("--now", "2026-03-10T14:10:00Z", "--ndjson"))
    # 10:10 in New York: half past ten is the next.
    assert [one["start"][11:16] for one in said.lines] == ["14:30", "15:00", "15:30"]
    assert said.err == "", "that today has begun needs no note"
    said = ask(*find("--now", "2026-03-10T14:10:00Z", "--ndjson", "--allow-past"))
    assert (len(said.lines), said.err) == (6, "")


@pytest.mark.parametrize(
    ("now", "when", "offers"),
    [
        ("2026-03-10T16:10:00Z", "Tue 10 Mar 2026, 12:10 EDT", 0),
        ("2026-03-11T04:00:00Z", "Wed 11 Mar 2026, 00:00 EDT", 6),
    ],
)
def test_a_note_says_that_less_was_searched_than_asked_for(ask: Ask, now: str, when: str, offers: int) -> None:
    end = "2026-03-10" if not offers else "2026-03-11"
    said = ask("find", *AMES, "--start", "2026-03-10", "--end", end, "--now", now, "--ndjson")
    assert (said.code, len(said.lines)) == (0 if offers else 3, offers)
    assert said.err == f"Note: only starts from now on are offered, {when}; --allow-past offers all.\n"


def test_find_in_a_calendar_offers_the_past_as_before(ask: Ask) -> None:
    at = ("--calendar", save(practice()), *AMES, *TUESDAY, "--now", "2026-03-10T15:00:00Z", "--ndjson")
    assert len(ask("find", *at).lines) == 6


def test_notice_counts_from_now(ask: Ask) -> None:
    said = ask(*find("--now", "2026-03-10T14:10:00Z", "--notice", "1h", "--ndjson"))
    assert [one["start"][11:16] for one in said.lines] == ["15:30"]


# Holds


def test_a_hold_lasts_as_long_as_it_says(ask: Ask) -> None:
    said = ask("hold", "--minutes", "15", *AMES, "--start", "2026-03-10T09:30", "--patient", "ann")
    assert said.code == 0
    assert said.out.startswith("Held until Mon 9 Mar 2026, 08:15 EDT: Check-up, Tue 10 Mar 2026, 09:30 – 10:00 EDT\n")
    found = stored(ask, said.ids[0])
    assert found["status"] == "pending"
    assert found["extension"] == [{"url": HOLD_EXPIRES_URL, "valueInstant": "2026-03-09T12:15:00.000Z"}]
    assert ask("book", *AMES, "--start", "2026-03-10T09:30", "--now", "2026-03-09T12:14:59Z").code == 4
    assert ask("book", *AMES, "--start", "2026-03-10T09:30", "--now", "2026-03-09T12:15:00Z").code == 0


def test_a_hold_without_minutes_lasts_as_the_service_says(ask: Ask) -> None:
    said = ask("hold", "--service", "talk", "--schedule", "ames", "--start", "2026-03-10T09:30")
    assert said.out.startswith("Held until Mon 9 Mar 2026, 08:20 EDT: Talk, ")
    said = ask("hold", *AMES, "--start", "2026-03-10T10:00")
    assert said.out.startswith("Held until confirmed or cancelled: Check-up, ")


@pytest.mark.parametrize(
    ("minutes", "sentence"),
    [
        ("0", "Invalid --minutes, minimum required is 1"),
        ("-5", "Invalid --minutes, minimum required is 1"),
        ("1e3", "--minutes '1e3' is not a whole number."),
        ("5.5", "--minutes '5.5' is not a whole number."),
    ],
)
def test_minutes_that_will_not_do(ask: Ask, minutes: str, sentence: str) -> None:
    said = ask("hold", "--minutes", minutes, *AMES, "--start", "2026-03-10T09:30")
    assert (said.code, said.out) == (5, "")
    assert said.err.startswith(f"Error: {sentence}")


def test_the_same_hold_again(ask: Ask) -> None:
    order = ("hold", "--minutes", "15", *AMES, "--start", "2026-03-10T09:30", "--identifier", "h")
    first, again = ask(*order), ask(*order)
    assert again.out == first.out.replace("Held until", "Already held until")
    ask("confirm", first.ids[0])
    assert ask(*order).out.startswith("Already held, now booked: ")
    said = ask("book", *AMES, "--start", "2026-03-10T09:30", "--identifier", "h")
    assert said.code == 4, "operations.md, section 3: use $confirm"


def test_capacity_is_stamped(ask: Ask) -> None:
    shared = service("class", name="Class", params=parameters(duration=30, alignmentInterval=30, slotCapacity=2))
    room = schedule("hall", services=("class",), actor="Location/room-1")
    ask("ledger", "load", save([shared, room], "class.ndjson"))
    order = ("book", "--service", "Class", "--schedule", "hall", "--start", "2026-03-10T09:30", "--json")
    stamp = {"url": CAPACITY_URL, "valuePositiveInt": 2}
    assert ask(*order).json["entry"][1]["resource"]["extension"] == [stamp]
    assert [ask(*order).code, ask(*order).code] == [0, 4]


# Settings, and what is imported


def test_what_is_searched_for_by_default_is_not_booked_by_default(ask: Ask) -> None:
    Path("slotwright.toml").write_text(
        'service = "checkup"\nschedule = "ames"\nstart = "2026-03-10"\nend = "2026-03-10"\nwho = "file"\n'
    )
    assert ask("find", "--count", "2").code == 0
    assert ask("book", "--pick", "2").out.startswith("Booked: Check-up, Tue 10 Mar 2026, 09:30 – 10:00 EDT\n")
    assert entries(ask)[-1]["input"]["who"] == "file"


def test_the_file_may_name_the_ledger(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLOTWRIGHT_LEDGER")
    assert ask("book", *AMES, "--start", "2026-03-10T09:30").code == 2
    Path("slotwright.toml").write_text('ledger = "practice.ledger"\nallow-past = true\n')
    assert ask("book", *AMES, "--start", "2026-03-03T09:30").code == 0
    assert ask("ledger", "show").code == 0


def test_calendar_and_ledger_exclude_each_other(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    calendar = save(practice())
    assert ask("find", *AMES, *TUESDAY, "--calendar", calendar).out.endswith("\n6 offers.\n")
    said = ask("find", *AMES, *TUESDAY, "--calendar", calendar, "--ledger", "practice.ledger")
    assert (said.code, said.err.splitlines()[-1]) == (2, "Error: --ledger and --calendar exclude each other.")
    monkeypatch.setenv("SLOTWRIGHT_CALENDAR", calendar)
    assert ask("find", *AMES, *TUESDAY).code == 2
    assert "book --pick" in ask("find", *AMES, *TUESDAY, "--ledger", "practice.ledger").out


HEAVY = ("ortools", "pandas", "numpy", "pyarrow", "rich", "pydantic")


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_booking_a_proposal_loads_nothing_heavy(ask: Ask, form: tuple[str, ...]) -> None:
    found = json.dumps(proposal(ask))
    script = (
        "import sys\nfrom slotwright.cli.main import run\n"
        f"assert run({['book', '--patient', 'ann', *form]!r}) == 0\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=found.encode(),
        capture_output=True,
        check=True,
        timeout=60,
        env=os.environ,
    )
    loaded = {name.partition(".")[0] for name in done.stderr.decode().split()}
    assert "apsw" in loaded
    assert not loaded & set(HEAVY)


def test_booked_slots_of_loaded_appointments_are_respected(ask: Ask) -> None:
    taken = slot("s", "ames", "2026-03-10T13:30:00Z", "2026-03-10T14:00:00Z")
    ask("ledger", "load", save([taken, appointment("old", ["s"])], "old.ndjson"))
    said = ask("book", *AMES, "--start", "2026-03-10T09:30")
    assert "busy: Appointment/old of Patient/p" in said.err
