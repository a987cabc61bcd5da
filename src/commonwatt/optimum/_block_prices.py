"""Prices of the structured interior point method: first guesses, and what they say to the certificate at last."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..flow import Array, Index
from ..noun import dense
from ._block_bus import Bus
from ._block_kinds import NARROW, Units, accounts, alone, classes, own_limits, settled
from ._block_meeting import DEMAND, SUPPLY, Meeting, cells, everywhere, groups, limited
from ._block_members import Members
from ._block_meters import meters, own
from .engine import Duals
from .problem import Problem
from .stores import reach

APART = 0.05
"""How far apart first prices of demand and supply are pushed, scaled."""


def first(problem: Problem, units: Units) -> tuple[Array, Array, Array]:
    """Duals of balances (T, N) and levels (T, K), and of flows that meet (T, classes), scaled."""
    stores = problem.stores
    paid, got = np.where(problem.own, problem.buy, np.inf), np.where(problem.own, problem.sell, -np.inf)
    at_pool = problem.coupling_buy, problem.coupling_sell
    if problem.one_meter:
        paid, got = (
            np.where(problem.inside, price[:, None], own) for price, own in zip(at_pool, (paid, got), strict=True)
        )
    else:
        at_pool = problem.buy.mean(axis=1), problem.sell.mean(axis=1)
    middle = 0.5 * (paid + got) / units.price
    stored = -middle.mean(axis=0)[stores.owner] / stores.gain.mean(axis=0)
    rows = np.zeros((len(middle), classes(problem)))
    rows[:, DEMAND], rows[:, SUPPLY] = at_pool[0] / units.price + APART, APART - at_pool[1] / units.price
    return middle, np.broadcast_to(stored, stores.shape), rows


def of_rows(rows: Array, given: Meeting) -> Array:
    """First duals of all rows: those of flows that meet (T, classes) wherever they belong, 0 of all others."""
    y = np.zeros(given.right.size)
    y[given.numbers["flows"]] = np.repeat(rows[None], given.cells, axis=0).ravel()
    for e, name in enumerate(("demand", "supply")):
        if name in given.numbers:
            y[given.numbers[name]] = rows[:, e]
    return y


class Blind:
    """Stores whose levels can be nothing else somewhere: the method knows no price there, dynamic programming does."""

    def __init__(self, problem: Problem, units: Units) -> None:
        stores = problem.stores
        stuck = settled(stores, units)[0]
        given = stores.level_max_kwh - stores.level_min_kwh <= NARROW * units.energy
        chained = stuck & np.vstack([np.ones((1, stuck.shape[1]), np.bool_), stuck[:-1]])
        blind = (stuck & ~given).any(axis=0) | chained.any(axis=0)
        self.stores: Index = np.flatnonzero(blind & (accounts(problem) < 0))
        self._low, self._high = reach(stores)

    def told(self, problem: Problem, balance: Array, level: Array) -> Array:
        """Duals of levels, of those stores by what energy is worth at the member."""
        if not self.stores.size:
            return level
        from ._slopes import best_levels as compiled

        best_levels: Any = compiled
        level, mine = np.array(level), problem.stores.kept(self.stores, problem.stores.owner[self.stores])
        price, none = np.maximum(balance, 0.0), np.zeros(problem.shape)
        low, high = (dense(bound[:, self.stores]) for bound in (self._low, self._high))
        level[:, self.stores] = best_levels(
            mine.owner, none, none, price, price, price, mine.charge_max_kwh, mine.discharge_max_kwh,
            np.minimum(low, high), high, mine.drain_kwh, mine.gain, mine.loss, mine.keep, mine.start_kwh, mine.wear,
            mine.value, np.zeros(self.stores.size),
        )[1]  # fmt: skip
        return level


def duals(problem: Problem, units: Units, members: Members, bus: Bus, blind: Blind) -> Duals:
    """What balances, levels, the pool, limits and charges cost. [money/kWh]"""
    y = bus.y * units.price
    (slots, stores), own_peaks = problem.stores.shape, meters(problem)
    rows = members.duals(problem.shape, (slots, stores + len(own_peaks)))
    balance, level = (table * units.price for table in rows)
    found = _of_charges(problem, bus.given, y)
    found["peak"][:, own_peaks] = np.maximum(-level[:, stores:], 0.0)
    found |= {"balance": balance, "level": blind.told(problem, balance, level[:, :stores])}
    found |= _of_limits(problem, bus.given, y, balance - _on_own_meters(problem, found["peak"]))
    if problem.joints:
        found |= _of_batteries(problem, bus.given, y, found["level"])
    demand, supply = bus.given.met(y, "demand"), bus.given.met(y, "supply")
    everybody = _on_everybody(problem, found)
    demand, supply = demand - everybody, -supply - everybody
    if alone(problem).any():
        demand, supply = _borne(problem, found, everybody, demand, supply)
    return replace(Duals.nothing(problem), **found, demand=demand, supply=supply)


def _borne(
    problem: Problem, found: dict[str, Array], everybody: Array, demand: Array, supply: Array
) -> tuple[Array, Array]:
    """Prices of the pool moved so that nobody behind a limit of its own gains by passing on what it takes.

    The method bounds what flows in and what flows out, the limit their difference: only where nobody gives, or nobody
    takes, may prices differ.
    """
    worth = found["balance"] - everybody[:, None] - _on_own_meters(problem, found["peak"])
    for g in range(len(problem.places.names)):
        if g not in everywhere(problem):
            worth[:, problem.places.inside[g]] -= (found["import_limit"] - found["export_limit"])[:, g, None]
    pool, taking, giving = problem.pool, problem.want_max_kwh > 0, problem.give_max_kwh > 0
    least = np.where(problem.inside & giving, worth, np.inf).min(axis=1)
    highest = np.where(problem.inside & taking, worth, -np.inf).max(axis=1)
    floor = np.maximum(pool.efficiency * (demand - pool.fee_per_kwh), problem.coupling_sell)
    supply = np.minimum(supply, np.maximum(least, floor))
    return np.maximum(demand, np.minimum(highest, pool.fee_per_kwh + supply / pool.efficiency)), supply


def _on_everybody(problem: Problem, found: dict[str, Array]) -> Array:
    """What limits and charges at the coupling point add to everybody's price, both ways. (T,)"""
    added = np.zeros(problem.shape[0])
    for g in everywhere(problem):
        added += found["import_limit"][:, g] - found["export_limit"][:, g]
    for p, peak in enumerate(problem.peaks):
        added += found["peak"][:, p] * (not peak.single)
    for m, tier in enumerate(problem.tiers):
        added += found["tier_in"][:, m] * (not tier.single)
    return added


def _on_own_meters(problem: Problem, peak: Array) -> Array:
    """What peaks of own meters add to what each member takes. (T, N)"""
    added = np.zeros(problem.shape)
    for p in meters(problem):
        added[:, problem.peaks[p].members] = peak[:, p, None]
    return added


def _of_limits(problem: Problem, given: Meeting, y: Array, balance: Array) -> dict[str, Array]:
    places = problem.places
    into, out_of = np.zeros(places.import_max_kwh.shape), np.zeros(places.import_max_kwh.shape)
    for g in (*everywhere(problem), *groups(problem)):
        some, inwards = limited(problem, g)
        price = -given.dual(y, f"place {g}") * np.where(inwards, 1.0, -1.0)[some]
        into[some, g], out_of[some, g] = np.maximum(price, 0.0), np.maximum(-price, 0.0)
    paid, got = _faced(problem, given, y)
    above, below = np.maximum(balance - paid, 0.0), np.maximum(got - balance, 0.0)
    tightest = own_limits(problem)
    left = [(into, places.import_max_kwh, np.where(problem.want_max_kwh > 0, above, 0.0), tightest[0])]
    left += [(out_of, places.export_max_kwh, np.where(problem.give_max_kwh > 0, below, 0.0), tightest[1])]
    for found, most, price, least in left:
        for g in map(int, np.flatnonzero(alone(problem))):
            n = int(np.flatnonzero(places.inside[g])[0])
            binds = np.isfinite(most[:, g]) & (most[:, g] <= least[:, n])
            found[:, g] = np.where(binds, price[:, n], 0.0)
            price[:, n] = np.where(binds, 0.0, price[:, n])
    return {"import_limit": into, "export_limit": out_of}


def _of_batteries(problem: Problem, given: Meeting, y: Array, level: Array) -> dict[str, Array]:
    """What room and power of shared batteries are worth; levels of accounts bear what the common level costs."""
    level, shape = np.array(level), (len(level), len(problem.joints))
    room, into, out_of = (np.zeros(shape) for _ in range(3))
    for j, joint in enumerate(problem.joints):
        common, first = given.dual(y, f"level {j}"), joint.rows[0]
        gain, loss, keep = problem.stores.gain[:, first], problem.stores.loss[first], problem.stores.keep[first]
        level[:, joint.rows] += common[:, None]
        room[:, j] = common - keep * np.append(common[1:], 0.0)
        into[:, j] = np.maximum(given.met(y, f"charge {j}") - gain * common, 0.0)
        out_of[:, j] = np.maximum(given.met(y, f"discharge {j}") + loss * common, 0.0)
    return {"level": level, "joint_level": room, "joint_charge": into, "joint_discharge": out_of}


def _faced(problem: Problem, given: Meeting, y: Array) -> tuple[Array, Array]:
    """What each member pays and gets in its cell, or at its own retailer. (T, N) each"""
    prices = given.flows(y)[cells(problem)]
    paid = np.where(problem.inside, prices[:, :, DEMAND].T, problem.buy)
    got = np.where(problem.inside, -prices[:, :, SUPPLY].T, problem.sell)
    return paid, got


def _of_charges(problem: Problem, given: Meeting, y: Array) -> dict[str, Array]:
    slots = problem.shape[0]
    peaks, borne = np.zeros((slots, len(problem.peaks))), np.zeros((slots, len(problem.tiers)))
    price = np.zeros(len(problem.tiers))
    for p, peak in enumerate(problem.peaks):
        if own(peak):
            continue
        some = peak.weight > 0
        peaks[some, p] = np.maximum(-given.dual(y, f"peak {p}"), 0.0) * peak.weight[some]
    for m, tier in enumerate(problem.tiers):
        price[m] = -given.dual(y, f"tier {m}")[0]
        if not tier.single:
            borne[tier.slots, m] = np.maximum(-given.dual(y, f"metered {m}"), 0.0)
    return {"peak": peaks, "tier": price, "tier_in": borne}
