"""Prices at which a book of orders is in balance."""

from __future__ import annotations

import numpy as np

from ..flow import Array
from ._auction import Book, Matches


def clearing_price(book: Book, found: Matches, k: float) -> Array:
    """Part `k` of the way through the prices at which just these matches are wanted; 0 where there are none. (T,)

    From the higher of the last ask met and the best bid left, to the lower of the last bid met and the best ask left.
    """
    met = found.last_buyer >= 0
    low = np.maximum(book.price_of(found.last_seller), np.where(met, found.left_bid, 0.0))
    high = np.minimum(book.price_of(found.last_buyer), np.where(met, found.left_ask, 0.0))
    price: Array = np.where(met, low + k * (high - low), 0.0)
    return price
