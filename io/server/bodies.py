"""Reading a request's body: whole, within its limits, before anything is queued."""

from __future__ import annotations

import asyncio
from typing import TypeVar

import orjson

from ..errors import InvalidRequest, TooLarge, TooSlow
from .head import Head, Receive

T = TypeVar("T")


class ClientGone(Exception):
    """The client has left before its request was whole; there is nobody to answer."""


class Bodies:
    """Reads bodies of at most so many bytes, each in at most so many seconds."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._open: set[asyncio.Timeout] = set()

    def check(self, head: Head) -> None:
        """A body said to be too long need not be read. Raises TooLarge."""
        said = head.headers.get("content-length", "")
        if said.isdigit() and int(said) > self._most:
            raise self._too_large()

    async def read(self, receive: Receive) -> bytes:
        """Raises TooLarge, TooSlow, ClientGone."""
        try:
            async with asyncio.timeout(self._seconds) as limit:
                self._open.add(limit)
                try:
                    return await self._pieces(receive)
                finally:
                    self._open.discard(limit)
        except TimeoutError as error:
            raise TooSlow("The body did not arrive in time") from error

    async def _pieces(self, receive: Receive) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise ClientGone
            piece: bytes = message.get("body", b"")
            size += len(piece)
            if size > self._most:
                raise self._too_large()
            pieces.append(piece)
            if not message.get("more_body", False):
                return b"".join(pieces)

    def stop(self) -> None:
        """Wait for no body any longer."""
        self._seconds = 0.0
        for limit in list(self._open):
            limit.reschedule(0.0)

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The body is larger than {self._most:,} bytes")


def parsed(content: bytes) -> object:
    """The JSON of a body; None if there is none. Raises InvalidRequest."""
    if not content.strip():
        return None
    try:
        found: object = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest("Invalid request body", diagnostics=f"It is not JSON: {error}") from error
    if found is None:
        raise InvalidRequest("Invalid request body", diagnostics="It is null")
    return found


async def while_there(future: asyncio.Future[T], receive: Receive) -> T:
    """The result; what has not begun when the client leaves is dropped. Raises ClientGone."""
    watch = asyncio.ensure_future(_drop_when_gone(future, receive))
    try:
        return await future
    except asyncio.CancelledError:
        if watch.done():
            raise ClientGone from None
        raise
    finally:
        watch.cancel()


async def _drop_when_gone(future: asyncio.Future[T], receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    future.cancel()
