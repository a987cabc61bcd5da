"""The fast way to see that there is nothing to see: the largest residual of an invariant, in one compiled pass.

A screen says how large the residuals of `_invariants` get in a record, or nothing where it knows no shortcut (fees,
entries, closed slots). Only where a screen finds more than the absolute tolerance does the audit work the invariant out
in full, and say where. Tests hold every screen to its invariant.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..accounts import Account
from ..flow import Array
from ..noun import dense, once, still, times
from ._facts import Facts

Screen = Callable[[Facts], dict[str, float]]


def screened(f: Facts) -> dict[str, float]:
    """By identifier, the largest residual of every invariant that a screen can tell."""
    found: dict[str, float] = {}
    with np.errstate(all="ignore"):  # what is not finite comes out as infinite
        for screen in (_flows, _stores, _band, _items, _books, _alone):
            found |= screen(f)
    return found


def _flows(f: Facts) -> dict[str, float]:
    from ._kernels import flows

    if not (still(f["unserved_kwh"]) and still(f["curtailed_kwh"])):
        return {}
    device = f.now.flexibility
    energy, signs, more = flows(
        dense(f.now.load_kw), dense(f.now.pv_kw), *_crossed(f), *_moved(f),
        dense(f["charge_kwh"]), dense(f["discharge_kwh"]), device.owner, f.hours,
    ).tolist()  # fmt: skip
    found = {"E1": energy, "E4": signs}
    return {**found, "T2": more} if _all_may(f) else found


def _all_may(f: Facts) -> bool:
    """Whether everybody may trade in every slot, and the record says so."""
    if f.record.banned_slots.any() or not f.now.market_open.all():
        return False
    masks = f.terms.regular, f.record.access
    return all(bool(once(mask, columns=True).all()) for mask in masks)


def _stores(f: Facts) -> dict[str, float]:
    from ._kernels import bounds, levels

    device = f.now.flexibility
    if not device.devices:
        return {}
    moved, level = (dense(f["charge_kwh"]), dense(f["discharge_kwh"])), dense(f["level_kwh"])
    follow = levels(
        dense(f.left.level), *moved, level, dense(device.charge_efficiency), dense(device.discharge_efficiency),
        dense(device.leakage), once(device.drain_kwh),
    )  # fmt: skip
    within = bounds(
        *moved, level, once(times(device.charge_kw, f.hours)), once(times(device.discharge_kw, f.hours)),
        once(device.level_min_kwh), once(device.level_max_kwh),
    )  # fmt: skip
    found = {"S1": float(follow[0]), "S2": float(within[0])}
    return {**found, "S3": 0.0} if still(f["shortfall_kwh"]) and not device.obliged.any() else found


def _band(f: Facts) -> dict[str, float]:
    """T1 for all prices, whether or not anything is traded at them."""
    prices = _price(f["buy_price"]), _price(f["sell_price"])
    if not all(np.isfinite(price).all() for price in prices):
        return {}
    if not f.declared.in_band:
        return {"T1": 0.0}
    low, high = f.terms.coupling_sell[:, None], f.terms.coupling_buy[:, None]
    outside = [np.maximum(price - high, low - price) * (low <= high) for price in prices]
    return {"T1": max(float(np.max(size, initial=0.0)) for size in outside)}


def _items(f: Facts) -> dict[str, float]:
    from ._kernels import amounts

    if f.due_fees or any(f.record.fees()):
        return {}
    bills = dense(f["energy_money"]), dense(f["pool_money"])
    largest = amounts(
        *_crossed(f), *_moved(f), _price(f.terms.buy), _price(f.terms.sell),
        _price(f["buy_price"]), _price(f["sell_price"]), *bills, _share(f),
    )  # fmt: skip
    return {"M0": float(largest[0])}


def _books(f: Facts) -> dict[str, float]:
    """M1 to M4, where members owe nothing but energy and pool."""
    from ._kernels import due, sums, wallets

    if f.due_fees or any(f.record.fees()) or f.record.entries.rows:
        return {}
    energy, pool, received = dense(f["energy_money"]), dense(f["pool_money"]), f["account_money"]
    owed = sums(energy) + sums(pool)
    taken, given, spent, earned = due(
        *_crossed(f), *_moved(f), _price(f.terms.buy), _price(f.terms.sell),
        _price(f["buy_price"]), _price(f["sell_price"]),
    )  # fmt: skip
    expected = np.zeros(received.shape)
    expected[:, Account.OPERATOR.column] = spent - earned * _share(f) - f.coupling_money
    expected[:, Account.RETAILER.column] = taken - given + f.coupling_money
    mine = wallets(dense(f.left.wallet), dense(f["wallet_money"]), energy, pool)
    till = f["till_money"]
    theirs = np.diff(till, axis=0, prepend=f.left.tills[None, :]) - received
    operator = _largest(received[:, Account.OPERATOR.column])
    return {
        **({"M2": operator} if f.declared.balanced and f.declared.scope == "slot" else {}),
        "M1": _largest(owed - received.sum(axis=1)),
        "M3": _largest(expected - received),
        "M4": max(float(mine[0]), _largest(theirs)),
    }


def _alone(f: Facts) -> dict[str, float]:
    from ._kernels import above_alone

    if not f.declared.rational or f.declared.scope != "slot":
        return {}
    one = f.record.one_meter
    buy = f.terms.coupling_buy[:, None] if one else f.terms.buy
    sell = f.terms.coupling_sell[:, None] if one else f.terms.sell
    above = above_alone(dense(f["pool_money"]), *_moved(f), _price(buy), _price(sell), _share(f))
    return {"R1": float(above[0])}


def _crossed(f: Facts) -> tuple[Array, Array]:
    return dense(f["import_kwh"]), dense(f["export_kwh"])


def _moved(f: Facts) -> tuple[Array, Array]:
    return dense(f["bought_kwh"]), dense(f["sold_kwh"])


def _price(values: Array) -> Array:
    return once(values, columns=True)


def _share(f: Facts) -> Array:
    """What of the sold is paid for, as in `Facts.paid_kwh`. (T,)"""
    sold = f.moved[1]
    if f.efficiency == 1.0:
        return np.ones(sold.shape)
    paid = f.inside + f.coupling[1]
    return np.divide(paid, sold, out=np.ones_like(sold), where=sold > 0)


def _largest(residual: Array) -> float:
    return float(np.max(np.abs(residual), initial=0.0)) if np.isfinite(residual).all() else np.inf
