"""Time that is taken: claims of stored Slots, and where they block (specification, model 9, 11)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .civil import DAY_MINUTES
from .intervals import Edges, from_pairs


class Claim(NamedTuple):
    """What one stored Slot means for one service, in minutes, rounded against the booker.

    `relevant`: it concerns the service. `booking`: it counts for the service's booking limits.
    `expires_ms`: from that instant on the hold it belongs to has lapsed, and it means nothing.
    """

    start: int
    end: int
    label: str
    tolerance: int = 1
    free: bool = False
    relevant: bool = True
    booking: bool = False
    expires_ms: int | None = None


class Claims:
    """Claims by time. Those over a day stand apart, so that an overlap question is two short scans."""

    __slots__ = ("_long", "_short")

    def __init__(self, claims: Iterable[Claim] = ()) -> None:
        self._short: list[Claim] = []
        self._long: list[Claim] = []
        for claim in claims:
            self._home(claim).append(claim)
        self._short.sort(key=_order)
        self._long.sort(key=_order)

    def _home(self, claim: Claim) -> list[Claim]:
        return self._long if claim.end - claim.start > DAY_MINUTES else self._short

    def __iter__(self) -> Iterator[Claim]:
        yield from self._short
        yield from self._long

    def copy(self) -> Claims:
        twin = Claims()
        twin._short, twin._long = self._short.copy(), self._long.copy()
        return twin

    def add(self, claim: Claim) -> None:
        insort(self._home(claim), claim, key=_order)

    def remove(self, claim: Claim) -> None:
        """Raises KeyError if the claim is not here."""
        home = self._home(claim)
        order = _order(claim)
        place = bisect_left(home, order)
        while place < len(home) and _order(home[place]) == order:
            if home[place] == claim:
                del home[place]
                return
            place += 1
        raise KeyError(claim)

    def overlapping(self, start: int, end: int) -> list[Claim]:
        """The claims that meet [start, end)."""
        low = bisect_left(self._short, (start - DAY_MINUTES,))
        high = bisect_left(self._short, (end,), low)
        found = [claim for claim in self._short[low:high] if claim.end > start]
        if self._long:
            high = bisect_right(self._long, (end,))
            found += [claim for claim in self._long[:high] if claim.end > start and claim.start < end]
        return found


def _order(claim: Claim) -> tuple[int, int, str]:
    return claim[:3]


def blocked(claims: Iterable[Claim], capacity: int) -> Edges:
    """Where a piece asked for at `capacity` is blocked: n ≥ 1 claims cover it and n ≥ min(capacity, tolerances)."""
    if capacity == 1:
        return from_pairs([(claim.start, claim.end) for claim in claims])
    return from_pairs([(one.start, one.end) for one in _crowds(claims, capacity) if one.size >= one.tolerance])


class Crowd(NamedTuple):
    """Claims that run together in [start, end): how many, and the smallest of their tolerances and the capacity."""

    start: int
    end: int
    size: int
    tolerance: int


def joinable(claims: Iterable[Claim], capacity: int) -> list[Crowd]:
    """Where claims run that a piece asked for at `capacity` may join, in order; nowhere at capacity 1."""
    return [] if capacity == 1 else [one for one in _crowds(claims, capacity) if one.size < one.tolerance]


def _crowds(claims: Iterable[Claim], capacity: int) -> Iterator[Crowd]:
    """Everywhere that claims run, in order; neighbours differ in size or tolerance."""
    events: list[tuple[int, int, int]] = []
    for claim in claims:
        tolerance = min(claim.tolerance, capacity)
        # Ends (0) before starts (1) at one minute: touching claims are never counted together.
        events += ((claim.start, 1, tolerance), (claim.end, 0, tolerance))
    events.sort()
    running = 0
    by_tolerance: dict[int, int] = {}
    since, size, least = 0, 0, 0
    for place, (at, is_start, tolerance) in enumerate(events):
        change = 1 if is_start else -1
        running += change
        left = by_tolerance.get(tolerance, 0) + change
        if left:
            by_tolerance[tolerance] = left
        else:
            del by_tolerance[tolerance]
        if place + 1 < len(events) and events[place + 1][0] == at:
            continue
        now = min(by_tolerance, default=0)
        if (running, now) != (size, least):
            if size:
                yield Crowd(since, at, size, least)
            since, size, least = at, running, now
