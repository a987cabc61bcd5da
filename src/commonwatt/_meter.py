"""Compiled sums behind the members' meters: from devices to members, from draw and make to import and export."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

from ._sums import slot_of

GRID = types.Array(types.float64, 2, "C", readonly=True)
OWNER = types.Array(types.int64, 1, "C", readonly=True)
ROW = types.Array(types.float64, 1, "C", readonly=True)
FREE = types.Array(types.boolean, 1, "C", readonly=True)
OUT = types.float64[:, ::1]


@njit([OUT(GRID, OWNER, types.int64)], cache=True)
def by_owner(values: Any, owner: Any, members: Any) -> Any:
    """Sums over each member's devices, in their order. (T, K), (K,) -> (T, N)"""
    slots, devices = values.shape
    out = np.zeros((slots, members))
    for t in range(slots):
        for k in range(devices):
            out[t, owner[k]] += values[t, k]
    return out


@njit([OUT(GRID, GRID, OWNER)], cache=True)
def with_owned(base: Any, values: Any, owner: Any) -> Any:
    """`base` plus the sums over each member's devices. (T, N), (T, K), (K,) -> (T, N)"""
    slots, members = base.shape
    out, owned = np.empty((slots, members)), np.empty(members)
    for t in range(slots):
        owned[:] = 0.0
        for k in range(owner.size):
            owned[owner[k]] += values[t, k]
        for n in range(members):
            out[t, n] = base[t, n] + owned[n]
    return out


@njit([types.UniTuple(OUT, 2)(GRID, GRID, GRID, GRID, OWNER)], cache=True)
def ways(served: Any, used: Any, charge: Any, discharge: Any, owner: Any) -> Any:
    """Through the meter, inwards and outwards; never both. (T, N), (T, N), (T or 1, K), ... -> 2 x (T, N)"""
    slots, members = served.shape
    inwards, outwards, net = np.empty((slots, members)), np.empty((slots, members)), np.empty(members)
    for t in range(slots):
        charged, discharged = slot_of(charge, t), slot_of(discharge, t)
        for n in range(members):
            net[n] = served[t, n] - used[t, n]
        for k in range(owner.size):
            net[owner[k]] += charged[k] - discharged[k]
        for n in range(members):
            inwards[t, n] = max(net[n], 0.0)
        for n in range(members):
            outwards[t, n] = max(-net[n], 0.0)
    return inwards, outwards


@njit([OUT(*[GRID] * 6, ROW, FREE, types.float64)], error_model="numpy", cache=True)
def ready(  # noqa: PLR0913  (a compiled kernel takes arrays, not nouns)
    charge: Any, discharge: Any, level: Any, most_in: Any, most_out: Any, low: Any, out_of: Any, free: Any, hours: Any
) -> Any:
    """What devices could still deliver in slots of `hours` in which they do this already; 0 for those not `free`.

    Flows and levels (T or 1, K) [kWh], powers (T or 1, K) [kW], least levels (T or 1, K); `out_of`, `free` (K,).
    """
    slots, devices = level.shape
    able = np.empty((slots, devices))
    for t in range(slots):
        charged, discharged, held = slot_of(charge, t), slot_of(discharge, t), level[t]
        into, power, least = slot_of(most_in, t), slot_of(most_out, t), slot_of(low, t)
        for k in range(devices):
            busy = charged[k] / (into[k] * hours) if into[k] > 0.0 else 0.0
            left = power[k] * hours * (1.0 - busy) - discharged[k]
            able[t, k] = max(min(left, (held[k] - least[k]) * out_of[k]), 0.0) if free[k] else 0.0
    return able


@njit([OUT(GRID, ROW)], cache=True)
def rows_times(values: Any, factor: Any) -> Any:
    """Every row times its factor. (T, N), (T,) -> (T, N)"""
    slots, members = values.shape
    out = np.empty((slots, members))
    for t in range(slots):
        share = factor[t]
        for n in range(members):
            out[t, n] = values[t, n] * share
    return out
