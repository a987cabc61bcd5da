"""Matching by distance: a transport problem, against brute force, the plain matching, and by hand."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests._communities import column, hand_made, make_community, records
from tests.markets._orders import drawn, outcome, total_gain

import commonwatt as cw
from commonwatt.flow import Community
from commonwatt.markets._transport import best_pairs
from commonwatt.markets.nearby import Nearby
from commonwatt.markets.uniform_price import UniformPrice
from commonwatt.scenario import Scenario

CROSS = np.array([[0, 0, 10, 0], [0, 0, 0, 10], [10, 0, 0, 0], [0, 10, 0, 0]], float)
"""Buyers A and B, sellers C and D: A is far from C, B from D."""
FOUR = hand_made(
    [[1.0, 1.0, -1.0, -1.0]],
    distance_km=CROSS,
    traits={"contract_buy": np.array([0.30, 0.25, 0.30, 0.30]), "contract_sell": np.array([0.05, 0.05, 0.10, 0.12])},
)


def document(**market: Any) -> Scenario:
    pool = market.pop("pool", {})
    return Scenario.model_validate(
        {"tariff": {"kind": "contract"}, "market": {"kind": "nearby", **market}, "pool": pool}
    )


def scattered(seed: int, people: Community) -> Community:
    """Homes on 4 x 4 km."""
    place = np.random.default_rng(seed).uniform(0.0, 4.0, (people.shape[1], 2))
    return replace(people, distance_km=np.linalg.norm(place[:, None] - place[None], axis=2))


def test_the_far_pair_is_not_the_best_pair() -> None:
    """By price A and C meet first: 0.20 less 0.10 for the way. A with D and B with C gain 0.18 + 0.15 instead."""
    run = cw.run(document(cost_per_km=0.01), community=FOUR)
    assert run.bills == pytest.approx([0.21, 0.175, -0.175, -0.21])


def test_a_way_is_paid_by_both_sides() -> None:
    """Only A and C, 10 km apart: at 0.20, and 0.05 each for the way; 0.9 of a kWh arrives. Bids and asks know losses.

    C asks 0.10 / 0.9, so the price is (0.30 + 0.1111) / 2.
    """
    traits = {"contract_buy": np.array([0.30, 0.30]), "contract_sell": np.array([0.05, 0.10])}
    two = hand_made([[1.0, -1.0]], distance_km=np.array([[0.0, 10.0], [10.0, 0.0]]), traits=traits)
    run = cw.run(document(cost_per_km=0.01, pool={"efficiency": 0.9}), community=two)
    paid, way = 0.9 * (0.30 + 0.10 / 0.9) / 2, 0.9 * 0.05
    assert run.bills == pytest.approx([paid + way + 0.1 * 0.30, -paid + way])
    assert run.metrics["operator_result"] == pytest.approx(2 * way)


def test_who_is_too_far_does_not_trade() -> None:
    """D has nobody within 5 km but A, C nobody but B."""
    near = cw.run(document(cost_per_km=0.0, most_km=5), community=FOUR)
    assert near.bills == pytest.approx([0.21, 0.175, -0.175, -0.21])
    alone = replace(FOUR, distance_km=np.full((4, 4), 9.0))
    assert cw.run(document(cost_per_km=0.0, most_km=5), community=alone).metrics["traded"] == 0.0
    assert cw.run(document(cost_per_km=0.03), community=alone).metrics["traded"] == 0.0, (
        "the way costs more than gained"
    )


def brute_force(gain: np.ndarray) -> float:
    """The best of all ways to pair single kWh, some of them with nobody."""
    size = max(gain.shape)
    table = np.zeros((size, size))
    table[: gain.shape[0], : gain.shape[1]] = np.maximum(gain, 0.0)
    rows = np.arange(size)
    return max(float(table[rows, list(columns)].sum()) for columns in itertools.permutations(range(size)))


@pytest.mark.parametrize("seed", range(60))
def test_no_other_way_to_pair_gains_more(seed: int) -> None:
    """Orders of whole kWh, kWh by kWh; some pairs may not trade, some would lose."""
    rng = np.random.default_rng(seed)
    want, have = (rng.integers(1, 3, rng.integers(1, 4)).astype(float) for _ in range(2))
    gain = rng.uniform(-0.1, 0.3, (want.size, have.size))
    gain[rng.random(gain.shape) < 0.3] = -np.inf
    buyer, seller, kwh = best_pairs(gain, want, have)
    single = np.repeat(np.repeat(gain, want.astype(int), axis=0), have.astype(int), axis=1)
    assert (gain[buyer, seller] * kwh).sum() == pytest.approx(brute_force(single), abs=1e-9)
    assert (np.bincount(buyer, kwh, want.size) <= want + 1e-9).all()
    assert (np.bincount(seller, kwh, have.size) <= have + 1e-9).all()
    assert kwh.size <= max(want.size + have.size - 1, 0)


@pytest.mark.parametrize("unit", [True, False])
def test_in_one_place_it_gains_what_the_best_matching_does(unit: bool) -> None:
    books = drawn(5, 60, 8, unit=unit)
    best = total_gain(books, UniformPrice().cleared(books))
    np.testing.assert_allclose(total_gain(books, Nearby().cleared(books)), best, rtol=0, atol=1e-9)


def test_empty_and_one_sided_books() -> None:
    books = drawn(1, 3, 2)
    nobody = np.zeros(books.shape)
    for change in ({"bid_kwh": nobody}, {"ask_kwh": nobody}, {"bid_kwh": nobody, "ask_kwh": nobody}):
        cleared = Nearby().cleared(replace(books, **change))
        assert not cleared.bought_kwh.any()
    assert outcome(Nearby(), replace(books, price=np.full(books.shape, 0.2))).operator == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_books_close_and_cutting_changes_no_bit(seed: int) -> None:
    people = scattered(seed, make_community(seed, members=8, slots=30))
    parts = {"cost_per_km": 0.01, "most_km": 3.0, "bidder": {"kind": "urgency"}}
    scenario = document(**parts, pool={"efficiency": 0.9, "fee_per_kwh": 0.01})
    whole, cut = records(scenario, people), records(scenario, people, cut=7)
    for name in whole[0].columns:
        assert np.array_equal(column(whole, name), column(cut, name)), name
    trades, apart = whole[0].trades, people.distance_km
    assert trades is not None
    assert apart is not None
    km = apart[trades.buyer, trades.seller]
    assert km.max() <= 3.0
    fee = column(whole, "fee_money:distance fee>operator")
    assert fee.sum() == pytest.approx((0.01 * km * trades.kwh).sum())
    assert column(whole, "fee_money:pool fee>operator").sum() == pytest.approx(0.01 * trades.kwh.sum())


def test_the_further_one_may_trade_the_more_is_gained() -> None:
    people = scattered(1, make_community(1, members=8, slots=24, devices=False))
    traded = [
        cw.run(document(cost_per_km=0.0, most_km=km), community=people).metrics["saving"] for km in (0.0, 1.0, 2.0, 4.0)
    ]
    assert traded == sorted(traded)
    assert traded[0] < traded[-1]
