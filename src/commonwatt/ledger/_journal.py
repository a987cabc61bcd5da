"""Records as entries in whole numbers, and the proof that these lead to the wallets of the record."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..accounts import Account
from ..errors import AuditError
from ..noun import Array, Index, RowIndex, dense
from ..record import Record
from ._lines import REASONS, ROUNDING, Lines, Reasons, Rows, lines_of, trades_of
from ._opening import Opening
from ._units import MICRO

LARGEST = 2.0**52
"""Units up to which a float tells one from the next."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Journal(Rows):
    """Entries, in millionths of a kWh and of the currency.

    Energy is never negative; money is where somebody is paid for taking energy.
    """

    micro_kwh: RowIndex
    micro_money: RowIndex

    @property
    def numbers(self) -> tuple[Index, ...]:
        """All columns but the reason, as they are written and hashed."""
        return self.trade, self.slot, self.payer, self.payee, self.micro_kwh, self.micro_money


@dataclass
class Stock:
    """What everybody holds of money, or has got of energy: in whole units and exactly. (P,) each"""

    whole: Index
    exact: Array

    def moved(self, starts: Index, giver: Index, taker: Index, amounts: Array) -> Array:
        """What everybody holds exactly at the end of every slot, once these amounts (R,) have moved. (T, P)"""
        from .._sums import running

        moves = np.zeros((starts.size - 1, self.exact.size))
        slot = np.repeat(np.arange(len(moves)), np.diff(starts))
        np.add.at(moves, (slot, giver), -amounts)
        np.add.at(moves, (slot, taker), amounts)
        levels: Array = running(self.exact, moves)
        return levels

    def rounded(self, starts: Index, giver: Index, taker: Index, amounts: Array, levels: Array) -> tuple[Index, Index]:
        """Amounts (R,) in whole units, and units moved besides (X, 3): slot, giver, taker."""
        from ._rounding import rounded

        whole, besides = rounded(starts, giver, taker, dense(amounts), self.exact, dense(levels), self.whole)
        self.exact = levels[-1]
        return whole, besides


@dataclass
class Journalist:
    """Writes records down, one after the other."""

    members: int
    efficiency: float
    money: Stock
    energy: Stock
    reasons: Reasons = field(default_factory=lambda: Reasons(list(REASONS)))
    trades: int = 0
    """So far."""

    @classmethod
    def of(cls, opening: Opening, held: Index) -> Journalist:
        """At the start, when everybody holds so many whole units."""
        exact = np.concatenate([opening.wallets, np.zeros(len(Account))]) * MICRO
        nothing = Stock(np.zeros(held.size, np.int64), np.zeros(held.size))
        return cls(len(opening.names), opening.efficiency, Stock(held.copy(), exact), nothing)

    def entries(self, record: Record) -> Journal:
        """A record's entries, slot by slot. Raises AuditError for amounts that no ledger can hold."""
        trades = trades_of(record, self.efficiency)
        lines = lines_of(record, trades, self.trades, self.reasons)
        self.trades += trades.kwh.size
        held = purses(record) * MICRO
        _check(record, lines, held)
        starts = np.searchsorted(lines.slot, record.clock.first + np.arange(record.clock.slots + 1))
        payer, payee = places(lines.payer, self.members), places(lines.payee, self.members)
        flown = self.energy.moved(starts, payee, payer, lines.kwh * MICRO)
        kwh, delivered = self.energy.rounded(starts, payee, payer, lines.kwh * MICRO, flown)
        money, paid = self.money.rounded(starts, payer, payee, lines.money * MICRO, held)
        rows = _journal(lines, kwh, money)
        if not len(delivered) and not len(paid):
            return rows
        besides = [self._besides(record, delivered[:, [0, 2, 1]], 1, 0), self._besides(record, paid, 0, 1)]
        return Journal.joined(rows, *besides).in_order()

    def _besides(self, record: Record, moved: Index, kwh: int, money: int) -> Journal:
        """Single units from payer to payee that bring running totals back: slot, payer, payee (X, 3)."""
        rows, members = len(moved), self.members
        payer, payee = (np.where(who < members, who, members - 1 - who) for who in (moved[:, 1], moved[:, 2]))
        return Journal(
            slot=record.clock.first + moved[:, 0], trade=np.full(rows, -1), payer=payer, payee=payee,
            micro_kwh=np.full(rows, kwh), micro_money=np.full(rows, money),
            reason=np.full(rows, self.reasons.place(ROUNDING)),
        )  # fmt: skip


def purses(record: Record) -> Array:
    """Wallets of members, then tills of accounts, at the end of every slot. (T, P) [money]"""
    return np.hstack([record.columns["wallet_money"], record.columns["till_money"]])


def places(who: Index, members: int) -> Index:
    """Columns of members and accounts: members first."""
    return np.where(who >= 0, who, members - 1 - who)


def _check(record: Record, lines: Lines, held: Array) -> None:
    """Raises AuditError for what no entry can say: other slots, unknown parties, no numbers or too large ones."""
    first, (slots, members) = record.clock.first, record.access.shape
    where = f"L1 broken in slots from {first} on"
    for name, values, low, high in (
        ("slot", lines.slot, first, first + slots), ("payer", lines.payer, -len(Account), members),
        ("payee", lines.payee, -len(Account), members),
    ):  # fmt: skip
        wrong = values[(values < low) | (values >= high)]
        if wrong.size:
            raise AuditError(f"{where}: an entry has {name} {wrong[0]} (§5: there is none such)")
    for name, amounts in (("energy", lines.kwh * MICRO), ("money", lines.money * MICRO), ("a wallet", held)):
        if not (np.abs(amounts) < LARGEST).all():
            raise AuditError(f"{where}: {name} is not finite, or above {LARGEST / MICRO:.0g} (§4)")


def _journal(lines: Lines, kwh: Index, money: Index) -> Journal:
    """Entries with energy above 0, or else money; what is neither is left out, but for trades."""
    trade = lines.trade >= 0
    turned = ~trade & ((kwh < 0) | ((kwh == 0) & (money < 0)))
    sign = np.where(turned, -1, 1)
    rows = Journal(
        slot=lines.slot, trade=lines.trade, payer=np.where(turned, lines.payee, lines.payer),
        payee=np.where(turned, lines.payer, lines.payee), micro_kwh=sign * kwh, micro_money=sign * money,
        reason=lines.reason,
    )  # fmt: skip
    return rows.kept(trade | (kwh != 0) | (money != 0))
