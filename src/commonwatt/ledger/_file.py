"""A ledger in SQLite: written block by block, so that what is there is whole whenever the writer stops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ScenarioError
from ._blocks import Block, Closing
from ._opening import Charter

if TYPE_CHECKING:
    import sqlite3

NAME = "ledger.sqlite"
"""In the folder of a run."""
BATCH = 5_000
"""Entries after which a transaction ends, with the block they belong to: a killed writer loses no more."""
TABLES = {
    "header": "name TEXT PRIMARY KEY, value TEXT",
    "party": "number INTEGER PRIMARY KEY, name TEXT, micro_opening INTEGER, key BLOB",
    "entry": "number INTEGER PRIMARY KEY, trade INTEGER, slot INTEGER, payer INTEGER, payee INTEGER, "
    "micro_kwh INTEGER, micro_money INTEGER, reason TEXT, hash BLOB",
    "signature": "trade INTEGER PRIMARY KEY, buyer BLOB, seller BLOB",
    "block": "height INTEGER PRIMARY KEY, slot INTEGER, first INTEGER, count INTEGER, miner INTEGER, nonce INTEGER, "
    "previous BLOB, root BLOB, hash BLOB, signature BLOB",
    "closing": "blocks INTEGER, entries INTEGER, pending INTEGER, head BLOB, pending_root BLOB, signature BLOB",
}
"""Tables and their columns. Entries behind the last block are pending; the closing is written last."""
Entry = tuple[Any, ...]
"""trade, slot, payer, payee, micro_kwh, micro_money, reason, hash."""
Signatures = tuple[int, bytes, bytes]
"""Of a trade: its number, the buyer's, the seller's."""


@dataclass
class LedgerFile:
    """A ledger being written; in memory without a path."""

    path: Path | None
    base: sqlite3.Connection = field(repr=False)
    """To read what has been written."""
    _entries: list[Entry] = field(default_factory=list, repr=False)
    _signatures: list[Signatures] = field(default_factory=list, repr=False)
    _blocks: list[Entry] = field(default_factory=list, repr=False)
    _written: int = 0

    @classmethod
    def created(cls, charter: Charter, folder: Path | None) -> LedgerFile:
        """A new ledger in a folder. Raises ScenarioError where it cannot be written."""
        import sqlite3

        path = folder / NAME if folder else None
        with _writing(path):
            base = sqlite3.connect(path or ":memory:", isolation_level=None)
            base.execute("PRAGMA synchronous = OFF")  # a killed process loses nothing; what is closed is hashed
            base.execute("BEGIN")
            for name, columns in TABLES.items():
                base.execute(f"CREATE TABLE {name} ({columns})")
            base.executemany("INSERT INTO header VALUES (?, ?)", sorted(charter.facts.items()))
            rows = [(party.number, party.name, party.micro_opening, party.key) for party in charter.parties]
            base.executemany("INSERT INTO party VALUES (?, ?, ?, ?)", rows)
            base.execute("COMMIT")
        return cls(path, base)

    @property
    def entries(self) -> int:
        """So far."""
        return self._written + len(self._entries)

    def add(self, entries: Sequence[Entry], signatures: Sequence[Signatures | None]) -> None:
        """Entries that a block will be made of, or that stay without one; a signature for each trade, if any."""
        first = self.entries
        self._entries += [(first + k, *entry) for k, entry in enumerate(entries)]
        self._signatures += [pair for pair in signatures if pair]

    def end_block(self, block: Block, signature: bytes) -> None:
        """The block over the entries just added."""
        self._blocks.append((
            block.height, block.slot, block.first, block.count, block.miner, block.nonce, block.previous, block.root,
            block.digest, signature,
        ))  # fmt: skip
        if len(self._entries) >= BATCH:
            self._commit()

    def close(self, closing: Closing, signature: bytes) -> None:
        """Writes what waits, and the closing."""
        self._commit()
        last = closing.blocks, closing.entries, closing.pending, closing.head, closing.pending_root, signature
        with _writing(self.path):
            self.base.execute("INSERT INTO closing VALUES (?, ?, ?, ?, ?, ?)", last)

    def _commit(self) -> None:
        with _writing(self.path):
            self.base.execute("BEGIN")
            for name, rows in (("entry", self._entries), ("signature", self._signatures), ("block", self._blocks)):
                if rows:
                    places = ", ".join("?" * len(rows[0]))
                    self.base.executemany(f"INSERT INTO {name} VALUES ({places})", rows)
            self.base.execute("COMMIT")
        self._written += len(self._entries)
        self._entries, self._signatures, self._blocks = [], [], []


@contextmanager
def _writing(path: Path | None) -> Iterator[None]:
    """Whatever the disk refuses becomes a ScenarioError."""
    import sqlite3

    try:
        yield
    except sqlite3.Error as error:
        where, rule = path or "ledger", "§16: whole or not at all"
        remedy = "free some space, or choose a place you may write with --output"
        raise ScenarioError(f"{where}: cannot be written: {error} ({rule}); {remedy}") from error
