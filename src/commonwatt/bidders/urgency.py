"""The more there is to trade, the further from the grid's price."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, PositiveFloat

from ..flow import Array, Positions, Prices, Quotes, State
from . import Bidder
from ._worth import Worth, by_side


class Urgency(Bidder):
    """Asks rise and bids fall with the energy at stake, kept clear of the grid's prices by small margins: S3's rule.

    Its most urgent buyers bid least. The published rule leaves the slope open: 0.5 is our choice.
    """

    kind: Literal["urgency"] = "urgency"
    slope: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Part of the way between the grid's prices that full urgency moves a price. [-]"""
    full_kw: PositiveFloat = 3.0
    """Power at which urgency is full. [kW]"""
    urgent_buyers: Literal["bid_less", "bid_more"] = "bid_less"
    """Whether urgent buyers bid less, as published, or more than others."""

    def quotes(self, positions: Positions, prices: Prices, state: State) -> Quotes:
        worth = Worth.of(prices)
        low, high = worth.low, worth.high
        urgency = np.minimum((positions.want_kwh + positions.have_kwh) / (self.full_kw * positions.clock.hours), 1.0)
        backed = 1.0 - urgency if self.urgent_buyers == "bid_more" else urgency
        ask = _within(low + self.slope * urgency * (high - low), low + 0.01 * abs(low), high - 0.05 * abs(high))
        bid = _within(high - self.slope * backed * (high - low), low + 0.05 * abs(low), high - 0.01 * abs(high))
        return Quotes.all_of(positions, by_side(positions, bid, ask))


def _within(price: Array, least: Array, most: Array) -> Array:
    """`price` between two limits; the middle of limits that cross."""
    middle = 0.5 * (least + most)
    clipped: Array = np.where(least <= most, np.clip(price, least, most), middle)
    return clipped
