"""An hourly price that follows the day and its own noise."""

from typing import Literal

import numpy as np
from pydantic import NonNegativeFloat

from ..flow import Array, Clock, Community, Prices
from . import Tariff
from ._ladder import Share
from ._noise import lasting

MORNING, EVENING = (8.0, 2.0, 0.7), (19.0, 2.5, 1.0)


class RealTime(Tariff):
    """A price that changes every hour, with a morning and an evening peak.

    Base price plus the day's shape, times log-normal noise that lasts (AR(1) by hour); clipped.
    """

    kind: Literal["real_time"] = "real_time"
    base: float = 0.12
    """Mean price. [money/kWh]"""
    swing: NonNegativeFloat = 0.04
    """How far the day's shape moves the price. [money/kWh]"""
    volatility: NonNegativeFloat = 0.1
    """Standard deviation of the logarithm of the noise. [-]"""
    persistence: Share = 0.9
    """Correlation of the noise from hour to hour. [-]"""
    lowest: float = 0.02
    """Price floor. [money/kWh]"""
    highest: float = 0.50
    """Price ceiling. [money/kWh]"""
    export_ratio: Share = 0.4
    """Export price as a share of the import price. [-]"""

    def prices(self, community: Community) -> Prices:
        logarithm = lasting(community, "real_time", self.volatility, self.persistence)
        noise = np.exp(logarithm - 0.5 * self.volatility**2)
        level = self.base + self.swing * _shape(community.clock)
        price = np.clip(level * noise, self.lowest, self.highest)
        return Prices.common(price, self.export_ratio * price, community.shape)


def _shape(clock: Clock) -> Array:
    """A morning and an evening hump by wall clock, with mean 0 over a day. (T,) [-]"""
    shape: Array = _humps(np.floor(clock.hour)) - _humps(np.arange(24.0)).mean()
    return shape


def _humps(hour: Array) -> Array:
    humps = [size * np.exp(-0.5 * ((hour - at) / width) ** 2) for at, width, size in (MORNING, EVENING)]
    return np.asarray(humps[0] + humps[1])
