"""Invariants of mechanisms that take orders: what was quoted beside what was traded, at which price."""

from __future__ import annotations

import numpy as np

from ..exchange import LEAST_KWH
from ..flow import Array, Mask
from ._facts import Facts
from ._invariants import below, invariant


@invariant("T4")
def _limits(f: Facts) -> Array | None:
    """Nobody quotes more than it may and has, moves more than it quoted, or has a price worse than its own.

    What one has is what crosses its meter, with what its storage stands by for; the pool may limit it.
    """
    if "quote_price" not in f.record.columns:
        return None
    price, bid, ask = f["quote_price"], f["bid_kwh"], f["ask_kwh"]
    residual, export = np.minimum(bid, ask), f["export_kwh"]
    if f.calls:
        export = export - f["called_kwh"] + f.standby_kwh
    if f.terms.pool.most_kw is not None:
        np.maximum(residual, below(np.maximum(bid, ask), f.terms.pool.most_kw * f.hours), out=residual)
    for moved, quoted, crossed in ((f["bought_kwh"], bid, f["import_kwh"]), (f["sold_kwh"], ask, export)):
        for over in (below(moved, quoted), below(quoted, crossed), below(0.0, quoted)):
            np.maximum(residual, over, out=residual)
    dearer = below(f["buy_price"], price) * (f["bought_kwh"] > LEAST_KWH)
    cheaper = below(price, f["sell_price"]) * (f["sold_kwh"] > LEAST_KWH)
    outside = (bid + ask) * ~f.record.access
    residual = np.maximum(np.maximum(residual, outside), np.maximum(dearer, cheaper))
    return np.where(np.isfinite(price), residual, np.inf)


@invariant("T5")
def _one_price(f: Facts) -> Array | None:
    """Where promised, a slot has one price; no table holds more trades than buyers and sellers, less one.

    Where trade takes ways of its own, at each level.
    """
    buys, sells = f["bought_kwh"] > LEAST_KWH, f["sold_kwh"] > LEAST_KWH
    if not f.declared.one_price and f.record.trades is None:
        return None
    residual = np.zeros(f.now.shape[0])
    if f.declared.one_price:
        highest = np.maximum(_highest(f["buy_price"], buys), _highest(f["sell_price"], sells))
        lowest = np.minimum(_lowest(f["buy_price"], buys), _lowest(f["sell_price"], sells))
        residual += np.where(highest > lowest, highest - lowest, 0.0)
    if f.record.trades is not None:
        rows = np.zeros(len(residual))
        row = f.record.trades.slot - f.record.clock.first
        np.add.at(rows, row[(row >= 0) & (row < len(rows))], 1.0)
        traders = (f["bought_kwh"] > 0).sum(axis=1) + (f["sold_kwh"] > 0).sum(axis=1)
        residual += below(rows, np.maximum(traders - 1, 0) * _levels(f))
    return residual


def _levels(f: Facts) -> int:
    """At how many levels trades may meet."""
    if f.terms.routes is None:
        return 1
    return int(f.terms.routes.level(f.trades.buyer, f.trades.seller).max(initial=0)) + 1


@invariant("T6")
def _best_use(f: Facts) -> Array | None:
    """Where promised of quotes, no bid is left that an ask left over meets, and better ones are served first."""
    if "quote_price" not in f.record.columns or not f.declared.efficient:
        return None
    price, least = f["quote_price"], 2 * LEAST_KWH * max(1.0, float(np.max(f["import_kwh"], initial=0.0)))
    short, spare = f["bid_kwh"] - f["bought_kwh"], (f["ask_kwh"] - f["sold_kwh"]) * f.efficiency
    bid_left, ask_left = _highest(price, short > least), _lowest(price, spare > least)
    high = np.minimum(_lowest(price, f["bought_kwh"] > least), ask_left)
    low = np.maximum(_highest(price, f["sold_kwh"] > least), bid_left)
    residual = np.where(low > high, low - high, 0.0)
    pair = np.where(bid_left >= ask_left, np.minimum(short.max(axis=1), spare.max(axis=1)), 0.0)
    return np.maximum(residual, pair)


def _highest(values: Array, where: Mask) -> Array:
    """The highest value of each slot, minus infinity where there is none. (T,)"""
    highest: Array = np.where(where, values, -np.inf).max(axis=1, initial=-np.inf)
    return highest


def _lowest(values: Array, where: Mask) -> Array:
    """The lowest value of each slot, infinity where there is none. (T,)"""
    lowest: Array = np.where(where, values, np.inf).min(axis=1, initial=np.inf)
    return lowest
