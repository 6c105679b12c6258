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
    found: list[int] = []
    for week in range(1, occurrences):
        at = occurrence_start(start, week, zone)
        if at is None:
            return None
        found.append(at)
    return tuple(found)


def occurrence_start(start: int, week: int, zone: Zone) -> int | None:
    """The same wall-clock time so many weeks later; None if the clock does not show it at a whole minute."""
    day, second = zone.local(start)
    if not zone.exists(day + 7 * week, second):
        return None
    instant_ms = zone.instant_ms(day + 7 * week, second * 1000)
    return None if instant_ms % MINUTE_MS else instant_ms // MINUTE_MS


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
        for claim in occurrence_claims(calendar, start):
            seen.add(claim)
        if not seen.is_open(at):
            return False
        start = at
    return True


def occurrence_claims(calendar: CompiledCalendar, start: int) -> list[Claim]:
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
