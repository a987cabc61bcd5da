"""Exact and fast where a member with one store faces nothing but its own prices: dynamic programming over its level."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..flow import Array, Mask
from ..watch import Cancel, OnProgress
from .engine import Duals, Plan
from .problem import Problem
from .stores import reach


def suited(problem: Problem) -> Mask:
    """Members whose plan this engine finds: alone, one store at most, no limit, no price that pays for waste. (N,)

    Nor a charge on its peak or by blocks, nor a store that gains more in one slot than in another. Waste pays where
    energy costs less than nothing, where selling brings more than buying costs, or where selling costs money and PV may
    not be thrown away.
    """
    count = np.bincount(problem.stores.owner, minlength=problem.shape[1])
    free = ~problem.inside.any(axis=0) & (count <= 1)
    free[problem.stores.owner[(problem.stores.gain != problem.stores.gain[:1]).any(axis=0)]] = False
    odd = (problem.buy < np.maximum(problem.sell, 0.0)).any(axis=0)
    costly = (problem.sell < 0.0).any(axis=0) & (not problem.curtail)
    shared = np.zeros(problem.shape[1], np.bool_)
    for joint in problem.joints:
        shared[problem.stores.owner[joint.rows]] = True
    return free & ~odd & ~costly & ~problem.bound & ~shared & problem.resale


def solve(
    problem: Problem,
    gap: float,
    seconds: float | None = None,
    start: Plan | None = None,
    on_progress: OnProgress | None = None,
    cancel: Cancel | None = None,
) -> Plan:
    """The best plan of members that are all `suited`; gap and time do not matter to it."""
    from ._slopes import best_levels as compiled

    best_levels: Any = compiled
    stores = problem.stores
    low, high = reach(stores)
    level, dual = np.zeros(stores.shape), np.zeros(stores.shape)
    tie = 1e-12 * float(np.abs(problem.buy).max(initial=0.0))
    curtail, sell, spare = problem.curtail_max_kwh, problem.sell, problem.sell
    if problem.curtail:
        sell = np.maximum(sell, 0.0)
    for k, n in enumerate(stores.owner):
        level[:, k], dual[:, k] = best_levels(
            problem.base_kwh[:, n], curtail[:, n], problem.buy[:, n], sell[:, n], spare[:, n],
            stores.charge_max_kwh[:, k], stores.discharge_max_kwh[:, k], np.minimum(low[:, k], high[:, k]), high[:, k],
            stores.drain_kwh[:, k], float(stores.gain[0, k]), float(stores.loss[k]), float(stores.keep[k]),
            float(stores.start_kwh[k]), float(stores.wear[k]), float(stores.value[k]), tie,
        )  # fmt: skip
    duals = replace(Duals.nothing(problem), balance=_balance(problem, level, dual), level=dual)
    nothing = np.zeros(problem.shape)
    return Plan(
        level_kwh=level, curtailed_kwh=nothing, unserved_kwh=nothing, duals=duals, engine="dp", status="optimal",
    )  # fmt: skip


def _balance(problem: Problem, level: Array, dual: Array) -> Array:
    """What one more kWh costs each member: its price, or where that is open what its store asks for it. (T, N)"""
    stores, largest = problem.stores, max(float(problem.want_max_kwh.max()), float(problem.give_max_kwh.max()))
    fine = 1e-10 * largest
    net, low, high = np.array(problem.base_kwh), np.full(problem.shape, -np.inf), np.full(problem.shape, np.inf)
    if level.size:
        before = np.vstack([stores.start_kwh[None, :], level[:-1]])
        change = level - stores.keep * before + stores.drain_kwh
        into, out_of = -dual * stores.gain - stores.wear, -dual * stores.loss + stores.wear
        scale = 1e-10 * np.abs(stores.level_max_kwh).max(axis=0)
        owner = stores.owner
        net[:, owner] += np.maximum(change, 0.0) / stores.gain - np.maximum(-change, 0.0) / stores.loss
        low[:, owner] = np.where(change < -scale, out_of, into)
        high[:, owner] = np.where(change > scale, into, out_of)
    sell = np.maximum(problem.sell, 0.0) if problem.curtail else problem.sell
    least = np.where(net > fine, problem.buy, np.where(net < -problem.curtail_max_kwh - fine, problem.sell, sell))
    most = np.where(net >= -fine, problem.buy, sell)
    price: Array = np.clip(np.clip(least, low, high), least, most)
    return price
