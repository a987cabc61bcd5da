"""Exact and fast where a member with one store faces nothing but its own prices: dynamic programming over its level."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..flow import Array, Mask
from ..noun import dense, spread
from ..watch import Cancel, OnProgress
from .engine import Duals, Plan
from .problem import Problem
from .stores import reach


def suited(problem: Problem) -> Mask:
    """Members whose plan this engine finds: alone, one store at most, no limit, no price that pays for waste. (N,)

    Nor a charge on its peak or by blocks. Waste pays where energy costs less than nothing, where selling brings more
    than buying costs, or where selling costs money and PV may not be thrown away.
    """
    count = np.bincount(problem.stores.owner, minlength=problem.shape[1])
    free = ~problem.inside.any(axis=0) & (count <= 1)
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
    sell = np.maximum(problem.sell, 0.0) if problem.curtail else problem.sell
    tables = (
        problem.base_kwh, problem.curtail_max_kwh, problem.buy, sell, problem.sell, stores.charge_max_kwh,
        stores.discharge_max_kwh, np.minimum(low, high), high, stores.drain_kwh, stores.gain,
    )  # fmt: skip
    tie = 1e-12 * np.abs(problem.buy).max(axis=0)[stores.owner]
    rows = stores.loss, stores.keep, stores.start_kwh, stores.wear, stores.value, tie
    level, dual = best_levels(stores.owner, *(dense(table) for table in tables), *rows)
    duals = replace(Duals.nothing(problem), balance=_balance(problem, level, dual), level=dual)
    nothing = spread(0.0, problem.shape)
    return Plan(
        level_kwh=level, curtailed_kwh=nothing, unserved_kwh=nothing, duals=duals, engine="dp", status="optimal",
    )  # fmt: skip


def _balance(problem: Problem, level: Array, dual: Array) -> Array:
    """What one more kWh costs each member: its price, or where that is open what its store asks for it. (T, N)"""
    stores, fine = problem.stores, 1e-10 * np.maximum(problem.want_max_kwh, problem.give_max_kwh).max(axis=0)
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
