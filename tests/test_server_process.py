"""`slotwright serve` as a process: starting, stopping, dying, broken clients, and many clients at once."""

from __future__ import annotations

import json
import random
import shlex
import signal
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest
from desk_support import Ask, asker, set_up
from ledger_support import NOW, basic
from server_support import BASE, COMMAND, FHIR, FIND, Server, booking, busy, clinic, serving, token_file
from slotwright.io import open_ledger
from slotwright.io.ledger.ledger import Ledger
from support import practitioner, schedule

BOOK = f"{BASE}/Appointment/$book"
TYPE = f"Content-Type: {FHIR}"
TIMES = [f"{hour:02}:{minute}" for hour in range(24) for minute in ("00", "30")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "clinic.ledger"
    clinic(file).close()
    return file


@pytest.fixture
def server(path: Path) -> Iterator[Server]:
    with serving(path) as running:
        yield running


class Client:
    """One connection; what is asked is JSON."""

    def __init__(self, server: Server) -> None:
        self.http = HTTPConnection(*server.address, timeout=30)
        server.stack.callback(self.http.close)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        content = None if body is None else json.dumps(body)
        self.http.request(method, path, content, {"Content-Type": FHIR, **headers})
        reply = self.http.getresponse()
        return reply.status, json.loads(reply.read())

    def book(self, start: str, schedule: str = "a") -> int:
        return self("POST", BOOK, booking(start, schedule))[0]

    def free(self, schedule: str = "a") -> list[str]:
        query = FIND.replace("Schedule/a", f"Schedule/{schedule}")
        _, bundle = self("GET", f"{BASE}/Appointment/$find?{query}&_count=100")
        return [entry["resource"]["start"][11:16] for entry in bundle.get("entry", [])]


def opened(path: Path) -> Ledger:
    return open_ledger(path, read_only=True, create=False)


def booked(path: Path) -> list[str]:
    with opened(path) as ledger:
        return sorted(one["start"][11:16] for one in ledger.resources("Appointment"))


def raw(server: Server, content: bytes) -> socket.socket:
    """A connection that has sent just this."""
    found = server.stack.enter_context(socket.create_connection(server.address, timeout=30))
    found.sendall(content)
    return found


def everything(connection: socket.socket) -> bytes:
    """What comes until the server hangs up."""
    pieces: list[bytes] = []
    while piece := connection.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


def request(server: Server, method: str, path: str, content: bytes, *fields: str) -> bytes:
    host, port = server.address
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}:{port}", f"Content-Length: {len(content)}", *fields]
    return "\r\n".join([*lines, "", ""]).encode() + content


# Starting


def test_it_prints_where_it_is_and_a_command_to_try(path: Path) -> None:
    with serving(path) as server:
        assert server.process.stdout is not None
        line = server.process.stdout.readline()
        assert line.startswith("Try: curl 'http://127.0.0.1:")
        _, _, address = shlex.split(line)
        status, bundle = Client(server)("GET", address.removeprefix(server.root))
        assert (status, bundle["resourceType"]) == (200, "Bundle")
        assert server.stop() == 0
    assert "GET /fhir/R4/Appointment/$find 200 " in server.log.read_text()
    assert {one.name for one in path.parent.iterdir()} == {"clinic.ledger", "clinic.ledger-lock", "clinic.log"}


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    return asker(tmp_path, monkeypatch, capsys)


def test_a_port_that_is_taken(ask: Ask) -> None:
    set_up(ask)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        said = ask("serve", "--port", port)
    assert (said.code, said.out) == (2, "")
    assert f"127.0.0.1, port {port}, cannot be listened on (" in said.err and "--port" in said.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--host", "0.0.0.0"), "--token-file"),
        (("--host", "no.such.host.invalid", "--insecure"), "cannot be listened on"),
        (("--cors-origin", "*"), "'*' is no origin"),
        (("--base-url", "clinic.example"), "'clinic.example' is no address"),
        (("--port", "65536"), "65536"),
        (("--max-body", "0"), "--max-body"),
        (("--body-timeout", "nan"), "no number"),
    ],
)
def test_wrong_use_is_said_before_anything_is_served(ask: Ask, options: tuple[str, ...], words: str) -> None:
    set_up(ask)
    said = ask("serve", *options)
    assert (said.code, said.out) == (2, "")
    assert words in said.err


@pytest.mark.parametrize(
    ("setting", "words"),
    [('host = "0.0.0.0"', "--token-file"), ('cors_origin = ["https://a.example", "*"]', "'*' is no origin")],
)
def test_settings_of_the_file_hold_for_serve_alone(ask: Ask, setting: str, words: str) -> None:
    set_up(ask)
    Path("slotwright.toml").write_text(f"{setting}\n")
    said = ask("serve", "--port", "0")
    assert said.code == 2 and words in said.err
    assert ask("list").code == 0


def test_the_environment_says_where_to_listen(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(ask)
    monkeypatch.setenv("SLOTWRIGHT_HOST", "0.0.0.0")
    said = ask("serve", "--port", "0")
    assert said.code == 2 and "--host 0.0.0.0" in said.err


def test_tokens_that_cannot_be_read(ask: Ask) -> None:
    set_up(ask)
    said = ask("serve", "--port", "0", "--token-file", "none.toml")
    assert (said.code, said.out, said.err) == (5, "", "Error: none.toml cannot be read: No such file or directory.\n")


def test_a_library_that_is_missing(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    set_up(ask)
    for name in [one for one in sys.modules if one.startswith("slotwright.io.server")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    said = ask("serve", "--port", "0")
    assert (said.code, said.out) == (2, "")
    assert "pip install 'slotwright[server]'" in said.err


def test_listening_for_others_without_tokens_is_said_loudly(path: Path) -> None:
    with serving(path, "--host", "0.0.0.0", "--insecure") as server:
        assert server.base.startswith("http://127.0.0.1:")
        assert Client(server)("GET", "/healthz")[0] == 200
    assert "Warning: everybody who reaches 0.0.0.0" in server.log.read_text()


# Stopping


def until_read(server: Server) -> None:
    """Whatever was sent before has been read: two turns of the event loop have passed since."""
    for _ in range(2):
        assert Client(server)("GET", "/healthz")[0] == 200


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_what_has_begun_is_answered_before_it_ends(path: Path, how: signal.Signals) -> None:
    """Somebody else writes, so that the booking waits; then the server is told to stop."""
    with open_ledger(path) as other, serving(path) as server:
        with busy(other):
            waiting = raw(server, request(server, "POST", BOOK, json.dumps(booking("09:00")).encode(), TYPE))
            idle, half = raw(server, b""), raw(server, request(server, "POST", BOOK, b"x" * 10, TYPE)[:-5])
            until_read(server)
            server.process.send_signal(how)
            assert everything(idle) == b""
            assert everything(half).startswith(b"HTTP/1.1 408 ")
            assert server.process.poll() is None
        assert everything(waiting).startswith(b"HTTP/1.1 201 ")
        assert server.process.wait(30) == 0
    assert booked(path) == ["09:00"]


def test_who_waits_too_long_while_it_stops_is_told_nothing_wrong(path: Path) -> None:
    """Whether the booking is made is not known yet: the client may ask again, and must not be told that it failed."""
    with open_ledger(path) as other, serving(path, "--stop-timeout", "0.2") as server:
        with busy(other):
            waiting = raw(server, request(server, "POST", BOOK, json.dumps(booking("09:00")).encode(), TYPE))
            until_read(server)
            server.process.terminate()
            assert everything(waiting) == b""
        assert server.process.wait(30) == 0


def listens(server: Server) -> bool:
    try:
        socket.create_connection(server.address, timeout=30).close()
    except ConnectionError:
        return False
    return True


def test_a_second_signal_ends_at_once(path: Path) -> None:
    with open_ledger(path) as other, serving(path) as server, busy(other):
        waiting = raw(server, request(server, "POST", BOOK, json.dumps(booking("09:00")).encode(), TYPE))
        until_read(server)
        server.process.terminate()
        while listens(server):  # until the first signal has been taken
            pass
        assert server.stop() == 130
        assert waiting.recv(10) == b""


def test_what_was_acknowledged_outlives_a_kill(path: Path) -> None:
    acknowledged: list[str] = []

    def go_on(server: Server, starts: list[str]) -> None:
        client = Client(server)
        try:
            for start in starts:
                if client.book(start) == 201:
                    acknowledged.append(start)
        except (OSError, HTTPException):
            return

    with serving(path) as server:
        threads = [threading.Thread(target=go_on, args=(server, TIMES[number::4])) for number in range(4)]
        for thread in threads:
            thread.start()
        while len(acknowledged) < 5:
            threads[0].join(0.001)
        server.process.kill()
        for thread in threads:
            thread.join()
    assert len(acknowledged) >= 5 and set(acknowledged) <= set(booked(path))
    with serving(path) as again:
        assert set(Client(again).free()) == set(TIMES) - set(booked(path))


# Broken clients


def test_half_open_connections_keep_nobody_from_booking(server: Server, path: Path) -> None:
    whole = request(server, "POST", BOOK, json.dumps(booking("09:00")).encode(), TYPE)
    half_open = [raw(server, whole[: 40 if number % 2 else -20]) for number in range(200)]
    client = Client(server)
    assert [client.book(one) for one in TIMES[:10]] == [201] * 10
    assert client.free()[0] == TIMES[10]
    for one in half_open:
        one.close()
    assert server.stop() == 0
    assert booked(path) == TIMES[:10], "half a request books nothing"


def test_connections_leave_files_for_the_ledger(path: Path) -> None:
    with serving(path, files=128) as server:
        client = Client(server)
        assert client.free()[0] == "00:00"
        several = [raw(server, b"") for _ in range(150)]
        assert everything(several[-1]).startswith(b"HTTP/1.1 429 ")
        assert client.book("09:00") == 201, "the writer opens the ledger only now"
        for one in several:
            one.close()
        until_read(server)


def test_half_a_request_is_not_waited_for(path: Path) -> None:
    with serving(path, "--body-timeout", "0.5") as server:
        whole = request(server, "POST", BOOK, json.dumps(booking("09:00")).encode(), TYPE)
        assert everything(raw(server, b"")) == b""
        for part in (whole[:40], whole[:-1]):
            head, _, content = everything(raw(server, part)).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 408 ") and b"application/fhir+json" in head
            assert json.loads(content)["issue"][0]["code"] == "timeout"
        # A connection that was used before, too.
        used = raw(server, request(server, "GET", "/healthz", b"") + whole[:40])
        assert everything(used).count(b"HTTP/1.1 ") == 2


def test_what_is_wrong_behind_a_request_is_not_its_answer(path: Path) -> None:
    """Else a client would be told that its booking failed, which is made."""
    with open_ledger(path) as other, serving(path, "--body-timeout", "0.5") as server:
        with busy(other):
            several = {
                start: raw(server, request(server, "POST", BOOK, json.dumps(booking(start)).encode(), TYPE))
                for start in ("09:00", "10:00", "11:00")
            }
            until_read(server)
            several["09:00"].sendall(b"\0 this is no HTTP\r\n\r\n")
            several["10:00"].sendall(b"GET /healthz HTTP/1.1\r\nHo")
            several["11:00"].sendall(request(server, "GET", "/healthz", b"x" * 10)[:-5] + b"\r\n")
            assert everything(raw(server, b"")) == b"", "the time for half a request is over"
        for connection in several.values():
            answers = everything(connection)
            assert answers.startswith(b"HTTP/1.1 201 ") and answers.count(b"HTTP/1.1 4") == 0
    assert booked(path) == ["09:00", "10:00", "11:00"]


def test_the_rest_of_a_body_that_nobody_reads_is_not_waited_for(path: Path) -> None:
    with serving(path, "--body-timeout", "0.5") as server:
        for lines in (["Transfer-Encoding: chunked"], ["Content-Length: 100"]):
            whole = f"GET /healthz HTTP/1.1\r\nHost: localhost:{server.address[1]}\r\n{lines[0]}\r\n\r\n1\r\nx"
            assert everything(raw(server, whole.encode())).startswith(b"HTTP/1.1 200 ")


def test_what_stands_behind_a_body_is_limited_too(server: Server) -> None:
    head = request(server, "POST", BOOK, b"", TYPE, "Transfer-Encoding: chunked").replace(b"Content-Length: 0\r\n", b"")
    for rest in (b"0\r\nX: " + b"x" * 70_000, b"1;" + b"x" * 70_000):
        connection = raw(server, head)
        until_read(server)
        connection.sendall(rest)
        assert everything(connection).startswith(b"HTTP/1.1 413 ")


NO_REQUESTS = [
    (b"SPAM\r\n\r\n", 400, "invalid"),
    (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400, "invalid"),
    (b"GET / HTTP/1.1\r\nbroken header\r\n\r\n", 400, "invalid"),
    (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, 413, "too-costly"),
    (b"GET /" + b"x" * 70_000, 413, "too-costly"),
]


def test_what_is_no_request_is_answered_in_fhir(server: Server) -> None:
    for content, status, code in NO_REQUESTS:
        head, _, body = everything(raw(server, content)).partition(b"\r\n\r\n")
        assert head.startswith(f"HTTP/1.1 {status} ".encode())
        assert b"content-type: application/fhir+json; charset=utf-8" in head
        outcome = json.loads(body)
        assert (outcome["resourceType"], outcome["issue"][0]["code"]) == ("OperationOutcome", code)


def test_a_body_that_is_too_large_is_told_so_although_it_is_still_being_sent(path: Path) -> None:
    with serving(path, "--max-body", "1000") as server:
        client = Client(server)
        status, outcome = client("POST", BOOK, "x" * 3_000_000)
        assert (status, outcome["issue"][0]["code"]) == (413, "too-costly")
        assert client.book("09:00") == 201, "the connection can go on"


def test_a_page_that_somebody_has_open_cannot_reach_it(server: Server, path: Path) -> None:
    content = json.dumps(booking("09:00")).encode()
    port = server.address[1]
    for lines in (
        ["Host: evil.example", TYPE],
        [f"Host: evil.example:{port}", TYPE],
        [f"Host: 127.0.0.1:{port}", "Origin: https://evil.example", "Content-Type: text/plain"],
        [f"Host: localhost:{port}", "Origin: null", "Content-Type: application/x-www-form-urlencoded"],
    ):
        head = [f"POST {BOOK} HTTP/1.1", *lines, f"Content-Length: {len(content)}", "Connection: close", "", ""]
        # The body is not even sent.
        with raw(server, "\r\n".join(head).encode()) as connection:
            assert connection.recv(65536).startswith(b"HTTP/1.1 403 ")
    assert server.stop() == 0
    assert booked(path) == []


def test_tokens_over_the_wire(path: Path, tmp_path: Path) -> None:
    tokens = token_file(tmp_path / "tokens.toml", ("desk", "booker", "d" * 20))
    with serving(path, "--token-file", tokens, "--host", "0.0.0.0") as server:
        client = Client(server)
        assert client.book("09:00") == 401
        assert client("POST", BOOK, booking("09:00"), Authorization=f"Bearer {'d' * 20}")[0] == 201
        assert client("POST", BOOK, booking("09:00"), Authorization=f"Bearer {'x' * 20}")[0] == 401
    assert "d" * 20 not in server.log.read_text()


def test_where_the_ledger_lies_is_told_to_admins_and_to_the_log(path: Path, tmp_path: Path) -> None:
    tokens = token_file(tmp_path / "tokens.toml", ("desk", "booker", "d" * 20), ("boss", "admin", "b" * 20))
    with serving(path, "--token-file", tokens, "--lock-timeout", "0.1") as server:
        client = Client(server)

        def said(token: str) -> tuple[str, str]:
            _, outcome = client("POST", BOOK, booking("09:00"), Authorization=f"Bearer {token}")
            (issue,) = outcome["issue"]
            return issue["details"]["text"], issue.get("diagnostics", "")

        path.rename(tmp_path / "away")
        for token, shown in (("d" * 20, path.name), ("b" * 20, str(path))):
            expected = f"{shown} was replaced or removed while it was in use; open it anew"
            assert said(token) == ("Ledger is damaged", expected)
        (tmp_path / "away").rename(path)
        with open_ledger(path) as other, busy(other):
            for token, names_others in (("d" * 20, False), ("b" * 20, True)):
                text, words = said(token)
                assert (text, "process" in words) == ("Ledger is busy", names_others)
    assert f"failed: Ledger is damaged: {path} was replaced" in server.log.read_text()


# Others, and many


def test_a_booking_by_another_process_is_seen_by_the_next_find(server: Server, path: Path) -> None:
    client = Client(server)
    assert client.free() == TIMES
    for count in (1, 2):
        subprocess.run(
            [COMMAND, "op", "Appointment/$book", "--ledger", str(path), "--now", NOW],
            input=json.dumps(booking(TIMES[count])),
            stdout=subprocess.DEVNULL,
            text=True,
            check=True,
            timeout=30,
        )
        assert client.free() == [TIMES[0], *TIMES[count + 1 :]]


def test_many_clients_at_once(tmp_path: Path) -> None:
    """32 clients find and book, half of them on one calendar: nothing is lost, nothing is booked twice."""
    path = tmp_path / "clinic.ledger"
    names = ["a", *(f"s{number}" for number in range(8))]
    clinic(path, *basic(*map(practitioner, names), *map(schedule, names))).close()
    day = (datetime.now(UTC) + timedelta(days=10)).strftime("%Y-%m-%dT")
    statuses: Counter[int] = Counter()
    won: Counter[tuple[str, str]] = Counter()

    def play(number: int) -> None:
        client, draw = Client(server), random.Random(number)
        name = "a" if number % 2 else names[1 + number // 2 % 8]
        query = (
            FIND.replace("2026-03-16T", day)
            .replace("2026-03-17T00:00", f"{day}23:59")
            .replace("Schedule/a", f"Schedule/{name}")
        )
        for _ in range(6):
            status, bundle = client("GET", f"{BASE}/Appointment/$find?{query}&_count=8")
            statuses[status] += 1
            free = [entry["resource"]["start"] for entry in bundle.get("entry", [])]
            if free:
                start = draw.choice(free)
                status, _ = client("POST", BOOK, booking(start, name))
                statuses[status] += 1
                won[name, start] += status == 201

    with serving(path, "--quiet", now=None) as server:
        with ThreadPoolExecutor(32) as pool:
            list(pool.map(play, range(32)))
        assert server.stop() == 0
    assert set(statuses) == {200, 201, 400}, statuses
    assert set(won.values()) <= {0, 1}
    with opened(path) as ledger:
        assert ledger.verify() == []
        stored = [
            (slot["schedule"]["reference"].removeprefix("Schedule/"), slot["start"])
            for slot in ledger.resources("Slot")
        ]
        assert sorted(stored) == sorted(one for one, count in won.items() if count)
        times = [entry.time_ms for entry in ledger.entries() if entry.kind == "$book"]
    assert len(times) == statuses[201] and len({*times}) < len(times), "writes share transactions"
