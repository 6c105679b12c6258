"""`rules.parquet` as the solver's rules: schedules with equal rules share one object."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...solver.availability import Closure, Footprint, Rules, Weekly
from ...solver.grid import Grid
from ...solver.limits import Limit
from ...solver.runs import Places
from ..arrow import arrow, compute
from ..columns import RULES
from ..errors import LoadError
from ..instants import ceil_minute, floor_minute
from ..mapping import PeriodMs
from ..table_reader import check_table
from ..zones import Zones
from .slots import ParquetColumns

_SCALARS = (
    "duration", "buffer_before", "buffer_after", "alignment_interval", "alignment_offset", "alignment_timezone",
    "timezone", "capacity", "horizon_start", "horizon_end",
)  # fmt: skip
_LISTS = ("hours", "closures", "booking_limits")


class ServiceRules(NamedTuple):
    """The rules of schedules for one service.

    `terms[n]` is the place of those of schedule n in `rules` and `horizons` (as stored, in milliseconds), -1 where the
    table does not say that a search may simply go ahead: then the resources must be asked.
    """

    terms: Places
    rules: list[Rules]
    horizons: list[PeriodMs]


class RuleTable:
    """The table, read once; the rules of a service are made when they are asked for."""

    def __init__(self, path: Path, schedules: Any, zones: Zones) -> None:
        self._path = path
        self._schedules = schedules
        self._zones = zones
        self._found: dict[str, ServiceRules] = {}
        with ParquetColumns(path) as file:
            check_table(file.schema, RULES, path)
            wanted = ("schedule", "service", "active", "fault", *_SCALARS, *_LISTS)
            self._table = arrow().table({name: file.read(name) for name in wanted})

    @property
    def have_limits(self) -> bool:
        """Does any schedule have a booking limit for any service?"""
        lengths = compute().list_value_length(self._table.column("booking_limits"))
        return bool(compute().any(compute().greater(lengths, 0)).as_py())

    def of(self, service_id: str) -> ServiceRules:
        if service_id not in self._found:
            self._found[service_id] = self._read(service_id)
        return self._found[service_id]

    def _read(self, service_id: str) -> ServiceRules:
        pc = compute()
        is_mine = pc.equal(self._table.column("service").cast(arrow().string()), service_id)
        sound = pc.and_(pc.is_null(self._table.column("fault")), self._table.column("active"))
        rows = self._table.filter(pc.fill_null(pc.and_(is_mine, sound), False)).combine_chunks()
        terms = np.full(len(self._schedules), -1, np.int64)
        if not len(rows):
            return ServiceRules(terms, [], [])
        codes = np.zeros(len(rows), np.int64)
        for name in (*_SCALARS, *_LISTS):
            of_column = _codes(_chunk(rows, name))
            if of_column is not None:
                codes = np.unique(codes * (int(of_column.max()) + 1) + of_column, return_inverse=True)[1]
        _, firsts, which = np.unique(codes, return_index=True, return_inverse=True)
        numbers = pc.index_in(_chunk(rows, "schedule").cast(arrow().string()), value_set=self._schedules)
        known = ~pc.is_null(numbers).to_numpy(zero_copy_only=False)
        terms[pc.fill_null(numbers, 0).to_numpy()[known]] = which[known]
        plain = [name for name in (*_SCALARS, *_LISTS) if name not in ("closures", "horizon_start", "horizon_end")]
        distinct = rows.take(arrow().array(firsts)).select(plain).to_pylist()
        rules: list[Rules] = []
        horizons: list[PeriodMs] = []
        for place, row in zip(firsts.tolist(), distinct):
            try:
                horizon = PeriodMs(*(_ms(rows.column(name)[place]) for name in ("horizon_start", "horizon_end")))
                closures = [
                    Closure(_floor(_ms(one["start"])), _ceil(_ms(one["end"])), "")
                    for one in _chunk(rows, "closures")[place].values
                ]
                rules.append(self._rules(row, horizon, closures))
                horizons.append(horizon)
            except (TypeError, ValueError, KeyError, AttributeError) as error:
                raise LoadError(
                    f"{self._path}: a row for {service_id} lacks a value; export the tables anew."
                ) from error
        return ServiceRules(terms, rules, horizons)

    def _rules(self, row: dict[str, Any], horizon: PeriodMs, closures: list[Closure]) -> Rules:
        zone, grid_zone = (self._zones.get(row[name]) for name in ("timezone", "alignment_timezone"))
        if zone is None or grid_zone is None:
            raise LoadError(f"{self._path}: {row['timezone']!r} or {row['alignment_timezone']!r} is no known zone.")
        hours = row["hours"]
        return Rules(
            zone=zone,
            grid=Grid(row["alignment_interval"], row["alignment_offset"], grid_zone),
            footprint=Footprint(row["duration"], row["buffer_before"], row["buffer_after"]),
            capacity=row["capacity"],
            weekly=None
            if hours is None
            else tuple(Weekly(one["days"], one["start_ms"], one["end_ms"], "") for one in hours),
            closures=tuple(closures),
            horizon_start=_ceil(horizon.start),
            horizon_end=_floor(horizon.end),
            limits=tuple(Limit(one["frequency"], one["period"], one["unit"]) for one in row["booking_limits"]),
        )


def _ms(instant: Any) -> int | None:
    """An Arrow instant in milliseconds."""
    if not instant.is_valid:
        return None
    us = arrow().timestamp("us", tz="UTC")
    return instant.cast(us).value // 1000


def _floor(at_ms: int | None) -> int | None:
    return None if at_ms is None else floor_minute(at_ms)


def _ceil(at_ms: int | None) -> int | None:
    return None if at_ms is None else ceil_minute(at_ms)


def _chunk(table: Any, name: str) -> Any:
    column = table.column(name)
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


# Distinct values


def _codes(column: Any) -> NDArray[np.int64] | None:
    """A number for each row, equal where the values are; None if they all are."""
    types = arrow().types
    if types.is_list(column.type) or types.is_large_list(column.type):
        return _codes_of_lists(column)
    if types.is_dictionary(column.type):
        column = column.indices
    if types.is_timestamp(column.type):
        column = column.cast(arrow().int64())
    if types.is_string(column.type) or types.is_large_string(column.type):
        column = column.dictionary_encode().indices
    values = compute().fill_null(column.cast(arrow().int64()), np.iinfo(np.int64).min).to_numpy()
    return None if (values == values[0]).all() else np.unique(values, return_inverse=True)[1]


def _codes_of_lists(column: Any) -> NDArray[np.int64] | None:
    """The same for lists of structs: rows of equal length are compared as rows of a matrix."""
    lengths = compute().fill_null(compute().list_value_length(column), -1).to_numpy()
    flat = column.flatten()
    fields = [_integers(part) for part in flat.flatten()]
    items = np.stack(fields, axis=1) if len(flat) else np.zeros((0, len(fields)), np.int64)
    ends = np.cumsum(np.maximum(lengths, 0))
    codes = np.zeros(len(lengths), np.int64)
    known = 0
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        if length > 0:
            places: Places = (ends[rows] - length)[:, np.newaxis] + np.arange(int(length), dtype=np.int64)
            matrix = items[places].reshape(len(rows), -1)
            if (matrix == matrix[0]).all():
                codes[rows] = known
            else:
                found = np.unique(matrix, axis=0, return_inverse=True)[1].reshape(-1)
                codes[rows] = known + found
                known += int(found.max())
        else:
            codes[rows] = known
        known += 1
    return None if known == 1 else codes


def _integers(part: Any) -> NDArray[np.int64]:
    types = arrow().types
    if types.is_timestamp(part.type):
        part = part.cast(arrow().int64())
    elif types.is_string(part.type) or types.is_large_string(part.type):
        part = part.dictionary_encode().indices
    return compute().fill_null(part.cast(arrow().int64()), np.iinfo(np.int64).min).to_numpy()
