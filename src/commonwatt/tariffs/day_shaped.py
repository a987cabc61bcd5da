"""Two prices that follow the day between a least and a highest one, with noise that lasts."""

from typing import Literal, Self

import numpy as np
from pydantic import NonNegativeFloat, model_validator

from ..flow import Array, Community, Prices
from . import Tariff
from ._ladder import Share
from ._noise import lasting

HOURS = (0.0, 5.0, 9.0, 15.0, 17.0, 21.0, 23.0, 24.0)
SHAPE = (0.0, 0.0, 0.5, 0.5, 1.0, 1.0, 0.0, 0.0)
"""Least at night, half way by day, highest from 17 to 21 h by wall clock; straight between. [-]"""


class DayShaped(Tariff):
    """A buying and a selling price, each between a least at night and a highest from 17 to 21 h, as S2 has them.

    Each has its own AR(1) noise by hour, as a share of its range, and stays within it; nobody is paid more than buying
    costs.
    """

    kind: Literal["day_shaped"] = "day_shaped"
    min_buy: float = 0.15
    """Least buying price. [money/kWh]"""
    max_buy: float = 0.35
    """Highest buying price. [money/kWh]"""
    min_sell: float = 0.05
    """Least selling price. [money/kWh]"""
    max_sell: float = 0.12
    """Highest selling price. [money/kWh]"""
    noise: NonNegativeFloat = 0.05
    """Standard deviation of the noise, as a share of a price's range. [-]"""
    persistence: Share = 0.8
    """Correlation of the noise from hour to hour. [-]"""

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        for way in ("buy", "sell"):
            low, high = getattr(self, f"min_{way}"), getattr(self, f"max_{way}")
            if low > high:
                raise ValueError(f"min_{way} = {low} (a least price is at most the highest, {high}); exchange them")
        return self

    def prices(self, community: Community) -> Prices:
        shape: Array = np.interp(community.clock.hour, HOURS, SHAPE)
        buy, sell = (
            low
            + (high - low)
            * np.clip(shape + lasting(community, f"day_shaped {way}", self.noise, self.persistence), 0, 1)
            for way, low, high in (("buy", self.min_buy, self.max_buy), ("sell", self.min_sell, self.max_sell))
        )
        return Prices.common(buy, np.minimum(sell, buy), community.shape)
