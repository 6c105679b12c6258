"""The HTTP face as an ASGI application: bytes and headers to requests, answers to bytes and headers.

Everything about a request is judged in this order, and nothing is done before all of it is: host and origin, method
and address, token, formats, the body's size, its arrival, its JSON, what it asks for, the role. Then it is queued.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from ..errors import NotAuthenticated, NotFound, WrongMethod
from ..ledger.ledger import Ledger, open_ledger
from ..ledger.state import State
from ..ledger.transaction import Transaction
from ..publish.files import MANIFEST
from ..rest import interaction, joined
from ..rest.exchange import Interaction, Request
from ..rest.openapi import document
from . import formats, logs, oauth
from .answers import Answer, Form, in_json
from .bodies import Bodies, ClientGone, parsed, while_there
from .guard import Guard
from .head import Head, Receive, Scope, Send, fields_of
from .page import FORMS, Page
from .publishing import Published
from .roles import Role, permitted
from .sessions import Sessions
from .settings import BASE, Settings
from .tokens import Holder, Tokens
from .work import Work

T = TypeVar("T")

_METHODS = ("GET", "POST", "PUT", "DELETE")
_LARGE = 200_000
"""Bytes of a body that is read beside the event loop."""


class App:
    """Made in the event loop it runs in; to be closed before its ledger."""

    def __init__(self, ledger: Ledger, settings: Settings, port: int) -> None:
        """`port` is the one listened on. Raises LoadError if the tokens cannot be read."""
        self._settings = settings
        self._tokens = None if settings.token_file is None else Tokens(settings.token_file)
        self._guard = Guard(
            settings.host, port, hosts=settings.hosts, origins=settings.origins, base_url=settings.base_url
        )
        self._bodies = Bodies(settings.max_body, settings.body_s)
        # Beside the reader's, so that whoever asks whether the server lives waits for no find.
        self._health = open_ledger(ledger.path, read_only=True, create=False, unsafe_filesystem=True)
        self._work = Work(ledger, settings.max_waiting)
        self._folder = f"{os.path.dirname(ledger.path)}/"
        is_secure = (settings.base_url or "").startswith("https://")
        sessions = Sessions(self._tokens, port, is_secure=is_secure)
        self._page = Page(self._work, self._guard, self._bodies, sessions, settings.who)
        self._published = Published(ledger, settings.feed, is_public=settings.is_feed_public or self._tokens is None)

    @property
    def waiting(self) -> int:
        """How many writes wait for their turn."""
        return self._work.waiting

    def stop(self) -> None:
        """Answer what has arrived, and wait for no body any longer."""
        self._bodies.stop()

    def close(self, seconds: float) -> None:
        self._work.close(seconds)
        self._health.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = time.perf_counter()
        head = Head.of(scope)
        with suppress(ClientGone):
            answer = await self._answer(head, receive)
            await _send(send, head, answer, self._guard.headers(head))
            spent = (time.perf_counter() - begun) * 1000
            logs.log.info("%s %s %d %.1f ms", logs.method(head.method), logs.template(head.path), answer.status, spent)

    async def _answer(self, head: Head, receive: Receive) -> Answer:
        form = Form(is_pretty=b"_pretty=true" in head.query_string)
        try:
            self._guard.check(head)
            if head.method == "OPTIONS":
                return Answer(204, {"allow": self._allowed(head.path), **self._guard.preflight(head)}, b"")
            return await self._route(head, receive, form)
        except ClientGone:
            raise
        except Exception as error:  # noqa: BLE001 the last guard: every error has an answer
            logs.unexpected(error, f"{logs.method(head.method)} {logs.template(head.path)}", self._work.path)
            allow = {"allow": self._allowed(head.path)} if isinstance(error, WrongMethod) else None
            return form.refused(error, allow, hidden=None if self._is_operator(head) else self._folder)

    def _is_operator(self, head: Head) -> bool:
        """May the client know where the ledger lies and who else uses it?"""
        try:
            return self._tokens is None or self._tokens.holder(head.headers.get("authorization")).role is Role.ADMIN
        except NotAuthenticated:
            return False

    async def _route(self, head: Head, receive: Receive, form: Form) -> Answer:
        path = head.path.rstrip("/")
        if self._page.has(path):
            return await self._page.answer(head, path, receive)
        if path == "/healthz":
            _only(head, "GET")
            return in_json(200, {"status": "ok", "last": self._health.last, "transactions": self._work.transactions})
        if path == "/openapi.json":
            _only(head, "GET")
            return in_json(200, document(self._base(head), has_tokens=self._tokens is not None))
        if path == "/oauth2/token" and self._tokens is not None:
            _only(head, "POST")
            formats.check_content(head, forms=True)
            return oauth.token(self._tokens, head, await self._body(head, receive))
        if _is_feed(path) and self._settings.is_feed_public:
            return await self._feed(head, path, receive)
        holder = None if self._tokens is None else self._tokens.holder(head.headers.get("authorization"))
        if _is_feed(path):  # every role may read
            return await self._feed(head, path, receive)
        if path == "/auth/me" and holder is not None:
            _only(head, "GET")
            return oauth.me(holder)
        if path == BASE or path.startswith(f"{BASE}/"):
            return await self._fhir(head, path.removeprefix(BASE).strip("/"), receive, holder, form)
        raise NotFound("Not found")

    def _allowed(self, path: str) -> str:
        """The methods there are at an address."""
        path = path.rstrip("/")
        if path in ("", "/healthz", "/openapi.json", "/auth/me") or _is_feed(path):
            found = ["GET"]
        elif path == "/oauth2/token" or path in FORMS:
            found = ["POST"]
        else:
            found = [one for one in _METHODS if _is_known(one, path.removeprefix(BASE).strip("/"))]
        return ", ".join([*found, *(["HEAD"] if "GET" in found else []), "OPTIONS"])

    async def _feed(self, head: Head, path: str, receive: Receive) -> Answer:
        _only(head, "GET")
        base, tag = self._base(head), head.headers.get("if-none-match")
        name = path.removeprefix(f"{BASE}/")
        return await while_there(self._work.read(lambda _: self._published.answer(name, base, tag)), receive)

    async def _fhir(self, head: Head, path: str, receive: Receive, holder: Holder | None, form: Form) -> Answer:
        request, size = await self._request(head, path, receive, holder)
        asked = await self._judged(request, size)
        if holder is not None:
            asked = permitted(asked, holder.role)
        return await self._carry_out(joined(asked), receive, form)

    async def _request(self, head: Head, path: str, receive: Receive, holder: Holder | None) -> tuple[Request, int]:
        """What is asked, and the bytes of its body."""
        query = head.query()
        formats.check_accept(head, query.pop("_format", None))
        query.pop("_pretty", None)
        is_search = path.endswith("/_search")
        content, size = b"", 0
        if head.method in ("POST", "PUT") and _has_body(head):
            formats.check_content(head, forms=is_search)
            content = await self._body(head, receive)
            size = len(content)
        if is_search:
            for name, values in (await _beside(size, fields_of, content)).items():
                query.setdefault(name, []).extend(values)
            content = b""
        asked = Request(
            "GET" if head.method == "HEAD" else head.method,
            path,
            query,
            await _beside(size, parsed, content),
            self._base(head),
            head.headers.get("if-match"),
            head.headers.get("if-none-match"),
            head.headers.get("if-none-exist"),
            head.headers.get("prefer"),
            self._settings.who if holder is None else holder.subject,
        )
        return asked, size

    def _base(self, head: Head) -> str:
        """The base as the client knows it."""
        return self._settings.base_url or f"http://{head.headers.get('host', '')}{BASE}"

    async def _body(self, head: Head, receive: Receive) -> bytes:
        self._bodies.check(head)
        return await self._bodies.read(receive)

    async def _judged(self, request: Request, size: int) -> Interaction:
        """What it asks for. Raises Refusal."""
        if request.path:
            return await _beside(size, interaction, request)
        return await asyncio.to_thread(interaction, request, bundle_most=self._settings.max_entries)

    async def _carry_out(self, asked: Interaction, receive: Receive, form: Form) -> Answer:
        if asked.write is not None:
            write = asked.write

            def written(transaction: Transaction) -> Answer:
                return form.written(write(transaction))  # before the commit: after it nothing may fail

            return await while_there(self._work.write(written), receive)
        assert asked.read is not None
        read = asked.read

        def found(state: State) -> Answer:
            return form.written(read(state))

        return await while_there(self._work.read(found), receive)


async def _beside(size: int, work: Callable[..., T], *given: Any) -> T:
    """What it returns; the event loop does not wait for it where there are many bytes to be read."""
    return work(*given) if size <= _LARGE else await asyncio.to_thread(work, *given)


async def _send(send: Send, head: Head, answer: Answer, more: Mapping[str, str]) -> None:
    headers = {**answer.headers, **more}
    if answer.status not in (204, 304):
        headers["content-length"] = str(len(answer.body))
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [
                (name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()
            ],
        }
    )
    await send({"type": "http.response.body", "body": b"" if head.method == "HEAD" else answer.body})


def _is_feed(path: str) -> bool:
    return path == f"{BASE}/{MANIFEST}" or path.startswith(f"{BASE}/{MANIFEST}/")


def _has_body(head: Head) -> bool:
    return "transfer-encoding" in head.headers or head.headers.get("content-length", "0") != "0"


def _only(head: Head, method: str) -> None:
    if ("GET" if head.method == "HEAD" else head.method) != method:
        raise WrongMethod(f"{head.path} is called with {method}")


def _is_known(method: str, path: str) -> bool:
    """Is there such a method at an address? Asked of what reads requests, which refuses all others."""
    try:
        interaction(Request(method, path, body={}))
    except WrongMethod:
        return False
    except Exception:  # noqa: BLE001 the method is known, the rest of the request is wanting
        return True
    return True
