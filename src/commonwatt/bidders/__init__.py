"""Bidders: Positions, Prices, State -> Quotes. One file per way of quoting; auctions hold one."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from ..flow import Carry, Positions, Prices, Quotes, State
from ..noun import TN, Noun, PerSlot
from ..registry import Plugin, discover


@dataclass(frozen=True, eq=False, kw_only=True)
class Fills(Noun):
    """What everybody learns when a slot has cleared: how much of its own quote was filled, and the public price."""

    kwh: TN
    """As delivered, on whichever side the member was."""
    price: PerSlot
    """Mean price of what was traded; NaN where nothing was. [money/kWh]"""


class Bidder(Plugin):
    """Decides what every member bids or asks; it knows the member's own position, the terms, and what it learned."""

    @property
    def rational(self) -> bool:
        """Whether nobody ever bids more, or asks less, than the energy is worth to it."""
        return False

    @property
    def truthful(self) -> bool:
        """Whether everybody says what the energy is worth to it."""
        return False

    @abstractmethod
    def quotes(self, positions: Positions, prices: Prices, state: State) -> Quotes:
        """What everybody quotes in this window; prices are per kWh delivered."""

    def learn(self, positions: Positions, prices: Prices, state: State, quotes: Quotes, fills: Fills) -> Carry:
        """What is remembered for the next window, as named arrays; nothing for who does not learn."""
        return {}


BIDDERS = discover(__name__, Bidder)  # type: ignore[type-abstract]
