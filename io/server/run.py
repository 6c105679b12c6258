"""Listening, serving and stopping."""

from __future__ import annotations

import asyncio
import math
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
    protocol: Any = partial(Protocol, head_s=settings.body_s)
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
        timeout_graceful_shutdown=math.ceil(settings.stop_s),
    )
    await _Server(config, app, ready).serve(sockets=[listening])
    app.close(settings.stop_s)


class _Server(uvicorn.Server):
    """Of uvicorn's, which ends by itself after a signal instead of raising it anew."""

    def __init__(self, config: uvicorn.Config, app: App, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._app, self._ready = app, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.stop()
        await super().shutdown(sockets)

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
