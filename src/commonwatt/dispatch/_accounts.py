"""The compiled walk of shared batteries: members' accounts fill and empty under common room and power."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

from .._sums import slot_of

ROW = types.Array(types.float64, 1, "A", readonly=True)
GRID = types.Array(types.float64, 2, "C", readonly=True)
INDEX = types.Array(types.int64, 1, "C", readonly=True)
RESULT = types.UniTuple(types.float64[:, ::1], 3)


@njit(error_model="numpy")
def _among(wanted: Any, sign: Any, owner: Any, able: Any, total: Any, part: Any) -> None:
    """What each member wants (N,; where `sign` makes it positive) among its accounts, by what they are able to. (R,)"""
    total[:] = 0.0
    for r in range(owner.size):
        total[owner[r]] += able[r]
    for r in range(owner.size):
        asked, most = max(sign * wanted[owner[r]], 0.0), total[owner[r]]
        part[r] = asked * (able[r] / most) if most > 0.0 else 0.0


@njit(error_model="numpy")
def _within(part: Any, battery: Any, most: Any, sums: Any) -> None:
    """Brings what accounts move down to what their batteries can (S,), in proportion; `sums` is what then moves."""
    sums[:] = 0.0
    for r in range(part.size):
        sums[battery[r]] += part[r]
    for r in range(part.size):
        s = battery[r]
        part[r] = part[r] * (most[s] / sums[s]) if sums[s] > most[s] else part[r]
    for s in range(sums.size):
        sums[s] = min(sums[s], most[s])


@njit([RESULT(GRID, INDEX, INDEX, ROW, *[GRID] * 7)], error_model="numpy", cache=True)
def walk_accounts(  # noqa: PLR0913  (a compiled kernel takes arrays, not nouns)
    surplus: Any, owner: Any, battery: Any, start: Any,
    most_in: Any, most_out: Any, high: Any, low: Any, gain: Any, drain: Any, constants: Any,
) -> Any:  # fmt: skip
    """Charge, discharge and level of every account. (T, R) each [kWh]

    surplus (T, N) [kWh], below 0 a deficit; owner, battery (R,): numbers of member and battery; start (R,); most_in,
    most_out, high (T or 1, S): what batteries can take, give and hold; low, gain, drain (T or 1, R): of accounts;
    constants (2, R): efficiency out, what a slot keeps. A battery runs one way in a slot: that which moves more.
    """
    slots, accounts, batteries = surplus.shape[0], owner.size, high.shape[1]
    charge, discharge, level = np.zeros((slots, accounts)), np.zeros((slots, accounts)), np.zeros((slots, accounts))
    before, base, total = start.copy(), np.empty(accounts), np.empty(surplus.shape[1])
    able, into, out = np.empty(accounts), np.empty(accounts), np.empty(accounts)
    room, most, taken, given = np.empty(batteries), np.empty(batteries), np.empty(batteries), np.empty(batteries)
    for t in range(slots):
        per_in, least, lost = slot_of(gain, t), slot_of(low, t), slot_of(drain, t)
        power_in, power_out = slot_of(most_in, t), slot_of(most_out, t)
        room[:] = slot_of(high, t)
        for r in range(accounts):
            base[r] = before[r] * constants[1, r] - lost[r]
            room[battery[r]] -= base[r]
        for r in range(accounts):
            able[r] = max(min(room[battery[r]] / per_in[r], power_in[battery[r]]), 0.0)
            most[battery[r]] = able[r]
        _among(surplus[t], 1.0, owner, able, total, into)
        _within(into, battery, most, taken)
        for r in range(accounts):
            able[r] = max((base[r] - least[r]) * constants[0, r], 0.0)
        _among(surplus[t], -1.0, owner, able, total, out)
        for r in range(accounts):
            out[r] = min(out[r], able[r])
        _within(out, battery, power_out, given)
        for r in range(accounts):
            fills = taken[battery[r]] >= given[battery[r]]
            charge[t, r] = into[r] if fills else 0.0
            discharge[t, r] = 0.0 if fills else out[r]
            level[t, r] = base[r] + (charge[t, r] * per_in[r] - discharge[t, r] / constants[0, r])
        before = level[t]
    return charge, discharge, level
