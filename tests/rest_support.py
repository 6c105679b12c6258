"""Requests to FHIR's RESTful interface of a ledger, for tests that read like http.html."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
from ledger_support import BEGINNING, basic
from slotwright.io import Ledger, open_ledger
from slotwright.io.rest import answer
from slotwright.io.rest.exchange import Request, Response
from support import Resource

BASE = "http://clinic.test/fhir/R4"


class Said(NamedTuple):
    """Status, code and text of a refusal."""

    status: int
    code: str
    text: str


class Face:
    """A ledger behind the interface."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def ask(self, method: str, url: str, body: object = None, **headers: Any) -> Response:
        """`ask("GET", "Slot?status=busy")`. What is refused leaves nothing; the ledger verifies afterwards."""
        parts = urlsplit(url.removeprefix(f"{BASE}/"))
        query = parse_qs(parts.query, keep_blank_values=True)
        before = self.ledger.last
        found = answer(self.ledger, Request(method, parts.path, query, body, base=BASE, **headers))
        if found.status >= 400 or method == "GET":
            assert self.ledger.last == before, "refused or read, yet something was written"
        return found

    def get(self, url: str, **headers: Any) -> Response:
        return self.ask("GET", url, **headers)

    def found(self, url: str) -> list[str]:
        """The ids that a search finds, in order, over all its pages."""
        ids: list[str] = []
        page: str | None = url
        while page is not None:
            bundle = resource_of(self.get(page))
            ids += [one["resource"]["id"] for one in bundle.get("entry", []) if one["search"]["mode"] == "match"]
            page = link(bundle, "next")
        return ids

    def post(self, resource: Resource, **headers: Any) -> Response:
        return self.ask("POST", resource["resourceType"], resource, **headers)

    def put(self, resource: Resource, **headers: Any) -> Response:
        return self.ask("PUT", f"{resource['resourceType']}/{resource['id']}", resource, **headers)

    def delete(self, reference: str, **headers: Any) -> Response:
        return self.ask("DELETE", reference, **headers)


def resource_of(response: Response, status: int = 200) -> Resource:
    assert response.status == status, response
    assert response.resource is not None
    return response.resource


def said(response: Response) -> Said:
    outcome = response.resource
    assert outcome is not None and outcome["resourceType"] == "OperationOutcome", response
    (issue,) = outcome["issue"]
    assert issue["severity"] == "error"
    return Said(response.status, issue["code"], issue["details"]["text"])


def link(bundle: Resource, relation: str) -> str | None:
    return next((one["url"] for one in bundle["link"] if one["relation"] == relation), None)


NewFace = Callable[..., Face]


@pytest.fixture(name="face")
def face_fixture(tmp_path: Path) -> Iterator[NewFace]:
    """face(*resources) opens a new ledger that holds them, without resources those of `basic`; verified at the end."""
    ledgers: list[Ledger] = []

    def opened(*resources: Resource) -> Face:
        ledger = open_ledger(tmp_path / f"{len(ledgers)}.ledger", clock=lambda: BEGINNING, identity="rest")
        ledgers.append(ledger)
        ledger.load(list(resources or basic()))
        return Face(ledger)

    yield opened
    for ledger in ledgers:
        assert ledger.verify() == []
        ledger.close()
