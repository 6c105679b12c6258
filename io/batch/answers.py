"""Answers of a batch find: a row for each offer, and one for each request without an offer or with a fault."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...solver.runs import Flags, Minutes, Places, firsts
from ..arrow import arrow, compute
from .requests import Requests

OFFER, NONE, ERROR = "offer", "none", "error"
STATUSES = (OFFER, NONE, ERROR)

BATCH_ROWS = 1_048_576
"""About so many answers are made, and written as one row group, at a time."""

_MINUTE_US = 60_000_000


class Row(NamedTuple):
    """One answer: start and end in minutes, the ids of the schedules, one for each pool."""

    status: str
    start: int | None = None
    end: int | None = None
    schedules: Sequence[str] = ()
    reason: str | None = None


class Swept(NamedTuple):
    """The offers of requests that were swept, in the order of the requests.

    Those of request i are minute[first[i] : first[i + 1]], minutes since `origin`; a visit lasts duration[i] minutes on
    schedule[i]. `is_swept` says for which requests this speaks.
    """

    origin: int
    is_swept: Flags
    first: Places
    minute: Minutes
    duration: Places
    schedule: Places


class Counts(NamedTuple):
    """How many requests there were, how many of them have no offer or a fault, and how many offers there are."""

    requests: int = 0
    none: int = 0
    errors: int = 0
    offers: int = 0

    def plus(self, other: Counts) -> Counts:
        return Counts(*(one + more for one, more in zip(self, other)))


def schema() -> Any:
    """The declared columns."""
    pa = arrow()
    instant = pa.timestamp("us", tz="UTC")
    return pa.schema(
        [
            pa.field("request_id", pa.string()),
            pa.field("row", pa.int32(), nullable=False),
            pa.field("rank", pa.int32()),
            pa.field("start", instant),
            pa.field("end", instant),
            pa.field("schedules", pa.list_(pa.string()), nullable=False),
            pa.field("status", pa.string(), nullable=False),
            pa.field("reason", pa.string()),
        ]
    )


def encoded_schema() -> Any:
    """The same with repeated texts encoded, as tables are made here. Files do not show it."""
    pa = arrow()
    code = pa.dictionary(pa.int32(), pa.string())
    types = {"request_id": code, "status": code, "schedules": pa.list_(code)}
    return pa.schema([pa.field(one.name, types.get(one.name, one.type), one.nullable) for one in schema()])


class Answers:
    """The answers of all requests, made into tables piece by piece."""

    def __init__(self, requests: Requests, swept: Swept, others: dict[int, list[Row]], schedule_ids: Any) -> None:
        self._requests = requests
        self._swept = swept
        self._others = others
        self._ids = schedule_ids
        self._rows = requests.rows()
        lengths = np.maximum(np.diff(swept.first), 1)
        for place, rows in others.items():
            lengths[place] = len(rows)
        self._lengths = lengths

    def counts(self) -> Counts:
        offers = np.diff(self._swept.first)
        found = Counts(len(self._requests), int((self._swept.is_swept & (offers == 0)).sum()), 0, int(offers.sum()))
        for rows in self._others.values():
            statuses = [row.status for row in rows]
            has = statuses.count(OFFER)
            found = found.plus(Counts(0, statuses.count(NONE), statuses.count(ERROR), has))
        return found

    def was_asked(self, place: int) -> bool:
        """Was this request asked by itself, instead of swept together with others?"""
        return place in self._others

    def tables(self) -> Iterator[Any]:
        """Tables of about `BATCH_ROWS` rows, in the order of the requests."""
        ends = np.cumsum(self._lengths)
        low = 0
        while low < len(ends):
            done = int(ends[low - 1]) if low else 0
            high = max(int(np.searchsorted(ends, done + BATCH_ROWS, side="right")), low + 1)
            parts = list(self._parts(low, high))
            yield (
                parts[0]
                if len(parts) == 1
                else arrow().concat_tables([part.cast(schema()) for part in parts]).combine_chunks()
            )
            low = high

    def _parts(self, low: int, high: int) -> Iterator[Any]:
        """The requests [low, high): those swept together, the others each by itself."""
        at = low
        for place in sorted(place for place in self._others if low <= place < high) if self._others else ():
            if at < place:
                yield self._swept_table(at, place)
            yield self._other_table(place)
            at = place + 1
        if at < high:
            yield self._swept_table(at, high)

    def _swept_table(self, low: int, high: int) -> Any:
        pa, swept = arrow(), self._swept
        offers = np.diff(swept.first[low : high + 1])
        lengths = self._lengths[low:high]
        owner = np.repeat(np.arange(high - low, dtype=np.int32), lengths)
        total = len(owner)
        minutes = swept.minute[swept.first[low] : swept.first[high]]
        nothing: Flags | None = None
        if total != len(minutes):
            nothing = np.repeat(offers == 0, lengths)
            full = np.zeros(total, np.int32)
            full[~nothing] = minutes
            minutes = full
        start = (minutes.astype(np.int64) + swept.origin) * _MINUTE_US
        durations = swept.duration[low:high] * _MINUTE_US
        same = bool((durations == durations[0]).all())
        end = start + (durations[0] if same else np.repeat(durations, lengths))
        rank = np.arange(1, total + 1, dtype=np.int32) - np.repeat(firsts(lengths)[:-1].astype(np.int32), lengths)
        used, which = np.unique(swept.schedule[low:high], return_inverse=True)
        chosen = which.astype(np.int32)[owner]
        if nothing is None:
            offsets = np.arange(total + 1, dtype=np.int32)
            status = pa.array(np.zeros(total, np.int32))
            reason = pa.nulls(total, pa.string())
        else:
            chosen = chosen[~nothing]
            offsets = firsts((~nothing).astype(np.int32)).astype(np.int32)
            status = pa.array(nothing.astype(np.int32))
            reason = self._reasons(low, offers, lengths)
        instant = pa.timestamp("us", tz="UTC")
        ids = self._requests.request_id.slice(low, high - low).dictionary_encode()
        columns = [
            pa.DictionaryArray.from_arrays(ids.indices.take(pa.array(owner)), ids.dictionary),
            pa.array(self._rows[low:high].astype(np.int32)[owner]),
            pa.array(rank, mask=nothing),
            pa.array(start, mask=nothing).cast(instant),
            pa.array(end, mask=nothing).cast(instant),
            pa.ListArray.from_arrays(
                pa.array(offsets), pa.DictionaryArray.from_arrays(pa.array(chosen), self._ids.take(pa.array(used)))
            ),
            pa.DictionaryArray.from_arrays(status, pa.array(STATUSES)),
            reason,
        ]
        return pa.Table.from_arrays(columns, schema=encoded_schema())

    def _reasons(self, low: int, offers: Places, lengths: Places) -> Any:
        """Why there is no offer, where there is none."""
        pa = arrow()
        places = np.flatnonzero(offers == 0)
        names = self._ids.take(pa.array(self._swept.schedule[low + places]))
        texts = compute().binary_join_element_wise("Schedule/", names, f" {LEAVES_NONE}", "")
        at = np.full(len(offers), -1, np.int64)
        at[places] = np.arange(len(places))
        rows = np.repeat(at, lengths)
        return texts.take(pa.array(rows, mask=rows < 0))

    def _other_table(self, place: int) -> Any:
        pa = arrow()
        rows = self._others[place]
        ranks = [rank if row.status == OFFER else None for rank, row in enumerate(rows, start=1)]
        id = self._requests.request_id[place].as_py()
        columns = {
            "request_id": [id] * len(rows),
            "row": [int(self._rows[place])] * len(rows),
            "rank": ranks,
            "start": [None if row.start is None else row.start * _MINUTE_US for row in rows],
            "end": [None if row.end is None else row.end * _MINUTE_US for row in rows],
            "schedules": [list(row.schedules) for row in rows],
            "status": [row.status for row in rows],
            "reason": [row.reason for row in rows],
        }
        types = schema()
        return pa.table({name: pa.array(values, types.field(name).type) for name, values in columns.items()}, types)


LEAVES_NONE = "leaves no start in this window."
