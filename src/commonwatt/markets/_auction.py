"""What all auctions share: a bidder, the book of its orders, and what becomes of matches."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np

from ..bidders import BIDDERS, Bidder, Fills
from ..bidders.truthful import Truthful
from ..errors import ContractError
from ..flow import Array, Clearing, Clock, Index, Positions, Prices, Quotes, State, Streams, Trades
from ..noun import dense, per_kwh, spread
from ..registry import due, one_of
from . import Market, Promise
from ._standby import offered


@dataclass(frozen=True)
class Pairs:
    """Who trades with whom: rows (R,) in the order in which they came about."""

    slot: Index
    """Row of the window."""
    buyer: Index
    seller: Index
    kwh: Array


@dataclass(frozen=True)
class Matches(Pairs):
    """The pairs of an ordered book, and by slot where it ended (T,)."""

    last_buyer: Index
    """Who comes last on its side; -1 for nobody."""
    last_seller: Index
    left_bid: Array
    """The best bid that is not filled in full; minus infinity for none."""
    left_ask: Array
    """The best ask that is not filled in full; infinity for none."""


@dataclass(frozen=True)
class Book:
    """A window's orders in delivered energy: each member's price, and what it bids for or asks for. (T, N) each"""

    clock: Clock
    price: Array
    bid_kwh: Array
    ask_kwh: Array
    efficiency: float
    streams: Streams

    @classmethod
    def of(cls, quotes: Quotes, clock: Clock, efficiency: float, streams: Streams) -> Book:
        """What is quoted, after losses."""
        delivered = quotes.ask_kwh if efficiency == 1.0 else quotes.ask_kwh * efficiency
        return cls(clock, dense(quotes.quote_price), dense(quotes.bid_kwh), dense(delivered), efficiency, streams)

    @property
    def shape(self) -> tuple[int, int]:
        """Slots and members."""
        return self.price.shape[0], self.price.shape[1]

    def matches(self) -> Matches:
        """The best bids with the best asks, as long as the bid is not below the ask."""
        return _matches(self.price, self.price, self.bid_kwh, self.ask_kwh)

    def in_turn(self, bid_kwh: Array, ask_kwh: Array, lots: Array) -> Matches:
        """Everybody with everybody, whatever the prices; the lowest lot first on either side. (T, N) each"""
        return _matches(2.0 - lots, lots, dense(bid_kwh), dense(ask_kwh))

    def price_of(self, who: Index) -> Array:
        """Each slot's price of a member; 0 for nobody. (T,)"""
        price, slots = np.zeros(who.size), np.flatnonzero(who >= 0)
        price[slots] = self.price[slots, who[slots]]
        return price

    def paired(self, found: Pairs, price: Array) -> Clearing:
        """Every match at its own price. (R,)"""
        from ._match import tallied

        slots, members = self.shape
        got, given, paid, earned = tallied(
            found.slot, found.buyer, found.seller, found.kwh, np.ascontiguousarray(price), slots, members
        )
        return self._cleared((got, given), (per_kwh(paid, got), per_kwh(earned, given)), self.rows(found, price))

    def at_one_price(self, found: Pairs, price: Array) -> Clearing:
        """All matches of a slot at its price. (T,)"""
        cleared = self.paired(found, price[found.slot])
        same = spread(price[:, None], self.shape)
        return replace(cleared, buy_price=same, sell_price=same)

    def at_two_prices(self, moved: tuple[Array, Array], buy: Array, sell: Array) -> Clearing:
        """What is got and given (T, N) at a slot's price to buy and its price to sell (T,): the operator between."""
        prices = spread(buy[:, None], self.shape), spread(sell[:, None], self.shape)
        return self._cleared(moved, prices, None)

    def at_own_prices(self, moved: tuple[Array, Array], money: tuple[Array, Array]) -> Clearing:
        """What is got and given for what each member pays and earns (T, N): the operator between."""
        return self._cleared(moved, (per_kwh(money[0], moved[0]), per_kwh(money[1], moved[1])), None)

    def rows(self, found: Pairs, price: Array) -> Trades:
        """Matches as trades, each at its price. (R,)"""
        return Trades(
            slot=self.clock.first + found.slot, buyer=found.buyer, seller=found.seller,
            kwh=found.kwh, sent_kwh=found.kwh / self.efficiency, price=price,
        )  # fmt: skip

    def _cleared(self, moved: tuple[Array, Array], prices: tuple[Array, Array], trades: Trades | None) -> Clearing:
        return Clearing(
            bought_kwh=moved[0], sold_kwh=moved[1] / self.efficiency,
            buy_price=prices[0], sell_price=prices[1], trades=trades,
        )  # fmt: skip


def _matches(bid: Array, ask: Array, bid_kwh: Array, ask_kwh: Array) -> Matches:
    from ._match import matched

    *rows, last, left = matched(bid, ask, bid_kwh, ask_kwh)
    return Matches(*rows, *last.T, *left.T)


class Auction(Market):
    """Members keep their own meters and quote a price for what crosses them; the mechanism decides on the quotes.

    Bids and asks are per kWh delivered. Offers that tie are served by member number.
    """

    bidder: Annotated[Bidder, one_of(BIDDERS)] = Truthful()
    """How members quote."""

    @property
    def stride(self) -> int | None:
        return self.bidder.stride

    @property
    def by_orders(self) -> bool:
        return True

    @abstractmethod
    def cleared(self, book: Book) -> Clearing:
        """What becomes of the orders."""

    def clear(self, positions: Positions, prices: Prices, state: State) -> Clearing:
        on_offer = offered(positions, prices.pool)
        quotes = self._quotes(on_offer, prices, state)
        cleared = self.outcome(quotes, positions.clock, prices, state.streams)
        learned = self.bidder.learn(on_offer, prices, state, quotes, _fills(cleared, prices.pool.efficiency))
        called = cleared.sold_kwh * (on_offer.have_kwh > positions.have_kwh) if prices.pool.standby else None
        return replace(cleared, quotes=quotes, called_kwh=called, carry=learned)

    def outcome(self, quotes: Quotes, clock: Clock, prices: Prices, lots: Streams) -> Clearing:
        """What becomes of quotes."""
        return self.cleared(Book.of(quotes, clock, prices.pool.efficiency, lots))

    def _quotes(self, positions: Positions, prices: Prices, state: State) -> Quotes:
        """What the bidder says. Raises ContractError where a quote is none."""
        quotes = self.bidder.quotes(positions, prices, state)
        due(Quotes, quotes, self.bidder)
        mistake = quotes.mistake(positions)
        if mistake:
            row, member, what = mistake
            where = f"slot {positions.clock.first + row}, member {member}"
            who = f"{type(self.bidder).__module__} (kind {self.bidder.kind!r})"
            raise ContractError(f"{who} quoted {what} ({where}; §3: quotes are finite, within the position); mend it")
        return quotes

    def _promise(
        self, *, balanced: bool = True, efficient: bool = True, truthful: bool = False, one_price: bool = False,
        repeatable: bool = True, core: bool = False,
    ) -> Promise:  # fmt: skip
        """What sets auctions apart; in common they have that prices follow the quotes, and that ties go by number."""
        return Promise(
            world="own_meters", balanced=balanced, rational=self.bidder.rational, in_band=False, anonymous=False,
            efficient=efficient, truthful=truthful, one_price=one_price, repeatable=repeatable, core=core,
        )  # fmt: skip


def _fills(cleared: Clearing, efficiency: float) -> Fills:
    """What everybody learns: own fills, and the mean price of both sides."""
    delivered = cleared.delivered_kwh(efficiency)
    money = cleared.bought_kwh * cleared.buy_price + delivered * cleared.sell_price
    kwh = cleared.bought_kwh + delivered
    moved = kwh.sum(axis=1)
    price = np.divide(money.sum(axis=1), moved, out=np.full(moved.shape, np.nan), where=moved > 0)
    return Fills(kwh=kwh, price=price)
