"""Pairs by hand: the best bid with the best ask, each pair half way."""

from tests.markets._orders import book, outcome

from commonwatt.markets.pairwise_midpoint import PairwiseMidpoint


def test_each_pair_meets_half_way():
    """2 kWh at (0.30 + 0.10) / 2, 1 kWh at (0.30 + 0.14) / 2, 1 kWh at (0.20 + 0.14) / 2; 0.20 is below 0.24."""
    found = outcome(PairwiseMidpoint(), book([(0.30, 3), (0.20, 2)], [(0.24, 1), (0.10, 2), (0.14, 2)]))
    assert found.got == [3, 1]
    assert found.paid == [2 * 0.20 + 0.22, 0.17]
    assert found.given == [0, 2, 2]
    assert found.earned == [0, 0.40, 0.39]
