"""The strongly budget-balanced auction by hand."""

import numpy as np
from tests.markets._orders import book, outcome

from commonwatt.markets.sbba import StronglyBalanced


def test_the_next_ask_is_the_price_if_the_last_bid_bears_it():
    found = outcome(StronglyBalanced(), book([(0.30, 1), (0.26, 1)], [(0.10, 1), (0.14, 1), (0.20, 1)]))
    assert found.got == [1, 1]
    assert found.paid == [0.20, 0.20]
    assert found.earned == [0.20, 0.20, 0]


def test_else_the_last_buyer_and_one_seller_by_lot_stay_out():
    orders = book([(0.30, 1), (0.26, 1)], [(0.10, 1), (0.14, 1), (0.28, 1)], slots=200)
    cleared = StronglyBalanced().cleared(orders)
    assert (cleared.bought_kwh == [1, 0, 0, 0, 0]).all()
    assert (cleared.buy_price == 0.26).all()
    sellers = cleared.sold_kwh[:, 2:]
    assert np.unique(sellers, axis=0).tolist() == [[0, 1, 0], [1, 0, 0]]
    assert 70 < sellers[:, 0].sum() < 130


def test_the_long_side_is_served_by_lot():
    """Two sellers of 2 kWh for 2 + 1 wanted: whoever is drawn second sells 1."""
    orders = book([(0.30, 2), (0.26, 1)], [(0.10, 2), (0.14, 2), (0.20, 1)], slots=50)
    assert np.unique(StronglyBalanced().cleared(orders).sold_kwh[:, 2:], axis=0).tolist() == [[1, 2, 0], [2, 1, 0]]
