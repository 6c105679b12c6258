"""`batch` and `transaction` (FHIR R4, http.html, 3.1.0.11)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import parse_qs, unquote

from ...solver.errors import SlotwrightError
from ..errors import InvalidRequest, MissingResource, Refusal, TooLarge
from ..instants import utc_text_ms
from ..ledger.state import State
from ..ledger.transaction import Transaction
from ..references import Json, child
from ..resources import DEPTH_MOST, nests_too_deeply
from .answers import refusal
from .exchange import Interaction, Request, Response
from .links import UUID, check_apart, relinked, url_of, uuid_references
from .write import condition_of, create_condition, one_match, update_condition

Inner = Callable[[Request], Interaction]
"""What an entry by itself asks for. Raises Refusal."""

_ORDER = ("DELETE", "POST", "PUT", "PATCH", "GET", "HEAD")
"""In which a transaction carries out its entries (FHIR R4, http.html, 3.1.0.11.2)."""


def bundle(request: Request, inner: Inner, most: int) -> Interaction:
    """`POST` of a Bundle to the base. Raises Refusal."""
    kind, entries = _read(request.body, most)
    if kind == "batch":
        return Interaction("batch", parts=[_part(request, one, inner) for one in entries])
    return _transaction(request, entries, inner)


def _read(body: object, most: int) -> tuple[str, list[Json]]:
    """Type and entries. Raises InvalidRequest, and TooLarge."""
    if not isinstance(body, dict) or cast(Json, body).get("resourceType") != "Bundle":
        raise InvalidRequest("Invalid request body", diagnostics="expected a Bundle of type batch or transaction")
    found = cast(Json, body)
    kind = found.get("type")
    if kind not in ("batch", "transaction"):
        raise InvalidRequest(f"Bundle.type is {kind!r:.40}, expected 'batch' or 'transaction'", "Bundle.type")
    entries: Any = found.get("entry", [])
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in cast("list[Any]", entries)):
        raise InvalidRequest("Bundle.entry must be a list of objects", "Bundle.entry")
    several = cast("list[Json]", entries)
    if len(several) > most:
        raise TooLarge(f"The Bundle has {len(several):,} entries, at most {most:,} are taken at once; send it in parts")
    return kind, several


def _request_of(outer: Request, entry: Json) -> Request:
    """An entry as a request of its own. Raises InvalidRequest."""
    asked: Any = entry.get("request")
    asked = cast(Json, asked) if isinstance(asked, dict) else {}
    method, url = asked.get("method"), asked.get("url")
    if not isinstance(method, str) or not isinstance(url, str):
        raise InvalidRequest("Bundle.entry.request needs a method and a url")
    path, _, query = url.removeprefix(f"{outer.base}/").lstrip("/").partition("?")
    if not path:
        raise InvalidRequest("A Bundle inside a Bundle is not carried out")
    return replace(
        outer,
        method=method.upper(),
        path=unquote(path).rstrip("/"),
        query=parse_qs(query),
        body=entry.get("resource"),
        if_match=_text(asked, "ifMatch"),
        if_none_match=_text(asked, "ifNoneMatch"),
        if_none_exist=_text(asked, "ifNoneExist"),
    )


def _text(asked: Json, name: str) -> str | None:
    value = asked.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidRequest(f"Bundle.entry.request.{name} must be a text")
    return value


def _check_depth(entry: Json) -> None:
    """Raises InvalidRequest."""
    if nests_too_deeply(entry):
        raise InvalidRequest(f"Bundle.entry is nested more than {DEPTH_MOST} levels deep")


# batch


def _part(request: Request, entry: Json, inner: Inner) -> Interaction | Exception:
    try:
        _check_depth(entry)
        linked = next(uuid_references(entry), None)
        if linked is not None:
            raise InvalidRequest(
                f"Reference {linked:.120}: entries of a batch cannot refer to each other, send a transaction"
            )
        return inner(_request_of(request, entry))
    except Exception as error:  # noqa: BLE001 each entry has an answer of its own
        return error


def joined(asked: Interaction) -> Interaction:
    """A batch with what carries out its entries, as they are now; any other interaction as it is.

    An entry that is refused leaves nothing; the others stand.
    """
    if asked.name != "batch":
        return asked
    parts = asked.parts

    def read(state: State) -> Response:
        return gathered("batch", [_alone(one, lambda part: _found(part, state)) for one in parts])

    def write(transaction: Transaction) -> Response:
        return gathered("batch", [_alone(one, lambda part: _tried(transaction, part)) for one in parts])

    if any(isinstance(one, Interaction) and one.write is not None for one in parts):
        return replace(asked, write=write)
    return replace(asked, read=read)


def _alone(part: Interaction | Exception, carry_out: Callable[[Interaction], Response]) -> Response:
    """The answer to one entry, refused or not."""
    if isinstance(part, Exception):
        return refusal(part, "batch")
    try:
        return carry_out(part)
    except SlotwrightError as error:
        return refusal(error, part.name)


def _found(part: Interaction, state: State) -> Response:
    assert part.read is not None
    return part.read(state)


def _tried(transaction: Transaction, part: Interaction) -> Response:
    """An entry with a way back."""
    mark = transaction.mark()
    try:
        answer = _carried_out(transaction, part)
    except SlotwrightError:
        transaction.undo(mark)
        raise
    transaction.keep(mark)
    return answer


# transaction


def _transaction(request: Request, entries: Sequence[Json], inner: Inner) -> Interaction:
    asked: list[Request] = []
    parts: list[Interaction] = []
    names: dict[str, str] = {}
    for number, entry in enumerate(entries):
        with _Numbered(number, entry):
            _check_depth(entry)
            one = _request_of(request, entry)
            asked.append(one)
            url = url_of(entry.get("fullUrl"))
            if url in names:
                raise InvalidRequest(f"fullUrl {url:.120} stands at several entries")
            if url:
                names[url] = one.path if "/" in one.path else f"{one.path}/{url.removeprefix(UUID)}"
    for number, (entry, one) in enumerate(zip(entries, asked, strict=True)):
        with _Numbered(number, entry):
            # Judged by its form alone: the ids are not known yet.
            parts.append(inner(replace(one, body=relinked(one.body, names, lambda found: found.replace("?", "/", 1)))))

    def write(transaction: Transaction) -> Response:
        answers = _carry_out(transaction, request, entries, asked, inner)
        return gathered("transaction", answers)

    return Interaction("transaction", write=write, parts=parts)


def _carry_out(
    transaction: Transaction, request: Request, entries: Sequence[Json], asked: Sequence[Request], inner: Inner
) -> list[Response]:
    """All entries, in the order of their methods. Raises what the first one that fails raises."""

    def resolve(reference: str) -> str:
        return _match_of(transaction, reference, request.base)

    ids = _ids(transaction, entries, asked)
    check_apart(asked, ids)
    links: dict[str, str] = {}
    for entry, one, id in zip(entries, asked, ids, strict=True):
        if entry.get("fullUrl"):
            links[url_of(entry["fullUrl"])] = one.path if id is None else f"{one.path}/{id}"
    answers: dict[int, Response] = {}
    for number in sorted(range(len(entries)), key=lambda place: _rank(asked[place].method)):
        with _Numbered(number, entries[number]):
            one = replace(asked[number], body=relinked(asked[number].body, links, resolve), new_id=ids[number])
            answers[number] = _carried_out(transaction, inner(one))
    return [answers[number] for number in range(len(entries))]


def _carried_out(transaction: Transaction, part: Interaction) -> Response:
    if part.write is not None:
        return part.write(transaction)
    assert part.read is not None, "a Bundle is no entry of a Bundle"
    return part.read(transaction.state)


def _rank(method: str) -> int:
    return _ORDER.index(method) if method in _ORDER else len(_ORDER)


def _ids(transaction: Transaction, entries: Sequence[Json], asked: Sequence[Request]) -> list[str | None]:
    """The id of what each entry creates, or finds by its conditions; None for entries whose URL tells it."""
    found: list[str | None] = []
    same: dict[object, str] = {}
    for number, (entry, one) in enumerate(zip(entries, asked, strict=True)):
        if one.method not in ("POST", "PUT") or "/" in one.path or "$" in one.path:
            found.append(None)
            continue
        with _Numbered(number, entry):
            condition = create_condition(one, one.path) if one.method == "POST" else update_condition(one, one.path)
            key = number if condition is None else (one.path, condition.used)
            if key not in same:
                match = None if condition is None else one_match(transaction, condition, one.base)
                same[key] = _own_id(one) or transaction.new_id() if match is None else match["id"]
        found.append(same[key])
    return found


def _own_id(one: Request) -> str | None:
    """The id that an update brings with it."""
    id: Any = cast(Json, one.body).get("id") if one.method == "PUT" and isinstance(one.body, dict) else None
    return id if isinstance(id, str) else None


def _match_of(transaction: Transaction, reference: str, base: str) -> str:
    """The one resource that a reference with a condition means. Raises SeveralMatch, and MissingResource."""
    kind = reference.partition("?")[0]
    match = one_match(transaction, condition_of(kind, reference, base), base)
    if match is None:
        raise MissingResource(f"Reference {reference:.120} matches nothing")
    return f"{kind}/{match['id']}"


class _Numbered:
    """A refusal inside says of which entry it is, unless it has diagnostics of its own."""

    def __init__(self, number: int, entry: Json) -> None:
        asked: Any = entry.get("request")
        asked = cast(Json, asked) if isinstance(asked, dict) else {}
        self._place = f"entry {number} of the Bundle, {asked.get('method')} {asked.get('url')}"

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, Refusal):
            error.diagnostics = error.diagnostics or self._place


# Answers


def gathered(kind: str, answers: Sequence[Response]) -> Response:
    """The answers to the entries as one Bundle."""
    found: Json = {"resourceType": "Bundle", "type": f"{kind}-response"}
    if answers:
        found["entry"] = [_entry(one) for one in answers]
    return Response(200, found)


def _entry(answer: Response) -> Json:
    response: Json = {"status": f"{answer.status} {HTTPStatus(answer.status).phrase}"}
    for name, header in (("location", "Location"), ("etag", "ETag")):
        if header in answer.headers:
            response[name] = answer.headers[header]
    changed = _changed(answer)
    if changed is not None:
        response["lastModified"] = changed
    resource = answer.resource
    if resource is None:
        return {"response": response}
    if resource.get("resourceType") == "OperationOutcome":
        return {"response": {**response, "outcome": resource}}
    return {"resource": resource, "response": response}


def _changed(answer: Response) -> str | None:
    """The instant of the last change, to the second where only the header tells it."""
    if answer.resource is not None and "ETag" in answer.headers:
        return child(answer.resource, "meta").get("lastUpdated")
    stamp = answer.headers.get("Last-Modified")
    return None if stamp is None else utc_text_ms(int(parsedate_to_datetime(stamp).timestamp()) * 1000)
