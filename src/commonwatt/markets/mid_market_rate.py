"""Mid-market rate: one price to buy and one to sell, for all."""

from typing import Literal

from ..flow import Array, Clearing, Positions, Prices, State
from ..noun import dense
from . import Market, Promise
from ._prices import balance_price, between, joint, pooled_at


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
    from ._rates import gross_mix

    grid = dense(prices.coupling_buy), dense(prices.coupling_sell)
    buy, sell = gross_mix(positions.drawn, positions.made, dense(inner), *grid)
    return joint(positions, buy, sell)
