"""The operations by name, and the one door to them: `invoke`."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ...solver.problem import Engine
from ..errors import InvalidRequest, NotWritable, UnknownOperation
from ..outcome import EXIT_OK, fault_of, outcome_of
from ..references import Json
from ..store import Store
from . import find
from .request import BodyRequest, Query, QueryRequest, Request

_OPERATION = re.compile(r"Appointment/(?:(?P<id>[^/\s$]+)/)?(?P<name>\$[a-z]+)")
_LEVELS = {
    "$find": ("type",),
    "$book": ("type",),
    "$hold": ("type",),
    "$confirm": ("instance",),
    "$reschedule": ("instance",),
    "$cancel": ("type", "instance"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answers: HTTP status, FHIR resource, and the exit code of its group."""

    status: int
    resource: Json
    exit: int


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation, as it was made."""

    store: Store
    id: str | None
    query: Query | None
    body: object
    now: datetime | None
    engine: Engine

    def request(self) -> Request:
        if self.body is not None:
            return BodyRequest(self.body)
        return QueryRequest(self.query or {})


def invoke(
    store: Store,
    operation: str,
    *,
    query: Query | None = None,
    body: object = None,
    now: datetime | None = None,
    engine: Engine = "auto",
    who: str | None = None,
    dry_run: bool = False,
) -> tuple[int, Json]:
    """Carry out an operation.

    Parameters
    ----------
    store
        What `open_calendar` gives.
    operation
        `"Appointment/$find"`, `"Appointment/{id}/$confirm"` and so on.
    query, body
        The parameters: a dict of strings or lists of strings, or a Parameters resource.
    now
        The current time, aware. None: the store's clock is read.
    engine
        `"auto"`, or `"cp-sat"` to ask the full solver model for everything.
    who, dry_run
        For writes: who is recorded, and whether to say only what would happen.

    Returns
    -------
    The HTTP status, and the FHIR resource: the answer or an OperationOutcome. Nothing that a caller sends or stores
    makes it raise.
    """
    del who, dry_run  # of the operations there are, none writes yet
    answer = answer_call(store, operation, query=query, body=body, now=now, engine=engine)
    return answer.status, answer.resource


def answer_call(
    store: Store,
    operation: str,
    *,
    query: Query | None = None,
    body: object = None,
    now: datetime | None = None,
    engine: Engine = "auto",
) -> Answer:
    """Like `invoke`, with the exit code too."""
    if now is not None and now.utcoffset() is None:
        raise ValueError("now must be an aware datetime")
    if engine not in ("auto", "cp-sat"):
        raise ValueError(f"engine must be 'auto' or 'cp-sat', got {engine!r}")
    try:
        carry_out, id = _lookup(operation)
        return carry_out(Call(store, id, query, body, now, engine))
    except Exception as error:  # the last guard: what is not a refusal is logged, and answered as our fault
        fault = fault_of(error)
        if fault.status >= 500:
            logging.getLogger("slotwright").exception("%s failed", operation)
        return Answer(fault.status, outcome_of(error), fault.exit)


def _lookup(operation: str) -> tuple[Callable[[Call], Answer], str | None]:
    match = _OPERATION.fullmatch(operation)
    name = match["name"] if match else None
    id = match["id"] if match else None
    level = "type" if id is None else "instance"
    if name is None or level not in _LEVELS.get(name, ()):
        known = ", ".join(
            f"Appointment/{'{id}/' if one == 'instance' else ''}{name}"
            for name, ones in _LEVELS.items()
            for one in ones
        )
        raise UnknownOperation(f"Unknown operation '{operation}', expected one of {known}")
    return (_find if name == "$find" else _write), id


def _find(call: Call) -> Answer:
    if call.query is not None and call.body is not None:
        raise InvalidRequest("Invalid request body")
    request = find.read_request(call.request())
    now = call.now or call.store.now()
    return Answer(200, find.write_bundle(find.find(call.store, request, now=now, engine=call.engine)), EXIT_OK)


def _write(_: Call) -> Answer:
    raise NotWritable("Ledger is not writable")
