"""A hundred homes with values of their own: the ground on which bidders are compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from commonwatt.bidders.truthful import Truthful
from commonwatt.flow import Clock, Community, Positions, Prices, Schedule, State
from commonwatt.markets._auction import Auction
from commonwatt.markets.uniform_price import UniformPrice
from commonwatt.noun import Array
from commonwatt.streams import Streams


@dataclass(frozen=True)
class Homes:
    """Positions hour by hour, and what everybody pays and gets outside."""

    positions: Positions
    prices: Prices
    community: Community

    @classmethod
    def drawn(cls, seed: int, *, members: int = 100, days: int = 60) -> Homes:
        """Two thirds with PV; buying prices of 0.22 to 0.30, selling prices of 0.04 to 0.10."""
        rng, hours = np.random.default_rng(seed), days * 24
        hour = np.arange(hours)[:, None] % 24
        peak_kw = rng.choice([0, 2.5, 4, 5.5, 7], members, p=[0.35, 0.2, 0.2, 0.15, 0.1])
        base_kw = rng.uniform(0.35, 1.5, members)
        sun = np.maximum(0, np.sin(np.pi * (hour - 6) / 12)) * 0.88 * rng.uniform(0.3, 1, (hours, 1))
        shape = 0.6 + 0.8 * np.exp(-(((hour - 19) / 2.5) ** 2)) + 0.4 * np.exp(-(((hour - 7) / 1.5) ** 2))
        load = base_kw * shape * rng.uniform(0.85, 1.15, (hours, members))
        clock = Clock(datetime(2025, 1, 1, tzinfo=UTC), timedelta(hours=1), hours)
        community = replace(Community.of(clock, load, peak_kw * sun), streams=Streams(seed))
        buy, sell = (np.tile(rng.uniform(*band, members), (hours, 1)) for band in ((0.22, 0.30), (0.04, 0.10)))
        nothing = np.empty((hours, 0))
        schedule = Schedule.carried_out(community, State.initial(community), nothing, nothing)
        positions = schedule.positions(np.ones(community.shape, np.bool_))
        return cls(positions, Prices.own(buy, sell), community)

    def gains(self, market: Auction) -> Array:
        """What trading gains by true values, hour by hour. (T,) [money]"""
        state, hours = State.initial(self.community), self.community.shape[0]
        step, gains = market.stride or hours, []
        for start in range(0, hours, step):
            positions, prices = (part.window(start, start + step) for part in (self.positions, self.prices))
            cleared = market.clear(positions, prices, state)
            state = replace(state, carry={**state.carry, **cleared.carry})
            gains.append((cleared.bought_kwh * prices.buy - cleared.sold_kwh * prices.sell).sum(axis=1))
        return np.concatenate(gains)

    def efficiency(self, market: Auction) -> float:
        """Part of the gain of honest quotes, in the last third of the time. [-]"""
        last = slice(2 * self.community.shape[0] // 3, None)
        best = self.gains(UniformPrice(bidder=Truthful()))
        return float(self.gains(market)[last].sum() / best[last].sum())
