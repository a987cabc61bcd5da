"""A year of hourly call auctions, a few hours at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from benchmarks.harness import Case, Size, Spec, Work
from benchmarks.specs._orders import books, naive
from commonwatt.clock import Clock
from commonwatt.markets._auction import Book
from commonwatt.markets.uniform_price import UniformPrice
from commonwatt.noun import Array
from commonwatt.streams import Streams

SIZES = {"full": (10_000, 8_760), "quick": (1_000, 720), "tiny": (40, 48)}
AT_ONCE = 6
"""Hours in a window: as many as 65,536 slots x members allow for 10,000 members."""


def cleared(members: int, hours: int) -> Work:
    """Energy traded in every hour, at one price each; a day of orders comes back every day."""
    day = books(24, members)

    def work() -> Array:
        traded = []
        for first in range(0, hours, AT_ONCE):
            rows = slice(first % 24, first % 24 + AT_ONCE)
            clock = Clock(datetime(2025, 1, 1, tzinfo=UTC), timedelta(hours=1), AT_ONCE)
            price, bid_kwh, ask_kwh = (np.ascontiguousarray(values[rows]) for values in day)
            book = Book(clock, price, bid_kwh, ask_kwh, 1.0, Streams(0))
            traded.append(UniformPrice().cleared(book).bought_kwh.sum(axis=1))
        return np.concatenate(traded)

    return work


def one_hour(members: int) -> Work:
    """The double loop's answer for the first hour."""
    first = tuple(values[:1] for values in books(24, members))
    return lambda: naive(*first)[:, 2].sum(keepdims=True)


def cases(size: Size) -> Sequence[Case]:
    """The peer does one hour, counted for all."""
    members, hours = SIZES[size]
    return [
        Case(
            "auction_year", f"{members:,} members, {hours:,} h", "double loop over objects, one hour",
            lambda: cleared(members, hours), lambda: one_hour(members), goal=1_000.0 if size == "full" else 1.0,
            scale=float(hours), same=lambda: lambda: cleared(members, AT_ONCE)()[:1], most_mib=400.0,
        )
    ]  # fmt: skip


SPEC = Spec("auction_year", "A year of hourly call auctions at one price.", cases, rounds=3)
