"""McAfee by hand: the middle of the next pair where it suits the last one, else that pair stays out."""

import pytest
from tests.markets._orders import book, outcome

from commonwatt.markets.mcafee import McAfee


def test_the_next_pair_gives_the_price():
    """Two pairs fit; the third's middle, (0.16 + 0.20) / 2, lies between 0.14 and 0.26: all at 0.18."""
    found = outcome(McAfee(), book([(0.30, 1), (0.26, 1), (0.16, 1)], [(0.10, 1), (0.14, 1), (0.20, 1)]))
    assert found.paid == [0.18, 0.18, 0]
    assert found.earned == [0.18, 0.18, 0]


def test_a_price_that_does_not_suit_leaves_the_last_pair_out():
    """The middle of 0.22 and 0.34 is above the second bid: one pair, at the second bid and the second ask."""
    found = outcome(McAfee(), book([(0.30, 1), (0.26, 1), (0.22, 1)], [(0.10, 1), (0.14, 1), (0.34, 1)]))
    assert found.paid == [0.26, 0, 0]
    assert found.earned == [0.14, 0, 0]
    assert found.operator == pytest.approx(0.12)


def test_nobody_next_leaves_the_last_pair_out():
    assert outcome(McAfee(), book([(0.30, 1), (0.26, 1)], [(0.10, 1), (0.14, 1)])).paid == [0.26, 0]


def test_heads_count_and_the_long_side_gives_way():
    """Two heads each want 4 kWh and have 3: each buyer gives up half a kWh."""
    found = outcome(McAfee(), book([(0.30, 1), (0.26, 3), (0.16, 1)], [(0.10, 2), (0.14, 1), (0.20, 1)]))
    assert found.got == [0.5, 2.5, 0]
    assert found.given == [2, 1, 0]
