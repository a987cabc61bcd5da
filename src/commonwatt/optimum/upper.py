"""Upper bound: a plan made feasible to the last kWh. Knows nothing of the engine that made it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..flow import Array, Index
from .engine import Plan
from .limits import Joint
from .problem import Problem
from .stores import Stores, moves, reach, repaired

Moves = tuple[Array, Array, Array]
"""Levels, charge and discharge. (T, K) each [kWh]"""
TINY = 1e-300


@dataclass(frozen=True, kw_only=True)
class Feasible:
    """A plan that can be carried out. Tables of stores (T, K) and of members (T, N) [kWh]"""

    charge_kwh: Array
    discharge_kwh: Array
    level_kwh: Array
    curtailed_kwh: Array
    unserved_kwh: Array
    pooled_kwh: Array | None = None
    """What each member takes from the pool less what it gives, where the plan says so."""

    def net_kwh(self, problem: Problem) -> Array:
        """What each member takes less what it gives. (T, N)"""
        moved = problem.stores.by_member(self.charge_kwh - self.discharge_kwh, problem.shape[1])
        net: Array = problem.base_kwh + moved + self.curtailed_kwh - self.unserved_kwh
        return net


def feasible(problem: Problem, plan: Plan) -> tuple[Feasible, float]:
    """The plan made feasible, and the largest bound still missed. [kWh]"""
    (level, charge, discharge), missed = followed(problem.stores, problem.joints, plan.level_kwh)
    net = problem.base_kwh + problem.stores.by_member(charge - discharge, problem.shape[1])
    unserved = np.clip(plan.unserved_kwh, 0.0, problem.unserved_max_kwh)
    curtailed = _curtailed(problem, plan, net)
    unserved, curtailed, over = _within(problem, net, unserved, curtailed)
    made = Feasible(
        charge_kwh=charge, discharge_kwh=discharge, level_kwh=level, curtailed_kwh=curtailed, unserved_kwh=unserved,
        pooled_kwh=plan.pooled_kwh,
    )  # fmt: skip
    return made, max(missed, over, _resold(problem, made))


def followed(stores: Stores, joints: Sequence[Joint], level_kwh: Array) -> tuple[Moves, float]:
    """Levels near to those given that stores can keep, with charge and discharge; and the most that is missed. [kWh]

    The room, power and one way of a shared battery are kept whatever else is missed.
    """
    level, missed, charge, discharge = repaired(stores, level_kwh)
    short = float(missed.max(initial=0.0))
    if joints:
        level, charge, discharge = (np.array(table) for table in (level, charge, discharge))
    for joint in joints:
        found, gap = _together(stores, joint, level_kwh)
        for table, values in zip((level, charge, discharge), found, strict=True):
            table[:, joint.rows] = values
        short = max(short, gap)
    return (level, charge, discharge), short


def _curtailed(problem: Problem, plan: Plan, net: Array) -> Array:
    """What the plan throws away; who faces prices only, what they ask for. (T, N)"""
    curtailed = np.clip(plan.curtailed_kwh, 0.0, problem.curtail_max_kwh)
    at_cost = np.minimum(problem.curtail_max_kwh, np.maximum(-net, 0.0)) * (problem.sell < 0)
    at_cost = np.where(problem.buy < 0, problem.curtail_max_kwh, at_cost)
    free = problem.own & ~problem.inside & ~problem.bound
    chosen: Array = np.where(free, at_cost, curtailed)
    return chosen


def _within(problem: Problem, net: Array, unserved: Array, curtailed: Array) -> tuple[Array, Array, float]:
    """Unserved load and curtailed PV that keep every limit, and the most that one is missed by.

    `net` is that of the members without either. Small places first; in each, what cures least: PV before load.
    """
    places = problem.places
    order = [np.flatnonzero(places.inside[g]) for g in range(len(places.names))]
    smallest = sorted(range(len(order)), key=lambda g: order[g].size)

    def through(who: Index) -> Array:
        flow: Array = (net[:, who] + curtailed[:, who] - unserved[:, who]).sum(axis=1)
        return flow

    for g in smallest:
        who = order[g]
        nothing = np.zeros((len(net), who.size))
        over = _cut(through(who) - places.import_max_kwh[:, g], curtailed, who, nothing, -1.0)
        _cut(over, unserved, who, problem.unserved_max_kwh[:, who], 1.0)
        over = _cut(-through(who) - places.export_max_kwh[:, g], unserved, who, nothing, -1.0)
        _cut(over, curtailed, who, problem.curtail_max_kwh[:, who], 1.0)
    short = 0.0
    for g in smallest:
        over = np.maximum(
            through(order[g]) - places.import_max_kwh[:, g], -through(order[g]) - places.export_max_kwh[:, g]
        )
        short = max(short, float(over.max(initial=0.0)))
    return unserved, curtailed, short


def _cut(over: Array, flow: Array, who: Index, end: Array, sign: float) -> Array:
    """Moves the `flow` of some towards their `end`, in proportion to room, by what is `over`; what then is left."""
    if not (over > 0).any():
        return over
    room = np.maximum(sign * (end - flow[:, who]), 0.0)
    total = room.sum(axis=1)
    part = np.divide(np.clip(over, 0.0, total), total, out=np.zeros_like(total), where=total > 0)
    flow[:, who] += sign * part[:, None] * room
    left: Array = over - part * total
    return left


def _resold(problem: Problem, made: Feasible) -> float:
    """The most that a member gives beyond what it makes, where that is forbidden. [kWh]"""
    if problem.resale:
        return 0.0
    beyond = np.maximum(-made.net_kwh(problem), 0.0) - (problem.pv_kwh - made.curtailed_kwh)
    return float(beyond.max(initial=0.0))


def _together(stores: Stores, joint: Joint, level_kwh: Array) -> tuple[Moves, float]:
    """Levels, charge and discharge (T, rows) of the accounts of one battery, near to those given; and what is missed.

    All accounts charge or all discharge; who must move does, the rest follow their wishes as far as there is room.
    """
    rows = joint.rows
    mine = stores.kept(rows, stores.owner[rows])
    low, high = reach(mine)
    start, keep, drain, fall, rise = moves(mine)
    level, change, before, short = np.array(low), np.zeros(low.shape), start, 0.0
    for t in range(len(low)):
        base = keep * before - drain[t]
        must_rise, must_fall = np.maximum(low[t] - base, 0.0), np.maximum(base - high[t], 0.0)
        wish = np.clip(level_kwh[t, rows], low[t], np.maximum(high[t], low[t])) - base
        upwards = must_rise.sum() - must_fall.sum() + 1e-3 * wish.sum() >= 0
        if upwards:
            most = float(np.min(mine.gain[t]) * joint.charge_max_kwh[t])
            room, need = joint.level_max_kwh[t] - base.sum(), joint.level_min_kwh[t] - base.sum()
            able = np.minimum(rise[t], np.maximum(high[t] - base, 0.0))
            change[t] = _moved(wish, must_rise, able, min(most, room), need)
        else:
            most = float(np.max(mine.loss) * joint.discharge_max_kwh[t])
            room, need = base.sum() - joint.level_min_kwh[t], base.sum() - joint.level_max_kwh[t]
            able = np.minimum(fall[t], np.maximum(base - low[t], 0.0))
            change[t] = -_moved(-wish, must_fall, able, min(most, room), need)
        level[t] = before = base + change[t]
        total = float(before.sum())
        sums = max(joint.level_min_kwh[t] - total, total - joint.level_max_kwh[t])
        short = max(short, float(np.maximum(low[t] - before, before - high[t]).max(initial=0.0)), float(sums))
    charge, discharge = np.maximum(change, 0.0) / mine.gain, np.maximum(-change, 0.0) / mine.loss
    for power, able in ((charge, joint.charge_max_kwh), (discharge, joint.discharge_max_kwh)):
        short = max(short, float((power.sum(axis=1) - able).max(initial=0.0)))
    return (level, charge, discharge), short


def _moved(wish: Array, must: Array, able: Array, most: float, least: float) -> Array:
    """What accounts move one way: at least what they must, together between two bounds, never above. (rows,) [kWh]"""
    must = np.minimum(must, able)
    must = must * min(1.0, max(most, 0.0) / max(float(must.sum()), TINY))
    wish = np.clip(wish, must, able)
    total, due = float(wish.sum()), float(must.sum())
    if total > most:
        return must + (wish - must) * (max(most - due, 0.0) / max(total - due, TINY))
    spare = float(able.sum()) - total
    more = min(max(min(least, most) - total, 0.0), spare)
    return wish + (able - wish) * (more / spare if spare > 0 else 0.0)
