"""Planning dispatches in the pipeline: order, forecasts, deadlines, references, manifest, audit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests._communities import TERMS, bills, column, make_community, records, reordered, scenario

from commonwatt.audit import Audit
from commonwatt.charges.demand import Demand
from commonwatt.charges.tiers import Tiers
from commonwatt.connection import Connection
from commonwatt.dispatch.community_optimal import CommunityOptimal
from commonwatt.dispatch.member_optimal import MemberOptimal
from commonwatt.dispatch.passive import Passive
from commonwatt.dispatch.self_consumption import SelfConsumption
from commonwatt.errors import ScenarioError
from commonwatt.flow import Account, Charge, Outlook, Prices, State
from commonwatt.forecasts.persistence import Persistence
from commonwatt.markets.none import NoMarket
from commonwatt.markets.pool import CommunityPool
from commonwatt.markets.pool_prorata import PoolProrata
from commonwatt.optimum.bill import cost
from commonwatt.optimum.problem import build
from commonwatt.optimum.solve import solve
from commonwatt.optimum.upper import Feasible
from commonwatt.record import Record
from commonwatt.run import auditor, run
from commonwatt.scenario import load
from commonwatt.simulate import simulate
from commonwatt.store._run import manifest
from commonwatt.studies import benchmark
from commonwatt.tariffs.time_of_use import TimeOfUse

PLANNERS = [MemberOptimal(), CommunityOptimal(), CommunityOptimal(p2p=False), CommunityOptimal(curtail=True)]


@pytest.mark.parametrize("dispatch", PLANNERS, ids=str)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_order_of_members_changes_no_bit_of_any_plan(dispatch, seed):
    community, order = make_community(seed), np.array([3, 1, 5, 0, 4, 2])
    document = scenario(dispatch=dispatch, market=CommunityPool(), pool=TERMS["lossy"])
    mine, theirs = (records(document, c) for c in (community, reordered(community, order)))
    for name in ("charge_kwh", "discharge_kwh", "level_kwh"):
        assert np.array_equal(column(mine, name), column(theirs, name)), name
    np.testing.assert_allclose(bills(mine)[:, order], bills(theirs), rtol=0, atol=1e-11)


def plan_of(problem, charge, discharge, level):
    return Feasible(
        charge_kwh=charge[:, problem.device], discharge_kwh=discharge[:, problem.device],
        level_kwh=level[:, problem.device], curtailed_kwh=np.zeros(problem.shape),
        unserved_kwh=np.zeros(problem.shape),
    )  # fmt: skip


@pytest.mark.parametrize("rule", [Passive(), SelfConsumption()], ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_no_rule_of_thumb_is_cheaper_at_equal_final_levels(rule, seed):
    """B1, with and without sharing; and sharing never costs more than not sharing."""
    community = make_community(seed)
    prices = replace(TimeOfUse().prices(community), one_meter=True, pool=TERMS["lossy"])
    state = State.initial(community)
    done = rule.plan(community, prices, Outlook(community=community, prices=prices), state)
    found = []
    for p2p in (False, True):
        problem = build(community, prices, state, p2p=p2p, final_kwh=done.level_kwh[-1])
        ruled = cost(problem, plan_of(problem, done.charge_kwh, done.discharge_kwh, done.level_kwh))
        found.append(solve(problem).certificate.cost)
        assert found[-1] <= ruled + 1e-9
    assert found[1] <= found[0] + 1e-9


def test_a_wrong_forecast_still_gives_a_plan_that_can_be_carried_out():
    community = make_community(4)
    document = scenario(dispatch=CommunityOptimal(curtail=True), forecast=Persistence(), market=CommunityPool())
    kept = records(document, community)
    assert column(kept, "shortfall_kwh").max() < 1e-9
    assert (column(kept, "curtailed_kwh") <= community.pv_kwh + 1e-12).all()


def test_deadlines_are_met_and_stores_end_as_full_as_they_began():
    community = make_community(5)
    kept = records(scenario(dispatch=CommunityOptimal(), market=CommunityPool()), community)
    device = community.flexibility
    assert column(kept, "shortfall_kwh").max() < 1e-9
    last = column(kept, "level_kwh")[-1]
    assert (last >= device.level_start_kwh - 1e-9)[~device.obliged].all()


def test_standing_alone_is_the_member_with_the_same_settings():
    planner = CommunityOptimal(curtail=True, stored_value=0.5, gap=1e-3)
    assert planner.alone() == MemberOptimal(curtail=True, stored_value=0.5, gap=1e-3)
    assert MemberOptimal().alone() == MemberOptimal()


def test_a_market_that_shares_nothing_is_not_planned_with():
    community = make_community(1)
    alone, joint = (
        records(scenario(dispatch=d, market=NoMarket()), community) for d in (MemberOptimal(), CommunityOptimal())
    )
    assert np.array_equal(column(alone, "level_kwh"), column(joint, "level_kwh"))


class Whim(Charge):
    """A charge that does not say what it will cost."""

    def start(self, columns):
        return np.zeros(columns)

    def add(self, carry, reads):
        return carry

    def amounts(self, carry):
        return carry


def test_a_charge_nobody_can_plan_against_is_named():
    community = make_community(1)
    whim = Whim(period="day", payee=Account.NETWORK, reason="whim")
    prices = replace(Prices.common(0.3, 0.1, community.shape), charges=(whim,))
    with pytest.raises(ScenarioError, match=r"member_optimal: cannot plan against whim"):
        list(simulate(scenario(dispatch=MemberOptimal()), community, prices=prices))


CHARGES = {
    "demand": Demand(rate=0.8, period="month"),
    "netted demand": Demand(rate=0.8, period="day", netted=True),
    "tiers": Tiers(above_kwh=(4.0, 12.0), surcharge=(0.04, 0.10), period="day"),
    "gross tiers": Tiers(above_kwh=(2.0,), surcharge=(0.1,), period="month", netted=False),
}


@pytest.mark.parametrize(("charge", "market"), [
    *((charge, CommunityPool()) for charge in CHARGES), *((charge, NoMarket()) for charge in CHARGES),
    ("demand", PoolProrata()), ("gross tiers", PoolProrata()), ("tiers", PoolProrata()),
])  # fmt: skip
def test_what_a_plan_with_charges_costs_is_what_is_billed(charge, market):
    """Demand charges and tiers of months and days, behind one meter with its losses, and behind own ones."""
    community = make_community(1)
    tariff = TimeOfUse(charges=(CHARGES[charge],))
    document = scenario(dispatch=CommunityOptimal(gap=1e-5), market=market, tariff=tariff, pool=TERMS["lossy"])
    result = run(document, community=community)
    assert result.solver["status"] == "proven"
    planned, billed = result.solver["cost"], result.bills.sum()
    if market.kind == "pool_prorata" and CHARGES[charge].netted:
        assert planned <= billed + 1e-9
    else:
        assert planned == pytest.approx(billed, abs=1e-6)


def test_a_demand_charge_is_planned_for():
    community = make_community(1)
    tariff = TimeOfUse(charges=(Demand(rate=5.0, period="horizon"),))
    bills = [
        run(scenario(dispatch=d, market=CommunityPool(), tariff=tariff), community=community).bills.sum()
        for d in (CommunityOptimal(), SelfConsumption())
    ]
    assert bills[0] < bills[1] - 1.0


def limited(community, **caps):
    return replace(community, connection=Connection(**caps))


@pytest.mark.parametrize("market", [CommunityPool(), NoMarket()], ids=lambda m: m.kind)
def test_limits_are_planned_for(market):
    """All that a plan leaves unserved or throws away is what the connection then cuts; nothing more is cut."""
    community = make_community(3)
    community = replace(community, flexibility=community.flexibility.kept(~community.flexibility.obliged))
    size, (slots, members) = float(community.load_kw.mean()), community.shape
    behind = limited(
        community, import_cap_kw=np.full(slots, 1.2 * members * size), export_cap_kw=np.full(slots, members * size),
        member_import_cap_kw=np.full(members, 4 * size), group=np.array([0, 0, 0, 1, 1, -1]),
        group_names=("north", "south"), group_import_cap_kw=np.full((slots, 2), [2.0 * size, np.inf]),
    )  # fmt: skip
    dispatch = CommunityOptimal(stored_value=1.0)
    document = scenario(dispatch=dispatch, market=market)
    result = run(document, community=behind)
    assert result.solver["status"] == "proven"
    proof = result.plans[0]
    assert proof.limit_price.shape[1] == members + 2
    terms = document.prices(behind)
    solved = solve(dispatch.problem(Outlook(community=behind, prices=terms), State.initial(behind)))
    kept = records(document, behind)
    assert column(kept, "unserved_kwh").sum() == pytest.approx(solved.unserved_kwh.sum(), abs=1e-6)
    assert column(kept, "curtailed_kwh").sum() == pytest.approx(solved.curtailed_kwh.sum(), abs=1e-6)
    np.testing.assert_allclose(column(kept, "level_kwh"), solved.level_kwh, atol=1e-6)
    assert np.abs(proof.limit_price).max() > 0


def test_a_member_for_itself_plans_with_its_own_limit_only():
    community = make_community(3)
    slots, members = community.shape
    caps = {"member_import_cap_kw": np.full(members, 3.0), "import_cap_kw": np.full(slots, 1.0)}
    behind = limited(community, **caps)
    state, prices = State.initial(behind), Prices.common(0.3, 0.1, community.shape)
    found = MemberOptimal().problem(Outlook(community=behind, prices=prices), state)
    assert found.places.inside.sum(axis=1).tolist() == [1] * members
    assert not found.coupled
    joint = CommunityOptimal(p2p=False).problem(Outlook(community=behind, prices=prices), state)
    assert joint.coupled
    assert joint.places.names[-1] == "the coupling point"


# --- what is told ----------------------------------------------------------------------------------------------------


def test_the_proof_stands_in_summary_and_manifest():
    community = make_community(1)
    result = run(scenario(dispatch=CommunityOptimal(), market=CommunityPool()), community=community)
    told = result.summary()["solver"]
    assert told["engine"] == "highs"
    assert told["status"] == "proven"
    assert told["lower"] <= told["cost"]
    assert told["gap"] <= 1e-9
    assert manifest(result)["solver"] == told
    assert run(scenario(), community=community).solver is None


def test_what_a_plan_costs_is_what_is_billed():
    """Under a common tariff, less what nobody plans."""
    community = make_community(1)
    document = scenario(dispatch=CommunityOptimal(), market=CommunityPool(), pool=TERMS["lossy"])
    result = run(document, community=community)
    assert result.solver["cost"] == pytest.approx(result.bills.sum(), abs=1e-9)


@pytest.mark.parametrize(("dispatch", "size", "holds"), [
    (SelfConsumption(), 2e-7, False), (CommunityOptimal(), 2e-7, True), (CommunityOptimal(), 2e-5, False),
], ids=["rule", "planner", "planner, too much"])  # fmt: skip
def test_the_audit_is_as_strict_as_the_dispatch_is_exact(dispatch, size, holds):
    """§7: 1e-9 for a rule, 1e-6 for a solver, of the largest flow."""
    community = make_community(1)
    document = scenario(dispatch=dispatch)
    record = Record.of(next(simulate(document, community, cut=110)))
    audit: Audit = auditor(document, community, document.prices(community))
    audit.take(record.changed("level_kwh", record.columns["level_kwh"] + size))
    assert audit.verdict().holds == holds


# --- S0 --------------------------------------------------------------------------------------------------------------


def test_the_tariff_benchmark_shows_what_optimising_and_sharing_bring():
    """S0: "P2P benefit" is the saving under community_optimal: same tariff, optimal with and without sharing."""
    results = benchmark("tariff_benchmark")
    runs = results.runs
    assert {r.scenario.dispatch.kind for r in runs.values()} == {"self_consumption", "community_optimal"}
    for name, result in runs.items():
        if result.scenario.dispatch.kind == "community_optimal":
            assert result.solver["status"] == "proven", name
            assert result.metrics["saving"] >= -1e-9, name
        if result.scenario.market.kind == "none":
            assert result.metrics["saving"] == pytest.approx(0, abs=1e-9), name
    assert load("tariff_benchmark").base.pool.efficiency == 0.95
