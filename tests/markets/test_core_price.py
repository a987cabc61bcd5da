"""The core price by hand: everybody at the grid's price of the long side. A short test to copy for a market."""

import numpy as np
import pytest
from tests._communities import hand_made

import commonwatt as cw
from commonwatt.markets.core_price import CorePrice
from commonwatt.scenario import Scenario
from commonwatt.tariffs.flat import Flat

BUY, SELL = 0.30, 0.10


def run(net_kw, **parts):
    """One hour of homes with these net loads; the grid charges 0.30 and pays 0.10."""
    scenario = Scenario(tariff=Flat(buy=BUY, export_ratio=SELL / BUY), market=CorePrice(), **parts)
    return cw.run(scenario, community=hand_made([net_kw]))


@pytest.mark.parametrize(
    ("net_kw", "price"),
    [((4.0, -2.0), BUY), ((1.0, -3.0), SELL), ((2.0, -2.0), 0.20)], ids=["shortage", "surplus", "balance"],
)  # fmt: skip
def test_one_price_for_all(net_kw, price):
    assert run(net_kw).bills == pytest.approx(np.array(net_kw) * price)


def test_the_short_side_gets_the_whole_gain():
    assert run((4.0, -2.0)).savings == pytest.approx([0.0, 2 * (BUY - SELL)])
    assert run((1.0, -3.0)).savings == pytest.approx([1 * (BUY - SELL), 0.0])


def test_losses_decide_which_side_is_long():
    """2 kWh are sent for 1.9 wanted, but 1.8 arrive: short by 0.1, and the seller is paid for what arrives."""
    assert run((1.9, -2.0), pool={"efficiency": 0.9}).bills == pytest.approx([1.9 * BUY, -1.8 * BUY])


def test_nobody_pays_where_nothing_flows():
    assert run((0.0, 0.0)).bills.tolist() == [0.0, 0.0]
