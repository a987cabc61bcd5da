"""Supply-demand ratio: the price falls from the buying to the selling price as supply catches up with demand."""

from typing import Literal

import numpy as np
from pydantic import NonNegativeFloat

from ..flow import Array, Clearing, Mask, Positions, Prices, State
from . import Market, Promise
from ._prices import between, joint, mixed, pooled_at


class SupplyDemandRatio(Market):
    """The price inside falls from what the grid charges to what it pays, the more supply there is per demand.

    Liu et al. 2017, doi:10.1109/TPWRS.2017.2649558, with its compensated form. Singular where the selling
    price is not above 0: those slots fall back to the mid-market rate (§13).
    """

    kind: Literal["supply_demand_ratio"] = "supply_demand_ratio"
    compensation: NonNegativeFloat = 0.0
    """Raises what sellers get, at most up to the buying price; 0 is Liu's rule. [money/kWh]"""

    @property
    def promise(self) -> Promise:
        return Promise(world="one_meter")

    def clear(self, positions: Positions, prices: Prices, state: State) -> Clearing:
        singular = (prices.coupling_sell <= 0) | (prices.coupling_sell > prices.coupling_buy)
        fallback = pooled_at(positions, prices, between(prices, 0.5))
        if singular.all():
            return fallback
        buy, sell = self._rates(positions, prices, singular)
        return joint(
            positions,
            np.where(singular, fallback.buy_price[:, 0], buy),
            np.where(singular, fallback.sell_price[:, 0], sell),
        )

    def _rates(self, positions: Positions, prices: Prices, singular: Mask) -> tuple[Array, Array]:
        """Buying and selling price of each slot; any value where `singular`. (T,) each [money/kWh]"""
        demand, delivered = positions.demand, prices.pool.efficiency * positions.supply
        buy, sell = prices.coupling_buy, np.where(singular, 1.0, prices.coupling_sell)
        extra = np.minimum(self.compensation, np.maximum(buy - sell, 0.0))
        ratio = np.divide(delivered, demand, out=np.full_like(demand, np.inf), where=demand > 0)
        short = ratio < 1
        ratio = np.where(short, ratio, 1.0)
        lifted = sell + extra
        scarce = lifted * buy / ((buy - lifted) * ratio + lifted)
        inner = np.where(short, scarce, lifted)
        matched = np.minimum(demand, delivered)
        spare = np.maximum(positions.supply - demand / prices.pool.efficiency, 0.0)
        return (
            mixed(inner, matched, buy, np.maximum(demand - delivered, 0.0)),
            mixed(inner, matched, prices.coupling_sell, spare),
        )
