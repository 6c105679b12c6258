"""What the operations ask of the place where resources live: a calendar in memory, later a ledger file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from .references import Json

if TYPE_CHECKING:
    from .prepared import Prepared


class Store(Protocol):
    """Resources by reference, and the compiled calendars over them."""

    @property
    def prepared(self) -> Prepared:
        """Schedules examined and compiled so far, kept in step with the resources."""
        ...

    @property
    def is_writable(self) -> bool: ...

    def now(self) -> datetime:
        """What the clock says that the store was opened with."""
        ...

    def read(self, reference: str) -> Json | None:
        """The resource of `Type/id`, or None. Not to be changed."""
        ...

    def resources(self, kind: str) -> Iterator[Json]:
        """All resources of a type."""
        ...

    def slots_of(self, schedule_id: str) -> Sequence[Json]:
        """The stored Slots of a schedule."""
        ...

    def appointments_of(self, schedule_id: str) -> Mapping[str, Sequence[Json]]:
        """By Slot id, the Appointments that refer to the schedule's Slots."""
        ...
