"""A pool among own meters at one price, served in proportion; the rest at everybody's own tariff."""

from typing import Annotated, Literal

from pydantic import Field

from ..flow import Clearing, Positions, Prices, State, Trades
from ..noun import by_rows, spread
from . import Market, Promise
from ._prices import balance_price, between


class PoolProrata(Market):
    """Everybody keeps a retailer; surplus is served in proportion to need.

    A member whose own price lies outside the pool's may lose, so it promises no individual rationality.
    """

    kind: Literal["pool_prorata"] = "pool_prorata"
    price: Literal["spread", "balance"] = "spread"
    """The pool's price: a fixed part of the way between the grid's two, or one that slides with load and PV."""
    spread: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Where between mean selling and mean buying price it lies. [-]"""
    pairs: bool = False
    """Whether to write who trades with whom, which a pool leaves open; always where `pool` asks for it. [yes or no]"""

    @property
    def promise(self) -> Promise:
        return Promise(world="own_meters", rational=False)

    def clear(self, positions: Positions, prices: Prices, state: State) -> Clearing:
        want, have, efficiency = positions.want_kwh, positions.have_kwh, prices.pool.efficiency
        inner = balance_price(positions, prices) if self.price == "balance" else between(prices, self.spread)
        from ._rates import served

        bought_part, sold_part = served(positions.demand, positions.supply, efficiency)
        bought, sold = by_rows(want, bought_part), by_rows(have, sold_part)
        price = spread(inner[:, None], positions.shape)
        paired, first = self.pairs or prices.pool.paired, positions.clock.first
        trades = Trades.north_west(first, bought, sold, efficiency, price) if paired else None
        return Clearing(bought_kwh=bought, sold_kwh=sold, buy_price=price, sell_price=price, trades=trades)
