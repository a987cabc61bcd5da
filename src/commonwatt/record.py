"""The stored form of a window: plain columns and tables. Audit, sums, ledger and store read nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from .accounts import Entries
from .clock import Clock
from .flow import Array, Bans, Index, Mask, Planned, Trades, Window


@dataclass(frozen=True)
class Record:
    """What is kept of a window. Columns are (T, N), (T, K) for devices or (T, A) for accounts."""

    clock: Clock
    columns: dict[str, Array]
    access: Mask
    entries: Entries
    trades: Trades | None
    banned_slots: Index
    """Slots that each member is still banned, at the start of each slot. (T, N)"""
    one_meter: bool
    bans: Bans
    """Decided in it."""
    plan: Planned | None = None
    """Made in its first slot. Audited with the rest, and not stored."""

    @classmethod
    def of(cls, window: Window) -> Record:
        """Of a window just simulated."""
        return cls(
            clock=window.schedule.clock,
            columns=window.columns(),
            access=window.access,
            entries=window.bills.entries,
            trades=window.clearing.trades,
            banned_slots=_banned(window),
            one_meter=window.clearing.one_meter,
            bans=window.bans,
            plan=window.schedule.plan,
        )

    def fees(self) -> Iterator[tuple[str, str, Array]]:
        """Reason, payee and money (T, N) of every fee."""
        for name, money in self.columns.items():
            if name.startswith("fee_money:"):
                reason, _, payee = name.removeprefix("fee_money:").partition(">")
                yield reason, payee, money

    def changed(self, column: str, values: Array) -> Record:
        """The same with another column."""
        return replace(self, columns={**self.columns, column: values})


def _banned(window: Window) -> Index:
    """Bans run out slot by slot; new ones begin with the next window. (T, N)"""
    left, shape = window.before.banned_slots, window.access.shape
    if not left.any():
        return np.broadcast_to(np.int64(0), shape)
    remaining: Index = np.maximum(left - np.arange(shape[0])[:, None], 0)
    return remaining
