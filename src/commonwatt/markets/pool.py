"""A pool behind one meter at the community's price."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from ..errors import ScenarioError
from ..flow import Array, Clearing, Positions, Prices, State
from . import Market, Promise
from ._prices import between, pooled_at


class CommunityPool(Market):
    """What is matched inside costs the community's price; the rest is the grid's, shared by the long side."""

    kind: Literal["pool"] = "pool"
    price: Literal["spread", "signal"] = "spread"
    """The community's price: a fixed part of the way between the grid's two, or the tariff's own series."""
    spread: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Where that price lies: 0 is the selling price, all benefit to buyers; 1 the buying price, all to sellers. [-]"""

    @property
    def promise(self) -> Promise:
        return Promise(world="one_meter")

    def clear(self, positions: Positions, prices: Prices, state: State) -> Clearing:
        inner = _signal(positions, prices) if self.price == "signal" else between(prices, self.spread)
        return pooled_at(positions, prices, inner)


def _signal(positions: Positions, prices: Prices) -> Array:
    """The tariff's community price, checked to lie in the band wherever the pool is open."""
    if prices.inner is None:
        raise ScenarioError(
            "market.price = signal: the tariff gives no community price (§15); "
            "use a series tariff with community_prices, or market.price = spread"
        )
    low, high = prices.coupling_sell, prices.coupling_buy
    outside = ((prices.inner < low - 1e-9) | (prices.inner > high + 1e-9)) & (low <= high)
    if outside.any():
        slots = positions.clock.first + np.flatnonzero(outside)
        at = int(np.flatnonzero(outside)[0])
        shown = ", ".join(map(str, slots[:5].tolist())) + (" ..." if slots.size > 5 else "")
        raise ScenarioError(
            f"community price {prices.inner[at]:g} in slot {slots[0]} lies outside {low[at]:g} to {high[at]:g} "
            f"(§13: between what the grid pays and what it charges); change it in slots {shown}"
        )
    return np.clip(prices.inner, np.minimum(low, high), high)
