"""Continuous double auction: orders come one after the other."""

from dataclasses import replace
from typing import Literal

from ..flow import Clearing
from . import Promise
from ._auction import Book, Pairs
from ._zoned import ZonedAuction


class ContinuousDoubleAuction(ZonedAuction):
    """Orders arrive in the order of lots; each trades at once with the best orders that rest, at their prices.

    Price before time; what is left rests until the slot ends. Fills some orders that a call auction would not, at the
    cost of others.
    """

    kind: Literal["continuous_double_auction"] = "continuous_double_auction"

    @property
    def promise(self) -> Promise:
        return replace(self._pairing(repeatable=False), efficient=False)

    def cleared(self, book: Book) -> Clearing:
        from ._arrivals import met

        arrival = book.streams.rows(self.kind, book.clock.first, book.shape)
        slot, buyer, seller, kwh, price = met(book.price, book.bid_kwh, book.ask_kwh, arrival)
        return book.paired(Pairs(slot, buyer, seller, kwh), price)
