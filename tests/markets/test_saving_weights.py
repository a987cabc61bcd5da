"""The saving by weights, by hand: three homes, one of which stays out."""

import numpy as np
import pytest
from tests._communities import hand_made

import commonwatt as cw
from commonwatt.errors import ScenarioError
from commonwatt.markets.saving_weights import SavingWeights
from commonwatt.scenario import Scenario
from commonwatt.tariffs.flat import Flat

NET = [[3.0, 1.0, -2.0, 0.0]]
"""Short by 2 kWh. Alone 0.90, 0.30, -0.20; together 0.60, so 0.40 are saved; the fourth has nothing to do with it."""


def savings(weights, community=None):
    scenario = Scenario(tariff=Flat(buy=0.30, export_ratio=1 / 3), market=SavingWeights(weights=weights))
    return cw.run(scenario, community=community or hand_made(NET)).savings


def test_by_heads():
    assert savings("equal") == pytest.approx([0.4 / 3, 0.4 / 3, 0.4 / 3, 0.0])


def test_by_energy_exchanged():
    """2 kWh change hands: 1.5 to the first, 0.5 to the second, 2 from the third."""
    assert savings("traded") == pytest.approx([0.4 * 1.5 / 4, 0.4 * 0.5 / 4, 0.4 * 2 / 4, 0.0])


@pytest.mark.parametrize("trait", ["investment", "pv_kwp"])
def test_by_investment(trait):
    """The fourth has invested too, but nothing went through the pool for it."""
    homes = hand_made(NET, traits={trait: np.array([0.0, 1000.0, 3000.0, 500.0])})
    assert savings("investment", homes) == pytest.approx([0.0, 0.1, 0.3, 0.0])


def test_where_nobody_invested_heads_count():
    homes = hand_made(NET, traits={"investment": np.zeros(4)})
    assert savings("investment", homes) == pytest.approx(savings("equal"))


@pytest.mark.parametrize(
    ("traits", "said"),
    [
        ({}, "no trait investment.*add a column investment"),
        ({"investment": np.array([1.0, -2.0, 0, 0])}, "invested -2"),
    ],
)
def test_what_cannot_be_shared_by_is_refused(traits, said):
    with pytest.raises(ScenarioError, match=said):
        savings("investment", hand_made(NET, traits=traits))
