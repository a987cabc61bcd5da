"""The compiled walk of self-consumption over slots and devices.

Loops write one array each, and choose between values already read: then they run several devices at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

from .._sums import slot_of

ROW = types.Array(types.float64, 1, "A", readonly=True)
GRID = types.Array(types.float64, 2, "C", readonly=True)
OWNER = types.Array(types.int64, 1, "C", readonly=True)
SAME = 1e-12
"""What two ways to reckon the same energy may differ by. [kWh]"""
RESULT = types.UniTuple(types.float64[:, ::1], 3)


@njit
def _able(surplus: Any, level: Any, bounds: Any, per_into: Any, out_of: Any, able: Any) -> None:
    """What each device could take where its member has a surplus, and give where not. (K,) [kWh]"""
    most_in, most_out, low, high = bounds
    for k in range(able.size):
        room = min((high[k] - level[k]) * per_into[k], most_in[k])
        held = min((level[k] - low[k]) * out_of[k], most_out[k])
        able[k] = max(room if surplus[k] > 0.0 else held, 0.0)


@njit(error_model="numpy")
def _fall_due(  # noqa: PLR0913  (a loop's inner part)
    due: Any, usual: Any, most: Any, into: Any, owner: Any, rested: Any, held: Any, charged: Any, surplus: Any
) -> Any:
    """Obliged devices charge what keeps them up with their `usual` level, surplus or not. (K,); for others -inf

    That is what they usually charge (`due`), less where they are ahead of it, and all they can (`most`) where something
    held them back. Enters it into `held`, `charged` (K,) and `surplus` (N,); gives the power left of `most`. (K,)
    """
    for k in range(owner.size):
        lacking = (usual[k] - rested[k]) / into[k]
        must = due[k] if abs(lacking - due[k]) <= SAME else max(min(lacking, most[k]), 0.0)
        charged[k] = must
        held[k] = rested[k] + must * into[k]
        surplus[owner[k]] -= must
    return most - charged


@njit(error_model="numpy")
def _parts(wanted: Any, able: Any, owner: Any, total: Any) -> None:
    """Turns what devices can move into their parts of what their member wants (N,); `total` (N,) is scratch."""
    total[:] = 0.0
    for k in range(owner.size):
        total[owner[k]] += able[k]
    for k in range(owner.size):
        most, asked = total[owner[k]], abs(wanted[owner[k]])
        able[k] = able[k] if asked >= most else asked * (able[k] / most)


@njit
def _move(surplus: Any, able: Any, charged: Any, discharged: Any) -> None:
    """Devices take or give what they can, up to what is over or lacking. (K,) [kWh]"""
    for k in range(able.size):
        moved = min(able[k], surplus[k])
        charged[k] += max(moved, 0.0)
    for k in range(able.size):
        moved = min(able[k], -surplus[k])
        discharged[k] = max(moved, 0.0)


@njit([RESULT(GRID, GRID, OWNER, ROW, *[GRID] * 9)], error_model="numpy", cache=True)
def walk(  # noqa: PLR0913  (a compiled kernel takes arrays, not nouns)
    load: Any, pv: Any, owner: Any, start: Any, most_in: Any, most_out: Any,
    low: Any, high: Any, drain: Any, due: Any, usual: Any, gain: Any, constants: Any,
) -> Any:  # fmt: skip
    """Charge, discharge and level of every device. load, pv (T, N); start (K,); others (T, K) or (1, K); kWh.

    `due` is what obliged devices usually charge, `usual` the level that this leads to (others: 0, -inf), `gain` what is
    stored per charged. `constants` (3, K): efficiency out, what a slot keeps of a level, whether its owner has another
    device too.
    -> 3 x (T, K)
    """
    slots, members, devices = load.shape[0], load.shape[1], owner.size
    charge, discharge, levels = np.zeros((slots, devices)), np.empty((slots, devices)), np.empty((slots, devices))
    surplus, total, seen = np.empty(members), np.empty(members), np.empty(devices)
    rested, after, able, earlier = np.empty(devices), np.empty(devices), np.empty(devices), start.copy()
    out_of, kept, joint, obliged = constants[0], constants[1], constants[2].any(), (usual[0] > -np.inf).any()
    per_gain, per_out = 1.0 / gain, 1.0 / out_of
    for t in range(slots):
        charged, discharged, level, lost = charge[t], discharge[t], levels[t], slot_of(drain, t)
        limit, highest, held = slot_of(most_in, t), slot_of(high, t), rested
        into, per_into = slot_of(gain, t), slot_of(per_gain, t)
        for n in range(members):
            surplus[n] = pv[t, n] - load[t, n]
        for k in range(devices):
            rested[k] = earlier[k] * kept[k] - lost[k]
        if obliged:
            held = after
            limit = _fall_due(slot_of(due, t), slot_of(usual, t), limit, into, owner, rested, held, charged, surplus)
        for k in range(devices):
            seen[k] = surplus[owner[k]]
        _able(seen, held, (limit, slot_of(most_out, t), slot_of(low, t), highest), per_into, out_of, able)
        if joint:
            _parts(surplus, able, owner, total)
        _move(seen, able, charged, discharged)
        for k in range(devices):
            level[k] = rested[k] + (charged[k] * into[k] - discharged[k] * per_out[k])
        earlier = level
    return charge, discharge, levels


@njit([types.float64[:, ::1](OWNER, ROW, *[GRID] * 5, ROW)], error_model="numpy", cache=True)
def keep_up(owner: Any, start: Any, most_in: Any, drain: Any, due: Any, usual: Any, gain: Any, kept: Any) -> Any:
    """What devices charge that nobody plans: as `walk` has it for obliged ones, `due` for all others. -> (T, K)"""
    slots, devices = due.shape[0], owner.size
    charge, level, rested = np.empty((slots, devices)), start.copy(), np.empty(devices)
    nobody = np.zeros(owner.max() + 1)
    for t in range(slots):
        lost, wanted, into = slot_of(drain, t), slot_of(due, t), slot_of(gain, t)
        for k in range(devices):
            rested[k] = level[k] * kept[k] - lost[k]
        _fall_due(wanted, slot_of(usual, t), slot_of(most_in, t), into, owner, rested, level, charge[t], nobody)
        for k in range(devices):
            charge[t, k] = charge[t, k] if slot_of(usual, t)[k] > -np.inf else wanted[k]
    return charge
