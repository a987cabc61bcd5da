"""Who trades with whom where a pool only knows totals: the north-west corner, by hand and against a plain merge."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from commonwatt.exchange import Trades


def rows(bought, sent, efficiency=1.0, first=0):
    bought, sent = np.atleast_2d(np.asarray(bought, float)), np.atleast_2d(np.asarray(sent, float))
    return Trades.north_west(first, bought, sent, efficiency, 0.1 * np.arange(bought.shape[1]) + 0 * bought)


def test_buyers_are_filled_in_their_order_from_sellers_in_theirs():
    found = rows([[0, 3, 0, 2], [0, 0, 0, 0], [1, 0, 0, 0]], [[4, 0, 1, 0], [0, 0, 0, 0], [0, 0.4, 0.6, 0]], first=7)
    assert found.slot.tolist() == [7, 7, 7, 9, 9]
    assert list(zip(found.buyer.tolist(), found.seller.tolist(), strict=True)) == [
        (1, 0),
        (3, 0),
        (3, 2),
        (0, 1),
        (0, 2),
    ]
    np.testing.assert_allclose(found.kwh, [3, 1, 1, 0.4, 0.6], rtol=0, atol=1e-15)
    np.testing.assert_allclose(found.price, [0.1, 0.3, 0.3, 0, 0], rtol=0, atol=1e-15)


def test_sellers_send_more_than_arrives():
    found = rows([[1.8, 0]], [[0, 2.0]], efficiency=0.9)
    assert (found.kwh.tolist(), found.sent_kwh.tolist()) == ([1.8], [2.0])


def test_one_side_alone_trades_nothing():
    assert rows([[1, 2]], [[0, 0]]).kwh.size == 0
    assert rows([[0, 0]], [[1, 2]]).kwh.size == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.sampled_from([1.0, 0.93]))
def test_the_rows_add_up_and_are_few(seed, members, efficiency):
    rng = np.random.default_rng(seed)
    bought = np.round(rng.gamma(1.0, 1.0, (5, members)), 2) * (rng.random((5, members)) < 0.6)
    sent = rng.gamma(1.0, 1.0, (5, members)) * (bought == 0)
    total = np.minimum(bought.sum(axis=1), efficiency * sent.sum(axis=1))
    bought *= (total / np.maximum(bought.sum(axis=1), 1e-12))[:, None]
    sent *= (total / efficiency / np.maximum(sent.sum(axis=1), 1e-12))[:, None]
    found = rows(bought, sent, efficiency)
    for who, kwh, due in ((found.buyer, found.kwh, bought), (found.seller, found.sent_kwh, sent)):
        sums = np.zeros_like(due)
        np.add.at(sums, (found.slot, who), kwh)
        np.testing.assert_allclose(sums, due, rtol=0, atol=1e-8 * (1 + total.max()))
    sides = (bought > 0).sum(axis=1) + (sent > 0).sum(axis=1)
    assert (np.bincount(found.slot, minlength=5) <= np.maximum(sides - 1, 0)).all()
    assert (found.kwh > 0).all()
    assert (found.buyer != found.seller).all()
