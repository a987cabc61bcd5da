"""Mid-market rate: one price to buy and one to sell, for all."""

from typing import Literal

import numpy as np

from ..flow import Array, Clearing, Positions, Prices, State
from . import Market, Promise
from ._prices import balance_price, between, joint, mixed, pooled_at


class MidMarketRate(Market):
    """What is matched inside is priced in the middle; the rest is the grid's, mixed in for the long side.

    Long et al. 2017, doi:10.1109/PESGM.2017.8274546.
    """

    kind: Literal["mid_market_rate"] = "mid_market_rate"
    weigh: Literal["net", "gross"] = "net"
    """Mixed by what crosses the meters, or by all load and PV, which leaves the operator a deficit."""
    price: Literal["middle", "balance"] = "middle"
    """The inner price: the middle of the grid's two, or one that slides with load and PV."""

    @property
    def promise(self) -> Promise:
        return Promise(world="one_meter", balanced=self.weigh == "net")

    def clear(self, positions: Positions, prices: Prices, state: State) -> Clearing:
        inner = balance_price(positions, prices) if self.price == "balance" else between(prices, 0.5)
        return _gross(positions, prices, inner) if self.weigh == "gross" else pooled_at(positions, prices, inner)


def _gross(positions: Positions, prices: Prices, inner: Array) -> Clearing:
    """S1's mix by all load and all PV; billed on net energy it collects too little."""
    load, made = positions.drawn, positions.made
    matched = np.minimum(load, made)
    buy = mixed(inner, matched, prices.coupling_buy, load - matched)
    sell = mixed(inner, matched, prices.coupling_sell, made - matched)
    return joint(positions, buy, sell)
