"""One call of an operation as it is made, and what it answers."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import UnknownOperation, Unsupported
from ..outcome import INTERNAL, fault_of, outcome_of
from ..references import Json
from .declared import OPERATIONS, REMOVED_OPERATIONS, Declaration, declared
from .request import BodyRequest, Query, QueryRequest, Request

_OPERATION = re.compile(r"(?P<type>Appointment|Schedule)/(?:(?P<id>[^/\s$]+)/)?(?P<name>\$[a-z]+)")


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
    """The operation that is called, and the Appointment it is called on."""

    declaration: Declaration
    id: str | None

    @property
    def name(self) -> str:
        return self.declaration.name

    @classmethod
    def named(cls, path: str) -> Operation:
        """From `Appointment/$find` or `Appointment/{id}/$confirm`. Raises UnknownOperation, or Unsupported."""
        match = _OPERATION.fullmatch(path) if isinstance(path, str) else None  # type: ignore[reportUnnecessaryIsInstance]
        if match is not None:
            type, id, name = match["type"], match["id"], match["name"]
            found = declared(name, "type" if id is None else "instance") if type == "Appointment" else None
            if found is not None:
                return cls(found, id)
            replacement = REMOVED_OPERATIONS.get(f"{type}/{'' if id is None else '{id}/'}{name}")
            if replacement is not None:
                raise Unsupported(f"Operation '{path}' is no longer supported, use {replacement}")
        known = ", ".join(one.path for one in OPERATIONS)
        raise UnknownOperation(f"Unknown operation '{path}', expected one of {known}")


def answer_of(error: Exception, operation: str) -> Answer:
    """A refusal as an OperationOutcome; anything else is our fault, and logged."""
    fault = fault_of(error)
    if fault is INTERNAL:
        logging.getLogger("slotwright").error("%s failed", operation, exc_info=error)
    return Answer(fault.status, outcome_of(error), fault.exit)
