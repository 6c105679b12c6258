"""Capacity by schedule, local day and service: what the schedules of a batch's requests have left."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...solver.civil import Zone
from ...solver.runs import Columns, Numbers, Places, spread
from ...solver.sweep import Question, Stored, Window, busy_runs, sweep
from ..arrow import arrow, compute
from ..parameters import ParameterFault
from ..prepared import Service
from ..references import target
from .find import numbers_of
from .requests import UNREADABLE, Requests, reference
from .tables import TableStore


class Day(NamedTuple):
    """Minutes since the origin at which the local days of a zone begin, and where the last one ends; the first day."""

    bounds: Places
    first: int


def schema() -> Any:
    """The declared columns."""
    pa = arrow()
    return pa.schema(
        [
            pa.field("service", pa.string(), nullable=False),
            pa.field("schedule", pa.string(), nullable=False),
            pa.field("day", pa.date32(), nullable=False),
            pa.field("offers", pa.int32(), nullable=False),
            pa.field("open_minutes", pa.int32(), nullable=False),
            pa.field("free_minutes", pa.int32(), nullable=False),
            pa.field("utilisation", pa.float64(), nullable=False),
        ]
    )


def summarize(requests: Requests, store: TableStore) -> Any:
    """A row for each service, schedule that some request for it names, and local day on which that is open.

    For each service the time from the earliest start to the latest end of its requests is looked at. `offers` counts
    the starts open on the schedule alone, `open_minutes` what hours and free Slots open, `free_minutes` what of that is
    not blocked at the schedule's capacity; `utilisation` is the share of the open minutes that is.
    """
    parts = [schema().empty_table()]
    known = (requests.start_ms != UNREADABLE) & (requests.end_ms != UNREADABLE) & (requests.start_ms < requests.end_ms)
    owners = np.repeat(np.arange(len(requests)), np.diff(requests.pools.pools[requests.pools.rows]))
    numbers = numbers_of(requests.pools.members, store)
    seen: set[str] = set()
    for text in requests.service.texts:
        named = target(reference("HealthcareService", text.strip()))
        service = store.prepared.service(named.id) if named and named.type == "HealthcareService" else None
        if service is None or service.id in seen or isinstance(service.layer, ParameterFault):
            continue
        seen.add(service.id)
        codes = [
            code
            for code, other in enumerate(requests.service.texts)
            if target(reference("HealthcareService", other.strip())) == named
        ]
        rows = known & np.isin(requests.service.codes, codes)
        schedules = np.unique(numbers[rows[owners] & (numbers >= 0)])
        terms = store.rules.of(service.id).terms[schedules]
        schedules, terms = schedules[terms >= 0], terms[terms >= 0]
        if len(schedules):
            low = -(-int(requests.start_ms[rows].min()) // 60_000)
            window = Window(low, max(int(requests.end_ms[rows].max()) // 60_000, low))
            rules = store.rules.of(service.id).rules
            parts.append(_of_service(store, service, Question(window, rules, schedules, terms)))
    return arrow().concat_tables(parts).combine_chunks()


def _of_service(store: TableStore, service: Service, question: Question) -> Any:
    pa = arrow()
    stored = store.view(service).stored()
    zones = {rules.zone.name: rules.zone for rules in question.rules}
    names = np.array([rules.zone.name for rules in question.rules])[question.terms]
    tables: list[Any] = []
    for name, zone in zones.items():
        mine = np.flatnonzero(names == name)
        if not len(mine):
            continue
        part = Question(question.window, question.rules, question.members[mine], question.terms[mine])
        days = _days(zone, question.window, stored.origin)
        offers, opened, free = _measured(stored, part, days)
        owner, day = np.nonzero(opened > 0)
        ids = store.schedule_ids.take(pa.array(part.members[owner]))
        minutes, left = opened[owner, day], free[owner, day]
        columns = [
            pa.array([service.id] * len(owner), pa.string()),
            ids,
            pa.array((day + days.first).astype(np.int32)).cast(pa.date32()),
            pa.array(offers[owner, day].astype(np.int32)),
            pa.array(minutes.astype(np.int32)),
            pa.array(left.astype(np.int32)),
            pa.array(np.round(1 - left / minutes, 4)),
        ]
        tables.append(pa.Table.from_arrays(columns, schema=schema()))
    found = pa.concat_tables(tables)
    return found.take(compute().sort_indices(found, sort_keys=[("schedule", "ascending"), ("day", "ascending")]))


def _days(zone: Zone, window: Window, origin: int) -> Day:
    first, last = zone.local_day(window.low), zone.local_day(max(window.high - 1, window.low))
    begins = [-(-zone.day_start_ms(day) // 60_000) - origin for day in range(first, last + 2)]
    begins[0], begins[-1] = window.low - origin, window.high - origin
    return Day(np.array(begins, np.int64), first)


Table = NDArray[Any]


def _measured(stored: Stored, question: Question, days: Day) -> tuple[Table, Table, Table]:
    """Offers, open minutes and free minutes: a row for each member, a column for each day."""
    size, count = len(question.members), len(days.bounds) - 1
    starts = sweep(stored, question)
    owner = np.repeat(np.arange(size), np.diff(starts.first))
    at = np.searchsorted(days.bounds, starts.minute, side="right") - 1
    offers = np.bincount(owner * count + at, minlength=size * count).reshape(size, count)
    nothing = Columns(np.zeros(len(stored.taken) + 1, np.int64), np.empty(0, np.int32), np.empty(0, np.int32))
    opened = _by_day(busy_runs(stored._replace(taken=nothing), question), question, days, stored.origin)
    free = _by_day(busy_runs(stored, question), question, days, stored.origin)
    return offers, opened, free


def _by_day(busy: Columns, question: Question, days: Day, origin: int) -> Table:
    """The minutes between busy runs, by member and day."""
    size, count = len(question.members), len(days.bounds) - 1
    inside = np.flatnonzero(busy.start[1:] > busy.end[:-1])
    shift = question.window.low - origin
    low: Numbers = busy.end[inside].astype(np.int64) + shift
    high: Numbers = busy.start[inside + 1].astype(np.int64) + shift
    owner = np.searchsorted(busy.first, inside, side="right") - 1
    first = np.searchsorted(days.bounds, low, side="right") - 1
    several = np.searchsorted(days.bounds, high, side="left") - first
    day = spread(first, several)
    low, high, owner = np.repeat(low, several), np.repeat(high, several), np.repeat(owner, several)
    minutes = np.minimum(high, days.bounds[day + 1]) - np.maximum(low, days.bounds[day])
    found = np.bincount(owner * count + day, weights=minutes, minlength=size * count)
    return found.astype(np.int64).reshape(size, count)
