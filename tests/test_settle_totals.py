"""Bills without series: the same bits as the pipeline's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from benchmarks.specs.s1_bills import s1_at_rates
from tests._communities import TERMS, make_community, records, totals, variants

from commonwatt.dispatch.self_consumption import SelfConsumption
from commonwatt.errors import ScenarioError
from commonwatt.flow import Community, Prices, Schedule
from commonwatt.markets import MARKETS
from commonwatt.noun import Array, dense, once, spread
from commonwatt.run import References, run
from commonwatt.scenario import Scenario, load
from commonwatt.settlement import bills_at, owed, slot_sums
from commonwatt.simulate import owed_alone, simulate
from commonwatt.tariffs.contract import Contract
from commonwatt.tariffs.time_of_use import TimeOfUse

TARIFFS = [TimeOfUse(), TimeOfUse(fixed_per_day=0.3), Contract()]
MARKET_VARIANTS = variants(MARKETS)


def pipeline(document: Scenario, community: Community, cut: int | None = None) -> Array:
    """What each member owes, from the stored windows."""
    bills: Array = totals(records(document, community, cut=cut)).by_member["bill_money"]
    return bills


def summed(document: Scenario, community: Community, prices: Prices, cut: int | None = None) -> Array:
    """What each member owes, window by window without series."""
    bills = np.zeros(community.shape[1])
    for window in simulate(document, community, prices=prices, cut=cut):
        bills, _ = owed(window.schedule, window.prices, window.clearing, window.before, bills)
    return bills


@pytest.mark.parametrize("terms", TERMS.values(), ids=TERMS)
@pytest.mark.parametrize("tariff", TARIFFS, ids=["time_of_use", "fixed", "contract"])
@pytest.mark.parametrize("market", MARKET_VARIANTS)
def test_bills_without_series_have_the_bits_of_the_pipeline(market: Any, tariff: Any, terms: Any) -> None:
    community = make_community(1)
    document = Scenario(tariff=tariff, dispatch=SelfConsumption(), market=market, pool=terms)
    try:
        expected = pipeline(document, community)
    except ScenarioError as refused:
        pytest.skip(str(refused))
    prices = document.prices(community)
    for cut in (None, 17):
        assert np.array_equal(summed(document, community, prices, cut), expected)
        assert np.array_equal(owed_alone(document, community, prices=prices, cut=cut), expected)


def test_bills_without_series_where_prices_differ_by_member_and_slot() -> None:
    community, rng = make_community(2), np.random.default_rng(3)
    buy = rng.uniform(0.2, 0.4, community.shape)
    for sell in (0.4 * buy, spread(0.07, community.shape)):
        for market in ("none", "pool_prorata"):
            document = Scenario(market=MARKETS[market](), dispatch=SelfConsumption())
            prices = Prices.own(buy, np.array(sell))
            expected = totals(records(document, community, prices)).by_member["bill_money"]
            assert np.array_equal(summed(document, community, prices), expected)


def test_bills_at_rates_are_those_of_the_pipeline() -> None:
    scenarios = list(load("settlement_comparison").scenarios().values())  # type: ignore[union-attr]
    community = scenarios[0].community()
    for bill, document in zip(s1_at_rates(community), scenarios, strict=True):
        np.testing.assert_allclose(bill, pipeline(document, community), rtol=1e-12)


def test_slot_sums_are_sums_over_members() -> None:
    draw, make = (np.random.default_rng(seed).gamma(0.5, 1.0, (40, 7)) for seed in (1, 2))
    found = slot_sums(draw, make)
    wanted = [draw, make, np.maximum(draw - make, 0.0), np.maximum(make - draw, 0.0)]
    for sums, values in zip(found, wanted, strict=True):
        np.testing.assert_allclose(sums, values.sum(axis=1), rtol=1e-12, atol=1e-12)


def test_bills_at_prices_that_change_by_slot() -> None:
    rng = np.random.default_rng(6)
    draw, make = (rng.gamma(0.5, 1.0, (30, 4)) for _ in range(2))
    buy, sell = (rng.uniform(0.1, 0.4, (30, 4)) for _ in range(2))
    rates = np.vstack([np.full((2, 30), 0.2), np.zeros((2, 30))])
    taken, given, is_open = np.maximum(draw - make, 0), np.maximum(make - draw, 0), rng.random(30) < 0.5
    costs, pays = (np.where(is_open[:, None], 0.2, own) for own in (buy, sell))
    expected = (taken * costs - given * pays).sum(axis=0)
    np.testing.assert_allclose(bills_at((draw, make), is_open, (buy, sell), rates), expected, rtol=1e-12)
    one = buy[:, :1].copy(), sell[:1, :1].copy()
    wide = tuple(np.ascontiguousarray(np.broadcast_to(price, draw.shape)) for price in one)
    assert np.array_equal(bills_at((draw, make), is_open, one, rates), bills_at((draw, make), is_open, wide, rates))


def test_a_run_sums_what_stands_alone_beside_it() -> None:
    community = make_community(4)
    document = Scenario(tariff=TimeOfUse(fixed_per_day=0.2), dispatch=SelfConsumption(), market=MARKETS["core_price"]())
    facts = run(document, community=community, cut=31).facts
    kept = References()
    assert np.array_equal(facts.alone.by_member["bill_money"], pipeline(document.alone(), community))
    assert np.array_equal(
        kept.alone(document, community, None).by_member["bill_money"], facts.alone.by_member["bill_money"]
    )
    assert np.array_equal(kept.gross(document, community).by_member["bill_money"], facts.gross_bill)


def test_load_alone_is_what_the_meter_shows_without_pv_and_devices() -> None:
    community = make_community(5)
    schedule = Schedule.of_load(community.clock, community.load_kwh)
    assert np.array_equal(schedule.import_kwh, community.load_kwh)
    assert not schedule.export_kwh.any()


def test_what_repeats_is_kept_once() -> None:
    row, column = np.arange(3.0), np.arange(2.0)[:, None]
    assert once(spread(row, (2, 3))).shape == (1, 3)
    assert once(spread(column, (2, 3))).shape == (2, 3)
    assert once(spread(column, (2, 3)), columns=True).shape == (2, 1)
    assert once(spread(1.5, (2, 3)), columns=True).tolist() == [[1.5]]
    assert dense(np.asfortranarray(np.ones((2, 3)))).flags.c_contiguous


@pytest.mark.parametrize(
    ("value", "shape"),
    [(2.0, (3, 4)), (np.arange(4.0), (3, 4)), (np.arange(3.0)[:, None], (3, 4)), (np.ones((3, 4)), (3, 4)),
     (np.arange(8.0)[::2], (3, 4)), (np.float64(1.0), (5,)), (np.empty(0), (2, 0))],
)  # fmt: skip
def test_spreading_is_broadcasting(value: Any, shape: tuple[int, ...]) -> None:
    found = spread(value, shape)
    assert np.array_equal(found, np.broadcast_to(value, shape))
    assert not found.flags.writeable


def test_spreading_to_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="broadcast"):
        spread(np.arange(3.0), (3, 4))


def test_a_window_asked_for_again_is_the_same() -> None:
    community = make_community(6)
    assert community.window(3, 9) is community.window(3, 9)
    first = community.window(3, 9)
    assert community.window(4, 9) is not first
    changed = replace(community, pv_kw=np.zeros(community.shape))
    assert not changed.window(4, 9).pv_kw.any()
