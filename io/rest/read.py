"""`read` and `vread` (FHIR R4, http.html, 3.1.0.4 and 3.1.0.5)."""

from __future__ import annotations

from ..errors import Gone, NotFound, UnknownType
from ..ledger.state import State, parsed
from ..references import Json
from .exchange import Interaction, Request, Response
from .types import SERVED, check_readable
from .versions import headers_of, is_among


def read(request: Request, kind: str, id: str) -> Interaction:
    """`GET Type/id`. Raises UnknownType."""
    check_readable(kind)

    def answer(state: State) -> Response:
        resource = stored(state, kind, id)
        if is_among(resource, request.if_none_match):
            return Response(304, None, headers_of(resource))
        return Response(200, resource, headers_of(resource))

    return Interaction("read", kind, read=answer)


def stored(state: State, kind: str, id: str) -> Json:
    """Raises NotFound, Gone if it is deleted, and UnknownType."""
    check_known(state, kind)
    row = state.database.resource(kind, id)
    if row is None:
        raise NotFound("Not found")
    if row.content is None:
        raise Gone("Gone")
    return parsed(row.content, f"{kind}/{id}")


def check_known(state: State, kind: str) -> None:
    """Raises UnknownType for what is neither served nor stored."""
    if kind not in SERVED and not state.database.is_stored(kind):
        raise UnknownType(f"Resource type '{kind}' is not supported")
