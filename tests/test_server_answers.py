"""The HTTP face in process: addresses, methods, formats, bodies and their limits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ledger_support import NOW, body, moment
from server_support import BASE, FHIR, FIND, Face, Made, Sender, appointment_of, booking, clinic
from server_support import face_fixture as face_fixture
from server_support import made_fixture as made_fixture
from slotwright.io import open_ledger
from slotwright.io.outcome import FAULTS
from support import Resource

# Operations


def test_a_find_a_booking_and_everything_that_becomes_of_it(face: Face) -> None:
    found = face("GET", f"{BASE}/Appointment/$find?{FIND}")
    assert (found.status, found.headers["content-type"]) == (200, "application/fhir+json; charset=utf-8")
    first = found.json["entry"][0]["resource"]
    assert first["start"] == "2026-03-16T00:00:00.000Z"
    booked = face("POST", f"{BASE}/Appointment/$book", booking("09:00"))
    assert (booked.status, booked.json["type"]) == (201, "transaction-response")
    appointment, slot = (entry["resource"] for entry in booked.json["entry"])
    assert (appointment["status"], slot["status"]) == ("booked", "busy")
    assert starts(face)[17:20] == ["08:30", "09:30", "10:00"]
    at = f"{BASE}/Appointment/{appointment['id']}"
    move = body(("start", "valueDateTime", "2026-03-16T10:00:00Z"), ("schedule", "valueString", "Schedule/a"))
    moved = face("POST", f"{at}/$reschedule", move)
    assert (moved.status, appointment_of(moved)["start"]) == (200, "2026-03-16T10:00:00.000Z")
    assert starts(face)[17:21] == ["08:30", "09:00", "09:30", "10:30"]
    cancelled = face("POST", f"{at}/$cancel", {})
    assert (cancelled.status, appointment_of(cancelled)["status"]) == (200, "cancelled")
    assert len(starts(face)) == 48


def starts(face: Face) -> list[str]:
    """What is free on Monday, `09:30` each."""
    found = face("GET", f"{BASE}/Appointment/$find?{FIND}&_count=100").json
    return [entry["resource"]["start"][11:16] for entry in found["entry"]]


@pytest.mark.parametrize("sent", [None, {}, {"resourceType": "Parameters"}])
def test_confirm_and_cancel_need_no_parameters(face: Face, sent: Any) -> None:
    held = face("POST", f"{BASE}/Appointment/$hold", booking("09:00"))
    id = appointment_of(held)["id"]
    confirmed = face("POST", f"{BASE}/Appointment/{id}/$confirm", sent)
    assert (confirmed.status, appointment_of(confirmed)["status"]) == (200, "booked")
    cancelled = face("POST", f"{BASE}/Appointment/{id}/$cancel", sent)
    assert (cancelled.status, appointment_of(cancelled)["status"]) == (200, "cancelled")


@pytest.mark.parametrize("path", ["Appointment/$book", "Appointment/$find", "Appointment/$hold"])
@pytest.mark.parametrize("sent", [None, {}])
def test_other_operations_need_parameters(face: Face, path: str, sent: Any) -> None:
    assert face("POST", f"{BASE}/{path}", sent).issue == (400, "invalid", "Invalid request body")


def test_a_blank_in_a_query_was_a_plus(face: Face) -> None:
    query = FIND.replace("T00:00:00Z", "T01:00:00+01:00")
    assert face("GET", f"{BASE}/Appointment/$find?{query}").body == face("GET", f"{BASE}/Appointment/$find?{FIND}").body


def test_a_post_asks_the_same_as_a_get(face: Face) -> None:
    sent = body(
        ("start", "valueDateTime", "2026-03-16T00:00:00Z"),
        ("end", "valueDateTime", "2026-03-17T00:00:00Z"),
        ("service-type-reference", "valueString", "HealthcareService/checkup"),
        ("schedule", "valueString", "Schedule/a"),
    )
    answers = [face("POST", f"{BASE}/Appointment/$find", sent, content_type=one) for one in (FHIR, "application/json")]
    assert answers[0].status == 200
    assert {one.body for one in answers} == {face("GET", f"{BASE}/Appointment/$find?{FIND}").body}


def test_a_refusal_is_that_of_the_operation(face: Face) -> None:
    face("POST", f"{BASE}/Appointment/$book", booking("09:00"))
    again = face("POST", f"{BASE}/Appointment/$book", booking("09:00"))
    assert again.issue == (400, "invalid", "Requested time slot is not available")


def test_the_entry_of_a_write_names_who_it_was_for(made: Made) -> None:
    face = made(who="desk")
    face("POST", f"{BASE}/Appointment/$book", booking("09:00"))
    (entry,) = face.ledger.entries(face.ledger.last - 1)
    assert entry.input is not None and (entry.kind, entry.input["who"]) == ("$book", "desk")


def test_a_ledger_that_is_read_only_is_read(tmp_path: Path) -> None:
    clinic(tmp_path / "a.ledger").close()
    with open_ledger(tmp_path / "a.ledger", read_only=True, create=False, clock=lambda: moment(NOW)) as ledger:
        face = Face(ledger)
        assert len(starts(face)) == 48
        reply = face("POST", f"{BASE}/Appointment/$book", booking("09:00"))
        assert reply.issue == (400, "not-supported", "Ledger is not writable")
        face.close()


# Addresses and methods


@pytest.mark.parametrize(
    "path", ["/x", "/fhir", "/fhir/R5/Slot", f"{BASE}x", f"{BASE}/Slot/x/y/z", "/oauth2/token", "/auth/me"]
)
def test_an_address_that_means_nothing(face: Face, path: str) -> None:
    assert face("GET", path).issue == (404, "not-found", "Not found")


def test_an_operation_that_is_not_there(face: Face) -> None:
    status, code, text = face("POST", f"{BASE}/Appointment/$vanish", {}).issue
    assert (status, code) == (404, "not-supported") and "Appointment/$find" in text


@pytest.mark.parametrize(
    ("path", "method", "allow"),
    [
        ("/healthz", "POST", "GET, HEAD, OPTIONS"),
        (f"{BASE}/Appointment/$find", "DELETE", "GET, POST, HEAD, OPTIONS"),
        (f"{BASE}/Appointment/$book", "GET", "POST, OPTIONS"),
        (f"{BASE}/Appointment/$book", "BREW", "POST, OPTIONS"),
        (f"{BASE}/Appointment/x/$confirm", "PUT", "POST, OPTIONS"),
    ],
)
def test_a_method_that_is_not_there_is_told_which_are(face: Face, path: str, method: str, allow: str) -> None:
    reply = face(method, path)
    assert reply.issue[:2] == (405, "not-supported")
    assert reply.headers["allow"] == allow
    asked = face("OPTIONS", path)
    assert (asked.status, asked.body, asked.headers["allow"]) == (204, b"", allow)


@pytest.mark.parametrize("path", ["/healthz", f"{BASE}/Appointment/$find?{FIND}", f"{BASE}/nothing"])
def test_head_is_get_without_the_body(face: Face, path: str) -> None:
    got, head = face("GET", path), face("HEAD", path)
    assert got.body and not head.body
    assert (head.status, head.headers) == (got.status, got.headers)
    assert int(head.headers["content-length"]) == len(got.body)


def test_health_names_the_last_entry(face: Face) -> None:
    before = face.ledger.last
    assert face("GET", "/healthz").json == {"status": "ok", "last": before, "transactions": 0}
    face("POST", f"{BASE}/Appointment/$book", booking("09:00"))
    assert face("GET", "/healthz").json == {"status": "ok", "last": before + 1, "transactions": 1}


def test_an_answer_can_be_read_by_people(face: Face) -> None:
    plain, pretty = (face("GET", f"{BASE}/Appointment/$find?{FIND}{more}") for more in ("", "&_pretty=true"))
    assert pretty.json == plain.json and b'\n  "resourceType"' in pretty.body


# Formats


@pytest.mark.parametrize(
    "accept",
    ["", "*/*", "application/*", "application/json", "application/fhir+json; fhirVersion=4.0", "text/html, */*;q=0.1",
     "application/fhir+xml, application/fhir+json;q=0.5"],
)  # fmt: skip
def test_what_may_be_accepted(face: Face, accept: str) -> None:
    assert face("GET", f"{BASE}/Appointment/$find?{FIND}", accept=accept).status == 200


@pytest.mark.parametrize("accept", ["application/fhir+xml", "text/html", "application/json;q=0", "image/*"])
def test_other_formats_are_not_written(face: Face, accept: str) -> None:
    assert face("GET", f"{BASE}/Appointment/$find?{FIND}", accept=accept).issue[:2] == (406, "not-supported")


@pytest.mark.parametrize(
    ("format", "status"),
    [("json", 200), ("application/fhir%2Bjson", 200), ("application/fhir+json", 200), ("xml", 406)],
)
def test_format_wins_over_the_header(face: Face, format: str, status: int) -> None:
    for accept in ("application/fhir+json", "application/fhir+xml"):
        assert face("GET", f"{BASE}/Appointment/$find?{FIND}&_format={format}", accept=accept).status == status


@pytest.mark.parametrize("kind", ["text/plain", "application/fhir+xml", "application/x-www-form-urlencoded", "x"])
def test_a_body_in_another_format(face: Face, kind: str) -> None:
    before = face.ledger.last
    reply = face("POST", f"{BASE}/Appointment/$book", booking("09:00"), content_type=kind)
    assert reply.issue[:2] == (415, "not-supported") and kind in reply.issue[2]
    assert (reply.pieces_read, face.ledger.last) == (0, before)


@pytest.mark.parametrize(("coding", "status"), [("gzip", 415), ("identity, br", 415), ("Identity", 201)])
def test_a_body_that_is_compressed(face: Face, coding: str, status: int) -> None:
    """Some say so of a body that is not; whether it is, is not guessed."""
    reply = face("POST", f"{BASE}/Patient", {"resourceType": "Patient"}, content_encoding=coding)
    assert reply.status == status
    assert status == 201 or reply.issue[1] == "not-supported"


@pytest.mark.parametrize(
    "kind", ["application/fhir+json", "application/json; charset=UTF-8", 'application/json;charset="utf-8"']
)
def test_a_body_in_json(face: Face, kind: str) -> None:
    assert face("POST", f"{BASE}/Appointment/$book", booking("09:00"), content_type=kind).status == 201


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{", FHIR),
        (b"null", FHIR),
        (b'{"a": NaN}', FHIR),
        (b'{"resourceType": "\xe9"}', FHIR),
        (b'"\\ud800"', FHIR),
        (b"[" * 100_000, FHIR),
        (b"{}", f"{FHIR}; charset=latin-1"),
        (json.dumps(booking("09:00")).encode("utf-16"), FHIR),
    ],
)
def test_a_body_that_is_no_json(face: Face, content: bytes, kind: str) -> None:
    before = face.ledger.last
    reply = face("POST", f"{BASE}/Appointment/$book", content, content_type=kind)
    assert reply.issue == (400, "invalid", "Invalid request body")
    assert face.ledger.last == before


# Limits


def test_a_body_said_to_be_too_large_is_not_read(made: Made) -> None:
    face = made(max_body=1000)
    reply = face("POST", f"{BASE}/Appointment/$book", booking("09:00"), content_length="1001")
    assert reply.issue == (413, "too-costly", "The body is larger than 1,000 bytes")
    assert reply.pieces_read == 0


def test_a_body_that_turns_out_too_large_is_read_no_further(made: Made) -> None:
    face = made(max_body=1000)
    sender = Sender([b" " * 400] * 10)
    reply = face.run(face.asked("POST", f"{BASE}/Appointment/$book", sender, transfer_encoding="chunked"))
    assert reply.issue[:2] == (413, "too-costly")
    assert reply.pieces_read == 3


def test_a_body_of_just_the_size_is_taken(made: Made) -> None:
    content = json.dumps(booking("09:00")).encode()
    assert made(max_body=len(content))("POST", f"{BASE}/Appointment/$book", content).status == 201
    assert made(max_body=len(content) - 1)("POST", f"{BASE}/Appointment/$book", content).status == 413


def test_a_large_body_is_read_like_any_other(face: Face) -> None:
    assert face("POST", f"{BASE}/Appointment/$book", booking("09:00", comment="x" * 300_000)).status == 201
    assert face("POST", f"{BASE}/Appointment/$book", b"[" + b"1," * 300_000).issue[2] == "Invalid request body"


def test_a_transaction_is_one_entry_after_another_in_one_request(face: Face) -> None:
    entries = [
        {
            "request": {"method": "PUT", "url": f"Patient/p{number}"},
            "resource": {"resourceType": "Patient", "id": f"p{number}"},
        }
        for number in range(3)
    ]
    reply = face("POST", BASE, {"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert (reply.status, reply.json["type"], len(reply.json["entry"])) == (200, "transaction-response", 3)
    assert face("GET", "/healthz").json["transactions"] == 1
    read = face("GET", f"{BASE}/Patient/p2")
    assert (read.status, read.headers["etag"]) == (200, 'W/"1"')
    assert face("GET", f"{BASE}/Patient/p2", if_none_match='W/"1"').status == 304
    assert face("PUT", f"{BASE}/Patient/p2", {"resourceType": "Patient", "id": "p2"}, if_match='W/"7"').issue[:2] == (
        412, "conflict"
    )  # fmt: skip


def test_a_search_may_be_sent_as_a_form(face: Face) -> None:
    got = face("GET", f"{BASE}/Schedule?_id=a").json["entry"]
    kind = "application/x-www-form-urlencoded"
    assert [face("POST", f"{BASE}/Schedule/_search", b"_id=a", content_type=kind).json["entry"]] == [got]
    assert face("POST", f"{BASE}/Schedule/_search?_id=a", b"", content_type=kind).json["entry"] == got
    assert face("POST", f"{BASE}/Schedule/_search", b"{}").issue[:2] == (415, "not-supported")


def test_a_bundle_of_too_many_entries(made: Made) -> None:
    bundle: Resource = {"resourceType": "Bundle", "type": "batch", "entry": [{}] * 4}
    status, code, text = made(max_entries=3)("POST", BASE, bundle).issue
    assert (status, code, text) == (
        413,
        "too-costly",
        "The Bundle has 4 entries, at most 3 are taken at once; send it in parts",
    )


def test_too_many_parameters(face: Face) -> None:
    reply = face("GET", f"{BASE}/Appointment/$find?{'&'.join(['a=1'] * 1001)}")
    assert reply.issue[:2] == (413, "too-costly")


def test_half_a_body_is_not_waited_for_longer_than_its_time(made: Made) -> None:
    face = made(body_s=0.05)
    before = face.ledger.last
    sender = Sender([json.dumps(booking("09:00")).encode()[:-1]], is_whole=False)
    reply = face.run(face.asked("POST", f"{BASE}/Appointment/$book", sender, transfer_encoding="chunked"))
    assert reply.issue == (408, "timeout", "The body did not arrive in time")
    assert reply.headers["connection"] == "close"
    assert face.ledger.last == before


def test_a_client_that_leaves_before_its_body_is_whole_is_not_answered(face: Face) -> None:
    before = face.ledger.last
    sender = Sender([b"{"], is_whole=False, leaves=True)
    assert face.run(face.asked("POST", f"{BASE}/Appointment/$book", sender, transfer_encoding="chunked")) is None
    assert face.ledger.last == before


# The docs


def test_every_status_of_the_error_table_is_in_the_docs() -> None:
    text = (Path(__file__).resolve().parent.parent / "docs" / "http.md").read_text()
    for fault in FAULTS.values():
        assert f"| {fault.status} | `{fault.code}` |" in text, fault
