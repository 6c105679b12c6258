"""The writing operations: each call becomes a job of the ledger, and an entry in it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Protocol, TypeGuard

import orjson

from ..collector import collector_paused
from ..errors import InvalidRequest, Refusal, UnknownOperation
from ..ledger.jobs import Job
from ..ledger.transaction import Transaction
from ..outcome import EXIT_OK
from ..references import Json
from .book import book
from .book import read_request as read_book
from .call import Answer, Call, Operation, answer_of
from .change import cancel, confirm, read_cancel, read_confirm
from .repeats import with_slots
from .request import BodyRequest, Request
from .reschedule import read_reschedule, reschedule
from .steps import Steps, Written, run_through


class WritableStore(Protocol):
    """A store that takes writes."""

    def run(self, jobs: Sequence[Job[Any]]) -> None: ...


def is_writable(store: object) -> TypeGuard[WritableStore]:
    """Does it take writes at all, allowed or not?"""
    return hasattr(store, "run")


_Start = Callable[[Transaction], Steps]


def carry_out(store: WritableStore, call: Call, *, now: datetime | None, dry_run: bool) -> Answer:
    """One call by itself. Raises Refusal."""
    job = Job(work_of(call), now, dry_run)
    store.run([job])
    return job.outcome()


def carry_out_all(
    store: WritableStore,
    calls: Sequence[Call | Sequence[Call]],
    *,
    now: datetime | None,
    who: str | None,
    dry_run: bool,
) -> list[Answer]:
    """Calls and bundles of calls in order, in one transaction. A dry run takes them all back at its end."""
    with collector_paused():
        return _carry_out_all(store, calls, now, who, dry_run=dry_run)


def _carry_out_all(
    store: WritableStore,
    calls: Sequence[Call | Sequence[Call]],
    now: datetime | None,
    who: str | None,
    *,
    dry_run: bool,
) -> list[Answer]:
    works: list[Callable[[Transaction], Answer]] = []
    for one in calls:
        try:
            several = [_by(each, who) for each in ([one] if isinstance(one, Call) else one)]
            works.append(work_of(several[0]) if isinstance(one, Call) else _bundle(several))
        except Refusal as error:
            works.append(_refused(error))
    if dry_run:
        job = Job(lambda transaction: list(_tried(transaction, works)), now, dry_run=True)
        store.run([job])
        return job.outcome()
    jobs = [Job(work, now) for work in works]
    store.run(jobs)
    names = [one.operation if isinstance(one, Call) else "bundle" for one in calls]
    return [_answer(job, name) for job, name in zip(jobs, names, strict=True)]


def _answer(job: Job[Answer], operation: str) -> Answer:
    try:
        return job.outcome()
    except Exception as error:  # noqa: BLE001 each call has an answer of its own
        return answer_of(error, operation)


def _tried(transaction: Transaction, works: Sequence[Callable[[Transaction], Answer]]) -> Iterator[Answer]:
    """Each work in turn with a way back, as the ledger does with jobs."""
    for work in works:
        mark = transaction.mark()
        try:
            answer = work(transaction)
        except Refusal as error:
            transaction.undo(mark)
            yield answer_of(error, "dry run")
        else:
            transaction.keep(mark)
            yield answer


def _by(call: Call, who: str | None) -> Call:
    return call if call.who is not None or who is None else Call(call.operation, call.query, call.body, who)


def _refused(error: Refusal) -> Callable[[Transaction], Answer]:
    def work(_: Transaction) -> Answer:
        raise error

    return work


def work_of(call: Call) -> Callable[[Transaction], Answer]:
    """One call as a job of the ledger, its entry included. Raises Refusal if the request cannot be read."""
    called = Operation.named(call.operation)
    start = _reader(called, call)
    recorded = _recorded(call)

    def work(transaction: Transaction) -> Answer:
        lapses = transaction.lapse()
        written = run_through(start(transaction))
        transaction.finish(called.name, recorded, lapses)
        written = _as_it_stands(transaction, written)
        return Answer(written.status, _resource(written), EXIT_OK)

    return work


def _as_it_stands(transaction: Transaction, written: Written) -> Written:
    """A replay writes nothing, the lapses of its moment included; so its answer is read after all that."""
    if not written.is_replay:
        return written
    state = transaction.state
    stored = (state.read(f"Appointment/{one['id']}") for one in written.resources)
    return Written(written.status, with_slots(state, [one for one in stored if one is not None]))


def _bundle(calls: Sequence[Call]) -> Callable[[Transaction], Answer]:
    """Raises Refusal if what the calls say cannot be recorded."""
    for call in calls:
        _recorded(call)

    def work(transaction: Transaction) -> Answer:
        lapses = transaction.lapse()
        running: list[Steps] = []
        for number, call in enumerate(calls):
            with _numbered(number, call):
                steps = _reader(Operation.named(call.operation), call)(transaction)
                next(steps)
                running.append(steps)
        results: list[Written] = []
        for number, (call, steps) in enumerate(zip(calls, running, strict=True)):
            with _numbered(number, call):
                results.append(run_through(steps))
        who = calls[0].who if calls else None
        transaction.finish("bundle", {"who": who, "calls": [_input(one) for one in calls]}, lapses)
        standing = (_as_it_stands(transaction, one) for one in results)
        entries = [{"resource": _resource(one), "response": {"status": str(one.status)}} for one in standing]
        return Answer(200, _bundle_of(entries), EXIT_OK)

    return work


@contextmanager
def _numbered(number: int, call: Call) -> Generator[None]:
    """A refusal inside says which call of the bundle it is of, unless it has diagnostics of its own."""
    try:
        yield
    except Refusal as error:
        error.diagnostics = error.diagnostics or f"call {number} of the bundle, {call.operation}"
        raise


def _reader(called: Operation, call: Call) -> _Start:
    """The operation with its request read. Raises Refusal."""
    if not called.declaration.changes_state:
        raise UnknownOperation(f"'{call.operation}' writes nothing, and has no place among operations that write")
    if called.name in ("$book", "$hold"):
        asked = read_book(called.name, call.body)
        return lambda transaction: book(transaction, asked)
    request = _request(called, call)
    if called.name == "$cancel":
        cancelled = read_cancel(called.id, request)
        return lambda transaction: cancel(transaction, cancelled)
    assert called.id is not None
    if called.name == "$confirm":
        confirmed = read_confirm(called.id, request)
        return lambda transaction: confirm(transaction, confirmed)
    moved = read_reschedule(called.id, request)
    return lambda transaction: reschedule(transaction, moved)


def _request(called: Operation, call: Call) -> Request:
    if call.query is not None and call.body is not None:
        raise InvalidRequest("Invalid request body")
    # Clients that must send something send an empty object.
    says_nothing = call.body is None or (call.body == {} and not called.declaration.needs_body)
    if call.query is None and says_nothing:
        return BodyRequest({"resourceType": "Parameters"})
    return call.request()


def _recorded(call: Call) -> bytes:
    """The input as the ledger keeps it. Raises InvalidRequest if it is no JSON."""
    try:
        return orjson.dumps(_input(call))
    except TypeError as error:
        raise InvalidRequest("Invalid request body", diagnostics=str(error)) from error


def _input(call: Call) -> Json:
    """What is recorded of a call."""
    found: Json = {"who": call.who, "operation": call.operation}
    if call.query is not None:
        found["query"] = {name: value if isinstance(value, str) else list(value) for name, value in call.query.items()}
    if call.body is not None:
        found["body"] = call.body
    return found


def _resource(written: Written) -> Json:
    if written.is_bare:
        return written.resources[0]
    return _bundle_of([{"resource": one} for one in written.resources])


def _bundle_of(entries: Sequence[Json]) -> Json:
    return {"resourceType": "Bundle", "type": "transaction-response", "entry": list(entries)}
