"""What became of each request: the rows of the answers table (docs/plan.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from ...solver.plan.check import Terms
from ..instants import utc_text

Status = Literal["placed", "booked", "move", "moved", "kept", "not-placed", "not-moved", "error"]

SERVED: tuple[Status, ...] = ("placed", "booked", "move", "moved", "kept")
"""Requests and bookings that have a time in the plan."""


class Before(NamedTuple):
    """Where a booking stood, in minutes."""

    start: int
    end: int
    schedules: tuple[str, ...]


class Answer(NamedTuple):
    """One request, or one booking that may be moved (row None). Times are minutes; `terms` are what it is worth."""

    id: str
    row: int | None
    status: Status
    start: int | None = None
    end: int | None = None
    schedules: tuple[str, ...] = ()
    appointment: str | None = None
    before: Before | None = None
    terms: Terms | None = None
    reason: str | None = None

    def cells(self) -> dict[str, Any]:
        """The row of the table; instants are microseconds since 1970 in UTC."""
        return self._cells(lambda minute: minute * 60_000_000)

    def as_json(self) -> dict[str, Any]:
        """The same with FHIR instants."""
        return self._cells(utc_text)

    def _cells(self, instant: Callable[[int], Any]) -> dict[str, Any]:
        def at(minute: int | None) -> Any:
            return None if minute is None else instant(minute)

        before, terms = self.before, self.terms
        return {
            "request_id": self.id,
            "row": self.row,
            "status": self.status,
            "start": at(self.start),
            "end": at(self.end),
            "schedules": list(self.schedules),
            "appointment": self.appointment,
            "before_start": None if before is None else at(before.start),
            "before_end": None if before is None else at(before.end),
            "before_schedules": [] if before is None else list(before.schedules),
            "value": None if terms is None else terms.total,
            **({} if terms is None else terms._asdict()),
            "reason": self.reason,
        }
