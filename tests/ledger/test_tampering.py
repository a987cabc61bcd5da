"""Whatever is changed in a stored ledger is found, and the first bad block, entry or signature is named."""

import shutil
import sqlite3

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ledger._ledgers import ask, change, scenario, store

from commonwatt.errors import AuditError, DataError
from commonwatt.ledger import NAME, check_ledger, read_ledger
from commonwatt.ledger._blocks import Block, leaves, packed, root
from commonwatt.ledger._file import TABLES
from commonwatt.store import verify_ledger

FEW = {"kind": "sample", "members": 3, "slots": 40}
PENDING = {"kind": "proof_of_work", "difficulty": 2, "max_attempts": 150, "block_size": 8}
"""Miners give up now and then, and at the end some entries wait."""
IN_BLOCKS = """SELECT number, trade, height FROM entry JOIN block ON first <= number AND number < first + count
    WHERE trade >= 1 ORDER BY number"""


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Two runs with ledgers: one chain, one that was worked for, with entries pending at the end."""
    place = tmp_path_factory.mktemp("sound")
    store(scenario(source=FEW, ledger={"kind": "hash_chain", "block_size": 8}), place / "chain")
    for attempts in (PENDING["max_attempts"] * k for k in (1, 2, 3, 4, 6, 8)):  # luck is the run's own
        store(scenario(source=FEW, ledger={**PENDING, "max_attempts": attempts}), place / "mined")
        ((blocks,),) = ask(place / "mined", "SELECT count(*) FROM block")
        if blocks > 2 and ask(place / "mined", IN_BLOCKS) and check_ledger(place / "mined").pending > 2:
            return place
        shutil.rmtree(place / "mined")
    raise AssertionError("no ledger with blocks and entries pending")


@pytest.fixture(params=["chain", "mined"])
def folder(sound, tmp_path, request):
    """A copy to break."""
    return shutil.copytree(sound / request.param, tmp_path / "run")


def refused(folder, *said):
    with pytest.raises(AuditError) as caught:
        check_ledger(folder)
    for text in said:
        assert text in str(caught.value), str(caught.value)
    return str(caught.value)


# --- every table, every column ----------------------------------------------------------------------------------------

COLUMNS = [(table, column.split()[0]) for table, columns in TABLES.items() for column in columns.split(", ")]
KEYS = {"header": "name", "party": "number", "entry": "number", "signature": "trade", "block": "height"}


def others(value):
    """Other values than the one that stands there: near ones, and of other types."""
    if isinstance(value, bytes):
        return [bytes([value[0] ^ 1, *value[1:]]) if value else b"x", value[:-1], b"", None, "x", 0]
    if isinstance(value, str):
        return [value + "x", "", None, 7, value.encode()]
    return [value + 1, value - 1, value + 2**32, value + 0.5, str(value) + "x", None, b"x"]


def places(folder, table):
    """First, middle and last row."""
    key = KEYS.get(table, "rowid")
    rows = [row[0] for row in ask(folder, f"SELECT {key} FROM {table} ORDER BY {key}")]
    return key, sorted({rows[0], rows[len(rows) // 2], rows[-1]})


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=map(".".join, COLUMNS))
def test_every_value_that_is_changed_is_found(folder, tmp_path, table, column):
    key, rows = places(folder, table)
    copy, missed = tmp_path / "copy.sqlite", []
    for row in rows:
        question = f"SELECT {column}, typeof({column}) FROM {table} WHERE {key} = {row!r}"
        (before,) = ask(folder, question)
        for other in others(before[0]):
            shutil.copy(folder / NAME, copy)
            try:
                change(copy, (f"UPDATE OR REPLACE {table} SET {column} = ? WHERE {key} = ?", (other, row)))
            except sqlite3.IntegrityError:  # not even SQL lets that value in
                continue
            if ask(copy, question) == [before]:
                continue
            try:
                check_ledger(copy)
                missed.append((row, other))
            except AuditError as error:
                assert "L1 broken" in str(error)  # noqa: PT017  (every change is named by the same rule)
    assert missed == []


@pytest.mark.parametrize("table", TABLES)
def test_every_row_that_is_gone_or_new_is_found(folder, tmp_path, table):
    key, rows = places(folder, table)
    copy = tmp_path / "copy.sqlite"
    names = [column.split()[0] for column in TABLES[table].split(", ")]
    others = [name for name in names if name != key]
    more = "'zz'" if table == "header" else f"(SELECT max(abs({key})) + 50 FROM {table})"
    first = [more] if key in names else []
    columns = ([key] if key in names else []) + others
    doubled = f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join([*first, *others])} FROM {table} LIMIT 1"
    for command in (*(f"DELETE FROM {table} WHERE {key} = {row!r}" for row in rows), doubled):
        shutil.copy(folder / NAME, copy)
        change(copy, command)
        if command.startswith("DELETE") and table == "closing":
            pending = read_ledger(folder).block[-1] < 0
            assert "no block holds it" in refused(copy) if pending else not check_ledger(copy).closed
            continue
        refused(copy)


def test_the_first_fault_is_named(folder):
    entry, trade, height = ask(folder, IN_BLOCKS)[0]
    cases = {
        f"UPDATE entry SET micro_kwh = 1 WHERE number = {entry}": f"entry {entry} (block {height}): it has changed",
        f"UPDATE entry SET hash = x'00' WHERE number = {entry}": f"entry {entry} (block {height}): it has changed",
        f"DELETE FROM entry WHERE number = {entry}": f"entry {entry} (block {height}): it is missing",
        f"UPDATE block SET root = x'{'00' * 32}' WHERE height = 2": "block 2: its header has changed",
        "UPDATE block SET slot = slot + 1 WHERE height = 2": "block 2: its header has changed",
        "UPDATE block SET signature = x'00' WHERE height = 2": "signature of block 2: it does not fit",
        f"UPDATE signature SET seller = buyer WHERE trade = {trade}": f"signature of the seller of trade {trade} (",
        f"DELETE FROM signature WHERE trade = {trade}": f"signature of trade {trade} (entry {entry}): it is missing",
        "UPDATE party SET micro_opening = 1 WHERE number = 0": "block 0: it does not name the hash of the ledger's",
        "UPDATE closing SET entries = entries + 1": "closing: it does not say what is there",
    }
    whole = (folder / NAME).read_bytes()
    for command, said in cases.items():
        change(folder, command)
        refused(folder, said)
        (folder / NAME).write_bytes(whole)
    assert check_ledger(folder).closed


def rehash(folder):
    """As somebody does who can compute hashes, but has no keys: entry, block and all blocks after it anew."""
    columns = "trade, slot, payer, payee, micro_kwh, micro_money, reason, number"
    rows = ask(folder, f"SELECT {columns} FROM entry ORDER BY number")
    numbers, reasons = [np.array([row[k] for row in rows]) for k in range(6)], sorted({row[6] for row in rows})
    hashes = leaves(packed(numbers, reasons, np.array([reasons.index(row[6]) for row in rows])))
    commands = [
        ("UPDATE entry SET hash = ? WHERE number = ?", (h, row[7])) for h, row in zip(hashes, rows, strict=True)
    ]
    previous = ask(folder, "SELECT previous FROM block WHERE height = 0")[0][0]
    for height, slot, first, count in ask(folder, "SELECT height, slot, first, count FROM block ORDER BY height"):
        block = Block(height, slot, first, count, -1, previous, root(hashes[first : first + count]))
        values = previous, block.root, block.digest, height
        commands.append(("UPDATE block SET previous = ?, root = ?, hash = ? WHERE height = ?", values))
        previous = block.digest
    change(folder, *commands, ("UPDATE closing SET head = ?", (previous,)))


def test_who_has_no_keys_cannot_rewrite_what_is_signed(sound, tmp_path):
    folder = shutil.copytree(sound / "chain", tmp_path / "run")
    change(folder, "UPDATE entry SET micro_money = micro_money + 1 WHERE reason = 'pool'")
    rehash(folder)
    refused(folder, "signature of block ")


def test_a_ledger_that_nobody_signs_shows_a_rewrite_by_its_head(tmp_path):
    store(scenario(source=FEW, ledger={"kind": "hash_chain", "sign": False}), tmp_path / "run")
    before = check_ledger(tmp_path / "run")
    assert before.signatures == 0
    change(tmp_path / "run", "UPDATE entry SET micro_money = micro_money + 1 WHERE reason = 'pool'")
    rehash(tmp_path / "run")
    after = check_ledger(tmp_path / "run")
    assert (after.chain, after.entries) == (before.chain, before.entries)
    assert after.head != before.head
    with pytest.raises(AuditError, match=f"another ledger: its head is {after.head}, that of the run is {before.head}"):
        verify_ledger(tmp_path / "run")


def test_the_end_cannot_be_cut_off_unseen(folder):
    """Blocks, entries, signatures and the closing gone: what is left is sound, and not closed."""
    last = ask(folder, "SELECT max(height), first FROM block")[0]
    trades = ask(folder, f"SELECT count(*) FROM entry WHERE trade >= 0 AND number < {last[1]}")[0][0]
    change(
        folder, f"DELETE FROM block WHERE height = {last[0]}", f"DELETE FROM entry WHERE number >= {last[1]}",
        f"DELETE FROM signature WHERE trade >= {trades}",
    )  # fmt: skip
    refused(folder, "closing: it does not say what is there: something is missing at the end")
    change(folder, "DELETE FROM closing")
    assert not check_ledger(folder).closed
    with pytest.raises(AuditError, match="another ledger: its head is"):
        verify_ledger(folder)


# --- any byte ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    place = tmp_path_factory.mktemp("tiny") / "run"
    store(scenario(source={"kind": "sample", "members": 2, "slots": 3}), place)
    return place


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_single_byte_that_is_changed_is_found(tiny, data):
    path = tiny / NAME
    whole = path.read_bytes()
    at, flip = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(1, 255))
    broken = bytearray(whole)
    broken[at] ^= flip
    try:
        path.write_bytes(broken)
        with pytest.raises(AuditError, match="L1 broken"):
            verify_ledger(tiny)
    finally:
        path.write_bytes(whole)


def test_it_verifies_as_it_is(tiny):
    assert verify_ledger(tiny)["replayed"]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_the_bytes_it_is_an_audit_error(tiny, tmp_path_factory, data):
    """Stretches overwritten, cut out, put in; or nothing of a ledger at all."""
    whole = (tiny / NAME).read_bytes()
    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, min(len(whole), start + 600)))
    put = data.draw(st.binary(max_size=400))
    path = tmp_path_factory.mktemp("bytes") / NAME
    path.write_bytes(data.draw(st.sampled_from([whole[:start] + put + whole[stop:], put, whole[:start]])))
    try:
        assert check_ledger(path).closed in (True, False)
        read_ledger(path)
    except AuditError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017


@pytest.mark.parametrize("what", ["nothing", "folder", "gone", "text", "other database"])
def test_what_is_no_ledger_is_told(tmp_path, what):
    path = tmp_path / NAME
    make = {
        "nothing": path.touch, "folder": path.mkdir, "gone": lambda: None,
        "text": lambda: path.write_text("ledger\n" * 900),
        "other database": lambda: change(path, "CREATE TABLE entry (a)"),
    }  # fmt: skip
    make[what]()
    kind = DataError if what in ("folder", "gone") else AuditError
    with pytest.raises(kind, match=r"no ledger there|cannot be read"):
        check_ledger(path)


# --- reading changes nothing ------------------------------------------------------------------------------------------


def test_checking_leaves_every_byte_and_file_as_it_was(folder):
    before = {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.iterdir()}
    check_ledger(folder)
    verify_ledger(folder)
    read_ledger(folder)
    assert {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.iterdir()} == before


def test_a_ledger_that_may_not_be_written_is_read(folder):
    (folder / NAME).chmod(0o400)
    folder.chmod(0o500)
    try:
        assert check_ledger(folder).closed
    finally:
        folder.chmod(0o700)
