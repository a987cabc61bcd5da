"""The urgency rule of S3 by hand: prices 0.10 to 0.30, slope 0.5, full urgency at 3 kW."""

from __future__ import annotations

import numpy as np
import pytest
from tests.bidders._slots import positions, prices, state

from commonwatt.bidders.urgency import Urgency


def quoted(
    net_kwh: list[float], buy: float = 0.30, sell: float = 0.10, minutes: int = 60, **fields: object
) -> list[float]:
    members = len(net_kwh)
    terms = prices([buy] * members, [sell] * members)
    bidder = Urgency(**fields)
    return bidder.quotes(positions(net_kwh, minutes=minutes), terms, state(members)).quote_price[0].tolist()


def test_more_energy_moves_the_price_further() -> None:
    """u = 0.5, 1, 1: asks 0.10 + 0.5 u 0.20, bids 0.30 - 0.5 u 0.20."""
    assert quoted([1.5, 3.0, 6.0, -1.5, -3.0, -6.0]) == pytest.approx([0.25, 0.20, 0.20, 0.15, 0.20, 0.20])


def test_margins_keep_clear_of_the_grids_prices() -> None:
    """Next to nothing at stake: an ask 1 % above the selling price, a bid 1 % below the buying price."""
    assert quoted([0.001, -0.001]) == pytest.approx([0.297, 0.101])
    assert quoted([9.0, -9.0], slope=1.0) == pytest.approx([0.105, 0.285])


def test_margins_make_sense_below_zero() -> None:
    """1 % of -0.10 above it, 5 % of 0.30 below that."""
    assert quoted([0.001, -0.001], sell=-0.10) == pytest.approx([0.297, -0.099])
    assert quoted([9.0, -9.0], sell=-0.10, slope=1.0) == pytest.approx([-0.095, 0.285])


def test_limits_that_cross_meet_in_the_middle() -> None:
    """0.1 to 0.1: bids of at least 0.105 and at most 0.099, asks of at least 0.101 and at most 0.095."""
    assert quoted([1.0, -1.0], buy=0.10, sell=0.10) == pytest.approx([0.102, 0.098])


def test_urgent_buyers_may_bid_more() -> None:
    assert quoted([1.5, 3.0, -3.0], urgent_buyers="bid_more") == pytest.approx([0.25, 0.297, 0.20])


def test_the_length_of_a_slot_changes_no_price() -> None:
    assert quoted([0.5, -0.25], minutes=15) == pytest.approx(quoted([2.0, -1.0]))


def test_unequal_prices_are_judged_by_the_common_band() -> None:
    terms = prices([0.30, 0.20, 0.25], [0.05, 0.08, 0.10])
    price = Urgency().quotes(positions([3.0, 3.0, -3.0]), terms, state(3)).quote_price
    np.testing.assert_allclose(price, [[0.175, 0.175, 0.175]])
