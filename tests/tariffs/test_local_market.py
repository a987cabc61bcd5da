"""The local market's fee by hand."""

from dataclasses import replace

import numpy as np
import pytest
from tests._communities import hand_made

import commonwatt as cw
from commonwatt.flow import Account
from commonwatt.scenario import Scenario
from commonwatt.tariffs.local_market import LocalMarket


def bills(net: object, tariff: LocalMarket, minutes: int = 60) -> list[float]:
    return cw.run(Scenario(tariff=tariff), community=hand_made(net, minutes=minutes)).bills.tolist()


def test_a_quantity_fee_takes_the_square():
    """2 kWh cost 2 x 0.15 + 0.03 x 4; 7 kWh given bring 1.05 and cost 1.47: the seller pays 0.42."""
    assert bills([[2.0, -7.0]], LocalMarket()) == pytest.approx([0.42, 0.42])


def test_a_flat_fee_is_per_kwh():
    assert bills([[2.0, -7.0]], LocalMarket(mode="flat")) == pytest.approx([0.36, -0.84])


def test_a_floor_protects_sellers():
    assert bills([[2.0, -7.0]], LocalMarket(floor=0.0)) == pytest.approx([0.42, 0.0])


def test_only_a_fee_on_power_does_not_depend_on_the_length_of_a_slot():
    quarters = [[2.0, -7.0]] * 4
    assert bills(quarters, LocalMarket(mode="power"), 15) == pytest.approx(bills([[2.0, -7.0]], LocalMarket()))
    assert bills(quarters, LocalMarket(), 15) == pytest.approx([0.3 + 0.12 / 4, -1.05 + 1.47 / 4])


def test_the_fee_goes_to_the_operator_and_members_decide_by_the_forecast():
    spot, forecast = np.array([0.2, 0.1]), np.array([0.21, 0.09])
    community = hand_made([[1.0], [1.0]])
    community = replace(community, signals={"market_price": spot, "price_forecast": forecast})
    run = cw.run(Scenario(tariff=LocalMarket()), community=community)
    assert run.facts.run.last["till_money"][Account.OPERATOR.column] == pytest.approx(0.06)
    terms = LocalMarket().prices(community)
    np.testing.assert_allclose(terms.expected_buy[:, 0], forecast + 0.03)
    np.testing.assert_allclose(terms.expected_sell[:, 0], forecast - 0.03)
