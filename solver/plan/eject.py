"""Ejection: serve somebody where others stand in the way, serve these elsewhere, and keep it if the plan gains by it.

What it costs the plan to clear a visit away is learned. The first guess is low, so that everything is tried; then it
moves, a little each time, to what was really lost. Only time that visits of capacity 1 take can be cleared.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arena import Option
from .offers import Reals
from .prices import typical
from .state import RUIN, State
from .table import Ints, ranges
from .work import TRIAL, Work

_FIRST_GUESS = 0.2
"""Of a visit's value."""

_LEARNING = 0.1
_HINT = 0.1
"""Of the price of a place, added to what it costs: of equals the one that fewer want."""

_CHAIN = 1
"""How often in a row those who were cleared away may clear others."""

_TEMPERATURE, _COOLING = 0.05, 0.97
"""Losses up to about this share of what a request is worth are kept at first, and less from round to round."""


class _Change(NamedTuple):
    row: int
    option: Option
    was_put: bool


class _Stretch(NamedTuple):
    """The cells of a row's entries laid end to end; where each entry's begin among them, and its first."""

    cells: Ints
    begin: Ints
    first: Ints


class Ejector:
    """Trials on a state; each is kept or taken back as a whole. Prices of places, if there are any, break ties."""

    def __init__(self, state: State, seed: int, place_price: Reals | None = None) -> None:
        self.state = state
        self._hint = None if place_price is None else _HINT * place_price
        self.tried = 0
        self.best: list[Option | None] = state.options.copy()
        """The best that was met at the end of a round, for whoever interrupts."""
        self._draw = np.random.default_rng(seed)
        arena = state.arena
        table = arena.table
        self._low = np.append(table.place_low, np.int32(0))
        self._high = np.append(table.place_high, np.int32(0))
        self._lows: list[int] = self._low.tolist()
        self._highs: list[int] = self._high.tolist()
        self._stretches: dict[int, _Stretch] = {}
        self._is_fixed = _not_clearable(state)
        self._temperature = _TEMPERATURE * typical(arena)
        first = arena.pair_value[arena.row_pairs[:-1]] if len(arena.row_request) else np.zeros(0)
        self._loss: list[float] = (_FIRST_GUESS * np.maximum(first, 0)).tolist()
        # The loss of whoever takes a cell, in the first of the cells taken and in the others.
        self._begun = np.zeros(len(table.cell_minute) + 1)
        self._carried = np.zeros(len(table.cell_minute) + 1)
        for row, option in enumerate(state.options):
            if option is not None:
                self._mark(option, self._loss[row])

    def run(self, rounds: int, work: Work, until: float) -> None:
        """Rounds over all who are not served; at the end the state is the best that was met."""
        state = self.state
        best = state.value
        for _ in range(rounds):
            before = state.value
            waiting = np.array([row for row, option in enumerate(state.options) if option is None], np.int64)
            for row in self._draw.permutation(waiting).tolist():
                if work.is_over(until):
                    break
                tried = self.tried
                if state.options[row] is None:
                    self.trial(row)
                work.add(TRIAL * (self.tried - tried))
            if state.value > best:
                best, self.best = state.value, state.options.copy()
            if work.is_over(until) or (state.value == before and self._temperature < 1):
                break
            self._temperature *= _COOLING
        if state.value < best:
            state.become(self.best)

    def trial(self, row: int) -> bool:
        """Try to serve the row at the cost of others. Is it kept?"""
        before = self.state.value
        log: list[_Change] = []
        if self._insert(row, _CHAIN, log):
            gain = self.state.value - before
            if gain > 0 or gain > -self._temperature * self._draw.exponential():
                return True
        self._undo(log, 0)
        return False

    def _insert(self, row: int, chain: int, log: list[_Change]) -> bool:
        """Serve the row where it seems to pay most, and those in the way elsewhere. Was it possible?"""
        self.tried += 1
        state = self.state
        option = state.cheapest(row, self._costs(row))
        if option is None:
            return False
        victims: set[int] = set()
        for place in state.places(option):
            victims |= state.sharing.owners(place)
        if not all(state.may_leave(victim, row) for victim in victims):
            return False
        values: dict[int, int] = {}
        for victim in sorted(victims):
            gone = self._remove(victim)
            log.append(_Change(victim, gone, False))
            values[victim] = gone.value
        log.append(_Change(row, option, True))
        self._put(row, option)
        for victim in sorted(victims, key=lambda one: (-values[one], one)):
            if state.options[victim] is None:
                lost = values[victim] - self._again(victim, chain, log)
                self._loss[victim] += _LEARNING * (max(lost, 0) - self._loss[victim])
        return True

    def _again(self, row: int, chain: int, log: list[_Change]) -> int:
        """Serve one who was cleared away; what the plan gains by it."""
        option = self.state.best(row, self._hint)
        if option is not None:
            log.append(_Change(row, option, True))
            self._put(row, option)
            return option.value
        before, mark = self.state.value, len(log)
        if chain and not (self._insert(row, chain - 1, log) and self.state.value > before):
            self._undo(log, mark)
        return self.state.value - before

    def _undo(self, log: list[_Change], mark: int) -> None:
        while len(log) > mark:
            row, option, was_put = log.pop()
            if was_put:
                self._remove(row)
            else:
                self._put(row, option)

    def _costs(self, row: int) -> Reals:
        """What the entries of the row cost, with what the plan is likely to lose by clearing their places."""
        one = self.state.row(row)
        found = self._stretches.get(row)
        if found is None:
            low = self._low[one.places].astype(np.int64)
            count = np.maximum(self._high[one.places] - low, 1)
            found = self._stretches[row] = _Stretch(ranges(low, count), np.cumsum(count) - count, low)
        costs = np.add.reduceat(self._begun[found.cells], found.begin)
        costs += self._carried[found.first]
        costs += one.costs
        if self._hint is not None:
            costs += self._hint[one.places]
        if self._is_fixed is not None:
            costs[self._is_fixed[one.places] & ~self.state.are_open(one.places)] = RUIN
        return costs

    def _put(self, row: int, option: Option) -> None:
        self.state.put(row, option)
        self._mark(option, self._loss[row])

    def _remove(self, row: int) -> Option:
        option = self.state.remove(row)
        self._mark(option, 0)
        return option

    def _mark(self, option: Option, loss: float) -> None:
        for place in self.state.places(option):
            low, high = self._lows[place], self._highs[place]
            if low < high and not (self._is_fixed is not None and self.state.sharing.shares(place)):
                self._begun[low] = loss
                self._carried[low + 1 : high] = loss


def _not_clearable(state: State) -> NDArray[np.bool_] | None:
    """(N + 1,) the places that must be open as they are: shared, or under a booking limit. None: there are none."""
    table = state.arena.table
    shared = state.sharing.shared_resources
    lanes = [bool(lane.quotas) or lane.resource in shared for lane in table.problem.lanes]
    is_fixed = np.append(np.array(lanes, np.bool_)[table.place_lane], False)
    return is_fixed if is_fixed.any() else None
