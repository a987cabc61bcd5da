"""What stands in a journal, by hand: two houses, one slot, every reason."""

from dataclasses import replace

import numpy as np
import pytest
from tests._communities import hand_made
from tests.ledger._ledgers import book

from commonwatt.accounts import Account, Entries
from commonwatt.errors import AuditError
from commonwatt.ledger import read_ledger
from commonwatt.ledger.hash_chain import HashChain
from commonwatt.record import Record
from commonwatt.run import opening
from commonwatt.scenario import Scenario
from commonwatt.simulate import simulate

HOMES = hand_made([[3.0, -1.0], [-2.0, 1.0], [1.0, 1.0]])
FLAT = {"kind": "flat", "buy": 0.30, "export_ratio": 1 / 3}
OPERATOR, RETAILER, NETWORK, LOSSES = (int(a) for a in (
    Account.OPERATOR, Account.RETAILER, Account.NETWORK, Account.LOSSES,
))  # fmt: skip


def journal(tmp_path, homes=HOMES, **parts):
    document = Scenario.model_validate({"tariff": FLAT, "ledger": {"kind": "hash_chain"}, **parts})
    book(document, homes, tmp_path)
    found = read_ledger(tmp_path)
    columns = (found.slot, found.reason, found.payer, found.payee, found.micro_kwh, found.micro_money)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_a_pool_behind_one_meter(tmp_path):
    """Inside at 0.20; what is short is bought at 0.30, what is spare is sold at 0.10; a fee of 0.02 in halves.

    Behind one meter the operator passes the grid's part on: who is long or short pays or gets it beside its trade.
    """
    found = journal(tmp_path, market={"kind": "pool"}, pool={"fee_per_kwh": 0.02, "fee_payee": "network"})
    assert found == [
        (0, "trade", 0, 1, 1_000_000, 200_000),
        (0, "pool", 0, OPERATOR, 2_000_000, 600_000),
        (0, "coupling", OPERATOR, RETAILER, 2_000_000, 600_000),
        (0, "pool fee", 0, NETWORK, 0, 10_000),
        (0, "pool fee", 1, NETWORK, 0, 10_000),
        (1, "trade", 1, 0, 1_000_000, 200_000),
        (1, "pool", OPERATOR, 0, 1_000_000, 100_000),
        (1, "coupling", RETAILER, OPERATOR, 1_000_000, 100_000),
        (1, "pool fee", 0, NETWORK, 0, 10_000),
        (1, "pool fee", 1, NETWORK, 0, 10_000),
        (2, "pool", 0, OPERATOR, 1_000_000, 300_000),
        (2, "pool", 1, OPERATOR, 1_000_000, 300_000),
        (2, "coupling", OPERATOR, RETAILER, 2_000_000, 600_000),
    ]


@pytest.mark.parametrize("pairs", [True, False])
def test_a_pool_among_own_meters(tmp_path, pairs):
    """The market's own trades, and those made where it names none, are the same; losses go to their account."""
    market = {"kind": "pool_prorata", "pairs": pairs}
    found = journal(tmp_path, market=market, pool={"efficiency": 0.8})
    assert found == [
        (0, "trade", 0, 1, 800_000, 160_000),
        (0, "grid", 0, RETAILER, 2_200_000, 660_000),
        (0, "losses", LOSSES, 1, 200_000, 0),
        (1, "trade", 1, 0, 1_000_000, 200_000),
        (1, "grid", RETAILER, 0, 750_000, 75_000),
        (1, "losses", LOSSES, 0, 250_000, 0),
        (2, "grid", 0, RETAILER, 1_000_000, 300_000),
        (2, "grid", 1, RETAILER, 1_000_000, 300_000),
    ]


def test_charges_stand_under_their_own_reason(tmp_path):
    found = journal(tmp_path, tariff={**FLAT, "fixed_per_day": 0.5})
    assert found[-2:] == [(2, "fixed charge", 0, NETWORK, 0, 500_000), (2, "fixed charge", 1, NETWORK, 0, 500_000)]


def test_who_is_paid_for_taking_energy_pays_less_than_nothing(tmp_path):
    prices = {"kind": "series", "import_prices": [-0.1] * 3, "export_prices": [-0.2] * 3}
    found = journal(tmp_path, tariff=prices, market={"kind": "pool"})
    assert (0, "trade", 0, 1, 1_000_000, -150_000) in found
    assert (0, "pool", 0, OPERATOR, 2_000_000, -200_000) in found


def test_a_deficit_stays_with_the_operator(tmp_path):
    """Two prices that do not balance: nothing makes up for what is missing."""
    homes = replace(HOMES, load_kw=HOMES.load_kw + 1.0, pv_kw=HOMES.pv_kw + 1.0)
    found = journal(tmp_path, homes, market={"kind": "mid_market_rate", "weigh": "gross"})
    operator = sum(m for *_, payee, _, m in found if payee == OPERATOR) - sum(
        m for _, _, payer, _, _, m in found if payer == OPERATOR
    )
    assert operator < -1000


def test_entries_of_a_regulator_are_kept_as_they_are(tmp_path):
    """Bonuses, fines and whatever else comes as an entry: between any two parties, under its reason."""
    document = Scenario.model_validate({"tariff": FLAT, "ledger": {"kind": "hash_chain"}})
    (window,) = simulate(document, HOMES)
    amounts = np.array([0.25, 0.125])
    rows = Entries(
        slot=np.array([1, 1]), payer=np.array([0, int(Account.REGULATOR)]), payee=np.array([int(Account.REGULATOR), 1]),
        amount=amounts, reason=np.array(["fine", "bonus"]),
    )  # fmt: skip
    columns = dict(Record.of(window).columns)
    columns["wallet_money"] = columns["wallet_money"] + np.array([[0, 0], [-0.25, 0.125], [-0.25, 0.125]])
    columns["till_money"] = columns["till_money"].copy()
    columns["till_money"][1:, Account.REGULATOR.column] += 0.125
    record = replace(Record.of(window), columns=columns, entries=rows)
    with document.ledger.opened(opening(document, "id", HOMES), tmp_path) as made:
        made.take(record)
        made.close()
    found = read_ledger(tmp_path)
    told = [k for k, reason in enumerate(found.reason) if reason in ("fine", "bonus")]
    assert found.reason[told].tolist() == ["fine", "bonus"]
    assert found.micro_money[told].tolist() == [250_000, 125_000]
    assert list(zip(found.payer[told], found.payee[told], strict=True)) == [(0, -6), (-6, 1)]


# --- records that do not add up ---------------------------------------------------------------------------------------


def faulty(column, change):
    document = Scenario.model_validate({
        "tariff": FLAT, "market": {"kind": "pool_prorata", "pairs": True}, "ledger": {"kind": "hash_chain"},
    })  # fmt: skip
    (window,) = simulate(document, HOMES)
    record = Record.of(window)
    if column == "entries":
        return replace(record, entries=change(record.entries))
    values = record.columns[column].copy()
    change(values)
    return record.changed(column, values)


def entry(slot=0, payer=0, payee=1):
    rows = {name: np.array([value]) for name, value in (("slot", slot), ("payer", payer), ("payee", payee))}
    return Entries(**rows, amount=np.ones(1), reason=np.array(["bonus"]))


WRONG = {
    "a wallet": ("wallet_money", lambda v: v.__setitem__((1, 0), v[1, 0] + 0.01), "L1 broken at slot 1: member_1 has"),
    "a till": ("till_money", lambda v: v.__setitem__((2, 1), 7.0), "L1 broken at slot 2: retailer has"),
    "no number": ("energy_money", lambda v: v.__setitem__((0, 0), np.nan), "money is not finite"),
    "no energy": ("import_kwh", lambda v: v.__setitem__((0, 0), np.inf), "energy is not finite"),
    "too much": ("energy_money", lambda v: v.__setitem__((0, 0), 1e10), r"or above 5e\+09"),
    "another slot": ("entries", lambda e: entry(slot=7), "an entry has slot 7"),
    "nobody known": ("entries", lambda e: entry(payer=2), "an entry has payer 2"),
    "no account": ("entries", lambda e: entry(payee=-10), "an entry has payee -10"),
    "no wallet": ("wallet_money", lambda v: v.__setitem__((0, 0), np.nan), "a wallet is not finite"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_record_that_does_not_add_up_gets_no_entry(what):
    column, change, said = WRONG[what]
    with (
        HashChain(sign=False).opened(opening(Scenario(), "id", HOMES), None) as made,
        pytest.raises(AuditError, match=said),
    ):
        made.take(faulty(column, change))
