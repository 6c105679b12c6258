"""What each start costs a request: lateness, preference, moves; whole numbers, 0 where all is well."""

from __future__ import annotations

from collections.abc import Sequence

from ...solver.civil import DAY_MINUTES, Zone
from ...solver.intervals import Edges
from ..wishes import Window, Wishes
from .fields import Hours, TimeWish
from .requests import Booking, Wanted


def lateness(wanted: Wanted, duration: int, starts: Sequence[int]) -> list[int]:
    """`late_per_day` for each day begun between what is due and the end of the visit; empty where nothing is."""
    if wanted.due is None or not wanted.late_per_day:
        return []
    return [wanted.late_per_day * days_begun(start + duration - wanted.due) for start in starts]


def days_begun(minutes: int) -> int:
    """Days of 24 hours, the last one counted whole; nothing before."""
    return max(0, -(-minutes // DAY_MINUTES))


def wish_edges(wish: TimeWish, duration: int, zone: Zone, low: int, high: int) -> Edges:
    """The starts in [low, high) at which a visit of this length fulfils the wish."""
    if isinstance(wish.window, Hours):
        return (
            Wishes(between=(wish.window.opens_ms, wish.window.closes_ms)).starts(
                Window(low * 60_000, high * 60_000), zone, duration
            )
            or []
        )
    first, last = wish.window
    return [first, last - duration + 1] if last - duration >= first else []


def moves(booking: Booking | None, starts: Sequence[int]) -> list[int]:
    """What moving a booking to each of these starts costs; empty for requests that are no bookings."""
    if booking is None:
        return []
    return [
        0 if at == booking.start else booking.cost + booking.per_day * days_begun(abs(at - booking.start))
        for at in starts
    ]
