"""Entries on their way into a block: hashed, and signed by those who trade."""

from __future__ import annotations

from dataclasses import dataclass, field

from ._blocks import SIZE, leaves, packed
from ._file import Entry, Signatures
from ._journal import Journal
from ._keys import TRADE, Keyring


@dataclass(frozen=True)
class Signer:
    """Signs for everybody, or for nobody."""

    keyring: Keyring | None
    chain: bytes

    def trades(self, entries: list[Entry], content: bytes) -> list[Signatures | None]:
        """Buyers' and sellers' signatures of the trades among entries, whose bytes are `content`."""
        if self.keyring is None:
            return [None] * len(entries)
        keys, start = self.keyring.members, TRADE + self.chain
        found: list[Signatures | None] = []
        for k, (trade, _, buyer, seller, *_) in enumerate(entries):
            message = start + content[k * SIZE : (k + 1) * SIZE]
            found.append((trade, keys[buyer].sign(message), keys[seller].sign(message)) if trade >= 0 else None)
        return found

    def operator(self, what: bytes, message: bytes) -> bytes:
        """The operator's signature; nothing where nobody signs."""
        return self.keyring.operator.sign(what + self.chain + message) if self.keyring else b""


@dataclass
class Waiting:
    """Entries without a block, oldest first, with their hashes and the signatures of trades."""

    entries: list[Entry] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    signatures: list[Signatures | None] = field(default_factory=list)

    @classmethod
    def of(cls, journal: Journal, reasons: list[str], signer: Signer) -> Waiting:
        """The entries of a journal."""
        content = packed(journal.numbers, reasons, journal.reason)
        hashes, words = leaves(content), [reasons[k] for k in journal.reason.tolist()]
        entries = list(zip(*(column.tolist() for column in journal.numbers), words, hashes, strict=True))
        return cls(entries, hashes, signer.trades(entries, content))

    @property
    def count(self) -> int:
        """How many."""
        return len(self.entries)

    @property
    def trades(self) -> int:
        """How many of them are trades."""
        return sum(entry[0] >= 0 for entry in self.entries)

    def part(self, start: int, stop: int) -> Waiting:
        """The entries from `start` to `stop`."""
        return Waiting(self.entries[start:stop], self.hashes[start:stop], self.signatures[start:stop])

    def with_more(self, other: Waiting) -> Waiting:
        """These, then others."""
        return Waiting(
            self.entries + other.entries, self.hashes + other.hashes, self.signatures + other.signatures
        )  # fmt: skip
