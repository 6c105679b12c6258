"""The first plan: whoever is worth most for the time taken comes first, and gets the best that is open."""

from __future__ import annotations

import numpy as np

from .arena import Arena
from .offers import Reals
from .state import State, in_order
from .table import Ints


def greedy(state: State, place_price: Reals | None = None) -> None:
    """Serve those that are not served yet, one after the other; none is moved.

    With prices everybody takes what is worth most after paying, and the order is that of what remains of it.
    """
    for row in in_order(state.arena, by_density(state.arena).tolist()):
        if state.options[row] is None:
            option = state.best(row, place_price)
            if option is not None:
                state.put(row, option)


def by_density(arena: Arena) -> Ints:
    """The rows in falling order of their best value for each minute of the resources they take on average."""
    if not len(arena.row_request):
        return np.zeros(0, np.int64)
    lanes = arena.table.problem.lanes
    foot = np.array([lane.footprint.before + lane.footprint.reach for lane in lanes], np.int64)
    minutes = np.append(foot[arena.table.place_lane], 0)[arena.entry_place]
    means = np.add.reduceat(minutes, arena.segment_entries[:-1]) / np.diff(arena.segment_entries)
    first = arena.row_pairs[:-1]
    segments = arena.pair_segments
    rows = np.add.reduceat(means, segments[first]) / (segments[arena.row_pairs[1:]] - segments[first])
    most = np.maximum.reduceat(arena.pair_value, first)
    return np.argsort(-most / (arena.row_roles * rows + 1), kind="stable")
