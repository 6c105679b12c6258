"""FHIR's RESTful interface over a ledger: what a request asks for, and the answer (FHIR R4, http.html)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import WrongMethod
from ..ledger.ledger import Job
from ..outcome import INTERNAL, fault_of, outcome_of
from .bundle import bundle, gathered
from .exchange import Interaction, Request, Response
from .operations import operation
from .routes import route

if TYPE_CHECKING:
    from ..ledger.ledger import Ledger


BUNDLE_MOST = 1000
"""Entries of a Bundle, unless it is said otherwise."""


def interaction(request: Request, *, bundle_most: int = BUNDLE_MOST) -> Interaction:
    """What a request asks for. Raises Refusal."""
    if not request.path:
        if request.method != "POST":
            raise WrongMethod("The base takes POST of a Bundle")
        return bundle(request, interaction, bundle_most)
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
    """Carry out several: the writes in order, in one transaction, then the reads. A batch is its entries."""
    flat = [part for one in asked for part in _parts(one)]
    jobs = {place: Job(one.write) for place, one in enumerate(flat) if isinstance(one, Interaction) and one.write}
    if jobs:
        ledger.run(list(jobs.values()))
    answers = iter([_answer(ledger, one, jobs.get(place)) for place, one in enumerate(flat)])
    return [_gathered(one, [next(answers) for _ in _parts(one)]) for one in asked]


def _parts(asked: Interaction) -> Sequence[Interaction | Exception]:
    return asked.parts if asked.name == "batch" else (asked,)


def _gathered(asked: Interaction, answers: Sequence[Response]) -> Response:
    return gathered("batch", answers) if asked.name == "batch" else answers[0]


def _answer(ledger: Ledger, asked: Interaction | Exception, job: Job[Response] | None) -> Response:
    if isinstance(asked, Exception):
        return refusal(asked, "batch")
    try:
        if job is not None:
            return job.outcome()
        assert asked.read is not None, "what neither reads nor writes is a batch"
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
