"""The compiled turn of storage that stands by: who could deliver most offers first, until what is short is met."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

from ..exchange import DIGITS, LEAST_KWH
from ._order import DOWN, in_order

GRID = types.Array(types.float64, 2, "C", readonly=True)
ROW = types.Array(types.float64, 1, "C", readonly=True)
UNIT = 10.0**DIGITS


@njit([types.float64[:, ::1](GRID, ROW, types.float64, types.float64)], error_model="numpy", cache=True)
def offers_in_turn(standby: Any, short: Any, share: Any, most: Any) -> Any:
    """Offers (T, N) of what stands by (T, N) against what is short (T,); at most a share of it, and `most`. [kWh]"""
    slots, members = standby.shape
    offers = np.zeros((slots, members))
    for t in range(slots):
        left = short[t]
        if left <= LEAST_KWH:
            continue
        for n in in_order(np.rint(standby[t] * UNIT), standby[t], DOWN):
            offer = min(share * standby[t, n], most, left)
            if offer <= LEAST_KWH:
                break
            offers[t, n] = offer
            left -= offer
    return offers
