"""Compiled screens: how large residuals get over a whole record, found in one pass, without keeping any.

Every row of a record goes through all checks while it is in the processor's cache. Loops write one array each, and
choose between values already read: then they run several members at a time. A maximum overlooks what is not finite: it
is noted apart (x - x is then not 0) and makes every size infinite.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

ROW = types.Array(types.float64, 1, "C", readonly=True)
GRID = types.Array(types.float64, 2, "C", readonly=True)
OWNER = types.Array(types.int64, 1, "C", readonly=True)
WORST = types.float64[::1]
STRANDS = 32


@njit
def _over(worst: Any, odd: Any) -> Any:
    """The largest of each row of `worst` (C, N), infinite where anything was not finite. (C,)"""
    out, sound = np.zeros(worst.shape[0]), True
    for n in range(odd.size):
        sound = sound and odd[n] == 0.0
    for c in range(worst.shape[0]):
        for n in range(worst.shape[1]):
            out[c] = max(out[c], worst[c, n])
        out[c] = out[c] if sound else np.inf
    return out


@njit
def _raise(residual: Any, worst: Any) -> None:
    """Raises `worst` to the size of a row's residuals. (N,) each"""
    for n in range(worst.size):
        worst[n] = max(worst[n], abs(residual[n]))


@njit
def _prices(grid: Any, t: Any, row: Any) -> None:
    """Slot t of prices (T or 1, N or 1), member by member. (N,)"""
    at = t if grid.shape[0] > 1 else 0
    if grid.shape[1] == 1:
        price = grid[at, 0]
        for n in range(row.size):
            row[n] = price
    else:
        for n in range(row.size):
            row[n] = grid[at, n]


@njit
def _at(grid: Any, t: Any) -> Any:
    """Row of slot t; what never changes comes as one row."""
    return grid[t if grid.shape[0] > 1 else 0]


@njit
def _sum(values: Any, strands: Any) -> Any:
    """A sum in many strands, for speed; `strands` is scratch."""
    whole = values.size - values.size % STRANDS
    for s in range(STRANDS):
        strands[s] = 0.0
    for first in range(0, whole, STRANDS):
        for s in range(STRANDS):
            strands[s] += values[first + s]
    total = 0.0
    for s in range(STRANDS):
        total += strands[s]
    for n in range(whole, values.size):
        total += values[n]
    return total


@njit
def _stored(charge: Any, discharge: Any, owner: Any, stored: Any) -> None:
    """What the devices of each member take, net. (K,) -> (N,)"""
    for n in range(stored.size):
        stored[n] = 0.0
    for k in range(owner.size):
        stored[owner[k]] += charge[k] - discharge[k]


@njit([WORST(types.UniTuple(GRID, 6), types.UniTuple(GRID, 2), OWNER, types.float64)], cache=True)
def flows(energies: Any, devices: Any, owner: Any, hours: Any) -> Any:
    """E1, E4 and what T2 says of quantities: members' energy.

    `energies`: load, pv (T, N) [kW], imported, exported, bought, sold (T, N); `devices`: charge, discharge (T, K).
    """
    load, pv, imported, exported, bought, sold = energies
    slots, members = imported.shape
    worst, odd, residual = np.zeros((3, members)), np.zeros(members), np.empty(members)
    energy, sign, more = worst[0], worst[1], worst[2]
    for t in range(slots):
        taken, given, into, out_of = imported[t], exported[t], bought[t], sold[t]
        _stored(devices[0][t], devices[1][t], owner, residual)
        for n in range(members):
            residual[n] += (load[t, n] - pv[t, n]) * hours + given[n] - taken[n]
        _raise(residual, energy)
        for n in range(members):
            odd[n] += (residual[n] - residual[n]) + (into[n] - into[n]) + (out_of[n] - out_of[n])
        for n in range(members):
            sign[n] = max(sign[n], min(taken[n], given[n]), -taken[n], -given[n], -into[n], -out_of[n])
        for n in range(members):
            more[n] = max(more[n], into[n] - taken[n], out_of[n] - given[n])
    return _over(worst, odd)


@njit
def _worth(bought: Any, sold: Any, costs: Any, pays: Any, out: Any) -> None:
    """What is bought less what is sold, at these prices. (N,) [money]"""
    for n in range(out.size):
        out[n] = bought[n] * costs[n] - sold[n] * pays[n]


@njit
def _compare(due: Any, billed: Any, worst: Any, odd: Any) -> None:
    """Raises `worst` to the size of the difference. (N,)"""
    for n in range(worst.size):
        worst[n] = max(worst[n], abs(due[n] - billed[n]))
    for n in range(worst.size):
        odd[n] += (due[n] - due[n]) + (billed[n] - billed[n])


@njit([types.Tuple((WORST, types.float64[:, ::1]))(
    ROW, types.UniTuple(GRID, 4), types.UniTuple(GRID, 3), types.UniTuple(GRID, 6), ROW
)], cache=True)  # fmt: skip
def money(before: Any, energies: Any, bills: Any, prices: Any, share: Any) -> Any:
    """M0, M4 for members and R1; and by slot what is due outside and in the pool, and what was billed. (3,), (3, T)

    `before`: wallets (N,); `energies`: imported, exported, bought, sold (T, N); `bills`: energy, pool, wallet (T or 1,
    N); `prices` (T or 1, N or 1), to buy and to sell: own, the pool's, what R1 compares with; `share` (T,): what of the
    sold is paid for.
    """
    imported, exported, bought, sold = energies
    slots, members = imported.shape
    worst, odd, sums, strands = np.zeros((3, members)), np.zeros(members), np.zeros((3, slots)), np.empty(STRANDS)
    amount, wallet, above, earlier = worst[0], worst[1], worst[2], before
    due, paid, costs, pays = np.empty(members), np.empty(members), np.empty(members), np.empty(members)
    for t in range(slots):
        energy, pool, held, into = _at(bills[0], t), _at(bills[1], t), _at(bills[2], t), bought[t]
        _prices(prices[0], t, costs)
        _prices(prices[1], t, pays)
        for n in range(members):
            due[n] = (imported[t, n] - into[n]) * costs[n] - (exported[t, n] - sold[t, n]) * pays[n]
        sums[0, t] = _sum(due, strands)
        _compare(due, energy, amount, odd)
        for n in range(members):
            paid[n] = sold[t, n] * share[t]
        _prices(prices[2], t, costs)
        _prices(prices[3], t, pays)
        _worth(into, paid, costs, pays, due)
        sums[1, t] = _sum(due, strands)
        _compare(due, pool, amount, odd)
        _prices(prices[4], t, costs)
        _prices(prices[5], t, pays)
        _worth(into, paid, costs, pays, due)
        for n in range(members):
            above[n] = max(above[n], pool[n] - due[n])
        for n in range(members):
            due[n] = energy[n] + pool[n]
        sums[2, t] = _sum(due, strands)
        for n in range(members):
            due[n] -= earlier[n] - held[n]
        _raise(due, wallet)
        for n in range(members):
            odd[n] += due[n] - due[n]
        earlier = held
    return _over(worst, odd), sums


@njit([WORST(ROW, types.UniTuple(GRID, 3), types.UniTuple(ROW, 2), types.UniTuple(GRID, 6))], cache=True)
def stores(before: Any, series: Any, constants: Any, limits: Any) -> Any:
    """S1, S2: a store's level follows from the one before; powers and levels keep their bounds, term by term.

    `before`: levels (K,); `series`: charge, discharge, level (T, K); `constants` (K,): efficiency out, leakage;
    `limits` (T or 1, K): drain, most in, most out, lowest, highest level, efficiency in.
    """
    slots, devices = series[0].shape
    worst, odd, residual = np.zeros((2, devices)), np.zeros(devices), np.empty(devices)
    follows, within, earlier = worst[0], worst[1], before
    per_out, kept = 1.0 / constants[0], 1.0 - constants[1]
    for t in range(slots):
        charge, discharge, level = series[0][t], series[1][t], series[2][t]
        drain, most_in, most_out = _at(limits[0], t), _at(limits[1], t), _at(limits[2], t)
        low, high, into = _at(limits[3], t), _at(limits[4], t), _at(limits[5], t)
        for k in range(devices):
            residual[k] = level[k] - (earlier[k] * kept[k] - drain[k])
        for k in range(devices):
            residual[k] -= charge[k] * into[k] - discharge[k] * per_out[k]
        _raise(residual, follows)
        for k in range(devices):
            odd[k] += (residual[k] - residual[k]) + (charge[k] - charge[k]) + (discharge[k] - discharge[k])
        for k in range(devices):
            residual[k] = max(charge[k] - most_in[k], 0.0) + max(discharge[k] - most_out[k], 0.0)
        for k in range(devices):
            residual[k] += max(-charge[k], 0.0) + max(-discharge[k], 0.0) + min(charge[k], discharge[k])
        for k in range(devices):
            under = low[k] - level[k]
            residual[k] += max(level[k] - high[k], 0.0) + max(under if discharge[k] > 1e-9 else 0.0, 0.0)
        _raise(residual, within)
        earlier = level
    return _over(worst, odd)
