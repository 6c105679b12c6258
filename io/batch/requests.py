"""Requests of a batch find: the declared columns, every format read into them, and rows as the operation takes them.

Whatever is wrong with a row is a fault of that row; whatever is wrong with a file or a column, of the file.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...solver.runs import Flags, Minutes, Places
from ..arrow import arrow, compute
from ..errors import InvalidRequest, LoadError
from ..instants import search_time_ms, utc_text_ms
from ..operations.find import RANGE_MOST_MS, FindRequest, read_request
from ..operations.request import QueryRequest

REQUIRED = ("service", "schedules", "start", "end")
OPTIONAL = ("request_id", "count", "combinations", "occurrences")
ROW, FAULT = "slotwright.row", "slotwright.fault"
"""Columns of partitions: the number of the request's row, and what is wrong with it already."""

UNREADABLE = np.iinfo(np.int64).min
ALL = 2**31 - 1
"""What `count` "all" stands for."""

_ABSENT = -1
_UNREADABLE = -2
_MINUTE_MS = 60_000


class Requests:
    """A table of requests, column by column.

    Raises LoadError if a column is missing or has a type that cannot hold what is meant.
    """

    def __init__(self, table: Any, name: str = "requests") -> None:
        for column in (*REQUIRED, *OPTIONAL, ROW, FAULT):
            if table.column_names.count(column) > 1:
                raise LoadError(f"{name}: column '{column}' stands there several times; expected once.")
        for column in REQUIRED:
            if column not in table.column_names:
                raise LoadError(f"{name}: column '{column}' is missing; expected {', '.join(REQUIRED)}.")
        self.table = table
        self.name = name
        self._size = len(table)
        self._columns: dict[str, Any] = {}
        self.request_id = self._plain_texts("request_id")
        self.faults = self._plain_texts(FAULT)
        self.service = _Coded(_texts(self._column("service"), "service", name))
        self.pools = Pools.of(self._column("schedules"), name)
        self.start_ms = self._instants("start")
        self.end_ms = self._instants("end")
        self.count = self._integers("count", all_as=ALL)
        self.combinations = self._integers("combinations")
        self.occurrences = self._integers("occurrences")

    def __len__(self) -> int:
        return self._size

    def _column(self, name: str) -> Any:
        if name not in self.table.column_names:
            return None
        if name not in self._columns:
            column = self.table.column(name)
            if arrow().types.is_dictionary(column.type):
                column = column.unify_dictionaries()
            self._columns[name] = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        return self._columns[name]

    def _plain_texts(self, name: str) -> Any:
        """Text that may be missing altogether."""
        column = self._column(name)
        if column is None:
            return arrow().nulls(self._size, arrow().string())
        return _texts(column, name, self.name).cast(arrow().string())

    def rows(self) -> Places:
        """The number of each request's row in what was read, from 1."""
        column = self._column(ROW)
        return np.arange(1, self._size + 1) if column is None else column.to_numpy().astype(np.int64)

    def _instants(self, name: str) -> Places:
        """Milliseconds; `UNREADABLE` where there is none."""
        column = self._column(name)
        types = arrow().types
        if types.is_timestamp(column.type):
            if column.type.tz is None:
                raise LoadError(
                    f"{self.name}: column '{name}' has type {column.type}, without a zone; expected "
                    "timestamp[us, tz=UTC], or FHIR dateTimes as text."
                )
            us = column.cast(arrow().timestamp("us", tz="UTC"), safe=False).cast(arrow().int64())
            # What is finer than a millisecond is cut off, as everywhere.
            found = compute().fill_null(us, 0).to_numpy() // 1000
            return np.where(compute().is_null(us).to_numpy(zero_copy_only=False), UNREADABLE, found)
        coded = _Coded(_texts(column, name, self.name))
        known = [search_time_ms(text.strip()) for text in coded.texts]
        return coded.spread(np.array([UNREADABLE if at is None else at for at in known], np.int64), UNREADABLE)

    def _integers(self, name: str, all_as: int | None = None) -> Minutes:
        """Whole numbers; `_ABSENT` for none, `_UNREADABLE` for what the row's own check has to judge."""
        column = self._column(name)
        if column is None or arrow().types.is_null(column.type):
            return np.full(self._size, _ABSENT, np.int32)
        if arrow().types.is_floating(column.type):
            column = self._columns[name] = self._whole(column, name)
        if arrow().types.is_integer(column.type):
            wide = column.cast(arrow().int64(), safe=False)
            found = compute().fill_null(wide, _ABSENT).to_numpy()
            is_null = compute().is_null(wide).to_numpy(zero_copy_only=False)
            odd = ~is_null & ((found < 0) | (found > 1_000_000))
            return np.where(odd, _UNREADABLE, found).astype(np.int32)
        coded = _Coded(_texts(column, name, self.name))
        return coded.spread(np.array([_integer(text, all_as) for text in coded.texts], np.int32), _ABSENT)

    def _whole(self, column: Any, name: str) -> Any:
        """Whole numbers that stand as floating-point ones, as where pandas marks missing values by NaN."""
        pa, pc = arrow(), compute()
        try:
            return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column).cast(pa.int64())
        except pa.ArrowInvalid as error:
            raise LoadError(f"{self.name}: column '{name}' has type {column.type}; expected whole numbers.") from error

    def plain(self) -> Flags:
        """Which rows ask for one schedule and nothing unusual, and stand up to the checks of the request alone."""
        readable = (self.start_ms != UNREADABLE) & (self.end_ms != UNREADABLE)
        with np.errstate(over="ignore"):
            length = self.end_ms - self.start_ms
            minutes = self.end_ms // _MINUTE_MS + -self.start_ms // _MINUTE_MS
        return (
            readable
            & (length > 0)
            & (length <= RANGE_MOST_MS)
            & (minutes > 0)
            & self.pools.is_single
            & ((self.count == _ABSENT) | (self.count == ALL) | ((self.count >= 1) & (self.count <= 1000)))
            & ((self.combinations == _ABSENT) | ((self.combinations >= 1) & (self.combinations <= 100)))
            & (self.occurrences == _ABSENT)
            & (self.service.codes >= 0)
            & compute().is_null(self.faults).to_numpy(zero_copy_only=False)
        )

    def most(self) -> Places:
        """How many offers each row wants at most."""
        return np.where(self.count == _ABSENT, 20, self.count).astype(np.int64)

    def read(self, place: int) -> FindRequest:
        """One row as the operation reads it (specification, find 2, rows 1 to 9). Raises InvalidRequest."""
        fault = self.faults[place].as_py()
        if fault is not None:
            raise InvalidRequest(fault)
        wants_all = self.count[place] == ALL
        query: dict[str, str | list[str]] = {
            "start": self._text("start", place),
            "end": self._text("end", place),
            "service-type-reference": reference("HealthcareService", self._text("service", place)),
            "schedule": [",".join(reference("Schedule", one) for one in pool) for pool in self.pools.of_row(place)],
            "_count": "" if wants_all else self._text("count", place),
            "combinations": self._text("combinations", place),
            "occurrence-count": self._text("occurrences", place),
        }
        found = read_request(QueryRequest(query))
        return replace(found, count=ALL) if wants_all else found

    def _text(self, name: str, place: int) -> str:
        column = self._column(name)
        value: Any = None if column is None else column[place]
        if column is None or not value.is_valid:
            return ""
        if arrow().types.is_timestamp(column.type):
            return utc_text_ms(value.cast(arrow().timestamp("us", tz="UTC"), safe=False).value // 1000)
        return str(value.as_py()).strip()


class _Coded:
    """A column of texts by their distinct values; the code of none is -1."""

    def __init__(self, column: Any) -> None:
        encoded = column.dictionary_encode() if not arrow().types.is_dictionary(column.type) else column
        self.texts: list[str] = encoded.dictionary.to_pylist()
        codes = encoded.indices.cast(arrow().int32())
        self.codes: Minutes = compute().fill_null(codes, -1).to_numpy().astype(np.int32)

    def spread(self, values: NDArray[Any], absent: int) -> NDArray[Any]:
        """The value of each row, from the values of the distinct texts."""
        return np.append(values, np.array([absent], values.dtype))[self.codes]


class Pools(NamedTuple):
    """The pools of every row: row i has pools rows[i] to rows[i + 1], pool j the members pools[j] to pools[j + 1]."""

    rows: Places
    pools: Places
    members: Any

    @classmethod
    def of(cls, column: Any, name: str) -> Pools:
        pa, types = arrow(), arrow().types
        given = column.type
        if types.is_dictionary(given):
            column = column.cast(given.value_type)
            given = column.type
        if types.is_null(given):
            column, given = column.cast(pa.string()), pa.string()
        if _is_text(given):
            column = compute().split_pattern(column.cast(pa.string()), ";")
            given = column.type
        if _is_list(given) and _is_text(given.value_type):
            # A pool for each text, which may name several members.
            values = compute().split_pattern(_texts(column.flatten(), "schedules", name), ",")
            return cls(_offsets(column), _offsets(values), compute().utf8_trim_whitespace(values.flatten()))
        if _is_list(given) and _is_list(given.value_type) and _is_text(given.value_type.value_type):
            pools = column.flatten()
            return cls(_offsets(column), _offsets(pools), _texts(pools.flatten(), "schedules", name))
        raise LoadError(
            f"{name}: column 'schedules' has type {given}; expected list<list<string>>, or text with the members of a "
            "pool separated by commas and pools by semicolons."
        )

    @property
    def is_single(self) -> Flags:
        """Which rows have one pool of one member."""
        size = len(self.pools) - 1
        single = np.diff(self.rows) == 1
        if not size:
            return single & False
        pool = np.minimum(self.rows[:-1], size - 1)
        return single & (np.diff(self.pools)[pool] == 1)

    def first_member(self, rows: Places) -> Any:
        """The first member of each of these rows, which have one."""
        return self.members.take(arrow().array(self.pools[self.rows[rows]]))

    def of_row(self, row: int) -> list[list[str]]:
        """The pools of a row; members that say nothing are left out."""
        found: list[list[str]] = []
        for pool in range(self.rows[row], self.rows[row + 1]):
            members = self.members.slice(self.pools[pool], self.pools[pool + 1] - self.pools[pool]).to_pylist()
            found.append([one.strip() for one in members if one and one.strip()])
        return found


def reference(kind: str, name: str) -> str:
    """`dr-novak` as `Schedule/dr-novak`; what has a slash or a query stays as it is."""
    return name if not name or "/" in name or "?" in name else f"{kind}/{name}"


def _integer(text: str, all_as: int | None) -> int:
    text = text.strip()
    if not text:
        return _ABSENT
    if all_as is not None and text.lower() == "all":
        return all_as
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else _UNREADABLE


def _is_text(given: Any) -> bool:
    types = arrow().types
    if types.is_dictionary(given):
        given = given.value_type
    return types.is_string(given) or types.is_large_string(given) or types.is_string_view(given)


def _is_list(given: Any) -> bool:
    return arrow().types.is_list(given) or arrow().types.is_large_list(given)


def _offsets(column: Any) -> Places:
    """Where the list of each row begins among the flattened values; rows without a list have an empty one."""
    lengths = compute().fill_null(compute().list_value_length(column), 0).to_numpy().astype(np.int64)
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def _texts(column: Any, name: str, file: str) -> Any:
    """A column as plain or dictionary-encoded text. Raises LoadError."""
    pa = arrow()
    if pa.types.is_null(column.type):
        return column.cast(pa.string())
    if pa.types.is_dictionary(column.type) and _is_text(column.type):
        return column
    if _is_text(column.type) or (name == "request_id" and pa.types.is_integer(column.type)):
        return column.cast(pa.string())
    raise LoadError(f"{file}: column '{name}' has type {column.type}; expected text.")
