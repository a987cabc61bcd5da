"""Two half markets: who is in which half is drawn, and each trades at the other's price."""

import numpy as np
from tests.markets._orders import book, drawn

from commonwatt.markets._equilibrium import clearing_price
from commonwatt.markets.muda import HalfMarkets


def test_each_half_trades_at_the_others_price():
    """Followed slot by slot: the halves as drawn, their prices from a book of their own."""
    orders = drawn(2, 40, 6)
    upper = orders.streams.rows("muda.half", 0, orders.shape) < 0.5
    cleared, traded = HalfMarkets().cleared(orders), 0
    for t in range(40):
        for mine in (upper[t], ~upper[t]):
            others = book(
                [(p, q) for p, q, m in zip(orders.price[t], orders.bid_kwh[t], mine, strict=True) if q and not m],
                [(p, q) for p, q, m in zip(orders.price[t], orders.ask_kwh[t], mine, strict=True) if q and not m],
            )
            found = others.matches()
            price, has_one = clearing_price(others, found, 0.5)[0], found.last_buyer[0] >= 0
            wants = orders.bid_kwh[t] * (mine & (orders.price[t] >= price)) * has_one
            has = orders.ask_kwh[t] * (mine & (orders.price[t] <= price)) * has_one
            got = np.where(mine, cleared.bought_kwh[t], 0.0)
            assert np.isclose(got.sum(), min(wants.sum(), has.sum()))
            assert not (got > wants + 1e-12).any()
            np.testing.assert_allclose(cleared.buy_price[t][got > 0], price)
            traded += got.any()
    assert traded > 20


def test_a_pair_alone_never_trades():
    assert not HalfMarkets().cleared(book([(0.30, 1)], [(0.10, 1)], slots=50)).bought_kwh.any()


def test_two_equal_pairs_trade_if_they_are_drawn_apart():
    """Of 16 splits 4 give each half a buyer and a seller; then both trade, at the middle."""
    cleared = HalfMarkets().cleared(book([(0.30, 1)] * 2, [(0.10, 1)] * 2, slots=400))
    kwh = cleared.bought_kwh.sum(axis=1)
    assert set(kwh.tolist()) == {0.0, 2.0}
    assert 70 < (kwh > 0).sum() < 130
    assert (cleared.buy_price[cleared.bought_kwh > 0] == 0.20).all()
