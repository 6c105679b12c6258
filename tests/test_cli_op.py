"""`slotwright op`: FHIR in, FHIR out, and an exit code for each group of errors."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from slotwright.cli.main import run
from slotwright.io import invoke, open_calendar
from support import Resource, appointment, practitioner, schedule, service, slot

CLINIC = Path(__file__).resolve().parent.parent / "examples" / "clinic"
THE_CLINIC = open_calendar(str(CLINIC))
FIND = "Appointment/$find"
Query = dict[str, str | list[str]]


class Said(NamedTuple):
    """The exit code, and what was printed."""

    code: int
    out: str
    err: str

    @property
    def resource(self) -> Resource:
        """What standard output holds, and nothing else."""
        return json.loads(self.out)

    @property
    def text(self) -> str:
        """The text of an OperationOutcome with one error."""
        assert self.resource["resourceType"] == "OperationOutcome"
        (issue,) = self.resource["issue"]
        assert issue["severity"] == "error"
        return issue["details"]["text"]

    @property
    def starts(self) -> list[str]:
        """The starts offered in a searchset, `09:30`."""
        assert (self.resource["resourceType"], self.resource["type"]) == ("Bundle", "searchset")
        return [entry["resource"]["start"][11:16] for entry in self.resource.get("entry", [])]


Ask = Callable[..., Said]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Runs `slotwright op` in an empty folder; `stdin` is what standard input holds."""
    monkeypatch.chdir(tmp_path)
    for name in ("CALENDAR", "NOW", "TIMEZONE", "ENGINE"):
        monkeypatch.delenv(f"SLOTWRIGHT_{name}", raising=False)

    def asked(*arguments: str, stdin: bytes = b"") -> Said:
        capsys.readouterr()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = run(["op", *arguments])
        printed = capsys.readouterr()
        return Said(code, printed.out, printed.err)

    return asked


def save(*resources: Resource) -> None:
    text = "".join(f"{json.dumps(one)}\n" for one in resources)
    Path("calendar.ndjson").write_text(text, encoding="utf-8")


def small(*more: Resource) -> None:
    """Schedule a, always open, half hours in UTC; and an inactive service."""
    save(service(), service("closed", active=False), practitioner("a"), schedule("a"), *more)


SMALL: Query = {
    "start": "2026-03-10T09:00:00Z",
    "end": "2026-03-10T10:00:00Z",
    "service-type-reference": "HealthcareService/checkup",
    "schedule": "Schedule/a",
}


def query(asked: Query) -> str:
    return urlencode(asked, doseq=True)


def parameters_of(asked: Query) -> Resource:
    """A Parameters resource for a query; counts are integers, everything else is text."""
    pairs = [(name, one) for name, value in asked.items() for one in ([value] if isinstance(value, str) else value)]
    numbers = ("_count", "combinations", "occurrence-count")
    entries = (
        {"name": name, "valueInteger": int(one)} if name in numbers else {"name": name, "valueString": one}
        for name, one in pairs
    )
    return {"resourceType": "Parameters", "parameter": list(entries)}


def in_small(asked: Query) -> tuple[str, ...]:
    return FIND, "--calendar", "calendar.ndjson", "--query", query(asked)


# Answers

SURGERY: Query = {
    "start": "2026-03-10T00:00:00-04:00",
    "end": "2026-03-13T00:00:00-04:00",
    "service-type-reference": "HealthcareService/bariatric-surgery",
    "schedule": ["Schedule/dr-martinez", "Schedule/or-1,Schedule/or-2"],
}
ASKED: list[Query] = [
    SURGERY,
    SURGERY | {"_count": "3"},
    SURGERY | {"combinations": "2"},
    SURGERY | {"occurrence-count": "2"},
    SURGERY | {"start": "2026-03-10", "end": "2026-03-11"},
]


@pytest.mark.parametrize("asked", ASKED)
def test_a_query_prints_what_the_operation_answers(ask: Ask, asked: Query) -> None:
    status, expected = invoke(THE_CLINIC, FIND, query=asked)
    said = ask(FIND, "--calendar", str(CLINIC), "--query", query(asked))
    assert status == 200
    assert (said.code, said.resource, said.err) == (0, expected, "")


@pytest.mark.parametrize("asked", ASKED)
def test_a_parameters_resource_on_standard_input_or_in_a_file_says_the_same(ask: Ask, asked: Query) -> None:
    _, expected = invoke(THE_CLINIC, FIND, query=asked)
    body = json.dumps(parameters_of(asked)).encode()
    Path("body.json").write_bytes(body)
    at = (FIND, "--calendar", str(CLINIC))
    for said in (ask(*at, stdin=body), ask(*at, "--body", "-", stdin=body), ask(*at, "--body", "body.json")):
        assert (said.code, said.resource, said.err) == (0, expected, "")


def test_pools_by_part(ask: Ask) -> None:
    part = [{"name": "schedule", "valueString": f"Schedule/or-{n}"} for n in (1, 2)]
    body = parameters_of(SURGERY | {"schedule": ["Schedule/dr-martinez"]})
    body["parameter"].append({"name": "schedule", "part": part})
    said = ask(FIND, "--calendar", str(CLINIC), stdin=json.dumps(body).encode())
    assert (said.code, said.resource) == (0, invoke(THE_CLINIC, FIND, query=SURGERY)[1])


def test_both_engines_answer_alike(ask: Ask) -> None:
    at = (FIND, "--calendar", str(CLINIC), "--query", query(SURGERY | {"_count": "3"}))
    assert ask(*at, "--engine", "cp-sat") == ask(*at, "--engine", "auto") == ask(*at)


def test_an_empty_bundle_is_a_success(ask: Ask) -> None:
    small()
    said = ask(*in_small(SMALL | {"end": "2026-03-10T09:10:00Z"}))
    assert (said.code, said.resource, said.err) == (0, {"resourceType": "Bundle", "type": "searchset"}, "")


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(
            "start=2026-03-10T09:00:00Z&end=2026-03-10T10:00:00Z"
            "&service-type-reference=HealthcareService/checkup&schedule=Schedule/a",
            id="plain",
        ),
        pytest.param(
            "?start=2026-03-10T11:00:00+02:00&end=2026-03-10T12:00:00%2B02:00"
            "&service-type-reference=HealthcareService%2Fcheckup&schedule=Schedule%2Fa",
            id="escaped, and a plus that is not",
        ),
        pytest.param(
            "start=2026-03-10T09:00:00Z&end=2026-03-10T10:00:00Z&_count=&combinations=&unknown=x&=&&"
            "service-type-reference=HealthcareService/checkup&schedule=,Schedule/a,&schedule=&schedule=,",
            id="empty values and unknown names",
        ),
    ],
)
def test_a_query_as_in_a_url(ask: Ask, written: str) -> None:
    small()
    said = ask(FIND, "--calendar", "calendar.ndjson", "--query", written)
    assert (said.code, said.starts) == (0, ["09:00", "09:30"])


def test_now_decides_which_holds_have_lapsed(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    held = slot("s", "a", "2026-03-10T09:00:00Z", "2026-03-10T09:30:00Z", "busy-tentative")
    small(held, appointment("x", ["s"], status="pending", hold_expires="2026-03-09T12:00:00Z"))
    assert ask(*in_small(SMALL), "--now", "2026-03-09T11:59:59.999Z").starts == ["09:30"]
    assert ask(*in_small(SMALL), "--now", "2026-03-09T12:00:00Z").starts == ["09:00", "09:30"]
    monkeypatch.setenv("SLOTWRIGHT_NOW", "2026-03-09T11:00:00Z")
    assert ask(*in_small(SMALL)).starts == ["09:30"]


def test_the_calendar_may_come_from_the_environment_or_the_file(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    small()
    monkeypatch.setenv("SLOTWRIGHT_CALENDAR", "calendar.ndjson")
    assert ask(FIND, "--query", query(SMALL)).code == 0
    monkeypatch.delenv("SLOTWRIGHT_CALENDAR")
    Path("slotwright.toml").write_text('calendar = ["calendar.ndjson"]\ncount = 5\n')
    assert ask(FIND, "--query", query(SMALL)).starts == ["09:00", "09:30"]


def test_the_calendar_on_standard_input(ask: Ask) -> None:
    small()
    content = Path("calendar.ndjson").read_bytes()
    said = ask(FIND, "--calendar", "-", "--query", query(SMALL), stdin=content)
    assert (said.code, said.starts) == (0, ["09:00", "09:30"])


def test_warnings_are_no_part_of_the_answer(ask: Ask) -> None:
    small(schedule("x"))
    said = ask(*in_small(SMALL))
    assert said.starts == ["09:00", "09:30"]
    assert said.err == "Warning: Schedule/x refers to Practitioner/x, which is not among the resources loaded.\n"


# Refusals: an OperationOutcome on standard output, the exit code of the group (operations 9)


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"start": ""}, 5, "Expected at least 1 value(s) for required input parameter 'start'"),
        ({"start": "tomorrow"}, 5, "Invalid search time range"),
        ({"start": "2026-03-11"}, 5, "Invalid search time range"),
        ({"end": "2026-04-11"}, 5, "Search range cannot exceed 31 days"),
        ({"end": "2026-03-18", "occurrence-count": "2"}, 5, "Search range cannot exceed 7 days"),
        ({"_count": "abc"}, 5, "Invalid value 'abc' provided for integer parameter '_count'"),
        ({"_count": "0"}, 5, "Invalid _count, minimum required is 1"),
        ({"combinations": "101"}, 5, "Invalid combinations, maximum allowed is 100"),
        ({"start": ["2026-03-10", "2026-03-11"]}, 5, "Expected 1 value(s) for input parameter start, but 2 provided"),
        ({"schedule": "a"}, 5, "Invalid schedule reference"),
        ({"service-type-reference": "HealthcareService/closed"}, 5, "HealthcareService is inactive"),
        ({"service-type-reference": "HealthcareService/nope"}, 6, "HealthcareService not found"),
        ({"schedule": "Schedule/nope"}, 6, "Loading schedule failed"),
        ({"ignore-appointment": "Appointment/nope"}, 6, "Appointment not found"),
    ],
)
def test_a_refusal_is_an_outcome_with_the_exit_code_of_its_group(
    ask: Ask, changes: Query, code: int, text: str
) -> None:
    small()
    asked = SMALL | changes
    said = ask(*in_small(asked))
    assert (said.code, said.text, said.err) == (code, text, "")
    _, expected = invoke(open_calendar("calendar.ndjson"), FIND, query=asked)
    assert said.resource == expected


@pytest.mark.parametrize(
    "operation",
    [
        "Appointment/$book",
        "Appointment/$hold",
        "Appointment/x/$confirm",
        "Appointment/x/$reschedule",
        "Appointment/$cancel",
        "Appointment/x/$cancel",
    ],
)
def test_writes_on_a_calendar_belong_to_the_ledger_group(ask: Ask, operation: str) -> None:
    small()
    said = ask(operation, "--calendar", "calendar.ndjson", stdin=b'{"resourceType": "Parameters"}')
    assert (said.code, said.text, said.err) == (7, "Ledger is not writable", "")
    assert said.resource["issue"][0]["code"] == "not-supported"


@pytest.mark.parametrize(
    "operation",
    [
        "Appointment/$nope",
        "$find",
        "Appointment/x/$find",
        "Appointment/$confirm",
        "",
        "Appointment/$find?_count=1",
        "Ж",
    ],
)
def test_an_operation_that_is_none_is_wrong_use(ask: Ask, operation: str) -> None:
    small()
    said = ask(operation, "--calendar", "calendar.ndjson", "--query", query(SMALL))
    assert (said.code, said.err) == (2, "")
    assert said.text.startswith(f"Unknown operation '{operation}', expected one of Appointment/$find, ")


@pytest.mark.parametrize(
    "body",
    [
        b"not JSON",
        b'{"resourceType": "Parameters", "parameter": [}',
        b'{"resourceType": "Parameters", "parameter": {"name": "start"}}',
        b'{"resourceType": "Parameters", "parameter": ["x"]}',
        b'{"resourceType": "Bundle"}',
        b"{}",
        b"[]",
        b"5",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b"[" * 5000 + b"]" * 5000,
    ],
)
def test_a_body_that_is_no_parameters_resource(ask: Ask, body: bytes) -> None:
    small()
    said = ask(FIND, "--calendar", "calendar.ndjson", stdin=body)
    assert (said.code, said.text, said.err) == (5, "Invalid request body", "")


@pytest.mark.parametrize("body", [b"", b" \n"])
def test_no_body_has_no_parameters(ask: Ask, body: bytes) -> None:
    small()
    said = ask(FIND, "--calendar", "calendar.ndjson", stdin=body)
    assert (said.code, said.text) == (5, "Expected at least 1 value(s) for required input parameter 'start'")


@pytest.mark.parametrize(
    ("parameter", "text"),
    [
        ({"name": "_count", "valueString": "5"}, None),
        ({"name": "_count", "valueInteger": "5"}, "Invalid value '5' provided for integer parameter '_count'"),
        ({"name": "_count", "valueInteger": True}, "Invalid value 'True' provided for integer parameter '_count'"),
        ({"name": "schedule", "valueReference": "Schedule/a"}, "Invalid schedule reference"),
        ({"name": "schedule", "part": "Schedule/a"}, None),
        ({"name": 5, "valueInteger": 5}, None),
        ({}, None),
    ],
)
def test_parameters_of_odd_shape(ask: Ask, parameter: dict[str, Any], text: str | None) -> None:
    small()
    body = parameters_of(SMALL)
    body["parameter"].append(parameter)
    said = ask(FIND, "--calendar", "calendar.ndjson", stdin=json.dumps(body).encode())
    assert said.err == ""
    assert (said.code, said.text) == (5, text) if text else said.starts == ["09:00", "09:30"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "calendar.json does not exist. Give a file, a folder, or - for standard input."),
        (b"", "calendar.json is empty. Expected FHIR resources as JSON or NDJSON."),
        (b'{"id": "a"}', "A document (calendar.json) has no resourceType, so it is not a FHIR resource."),
        (
            b'{"resourceType": "Bundle",\n "entry": [}',
            "calendar.json, line 2: not readable as JSON, unexpected character, expected a JSON value at column 12.",
        ),
    ],
)
def test_a_calendar_that_cannot_be_loaded_is_an_outcome_too(ask: Ask, content: bytes | None, text: str) -> None:
    if content is not None:
        Path("calendar.json").write_bytes(content)
    said = ask(FIND, "--calendar", "calendar.json", "--query", query(SMALL))
    assert said.code == 5
    start, _, rest = said.text.partition(" at column ")
    assert start == text.partition(" at column ")[0]
    assert bool(rest) == (" at column " in text)


def test_a_now_that_is_no_instant_is_an_outcome_too(ask: Ask) -> None:
    small()
    said = ask(*in_small(SMALL), "--now", "tomorrow")
    text = "--now 'tomorrow' is not an instant. Write it as 2026-03-09T12:00:00Z."
    assert (said.code, said.text) == (5, text)


# Wrong use of the command line: no outcome, a sentence on standard error


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((FIND, "--query", "a=b"), "SLOTWRIGHT_LEDGER names it for every command."),
        (("--calendar", "x", "--query", "a=b"), "Missing argument 'OPERATION'."),
        ((FIND, "more", "--calendar", "x", "--query", "a=b"), "Got unexpected extra argument (more)"),
        ((FIND, "--calendar", "x", "--engine", "fast"), "'fast' is not one of 'auto', 'cp-sat'."),
        (
            (FIND, "--calendar", "-"),
            "Standard input cannot be both --calendar and the body. Give --query, or --body FILE.",
        ),
    ],
)
def test_wrong_use_is_a_sentence_on_standard_error(ask: Ask, arguments: tuple[str, ...], sentence: str) -> None:
    said = ask(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.splitlines()[-1].startswith("Error: ")
    assert said.err.splitlines()[-1].endswith(sentence)


def test_nobody_waits_for_a_body_typed_into_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(typed, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdin", typed)
    assert run(["op", FIND, "--calendar", "x"]) == 2
    assert capsys.readouterr().err.endswith(
        "Error: Give the parameters by --query, or a Parameters resource on standard input.\n"
    )


# A body that cannot be read


@pytest.mark.parametrize("path", ["missing.json", "folder"])
def test_a_body_that_cannot_be_read_is_invalid_input_with_its_place(ask: Ask, path: str) -> None:
    small()
    Path("folder").mkdir()
    said = ask(FIND, "--calendar", "calendar.ndjson", "--body", path)
    assert said.code == 5
    assert path in said.out + said.err
    assert "Internal error" not in said.err


def test_a_query_and_a_body_contradict_each_other(ask: Ask) -> None:
    small()
    Path("body.json").write_text(json.dumps(parameters_of(SMALL | {"_count": "1"})))
    said = ask(*in_small(SMALL), "--body", "body.json")
    assert said.code in (2, 5)
    assert "entry" not in said.out


# Text that is no UTF-8


def test_a_calendar_named_in_other_bytes_is_an_outcome(ask: Ask) -> None:
    name = os.fsdecode(b"caf\xe9.json")
    said = ask(FIND, "--calendar", name, "--query", query(SMALL))
    assert said.code == 5
    assert "does not exist" in said.text


def test_an_operation_in_other_bytes_is_an_outcome(ask: Ask) -> None:
    small()
    said = ask(os.fsdecode(b"Appointment/\xe9"), "--calendar", "calendar.ndjson", "--query", query(SMALL))
    assert said.code == 2
    assert said.text.startswith("Unknown operation ")


def test_a_query_in_other_bytes_is_read(ask: Ask) -> None:
    small()
    broken = os.fsdecode(b"&schedule=Schedule/\xe9&_count=%ff")
    said = ask(FIND, "--calendar", "calendar.ndjson", "--query", query(SMALL) + broken)
    assert said.code == 5
    assert "Internal" not in said.out + said.err
