"""Lower bound on every plan's cost: Lagrangian, from any set of prices of what binds members together.

Each meter and each store is then on its own; nobody imports and exports at once there, and no store charges and
discharges at once, so the bound may lie above the relaxation's optimum. Wrong prices give a weaker bound, never a wrong
one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

import numpy as np

from ..flow import Array, Index
from .bill import blocks
from .engine import Duals
from .limits import Peak, Tier
from .problem import Problem

LARGEST_DUAL = 1e8
"""Duals beyond that many times the highest price bound nothing but rounding."""
MOST_STORES = 3
"""Of a member whose corners are all tried; with more, meter and stores are bounded each on their own."""

Part = tuple[Array, Array, Array, Array]
"""What may be moved: from, to [kWh], cost per kWh downwards and upwards."""


@dataclass(frozen=True, kw_only=True)
class Facing:
    """What members and pool face once limits and charges have a price. (T, N) or (T,) [money/kWh]"""

    paid: Array
    """For what is taken."""
    got: Array
    """For what is given; minus infinity where one may not."""
    coupling_buy: Array
    lost: Array
    """For what is sent inside, by the losses that it causes."""
    charge: Array
    """What charging costs besides the energy at the meter. (T, K)"""
    discharge: Array
    throw: Array
    """What PV thrown away costs. (T, N)"""
    fixed: float
    """What is owed for limits, peaks and blocks themselves. [money]"""


def lower(problem: Problem, duals: Duals, *, exact: bool = True) -> float:
    """A bound on every plan's cost, whatever the duals are; minus infinity where they are of no use. [money]

    `exact` looks at a member's meter and stores together: more work, and a higher bound where both ways at once pay.
    """
    most = LARGEST_DUAL * max(problem.highest_price, 1e-12)
    if any(not np.isfinite(d).all() or np.abs(d).max(initial=0.0) > most for d in vars(duals).values()):
        return -np.inf
    faced = facing(problem, duals)
    both = _local(problem, duals, faced, exact=exact)
    total = float(both.sum())
    for j in range(len(problem.joints)):
        total += _one_way(problem, duals, faced, both, j, exact=exact)
    total += _levels_bound(problem, duals) + _pool_bound(problem, duals, faced)
    return total + faced.fixed


def worth(problem: Problem, duals: Duals) -> Array:
    """What one more kWh costs where a member stands: its balance's dual, within what it pays and gets there. (T, N)

    Whoever can do nothing about its flow has a dual that means nothing; the prices it faces still do.
    """
    faced = facing(problem, duals)
    least, most = np.minimum(faced.got, faced.paid), np.maximum(faced.got, faced.paid)
    price: Array = np.clip(duals.balance, least, most)
    return price


# --- what everybody faces --------------------------------------------------------------------------------------------


def facing(problem: Problem, duals: Duals) -> Facing:
    """Prices with the parts of limits and charges on them."""
    y, stores, places = duals.level, problem.stores, problem.places
    both_ways, inwards, own_in = (np.zeros(problem.shape) for _ in range(3))
    pool_in, lost, fixed = np.zeros(len(y)), np.zeros(len(y)), 0.0
    for sign, price, most in (
        (1.0, duals.import_limit, places.import_max_kwh), (-1.0, duals.export_limit, places.export_max_kwh)
    ):  # fmt: skip
        price = np.where(np.isfinite(most), np.maximum(price, 0.0), 0.0)
        fixed -= float((price * np.where(np.isfinite(most), most, 0.0)).sum())
        for g, who in enumerate(places.inside):
            both_ways[:, who] += sign * price[:, g, None]
    for charge, (borne, alone, owed) in _charges(problem, duals):
        fixed += owed
        if charge.reads == "pool":
            pool_in = pool_in + alone
        elif charge.reads == "residual":
            own_in[:, charge.members] += alone[:, None]
        else:
            both_ways[:, charge.members] += borne[:, None]
            inwards[:, charge.members] += alone[:, None]
            lost = lost + problem.lost_share(charge) * (borne + alone)
    inside, resold = problem.inside, np.maximum(duals.resale, 0.0) * (not problem.resale)
    paid = np.where(problem.own, problem.buy + own_in, np.inf)
    got = np.where(problem.own, problem.sell, -np.inf)
    paid = np.where(inside, np.minimum(paid, duals.demand[:, None]), paid) + both_ways + inwards
    got = np.where(inside, np.maximum(got, duals.supply[:, None]), got) + both_ways - resold
    charge_price, discharge_price = stores.wear + stores.gain * y, stores.wear - stores.loss * y
    for j, joint in enumerate(problem.joints):
        charge_price[:, joint.rows] += np.maximum(duals.joint_charge[:, j, None], 0.0)
        discharge_price[:, joint.rows] += np.maximum(duals.joint_discharge[:, j, None], 0.0)
        sums = duals.joint_level[:, j] * np.stack([joint.level_min_kwh, joint.level_max_kwh])
        fixed -= float(sums.max(axis=0).sum())
    return Facing(
        paid=paid, got=got, throw=resold, charge=charge_price, discharge=discharge_price,
        coupling_buy=problem.coupling_buy + pool_in, lost=lost,
        fixed=fixed - float((resold * problem.pv_kwh).sum()),
    )  # fmt: skip


Borne = tuple[Array, Array, float]
"""What a slot bears of a charge on the net both ways, on what is taken only (T,), and what is owed anyway. [money]"""


def _charges(problem: Problem, duals: Duals) -> list[tuple[Peak | Tier, Borne]]:
    found: list[tuple[Peak | Tier, Borne]] = []
    for p, peak in enumerate(problem.peaks):
        found.append((peak, _peak(peak, duals.peak[:, p])))
    for m, tier in enumerate(problem.tiers):
        found.append((tier, _tier(problem, tier, float(duals.tier[m]), duals.tier_in[:, m])))
    return found


def _peak(peak: Peak, borne: Array) -> Borne:
    """Shares of the rate, cut down to add up to it at most; what they leave is owed on the peak already locked."""
    borne = np.where(peak.weight > 0, np.maximum(borne, 0.0), 0.0)
    shares = float(np.divide(borne, peak.weight, out=np.zeros_like(borne), where=peak.weight > 0).sum())
    borne = np.asarray(borne * min(1.0, peak.rate / max(shares, 1e-300)))
    rest = max(peak.rate - min(shares, peak.rate), 0.0) * peak.locked_kw
    alone = peak.single
    return borne * (not alone), borne * alone, rest


def _tier(problem: Problem, tier: Tier, price: float, borne: Array) -> Borne:
    """A price for all energy of the period, less the most that it can exceed what the blocks cost."""
    most_in, most_out = (np.asarray(most * tier.slots) for most in problem.meter_range(tier))
    ends = np.minimum(np.concatenate([[0.0], np.cumsum(tier.width_kwh)]), float(most_in.sum()))
    owed = -max(price * end - blocks(tier, end) for end in [*ends, float(most_in.sum())])
    alone = np.where(tier.slots, price, 0.0)
    if tier.single:
        return np.zeros_like(alone), alone, owed
    if price >= 0:
        return np.asarray(np.clip(borne, 0.0, price) * tier.slots), np.zeros_like(alone), owed
    chord: Array = np.divide(
        alone * most_in, most_in + most_out, out=np.zeros_like(alone), where=most_in + most_out > 0
    )
    return chord, np.zeros_like(alone), owed + float((chord * most_out).sum())


# --- members ---------------------------------------------------------------------------------------------------------


def _local(problem: Problem, duals: Duals, facing: Facing, *, exact: bool) -> Array:
    """What each member costs in each slot at least. (T, N)"""
    local = _relaxed(problem, duals, facing)
    count = np.bincount(problem.stores.owner, minlength=problem.shape[1])
    for stores in np.unique(count) if exact else ():
        same = np.flatnonzero(count == stores)
        local[:, same] = np.maximum(local[:, same], _exact(problem, facing, same, corners=stores <= MOST_STORES))
    return local


def _one_way(problem: Problem, duals: Duals, facing: Facing, both: Array, j: int, *, exact: bool) -> float:
    """What a shared battery adds to `both` (T, N): all its accounts charge or all discharge, at the price of power."""
    joint, stores = problem.joints[j], problem.stores
    power = (np.maximum(duals.joint_charge[:, j], 0.0) * joint.charge_max_kwh,
             np.maximum(duals.joint_discharge[:, j], 0.0) * joint.discharge_max_kwh)  # fmt: skip
    owners = np.unique(stores.owner[joint.rows])
    others = [np.isin(stores.owner[o.rows], owners).any() for i, o in enumerate(problem.joints) if i != j]
    if not exact or any(others):
        return -float(np.maximum(*power).sum())
    before, after = both[:, owners].sum(axis=1), list[Array]()
    ways: tuple[Literal["charge", "discharge"], ...] = ("discharge", "charge")
    for name, paid in zip(ways, power, strict=True):
        way = replace(problem, stores=stores.at_rest(joint.rows, name))
        after.append(_local(way, duals, facing, exact=True)[:, owners].sum(axis=1) - paid)
    return float((np.minimum(*after) - before).sum())


def _relaxed(problem: Problem, duals: Duals, facing: Facing) -> Array:
    """What each member costs in each slot at least, its meter and its stores each on their own. (T, N)"""
    price, stores = duals.balance, problem.stores
    into, out_of = np.minimum(facing.paid - price, 0.0), np.minimum(price - facing.got, 0.0)
    bound: Array = price * problem.base_kwh + np.minimum(price + facing.throw, 0.0) * problem.curtail_max_kwh
    bound = bound + np.minimum(problem.unserved_price - price, 0.0) * problem.unserved_max_kwh
    bound = bound + np.minimum(into * problem.want_max_kwh, out_of * problem.give_max_kwh)
    if not stores.owner.size:
        return bound
    there = price[:, stores.owner]
    charging = np.minimum(facing.charge + there, 0.0) * stores.charge_max_kwh
    discharging = np.minimum(facing.discharge - there, 0.0) * stores.discharge_max_kwh
    return bound + stores.by_member(np.minimum(charging, discharging), problem.shape[1])


def _exact(problem: Problem, facing: Facing, same: Index, *, corners: bool) -> Array:
    """The same for members with equally many stores, meter and stores together. (T, members)

    Where no two ways at once pay, the best price at the member tells; else all `corners`, or nothing is said.
    """
    parts = _parts(problem, facing, same)
    base, paid, got = (table[:, same] for table in (problem.base_kwh, facing.paid, facing.got))
    bent = np.asarray(paid < got)
    for low, high, down, up in parts:
        bent |= (down + up < 0) & (low < 0) & (high > 0)
    found = _at_best_price(base, parts, paid, got)
    found[bent] = -np.inf
    if corners and bent.any():
        some: list[Part] = [(low[bent], high[bent], down[bent], up[bent]) for low, high, down, up in parts]
        found[bent] = _at_corners(base[bent], some, paid[bent], got[bent])
    return found


def _parts(problem: Problem, facing: Facing, same: Index) -> list[Part]:
    """What members with equally many stores may move: each of their stores, PV thrown away, load unserved."""
    stores, parts = problem.stores, list[Part]()
    ordered = np.argsort(stores.owner, kind="stable")
    mine = ordered[np.isin(stores.owner[ordered], same)].reshape(same.size, -1).T
    for k in mine:
        most, price = (stores.discharge_max_kwh, stores.charge_max_kwh), (facing.discharge, facing.charge)
        parts.append((-most[0][:, k], most[1][:, k], price[0][:, k], price[1][:, k]))
    zero = np.zeros((problem.shape[0], same.size))
    thrown, unserved = problem.curtail_max_kwh[:, same], problem.unserved_max_kwh[:, same]
    if thrown.any():
        parts.append((zero, thrown, zero, facing.throw[:, same]))
    if unserved.any():
        parts.append((-unserved, zero, np.full(zero.shape, problem.unserved_price), zero))
    return parts


def _at_best_price(base: Array, parts: list[Part], paid: Array, got: Array) -> Array:
    """The highest bound that a price of energy at the member gives: one at which the meter or a part turns."""
    ways = [(high, up, 1.0) for _, high, _, up in parts if high.any()]
    ways += [(-low, down, -1.0) for low, _, down, _ in parts if low.any()]
    best: Array = np.full(base.shape, -np.inf)
    for turn in (paid, got, *(-sign * cost for _, cost, sign in ways)):
        price = np.clip(turn, got, paid)
        bound = price * base
        for most, cost, sign in ways:
            bound += most * np.minimum(cost + sign * price, 0.0)
        best = np.maximum(best, bound)
    return best


def _at_corners(base: Array, parts: list[Part], paid: Array, got: Array) -> Array:
    """The least cost at all corners.

    Cost is linear between them: each store full on, off or full on the other way, PV all or none thrown away, load all
    or none served, but for one of them that may bring the meter to rest.
    """
    best: Array = np.full(base.shape, np.inf)
    zero = np.zeros(base.shape)
    ends = [[zero, *(end for end in (low, high) if end.any())] for low, high, *_ in parts]
    for corner in product(*ends):
        for free in range(-1, len(parts)):
            moved = list(corner)
            if free >= 0:
                rest = base + sum((m for i, m in enumerate(moved) if i != free), zero)
                moved[free] = np.clip(-rest, parts[free][0], parts[free][1])
            best = np.minimum(best, _money(base, moved, parts, paid, got))
    return best


def _money(base: Array, moved: list[Array], parts: list[Part], paid: Array, got: Array) -> Array:
    """What it costs to move so much, at the meter and inside. (T, members)"""
    net = base + sum(moved, np.zeros_like(base))
    into, out_of = np.maximum(net, 0.0), np.maximum(-net, 0.0)
    bought = np.multiply(paid, into, out=np.zeros_like(into), where=into > 0)
    money: Array = bought - np.multiply(got, out_of, out=np.zeros_like(into), where=out_of > 0)
    for change, (_, _, down, up) in zip(moved, parts, strict=True):
        money = money + up * np.maximum(change, 0.0) + down * np.maximum(-change, 0.0)
    return money


# --- stores and pool -------------------------------------------------------------------------------------------------


def _levels_bound(problem: Problem, duals: Duals) -> float:
    """The part of levels."""
    stores, y = problem.stores, duals.level
    if not y.size:
        return 0.0
    held = -y + np.vstack([stores.keep * y[1:], -stores.value[None, :]])
    for j, joint in enumerate(problem.joints):
        held[:, joint.rows] += duals.joint_level[:, j, None]
    level = np.minimum(held * stores.level_min_kwh, held * stores.level_max_kwh)
    start = float((y[0] * stores.keep * stores.start_kwh).sum()) - float((y * stores.drain_kwh).sum())
    return start + float(level.sum())


def _pool_bound(problem: Problem, duals: Duals, facing: Facing) -> float:
    """The part of the pool and the coupling point."""
    if not problem.pooled:
        return 0.0
    inside, efficiency = problem.inside, problem.pool.efficiency
    want, give = (problem.want_max_kwh * inside).sum(axis=1), (problem.give_max_kwh * inside).sum(axis=1)
    sent = efficiency * (problem.pool.fee_per_kwh - duals.demand) + duals.supply + facing.lost
    bound = float((np.minimum(sent, 0.0) * problem.sent_max_kwh).sum())
    if problem.one_meter:
        taken = np.minimum(facing.coupling_buy - duals.demand, 0.0) * want
        given = np.minimum(duals.supply - problem.coupling_sell, 0.0) * give
        bound += float(np.minimum(taken, given).sum())
    return bound
