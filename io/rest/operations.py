"""The scheduling operations as interactions."""

from __future__ import annotations

from datetime import datetime

from ...solver.problem import Engine
from ..errors import InvalidRequest, WrongMethod
from ..ledger.transaction import Transaction
from ..operations import find
from ..operations.call import Call, Operation
from ..operations.write import work_of
from ..store import Store
from .exchange import Interaction, Read, Request, Response


def operation(request: Request, *, now: datetime | None = None, engine: Engine = "auto") -> Interaction:
    """The interaction of `Appointment/$find` and so on; a body is preferred to a query. Raises Refusal."""
    called = Operation.named(request.path)
    reads = not called.declaration.changes_state
    if reads and request.method == "GET":
        return _reading(called.name, Call(request.path, query=request.query), now, engine)
    if request.method != "POST":
        raise WrongMethod(f"{called.name} is called with {'GET or POST' if reads else 'POST'}")
    if reads:
        if request.body is None:
            raise InvalidRequest("Invalid request body")
        return _reading(called.name, Call(request.path, body=request.body), now, engine)
    work = work_of(Call(request.path, body=request.body, who=request.who))

    def write(transaction: Transaction) -> Response:
        answer = work(transaction)
        return Response(answer.status, answer.resource)

    return Interaction(called.name, "Appointment", write=write)


def _reading(name: str, call: Call, now: datetime | None, engine: Engine) -> Interaction:
    read = _find(call, now, engine) if name == "$find" else _explain(call, now)
    return Interaction(name, "Appointment", read=read)


def _explain(call: Call, now: datetime | None) -> Read:
    from ..operations import explain, explained

    asked = explain.read_request(call.request())

    def read(store: Store) -> Response:
        found = explain.explain(store, asked, now=now or store.now())
        return Response(200, explained.write_parameters(store, found))

    return read


def _find(call: Call, now: datetime | None, engine: Engine) -> Read:
    asked = find.read_request(call.request())

    def read(store: Store) -> Response:
        found = find.find(store, asked, now=now or store.now(), engine=engine)
        return Response(200, find.write_bundle(found))

    return read
