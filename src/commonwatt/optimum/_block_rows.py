"""Compiled: what rows of a tile of members say to variables and the other way round, solved and measured.

Groups of tiles are fixed, whatever the number of threads, and each writes into places of its own: sums have the same
bits. `fixed`: groups, tiles, rows, pairs of flows per store; rates, shares kept, costs. `state`: variables, balances,
levels, pivots.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

from ._block_tables import (
    BELOW,
    CELL,
    CLASS,
    COST,
    DUAL,
    FACTOR,
    FIRST,
    FLOWS,
    LINK,
    LOWER,
    MISSED,
    PIVOT,
    RATE,
    REST,
    RIGHT,
    SCALE,
    SIGN,
    SLOT,
    STORE,
    STORES,
    UPPER,
    WISH,
)  # fmt: skip

INTEGERS, GRID, TABLE = types.int64[:, ::1], types.float64[:, ::1], types.float64[:, :, ::1]
FIXED, STATE = types.Tuple((*[INTEGERS] * 4, *[GRID] * 3)), types.Tuple((*[TABLE] * 4,))


@njit(error_model="numpy")
def _add(out: Any, factor: Any, x: Any) -> None:
    """Out + factor x."""
    for m in range(out.size):
        out[m] += factor * x[m]


@njit(error_model="numpy")
def _take(out: Any, a: Any, x: Any) -> None:
    """Out - a x, element by element."""
    for m in range(out.size):
        out[m] -= a[m] * x[m]


@njit(error_model="numpy")
def _put(out: Any, a: Any, x: Any) -> None:
    """Out + a x, element by element."""
    for m in range(out.size):
        out[m] += a[m] * x[m]


@njit(error_model="numpy")
def _less_rows(tile: Any, fixed: Any, lanes: Any, x: Any, field: Any, balance: Any, level: Any) -> None:
    """Takes what variables x (V, fields, M) put into their tile's rows from balance (M,) and level (n, M)."""
    _, _, rows, _, rates, keep, _ = fixed
    first, flows = tile[FIRST], tile[FLOWS]
    for f in range(flows):
        _add(balance, -float(rows[first + f, SIGN]), x[f, field])
        if rows[first + f, SLOT] >= 0:
            _take(level[rows[first + f, SLOT]], rates[rows[first + f, RATE]], x[f, field])
    for k in range(tile[STORES]):
        _add(level[k], -1.0, x[flows + k, field])
        _put(level[k, lanes:], keep[tile[STORE] + k], x[flows + k, field])


@njit(error_model="numpy")
def _columns(tile: Any, fixed: Any, lanes: Any, f: Any, balance: Any, level: Any, field: Any, out: Any) -> None:
    """Out (M,) = what the duals of a tile's rows, balance (7, M) and level (n, 7, M), say to its variable f."""
    _, _, rows, _, rates, keep, _ = fixed
    r, k = tile[FIRST] + f, f - tile[FLOWS]
    if k >= 0:
        mine = level[k, field]
        for m in range(out.size):
            out[m] = mine[m]
        _take(out[:-lanes], keep[tile[STORE] + k], level[k, field, lanes:])
        return
    sign, common = float(rows[r, SIGN]), balance[field]
    if rows[r, SLOT] < 0:
        for m in range(out.size):
            out[m] = sign * common[m]
        return
    rate, mine = rates[rows[r, RATE]], level[rows[r, SLOT], field]
    for m in range(out.size):
        out[m] = sign * common[m] + rate[m] * mine[m]


@njit(error_model="numpy")
def _add_price(out: Any, price: Any) -> None:
    """Out (M,) + a price per slot."""
    table = out.reshape(price.size, out.size // price.size)
    for t in range(price.size):
        for j in range(table.shape[1]):
            table[t, j] += price[t]


@njit(error_model="numpy")
def _take_price(out: Any, scale: Any, price: Any) -> None:
    """Out (M,) - scale times a price per slot."""
    table, factor = out.reshape(price.size, out.size // price.size), scale.reshape(price.size, out.size // price.size)
    for t in range(price.size):
        for j in range(table.shape[1]):
            table[t, j] -= factor[t, j] * price[t]


@njit(error_model="numpy")
def _forward(pivot: Any, rights: Any, level: Any) -> None:
    """Eliminates the level rows slot by slot. (n, n, T, L), (n, T, L; used up), (n, 7, T, L)"""
    n, _, slots, lanes = pivot.shape
    for t in range(1, slots):
        for i in range(n):
            for k in range(n):
                for j in range(lanes):
                    rights[i, t, j] += level[i, LINK, t, j] * pivot[i, k, t - 1, j] * rights[k, t - 1, j]


@njit(error_model="numpy")
def _backward(turn: Any, pivot: Any, rights: Any, level: Any) -> None:
    """Solves what `_forward` left, from the last slot back."""
    n, _, slots, lanes = pivot.shape
    for t in range(slots - 1, -1, -1):
        for i in range(n if t + 1 < slots else 0):
            for j in range(lanes):
                rights[i, t, j] += level[i, LINK, t + 1, j] * level[i, turn, t + 1, j]
        for i in range(n):
            for j in range(lanes):
                level[i, turn, t, j] = pivot[i, 0, t, j] * rights[0, t, j]
            for k in range(1, n):
                for j in range(lanes):
                    level[i, turn, t, j] += pivot[i, k, t, j] * rights[k, t, j]


@njit(error_model="numpy")
def _solve(turn: Any, pivot: Any, right: Any, rights: Any, balance: Any, level: Any) -> None:
    """Solves a tile's rows, balance (7, M) and level (n, 7, M), for right-hand sides (M,) and (n, M; used up)."""
    for i in range(len(level)):
        _take(rights[i], right, level[i, FACTOR])
    n, _, slots, lanes = pivot.shape
    by_slot, levels = rights.reshape(n, slots, lanes), level.reshape(n, 7, slots, lanes)
    _forward(pivot, by_slot, levels)
    _backward(turn, pivot, by_slot, levels)
    out, by_total = balance[turn], balance[FACTOR]
    for m in range(out.size):
        out[m] = right[m] * by_total[m]
    for i in range(len(level)):
        _take(out, level[i, turn], level[i, FACTOR])


@njit(error_model="numpy")
def _respond(c: Any, fixed: Any, state: Any, residual: Any, turn: Any, prices: Any) -> Any:
    """Solves a tile's rows for wishes and prices (E, T); -> how variables move before rows answer. (V, 1, M)"""
    variables, balances, levels, pivots = state
    tile, rows = fixed[1][c], fixed[2]
    r, v, n, size = tile[FIRST], tile[FLOWS] + tile[STORES], tile[STORES], variables.shape[2]
    slots, lanes = pivots.shape[1:]
    level = levels[tile[STORE] : tile[STORE] + n]
    x, right, rights = np.empty((v, 1, size)), np.zeros(size), np.zeros((n, size))
    for f in range(v):
        a, th, h = x[f, 0], variables[r + f, SCALE], variables[r + f, WISH]
        for m in range(size):
            a[m] = -th[m] * h[m]
        if prices.size and rows[r + f, CLASS] >= 0:
            _take_price(a, th, prices[rows[r + f, CLASS]])
    if residual:
        _add(right, 1.0, balances[c, MISSED])
        for k in range(n):
            _add(rights[k], 1.0, level[k, MISSED])
    _less_rows(tile, fixed, lanes, x, 0, right, rights)
    pivot = pivots[tile[PIVOT] : tile[PIVOT] + n * n].reshape(n, n, slots, lanes)
    _solve(turn, pivot, right, rights, balances[c], level)
    return x


@njit(error_model="numpy")
def _answer(c: Any, fixed: Any, state: Any, turn: Any, x: Any, sums: Any) -> None:
    """Adds to sums (E, M) what coupled flows do as long as prices stay."""
    variables, balances, levels, _ = state
    tile, rows, rates = fixed[1][c], fixed[2], fixed[4]
    y = balances[c, turn]
    for f in range(tile[FLOWS]):
        r = tile[FIRST] + f
        if rows[r, CLASS] >= 0:
            sign, a, b, th = float(rows[r, SIGN]), sums[rows[r, CLASS]], x[f, 0], variables[r, SCALE]
            for m in range(y.size):
                a[m] += sign * th[m] * y[m] + b[m]
            if rows[r, SLOT] >= 0:
                rate, mine = rates[rows[r, RATE]], levels[tile[STORE] + rows[r, SLOT], turn]
                for m in range(y.size):
                    a[m] += th[m] * rate[m] * mine[m]


@njit(error_model="numpy")
def _turned(c: Any, fixed: Any, state: Any, turn: Any, x: Any, move: Any) -> None:
    """The direction of a tile's variables."""
    variables, balances, levels, pivots = state
    tile = fixed[1][c]
    level = levels[tile[STORE] : tile[STORE] + tile[STORES]]
    for f in range(len(x)):
        v = variables[tile[FIRST] + f]
        a, b, th = v[move], x[f, 0], v[SCALE]
        _columns(tile, fixed, pivots.shape[2], f, balances[c], level, turn, a)
        for m in range(a.size):
            a[m] = th[m] * a[m] + b[m]


@njit(
    [types.void(types.int64, types.int64, FIXED, STATE, types.boolean, types.int64, types.int64, TABLE, TABLE)],
    error_model="numpy", cache=True, nogil=True,
)  # fmt: skip
def respond(  # noqa: PLR0913  (a compiled kernel takes arrays, not nouns)
    start: Any, stop: Any, fixed: Any, state: Any, residual: Any, turn: Any, move: Any, prices: Any, sums: Any
) -> None:  # fmt: skip
    """Solves the rows of all tiles for wishes, with residuals or without.

    At new prices (cells, E, T): the direction of variables into `move`. Without any (cells, E, 0): into sums
    (G, E, M) what coupled flows do.
    """
    for g in range(start, stop):
        sums[g] = 0.0
        for c in range(fixed[0][g, 0], fixed[0][g, 1]):
            price = prices[fixed[1][c, CELL]]
            x = _respond(c, fixed, state, residual, turn, price)
            if price.size:
                _turned(c, fixed, state, turn, x, move)
            else:
                _answer(c, fixed, state, turn, x, sums[g])


@njit(error_model="numpy")
def _largest(out: Any, x: Any) -> None:
    """Out = the higher of what it is and of |x|."""
    for m in range(out.size):
        out[m] = max(out[m], abs(x[m]))


@njit(error_model="numpy")
def _row_residuals(c: Any, fixed: Any, state: Any, sums: Any, worst: Any) -> None:
    """What is missing in a tile's rows; adds its coupled flows to sums (E, M)."""
    variables, balances, levels, pivots = state
    tile, rows = fixed[1][c], fixed[2]
    r, s, n = tile[FIRST], tile[STORE], tile[STORES]
    missed, level = balances[c, MISSED], np.empty((n, balances.shape[2]))
    missed[:] = balances[c, RIGHT]
    for k in range(n):
        level[k] = levels[s + k, RIGHT]
    _less_rows(tile, fixed, pivots.shape[2], variables[r : r + tile[FLOWS] + n], BELOW, missed, level)
    _largest(worst, missed)
    for k in range(n):
        levels[s + k, MISSED] = level[k]
        _largest(worst, level[k])
    for f in range(r, r + tile[FLOWS]):
        if rows[f, CLASS] >= 0:
            a, below, lower = sums[rows[f, CLASS]], variables[f, BELOW], variables[f, LOWER]
            for m in range(a.size):
                a[m] += below[m] if lower[m] > 0.0 else 0.0


@njit(error_model="numpy")
def _dual_residuals(c: Any, fixed: Any, state: Any, prices: Any, worst: Any) -> None:
    """What is missing in the columns of a tile's variables."""
    variables, balances, levels, pivots = state
    _, tiles, rows, _, _, _, costs = fixed
    tile = tiles[c]
    r, level = tile[FIRST], levels[tile[STORE] : tile[STORE] + tile[STORES]]
    for f in range(tile[FLOWS] + tile[STORES]):
        rest, lower, upper = variables[r + f, REST], variables[r + f, LOWER], variables[r + f, UPPER]
        _columns(tile, fixed, pivots.shape[2], f, balances[c], level, DUAL, rest)
        for m in range(rest.size):
            rest[m] = upper[m] - lower[m] - rest[m]
        if rows[r + f, COST] >= 0:
            _add(rest, 1.0, costs[rows[r + f, COST]])
        if rows[r + f, CLASS] >= 0:
            _add_price(rest, prices[rows[r + f, CLASS]])
        for m in range(rest.size):
            rest[m] = rest[m] if lower[m] > 0.0 else 0.0
        _largest(worst, rest)


@njit(
    [types.void(types.int64, types.int64, FIXED, STATE, TABLE, TABLE, GRID)],
    error_model="numpy",
    cache=True,
    nogil=True,
)
def residuals(start: Any, stop: Any, fixed: Any, state: Any, prices: Any, sums: Any, found: Any) -> None:
    """What rows and columns miss at prices (cells, E, T), at most: found (G, 2); sums (G, E, M) of coupled flows."""
    for g in range(start, stop):
        sums[g] = 0.0
        worst = np.zeros((2, state[0].shape[2]))
        for c in range(fixed[0][g, 0], fixed[0][g, 1]):
            _row_residuals(c, fixed, state, sums[g], worst[0])
            _dual_residuals(c, fixed, state, prices[fixed[1][c, CELL]], worst[1])
        found[g, 0], found[g, 1] = worst[0].max(), worst[1].max()


@njit([types.void(types.int64, types.int64, FIXED, STATE)], error_model="numpy", cache=True, nogil=True)
def fold(start: Any, stop: Any, fixed: Any, state: Any) -> None:
    """Takes from the right-hand sides what variables put in where they are measured from (found in WISH)."""
    variables, balances, levels, pivots = state
    for c in range(fixed[0][start, 0], fixed[0][stop - 1, 1]):
        tile = fixed[1][c]
        s, n = tile[STORE], tile[STORES]
        level = np.empty((n, balances.shape[2]))
        for k in range(n):
            level[k] = levels[s + k, RIGHT]
        mine = variables[tile[FIRST] : tile[FIRST] + tile[FLOWS] + n]
        _less_rows(tile, fixed, pivots.shape[2], mine, WISH, balances[c, RIGHT], level)
        for k in range(n):
            levels[s + k, RIGHT] = level[k]
