"""Compiled costs of groups: what members would pay together behind one meter of their own.

A slot's net energy of every member is `net` (T, N); a group pays `up` per kWh it draws together and gets `down` per
kWh it gives. A group is a bit pattern, member 0 the lowest bit, or the first members of an order. Sums run slot by
slot, so that no bit depends on how time is cut.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

ROW = types.Array(types.float64, 1, "C", readonly=True)
GRID = types.Array(types.float64, 2, "C", readonly=True)
ORDERS = types.Array(types.int64, 2, "C", readonly=True)


@njit([types.float64[::1](ROW)], cache=True)
def sums_of_groups(values: Any) -> Any:
    """The sum of `values` over every group. (N,) -> (2^N,)"""
    out = np.zeros(1 << values.size)
    for n in range(values.size):
        for group in range(1 << n):
            out[(1 << n) + group] = out[group] + values[n]
    return out


@njit([types.float64[::1](ROW, GRID, ROW, ROW)], cache=True)
def costs_of_groups(before: Any, net: Any, up: Any, down: Any) -> Any:
    """`before` (2^N,) plus what every group pays in these slots. [money]"""
    slots, members = net.shape
    costs, together = before.copy(), np.zeros(before.size)
    for t in range(slots):
        for n in range(members):
            for group in range(1 << n):
                together[(1 << n) + group] = together[group] + net[t, n]
        rise, fall = up[t], down[t]
        for group in range(costs.size):
            kwh = together[group]
            costs[group] += kwh * (rise if kwh > 0.0 else fall)
    return costs


@njit([types.float64[:, ::1](GRID, GRID, ROW, ROW, ORDERS)], cache=True)
def costs_along_orders(before: Any, net: Any, up: Any, down: Any, orders: Any) -> Any:
    """`before` (K, N) plus what the first 1, 2, ... N members of every order pay in these slots. [money]"""
    slots, members = net.shape
    costs = before.copy()
    for t in range(slots):
        rise, fall = up[t], down[t]
        for k in range(orders.shape[0]):
            together = 0.0
            for j in range(members):
                together += net[t, orders[k, j]]
                costs[k, j] += together * (rise if together > 0.0 else fall)
    return costs
