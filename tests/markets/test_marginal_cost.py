"""Marginal cost by hand: everybody pays what the others would save without it, and the operator's deficit."""

import pytest
from tests._communities import hand_made

import commonwatt as cw
from commonwatt.markets.marginal_cost import MarginalCost
from commonwatt.scenario import Scenario
from commonwatt.tariffs.flat import Flat


def run(net_kw):
    """One hour; the grid charges 0.30 and pays 0.10."""
    scenario = Scenario(tariff=Flat(buy=0.30, export_ratio=1 / 3), market=MarginalCost())
    return cw.run(scenario, community=hand_made([net_kw]))


def test_two_homes():
    """Together 0.60; B alone gets 0.20, A alone pays 1.20. Both take the whole saving of 0.40: one is missing."""
    found = run((4.0, -2.0))
    assert found.bills == pytest.approx([0.60 + 0.20, 0.60 - 1.20])
    assert found.metrics["operator_result"] == pytest.approx(-0.40)


def test_nobody_is_missed_where_nobody_tips_the_balance():
    """Short with or without any of them: all at the buying price, as in the core, and nothing is missing."""
    found = run((4.0, 4.0, -1.0))
    assert found.bills == pytest.approx([1.20, 1.20, -0.30])
    assert found.metrics["operator_result"] == pytest.approx(0.0)


def test_misstating_energy_gains_nothing():
    """Whatever B says it has, it pays no less in the end: what it has over or lacks goes through its own meter."""
    truth = run((4.0, -2.0)).bills[1]
    for said in (0.0, 0.5, 1.0, 3.0, 5.0):
        own_meter = 0.30 * max(said - 2.0, 0.0) - 0.10 * max(2.0 - said, 0.0)
        assert run((4.0, -said)).bills[1] + own_meter >= truth - 1e-12, said
