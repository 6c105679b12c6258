"""Errors of the outer layer: refusals that carry the parts of an OperationOutcome, and faults of input files.

SlotwrightError                       (solver.errors)
├── Refusal                           an operation says no
│   ├── InvalidRequest                what was asked, or what is stored, is invalid
│   ├── MissingResource               something referred to is not stored (HTTP 400)
│   ├── NotFound                      the resource addressed is not stored (HTTP 404)
│   ├── Gone                          it was stored, and is deleted (HTTP 410)
│   ├── UnknownType                   no such type of resource here (HTTP 404)
│   ├── SeveralMatch                  a condition that several resources meet (HTTP 412)
│   ├── Conflict                      what is asked for is taken, full, or in another state
│   ├── UnknownOperation              no such operation
│   ├── Unsupported                   what exists, and is not done here (HTTP 400)
│   ├── WriteRefused                  a write that the stored bookings forbid (HTTP 409)
│   ├── HttpRefusal                   what a request is refused for before anything is looked up
│   │   ├── NotAuthenticated          no token, or none that is known (HTTP 401)
│   │   ├── NotAllowed                a role, a host or an origin that may not (HTTP 403)
│   │   ├── WrongMethod               no such method here (HTTP 405)
│   │   ├── NotAcceptable             an answer in another format was asked for (HTTP 406)
│   │   ├── TooSlow                   the body did not arrive in time (HTTP 408)
│   │   ├── TooLarge                  a body, Bundle or address above the limit (HTTP 413)
│   │   ├── WrongMediaType            the body is said to be something else than JSON (HTTP 415)
│   │   └── TooMany                   the queue of writes is full (HTTP 429)
│   ├── NotWritable                   a write on something that cannot be written
│   └── LedgerError                   the ledger file itself
│       ├── LedgerBusy                another process holds the writer lock
│       ├── LedgerDamaged             the file contradicts itself, or something of it is missing
│       ├── LedgerVersion             written by a newer slotwright
│       ├── LedgerNotFound            there is no such file, or it is no ledger
│       ├── LedgerWriteFailed         full disk, I/O error
│       └── ExportFailed              the same, of an export
├── WorkersLost                       the processes that work on partitions die again and again
├── VersionConflict                   the version expected is not the current one (HTTP 412)
├── LoadError                         resources that cannot be loaded
├── NameNotFound                      a name that nothing is called by
└── AmbiguousName                     a name that several are called by
"""

from __future__ import annotations

from collections.abc import Sequence

from ..solver.errors import ConflictError, InvalidInputError, NotFoundError, SlotwrightError, UnsupportedError


class Refusal(SlotwrightError):
    """An operation's refusal: text, FHIRPath-like expressions of the places at fault, further diagnostics."""

    def __init__(self, text: str, expression: str | Sequence[str] = (), *, diagnostics: str | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.expression = [expression] if isinstance(expression, str) else list(expression)
        self.diagnostics = diagnostics

    def __str__(self) -> str:
        return self.text


def _with_place(error: Refusal) -> str:
    return f"{error.text}: {error.diagnostics}" if error.diagnostics else error.text


class InvalidRequest(Refusal, InvalidInputError):
    """What was asked, or what is stored, is invalid."""


class MissingResource(Refusal, NotFoundError):
    """Something referred to is not stored; by the specification an invalid request."""


class NotFound(Refusal, NotFoundError):
    """The resource addressed is not stored."""


class Gone(Refusal, NotFoundError):
    """The resource addressed was stored, and is deleted."""


class UnknownType(Refusal, UnsupportedError):
    """A type of resource that is not served, or not written here."""


class SeveralMatch(Refusal, ConflictError):
    """A condition that is to name one resource, and that several meet; nothing was written."""


class Conflict(Refusal, ConflictError):
    """What is asked for is taken, full, outside, or in a state that forbids it."""


class UnknownOperation(Refusal, UnsupportedError):
    """There is no such operation."""


class Unsupported(Refusal, UnsupportedError):
    """What exists elsewhere and is not done here; the text names what to use instead."""


class WriteRefused(Refusal, ConflictError):
    """A write of a resource that the stored bookings forbid; the text names the operation to use."""


class HttpRefusal(Refusal):
    """A request refused before anything was looked up; nothing was done."""


class NotAuthenticated(HttpRefusal):
    """No token, or none that is known."""


class NotAllowed(HttpRefusal):
    """What the token's role may not do, or a host or an origin that may not ask."""


class WrongMethod(HttpRefusal):
    """A method that there is not at this address."""


class NotAcceptable(HttpRefusal):
    """An answer in a format that is not written here."""


class TooSlow(HttpRefusal):
    """A body that did not arrive in time."""


class TooLarge(HttpRefusal):
    """A body, a Bundle or an address above the limit."""


class WrongMediaType(HttpRefusal):
    """A body that is said to be no JSON."""


class TooMany(HttpRefusal):
    """The queue of writes is full; nothing was done, and the request may be repeated a little later."""


class NotWritable(Refusal, UnsupportedError):
    """A write on a calendar, or on a ledger that is read-only; diagnostics say what and where."""

    def __str__(self) -> str:
        return _with_place(self)


class LedgerError(Refusal):
    """The ledger file; diagnostics say what and where."""

    def __str__(self) -> str:
        return _with_place(self)


class LedgerBusy(LedgerError):
    """Another process held the writer lock for longer than one was willing to wait."""

    def __init__(self, diagnostics: str) -> None:
        super().__init__("Ledger is busy", diagnostics=diagnostics)


class LedgerDamaged(LedgerError):
    """The file contradicts itself, or a part of it is missing."""

    def __init__(self, diagnostics: str) -> None:
        super().__init__("Ledger is damaged", diagnostics=diagnostics)


class LedgerVersion(LedgerError):
    """The file was written by a newer slotwright."""

    def __init__(self, diagnostics: str) -> None:
        super().__init__("Ledger version is not supported", diagnostics=diagnostics)


class LedgerNotFound(LedgerError):
    """There is no such file, it cannot be opened, or it is no ledger."""

    def __init__(self, diagnostics: str) -> None:
        super().__init__("Ledger could not be opened", diagnostics=diagnostics)


class LedgerWriteFailed(LedgerError):
    """A full disk or an I/O error; nothing of the write is visible."""

    def __init__(self, diagnostics: str) -> None:
        super().__init__("Ledger could not be written", diagnostics=diagnostics)


class ExportFailed(LedgerError):
    """The folder or file of an export could not be written."""

    def __init__(self, diagnostics: str) -> None:
        super().__init__("Export could not be written", diagnostics=diagnostics)


class WorkersLost(SlotwrightError):
    """Processes that work on partitions were lost again and again."""


class VersionConflict(ConflictError):
    """A resource has another version than the one expected."""


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
