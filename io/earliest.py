"""The earliest offers from a time on: one `$find` after the other, as far as planning horizons reach."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from ..solver.civil import Zone, month_number, month_start
from ..solver.errors import InvalidInputError
from ..solver.intervals import Edges, intersect
from ..solver.problem import Engine
from .errors import InvalidRequest
from .instants import MINUTE_MS, ceil_minute, floor_minute, utc_text
from .operations import find
from .operations.find import FIRST_MINUTE, LAST_MINUTE, FindAnswer
from .operations.request import QueryRequest
from .parameters import ParameterFault
from .prepared import Examined
from .store import Store
from .wishes import Window, Wishes

_LENGTH = re.compile(r"(\d{1,5})\s*(d|wk|mo)", re.ASCII)
_DAYS = {"d": 1, "wk": 7}
MONTHS_MOST = 120
"""How far a search may reach."""

_OUTSIDE = ("Search range ends before", "Search range starts after")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is searched: a query of `$find` without its window, the wishes, and how many offers are wanted."""

    query: Mapping[str, str | list[str]]
    service_id: str
    pools: Sequence[Sequence[str]]
    wishes: Wishes
    zone: Zone
    count: int
    engine: Engine = "auto"


class Earliest(NamedTuple):
    """Answers that have offers, earliest first; the minutes searched; and why no more was searched.

    `horizon_of` are the schedules whose planning horizons end the search.
    """

    answers: list[FindAnswer]
    start: int
    end: int
    ended_by: Literal["count", "within", "horizon", "length"]
    horizon_of: list[str]


class _Reach(NamedTuple):
    """The minutes in which each pool has a planning horizon, None where it is open, and whose it is that ends it."""

    start: int | None
    end: int | None
    ends: list[str]


def read_within(text: str, start_ms: int, zone: Zone) -> int:
    """The end of `--within`, in milliseconds: `24mo`, `6wk` or `90d` from a start on. Raises InvalidInputError."""
    match = _LENGTH.fullmatch(text.strip())
    if match is None or not int(match[1]):
        raise InvalidInputError(f"--within {text!r} is not a length of time. Write it as 24mo, 6wk or 90d.")
    number = int(match[1])
    day = zone.local_day(floor_minute(start_ms))
    month = month_number(day)
    farthest = month_start(month + MONTHS_MOST)
    if match[2] == "mo":
        later = month + min(number, MONTHS_MOST + 1)
        last = min(month_start(later) + day - month_start(month), month_start(later + 1) - 1)
    else:
        last = day + number * _DAYS[match[2]]
    if last > farthest + 31:
        raise InvalidInputError(f"--within {text} is too long. A search reaches {MONTHS_MOST} months at most.")
    return start_ms + zone.day_start_ms(last) - zone.day_start_ms(day)


def earliest(
    store: Store,
    asked: Asked,
    start_ms: int,
    end_ms: int,
    *,
    now: datetime,
    progress: Callable[[int, int], None] | None = None,
) -> Earliest:
    """Offers whose visits and buffers lie in [start, end). Raises what `$find` raises, horizons aside."""
    start, end = max(ceil_minute(start_ms), FIRST_MINUTE), min(floor_minute(end_ms), LAST_MINUTE)
    examined = list(_examined(store, asked))
    before, reach = _longest(examined)
    horizon = _reach(store, asked)
    begin = start if horizon.start is None else max(start, horizon.start)
    until = end if horizon.end is None else min(end, horizon.end)
    most = (find.SERIES_RANGE_MOST_MS if asked.query.get("occurrence-count") else find.RANGE_MOST_MS) // MINUTE_MS
    answers: list[FindAnswer] = []
    left = asked.count
    at = begin
    low = at
    while left and at < until and before + reach < most:
        high = min(low + most, end)
        # What starts later does not end in this window; the next one begins early enough for its buffers.
        following = high - reach + 1 if high < end else end
        answer = _ask(store, asked, Window(low * MINUTE_MS, high * MINUTE_MS), (at, following), left, now)
        if answer is not None and answer.offers:
            answers.append(answer)
            left -= len(answer.offers)
        at, low = following, following - before
        if progress is not None:
            progress(min(at, until) - begin, until - begin)
    if not left:
        return Earliest(answers, start, at, "count", [])
    if at == begin:
        # Nothing could be searched; what find refuses is refused all the same.
        _ask(store, asked, Window(start * MINUTE_MS, min(start + most, end) * MINUTE_MS), (start, end), left, now)
    if before + reach >= most:
        return Earliest(answers, start, end, "length", [])
    if begin >= until or until < end:
        return Earliest(answers, start, max(until, start), "horizon", horizon.ends)
    return Earliest(answers, start, end, "within", [])


def _ask(
    store: Store, asked: Asked, window: Window, own: tuple[int, int], count: int, now: datetime
) -> FindAnswer | None:
    """One `$find` for the starts [own); None if a pool has no planning horizon in the window."""
    query = {
        **asked.query,
        "start": utc_text(window.start_ms // MINUTE_MS),
        "end": utc_text(window.end_ms // MINUTE_MS),
        "_count": str(count),
    }
    if window.start_ms >= window.end_ms:
        return None

    def wish(duration: int) -> Edges | None:
        wished = asked.wishes.starts(window, asked.zone, duration)
        return list(own) if wished is None else intersect(wished, list(own))

    request = find.read_request(QueryRequest(query))
    try:
        with store.reading() as state:
            return find.find(state, request, now=now, engine=asked.engine, wish=wish)
    except InvalidRequest as error:
        if error.text.startswith(_OUTSIDE):
            return None
        raise


def _examined(store: Store, asked: Asked) -> Iterator[Examined]:
    """The schedules whose parameters are sound; `$find` says what is wrong with the others."""
    for pool in asked.pools:
        yield from _sound(store, asked.service_id, pool)


def _sound(store: Store, service_id: str, ids: Sequence[str]) -> list[Examined]:
    service = store.prepared.service(service_id)
    found = [] if service is None else [store.prepared.examine(id, service) for id in ids]
    return [one for one in found if one is not None and not isinstance(one.parameters, ParameterFault)]


def _longest(examined: Sequence[Examined]) -> tuple[int, int]:
    feet = [one.rules.footprint for one in examined]
    return max((foot.before for foot in feet), default=0), max((foot.reach for foot in feet), default=0)


def _reach(store: Store, asked: Asked) -> _Reach:
    start: int | None = None
    end: int | None = None
    ends: list[str] = []
    for pool in asked.pools:
        rules = {one.id: one.rules for one in _sound(store, asked.service_id, pool) if one.is_schedulable}
        lows, highs = [one.horizon_start for one in rules.values()], [one.horizon_end for one in rules.values()]
        known = [low for low in lows if low is not None]
        if known and len(known) == len(lows):
            start = min(known) if start is None else max(start, min(known))
        known = [high for high in highs if high is not None]
        if known and len(known) == len(highs) and (end is None or max(known) < end):
            end = max(known)
            ends = [id for id, one in rules.items() if one.horizon_end == end]
    return _Reach(start, end, ends)
