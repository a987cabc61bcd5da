"""The least core: its level is that of the nucleolus, and its shares are the most even that keep to it."""

import numpy as np
import pytest
from tests.markets._games import bankruptcy, gloves, random_game

from commonwatt._games import sums_of_groups
from commonwatt.markets._complaints import least_core, nucleolus


def test_even_where_groups_allow_it():
    """Estate 300, claims 100, 200, 300: the highest complaint is -50, of the first alone and of the others together.

    So the first gets 50, and the other two share 250 evenly, where the nucleolus gives 100 and 150.
    """
    assert least_core(bankruptcy(300, (100, 200, 300))) == pytest.approx([50, 125, 125])


def test_who_adds_nothing_changes_nothing():
    """A fourth heir without a claim: its complaint is 0 whatever the others get."""
    assert least_core(bankruptcy(300, (100, 200, 300, 0))) == pytest.approx([50, 125, 125, 0])


def test_scarcity_leaves_no_choice():
    assert least_core(gloves(1, 2)) == pytest.approx([1, 0, 0], abs=1e-12)


@pytest.mark.parametrize("seed", range(15))
def test_as_stable_as_the_nucleolus_and_at_least_as_even(seed):
    rng = np.random.default_rng(100 + seed)
    worth = random_game(rng, int(rng.integers(2, 8)))
    even, best = least_core(worth), nucleolus(worth)
    highest = [(worth - sums_of_groups(shares))[1:-1].max() for shares in (even, best)]
    assert highest[0] == pytest.approx(highest[1], abs=1e-9)
    assert even.sum() == pytest.approx(worth[-1])
    assert even.min() >= best.min() - 1e-9
