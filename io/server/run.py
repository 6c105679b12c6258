"""Listening, serving and stopping."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

import uvicorn

from ..ledger.ledger import Ledger
from ..outcome import EXIT_INTERRUPTED
from .app import App
from .protocol import Protocol
from .settings import Settings

_IDLE_S = 75
"""Seconds after which a connection without requests is closed."""

_BACKLOG = 2048

_LAST_S = 1.0
"""Seconds for the threads to end when nobody waits for them any more."""

_FILES_KEPT = 64
"""Open files that are not for connections: the ledger must be able to open its own."""

_FILES_MOST = 65_536


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes one that is free. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, number, _, address = found[0]
    listening = socket.socket(family, kind, number)
    try:
        if os.name != "nt":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def serve(ledger: Ledger, settings: Settings, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until a signal comes, then answer what has begun; a second signal ends the process at once.

    `ready` is called when requests are taken.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(ledger, settings, listening, ready))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


async def _serve(ledger: Ledger, settings: Settings, listening: socket.socket, ready: Callable[[], None]) -> None:
    app = App(ledger, settings, listening.getsockname()[1])
    protocol: Any = partial(Protocol, head_s=settings.body_s, most=_connections_most())
    config = uvicorn.Config(
        app,  # type: ignore[reportArgumentType]
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_IDLE_S,
    )
    await _Server(config, app, settings.stop_s, ready).serve(sockets=[listening])
    app.close(_LAST_S)


def _connections_most() -> int:
    """How many connections may be open, after as many files were asked for as may be."""
    if sys.platform == "win32":
        return _FILES_MOST
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES_MOST if hard == resource.RLIM_INFINITY else min(hard, _FILES_MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(wanted - _FILES_KEPT, 1)


class _Server(uvicorn.Server):
    """Of uvicorn's, which ends by itself after a signal instead of raising it anew."""

    def __init__(self, config: uvicorn.Config, app: App, stop_s: float, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._app, self._stop_s, self._ready = app, stop_s, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.stop()
        timer = asyncio.get_running_loop().call_later(self._stop_s, self._hang_up)
        await super().shutdown(sockets)
        timer.cancel()

    def _hang_up(self) -> None:
        """Nobody is waited for any longer. To answer 500 would be wrong: what has begun may be written yet."""
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        before = {one: signal.signal(one, self.handle_exit) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.should_exit:
            os._exit(EXIT_INTERRUPTED)  # what is acknowledged is flushed
        self.should_exit = True
