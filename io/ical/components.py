"""The text of a calendar file into components and their properties; values stay text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from icalendar.parser import Contentlines

from ..errors import LoadError

_NAME = re.compile(r"[A-Za-z0-9-]+")
_DEEPEST = 32


class Property(NamedTuple):
    """One property: upper-case name, parameters by upper-case name, the value as text."""

    name: str
    parameters: Mapping[str, str]
    value: str


@dataclass(slots=True)
class Component:
    """What stands between BEGIN and END. `faults` says which of its lines cannot be read."""

    name: str
    properties: list[Property] = field(default_factory=list[Property])
    children: list[Component] = field(default_factory=list["Component"])
    faults: list[str] = field(default_factory=list[str])

    def all(self, name: str) -> Iterator[Property]:
        return (one for one in self.properties if one.name == name)

    def first(self, name: str) -> Property | None:
        return next(self.all(name), None)

    def text(self, name: str) -> str:
        """The value of the first such property, stripped; empty if there is none."""
        found = self.first(name)
        return "" if found is None else found.value.strip()

    def lines(self) -> Iterator[str]:
        """Content lines that mean the same, for the reader of time zones."""
        yield f"BEGIN:{self.name}"
        yield from (f"{one.name}:{one.value}" for one in self.properties)
        for child in self.children:
            yield from child.lines()
        yield f"END:{self.name}"


def read_calendars(text: str, place: str) -> list[Component]:
    """The VCALENDAR components of a file.

    Raises LoadError if the file is none, ends too early (an empty calendar would free all time that it took before), or
    nests deeper than any calendar does.
    """
    root = Component("")
    open_ones = [root]
    lines: Any = Contentlines.from_ical(text)  # type: ignore[reportUnknownMemberType]
    for line in lines:
        if not line:
            continue
        _read_line(line, open_ones)
        if len(open_ones) > _DEEPEST + 1:
            raise LoadError(
                f"{place} has components more than {_DEEPEST} deep in one another. Fetch or export it again."
            )
    calendars = [one for one in root.children if one.name == "VCALENDAR"]
    if not calendars:
        raise LoadError(f"{place} is no iCalendar file: it has no BEGIN:VCALENDAR. Give an .ics file.")
    if len(open_ones) > 1:
        raise LoadError(f"{place} ends too early: END:{open_ones[-1].name} is missing. Fetch or export it again.")
    return calendars


def _read_line(line: Any, open_ones: list[Component]) -> None:
    here = open_ones[-1]
    try:
        parts: tuple[str, dict[str, Any], str] = line.parts()
        name, parameters, value = parts
    except ValueError:
        here.faults.append(f"the line {str(line)!r:.60} is no property")
        return
    if not _NAME.fullmatch(name):
        here.faults.append(f"the line {str(line)!r:.60} is no property")
        return
    found = Property(name.upper(), {key.upper(): _one(given) for key, given in parameters.items()}, value)
    if found.name == "BEGIN":
        child = Component(found.value.strip().upper())
        here.children.append(child)
        open_ones.append(child)
    elif found.name == "END":
        if len(open_ones) > 1 and here.name == found.value.strip().upper():
            open_ones.pop()
        else:
            here.faults.append(f"END:{found.value.strip():.40} ends nothing that is open")
    else:
        here.properties.append(found)


def _one(value: object) -> str:
    """The first of the values of a parameter."""
    return str(value[0]) if isinstance(value, list) and value else str(value)  # type: ignore[reportUnknownArgumentType]
