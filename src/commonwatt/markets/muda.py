"""Two half markets, each at the other's price."""

from dataclasses import replace
from typing import Literal

import numpy as np

from ..flow import Array, Clearing, Mask
from . import Promise
from ._auction import Auction, Book
from ._equilibrium import clearing_price


class HalfMarkets(Auction):
    """Members are split in two halves by lot; each half trades at the price at which the other would be in balance.

    So nobody moves the price it pays. The long side is served by lot; lots are drawn before anybody quotes. A half
    whose orders do not meet has no price, and the other then does not trade. Segal-Halevi, Hassidim and Aumann 2018,
    arXiv:1712.06848.
    """

    kind: Literal["muda"] = "muda"

    @property
    def promise(self) -> Promise:
        return self._promise(efficient=False, truthful=True, repeatable=False)

    def cleared(self, book: Book) -> Clearing:
        first = book.clock.first
        upper = book.streams.rows("muda.half", first, book.shape) < 0.5
        lots = book.streams.rows("muda.turn", first, book.shape)
        halves = replace(
            book, price=np.repeat(book.price, 2, axis=0),
            bid_kwh=_halved(book.bid_kwh, upper), ask_kwh=_halved(book.ask_kwh, upper),
        )  # fmt: skip
        inside = halves.matches()
        own = np.where(inside.last_buyer >= 0, clearing_price(halves, inside, 0.5), np.nan)
        price = own.reshape(-1, 2)[:, ::-1].reshape(-1)
        bids = np.where(halves.price >= price[:, None], halves.bid_kwh, 0.0)
        asks = np.where(halves.price <= price[:, None], halves.ask_kwh, 0.0)
        turns = halves.in_turn(bids, asks, np.repeat(lots, 2, axis=0))
        return book.paired(replace(turns, slot=turns.slot // 2), price[turns.slot])


def _halved(kwh: Array, upper: Mask) -> Array:
    """Two rows for every slot: what one half quotes, and what the other does. (2 T, N)"""
    halves = np.stack([np.where(upper, kwh, 0.0), np.where(upper, 0.0, kwh)], axis=1)
    return halves.reshape(-1, kwh.shape[1])
