"""Who meets whom in a book of orders: the one compiled matching behind all auctions, slot by slot.

Buyers stand from the highest bid down, sellers from the lowest ask up, ties by number. Two fingers walk down the two
ladders as long as the bid is at least the ask; the trades are the overlaps of the ladders of cumulative energy, at
most buyers + sellers - 1. Orders of at most `LEAST_KWH`, of a price or a quantity that is no finite number, do not
take part, and a remainder of at most `LEAST_KWH` counts as filled.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

from ..exchange import LEAST_KWH
from ._order import DOWN, UP, in_order

GRID = types.Array(types.float64, 2, "C", readonly=True)
ROW, WHO = types.float64[::1], types.int64[::1]
PAIRS = types.Tuple((WHO, WHO, WHO, ROW, types.int64[:, ::1], types.float64[:, ::1]))
FLAT = types.Array(types.float64, 1, "C", readonly=True)
INDEX = types.Array(types.int64, 1, "C", readonly=True)


@njit
def walk(bid: Any, ask: Any, want: Any, have: Any, buyers: Any, sellers: Any, pairs: Any) -> Any:
    """Fills buyers from sellers, both in the order given, until a bid is below the ask.

    Prices and energy by member (N,); rows of `pairs` (buyer, seller, kWh) are written. Gives how many, and how many
    of the buyers and of the sellers are served in full.
    """
    buyer, seller, kwh = pairs
    rows, i, j = 0, 0, 0
    short = want[buyers[0]] if buyers.size else 0.0
    spare = have[sellers[0]] if sellers.size else 0.0
    while i < buyers.size and j < sellers.size and bid[buyers[i]] >= ask[sellers[j]]:
        moved = min(short, spare)
        buyer[rows], seller[rows], kwh[rows] = buyers[i], sellers[j], moved
        short, spare, rows = short - moved, spare - moved, rows + 1
        if short <= LEAST_KWH:
            i += 1
            short = want[buyers[i]] if i < buyers.size else 0.0
        if spare <= LEAST_KWH:
            j += 1
            spare = have[sellers[j]] if j < sellers.size else 0.0
    return rows, i, j


@njit([PAIRS(GRID, GRID, GRID, GRID)], error_model="numpy", cache=True)
def matched(bid: Any, ask: Any, want: Any, have: Any) -> Any:
    """Slot, buyer, seller and kWh of every match (R,); then by slot where the book ends. Orders are (T, N) each.

    Who comes last on either side (T, 2), -1 for nobody; the best bid and ask not filled in full (T, 2), else infinite.
    """
    slots = want.shape[0]
    most = want.size + have.size  # what is not written takes no memory
    slot, buyer, seller = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    kwh, last, left = np.empty(most), np.full((slots, 2), -1), np.empty((slots, 2))
    at = 0
    for t in range(slots):
        buyers, sellers = in_order(bid[t], want[t], DOWN), in_order(ask[t], have[t], UP)
        rows, i, j = walk(bid[t], ask[t], want[t], have[t], buyers, sellers, (buyer[at:], seller[at:], kwh[at:]))
        left[t, 0] = bid[t, buyers[i]] if i < buyers.size else -np.inf
        left[t, 1] = ask[t, sellers[j]] if j < sellers.size else np.inf
        slot[at : at + rows] = t
        at += rows
        if rows:
            last[t, 0], last[t, 1] = buyer[at - 1], seller[at - 1]
    return slot[:at], buyer[:at], seller[:at], kwh[:at], last, left


@njit([types.float64[:, :, ::1](INDEX, INDEX, INDEX, FLAT, FLAT, types.int64, types.int64)], cache=True)
def tallied(slot: Any, buyer: Any, seller: Any, kwh: Any, price: Any, slots: Any, members: Any) -> Any:
    """What each member gets and gives [kWh], pays and earns [money], over rows (R,) in their order. (4, T, N)"""
    out = np.zeros((4, slots, members))
    for r in range(slot.size):
        t, money = slot[r], kwh[r] * price[r]
        out[0, t, buyer[r]] += kwh[r]
        out[1, t, seller[r]] += kwh[r]
        out[2, t, buyer[r]] += money
        out[3, t, seller[r]] += money
    return out
