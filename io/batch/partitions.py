"""Requests parted so that no two parts share a schedule, and their answers put together again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ...solver.runs import Places
from ..arrow import arrow, compute, parquet
from .answers import BATCH_ROWS, encoded_schema, schema
from .requests import Pools, Requests
from .slots import arrow_faults


def split(requests: Requests, count: int) -> list[Places]:
    """The rows of at most `count` parts of about equal size, in order of first mention.

    Requests that share a schedule, directly or through others, stand in one part.
    """
    labels = _labels(requests.pools)
    _, first, which, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(first, kind="stable")
    # Where the middle of a group falls decides its part.
    middles = 2 * np.cumsum(sizes[order]) - sizes[order]
    part_of = np.empty(len(order), np.int64)
    part_of[order] = middles * count // max(2 * len(labels), 1)
    parts = part_of[which]
    return [np.flatnonzero(parts == part) for part in np.unique(parts)]


def _labels(pools: Pools) -> Places:
    """A number for each row, equal where rows share schedules; rows without any share one."""
    names = compute().utf8_trim_whitespace(compute().fill_null(pools.members.cast(arrow().string()), ""))
    is_long = compute().starts_with(names, "Schedule/")
    names = compute().if_else(is_long, compute().utf8_slice_codeunits(names, len("Schedule/")), names)
    codes = names.dictionary_encode().indices.to_numpy().astype(np.int64)
    begins, ends = pools.pools[pools.rows[:-1]], pools.pools[pools.rows[1:]]
    size = int(codes.max()) + 1 if len(codes) else 0
    parent = list(range(size))

    def root(code: int) -> int:
        while parent[code] != code:
            parent[code] = code = parent[parent[code]]
        return code

    for begin, end in zip(begins[ends - begins > 1].tolist(), ends[ends - begins > 1].tolist()):
        mine = {root(code) for code in codes[begin:end].tolist()}
        least = min(mine)
        for one in mine:
            parent[one] = least
    roots = np.array([root(code) for code in range(size)], np.int64) if _is_joined(parent) else np.arange(size)
    roots = np.append(roots, size)
    return roots[np.append(codes, size)[np.where(ends > begins, begins, len(codes))]]


def _is_joined(parent: Sequence[int]) -> bool:
    return any(code != above for code, above in enumerate(parent))


def merged(paths: Sequence[Path]) -> Iterator[Any]:
    """The answers of all parts as tables, in the order of the requests."""
    ranges = [_range(path) for path in paths]
    inside = sorted((one, path) for one, path in zip(ranges, paths) if one is not None)
    if all(before[0][1] < after[0][0] for before, after in pairwise(inside)):
        for _, path in inside:
            yield from _groups(path)
        return
    with arrow_faults(paths[0].parent):
        everything = arrow().concat_tables(
            [parquet().read_table(path, read_dictionary=["request_id", "status", "reason"]) for path in paths]
        )
    order = np.argsort(everything.column("row").to_numpy(), kind="stable")
    for begin in range(0, len(order), BATCH_ROWS):
        yield everything.take(arrow().array(order[begin : begin + BATCH_ROWS])).cast(schema())


def _range(path: Path) -> tuple[int, int] | None:
    """The least and the greatest row that a file answers."""
    with arrow_faults(path):
        metadata = parquet().read_metadata(path)
    place = schema().get_field_index("row")
    groups = [metadata.row_group(number).column(place).statistics for number in range(metadata.num_row_groups)]
    return (min(one.min for one in groups), max(one.max for one in groups)) if groups else None


def _groups(path: Path) -> Iterator[Any]:
    with arrow_faults(path), parquet().ParquetFile(path, page_checksum_verification=True) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number).cast(schema())


def encoded(table: Any) -> Any:
    """A table of answers with its repeated texts encoded."""
    pa, types = arrow(), encoded_schema()
    columns: list[Any] = []
    for field, column in zip(types, table.columns):
        one = column.combine_chunks()
        if pa.types.is_dictionary(field.type):
            one = one.dictionary_encode()
        elif pa.types.is_list(field.type):
            lengths = compute().list_value_length(one).to_numpy()
            offsets = np.append(0, np.cumsum(lengths)).astype(np.int32)
            one = pa.ListArray.from_arrays(pa.array(offsets), one.flatten().dictionary_encode())
        columns.append(one)
    return pa.Table.from_arrays(columns, schema=types)
