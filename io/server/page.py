"""The live page at `/`: plain forms over the same operations, through the same queues.

Everything is checked before anything is queued: who asks, that a form was sent by this page to this browser, its size,
its fields, the role. What goes wrong is a sentence on the page.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from .. import names, urls
from ..booking import with_details
from ..errors import (
    AmbiguousName,
    InvalidRequest,
    NameNotFound,
    NotAuthenticated,
    NotFound,
    TooMany,
    WrongMethod,
)
from ..instants import dates, instant_ms, utc_text_ms
from ..ledger.state import State
from ..ledger.transaction import Transaction
from ..listing import commonest_zone
from ..outcome import fault_of
from ..references import Json, child, children
from ..rest import interaction
from ..rest.exchange import Interaction, Request, Response
from . import formats, logs
from .answers import Answer
from .bodies import Bodies, ClientGone, while_there
from .guard import Guard
from .head import Head, Receive, fields_of
from .page_answers import AGAIN, alone, html, onward, sentence
from .page_find import COUNT, SEARCHED
from .page_forms import Asked, Found, Shown
from .page_parts import page, sign_in_page
from .roles import Role, permitted
from .sessions import FORM_CODE, Sessions, Visitor
from .work import Work

FORMS = ("/find", "/book", "/cancel", "/sign-in", "/sign-out")
"""Where the forms of the page are sent."""

_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")

Fields = Mapping[str, list[str]]


class Page:
    """Answers the page's addresses. `who` is recorded where nobody signs in."""

    def __init__(self, work: Work, guard: Guard, bodies: Bodies, sessions: Sessions, who: str | None) -> None:
        self._work, self._guard, self._bodies, self._sessions = work, guard, bodies, sessions
        self._who = who

    @staticmethod
    def has(path: str) -> bool:
        """Is it an address of the page? The path has no slash at its end."""
        return path == "" or path in FORMS

    async def answer(self, head: Head, path: str, receive: Receive) -> Answer:
        """Raises ClientGone, and WrongMethod."""
        method = "GET" if path == "" else "POST"
        if ("GET" if head.method == "HEAD" else head.method) != method:
            raise WrongMethod(f"{head.path} is called with {method}")
        visitor = self._sessions.visitor(head)
        shown, fields = Shown(), dict[str, list[str]]()
        try:
            if path == "":
                self._guard.check_own(head)
                shown = Shown.of(head.query())
                answer = await self._shown(visitor, shown, receive)
            else:
                fields = await self._form(head, visitor, receive)
                shown = Shown.of(fields)._replace(done="")
                answer = await self._sent(path, visitor, shown, fields, receive)
        except ClientGone:
            raise
        except Exception as error:  # noqa: BLE001 the last guard: what goes wrong is said on the page
            logs.unexpected(error, f"{logs.method(head.method)} {logs.template(head.path)}", self._work.path)
            found = _offers_again(fields) if isinstance(error, NameNotFound | AmbiguousName) else None
            answer = await self._refused(visitor, shown, error, found, receive)
        return self._remembered(answer, visitor)

    def _remembered(self, answer: Answer, visitor: Visitor) -> Answer:
        cookie = self._sessions.remember(visitor)
        if cookie is None or "set-cookie" in answer.headers:
            return answer
        return answer._replace(headers={**answer.headers, "set-cookie": cookie})

    async def _form(self, head: Head, visitor: Visitor, receive: Receive) -> Fields:
        """The fields of a form that this page sent. Raises Refusal."""
        self._guard.check_form(head)
        formats.check_content(head, forms=True)
        self._bodies.check(head)
        fields = fields_of(await self._bodies.read(receive))
        self._sessions.check(visitor, _first(fields, FORM_CODE))
        return fields

    async def _sent(self, path: str, visitor: Visitor, shown: Shown, fields: Fields, receive: Receive) -> Answer:
        if path == "/sign-in":
            return onward("/", self._sessions.sign_in(_first(fields, "token").strip()))
        if path == "/sign-out":
            return onward("/", self._sessions.sign_out())
        if not visitor.is_known:
            raise NotAuthenticated("Sign in first")
        if path == "/find":
            return await self._found(visitor, shown, fields, receive)
        if path == "/book":
            return await self._book(visitor, shown, fields, receive)
        return await self._cancel(visitor, shown, fields, receive)

    # Reading

    async def _shown(self, visitor: Visitor, shown: Shown, receive: Receive, **more: Any) -> Answer:
        """The page, or what somebody sees who has not signed in."""
        if not visitor.is_known:
            return html(200, sign_in_page(visitor, ""))
        asked = self._asked(visitor, shown)
        return await while_there(self._work.read(lambda state: html(200, page(state, replace(asked, **more)))), receive)

    def _asked(self, visitor: Visitor, shown: Shown) -> Asked:
        holder = visitor.holder
        can_book = self._work.is_writable and (holder is None or holder.role >= Role.BOOKER)
        return Asked(visitor, shown, can_book, secrets.token_hex(16))

    async def _refused(
        self, visitor: Visitor, shown: Shown, error: Exception, found: Found | None, receive: Receive
    ) -> Answer:
        """The page with a sentence; the sentence alone where the page itself cannot be made."""
        status = fault_of(error).status
        said = sentence(
            error, is_operator=visitor.is_known and (visitor.holder is None or visitor.holder.role is Role.ADMIN)
        )
        if not visitor.is_known:
            return html(status, sign_in_page(visitor, said))
        asked = replace(self._asked(visitor, shown), alert=said, found=found)
        try:
            if isinstance(error, TooMany):
                raise error
            made = await while_there(self._work.read(lambda state: page(state, asked)), receive)
        except ClientGone:
            raise
        except Exception:  # noqa: BLE001 it has been said, or is what is being said
            made = alone(said)
        return html(status, made)

    async def _found(self, visitor: Visitor, shown: Shown, fields: Fields, receive: Receive) -> Answer:
        """Offers from the day that was asked for, but not before now."""
        pools, start = fields.get("pool", []), _first(fields, "from")
        day = dates(start) if len(start) == 10 else None
        if day is None:
            raise InvalidRequest("Give the day from which to look as 2026-03-10")
        if not any(pools):
            raise InvalidRequest("Choose who is needed")
        asked = self._asked(visitor, shown)

        def look(state: State) -> Answer:
            zone = commonest_zone(state)
            low = max(zone.day_start_ms(day.first), int(state.now().timestamp() * 1000))
            high = max(zone.day_start_ms(day.first + SEARCHED), low + 1)
            query = {
                "start": [utc_text_ms(low)],
                "end": [utc_text_ms(high)],
                "service-type-reference": [f"HealthcareService/{shown.service}"],
                "schedule": [",".join(f"Schedule/{one}" for one in pool.split(",")) for pool in pools if pool],
                "_count": [str(COUNT)],
            }
            find = self._permitted(visitor, Request("GET", "Appointment/$find", query))
            assert find.read is not None
            bundle = find.read(state).resource or {}
            offers = [child(entry, "resource") for entry in children(bundle, "entry")]
            return html(200, page(state, replace(asked, found=Found(pools, start, offers=offers))))

        return await while_there(self._work.read(look), receive)

    # Writing

    async def _book(self, visitor: Visitor, shown: Shown, fields: Fields, receive: Receive) -> Answer:
        place = _first(fields, "offer")
        proposal = _proposal(_first(fields, f"appointment-{place}"))
        named = _first(fields, "patient").strip()

        def look(state: State) -> Json | None:
            start = instant_ms(proposal.get("start"))
            if start is not None and start < int(state.now().timestamp() * 1000):
                raise InvalidRequest(f"This time has passed. {AGAIN}")
            return _patient(state, named) if named else None

        patient = await while_there(self._work.read(look), receive)
        key = {"system": urls.PAGE_BOOKING, "value": _first(fields, f"key-{place}") or secrets.token_hex(16)}
        booked = with_details(proposal, patient=patient, identifiers=[key])
        body = {"resourceType": "Parameters", "parameter": [{"name": "appointment", "resource": booked}]}
        answer = await self._write(visitor, Request("POST", "Appointment/$book", body=body), receive)
        return onward(shown.address(done=_appointment_id(answer.resource or {})) + "#said")

    async def _cancel(self, visitor: Visitor, shown: Shown, fields: Fields, receive: Receive) -> Answer:
        id = _first(fields, "id")
        if not _ID.fullmatch(id):
            raise NotFound("There is no such appointment")
        body = {"resourceType": "Parameters"}
        await self._write(visitor, Request("POST", f"Appointment/{id}/$cancel", body=body), receive)
        return onward(shown.address(done=id) + "#said")

    async def _write(self, visitor: Visitor, request: Request, receive: Receive) -> Response:
        asked = self._permitted(visitor, request)
        assert asked.write is not None
        write = asked.write

        def written(transaction: Transaction) -> Response:
            return write(transaction)

        return await while_there(self._work.write(written), receive)

    def _permitted(self, visitor: Visitor, request: Request) -> Interaction:
        """What it asks for, if the role is enough. Raises Refusal."""
        holder = visitor.holder
        asked = interaction(replace(request, who=self._who if holder is None else holder.subject))
        return asked if holder is None else permitted(asked, holder.role)


def _first(fields: Mapping[str, list[str]], name: str) -> str:
    return next(iter(fields.get(name, ())), "")


def _proposal(content: str) -> Json:
    """An offer as this page sent it. Raises InvalidRequest."""
    try:
        found: object = orjson.loads(content)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise InvalidRequest(f"This is no offer. {AGAIN}")
    return found  # type: ignore[reportUnknownVariableType]


def _offers_again(fields: Fields) -> Found:
    """The offers of a form whose patient nobody knows, to be shown once more."""
    offers: list[Json] = []
    while (content := _first(fields, f"appointment-{len(offers)}")) and len(offers) < COUNT:
        offers.append(_proposal(content))
    return Found(fields.get("pool", []), _first(fields, "from"), _first(fields, "patient"), offers)


def _patient(state: State, name: str) -> Json:
    """A reference to the patient called so. Raises NameNotFound, AmbiguousName."""
    id = names.patient_id(state, name)
    called = next(names.resource_names(state.read(f"Patient/{id}") or {}), None)
    return {"reference": f"Patient/{id}", **({} if called is None else {"display": called})}


def _appointment_id(resource: Json) -> str:
    if resource.get("resourceType") == "Appointment":
        return str(resource.get("id", ""))
    found = (child(entry, "resource") for entry in children(resource, "entry"))
    return next((str(one.get("id", "")) for one in found if one.get("resourceType") == "Appointment"), "")
