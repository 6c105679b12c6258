"""A request and its answer as FHIR's RESTful interface knows them, without HTTP (FHIR R4, http.html)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..references import Json

if TYPE_CHECKING:
    from ..ledger.state import State
    from ..ledger.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks.

    Attributes
    ----------
    method
        `GET`, `POST`, `PUT`, `DELETE`.
    path
        Below the base, decoded, without a slash at either end: `Slot`, `Appointment/x/$confirm`; empty for the base.
    query
        Every parameter's values in the order they were given.
    body
        The JSON that was sent; None if there was none.
    base
        The address of the base as the client knows it, without a slash at its end.
    if_match, if_none_match, if_none_exist, prefer
        The headers of these names.
    who
        Whom the entries of the ledger are to name.
    new_id
        The id for what is created, where a transaction has chosen it already.
    """

    method: str
    path: str
    query: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    body: object = None
    base: str = ""
    if_match: str | None = None
    if_none_match: str | None = None
    if_none_exist: str | None = None
    prefer: str | None = None
    who: str | None = None
    new_id: str | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """HTTP status, the resource (None: no body), and headers such as `ETag` and `Location`."""

    status: int
    resource: Json | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


Read = Callable[["State"], Response]
"""Answers from one snapshot of a ledger."""

Write = Callable[["Transaction"], Response]
"""One job of the ledger: writes, closes its entry, and answers; raises Refusal, and then leaves nothing."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """What a request asks for, judged as far as that is possible without the store.

    Attributes
    ----------
    name
        FHIR's code of the interaction (`read`, `search-type`, `create`, `update`, `delete`, `history-type`,
        `history-system`, `capabilities`, `batch`, `transaction`), or the operation (`$find`).
    type
        The type of resource it is about, None for the whole system.
    read, write
        How it is carried out; both are None for a `batch`, until it is `joined`.
    parts
        The entries of a `batch` or a `transaction`, in order; an entry that is refused by its form is the refusal.
    """

    name: str
    type: str | None = None
    read: Read | None = None
    write: Write | None = None
    parts: Sequence[Interaction | Exception] = ()
