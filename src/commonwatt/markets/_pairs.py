"""Who trades with whom in a pool that only knows totals."""

from __future__ import annotations

import numpy as np

from ..flow import Array, Trades

LEAST_KWH = 1e-9


def north_west(first: int, bought: Array, sent: Array, efficiency: float, price: Array) -> Trades:
    """Rows that fill buyers in their order from sellers in theirs: at most buyers + sellers - 1 per slot.

    `bought` (delivered), `sent` and `price` (T, N); each slot's totals agree up to the efficiency. The order carries
    no meaning: a pool has no pairs, and these rows only say the same in the form that ledgers and pictures need.
    """
    parts = [
        _slot(first + int(t), bought[t], sent[t] * efficiency, price[t]) for t in np.flatnonzero(bought.any(axis=1))
    ]
    table = np.concatenate(parts) if parts else np.empty((0, 5))
    slot, buyer, seller = (table[:, k].astype(np.int64) for k in range(3))
    return Trades(
        slot=slot, buyer=buyer, seller=seller, kwh=table[:, 3], sent_kwh=table[:, 3] / efficiency, price=table[:, 4]
    )


def _slot(slot: int, bought: Array, delivered: Array, price: Array) -> Array:
    """Overlaps of the two ladders of cumulative energy. (R, 5)"""
    buyers, sellers = np.flatnonzero(bought > 0), np.flatnonzero(delivered > 0)
    asked, given = np.cumsum(bought[buyers]), np.cumsum(delivered[sellers])
    if not asked.size or not given.size:
        return np.empty((0, 5))
    given = given * (asked[-1] / given[-1])
    steps = np.unique(np.concatenate([asked, given]))
    kwh = np.diff(steps, prepend=0.0)
    steps, kwh = steps[kwh > LEAST_KWH * steps[-1]], kwh[kwh > LEAST_KWH * steps[-1]]
    middle = steps - 0.5 * kwh
    buyer = buyers[np.minimum(np.searchsorted(asked, middle), buyers.size - 1)]
    seller = sellers[np.minimum(np.searchsorted(given, middle), sellers.size - 1)]
    return np.column_stack([np.full(kwh.size, slot), buyer, seller, kwh, price[buyer]])
