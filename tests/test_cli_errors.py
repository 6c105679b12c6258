"""Bad input on the command line: one clear sentence with the place, the exit code of its group, and no offer."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from slotwright.cli import find as find_command
from slotwright.cli import op as op_command
from slotwright.cli import serve as serve_command
from slotwright.cli.main import run
from slotwright.cli.settings import SERVING, SETTINGS, SHARED
from support import (
    Resource,
    hours,
    parameters,
    practitioner,
    schedule,
    service,
    slot,
)

if TYPE_CHECKING:
    from typing_extensions import Buffer

TUESDAY = ("--start", "2026-03-10", "--end", "2026-03-10")
NOBODY: Resource = {"actor": []}
PATIENT = b'{"resourceType": "Patient", "id": "a"}'


class Said(NamedTuple):
    """The exit code, and what was printed."""

    code: int
    out: str
    err: str


Ask = Callable[..., Said]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Runs `slotwright` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("CALENDAR", "NOW", "TIMEZONE", "ENGINE", "DEBUG"):
        monkeypatch.delenv(f"SLOTWRIGHT_{name}", raising=False)

    def asked(*arguments: str, stdin: bytes = b"") -> Said:
        capsys.readouterr()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = run(list(arguments))
        printed = capsys.readouterr()
        return Said(code, printed.out, printed.err)

    return asked


def save(*resources: Resource, name: str = "calendar.ndjson") -> None:
    Path(name).write_text("".join(f"{json.dumps(one)}\n" for one in resources), encoding="utf-8")


def good(*more: Resource) -> None:
    """Schedules a and b, always open, half hours in UTC."""
    save(service(), practitioner("a"), practitioner("b"), schedule("a"), schedule("b"), *more)


def find(*options: str, calendar: str = "calendar.ndjson", days: tuple[str, ...] = TUESDAY) -> tuple[str, ...]:
    return ("find", "--calendar", calendar, "--service", "checkup", "--schedule", "a", *days, *options)


def is_one_sentence(said: Said, code: int, *parts: str) -> None:
    """Nothing on standard output, one line on standard error with all the parts, no traceback."""
    assert (said.code, said.out) == (code, "")
    assert said.err.startswith("Error: ") and said.err.endswith(("\n",)) and said.err.count("\n") == 1
    assert "Traceback" not in said.err and "Internal" not in said.err
    for part in parts:
        assert part in said.err


# Options


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--between", "25:00-26:00"), "--between '25:00-26:00' is not two times of the day. Write it as 09:00-12:00."),
        (("--between", ""), "--between '' is not two times of the day. Write it as 09:00-12:00."),
        (("--weekday", "foo"), "--weekday 'foo': 'foo' is no day. Days are mon, tue, wed, thu, fri, sat, sun."),
        (("--weekday", ","), "--weekday ',': '' is no day. Days are mon, tue, wed, thu, fri, sat, sun."),
        (("--notice", "-2h"), "--notice '-2h' is not a length of time. Write it as 90min, 2h, 3d or 1wk."),
        (("--now", "tomorrow"), "--now 'tomorrow' is not an instant. Write it as 2026-03-09T12:00:00Z."),
        (("--now", ""), "--now '' is not an instant. Write it as 2026-03-09T12:00:00Z."),
        (("--now", "2026-03-09"), "--now '2026-03-09' is not an instant. Write it as 2026-03-09T12:00:00Z."),
        (("--timezone", ""), "--timezone '' is no time zone. Give an IANA name such as America/New_York."),
        (("--timezone", "+02:00"), "--timezone '+02:00' is no time zone. Give an IANA name such as America/New_York."),
        (("--timezone", "../UTC"), "--timezone '../UTC' is no time zone. Did you mean UTC"),
        (("--timezone", "Europe/Wien"), "--timezone 'Europe/Wien' is no time zone. Did you mean Europe/Vienna"),
        (
            ("--start", "2026-02-30"),
            "--start '2026-02-30' is neither a date such as 2026-03-10 nor an instant with an offset "
            "such as 2026-03-10T09:00:00-04:00.",
        ),
        (
            ("--end", "2026-03-09"),
            "--end 2026-03-09 is not after --start 2026-03-10. Give an end after the start; "
            "the day of --end is included.",
        ),
        (
            ("--end", "2026-05-10"),
            "--start 2026-03-10 to --end 2026-05-10 are 1488 h in Etc/UTC, more than the 744 h of one search. "
            "The last --end that fits is 2026-04-09.",
        ),
        (("--end", "2026-05-10T00:00:00Z"), "Search range cannot exceed 31 days."),
        (("--occurrences", "2", "--end", "2026-03-19T00:00:00Z"), "Search range cannot exceed 7 days."),
    ],
)  # fmt: skip
def test_an_option_that_cannot_be_read_is_invalid_input(ask: Ask, options: tuple[str, ...], sentence: str) -> None:
    good()
    said = ask(*find(*options))
    is_one_sentence(said, 5, sentence)
    assert said.err.startswith(f"Error: {sentence}")


@pytest.mark.parametrize("option", ["--count", "--combinations", "--occurrences"])
@pytest.mark.parametrize("value", ["abc", "0", "-1", "1001", " 5", "٣", "9" * 40])
def test_a_number_that_will_not_do_is_named_by_its_option(ask: Ask, option: str, value: str) -> None:
    """Not by the name of the operation's parameter: there is no option --_count or --occurrence-count."""
    good()
    said = ask(*find(option, value))
    is_one_sentence(said, 5, option)
    assert "_count" not in said.err and "occurrence-count" not in said.err


@pytest.mark.parametrize("value", ["2.7", "1e3"])
@pytest.mark.parametrize("option", ["--count", "--combinations", "--occurrences"])
def test_half_a_number_is_no_number(ask: Ask, option: str, value: str) -> None:
    """A query reads leading digits; a person who types 1e3 must not get 1."""
    good()
    said = ask(*find(option, value))
    is_one_sentence(said, 5, value)


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (("--ignore-appointment", "x"), 6, "Appointment not found (--ignore-appointment)."),
        (("--ignore-appointment", "Slot/x"), 5, "Invalid --ignore-appointment reference (--ignore-appointment)."),
        (("--schedule", "nope"), 6, "No schedule is called 'nope'. There are: a, b."),
        (("--service", "nope"), 6, "No service is called 'nope'. There are: checkup."),
        (("--service", ""), 6, "No service is called ''. There are: checkup."),
    ],
)
def test_what_is_not_there(ask: Ask, options: tuple[str, ...], code: int, sentence: str) -> None:
    good()
    is_one_sentence(ask(*find(*options)), code, sentence)


def test_occurrences_and_ignore_appointment_contradict_each_other(ask: Ask) -> None:
    good()
    said = ask(*find("--occurrences", "2", "--ignore-appointment", "x"))
    is_one_sentence(said, 5, "--ignore-appointment", "--occurrences")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--json", "--ndjson"), "Error: --json and --ndjson exclude each other."),
        (("--schedule", ","), "Error: --schedule ',' names no schedule."),
        (("--schedule", ""), "Error: --schedule '' names no schedule."),
        (("--schedule", " , ,"), "Error: --schedule ' , ,' names no schedule."),
        (("--engine", "fast"), "Error: Invalid value for '--engine': 'fast' is not one of 'auto', 'cp-sat'."),
        (("more",), "Error: Got unexpected extra argument (more)"),
        (("--count",), "Error: Option '--count' requires an argument."),
        (("--nope",), "Error: No such option '--nope'."),
        (("--json=1",), "Error: Option '--json' does not take a value."),
        (("--",), None),
    ],
)
def test_wrong_use_exits_with_two(ask: Ask, options: tuple[str, ...], sentence: str | None) -> None:
    good()
    said = ask(*find(*options))
    if sentence is None:
        assert said.code == 0
        return
    assert (said.code, said.out) == (2, "")
    assert said.err.splitlines()[-1].startswith(sentence)


@pytest.mark.parametrize("missing", ["--calendar", "--service", "--schedule", "--start", "--end"])
def test_a_required_option_that_is_missing(ask: Ask, missing: str) -> None:
    options = dict(zip(find()[1::2], find()[2::2], strict=True))
    said = ask("find", *(text for pair in options.items() if pair[0] != missing for text in pair))
    assert (said.code, said.out) == (2, "")
    remedy = "`slotwright ledger init --ledger FILE` makes a ledger; SLOTWRIGHT_LEDGER names it for every command."
    more = f" or '--ledger'. {remedy}" if missing == "--calendar" else "."
    assert said.err.endswith(f"\n\nError: Missing option '{missing}'{more}\n")


def test_a_missing_ledger_is_told_how_one_is_made(ask: Ask) -> None:
    said = ask("list")
    assert (said.code, said.out) == (2, "")
    assert said.err.endswith(
        "Error: Missing option '--ledger'. `slotwright ledger init --ledger FILE` makes a ledger; "
        "SLOTWRIGHT_LEDGER names it for every command.\n"
    )


@pytest.mark.parametrize("arguments", [("nope",), ("fnid",), ("--nope",), ("Ж",), ("",)])
def test_a_command_that_is_none(ask: Ask, arguments: tuple[str, ...]) -> None:
    said = ask(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.splitlines()[-1].startswith("Error: No such ")


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ("find", "--help"), ("op", "-h"), ("--version",)])
def test_help_and_version_are_results(ask: Ask, arguments: tuple[str, ...]) -> None:
    said = ask(*arguments)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(("Usage: slotwright", "slotwright 0."))


# Refusals of the operation, for people


@pytest.mark.parametrize(
    ("resources", "schedules", "sentence"),
    [
        pytest.param(
            (service(active=False), practitioner("a"), schedule("a")),
            "a",
            "HealthcareService is inactive (HealthcareService/checkup).",
            id="service inactive",
        ),
        pytest.param(
            (service(), practitioner("a"), schedule("a", active=False)),
            "a",
            "Schedule is inactive (Schedule/a).",
            id="schedule inactive",
        ),
        pytest.param(
            (service(), *(practitioner(one) for one in "abc"), *(schedule(one, active=one == "a") for one in "abc")),
            "a --schedule c,b",
            "Schedule is inactive (Schedule/c).",
            id="second pool inactive",
        ),
        pytest.param(
            (service(), practitioner("a"), schedule("a") | NOBODY),
            "a",
            "Scheduling only supported on schedules with exactly one actor (Schedule/a).",
            id="no actor",
        ),
        pytest.param(
            (service(), practitioner("a"), practitioner("b"), schedule("a"), schedule("b", services=[])),
            "a --schedule b,b",
            "Schedule is not schedulable for requested service type (Schedule/b).",
            id="not schedulable",
        ),
        pytest.param(
            (service(), practitioner("a"), schedule("a", horizon=("2027-01-01", None))),
            "a",
            "Search range ends before schedule planning horizon starts (Schedule/a).",
            id="before the horizon",
        ),
        pytest.param(
            (service(), practitioner("a", "Mars/Base"), schedule("a")),
            "a",
            "Invalid timezone 'Mars/Base' (Schedule/a.actor[0]).",
            id="wrong zone stored",
        ),
        pytest.param(
            (service(), practitioner("a", None), schedule("a")),
            "a",
            "No timezone specified (Schedule/a.actor[0]).",
            id="no zone stored",
        ),
        pytest.param(
            (service(params=parameters(duration=(30, "minutes"))), practitioner("a"), schedule("a")),
            "a",
            'Got unhandled duration unit "minutes" (HealthcareService/checkup.extension[0].extension[0]).',
            id="wrong unit",
        ),
        pytest.param(
            (service(), practitioner("a"), practitioner("b"), schedule("a"), schedule("b", parameters(duration=45))),
            "b,a",
            "Scheduling parameters attribute 'duration' does not match "
            "(Schedule/b.extension[0].extension[0], HealthcareService/checkup.extension[0].extension[0]).",
            id="durations differ",
        ),
        pytest.param(
            (service(), practitioner("a"), schedule("a"), slot("s", "a", "yesterday", "today")),
            "a",
            "Slot/s has invalid start or end time.",
            id="unreadable slot",
        ),
    ],
)
def test_a_refusal_names_its_place_as_people_do(
    ask: Ask, resources: tuple[Resource, ...], schedules: str, sentence: str
) -> None:
    save(*resources)
    at = ("find", "--calendar", "calendar.ndjson", "--service", "checkup", *TUESDAY)
    is_one_sentence(ask(*at, "--schedule", *schedules.split()), 5, f"Error: {sentence}")


def test_a_series_over_several_zones(ask: Ask) -> None:
    save(service(), practitioner("a"), practitioner("b", "Europe/Vienna"), schedule("a"), schedule("b"))
    said = ask(*find("--schedule", "b", "--occurrences", "2"))
    is_one_sentence(said, 5, "All schedules must share one timezone to find a recurring series.")


# Calendars that cannot be loaded

UNREADABLE = "not readable as JSON"


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        pytest.param("x.json", b"", ("x.json is empty.", "Expected FHIR resources"), id="empty"),
        pytest.param("x.json", b" \n\t\n", ("x.json is empty.",), id="blank"),
        pytest.param("x.json", b"\xef\xbb\xbf", ("x.json is empty.",), id="byte order mark"),
        pytest.param("x.json", b'{"resourceType":\n\n "Patient"', ("x.json, line 3: ", UNREADABLE), id="cut off"),
        pytest.param("x.ndjson", PATIENT + b"\n\n{]\n", ("x.ndjson, line 3: ", UNREADABLE), id="line"),
        pytest.param("x.json", PATIENT + b"\n{]\n", ("x.json, line 2: ", UNREADABLE), id="lines in .json"),
        pytest.param("x.json", b"<Bundle/>", ("x.json, line 1: ", UNREADABLE), id="XML"),
        pytest.param("x.json", b'{"resourceType": "Patient", "x": NaN}', ("x.json, line 1: ", UNREADABLE), id="NaN"),
        pytest.param("x.json", '{"id": "é"}'.encode("latin-1"), ("x.json, line 1: ", "not UTF-8"), id="Latin-1"),
        pytest.param("x.json", PATIENT.decode().encode("utf-16"), ("x.json, line 1: ", "not UTF-8"), id="UTF-16"),
        pytest.param("x.json", bytes(range(256)), ("x.json, line 2: ", "not UTF-8 at column 118"), id="bytes"),
        pytest.param("x.json", b"[" * 100_000 + b"]" * 100_000, ("x.json, line 1: ", UNREADABLE), id="deep"),
        pytest.param("x.json.gz", gzip.compress(PATIENT)[:-5], ("x.json.gz is damaged: ",), id="gzip cut off"),
        pytest.param("x.json.gz", b"\x1f\x8bgarbage", ("x.json.gz is damaged: ",), id="no gzip"),
        pytest.param("x.json.gz", gzip.compress(b""), ("x.json.gz is empty.",), id="gzip of nothing"),
        pytest.param("x.json.gz", gzip.compress(b"{\n]"), ("x.json.gz, line 2: ", UNREADABLE), id="gzip of no JSON"),
        pytest.param("x.json", b'"text"', ("x.json", "is not a JSON object"), id="text"),
        pytest.param("x.json", b"null", ("x.json", "is not a JSON object"), id="null"),
        pytest.param("x.json", b"[" + PATIENT + b"]", ("x.json", "is not a JSON object"), id="list"),
        pytest.param("x.json", b'{"id": "a"}', ("x.json", "has no resourceType"), id="no type"),
        pytest.param("x.json", b'{"resourceType": "patient"}', ("x.json", "'patient'"), id="wrong type"),
        pytest.param("x.json", b'{"resourceType": 5}', ("x.json", "resourceType 5"), id="type of no text"),
        pytest.param("x.json", b'{"resourceType": "Patient", "id": "a b"}', ("x.json", "id 'a b'"), id="id"),
        pytest.param("x.json", b'{"resourceType": "Patient", "id": ""}', ("x.json", "id ''"), id="empty id"),
        pytest.param(
            "x.json",
            b'{"resourceType": "Slot", "id": "s", "status": "taken", "schedule": {"reference": "Schedule/a"}}',
            ("Slot/s (x.json)", "status must be one of busy, ", "'taken'"),
            id="slot status",
        ),
        pytest.param(
            "x.ndjson",
            PATIENT + b'\n{"resourceType": "Slot", "id": "s", "status": "busy"}',
            ("Slot/s (x.ndjson, line 2)", "`schedule`"),
            id="slot without schedule",
        ),
        pytest.param(
            "x.json",
            b'{"resourceType": "Schedule", "id": "s", "actor": "Practitioner/a"}',
            ("Schedule/s (x.json)", "`actor`"),
            id="actor of no list",
        ),
        pytest.param("x.json", b'{"resourceType": "Bundle", "entry": {"a": 1}}', ("x.json: Bundle.entry",), id="entry"),
        pytest.param(
            "x.json",
            b'{"resourceType": "Bundle", "entry": [{"resource": ' + PATIENT + b'}, {"resource": {"id": "b"}}]}',
            ("x.json, entry 1", "no resourceType"),
            id="entry without type",
        ),
        pytest.param(
            "x.ndjson",
            PATIENT + b"\n" + PATIENT[:-1] + b', "active": true}',
            ("Patient/a stands twice", "x.ndjson, line 1", "x.ndjson, line 2"),
            id="twice",
        ),
        pytest.param(
            "x.json",
            b'{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Slot", "id": "s", "status": "busy", '
            b'"schedule": {"reference": "urn:uuid:nowhere"}}}]}',
            ("x.json, entry 0 refers to urn:uuid:nowhere",),
            id="dangling urn",
        ),
    ],
)
def test_a_calendar_that_cannot_be_loaded_says_where_and_why(
    ask: Ask, name: str, content: bytes, parts: tuple[str, ...]
) -> None:
    good()
    Path(name).write_bytes(content)
    is_one_sentence(ask(*find("--calendar", name)), 5, *parts)


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        pytest.param(
            b'{"resourceType": "Slot", "id": "s", "status": "busy", "schedule": {}}',
            ("Slot/s", "x.json"),
            id="a slot without reference",
        ),
        pytest.param(
            b'{"resourceType": "Slot", "id": "s", "status": "busy", "schedule": {"identifier": {"value": "a"}}, '
            b'"comment": "by identifier", "overbooked": false}',
            ("Slot/s", "x.json"),
            id="a slot that names its schedule by identifier",
        ),
        pytest.param(
            b'{"resourceType": "Patient", "id": "p", "x": ' + b"[" * 1000 + b"]" * 1000 + b"}",
            ("Patient/p", "x.json"),
            id="nested deeper than Python goes",
        ),
        pytest.param(
            b'{"resourceType": "Patient", "id": "p", "x": ' + b'{"a":' * 1000 + b'"urn:uuid:x"' + b"}" * 1000 + b"}",
            ("Patient/p", "x.json"),
            id="nested deeper than Python goes, with a urn",
        ),
        pytest.param(
            b'{"resourceType": "Bundle", "type": "transaction", "entry": ['
            b'{"resource": {"resourceType": "Patient", "id": "p", "identifier": "x"}, "fullUrl": "urn:uuid:1"},'
            b'{"resource": {"resourceType": "Patient"}, "fullUrl": "urn:uuid:2", '
            b'"request": {"method": "POST", "ifNoneExist": "identifier=a|b"}}]}',
            (),
            id="an identifier of no list",
        ),
    ],
)
def test_odd_resources_are_refused_or_passed_over(ask: Ask, content: bytes, parts: tuple[str, ...]) -> None:
    """They are no fault of the program: either they are loaded, or a sentence names them."""
    good()
    Path("x.json").write_bytes(content)
    said = ask(*find("--calendar", "x.json", "--count", "1"))
    if said.code != 0:
        is_one_sentence(said, 5, *parts)


def test_slots_that_name_no_schedule_by_reference_never_free_a_time(ask: Ask) -> None:
    """Wherever they count, they are not quietly dropped."""
    by_identifier = {"identifier": {"value": "a"}}
    save(service(), practitioner("a"), schedule("a"),
         slot("s", "a", "2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z") | {"schedule": by_identifier})  # fmt: skip
    said = ask(*find("--count", "1"))
    assert said.code == 5 or (said.code == 0 and "Slot/s" in said.err)


def test_names_of_odd_shape_do_not_stop_the_table(ask: Ask) -> None:
    for name in (5, "Dr. Lee", [5], [None], [{"given": "x"}], [{"prefix": None}], [{"text": 5}], {"text": "x"}):
        save(service(), practitioner("a") | {"name": name}, schedule("a"))
        said = ask(*find("--count", "1"))
        assert (said.code, said.err) == (0, ""), name


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("nowhere", "nowhere does not exist. Give a file, a folder, or - for standard input."),
        ("calendar.ndjson/x", "calendar.ndjson/x does not exist."),
        ("empty", "empty holds no FHIR files. Expected files that end in .json, .ndjson, "),
        ("texts", "texts holds no FHIR files."),
        ("folder.json", "folder.json holds no FHIR files."),
        ("loop", "loop does not exist."),
        ("-", "standard input is empty. Expected FHIR resources as JSON or NDJSON."),
    ],
)
def test_a_path_that_holds_nothing(ask: Ask, path: str, sentence: str) -> None:
    good()
    for folder in ("empty", "texts/deeper", "folder.json"):
        Path(folder).mkdir(parents=True)
    Path("texts/deeper/a.txt").write_text("text")
    Path("loop").symlink_to("pool")
    Path("pool").symlink_to("loop")
    is_one_sentence(ask(*find(calendar=path)), 5, f"Error: {sentence}")


def test_an_empty_path_is_not_the_current_folder(ask: Ask) -> None:
    """As in `--calendar "$CALENDAR"` where the variable is not set."""
    good()
    said = ask(*find(calendar=""))
    assert (said.code, said.out) in ((2, ""), (5, ""))


def test_a_path_too_long_for_the_system_is_invalid_input(ask: Ask) -> None:
    is_one_sentence(ask(*find(calendar="x" * 5000)), 5)


def test_a_link_that_leads_nowhere_is_not_passed_over(ask: Ask) -> None:
    """The bookings of this folder cannot be read: offers without them would be wrong."""
    Path("clinic").mkdir()
    save(service(), practitioner("a"), schedule("a"), name="clinic/schedules.ndjson")
    Path("clinic/bookings.ndjson").symlink_to("../moved/bookings.ndjson")
    is_one_sentence(ask(*find(calendar="clinic")), 5, "clinic/bookings.ndjson")


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that opens but cannot be read")
def test_a_file_that_cannot_be_read_says_so(ask: Ask) -> None:
    is_one_sentence(ask(*find(calendar="/proc/self/mem")), 5, "/proc/self/mem cannot be read: Input/output error.")


def test_a_subfolder_that_cannot_be_listed_is_not_passed_over(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bookings in there are not known: offers without them would be wrong."""
    Path("clinic/locked").mkdir(parents=True)
    save(service(), practitioner("a"), schedule("a"), name="clinic/schedules.ndjson")
    save(slot("s", "a", "2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z"), name="clinic/locked/slots.ndjson")
    scandir = os.scandir

    def refused(path: Any = ".") -> Any:
        if str(path).endswith("locked"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    is_one_sentence(ask(*find(calendar="clinic")), 5, "clinic/locked", "Permission denied")


def test_a_link_to_a_folder_is_followed(ask: Ask) -> None:
    """The day is full, by bookings that are kept elsewhere."""
    for folder in ("clinic", "elsewhere"):
        Path(folder).mkdir()
    save(service(), practitioner("a"), schedule("a"), name="clinic/schedules.ndjson")
    save(slot("s", "a", "2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z"), name="elsewhere/slots.ndjson")
    Path("clinic/bookings").symlink_to("../elsewhere")
    said = ask(*find(calendar="clinic"))
    assert said.code in (3, 5), said.out


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_or_folder_without_permission_says_so(ask: Ask) -> None:
    good()
    Path("locked").mkdir()
    save(slot("s", "a", "2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z"), name="locked/slots.ndjson")
    Path("locked/slots.ndjson").chmod(0)
    is_one_sentence(ask(*find("--calendar", "locked")), 5, "slots.ndjson cannot be read: Permission denied.")
    is_one_sentence(ask(*find(calendar="locked/slots.ndjson")), 5, "slots.ndjson cannot be read: Permission denied.")
    Path("locked").chmod(0)
    is_one_sentence(ask(*find("--calendar", ".")), 5, "locked")
    is_one_sentence(ask(*find("--calendar", "locked")), 5, "locked")
    Path("locked").chmod(0o700)


# Settings


@pytest.mark.parametrize(
    ("content", "code", "part"),
    [
        (b'calendar = ["calendar.ndjson"', 5, "slotwright.toml"),
        (b"calendar = [\x00]", 5, "slotwright.toml"),
        (b'timezone = "caf\xe9"', 5, "slotwright.toml"),
        (b'timezone = "Mars/Base"', 5, "'Mars/Base' is no time zone."),
        (b"between = 5", 5, "--between '5' is not two times of the day."),
        (b'engine = "fast"', 2, "'fast' is not one of 'auto', 'cp-sat'."),
        (b"json = 5", 2, "'5' is not a valid boolean"),
        (b'weekdays = "sat"', 5, "weekdays"),
        (b"[find]\ncount = 3", 5, "find"),
    ],
)
def test_settings_that_cannot_be_meant(ask: Ask, content: bytes, code: int, part: str) -> None:
    """A misspelled setting that is passed over would give other offers than were asked for."""
    good()
    Path("slotwright.toml").write_bytes(content)
    said = ask(*find("--count", "1"))
    assert said.code in (code, 2)
    assert (said.out, part in said.err) == ("", True)
    assert "Internal" not in said.err


@pytest.mark.parametrize("value", ["5", "[5]", '[["x"]]', "{a = 1}", "true", '""', "[]"])
def test_a_calendar_in_the_file_that_is_no_path(ask: Ask, value: str) -> None:
    good()
    Path("slotwright.toml").write_text(f"calendar = {value}\n")
    said = ask("find", *find()[3:])
    assert said.code in (2, 5)
    assert said.out == "" and "Internal" not in said.err


def test_every_option_can_be_set_in_the_file() -> None:
    commands = (find_command.command, op_command.command)
    options = {one for command in commands for param in command.params for one in param.opts if one.startswith("--")}
    assert set(SETTINGS) == {option.removeprefix("--") for option in options}
    own = {one for param in serve_command.command.params for one in param.opts} - {f"--{one}" for one in SHARED}
    assert {f"--{one}" for one in SERVING} == own - {"--insecure", "--public-feed"}


def test_a_folder_called_slotwright_toml(ask: Ask) -> None:
    good()
    Path("slotwright.toml").mkdir()
    is_one_sentence(ask(*find()), 5, "slotwright.toml")


def test_an_option_wins_over_a_setting_that_excludes_it(ask: Ask) -> None:
    good()
    Path("slotwright.toml").write_text("json = true\n")
    said = ask(*find("--ndjson", "--count", "1"))
    assert (said.code, said.out.count("\n")) == (0, 1)


@pytest.mark.parametrize(
    ("name", "value", "code", "part"),
    [
        ("TIMEZONE", "Mars/Base", 5, "'Mars/Base' is no time zone."),
        ("NOW", "now", 5, "'now' is not an instant."),
        ("ENGINE", "fast", 2, "'fast' is not one of 'auto', 'cp-sat'."),
    ],
)
def test_the_environment_is_checked_like_options(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, name: str, value: str, code: int, part: str
) -> None:
    good()
    monkeypatch.setenv(f"SLOTWRIGHT_{name}", value)
    said = ask(*find())
    assert (said.code, said.out) == (code, "")
    assert part in said.err


# Failures of the machine and of the program


class FullDisk(io.RawIOBase):
    """A device on which nothing more can be written."""

    is_full = True

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer, /) -> int:
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return len(memoryview(data))


@pytest.mark.parametrize("form", [(), ("--json",), ("--ndjson",)])
def test_output_that_cannot_be_written_is_an_error(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, form: tuple[str, ...]
) -> None:
    good()
    device = FullDisk()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(device), encoding="utf-8"))
        said = ask(*find(*form))
        device.is_full = False
        sys.stdout.close()
    assert (said.code, said.err.partition("on device")[0]) == (1, "Error: No space left ")


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252"])
def test_a_terminal_without_unicode_still_gets_the_table(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    good()
    written = io.BytesIO()
    narrow = io.TextIOWrapper(written, encoding=encoding)
    monkeypatch.setattr(sys, "stdout", narrow)
    said = ask(*find("--count", "1"))
    narrow.flush()
    assert (said.code, said.err) == (0, "")
    assert b"00:30 UTC" in written.getvalue()


def test_a_fault_of_the_program_is_one_sentence(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    good()

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(find_command, "load", broken)
    said = ask(*find())
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("Internal error: ZeroDivisionError('a fault')") and said.err.count("\n") == 1
    monkeypatch.setenv("SLOTWRIGHT_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        ask(*find())


def test_an_interrupt_exits_with_130(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    good()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(find_command, "load", interrupted)
    said = ask(*find())
    assert (said.code, said.out, said.err.strip()) == (130, "", "Interrupted.")


def test_an_interrupt_while_a_class_is_made_is_one_too(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """As while a library is loaded: until Python 3.12 it becomes a RuntimeError there."""
    good()

    class Field:
        def __set_name__(self, owner: type, name: str) -> None:
            raise KeyboardInterrupt

    def interrupted(*_: object) -> None:
        type("Window", (), {"field": Field()})

    monkeypatch.setattr(find_command, "load", interrupted)
    said = ask(*find())
    assert (said.code, said.out, said.err.strip()) == (130, "", "Interrupted.")


# Hostile values


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "'",
        '"',
        "\\",
        "%s",
        "{}",
        "$(x)",
        "`x`",
        "-1",
        "0",
        "null",
        "../..",
        "a" * 10_000,
        "日本",
        "\u202e",
        "\n",
    ],
)
@pytest.mark.parametrize(
    "option",
    ["--service", "--schedule", "--start", "--end", "--timezone", "--count", "--combinations", "--occurrences",
     "--ignore-appointment", "--between", "--weekday", "--notice", "--now", "--engine", "--calendar"],
)  # fmt: skip
def test_no_value_of_any_option_ends_in_a_fault(ask: Ask, option: str, value: str) -> None:
    good()
    said = ask(*find(option, value, "--count", "1"))
    assert said.code in (0, 2, 5, 6)
    assert "Internal" not in said.err and "Traceback" not in said.err
    assert said.code == 0 or said.out == ""


@pytest.mark.parametrize(
    "params",
    [
        parameters(duration=10**12),
        parameters(duration=1e300),
        parameters(duration=30, bufferBefore=10**12),
        parameters(duration=30, alignmentOffset=10**15),
        parameters(duration=30, slotCapacity=10**30),
        parameters(duration=30, bookingLimit=(10**30, 10**30, "mo")),
    ],
)
def test_numbers_beyond_all_use_are_no_fault(ask: Ask, params: Resource) -> None:
    save(service(params=params), practitioner("a"), schedule("a"))
    said = ask(*find("--count", "1"))
    assert said.code in (0, 3, 5)
    assert "Internal" not in said.err


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_the_ends_of_the_calendar_are_no_fault(ask: Ask, year: str) -> None:
    save(
        service(),
        practitioner("a", "America/New_York"),
        schedule("a", parameters(availability=[hours("mon tue wed thu fri sat sun", "22:00:00", "06:00:00")])),
    )
    for month in ("01-01", "12-30", "12-31"):
        for zone in ("Pacific/Kiritimati", "America/New_York", "Etc/UTC"):
            day = f"{year}-{month}"
            said = ask(*find("--between", "23:00-01:00", "--timezone", zone, days=("--start", day, "--end", day)))
            assert said.code in (0, 3, 5)
            assert "Internal" not in said.err
