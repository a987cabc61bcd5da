"""The nucleolus: the Talmud's divisions, small games, and that no allocation leaves lower complaints."""

import itertools

import numpy as np
import pytest
from tests._communities import hand_made, make_community
from tests.markets._games import bankruptcy, game, gloves, random_game

import commonwatt as cw
from commonwatt._games import sums_of_groups
from commonwatt.errors import ScenarioError
from commonwatt.markets._complaints import nucleolus
from commonwatt.scenario import Scenario
from commonwatt.tariffs.flat import Flat


@pytest.mark.parametrize(
    ("estate", "claims", "shares"),
    [
        (100, (100, 200, 300), (100 / 3, 100 / 3, 100 / 3)),
        (200, (100, 200, 300), (50, 75, 75)),
        (300, (100, 200, 300), (50, 100, 150)),
        (1, (1, 0.5), (0.75, 0.25)),
    ],
    ids=["death-bed 100", "death-bed 200", "death-bed 300", "contested garment"],
)
def test_the_divisions_of_the_talmud(estate, claims, shares):
    """Mishna Ketubot 93a and Bava Metzia 2a; Aumann and Maschler 1985, doi:10.1016/0022-0531(85)90102-4."""
    assert nucleolus(bankruptcy(estate, claims)) == pytest.approx(shares, abs=1e-12 * estate)


def test_what_is_scarce_takes_all():
    assert nucleolus(gloves(1, 2)) == pytest.approx([1, 0, 0], abs=1e-14)


def test_three_cities_by_hand():
    """Pairs have 1, 2, 3, all have 6. First alone and the other two tie: 1.5; then second and its other two: 2."""
    pairs = {(0, 1): 1.0, (0, 2): 2.0, (1, 2): 3.0, (0, 1, 2): 6.0}
    assert nucleolus(game(3, lambda group: pairs.get(tuple(group), 0.0))) == pytest.approx([1.5, 2.0, 2.5])


def complaints(worth, shares):
    """From the highest on, of all groups but none and all."""
    return np.sort((worth - sums_of_groups(shares))[1:-1])[::-1]


def lower(mine, theirs):
    """Whether the first complaint that differs is lower."""
    differs = np.flatnonzero(np.abs(mine - theirs) > 1e-9)
    return differs.size == 0 or mine[differs[0]] < theirs[differs[0]]


@pytest.mark.parametrize("seed", range(15))
def test_no_other_allocation_leaves_lower_complaints(seed):
    rng = np.random.default_rng(seed)
    worth = random_game(rng, int(rng.integers(2, 7)))
    shares = nucleolus(worth)
    assert shares.sum() == pytest.approx(worth[-1])
    assert complaints(worth, shares)[0] <= 1e-9, "games of one meter have a core"
    best = complaints(worth, shares)
    for _, size in itertools.product(range(40), (1e-6, 1e-3, 0.1)):
        aside = rng.normal(size=shares.size) * size * (rng.random(shares.size) < 0.6)
        other = shares + aside - aside.mean()
        assert lower(best, complaints(worth, other))


def test_many_groups_need_few_rows():
    """16 members: 65,534 groups; the highest complaint is the one that all of them allow."""
    rng = np.random.default_rng(3)
    worth = random_game(rng, 16)
    shares = nucleolus(worth)
    assert shares.sum() == pytest.approx(worth[-1])
    assert complaints(worth, shares)[0] <= 1e-9


def test_too_many_members_are_refused():
    people = make_community(0, members=21, slots=4, devices=False)
    with pytest.raises(ScenarioError, match=r"nucleolus with 21 members.*at most 20.*take"):
        cw.run(Scenario(tariff=Flat(), market={"kind": "nucleolus"}), community=people)


def test_a_month_ends_and_another_begins():
    """Two days, closed day by day: each is shared by itself."""
    nets = [[4.0, -2.0], [2.0, -5.0]]
    market = {"kind": "nucleolus", "period": "day"}
    people = hand_made([*[nets[0]] * 24, *[nets[1]] * 24])
    found = cw.run(Scenario(tariff=Flat(buy=0.30, export_ratio=1 / 3), market=market), community=people)
    assert found.bills == pytest.approx([24 * (1.00 + 0.40), 24 * (-0.40 - 0.70)])
