"""The frozen shape of one find: pools of members with start bitmaps in, offers out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from .availability import Footprint

Engine = Literal["auto", "cp-sat"]


class Member(NamedTuple):
    """One schedule of one pool.

    `place` is its place in the pool, `actor` who or what is occupied (equal numbers are one actor), `starts` a bitmap
    over the problem's ticks in which everything about this member alone is settled, `load` the minutes of the search
    window in which it is occupied.
    """

    place: int
    actor: int
    starts: int
    load: int
    footprint: Footprint


Pool = tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class FindProblem:
    """One member of each pool, no actor twice, at a common start.

    Offers are wanted in order of start, then of the sum of loads, then of the places, first pool first; at most
    `combinations` for one start and `count` in all.
    """

    ticks: Sequence[int]
    pools: tuple[Pool, ...]
    count: int = 20
    combinations: int = 1


class Offer(NamedTuple):
    """A start in minutes, and the place of the member chosen in each pool."""

    start: int
    places: tuple[int, ...]


Judge = Callable[[int, int, int], bool]
"""(pool, place, start) → may this member's visit start then? Asked without the bitmaps and without the solver."""
