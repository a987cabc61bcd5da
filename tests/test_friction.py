"""Trading friction: fees per kWh and per trade, a least trade that the grid takes over, prices as data."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import commonwatt as cw
from commonwatt.connection import Connection
from commonwatt.errors import ScenarioError
from commonwatt.record import Record
from commonwatt.run import auditor
from commonwatt.scenario import Scenario
from commonwatt.simulate import simulate
from commonwatt.zones import Zone, zoned

BUY, SELL = 0.30, 0.10
MIDDLE = 0.5 * (BUY + SELL)
TARIFF = {"kind": "flat", "buy": BUY, "export_ratio": SELL / BUY}
PAIRED = ["pool_prorata", "pairwise_midpoint", "pay_as_bid", "uniform_price", "continuous_double_auction"]


def community(net, **connection):
    """Members in columns, an hour in each row: above 0 what is needed, below what is spare. [kWh]"""
    net = np.array(net, dtype=float)
    clock = cw.Clock(datetime(2025, 6, 2, tzinfo=UTC), timedelta(hours=1), len(net))
    homes = cw.Community.of(clock, np.maximum(net, 0.0), np.maximum(-net, 0.0))
    return replace(homes, connection=Connection(**{name: np.array(cap) for name, cap in connection.items()}))


def scenario(market="pool_prorata", **pool):
    return Scenario.model_validate({"tariff": TARIFF, "market": {"kind": market}, "pool": pool})


def windows(homes, **options):
    return list(simulate(scenario(**options), homes))


def cleared(homes, **options):
    (window,) = windows(homes, **options)
    return window


def pairs(window):
    trades = window.clearing.trades
    return [
        (int(b), int(s), round(float(k), 12)) for b, s, k in zip(trades.buyer, trades.seller, trades.kwh, strict=True)
    ]


# --- a case by hand ---------------------------------------------------------------------------------------------------

STREET = [[2.0, 1.05, -2.0, -1.0]]
"""Two need 3.05, two have 3: matched in proportion to need 1.967 and 1.033, from 2 and 1."""


def test_north_west_corner_by_hand():
    """Buyers in their order are filled from sellers in theirs: 1.967 from C, then C's last 0.033 and D's 1 to B."""
    a = 2.0 * 3.0 / 3.05
    window = cleared(community(STREET), fee_per_trade=0.001)
    assert pairs(window) == [(0, 2, round(a, 12)), (1, 2, round(2.0 - a, 12)), (1, 3, 1.0)]


def test_a_trade_below_the_least_is_settled_with_the_grid():
    """The 0.033 kWh from C to B go to the grid and come from it: 0.20 lost per kWh, half by each."""
    homes, a = community(STREET), 2.0 * 3.0 / 3.05
    free, least = cleared(homes), cleared(homes, min_trade_kwh=0.1)
    assert pairs(least) == [(0, 2, round(a, 12)), (1, 3, 1.0)]
    moved = 2.0 - a
    change = least.bills.total - free.bills.total
    assert change[0] == pytest.approx([0.0, moved * (BUY - MIDDLE), moved * (MIDDLE - SELL), 0.0])
    assert least.clearing.bought_kwh[0] == pytest.approx([a, 1.0, 0.0, 0.0])
    assert least.clearing.sold_kwh[0] == pytest.approx([0.0, 0.0, a, 1.0])
    for name in ("import_kwh", "export_kwh"):
        assert np.array_equal(getattr(least.schedule, name), getattr(free.schedule, name))


def test_fees_by_hand():
    """Half of 0.01 per kWh and half of 0.02 per trade from each side; the operator has it all."""
    homes = community(STREET)
    free, window = cleared(homes, fee_per_trade=1e-12), cleared(homes, fee_per_kwh=0.01, fee_per_trade=0.02)
    times, kwh = np.array([1, 2, 2, 1]), np.array([2.0 * 3.0 / 3.05, 1.05 * 3.0 / 3.05, 2.0, 1.0])
    assert (window.bills.total - free.bills.total)[0] == pytest.approx(0.005 * kwh + 0.01 * times)
    assert window.bills.fees["trade fee>operator"][0] == pytest.approx(0.01 * times)
    assert window.till_money[-1].max() == pytest.approx(0.01 * 3.0 + 0.02 * 3)


def test_the_fee_goes_where_it_should():
    window = cleared(community(STREET), fee_per_trade=0.02, fee_payee="network")
    assert "trade fee>network" in window.bills.fees


def test_the_price_rule_is_data():
    homes = community(STREET)
    for spread in (0.0, 0.25, 1.0):
        document = Scenario.model_validate({
            "tariff": TARIFF, "market": {"kind": "pool_prorata", "spread": spread}, "pool": {"min_trade_kwh": 0.1},
        })  # fmt: skip
        (window,) = simulate(document, homes)
        assert window.clearing.trades.price == pytest.approx(np.full(2, SELL + spread * (BUY - SELL)))
    assert Scenario.model_validate({"market": {"kind": "pool_prorata"}}).market.spread == 0.5


# --- where the grid has no room ---------------------------------------------------------------------------------------


def test_a_small_trade_stays_where_the_grid_takes_no_more():
    """0.02 kWh from B, while the others' 3 kWh from the grid leave less room than that below the import limit."""
    net = [[0.02, -0.02, 3.0]]
    for cap, kept in ((2.98, True), (3.01, True), (3.03, False)):
        homes = community(net, import_cap_kw=[cap])
        document = scenario(min_trade_kwh=0.1)
        run = cw.run(document, community=homes)
        assert (run.metrics["traded"] > 0) == kept, cap
    assert cw.run(document, community=community(net)).metrics["traded"] == 0


def test_a_small_trade_stays_where_the_grid_gives_no_more():
    homes = community([[0.02, -0.02, -3.0]], export_cap_kw=[2.99])
    assert cw.run(scenario(min_trade_kwh=0.1), community=homes).metrics["traded"] == pytest.approx(0.02)


def test_what_is_billed_as_bought_from_the_grid_stays_within_the_limit():
    net = np.random.default_rng(3).normal(0.0, 0.3, (200, 6))
    homes = community(net, import_cap_kw=np.full(200, 0.2), export_cap_kw=np.full(200, 0.2))
    (window,) = windows(homes, min_trade_kwh=0.15)
    taken = (window.schedule.import_kwh - window.clearing.bought_kwh).sum(axis=1)
    given_ = (window.schedule.export_kwh - window.clearing.sold_kwh).sum(axis=1)
    assert taken.max() <= 0.2 + 1e-9
    assert given_.max() <= 0.2 + 1e-9
    small = window.clearing.trades.kwh < 0.15 - 1e-9
    assert small.any()
    assert not small.all()


# --- fees that leave nothing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fee", "trades"), [(0.0, True), (0.19, True), (0.2, True), (0.21, False), (0.5, False)])
def test_members_trade_only_if_the_prices_lie_further_apart_than_the_fee(fee, trades):
    run = cw.run(scenario(fee_per_kwh=fee, refuse_losses=True), community=community(STREET))
    assert (run.metrics["traded"] > 0) == trades
    assert run.metrics["losers"] == 0


def test_a_fixed_fee_keeps_small_trades_away():
    """A trade of q kWh brings each side 0.10 q: at 0.005 each, 0.033 kWh do not pay and 1 kWh does."""
    window = cleared(community(STREET), fee_per_trade=0.01, refuse_losses=True)
    assert [kwh for _, _, kwh in pairs(window)] == [pytest.approx(2.0 * 3.0 / 3.05), 1.0]


def test_without_being_asked_nobody_refuses():
    run = cw.run(scenario(fee_per_kwh=0.5), community=community(STREET))
    assert run.metrics["losers"] == 4


# --- always -----------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6), market=st.sampled_from(PAIRED), least=st.sampled_from([0.0, 0.2, 0.6]),
    fee=st.sampled_from([0.0, 0.02, 0.15]), per_trade=st.sampled_from([0.0, 0.02]), refuse=st.booleans(),
    efficiency=st.sampled_from([1.0, 0.93]), cap=st.sampled_from([None, 0.7]),
)  # fmt: skip
def test_nothing_is_lost_and_the_books_close(seed, market, least, fee, per_trade, refuse, efficiency, cap):
    """Whatever the terms: audited, the same energy at every meter, and every kWh is a neighbour's or the grid's."""
    net = np.random.default_rng(seed).normal(0.0, 0.6, (12, 5)).round(2)
    homes = community(net, **({"import_cap_kw": np.full(12, cap)} if cap else {}))
    pool = {"efficiency": efficiency, "fee_per_kwh": fee}
    plain = scenario(market, **pool)
    terms = {"min_trade_kwh": least, "fee_per_trade": per_trade, "refuse_losses": refuse}
    rubbed = scenario(market, **pool, **terms)
    run = cw.run(rubbed, community=homes)
    assert run.verdict.holds
    assert run.metrics["traded"] <= cw.run(plain, community=homes).metrics["traded"] + 1e-9
    if refuse:
        assert run.metrics["losers"] == 0 or market != "pool_prorata"


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10**6), least=st.sampled_from([0.0, 0.2]), per_trade=st.sampled_from([0.0, 0.02]),
    street_fee=st.sampled_from([0.0, 0.03, 0.15]), refuse=st.booleans(),
)  # fmt: skip
def test_zones_bring_their_own_losses_and_fees(seed, least, per_trade, street_fee, refuse):
    """In a street 0.95 arrive at its fee, else 0.9 at the pool's: audited, and nobody loses who refuses."""
    net = np.random.default_rng(seed).normal(0.0, 0.6, (12, 6)).round(2)
    street = Zone(name="street", members=("member_1", "member_2", "member_3"), efficiency=0.95, fee_per_kwh=street_fee)
    homes = zoned(community(net), (street,))
    pool = {"efficiency": 0.9, "fee_per_kwh": 0.02, "fee_per_trade": per_trade}
    document = scenario("pairwise_midpoint", **pool, min_trade_kwh=least, refuse_losses=refuse)
    market = document.market.model_copy(update={"zones": True})
    run = cw.run(document.model_copy(update={"market": market}), community=homes)
    assert run.verdict.holds
    assert run.metrics["losers"] == 0 or not refuse


def test_who_is_in_no_small_trade_keeps_every_bit():
    net = np.random.default_rng(5).normal(0.0, 0.6, (50, 6))
    (plain,), (rubbed,) = windows(community(net), fee_per_trade=1e-9), windows(community(net), min_trade_kwh=0.3)
    gone = {(int(t), int(n)) for row in _dropped(plain, rubbed) for t, n in row}
    assert gone
    same = np.array([[(t, n) not in gone for n in range(6)] for t in range(50)])
    for name in ("bought_kwh", "sold_kwh", "buy_price"):
        one, two = getattr(plain.clearing, name), getattr(rubbed.clearing, name)
        assert np.array_equal(one[same], two[same])


def _dropped(plain, rubbed):
    kept = {tuple(row) for row in _rows(rubbed.clearing.trades)}
    for row in _rows(plain.clearing.trades):
        if tuple(row) not in kept:
            yield (row[0], row[1]), (row[0], row[2])


def _rows(trades):
    return zip(trades.slot.tolist(), trades.buyer.tolist(), trades.seller.tolist(), trades.kwh.tolist(), strict=True)


@pytest.mark.parametrize("market", PAIRED)
def test_cutting_the_horizon_changes_no_bit(market):
    homes = community(np.random.default_rng(6).normal(0.0, 0.6, (30, 5)), import_cap_kw=np.full(30, 0.6))
    document = scenario(market, min_trade_kwh=0.3, fee_per_trade=0.01, refuse_losses=True)
    whole, parts = (
        np.concatenate([window.bills.total for window in simulate(document, homes, cut=cut)]) for cut in (30, 7)
    )
    assert np.array_equal(whole, parts)


@pytest.mark.parametrize("market", ["pool", "mid_market_rate", "mcafee", "vcg"])
@pytest.mark.parametrize("terms", [{"min_trade_kwh": 0.1}, {"fee_per_trade": 0.1}, {"refuse_losses": True}])
def test_markets_without_pairs_say_so(market, terms):
    with pytest.raises(ScenarioError, match="writes no trades between two members") as error:
        cw.run(scenario(market, **terms), community=community(STREET))
    assert "take pool_prorata" in str(error.value)


def test_standing_alone_knows_no_friction():
    run = cw.run(scenario(min_trade_kwh=0.1, fee_per_trade=0.5), community=community(STREET))
    assert run.facts.alone.by_member["bill_money"] == pytest.approx([2 * BUY, 1.05 * BUY, -2 * SELL, -SELL])


# --- what the audit catches -------------------------------------------------------------------------------------------


def judged(document, homes, change):
    """Invariants that a changed record breaks."""
    audit = auditor(document, homes, document.prices(homes))
    (window,) = simulate(document, homes)
    audit.take(change(Record.of(window)))
    return set(audit.verdict().broken)


def unchanged(record):
    return record


def without_trade_fee(record):
    return record.changed("fee_money:trade fee>operator", np.zeros(record.access.shape))


def as_if_free(record):
    """What a clearing without a least trade would have stored."""
    return Record.of(cleared(community(STREET), fee_per_trade=1e-15))


def test_the_audit_counts_trades_again():
    homes, document = community(STREET), scenario(fee_per_trade=0.02)
    assert judged(document, homes, unchanged) == set()
    assert {"M0", "M1"} <= judged(document, homes, without_trade_fee)


def test_the_audit_names_trades_that_are_too_small_or_do_not_pay():
    homes = community(STREET)
    for terms in ({"min_trade_kwh": 0.1}, {"fee_per_trade": 0.01, "refuse_losses": True}):
        document = scenario(**terms)
        assert judged(document, homes, unchanged) == set()
        assert "T7" in judged(document, homes, as_if_free)


def test_the_audit_allows_a_small_trade_without_room_only():
    net = [[0.02, -0.02, 3.0]]
    document = scenario(min_trade_kwh=0.1)
    free = scenario(fee_per_trade=1e-15)
    for cap, holds in ((2.98, True), (3.5, False)):
        homes = community(net, import_cap_kw=[cap])
        (window,) = simulate(free, homes)
        assert ("T7" not in judged(document, homes, lambda _, window=window: Record.of(window))) == holds


def with_nobody(record):
    return replace(record, trades=replace(record.trades, buyer=record.trades.buyer + 7))


def test_the_audit_survives_trades_of_nobody():
    document = scenario(fee_per_trade=0.01, refuse_losses=True)
    assert "T3" in judged(document, community(STREET), with_nobody)
