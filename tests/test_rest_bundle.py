"""Batch and transaction Bundles (FHIR R4, http.html, 3.1.0.11)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ledger_support import basic, proposal, template, visit
from rest_support import BASE, Face, NewFace, Said, resource_of, said
from rest_support import face_fixture as face_fixture
from slotwright.io.errors import TooLarge
from slotwright.io.rest import interaction
from slotwright.io.rest.exchange import Request
from support import Resource, slot

NINE, TEN = "2026-03-16T09:00:00Z", "2026-03-16T10:00:00Z"
SEED = Path(__file__).parent.parent.parent / "shared" / "data" / "medplum-seed-bundle.json"


def entry(
    method: str, url: str, resource: Resource | None = None, full_url: str | None = None, **more: str
) -> Resource:
    found: Resource = {"request": {"method": method, "url": url, **more}}
    if resource is not None:
        found["resource"] = resource
    if full_url is not None:
        found["fullUrl"] = full_url
    return found


def bundle(kind: str, *entries: Resource) -> Resource:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def sent(clinic: Face, kind: str, *entries: Resource, **headers: Any) -> list[Resource]:
    answered = resource_of(clinic.ask("POST", "", bundle(kind, *entries), **headers))
    assert {**answered, "entry": 0} == {"resourceType": "Bundle", "type": f"{kind}-response", "entry": 0}
    return answered["entry"]


def statuses(entries: list[Resource]) -> list[str]:
    return [one["response"]["status"] for one in entries]


def location(one: Resource) -> str:
    return one["response"]["location"].removeprefix(f"{BASE}/").rpartition("/_history/")[0]


def person(family: str, **more: Any) -> Resource:
    return {"resourceType": "Patient", "name": [{"family": family}], **more}


def busy(id: str, start: str = NINE, end: str = TEN) -> Resource:
    return slot(id, "a", start, end)


# transaction


def test_entries_refer_to_each_other_in_any_order(face: NewFace) -> None:
    clinic = face()
    one, other = "urn:uuid:0190aaaa-0000-7000-8000-000000000001", "urn:uuid:0190aaaa-0000-7000-8000-000000000002"
    answered = sent(clinic, "transaction",
        entry("POST", "Schedule", {"resourceType": "Schedule", "actor": [{"reference": other.upper()}]}, one),
        entry("POST", "Practitioner", {"resourceType": "Practitioner", "id": "own"}, other),
        entry("POST", "Slot", {**busy("s"), "schedule": {"reference": one}}),
        who="Ann",
    )  # fmt: skip
    assert statuses(answered) == ["201 Created"] * 3
    names = [location(each) for each in answered]
    assert [name.partition("/")[0] for name in names] == ["Schedule", "Practitioner", "Slot"]
    assert answered[0]["resource"]["actor"] == [{"reference": names[1]}]
    assert answered[2]["resource"]["schedule"] == {"reference": names[0]}
    assert answered[0]["response"] == {
        "status": "201 Created",
        "location": f"{BASE}/{names[0]}/_history/1",
        "etag": 'W/"1"',
        "lastModified": "2026-01-01T00:00:00.000Z",
    }
    entries = list(clinic.ledger.entries(clinic.ledger.last - 3))
    assert [(each.kind, each.input) for each in entries] == [("create", {"who": "Ann"})] * 3


def test_the_seed_bundle_is_loaded_by_one_request_twice(face: NewFace) -> None:
    if not SEED.exists():
        pytest.skip(f"{SEED.name} is not there: it belongs in ../shared/data beside the repository")
    seed = json.loads(SEED.read_bytes())
    clinic = face()
    first = resource_of(clinic.ask("POST", "", seed))["entry"]
    assert statuses(first) == ["201 Created"] * 6
    second = resource_of(clinic.ask("POST", "", seed))["entry"]
    assert statuses(second) == ["200 OK"] * 2 + ["201 Created"] * 4
    assert [location(one) for one in second[:2]] == [location(one) for one in first[:2]]
    for schedule in (*first[4:], *second[4:]):
        (link,) = schedule["resource"]["serviceType"][0]["extension"]
        assert link["valueReference"]["reference"] == location(first[1])
    assert clinic.found("Organization") == [location(first[0]).partition("/")[2]]


def test_a_transaction_deletes_before_it_creates_and_reads_last(face: NewFace) -> None:
    clinic = face(*basic(busy("old")))
    answered = sent(clinic, "transaction",
        entry("GET", "Slot?schedule=Schedule/a"),
        entry("PUT", "Slot/two", busy("two", TEN, "2026-03-16T11:00:00Z")),
        entry("POST", "Slot", busy("new")),
        entry("DELETE", "Slot/old"),
    )  # fmt: skip
    assert statuses(answered) == ["200 OK", "201 Created", "201 Created", "204 No Content"]
    found = [one["resource"]["id"] for one in answered[0]["resource"]["entry"]]
    assert sorted(found) == sorted(["two", location(answered[2]).removeprefix("Slot/")])


def test_one_refusal_undoes_a_transaction_and_says_which(face: NewFace) -> None:
    clinic = face(*basic(busy("old")))
    refused = clinic.ask("POST", "", bundle("transaction",
        entry("POST", "Patient", person("Martinez")), entry("POST", "Slot", busy("x")),
    ))  # fmt: skip
    assert said(refused) == Said(409, "conflict", "Requested time slot is not available")
    gone = clinic.ask("POST", "", bundle("transaction",
        entry("POST", "Patient", person("Martinez")), entry("GET", "Slot/none"),
    ))  # fmt: skip
    assert said(gone) == Said(404, "not-found", "Not found")
    assert gone.resource is not None
    assert gone.resource["issue"][0]["diagnostics"] == "entry 1 of the Bundle, GET Slot/none"
    assert clinic.found("Patient") == []


def test_versions_are_minded(face: NewFace) -> None:
    clinic = face()
    clinic.put(person("Martinez", id="p"))
    changed = person("Martin", id="p")
    stale = bundle("transaction", entry("PUT", "Patient/p", changed, ifMatch='W/"2"'))
    assert said(clinic.ask("POST", "", stale))[:2] == (412, "conflict")
    (answered,) = sent(clinic, "transaction", entry("PUT", f"{BASE}/Patient/p", changed, ifMatch='W/"1"'))
    assert answered["response"]["etag"] == 'W/"2"'


def test_conditions_within_a_transaction(face: NewFace) -> None:
    clinic = face()
    named = {"identifier": [{"system": "u", "value": "1"}]}
    condition = "identifier=u|1"
    uuids = ["urn:uuid:0190aaaa-0000-7000-8000-00000000000" + str(place) for place in range(2)]
    visits: list[Resource] = [
        {"resourceType": "Appointment", "status": "booked", "participant": [{"actor": {"reference": one}}]}
        for one in (*uuids, "Patient?identifier=u%7C2")
    ]
    clinic.put(person("Cohen", id="c", identifier=[{"system": "u", "value": "2"}]))
    answered = sent(clinic, "transaction",
        *(entry("POST", "Patient", person("M", **named), one, ifNoneExist=condition) for one in uuids),
        *(entry("POST", "Appointment", one) for one in visits),
    )  # fmt: skip
    assert statuses(answered)[:2] == ["201 Created", "200 OK"], "the same condition means the same patient"
    patient = location(answered[0])
    referred = [one["resource"]["participant"][0]["actor"]["reference"] for one in answered[2:]]
    assert referred == [patient, patient, "Patient/c"]
    nobody = {**visits[0], "participant": [{"actor": {"reference": "Patient?identifier=u%7C3"}}]}
    refused = said(clinic.ask("POST", "", bundle("transaction", entry("POST", "Appointment", nobody))))
    assert refused == Said(400, "invalid", "Reference Patient?identifier=u%7C3 matches nothing")


def test_conditional_updates_within_a_transaction(face: NewFace) -> None:
    clinic = face()
    uuid = "urn:uuid:0190aaaa-0000-7000-8000-000000000001"
    visit: Resource = {
        "resourceType": "Appointment",
        "status": "booked",
        "participant": [{"actor": {"reference": uuid}}],
    }
    seen: set[str] = set()
    for family, status in (("Martinez", "201 Created"), ("Martin", "200 OK")):
        for method in ("PUT", "POST"):
            named = person(family, identifier=[{"system": "u", "value": "1"}])
            made, patient = sent(clinic, "transaction",
                entry("POST", "Appointment", visit), entry(method, "Patient?identifier=u%7C1", named, uuid),
            )  # fmt: skip
            assert statuses([patient]) == [status if method == "PUT" else "200 OK"]
            seen |= {location(patient), made["resource"]["participant"][0]["actor"]["reference"]}
    assert len(seen) == 1


def test_operations_within_bundles(face: NewFace) -> None:
    for kind in ("batch", "transaction"):
        clinic = face()
        booked, found = sent(clinic, kind,
            entry("POST", "Appointment/$book", proposal(visit("a", "09:00"))),
            entry("GET", "Appointment/$find?start=2026-03-16T09:00:00Z&end=2026-03-16T10:00:00Z&schedule=Schedule/a"
                  "&service-type-reference=HealthcareService/checkup"),
        )  # fmt: skip
        assert statuses([booked, found]) == ["201 Created", "200 OK"]
        assert [one["resource"]["start"] for one in found["resource"]["entry"]] == ["2026-03-16T09:30:00.000Z"]
        *_, last = clinic.ledger.entries()
        assert last.kind == "$book"


def test_a_find_within_a_transaction_that_fails_leaves_nothing_behind(face: NewFace) -> None:
    clinic = face()
    asked = "start=2026-03-16T09:00:00Z&end=2026-03-16T10:00:00Z&schedule=Schedule/a"
    find = f"Appointment/$find?{asked}&service-type-reference=HealthcareService/checkup"
    failing = bundle("transaction",
        entry("POST", "Slot", busy("x")), entry("GET", find), entry("GET", "Slot/none"))  # fmt: skip
    assert clinic.ask("POST", "", failing).status == 404
    (found,) = sent(clinic, "transaction", entry("GET", find))
    assert len(found["resource"]["entry"]) == 2
    assert clinic.ask("POST", "Appointment/$book", proposal(visit("a", "09:00"))).status == 201


@pytest.mark.parametrize(
    "entries, text",
    [
        ([{}], "Bundle.entry.request needs a method and a url"),
        ([entry("POST", "", {})], "A Bundle inside a Bundle is not carried out"),
        ([entry("PUT", "Patient/p", person("M", id="q"))], "The id of the resource is 'q', that of the URL 'p'"),
        ([entry("POST", "Patient", person("M", managingOrganization={"reference": "urn:uuid:x"}))],
         "Reference urn:uuid:x is no entry of the Bundle"),
        ([entry("POST", "Patient", person("M"), "urn:uuid:x"), entry("POST", "Patient", person("M"), "urn:uuid:x")],
         "fullUrl urn:uuid:x stands at several entries"),
        ([entry("PUT", "Patient/p", person("M", id="p")), entry("DELETE", "Patient/p")],
         "Several entries change Patient/p; send each in a Bundle of its own, or a batch"),
        ([entry("PUT", "Patient/p", person("M", id="p"), ifMatch=1)], "Bundle.entry.request.ifMatch must be a text"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_transactions_that_are_refused_by_their_form(face: NewFace, entries: list[Resource], text: str) -> None:
    assert said(face().ask("POST", "", bundle("transaction", *entries))) == Said(400, "invalid", text)


def test_what_conditions_lead_to_is_changed_by_one_entry_only(face: NewFace) -> None:
    """FHIR R4, http.html, 3.1.0.11.2: identities that overlap, resolved ones included, fail the transaction."""
    clinic = face()
    number = {"system": "u", "value": "7"}
    assert clinic.put(person("M", id="p", identifier=[number])).status == 201
    update = entry("PUT", "Patient?identifier=u|7", person("N", identifier=[number]))
    for other in (update, entry("DELETE", "Patient/p")):
        text = "Several entries change Patient/p; send each in a Bundle of its own, or a batch"
        assert said(clinic.ask("POST", "", bundle("transaction", update, other))) == Said(400, "invalid", text)
    assert len(sent(clinic, "batch", update, entry("DELETE", "Patient/p"))) == 2


@pytest.mark.parametrize(
    "body, text",
    [
        (None, "Invalid request body"),
        ({"resourceType": "Patient"}, "Invalid request body"),
        ({"resourceType": "Bundle", "type": "collection"},
         "Bundle.type is 'collection', expected 'batch' or 'transaction'"),
        ({"resourceType": "Bundle", "type": "batch", "entry": {}}, "Bundle.entry must be a list of objects"),
    ],
)  # fmt: skip
def test_what_is_no_bundle_of_requests(face: NewFace, body: object, text: str) -> None:
    assert said(face().ask("POST", "", body)) == Said(400, "invalid", text)
    assert said(face().ask("GET", ""))[:2] == (405, "not-supported")


def test_a_bundle_has_a_largest_size() -> None:
    def asked(count: int) -> object:
        body = bundle("transaction", *(entry("GET", "Slot") for _ in range(count)))
        return interaction(Request("POST", "", body=body), bundle_most=3)

    assert asked(3)
    with pytest.raises(TooLarge, match="The Bundle has 4 entries, at most 3 are taken at once; send it in parts"):
        asked(4)


def test_what_is_nested_too_deeply_is_refused_in_bundles(face: NewFace) -> None:
    deep: Resource = {}
    for _ in range(900):
        deep = {"a": deep}
    for kind in ("batch", "transaction"):
        answered = face().ask("POST", "", bundle(kind, entry("POST", "Patient", {**person("M"), "note": deep})))
        outcome = answered.resource or {}
        issue = (outcome if kind == "transaction" else outcome["entry"][0]["response"]["outcome"])["issue"][0]
        assert issue["details"]["text"] == "Bundle.entry is nested more than 200 levels deep"


# batch


def test_each_entry_of_a_batch_stands_by_itself(face: NewFace) -> None:
    clinic = face(*basic(busy("old")))
    linked = person("M", managingOrganization={"reference": "urn:uuid:x"})
    answered = sent(clinic, "batch",
        entry("POST", "Patient", person("Martinez")),
        entry("POST", "Slot", busy("x")),
        entry("GET", "Slot/none"),
        entry("PATCH", "Slot/old"),
        entry("POST", "Patient", linked),
        entry("DELETE", "Slot/old"),
        entry("POST", "Slot", busy("x")),
        {"resource": person("Cohen")},
    )  # fmt: skip
    assert statuses(answered) == [
        "201 Created", "409 Conflict", "404 Not Found", "405 Method Not Allowed", "400 Bad Request", "204 No Content",
        "201 Created", "400 Bad Request",
    ]  # fmt: skip
    assert answered[2] == {
        "response": {
            "status": "404 Not Found",
            "outcome": {
                "resourceType": "OperationOutcome",
                "issue": [{"severity": "error", "code": "not-found", "details": {"text": "Not found"}}],
            },
        }
    }
    assert len(clinic.found("Patient")) == 1
    assert len(clinic.found("Slot?schedule=Schedule/a")) == 1


def test_what_an_entry_of_a_batch_wrote_before_it_was_refused_is_undone(face: NewFace) -> None:
    second = slot("taken", "a", "2026-03-23T09:00:00Z", "2026-03-23T09:30:00Z")
    clinic = face(*basic(second))
    nine = "2026-03-16T09:00:00.000Z"
    series = proposal(visit("a", nine, "2026-03-16T09:30:00.000Z"), extension=[template(zone="Etc/UTC")])
    refused, made = sent(clinic, "batch",
        entry("POST", "Appointment/$book", series), entry("POST", "Appointment/$book", proposal(visit("a", "09:00"))),
    )  # fmt: skip
    assert statuses([refused, made]) == ["400 Bad Request", "201 Created"]
    assert len(clinic.found("Appointment")) == 1


def test_a_batch_that_only_reads_writes_nothing(face: NewFace) -> None:
    clinic = face()
    last = clinic.ledger.last
    assert statuses(sent(clinic, "batch", entry("GET", "Schedule/a"), entry("GET", "Slot"))) == ["200 OK"] * 2
    assert resource_of(clinic.ask("POST", "", bundle("batch"))) == {"resourceType": "Bundle", "type": "batch-response"}
    assert clinic.ledger.last == last
