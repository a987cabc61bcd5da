"""What a kWh that is delivered inside is worth to who gets it, and to who gives it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..exchange import LEAST_KWH
from ..flow import Array, Positions, Prices
from ..noun import once


@dataclass(frozen=True)
class Worth:
    """Reservation prices at the members' own tariffs, after the pool's losses and fee. (T or 1, N or 1) [money/kWh]"""

    bid: Array
    """What a buyer saves."""
    ask: Array
    """What a seller gives up."""

    @classmethod
    def of(cls, prices: Prices) -> Worth:
        """The own retailer's price less half the fee; what the grid pays for all that must be sent, plus half the fee.

        Both as members expect them, where they decide before they know.
        Where the grid takes money for what is sent to it, losses are no help: they count as if they had arrived.
        """
        half = 0.5 * prices.pool.fee_per_kwh
        buy = once(prices.buy if prices.expected_buy is None else prices.expected_buy, columns=True)
        sell = once(prices.sell if prices.expected_sell is None else prices.expected_sell, columns=True)
        sent = np.where(sell > 0, sell / prices.pool.efficiency, sell)
        return cls(bid=buy - half, ask=sent + half)

    @property
    def low(self) -> Array:
        """The lowest price that any seller would take. (T or 1, 1) [money/kWh]"""
        lowest: Array = self.ask.min(axis=1, keepdims=True)
        return lowest

    @property
    def high(self) -> Array:
        """The highest price that any buyer would pay. (T or 1, 1) [money/kWh]"""
        highest: Array = self.bid.max(axis=1, keepdims=True)
        return highest


def by_side(positions: Positions, bid: Array, ask: Array) -> Array:
    """`bid` for who wants energy, `ask` for everybody else; both (T or 1, N or 1). (T, N)"""
    price: Array = np.where(positions.want_kwh > LEAST_KWH, bid, ask)
    return price
