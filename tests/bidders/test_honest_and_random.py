"""Bidders that learn nothing: truthful, price takers, zero intelligence."""

from __future__ import annotations

import numpy as np
import pytest
from tests.bidders._slots import positions, prices, state

from commonwatt.bidders.price_taker import PriceTaker
from commonwatt.bidders.truthful import Truthful
from commonwatt.bidders.zero_intelligence import ZeroIntelligence
from commonwatt.flow import Pool

NET = [2.0, 1.0, -3.0, -1.0]
TERMS = prices([0.30, 0.26, 0.28, 0.20], [0.05, 0.06, 0.10, 0.08])


def test_the_honest_quote_their_own_retailer() -> None:
    quotes = Truthful().quotes(positions(NET), TERMS, state(4))
    np.testing.assert_allclose(quotes.quote_price, [[0.30, 0.26, 0.10, 0.08]])
    assert quotes.bid_kwh.tolist() == [[2, 1, 0, 0]]
    assert quotes.ask_kwh.tolist() == [[0, 0, 3, 1]]


def test_losses_and_half_the_fee_are_priced_in() -> None:
    """0.8 arrive: an ask of 0.10 / 0.8; half of 0.04 on either side. Who pays to export asks no more for that."""
    pool = Pool(efficiency=0.8, fee_per_kwh=0.04)
    terms = prices([0.30, 0.26, 0.28, 0.20], [0.05, 0.06, 0.10, -0.08], pool=pool)
    quotes = Truthful().quotes(positions(NET), terms, state(4))
    np.testing.assert_allclose(quotes.quote_price, [[0.28, 0.24, 0.145, -0.06]])


def test_takers_take_the_far_end_of_everybodys_prices() -> None:
    quotes = PriceTaker().quotes(positions(NET), TERMS, state(4))
    np.testing.assert_allclose(quotes.quote_price, [[0.30, 0.30, 0.05, 0.05]])


LIMITS = {
    "constrained": ([0.05, 0.05, 0.10, 0.08], [0.30, 0.26, 0.30, 0.30]),
    "unconstrained": ([0.05] * 4, [0.30] * 4),
}


@pytest.mark.parametrize("variant", LIMITS)
def test_random_prices_fill_their_range(variant: str) -> None:
    slots = 2000
    terms = prices([0.30, 0.26, 0.28, 0.20], [0.05, 0.06, 0.10, 0.08], slots=slots)
    price = ZeroIntelligence(variant=variant).quotes(positions(NET, slots=slots), terms, state(4)).quote_price
    low, high = (np.array(limit) for limit in LIMITS[variant])
    assert (price >= low).all()
    assert (price <= high).all()
    np.testing.assert_allclose(price.min(axis=0), low, atol=0.002)
    np.testing.assert_allclose(price.max(axis=0), high, atol=0.002)
    np.testing.assert_allclose(price.mean(axis=0), 0.5 * (low + high), atol=0.01)


def test_nobody_constrained_quotes_beyond_its_worth_where_nothing_pays() -> None:
    """Losses so high that the cheapest ask is above the highest bid."""
    terms = prices([0.12] * 4, [0.11] * 4, slots=200, pool=Pool(efficiency=0.5))
    price = ZeroIntelligence().quotes(positions(NET, slots=200), terms, state(4)).quote_price
    assert (price[:, :2] <= 0.12).all()
    assert (price[:, 2:] >= 0.22).all()
