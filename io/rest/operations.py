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
    if called.name == "$find" and request.method == "GET":
        return Interaction("$find", "Appointment", read=_find(Call(request.path, query=request.query), now, engine))
    if request.method != "POST":
        raise WrongMethod(f"{called.name} is called with {'GET or POST' if called.name == '$find' else 'POST'}")
    if called.name == "$find":
        if request.body is None:
            raise InvalidRequest("Invalid request body")
        return Interaction("$find", "Appointment", read=_find(Call(request.path, body=request.body), now, engine))
    work = work_of(Call(request.path, body=request.body, who=request.who))

    def write(transaction: Transaction) -> Response:
        answer = work(transaction)
        return Response(answer.status, answer.resource)

    return Interaction(called.name, "Appointment", write=write)


def _find(call: Call, now: datetime | None, engine: Engine) -> Read:
    asked = find.read_request(call.request())

    def read(store: Store) -> Response:
        found = find.find(store, asked, now=now or store.now(), engine=engine)
        return Response(200, find.write_bundle(found))

    return read
