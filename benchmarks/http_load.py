"""Load over HTTP: a server in a process of its own, and clients that each ask again as soon as they are answered.

The clients are light on purpose (one asyncio protocol each, requests rendered beforehand), so that what is measured is
the server; its CPU time and memory are read from /proc where there is one.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import orjson

_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/fhir/R4")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_START_SECONDS = 60


class Server(NamedTuple):
    """A running `slotwright serve`."""

    port: int
    process: subprocess.Popen[str]

    def cpu(self) -> float | None:
        """Seconds of CPU time that it has used so far."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory(self) -> float | None:
        """MB that it holds in memory."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return None
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@contextmanager
def serving(ledger: Path, now: str) -> Generator[Server]:
    """A server on this ledger, on a free port, for as long as the block takes."""
    program = str(Path(sys.executable).with_name("slotwright"))
    command = [program, "serve", "--ledger", str(ledger), "--port", "0", "--now", now]
    command += ["--allowed-host", "127.0.0.1"]  # requests are made before the port is known
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield Server(_port(process), process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_START_SECONDS)


def _port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    for line in process.stdout:
        if found := _ADDRESS.search(line):
            return int(found[1])
    raise AssertionError(f"the server ended with exit code {process.wait()} before it said where it is")


def transactions(server: Server) -> int:
    """How many transactions the server has written so far, each with one flush."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/healthz", timeout=30) as answer:
        return orjson.loads(answer.read())["transactions"]


def get(path: str) -> bytes:
    """A request without a body."""
    return f"GET /fhir/R4/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/fhir+json\r\n\r\n".encode()


def post(path: str, body: object) -> bytes:
    content = orjson.dumps(body)
    head = (
        f"POST /fhir/R4/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/fhir+json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


@dataclass(frozen=True, slots=True)
class Load:
    """What clients saw: seconds of every request in order of the answers, how many of each status, seconds in all."""

    latencies: Sequence[float]
    statuses: Counter[int]
    wall: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.wall


def ask(port: int, clients: Sequence[Iterator[bytes]], seconds: float, *, most: int = 2**62) -> Load:
    """Every client asks its requests one after the other, until the time is over or `most` have been answered."""
    return asyncio.run(_ask(port, clients, seconds, most))


async def _ask(port: int, clients: Sequence[Iterator[bytes]], seconds: float, most: int) -> Load:
    loop = asyncio.get_running_loop()
    seen = _Seen(most)
    made = [(await loop.create_connection(lambda one=one: _Client(one, seen), "127.0.0.1", port))[1] for one in clients]
    begun = time.perf_counter()
    seen.until = begun + seconds
    for client in made:
        client.ask()
    await asyncio.gather(*(client.over for client in made))
    return Load(seen.latencies, seen.statuses, seen.last - begun)


class _Seen:
    """What all clients of a load have seen so far."""

    def __init__(self, most: int) -> None:
        self.latencies: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.until = self.last = 0.0
        self.most = most


class _Client(asyncio.Protocol):
    """One connection that is kept open."""

    def __init__(self, requests: Iterator[bytes], seen: _Seen) -> None:
        self._requests, self._seen = requests, seen
        self._buffer = b""
        self._asked = 0.0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self) -> None:
        request = next(self._requests, None)
        self._asked = time.perf_counter()
        if request is None or self._asked >= self._seen.until or len(self._seen.latencies) >= self._seen.most:
            self._transport.close()
            if not self.over.done():
                self.over.set_result(None)
            return
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, blank, rest = self._buffer.partition(b"\r\n\r\n")
        if not blank:
            return
        found = _LENGTH.search(head)
        if len(rest) < (int(found[1]) if found else 0):
            return
        self._buffer = b""
        self._seen.last = time.perf_counter()
        self._seen.latencies.append(self._seen.last - self._asked)
        self._seen.statuses[int(head[9:12])] += 1
        self.ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.over.done():
            self.over.set_exception(exc or ConnectionError("the server closed the connection"))
