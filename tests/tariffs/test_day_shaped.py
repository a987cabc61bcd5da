"""Prices between a least at night and a highest in the evening, with noise that lasts; selling never above buying."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

import commonwatt as cw
from commonwatt.clock import Clock
from commonwatt.errors import ScenarioError
from commonwatt.flow import Community, Streams
from commonwatt.scenario import Scenario
from commonwatt.tariffs.day_shaped import DayShaped


def prices(slots=24, minutes=60, seed=1, **fields):
    clock = Clock(datetime(2025, 6, 2, tzinfo=UTC), timedelta(minutes=minutes), slots)
    community = Community.of(clock, np.ones((slots, 2)), np.zeros((slots, 2)))
    object.__setattr__(community, "streams", Streams(seed))
    found = DayShaped(**fields).prices(community)
    return found.coupling_buy, found.coupling_sell


def test_the_shape_of_the_day_by_hand():
    buy, sell = prices(noise=0.0)
    assert buy[[0, 4, 7, 12, 16, 17, 20, 22, 23]] == pytest.approx(
        [0.15, 0.15, 0.20, 0.25, 0.30, 0.35, 0.35, 0.25, 0.15]
    )
    assert sell[[0, 12, 18]] == pytest.approx([0.05, 0.085, 0.12])


def test_noise_stays_within_the_range_and_lasts():
    buy, sell = prices(slots=24 * 200, noise=0.1, persistence=0.8)
    assert (buy.min(), buy.max(), sell.min(), sell.max()) == pytest.approx((0.15, 0.35, 0.05, 0.12))
    noon = (np.arange(buy.size) % 24 == 12) | (np.arange(buy.size) % 24 == 13)
    plain = np.tile(prices(noise=0.0)[0], 200)
    off = ((buy - plain) / 0.2)[noon].reshape(-1, 2)
    assert off.std() == pytest.approx(0.1, rel=0.15)
    assert np.corrcoef(off.T)[0, 1] == pytest.approx(0.8, abs=0.1)


def test_nobody_is_paid_more_than_buying_costs():
    buy, sell = prices(min_buy=0.05, max_buy=0.10, min_sell=0.02, max_sell=0.30, noise=0.3)
    assert (sell <= buy).all()
    assert (sell == buy).any()


def test_an_hour_has_one_noise_and_another_seed_another_one():
    quarter = prices(slots=96, minutes=15)[0] - prices(slots=96, minutes=15, noise=0.0)[0]
    assert np.ptp(quarter[48:52]) == pytest.approx(0.0, abs=1e-12)
    assert not np.array_equal(prices(seed=1)[0], prices(seed=2)[0])


def test_prices_in_the_wrong_order_are_refused(tmp_path):
    (tmp_path / "a.yaml").write_text("tariff: {kind: day_shaped, min_sell: 0.2}")
    with pytest.raises(ScenarioError, match=r"min_sell = 0.2 \(a least price is at most the highest, 0.12\)"):
        cw.load(tmp_path / "a.yaml")
    assert Scenario.model_validate({"tariff": {"kind": "day_shaped"}}).tariff == DayShaped()
