"""FHIR's RESTful interface over a ledger: what a request asks for, and the answer (FHIR R4, http.html)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..ledger.ledger import Job
from ..outcome import INTERNAL, fault_of, outcome_of
from .exchange import Interaction, Request, Response
from .operations import operation
from .routes import route

if TYPE_CHECKING:
    from ..ledger.ledger import Ledger


def interaction(request: Request) -> Interaction:
    """What a request asks for. Raises Refusal."""
    if "$" in request.path:
        return operation(request)
    return route(request)


def answer(ledger: Ledger, request: Request) -> Response:
    """Carry out one request by itself. Nothing that a client sends makes it raise."""
    try:
        return carry_out(ledger, [interaction(request)])[0]
    except Exception as error:  # noqa: BLE001 the last guard of the interface
        return refusal(error, f"{request.method} {request.path}")


def carry_out(ledger: Ledger, asked: Sequence[Interaction]) -> list[Response]:
    """Carry out several: the writes in order, in one transaction, then the reads."""
    jobs = {place: Job(one.write) for place, one in enumerate(asked) if one.write is not None}
    if jobs:
        ledger.run(list(jobs.values()))
    return [_answer(ledger, one, jobs.get(place)) for place, one in enumerate(asked)]


def _answer(ledger: Ledger, asked: Interaction, job: Job[Response] | None) -> Response:
    try:
        if job is not None:
            return job.outcome()
        assert asked.read is not None
        with ledger.reading() as state:
            return asked.read(state)
    except Exception as error:  # noqa: BLE001 each has an answer of its own
        return refusal(error, asked.name)


def refusal(error: Exception, what: str) -> Response:
    """An error as an OperationOutcome; what is our fault is logged."""
    fault = fault_of(error)
    if fault is INTERNAL:
        logging.getLogger("slotwright").error("%s failed", what, exc_info=error)
    return Response(fault.status, outcome_of(error))
