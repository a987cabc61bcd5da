"""Margins that follow the market."""

from typing import Literal

import numpy as np
from pydantic import NonNegativeFloat

from ..exchange import LEAST_KWH
from ..flow import Array, Carry, Mask, Positions, Prices, Quotes, State
from . import Bidder, Fills
from ._worth import Worth, by_side

BID, ASK = 0, 1
LOWEST, HIGHEST = np.array([-0.95, 0.0]), np.array([0.0, 5.0])
"""Of the margins of bids and of asks. [-]"""


class ZeroIntelligencePlus(Bidder):
    """Quotes what the energy is worth plus a margin, which follows the public price after every slot.

    Who traded and could have had a better price moves its margin that way; who went without gives way. Cliff 1997,
    HPL-97-91, made for the continuous auction; here it learns once a slot. What is worth nothing has no margin.
    """

    kind: Literal["zip"] = "zip"
    step: NonNegativeFloat = 0.005
    """Largest random step beyond the public price that is aimed at, on top of up to 5 % of it. [money/kWh]"""

    @property
    def stride(self) -> int | None:
        return 1

    @property
    def rational(self) -> bool:
        return True

    def quotes(self, positions: Positions, prices: Prices, state: State) -> Quotes:
        worth, margin = Worth.of(prices), self._margin(positions.shape[1], state)
        bid, ask = worth.bid * (1.0 + margin[BID]), worth.ask * (1.0 + margin[ASK])
        price = by_side(positions, np.minimum(bid, worth.bid), np.maximum(ask, worth.ask))
        return Quotes.all_of(positions, price)

    def learn(self, positions: Positions, prices: Prices, state: State, quotes: Quotes, fills: Fills) -> Carry:
        worth, members = Worth.of(prices), np.arange(positions.shape[1])
        (own,), (price,) = by_side(positions, worth.bid, worth.ask), quotes.quote_price
        side = np.where(quotes.bid_kwh[0] > LEAST_KWH, BID, ASK)
        raises, lowers = _moves(quotes, fills)
        margin, momentum = np.array(self._margin(members.size, state)), np.zeros((2, members.size))
        momentum += state.carry.get("market.zip.momentum", momentum)
        _, pace, lasting = _nature(members.size, state)
        aimed = self._aimed(positions.clock.first, raises, fills.price[0], state)
        last = 0.1 * lasting
        moved = last * momentum[side, members] + (1.0 - last) * (0.1 + 0.4 * pace) * (aimed - price)
        wanted = np.divide(price + moved, own, out=np.ones(members.size), where=abs(own) > 0) - 1.0
        who = members[raises | lowers]
        momentum[side[who], who] = moved[who]
        margin[side[who], who] = np.clip(wanted, LOWEST[side], HIGHEST[side])[who]
        return {"market.zip.margin": margin, "market.zip.momentum": momentum}

    def _margin(self, members: int, state: State) -> Array:
        """Of bids and asks. (2, N) [-]"""
        known = state.carry.get("market.zip.margin")
        if known is not None:
            return known
        start = 0.05 + 0.3 * _nature(members, state)[0]
        return np.stack([-start, start])

    def _aimed(self, slot: int, raises: Mask, price: float, state: State) -> Array:
        """A little above the public price for who raises, a little below for who lowers. (N,) [money/kWh]"""
        parts = [state.streams.rows(f"zip.{what}", slot, (1, raises.size))[0] for what in ("factor", "step")]
        sign = np.where(raises, 1.0, -1.0)
        aimed: Array = (1.0 + sign * 0.05 * parts[0]) * price + sign * self.step * parts[1]
        return aimed


def _nature(members: int, state: State) -> Array:
    """What members are born with, uniform in [0, 1): first margin, pace, how long momentum lasts. (3, N)"""
    return state.streams.rows("zip.nature", 0, (3, members))


def _moves(quotes: Quotes, fills: Fills) -> tuple[Mask, Mask]:
    """Who raises its price, and who lowers it; nobody where there is no public price. (N,) each"""
    price, public = quotes.quote_price[0], fills.price[0]
    if np.isnan(public):
        return np.zeros(price.shape, np.bool_), np.zeros(price.shape, np.bool_)
    filled, buys, sells = (kwh[0] > LEAST_KWH for kwh in (fills.kwh, quotes.bid_kwh, quotes.ask_kwh))
    raises = (sells & filled & (price <= public)) | (buys & ~filled)
    lowers = (buys & filled & (price >= public)) | (sells & ~filled)
    return raises, lowers
