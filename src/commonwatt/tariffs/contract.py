"""Every member's own contract, as its source or folder states it."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from ..flow import Community, Prices
from ..noun import spread
from . import Tariff


class Contract(Tariff):
    """Every member's own contract: prices from the community's traits `contract_buy` and `contract_sell`.

    The coupling point gets their means; those who may not sell (price 0) do not count in the mean selling price.
    """

    kind: Literal["contract"] = "contract"
    basis: Literal["individual", "reference"] = "individual"
    """Whether a member of the pool keeps its own contract, or pays the reference prices of the coupling point."""
    buy: float = 0.12
    """Price for a community without the trait `contract_buy`. [money/kWh]"""
    sell: float = 0.048
    """Price for a community without the trait `contract_sell`. [money/kWh]"""

    def alone(self) -> Contract:
        return self.model_copy(update={"basis": "individual"})

    def prices(self, community: Community) -> Prices:
        slots, members = community.shape
        buy = community.traits.get("contract_buy", np.full(members, self.buy))
        sell = community.traits.get("contract_sell", np.full(members, self.sell))
        joint = buy.mean(), sell[sell > 0].mean() if (sell > 0).any() else 0.0
        own = (buy, sell) if self.basis == "individual" else joint
        prices = Prices.own(spread(own[0], community.shape), spread(own[1], community.shape))
        return replace(prices, coupling_buy=spread(joint[0], (slots,)), coupling_sell=spread(joint[1], (slots,)))
