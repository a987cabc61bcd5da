"""S3's generator: hourly factors, uniform draws; one stream per member."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt

from ..clock import Clock, time_zone
from ..flow import Community, Streams
from . import Source

LOAD_LOW = np.array([0.5, *[0.35] * 5, *[1.1] * 2, *[0.8] * 9, *[1.1] * 5, 0.9, 0.6])
LOAD_HIGH = np.array([0.5, *[0.35] * 5, *[1.4] * 2, *[1.2] * 9, *[1.9] * 5, 0.9, 0.6])
PRICE_LOW = np.array([0.75, *[0.6] * 5, *[1.3] * 3, *[1.0] * 8, 1.4, *[1.5] * 2, *[1.3] * 2, *[0.9] * 2])
PRICE_HIGH = np.array([0.75, *[0.7] * 5, *[1.5] * 3, *[1.4] * 8, 1.4, *[1.6] * 2, *[1.3] * 2, *[0.9] * 2])


class CommunityP2P(Source):
    """Prosumers of different size under one sky, with a spot price and its forecast as signals.

    Its published description leaves hours out (loads at 0, 22, 23; prices at 0, 17, 20 to 23): those are our choice.
    """

    kind: Literal["community_p2p"] = "community_p2p"
    members: PositiveInt = 100
    """How many. [members]"""
    days: PositiveInt = 1
    """Length, in hourly slots. [days]"""
    base_price: PositiveFloat = 0.15
    """Mean spot price. [money/kWh]"""
    forecast_error: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Half-width of the forecast's error. [-]"""
    zone: str = "UTC"
    """Time zone. [IANA name]"""

    def community(self, streams: Streams) -> Community:
        slots = 24 * self.days
        zone = time_zone(self.zone)
        clock = Clock(datetime(2025, 6, 2, tzinfo=zone), timedelta(hours=1), slots, self.zone)
        hour = clock.hour.astype(np.int64)
        sun = np.where((hour >= 6) & (hour <= 17), np.sin(np.pi * (hour - 6) / 12), 0.0)
        load, pv, capacity = (np.empty((slots, self.members)) for _ in range(3))
        for i in range(self.members):
            rng = streams.at("profile", i)
            capacity[:, i], base = 0.5 * rng.integers(5, 15), rng.uniform(0.35, 1.5)
            factor = rng.uniform(LOAD_LOW[hour], LOAD_HIGH[hour])
            load[:, i] = base * factor * rng.uniform(0.85, 1.15, slots)
            pv[:, i] = capacity[:, i] * sun * 0.88 * rng.uniform(0.5, 1.0, slots)
        rng = streams.at("market_price")
        price = self.base_price * rng.uniform(PRICE_LOW[hour], PRICE_HIGH[hour])
        error = rng.uniform(1 - self.forecast_error, 1 + self.forecast_error, slots)
        return replace(
            Community.of(clock, load, np.maximum(pv, 0.0), names=tuple(f"prosumer_{i}" for i in range(self.members))),
            signals={"market_price": price, "price_forecast": price * error},
            traits={"pv_kwp": capacity[0].copy()},
        )
