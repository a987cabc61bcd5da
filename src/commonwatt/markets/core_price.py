"""The marginal price: nobody, and no group, would be better off alone."""

from typing import Literal

import numpy as np

from ..flow import Clearing, Positions, Prices, State
from . import Market, Promise
from ._prices import between, joint


class CorePrice(Market):
    """All pay and get the grid's price of the side that is long: the buying price in shortage, else the selling price.

    Chakraborty et al. 2018, net purchase and sale: the only core allocation of a slot that no single member tips
    over. In balance the middle.
    """

    kind: Literal["core_price"] = "core_price"

    @property
    def promise(self) -> Promise:
        return Promise(world="one_meter", core=True)

    def clear(self, positions: Positions, prices: Prices, state: State) -> Clearing:
        net = positions.demand - prices.pool.efficiency * positions.supply
        price = np.select([net > 0, net < 0], [prices.coupling_buy, prices.coupling_sell], between(prices, 0.5))
        return joint(positions, price, price)
