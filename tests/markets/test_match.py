"""The matching behind all auctions: to the bit what the double loop gives, order of trades included."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from tests.markets._orders import naive

from commonwatt.markets._match import matched, tallied
from commonwatt.markets._order import DOWN, MANY, UP, in_order
from commonwatt.noun import Array

NAN, INF = float("nan"), float("inf")


def rows_of(price: Array, bid_kwh: Array, ask_kwh: Array) -> list[list[tuple[int, int, float]]]:
    """Matches (buyer, seller, kWh) of every slot."""
    slot, buyer, seller, kwh, _, _ = matched(price, price, bid_kwh, ask_kwh)
    found: list[list[tuple[int, int, float]]] = [[] for _ in price]
    for t, row in zip(slot.tolist(), zip(buyer.tolist(), seller.tolist(), kwh.tolist(), strict=True), strict=True):
        found[t].append(row)
    return found


def markets(kind: str, seed: int, slots: int) -> tuple[Array, Array, Array]:
    """Random books of up to 40 members: with prices and energy of any kind, or full of ties."""
    rng = np.random.default_rng([seed, len(kind)])
    shape = slots, int(rng.integers(1, 41))
    price, kwh = rng.uniform(-0.1, 0.4, shape), rng.gamma(1.0, 1.0, shape)
    if kind == "ties":
        price, kwh = rng.integers(0, 4, shape) / 10, rng.integers(0, 4, shape).astype(float)
    elif kind == "all equal":
        price, kwh = np.full(shape, 0.2), np.ones(shape)
    elif kind == "rounded":
        price, kwh = price.round(2), kwh.round(1)
    elif kind == "zeros":
        price, kwh = np.where(rng.random(shape) < 0.5, 0.0, -0.0), kwh * (rng.random(shape) < 0.5)
    buys = rng.random(shape) < rng.choice([0.0, 0.2, 0.5, 1.0])
    return price, np.where(buys, kwh, 0.0), np.where(buys, 0.0, kwh)


KINDS = ("any", "ties", "all equal", "rounded", "zeros")


@pytest.mark.parametrize("kind", KINDS)
def test_twenty_thousand_markets_equal_the_double_loop_to_the_bit(kind: str) -> None:
    trades = 0
    for seed in range(100):
        books = markets(kind, seed, 40)
        expected = [naive(*(values[t].tolist() for values in books)) for t in range(40)]
        assert rows_of(*books) == expected
        trades += sum(map(len, expected))
    assert len(KINDS) * 100 * 40 == 20_000
    assert trades > 5_000


def large() -> Iterator[tuple[Array, Array, Array]]:
    for seed in range(4):
        rng = np.random.default_rng(seed)
        price = rng.choice([-1.0, 1.0], (1, 700)) * rng.gamma(0.5, 1.0, (1, 700))
        price = price.round(1) if seed % 2 else price
        kwh, buys = rng.gamma(1.0, 1.0, (1, 700)), rng.random((1, 700)) < 0.5
        yield price, np.where(buys, kwh, 0.0), np.where(buys, 0.0, kwh)


@pytest.mark.parametrize("books", list(large()))
def test_large_books_equal_the_double_loop(books: tuple[Array, Array, Array]) -> None:
    assert rows_of(*books)[0] == naive(*(values[0].tolist() for values in books))


@pytest.mark.parametrize("size", [MANY - 1, MANY + 1, 3000])
@pytest.mark.parametrize("kind", ["any", "few", "one", "tiny", "signs"])
def test_the_order_is_stable(kind: str, size: int) -> None:
    rng = np.random.default_rng(size)
    keys = {
        "any": rng.standard_normal(size), "few": rng.integers(-3, 3, size) / 7, "one": np.full(size, 0.3),
        "tiny": rng.standard_normal(size) * 1e-310, "signs": rng.choice([0.0, -0.0, 1.0, -1.0], size),
    }  # fmt: skip
    key = keys[kind]
    assert in_order(key, np.ones(size), UP).tolist() == np.argsort(key, kind="stable").tolist()
    assert in_order(key, np.ones(size), DOWN).tolist() == np.argsort(-key, kind="stable").tolist()


def test_batches_are_slots_side_by_side() -> None:
    books = markets("rounded", 7, 60)
    one_by_one = [rows_of(*(values[t : t + 1] for values in books))[0] for t in range(60)]
    assert rows_of(*books) == one_by_one


# --- what a book may hold --------------------------------------------------------------------------------------------


def single(price: list[float], bid_kwh: list[float], ask_kwh: list[float]) -> list[tuple[int, int, float]]:
    return rows_of(*(np.array([row], np.float64) for row in (price, bid_kwh, ask_kwh)))[0]


NOBODY: dict[str, tuple[list[float], list[float], list[float]]] = {
    "no member": ([], [], []),
    "no order": ([0.2, 0.2], [0.0, 0.0], [0.0, 0.0]),
    "buyers only": ([0.3, 0.2], [1.0, 2.0], [0.0, 0.0]),
    "sellers only": ([0.3, 0.2], [0.0, 0.0], [1.0, 2.0]),
    "bids below asks": ([0.1, 0.2], [1.0, 0.0], [0.0, 1.0]),
    "a bid without a price": ([NAN, 0.1], [1.0, 0.0], [0.0, 1.0]),
    "an ask without a price": ([0.3, NAN], [1.0, 0.0], [0.0, 1.0]),
    "a bid of any price": ([INF, 0.1], [1.0, 0.0], [0.0, 1.0]),
    "an ask of any price": ([0.3, -INF], [1.0, 0.0], [0.0, 1.0]),
    "no number of kWh": ([0.3, 0.1], [NAN, 0.0], [0.0, 1.0]),
    "endless energy": ([0.3, 0.1], [INF, 0.0], [0.0, 1.0]),
    "negative energy": ([0.3, 0.1], [-1.0, 0.0], [0.0, 1.0]),
    "hardly any energy": ([0.3, 0.1], [1e-10, 0.0], [0.0, 1.0]),
}


@pytest.mark.parametrize("what", NOBODY)
def test_nobody_trades(what: str) -> None:
    assert single(*NOBODY[what]) == []


@pytest.mark.parametrize("kind", ["price", "energy"])
@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_what_is_no_order_keeps_nobody_else_from_trading(kind: str, value: float) -> None:
    price, bids = [0.3, 0.3, 0.1], [1.0, 1.0, 0.0]
    (price if kind == "price" else bids)[0] = value
    assert single(price, bids, [0.0, 0.0, 1.0]) == [(1, 2, 1.0)]


def test_a_bid_that_equals_the_ask_trades() -> None:
    assert single([0.2, 0.2], [1.0, 0.0], [0.0, 1.0]) == [(0, 1, 1.0)]


def test_ties_go_by_number() -> None:
    assert single([0.3, 0.3, 0.1, 0.1], [1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.5, 1.0]) == [
        (0, 2, 0.5),
        (0, 3, 0.5),
        (1, 3, 0.5),
    ]


def test_what_rounding_leaves_is_no_trade() -> None:
    """0.3 - 0.1 - 0.2 is 2.8e-17 in floating point."""
    rows = single([0.3, 0.1, 0.1, 0.1], [0.3, 0, 0, 0], [0.0, 0.1, 0.2, 0.5])
    assert rows == [(0, 1, 0.1), (0, 2, pytest.approx(0.2))]


def test_where_a_book_ends() -> None:
    price = np.array([[0.3, 0.25, 0.15, 0.1, 0.2], [0.3, 0.1, 0.3, 0.4, 0.4]])
    bids = np.array([[1.0, 1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0, 0.0]])
    asks = np.array([[0.0, 0.0, 0.0, 1.5, 1.0], [0.0, 0.0, 1.0, 1.0, 0.0]])
    _, _, _, _, last, left = matched(price, price, bids, asks)
    assert last.tolist() == [[1, 4], [0, 2]]
    assert left.tolist() == [[0.15, 0.2], [0.1, 0.4]]
    _, _, _, _, last, left = matched(price, price, bids, np.zeros((2, 5)))
    assert last.tolist() == [[-1, -1]] * 2
    assert left.tolist() == [[0.3, INF]] * 2


def test_trades_add_up_by_member() -> None:
    index = np.array([0, 0, 1]), np.array([0, 0, 1]), np.array([2, 3, 2])
    got, given, paid, earned = tallied(*index, np.array([1.0, 2.0, 4.0]), np.array([0.1, 0.2, 0.3]), 2, 4)
    assert got.tolist() == [[3, 0, 0, 0], [0, 4, 0, 0]]
    assert given.tolist() == [[0, 0, 1, 2], [0, 0, 4, 0]]
    np.testing.assert_allclose(paid, [[0.5, 0, 0, 0], [0, 1.2, 0, 0]])
    np.testing.assert_allclose(earned, [[0, 0, 0.1, 0.4], [0, 0, 1.2, 0]])
