"""FHIR's RESTful interface over a ledger: what a request asks for, and the answer (FHIR R4, http.html)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import WrongMethod
from ..ledger.jobs import Job
from .answers import refusal
from .bundle import bundle, joined
from .exchange import Interaction, Request, Response
from .operations import operation
from .routes import route

if TYPE_CHECKING:
    from ..ledger.ledger import Ledger


__all__ = ["BUNDLE_MOST", "answer", "carry_out", "interaction", "joined", "refusal"]

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
    """Carry out several: the writes in order, in one transaction, then the reads."""
    ready = [joined(one) for one in asked]
    jobs = {place: Job(one.write) for place, one in enumerate(ready) if one.write is not None}
    if jobs:
        ledger.run(list(jobs.values()))
    return [_answer(ledger, one, jobs.get(place)) for place, one in enumerate(ready)]


def _answer(ledger: Ledger, asked: Interaction, job: Job[Response] | None) -> Response:
    try:
        if job is not None:
            return job.outcome()
        assert asked.read is not None
        with ledger.reading() as state:
            return asked.read(state)
    except Exception as error:  # noqa: BLE001 each has an answer of its own
        return refusal(error, asked.name)
