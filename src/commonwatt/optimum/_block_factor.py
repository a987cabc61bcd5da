"""Compiled: scaling of all variables, then balances and levels of every tile of members eliminated over time.

With scaling th, the sum of a balance's flows D, and a store's flows with rates g (charging) and l (discharging), the
level rows are block tridiagonal over time. On the diagonal, with p = g th_charge + l th_discharge, stands
th_level + keep^2 th_level(t - 1) + g^2 th_charge + l^2 th_discharge - p^2 / D; -p p' / D between stores;
-keep th_level(t - 1) between slots.
What would cancel on the diagonal is left out beforehand.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

from ._block_tables import (
    ABOVE,
    BELOW,
    BY_ABOVE,
    BY_BELOW,
    CLASS,
    FACTOR,
    FIRST,
    FLOWS,
    LINK,
    LOWER,
    PIVOT,
    RATE,
    SCALE,
    SLOT,
    STORE,
    STORES,
    UPPER,
)  # fmt: skip

INTEGERS, GRID, TABLE = types.int64[:, ::1], types.float64[:, ::1], types.float64[:, :, ::1]
TINY = 1e-10
"""Regularisation of the scaling."""
METERED, SOFT = 1e-7, 1e-5
"""The same, and that of rows of meters, where there are any.

A peak that is reached leaves a member no way out but to raise it, and members are eliminated before it.
"""


@njit(error_model="numpy")
def _inverse(x: Any, out: Any) -> None:
    """1 / x, 1 for nothing."""
    for m in range(out.size):
        out[m] = 1.0 / (x[m] if x[m] > 0.0 else 1.0)


@njit(error_model="numpy")
def _scale(v: Any, tiny: Any) -> None:
    """The scaling of a variable: 1 / (lower / below + upper / above + tiny), 0 for what is fixed. (15, M)"""
    _inverse(v[BELOW], v[BY_BELOW])
    _inverse(v[ABOVE], v[BY_ABOVE])
    lower, upper, below, above, out = v[LOWER], v[UPPER], v[BY_BELOW], v[BY_ABOVE], v[SCALE]
    for m in range(out.size):
        value = 1.0 / (lower[m] * below[m] + upper[m] * above[m] + tiny)
        out[m] = value if lower[m] + upper[m] > 0.0 else 0.0


@njit(error_model="numpy")
def _add(out: Any, x: Any) -> None:
    for m in range(out.size):
        out[m] += x[m]


@njit(error_model="numpy")
def _totals(tile: Any, rows: Any, variables: Any, balance: Any, others: Any) -> None:
    """Balance = 1 / sums of a tile's flows; others (n, M): those sums without a store's own flows."""
    total = np.zeros(balance.size)
    others[:] = 0.0
    for f in range(tile[FLOWS]):
        _add(total, variables[f, SCALE])
        for k in range(tile[STORES]):
            if k != rows[tile[FIRST] + f, SLOT]:
                _add(others[k], variables[f, SCALE])
    _inverse(total, balance)


@njit(error_model="numpy")
def _store(charge: Any, discharge: Any, in_rate: Any, out_rate: Any, coupling: Any, own: Any) -> None:
    """Coupling p of a store; own (2, M): sum of squares, and what its flows share. Charging's rate is negative."""
    square, cross = own[0], own[1]
    for m in range(coupling.size):
        coupling[m] = out_rate[m] * discharge[m] - in_rate[m] * charge[m]
    for m in range(coupling.size):
        square[m] = in_rate[m] * in_rate[m] * charge[m] + out_rate[m] * out_rate[m] * discharge[m]
    for m in range(coupling.size):
        between = in_rate[m] + out_rate[m]
        cross[m] = between * between * charge[m] * discharge[m]


@njit(error_model="numpy")
def _level(others: Any, own: Any, balance: Any, held: Any, keep: Any, link: Any, lanes: Any, out: Any) -> None:
    """Out = diagonal of a store's level rows, link = its coupling to the slot before. (M,) each"""
    square, cross = own[0], own[1]
    link[:lanes] = 0.0
    later, before, share = link[lanes:], held[:-lanes], keep[lanes:]
    for m in range(later.size):
        later[m] = share[m] * before[m]
    for m in range(out.size):
        out[m] = held[m] + keep[m] * link[m]
    for m in range(out.size):
        out[m] += (others[m] * square[m] + cross[m]) * balance[m]


@njit(error_model="numpy")
def _is_meter(tile: Any, fixed: Any, k: Any) -> Any:
    """Whether store k of a tile is a meter: what it gives is what flows in."""
    flow = fixed[3][tile[STORE] + k, 1]
    return flow >= 0 and fixed[2][tile[FIRST] + flow, CLASS] == 0


@njit(error_model="numpy")
def _factor(tile: Any, fixed: Any, variables: Any, others: Any, balance: Any, level: Any, lanes: Any) -> Any:
    """Coupling of a tile's levels to balances and to the slot before; -> their diagonals. (n, M)"""
    _, _, rows, pairs, rates, keep, _ = fixed
    flows, n, nothing = tile[FLOWS], tile[STORES], np.zeros(balance.size)
    own, diagonal = np.empty((2, balance.size)), np.empty((n, balance.size))
    for k in range(n):
        c, d = pairs[tile[STORE] + k]
        charge, discharge, in_rate, out_rate = nothing, nothing, nothing, nothing
        if c >= 0:
            charge, in_rate = variables[c, SCALE], rates[rows[tile[FIRST] + c, RATE]]
        if d >= 0:
            discharge, out_rate = variables[d, SCALE], rates[rows[tile[FIRST] + d, RATE]]
        _store(charge, discharge, in_rate, out_rate, level[k, FACTOR], own)
        held, share = variables[flows + k, SCALE], keep[tile[STORE] + k]
        _level(others[k], own, balance, held, share, level[k, LINK], lanes, diagonal[k])
        if _is_meter(tile, fixed, k):
            for m in range(balance.size):
                diagonal[k, m] += SOFT
    return diagonal


@njit(error_model="numpy")
def _eliminate(a: Any, p: Any) -> None:
    """One step of `_invert`."""
    n, _, lanes = a.shape
    for r in range(n):
        for s in range(n):
            if r != p and s != p:
                for j in range(lanes):
                    a[r, s, j] -= a[r, p, j] * a[p, p, j] * a[p, s, j]


@njit(error_model="numpy")
def _invert(a: Any) -> None:
    """Inverse of symmetric positive definite matrices (n, n, L) in place, by Gauss and Jordan; empty ones become 1."""
    n, _, lanes = a.shape
    for p in range(n):
        for j in range(lanes):
            a[p, p, j] = 1.0 / (a[p, p, j] if a[p, p, j] > 0.0 else 1.0)
        _eliminate(a, p)
        for r in range(n):
            if r != p:
                for j in range(lanes):
                    a[r, p, j] *= -a[p, p, j]
                    a[p, r, j] *= a[p, p, j]


@njit(error_model="numpy")
def _block(t: Any, diagonal: Any, balance: Any, level: Any, a: Any) -> None:
    """The rows of slot t among themselves: the diagonal less what the balance binds together. (n, n, L)"""
    n, _, lanes = a.shape
    for i in range(n):
        for k in range(n):
            for j in range(lanes):
                a[i, k, j] = -level[i, FACTOR, t, j] * level[k, FACTOR, t, j] * balance[t, j]
        for j in range(lanes):
            a[i, i, j] = diagonal[i, t, j]


@njit(error_model="numpy")
def _pivots(diagonal: Any, balance: Any, level: Any, pivot: Any) -> None:
    """Inverse pivots of the level rows, slot by slot: diagonal - p p' / D - link pivot link.

    Tables (n, T, L), (T, L), (n, 7, T, L), (n, n, T, L).
    """
    n, _, slots, lanes = pivot.shape
    a = np.empty((n, n, lanes))
    for t in range(slots):
        _block(t, diagonal, balance, level, a)
        for i in range(n if t > 0 else 0):
            for k in range(n):
                for j in range(lanes):
                    a[i, k, j] -= level[i, LINK, t, j] * pivot[i, k, t - 1, j] * level[k, LINK, t, j]
        _invert(a)
        pivot[:, :, t] = a


FIXED = types.Tuple((*[INTEGERS] * 4, *[GRID] * 3))
STATE = types.Tuple((*[TABLE] * 4,))


@njit([types.void(types.int64, types.int64, FIXED, STATE)], error_model="numpy", cache=True, nogil=True)
def factor(start: Any, stop: Any, fixed: Any, state: Any) -> None:
    """Scales and factors all tiles of groups start..stop."""
    groups, tiles, rows, _, _, _, _ = fixed
    variables, balances, levels, pivots = state
    slots, lanes = pivots.shape[1:]
    for c in range(groups[start, 0], groups[stop - 1, 1]):
        tile = tiles[c]
        n, last = tile[STORES], tile[FIRST] + tile[FLOWS] + tile[STORES]
        mine, level, balance = variables[tile[FIRST] : last], levels[tile[STORE] : tile[STORE] + n], balances[c, FACTOR]
        tiny = TINY
        for k in range(n):
            tiny = METERED if _is_meter(tile, fixed, k) else tiny
        for f in range(len(mine)):
            _scale(mine[f], tiny)
        others = np.empty((n, balance.size))
        _totals(tile, rows, mine, balance, others)
        diagonal = _factor(tile, fixed, mine, others, balance, level, lanes)
        pivot = pivots[tile[PIVOT] : tile[PIVOT] + n * n].reshape(n, n, slots, lanes)
        shape = (slots, lanes)
        _pivots(diagonal.reshape(n, *shape), balance.reshape(shape), level.reshape(n, 7, *shape), pivot)
        for k in range(n):
            a = level[k, FACTOR]
            for m in range(a.size):
                a[m] *= balance[m]
