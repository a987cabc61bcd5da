"""The rule of thumb as an engine: own PV into own stores, own deficit out of them. No proof, but quick and never silly.

For comparison, as a first plan, and where nothing better was found in time.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..flow import Array
from ..noun import dense
from ..watch import Cancel, OnProgress
from .engine import Plan
from .limits import Joint
from .problem import Problem
from .stores import Stores, able, reach, repaired


def solve(
    problem: Problem,
    gap: float,
    seconds: float | None = None,
    start: Plan | None = None,
    on_progress: OnProgress | None = None,
    cancel: Cancel | None = None,
) -> Plan:
    """Self-consumption within what every store must keep; limits are kept by leaving load unserved or PV unused."""
    plan, stores = Plan.rest(problem, "rule", "by rule"), problem.stores
    if not stores.level_min_kwh.size:
        return plan
    level = _served(stores, problem.base_kwh)
    if problem.joints:
        alone = np.setdiff1d(np.arange(stores.owner.size), np.concatenate([joint.rows for joint in problem.joints]))
        mine = stores.kept(alone, stores.owner[alone])
        moved = _moved(mine, level[:, alone])
        net = problem.base_kwh + mine.by_member(moved, problem.shape[1])
        for joint in problem.joints:
            level[:, joint.rows] = _in_step(stores, joint, net)
    return replace(plan, level_kwh=level)


def _served(stores: Stores, net: Array) -> Array:
    """Levels (T, K) of stores that take what their owners have left of a net load (T, N), and give what they lack."""
    from ._tube import greedy

    level: Array = greedy(dense(stores.start_kwh), *able(stores), reach(stores), stores.owner, dense(net))
    return level


def _moved(stores: Stores, level: Array) -> Array:
    """Charged less discharged, for levels to come about. (T, K)"""
    _, _, charge, discharge = repaired(stores, level)
    moved: Array = charge - discharge
    return moved


def _in_step(stores: Stores, joint: Joint, net: Array) -> Array:
    """Levels (T, rows) of the accounts of one battery that serve their owners together, each with the same part.

    What they hold above what they would without moving is the same for all, so that room, power and final levels of
    the battery and of every account are bounds of one store.
    """
    rows, count = joint.rows, joint.rows.size
    mine = stores.kept(rows, stores.owner[rows])
    still = np.empty(mine.shape)
    before = mine.start_kwh
    for t in range(len(still)):
        still[t] = before = mine.keep * before - mine.drain_kwh[t]
    together = still.sum(axis=1)
    low = np.maximum((mine.level_min_kwh - still).max(axis=1), (joint.level_min_kwh - together) / count)
    high = np.minimum((mine.level_max_kwh - still).min(axis=1), (joint.level_max_kwh - together) / count)
    charge = np.minimum(mine.charge_max_kwh.min(axis=1), joint.charge_max_kwh / count)
    discharge = np.minimum(mine.discharge_max_kwh.min(axis=1), joint.discharge_max_kwh / count)
    one = replace(
        mine.kept(np.array([0]), np.array([0])), charge_max_kwh=charge[:, None], discharge_max_kwh=discharge[:, None],
        level_min_kwh=low[:, None], level_max_kwh=high[:, None], drain_kwh=np.zeros((len(low), 1)),
        start_kwh=np.zeros(1),
    )  # fmt: skip
    part = net[:, np.unique(mine.owner)].sum(axis=1, keepdims=True) / count
    level: Array = still + _served(one, part)
    return level
