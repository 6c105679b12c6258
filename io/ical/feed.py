"""Files and folders of calendars into what one schedule gets from them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ...solver.civil import Zone
from ..errors import LoadError
from ..zones import Zones
from .availability import Hours, hours_of
from .components import read_calendars
from .events import AllDay, Busy, Placed, Unread, busy_of, busy_periods
from .values import Reader
from .zones import Names

SUFFIX = ".ics"


@dataclass(frozen=True, slots=True)
class Feed:
    """Busy time that meets a window, weekly hours if a VAVAILABILITY states them, and what could not be read.

    `source` is the name of the file or folder: what is loaded from it again replaces what came from it before.
    """

    source: str
    busy: list[Busy]
    hours: list[Hours]
    unread: list[Unread]


def read_feed(path: str, zone: Zone, window: tuple[int, int], all_day: AllDay = "as-marked") -> Feed:
    """What a file, or the files of a folder that end in .ics, say about [start, end) in milliseconds.

    `zone` is the schedule's: floating times and whole days are local there. Raises LoadError for what is no calendar
    file; single events that cannot be read are named in the answer.
    """
    zones = Zones()
    events: list[Placed] = []
    frees: list[Placed] = []
    availabilities: list[Placed] = []
    unread: list[Unread] = []
    for file in _files(path):
        for calendar in read_calendars(_text(file, unread), str(file)):
            unread += [Unread(str(file), "", reason) for reason in calendar.faults]
            names = Names(zones, (one for one in calendar.children if one.name == "VTIMEZONE"))
            reader = Reader(names, zone)
            for kind, found in (("VEVENT", events), ("VFREEBUSY", frees), ("VAVAILABILITY", availabilities)):
                found += [Placed(one, str(file), reader) for one in calendar.children if one.name == kind]
    busy, faults = busy_of(events, window, all_day)
    unread += faults
    for one in frees:
        more, faults = busy_periods(one, window)
        busy += more
        unread += faults
    hours, faults = hours_of(availabilities, window)
    return Feed(os.path.basename(os.path.abspath(path)), busy, hours, unread + faults)


def _files(path: str) -> list[Path]:
    """Raises LoadError."""
    found = Path(path)
    if not path or not found.exists():
        raise LoadError(f"{path or 'An empty path'} does not exist. Give an {SUFFIX} file, or a folder of these.")
    if not found.is_dir():
        return [found]

    def refuse(error: OSError) -> None:
        raise LoadError(f"{error.filename} cannot be listed: {error.strerror}.") from error

    inside = sorted(
        Path(here, name)
        for here, _, names in os.walk(found, onerror=refuse)
        for name in names
        if name.lower().endswith(SUFFIX)
    )
    if not inside:
        raise LoadError(f"{path} holds no files that end in {SUFFIX}.")
    return inside


def _text(file: Path, unread: list[Unread]) -> str:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise LoadError(f"{file} cannot be read: {error.strerror}.") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        unread.append(Unread(str(file), "", f"line {line} is not UTF-8; letters that are not are replaced"))
        return content.decode("utf-8-sig", errors="replace")
