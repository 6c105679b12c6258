"""`Appointment/$explain`: the checks of `$find`, then for each start every reason against it on each schedule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from ...solver.errors import LimitError
from ...solver.intervals import Pair
from ...solver.whynot import KINDS, Bounds, Kind, Reason, Week, WhyNot, clash
from ..errors import InvalidRequest
from ..instants import MINUTE_MS, search_time_ms
from ..mapping import Series
from ..prepared import Examined, Service
from ..references import target
from ..store import Store
from . import find
from .declared import EXPLAIN
from .find import FIRST_MINUTE, LAST_MINUTE, Candidate, FindRequest, is_pool_of_one, look_up
from .request import Request

LeftOutFor = Literal["inactive", "actors", "not-schedulable", "horizon"]

VERDICTS_MOST = 50_000
"""Verdicts of one answer, weeks counted: some seconds, some tens of megabytes."""

Progress = Callable[[int, int], None]
_TOLD_EVERY = 100

_MARGIN_MOST = 366 * 1440
"""Minutes beside a start or the window that are looked at, where a footprint reaches further."""


@dataclass(frozen=True, slots=True)
class ExplainRequest:
    """What was asked: a find, and the minute of one start, or at most `most` starts of the window (None: all)."""

    find: FindRequest
    at: int | None
    most: int | None


class Verdict(NamedTuple):
    """One schedule at one start: the reasons against the first visit, and the later weeks of a series."""

    examined: Examined
    reasons: list[Reason]
    weeks: list[Week]

    @property
    def is_open(self) -> bool:
        return not self.reasons and not any(week.reasons for week in self.weeks)

    @property
    def first_kind(self) -> Kind:
        """The first kind of reason against it; there must be one."""
        every = [*self.reasons, *(reason for week in self.weeks for reason in week.reasons)]
        return every[0].kind


class Lost(NamedTuple):
    """Why a start is not offered, in short: the first kind of reason, and the pool that has no open schedule."""

    kind: Kind
    pool: int | None


class StartVerdict(NamedTuple):
    """One start: each pool's schedules, and the pools that clash where each has an open one."""

    start: int
    pools: list[list[Verdict]]
    clash: list[int] | None

    @property
    def is_offered(self) -> bool:
        return self.clash is None and all(any(one.is_open for one in pool) for pool in self.pools)

    def lost(self) -> Lost | None:
        """The first pool without an open schedule decides, and in it the schedule that comes nearest to being open."""
        for place, pool in enumerate(self.pools):
            if not any(one.is_open for one in pool):
                return Lost(KINDS[max(KINDS.index(one.first_kind) for one in pool)], place)
        return None if self.clash is None else Lost("combination", None)


class LeftOut(NamedTuple):
    """A schedule that takes no part in its pool, because others of the pool do."""

    pool: int
    schedule_id: str
    why: LeftOutFor


@dataclass(frozen=True, slots=True)
class Explanation:
    """Verdicts by start. `window` is in minutes; `total` is how many starts there were before `most` cut them off."""

    service: Service
    pools: list[list[Examined]]
    left_out: list[LeftOut]
    window: Pair
    series: Series | None
    starts: list[StartVerdict]
    offered: int
    lost: Counter[Lost]

    @property
    def total(self) -> int:
        return self.offered + self.lost.total()


def read_request(request: Request) -> ExplainRequest:
    """The rows of `$find`, then `at`. Raises InvalidRequest."""
    asked = find.read_request(request, EXPLAIN)
    most = request.integer(EXPLAIN["_count"])
    text = request.text(EXPLAIN["at"])
    if text is None:
        return ExplainRequest(asked, None, most)
    at_ms = search_time_ms(text)
    if at_ms is None or not FIRST_MINUTE <= at_ms // MINUTE_MS <= LAST_MINUTE:
        raise InvalidRequest("Invalid at, must be an instant", EXPLAIN["at"].path)
    if at_ms % MINUTE_MS:
        raise InvalidRequest("Invalid at, visits start at whole minutes", EXPLAIN["at"].path)
    return ExplainRequest(asked, at_ms // MINUTE_MS, most)


def explain(
    store: Store,
    request: ExplainRequest,
    *,
    now: datetime,
    verdicts_most: int | None = VERDICTS_MOST,
    progress: Progress | None = None,
) -> Explanation:
    """Look up and check as `$find` does, then judge each start.

    `progress` is told how many starts are judged, and of how many. Raises InvalidRequest or MissingResource; LimitError
    for more verdicts than `verdicts_most`.
    """
    now_ms = int(now.timestamp() * 1000)
    service, pools, ignored = look_up(store, request.find, now_ms)
    window = find.minutes(request.find)
    first = pools[0][0].examined
    occurrences = request.find.occurrences
    series = None if occurrences is None else Series(occurrences, first.resolved.timezone)
    judge = _Judge(store, pools, _horizons(request.find, pools), window, series, request.at, ignored, now_ms)
    starts: list[StartVerdict] = []
    offered = 0
    lost: Counter[Lost] = Counter()
    asked = judge.starts() if request.at is None else [request.at]
    if request.at is None and verdicts_most is not None:
        _check_cost(len(asked) * sum(map(len, pools)) * (occurrences or 1), verdicts_most)
    for number, at in enumerate(asked):
        if progress is not None and not number % _TOLD_EVERY:
            progress(number, len(asked))
        verdict = judge.judge(at)
        why = verdict.lost()
        if why is None:
            offered += 1
        else:
            lost[why] += 1
        if request.most is None or len(starts) < request.most:
            starts.append(verdict)
    examined = [[one.examined for one in pool] for pool in pools]
    left_out = _left_out(store, service, request.find, examined)
    return Explanation(service, examined, left_out, window, series, starts, offered, lost)


def _check_cost(verdicts: int, most: int) -> None:
    """Raises LimitError."""
    if verdicts > most:
        text = f"The answer would have {verdicts:,} verdicts, starts by schedules by weeks; at most {most:,} are given."
        raise LimitError(f"{text} Give at, or a shorter window.")


def _horizons(request: FindRequest, pools: Sequence[Sequence[Candidate]]) -> list[Bounds]:
    """The planning horizons of the pools of one, each once: every chosen schedule keeps within them."""
    found: dict[str, Bounds] = {}
    for raw, pool in zip(request.pools, pools, strict=True):
        if is_pool_of_one(raw):
            rules, label = pool[0].examined.rules, f"Schedule/{pool[0].examined.id}"
            found[label] = Bounds(rules.horizon_start, rules.horizon_end, label)
    return list(found.values())


class _Judge:
    """The calendars of a request, ready for any of its starts."""

    def __init__(
        self,
        store: Store,
        pools: Sequence[Sequence[Candidate]],
        horizons: Sequence[Bounds],
        window: Pair,
        series: Series | None,
        at: int | None,
        ignored: frozenset[str],
        now_ms: int,
    ) -> None:
        self._pools = [[candidate.examined for candidate in pool] for pool in pools]
        self._window = window
        self._series = series
        self._weeks_always = at is not None
        everyone = {one.id: one for pool in self._pools for one in pool}
        self._grid = next(iter(everyone.values())).rules.grid
        feet = [one.rules.footprint for one in everyone.values()]
        before = min(max(foot.before for foot in feet), _MARGIN_MOST)
        reach = min(max(1, *(foot.reach for foot in feet)), _MARGIN_MOST)
        low, high = (window[0], max(window)) if at is None else (at, at + 1)
        # An hour for a change of offset, and one more for those that are larger.
        later = 0 if series is None else (series.occurrences - 1) * 7 * 1440 + 120
        axis = store.prepared.axis(self._grid, low - before, high + reach + later)
        labels = frozenset(f"Slot/{id}" for id in ignored)
        calendars = {id: store.prepared.calendar(one, axis, now_ms) for id, one in everyone.items()}
        self._whynot = {id: WhyNot(one.without(labels) if labels else one) for id, one in calendars.items()}
        self._horizons = {id: [one for one in horizons if one.label != f"Schedule/{id}"] for id in everyone}
        numbers: dict[object, int] = {}
        self._actors = {id: numbers.setdefault(one.actor_key, len(numbers)) for id, one in everyone.items()}

    def starts(self) -> list[int]:
        """Every start of the grid in the window."""
        low, high = self._window
        return self._grid.ticks(low, high) if low < high else []

    def judge(self, start: int) -> StartVerdict:
        found: dict[str, Verdict] = {}
        for pool in self._pools:
            for one in pool:
                if one.id not in found:
                    found[one.id] = self._verdict(one, start)
        pools = [[found[one.id] for one in pool] for pool in self._pools]
        free = [{self._actors[one.examined.id] for one in pool if one.is_open} for pool in pools]
        return StartVerdict(start, pools, clash(free) if all(free) else None)

    def _verdict(self, examined: Examined, start: int) -> Verdict:
        whynot, horizons = self._whynot[examined.id], self._horizons[examined.id]
        reasons = whynot.reasons(start, window=self._window, horizons=horizons)
        weeks: list[Week] = []
        if self._series is not None and (self._weeks_always or not reasons):
            weeks = whynot.later_weeks(start, self._series.occurrences, self._series.zone.zone, horizons)
        return Verdict(examined, reasons, weeks)


def _left_out(
    store: Store, service: Service, request: FindRequest, pools: Sequence[Sequence[Examined]]
) -> list[LeftOut]:
    found: list[LeftOut] = []
    for place, (raw, kept) in enumerate(zip(request.pools, pools, strict=True)):
        ids = {one.id for one in kept}
        for path, reference in find.named_members([raw]):
            named = target(reference)
            examined = None if named is None else store.prepared.examine(named.id, service)
            if examined is None or examined.id in ids:
                continue
            ids.add(examined.id)
            found.append(LeftOut(place, examined.id, _why_left_out(Candidate(examined, path))))
    return found


def _why_left_out(candidate: Candidate) -> LeftOutFor:
    if not candidate.examined.is_active:
        return "inactive"
    if find.row_14(candidate) is not None:
        return "actors"
    return "horizon" if candidate.examined.is_schedulable else "not-schedulable"
