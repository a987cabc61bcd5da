"""Compiled: what members feed in and draw within the same hour, and what premium that earns."""

from __future__ import annotations

from typing import Any

from numba import njit, types

GRID = types.Array(types.float64, 2, "C", readonly=True)
FLAT = types.Array(types.float64, 1, "C", readonly=True)


@njit([types.float64[:, ::1](GRID, GRID, GRID, FLAT, GRID)], cache=True)
def hours_added(before: Any, drawn: Any, fed: Any, closes: Any, rates: Any) -> Any:
    """Sums (6, N) continued: fed in and drawn in the open hour; shared so far, as given and as taken; premium; fed in.

    `drawn` and `fed` (T, N) [kWh]; `closes` (T,) is above 0 in an hour's last slot; `rates` (T, N) are premiums
    per kWh that a member gives [money/kWh]. The last two rows are by the member that gives.
    """
    sums, (slots, members) = before.copy(), drawn.shape
    for t in range(slots):
        for n in range(members):
            sums[0, n] += fed[t, n]
            sums[1, n] += drawn[t, n]
        if closes[t] <= 0.0:
            continue
        given, taken = 0.0, 0.0
        for n in range(members):
            given += sums[0, n]
            taken += sums[1, n]
        shared = min(given, taken)
        for n in range(members):
            part = sums[0, n] / given * shared if given > 0.0 else 0.0
            sums[2, n] += part
            sums[3, n] += sums[1, n] / taken * shared if taken > 0.0 else 0.0
            sums[4, n] += part * rates[t, n]
            sums[5, n] += sums[0, n]
            sums[0, n] = 0.0
            sums[1, n] = 0.0
    return sums
