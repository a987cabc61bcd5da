"""What a plan is worth, proven from the plan and a set of prices alone; knows nothing of the engine that made them.

Upper bound: the plan is made feasible to the last kWh and priced as settlement will. Lower bound: Lagrangian, from any
duals, over what one may do at each meter and each store on its own; nobody imports and exports at once there, and no
store charges and discharges at once, so the bound may lie above the relaxation's optimum. lower <= optimum <= upper.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from ..errors import InfeasibleError
from ..flow import Array, Index
from ..noun import dense
from ..proof import Certificate
from .engine import Duals, Plan
from .problem import Problem
from .stores import Stores, emptiest, fullest, moves

TOLERANCE = 1e-9
"""Largest violation of an envelope that is rounding. [kWh], times the largest level"""
LARGEST_DUAL = 1e8
"""Duals beyond that many times the highest price bound nothing but rounding."""
SHOWN = 5
CLOSED = 1e-10
"""A gap that no sharper bound need be sought for. [-]"""
MOST_STORES = 3
"""Of a member whose corners are all tried; with more, meter and stores are bounded each on their own."""


Part = tuple[Array, Array, Array, Array]
"""What may be moved: from, to [kWh], cost per kWh downwards and upwards."""


@dataclass(frozen=True, kw_only=True)
class Feasible:
    """A plan that can be carried out. (T, K), (T, K), (T, K), (T, N) [kWh]"""

    charge_kwh: Array
    discharge_kwh: Array
    level_kwh: Array
    curtailed_kwh: Array


def reach(stores: Stores) -> tuple[Array, Array]:
    """Lowest and highest level at each slot's end from which everything later can be kept. (T, K) each [kWh]"""
    if not stores.level_min_kwh.size:
        return np.array(stores.level_min_kwh), np.array(stores.level_max_kwh)
    from ._tube import tube

    _, keep, drain, fall, rise = moves(stores)
    low, high = tube(keep, drain, fall, rise, dense(stores.level_min_kwh), dense(stores.level_max_kwh))
    return low, high


def repaired(stores: Stores, level_kwh: Array) -> tuple[Array, Array, Array, Array]:
    """The nearest levels (T, K) that can be kept, what bounds are missed by, charge, discharge; never both. [kWh]"""
    if not stores.level_min_kwh.size:
        nothing = np.zeros(stores.shape)
        return nothing, nothing, nothing, nothing
    from ._tube import followed

    level, missed, change = followed(*moves(stores), *reach(stores), dense(level_kwh))
    charge = np.minimum(np.maximum(change, 0.0) / stores.gain, stores.charge_max_kwh)
    discharge = np.minimum(np.maximum(-change, 0.0) / stores.loss, stores.discharge_max_kwh)
    return level, missed, charge, discharge


def check(problem: Problem) -> None:
    """Raises InfeasibleError naming every store that cannot keep its bounds: member, device, slot, energy missing."""
    stores = problem.stores
    if not stores.level_min_kwh.size:
        return
    fine = TOLERANCE * np.maximum(1.0, np.abs(stores.level_max_kwh).max(axis=0, initial=0.0))
    lines = []
    short, full = stores.level_min_kwh - fullest(stores), emptiest(stores) - stores.level_max_kwh
    for side, missing, rule in (("below", short, "reach"), ("above", full, "come down to")):
        for k in np.flatnonzero((missing > fine).any(axis=0)):
            t = int(np.argmax(missing[:, k] > fine[k]))
            limit = (stores.level_min_kwh if side == "below" else stores.level_max_kwh)[t, k]
            lines.append(
                f"{stores.kind[k]} of {problem.names[stores.owner[k]]} cannot {rule} {limit:.6g} kWh by the end of "
                f"slot {problem.first + t}: {missing[t, k]:.6g} kWh {'short' if side == 'below' else 'too much'} "
                "(§10); raise its power, give it more time or move the limit"
            )
    if lines:
        more = [f"... and {len(lines) - SHOWN} more of this kind"] if len(lines) > SHOWN else []
        raise InfeasibleError("\n".join([*lines[:SHOWN], *more]))


# --- upper bound -----------------------------------------------------------------------------------------------------


def feasible(problem: Problem, plan: Plan) -> tuple[Feasible, float]:
    """The plan made feasible, and the largest bound still missed. [kWh]"""
    level, missed, charge, discharge = repaired(problem.stores, plan.level_kwh)
    net = problem.base_kwh + problem.stores.by_member(charge - discharge, problem.shape[1])
    curtailed = np.clip(plan.curtailed_kwh, 0.0, problem.curtail_max_kwh)
    at_cost = np.minimum(problem.curtail_max_kwh, np.maximum(-net, 0.0)) * (problem.sell < 0)
    at_cost = np.where(problem.buy < 0, problem.curtail_max_kwh, at_cost)
    curtailed = np.where(problem.own & ~problem.inside, at_cost, curtailed)
    made = Feasible(charge_kwh=charge, discharge_kwh=discharge, level_kwh=level, curtailed_kwh=curtailed)
    return made, float(missed.max(initial=0.0))


def cost(problem: Problem, made: Feasible) -> float:
    """What a feasible plan costs at the terms: energy, fee and wear, less what is left in store. [money]"""
    stores, moved = problem.stores, made.charge_kwh + made.discharge_kwh
    net = problem.base_kwh + made.curtailed_kwh
    net = net + stores.by_member(made.charge_kwh - made.discharge_kwh, problem.shape[1])
    want, give = np.maximum(net, 0.0), np.maximum(-net, 0.0)
    money = float(((want * problem.buy - give * problem.sell) * problem.own).sum())
    money += _behind_one_meter(problem, want, give) if problem.one_meter else -_saved_by_pool(problem, want, give)
    left = float(stores.value @ made.level_kwh[-1]) if len(moved) else 0.0
    return money + float((moved * stores.wear).sum()) - left


def _behind_one_meter(problem: Problem, want: Array, give: Array) -> float:
    """What the coupling point and the pool's fee cost: all that can be matched inside is. (T, N) each"""
    bought, sold = (want * problem.inside).sum(axis=1), (give * problem.inside).sum(axis=1)
    matched = np.minimum(bought, problem.pool.efficiency * sold)
    taken, given = bought - matched, sold - matched / problem.pool.efficiency
    grid = (taken * problem.coupling_buy - given * problem.coupling_sell).sum()
    return float(grid + problem.pool.fee_per_kwh * matched.sum())


def _saved_by_pool(problem: Problem, want: Array, give: Array) -> float:
    """What a pool among own meters can save at most: dearest buyers meet cheapest sellers while it pays. (T, N) each"""
    want, give, saved = want * problem.inside, give * problem.inside * problem.pool.efficiency, 0.0
    floor = problem.sell / problem.pool.efficiency + problem.pool.fee_per_kwh
    for t in np.flatnonzero((want.sum(axis=1) > 0) & (give.sum(axis=1) > 0)):
        buyers, sellers = np.argsort(-problem.buy[t], kind="stable"), np.argsort(floor[t], kind="stable")
        wanted, offered = np.cumsum(want[t, buyers]), np.cumsum(give[t, sellers])
        steps = np.sort(np.concatenate([wanted, offered]))
        steps = steps[steps <= min(wanted[-1], offered[-1])]
        middle, length = steps - np.diff(steps, prepend=0.0) / 2, np.diff(steps, prepend=0.0)
        b = np.minimum(np.searchsorted(wanted, middle), len(buyers) - 1)
        s = np.minimum(np.searchsorted(offered, middle), len(sellers) - 1)
        saved += float((np.maximum(problem.buy[t, buyers[b]] - floor[t, sellers[s]], 0.0) * length).sum())
    return saved


# --- lower bound -----------------------------------------------------------------------------------------------------


def lower(problem: Problem, duals: Duals, *, exact: bool = True) -> float:
    """A bound on every plan's cost, whatever the duals are; minus infinity where they are of no use. [money]

    `exact` looks at a member's meter and stores together: more work, and a higher bound where both ways at once pay.
    """
    used = duals.balance, duals.level, duals.demand, duals.supply
    most = LARGEST_DUAL * max(problem.highest_price, 1e-12)
    if any(not np.isfinite(d).all() or np.abs(d).max(initial=0.0) > most for d in used):
        return -np.inf
    inside, members = problem.inside, problem.shape[1]
    paid = np.where(problem.own, problem.buy, np.inf)
    got = np.where(problem.own, problem.sell, -np.inf)
    paid = np.where(inside, np.minimum(paid, duals.demand[:, None]), paid)
    got = np.where(inside, np.maximum(got, duals.supply[:, None]), got)
    local = _relaxed(problem, duals, paid, got)
    count = np.bincount(problem.stores.owner, minlength=members)
    for stores in range(MOST_STORES + 1) if exact else ():
        same = np.flatnonzero(count == stores)
        if same.size:
            joint = _exact(problem, duals, paid[:, same], got[:, same], same)
            local[:, same] = np.maximum(local[:, same], joint)
    return float(local.sum()) + _levels_bound(problem, duals) + _pool_bound(problem, duals)


def _store_prices(problem: Problem, duals: Duals) -> tuple[Array, Array]:
    """What charging and discharging cost besides the energy at the meter. (T, K) each"""
    stores, y = problem.stores, duals.level
    return stores.wear + stores.gain * y, stores.wear - stores.loss * y


def _relaxed(problem: Problem, duals: Duals, paid: Array, got: Array) -> Array:
    """What each member costs in each slot at least, its meter and its stores each on their own. (T, N)"""
    price, stores = duals.balance, problem.stores
    into, out_of = np.minimum(paid - price, 0.0), np.minimum(price - got, 0.0)
    bound: Array = price * problem.base_kwh + np.minimum(price, 0.0) * problem.curtail_max_kwh
    bound = bound + np.minimum(into * problem.want_max_kwh, out_of * problem.give_max_kwh)
    if not stores.owner.size:
        return bound
    charge, discharge = _store_prices(problem, duals)
    there = price[:, stores.owner]
    charging = np.minimum(charge + there, 0.0) * stores.charge_max_kwh
    discharging = np.minimum(discharge - there, 0.0) * stores.discharge_max_kwh
    return bound + stores.by_member(np.minimum(charging, discharging), problem.shape[1])


def _exact(problem: Problem, duals: Duals, paid: Array, got: Array, same: Index) -> Array:
    """The same for members with equally many stores, meter and stores together: at all corners. (T, members)

    Cost is linear between them: each store full on, off or full on the other way, PV all or none thrown away, but for
    one of them that may bring the meter to rest.
    """
    stores, parts = problem.stores, list[Part]()
    prices, ordered = _store_prices(problem, duals), np.argsort(stores.owner, kind="stable")
    mine = ordered[np.isin(stores.owner[ordered], same)].reshape(same.size, -1).T
    for k in mine:
        parts.append((-stores.discharge_max_kwh[:, k], stores.charge_max_kwh[:, k], prices[1][:, k], prices[0][:, k]))
    base, zero = problem.base_kwh[:, same], np.zeros((problem.shape[0], same.size))
    if problem.curtail:
        parts.append((zero, problem.curtail_max_kwh[:, same], zero, zero))
    best: Array = np.full(base.shape, np.inf)
    for corner in product(*([low, zero, high] if low is not zero else [zero, high] for low, high, _, _ in parts)):
        for free in range(-1, len(parts)):
            moved = list(corner)
            if free >= 0:
                rest = base + sum((m for i, m in enumerate(moved) if i != free), zero)
                moved[free] = np.clip(-rest, parts[free][0], parts[free][1])
            best = np.minimum(best, _money(base, moved, parts, paid, got))
    return best


def _money(
    base: Array, moved: list[Array], parts: list[tuple[Array, Array, Array, Array]], paid: Array, got: Array
) -> Array:
    """What it costs to move so much, at the meter and inside. (T, members)"""
    net = base + sum(moved, np.zeros_like(base))
    into, out_of = np.maximum(net, 0.0), np.maximum(-net, 0.0)
    money: Array = np.where(into > 0, paid, 0.0) * into - np.where(out_of > 0, got, 0.0) * out_of
    for change, (_, _, down, up) in zip(moved, parts, strict=True):
        money = money + up * np.maximum(change, 0.0) + down * np.maximum(-change, 0.0)
    return money


def _levels_bound(problem: Problem, duals: Duals) -> float:
    """The part of levels."""
    stores, y = problem.stores, duals.level
    if not y.size:
        return 0.0
    held = -y + np.vstack([stores.keep * y[1:], -stores.value[None, :]])
    level = np.minimum(held * stores.level_min_kwh, held * stores.level_max_kwh)
    start = float((y[0] * stores.keep * stores.start_kwh).sum()) - float((y * stores.drain_kwh).sum())
    return start + float(level.sum())


def _pool_bound(problem: Problem, duals: Duals) -> float:
    """The part of the pool and the coupling point."""
    if not problem.pooled:
        return 0.0
    inside, efficiency = problem.inside, problem.pool.efficiency
    want, give = (problem.want_max_kwh * inside).sum(axis=1), (problem.give_max_kwh * inside).sum(axis=1)
    sent = efficiency * (problem.pool.fee_per_kwh - duals.demand) + duals.supply
    bound = float((np.minimum(sent, 0.0) * np.minimum(give, want / efficiency)).sum())
    if problem.one_meter:
        taken = np.minimum(problem.coupling_buy - duals.demand, 0.0) * want
        given = np.minimum(duals.supply - problem.coupling_sell, 0.0) * give
        bound += float(np.minimum(taken, given).sum())
    return bound


# --- both ------------------------------------------------------------------------------------------------------------


def certify(problem: Problem, plan: Plan, asked: float) -> tuple[Feasible, Certificate]:
    """The plan made feasible, and what is proven about it."""
    made, missed = feasible(problem, plan)
    fine = 1e-6 * max(1.0, float(np.abs(made.level_kwh).max(initial=0.0)))
    upper, proven = (cost(problem, made) if missed <= fine else np.inf), lower(problem, plan.duals, exact=False)
    if gap(problem, upper, proven) > CLOSED:
        proven = lower(problem, plan.duals)
    claimed = plan.bound is not None and plan.bound > proven
    bound = min(plan.bound, upper) if claimed and plan.bound is not None else proven
    between = gap(problem, upper, bound)
    return made, Certificate(
        engine=plan.engine,
        status="proven" if between <= asked else f"open ({plan.status})",
        proof="branch and bound" if claimed else "duals",
        cost=upper,
        lower=bound,
        gap=between,
        asked=asked,
        iterations=plan.iterations,
        binaries=plan.binaries,
        energy_price=plan.duals.balance,
        stored_price=-plan.duals.level,
    )


def gap(problem: Problem, upper: float, bound: float) -> float:
    """Between bounds, as a share of the cost, or of a thousandth of the turnover if that is more. [-]"""
    if not np.isfinite(upper - bound):
        return np.inf
    rounding = 1e-12 * (1e3 * problem.scale + abs(upper))
    return max(upper - bound - rounding, 0.0) / max(abs(upper), problem.scale, 1e-300)


def clipped(stores: Stores, level_kwh: Array) -> tuple[Array, Array]:
    """Charge and discharge that follow levels as far as the envelope allows. (T, K) each [kWh]"""
    _, _, charge, discharge = repaired(stores, level_kwh)
    return charge, discharge


def whole(parts: list[tuple[Index, Index, Certificate]], shape: tuple[int, int, int], asked: float) -> Certificate:
    """Certificates of members that have nothing to do with each other, as one; parts: members, devices, certificate."""
    slots, members, devices = shape
    energy, stored = np.zeros((slots, members)), np.zeros((slots, devices))
    for who, what, part in parts:
        energy[:, who], stored[:, what] = part.energy_price, part.stored_price
    proofs = [part for _, _, part in parts]
    upper, bound = sum(p.cost for p in proofs), sum(p.lower for p in proofs)
    worst = max((p.gap for p in proofs), default=0.0)
    names = sorted({p.engine for p in proofs})
    return Certificate(
        engine="+".join(names) or "none",
        status=next((p.status for p in proofs if p.status != "proven"), "proven"),
        proof="branch and bound" if any(p.proof != "duals" for p in proofs) else "duals",
        cost=upper, lower=bound, gap=worst, asked=asked,
        iterations=sum(p.iterations for p in proofs), binaries=sum(p.binaries for p in proofs),
        energy_price=energy, stored_price=stored,
    )  # fmt: skip
