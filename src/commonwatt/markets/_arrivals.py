"""Orders that come one after the other, compiled."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Any

import numpy as np
from numba import njit, types

from ..exchange import LEAST_KWH
from ._order import UP, in_order

GRID = types.Array(types.float64, 2, "C", readonly=True)
WHO, ROW = types.int64[::1], types.float64[::1]


@njit
def _one_by_one(price: Any, buys: Any, left: Any, comers: Any, pairs: Any) -> Any:
    """Each takes from the best orders that rest in the book, the older first at the same price, at their prices.

    As long as they suit; what is left of its own order then rests too. Gives how many rows of `pairs` are written.
    """
    buyer, seller, kwh, paid = pairs
    bids, asks, rows = [(0.0, 0, 0) for _ in range(0)], [(0.0, 0, 0) for _ in range(0)], 0
    for turn in range(comers.size):
        n = comers[turn]
        mine, theirs, sign = (bids, asks, 1.0) if buys[n] else (asks, bids, -1.0)
        while theirs and left[n] > LEAST_KWH and sign * price[n] >= theirs[0][0]:
            other = theirs[0][2]
            moved = min(left[n], left[other])
            buyer[rows], seller[rows] = (n, other) if buys[n] else (other, n)
            kwh[rows], paid[rows] = moved, price[other]
            left[n], left[other], rows = left[n] - moved, left[other] - moved, rows + 1
            if left[other] <= LEAST_KWH:
                heappop(theirs)
        if left[n] > LEAST_KWH:
            heappush(mine, (-sign * price[n], turn, n))
    return rows


@njit([types.Tuple((WHO, WHO, WHO, ROW, ROW))(GRID, GRID, GRID, GRID)], error_model="numpy", cache=True)
def met(price: Any, want: Any, have: Any, arrival: Any) -> Any:
    """Slot, buyer, seller, kWh and price of every trade (R,), in the order they come about. (T, N) each

    The earliest `arrival` comes first.
    """
    slots = want.shape[0]
    most = int((want > LEAST_KWH).sum() + (have > LEAST_KWH).sum())
    slot, buyer, seller = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    kwh, paid, at = np.empty(most), np.empty(most), 0
    for t in range(slots):
        left = np.where(np.isfinite(price[t]), np.maximum(want[t], have[t]), 0.0)
        comers = in_order(arrival[t], left, UP)
        pairs = buyer[at:], seller[at:], kwh[at:], paid[at:]
        rows = _one_by_one(price[t], want[t] > LEAST_KWH, left, comers, pairs)
        slot[at : at + rows] = t
        at += rows
    return slot[:at].copy(), buyer[:at].copy(), seller[:at].copy(), kwh[:at].copy(), paid[:at].copy()
