"""Variables of members and stores for the structured interior point method, by kind: bounds, costs, guesses."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..flow import Array, Index, Mask
from .problem import Problem
from .stores import Stores, emptiest, fullest, reach

CLASSES = "pool_in", "pool_out"
"""Flows that meet others, by class; two more for each shared battery, what its accounts charge and discharge."""
MEMBER = {"pool_in": 1, "pool_out": -1, "own_in": 1, "own_out": -1, "curtail": -1, "unserved": 1}
"""Flows of a member, with their sign in its balance."""
STORE = {"charge": -1, "discharge": 1}
"""Flows of a store, the same."""
NARROW = 1e-8
"""Width of what is fixed, in scaled units."""
ROOM = 2.0
"""What can flow is bounded that many times above what ever will: where all is settled there is no interior else."""
APART, OFF = 0.2, 0.1
"""First guesses: both ways at a meter, as a share of a member's mean flow; off a level's bounds, as a share of them."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Variables of one kind, by slot and member or store: bounds and first guess in scaled units, scaled cost."""

    high: Array
    guess: Array
    low: Array | float = 0.0
    cost: Array | None = None

    @property
    def free(self) -> Mask:
        """What is to be decided."""
        return np.asarray(self.high - self.low > NARROW)


@dataclass(frozen=True, kw_only=True)
class Units:
    """What energy and prices are divided by. [kWh], [money/kWh]"""

    energy: float
    price: float

    @classmethod
    def of(cls, problem: Problem) -> Units:
        """Means of flows and of prices."""
        energy = np.abs(problem.base_kwh).mean() + problem.stores.charge_max_kwh.sum() / problem.base_kwh.size
        prices = [problem.buy[problem.own], problem.coupling_buy]
        price = np.mean([np.abs(p).mean() if p.size else 0.0 for p in prices])
        return cls(energy=float(energy) or 1.0, price=float(price) or problem.highest_price or 1.0)


def classes(problem: Problem) -> int:
    """How many classes of flows meet others."""
    return len(CLASSES) + len(STORE) * len(problem.joints)


def accounts(problem: Problem) -> Index:
    """The shared battery that each store is an account of, -1 for none. (K,)"""
    found = np.full(problem.stores.owner.size, -1)
    for j, joint in enumerate(problem.joints):
        found[joint.rows] = j
    return found


def kinds(problem: Problem, units: Units) -> dict[str, Kind]:
    """All variables of members and their stores."""
    stores = _of_stores(problem.stores, units, _parts(problem))
    moved = problem.stores.by_member(stores["charge"].guess - stores["discharge"].guess, problem.shape[1])
    net = (problem.base_kwh + OFF * problem.curtail_max_kwh) / units.energy + moved
    spilt, unserved = problem.curtail_max_kwh / units.energy, problem.unserved_max_kwh / units.energy
    price = np.full(problem.shape, problem.unserved_price / units.price)
    found = {"curtail": Kind(high=spilt, guess=OFF * spilt), **stores}
    if unserved.any():
        found["unserved"] = Kind(high=unserved, guess=OFF * unserved, cost=price)
    return {**_of_meters(problem, units, net), **found}


def _of_meters(problem: Problem, units: Units, net: Array) -> dict[str, Kind]:
    """What flows in and out, to and from the pool and each member's own retailer."""
    stores = problem.stores
    charge = np.bincount(stores.owner, stores.charge_max_kwh.mean(axis=0), problem.shape[1])
    own = np.maximum((np.abs(problem.base_kwh).mean(axis=0) + charge) / units.energy, 1e-3)
    most_in, most_out = (cap / units.energy for cap in own_limits(problem))

    def way(most: Array, cap: Array, flow: Array, where: Mask, cost: Array | None = None) -> Kind:
        high = np.minimum(ROOM * most / units.energy + own, cap)
        high = np.where(where & (most / units.energy > NARROW), high, 0.0)
        return Kind(high=high, guess=np.maximum(flow, 0.0) + APART * own, cost=cost)

    found = {}
    if problem.pooled:
        found["pool_in"] = way(problem.want_max_kwh, most_in, net, problem.inside)
        found["pool_out"] = way(problem.give_max_kwh, most_out, -net, problem.inside)
    if problem.own.any():
        buy, sell = problem.buy / units.price, problem.sell / units.price
        found["own_in"] = way(problem.want_max_kwh, most_in, net, problem.own, buy)
        found["own_out"] = way(problem.give_max_kwh, most_out, -net, problem.own, -sell)
    return found


def own_limits(problem: Problem) -> tuple[Array, Array]:
    """Limits of members' own connections, where one way in and one way out bear them; else infinite. (T, N) each"""
    most_in, most_out = np.full(problem.shape, np.inf), np.full(problem.shape, np.inf)
    places = problem.places
    for g in np.flatnonzero(alone(problem)):
        who = places.inside[g]
        most_in[:, who] = np.minimum(most_in[:, who], places.import_max_kwh[:, g, None])
        most_out[:, who] = np.minimum(most_out[:, who], places.export_max_kwh[:, g, None])
    return most_in, most_out


def alone(problem: Problem) -> Mask:
    """Places of one member that never deals with pool and retailer in the same slot. (G,)"""
    both = (problem.own & problem.inside).any(axis=0)
    inside = problem.places.inside.astype(np.bool_)
    single: Mask = (inside.sum(axis=1) == 1) & ~(inside & both).any(axis=1)
    return single


# --- stores ----------------------------------------------------------------------------------------------------------


def settled(stores: Stores, units: Units) -> tuple[Mask, Array]:
    """Where a level can be nothing else, and what it is. (T, K)"""
    if not stores.level_min_kwh.size:
        return np.zeros(stores.shape, np.bool_), np.zeros(stores.shape)
    least, most = reach(stores)
    least = np.maximum(least, np.maximum(emptiest(stores), stores.level_min_kwh))
    most = np.minimum(most, fullest(stores))
    fine = NARROW * np.maximum(units.energy, np.abs(stores.level_max_kwh).max(axis=0))
    return most - least <= fine, 0.5 * (least + most)


def _parts(problem: Problem) -> Stores:
    """Stores that share a battery with its room and power in equal parts."""
    stores = problem.stores
    charge, discharge, level = (
        np.array(table) for table in (stores.charge_max_kwh, stores.discharge_max_kwh, stores.level_max_kwh)
    )
    for joint in problem.joints:
        rows, count = joint.rows, joint.rows.size
        room = np.maximum(joint.level_max_kwh - stores.level_min_kwh[:, rows].sum(axis=1), 0.0) / count
        level[:, rows] = np.minimum(level[:, rows], stores.level_min_kwh[:, rows] + room[:, None])
        charge[:, rows] = np.minimum(charge[:, rows], joint.charge_max_kwh[:, None] / count)
        discharge[:, rows] = np.minimum(discharge[:, rows], joint.discharge_max_kwh[:, None] / count)
    return replace(stores, charge_max_kwh=charge, discharge_max_kwh=discharge, level_max_kwh=level)


def _of_stores(stores: Stores, units: Units, likely: Stores) -> dict[str, Kind]:
    """Charge, discharge and level; what cannot be otherwise is fixed, or there would be no interior."""
    low, high = stores.level_min_kwh, np.maximum(stores.level_max_kwh, stores.level_min_kwh)
    charge, discharge, level = _guess(likely)
    stuck, at = settled(stores, units)
    low, high = np.where(stuck, at, low), np.where(stuck, at, high)
    known = stuck & np.vstack([np.ones((1, stuck.shape[1]), np.bool_), stuck[:-1]])
    change = at - stores.keep * np.vstack([stores.start_kwh[None, :], at[:-1]]) + stores.drain_kwh
    into, out_of = np.maximum(change, 0.0) / stores.gain, np.maximum(-change, 0.0) / stores.loss
    wear = np.broadcast_to(stores.wear / units.price, stores.shape) if stores.wear.any() else None
    worth = np.zeros(stores.shape)
    worth[-1] = -stores.value / units.price
    e = units.energy

    def flow(most: Array, must: Array, guess: Array) -> Kind:
        least, top = np.where(known, must, 0.0), np.where(known, must, most)
        return Kind(low=least / e, high=top / e, guess=guess / e, cost=wear)

    return {
        "charge": flow(stores.charge_max_kwh, into, charge),
        "discharge": flow(stores.discharge_max_kwh, out_of, discharge),
        "level": Kind(low=low / e, high=high / e, guess=level / e, cost=worth if worth.any() else None),
    }


def _guess(stores: Stores) -> tuple[Array, Array, Array]:
    """Charge, discharge, levels: a fifth of the power, or as much as is needed, levels kept inside their bounds."""
    if not stores.level_min_kwh.size:
        nothing = np.zeros(stores.shape)
        return nothing, nothing, nothing
    most = stores.gain * stores.charge_max_kwh
    need = np.maximum(stores.level_min_kwh[-1] + stores.drain_kwh.sum(axis=0) - stores.start_kwh, 0.0)
    part = np.clip(need / np.maximum(most.sum(axis=0), 1e-12), 0.05, 0.95)
    part = np.where(stores.discharge_max_kwh.any(axis=0), 0.2, part)
    charge = part * stores.charge_max_kwh
    discharge = np.minimum(part * most / stores.loss, 0.5 * stores.discharge_max_kwh)
    change = stores.gain * charge - stores.loss * discharge - stores.drain_kwh
    edge = OFF * (stores.level_max_kwh - stores.level_min_kwh)
    level = stores.start_kwh + np.cumsum(change, axis=0)
    return charge, discharge, np.clip(level, stores.level_min_kwh + edge, stores.level_max_kwh - edge)
