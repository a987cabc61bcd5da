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
        for screen in (_flows, _stores, _band, _money):
            found |= screen(f)
    return found


def _flows(f: Facts) -> dict[str, float]:
    from ._kernels import flows

    if not (still(f["unserved_kwh"]) and still(f["curtailed_kwh"])):
        return {}
    energies = dense(f.now.load_kw), dense(f.now.pv_kw), *_energies(f)
    devices = dense(f["charge_kwh"]), dense(f["discharge_kwh"])
    energy, signs, more = flows(energies, devices, f.now.flexibility.owner, f.hours).tolist()
    found = {"E1": energy, "E4": signs}
    return {**found, "T2": more} if _all_may(f) else found


def _all_may(f: Facts) -> bool:
    """Whether everybody may trade in every slot, and the record says so."""
    if f.record.banned_slots.any() or not f.now.market_open.all():
        return False
    masks = f.terms.regular, f.record.access
    return all(bool(once(mask, columns=True).all()) for mask in masks)


def _stores(f: Facts) -> dict[str, float]:
    from ._kernels import stores

    device = f.now.flexibility
    if not device.devices:
        return {}
    series = dense(f["charge_kwh"]), dense(f["discharge_kwh"]), dense(f["level_kwh"])
    constants = dense(device.discharge_efficiency), dense(device.leakage)
    power = times(device.charge_kw, f.hours), times(device.discharge_kw, f.hours)
    limits = device.drain_kwh, *power, device.level_min_kwh, device.level_max_kwh, device.charge_efficiency
    follow, within = stores(dense(f.left.level), series, constants, tuple(once(side) for side in limits)).tolist()
    found = {"S1": follow, "S2": within}
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


def _money(f: Facts) -> dict[str, float]:
    """R1 where promised; M0 where no fee is due; M1 to M4 where members owe nothing but energy and pool."""
    from ._kernels import money

    if f.terms.routes is not None:
        return {}
    one, share = f.record.one_meter, _share(f)
    apart = (f.terms.coupling_buy[:, None], f.terms.coupling_sell[:, None]) if one else (f.terms.buy, f.terms.sell)
    prices = f.terms.buy, f.terms.sell, f["buy_price"], f["sell_price"], *apart
    bills = once(f["energy_money"]), once(f["pool_money"]), once(f["wallet_money"])
    largest, sums = money(dense(f.left.wallet), _energies(f), bills, tuple(_price(side) for side in prices), share)
    amount, wallet, above = largest.tolist()
    found = {"R1": above} if f.declared.rational and f.declared.scope == "slot" else {}
    if f.due_fees or any(f.record.fees()):
        return found
    found["M0"] = amount
    return found if f.record.entries.rows else {**found, **_books(f, wallet, sums)}


def _books(f: Facts, wallet: float, sums: Array) -> dict[str, float]:
    """M1 to M4, from the sums of what is due outside and in the pool, and of what was billed. (3, T)"""
    outside, inside, billed = sums
    received, till = f["account_money"], f["till_money"]
    expected = np.zeros(received.shape)
    expected[:, Account.OPERATOR.column] = inside - f.coupling_money
    expected[:, Account.RETAILER.column] = outside + f.coupling_money
    theirs = np.diff(till, axis=0, prepend=f.left.tills[None, :]) - received
    operator = _largest(received[:, Account.OPERATOR.column])
    return {
        **({"M2": operator} if f.declared.balanced and f.declared.scope == "slot" else {}),
        "M1": _largest(billed - received.sum(axis=1)),
        "M3": _largest(expected - received),
        "M4": max(wallet, _largest(theirs)),
    }


def _energies(f: Facts) -> tuple[Array, ...]:
    """What crossed meters, in and out, and what was bought and sold."""
    return tuple(dense(f[name]) for name in ("import_kwh", "export_kwh", "bought_kwh", "sold_kwh"))


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
