"""Planning for a market among neighbours: noon stored, sold in the evening, against a forecast that may be wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests._communities import column, hand_made, make_community, records

import commonwatt as cw
from commonwatt.dispatch.local_optimal import LocalOptimal
from commonwatt.dispatch.member_optimal import MemberOptimal
from commonwatt.flow import Community, Flexibility, Outlook, Pool, Prices, State
from commonwatt.scenario import Scenario

NET = [[-4.0, 0.0, 0.5], [-4.0, 0.0, 0.5], [0.5, 0.0, 2.0], [0.5, 0.0, 2.0]]
"""Two hours at noon, two in the evening: A has PV, B only a battery, C a load."""
FLAT = {"kind": "flat", "buy": 0.30, "export_ratio": 1 / 3}


def store(slots: int, *, batteries: int = 1, member: int = 1) -> Flexibility:
    """Batteries of 2 kWh that take and give 1 kW, empty at first, without losses."""
    ones = np.ones(batteries)
    return replace(
        Flexibility.batteries(
            slots, np.full(batteries, member), 2.0 * ones, charge_kw=ones, discharge_kw=ones, soc_start=0.0 * ones,
            charge_efficiency=1.0, discharge_efficiency=1.0, leakage=0.0,
        ),
        level_min_kwh=np.zeros((slots, batteries)), level_max_kwh=np.full((slots, batteries), 2.0),
    )  # fmt: skip


def day(**parts: Any) -> Community:
    return hand_made(NET, flexibility=store(4), **parts)


def scenario(dispatch: str, bidder: str = "truthful", **parts: Any) -> Scenario:
    market = {"kind": "uniform_price", "bidder": {"kind": bidder}}
    return Scenario.model_validate({"tariff": FLAT, "dispatch": {"kind": dispatch}, "market": market, **parts})


# --- a day by hand ---------------------------------------------------------------------------------------------------


def test_noon_is_stored_and_sold_in_the_evening() -> None:
    """B buys 2 kWh at noon for 0.10, the price of too much PV, and sells them in the evening for 0.30: 0.40 a day.

    The rule of thumb leaves the battery empty: there is nothing behind its own meter. Nor does a plan against the
    tariff use it: 0.30 in, 0.10 out.
    """
    planned = cw.run(scenario("local_optimal"), community=day())
    assert planned.bills[1] == pytest.approx(-0.40)
    for other in ("self_consumption", "member_optimal"):
        found = cw.run(scenario(other), community=day())
        assert found.bills[1] == pytest.approx(0.0)
        assert planned.metrics["total_cost"] == pytest.approx(found.metrics["total_cost"] - 0.40)


@pytest.mark.parametrize("market", ["pairwise_midpoint", "pay_as_bid", "mid_market_rate", "pool_prorata"])
@pytest.mark.parametrize("bidder", ["truthful", "urgency"])
def test_it_beats_the_rule_of_thumb_whatever_members_bid(bidder: str, market: str) -> None:
    def bill(dispatch: str) -> float:
        rule: dict[str, Any] = {"kind": market}
        if market in ("pairwise_midpoint", "pay_as_bid"):
            rule["bidder"] = {"kind": bidder}
        return float(cw.run(scenario(dispatch, market=rule), community=day()).metrics["total_cost"])

    assert bill("local_optimal") < bill("self_consumption") - 0.3


def test_losses_and_fee_count_before_anything_is_stored() -> None:
    """With 0.5 arriving, noon costs 0.20 and the evening brings 0.15: nothing is stored. Nor with a fee of 0.10."""
    for pool in ({"efficiency": 0.5}, {"fee_per_kwh": 0.10}):
        kept = records(scenario("local_optimal", pool=pool), day())
        assert not column(kept, "charge_kwh").any()
    assert column(records(scenario("local_optimal", pool={"fee_per_kwh": 0.08}), day()), "charge_kwh").any()


# --- what it counts on -----------------------------------------------------------------------------------------------


def prices(people: Community, pool: Pool | None = None) -> Prices:
    return replace(Prices.common(0.30, 0.10, people.shape), pool=pool or Pool())


def expected(people: Community, pool: Pool | None = None, **fields: Any) -> tuple[list[float], list[float]]:
    found = LocalOptimal(**fields).expected(Outlook(community=people, prices=prices(people, pool)))
    return found.buy[:, 0].round(9).tolist(), found.sell[:, 0].round(9).tolist()


def test_expected_prices_by_hand() -> None:
    assert expected(day()) == ([0.1, 0.1, 0.3, 0.3], [0.1, 0.1, 0.3, 0.3])
    lossy = Pool(efficiency=0.8, fee_per_kwh=0.02)
    assert expected(day(), lossy) == ([0.145, 0.145, 0.3, 0.3], [0.1, 0.1, 0.224, 0.224])


def test_many_devices_do_not_count_on_the_same_energy() -> None:
    """3.5 kWh are left at noon, 2.5 are short in the evening: enough for two batteries, for three only at noon."""
    for count, noon, evening in ((2, 0.1, 0.3), (3, 0.1, 0.1), (4, 0.3, 0.1)):
        people = hand_made(NET, flexibility=store(4, batteries=count))
        buy, sell = expected(people)
        assert (buy[0], sell[3]) == (noon, evening)
        assert expected(people, alike=0.0) == ([0.1, 0.1, 0.3, 0.3], [0.1, 0.1, 0.3, 0.3])


def test_closed_slots_and_odd_prices_are_as_outside() -> None:
    shut = replace(day(), market_open=np.array([False, True, True, False]))
    assert expected(shut) == ([0.3, 0.1, 0.3, 0.3], [0.1, 0.1, 0.3, 0.1])
    odd = replace(prices(day()), sell=np.full((4, 3), 0.4))
    found = LocalOptimal().expected(Outlook(community=day(), prices=odd))
    assert np.array_equal(found.buy, odd.buy)
    assert np.array_equal(found.sell, odd.sell)


def test_without_a_market_it_plans_as_a_member_alone() -> None:
    people = make_community(3, members=3, slots=48)
    alone, local = (
        records(scenario(kind, market={"kind": "none"}), people) for kind in ("member_optimal", "local_optimal")
    )
    assert np.array_equal(column(alone, "charge_kwh"), column(local, "charge_kwh"))
    assert LocalOptimal(gap=0.01, alike=0.5).alone() == MemberOptimal(gap=0.01)


# --- where the forecast is wrong -------------------------------------------------------------------------------------


def test_nothing_is_sold_that_is_not_there() -> None:
    """Believed to be full of PV, the truth is dark: B still holds what it sells, and buys what it stores somewhere."""
    truth = hand_made(np.maximum(NET, 0.0), flexibility=store(4))
    state = State.initial(truth)
    acted = LocalOptimal().plan(truth, prices(truth), Outlook(community=day(), prices=prices(truth)), state)
    assert acted.discharge_kwh.sum() == pytest.approx(2.0)
    assert (acted.discharge_kwh.cumsum(axis=0) <= acted.charge_kwh.cumsum(axis=0) + 1e-9).all()
    assert acted.level_kwh.min() >= -1e-9
    assert acted.import_kwh[:2, 1].sum() == pytest.approx(2.0)


@pytest.mark.parametrize("seed", range(3))
def test_books_close_on_random_communities(seed: int) -> None:
    people = make_community(seed, members=4, slots=48)
    kept = records(scenario("local_optimal", pool={"efficiency": 0.95, "fee_per_kwh": 0.01}), people)
    sold, had = column(kept, "sold_kwh"), column(kept, "export_kwh")
    assert (sold <= had + 1e-9).all()
