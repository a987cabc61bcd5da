"""A stored ledger, followed from end to end: hashes, chain, rules and signatures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..accounts import Account
from ..errors import AuditError
from ._blocks import Block, Closing, root
from ._found import Due, Found, Row
from ._keys import BLOCK, CLOSING, TRADE, public_key, signed
from ._lines import REWARD
from ._opening import FORMAT, Charter
from ._read import REMEDY, opened, read_charter, readable, rows

if TYPE_CHECKING:
    import sqlite3

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

AT_ONCE = 2_000
"""Entries that are read and hashed together: few enough to stay close to the processor."""


@dataclass(frozen=True)
class Checked:
    """A ledger in which nothing was found wrong."""

    chain: str
    head: str
    keys: str
    blocks: int
    entries: int
    trades: int
    pending: int
    signatures: int
    """That were checked."""
    closed: bool
    """No: its writer was stopped, and what it had not finished is missing."""


def check_ledger(path: Path) -> Checked:
    """Follows a stored ledger: of a run's folder, or a file.

    Raises AuditError naming the first bad block, entry or signature, DataError where there is no ledger.
    """
    with opened(path) as base:
        return check(base)


def check(base: sqlite3.Connection, *, signatures: bool = True) -> Checked:
    """Follows an open ledger, without its signatures if so asked. Raises AuditError naming the first fault."""
    with readable():
        charter = read_charter(base)
        if charter.facts["format"] != FORMAT:
            raise broken("header", f"format {charter.facts['format']!r} (this version reads {FORMAT})")
        walk = _Walk(base, charter, signatures)
        try:
            walk.follow()
        finally:
            walk.close()
        return walk.found()


def broken(place: str, what: str) -> AuditError:
    """The error that names a fault."""
    return AuditError(f"L1 broken at {place}: {what}; {REMEDY}")


class _Walk:
    """Once through a ledger, block by block."""

    def __init__(self, base: sqlite3.Connection, charter: Charter, with_signatures: bool) -> None:
        self.base, self.charter, self.rules = base, charter, charter.rules
        self.head, self.blocks, self.entries, self.trades = charter.chain, 0, 0, 0
        self.pending, self.signatures, self.closed = 0, 0, False
        self._slots = int(charter.facts["slots"])
        self._asked, self._keys = with_signatures, {party.number: party.key for party in charter.parties}
        self._public: dict[int, Ed25519PublicKey | None] = {}
        self._rows, self._heads = rows(base, "entry", "number"), rows(base, "block", "height")
        self._pairs = rows(base, "signature", "trade")

    def found(self) -> Checked:
        """What was passed."""
        return Checked(
            chain=self.charter.chain.hex(), head=self.head.hex(), keys=self.charter.facts["keys"], blocks=self.blocks,
            entries=self.entries, trades=self.trades, pending=self.pending, signatures=self.signatures,
            closed=self.closed,
        )  # fmt: skip

    def follow(self) -> None:
        """All of it. Raises AuditError at the first fault."""
        for group in self._groups():
            found, at = self._found(self._rows.fetchmany(sum(block.count for block, _, _ in group))), 0
            for block, digest, signature in group:
                stop = at + block.count
                self._header(block, digest, signature)
                self._entries(found, at, stop, f"block {block.height}")
                self._root(block, found, at)
                at = stop
        waiting = self._found(self._rows.fetchall())
        self._entries(waiting, 0, len(waiting.rows), "pending")
        self._end(waiting.hashes)

    def _found(self, stored: Sequence[Row]) -> Found:
        return Found.of(stored, Due(self.entries, self.trades, self._slots, len(self._keys) - len(Account)))

    def close(self) -> None:
        """Lets go of the file."""
        for cursor in (self._rows, self._heads, self._pairs):
            cursor.close()

    def _groups(self) -> Iterator[list[tuple[Block, Any, Any]]]:
        """Blocks with hash and signature, some thousand entries at a time."""
        group, count = [], 0
        for row in self._heads:
            height, slot, first, entries, miner, nonce, previous, above, digest, signature = row
            sound = all(type(value) is int for value in row[:6]) and all(type(value) is bytes for value in row[6:9])
            if not sound or min(height, slot, first, entries - 1, miner + 1, nonce) < 0:
                raise broken(f"block {height}", "its header is none")
            group.append((Block(height, slot, first, entries, miner, previous, above, nonce), digest, signature))
            count += entries
            if count >= AT_ONCE:
                yield group
                group, count = [], 0
        if group:
            yield group

    def _header(self, block: Block, digest: bytes, signature: Any) -> None:
        """A block's place in the chain, its hash, the rules, the operator's signature."""
        place = f"block {self.blocks}"
        if (block.height, block.first) != (self.blocks, self.entries):
            raise broken(place, "it does not begin where the one before ends")
        if block.previous != self.head:
            before = f"block {self.blocks - 1}" if self.blocks else "the ledger's header"
            raise broken(place, f"it does not name the hash of {before}: one of them has changed")
        if digest != block.digest:
            raise broken(place, "its header has changed since it was hashed")
        if not self.rules.accepts(block):
            raise broken(place, f"it does not keep to the rules of a {self.rules.kind} ledger")
        self._signed(f"signature of {place}", Account.OPERATOR, signature, BLOCK, block.digest)
        self.blocks, self.head = self.blocks + 1, digest

    def _entries(self, found: Found, start: int, stop: int, where: str) -> None:
        """Entries of a block, or pending ones, with the signatures of trades."""
        if found.fault and found.fault[0] < stop:
            k, what = found.fault
            raise broken(f"entry {self.entries + k - start} ({where})", what)
        trades = [k for k in range(start, min(stop, len(found.rows))) if found.rows[k][1] >= 0]
        if self._asked and self._keys[Account.OPERATOR]:
            for k in trades:
                self._trade(found.rows[k], found.of_entry(k))
        self.entries, self.trades = self.entries + stop - start, self.trades + len(trades)

    def _trade(self, row: Row, content: bytes) -> None:
        """The signatures of a trade."""
        place = f"trade {row[1]} (entry {row[0]})"
        pair = self._pairs.fetchone()
        if pair is None or pair[0] != row[1]:
            raise broken(f"signature of {place}", "it is missing")
        for who, party, signature in (("buyer", row[3], pair[1]), ("seller", row[4], pair[2])):
            self._signed(f"signature of the {who} of {place}", party, signature, TRADE, content)

    def _root(self, block: Block, found: Found, start: int) -> None:
        """That a block's entries are all there, and that it pays the reward it may."""
        place, part = f"block {block.height}", slice(start, start + block.count)
        hashes, amount = found.hashes[part], self.rules.micro_reward
        if len(hashes) != block.count or root(hashes) != block.root:
            raise broken(place, "its entries do not lead to its root")
        due = [(-1, block.slot, int(Account.MINT), int(Account.MINERS), 0, amount, REWARD)] if amount else []
        if [row[1:8] for row in found.rows[part] if row[7] == REWARD] != due:
            raise broken(place, f"it does not pay the reward of {amount} millionths once")

    def _signed(self, place: str, party: int, signature: Any, what: bytes, message: bytes) -> None:
        """Checks a signature; where nobody signs, that there is none."""
        if not self._asked:
            return
        if not self._keys[Account.OPERATOR]:
            if signature != b"":
                raise broken(place, "nobody signs in this ledger")
            return
        if party not in self._public:
            self._public[party] = public_key(self._keys.get(party, b""))
        if not signed(self._public[party], signature, what + self.charter.chain + message):
            raise broken(place, "it does not fit key and content")
        self.signatures += 1

    def _end(self, waiting: list[bytes]) -> None:
        """The closing, if the ledger was closed, and that nothing is left over."""
        self.pending = len(waiting)
        last = rows(self.base, "closing", "blocks").fetchall()
        if self._asked and self._pairs.fetchone() is not None:
            raise broken(f"signature of trade {self.trades}", "there is no such trade")
        if not last and waiting:
            raise broken(f"entry {self.entries - len(waiting)}", "no block holds it")
        if not last:
            return
        head = self.head, root(waiting) if waiting else bytes(32)
        closing = Closing(self.blocks, self.entries, len(waiting), *head)
        if len(last) > 1 or last[0][:5] != (closing.blocks, closing.entries, closing.pending, *head):
            raise broken("closing", "it does not say what is there: something is missing at the end, or it has changed")
        self._signed("signature of the closing", Account.OPERATOR, last[0][5], CLOSING, closing.packed)
        self.closed = True
