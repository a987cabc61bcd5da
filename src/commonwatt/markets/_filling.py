"""Compiled ways to fill demands from a pot, slot by slot; what repeats over time comes as one row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

ROW = types.Array(types.float64, 1, "C", readonly=True)
GRID = types.Array(types.float64, 2, "C", readonly=True)
OUT = types.float64[:, ::1]


@njit([OUT(GRID, ROW, GRID)], error_model="numpy", cache=True)
def level_filled(demand: Any, pot: Any, weight: Any) -> Any:
    """Everybody gets weight x level, or its demand if that is less, until the pot is empty. (T, N)

    Demands are met from the lowest per weight on, as long as the level reaches them.
    """
    slots, members = demand.shape
    out, height = np.zeros((slots, members)), np.empty(members)
    for t in range(slots):
        row, left, heavy = weight[t if weight.shape[0] > 1 else 0], pot[t], 0.0
        for n in range(members):
            asks = demand[t, n] > 0.0 and row[n] > 0.0
            height[n] = demand[t, n] / row[n] if asks else np.inf
            heavy += row[n] if asks else 0.0
        for n in np.argsort(height, kind="mergesort"):
            if height[n] == np.inf:
                break
            out[t, n] = min(demand[t, n], max(left, 0.0) * row[n] / heavy)
            left -= out[t, n]
            heavy -= row[n]
    return out


@njit([OUT(GRID, ROW, GRID)], error_model="numpy", cache=True)
def rank_filled(demand: Any, pot: Any, rank: Any) -> Any:
    """Lower ranks first; of one rank everybody gets the same part of its demand. (T, N)"""
    slots, members = demand.shape
    out = np.zeros((slots, members))
    for t in range(slots):
        row, left, first = rank[t if rank.shape[0] > 1 else 0], pot[t], 0
        order = np.argsort(row, kind="mergesort")
        while first < members and left > 0.0:
            last, wanted = first, 0.0
            while last < members and row[order[last]] == row[order[first]]:
                wanted += demand[t, order[last]]
                last += 1
            part = min(left / wanted, 1.0) if wanted > 0.0 else 0.0
            for k in range(first, last):
                out[t, order[k]] = demand[t, order[k]] * part
            left = max(left - wanted, 0.0)
            first = last
    return out
