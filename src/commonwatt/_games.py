"""Compiled costs and gains of groups: behind one meter of their own, or trading among themselves on own meters.

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
GROUPS = types.Array(types.boolean, 2, "C", readonly=True)


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


@njit
def _gain(bid: Any, ask: Any, left: Any, buyers: Any, sellers: Any) -> Any:
    """What the best match gains of `left` (2, N): energy wanted, energy offered; it is used up. [money]"""
    gain, i, j = 0.0, 0, 0
    while i < buyers.size and j < sellers.size and bid[buyers[i]] > ask[sellers[j]]:
        buyer, seller = buyers[i], sellers[j]
        moved = min(left[0, buyer], left[1, seller])
        gain += moved * (bid[buyer] - ask[seller])
        left[0, buyer] -= moved
        left[1, seller] -= moved
        i += left[0, buyer] <= 0.0
        j += left[1, seller] <= 0.0
    return gain


@njit([types.float64[::1](ROW, GRID, GRID, GRID, GRID, GROUPS)], cache=True)
def gains_of_groups(before: Any, bid: Any, ask: Any, want: Any, have: Any, groups: Any) -> Any:
    """`before` (G,) plus the most that each group gains by trading within itself in these slots. [money]

    What a delivered kWh is worth to buyers and costs sellers, what they want and have as delivered: (T, N) each;
    `groups` (G, N) says who is in.
    """
    slots, members = want.shape
    gains, left = before.copy(), np.empty((2, members))
    for t in range(slots):
        buyers, sellers = np.argsort(-bid[t], kind="mergesort"), np.argsort(ask[t], kind="mergesort")
        for g in range(groups.shape[0]):
            for n in range(members):
                left[0, n] = want[t, n] if groups[g, n] else 0.0
                left[1, n] = have[t, n] if groups[g, n] else 0.0
            gains[g] += _gain(bid[t], ask[t], left, buyers, sellers)
    return gains
