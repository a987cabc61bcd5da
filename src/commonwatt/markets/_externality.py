"""What a member's trade costs or brings the others, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

from ..exchange import LEAST_KWH
from ._match import walk
from ._order import DOWN, UP, in_order

GRID = types.Array(types.float64, 2, "C", readonly=True)


@njit
def _efficient(price: Any, want: Any, have: Any, buyers: Any, sellers: Any, moved: Any) -> None:
    """Adds what the efficient match moves: got and given by member (2, N)."""
    most = buyers.size + sellers.size
    pairs = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most)
    rows, _, _ = walk(price, price, want, have, buyers, sellers, pairs)
    for r in range(rows):
        moved[0, pairs[0][r]] += pairs[2][r]
        moved[1, pairs[1][r]] += pairs[2][r]


@njit
def _paid(price: Any, member: Any, kwh: Any, short: Any, given: Any, buyers: Any, sellers: Any) -> Any:
    """What others lose by a buyer's `kwh`: the dearest supply in use stays idle, or serves who went short."""
    freed = _last(given, sellers, kwh)
    left = short.copy()
    left[member] = 0.0
    return (freed * price).sum() + _gain(price, left, freed, buyers, sellers)


@njit
def _earned(price: Any, member: Any, kwh: Any, spare: Any, got: Any, buyers: Any, sellers: Any) -> Any:
    """What others win by a seller's `kwh`: the lowest bids served would go without, or be served by who has left."""
    served = _last(got, buyers, kwh)
    left = spare.copy()
    left[member] = 0.0
    return (served * price).sum() - _gain(price, served, left, buyers, sellers)


@njit
def _last(moved: Any, order: Any, kwh: Any) -> Any:
    """The last `kwh` of what is moved, from the end of the order up. (N,)"""
    out = np.zeros(moved.size)
    for n in order[::-1]:
        out[n] = min(moved[n], kwh)
        kwh -= out[n]
    return out


@njit
def _gain(price: Any, want: Any, have: Any, buyers: Any, sellers: Any) -> Any:
    """What a best match of these gains. [money]"""
    moved = np.zeros((2, want.size))
    _efficient(price, want, have, buyers[want[buyers] > LEAST_KWH], sellers[have[sellers] > LEAST_KWH], moved)
    return ((moved[0] - moved[1]) * price).sum()


@njit([types.float64[:, :, ::1](GRID, GRID, GRID)], error_model="numpy", cache=True)
def pivotal(price: Any, want: Any, have: Any) -> Any:
    """What is got and given [kWh], paid and earned [money] where each is charged its effect on the others. (4, T, N)"""
    slots, members = want.shape
    out = np.zeros((4, slots, members))
    for t in range(slots):
        buyers, sellers = in_order(price[t], want[t], DOWN), in_order(price[t], have[t], UP)
        _efficient(price[t], want[t], have[t], buyers, sellers, out[:2, t])
        got, given = out[0, t], out[1, t]
        short, spare = want[t] - got, have[t] - given
        for n in buyers[got[buyers] > 0]:
            out[2, t, n] = _paid(price[t], n, got[n], short, given, buyers, sellers)
        for n in sellers[given[sellers] > 0]:
            out[3, t, n] = _earned(price[t], n, given[n], spare, got, buyers, sellers)
    return out
