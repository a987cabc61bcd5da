"""Auctions that may be held zone by zone: what finds no match among neighbours goes one level up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from ..flow import Array, Clearing, Clock, Community, Index, Prices, Quotes, Routes, Streams, Trades, Zones
from ..noun import dense, per_kwh
from ..routes import Nested
from . import Promise
from ._auction import Auction, Book


class ZonedAuction(Auction):
    """An auction whose matches are pairs, so that each has a way of its own through the grid."""

    zones: bool = False
    """Whether members trade in their zone first, then one level up, with each level's losses and fee. [yes or no]"""

    def terms(self, prices: Prices, community: Community) -> Prices:
        return nested(prices, community) if self.zones else prices

    def outcome(self, quotes: Quotes, clock: Clock, prices: Prices, lots: Streams) -> Clearing:
        if prices.routes is None:
            return super().outcome(quotes, clock, prices, lots)
        return level_by_level(self.cleared, quotes, clock, prices.routes, lots)

    def _pairing(self, *, one_price: bool = False, repeatable: bool = True, core: bool = False) -> Promise:
        """What holds for all orders together; zone by zone, neighbours trade though others might pay more."""
        whole = not self.zones
        return self._promise(
            efficient=whole, one_price=one_price and whole, repeatable=repeatable, core=core and whole
        )  # fmt: skip


def nested(prices: Prices, community: Community) -> Prices:
    """The terms with ways through the community's zones; through the pool where there are none."""
    none, nothing = np.empty(0, np.int64), np.empty(0)
    nowhere = Zones(parent=none, zone_efficiency=nothing, zone_fee=nothing, zone=np.full(community.shape[1], -1))
    return replace(prices, routes=Nested(zones=community.zones or nowhere, pool=prices.pool))


def level_by_level(
    cleared: Callable[[Book], Clearing], quotes: Quotes, clock: Clock, routes: Routes, lots: Streams
) -> Clearing:
    """What becomes of quotes that are `cleared` zone by zone, with what is left going one level up."""
    left = _Left.of(quotes)
    for who, efficiency in routes.stages():
        left.take(who, efficiency, cleared(left.book(who, efficiency, clock, lots)))
    return left.cleared()


@dataclass
class _Left:
    """What is left of a book after some of its zones, and what they have moved. (T, N) each"""

    price: Array
    bid_kwh: Array
    ask_kwh: Array
    """As sent."""
    bought: Array
    sold: Array
    delivered: Array
    """Of what is sold. [kWh]"""
    paid: Array
    earned: Array
    trades: list[Trades] = field(default_factory=list)

    @classmethod
    def of(cls, quotes: Quotes) -> _Left:
        """Before the first zone."""
        bought, sold, delivered, paid, earned = np.zeros((5, *quotes.bid_kwh.shape))
        left = np.array(quotes.bid_kwh), np.array(quotes.ask_kwh)
        return cls(quotes.quote_price, *left, bought, sold, delivered, paid, earned)

    def book(self, who: Index, efficiency: float, clock: Clock, lots: Streams) -> Book:
        """The orders of a zone, of which so much arrives."""
        asked = dense(self.ask_kwh[:, who] * efficiency)
        return Book(clock, dense(self.price[:, who]), dense(self.bid_kwh[:, who]), asked, efficiency, lots)

    def take(self, who: Index, efficiency: float, found: Clearing) -> None:
        """Enters what a zone has moved."""
        delivered = found.sold_kwh * efficiency
        self.bid_kwh[:, who] = np.maximum(self.bid_kwh[:, who] - found.bought_kwh, 0.0)
        self.ask_kwh[:, who] = np.maximum(self.ask_kwh[:, who] - found.sold_kwh, 0.0)
        self.bought[:, who] += found.bought_kwh
        self.sold[:, who] += found.sold_kwh
        self.delivered[:, who] += delivered
        self.paid[:, who] += found.bought_kwh * found.buy_price
        self.earned[:, who] += delivered * found.sell_price
        if found.trades is not None:
            mine = found.trades
            self.trades.append(replace(mine, buyer=who[mine.buyer], seller=who[mine.seller]))

    def cleared(self) -> Clearing:
        """All that was moved, at mean prices; trades slot by slot, in each the inner zones' first."""
        trades = Trades.joined(*self.trades)
        return Clearing(
            bought_kwh=self.bought, sold_kwh=self.sold, paid_kwh=self.delivered,
            buy_price=per_kwh(self.paid, self.bought), sell_price=per_kwh(self.earned, self.delivered),
            trades=trades.kept(np.argsort(trades.slot, kind="stable")),
        )  # fmt: skip
