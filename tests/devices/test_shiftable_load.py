"""Load that moves within its local day: the energy of each day stays, and nothing moves where nobody plans."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests._communities import bills, column, hand_made, make_community, records

from commonwatt.clock import Clock
from commonwatt.devices.shiftable_load import ShiftableLoad
from commonwatt.dispatch.community_optimal import CommunityOptimal
from commonwatt.dispatch.member_optimal import MemberOptimal
from commonwatt.dispatch.passive import Passive
from commonwatt.dispatch.self_consumption import SelfConsumption
from commonwatt.errors import ScenarioError
from commonwatt.flow import Community, Streams
from commonwatt.markets.pool import CommunityPool
from commonwatt.noun import Array
from commonwatt.run import run
from commonwatt.scenario import Scenario
from commonwatt.tariffs.series import Series
from commonwatt.tariffs.time_of_use import TimeOfUse

BERLIN = ZoneInfo("Europe/Berlin")


def bent(community: Community, **fields: Any) -> Community:
    return ShiftableLoad(**fields).added(community, Streams(0))


def test_by_hand() -> None:
    """1, 2, 1 kWh in three hours before midnight, 3 and 1 after it; a quarter may move."""
    evening = datetime(2025, 6, 2, 21, tzinfo=BERLIN)
    community = bent(hand_made([[1.0], [2.0], [1.0], [3.0], [1.0]], start=evening), share=0.25)
    device = community.flexibility
    assert community.load_kw[:, 0].tolist() == [0.75, 1.5, 0.75, 2.25, 0.75]
    assert device.usual_charge_kw[:, 0].tolist() == [0.25, 0.5, 0.25, 0.75, 0.25]
    assert device.charge_kw[:, 0].tolist() == [0.5, 1.0, 0.5, 1.5, 0.5]
    assert device.level_max_kwh[:, 0].tolist() == [1, 1, 1, 1, 1]
    assert device.level_min_kwh[:, 0].tolist() == [0, 0, 1, 0, 1]
    assert device.drain_kwh[:, 0].tolist() == [0, 0, 0, 1, 0]
    assert device.usual_level_kwh[:, 0].tolist() == [0.25, 0.75, 1.0, 0.75, 1.0]


def test_the_cheapest_hour_takes_what_it_can() -> None:
    """Prices 3, 1, 2: of 1 kWh that may move, 0.75 + 0.25 + 0.5 at most per hour, all runs in the cheap hours."""
    community = bent(hand_made([[1.5], [0.5], [1.0]]), share=0.5)
    tariff = Series(import_prices=(3.0, 1.0, 2.0), export_ratio=0.0)
    kept = records(Scenario(tariff=tariff, dispatch=MemberOptimal()), community)
    # of 0.75 + 0.25 + 0.5 kWh: 0.5 at most in the second hour, 1.0 in the third, none in the first
    np.testing.assert_allclose(column(kept, "charge_kwh")[:, 0], [0.0, 0.5, 1.0], atol=1e-9)


def test_bounds_of_the_community() -> None:
    plain = hand_made([[1.0, 1.0], [2.0, 1.0]])
    bounds = {"flex_min_kwh": np.array([[0.5, 1.0], [1.0, 1.0]]), "flex_max_kwh": np.array([[2.5, 1.0], [2.0, 1.0]])}
    community = bent(replace(plain, series=bounds), share=None)
    assert community.flexibility.owner.tolist() == [0]
    assert community.load_kw.tolist() == [[0.5, 1.0], [1.0, 1.0]]
    assert community.flexibility.charge_kw[:, 0].tolist() == [2.0, 1.0]
    assert community.flexibility.usual_charge_kw[:, 0].tolist() == [0.5, 1.0]
    with pytest.raises(ScenarioError, match=r"load_flexibility\.json\); add the file, or set a share"):
        bent(plain, share=None)
    bounds["flex_min_kwh"] = np.array([[0.5, 1.0], [2.5, 1.0]])
    bounds["flex_max_kwh"] = np.array([[2.5, 1.0], [3.0, 1.0]])
    with pytest.raises(ScenarioError, match=r"load of member_1: 2 kWh in slot 1 is not from 2\.5 to 3"):
        bent(replace(plain, series=bounds), share=None)


def test_only_those_named() -> None:
    community = bent(make_community(1, devices=False), members=("m3", "m1"))
    assert community.flexibility.owner.tolist() == [1, 3]
    with pytest.raises(ScenarioError, match=r"shiftable_load\.members: nobody is called nobody"):
        bent(make_community(1), members=("nobody",))


def days_of(community: Community) -> Array:
    """Number of the local day of every slot. (T,)"""
    return np.unique(community.clock.date, return_inverse=True)[1]


DISPATCHES = [Passive(), SelfConsumption(), MemberOptimal(), CommunityOptimal()]


@st.composite
def streets(draw: Any) -> Community:
    """Around a change of the clock: days of 23, 24 and 25 hours, cut at both ends of the run."""
    day = draw(st.sampled_from([datetime(2025, 3, 29, tzinfo=BERLIN), datetime(2025, 10, 25, tzinfo=BERLIN)]))
    clock = Clock(day + timedelta(hours=draw(st.integers(0, 23))), timedelta(minutes=draw(st.sampled_from([15, 60]))),
                  draw(st.integers(1, 120)), "Europe/Berlin")  # fmt: skip
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (clock.slots, 2)
    load, pv = (rng.gamma(1.0, 1.0, shape) * (rng.random(shape) < 0.8) for _ in range(2))
    return replace(Community.of(clock, load, pv), signals={"import_price": rng.uniform(0.1, 0.4, clock.slots)})


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(streets(), st.sampled_from(DISPATCHES), st.sampled_from([0.1, 0.5, 1.0]))
def test_the_energy_of_every_local_day_is_kept(community: Community, dispatch: Any, share: float) -> None:
    bending = bent(community, share=share)
    kept = records(Scenario(tariff=Series(), dispatch=dispatch, market=CommunityPool()), bending)
    drawn, day = bending.load_kwh.copy(), days_of(community)
    drawn[:, bending.flexibility.owner] += column(kept, "charge_kwh")
    for k in range(day.max() + 1):
        now = day == k
        np.testing.assert_allclose(drawn[now].sum(axis=0), community.load_kwh[now].sum(axis=0), rtol=0, atol=1e-6)
    most = (1 + share) * community.load_kwh + 1e-6
    assert (drawn <= most).all()
    assert (drawn >= (1 - share) * community.load_kwh - 1e-6).all()


@pytest.mark.parametrize("market", [CommunityPool(), Scenario().market], ids=["pool", "none"])
def test_where_nobody_plans_nothing_changes(market: Any) -> None:
    """To the last bit of rounding: flows, bills, what the load alone would cost, and every index of it."""
    community = make_community(3)
    document = Scenario(tariff=TimeOfUse(), market=market, dispatch=Passive())
    plain, bending = (run(document, community=c) for c in (community, bent(community, share=0.7)))
    before, after = (bills(records(document, c)) for c in (community, bent(community, share=0.7)))
    np.testing.assert_allclose(before, after, rtol=0, atol=1e-12)
    np.testing.assert_allclose(plain.facts.gross_bill, bending.facts.gross_bill, rtol=1e-13)
    for name, value in plain.metrics.items():
        assert bending.metrics[name] == pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True), name
