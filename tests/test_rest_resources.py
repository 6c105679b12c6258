"""`read`, `create`, `update` and `delete` (FHIR R4, http.html), and what they leave in the ledger."""

from __future__ import annotations

import pytest
from rest_support import BASE, NewFace, Said, resource_of, said
from rest_support import face_fixture as face_fixture
from slotwright.io.rest.types import SERVED
from support import Resource, slot

MARIA: Resource = {"resourceType": "Patient", "name": [{"family": "Martinez", "given": ["Maria"]}]}
LAST_MODIFIED = "Thu, 01 Jan 2026 00:00:00 GMT"


def test_what_is_read_has_its_version_and_its_time(face: NewFace) -> None:
    found = face().get("Schedule/a")
    assert found.status == 200
    assert found.resource is not None and found.resource["meta"]["versionId"] == "1"
    assert found.headers == {"ETag": 'W/"1"', "Last-Modified": LAST_MODIFIED}


@pytest.mark.parametrize(
    "tags, status", [('W/"1"', 304), ('"1"', 304), ('W/"7", W/"1"', 304), ("*", 304), ('W/"2"', 200), ("x", 200)]
)
def test_what_the_client_has_already_is_not_sent(face: NewFace, tags: str, status: int) -> None:
    found = face().get("Schedule/a", if_none_match=tags)
    assert found.status == status
    assert (found.resource is None) == (status == 304)
    assert found.headers["ETag"] == 'W/"1"'


def test_what_is_not_there(face: NewFace) -> None:
    clinic = face()
    assert said(clinic.get("Slot/none")) == Said(404, "not-found", "Not found")
    assert said(clinic.get("Nonsense/x")) == Said(404, "not-supported", "Resource type 'Nonsense' is not supported")
    assert said(clinic.get("slot/x")) == Said(404, "not-supported", "Resource type 'slot' is not supported")
    assert said(clinic.get("Slot/x/y/z")) == Said(404, "not-found", "Not found")


def test_what_was_deleted_is_gone(face: NewFace) -> None:
    clinic = face()
    assert clinic.put({**MARIA, "id": "p"}).status == 201
    assert clinic.delete("Patient/p") == clinic.delete("Patient/p") == clinic.delete("Patient/never")
    assert clinic.delete("Patient/p").status == 204
    assert said(clinic.get("Patient/p")) == Said(410, "deleted", "Gone")
    *_, entry = clinic.ledger.entries()
    assert (entry.kind, entry.changes[0].reference, entry.changes[0].digest) == ("delete", "Patient/p", None)


def test_a_resource_is_created_under_an_id_of_the_ledger(face: NewFace) -> None:
    clinic = face()
    made = clinic.post({**MARIA, "id": "mine", "meta": {"tag": [{"code": "vip"}], "versionId": "9"}}, who="Ann")
    stored = resource_of(made, 201)
    assert stored["id"] != "mine"
    assert stored["meta"] == {"tag": [{"code": "vip"}], "versionId": "1", "lastUpdated": "2026-01-01T00:00:00.000Z"}
    assert made.headers == {
        "ETag": 'W/"1"',
        "Last-Modified": LAST_MODIFIED,
        "Location": f"{BASE}/Patient/{stored['id']}/_history/1",
    }
    assert clinic.ledger.read(f"Patient/{stored['id']}") == stored
    *_, entry = clinic.ledger.entries()
    assert (entry.kind, entry.input) == ("create", {"who": "Ann"})


@pytest.mark.parametrize("kind", SERVED)
def test_every_type_served_can_be_written_read_and_deleted(face: NewFace, kind: str) -> None:
    clinic = face()
    given: Resource = {"resourceType": kind, "id": "x"}
    given |= {"Slot": slot("x", "a", "2026-03-16T09:00:00Z", "2026-03-16T10:00:00Z", "free"),
              "Appointment": {"status": "booked"}}.get(kind, {})  # fmt: skip
    assert clinic.put(given).status == 201
    assert clinic.found(f"{kind}?_id=x") == ["x"]
    assert clinic.delete(f"{kind}/x").status == 204
    assert clinic.found(f"{kind}?_id=x") == []


def test_other_types_are_read_and_not_written(face: NewFace) -> None:
    clinic = face({"resourceType": "Encounter", "id": "e"})
    assert clinic.get("Encounter/e").status == 200
    assert clinic.found("Encounter") == ["e"]
    for refused in (clinic.delete("Encounter/e"), clinic.put({"resourceType": "Encounter", "id": "e"})):
        assert said(refused)[:2] == (404, "not-supported")


def test_an_update_counts_versions_and_minds_if_match(face: NewFace) -> None:
    clinic = face()
    assert clinic.put({**MARIA, "id": "p"}, if_match='W/"1"').status == 412
    assert clinic.put({**MARIA, "id": "p"}).status == 201
    changed = {**MARIA, "id": "p", "gender": "female"}
    assert said(clinic.put(changed, if_match='W/"2"')) == Said(
        412, "conflict", "Patient/p has version 1, expected version 2."
    )
    updated = clinic.put(changed, if_match='W/"1"')
    assert (updated.status, updated.headers["ETag"]) == (200, 'W/"2"')
    assert said(clinic.delete("Patient/p", if_match='W/"1"'))[:2] == (412, "conflict")
    assert said(clinic.put(changed, if_match="yes"))[:2] == (400, "invalid")
    assert clinic.put(changed, if_none_match="*").status == 412
    assert clinic.delete("Patient/p", if_match='W/"2"').status == 204


@pytest.mark.parametrize("id", ["ò", "a_b", "a:b", "a%b", "-" * 65])
def test_an_update_makes_nothing_under_an_id_that_fhir_does_not_know(face: NewFace, id: str) -> None:
    clinic = face()
    refused = said(clinic.put({**MARIA, "id": id}))
    assert (refused.status, refused.code) == (400, "invalid")
    assert clinic.found("Patient") == []


def test_what_was_loaded_under_another_id_is_updated(face: NewFace) -> None:
    clinic = face()
    clinic.ledger.put({**MARIA, "id": "a_b"})
    assert resource_of(clinic.put({**MARIA, "id": "a_b", "active": True}))["active"] is True


def test_an_update_that_changes_nothing_writes_nothing(face: NewFace) -> None:
    clinic = face()
    stored = resource_of(clinic.put({**MARIA, "id": "p"}), 201)
    last = clinic.ledger.last
    for sent in (stored, {**MARIA, "id": "p"}):
        assert clinic.put(sent).headers["ETag"] == 'W/"1"'
    assert clinic.ledger.last == last


def test_a_deleted_resource_can_come_back(face: NewFace) -> None:
    clinic = face()
    clinic.put({**MARIA, "id": "p"})
    clinic.delete("Patient/p")
    assert clinic.put({**MARIA, "id": "p"}).headers["ETag"] == 'W/"3"'


@pytest.mark.parametrize(
    "body, text",
    [
        (None, "Invalid request body"),
        ([], "Invalid request body"),
        ({"resourceType": "Slot", "id": "x"}, "resourceType is 'Slot', expected 'Patient'"),
        ({**MARIA, "id": "y"}, "The id of the resource is 'y', that of the URL 'x'"),
        (MARIA, "The id of the resource is None, that of the URL 'x'"),
        ({**MARIA, "id": "x", "extension": {}}, "The Patient is not a FHIR Patient: Expected `array | null`, got "
         "`object` - at `extension`."),
    ],
)  # fmt: skip
def test_bodies_that_are_refused(face: NewFace, body: object, text: str) -> None:
    assert said(face().ask("PUT", "Patient/x", body)) == Said(400, "invalid", text)


def test_what_is_nested_too_deeply_is_refused(face: NewFace) -> None:
    deep: Resource = {}
    for _ in range(200):
        deep = {"a": deep}
    assert said(face().put({**MARIA, "id": "x", "note": deep})) == Said(
        400, "invalid", "The Patient is nested more than 200 levels deep."
    )
    for _ in range(100):
        deep = {"a": deep}
    assert said(face().put({**MARIA, "id": "x", "note": deep})) == Said(400, "invalid", "Invalid request body")


def test_slots_that_nobody_could_use_are_refused(face: NewFace) -> None:
    clinic = face()
    sound = slot("x", "a", "2026-03-16T09:00:00Z", "2026-03-16T10:00:00Z", "free")
    for change, text in (
        ({"start": "2026-03-16"}, "Slot has invalid start or end time"),
        ({"end": None}, "Slot has invalid start or end time"),
        ({"end": "2026-03-16T08:59:59Z"}, "Slot has end time before start time"),
        ({"schedule": {"reference": "Practitioner/a"}}, "'Practitioner/a' is no reference such as Schedule/x"),
        ({"schedule": {"reference": "http://other.test/Schedule/a"}}, "'http://other.test/Schedule/a' is no reference "
         "such as Schedule/x"),
    ):  # fmt: skip
        assert said(clinic.put({**sound, **change})) == Said(400, "invalid", text)
    assert clinic.put({**sound, "start": None, "status": "entered-in-error"}).status == 201


def test_references_below_the_base_become_relative(face: NewFace) -> None:
    clinic = face()
    sent = slot("x", "a", "2026-03-16T09:00:00Z", "2026-03-16T10:00:00Z", "free")
    clinic.put({**sent, "schedule": {"reference": f"{BASE}/Schedule/a"}})
    assert (clinic.ledger.read("Slot/x") or {})["schedule"] == {"reference": "Schedule/a"}


def test_if_none_exist_creates_at_most_one(face: NewFace) -> None:
    clinic = face()
    named = {**MARIA, "identifier": [{"system": "urn:mrn", "value": "7"}]}
    condition = "identifier=urn:mrn|7"
    made = resource_of(clinic.post(named, if_none_exist=condition), 201)
    last = clinic.ledger.last
    again = clinic.post(named, if_none_exist=f"Patient?{condition}")
    assert resource_of(again) == made
    assert again.headers["Location"] == f"{BASE}/Patient/{made['id']}/_history/1"
    assert resource_of(clinic.post(named, if_none_exist=f"_id={made['id']}")) == made
    assert clinic.ledger.last == last
    clinic.post(named)
    assert said(clinic.post(named, if_none_exist=condition)) == Said(
        412, "multiple-matches", "The condition matches several resources"
    )
    for bad in ("", "shoe-size=44", "identifier"):
        assert said(clinic.post(named, if_none_exist=bad))[:2] == (400, "invalid")


def test_an_update_by_condition_finds_or_makes_its_resource(face: NewFace) -> None:
    clinic = face()
    named = {**MARIA, "identifier": [{"system": "urn:mrn", "value": "7"}]}
    url = "Patient?identifier=urn:mrn|7"
    made = resource_of(clinic.ask("PUT", url, named), 201)
    changed = clinic.ask("PUT", url, {**named, "gender": "female"}, if_match='W/"1"')
    assert (resource_of(changed)["id"], changed.headers["ETag"]) == (made["id"], 'W/"2"')
    assert clinic.ask("PUT", url, {**named, "gender": "female", "id": made["id"]}).headers["ETag"] == 'W/"2"'
    assert said(clinic.ask("PUT", url, {**named, "id": "other"}))[:2] == (400, "invalid")
    assert clinic.ask("PUT", "Patient?identifier=urn:mrn|8", {**MARIA, "id": "own"}).status == 201
    assert said(clinic.ask("PUT", "Patient?identifier=urn:mrn|8", {**MARIA, "id": "own"}))[:2] == (409, "conflict")
    clinic.post(named)
    assert said(clinic.ask("PUT", url, named))[:2] == (412, "multiple-matches")
    for bad in ("Patient", "Patient?shoe=44"):
        assert said(clinic.ask("PUT", bad, named))[:2] == (400, "invalid")


def test_prefer_decides_on_the_body(face: NewFace) -> None:
    clinic = face()
    minimal = clinic.put({**MARIA, "id": "p"}, prefer="return=minimal")
    assert (minimal.status, minimal.resource, minimal.headers["ETag"]) == (201, None, 'W/"1"')
    told = resource_of(clinic.put({**MARIA, "id": "q"}, prefer="return=OperationOutcome"), 201)
    assert told["issue"] == [
        {"severity": "information", "code": "informational", "details": {"text": "Stored Patient/q"}}
    ]
    assert resource_of(clinic.put({**MARIA, "id": "r"}, prefer="return=representation"), 201)["id"] == "r"
    gone = resource_of(clinic.delete("Patient/q", prefer="return=OperationOutcome"))
    assert gone["issue"][0]["details"]["text"] == "Deleted Patient/q"


@pytest.mark.parametrize(
    "method, url", [("PATCH", "Slot/x"), ("DELETE", "Slot"), ("PUT", "Slot/_search"), ("POST", "Slot/x")]
)
def test_methods_that_there_are_not(face: NewFace, method: str, url: str) -> None:
    refused = said(face().ask(method, url, {}))
    assert refused[:2] == (405, "not-supported")
    assert refused.text.startswith(f"{method} is not possible at '{url}'")
