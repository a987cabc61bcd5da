"""Whole numbers: every wallet, till and meter is reached to one unit in every slot, and nothing is made or lost."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests._communities import TERMS, column, instances, make_community, variants
from tests.ledger._ledgers import book

from commonwatt.accounts import Account
from commonwatt.errors import ScenarioError
from commonwatt.flow import Pool
from commonwatt.ledger import read_ledger
from commonwatt.ledger._journal import Stock
from commonwatt.ledger._units import MICRO, micro, shared_out
from commonwatt.ledger.hash_chain import HashChain
from commonwatt.markets import MARKETS
from commonwatt.scenario import Scenario
from commonwatt.simulate import simulate
from commonwatt.tariffs import TARIFFS

UNSIGNED = HashChain(sign=False)


def rounded(lines, parties=3):
    """Amounts (slot, giver, taker, amount) as whole numbers, with what was moved besides."""
    slot, giver, taker, amounts = (np.array(c) for c in zip(*lines, strict=True))
    starts = np.searchsorted(slot, np.arange(slot[-1] + 2))
    stock = Stock(np.zeros(parties, np.int64), np.zeros(parties))
    levels = stock.moved(starts, giver, taker, amounts.astype(float))
    whole, besides = stock.rounded(starts, giver, taker, amounts.astype(float), levels)
    return whole.tolist(), besides.tolist(), np.abs(stock.whole - levels[-1]).max()


def test_an_amount_that_comes_again_and_again_does_not_drift():
    whole, besides, off = rounded([(t, 0, 1, 0.4) for t in range(10)])
    assert whole == [0, 1, 0, 1, 0, 0, 1, 0, 1, 0]
    assert (sum(whole), besides) == (4, [])
    assert off < 1e-9


def test_whole_amounts_stay_as_they_are():
    whole, besides, _ = rounded([(0, 0, 1, 0.4), (0, 1, 2, 7.0), (0, 2, 0, -3.0), (1, 0, 1, 0.0)])
    assert whole == [0, 7, -3, 0]
    assert besides == []


def test_a_hub_of_many_is_held_to_one_unit():
    """Ten members who are owed 0.4 each: somebody has to get one unit more than others."""
    whole, besides, off = rounded([(0, 10, n, 0.4) for n in range(10)], parties=11)
    assert (sorted(whole), besides) == ([0] * 6 + [1] * 4, [])
    assert off <= 1.0


def test_a_unit_is_moved_where_rounding_up_or_down_is_not_enough():
    """At the end party 3 is due 0.95 and has been given 1 + 1; party 1 is due 0.80 and has been given nothing."""
    lines = [(0, 0, 1, 0.35), (0, 0, 2, 0.35), (1, 0, 1, 0.45), (1, 0, 3, 0.45), (2, 0, 2, 0.5), (3, 0, 2, 0.5)]
    whole, besides, off = rounded([*lines, (3, 0, 3, 0.5)], parties=4)
    assert whole == [0, 1, 0, 1, 0, 0, 1]
    assert besides == [[3, 3, 1]]
    assert off <= 1.0


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 9))
def test_nobody_is_ever_off_by_more_than_a_unit(seed, parties):
    rng = np.random.default_rng(seed)
    slots, per_slot = 40, int(rng.integers(1, 12))
    giver = rng.integers(0, parties, slots * per_slot)
    taker = (giver + rng.integers(1, parties, giver.size)) % parties
    amounts = rng.choice([rng.normal(0, 2, giver.size), np.full(giver.size, 0.5), rng.integers(-3, 4, giver.size)])
    starts = np.arange(0, giver.size + 1, per_slot)
    stock = Stock(np.zeros(parties, np.int64), np.zeros(parties))
    levels = stock.moved(starts, giver, taker, amounts)
    whole, besides = stock.rounded(starts, giver, taker, amounts, levels)
    assert (np.abs(whole - amounts) < 1.0).all()
    moves = np.zeros((slots, parties))
    for sign, who in ((-1, giver), (1, taker)):
        np.add.at(moves, (np.repeat(np.arange(slots), per_slot), who), sign * whole)
    for slot, out, into in besides.tolist():
        moves[slot, [out, into]] += (-1, 1)
    assert np.abs(moves.cumsum(axis=0) - levels).max() <= 1.0 + 1e-9
    assert (stock.whole == moves.sum(axis=0)).all()


def test_shares_are_rounded_by_largest_remainder():
    assert shared_out(np.array([1.2, 2.5, 0.3])).tolist() == [1, 3, 0]
    assert shared_out(np.array([0.5, 0.5, 0.5, 0.5])).tolist() == [1, 1, 0, 0]
    assert shared_out(np.array([-1.5, 1.5])).tolist() == [-1, 1]
    assert shared_out(np.zeros(0)).tolist() == []
    assert micro(0.1) == 100_000


# --- replay -----------------------------------------------------------------------------------------------------------


def reached(found, members, values, slots):
    """Running totals of everybody in every slot: members, then accounts. (T, P)"""
    moves = np.zeros((slots, members + len(Account)), np.int64)
    for who, sign in ((found.payer, -1), (found.payee, 1)):
        np.add.at(moves, (found.slot, np.where(who >= 0, who, members - 1 - who)), sign * values)
    return moves.cumsum(axis=0)


def assert_replays(kept, community, found):
    slots, members = community.shape
    wallets = np.hstack([column(kept, "wallet_money"), column(kept, "till_money")]) * MICRO
    start = np.concatenate([community.traits["wallet_start"], np.zeros(len(Account))]) * MICRO
    money = reached(found, members, found.micro_money, slots) + shared_out(start)
    assert np.abs(money - wallets).max() <= 1.0 + 1e-6
    assert (money.sum(axis=1) == round(start.sum())).all()
    meters = (column(kept, "import_kwh") - column(kept, "export_kwh")).cumsum(axis=0) * MICRO
    energy = -reached(found, members, found.micro_kwh, slots)
    assert np.abs(energy[:, :members] - meters).max() <= 1.0 + 1e-6
    assert (energy.sum(axis=1) == 0).all()
    operator = members + Account.OPERATOR.column
    assert np.abs(energy[:, operator]).max() <= 1


def tariff_for(market, community):
    """Some tariff under which the market works, with a charge by the day."""
    for cls in TARIFFS.values():
        tariff = cls(fixed_per_day=0.7)
        with contextlib.suppress(ScenarioError):
            list(simulate(Scenario(tariff=tariff, market=market), community.window(0, 1)))
            return tariff
    raise AssertionError(f"no tariff suits {market}")


@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("market", variants(MARKETS))
def test_the_entries_lead_to_every_wallet_and_meter(tmp_path, market, terms):
    community = make_community(3)
    document = Scenario(
        tariff=tariff_for(market, community), market=market, pool=TERMS[terms], ledger=UNSIGNED,
        dispatch={"kind": "self_consumption"},
    )  # fmt: skip
    closed, kept = book(document, community, tmp_path)
    found = read_ledger(tmp_path)
    assert_replays(kept, community, found)
    numbers = found.trade[found.trade >= 0]
    assert numbers.tolist() == list(range(closed.trades))
    if kept[0].trades is not None:
        assert closed.trades == sum(record.trades.kwh.size for record in kept)


MARKET = st.sampled_from([market for _, market in instances(MARKETS)])


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 60), MARKET, st.sampled_from([1.0, 0.93]),
    st.sampled_from([0.0, 0.013]), st.sampled_from([None, 1, 7]),
)  # fmt: skip
def test_any_community_any_market(tmp_path_factory, seed, members, slots, market, efficiency, fee, cut):
    folder, community = tmp_path_factory.mktemp("ledger"), make_community(seed, members=members, slots=slots)
    document = Scenario(
        tariff=tariff_for(market, community), market=market, ledger=UNSIGNED,
        pool=Pool(efficiency=efficiency, fee_per_kwh=fee, fee_payee="network"),
    )  # fmt: skip
    _, kept = book(document, community, folder, cut=cut)
    assert_replays(kept, community, read_ledger(folder))
