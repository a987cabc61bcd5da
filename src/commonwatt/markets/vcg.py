"""Everybody pays what its trade costs the others."""

from typing import Literal

from ..flow import Clearing
from . import Promise
from ._auction import Auction, Book


class VickreyClarkeGroves(Auction):
    """The efficient match; a buyer pays what the others lose by its energy, a seller gets what they win by its.

    Vickrey 1961, Clarke 1971, Groves 1973. Nobody gains by misstating its price, and the operator bears a deficit:
    no mechanism is efficient, truthful, rational and balanced at once (Myerson and Satterthwaite 1983,
    doi:10.1016/0022-0531(83)90048-0).
    """

    kind: Literal["vcg"] = "vcg"

    @property
    def promise(self) -> Promise:
        return self._promise(balanced=False, truthful=True)

    def cleared(self, book: Book) -> Clearing:
        from ._externality import pivotal

        got, given, paid, earned = pivotal(book.price, book.bid_kwh, book.ask_kwh)
        return book.at_own_prices((got, given), (paid, earned))
