"""VCG by hand, and against its definition: what the others would win without somebody."""

from dataclasses import replace

import numpy as np
import pytest
from tests.markets._orders import book, drawn, outcome, total_gain

from commonwatt.markets.vcg import VickreyClarkeGroves


def test_the_first_left_out_sets_the_price():
    """Unit orders: a buyer pays what keeps its rival out, 0.16, and a seller gets what its rival asks, 0.20."""
    found = outcome(VickreyClarkeGroves(), book([(0.30, 1), (0.16, 1)], [(0.10, 1), (0.20, 1)]))
    assert found.paid == [0.16, 0]
    assert found.earned == [0.20, 0]
    assert found.operator == pytest.approx(-0.04)


def test_one_pair_alone_swaps_prices():
    """Without the buyer the seller's energy is worth 0.10, without the seller the buyer lacks 0.30."""
    found = outcome(VickreyClarkeGroves(), book([(0.30, 1)], [(0.10, 1)]))
    assert (found.paid, found.earned) == ([0.10], [0.30])


def test_a_large_buyer_pays_step_by_step():
    """3 kWh: without it 1 kWh would serve the bid of 0.16, and 2 kWh that cost 0.10 would stay where they are."""
    found = outcome(VickreyClarkeGroves(), book([(0.30, 3), (0.16, 1)], [(0.10, 3)]))
    assert found.paid == [pytest.approx(0.16 + 2 * 0.10), 0]


@pytest.mark.parametrize("rounded", [False, True], ids=["any", "ties"])
def test_everybody_pays_its_effect_on_the_others(rounded):
    """By definition: what all others win without a member, less what they win with it."""
    orders = drawn(8, 60, 5)
    if rounded:
        orders = replace(
            orders, price=orders.price.round(2), bid_kwh=orders.bid_kwh.round(), ask_kwh=orders.ask_kwh.round()
        )
    market = VickreyClarkeGroves()
    cleared = market.cleared(orders)
    gain = total_gain(orders, cleared)
    for n in range(orders.shape[1]):
        without = replace(orders, bid_kwh=np.array(orders.bid_kwh), ask_kwh=np.array(orders.ask_kwh))
        without.bid_kwh[:, n] = without.ask_kwh[:, n] = 0.0
        apart = total_gain(without, market.cleared(without))
        bought, sold = cleared.bought_kwh[:, n], cleared.sold_kwh[:, n]
        paid = apart - (gain - orders.price[:, n] * bought)
        earned = gain + orders.price[:, n] * sold - apart
        np.testing.assert_allclose(
            bought * cleared.buy_price[:, n], np.where(bought > 0, paid, 0.0), rtol=0, atol=1e-12
        )
        np.testing.assert_allclose(sold * cleared.sell_price[:, n], np.where(sold > 0, earned, 0.0), rtol=0, atol=1e-12)
