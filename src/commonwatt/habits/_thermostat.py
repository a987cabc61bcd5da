"""The compiled thermostat: it brings a store back to where it is kept, slot by slot."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

ROW = types.Array(types.float64, 1, "A", readonly=True)
GRID = types.Array(types.float64, 2, "C", readonly=True)


@njit([types.float64[:, ::1](GRID, GRID, ROW, ROW, ROW)], error_model="numpy", cache=True)
def kept(heat: Any, cop: Any, most: Any, aim: Any, keep: Any) -> Any:
    """Electricity in every slot (T, K) that holds the level at `aim`, at most `most` (K,). [kWh]

    heat (T, K) leaves the store, which keeps a share `keep` (K,) of what it has.
    """
    slots, devices = heat.shape
    used, level = np.empty((slots, devices)), aim.copy()
    for t in range(slots):
        for k in range(devices):
            left = level[k] * keep[k] - heat[t, k]
            used[t, k] = min(max((aim[k] - left) / cop[t, k], 0.0), most[k])
            level[k] = left + used[t, k] * cop[t, k]
    return used
