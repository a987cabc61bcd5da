"""The Shapley value: published games, a glove game behind one meter, and what sampling promises."""

import numpy as np
import pytest
from tests._communities import hand_made, make_community, scaled
from tests.markets._games import game, gloves, random_game

import commonwatt as cw
from commonwatt._games import costs_along_orders, costs_of_groups
from commonwatt.markets._values import marginal_costs, sampled_orders, shapley_value
from commonwatt.scenario import Scenario
from commonwatt.tariffs.flat import Flat

TARIFF = Flat(buy=0.30, export_ratio=1 / 3)


def run(net_kw, **market):
    """One hour; the grid charges 0.30 and pays 0.10."""
    return cw.run(Scenario(tariff=TARIFF, market={"kind": "shapley", **market}), community=hand_made([net_kw]))


def test_the_glove_game():
    """One left glove and two right ones: 2/3, 1/6, 1/6 (Shapley and Shubik 1969, doi:10.1016/S0022-0531(69)80006-9)."""
    assert shapley_value(gloves(1, 2)) == pytest.approx([2 / 3, 1 / 6, 1 / 6])


def test_the_airport_game():
    """Every part of the runway is paid alike by those who need it (Littlechild and Owen 1973)."""
    costs = game(4, lambda group: max((float([8, 11, 13, 18][n]) for n in group), default=0.0))
    assert shapley_value(costs) == pytest.approx([2, 3, 4, 9])


def test_the_glove_game_behind_one_meter():
    """A wants 2 kWh, B and C have 2 each: a pair saves 0.40, one more seller saves nothing."""
    assert run((2.0, -2.0, -2.0)).savings == pytest.approx([0.4 * 2 / 3, 0.4 / 6, 0.4 / 6])


def test_some_groups_would_leave():
    """A and B together would save 0.40 and get 0.33: the value lies outside the core."""
    metrics = run((2.0, -2.0, -2.0)).metrics
    assert metrics["coalition_excess"] == pytest.approx(0.4 / 6)
    assert metrics["leaving_coalitions"] == pytest.approx(2 / 6)


def test_it_adds_up_over_slots():
    """Shapley 1953: the value of a sum of games is the sum of their values."""
    nets = [[2.0, -2.0, -2.0], [4.0, 1.0, -3.0]]
    both = cw.run(Scenario(tariff=TARIFF, market={"kind": "shapley"}), community=hand_made(nets))
    assert both.bills == pytest.approx(run(nets[0]).bills + run(nets[1]).bills)


def sampled(members, pairs, slots=24, seed=0):
    """Exact costs of all groups, and the costs along sampled orders, of random nets."""
    rng = np.random.default_rng(members)
    net, up, down = rng.normal(size=(slots, members)), np.full(slots, 0.3), np.full(slots, 0.1)
    orders = sampled_orders(seed, pairs, members)
    along = costs_along_orders(np.zeros(orders.shape), net, up, down, orders)
    return costs_of_groups(np.zeros(1 << members), net, up, down), along, orders


def test_samples_share_the_whole_cost_and_find_the_value():
    exact, along, orders = sampled(17, 400)
    samples = marginal_costs(along, orders)
    assert samples.sum(axis=1) == pytest.approx(np.full(400, exact[-1]))
    error = samples.std(axis=0, ddof=1) / 400**0.5
    assert (np.abs(samples.mean(axis=0) - shapley_value(exact)) < 4 * error).all()


def test_orders_come_with_their_reverse_and_from_the_seed():
    orders = sampled_orders(7, 5, 9)
    assert (orders[::2] == orders[1::2, ::-1]).all()
    assert (np.sort(orders, axis=1) == np.arange(9)).all()
    assert (sampled_orders(8, 5, 9) != orders).any()


def test_the_standard_error_is_told_above_16_members():
    people = make_community(4, members=18, slots=8, devices=False)
    document = Scenario(tariff=TARIFF, market={"kind": "shapley", "pairs": 30})
    found = cw.run(document, community=people)
    (note,) = found.notes
    told = float(note.rpartition("at most ")[2].split()[0])
    assert note.startswith("shapley, standard error of a member's share: at most ")
    assert 0 < told < 0.1 * abs(found.savings).sum()
    assert found.metrics["losers"] == 0
    assert not cw.run(document, community=make_community(4, members=16, slots=8, devices=False)).notes
    assert cw.run(document, community=scaled(people, 2.0)).bills == pytest.approx(2 * found.bills)


@pytest.mark.parametrize("seed", range(20))
def test_nobody_pays_more_than_alone_and_all_is_shared(seed):
    saved = random_game(np.random.default_rng(seed), 7)
    value = shapley_value(saved)
    assert value.min() >= -1e-12
    assert value.sum() == pytest.approx(saved[-1])
