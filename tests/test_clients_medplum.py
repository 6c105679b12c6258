"""`MedplumClient` under Node, as it is published, against a server on loopback."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import server_support
from clients_support import CuttingProxy, Scripts, Server, scripts, serving
from slotwright.io import open_ledger
from support import Resource

ROOT = Path(__file__).resolve().parent.parent
MONDAY = "2026-03-16T"


@pytest.fixture(scope="module", name="node")
def node_fixture() -> Scripts:
    return scripts()


@pytest.fixture
def server(node: Scripts, tmp_path: Path) -> Iterator[Server]:  # noqa: ARG001 no server without Node
    with serving(tmp_path, "--allowed-host", "127.0.0.1") as one:
        yield one


def starts(*times: str) -> list[str]:
    return [f"{MONDAY}{one}:00.000Z" for one in times]


def test_a_visit_is_found_booked_held_confirmed_moved_and_cancelled(node: Scripts, server: Server) -> None:
    said = node.play("visit", server.url)
    assert said == {
        "offered": starts("09:00", "09:30", "10:00", "10:30"),
        "same": True,
        "booked": {"status": "booked", "start": f"{MONDAY}09:00:00.000Z", "slots": 1},
        "slots": ["busy"],
        "held": {"status": "pending", "start": f"{MONDAY}09:30:00.000Z", "slots": 1},
        "left": starts("10:00", "10:30"),
        "confirmed": {"status": "booked", "start": f"{MONDAY}09:30:00.000Z", "slots": 1},
        "moved": {"status": "booked", "start": f"{MONDAY}10:30:00.000Z", "slots": 1},
        "cancelled": "cancelled",
        "byReference": ["transaction-response", "cancelled"],
    }


def test_refusals_are_shown_with_their_text(node: Scripts, server: Server) -> None:
    said = node.play("refusals", server.url)
    assert all(one["isOutcome"] and one["shown"] == one["message"] for one in said.values())
    # The client shows text and diagnostics.
    assert said["taken"]["message"].startswith('Requested time slot is not available ({"schedule":"Schedule/a","blocki')
    assert {name: tuple(one["issue"].values()) for name, one in said.items()} == {
        "taken": ("invalid", "Requested time slot is not available"),
        "window": ("invalid", "Invalid search time range"),
        "missing": ("not-found", "Not found"),
        "removed": (
            "not-supported",
            "Operation 'Schedule/a/$find' is no longer supported, use Appointment/$find",
        ),
        "unread": ("not-found", "Not found"),
        "patched": ("not-supported", "PATCH is not possible at 'Schedule/a'; GET, PUT or DELETE is"),
        "unsound": ("invalid", "The Slot is not a FHIR Slot: Object missing required field `schedule`.", ["Slot"]),
    }


def test_questions_asked_at_once_are_one_batch(node: Scripts, server: Server) -> None:
    said = node.play("together", server.url)
    assert said.pop("nobody")["issue"] == {"code": "not-found", "text": "Not found"}
    assert said == {"sent": ["POST /fhir/R4"], "a": "a", "offers": 4, "patients": 0}


def test_resources_are_written_read_and_replaced(node: Scripts, server: Server) -> None:
    said = node.play("resources", server.url)
    assert said["lost"]["isOutcome"] and said["lost"]["issue"]["code"] == "conflict"
    assert said["gone"]["issue"] == {"code": "deleted", "text": "Gone"}
    assert (said["same"], said["found"], said["versions"]) == (True, [True], ["1", "2", "3"])
    assert (said["changed"], said["kept"], said["upserted"]) == (True, False, [True, "1990-01-01"])


def test_searches_are_paged(node: Scripts, server: Server) -> None:
    said = node.play("search", server.url)
    assert said == {"pages": [2, 2, 1], "slots": starts("09:00"), "earlier": 0, "one": "booked"}


def test_bundles_are_carried_out(node: Scripts, server: Server) -> None:
    said = node.play("bundles", server.url)
    assert said == {"batch": ["200", "404"], "transaction": ["201", "201"], "linked": True}


def test_a_retry_after_a_cut_connection_books_once(node: Scripts, server: Server) -> None:
    with CuttingProxy(server.port, "$book") as proxy:
        said = node.play("retry", proxy.url, "urn:uuid:8d0b4e3c-77aa-4a54-9d7c-6d1f64cf8f4b")
        assert proxy.asked == 2, "the client asks again by itself"
    assert said["start"] == f"{MONDAY}10:30:00.000Z"
    assert server.get(f"Appointment/{said['id']}")["status"] == "booked"
    assert (server.count("Appointment"), server.count("Slot")) == (1, 1)


def test_credentials_give_a_token(node: Scripts, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.toml"
    tokens.write_text('[[token]]\nsubject = "front desk"\nrole = "booker"\ntoken = "a secret of the front desk"\n')
    with serving(tmp_path, "--token-file", str(tokens)) as server:
        said = node.play("login", server.url, "front desk", "a secret of the front desk")
    # The client has a text of its own for 401.
    assert said["before"]["message"] == "Unauthorized"
    assert said["wrong"]["message"] == "Failed to fetch tokens: The token is not known"
    assert (said["profile"], said["name"], said["offers"]) == ("ClientApplication", "front desk", 4)
    assert said["forbidden"]["issue"]["code"] == "forbidden"


def test_the_command_line_of_medplum_finds_books_and_cancels(node: Scripts, server: Server, tmp_path: Path) -> None:
    def medplum(*arguments: str) -> Resource:
        program = node.folder / "node_modules" / "@medplum" / "cli" / "dist" / "cjs" / "index.cjs"
        return json.loads(node.run(str(program), *arguments, "--base-url", server.url, home=tmp_path))

    query = (
        "start=2026-03-16T09:00:00Z&end=2026-03-16T10:00:00Z&service-type-reference=HealthcareService/checkup"
        "&schedule=Schedule/a"
    )
    offers = [one["resource"] for one in medplum("get", f"Appointment/$find?{query}")["entry"]]
    assert [one["start"] for one in offers] == starts("09:00", "09:30")
    booked = medplum("post", "Appointment/$book", json.dumps(offers[1]))["entry"][0]["resource"]
    assert booked["status"] == "booked"
    assert medplum("get", f"Appointment/{booked['id']}") == booked
    assert medplum("post", f"Appointment/{booked['id']}/$cancel", "{}")["status"] == "cancelled"


def test_the_session_of_the_readme_prints_what_it_shows(node: Scripts, tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text()
    found = re.search(r"^```js\n(?P<session>.*?)^```\n\n```text\n(?P<printed>.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    ledger = tmp_path / "clinic.ledger"
    with open_ledger(ledger) as one:
        one.load(str(ROOT / "examples" / "clinic"))
    with server_support.serving(ledger, now="2026-03-09T13:00:00Z") as server:
        session = found["session"].replace("http://127.0.0.1:8103", server.root)
        assert node.run("--input-type=module", "--eval", session) == found["printed"]
