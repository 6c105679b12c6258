"""Which interaction an address and a method mean (FHIR R4, http.html, 3.1.0.21)."""

from __future__ import annotations

from ..errors import NotFound, WrongMethod
from . import definitions
from .exchange import Interaction, Request
from .history import history, vread
from .metadata import capabilities
from .read import read
from .search import search
from .write import create, delete, update, update_matching


def route(request: Request) -> Interaction:
    """Raises Refusal."""
    method = request.method
    if request.path == "metadata":
        return capabilities(request)
    if request.path.partition("/")[0] == definitions.TYPE:
        return definitions.definitions(request)
    match request.path.split("/"):
        case ["_history"]:
            return history(_got(request), None)
        case [kind, "_history"]:
            return history(_got(request), kind)
        case [kind, id, "_history"]:
            return history(_got(request), kind, id)
        case [kind, id, "_history", version]:
            return vread(_got(request), kind, id, version)
        case [kind] if kind:
            if method == "GET":
                return search(request, kind)
            if method == "POST":
                return create(request, kind)
            if method == "PUT":
                return update_matching(request, kind)
            raise _wrong(request, "GET, POST or PUT")
        case [kind, "_search"]:
            if method in ("GET", "POST"):
                return search(request, kind)
            raise _wrong(request, "GET or POST")
        case [kind, id]:
            if method == "GET":
                return read(request, kind, id)
            if method == "PUT":
                return update(request, kind, id)
            if method == "DELETE":
                return delete(request, kind, id)
            raise _wrong(request, "GET, PUT or DELETE")
        case _:
            raise NotFound("Not found")


def _got(request: Request) -> Request:
    """Raises WrongMethod for what is no GET."""
    if request.method != "GET":
        raise _wrong(request, "GET")
    return request


def _wrong(request: Request, methods: str) -> WrongMethod:
    return WrongMethod(f"{request.method:.20} is not possible at '{request.path:.120}'; {methods} is")
