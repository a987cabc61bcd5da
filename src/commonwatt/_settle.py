"""The compiled heart of settlement: money of every member and slot in one pass.

Energies are (T, N), prices (T or 1, N or 1) as `noun.once` gives them, shares (T,): the part of what is sent that is
paid for. Every kernel knows the two forms that occur: one price for all members of a slot, or one per member.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

ROW = types.Array(types.float64, 1, "C", readonly=True)
GRID = types.Array(types.float64, 2, "C", readonly=True)
OPEN = types.Array(types.boolean, 1, "C", readonly=True)
SUMS, SERIES = types.float64[::1], types.float64[:, ::1]


@njit
def _at(t: Any, grid: Any) -> Any:
    """The row of slot t; what never changes comes as one row."""
    return t if grid.shape[0] > 1 else 0


@njit([SERIES(GRID, GRID, GRID, GRID, ROW)], cache=True)
def valued(bought: Any, sold: Any, buy: Any, sell: Any, share: Any) -> Any:
    """What is bought less what is sold and paid for. (T, N) [money]"""
    slots, members = bought.shape
    out, common = np.empty((slots, members)), buy.shape[1] == 1 and sell.shape[1] == 1
    for t in range(slots):
        x, y, paid = _at(t, buy), _at(t, sell), share[t]
        if common:
            costs, pays = buy[x, 0], sell[y, 0]
            for n in range(members):
                out[t, n] = bought[t, n] * costs - sold[t, n] * paid * pays
        else:
            for n in range(members):
                out[t, n] = bought[t, n] * buy[x, n] - sold[t, n] * paid * sell[y, n]
    return out


@njit([SUMS(SUMS, GRID, GRID, GRID, GRID, ROW)], cache=True)
def add_valued(sums: Any, bought: Any, sold: Any, buy: Any, sell: Any, share: Any) -> Any:
    """`sums` (N,) plus what `valued` gives, slot by slot."""
    slots, members = bought.shape
    common = buy.shape[1] == 1 and sell.shape[1] == 1
    for t in range(slots):
        x, y, paid = _at(t, buy), _at(t, sell), share[t]
        if common:
            costs, pays = buy[x, 0], sell[y, 0]
            for n in range(members):
                sums[n] += bought[t, n] * costs - sold[t, n] * paid * pays
        else:
            for n in range(members):
                sums[n] += bought[t, n] * buy[x, n] - sold[t, n] * paid * sell[y, n]
    return sums


@njit([SUMS(SUMS, GRID, GRID, GRID, GRID, GRID, GRID, GRID, GRID, ROW)], cache=True)
def add_owed(  # noqa: PLR0913  (a compiled kernel takes arrays, not nouns)
    sums: Any, crossed_in: Any, crossed_out: Any, bought: Any, sold: Any,
    buy: Any, sell: Any, buy_price: Any, sell_price: Any, share: Any,
) -> Any:  # fmt: skip
    """`sums` (N,) plus energy and pool money, slot by slot; the tariff per slot or member, pool prices per slot."""
    slots, members = crossed_in.shape
    common = buy.shape[1] == 1 and sell.shape[1] == 1
    for t in range(slots):
        x, y, paid = _at(t, buy), _at(t, sell), share[t]
        inside, outside = buy_price[_at(t, buy_price), 0], sell_price[_at(t, sell_price), 0]
        if common:
            costs, pays = buy[x, 0], sell[y, 0]
            for n in range(members):
                b, s = bought[t, n], sold[t, n]
                energy = (crossed_in[t, n] - b) * costs - (crossed_out[t, n] - s) * pays
                sums[n] += energy + (b * inside - s * paid * outside)
        else:
            for n in range(members):
                b, s = bought[t, n], sold[t, n]
                energy = (crossed_in[t, n] - b) * buy[x, n] - (crossed_out[t, n] - s) * sell[y, n]
                sums[n] += energy + (b * inside - s * paid * outside)
    return sums


@njit([SERIES(GRID, GRID)], error_model="numpy", cache=True)
def slot_sums(draw: Any, make: Any) -> Any:
    """All that is drawn, made, wanted and spare at members' meters, slot by slot. (T, N), (T, N) -> (4, T)"""
    slots, members = draw.shape
    out = np.empty((4, slots))
    for t in range(slots):
        drawn, made, wanted = 0.0, 0.0, 0.0
        for n in range(members):
            drawn += draw[t, n]
            made += make[t, n]
            wanted += max(draw[t, n] - make[t, n], 0.0)
        out[0, t], out[1, t], out[2, t], out[3, t] = drawn, made, wanted, max(wanted - (drawn - made), 0.0)
    return out


@njit([SUMS(GRID, GRID, OPEN, GRID, GRID, GRID)], error_model="numpy", cache=True)
def rated(draw: Any, make: Any, is_open: Any, buy: Any, sell: Any, rates: Any) -> Any:
    """Bills (N,) at `rates` (4, T) in open slots, else at own prices; see `settlement.bills_at`."""
    slots, members = draw.shape
    sums, common = np.zeros(members), buy.shape[1] == 1 and sell.shape[1] == 1
    for t in range(slots):
        x, y = _at(t, buy), _at(t, sell)
        inside, outside, left_in, left_out = 0.0, 0.0, 1.0, 1.0
        if is_open[t]:
            inside, outside, left_in, left_out = rates[0, t], rates[1, t], rates[2, t], rates[3, t]
        if common:
            costs, pays = inside + left_in * buy[x, 0], outside + left_out * sell[y, 0]
            for n in range(members):
                net = draw[t, n] - make[t, n]
                sums[n] += max(net, 0.0) * costs - max(-net, 0.0) * pays
        else:
            for n in range(members):
                net = draw[t, n] - make[t, n]
                costs, pays = inside + left_in * buy[x, n], outside + left_out * sell[y, n]
                sums[n] += max(net, 0.0) * costs - max(-net, 0.0) * pays
    return sums
