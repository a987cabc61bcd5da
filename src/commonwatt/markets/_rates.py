"""Compiled price rules, slot by slot."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

ROW = types.Array(types.float64, 1, "C", readonly=True)
PRICE = types.float64[::1](ROW, ROW, ROW, ROW)


@njit([PRICE], error_model="numpy", cache=True)
def slid(drawn: Any, made: Any, buy: Any, sell: Any) -> Any:
    """From the selling price (all is made) to the buying price (all is drawn). (T,) [money/kWh]"""
    price = np.empty(drawn.size)
    for t in range(drawn.size):
        total, span = drawn[t] + made[t], buy[t] - sell[t]
        tilt = (drawn[t] - made[t]) / total if total > 1e-9 else 0.0
        price[t] = sell[t] + 0.5 * span + 0.5 * span * tilt
    return price


@njit([PRICE], error_model="numpy", cache=True)
def mean_price(inner: Any, inside: Any, outer: Any, outside: Any) -> Any:
    """The mean of two prices by energy; the outer one where there is none. (T,) [money/kWh]"""
    price = np.empty(inner.size)
    for t in range(inner.size):
        total = inside[t] + outside[t]
        price[t] = (inside[t] * inner[t] + outside[t] * outer[t]) / total if total > 0.0 else outer[t]
    return price
