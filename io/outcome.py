"""The one table from error class to issue code, HTTP status and exit code (specification, operations 9)."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..solver.errors import (
    ConflictError,
    InvalidInputError,
    LimitError,
    NotFoundError,
    SlotwrightError,
    UnsupportedError,
)
from .errors import (
    Gone,
    LedgerBusy,
    LedgerError,
    NotAcceptable,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    NotWritable,
    Refusal,
    SeveralMatch,
    TooLarge,
    TooMany,
    TooSlow,
    UnknownOperation,
    UnknownType,
    Unsupported,
    VersionConflict,
    WriteRefused,
    WrongMediaType,
    WrongMethod,
)

EXIT_OK = 0
EXIT_INTERNAL = 1
EXIT_USAGE = 2
EXIT_NOTHING_FOUND = 3
EXIT_INTERRUPTED = 130


class Fault(NamedTuple):
    """What an error means to a FHIR client and to a shell."""

    code: str
    status: int
    exit: int


INTERNAL = Fault("exception", 500, EXIT_INTERNAL)

FAULTS: dict[type[BaseException], Fault] = {
    NotFound: Fault("not-found", 404, 6),
    Gone: Fault("deleted", 410, 6),
    UnknownType: Fault("not-supported", 404, EXIT_USAGE),
    SeveralMatch: Fault("multiple-matches", 412, 4),
    UnknownOperation: Fault("not-supported", 404, EXIT_USAGE),
    Unsupported: Fault("not-supported", 400, 5),
    WriteRefused: Fault("conflict", 409, 4),
    VersionConflict: Fault("conflict", 412, 4),
    NotAuthenticated: Fault("login", 401, 5),
    NotAllowed: Fault("forbidden", 403, 5),
    WrongMethod: Fault("not-supported", 405, 5),
    NotAcceptable: Fault("not-supported", 406, 5),
    TooSlow: Fault("timeout", 408, 5),
    TooLarge: Fault("too-costly", 413, 5),
    WrongMediaType: Fault("not-supported", 415, 5),
    TooMany: Fault("throttled", 429, 7),
    NotWritable: Fault("not-supported", 400, 7),
    LedgerBusy: Fault("transient", 503, 7),
    LedgerError: Fault("no-store", 500, 7),
    NotFoundError: Fault("invalid", 400, 6),
    ConflictError: Fault("invalid", 400, 4),
    InvalidInputError: Fault("invalid", 400, 5),
    LimitError: Fault("too-costly", 400, 5),
    UnsupportedError: Fault("not-supported", 400, EXIT_USAGE),
}


def fault_of(error: BaseException) -> Fault:
    """The row of the error's class, or of the nearest class it derives from."""
    return next((FAULTS[kind] for kind in type(error).__mro__ if kind in FAULTS), INTERNAL)


def _as_unicode(text: str) -> str:
    """Bytes of a file name that are no UTF-8 come as lone surrogates, which JSON cannot hold."""
    return text.encode("utf-8", "backslashreplace").decode()


def _text(error: BaseException) -> str:
    return error.text if isinstance(error, Refusal) else str(error)


def outcome_of(error: BaseException) -> dict[str, Any]:
    """An OperationOutcome with one issue. Unexpected errors say no more than that they happened."""
    fault = fault_of(error)
    expected = isinstance(error, SlotwrightError) and fault is not INTERNAL
    issue: dict[str, Any] = {
        "severity": "error",
        "code": fault.code,
        "details": {"text": _as_unicode(_text(error)) if expected else "Internal server error"},
    }
    if isinstance(error, Refusal):
        if error.diagnostics is not None:
            issue["diagnostics"] = error.diagnostics
        if error.expression:
            issue["expression"] = error.expression
    return {"resourceType": "OperationOutcome", "issue": [issue]}
