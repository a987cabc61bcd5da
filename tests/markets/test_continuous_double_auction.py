"""The continuous auction: against a plain order book, order by order."""

import numpy as np
import pytest
from tests.markets._orders import book, drawn

from commonwatt.markets._arrivals import met
from commonwatt.markets.continuous_double_auction import ContinuousDoubleAuction


def one_by_one(price, want, have, arrival):
    """A plain book: lists searched for the best price, then the earliest."""
    resting, left, rows = [], np.maximum(want, have), []
    for n in np.argsort(arrival, kind="stable").tolist():
        buys = want[n] > 1e-9
        while left[n] > 1e-9:
            others = [m for m in resting if (want[m] > 1e-9) != buys and left[m] > 1e-9]
            fits = [m for m in others if (price[m] <= price[n] if buys else price[m] >= price[n])]
            if not fits:
                break
            best = min(price[m] for m in fits) if buys else max(price[m] for m in fits)
            other = next(m for m in fits if price[m] == best)
            kwh = min(left[n], left[other])
            left[n] -= kwh
            left[other] -= kwh
            rows.append((n, other, kwh, price[other]) if buys else (other, n, kwh, price[other]))
        resting.append(n)
    return rows


@pytest.mark.parametrize("rounded", [False, True], ids=["any", "ties"])
def test_trades_are_those_of_a_plain_book(rounded):
    orders = drawn(9, 100, 8)
    price = orders.price.round(1) if rounded else orders.price
    arrival = orders.streams.rows("anything", 0, orders.shape)
    slot, *columns = met(price, orders.bid_kwh, orders.ask_kwh, arrival)
    rows = list(zip(*(c.tolist() for c in columns), strict=True))
    for t in range(100):
        expected = one_by_one(price[t], orders.bid_kwh[t], orders.ask_kwh[t], arrival[t])
        assert [row for row, at in zip(rows, slot.tolist(), strict=True) if at == t] == expected


def test_price_before_time():
    """Sellers rest at 0.20, 0.10 and 0.10; a buyer takes the cheaper ones, the older first, at their price."""
    price, want = np.array([[0.20, 0.10, 0.10, 0.30]]), np.array([[0.0, 0.0, 0.0, 1.5]])
    have, arrival = np.array([[1.0, 1.0, 1.0, 0.0]]), np.array([[0.1, 0.3, 0.2, 0.4]])
    _, buyer, seller, kwh, paid = met(price, want, have, arrival)
    assert buyer.tolist() == [3, 3]
    assert seller.tolist() == [2, 1]
    assert kwh.tolist() == [1.0, 0.5]
    assert paid.tolist() == [0.10, 0.10]


def test_who_comes_first_is_met_at_its_own_price():
    orders = book([(0.30, 1)], [(0.10, 1)], slots=200)
    arrival = orders.streams.rows("continuous_double_auction", 0, orders.shape)
    price = ContinuousDoubleAuction().cleared(orders).buy_price[:, 0]
    assert np.array_equal(price, np.where(arrival[:, 0] < arrival[:, 1], 0.30, 0.10))
    assert 0.35 < (price == 0.30).mean() < 0.65


def test_what_is_no_order_does_not_arrive():
    price = np.array([[np.nan, 0.10, 0.30]])
    rows = met(price, np.array([[1.0, 0.0, 1.0]]), np.array([[0.0, 1.0, 0.0]]), np.array([[0.1, 0.2, 0.3]]))
    assert rows[1].tolist() == [2]


def test_no_bid_is_left_that_meets_an_ask_left():
    orders = drawn(3, 100, 10)
    cleared = ContinuousDoubleAuction().cleared(orders)
    bid = np.where(orders.bid_kwh - cleared.bought_kwh > 1e-9, orders.price, -np.inf).max(axis=1)
    ask = np.where(orders.ask_kwh - cleared.sold_kwh > 1e-9, orders.price, np.inf).min(axis=1)
    assert (bid < ask).all()
