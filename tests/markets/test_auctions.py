"""What auctions promise, column by column: what is promised holds in random books, what is not has a counterexample.

Efficiencies and what is left with the operator are compared with a table measured apart from this code.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from tests._communities import hand_made, make_community, records
from tests.bidders._slots import positions
from tests.markets._orders import (
    book,
    drawn,
    gains,
    left_over,
    misreport_gain,
    of_arrays,
    outcome,
    total_gain,
)

from commonwatt.bidders.price_taker import PriceTaker
from commonwatt.errors import ContractError
from commonwatt.flow import Pool, Positions, Prices, Quotes, State
from commonwatt.markets import MARKETS
from commonwatt.markets._auction import Auction, Book
from commonwatt.markets.uniform_price import UniformPrice
from commonwatt.run import run
from commonwatt.scenario import Scenario
from commonwatt.streams import Streams

AUCTIONS = {kind: cls() for kind, cls in MARKETS.items() if issubclass(cls, Auction)}
COLUMNS = ("balanced", "efficient", "truthful", "one_price", "repeatable", "core")
PROMISED = {
    "pairwise_midpoint": "balanced efficient repeatable",
    "pay_as_bid": "balanced efficient repeatable",
    "uniform_price": "balanced efficient one_price repeatable core",
    "huang": "truthful repeatable",
    "mcafee": "truthful repeatable",
    "sbba": "balanced truthful one_price",
    "muda": "balanced truthful",
    "vcg": "efficient truthful repeatable",
    "nearby": "balanced repeatable",
    "continuous_double_auction": "balanced",
}
SHIFTS = (-0.04, -0.01, 0.01, 0.04)


@pytest.fixture(scope="module", params=[(8, False), (8, True), (4, False)], ids=["any size", "units", "few"])
def books(request: pytest.FixtureRequest) -> Book:
    a_side, unit = request.param
    return drawn(5, 300, a_side, unit=unit)


def promising(column: str, *, yes: bool = True) -> list[str]:
    return [kind for kind, market in AUCTIONS.items() if getattr(market.promise, column) is yes]


def test_the_table_of_promises() -> None:
    """Own meters, individually rational with honest bidders, ties by number: all of them. The rest differs."""
    assert PROMISED.keys() == AUCTIONS.keys()
    for kind, market in AUCTIONS.items():
        promise = market.promise
        assert [name for name in COLUMNS if getattr(promise, name)] == sorted(PROMISED[kind].split(), key=COLUMNS.index)
        assert (promise.world, promise.scope, promise.rational) == ("own_meters", "slot", True)
        assert not promise.anonymous
        assert not promise.in_band


# --- what is promised ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", AUCTIONS)
def test_nobody_loses_by_an_honest_quote(kind: str, books: Book) -> None:
    cleared = AUCTIONS[kind].cleared(books)
    assert gains(books, cleared).min() >= -1e-12
    assert (cleared.bought_kwh <= books.bid_kwh + 1e-9).all()
    assert (cleared.sold_kwh <= books.ask_kwh + 1e-9).all()
    np.testing.assert_allclose(cleared.bought_kwh.sum(axis=1), cleared.sold_kwh.sum(axis=1), rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", promising("balanced"))
def test_nothing_is_left_with_the_operator(kind: str, books: Book) -> None:
    assert abs(left_over(AUCTIONS[kind].cleared(books))).max() < 1e-12


def best_gain(orders: Book) -> np.ndarray:
    """The most that trading can be worth, by duality: at some order's price all would gain just that. (T,)"""
    at, price = orders.price[:, None, :], orders.price[:, :, None]
    by_price = (orders.bid_kwh[:, :, None] * np.maximum(price - at, 0.0)).sum(axis=1)
    by_price += (orders.ask_kwh[:, :, None] * np.maximum(at - price, 0.0)).sum(axis=1)
    best: np.ndarray = by_price.min(axis=1)
    return best


@pytest.mark.parametrize("kind", promising("efficient"))
def test_the_gain_is_the_largest_possible(kind: str, books: Book) -> None:
    gain = total_gain(books, AUCTIONS[kind].cleared(books))
    np.testing.assert_allclose(gain, best_gain(books), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", promising("truthful"))
def test_nobody_gains_by_misstating_its_price(kind: str, books: Book) -> None:
    for member in range(books.shape[1]):
        for shift in SHIFTS:
            assert misreport_gain(AUCTIONS[kind], books, member, shift).max() < 1e-12


@pytest.mark.parametrize("kind", promising("truthful"))
def test_nobody_gains_by_misstating_its_price_where_prices_tie(kind: str) -> None:
    fine = drawn(6, 100, 4)
    books = replace(fine, price=fine.price.round(1))
    for member in range(books.shape[1]):
        for shift in (-0.1, -0.05, 0.05, 0.1):
            assert misreport_gain(AUCTIONS[kind], books, member, shift).max() < 1e-12


@pytest.mark.parametrize("kind", promising("one_price"))
def test_a_slot_has_one_price(kind: str, books: Book) -> None:
    cleared = AUCTIONS[kind].cleared(books)
    for price, kwh in ((cleared.buy_price, cleared.bought_kwh), (cleared.sell_price, cleared.sold_kwh)):
        assert (abs(price - cleared.buy_price[:, :1])[kwh > 0] == 0).all()


@pytest.mark.parametrize("kind", promising("repeatable"))
def test_the_same_slot_ends_the_same(kind: str) -> None:
    orders = drawn(5, 50, 6)
    once, again = (AUCTIONS[kind].cleared(replace(orders, streams=Streams(seed))) for seed in (1, 2))
    assert np.array_equal(once.bought_kwh, again.bought_kwh)
    assert np.array_equal(once.buy_price, again.buy_price)


# --- what is not -----------------------------------------------------------------------------------------------------

TWO_PAIRS = book([(0.30, 1), (0.28, 1)], [(0.10, 1), (0.12, 1)])
UNEVEN = book([(0.30, 1), (0.16, 1)], [(0.10, 1), (0.12, 1), (0.26, 1)])


@pytest.mark.parametrize(("kind", "left"), [("huang", 0.16), ("mcafee", 0.16), ("vcg", -2 * 0.16)])
def test_unbalanced_two_pairs(kind: str, left: float) -> None:
    """Trade reduction: one kWh at 0.28 and 0.12. VCG: each buyer pays 0.12, each seller gets 0.28."""
    assert outcome(AUCTIONS[kind], TWO_PAIRS).operator == pytest.approx(left)


def test_the_unbalanced_are_those() -> None:
    assert promising("balanced", yes=False) == ["huang", "mcafee", "vcg"]


@pytest.mark.parametrize(
    ("kind", "lost"),
    [("huang", 0.16), ("mcafee", 0.16), ("sbba", 0.16), ("muda", 0.16), ("continuous_double_auction", 0.02)],
)
def test_inefficient(kind: str, lost: float) -> None:
    """Of two pairs worth 0.20 and 0.16 one does not trade; lots may make it worse. In turn, all may trade badly."""
    orders = book([(0.30, 1), (0.28, 1)], [(0.10, 1), (0.12, 1), (0.29, 1)], slots=64)
    gain = total_gain(orders, AUCTIONS[kind].cleared(orders))
    assert (0.36 - gain).max() >= lost - 1e-12
    assert kind in promising("efficient", yes=False)


def test_the_inefficient_are_those() -> None:
    others = ["continuous_double_auction", "huang", "mcafee", "muda", "nearby", "sbba"]
    assert promising("efficient", yes=False) == others


@pytest.mark.parametrize(
    ("kind", "shift", "gain"),
    [
        ("pairwise_midpoint", -0.10, 0.05),
        ("pay_as_bid", -0.10, 0.10),
        ("uniform_price", -0.10, 0.05),
        ("nearby", -0.10, 0.05),
    ],
)
def test_a_buyer_gains_by_bidding_less(kind: str, shift: float, gain: float) -> None:
    """One buyer of 0.30 and one seller of 0.10: what the buyer hides moves the price."""
    orders = book([(0.30, 1)], [(0.10, 1)])
    assert misreport_gain(AUCTIONS[kind], orders, 0, shift)[0] == pytest.approx(gain)


def test_a_first_comer_gains_by_bidding_less() -> None:
    """Whoever comes first rests in the book and is met at its own price."""
    orders = book([(0.30, 1)], [(0.10, 1)], slots=32)
    gain = misreport_gain(AUCTIONS["continuous_double_auction"], orders, 0, -0.10)
    assert set(gain.round(9).tolist()) == {0.0, 0.1}


def test_the_manipulable_are_those() -> None:
    names = ["continuous_double_auction", "nearby", "pairwise_midpoint", "pay_as_bid", "uniform_price"]
    assert promising("truthful", yes=False) == names


def test_truthful_means_prices_not_quantities() -> None:
    """Trade reduction leaves out the last seller: a large one that hides energy is no longer the last."""
    honest = outcome(AUCTIONS["huang"], book([(0.30, 6), (0.28, 3)], [(0.10, 10), (0.12, 5)]))
    hiding = outcome(AUCTIONS["huang"], book([(0.30, 6), (0.28, 3)], [(0.10, 8), (0.12, 5)]))
    assert honest.earned[0] == 0.0
    assert hiding.earned[0] - 0.10 * hiding.given[0] == pytest.approx(6 * 0.02)


@pytest.mark.parametrize("kind", promising("one_price", yes=False))
def test_several_prices(kind: str) -> None:
    orders = book([(0.30, 1), (0.26, 1), (0.24, 1)], [(0.10, 1), (0.12, 1), (0.18, 1)], slots=64)
    cleared = AUCTIONS[kind].cleared(orders)
    prices = [np.where(c > 0, p, np.nan) for p, c in (
        (cleared.buy_price, cleared.bought_kwh), (cleared.sell_price, cleared.sold_kwh))]  # fmt: skip
    both = np.hstack(prices)
    traded = both[~np.isnan(both).all(axis=1)]
    assert (np.nanmax(traded, axis=1) - np.nanmin(traded, axis=1)).max() > 0.005


@pytest.mark.parametrize("kind", promising("repeatable", yes=False))
def test_lots_decide(kind: str) -> None:
    orders = book([(0.30, 1), (0.26, 1), (0.24, 1)], [(0.10, 1), (0.14, 1), (0.16, 1)], slots=64)
    assert len({tuple(row) for row in gains(orders, AUCTIONS[kind].cleared(orders)).round(9).tolist()}) > 1


@pytest.mark.parametrize("kind", [k for k in AUCTIONS if k not in ("muda", "continuous_double_auction", "nearby")])
def test_ties_go_by_number(kind: str) -> None:
    """Three equal buyers for the energy of two: the last is never served, the first always."""
    served = AUCTIONS[kind].cleared(book([(0.30, 1)] * 3, [(0.10, 1)] * 2, slots=64)).bought_kwh
    assert (served[:, 0] == 1).all()
    assert not served[:, 2].any()


@pytest.mark.parametrize("kind", ["muda", "continuous_double_auction"])
def test_ties_go_by_lot(kind: str) -> None:
    served = AUCTIONS[kind].cleared(book([(0.30, 1)] * 8, [(0.10, 1)] * 7, slots=64)).bought_kwh[:, :8]
    assert (served.any(axis=0) & ~served.all(axis=0)).all()


@pytest.mark.parametrize("kind", ["pairwise_midpoint", "pay_as_bid", "vcg", "continuous_double_auction"])
def test_a_group_that_would_leave(kind: str) -> None:
    """Buyers of 0.30 and 0.28, sellers of 0.10 and 0.14: one of these and one of those could do better together."""
    orders = book([(0.30, 1), (0.28, 1)], [(0.10, 1), (0.14, 1)], slots=16)
    mine = gains(orders, AUCTIONS[kind].cleared(orders))
    alone = orders.price[:, :2, None] - orders.price[:, None, 2:]
    blocked = alone - (mine[:, :2, None] + mine[:, None, 2:])
    assert (blocked.max() > 1e-9) or (left_over(AUCTIONS[kind].cleared(orders)).min() < -1e-9)


def contracts(kind: str) -> tuple[Scenario, np.ndarray]:
    """Four who trade at dear contracts, four idle ones at cheap ones: the means lie below all trades."""
    traits = {"contract_buy": np.array([0.5, 0.52, 0.54, 0.56] * 2 + [0.1] * 8),
              "contract_sell": np.array([0.4, 0.41, 0.42, 0.43] * 2 + [0.05] * 8)}  # fmt: skip
    community = hand_made([[1.0] * 4 + [-1.0] * 4 + [0.0] * 8] * 32, traits=traits)
    document = Scenario(tariff={"kind": "contract"}, market={"kind": kind})
    kept = records(document, community)
    price = np.vstack([np.where(r.columns["bought_kwh"] > 0, r.columns["buy_price"], np.nan) for r in kept])
    return document, price - document.prices(community).coupling_buy[:, None]


@pytest.mark.parametrize("kind", AUCTIONS)
def test_own_contracts_take_prices_out_of_the_common_band(kind: str) -> None:
    _, above = contracts(kind)
    assert np.nanmax(above) > 0.05


# --- measured --------------------------------------------------------------------------------------------------------

MEASURED = {  # efficiency and operator's share of the largest gain, with 8 and with 40 a side
    "pairwise_midpoint": ((1, 0), (1, 0)), "pay_as_bid": ((1, 0), (1, 0)), "uniform_price": ((1, 0), (1, 0)),
    "huang": ((0.887, 0.117), (0.984, 0.038)), "mcafee": ((0.983, 0.070), (0.999, 0.017)),
    "sbba": ((0.950, 0), (0.990, 0)), "muda": ((0.496, 0), (0.765, 0)), "vcg": ((1, -0.128), (1, -0.024)),
}  # fmt: skip
BY_HEADS = {"mcafee", "sbba", "muda", "vcg"}
"""Measured with orders of one size."""


@pytest.mark.parametrize("kind", MEASURED)
@pytest.mark.parametrize("large", [False, True], ids=["8 a side", "40 a side"])
def test_efficiency_and_surplus_as_measured_apart(kind: str, large: bool) -> None:
    orders = drawn(1, 600, 40 if large else 8, unit=kind in BY_HEADS)
    best = total_gain(orders, UniformPrice().cleared(orders)).sum()
    cleared = AUCTIONS[kind].cleared(orders)
    efficiency, share = MEASURED[kind][large]
    assert total_gain(orders, cleared).sum() / best == pytest.approx(efficiency, abs=0.05)
    assert left_over(cleared).sum() / best == pytest.approx(share, abs=0.04)


# --- in the pipeline -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", AUCTIONS)
def test_a_book_may_be_empty_or_one_sided(kind: str) -> None:
    no_kwh, bid, ask = (0.2, 0.0), (0.3, 1.0), (0.1, 1.0)
    for bids, asks in (([no_kwh], [no_kwh]), ([bid], []), ([], [ask]), ([(0.1, 1.0)], [(0.3, 1.0)])):
        cleared = AUCTIONS[kind].cleared(book(bids, asks))
        assert not cleared.bought_kwh.any()
        assert not cleared.sold_kwh.any()
        assert np.isfinite(cleared.buy_price).all()
        assert np.isfinite(cleared.sell_price).all()


@pytest.mark.parametrize("kind", AUCTIONS)
def test_losses_fall_on_what_is_sent(kind: str) -> None:
    """Orders are matched as delivered; 0.8 of what is sent arrives."""
    orders = drawn(3, 40, 6)
    lossy = replace(orders, efficiency=0.8)
    with_losses, without = AUCTIONS[kind].cleared(lossy), AUCTIONS[kind].cleared(orders)
    np.testing.assert_allclose(with_losses.bought_kwh, without.bought_kwh)
    np.testing.assert_allclose(with_losses.sold_kwh, without.sold_kwh / 0.8)


@pytest.mark.parametrize("kind", AUCTIONS)
def test_the_operator_keeps_and_bears_what_is_left(kind: str) -> None:
    traits = {"contract_buy": np.array([0.30, 0.28, 0.26, 0.25, 0.25]), "contract_sell": np.array([0.1] * 5)}
    community = hand_made([[1.0, 1.0, -1.0, -1.0, 0.2]] * 4, traits=traits)
    found = run(Scenario(tariff={"kind": "contract"}, market={"kind": kind}), community=community)
    assert found.verdict.holds
    left = found.metrics["operator_result"]
    assert (abs(left) > 1e-3) == (not AUCTIONS[kind].promise.balanced)


class Wrong(PriceTaker):
    """Quotes what is no quote."""

    kind: Literal["wrong"] = "wrong"
    what: str = ""

    def quotes(self, positions: Positions, prices: Prices, state: State) -> Quotes:
        sound = super().quotes(positions, prices, state)
        edits = {
            "price": {"quote_price": np.full(positions.shape, np.nan)},
            "negative": {"ask_kwh": np.full(positions.shape, -1.0)},
            "no number": {"bid_kwh": np.full(positions.shape, np.nan)},
            "too much": {"bid_kwh": positions.want_kwh + 1.0},
        }
        return replace(sound, **edits[self.what])


@pytest.mark.parametrize(
    ("what", "said"),
    [("price", "no finite number"), ("negative", "negative or no number"), ("no number", "negative or no number"),
     ("too much", "more energy than it has")],
)  # fmt: skip
def test_a_quote_that_is_none_is_refused_by_name(what: str, said: str) -> None:
    market = UniformPrice.model_construct(bidder=Wrong(what=what))
    document = Scenario.model_construct(**{**dict(Scenario()), "market": market})
    with pytest.raises(ContractError, match=rf"kind 'wrong'\) quoted .*{said}.* \(slot 0, member 0; §3") as error:
        records(document, make_community(0))
    assert len(str(error.value)) < 300


def test_nobody_quotes_on_both_sides() -> None:
    one = np.ones((1, 1))
    both = replace(positions([1.0]), want_kwh=one, have_kwh=one)
    assert Quotes.all_of(both, one).mistake(both) == (0, 0, "a bid and an ask at once")


def test_a_fee_moves_honest_quotes() -> None:
    """Half of 0.04 from each side: bids at 0.28, asks at 0.12, and nobody loses by the fee."""
    tariff = {"kind": "flat", "buy": 0.3, "export_ratio": 1 / 3}
    document = Scenario(tariff=tariff, market={"kind": "pairwise_midpoint"}, pool=Pool(fee_per_kwh=0.04))
    (record,) = records(document, hand_made([[1.0, -1.0]]))
    np.testing.assert_allclose(record.columns["quote_price"], [[0.28, 0.12]])
    dear = document.model_copy(update={"pool": Pool(fee_per_kwh=0.3)})
    assert not records(dear, hand_made([[1.0, -1.0]]))[0].columns["bought_kwh"].any()


def test_no_trade_without_access() -> None:
    community = replace(make_community(2, devices=False), market_open=np.zeros(110, np.bool_))
    for kept in records(Scenario(market={"kind": "uniform_price"}), community):
        assert not kept.columns["bid_kwh"].any()
        assert not kept.columns["bought_kwh"].any()


def test_of_arrays_is_a_book() -> None:
    assert of_arrays(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((2, 3))).shape == (2, 3)
