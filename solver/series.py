"""Weekly series: which first starts carry all their later occurrences (specification, find 6)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from .calendar import CompiledCalendar
from .capacity import Claim
from .civil import MINUTE_MS, Zone
from .grid import places


def later_occurrences(start: int, occurrences: int, zone: Zone) -> tuple[int, ...] | None:
    """The starts of the occurrences after the first, at the same wall-clock time; None if one does not exist."""
    day, second = zone.local(start)
    found: list[int] = []
    for week in range(1, occurrences):
        if not zone.exists(day + 7 * week, second):
            return None
        instant_ms = zone.instant_ms(day + 7 * week, second * 1000)
        if instant_ms % MINUTE_MS:
            return None
        found.append(instant_ms // MINUTE_MS)
    return tuple(found)


def series_starts(
    calendar: CompiledCalendar, firsts: int, occurrences: int, zone: Zone, horizon: tuple[int, int]
) -> int:
    """Of the ticks in `firsts` those whose later occurrences are all accepted in turn, inside `horizon`."""
    kept = 0
    for place in places(firsts):
        start = calendar.axis.ticks[place]
        later = later_occurrences(start, occurrences, zone)
        if later is not None and accepts_series(calendar, start, later, horizon):
            kept |= 1 << place
    return kept


def accepts_series(calendar: CompiledCalendar, start: int, later: Sequence[int], horizon: tuple[int, int]) -> bool:
    """Are the later occurrences open, each seeing the Slots of those before it?"""
    foot = calendar.rules.footprint
    low, high = horizon
    if not all(low <= at - foot.before and at + foot.reach <= high for at in later):
        return False
    if not all(calendar.axis.has(calendar.starts, at) for at in later):
        return False
    apart = min((after - before for before, after in pairwise((start, *later))), default=0)
    if not calendar.rules.limits and foot.before + foot.reach <= apart:
        return True
    seen = calendar.copy()
    for at in later:
        for claim in _claims(calendar, start):
            seen.add(claim)
        if not seen.is_open(at):
            return False
        start = at
    return True


def _claims(calendar: CompiledCalendar, start: int) -> list[Claim]:
    """The Slots that booking one occurrence stores."""
    foot = calendar.rules.footprint
    end = start + foot.duration
    label = f"occurrence at {start}"
    claims = [Claim(start, end, label, tolerance=calendar.rules.capacity, booking=True)]
    if foot.before:
        claims.append(Claim(start - foot.before, start, f"buffer before {label}"))
    if foot.after:
        claims.append(Claim(end, end + foot.after, f"buffer after {label}"))
    return claims
