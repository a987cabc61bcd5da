"""Who signs: keys made from the seed, or from files; and what a signature is worth."""

import hashlib

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from tests._command import call, refused
from tests._communities import hand_made
from tests.ledger._ledgers import ask, book, scenario, store

from commonwatt.errors import DataError
from commonwatt.ledger import NAME, check_ledger
from commonwatt.scenario import Scenario, load
from commonwatt.streams import Streams

HOMES = hand_made([[3.0, -1.0, -1.0], [-2.0, 1.0, 0.5]])


def pem(key, password=None):
    lock = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)


@pytest.fixture
def keys(tmp_path):
    """A folder with a key for the operator and each of three members."""
    folder = tmp_path / "keys"
    folder.mkdir()
    made = {}
    for k, name in enumerate(("operator", *HOMES.names)):
        made[name] = Ed25519PrivateKey.from_private_bytes(bytes([k + 1]) * 32)
        (folder / f"{name}.pem").write_bytes(pem(made[name]))
    return folder, made


def kept(tmp_path, homes=HOMES, **rules):
    document = Scenario.model_validate({"market": {"kind": "pool"}, "ledger": {"kind": "hash_chain", **rules}})
    place = tmp_path / "out"
    place.mkdir(exist_ok=True)
    (place / NAME).unlink(missing_ok=True)
    return book(document, homes, place)[0], place


def test_keys_come_from_the_seed_and_the_ledger_says_so(tmp_path):
    closed, place = kept(tmp_path)
    assert closed.keys.startswith("made from the scenario's seed: whoever has the document can sign")
    ((stated,),) = ask(place, "SELECT value FROM header WHERE name = 'keys'")
    assert stated == closed.keys
    private = Ed25519PrivateKey.from_private_bytes(Streams(0).at("ledger key", 1).bytes(32))
    ((public,),) = ask(place, "SELECT key FROM party WHERE number = 1")
    assert public == private.public_key().public_bytes_raw()


def test_both_sides_sign_a_trade_and_the_operator_its_blocks(tmp_path, keys):
    """Worked out with the keys alone: what is signed is the ledger's hash and the bytes of the trade or the block."""
    folder, made = keys
    closed, place = kept(tmp_path, keys=folder)
    assert closed.keys == "from key files"
    chain = bytes.fromhex(closed.chain)
    trades = ask(place, "SELECT trade, slot, payer, payee, micro_kwh, micro_money FROM entry WHERE trade >= 0")
    signatures = ask(place, "SELECT * FROM signature ORDER BY trade")
    reason = hashlib.sha256(b"trade").digest()[:16]
    assert len(trades) == len(signatures) == 4
    for trade, (number, buyer, seller) in zip(trades, signatures, strict=True):
        message = b"commonwatt trade 1\n" + chain + np.array(trade, ">i8").tobytes() + reason
        assert number == trade[0]
        for who, signature in ((trade[2], buyer), (trade[3], seller)):
            made[HOMES.names[who]].public_key().verify(signature, message)
    for digest, signature in ask(place, "SELECT hash, signature FROM block"):
        made["operator"].public_key().verify(signature, b"commonwatt block 1\n" + chain + digest)
    checked = check_ledger(place)
    assert checked.signatures == 2 * len(trades) + closed.blocks + 1


def test_nobody_signs_where_that_is_said(tmp_path):
    closed, place = kept(tmp_path, sign=False)
    assert closed.keys == "nobody signs"
    assert ask(place, "SELECT count(*) FROM signature") == [(0,)]
    assert {row[0] for row in ask(place, "SELECT signature FROM block UNION SELECT key FROM party")} == {b""}
    assert check_ledger(place).signatures == 0


def test_public_keys_alone_stand_in_the_ledger(tmp_path, keys):
    folder, made = keys
    _, place = kept(tmp_path, keys=folder)
    content = (place / NAME).read_bytes()
    for key in made.values():
        assert key.private_bytes_raw() not in content
        assert key.public_key().public_bytes_raw() in content
    assert str(folder).encode() not in content


def test_another_seed_makes_other_keys(tmp_path):
    found = {}
    for seed in (0, 1):
        document = Scenario.model_validate({"seed": seed, "ledger": {"kind": "hash_chain"}})
        (tmp_path / str(seed)).mkdir()
        book(document, HOMES, tmp_path / str(seed))
        found[seed] = {row[0] for row in ask(tmp_path / str(seed), "SELECT key FROM party WHERE length(key) > 0")}
    assert len(found[0] | found[1]) == 8


WRONG = {
    "missing": (lambda f: (f / "member_2.pem").unlink(), "member_2.pem: No such file", "openssl genpkey -algorithm"),
    "text": (lambda f: (f / "member_1.pem").write_text("key"), "member_1.pem: holds no such key", "without a password"),
    "locked": (
        lambda f: (f / "member_3.pem").write_bytes(pem(Ed25519PrivateKey.generate(), b"secret")),
        "member_3.pem: holds no such key", "without a password",
    ),
    "another kind": (
        lambda f: (f / "operator.pem").write_bytes(pem(generate_private_key(SECP256R1()))),
        "operator.pem: holds a EC", "an Ed25519 private key",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_key_files_that_are_wrong_are_named(tmp_path, keys, what):
    folder, _ = keys
    spoil, *said = WRONG[what]
    spoil(folder)
    with pytest.raises(DataError) as caught:
        kept(tmp_path, keys=folder)
    assert all(text in str(caught.value) for text in said), str(caught.value)


def test_all_key_files_that_are_wrong_are_named_at_once(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError) as caught:
        kept(tmp_path, keys=tmp_path / "empty")
    assert len(str(caught.value).splitlines()) == 4


def test_a_member_whose_name_is_no_file_name_is_told(tmp_path, keys):
    homes = hand_made([[1.0, -1.0]], names=("../a", "operator"))
    with pytest.raises(DataError, match=r"'\.\./a': is no file name.*\n.*'operator': has the operator's name"):
        kept(tmp_path, homes, keys=keys[0])


def test_key_files_are_inputs_of_the_run(tmp_path, keys):
    """Found beside the document, part of the identity, and named when they have changed since."""
    folder, _ = keys
    names = scenario().community().names
    for k, name in enumerate(names):
        (folder / f"{name}.pem").write_bytes(pem(Ed25519PrivateKey.from_private_bytes(bytes([k + 9]) * 32)))
    (tmp_path / "signed.yaml").write_text(
        "source: {kind: sample, members: 4, slots: 40}\nmarket: {kind: pool}\nledger: {kind: hash_chain, keys: keys}\n"
    )
    document = load(tmp_path / "signed.yaml")
    assert document.ledger.keys == folder
    assert "HashChain/operator.pem" in document.inputs()
    store(document, tmp_path / "run")
    assert call("run", "--verify", "run", cwd=tmp_path).code == 0
    before = document.identity()
    (folder / "operator.pem").write_bytes(pem(Ed25519PrivateKey.from_private_bytes(b"z" * 32)))
    assert document.identity() != before
    refused(call("run", "--verify", "run", cwd=tmp_path), "input HashChain/operator.pem: has changed since")
    assert Ed25519PublicKey.from_public_bytes(ask(tmp_path / "run", "SELECT key FROM party WHERE number = -1")[0][0])


def test_a_folder_of_keys_that_is_not_there_is_told(tmp_path):
    (tmp_path / "signed.yaml").write_text("ledger: {kind: hash_chain, keys: nowhere}\n")
    refused(call("run", "signed.yaml", cwd=tmp_path), "nowhere: no such folder (§16", "correct the path")
