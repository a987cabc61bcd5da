"""Books of orders, and the double loop as one would write it: an object for every order, every bid with every ask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from commonwatt.noun import Array


@dataclass
class Order:
    """A member's price and what is left of its energy."""

    member: int
    price: float
    kwh: float


def books(slots: int, members: int) -> tuple[Array, Array, Array]:
    """Price, and what is bid and asked for (T, N): every other member buys, at 0.10 to 0.30 and 0.1 to 3 kWh."""
    rng = np.random.default_rng(1)
    price, kwh = rng.uniform(0.1, 0.3, (slots, members)), rng.uniform(0.1, 3.0, (slots, members))
    buys = np.arange(members) % 2 == 0
    return price, np.where(buys, kwh, 0.0), np.where(buys, 0.0, kwh)


def double_loop(bids: list[Order], asks: list[Order]) -> list[tuple[int, int, float, float]]:
    """Buyer, seller, kWh and the middle price of every trade."""
    trades = []
    buyers = sorted(bids, key=lambda order: (-order.price, order.member))
    sellers = sorted(asks, key=lambda order: (order.price, order.member))
    for buyer in buyers:
        for seller in sellers:
            if buyer.price >= seller.price:
                kwh = min(buyer.kwh, seller.kwh)
                if kwh > 1e-9:
                    buyer.kwh -= kwh
                    seller.kwh -= kwh
                    trades.append((buyer.member, seller.member, kwh, (buyer.price + seller.price) / 2))
    return trades


def naive(price: Array, bid_kwh: Array, ask_kwh: Array) -> Array:
    """The trades of one slot as rows. (R, 3)"""
    rows = zip(price[0].tolist(), bid_kwh[0].tolist(), ask_kwh[0].tolist(), strict=True)
    bids, asks = [], []
    for member, (at, bid, ask) in enumerate(rows):
        if bid > 0:
            bids.append(Order(member, at, bid))
        if ask > 0:
            asks.append(Order(member, at, ask))
    return np.array(double_loop(bids, asks))[:, :3]
