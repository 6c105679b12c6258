"""The three tables that people keep, and which of them a file is, by its first line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table: a header with all of `marks` is meant to be it; `required` must be there, `optional` may."""

    name: str
    marks: tuple[str, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.required, *self.optional)


SCHEDULES = Sheet(
    "schedules",
    ("id", "duration"),
    ("id", "timezone", "service", "duration"),
    ("name", "kind", "service_name", "buffer_before", "buffer_after", "interval", "offset", "capacity"),
)
HOURS = Sheet("hours", ("days", "from", "to"), ("days", "from", "to"), ("schedule", "service"))
BOOKINGS = Sheet(
    "bookings", ("schedule", "start"), ("schedule", "start", "end"), ("id", "status", "service", "patient", "comment")
)
SHEETS = (SCHEDULES, HOURS, BOOKINGS)


def sheet_of(header: Sequence[str]) -> Sheet | None:
    """The table that a header means, None if it is none of them."""
    return next((one for one in SHEETS if set(one.marks) <= set(header)), None)
