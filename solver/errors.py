"""The root of every error that slotwright raises on purpose, and the faults of the solver itself.

SlotwrightError
├── InvalidInputError     what was given cannot be read or contradicts itself
├── NotFoundError         something named does not exist
├── ConflictError         it exists, but its state forbids what was asked
├── UnsupportedError      this store or operation cannot do what was asked
├── LimitError            a stated limit of work was reached
└── SolverFaultError      CP-SAT gave an answer that plain arithmetic refutes
"""

from __future__ import annotations


class SlotwrightError(Exception):
    """Root of all errors raised on purpose; `str(error)` is a sentence for people."""


class InvalidInputError(SlotwrightError):
    """Input that cannot be read, or that contradicts itself."""


class NotFoundError(SlotwrightError):
    """Something that was named does not exist."""


class ConflictError(SlotwrightError):
    """What was asked for exists, but its state forbids it."""


class UnsupportedError(SlotwrightError):
    """This store, or this version, cannot do what was asked."""


class LimitError(SlotwrightError):
    """A stated limit of work was reached before the answer was complete."""


class SolverFaultError(SlotwrightError):
    """The solver's answer was refuted by arithmetic that does not know the solver."""
