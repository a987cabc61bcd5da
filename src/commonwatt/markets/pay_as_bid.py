"""Double auction in which every buyer pays its bid."""

from typing import Literal

from ..flow import Clearing
from . import Promise
from ._auction import Book
from ._zoned import ZonedAuction


class PayAsBid(ZonedAuction):
    """The best bid meets the best ask, as long as it is not below it; the seller gets what the buyer bid.

    Buyers who bid what the energy is worth to them gain nothing.
    """

    kind: Literal["pay_as_bid"] = "pay_as_bid"

    @property
    def promise(self) -> Promise:
        return self._pairing()

    def cleared(self, book: Book) -> Clearing:
        found = book.matches()
        return book.paired(found, book.price[found.slot, found.buyer])
