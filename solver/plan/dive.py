"""The dive: serve the surest, price anew what is left, and so on. Early stages decide little, and so err little."""

from __future__ import annotations

import numpy as np

from .arena import restrict
from .greedy import greedy
from .offers import Offers, Reals
from .prices import Descent, Market, lower_prices
from .state import State
from .work import TRIAL, Work

_FIRST_STEP, _LAST_STEP = 0.01, 0.002


def dive(state: State, market: Market, prices: Reals, share: float, iterations: int, work: Work) -> None:
    """Serve, stage by stage, the `share` of all rows that keep most of their worth after paying.

    Each gets what is worth most to it after paying, as long as something is open. At the end whoever still fits is
    served, whatever the prices say.
    """
    arena = state.arena
    everywhere = np.arange(len(arena.table.place_low) + 1)
    size = max(1, round(share * len(arena.row_request)))
    rest = arena
    is_done = False
    while not is_done and not work.is_over():
        # Only less is open from stage to stage: what is left is cut down, not cut out anew.
        rows: list[int] = np.searchsorted(arena.row_request, rest.row_request).tolist()
        waiting = np.array([state.options[row] is None for row in rows], np.bool_)
        rest = restrict(rest, waiting, state.are_open(everywhere))
        offers = Offers(rest)
        taken = [place for option in state.options if option is not None for place in state.places(option)]
        supply = np.maximum(1 - market.taken(np.array(taken, np.int64)), 0)
        descent = Descent(iterations, _FIRST_STEP, _LAST_STEP)
        prices = lower_prices(market, offers, prices, descent, work, supply).prices
        place_price = market.place_prices(prices).astype(offers.dtype)
        most, _ = offers.best(offers.worths(place_price))
        order = np.argsort(-most, kind="stable")
        rows = np.searchsorted(arena.row_request, rest.row_request[order]).tolist()
        asked = served = 0
        for row in rows:
            asked += 1
            option = state.best(row, place_price)
            if option is not None:
                state.put(row, option)
                served += 1
                if served == size:
                    break
        work.add(TRIAL * asked)
        is_done = served == 0
    greedy(state)
