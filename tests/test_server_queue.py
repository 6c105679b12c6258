"""The HTTP face's two queues: writes share transactions, reads do not wait for them, and what waits is limited."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import Any

import pytest
from server_support import BASE, FIND, Face, Made, Reply, Sender, booking, busy
from server_support import face_fixture as face_fixture
from server_support import made_fixture as made_fixture
from slotwright.io import rest
from slotwright.io.ledger.jobs import Job
from slotwright.io.ledger.ledger import Ledger
from slotwright.io.rest.exchange import Interaction, Request, Response
from slotwright.io.server import app

BOOK = f"{BASE}/Appointment/$book"
TIMES = [f"{hour:02}:{minute}" for hour in range(24) for minute in ("00", "30")]


def groups_of(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many writes each transaction of the server has, as it goes on."""
    found: list[int] = []
    run = ledger.run

    def watched(jobs: Sequence[Job[Any]]) -> None:
        found.append(len(jobs))
        run(jobs)

    monkeypatch.setattr(ledger, "run", watched)
    return found


def sent(face: Face, content: Any, **more: Any) -> tuple[Sender, asyncio.Task[Reply | None]]:
    """A request to book that is under way; to be called in the loop."""
    sender = Sender([json.dumps(content).encode()], **more)
    headers = face.with_type(content, {})
    return sender, asyncio.ensure_future(face.asked("POST", BOOK, sender, **headers))


async def until_waiting(senders: Sequence[Sender]) -> None:
    """All have been read, judged and queued."""
    for one in senders:
        await asyncio.wait_for(one.reading.wait(), 30)


def booked(ledger: Ledger) -> list[str]:
    return sorted(one["start"][11:16] for one in ledger.resources("Appointment"))


def test_what_queues_up_while_another_writes_is_one_transaction(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = groups_of(face.ledger, monkeypatch)
    refused = booking("00:00", service="unknown")

    async def scene() -> list[Reply | None]:
        with busy(face.ledger):
            asked = [sent(face, booking("00:00"))]
            await until_waiting([asked[0][0]])
            while len(groups) < 2:
                await asyncio.sleep(0.001)
            asked += [sent(face, content) for content in [*map(booking, TIMES[1:21]), refused, booking("00:00")]]
            await until_waiting([one for one, _ in asked])
            find = await face.asked("GET", f"{BASE}/Appointment/$find?{FIND}", Sender())
            assert find is not None and len(find.json["entry"]) == 20, "readers see what was there, and wait for nobody"
        return list(await asyncio.gather(*(task for _, task in asked)))

    replies = [one for one in face.run(scene()) if one is not None]
    assert [one.status for one in replies] == [201] * 21 + [404, 400]
    assert groups == [1, 1, 22], "the other's, the first, and all that came while it waited"
    assert booked(face.ledger) == TIMES[:21]


def test_more_than_may_wait_is_refused_before_anything_is_done(made: Made) -> None:
    face = made(max_waiting=3)

    async def scene() -> list[Reply | None]:
        with busy(face.ledger):
            asked = [sent(face, booking(TIMES[0]))]
            await until_waiting([asked[0][0]])
            while face.app.waiting:
                await asyncio.sleep(0.001)
            asked += [sent(face, booking(one)) for one in TIMES[1:4]]
            await until_waiting([one for one, _ in asked])
            too_many = [await task for _, task in [sent(face, booking(one)) for one in TIMES[4:9]]]
            assert face.app.waiting == 3
            find = await face.asked("GET", f"{BASE}/Appointment/$find?{FIND}", Sender())
            assert find is not None and find.status == 200, "reads have a queue of their own"
        return [*(await asyncio.gather(*(task for _, task in asked))), *too_many]

    replies = [one for one in face.run(scene()) if one is not None]
    assert [one.status for one in replies] == [201] * 4 + [429] * 5
    assert replies[-1].issue[:2] == (429, "throttled")
    assert replies[-1].headers["retry-after"] == "1"
    assert booked(face.ledger) == TIMES[:4]
    assert face("POST", BOOK, booking(TIMES[5])).status == 201, "there is room again"


def test_who_leaves_before_the_turn_comes_is_dropped(face: Face) -> None:
    async def scene() -> list[Reply | None]:
        with busy(face.ledger):
            first = sent(face, booking(TIMES[0]))
            await until_waiting([first[0]])
            while face.app.waiting:
                await asyncio.sleep(0.001)
            second, third = (sent(face, booking(one)) for one in TIMES[1:3])
            await until_waiting([second[0], third[0]])
            first[0].gone.set()
            second[0].gone.set()
            assert await second[1] is None
        return [await first[1], await third[1]]

    begun, stayed = face.run(scene())
    assert begun is None or begun.status == 201
    assert stayed.status == 201
    assert booked(face.ledger) == [TIMES[0], TIMES[2]], "what had begun when its client left is carried out"


def test_an_answer_that_cannot_be_written_is_no_commit(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may fail once it is stored: the client would ask again."""

    def asked(request: Request) -> Interaction:
        def write(transaction: Any) -> Response:
            transaction.put({"resourceType": "Patient", "id": "x"})
            transaction.append("put", {"who": request.who})
            return Response(201, {"resourceType": "Patient", "name": {object()}})

        return Interaction("create", "Patient", write=write)

    before = face.ledger.last
    monkeypatch.setattr(app, "interaction", asked)
    assert face("POST", f"{BASE}/Patient", {}).issue == (500, "exception", "Internal server error")
    assert (face.ledger.last, face.ledger.read("Patient/x")) == (before, None)


def test_a_fault_of_ours_is_logged_without_what_was_asked(
    face: Face, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def asked(request: Request) -> Interaction:
        def read(_: object) -> Response:
            raise RuntimeError(request.path)

        return Interaction("read", "Patient", read=read)

    monkeypatch.setattr(app, "interaction", asked)
    with caplog.at_level(logging.INFO, "slotwright.server"):
        reply = face("GET", f"{BASE}/Patient/ann-lee?name=lee")
    assert reply.issue == (500, "exception", "Internal server error")
    assert "GET /fhir/R4/Patient/{id} failed: RuntimeError" in caplog.text and "test_server_queue.py" in caplog.text
    assert "ann" not in caplog.text.lower() and "lee" not in caplog.text.lower()


def test_a_fault_in_one_entry_of_a_batch_is_logged_so_too(
    face: Face, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def route(request: Request) -> Interaction:
        raise RuntimeError(request.path)

    monkeypatch.setattr(rest, "route", route)
    entries = [{"request": {"method": "GET", "url": "Patient/ann-lee"}}, {"request": {"method": "GET", "url": ""}}]
    reply = face("POST", BASE, {"resourceType": "Bundle", "type": "batch", "entry": entries})
    assert [one["response"]["status"] for one in reply.json["entry"]] == [
        "500 Internal Server Error",
        "400 Bad Request",
    ]
    assert "batch failed: RuntimeError" in caplog.text and "test_server_queue.py" in caplog.text
    assert "ann-lee" not in caplog.text


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/fhir/R4/Patient/ann", "/fhir/R4/Patient/{id}"),
        ("/fhir/R4/Patient/ann/_history/2", "/fhir/R4/Patient/{id}/_history/{id}"),
        ("/fhir/R4/Appointment/x/$cancel", "/fhir/R4/Appointment/{id}/$cancel"),
        ("/fhir/R4/Ann", "/fhir/R4/{path}"),
        ("/fhir/R4/Patient/_search", "/fhir/R4/Patient/_search"),
        ("/fhir/R4", "/fhir/R4"),
        ("/fhir/R4/Patient/$Ann", "/fhir/R4/Patient/{id}"),
        ("/Ann", "{path}"),
        ("/healthz", "/healthz"),
    ],
)
def test_a_line_of_the_log_names_no_id(face: Face, caplog: pytest.LogCaptureFixture, path: str, shown: str) -> None:
    with caplog.at_level(logging.INFO, "slotwright.server"):
        status = face("GET", f"{path}?name=ann").status
    (record,) = caplog.records
    assert record.getMessage().startswith(f"GET {shown} {status} ")
