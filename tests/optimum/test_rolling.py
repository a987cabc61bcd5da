"""Planning with a short sight, slot after slot: what is known when, what is carried over, what the truth then does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError
from tests._communities import (
    column,
    disturbed,
    hand_made,
    instances,
    limited,
    make_community,
    records,
    reordered,
    scenario,
)

from commonwatt.beliefs import Beliefs
from commonwatt.charges.demand import Demand
from commonwatt.connection import Connection
from commonwatt.dispatch.community_optimal import CommunityOptimal
from commonwatt.dispatch.member_optimal import MemberOptimal
from commonwatt.errors import InfeasibleError
from commonwatt.flow import Flexibility, Outlook, Prices, Sessions
from commonwatt.forecasts import FORECASTS
from commonwatt.forecasts.perfect import Perfect
from commonwatt.forecasts.persistence import Persistence
from commonwatt.forecasts.seasonal_naive import SeasonalNaive
from commonwatt.markets.pool import CommunityPool
from commonwatt.optimum.highs import Model
from commonwatt.optimum.reuse import Kept
from commonwatt.regulators.incentives import Incentives
from commonwatt.run import run
from commonwatt.simulate import simulate
from commonwatt.tariffs.flat import Flat
from commonwatt.tariffs.time_of_use import TimeOfUse

FLOWS = ("charge_kwh", "discharge_kwh", "level_kwh", "import_kwh", "export_kwh")
BLIND = [pytest.param(plugin, id=label) for label, plugin in instances(FORECASTS) if not plugin.oracle]
PLANNERS = [CommunityOptimal, MemberOptimal]


def rolling(planner=CommunityOptimal, prediction=16, commit=4, **fields):
    return planner(prediction=prediction, commit=commit, **fields)


def one_battery(net_kw, **fields):
    """One member by the hour, with a lossless battery of 4 kWh and 2 kW that begins half full."""
    slots = len(net_kw)
    store = Flexibility.batteries(
        slots, np.array([0]), np.array([4.0]), charge_kw=2.0, discharge_kw=2.0, soc_start=0.5, charge_efficiency=1.0,
        discharge_efficiency=1.0, leakage=0.0,
    )  # fmt: skip
    return hand_made(np.array(net_kw, dtype=float)[:, None], flexibility=store, **fields)


# --- what is known ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("forecast", BLIND)
@pytest.mark.parametrize("planner", PLANNERS)
def test_what_comes_after_a_slot_changes_no_bit_of_what_was_decided_before(planner, forecast):
    if forecast.kind == "gradient_boosting":
        pytest.importorskip("sklearn.ensemble", reason="the extra [forecast] is not installed")
    community, slot = make_community(3, slots=140), 40
    document = scenario(dispatch=rolling(planner, 20, 10), forecast=forecast, market=CommunityPool())
    prices = document.prices(community)
    mine, theirs = (records(document, c, prices) for c in (community, disturbed(community, slot)))
    for name in ("charge_kwh", "discharge_kwh", "level_kwh"):
        assert np.array_equal(column(mine, name)[:slot], column(theirs, name)[:slot]), name
    assert not np.array_equal(column(mine, "level_kwh"), column(theirs, "level_kwh"))


def test_an_oracle_does_see_what_comes():
    community, slot = make_community(3), 60
    document = scenario(dispatch=rolling(), market=CommunityPool())
    prices = document.prices(community)
    mine, theirs = (records(document, c, prices) for c in (community, disturbed(community, slot)))
    assert not np.array_equal(column(mine, "level_kwh")[:slot], column(theirs, "level_kwh")[:slot])


def test_the_sight_ends_where_the_prediction_does():
    """A dear hour five slots ahead is prepared for with a sight of six, not with one of four."""
    community = one_battery([1.0] * 12)
    buy = np.where(np.arange(12) == 6, 0.9, 0.3 - 0.01 * np.arange(12))
    prices = Prices.common(buy, 0.1, community.shape)
    levels = {
        sight: column(records(scenario(dispatch=MemberOptimal(prediction=sight, stored_value=0.0)), community, prices),
                      "level_kwh")[:, 0]
        for sight in (1, 4, 8)
    }  # fmt: skip
    assert levels[1][2] == pytest.approx(0.4), "who sees one slot only spends what the battery has above its minimum"
    assert levels[4][2] == pytest.approx(0.4), "the dear hour comes into sight in slot 3, when all is spent"
    assert levels[8][5] >= 1.4 - 1e-9
    assert levels[8][6] == pytest.approx(levels[8][5] - 1.0)


# --- what is carried over --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("planner", PLANNERS)
def test_a_plan_that_is_committed_whole_is_the_plan_of_the_whole_run(planner):
    community = make_community(1, slots=48)
    whole, once = (
        run(scenario(dispatch=planner(stored_value=1.0, **fields), market=CommunityPool()), community=community)
        for fields in ({}, {"prediction": 48, "commit": 48})
    )
    assert once.solver["plans"] == 1
    assert once.solver["cost"] == pytest.approx(whole.solver["cost"], rel=1e-9)


@pytest.mark.parametrize("dispatch", [CommunityOptimal(), rolling()], ids=["whole", "rolling"])
def test_a_regulator_that_looks_every_slot_makes_no_planner_short_sighted(dispatch):
    """Windows of one slot carry the plan out that was made before, and make no other."""
    community = make_community(2, slots=64)
    plain, watched = (
        list(simulate(scenario(dispatch=dispatch, market=CommunityPool(), **parts), community))
        for parts in ({}, {"regulator": Incentives()})
    )
    assert len(watched) == 64
    made = [window.schedule.clock.first for window in watched if window.schedule.plan]
    assert made == [window.schedule.clock.first for window in plain]
    assert sum(len(window.schedule.plan.proof.energy_price) for window in watched if window.schedule.plan) == 64
    levels = [np.concatenate([w.schedule.level_kwh for w in windows]) for windows in (plain, watched)]
    np.testing.assert_allclose(*levels, rtol=0, atol=1e-9)


def test_a_peak_that_is_reached_already_costs_nothing_again():
    """By hand: 1.6 kWh in store and 3 kW to come, so 0.4 kWh more are charged, and 2 kW of the 3 come out: 1 kW.

    The second time the store is empty, so half of the 3 kW is charged before: 1.5 kW. Nothing is done about the last.
    """
    community = one_battery([0.0, 3.0, 0.0, 0.0, 3.0, 1.4])
    tariff = Flat(buy=0.3, export_ratio=0.0, charges=(Demand(rate=10.0, period="month"),))
    document = scenario(dispatch=MemberOptimal(prediction=2, commit=1, stored_value=1.0), tariff=tariff)
    prices, locked = document.prices(community), []
    for window in simulate(document, community):
        done = window.schedule.clock.first + 1
        if done < 6:
            ahead = Outlook(community=community.window(done, 6), prices=prices.window(done, 6))
            locked += [peak.locked_kw for peak in document.dispatch.problem(ahead, window.state).peaks]
    assert locked == pytest.approx([0.4, 1.0, 1.0, 1.5, 1.5])
    assert window.schedule.import_kwh[0, 0] == pytest.approx(1.4)


def test_energy_left_in_store_has_a_worth_so_that_no_sight_drains_it():
    """Under a flat tariff a stored kWh is worth what it will save: nothing is sold below that."""
    community = one_battery([0.0] * 12)
    for sight in (1, 3, 12):
        kept = records(scenario(dispatch=MemberOptimal(prediction=sight), tariff=Flat(buy=0.3)), community)
        assert column(kept, "level_kwh")[-1, 0] == pytest.approx(2.0)
    drained = scenario(dispatch=MemberOptimal(prediction=3, stored_value=0.0), tariff=Flat(buy=0.3))
    assert column(records(drained, community), "level_kwh")[-1, 0] == pytest.approx(0.4)


def test_the_model_is_changed_in_place_and_renewed_now_and_then(monkeypatch):
    made = []
    monkeypatch.setattr(Kept, "__init__", lambda self, old=Kept.__init__: (made.append(self), old(self))[1])
    community = replace(make_community(1, slots=96), market_open=np.ones(96, bool))
    document = scenario(dispatch=rolling(prediction=8, commit=2), market=CommunityPool())
    list(simulate(document, community))
    assert len(made) == 2, "48 plans, renewed after 24"
    assert [kept.rebuilt for kept in made] == [1, 3 + 1], "once; and where the sight shrinks at the end of the run"


@pytest.mark.parametrize("planner", PLANNERS)
def test_rolling_twice_gives_the_same_bits(planner):
    community = make_community(2, slots=48)
    document = scenario(dispatch=rolling(planner), forecast=SeasonalNaive(), market=CommunityPool())
    mine, again = (records(document, community) for _ in range(2))
    for name in FLOWS:
        assert np.array_equal(column(mine, name), column(again, name)), name


@pytest.mark.parametrize("planner", PLANNERS)
def test_the_order_of_members_changes_no_bit_of_any_step(planner):
    community, order = make_community(1, slots=48), np.array([3, 1, 5, 0, 4, 2])
    document = scenario(dispatch=rolling(planner), forecast=Persistence(), market=CommunityPool())
    mine, theirs = (records(document, c) for c in (community, reordered(community, order)))
    for name in ("charge_kwh", "discharge_kwh", "level_kwh"):
        assert np.array_equal(column(mine, name), column(theirs, name)), name


# --- what the truth does ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("forecast", [Perfect(), Persistence(), SeasonalNaive()], ids=lambda f: f.kind)
@pytest.mark.parametrize("planner", PLANNERS)
def test_limits_hold_whatever_was_believed(planner, forecast):
    """What does not fit is unserved or curtailed, and counted; the audit checks every limit and every kWh."""
    community = limited(make_community(4, slots=64), tightness=0.5)
    dispatch = rolling(planner, fallback="rule")
    kept = records(scenario(dispatch=dispatch, forecast=forecast, market=CommunityPool()), community)
    assert column(kept, "unserved_kwh").sum() + column(kept, "curtailed_kwh").sum() > 0


def test_where_no_plan_keeps_all_limits_the_run_ends_with_their_names_or_the_rule_steps_in():
    """A vehicle behind a limit that does not let in what it must have."""
    community = limited(make_community(4), tightness=0.5)
    document = scenario(dispatch=rolling(MemberOptimal))
    with pytest.raises(InfeasibleError, match=r"import limit of the connection of m1 and the least level of the veh"):
        list(simulate(document, community))
    plans = run(scenario(dispatch=rolling(MemberOptimal, fallback="rule")), community=community).plans
    assert {plan.status for plan in plans} == {"proven", "open (by rule)"}


def test_a_solver_that_breaks_down_on_the_way_is_replaced_for_that_plan(monkeypatch):
    """The rule of thumb's plan, which keeps all limits, is taken, and its certificate says why; others are proven."""
    solved, calls = Model.solved, []

    def fails_twice(self, gap, seconds):
        calls.append(gap)
        if len(calls) in (3, 4):
            raise RuntimeError("out of luck")
        return solved(self, gap, seconds)

    monkeypatch.setattr(Model, "solved", fails_twice)
    community = make_community(1, slots=48)
    document = scenario(dispatch=rolling(), market=CommunityPool())
    plans = [window.schedule.plan for window in simulate(document, community)]
    told = [plan.proof.status for plan in plans]
    assert told[2:4] == ["open (failed (RuntimeError: out of luck))"] * 2
    assert {*told[:2], *told[4:]} == {"proven"}


def test_without_time_the_best_plan_so_far_is_taken_and_the_run_goes_on():
    community = make_community(1, members=40, slots=100)
    dispatch = rolling(prediction=96, commit=50, seconds=1e-6)
    result = run(scenario(dispatch=dispatch, market=CommunityPool()), community=community)
    assert result.verdict.holds
    assert any(plan.cut_short for plan in result.plans)


def test_a_vehicle_that_a_limit_held_back_leaves_with_what_it_has():
    """The forecast saw no load; the limit cuts the charging; no later plan can make the deadline, and all go on."""
    slots = 8
    sessions = Sessions(
        member=np.array([0]), arrival=np.array([0.0]), departure=np.array([5.0]), energy_kwh=np.array([10.0]),
        power_kw=np.array([2.5]), v2g_kw=np.array([0.0]),
    )  # fmt: skip
    bare = hand_made(np.full((slots, 1), 2.0))
    community = replace(
        bare, flexibility=Flexibility.vehicles(bare.clock, sessions),
        connection=Connection(member_import_cap_kw=np.array([3.0])),
    )  # fmt: skip
    document = scenario(dispatch=MemberOptimal(prediction=6), forecast=Persistence())
    result = run(document, community=community)
    assert result.verdict.holds
    short = column(records(document, community), "shortfall_kwh").max()
    assert 1.0 < short <= 10.0


def test_deadlines_are_met_with_a_short_sight():
    community = make_community(5)
    for dispatch in (rolling(prediction=4, commit=1), rolling(MemberOptimal, prediction=4, commit=3)):
        kept = records(scenario(dispatch=dispatch, market=CommunityPool()), community)
        assert column(kept, "shortfall_kwh").max() < 1e-6


# --- what is told ----------------------------------------------------------------------------------------------------


def test_more_cannot_be_committed_than_is_seen():
    with pytest.raises(ValidationError, match="commit = 9 slots of a plan of 8"):
        MemberOptimal(prediction=8, commit=9)


def test_standing_alone_rolls_on_alike():
    assert rolling(curtail=True).alone() == rolling(MemberOptimal, curtail=True)


def test_every_plan_is_proven_and_counted():
    result = run(scenario(dispatch=rolling(), market=CommunityPool()), community=make_community(1))
    assert result.solver["plans"] == len(result.plans) == 28
    assert result.solver["status"] == "proven"
    assert sum(len(plan.energy_price) for plan in result.plans) == 110


def test_errors_of_the_forecast_are_told_by_series_and_lead():
    """By hand: load 1, 2, 3, 4; persistence of a one-slot day always expects the last value."""
    community = hand_made(np.array([[1.0], [2.0], [3.0], [4.0]]), minutes=24 * 60)
    document = scenario(dispatch=MemberOptimal(prediction=2), forecast=Persistence(), tariff=TimeOfUse())
    result = run(document, community=community)
    lead1, lead2 = (row for row in result.beliefs.rows() if row["series"] == "load_kw")
    assert lead1 == {
        "series": "load_kw", "lead_slots": 1, "compared": 4, "mae_kw": 1.0, "rmse_kw": 1.0, "bias_kw": -1.0,
    }  # fmt: skip
    assert lead2["mae_kw"] == pytest.approx(2.0)
    assert lead2["compared"] == 3.0
    told = result.summary()["forecast"]
    assert (told["kind"], told["oracle"]) == ("persistence", False)
    assert told["load_kw"]["bias_kw"] == pytest.approx(-10 / 7)
    assert told["load_kw"]["rmse_kw"] == pytest.approx(np.sqrt(16 / 7))
    assert told["pv_kw"]["mae_kw"] == 0


def test_a_rule_of_thumb_has_no_forecast():
    assert run(scenario(), community=make_community(1)).forecast is None
    assert not Beliefs(make_community(1)).rows()
