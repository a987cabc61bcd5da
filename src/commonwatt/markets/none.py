"""No local market."""

from typing import Literal

from ..flow import Clearing, Positions, Prices, State
from . import Market, Promise


class NoMarket(Market):
    """No sharing: everyone deals with the grid, the conventional settlement."""

    kind: Literal["none"] = "none"

    @property
    def promise(self) -> Promise:
        return Promise(world="own_meters", trades=False, efficient=False, truthful=True)

    def clear(self, positions: Positions, prices: Prices, state: State) -> Clearing:
        return Clearing.none(positions.shape)
