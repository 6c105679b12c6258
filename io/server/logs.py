"""What the server writes down: a line for each request, and faults of ours. Nothing of it is about a patient.

A line names the method, the address with ids and everything unknown replaced, the status and the time: no query, no
body, no id. Of a fault it names the places in the program and the kind of error, whose words could quote a resource.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager

from ..errors import LedgerBusy, LedgerError
from ..outcome import INTERNAL, fault_of
from .settings import BASE

_KEPT = frozenset({"metadata", "_search", "_history"})
_ALONE = frozenset(
    {
        "/",
        "/find",
        "/book",
        "/cancel",
        "/sign-in",
        "/sign-out",
        "/healthz",
        "/openapi.json",
        "/oauth2/token",
        "/auth/me",
    }
)
_OPERATION = re.compile(r"\$[a-z-]{2,20}")

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
TYPES = frozenset(
    {"Schedule", "Slot", "Appointment", "HealthcareService", "Practitioner", "PractitionerRole", "Location", "Device"}
    | {"Patient", "Organization", "OperationDefinition"}
)

log = logging.getLogger("slotwright.server")


def method(name: str) -> str:
    """A client may call anything a method."""
    return name if name in METHODS else "{method}"


def template(path: str) -> str:
    """`/fhir/R4/Patient/{id}`; an address that means nothing is `{path}`."""
    if path in _ALONE:
        return path
    if path != BASE and not path.startswith(f"{BASE}/"):
        return "{path}"
    parts = [part for part in path.removeprefix(BASE).split("/") if part]
    return "/".join([BASE, *(_shown(place, part) for place, part in enumerate(parts))])


def _shown(place: int, part: str) -> str:
    if part in _KEPT or _OPERATION.fullmatch(part) or (place == 0 and part in TYPES):
        return part
    return "{id}" if place else "{path}"


def unexpected(error: BaseException, what: str, path: str) -> None:
    """What an operator should know: a fault of ours, or of the ledger at a path. Everything else is not written."""
    if fault_of(error) is INTERNAL:
        fault(error, what)
    elif isinstance(error, LedgerError) and not isinstance(error, LedgerBusy):
        said = str(error)
        log.error("%s failed: %s", what, said if path in said else error.text)  # other words could quote an id


def fault(error: BaseException, what: str) -> None:
    """An error that is our fault."""
    places = "".join(traceback.format_tb(error.__traceback__))
    log.error("%s failed: %s\n%s", what, type(error).__name__, places.rstrip())


@contextmanager
def on_standard_error(*, requests: bool) -> Generator[None]:
    """Where everything goes while the server runs."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    every = logging.getLogger("slotwright")
    every.addHandler(handler)
    every.propagate = False
    log.setLevel(logging.INFO if requests else logging.WARNING)
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)  # it would quote what it cannot read
    try:
        yield
    finally:
        every.removeHandler(handler)
        every.propagate = True
