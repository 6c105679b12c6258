"""What is drawn, as data: the same for the terminal, for pages and for programs. Times are minutes since the epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...solver.civil import DAY_MINUTES, Zone

Kind = Literal["hours", "closure", "blocked", "buffer", "booking", "hold", "placed", "offer"]

KINDS: tuple[Kind, ...] = ("hours", "closure", "blocked", "buffer", "booking", "hold", "placed", "offer")
"""In the order in which they are drawn: later ones lie on top."""

MEANINGS: dict[Kind, str] = {
    "hours": "open",
    "closure": "closed",
    "blocked": "blocked",
    "buffer": "buffer",
    "booking": "booked",
    "hold": "held",
    "placed": "placed by the plan",
    "offer": "offered",
}
"""What a legend says."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A stretch of time [start, end) of one kind; `source` is the resource it comes from, such as `Appointment/x`."""

    kind: Kind
    start: int
    end: int
    label: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One schedule. `note` says what could not be shown."""

    schedule: str
    title: str
    layers: tuple[Layer, ...]
    note: str = ""

    def between(self, start: int, end: int) -> tuple[Layer, ...]:
        """The layers of [start, end), cut to it."""
        return tuple(
            Layer(one.kind, max(one.start, start), min(one.end, end), one.label, one.source)
            for one in self.layers
            if one.start < end and start < one.end
        )


@dataclass(frozen=True, slots=True)
class Timeline:
    """Schedules over [start, end), whole local days of `zone`."""

    rows: tuple[Row, ...]
    start: int
    end: int
    zone: Zone

    def days(self) -> range:
        """Its local days, counted from 1970-01-01."""
        return range(self.zone.local_day(self.start), self.zone.local_day(self.end - 1) + 1)


@dataclass(frozen=True, slots=True)
class Cell:
    """An hour of the week, Monday being 0: seat-minutes that hours open and that are still free, all weeks together."""

    weekday: int
    hour: int
    open: int
    free: int


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Free capacity by hour and weekday over [start, end); 168 cells, by weekday and then by hour."""

    cells: tuple[Cell, ...]
    start: int
    end: int
    zone: Zone

    def cell(self, weekday: int, hour: int) -> Cell:
        return self.cells[weekday * 24 + hour]

    def hours(self) -> range:
        """The hours of the day in which anything is open."""
        opened = [one.hour for one in self.cells if one.open]
        return range(min(opened), max(opened) + 1) if opened else range(0)


@dataclass(frozen=True, slots=True)
class Utilisation:
    """How the open minutes of one schedule are used; `booked` to `free` are disjoint and add up to `open`.

    Attributes
    ----------
    outside
        Minutes booked or held outside its open time; 0 where the open time is that of a single service.
    seats, seats_free
        Seat-minutes: with a capacity of eight a free hour has 480.
    """

    schedule: str
    title: str
    open: int
    booked: int
    held: int
    buffer: int
    blocked: int
    free: int
    outside: int
    seats: int
    seats_free: int

    @property
    def used(self) -> float | None:
        """The share of its open time that is taken; None if it is never open."""
        return None if self.open == 0 else 1 - self.free / self.open


@dataclass(frozen=True, slots=True)
class View:
    """Everything that one page shows."""

    timeline: Timeline
    heat: HeatMap
    utilisation: tuple[Utilisation, ...]
    service: str | None = None
    """The name of the service that hours and offers are for; None: of all."""


def nominal_midnight(zone: Zone, day: int) -> int:
    """Twelve hours before the noon of a local day: where axes of days begin, so that their daytimes lie together."""
    return zone.instant_ms(day, DAY_MINUTES // 2 * 60_000) // 60_000 - DAY_MINUTES // 2
