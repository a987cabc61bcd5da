"""Compiled rounding: amounts between parties become whole numbers, and nobody's running total drifts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit, types

INDEX = types.Array(types.int64, 1, "C", readonly=True)
ROW = types.Array(types.float64, 1, "C", readonly=True)
GRID = types.Array(types.float64, 2, "C", readonly=True)
FOUND = types.Tuple((types.int64[::1], types.int64[:, ::1]))
WHOLE = 1e-3
"""An amount that close to a whole number is one. [units]"""


@njit
def mended(off: Any, held: Any, t: Any, extra: Any, used: Any) -> Any:
    """Moves single units until nobody is off by more than one; what was moved stands in `extra`, up to `used`."""
    for _ in range(2 * off.size):
        most, least = off.argmax(), off.argmin()
        if off[most] <= 1.0 and off[least] >= -1.0:
            break
        off[most], off[least] = off[most] - 1.0, off[least] + 1.0
        held[most], held[least] = held[most] - 1, held[least] + 1
        if used == len(extra):
            extra = np.concatenate((extra, np.empty_like(extra)))
        extra[used, 0], extra[used, 1], extra[used, 2] = t, most, least
        used += 1
    return extra, used


@njit([FOUND(INDEX, INDEX, INDEX, ROW, ROW, GRID, types.int64[::1])], cache=True)
def rounded(starts: Any, giver: Any, taker: Any, amounts: Any, before: Any, totals: Any, held: Any) -> Any:
    """Whole numbers for the amounts of lines (R,), and single units moved besides: slot, giver, taker (X, 3).

    Slot t has the lines from `starts[t]` to `starts[t + 1]` (T + 1,). An amount is rounded up or down, whichever leaves
    its giver and its taker nearer to their exact totals: `before` (P,), then `totals` at the end of every slot (T, P).
    Where somebody would be off by more than one unit at the end of a slot, a unit is moved. `held` (P,): what everybody
    holds in whole units, before and afterwards.
    """
    whole, extra, used = np.empty(amounts.size, np.int64), np.empty((16, 3), np.int64), 0
    off = held - before
    for t in range(len(totals)):
        for r in range(starts[t], starts[t + 1]):
            amount, a, b = amounts[r], giver[r], taker[r]
            low, near = math.floor(amount), math.floor(amount + 0.5)
            up = amount - low + 0.5 * (off[a] - off[b]) > 0.5
            value = near if abs(amount - near) < WHOLE else low + (1 if up else 0)
            whole[r] = int(value)
            held[a], held[b] = held[a] - whole[r], held[b] + whole[r]
            off[a], off[b] = off[a] + (amount - value), off[b] - (amount - value)
        off = held - totals[t]
        extra, used = mended(off, held, t, extra, used)
    return whole, extra[:used].copy()
