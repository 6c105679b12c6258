"""Errors of the outer layer: refusals that carry the parts of an OperationOutcome, and faults of input files.

SlotwrightError                       (solver.errors)
├── Refusal                           an operation says no
│   ├── InvalidRequest                what was asked, or what is stored, is invalid
│   ├── MissingResource               something referred to is not stored (HTTP 400)
│   ├── NotFound                      the resource addressed is not stored (HTTP 404)
│   ├── UnknownOperation              no such operation
│   └── NotWritable                   a write on something that cannot be written
├── LoadError                         resources that cannot be loaded
├── NameNotFound                      a name that nothing is called by
└── AmbiguousName                     a name that several are called by
"""

from __future__ import annotations

from collections.abc import Sequence

from ..solver.errors import InvalidInputError, NotFoundError, SlotwrightError, UnsupportedError


class Refusal(SlotwrightError):
    """An operation's refusal: text, FHIRPath-like expressions of the places at fault, further diagnostics."""

    def __init__(self, text: str, expression: str | Sequence[str] = (), *, diagnostics: str | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.expression = [expression] if isinstance(expression, str) else list(expression)
        self.diagnostics = diagnostics


class InvalidRequest(Refusal, InvalidInputError):
    """What was asked, or what is stored, is invalid."""


class MissingResource(Refusal, NotFoundError):
    """Something referred to is not stored; by the specification an invalid request."""


class NotFound(Refusal, NotFoundError):
    """The resource addressed is not stored."""


class UnknownOperation(Refusal, UnsupportedError):
    """There is no such operation."""


class NotWritable(Refusal, UnsupportedError):
    """A write on a calendar, or on a ledger that is read-only."""


class LoadError(InvalidInputError):
    """Resources that cannot be loaded; the message names the file and the line or entry.

    It is one sentence on one line, whatever control characters the names in it hold.
    """

    def __init__(self, text: str) -> None:
        super().__init__("".join(letter if letter.isprintable() else " " for letter in text))


class NameNotFound(NotFoundError):
    """A name that no schedule or service is called by; the message lists near matches."""


class AmbiguousName(InvalidInputError):
    """A name that several schedules or services are called by."""


class LoadWarning(UserWarning):
    """Something in the resources loaded that deserves a look."""
