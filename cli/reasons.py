"""Reasons against a start in people's words, with local times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..io.layers import LayerName, closure_of, origin, origin_of_label
from ..io.mapping import period_ms
from ..solver.whynot import (
    Blocked,
    BufferBlocked,
    Closed,
    Kind,
    LimitReached,
    NoLength,
    OffGrid,
    OutsideHorizon,
    OutsideHours,
    OutsideWindow,
    Reason,
    Skipped,
)
from .describe import patients, schedule_title, service_title
from .text import clock, day, moment_ms, printable, span_ms, times

if TYPE_CHECKING:
    from ..io.prepared import Examined
    from ..io.references import Json
    from ..io.store import Store
    from ..solver.capacity import Claim
    from ..solver.civil import Zone
    from ..solver.intervals import Pair

KIND_WORDS: dict[Kind, str] = {
    "length": "no length",
    "grid": "off the grid",
    "hours": "outside hours",
    "closed": "closed",
    "blocked": "busy",
    "buffer": "buffers",
    "horizon": "planning horizon",
    "limit": "booking limit",
    "window": "search window",
    "skipped": "skipped time",
    "combination": "one actor needed twice",
}

LAYER_WORDS: dict[LayerName, str] = {
    "schedule-for-service": "the schedule for this service",
    "schedule": "the schedule",
    "service": "the service",
    "actor": "the actor",
    "default": "the default",
    "slot": "a free Slot",
}
_UNITS = {"d": "day", "wk": "week", "mo": "month"}
_SHOWN = 6


class Speaker:
    """Says reasons; `zone` is that of the times."""

    def __init__(self, store: Store, zone: Zone) -> None:
        self._store = store
        self._zone = zone

    def say(self, examined: Examined, reason: Reason) -> str:
        """One sentence, or several lines where Slots are listed."""
        match reason:
            case NoLength():
                return "The visit has no length: its duration is 0."
            case OffGrid():
                return self._grid(reason)
            case OutsideHours():
                return self._hours(examined, reason)
            case Closed():
                return self._closed(examined, reason)
            case Blocked(minutes, claims, capacity):
                return self._taken(self._spans(minutes), claims, capacity)
            case BufferBlocked(minutes, claims):
                return f"No room for a buffer {self._spans(minutes)}:{self._slots(claims)}"
            case OutsideHorizon(horizon):
                whose = schedule_title(self._store, horizon.label.removeprefix("Schedule/")) if horizon.label else ""
                of = f" of {whose}" if whose else ""
                return f"Outside the planning horizon{of}, {self._bounds(horizon.start, horizon.end)}."
            case LimitReached():
                return self._limit(reason)
            case OutsideWindow(window):
                return f"Outside the search window, {self._bounds(*window)}."
            case Skipped():
                return "The clock skips this time then."

    def _grid(self, reason: OffGrid) -> str:
        nearest = [at for at in (reason.before, reason.after) if at is not None]
        if not nearest:
            return "Not on the grid, which has no start near it."
        words = " and ".join(f"{clock(at, self._zone)} {self._zone.abbreviation(at)}" for at in nearest)
        return f"Not on the grid: the nearest starts are {words}."

    def _hours(self, examined: Examined, reason: OutsideHours) -> str:
        layer = origin(examined, examined.resolved.places["availability"]).layer
        hours = f"the hours of {LAYER_WORDS[layer]}" if layer != "default" else "always open"
        if not reason.pieces:
            return f"Outside hours {self._spans(reason.missing)}: not open on this day ({hours})."
        opened: dict[str, list[str]] = {}
        for piece in reason.pieces:
            of = "a free Slot" if origin_of_label(examined, piece.label).layer == "slot" else hours
            opened.setdefault(of, []).append(times(piece.start, piece.end, self._zone))
        words = "; ".join(f"{', '.join(spans)} ({of})" for of, spans in opened.items())
        return f"Outside hours {self._spans(reason.missing)}: open {words}."

    def _closed(self, examined: Examined, reason: Closed) -> str:
        description, during = closure_of(examined, reason.closure.label)
        layer = LAYER_WORDS[origin_of_label(examined, reason.closure.label).layer]
        start, end = period_ms(during, examined.resolved.timezone.zone)
        if start is not None and end is not None:
            when = span_ms(start, end, self._zone)
        elif start is not None:
            when = f"from {moment_ms(start, self._zone)} on"
        else:
            assert end is not None
            when = f"until {moment_ms(end, self._zone)}"
        return f"Closed by {layer}: {'' if description is None else f'{printable(description)}, '}{when}."

    def _taken(self, when: str, claims: Sequence[Claim], capacity: int) -> str:
        if capacity == 1:
            return f"Taken {when}:{self._slots(claims)}"
        most = min([capacity, *(one.tolerance for one in claims)])
        running = max(sum(one.start <= each.start < one.end for one in claims) for each in claims)
        return f"Full {when}, {running} of {most} taken by:{self._slots(claims)}"

    def _limit(self, reason: LimitReached) -> str:
        limit = reason.limit
        unit = _UNITS[limit.unit]
        every = f"a {unit}" if limit.length == 1 else f"in {limit.length} {unit}s"
        when = span_ms(reason.period[0] * 60_000, reason.period[1] * 60_000, self._zone)
        most = f"{limit.frequency} booking{'' if limit.frequency == 1 else 's'} {every}"
        return f"The limit of {most} is reached, {when}:{self._slots(reason.counted)}"

    def _spans(self, pairs: Iterable[Pair]) -> str:
        return ", ".join(times(start, end, self._zone) for start, end in pairs)

    def _bounds(self, start: int | None, end: int | None) -> str:
        if start is not None and end is not None:
            return span_ms(start * 60_000, end * 60_000, self._zone)
        if start is not None:
            return f"which begins {moment_ms(start * 60_000, self._zone)}"
        assert end is not None
        return f"which ends {moment_ms(end * 60_000, self._zone)}"

    def _slots(self, claims: Sequence[Claim]) -> str:
        lines = [f"\n{self._slot(one)}" for one in claims[:_SHOWN]]
        if len(claims) > _SHOWN:
            lines.append(f"\n… and {len(claims) - _SHOWN} more")
        return "".join(lines)

    def _slot(self, claim: Claim) -> str:
        """The Appointments of a Slot, or the Slot itself."""
        when = f"{day(claim.start, self._zone)}, {times(claim.start, claim.end, self._zone)}"
        if not claim.label.startswith("Slot/"):
            return f"an earlier visit of this series, {when}"
        slot = self._store.read(claim.label) or {}
        users = self._store.users_of(claim.label.removeprefix("Slot/"))
        parts = [_appointment(self._store, one) for one in users] or [printable(slot.get("status", "busy"))]
        if slot.get("comment"):
            parts.append(printable(slot["comment"]))
        ids = [f"Appointment/{printable(one['id'])}" for one in users] or [claim.label]
        return f"{', '.join(parts)}, {when} ({', '.join(ids)})"


def _appointment(store: Store, appointment: Json) -> str:
    """`Check-up of Ann Lee, booked`."""
    who = patients(store, appointment)
    service = service_title(store, appointment)
    return f"{service}{f' of {who}' if who else ''}, {printable(appointment.get('status', ''))}"
