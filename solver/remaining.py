"""How often an open start can still be booked: capacity that is left (specification, model 11, 12 and 15)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from .calendar import CompiledCalendar
from .capacity import joinable


def remaining(calendar: CompiledCalendar, starts: Iterable[int]) -> Iterator[int]:
    """For each open start, in minutes: how many visits can be booked at it one after the other, at least 1.

    Buffers are asked for at capacity 1, so that with one a second visit at the same start is always refused.
    """
    rules = calendar.rules
    capacity, foot = rules.capacity, rules.footprint
    alone = capacity == 1 or foot.before > 0 or foot.after > 0
    relevant = [] if alone else [claim for claim in calendar.claims() if claim.relevant]
    crowds = joinable(relevant, capacity)
    ends = [crowd.end for crowd in crowds]
    for start in starts:
        left = 1 if alone else capacity
        for crowd in crowds[bisect_left(ends, start + 1) :]:
            if crowd.start >= start + foot.duration:
                break
            left = min(left, crowd.tolerance - crowd.size)
        yield min(left, calendar.bookings_left(start, left))
