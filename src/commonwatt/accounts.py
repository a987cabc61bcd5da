"""Double entry: who may be paid, and single payments between two of them (conventions §5)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated

import numpy as np

from .noun import Array, Row, RowIndex, Table, Words


class Account(IntEnum):
    """Everybody who is not a member. Members are 0, 1, 2, ...; these are negative."""

    OPERATOR = -1
    RETAILER = -2
    NETWORK = -3
    STATE = -4
    FUND = -5
    REGULATOR = -6
    LOSSES = -7
    MINT = -8
    MINERS = -9

    @property
    def column(self) -> int:
        """Column in an array of accounts."""
        return -1 - self


@dataclass(frozen=True, eq=False, kw_only=True)
class Entries(Table):
    """Payments that are no price times a quantity: a sparse table, one row per payment."""

    slot: RowIndex
    payer: RowIndex
    payee: RowIndex
    amount: Row
    reason: Annotated[Words, "R"]

    @classmethod
    def none(cls) -> Entries:
        """No payment."""
        empty = np.empty(0, np.int64)
        return cls(slot=empty, payer=empty, payee=empty, amount=np.empty(0), reason=np.empty(0, "U1"))

    @classmethod
    def of(cls, slot: int, owed: Array, payee: Account, reason: str) -> Entries:
        """What each member owes `payee` (negative: is owed). `owed` (N,); less than 1e-9 leaves no row (§5)."""
        who = np.flatnonzero(abs(owed) > 1e-9)
        other = np.full(who.size, payee, dtype=np.int64)
        owes = owed[who] > 0
        return cls(
            slot=np.full(who.size, slot, dtype=np.int64),
            payer=np.where(owes, who, other),
            payee=np.where(owes, other, who),
            amount=np.abs(owed[who]),
            reason=np.full(who.size, reason),
        )

    @property
    def rows(self) -> int:
        """How many."""
        return int(self.amount.size)

    def owed(self, first: int, shape: tuple[int, int]) -> Array:
        """What each member owes by these rows, net. (T, N) from slot `first`. [money]"""
        from ._sums import add_rows_at

        owed, slot = np.zeros(shape), self.slot - first
        for who, sign in ((self.payer, 1.0), (self.payee, -1.0)):
            add_rows_at(owed, slot, who, self.amount, sign)
        return owed

    def received(self, first: int, slots: int) -> Array:
        """What each account receives by these rows, net. (T, A) from slot `first`. [money]"""
        from ._sums import add_rows_at

        received, slot = np.zeros((slots, len(Account))), self.slot - first
        for who, sign in ((self.payee, 1.0), (self.payer, -1.0)):
            add_rows_at(received, slot, -1 - who, self.amount, sign)
        return received

    def sound(self, members: int) -> bool:
        """Whether every row has two different known sides and an amount above 0."""
        known = all(((who >= -len(Account)) & (who < members)).all() for who in (self.payer, self.payee))
        return known and bool(((self.amount > 0) & (self.payer != self.payee)).all())
