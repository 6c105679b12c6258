"""Answers as bytes: what FHIR says, as HTTP sends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from ..errors import LedgerBusy, LedgerError, NotAuthenticated, NotWritable, TooMany, TooSlow
from ..outcome import fault_of, outcome_of
from ..rest.exchange import Response

FHIR = "application/fhir+json; charset=utf-8"
JSON = "application/json; charset=utf-8"

_AGAIN = {"retry-after": "1"}
_SAID_WITH: Mapping[type[Exception], Mapping[str, str]] = {
    NotAuthenticated: {"www-authenticate": 'Bearer realm="slotwright"'},
    TooMany: _AGAIN,
    LedgerBusy: _AGAIN,
    TooSlow: {"connection": "close"},
}
"""Headers that belong to an error."""


class Answer(NamedTuple):
    """Status, headers and body, ready to be sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """How an answer is to be written."""

    is_pretty: bool = False

    def written(self, response: Response) -> Answer:
        """The bytes of an answer."""
        headers = {"cache-control": "no-store", **{name.lower(): value for name, value in response.headers.items()}}
        if response.resource is None:
            return Answer(response.status, headers, b"")
        body = orjson.dumps(response.resource, option=orjson.OPT_INDENT_2 if self.is_pretty else None)
        return Answer(response.status, {"content-type": FHIR, **headers}, body)

    def refused(
        self, error: Exception, headers: Mapping[str, str] | None = None, *, hidden: str | None = None
    ) -> Answer:
        """An error as an OperationOutcome, with the headers that belong to it.

        `hidden` is the folder of the ledger where it is not the client's business, nor is who else writes there.
        """
        said = _SAID_WITH.get(type(error), {})
        outcome = outcome_of(error)
        if hidden is not None and isinstance(error, (LedgerError, NotWritable)):
            words: str = outcome["issue"][0].pop("diagnostics", "")
            if words and not isinstance(error, LedgerBusy):
                outcome["issue"][0]["diagnostics"] = words.replace(hidden, "")
        return self.written(Response(fault_of(error).status, outcome, {**said, **(headers or {})}))


PLAIN = Form()


def in_json(status: int, content: object, headers: Mapping[str, str] | None = None) -> Answer:
    """What is no FHIR resource."""
    return Answer(status, {"content-type": JSON, "cache-control": "no-store", **(headers or {})}, orjson.dumps(content))
