"""Trade reduction by hand: the last pair sets the prices and stays out; the long side gives way in equal parts."""

import numpy as np
import pytest
from tests.markets._orders import book, drawn, outcome

from commonwatt.markets._levels import given_up
from commonwatt.markets.huang import Huang


def test_the_last_pair_stays_out():
    """All meet; 0.26 and 0.14 come last. The others want 4 and have 3: each buyer gives up 0.5."""
    found = outcome(Huang(), book([(0.30, 3), (0.28, 1), (0.26, 2)], [(0.10, 2), (0.12, 1), (0.14, 3)]))
    assert found.got == [2.5, 0.5, 0]
    assert found.paid == [2.5 * 0.26, 0.5 * 0.26, 0]
    assert found.given == [2, 1, 0]
    assert found.earned == [2 * 0.14, 0.14, 0]
    assert found.operator == pytest.approx(3 * 0.12)


def test_one_pair_alone_does_not_trade():
    found = outcome(Huang(), book([(0.30, 1)], [(0.10, 1)]))
    assert (found.got, found.given, found.operator) == ([0], [0], 0)


def test_who_has_less_than_its_part_gives_up_all():
    """8 kWh of which 3 may stay: 5 to give up. 2 each is more than the first has, so the other two give up 2 each."""
    kept = given_up(np.array([[1.0, 3.0, 4.0], [1.0, 3.0, 4.0], [0.0, 0.0, 0.0]]), np.array([3.0, 8.0, 0.0]))
    np.testing.assert_allclose(kept, [[0, 1, 2], [1, 3, 4], [0, 0, 0]])


def test_giving_up_keeps_the_total():
    orders = drawn(4, 200, 9)
    total = orders.bid_kwh.sum(axis=1)
    for part in (0.0, 0.3, 0.999, 1.0):
        kept = given_up(orders.bid_kwh, part * total)
        np.testing.assert_allclose(kept.sum(axis=1), part * total, rtol=0, atol=1e-12)
        assert (kept <= orders.bid_kwh).all()
        lost = orders.bid_kwh - kept
        assert np.where(kept > 0, lost.max(axis=1, keepdims=True) - lost, 0.0).max() < 1e-12
