"""The live page: find, book and cancel by forms; who may send them, and what is said where something is wrong."""

from __future__ import annotations

import json
import logging
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from ledger_support import NOW, basic, moment
from page_support import Node, check_page
from server_support import HOST, Face, Made, Reply, booking, clinic, token_file
from slotwright.io import open_ledger
from slotwright.io.errors import TooMany
from slotwright.io.server import page as live
from slotwright.io.server.sessions import FORM_CODE
from support import Resource, practitioner, schedule, service

FORM = "application/x-www-form-urlencoded"
ORIGIN = f"http://{HOST}"
PATIENT: Resource = {"resourceType": "Patient", "id": "ann", "name": [{"text": "Ann Lee"}]}
READER, BOOKER = "r" * 20, "b" * 20


class Browser:
    """Keeps cookies and fills forms, as a browser does."""

    def __init__(self, face: Face, **headers: str) -> None:
        self.face = face
        self.headers = {"origin": ORIGIN, "sec_fetch_site": "same-origin", **headers}
        self.cookies: dict[str, str] = {}
        self.reply: Reply | None = None
        self.page = Node("", {})

    def _took(self, reply: Reply) -> Reply:
        self.reply = reply
        for line in [reply.headers["set-cookie"]] if "set-cookie" in reply.headers else []:
            pair, *attributes = line.split("; ")
            name, _, value = pair.partition("=")
            assert attributes[-3:] == ["Path=/", "HttpOnly", "SameSite=Strict"]
            if "Max-Age=0" in attributes:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        if reply.status == 303:
            assert reply.body == b""
            return self.get(reply.headers["location"].partition("#")[0])
        self.page = check_page(reply.body.decode())
        return reply

    @property
    def _cookie(self) -> dict[str, str]:
        return {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    def get(self, address: str = "/", **headers: str) -> Reply:
        return self._took(self.face("GET", address, **{**self._cookie, **headers}))

    def send(self, action: str, fields: dict[str, Any], **headers: str) -> Reply:
        body = urlencode(fields, doseq=True).encode()
        given = {**self.headers, **self._cookie, "content_type": FORM, **headers}
        return self._took(self.face("POST", action, body, **given))

    def form(self, action: str, place: int = 0) -> dict[str, list[str]]:
        """The fields of a form as they stand."""
        form = [one for one in self.page.all("form") if one["action"] == action][place]
        assert form["method"] == "post"
        fields: dict[str, list[str]] = {}
        for one in form.all("input"):
            fields.setdefault(one["name"], []).append(one.get("value") or "")
        for one in form.all("select"):
            options = one.all("option")
            chosen = next((option for option in options if option.get("selected") is not None), options[0])
            fields.setdefault(one["name"], []).append(chosen["value"])
        return fields

    def find(self, **changed: Any) -> Reply:
        return self.send("/find", {**self.form("/find"), **changed})

    def book(self, offer: int, **changed: Any) -> Reply:
        return self.send("/book", {**self.form("/book"), "offer": str(offer), **changed})

    @property
    def said(self) -> str:
        return " ".join(one.words for one in self.page.all() if one.get("role") in ("alert", "status"))


@pytest.fixture(name="made")
def made_fixture(tmp_path: Path) -> Iterator[Made]:
    opened: list[Face] = []

    def face(**settings: Any) -> Face:
        opened.append(Face(clinic(tmp_path / f"{len(opened)}.ledger", *basic(), PATIENT, now=NOW), **settings))
        return opened[-1]

    yield face
    for one in opened:
        one.close()
        one.ledger.close()


@pytest.fixture(name="face")
def face_fixture(made: Made) -> Face:
    return made()


@pytest.fixture(name="browser")
def browser_fixture(face: Face) -> Browser:
    browser = Browser(face)
    assert browser.get().status == 200
    return browser


def appointments(face: Face) -> list[Resource]:
    return list(face.ledger.resources("Appointment"))


# The way through


def test_find_book_and_cancel(browser: Browser) -> None:
    assert browser.find().status == 200
    offered = next(form for form in browser.page.all("form") if form["action"] == "/book")
    rows = [[cell.words for cell in row.children] for row in offered.all("tr")]
    assert rows[0] == ["Day", "Time", "With", "Book"]
    assert len(rows) == 21
    assert browser.book(1, patient="Ann Lee").status == 200
    (one,) = appointments(browser.face)
    assert one["status"] == "booked"
    assert one["participant"][0]["actor"] == {"reference": "Patient/ann", "display": "Ann Lee"}
    assert browser.said.startswith("Booked: checkup · Ann Lee, ")
    # The offers are those of the operation, and the second of them was chosen.
    assert rows[2][1] in browser.said
    assert browser.send("/cancel", browser.form("/cancel")).status == 200
    assert browser.said.startswith("Cancelled: checkup · Ann Lee, ")
    assert [found["status"] for found in appointments(browser.face)] == ["cancelled"]
    assert browser.face.ledger.verify() == []


def test_a_schedule_lists_its_visits_and_cancels_them(browser: Browser) -> None:
    browser.face("POST", "/fhir/R4/Appointment/$book", booking("09:00", participant=[participant()]))
    browser.get("/?week=2026-03-18&schedule=a")
    assert "Week of 16 to 22 March 2026" in browser.page.all("h1")[0].words
    table = next(one for one in browser.page.all("table") if "Visits of this week" in one.words)
    assert [cell.words for cell in table.all("tr")[1].children] == [
        "Mon 16 Mar", "09:00 – 09:30", "checkup · Ann Lee", "booked", "Cancel",
    ]  # fmt: skip
    assert browser.send("/cancel", browser.form("/cancel")).status == 200
    assert browser.reply is not None and browser.said.startswith("Cancelled: ")
    assert "Nothing is booked in this week." in browser.page.words, "and the schedule is shown still"


def participant() -> Resource:
    return {"actor": {"reference": "Patient/ann"}, "status": "accepted"}


def test_what_is_sent_twice_is_booked_once(browser: Browser) -> None:
    browser.find()
    form = browser.form("/book")
    for _ in range(2):
        assert browser.send("/book", {**form, "offer": "0"}).status == 200
    assert len(appointments(browser.face)) == 1


def test_only_what_lies_ahead_is_offered_and_booked(tmp_path: Path) -> None:
    times = [moment(NOW)]
    ledger = open_ledger(tmp_path / "ahead.ledger", clock=lambda: times[-1], identity="test")
    ledger.load(basic(), now=moment("2026-01-01T00:00:00Z"))
    face = Face(ledger)
    try:
        browser = Browser(face)
        browser.get()
        browser.find(**{"from": "2020-01-01"})
        assert browser.said == "Nothing is free in the 7 days from 2020-01-01."
        browser.find(**{"from": times[0].date().isoformat()})
        starts = [json.loads(browser.form("/book")[f"appointment-{place}"][0])["start"] for place in range(20)]
        assert all(start >= times[0].isoformat()[:16] for start in starts)
        times.append(times[0].replace(year=2027))
        assert browser.book(0).status == 400
        assert browser.said == "This time has passed. Find times once more."
    finally:
        face.close()
        ledger.close()


def test_pools_are_those_of_find(browser: Browser) -> None:
    browser.find(pool=["a,b", "", "b"])
    offered = next(form for form in browser.page.all("form") if form["action"] == "/book")
    assert "Practitioner/a, Practitioner/b" in offered.all("tr")[1].words
    assert browser.find(pool=["", ""]).status == 400
    assert browser.said == "Choose who is needed."
    assert browser.find(pool=["nobody"]).status == 400
    assert browser.said == "Loading schedule failed."
    assert browser.find(service="nothing").status == 400
    assert browser.said == "HealthcareService not found."
    assert browser.find(**{"from": "soon"}).status == 400
    assert browser.said == "Give the day from which to look as 2026-03-10."


def test_what_goes_wrong_is_said_and_nothing_is_written(browser: Browser) -> None:
    browser.find()
    form = browser.form("/book")
    assert browser.book(0, patient="Anne").status == 400
    assert browser.said == "No patient is called 'Anne'. Did you mean ann (Ann Lee)?"
    # The offers are there still, with what was typed: another name books.
    assert browser.form("/book")["patient"] == ["Anne"]
    assert browser.form("/book").keys() == form.keys()
    assert browser.form("/find")["pool"] == form["pool"]
    for broken in ({"appointment-0": "{"}, {"appointment-0": "[]"}, {"offer": "99"}):
        assert browser.send("/book", {**browser.form("/book"), "offer": "0", **broken}).status == 400
        assert browser.said == "This is no offer. Find times once more."
        browser.find()
    assert browser.book(0, **{"appointment-0": '{"resourceType": "Appointment"}'}).status == 400
    assert browser.said == "Appointment has no service reference."
    browser.get()
    code = browser.form("/find")[FORM_CODE]
    for id, sentence in (("nobody", "There is no such appointment."), ("../x", "There is no such appointment.")):
        assert browser.send("/cancel", {FORM_CODE: code, "id": id}).status == 404
        assert browser.said == sentence
    assert appointments(browser.face) == []


def test_a_time_that_somebody_else_took_meanwhile(browser: Browser) -> None:
    browser.find(pool=["a", ""])
    form = browser.form("/book")
    other = Browser(browser.face)
    other.get()
    other.find(pool=["a", ""])
    assert other.book(0).status == 200
    assert browser.send("/book", {**form, "offer": "0"}).status == 400
    assert browser.said == "This time has been taken meanwhile. Find times once more."
    assert browser.page.all("h1")[0].words.startswith("Week of "), "the page is there still"


# Who may send a form


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": ""},
        {"origin": "null"},
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": f"https://{HOST}"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
@pytest.mark.parametrize("action", ["/find", "/book", "/cancel", "/sign-in", "/sign-out"])
def test_a_form_from_elsewhere_is_refused(browser: Browser, headers: dict[str, str], action: str) -> None:
    browser.face("POST", "/fhir/R4/Appointment/$book", booking("09:00"))
    (one,) = appointments(browser.face)
    fields = {FORM_CODE: browser.form("/find")[FORM_CODE], "id": one["id"]}
    given = {**browser.headers, **browser._cookie, "content_type": FORM, **headers}  # type: ignore[reportPrivateUsage]
    reply = browser.face("POST", action, urlencode(fields, doseq=True).encode(), **given)
    assert reply.status == 403
    assert appointments(browser.face)[0]["status"] == "booked"


def test_an_origin_that_may_ask_the_interface_may_not_use_the_page(made: Made) -> None:
    browser = Browser(made(origins=["https://app.example"]))
    browser.get()
    fields = browser.form("/find")
    assert browser.send("/find", fields, origin="https://app.example").status == 403
    assert browser.get(origin="https://app.example").status == 403
    assert browser.get(origin=ORIGIN).status == 200


def test_the_code_of_a_form_belongs_to_one_browser(browser: Browser) -> None:
    other = Browser(browser.face)
    other.get()
    code, stolen = browser.form("/find")[FORM_CODE], other.form("/find")[FORM_CODE]
    assert code != stolen
    for wrong in (stolen, [""], ["0" * 64], ["é"]):
        assert browser.send("/find", {**browser.form("/find"), FORM_CODE: wrong}).status == 403
        assert browser.said.startswith("This form is not of your session, or older than the server.")
    browser.cookies.clear()
    assert browser.send("/find", {FORM_CODE: code}).status == 403
    assert browser.cookies, "a new session has begun"


def test_every_form_carries_a_code(browser: Browser) -> None:
    browser.face("POST", "/fhir/R4/Appointment/$book", booking("09:00"))
    browser.get("/?week=2026-03-16&schedule=a")
    browser.find()
    forms = browser.page.all("form")
    assert {form["action"] for form in forms} == {"/find", "/book", "/cancel"}
    assert all(any(one.get("name") == FORM_CODE and one.get("value") for one in form.all("input")) for form in forms)


# Tokens


@pytest.fixture(name="guarded")
def guarded_fixture(made: Made, tmp_path: Path) -> Face:
    path = token_file(tmp_path / "tokens.toml", ("viewer", "reader", READER), ("front desk", "booker", BOOKER))
    return made(token_file=path)


def test_who_has_no_token_sees_nothing(guarded: Face) -> None:
    browser = Browser(guarded)
    assert browser.get("/?schedule=a").status == 200
    assert browser.page.all("h1")[0].words == "Sign in"
    assert "Practitioner" not in browser.page.words
    code = browser.form("/sign-in")[FORM_CODE]
    for action in ("/find", "/book", "/cancel"):
        assert browser.send(action, {FORM_CODE: code, "id": "x"}).status == 401
    for wrong in ("nonsense", "", "a b", "x\r\nset-cookie: y", "ü" * 20):
        assert browser.send("/sign-in", {FORM_CODE: code, "token": wrong}).status == 401
        assert browser.said == "The token is not known."
        assert not [name for name in browser.cookies if "token" in name]


def test_signing_in_and_out(guarded: Face) -> None:
    browser = Browser(guarded)
    browser.get()
    assert browser.send("/sign-in", {**browser.form("/sign-in"), "token": BOOKER}).status == 200
    assert "Signed in as front desk (booker)." in browser.page.words
    assert browser.cookies["slotwright-token-8103"] == BOOKER
    browser.find()
    assert browser.book(0).status == 200
    assert browser.said.startswith("Booked: ")
    (*_, entry) = guarded.ledger.entries()
    assert entry.input is not None and entry.input["who"] == "front desk"
    form = browser.form("/cancel")
    browser.send("/sign-out", browser.form("/sign-out"))
    assert browser.page.all("h1")[0].words == "Sign in"
    assert "slotwright-token-8103" not in browser.cookies
    assert browser.send("/cancel", form).status == 403, "a code made for the token is none without it"
    assert appointments(guarded)[0]["status"] == "booked"


def test_a_reader_sees_and_does_not_book(guarded: Face) -> None:
    browser = Browser(guarded)
    browser.get()
    browser.send("/sign-in", {**browser.form("/sign-in"), "token": READER})
    browser.find()
    assert {form["action"] for form in browser.page.all("form")} == {"/find", "/sign-out"}
    assert [cell.words for cell in browser.page.all("table")[0].all("tr")[0].children] == ["Day", "Time", "With"]
    code = browser.form("/find")[FORM_CODE]
    assert browser.send("/cancel", {FORM_CODE: code, "id": "x"}).status == 403
    assert browser.said == "$cancel of Appointment needs the role booker, the token's is reader."


def test_cookies_are_secure_behind_tls(made: Made) -> None:
    face = made(base_url="https://clinic.example/fhir/R4")
    reply = face("GET", "/")
    assert reply.headers["set-cookie"].endswith("; Path=/; HttpOnly; SameSite=Strict; Secure")


# What browsers are told


def test_headers_let_the_page_load_nothing_and_be_kept_nowhere(browser: Browser) -> None:
    reply = browser.get()
    sheet = browser.page.all("style")[0].text
    digest = b64encode(sha256(sheet.encode()).digest()).decode()
    assert reply.headers["content-security-policy"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert "access-control-allow-origin" not in reply.headers
    # With no-referrer browsers would send `Origin: null` with every form.
    assert reply.headers["referrer-policy"] == "same-origin"


def test_addresses_have_one_method(face: Face) -> None:
    for method, address in (("POST", "/"), ("PUT", "/"), ("GET", "/book"), ("DELETE", "/cancel")):
        reply = face(method, address)
        assert reply.status == 405
        assert reply.headers["allow"] == ("GET, HEAD, OPTIONS" if address == "/" else "POST, OPTIONS")
    assert face("HEAD", "/").body == b""
    assert face("GET", "/bookings").status == 404


def test_bodies_are_forms_of_a_size(browser: Browser, made: Made) -> None:
    assert browser.send("/find", browser.form("/find"), content_type="application/json").status == 415
    small = Browser(made(max_body=200))
    small.get()
    assert small.send("/find", {**small.form("/find"), "more": "x" * 200}).status == 413
    assert small.said == "The body is larger than 200 bytes."


def test_addresses_that_say_nonsense_show_this_week(browser: Browser) -> None:
    browser.get()
    title = browser.page.all("h1")[0].words
    for address in ("/?week=soon", "/?week=2026-99-99", "/?schedule=%3Cscript%3E&done=%22%3E&service=x", "/?week=%ff"):
        assert browser.get(address).status == 200
        assert browser.page.all("h1")[0].words == title


def test_when_too_many_wait_the_page_says_so(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise TooMany("Too many requests are waiting, try again in a second")

    browser.find()
    monkeypatch.setattr(browser.face.app._work, "write", full)  # type: ignore[reportPrivateUsage]
    assert browser.book(0).status == 429
    assert browser.said == "Too many requests are waiting, try again in a second."


def test_nothing_about_patients_is_logged(browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="slotwright.server"):
        browser.find()
        browser.book(0, patient="Ann Lee")
        browser.send("/cancel", browser.form("/cancel"))
        browser.find()
        browser.book(0, patient="Ann Leeson")
    (id,) = [one["id"] for one in appointments(browser.face)]
    lines = [record.getMessage() for record in caplog.records]
    assert [" ".join(line.split()[:3]) for line in lines] == [
        "POST /find 200", "POST /book 303", "GET / 200", "POST /cancel 303", "GET / 200", "POST /find 200",
        "POST /book 400",
    ]  # fmt: skip
    assert not [line for line in lines if "Ann" in line or "ann" in line.split() or id in line]


def test_a_fault_of_ours_is_a_sentence_without_its_words(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> str:
        raise RuntimeError("secret of Ann Lee")

    monkeypatch.setattr(live, "page", broken)
    reply = browser.get()
    assert reply.status == 500
    assert browser.said == "Something went wrong here. It has been logged; try again."
    assert b"secret" not in reply.body


def test_many_schedules_are_shown_fifty_at_a_time(tmp_path: Path) -> None:
    many = [one for place in range(120) for one in (practitioner(f"p{place:03}"), schedule(f"p{place:03}"))]
    ledger = clinic(tmp_path / "many.ledger", service(), *many)
    face = Face(ledger)
    try:
        browser = Browser(face)
        browser.get()
        assert browser.page.all("option")[0].words == "any of 120"
        seen: list[str] = []
        counts: list[str] = []
        while True:
            week = next(one for one in browser.page.all("table") if one.get("class") == "week")
            seen += [row.children[0].words for row in week.all("tr")[1:]]
            counts += [one.words for one in browser.page.all("p") if one.words.startswith("Schedules ")]
            further = [one for one in browser.page.all("a") if one.words == "The ones after"]
            if not further:
                break
            browser.get(further[0]["href"].partition("#")[0])
        assert seen == [f"p{place:03}" for place in range(120)]
        assert counts == ["Schedules 1 to 50 of 120.", "Schedules 51 to 100 of 120.", "Schedules 101 to 120 of 120."]
        # Whoever is chosen is shown, on whatever page.
        browser.get("/?first=100&schedule=p007")
        assert "p007" in [one.words for one in browser.page.all("h2")]
        for nonsense in ("-1", "x", "9" * 30, "%C2%B2"):
            browser.get(f"/?first={nonsense}")
            assert "Schedules 1 to 50 of 120." in browser.page.words
    finally:
        face.close()
        ledger.close()
