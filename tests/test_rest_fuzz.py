"""Requests of every kind, most of them wrong: none is our fault, and the ledger holds after all of them."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from ledger_support import proposal, visit
from rest_support import BASE, NewFace
from rest_support import face_fixture as face_fixture
from slotwright.io.rest import answer
from slotwright.io.rest.exchange import Request, Response
from slotwright.io.rest.parameters import PARAMETERS
from support import HOLD_EXPIRES_URL, Resource, appointment, parameters, schedule, service, slot

LEAVES = [
    None, True, 0, -1, 1.5, 2**62, "", "x", "Slot/s", "Schedule/a", "2026-03-16T09:00:00Z", "busy", "booked",
    "urn:uuid:x", f"{BASE}/Schedule/a", "Patient?identifier=u|7", "Patient?x",
]  # fmt: skip
NAMES = [
    "resourceType", "id", "meta", "extension", "url", "valueReference", "reference", "schedule", "status", "start",
    "end", "serviceType", "slot", "participant", "actor", "identifier", "system", "value", "coding", "code", "name",
    "family", "planningHorizon", "availableTime", "notAvailable", "active", "contained", "versionId", "valueInstant",
]  # fmt: skip
VALUES = ["", "a", "Schedule/a", "2026-03", "ge2026-03-16", "u|7", "7|", "\\", ",", "true", "-start", "5", "WyJzMSJd",
          "1.1", "\x00", "é", "a,b|c\\|d", "999999999999999999.9999999"]  # fmt: skip
KINDS = [*PARAMETERS, "Encounter", "x"]
CONTROLS = ["_count", "_sort", "_cursor", "_since", "_total", "_summary", "foo"]
FIND = {
    "start": ["2026-03-16"], "end": ["2026-03-17"], "schedule": ["Schedule/a"],
    "service-type-reference": ["HealthcareService/checkup"],
}  # fmt: skip


class Drawing:
    """Requests from a seed."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)

    def junk(self, depth: int = 0) -> Any:
        kind = self.draw.random()
        if depth > 3 or kind < 0.5:
            return self.draw.choice(LEAVES)
        if kind < 0.75:
            return [self.junk(depth + 1) for _ in range(self.draw.randint(0, 3))]
        return {self.draw.choice(NAMES): self.junk(depth + 1) for _ in range(self.draw.randint(0, 4))}

    def resource(self) -> Resource:
        """A sound one, or one of which an element or two are not."""
        draw = self.draw
        hour, status = draw.randint(8, 12), draw.choice(["busy", "free", "busy-unavailable", "entered-in-error"])
        makers: list[Callable[[], Resource]] = [
            lambda: slot(
                draw.choice("st"), "a", f"2026-03-16T{hour:02}:00:00Z", f"2026-03-16T{hour + 1:02}:00:00Z", status
            ),
            lambda: appointment(
                draw.choice("pq"),
                ["s"],
                status=draw.choice(["booked", "pending", "cancelled"]),
                extension=[
                    {
                        "url": HOLD_EXPIRES_URL,
                        "valueInstant": draw.choice(["2020-01-01T00:00:00Z", "2027-01-01T00:00:00Z"]),
                    }
                ],
            ),
            lambda: schedule("a", parameters(availability=[])),
            lambda: schedule("a"),
            lambda: service(availableTime=[{"daysOfWeek": ["mon"], "allDay": True}]),
            lambda: {"resourceType": "Patient", "id": "p", "identifier": [{"system": "u", "value": "7"}]},
        ]
        found = draw.choice(makers)()
        for _ in range(draw.choice([0, 0, 1, 2])):
            found[draw.choice(NAMES)] = self.junk()
        return found

    def request(self, *, inside: bool = False) -> Request:
        draw = self.draw
        kind, body = draw.choice(KINDS), self.resource()
        own, id = str(body.get("resourceType")), str(body.get("id"))
        query = {
            draw.choice([*(one.name for one in PARAMETERS.get(kind, ())), *CONTROLS])
            + draw.choice(["", "", "", ":not", ":missing", ":exact", ":Patient", ":x"]): [draw.choice(VALUES)]
            for _ in range(draw.randint(0, 3))
        }
        headers: dict[str, Any] = {
            "if_match": draw.choice([None, None, 'W/"1"', "x"]),
            "if_none_match": draw.choice([None, None, "*", 'W/"1"']),
            "if_none_exist": draw.choice([None, None, "identifier=u|7", "x=1", ""]),
            "prefer": draw.choice([None, "return=minimal", "return=OperationOutcome", "handling=strict"]),
        }  # fmt: skip
        forms: list[Callable[[], Request]] = [
            lambda: Request("PUT", f"{own}/{id}", {}, body, BASE),
            lambda: Request("PUT", f"{own}/{id}", {}, body, BASE, **headers),
            lambda: Request("DELETE", f"{own}/{id}", {}, None, BASE, **headers),
            lambda: Request("POST", own, {}, body, BASE, **headers),
            lambda: Request("GET", kind, query, None, BASE, **headers),
            lambda: Request("GET", f"{kind}/{draw.choice('aspx')}", query, None, BASE, **headers),
            lambda: Request(
                "GET",
                draw.choice(["_history", f"{kind}/_history", f"{kind}/s/_history", "Slot/s/_history/2"]),
                query,
                None,
                BASE,
                **headers,
            ),
            lambda: Request(
                "POST", "Appointment/$book", {}, proposal(visit("a", f"{draw.randint(8, 18):02}:00")), BASE
            ),
            lambda: Request(
                "POST", f"Appointment/{draw.choice('pq')}/{draw.choice(['$cancel', '$confirm'])}", {}, None, BASE
            ),
            lambda: Request("GET", "Appointment/$find", FIND, None, BASE),
            lambda: Request(
                draw.choice(["GET", "POST", "FOO"]), draw.choice(["", "Slot/_search", "Slot/a/b"]), {}, self.junk()
            ),
        ]
        if not inside:
            forms += [lambda: Request("POST", "", {}, self.bundle(), BASE, **headers)] * 2
        return draw.choice(forms)()

    def bundle(self) -> Resource:
        entries: list[Any] = []
        for _ in range(self.draw.randint(0, 4)):
            one = self.request(inside=True)
            query = "&".join(f"{name}={quote(values[0])}" for name, values in one.query.items())
            asked: Resource = {"method": one.method, "url": f"{one.path}?{query}" if query else one.path}
            if one.if_none_exist is not None:
                asked["ifNoneExist"] = one.if_none_exist
            entry: Resource = {"request": asked, "fullUrl": self.draw.choice(["urn:uuid:x", "urn:uuid:y", 5, None])}
            entries.append({**entry, "resource": one.body} if one.body is not None else entry)
            if self.draw.random() < 0.05:
                entries.append(self.junk())
        return {"resourceType": "Bundle", "type": self.draw.choice(["batch", "transaction"]), "entry": entries}


def statuses(found: Response) -> list[int]:
    """The status of the answer, and those in it."""
    entries: list[Resource] = []
    if found.resource is not None and str(found.resource.get("type")) in ("batch-response", "transaction-response"):
        entries = found.resource.get("entry", [])
    return [found.status, *(int(one["response"]["status"][:3]) for one in entries if "response" in one)]


@pytest.mark.parametrize("seed", range(4))
def test_no_request_is_our_fault(face: NewFace, seed: int) -> None:
    clinic = face()
    drawing = Drawing(seed)
    seen: Counter[int] = Counter()
    for _ in range(400):
        request = drawing.request()
        last = clinic.ledger.last
        found = answer(clinic.ledger, request)
        assert all(one < 500 for one in statuses(found)), request
        assert json.dumps(found.resource, allow_nan=False)
        if found.status >= 400:
            assert clinic.ledger.last == last, request
        seen.update(statuses(found))
    assert {200, 201, 204, 400, 404, 405, 409, 412} <= set(seen), "it looks into every corner"
