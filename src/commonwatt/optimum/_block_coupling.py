"""Compiled: what the members of a tile answer to prices, as a matrix over slots and classes of coupled flows.

Entry (t, e), (s, f): by how much less of class e flows in slot t if class f costs more in slot s. A store carries that
from slot to slot by a factor for each slot passed, so that between two stretches of time the matrix is a product:
factors of rows carried on to where the stretches meet, times factors of columns carried back to there. Stretches of
LEAF slots are worked out pair by pair, then neighbours are merged, again and again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

from ._block_tables import CLASS, FACTOR, FIRST, FLOWS, LINK, PIVOT, RATE, SCALE, SIGN, SLOT, STORE, STORES

INTEGERS, GRID, TABLE = types.int64[:, ::1], types.float64[:, ::1], types.float64[:, :, ::1]
FIXED, STATE = types.Tuple((*[INTEGERS] * 4, *[GRID] * 3)), types.Tuple((*[TABLE] * 4,))
LEAF = 4
"""Slots of the shortest stretch, a multiple of 4."""


@njit(error_model="numpy")
def _ways(pivot: Any, level: Any) -> Any:
    """What carries columns from slot t + 1 back to t, and rows on from t: pivot[t] link[t + 1]. (T, n, n, L)"""
    n, _, slots, lanes = pivot.shape
    out = np.zeros((slots, n, n, lanes))
    for t in range(slots - 1):
        for i in range(n):
            for k in range(n):
                for j in range(lanes):
                    out[t, i, k, j] = pivot[i, k, t, j] * level[k, LINK, t + 1, j]
    return out


@njit(error_model="numpy")
def _times(a: Any, t: Any, x: Any, out: Any, s: Any) -> None:
    """out[s] = a[t] x, lane by lane. (T, n, n, L), (n, L), (S, n, L)"""
    n, lanes = x.shape
    for i in range(n):
        for j in range(lanes):
            out[s, i, j] = a[t, i, 0, j] * x[0, j]
        for k in range(1, n):
            for j in range(lanes):
                out[s, i, j] += a[t, i, k, j] * x[k, j]


@njit(error_model="numpy")
def _inverse_block(t: Any, pivot: Any, ways: Any, column: Any, block: Any) -> None:
    """block[0] of the inverse at slot t: the pivot, and what goes through later slots by `column` (n, n, L)."""
    n, lanes = column.shape[1:]
    for i in range(n):
        for k in range(n):
            for j in range(lanes):
                block[0, i, k, j] = pivot[i, k, t, j]
    for i in range(n):
        for c in range(n):
            for k in range(n):
                for j in range(lanes):
                    block[0, i, k, j] += column[c, i, j] * ways[t, k, c, j]


@njit(error_model="numpy")
def _diagonal(pivot: Any, reach: Any, ways: Any, out: Any) -> None:
    """Into out (T, E, n, L): the blocks of the level rows' inverse on the diagonal, times what flows put into them."""
    slots, classes, n, lanes = out.shape
    block, column = np.zeros((1, n, n, lanes)), np.zeros((n, n, lanes))
    for t in range(slots - 1, -1, -1):
        for k in range(n):
            _times(ways, t, block[0, k], column, k)
        _inverse_block(t, pivot, ways, column, block)
        for e in range(classes):
            _times(block, 0, reach[t, e], out[t], e)


@njit(error_model="numpy")
def _take_product(first: Any, middle: Any, last: Any, left: Any, right: Any, out: Any) -> None:
    """out[first:middle, middle:last] - left right; rows and inner length are multiples of 4. (R, W), (W, R)"""
    for r in range(first, middle, 4):
        p0, p1, p2, p3 = out[r, middle:last], out[r + 1, middle:last], out[r + 2, middle:last], out[r + 3, middle:last]
        for w in range(0, left.shape[1], 4):
            x0, x1, x2, x3 = (
                right[w, middle:last], right[w + 1, middle:last], right[w + 2, middle:last], right[w + 3, middle:last]
            )  # fmt: skip
            a00, a01, a02, a03 = left[r, w], left[r, w + 1], left[r, w + 2], left[r, w + 3]
            a10, a11, a12, a13 = left[r + 1, w], left[r + 1, w + 1], left[r + 1, w + 2], left[r + 1, w + 3]
            a20, a21, a22, a23 = left[r + 2, w], left[r + 2, w + 1], left[r + 2, w + 2], left[r + 2, w + 3]
            a30, a31, a32, a33 = left[r + 3, w], left[r + 3, w + 1], left[r + 3, w + 2], left[r + 3, w + 3]
            for c in range(p0.size):
                y0, y1, y2, y3 = x0[c], x1[c], x2[c], x3[c]
                p0[c] -= (a00 * y0 + a01 * y1) + (a02 * y2 + a03 * y3)
                p1[c] -= (a10 * y0 + a11 * y1) + (a12 * y2 + a13 * y3)
                p2[c] -= (a20 * y0 + a21 * y1) + (a22 * y2 + a23 * y3)
                p3[c] -= (a30 * y0 + a31 * y1) + (a32 * y2 + a33 * y3)


@njit(error_model="numpy")
def _take_pairs(reach: Any, x: Any, near: Any) -> None:
    """Near less reach' x: what all pairs of classes in two slots share. (E, n, L), (E, n, L), (E, E, L)"""
    classes, n, lanes = reach.shape
    for e in range(classes):
        for f in range(classes):
            out = near[e, f]
            for i in range(n):
                for j in range(lanes):
                    out[j] -= reach[e, i, j] * x[f, i, j]


@njit(error_model="numpy")
def _pairs(first: Any, last: Any, reach: Any, ways: Any, v: Any, right: Any, near: Any) -> None:
    """Entries between slots first..last, lane by lane; right (n, L, T E): factors of columns carried back to first."""
    classes, n, lanes = reach.shape[1:]
    x = np.empty((2, classes, n, lanes))
    for s in range(first, last):
        x[s % 2] = v[s]
        for t in range(s, first - 1, -1):
            for f in range(classes if t < s else 0):
                _times(ways, t, x[(t + 1) % 2, f], x[t % 2], f)
            _take_pairs(reach[t], x[t % 2], near[s, t - first])
        for i in range(n):
            for e in range(classes):
                for j in range(lanes):
                    right[i, j, s * classes + e] = x[first % 2, e, i, j]


@njit(error_model="numpy")
def _times_by(rows: Any, first: Any, last: Any, way: Any, x: Any) -> None:
    """rows[first:last] times way, lane by lane. (R, n, L), (n, n, L); x (n, L) is used up"""
    n, lanes = x.shape
    for r in range(first, last):
        for i in range(n):
            for j in range(lanes):
                x[i, j] = rows[r, 0, j] * way[0, i, j]
            for k in range(1, n):
                for j in range(lanes):
                    x[i, j] += rows[r, k, j] * way[k, i, j]
        for i in range(n):
            for j in range(lanes):
                rows[r, i, j] = x[i, j]


@njit(error_model="numpy")
def _times_into(columns: Any, first: Any, last: Any, way: Any) -> None:
    """columns[:, :, first:last] times way from the left, lane by lane. (n, L, C), (n, n, L)"""
    n, lanes = columns.shape[:2]
    x = np.empty((n, last - first))
    for j in range(lanes):
        for i in range(n):
            a, factor, y = columns[0, j, first:last], way[i, 0, j], x[i]
            for c in range(y.size):
                y[c] = factor * a[c]
            for k in range(1, n):
                b, more = columns[k, j, first:last], way[i, k, j]
                for c in range(y.size):
                    y[c] += more * b[c]
        for i in range(n):
            a, y = columns[i, j, first:last], x[i]
            for c in range(y.size):
                a[c] = y[c]


@njit(error_model="numpy")
def _stretch(first: Any, last: Any, reach: Any, ways: Any, left: Any, way: Any) -> None:
    """Across slots first..last by way (n, n, L); left (T E, n, L): factors of their rows, carried on to `last`."""
    classes, n, lanes = reach.shape[1:]
    step, x = np.empty((n, n, lanes)), np.empty((n, lanes))
    way[:] = 0.0
    for i in range(n):
        way[i, i] = 1.0
    for t in range(last - 1, first - 1, -1):
        step[:] = ways[t]
        _times_by(step, 0, n, way, x)
        way[:] = step
        rows = left[t * classes : (t + 1) * classes]
        rows[:] = reach[t]
        _times_by(rows, 0, classes, way, x)


@njit(error_model="numpy")
def _merge(slots: Any, classes: Any, left: Any, right: Any, across: Any, out: Any) -> None:
    """Entries between stretches, neighbours merged until there is one; factors and ways are used up."""
    n, lanes, rows = right.shape
    size, x = LEAF, np.empty((n, lanes))
    while size < slots:
        for first in range(0, slots - size, 2 * size):
            middle, last = first + size, min(first + 2 * size, slots)
            a, b, c = first * classes, middle * classes, last * classes
            _take_product(a, b, c, left.reshape(rows, n * lanes), right.reshape(n * lanes, rows), out)
            one, other = across[first // LEAF], across[middle // LEAF]
            if last < slots:
                _times_by(left, a, b, other, x)
            if first > 0:
                _times_into(right, b, c, one)
            _times_by(one, 0, n, other, x)
        size *= 2


@njit(error_model="numpy")
def _reach(signed: Any, level: Any) -> Any:
    """What coupled flows put into the level rows through the balance. (T, E, n, L)"""
    (classes, slots, lanes), n = signed.shape, level.shape[0]
    out = np.empty((slots, classes, n, lanes))
    for t in range(slots):
        for e in range(classes):
            for i in range(n):
                for j in range(lanes):
                    out[t, e, i, j] = -signed[e, t, j] * level[i, FACTOR, t, j]
    return out


@njit(error_model="numpy")
def _add_rates(tile: Any, fixed: Any, variables: Any, out: Any) -> None:
    """Adds what coupled flows put into level rows themselves. (T, E, n, L)"""
    rows, rates = fixed[2], fixed[4]
    slots, _, _, lanes = out.shape
    for f in range(tile[FLOWS]):
        e, i = rows[tile[FIRST] + f, CLASS], rows[tile[FIRST] + f, SLOT]
        if e >= 0 and i >= 0:
            rate, scale = rates[rows[tile[FIRST] + f, RATE]], variables[f, SCALE]
            for t in range(slots):
                for j in range(lanes):
                    out[t, e, i, j] += rate[t * lanes + j] * scale[t * lanes + j]


@njit(error_model="numpy")
def _add_stores(reach: Any, level: Any, pivot: Any, near: Any, out: Any) -> None:
    """Adds what goes through stores to out (T E, T E), upper blocks in time only, and within a stretch to near.

    reach (T, E, n, L): what each coupled class puts into the level rows, level (n, 7, T, L), pivot (n, n, T, L).
    """
    slots, classes, n, lanes = reach.shape
    rows, v, ways = slots * classes, np.empty(reach.shape), _ways(pivot, level)
    left, right = np.empty((rows, n, lanes)), np.empty((n, lanes, rows))
    across = np.empty((-(-slots // LEAF), n, n, lanes))
    _diagonal(pivot, reach, ways, v)
    for first in range(0, slots, LEAF):
        last = min(first + LEAF, slots)
        _pairs(first, last, reach, ways, v, right, near)
        _stretch(first, last, reach, ways, left, across[first // LEAF])
    _merge(slots, classes, left, right, across, out)


@njit(error_model="numpy")
def _add_slots(tile: Any, rows: Any, variables: Any, balance: Any, signed: Any, near: Any) -> None:
    """Adds what flows do within a slot to near; signed (E, T, L) gets the scaling of coupled flows with their sign."""
    classes, slots, lanes = signed.shape
    others = np.zeros(signed.shape)
    signed[:] = 0.0
    for f in range(tile[FLOWS]):
        kind, sign = rows[tile[FIRST] + f, CLASS], float(rows[tile[FIRST] + f, SIGN])
        for e in range(classes):
            a, x = (signed[e] if e == kind else others[e]).reshape(slots * lanes), variables[f, SCALE]
            factor = sign if e == kind else 1.0
            for m in range(a.size):
                a[m] += factor * x[m]
    by_total = balance.reshape(slots, lanes)
    for t in range(slots):
        for e in range(classes):
            for f in range(classes):
                for j in range(lanes):
                    other = abs(signed[e, t, j]) * others[e, t, j] if e == f else -signed[e, t, j] * signed[f, t, j]
                    near[t, t % LEAF, e, f, j] += other * by_total[t, j]


@njit(error_model="numpy")
def _gather(near: Any, out: Any) -> None:
    """Adds the sums over lanes of near (T, LEAF, E, E, L) to out (T E, T E)."""
    slots, _, classes, _, lanes = near.shape
    for s in range(slots):
        for t in range(s - s % LEAF, s + 1):
            for ef in range(classes * classes):
                e, f, total = ef // classes, ef % classes, 0.0
                for j in range(lanes):
                    total += near[s, t % LEAF, e, f, j]
                out[t * classes + e, s * classes + f] += total


@njit(
    [types.void(types.int64, types.int64, FIXED, STATE, types.int64, TABLE)],
    error_model="numpy", cache=True, nogil=True,
)  # fmt: skip
def couple(start: Any, stop: Any, fixed: Any, state: Any, classes: Any, out: Any) -> None:
    """Out (G, T E, T E): what the tiles of groups start..stop answer to prices; upper blocks in time only."""
    groups, tiles, rows, _, _, _, _ = fixed
    variables, balances, levels, pivots = state
    slots, lanes = pivots.shape[1:]
    signed = np.empty((classes, slots, lanes))
    for g in range(start, stop):
        near = np.zeros((slots, LEAF, classes, classes, lanes))
        out[g] = 0.0
        for c in range(groups[g, 0], groups[g, 1]):
            tile = tiles[c]
            r, s, n = tile[FIRST], tile[STORE], tile[STORES]
            _add_slots(tile, rows, variables[r : r + tile[FLOWS]], balances[c, FACTOR], signed, near)
            if n:
                pivot = pivots[tile[PIVOT] : tile[PIVOT] + n * n].reshape(n, n, slots, lanes)
                level = levels[s : s + n].reshape(n, 7, slots, lanes)
                reach = _reach(signed, level)
                _add_rates(tile, fixed, variables[r : r + tile[FLOWS]], reach)
                _add_stores(reach, level, pivot, near, out[g])
        _gather(near, out[g])
