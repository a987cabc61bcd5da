"""What a run costs more than the plan of one that knows what comes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests._communities import TERMS, hand_made, limited, make_community, scenario

from commonwatt.dispatch.community_optimal import CommunityOptimal
from commonwatt.dispatch.member_optimal import MemberOptimal
from commonwatt.dispatch.passive import Passive
from commonwatt.dispatch.self_consumption import SelfConsumption
from commonwatt.flow import Flexibility, Outlook, State
from commonwatt.forecasts.noisy import Noisy
from commonwatt.forecasts.persistence import Persistence
from commonwatt.forecasts.seasonal_naive import SeasonalNaive
from commonwatt.markets.none import NoMarket
from commonwatt.markets.pool import CommunityPool
from commonwatt.optimum.bill import cost
from commonwatt.optimum.problem import build
from commonwatt.optimum.solve import solve
from commonwatt.optimum.upper import Feasible
from commonwatt.run import References, run
from commonwatt.simulate import acted
from commonwatt.tariffs.flat import Flat
from commonwatt.tariffs.time_of_use import TimeOfUse


def one_battery(net_kw, wear=0.0):
    """One member by the hour, with a lossless battery of 4 kWh and 2 kW that begins half full and may be emptied."""
    slots = len(net_kw)
    store = Flexibility.batteries(
        slots, np.array([0]), np.array([4.0]), charge_kw=2.0, discharge_kw=2.0, soc_start=0.5, soc_min=0.0, soc_max=1.0,
        charge_efficiency=1.0, discharge_efficiency=1.0, leakage=0.0,
    )  # fmt: skip
    store = replace(store, wear=np.full(1, wear))
    return hand_made(np.array(net_kw, dtype=float)[:, None], flexibility=store)


def regret(document, community):
    result = run(document.model_copy(update={"regret": True}), community=community)
    return result.metrics["regret"], result


def test_what_a_rule_of_thumb_gives_away_by_hand():
    """Flat price 0.3, feed-in 0.12, 3 kW of PV, then 3 kW of load: the rule stores 2 of 3 kWh and gives 2 back.

    So does foresight; a passive battery keeps its 2 kWh: 0.12 x 3 earned, 0.3 x 3 paid. Storing a kWh instead of
    selling it costs 0.12, and later saves 0.3: 2 x 0.18 given away.
    """
    community = one_battery([-3.0, 3.0])
    tariff = Flat(buy=0.3)
    rule, _ = regret(scenario(dispatch=SelfConsumption(), tariff=tariff), community)
    idle, told = regret(scenario(dispatch=Passive(), tariff=tariff), community)
    assert rule == pytest.approx(0.0, abs=1e-9)
    assert idle == pytest.approx(2 * 0.18)
    assert any("energy left in store counts for 0.3 EUR per kWh" in note for note in told.notes)


def test_draining_a_store_brings_nothing():
    """Energy left over counts at the mean price: 1 kWh taken out at 0.3 is worth just what it saves."""
    community = one_battery([1.0, 1.0])
    tariff = Flat(buy=0.3)
    drained, kept = (regret(scenario(dispatch=d, tariff=tariff), community)[0] for d in (SelfConsumption(), Passive()))
    assert drained == pytest.approx(0.0, abs=1e-9)
    assert kept == pytest.approx(0.0, abs=1e-9)


def test_wear_counts():
    """At a wear of 0.2 per kWh each way storing does not pay: the rule that stores 2 kWh and gives them back does."""
    community = one_battery([-3.0, 3.0], wear=0.2)
    found, result = regret(scenario(dispatch=SelfConsumption(), tariff=Flat(buy=0.3)), community)
    assert result.metrics["degradation_cost"] == pytest.approx(0.8)
    assert found == pytest.approx(2 * (0.2 + 0.2 - 0.18))


@pytest.mark.parametrize("behind", [False, True], ids=["open", "limited"])
@pytest.mark.parametrize("market", [CommunityPool(), NoMarket()], ids=lambda m: m.kind)
def test_nobody_does_better_than_foresight(market, behind):
    community = make_community(6, slots=64)
    community = replace(community, flexibility=community.flexibility.kept(~community.flexibility.obliged))
    community = limited(community, 6) if behind else community
    references, found = References(), {}
    for name, parts in {
        "rule": {"dispatch": SelfConsumption()},
        "alone": {"dispatch": MemberOptimal(stored_value=1.0)},
        "persistence": {"dispatch": CommunityOptimal(prediction=16, commit=8), "forecast": Persistence()},
        "naive": {"dispatch": CommunityOptimal(prediction=16, commit=8), "forecast": SeasonalNaive()},
        "noisy": {"dispatch": CommunityOptimal(prediction=16, commit=8), "forecast": Noisy(around="truth")},
        "sight": {"dispatch": CommunityOptimal(prediction=16, commit=8)},
        "foresight": {"dispatch": CommunityOptimal(stored_value=1.0, curtail=True)},
    }.items():
        document = scenario(market=market, regret=True, **parts)
        found[name] = run(document, community=community, references=references).metrics["regret"]
    assert min(found.values()) >= -1e-6
    assert found.pop("foresight") == pytest.approx(0.0, abs=1e-6)
    assert min(found["rule"], found["persistence"], found["naive"]) > 0.01
    assert len(references._foreseen) == 1, "planned once for all"


def test_who_does_not_ask_is_told_nothing():
    result = run(scenario(), community=make_community(1))
    assert np.isnan(result.metrics["regret"])
    assert result.summary()["metrics"]["regret"] is None


# --- optimum with sharing <= optimum without <= baseline -------------------------------------------------------------


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), tightness=st.floats(0.3, 1.2), lossy=st.booleans())
def test_sharing_is_at_least_as_good_as_not_and_both_as_any_rule(seed, tightness, lossy):
    """On plan objectives, with perfect foresight and stores that end as full as the rule leaves them, behind limits.

    Without leakage, by which a rule's stores fall below the minimum that a plan has to hold.
    """
    community = make_community(seed, members=4, slots=24)
    stores = community.flexibility.kept(~community.flexibility.obliged)
    community = replace(community, flexibility=replace(stores, leakage=np.zeros(stores.devices)))
    community = limited(community, seed, tightness)
    prices = replace(TimeOfUse().prices(community), one_meter=True, pool=TERMS["lossy" if lossy else "lossless"])
    state = State.initial(community)
    for rule in (Passive(), SelfConsumption()):
        done = acted(rule, community, prices, Outlook(community=community, prices=prices), state)
        costs = []
        for p2p in (False, True):
            problem = build(community, prices, state, p2p=p2p, final_kwh=done.level_kwh[-1])
            best = solve(problem).certificate
            ruled = Feasible(
                charge_kwh=done.charge_kwh[:, problem.device], discharge_kwh=done.discharge_kwh[:, problem.device],
                level_kwh=done.level_kwh[:, problem.device], curtailed_kwh=done.curtailed_kwh[:, problem.member],
                unserved_kwh=done.unserved_kwh[:, problem.member],
            )  # fmt: skip
            assert best.lower <= cost(problem, ruled) + 1e-6
            costs.append(best)
        assert costs[1].lower <= costs[0].cost + 1e-9
