"""The rules of the public meeting-scheduling instances, and the score of a timetable by them, from the rules alone.

Nothing here knows slotwright. A timetable is a start and a room for each meeting; a score is three penalties ≤ 0, hard,
medium, soft, compared in this order. Grains are counted through from the first day to the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import NamedTuple


class Meeting(NamedTuple):
    """How many grains it lasts, and the people it requires and prefers."""

    grains: int
    required: frozenset[int]
    preferred: frozenset[int]


class Meetings(NamedTuple):
    """An instance: the day of each grain, and the capacity of each room."""

    days: tuple[int, ...]
    rooms: tuple[int, ...]
    meetings: tuple[Meeting, ...]


class Held(NamedTuple):
    """The first grain and the room of a meeting."""

    start: int
    room: int


class MeetingScore(NamedTuple):
    hard: int
    medium: int
    soft: int

    def __str__(self) -> str:
        return "/".join(f"{one}".replace("-", "−") for one in self)


def score(instance: Meetings, held: Sequence[Held]) -> MeetingScore:
    """The score of a timetable, rule by rule."""
    hard = medium = soft = 0
    for meeting, (start, room) in zip(instance.meetings, held, strict=True):
        last = start + meeting.grains - 1
        if last >= len(instance.days):
            hard += last
        elif instance.days[start] != instance.days[last]:
            hard += 1
        hard += max(0, len(meeting.required) + len(meeting.preferred) - instance.rooms[room])
        soft += last + sum(max(0, capacity - instance.rooms[room]) for capacity in instance.rooms)
    for (one, here), (other, there) in permutations(zip(instance.meetings, held, strict=True), 2):
        end = here.start + one.grains
        shared = [
            (person in one.required) and (person in other.required)
            for person in (one.required | one.preferred) & (other.required | other.preferred)
        ]
        if there.start == end:
            soft += 100
        if here.start < there.start and here.room != there.room and there.start - end <= 2:
            soft += len(shared)
        overlap = min(end, there.start + other.grains) - max(here.start, there.start)
        # Each two meetings are met twice, and their overlap is counted once.
        if overlap > 0 and (here.start, here.room, id(here)) < (there.start, there.room, id(there)):
            hard += overlap * (sum(shared) + (here.room == there.room))
            medium += overlap * (len(shared) - sum(shared))
            soft += overlap * 10
    return MeetingScore(-hard, -medium, -soft)
