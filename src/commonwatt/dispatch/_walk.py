"""The compiled walk of self-consumption over slots and devices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

from .._sums import slot_of

ROW = types.Array(types.float64, 1, "A", readonly=True)
GRID = types.Array(types.float64, 2, "C", readonly=True)
OWNER = types.Array(types.int64, 1, "C", readonly=True)
RESULT = types.UniTuple(types.float64[:, ::1], 2)


@njit(error_model="numpy")
def _able(surplus: Any, level: Any, charged: Any, bounds: Any, constants: Any, able: Any, room: Any) -> None:
    """What each device could take (where there is surplus) or give; `room` is scratch. All (K,) [kWh]"""
    most_in, most_out, low, high = bounds
    into, out_of, free = constants[0], constants[1], constants[4]
    for k in range(able.size):
        room[k] = max(min((high[k] - level[k]) / into[k], most_in[k] - charged[k]), 0.0)
    for k in range(able.size):
        able[k] = max(min((level[k] - low[k]) * out_of[k], most_out[k]), 0.0) * free[k]
    for k in range(able.size):
        able[k] = room[k] if surplus[k] > 0.0 else able[k]


@njit(error_model="numpy")
def _fall_due(usual: Any, high: Any, into: Any, owner: Any, level: Any, charged: Any, surplus: Any) -> None:
    """Obliged devices charge what they usually do, surplus or not; `usual` (K,) is 0 for all others."""
    for k in range(owner.size):
        if usual[k] > 0.0:
            must = max(min(usual[k], (high[k] - level[k]) / into[k]), 0.0)
            charged[k] = must
            level[k] += must * into[k]
            surplus[owner[k]] -= must


@njit
def _together(able: Any, owner: Any, total: Any, most: Any) -> None:
    """What all devices of each device's owner together can move. (K,); `total` (N,) is scratch."""
    total[:] = 0.0
    for k in range(owner.size):
        total[owner[k]] += able[k]
    for k in range(owner.size):
        most[k] = total[owner[k]]


@njit(error_model="numpy")
def _move(surplus: Any, able: Any, most: Any, charged: Any, discharged: Any, part: Any) -> None:
    """Adds each device's part of what its member's devices together can move (`most`); `part` is scratch. (K,) [kWh]"""
    for k in range(able.size):
        wanted = abs(surplus[k])
        part[k] = able[k] if wanted >= most[k] else wanted * (able[k] / most[k])
    for k in range(able.size):
        charged[k] += part[k] if surplus[k] > 0.0 else 0.0
    for k in range(able.size):
        discharged[k] = 0.0 if surplus[k] > 0.0 else part[k]


@njit([RESULT(GRID, GRID, OWNER, ROW, GRID, GRID, GRID, GRID, GRID, GRID, GRID)], error_model="numpy", cache=True)
def walk(  # noqa: PLR0913  (a compiled kernel takes arrays, not nouns)
    load: Any, pv: Any, owner: Any, start: Any, most_in: Any, most_out: Any,
    low: Any, high: Any, drain: Any, due: Any, constants: Any,
) -> Any:  # fmt: skip
    """Charge and discharge of every device. load, pv (T, N); start (K,); others (T, K) or (1, K); kWh. -> 2 x (T, K)

    `constants` (5, K): efficiency in, efficiency out, what a slot keeps of a level, whether its owner has another
    device too, whether it may be discharged.
    """
    slots, members, devices = load.shape[0], load.shape[1], owner.size
    charge, discharge = np.zeros((slots, devices)), np.zeros((slots, devices))
    level, seen, able, most = start.copy(), np.empty(devices), np.empty(devices), np.empty(devices)
    surplus, total, base, scratch = np.empty(members), np.empty(members), np.empty(devices), np.empty(devices)
    into, out_of, kept, joint = constants[0], constants[1], constants[2], constants[3].any()
    for t in range(slots):
        bounds, lost = (slot_of(most_in, t), slot_of(most_out, t), slot_of(low, t), slot_of(high, t)), slot_of(drain, t)
        for n in range(members):
            surplus[n] = pv[t, n] - load[t, n]
        for k in range(devices):
            base[k] = level[k] * kept[k] - lost[k]
        level[:] = base
        _fall_due(slot_of(due, t), bounds[3], into, owner, level, charge[t], surplus)
        for k in range(devices):
            seen[k] = surplus[owner[k]]
        _able(seen, level, charge[t], bounds, constants, able, scratch)
        most[:] = able
        if joint:
            _together(able, owner, total, most)
        _move(seen, able, most, charge[t], discharge[t], scratch)
        for k in range(devices):
            level[k] = base[k] + (charge[t, k] * into[k] - discharge[t, k] / out_of[k])
    return charge, discharge
