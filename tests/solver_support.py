"""What the tests of the solver layer share: zones, times as text, sets of minutes, slow judges, random problems."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise, product
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import tzdata
from hypothesis import strategies as st
from slotwright.io.zones import Zones
from slotwright.solver.availability import Closure, Footprint, Piece, Rules, Weekly, expand_hours
from slotwright.solver.calendar import CompiledCalendar
from slotwright.solver.capacity import Claim
from slotwright.solver.civil import Zone
from slotwright.solver.grid import Axis, Grid
from slotwright.solver.limits import Limit
from slotwright.solver.problem import FindProblem, Judge, Member, Offer, Pool

DAY = 1440
EPOCH_DAY = date(1970, 1, 1)
MINUTE = timedelta(minutes=1)

_ZONES = Zones()


def zone(name: str) -> Zone:
    found = _ZONES.get(name)
    assert found is not None, name
    return found


@cache
def info(name: str) -> ZoneInfo:
    """The same zone data as the standard library reads it."""
    with (Path(tzdata.__file__).parent / "zoneinfo" / name).open("rb") as file:
        return ZoneInfo.from_file(file, name)


def minute(text: str) -> int:
    """Minutes since the epoch of `2026-03-08T07:30Z`, or of another offset."""
    seconds, rest = divmod((datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds(), 60)
    assert rest == 0
    return int(seconds)


def day(text: str) -> int:
    """Days since 1970-01-01 of `2026-03-08`."""
    return (date.fromisoformat(text) - EPOCH_DAY).days


def text(at: int) -> str:
    """The instant of a minute as `2026-03-08T07:30Z`."""
    return f"{(datetime(1970, 1, 1) + at * MINUTE).isoformat(timespec='minutes')}Z"


def wall(name: str, at: int) -> datetime:
    """What the clock of a zone shows at a minute, without the offset."""
    return datetime.fromtimestamp(at * 60, info(name)).replace(tzinfo=None, fold=0)


def local_date(name: str, at: int) -> date:
    """The local day of a minute: a day begins when its midnight is first shown."""
    shown = wall(name, at).date()
    following = datetime.combine(shown + timedelta(days=1), time(), info(name)).timestamp()
    return shown + timedelta(days=1) if following <= at * 60 else shown


# Sets of minutes


def as_set(edges: Sequence[int]) -> set[int]:
    """The minutes of sorted edges."""
    return {at for start, end in zip(edges[::2], edges[1::2], strict=True) for at in range(start, end)}


def as_edges(minutes: Iterable[int]) -> list[int]:
    """Sorted edges of a plain set of minutes, by looking at each neighbour."""
    held = set(minutes)
    return sorted(
        [at for at in held if at - 1 not in held] + [at + 1 for at in held if at + 1 not in held],
    )


def is_normal(edges: Sequence[int]) -> bool:
    """Of even length and strictly increasing."""
    return len(edges) % 2 == 0 and all(one < other for one, other in pairwise(edges))


def edge_lists(low: int, high: int, most: int = 12) -> st.SearchStrategy[list[int]]:
    """Sets of minutes in normal form, as edges between two numbers."""
    return st.lists(st.integers(low, high), unique=True, max_size=most).map(
        lambda numbers: sorted(numbers)[: len(numbers) // 2 * 2]
    )


# A calendar judged by the words of the specification


def period_number(limit: Limit, on: date) -> int:
    """The number of the period of a local day (model 15)."""
    if limit.unit == "d":
        return (on - date(1970, 1, 1)).days // limit.length
    if limit.unit == "wk":
        return (on - date(1970, 1, 5)).days // (7 * limit.length)
    return (12 * (on.year - 1970) + on.month - 1) // limit.length


@dataclass
class Content:
    """All that a calendar is made of."""

    rules: Rules
    axis: Axis
    hours: list[Piece]
    claims: list[Claim] = field(default_factory=list[Claim])
    closures: list[Closure] = field(default_factory=list[Closure])
    now_ms: int = 0

    def compiled(self) -> CompiledCalendar:
        """A calendar compiled from nothing but this content."""
        rules = replace(self.rules, closures=tuple(self.closures))
        return CompiledCalendar(rules, self.axis, self.hours, self.claims, now_ms=self.now_ms)

    def live(self) -> list[Claim]:
        """Without lapsed holds."""
        return [one for one in self.claims if one.expires_ms is None or one.expires_ms > self.now_ms]

    def blocked_at(self, at: int, capacity: int) -> bool:
        """Is a piece asked for at `capacity` blocked at this minute? (model 11)"""
        tolerances = [
            one.tolerance for one in self.live() if not one.free and one.relevant and one.start <= at < one.end
        ]
        return bool(tolerances) and len(tolerances) >= min(capacity, *tolerances)

    def open_at(self, at: int) -> bool:
        """Is this minute open? (model 10)"""
        if not self.axis.start <= at < self.axis.end:
            return False
        for closure in self.closures:
            if (closure.start is None or closure.start <= at) and (closure.end is None or at < closure.end):
                return False
        opening = [(piece.start, piece.end) for piece in self.hours]
        opening += [(one.start, one.end) for one in self.live() if one.free and one.relevant]
        return any(start <= at < end for start, end in opening)

    def occupied_at(self, at: int) -> bool:
        """Does any occupying Slot, of whatever service, cover this minute?"""
        return any(not one.free and one.start <= at < one.end for one in self.live())

    def is_full(self, start: int) -> bool:
        """Is some limit's period full for this start? (model 15)"""
        name = self.rules.zone.name
        booked = [one.start for one in self.live() if one.booking]
        for limit in self.rules.limits:
            mine = period_number(limit, local_date(name, start))
            if sum(period_number(limit, local_date(name, at)) == mine for at in booked) >= limit.frequency:
                return True
        return False

    def accepts(self, start: int) -> bool:
        """May a visit start here? (model 17) Nothing changes between two edges, so that one minute speaks for all."""
        rules = self.rules
        foot = rules.footprint
        begin, visit_end = start - foot.before, start + foot.duration
        end = visit_end + foot.after
        if foot.duration <= 0 or not on_grid(rules.grid.interval, rules.grid.offset, rules.grid.zone.name, start):
            return False
        if rules.horizon_start is not None and begin < rules.horizon_start:
            return False
        if rules.horizon_end is not None and end > rules.horizon_end:
            return False
        edges = {begin, start, visit_end, self.axis.start, self.axis.end}
        for piece in (*self.hours, *self.closures, *self.claims):
            edges |= {at for at in (piece.start, piece.end) if at is not None}
        for at in edges:
            if begin <= at < end:
                capacity = rules.capacity if start <= at < visit_end else 1
                if not self.open_at(at) or self.blocked_at(at, capacity):
                    return False
        return not self.is_full(start)


def on_grid(interval: int, offset: int, name: str, at: int) -> bool:
    """The predicate of model 13, on the clock."""
    shown = wall(name, at)
    return shown.second == 0 and (shown.hour * 60 + shown.minute - offset) % interval == 0


# Random calendars


PLACES = [
    ("Etc/UTC", "2026-03-16T12:00Z"),
    ("America/New_York", "2026-03-08T07:00Z"),
    ("America/New_York", "2026-11-01T06:00Z"),
    ("America/Santiago", "2026-09-06T04:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00Z"),
    ("Asia/Kathmandu", "2026-03-15T18:15Z"),
]
"""Zones, with instants near which their clocks change."""

HOUR_MS = 3_600_000


class Maker:
    """Random rules, claims and closures around one axis; the same ones for the same seed."""

    def __init__(self, seed: int, minutes: int) -> None:
        self.dice = Random(seed)
        self._labels = 0
        self.name, change = self.dice.choice(PLACES)
        self.start = minute(change) - self.dice.randint(0, minutes)
        self.minutes = minutes
        self.now_ms = minute(change) * 60_000

    def content(self, claims: int, closures: int) -> Content:
        """A calendar's content with up to so many claims and closures."""
        dice = self.dice
        grid_zone = zone(dice.choice([self.name, self.name, "Etc/UTC"]))
        grid = Grid(dice.choice([1, 5, 7, 15, 25, 30, 50, 60]), dice.choice([0, 0, 10, 75]), grid_zone)
        foot = Footprint(dice.choice([1, 10, 15, 30, 45, 60, 200]), *(dice.choice([0, 0, 5, 15, 45]) for _ in range(2)))
        limits = tuple(
            Limit(dice.randint(1, 4), dice.randint(1, 2), dice.choice(["d", "wk", "mo"]))
            for _ in range(dice.choice([0, 0, 1, 2]))
        )
        axis = Axis.over(grid, self.start, self.start + self.minutes)
        weekly = dice.choice([None, self.weekly()])
        rules = Rules(
            zone=zone(self.name),
            grid=grid,
            footprint=foot,
            capacity=dice.choice([1, 1, 2, 3]),
            weekly=weekly,
            horizon_start=dice.choice([None, None, self.start + dice.randint(-60, self.minutes // 3)]),
            horizon_end=dice.choice([None, None, self.start + dice.randint(self.minutes // 2, self.minutes + 60)]),
            limits=limits,
        )
        hours = expand_hours(weekly, rules.zone, axis.start, axis.end)
        return Content(
            rules,
            axis,
            hours,
            [self.claim() for _ in range(dice.randint(0, claims))],
            [self.closure() for _ in range(dice.randint(0, closures))],
            self.now_ms,
        )

    def weekly(self) -> tuple[Weekly, ...]:
        dice = self.dice
        times = [0, 30, 60, 150, 390, 540, 720, 1020, 1320, 1439]
        return tuple(
            Weekly(dice.randint(1, 127), dice.choice(times) * 60_000, dice.choice(times) * 60_000, f"hours {place}")
            for place in range(dice.randint(1, 4))
        )

    def at(self) -> int:
        """Some minute near the axis, mostly in it."""
        return self.start + self.dice.randint(-300, self.minutes + 300)

    def label(self) -> str:
        self._labels += 1
        return f"Slot/{self._labels}"

    def claim(self) -> Claim:
        dice = self.dice
        start = self.at()
        length = dice.choice([5, 15, 30, 45, 60, 60, 90, 240] * 3 + [1000, 2 * DAY, 21 * DAY])
        if length > DAY:
            start -= dice.randint(0, length)
        free = dice.random() < 0.25
        return Claim(
            start,
            start + length,
            self.label(),
            tolerance=dice.choice([1, 2, 2, 3, 4]),
            free=free,
            relevant=dice.random() < 0.8,
            booking=not free and dice.random() < 0.5,
            expires_ms=self.instant_ms() if dice.random() < 0.3 else None,
        )

    def instant_ms(self) -> int:
        """One of few instants, so that holds end at what is asked, just before and just after."""
        return self.now_ms + self.dice.choice([-2, -1, 0, 1, 2]) * HOUR_MS + self.dice.choice([-1, 0, 1])

    def closure(self) -> Closure:
        dice = self.dice
        start = self.at()
        end = start + dice.choice([-10, 0, 10, 60, 60, 240, 1500])
        return Closure(*dice.choice([(start, end)] * 8 + [(None, self.start + 200), (end, None)]), self.label())


# Problems of pools, and brute force


LOADS = (0, 0, 0, 30, 30, 45, 60, 90)


def make_pool(dice: Random, ticks: int, members: int, actors: int, loads: Sequence[int] = LOADS) -> Pool:
    """Members in order of place, with gaps; each is free at most ticks, at half of them or at few."""
    found: list[Member] = []
    place = dice.randint(0, 2)
    for _ in range(members):
        starts = dice.getrandbits(ticks) if ticks else 0
        if ticks and dice.random() < 0.6:
            starts = starts | dice.getrandbits(ticks) if dice.random() < 0.7 else starts & dice.getrandbits(ticks)
        foot = Footprint(30, dice.choice([0, 0, 10]), dice.choice([0, 0, 15]))
        found.append(Member(place, dice.randint(1, actors), starts, dice.choice(loads), foot))
        place += dice.choice([1, 1, 1, 2])
    return tuple(found)


def make_problem(
    seed: int, ticks: int = 7, pools: int = 4, members: int = 4, actors: int = 6, combinations: int = 6
) -> FindProblem:
    """Up to so many of everything."""
    dice = Random(seed)
    count = dice.randint(0, ticks)
    start, times = dice.randint(-1000, 30_000_000), [0] * count
    for place in range(count):
        start += dice.choice([1, 5, 15, 30, 30, 1000])
        times[place] = start
    return FindProblem(
        times,
        tuple(make_pool(dice, count, dice.randint(1, members), actors) for _ in range(dice.randint(1, pools))),
        count=dice.randint(1, 40),
        combinations=dice.choice([1, dice.randint(1, combinations)]),
    )


def combinations_at(problem: FindProblem, index: int) -> list[tuple[int, ...]]:
    """All combinations that serve a tick, in order, each one tried."""
    free = [[member for member in pool if member.starts >> index & 1] for pool in problem.pools]
    found = [
        (sum(member.load for member in chosen), tuple(member.place for member in chosen))
        for chosen in product(*free)
        if len({member.actor for member in chosen}) == len(chosen)
    ]
    return [chosen for _, chosen in sorted(found)]


def by_brute_force(problem: FindProblem) -> list[Offer]:
    offers = [
        Offer(tick, chosen)
        for index, tick in enumerate(problem.ticks)
        for chosen in combinations_at(problem, index)[: problem.combinations]
    ]
    return offers[: problem.count]


def judge_of(problem: FindProblem) -> Judge:
    """Who is free when, from plain sets of starts."""
    free = {
        (index, member.place): {tick for place, tick in enumerate(problem.ticks) if member.starts >> place & 1}
        for index, pool in enumerate(problem.pools)
        for member in pool
    }
    return lambda pool, place, start: start in free[pool, place]
