"""Everybody says what the energy is worth to it."""

from typing import Literal

from ..flow import Positions, Prices, Quotes, State
from . import Bidder
from ._worth import Worth, by_side


class Truthful(Bidder):
    """Buyers bid what their own retailer charges, sellers ask what the grid pays them, after losses and fee."""

    kind: Literal["truthful"] = "truthful"

    @property
    def rational(self) -> bool:
        return True

    @property
    def truthful(self) -> bool:
        return True

    def quotes(self, positions: Positions, prices: Prices, state: State) -> Quotes:
        worth = Worth.of(prices)
        return Quotes.all_of(positions, by_side(positions, worth.bid, worth.ask))
