"""Blocks that are worked for: rules, rewards, miners that give up; the same blocks every time."""

import numpy as np
import pytest
from tests._communities import make_community
from tests.ledger._ledgers import ask, book, change, scenario, store

from commonwatt.accounts import Account
from commonwatt.errors import AuditError
from commonwatt.ledger import NAME, check_ledger, read_ledger
from commonwatt.ledger.proof_of_work import ProofOfWork
from commonwatt.run import run
from commonwatt.scenario import Scenario
from commonwatt.streams import Streams

HOMES = make_community(5, members=9, slots=24)


def mined(tmp_path, cut=None, **rules):
    parts = {"kind": "proof_of_work", "difficulty": 2, "sign": False, **rules}
    document = Scenario.model_validate({"market": {"kind": "pool"}, "ledger": parts})
    (tmp_path / NAME).unlink(missing_ok=True)
    closed, _ = book(document, HOMES, tmp_path, cut=cut)
    return closed, read_ledger(tmp_path)


@pytest.mark.parametrize("difficulty", [0, 1, 3])
def test_every_hash_begins_with_as_many_zeros(tmp_path, difficulty):
    mined(tmp_path, difficulty=difficulty)
    hashes = [row[0].hex() for row in ask(tmp_path, "SELECT hash FROM block")]
    assert all(each.startswith("0" * difficulty) for each in hashes)
    assert not all(each.startswith("0" * (difficulty + 1)) for each in hashes)


def test_less_work_than_the_rules_ask_for_is_refused(tmp_path):
    """The rules stand in the header, and changing them there changes the ledger's hash."""
    mined(tmp_path, difficulty=1)
    change(tmp_path, "UPDATE header SET value = replace(value, '\"difficulty\":1', '\"difficulty\":2')")
    with pytest.raises(AuditError, match="block 0: it does not name the hash of the ledger's header"):
        check_ledger(tmp_path)


def test_blocks_are_mined_until_nothing_waits(tmp_path):
    closed, found = mined(tmp_path, block_size=5)
    assert closed.pending == 0
    journal = found.reason != "block reward"
    per_slot = np.bincount(found.slot[journal], minlength=24)
    assert closed.blocks_in(24).tolist() == (-(-per_slot // 5)).tolist()
    counts = [row[0] for row in ask(tmp_path, "SELECT count FROM block")]
    assert max(counts) == 6
    assert sum(counts) == closed.entries


def test_the_mint_pays_for_every_block_and_no_member_does(tmp_path):
    closed, found = mined(tmp_path, reward=0.25, miners=4)
    paid = found.reason == "block reward"
    assert paid.sum() == closed.blocks
    assert set(found.micro_money[paid]) == {250_000}
    assert set(zip(found.payer[paid], found.payee[paid], strict=True)) == {(int(Account.MINT), int(Account.MINERS))}
    assert not np.isin(found.payer[~paid], [Account.MINT, Account.MINERS]).any()
    assert sum(miner["blocks"] for miner in closed.miners) == closed.blocks
    assert sum(miner["reward"] for miner in closed.miners) == pytest.approx(0.25 * closed.blocks)
    assert {miner["miner"] for miner in closed.miners} <= set(range(4))


def test_without_a_reward_nothing_is_minted(tmp_path):
    closed, found = mined(tmp_path, reward=0.0)
    assert "block reward" not in found.reason
    assert sum(miner["blocks"] for miner in closed.miners) == closed.blocks


def test_an_operator_that_pays_miners_too_much_is_found(tmp_path, monkeypatch):
    """Hashes, work and signatures are right; only the rules in the header say another reward."""
    with monkeypatch.context() as patched:
        patched.setattr(ProofOfWork, "micro_reward", 200_000)
        mined(tmp_path, difficulty=1, sign=True)
    with pytest.raises(AuditError, match="block 0: it does not pay the reward of 100000 millionths once"):
        check_ledger(tmp_path)


def test_an_operator_that_does_not_work_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(ProofOfWork, "sealed", lambda self, block, streams: block)
    with pytest.raises(AuditError, match="block 0: it does not keep to the rules of a proof_of_work ledger"):
        mined(tmp_path, difficulty=4, sign=True)


def test_miners_and_numbers_are_drawn(tmp_path):
    """Stream `ledger`, by block and slot: the miner, then where its search begins; the first number that fits."""
    mined(tmp_path, miners=7, difficulty=1)
    for height, slot, miner, nonce in ask(tmp_path, "SELECT height, slot, miner, nonce FROM block")[:5]:
        drawn = Streams(0).at("ledger", height, slot)
        assert miner == drawn.integers(7)
        assert 0 <= (nonce - int(drawn.integers(2**62))) % 2**62 < 400


def test_a_miner_that_gives_up_leaves_its_block_to_the_next_slot(tmp_path):
    closed, found = mined(tmp_path, max_attempts=200, block_size=4)
    blocks = ask(tmp_path, "SELECT slot, first, count FROM block ORDER BY height")
    late = sum(
        slot > ask(tmp_path, f"SELECT min(slot) FROM entry WHERE number >= {first} AND number < {first + count}")[0][0]
        for slot, first, count in blocks
    )
    assert late > 3
    assert closed.pending > 0
    assert (found.block == -1).sum() == closed.pending
    assert (found.number[found.block == -1] == np.arange(closed.entries - closed.pending, closed.entries)).all()
    assert closed.notes == (f"ledger: {closed.pending} entries are pending at the end, since miners gave up",)
    assert check_ledger(tmp_path).pending == closed.pending
    journal = found.number[found.reason != "block reward"]
    assert (np.diff(found.slot[journal]) >= 0).all()


def test_a_single_attempt_finds_hardly_anything(tmp_path):
    closed, found = mined(tmp_path, max_attempts=1, difficulty=4)
    assert (closed.blocks, closed.pending) == (0, closed.entries)
    assert (closed.block_of(np.arange(closed.trades)) == -1).all()
    assert closed.head == closed.chain
    assert check_ledger(tmp_path).pending == found.number.size


def test_which_block_a_trade_is_in(tmp_path):
    for rules in ({"block_size": 4}, {"block_size": 4, "max_attempts": 200}):
        closed, found = mined(tmp_path, **rules)
        trades = found.trade >= 0
        assert closed.block_of(found.trade[trades]).tolist() == found.block[trades].tolist()


@pytest.mark.parametrize("cut", [1, 7])
def test_how_time_is_cut_changes_no_byte(tmp_path, cut):
    whole = mined(tmp_path, max_attempts=200, block_size=4)[0]
    content = (tmp_path / NAME).read_bytes()
    parts = mined(tmp_path, max_attempts=200, block_size=4, cut=cut)[0]
    assert (parts.head, parts.pending) == (whole.head, whole.pending)
    assert (tmp_path / NAME).read_bytes() == content


def test_the_result_tells_of_it(tmp_path):
    document = scenario(ledger={"kind": "proof_of_work", "difficulty": 2, "max_attempts": 300})
    result = store(document, tmp_path / "run")
    told = result.summary()["ledger"]
    assert told["blocks"] == sum(miner["blocks"] for miner in told["miners"])
    assert told["valid"] is True
    assert told["pending"] == 0 or result.ledger.notes[0] in result.notes
    assert run(document).summary() == result.summary()
