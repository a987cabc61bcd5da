"""What is hashed, to the byte: entries, the tree over a block's entries, and blocks.

The tree is that of RFC 6962 (2.1): leaves and nodes are hashed with different first bytes, and a node without a
neighbour moves up as it is.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import numpy as np

from ..noun import Index

LEAF, NODE, BLOCK = b"\x00", b"\x01", b"\x02"
"""First byte of what is hashed: so no leaf can pass for a node, and no node for a block."""
NUMBERS = 6
"""Of an entry: trade, slot, payer, payee, energy and money in millionths, each in eight bytes, highest first."""
SIZE = 8 * NUMBERS + 16
"""Of an entry as it is hashed: its numbers, and the first half of the SHA-256 of its reason. [bytes]"""
HEADER, CLOSED = struct.Struct(">QQQQq32s32s"), struct.Struct(">QQQ32s32s")


def packed(numbers: Sequence[Index], reasons: Sequence[str], reason: Index) -> bytes:
    """Entries one after the other, as they are hashed: `reason` (R,) says which of `reasons` each one has."""
    table = np.empty((reason.size, SIZE // 8), ">i8")
    for k, values in enumerate(numbers):
        table[:, k] = values
    digests = b"".join(sha256(text.encode()).digest()[:16] for text in reasons)
    table[:, NUMBERS:] = np.frombuffer(digests, ">i8").reshape(-1, 2)[reason]
    return table.tobytes()


def leaves(entries: bytes) -> list[bytes]:
    """The hash of every entry."""
    return [sha256(LEAF + entries[k : k + SIZE]).digest() for k in range(0, len(entries), SIZE)]


def root(hashes: list[bytes]) -> bytes:
    """The hash over all leaves, of which there is at least one."""
    while len(hashes) > 1:
        hashes = _above(hashes)
    return hashes[0]


def path(hashes: list[bytes], k: int) -> list[bytes]:
    """The neighbours that lead from leaf `k` to the root."""
    found = []
    while len(hashes) > 1:
        if k ^ 1 < len(hashes):
            found.append(hashes[k ^ 1])
        hashes, k = _above(hashes), k // 2
    return found


def climbed(leaf: bytes, k: int, count: int, neighbours: Sequence[bytes]) -> bytes | None:
    """The root that leaf `k` of `count` leads to; none for no such leaf, or the wrong number of neighbours."""
    if not 0 <= k < count:
        return None
    waiting = list(reversed(neighbours))
    while count > 1:
        if k ^ 1 < count:
            if not waiting:
                return None
            other = waiting.pop()
            leaf = sha256(NODE + (other + leaf if k & 1 else leaf + other)).digest()
        k, count = k // 2, (count + 1) // 2
    return None if waiting else leaf


def _above(hashes: list[bytes]) -> list[bytes]:
    pairs = zip(hashes[::2], hashes[1::2], strict=False)
    return [sha256(NODE + left + right).digest() for left, right in pairs] + hashes[len(hashes) & ~1 :]


@dataclass(frozen=True)
class Block:
    """A block's header: `count` entries from number `first` on, added at the end of `slot`."""

    height: int
    slot: int
    first: int
    count: int
    miner: int
    """Number of the miner; -1 where nobody mines."""
    previous: bytes
    """Hash of the block before; of the ledger's head for the first."""
    root: bytes
    nonce: int = 0

    @cached_property
    def without_nonce(self) -> bytes:
        """What is hashed before the nonce."""
        numbers = self.height, self.slot, self.first, self.count, self.miner
        return BLOCK + HEADER.pack(*numbers, self.previous, self.root)

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the header."""
        return sha256(self.without_nonce + self.nonce.to_bytes(8, "big")).digest()


@dataclass(frozen=True)
class Closing:
    """The last word of a ledger: nothing comes after it."""

    blocks: int
    entries: int
    pending: int
    """Entries that no block holds."""
    head: bytes
    """Hash of the last block; of the ledger's opening where there is none."""
    pending_root: bytes
    """Over the hashes of pending entries; zeros where there are none."""

    @property
    def packed(self) -> bytes:
        """What the operator signs."""
        return CLOSED.pack(self.blocks, self.entries, self.pending, self.head, self.pending_root)
