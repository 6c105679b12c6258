"""What the stored bookings say to a write: what it must leave alone, and which of them it hits."""

from __future__ import annotations

from ..ledger.transaction import Transaction
from ..references import Json
from .capacity import check_capacity
from .guarded import check_made_delete, check_made_write
from .hits import Hits, hits_of
from .in_use import check_unused

__all__ = ["Hits", "check_delete", "check_write", "hits_of"]


def check_write(transaction: Transaction, old: Json | None, new: Json) -> None:
    """Raises WriteRefused."""
    if new["resourceType"] in ("Slot", "Appointment"):
        check_made_write(transaction.state, old, new)
    if new["resourceType"] == "Slot":
        check_capacity(transaction.state, old, new)


def check_delete(transaction: Transaction, old: Json) -> None:
    """Raises WriteRefused."""
    if old["resourceType"] in ("Slot", "Appointment"):
        check_made_delete(transaction.state, old)
    else:
        check_unused(transaction.state, old, transaction.now_ms)
