"""Continuous double auction: orders come one after the other."""

from typing import Literal

from ..flow import Clearing
from . import Promise
from ._auction import Auction, Book, Pairs


class ContinuousDoubleAuction(Auction):
    """Orders arrive in the order of lots; each trades at once with the best orders that rest, at their prices.

    Price before time; what is left rests until the slot ends. Fills some orders that a call auction would not, at the
    cost of others.
    """

    kind: Literal["continuous_double_auction"] = "continuous_double_auction"

    @property
    def promise(self) -> Promise:
        return self._promise(efficient=False, repeatable=False)

    def cleared(self, book: Book) -> Clearing:
        from ._arrivals import met

        arrival = book.streams.rows(self.kind, book.clock.first, book.shape)
        slot, buyer, seller, kwh, price = met(book.price, book.bid_kwh, book.ask_kwh, arrival)
        return book.paired(Pairs(slot, buyer, seller, kwh), price)
