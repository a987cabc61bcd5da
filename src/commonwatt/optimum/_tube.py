"""Compiled recurrences over levels: what a store can reach, and from where everything later can be kept.

Tables (T, K) and rows (K,), kWh. A level keeps its share, drains, and rises by at most `rise` or falls by `fall`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

ROW = types.Array(types.float64, 1, "A", readonly=True)
GRID = types.Array(types.float64, 2, "C", readonly=True)
OWNER = types.Array(types.int64, 1, "A", readonly=True)
TABLE = types.float64[:, ::1]


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


@njit([types.UniTuple(TABLE, 2)(ROW, GRID, GRID, GRID, GRID, GRID)], error_model="numpy", cache=True)
def tube(keep: Any, drain: Any, fall: Any, rise: Any, low: Any, high: Any) -> Any:
    """Lowest and highest levels from which all later bounds can be kept. (T, K) each"""
    least, most = low.copy(), high.copy()
    for t in range(len(low) - 2, -1, -1):
        for k in range(low.shape[1]):
            due = drain[t + 1, k]
            least[t, k] = max(least[t, k], (least[t + 1, k] + due - rise[t + 1, k]) / keep[k])
            most[t, k] = min(most[t, k], (most[t + 1, k] + due + fall[t + 1, k]) / keep[k])
    return least, most


@njit([types.UniTuple(TABLE, 3)(ROW, ROW, GRID, GRID, GRID, GRID, GRID, GRID)], error_model="numpy", cache=True)
def followed(start: Any, keep: Any, drain: Any, fall: Any, rise: Any, low: Any, high: Any, aim: Any) -> Any:
    """The levels nearest to `aim` that the tube and the powers allow, what the tube is missed by, and the changes."""
    slots, devices = drain.shape
    level, missed, change = np.empty((slots, devices)), np.empty((slots, devices)), np.empty((slots, devices))
    before = start.copy()
    for t in range(slots):
        for k in range(devices):
            base = keep[k] * before[k] - drain[t, k]
            wish = min(max(aim[t, k], min(low[t, k], high[t, k])), high[t, k])
            at = min(max(wish, base - fall[t, k]), base + rise[t, k])
            level[t, k], change[t, k] = at, at - base
            missed[t, k] = max(max(low[t, k] - at, at - high[t, k]), 0.0)
            before[k] = at
    return level, missed, change


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


@njit([TABLE(ROW, ROW, GRID, GRID, GRID, GRID, GRID, GRID, ROW, OWNER, GRID)], error_model="numpy", cache=True)
def greedy(  # noqa: PLR0913  (a compiled kernel takes arrays, not nouns)
    start: Any, keep: Any, drain: Any, fall: Any, rise: Any, low: Any, high: Any, gain: Any, loss: Any, owner: Any,
    surplus: Any,
) -> Any:  # fmt: skip
    """Levels if each store in turn takes what its owner has left over (T, N), or gives what it lacks. (T, K)"""
    slots, devices = drain.shape
    level, before, rest = np.empty((slots, devices)), start.copy(), np.empty(surplus.shape[1])
    for t in range(slots):
        rest[:] = surplus[t]
        for k in range(devices):
            n, base, into = owner[k], keep[k] * before[k] - drain[t, k], gain[t, k]
            wish = min(rest[n] * into, rise[t, k]) if rest[n] > 0.0 else max(rest[n] * loss[k], -fall[t, k])
            at = min(max(base + wish, low[t, k]), high[t, k])
            at = min(max(at, base - fall[t, k]), base + rise[t, k])
            change = at - base
            rest[n] -= change / into if change > 0.0 else change / loss[k]
            level[t, k] = before[k] = at
    return level
