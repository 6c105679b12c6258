"""How much is free: a heat map by hour and weekday, and the use of each schedule."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ...solver import intervals
from ...solver.civil import Zone, weekday
from ...solver.intervals import Edges
from .data import Cell, HeatMap, Kind, Utilisation
from .opened import Opened, Seats


class Hour(NamedTuple):
    """The minutes [start, end) of one hour of the week."""

    start: int
    end: int
    weekday: int
    hour: int


def heat_map(several: Iterable[Opened], start: int, end: int, zone: Zone) -> HeatMap:
    """The seats of all schedules, open and free, by hour and weekday of `zone`."""
    hours = list(hours_of(zone, start, end))
    opened, free = [0] * 168, [0] * 168
    for one in several:
        _count(hours, one.seats(), opened)
        _count(hours, one.free_seats(), free)
    cells = (Cell(*divmod(place, 24), opened[place], free[place]) for place in range(168))
    return HeatMap(tuple(cells), start, end, zone)


def hours_of(zone: Zone, start: int, end: int) -> Iterator[Hour]:
    """[start, end) cut at the whole hours of the clock, and where the clock is changed."""
    for span in zone.spans(start, end):
        at, until = -(-span.start // 60), -(-span.end // 60)
        while at < until:
            local = zone.local(at)
            later = min(at + 60 - local.second // 60 % 60, until)
            yield Hour(at, later, weekday(local.day), local.second // 3600)
            at = later


def _count(hours: Sequence[Hour], seats: Iterable[Seats], totals: list[int]) -> None:
    for start, end, count in seats:
        place = max(bisect_right(hours, (start, 2**62)) - 1, 0)
        while place < len(hours) and hours[place].start < end:
            hour = hours[place]
            shared = min(end, hour.end) - max(start, hour.start)
            if shared > 0:
                totals[hour.weekday * 24 + hour.hour] += shared * count
            place += 1


_ORDER: tuple[Kind, ...] = ("booking", "hold", "buffer", "blocked")
"""A minute counts for the first of these that takes it."""


def utilisation(one: Opened, *, of_all_services: bool) -> Utilisation:
    """How the open time of one schedule is used.

    Where it is that of one service, what is booked outside may be in the hours of another, and is not counted.
    """
    opened = one.open()
    left = opened
    minutes: dict[Kind, int] = {}
    for kind in _ORDER:
        rest = intervals.subtract(left, _edges(one, kind))
        minutes[kind] = intervals.measure(left) - intervals.measure(rest)
        left = rest
    closed = intervals.from_pairs([(layer.start, layer.end) for layer in one.closures if layer.source])
    idle = intervals.subtract(left, closed)
    visits = intervals.union(_edges(one, "booking"), _edges(one, "hold"))
    return Utilisation(
        one.id,
        one.title,
        intervals.measure(opened),
        minutes["booking"],
        minutes["hold"],
        minutes["buffer"],
        minutes["blocked"] + intervals.measure(left) - intervals.measure(idle),
        intervals.measure(idle),
        intervals.measure(intervals.subtract(visits, opened)) if of_all_services else 0,
        _seat_minutes(one.seats()),
        _seat_minutes(one.free_seats()),
    )


def _edges(one: Opened, kind: Kind) -> Edges:
    return intervals.from_pairs([(layer.start, layer.end) for layer in one.taken if layer.kind == kind])


def _seat_minutes(seats: Iterable[Seats]) -> int:
    return sum((end - start) * count for start, end, count in seats)
