"""Calendar files written by hand, and what they are read as."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from slotwright.io.ical.feed import Feed, read_feed
from slotwright.io.zones import Zones

YEAR = ("2026-01-01T00:00", "2027-01-01T00:00")


def ms(text: str) -> int:
    """Milliseconds of a time in UTC such as 2026-03-10T09:00."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def event(*lines: str, uid: str = "a") -> str:
    return "\r\n".join(["BEGIN:VEVENT", f"UID:{uid}", *lines, "END:VEVENT"])


def calendar(*components: str) -> str:
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test", *components, "END:VCALENDAR", ""])


def feed(
    folder: Path, *components: str, zone: str = "America/New_York", window: tuple[str, str] = YEAR, **options: Any
) -> Feed:
    """What a file of these components is read as."""
    path = folder / "one.ics"
    path.write_bytes(calendar(*components).encode())
    found = Zones().get(zone)
    assert found is not None
    return read_feed(str(path), found, (ms(window[0]), ms(window[1])), **options)


def times(found: Feed) -> list[str]:
    """The busy times in UTC: `03-10T13:00 - 03-10T14:00`."""
    return [f"{_text(one.start_ms)} - {_text(one.end_ms)}" for one in found.busy]


def _text(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()[5:16]


def reasons(found: Feed) -> list[tuple[str, str]]:
    """The UID and the reason of all that could not be read."""
    return [(one.uid, one.reason) for one in found.unread]


def dates(found: Iterable[str]) -> list[str]:
    return [one[:5] for one in found]
