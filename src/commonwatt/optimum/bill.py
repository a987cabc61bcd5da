"""What a feasible plan costs at the terms, as settlement will bill it; and what unserved load and stores count."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..flow import Array
from .limits import Metered, Tier
from .problem import Problem
from .upper import Feasible


@dataclass(frozen=True, kw_only=True)
class Flows:
    """Who deals with whom: members' nets, with their own retailers (T, N), and the pool's with the grid (T,) [kWh]"""

    net: Array
    own_in: Array
    own_out: Array
    grid_in: Array
    grid_out: Array
    matched: Array
    """Delivered inside."""

    @property
    def pooled(self) -> Array:
        """What members take from the pool less what they give. (T, N)"""
        taken: Array = self.net - self.own_in + self.own_out
        return taken


def cost(problem: Problem, made: Feasible) -> float:
    """What a feasible plan costs: energy, fee, charges, unserved load and wear, less what is left in store. [money]"""
    return priced(problem, made)[1]


def priced(problem: Problem, made: Feasible) -> tuple[Feasible, float]:
    """The plan with the cheaper way to share, and what it costs. [money]

    Where charges read what is left after sharing, the plan's own sharing is tried beside the rule's.
    """
    stores, moved = problem.stores, made.charge_kwh + made.discharge_kwh
    net = made.net_kwh(problem)
    ways = [shared(problem, net)]
    if made.pooled_kwh is not None and not problem.one_meter:
        ways.append(_as_planned(problem, net, made.pooled_kwh))
    bills = [_billed(problem, flows) for flows in ways]
    money = min(bills)
    left = float(stores.value @ made.level_kwh[-1]) if len(moved) else 0.0
    money += problem.unserved_price * float(made.unserved_kwh.sum())
    money += float((moved * stores.wear).sum()) - left
    return replace(made, pooled_kwh=ways[bills.index(min(bills))].pooled), money


def _billed(problem: Problem, flows: Flows) -> float:
    money = float((flows.own_in * problem.buy - flows.own_out * problem.sell).sum())
    money += float((flows.grid_in * problem.coupling_buy - flows.grid_out * problem.coupling_sell).sum())
    money += problem.pool.fee_per_kwh * float(flows.matched.sum())
    for peak in problem.peaks:
        highest = float((peak.weight * read(problem, peak, flows)).max(initial=0.0))
        money += peak.rate * max(highest, peak.locked_kw)
    return money + sum(blocks(tier, float((read(problem, tier, flows) * tier.slots).sum())) for tier in problem.tiers)


def read(problem: Problem, charge: Metered, flows: Flows) -> Array:
    """What a charge's meter shows as import. (T,) [kWh]"""
    if charge.reads == "pool":
        return flows.grid_in
    if charge.reads == "residual":
        residual: Array = flows.own_in[:, charge.members].sum(axis=1)
        return residual
    lost = problem.lost_share(charge) * flows.matched / problem.pool.efficiency
    together: Array = np.maximum(flows.net[:, charge.members].sum(axis=1) + lost, 0.0)
    return together


def blocks(tier: Tier, energy: float) -> float:
    """What so much energy costs, block by block. [money]"""
    before = np.concatenate([[0.0], np.cumsum(tier.width_kwh)[:-1]])
    return float(tier.rate @ np.clip(energy - before, 0.0, tier.width_kwh))


def shared(problem: Problem, net: Array) -> Flows:
    """Behind one meter all that can be matched is; among own meters what pays, dearest buyers and cheapest sellers."""
    want, give = np.maximum(net, 0.0), np.maximum(-net, 0.0)
    bought, sold = want * problem.inside, give * problem.inside
    efficiency, none = problem.pool.efficiency, np.zeros(len(net))
    if problem.one_meter:
        demand, supply = bought.sum(axis=1), sold.sum(axis=1)
        matched = np.minimum(demand, efficiency * supply)
        return Flows(
            net=net, own_in=want * problem.own, own_out=give * problem.own,
            grid_in=demand - matched, grid_out=supply - matched / efficiency, matched=matched,
        )  # fmt: skip
    bought, sold = _paying(problem, bought, sold)
    return Flows(
        net=net, own_in=want - bought, own_out=give - sold, grid_in=none, grid_out=none, matched=bought.sum(axis=1)
    )


def _paying(problem: Problem, want: Array, give: Array) -> tuple[Array, Array]:
    """What each member buys and sells inside as long as the next pair gains by it. (T, N) each, from what may be"""
    efficiency = problem.pool.efficiency
    bought, sold = np.zeros(want.shape), np.zeros(want.shape)
    floor = problem.sell / efficiency + problem.pool.fee_per_kwh
    for t in np.flatnonzero((want.sum(axis=1) > 0) & (give.sum(axis=1) > 0)):
        buyers, sellers = np.argsort(-problem.buy[t], kind="stable"), np.argsort(floor[t], kind="stable")
        wanted, offered = np.cumsum(want[t, buyers]), np.cumsum(efficiency * give[t, sellers])
        steps = np.sort(np.concatenate([wanted, offered]))
        steps = steps[steps <= min(wanted[-1], offered[-1])]
        length = np.diff(steps, prepend=0.0)
        b = np.minimum(np.searchsorted(wanted, steps - length / 2), len(buyers) - 1)
        s = np.minimum(np.searchsorted(offered, steps - length / 2), len(sellers) - 1)
        matched = float(length[problem.buy[t, buyers[b]] > floor[t, sellers[s]]].sum())
        for amount, ordered, cumulated in ((bought, buyers, wanted), (sold, sellers, offered)):
            amount[t, ordered] = np.diff(np.minimum(cumulated, matched), prepend=0.0)
    return bought, sold / efficiency


def _as_planned(problem: Problem, net: Array, pooled: Array) -> Flows:
    """The plan's own sharing, as far as nets and balance allow, among own meters."""
    want, give = np.maximum(net, 0.0) * problem.inside, np.maximum(-net, 0.0) * problem.inside
    bought, sold = np.clip(pooled, 0.0, want), np.clip(-pooled, 0.0, give)
    efficiency = problem.pool.efficiency
    demand, supply = bought.sum(axis=1), efficiency * sold.sum(axis=1)
    matched = np.minimum(demand, supply)
    bought = bought * np.divide(matched, demand, out=np.zeros_like(demand), where=demand > 0)[:, None]
    sold = sold * np.divide(matched, supply, out=np.zeros_like(supply), where=supply > 0)[:, None]
    flows, none = shared(replace(problem, inside=np.zeros(problem.shape, np.bool_)), net), np.zeros(len(net))
    return replace(
        flows, own_in=flows.own_in - bought, own_out=flows.own_out - sold, grid_in=none, grid_out=none, matched=matched
    )  # fmt: skip
