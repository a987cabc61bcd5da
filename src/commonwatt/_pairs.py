"""Compiled pairing of buyers with sellers where a pool only knows totals."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

GRID = types.Array(types.float64, 2, "C", readonly=True)
ROWS = types.Tuple((types.int64[:, ::1], types.float64[::1]))
LEAST = 1e-9
"""Part of a slot's energy below which two members do not trade: what rounding leaves. [-]"""


@njit
def next_with_energy(energy: Any, after: Any) -> Any:
    """The next member that has any; the number of members where there is none."""
    n = after + 1
    while n < energy.size and energy[n] <= 0.0:
        n += 1
    return n


@njit([ROWS(GRID, GRID)], cache=True)
def north_west(asked: Any, given: Any) -> Any:
    """Overlaps of the ladders of cumulative energy, slot by slot: slot, buyer and seller (3, R), energy (R,).

    (T, N), (T, N), both as delivered; each slot's totals agree up to rounding.
    """
    slots, members = asked.shape
    most = (asked > 0.0).sum() + (given > 0.0).sum()
    who, kwh, row = np.empty((3, most), np.int64), np.empty(most), 0
    for t in range(slots):
        buyer, seller = next_with_energy(asked[t], -1), next_with_energy(given[t], -1)
        if buyer == members or seller == members:
            continue
        total = asked[t].sum()
        scale, done = total / given[t].sum(), 0.0
        bought, sold = asked[t, buyer], given[t, seller] * scale
        while buyer < members and seller < members:
            step = min(bought, sold)
            if step - done > LEAST * total:
                who[0, row], who[1, row], who[2, row], kwh[row] = t, buyer, seller, step - done
                row, done = row + 1, step
            if bought <= sold:
                buyer = next_with_energy(asked[t], buyer)
                bought += asked[t, buyer] if buyer < members else 0.0
            else:
                seller = next_with_energy(given[t], seller)
                sold += given[t, seller] * scale if seller < members else 0.0
    return who[:, :row].copy(), kwh[:row].copy()
