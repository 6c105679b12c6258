"""What prices say of a plan: which choices a good plan hardly has, and whose share of the gap is large.

With prices, the gap between the bound and a plan is the sum of what each request loses against the best that it could
have after paying, and of what is asked for time that nobody takes. So the losses say where there is something to gain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .part import Standing
from .problem import Prices
from .table import NEVER, Ints, Table

Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Guide:
    """Losses at given prices, all ≥ 0 but for rounding, in the unit of the objective."""

    table: Table
    loss: Reals
    """(E,) of taking the entry, with the best of the other roles, against the best that its request could have."""

    best: Reals
    """(Q,) what each request earns at its best after paying; 0 if nothing."""

    entry_pair: Ints  # (E,)

    def shares(self, found: Standing) -> Reals:
        """(Q,) what each request loses where it stands; all that it could have, where it is not served."""
        table = self.table
        shares = self.best.copy()
        shares[found.pair >= 0] = 0.0
        entries = found.entry[found.entry >= 0]
        # Every role's entry holds the loss of the start: of several the largest, which is less than their sum.
        np.maximum.at(shares, table.pair_request[self.entry_pair[entries]], self.loss[entries])
        return shares


def guide(table: Table, prices: Prices) -> Guide:
    """Read off what each entry loses at these prices."""
    cell_price = _cell_prices(table, prices)
    cost = table.entry_cost + _place_prices(table, cell_price)[table.entry_place]
    segments = len(table.segment_absent)
    entry_segment = np.repeat(np.arange(segments), np.diff(table.segment_entries))
    cheapest = np.where(table.segment_absent == NEVER, np.inf, table.segment_absent.astype(np.float64))
    np.minimum.at(cheapest, entry_segment, cost)
    segment_pair = np.repeat(np.arange(len(table.pair_request)), np.diff(table.pair_segments))
    worth = table.pair_value - np.bincount(segment_pair, cheapest, minlength=len(table.pair_request))
    best = np.zeros(len(table.problem.requests))
    np.maximum.at(best, table.pair_request, worth)
    pair_loss = best[table.pair_request] - worth
    entry_pair = segment_pair[entry_segment]
    return Guide(table, pair_loss[entry_pair] + cost - cheapest[entry_segment], best, entry_pair)


def _cell_prices(table: Table, prices: Prices) -> Reals:
    """The prices of the minutes of each cell, together."""
    found = np.zeros(len(table.cell_minute))
    if not prices:
        return found
    resource = np.array([point.resource for point in prices], np.int64)
    minute = np.array([point.minute for point in prices], np.int64)
    # Resources one after the other on one axis; a price before the first cell of its resource, or after the last, is
    # nobody's.
    low = int(min(table.cell_minute.min(initial=0), minute.min()))
    span = int(max(table.cell_minute.max(initial=0), minute.max())) - low + 1
    owner = np.repeat(np.arange(len(table.resource_cells) - 1), np.diff(table.resource_cells))
    cell = np.searchsorted(owner * span + table.cell_minute - low, resource * span + minute - low, "right") - 1
    if not len(owner):
        return found
    is_there = (cell >= 0) & (owner[np.maximum(cell, 0)] == resource) & (minute < _ends(table)[owner[cell]])
    np.add.at(found, cell[is_there], np.array([point.price for point in prices])[is_there])
    return found


def _ends(table: Table) -> Ints:
    """(R,) the minute at which the last cell of each resource ends."""
    problem = table.problem
    resource = np.array([lane.resource for lane in problem.lanes], np.int64)
    reach = np.array([lane.footprint.reach for lane in problem.lanes], np.int64)
    ends = np.full(len(table.resource_cells) - 1, np.iinfo(np.int64).min)
    minutes = np.array(problem.ticks, np.int64)[table.place_tick] + reach[table.place_lane]
    np.maximum.at(ends, resource[table.place_lane], minutes)
    return ends


def _place_prices(table: Table, cell_price: Reals) -> Reals:
    """(N,) what each place pays: a visit at capacity c 1/c of the price, buffers all."""
    running = np.concatenate(([0.0], np.cumsum(cell_price)))
    capacity = np.array([lane.capacity for lane in table.problem.lanes], np.int64)[table.place_lane]
    visit = running[table.place_visit_high] - running[table.place_visit_low]
    return running[table.place_high] - running[table.place_low] - visit * (1 - 1 / capacity)
