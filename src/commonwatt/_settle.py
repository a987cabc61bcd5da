"""The compiled heart of settlement: money of every member and slot in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

ROW = types.Array(types.float64, 1, "A", readonly=True)
GRID = types.Array(types.float64, 2, "A", readonly=True)
SERIES = types.Tuple((types.float64[:, ::1], types.float64[:, ::1], types.float64[::1], types.float64[::1]))


@njit([SERIES(GRID, GRID, GRID, GRID, GRID, GRID, GRID, GRID, ROW)], cache=True)
def money(  # noqa: PLR0913  (a compiled kernel takes arrays, not nouns)
    crossed_in: Any, crossed_out: Any, bought: Any, sold: Any,
    buy: Any, sell: Any, buy_price: Any, sell_price: Any, paid_share: Any,
) -> Any:  # fmt: skip
    """Energy and pool money (T, N) and their sums over members (T,); energies and prices (T, N), shares (T,)."""
    slots, members = crossed_in.shape
    energy, pool = np.empty((slots, members)), np.empty((slots, members))
    energy_sum, pool_sum = np.zeros(slots), np.zeros(slots)
    for t in range(slots):
        paid = paid_share[t]
        for n in range(members):
            b, s = bought[t, n], sold[t, n]
            e = (crossed_in[t, n] - b) * buy[t, n] - (crossed_out[t, n] - s) * sell[t, n]
            p = b * buy_price[t, n] - s * paid * sell_price[t, n]
            energy[t, n], pool[t, n] = e, p
            energy_sum[t] += e
            pool_sum[t] += p
    return energy, pool, energy_sum, pool_sum
