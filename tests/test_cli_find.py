"""`slotwright find` as people use it: the table, names, local days, wishes, and FHIR for programs."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from slotwright.cli.main import run
from slotwright.io import invoke, open_calendar
from support import Resource, appointment, hours, parameters, practitioner, schedule, service, slot

CLINIC = Path(__file__).resolve().parent.parent / "examples" / "clinic"
THE_CLINIC = open_calendar(str(CLINIC))
TUESDAY = ("--start", "2026-03-10", "--end", "2026-03-10")
EVERY_DAY = "mon tue wed thu fri sat sun"
NEW_YORK = "America/New_York"


class Said(NamedTuple):
    """The exit code, and what was printed."""

    code: int
    out: str
    err: str

    @property
    def offers(self) -> list[str]:
        """The rows of the table, blanks between columns reduced to ` | `."""
        rows = [line for line in self.out.splitlines() if line.strip()[:1].isdigit()]
        cells = ([cell.strip() for cell in row.split("   ") if cell.strip()] for row in rows)
        return [" | ".join(row[1:]) for row in cells if len(row) > 1]

    @property
    def times(self) -> list[str]:
        """The starts in the table, `09:30`."""
        return [row.split(" | ")[1][:5] for row in self.offers]


Ask = Callable[..., Said]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Runs `slotwright find` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("CALENDAR", "NOW", "TIMEZONE", "ENGINE"):
        monkeypatch.delenv(f"SLOTWRIGHT_{name}", raising=False)
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def asked(*arguments: str) -> Said:
        capsys.readouterr()
        code = run(["find", *arguments])
        printed = capsys.readouterr()
        return Said(code, printed.out, printed.err)

    return asked


def save(*resources: Resource, name: str = "calendar.ndjson") -> str:
    """Writes resources into the current folder."""
    Path(name).write_text("".join(f"{json.dumps(one)}\n" for one in resources), encoding="utf-8")
    return name


def called(id: str, display: str, *params: Resource, kind: str = "Practitioner", **elements: Any) -> Resource:
    """A Schedule whose actor is shown as `display`."""
    found = schedule(id, *params, **elements)
    return found | {"actor": [{"reference": f"{kind}/{id}", "display": display}]}


def open_hours(start: str, end: str) -> Resource:
    return parameters(availability=[hours(EVERY_DAY, f"{start}:00", f"{end}:00")])


def practice(zone: str | None = NEW_YORK) -> tuple[Resource, ...]:
    """Dr. Ames 09:00-10:30, Dr. Bell 10:00-11:00, two rooms open all day; half hours."""
    return (
        service(name="Check-up"),
        practitioner("ames", zone),
        practitioner("bell", zone),
        practitioner("room-1", zone, kind="Location"),
        practitioner("room-2", zone, kind="Location"),
        called("ames", "Dr. Ames", open_hours("09:00", "10:30")),
        called("bell", "Dr. Bell", open_hours("10:00", "11:00")),
        called("room-1", "Room 1", kind="Location"),
        called("room-2", "Room 2", kind="Location"),
    )


def all_open(zone: str | None = NEW_YORK, *more: Resource) -> tuple[Resource, ...]:
    """Schedule a, always open, half hours."""
    return (service(), practitioner("a", zone), schedule("a"), *more)


def for_a(*arguments: str) -> tuple[str, ...]:
    return ("--calendar", "calendar.ndjson", "--service", "checkup", "--schedule", "a", *arguments)


def in_clinic(service: str, *schedules: str) -> tuple[str, ...]:
    pools = (argument for one in schedules for argument in ("--schedule", one))
    return ("--calendar", str(CLINIC), "--service", service, *pools)


# The table


def test_the_table_shows_local_times_with_zone_weekday_who_and_which_room(ask: Ask) -> None:
    save(*practice())
    said = ask("--calendar", "calendar.ndjson", "--service", "Check-up", "--schedule", "ames", "--schedule", "room-1",
               *TUESDAY)  # fmt: skip
    assert said == (
        0,
        """\
Check-up, 30 min · Tue 10 Mar 2026 (America/New_York)

 #   Day          Time                Practitioner   Location
 ────────────────────────────────────────────────────────────
 1   Tue 10 Mar   09:00 – 09:30 EDT   Dr. Ames       Room 1
 2   Tue 10 Mar   09:30 – 10:00 EDT   Dr. Ames       Room 1
 3   Tue 10 Mar   10:00 – 10:30 EDT   Dr. Ames       Room 1

3 offers.
""",
        "",
    )


def test_repeated_schedules_are_all_of_them_and_commas_any_one(ask: Ask) -> None:
    save(*practice())
    at = ("--calendar", "calendar.ndjson", "--service", "checkup", *TUESDAY)
    assert ask(*at, "--schedule", "ames,bell").times == ["09:00", "09:30", "10:00", "10:30"]
    assert ask(*at, "--schedule", "ames", "--schedule", "bell").times == ["10:00"]
    said = ask(*at, "--schedule", "ames,bell", "--schedule", "room-2,room-1", "--combinations", "2", "--count", "3")
    assert said.offers == [
        "Tue 10 Mar | 09:00 – 09:30 EDT | Dr. Ames | Room 2",
        "Tue 10 Mar | 09:00 – 09:30 EDT | Dr. Ames | Room 1",
        "Tue 10 Mar | 09:30 – 10:00 EDT | Dr. Ames | Room 2",
    ]


def test_a_pool_of_people_and_rooms_is_headed_actor(ask: Ask) -> None:
    save(*practice())
    said = ask("--calendar", "calendar.ndjson", "--service", "checkup", "--schedule", "ames, room-1", *TUESDAY)
    assert "   Actor\n" in said.out


@pytest.mark.parametrize(
    ("count", "footer"),
    [
        ("1", "1 offer; there may be more, see --count."),
        ("2", "2 offers; there may be more, see --count."),
        ("4", "3 offers."),
    ],
)
def test_the_footer_says_whether_there_may_be_more(ask: Ask, count: str, footer: str) -> None:
    save(*practice())
    said = ask(
        "--calendar", "calendar.ndjson", "--service", "checkup", "--schedule", "ames", "--count", count, *TUESDAY
    )
    assert said.out.endswith(f"\n\n{footer}\n")


def test_twenty_offers_without_count(ask: Ask) -> None:
    save(*all_open())
    for arguments in (for_a(*TUESDAY), for_a(*TUESDAY, "--count", "")):
        said = ask(*arguments)
        assert len(said.offers) == 20
        assert said.out.endswith("20 offers; there may be more, see --count.\n")


@pytest.mark.parametrize(
    ("start", "end", "header"),
    [
        ("2026-03-10", "2026-03-10", "Tue 10 Mar 2026"),
        ("2026-03-07", "2026-03-09", "Sat 7 Mar 2026 to Mon 9 Mar 2026"),
        ("2026-12-31", "2027-01-01", "Thu 31 Dec 2026 to Fri 1 Jan 2027"),
        ("2026-03-10T04:00:00Z", "2026-03-11T04:00:00Z", "Tue 10 Mar 2026"),
        ("2026-03-10T13:00:00Z", "2026-03-10T18:30:00Z", "Tue 10 Mar 2026 09:00 to Tue 10 Mar 2026 14:30"),
        ("2026-03-10", "2026-03-11T18:30:00Z", "Tue 10 Mar 2026 00:00 to Wed 11 Mar 2026 14:30"),
    ],
)
def test_the_header_names_service_length_window_and_zone(ask: Ask, start: str, end: str, header: str) -> None:
    save(*all_open())
    said = ask(*for_a("--start", start, "--end", end))
    assert said.out.startswith(f"checkup, 30 min · {header} (America/New_York)\n")


def test_a_series_shows_its_last_week(ask: Ask) -> None:
    save(*all_open())
    said = ask(*for_a(*TUESDAY, "--occurrences", "3", "--count", "1"))
    assert " #   Day          Time                Weekly until   Practitioner\n" in said.out
    assert said.offers == ["Tue 10 Mar | 00:00 – 00:30 EDT | Tue 24 Mar | a"]


def test_both_passes_of_a_repeated_hour_have_their_own_zone(ask: Ask) -> None:
    save(*all_open())
    said = ask(*for_a("--start", "2026-11-01T05:00:00Z", "--end", "2026-11-01T07:30:00Z"))
    assert [row.split(" | ")[1] for row in said.offers if "01:00 – 01:30" in row or "02:00" in row] == [
        "01:00 – 01:30 EDT",
        "01:00 – 01:30 EST",
        "01:30 – 02:00 EST",
        "02:00 – 02:30 EST",
    ]
    assert len(said.offers) == 5


def test_each_end_of_a_visit_across_a_change_has_its_own_zone(ask: Ask) -> None:
    """Without both, 30 minutes look like 90 in spring, and end before they begin in autumn."""
    save(*all_open())
    spring = ask(*for_a("--start", "2026-03-08T06:30:00Z", "--end", "2026-03-08T07:00:00Z")).out
    autumn = ask(*for_a("--start", "2026-11-01T05:30:00Z", "--end", "2026-11-01T06:00:00Z")).out
    assert spring.count("EST") == spring.count("EDT") == 1
    assert autumn.count("EDT") == autumn.count("EST") == 1


@pytest.mark.parametrize(
    "display",
    [
        "Dr. Ames [locum]",
        "Room [red]1[/red]",
        "Ames [/]",
        "Ames [/locum]",
        "[bold]",
        "Room :smile: 1",
        r"C:\[x]",
        "日本 太郎",
        'O\'Neill, "Bob" & <Sons>',
    ],
)
def test_names_are_printed_as_they_are(ask: Ask, display: str) -> None:
    save(service(name=display), practitioner("a"), called("a", display))
    said = ask(*for_a(*TUESDAY, "--count", "1"))
    assert said.err == ""
    assert said.offers == [f"Tue 10 Mar | 00:00 – 00:30 UTC | {display}"]
    assert said.out.startswith(f"{display}, 30 min · ")


class Terminal(io.TextIOWrapper):
    """Standard output that is a terminal."""

    def __init__(self) -> None:
        self.kept = io.BytesIO()
        super().__init__(self.kept, encoding="utf-8")

    def isatty(self) -> bool:
        return True

    def text(self) -> str:
        self.flush()
        return self.kept.getvalue().decode()


def on_terminal(ask: Ask, monkeypatch: pytest.MonkeyPatch, columns: int, *arguments: str) -> str:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm-256color")
    assert ask(*arguments).code == 0
    return terminal.text()


def test_control_characters_in_names_do_not_reach_the_terminal(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    save(service(name="Check\x1b[2J-up"), practitioner("a"), called("a", "Dr.\x1b[41m\r Ames"))
    printed = on_terminal(ask, monkeypatch, 120, *for_a(*TUESDAY, "--count", "1"))
    assert "\x1b[2J" not in printed and "\x1b[41m" not in printed and "\r" not in printed


SURGERY = in_clinic("bariatric-surgery", "dr-martinez", "or-1,or-2,or-3", "dr-kim,dr-osei")


@pytest.mark.parametrize("columns", [120, 80, 60])
@pytest.mark.parametrize("series", [(), ("--occurrences", "2")])
def test_every_name_is_there_on_a_narrow_terminal(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, columns: int, series: tuple[str, ...]
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    week = ("--start", "2026-03-10", "--end", "2026-03-14", "--count", "1")
    printed = on_terminal(ask, monkeypatch, columns, *SURGERY, *week, *series).replace("\x1b[1m", "")
    table = printed.partition("\n\n")[2].replace("\x1b[0m", "")
    letters = {letter for letter in table if letter.isalpha()}
    assert letters >= set("DrMariaMartinezOperatingRoomDanielKim")
    for word in ("12:30", "14:30", "EDT", "Dr.", "Maria", "Room", "Kim"):
        assert word in table


def test_no_color_is_plain_text_on_a_terminal(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in on_terminal(ask, monkeypatch, 120, *SURGERY, *TUESDAY)


@pytest.mark.parametrize("force", ["NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"])
def test_what_is_no_terminal_gets_plain_text(ask: Ask, monkeypatch: pytest.MonkeyPatch, force: str) -> None:
    monkeypatch.setenv(force, "1")
    monkeypatch.setenv("COLUMNS", "30")
    said = ask(*SURGERY, *TUESDAY)
    assert "\x1b" not in said.out
    assert "Tue 10 Mar | 12:30 – 14:30 EDT | Dr. Maria Martinez | Operating Room 2 | Dr. Daniel Kim" in said.offers


# FHIR for programs

QUERIES: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    ((), {}),
    (("--count", "7"), {"_count": "7"}),
    (("--combinations", "4"), {"combinations": "4"}),
    (("--count", "3", "--combinations", "2", "--engine", "cp-sat"), {"_count": "3", "combinations": "2"}),
    (("--occurrences", "2"), {"occurrence-count": "2"}),
]


def clinic_answer(**changes: Any) -> Resource:
    query = {
        "start": "2026-03-10T00:00:00-04:00",
        "end": "2026-03-13T00:00:00-04:00",
        "service-type-reference": "HealthcareService/bariatric-surgery",
        "schedule": ["Schedule/dr-martinez", "Schedule/or-1,Schedule/or-2,Schedule/or-3"],
    }
    status, answer = invoke(THE_CLINIC, "Appointment/$find", query=query | changes)
    assert status == 200
    return answer


@pytest.mark.parametrize(("options", "changes"), QUERIES)
def test_json_is_the_bundle_of_the_operation(ask: Ask, options: tuple[str, ...], changes: dict[str, Any]) -> None:
    window = ("--start", "2026-03-10", "--end", "2026-03-12")
    said = ask(*in_clinic("bariatric-surgery", "dr-martinez", "or-1,or-2,or-3"), *window, *options, "--json")
    expected = clinic_answer(**changes)
    assert (said.code, json.loads(said.out), said.err) == (0, expected, "")
    assert len(expected["entry"]) > 1


@pytest.mark.parametrize(("options", "changes"), QUERIES)
def test_ndjson_is_one_appointment_a_line(ask: Ask, options: tuple[str, ...], changes: dict[str, Any]) -> None:
    window = ("--start", "2026-03-10", "--end", "2026-03-12")
    said = ask(*in_clinic("bariatric-surgery", "dr-martinez", "or-1,or-2,or-3"), *window, *options, "--ndjson")
    entries = [entry["resource"] for entry in clinic_answer(**changes)["entry"]]
    assert said.code == 0
    assert [json.loads(line) for line in said.out.splitlines()] == entries


def test_the_table_shows_the_offers_of_the_bundle(ask: Ask) -> None:
    window = ("--start", "2026-03-10", "--end", "2026-03-12")
    said = ask(*in_clinic("bariatric-surgery", "dr-martinez", "or-1,or-2,or-3"), *window)
    # In March New York is four hours behind UTC from the 8th on.
    starts = [entry["resource"]["start"] for entry in clinic_answer()["entry"]]
    assert said.times == [f"{int(start[11:13]) - 4:02}:{start[14:16]}" for start in starts]
    rooms = [entry["resource"]["participant"][1]["actor"]["display"] for entry in clinic_answer()["entry"]]
    assert [row.split(" | ")[3] for row in said.offers] == rooms


def test_nothing_free_as_json_is_a_bundle_without_entries(ask: Ask) -> None:
    friday = ("--start", "2026-04-03", "--end", "2026-04-03")
    said = ask(*in_clinic("check-up", "dr-novak"), *friday, "--json")
    assert (said.code, json.loads(said.out)) == (3, {"resourceType": "Bundle", "type": "searchset"})
    said = ask(*in_clinic("check-up", "dr-novak"), *friday, "--ndjson")
    assert (said.code, said.out) == (3, "")


def test_wishes_hold_for_json_too(ask: Ask) -> None:
    save(*all_open("Etc/UTC"))
    said = ask(*for_a("--start", "2026-03-09", "--end", "2026-03-15", "--weekday", "thu", "--between", "09:00-10:00",
                      "--ndjson"))  # fmt: skip
    assert [json.loads(line)["start"] for line in said.out.splitlines()] == [
        "2026-03-12T09:00:00.000Z",
        "2026-03-12T09:30:00.000Z",
    ]


# Names


@pytest.mark.parametrize("named", ["check-up", "HealthcareService/check-up", "Check-up", "CHECK-UP"])
@pytest.mark.parametrize("who", ["dr-novak", "Schedule/dr-novak", "Dr. Petra Novak", "dr. petra  novak"])
def test_services_and_schedules_by_id_or_name(ask: Ask, named: str, who: str) -> None:
    said = ask(*in_clinic(named, who), *TUESDAY, "--count", "1")
    assert (said.code, said.offers) == (0, ["Tue 10 Mar | 08:00 – 08:30 EDT | Dr. Petra Novak"])


def test_names_in_a_pool(ask: Ask) -> None:
    said = ask(*in_clinic("check-up", "Dr. Petra Novak , Schedule/dr-adeyemi,", "exam-2"), *TUESDAY, "--count", "1")
    assert said.offers == ["Tue 10 Mar | 08:00 – 08:30 EDT | Dr. Petra Novak | Examination Room 2"]


def test_a_schedule_named_twice_in_a_pool_counts_once(ask: Ask) -> None:
    once = ask(*in_clinic("check-up", "dr-novak"), *TUESDAY, "--json")
    assert ask(*in_clinic("check-up", "dr-novak,Dr. Petra Novak,Schedule/dr-novak"), *TUESDAY, "--json") == once


def test_a_wrong_name_gets_near_ones(ask: Ask) -> None:
    assert ask(*in_clinic("checkup", "dr-novak"), *TUESDAY) == (
        6,
        "",
        "Error: No service is called 'checkup'. Did you mean check-up (Check-up)?\n",
    )
    said = ask(*in_clinic("check-up", "exam-1,dr-nowak"), *TUESDAY)
    assert (said.code, said.out) == (6, "")
    assert said.err.startswith("Error: No schedule is called 'dr-nowak'. Did you mean dr-novak (Dr. Petra Novak)")


def test_a_name_of_several_is_refused_with_their_ids(ask: Ask) -> None:
    save(service(), practitioner("a"), practitioner("b"), called("a", "Dr. Lee"), called("b", "dr. lee"))
    said = ask("--calendar", "calendar.ndjson", "--service", "checkup", "--schedule", "Dr. Lee", *TUESDAY)
    text = "Error: 'Dr. Lee' is the name of several schedules: a, b. Give one of these ids.\n"
    assert said == (5, "", text)


@pytest.mark.parametrize("reference", ["x", "Appointment/x"])
def test_an_appointment_ignored_frees_its_time(ask: Ask, reference: str) -> None:
    busy = slot("s", "a", "2026-03-10T09:00:00Z", "2026-03-10T10:00:00Z")
    save(*all_open("Etc/UTC", busy, appointment("x", ["s"])))
    window = ("--start", "2026-03-10T09:00:00Z", "--end", "2026-03-10T10:30:00Z")
    assert ask(*for_a(*window)).times == ["10:00"]
    assert ask(*for_a(*window, "--ignore-appointment", reference)).times == ["09:00", "09:30", "10:00"]


# Local days and zones


def test_bare_dates_are_local_days_the_end_included(ask: Ask) -> None:
    save(*all_open())
    said = ask(*for_a("--start", "2026-03-07", "--end", "2026-03-08", "--count", "1000", "--ndjson"))
    starts = [json.loads(line)["start"] for line in said.out.splitlines()]
    # Saturday has 24 hours and begins at 05:00Z, Sunday 23 and ends at 04:00Z.
    assert len(starts) == 2 * (24 + 23)
    assert (starts[0], starts[-1]) == ("2026-03-07T05:00:00.000Z", "2026-03-09T03:30:00.000Z")


def test_the_zone_of_days_is_that_of_the_first_schedule(ask: Ask) -> None:
    vienna = parameters(timezone="Europe/Vienna")
    save(*all_open(), practitioner("b"), practitioner("c"), schedule("b", vienna), schedule("c", vienna))
    at = ("--calendar", "calendar.ndjson", "--service", "checkup", *TUESDAY, "--count", "1")
    said = ask(*at, "--schedule", "a", "--schedule", "c,b")
    assert said.err == "Note: days and times are those of America/New_York; c, b: Europe/Vienna.\n"
    assert said.offers == ["Tue 10 Mar | 00:00 – 00:30 EDT | a | c"]
    said = ask(*at, "--schedule", "c,b", "--schedule", "a")
    assert said.err == "Note: days and times are those of Europe/Vienna; a: America/New_York.\n"
    assert said.offers == ["Tue 10 Mar | 00:00 – 00:30 CET | c | a"]
    assert ask(*at, "--schedule", "c,b").err == ""


def test_the_note_is_no_part_of_the_result(ask: Ask) -> None:
    save(*all_open(), practitioner("b", "Europe/Vienna"), schedule("b"))
    said = ask(*for_a("--schedule", "b", *TUESDAY, "--json"))
    assert json.loads(said.out)["resourceType"] == "Bundle"
    assert said.err.startswith("Note: ")


def test_timezone_wins_and_needs_no_note(ask: Ask) -> None:
    save(*all_open(), practitioner("b", "Europe/Vienna"), schedule("b"))
    said = ask(*for_a("--schedule", "b", *TUESDAY, "--timezone", "asia/tokyo", "--count", "1"))
    assert said.err == ""
    assert said.out.startswith("checkup, 30 min · Tue 10 Mar 2026 (Asia/Tokyo)\n")
    assert said.offers == ["Tue 10 Mar | 00:00 – 00:30 JST | a | b"]


def test_timezone_moves_days_and_wishes_not_the_offers(ask: Ask) -> None:
    save(*practice())
    tokyo = ("--calendar", "calendar.ndjson", "--service", "checkup", "--schedule", "ames", "--timezone", "Asia/Tokyo")
    # 09:00 in New York is 22:00 in Tokyo.
    assert ask(*tokyo, *TUESDAY).times == ["22:00", "22:30", "23:00"]
    assert ask(*tokyo, *TUESDAY, "--between", "22:30-23:00").times == ["22:30"]
    assert ask(*tokyo, *TUESDAY, "--weekday", "wed").code == 3


def test_thirty_one_days_across_autumn_name_the_last_date_that_fits(ask: Ask) -> None:
    save(*all_open())
    said = ask(*for_a("--start", "2026-10-15", "--end", "2026-11-14"))
    assert said == (
        5,
        "",
        "Error: --start 2026-10-15 to --end 2026-11-14 are 745 h in America/New_York, more than the 744 h of one "
        "search. The last --end that fits is 2026-11-13.\n",
    )
    assert ask(*for_a("--start", "2026-10-15", "--end", "2026-11-13")).code == 0


def test_a_series_may_search_a_week_of_169_hours(ask: Ask) -> None:
    save(*all_open())
    autumn = ("--start", "2026-10-26", "--occurrences", "2", "--count", "1")
    assert ask(*for_a(*autumn, "--end", "2026-11-01")).code == 0
    said = ask(*for_a(*autumn, "--end", "2026-11-02"))
    assert said.code == 5
    assert said.err.endswith("more than the 169 h of one search. The last --end that fits is 2026-11-01.\n")


def test_an_empty_occurrences_is_none_at_all(ask: Ask) -> None:
    save(*all_open())
    assert ask(*for_a("--start", "2026-03-10", "--end", "2026-03-20", "--occurrences", "")).code == 0


# Wishes


def test_between_holds_the_whole_visit(ask: Ask) -> None:
    save(*all_open())
    assert ask(*for_a(*TUESDAY, "--between", "09:00-10:30")).times == ["09:00", "09:30", "10:00"]
    assert ask(*for_a(*TUESDAY, "--between", "09:10-10:00")).times == ["09:30"]
    assert ask(*for_a(*TUESDAY, "--between", "23:00-00:30")).times == ["00:00", "23:00", "23:30"]


def test_between_does_not_count_buffers(ask: Ask) -> None:
    params = parameters(duration=30, alignmentInterval=30, bufferBefore=15, bufferAfter=15)
    save(service(params=params), practitioner("a"), schedule("a"))
    assert ask(*for_a(*TUESDAY, "--between", "09:00-10:00")).times == ["09:00", "09:30"]


@pytest.mark.parametrize("zone", ["Etc/UTC", None])
def test_between_measures_the_visits_that_are_offered(ask: Ask, zone: str | None) -> None:
    """The first schedule of the pool is inactive, shorter, or not even sound: it takes no part."""
    hourly = service(params=parameters(duration=60, alignmentInterval=30))
    first = schedule("x", parameters(duration=10), active=False)
    save(hourly, practitioner("x", zone), practitioner("a"), first, schedule("a"))
    at = ("--calendar", "calendar.ndjson", "--service", "checkup", "--schedule", "x,a", *TUESDAY)
    assert ask(*at, "--between", "09:00-10:30").times == ["09:00", "09:30"]


def test_weekdays_are_those_of_the_local_start(ask: Ask) -> None:
    save(*all_open())
    said = ask(*for_a("--start", "2026-03-09", "--end", "2026-03-15", "--weekday", "tue,thu", "--count", "1000"))
    assert {row.split(" | ")[0] for row in said.offers} == {"Tue 10 Mar", "Thu 12 Mar"}
    assert len(said.offers) == 96


def test_notice_begins_at_now(ask: Ask) -> None:
    save(*all_open("Etc/UTC"))
    now = ("--now", "2026-03-10T09:00:00Z", "--count", "1")
    assert ask(*for_a(*TUESDAY, *now, "--notice", "2h")).times == ["11:00"]
    assert ask(*for_a(*TUESDAY, *now, "--notice", "91min")).times == ["11:00"]
    assert ask(*for_a(*TUESDAY, *now, "--notice", "0min")).times == ["09:00"]
    assert ask(*for_a(*TUESDAY, *now, "--notice", "1d")).code == 3


def test_the_past_is_offered_like_the_future(ask: Ask) -> None:
    save(*all_open("Etc/UTC"))
    today = ask(*for_a(*TUESDAY, "--now", "2026-03-09T12:00:00Z"))
    assert today.code == 0 and len(today.offers) == 20
    assert ask(*for_a(*TUESDAY, "--now", "2036-03-09T12:00:00Z")) == today
    assert ask(*for_a(*TUESDAY)) == today


def test_now_decides_which_holds_have_lapsed(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    held = slot("s", "a", "2026-03-10T09:00:00Z", "2026-03-10T09:30:00Z", "busy-tentative")
    hold = appointment("x", ["s"], status="pending", hold_expires="2026-03-09T12:00:00Z")
    save(*all_open("Etc/UTC", held, hold))
    window = ("--start", "2026-03-10T09:00:00Z", "--end", "2026-03-10T10:00:00Z")
    before, after = "2026-03-09T11:59:59.999Z", "2026-03-09T12:00:00Z"
    assert ask(*for_a(*window, "--now", before)).times == ["09:30"]
    assert ask(*for_a(*window, "--now", after)).times == ["09:00", "09:30"]
    monkeypatch.setenv("SLOTWRIGHT_NOW", before)
    assert ask(*for_a(*window)).times == ["09:30"]
    assert ask(*for_a(*window, "--now", after)).times == ["09:00", "09:30"]


def test_a_weekly_series_of_the_clinic_is_free_in_every_week(ask: Ask) -> None:
    said = ask(*in_clinic("physiotherapy", "pt-garcia"), "--start", "2026-03-05", "--end", "2026-03-05",
               "--occurrences", "4", "--between", "08:00-12:00")  # fmt: skip
    assert said.offers == ["Thu  5 Mar | 11:15 – 12:00 EST | Thu 26 Mar | Elena Garcia"]


# Nothing free


def test_one_schedule_without_a_start_is_named(ask: Ask) -> None:
    save(*practice())
    at = ("--calendar", "calendar.ndjson", "--service", "checkup", "--schedule", "room-1", "--schedule", "ames")
    window = ("--start", "2026-03-10T15:00:00Z", "--end", "2026-03-10T18:00:00Z")
    assert ask(*at, *window) == (
        3,
        "Check-up, 30 min · Tue 10 Mar 2026 11:00 to Tue 10 Mar 2026 14:00 (America/New_York)\n"
        "Nothing free. Dr. Ames (ames) leaves no start in this window.\n",
        f"What stands in the way: slotwright explain {' '.join((*at, *window))} --summary\n",
    )


def test_a_pool_without_a_start_is_named_by_its_members(ask: Ask) -> None:
    save(*practice())
    at = ("--calendar", "calendar.ndjson", "--service", "checkup", "--schedule", "room-1", "--schedule", "ames,bell")
    said = ask(*at, "--start", "2026-03-10T15:00:00Z", "--end", "2026-03-10T18:00:00Z")
    assert said.code == 3
    assert said.out.endswith(
        "\nNothing free. The pool of Dr. Ames (ames), Dr. Bell (bell) leaves no start in this window.\n"
    )


def test_starts_that_are_not_common_name_the_fewest(ask: Ask) -> None:
    late = called("late", "Dr. Late", open_hours("10:30", "11:00"))
    save(*practice(), practitioner("late", NEW_YORK), late)
    at = ("--calendar", "calendar.ndjson", "--service", "checkup")
    said = ask(*at, "--schedule", "ames", "--schedule", "late", "--schedule", "room-1", *TUESDAY)
    assert said.code == 3
    assert said.out.endswith(
        "\nNothing free. Dr. Late (late) leaves the fewest starts, 1. "
        "Each has starts of its own, but none is common to all.\n"
    )


def test_two_schedules_of_one_actor_say_so(ask: Ask) -> None:
    save(service(), practitioner("x"), schedule("a", actor="Practitioner/x"), schedule("b", actor="Practitioner/x"))
    said = ask(*for_a("--schedule", "b", *TUESDAY))
    assert said.code == 3
    assert said.out.endswith(
        "\nNothing free: the pools have fewer actors than the appointment needs, and none is used twice.\n"
    )


def test_starts_in_common_that_need_one_actor_twice_are_not_denied(ask: Ask) -> None:
    """a and b are one person; c, the only other choice, is open for ten minutes a day."""
    save(
        service(),
        practitioner("x"),
        practitioner("y"),
        schedule("a", actor="Practitioner/x"),
        schedule("b", actor="Practitioner/x"),
        schedule("c", open_hours("09:00", "09:10"), actor="Practitioner/y"),
    )
    said = ask(*for_a("--schedule", "b,c", *TUESDAY))
    assert said.code == 3
    assert "none is common to all" not in said.out


def test_a_window_shorter_than_a_minute_is_no_lack_of_actors(ask: Ask) -> None:
    save(*all_open("Etc/UTC"))
    said = ask(*for_a("--start", "2026-03-10T09:00:10Z", "--end", "2026-03-10T09:00:50Z"))
    assert said.code == 3
    assert "fewer actors" not in said.out


def test_a_window_that_only_touches_the_horizon_offers_nothing(ask: Ask) -> None:
    save(service(), practitioner("a"), schedule("a", horizon=("2026-03-11T00:00:00Z", None)))
    said = ask(*for_a("--start", "2026-03-10T00:00:00Z", "--end", "2026-03-11T00:00:00Z"))
    assert said.code == 3
    assert said.out.endswith("Nothing free. a (a) leaves no start in this window.\n")


# Settings


def test_options_win_over_the_environment_and_that_over_the_file(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    save(*all_open())
    at = ("--service", "checkup", "--schedule", "a", *TUESDAY)
    Path("slotwright.toml").write_text('calendar = ["calendar.ndjson"]\ntimezone = "Asia/Tokyo"\ncount = 2\n')
    said = ask(*at)
    assert "(Asia/Tokyo)" in said.out and len(said.offers) == 2
    monkeypatch.setenv("SLOTWRIGHT_TIMEZONE", "Europe/Vienna")
    assert "(Europe/Vienna)" in ask(*at).out
    monkeypatch.setenv("SLOTWRIGHT_TIMEZONE", "")
    assert "(Asia/Tokyo)" in ask(*at).out
    said = ask(*at, "--timezone", "Africa/Cairo", "--count", "1")
    assert "(Africa/Cairo)" in said.out and len(said.offers) == 1


def test_the_calendar_comes_from_option_environment_or_file(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("option", "environment", "file"):
        save(service(name=name), practitioner("a"), schedule("a"), name=f"{name}.json")
    at = ("--service", "checkup", "--schedule", "a", *TUESDAY)
    assert ask(*at).code == 2
    Path("slotwright.toml").write_text('calendar = ["file.json"]\n')
    assert ask(*at).out.startswith("file, 30 min")
    monkeypatch.setenv("SLOTWRIGHT_CALENDAR", "environment.json")
    assert ask(*at).out.startswith("environment, 30 min")
    assert ask("--calendar", "option.json", *at).out.startswith("option, 30 min")


def test_a_calendar_in_the_environment_may_have_blanks_in_its_path(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    save(*all_open(), name="my calendar.json")
    monkeypatch.setenv("SLOTWRIGHT_CALENDAR", "my calendar.json")
    assert ask("--service", "checkup", "--schedule", "a", *TUESDAY).code == 0


def test_the_file_may_hold_every_option(ask: Ask) -> None:
    save(*all_open("Etc/UTC"))
    Path("slotwright.toml").write_text(
        'calendar = ["calendar.ndjson"]\nservice = "checkup"\nschedule = ["a"]\nstart = 2026-03-10\n'
        'end = "2026-03-10"\nbetween = "09:00-10:00"\nndjson = true\nengine = "cp-sat"\n'
    )
    said = ask()
    assert [json.loads(line)["start"][11:16] for line in said.out.splitlines()] == ["09:00", "09:30"]


def test_the_file_may_name_one_calendar_and_one_schedule(ask: Ask) -> None:
    save(*all_open("Etc/UTC"))
    Path("slotwright.toml").write_text('calendar = "calendar.ndjson"\nschedule = "a"\n')
    assert ask("--service", "checkup", *TUESDAY).code == 0


def test_the_file_may_write_instants_as_toml_does(ask: Ask) -> None:
    save(*all_open("Etc/UTC"))
    Path("slotwright.toml").write_text("now = 2026-03-10T09:00:00Z\n")
    assert ask(*for_a(*TUESDAY, "--notice", "1h", "--count", "1")).times == ["10:00"]


# What is loaded


def test_dangling_references_are_warnings_and_not_endless(ask: Ask) -> None:
    others = [schedule(f"x{n}") for n in range(22)]
    save(*all_open("Etc/UTC", *others))
    said = ask(*for_a(*TUESDAY, "--count", "1"))
    assert said.code == 0
    of_actor = "Warning: Schedule/x{0} refers to Practitioner/x{0}, which is not among the resources loaded."
    assert said.err.splitlines() == [
        *(of_actor.format(n) for n in range(20)),
        "Warning: 2 more references lead to resources that are not loaded.",
    ]
    assert "Warning" not in said.out


def test_several_calendars_are_one_and_each_file_is_read_once(ask: Ask) -> None:
    save(service(), practitioner("a"), name="one.json.ndjson")
    save(schedule("a"), name="two.ndjson")
    at = ("--service", "checkup", "--schedule", "a", *TUESDAY, "--count", "1")
    once = ask("--calendar", "one.json.ndjson", "--calendar", "two.ndjson", *at)
    assert once.code == 0
    assert ask("--calendar", ".", *at) == once
    assert ask("--calendar", ".", "--calendar", "./two.ndjson", "--calendar", ".", *at) == once


def test_folders_are_read_with_their_subfolders_and_links_do_not_go_in_circles(ask: Ask) -> None:
    deep = Path("clinic/first/second")
    deep.mkdir(parents=True)
    save(service(), practitioner("a"), name="clinic/services.ndjson")
    save(schedule("a"), name=str(deep / "schedules.NDJSON"))
    (deep / "notes.txt").write_text("no FHIR")
    (deep / "folder.json").mkdir()
    (deep / "up").symlink_to("../..")
    (deep / "again.json").symlink_to("schedules.NDJSON")
    said = ask("--calendar", "clinic", "--service", "checkup", "--schedule", "a", *TUESDAY, "--count", "1")
    assert (said.code, said.err) == (0, "")


def test_unusual_paths_are_read(ask: Ask) -> None:
    for name in ("with space.json", "quote'\".json", "-dash.json", "comma,comma.json", "日本.json", "new\nline.json"):
        save(*all_open(), name=name)
        path = f"./{name}"
        said = ask("--calendar", path, "--service", "checkup", "--schedule", "a", *TUESDAY, "--count", "1")
        assert (said.code, said.err) == (0, "")
