"""Timelines laid out as lines on one axis: a day by schedules, or a week of one schedule by days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...solver.civil import DAY_MINUTES, iso_date, weekday
from .capacity import hours_of
from .data import KINDS, Kind, Layer, Row, Timeline, nominal_midnight

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

_NOTHING = (8 * 60, 18 * 60)
"""The axis where nothing is open and nothing is booked."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: a schedule on a day. `origin` is the minute at which its axis has 0."""

    title: str
    schedule: str
    day: int
    origin: int
    layers: tuple[Layer, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines on one axis of the minutes [first, last) from their origins; `hours` are its marks."""

    title: str
    lines: tuple[Line, ...]
    first: int
    last: int
    hours: tuple[tuple[int, str], ...]

    def kinds(self) -> list[Kind]:
        """The kinds of layers that there are."""
        found = {layer.kind for line in self.lines for layer in line.layers}
        return [kind for kind in KINDS if kind in found]


def day_chart(timeline: Timeline, day: int) -> Chart:
    """One day of the timeline, a line for each schedule."""
    lines = [_line(timeline, row, day, row.title) for row in timeline.rows]
    first, last = _extent(timeline, lines)
    origin = nominal_midnight(timeline.zone, day)
    marks = [
        (hour.start - origin, f"{hour.hour:02}")
        for hour in hours_of(timeline.zone, origin + first, origin + last + 1)
        if timeline.zone.local(hour.start).second % 3600 == 0
    ]
    return Chart(day_title(day), tuple(lines), first, last, tuple(marks))


def week_chart(timeline: Timeline, row: Row) -> Chart:
    """The days of one schedule, a line for each; their noons lie below each other."""
    lines = [_line(timeline, row, day, short_day(day)) for day in timeline.days()]
    first, last = _extent(timeline, lines)
    marks = ((at, f"{at // 60 % 24:02}") for at in range(first, last + 1, 60))
    return Chart(row.title, tuple(lines), first, last, tuple(marks))


def shared_extent(charts: Sequence[Chart]) -> tuple[int, int]:
    """One axis for several charts."""
    return min((one.first for one in charts), default=0), max((one.last for one in charts), default=DAY_MINUTES)


def _line(timeline: Timeline, row: Row, day: int, title: str) -> Line:
    start, end = day_bounds(timeline, day)
    return Line(title, row.schedule, day, nominal_midnight(timeline.zone, day), row.between(start, end), row.note)


def day_bounds(timeline: Timeline, day: int) -> tuple[int, int]:
    """A local day as minutes [start, end)."""
    zone = timeline.zone
    return zone.day_start_ms(day) // 60_000, -(-zone.day_start_ms(day + 1) // 60_000)


def _extent(timeline: Timeline, lines: Sequence[Line]) -> tuple[int, int]:
    """Whole hours that hold everything but what lasts all day."""
    first, last = DAY_MINUTES * 2, -DAY_MINUTES
    is_open = False
    for line in lines:
        start, end = day_bounds(timeline, line.day)
        for layer in line.layers:
            is_open = is_open or layer.kind == "hours"
            if layer.kind != "closure" and (layer.start, layer.end) != (start, end):
                first, last = min(first, layer.start - line.origin), max(last, layer.end - line.origin)
    if first >= last:
        return (0, DAY_MINUTES) if is_open else _NOTHING
    return first // 60 * 60, -(-last // 60) * 60


def day_title(day: int) -> str:
    """`Tuesday 10 March 2026`."""
    year, month, number = iso_date(day).split("-")
    return f"{DAYS[weekday(day)]} {int(number)} {MONTHS[int(month) - 1]} {year}"


def short_day(day: int) -> str:
    """`Tue 10 Mar`."""
    _, month, number = iso_date(day).split("-")
    return f"{DAYS[weekday(day)][:3]} {int(number)} {MONTHS[int(month) - 1][:3]}"


def span_title(days: range) -> str:
    """`Tuesday 10 March 2026`, or `9 to 15 March 2026`."""
    if len(days) == 1:
        return day_title(days[0])
    first, last = days[0], days[-1]
    (y1, m1, d1), (y2, m2, d2) = (iso_date(one).split("-") for one in (first, last))
    end = f"{int(d2)} {MONTHS[int(m2) - 1]} {y2}"
    if y1 != y2:
        return f"{int(d1)} {MONTHS[int(m1) - 1]} {y1} to {end}"
    return f"{int(d1)} to {end}" if m1 == m2 else f"{int(d1)} {MONTHS[int(m1) - 1]} to {end}"


def visits(layers: Iterable[Layer]) -> list[Layer]:
    """What a list of the bookings names, by time."""
    return sorted((one for one in layers if one.kind in ("booking", "hold", "placed")), key=lambda one: one.start)
