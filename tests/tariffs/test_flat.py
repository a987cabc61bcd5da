"""The flat tariff by hand: the shortest test of a tariff."""

import pytest
from tests._communities import hand_made

import commonwatt as cw
from commonwatt.scenario import Scenario
from commonwatt.tariffs.flat import Flat
from commonwatt.tariffs.time_of_use import TimeOfUse


def test_one_price_at_any_hour():
    prices = Flat(buy=0.30, export_ratio=0.5).prices(hand_made([[1.0, 2.0]] * 3))
    assert prices.buy.tolist() == [[0.30, 0.30]] * 3
    assert prices.coupling_sell.tolist() == [0.15] * 3


def test_a_bill_by_hand():
    """The first home draws 2 kWh and then 1 kWh, the second gives 3 kWh and then draws 1 kWh."""
    bills = cw.run(
        Scenario(tariff=Flat(buy=0.30, export_ratio=0.5)), community=hand_made([[2.0, -3.0], [1.0, 1.0]])
    ).bills
    assert bills == pytest.approx([3 * 0.30, 0.30 - 3 * 0.15])


def test_by_default_it_costs_the_mean_of_time_of_use():
    day = hand_made([[1.0]] * 24)
    assert Flat().prices(day).buy.mean() == pytest.approx(TimeOfUse().prices(day).buy.mean())
