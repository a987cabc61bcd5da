"""Every invariant is one function: facts -> residual, to be zero within tolerance; None where it does not apply.

The identifiers are those of the documentation's page on the audit. A residual has slots first: (T, N), (T, K), (T,).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ..accounts import Account
from ..errors import ContractError
from ..flow import Array
from ..rules import Fold, Reads
from ._facts import Facts, shared
from ._periods import closed, paid_above_alone, shares

Invariant = Callable[[Facts], Array | None]
INVARIANTS: dict[str, tuple[Invariant, str]] = {}


def invariant(name: str) -> Callable[[Invariant], Invariant]:
    """Enters a check under its identifier; the docstring is its meaning. Raises ContractError for one that is taken."""
    if name in INVARIANTS:
        raise ContractError(f"invariant {name} stands twice (§9: a name says one thing); take the next number")

    def enter(check: Invariant) -> Invariant:
        INVARIANTS[name] = check, " ".join((check.__doc__ or "").split())
        return check

    return enter


def below(value: Array | float, limit: Array | float) -> Array:
    """By how much `value` exceeds what it should stay below."""
    over = np.subtract(value, limit)
    return np.maximum(over, 0.0, out=over)


@invariant("E1")
def _energy(f: Facts) -> Array:
    """Every member's energy adds up in every slot."""
    device, members = f.now.flexibility, f.members
    residual = (f.now.load_kw - f.now.pv_kw) * f.hours
    residual += f["export_kwh"]
    residual -= f["import_kwh"]
    if device.devices:
        residual += device.by_member(f["charge_kwh"] - f["discharge_kwh"], members)
    for column, sign in (("curtailed_kwh", 1.0), ("unserved_kwh", -1.0)):
        if not _still(f[column]):
            residual += sign * f[column]
    return residual


@invariant("E2")
def _pool_energy(f: Facts) -> Array | None:
    """The meters billed are those the terms name; among own ones the pool delivers what was sent, less losses.

    Where trade takes ways of its own, level by level.
    """
    if f.record.one_meter != f.one_meter:
        return np.full(f.now.shape[0], np.inf)
    if f.terms.routes is not None:
        return by_level(f)
    return None if f.one_meter else f.moved[0] - f.moved[1] * f.efficiency


def by_level(f: Facts) -> Array:
    """What is delivered less what should arrive of what is sent: of each level's trades, and of all. (T, L + 1)"""
    trades, first, slots = f.trades, f.record.clock.first, f.now.shape[0]
    if f.terms.routes is None:
        return np.zeros((slots, 1))
    level = f.terms.routes.level(trades.buyer, trades.seller)
    gap = trades.kwh - trades.sent_kwh * f.terms.routes.efficiency(trades.buyer, trades.seller)
    levels = int(level.max(initial=0)) + 1
    found = np.zeros((slots, levels + 1))
    np.add.at(found, (trades.slot - first, level), gap)
    found[:, -1] = f.moved[0] - f.paid_kwh.sum(axis=1)
    return found


@invariant("E4")
def _signs(f: Facts) -> Array:
    """Flows are finite and never negative, nobody imports and exports at once, no more is cut than there is."""
    out = np.minimum(f["import_kwh"], f["export_kwh"])
    for name in ("import_kwh", "export_kwh", "bought_kwh", "sold_kwh", "unserved_kwh", "curtailed_kwh"):
        if not _still(f[name]):
            np.maximum(out, below(0.0, f[name]), out=out)
    for name, most in (("unserved_kwh", f.now.load_kw), ("curtailed_kwh", f.now.pv_kw)):
        if not _still(f[name]):
            np.maximum(out, below(f[name], most * f.hours), out=out)
    return out


@invariant("S1")
def _levels(f: Facts) -> Array | None:
    """A store's level follows from the one before, across windows."""
    device, level = f.now.flexibility, f["level_kwh"]
    if not device.devices:
        return None
    before = np.vstack([f.left.level[None, :], level[:-1]]) * (1 - device.leakage) - device.drain_kwh
    moved = f["charge_kwh"] * device.charge_efficiency - f["discharge_kwh"] / device.discharge_efficiency
    residual: Array = level - before - moved
    return residual


@invariant("S2")
def _bounds(f: Facts) -> Array | None:
    """Levels and powers stay within the envelope, and no store charges and discharges in the same slot.

    Only leakage and drain take one below its minimum, and then it does not discharge. What the market calls is
    discharged even after charging, within the slot's time.
    """
    device = f.now.flexibility
    if not device.devices:
        return None
    charge, discharge, level = f["charge_kwh"], f["discharge_kwh"], f["level_kwh"]
    power = below(charge, device.charge_kw * f.hours) + below(discharge, device.discharge_kw * f.hours)
    stored = below(level, device.level_max_kwh) + below(device.level_min_kwh, level) * (discharge > 1e-9)
    residual: Array = power + stored + below(0.0, charge) + below(0.0, discharge)
    both = np.minimum(charge, discharge)
    return residual + (both if not f.calls else _beside_calls(f, both))


def _beside_calls(f: Facts, both: Array) -> Array:
    """What devices charge and discharge at once (T, K), but for what was called; time beyond the slot's, as energy."""
    device, called = f.now.flexibility, f["called_kwh"][:, f.now.flexibility.owner]
    most = device.charge_kw * f.hours, device.discharge_kw * f.hours
    time = sum(
        np.divide(f[name], able, out=np.zeros(both.shape), where=able > 0)
        for name, able in zip(("charge_kwh", "discharge_kwh"), most, strict=True)
    )
    over: Array = below(both, called) + below(time, 1.0) * np.minimum(*most) * (both > 0)
    return over


@invariant("S3")
def _deadlines(f: Facts) -> Array | None:
    """What an obliged device lacks at its deadline is reported as shortfall, and nothing else is."""
    device = f.now.flexibility
    if not device.devices:
        return None
    lacking = below(device.level_min_kwh, f["level_kwh"]) * device.obliged
    return f["shortfall_kwh"] - lacking


@invariant("T1")
def _band(f: Facts) -> Array:
    """Prices are finite; where promised, they lie between what the grid pays and what it charges (odd prices aside)."""
    out = np.zeros(f.now.shape)
    for price, kwh in ((f["buy_price"], f["bought_kwh"]), (f["sell_price"], f["sold_kwh"])):
        if not np.isfinite(price).all():
            out[~np.isfinite(price)] = np.inf
        if f.declared.in_band:
            one = price[:, :1] if price.strides[1] == 0 else price
            low, high = f.terms.coupling_sell[:, None], f.terms.coupling_buy[:, None]
            outside = (below(one, high) + below(low, one)) * (low <= high)
            if outside.any():
                np.maximum(out, outside * (kwh > 0), out=out)
    return out


@invariant("T2")
def _access(f: Facts) -> Array:
    """Nobody trades more than crosses its meter, in a closed slot, at odd prices, or while banned."""
    may = f.terms.regular & f.now.market_open[:, None]
    if f.record.banned_slots.any():
        may = may & (f.record.banned_slots == 0)
    bought, sold = f["bought_kwh"], f["sold_kwh"]
    residual = below(bought, f["import_kwh"])
    np.maximum(residual, below(sold, f["export_kwh"]), out=residual)
    if not may.all():
        residual += (bought + sold) * ~may
    if (may != f.record.access).any():
        residual = residual + (may != f.record.access)
    return residual


@invariant("T3")
def _trades(f: Facts) -> Array | None:
    """The table of trades adds up to the series, in energy and money, and holds no empty or self trade."""
    trades = f.record.trades
    if trades is None:
        return None
    out, first = np.zeros(f.now.shape), f.record.clock.first
    inside = (trades.slot >= first) & (trades.slot < first + f.now.shape[0])
    known = [(who >= 0) & (who < f.members) for who in (trades.buyer, trades.seller)]
    if not (inside & known[0] & known[1]).all():
        return np.full(f.now.shape, np.inf)
    routes = f.terms.routes
    arrives = f.efficiency if routes is None else routes.efficiency(trades.buyer, trades.seller)
    delivered = f["sold_kwh"] * f.efficiency if routes is None else f.paid_kwh
    lost = abs(trades.sent_kwh * arrives - trades.kwh)
    np.add.at(out, (trades.slot - first, trades.seller), lost)
    for who, kwh, price, paid in (
        (trades.buyer, trades.kwh, "buy_price", f["bought_kwh"]),
        (trades.seller, trades.kwh, "sell_price", delivered),
    ):
        energy, money = np.zeros(f.now.shape), np.zeros(f.now.shape)
        np.add.at(energy, (trades.slot - first, who), kwh)
        np.add.at(money, (trades.slot - first, who), kwh * trades.price)
        out += abs(energy - paid) + abs(money - paid * f[price])
    return out + float(((trades.kwh <= 0) | (trades.buyer == trades.seller)).sum())


@invariant("M0")
def _amounts(f: Facts) -> Array:
    """Every item of a bill is its quantity times its price."""
    taken, given = f.outside_kwh
    energy = taken * f.terms.buy
    energy -= given * f.terms.sell
    energy -= f["energy_money"]
    pool = f["bought_kwh"] * f["buy_price"]
    pool -= f.paid_kwh * f["sell_price"]
    pool -= f["pool_money"]
    residual = np.maximum(np.abs(energy, out=energy), np.abs(pool, out=pool), out=energy)
    booked = {f"{reason}>{payee}": money for reason, payee, money in f.record.fees()}
    for name in {*booked, *f.due_fees}:
        nothing = np.zeros(f.now.shape)
        np.maximum(residual, abs(booked.get(name, nothing) - f.due_fees.get(name, nothing)), out=residual)
    return residual


@invariant("M1")
def _double_entry(f: Facts) -> Array:
    """What members owe in a slot, somebody receives; entries have two different known sides and a positive amount."""
    sound = f.entries is f.record.entries and f.entries.sound(f.members)
    residual: Array = f.items.sum(axis=1) - f["account_money"].sum(axis=1)
    return residual + (0.0 if sound else np.inf)


@invariant("M2")
def _operator(f: Facts) -> Array | None:
    """A balanced mechanism leaves the operator nothing but its fees, once its period has closed."""
    if not f.declared.balanced:
        return None
    fees = sum((money.sum(axis=1) for name, money in f.due_fees.items() if name.endswith(">operator")), np.zeros(1))
    left: Array = f["account_money"][:, Account.OPERATOR.column] - fees
    left = left + shares(f).owed(f.record.clock.first, f.now.shape).sum(axis=1)
    if f.declared.scope == "slot":
        return left
    out = np.zeros(len(left))
    for at, total in closed(f, "operator", left):
        out[at] = total
    return out


@invariant("M3")
def _accounts(f: Facts) -> Array:
    """Every account receives what meters and prices say, not what the bills say."""
    due, (taken, given) = np.zeros((f.now.shape[0], len(Account))), f.outside_kwh
    pool = (f["bought_kwh"] * f["buy_price"]).sum(axis=1) - (f.paid_kwh * f["sell_price"]).sum(axis=1)
    due[:, Account.OPERATOR.column] = pool - f.coupling_money
    own = (taken * f.terms.buy).sum(axis=1) - (given * f.terms.sell).sum(axis=1)
    due[:, Account.RETAILER.column] = own + f.coupling_money
    for name, money in f.due_fees.items():
        due[:, Account[name.partition(">")[2].upper()].column] += money.sum(axis=1)
    return due - f["account_money"]


@invariant("M4")
def _wallets(f: Facts) -> Array:
    """Wallets of members and tills of accounts move by bills and entries only, slot by slot."""
    wallet, till = f["wallet_money"], f["till_money"]
    moved = f.items + f.owed if f.entries.rows else f.items
    mine = np.diff(wallet, axis=0, prepend=f.left.wallet[None, :])
    mine += moved
    received = f["account_money"] + f.entries.received(f.record.clock.first, f.now.shape[0])
    theirs = np.diff(till, axis=0, prepend=f.left.tills[None, :]) - received
    return np.hstack([mine, theirs])


@invariant("C1")
def _charges(f: Facts) -> Array | None:
    """Charges and shares of a period are owed in its last slot, in the amounts its meters give."""
    if not f.terms.charges and not f.terms.sharings:
        return None
    due, entries = np.zeros(f.now.shape), f.entries
    for k, charge in enumerate(f.terms.charges):
        for at, amounts in _closing(f, f"charge.{k}", charge, f.meter(netted=charge.netted)):
            due[at] += shared(amounts, f.members)
    for k, sharing in enumerate(f.terms.sharings):
        for at, amounts in _closing(f, f"sharing.{k}", sharing, f.pooled()):
            due[at] += amounts
    payees = {rule.reason: rule.payee for rule in f.terms.charges}
    payees |= {rule.reason: rule.payee for rule in f.terms.sharings}
    mine = entries.kept(np.isin(entries.reason, list(payees)))
    wrong = [
        int(payee) not in (int(a), int(b)) for a, b, payee in zip(
            mine.payer, mine.payee, [payees[str(r)] for r in mine.reason], strict=True
        )
    ]  # fmt: skip
    return mine.owed(f.record.clock.first, f.now.shape) - due + (np.inf if any(wrong) else 0.0)


@invariant("R1")
def _rational(f: Facts) -> Array | None:
    """Where promised, nobody pays more than on a meter of its own at the pool's tariff (§6), by slot or by period."""
    if not f.declared.rational:
        return None
    one = f.one_meter
    buy = f.terms.coupling_buy[:, None] if one else f.terms.buy
    sell = f.terms.coupling_sell[:, None] if one else f.terms.sell
    alone = f["bought_kwh"] * buy
    alone -= f.paid_kwh * sell
    return below(f["pool_money"], alone) if f.declared.scope == "slot" else paid_above_alone(f, alone)


def _still(values: Array) -> bool:
    """Whether a column is one zero, repeated."""
    return values.size == 0 or (values.strides == (0, 0) and float(values[0, 0]) == 0.0)


def _closing(f: Facts, key: str, rule: Fold[Reads], reads: Reads) -> Iterator[tuple[int, Array]]:
    for start, stop, closes in f.record.clock.stretches(rule.period):
        before = f.sums[key] if key in f.sums else rule.start(reads.columns)
        sums = rule.window(start, stop).add(before, reads.window(start, stop))
        if closes:
            yield stop - 1, rule.amounts(sums)
        f.sums[key] = rule.next(sums, reads.columns) if closes else sums
