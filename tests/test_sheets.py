"""Tables of schedules, hours and bookings: what they become, and the sentence for every wrong cell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from desk_support import Ask, asker
from slotwright.io import LoadError, open_calendar, open_ledger
from support import EVERY_DAY, Resource, hours, parameters

SCHEDULES = "id,name,kind,timezone,service,service_name,duration,buffer_before,buffer_after,interval,offset,capacity\n"
AMES = "ames,Dr. Ames,,America/New_York,checkup,Check-up,30,5,10,20,,\n"
HALL = "hall,Hall,room,America/New_York,class,,60,,,60,,8\n"
HOURS = "schedule,service,days,from,to\n"
BOOKINGS = "id,schedule,start,end,status,service,patient,comment\n"


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    return asker(tmp_path, monkeypatch, capsys)


def tables(
    folder: Path, *, schedules: str = AMES + HALL, hours: str | None = None, bookings: str | None = None
) -> Path:
    """A folder with these tables, headers added."""
    found = folder / "tables"
    found.mkdir(exist_ok=True)
    for name, header, rows in (
        ("schedules.csv", SCHEDULES, schedules),
        ("hours.csv", HOURS, hours),
        ("bookings.csv", BOOKINGS, bookings),
    ):
        if rows is not None:
            (found / name).write_text(header + rows, encoding="utf-8")
    return found


def of(folder: Path, kind: str) -> list[Resource]:
    return list(open_calendar([folder]).resources(kind))


def refused(*paths: Path) -> str:
    with pytest.raises(LoadError) as caught:
        open_calendar(paths)
    text = str(caught.value)
    assert text[-1] in ".?" and "\n" not in text
    return text


# What they become


def test_a_line_of_schedules_is_a_schedule_its_actor_and_its_service(tmp_path: Path) -> None:
    folder = tables(tmp_path, schedules=AMES, hours="ames,,mon-fri,8:00,12:00\n,checkup,sat sun,10:00,24:00\n")
    assert of(folder, "Practitioner") == [
        {
            "resourceType": "Practitioner",
            "id": "ames",
            "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/timezone", "valueCode": "America/New_York"}],
            "name": [{"text": "Dr. Ames"}],
        }
    ]
    assert of(folder, "HealthcareService") == [
        {
            "resourceType": "HealthcareService",
            "id": "checkup",
            "active": True,
            "name": "Check-up",
            "availableTime": [
                {"daysOfWeek": ["sat", "sun"], "availableStartTime": "10:00:00", "availableEndTime": "00:00:00"}
            ],
        }
    ]
    (schedule,) = of(folder, "Schedule")
    assert schedule["actor"] == [{"reference": "Practitioner/ames", "display": "Dr. Ames"}]
    assert schedule["extension"] == [
        parameters(availability=[hours("mon tue wed thu fri", "08:00:00", "12:00:00")]),
        parameters(service="checkup", duration=30, bufferBefore=5, bufferAfter=10, alignmentInterval=20),
    ]


def test_a_room_and_a_device_with_places_for_several(tmp_path: Path) -> None:
    folder = tables(tmp_path, schedules=HALL + "xray,X-ray,Device,Europe/Vienna,class,Class,1h,,,,,\n")
    assert [one["name"] for one in of(folder, "Location")] == ["Hall"]
    assert [one["deviceName"] for one in of(folder, "Device")] == [[{"name": "X-ray", "type": "user-friendly-name"}]]
    assert [one["name"] for one in of(folder, "HealthcareService")] == ["Class"], "a name in any line counts"
    hall, xray = of(folder, "Schedule")
    assert hall["extension"] == [parameters(service="class", duration=60, alignmentInterval=60, slotCapacity=8)]
    assert xray["extension"] == [parameters(service="class", duration=60)]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("daily", EVERY_DAY),
        ("mon-fri", ("mon", "tue", "wed", "thu", "fri")),
        ("Sat - Mon", ("mon", "sat", "sun")),
        ("tuesday thu", ("tue", "thu")),
        ('"sun, mon"', ("mon", "sun")),
        ("wed-wed", ("wed",)),
    ],
)
def test_days(tmp_path: Path, days: str, expected: tuple[str, ...]) -> None:
    folder = tables(tmp_path, hours=f",checkup,{days},08:00,12:00\n")
    (entry,) = of(folder, "HealthcareService")[0]["availableTime"]
    assert tuple(entry["daysOfWeek"]) == expected


def times(folder: Path) -> list[tuple[str, str, str, str]]:
    """Schedule, status, start and end of the Slots."""
    return [
        (one["schedule"]["reference"].removeprefix("Schedule/"), one["status"], one["start"][:16], one["end"][:16])
        for one in of(folder, "Slot")
    ]


def test_a_visit_takes_its_buffers_too(tmp_path: Path) -> None:
    folder = tables(tmp_path, bookings="b-1,ames,2026-03-10 09:00,,,checkup,Ann Lee,first visit\n")
    # New York is four hours behind UTC since 8 March.
    assert times(folder) == [
        ("ames", "busy", "2026-03-10T13:00", "2026-03-10T13:30"),
        ("ames", "busy-unavailable", "2026-03-10T12:55", "2026-03-10T13:00"),
        ("ames", "busy-unavailable", "2026-03-10T13:30", "2026-03-10T13:40"),
    ]
    (appointment,) = of(folder, "Appointment")
    (patient,) = of(folder, "Patient")
    assert patient["name"] == [{"text": "Ann Lee"}]
    assert (appointment["id"], appointment["status"], appointment["comment"]) == ("b-1", "booked", "first visit")
    assert [one["reference"] for one in appointment["slot"]] == ["Slot/b-1-1", "Slot/b-1-2", "Slot/b-1-3"]
    assert [one["actor"]["reference"] for one in appointment["participant"]] == [
        f"Patient/{patient['id']}",
        "Practitioner/ames",
    ]


def test_time_that_is_no_visit(tmp_path: Path) -> None:
    folder = tables(
        tmp_path,
        bookings=",ames,2026-03-10,2026-03-11,,,,leave\n"
        ",ames;hall,2026-03-12T09:00:00Z,2026-03-12T10:00:00+00:00,busy,,,\n"
        ",ames,2026-03-14 09:00,2026-03-14 12:00,free,checkup,,\n",
    )
    assert times(folder) == [
        ("ames", "busy-unavailable", "2026-03-10T04:00", "2026-03-12T04:00"),
        ("ames", "busy", "2026-03-12T09:00", "2026-03-12T10:00"),
        ("hall", "busy", "2026-03-12T09:00", "2026-03-12T10:00"),
        ("ames", "free", "2026-03-14T13:00", "2026-03-14T16:00"),
    ]
    assert [one.get("comment") for one in of(folder, "Slot")] == ["leave", None, None, None]
    assert ["serviceType" in one for one in of(folder, "Slot")] == [False, False, False, True]


def test_statuses_and_places(tmp_path: Path) -> None:
    folder = tables(
        tmp_path,
        bookings=",hall,2026-03-10 09:00,,pending,class,Patient/p,\n,hall,2026-03-10 09:00,,Cancelled,class,,\n"
        ",hall,2026-03-10 09:00,,booked,class,,\n,hall,2026-03-10 09:00,,booked,class,,\n",
    )
    assert [one[1] for one in times(folder)] == ["busy-tentative", "entered-in-error", "busy", "busy"]
    assert ["slot" in one for one in of(folder, "Appointment")] == [True, False, True, True]
    assert {one["extension"][0]["valuePositiveInt"] for one in of(folder, "Slot")} == {8}
    assert not of(folder, "Patient"), "a reference is kept as it is"


@pytest.mark.parametrize("separator", [";", "\t"])
def test_separators_and_marks_of_spreadsheets(tmp_path: Path, separator: str) -> None:
    plain = of(tables(tmp_path), "Schedule")
    file = tmp_path / "Plan.CSV"
    text = (SCHEDULES + AMES + "\n" + HALL).replace(",", separator).replace("\n", "\r\n")
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert of(file, "Schedule") == plain


def test_a_folder_may_hold_other_csv_files_too(tmp_path: Path) -> None:
    folder = tables(tmp_path)
    (folder / "requests.csv").write_text("service,schedules,start,end\n")
    assert len(of(folder, "Schedule")) == 2


# In a ledger


def test_a_load_says_what_book_would_have_written(tmp_path: Path, ask: Ask) -> None:
    """The visit by hand in a table, and the same one by `slotwright book`, take the same Slots."""
    schedules = AMES + "room,Room,room,America/New_York,checkup,,30,,15,20,,3\n"
    folder = tables(tmp_path, schedules=schedules, bookings=",ames;room,2026-03-10 09:00,,,checkup,Ann Lee,\n")
    assert ask("ledger", "init").code == 0
    assert ask("ledger", "load", folder / "schedules.csv").code == 0
    booked = ask(
        "book", "--service", "checkup", "--schedule", "ames", "--schedule", "room", "--start", "2026-03-10T09:00"
    )
    assert booked.code == 0

    def plain(slots: list[Resource]) -> list[Any]:
        left = ("resourceType", "id", "meta")
        rest = ({name: value for name, value in one.items() if name not in left} for one in slots)
        return sorted(rest, key=str)

    with open_ledger("practice.ledger", read_only=True) as ledger:
        assert plain(list(ledger.resources("Slot"))) == plain(of(folder, "Slot"))


def test_bookings_alone_are_read_with_the_schedules_of_the_ledger(tmp_path: Path, ask: Ask) -> None:
    folder = tables(tmp_path, bookings=",ames,2026-03-10 09:00,,,checkup,Ann Lee,\n")
    assert ask("ledger", "init").code == 0
    assert ask("ledger", "load", folder / "schedules.csv").code == 0
    said = ask("ledger", "load", folder / "bookings.csv")
    assert said == (0, "Loaded 5 resources: 5 created, 0 updated, 0 unchanged.\n", "")
    said = ask("ledger", "load", folder)
    assert said.out.endswith("0 created, 0 updated, 11 unchanged.\n"), "ids stay from load to load"
    # Taken is 12:55 to 13:40, and a visit needs 5 minutes before and 40 from its start, inside the window.
    starts = [
        one["start"][11:16]
        for one in ask(
            "find", "--service", "checkup", "--schedule", "ames", "--ndjson",
            "--start", "2026-03-10T12:00:00Z", "--end", "2026-03-10T15:00:00Z",
        ).lines
    ]  # fmt: skip
    assert starts == ["14:00", "14:20"]


def test_a_booking_that_is_cancelled_in_the_table_gives_its_time_back(tmp_path: Path, ask: Ask) -> None:
    at = (
        "--service",
        "checkup",
        "--schedule",
        "ames",
        "--start",
        "2026-03-10",
        "--end",
        "2026-03-10",
        "--count",
        "100",
    )
    assert ask("ledger", "init").code == 0
    assert ask("ledger", "load", tables(tmp_path)).code == 0
    free = ask("find", *at, "--ndjson").lines
    row = "b-1,ames,2026-03-10 09:00,,{},checkup,Ann Lee,\n"
    assert ask("ledger", "load", tables(tmp_path, bookings=row.format("booked"))).code == 0
    assert len(ask("find", *at, "--ndjson").lines) < len(free)
    assert ask("ledger", "load", tables(tmp_path, bookings=row.format("cancelled"))).code == 0
    assert ask("find", *at, "--ndjson").lines == free
    assert ask("ledger", "verify").code == 0


def test_a_wrong_line_loads_nothing(tmp_path: Path, ask: Ask) -> None:
    folder = tables(tmp_path, bookings=",ames,2026-03-10 09:00,,,checkup,,\n,ames,soon,,,checkup,,\n")
    assert ask("ledger", "init").code == 0
    said = ask("ledger", "load", folder)
    assert (said.code, said.out) == (5, "")
    assert "bookings.csv, line 3: column 'start', 'soon' is neither a local time" in said.err
    assert "Schedule" not in ask("ledger", "show").out


# Wrong cells


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("a b,,,Europe/Vienna,x,,30,,,,,\n", "line 2: column 'id' is 'a b'; 'a b' is no id. Use at most 64 letters"),
        (",,,Europe/Vienna,x,,30,,,,,\n", "line 2: column 'id' is empty. Give each schedule an id"),
        ("a,,,Europe/Vienna,,,30,,,,,\n", "line 2: column 'service' is empty. Give the id of a service"),
        ("a,,,Europe/Viena,x,,30,,,,,\n", "column 'timezone' is 'Europe/Viena', which is no time zone. Did you mean"),
        ("a,,,,x,,30,,,,,\n", "column 'timezone' is empty."),
        (
            "a,,robot,UTC,x,,30,,,,,\n",
            "column 'kind' is 'robot'; expected one of practitioner, room, location, device.",
        ),
        ("a,,,UTC,x,,,,,,,\n", "column 'duration' is empty. Give the length of a visit in minutes."),
        ("a,,,UTC,x,,0,,,,,\n", "column 'duration' is '0'; expected 1 to 1000000 minutes."),
        ("a,,,UTC,x,,half an hour,,,,,\n", "column 'duration' is 'half an hour'; expected whole minutes such as 30"),
        ("a,,,UTC,x,,30,-5,,,,\n", "column 'buffer_before' is '-5'; expected whole minutes"),
        ("a,,,UTC,x,,30,,,2d,,\n", "column 'interval' is '2d'; expected at most 1440 minutes, a day."),
        ("a,,,UTC,x,,30,,,,,0\n", "column 'capacity' is '0'; expected a whole number from 1"),
        ("a,,,UTC,x,,30,,,,,\na,,,UTC,x,,40,,,,,\n", "line 3: column 'service' is 'x', which a has already in"),
        ("a,,,UTC,x,,30,,,,,\na,,,Europe/Rome,y,,30,,,,,\n", "line 3: column 'timezone' is 'Europe/Rome', but"),
        ("a,A,,UTC,x,,30,,,,,\na,B,,UTC,y,,30,,,,,\n", "line 3: column 'name' is 'B', but"),
        ("a,,,UTC,x,X,30,,,,,\nb,,,UTC,x,Y,30,,,,,\n", "line 3: column 'service_name' is 'Y', but"),
        (
            "a,,,UTC,x,,30,,,,\n",
            "line 2: 11 cells, but the header has 12. Put a cell that holds the separator in quotes.",
        ),
        ('a,"A,,UTC,x,,30,,,,,\n', "not readable as CSV"),
    ],
)
def test_wrong_schedules(tmp_path: Path, rows: str, sentence: str) -> None:
    assert sentence in refused(tables(tmp_path, schedules=rows))


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("ames,,,08:00,12:00", "column 'days' is empty."),
        ("ames,,someday,08:00,12:00", "column 'days' is 'someday'; expected days such as mon-fri"),
        ("ames,,mon,8am,12:00", "column 'from' is '8am'; expected a time of the day such as 08:00 or 17:30."),
        ("ames,,mon,24:00,12:00", "column 'from' is '24:00'; expected"),
        ("ames,,mon,08:00,", "column 'to' is empty."),
        (",,mon,08:00,12:00", "columns 'schedule' and 'service' are empty. Say whose hours these are."),
        ("bell,,mon,08:00,12:00", "column 'schedule' is 'bell', which no table of schedules"),
        ("ames,class,mon,08:00,12:00", "column 'service' is 'class', which is no service of ames in the table"),
        (",talk,mon,08:00,12:00", "column 'service' is 'talk', which is no service of the table of schedules"),
    ],
)
def test_wrong_hours(tmp_path: Path, row: str, sentence: str) -> None:
    assert f"hours.csv, line 2: {sentence}" in refused(tables(tmp_path, hours=f"{row}\n"))


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (",,2026-03-10 09:00,,,checkup,,", "column 'schedule' is empty. Give the id of a schedule."),
        (",bell,2026-03-10 09:00,,,checkup,,", "column 'schedule' is 'bell'; there is no schedule 'bell'. Add it"),
        (",ames,2026-03-08 02:30,,,checkup,,", "'2026-03-08 02:30' does not exist in America/New_York"),
        (",ames,2026-11-01 01:30,,,checkup,,", "'2026-11-01 01:30' happens twice in America/New_York"),
        (",ames,2026-03-10 09:00:30,,,checkup,,", "column 'start' is '2026-03-10 09:00:30'; expected whole minutes."),
        (",ames,2026-03-10 09:00,2026-03-10 09:00,,checkup,,", "column 'end' is '2026-03-10 09:00', which is not"),
        (",ames,2026-03-10 09:00,,,,,", "column 'end' is empty."),
        (",ames,2026-03-10 09:00,,maybe,checkup,,", "column 'status' is 'maybe'; expected one of booked, pending"),
        (",ames,2026-03-10 09:00,,booked,,,", "column 'service' is empty, but a booked visit needs one."),
        (",ames,2026-03-10,2026-03-10,busy,checkup,,", "column 'service' is 'checkup', but status busy takes"),
        (",ames,2026-03-10,2026-03-10,busy,,Ann,", "column 'patient' is 'Ann', but status busy is no visit."),
        (",ames,2026-03-10 09:00,,,class,,", "column 'end' is empty, and class has no duration here. Give the end."),
        (",ames,2026-03-10 09:00,2026-03-10 10:00,,class,,", "column 'service' is 'class', which ames does not offer."),
        (",ames,2026-03-10 09:00,2026-03-10 10:00,,talk,,", "column 'service' is 'talk'; there is no service 'talk'."),
        (",ames,2026-03-10 09:00,,,checkup,Patient/a b,", "column 'patient' is 'Patient/a b'; 'a b' is no id."),
        ("a/b,ames,2026-03-10 09:00,,,checkup,,", "column 'id' is 'a/b'; 'a/b' is no id. Use at most 50 letters"),
    ],
)  # fmt: skip
def test_wrong_bookings(tmp_path: Path, row: str, sentence: str) -> None:
    assert f"bookings.csv, line 2: {sentence}".partition(":")[2].strip() in refused(
        tables(tmp_path, bookings=f"{row}\n")
    )


def test_two_bookings_of_one_id(tmp_path: Path) -> None:
    row = "b,ames,2026-03-10 09:00,,,checkup,,\n"
    assert "line 3: column 'id' is 'b', which" in refused(tables(tmp_path, bookings=row + row))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            b"id,timezone,duration\n",
            "line 1: column 'service' is missing; schedules have id, timezone, service, duration",
        ),
        (b"id,timezone,service,duration,buffer\n", "line 1: column 'buffer' is unknown; schedules have"),
        (b"id,timezone,service,duration,id\n", "line 1: column 'id' stands there 2 times; expected once."),
        (b"name,telephone\n", "line 1: the columns name, telephone are none of the tables. Expected a first line"),
        (b"\n", "is empty. Expected a first line"),
        (b"id,timezone,service,duration\n\xe4\n", "line 2: the text is not UTF-8. Save the table as CSV in UTF-8."),
    ],
)
def test_wrong_files(tmp_path: Path, content: bytes, sentence: str) -> None:
    file = tmp_path / "plan.csv"
    file.write_bytes(content)
    assert sentence in refused(file)


def test_a_folder_without_any_table(tmp_path: Path) -> None:
    (tmp_path / "requests.csv").write_text("service,schedules,start,end\n")
    assert "holds CSV files, but none is a table that can be loaded." in refused(tmp_path)
