"""McAfee's double auction: one price where the next pair gives one, else the last pair is left out."""

from typing import Literal

import numpy as np

from ..flow import Clearing
from . import Promise
from ._auction import Auction, Book
from ._reduction import evened, met
from ._units import by_heads


class McAfee(Auction):
    """Orders count by heads: with k bids at or above the k-th ask, the middle of the next bid and ask is the price.

    Where it does not suit the k-th pair, that pair is left out, the others pay its bid and get its ask, and the
    difference stays with the operator. Whoever is too many on the long side gives it up in equal parts. McAfee 1992,
    doi:10.1016/0022-0531(92)90091-U, for orders of one size; with others, energy is left unmatched.
    """

    kind: Literal["mcafee"] = "mcafee"

    @property
    def promise(self) -> Promise:
        return self._promise(balanced=False, efficient=False, truthful=True)

    def cleared(self, book: Book) -> Clearing:
        found = by_heads(book)
        bid, ask = book.price_of(found.last_buyer), book.price_of(found.last_seller)
        next_pair = np.isfinite(found.left_bid) & np.isfinite(found.left_ask)
        middle = 0.5 * (np.where(next_pair, found.left_bid, 0.0) + np.where(next_pair, found.left_ask, 0.0))
        suits = next_pair & (ask <= middle) & (middle <= bid)
        out = np.where(suits, -1, found.last_buyer), np.where(suits, -1, found.last_seller)
        moved = evened(*met(book, found, without=out))
        return book.at_two_prices(moved, np.where(suits, middle, bid), np.where(suits, middle, ask))
