"""Compiled sums in a fixed order, so that no result depends on how time is cut (conventions §11)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

FLAT = types.Array(types.float64, 1, "A", readonly=True)
GRID = types.Array(types.float64, 2, "A", readonly=True)


@njit([types.float64[::1](GRID)], cache=True)
def row_sums(values: Any) -> Any:
    """Sums over the second axis, in its order. (T, N) -> (T,)"""
    slots, members = values.shape
    out = np.zeros(slots)
    for t in range(slots):
        total = 0.0
        for n in range(members):
            total += values[t, n]
        out[t] = total
    return out


@njit([types.float64[::1](FLAT, GRID)], cache=True)
def column_sums(carry: Any, values: Any) -> Any:
    """`carry` plus sums over the first axis, in its order. (N,), (T, N) -> (N,)"""
    slots, members = values.shape
    out = carry.copy()
    for t in range(slots):
        for n in range(members):
            out[n] += values[t, n]
    return out


@njit([types.float64[::1](GRID, types.float64[::1], types.float64[::1])], cache=True)
def fold(values: Any, sums: Any, highest: Any) -> Any:
    """Adds a window to sums over time (N,) and highest values (N,), in place; gives the sums over members. (T,)"""
    slots, members = values.shape
    out = np.zeros(slots)
    for t in range(slots):
        total = 0.0
        for n in range(members):
            value = values[t, n]
            total += value
            sums[n] += value
            highest[n] = max(highest[n], value)
        out[t] = total
    return out


@njit([types.float64[:, ::1](FLAT, GRID)], cache=True)
def running(start: Any, moves: Any) -> Any:
    """Levels after each row: `start` plus all rows up to it. (N,), (T, N) -> (T, N)"""
    slots, members = moves.shape
    out = np.empty((slots, members))
    for n in range(members):
        level = start[n]
        for t in range(slots):
            level += moves[t, n]
            out[t, n] = level
    return out


@njit([types.float64[:, ::1](FLAT, GRID, GRID, FLAT, FLAT, FLAT, GRID)], cache=True)
def levels(start: Any, charge: Any, discharge: Any, into: Any, out_of: Any, leakage: Any, drain: Any) -> Any:
    """Stored energy at the end of each slot: leaks, drains, then takes and gives. (K,), (T, K)... -> (T, K)"""
    slots, devices = charge.shape
    out = np.empty((slots, devices))
    for k in range(devices):
        level = start[k]
        for t in range(slots):
            level = level * (1.0 - leakage[k]) - drain[t, k] + (charge[t, k] * into[k] - discharge[t, k] / out_of[k])
            out[t, k] = level
    return out
