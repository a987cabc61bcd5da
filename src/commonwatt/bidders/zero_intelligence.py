"""Random prices: the yardstick of every other bidder."""

from typing import Literal

import numpy as np

from ..flow import Positions, Prices, Quotes, State
from . import Bidder
from ._worth import Worth, by_side


class ZeroIntelligence(Bidder):
    """Draws a price between the lowest that any seller would take and the highest that any buyer would pay.

    Gode and Sunder 1993, doi:10.1086/261868: constrained traders stop at what the energy is worth to them.
    """

    kind: Literal["zero_intelligence"] = "zero_intelligence"
    variant: Literal["constrained", "unconstrained"] = "constrained"
    """Whether a price may lie beyond what the energy is worth to the member."""

    @property
    def rational(self) -> bool:
        return self.variant == "constrained"

    def quotes(self, positions: Positions, prices: Prices, state: State) -> Quotes:
        worth = Worth.of(prices)
        low, high = worth.low, worth.high
        most, least = (worth.bid, worth.ask) if self.variant == "constrained" else (high, low)
        bids = np.minimum(low, most), most
        asks = least, np.maximum(high, least)
        start, stop = (by_side(positions, bids[k], asks[k]) for k in range(2))
        drawn = state.streams.rows(self.kind, positions.clock.first, positions.shape)
        return Quotes.all_of(positions, start + (stop - start) * drawn)
