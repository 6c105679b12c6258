"""Batch find: many requests over one calendar.

Requests for one schedule each, and nothing unusual, are swept together, one sweep for each service and window; the
others are asked one by one as `Appointment/$find` does, which is also how every fault gets its words. The answers are
those of single finds, in their order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...solver.errors import LimitError
from ...solver.problem import Engine
from ...solver.runs import Flags, Places, firsts, spread
from ...solver.sweep import Question, Starts, Window, sweep
from ..arrow import arrow, compute
from ..errors import Refusal
from ..instants import ceil_minute
from ..mapping import PeriodMs
from ..operations.find import FIRST_MINUTE, LAST_MINUTE, FindAnswer, find
from ..parameters import ParameterFault
from ..prepared import Examined, Service
from ..references import target
from .answers import ERROR, LEAVES_NONE, NONE, OFFER, Answers, Row, Swept
from .requests import UNREADABLE, Requests, reference
from .tables import TableStore

Progress = Callable[[int, int], None]

_NEAR_MINUTES = 2**29
"""A thousand years."""

_FAR = "The window lies a thousand years from most other requests; ask in a run of its own"


def origin_of(requests: Requests) -> int:
    """A minute within a thousand years of the requests: the epoch, or one far from it where they are."""
    known = requests.start_ms[requests.start_ms != UNREADABLE]
    middle = int(np.median(known)) // 60_000 if len(known) else 0
    return 0 if abs(middle) < _NEAR_MINUTES // 2 else middle


def solve(
    requests: Requests, store: TableStore, *, engine: Engine = "auto", progress: Progress | None = None
) -> Answers:
    """The answers to all requests. What is wrong with one is its answer. Raises LoadError for faults of the tables."""
    swept = _sweep_all(requests, store)
    left = np.flatnonzero(~swept.is_swept)
    others: dict[int, list[Row]] = {}
    for done, place in enumerate(left.tolist()):
        if progress is not None and done % 64 == 0:
            progress(len(requests) - len(left) + done, len(requests))
        others[place] = _one(requests, place, store, engine)
    if progress is not None:
        progress(len(requests), len(requests))
    return Answers(requests, swept, others, store.schedule_ids)


# Swept together


class _Parts:
    """The offers found so far, for the requests in any order."""

    def __init__(self, size: int) -> None:
        self.counts = np.zeros(size, np.int64)
        self.is_swept = np.zeros(size, np.bool_)
        self.duration = np.zeros(size, np.int64)
        self.schedule = np.zeros(size, np.int64)
        self._found: list[tuple[Places, Starts]] = []

    def add(self, rows: Places, schedules: Places, durations: Places, starts: Starts) -> None:
        self.counts[rows] = np.diff(starts.first)
        self.is_swept[rows] = True
        self.duration[rows], self.schedule[rows] = durations, schedules
        self._found.append((rows, starts))

    def together(self, origin: int) -> Swept:
        first = firsts(self.counts)
        if len(self._found) == 1 and len(self._found[0][0]) == len(self.counts):
            minutes = self._found[0][1].minute
        else:
            minutes = np.empty(first[-1], np.int32)
            for rows, starts in self._found:
                minutes[spread(first[rows], np.diff(starts.first))] = starts.minute
        return Swept(origin, self.is_swept, first, minutes, self.duration, self.schedule)


def _sweep_all(requests: Requests, store: TableStore) -> Swept:
    parts = _Parts(len(requests))
    plain = requests.plain() & _is_near(requests, store)
    for code, text in enumerate(requests.service.texts):
        if not (plain & (requests.service.codes == code)).any():
            continue
        named = target(reference("HealthcareService", text.strip()))
        service = store.prepared.service(named.id) if named and named.type == "HealthcareService" else None
        if service is not None and service.is_active and not isinstance(service.layer, ParameterFault):
            _sweep_service(requests, np.flatnonzero(plain & (requests.service.codes == code)), store, service, parts)
    return parts.together(store.slots.origin if parts.is_swept.any() else 0)


def _is_near(requests: Requests, store: TableStore) -> Flags:
    minutes = requests.start_ms // 60_000
    return (minutes > store.origin - _NEAR_MINUTES) & (minutes < store.origin + _NEAR_MINUTES)


def _sweep_service(requests: Requests, rows: Places, store: TableStore, service: Service, parts: _Parts) -> None:
    numbers = numbers_of(requests.pools.first_member(rows), store)
    table = store.rules.of(service.id)
    terms = np.append(table.terms, -1)[numbers]
    low, high = requests.start_ms[rows], requests.end_ms[rows]
    fits = (terms >= 0) & _within(table.horizons, terms, low, high)
    if store.slots.unusable:
        fits &= ~np.isin(numbers, np.array(list(store.slots.unusable), np.int64))
    rows, numbers, terms, low, high = (values[fits] for values in (rows, numbers, terms, low, high))
    if not len(rows):
        return
    stored = store.view(service).stored()
    durations = np.array([rules.footprint.duration for rules in table.rules], np.int64)
    most = requests.most()[rows]
    for group in _groups(low, high, most):
        window = Window(
            max(ceil_minute(int(low[group[0]])), FIRST_MINUTE), min(int(high[group[0]]) // 60_000, LAST_MINUTE)
        )
        question = Question(window, table.rules, numbers[group], terms[group])
        starts = sweep(stored, question, int(most[group[0]]))
        parts.add(rows[group], numbers[group], durations[terms[group]], starts)


def numbers_of(members: Any, store: TableStore) -> Places:
    """The numbers of schedules named by id or as `Schedule/<id>`; -1 for others."""
    pc = compute()
    names = members.cast(arrow().string())
    if pc.any(pc.starts_with(names, "Schedule/")).as_py():
        is_long = pc.starts_with(names, "Schedule/")
        names = pc.if_else(is_long, pc.utf8_slice_codeunits(names, len("Schedule/")), names)
    return pc.fill_null(pc.index_in(names, value_set=store.schedule_ids), -1).to_numpy().astype(np.int64)


def _within(horizons: list[PeriodMs], terms: Places, low: Places, high: Places) -> Flags:
    """Where the search range meets the planning horizon (find 2, row 16)."""
    if all(one == (None, None) for one in horizons):
        return np.ones(len(terms), np.bool_)
    limit = np.iinfo(np.int64)
    starts = np.array([limit.min if one.start is None else one.start for one in horizons])[terms]
    ends = np.array([limit.max if one.end is None else one.end for one in horizons])[terms]
    return (high >= starts) & (low <= ends)


def _groups(*keys: Places) -> list[Places]:
    """The places of equal keys, in order of first mention."""
    if all((key == key[0]).all() for key in keys):
        return [np.arange(len(keys[0]))]
    order = np.lexsort(keys[::-1])
    changes = np.zeros(len(order), np.bool_)
    for key in keys:
        sorted_key = key[order]
        changes[1:] |= sorted_key[1:] != sorted_key[:-1]
    return np.split(order, np.flatnonzero(changes))


# One by one


def _one(requests: Requests, place: int, store: TableStore, engine: Engine) -> list[Row]:
    try:
        request = requests.read(place)
        if abs(request.start_ms // 60_000 - store.origin) >= _NEAR_MINUTES:
            return [Row(ERROR, reason=_FAR)]
        answer = find(store, request, now=store.now(), engine=engine)
    except (Refusal, LimitError) as error:
        return [Row(ERROR, reason=str(error))]
    if not answer.offers:
        return [Row(NONE, reason=why_none(answer))]
    rows: list[Row] = []
    for offer in answer.offers:
        chosen = answer.chosen(offer)
        rows.append(Row(OFFER, offer.start, offer.start + chosen[0].resolved.duration, [one.id for one in chosen]))
    return rows


def why_none(answer: FindAnswer) -> str:
    """Why there is no offer: which schedule or pool left the fewest starts."""
    if answer.has_too_few_actors():
        return "The pools have fewer actors than the appointment needs, and none is used twice."
    if answer.problem is None:
        return "The window holds no whole minute."
    starts = answer.starts()
    fewest = min(range(len(starts)), key=starts.__getitem__)
    which = _named(answer.pools[fewest])
    if starts[fewest] == 0:
        return f"{which} {LEAVES_NONE}"
    why = "each has starts of its own, but none is common to all."
    if answer.common_starts():
        why = "at every start that all have in common, one actor would be needed twice."
    return f"{which} leaves the fewest starts, {starts[fewest]}: {why}"


def _named(pool: tuple[Examined, ...]) -> str:
    members = ", ".join(f"Schedule/{one.id}" for one in pool)
    return members if len(pool) == 1 else f"The pool of {members}"
