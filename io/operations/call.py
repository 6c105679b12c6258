"""One call of an operation as it is made, and what it answers."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import UnknownOperation
from ..outcome import INTERNAL, fault_of, outcome_of
from ..references import Json
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
    """One call: the operation's path, a query or a body, and who is recorded."""

    operation: str
    query: Query | None = None
    body: object = None
    who: str | None = None

    def request(self) -> Request:
        if self.body is not None:
            return BodyRequest(self.body)
        return QueryRequest(self.query or {})


class Operation(NamedTuple):
    """The name of an operation, and the Appointment it is called on."""

    name: str
    id: str | None

    @classmethod
    def named(cls, path: str) -> Operation:
        """From `Appointment/$find` or `Appointment/{id}/$confirm`. Raises UnknownOperation."""
        match = _OPERATION.fullmatch(path) if isinstance(path, str) else None  # type: ignore[reportUnnecessaryIsInstance]
        name = match["name"] if match else None
        id = match["id"] if match else None
        level = "type" if id is None else "instance"
        if name is None or level not in _LEVELS.get(name, ()):
            known = ", ".join(
                f"Appointment/{'{id}/' if one == 'instance' else ''}{name}"
                for name, ones in _LEVELS.items()
                for one in ones
            )
            raise UnknownOperation(f"Unknown operation '{path}', expected one of {known}")
        return cls(name, id)


def answer_of(error: Exception, operation: str) -> Answer:
    """A refusal as an OperationOutcome; anything else is our fault, and logged."""
    fault = fault_of(error)
    if fault is INTERNAL:
        logging.getLogger("slotwright").error("%s failed", operation, exc_info=error)
    return Answer(fault.status, outcome_of(error), fault.exit)
