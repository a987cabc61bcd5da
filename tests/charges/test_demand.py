"""The demand charge by hand."""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from tests._communities import hand_made

import commonwatt as cw
from commonwatt.charges.demand import Demand
from commonwatt.scenario import Scenario
from commonwatt.tariffs.demand_charge import DemandCharge
from commonwatt.tariffs.flat import Flat


def bills(net: object, rule: Demand, market: str = "none", **parts: object) -> list[float]:
    document = Scenario(tariff=Flat(buy=0.0, charges=(rule,)), market={"kind": market})
    return cw.run(document, community=hand_made(net, **parts)).bills.tolist()


def test_the_highest_power_of_the_month_is_owed_once():
    """A home peaks at 3 kW, the other exports and never draws."""
    assert bills([[1.0, -2.0], [3.0, -1.0], [2.0, 0.0]], Demand(rate=8.0)) == pytest.approx([24.0, 0.0])


def test_power_counts_in_its_hours_only():
    net = [[5.0], [1.0], [2.0], [4.0]]
    assert bills(net, Demand(rate=1.0, hours=(1, 3))) == pytest.approx([2.0])
    assert bills(net, Demand(rate=1.0, hours=(3, 1))) == pytest.approx([5.0]), "over midnight: from 3 to 1"


def test_weekends_are_free_on_request():
    saturday = datetime(2025, 6, 7, 22, tzinfo=ZoneInfo("UTC"))
    net = [[9.0]] * 2 + [[1.0]] * 24 + [[3.0]] * 4
    assert bills(net, Demand(rate=1.0, weekdays_only=True), start=saturday) == pytest.approx([3.0])


def test_every_month_has_its_own_peak_and_a_ratchet_remembers():
    eve = datetime(2025, 6, 30, 22, tzinfo=ZoneInfo("UTC"))
    net = [[10.0], [1.0], [2.0], [3.0]]
    assert bills(net, Demand(rate=1.0), start=eve) == pytest.approx([10.0 + 3.0])
    assert bills(net, Demand(rate=1.0, ratchet=0.5), start=eve) == pytest.approx([10.0 + 5.0])


def test_a_shared_peak_is_lower_and_nobody_loses_by_it():
    """Peaks of 4 and 2 kW at different hours; together 5 kW, borne 4 : 2."""
    net = [[4.0, 1.0], [0.0, 2.0]]
    assert bills(net, Demand(rate=3.0)) == pytest.approx([12.0, 6.0])
    assert bills(net, Demand(rate=3.0), market="mid_market_rate") == pytest.approx([15.0 * 4 / 6, 15.0 * 2 / 6])


def test_the_tariff_of_that_name_has_one():
    community = hand_made([[2.0], [5.0]])
    with_charge = cw.run(Scenario(tariff=DemandCharge()), community=community).bills
    without = cw.run(Scenario(tariff=DemandCharge(charges=())), community=community).bills
    np.testing.assert_allclose(with_charge - without, 5.0 * 8.0)
