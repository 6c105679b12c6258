"""Connections: what is wrong before a request is whole is answered in FHIR too, and half of one is not waited for.

What is wrong behind a request that is whole is not answered before that, since it would be taken for its answer: that a
booking failed, say, which was made.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from ..errors import InvalidRequest, Refusal, TooLarge, TooMany, TooSlow
from .answers import PLAIN

_HEAD_MOST = 65_536
"""Bytes of a request's line and headers; also of what stands between and behind the pieces of a body."""


class Protocol(HttpToolsProtocol):
    """Of uvicorn's, with limits on how long and how large the head of a request may be, and on how many there are."""

    def __init__(self, *args: Any, head_s: float, most: int, **others: Any) -> None:
        super().__init__(*args, **others)
        self._head_s, self._most = head_s, most
        self._head_size = 0
        self._is_in_head = True
        self._has_begun = False
        """Whether anything of the next request has come."""
        self._timer: asyncio.TimerHandle | None = None
        self._answered: RequestResponseCycle | None = None
        """The request that is being answered, or was the last to be."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self._most:
            self._refuse(TooMany("Too many connections are open, try again in a second"))
        else:
            self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._head_size += len(data)
        super().data_received(data)
        if self._head_size > _HEAD_MOST:
            self._refuse(TooLarge(f"The address and headers are larger than {_HEAD_MOST:,} bytes"))

    def on_message_begin(self) -> None:
        self._has_begun = True
        if self._timer is None:
            self._arm()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._is_in_head = self._has_begun = False
        self._head_size = 0
        self._disarm()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._head_size = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_in_head = True
        self._head_size = 0
        self._disarm()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._is_in_head and not self._is_answering() and self._timer is None:
            # Nobody wants the rest of its body; so long a client may take to send it.
            self._timer = self.loop.call_later(self._head_s, self.transport.close)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def _is_answering(self) -> bool:
        return self._answered is not None and not self._answered.response_complete

    def send_400_response(self, msg: str) -> None:
        self._refuse(InvalidRequest("The request is not HTTP", diagnostics=msg))

    def _arm(self) -> None:
        self._timer = self.loop.call_later(self._head_s, self._too_slow)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        if not self._has_begun:  # nothing was asked, so that nothing is to be answered
            self.transport.close()
        self._refuse(TooSlow("The headers did not arrive in time"))

    def _refuse(self, error: Refusal) -> None:
        """Answer, and hang up; first answer what was asked before."""
        if self.transport.is_closing():
            return
        if self._answered is not None and self._is_answering() and not self._answered.more_body:
            self._end_after(self._answered)
            return
        if self._is_in_body_of_answered():
            self.transport.close()
            return
        answer = PLAIN.refused(error)
        headers = {**answer.headers, "content-length": str(len(answer.body)), "connection": "close"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.transport.write(b"".join([STATUS_LINE[answer.status], lines.encode("latin-1"), b"\r\n", answer.body]))
        self.transport.close()

    def _end_after(self, last: RequestResponseCycle) -> None:
        """Answer all that is whole, and hang up."""
        self.flow.pause_reading()
        if self.pipeline and self.pipeline[0][0].more_body:
            self.pipeline.popleft()
        if self.pipeline:
            last = self.pipeline[0][0]
        last.keep_alive = False

    def _is_in_body_of_answered(self) -> bool:
        """Does the rest of a body come, to which the answer is sent or has begun?"""
        return not self._is_in_head and self._answered is not None and self._answered.response_started
