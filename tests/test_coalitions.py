"""Groups that would leave: every group where there are few members, sampled ones where there are many."""

import math

import numpy as np
import pytest
from tests._communities import hand_made, make_community

import commonwatt as cw
from commonwatt import coalitions
from commonwatt.scenario import Scenario
from commonwatt.tariffs.flat import Flat

TARIFF = Flat(buy=0.30, export_ratio=1 / 3)


def metrics(kind, community, **parts):
    found = cw.run(Scenario(tariff=TARIFF, market={"kind": kind}, **parts), community=community).metrics
    return found["coalition_excess"], found["leaving_coalitions"]


def test_three_homes_by_hand():
    """A wants 3, B wants 1, C has 2. At 0.20 inside, 0.25 to buy, A and C save 0.15 + 0.20 of the 0.40 they could."""
    homes = hand_made([[3.0, 1.0, -2.0]])
    assert metrics("mid_market_rate", homes) == pytest.approx((0.05, 1 / 6))
    assert metrics("core_price", homes) == pytest.approx((0.0, 0.0))


def test_own_meters_know_no_groups():
    assert all(math.isnan(value) for value in metrics("pool_prorata", hand_made([[3.0, 1.0, -2.0]])))


def test_losses_and_fees_are_no_reason_to_leave():
    """Groups count what is paid for, and what they owe counts without the fee."""
    homes = hand_made([[4.0, -2.0]])
    excess, leaving = metrics("mid_market_rate", homes, pool={"efficiency": 0.8, "fee_per_kwh": 0.05})
    assert excess == pytest.approx(-0.16)
    assert leaving == 0.0


@pytest.mark.parametrize("kind", ["mid_market_rate", "shapley", "core_price"])
def test_sampled_groups_are_groups(kind, monkeypatch):
    """The same community by all groups and by sampled ones: no sampled excess is higher than the highest."""
    people = make_community(6, members=7, slots=40, devices=False)
    highest, _ = metrics(kind, people)
    monkeypatch.setattr(coalitions, "MOST", 6)
    sampled, leaving = metrics(kind, people)
    assert sampled <= highest + 1e-12
    assert 0 <= leaving <= 1
    assert np.sign(sampled) == np.sign(highest) or abs(highest) < 1e-9


def test_sampling_stays_affordable():
    """Many members, or many slots for all groups, are sampled; the work is bounded."""
    for members, slots, exact in ((10, 2880, True), (16, 672, True), (16, 2880, False), (17, 4, False)):
        people = make_community(0, members=members, slots=slots, devices=False)
        groups = coalitions.Coalitions(Scenario(tariff=TARIFF, market={"kind": "pool"}).prices(people))
        assert (groups.orders.size == 0) == exact
        assert groups.costs.size * slots <= 2 * coalitions.WORK
