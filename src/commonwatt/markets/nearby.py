"""The best pairs where ways cost something, or not every pair may trade."""

from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import NonNegativeFloat

from ..errors import ContractError
from ..exchange import LEAST_KWH
from ..flow import Array, Clearing, Clock, Community, Index, Prices, Quotes, Streams
from ..routes import Distances
from . import Promise
from ._auction import Auction, Book, Pairs


class Nearby(Auction):
    """Of all ways to pair buyers with sellers the one that gains most, after a fee on the distance between them.

    Each pair trades half way between bid and ask, and either side owes half of the fee. Distances are the community's;
    without any, everybody is in the same place. A transport problem, solved slot by slot: sorting orders by price is
    not enough where pairs differ. Ties go as the solver finds them, always the same way.
    """

    kind: Literal["nearby"] = "nearby"
    cost_per_km: NonNegativeFloat = 0.01
    """Fee on traded energy by the distance, half from each side. [money/kWh/km]"""
    most_km: NonNegativeFloat | None = None
    """Members further apart do not trade with each other; none: all may. [km]"""

    @property
    def promise(self) -> Promise:
        return self._promise(efficient=False)

    def terms(self, prices: Prices, community: Community) -> Prices:
        members = community.shape[1]
        apart = np.zeros((members, members)) if community.distance_km is None else community.distance_km
        return replace(prices, routes=Distances(distance_km=apart, cost_per_km=self.cost_per_km, pool=prices.pool))

    def outcome(self, quotes: Quotes, clock: Clock, prices: Prices, lots: Streams) -> Clearing:
        routes = prices.routes
        if not isinstance(routes, Distances):
            raise ContractError("nearby: the terms hold no distances (§2); ask the market for its terms first")
        book = Book.of(quotes, clock, prices.pool.efficiency, lots)
        return self._paired(book, routes.distance_km)

    def cleared(self, book: Book) -> Clearing:
        """As if everybody were in the same place."""
        return self._paired(book, np.zeros((book.shape[1], book.shape[1])))

    def _paired(self, book: Book, apart: Array) -> Clearing:
        cost = self.cost_per_km * apart
        if self.most_km is not None:
            cost = np.where(apart <= self.most_km, cost, np.inf)
        slots = [_slot(book, t, cost) for t in range(book.shape[0])]
        at = np.repeat(np.arange(len(slots)), [kwh.size for *_, kwh in slots])
        found = Pairs(at, *(np.concatenate(part) for part in zip(*slots, strict=True)))
        price = 0.5 * (book.price[found.slot, found.buyer] + book.price[found.slot, found.seller])
        cleared = book.paired(found, price)
        return replace(cleared, paid_kwh=cleared.sold_kwh * book.efficiency)


def _slot(book: Book, t: int, cost: Array) -> tuple[Index, Index, Array]:
    """Buyers, sellers and kWh of a slot's best pairs. (R,) each"""
    from ._transport import best_pairs

    buyers, sellers = (np.flatnonzero(kwh[t] > LEAST_KWH) for kwh in (book.bid_kwh, book.ask_kwh))
    gain = book.price[t, buyers][:, None] - book.price[t, sellers] - cost[np.ix_(buyers, sellers)]
    buyer, seller, kwh = best_pairs(gain, book.bid_kwh[t, buyers], book.ask_kwh[t, sellers])
    return buyers[buyer], sellers[seller], kwh
