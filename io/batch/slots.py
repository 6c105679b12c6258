"""Slots as columns of integers, from `slots.parquet` or from the compiled form, without an object for each.

Rows that mean nothing are left out here: entered in error, of no length, of lapsed holds. Those that count and cannot
be used are listed. Times are whole minutes, rounded against the booker (specification, model 6, 9).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from ...solver.runs import FAR, Flags, Minutes, Places
from ..arrow import arrow, compute, parquet
from ..columns import SLOTS
from ..compiled import (
    COMPILED_FILE,
    COMPILED_FORMAT,
    COMPILED_KEY,
    FREE,
    OCCUPYING,
    SLOTS_KEY,
    UNUSABLE_KEY,
    compiled_schema,
    slots_mark,
)
from ..errors import LoadError
from ..mapping import BOOKED, UnusableSlot
from ..table_reader import check_table

_US = 1_000
_MINUTE_US = 60_000_000
NULL = np.iinfo(np.int64).min


class SlotColumns(NamedTuple):
    """Slots that count, sorted by schedule and start; those of schedule i at first[i] : first[i + 1].

    `start` and `end` are minutes since `origin`, `tolerance` capacity stamps (None: all 1), `is_free` says which are
    free (None: none), `types` are codes of `type_texts`, the serviceType as JSON, -1 for none (None: all -1), `booked`
    codes of `booked_texts`, ids of the services they are booked for, -1 for none (None: all -1). `until` is when the
    hold ends, in milliseconds, `NULL` for never (None: all never, or asked for at some time and all in force).
    """

    origin: int
    first: Places
    start: Minutes
    end: Minutes
    is_free: Flags | None
    tolerance: Minutes | None
    types: Minutes | None
    type_texts: Sequence[str]
    booked: Minutes | None
    booked_texts: Sequence[str]
    until: Places | None
    unusable: Mapping[int, Sequence[UnusableSlot]]


class Appointments(NamedTuple):
    """What Appointments say about Slots: until when holds hold which, and which are booked for which services.

    Arrow columns: `held` and `booked` are ids of Slots, `until` milliseconds, `booked_for` ids of services separated by
    blanks.
    """

    held: Any
    until: Any
    booked: Any
    booked_for: Any


@contextmanager
def arrow_faults(path: Path) -> Generator[None]:
    try:
        yield
    except (arrow().ArrowException, OSError, UnicodeDecodeError) as error:
        raise LoadError(f"{path} cannot be read, or is damaged: not a complete Parquet file ({error}).") from error


class ParquetColumns:
    """A Parquet file read column by column; what its statistics say to be one value is not read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with arrow_faults(path):
            self.file = parquet().ParquetFile(path, page_checksum_verification=True, memory_map=True)
            self.schema = self.file.schema_arrow
            self.metadata: dict[bytes, bytes] = self.schema.metadata or {}
            self.rows: int = self.file.metadata.num_rows

    def __enter__(self) -> ParquetColumns:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def read(self, name: str) -> Any:
        """The whole column, dictionaries unified."""
        with arrow_faults(self.path):
            column = self.file.read(columns=[name]).column(name)
            if len(column) != self.rows:
                raise LoadError(f"{self.path} is damaged: {self.rows} rows are announced, {len(column)} can be read.")
            return column.unify_dictionaries() if arrow().types.is_dictionary(column.type) else column

    def read_pairs(self, one: str, other: str) -> Iterator[tuple[Places, Places]]:
        """Two columns of instants, row group by row group, in microseconds; `NULL` where there is none."""
        for group in range(self.file.num_row_groups):
            with arrow_faults(self.path):
                table = self.file.read_row_group(group, columns=[one, other])
                yield micros(table.column(one)), micros(table.column(other))

    def read_integers(self, *names: str) -> Iterator[list[NDArray[Any]]]:
        """Columns of integers without nulls, row group by row group."""
        for group in range(self.file.num_row_groups):
            with arrow_faults(self.path):
                table = self.file.read_row_group(group, columns=list(names))
            found: list[NDArray[Any]] = []
            for name in names:
                column = table.column(name)
                if column.null_count or not arrow().types.is_integer(column.type):
                    raise LoadError(f"{self.path}: column '{name}' is null, or has type {column.type}.")
                found.append(column.to_numpy())
            yield found

    def is_null(self, name: str) -> bool:
        """Do the statistics say that the column is null throughout?"""
        return all(one is not None and one.null_count == count for one, count in self._statistics(name))

    def is_always(self, name: str, value: object) -> bool:
        """Do the statistics say that the column holds this value throughout?"""
        return all(
            one is not None and one.has_min_max and one.null_count == 0 and one.min == value and one.max == value
            for one, _ in self._statistics(name)
        )

    def _statistics(self, name: str) -> list[tuple[Any, int]]:
        metadata = self.file.metadata
        if not metadata.num_row_groups:
            return []
        group = metadata.row_group(0)
        place = next(i for i in range(metadata.num_columns) if group.column(i).path_in_schema == name)
        groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
        return [(group.column(place).statistics, group.num_rows) for group in groups]


# From slots.parquet


def read_slots(path: Path, schedules: Any, origin: int, appointments: Appointments, now_ms: int | None) -> SlotColumns:
    """The columns of `slots.parquet`; `schedules` are the ids in the order of their numbers.

    Without a time no hold has lapsed.
    """
    with ParquetColumns(path) as file:
        check_table(file.schema, SLOTS, path)
        status = None if file.is_always("status", "busy") else _codes(file.read("status"))
        is_free = None if status is None else _is_in(status, ("free",))
        number = _numbers(file, "schedule", schedules)
        keep = number >= 0
        if status is not None:
            keep &= ~_is_in(status, ("entered-in-error",))
        ids = until = None
        if len(appointments.held) or len(appointments.booked):
            ids = file.read("id").combine_chunks()
            if len(appointments.held):
                until = _until(ids, appointments)
                if now_ms is not None:
                    keep &= (until == NULL) | (until > now_ms)
        times = _Times(file, is_free, origin)
        unusable = times.unusable(file, number, keep, until)
        keep &= times.keep
        booked = _booked(ids, appointments, status) if ids is not None and len(appointments.booked) else None
        capacity = None if file.is_null("capacity") else _filled(file.read("capacity").combine_chunks(), 1)
        types = None if file.is_null("service_type") else _codes(file.read("service_type"))
        columns = _Raw(number, times.start, times.end, is_free, capacity, types, booked, until)
    return _sorted(columns, keep, len(schedules), origin, unusable)


class _Times:
    """Starts and ends in minutes since the origin, occupied time rounded outward and free time inward.

    `keep` leaves out what is empty; `odd` are the places of what is unreadable or reversed.
    """

    def __init__(self, file: ParquetColumns, is_free: Flags | None, origin: int) -> None:
        self.start, self.end = np.empty(file.rows, np.int32), np.empty(file.rows, np.int32)
        self.keep = np.ones(file.rows, np.bool_)
        self.odd: list[tuple[int, int, int]] = []
        at = 0
        for start, end in file.read_pairs("start", "end"):
            here = slice(at, at + len(start))
            at += len(start)
            self._round(start, end, None if is_free is None else is_free[here], here, origin)
        if at != file.rows:
            raise LoadError(f"{file.path} is damaged: {file.rows} rows are announced, {at} can be read.")

    def _round(self, start: Places, end: Places, is_free: Flags | None, here: slice, origin: int) -> None:
        low, high = start // _MINUTE_US, -(-end // _MINUTE_US)
        if is_free is not None and is_free.any():
            low = np.where(is_free, -(-start // _MINUTE_US), low)
            high = np.where(is_free, end // _MINUTE_US, high)
        self.start[here], self.end[here] = _near(low, origin), _near(high, origin)
        if not (start < end).all() or start.min() == NULL:
            odd = np.flatnonzero((start == NULL) | (end == NULL) | (start > end))
            self.odd += zip((odd + here.start).tolist(), start[odd].tolist(), end[odd].tolist())
            self.keep[here] = (start < end) & (start != NULL)
        if is_free is not None:
            self.keep[here] &= low < high

    def unusable(
        self, file: ParquetColumns, number: Minutes, keep: Flags, until: Places | None
    ) -> dict[int, list[UnusableSlot]]:
        """The odd Slots that count, by schedule."""
        odd = [one for one in self.odd if keep[one[0]]]
        if not odd:
            return {}
        ids = file.read("id").combine_chunks().take(arrow().array([place for place, _, _ in odd])).to_pylist()
        found: dict[int, list[UnusableSlot]] = {}
        for id, (place, *bounds) in zip(ids, odd):
            start_ms, end_ms = (None, None) if NULL in bounds else (bounds[0] // _US, bounds[1] // _US)
            until_ms = None if until is None or until[place] == NULL else int(until[place])
            found.setdefault(int(number[place]), []).append(UnusableSlot(id, start_ms, end_ms, until_ms))
        return found


class _Coded(NamedTuple):
    codes: Minutes
    texts: Sequence[str]


class _Raw(NamedTuple):
    number: Minutes
    start: Minutes
    end: Minutes
    is_free: Flags | None
    capacity: Minutes | None
    types: _Coded | None
    booked: _Coded | None
    until: Places | None = None


def _numbers(file: ParquetColumns, name: str, ids: Any) -> Minutes:
    """The numbers of the schedules in a column of their ids; -1 for others."""
    column = file.read(name)
    if not arrow().types.is_dictionary(column.type):
        column = column.dictionary_encode().unify_dictionaries()
    if not column.num_chunks:
        return np.empty(0, np.int32)
    known = compute().index_in(column.chunk(0).dictionary, value_set=ids)
    numbers = np.append(compute().fill_null(known, -1).to_numpy(), np.int32(-1)).astype(np.int32)
    return numbers[np.concatenate([_filled(chunk.indices, -1) for chunk in column.chunks])]


def _filled(array: Any, value: int) -> Any:
    return (array if not array.null_count else compute().fill_null(array, value)).to_numpy()


def _codes(column: Any) -> _Coded:
    if not arrow().types.is_dictionary(column.type):
        column = column.dictionary_encode().unify_dictionaries()
    if not column.num_chunks:
        return _Coded(np.empty(0, np.int32), ())
    codes = np.concatenate([_filled(chunk.indices, -1) for chunk in column.chunks])
    return _Coded(codes.astype(np.int32, copy=False), column.chunk(0).dictionary.to_pylist())


def _is_in(coded: _Coded, texts: Sequence[str]) -> Flags:
    return np.append(np.isin(coded.texts, texts) if len(coded.texts) else np.zeros(0, np.bool_), False)[coded.codes]


def micros(column: Any) -> Places:
    """Instants in microseconds, `NULL` where there is none."""
    us = arrow().timestamp("us", tz="UTC")
    column = column.combine_chunks()
    return _filled((column if column.type == us else column.cast(us, safe=False)).cast(arrow().int64()), NULL)


def _near(minutes: Places, origin: int) -> Minutes:
    """Minutes since the origin as int32; what is further away than `FAR` is there."""
    minutes = minutes - origin
    if len(minutes) and (minutes.min() < -FAR or minutes.max() > FAR):
        minutes = np.clip(minutes, -FAR, FAR)
    return minutes.astype(np.int32)


def _until(ids: Any, found: Appointments) -> Places:
    """When the first of the holds on each Slot ends."""
    at = compute().index_in(ids, value_set=found.held)
    return np.append(found.until.to_numpy(), NULL)[_filled(at, -1)]


def _booked(ids: Any, found: Appointments, status: _Coded | None) -> _Coded:
    """For each Slot the services it is booked for, as codes."""
    encoded = found.booked_for.dictionary_encode()
    at = compute().index_in(ids, value_set=found.booked)
    codes = np.append(encoded.indices.to_numpy(), np.int32(-1))[_filled(at, -1)]
    if status is not None:
        codes = np.where(_is_in(status, BOOKED), codes, np.int32(-1))
    return _Coded(codes.astype(np.int32), encoded.dictionary.to_pylist())


# From the compiled form


def read_compiled(path: Path, count: int, origin: int, now_ms: int) -> SlotColumns:
    """The columns of the compiled form of so many schedules."""
    with ParquetColumns(path) as file:
        _check_compiled(file, count)
        times = _Integers(file, count)
        is_free = None if file.is_always("kind", OCCUPYING) else file.read("kind").to_numpy() == FREE
        capacity = None if file.is_null("capacity") else _filled(file.read("capacity").combine_chunks(), 1)
        types = None if file.is_null("service_type") else _codes(file.read("service_type"))
        booked = None if file.is_null("booked_for") else _codes(file.read("booked_for"))
        keep = None
        if not file.is_null("hold_expires"):
            until = micros(file.read("hold_expires"))
            keep = ~((until != NULL) & (until <= now_ms * _US))
        start, end = _moved(times.start, origin), _moved(times.end, origin)
        raw = _Raw(times.number, start, end, is_free, capacity, types, booked)
        unusable = _unusable(file, now_ms)
    return _sorted(raw, keep, count, origin, unusable, is_sorted=times.are_sorted)


class _Integers:
    """Schedules, starts and ends of the compiled form, read and looked at row group by row group."""

    def __init__(self, file: ParquetColumns, count: int) -> None:
        self.number, self.start, self.end = (np.empty(file.rows, np.int32) for _ in range(3))
        self.are_sorted = True
        at = 0
        for number, start, length in file.read_integers("schedule", "start", "length"):
            here = slice(at, at + len(number))
            at += len(number)
            self.number[here], self.start[here] = number, start
            np.add(start, length, out=self.end[here])
            if len(number) and (number.min() < 0 or number.max() >= count):
                bounds = f"{number.min()} to {number.max()}"
                raise LoadError(f"{file.path}: column 'schedule' has numbers from {bounds}; expected 0 to {count - 1}.")
            # With the last row before these, if there is one.
            seen = slice(max(here.start - 1, 0), here.stop)
            self.are_sorted = self.are_sorted and _are_sorted(self.number[seen], self.start[seen])
        if at != file.rows:
            raise LoadError(f"{file.path} is damaged: {file.rows} rows are announced, {at} can be read.")


def _moved(minutes: Minutes, origin: int) -> Minutes:
    if origin == 0:
        return minutes
    if len(minutes) and (minutes.min() < origin - FAR or minutes.max() > origin + FAR):
        return _near(minutes.astype(np.int64), origin)
    return minutes - np.int32(origin)


def _check_compiled(file: ParquetColumns, count: int) -> None:
    version = file.metadata.get(COMPILED_KEY.encode(), b"").decode(errors="replace")
    if version != str(COMPILED_FORMAT):
        raise LoadError(
            f"{file.path} has {COMPILED_KEY} {version or 'missing'}; this slotwright reads {COMPILED_FORMAT}. "
            f"Compile the calendar anew with `slotwright compile`, or remove {COMPILED_FILE}."
        )
    for field in compiled_schema([], is_long=False):
        if field.name not in file.schema.names:
            raise LoadError(f"{file.path}: column '{field.name}' is missing; expected it with type {field.type}.")
    slots = file.path.parent / SLOTS.file
    made_of = file.metadata.get(SLOTS_KEY.encode())
    if slots.is_file() and made_of is not None and made_of.decode() != slots_mark(slots):
        raise LoadError(f"{file.path} was not made of the {SLOTS.file} beside it. Compile the calendar anew.")
    if not count and file.rows:
        raise LoadError(f"{file.path} has Slots, but there are no schedules beside it.")


def _unusable(file: ParquetColumns, now_ms: int) -> dict[int, list[UnusableSlot]]:
    found: dict[int, list[UnusableSlot]] = {}
    for number, *slot in orjson.loads(file.metadata.get(UNUSABLE_KEY.encode(), b"[]")):
        one = UnusableSlot(*slot)
        if one.until_ms is None or one.until_ms > now_ms:
            found.setdefault(number, []).append(one)
    return found


# Order


def _are_sorted(number: Minutes, start: Minutes) -> bool:
    """By schedule, and then by start?"""
    same = number[1:] == number[:-1]
    return not bool(((number[1:] < number[:-1]) | (same & (start[1:] < start[:-1]))).any())


def _sorted(
    raw: _Raw,
    keep: Flags | None,
    count: int,
    origin: int,
    unusable: Mapping[int, Sequence[UnusableSlot]],
    *,
    is_sorted: bool = False,
) -> SlotColumns:
    """The rows to keep, sorted by schedule and start; sorted already is the rule, and only looked at."""
    if keep is not None and not keep.all():
        raw = _taken(raw, np.flatnonzero(keep))
    number, start = raw.number, raw.start
    if not is_sorted and not _are_sorted(number, start):
        # One packed key sorts four times faster than two columns.
        key = (number.astype(np.int64) << 32) + (start.astype(np.int64) + FAR)
        raw = _taken(raw, np.argsort(key, kind="stable"))
        number = raw.number
    first = np.searchsorted(number, np.arange(count + 1, dtype=np.int32))
    free = raw.is_free if raw.is_free is not None and raw.is_free.any() else None
    tolerance = raw.capacity if raw.capacity is not None and (raw.capacity != 1).any() else None
    types, booked = (coded or _Coded(np.empty(0, np.int32), ()) for coded in (raw.types, raw.booked))
    return SlotColumns(
        origin,
        first,
        raw.start,
        raw.end,
        free,
        None if tolerance is None else tolerance.astype(np.int32),
        types.codes if raw.types is not None and (types.codes >= 0).any() else None,
        types.texts,
        booked.codes if raw.booked is not None and (booked.codes >= 0).any() else None,
        booked.texts,
        raw.until,
        unusable,
    )


def _taken(raw: _Raw, places: Places) -> _Raw:
    def of(column: Any) -> Any:
        if column is None:
            return None
        return column._replace(codes=column.codes[places]) if isinstance(column, _Coded) else column[places]

    return _Raw(*map(of, raw))
