"""May these Slots be taken? What `$book`, `$hold` and `$reschedule` ask of a schedule (operations.md, 2.2 and 2.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import orjson

from ...solver.limits import periods
from .. import mapping
from ..errors import Conflict, InvalidRequest
from ..instants import ceil_minute, floor_minute, instant_ms
from ..ledger.database import ClaimRow
from ..ledger.state import State, claims_of
from ..parameters import Resolved
from ..prepared import Examined
from ..references import Json
from .find import check_usable

NOT_AVAILABLE = "Requested time slot is not available"
BEFORE = "Expected exactly one 'busy-unavailable' slot ending at the start of the busy slot (bufferBefore)"
AFTER = "Expected exactly one 'busy-unavailable' slot starting at the end of the busy slot (bufferAfter)"


class Wanted(NamedTuple):
    """A Slot asked for: times in milliseconds, and where it stands in the request."""

    is_visit: bool
    start_ms: int
    end_ms: int
    path: str = ""


def read_slots(slots: Sequence[tuple[Json, str]], parameters: Resolved) -> list[Wanted]:
    """The Slots of one schedule, each with its path, judged by form (2.2). Raises InvalidRequest."""
    for slot, path in slots:
        if slot.get("status") not in ("busy", "busy-unavailable"):
            status = slot.get("status")
            got = "undefined" if status is None else status
            raise InvalidRequest(f"Slot status must be 'busy' or 'busy-unavailable', got '{got}'", path)
    found = [_read_slot(slot, path) for slot, path in slots]
    visits = [one for one in found if one.is_visit]
    if len(visits) != 1:
        raise InvalidRequest("Expected exactly one 'busy' slot per schedule", [path for _, path in slots])
    visit = visits[0]
    if visit.end_ms - visit.start_ms != parameters.duration * 60_000:
        raise InvalidRequest("Slot duration does not match scheduling parameters duration", visit.path)
    if not is_aligned(visit.start_ms, parameters):
        raise InvalidRequest("Slot start time is not aligned to the scheduling grid", visit.path)
    others = [one for one in found if not one.is_visit]
    before = [one for one in others if one.end_ms == visit.start_ms]
    after = [one for one in others if one.start_ms == visit.end_ms]
    _check_buffer(before, parameters.buffer_before, "before", BEFORE, visit)
    _check_buffer(after, parameters.buffer_after, "after", AFTER, visit)
    return found


def _read_slot(slot: Json, path: str) -> Wanted:
    start_ms, end_ms = instant_ms(slot.get("start")), instant_ms(slot.get("end"))
    if start_ms is None or end_ms is None:
        raise InvalidRequest("Slot has invalid start or end time", path)
    if end_ms < start_ms:
        raise InvalidRequest("Slot has end time before start time", path)
    if end_ms == start_ms:
        raise InvalidRequest("Slot must cover a positive duration", path)
    return Wanted(slot["status"] == "busy", start_ms, end_ms, path)


def is_aligned(start_ms: int, parameters: Resolved) -> bool:
    """Is the start on the grid? (model 13)"""
    return start_ms % 60_000 == 0 and mapping.grid_of(parameters).allows(start_ms // 60_000)


def _check_buffer(touching: Sequence[Wanted], minutes: int, side: str, text: str, visit: Wanted) -> None:
    if minutes == 0:
        return
    if len(touching) != 1:
        raise InvalidRequest(text, visit.path)
    length_ms = touching[0].end_ms - touching[0].start_ms
    if length_ms != minutes * 60_000:
        name = f"Buffer-{side} slot duration ({length_ms / 60_000:.10g} min)"
        resolved = f"buffer{side.capitalize()} ({minutes} min)"
        raise InvalidRequest(f"{name} does not match scheduling parameters {resolved}", touching[0].path)


def check_available(state: State, examined: Examined, wanted: Sequence[Wanted], path: str, now_ms: int) -> None:
    """Is the schedule free for all of these Slots? (2.3) Raises Conflict, and InvalidRequest for unusable Slots."""
    start_ms, end_ms = min(one.start_ms for one in wanted), max(one.end_ms for one in wanted)
    check_usable(state.unusable(examined.id), [(start_ms, end_ms)], frozenset(), now_ms)
    low, high = floor_minute(start_ms), ceil_minute(end_ms)
    pieces = [(one.is_visit, (floor_minute(one.start_ms), ceil_minute(one.end_ms))) for one in wanted]
    visit = next(piece for is_visit, piece in pieces if is_visit)
    others = [piece for is_visit, piece in pieces if not is_visit]
    near = state.database.claims_near(examined.id, low, high)
    claims = claims_of(_all_that_matter(state, examined, near, visit[0]), examined.service)
    why = state.prepared.admission(examined, low, high, claims).why_not(visit, others)
    if why == "horizon":
        raise Conflict("Appointment falls outside schedule planning horizon", path)
    if why == "taken":
        raise not_available(state, examined.id, near)
    if why == "limit":
        raise Conflict("Booking limit reached for requested service type", path)


def _all_that_matter(state: State, examined: Examined, near: list[ClaimRow], start: int) -> list[ClaimRow]:
    """The claims near, and the bookings that share a period of some booking limit with the start."""
    edges = periods(examined.rules.limits, examined.rules.zone, start)
    if not edges:
        return near
    here = {row.slot for row in near}
    counted = state.database.bookings_within(examined.id, edges[0], edges[-1])
    return near + [row for row in counted if row.slot not in here]


def not_available(state: State, schedule_id: str, near: Sequence[ClaimRow]) -> Conflict:
    """The refusal, with the Slots that occupy the schedule there."""
    found: list[tuple[int, str, Json]] = []
    for row in near:
        slot = None if row.status == "free" else state.read(f"Slot/{row.slot}")
        if slot is not None:
            shown = {"reference": f"Slot/{row.slot}", **{name: slot[name] for name in ("start", "end", "status")}}
            found.append((instant_ms(slot["start"]) or 0, row.slot, shown))
    blocking = [shown for _, _, shown in sorted(found, key=lambda one: one[:2])]
    text = orjson.dumps({"schedule": f"Schedule/{schedule_id}", "blockingSlots": blocking}).decode()
    return Conflict(NOT_AVAILABLE, diagnostics=text)
