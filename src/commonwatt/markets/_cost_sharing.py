"""What rules that share the pool's cost have in common: one meter, no prices, and the bill of a period as a game.

The game says what each group of members would pay on a meter of its own: in every slot the buying price for what it
draws together, less the selling price for what it gives. Where the pool loses energy, everybody counts what is paid
for, alone too: no group is blamed for the losses of another.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace

import numpy as np

from ..clock import Period
from ..errors import ScenarioError
from ..flow import Account, Array, Clearing, Community, Positions, Prices, Sharing, State
from ..noun import dense
from ..rules import Pooled
from . import Market, Promise
from ._prices import joint

MOST = 20
"""Members up to which rules look at every group."""


class CostSharing(Market):
    """All energy goes through the one meter; what it costs over a period is shared when the period closes."""

    period: Period = "horizon"
    """The stretch whose cost is shared."""

    @property
    def promise(self) -> Promise:
        return Promise(world="one_meter", scope=self.period, in_band=False)

    @abstractmethod
    def rule(self, community: Community) -> Sharing:
        """How the period's cost is shared."""

    def terms(self, prices: Prices, community: Community) -> Prices:
        return replace(prices, sharings=(*prices.sharings, self.rule(community)))

    def clear(self, positions: Positions, prices: Prices, state: State) -> Clearing:
        nothing = np.zeros(positions.shape[0])
        return joint(positions, nothing, nothing)


@dataclass(frozen=True, eq=False, kw_only=True)
class Share(Sharing):
    """A share of the pool's cost, paid to the operator."""

    payee: Account = Account.OPERATOR


def stakes(reads: Pooled) -> tuple[Array, Array, Array]:
    """Each member's net energy (T, N) [kWh], and what a group pays per kWh drawn and gets per kWh given. (T,) each"""
    return dense(reads.bought_kwh - reads.paid_kwh), dense(reads.buy), dense(reads.sell)


@dataclass(frozen=True, eq=False, kw_only=True)
class GroupCosts(Share):
    """Carries what every group of members would pay; a group is a bit pattern, member 0 the lowest bit."""

    def start(self, columns: int) -> Array:
        return np.zeros(1 << columns)

    def add(self, carry: Array, reads: Pooled) -> Array:
        from .._games import costs_of_groups

        costs: Array = costs_of_groups(carry, *stakes(reads))
        return costs


class StableSharing(CostSharing):
    """A rule that looks at every group and gives none a reason to leave."""

    @property
    def promise(self) -> Promise:
        return replace(super().promise, core=True)

    def terms(self, prices: Prices, community: Community) -> Prices:
        members = community.shape[1]
        if members > MOST:
            what = f"market.kind = {self.kind} with {members} members (§15: it looks at every group, so at most {MOST})"
            raise ScenarioError(f"{what}; take fewer members, shapley, which samples above 16, or core_price")
        return super().terms(prices, community)
