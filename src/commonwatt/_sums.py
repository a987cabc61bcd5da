"""Compiled sums in a fixed order, so that no result depends on how time is cut (conventions §11).

Loops run over slots outside and members inside, as arrays lie in memory; four slots at a time keep the processor busy
without changing the order of any sum.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

FLAT = types.Array(types.float64, 1, "A", readonly=True)
INDEX = types.Array(types.int64, 1, "A", readonly=True)
ROW = types.float64[::1]
GRID = types.Array(types.float64, 2, "C", readonly=True)
"""Dense; callers bring anything else (a number repeated, a slice) into this form."""


@njit([ROW(GRID)], cache=True)
def row_sums(values: Any) -> Any:
    """Sums over the second axis, in its order. (T, N) -> (T,)"""
    slots, members = values.shape
    out = np.zeros(slots)
    whole = slots - slots % 4
    for t in range(0, whole, 4):
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        for n in range(members):
            a += values[t, n]
            b += values[t + 1, n]
            c += values[t + 2, n]
            d += values[t + 3, n]
        out[t], out[t + 1], out[t + 2], out[t + 3] = a, b, c, d
    for t in range(whole, slots):
        for n in range(members):
            out[t] += values[t, n]
    return out


@njit([types.void(GRID, ROW)], cache=True)
def add_rows(values: Any, sums: Any) -> None:
    """Adds all rows to `sums`, in their order. (T, N), (N,)"""
    slots, members = values.shape
    whole = slots - slots % 4
    for t in range(0, whole, 4):
        for n in range(members):
            sums[n] = (((sums[n] + values[t, n]) + values[t + 1, n]) + values[t + 2, n]) + values[t + 3, n]
    for t in range(whole, slots):
        for n in range(members):
            sums[n] += values[t, n]


@njit([types.void(types.float64[:, ::1], INDEX, INDEX, FLAT, types.float64)], cache=True)
def add_rows_at(out: Any, slot: Any, column: Any, amounts: Any, sign: Any) -> None:
    """Adds amounts (R,) times a sign to `out` (T, N), in their order, where it has their slots and columns."""
    for r in range(amounts.size):
        if 0 <= slot[r] < out.shape[0] and 0 <= column[r] < out.shape[1]:
            out[slot[r], column[r]] += sign * amounts[r]


@njit([types.void(GRID, ROW)], cache=True)
def raise_to(values: Any, highest: Any) -> None:
    """Raises `highest` to the highest value of each column. (T, N), (N,)"""
    slots, members = values.shape
    for t in range(slots):
        for n in range(members):
            highest[n] = max(values[t, n], highest[n])


@njit([ROW(GRID, ROW, ROW)], cache=True)
def fold(values: Any, sums: Any, highest: Any) -> Any:
    """`add_rows`, `raise_to` and `row_sums` while a row is at hand. (T, N), (N,), (N,) -> (T,)"""
    slots, members = values.shape
    out = np.zeros(slots)
    whole = slots - slots % 4
    for t in range(0, whole, 4):
        for n in range(members):
            sums[n] = (((sums[n] + values[t, n]) + values[t + 1, n]) + values[t + 2, n]) + values[t + 3, n]
        for n in range(members):
            most = max(max(values[t, n], values[t + 1, n]), max(values[t + 2, n], values[t + 3, n]))
            highest[n] = max(most, highest[n])
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        for n in range(members):
            a += values[t, n]
            b += values[t + 1, n]
            c += values[t + 2, n]
            d += values[t + 3, n]
        out[t], out[t + 1], out[t + 2], out[t + 3] = a, b, c, d
    for t in range(whole, slots):
        for n in range(members):
            sums[n] += values[t, n]
            highest[n] = max(values[t, n], highest[n])
            out[t] += values[t, n]
    return out


@njit([types.UniTuple(ROW, 4)(GRID)], cache=True)
def extremes(values: Any) -> Any:
    """Lowest, highest, sum, and length of the longest run of equal values of each column. (T, N) -> 4 x (N,)"""
    slots, members = values.shape
    lowest, highest, total = values[0].copy(), values[0].copy(), np.zeros(members)
    run, longest = np.zeros(members), np.zeros(members)
    for t in range(slots):
        for n in range(members):
            lowest[n] = min(lowest[n], values[t, n])
        for n in range(members):
            highest[n] = max(highest[n], values[t, n])
        for n in range(members):
            total[n] += values[t, n]
        earlier = max(t - 1, 0)
        for n in range(members):
            run[n] = run[n] + 1.0 if values[t, n] == values[earlier, n] else 1.0
        for n in range(members):
            longest[n] = max(longest[n], run[n])
    return lowest, highest, total, longest


def column_sums(carry: Any, values: Any) -> Any:
    """`carry` plus sums over the first axis, in its order. (N,), (T, N) -> (N,)"""
    sums = np.array(carry, np.float64)
    add_rows(values, sums)
    return sums


@njit([types.float64[:, ::1](FLAT, GRID)], cache=True)
def running(start: Any, moves: Any) -> Any:
    """Levels after each row: `start` plus all rows up to it. (N,), (T, N) -> (T, N)"""
    slots, members = moves.shape
    out = np.empty((slots, members))
    level = start.copy()
    for t in range(slots):
        for n in range(members):
            level[n] += moves[t, n]
        out[t] = level
    return out


@njit
def slot_of(rows: Any, t: Any) -> Any:
    """Row of slot t; what never changes comes as one row."""
    return rows[t if rows.shape[0] > 1 else 0]


@njit([types.float64[:, ::1](types.int64, FLAT, GRID, GRID, GRID, FLAT, FLAT, GRID)], error_model="numpy", cache=True)
def levels(
    slots: Any, start: Any, charge: Any, discharge: Any, into: Any, out_of: Any, leakage: Any, drain: Any
) -> Any:
    """Stored energy at the end of each slot: leaks, drains, then takes and gives. (K,), (T or 1, K)... -> (T, K)"""
    devices = start.size
    out, moved, level = np.empty((slots, devices)), np.empty(devices), start.copy()
    kept, loss = 1.0 - leakage, out_of.copy()
    for t in range(slots):
        taken, given, drained, gain = slot_of(charge, t), slot_of(discharge, t), slot_of(drain, t), slot_of(into, t)
        for k in range(devices):
            moved[k] = taken[k] * gain[k] - given[k] / loss[k]
        for k in range(devices):
            level[k] = level[k] * kept[k] - drained[k]
        for k in range(devices):
            level[k] += moved[k]
        out[t] = level
    return out
