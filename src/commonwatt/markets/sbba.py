"""Strongly budget-balanced double auction."""

from typing import Literal

import numpy as np

from ..flow import Clearing
from . import Promise
from ._auction import Auction, Book
from ._reduction import met
from ._units import by_heads


class StronglyBalanced(Auction):
    """Orders count by heads: k buyers and k sellers trade at the next ask, if the k-th bid bears it.

    Else the price is the k-th bid, its buyer drops out, and so does one seller by lot. The price leaves nothing with
    the operator. Segal-Halevi, Hassidim and Aumann 2016, arXiv:1607.05139, for orders of one size; with others, the
    long side is served by lot. Lots are drawn before anybody quotes.
    """

    kind: Literal["sbba"] = "sbba"

    @property
    def promise(self) -> Promise:
        return self._promise(efficient=False, truthful=True, one_price=True, repeatable=False)

    def cleared(self, book: Book) -> Clearing:
        lots = book.streams.rows(self.kind, book.clock.first, book.shape)
        found = by_heads(book)
        bid = book.price_of(found.last_buyer)
        borne = (found.last_buyer >= 0) & (found.left_ask <= bid)
        unlucky = np.where(met(book, found)[1] > 0, lots, -1.0).argmax(axis=1)
        out = np.where(borne, -1, found.last_buyer), np.where(borne | (found.last_buyer < 0), -1, unlucky)
        turns = book.in_turn(*met(book, found, without=out), lots)
        return book.at_one_price(turns, np.where(borne, found.left_ask, bid))
