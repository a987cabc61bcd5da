"""A trade and the way from it to its ledger: a proof that is checked alone."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..accounts import Account
from ..errors import AuditError, ScenarioError
from ._blocks import Block, climbed, leaves, packed, path
from ._keys import BLOCK, TRADE, public_key, signed
from ._opening import Charter, charter_hash, line_hash, rules_of
from ._read import opened, read_charter, whole
from ._units import MICRO

if TYPE_CHECKING:
    import sqlite3

KIND, FORMAT = "trade proof", 1
ENTRY = ("trade", "slot", "payer", "payee", "micro_kwh", "micro_money", "reason")
HEADER = ("height", "slot", "first", "count", "miner", "previous", "root", "nonce")
FACTS, ROLES = ("currency", "rules"), ("buyer", "seller", "operator")
REMEDY = "ask for another one"
FORMLESS = (
    KeyError, TypeError, ValueError, OverflowError, AttributeError, IndexError, RecursionError, struct.error,
)  # fmt: skip
"""What comes of values that no proof has."""
Values = dict[str, Any]


@dataclass(frozen=True)
class Proven:
    """What a proof shows, in the ledger `chain`: compare that with the one you know."""

    chain: str
    block: int
    trade: int
    slot: int
    buyer: str
    seller: str
    kwh: float
    money: float
    currency: str
    signatures: int
    """Of buyer, seller and operator: 3, or 0 in a ledger that nobody signs."""


def proof_of(place: Path, trade: int) -> Values:
    """The proof of a trade in a stored ledger, in plain values.

    Raises ScenarioError for a trade that no block holds, DataError and AuditError as `read_ledger` does.
    """
    with opened(place) as base:
        number, entry = _entry(base, place, trade)
        header, signature = _block(base, number)
        if header is None:
            raise ScenarioError(f"{place}: trade {trade} is pending, no block holds it (L1); name another one")
        block = dict(zip(HEADER, header, strict=True))
        return {
            "kind": KIND, "format": FORMAT, **_charter(read_charter(base), entry),
            "block": {name: value.hex() if isinstance(value, bytes) else value for name, value in block.items()},
            "entry": {**entry, "number": number, "path": _path(base, block["first"], block["count"], number)},
            "signatures": {**_pair(base, trade), "operator": signature.hex()},
        }  # fmt: skip


def _entry(base: sqlite3.Connection, place: Path, trade: int) -> tuple[int, Values]:
    """Number and content of the entry of a trade."""
    select = f"SELECT number, {', '.join(ENTRY)} FROM entry WHERE trade = ? AND trade >= 0"
    found = base.execute(select, (trade,)).fetchone()
    if found is None:
        (count,) = base.execute("SELECT count(*) FROM entry WHERE trade >= 0").fetchone()
        raise ScenarioError(f"{place}: no trade {trade} (it has {count}, numbered from 0); name another one")
    return found[0], dict(zip(ENTRY, found[1:], strict=True))


def _block(base: sqlite3.Connection, number: int) -> tuple[tuple[Any, ...] | None, bytes]:
    """Header and signature of the block that holds an entry; none where it is pending."""
    select = f"SELECT {', '.join(HEADER)}, signature FROM block WHERE first <= ? AND ? < first + count"
    found = base.execute(select, (number, number)).fetchone()
    return (found[:-1], found[-1]) if found else (None, b"")


def _path(base: sqlite3.Connection, first: int, count: int, number: int) -> list[str]:
    rows = base.execute("SELECT hash FROM entry WHERE number >= ? ORDER BY number LIMIT ?", (first, count))
    return [each.hex() for each in path([row[0] for row in rows], number - first)]


def _pair(base: sqlite3.Connection, trade: int) -> Values:
    found = base.execute("SELECT buyer, seller FROM signature WHERE trade = ?", (trade,)).fetchone()
    return dict(zip(("buyer", "seller"), (each.hex() for each in found or (b"", b"")), strict=True))


def _charter(charter: Charter, entry: Values) -> Values:
    """The ledger's hash, and the lines it begins with that a proof needs, each with its way to that hash."""
    facts, numbers = sorted(charter.facts), [party.number for party in charter.parties]
    places = {name: facts.index(name) for name in FACTS}
    who = {"buyer": entry["payer"], "seller": entry["payee"], "operator": int(Account.OPERATOR)}
    places |= {name: len(facts) + numbers.index(number) for name, number in who.items()}
    lines = {
        name: {"line": charter.lines[k], "place": k, "path": [each.hex() for each in path(charter.hashes, k)]}
        for name, k in places.items()
    }
    return {"chain": charter.chain.hex(), "charter": {"count": len(charter.lines), **lines}}


def check_proof(proof: Values) -> Proven:
    """What a proof shows, without the ledger it comes from. Raises AuditError naming what does not hold."""
    try:
        if (proof["kind"], proof["format"]) != (KIND, FORMAT):
            raise _refused(f"it is a {proof['kind']} of format {proof['format']}, not a {KIND} of format {FORMAT}")
        return _checked(proof, bytes.fromhex(proof["chain"]))
    except FORMLESS as error:
        raise _refused(f"it cannot be read ({type(error).__name__}: {error})") from error


def _checked(proof: Values, chain: bytes) -> Proven:
    entry, said = proof["entry"], {name: _line(proof["charter"], name, chain) for name in (*FACTS, *ROLES)}
    header: Values = {k: bytes.fromhex(v) if isinstance(v, str) else v for k, v in proof["block"].items()}
    block, content = Block(**header), _content(entry)
    if not rules_of(said["rules"][1]).accepts(block):
        raise _refused("its block does not keep to the rules of the ledger")
    if _led(leaves(content)[0], entry["number"] - block.first, block.count, entry["path"]) != block.root:
        raise _refused("the trade does not lead to the root of its block")
    if [said[who][0] for who in ROLES] != [entry["payer"], entry["payee"], int(Account.OPERATOR)]:
        raise _refused("it names other parties than the trade's")
    messages = TRADE + chain + content, TRADE + chain + content, BLOCK + chain + block.digest
    for who, message in zip(ROLES, messages, strict=True):
        key, signature = (bytes.fromhex(each) for each in (said[who][3], proof["signatures"][who]))
        if (key or signature) and not signed(public_key(key), signature, message):
            raise _refused(f"the signature of the {who} does not fit")
    return Proven(
        chain=chain.hex(), block=block.height, trade=entry["trade"], slot=entry["slot"], buyer=said["buyer"][1],
        seller=said["seller"][1], kwh=entry["micro_kwh"] / MICRO, money=entry["micro_money"] / MICRO,
        currency=said["currency"][1], signatures=sum(bool(said[who][3]) for who in ROLES),
    )  # fmt: skip


def _content(entry: Values) -> bytes:
    numbers = [whole([entry[name]]) for name in ENTRY[:-1]]
    return packed(numbers, [entry["reason"]], np.zeros(1, np.int64))


def _line(stated: Values, name: str, chain: bytes) -> Any:
    """A line of the charter, once it is found to belong to the ledger and to be about what it should be."""
    given, count = stated[name], stated["count"]
    above = _led(line_hash(given["line"]), given["place"], count, given["path"])
    if above is None or charter_hash(count, above) != chain:
        raise _refused(f"what it says of {name} is not what the ledger begins with")
    line = json.loads(given["line"])
    if name in FACTS and line[0] != name:
        raise _refused(f"it says {line[0]} where {name} should be")
    return line


def _led(leaf: bytes, k: int, count: int, way: list[str]) -> bytes | None:
    return climbed(leaf, k, count, [bytes.fromhex(each) for each in way])


def _refused(what: str) -> AuditError:
    return AuditError(f"the proof does not hold: {what}; {REMEDY}")
