"""`create`, `update` and `delete`, each one entry of the ledger (FHIR R4, http.html, 3.1.0.6 to 3.1.0.8)."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice
from urllib.parse import parse_qs

from ..errors import InvalidRequest, SeveralMatch, WriteRefused
from ..ledger.transaction import Transaction
from ..loading import content_of
from ..references import Json, Target
from .answers import deleted, written
from .exchange import Interaction, Request, Response, Write
from .query import Search, read_search
from .rules import check_delete, check_write, hits_of
from .search import matching
from .sound import sound
from .types import check_writable
from .versions import expected_version

_FHIR_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_Work = Callable[[Transaction], Response]


def create(request: Request, kind: str) -> Interaction:
    """`POST Type`; with If-None-Exist only if nothing meets its conditions. Raises Refusal."""
    check_writable(kind)
    resource = sound(_without_id(request.body), kind, request.base)
    condition = create_condition(request, kind)

    def work(transaction: Transaction) -> Response:
        found = None if condition is None else one_match(transaction, condition, request.base)
        if found is not None:
            return written(request, 200, found)
        return _put(transaction, request, None, {**resource, "id": request.new_id or transaction.new_id()}, 201)

    return Interaction("create", kind, write=_entry("create", request, work))


def update(request: Request, kind: str, id: str) -> Interaction:
    """`PUT Type/id`; it may be new. Raises Refusal."""
    check_writable(kind)
    resource = sound(request.body, kind, request.base)
    if resource.get("id") != id:
        raise InvalidRequest(
            f"The id of the resource is {resource.get('id')!r:.80}, that of the URL '{id}'", f"{kind}.id"
        )
    expected = 0 if request.if_none_match == "*" else expected_version(request.if_match)

    def work(transaction: Transaction) -> Response:
        return _update(transaction, request, resource, expected)

    return Interaction("update", kind, write=_entry("update", request, work))


def update_matching(request: Request, kind: str) -> Interaction:
    """`PUT Type?conditions`: what meets them is updated; if nothing does, it is created. Raises Refusal."""
    check_writable(kind)
    resource = sound(request.body, kind, request.base)
    condition = update_condition(request, kind)
    expected = expected_version(request.if_match)

    def work(transaction: Transaction) -> Response:
        found = one_match(transaction, condition, request.base)
        given = resource.get("id")
        if found is None:
            if given is not None and transaction.read(f"{kind}/{given}") is not None:
                raise WriteRefused(f"{kind}/{given} does not meet the conditions under which it was to be updated")
            id = given or request.new_id or transaction.new_id()
        else:
            id = found["id"]
            if given not in (None, id):
                raise InvalidRequest(
                    f"The id of the resource is '{given}', what meets the conditions is '{id}'", f"{kind}.id"
                )
        return _update(transaction, request, {**resource, "id": id}, expected)

    return Interaction("update", kind, write=_entry("update", request, work))


def _update(transaction: Transaction, request: Request, resource: Json, expected: int | None) -> Response:
    name = Target(resource["resourceType"], resource["id"])
    transaction.check_version(name, expected)
    old = transaction.read(str(name))
    if old is not None and content_of(old) == content_of(resource):
        return written(request, 200, old)
    if old is None and _FHIR_ID.fullmatch(name.id) is None:
        # What was loaded under another id can be updated, but clients must be able to address what is new.
        text = f"'{name.id:.80}' is no id of FHIR: 1 to 64 of the letters A to Z and a to z, digits, '-' and '.'"
        raise InvalidRequest(text, f"{name.type}.id")
    return _put(transaction, request, old, resource, 201 if old is None else 200)


def delete(request: Request, kind: str, id: str) -> Interaction:
    """`DELETE Type/id`; what is not there is as good as deleted. Raises Refusal."""
    check_writable(kind)
    expected = expected_version(request.if_match)

    def work(transaction: Transaction) -> Response:
        name = Target(kind, id)
        transaction.check_version(name, expected)
        old = transaction.read(str(name))
        if old is not None:
            check_delete(transaction, old)
            transaction.delete(str(name))
        return deleted(request, name)

    return Interaction("delete", kind, write=_entry("delete", request, work))


def _put(transaction: Transaction, request: Request, old: Json | None, resource: Json, status: int) -> Response:
    check_write(transaction, old, resource)
    hits = hits_of(transaction, old, resource)
    stored = transaction.put(resource)
    return written(request, status, stored, hits())


def _entry(kind: str, request: Request, work: _Work) -> Write:
    """A write that closes its entry."""

    def write(transaction: Transaction) -> Response:
        lapses = transaction.lapse()
        response = work(transaction)
        transaction.finish(kind, {"who": request.who}, lapses)
        return response

    return write


def _without_id(body: object) -> object:
    """A server chooses the id of what is created."""
    return {name: value for name, value in body.items() if name != "id"} if isinstance(body, dict) else body  # type: ignore[reportUnknownVariableType]


def create_condition(request: Request, kind: str) -> Search | None:
    """That of If-None-Exist; some clients send it as the query. Raises InvalidRequest."""
    if request.if_none_exist is not None:
        return condition_of(kind, request.if_none_exist, request.base)
    search = read_search(kind, request.query, request.base, is_strict=False)
    return search if search.criteria else None


def update_condition(request: Request, kind: str) -> Search:
    """Raises InvalidRequest."""
    search = read_search(kind, request.query, request.base, is_strict=True)
    if not search.criteria:
        raise InvalidRequest(f"PUT of {kind} needs an id, or conditions such as identifier=system|value")
    return search


def condition_of(kind: str, text: str, base: str) -> Search:
    """A search such as `identifier=system|value`. Raises InvalidRequest if it is none, or one without conditions."""
    query = parse_qs(text.partition("?")[2] if "?" in text else text)
    search = read_search(kind, query, base, is_strict=True)
    if not search.criteria:
        raise InvalidRequest(f"'{text:.120}' has no conditions, expected such as identifier=system|value")
    return search


def one_match(transaction: Transaction, condition: Search, base: str) -> Json | None:
    """What meets the condition. Raises SeveralMatch."""
    found = list(islice(matching(transaction.state, condition, base), 3))
    if len(found) > 1:
        names = ", ".join(sorted(f"{one['resourceType']}/{one['id']}" for one in found))
        raise SeveralMatch("The condition matches several resources", diagnostics=names)
    return found[0] if found else None
