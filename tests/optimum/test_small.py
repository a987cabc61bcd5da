"""Tiny problems whose answer can be written down or enumerated, on every engine."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from tests._communities import hand_made

from commonwatt.errors import InfeasibleError
from commonwatt.flow import Flexibility, Pool, Prices, State
from commonwatt.optimum import dp, highs
from commonwatt.optimum.certificate import certify
from commonwatt.optimum.impossible import check
from commonwatt.optimum.problem import Problem, build
from commonwatt.optimum.solve import solve

BOTH = [pytest.param(dp.solve, id="dp"), pytest.param(highs.solve, id="highs")]


def battery(slots, owner=(0,), capacity=4.0, power=2.0, **parts):
    owner = np.array(owner)
    size = np.full(owner.size, capacity)
    given = {"soc_min": 0.0, "soc_max": 1.0, "soc_start": 0.5, "charge_efficiency": 1.0, "discharge_efficiency": 1.0}
    return Flexibility.batteries(
        slots, owner, size, charge_kw=np.full(owner.size, power), discharge_kw=np.full(owner.size, power),
        **{**given, **parts},
    )  # fmt: skip


def problem(net, buy, sell, flexibility=None, *, pool=None, one_meter=False, p2p=False, **parts) -> Problem:
    community = hand_made(net)
    community = replace(community, flexibility=flexibility or Flexibility.none(len(net)))
    prices = Prices.common(np.array(buy, float), np.array(sell, float), community.shape)
    prices = replace(prices, one_meter=one_meter, pool=pool or Pool())
    return build(community, prices, State.initial(community), p2p=p2p, **parts)


def proven(given: Problem, engine, gap=1e-9):
    made, proof = certify(given, engine(given, gap, None), gap)
    assert proof.status == "proven", proof
    assert proof.lower <= proof.cost + 1e-12
    return made, proof


@pytest.mark.parametrize("engine", BOTH)
def test_buys_cheap_and_uses_dear(engine):
    made, proof = proven(problem([[1], [3]], [0.1, 0.3], [0.0, 0.0], battery(2)), engine)
    np.testing.assert_allclose(made.charge_kwh[:, 0], [2, 0], atol=1e-9)
    np.testing.assert_allclose(made.discharge_kwh[:, 0], [0, 2], atol=1e-9)
    assert proof.cost == pytest.approx(0.1 * 3 + 0.3 * 1)


@pytest.mark.parametrize("engine", BOTH)
def test_a_horizon_does_not_drain_the_store(engine):
    made, proof = proven(problem([[2], [2]], [0.2, 0.2], [0.05, 0.05], battery(2)), engine)
    assert not made.charge_kwh.any()
    assert not made.discharge_kwh.any()
    assert proof.cost == pytest.approx(0.8)


@pytest.mark.parametrize("engine", BOTH)
def test_energy_left_may_be_worth_its_price(engine):
    store = battery(2, discharge_efficiency=0.9)
    made, proof = proven(problem([[2], [2]], [0.1, 0.3], [0.0, 0.0], store, stored_value=1.0), engine)
    assert made.level_kwh[-1, 0] == pytest.approx(2 + 2 - 2 / 0.9)
    assert proof.cost == pytest.approx(0.1 * 4 - 0.2 * 0.9 * made.level_kwh[-1, 0])


@pytest.mark.parametrize("engine", BOTH)
def test_pv_is_thrown_away_only_where_selling_costs_and_one_may(engine):
    for curtail in (False, True):
        given = problem([[-3], [1]], [0.2, 0.2], [-0.1, 0.1], curtail=curtail)
        if engine is dp.solve and not curtail:
            assert not dp.suited(given).any()
            continue
        made, proof = proven(given, engine)
        np.testing.assert_allclose(made.curtailed_kwh[:, 0], [3.0 * curtail, 0])
        assert proof.cost == pytest.approx(0.2 + 0.3 * (not curtail))


@pytest.mark.parametrize("engine", BOTH)
def test_a_store_that_leaks_below_its_minimum_is_no_contradiction(engine):
    store = battery(3, soc_min=0.5, leakage=0.1, power=0.01)
    made, _ = proven(problem([[1], [1], [1]], [0.2] * 3, [0.1] * 3, store), engine)
    assert not made.discharge_kwh.any()
    np.testing.assert_allclose(made.charge_kwh, 0.01, atol=1e-9)


def test_the_pool_moves_energy_to_who_needs_it():
    given = problem([[2, -1], [-2, 2]], [0.3, 0.3], [0.1, 0.1], pool=Pool(efficiency=0.9, fee_per_kwh=0.01),
                    one_meter=True, p2p=True)  # fmt: skip
    _, proof = proven(given, highs.solve)
    first, second = 0.3 * (2 - 0.9) + 0.01 * 0.9, 0.3 * (2 - 1.8) + 0.01 * 1.8
    assert proof.cost == pytest.approx(first + second)
    own = replace(given, one_meter=False)
    assert proven(own, highs.solve)[1].cost == pytest.approx(first + second)
    alone = solve(problem([[2, -1], [-2, 2]], [0.3, 0.3], [0.1, 0.1])).certificate
    assert alone.engine == "dp"
    assert alone.cost == pytest.approx(0.3 * 4 - 0.1 * 3)


def test_a_pool_that_does_not_pay_is_priced_as_it_will_be_billed():
    """Behind one meter all that can be matched is; a plan cannot wish that away."""
    given = problem([[2, -1]], [0.3], [0.29], pool=Pool(efficiency=0.9), one_meter=True, p2p=True)
    _, proof = proven(given, highs.solve)
    assert proof.cost == pytest.approx(0.3 * (2 - 0.9))


# --- all plans of a grid, one by one ---------------------------------------------------------------------------------


def enumerated(given: Problem, step: float) -> float:
    """The least cost over all plans that move whole steps."""
    stores, best = given.stores, np.inf
    moves = np.arange(-2, 3) * step
    for change in itertools.product(moves, repeat=stores.shape[0] * stores.shape[1]):
        plan = np.array(change).reshape(stores.shape)
        level = stores.start_kwh + np.cumsum(plan, axis=0)
        if (level < stores.level_min_kwh - 1e-9).any() or (level > stores.level_max_kwh + 1e-9).any():
            continue
        best = min(best, priced(given, plan))
    return best


def priced(given: Problem, change: np.ndarray) -> float:
    """What a plan of a lossless store costs, in plain words."""
    net = given.base_kwh.copy()
    for k, n in enumerate(given.stores.owner):
        net[:, n] += change[:, k]
    total = 0.0
    for t, row in enumerate(net):
        if given.coupled:
            want, have = sum(max(x, 0) for x in row), sum(max(-x, 0) for x in row)
            inside = min(want, given.pool.efficiency * have)
            total += (want - inside) * given.coupling_buy[t] + inside * given.pool.fee_per_kwh
            total -= (have - inside / given.pool.efficiency) * given.coupling_sell[t]
        else:
            total += sum(max(x, 0) * given.buy[t, n] - max(-x, 0) * given.sell[t, n] for n, x in enumerate(row))
    return total - float(given.stores.value @ (given.stores.start_kwh + change.sum(axis=0)))


CASES = {
    "plain": ([0.1, 0.3, 0.2, 0.25], [0.05, 0.1, 0.1, 0.0]),
    "free": ([0.0, 0.3, 0.0, 0.2], [0.0, 0.0, 0.0, 0.0]),
    "flat": ([0.2] * 4, [0.2] * 4),
    "paid to take": ([-0.2, 0.3, 0.1, -0.1], [-0.3, 0.1, 0.0, -0.2]),
    "odd": ([0.1, 0.1, 0.3, 0.1], [0.3, 0.05, 0.1, 0.2]),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("world", ["alone", "one_meter"])
def test_no_enumerated_plan_is_better(case, world):
    """Whole numbers everywhere, so that some optimum moves whole kWh."""
    rng = np.random.default_rng(5)
    for _ in range(3):
        members = 1 if world == "alone" else 2
        net = rng.integers(-3, 4, (4, members)).astype(float)
        buy, sell = CASES[case]
        if world == "one_meter" and case in {"odd"}:
            buy, sell = sell, [min(b, s) for b, s in zip(buy, sell, strict=True)]
        store = battery(4, capacity=4.0, power=2.0)
        given = problem(net, buy, sell, store, one_meter=world == "one_meter", p2p=world == "one_meter")
        _, proof = proven(given, highs.solve, 1e-6)
        least = enumerated(given, 1.0)
        assert proof.lower <= least + 1e-9
        assert proof.cost == pytest.approx(least, abs=1e-6)
        if dp.suited(given).all():
            assert proven(given, dp.solve)[1].cost == pytest.approx(least, abs=1e-9)


# --- what cannot be --------------------------------------------------------------------------------------------------


def test_a_deadline_out_of_reach_is_named():
    store = battery(4, soc_start=0.25, power=1.0)
    low = np.zeros((4, 1))
    low[2] = 4.5
    late = replace(store, level_min_kwh=low, level_max_kwh=np.full((4, 1), 9.0), obliged=np.array([True]),
                   kind=np.array(["vehicle"]))  # fmt: skip
    given = problem([[1]] * 4, [0.2] * 4, [0.1] * 4, late)
    with pytest.raises(
        InfeasibleError, match=r"vehicle of member_1 cannot reach 4.5 kWh by the end of slot 2: 0.5 kWh"
    ):
        solve(given)
    check(replace(given, stores=replace(given.stores, charge_max_kwh=np.full((4, 1), 1.2))))


def test_a_store_too_full_is_named():
    store = battery(2, soc_start=1.0, power=1.0)
    given = problem([[1]] * 2, [0.2] * 2, [0.1] * 2, replace(store, level_max_kwh=np.array([[4.0], [1.5]])))
    with pytest.raises(InfeasibleError, match=r"cannot come down to 1.5 kWh by the end of slot 1: 0.5 kWh too much"):
        solve(given)
