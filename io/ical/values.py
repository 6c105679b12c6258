"""Values of properties: times, lengths, lists of these. Each reader raises Unreadable with what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ...solver.civil import DAY_SECONDS, Zone, day_number, iso_date
from ..instants import utc_text_ms
from .components import Component, Property
from .zones import Names

_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?", re.ASCII)
_LENGTH = re.compile(
    r"([+-]?)P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,9})S)?)?", re.ASCII
)


class Unreadable(Exception):
    """A property that cannot be read; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Reader:
    """What times are read with: the zones of the file, and that of the schedule for floating times and whole days."""

    names: Names
    local: Zone


@dataclass(frozen=True, slots=True)
class Moment:
    """A time on the clock of a zone, or, without seconds (`is_date`), a whole day."""

    day: int
    second: int
    zone: Zone
    is_date: bool

    def at_ms(self) -> int:
        """The instant; of a day its first one. A skipped time moves forward, a repeated one is its first pass."""
        return self.zone.instant_ms(self.day, self.second * 1000)

    def key(self) -> str:
        """What names this occurrence of a series: the day, or the instant in UTC."""
        return iso_date(self.day) if self.is_date else utc_text_ms(self.at_ms())

    def plus(self, days: int, seconds: int) -> int:
        """The instant some days on the clock and then some seconds later."""
        return Moment(self.day + days, self.second, self.zone, self.is_date).at_ms() + seconds * 1000


@dataclass(frozen=True, slots=True)
class Length:
    """Days on the clock, and then exact seconds."""

    days: int
    seconds: int


def moment(found: Property, text: str, reader: Reader) -> Moment:
    """A DATE or a DATE-TIME: in UTC, in the zone of its TZID, or floating."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise Unreadable(f"{found.name} {text!r:.40} is neither a day nor a time")
    year, month, day, hour, minute, second, zulu = match.groups()
    try:
        number = day_number(int(year), int(month), int(day))
    except ValueError as error:
        raise Unreadable(f"{found.name} {text!r:.40} is no day of the calendar") from error
    if hour is None:
        return Moment(number, 0, reader.local, True)
    if int(hour) > 23 or int(minute) > 59 or int(second) > 60:
        raise Unreadable(f"{found.name} {text!r:.40} is no time of the day")
    zone = reader.names.utc() if zulu else _zone(found, reader)
    return Moment(number, int(hour) * 3600 + int(minute) * 60 + min(int(second), 59), zone, False)


def _zone(found: Property, reader: Reader) -> Zone:
    name = found.parameters.get("TZID")
    if name is None:
        return reader.local
    zone = reader.names.get(name)
    if zone is None:
        raise Unreadable(f"{found.name} has the TZID {name!r:.60}, which is no known zone and not defined in the file")
    return zone


def moments(found: Property, reader: Reader) -> Iterator[Moment]:
    """The times of EXDATE or RDATE."""
    for text in found.value.split(","):
        yield moment(found, text, reader)


def period(found: Property, text: str, reader: Reader) -> tuple[Moment, int]:
    """A PERIOD: its start, and its end as instant in milliseconds."""
    first, slash, last = text.strip().partition("/")
    start = moment(found, first, reader)
    if not slash or start.is_date:
        raise Unreadable(f"{found.name} {text!r:.40} is no period of two times")
    if last.lstrip("+-").startswith("P"):
        long = length(found, last)
        return start, start.plus(long.days, long.seconds)
    return start, moment(found, last, reader).at_ms()


def length(found: Property, text: str) -> Length:
    """A DURATION that is not negative. 24 hours are exact, a day is one on the clock."""
    match = _LENGTH.fullmatch(text.strip())
    if match is None or not any(match.groups()[1:]) or match[1] == "-":
        raise Unreadable(f"{found.name} {text!r:.40} is no length of time")
    weeks, days, hours, minutes, seconds = (int(one or 0) for one in match.groups()[1:])
    return Length(7 * weeks + days, hours * 3600 + minutes * 60 + seconds)


def needed(component: Component, name: str) -> Property:
    """The first property of this name."""
    found = component.first(name)
    if found is None:
        raise Unreadable(f"it has no {name}")
    return found


def length_of(component: Component, start: Moment, reader: Reader) -> Length:
    """How long an event lasts (RFC 5545, 3.6.1): exactly as DTEND says for one, or as its DURATION.

    Without both a day lasts a day, and a time takes none.
    """
    ends, lasts = component.first("DTEND"), component.first("DURATION")
    if ends is not None:
        end = moment(ends, ends.value, reader)
        if end.is_date != start.is_date:
            raise Unreadable("DTSTART and DTEND are not both days or both times")
        found = Length(end.day - start.day, 0) if end.is_date else Length(0, -((start.at_ms() - end.at_ms()) // 1000))
        if found.days < 0 or found.seconds < 0:
            raise Unreadable("DTEND is before DTSTART")
        return found
    if lasts is None:
        return Length(1 if start.is_date else 0, 0)
    found = length(lasts, lasts.value)
    if start.is_date and found.seconds:
        return Length(found.days - (-found.seconds // DAY_SECONDS), 0)
    return found
