"""What is known of a ledger once it is closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..noun import Index
from ._units import MICRO


@dataclass(frozen=True)
class Closed:
    """A ledger that is closed, and whose chain has been followed from end to end."""

    chain: str
    """Hash of its opening: tells this ledger from any other."""
    head: str
    """Hash of the last block: whoever knows it knows when anything before has changed."""
    keys: str
    """Where the keys come from that it is signed with."""
    kind: str
    entries: int
    trades: int
    pending: int
    """Entries that no block holds, since miners gave up."""
    roundings: int
    """Entries that only bring running totals back by a unit."""
    block_slots: Index
    """Slot at whose end each block was added. (B,)"""
    block_trades: Index
    """Trades in each block and all before. (B,)"""
    block_miners: Index
    """Number of each block's miner; -1 where nobody mines. (B,)"""
    micro_reward: int
    """For each block, in millionths of the currency."""

    @property
    def blocks(self) -> int:
        """How many."""
        return int(self.block_slots.size)

    def block_of(self, trades: Index) -> Index:
        """The block that holds each trade, by the trade's number in the run; -1 for one that is pending."""
        block = np.searchsorted(self.block_trades, trades, side="right")
        return np.where(block < self.blocks, block, -1)

    def blocks_in(self, slots: int) -> Index:
        """Blocks added in each slot of the run. (T,)"""
        return np.bincount(self.block_slots, minlength=slots)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the result has to know."""
        one = "1 entry is" if self.pending == 1 else f"{self.pending} entries are"
        return (f"ledger: {one} pending at the end, since miners gave up",) if self.pending else ()

    @property
    def miners(self) -> list[dict[str, Any]]:
        """Each miner that found a block, with its blocks and rewards."""
        numbers, blocks = np.unique(self.block_miners[self.block_miners >= 0], return_counts=True)
        found = zip(numbers.tolist(), blocks.tolist(), strict=True)
        return [{"miner": n, "blocks": count, "reward": count * self.micro_reward / MICRO} for n, count in found]

    def summary(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        counted = ("kind", "entries", "trades", "blocks", "pending", "roundings", "chain", "head", "keys")
        mined = {"miners": self.miners} if self.miners else {}
        return {name: getattr(self, name) for name in counted} | {"valid": True} | mined
