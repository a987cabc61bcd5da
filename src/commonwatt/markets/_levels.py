"""Giving something up in equal parts, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

GRID = types.Array(types.float64, 2, "C", readonly=True)
FLAT = types.Array(types.float64, 1, "C", readonly=True)


@njit
def _loss(ascending: Any, kept: Any) -> Any:
    """What each gives up at most."""
    gap, members = ascending.sum() - kept, ascending.size
    for n in range(members):
        part = gap / (members - n)
        if part <= ascending[n]:
            return max(part, 0.0)
        gap -= ascending[n]
    return ascending[-1] if members else 0.0


@njit([types.float64[:, ::1](GRID, FLAT)], cache=True)
def given_up(kwh: Any, kept: Any) -> Any:
    """What is left to everybody when each gives up the same, or all it has, so that `kept` (T,) remain. (T, N) [kWh]

    Constrained equal losses (Aumann and Maschler 1985, doi:10.1016/0022-0531(85)90102-4).
    """
    slots, members = kwh.shape
    out = np.empty((slots, members))
    for t in range(slots):
        loss = _loss(np.sort(kwh[t]), kept[t])
        for n in range(members):
            out[t, n] = max(kwh[t, n] - loss, 0.0)
    return out
