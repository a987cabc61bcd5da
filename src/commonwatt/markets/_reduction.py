"""Who trades when the marginal pair is left out, and how the long side gives way."""

from __future__ import annotations

import numpy as np

from ..flow import Array, Index
from ..noun import over_members
from ._auction import Book, Matches


def met(book: Book, found: Matches, without: tuple[Index, Index] | None = None) -> tuple[Array, Array]:
    """Orders in full of who is matched, less those of one buyer and one seller by slot. (T, N) each [kWh]"""
    sides = []
    pairs = (found.buyer, book.bid_kwh), (found.seller, book.ask_kwh)
    for k, (who, kwh) in enumerate(pairs):
        is_in = np.zeros(book.shape, np.bool_)
        is_in[found.slot, who] = True
        if without is not None:
            slots = np.flatnonzero(without[k] >= 0)
            is_in[slots, without[k][slots]] = False
        sides.append(np.where(is_in, kwh, 0.0))
    return sides[0], sides[1]


def evened(bids: Array, asks: Array) -> tuple[Array, Array]:
    """Both sides (T, N) with what the long side has too much given up in equal parts. [kWh]"""
    from ._levels import given_up

    kept = np.minimum(over_members(bids), over_members(asks))
    return given_up(bids, kept), given_up(asks, kept)
