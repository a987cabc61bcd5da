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


@njit([types.float64[:, ::1](ROW, ROW, ROW, ROW, ROW)], error_model="numpy", cache=True)
def gross_mix(drawn: Any, made: Any, inner: Any, buy: Any, sell: Any) -> Any:
    """Prices to buy and to sell: the inner one for what load and PV share, the grid's for the rest. (2, T)"""
    out = np.empty((2, drawn.size))
    for t in range(drawn.size):
        shared = min(drawn[t], made[t])
        out[0, t] = (shared * inner[t] + (drawn[t] - shared) * buy[t]) / drawn[t] if drawn[t] > 0.0 else buy[t]
        out[1, t] = (shared * inner[t] + (made[t] - shared) * sell[t]) / made[t] if made[t] > 0.0 else sell[t]
    return out


@njit([types.float64[:, ::1](ROW, ROW, types.float64)], error_model="numpy", cache=True)
def served(demand: Any, supply: Any, efficiency: Any) -> Any:
    """Part of what is wanted that is delivered, and of what is spare that is sent. (2, T) [-]"""
    out = np.zeros((2, demand.size))
    for t in range(demand.size):
        delivered = min(demand[t], supply[t] * efficiency)
        if delivered > 0.0:
            out[0, t], out[1, t] = delivered / demand[t], delivered / efficiency / supply[t]
    return out
