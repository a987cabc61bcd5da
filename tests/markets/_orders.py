"""Books of orders by hand and by lot, and what an auction makes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from commonwatt.clock import Clock
from commonwatt.flow import Clearing
from commonwatt.markets._auction import Auction, Book
from commonwatt.noun import Array
from commonwatt.streams import Streams


@dataclass(frozen=True)
class Outcome:
    """Of one slot: what buyers get and pay, what sellers give and earn, in the order of their orders."""

    got: list[float]
    paid: list[float]
    given: list[float]
    earned: list[float]

    @property
    def operator(self) -> float:
        """What is left with the operator. [money]"""
        return sum(self.paid) - sum(self.earned)


def book(bids: list[tuple[float, float]], asks: list[tuple[float, float]], *, slots: int = 1, seed: int = 0) -> Book:
    """Orders (price, kWh), buyers first; the same in every slot."""
    count = len(bids) + len(asks)
    price, bid_kwh, ask_kwh = np.zeros(count), np.zeros(count), np.zeros(count)
    for n, (at, kwh) in enumerate([*bids, *asks]):
        price[n] = at
        (bid_kwh if n < len(bids) else ask_kwh)[n] = kwh
    return of_arrays(*(np.tile(row, (slots, 1)) for row in (price, bid_kwh, ask_kwh)), seed=seed)


def of_arrays(price: Array, bid_kwh: Array, ask_kwh: Array, *, seed: int = 0) -> Book:
    """Orders (T, N)."""
    clock = Clock(datetime(2025, 6, 2, tzinfo=UTC), timedelta(hours=1), len(price))
    return Book(clock, price, bid_kwh, ask_kwh, 1.0, Streams(seed))


def drawn(seed: int, slots: int, a_side: int, *, unit: bool = False) -> Book:
    """So many buyers and sellers with prices of 0.10 to 0.30, by turns; orders of 0.1 to 3 kWh, or of 1."""
    rng = np.random.default_rng(seed)
    shape = slots, 2 * a_side
    kwh = np.ones(shape) if unit else rng.uniform(0.1, 3.0, shape)
    buys = np.tile(np.arange(shape[1]) % 2 == 0, (slots, 1))
    return of_arrays(rng.uniform(0.1, 0.3, shape), np.where(buys, kwh, 0.0), np.where(buys, 0.0, kwh), seed=seed)


def outcome(market: Auction, orders: Book, slot: int = 0) -> Outcome:
    """What comes of one slot."""
    cleared, buys = market.cleared(orders), orders.bid_kwh[slot] > 0
    paid, earned = cleared.bought_kwh * cleared.buy_price, cleared.sold_kwh * cleared.sell_price
    rows = (cleared.bought_kwh, buys), (paid, buys), (cleared.sold_kwh, ~buys), (earned, ~buys)
    return Outcome(*([round(x, 9) + 0.0 for x in values[slot, who].tolist()] for values, who in rows))


def gains(orders: Book, cleared: Clearing) -> Array:
    """What each member wins by trading, if its price says what the energy is worth to it. (T, N) [money]"""
    bought = cleared.bought_kwh * (orders.price - cleared.buy_price)
    sold = cleared.sold_kwh * (cleared.sell_price - orders.price)
    return bought + sold


def total_gain(orders: Book, cleared: Clearing) -> Array:
    """What trading is worth to all together, the operator included. (T,) [money]"""
    gain: Array = ((cleared.bought_kwh - cleared.sold_kwh) * orders.price).sum(axis=1)
    return gain


def left_over(cleared: Clearing) -> Array:
    """What is left with the operator. (T,) [money]"""
    owed: Array = (cleared.bought_kwh * cleared.buy_price - cleared.sold_kwh * cleared.sell_price).sum(axis=1)
    return owed


def misreport_gain(market: Auction, orders: Book, member: int, shift: float) -> Array:
    """What a member gains by adding `shift` to its price. (T,) [money]"""
    price = np.array(orders.price)
    price[:, member] += shift
    honest, lying = market.cleared(orders), market.cleared(replace(orders, price=price))
    gain: Array = (gains(orders, lying) - gains(orders, honest))[:, member]
    return gain


def naive(price: list[float], bid_kwh: list[float], ask_kwh: list[float]) -> list[tuple[int, int, float]]:
    """The double loop: every buyer asks every seller, the best first on either side."""
    everyone = range(len(price))
    buyers = sorted((n for n in everyone if bid_kwh[n] > 1e-9), key=lambda n: (-price[n], n))
    sellers = sorted((n for n in everyone if ask_kwh[n] > 1e-9), key=lambda n: (price[n], n))
    short, spare, rows = list(bid_kwh), list(ask_kwh), []
    for buyer in buyers:
        for seller in sellers:
            if price[buyer] < price[seller] or short[buyer] <= 1e-9 or spare[seller] <= 1e-9:
                continue
            kwh = min(short[buyer], spare[seller])
            short[buyer] -= kwh
            spare[seller] -= kwh
            rows.append((buyer, seller, kwh))
    return rows
