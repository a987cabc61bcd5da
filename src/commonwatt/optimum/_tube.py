"""Compiled recurrences over levels: what a store can reach, and from where everything later can be kept.

Tables (T, K) and rows (K,), kWh. A level keeps its share, drains, and rises by at most `rise` or falls by `fall`.
Where speed counts these come as `moves`: gain, drain, most charged and discharged (T, K), and `rates`: what is taken
out per discharged, share kept (K,). Rows of tables are walked by functions of their own, so that they vectorise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

ROW = types.Array(types.float64, 1, "A", readonly=True)
GRID = types.Array(types.float64, 2, "C", readonly=True)
OWNER = types.Array(types.int64, 1, "A", readonly=True)
TABLE = types.float64[:, ::1]
LINE = types.Array(types.float64, 1, "C", readonly=True)
MOVES, RATES, BOUNDS = types.UniTuple(GRID, 4), types.UniTuple(LINE, 2), types.UniTuple(GRID, 2)


@njit([TABLE(GRID, OWNER, types.int64)], error_model="numpy", cache=True)
def summed(values: Any, owner: Any, members: Any) -> Any:
    """Sums over the devices of each member, in their order. (T, K) -> (T, N)"""
    sums = np.zeros((len(values), members))
    for t in range(len(values)):
        for k in range(owner.size):
            sums[t, owner[k]] += values[t, k]
    return sums


@njit([TABLE(ROW, ROW, GRID, GRID, GRID, GRID)], error_model="numpy", cache=True)
def led(start: Any, keep: Any, drain: Any, change: Any, low: Any, high: Any) -> Any:
    """Levels that `change` leads to, each from the one before, brought into its bounds. (T, K)"""
    slots, devices = drain.shape
    out, before = np.empty((slots, devices)), start.copy()
    for t in range(slots):
        for k in range(devices):
            out[t, k] = keep[k] * before[k] - drain[t, k] + change[t, k]
            before[k] = max(min(out[t, k], high[t, k]), low[t, k])
    return out


@njit(error_model="numpy")
def _at(tables: Any, t: Any) -> Any:
    return tables[0][t], tables[1][t], tables[2][t], tables[3][t]


@njit(error_model="numpy")
def _narrowed(t: Any, within: Any, bounds: Any, moves: Any, rates: Any) -> None:
    """Of the levels within bounds, the lowest and highest from which those of the next slot can be reached."""
    least, most, low, high = within[0][t], within[1][t], bounds[0][t], bounds[1][t]
    below, above = within[0][t + 1], within[1][t + 1]
    gain, drain, charge, discharge = _at(moves, t + 1)
    loss, keep = rates
    for k in range(least.size):
        least[k] = max(low[k], (below[k] + drain[k] - gain[k] * charge[k]) / keep[k])
        most[k] = min(high[k], (above[k] + drain[k] + loss[k] * discharge[k]) / keep[k])


@njit([types.UniTuple(TABLE, 2)(MOVES, RATES, GRID, GRID)], error_model="numpy", cache=True)
def tube(moves: Any, rates: Any, low: Any, high: Any) -> Any:
    """Lowest and highest levels from which all later bounds can be kept. (T, K) each"""
    least, most = np.empty(low.shape), np.empty(low.shape)
    least[-1], most[-1] = low[-1], high[-1]
    for t in range(len(low) - 2, -1, -1):
        _narrowed(t, (least, most), (low, high), moves, rates)
    return least, most


@njit(error_model="numpy")
def _follow(t: Any, made: Any, before: Any, aim: Any, bounds: Any, moves: Any, rates: Any) -> None:
    level, missed, charged, discharged = _at(made, t)
    wished, low, high = aim[t], bounds[0][t], bounds[1][t]
    gain, drain, charge, discharge = _at(moves, t)
    loss, keep = rates
    for k in range(level.size):
        base = keep[k] * before[k] - drain[k]
        wish = min(max(wished[k], min(low[k], high[k])), high[k])
        at = min(max(wish, base - loss[k] * discharge[k]), base + gain[k] * charge[k])
        level[k], missed[k] = at, max(max(low[k] - at, at - high[k]), 0.0)
        charged[k] = min(max(at - base, 0.0) / gain[k], charge[k])
        discharged[k] = min(max(base - at, 0.0) / loss[k], discharge[k])


@njit([types.UniTuple(TABLE, 4)(LINE, MOVES, RATES, BOUNDS, GRID)], error_model="numpy", cache=True)
def followed(start: Any, moves: Any, rates: Any, bounds: Any, aim: Any) -> Any:
    """The levels nearest to `aim` that the tube and the powers allow, what the tube is missed by, charge, discharge."""
    low = bounds[0]
    level, missed = np.empty(low.shape), np.empty(low.shape)
    charged, discharged = np.empty(low.shape), np.empty(low.shape)
    made, before = (level, missed, charged, discharged), start
    for t in range(len(low)):
        _follow(t, made, before, aim, bounds, moves, rates)
        before = level[t]
    return made


@njit([types.UniTuple(TABLE, 2)(ROW, ROW, GRID, GRID, GRID, GRID, ROW)], error_model="numpy", cache=True)
def lowered(start: Any, keep: Any, drain: Any, rise: Any, low: Any, fall: Any, free: Any) -> Any:
    """Lower bounds let down to what charging can hold, for `free` devices (1, others 0), and falls with none there."""
    slots, devices = drain.shape
    least, falls, before = low.copy(), fall.copy(), start.copy()
    for t in range(slots):
        for k in range(devices):
            able = keep[k] * before[k] - drain[t, k] + rise[t, k]
            if free[k] > 0.0 and able < low[t, k] - 1e-12:
                least[t, k], falls[t, k] = able, 0.0
            before[k] = least[t, k]
    return least, falls


@njit(error_model="numpy")
def _helped(left: Any, base: Any, gain: Any, loss: Any, fall: Any, rise: Any, bounds: Any) -> Any:
    """The level of a store that takes what is left over, or gives what is lacking; `base` if it does nothing."""
    wish = min(max(left * (gain if left > 0.0 else loss), -fall), rise)
    at = min(max(base + wish, bounds[0]), bounds[1])
    return min(max(at, base - fall), base + rise)


@njit(error_model="numpy")
def _each(t: Any, level: Any, before: Any, left: Any, bounds: Any, moves: Any, rates: Any) -> None:
    """All stores, as if each were its owner's first."""
    low, high = bounds[0][t], bounds[1][t]
    (gain, drain, charge, discharge), (loss, keep) = _at(moves, t), rates
    for k in range(level.size):
        base, fall, rise = keep[k] * before[k] - drain[k], loss[k] * discharge[k], gain[k] * charge[k]
        level[k] = _helped(left[k], base, gain[k], loss[k], fall, rise, (low[k], high[k]))


@njit(error_model="numpy")
def _again(t: Any, second: Any, level: Any, before: Any, left: Any, bounds: Any, moves: Any, rates: Any) -> None:
    """Those that come after another of their owner (pairs of both, in `second`), with what that one leaves."""
    low, high = bounds[0][t], bounds[1][t]
    (gain, drain, charge, discharge), (loss, keep) = _at(moves, t), rates
    for e, k in second:
        change = level[e] - (keep[e] * before[e] - drain[e])
        left[k] = left[e] - (change / gain[e] if change > 0.0 else change / loss[e])
        base, fall, rise = keep[k] * before[k] - drain[k], loss[k] * discharge[k], gain[k] * charge[k]
        level[k] = _helped(left[k], base, gain[k], loss[k], fall, rise, (low[k], high[k]))


@njit(error_model="numpy")
def _second(owner: Any, members: Any) -> Any:
    """Stores that come after another of the same owner: the number of that one, and their own. (stores, 2)"""
    found, count, last = np.empty((owner.size, 2), np.int64), 0, np.full(members, -1, np.int64)
    for k in range(owner.size):
        if last[owner[k]] >= 0:
            found[count, 0], found[count, 1] = last[owner[k]], k
            count += 1
        last[owner[k]] = k
    return found[:count]


@njit([TABLE(LINE, MOVES, RATES, BOUNDS, OWNER, GRID)], error_model="numpy", cache=True)
def greedy(start: Any, moves: Any, rates: Any, bounds: Any, owner: Any, base: Any) -> Any:
    """Levels if each store in turn gives what its owner lacks, `base` (T, N), or takes what it has left over. (T, K)

    In each slot all act as if they were their owner's first; then those that come after another act anew.
    """
    low = bounds[0]
    level, left, before = np.empty(low.shape), np.empty(owner.size), start
    second = _second(owner, base.shape[1])
    for t in range(len(low)):
        for k in range(owner.size):
            left[k] = -base[t, owner[k]]
        _each(t, level[t], before, left, bounds, moves, rates)
        if len(second):
            _again(t, second, level[t], before, left, bounds, moves, rates)
        before = level[t]
    return level
