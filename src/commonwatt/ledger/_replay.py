"""Wallets and tills as the entries of a ledger alone lead to them, held against those of a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..accounts import Account
from ..errors import AuditError
from ..noun import Index
from ..record import Record
from ._journal import Journal, places, purses
from ._lines import REWARD
from ._opening import Charter
from ._read import opened, read_charter, whole
from ._units import MICRO

if TYPE_CHECKING:
    import sqlite3

ROOM = 1e-6
"""By how much floats may be off beside the one unit that rounding may. [units]"""


@dataclass
class Replay:
    """Everybody's money, entry by entry."""

    held: Index
    """In millionths, members first. (P,)"""
    names: tuple[str, ...]
    trades: int = 0
    """So far."""

    @classmethod
    def of(cls, charter: Charter) -> Replay:
        """At the start."""
        return cls(charter.held, charter.names)

    def follow(self, record: Record, journal: Journal) -> None:
        """Moves on by a record's entries, rewards left out.

        Raises AuditError where a wallet or till is off by more than one unit, or a trade is missing.
        """
        due, first = purses(record) * MICRO, record.clock.first
        moves, members = np.zeros(due.shape, np.int64), due.shape[1] - len(Account)
        for who, sign in ((journal.payer, -1), (journal.payee, 1)):
            np.add.at(moves, (journal.slot - first, places(who, members)), sign * journal.micro_money)
        reached = self.held + np.cumsum(moves, axis=0)
        off = np.abs(reached - due)
        if not (off <= 1.0 + ROOM + 1e-12 * np.abs(due)).all():
            worst = np.unravel_index(int(np.nan_to_num(off, nan=np.inf).argmax()), off.shape)
            told = f"{self.names[worst[1]]} has {reached[worst]} millionths by the ledger, {due[worst]:.1f} by the run"
            raise AuditError(f"L1 broken at slot {first + worst[0]}: {told} (§4: they differ by one at most)")
        self.held = reached[-1]
        self._count(record, journal)

    def _count(self, record: Record, journal: Journal) -> None:
        """Every trade has one entry, and these are numbered one by one."""
        numbers = journal.trade[journal.trade >= 0]
        made = numbers.size if record.trades is None else record.trades.kwh.size
        if numbers.size != made or (numbers != self.trades + np.arange(numbers.size)).any():
            where = f"slots from {record.clock.first} on"
            raise AuditError(f"L1 broken in {where}: {numbers.size} of {made} trades stand in the ledger, in order")
        self.trades += numbers.size


@dataclass
class Followed:
    """A sink: holds the entries of a stored ledger against the records of its run."""

    base: sqlite3.Connection
    replay: Replay

    @classmethod
    @contextmanager
    def opened(cls, place: Path) -> Iterator[Followed]:
        """Of a run's folder. Raises DataError where there is no ledger, AuditError where it cannot be read as one."""
        with opened(place) as base:
            yield cls(base, Replay.of(read_charter(base)))

    def take(self, record: Record) -> None:
        """The next record. Raises AuditError where the entries do not lead to its wallets."""
        self.replay.follow(record, self._entries(record.clock.first, record.clock.slots))

    def _entries(self, first: int, slots: int) -> Journal:
        names = ("slot", "trade", "payer", "payee", "micro_kwh", "micro_money")
        found = self.base.execute(
            f"SELECT {', '.join(names)} FROM entry WHERE slot >= ? AND slot < ? AND reason != ? ORDER BY number",
            (first, first + slots, REWARD),
        ).fetchall()
        columns = list(zip(*found, strict=True)) or [()] * len(names)
        numbers = {name: whole(column) for name, column in zip(names, columns, strict=True)}
        return Journal(**numbers, reason=np.zeros(len(found), np.int64))
