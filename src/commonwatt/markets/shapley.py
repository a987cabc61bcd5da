"""The Shapley value: everybody pays its mean marginal cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import NonNegativeInt, PositiveInt

from ..flow import Array, Community, Index, Sharing
from ..rules import Pooled
from ._cost_sharing import CostSharing, GroupCosts, stakes
from ._values import marginal_costs, sampled_orders, shapley_value

MOST = 16
"""Members up to which every group is looked at."""


class Shapley(CostSharing):
    """Everybody pays what it adds to the community's cost, on average over all orders of joining.

    Shapley 1953; for energy communities Chiş and Koivunen 2019, doi:10.1109/TSG.2017.2785313. Exact up to 16 members;
    above, the mean over sampled orders and their reverses (Castro et al. 2009, doi:10.1016/j.cor.2008.04.004), with
    the standard error in the notes, and members in another order pay the same only up to that error.
    """

    kind: Literal["shapley"] = "shapley"
    pairs: PositiveInt = 100
    """Sampled orders with their reverses, above 16 members; at least 2 for a standard error. [pairs]"""
    seed: NonNegativeInt = 0
    """Of the sampled orders. [-]"""

    def rule(self, community: Community) -> Sharing:
        return ShapleyShare(period=self.period, reason="shapley", pairs=self.pairs, seed=self.seed)


@dataclass(frozen=True, eq=False, kw_only=True)
class ShapleyShare(GroupCosts):
    """Carries the costs of all groups (2^N,), or above 16 members of the first members of sampled orders (K, N)."""

    pairs: int
    seed: int

    def start(self, columns: int) -> Array:
        return super().start(columns) if columns <= MOST else np.zeros((2 * self.pairs, columns))

    def add(self, carry: Array, reads: Pooled) -> Array:
        if carry.ndim == 1:
            return super().add(carry, reads)
        from .._games import costs_along_orders

        costs: Array = costs_along_orders(carry, *stakes(reads), self._orders(carry))
        return costs

    def amounts(self, carry: Array) -> Array:
        if carry.ndim == 1:
            return shapley_value(carry)
        owed: Array = marginal_costs(carry, self._orders(carry)).mean(axis=0)
        return owed

    def notes(self, carry: Array) -> dict[str, float]:
        if carry.ndim == 1 or self.pairs < 2:
            return {}
        deviation = marginal_costs(carry, self._orders(carry)).std(axis=0, ddof=1)
        return {"shapley, standard error of a member's share": float(deviation.max()) / self.pairs**0.5}

    def _orders(self, carry: Array) -> Index:
        return sampled_orders(self.seed, self.pairs, carry.shape[1])
