"""Prices of time: what too many want at once gets dearer until demand fits, and a bound follows from any prices."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .arena import Arena
from .offers import Offers, Reals
from .problem import Point, Prices
from .table import Ints, Small, Table
from .work import Work, pricing

FIRST_STEP, LAST_STEP = 0.03, 0.0005
"""Of a descent from nothing: steps of prices, as shares of what a request is worth."""

_MOMENTUM = 0.8
"""How much of the direction of a step is that of the step before."""


class Market:
    """Cells and places of a table: what places cost at given prices, and how much of each cell visits take."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.cells = len(table.cell_minute)
        self._low, self._high = _nowhere_too(table.place_low), _nowhere_too(table.place_high)
        lanes = table.problem.lanes
        capacity = np.array([lane.capacity for lane in lanes], np.int64)[table.place_lane]
        self._relief: Reals | None = None
        if (capacity > 1).any():
            self._visit_low = _nowhere_too(table.place_visit_low)
            self._visit_high = _nowhere_too(table.place_visit_high)
            self._relief = 1 - 1 / np.append(capacity, 1)

    def place_prices(self, prices: Reals) -> Reals:
        """(N + 1,) what each place costs; a visit at capacity c pays 1/c of the price, buffers all."""
        running = np.zeros(self.cells + 1)
        np.cumsum(prices, out=running[1:])
        found = running[self._high]
        found -= running[self._low]
        if self._relief is not None:
            found -= self._relief * (running[self._visit_high] - running[self._visit_low])
        return found

    def taken(self, places: Ints | Small) -> Reals:
        """(C,) how much of each cell visits at these places take together; 1 is all of it."""
        size = self.cells + 1
        change = np.bincount(self._low[places], minlength=size).astype(np.float64)
        change -= np.bincount(self._high[places], minlength=size)
        if self._relief is not None:
            relief = self._relief[places]
            change -= np.bincount(self._visit_low[places], relief, minlength=size)
            change += np.bincount(self._visit_high[places], relief, minlength=size)
        return np.cumsum(change)[: self.cells]

    def points(self, prices: Reals) -> Prices:
        """The prices as a certificate."""
        table = self.table
        cells = np.flatnonzero(prices > 0)
        resources = np.searchsorted(table.resource_cells, cells, "right") - 1
        columns = resources.tolist(), table.cell_minute[cells].tolist(), prices[cells].tolist()
        return tuple(Point(*one) for one in zip(*columns, strict=True))

    def nothing(self) -> Reals:
        """No prices: where a descent begins."""
        return np.zeros(self.cells)


def _nowhere_too(column: Small) -> Small:
    return np.append(column, np.int32(0))


class Priced(NamedTuple):
    """Prices, and the bound that they prove for what an arena offers."""

    prices: Reals
    bound: float


class Descent(NamedTuple):
    """How often to step, and the first and the last step; between them steps shrink geometrically."""

    iterations: int
    first_step: float = FIRST_STEP
    last_step: float = LAST_STEP


def lower_prices(
    market: Market, offers: Offers, prices: Reals, descent: Descent, work: Work, supply: Reals | None = None
) -> Priced:
    """Follow the subgradient of the bound, averaged over steps: the best prices that were met on the way.

    `supply` (C,) is what is left of each cell; all, if it is not given. The bound counts rows that the arena has.
    """
    scale = typical(offers.arena)
    step = descent.first_step * scale
    shrink = (descent.last_step / descent.first_step) ** (1 / max(1, descent.iterations - 1))
    left = np.ones(market.cells) if supply is None else supply
    direction = np.zeros(market.cells)
    best = Priced(prices, demand(market, offers, prices, left)[0])
    for _ in range(descent.iterations):
        if work.is_over():
            break
        work.add(pricing(len(offers.arena.entry_place)))
        bound, places = demand(market, offers, prices, left)
        if bound < best.bound:
            best = Priced(prices, bound)
        direction = _MOMENTUM * direction + (1 - _MOMENTUM) * (market.taken(places) - left)
        prices = np.maximum(prices + step * direction, 0)
        step *= shrink
    return best


def demand(market: Market, offers: Offers, prices: Reals, supply: Reals) -> tuple[float, Small]:
    """The bound that these prices prove, and where everybody would take time at them."""
    place_price = market.place_prices(prices).astype(offers.dtype)
    most, pairs = offers.best(offers.worths(place_price))
    wanted = most > 0
    entries = offers.cheapest(pairs[wanted], place_price)
    bound = float(prices @ supply) + float(most[wanted].sum(dtype=np.float64))
    return bound, offers.arena.entry_place[entries]


def typical(arena: Arena) -> float:
    """What a request is worth: the median of the best values of rows, without those that are worth nothing anywhere."""
    if not len(arena.row_request):
        return 0.0
    best = np.maximum.reduceat(arena.pair_value, arena.row_pairs[:-1])
    return float(np.median(best[best > 0])) if (best > 0).any() else 0.0
