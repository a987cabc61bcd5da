"""Matching one slot's orders: a stable sort and two fingers against every bid with every ask."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.harness import Case, Size, Spec, Work
from benchmarks.specs._orders import books, naive

GOALS = {100: 30.0, 1_000: 1_500.0, 10_000: 5_000.0}
MEMBERS = {"full": (100, 1_000, 10_000), "quick": (100, 1_000), "tiny": (20, 60)}


def ours(members: int) -> Work:
    """The compiled matching, which gives columns."""
    from commonwatt.markets._match import matched

    price, bid_kwh, ask_kwh = books(1, members)

    def work() -> None:
        matched(price, price, bid_kwh, ask_kwh)

    return work


def rows(members: int) -> Work:
    """Its columns as the peer's rows."""
    from commonwatt.markets._match import matched

    price, bid_kwh, ask_kwh = books(1, members)
    return lambda: np.column_stack(matched(price, price, bid_kwh, ask_kwh)[1:4])


def theirs(members: int) -> Work:
    """The double loop over objects."""
    orders = books(1, members)
    return lambda: naive(*orders)


def cases(size: Size) -> Sequence[Case]:
    """Trades, row by row, are the same."""
    return [
        Case(
            "auction_match", f"{n:,} members, half of them buyers", "double loop over objects",
            lambda n=n: ours(n), lambda n=n: theirs(n), goal=GOALS.get(n, 1.0),
            same=lambda n=n: rows(n),
        )
        for n in MEMBERS[size]
    ]  # fmt: skip


SPEC = Spec("auction_match", "Who trades with whom in a double auction of one slot.", cases)
