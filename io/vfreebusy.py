"""Free and busy time as iCalendar text: one VFREEBUSY for each schedule (RFC 5545, 3.6.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..solver import intervals
from ..solver.intervals import Edges
from .freebusy import FreeBusy
from .instants import utc_text

_TYPES = {"busy": "BUSY", "busy-unavailable": "BUSY-UNAVAILABLE", "busy-tentative": "BUSY-TENTATIVE"}
_LINE_MOST = 75
"""Octets of a line before it is folded (RFC 5545, 3.1)."""


def write(several: Sequence[FreeBusy], titles: Mapping[str, str], low: int, high: int, now: int) -> str:
    """The iCalendar object of a window.

    Parameters
    ----------
    several
        The schedules. What is closed is written as BUSY-UNAVAILABLE: unnamed time would count as free.
    titles
        What each schedule is called, by its id.
    low, high, now
        The window and the time of writing, in minutes.
    """
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//slotwright//freebusy//EN"]
    for one in several:
        lines += _component(one, titles[one.schedule_id], low, high, now)
    lines.append("END:VCALENDAR")
    return "".join(f"{folded(line)}\r\n" for line in lines)


def _component(one: FreeBusy, title: str, low: int, high: int, now: int) -> Iterator[str]:
    yield "BEGIN:VFREEBUSY"
    yield f"UID:{one.schedule_id}-{_stamp(low)}-{_stamp(high)}@slotwright"
    yield f"DTSTAMP:{_stamp(now)}"
    yield f"DTSTART:{_stamp(low)}"
    yield f"DTEND:{_stamp(high)}"
    yield f"COMMENT:{escaped(f'{title} (Schedule/{one.schedule_id})')}"
    busy: dict[str, Edges] = {_TYPES[status]: edges for status, edges in one.busy.items()}
    busy["BUSY-UNAVAILABLE"] = intervals.union(busy["BUSY-UNAVAILABLE"], one.closed)
    for type, edges in (*busy.items(), ("FREE", one.free)):
        if edges:
            periods = ",".join(f"{_stamp(start)}/{_stamp(end)}" for start, end in intervals.to_pairs(edges))
            yield f"FREEBUSY;FBTYPE={type}:{periods}"
    yield "END:VFREEBUSY"


def _stamp(minute: int) -> str:
    """`20260310T130000Z`."""
    return f"{utc_text(minute)[:19]}Z".replace("-", "").replace(":", "")


def escaped(text: str) -> str:
    """A TEXT value (RFC 5545, 3.3.11); other control characters have no place in it."""
    for letter, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        text = text.replace(letter, written)
    return "".join(letter if letter.isprintable() else " " for letter in text)


def folded(line: str) -> str:
    """Lines of at most 75 octets; a letter is never torn apart."""
    pieces: list[str] = []
    piece, size = "", 0
    for letter in line:
        octets = len(letter.encode())
        if size + octets > _LINE_MOST:
            pieces.append(piece)
            # The blank that marks a continued line counts.
            piece, size = " ", 1
        piece += letter
        size += octets
    return "\r\n".join([*pieces, piece])
