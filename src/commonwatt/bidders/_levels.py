"""Learning which of a few prices pays."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated

import numpy as np
from pydantic import Field

from ..exchange import LEAST_KWH
from ..flow import Array, Carry, Index, Positions, Prices, Quotes, State
from . import Bidder, Fills
from ._worth import Worth, by_side


class LevelLearner(Bidder):
    """Every member keeps a score for each of its price levels, one set as a buyer and one as a seller.

    Levels go in equal steps from what the energy is worth to the member to the far end of the band. A slot's reward
    is what the member gained of the most it could have, by its own fills and the public price.
    """

    levels: Annotated[int, Field(ge=2)] = 9
    """Prices to choose from. [levels]"""

    @property
    def stride(self) -> int | None:
        return 1

    @property
    def rational(self) -> bool:
        return True

    @abstractmethod
    def first_scores(self, members: int) -> Array:
        """Before anything is learned. (N, K)"""

    @abstractmethod
    def chances(self, scores: Array, slot: int) -> Array:
        """How likely each level is chosen. (N, K)"""

    @abstractmethod
    def learned(self, scores: Array, chosen: Index, reward: Array) -> Array:
        """Scores after a slot in which the `chosen` levels (N,) brought `reward` (N,). (N, K)"""

    def quotes(self, positions: Positions, prices: Prices, state: State) -> Quotes:
        worth, far = Worth.of(prices), self._chosen(positions, state) / (self.levels - 1)
        bid = worth.bid - far * np.maximum(worth.bid - worth.low, 0.0)
        ask = worth.ask + far * np.maximum(worth.high - worth.ask, 0.0)
        return Quotes.all_of(positions, by_side(positions, bid, ask))

    def learn(self, positions: Positions, prices: Prices, state: State, quotes: Quotes, fills: Fills) -> Carry:
        chosen, reward = self._chosen(positions, state), _reward(prices, quotes, fills)[0]
        carry = {}
        for side, kwh in (("bid", quotes.bid_kwh[0]), ("ask", quotes.ask_kwh[0])):
            scores = self._scores(side, kwh.size, state)
            learned = self.learned(scores, chosen, reward)
            carry[self._name(side)] = np.where((kwh > LEAST_KWH)[:, None], learned, scores)
        return carry

    def _name(self, side: str) -> str:
        return f"market.{self.kind}.{side}"

    def _scores(self, side: str, members: int, state: State) -> Array:
        known = state.carry.get(self._name(side))
        return self.first_scores(members) if known is None else known

    def _chosen(self, positions: Positions, state: State) -> Index:
        """Each member's level, drawn by its chances: the same whenever it is asked for in a slot. (N,)"""
        members, slot = positions.shape[1], positions.clock.first
        bids, asks = (self._scores(side, members, state) for side in ("bid", "ask"))
        buys = positions.want_kwh[0] > LEAST_KWH
        summed = self.chances(np.where(buys[:, None], bids, asks), slot).cumsum(axis=1)
        (drawn,) = state.streams.rows(self.kind, slot, (1, members))
        level: Index = (summed > drawn[:, None] * summed[:, -1:]).argmax(axis=1)
        return level


def _reward(prices: Prices, quotes: Quotes, fills: Fills) -> Array:
    """What everybody gained per kWh quoted, as a part of the band's width; 0 where nothing was traded. (T, N) [-]"""
    worth = Worth.of(prices)
    price = np.where(np.isnan(fills.price), 0.0, fills.price)[:, None]
    margin = np.where(quotes.bid_kwh > LEAST_KWH, worth.bid - price, price - worth.ask)
    most = (quotes.bid_kwh + quotes.ask_kwh * prices.pool.efficiency) * (worth.high - worth.low)
    return np.divide(fills.kwh * margin, most, out=np.zeros(fills.kwh.shape), where=most > 0)
