"""Everybody takes whatever price comes."""

from typing import Literal

from ..flow import Positions, Prices, Quotes, State
from . import Bidder
from ._worth import Worth, by_side


class PriceTaker(Bidder):
    """Buyers bid the highest, sellers ask the lowest price that makes sense to anybody: all trade, some at a loss."""

    kind: Literal["price_taker"] = "price_taker"

    def quotes(self, positions: Positions, prices: Prices, state: State) -> Quotes:
        worth = Worth.of(prices)
        return Quotes.all_of(positions, by_side(positions, worth.high, worth.low))
