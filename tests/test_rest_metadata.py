"""What the HTTP face says of itself: CapabilityStatement, OperationDefinitions, OpenAPI, judged from outside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import jsonschema_rs
import pytest
import schemathesis
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.operationdefinition import OperationDefinition
from ledger_support import NewClinic
from ledger_support import clinic_fixture as clinic_fixture
from slotwright.io.operations.declared import OPERATIONS
from slotwright.io.rest import answer
from slotwright.io.rest.exchange import Request
from slotwright.io.rest.metadata import statement
from slotwright.io.rest.openapi import document
from support import Resource, refusal

ROOT = Path(__file__).resolve().parent.parent
BASE = "http://127.0.0.1:8103/fhir/R4"
IDS = ["find", "explain", "book", "hold", "confirm", "reschedule", "cancel-by-reference", "cancel"]
TYPES = [
    "Schedule", "Slot", "Appointment", "HealthcareService", "Practitioner", "PractitionerRole", "Location", "Device",
    "Patient", "Organization",
]  # fmt: skip
SEARCHED = {
    "Schedule": {"actor": "reference", "service-type": "token", "identifier": "token", "active": "token"},
    "Slot": {"status": "token", "schedule": "reference", "start": "date", "service-type": "token"},
    "Appointment": {"status": "token", "date": "date", "actor": "reference", "service-type": "token"},
    "HealthcareService": {"name": "string", "active": "token"},
    "Practitioner": {"name": "string", "active": "token"},
    "Patient": {"name": "string", "active": "token", "identifier": "token"},
    "Location": {"name": "string", "identifier": "token"},
}
"""Of issue and standard: some of the search parameters that must be listed, with their types."""


def get(clinic: NewClinic, path: str, **query: str) -> Resource:
    response = answer(
        clinic().ledger, Request("GET", path, query={name: [one] for name, one in query.items()}, base=BASE)
    )
    assert response.status == 200, response
    assert response.resource is not None
    return response.resource


def test_the_capability_statement_is_fhir(clinic: NewClinic) -> None:
    found = get(clinic, "metadata")
    CapabilityStatement.model_validate(found)
    assert (found["fhirVersion"], found["kind"], found["status"]) == ("4.0.1", "instance", "active")
    assert found["implementation"]["url"] == BASE
    assert "application/fhir+json" in found["format"]


def test_the_capability_statement_lists_every_type_with_what_it_searches(clinic: NewClinic) -> None:
    [rest] = get(clinic, "metadata")["rest"]
    listed = {one["type"]: one for one in rest["resource"]}
    assert list(listed) == [*TYPES, "OperationDefinition"]
    for kind in TYPES:
        codes = {one["code"] for one in listed[kind]["interaction"]}
        assert codes == {
            "read", "vread", "search-type", "create", "update", "delete", "history-instance", "history-type",
        }  # fmt: skip
        searched = {one["name"]: one["type"] for one in listed[kind]["searchParam"]}
        assert {"_id": "token", **SEARCHED.get(kind, {})}.items() <= searched.items()
    assert {one["code"] for one in rest["interaction"]} == {"batch", "transaction", "history-system"}


def test_every_search_parameter_that_is_listed_is_known(clinic: NewClinic) -> None:
    ledger = clinic().ledger
    values = {"token": "x", "reference": "Patient/x", "date": "2026-03-10", "string": "x"}
    [rest] = statement(BASE)["rest"]
    for kind in TYPES:
        [listed] = [one["searchParam"] for one in rest["resource"] if one["type"] == kind]
        query = {one["name"]: [values[one["type"]]] for one in listed}
        found = answer(ledger, Request("GET", kind, query, base=BASE, prefer="handling=strict"))
        assert found.status == 200, found


def test_the_search_parameters_that_are_listed_stand_in_the_documentation() -> None:
    section = (ROOT / "docs" / "http.md").read_text().split("### Searches\n\n")[1].split("\n\n")[0]
    rows = [re.findall(r"`([a-z_A-Z-]+)`", line.split("|")[2]) for line in section.splitlines()[2:]]
    kinds = [line.split("|")[1].strip() for line in section.splitlines()[2:]]
    everywhere, documented = rows[0], dict(zip(kinds[1:], rows[1:], strict=True))
    [rest] = statement(BASE)["rest"]
    listed = {one["type"]: {each["name"] for each in one["searchParam"]} for one in rest["resource"]}
    assert {kind: {*everywhere, *names} for kind, names in documented.items()} == {one: listed[one] for one in TYPES}


def test_every_operation_is_listed_with_a_definition_that_can_be_read(clinic: NewClinic) -> None:
    [rest] = get(clinic, "metadata")["rest"]
    [listed] = [one["operation"] for one in rest["resource"] if "operation" in one]
    assert rest["operation"] == [{"name": "bulk-publish", "definition": f"{BASE}/OperationDefinition/bulk-publish"}]
    urls = {one["definition"]: one["name"] for one in listed}
    assert list(urls) == [f"{BASE}/OperationDefinition/Appointment-{one}" for one in IDS]
    for url, name in urls.items():
        found = get(clinic, url.removeprefix(f"{BASE}/"))
        OperationDefinition.model_validate(found)
        assert (found["url"], found["code"], found["resource"]) == (url, name, ["Appointment"])
        assert [one["name"] for one in found["parameter"] if one["use"] == "out"] == ["return"]


def test_the_definition_of_the_feed_is_one_of_the_system(clinic: NewClinic) -> None:
    found = get(clinic, "OperationDefinition/bulk-publish")
    OperationDefinition.model_validate(found)
    assert (found["system"], found["type"], found["instance"], found["affectsState"]) == (True, False, False, False)


def test_the_definition_of_find_says_what_find_reads(clinic: NewClinic) -> None:
    # find 1
    found = get(clinic, "OperationDefinition/Appointment-find")
    assert (found["type"], found["instance"], found["system"], found["affectsState"]) == (True, False, False, False)
    given = {one["name"]: one for one in found["parameter"] if one["use"] == "in"}
    assert {name: (one["min"], one["max"], one["type"]) for name, one in given.items()} == {
        "start": (1, "1", "dateTime"),
        "end": (1, "1", "dateTime"),
        "service-type-reference": (1, "1", "Reference"),
        "schedule": (1, "*", "Reference"),
        "_count": (0, "1", "integer"),
        "combinations": (0, "1", "positiveInt"),
        "occurrence-count": (0, "1", "positiveInt"),
        "ignore-appointment": (0, "1", "Reference"),
    }
    assert given["_count"]["documentation"].endswith("1 to 1000. Without it 20.")
    assert given["schedule"]["targetProfile"] == ["http://hl7.org/fhir/StructureDefinition/Schedule"]
    assert [one["name"] for one in given["schedule"]["part"]] == ["schedule"]


def test_the_definition_of_confirm_says_which_codes_there_are(clinic: NewClinic) -> None:
    found = get(clinic, "OperationDefinition/Appointment-confirm")
    assert (found["type"], found["instance"], found["affectsState"]) == (False, True, True)
    occurrences = found["parameter"][0]["documentation"]
    assert occurrences.endswith("One of this, this-and-following, all. Without it this.")


@pytest.mark.parametrize(
    "query, ids",
    [
        ({}, [*(f"Appointment-{one}" for one in IDS), "bulk-publish"]),
        ({"code": "cancel"}, ["Appointment-cancel-by-reference", "Appointment-cancel"]),
        ({"_id": "Appointment-book,Appointment-hold"}, ["Appointment-book", "Appointment-hold"]),
        ({"url": f"{BASE}/OperationDefinition/Appointment-find"}, ["Appointment-find"]),
        ({"code": "cancel", "_id": "Appointment-book"}, []),
        ({"code": "nothing"}, []),
    ],
)
def test_definitions_are_searched(clinic: NewClinic, query: dict[str, str], ids: list[str]) -> None:
    found = get(clinic, "OperationDefinition", **query)
    Bundle.model_validate(found)
    assert found["total"] == len(ids)
    assert [one["resource"]["id"] for one in found.get("entry", [])] == ids


@pytest.mark.parametrize(
    "method, path, expected",
    [
        ("GET", "OperationDefinition/nothing", (404, "not-found")),
        ("GET", "OperationDefinition/Appointment-find/more", (404, "not-found")),
        ("POST", "OperationDefinition", (405, "not-supported")),
        ("DELETE", "OperationDefinition/Appointment-find", (405, "not-supported")),
        ("POST", "metadata", (405, "not-supported")),
    ],
)
def test_what_describes_is_only_read(clinic: NewClinic, method: str, path: str, expected: tuple[int, str]) -> None:
    response = answer(clinic().ledger, Request(method, path, base=BASE))
    assert response.resource is not None
    assert refusal((response.status, response.resource))[:2] == expected


# The OpenAPI document


def walk(value: Any) -> Iterator[dict[str, Any]]:
    """All objects in a JSON value."""
    if isinstance(value, dict):
        found = cast("dict[str, Any]", value)
        yield found
        for one in found.values():
            yield from walk(one)
    elif isinstance(value, list):
        for one in cast("list[Any]", value):
            yield from walk(one)


@pytest.mark.parametrize("has_tokens", [False, True])
def test_the_document_is_openapi(has_tokens: bool) -> None:
    found = document(BASE, has_tokens=has_tokens)
    schemathesis.openapi.from_dict(found).validate()
    for schema in found["components"]["schemas"].values():
        assert jsonschema_rs.meta.is_valid(schema)


def test_every_reference_of_the_document_leads_somewhere() -> None:
    found = document(BASE, has_tokens=True)
    references = {str(one["$ref"]) for one in walk(found) if "$ref" in one}
    assert references
    for one in references:
        place: Any = found
        for step in one.removeprefix("#/").split("/"):
            place = place[step]


def test_the_document_has_every_operation_and_every_type() -> None:
    paths = document(BASE)["paths"]
    for one in OPERATIONS:
        assert "post" in paths[f"/fhir/R4/{one.path}"]
    assert [path for path in paths if "get" in paths[path] and "$" in path] == [
        "/fhir/R4/$bulk-publish",
        "/fhir/R4/$bulk-publish/{file}",
        "/fhir/R4/Appointment/$find",
        "/fhir/R4/Appointment/$explain",
        "/fhir/R4/Schedule/{id}/$find",
    ]
    for kind in TYPES:
        assert {"get", "post"} <= set(paths[f"/fhir/R4/{kind}"])
        assert {"get", "put", "delete"} <= set(paths[f"/fhir/R4/{kind}/{{id}}"])
    assert {"/healthz", "/openapi.json", "/fhir/R4/metadata", "/fhir/R4"} <= set(paths)


def test_operation_ids_are_different() -> None:
    ids = [str(one["operationId"]) for one in walk(document(BASE, has_tokens=True)) if "operationId" in one]
    assert len(ids) == len(set(ids)) > 70


def test_behind_a_proxy_with_another_path_only_fhir_is_described() -> None:
    found = document("https://clinic.example/api")
    assert found["servers"] == [{"url": "https://clinic.example/api"}]
    assert "/Appointment/$find" in found["paths"] and "/healthz" not in found["paths"]
    assert document(BASE)["servers"] == [{"url": "http://127.0.0.1:8103"}]
