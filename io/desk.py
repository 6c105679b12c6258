"""What people at the desk do beyond the operations: who came, leave and sickness, and their end.

A closure is a `busy-unavailable` Slot without serviceType, so that it blocks every service at every capacity; an
extension of ours marks it, so that `reopen` touches nothing else. Closing cancels no booking: it lists those it hits.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from ..solver.errors import ConflictError, InvalidInputError, NotFoundError
from . import mapping, urls
from .booking import users_of
from .errors import NotFound
from .instants import instant_ms, utc_text_ms
from .parameters import extensions
from .references import Json

if TYPE_CHECKING:
    from .ledger.ledger import Ledger
    from .ledger.transaction import Transaction

MOVES: dict[str, tuple[str, ...]] = {
    "arrived": ("booked",),
    "fulfilled": ("booked", "arrived", "checked-in"),
    "noshow": ("booked", "arrived", "checked-in"),
}
"""Each status that people set, and from which it may be set (FHIR's workflow of appointments)."""

_OVER = ("cancelled", "entered-in-error", "fulfilled", "noshow")


# Who came


def set_status(ledger: Ledger, id: str, status: str, *, who: str | None = None, dry_run: bool = False) -> Json:
    """The Appointment as stored. Raises NotFound, or ConflictError if its status does not lead there."""

    def work(tx: Transaction) -> Json:
        appointment = tx.read(f"Appointment/{id}")
        if appointment is None:
            raise NotFound("Not found")
        present = appointment.get("status")
        if mapping.has_lapsed(appointment, tx.now_ms):
            raise ConflictError(f"Appointment/{id} was a hold and has expired. Book anew: find offers times.")
        if present not in MOVES[status]:
            raise ConflictError(
                f"Appointment/{id} is '{present}' and cannot become '{status}'. "
                f"Only {_either(MOVES[status])} appointments can."
            )
        return tx.put({**appointment, "status": status})

    inputs = {"appointment": f"Appointment/{id}", "status": status}
    return ledger.transact("status", work, who=who, inputs=inputs, dry_run=dry_run)


def _either(words: tuple[str, ...]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


# Leave and sickness


class Closed(NamedTuple):
    """The Slot that closes the time, and the live Appointments with a Slot in it, by start."""

    slot: Json
    hit: list[Json]


def close(
    ledger: Ledger,
    schedule_id: str,
    start_ms: int,
    end_ms: int,
    *,
    reason: str | None = None,
    who: str | None = None,
    dry_run: bool = False,
) -> Closed:
    """Close a schedule for [start, end). Raises InvalidInputError, or NotFound for the schedule."""
    _check(start_ms, end_ms)

    def work(tx: Transaction) -> Json:
        if tx.read(f"Schedule/{schedule_id}") is None:
            raise NotFound("Not found")
        return tx.create(_closure(schedule_id, utc_text_ms(start_ms), utc_text_ms(end_ms), reason))

    inputs = _inputs(schedule_id, start_ms, end_ms, reason)
    slot = ledger.transact("close", work, who=who, inputs=inputs, dry_run=dry_run)
    # Looked up afterwards, so that a search does not keep others waiting: from now on nobody can book there.
    return Closed(slot, _hit(ledger, schedule_id, start_ms, end_ms))


class Reopened(NamedTuple):
    """The pieces [start, end) that are open again, in milliseconds; what is left of the closures cut; and the blocks
    in the window that neither `close` nor an Appointment made."""

    pieces: list[tuple[int, int]]
    left: list[Json]
    remaining: list[Json]


def reopen(
    ledger: Ledger, schedule_id: str, start_ms: int, end_ms: int, *, who: str | None = None, dry_run: bool = False
) -> Reopened:
    """Take back what `close` closed in [start, end); closures that reach beyond are cut.

    Raises NotFoundError if it closed nothing there.
    """
    _check(start_ms, end_ms)

    def work(tx: Transaction) -> tuple[list[tuple[int, int]], list[Json]]:
        pieces: list[tuple[int, int]] = []
        left: list[Json] = []
        for slot in filter(is_closure, _overlapping(tx.slots_of(schedule_id), start_ms, end_ms)):
            low, high = _times(slot)
            left.extend(_cut(tx, slot, (low, high), (start_ms, end_ms)))
            pieces.append((max(low, start_ms), min(high, end_ms)))
        if not pieces:
            raise NotFoundError(
                f"Schedule/{schedule_id} has no closure there. Only what slotwright close made can be reopened."
            )
        return sorted(pieces), left

    inputs = _inputs(schedule_id, start_ms, end_ms, None)
    pieces, left = ledger.transact("reopen", work, who=who, inputs=inputs, dry_run=dry_run)
    remaining = [
        slot
        for slot in _overlapping(ledger.slots_of(schedule_id), start_ms, end_ms)
        if slot["status"] == "busy-unavailable" and not is_closure(slot) and not users_of(ledger, slot["id"])
    ]
    return Reopened(pieces, left, remaining)


def _cut(tx: Transaction, slot: Json, piece: tuple[int, int], window: tuple[int, int]) -> list[Json]:
    """Removes the window from a closure: what is left before keeps its id, what is left after becomes a new one."""
    before, after = piece[0] < window[0], window[1] < piece[1]
    if before and after:
        return [tx.put({**slot, "end": utc_text_ms(window[0])}), tx.create({**slot, "start": utc_text_ms(window[1])})]
    if before:
        return [tx.put({**slot, "end": utc_text_ms(window[0])})]
    if after:
        return [tx.put({**slot, "start": utc_text_ms(window[1])})]
    tx.delete(f"Slot/{slot['id']}")
    return []


def is_closure(slot: Json) -> bool:
    """Was the Slot made by `close`?"""
    return slot.get("status") == "busy-unavailable" and any(extensions(slot, urls.CLOSURE))


def is_live(appointment: Json, now_ms: int) -> bool:
    """May the visit still take place: neither over nor cancelled, nor a hold that has lapsed?"""
    return appointment.get("status") not in _OVER and not mapping.has_lapsed(appointment, now_ms)


def _check(start_ms: int, end_ms: int) -> None:
    if start_ms >= end_ms:
        raise InvalidInputError(
            f"--to {utc_text_ms(end_ms)} is not after --from {utc_text_ms(start_ms)}. "
            "Give an end after the start; a date alone as --to is included."
        )


def _closure(schedule_id: str, start: str, end: str, reason: str | None) -> Json:
    slot: Json = {
        "resourceType": "Slot",
        "extension": [{"url": urls.CLOSURE, "valueBoolean": True}],
        "schedule": {"reference": f"Schedule/{schedule_id}"},
        "status": "busy-unavailable",
        "start": start,
        "end": end,
    }
    if reason is not None:
        slot["comment"] = reason
    return slot


def _inputs(schedule_id: str, start_ms: int, end_ms: int, reason: str | None) -> Json:
    inputs = {"schedule": f"Schedule/{schedule_id}", "from": utc_text_ms(start_ms), "to": utc_text_ms(end_ms)}
    return inputs if reason is None else {**inputs, "reason": reason}


def _times(slot: Json) -> tuple[int, int]:
    """Readable ones: others were left out before."""
    start, end = instant_ms(slot.get("start")), instant_ms(slot.get("end"))
    assert start is not None and end is not None
    return start, end


def _overlapping(slots: Iterable[Json], start_ms: int, end_ms: int) -> list[Json]:
    """The Slots in the window, by start."""
    rows = sorted(mapping.slot_rows(slots, {}).rows, key=lambda row: (row.start_ms, row.slot["id"]))
    return [row.slot for row in rows if row.start_ms < end_ms and start_ms < row.end_ms]


def _hit(ledger: Ledger, schedule_id: str, start_ms: int, end_ms: int) -> list[Json]:
    """The live Appointments with a Slot of the schedule in the window, by start."""
    now_ms = int(ledger.now().timestamp() * 1000)
    hit: dict[str, Json] = {}
    for slot in _overlapping(ledger.slots_of(schedule_id), start_ms, end_ms):
        hit.update((one["id"], one) for one in users_of(ledger, slot["id"]) if is_live(one, now_ms))
    return sorted(hit.values(), key=lambda one: (instant_ms(one.get("start")) or 0, one["id"]))
