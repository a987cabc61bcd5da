"""Call auction with one price for all."""

from typing import Annotated, Literal

from pydantic import Field

from ..flow import Clearing
from . import Promise
from ._auction import Book
from ._equilibrium import clearing_price
from ._zoned import ZonedAuction


class UniformPrice(ZonedAuction):
    """The k-double auction: all who trade in a slot do so at one price at which supply meets demand.

    Satterthwaite and Williams 1989, doi:10.1016/0022-0531(89)90121-X. The price lies between what the last units
    traded and the first ones left out allow; an order that is filled in part sets it.
    """

    kind: Literal["uniform_price"] = "uniform_price"
    k: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Where in that interval: 0 is its lower end, 1 its upper. [-]"""

    @property
    def promise(self) -> Promise:
        return self._pairing(one_price=True, core=self.bidder.truthful)

    def cleared(self, book: Book) -> Clearing:
        found = book.matches()
        return book.at_one_price(found, clearing_price(book, found, self.k))
