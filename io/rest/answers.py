"""Answers to writes, as `Prefer` asks for them (FHIR R4, http.html, 3.1.0.1.8), and to what is refused."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Sequence
from typing import Literal

from .. import urls
from ..outcome import INTERNAL, fault_of, outcome_of
from ..references import Json, Target
from .exchange import Request, Response
from .versions import headers_of, location_of

Wished = Literal["minimal", "OperationOutcome", "representation"]


def wished(prefer: str | None) -> Wished:
    match = re.search(r"\breturn\s*=\s*\"?(minimal|OperationOutcome)\b", prefer or "")
    if match is None:
        return "representation"
    return "minimal" if match[1] == "minimal" else "OperationOutcome"


def written(request: Request, status: int, stored: Json, hits: Sequence[Json] = ()) -> Response:
    """A resource that was written, and the bookings that this hits."""
    headers = {**headers_of(stored), "Location": location_of(request.base, stored)}
    wish = wished(request.prefer)
    if wish == "minimal":
        return Response(status, None, headers)
    if wish == "OperationOutcome":
        issues = [_issue("warning", "conflict", _hit_text(one)) for one in hits]
        name = f"{stored['resourceType']}/{stored['id']}"
        return Response(status, _outcome(issues or [_issue("information", "informational", f"Stored {name}")]), headers)
    return Response(status, _with_hits(stored, hits), headers)


def deleted(request: Request, name: Target) -> Response:
    if wished(request.prefer) == "OperationOutcome":
        return Response(200, _outcome([_issue("information", "informational", f"Deleted {name}")]))
    return Response(204)


def _with_hits(stored: Json, hits: Sequence[Json]) -> Json:
    if not hits:
        return stored
    extensions = [
        {
            "url": urls.BOOKING_HIT,
            "valueReference": {"reference": f"Appointment/{one['id']}", "display": str(one.get("start", ""))},
        }
        for one in hits
    ]
    return {**stored, "extension": [*stored.get("extension", []), *extensions]}


def _hit_text(appointment: Json) -> str:
    return f"Hits Appointment/{appointment['id']}, which starts {appointment.get('start')}: reschedule or cancel it"


def _issue(severity: str, code: str, text: str) -> Json:
    return {"severity": severity, "code": code, "details": {"text": text}}


def _outcome(issues: Sequence[Json]) -> Json:
    return {"resourceType": "OperationOutcome", "issue": list(issues)}


def refusal(error: Exception, what: str) -> Response:
    """An error as an OperationOutcome; what is our fault is logged, without its words: they could quote a resource."""
    fault = fault_of(error)
    if fault is INTERNAL:
        places = "".join(traceback.format_tb(error.__traceback__)).rstrip()
        logging.getLogger("slotwright").error("%s failed: %s\n%s", what, type(error).__name__, places)
    return Response(fault.status, outcome_of(error))
