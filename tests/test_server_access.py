"""Who may reach the server: hosts, origins, tokens and roles."""

from __future__ import annotations

import hmac
import os
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from ledger_support import body
from server_support import BASE, FHIR, FIND, HOST, Face, Made, Reply, appointment_of, booking, token_file
from server_support import face_fixture as face_fixture
from server_support import made_fixture as made_fixture
from slotwright.io.errors import LoadError, NotAllowed
from slotwright.io.rest.exchange import Interaction
from slotwright.io.server import tokens
from slotwright.io.server.guard import check_origin, is_loopback
from slotwright.io.server.roles import Role, needed, permitted

READ, DESK, BOSS = "r" * 20, "d" * 20, "b" * 20
PAGE = "https://desk.example"


# Hosts


@pytest.mark.parametrize("host", [HOST, "localhost:8103", "LocalHost:8103", "[::1]:8103"])
def test_the_names_of_loopback(face: Face, host: str) -> None:
    assert face("GET", "/healthz", host=host).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8103",
        "127.0.0.1",
        "127.0.0.1:80",
        "localhost.evil.example:8103",
        "evil-localhost:8103",
        "",
    ],
)
def test_another_host_is_refused_before_anything_is_read(face: Face, host: str) -> None:
    """A name that was made to lead here (DNS rebinding)."""
    before = face.ledger.last
    for path in (f"{BASE}/Appointment/$book", "/healthz", "/nothing"):
        reply = face("POST", path, booking("09:00"), host=host)
        assert reply.issue[:2] == (403, "forbidden") and repr(host) in reply.issue[2]
        assert reply.pieces_read == 0
    assert face("OPTIONS", "/healthz", host=host).status == 403
    assert face.ledger.last == before


def test_names_given_by_allowed_host(made: Made) -> None:
    face = made(hosts=["clinic.example", "other.example:8443"], host="0.0.0.0")
    asked = {
        "clinic.example": 200,
        "clinic.example:8103": 200,
        "CLINIC.example:443": 200,
        "other.example:8443": 200,
        "other.example": 403,
        "0.0.0.0:8103": 200,
        "sub.clinic.example": 403,
        "clinic.example, clinic.example": 403,
    }
    assert {host: face("GET", "/healthz", host=host).status for host in asked} == asked


def test_what_a_proxy_tells_clients_is_ours(made: Made) -> None:
    face = made(base_url="https://clinic.example/fhir/R4")
    assert face("GET", "/healthz", host="clinic.example", origin="https://clinic.example").status == 200
    assert face("GET", "/healthz", origin="https://clinic.example").status == 200, "the proxy may name us as it likes"
    assert face("GET", "/healthz", host="sub.clinic.example").status == 403
    assert face("GET", "/healthz", host="clinic.example", origin="http://clinic.example:80").status == 403
    assert face("GET", "/openapi.json", host="clinic.example").json["servers"]


# Origins


FORM = urlencode({"resourceType": "Parameters"}).encode()


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9999", f"https://{HOST}", "x"])
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", FHIR])
def test_a_form_of_another_site_is_refused_before_it_is_read(face: Face, origin: str, kind: str) -> None:
    before = face.ledger.last
    reply = face("POST", f"{BASE}/Appointment/$book", booking("09:00"), origin=origin, content_type=kind)
    assert reply.issue[:2] == (403, "forbidden") and origin in reply.issue[2]
    assert (reply.pieces_read, face.ledger.last) == (0, before)
    assert not [name for name in reply.headers if name.startswith("access-control")]


def test_our_own_pages_may_ask(made: Made) -> None:
    face = made(hosts=["clinic.example"])
    assert face("GET", "/healthz", origin=f"http://{HOST}").status == 200
    assert face("GET", "/healthz", origin="http://localhost:8103").status == 403, "it is not the host that was asked"
    assert face("GET", "/healthz", host="clinic.example", origin="https://clinic.example").status == 200


def test_pages_given_by_cors_origin_may_ask_and_read(made: Made) -> None:
    face = made(origins=[PAGE])
    for reply in (face("GET", "/healthz", origin=PAGE), face("GET", "/nothing", origin=PAGE)):
        assert reply.headers["access-control-allow-origin"] == PAGE
        assert reply.headers["access-control-allow-credentials"] == "true"
        assert reply.headers["access-control-expose-headers"] == "etag, location, content-location"
        assert reply.headers["vary"] == "Origin"
    without = face("GET", "/healthz")
    assert (without.status, without.headers["vary"]) == (200, "Origin")
    assert "access-control-allow-origin" not in without.headers
    refused = face("GET", "/healthz", origin="https://other.example")
    assert (refused.status, refused.headers["vary"]) == (403, "Origin")
    assert "access-control-allow-origin" not in refused.headers


def test_a_preflight_needs_no_token_and_is_told_what_may_be_sent(made: Made, tmp_path: Path) -> None:
    face = made(origins=[PAGE], token_file=token_file(tmp_path / "tokens.toml", ("desk", "booker", DESK)))
    asked = {"access_control_request_method": "PUT", "access_control_request_headers": "x-medplum, if-match"}
    reply = face("OPTIONS", f"{BASE}/Appointment/$book", origin=PAGE, **asked)
    assert (reply.status, reply.body) == (204, b"")
    allowed = set(reply.headers["access-control-allow-headers"].split(", "))
    sent = "authorization, content-type, accept, if-match, if-none-match, if-none-exist, prefer, x-medplum"
    assert allowed >= set(sent.split(", "))
    assert {"GET", "POST", "PUT", "DELETE"} <= set(reply.headers["access-control-allow-methods"].split(", "))
    assert reply.headers["access-control-allow-origin"] == PAGE
    assert face("OPTIONS", f"{BASE}/Appointment/$book", origin="https://evil.example", **asked).status == 403


def test_without_cors_nothing_is_said_about_it(face: Face) -> None:
    assert not {"vary", "access-control-allow-origin"} & set(face("GET", "/healthz").headers)


@pytest.mark.parametrize("text", ["https://a.example", "http://localhost:3000", "https://a.example/"])
def test_origins_are_addresses(text: str) -> None:
    assert check_origin(text) is None


@pytest.mark.parametrize("text", ["*", "a.example", "null", "ftp://a.example", "https://a.example/page", "https://"])
def test_what_is_no_origin(text: str) -> None:
    assert check_origin(text) is not None


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("192.168.1.2", False), ("clinic.example", False), ("", False)],
)  # fmt: skip
def test_what_only_this_machine_reaches(host: str, expected: bool) -> None:
    assert is_loopback(host) == expected


# Tokens


@pytest.fixture
def guarded(made: Made, tmp_path: Path) -> Face:
    file = token_file(
        tmp_path / "tokens.toml", ("screen", "reader", READ), ("front desk", "booker", DESK), ("boss", "admin", BOSS)
    )
    return made(token_file=file)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Bearer x", f"Basic {DESK}", DESK, f"Bearer {DESK}x", "Bearer \xff"]
)
@pytest.mark.parametrize("path", ["Appointment/$find", "Appointment/$book", "metadata", "Patient/x"])
def test_without_a_known_token_nothing_is_read(guarded: Face, authorization: str, path: str) -> None:
    reply = guarded("POST", f"{BASE}/{path}", booking("09:00"), authorization=authorization)
    assert reply.issue[:2] == (401, "login")
    assert reply.headers["www-authenticate"].startswith("Bearer")
    assert reply.pieces_read == 0


def test_health_needs_no_token(guarded: Face) -> None:
    assert guarded("GET", "/healthz").status == 200


def test_roles_of_operations(guarded: Face) -> None:
    find, book = f"{BASE}/Appointment/$find?{FIND}", f"{BASE}/Appointment/$book"
    assert [guarded("GET", find, **bearer(one)).status for one in (READ, DESK, BOSS)] == [200, 200, 200]
    before = guarded.ledger.last
    assert guarded("POST", book, booking("09:00"), **bearer(READ)).issue == (
        403, "forbidden", "$book of Appointment needs the role booker, the token's is reader"
    )  # fmt: skip
    assert guarded.ledger.last == before
    replies = [guarded("POST", book, booking(at), **bearer(one)) for at, one in (("09:00", DESK), ("10:00", BOSS))]
    assert [one.status for one in replies] == [201, 201]
    who = [entry.input["who"] for entry in guarded.ledger.entries(before) if entry.input is not None]
    assert who == ["front desk", "boss"]
    id = appointment_of(replies[0])["id"]
    assert guarded("POST", f"{BASE}/Appointment/{id}/$cancel", **bearer(READ)).status == 403
    assert guarded("POST", f"{BASE}/Appointment/{id}/$cancel", **bearer(DESK)).status == 200


@pytest.mark.parametrize(
    ("name", "type", "role"),
    [
        ("read", "Patient", "reader"),
        ("search-type", "Slot", "reader"),
        ("history-system", None, "reader"),
        ("capabilities", None, "reader"),
        ("$find", "Appointment", "reader"),
        ("$explain", "Appointment", "reader"),
        ("$bulk-publish", None, "reader"),
        ("$reschedule", "Appointment", "booker"),
        ("create", "Patient", "booker"),
        ("update", "Patient", "booker"),
        ("update", "Appointment", "booker"),
        ("create", "Appointment", "admin"),
        ("delete", "Patient", "admin"),
        ("delete", "Appointment", "admin"),
        ("update", "Slot", "admin"),
        ("create", "Schedule", "admin"),
        ("something new", "Slot", "admin"),
    ],
)
def test_the_least_role_that_may(name: str, type: str | None, role: str) -> None:
    assert needed(Interaction(name, type)).name.lower() == role


def test_a_bundle_needs_what_its_entries_need() -> None:
    parts = [
        Interaction("read", "Slot"),
        Interaction("create", "Slot"),
        NotAllowed("x"),
        Interaction("create", "Patient"),
    ]
    transaction, batch = (Interaction(name, parts=parts) for name in ("transaction", "batch"))
    assert permitted(transaction, Role.ADMIN) is transaction
    with pytest.raises(NotAllowed):
        permitted(transaction, Role.BOOKER)
    refused = [isinstance(one, NotAllowed) for one in permitted(batch, Role.BOOKER).parts]
    assert refused == [False, True, True, False]
    assert [isinstance(one, NotAllowed) for one in permitted(batch, Role.READER).parts] == [False, True, True, True]


def test_entries_of_a_batch_are_judged_one_by_one_and_a_transaction_as_a_whole(guarded: Face) -> None:
    def entry(method: str, url: str, **more: Any) -> dict[str, Any]:
        return {"request": {"method": method, "url": url}, **more}

    entries = [
        entry("GET", "Schedule/a"),
        entry("POST", "Patient", resource={"resourceType": "Patient", "name": [{"text": "Ann Lee"}]}),
        entry("DELETE", "Schedule/b"),
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    before = guarded.ledger.last
    assert guarded("POST", BASE, bundle, **bearer(DESK)).issue[:2] == (403, "forbidden")
    assert guarded.ledger.last == before
    reply = guarded("POST", BASE, {**bundle, "type": "batch"}, **bearer(DESK))
    assert (reply.status, reply.json["type"]) == (200, "batch-response")
    assert [one["response"]["status"][:3] for one in reply.json["entry"]] == ["200", "201", "403"]
    (entry_made,) = guarded.ledger.entries(before)
    assert entry_made.input is not None and entry_made.input["who"] == "front desk"
    assert guarded.ledger.read("Schedule/b") is not None


def test_an_update_that_would_create_needs_the_role_for_that(guarded: Face) -> None:
    def made(id: str, **more: Any) -> dict[str, Any]:
        who = [{"actor": {"reference": "Practitioner/a"}, "status": "accepted"}]
        times = {"start": "2026-03-16T09:00:00Z", "end": "2026-03-16T09:30:00Z"}
        return {"resourceType": "Appointment", "id": id, "status": "booked", "participant": who, **times, **more}

    def ask(kind: str, *resources: dict[str, Any], token: str = DESK) -> Reply:
        entries = [
            {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
            for one in resources
        ]
        return guarded("POST", BASE, {"resourceType": "Bundle", "type": kind, "entry": entries}, **bearer(token))

    refused = (403, "forbidden", "create of Appointment needs the role admin, the token's is booker")
    patient = {"resourceType": "Patient", "id": "new"}
    before = guarded.ledger.last
    for path in ("Appointment/x", "Appointment?identifier=u|7"):
        assert guarded("PUT", f"{BASE}/{path}", made("x"), **bearer(DESK)).issue == refused
    assert ask("transaction", patient, made("x")).issue == refused
    assert guarded.ledger.last == before
    entries = ask("batch", patient, made("x")).json["entry"]
    assert [one["response"]["status"][:3] for one in entries] == ["201", "403"]
    assert guarded("PUT", f"{BASE}/Appointment/x", made("x"), **bearer(BOSS)).status == 201
    assert guarded("PUT", f"{BASE}/Appointment/x", made("x", comment="late"), **bearer(DESK)).status == 200
    assert ask("transaction", patient, made("x", comment="later")).status == 200
    assert ask("transaction", made("y"), token=BOSS).status == 200


def test_every_token_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = token_file(tmp_path / "t.toml", ("a", "reader", READ), ("b", "booker", DESK), ("c", "admin", BOSS))
    known = tokens.Tokens(path)
    compared: list[bytes] = []

    def compare(one: Any, other: Any) -> bool:
        compared.append(one)
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(tokens, "hmac", type("watched", (), {"compare_digest": staticmethod(compare)}))
    assert known.known(READ).subject == "a"
    assert compared == [sha256(one.encode()).digest() for one in (READ, DESK, BOSS)]


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """The clock that says when the file was last looked at."""
    now = tokens.time.monotonic() + seconds
    monkeypatch.setattr(tokens, "time", type("later", (), {"monotonic": staticmethod(lambda: now)}))


def test_a_changed_file_is_read_again(guarded: Face, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = f"{BASE}/Appointment/$find?{FIND}"

    def status(token: str) -> int:
        return guarded("GET", find, **bearer(token)).status

    digest = sha256(b"a new token").hexdigest()
    assert status(READ) == 200
    (tmp_path / "tokens.toml").write_text(f'[[token]]\nsubject = "new"\nrole = "reader"\nsha256 = "{digest}"\n')
    assert status(READ) == 200, "the file is not looked at for each request"
    later(monkeypatch, 2)
    assert (status("a new token"), status(READ)) == (200, 401)
    for number, broken in enumerate(("[[token", "", None), 2):
        if broken is None:
            os.remove(tmp_path / "tokens.toml")
        else:
            (tmp_path / "tokens.toml").write_text(broken)
        later(monkeypatch, 2 * number)
        assert status("a new token") == 200, "those known before hold on"
    token_file(tmp_path / "tokens.toml", ("screen", "reader", READ))
    later(monkeypatch, 20)
    assert (status("a new token"), status(READ)) == (401, 200)


ENTRY = {"subject": "a", "role": "reader", "token": READ}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must consist of [[token]] tables"),
        ("[[tokens]]", "must consist of [[token]] tables"),
        ("token = 3", "must consist of [[token]] tables"),
        ("token = [3]", "is no key"),
        ("[[token", "it is no TOML"),
        ('[[token]]\nrole = "reader"\ntoken = "' + READ + '"', "subject must be"),
        (
            '[[token]]\nsubject = "a"\nrole = "root"\ntoken = "' + READ + '"',
            "role must be one of reader, booker, admin",
        ),
        ('[[token]]\nsubject = "a"\nrole = "reader"', "give either token or sha256"),
        ('[[token]]\nsubject = "a"\nrole = "reader"\ntoken = "short"', "at least 16 letters"),
        ('[[token]]\nsubject = "a"\nrole = "reader"\nsha256 = "abc"', "64 hexadecimal digits"),
        ('[[token]]\nsubject = "a"\nrole = "reader"\nsecret = "abc"', "'secret' is no key"),
    ],
)
def test_a_file_of_tokens_that_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "tokens.toml"
    path.write_text(text)
    with pytest.raises(LoadError) as caught:
        tokens.read(str(path))
    assert said in str(caught.value) and READ not in str(caught.value)


@pytest.mark.parametrize(("other", "said"), [(("a", "admin", DESK), "subject"), (("b", "admin", READ), "token")])
def test_tokens_that_are_the_same(tmp_path: Path, other: tuple[str, str, str], said: str) -> None:
    with pytest.raises(LoadError, match=f"two entries have the same {said}"):
        tokens.read(token_file(tmp_path / "tokens.toml", ("a", "reader", READ), other))


# Credentials


def login(face: Face, fields: dict[str, str], **headers: str) -> Reply:
    kind = {"content_type": "application/x-www-form-urlencoded"}
    return face("POST", "/oauth2/token", urlencode(fields).encode(), **kind, **headers)


GRANT = {"grant_type": "client_credentials"}


def test_credentials_are_a_subject_and_its_token(guarded: Face) -> None:
    import base64

    form = login(guarded, {**GRANT, "client_id": "front desk", "client_secret": DESK})
    coded = base64.b64encode(f"front desk:{DESK}".encode()).decode()
    basic = login(guarded, GRANT, authorization=f"Basic {coded}")
    for reply in (form, basic):
        assert reply.status == 200
        assert reply.headers["cache-control"] == "no-store"
        assert {name: reply.json[name] for name in ("access_token", "token_type", "expires_in")} == {
            "access_token": DESK,
            "token_type": "Bearer",
            "expires_in": 3600,
        }
    me = guarded("GET", "/auth/me", **bearer(form.json["access_token"])).json
    assert (me["profile"]["name"], me["role"]) == ("front desk", "booker")
    assert DESK not in str(me)


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({}, 400, "unsupported_grant_type"),
        ({"grant_type": "password", "username": "a", "password": "b"}, 400, "unsupported_grant_type"),
        (GRANT, 401, "invalid_client"),
        ({**GRANT, "client_id": "boss", "client_secret": DESK}, 401, "invalid_client"),
        ({**GRANT, "client_id": "nobody", "client_secret": "x" * 20}, 401, "invalid_client"),
    ],
)
def test_credentials_that_are_none(guarded: Face, fields: dict[str, str], status: int, error: str) -> None:
    reply = login(guarded, fields)
    assert reply.issue[0] == status
    assert (reply.json["error"], bool(reply.json["error_description"])) == (error, True)
    assert ("www-authenticate" in reply.headers) == (status == 401)


@pytest.mark.parametrize("coded", ["", "x", "\xe9", "/w==", "YQ=="])
def test_credentials_that_cannot_be_read(guarded: Face, coded: str) -> None:
    assert login(guarded, GRANT, authorization=f"Basic {coded}").json["error"] == "invalid_client"


def test_auth_me_needs_a_token(guarded: Face) -> None:
    assert guarded("GET", "/auth/me").issue[:2] == (401, "login")
    assert guarded("POST", "/auth/me", **bearer(DESK)).headers["allow"] == "GET, HEAD, OPTIONS"
    assert guarded("GET", "/oauth2/token").headers["allow"] == "POST, OPTIONS"


def test_a_parameter_named_like_a_token_is_none(guarded: Face) -> None:
    assert guarded("GET", f"{BASE}/Appointment/$find?{FIND}&access_token={READ}").status == 401
    assert guarded("POST", f"{BASE}/Appointment/$find", body(("access_token", "valueString", READ))).status == 401
