"""IANA time zones by name, in any letter case, from the `tzdata` package: the same answer on every machine."""

from __future__ import annotations

import zoneinfo
from functools import cached_property
from pathlib import Path

import tzdata

from ..solver.civil import Zone


class Zones:
    """The zones there are; each is read when it is first asked for."""

    def __init__(self) -> None:
        self._folder = Path(tzdata.__file__).parent
        self._zones: dict[str, Zone | None] = {}

    def get(self, name: str) -> Zone | None:
        """The zone of an IANA name or alias, or None. Names that differ in letter case give one object."""
        if name not in self._zones:
            key = self._names.get(name.casefold())
            self._zones[name] = None if key is None else self._zones.get(key) or self._read(key)
            if key is not None:
                self._zones[key] = self._zones[name]
        return self._zones[name]

    @cached_property
    def _names(self) -> dict[str, str]:
        names = (self._folder / "zones").read_text(encoding="utf-8").split()
        return {name.casefold(): name for name in names}

    def names(self) -> list[str]:
        """All names, for suggestions."""
        return sorted(self._names.values())

    def _read(self, key: str) -> Zone:
        with (self._folder / "zoneinfo" / key).open("rb") as file:
            return Zone(key, zoneinfo.ZoneInfo.from_file(file, key))
