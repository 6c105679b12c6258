"""The operations as they are declared, against the specification's tables; and what earlier interfaces had."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ledger_support import NewClinic, body, visit
from ledger_support import clinic_fixture as clinic_fixture
from slotwright.cli.main import run
from slotwright.io import invoke
from slotwright.io.operations.declared import OPERATIONS
from slotwright.io.rest import answer
from slotwright.io.rest.exchange import Request
from support import Resource, refusal

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)

# find 1, operations 2, 4, 6 and 8, and $explain, which has the parameters of $find: name, type, cardinality.
SPECIFIED = {
    "Appointment/$find": {
        "start": ("dateTime", "1"),
        "end": ("dateTime", "1"),
        "service-type-reference": ("Reference", "1"),
        "schedule": ("Reference", "1..*"),
        "_count": ("integer", "0..1"),
        "combinations": ("positiveInt", "0..1"),
        "occurrence-count": ("positiveInt", "0..1"),
        "ignore-appointment": ("Reference", "0..1"),
    },
    "Appointment/$explain": {
        "start": ("dateTime", "1"),
        "end": ("dateTime", "1"),
        "service-type-reference": ("Reference", "1"),
        "schedule": ("Reference", "1..*"),
        "occurrence-count": ("positiveInt", "0..1"),
        "ignore-appointment": ("Reference", "0..1"),
        "_count": ("integer", "0..1"),
        "combinations": ("positiveInt", "0..1"),
        "at": ("dateTime", "0..1"),
    },
    "Appointment/$book": {"appointment": ("Appointment", "1")},
    "Appointment/$hold": {"appointment": ("Appointment", "1"), "hold-minutes": ("positiveInt", "0..1")},
    "Appointment/{id}/$confirm": {"occurrences": ("code", "0..1")},
    "Appointment/{id}/$reschedule": {"start": ("dateTime", "1"), "schedule": ("Reference", "1..*")},
    "Appointment/$cancel": {
        "appointment-reference": ("Reference", "1"),
        "cancelationReason": ("CodeableConcept", "0..1"),
    },
    "Appointment/{id}/$cancel": {"cancelationReason": ("CodeableConcept", "0..1")},
}


def test_the_operations_are_those_of_the_specification() -> None:
    declared = {one.path: {each.name: (each.type, each.cardinality) for each in one.parameters} for one in OPERATIONS}
    assert declared == SPECIFIED


def test_what_is_answered_is_that_of_the_specification() -> None:
    # operations 1: the table of answers.
    assert {one.path: (one.success, one.returns.type) for one in OPERATIONS} == {
        "Appointment/$find": (200, "Bundle"),
        "Appointment/$explain": (200, "Parameters"),
        "Appointment/$book": (201, "Bundle"),
        "Appointment/$hold": (201, "Bundle"),
        "Appointment/{id}/$confirm": (200, "Bundle"),
        "Appointment/{id}/$reschedule": (200, "Bundle"),
        "Appointment/$cancel": (200, "Bundle"),
        "Appointment/{id}/$cancel": (200, "Appointment"),
    }
    assert [one.path for one in OPERATIONS if not one.changes_state] == [
        "Appointment/$find",
        "Appointment/$explain",
    ]


# What earlier interfaces had: each is refused with the name of what took its place, whichever door is used.

WINDOW = (("start", "valueDateTime", "2026-03-16T09:00:00Z"), ("end", "valueDateTime", "2026-03-16T10:00:00Z"))
SLOT: Resource = {k: v for k, v in visit("a", "09:00").items() if k != "status"} | {"status": "free"}
REMOVED: list[Any] = [
    pytest.param(
        "Schedule/a/$find",
        body(*WINDOW, ("service-type-reference", "valueString", "HealthcareService/checkup")),
        "Operation 'Schedule/a/$find' is no longer supported, use Appointment/$find",
        id="find-on-a-schedule",
    ),
    pytest.param(
        "Appointment/$find",
        body(*WINDOW, ("schedule", "valueString", "Schedule/a"), ("service-type", "valueString", "http://e.org|chk")),
        "Parameter 'service-type' of $find is no longer supported, use 'service-type-reference': the reference of a "
        "HealthcareService",
        id="service-type-by-code",
    ),
    *(
        pytest.param(
            f"Appointment/{name}",
            body(("slot", "resource", SLOT)),
            f"Parameter 'slot' of {name} is no longer supported, use 'appointment': an Appointment with contained "
            "Slots as $find proposes it",
            id=f"{name[1:]}-of-slots",
        )
        for name in ("$book", "$hold")
    ),
]


@pytest.mark.parametrize("operation, sent, text", REMOVED)
def test_what_was_removed_names_its_replacement(
    clinic: NewClinic,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    operation: str,
    sent: Resource,
    text: str,
) -> None:
    ledger = clinic().ledger
    expected = (400, "not-supported", text, None)
    assert refusal(invoke(ledger, operation, body=sent, now=NOW)) == expected
    response = answer(ledger, Request("POST", operation, body=sent))
    assert response.resource is not None
    assert refusal((response.status, response.resource)) == expected
    file = tmp_path / "sent.json"
    file.write_text(json.dumps(sent))
    code = run(["op", operation, "--ledger", str(tmp_path / "0.ledger"), "--body", str(file)])
    assert (code, json.loads(capsys.readouterr().out)) == (5, response.resource)


@pytest.mark.parametrize(
    "query", [{"service-type": ["chk"]}, {"service-type": ["chk"], "service-type-reference": [""]}]
)
def test_the_removed_forms_of_find_are_refused_in_queries_too(clinic: NewClinic, query: dict[str, list[str]]) -> None:
    ledger = clinic().ledger
    for operation, word in (("Schedule/a/$find", "Appointment/$find"), ("Appointment/$find", "HealthcareService")):
        response = answer(ledger, Request("GET", operation, query=query))
        assert response.resource is not None
        status, code, text, _ = refusal((response.status, response.resource))
        assert (status, code, word in text) == (400, "not-supported", True)
        assert invoke(ledger, operation, query=query) == (response.status, response.resource)


def test_a_removed_parameter_beside_its_replacement_is_ignored(clinic: NewClinic) -> None:
    one = clinic()
    found = one.find("a", "09:00", "10:00", service_type="http://e.org|chk")
    assert [each["start"][11:16] for each in found] == ["09:00", "09:30"]
    assert one.book(found[0], ("slot", "resource", SLOT))[0] == 201


@pytest.mark.parametrize("sent", [None, {}, body()])
def test_operations_that_need_nothing_take_an_empty_body(clinic: NewClinic, sent: Resource | None) -> None:
    one = clinic()
    held = one.held(visit("a", "09:00"))
    confirmed = one.ask(f"Appointment/{held['id']}/$confirm", sent)
    assert (confirmed[0], confirmed[1]["entry"][0]["resource"]["status"]) == (200, "booked")
    assert one.ask(f"Appointment/{held['id']}/$cancel", sent)[1]["status"] == "cancelled"


@pytest.mark.parametrize("operation", ["Appointment/$cancel", "Appointment/x/$reschedule", "Appointment/$book"])
def test_an_empty_object_is_no_request_where_something_is_needed(clinic: NewClinic, operation: str) -> None:
    assert refusal(clinic().ask(operation, {})) == (400, "invalid", "Invalid request body", None)
