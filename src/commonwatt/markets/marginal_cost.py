"""Marginal cost: everybody pays what the community would save without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..flow import Array, Community, Sharing
from ..noun import over_members, running_sum
from ..rules import Pooled
from . import Promise
from ._cost_sharing import CostSharing, Share, stakes


class MarginalCost(CostSharing):
    """Everybody pays the community's cost less what the others would pay without it (Vickrey-Clarke-Groves).

    Nobody gains by misstating its energy, but the operator collects too little: Clarke 1971,
    doi:10.1007/BF01726210; Green and Laffont 1977.
    """

    kind: Literal["marginal_cost"] = "marginal_cost"

    @property
    def promise(self) -> Promise:
        return Promise(world="one_meter", scope=self.period, in_band=False, balanced=False, truthful=True)

    def rule(self, community: Community) -> Sharing:
        return MarginalShare(period=self.period, reason="marginal cost")


@dataclass(frozen=True, eq=False, kw_only=True)
class MarginalShare(Share):
    """Carries the cost of everybody, and of everybody but each member. (N + 1,)"""

    def start(self, columns: int) -> Array:
        return np.zeros(columns + 1)

    def add(self, carry: Array, reads: Pooled) -> Array:
        net, up, down = stakes(reads)
        together = over_members(net)[:, None]
        groups = np.hstack([together, together - net])
        return running_sum(carry, np.where(groups > 0, up[:, None], down[:, None]) * groups)

    def amounts(self, carry: Array) -> Array:
        owed: Array = carry[0] - carry[1:]
        return owed
