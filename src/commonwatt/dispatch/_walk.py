"""The compiled walk of self-consumption over slots and devices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

ROW = types.Array(types.float64, 1, "A", readonly=True)
GRID = types.Array(types.float64, 2, "A", readonly=True)
OWNER = types.Array(types.int64, 1, "A", readonly=True)
RESULT = types.UniTuple(types.float64[:, ::1], 2)


@njit([RESULT(GRID, GRID, OWNER, ROW, GRID, GRID, GRID, GRID, GRID, GRID, GRID)], cache=True)
def walk(  # noqa: PLR0913  (a compiled kernel takes arrays, not nouns)
    load: Any, pv: Any, owner: Any, start: Any, most_in: Any, most_out: Any,
    low: Any, high: Any, drain: Any, usual: Any, constants: Any,
) -> Any:  # fmt: skip
    """Charge and discharge of every device. load, pv (T, N); start (K,); others (T, K); all kWh. -> 2 x (T, K)

    `constants` (4, K): efficiency in, efficiency out, leakage per slot, whether obliged.
    """
    slots, devices, members = load.shape[0], owner.shape[0], load.shape[1]
    charge, discharge = np.zeros((slots, devices)), np.zeros((slots, devices))
    level, base, able = start.copy(), np.zeros(devices), np.zeros(devices)
    surplus, total = np.zeros(members), np.zeros(members)
    into, out_of, leakage, obliged = constants[0], constants[1], constants[2], constants[3]
    for t in range(slots):
        for n in range(members):
            surplus[n] = pv[t, n] - load[t, n]
            total[n] = 0.0
        for k in range(devices):
            base[k] = level[k] * (1.0 - leakage[k]) - drain[t, k]
            level[k] = base[k]
            if obliged[k] > 0.0:
                must = max(min(usual[t, k], (high[t, k] - level[k]) / into[k]), 0.0)
                charge[t, k] = must
                level[k] += must * into[k]
                surplus[owner[k]] -= must
        for k in range(devices):
            if surplus[owner[k]] > 0.0:
                able[k] = max(min((high[t, k] - level[k]) / into[k], most_in[t, k] - charge[t, k]), 0.0)
            elif obliged[k] > 0.0:
                able[k] = 0.0
            else:
                able[k] = max(min((level[k] - low[t, k]) * out_of[k], most_out[t, k]), 0.0)
            total[owner[k]] += able[k]
        for k in range(devices):
            wanted, most = surplus[owner[k]], total[owner[k]]
            if able[k] > 0.0 and wanted != 0.0:
                part = able[k] if abs(wanted) >= most else able[k] * (abs(wanted) / most)
                if wanted > 0.0:
                    charge[t, k] += part
                else:
                    discharge[t, k] = part
            level[k] = base[k] + (charge[t, k] * into[k] - discharge[t, k] / out_of[k])
    return charge, discharge
