"""A pool among own meters at one price, served in proportion; the rest at everybody's own tariff."""

from typing import Annotated, Literal

from pydantic import Field

from ..flow import Array, Clearing, Community, Positions, Prices, Quotes, State, Trades
from ..noun import by_rows, over_members, spread
from . import Market, Promise
from ._auction import Book
from ._prices import balance_price, between
from ._zoned import level_by_level, nested


class PoolProrata(Market):
    """Everybody keeps a retailer; surplus is served in proportion to need.

    A member whose own price lies outside the pool's may lose, so it promises no individual rationality.
    """

    kind: Literal["pool_prorata"] = "pool_prorata"
    price: Literal["spread", "balance"] = "spread"
    """The pool's price: a fixed part of the way between the grid's two, or one that slides with load and PV."""
    spread: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Where between mean selling and mean buying price it lies. [-]"""
    pairs: bool = False
    """Whether to write who trades with whom, which a pool leaves open; always where `pool` asks for it. [yes or no]"""
    zones: bool = False
    """Whether each zone shares inside first, then one level up, with each level's losses and fee; pairs are written
    then. [yes or no]"""

    @property
    def promise(self) -> Promise:
        return Promise(world="own_meters", rational=False, efficient=not self.zones)

    def terms(self, prices: Prices, community: Community) -> Prices:
        return nested(prices, community) if self.zones else prices

    def clear(self, positions: Positions, prices: Prices, state: State) -> Clearing:
        inner = balance_price(positions, prices) if self.price == "balance" else between(prices, self.spread)
        price = spread(inner[:, None], positions.shape)
        if prices.routes is not None:
            offers = Quotes.all_of(positions, price)
            return level_by_level(_of_a_zone, offers, positions.clock, prices.routes, state.streams)
        efficiency = prices.pool.efficiency
        bought, sold = _shared(positions.want_kwh, positions.have_kwh, efficiency)
        paired, first = self.pairs or prices.pool.paired, positions.clock.first
        trades = Trades.north_west(first, bought, sold, efficiency, price) if paired else None
        return Clearing(bought_kwh=bought, sold_kwh=sold, buy_price=price, sell_price=price, trades=trades)


def _shared(want: Array, have: Array, efficiency: float) -> tuple[Array, Array]:
    """What is delivered, in proportion to what is wanted, and what is sent, in proportion to what there is. (T, N)"""
    from ._rates import served

    bought_part, sold_part = served(over_members(want), over_members(have), efficiency)
    return by_rows(want, bought_part), by_rows(have, sold_part)


def _of_a_zone(book: Book) -> Clearing:
    """What a zone shares, pair by pair."""
    bought, sold = _shared(book.bid_kwh, book.ask_kwh / book.efficiency, book.efficiency)
    trades = Trades.north_west(book.clock.first, bought, sold, book.efficiency, book.price)
    return Clearing(bought_kwh=bought, sold_kwh=sold, buy_price=book.price, sell_price=book.price, trades=trades)
