"""A ledger beside its run: in the folder, in the result, on the command line; and when the writer is killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from tests._command import call, ended, nothing_left, refused, start
from tests.ledger._ledgers import SMALL, ask, scenario, store

from commonwatt.errors import AuditError, ScenarioError
from commonwatt.ledger import NAME, check_ledger, check_proof, proof_of, read_ledger
from commonwatt.reports import screen
from commonwatt.run import run
from commonwatt.scenario import Scenario
from commonwatt.store import read_manifest, verify, verify_ledger

LONG = """\
source: {kind: settlement_comparison, consumers: 20, prosumers: 40, days: 60}
tariff: {kind: contract}
market: {kind: pool_prorata}
ledger: {kind: hash_chain, sign: false}
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    place = tmp_path_factory.mktemp("kept") / "run"
    store(scenario(), place)
    return place


@pytest.fixture
def folder(kept, tmp_path):
    """A copy to break."""
    return shutil.copytree(kept, tmp_path / "run")


# --- in the folder ----------------------------------------------------------------------------------------------------


def test_the_manifest_names_file_and_head(kept):
    manifest, checked = read_manifest(kept), check_ledger(kept)
    assert NAME in manifest["files"]
    assert {name: manifest["ledger"][name] for name in ("chain", "head", "blocks", "entries", "pending")} == {
        name: getattr(checked, name) for name in ("chain", "head", "blocks", "entries", "pending")
    }
    assert sorted(path.name for path in kept.iterdir() if "ledger" in path.name) == [NAME]


def test_the_same_run_keeps_the_same_bytes(kept, tmp_path):
    store(scenario(), tmp_path / "again")
    assert (tmp_path / "again" / NAME).read_bytes() == (kept / NAME).read_bytes()
    again = run(scenario())
    assert again.ledger.head == read_manifest(kept)["ledger"]["head"]
    assert again.summary() == json.loads((kept / "summary.json").read_text())


def test_the_audit_holds_the_ledger_too(kept):
    assert verify(kept).checked[-1] == "L1"
    assert run(scenario()).verdict.checked[-1] == "L1"
    assert "L1" not in run(scenario(ledger={"kind": "none"})).verdict.checked


def test_without_one_nothing_is_kept(tmp_path):
    document = scenario(ledger={"kind": "none"})
    assert store(document, tmp_path / "run").ledger is None
    assert not (tmp_path / "run" / NAME).exists()
    assert read_manifest(tmp_path / "run")["ledger"] is None
    refused(call("ledger", "verify", "run", cwd=tmp_path), "no ledger there (§16)", "ledger: {kind: hash_chain}")
    assert Scenario().ledger.kind == "none"


def test_looking_at_a_scenario_loads_neither_keys_nor_sql():
    code = "import commonwatt as c, sys; c.run(c.Scenario(seed=1)); print({'sqlite3', 'cryptography'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_ledger_changes_no_bill(kept):
    bare = run(scenario(ledger={"kind": "none"}))
    assert bare.members() == json.loads((kept / "summary.json").read_text())["members"]
    assert scenario().alone().ledger.kind == "none"


def test_the_ledger_of_another_run_is_found(folder, tmp_path):
    store(scenario(seed=4), tmp_path / "other")
    shutil.copy(tmp_path / "other" / NAME, folder / NAME)
    assert check_ledger(folder).closed
    with pytest.raises(AuditError, match="is sound, but another ledger: its chain is"):
        verify_ledger(folder)


def test_wallets_that_the_entries_do_not_lead_to_are_found(folder, tmp_path):
    """Series of another run, with every hash mended: books of their own close, but not with this ledger."""
    from tests.test_store import reseal, rewrite

    def poorer(_, columns):
        columns["wallet_money"][-1] += 3e-6

    rewrite(folder / "series.parquet", poorer)
    reseal(folder)
    with pytest.raises(AuditError, match="L1 broken at slot 47: home_04 has"):
        verify_ledger(folder)


def test_a_study_keeps_the_ledger_of_every_run(tmp_path):
    parts = {name: value for name, value in SMALL.items() if name != "market"}
    axes = {"market": [{"kind": "none"}, {"kind": "pool"}]}
    (tmp_path / "few.json").write_text(json.dumps({"kind": "study", "name": "few", "base": parts, "axes": axes}))
    assert call("benchmark", "few.json", "--series", "--output", "few", cwd=tmp_path).code == 0
    runs = sorted((tmp_path / "few" / "runs").iterdir())
    assert [verify_ledger(each)["replayed"] for each in runs] == [True, True]
    assert len({check_ledger(each).chain for each in runs}) == 2
    assert call("run", "--verify", "few", cwd=tmp_path).code == 0


# --- on the command line ----------------------------------------------------------------------------------------------


def test_the_screen_says_what_holds(kept, tmp_path):
    told = call("ledger", "verify", kept, cwd=tmp_path)
    assert told.code == 0
    checked = check_ledger(kept)
    assert f"{checked.entries:,} entries, {checked.trades} trades, {checked.blocks} blocks" in told.out
    assert "its entries lead to every wallet of the run, slot by slot" in told.out
    assert "made from the scenario's seed" in told.out
    data = call("ledger", "verify", kept, "--json", cwd=tmp_path).data
    assert (data["head"], data["replayed"], data["closed"]) == (checked.head, True, True)


def test_a_run_tells_of_its_ledger(tmp_path):
    (tmp_path / "small.json").write_text(json.dumps(SMALL))
    told = call("run", "small.json", cwd=tmp_path)
    assert run(scenario()).verdict.line in told.out
    data = call("run", "small.json", "--json", cwd=tmp_path).data
    assert screen.ledger_line(data["ledger"]) in told.out


def test_a_fault_ends_the_command_with_1(folder):
    content = bytearray((folder / NAME).read_bytes())
    content[-700] ^= 1
    (folder / NAME).write_bytes(content)
    refused(call("ledger", "verify", folder, cwd=folder), "L1 broken", "restore", code=1)
    refused(call("run", "--verify", folder, cwd=folder), f"{NAME}: has changed since it was written (§11)")


def test_a_file_alone_is_followed_without_its_run(kept, tmp_path):
    shutil.copy(kept / NAME, tmp_path / "alone.sqlite")
    data = call("ledger", "verify", "alone.sqlite", "--json", cwd=tmp_path).data
    assert (data["replayed"], data["head"]) == (False, check_ledger(kept).head)


# --- proofs -----------------------------------------------------------------------------------------------------------


def test_a_proof_stands_alone(kept, tmp_path):
    assert call("ledger", "export", kept, "--trade", 3, "--to", "proof.json", "--quiet", cwd=tmp_path).code == 0
    answer = call("ledger", "verify", "proof.json", "--json", cwd=tmp_path)
    found = read_ledger(kept)
    at = int((found.trade == 3).argmax())
    buyer, seller = (found.names[who] for who in (found.payer[at], found.payee[at]))
    assert answer.data == {
        "proof": "proof.json", "chain": check_ledger(kept).chain, "block": int(found.block[at]), "trade": 3,
        "slot": int(found.slot[at]), "buyer": buyer, "seller": seller, "kwh": found.kwh[at], "money": found.money[at],
        "currency": "EUR", "signatures": 3,
    }  # fmt: skip
    told = call("ledger", "verify", "proof.json", cwd=tmp_path)
    assert f"{buyer} bought {found.kwh[at]:.6f} kWh from {seller} for {found.money[at]:.6f} EUR" in " ".join(
        told.out.split()
    )


@pytest.mark.parametrize("rules", [
    {"kind": "hash_chain", "sign": False}, {"kind": "proof_of_work", "difficulty": 1, "block_size": 3},
])  # fmt: skip
def test_every_trade_of_every_kind_of_ledger_is_proven(tmp_path, rules):
    result = store(scenario(ledger=rules), tmp_path / "run")
    for trade in range(result.ledger.trades):
        proof = json.loads(json.dumps(proof_of(tmp_path / "run", trade)))
        shown = check_proof(proof)
        assert (shown.trade, shown.chain, shown.signatures) == (
            trade,
            result.ledger.chain,
            3 if "sign" not in rules else 0,
        )


def leaves_of(value, place=()):
    """Every value in a proof, with its place."""
    if isinstance(value, dict):
        return [found for name, inner in value.items() for found in leaves_of(inner, (*place, name))]
    if isinstance(value, list):
        return [found for k, inner in enumerate(value) for found in leaves_of(inner, (*place, k))]
    return [(place, value)]


def test_whatever_is_changed_in_a_proof_is_found(kept):
    proof, missed = proof_of(kept, 2), []
    for place, value in leaves_of(proof):
        others = [None, [], {}]
        if isinstance(value, int):
            others += [value + 1, value - 1, str(value), value + 0.5, 2**70]
        else:
            others += [value[:-1], value + "0", "", value.replace(value[:1], "1" if value[:1] == "0" else "0", 1), 7]
        for other in others:
            changed = json.loads(json.dumps(proof))
            inner = changed
            for step in place[:-1]:
                inner = inner[step]
            inner[place[-1]] = other
            try:
                check_proof(changed)
                missed.append((place, other))
            except AuditError as error:
                assert "the proof does not hold: " in str(error)  # noqa: PT017
    assert missed == []


def test_parts_of_a_proof_cannot_be_missing_or_exchanged(kept):
    for name in ("kind", "chain", "charter", "block", "entry", "signatures"):
        proof = proof_of(kept, 2)
        del proof[name]
        with pytest.raises(AuditError, match="cannot be read"):
            check_proof(proof)
    proof, other = proof_of(kept, 2), proof_of(kept, 7)
    for name in ("block", "entry", "signatures"):
        with pytest.raises(AuditError, match="does not"):
            check_proof({**proof, name: other[name]})
    swapped = json.loads(json.dumps(proof))
    swapped["charter"]["buyer"], swapped["charter"]["seller"] = proof["charter"]["seller"], proof["charter"]["buyer"]
    with pytest.raises(AuditError, match="names other parties"):
        check_proof(swapped)


def test_a_trade_that_is_not_there_is_told(kept, tmp_path):
    trades = check_ledger(kept).trades
    refused(
        call("ledger", "export", kept, "--trade", trades, cwd=tmp_path), f"no trade {trades} (it has {trades}, numbered"
    )
    (tmp_path / "other.json").write_text('{"kind": "scenario"}')
    refused(call("ledger", "verify", "other.json", cwd=tmp_path), "the proof does not hold: it cannot be read", code=1)
    with pytest.raises(ScenarioError, match="no trade -1"):
        proof_of(kept, -1)


def test_a_pending_trade_has_no_proof(tmp_path):
    store(scenario(ledger={"kind": "proof_of_work", "difficulty": 5, "max_attempts": 1}), tmp_path / "run")
    with pytest.raises(ScenarioError, match="trade 0 is pending, no block holds it"):
        proof_of(tmp_path / "run", 0)


# --- killed -----------------------------------------------------------------------------------------------------------


def grown(path, process, size, seconds=60):
    """Waits until the file has that many bytes."""
    end = time.monotonic() + seconds
    while not path.exists() or path.stat().st_size < size:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.mark.slow
@pytest.mark.parametrize("size", [700_000, 2_000_000, 5_000_000])
def test_what_a_killed_writer_leaves_is_sound_up_to_its_last_block(tmp_path, size):
    (tmp_path / "long.yaml").write_text(LONG)
    process = start("run", "long.yaml", "--output", "long", cwd=tmp_path)
    left = tmp_path / "long.partial"
    grown(left / NAME, process, size)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    data = call("ledger", "verify", "long.partial", "--json", cwd=tmp_path).data
    assert (data["closed"], data["replayed"], data["pending"]) == (False, False, 0)
    assert data["blocks"] > 50
    assert data["entries"] == ask(left, "SELECT sum(count) FROM block")[0][0]
    assert "its writer was stopped" in call("ledger", "verify", "long.partial", cwd=tmp_path).out


@pytest.mark.slow
def test_a_stopped_run_leaves_nothing_and_a_killed_one_is_run_again(tmp_path):
    (tmp_path / "long.yaml").write_text(LONG.replace("days: 60", "days: 10"))
    for number in (signal.SIGINT, signal.SIGKILL):
        process = start("run", "long.yaml", "--output", "long", cwd=tmp_path)
        grown(tmp_path / "long.partial" / NAME, process, 30_000)
        process.send_signal(number)
        answer = ended(process)
        assert answer.code == (130 if number == signal.SIGINT else -9)
        nothing_left(tmp_path, "long.yaml", *(["long.partial"] if number == signal.SIGKILL else []))
    assert call("run", "long.yaml", "--output", "long", cwd=tmp_path).code == 0
    nothing_left(tmp_path, "long.yaml", "long")
    assert call("ledger", "verify", "long", "--json", cwd=tmp_path).data["replayed"]


def test_a_full_disk_is_told_and_nothing_stays(tmp_path):
    import resource

    (tmp_path / "small.json").write_text(json.dumps(SMALL))
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))  # noqa: E731
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    process = start("run", "small.json", "--output", "run", cwd=tmp_path, preexec_fn=limit, env=environment)
    refused(ended(process), "ledger.sqlite: cannot be written: ", "free some space")
    nothing_left(tmp_path, "small.json")
