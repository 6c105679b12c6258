"""The operations by name, and the doors to them: `invoke` for one, `invoke_all` for many in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from ...solver.problem import Engine
from ..errors import InvalidRequest, NotWritable
from ..outcome import EXIT_OK, fault_of, outcome_of
from ..references import Json
from ..store import Store
from . import find
from .call import Answer, Call, Operation, answer_of
from .request import Query
from .write import carry_out, carry_out_all, is_writable


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
    answer = answer_call(store, operation, query=query, body=body, now=now, engine=engine, who=who, dry_run=dry_run)
    return answer.status, answer.resource


def answer_call(
    store: Store,
    operation: str,
    *,
    query: Query | None = None,
    body: object = None,
    now: datetime | None = None,
    engine: Engine = "auto",
    who: str | None = None,
    dry_run: bool = False,
) -> Answer:
    """Like `invoke`, with the exit code too."""
    _check_now(now)
    if engine not in ("auto", "cp-sat"):
        raise ValueError(f"engine must be 'auto' or 'cp-sat', got {engine!r}")
    try:
        called = Operation.named(operation)
        call = Call(operation, query, body, who)
        if called.name == "$find":
            return _find(store, call, now, engine)
        if called.name == "$explain":
            return _explain(store, call, now)
        if not is_writable(store):
            raise NotWritable("Ledger is not writable")
        return carry_out(store, call, now=now, dry_run=dry_run)
    except Exception as error:  # the last guard: what is not a refusal is logged, and answered as our fault
        return answer_of(error, operation)


def invoke_all(
    store: Store,
    calls: Iterable[Call | Sequence[Call]],
    *,
    now: datetime | None = None,
    who: str | None = None,
    dry_run: bool = False,
) -> list[tuple[int, Json]]:
    """Carry out many writing operations in one transaction and one flush; answers come in order.

    Each call is judged against what the calls before it have left, and a refused one leaves nothing. A sequence of
    calls among them is a bundle: all Slots it releases are gone before any of its claims is judged, and it is accepted
    or refused whole. It has one answer: a `transaction-response` Bundle with the status of each call, or the
    OperationOutcome of the call that was refused. `$find` and `$explain` are not for here: what they read is one state
    anyway.
    """
    _check_now(now)
    several = [one if isinstance(one, Call) else list(one) for one in calls]
    if not all(isinstance(each, Call) for one in several for each in (one if isinstance(one, list) else [one])):  # type: ignore[reportUnnecessaryIsInstance]
        raise TypeError("invoke_all takes calls, and lists of calls")
    if not is_writable(store):
        refused = NotWritable("Ledger is not writable")
        return [(fault_of(refused).status, outcome_of(refused)) for _ in several]
    return [
        (answer.status, answer.resource) for answer in carry_out_all(store, several, now=now, who=who, dry_run=dry_run)
    ]


def _find(store: Store, call: Call, now: datetime | None, engine: Engine) -> Answer:
    _check_one_way(call)
    request = find.read_request(call.request())
    with store.reading() as state:
        found = find.find(state, request, now=now or store.now(), engine=engine)
        return Answer(200, find.write_bundle(found), EXIT_OK)


def _explain(store: Store, call: Call, now: datetime | None) -> Answer:
    from . import explain, explained

    _check_one_way(call)
    request = explain.read_request(call.request())
    with store.reading() as state:
        found = explain.explain(state, request, now=now or store.now())
        return Answer(200, explained.write_parameters(state, found), EXIT_OK)


def _check_one_way(call: Call) -> None:
    if call.query is not None and call.body is not None:
        raise InvalidRequest("Invalid request body")


def _check_now(now: datetime | None) -> None:
    if now is not None and now.utcoffset() is None:
        raise ValueError("now must be an aware datetime")
