"""The HTTP face in process, driven as ASGI drives it, and as a process of its own on loopback."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ledger_support import NOW, basic, moment, proposal, visit
from slotwright.io import Ledger, open_ledger
from slotwright.io.server.app import App
from slotwright.io.server.settings import Settings
from support import Resource

HOST = "127.0.0.1:8103"
BASE = "/fhir/R4"
FHIR = "application/fhir+json"
FIND = (
    "start=2026-03-16T00:00:00Z&end=2026-03-17T00:00:00Z&service-type-reference=HealthcareService/checkup"
    "&schedule=Schedule/a"
)
COMMAND = str(Path(sys.executable).parent / "slotwright")


@dataclass(frozen=True)
class Reply:
    """What was answered; `pieces_read` of the body had been asked for by then."""

    status: int
    headers: dict[str, str]
    body: bytes
    pieces_read: int = 0

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def issue(self) -> tuple[int, str, str]:
        """Status, code and text; it must be an OperationOutcome with one error, said to be FHIR."""
        assert self.headers["content-type"] == "application/fhir+json; charset=utf-8"
        outcome = self.json
        assert outcome["resourceType"] == "OperationOutcome"
        (issue,) = outcome["issue"]
        assert issue["severity"] == "error"
        return self.status, issue["code"], issue["details"]["text"]


@dataclass
class Sender:
    """The client's side of one request: pieces of the body, then silence or a hang-up."""

    pieces: Sequence[bytes] = (b"",)
    is_whole: bool = True
    leaves: bool = False
    sent: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    reading: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the server waits for something that may never come."""

    async def __call__(self) -> dict[str, Any]:
        if self.sent < len(self.pieces):
            self.sent += 1
            more = self.sent < len(self.pieces) or not self.is_whole
            return {"type": "http.request", "body": self.pieces[self.sent - 1], "more_body": more}
        self.reading.set()
        if not self.leaves:
            await self.gone.wait()
        return {"type": "http.disconnect"}


class Face:
    """The application over a ledger. Requests name the host it would be bound to, unless they say otherwise."""

    def __init__(self, ledger: Ledger, **settings: Any) -> None:
        self.ledger = ledger
        self.runner = asyncio.Runner()
        self.app = self.runner.run(self._made(Settings(**settings)))

    async def _made(self, settings: Settings) -> App:
        return App(self.ledger, settings, 8103)

    def close(self) -> None:
        self.app.close(10)
        self.runner.close()

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """One request; `body` is sent as JSON unless it is bytes. `if_match=` is the header If-Match."""
        reply = self.run(self.asked(method, path, self.sender(body), **self.with_type(body, headers)))
        assert reply is not None
        return reply

    @staticmethod
    def sender(body: Any) -> Sender:
        return Sender([b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()])

    @staticmethod
    def with_type(body: Any, headers: Mapping[str, str]) -> dict[str, str]:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {} if body is None else {"content_type": FHIR, "content_length": str(len(content))}
        return {**given, **headers}

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    async def asked(self, method: str, path: str, sender: Sender, **headers: str) -> Reply | None:
        """None if the server says nothing."""
        path, _, query = path.partition("?")
        fields = {"host": HOST, **{name.replace("_", "-"): value for name, value in headers.items()}}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in fields.items() if value],
            "server": ("127.0.0.1", 8103),
        }
        sent: list[dict[str, Any]] = []

        async def send(message: Any) -> None:
            sent.append(message)
            await asyncio.sleep(0)

        await self.app(scope, sender, send)
        if not sent:
            return None
        start, body = sent
        found = {name.decode(): value.decode() for name, value in start["headers"]}
        return Reply(start["status"], found, body["body"], sender.sent)


def booking(start: str, schedule: str = "a", **elements: Any) -> Resource:
    """The body of `$book`; starts are times of Monday 2026-03-16."""
    return parameters_of(proposal(visit(schedule, start), **elements))


def parameters_of(appointment: Resource) -> Resource:
    return {"resourceType": "Parameters", "parameter": [{"name": "appointment", "resource": appointment}]}


def clinic(path: Path, *resources: Resource, now: str = NOW) -> Ledger:
    """A ledger of Schedules a and b, always open."""
    ledger = open_ledger(path, clock=lambda: moment(now), identity="test")
    ledger.load(list(resources or basic()), now=moment("2026-01-01T00:00:00Z"))
    return ledger


def appointment_of(reply: Reply) -> Resource:
    """The Appointment that was answered, bare or first of a Bundle."""
    resource = reply.json
    return resource["entry"][0]["resource"] if resource["resourceType"] == "Bundle" else resource


Made = Callable[..., Face]


@pytest.fixture(name="made")
def made_fixture(tmp_path: Path) -> Iterator[Made]:
    """made(max_body=10) is the application over a new clinic, with these settings."""
    opened: list[Face] = []

    def face(**settings: Any) -> Face:
        opened.append(Face(clinic(tmp_path / f"{len(opened)}.ledger"), **settings))
        return opened[-1]

    yield face
    for one in opened:
        one.close()
        one.ledger.close()


@pytest.fixture(name="face")
def face_fixture(made: Made) -> Face:
    return made()


@contextmanager
def busy(ledger: Ledger) -> Generator[None]:
    """Somebody else writes, until the end."""
    begun, over = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        begun.set()
        assert over.wait(30)

    thread = threading.Thread(target=ledger.transact, args=("put", hold))
    thread.start()
    assert begun.wait(30)
    try:
        yield
    finally:
        over.set()
        thread.join()


# A server of its own


@dataclass
class Server:
    """A server on loopback."""

    process: subprocess.Popen[str]
    base: str
    log: Path
    stack: ExitStack = field(default_factory=ExitStack)
    """What is closed before it ends."""

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.base.removeprefix("http://").partition("/")[0].partition(":")
        return host, int(port)

    @property
    def root(self) -> str:
        return self.base.removesuffix(BASE)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(timeout=30)


@contextmanager
def serving(ledger: Path, *options: str, now: str | None = NOW, files: int | None = None) -> Generator[Server]:
    """`slotwright serve` on a free port, until the end; it may open so many files."""
    log = ledger.with_suffix(".log")
    command = [COMMAND, "serve", "--ledger", str(ledger), "--port", "0", *options]
    command += [] if now is None else ["--now", now]
    if files is not None:
        command = ["/bin/sh", "-c", f'ulimit -n {files}; exec "$@"', "sh", *command]
    with log.open("a") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.startswith("Serving "), log.read_text()
        server = Server(process, first.split(" at ")[1].strip(), log)
        with server.stack:
            yield server
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(timeout=30)
        finally:
            process.kill()
            if process.stdout is not None:
                process.stdout.close()


def token_file(path: Path, *tokens: tuple[str, str, str], extra: Iterable[str] = ()) -> str:
    """A file of tokens: subject, role and token of each."""
    lines = [
        f'[[token]]\nsubject = "{subject}"\nrole = "{role}"\ntoken = "{token}"\n' for subject, role, token in tokens
    ]
    path.write_text("\n".join([*lines, *extra]))
    return str(path)
