"""The ledger as a sink: journals records, adds blocks at the end of every slot, and writes them down."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from ..accounts import Account
from ..record import Record
from ..streams import Streams
from ._blocks import Block, Closing, root
from ._closed import Closed
from ._file import LedgerFile
from ._journal import Journal, Journalist
from ._keys import BLOCK, CLOSING, Keyring
from ._lines import REASONS, REWARD, ROUNDING
from ._opening import Charter, Opening
from ._replay import Replay
from ._waiting import Signer, Waiting

if TYPE_CHECKING:
    from ._chained import Chained


@dataclass
class Book:
    """A sink. Use as a context: it lets go of its file at the end."""

    rules: Chained
    charter: Charter
    file: LedgerFile
    signer: Signer
    journalist: Journalist
    replay: Replay
    streams: Streams
    _head: bytes
    """Hash of the last block."""
    _waiting: Waiting = field(default_factory=Waiting)
    _blocks: list[tuple[int, int, int]] = field(default_factory=list)
    """Of each block: slot, trades up to its end, miner."""
    _roundings: int = 0

    @classmethod
    def opened(cls, rules: Chained, opening: Opening, place: Path | None) -> Book:
        """A ledger that begins. Raises DataError for wrong keys, ScenarioError where it cannot be written."""
        keyring = Keyring.of(rules, opening)
        charter = Charter.of(opening, rules, keyring)
        return cls(
            rules, charter, LedgerFile.created(charter, place), Signer(keyring, charter.chain),
            Journalist.of(opening, charter.held), Replay.of(charter),
            Streams(opening.seed, opening.draw), charter.chain,
        )  # fmt: skip

    def take(self, record: Record) -> None:
        """Journals a record and adds its blocks. Raises AuditError where the entries do not lead to its wallets."""
        journal = self.journalist.entries(record)
        self.replay.follow(record, journal)
        self._roundings += int((journal.reason == REASONS.index(ROUNDING)).sum())
        entries = Waiting.of(journal, self.journalist.reasons.names, self.signer)
        first, slots = record.clock.first, record.clock.slots
        edges = np.searchsorted(journal.slot, first + np.arange(slots + 1)).tolist()
        for t in range(slots):
            self._waiting = self._waiting.with_more(entries.part(edges[t], edges[t + 1]))
            self._end_slot(first + t)

    def close(self) -> Closed:
        """Writes the closing and follows the whole chain. Raises AuditError where it does not hold."""
        from ._check import check

        waiting = self._waiting
        self.file.add(waiting.entries, waiting.signatures)
        pending_root = root(waiting.hashes) if waiting.count else bytes(32)
        closing = Closing(len(self._blocks), self.file.entries, waiting.count, self._head, pending_root)
        self.file.close(closing, self.signer.operator(CLOSING, closing.packed))
        check(self.file.base, signatures=False)
        slots, trades, miners = np.array(self._blocks, np.int64).reshape(-1, 3).T
        return Closed(
            chain=self.charter.chain.hex(), head=self._head.hex(), keys=self.charter.facts["keys"],
            kind=self.rules.kind, entries=self.file.entries, trades=self.journalist.trades, pending=waiting.count,
            roundings=self._roundings, block_slots=slots, block_trades=trades, block_miners=miners,
            micro_reward=self.rules.micro_reward,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.base.close()

    def _end_slot(self, slot: int) -> None:
        """Adds blocks until nothing waits, or a miner gives up."""
        waiting, done = self._waiting, 0
        reward = self._reward(slot) if waiting.count else Waiting()
        while done < waiting.count:
            part = waiting.part(done, done + self.rules.block_size).with_more(reward)
            number, first = len(self._blocks), self.file.entries
            block = Block(number, slot, first, part.count, -1, self._head, root(part.hashes))
            added = self.rules.sealed(block, self.streams)
            if added is None:
                break
            self._add(added, part)
            done += self.rules.block_size
        self._waiting = waiting.part(done, waiting.count)

    def _add(self, block: Block, part: Waiting) -> None:
        trades = self._blocks[-1][1] if self._blocks else 0
        self._blocks.append((block.slot, trades + part.trades, block.miner))
        self._head = block.digest
        self.file.add(part.entries, part.signatures)
        self.file.end_block(block, self.signer.operator(BLOCK, block.digest))

    def _reward(self, slot: int) -> Waiting:
        """What the mint pays for each block of a slot."""
        amount = self.rules.micro_reward
        if not amount:
            return Waiting()
        one = {name: np.array([value]) for name, value in (
            ("slot", slot), ("trade", -1), ("payer", Account.MINT), ("payee", Account.MINERS), ("micro_kwh", 0),
            ("micro_money", amount), ("reason", REASONS.index(REWARD)),
        )}  # fmt: skip
        return Waiting.of(Journal(**one), list(REASONS), self.signer)
