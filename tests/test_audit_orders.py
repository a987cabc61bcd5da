"""Faults in what was quoted and traded by order: each must be caught by the invariant that says what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from tests._communities import make_community

from commonwatt.audit import Audit, Declared
from commonwatt.flow import Community, Pool, Prices, Trades
from commonwatt.markets import MARKETS
from commonwatt.noun import Array
from commonwatt.record import Record
from commonwatt.run import auditor
from commonwatt.scenario import Scenario
from commonwatt.simulate import simulate
from commonwatt.tariffs.contract import Contract


@dataclass(frozen=True)
class Case:
    """A sound record of an auction at own contracts, and what it is held against."""

    community: Community
    prices: Prices
    declared: Declared
    record: Record

    def broken(self, record: Record, **declared: bool) -> set[str]:
        """Invariants that a record breaks."""
        audit = Audit(self.community, self.prices, replace(self.declared, **declared))
        audit.take(record)
        return set(audit.broken)


@cache
def case_of(kind: str) -> Case:
    apart = np.random.default_rng(7).uniform(0.0, 20.0, (6, 6))
    community = replace(make_community(7, members=6, slots=96, devices=False), distance_km=apart)
    document = Scenario(tariff=Contract(), market=MARKETS[kind](), pool=Pool(efficiency=0.95))
    prices = document.prices(community)
    (window,) = simulate(document, community, prices=prices)
    return Case(community, prices, auditor(document, community, prices).declared, Record.of(window))


AUCTIONS = [kind for kind, cls in MARKETS.items() if "bidder" in cls.model_fields]


@pytest.mark.parametrize("kind", AUCTIONS)
def test_a_sound_auction_is_sound(kind: str) -> None:
    case = case_of(kind)
    assert case.broken(case.record) == set()


def changed(record: Record, column: str, where: Array, by: float) -> Record:
    values = np.array(record.columns[column])
    values[np.unravel_index(int(np.argmax(where)), values.shape)] += by
    return record.changed(column, values)


Fault = Callable[[Record], Record]
FAULTS: dict[str, Fault] = {
    "bought above the bid": lambda r: changed(r, "quote_price", bought_at_its_bid(r), -0.01),
    "sold below the ask": lambda r: changed(r, "quote_price", r.columns["sold_kwh"], 0.5),
    "more than the bid": lambda r: changed(r, "bid_kwh", r.columns["bought_kwh"], -1.0),
    "more than the ask": lambda r: changed(r, "ask_kwh", r.columns["sold_kwh"], -1.0),
    "a bid beyond the meter": lambda r: changed(r, "bid_kwh", r.columns["bid_kwh"], 0.01),
    "an ask beyond the meter": lambda r: changed(r, "ask_kwh", r.columns["ask_kwh"], 0.01),
    "a negative bid": lambda r: changed(r, "bid_kwh", r.columns["ask_kwh"], -0.01),
    "a price that is no number": lambda r: changed(r, "quote_price", r.columns["bid_kwh"], float("nan")),
    "a bid in a closed slot": lambda r: changed(r, "bid_kwh", ~r.access * r.columns["import_kwh"], 0.001),
}  # fmt: skip


def bought_at_its_bid(record: Record) -> Array:
    c = record.columns
    return np.where(c["bought_kwh"] > 0.01, -abs(c["quote_price"] - c["buy_price"]), -9.0)


@pytest.mark.parametrize("what", FAULTS)
def test_orders_are_kept(what: str) -> None:
    case = case_of("uniform_price")
    assert "T4" in case.broken(FAULTS[what](case.record))


def test_two_prices_are_not_one() -> None:
    case = case_of("pairwise_midpoint")
    assert "T5" in case.broken(case.record, one_price=True)
    uniform = case_of("uniform_price")
    prices = np.array(uniform.record.columns["sell_price"])
    prices[uniform.record.columns["sold_kwh"].sum(axis=1) > 0, 0] -= 0.01
    sells = uniform.record.columns["sold_kwh"][:, 0] > 0
    assert sells.any()
    assert "T5" in uniform.broken(uniform.record.changed("sell_price", prices))


def test_more_trades_than_there_can_be() -> None:
    """Every trade in two halves: the sums are the same, but a match fills somebody with every trade."""
    case = case_of("pairwise_midpoint")
    trades = case.record.trades
    assert trades is not None
    half = replace(trades, kwh=0.5 * trades.kwh, sent_kwh=0.5 * trades.sent_kwh)
    assert case.broken(replace(case.record, trades=Trades.joined(half, half))) == {"T5"}


@pytest.mark.parametrize("kind", [kind for kind in AUCTIONS if not MARKETS[kind]().promise.efficient])
def test_who_promises_the_best_match_is_held_to_it(kind: str) -> None:
    case = case_of(kind)
    assert "T6" in case.broken(case.record, efficient=True)


def test_a_pair_left_over() -> None:
    """A slot's trades all lost, with the energy they moved: every bid meets an ask that is left."""
    case = case_of("uniform_price")
    record, slot = case.record, int(case.record.columns["bought_kwh"].sum(axis=1).argmax())
    for column in ("bought_kwh", "sold_kwh"):
        values = np.array(record.columns[column])
        values[slot] = 0.0
        record = record.changed(column, values)
    assert "T6" in case.broken(record)


def test_a_better_bid_passed_over() -> None:
    """The bids of a buyer that is served and of one that is not, swapped."""
    case = case_of("uniform_price")
    c = case.record.columns
    full, out = c["bought_kwh"] > 0.01, (c["bid_kwh"] > 0.01) & (c["bought_kwh"] < 1e-9)
    slot = int(np.flatnonzero(full.any(axis=1) & out.any(axis=1))[0])
    served, left = int(full[slot].argmax()), int(out[slot].argmax())
    price = np.array(c["quote_price"])
    price[slot, [served, left]] = price[slot, [left, served]]
    assert "T6" in case.broken(case.record.changed("quote_price", price))
