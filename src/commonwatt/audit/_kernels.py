"""Compiled screens: how large residuals get over a whole record, found in one pass, without keeping any.

Every row of a record goes through all checks while it is in the processor's cache. Loops write one array each, so that
they run several members at a time. What is not finite is noted apart (x - x is then not 0): a maximum overlooks it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

ROW = types.Array(types.float64, 1, "C", readonly=True)
GRID = types.Array(types.float64, 2, "C", readonly=True)
OWNER = types.Array(types.int64, 1, "C", readonly=True)
WORST = types.float64[::1]


@njit
def _note(residual: Any, worst: Any, odd: Any) -> None:
    """Raises `worst` to the size of a row's residuals; `odd` turns NaN where one is not finite. (N,) each"""
    for n in range(residual.size):
        size = abs(residual[n])
        worst[n] = size if size > worst[n] else worst[n]
    for n in range(residual.size):
        odd[n] += residual[n] - residual[n]


@njit
def _over(worst: Any, odd: Any) -> Any:
    """The largest of each row of `worst` (C, N), infinite where something was not finite. (C,)"""
    out = np.zeros(worst.shape[0])
    for c in range(worst.shape[0]):
        for n in range(worst.shape[1]):
            out[c] = max(out[c], worst[c, n])
            if odd[c, n] != 0.0:
                out[c] = np.inf
    return out


@njit
def _row(grid: Any, t: Any, row: Any) -> None:
    """Slot t of prices (T or 1, N or 1), member by member. (N,)"""
    at = t if grid.shape[0] > 1 else 0
    if grid.shape[1] == 1:
        row[:] = grid[at, 0]
    else:
        for n in range(row.size):
            row[n] = grid[at, n]


@njit
def _sum(values: Any) -> Any:
    """A sum in four strands, for speed."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    whole = values.size - values.size % 4
    for n in range(0, whole, 4):
        a += values[n]
        b += values[n + 1]
        c += values[n + 2]
        d += values[n + 3]
    for n in range(whole, values.size):
        a += values[n]
    return (a + b) + (c + d)


@njit
def _store(t: Any, charge: Any, discharge: Any, owner: Any, stored: Any) -> None:
    """What the devices of each member take in slot t, net. (N,)"""
    stored[:] = 0.0
    for k in range(owner.size):
        stored[owner[k]] += charge[t, k] - discharge[t, k]


@njit
def _flaws(t: Any, imported: Any, exported: Any, bought: Any, sold: Any, flaw: Any) -> None:
    """0 for each member whose flows of slot t are finite, else NaN. (N,)"""
    for n in range(flaw.size):
        flaw[n] = (imported[t, n] - imported[t, n]) + (exported[t, n] - exported[t, n])
    for n in range(flaw.size):
        flaw[n] += (bought[t, n] - bought[t, n]) + (sold[t, n] - sold[t, n])


@njit([WORST(GRID, GRID, GRID, GRID, GRID, GRID, GRID, GRID, OWNER, types.float64)], cache=True)
def flows(  # noqa: PLR0913  (a compiled kernel takes arrays, not nouns)
    load: Any, pv: Any, imported: Any, exported: Any, bought: Any, sold: Any,
    charge: Any, discharge: Any, owner: Any, hours: Any,
) -> Any:  # fmt: skip
    """E1, E4 and what T2 says of quantities: members' energy. load, pv in kW, the rest in kWh."""
    slots, members = imported.shape
    worst, odd, r = np.zeros((3, members)), np.zeros((3, members)), np.empty(members)
    stored, flaw = np.zeros(members), np.empty(members)
    for t in range(slots):
        _store(t, charge, discharge, owner, stored)
        for n in range(members):
            r[n] = (load[t, n] - pv[t, n]) * hours + exported[t, n] - imported[t, n] + stored[n]
        _note(r, worst[0], odd[0])
        _flaws(t, imported, exported, bought, sold, flaw)
        for n in range(members):
            r[n] = max(min(imported[t, n], exported[t, n]), -imported[t, n], -exported[t, n]) + flaw[n]
        for n in range(members):
            r[n] = max(r[n], -bought[t, n], -sold[t, n]) + flaw[n]
        _note(r, worst[1], odd[1])
        for n in range(members):
            r[n] = max(bought[t, n] - imported[t, n], sold[t, n] - exported[t, n], 0.0) + flaw[n]
        _note(r, worst[2], odd[2])
    return _over(worst, odd)


@njit([WORST(GRID, GRID, GRID, GRID, GRID, GRID, GRID, GRID, GRID, GRID, ROW)], cache=True)
def amounts(  # noqa: PLR0913  (a compiled kernel takes arrays, not nouns)
    imported: Any, exported: Any, bought: Any, sold: Any, buy: Any, sell: Any,
    buy_price: Any, sell_price: Any, energy: Any, pool: Any, share: Any,
) -> Any:  # fmt: skip
    """M0: every item is its quantity times its price. `share` (T,): what of the sold is paid for."""
    slots, members = imported.shape
    worst, odd, r = np.zeros((1, members)), np.zeros((1, members)), np.empty(members)
    costs, pays = np.empty(members), np.empty(members)
    for t in range(slots):
        _row(buy, t, costs)
        _row(sell, t, pays)
        for n in range(members):
            r[n] = (imported[t, n] - bought[t, n]) * costs[n] - (exported[t, n] - sold[t, n]) * pays[n]
        for n in range(members):
            r[n] -= energy[t, n]
        _note(r, worst[0], odd[0])
        _row(buy_price, t, costs)
        _row(sell_price, t, pays)
        paid = share[t]
        for n in range(members):
            r[n] = bought[t, n] * costs[n] - sold[t, n] * paid * pays[n] - pool[t, n]
        _note(r, worst[0], odd[0])
    return _over(worst, odd)


@njit([WORST(ROW, GRID, GRID, GRID)], cache=True)
def wallets(before: Any, wallet: Any, energy: Any, pool: Any) -> Any:
    """M4 for members: a wallet moves by what is owed, slot by slot."""
    slots, members = wallet.shape
    worst, odd, r = np.zeros((1, members)), np.zeros((1, members)), np.empty(members)
    for t in range(slots):
        if t:
            for n in range(members):
                r[n] = wallet[t, n] - wallet[t - 1, n] + (energy[t, n] + pool[t, n])
        else:
            for n in range(members):
                r[n] = wallet[0, n] - before[n] + (energy[0, n] + pool[0, n])
        _note(r, worst[0], odd[0])
    return _over(worst, odd)


@njit([WORST(GRID, GRID, GRID, GRID, GRID, ROW)], cache=True)
def above_alone(pool: Any, bought: Any, sold: Any, buy: Any, sell: Any, share: Any) -> Any:
    """R1: by how much the pool costs more than a meter of one's own at these prices."""
    slots, members = pool.shape
    worst, odd, r = np.zeros((1, members)), np.zeros((1, members)), np.empty(members)
    costs, pays = np.empty(members), np.empty(members)
    for t in range(slots):
        _row(buy, t, costs)
        _row(sell, t, pays)
        paid = share[t]
        for n in range(members):
            r[n] = pool[t, n] - (bought[t, n] * costs[n] - sold[t, n] * paid * pays[n])
        for n in range(members):
            r[n] = max(r[n], 0.0) + (r[n] - r[n])
        _note(r, worst[0], odd[0])
    return _over(worst, odd)


@njit([types.float64[:, ::1](GRID, GRID, GRID, GRID, GRID, GRID, GRID, GRID)], cache=True)
def due(
    imported: Any, exported: Any, bought: Any, sold: Any, buy: Any, sell: Any, buy_price: Any, sell_price: Any
) -> Any:
    """What all members owe and get outside the pool, and inside it: four sums of each slot. (4, T) [money]"""
    slots, members = imported.shape
    out, price, money = np.zeros((4, slots)), np.empty(members), np.empty(members)
    for t in range(slots):
        _row(buy, t, price)
        for n in range(members):
            money[n] = (imported[t, n] - bought[t, n]) * price[n]
        out[0, t] = _sum(money)
        _row(sell, t, price)
        for n in range(members):
            money[n] = (exported[t, n] - sold[t, n]) * price[n]
        out[1, t] = _sum(money)
        _row(buy_price, t, price)
        for n in range(members):
            money[n] = bought[t, n] * price[n]
        out[2, t] = _sum(money)
        _row(sell_price, t, price)
        for n in range(members):
            money[n] = sold[t, n] * price[n]
        out[3, t] = _sum(money)
    return out


@njit([types.float64[::1](GRID)], cache=True)
def sums(values: Any) -> Any:
    """Sums over members. (T, N) -> (T,)"""
    out = np.empty(values.shape[0])
    for t in range(values.shape[0]):
        out[t] = _sum(values[t])
    return out


@njit([WORST(ROW, GRID, GRID, GRID, ROW, ROW, ROW, GRID)], error_model="numpy", cache=True)
def levels(
    before: Any, charge: Any, discharge: Any, level: Any, into: Any, out_of: Any, leakage: Any, drain: Any
) -> Any:
    """S1: a store's level follows from the one before. (T, K) each, `drain` (T or 1, K)"""
    slots, devices = level.shape
    worst, odd, r = np.zeros((1, devices)), np.zeros((1, devices)), np.empty(devices)
    earlier = before.copy()
    for t in range(slots):
        at = t if drain.shape[0] > 1 else 0
        for k in range(devices):
            r[k] = level[t, k] - (earlier[k] * (1.0 - leakage[k]) - drain[at, k])
        for k in range(devices):
            r[k] -= charge[t, k] * into[k] - discharge[t, k] / out_of[k]
        _note(r, worst[0], odd[0])
        earlier[:] = level[t]
    return _over(worst, odd)


@njit([WORST(GRID, GRID, GRID, GRID, GRID, GRID, GRID)], cache=True)
def bounds(charge: Any, discharge: Any, level: Any, most_in: Any, most_out: Any, low: Any, high: Any) -> Any:
    """S2, term by term: powers and levels within their bounds, never both ways. Bounds (T or 1, K)"""
    slots, devices = level.shape
    worst, odd, r = np.zeros((1, devices)), np.zeros((1, devices)), np.empty(devices)
    for t in range(slots):
        a, b = (t if most_in.shape[0] > 1 else 0), (t if most_out.shape[0] > 1 else 0)
        c, d = (t if low.shape[0] > 1 else 0), (t if high.shape[0] > 1 else 0)
        for k in range(devices):
            r[k] = max(charge[t, k] - most_in[a, k], 0.0) + max(-charge[t, k], 0.0)
        for k in range(devices):
            r[k] += max(discharge[t, k] - most_out[b, k], 0.0) + max(-discharge[t, k], 0.0)
        for k in range(devices):
            r[k] += min(charge[t, k], discharge[t, k]) + max(level[t, k] - high[d, k], 0.0)
        for k in range(devices):
            r[k] += max(low[c, k] - level[t, k], 0.0) if discharge[t, k] > 1e-9 else 0.0
        for k in range(devices):
            r[k] += (charge[t, k] - charge[t, k]) + (discharge[t, k] - discharge[t, k]) + (level[t, k] - level[t, k])
        _note(r, worst[0], odd[0])
    return _over(worst, odd)
