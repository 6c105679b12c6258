"""The table as the stages use it: no segment is empty, and it can be cut down to what is still open.

A role that may be left out has one more entry, *absent*, which takes nothing; a request without roles has one role
that consists of it. So the least cost of every segment exists, and the pairs of one request have equally many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .problem import Placement
from .table import NEVER, Ints, Small, Table, pointers, ranges

Flags = NDArray[np.bool_]

ABSENT = -1
"""The choice of an entry that leaves its role out."""


class Option(NamedTuple):
    """One way to serve a row: a pair, one entry of each of its segments, and what it is worth."""

    pair: int
    entries: tuple[int, ...]
    value: int


@dataclass(frozen=True, slots=True, eq=False)
class Arena:
    """Rows are the requests that have pairs; K pairs, S segments, E entries as in the table, and N + 1 places.

    The last place is nowhere: absent entries are there.
    """

    table: Table
    row_request: Ints  # (rows,)
    row_roles: Ints  # (rows,)
    row_pairs: Ints  # (rows + 1,)
    pair_row: Small  # (K,)
    pair_tick: Small  # (K,)
    pair_value: Ints  # (K,)
    pair_segments: Ints  # (K + 1,)
    segment_entries: Ints  # (S + 1,)
    entry_choice: Small  # (E,)
    entry_cost: Ints  # (E,)
    entry_place: Small  # (E,)

    def placement(self, row: int, option: Option) -> Placement:
        """What the option means for the row's request."""
        roles = len(self.table.problem.requests[int(self.row_request[row])].roles)
        choices = (int(self.entry_choice[entry]) for entry in option.entries[:roles])
        return Placement(int(self.pair_tick[option.pair]), tuple(None if one == ABSENT else one for one in choices))


def whole(table: Table) -> Arena:
    """Everything that the table offers."""
    pairs = np.diff(table.request_pairs)
    request = np.flatnonzero(pairs)
    roles = np.diff(table.pair_segments)[table.request_pairs[:-1][request]]
    row_pairs = pointers(pairs[request])
    pair_row = np.repeat(np.arange(len(request), dtype=np.int32), pairs[request])
    columns = _with_absent(table)
    return Arena(
        table,
        request,
        np.maximum(roles, 1),
        row_pairs,
        pair_row,
        table.pair_tick,
        table.pair_value,
        *columns,
    )


def _with_absent(table: Table) -> tuple[Ints, Ints, Small, Ints, Small]:
    """The pointers and columns of entries with the absent ones."""
    empty = np.diff(table.pair_segments) == 0
    pair_segments = pointers(np.maximum(np.diff(table.pair_segments), 1))
    # A segment for each pair without roles, among the others.
    is_made = np.zeros(pair_segments[-1], np.bool_)
    is_made[pair_segments[:-1][empty]] = True
    counts = np.zeros(len(is_made), np.int64)
    absent = np.zeros(len(is_made), np.int64)
    counts[~is_made], absent[~is_made] = np.diff(table.segment_entries), table.segment_absent
    is_optional = absent < NEVER
    if not is_optional.any():
        columns = table.entry_choice, table.entry_cost, table.entry_place
        return pair_segments, table.segment_entries, *columns
    segment_entries = pointers(counts + is_optional)
    there = ranges(segment_entries[:-1], counts)
    last = segment_entries[1:][is_optional] - 1
    choice, place = (np.full(segment_entries[-1], number, np.int32) for number in (ABSENT, len(table.place_low)))
    cost = np.zeros(segment_entries[-1], np.int64)
    choice[there], cost[there], place[there] = table.entry_choice, table.entry_cost, table.entry_place
    cost[last] = absent[is_optional]
    return pair_segments, segment_entries, choice, cost, place


def restrict(arena: Arena, rows: Flags, places: Flags) -> Arena:
    """The arena of some rows with the entries at some places; `places` has a flag for each of N + 1 places.

    Rows without a pair left are not in it.
    """
    segments = np.diff(arena.segment_entries)
    wanted = rows[np.repeat(arena.pair_row, np.diff(arena.pair_segments))]
    kept = np.repeat(wanted, segments)
    kept &= places[arena.entry_place]
    counts = np.add.reduceat(kept, arena.segment_entries[:-1], dtype=np.int64) if len(segments) else segments
    roles = np.diff(arena.pair_segments)
    pair = np.minimum.reduceat(counts, arena.pair_segments[:-1]) > 0 if len(roles) else roles > 0
    by_segment = np.repeat(pair, roles)
    kept &= np.repeat(by_segment, segments)
    by_row = np.bincount(arena.pair_row[pair], minlength=len(arena.row_request))
    row = by_row > 0
    return Arena(
        arena.table,
        arena.row_request[row],
        arena.row_roles[row],
        pointers(by_row[row]),
        np.repeat(np.arange(int(row.sum()), dtype=np.int32), by_row[row]),
        arena.pair_tick[pair],
        arena.pair_value[pair],
        pointers(roles[pair]),
        pointers(counts[by_segment]),
        arena.entry_choice[kept],
        arena.entry_cost[kept],
        arena.entry_place[kept],
    )
