"""What holds for any community, any price and any fleet: found by drawing many."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests._communities import bills, column, make_devices, make_sessions, records

from commonwatt.accounts import Account
from commonwatt.clock import Clock
from commonwatt.dispatch.passive import Passive
from commonwatt.dispatch.self_consumption import SelfConsumption
from commonwatt.flow import Community, Flexibility, Pool, Prices, Sessions, State
from commonwatt.markets import Market
from commonwatt.markets.bill_sharing import BillSharing
from commonwatt.markets.core_price import CorePrice
from commonwatt.markets.least_core import LeastCore
from commonwatt.markets.marginal_cost import MarginalCost
from commonwatt.markets.mid_market_rate import MidMarketRate
from commonwatt.markets.none import NoMarket
from commonwatt.markets.nucleolus import Nucleolus
from commonwatt.markets.pool import CommunityPool
from commonwatt.markets.pool_prorata import PoolProrata
from commonwatt.markets.saving_weights import SavingWeights
from commonwatt.markets.shapley import Shapley
from commonwatt.markets.supply_demand_ratio import SupplyDemandRatio
from commonwatt.metrics._indices import cov, gini, jain
from commonwatt.noun import Array
from commonwatt.run import run
from commonwatt.scenario import Scenario
from commonwatt.tariffs.series import Series

MANY = settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])
SOME = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
MARKETS: list[Market] = [
    NoMarket(),
    MidMarketRate(),
    MidMarketRate(weigh="gross", price="balance"),
    SupplyDemandRatio(),
    SupplyDemandRatio(compensation=0.05),
    BillSharing(),
    BillSharing(scope="period", period="day"),
    CorePrice(),
    CommunityPool(spread=0.3),
    CommunityPool(price="signal"),
    PoolProrata(),
    PoolProrata(price="balance", pairs=True),
    Shapley(),
    Nucleolus(period="day"),
    LeastCore(),
    MarginalCost(period="day"),
    SavingWeights(weights="equal"),
]


@st.composite
def clocks(draw: Any) -> Clock:
    start = datetime(2025, 3, 29, draw(st.integers(0, 23)), tzinfo=ZoneInfo("Europe/Berlin"))
    minutes = draw(st.sampled_from([15, 30, 60]))
    return Clock(start, timedelta(minutes=minutes), draw(st.integers(1, 60)), "Europe/Berlin")


@st.composite
def communities(draw: Any, wild_prices: bool = True) -> Community:
    """One to seven members; slots in which nobody needs or makes anything, closed slots, and any kind of price."""
    clock, members = draw(clocks()), draw(st.integers(1, 7))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (clock.slots, members)
    awake = rng.random(shape) < draw(st.sampled_from([0.0, 0.5, 1.0]))
    devices = draw(st.booleans())
    buy, sell = draw(price_tables(shape, rng)) if wild_prices else (np.full(shape, 0.3), np.full(shape, 0.1))
    low, high = sell.mean(axis=1), buy.mean(axis=1)
    return Community(
        clock=clock,
        names=tuple(f"m{n}" for n in range(members)),
        load_kw=rng.gamma(1.0, 2.0, shape) * awake,
        pv_kw=rng.gamma(1.0, 2.0, shape) * (rng.random(shape) < 0.5),
        market_open=rng.random(clock.slots) < draw(st.sampled_from([0.0, 0.7, 1.0])),
        flexibility=make_devices(rng, clock, members) if devices else Flexibility.none(clock.slots),
        series={"import_price": buy, "export_price": sell},
        signals={"community_price": low + rng.random(clock.slots) * (high - low)},
        traits={"wallet_start": rng.normal(0.0, 10.0, members)},
    )


@st.composite
def price_tables(draw: Any, shape: tuple[int, int], rng: np.random.Generator) -> tuple[Array, Array]:
    """Alike or by member, positive or not, sometimes the wrong way round."""
    wide = shape if draw(st.booleans()) else (shape[0], 1)
    base = rng.uniform(draw(st.sampled_from([-0.3, 0.0, 0.1])), 0.5, wide)
    spread = rng.uniform(draw(st.sampled_from([-0.3, 0.0, 0.05])), 0.3, wide)
    if draw(st.booleans()):
        spread = np.where(rng.random(wide) < 0.2, 0.0, spread)
    return np.broadcast_to(base, shape).copy(), np.broadcast_to(base - spread, shape).copy()


POOLS = st.sampled_from([Pool(), Pool(efficiency=0.9, fee_per_kwh=0.01), Pool(efficiency=0.5, fee_payee="fund")])
DISPATCHES = st.sampled_from([Passive(), SelfConsumption()])


def document(market: Market, dispatch: Any, pool: Pool, fixed: float = 0.0) -> Scenario:
    return Scenario(tariff=Series(fixed_per_day=fixed), dispatch=dispatch, market=market, pool=pool)


@MANY
@given(communities(), st.sampled_from(MARKETS), DISPATCHES, POOLS, st.sampled_from([0.0, 0.6]))
def test_an_audited_run_never_raises(
    community: Community, market: Market, dispatch: Any, pool: Pool, fixed: float
) -> None:
    result = run(document(market, dispatch, pool, fixed), community=community)
    assert result.verdict.holds
    assert np.isfinite(result.bills).all()
    assert not any(math.isinf(value) for value in result.metrics.values())


@MANY
@given(communities(), st.sampled_from(MARKETS), DISPATCHES, POOLS)
def test_energy_is_conserved(community: Community, market: Market, dispatch: Any, pool: Pool) -> None:
    """Added up here from the columns alone, over members and time."""
    kept = records(document(market, dispatch, pool), community)
    get = {name: column(kept, name) for name in kept[0].columns}
    need = (community.load_kw - community.pv_kw).sum() * community.clock.hours
    stored = get["charge_kwh"].sum() - get["discharge_kwh"].sum()
    assert abs(get["import_kwh"].sum() - get["export_kwh"].sum() - need - stored) < 1e-9 * (1 + abs(need))
    bought, sold = get["bought_kwh"].sum(axis=1), get["sold_kwh"].sum(axis=1)
    assert (get["bought_kwh"] <= get["import_kwh"] + 1e-12).all()
    assert (get["sold_kwh"] <= get["export_kwh"] + 1e-12).all()
    if market.promise.world == "own_meters":
        np.testing.assert_allclose(bought, pool.efficiency * sold, rtol=0, atol=1e-12)
    device = community.flexibility
    level = device.level_start_kwh.copy()
    for t in range(community.shape[0]):
        level = level * (1 - device.leakage) - device.drain_kwh[t]
        level = level + get["charge_kwh"][t] * device.charge_efficiency[t]
        level = level - get["discharge_kwh"][t] / device.discharge_efficiency
        np.testing.assert_allclose(get["level_kwh"][t], level, rtol=0, atol=1e-11)


@MANY
@given(communities(), st.sampled_from(MARKETS), DISPATCHES, POOLS, st.sampled_from([0.0, 0.6]))
def test_money_is_conserved(community: Community, market: Market, dispatch: Any, pool: Pool, fixed: float) -> None:
    """What members no longer have, accounts have; and the retailer has what the meters say."""
    scenario = document(market, dispatch, pool, fixed)
    prices = scenario.prices(community)
    kept = records(scenario, community, prices)
    wallet, till = column(kept, "wallet_money")[-1], column(kept, "till_money")[-1]
    turnover = 1 + abs(bills(kept)).sum()
    assert abs(wallet.sum() + till.sum() - community.traits["wallet_start"].sum()) < 1e-11 * turnover
    np.testing.assert_allclose(community.traits["wallet_start"] - wallet, bills(kept).sum(axis=0), rtol=0, atol=1e-9)
    assert abs(till[Account.RETAILER.column] - grid_money(kept, prices, market, pool)) < 1e-11 * turnover


def grid_money(kept: Any, prices: Prices, market: Market, pool: Pool) -> float:
    """What the grid charges: members' own meters, and the coupling point where there is one."""
    get = {name: column(kept, name) for name in kept[0].columns}
    own = (get["import_kwh"] - get["bought_kwh"]) * prices.buy - (get["export_kwh"] - get["sold_kwh"]) * prices.sell
    if market.promise.world == "own_meters":
        return float(own.sum())
    bought, sold = get["bought_kwh"].sum(axis=1), get["sold_kwh"].sum(axis=1)
    inside = np.minimum(bought, pool.efficiency * sold)
    joint = (bought - inside) * prices.coupling_buy - (sold - inside / pool.efficiency) * prices.coupling_sell
    return float(own.sum() + joint.sum())


@SOME
@given(communities(wild_prices=False), st.sampled_from(MARKETS), DISPATCHES)
def test_nobody_loses_where_that_is_promised(community: Community, market: Market, dispatch: Any) -> None:
    assume(market.promise.rational)
    alone = bills(records(document(NoMarket(), dispatch, Pool()), community))
    over = bills(records(document(market, dispatch, Pool()), community)) - alone
    assert ((over if market.promise.scope == "slot" else over.sum(axis=0)) <= 1e-10).all()


@SOME
@given(communities(wild_prices=False), DISPATCHES)
def test_balanced_rules_of_one_meter_share_the_same_total(community: Community, dispatch: Any) -> None:
    rules = [m for m in MARKETS if m.promise.world == "one_meter" and m.promise.balanced]
    sums = [bills(records(document(market, dispatch, Pool()), community)).sum() for market in rules]
    np.testing.assert_allclose(sums, sums[0], rtol=0, atol=1e-9)


@SOME
@given(communities(), st.sampled_from(MARKETS), DISPATCHES, POOLS, st.integers(1, 59))
def test_cutting_time_changes_no_bit(community: Community, market: Market, dispatch: Any, pool: Pool, cut: int) -> None:
    whole = records(document(market, dispatch, pool, 0.6), community)
    parts = records(document(market, dispatch, pool, 0.6), community, cut=cut)
    for name in whole[0].columns:
        assert np.array_equal(column(whole, name), column(parts, name)), name


# --- devices ---------------------------------------------------------------------------------------------------------


def fleet(draw: Any) -> tuple[Clock, Sessions, Flexibility]:
    clock = draw(clocks())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sessions = make_sessions(rng, clock.slots, draw(st.integers(1, 8)), draw(st.integers(0, 12)))
    if draw(st.booleans()):  # some are there before the run begins
        sessions = replace(sessions, arrival=sessions.arrival - 10.0)
    return clock, sessions, Flexibility.vehicles(clock, sessions)


@MANY
@given(st.data())
def test_vehicles_are_envelopes_that_charging_on_arrival_can_keep(data: Any) -> None:
    clock, sessions, device = fleet(data.draw)
    assert (device.level_min_kwh <= device.level_max_kwh + 1e-9).all()
    assert (device.usual_charge_kw <= device.charge_kw + 1e-12).all()
    assert (device.charge_kw <= sessions.power_kw.max(initial=0.0)).all()
    assert device.obliged.all()
    away = device.charge_kw == 0
    assert not device.discharge_kw[away & (device.level_max_kwh == 0)].any()
    idle = np.zeros((clock.slots, 8))
    community = replace(Community.of(clock, idle, idle), flexibility=device)
    for dispatch in (Passive(), SelfConsumption()):
        kept = records(Scenario(dispatch=dispatch), community)
        assert column(kept, "shortfall_kwh").max(initial=0.0) < 1e-9
        level = column(kept, "level_kwh")
        assert (level <= device.level_max_kwh + 1e-9).all()
        assert (level >= -1e-9).all()


def test_a_session_by_hand() -> None:
    """Arrives at slot 1.5, leaves at 4.25, 4 kW, hours: 2 + 4 + 4 + 1 = 11 kWh possible, 7 wanted by departure."""
    clock = Clock(datetime(2025, 6, 2, tzinfo=ZoneInfo("UTC")), timedelta(hours=1), 6)
    one = np.ones(1)
    sessions = Sessions(
        member=np.array([2]), arrival=1.5 * one, departure=4.25 * one,
        energy_kwh=7 * one, power_kw=4 * one, v2g_kw=0 * one,
    )  # fmt: skip
    device = Flexibility.vehicles(clock, sessions)
    assert device.owner.tolist() == [2]
    assert device.charge_kw[:, 0].tolist() == [0, 2, 4, 4, 1, 0]
    assert device.usual_charge_kw[:, 0].tolist() == [0, 2, 4, 1, 0, 0]
    assert device.level_min_kwh[:, 0].tolist() == [0, 0, 0, 0, 7, 0]
    assert device.level_max_kwh[:, 0].tolist() == [0, 7, 7, 7, 7, 0]
    assert device.drain_kwh[:, 0].tolist() == [0, 0, 0, 0, 0, 7]
    greedy = replace(sessions, energy_kwh=50 * one)
    assert greedy.served(1.0).tolist() == [11.0]
    assert Flexibility.vehicles(clock, greedy).level_min_kwh[4, 0] == 11.0


@MANY
@given(communities())
def test_self_consumption_stays_within_its_envelope_and_keeps_up(community: Community) -> None:
    device, hours = community.flexibility, community.clock.hours
    kept = records(Scenario(dispatch=SelfConsumption()), community)
    usual = records(Scenario(dispatch=Passive()), community)
    charge, discharge, level = (column(kept, name) for name in ("charge_kwh", "discharge_kwh", "level_kwh"))
    assert (charge <= device.charge_kw * hours + 1e-9).all()
    assert (discharge <= device.discharge_kw * hours + 1e-9).all()
    assert (np.minimum(charge, discharge) <= 0).all()
    assert (level <= device.level_max_kwh + 1e-9).all()
    assert (level >= device.level_min_kwh - 1e-9)[discharge > 0].all()
    assert not discharge[:, device.obliged].any()
    behind = column(usual, "level_kwh") - level
    assert (behind[:, device.obliged] <= 1e-9).all()


@MANY
@given(communities())
def test_self_consumption_never_imports_to_store_nor_exports_what_it_stored(community: Community) -> None:
    kept = records(Scenario(dispatch=SelfConsumption()), community)
    device = community.flexibility
    free = ~device.obliged
    bought = np.zeros(community.shape, np.bool_)
    sold = np.zeros(community.shape, np.bool_)
    for k in np.flatnonzero(free):
        bought[:, device.owner[k]] |= column(kept, "charge_kwh")[:, k] > 1e-9
        sold[:, device.owner[k]] |= column(kept, "discharge_kwh")[:, k] > 1e-9
    assert (column(kept, "import_kwh")[bought] < 1e-9).all()
    assert (column(kept, "export_kwh")[sold] < 1e-9).all()


def plain_self_consumption(community: Community) -> tuple[Array, Array]:
    """The rule in plain words, slot by slot and member by member."""
    device = community.flexibility
    charge = np.zeros((community.shape[0], device.devices))
    discharge = np.zeros_like(charge)
    level = State.initial(community).level_kwh
    for t in range(community.shape[0]):
        left = level * (1 - device.leakage) - device.drain_kwh[t]
        for n in range(community.shape[1]):
            _member(community, t, n, left, charge, discharge)
        level = left + charge[t] * device.charge_efficiency[t] - discharge[t] / device.discharge_efficiency
    return charge, discharge


def _member(community: Community, t: int, n: int, left: Array, charge: Array, discharge: Array) -> None:
    """What must charge does; what is over or lacking then is shared among the member's devices."""
    device, hours = community.flexibility, community.clock.hours
    mine = [k for k in range(device.devices) if device.owner[k] == n]
    surplus = float(community.pv_kw[t, n] - community.load_kw[t, n]) * hours
    for k in mine:
        if device.obliged[k]:
            behind = (device.usual_level_kwh[t, k] - left[k]) / device.charge_efficiency[t, k]
            charge[t, k] = max(0.0, min(device.usual_charge_kw[t, k] * hours, behind))
            surplus -= charge[t, k]
    able = {k: _able(community, t, k, surplus > 0, left[k], charge[t, k]) for k in mine}
    whole = sum(able.values())
    moved = charge if surplus > 0 else discharge
    for k in mine if whole > 0 else []:
        moved[t, k] += able[k] * min(1.0, abs(surplus) / whole)


def _able(community: Community, t: int, k: int, surplus: bool, level: float, charged: float) -> float:
    """What a device can still take, or give."""
    device, hours = community.flexibility, community.clock.hours
    if surplus:
        room = (device.level_max_kwh[t, k] - level) / device.charge_efficiency[t, k] - charged
        return max(0.0, min(room, device.charge_kw[t, k] * hours - charged))
    if device.obliged[k]:
        return 0.0
    spare = (level - device.level_min_kwh[t, k]) * device.discharge_efficiency[k]
    return max(0.0, min(spare, device.discharge_kw[t, k] * hours))


@MANY
@given(communities())
def test_self_consumption_equals_the_rule_in_plain_words(community: Community) -> None:
    charge, discharge = plain_self_consumption(community)
    kept = records(Scenario(dispatch=SelfConsumption()), community)
    np.testing.assert_allclose(column(kept, "charge_kwh"), charge, rtol=0, atol=1e-9)
    np.testing.assert_allclose(column(kept, "discharge_kwh"), discharge, rtol=0, atol=1e-9)


# --- indices ---------------------------------------------------------------------------------------------------------

POSITIVE = arrays(np.float64, st.integers(1, 30), elements=st.floats(0.0, 1e6, allow_subnormal=False))
ANY = arrays(np.float64, st.integers(1, 30), elements=st.floats(-1e6, 1e6, allow_subnormal=False))


@MANY
@given(POSITIVE, st.floats(0.01, 100.0))
def test_indices_are_bounded_and_know_no_unit(x: Array, factor: float) -> None:
    x = np.where(x < 1e-3, 0.0, x)
    assert 1 / x.size - 1e-12 <= jain(x) <= 1 + 1e-12
    if x.sum() == 0:
        assert math.isnan(gini(x))
        assert math.isnan(cov(x))
        assert jain(x) == 1
        return
    assert -1e-12 <= gini(x) <= 1 - 1 / x.size + 1e-12
    assert 0 <= cov(x) <= (x.size - 1) ** 0.5 + 1e-9
    for index in (gini, cov, jain):
        assert math.isclose(index(factor * x), index(x), rel_tol=1e-9, abs_tol=1e-9)
        assert math.isclose(index(x[::-1].copy()), index(x), rel_tol=1e-9, abs_tol=1e-9)
    assert math.isclose(jain(x), 1 / (1 + cov(x) ** 2), rel_tol=1e-9)


@MANY
@given(ANY)
def test_indices_refuse_what_has_no_meaning(x: Array) -> None:
    if x.min() < 0:
        assert math.isnan(gini(x))
        assert math.isnan(jain(x))
    if x.min() < 0 < x.max():
        assert math.isnan(cov(x))


@MANY
@given(POSITIVE)
def test_gini_is_half_the_relative_mean_difference(x: Array) -> None:
    assume(x.sum() > 1e-3)
    differences = np.abs(x[:, None] - x[None, :]).sum()
    assert math.isclose(gini(x), differences / (2 * x.size * x.sum()), rel_tol=1e-9, abs_tol=1e-12)


def test_indices_by_hand() -> None:
    assert gini(np.array([0.0, 0.0, 0.0, 1.0])) == 0.75
    assert gini(np.array([1.0, 2.0, 3.0])) == 8 / 36
    assert jain(np.array([1.0, 0.0, 0.0, 0.0])) == 0.25
    assert jain(np.array([1.0, 2.0, 3.0])) == 36 / 42
    assert cov(np.array([1.0, 3.0])) == 0.5
    assert cov(np.array([-1.0, -3.0])) == 0.5
    assert all(math.isnan(index(np.empty(0))) for index in (gini, jain, cov))
    for crossing in ([-5.0, 0.0, 0.0, 5.1], [-1.0, 0.0, 0.0, 5.0]):
        assert all(math.isnan(index(np.array(crossing))) for index in (gini, jain, cov))
