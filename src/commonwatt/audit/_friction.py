"""Whether trades are as large, and worth as much, as the pool's terms ask."""

from __future__ import annotations

import numpy as np

from ..exchange import LEAST_KWH
from ..flow import Array, Mask
from ._facts import Facts
from ._invariants import invariant


@invariant("T7")
def _worthwhile(f: Facts) -> Array | None:
    """No trade is below the pool's least where the grid could take its place; none costs a side more than it brings."""
    pool, trades = f.terms.pool, f.trades
    if not pool.paired or f.record.trades is None:
        return None
    slot = trades.slot - f.record.clock.first
    wrong = (trades.kwh < pool.min_trade_kwh - 2 * LEAST_KWH) & _could_be_the_grid(f)[slot]
    if pool.refuse_losses:
        routes = f.terms.routes
        rate = pool.fee_per_kwh if routes is None else routes.fee(trades.buyer, trades.seller)
        money, half = trades.kwh * trades.price, 0.5 * (rate * trades.kwh + pool.fee_per_trade)
        buyer = trades.kwh * f.terms.buy[slot, trades.buyer] - money - half
        seller = money - trades.sent_kwh * f.terms.sell[slot, trades.seller] - half
        wrong |= np.minimum(buyer, seller) < -2e-9 * (1.0 + np.abs(money))
    return np.asarray(np.bincount(slot[wrong], trades.kwh[wrong], f.now.shape[0]))


def _could_be_the_grid(f: Facts) -> Mask:
    """Slots in which the coupling point has room for all trades below the least. (T,)"""
    limits, fits, slot = f.now.connection, np.ones(f.now.shape[0], np.bool_), f.trades.slot - f.record.clock.first
    small = f.trades.kwh < f.terms.pool.min_trade_kwh - LEAST_KWH
    caps = limits.import_cap_kw, limits.export_cap_kw
    for billed, moved, cap in zip(f.outside_kwh, (f.trades.kwh, f.trades.sent_kwh), caps, strict=True):
        if cap is not None:
            asked = np.bincount(slot, moved * small, fits.size)
            fits &= billed.sum(axis=1) + asked < cap * f.hours - LEAST_KWH
    return fits
