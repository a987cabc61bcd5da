"""One price by hand: between what the last units traded and the first ones left out allow."""

import pytest
from tests.markets._orders import book, outcome

from commonwatt.markets.uniform_price import UniformPrice


@pytest.mark.parametrize(("k", "price"), [(0.0, 0.16), (0.5, 0.18), (1.0, 0.20)])
def test_between_the_bid_and_the_ask_left_out(k, price):
    """1 kWh each at 0.30 and 0.10; a bid of 0.16 and an ask of 0.20 are left: any price between them would do."""
    found = outcome(UniformPrice(k=k), book([(0.30, 1), (0.16, 1)], [(0.10, 1), (0.20, 1)]))
    assert found.got == [1, 0]
    assert found.paid == [price, 0]
    assert found.earned == [price, 0]


def test_between_the_last_bid_and_ask_met():
    found = outcome(UniformPrice(), book([(0.30, 1), (0.24, 1)], [(0.10, 1), (0.20, 1)]))
    assert found.paid == [0.22, 0.22]


@pytest.mark.parametrize("k", [0.0, 0.5, 1.0])
def test_an_order_filled_in_part_sets_the_price(k):
    short = outcome(UniformPrice(k=k), book([(0.30, 1), (0.24, 3)], [(0.10, 2)]))
    assert short.paid == [0.24, 0.24]
    long = outcome(UniformPrice(k=k), book([(0.30, 1)], [(0.10, 0.5), (0.12, 2)]))
    assert long.earned == [0.06, 0.06]
