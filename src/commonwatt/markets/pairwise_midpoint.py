"""Double auction in pairs, each at the middle of its bid and ask."""

from typing import Literal

from ..flow import Clearing
from . import Promise
from ._auction import Book
from ._zoned import ZonedAuction


class PairwiseMidpoint(ZonedAuction):
    """The best bid meets the best ask, then the next, as long as the bid is not below the ask; a pair meets half way.

    The matching of S3. Everybody gains by shading its price.
    """

    kind: Literal["pairwise_midpoint"] = "pairwise_midpoint"

    @property
    def promise(self) -> Promise:
        return self._pairing()

    def cleared(self, book: Book) -> Clearing:
        found = book.matches()
        bid, ask = (book.price[found.slot, who] for who in (found.buyer, found.seller))
        return book.paired(found, 0.5 * (bid + ask))
