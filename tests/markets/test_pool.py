"""The pool by hand: matched energy at the community's price, the rest at the grid's for the long side."""

import pytest
from tests._communities import hand_made

import commonwatt as cw
from commonwatt.errors import ScenarioError
from commonwatt.markets.pool import CommunityPool
from commonwatt.scenario import Scenario
from commonwatt.tariffs.series import Series

HOMES = hand_made([[4.0, -2.0]])
"""One hour: 2 kWh are matched, 2 kWh come from the grid."""


def run(market, inner=None, **parts):
    """The grid charges 0.30 and pays 0.10; `inner` is the tariff's own community price."""
    prices = {"import_prices": (0.30,), "export_prices": (0.10,), "community_prices": inner and (inner,)}
    return cw.run(Scenario(tariff=Series(**prices), market=market, **parts), community=HOMES)


@pytest.mark.parametrize(("spread", "inner"), [(0.0, 0.10), (0.25, 0.15), (0.5, 0.20), (1.0, 0.30)])
def test_the_spread_lies_between_the_grids_prices(spread, inner):
    found = run(CommunityPool(spread=spread))
    assert found.bills == pytest.approx([2 * inner + 2 * 0.30, -2 * inner])
    assert found.metrics["operator_result"] == pytest.approx(0.0)


def test_the_price_may_come_from_the_tariff():
    assert run(CommunityPool(price="signal"), inner=0.12).bills == pytest.approx([2 * 0.12 + 2 * 0.30, -2 * 0.12])


@pytest.mark.parametrize(("inner", "said"), [(None, "gives no community price"), (0.35, "lies outside 0.1 to 0.3")])
def test_a_price_that_cannot_be_is_refused(inner, said):
    with pytest.raises(ScenarioError, match=said):
        run(CommunityPool(price="signal"), inner=inner)


def test_both_sides_are_paid_on_what_arrives():
    """Of 2 kWh sent 1.8 arrive; the buyer takes 2.2 from the grid."""
    found = run(CommunityPool(), pool={"efficiency": 0.9})
    assert found.bills == pytest.approx([1.8 * 0.20 + 2.2 * 0.30, -1.8 * 0.20])
