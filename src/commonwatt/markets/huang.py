"""Trade reduction for orders of any size."""

from typing import Literal

from ..flow import Clearing
from . import Promise
from ._auction import Auction, Book
from ._reduction import evened, met


class Huang(Auction):
    """The last buyer and the last seller of the efficient match set the prices and do not trade.

    The others pay the last bid and get the last ask; the difference stays with the operator. Whoever is too many on
    the long side gives it up in equal parts. Huang, Scheller-Wolf and Sycara 2002, doi:10.1111/1467-8640.t01-1-00206.
    Nobody gains by misstating its price; a large seller may gain by hiding energy.
    """

    kind: Literal["huang"] = "huang"

    @property
    def promise(self) -> Promise:
        return self._promise(balanced=False, efficient=False, truthful=True)

    def cleared(self, book: Book) -> Clearing:
        found = book.matches()
        moved = evened(*met(book, found, without=(found.last_buyer, found.last_seller)))
        return book.at_two_prices(moved, book.price_of(found.last_buyer), book.price_of(found.last_seller))
