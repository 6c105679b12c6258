"""Which zone a TZID means: an IANA name, one behind a vendor's path, a Windows name, or what its VTIMEZONE says."""

from __future__ import annotations

import io
from collections.abc import Iterable

from dateutil.tz import tzical
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from ...solver.civil import Zone
from ..zones import Zones
from .components import Component

_FAR_SECONDS = 4_102_444_800
"""The year 2100."""


class Names:
    """The zones of one file, by TZID."""

    def __init__(self, zones: Zones, defined: Iterable[Component]) -> None:
        self._zones = zones
        self._defined = {one.text("TZID"): one for one in defined}
        self._found: dict[str, Zone | None] = {}

    def get(self, name: str) -> Zone | None:
        """The zone, or None if nothing says what it is."""
        if name not in self._found:
            self._found[name] = self._look_up(name.strip())
        return self._found[name]

    def utc(self) -> Zone:
        found = self._zones.get("Etc/UTC")
        assert found is not None
        return found

    def _look_up(self, name: str) -> Zone | None:
        defined = self._defined.get(name)
        if defined is None:
            return self._by_name(name)
        # Short names such as EST mean what their file says: there some of them have summer time, elsewhere none.
        by_name = self._by_name(name) if "/" in name or name in WINDOWS_TO_OLSON else None
        return by_name or self._by_name(defined.text("X-LIC-LOCATION")) or _own(name, defined) or self._by_name(name)

    def _by_name(self, name: str) -> Zone | None:
        if not name:
            return None
        parts = name.split("/")
        # Some write /vendor.example/20050126_1/Europe/Vienna.
        for first in range(len(parts)):
            found = self._zones.get("/".join(parts[first:]))
            if found is not None:
                return found
        return self._zones.get(WINDOWS_TO_OLSON.get(name, ""))


def _own(name: str, defined: Component) -> Zone | None:
    """The zone that a VTIMEZONE describes by its rules; None if they cannot be read."""
    try:
        read = tzical(io.StringIO("\r\n".join(defined.lines()) + "\r\n"))
        info = read.get(name)
        found = None if info is None else Zone(name, info)
        if found is not None:
            # Some rules fail only when they are used, and then for all times behind the fault.
            found.offset(_FAR_SECONDS)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError):
        return None
    return found
