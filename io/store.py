"""What the operations ask of the place where resources live: a calendar in memory, or a ledger file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from ..solver.capacity import Claim
from .mapping import UnusableSlot
from .references import Json

if TYPE_CHECKING:
    from .prepared import Prepared, Service


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

    def reading(self) -> AbstractContextManager[Store]:
        """One state of the store, for everything that is read inside."""
        ...

    def read(self, reference: str) -> Json | None:
        """The resource of `Type/id`, or None. Not to be changed."""
        ...

    def resources(self, kind: str) -> Iterator[Json]:
        """All resources of a type."""
        ...

    def kinds(self) -> list[str]:
        """The types of which there is some resource."""
        ...

    def claims(self, schedule_id: str, service: Service) -> list[Claim]:
        """What the stored Slots of a schedule mean for a service."""
        ...

    def users_of(self, slot_id: str) -> list[Json]:
        """The Appointments that refer to a Slot."""
        ...

    def unusable(self, schedule_id: str) -> Sequence[UnusableSlot]:
        """The Slots of a schedule that count and cannot be used (specification, model 9)."""
        ...
