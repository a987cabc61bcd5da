"""What an invariant may read of a plan: what its levels and the pool's shares come to, by plain formulas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..flow import Array, Community, Index, Mask, Planned, Prices


@dataclass(frozen=True)
class PlanFacts:
    """A plan beside the community and the terms of the slots in its sight, and what was there when it was made."""

    now: Community
    terms: Prices
    plan: Planned
    level: Array
    """What was in store. (K,) [kWh]"""
    banned: Index
    """Slots that members were still banned. (N,)"""
    sums: Mapping[str, Array]
    """Of open periods, by charge (`charge.0`, ...)."""

    @property
    def hours(self) -> float:
        """Length of a slot. [h]"""
        return self.now.clock.hours

    @cached_property
    def before(self) -> Array:
        """What was in store at the beginning of each slot, less what a slot loses and drains. (T, K) [kWh]"""
        device = self.now.flexibility
        earlier = np.concatenate([self.level[None, :], self.plan.level_kwh[:-1]])
        kept: Array = earlier * (1.0 - device.leakage) - device.drain_kwh
        return kept

    @cached_property
    def charge(self) -> Array:
        """Where a level rises. (T, K) [kWh]"""
        return np.maximum(self.plan.level_kwh - self.before, 0.0) / self.now.flexibility.charge_efficiency

    @cached_property
    def discharge(self) -> Array:
        """Where a level falls. (T, K) [kWh]"""
        return np.maximum(self.before - self.plan.level_kwh, 0.0) * self.now.flexibility.discharge_efficiency

    @cached_property
    def net(self) -> Array:
        """What each member takes less what it gives. (T, N) [kWh]"""
        plan, device = self.plan, self.now.flexibility
        moved = device.by_member(self.charge - self.discharge, self.now.shape[1])
        net: Array = plan.load_kwh - plan.unserved_kwh - (plan.pv_kwh - plan.curtailed_kwh) + moved
        return net

    @cached_property
    def want(self) -> Array:
        """Imported at members' meters. (T, N) [kWh]"""
        return np.maximum(self.net, 0.0)

    @cached_property
    def give(self) -> Array:
        """Exported there. (T, N) [kWh]"""
        return np.maximum(-self.net, 0.0)

    @cached_property
    def inside(self) -> Mask:
        """Who could deal with the pool, when. (T, N)"""
        if not (self.plan.together and self.terms.trading):
            return np.zeros(self.now.shape, np.bool_)
        may = self.terms.regular & self.now.market_open[:, None]
        return may & (np.arange(len(may))[:, None] >= self.banned) if self.banned.any() else may

    @cached_property
    def bought(self) -> Array:
        """Taken from the pool. (T, N) [kWh]"""
        return np.maximum(self.plan.pooled_kwh, 0.0)

    @cached_property
    def sold(self) -> Array:
        """Given to the pool. (T, N) [kWh]"""
        return np.maximum(-self.plan.pooled_kwh, 0.0)

    @cached_property
    def pooled(self) -> tuple[Array, Array]:
        """All that is taken from the pool and given to it. (T,) each [kWh]"""
        return self.bought.sum(axis=1), self.sold.sum(axis=1)

    @cached_property
    def matched(self) -> Array:
        """Delivered inside. (T,) [kWh]"""
        demand, supply = self.pooled
        return np.minimum(demand, supply * self.terms.pool.efficiency) if self.terms.one_meter else demand

    @cached_property
    def coupling(self) -> tuple[Array, Array]:
        """What the pool takes from the grid and gives to it. (T,) each [kWh]"""
        if not self.terms.one_meter:
            return np.zeros(len(self.net)), np.zeros(len(self.net))
        demand, supply = self.pooled
        return demand - self.matched, supply - self.matched / self.terms.pool.efficiency

    @cached_property
    def outside(self) -> tuple[Array, Array]:
        """What members take from their own retailers and give to them. (T, N) each [kWh]"""
        return self.want - self.bought, self.give - self.sold

    @cached_property
    def left_price(self) -> Array:
        """What a kWh left in each store counts. (K,) [money/kWh]

        Its own worth if it has one; else, unless it is obliged to charge, the part asked for of its owner's mean buying
        price, times the discharging efficiency.
        """
        device, share = self.now.flexibility, self.plan.stored_value or 0.0
        if not share:
            return np.where(device.terminal_value > 0, device.terminal_value, 0.0)
        mean = np.maximum(share * self.plan.buy.mean(axis=0)[device.owner] * device.discharge_efficiency, 0.0)
        return np.where(device.terminal_value > 0, device.terminal_value, np.where(device.obliged, 0.0, mean))

    @cached_property
    def couples(self) -> bool:
        """Whether members had to be planned together: a pool, a shared battery, a limit or a meter of several."""
        limits, several = self.now.connection, self.now.shape[1] > 1
        all_together = limits.import_cap_kw is not None or limits.export_cap_kw is not None
        group = np.bincount(limits.group[limits.group >= 0]) if limits.group is not None else np.zeros(0)
        grouped = limits.group_import_cap_kw is not None or limits.group_export_cap_kw is not None
        limited = (all_together and several) or (grouped and bool((group > 1).any()))
        return bool(self.inside.any() or self.now.flexibility.accounts.any() or (self.plan.heeds_shared and limited))

    @property
    def joint(self) -> bool:
        """Whether the coupling point is billed."""
        return self.terms.one_meter and self.terms.trading and self.plan.together
