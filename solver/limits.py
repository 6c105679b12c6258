"""Booking limits: how many bookings of a service may start in one calendar period (specification, model 15)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from .civil import Zone, day_number, month_number, month_start
from .intervals import Edges, from_pairs

_MONDAY = day_number(1970, 1, 5)


class Limit(NamedTuple):
    """At most `frequency` bookings in each period of `length` units; `unit` is `d`, `wk` or `mo`."""

    frequency: int
    length: int
    unit: str

    def number(self, day: int) -> int:
        """The number of the period that contains a local day."""
        if self.unit == "d":
            return day // self.length
        if self.unit == "wk":
            return (day - _MONDAY) // (7 * self.length)
        return month_number(day) // self.length

    def days(self, number: int) -> tuple[int, int]:
        """The local days [first, last) of a period."""
        low, high = number * self.length, (number + 1) * self.length
        if self.unit == "d":
            return low, high
        if self.unit == "wk":
            return _MONDAY + 7 * low, _MONDAY + 7 * high
        return month_start(low), month_start(high)

    def minutes(self, zone: Zone, number: int) -> tuple[int, int]:
        """The minutes [start, end) of a period."""
        first, last = self.days(number)
        return _first_minute(zone, first), _first_minute(zone, last)

    def bounds(self, zone: Zone, low: int, high: int) -> list[int]:
        """The first minutes of all periods that meet [low, high], and of the one after them."""
        first, last = (self.number(zone.local_day(minute)) for minute in (low, high))
        return [_first_minute(zone, self.days(number)[0]) for number in range(first, last + 2)]


class Tally:
    """How many bookings start in each period of each limit of one schedule and service."""

    __slots__ = ("_counts", "_limits", "_zone")

    def __init__(self, limits: tuple[Limit, ...], zone: Zone) -> None:
        self._limits = limits
        self._zone = zone
        self._counts: dict[tuple[int, int], int] = {}

    def copy(self) -> Tally:
        twin = Tally(self._limits, self._zone)
        twin._counts = self._counts.copy()
        return twin

    def count(self, start: int, change: int) -> Edges:
        """Book (+1) or release (−1) a booking that starts at the minute `start`.

        Returns the minutes of the periods that became full by it, or ceased to be.
        """
        if not self._limits:
            return []
        day = self._zone.local_day(start)
        turned: list[tuple[int, int]] = []
        for place, limit in enumerate(self._limits):
            key = place, limit.number(day)
            before = self._counts.get(key, 0)
            self._counts[key] = before + change
            if (before >= limit.frequency) != (before + change >= limit.frequency):
                turned.append(limit.minutes(self._zone, key[1]))
        return from_pairs(turned)

    def is_full(self, start: int) -> bool:
        """Is some limit's period full for a start at this minute?"""
        if not self._limits:
            return False
        day = self._zone.local_day(start)
        return any(
            self._counts.get((place, limit.number(day)), 0) >= limit.frequency
            for place, limit in enumerate(self._limits)
        )

    def left(self, start: int, most: int) -> int:
        """How many more bookings may start at this minute by the limits, up to `most`."""
        if not self._limits:
            return most
        day = self._zone.local_day(start)
        counts = (
            limit.frequency - self._counts.get((place, limit.number(day)), 0)
            for place, limit in enumerate(self._limits)
        )
        return max(0, min(most, *counts))

    def full(self) -> Edges:
        """All minutes whose period is full."""
        return from_pairs(
            self._limits[place].minutes(self._zone, number)
            for (place, number), count in self._counts.items()
            if count >= self._limits[place].frequency
        )


class Room(NamedTuple):
    """A period [start, end), in minutes, in which `left` more bookings may start."""

    start: int
    end: int
    left: int


def room(limits: tuple[Limit, ...], zone: Zone, starts: Iterable[int], low: int, high: int) -> list[Room]:
    """The periods of all limits that meet [low, high), with what the bookings that start at `starts` leave of them."""
    if not limits or low >= high:
        return []
    days = [zone.local_day(start) for start in starts]
    first, last = zone.local_day(low), zone.local_day(high - 1)
    found: list[Room] = []
    for limit in limits:
        counts = Counter(limit.number(day) for day in days)
        for number in range(limit.number(first), limit.number(last) + 1):
            begin, end = (_first_minute(zone, day) for day in limit.days(number))
            found.append(Room(begin, end, max(limit.frequency - counts[number], 0)))
    return found


def periods(limits: tuple[Limit, ...], zone: Zone, start: int) -> Edges:
    """The minutes of all periods, of any of the limits, to which a start at this minute belongs."""
    if not limits:
        return []
    day = zone.local_day(start)
    bounds = (limit.days(limit.number(day)) for limit in limits)
    return from_pairs((_first_minute(zone, first), _first_minute(zone, last)) for first, last in bounds)


def _first_minute(zone: Zone, day: int) -> int:
    return -(-zone.day_start_ms(day) // 60_000)
