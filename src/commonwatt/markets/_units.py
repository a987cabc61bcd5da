"""Orders by heads: every bid and every ask as one unit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..exchange import LEAST_KWH
from ._auction import Book, Matches


def by_heads(book: Book) -> Matches:
    """The k best bids with the k best asks, k as large as the k-th bid allows, whatever the energy behind them."""
    bids, asks = (np.where(kwh > LEAST_KWH, 1.0, 0.0) for kwh in (book.bid_kwh, book.ask_kwh))
    return replace(book, bid_kwh=bids, ask_kwh=asks).matches()
